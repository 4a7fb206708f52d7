"""What must be true of one quote and of one person: the books of the three providers
against Directus."""

import collections
import datetime
import json
import re

from harness.evidence import wrong_files
from harness.journey import CAMPAIGNS, SEGMENTS

from .people import round_of
from .stories import DEPOSIT, FIRST_PART, PAYMENTS, REASON
from .weeks import FOLLOWUPS, REMINDERS


class Scene:
    """Everything there is to read, read once."""

    def __init__(self, system, everything):
        directus = system.directus
        self.directus, self.simulator = directus, system.simulator
        begun = datetime.datetime.fromtimestamp(system.begun_ms / 1000,
                                                datetime.timezone.utc)
        self.files = {row["id"] for row in directus.files(begun.isoformat())}
        self.quotes = by(directus.rows("quotes"), "id")
        self.logs = groups(directus.rows("signature_logs"), "quote_id")
        self.submissions = submissions_of(system.simulator)
        self.calls = calls_of(system.simulator)
        self.invitations = groups([mail for mail in system.simulator.state()["mails"]
                                   if mail["kind"] == "invitation"], "submitter_id")
        self.unsure = unsure_of(system)
        self.facts = facts_of(system)
        if not everything:
            return
        self.invoices = groups(directus.rows("client_invoices"), "quote_id")
        self.payments = groups(directus.rows("payments"), "invoice_id")
        self.people = by(directus.rows("people"), "id")
        self.firms = by(directus.rows("companies"), "id")
        self.leads = by(directus.rows("leads"), "id")
        state = system.ninja.state()
        self.books = state["companies"]
        self.mails = groups([mail for mail in state["mails"]
                             if mail["entity"] == "Invoice"], "entity_id")
        self.contacts = groups(system.mautic.state()["contacts"], "email")
        self.entered = entered_of(system)


def by(rows, name):
    return {row[name]: row for row in rows}


def groups(rows, name):
    found = collections.defaultdict(list)
    for row in rows:
        found[row[name]].append(row)
    return found


def submissions_of(simulator):
    found = collections.defaultdict(list)
    for row in simulator.submissions():
        for root in {":".join((signer.get("external_id") or "").split(":")[:2])
                     for signer in row["submitters"]}:
            found[root].append(row)
    return found


def calls_of(simulator):
    """What was done at DocuSeal, by the roots it was about."""
    found = collections.defaultdict(list)
    for call in simulator.calls():
        if call["worked"]:
            for root in {":".join(one.split(":")[:2])
                         for one in call["external_ids"] or ()}:
                found[root].append(call)
    return found


def facts_of(system):
    """{(key, type): ids}: a record may be there twice, under one id."""
    found = collections.defaultdict(set)
    for record in system.records("journey.facts"):
        headers = record["headers"]
        found[record["key"], headers.get("ce_type")].add(headers.get("ce_id"))
    return found


def unsure_of(system):
    """(submission, signer) of those invitations of which nobody knew whether they went out."""
    found = [row["entity"].split(":") for row in system.ledger(
        "SELECT entity FROM relais.attention WHERE kind = 'effect.unsure'"
        " AND entity LIKE '%:invitation'")]
    return {(int(submission), int(signer)) for submission, signer, _ in found}


def entered_of(system):
    """{whom: {campaign: {cause: whether it entered}}} as the ledger has it; False: given
    up after an attempt of which nobody knows what became."""
    found = collections.defaultdict(lambda: collections.defaultdict(dict))
    for row in system.ledger(
            "SELECT identity, convert_from(result, 'UTF8') AS result FROM relais.effect"
            " WHERE kind = 'mautic.campaign' AND state = 'confirmed'"):
        _, campaign, noun, key, cause = row["identity"].split(":", 4)
        found[noun + ":" + key][int(campaign)][cause] = row["result"] != "{}"
    return found


