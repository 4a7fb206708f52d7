"""Money alone: quotes that people set to signed, and Invoice Ninja's books."""

import datetime
import json

from . import rest
from .case import Case, numbers
from .wait import until

OWNER = "HYPERVISUAL"
ALONE = {"INTEGRATIONS": "invoice-ninja", "INVOICE_NINJA_TOO_MANY_WAIT_MS": "1s"}


class Billing(Case):
    """Quotes are signed by hand here: only Invoice Ninja is played."""

    settings = ALONE
    owners = (OWNER,)

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ninja = cls.system.ninja
        for owner in cls.owners:
            cls.register(owner)

    def webhooks(self, owner=OWNER):
        """Those that Invoice Ninja calls."""
        return [one for one in self.ninja.books(owner)["webhooks"]
                if not one["is_deleted"] and not one["archived_at"]]

    @classmethod
    def register(cls, owner):
        """Has the company's webhooks looked at, and waits for it."""
        done = "SELECT count(*) AS n FROM relais.journey_step" \
               " WHERE entity = :'entity' AND outcome = 'done'"
        entity = "webhooks:" + owner
        before = cls.system.ledger(done, entity=entity)
        cls.system.relais("webhooks", "register", owner)
        until("the webhooks of %s are looked at" % owner,
              lambda: cls.system.ledger(done, entity=entity) != before, 60)

    def setUp(self):
        super().setUp()
        self.addCleanup(self.ninja.no_faults)

    # What people do.

    def new_firm(self):
        return self.directus.create("companies", {
            "name": "Atelier %d SA" % next(numbers), "address": "Rue du Test 1",
            "postal_code": "1003", "city": "Lausanne", "country": "CH"})

    def signed(self, owner=OWNER, firm=None, **fields):
        """A quote that a person set to signed; its id."""
        firm = firm or self.new_firm()
        contact = self.new_contact(owner, company_id=firm)
        quote = self.new_quote(owner, contact, company_id=firm, **fields)
        self.directus.update("quotes", quote, status="signed")
        return quote

    def billed(self, owner=OWNER, firm=None, **fields):
        """Such a quote, and the row of its deposit invoice, which was mailed."""
        quote = self.signed(owner, firm, **fields)
        return quote, self.deposit(quote)

    def pay(self, row, **more):
        return self.ninja.pay(row["owner_company"], row["invoice_ninja_id"], **more)

    def book(self, row, amount, **fields):
        """A payment that a person enters in Directus; its id."""
        return self.directus.create("payments", {
            "invoice_id": row["id"], "owner_company": row["owner_company"],
            "amount": amount, "currency": "CHF", "source": "bank",
            "payment_date": str(datetime.date.today()), "status": "completed", **fields})

    def new_invoice(self, **fields):
        number = next(numbers)
        firm = self.new_firm()
        contact = self.new_contact(OWNER, company_id=firm)
        return self.directus.create("client_invoices", {
            "invoice_number": "E2E-F-%d-%s" % (number, firm[:6]), "type": "standard",
            "company_id": firm, "contact_id": contact, "owner_company": OWNER,
            "issue_date": str(datetime.date.today()), "currency": "CHF",
            "due_date": str(datetime.date.today() + datetime.timedelta(days=30)),
            "amount": "1081.00", "amount_net": "1000.00", "tax_rate": "8.10",
            "tax_amount": "81.00", "description": "Conseil", "status": "sent",
            **fields})

    def api(self, method, path, body):
        """A call of Invoice Ninja's own API, as a person's browser makes it."""
        token = self.system.env["INVOICE_NINJA_KEY_" + OWNER]
        answer = rest.call(
            method, self.system.env["SIM_INVOICE_NINJA_URL"] + "/api/v1/" + path, body,
            {"X-API-TOKEN": token, "X-Requested-With": "XMLHttpRequest",
             "Accept": "application/json"})
        self.assertEqual(answer.status, 200)

    # What is looked at.

    def deposit(self, quote, seconds=60):
        def mailed():
            rows = self.directus.rows("client_invoices", quote_id=quote)
            return rows[0] if len(rows) == 1 and self.mails(rows[0]) else None

        row = self.until("the deposit is invoiced and mailed", mailed, seconds)
        self.quote_is(quote, "awaiting_deposit")
        return row

    def quote_is(self, quote, status, seconds=60):
        self.until("the quote is " + status,
                   lambda: self.quote(quote, "status")["status"] == status, seconds)

    def mirrored(self, invoice, seconds=60):
        def known():
            row = self.directus.read("client_invoices", invoice)
            return row if row["invoice_ninja_id"] else None

        return self.until("the invoice is mirrored", known, seconds)

    def invoice(self, row):
        return self.directus.read("client_invoices", row["id"])

    def invoice_is(self, row, status, seconds=60):
        self.until("the invoice is " + status,
                   lambda: self.invoice(row)["status"] == status, seconds)

    def mails(self, row):
        return [mail for mail in self.ninja.mails(row["owner_company"])
                if mail["entity_id"] == row["invoice_ninja_id"]]

    def payments(self, row):
        rows = self.directus.rows("payments", invoice_id=row["id"])
        return sorted(rows, key=lambda one: float(one["amount"]))

    def bill(self, row):
        (found,) = [one for one in self.ninja.invoices(row["owner_company"])
                    if one["id"] == row["invoice_ninja_id"]]
        return found

    def facts(self, key, kind):
        return [json.loads(record["payload"])
                for record in self.system.records("journey.facts")
                if record["key"] == key and record["headers"]["ce_type"] == kind]

    def letters(self, company):
        topic = "invoice-ninja.dead-letters"
        return [record for record in self.system.records(topic)
                if (record["key"] or "").startswith(company + ":")]

    def attentions(self, kind):
        return self.system.ledger("SELECT entity, text FROM relais.attention"
                                  " WHERE kind = :'kind'", kind=kind)

    def at_rest(self):
        """Waits until nothing is on its way."""
        def rests():
            before = self.progress()
            self.ninja.idle()
            waiting = self.system.captured(
                "SELECT 1 FROM relais_capture.change WHERE published_at IS NULL")
            waiting += self.system.ledger(
                "SELECT 1 FROM relais.outbox UNION ALL"
                " SELECT 1 FROM relais.parked_event")
            if waiting:
                return False
            shown = json.loads(self.system.relais("status", "--json"))
            behind = [one for one in shown["topics"] if int(one["lag"] or 0) > 0]
            return not behind and before == self.progress()

        self.until("nothing is on its way", rests, 120)

    def progress(self):
        return self.system.ledger("SELECT max(id) AS last FROM relais.journey_step")

    def assert_figures(self, row, status, paid, balance):
        seen = self.invoice(row)
        self.assertEqual((seen["status"], seen["amount_paid"], seen["balance"]),
                         (status, paid, balance))
