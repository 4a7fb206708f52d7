"""A canary in every secret setting, and whatever may make a program speak: none of them
is ever seen outside."""

import re
import urllib.parse

from harness import Case, rest, until
from harness.programs import NAMES

# The secrets that the demo does not set; the rest are new in every run.
CANARIES = {
    "DOCUSEAL_WEBHOOK_SECRET_PREVIOUS": "whsec_canary-webhook-previous",
    "DOCUSEAL_WEBHOOK_HEADER": "X-Docuseal-Secret",
    "DOCUSEAL_WEBHOOK_HEADER_VALUE": "canary-header-value",
    "DOCUSEAL_WEBHOOK_HEADER_VALUE_PREVIOUS": "canary-header-previous",
    "DIRECTUS_FLOW_SECRET_PREVIOUS": "canary-flow-previous",
    "KAFKA_SASL_PASSWORD": "canary-kafka-password",
}
NO_SECRETS = ("DOCUSEAL_WEBHOOK_HEADER",)
PASSWORD = "canary-database-password"
CLOSED = "postgresql://relais:%s@127.0.0.1:1/relais" % PASSWORD

TOPICS = ("directus.changes", "docuseal.webhooks", "docuseal.commands",
          "docuseal.dead-letters", "journey.facts")

# Who has a signing link can sign. This holds in full what DocuSeal said.
WITH_LINKS = ("topic docuseal.webhooks",)


class Secrets(Case):
    settings = CANARIES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        header = "%s: %s" % (CANARIES["DOCUSEAL_WEBHOOK_HEADER"],
                             CANARIES["DOCUSEAL_WEBHOOK_HEADER_VALUE"])
        cls.simulator.config(webhook_static_header=header)
        cls.addClassCleanup(cls.simulator.config, webhook_static_header="")
        cls.said = []  # what was answered to us

    def secrets(self):
        """Every secret of every program, by the programs' own tables of settings."""
        found = {PASSWORD: "the password of wrong settings"}
        for name in NAMES:
            program = self.system[name]
            for setting in secret_settings(program):
                value = program.settings.get(setting)
                if value:
                    found.update({part: "%s of %s" % (setting, name)
                                  for part in parts_of(value)})
        found.update({value: name for name, value in CANARIES.items()
                      if name not in NO_SECRETS})
        return found

    def test_no_secret_is_seen_whatever_happens(self):
        links = self.provoke_everything()
        seen = self.everything_outside()
        secrets = self.secrets()
        self.assertGreater(len(secrets), 12, secrets.values())
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
        quote, submission = self.sent_quote()
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        refused = self.new_quote(contact=self.new_contact(email="zoe@invalid"))
        self.send(refused)
        self.becomes(refused, "sent", "failed")
        failing = self.new_quote()
        for kind in ("500", "html", "redirect", "429", "cut_before", "cut_during"):
            self.simulator.fault(kind, match=failing)
        self.send(failing)
        self.requested(failing, 60)
        self.wrong_webhooks()
        self.wrong_settings()
        for each in (quote, refused, failing):
            self.settled(each)
        return [signer["slug"] for each in (quote, failing)
                for row in self.submissions(each) for signer in row["submitters"]]

    def wrong_webhooks(self):
        url = self.system.env["WEBHOOK_BASE_URL"]
        headers = {
            "X-Docuseal-Secret": CANARIES["DOCUSEAL_WEBHOOK_HEADER_VALUE"],
            "X-Docuseal-Signature": CANARIES["DOCUSEAL_WEBHOOK_SECRET_PREVIOUS"],
            "X-Ingest-Secret": CANARIES["DIRECTUS_FLOW_SECRET_PREVIOUS"],
        }
        for path in ("/api/integrations/docuseal/webhook", "/events/directus", "/no"):
            answer = rest.call("POST", url + path, b"{", headers)
            self.assertGreaterEqual(answer.status, 400)
            self.said.append(rest.text_of(answer) + str(answer.headers))

    def wrong_settings(self):
        """Databases that are away, a URL that is none, a token that is wrong."""
        wrong = (
            ("relais-docuseal", {"DATABASE_URL": CLOSED}, "cannot connect"),
            ("relais-docuseal", {"DATABASE_URL": PASSWORD}, "Postgres URL"),
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
                                (["baseline"], {"DIRECTUS_TOKEN": PASSWORD})):
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
        for topic in TOPICS:
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
        return seen

    def dead_record(self):
        (letter,) = self.dead_letters(self.quotes[1])
        return "%(topic)s/%(partition)d/%(offset)d" % letter

    def ledger_text(self):
        rows = self.system.ledger(
            "SELECT s::text FROM relais.journey_step s"
            " UNION ALL SELECT a::text FROM relais.attention a"
            " UNION ALL SELECT convert_from(result, 'UTF8') FROM relais.effect"
            " UNION ALL SELECT convert_from(state, 'UTF8') FROM relais.entity_state"
            " UNION ALL SELECT r::text FROM relais.external_ref r")
        return "\n".join(str(row) for row in rows)


def secret_settings(program):
    """The names of the settings that the program itself calls secret."""
    table = program.describe()
    return re.findall(r"^\| `([A-Z_]+)` \| secret ", table, re.MULTILINE)


def parts_of(value):
    """The value, and of a URL its password."""
    password = urllib.parse.urlsplit(value).password if "://" in value else None
    return [value, password] if password else [value]
