"""People: they enter and send quotes, change their minds, sign and pay, and try again when
something is away. What was done is seen at the providers, so nothing is done twice by them."""

import datetime
import random
import threading
import time
import uuid

from harness.case import quote_row
from harness.directus import OWNERS
from harness.programs import SLICE

from .stories import FATES, FIRST_PART, REASON, SIGNATURES, Book

AWAY = (OSError, ValueError, LookupError, TypeError, RuntimeError)
PATIENCE_S = 300
PAYABLE = ("sent", "partial", "overdue")


class People:
    """`pace_s` is the time between two quotes of one person."""

    def __init__(self, system, seed, pace_s, integrations):
        self.system = system
        self.pace_s = pace_s
        self.everything = integrations != SLICE
        chances = random.Random(seed)
        self.random = random.Random(seed + 1)
        self.book = Book(chances, sorted(OWNERS),
                         FATES if self.everything else SIGNATURES)
        self.stop = threading.Event()
        self.acting = threading.Lock()  # while somebody else has it, clients do nothing
        self.late_signs, self.late_pays = threading.Event(), threading.Event()
        self.clients = threading.Thread(target=self.act_all, daemon=True)

    def begin(self):
        self.clients.start()

    def end(self):
        self.stop.set()
        self.clients.join()

    # Those who enter what is wished for.

    def insist(self, action):
        """Again until it is done: rows have ids of their own, so twice is once."""
        limit = time.monotonic() + PATIENCE_S
        while True:
            try:
                return action()
            except AWAY as error:
                if "RECORD_NOT_UNIQUE" in str(error):
                    return None
                if time.monotonic() > limit:
                    raise
                time.sleep(0.2)

    def enter(self, collection, key, **fields):
        directus = self.system.directus
        self.insist(lambda: directus.create(collection, {"id": key, **fields}))

    def enter_person(self, person):
        self.enter("companies", person.firm, name="Atelier %s SA" % person.firm[:8],
                   address="Rue du Test 1", postal_code="1003", city="Lausanne",
                   country="CH")
        self.enter("people", person.contact, first_name="Ana", last_name="Keller",
                   email=person.email, owner_company=person.owner,
                   company_id=person.firm)
        if person.lead is not None:
            self.enter("leads", person.lead, first_name="Ana", last_name="Keller",
                       email=person.email, owner_company=person.owner, status="new",
                       score=person.score, contact_id=person.contact)

    def send_quote(self, fate=None, alone=False):
        """A quote, set to sent; most often of a new contact."""
        return self.send(self.book.new_story(fate, alone))

    def send(self, story):
        person = story.person
        if len(person.stories) == 1:
            self.enter_person(person)
        more = {"deposit_percentage": "0"} if story.fate == "waived" else {}
        row = quote_row(story.owner, person.contact, company_id=person.firm,
                        requires_company_signature=story.signers == 2, **more)
        self.enter("quotes", story.quote, **row)
        self.insist(lambda: self.system.directus.update(
            "quotes", story.quote, status="sent"))
        self.book.add(story)
        return story

    def send_quotes(self, count):
        for _ in range(count):
            self.send_quote()
            time.sleep(self.random.random() * self.pace_s)

    def send_lead(self, score):
        """A lead with a contact, of whom nothing else comes."""
        person = self.book.new_person()
        person.lead, person.score = str(uuid.uuid4()), score
        self.enter_person(person)
        return person

    # Clients, who act on what they see at the providers.

    def act_all(self):
        while not self.stop.is_set():
            began = time.monotonic()
            try:
                with self.acting:
                    self.act_round()
            except AWAY:
                pass
            # Looking at everything costs more the longer it lasts.
            time.sleep(0.2 + 2 * (time.monotonic() - began))

    def waiting(self):
        return [story for story in self.book.all() if not story.is_over]

    def acts(self, story):
        """Who is late waits until somebody lets him."""
        may = self.late_pays if story.answered else self.late_signs
        return story.fate != "late" or may.is_set()

    def act_round(self):
        stories = [story for story in self.waiting() if self.acts(story)]
        if any(not story.answered for story in stories):
            papers = self.papers()
            for story in stories:
                rows = papers.get(story.quote, ())
                if story.sent < story.rounds:
                    self.attempt(self.send_again, story, rows)
                elif not story.answered:
                    self.answer(story, rows)
        if any(story.answered for story in stories):
            bills = self.bills()
            for story in stories:
                if story.answered and story.quote in bills:
                    self.attempt(self.pay, story, bills[story.quote])

    def attempt(self, act, *words):
        try:
            act(*words)
        except AWAY:
            pass  # next time

    def papers(self):
        """Submissions by quote, in the order of their making."""
        found = {}
        for row in self.system.simulator.submissions():
            for signer in row["submitters"]:
                words = (signer.get("external_id") or "").split(":")
                if words[0] == "quote" and row not in found.setdefault(words[1], []):
                    found[words[1]].append(row)
        return found

    def send_again(self, story, rows):
        """The quote is set back to draft when its client was asked, and to sent again:
        half of them in one breath, the others when nothing is left to be signed."""
        live = any(row["live"] for row in rows)
        if not story.regretted:
            story.regretted = live and (story.early or self.all_know(story))
        if story.regretted and not story.taken_back:
            self.system.directus.update("quotes", story.quote, status="draft")
            story.taken_back = True
        if story.taken_back and (story.early or not live):
            self.system.directus.update("quotes", story.quote, status="sent")
            story.sent += 1

    def answer(self, story, rows):
        """What is in the mail is signed or declined: the first that can be, of half of
        the quotes before Directus knows of it. Nobody opens what was taken back."""
        if any(row["status"] in ("completed", "declined") for row in rows):
            story.answered = True
            return
        live = [row for row in rows if row["live"] and round_of(row) == story.rounds]
        if live and (story.early or self.directus_knows(story, live)):
            self.attempt(self.fill_in, story, live[0]["id"])

    def fill_in(self, story, submission):
        if story.fate == "declined":
            self.system.simulator.decline(submission, REASON)
        else:
            self.system.simulator.sign(submission, all=True)
        story.answered = True

    def directus_knows(self, story, rows=()):
        """Of any submission, or of one of these: what it knows may be an earlier round's."""
        row = self.system.directus.read("quotes", story.quote, "docuseal_submission_id")
        known = row["docuseal_submission_id"]
        return bool(known) and (not rows or known in {str(one["id"]) for one in rows})

    def all_know(self, story):
        """Whether the request has come to its end, and Mautic was told as well."""
        wanted = {"docuseal.signature.request"}
        if self.everything:
            wanted.add("mautic.quote-sent")
        done = self.system.ledger("SELECT type FROM relais.journey_step"
                                  " WHERE entity = :'root' AND outcome = 'done'",
                                  root=story.root)
        return wanted <= {row["type"] for row in done}

    def bills(self):
        """The deposit invoices that were sent, by quote."""
        found = {}
        for company in self.system.ninja.state()["companies"].values():
            for bill in company["invoices"]:
                root = bill["custom_value2"] or ""
                if root.startswith("quote:") and int(bill["status_id"]) >= 2:
                    found[root.removeprefix("quote:")] = bill
        return found

    def pay(self, story, bill):
        if float(bill["balance"]) == 0:
            story.settled = True
        elif story.fate == "booked":
            self.book_payment(story)
        elif story.fate == "parts" and float(bill["paid_to_date"]) == 0:
            self.system.ninja.pay(story.owner, bill["id"], amount=FIRST_PART)
        elif story.early or self.invoice(story)["status"] in PAYABLE:
            self.system.ninja.pay(story.owner, bill["id"])

    def invoice(self, story):
        (row,) = self.system.directus.rows("client_invoices", quote_id=story.quote)
        return row

    def book_payment(self, story):
        row = self.invoice(story)
        self.enter("payments", story.booking, invoice_id=row["id"],
                   owner_company=story.owner, amount=row["amount"], currency="CHF",
                   source="bank", payment_date=str(datetime.date.today()),
                   status="completed")
        story.settled = True


def round_of(row):
    """Of a quote's submission: its signers are called quote:<id>:r<round>:<part>."""
    return int(row["submitters"][0]["external_id"].split(":")[2].removeprefix("r"))
