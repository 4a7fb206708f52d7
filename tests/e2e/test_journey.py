"""The whole journey, for five companies at once: nothing crosses, nothing is doubled."""

import concurrent.futures
import json
import uuid

from harness.directus import OWNERS, Directus
from harness.journey import Journey


class Companies(Journey):
    def by_hand(self, owner, **fields):
        """Somebody makes an invoice in Invoice Ninja itself."""
        return self.ninja.control("POST", "invoice", {
            "company": owner, "number": "HAND-" + uuid.uuid4().hex[:8],
            "amount": "50.00", **fields})

    def even_books(self):
        """Brings the books to the same counts: what comes next has the same ids in all
        of them."""
        made = {owner: self.by_hand(owner) for owner in OWNERS}
        self.even("clients", self.by_hand)
        self.even("invoices", lambda owner: self.by_hand(
            owner, client=made[owner]["client_id"]))
        self.even("payments", lambda owner: self.ninja.pay(
            owner, made[owner]["id"], amount="0.01"))

    def even(self, kind, add):
        counts = {owner: len(self.ninja.books(owner)[kind]) for owner in OWNERS}
        for owner, count in counts.items():
            for _ in range(max(counts.values()) - count):
                add(owner)

    def play(self, owner):
        """From a lead to a client; what there is to look at."""
        firm, contact, email = self.new_client(owner)
        lead = self.new_lead(owner, email, contact_id=contact, score=60)
        self.until("the lead is in Mautic", lambda: self.directus.read(
            "leads", lead, "mautic_contact_id")["mautic_contact_id"], 60)
        quote, row = self.billed_quote(owner, contact, company_id=firm)
        self.pay(owner, row)
        self.quote_is(quote, "completed")
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 60)
        return owner, firm, contact, email, lead, quote, row

    def test_five_companies_at_once(self):
        self.even_books()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            played = list(pool.map(self.play, OWNERS))
        self.at_rest()
        for owner, firm, contact, email, lead, quote, row in played:
            with self.subTest(owner):
                self.check_quote(owner, quote, row)
                self.check_money(owner, quote, row)
                self.check_person(firm, contact, email, lead)
                self.check_company(owner, quote, contact, email)
                self.assertEqual(
                    sorted(kind for kind, _ in self.facts("quote:" + quote)), [
                        "deposit.invoiced", "invoice.paid", "invoice.sent",
                        "payment.received", "quote.completed", "quote.sent",
                        "quote.signed", "signature.requested"])
        # The books count each by themselves: only the key tells the companies apart.
        ids = {self.ids(owner, firm, row) for owner, firm, _, _, _, _, row in played}
        self.assertEqual(len(ids), 1)

    def ids(self, owner, firm, row):
        """Of the client, the invoice and the payment, in the company's books."""
        books = self.ninja.books(owner)
        (client,) = [one["id"] for one in books["clients"] if one["id_number"] == firm]
        (payment,) = [one["id"] for one in books["payments"]
                      if one["client_id"] == client]
        self.assertEqual(self.payments(row)[0]["external_id"], payment)
        self.assertEqual(self.bill(owner, row)["client_id"], client)
        return client, row["invoice_ninja_id"], payment

    def check_company(self, owner, quote, contact, email):
        """Whatever was said of it names its company, and no other."""
        said = self.facts("quote:" + quote) + self.facts("contact:" + contact)
        self.assertEqual({data["company"] for _, data in said}, {owner})
        tags = {"directus-sync", owner.lower()}
        self.assertEqual(set(self.mautic.contact(email)["tags"]), tags)

    def check_quote(self, owner, quote, row):
        seen = self.quote(quote)
        self.assertEqual(
            (seen["status"], seen["is_signed"], seen["deposit_paid"]),
            ("completed", True, True))
        self.assertEqual(seen["deposit_invoice_id"], row["id"])
        self.assertIsNotNone(seen["deposit_paid_at"])
        self.assertEqual(len(self.posts(quote)), 1)
        (signer,) = self.submission(quote)["submitters"]
        self.assertEqual(signer["metadata"]["company"], owner)
        self.assertEqual(self.writers_of_status(quote), {
            self.user(self.system.env[name])
            for name in ("DIRECTUS_ADMIN_TOKEN", "DIRECTUS_TOKEN_ORCHESTRATOR")})

    def writers_of_status(self, quote):
        """The users who wrote the quote's status, as Directus has it."""
        rows = self.directus.call(
            "GET", "/revisions", limit="-1", fields="delta,activity.user",
            filter=json.dumps({"collection": {"_eq": "quotes"}, "item": {"_eq": quote}}))
        return {row["activity"]["user"] for row in rows if "status" in row["delta"]}

    def user(self, token):
        own = Directus(self.directus.url, token)
        return own.call("GET", "/users/me", fields="id")["id"]

    def check_money(self, owner, quote, row):
        """3243.00 of 10810.00, in the right books, mailed once, paid once."""
        number = self.quote(quote)["quote_number"] + "-A"
        (bill,) = self.ninja.invoices(owner, number)
        self.assertEqual((float(bill["amount"]), float(bill["balance"])), (3243, 0))
        self.assertEqual(bill["custom_value1"], "directus:invoice:" + row["id"])
        self.assertEqual(bill["status_id"], "4")
        self.assertEqual(len(self.mails(owner, row)), 1)
        for other in OWNERS:
            self.assertEqual(len(self.ninja.invoices(other, number)), other == owner)
        seen = self.directus.read("client_invoices", row["id"])
        self.assertEqual(
            (seen["status"], seen["owner_company"], seen["amount"], seen["amount_paid"],
             seen["balance"]),
            ("paid", owner, "3243.00", "3243.00", "0.00"))
        (payment,) = self.payments(row)
        self.assertEqual(
            (payment["amount"], payment["status"], payment["source"]),
            ("3243.00", "completed", "invoice_ninja"))

    def check_person(self, firm, contact, email, lead):
        self.assertTrue(self.directus.read("companies", firm, "is_client")["is_client"])
        seen = self.directus.read("leads", lead)
        self.assertEqual(seen["status"], "converted")
        self.assertIsNotNone(seen["converted_at"])
        self.assertEqual(self.segments(email), {"clients"})
        for campaign in ("quote_sent", "lead_nurturing", "welcome"):
            self.assertEqual(self.entries(email, campaign), 1, campaign)
        self.assertEqual(self.entries(email, "payment_reminder"), 0)
        self.assertEqual(
            [kind for kind, _ in self.facts("contact:" + contact)],
            ["client.converted"])


