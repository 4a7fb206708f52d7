"""A system that was alive before Relais came: nothing of it is sent again."""

import datetime
import json
import uuid

from harness import Case
from harness.billing import ALONE, OWNER, Billing
from harness.case import now_text, quote_row

DRAFTS = 1050  # more than two pages of Directus
# The other quotes that were there, and whether their submissions were.
BEFORE = {
    "draft": ("draft", "none", False),
    "sent": ("sent", "pending", True),
    "declined in time": ("sent", "pending", True),
    "withdrawn": ("sent", "pending", True),
    "sent on paper": ("sent", "none", False),
    "viewed": ("viewed", "viewed", True),
    "signed": ("signed", "completed", True),
    "awaiting_deposit": ("awaiting_deposit", "completed", True),
    "completed": ("completed", "completed", True),
    "rejected": ("rejected", "declined", True),
    "expired": ("expired", "expired", True),
}


class LiveSystem(Case):
    settings = {"SWEEPS": "true"}

    @classmethod
    def before_relais(cls, system):
        """As another program has left it: its submissions have ids of their own, its
        webhooks went elsewhere."""
        simulator, directus = system.simulator, system.directus
        url = simulator.control("GET", "config")["webhook_url"]
        simulator.config(webhook_url="")
        cls.quotes_before, cls.submissions_before = {}, {}
        for name, (status, signature, has_submission) in BEFORE.items():
            contact = directus.create("people", {
                "first_name": "Luc", "last_name": name,
                "email": "luc.%s@example.com" % name.replace(" ", "."),
                "owner_company": "LEXAIA"})
            row = quote_row("LEXAIA", contact, status=status,
                            signature_status=signature)
            if has_submission:
                submission = cls.old_submission(simulator, row)
                cls.submissions_before[name] = submission
                row["docuseal_submission_id"] = str(submission)
            cls.quotes_before[name] = directus.create("quotes", row)
        directus.call("POST", "/items/quotes", [
            quote_row("LEXAIA", contact) for _ in range(DRAFTS)], fields="id")
        for name in ("signed", "awaiting_deposit", "completed"):
            simulator.sign(cls.submissions_before[name])
        simulator.view(cls.submissions_before["viewed"])
        simulator.decline(cls.submissions_before["rejected"], "Non.")
        simulator.expire(cls.submissions_before["expired"])
        simulator.config(webhook_url=url)

    @staticmethod
    def old_submission(simulator, row):
        signer = {"role": "Client", "email": "luc@example.com",
                  "external_id": "lex:" + row["quote_number"]}
        made = simulator.api("POST", "/submissions",
                             {"template_id": 17, "submitters": [signer]})
        return made[0]["submission_id"]

    def old(self, name):
        quote = self.quotes_before[name]
        self.quotes.append(quote)
        return quote, self.submissions_before.get(name)

    def all_calls_that_send(self):
        return [(call["method"], call["path"]) for call in self.simulator.calls()
                if call["method"] != "GET"]

    def test_all_old_quotes_can_be_edited_and_none_is_sent(self):
        """By its name the first test, while each quote is as it was found."""
        before = self.all_calls_that_send()
        for name, (status, signature, _) in BEFORE.items():
            with self.subTest(name):
                quote, submission = self.old(name)
                self.directus.update("quotes", quote, title="Un autre titre")
                self.settled(quote)
                row = self.quote(quote)
                self.assertEqual((row["status"], row["signature_status"]),
                                 (status, signature))
                self.assertEqual(row["docuseal_submission_id"],
                                 submission and str(submission))
        self.assertEqual(self.all_calls_that_send(), before)

    def test_an_old_submission_that_is_signed_makes_the_old_quote_signed(self):
        for name in ("sent", "viewed"):
            quote, submission = self.old(name)
            self.simulator.sign(submission)
            self.becomes(quote, "signed", "completed")
            self.settled(quote)
            self.assert_signed(quote, submission)
            self.assertEqual(self.submissions(quote), [])

    def test_an_old_submission_that_is_declined_makes_the_old_quote_rejected(self):
        quote, submission = self.old("declined in time")
        self.simulator.decline(submission, "Plus besoin.")
        self.becomes(quote, "rejected", "declined")
        self.assertEqual(self.quote(quote)["decline_reason"], "Plus besoin.")

    def test_an_old_quote_that_is_withdrawn_and_sent_again_has_a_second_round(self):
        quote, submission = self.old("withdrawn")
        self.directus.update("quotes", quote, status="draft")
        self.becomes(quote, "draft", "cancelled")
        old = self.simulator.api("GET", "/submissions/%d" % submission)
        self.assertIsNotNone(old["archived_at"])
        self.send(quote)
        self.requested(quote)
        self.settled(quote)
        (row,) = self.submissions(quote)
        self.assertEqual(row["submitters"][0]["external_id"],
                         "quote:%s:r2:client" % quote)

    def test_an_old_draft_that_is_sent_is_asked_for_once(self):
        quote, _ = self.old("draft")
        self.send(quote)
        self.requested(quote)
        self.settled(quote)
        self.assertEqual(len(self.posts(quote)), 1)

    def test_baseline_once_more_while_people_work_changes_nothing(self):
        quote, submission = self.sent_quote()
        before = self.ledger_state()
        told = json.loads(self.system.relais("baseline", "--json"))
        self.assertEqual((told["effects"], told["references"], told["rounds"],
                          told["states"]), (0, 0, 0, 0))
        self.assertGreaterEqual(told["rows"], len(BEFORE) + DRAFTS)
        self.assertEqual(told["rows"], sum(len(self.directus.rows(collection, "id"))
                                           for collection in ("quotes", "cgv_acceptances")))
        self.assertEqual(self.ledger_state(), before)
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")

    def ledger_state(self):
        return self.system.ledger(
            "SELECT kind, identity, state, convert_from(result, 'UTF8') AS result"
            " FROM relais.effect ORDER BY kind, identity")


