"""Mautic beside the journey: campaigns, segments, notes, consent both ways, and an
outage that disturbs nobody else."""

import datetime
import hashlib
import json
import time
import uuid

from harness import Case
from harness.case import now_text

QUOTE_SENT, QUOTE_FOLLOWUP, PAYMENT_REMINDER, WELCOME, NURTURING = 1, 2, 3, 4, 5
LEADS, PROSPECTS, CLIENTS, PENDING_QUOTES, OVERDUE = 1, 2, 3, 4, 5
MAUTIC = "relais-sim-mautic"


class Marketing(Case):
    settings = {"INTEGRATIONS": "docuseal,mautic", "MAUTIC_PER_SECOND": "0"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mautic = cls.system.mautic

    def setUp(self):
        super().setUp()
        self.addCleanup(self.mautic.no_faults)

    # Who, and what Mautic has of him.

    def new_contact(self, owner="HYPERVISUAL", **fields):
        email = "zoe.%s@example.com" % uuid.uuid4().hex[:10]
        return super().new_contact(owner, **{"email": email, **fields})

    def email(self, contact):
        return self.directus.read("people", contact, "email")["email"]

    def in_mautic(self, email):
        """The contact of that address, once there is one."""
        def look():
            try:
                return self.mautic.contact(email)
            except LookupError:
                return None

        return self.until("Mautic has a contact", look)

    def entries(self, email, campaign):
        return [row for row in self.mautic.contact(email)["entries"]
                if row["campaign"] == campaign]

    def notes(self, email):
        """The headlines of the notes, in the order in which they were written."""
        rows = sorted(self.mautic.contact(email)["notes"], key=lambda row: row["id"])
        return [row["text"].split("Event: ")[1].split("<")[0] for row in rows]

    def noted(self, email, *headlines):
        self.until("the notes are %s" % (headlines,),
                   lambda: self.known(email) and self.notes(email) == list(headlines))

    def known(self, email):
        try:
            return self.mautic.contact(email)
        except LookupError:
            return None

    def opted_in(self, contact):
        return self.directus.read("people", contact, "email_opted_in")["email_opted_in"]

    def facts(self, contact, kind):
        return [row for row in self.system.records("journey.facts")
                if row["key"] == "contact:" + contact
                and row["headers"].get("ce_type") == kind]

    # Work for Mautic, and its end.

    def command(self, kind, key, **data):
        event = str(uuid.uuid4())
        self.system.produce("mautic.commands", key, json.dumps(data).encode(), {
            "ce_specversion": "1.0", "ce_id": event, "ce_source": "relais/e2e",
            "ce_type": kind, "ce_subject": key, "ce_time": now_text(),
            "content-type": "application/json",
        })
        return event

    def finished(self, event):
        return bool(self.system.ledger(
            "SELECT 1 FROM relais.finished_event WHERE worker = 'relais-mautic'"
            " AND event IN (:'event', 'relais/e2e ' || :'event')", event=event))

    def come_to_rest(self, email, quote=None):
        """Until all there was to do for the person is done."""
        if quote:
            self.settled(quote)
        key = lane(email)
        self.until("the outbox is empty", lambda: not self.system.ledger(
            "SELECT seq FROM relais.outbox WHERE key = :'key'", key=key))
        self.mautic.idle()
        last = self.command("mautic.form_on_submit", key, company="", body={})
        self.until("what comes last in the lane is finished",
                   lambda: self.finished(last), 60)


def lane(email):
    return "person:" + hashlib.sha256(email.lower().encode()).hexdigest()


class Journey(Marketing):
    def test_a_quote_comes_and_goes_in_mautic_as_in_directus(self):
        quote, submission = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        person = self.mautic.contact(email)
        self.assertEqual(person["segments"], [PENDING_QUOTES])
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)
        self.assertEqual(person["values"]["lastname"].split()[0], "Rochat")
        self.assertEqual(sorted(person["tags"]), ["directus-sync", "hypervisual"])
        row = self.directus.read("people", contact)
        self.assertEqual(row["mautic_contact_id"], str(person["id"]))
        self.assertIsNotNone(row["mautic_synced_at"])

        self.simulator.sign(submission)
        self.noted(email, "quote_sent", "quote_signed")
        self.come_to_rest(email, quote)
        self.assertEqual(self.mautic.contact(email)["segments"], [])
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)

    def test_a_rejected_quote_leaves_unless_another_is_open(self):
        contact = self.new_contact()
        email = self.email(contact)
        first, submission = self.sent_quote(contact=contact)
        second, other = self.sent_quote(contact=contact)
        self.noted(email, "quote_sent", "quote_sent")
        self.simulator.decline(submission, "trop cher")
        self.becomes(first, "rejected", "declined")
        self.noted(email, "quote_sent", "quote_sent", "quote_closed")
        self.assertEqual(self.mautic.contact(email)["segments"], [PENDING_QUOTES])
        self.simulator.decline(other, "trop tard")
        self.becomes(second, "rejected", "declined")
        self.noted(email, "quote_sent", "quote_sent", "quote_closed", "quote_closed")
        self.come_to_rest(email)
        self.assertEqual(self.mautic.contact(email)["segments"], [])

    def test_two_quotes_sent_at_once_are_one_contact_and_two_entries(self):
        contact = self.new_contact()
        email = self.email(contact)
        quotes = [self.new_quote(contact=contact) for _ in range(2)]
        for quote in quotes:
            self.send(quote)
        self.noted(email, "quote_sent", "quote_sent")
        self.come_to_rest(email, quotes[1])
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 2)

    def test_what_is_said_three_times_is_one_entry_and_one_note(self):
        quote, _ = self.sent_quote()
        email = self.email(self.quote(quote)["contact_id"])
        self.noted(email, "quote_sent")
        for _ in range(3):
            self.command("mautic.quote-sent", lane(email), company="HYPERVISUAL",
                         quote=quote)
        self.come_to_rest(email, quote)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)
        self.assertEqual(self.notes(email), ["quote_sent"])

    def cut_everything(self, kind):
        """Each call that creates something is cut once."""
        for path in ("/api/contacts/new", "/api/campaigns/", "/api/notes/new"):
            self.mautic.fault(kind, method="POST", path_prefix=path)
        quote, _ = self.sent_quote()
        email = self.email(self.quote(quote)["contact_id"])
        self.until("every fault has struck", lambda: not [
            row for row in self.mautic.faults() if row["left"]], 60)
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)
        self.assertEqual(self.notes(email), ["quote_sent"])

    def test_what_was_cut_before_it_was_done_is_done_once(self):
        self.cut_everything("cut_before")

    def test_what_was_cut_after_it_was_done_is_not_done_again(self):
        self.cut_everything("cut_after")

    def test_two_people_with_one_address_are_one_contact(self):
        first = self.new_contact()
        email = self.email(first)
        second = self.new_contact(email=email.upper(), first_name="Zara")
        quotes = [self.new_quote(contact=who) for who in (first, second)]
        for quote in quotes:
            self.send(quote)
        self.noted(email, "quote_sent", "quote_sent")
        self.come_to_rest(email)
        person = self.mautic.contact(email)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 2)
        for who in (first, second):
            row = self.directus.read("people", who)
            self.assertEqual(row["mautic_contact_id"], str(person["id"]))

    def test_without_an_address_the_journey_says_so(self):
        quote = self.new_quote(contact=self.new_contact(email=None))
        self.send(quote)
        self.until("the journey says it", lambda: [
            step for step in self.steps(quote) if "no e-mail" in step["note"]])

    def test_a_contact_merged_in_mautic_goes_on_as_the_winner(self):
        quote, submission = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        self.noted(email, "quote_sent")
        loser = self.mautic.contact(email)["id"]
        winner = self.mautic.control("POST", "contact", {
            "firstname": "Zoé", "email": "winner." + email})["id"]
        self.mautic.control("POST", "merge", {"loser": loser, "winner": winner})
        self.until("Directus knows the winner", lambda: self.directus.read(
            "people", contact)["mautic_contact_id"] == str(winner))
        self.simulator.sign(submission)
        self.until("the winner has the note", lambda: [
            row for row in self.mautic.state()["contacts"] if row["id"] == winner
            and any("quote_signed" in note["text"] for note in row["notes"])])


