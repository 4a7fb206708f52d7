"""People who cannot or will not be reached: without an address, without consent."""

from harness.journey import Journey


class Addresses(Journey):
    def test_a_contact_without_an_address_goes_on_by_hand(self):
        """Nobody can be mailed: each part says so, and what needs no mail is done."""
        firm = self.new_firm()
        contact = self.new_contact("DAINAMICS", company_id=firm, email=None)
        quote = self.new_quote("DAINAMICS", contact, company_id=firm)
        self.send(quote)
        self.becomes(quote, "sent", "failed")
        (letter,) = self.dead_letters(quote)
        self.assertIn("no e-mail address", letter["headers"]["x-dead-error"])
        self.until("the journey says why Mautic hears nothing", lambda: [
            step for step in self.steps(quote) if "no e-mail" in step["note"]])

        # Signed on paper.
        self.directus.update("quotes", quote, status="signed")
        self.quote_is(quote, "awaiting_deposit")
        (row,) = self.directus.rows("client_invoices", quote_id=quote)
        letter = self.until("the invoice cannot be mailed", lambda: [
            one for one in self.system.records("invoice-ninja.dead-letters")
            if row["id"] in one["payload"]])[0]
        self.assertRegex(letter["headers"]["x-dead-error"],
                         "is not mailed: .* has an e-mail address")
        self.pay("DAINAMICS", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(self.mails("DAINAMICS", row), [])
        self.assertEqual(len(self.payments(row)), 1)
        self.assertTrue(self.directus.read("companies", firm)["is_client"])
        self.assertEqual(
            [kind for kind, _ in self.facts("contact:" + contact)],
            ["client.converted"])

    def test_an_address_given_later_is_used_by_the_replay(self):
        firm = self.new_firm()
        contact = self.new_contact("DAINAMICS", company_id=firm, email=None)
        quote = self.new_quote("DAINAMICS", contact, company_id=firm)
        self.send(quote)
        self.becomes(quote, "sent", "failed")
        (letter,) = self.dead_letters(quote)
        email = "late.%s@example.com" % contact[:8]
        self.directus.update("people", contact, email=email)
        self.system.relais("dead", "replay", "docuseal.dead-letters/%d/%d" % (
            letter["partition"], letter["offset"]))
        self.simulator.sign(self.requested(quote, 60))
        row = self.deposit(quote)
        self.assertEqual(len(self.mails("DAINAMICS", row)), 1)
        self.at_rest()
        self.assertEqual(self.segments(email), set())
