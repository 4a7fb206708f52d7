"""Rows by SQL (DIRECTUS_DATABASE_URL): Directus's own answers, without its help."""

import os
import pathlib
import re
import signal
import subprocess
import uuid

from harness.case import Case
from harness.directus import OWNERS
from harness.journey import Journey

QUESTIONS = pathlib.Path(__file__).with_name("directus_reads.txt")
OWNER = "LEXAIA"


class Reads(Case):
    def rows_of_everything(self):
        """A row in each collection, some with all that they can hold; their keys."""
        make, owner = self.directus.create, OWNERS[OWNER]
        firm = make("companies", {"name": 'Atelier "d\'Été" SA', "is_client": True})
        contact = make("people", {
            "first_name": "Zoé", "last_name": "O'Neil", "company_id": firm,
            "email": "reads.%s@example.com" % uuid.uuid4().hex[:8],
            "mautic_contact_id": "4711", "mautic_synced_at": "2026-03-29T02:30:00+02:00"})
        quote = self.new_quote(OWNER, contact, company_id=firm, items=[
            {"quantity": "1.50", "unit_price": "10.00", "discount": "0.10"},
            {"quantity": "2"}])
        self.new_quote(OWNER, None, docuseal_submission_id="17",
                       signature_status="pending", title="")
        invoice = make("client_invoices", {
            "quote_id": quote, "contact_id": contact, "company_id": firm,
            "owner_company": OWNER, "status": "sent", "invoice_number": uuid.uuid4().hex,
            "invoice_ninja_id": "x1", "due_date": "2026-10-25", "amount": "0.05",
            "items": [{"sort": 2, "description": "Zeile\n\t\\ 2"}, {"sort": 1}, {}]})
        make("client_invoices", {"owner_company": OWNER, "status": "draft"})
        make("payments", {"invoice_id": invoice, "amount": "0.05", "status": "completed",
                          "payment_date": "2026-12-31", "owner_company": OWNER,
                          "external_id": "p1"})
        self.new_quote(OWNER, None, status="awaiting_deposit", deposit_invoice_id=invoice)
        make("payments", {"amount": "1000000.00", "status": "completed"})
        make("leads", {"contact_id": contact, "email": "x@example.com", "score": -3,
                       "owner_company": OWNER})
        terms = make("deposit_configs", {"owner_company_id": owner, "status": "active",
                                         "deposit_percentage": "33.33"})
        self.addCleanup(self.directus.call, "DELETE", "/items/deposit_configs/" + terms)
        make("cgv_acceptances", {"contact_id": contact, "owner_company_id": owner})
        make("signature_logs", {"quote_id": quote, "signers": [{"name": "Zoé", "n": 1.5},
                                                               None]})
        return {"quote": quote, "invoice": invoice, "contact": contact, "firm": firm,
                "owner": owner}

    def questions(self, keys):
        for line in QUESTIONS.read_text().splitlines():
            if line.startswith("#"):
                continue
            for name, key in keys.items():
                line = line.replace("<%s>" % name, key)
            yield line.replace("|", "\t")

    def test_sql_answers_as_rest_does(self):
        asked = list(self.questions(self.rows_of_everything()))
        for name in ("capture", "orchestrator", "docuseal"):
            self.system[name].stop()  # nobody changes a row between the two answers
        env = dict(os.environ, DIRECTUS_URL=self.system.env["DIRECTUS_URL"],
                   DIRECTUS_TOKEN=self.system.env["DIRECTUS_TOKEN_CLI"],
                   DIRECTUS_DATABASE_URL=self.system.reader_url())
        done = subprocess.run(
            [self.system.binaries / "relais-directus-both"], env=env, check=False,
            input="\n".join(asked) + "\n", stdout=subprocess.PIPE, text=True)
        answers = done.stdout.splitlines()
        self.assertEqual(len(answers), len(asked), done.stdout)
        for question, answer in zip(asked, answers):
            with self.subTest(question):
                self.assertEqual(answer, "same")


