"""What one journey costs Directus in requests: from a quote that is set to sent to the welcome
of its client (signature asked for, looked at and given, deposit invoiced, mailed and paid, quote
completed, campaigns, segments, notes). What the programs wrote down of their calls, by what
caused them, beside Directus's log of what it answered. People wait at each step until all is at
rest, so that nothing is saved by coming late; what they ask Directus themselves is left out."""

import collections
import sys

from .steps import Since
from .table import Table

TARGET = 31
TARGET_SQL = 15
PEOPLE = 1  # the request that sets the quote to sent


def kind_of(call):
    """PATCH quotes, POST files."""
    words = call.path.split("?")[0].strip("/").split("/")
    return "%s %s" % (call.method, words[1] if words[0] == "items" else words[0])


def acts(play, paper):
    """What people do, in their order."""
    yield "the quote is sent", lambda: play.send(paper.quote)
    submission = play.submission(paper.quote)["id"]
    yield "the client looks", lambda: play.simulator.view(submission)
    yield "the client signs", lambda: play.simulator.sign(submission, all=True)
    yield "the client pays", lambda: play.pay_all([paper], set())


def causes_of(steps):
    """Calls by kind, for each type of event that caused some."""
    found = {}
    for step in steps:
        for call in step["calls"]:
            kinds = found.setdefault(step["type"], collections.Counter())
            kinds[kind_of(call)] += 1
    return found


def measure(bench):
    play = bench.play
    print("Rows are read by REST:\n")
    good = measure_one(bench)
    print("\nRows are read from Directus's own Postgres (`DIRECTUS_DATABASE_URL`):\n")
    bench.system.up(**play.settings, DIRECTUS_DATABASE_URL=bench.system.reader_url())
    good = measure_one(bench, TARGET_SQL) and good
    bench.system.up(**play.settings)
    if not good:
        sys.exit("a journey costs Directus more requests than its target")


def measure_one(bench, target=TARGET):
    """Whether the target was kept."""
    play = bench.play
    (paper,) = play.prepare(1)
    table = Table("what people do   ", "caused by                    ", "requests",
                  "which")
    everything, start = collections.Counter(), Since(bench.system)
    for what, act in acts(play, paper):
        since = Since(bench.system)
        act()
        play.at_rest()
        for cause, kinds in causes_of(since.steps()).items():
            table.row(what, cause, sum(kinds.values()), ", ".join(
                kind + (" (%d)" % count if count > 1 else "")
                for kind, count in kinds.items()))
            everything.update(kinds)
            what = ""
    total = sum(everything.values())
    reads = sum(count for kind, count in everything.items() if kind.startswith("GET"))
    table.row("**together**", "target: at most %d" % target, total,
              "%d reads, %d writes" % (reads, total - reads))
    table.row("", "by Directus's own log",
              len(start.answered()) - PEOPLE, "")
    return total <= target
