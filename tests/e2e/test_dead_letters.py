"""A refusal that no repetition can mend: a dead letter, mended data, a replay."""

import json

from harness import Case


class DeadLetters(Case):
    def test_a_bad_address_is_a_dead_letter_until_it_is_mended_and_replayed(self):
        contact = self.new_contact(email="zoe@invalid")
        quote = self.new_quote(contact=contact)
        others = [self.new_quote() for _ in range(5)]
        for each in (quote, *others):
            self.send(each)

        self.becomes(quote, "sent", "failed")
        letter = self.letter_of(quote)
        self.assert_others_never_waited(others)
        self.assert_letter_explains(letter)
        self.settled(quote)
        self.assertEqual(self.count_facts(quote),
                         {"quote.sent": 1, "signature.failed": 1})
        self.assertEqual(len(self.posts(quote)), 1)

        record = self.listed(quote)
        self.directus.update("people", contact, email="zoe.mended@example.com")
        self.system.relais("dead", "replay", record)
        submission = self.requested(quote)
        self.settled(quote)
        self.assertEqual(self.status(quote), ("sent", "pending"))
        said = self.system.relais("dead", "replay", record, check=False, both=True)
        self.assertIn("replayed before", said)
        self.settled(quote)
        self.assertEqual(self.submission(quote)["id"], submission)
        self.assertEqual([call["status"] for call in self.posts(quote)], [422, 200])
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")

    def test_what_comes_behind_a_dead_letter_goes_on(self):
        """Withdrawn and sent again with a good address, nobody has to replay it."""
        contact = self.new_contact(email="zoe@invalid")
        quote = self.new_quote(contact=contact)
        self.send(quote)
        self.becomes(quote, "sent", "failed")
        self.directus.update("quotes", quote, status="draft")
        self.directus.update("people", contact, email="zoe.mended@example.com")
        self.send(quote)
        submission = self.requested(quote)
        self.settled(quote)
        self.assertEqual(self.status(quote), ("sent", "pending"))
        self.assertEqual(self.submission(quote)["id"], submission)
        self.system.relais("dead", "replay", self.listed(quote))
        self.settled(quote)
        self.assertEqual(self.submission(quote)["id"], submission)

    def test_a_replay_before_it_is_mended_is_one_more_dead_letter(self):
        quote = self.new_quote(contact=self.new_contact(email="zoe@invalid"))
        self.send(quote)
        self.letter_of(quote)
        self.system.relais("dead", "replay", self.listed(quote))
        self.until("the second letter", lambda: len(self.dead_letters(quote)) == 2)
        self.settled(quote)
        self.assertEqual(self.status(quote), ("sent", "failed"))
        self.assertEqual(self.submissions(quote), [])

    def letter_of(self, quote):
        return self.until("the dead letter", lambda: self.dead_letters(quote))[0]

    def listed(self, quote):
        """What `relais dead list` calls the quote's only dead letter."""
        rows = json.loads(self.system.relais(
            "dead", "list", "--entity", "quote:" + quote, "--json"))
        (row,) = rows
        return row["record"]

    def assert_letter_explains(self, letter):
        """With the call, the provider's own words, and what to do."""
        headers = letter["headers"]
        self.assertEqual(headers["ce_type"], "docuseal.signature.request")
        self.assertIn("email is invalid", headers["x-dead-error"])
        self.assertEqual(headers["x-dead-status"], "422")
        self.assertEqual(headers["x-dead-attempts"], "1")
        self.assertIn("replay", headers["x-dead-hint"])
        self.assertIn("POST /submissions: 422", headers["x-dead-calls"])
        self.assertIn("POST %s/submissions\n" % self.system.env["DOCUSEAL_API_URL"],
                      headers["x-dead-request"])
        self.assertIn("@invalid", headers["x-dead-request"])
        self.assertIn("email is invalid", headers["x-dead-response"])
        shown = self.system.relais("dead", "show", self.listed(letter["key"].removeprefix("quote:")))
        for name in ("x-dead-rule", "x-dead-hint", "x-dead-request", "x-dead-response"):
            self.assertIn(name, shown)
        self.assertNotIn(self.system.env["DOCUSEAL_API_KEY"], json.dumps(letter))

    def assert_others_never_waited(self, others):
        for other in others:
            self.requested(other)
            tries = [(step["attempt"], step["outcome"]) for step in self.steps(other)
                     if step["type"] == "docuseal.signature.request"]
            self.assertEqual(tries, [(1, "done")])
            self.assertEqual(len(self.posts(other)), 1)