class LiveBooks(Billing):
    """Deposits that another program has made in Invoice Ninja: nothing there names their
    rows in Directus. Both the webhooks and the sweep tell of what becomes of them."""

    settings = {**ALONE, "SWEEPS": "true"}

    @classmethod
    def before_relais(cls, system):
        system.simulators_up(ALONE["INTEGRATIONS"])
        cls.old = {}
        for name, status in (("linked", "awaiting_deposit"),
                             ("not linked", "awaiting_deposit"),
                             ("signed", "signed"), ("paid", "completed")):
            cls.old[name] = cls.old_deposit(system, name, status)
        quote, invoice = cls.old["paid"]
        row = system.directus.read("client_invoices", invoice)
        cls.old_payment = system.ninja.pay(OWNER, row["invoice_ninja_id"])
        system.directus.update("client_invoices", invoice, status="paid",
                               amount_paid=row["amount"], balance="0.00")
        cls.payment_before = system.directus.create("payments", {
            "invoice_id": invoice, "owner_company": OWNER, "amount": row["amount"],
            "currency": "CHF", "source": "invoice_ninja", "status": "completed",
            "payment_date": row["issue_date"], "external_id": cls.old_payment["id"]})

    @classmethod
    def old_deposit(cls, system, name, status):
        """A quote and its deposit; both ids in Directus."""
        directus, today = system.directus, datetime.date.today()
        firm = directus.create("companies", {"name": "Atelier " + name})
        contact = directus.create("people", {
            "first_name": "Luc", "last_name": name, "company_id": firm,
            "email": "luc.%s@example.com" % name.replace(" ", ".") + ".ch",
            "owner_company": OWNER})
        quote = directus.create("quotes", quote_row(
            OWNER, contact, company_id=firm, status=status, is_signed=True,
            signature_status="completed"))
        number = "AC-" + name.upper()
        made = system.ninja.control("POST", "invoice", {
            "company": OWNER, "number": number, "amount": "3243.00"})
        invoice = directus.create("client_invoices", {
            "invoice_number": number, "type": "deposit", "is_deposit": True,
            "company_id": firm, "contact_id": contact, "owner_company": OWNER,
            "quote_id": quote, "currency": "CHF", "status": "sent",
            "issue_date": str(today), "due_date": str(today + datetime.timedelta(days=9)),
            "amount": "3243.00", "amount_paid": "0.00", "balance": "3243.00",
            "invoice_ninja_id": made["id"], "invoice_ninja_number": number})
        if name == "linked":
            directus.update("quotes", quote, deposit_invoice_id=invoice)
        return quote, invoice

    def rows(self, name):
        quote, invoice = self.old[name]
        self.quotes.append(quote)
        return quote, self.directus.read("client_invoices", invoice)

    def ask(self, row, kind, data):
        """A command in the lane of who is billed; waits until nothing is on its way."""
        self.system.produce(
            "invoice-ninja.commands", "%s:%s" % (OWNER, row["company_id"]),
            json.dumps(data).encode(), {
                "ce_specversion": "1.0", "ce_id": str(uuid.uuid4()), "ce_source": "e2e",
                "ce_type": kind, "ce_subject": "", "ce_time": now_text(),
                "content-type": "application/json"})
        self.at_rest()

    def timers(self, row):
        return self.system.ledger(
            "SELECT name FROM relais.timer WHERE entity = :'entity'",
            entity="invoice:" + row["id"])

    def assert_the_only_deposit(self, quote, row):
        """Neither in Directus nor in Invoice Ninja is there another one."""
        self.assertEqual([one["id"] for one in self.directus.rows(
            "client_invoices", "id", quote_id=quote)], [row["id"]])
        number = self.quote(quote)["quote_number"] + "-A"
        self.assertEqual(self.ninja.invoices(OWNER, number), [])

    def test_the_payment_of_an_old_deposit_completes_its_quote_once(self):
        for name in ("linked", "not linked"):
            with self.subTest(name):
                quote, row = self.rows(name)
                self.assertEqual(self.timers(row), [{"name": "orchestrator.overdue"}])
                self.pay(row)
                self.quote_is(quote, "completed")
                self.at_rest()
                self.assert_figures(row, "paid", "3243.00", "0.00")
                (payment,) = self.payments(row)
                self.assertEqual((payment["amount"], payment["status"]),
                                 ("3243.00", "completed"))
                (fact,) = self.facts("quote:" + quote, "payment.received")
                self.assertTrue(fact["fully_paid"] and fact["is_deposit"])
                self.assert_the_only_deposit(quote, row)
                self.assertEqual(self.timers(row), [])
                self.assertEqual(self.mails(row), [])

    def test_an_old_deposit_is_the_only_one(self):
        quote, row = self.rows("signed")
        self.ask(row, "invoice-ninja.deposit.create",
                 {"company": OWNER, "quote": quote})
        self.assert_the_only_deposit(quote, row)
        self.assertEqual(self.quote(quote)["status"], "signed")
        self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_the_only_deposit(quote, row)

    def test_an_old_payment_is_told_by_nobody(self):
        quote, row = self.rows("paid")
        before = self.invoice(row)
        for why in ("webhook", "sweep"):
            self.ask(row, "invoice-ninja.payment.observed", {
                "company": OWNER, "remote_id": self.old_payment["id"], "root": "",
                "why": why})
        (payment,) = self.payments(row)
        self.assertEqual((payment["id"], payment["amount"], payment["status"]),
                         (self.payment_before, "3243.00", "completed"))
        self.assertEqual(self.facts("quote:" + quote, "payment.received"), [])
        self.assertEqual(self.invoice(row), before)
        self.assert_the_only_deposit(quote, row)
        # Its refund is news.
        self.ninja.refund(OWNER, self.old_payment["id"], amount="43.00")
        self.until("the refund is seen", lambda: self.payments(row)[0][
            "refunded_amount"] == "43.00")
        self.at_rest()
        self.assertEqual(len(self.payments(row)), 1)
        self.assertEqual(len(self.facts("quote:" + quote, "payment.refunded")), 1)
        self.assertEqual(self.facts("quote:" + quote, "payment.received"), [])