class Judges:
    """`check(holds, text)` is told of everything."""

    def __init__(self, scene, check):
        self.scene = scene
        self.check = check
        self.counts = collections.Counter()

    def same(self, what, story, seen, wanted):
        self.check(seen == wanted, "%s: %s is %r, not %r" % (story, what, seen, wanted))

    # One quote.

    def quote(self, story):
        self.counts["quotes: " + story.fate] += 1
        row = self.scene.quotes[story.quote]
        self.same("its status", story, row["status"], story.status)
        self.signature(story, row)
        self.said(story)
        if hasattr(self.scene, "books"):
            self.money(story, row)

    def signature(self, story, row):
        rows = self.scene.submissions[story.root]
        self.counts["surplus submissions"] += len(rows) - story.rounds
        declined = story.fate == "declined"
        ended = [one for one in rows if one["status"] == (
            "declined" if declined else "completed")]
        self.same("submissions that came to their end", story, len(ended), 1)
        self.same("live submissions", story, [one["id"] for one in rows if one["live"]],
                  [] if declined else [one["id"] for one in ended])
        if ended:
            self.same("docuseal_submission_id", story, row["docuseal_submission_id"],
                      str(ended[0]["id"]))
            self.same("the round that came to its end", story, round_of(ended[0]),
                      story.rounds)
        wanted = "declined" if declined else "completed"
        self.same("its signature", story, row["signature_status"], wanted)
        self.same("is_signed", story, bool(row["is_signed"]), not declined)
        logs = self.scene.logs[story.quote]
        if not declined and ended:
            self.files(story, row, logs, ended[0]["id"])
        self.logs(story, row, logs, ended)
        self.calls_in_order(story)
        self.rounds_in_order(story)
        self.invitations(story, rows)

    def logs(self, story, row, logs, ended):
        """One of each who signed, all of the one submission; of who declined one, and none
        of those whose turn did not come."""
        declined = story.fate == "declined"
        self.same("its signature logs", story, sorted(log["status"] for log in logs),
                  ["declined"] if declined else ["completed"] * story.signers)
        self.same("what they are of", story, {log["provider_reference"] for log in logs},
                  {str(one["id"]) for one in ended})
        if declined:
            self.same("the reasons", story, [row["decline_reason"],
                      *(log["decline_reason"] for log in logs)], [REASON, REASON])

    def invitations(self, story, rows):
        """One mail to each who was asked, whatever was cut: they sign in turn, and are asked
        when those before them have signed. One of which nobody knows is a person's."""
        self.counts["lost invitations sent once more"] += len([
            call for call in self.scene.calls[story.root] if call["method"] == "PUT"])
        for row in rows:
            asked = True
            for signer in row["submitters"]:
                mails = len(self.scene.invitations[signer["id"]])
                self.counts["invitations"] += mails
                if (row["id"], signer["id"]) not in self.scene.unsure:
                    self.same("invitations of %s to %s" % (row["id"], signer["role"]), story,
                              mails, int(asked))
                asked = asked and signer["status"] == "completed"

    def files(self, story, row, logs, submission):
        """DocuSeal's own bytes; two files of a quote, and none besides."""
        for text in wrong_files(self.scene.directus, self.scene.simulator, row, logs,
                                submission):
            self.check(False, "%s: %s" % (story, text))
        self.scene.files -= {row["signed_document_file"], row["audit_log_file"]}

    def surplus_files(self):
        """When every quote was looked at."""
        self.check(not self.scene.files, "files of no quote: %s" % self.scene.files)

    def calls_in_order(self, story):
        """It is asked for before its files are fetched."""
        calls = self.scene.calls[story.root]
        posts = [call["n"] for call in calls if call["method"] == "POST"]
        files = [call["n"] for call in calls if "/file" in call["path"]]
        self.check(not posts or not files or min(posts) < min(files),
                   "%s: files before the request" % story)

    def rounds_in_order(self, story):
        """A round is over at DocuSeal before the next one begins: at no time is there
        anything to be signed but what was sent last."""
        done = collections.defaultdict(list)
        for call in self.scene.calls[story.root]:
            for number in {int(one.split(":")[2].removeprefix("r"))
                           for one in call["external_ids"]}:
                done[call["method"], number].append(call["n"])
        for number in range(1, story.rounds):
            asked, again = done["POST", number], done["POST", number + 1]
            back = done["DELETE", number]
            self.check(asked and back and again and max(asked) < min(back)
                       and max(back) < min(again),
                       "%s: asked for by the calls %s, withdrawn by %s, asked for again by %s"
                       % (story, asked, back, again))

    def said(self, story):
        """Each fact once, under one id; those of a round once a round. A request that was
        cut, and found the quote taken back when it was tried again, is not told of."""
        declined, again = story.fate == "declined", story.rounds - 1
        if again and story.early:
            self.check(len(self.scene.facts[story.root, "signature.requested"]) in (1, 2),
                       "%s: it was not asked for" % story)
        else:
            self.same("signature.requested", story, len(
                self.scene.facts[story.root, "signature.requested"]), story.rounds)
        wanted = {"quote.sent": story.rounds, "signature.cancelled": again + declined,
                  "quote.signed": not declined, "quote.rejected": declined}
        if hasattr(self.scene, "books"):
            paid = PAYMENTS.get(story.fate, 0)
            wanted.update({
                "deposit.invoiced": paid > 0, "payment.received": paid,
                "quote.deposit-waived": story.fate == "waived",
                "quote.completed": story.status == "completed",
                "invoice.overdue": len(REMINDERS) if story.fate == "late" else 0})
        for kind, count in wanted.items():
            self.same(kind, story, len(self.scene.facts[story.root, kind]), int(count))

    # Its money.

    def money(self, story, row):
        paid = PAYMENTS.get(story.fate, 0)
        bills = [(owner, bill) for owner, book in self.scene.books.items()
                 for bill in book["invoices"] if bill["custom_value2"] == story.root]
        self.same("its invoices, by company", story, [owner for owner, _ in bills],
                  [story.owner] if paid else [])
        invoices = self.scene.invoices[story.quote]
        self.same("its invoices in Directus", story, len(invoices), int(paid > 0))
        self.same("deposit_paid", story, bool(row["deposit_paid"]), paid > 0)
        if paid and len(bills) == 1 and len(invoices) == 1:
            self.invoice(story, row, bills[0][1], invoices[0])

    def invoice(self, story, row, bill, invoice):
        self.same("deposit_invoice_id", story, row["deposit_invoice_id"], invoice["id"])
        self.same("custom_value1", story, bill["custom_value1"],
                  "directus:invoice:" + invoice["id"])
        self.same("the number", story, bill["number"], row["quote_number"] + "-A")
        self.same("the bill", story, (bill["status_id"], float(bill["amount"]),
                                      float(bill["balance"])), ("4", float(DEPOSIT), 0))
        self.same("the invoice", story,
                  (invoice["status"], invoice["owner_company"], invoice["amount"],
                   invoice["amount_paid"], invoice["balance"],
                   invoice["invoice_ninja_id"]),
                  ("paid", story.owner, DEPOSIT, DEPOSIT, "0.00", bill["id"]))
        mails = [mail for mail in self.scene.mails[bill["id"]]
                 if mail["company"] == story.owner]
        self.same("its mails", story, len(mails), 1)
        self.paid(story, bill, invoice)

    def paid(self, story, bill, invoice):
        made = [payment for payment in self.scene.books[story.owner]["payments"]
                for link in payment["paymentables"] or ()
                if link.get("invoice_id") == bill["id"]]
        rows = self.scene.payments[invoice["id"]]
        amounts = [DEPOSIT]
        if story.fate == "parts":
            amounts = [FIRST_PART, "%.2f" % (float(DEPOSIT) - float(FIRST_PART))]
        self.same("its payments", story, sorted(row["amount"] for row in rows), amounts)
        self.same("their states", story, {row["status"] for row in rows}, {"completed"})
        self.same("Invoice Ninja's payments", story,
                  sorted(payment["id"] for payment in made),
                  sorted(row["external_id"] for row in rows))
        if story.fate == "booked":
            self.same("the booked row", story, [row["id"] for row in rows],
                      [story.booking])
            self.same("the booked payment", story,
                      [one["custom_value1"] for one in made],
                      ["directus:payment:" + story.booking])

    # One person.

    def person(self, person):
        self.converted(person)
        self.client(person)
        contacts = self.scene.contacts[person.email]
        self.same("contacts in Mautic", person.email, len(contacts), 1)
        if len(contacts) != 1:
            return
        contact = contacts[0]
        self.entries(person, contact)
        self.notes(person, contact)
        self.segments(person, contact)
        self.same("points", person.email, contact["points"], person.score)
        row = self.scene.people[person.contact]
        if person.stories:
            self.same("mautic_contact_id", person.email, row["mautic_contact_id"],
                      str(contact["id"]))
        self.same("email_opted_in", person.email, row["email_opted_in"] is not False,
                  not person.opted_out)
        facts = self.scene.facts["contact:" + person.contact, "contact.unsubscribed"]
        self.same("contact.unsubscribed", person.email, len(facts),
                  int(person.opted_out))

    def converted(self, person):
        facts = self.scene.facts["contact:" + person.contact, "client.converted"]
        self.same("client.converted", person.email, len(facts), int(person.converted))
        self.same("is_client", person.email,
                  bool(self.scene.firms[person.firm]["is_client"]), person.converted)
        if person.lead is None:
            return
        self.counts["leads"] += 1
        row = self.scene.leads[person.lead]
        self.same("its lead", person.email, row["status"],
                  "converted" if person.converted else "new")
        self.same("points applied", person.email, row["mautic_points_applied"],
                  person.score)

    def client(self, person):
        """One in the books of the company that bills, none elsewhere."""
        found = [owner for owner, book in self.scene.books.items()
                 for client in book["clients"] if client["id_number"] == person.firm]
        wanted = [person.owner] if person.count(*PAYMENTS) else []
        self.same("clients in Invoice Ninja", person.email, found, wanted)

    def entries(self, person, contact):
        """One a cause."""
        seen = collections.Counter(row["campaign"] for row in contact["entries"])
        wanted = self.causes(person)
        for name, number in CAMPAIGNS.items():
            causes = {**self.scene.entered["contact:" + person.contact][number],
                      **self.scene.entered["lead:%s" % person.lead][number]}
            entered = [cause for cause in causes if causes[cause]]
            # Of an attempt that was given up nobody knows whether it entered.
            self.check(len(entered) <= seen[number] <= len(causes),
                       "%s: %d entries into %s for %s" % (
                           person.email, seen[number], name, causes))
            must, may = wanted.get(name, ([], []))
            counts = collections.Counter(map(without_event, entered))
            must, all_causes = collections.Counter(must), collections.Counter(must + may)
            self.check(must <= counts <= all_causes,
                       "%s: entries into %s are caused by %s" % (
                           person.email, name, sorted(entered)))

    def causes(self, person):
        """{campaign: (those that enter, those that may)}. A quote that was declined or
        taken back before Mautic was told of it needs no campaign, nor does a lead that is a
        client by then."""
        sent = ([], [])
        for story in person.stories:
            for number in range(1, story.rounds + 1):
                told = not story.early if number < story.rounds else story.fate != "declined"
                sent[not told].append("%s:r%d" % (story.root, number))
        late = [story.root + ":r1" for story in person.stories if story.fate == "late"]
        nurtured = ["nurturing"] * (person.score >= 50)
        return {
            "quote_sent": sent,
            "welcome": (["welcome"] * person.converted, []),
            "lead_nurturing": ([], nurtured) if person.converted else (nurtured, []),
            "quote_followup": (late * len(FOLLOWUPS), []),
            "payment_reminder": (["invoice:%s:%s" % (invoice["id"], level)
                                  for story in person.stories if story.fate == "late"
                                  for invoice in self.scene.invoices[story.quote]
                                  for _, level in REMINDERS], []),
        }

    def notes(self, person, contact):
        """One a cause, each with a mark of its own."""
        wanted = collections.Counter()
        for story in person.stories:
            number = self.scene.quotes[story.quote]["quote_number"]
            declined, late = story.fate == "declined", story.fate == "late"
            wanted["quote_sent", number] += story.rounds
            wanted["quote_closed", number] += story.rounds - 1 + declined
            wanted["quote_signed", number] += not declined
            wanted["quote_followup", number] += len(FOLLOWUPS) * late
            wanted["payment_received", number + "-A"] += PAYMENTS.get(story.fate, 0)
            for _, level in REMINDERS:
                wanted["payment_reminder", number + "-A", level] += late
        wanted["client_converted",] += person.converted
        seen = collections.Counter(cause_of(note["text"]) for note in contact["notes"])
        self.same("its notes", person.email, dict(seen), dict(+wanted))
        marks = [note["text"].split("<p>ref ")[1] for note in contact["notes"]]
        self.same("the marks of its notes", person.email, len(set(marks)), len(marks))

    def segments(self, person, contact):
        wanted = set()
        if person.converted:
            wanted = {"clients"}
        elif person.lead is not None:
            wanted = {"leads"}
        seen = {name for name, number in SEGMENTS.items()
                if number in contact["segments"]}
        self.same("its segments", person.email, seen, wanted)


def without_event(cause):
    """Each follow-up has an event of its own, which nobody else knows."""
    return ":".join(cause.split(":")[:3])


def cause_of(note):
    """What a note tells: ("payment_reminder", number of the paper, level)."""
    name, facts = re.match(r"<p>Event: (\w+)</p><pre>(.*)</pre>", note).groups()
    told = json.loads(facts)
    words = (told.get("quote_number"), told.get("invoice_number"), told.get("level"))
    return (name, *(word for word in words if word))
