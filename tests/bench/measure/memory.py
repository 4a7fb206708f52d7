"""Memory of one worker: the most anonymous memory (RssAnon) that relais-bench had, ledger on,
idle and with its calls held by a stub that answers after two seconds. The deep backlog is one
of 300 B records that are many times what is in flight."""

import time

from .processes import anonymous_mib
from .records import Target, Worker, topic_of
from .table import Table

IDLE_S, HOLD_MS = 3, 2000
# Calls in flight, records in the topic.
CASES = {
    "idle": (0, 12),
    "1,000 calls in flight": (1000, 2000),
    "1,000, and a deep backlog": (1000, 200_000),
    "10,000 calls in flight": (10_000, 20_000),
}


def held(bench, in_flight, records):
    """The most it had until the calls in flight were answered once."""
    topic = topic_of(bench, "memory", records, max(in_flight, 12))
    most = 0
    with Target(bench, HOLD_MS if in_flight else 0) as target, \
            Worker(bench, topic, target.url, WORKER_FIBERS=str(max(in_flight, 1000)),
                   WORKER_HIGH_WATER=str(max(in_flight, 1000) * 2),
                   BENCH_TIMEOUT_MS="60s") as worker:
        for _ in target.watch(in_flight * 2 or records):
            most = max(most, anonymous_mib(worker.pid))
        limit = time.monotonic() + (0 if in_flight else IDLE_S)
        while time.monotonic() < limit:
            most = max(most, anonymous_mib(worker.pid))
            time.sleep(0.1)
    return most


def measure(bench):
    table = Table("relais-bench             ", "anonymous")
    for name, (in_flight, records) in CASES.items():
        if bench.smoke and in_flight > 1000 or bench.smoke and records > 2000:
            continue
        table.row(name, "%.1f MiB" % held(bench, in_flight, records))
