"""Calls that must not be repeated: cut, refused, made twice, killed in the middle."""
import os
import random
import unittest

from tests.runtime.pg_proxy import PgProxy
from tests.runtime.stack import Case, wait_until


class Effects(Case):
    def made_once(self, ids):
        """Each event has one living thing, one finished_event and one fact."""
        for event in ids:
            self.assertEqual(len(self.provider.live(event)), 1, event)
        self.assertEqual(self.stack.count("finished_event"), len(ids))
        wait_until(lambda: len(self.stack.facts("echo.made")) == len(ids), "a fact each")

    def test_a_thing_is_made_and_told(self):
        stack = self.stack
        stack.worker().ready()
        ids = [stack.send("echo.make", stack.key(f"k{i % 5}"), i) for i in range(20)]
        stack.flush()
        stack.settle()
        self.made_once(ids)
        self.assertEqual(len(self.provider.seen(method="POST")), 20)

    def test_a_cut_after_the_work_leads_to_one_thing(self):
        stack = self.stack
        faults = ["cut-after", "500-after", "silence-after", "503-after"]
        for fault in faults:
            self.provider.fail(fault, 1, method="POST", key=stack.key(fault))
        stack.worker().ready()
        ids = [stack.send("echo.make", stack.key(fault)) for fault in faults]
        stack.flush()
        stack.settle()
        self.made_once(ids)
        self.assertEqual(len(self.provider.seen(method="POST")), len(ids))
        for event in ids:
            self.assertEqual(stack.steps(event)[0], "parked")
            self.assertEqual(stack.steps(event)[-1], "done")
            # Waiting for the look costs no attempt.
            self.assertEqual(stack.count("journey_step",
                                         f"event = '{event}' AND attempt > 1"), 0)

    def test_a_cut_before_the_work_leads_to_one_thing(self):
        stack = self.stack
        faults = ["cut-before", "500", "silence-before", "429", "429:1", "503:1"]
        for fault in faults:
            self.provider.fail(fault, 1, method="POST", key=stack.key(fault))
        stack.worker().ready()
        ids = [stack.send("echo.make", stack.key(fault), company=fault)
               for fault in faults]
        stack.flush()
        stack.settle()
        self.made_once(ids)
        self.assertEqual(len(self.provider.seen(method="POST", done=True)), len(ids))

    def test_a_request_that_comes_late_is_a_surplus_and_withdrawn(self):
        stack, provider = self.stack, self.provider

        def late(call):  # done only when the second request is there
            provider.wait_for(lambda: len(provider.seen(method="POST")) == 2)
            return ""

        def second(call):  # done only after the first
            provider.wait_for(lambda: provider.seen(method="POST")[0].done)
            return ""

        provider.fail(late, 1, method="POST")
        provider.fail(second, 1, method="POST")
        stack.worker().ready()
        event = stack.send("echo.make", stack.key("a"))
        stack.flush()
        stack.settle()
        self.made_once([event])
        self.assertEqual(provider.surplus(), 1)
        self.assertEqual(provider.live(event)[0]["id"], "1")

    def test_a_refusal_is_a_dead_letter_and_its_replay_makes_one_thing(self):
        stack = self.stack
        self.provider.fail("422", 1, method="POST")
        stack.worker().ready()
        first = stack.send("echo.make", stack.key("a"))
        stack.flush()
        stack.settle()
        self.assertEqual(self.provider.live(), [])
        dead = wait_until(stack.dead, "a dead letter")
        self.assertEqual(dead[0].header("x-dead-kind"), "permanent")
        stack.send("echo.make", stack.key("a"), headers={"ce_originalid": first})
        stack.flush()
        stack.settle()
        self.assertEqual(len(self.provider.live(first)), 1)

    def test_a_mail_that_may_have_gone_out_is_flagged_and_not_repeated(self):
        stack = self.stack
        self.provider.fail("cut-after", 1, method="POST")
        stack.worker().ready()
        key = stack.key("a")
        event = stack.send("echo.mail", key)
        other = stack.send("echo.mail", key, 1)
        stack.flush()
        stack.settle()
        self.assertEqual(len(self.provider.seen(method="POST", of=event)), 1)
        self.assertEqual(len(self.provider.seen(method="POST", of=other)), 1)
        self.assertEqual(stack.postgres.run(
            f"SELECT state FROM relais.effect WHERE identity = '{event}'"), [["flagged"]])
        self.assertEqual(stack.count("attention", f"entity = '{event}'"), 1)
        wait_until(lambda: len(stack.facts("effect.unsure")) == 1, "the fact")
        dead = wait_until(stack.dead, "a dead letter")
        self.assertIn("relais effect resolve", dead[0].header("x-dead-hint"))

        status, said = stack.cli("effect", "resolve", "echo.mail", event, "done")
        self.assertEqual(status, 0, said)
        stack.send("echo.mail", key, headers={"ce_originalid": event})
        stack.flush()
        stack.settle()
        self.assertEqual(len(self.provider.seen(method="POST", of=event)), 1)


