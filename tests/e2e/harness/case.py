"""A test on a running system: what people do, and what is looked at."""

import datetime
import itertools
import sys
import unittest
import uuid

from .directus import OWNERS
from .evidence import files_about, wrong_files
from .wait import until

NO_SUBMISSION = "999999999"
PASSES = 20
SENTINEL = "e2e-sentinel"
SENTINEL_TYPE = "e2e.sentinel"

# The topics of a lane, and who finishes what comes through them.
LANE_TOPICS = (
    ("directus.changes", "relais-orchestrator"),
    ("journey.facts", "relais-orchestrator"),
    ("docuseal.webhooks", "relais-docuseal"),
    ("docuseal.commands", "relais-docuseal"),
)

numbers = itertools.count(1)


class Case(unittest.TestCase):
    """`settings` hold for every program while the tests of the class run. What has to
    be there before Relais ever was, `before_relais` may make."""

    system = None  # set by the runner
    settings = {}

    @classmethod
    def before_relais(cls, system):
        pass

    @classmethod
    def setUpClass(cls):
        cls.directus = cls.system.directus
        cls.simulator = cls.system.simulator
        cls.system.up(**cls.settings)

    def setUp(self):
        self.quotes = []
        self.addCleanup(self.simulator.no_faults)
        self.addCleanup(self.simulator.no_kills)

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > before:
            explain(self.system, self.id(), getattr(self, "quotes", []))
        return result

    def until(self, what, condition, seconds=30):
        return until(what, condition, seconds)

    # What people do.

    def new_contact(self, owner="HYPERVISUAL", **fields):
        number = next(numbers)
        return self.directus.create("people", {
            "first_name": "Zoé", "last_name": "Rochat %d" % number,
            "email": "zoe.rochat.%d@example.com" % number, "language": "fr",
            "owner_company": owner, **fields,
        })

    def new_quote(self, owner="HYPERVISUAL", contact=None, **fields):
        """A draft, with a contact of its own unless one is given; its id."""
        quote = self.directus.create("quotes", quote_row(
            owner, contact or self.new_contact(owner), **fields
        ))
        self.quotes.append(quote)
        return quote

    def send(self, quote):
        self.directus.update("quotes", quote, status="sent")

    def sent_quote(self, **fields):
        """A quote whose submission is known to Directus; both ids."""
        quote = self.new_quote(**fields)
        self.send(quote)
        return quote, self.requested(quote)

    def requested(self, quote, seconds=30):
        """Waits until Directus knows the submission of the quote; its id."""
        def known():
            row = self.quote(quote)
            live = self.live(quote)
            found = row["docuseal_submission_id"]
            return len(live) == 1 and found == str(live[0]["id"]) and live[0]["id"]

        return self.until("Directus knows the submission", known, seconds)

    # What is looked at.

    def quote(self, quote, fields="*"):
        return self.directus.read("quotes", quote, fields)

    def status(self, quote):
        """status and signature_status: ("sent", "pending")."""
        row = self.quote(quote, "status,signature_status")
        return row["status"], row["signature_status"]

    def becomes(self, quote, status, signature_status, seconds=30):
        wanted = (status, signature_status)
        self.until("the quote is %s, its signature %s" % wanted,
                   lambda: self.status(quote) == wanted or None, seconds)

    def submissions(self, quote):
        return self.simulator.submissions("quote:" + quote)

    def live(self, quote):
        return [row for row in self.submissions(quote) if row["live"]]

    def submission(self, quote):
        """The only submission of the quote there is."""
        (row,) = self.submissions(quote)
        return row

    def calls(self, quote, method=None, path=None):
        """Calls of the API that concern the quote's submissions."""
        which = {"match": "quote:" + quote}
        if method:
            which["method"] = method
        if path:
            which["path_prefix"] = path
        return self.simulator.calls(**which)

    def posts(self, quote):
        return self.calls(quote, "POST", "/submissions")

    def logs(self, quote):
        """Rows of signature_logs, by the role of the signer."""
        return self.directus.rows("signature_logs", quote_id=quote)

    def steps(self, quote):
        return self.system.ledger(
            "SELECT worker, event, type, attempt, outcome, note, calls"
            " FROM relais.journey_step WHERE entity = :'entity' ORDER BY id",
            entity="quote:" + quote,
        )

    def count_facts(self, quote):
        """How often each fact of the quote stands in journey.facts."""
        found = {}
        for record in self.system.records("journey.facts"):
            kind = record["headers"].get("ce_type", "")
            if record["key"] == "quote:" + quote and kind != SENTINEL_TYPE:
                found[kind] = found.get(kind, 0) + 1
        return found

    def dead_letters(self, *quotes, topic="docuseal.dead-letters"):
        keys = {"quote:" + quote for quote in quotes}
        return [row for row in self.system.records(topic) if row["key"] in keys]

    def assert_signed(self, quote, submission):
        """The quote as it has to be after a complete signature, once."""
        row = self.quote(quote)
        self.assertEqual(
            (row["status"], row["signature_status"], row["is_signed"]),
            ("signed", "completed", True),
        )
        self.assertEqual(row["docuseal_submission_id"], str(submission))
        self.assertIsNotNone(row["signed_at"])
        seen = self.simulator.api("GET", "/submissions/%s" % submission)
        logs = self.logs(quote)
        self.assertEqual(list(wrong_files(
            self.directus, self.simulator, row, logs, submission)), [])
        self.assertEqual(files_about(self.directus, submission, seen["created_at"]),
                         {row["signed_document_file"], row["audit_log_file"]})
        self.assertEqual(len(logs), len(seen["submitters"]))
        self.assertEqual({log["status"] for log in logs}, {"completed"})

    # Waiting until there is nothing more to come.

    def settled(self, quote):
        """Waits until everything that the quote has set in motion has come to its end:
        until records that are sent behind all others, through each topic of its lane,
        have come through and nothing else has. Returns the journey's steps."""
        for _ in range(PASSES):
            before = self.own_steps(quote)
            self.simulator.idle()
            self.published(quote)
            self.pass_topics("quote:" + quote)
            if before == self.own_steps(quote):
                return before
        raise AssertionError("quote:%s does not come to rest" % quote)

    def own_steps(self, quote):
        return [row for row in self.steps(quote) if SENTINEL not in row["event"]]

    def published(self, quote):
        """No change of the quote and nothing in its lane waits to be published."""
        if self.settings.get("CAPTURE", "outbox") == "outbox":
            self.until("the changes are published", lambda: not self.system.captured(
                "SELECT seq FROM relais_capture.change"
                " WHERE item = :'quote' AND published_at IS NULL", quote=quote))
        self.until("the outbox is empty", lambda: not self.system.ledger(
            "SELECT seq FROM relais.outbox WHERE key = :'key'", key="quote:" + quote))
        self.until("the spool is empty", lambda: self.spooled() == 0)

    def spooled(self):
        return self.system["ingest"].metric("relais_ingest_spool_rows")

    def pass_topics(self, key):
        sent = [(worker, self.sentinel(topic, key)) for topic, worker in LANE_TOPICS]
        wanted = " OR ".join("(worker = '%s' AND event = 'e2e %s')" % pair
                             for pair in sent)
        self.until("a record behind all others has come through",
                   lambda: len(self.system.ledger(
                       "SELECT 1 FROM relais.finished_event WHERE " + wanted
                   )) == len(sent), 60)

    def sentinel(self, topic, key):
        """A record that changes nothing; its id."""
        event = "%s-%s" % (SENTINEL, uuid.uuid4())
        kind, data = SENTINEL_TYPE, "{}"
        if topic == "docuseal.commands":
            kind = "docuseal.submission.observed"
            data = '{"company": "", "remote_id": "%s", "why": "e2e"}' % NO_SUBMISSION
        self.system.produce(topic, key, data.encode(), {
            "ce_specversion": "1.0", "ce_id": event, "ce_source": "e2e",
            "ce_type": kind, "ce_subject": key, "ce_time": now_text(),
            "content-type": "application/json",
        })
        return event


def quote_row(owner, contact, **fields):
    number = next(numbers)
    today = datetime.date.today()
    return {
        "quote_number": "E2E-%s-%d" % (uuid.uuid4().hex[:6], number),
        "title": "Site web", "contact_id": contact, "owner_company_id": OWNERS[owner],
        "subtotal": "10000.00", "tax_rate": "8.10", "tax_amount": "810.00",
        "total": "10810.00", "status": "draft",
        "valid_until": str(today + datetime.timedelta(days=30)), **fields,
    }


def now_text():
    now = datetime.datetime.now(datetime.timezone.utc)
    return now.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def explain(system, test, quotes, out=sys.stderr):
    """What there is to read when a test has failed."""
    print("\n---- %s" % test, file=out)
    for quote in quotes:
        print("-- journey of quote:%s" % quote, file=out)
        print(system.relais("journey", "quote:" + quote, check=False), file=out)
        for call in system.simulator.calls(match="quote:" + quote)[-40:]:
            print("  %(n)s %(method)s %(path)s -> %(status)s worked=%(worked)s"
                  " fault=%(fault)s" % call, file=out)
    for program in system.programs.values():
        print("-- the end of %s" % program.log, file=out)
        print(program.tail(), file=out)
