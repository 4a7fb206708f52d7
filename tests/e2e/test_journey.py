"""The whole journey, for five companies at once: nothing crosses, nothing is doubled."""

import concurrent.futures

from harness.directus import OWNERS
from harness.journey import Journey


class Companies(Journey):
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
        with concurrent.futures.ThreadPoolExecutor() as pool:
            played = list(pool.map(self.play, OWNERS))
        self.at_rest()
        for owner, firm, contact, email, lead, quote, row in played:
            with self.subTest(owner):
                self.check_quote(owner, quote, row)
                self.check_money(owner, quote, row)
                self.check_person(firm, contact, email, lead)
                self.assertEqual(
                    sorted(kind for kind, _ in self.facts("quote:" + quote)), [
                        "deposit.invoiced", "invoice.paid", "invoice.sent",
                        "payment.received", "quote.completed", "quote.sent",
                        "quote.signed", "signature.requested"])
        # The books count each by themselves: only the key tells the companies apart.
        ids = [{bill["id"] for bill in self.ninja.invoices(owner)} for owner in OWNERS]
        self.assertTrue(set.intersection(*ids))

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
        firm, contact, email = self.new_client("DAINAMICS")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            billed = list(pool.map(lambda _: self.billed_quote(
                "DAINAMICS", contact, company_id=firm), range(2)))
            list(pool.map(lambda pair: self.pay("DAINAMICS", pair[1]), billed))
        for quote, _ in billed:
            self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(self.entries(email, "welcome"), 1)
        ids = {record["headers"]["ce_id"] for record in
               self.system.records("journey.facts") if record["key"] == "contact:" + contact}
        self.assertEqual(len(ids), 1)
        clients = [row for row in self.ninja.books("DAINAMICS")["clients"]
                   if row["id_number"] == firm]
        self.assertEqual(len(clients), 1)
