"""Order and fairness: parking, dead letters, twins, gates, the circuit breaker."""
import json
import os
import subprocess
import tempfile
import threading
import unittest
import urllib.request

from tests.runtime.pg_proxy import PgProxy
from tests.runtime.stack import PATIENCE, SHORT_SESSION, Case, hold_port, wait_until


class Parking(Case):
    def test_a_key_that_fails_is_parked_in_order_and_others_go_on(self):
        stack, provider = self.stack, self.provider
        bad, good = stack.key("bad"), stack.key("good")
        provider.fail("500", key=bad)
        stack.worker().ready()
        ids = [stack.send("echo.free", bad, n) for n in range(5)]
        others = [stack.send("echo.free", good, n) for n in range(5)]
        stack.flush()
        stack.finish(others)
        wait_until(lambda: [event for _, event in stack.parked()] == ids, "all five parked")
        # What comes later goes behind them.
        ids += [stack.send("echo.free", bad, n) for n in range(5, 8)]
        stack.flush()
        wait_until(lambda: [event for _, event in stack.parked()] == ids, "the rest, too")
        self.assertEqual({call.n for call in provider.seen(key=bad)}, {0})
        provider.clear_rules()
        stack.settle()
        done = [call.n for call in provider.seen(key=bad, done=True)]
        self.assertEqual(done, list(range(8)))
        self.assertEqual(len(stack.facts("echo.seen")), 13)

    def test_more_than_one_load_of_parked_events_keeps_its_order(self):
        stack, provider = self.stack, self.provider
        key = stack.key("many")
        provider.fail("500", key=key)
        stack.worker().ready()
        for n in range(200):
            stack.send("echo.free", key, n)
        stack.flush()
        wait_until(lambda: len(stack.parked()) == 200, "200 parked")
        provider.clear_rules()
        # And more of them while they come back.
        for n in range(200, 300):
            stack.send("echo.free", key, n)
        stack.flush()
        stack.settle()
        done = [call.n for call in provider.seen(key=key, done=True)]
        self.assertEqual(done, list(range(300)))

    def test_rows_that_postgres_refused_to_read_are_asked_for_again(self):
        """Those behind the first 64 have no time at which somebody would ask for them."""
        stack, provider, key = self.stack, self.provider, self.stack.key("refused")
        proxy = PgProxy(
            stack.postgres.dir, f"{stack.name} reader", lambda _: "refuse" if provider.seen(
                key=key, done=True) and not proxy.cuts else None, word=b"seq LIMIT 64")
        self.addCleanup(proxy.close)
        provider.fail("500", key=key)
        worker = stack.worker(DATABASE_URL=proxy.url).ready()
        for n in range(70):
            stack.send("echo.free", key, n)
        stack.flush()
        wait_until(lambda: len(stack.parked()) == 70, "70 parked")
        provider.clear_rules()
        stack.settle()
        self.assertEqual([call.n for call in provider.seen(key=key, done=True)],
                         list(range(70)))
        self.assertEqual(proxy.cuts["refuse"], 1)
        self.assertEqual(len(worker.lines("park-read")), 1)

    def test_a_row_that_is_written_while_the_lane_is_looked_up_is_not_left_behind(self):
        """Its look-up finds nothing; before that answer comes, the row is in the ledger and
        told to be."""
        stack, provider, key = self.stack, self.provider, self.stack.key("last")
        answered, asked, told = threading.Event(), threading.Event(), threading.Event()
        holding, held, looking = threading.Event(), threading.Event(), threading.Event()
        for event in (answered, asked, told):
            self.addCleanup(event.set)

        def begin(_):
            if not holding.is_set():
                return
            if not looking.is_set():
                held.set()
                asked.wait(PATIENCE)  # the first one's end is kept until the second is here
            else:
                told.wait(PATIENCE)  # the second one's row, until nothing was found

        def answer(start):
            if looking.is_set() and b" reader" in start:
                told.set()
                answered.wait(PATIENCE)

        def fault(call):
            if not mended.is_set():
                return "500"
            called.set()
            let.wait(PATIENCE)
            return ""

        mended, called, let = threading.Event(), threading.Event(), threading.Event()
        self.addCleanup(let.set)
        provider.rule(lambda call: fault if call.key == key else None)
        proxy = PgProxy(stack.postgres.dir, f"{stack.name} writer", begin, answer, b"BEGIN")
        self.addCleanup(proxy.close)
        worker = stack.worker(DATABASE_URL=proxy.url).ready()
        stack.send("echo.free", key, 0)
        stack.flush()
        wait_until(stack.parked, "parked")
        mended.set()
        wait_until(called.is_set, "called again")
        holding.set()
        let.set()
        wait_until(held.is_set, "the first one's end")
        stack.send("echo.free", key, 1)
        stack.flush()
        wait_until(lambda: "\nrelais_events_in_memory 1\n" in worker.get("/metrics")[1],
                   "the second is here")
        looking.set()
        asked.set()
        wait_until(told.is_set, "looked up")
        wait_until(lambda: (where := stack.kafka.ask(
            do="committed", group=stack.name, topic=stack.commands))["committed"]
            == where["end"], "its row is written")
        answered.set()
        stack.settle()
        self.assertEqual([call.n for call in provider.seen(key=key, done=True)], [0, 1])

    def test_a_person_releases_a_parked_lane(self):
        stack, provider = self.stack, self.provider
        key = stack.key("slow")
        provider.fail("500", key=key)
        worker = stack.worker(RETRY_PARK_MS="1h", RETRY_MAX_MS="2h").ready()
        ids = [stack.send("echo.free", key, n) for n in range(3)]
        stack.flush()
        wait_until(lambda: [event for _, event in stack.parked()] == ids, "parked")
        wait_until(lambda: "\nrelais_parked 3\n" in worker.get("/metrics")[1], "the gauge")
        provider.clear_rules()
        status, said = stack.cli("park", "release", key)
        self.assertEqual(status, 0, said)
        stack.settle()
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 1, 2])

    def test_parked_lanes_are_taken_over(self):
        stack, provider = self.stack, self.provider
        keys = [stack.key(f"k{i}") for i in range(30)]
        provider.fail("500", path="/touch")
        worker = stack.worker(BREAKER_FAILURES="100000", **SHORT_SESSION).ready()
        for n in range(3):
            for key in keys:
                stack.send("echo.free", key, n)
        stack.flush()
        wait_until(lambda: len(stack.parked()) == 90, lambda: f"90: {len(stack.parked())}")
        worker.kill()
        provider.clear_rules()
        worker = stack.worker().ready()
        stack.settle()
        for key in keys:
            self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 1, 2])
        # They were handled under the new ownership: nothing was fenced, nobody left.
        self.assertEqual(worker.lines("fenced"), [])
        self.assertEqual(len(worker.lines("assigned")), 1)

    def test_lanes_released_in_the_middle_of_a_rebalance_are_handled_in_order(self):
        stack, provider = self.stack, self.provider
        keys = [stack.key(f"k{i}") for i in range(12)]
        settings = dict(RETRY_PARK_MS="1h", RETRY_MAX_MS="2h", BREAKER_FAILURES="100000",
                        **SHORT_SESSION)
        provider.fail("500", path="/touch")
        first = stack.worker(**settings).ready()
        for n in range(3):
            for key in keys:
                stack.send("echo.free", key, n)
        stack.flush()
        wait_until(lambda: len(stack.parked()) == 36, lambda: f"36: {len(stack.parked())}")
        provider.clear_rules()
        stack.worker(**settings)  # nobody waits until it has its part
        for i, key in enumerate(keys):
            if i == len(keys) // 2:
                first.kill()
            status, said = stack.cli("park", "release", key)
            self.assertEqual(status, 0, said)
        stack.settle()
        for key in keys:
            self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 1, 2])

    def test_what_fails_for_too_long_becomes_a_dead_letter(self):
        stack, provider = self.stack, self.provider
        key = stack.key("old")
        provider.fail("500", key=key, n=0)
        stack.worker(RETRY_GIVE_UP_MS="1s").ready()
        stack.send("echo.free", key, 0)
        stack.send("echo.free", key, 1)
        stack.flush()
        stack.settle()
        dead = wait_until(stack.dead, "a dead letter")
        self.assertEqual([d.header("x-dead-status") for d in dead], ["500"])
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [1])

    def test_the_age_of_a_parked_event_counts_from_its_first_attempt(self):
        stack, provider = self.stack, self.provider
        key = stack.key("aged")
        provider.fail("500", key=key)
        stack.worker(RETRY_PARK_MS="1h", RETRY_MAX_MS="2h", RETRY_GIVE_UP_MS="1h").ready()
        stack.send("echo.free", key, 0)
        stack.flush()
        wait_until(stack.parked, "parked")
        mine = f"relais.parked_event WHERE worker = '{stack.name}'"
        age = "extract(epoch FROM clock_timestamp() - first_attempt_at)"
        self.assertEqual(stack.postgres.number(
            f"SELECT count(*) FROM {mine} AND {age} BETWEEN 0 AND 600"), 1)
        stack.postgres.run(f"UPDATE relais.parked_event SET due_at = now(), first_attempt_at"
                           f" = now() - interval '2 h' WHERE worker = '{stack.name}'")
        stack.settle()
        self.assertEqual(len(wait_until(stack.dead, "a dead letter")), 1)


