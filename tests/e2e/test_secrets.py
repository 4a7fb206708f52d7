"""A canary in every secret setting, and whatever may make a program speak: none of them
is ever seen outside."""

import os
import re
import subprocess
import urllib.parse

from harness import rest, until
from harness.journey import Journey
from harness.programs import EVERYTHING, names_of

# The secrets that the demo does not set; the rest are new in every run.
CANARIES = {
    "DOCUSEAL_WEBHOOK_SECRET_PREVIOUS": "whsec_canary-webhook-previous",
    "DOCUSEAL_WEBHOOK_HEADER": "X-Docuseal-Secret",
    "DOCUSEAL_WEBHOOK_HEADER_VALUE": "canary-header-value",
    "DOCUSEAL_WEBHOOK_HEADER_VALUE_PREVIOUS": "canary-header-previous",
    "DIRECTUS_FLOW_SECRET_PREVIOUS": "canary-flow-previous",
    "INVOICE_NINJA_WEBHOOK_SECRET_PREVIOUS": "canary-ninja-previous",
    "INVOICE_NINJA_WEBHOOK_SECRET_TAKEOUT_PREVIOUS": "canary-takeout-previous",
    "MAUTIC_WEBHOOK_SECRET_PREVIOUS": "canary-mautic-previous",
    "KAFKA_SASL_PASSWORD": "canary-kafka-password",
}
NO_SECRETS = ("DOCUSEAL_WEBHOOK_HEADER",)
PASSWORD = "canary-database-password"
CLOSED = "postgresql://relais:%s@127.0.0.1:1/relais" % PASSWORD

REDIS_PASSWORD = "canary-redis-password"
NAMES = names_of(EVERYTHING)

# Settings of which a value has to be looked for, whatever the programs call secret.
SECRET = {
    "CAPTURE_DATABASE_URL", "DATABASE_URL", "DIRECTUS_DATABASE_URL", "DIRECTUS_FLOW_SECRET",
    "DIRECTUS_TOKEN", "DOCUSEAL_API_KEY", "DOCUSEAL_WEBHOOK_SECRET",
    "INVOICE_NINJA_KEY_DAINAMICS", "INVOICE_NINJA_KEY_ENKI",
    "INVOICE_NINJA_KEY_HYPERVISUAL", "INVOICE_NINJA_KEY_LEXAIA",
    "INVOICE_NINJA_KEY_TAKEOUT", "INVOICE_NINJA_WEBHOOK_SECRET", "MAUTIC_CLIENT_SECRET",
    "MAUTIC_WEBHOOK_SECRET", "REDIS_URL",
} | {name for name in CANARIES if name not in (*NO_SECRETS, "KAFKA_SASL_PASSWORD")}

NO_EVENTS = {"relais.probe"}  # what deploy/lib/kafka.sh sees by that Kafka takes records

# Who has a signing link can sign. These hold in full what DocuSeal said.
WITH_LINKS = ("topic docuseal.webhooks", "what was in parked_event")

# What passes through these tables is kept for the test to look at.
SEEN = """
    CREATE TABLE relais.e2e_seen (place text, row text);
    CREATE FUNCTION relais.e2e_see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO relais.e2e_seen VALUES (TG_TABLE_NAME, concat_ws(' ',
            encode(NEW.headers, 'escape'), encode(NEW.payload, 'escape'),
            (to_jsonb(NEW) - 'headers' - 'payload')::text));
        RETURN NULL; END $$;
    CREATE TRIGGER e2e_see AFTER INSERT OR UPDATE ON relais.outbox
        FOR EACH ROW EXECUTE FUNCTION relais.e2e_see();
    CREATE TRIGGER e2e_see AFTER INSERT OR UPDATE ON relais.parked_event
        FOR EACH ROW EXECUTE FUNCTION relais.e2e_see();"""
UNSEEN = """
    DROP FUNCTION IF EXISTS relais.e2e_see CASCADE;
    DROP TABLE IF EXISTS relais.e2e_seen;"""

FAULTS = ("500", "html", "redirect", "429", "cut_before", "cut_during")


