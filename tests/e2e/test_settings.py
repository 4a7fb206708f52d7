"""A setting that is wrong: the log and /readyz name it, and never show its secret."""

import uuid

from harness import Case, rest, until
from harness.billing import ALONE, OWNER, Billing
from harness.directus import Directus

PASSWORD = "canary-password"
AWAY = "postgresql://relais:%s@127.0.0.1:1/relais" % PASSWORD
NO_HOST = "postgresql://relais:%s@no-such-host.invalid/relais" % PASSWORD
NO_URL = "postgres//relais:%s@127.0.0.1/relais" % PASSWORD

# What ends the start, and what is waited for.
SYNTAX = (
    ("relais-docuseal", {"DATABASE_URL": NO_URL}),
    ("relais-orchestrator", {"DATABASE_URL": NO_URL}),
    ("relais-capture", {"CAPTURE_DATABASE_URL": NO_URL}),
    ("relais-capture", {"CAPTURE": "flow", "DATABASE_URL": NO_URL}),
    ("relais-docuseal", {"DIRECTUS_URL": "127.0.0.1:8055"}),
    ("relais-capture", {"CAPTURE": "flow", "DIRECTUS_URL": "127.0.0.1:8055"}),
    ("relais-docuseal", {"KAFKA_BROKERS": "http://127.0.0.1:9092"}),
    ("relais-capture", {"KAFKA_BROKERS": "127.0.0.1:99999"}),
    ("relais-ingest", {"KAFKA_BROKERS": "127.0.0.1:"}),
)
UNREACHABLE = (
    ("relais-docuseal", {"DATABASE_URL": AWAY}, "correct host and port"),
    ("relais-docuseal", {"DATABASE_URL": NO_HOST}, "correct the host"),
    ("relais-capture", {"CAPTURE_DATABASE_URL": AWAY}, "correct host and port"),
    ("relais-capture", {"CAPTURE": "flow", "DATABASE_URL": NO_HOST}, "correct the host"),
    ("relais-docuseal", {"DIRECTUS_URL": "http://127.0.0.1:1"}, "does not answer"),
    ("relais-capture", {"CAPTURE": "flow", "DIRECTUS_URL": "http://127.0.0.1:1"},
     "Couldn't connect"),
    ("relais-docuseal", {"DOCUSEAL_API_URL": "http://127.0.0.1:1"}, "does not answer"),
    ("relais-docuseal", {"KAFKA_BROKERS": "127.0.0.1:1"}, "refused"),
    ("relais-capture", {"KAFKA_BROKERS": "no-such-host.invalid:9092"}, "resolve"),
)


class Rotation(Case):
    def test_a_token_of_directus_is_read_again(self):
        program = self.system["relais-docuseal"]
        file = self.system.run / "token"
        old = program.given["DIRECTUS_TOKEN"]
        own = Directus(self.system.env["DIRECTUS_URL"], old)
        user = own.call("GET", "/users/me", fields="id")["id"]
        self.addCleanup(self.system.up)
        self.addCleanup(self.directus.call, "PATCH", "/users/" + user, {"token": old})
        self.addCleanup(file.unlink)
        file.write_text(old)
        program.stop()
        program.up(DIRECTUS_TOKEN="", DIRECTUS_TOKEN_FILE=str(file))

        new = uuid.uuid4().hex
        self.directus.call("PATCH", "/users/" + user, {"token": new})
        file.write_text(new + "\n")
        program.reload()
        quote, _ = self.sent_quote()
        self.settled(quote)
        outcomes = {step["outcome"] for step in self.steps(quote)
                    if step["worker"] == "relais-docuseal"}
        self.assertEqual(outcomes, {"done"})

    def test_a_token_that_was_revoked_pauses_its_program(self):
        """A refusal of Directus is no refusal of the provider, nor one company's: it
        closes no gate, is told, and nothing is tried in vain."""
        for name in ("relais-orchestrator", "relais-docuseal"):
            with self.subTest(name):
                program = self.system[name]
                token = program.settings["DIRECTUS_TOKEN"]
                own = Directus(self.system.env["DIRECTUS_URL"], token)
                user = "/users/" + own.call("GET", "/users/me", fields="id")["id"]
                self.directus.call("PATCH", user, {"token": uuid.uuid4().hex})
                try:
                    quote = self.new_quote()
                    self.send(quote)
                    if name == "relais-docuseal":  # the other one has nothing to ask
                        self.until("it says so", lambda: self.is_refused(program))
                    program.stop()
                    program.start(**program.settings)
                    self.until("from its start, too", lambda: self.is_refused(program))
                finally:
                    self.directus.call("PATCH", user, {"token": token})
                program.wait_ready()
                self.requested(quote)
                self.settled(quote)
                steps = [step for step in self.steps(quote)
                         if step["worker"] == name and step["outcome"] != "done"]
                self.assertLess(len(steps), 5)
                # What the stop met is dropped, and tried again after the start.
                self.assertLessEqual({step["outcome"] for step in steps},
                                     {"retry", "dropped"})

    def is_refused(self, program):
        health = rest.call("GET", program.admin("/readyz"))
        said = rest.text_of(health)
        return health.status == 503 and "docuseal refuses" not in said \
            and "directus refuses this program: DIRECTUS_TOKEN is wrong" in said

    def test_who_captures_reads_its_secrets_again(self):
        program = self.system["relais-capture"]
        program.reload()
        quote, _ = self.sent_quote()
        self.settled(quote)
        self.assertTrue(program.runs())


SECRET = "INVOICE_NINJA_WEBHOOK_SECRET"
BEFORE = SECRET + "_PREVIOUS"


