"""Records in a topic, relais-bench that sends them on, and the target that takes them."""

import os
import re
import subprocess
import time
import urllib.request

from harness.wait import NotSeen

from .bench import HERE

VALUE_BYTES, LOOPS = 300, 2


def topic_of(bench, what, records, keys):
    """A new topic of 12 partitions with so many records."""
    topic = "bench-%s-%d" % (what, time.monotonic_ns())
    bench.run("relais-fill", bench.brokers, topic, records, keys, VALUE_BYTES)
    return topic


class Target:
    """relais-stub: answers every POST after a fixed time, and checks each key's order."""

    def __init__(self, bench, latency_ms):
        self.process = subprocess.Popen(
            [bench.bin / "relais-stub", "0", str(latency_ms), "1"],
            stdout=subprocess.PIPE, text=True)
        port = self.process.stdout.readline().split("=")[1].strip()
        self.url = "http://127.0.0.1:%s/" % port

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def count(self):
        """Calls, calls out of order, calls that were repeated."""
        with urllib.request.urlopen(self.url + "count") as answer:
            return [int(word) for word in answer.read().split()]

    def watch(self, calls, seconds=300):
        """Yields (time, calls that came) again and again until all came."""
        limit = time.monotonic() + seconds
        while True:
            came = self.count()[0]
            yield time.monotonic(), came
            if came >= calls:
                return
            if time.monotonic() > limit:
                raise NotSeen("only %d of %d calls came" % (came, calls))
            time.sleep(0.02)

    def rate(self, calls):
        """Calls/s from the first twentieth of the calls to the last: without the start."""
        begun = None
        for now, came in self.watch(calls):
            if begun is None and came >= calls // 20:
                begun = (now, came)
        return (came - begun[1]) / (now - begun[0])


class Worker:
    """relais-bench with the ledger on or off, in a group of its own."""

    def __init__(self, bench, topic, url, ledger="on", **more):
        group = "%s-%s-%d" % (topic, ledger, time.monotonic_ns())
        env = {**os.environ, "KAFKA_BROKERS": bench.brokers, "LOG_LEVEL": "warn",
               "DATABASE_URL": bench.system.env["DATABASE_URL"], "BENCH_TOPIC": topic,
               "BENCH_GROUP": group, "BENCH_URL": url, "BENCH_LEDGER": ledger,
               "WORKER_LOOPS": str(LOOPS), "RELAIS_BIN": str(bench.bin), **more}
        self.process = subprocess.Popen([HERE / "worker"], env=env,
                                        stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)

    @property
    def pid(self):
        return self.process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def bare(bench, url, calls, in_flight):
    """Calls/s of libcurl alone."""
    out = bench.run("relais-bare", url, calls, in_flight, LOOPS, VALUE_BYTES)
    return float(re.search(r"(\d+) calls/s", out).group(1))
