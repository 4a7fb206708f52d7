"""Worker throughput: relais-bench POSTs each record of a topic (12 partitions, 1,000 keys,
300 B) to an HTTP stub that answers after 0, 1, 10 or 100 ms, ledger on with fsync and
synchronous_commit, two loops; beside bare libcurl on the same stub (two loops, 1,000 calls in
flight, ten handles to a multi) and the worker without its ledger. The three take turns, round
after round; ratios are those of each round, rates are medians. The stub checks each key's
order."""

from .bench import say
from .records import Target, Worker, bare, topic_of
from .table import Table, middle, rate

KEYS = 1000
RECORDS = {0: 150_000, 1: 150_000, 10: 150_000, 100: 40_000}


def one_worker(bench, topic, latency_ms, ledger, records):
    """Calls/s, and how many were repeated."""
    with Target(bench, latency_ms) as target:
        with Worker(bench, topic, target.url, ledger):
            found = target.rate(records)
        _, violations, repeats = target.count()
    if violations:
        raise SystemExit("%d calls out of order" % violations)
    return found, repeats


def one_round(bench, topic, latency_ms, records):
    with Target(bench, latency_ms) as target:
        found = {"bare": bare(bench, target.url, records, KEYS)}
    found["on"], repeats = one_worker(bench, topic, latency_ms, "on", records)
    found["off"], more = one_worker(bench, topic, latency_ms, "off", records)
    say("%d ms: %.0f/s bare, %.0f/s with the ledger, %.0f/s without"
        % (latency_ms, found["bare"], found["on"], found["off"]))
    return {**found, "repeats": repeats + more}


def measure(bench):
    table = Table("latency", "bare libcurl", "ledger on", "of bare            ",
                  "ledger off", "of bare            ", "order")
    for latency_ms in [1] if bench.smoke else RECORDS:
        records = 4000 if bench.smoke else RECORDS[latency_ms]
        topic = topic_of(bench, latency_ms, records, KEYS)
        rounds = [one_round(bench, topic, latency_ms, records)
                  for _ in range(bench.rounds)]
        cells = []
        for ledger in ("on", "off"):
            cells += [rate([one[ledger] for one in rounds]),
                      middle([one[ledger] / one["bare"] for one in rounds])]
        table.row("%d ms" % latency_ms, rate([one["bare"] for one in rounds]), *cells,
                  "kept, %d repeats" % sum(one["repeats"] for one in rounds))
