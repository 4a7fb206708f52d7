"""Every call that creates something at Invoice Ninja and at Mautic fails once in every
way: it is done once, or a person is told where a mail may have gone out."""

import concurrent.futures
import json
import uuid

from harness.billing import OWNER, Billing
from harness.directus import OWNERS
from harness.journey import CAMPAIGNS, Journey

# Providers that work although their answer is none are "after the work".
AFTER = {"when": "after"}
FAULTS = {
    "429": {"kind": "429"},
    "429 with Retry-After": {"kind": "retry_after_429", "retry_after": 1},
    "500": {"kind": "500"},
    "500 after the work": {"kind": "500", **AFTER},
    "502 in HTML": {"kind": "html"},
    "200 in HTML": {"kind": "html", "status": 200},
    "200 in HTML after the work": {"kind": "html", "status": 200, **AFTER},
    "a redirect": {"kind": "redirect", "location": "/followed"},
    "a redirect after the work": {"kind": "redirect", "location": "/followed", **AFTER},
    "silence": {"kind": "silence", "ms": 20000},
    "silence after the work": {"kind": "silence", "ms": 20000, **AFTER},
    "a cut before the work": {"kind": "cut_before"},
    "a cut after the work": {"kind": "cut_after"},
    "a cut in the answer": {"kind": "cut_during"},
}
# What says that nothing was done: the mail is sent again, and nobody has to be asked.
REFUSALS = {"429", "429 with Retry-After"}
OWNER_OF = dict(zip(FAULTS, list(OWNERS) * len(FAULTS)))


# Only what is silent shall be cut, also on a busy machine.
PATIENT = {"EFFECT_TIMEOUT_MS": "6000", "INVOICE_NINJA_TIMEOUT_MS": "6000",
           "MAUTIC_TIMEOUT_MS": "6000"}


