"""A real flow of Directus that posts what happens to /events/directus."""

import json
import uuid

from harness import Case
from harness.billing import ALONE, OWNER, Billing


COLLECTIONS = ["quotes", "people", "leads", "client_invoices", "payments"]


class WithFlow(Case):
    """Directus has a flow that shows the secret, or `signed` one that signs with it."""

    signed = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.flow = make_flow(cls.directus, cls.system.env, cls.signed)
        cls.addClassCleanup(cls.directus.call, "DELETE", "/flows/" + cls.flow)

    def make_old(self, *rows):
        """As if the rows, (collection, key), had been there for a day: SQL is told by
        no flow."""
        url = self.system.deploy("superuser", self.system.run).strip()
        self.system.execute(url, "".join(
            "UPDATE %s SET date_created = now() - interval '1 day', date_updated = NULL"
            " WHERE id = '%s';" % row for row in rows))

    def switch_flow(self, status):
        self.directus.call("PATCH", "/flows/" + self.flow, {"status": status})
        self.addCleanup(self.directus.call, "PATCH", "/flows/" + self.flow,
                        {"status": "active"})

    def play(self):
        """From sent to signed; what has to be true in the end, however it was told."""
        quote = self.new_quote()
        self.send(quote)
        submission = self.requested(quote)
        self.simulator.view(submission)
        self.becomes(quote, "viewed", "viewed")
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        return quote, submission

    def assert_once(self, quote, submission):
        self.assert_signed(quote, submission)
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.count_facts(quote), {
            "quote.sent": 1, "signature.requested": 1, "quote.viewed": 1,
            "quote.signed": 1,
        })

    def told(self, quote, *ways):
        """Waits until a new title has been told in each of the ways, and everything
        before it is done. Writes one after the other are told in their order."""
        title = "Titre %s" % uuid.uuid4()
        self.directus.update("quotes", quote, title=title)
        for way in ways:
            self.until("it is told by " + way,
                       lambda way=way: self.tellings(quote, way, title))
        self.settled(quote)

    def told_by_log(self, quote):
        """The same for the activity log, whose entries come without content."""
        self.until("it is told by the log", lambda: len(
            self.tellings(quote, "relais/capture", "")) == self.log_entries(quote))
        self.settled(quote)

    def log_entries(self, quote):
        return len(self.directus.call(
            "GET", "/activity", limit="-1", fields="id",
            filter=json.dumps({"item": {"_eq": quote}})))

    def tellings(self, quote, way, text):
        """Changes of the quote in directus.changes that came this way."""
        return [record for record in self.system.records("directus.changes")
                if record["key"] == "quote:" + quote
                and record["headers"].get("ce_source") == way
                and text in (record["payload"] or "")]


class FlowBesideOutbox(WithFlow):
    def test_what_flow_and_outbox_both_tell_happens_once(self):
        quote, submission = self.play()
        self.told(quote, "directus", "relais/capture")
        self.assert_once(quote, submission)
        notes = [step["note"] for step in self.steps(quote)]
        self.assertTrue([note for note in notes if "flow" in note], notes)

    def test_sent_draft_and_sent_again_is_told_twice_and_done_once_each(self):
        quote, first = self.sent_quote()
        self.directus.update("quotes", quote, status="draft")
        self.becomes(quote, "draft", "cancelled")
        self.send(quote)
        second = self.requested(quote)
        self.told(quote, "directus", "relais/capture")
        self.assertEqual([row["id"] for row in self.submissions(quote)],
                         [first, second])
        self.assertEqual(len(self.posts(quote)), 2)
        self.assertEqual(self.count_facts(quote)["quote.sent"], 2)


class WithoutOutbox(WithFlow):
    @classmethod
    def setUpClass(cls):
        cls.settings = {"CAPTURE": "flow",
                        "DATABASE_URL": cls.system.env["DATABASE_URL"]}
        super().setUpClass()


