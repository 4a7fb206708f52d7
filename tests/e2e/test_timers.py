"""Follow-ups, expiry and reminders over simulated weeks: the clock of the business is
moved, programs end and come back, nothing is said in bursts or twice."""

from harness.journey import Journey

LADDER = ("first", "second", "final", "collection")


class Timers(Journey):
    # Another value than elsewhere: who comes before or after runs programs of its own,
    # so no clock of ours is left in them.
    settings = {**Journey.settings, "SWEEP_INTERVAL_MS": "700"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.system.execute, cls.system.env["DATABASE_URL"],
                            "DELETE FROM relais.clock;")

    def open_quote(self, **fields):
        """A quote that waits for its signature; its id, the person's address."""
        firm, contact, email = self.new_client("ENKI_REALTY")
        quote = self.new_quote("ENKI_REALTY", contact, company_id=firm,
                               **{"valid_until": self.day(60), **fields})
        self.send(quote)
        submission = self.requested(quote, 60)
        self.until("the person is told", lambda: self.entries(email, "quote_sent"), 60)
        self.at_rest()
        return quote, email, submission

    def followed_up(self, quote, email, times):
        self.until("%d follow-ups were sent" % times, lambda: (
            self.entries(email, "quote_followup") == times
            and self.quote(quote)["followup_count"] == times), 60)
        self.at_rest()
        self.assertEqual(self.entries(email, "quote_followup"), times)
        self.assertEqual(self.quote(quote)["followup_count"], times)

    def test_follow_ups_come_every_three_days_until_the_signature(self):
        quote, email, submission = self.open_quote()
        self.forward("71h")
        self.at_rest()
        self.assertEqual(self.entries(email, "quote_followup"), 0)
        self.forward("1h")
        self.followed_up(quote, email, 1)
        self.system["orchestrator"].kill()
        self.system["orchestrator"].restart()
        self.forward("3d")
        self.followed_up(quote, email, 2)
        # Ten days without anybody: one, and the next three days later.
        self.system["orchestrator"].stop()
        self.forward("10d")
        self.system["orchestrator"].restart()
        self.followed_up(quote, email, 3)
        self.forward("2d")
        self.at_rest()
        self.followed_up(quote, email, 3)
        self.simulator.sign(submission)
        self.quote_is(quote, "awaiting_deposit")
        self.at_rest()
        self.assertEqual(self.timers("quote:" + quote), {})
        self.forward("4d")
        self.followed_up(quote, email, 3)

    def test_a_quote_expires_at_the_midnight_after_its_last_day(self):
        quote, email, submission = self.open_quote(valid_until=self.day(2))
        timers = self.timers("quote:" + quote)
        self.assertEqual(timers["orchestrator.expire"], self.day(3) + " 00:00")
        # People give it another day.
        self.directus.update("quotes", quote, valid_until=self.day(3))
        later = self.day(4) + " 00:00"
        self.until("the timer follows", lambda: self.timers(
            "quote:" + quote)["orchestrator.expire"] == later)
        self.forward("3d")
        self.at_rest()
        self.assertEqual(self.quote(quote)["status"], "sent")
        self.forward("1d")
        self.quote_is(quote, "expired")
        self.at_rest()
        self.assertFalse(self.live(quote))
        self.assertNotIn("pending_quotes", self.segments(email))
        self.assertEqual(self.timers("quote:" + quote), {})
        kinds = [kind for kind, _ in self.facts("quote:" + quote)]
        self.assertEqual(kinds.count("quote.expired"), 1)

    def overdue(self, quote):
        """The levels that were said of the quote's deposit, in order."""
        return [data["days"] for kind, data in self.facts("quote:" + quote)
                if kind == "invoice.overdue"]

    def reminded(self, quote, row, email, level, times, mails=None):
        """The level is reached, with that many reminders so far; some of which Mautic
        may not have played."""
        mails = times if mails is None else mails
        self.until("the reminder %s went out" % level, lambda: (
            self.directus.read("client_invoices", row["id"])["last_reminder_level"]
            == level and self.entries(email, "payment_reminder") == mails), 60)
        self.at_rest()
        self.assertEqual(self.entries(email, "payment_reminder"), mails)
        self.assertEqual(len(self.overdue(quote)), times)
        self.assertIn("overdue_payments", self.segments(email))

    def deposit_of_new_client(self):
        firm, contact, email = self.new_client("HYPERVISUAL")
        quote, row = self.billed_quote("HYPERVISUAL", contact, company_id=firm,
                                       valid_until=self.day(60))
        self.at_rest()
        self.assertEqual(row["due_date"], self.day(10))
        self.assertEqual(self.timers("invoice:" + row["id"]), {
            "orchestrator.overdue": self.day(11) + " 00:00"})
        return quote, row, email

    def test_reminders_climb_the_ladder_level_by_level(self):
        quote, row, email = self.deposit_of_new_client()
        self.forward("10d")
        self.at_rest()
        self.assertEqual(self.entries(email, "payment_reminder"), 0)
        for times, (days, level) in enumerate(
                zip(("1d", "7d", "7d", "16d"), LADDER), start=1):
            self.forward(days)
            self.reminded(quote, row, email, level, times)
            if level == "second":
                self.system["orchestrator"].kill()
                self.system["orchestrator"].restart()
        self.assertEqual(self.overdue(quote), [1, 8, 15, 31])
        self.forward("60d")
        self.reminded(quote, row, email, "collection", 4)
        self.pay("HYPERVISUAL", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertNotIn("overdue_payments", self.segments(email))

    def test_after_a_downtime_only_the_highest_level_is_said_and_none_after_payment(self):
        quote, row, email = self.deposit_of_new_client()
        other, other_row, other_email = self.deposit_of_new_client()
        self.system["orchestrator"].stop()
        self.forward("26d")
        self.system["orchestrator"].restart()
        self.reminded(quote, row, email, "final", 1)
        self.reminded(other, other_row, other_email, "final", 1)
        self.assertEqual(self.overdue(quote), [16])
        self.pay("HYPERVISUAL", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(self.timers("invoice:" + row["id"]), {})
        self.forward("30d")
        self.reminded(other, other_row, other_email, "collection", 2)
        self.assertEqual(self.entries(email, "payment_reminder"), 1)
        self.assertEqual(self.overdue(quote), [16])

    def test_after_weeks_without_the_worker_of_mautic_each_gets_one_mail(self):
        worker = self.system["mautic"]
        self.weeks_without(worker.stop, worker.restart)

    def test_after_weeks_without_mautic_each_gets_one_mail(self):
        simulator = self.system.programs["relais-sim-mautic"]
        self.weeks_without(simulator.kill, simulator.restart)

    def weeks_without(self, leave, come_back):
        quote, email, _ = self.open_quote()
        billed, row, debtor = self.deposit_of_new_client()
        leave()
        try:
            for times in range(1, 10):
                self.forward("3d")
                self.until("%d follow-ups are said" % times, lambda: self.quote(quote)[
                    "followup_count"] == times, 60)
            self.until("all levels but one are said", lambda: self.directus.read(
                "client_invoices", row["id"])["last_reminder_level"] == "final", 60)
        finally:
            come_back()
        self.mailed(email, "quote_followup", 1)
        self.mailed(debtor, "payment_reminder", 1)
        (note,) = [text for text in self.notes(debtor) if "payment_reminder" in text]
        self.assertIn("final", note)
        self.assertEqual(len(self.overdue(billed)), 3)
        # What comes next comes in its time.
        self.forward("2d")
        self.at_rest()
        self.mailed(email, "quote_followup", 1)
        self.forward("1d")
        self.mailed(email, "quote_followup", 2)
        self.mailed(debtor, "payment_reminder", 1)
        self.forward("12d")
        self.mailed(email, "quote_followup", 3)
        self.reminded(billed, row, debtor, "collection", 4, mails=2)

    def mailed(self, email, campaign, times):
        self.until("%s: %d" % (campaign, times),
                   lambda: self.entries(email, campaign) >= times, 120)
        self.at_rest()
        self.assertEqual(self.entries(email, campaign), times)
        self.assertEqual(len([text for text in self.notes(email) if campaign in text]),
                         times)

    def test_who_got_the_money_back_is_not_dunned(self):
        quote, row, email = self.deposit_of_new_client()
        paid = self.pay("HYPERVISUAL", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.forward("20d")
        self.ninja.refund("HYPERVISUAL", paid["id"], amount=row["amount"])
        self.until("a person is told", lambda: self.system.ledger(
            "SELECT 1 FROM relais.attention WHERE kind = 'payment.refunded'"
            " AND entity = :'entity'", entity="invoice:" + row["id"]), 60)
        self.at_rest()
        self.forward("30d")
        self.at_rest()
        now = self.directus.read("client_invoices", row["id"])
        self.assertEqual((now["status"], now["balance"], now["last_reminder_level"]),
                         ("sent", row["amount"], None))
        self.assertEqual(self.entries(email, "payment_reminder"), 0)
        self.assertEqual(self.overdue(quote), [])
        self.assertNotIn("overdue_payments", self.segments(email))
        self.assertEqual(self.timers("invoice:" + row["id"]), {})

    def test_reminders_follow_a_due_date_that_is_moved_and_end_with_the_invoice(self):
        quote, row, email = self.deposit_of_new_client()
        self.directus.update("client_invoices", row["id"], due_date=self.day(20))
        later = self.day(21) + " 00:00"
        self.until("the timer follows", lambda: self.timers(
            "invoice:" + row["id"])["orchestrator.overdue"] == later)
        self.forward("12d")
        self.at_rest()
        self.assertEqual(self.overdue(quote), [])
        self.forward("9d")
        self.reminded(quote, row, email, "first", 1)
        self.directus.update("client_invoices", row["id"], status="cancelled")
        self.until("who owes nothing is among the overdue no more",
                   lambda: "overdue_payments" not in self.segments(email), 60)
        self.at_rest()
        self.assertEqual(self.timers("invoice:" + row["id"]), {})

    def test_who_opted_out_is_asked_billed_and_dunned_all_the_same(self):
        """No campaign that advertises; signature, invoice and reminders are none."""
        firm, contact, email = self.new_client("DAINAMICS", email_opted_in=False)
        quote, row = self.billed_quote("DAINAMICS", contact, company_id=firm,
                                       valid_until=self.day(60))
        self.at_rest()
        self.assertEqual(self.mautic.contact(email)["entries"], [])
        self.assertEqual(len(self.submissions(quote)), 1)
        self.assertEqual(len(self.mails("DAINAMICS", row)), 1)
        self.forward("12d")
        self.reminded(quote, row, email, "first", 1)
        self.pay("DAINAMICS", row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(self.segments(email), {"clients"})
        self.assertEqual(len(self.mautic.contact(email)["entries"]), 1)