class Leads(Marketing):
    def new_lead(self, **fields):
        email = "lead.%s@example.com" % uuid.uuid4().hex[:8]
        lead = self.directus.create("leads", {
            "first_name": "Luc", "last_name": "Favre", "email": email, "score": 40,
            "status": "new", "owner_company": "LEXAIA", **fields})
        return lead, email

    def applied(self, lead, points):
        self.until("%d points are applied" % points, lambda: self.directus.read(
            "leads", lead)["mautic_points_applied"] == points)

    def test_points_follow_the_score_and_a_promising_lead_is_nurtured_once(self):
        lead, email = self.new_lead()
        self.applied(lead, 40)
        person = self.mautic.contact(email)
        self.assertEqual((person["points"], person["segments"]), (40, [LEADS]))
        self.mautic.control("POST", "points", {"contact": person["id"], "delta": 7})

        self.mautic.fault("cut_after", method="POST", match="/points/")
        self.directus.update("leads", lead, score=60, status="qualified")
        self.applied(lead, 60)
        self.directus.update("leads", lead, score=55)
        self.applied(lead, 55)
        self.come_to_rest(email)
        person = self.mautic.contact(email)
        self.assertEqual(person["points"], 62)
        self.assertEqual(sorted(person["segments"]), [LEADS, PROSPECTS])
        self.assertEqual(len(self.entries(email, NURTURING)), 1)

    def test_a_lead_that_is_won_becomes_a_client_once(self):
        contact = self.new_contact()
        email = self.email(contact)
        lead, _ = self.new_lead(email=email, contact_id=contact, status="qualified")
        self.applied(lead, 40)
        self.directus.update("leads", lead, status="won")
        self.noted(email, "client_converted")
        self.directus.update("leads", lead, status="qualified")
        self.directus.update("leads", lead, status="won")
        self.come_to_rest(email)
        self.assertEqual(len(self.entries(email, WELCOME)), 1)
        self.assertEqual(self.notes(email), ["client_converted"])


