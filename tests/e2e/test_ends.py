"""What else becomes of a sent quote: declined, expired, archived, withdrawn."""

from harness import Case


class Ends(Case):
    def test_a_quote_that_is_declined_is_rejected_with_the_clients_words(self):
        quote, submission = self.sent_quote()
        self.simulator.decline(submission, "Trop cher pour nous.")
        self.becomes(quote, "rejected", "declined")
        self.settled(quote)
        self.assertEqual(self.status(quote), ("rejected", "declined"))
        row = self.quote(quote)
        self.assertEqual(row["decline_reason"], "Trop cher pour nous.")
        self.assertFalse(row["is_signed"])
        (log,) = self.logs(quote)
        self.assertEqual((log["status"], log["decline_reason"]),
                         ("declined", "Trop cher pour nous."))
        self.assert_closed(quote)
        self.assertEqual(self.count_facts(quote)["quote.rejected"], 1)

    def test_a_quote_whose_submission_expires_is_expired(self):
        quote, submission = self.sent_quote()
        self.simulator.expire(submission)
        self.becomes(quote, "expired", "expired")
        self.settled(quote)
        self.assertEqual(self.status(quote), ("expired", "expired"))
        self.assert_closed(quote)
        self.assertEqual(self.count_facts(quote)["quote.expired"], 1)

    def test_a_submission_archived_by_hand_is_cancelled_and_not_asked_for_again(self):
        quote, submission = self.sent_quote()
        self.simulator.archive(submission)
        self.becomes(quote, "sent", "cancelled")
        self.settled(quote)
        self.assertEqual(self.status(quote), ("sent", "cancelled"))
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.deletions(quote), [])
        self.assertEqual(self.count_facts(quote)["signature.cancelled"], 1)

    def test_sent_draft_and_sent_again_withdraws_the_first_and_asks_for_a_second(self):
        quote, first = self.sent_quote()
        self.directus.update("quotes", quote, status="draft")
        self.becomes(quote, "draft", "cancelled")
        self.until("it is archived", lambda: self.live(quote) == [] or None)
        self.send(quote)
        second = self.requested(quote)
        self.settled(quote)
        self.assert_second_round(quote, first, second)

        self.simulator.sign(second)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, second)
        self.assertEqual(len(self.posts(quote)), 2)

    def test_a_person_who_changes_his_mind_faster_than_docuseal_answers(self):
        quote = self.new_quote()
        self.simulator.fault("latency", method="POST", path_prefix="/submissions",
                             match=quote, ms=1000, when="after")
        self.send(quote)
        self.until("the request is on its way", lambda: self.submissions(quote))
        self.directus.update("quotes", quote, status="draft")
        self.send(quote)
        self.settled(quote)
        second = self.requested(quote)
        first = self.submissions(quote)[0]["id"]
        self.assert_second_round(quote, first, second)
        self.assertEqual(self.status(quote), ("sent", "pending"))

    def assert_second_round(self, quote, first, second):
        rows = self.submissions(quote)
        self.assertEqual([(row["id"], row["live"]) for row in rows],
                         [(first, False), (second, True)])
        self.assertEqual([row["submitters"][0]["external_id"] for row in rows],
                         ["quote:%s:r%d:client" % (quote, n) for n in (1, 2)])
        self.assertEqual(len(self.posts(quote)), 2)
        self.assertEqual(self.deletions(quote), ["/submissions/%d" % first])

    def assert_closed(self, quote):
        """Asked for once, and nobody can sign it any more."""
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.live(quote), [])
        self.assertEqual(len(self.deletions(quote)), 1)

    def deletions(self, quote):
        return [call["path"] for call in self.calls(quote, "DELETE")]
