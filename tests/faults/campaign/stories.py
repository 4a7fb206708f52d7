"""What people want of a quote, and what it has to come to."""

import itertools
import threading
import uuid

DEPOSIT = "3243.00"  # 30 % of the quotes of the harness
FIRST_PART = "1000.00"

# What becomes of quotes, and of how many among so many.
FATES = ("paid",) * 7 + ("parts",) * 3 + ("booked",) * 3 + ("declined",) * 3 \
    + ("waived",) * 2 + ("resent",) * 3
SIGNATURES = ("signed",) * 8 + ("declined",) + ("signed again",) * 2

# A late client is followed up, and reminded of the invoice (weeks.py).
PAYMENTS = {"paid": 1, "parts": 2, "booked": 1, "late": 1, "resent": 1}
# All others are completed.
STATUS = {"declined": "rejected", "signed": "signed", "signed again": "signed"}
# Taken back before their clients act, and sent once more: these sign in the second round.
RESENT = ("resent", "signed again")
REASON = "Trop cher."

numbers = itertools.count(1)


class Person:
    """A contact with an address of its own, of a firm of its own."""

    def __init__(self, owner):
        self.owner = owner
        self.contact, self.firm = str(uuid.uuid4()), str(uuid.uuid4())
        self.email = "ana.%s@example.com" % self.contact[:13]
        self.lead = None
        self.score = 0
        self.stories = []
        self.opted_out = False

    def count(self, *fates):
        return len([story for story in self.stories if story.fate in fates])

    @property
    def converted(self):
        return any(story.status == "completed" for story in self.stories)


class Story:
    """One quote. `early`: its client is faster than Directus, and whoever takes it back
    does not wait until everybody was told of it."""

    def __init__(self, person, fate, signers, early):
        self.person, self.fate = person, fate
        self.signers, self.early = signers, early
        self.number = next(numbers)
        self.quote, self.booking = str(uuid.uuid4()), str(uuid.uuid4())
        self.rounds = 2 if fate in RESENT else 1
        self.regretted = self.taken_back = False
        self.sent = 1  # how often
        self.answered = False  # signed or declined
        self.settled = fate not in PAYMENTS  # nothing is left to be paid
        person.stories.append(self)

    @property
    def owner(self):
        return self.person.owner

    @property
    def root(self):
        return "quote:" + self.quote

    @property
    def status(self):
        return STATUS.get(self.fate, "completed")

    @property
    def is_over(self):
        """For the people in it."""
        return self.answered and self.settled

    def __str__(self):
        return "%s (%s, %s%s)" % (self.root, self.owner, "early " * self.early, self.fate)


class Bag:
    """Draws without putting back, and begins anew when it is empty: whatever is in it
    comes up."""

    def __init__(self, random, things):
        self.random, self.things = random, things
        self.left = []

    def draw(self):
        if not self.left:
            self.left = list(self.things)
            self.random.shuffle(self.left)
        return self.left.pop()


class Book:
    """All stories and people of a campaign, and the chances by which they come."""

    def __init__(self, random, owners, fates):
        self.random = random
        self.fates, self.owners = Bag(random, fates), Bag(random, owners)
        self.stories = []
        self.people = []
        self.lock = threading.Lock()

    def new_person(self, owner=None):
        with self.lock:
            person = Person(owner or self.owners.draw())
            self.people.append(person)
            return person

    def new_story(self, fate=None, alone=False):
        """One in four is about the person of an earlier one, unless `alone`."""
        chance = self.random.random
        with self.lock:
            known = [person for person in self.people[-12:]
                     if person.stories and not person.opted_out]
            again = known and not alone and chance() < 0.25
            person = self.random.choice(known) if again else None
        person = person or self.new_person()
        with self.lock:
            story = Story(person, fate or self.fates.draw(),
                          2 if chance() < 0.2 else 1, chance() < 0.5)
            if person.lead is None and len(person.stories) == 1 and chance() < 0.35:
                person.lead, person.score = str(uuid.uuid4()), \
                    self.random.choice((30, 60))
        return story

    def add(self, story):
        """It is entered in Directus: from now on its client acts."""
        with self.lock:
            self.stories.append(story)

    def all(self):
        with self.lock:
            return list(self.stories)