class Money(Marketing):
    def test_a_reminder_goes_out_once_a_level_and_a_payment_ends_it(self):
        contact = self.new_contact(email_opted_in=False)
        email = self.email(contact)
        # The orchestrator itself reminds of it, too, and at this age by the first level.
        due_date = datetime.date.today() - datetime.timedelta(days=3)
        invoice = self.directus.create("client_invoices", {
            "invoice_number": "E2E-" + uuid.uuid4().hex[:8], "contact_id": contact,
            "owner_company": "HYPERVISUAL", "amount": "100.00", "balance": "100.00",
            "due_date": str(due_date), "status": "draft"})
        self.directus.update("client_invoices", invoice, status="sent")
        for level in ("first", "first", "second"):
            self.command("mautic.payment-reminder", lane(email), level=level,
                         company="HYPERVISUAL", invoice=invoice)
        self.in_mautic(email)
        self.come_to_rest(email)
        self.assertEqual(self.mautic.contact(email)["segments"], [OVERDUE])
        # Dunning is not marketing: no consent is needed.
        self.assertGreaterEqual(len(self.entries(email, PAYMENT_REMINDER)), 2)
        levels = [row["text"] for row in self.mautic.contact(email)["notes"]]
        self.assertEqual(len([text for text in levels if '"first"' in text]), 1)
        self.assertEqual(len([text for text in levels if '"second"' in text]), 1)

        self.directus.update("client_invoices", invoice, status="paid",
                             balance="0.00")
        payment = self.directus.create("payments", {
            "invoice_id": invoice, "amount": "100.00", "status": "completed",
            "source": "bank"})
        self.command("mautic.payment-received", lane(email), company="HYPERVISUAL",
                     invoice=invoice, payment=payment)
        self.until("the contact has left", lambda: self.mautic.contact(
            email)["segments"] == [])
        self.come_to_rest(email)
        self.assertEqual(self.notes(email).count("payment_received"), 1)