class WebhookSecret(Billing):
    """That of Invoice Ninja's webhooks, in the order of docs/operations.md: ingest takes
    both, then the worker tells its webhooks, then the old one goes."""

    settings = {**ALONE, "SWEEPS": "true", "INVOICE_NINJA_WEBHOOK_CHECK_MS": "1h"}

    def test_it_rotates_and_no_webhook_is_refused(self):
        ingest = self.system["relais-ingest"]
        worker = self.system["relais-invoice-ninja"]
        old, new = self.system.env[SECRET], uuid.uuid4().hex
        self.addCleanup(self.register, OWNER)
        self.addCleanup(self.system.up, **self.settings)
        now, before = self.from_files(ingest, {SECRET: old, BEFORE: old})
        (sent,) = self.from_files(worker, {SECRET: old})
        _, row = self.billed()
        begin = len(self.ninja.webhooks())

        self.write(ingest, {before: old, now: new})
        self.pay(row, amount="1000.00")
        self.assert_taken(begin)
        self.assertEqual(self.carried(), {old})
        self.write(worker, {sent: new})
        self.until("the webhooks carry the new one", lambda: self.carried() == {new})
        self.write(ingest, {before: new})
        self.assertEqual(self.knock(old), 401)

        self.pay(row)
        self.assert_taken(begin)
        self.quote_is(row["quote_id"], "completed")
        self.assertEqual(len(self.payments(row)), 2)

    def from_files(self, program, secrets):
        """Restarts the program with these secrets in files; the files."""
        files = {name: self.system.run / ("%s.%s" % (program.name, name))
                 for name in secrets}
        for name, file in files.items():
            file.write_text(secrets[name])
            self.addCleanup(file.unlink)
        program.stop()
        program.up(**{**self.settings, **dict.fromkeys(secrets, ""),
                      **{name + "_FILE": str(file) for name, file in files.items()}})
        return files.values()

    def write(self, program, secrets):
        """As an operator does: the files, then SIGHUP."""
        for file, secret in secrets.items():
            file.write_text(secret + "\n")
        program.reload()

    def carried(self):
        return {one["headers"]["X-Webhook-Secret"] for one in self.webhooks()}

    def assert_taken(self, begin):
        """What was sent since then was taken at the first attempt."""
        self.ninja.idle()
        sent = self.ninja.webhooks()[begin:]
        self.assertTrue(sent)
        self.assertEqual({status for one in sent for status in one["statuses"]}, {200})

    def knock(self, secret):
        """The answer to a webhook of this secret, about what is not there."""
        hook = self.webhooks()[0]
        headers = {**hook["headers"], "X-Webhook-Secret": secret}
        return rest.call("POST", hook["target_url"], {"id": "none"}, headers).status


class Settings(Case):
    def setUp(self):
        super().setUp()
        self.addCleanup(self.system.up)

    def test_what_cannot_be_read_stops_the_start(self):
        for name, wrong in SYNTAX:
            with self.subTest(name, wrong=list(wrong)):
                program = self.begun(name, wrong)
                self.assertEqual(program.ended(), 78, program.tail())
                self.assert_said(program, wrong)

    def test_what_is_not_there_is_waited_for(self):
        for name, wrong, words in UNREACHABLE:
            with self.subTest(name, wrong=list(wrong)):
                program = self.begun(name, wrong)
                setting = list(wrong)[-1]
                self.not_ready(program, setting, words)
                self.assert_said(program, wrong)
                self.assertTrue(program.runs())

    def test_a_user_or_a_database_that_is_not_there_is_told(self):
        url, name = self.system.env["DATABASE_URL"].rsplit("/", 1)
        user, place = url.rsplit("@", 1)
        password = "%s:%s@%s/%s" % (user.rsplit(":", 1)[0], PASSWORD, place, name)
        for wrong, words in ((password, "correct the user and the password"),
                             (url + "/nowhere", "correct the name of the database")):
            with self.subTest(words):
                program = self.begun("relais-orchestrator", {"DATABASE_URL": wrong})
                self.not_ready(program, "DATABASE_URL", words)
                self.assert_said(program, {"DATABASE_URL": wrong})

    def test_commands_name_the_setting(self):
        for words, wrong in ((["status"], {"DATABASE_URL": AWAY}),
                             (["status"], {"DATABASE_URL": NO_URL}),
                             (["migrate"], {"CAPTURE_DATABASE_URL": AWAY}),
                             (["topics"], {"KAFKA_BROKERS": "127.0.0.1:99999"}),
                             (["dead", "list"], {"KAFKA_BROKERS": "127.0.0.1:1"}),
                             (["baseline"], {"DIRECTUS_URL": "http://127.0.0.1:1"})):
            with self.subTest(words, wrong=list(wrong)):
                said = self.system.relais(*words, check=False, both=True, **wrong)
                self.assertIn(list(wrong)[0] + ":", said)
                self.assertNotIn(PASSWORD, said)

    def begun(self, name, wrong):
        """The program, started anew with the wrong setting; its log begins there."""
        program = self.system[name]
        program.stop()
        self.before = len(program.tail(10 ** 6))
        program.start(**{"DATABASE_URL": self.system.env["DATABASE_URL"], **wrong})
        return program

    def said(self, program):
        return program.tail(10 ** 6)[self.before:]

    def not_ready(self, program, setting, words):
        def look():
            answer = rest.call("GET", program.admin("/readyz"))
            text = rest.text_of(answer)
            return answer.status == 503 and setting in text and words in text

        until("%s is not ready for %s" % (program.name, setting), look)

    def assert_said(self, program, wrong):
        setting = list(wrong)[-1]
        until("the log names " + setting, lambda: setting in self.said(program))
        self.assertNotIn(PASSWORD, self.said(program))
