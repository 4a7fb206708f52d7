"""The slice: from a quote that is sent to its signed document in Directus."""

import concurrent.futures

from harness import Case

OTHER_TEMPLATE = 27


class Slice(Case):
    # One of the companies has a template of its own.
    settings = {"DOCUSEAL_TEMPLATE_QUOTE_DAINAMICS": str(OTHER_TEMPLATE)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.simulator.control("POST", "template", {
            "id": OTHER_TEMPLATE, "name": "Devis DAINAMICS", "roles": ["Client"],
            "fields": [{"name": "quote_number", "role": "Client"},
                       {"name": "signature", "role": "Client", "type": "signature"}],
        })

    def play(self, owner):
        quote, submission = self.sent_quote(owner=owner)
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        return quote, submission

    def test_quotes_of_two_companies_at_once_are_each_signed_once(self):
        owners = ["HYPERVISUAL", "DAINAMICS"]
        with concurrent.futures.ThreadPoolExecutor() as pool:
            played = list(pool.map(self.play, owners))
        for owner, (quote, submission) in zip(owners, played):
            self.settled(quote)
            self.assert_signed(quote, submission)
            self.assertEqual(len(self.posts(quote)), 1)
            (signer,) = self.submission(quote)["submitters"]
            self.assertEqual(signer["metadata"]["company"], owner)
            self.assertEqual(signer["external_id"], "quote:%s:r1:client" % quote)
            self.assertIsNotNone(self.quote(quote)["viewed_at"])
            self.assertEqual(self.count_facts(quote), {
                "quote.sent": 1, "signature.requested": 1, "quote.viewed": 1,
                "quote.signed": 1,
            })
        templates = [self.submission(quote)["template"]["id"] for quote, _ in played]
        self.assertEqual(templates, [17, OTHER_TEMPLATE])

    def test_the_prefilled_fields_are_those_of_the_quote(self):
        quote, _ = self.sent_quote(title="Refonte", total="1234.50")
        number = self.quote(quote)["quote_number"]
        (signer,) = self.submission(quote)["submitters"]
        values = {row["field"]: row["value"] for row in signer["values"]}
        self.assertEqual(values.get("quote_number"), number)
        self.assertEqual(values.get("title"), "Refonte")
        self.assertEqual(values.get("total"), "1234.50")

    def test_a_quote_that_is_signed_unseen_is_signed_without_having_been_viewed(self):
        quote, submission = self.sent_quote()
        self.simulator.sign(submission, view=False)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, submission)
        self.assertNotIn("quote.viewed", self.count_facts(quote))
        self.assertEqual(len(self.posts(quote)), 1)

    def test_our_own_signature_follows_the_clients_which_is_logged_as_partial(self):
        quote, submission = self.sent_quote(requires_company_signature=True)
        client, company = self.submission(quote)["submitters"]
        self.assertEqual(company["external_id"], "quote:%s:r1:company" % quote)
        self.assertEqual(company["email"], "hypervisual@example.com")
        self.assertEqual(self.invited(submission), [client["id"]])

        self.simulator.sign(submission, role="Client")
        self.becomes(quote, "viewed", "partially_signed")
        (log,) = self.until("the address is logged", lambda: [
            log for log in self.logs(quote) if log["ip_address"]])
        self.assertEqual(log["status"], "partially_signed")
        self.assertEqual(log["provider_reference"], str(submission))
        self.assertFalse(self.quote(quote)["is_signed"])
        self.assertEqual(self.invited(submission), [client["id"], company["id"]])

        self.simulator.sign(submission, role="Company")
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, submission)
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.count_facts(quote)["quote.signed"], 1)

    def invited(self, submission):
        return [mail["submitter_id"] for mail in self.simulator.state()["mails"]
                if mail["submission_id"] == submission and mail["kind"] == "invitation"]