class InvoiceNinja(Billing):
    settings = {**Billing.settings, **PATIENT}
    owners = tuple(OWNERS)

    def test_a_client_an_invoice_a_mail_and_a_payment_are_made_once(self):
        cases = self.prepared()
        for quote, _, _ in cases.values():
            self.directus.update("quotes", quote, status="signed")
        rows = {name: self.invoiced(quote) for name, (quote, _, _) in cases.items()}
        with concurrent.futures.ThreadPoolExecutor() as pool:
            list(pool.map(self.assert_mailed_once_or_asked, rows, rows.values()))
        for name, (_, _, payment) in cases.items():
            self.book(rows[name], "3243.00", id=payment)
        for quote, _, _ in cases.values():
            self.quote_is(quote, "completed", 120)
        self.at_rest()
        for name, (quote, firm, payment) in cases.items():
            with self.subTest(name):
                self.assert_one_of_each(rows[name], quote, firm, payment)
        left = [fault for fault in self.ninja.faults() if fault["left"]]
        self.assertEqual(left, [])
        self.assertEqual(self.ninja.calls(path_prefix="/followed"), [])

    def test_a_mirrored_invoice_is_made_once(self):
        invoices = {}
        for name in FAULTS:
            number = "E2E-M-" + uuid.uuid4().hex[:8]
            self.ninja.fault(method="POST", path_prefix="/api/v1/invoices",
                             match=number, **FAULTS[name])
            invoices[name] = self.new_invoice(invoice_number=number,
                                              owner_company=OWNER_OF[name])
        rows = {name: self.mirrored(one, 120) for name, one in invoices.items()}
        self.at_rest()
        for name, row in rows.items():
            with self.subTest(name):
                (made,) = self.made(row["owner_company"], row["id"])
                self.assertEqual(
                    (made["id"], made["number"], made["status_id"]),
                    (row["invoice_ninja_id"], row["invoice_number"], "2"))
                self.assert_figures(row, "sent", "0.00", "1081.00")
        left = [fault for fault in self.ninja.faults() if fault["left"]]
        self.assertEqual(left, [])

    def made(self, owner, invoice):
        """What Invoice Ninja has of a row of ours, under whatever number."""
        return [one for one in self.ninja.books(owner)["invoices"]
                if one["custom_value1"] == "directus:invoice:" + invoice]

    # Who looks after a cut meets a row that was edited meanwhile.

    def cut(self, number, when="after"):
        """Cuts the call that makes that invoice, once; waits() until it has."""
        self.ninja.fault("cut_" + when, method="POST", path_prefix="/api/v1/invoices",
                         match=number)
        return lambda: self.until("it is cut", lambda: not [
            fault for fault in self.ninja.faults() if fault["left"]], 60)

    def cut_quote(self, when="after"):
        """A signed quote, the call for whose deposit was cut."""
        number = "E2E-C-" + uuid.uuid4().hex[:8]
        waits = self.cut(number, when)
        quote = self.signed(quote_number=number)
        waits()
        return quote, number

    def test_a_number_corrected_after_a_cut_makes_no_second_invoice(self):
        quote, number = self.cut_quote()
        self.directus.update("quotes", quote, quote_number=number + "-BIS")
        row = self.deposit(quote, 120)
        self.at_rest()
        (made,) = self.made(OWNER, row["id"])
        self.assertEqual((made["id"], made["number"], row["invoice_number"]),
                         (row["invoice_ninja_id"], number + "-A", number + "-A"))

        waits = self.cut(number + "-F")
        invoice = self.new_invoice(invoice_number=number + "-F")
        waits()
        self.directus.update("client_invoices", invoice, invoice_number=number + "-G",
                             amount="2162.00", amount_net="2000.00",
                             tax_amount="162.00")
        row = self.mirrored(invoice, 120)
        self.at_rest()
        (made,) = self.made(OWNER, invoice)
        self.assertEqual(
            (made["id"], made["number"], float(made["amount"])),
            (row["invoice_ninja_id"], number + "-G", 2162))

    def test_a_deposit_waived_after_a_cut_leaves_no_unknown_invoice(self):
        quote, number = self.cut_quote()
        self.directus.update("quotes", quote, deposit_percentage="0")
        row = self.deposit(quote, 120)
        self.at_rest()
        (made,) = self.made(OWNER, row["id"])
        self.assertEqual(made["id"], row["invoice_ninja_id"])
        self.assertIn("quote:" + quote, [
            one["entity"] for one in self.attentions("invoice-ninja.amount")])

        quote, number = self.cut_quote("before")
        self.directus.update("quotes", quote, deposit_percentage="0")
        self.quote_is(quote, "completed", 120)
        self.at_rest()
        self.assertEqual(self.ninja.invoices(OWNER, number + "-A"), [])
        self.assertEqual(self.directus.rows("client_invoices", quote_id=quote), [])

    def prepared(self):
        """{name of the fault: quote, firm and the payment to come}, with each of the
        four calls to fail once."""
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            cases = dict(zip(FAULTS, pool.map(self.case, FAULTS)))
        for name, (quote, firm, payment) in cases.items():
            number = self.quote(quote)["quote_number"] + "-A"
            for path, match in (("clients", firm), ("invoices", number),
                                ("emails", number), ("payments", payment)):
                self.ninja.fault(method="POST", path_prefix="/api/v1/" + path,
                                 match=match, **FAULTS[name])
        return cases

    def case(self, name):
        firm = self.new_firm()
        contact = self.new_contact(OWNER_OF[name], company_id=firm)
        quote = self.new_quote(OWNER_OF[name], contact, company_id=firm)
        return quote, firm, str(uuid.uuid4())

    def invoiced(self, quote):
        self.quote_is(quote, "awaiting_deposit", 120)
        (row,) = self.directus.rows("client_invoices", quote_id=quote)
        return row

    def assert_mailed_once_or_asked(self, name, row):
        self.until("the mail went out, or a person is asked",
                   lambda: self.asked(row) or self.confirmed(row), 60)
        asked = self.asked(row)
        if name in REFUSALS:
            self.assertEqual(asked, [], name)
        if asked:
            self.decide(row, asked[0]["entity"])
        self.assertEqual(len(self.mails(row)), 1, name)

    def decide(self, row, identity):
        """As a person does who looked into the outgoing mail."""
        went_out = len(self.mails(row)) == 1
        self.assertIn("effect.unsure", [kind for kind, _ in self.told(row)])
        letter = self.until("there is a dead letter", lambda: [
            letter for letter in self.letters(row["owner_company"])
            if letter["headers"]["ce_type"] == "invoice-ninja.invoice.email"
            and row["id"] in letter["payload"]])[0]
        self.assertIn("relais effect resolve", letter["headers"]["x-dead-hint"])
        self.system.relais("effect", "resolve", "invoice-ninja.email", identity,
                           "done" if went_out else "not-done")
        self.system.relais("dead", "replay", "invoice-ninja.dead-letters/%d/%d" % (
            letter["partition"], letter["offset"]))
        self.until("it is settled", lambda: self.confirmed(row))

    def asked(self, row):
        return [one for one in self.attentions("effect.unsure")
                if one["entity"].startswith("invoice:%s:invoice:" % row["id"])]

    def confirmed(self, row):
        return self.mails(row) and self.system.ledger(
            "SELECT 1 FROM relais.effect WHERE kind = 'invoice-ninja.email'"
            " AND state = 'confirmed' AND strpos(identity, :'id') > 0", id=row["id"])

    def told(self, row):
        return [(record["headers"]["ce_type"], json.loads(record["payload"]))
                for record in self.system.records("journey.facts")
                if row["id"] in record["payload"]]

    def assert_one_of_each(self, row, quote, firm, payment):
        books = self.ninja.books(row["owner_company"])
        clients = [one for one in books["clients"] if one["id_number"] == firm]
        invoices = [one for one in books["invoices"]
                    if one["custom_value2"] == "quote:" + quote]
        payments = [one for one in books["payments"]
                    if one["custom_value1"] == "directus:payment:" + payment]
        self.assertEqual((len(clients), len(invoices), len(payments)), (1, 1, 1))
        self.assertEqual(len(self.mails(row)), 1)
        self.assert_figures(row, "paid", "3243.00", "0.00")
        self.assertEqual([one["id"] for one in self.payments(row)], [payment])
        received = [kind for kind, _ in self.told(row) if kind == "payment.received"]
        self.assertEqual(len(received), 1)


