"""The whole journey: all three providers, and the clock of the business."""

import datetime
import json
import uuid
import zoneinfo

from .case import Case, numbers
from .directus import OWNERS
from .programs import EVERYTHING
from .wait import until

ZURICH = zoneinfo.ZoneInfo("Europe/Zurich")

# As the simulated Mautic has them from the start.
CAMPAIGNS = {"quote_sent": 1, "quote_followup": 2, "payment_reminder": 3, "welcome": 4,
             "lead_nurturing": 5}
SEGMENTS = {"leads": 1, "prospects": 2, "clients": 3, "pending_quotes": 4,
            "overdue_payments": 5}


class Journey(Case):
    # Nothing but a fault is cut: a machine that is busy is only slow.
    settings = {"INTEGRATIONS": EVERYTHING, "EFFECT_TIMEOUT_MS": "15000",
                "INVOICE_NINJA_TIMEOUT_MS": "15000", "MAUTIC_TIMEOUT_MS": "15000",
                "DOCUSEAL_TIMEOUT_MS": "15000"}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ninja = cls.system.ninja
        cls.mautic = cls.system.mautic
        cls.system.relais("webhooks", "register")
        until("Invoice Ninja has the webhooks of every company", lambda: all(
            cls.ninja.books(owner)["webhooks"] for owner in OWNERS), 60)

    def setUp(self):
        super().setUp()
        for simulator in (self.ninja, self.mautic):
            self.addCleanup(simulator.no_faults)
            self.addCleanup(simulator.no_kills)

    # What people do.

    def new_firm(self, **fields):
        return self.directus.create("companies", {
            "name": "Atelier %d SA" % next(numbers), "city": "Lausanne",
            "postal_code": "1003", "address": "Rue du Test 1", "country": "CH", **fields,
        })

    def new_lead(self, owner, email, **fields):
        return self.directus.create("leads", {
            "first_name": "Zoé", "last_name": "Rochat", "email": email,
            "owner_company": owner, "status": "new", **fields,
        })

    def new_client(self, owner="HYPERVISUAL", **fields):
        """A firm and its contact: their ids, and the contact's address."""
        firm = self.new_firm()
        email = "zoe.%s@example.com" % uuid.uuid4().hex[:10]
        contact = self.new_contact(owner, company_id=firm, email=email, **fields)
        return firm, contact, email

    def signed_quote(self, owner="HYPERVISUAL", contact=None, **fields):
        """A quote that was sent and signed; its id."""
        quote = self.new_quote(owner, contact, **fields)
        self.send(quote)
        self.simulator.sign(self.requested(quote, 60))
        return quote

    def billed_quote(self, owner="HYPERVISUAL", contact=None, **fields):
        """A signed quote and the row of its deposit invoice, which was mailed."""
        quote = self.signed_quote(owner, contact, **fields)
        return quote, self.deposit(quote)

    # What is looked at.

    def quote_is(self, quote, status, seconds=60):
        self.until("the quote is " + status,
                   lambda: self.quote(quote, "status")["status"] == status, seconds)

    def deposit(self, quote, seconds=60):
        """Waits for the deposit invoice and its mail; its row in Directus."""
        def mailed():
            rows = self.directus.rows("client_invoices", quote_id=quote)
            if len(rows) != 1 or rows[0]["status"] == "draft":
                return None
            owner = rows[0]["owner_company"]
            return rows[0] if self.mails(owner, rows[0]) else None

        row = self.until("the deposit is invoiced and mailed", mailed, seconds)
        self.quote_is(quote, "awaiting_deposit")
        return row

    def mails(self, owner, row):
        return [mail for mail in self.ninja.mails(owner)
                if mail["entity_id"] == row["invoice_ninja_id"]]

    def bill(self, owner, row):
        """The invoice as Invoice Ninja has it."""
        (found,) = [one for one in self.ninja.invoices(owner)
                    if one["id"] == row["invoice_ninja_id"]]
        return found

    def pay(self, owner, row, **more):
        return self.ninja.pay(owner, row["invoice_ninja_id"], **more)

    def payments(self, row):
        return self.directus.rows("payments", invoice_id=row["id"])

    def entries(self, email, campaign):
        """How often the person was entered into the campaign."""
        number = CAMPAIGNS[campaign]
        return len([row for row in self.mautic.contact(email)["entries"]
                    if row["campaign"] == number])

    def segments(self, email):
        numbers_of = self.mautic.contact(email)["segments"]
        return {name for name, number in SEGMENTS.items() if number in numbers_of}

    def notes(self, email):
        return [row["text"] for row in self.mautic.contact(email)["notes"]]

    def facts(self, key):
        """The facts about one root, oldest first: (type, data)."""
        return [(record["headers"]["ce_type"], json.loads(record["payload"]))
                for record in self.system.records("journey.facts")
                if record["key"] == key]

    # The clock of the business.

    def forward(self, text):
        """Moves it by "3d" or "12h"."""
        self.system.relais("clock", "forward", text)

    def now(self):
        shown = json.loads(self.system.relais("clock", "--json"))
        return datetime.datetime.fromisoformat(shown["now"].replace("Z", "+00:00"))

    def today(self):
        return self.now().astimezone(ZURICH).date()

    def day(self, days):
        """The date so many days from the business's today."""
        return str(self.today() + datetime.timedelta(days=days))

    def timers(self, entity):
        return {row["name"]: row["due"] for row in self.system.ledger(
            "SELECT name, to_char(due_at AT TIME ZONE 'Europe/Zurich',"
            " 'YYYY-MM-DD HH24:MI') AS due FROM relais.timer"
            " WHERE entity = :'entity'", entity=entity)}

    # Waiting until there is nothing more to come.

    def at_rest(self, seconds=120):
        """Waits until nothing is on its way anywhere, and no timer is due."""
        def rests():
            before = self.progress()
            for simulator in (self.simulator, self.ninja, self.mautic):
                simulator.idle()
            waiting = self.system.captured(
                "SELECT 1 FROM relais_capture.change WHERE published_at IS NULL")
            waiting += self.system.ledger(
                "SELECT 1 FROM relais.outbox UNION ALL SELECT 1 FROM relais.parked_event"
                " UNION ALL SELECT 1 FROM relais.timer WHERE due_at < clock_timestamp()"
                " + (SELECT coalesce(max(ahead_ms), 0) FROM relais.clock)"
                " * interval '1 ms'")
            if waiting:
                return False
            shown = json.loads(self.system.relais("status", "--json"))
            behind = [row for row in shown["topics"] if int(row["lag"] or 0) > 0]
            return not behind and self.spooled() == 0 and before == self.progress()

        self.until("nothing is on its way", rests, seconds)

    def progress(self):
        return self.system.ledger("SELECT max(id) AS last FROM relais.journey_step")