class Trouble(Case):
    """What that Postgres does not answer, Directus does."""

    @classmethod
    def setUpClass(cls):
        cls.settings = {**Case.settings,
                        "DIRECTUS_DATABASE_URL": cls.system.reader_url()}
        cls.url = cls.system.deploy("superuser", cls.system.run).strip()
        super().setUpClass()

    def execute(self, statements):
        self.system.execute(self.url, statements)

    def sessions(self):
        return [row["pid"] for row in self.system.rows(
            self.url, "SELECT pid FROM pg_stat_activity WHERE usename = 'reader'")]

    def signed(self):
        """The calls of a signature from beginning to end."""
        quote, submission = self.sent_quote()
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed", 60)
        self.settled(quote)
        return "\n".join(step["calls"] for step in self.steps(quote))

    def assert_by_sql(self):
        self.until("rows are read by SQL again",
                   lambda: "GET /items/" not in self.signed(), 60)

    def test_a_session_that_is_cut_and_may_not_come_back(self):
        self.assert_by_sql()
        self.addCleanup(self.execute, "ALTER ROLE reader LOGIN")
        self.execute("ALTER ROLE reader NOLOGIN")
        self.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE usename = 'reader'")
        calls = self.signed()
        self.assertIn("GET /items/quotes", calls)
        self.assertNotIn("SELECT ", calls)
        self.execute("ALTER ROLE reader LOGIN")
        self.assert_by_sql()

    def test_a_postgres_that_says_nothing(self):
        self.assert_by_sql()
        frozen = self.sessions()
        self.assertTrue(frozen)
        for pid in frozen:
            self.addCleanup(os.kill, pid, signal.SIGCONT)
            os.kill(pid, signal.SIGSTOP)
        calls = self.signed()
        self.assertIn("GET /items/quotes", calls)
        self.assertNotIn("SELECT ", calls)
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
        self.assert_by_sql()

    def test_a_right_that_is_taken_away(self):
        self.assert_by_sql()
        self.addCleanup(self.execute, "GRANT SELECT ON people TO reader")
        self.execute("REVOKE SELECT ON people FROM reader")
        calls = self.signed()
        self.assertIn("GET /items/quotes", calls)
        self.assertIn("SELECT ", calls)
        self.execute("GRANT SELECT ON people TO reader")
        self.assert_by_sql()


class WholeJourney(Journey):
    """With the setting Directus is asked for no row any more."""

    @classmethod
    def setUpClass(cls):
        cls.settings = {**Journey.settings,
                        "DIRECTUS_DATABASE_URL": cls.system.reader_url()}
        super().setUpClass()

    def test_a_journey_asks_directus_for_no_row(self):
        firm, contact, email = self.new_client(OWNER)
        lead = self.new_lead(OWNER, email, contact_id=contact, score=60)
        quote = self.new_quote(OWNER, contact, company_id=firm)
        self.at_rest()
        log = self.system.run / "log" / "directus.log"
        before = log.stat().st_size
        self.send(quote)
        self.at_rest()
        submission = self.submission(quote)["id"]
        self.simulator.sign(submission)
        self.at_rest()
        (mail,) = [one for one in self.ninja.mails(OWNER)
                   if one["entity_id"] in self.bill_ids(quote)]
        self.ninja.pay(OWNER, mail["entity_id"])
        self.at_rest()
        asked = log.read_bytes()[before:].decode("utf-8", "replace")
        self.assertEqual(re.findall(r"\] GET (/items/\S*) ", asked), [])
        self.assertRegex(asked, r"\] PATCH /items/quotes/")
        self.check_ends(quote, firm, lead, email)
        calls = "\n".join(step["calls"] for step in self.system.ledger(
            "SELECT calls FROM relais.journey_step WHERE entity = :'entity'",
            entity="quote:" + quote))
        self.assertRegex(calls, r"SELECT quotes \d+ ms")

    def bill_ids(self, quote):
        number = self.system.captured(
            "SELECT quote_number AS number FROM quotes WHERE id = :'quote'::uuid",
            quote=quote)[0]["number"]
        return {one["id"] for one in self.ninja.invoices(OWNER, number + "-A")}

    def check_ends(self, quote, firm, lead, email):
        """As after a journey by REST (test_journey)."""
        self.assertEqual(self.quote(quote)["status"], "completed")
        (row,) = self.directus.rows("client_invoices", quote_id=quote)
        self.assertEqual((row["status"], row["amount_paid"], row["balance"]),
                         ("paid", "3243.00", "0.00"))
        (payment,) = self.payments(row)
        self.assertEqual((payment["amount"], payment["status"]),
                         ("3243.00", "completed"))
        self.assertTrue(self.directus.read("companies", firm, "is_client")["is_client"])
        self.assertEqual(self.directus.read("leads", lead)["status"], "converted")
        self.assertEqual(self.segments(email), {"clients"})
        for campaign in ("quote_sent", "lead_nurturing", "welcome"):
            self.assertEqual(self.entries(email, campaign), 1, campaign)
