"""What the tests of the runtime run against: a private Postgres, a private Kafka, the
provider, and the small second integration as a real process.

RUNTIME_POSTGRES_DIR and RUNTIME_KAFKA_DIR name folders of postgres.sh and kafka.sh that
run already: for who plays a test again and again."""
import atexit
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request
import uuid

from tests.runtime.pg_client import PgClient
from tests.runtime.provider import Provider

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("RUNTIME_BIN", "/nowhere"))
SCRIPTS = ROOT / "tests" / "integration"
PATIENCE = 120
PARTITIONS = 6

# Short, so that a test waits for conditions and not for delays that are made for people.
SETTINGS = {
    "LOG_LEVEL": "info",
    "WORKER_LOOPS": "2",
    "JOB_TIMEOUT_MS": "5s",
    "EFFECT_TIMEOUT_MS": "1s",
    "EFFECT_MARGIN_MS": "200ms",
    "RETRY_FIRST_MS": "20ms",
    "RETRY_MEMORY_MS": "100ms",
    "RETRY_PARK_MS": "200ms",
    "RETRY_MAX_MS": "1s",
    "RETRY_GIVE_UP_MS": "1h",
    "BREAKER_PROBE_MS": "2s",
    "DRAIN_MS": "10s",
    "REVOKE_GRACE_MS": "1s",
    "SWEEPS": "false",
    "KAFKA_SESSION_TIMEOUT_MS": "6000",
    "KAFKA_HEARTBEAT_INTERVAL_MS": "500",
    "KAFKA_AUTO_OFFSET_RESET": "earliest",
    "KAFKA_RECONNECT_BACKOFF_MAX_MS": "500",
    "KAFKA_TOPIC_METADATA_REFRESH_FAST_INTERVAL_MS": "20",
}


# For a worker that is killed, frozen or cut off from Kafka: others wait for its end.
SHORT_SESSION = {"KAFKA_SESSION_TIMEOUT_MS": "2000"}


def wait_until(condition, what, patience=PATIENCE):
    """Looks again and again until the condition holds; its result."""
    until = time.monotonic() + patience
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > until:
            raise AssertionError(f"not in {patience} s: "
                                 f"{what() if callable(what) else what}")
        time.sleep(0.05)