class DeadLetters(Case):
    def test_the_largest_event_has_a_dead_letter_and_can_be_replayed(self):
        stack, provider = self.stack, self.provider
        key = stack.key("large")
        provider.fail("422", key=key)
        stack.worker().ready()
        data = {"n": 0, "company": "acme", "pad": "x" * (1000 * 1000 - 1000)}
        event = stack.send("echo.touch", key, payload=json.dumps(data).encode())
        stack.flush()
        stack.settle()
        letter = wait_until(stack.dead, "a dead letter")[0]
        self.assertEqual(json.loads(letter.payload), data)
        self.assertEqual(letter.header("x-dead-status"), "422")
        provider.clear_rules()
        status, said = stack.cli("dead", "replay", "--all", "echo.dead-letters", "--entity",
                                 key)
        self.assertEqual(status, 0, said)
        wait_until(lambda: provider.seen(key=key, done=True), "it was replayed")
        self.assertEqual(stack.steps(event), ["dead"])

    def test_the_letter_of_what_kafka_takes_no_larger_is_cut_and_leaves_the_outbox(self):
        stack, provider = self.stack, self.provider
        key = stack.key("cut")
        provider.fail("422", key=key)
        stack.worker(KAFKA_MESSAGE_MAX_BYTES="100000").ready()
        data = {"n": 0, "company": "acme", "pad": "x" * 200000}
        stack.send("echo.touch", key, payload=json.dumps(data).encode())
        stack.flush()
        stack.settle()
        letter = wait_until(stack.dead, "a dead letter")[0]
        self.assertLess(len(letter.payload), 100000)
        self.assertRegex(letter.header("x-dead-cut"), r"^\d+ of 2000\d\d bytes of the payload$")
        status, said = stack.cli("dead", "replay", "--all", "echo.dead-letters", "--entity",
                                 key)
        self.assertIn("0 replayed, 1 skipped", said)

    def test_a_refused_event_is_kept_with_its_reason_and_its_lane_goes_on(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("422", key=key, n=1)
        stack.worker().ready()
        ids = [stack.send("echo.touch", key, n) for n in range(3)]
        stack.flush()
        stack.settle()
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 2])
        dead = wait_until(stack.dead, "a dead letter")
        self.assertEqual(len(dead), 1)
        letter = dead[0]
        self.assertEqual(letter.key.decode(), key)
        self.assertEqual(json.loads(letter.payload), {"n": 1, "company": "acme"})
        expected = {"ce_id": ids[1], "ce_type": "echo.touch", "x-dead-topic": stack.commands,
                    "x-dead-key": key, "x-dead-kind": "permanent", "x-dead-rule": "http",
                    "x-dead-status": "422", "x-dead-service": "echo",
                    "x-dead-attempts": "1"}
        self.assertEqual({n: letter.header(n) for n in expected}, expected)
        self.assertIn("refused with 422", letter.header("x-dead-error"))
        self.assertIn("POST /touch: 422", letter.header("x-dead-calls"))
        request, body = letter.header("x-dead-request").split("\n\n")
        self.assertRegex(request, r"^POST http://.*/touch$")
        self.assertEqual(json.loads(body)["n"], 1)
        self.assertRegex(letter.header("x-dead-response"), r"^422 .*\n\n.*refused with 422")
        self.assertNotEqual(letter.header("x-dead-offset"), "")
        self.assertNotEqual(letter.header("x-dead-at"), "")
        self.assertEqual(len(stack.facts("echo.refused")), 1)

    def test_what_is_no_event_stops_nobody(self):
        stack, provider = self.stack, self.provider
        good = stack.key("good")
        nothing = {"ce_specversion": None, "ce_id": None, "ce_source": None,
                   "ce_type": None, "ce_subject": None, "ce_company": None,
                   "content-type": None}
        bad = [
            dict(kind="x", key=good, headers=nothing, payload=b"hello"),
            dict(kind="x", key="", headers=nothing, payload=b""),
            dict(kind="echo.free", key=good, payload=b'{"n":'),
            dict(kind="echo.free", key=good, payload=b"[]"),
            dict(kind="echo.free", key=good, payload=b'{"n":"\xff\xfe"}'),
            dict(kind="echo.free", key=good, payload=b'{"a":\x00}'),
            dict(kind="echo.free", key=good, headers={"ce_subject": b"a\x00b"}),
            dict(kind="echo.free", key=good, headers={"ce_source": b"\xff\xfe"}),
            dict(kind="echo.free", key=good, headers={"ce_specversion": "0.3"}),
            dict(kind="echo.free", key=good, headers={"ce_id": b"\x00"}),
            dict(kind="echo.free", key=b"a\x00b\xff." + stack.name.encode()),
            dict(kind="echo.free", key=good + "x" * 600),
            dict(kind="echo.unheard-of", key=good),
            dict(kind="echo.unheard-of", key=good,
                 headers={f"x-{i}": "and more of them" for i in range(80)}),
        ]
        stack.worker().ready()
        for n, words in enumerate(bad):
            kind, key = words.pop("kind"), words.pop("key")
            stack.send(kind, key, **words)
            stack.send("echo.free", good, n)
        stack.flush()
        wait_until(lambda: stack.count("finished_event") == 2 * len(bad),
                   lambda: f"{stack.count('finished_event')} of {2 * len(bad)}\n"
                   + stack.logs())
        self.assertEqual([c.n for c in provider.seen(key=good, done=True)],
                         list(range(len(bad))))
        dead = wait_until(lambda: len(d := stack.dead()) >= len(bad) and d,
                          lambda: f"{len(stack.dead())} dead letters")
        self.assertEqual(len(dead), len(bad))
        for letter in dead:
            self.assertNotEqual(letter.header("x-dead-error"), "")
            self.assertEqual(letter.header("x-dead-kind"), "permanent")
        wait_until(lambda: stack.count("outbox") == 0, "the outbox is empty")

    def test_what_is_no_event_survives_parking(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("500", key=key)
        stack.worker().ready()
        stack.send("echo.free", key, 0)
        bad = [dict(payload=b"\x00\xff"), dict(headers={"ce_source": b"\xff"}),
               dict(headers={b"x-\xff".decode("latin1"): b"\xff\x00"})]
        for words in bad:
            stack.send("echo.free", key, **words)
        stack.send("echo.free", key, 9)
        stack.flush()
        wait_until(lambda: len(stack.parked()) == 5, lambda: f"{stack.parked()}")
        provider.clear_rules()
        wait_until(lambda: stack.count("finished_event") == 5, lambda: stack.logs())
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 0, 9])
        self.assertEqual(len(wait_until(stack.dead, "dead letters")), 2)

    def test_an_unknown_webhook_is_finished_without_action(self):
        stack = self.stack
        stack.worker().ready()
        event = stack.send("echo.unheard-of", stack.key("a"), topic=stack.webhooks)
        stack.flush()
        stack.settle()
        self.assertEqual(stack.dead(), [])
        self.assertEqual(stack.steps(event), ["done"])