class Mautic(Journey):
    settings = {**Journey.settings, **PATIENT, "MAUTIC_PER_SECOND": "0"}

    def test_a_contact_its_points_its_campaigns_and_a_note_are_made_once(self):
        people = {name: self.new_client(OWNER_OF[name]) for name in FAULTS}
        leads = {name: str(uuid.uuid4()) for name in FAULTS}
        for name, (_, _, email) in people.items():
            for path, match in calls_of(email, leads[name]):
                self.mautic.fault(method="POST", path_prefix=path, match=match,
                                  **FAULTS[name])
        for name, (_, contact, email) in people.items():
            self.new_lead(OWNER_OF[name], email, id=leads[name], contact_id=contact,
                          score=60)
            self.send(self.new_quote(OWNER_OF[name], contact))
        for name, (_, _, email) in people.items():
            self.until("Mautic has everything after " + name, lambda: (
                self.points_of(leads[name]) == 60 and self.notes(email)
                and self.entries(email, "lead_nurturing")), 120)
        self.at_rest()
        for name, (_, _, email) in people.items():
            with self.subTest(name):
                self.assert_one_of_each(email)
        left = [fault for fault in self.mautic.faults() if fault["left"]]
        self.assertEqual(left, [])
        self.assertEqual(self.mautic.calls(path_prefix="/followed"), [])

    def points_of(self, lead):
        return self.directus.read("leads", lead, "mautic_points_applied")[
            "mautic_points_applied"]

    def assert_one_of_each(self, email):
        person = self.mautic.contact(email)
        self.assertEqual(person["points"], 60)
        self.assertEqual(self.entries(email, "quote_sent"), 1)
        self.assertEqual(self.entries(email, "lead_nurturing"), 1)
        self.assertEqual(len(self.notes(email)), 1)
        self.assertEqual(self.segments(email), {"leads", "pending_quotes"})


def calls_of(email, lead):
    """What creates something: where, and what of it names the person. There is one
    campaign that may be entered again, and one that may not."""
    yield "/api/contacts/new", email
    yield "/api/contacts/", "lead %s score" % lead
    yield "/api/campaigns/%d/" % CAMPAIGNS["quote_sent"], email
    yield "/api/campaigns/%d/" % CAMPAIGNS["lead_nurturing"], email
    yield "/api/notes/new", email
