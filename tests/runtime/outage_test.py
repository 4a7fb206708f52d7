"""What goes away in the middle: Postgres, Kafka, the process itself, its partitions."""
import json
import os
import random
import re
import select
import signal
import socket
import tempfile
import threading
import unittest

from tests.runtime.pg_proxy import PgProxy
from tests.runtime.stack import PARTITIONS, PATIENCE, SHORT_SESSION, Case, wait_until


class Outage(Case):
    KEYS = 20

    def send_some(self, count, start=0):
        stack = self.stack
        ids = [stack.send("echo.make", stack.key(f"k{n % self.KEYS}"), n // self.KEYS,
                          company=f"c{n % 4}") for n in range(start, start + count)]
        stack.flush()
        return ids

    def everything_done_once(self):
        stack, provider = self.stack, self.provider
        stack.settle()
        for event in stack.sent:
            self.assertEqual(len(provider.live(event)), 1, event)
        self.assertEqual(stack.count("finished_event"), len(stack.sent))
        self.assertEqual(stack.dead(), [])
        last = {}
        for call in provider.seen(method="POST", path="/things", done=True):
            self.assertGreaterEqual(call.n, last.get(call.key, -1), call)
            last[call.key] = call.n
        wait_until(lambda: len(stack.facts("echo.made")) == len(stack.sent),
                   lambda: f"{len(stack.facts('echo.made'))} facts of {len(stack.sent)}\n"
                   + stack.logs())

    def wait_for_calls(self, count):
        wait_until(lambda: len(self.provider.seen(method="POST")) >= count,
                   lambda: f"{count} calls: {len(self.provider.seen(method='POST'))}\n"
                   + self.stack.logs())


class Systemd:
    """Where a program says how it goes (sd_notify)."""

    def __init__(self, test):
        self.folder = tempfile.TemporaryDirectory(prefix="relais-notify.")
        test.addCleanup(self.folder.cleanup)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        test.addCleanup(self.socket.close)
        self.socket.bind(self.path("socket"))
        self.socket.settimeout(PATIENCE)
        self.settings = {"NOTIFY_SOCKET": self.path("socket")}

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def wait_for(self, word):
        while word not in self.socket.recv(1000).decode():
            pass

    def heard(self):
        """What was said since the last time."""
        words = []
        while select.select([self.socket], [], [], 0)[0]:
            words.append(self.socket.recv(1000).decode())
        return words


