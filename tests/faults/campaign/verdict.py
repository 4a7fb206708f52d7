"""Waits until nothing is on its way any more; then, what must be true of everything."""

import json
import sys

from harness.case import explain
from harness.wait import NotSeen, until

from .judges import Judges, Scene

REST = """
    SELECT 1 FROM relais.outbox UNION ALL SELECT 1 FROM relais.parked_event
    UNION ALL SELECT 1 FROM relais.timer WHERE due_at < clock_timestamp()
    + (SELECT coalesce(max(ahead_ms), 0) FROM relais.clock) * interval '1 ms'"""

# How long nothing may be finished, and how often that is waited for.
QUIET_S = 100
PATIENCE = 9

# What a mail leaves behind that may have gone out. An invitation leaves no letter: the
# request it belongs to goes on.
MAIL = "invoice-ninja.email"
MAIL_TOPIC = "invoice-ninja.dead-letters"
INVITATION = "docuseal.reminder"

# What else a person is asked about: Mautic switches a webhook off that a dead ingest refused.
ASKED, ASKED_BY_SWEEPS = "effect.unsure", ("mautic.webhook-off",)


class Verdict:
    def __init__(self, system, people, providers, postman):
        self.system = system
        self.people = people
        self.providers = providers
        self.postman = postman  # None: lost webhooks are the sweeps' business
        self.wrong = []
        self.left = []  # stories that are not at their end
        self.flagged = 0
        self.unsure = set()  # the identities of what a person settled
        self.counts = {}

    def check(self, holds, text):
        if not holds:
            self.wrong.append(text)

    # Until it is over.

    def wait_ended(self):
        """Every quote at its end, and nothing on its way any more."""
        stories = self.people.book.all()
        self.wait("every client has done his part", self.nobody_waits)
        self.wait("every quote is at its end", lambda: not self.unfinished(stories))
        self.wait("nothing is on its way", self.rests)

    def wait_done(self):
        """The same, when a person has settled what was left to people."""
        self.wait_ended()
        self.settle_mails()
        self.wait("nothing is on its way", self.rests)

    def wait(self, what, condition):
        """Goes on waiting as long as anything is finished meanwhile: how fast the
        machine is says nothing about the promise."""
        finished = None
        for _ in range(PATIENCE):
            try:
                return until(what, condition, QUIET_S, 0.5)
            except NotSeen:
                before, finished = finished, self.finished()
                if before == finished:
                    self.explain(what)
                    raise
        self.explain(what)
        raise NotSeen("%s: not in %d times %d s" % (what, PATIENCE, QUIET_S))

    def explain(self, what):
        """What there is to read where nothing goes on."""
        explain(self.system, what, [story.quote for story in self.left[:3]], sys.stdout)
        for provider in self.providers:
            for hook in provider.simulator.webhooks():
                if hook["state"] not in ("delivered", "lost"):
                    print("-- webhook of %s: %s" % (provider.name, hook))
            for owner, books in provider.simulator.state().get("companies", {}).items():
                print("-- %s of %s: %d webhooks" % (owner, provider.name, len(
                    [row for row in books["webhooks"] if not row["is_deleted"]])))

    def finished(self):
        return self.system.ledger("SELECT count(*) AS n FROM relais.finished_event")

    def nobody_waits(self):
        left = self.left = self.people.waiting()
        if left:
            raise LookupError("%d quotes, as %s" % (len(left), left[0]))
        return True

    def unfinished(self, stories):
        rows = self.rows("quotes", "id,status")
        left = self.left = [story for story in stories
                            if rows[story.quote]["status"] != story.status]
        if left:
            raise LookupError("%d quotes, as %s, which is %s" % (
                len(left), left[0], rows[left[0].quote]["status"]))
        return left

    def rows(self, collection, fields="*"):
        found = self.system.directus.rows(collection, fields)
        return {row["id"]: row for row in found}

    def rests(self):
        before = self.progress()
        for provider in self.providers:
            provider.simulator.idle(60000)
        if self.postman is not None and self.postman.waits():
            raise LookupError("a webhook that has to come again")
        waiting = self.system.captured(
            "SELECT 1 FROM relais_capture.change WHERE published_at IS NULL")
        waiting += self.system.ledger(REST)
        spooled = self.system["ingest"].metric("relais_ingest_spool_rows")
        shown = json.loads(self.system.relais("status", "--json"))
        behind = [row["topic"] for row in shown["topics"] if int(row["lag"] or 0) > 0]
        if waiting or spooled or behind or before != self.progress():
            raise LookupError("%d rows, %d in the spool, lag in %s"
                              % (len(waiting), spooled, behind))
        return True

    def progress(self):
        return self.system.ledger("SELECT max(id) AS last FROM relais.journey_step")

    def settle_mails(self):
        """A person looks whether the mail went out, says so, and replays the letter."""
        flagged = self.settle(MAIL, self.mails_sent())
        self.flagged = len(flagged)
        self.unsure = {*flagged, *self.settle(INVITATION, self.invitations_sent())}
        self.counts["mails settled by a person"] = self.flagged
        self.counts["invitations settled by a person"] = len(self.unsure) - self.flagged
        for letter in self.system.records(MAIL_TOPIC) if flagged else ():
            if is_flag(letter):
                self.system.relais("dead", "replay", "%s/%d/%d" % (
                    MAIL_TOPIC, letter["partition"], letter["offset"]))

    def settle(self, kind, sent):
        """What is flagged of that kind; `sent` has the identities of what went out, without
        their last part."""
        flagged = [row["identity"] for row in self.system.ledger(
            "SELECT identity FROM relais.effect WHERE state = 'flagged'"
            " AND kind = :'kind'", kind=kind)]
        for identity in flagged:
            known = ":".join(identity.split(":")[:2]) in sent
            self.system.relais("effect", "resolve", kind, identity,
                               "done" if known else "not-done")
        return flagged

    def mails_sent(self):
        """The books number each by themselves: only the company tells them apart."""
        if not self.people.everything:
            return set()
        sent = {(mail["company"], mail["entity_id"]) for mail in self.system.ninja.mails()}
        return {"invoice:" + bill["id"]
                for bill in self.rows("client_invoices").values()
                if (bill["owner_company"], bill["invoice_ninja_id"]) in sent}

    def invitations_sent(self):
        return {"%d:%d" % (mail["submission_id"], mail["submitter_id"])
                for mail in self.system.simulator.state()["mails"]}

    # When it is over.

    def judge(self):
        """Reads everything once, and compares."""
        scene = Scene(self.system, self.people.everything)
        judges = Judges(scene, self.check)
        for story in self.people.book.all():
            judges.quote(story)
        judges.surplus_files()
        if self.people.everything:
            for person in self.people.book.people:
                judges.person(person)
        self.counts.update(judges.counts)
        self.judge_ledger()
        self.judge_attention()
        self.judge_letters()
        self.judge_audit()
        return not self.wrong

    def judge_audit(self):
        """What operators are told: the workers compare every object themselves."""
        status, out, said = self.system.tried(
            "audit", "--json", INTEGRATIONS=",".join(one.name for one in self.providers))
        self.check(status == 0, "relais audit: %s" % said)
        found = json.loads(out or "{}")
        for one in found.get("found", ()):
            self.check(False, "the audit finds: %(entity)s: %(what)s" % one)
        for kind, count in found.get("compared", {}).items():
            self.counts["compared by the audit: " + kind] = count

    def judge_ledger(self):
        left = self.system.ledger("SELECT kind, identity, state FROM relais.effect"
                                  " WHERE state NOT IN ('confirmed', 'open')")
        self.check(not left, "%d effects are not settled, as %s"
                   % (len(left), left[:3]))
        timers = self.system.ledger("SELECT entity, name FROM relais.timer")
        self.check(not timers, "timers are left: %s" % timers[:3])
        for row in self.system.ledger(
                "SELECT substring(note FROM 'withdrew a surplus ([a-z.-]+)') AS kind,"
                " count(*) AS n FROM relais.journey_step"
                " WHERE note LIKE '%withdrew a surplus %' GROUP BY 1"):
            self.counts["a surplus %s was withdrawn" % row["kind"]] = row["n"]
        adopted = self.system.ledger("SELECT count(*) AS n FROM relais.journey_step"
                                     " WHERE note LIKE '%adopted what%'")
        self.counts["what a killed attempt had made was adopted"] = adopted[0]["n"]

    def judge_attention(self):
        """A person is asked about nothing but what was provoked, and not any more about
        what he has settled."""
        provoked = ASKED_BY_SWEEPS if self.postman is None else ()
        for row in self.system.ledger("SELECT kind, entity, text, resolved_at IS NULL AS open"
                                      " FROM relais.attention"):
            settled = row["kind"] == ASKED and row["entity"] in self.unsure \
                and not row["open"]
            self.check(settled or row["kind"] in provoked,
                       "a person is asked: %(kind)s of %(entity)s: %(text)s" % row)
            what = "a person was asked: " + row["kind"]
            self.counts[what] = self.counts.get(what, 0) + 1

    def judge_letters(self):
        """None but those of mails of which nobody knew whether they had gone out. One
        may stand in its topic twice: who is killed after Kafka took it publishes again."""
        topics = ["%s.dead-letters" % name for name in
                  ("orchestrator", *(provider.name for provider in self.providers))]
        provoked = set()
        for topic in topics:
            for letter in self.system.records(topic):
                provoked.add(letter["headers"].get("ce_id"))
                self.check(is_flag(letter), "%s holds %s: %s" % (
                    topic, letter["headers"].get("ce_type"),
                    letter["headers"].get("x-dead-error")))
        self.check(len(provoked) == self.flagged, "%d dead letters for %d flagged mails: %s"
                   % (len(provoked), self.flagged, sorted(provoked)))


def is_flag(letter):
    headers = letter["headers"]
    return headers.get("ce_type") == "invoice-ninja.invoice.email" \
        and "may have been done" in headers.get("x-dead-error", "")
