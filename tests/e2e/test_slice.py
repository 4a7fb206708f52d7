"""The slice: from a quote that is sent to its signed document in Directus."""

from harness import Case


class Slice(Case):
    def test_a_quote_that_is_sent_gets_one_submission_and_is_signed(self):
        quote, submission = self.sent_quote()
        self.assertEqual(self.status(quote), ("sent", "pending"))
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, submission)
        self.assertEqual(len(self.posts(quote)), 1)
