"""Webhooks that come too often, in the wrong order, too early, or not at all."""

from harness import Case


class Repeated(Case):
    def test_webhooks_thrice_in_disorder_and_before_the_answer_change_nothing(self):
        """Every webhook comes three times, others pass it, and those that a call of our
        own causes come before that call has answered."""
        quote = self.new_quote()
        self.simulator.fault("webhook_before_answer", match=quote, count=-1)
        self.simulator.fault("webhook_triple", match=quote, count=-1)
        self.simulator.fault("webhook_reorder", match=quote, count=-1, ms=300)
        self.send(quote)
        submission = self.requested(quote)
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        steps = self.settled(quote)

        self.assert_signed(quote, submission)
        self.assertEqual(len(self.submissions(quote)), 1)
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.count_facts(quote), {
            "quote.sent": 1, "signature.requested": 1, "quote.viewed": 1,
            "quote.signed": 1,
        })
        self.assertEqual(self.count_calls(steps, "POST /files"), 2)
        hits = {row["kind"]: row["hits"] for row in self.simulator.faults()}
        self.assertEqual(hits["webhook_triple"], 5)
        self.assertGreater(hits["webhook_before_answer"], 0)
        self.assertEqual(hits["webhook_reorder"], 5)
        hooks = self.deliveries(submission)
        self.assertEqual(set(hooks), {
            "submission.created", "form.viewed", "form.started", "form.completed",
            "submission.completed",
        })
        for event, statuses in hooks.items():
            self.assertEqual(statuses, [200, 200, 200], event)

    def test_an_old_webhook_that_comes_again_after_the_end_moves_nothing_back(self):
        quote, submission = self.sent_quote()
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        facts, updated = self.count_facts(quote), self.quote(quote)
        for hook in self.hooks(submission):
            self.simulator.resend(hook["id"])
        self.settled(quote)
        self.assertEqual(self.count_facts(quote), facts)
        self.assertEqual(self.quote(quote), updated)
        self.assertEqual(len(self.logs(quote)), 1)

    def hooks(self, submission):
        signers = {row["id"] for row in self.simulator.api(
            "GET", "/submissions/%d" % submission)["submitters"]}
        return [hook for hook in self.simulator.webhooks()
                if hook["subject"] == submission or hook["subject"] in signers]

    def deliveries(self, submission):
        """The answers that each webhook got, by event."""
        found = {}
        for hook in self.hooks(submission):
            found.setdefault(hook["event_type"], []).extend(hook["statuses"])
        return found

    def count_calls(self, steps, call):
        return sum(step["calls"].count(call) for step in steps)


class Lost(Case):
    """No webhook arrives at all: the sweep finds what happened."""

    settings = {"SWEEPS": "true", "SWEEP_INTERVAL_MS": "1000",
                "DOCUSEAL_WEBHOOK_WAIT_MS": "0"}

    def setUp(self):
        super().setUp()
        self.simulator.fault("webhook_lost", count=-1)

    def test_the_sweep_finds_a_completion(self):
        quote, submission = self.sent_quote()
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed", 60)
        self.settled(quote)
        self.assert_signed(quote, submission)
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.count_facts(quote)["quote.signed"], 1)

    def test_the_sweep_finds_what_was_viewed_declined_expired_or_archived(self):
        acts = {
            "viewed": (self.simulator.view, "viewed", "viewed"),
            "declined": (lambda id: self.simulator.decline(id, "Non."), "rejected",
                         "declined"),
            "expired": (self.simulator.expire, "expired", "expired"),
            "archived": (self.simulator.archive, "sent", "cancelled"),
        }
        quotes = {name: self.sent_quote() for name in acts}
        for name, (quote, submission) in quotes.items():
            acts[name][0](submission)
        for name, (quote, _) in quotes.items():
            with self.subTest(name):
                self.becomes(quote, acts[name][1], acts[name][2], 60)
                self.assertEqual(len(self.posts(quote)), 1)

    def test_a_broken_webhook_is_brought_to_a_persons_attention(self):
        quote, submission = self.sent_quote()
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed", 60)
        (row,) = self.system.ledger(
            "SELECT entity, text FROM relais.attention"
            " WHERE kind = 'docuseal.webhook-missing'")
        self.assertIn("check the webhook's URL", row["text"])
        self.assertIn("docuseal.webhook-missing", self.system.relais("status"))