class Secrets(Journey):
    @classmethod
    def setUpClass(cls):
        url = cls.system.env["REDIS_URL"]
        cls.lock_redis(REDIS_PASSWORD)
        cls.addClassCleanup(cls.lock_redis, "", REDIS_PASSWORD)
        cls.settings = {
            **Journey.settings, **CANARIES, "INVOICE_NINJA_TOO_MANY_WAIT_MS": "1s",
            "REDIS_URL": url.replace("//", "//default:%s@" % REDIS_PASSWORD),
            "DIRECTUS_DATABASE_URL": cls.system.reader_url()}
        super().setUpClass()
        ledger = cls.system.env["DATABASE_URL"]
        cls.system.execute(ledger, UNSEEN + SEEN)
        cls.addClassCleanup(cls.system.execute, ledger, UNSEEN)
        header = "%s: %s" % (CANARIES["DOCUSEAL_WEBHOOK_HEADER"],
                             CANARIES["DOCUSEAL_WEBHOOK_HEADER_VALUE"])
        cls.simulator.config(webhook_static_header=header)
        cls.addClassCleanup(cls.simulator.config, webhook_static_header="")
        cls.said = []  # what was answered to us

    @classmethod
    def redis(cls, password, *words):
        """What redis-cli prints; the password is in its environment."""
        return subprocess.run(
            ["redis-cli", "-e", "-p", cls.system.env["STACK_REDIS_PORT"], *words],
            env={"PATH": os.environ["PATH"], "REDISCLI_AUTH": password},
            check=True, capture_output=True, text=True).stdout

    @classmethod
    def lock_redis(cls, password, before=""):
        """Redis wants this password from now on; none if it is empty."""
        cls.redis(before, "CONFIG", "SET", "requirepass", password)

    def secrets(self):
        """Every secret of every program, by the programs' own tables of settings."""
        found, names = {PASSWORD: "the password of wrong settings"}, set()
        for name in NAMES:
            program = self.system[name]
            pattern = re.compile("|".join(secret_settings(program)))
            for setting, value in program.settings.items():
                if value and pattern.fullmatch(setting):
                    names.add(setting)
                    found.update({part: "%s of %s" % (setting, name)
                                  for part in parts_of(value)})
        self.assertEqual(SECRET - names, set())
        found.update({value: name for name, value in CANARIES.items()
                      if name not in NO_SECRETS})
        found[self.token()] = "Mautic's token"
        return found

    def token(self):
        """What Mautic gave in exchange for the client's secret, as Redis shares it."""
        (key,) = self.redis(REDIS_PASSWORD, "KEYS", "relais:mautic:*").split()
        return self.redis(REDIS_PASSWORD, "GET", key).split()[-1]

    def test_no_secret_is_seen_whatever_happens(self):
        links = self.provoke_everything()
        seen = self.everything_outside()
        secrets = self.secrets()
        for place, content in seen.items():
            self.assertTrue(content.strip(), place)
            for secret, name in secrets.items():
                if secret in content:
                    self.fail("%s in %s" % (name, place))
        for place, content in seen.items():
            if place not in WITH_LINKS and any(link in content for link in links):
                self.fail("a signing link in " + place)

    def provoke_everything(self):
        """Things that work and things that fail; the signing links that were made."""
        quote = self.journey("HYPERVISUAL")
        refused = self.new_quote(contact=self.new_contact(email="zoe@invalid"))
        self.send(refused)
        self.becomes(refused, "sent", "failed")
        failing = self.failing_journey("LEXAIA")
        self.wrong_webhooks()
        self.wrong_records()
        self.wrong_settings()
        self.at_rest()
        return [signer["slug"] for each in (quote, failing)
                for row in self.submissions(each) for signer in row["submitters"]]

    def journey(self, owner, spoil=lambda quote, email: None):
        """From sent to the client's welcome; the quote."""
        firm, contact, email = self.new_client(owner)
        quote = self.new_quote(owner, contact, company_id=firm)
        spoil(quote, email)
        self.send(quote)
        self.simulator.sign(self.requested(quote, 120))
        row = self.deposit(quote, 120)
        self.pay(owner, row)
        self.quote_is(quote, "completed", 120)
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 120)
        return quote

    def failing_journey(self, owner):
        """Each provider fails in every way."""
        def spoil(quote, email):
            for kind in FAULTS:
                self.simulator.fault(kind, match=quote)
                self.ninja.fault(kind, match=owner, path_prefix="/api/v1/invoices")
                self.mautic.fault(kind, match=email, path_prefix="/api/")

        quote = self.journey(owner, spoil)
        for simulator in (self.simulator, self.ninja, self.mautic):
            unused = [row for row in simulator.faults() if not row["hits"]]
            self.assertEqual(unused, [])
        return quote

    def wrong_records(self):
        """A command that is none, for each program; its dead letter."""
        for name in ("docuseal", "invoice-ninja", "mautic", "orchestrator"):
            self.system.produce(name + ".commands", "quote:wrong", b"{", {})
            self.until("the dead letter of " + name, lambda name=name: [
                row for row in self.system.records(name + ".dead-letters")
                if row["key"] == "quote:wrong"])

    def wrong_webhooks(self):
        url = self.system.env["WEBHOOK_BASE_URL"]
        headers = {
            "X-Docuseal-Secret": CANARIES["DOCUSEAL_WEBHOOK_HEADER_VALUE"],
            "X-Docuseal-Signature": CANARIES["DOCUSEAL_WEBHOOK_SECRET_PREVIOUS"],
            "X-Ingest-Secret": CANARIES["DIRECTUS_FLOW_SECRET_PREVIOUS"],
            "X-Webhook-Secret": CANARIES["INVOICE_NINJA_WEBHOOK_SECRET_PREVIOUS"],
            "Webhook-Signature": CANARIES["MAUTIC_WEBHOOK_SECRET_PREVIOUS"],
        }
        hooks = ["/api/integrations/%s/webhook" % name for name in EVERYTHING.split(",")]
        for path in (*hooks, "/events/directus", "/no"):
            answer = rest.call("POST", url + path, b"{", headers)
            self.assertGreaterEqual(answer.status, 400)
            self.said.append(rest.text_of(answer) + str(answer.headers))

    def wrong_settings(self):
        """Databases that are away, a URL that is none, a token that is wrong."""
        wrong = (
            ("relais-docuseal", {"DATABASE_URL": CLOSED}, "cannot connect"),
            ("relais-docuseal", {"DATABASE_URL": PASSWORD}, "Postgres URL"),
            ("relais-invoice-ninja", {"DATABASE_URL": CLOSED}, "cannot connect"),
            ("relais-mautic", {"REDIS_URL": PASSWORD}, "REDIS_URL must be"),
            ("relais-orchestrator", {"DATABASE_URL": CLOSED}, "cannot connect"),
            ("relais-capture", {"CAPTURE_DATABASE_URL": CLOSED}, "cannot connect"),
        )
        for name, settings, words in wrong:
            program = self.system[name]
            program.stop()
            program.start(**{**self.settings, **settings})
            until("%s says: %s" % (name, words),
                  lambda program=program, words=words: words in program.tail(20))
        self.system.up(**self.settings)
        for words, settings in ((["status"], {"DATABASE_URL": CLOSED}),
                                (["migrate"], {"CAPTURE_DATABASE_URL": CLOSED}),
                                (["dead", "list"], {"DATABASE_URL": PASSWORD}),
                                (["baseline"], {"DIRECTUS_TOKEN": PASSWORD}),
                                (["doctor"], {"DIRECTUS_DATABASE_URL": CLOSED,
                                              "REDIS_URL": self.settings["REDIS_URL"],
                                              "MAUTIC_CLIENT_SECRET": PASSWORD,
                                              "INVOICE_NINJA_KEY_TAKEOUT": PASSWORD})):
            self.said.append(self.system.relais(
                *words, check=False, both=True, **settings))

    def everything_outside(self):
        """Logs, metrics, topics with their headers, and what commands print."""
        seen = {"answers": "\n".join(self.said)}
        for path in sorted((self.system.run / "log").glob("relais-*.log")):
            if "sim" not in path.name and path.stat().st_size > 0:
                seen["log " + path.name] = path.read_text("utf-8", "replace")
        for name in NAMES:
            seen["metrics of " + name] = self.system[name].metrics()
            for probe in ("/livez", "/readyz"):
                answer = rest.call("GET", self.system[name].admin(probe))
                seen["%s of %s" % (probe, name)] = rest.text_of(answer)
        for topic in set(self.system.topics()) - NO_EVENTS:
            seen["topic " + topic] = self.system.raw_topic(topic, "%k %h %s")
            seen["headers of " + topic] = self.system.raw_topic(topic, "%k %h")
        for quote in self.quotes:
            root = "quote:" + quote
            seen["journey of " + root] = self.system.relais("journey", root)
        commands = (["status"], ["dead", "list"], ["park", "list"], ["effect", "list"],
                    ["dead", "show", self.dead_record()])
        for words in commands:
            seen[" ".join(words)] = self.system.relais(*words)
        seen["the ledger"] = self.ledger_text()
        for table in ("outbox", "parked_event"):
            seen["what was in " + table] = self.lines(
                "SELECT row FROM relais.e2e_seen WHERE place = :'table'", table=table)
        return seen

    def dead_record(self):
        (letter,) = self.dead_letters(self.quotes[1])
        return "%(topic)s/%(partition)d/%(offset)d" % letter

    def ledger_text(self):
        return self.lines(
            "SELECT s::text FROM relais.journey_step s"
            " UNION ALL SELECT a::text FROM relais.attention a"
            " UNION ALL SELECT convert_from(result, 'UTF8') FROM relais.effect"
            " UNION ALL SELECT convert_from(state, 'UTF8') FROM relais.entity_state"
            " UNION ALL SELECT r::text FROM relais.external_ref r")

    def lines(self, query, **values):
        return "\n".join(str(row) for row in self.system.ledger(query, **values))


def secret_settings(program):
    """What the program itself calls secret, as patterns of names."""
    names = re.findall(r"^\| `(\S+)` \| secret ", program.describe(), re.MULTILINE)
    return [name.replace("[", "(").replace("]", ")?").replace("<COMPANY>", r"\w+")
            for name in names] or ["nothing"]


def parts_of(value):
    """The value, and of a URL its password."""
    password = urllib.parse.urlsplit(value).password if "://" in value else None
    return [value, password] if password else [value]