class Servers(Outage):
    def test_postgres_is_restarted_in_the_middle(self):
        stack = self.stack
        self.provider.rule(lambda call: "latency:5")
        worker = stack.worker().ready()
        self.send_some(200)
        for part in range(1, 4):
            self.wait_for_calls(40 * part)
            stack.postgres.crash()
            wait_until(lambda: worker.get("/readyz")[0] == 503, "not ready")
            self.assertEqual(worker.get("/livez")[0], 200)
            stack.postgres.again()
        self.everything_done_once()
        self.assertEqual(worker.stop(), 0)

    def test_a_new_url_of_the_ledger_is_taken_up_at_sighup(self):
        stack = self.stack
        old = PgProxy(stack.postgres.dir, "nobody", lambda n: None)
        new = PgProxy(stack.postgres.dir, "nobody", lambda n: None)
        self.addCleanup(new.close)
        with tempfile.NamedTemporaryFile("w") as secret:

            def write(url):
                secret.seek(0)
                secret.truncate()
                secret.write(url)
                secret.flush()

            write(old.url)
            del stack.settings["DATABASE_URL"]
            worker = stack.worker(DATABASE_URL_FILE=secret.name).ready()
            self.send_some(20)
            stack.finish()
            write(new.url)
            worker.signal(signal.SIGHUP)
            wait_until(lambda: worker.lines("reload"), "read again")
        old.close()
        stack.postgres.crash()
        stack.postgres.again()
        self.send_some(20, 20)
        self.everything_done_once()
        self.assertEqual(worker.stop(), 0)

    def test_kafka_is_restarted_in_the_middle(self):
        stack = self.stack
        self.provider.rule(lambda call: "latency:5")
        # Away for longer than its session: it loses its partitions meanwhile.
        worker = stack.worker(**SHORT_SESSION).ready()
        self.send_some(200)
        self.wait_for_calls(50)
        stack.kafka.part("kill")
        stack.kafka.part("start")
        self.send_some(100, 200)
        self.everything_done_once()
        self.assertEqual(worker.get("/livez")[0], 200)
        self.assertEqual(worker.stop(), 0)

    def test_who_has_a_name_and_lost_its_session_joins_again(self):
        """What it meant to commit meanwhile goes out late, under a membership that is
        over: Kafka then takes it for somebody else under its name."""
        self.lose_session(lambda call: False)

    def test_so_does_who_has_calls_under_way(self):
        self.lose_session(lambda call: call.n == 1)

    def lose_session(self, is_slow):
        """Slow calls end when it has joined again, all others while Kafka is away."""
        stack, provider = self.stack, self.provider
        away, back = threading.Event(), threading.Event()
        self.addCleanup(back.set)
        self.addCleanup(away.set)

        def wait(call):
            (back if is_slow(call) else away).wait(PATIENCE)
            return ""

        provider.rule(lambda call: wait if call.method == "POST" else None)
        worker = stack.worker(
            KAFKA_GROUP_INSTANCE_ID=stack.name, REVOKE_GRACE_MS="8s", JOB_TIMEOUT_MS="60s",
            EFFECT_TIMEOUT_MS="60s", ECHO_TIMEOUT_MS="60s").ready()
        self.send_some(40)
        self.wait_for_calls(4)
        stack.kafka.part("kill")
        try:
            away.set()
            wait_until(lambda: worker.get("/readyz")[0] == 503,
                       lambda: "lost\n" + stack.logs())
        finally:
            stack.kafka.part("start")
        wait_until(lambda: len(worker.lines("assigned")) == 2,
                   lambda: "joined again\n" + stack.logs())
        back.set()
        self.send_some(20, 40)
        self.everything_done_once()
        self.assertEqual(worker.lines("fatal"), [])
        self.assertEqual(worker.stop(), 0)

    def test_a_stop_while_postgres_is_away_ends(self):
        stack = self.stack
        worker = stack.worker(DRAIN_MS="500ms", **SHORT_SESSION).ready()
        self.provider.rule(lambda call: "hold" if call.method == "POST" else None)
        self.send_some(20)
        self.provider.wait_for(lambda: self.provider.held > 0)
        stack.postgres.crash()
        try:
            worker.signal(signal.SIGTERM)
            worker.end()
        finally:
            stack.postgres.again()
        self.provider.clear_rules()
        stack.worker().ready()
        self.everything_done_once()

    def test_a_stop_while_kafka_is_away_ends(self):
        stack = self.stack
        worker = stack.worker(**SHORT_SESSION).ready()
        self.send_some(40)
        self.wait_for_calls(20)
        stack.kafka.part("kill")
        try:
            worker.signal(signal.SIGTERM)
            self.assertEqual(worker.end(), 0)
        finally:
            stack.kafka.part("start")
        stack.worker().ready()
        self.everything_done_once()

    def test_a_full_disk_of_postgres_is_told_and_waited_out(self):
        stack, provider = self.stack, self.provider
        worker = stack.worker().ready()
        stack.postgres.run(
            "CREATE FUNCTION relais.no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF NEW.worker = '{stack.name}' THEN RAISE SQLSTATE '53100' USING MESSAGE ="
            " 'could not extend file: No space left on device'; END IF; RETURN NEW; END $$")
        full = ("CREATE TRIGGER no_room BEFORE INSERT ON relais.{0} FOR EACH ROW"
                " EXECUTE FUNCTION relais.no_room()")
        tables = ("finished_event", "journey_step")
        for table in tables:
            stack.postgres.run(full.format(table))
        try:
            self.send_some(100)
            wait_until(lambda: "No space left on device" in worker.get("/readyz")[1],
                       lambda: f"not ready: {worker.get('/readyz')}")
            self.assertEqual(worker.get("/readyz")[0], 503)
            self.assertEqual(worker.get("/livez")[0], 200)
        finally:
            for table in tables:
                stack.postgres.run(f"DROP TRIGGER no_room ON relais.{table}")
            stack.postgres.run("DROP FUNCTION relais.no_room()")
        self.everything_done_once()
        worker.ready()


