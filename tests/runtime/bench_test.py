"""relais-bench, the worker of measurements: plain records, and the same promise."""
import os
import resource
import subprocess
import unittest
import urllib.request

from tests.runtime.stack import BIN, SETTINGS, Stack, wait_until

RECORDS, KEYS, BYTES, KILLS = 6000, 100, 300, 3
FILES = resource.RLIMIT_NOFILE


class Bench(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
        self.addCleanup(self.stack.close)
        self.target = subprocess.Popen([BIN / "relais-stub", "0", "1", "1"], text=True,
                                       stdout=subprocess.PIPE)
        self.addCleanup(self.target.stdout.close)
        self.addCleanup(self.target.wait)
        self.addCleanup(self.target.kill)
        port = self.target.stdout.readline().split("=")[1].strip()
        self.url = f"http://127.0.0.1:{port}/"

    def count(self):
        """Calls, those out of order, and those that came again."""
        with urllib.request.urlopen(self.url + "count", timeout=5) as answer:
            return [int(word) for word in answer.read().split()]

    def start(self):
        stack = self.stack
        worker = subprocess.Popen(
            [BIN / "relais-bench"], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            preexec_fn=lambda: resource.setrlimit(
                FILES, (1024, resource.getrlimit(FILES)[1])),
            env={**os.environ, **SETTINGS, "KAFKA_BROKERS": stack.kafka.brokers,
                 "KAFKA_GROUP_INSTANCE_ID": stack.name, "LOG_LEVEL": "warn",
                 "DATABASE_URL": stack.postgres.url, "BENCH_TOPIC": stack.name,
                 "BENCH_GROUP": stack.name, "BENCH_URL": self.url})
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        return worker

    def finished(self, what):
        return self.stack.postgres.number(
            f"SELECT {what} FROM relais.finished_event WHERE worker = '{self.stack.name}'")

    def test_each_plain_record_is_finished_once_after_kills(self):
        subprocess.run([BIN / "relais-fill", self.stack.kafka.brokers, self.stack.name,
                        str(RECORDS), str(KEYS), str(BYTES)], check=True,
                       stderr=subprocess.DEVNULL)
        for part in range(1, KILLS + 1):
            worker = self.start()
            wait_until(lambda: self.count()[0] >= RECORDS * part // (KILLS + 1),
                       lambda: f"{self.count()} calls")
            worker.kill()
            worker.wait()
        self.assertLess(self.finished("count(*)"), RECORDS)
        worker = self.start()
        wait_until(lambda: self.finished("count(*)") >= RECORDS,
                   lambda: f"{self.finished('count(*)')} are finished")
        # Debian begins with 1024 open files, which is fewer than there may be calls.
        allowed, most = resource.prlimit(worker.pid, FILES)
        self.assertEqual(allowed, most)
        worker.terminate()
        self.assertEqual(worker.wait(), 0)
        self.assertEqual(self.finished("count(*)"), RECORDS)
        self.assertEqual(self.finished(
            f"count(DISTINCT event) FILTER (WHERE event LIKE '%{self.stack.name}%')"),
            RECORDS)
        calls, wrong_order, again = self.count()
        self.assertEqual(wrong_order, 0)
        self.assertEqual(calls - again, RECORDS)