class Deposits(Journey):
    def test_a_quote_without_deposit_is_completed_by_its_signature(self):
        firm, contact, email = self.new_client("LEXAIA")
        quote = self.signed_quote("LEXAIA", contact, company_id=firm,
                                  deposit_percentage="0")
        self.quote_is(quote, "completed")
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 60)
        self.at_rest()
        self.assertEqual(self.directus.rows("client_invoices", quote_id=quote), [])
        number = self.quote(quote)["quote_number"] + "-A"
        self.assertEqual(self.ninja.invoices("LEXAIA", number), [])
        self.assertIn("quote.deposit-waived",
                      [kind for kind, _ in self.facts("quote:" + quote)])

    def test_a_deposit_in_two_parts_completes_with_the_second(self):
        firm, contact, email = self.new_client("TAKEOUT")
        quote, row = self.billed_quote("TAKEOUT", contact, company_id=firm)
        self.pay("TAKEOUT", row, amount="1000.00")
        self.until("the first part is seen", lambda: self.directus.read(
            "client_invoices", row["id"], "status")["status"] == "partial", 60)
        self.at_rest()
        self.assertEqual(self.quote(quote)["status"], "awaiting_deposit")
        self.pay("TAKEOUT", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(sorted(one["amount"] for one in self.payments(row)),
                         ["1000.00", "2243.00"])
        self.assertEqual([data["fully_paid"]
                          for kind, data in self.facts("quote:" + quote)
                          if kind == "payment.received"], [False, True])

    def test_two_quotes_of_one_contact_make_one_client(self):
        """Sent in the same second, and completed by one payment of both deposits."""
        firm, contact, email = self.new_client("DAINAMICS")
        quotes = [self.new_quote("DAINAMICS", contact, company_id=firm)
                  for _ in range(2)]
        self.directus.call("PATCH", "/items/quotes", {
            "keys": quotes, "data": {"status": "sent"}})
        for quote in quotes:
            self.simulator.sign(self.requested(quote, 60))
        rows = [self.deposit(quote) for quote in quotes]
        self.ninja.control("POST", "pay", {"company": "DAINAMICS", "invoices": [
            {"invoice": row["invoice_ninja_id"]} for row in rows]})
        for quote in quotes:
            self.quote_is(quote, "completed")
        self.at_rest()
        for quote, row in zip(quotes, rows):
            self.assertEqual(len(self.submissions(quote)), 1)
            self.assertEqual(len(self.payments(row)), 1)
            self.assertEqual([kind for kind, _ in self.facts("quote:" + quote)].count(
                "quote.completed"), 1)
        self.assertEqual(self.entries(email, "quote_sent"), 2)
        self.assertEqual(self.entries(email, "welcome"), 1)
        ids = {record["headers"]["ce_id"]
               for record in self.system.records("journey.facts")
               if record["key"] == "contact:" + contact}
        self.assertEqual(len(ids), 1)
        clients = [row for row in self.ninja.books("DAINAMICS")["clients"]
                   if row["id_number"] == firm]
        self.assertEqual(len(clients), 1)


class Webhooks(Journey):
    def test_webhooks_thrice_in_disorder_and_before_the_answer_change_nothing(self):
        """Of all three providers, over a whole journey: each comes three times, others
        pass it, and what a call of ours causes comes before that call has answered."""
        simulators = (self.simulator, self.ninja, self.mautic)
        for simulator in simulators:
            simulator.fault("webhook_before_answer", count=-1)
            simulator.fault("webhook_triple", count=-1)
            simulator.fault("webhook_reorder", count=-1, ms=300)
        firm, contact, email = self.new_client("ENKI_REALTY")
        quote = self.new_quote("ENKI_REALTY", contact, company_id=firm)
        self.send(quote)
        submission = self.requested(quote, 60)
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        row = self.deposit(quote)
        self.pay("ENKI_REALTY", row, amount="1000.00")
        self.until("the first part is seen", lambda: len(self.payments(row)) == 1, 60)
        booked = self.directus.create("payments", {
            "invoice_id": row["id"], "owner_company": "ENKI_REALTY", "source": "bank",
            "amount": "2243.00", "currency": "CHF", "status": "completed",
            "payment_date": str(self.today())})
        self.quote_is(quote, "completed")
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 60)
        self.at_rest()
        self.assertEqual(len(self.submissions(quote)), 1)
        self.assertEqual(len(self.mails("ENKI_REALTY", row)), 1)
        self.assertEqual(sorted(one["amount"] for one in self.payments(row)),
                         ["1000.00", "2243.00"])
        self.assertEqual(len([one for one in self.ninja.books("ENKI_REALTY")["payments"]
                              if booked in one["custom_value1"]]), 1)
        self.assertEqual(
            sorted(kind for kind, _ in self.facts("quote:" + quote)), [
                "deposit.invoiced", "invoice.paid", "invoice.sent", "payment.received",
                "payment.received", "quote.completed", "quote.sent", "quote.signed",
                "quote.viewed", "signature.requested"])
        self.assertEqual(self.entries(email, "quote_sent"), 1)
        self.assertEqual(self.entries(email, "welcome"), 1)
        self.assertEqual(self.segments(email), {"clients"})
        for simulator in simulators:
            hits = {fault["kind"]: fault["hits"] for fault in simulator.faults()}
            self.assertEqual([kind for kind, number in hits.items() if not number], [])