class Members(Outage):
    def test_workers_come_and_go(self):
        stack, provider = self.stack, self.provider
        provider.rule(lambda call: "latency:10")
        first = stack.worker().ready()
        self.send_some(150)
        self.wait_for_calls(30)
        second = stack.worker(**SHORT_SESSION).ready()
        third = stack.worker().ready()
        self.send_some(150, 150)
        self.wait_for_calls(120)
        second.kill()  # without a word: its partitions come back after the session
        self.send_some(100, 300)
        self.wait_for_calls(200)
        self.assertEqual(third.stop(), 0)
        self.send_some(100, 400)
        self.everything_done_once()
        self.assertEqual(first.stop(), 0)

    def test_a_frozen_worker_writes_nothing_when_it_thaws(self):
        stack, provider = self.stack, self.provider
        provider.rule(lambda call: "latency:10")
        frozen = stack.worker(**SHORT_SESSION).ready()
        self.send_some(300)
        self.wait_for_calls(60)
        frozen.signal(signal.SIGSTOP)
        # Its session ends, and the other one takes over everything.
        other = stack.worker()
        wait_until(lambda: other.lines("assigned"), lambda: "taken over\n" + stack.logs())
        self.wait_for_calls(150)
        epochs = stack.postgres.run("SELECT partition, epoch FROM relais.partition_epoch"
                                    f" WHERE worker = '{stack.name}' ORDER BY 1")
        self.assertEqual(len(epochs), PARTITIONS)
        frozen.signal(signal.SIGCONT)
        self.send_some(100, 300)
        self.everything_done_once()
        self.assertEqual(frozen.stop(), 0)
        self.assertEqual(other.stop(), 0)

    def test_a_worker_frozen_in_a_transaction_does_not_stop_the_next(self):
        self.freeze_in_a_transaction("hold")

    def test_nor_does_one_frozen_in_a_statement(self):
        self.freeze_in_a_transaction("half")

    def freeze_in_a_transaction(self, how):
        stack = self.stack
        caught = threading.Event()

        def freeze(commit):
            if commit != 3:
                return None
            frozen.signal(signal.SIGSTOP)
            caught.set()
            return how

        proxy = PgProxy(stack.postgres.dir, f"{stack.name} writer", freeze)
        self.addCleanup(proxy.close)
        frozen = stack.worker(DATABASE_URL=proxy.url, **SHORT_SESSION).ready()
        for n in range(600):
            stack.send("echo.free", stack.key(f"k{n % 20}"), n // 20)
        stack.flush()
        self.assertTrue(caught.wait(PATIENCE))
        self.assertLess(len(stack.finished()), 600)
        stack.worker()
        stack.finish()
        frozen.signal(signal.SIGCONT)
        stack.send("echo.free", stack.key("last"))
        stack.flush()
        stack.settle()
        self.assertEqual(stack.count("finished_event"), 601)

    def test_somebody_who_took_the_partitions_in_the_ledger_fences_us(self):
        """As after a session that was lost without our noticing."""
        self.fence(self.stack.worker().ready())

    def test_a_member_with_a_name_of_its_own_is_fenced_too(self):
        self.fence(self.stack.worker(KAFKA_GROUP_INSTANCE_ID=self.stack.name).ready())

    def test_who_meets_another_under_its_name_ends_to_be_started_again(self):
        """As a member with a name does that was frozen past its session."""
        stack = self.stack
        old = stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
        stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
        self.send_some(20)
        self.assertEqual(old.end(), os.EX_TEMPFAIL)
        self.assertIn("fenced this consumer", old.lines("fatal")[0]["text"])
        self.everything_done_once()

    def fence(self, worker):
        stack, provider = self.stack, self.provider
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        self.send_some(20)
        provider.wait_for(lambda: provider.held >= 4)
        stack.postgres.run("UPDATE relais.partition_epoch SET epoch = epoch + 1"
                           f" WHERE worker = '{stack.name}'")
        provider.clear_rules()
        wait_until(lambda: worker.lines("fenced"), lambda: "fenced\n" + stack.logs())
        self.everything_done_once()
        self.assertEqual(len(worker.lines("assigned")), 2)


class Progress(Outage):
    HUNG = 5  # seconds, of which the program counts one a round

    def hanging(self, worker):
        """Since when /livez says that a loop hangs, and nothing else does; or None."""
        status, text = worker.get("/livez")
        if status != 503:
            return None
        found = re.fullmatch(r"loop [01] has made no progress for (\d+) s\n", text)
        self.assertIsNotNone(found, text)
        return int(found[1])

    def test_a_loop_that_hangs_turns_livez_red_and_starves_the_watchdog(self):
        stack, systemd = self.stack, Systemd(self)
        pipe = systemd.path("pipe")
        os.mkfifo(pipe)
        worker = stack.worker(**systemd.settings, HUNG_MS=f"{self.HUNG}s").ready()
        self.assertEqual(worker.get("/livez"), (200, "ok\n"))
        payload = json.dumps({"company": "acme", "pipe": pipe}).encode()
        stack.send("echo.hang", stack.key("k"), payload=payload)
        stack.flush()
        wait_until(lambda: self.hanging(worker), lambda: "it hangs\n" + stack.logs())
        since = self.hanging(worker)
        self.assertGreaterEqual(since, self.HUNG)
        systemd.heard()
        # Rounds go by in which the watchdog would have been fed.
        wait_until(lambda: (self.hanging(worker) or 0) >= since + 2, "it counts on")
        self.assertEqual(systemd.heard(), [])
        self.assertIn("loop ", worker.lines("hangs")[0]["text"])
        with open(pipe, "r+b", buffering=0):
            wait_until(lambda: worker.get("/livez")[0] == 200, "it turns again")
            systemd.wait_for("WATCHDOG=1")
            stack.finish()
        wait_until(lambda: len(worker.lines("hangs")) == 2, "it is over")
        self.assertEqual(worker.stop(), 0)

    def test_waiting_for_postgres_and_kafka_is_progress(self):
        """For longer than a loop may stand still, with settles under way whose end the
        thread that polls Kafka waits for as well."""
        stack, provider, systemd = self.stack, self.provider, Systemd(self)
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        worker = stack.worker(
            **systemd.settings, HUNG_MS=f"{self.HUNG}s", REVOKE_GRACE_MS="60s",
            JOB_TIMEOUT_MS="60s", EFFECT_TIMEOUT_MS="60s", ECHO_TIMEOUT_MS="60s",
            **SHORT_SESSION).ready()
        self.send_some(40)
        provider.wait_for(lambda: provider.held >= 4)
        stack.kafka.part("kill")
        stack.postgres.crash()
        try:
            provider.clear_rules()
            wait_until(lambda: worker.get("/readyz")[0] == 503, "away")
            systemd.heard()
            for _ in range(2 * self.HUNG + 4):
                systemd.wait_for("WATCHDOG=1")
                self.assertEqual(worker.get("/livez"), (200, "ok\n"))
        finally:
            stack.postgres.again()
            stack.kafka.part("start")
        self.everything_done_once()
        self.assertEqual(worker.lines("hangs"), [])
        self.assertEqual(worker.stop(), 0)


class Stops(Outage):
    def test_a_stop_lets_calls_end_and_begins_none(self):
        stack, provider = self.stack, self.provider
        worker = stack.worker().ready()
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        self.send_some(40)
        provider.wait_for(lambda: provider.held >= 8)
        held = provider.held
        worker.signal(signal.SIGTERM)
        wait_until(lambda: worker.lines("draining"), "draining")
        provider.clear_rules()
        self.assertEqual(worker.end(), 0)
        self.assertGreaterEqual(len(stack.finished()), 8)
        self.assertEqual(len(provider.seen(method="POST")), len(stack.finished()))
        self.assertGreaterEqual(len(stack.finished()), held)
        stack.worker().ready()
        self.everything_done_once()
        self.assertEqual(len(provider.seen(method="POST")), 40)

    def test_what_is_under_way_is_listed(self):
        stack, provider = self.stack, self.provider
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        worker = stack.worker().ready()
        ids = self.send_some(2)
        provider.wait_for(lambda: provider.held == 2)
        worker.signal(signal.SIGUSR1)
        wait_until(lambda: len(worker.lines("fiber")) == 2, lambda: stack.logs())
        for line in worker.lines("fiber"):
            self.assertIn(line["id"], ids)
            self.assertIn(stack.name, line["lane"])
            self.assertIn("echo", line["waits_for"])
            self.assertGreaterEqual(line["ms"], 0)
        provider.clear_rules()
        self.everything_done_once()

    def test_systemd_is_told_how_it_goes(self):
        """Ready, progress for the watchdog, the end; and the backlog for those who scale."""
        stack, provider = self.stack, self.provider
        systemd = Systemd(self)
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        worker = stack.worker(**systemd.settings, WATCHDOG_USEC="2000000")
        systemd.wait_for("READY=1")
        worker.ready()
        self.send_some(60)
        wait_until(lambda: worker.metric("relais_backlog") == 60,
                   lambda: f"a backlog of {worker.metric('relais_backlog')}")
        systemd.wait_for("WATCHDOG=1")
        systemd.wait_for("WATCHDOG=1")
        provider.clear_rules()
        self.everything_done_once()
        wait_until(lambda: worker.metric("relais_backlog") == 0, "no backlog")
        worker.signal(signal.SIGTERM)
        systemd.wait_for("STOPPING=1")
        self.assertEqual(worker.end(), 0)

    def test_a_second_signal_ends_it_at_once(self):
        stack, provider = self.stack, self.provider
        worker = stack.worker(DRAIN_MS="600s", **SHORT_SESSION).ready()
        provider.rule(lambda call: "hold" if call.method == "POST" else None)
        self.send_some(4)
        provider.wait_for(lambda: provider.held >= 1)
        worker.signal(signal.SIGTERM)
        wait_until(lambda: worker.lines("draining"), "draining")
        self.assertIsNone(worker.process.poll())
        worker.signal(signal.SIGTERM)
        worker.end()
        self.assertGreaterEqual(provider.held, 1)
        provider.clear_rules()
        stack.worker().ready()
        self.everything_done_once()

    def test_a_stop_while_events_are_on_their_way_to_the_ledger(self):
        """Parked ones above all: nobody's attempt runs when the process ends."""
        stack, provider = self.stack, self.provider
        key = stack.key("bad")
        provider.fail("500", key=key)
        rounds, some = 4, 200
        for round in range(rounds):
            worker = stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
            parked = len(stack.parked())
            for n in range(some):
                stack.send("echo.free", key, n + some * round)
            stack.flush()
            wait_until(lambda: len(stack.parked()) > parked, "parking")
            self.assertEqual(worker.stop(), 0, worker.text()[-2000:])
        provider.clear_rules()
        stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
        stack.settle()
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)],
                         list(range(rounds * some)))

    def test_many_starts_and_stops_leave_nothing_behind(self):
        stack, provider = self.stack, self.provider
        dice = random.Random(1)
        provider.rule(lambda call: "500" if call.number % 7 == 0 else "latency:3")
        self.send_some(200)
        for _ in range(6):
            worker = stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
            until = len(provider.calls) + dice.randrange(30)
            wait_until(lambda: len(provider.calls) >= until
                       or len(stack.finished()) == 200, "calls")
            self.assertEqual(worker.stop(), 0, worker.text()[-2000:])
        provider.clear_rules()
        stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
        self.everything_done_once()


if __name__ == "__main__":
    unittest.main()