class Doubts(Case):
    def test_commits_whose_answer_is_lost_are_written_once(self):
        """Nor is a mail flagged because Postgres went away while its intent was stored."""
        stack, provider = self.stack, self.provider
        cuts = {n: ["before", "after"][n // 4 % 2] for n in range(4, 200, 4)}
        proxy = PgProxy(stack.postgres.dir, f"{stack.name} writer", cuts.get)
        self.addCleanup(proxy.close)
        provider.fail("422", key=stack.key("refused"))
        provider.rule(lambda call: "latency:5")
        stack.worker(DATABASE_URL=proxy.url, EFFECT_TIMEOUT_MS="4s").ready()
        things, mails = [], []
        for n in range(120):
            things.append(stack.send("echo.make", stack.key(f"k{n % 10}"), n))
            mails.append(stack.send("echo.mail", stack.key(f"m{n % 10}"), n))
            stack.send("echo.touch", stack.key("refused"), n)
        stack.flush()
        stack.settle()
        print(f"{proxy.cuts} of {proxy.commits} commits were cut", flush=True)
        self.assertGreater(proxy.cuts["before"], 3)
        self.assertGreater(proxy.cuts["after"], 3)
        for event in things + mails:
            self.assertEqual(len(provider.seen(method="POST", of=event)), 1, event)
        self.assertEqual(stack.postgres.run(
            "SELECT kind, identity, state, attempt, deadline_at, updated_at"
            f" FROM relais.effect WHERE worker = '{stack.name}'"
            " AND state <> 'confirmed'"), [])
        self.assertEqual(stack.count("attention"), 0)
        self.assertEqual(stack.count("finished_event"), len(stack.sent))
        self.assertEqual({d.header("ce_id") for d in stack.dead()},
                         set(stack.sent) - set(things + mails))
        wait_until(lambda: len(stack.facts("echo.made")) == len(things), "a fact each")


class Kills(Case):
    EVENTS, KEYS, KILLS = 300, 30, 12
    FAULTS = ["500", "503:1", "429", "429:1", "cut-before", "cut-after", "500-after",
              "silence-before", "silence-after", "latency:20", "latency:100"]

    def play_faults(self, dice):
        weights = [1, 1, 1, 1, 3, 3, 2, 1, 1, 8, 3]

        def rule(call):
            if call.path == "/health" or dice.random() < 0.5:
                return None
            return dice.choices(self.FAULTS, weights)[0]

        self.provider.rule(rule)

    def in_order(self):
        """Nothing of a key is asked for after something that came later."""
        last = {}
        for call in self.provider.seen(method="POST", path="/things"):
            self.assertGreaterEqual(call.n, last.get(call.key, -1), call)
            last[call.key] = call.n

    def test_killed_at_random_moments_everything_is_done_once_and_in_order(self):
        stack, provider = self.stack, self.provider
        seed = int(os.environ.get("RUNTIME_SEED") or random.randrange(1 << 30))
        print(f"RUNTIME_SEED={seed}", flush=True)
        dice = random.Random(seed)
        self.play_faults(random.Random(seed + 1))
        # One member with a name: who comes back is taken up at once.
        start = lambda: stack.worker(KAFKA_GROUP_INSTANCE_ID=stack.name).ready()
        worker = start()
        for i in range(self.EVENTS):
            stack.send("echo.make", stack.key(f"k{i % self.KEYS}"), i // self.KEYS,
                       company=f"c{i % 3}")
        stack.flush()
        for _ in range(self.KILLS):
            until = len(provider.calls) + dice.randrange(40)
            wait_until(lambda: len(provider.calls) >= until
                       or len(stack.finished()) == self.EVENTS, "more calls")
            worker.kill()
            worker = start()
        provider.clear_rules()
        stack.settle()
        for event in stack.sent:
            self.assertEqual(len(provider.live(event)), 1, event)
        self.assertEqual(stack.count("finished_event"), self.EVENTS)
        self.assertEqual(stack.dead(), [])
        self.in_order()
        wait_until(lambda: len(stack.facts("echo.made")) == self.EVENTS, "a fact each")
        print(f"{provider.surplus()} surplus things were withdrawn", flush=True)


if __name__ == "__main__":
    unittest.main()