class FlowAlone(WithoutOutbox):
    """Neither the outbox nor the activity log is read."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.system["capture"].stop()

    def test_the_flow_alone_is_enough(self):
        quote, submission = self.play()
        self.told(quote, "directus")
        self.assert_once(quote, submission)

    def test_an_old_status_told_once_more_sends_nothing(self):
        quote, _ = self.sent_quote()
        for number in range(3):
            self.directus.update("quotes", quote, status="sent", title=str(number))
        self.told(quote, "directus")
        self.assertEqual(len(self.posts(quote)), 1)
        self.assertEqual(self.count_facts(quote)["quote.sent"], 1)

    def test_a_quote_sent_before_the_flow_was_there_is_not_sent_when_saved_again(self):
        """A flow does not say what was before: baseline has to."""
        self.switch_flow("inactive")
        quote = self.new_quote(status="sent")
        self.make_old(("quotes", quote))
        told = json.loads(self.system.relais("baseline", "--json", CAPTURE="flow"))
        self.assertGreater(told["states"], 0)
        self.switch_flow("active")
        self.directus.update("quotes", quote, status="sent", title="Sauvegardé")
        self.told(quote, "directus")
        self.assertEqual(self.status(quote), ("sent", "none"))
        self.assertEqual(self.posts(quote), [])

    def test_many_quotes_in_one_request_are_all_sent(self):
        quotes = [self.new_quote() for _ in range(5)]
        self.directus.call("PATCH", "/items/quotes",
                           {"keys": quotes, "data": {"status": "sent"}}, fields="id")
        for quote in quotes:
            self.requested(quote)
            self.assertEqual(len(self.posts(quote)), 1)


class OldRows(WithFlow, Billing):
    """What was there before the flow is not taken for new: baseline says what it was."""

    @classmethod
    def setUpClass(cls):
        cls.settings = {**ALONE, "CAPTURE": "flow",
                        "DATABASE_URL": cls.system.env["DATABASE_URL"]}
        super().setUpClass()
        cls.system["capture"].stop()

    def before_the_flow(self, make):
        """Rows, (collection, key), that `make` makes and nobody tells of."""
        self.switch_flow("inactive")
        rows = make()
        self.make_old(*rows)
        self.system.relais("baseline", CAPTURE="flow")
        self.switch_flow("active")
        return [key for _, key in rows]

    def edit(self, collection, key, **fields):
        """Changes the row and returns what is noted of the hint."""
        def steps():
            return self.system.ledger(
                "SELECT id, note FROM relais.journey_step WHERE type = :'type'"
                " AND worker = 'relais-orchestrator' AND outcome = 'done' ORDER BY id",
                type="directus.%s.update" % collection)

        before = len(steps())
        self.directus.update(collection, key, **fields)
        self.until("the edit was looked at", lambda: len(steps()) > before)
        return steps()[-1]["note"]

    def test_an_old_payment_that_is_corrected_is_not_booked(self):
        row = self.mirrored(self.new_invoice())
        (old,) = self.before_the_flow(
            lambda: [("payments", self.book(row, "400.00"))])
        self.assertEqual(self.edit("payments", old, reference="camt 2"),
                         "not newly completed")
        # One that is new is booked, in the same lane.
        self.book(row, "300.00")
        self.invoice_is(row, "partial")
        self.assert_figures(row, "partial", "300.00", "781.00")

    def test_an_old_lead_that_was_won_converts_nobody(self):
        old_contact, contact = self.new_contact(OWNER), self.new_contact(OWNER)
        lead = {"last_name": "Rochat", "email": "zoe@example.com", "owner_company": OWNER}
        (old,) = self.before_the_flow(lambda: [("leads", self.directus.create(
            "leads", {**lead, "status": "won", "contact_id": old_contact}))])
        self.edit("leads", old, status="won", phone="021 555 00 00")
        # One that is won now converts its contact.
        new = self.directus.create("leads", {**lead, "status": "new",
                                             "contact_id": contact})
        self.edit("leads", new, status="won")
        self.until("the contact is a client",
                   lambda: self.facts("contact:" + contact, "client.converted"))
        self.assertEqual(self.facts("contact:" + old_contact, "client.converted"), [])

    def test_an_old_invoice_that_is_edited_is_not_mirrored(self):
        (old,) = self.before_the_flow(
            lambda: [("client_invoices", self.new_invoice())])
        self.assertEqual(
            self.edit("client_invoices", old, last_reminder_level="first"),
            "no billed field differs")
        self.mirrored(self.new_invoice())
        number = self.directus.read("client_invoices", old)["invoice_number"]
        self.assertEqual(self.ninja.invoices(OWNER, number), [])


class SignedFlowAlone(WithoutOutbox):
    signed = True

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.system["capture"].stop()

    def test_a_flow_that_signs_its_events_is_enough(self):
        quote, submission = self.play()
        self.told(quote, "directus")
        self.assert_once(quote, submission)


class FlowWithActivityLog(WithoutOutbox):
    def test_what_flow_and_activity_log_both_tell_happens_once(self):
        quote, submission = self.play()
        self.told(quote, "directus")
        self.told_by_log(quote)
        self.assert_once(quote, submission)

    def test_a_stack_without_outbox_gives_capture_the_ledger_instead(self):
        file = self.system.run / "stack.env"
        given = file.read_text()
        self.addCleanup(file.write_text, given)
        file.write_text(given.replace("CAPTURE=outbox\n", "CAPTURE=flow\n"))
        lines = self.system.deploy("settings", self.system.run, "relais-capture")
        settings = dict(line.split("=", 1) for line in lines.splitlines())
        self.assertEqual(settings["CAPTURE"], "flow")
        self.assertEqual(settings["DATABASE_URL"], self.system.env["DATABASE_URL"])
        self.assertNotIn("CAPTURE_DATABASE_URL", settings)

    def test_what_the_flow_loses_the_activity_log_tells(self):
        self.switch_flow("inactive")
        quote, submission = self.play()
        self.told_by_log(quote)
        self.assert_once(quote, submission)
        self.assertEqual(self.tellings(quote, "directus", ""), [])


def make_flow(directus, env, signed=False):
    """One flow for all collections; Directus resolves the secret when it sends, as a
    header or, `signed`, as the key of a token that is the whole body."""
    flow = directus.call("POST", "/flows", {
        "name": "Relais %s" % uuid.uuid4(), "status": "active", "trigger": "event",
        "accountability": None,
        "options": {"type": "action", "collections": COLLECTIONS,
                    "scope": ["items.create", "items.update", "items.delete"]},
    })["id"]
    url = env["WEBHOOK_BASE_URL"] + "/events/directus"
    if signed:
        headers = {"Content-Type": "application/jwt"}
        body = "{{sign}}"
    else:
        headers = {"Content-Type": "application/json",
                   "X-Ingest-Secret": "{{$env.INGEST_SECRET}}"}
        body = '{"trigger":{{$trigger}},"accountability":{{$accountability}}}'
    first = make_operation(directus, flow, "post", "request", {
        "method": "POST", "url": url, "body": body,
        "headers": [{"header": name, "value": value}
                    for name, value in headers.items()]})
    if signed:
        first = make_operation(directus, flow, "sign", "json-web-token", {
            "operation": "sign", "secret": "{{$env.INGEST_SECRET}}",
            "payload": {"trigger": "{{$trigger}}", "user": "{{$accountability.user}}"},
            "options": {"algorithm": "HS256", "expiresIn": 300}}, first)
    directus.call("PATCH", "/flows/" + flow, {"operation": first})
    return flow


def make_operation(directus, flow, key, kind, options, then=None):
    return directus.call("POST", "/operations", {
        "flow": flow, "key": key, "name": key, "type": kind, "resolve": then,
        "position_x": 20, "position_y": 1, "options": options})["id"]