class Consent(Marketing):
    def test_who_opted_out_gets_no_campaign_but_his_papers(self):
        contact = self.new_contact(email_opted_in=False)
        quote, _ = self.sent_quote(contact=contact)
        email = self.email(contact)
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        person = self.mautic.contact(email)
        self.assertEqual(person["entries"], [])
        self.assertEqual([row["reason"] for row in person["dnc"]], [3])
        self.assertEqual(len(self.submissions(quote)), 1)
        self.assertEqual(self.facts(contact, "contact.unsubscribed"), [])

    def test_who_unsubscribes_in_mautic_is_opted_out_in_every_row(self):
        quote, _ = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        twin = self.new_contact(email=email.title())
        self.noted(email, "quote_sent")
        self.mautic.control("POST", "unsubscribe", {"email": email})
        self.until("both rows are opted out",
                   lambda: not self.opted_in(contact) and not self.opted_in(twin))
        self.come_to_rest(email)
        for who in (contact, twin):
            self.assertEqual(len(self.facts(who, "contact.unsubscribed")), 1)

        again, _ = self.sent_quote(contact=contact)
        self.noted(email, "quote_sent", "quote_sent")
        self.come_to_rest(email, again)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)

        self.mautic.control("POST", "resubscribe", {"email": email})
        self.until("both rows are opted in again",
                   lambda: self.opted_in(contact) and self.opted_in(twin))
        self.come_to_rest(email)
        self.assertEqual(len(self.facts(contact, "contact.resubscribed")), 1)

    def test_who_opts_out_in_directus_is_blocked_in_mautic_each_time(self):
        quote, _ = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        for opted_in, reasons in ((False, [3]), (True, []), (False, [3])):
            self.directus.update("people", contact, email_opted_in=opted_in)
            self.until("Mautic has heard", lambda: [
                row["reason"] for row in self.mautic.contact(email)["dnc"]] == reasons)
        self.come_to_rest(email)
        self.assertFalse(self.opted_in(contact))
        self.assertEqual(self.facts(contact, "contact.unsubscribed"), [])

    def test_one_row_that_wants_no_mails_speaks_for_the_other(self):
        contact = self.new_contact()
        email = self.email(contact)
        self.new_contact(email=" " + email.title(), email_opted_in=False)
        quote, _ = self.sent_quote(contact=contact)
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        self.assertEqual(self.mautic.contact(email)["entries"], [])
        self.assertEqual(len(self.submissions(quote)), 1)

    def test_a_bounce_opts_out(self):
        quote, _ = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        self.noted(email, "quote_sent")
        self.mautic.control("POST", "bounce", {"email": email})
        self.until("the row is opted out", lambda: not self.opted_in(contact))
        self.assertEqual(len(self.facts(contact, "contact.bounced")), 1)


class Lost(Marketing):
    settings = {**Marketing.settings, "SWEEPS": "true"}

    def test_an_unsubscription_without_its_webhook_is_found(self):
        quote, _ = self.sent_quote()
        contact = self.quote(quote)["contact_id"]
        email = self.email(contact)
        self.noted(email, "quote_sent")
        self.mautic.fault("webhook_lost", count=-1)
        self.mautic.control("POST", "unsubscribe", {"email": email})
        self.until("the row is opted out", lambda: not self.opted_in(contact))

    def test_a_webhook_that_mautic_switched_off_is_switched_on_again(self):
        (hook,) = self.mautic.state()["hooks"]
        self.mautic.control("POST", "hook", {"id": hook["id"], "published": False})
        self.until("the webhook is on again", lambda: self.mautic.state()[
            "hooks"][0]["published"])
        self.assertIn("mautic.webhook-off", self.system.relais("attention", "list"))


class Batches(Marketing):
    def test_two_that_unsubscribe_in_one_batch_are_both_opted_out(self):
        contacts = [self.quote(self.sent_quote()[0])["contact_id"] for _ in range(2)]
        emails = [self.email(contact) for contact in contacts]
        for email in emails:
            self.noted(email, "quote_sent")
        self.addCleanup(self.mautic.config, webhook_mode="immediate", cron_ms="1000")
        self.mautic.config(webhook_mode="process", cron_ms="0")
        for email in emails:
            self.mautic.control("POST", "unsubscribe", {"email": email})
        self.mautic.control("POST", "process_webhooks", {})
        self.until("both are opted out",
                   lambda: not any(self.opted_in(contact) for contact in contacts))
        (batch,) = [line for line in self.system["ingest"].lines()
                    if line["event"] == "webhook" and line["events"] == len(emails)
                    and line["type"] == "mautic.lead_channel_subscription_changed"]
        self.assertEqual(batch["status"], 200)
        for email, contact in zip(emails, contacts):
            self.come_to_rest(email)
            self.assertEqual(len(self.facts(contact, "contact.unsubscribed")), 1)


