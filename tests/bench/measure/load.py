"""Whole journeys, quote sent to client welcomed, for five companies: one after the other, and
many at a time; people act within a tenth of a second. Directus's shares: of the time that
handlers took, what they waited for its answers; of the CPU time of all that runs but the people,
its process (its Postgres is counted apart). The CPU time of each program is of the many, for one
journey. Memory is anonymous (RssAnon): idle is before the first journey, the most is from then
on."""

import statistics
import time

from .bench import say
from .processes import anonymous_mib, cpu_ms, total
from .steps import Since
from .table import Table, percentile

ALONE, MANY, AT_ONCE, SAMPLE_S = 10, 100, 20, 0.5
PEOPLE = 1  # request to Directus a journey: it sets the quote to sent


class Programs:
    """Every process of the run but our own; Postgres with those below it."""

    def __init__(self, system):
        self.pids = {file.name: int(file.read_text().split()[0])
                     for file in (system.run / "pid").iterdir()}
        self.idle = self.memory()
        self.most = dict(self.idle)
        self.next = 0

    def memory(self):
        return {name: total(anonymous_mib, pid) for name, pid in self.pids.items()}

    def cpu(self):
        return {name: total(cpu_ms, pid) for name, pid in self.pids.items()}

    def watch(self):
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + SAMPLE_S
        self.most = {name: max(mib, self.most[name])
                     for name, mib in self.memory().items()}


def place(name):
    """The programs, the simulators, what is none of ours."""
    return not name.startswith("relais-"), name.startswith("relais-sim-"), name


def many(bench, programs, count, at_once):
    """One row of the first table, and each process's CPU milliseconds a journey."""
    papers = bench.play.prepare(count)
    since, before, begun = Since(bench.system), programs.cpu(), time.monotonic()
    say("%d journeys, %d at a time" % (count, at_once))
    took = bench.play.play(papers, at_once, programs.watch)
    seconds = time.monotonic() - begun
    cpu = {name: (ms - before[name]) / count for name, ms in programs.cpu().items()}
    answered = len(since.answered())
    bench.play.at_rest()
    steps = since.steps()
    share = (sum(call.ms for step in steps for call in step["calls"])
             / sum(step["took_ms"] for step in steps))
    return (at_once, count, "%.2f/s" % (count / seconds),
            "%.2f s" % statistics.median(took), "%.2f s" % percentile(took, 0.99),
            "%.1f" % (answered / count - PEOPLE), "%.0f %%" % (100 * share),
            "%.0f %%" % (100 * cpu["directus"] / sum(cpu.values()))), cpu


def measure(bench):
    bench.play.prepare(0)
    programs = Programs(bench.system)
    table = Table("at a time", "journeys", "rate", "median", "p99",
                  "requests to Directus", "its share of the handlers' time",
                  "its share of the CPU time")
    for count, at_once in ((1, 1), (3, 3)) if bench.smoke else ((ALONE, 1),
                                                                (MANY, AT_ONCE)):
        row, cpu = many(bench, programs, count, at_once)
        table.row(*row)
    print()
    table = Table("program                 ", "idle", "most", "CPU a journey")
    for name in sorted(programs.pids, key=place):
        table.row(name, "%.1f MiB" % programs.idle[name],
                  "%.1f MiB" % programs.most[name], "%.0f ms" % cpu[name])