class Twins(Case):
    def test_the_same_event_twice_is_handled_once(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("hold", 1, key=key)
        stack.worker().ready()
        # In one batch with its twin, with one more that comes while it is handled, and one
        # that comes when it is finished.
        event = stack.send("echo.touch", key, 0)
        stack.send("echo.touch", key, 0, id=event)
        stack.flush()
        provider.wait_for(lambda: provider.held == 1)
        stack.send("echo.touch", key, 0, id=event)
        later = stack.send("echo.touch", key, 1)
        stack.flush()
        provider.clear_rules()
        stack.finish([event, later])
        stack.send("echo.touch", key, 0, id=event)
        last = stack.send("echo.touch", key, 2)
        stack.flush()
        stack.finish([last])
        self.assertEqual([c.n for c in provider.seen(key=key)], [0, 1, 2])
        self.assertEqual(stack.count("finished_event"), 3)

    def test_an_event_that_was_finished_meanwhile_hurts_nobody(self):
        stack, provider = self.stack, self.provider
        key, other = stack.key("a"), stack.key("b")
        provider.fail("hold", 1, key=key)
        provider.fail("hold", 1, key=other)
        stack.worker().ready()
        event = stack.send("echo.touch", key, 0)
        beside = stack.send("echo.touch", other, 0)
        stack.flush()
        provider.wait_for(lambda: provider.held == 2)
        stack.postgres.run("INSERT INTO relais.finished_event (worker, event)"
                           f" VALUES ('{stack.name}', '{event}')")
        provider.clear_rules()
        later = stack.send("echo.touch", key, 1)
        stack.flush()
        stack.finish([beside, later])
        self.assertEqual([c.n for c in provider.seen(key=key)], [0, 1])
        for each in (event, beside, later):
            self.assertEqual(stack.steps(each), ["done"])

    def test_a_twin_behind_a_parked_event_is_dropped(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("500", key=key)
        stack.worker().ready()
        event = stack.send("echo.free", key, 0)
        stack.flush()
        wait_until(stack.parked, "parked")
        stack.send("echo.free", key, 0, id=event)
        later = stack.send("echo.free", key, 1)
        stack.flush()
        wait_until(lambda: [e for _, e in stack.parked()] == [event, later], "two rows")
        provider.clear_rules()
        stack.settle()
        self.assertEqual([c.n for c in provider.seen(key=key, done=True)], [0, 1])

    def test_offsets_follow_what_is_finished(self):
        stack = self.stack
        worker = stack.worker().ready()
        for n in range(50):
            stack.send("echo.free", stack.key(f"k{n}"), n)
        stack.flush()
        stack.settle()
        self.assertEqual(worker.stop(), 0)
        where = stack.kafka.ask(do="committed", group=stack.name, topic=stack.commands)
        self.assertEqual(where, {"committed": 50, "end": 50})


class Hints(Case):
    """Hints of one object that wait in a lane are handled with one look."""

    def hint(self, key, of, **more):
        return self.stack.send("echo.look", key, partition=0,
                               payload=json.dumps({"of": of}).encode(), **more)

    def looks(self):
        return len(self.provider.seen(method="GET", path="/things", done=True))

    def wait_in_memory(self):
        """Everything sent so far waits in its lane: the ledger has said of each that it is
        new, because it says so in order."""
        stack = self.stack
        last = stack.send("echo.free", stack.key("last"), partition=0)
        stack.flush()
        stack.finish([last])

    def notes(self, ids):
        return self.stack.postgres.run(
            "SELECT note, count(*) FROM relais.journey_step"
            f" WHERE worker = '{self.stack.name}' AND event = ANY('{{{','.join(ids)}}}')"
            " GROUP BY note ORDER BY note")

    def test_hints_that_wait_are_handled_with_one_look_and_pass_nobody(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("hold", 1, path="/things")
        worker = stack.worker(WORKER_LOOPS="1").ready()
        first = self.hint(key, "x")
        stack.flush()
        provider.wait_for(lambda: provider.held == 1)
        joined = [self.hint(key, "x") for _ in range(10)]
        self.hint(key, "y")
        self.hint(key, "x")
        stack.send("echo.free", key, 7, partition=0)
        more = [self.hint(key, "x") for _ in range(5)]
        self.wait_in_memory()
        provider.clear_rules()
        stack.settle()
        # The first one's look had begun when the others came: it says nothing of them.
        done = [call.of or call.n for call in provider.seen(done=True)]
        self.assertEqual([of for of in done if of], ["x", "x", "y", "x", 7, "x"])
        self.assertEqual(self.notes([first]), [["", "1"]])
        self.assertEqual(self.notes(joined),
                         [["", "1"], [f"handled with {joined[0]}", "9"]])
        self.assertEqual(self.notes(more), [["", "1"], [f"handled with {more[0]}", "4"]])
        self.assertEqual(stack.count("finished_event"), len(stack.sent))
        self.assertEqual(worker.stop(), 0)
        where = stack.kafka.ask(do="committed", group=stack.name, topic=stack.commands)
        self.assertEqual(where["committed"], where["end"])

    def test_hints_behind_a_parked_one_wait_and_are_handled_with_it(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        provider.fail("500", path="/things")
        stack.worker().ready()
        ids = [self.hint(key, "x") for _ in range(30)]
        ids.append(stack.send("echo.free", key, 7, partition=0))
        ids += [self.hint(key, "x") for _ in range(100)]
        stack.flush()
        wait_until(lambda: [event for _, event in stack.parked()] == ids,
                   lambda: f"{len(stack.parked())} of {len(ids)} parked")
        provider.clear_rules()
        stack.settle()
        self.assertEqual(stack.count("finished_event"), len(ids))
        self.assertEqual(len(provider.seen(path="/touch", done=True)), 1)
        # They come back 64 at a time.
        self.assertEqual(self.looks(), 4)
        self.assertEqual(self.notes(ids[1:30]), [[f"handled with {ids[0]}", "29"]])

    def test_a_dead_letter_takes_no_hint_along(self):
        stack, provider = self.stack, self.provider
        key = stack.key("a")
        go_on = threading.Event()
        provider.fail(lambda call: go_on.wait() and "", 1, path="/touch", key=key)
        provider.fail("422", 1, path="/things")
        stack.worker(WORKER_LOOPS="1").ready()
        stack.send("echo.free", key, partition=0)
        stack.flush()
        provider.wait_for(lambda: provider.seen(path="/touch", key=key))
        ids = [self.hint(key, "x") for _ in range(3)]
        self.wait_in_memory()
        go_on.set()
        stack.settle()
        self.assertEqual(self.looks(), 1)
        dead = wait_until(stack.dead, "a dead letter")
        self.assertEqual([d.header("ce_id") for d in dead], ids[:1])
        self.assertEqual(self.notes(ids[1:]),
                         [["", "1"], [f"handled with {ids[1]}", "1"]])


class Gates(Case):
    def test_too_fast_closes_the_gate_and_costs_no_attempt(self):
        stack, provider = self.stack, self.provider
        provider.fail("429:1", 3, path="/touch")
        stack.worker().ready()
        for n in range(12):
            stack.send("echo.touch", stack.key(f"k{n}"), n)
        stack.flush()
        stack.settle()
        self.assertGreater(stack.count("journey_step", "outcome = 'gate'"), 0)
        self.assertEqual(stack.count("journey_step", "attempt > 1"), 0)
        self.assertEqual(stack.dead(), [])

    def test_a_closed_gate_stops_its_company_only(self):
        stack, provider = self.stack, self.provider
        slow, fast = stack.key("slow"), stack.key("fast")
        provider.fail("429:3600", 1, key=slow)
        worker = stack.worker().ready()
        first = stack.send("echo.touch", slow, 0, company="slow")
        stack.flush()
        wait_until(lambda: stack.steps(first) == ["gate"], lambda: stack.steps(first))
        others = [stack.send("echo.touch", slow + str(n), n, company="slow")
                  for n in range(20)]
        stack.flush()
        free = [stack.send("echo.touch", fast, n, company="fast") for n in range(20)]
        stack.flush()
        stack.finish(free)
        # One of the company's calls was answered, and no other was made.
        self.assertEqual(len(provider.seen(method="POST")), 1 + len(free))
        self.assertEqual(worker.get("/readyz")[0], 200)
        # The hour is not part of the ledger: a new process asks again.
        worker.stop()
        stack.worker().ready()
        stack.finish([first] + others)
        self.assertEqual(stack.count("journey_step", "attempt > 1"), 0)

    def test_a_bad_key_turns_health_red_and_stops_its_company_only(self):
        stack, provider = self.stack, self.provider
        provider.fail("401", key=stack.key("a"))
        worker = stack.worker().ready()
        first = stack.send("echo.touch", stack.key("a"), company="bad")
        stack.flush()
        wait_until(lambda: worker.get("/readyz")[0] == 503, "health is red")
        self.assertIn("credentials of bad", worker.get("/readyz")[1])
        good = [stack.send("echo.touch", stack.key(f"b{n}"), n, company="good")
                for n in range(5)]
        stack.flush()
        stack.finish(good)
        self.assertEqual(len(provider.seen(key=stack.key("a"))), 1)
        self.assertEqual(worker.get("/livez")[0], 200)
        worker.stop()
        provider.clear_rules()
        worker = stack.worker().ready()
        stack.finish([first])
        self.assertEqual(stack.count("journey_step", "attempt > 1"), 0)
        self.assertEqual(stack.dead(), [])

    def test_one_companys_places_starve_nobody(self):
        stack, provider = self.stack, self.provider
        held = [stack.key(f"h{n}") for n in range(40)]
        provider.rule(lambda call: "hold" if call.key in held else None)
        stack.worker().ready()
        slow = [stack.send("echo.touch", key, company="slow") for key in held]
        stack.flush()
        provider.wait_for(lambda: provider.held == 8)
        fast = [stack.send("echo.touch", stack.key(f"f{n}"), n, company="fast")
                for n in range(40)]
        stack.flush()
        stack.finish(fast)
        self.assertEqual(provider.held, 8)  # the places of the gate, and no more
        provider.clear_rules()
        stack.finish(slow)

    def test_at_a_shared_gate_companies_take_turns(self):
        stack, provider = self.stack, self.provider
        held = [stack.key(f"h{n}") for n in range(2)]
        provider.rule(lambda call: "hold" if call.key in held else None)
        worker = stack.worker(WORKER_LOOPS="1").ready()
        for key in held:
            stack.send("echo.shared", key, company="many")
        stack.flush()
        provider.wait_for(lambda: provider.held == 2)
        many = [stack.key(f"m{n}") for n in range(60)]
        few = [stack.key(f"f{n}") for n in range(3)]
        for company, keys in (("many", many), ("few", few)):
            for key in keys:
                stack.send("echo.shared", key, company=company)
        stack.flush()
        wait_until(lambda: worker.metric("relais_events_in_memory") == 65, "all wait")
        provider.clear_rules()
        stack.finish()
        keys = [call.key for call in provider.seen(method="POST")]
        # One of the many for each of the few; two are called at once.
        served = [key for key in keys if key in many + few]
        self.assertLessEqual(set(few), set(served[:2 * len(few) + 1]))

    def test_what_piles_up_behind_a_gate_is_parked(self):
        """A quarter of what may be in memory waits at one gate, and no more."""
        stack, provider = self.stack, self.provider
        held = [stack.key(f"h{n}") for n in range(2)]
        provider.rule(lambda call: "hold" if call.key in held else None)
        stack.worker(WORKER_LOOPS="1", WORKER_HIGH_WATER="100").ready()
        for key in held:
            stack.send("echo.shared", key, company="many")
        stack.flush()
        provider.wait_for(lambda: provider.held == 2)
        many = [stack.send("echo.shared", stack.key(f"m{n}"), company="many")
                for n in range(300)]
        few = [stack.send("echo.shared", stack.key("f"), n, company="few")
               for n in range(3)]
        stack.flush()
        wait_until(lambda: len(stack.parked()) >= len(many) - 25,
                   lambda: f"{len(stack.parked())} parked\n" + stack.logs())
        names = {lane for lane, _ in stack.parked()}
        self.assertNotIn(stack.key("f"), names)  # who has little keeps its place
        provider.clear_rules()
        stack.settle()
        self.assertEqual({call.n for call in provider.seen(key=stack.key("f"))}, {0, 1, 2})
        self.assertEqual(len(provider.seen(method="POST")), len(many) + len(few) + 2)

    def test_who_waits_long_at_a_gate_is_parked_without_an_attempt(self):
        stack, provider = self.stack, self.provider
        held = stack.key("h")
        keys = [stack.key(f"k{n}") for n in range(20)]
        provider.rule(lambda call: "hold" if call.key.startswith("h") else None)
        stack.worker(GATE_PARK_MS="50ms", RETRY_PARK_MS="300ms").ready()
        for n in range(8):
            stack.send("echo.touch", stack.key(f"h{n}"))
        stack.flush()
        provider.wait_for(lambda: provider.held == 8)
        for n in range(3):
            for key in keys:
                stack.send("echo.touch", key, n)
        stack.flush()
        wait_until(lambda: len({lane for lane, _ in stack.parked()}) == len(keys),
                   lambda: f"{len(stack.parked())} parked")
        provider.clear_rules()
        stack.settle()
        for key in keys:
            self.assertEqual([c.n for c in provider.seen(key=key)], [0, 1, 2])
        self.assertEqual(stack.count("journey_step", "attempt > 1"), 0)


class Circuit(Case):
    @staticmethod
    def paused(worker):
        return [line for line in worker.lines("paused")
                if "echo does not answer" in line["text"]]

    def test_a_provider_that_is_down_pauses_the_worker(self):
        stack, provider = self.stack, self.provider
        worker = stack.worker(RETRY_FIRST_MS="100ms", RETRY_MEMORY_MS="10s").ready()
        provider.up = False
        for n in range(40):
            stack.send("echo.free", stack.key(f"k{n % 20}"), n)
        stack.flush()
        wait_until(lambda: worker.get("/readyz")[0] == 503, "not ready")
        self.assertIn("echo does not answer", worker.get("/readyz")[1])
        wait_until(lambda: self.paused(worker), "paused")
        # What comes now stays in Kafka, and nobody asks but the probe.
        stack.send("echo.free", stack.key("late"), 99)
        stack.flush()
        probes = len(provider.seen(path="/health"))
        wait_until(lambda: len(provider.seen(path="/health")) > probes, "one more probe")
        self.assertEqual(provider.seen(key=stack.key("late")), [])
        self.assertEqual(worker.get("/livez")[0], 200)
        provider.up = True
        stack.settle()
        self.assertEqual(stack.dead(), [])
        self.assertEqual(stack.count("journey_step", "outcome = 'parked'"), 0)
        # Only what failed before anybody knew cost an attempt.
        self.assertLessEqual(
            stack.postgres.number("SELECT max(attempt) FROM relais.journey_step"
                                  f" WHERE worker = '{stack.name}'"), 3)
        wait_until(lambda: worker.get("/readyz")[0] == 200, "ready again")

    def test_other_traffic_does_not_hide_a_provider_that_is_down(self):
        stack, provider = self.stack, self.provider
        worker = stack.worker(RETRY_FIRST_MS="100ms", RETRY_MEMORY_MS="10s",
                              WORKER_LOOPS="1").ready()
        provider.rule(lambda c: "cut-before" if c.path == "/health"
                      or "bad" in c.key else None)
        for n in range(30):
            stack.send("echo.free", stack.key(f"bad{n}"), n)
            stack.send("echo.free", stack.key(f"good{n}"), n)
        stack.flush()
        wait_until(lambda: self.paused(worker), "paused")
        provider.clear_rules()
        stack.settle()

    def test_nothing_is_parked_because_of_a_provider_that_is_down(self):
        """Even one that fails too seldom for the breaker: whoever parks an event asks."""
        stack, provider = self.stack, self.provider
        worker = stack.worker(BREAKER_WINDOW_MS="1", RETRY_PARK_MS="1h",
                              RETRY_MAX_MS="2h", RETRY_MEMORY_MS="0").ready()
        provider.up = False
        stack.send("echo.free", stack.key("a"))
        stack.flush()
        wait_until(lambda: self.paused(worker), "paused")
        provider.up = True
        stack.settle()
        self.assertEqual(stack.count("journey_step", "outcome = 'parked'"), 0)

    def test_what_was_parked_comes_back_with_its_provider(self):
        """At once, not when its hour has come."""
        stack, provider = self.stack, self.provider
        worker = stack.worker(BREAKER_FAILURES="2", RETRY_PARK_MS="1h", RETRY_MAX_MS="2h",
                              RETRY_MEMORY_MS="0").ready()
        provider.fail("500", path="/touch")
        early = [stack.send("echo.free", stack.key(f"a{n}"), n) for n in range(5)]
        behind = [stack.send("echo.free", stack.key(f"a{n}"), n + 5) for n in range(5)]
        stack.flush()
        # Its health is good: so it is the events' own affair, and they are parked.
        wait_until(lambda: len(stack.parked()) == 10, lambda: f"{stack.parked()}")
        self.assertEqual(self.paused(worker), [])
        provider.up = False
        late = [stack.send("echo.free", stack.key(f"b{n}"), n) for n in range(5)]
        stack.flush()
        wait_until(lambda: self.paused(worker), "paused")
        provider.clear_rules()
        provider.up = True
        stack.finish(early + behind + late)
        for n in range(5):
            self.assertEqual([c.n for c in provider.seen(key=stack.key(f"a{n}"), done=True)],
                             [n, n + 5])

    def test_one_poison_answer_does_not_open_it(self):
        stack, provider = self.stack, self.provider
        provider.fail("500", key=stack.key("poison"))
        worker = stack.worker(BREAKER_FAILURES="2").ready()
        stack.send("echo.free", stack.key("poison"))
        stack.flush()
        wait_until(lambda: provider.seen(path="/health"), "a probe was asked for")
        good = [stack.send("echo.free", stack.key(f"g{n}"), n) for n in range(20)]
        stack.flush()
        stack.finish(good)
        self.assertEqual(self.paused(worker), [])
        provider.clear_rules()
        stack.settle()


class Ingest(Case):
    def test_the_webhook_of_a_new_integration_is_served_and_handled(self):
        stack = self.stack
        held, port = hold_port()
        self.addCleanup(held.close)
        stack.worker(ECHO_TOPICS="echo").ready()
        with tempfile.TemporaryDirectory() as spool:
            ingest = subprocess.Popen(
                [os.environ["RUNTIME_INGEST"]], stderr=subprocess.DEVNULL,
                env={"PATH": os.environ["PATH"], "KAFKA_BROKERS": stack.kafka.brokers,
                     "INGEST_PORT": str(port), "INGEST_SPOOL": spool,
                     "ECHO_WEBHOOK_SECRET": "open sesame"})
            self.addCleanup(lambda: (ingest.kill(), ingest.wait()))

            def post(secret):
                request = urllib.request.Request(
                    f"http://127.0.0.1:{port}/api/integrations/echo/webhook",
                    data=json.dumps({"id": stack.name, "key": stack.key("hook"),
                                     "n": 7}).encode(),
                    headers={"X-Echo-Secret": secret}, method="POST")
                try:
                    with urllib.request.urlopen(request, timeout=10) as answer:
                        return answer.status
                except urllib.error.HTTPError as error:
                    return error.code
                except OSError:
                    return 0

            wait_until(lambda: post("wrong") == 401, "ingest answers")
            self.assertEqual(post("open sesame"), 200)
            self.assertEqual(post("open sesame"), 200)
            stack.finish([f"echo {stack.name}"])
        self.assertEqual([c.n for c in self.provider.seen(key=stack.key("hook"))], [7])


if __name__ == "__main__":
    unittest.main()