class Outage(Marketing):
    def test_mautic_is_away_while_a_quote_is_signed_and_catches_up_in_order(self):
        quote = self.new_quote()
        email = self.email(self.quote(quote)["contact_id"])
        simulator = self.system.programs[MAUTIC]
        simulator.kill()
        try:
            self.send(quote)
            submission = self.requested(quote)
            self.simulator.view(submission)
            self.simulator.sign(submission)
            self.becomes(quote, "signed", "completed")
        finally:
            simulator.restart()
        self.noted(email, "quote_sent", "quote_signed")
        self.come_to_rest(email, quote)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)
        self.assertEqual(self.mautic.contact(email)["segments"], [])

    def test_an_address_that_changes_while_commands_wait_is_followed(self):
        contact = self.new_contact()
        before = self.email(contact)
        after = "new." + before
        self.mautic.fault("500", count=-1)
        mark = self.mautic.mark()
        quote, _ = self.sent_quote(contact=contact)
        self.until("Mautic was tried", lambda: self.mautic.calls(since=mark))
        self.directus.update("people", contact, email=after)
        self.mautic.no_faults()
        self.noted(after, "quote_sent")
        self.come_to_rest(before)
        self.come_to_rest(after, quote)
        self.assertEqual(len(self.entries(after, QUOTE_SENT)), 1)
        self.assertIsNone(self.known(before))


    def test_a_known_contact_whose_address_changes_meanwhile_stays_one(self):
        first, _ = self.sent_quote()
        contact = self.quote(first)["contact_id"]
        before = self.email(contact)
        after = "new." + before
        self.noted(before, "quote_sent")
        known = self.mautic.contact(before)["id"]
        self.mautic.fault("500", count=-1)
        mark = self.mautic.mark()
        second, _ = self.sent_quote(contact=contact)
        self.until("Mautic was tried", lambda: self.mautic.calls(since=mark))
        self.directus.update("people", contact, email=after)
        self.mautic.no_faults()
        self.noted(after, "quote_sent", "quote_sent")
        self.come_to_rest(before, first)
        self.come_to_rest(after, second)
        self.assertEqual(self.mautic.contact(after)["id"], known)
        self.assertIsNone(self.known(before))
        self.assertEqual(len(self.entries(after, QUOTE_SENT)), 2)


class Two(Marketing):
    """Of Mautic's worker."""

    def second(self):
        worker = self.system.programs.get("relais-mautic-2") or self.system.add(
            "relais-mautic", 2)
        self.addCleanup(worker.stop)
        worker.up(**self.settings)
        return worker


class Budget(Two):
    per_second = 4
    settings = {**Marketing.settings, "MAUTIC_PER_SECOND": str(per_second)}

    def test_processes_share_a_budget(self):
        """Each alone may do what both together may. A contact takes two events: the
        command, and the webhook that it causes."""
        workers = (self.system["mautic"], self.second())
        before = [worker.metric("relais_attempts_total") for worker in workers]
        emails = ["budget.%d.%s@example.com" % (i, uuid.uuid4().hex[:8])
                  for i in range(30)]
        begin = time.monotonic()
        for email in emails:
            self.command("mautic.contact.sync", lane(email), company="",
                         body={"email": email, "last_name": "Budget"})

        def done():
            return [worker.metric("relais_attempts_total") - count
                    for worker, count in zip(workers, before)]

        self.until("all are done", lambda: sum(done()) >= 2 * len(emails), 90)
        # A second's worth is there at the begin, and the last second has not passed.
        most = self.per_second * (2 + time.monotonic() - begin)
        self.assertLessEqual(sum(done()), most)
        self.assertTrue(all(done()), done())


class Tokens(Two):
    def test_processes_share_a_token_and_renew_it_when_it_is_refused(self):
        self.mautic.control("POST", "expire_tokens")
        self.second()
        mark = self.mautic.mark()
        quotes = [self.new_quote() for _ in range(6)]
        for quote in quotes:
            self.send(quote)
        for quote in quotes:
            self.noted(self.email(self.quote(quote)["contact_id"]), "quote_sent")
        asked = self.mautic.calls(since=mark, path_prefix="/oauth/v2/token")
        self.assertLessEqual(len(asked), 2)
        refused = [row for row in self.mautic.calls(since=mark) if row["status"] == 401]
        self.assertTrue(refused)

    def test_a_user_of_the_api_does_where_there_are_no_credentials(self):
        worker = self.system["mautic"]
        self.addCleanup(worker.up, **self.settings)
        self.addCleanup(worker.stop)
        worker.stop()
        worker.up(**self.settings, MAUTIC_CLIENT_ID="", MAUTIC_CLIENT_SECRET="",
                  MAUTIC_USERNAME="relais", MAUTIC_PASSWORD="simulated-mautic-password")
        mark = self.mautic.mark()
        quote, _ = self.sent_quote()
        email = self.email(self.quote(quote)["contact_id"])
        self.noted(email, "quote_sent")
        self.come_to_rest(email, quote)
        self.assertEqual(len(self.entries(email, QUOTE_SENT)), 1)
        self.assertEqual(self.mautic.calls(since=mark, path_prefix="/oauth/v2/token"), [])
