"""Weeks that pass while programs die: the clock of the business is moved, and each
follow-up and each reminder goes out once."""

# So many quotes wait for their clients; what passes until they sign, and until they pay.
LATE = 4
FOLLOWUPS = ("3d", "3d")
REMINDERS = (("11d", "first"), ("7d", "second"))

# Who has to do with it.
VICTIMS = ("relais-orchestrator", "relais-mautic", "relais-capture")


class Weeks:
    def __init__(self, system, people, troubles, wait):
        self.system = system
        self.people = people
        self.troubles = troubles
        self.wait = wait
        self.stories = []

    def play(self):
        """Nothing else may be under way: everybody's clock is moved."""
        print("  weeks pass, kill -9 meanwhile", flush=True)
        self.stories = [self.people.send_quote("late", True) for _ in range(LATE)]
        self.wait("each waits to be followed up",
                  lambda: self.timers("orchestrator.followup") == LATE and self.told())
        for times, days in enumerate(FOLLOWUPS, start=1):
            self.forward(days)
            self.wait("%d follow-ups" % times, lambda: self.followed_up(times))
        self.people.late_signs.set()
        self.wait("each waits to be overdue",
                  lambda: self.timers("orchestrator.overdue") == LATE)
        for times, (days, level) in enumerate(REMINDERS, start=1):
            self.forward(days)
            self.wait("the reminder %s" % level, lambda: self.reminded(level, times))
        self.people.late_pays.set()

    def forward(self, days):
        self.system.relais("clock", "forward", days)
        self.troubles.note("the clock moved by %s" % days)
        self.troubles.kill_some(3, VICTIMS)

    def timers(self, name):
        """How many wait for their time, which has not come."""
        (row,) = self.system.ledger(
            "SELECT count(*) AS n FROM relais.timer WHERE name = :'name'"
            " AND due_at > clock_timestamp()"
            " + (SELECT coalesce(max(ahead_ms), 0) FROM relais.clock) * interval '1 ms'",
            name=name)
        return row["n"]

    def told(self):
        """Whether Mautic's worker has told each of the quote: who is told of it when the
        clock has moved already gets no follow-up just after."""
        (row,) = self.system.ledger(
            "SELECT count(DISTINCT entity) AS n FROM relais.journey_step"
            " WHERE type = 'mautic.quote-sent' AND outcome = 'done'"
            " AND substr(entity, 7) = ANY (string_to_array(:'quotes', ','))",
            quotes=",".join(story.quote for story in self.stories))
        return row["n"] == LATE

    def all_are(self, collection, field, key, value):
        rows = {row[key]: row for row in self.system.directus.rows(
            collection, "%s,%s" % (key, field))}
        return all(rows[story.quote][field] == value for story in self.stories)

    def played(self, command, times):
        """Who signs or pays before that is not told any more."""
        (row,) = self.system.ledger(
            "SELECT count(DISTINCT event) AS n FROM relais.journey_step"
            " WHERE type = :'command' AND outcome = 'done'", command=command)
        return row["n"] >= LATE * times

    def followed_up(self, times):
        return self.all_are("quotes", "followup_count", "id", times) \
            and self.timers("orchestrator.followup") == LATE \
            and self.played("mautic.quote-followup", times)

    def reminded(self, level, times):
        return self.all_are("client_invoices", "last_reminder_level", "quote_id", level) \
            and self.timers("orchestrator.overdue") == LATE \
            and self.played("mautic.payment-reminder", times)