def script(name, *arguments):
    done = subprocess.run([SCRIPTS / name, *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE, text=True)
    return done.stdout.strip()


class Postgres:
    def __init__(self):
        self.dir = os.environ.get("RUNTIME_POSTGRES_DIR")
        self.own = self.dir is None
        if self.own:
            self.dir = script("postgres.sh", "start", os.getpid())
        self.url = f"postgresql:///postgres?host={self.dir}&user=postgres"
        self.client = None
        if not self.run("SELECT 1 FROM pg_namespace WHERE nspname = 'relais'"):
            for file in sorted((ROOT / "schemas" / "postgres").glob("*.sql")):
                self.run(file.read_text())

    def run(self, sql):
        try:
            self.client = self.client or PgClient(self.dir)
            return self.client.run(sql)
        except OSError:
            self.hang_up()  # the server was restarted: the next question is another session's
            raise

    def hang_up(self):
        if self.client:
            self.client.close()
        self.client = None

    def number(self, sql):
        return int(self.run(sql)[0][0])

    def crash(self):
        self.hang_up()
        script("postgres.sh", "crash", self.dir)

    def again(self):
        script("postgres.sh", "again", self.dir)

    def stop(self):
        self.hang_up()
        if self.own:
            script("postgres.sh", "stop", self.dir)


class Kafka:
    def __init__(self):
        self.dir = os.environ.get("RUNTIME_KAFKA_DIR")
        self.own = self.dir is None
        if self.own:
            self.dir = script("kafka.sh", "start", os.getpid()).split()[-2]
        self.brokers = re.findall("KAFKA_BROKERS=(.*)",
                                  pathlib.Path(self.dir, "stack.env").read_text())[0]
        self.tool = subprocess.Popen([os.environ["RUNTIME_KAFKA"], self.brokers],
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.known = {}  # by topic, what was read of it, and where to go on

    def say(self, **order):
        self.tool.stdin.write(json.dumps(order).encode() + b"\n")

    def ask(self, **order):
        self.say(**order)
        return self.answer()

    def answer(self):
        self.tool.stdin.flush()
        line = self.tool.stdout.readline()
        if not line:
            raise AssertionError("the Kafka tool has ended")
        return json.loads(line)

    def create(self, *topics):
        self.ask(do="create", topics=list(topics), partitions=PARTITIONS)

    def read(self, topic):
        """All its records; those of one partition in order."""
        records, ends = self.known.setdefault(topic, ([], [0] * PARTITIONS))
        self.say(do="read", topic=topic, **{"from": ends})
        while "end" not in (line := self.answer()):
            records.append(Record(line))
            ends[line["partition"]] = line["offset"] + 1
        return records

    def flush(self):
        answer = self.ask(do="flush")
        assert answer["failed"] == 0, answer
        return answer["delivered"]

    def part(self, act):
        """start, stop or kill the broker."""
        subprocess.run(["bash", "-c", '. "$0/deploy/lib/stack.sh"; stack_part "$1" "$2" '
                        'kafka', ROOT, self.dir, act], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def stop(self):
        self.tool.stdin.close()
        self.tool.wait()
        self.tool.stdout.close()
        if self.own:
            script("kafka.sh", "stop", self.dir)


class Record:
    def __init__(self, line):
        self.partition, self.offset = line["partition"], line["offset"]
        self.key = bytes.fromhex(line["key"] or "")
        self.payload = bytes.fromhex(line["payload"] or "")
        self.headers = {name: bytes.fromhex(value or "") for name, value in line["headers"]}

    def header(self, name):
        return self.headers.get(name, b"").decode(errors="replace")


class Worker:
    """One process of relais-echo."""

    def __init__(self, stack, **settings):
        self.log = tempfile.NamedTemporaryFile(prefix="relais-echo-", suffix=".log")
        self.held, self.port = hold_port()
        env = {"PATH": os.environ["PATH"], **SETTINGS, **stack.settings,
               "ADMIN_PORT": str(self.port), **settings}
        for name in os.environ:
            if name.endswith("SAN_OPTIONS"):
                env[name] = os.environ[name]
        self.process = subprocess.Popen([BIN / "relais-echo"], env=env, stderr=self.log,
                                        stdout=self.log)
        stack.workers.append(self)

    @property
    def pid(self):
        return self.process.pid

    def text(self):
        return pathlib.Path(self.log.name).read_text(errors="replace")

    def lines(self, event):
        """What it logged under that word."""
        found = []
        for line in self.text().splitlines():
            if line.startswith("{"):
                entry = json.loads(line)
                if entry.get("event") == event:
                    found.append(entry)
        return found

    def get(self, path):
        """Status and body of its admin server; 0 if it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}",
                                        timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name):
        """Its first series' value."""
        for line in self.get("/metrics")[1].splitlines():
            if line.split("{")[0].split(" ")[0] == name:
                return float(line.split()[-1])
        raise AssertionError(f"no metric {name}")

    def ready(self):
        wait_until(lambda: self.get("/readyz")[0] == 200 or self.process.poll() is not None,
                   lambda: f"ready: {self.get('/readyz')}\n{self.text()[-3000:]}")
        if self.process.poll() is not None:
            raise AssertionError(f"it ended: {self.text()[-3000:]}")
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop(self):
        """SIGTERM; its exit status."""
        self.signal(signal.SIGTERM)
        return self.end()

    def end(self):
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it does not end:\n{self.text()[-3000:]}") from None

    def close(self):
        """Ends it; what a sanitizer found, or None."""
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
        self.kill()
        self.held.close()
        text = self.text()
        self.log.close()
        for word in ("Sanitizer", "runtime error:", "Assertion"):
            if word in text:
                return f"pid {self.pid}:\n{text[-20000:]}"
        return None


def hold_port():
    """A port that nobody else is given while the socket, bound but never listening, lives."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held, held.getsockname()[1]


class Stack:
    """Postgres and Kafka are shared by a test program; each test has topics and a group of
    its own."""
    postgres = None
    kafka = None

    @classmethod
    def start(cls):
        if cls.postgres is None:
            cls.postgres = Postgres()
            atexit.register(cls.postgres.stop)
        if cls.kafka is None:
            cls.kafka = Kafka()
            atexit.register(cls.kafka.stop)
            cls.kafka.create("journey.facts", "echo.dead-letters", "echo.webhooks",
                             "echo.commands")

    def __init__(self):
        Stack.start()
        self.name = "t" + uuid.uuid4().hex[:8]
        self.commands, self.webhooks = self.name + ".commands", self.name + ".webhooks"
        self.kafka.create(self.commands, self.webhooks)
        self.provider = Provider()
        self.workers = []
        self.settings = {
            "KAFKA_BROKERS": self.kafka.brokers,
            "DATABASE_URL": self.postgres.url,
            "WORKER_GROUP": self.name,
            "ECHO_TOPICS": self.name,
            "ECHO_URL": self.provider.url,
        }
        self.sent = []

    def close(self):
        problems = [problem for worker in self.workers if (problem := worker.close())]
        self.provider.close()
        if problems:
            raise AssertionError("\n".join(problems))

    def worker(self, **settings):
        return Worker(self, **settings)

    # ---- events

    def key(self, name):
        """Keys of one test are its own, because dead letters and facts are shared."""
        return f"{name}.{self.name}"

    def send(self, kind, key, n=0, id=None, company="acme", topic=None, payload=None,
             headers=None, partition=None):
        """One event; it leaves with the next flush(). Its id."""
        id = id or str(uuid.uuid4())
        given = {"ce_specversion": "1.0", "ce_id": id, "ce_source": "relais/test",
                 "ce_type": kind, "ce_subject": key, "ce_company": company,
                 "content-type": "application/json"}
        given.update(headers or {})
        if payload is None:
            payload = json.dumps({"n": n, "company": company}).encode()
        order = {"do": "produce", "topic": topic or self.commands,
                 "key": as_bytes(key).hex(), "payload": payload.hex(),
                 "headers": [[name, as_bytes(value).hex()] for name, value in given.items()
                             if value is not None]}
        if partition is not None:
            order["partition"] = partition
        self.kafka.say(**order)
        self.sent.append(id)
        return id

    def flush(self):
        return self.kafka.flush()

    # ---- the ledger

    def finished(self):
        return {row[0] for row in self.postgres.run(
            f"SELECT event FROM relais.finished_event WHERE worker = '{self.name}'")}

    def count(self, table, where="true"):
        return self.postgres.number(f"SELECT count(*) FROM relais.{table}"
                                    f" WHERE worker = '{self.name}' AND {where}")

    def parked(self):
        return self.postgres.run(
            "SELECT lane, event FROM relais.parked_event"
            f" WHERE worker = '{self.name}' ORDER BY seq")

    def steps(self, event):
        """Outcomes of the attempts of one event."""
        return [row[0] for row in self.postgres.run(
            "SELECT outcome FROM relais.journey_step"
            f" WHERE worker = '{self.name}' AND event = '{event}' ORDER BY id")]

    def finish(self, ids=None, patience=PATIENCE):
        """Waits until these events (all that were sent) are finished, and nothing is
        left."""
        ids = set(ids or self.sent)
        wait_until(lambda: ids <= self.finished(),
                   lambda: f"finished: {len(ids - self.finished())} of {len(ids)} are not, "
                   f"such as {sorted(ids - self.finished())[:3]}; "
                   f"parked: {self.parked()[:5]}\n{self.logs()}", patience)

    def settle(self):
        """The same, and the outbox has gone and nothing is parked."""
        self.finish()
        wait_until(lambda: self.count("outbox") == 0, "the outbox is empty")
        assert self.parked() == [], self.parked()

    def facts(self, kind):
        """Facts of this test's keys, without doublets of one id."""
        found = {}
        for record in self.kafka.read("journey.facts"):
            if record.header("ce_type") == kind and self.name in record.key.decode():
                found.setdefault(record.header("ce_id"), record)
        return list(found.values())

    def dead(self):
        return [r for r in self.kafka.read("echo.dead-letters")
                if self.commands == r.header("x-dead-topic")
                or self.webhooks == r.header("x-dead-topic")]

    def cli(self, *arguments):
        """The CLI; its exit status and what it said."""
        done = subprocess.run([BIN / "relais", *arguments], stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True,
                              env={"PATH": os.environ["PATH"], **self.settings})
        return done.returncode, done.stdout

    def logs(self):
        return "\n".join(f"--- {w.pid} ({w.process.poll()})\n{w.text()[-2500:]}"
                         for w in self.workers[-3:])


def as_bytes(value):
    return value if isinstance(value, bytes) else value.encode()


class Case(unittest.TestCase):
    def setUp(self):
        self.stack = Stack()
        self.provider = self.stack.provider
        self.addCleanup(self.stack.close)

    def tearDown(self):
        for _, problem in getattr(self._outcome, "errors", []):
            if problem is not None:
                print(self.stack.logs(), file=sys.stderr)
