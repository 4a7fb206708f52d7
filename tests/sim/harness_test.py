"""Faults, kill points, the log of calls and the memory of the simulators, shown on the
DocuSeal one."""

import http.client
import os
import pathlib
import signal
import subprocess
import threading
import time
import unittest

import simtest
from docuseal_case import TOKEN, DocusealTest


class FaultsTest(DocusealTest):
    def post(self, external_id="x"):
        return self.api("POST", "/submissions", self.wish(external_id))

    def made(self, external_id="x"):
        rows = self.find(external_id)
        return len(rows)

    def cut(self, external_id="x"):
        with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected)):
            self.post(external_id)

    def test_cut_before_leaves_nothing_done(self):
        self.sim.fault("cut_before", method="POST", path_prefix="/submissions")
        self.cut()
        self.assertEqual(self.made(), 0)
        self.assertEqual(self.post().status, 200)

    def test_cut_after_leaves_everything_done(self):
        self.sim.fault("cut_after", match="x")
        self.cut()
        self.assertEqual(self.made(), 1)
        self.assertEqual(self.receiver.next().event, "submission.created")

    def test_cut_during_sends_half_an_answer(self):
        self.sim.fault("cut_during", method="POST")
        with self.assertRaises((http.client.IncompleteRead, ConnectionResetError)):
            self.post()
        self.assertEqual(self.made(), 1)

    def test_statuses_come_in_the_servers_own_words(self):
        self.sim.fault("429", method="POST")
        self.sim.fault("retry_after_429", method="POST", retry_after=7)
        self.sim.fault("500", method="POST")
        self.sim.fault("status", method="POST", status=503)
        reply = self.post()
        self.assertEqual((reply.status, reply.headers["Retry-After"]), (429, None))
        self.assertEqual(reply.json, {"error": "Too many requests"})
        reply = self.post()
        self.assertEqual((reply.status, reply.headers["Retry-After"]), (429, "7"))
        self.assertEqual(self.post().json, {"status": 500})
        self.assertEqual(self.post().status, 503)
        self.assertEqual(self.post().status, 200)
        self.assertEqual(self.made(), 1)

    def test_html_and_redirect(self):
        self.sim.fault("html", method="POST")
        self.sim.fault("redirect", method="POST")
        reply = self.post()
        self.assertEqual(reply.status, 200)
        self.assertEqual(reply.headers["Content-Type"], "text/html")
        self.assertIsNone(reply.json)
        reply = self.post()
        self.assertEqual(reply.status, 302)
        self.assertEqual(reply.headers["Location"], self.sim.url + "/sign_in")
        self.assertEqual(self.made(), 0)

    def test_a_500_can_come_after_the_work(self):
        self.sim.fault("500", method="POST", when="after")
        self.assertEqual(self.post().status, 500)
        self.assertEqual(self.made(), 1)

    def test_latency_and_silence_hold_up_nobody_else(self):
        self.sim.fault("silence", match="quiet", ms=600000)
        self.sim.fault("latency", match="slow", ms=300)
        replies = {}

        def work(name):
            try:
                replies[name] = self.post(name).status
            except (OSError, http.client.HTTPException) as problem:
                replies[name] = problem

        threads = [threading.Thread(target=work, args=(n,)) for n in ("quiet", "slow")]
        for thread in threads:
            thread.start()
        self.assertEqual(self.post("quick").status, 200)
        threads[1].join()
        self.assertEqual(replies["slow"], 200)
        self.assertNotIn("quiet", replies)
        self.assertEqual(self.made("quiet"), 0)
        # Ending the simulator cuts whoever still waits.
        self.sim.stop()
        self.sim = None
        threads[0].join()
        self.assertIsInstance(replies["quiet"], Exception)

    def test_silence_ends_when_the_client_leaves(self):
        self.sim.fault("silence", match="quiet")
        connection = http.client.HTTPConnection("127.0.0.1", self.sim.port, timeout=1)
        with self.assertRaises(TimeoutError):
            connection.request("GET", "/user?quiet", headers={"X-Auth-Token": TOKEN})
            connection.getresponse()
        connection.close()
        self.assertEqual(self.api("GET", "/user").status, 200)
        self.assertEqual(self.sim.calls(match="quiet")[0]["fault"], "silence")

    def test_a_silence_after_the_work(self):
        self.sim.fault("silence", match="x", ms=1, when="after")
        self.cut()
        self.assertEqual(self.made(), 1)

    def test_a_fault_acts_as_often_as_told_and_is_counted(self):
        fault = self.sim.fault("500", method="GET", path_prefix="/user", count=2)
        statuses = [self.api("GET", "/user").status for _ in range(3)]
        self.assertEqual(statuses, [500, 500, 200])
        rows = self.sim.control("GET", "/faults")["faults"]
        self.assertEqual([(r["id"], r["hits"], r["left"]) for r in rows],
                         [(fault, 2, 0)])
        self.sim.fault("500", path_prefix="/api/user", count=-1)
        self.assertEqual([self.api("GET", "/user").status for _ in range(3)], [500] * 3)
        self.sim.control("DELETE", "/faults")
        self.assertEqual(self.api("GET", "/user").status, 200)

    def test_a_fault_is_matched_by_external_ids_behind_the_url(self):
        number, signers = self.create(self.wish("the-one"))
        other, _ = self.create(self.wish("another"))
        self.sim.fault("500", match="the-one", count=-1)
        self.refused(500, "GET", "/submissions/%d" % number)
        self.refused(500, "PUT", "/submitters/%d" % signers[0]["id"], {})
        self.ok("GET", "/submissions/%d" % other)

    def test_a_probability_repeats_with_its_start_value(self):
        def run():
            self.sim.fault("500", path_prefix="/user", count=-1, probability=0.5)
            return [self.api("GET", "/user").status for _ in range(40)]

        first = run()
        self.restart_sim()
        self.assertEqual(run(), first)
        self.assertEqual(set(first), {200, 500})
        self.restart_sim(SIM_SEED=99)
        self.assertNotEqual(run(), first)

    def test_an_unknown_fault_is_refused_by_name(self):
        reply = self.sim.call("POST", "/_sim/faults", {"kind": "earthquake"})
        self.assertEqual(reply.status, 422)
        self.assertTrue(reply.json["error"].startswith("kind: "))

    def test_faults_do_not_touch_the_controls(self):
        self.sim.fault("500", count=-1)
        self.assertIn("submissions", self.sim.control("GET", "/state"))


class WebhookFaultsTest(DocusealTest):
    def test_lost(self):
        self.sim.fault("webhook_lost", event="form.viewed")
        number, _ = self.create(self.wish("x"))
        self.sim.idle()
        self.act("view", submission=number)
        self.act("view", submission=number)
        self.assertEqual(self.events(), ["submission.created", "form.viewed"])

    def test_double_and_triple(self):
        self.sim.fault("webhook_double", match='"external_id":"twice"')
        self.sim.fault("webhook_triple", match='"external_id":"thrice"')
        self.create(self.wish("twice"))
        self.create(self.wish("thrice"))
        self.create(self.wish("once"))
        seen = self.hooks()
        ids = [h.json["data"]["submitters"][0]["external_id"] for h in seen]
        self.assertEqual(
            (ids.count("twice"), ids.count("thrice"), ids.count("once")), (2, 3, 1)
        )
        stamps = {(h.json["data"]["id"], h.json["timestamp"]) for h in seen}
        self.assertEqual(len(stamps), 3)

    def test_reorder_lets_the_next_one_pass(self):
        self.sim.fault("webhook_reorder", event="form.viewed", ms=60000)
        number, _ = self.create(self.wish("x"))
        self.sim.idle()
        self.act("view", submission=number)
        self.act("decline", submission=number)
        self.assertEqual(
            self.events(), ["submission.created", "form.declined", "form.viewed"]
        )

    def test_reorder_goes_on_if_nobody_comes(self):
        self.sim.fault("webhook_reorder", ms=1)
        self.create(self.wish("x"))
        self.assertEqual(self.events(), ["submission.created"])

    def test_delay(self):
        self.sim.fault("webhook_delay", event="submission.created", ms=3000)
        number, _ = self.create(self.wish("x"))
        self.act("view", submission=number)
        self.assertEqual([h.event for h in self.receiver.take(2)],
                         ["form.viewed", "submission.created"])

    def test_before_answer(self):
        self.sim.fault("webhook_before_answer", method="POST")
        answered = threading.Event()
        order = []

        def answer_hook():
            order.append("answered" if answered.is_set() else "waiting")
            return 200

        self.receiver.answers.put(answer_hook)
        self.create(self.wish("x"))
        answered.set()
        self.assertEqual(order, ["waiting"])
        self.assertEqual(len(self.receiver.rest()), 1)

    def test_every_webhook_three_times_and_out_of_order(self):
        self.sim.fault("webhook_triple", count=-1)
        self.sim.fault("webhook_reorder", count=-1, ms=200)
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number)
        events = self.events()
        self.assertEqual(len(events), 15)
        for event in set(events):
            self.assertEqual(events.count(event), 3, event)

    def test_nobody_at_the_other_end_is_tried_again(self):
        self.sim.control("POST", "/config", {"webhook_url": "http://127.0.0.1:1/"})
        self.create(self.wish("x"))
        self.sim.idle()
        self.sim.control("POST", "/config", {"webhook_url": self.receiver.url})
        self.assertEqual(self.receiver.next().event, "submission.created")

    def test_without_a_url_nothing_is_sent(self):
        self.sim.control("POST", "/config", {"webhook_url": ""})
        self.create(self.wish("x"))
        self.sim.idle()
        hooks = self.sim.control("GET", "/webhooks")["hooks"]
        self.assertEqual([h["state"] for h in hooks], ["unsent"])


class KillPointsTest(DocusealTest):
    def victim(self):
        process = subprocess.Popen(["sleep", "600"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        path = pathlib.Path(self.folder.name) / ("pid%d" % process.pid)
        path.write_text("%d\n" % process.pid)
        return process, str(path)

    def test_each_point_kills_and_counts(self):
        points = ["request_received", "work_done", "answer_sent", "webhook_start",
                  "webhook_done"]
        victims = {}
        for point in points:
            victims[point], path = self.victim()
            match = "hit-me" if point.startswith("w") else "POST /submissions"
            self.sim.control("POST", "/exec", {
                "point": point, "match": match, "pid_file": path, "signal": 9})
        self.create(self.wish("spare-me"))
        self.assertIsNone(victims["webhook_start"].poll())
        self.create(self.wish("hit-me"))
        self.sim.idle()
        for point, process in victims.items():
            self.assertEqual(process.wait(timeout=60), -signal.SIGKILL, point)
        rows = self.sim.control("GET", "/exec")["kills"]
        self.assertEqual([(r["point"], r["hits"], r["left"]) for r in rows],
                         [(point, 1, 0) for point in points])

    def test_the_work_is_done_although_the_client_was_killed(self):
        path = pathlib.Path(self.folder.name) / "client.pid"
        self.sim.control("POST", "/exec", {
            "point": "request_received", "match": "doomed", "pid_file": str(path)})
        script = (
            "echo $$ > %s; exec curl -s %s/submissions -H 'X-Auth-Token: %s' -d '%s'"
            % (path, self.sim.url, TOKEN,
               '{"template_id":17,"submitters":[{"email":"a@b.ch",'
               '"external_id":"doomed"}]}')
        )
        done = subprocess.run(["sh", "-c", script], timeout=60, check=False,
                              stdout=subprocess.PIPE)
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(len(self.find("doomed")), 1)

    def test_a_missing_process_is_waited_for(self):
        path = pathlib.Path(self.folder.name) / "later.pid"
        self.sim.control("POST", "/exec", {
            "point": "work_done", "pid_file": str(path)})
        self.create(self.wish("x"))
        row = self.sim.control("GET", "/exec")["kills"][0]
        self.assertEqual((row["hits"], row["left"], row["failed"]), (0, 1, 1))
        process, other = self.victim()
        os.rename(other, path)
        self.create(self.wish("y"))
        self.assertEqual(process.wait(timeout=60), -signal.SIGKILL)

    def test_a_wrong_point_is_refused_by_name(self):
        reply = self.sim.call("POST", "/_sim/exec", {"point": "lunch"})
        self.assertEqual(reply.status, 422)
        self.assertTrue(reply.json["error"].startswith("point: "))


class MemoryTest(DocusealTest):
    def start_sim(self, **env):
        state = pathlib.Path(self.folder.name) / "state"
        return super().start_sim(SIM_STATE_FILE=state, **env)

    def crash(self):
        self.sim.kill()
        self.sim = None
        self.sim = self.start_sim()

    def state(self):
        state = self.sim.control("GET", "/state")
        # Links hold the port and the moment.
        return [(s["id"], s["status"], s["slug"], len(s["submission_events"]))
                for s in state["submissions"]], state["mails"]

    def test_a_killed_simulator_remembers_what_it_did(self):
        number, _ = self.create(self.request(1))
        self.act("sign", submission=number)
        self.create(self.wish("x"))
        self.sim.fault("500", path_prefix="/user")
        self.sim.idle()
        before = self.state()
        calls = self.sim.calls()
        self.crash()
        self.assertEqual(self.state(), before)
        self.assertEqual(self.sim.calls(), calls)
        self.assertEqual(self.api("GET", "/user").status, 500)
        later, _ = self.create(self.wish("y"))
        self.assertEqual(later, number + 2)
        self.assertEqual(self.sim.calls()[-1]["n"], calls[-1]["n"] + 2)

    def test_a_webhook_on_its_way_is_sent_after_a_crash(self):
        self.sim.fault("webhook_delay", ms=1500)
        self.create(self.wish("x"))
        self.crash()
        self.assertEqual(self.receiver.next().event, "submission.created")
        self.assertEqual(self.hooks(), [])

    def test_what_was_answered_is_never_forgotten(self):
        answered = []

        def work(name):
            for i in range(1000):
                external_id = "%s-%d" % (name, i)
                try:
                    reply = self.api("POST", "/submissions", self.wish(external_id))
                except (OSError, http.client.HTTPException):
                    return
                self.assertEqual(reply.status, 200)
                answered.append(external_id)

        threads = [threading.Thread(target=work, args=(n,)) for n in "abcd"]
        for thread in threads:
            thread.start()
        while len(answered) < 40:
            self.receiver.next()
        self.sim.process.kill()
        for thread in threads:
            thread.join()
        self.sim.kill()
        self.sim = self.start_sim()
        for external_id in answered:
            self.assertEqual(len(self.find(external_id)), 1, external_id)

    def test_a_torn_last_line_is_forgotten(self):
        number, _ = self.create(self.wish("x"))
        self.sim.kill()
        with open(pathlib.Path(self.folder.name) / "state", "ab") as file:
            file.write(b'{"next":{},"rows":[["submissions","' + b"9" * 40)
        self.sim = self.start_sim()
        self.assertEqual([s[0] for s in self.state()[0]], [number])
        self.create(self.wish("y"))
        self.crash()
        self.assertEqual(len(self.state()[0]), 2)

    def test_a_reset_is_remembered_too(self):
        self.create(self.wish("x"))
        self.sim.control("POST", "/reset")
        self.assertEqual(self.state(), ([], []))
        self.crash()
        self.assertEqual(self.state(), ([], []))
        self.create(self.wish("y"))

    def test_an_expiry_that_came_while_it_was_away_fires(self):
        self.sim.control("POST", "/config", {"webhook_events": "submission.expired"})
        moment_ms = int(time.time() * 1000) + 700
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment_ms // 1000))
        text = "%s.%03dZ" % (stamp, moment_ms % 1000)
        self.create(dict(self.wish("x"), expire_at=text))
        self.crash()
        self.assertEqual(self.receiver.next().event, "submission.expired")


class CallsTest(DocusealTest):
    def test_calls_are_logged_with_their_external_ids(self):
        number, signers = self.create(self.wish("quote:7:r1:client"))
        self.find("quote:7:r1:client")
        self.ok("DELETE", "/submissions/%d" % number)
        self.ok("GET", "/user")
        self.refused(404, "GET", "/nowhere")
        calls = self.sim.calls()
        self.assertEqual([c["n"] for c in calls], [1, 2, 3, 4, 5])
        self.assertEqual([c["status"] for c in calls], [200, 200, 200, 200, 404])
        self.assertEqual([c["external_ids"] for c in calls],
                         [["quote:7:r1:client"]] * 3 + [[], []])
        self.assertEqual(calls[1]["query"], "external_id=quote:7:r1:client")
        self.assertEqual([c["n"] for c in self.sim.calls(since=4)], [4, 5])
        self.assertEqual([c["n"] for c in self.sim.calls(match="quote:7")], [1, 2, 3])
        self.assertEqual([c["n"] for c in self.sim.calls(method="DELETE")], [3])
        self.assertEqual(len(signers), 1)

    def test_a_faulty_call_shows_what_was_done_and_what_was_seen(self):
        self.sim.fault("cut_after", match="x")
        with self.assertRaises((ConnectionResetError, http.client.RemoteDisconnected)):
            self.create(self.wish("x"))
        call = self.sim.calls()[0]
        self.assertEqual(
            (call["worked"], call["worked_status"], call["status"], call["fault"]),
            (True, 200, 0, "cut_after"))

    def test_secrets_are_not_shown(self):
        text = self.sim.call("GET", "/_sim/config").text
        self.assertNotIn(TOKEN.encode(), text)
        self.assertNotIn(b"whsec_", text)
        self.assertIn(b'"webhook_secret":"***"', text)

    def test_a_wrong_setting_is_refused_by_name(self):
        reply = self.sim.call("POST", "/_sim/config", {"no_such": "1"})
        self.assertEqual(reply.status, 422)
        self.assertIn("no_such", reply.json["error"])

    def test_the_clock_is_set_and_moved(self):
        start = self.sim.control("POST", "/clock", {"now": "2031-02-03T04:05:06Z"})
        self.assertRegex(start["now"], "^2031-02-03T04:0[56]:")
        moved = self.sim.control("POST", "/clock", {"advance_ms": 86400000})
        self.assertRegex(moved["now"], "^2031-02-04T04:0[5-9]:")
        self.assertRegex(self.sim.control("GET", "/clock")["now"], "^2031-02-04T04:")

    def test_a_wrong_clock_is_refused_by_name(self):
        for wrong in ({}, {"now": "soon"}):
            reply = self.sim.call("POST", "/_sim/clock", wrong)
            self.assertEqual(reply.status, 422)
            self.assertIn("now:", reply.json["error"])

    def test_the_help_names_every_control(self):
        lines = self.sim.control("GET", "/help")["controls"]
        self.assertIn("POST /_sim/sign", lines)
        self.assertIn("POST /_sim/faults", lines)


class StartTest(unittest.TestCase):
    def start(self, **env):
        clean = {k: v for k, v in os.environ.items() if not k.startswith("SIM_")}
        return subprocess.run([simtest.BIN / "relais-sim-docuseal"], timeout=60,
                              env={**clean, **env}, capture_output=True, text=True,
                              check=False)

    def test_bad_settings_are_named(self):
        for name, value in (("SIM_PORT", "x"), ("SIM_PORT", "70000"),
                            ("SIM_TEMPLATES", "{}"),
                            ("SIM_STATE_FILE", "/nowhere/at/all")):
            done = self.start(**{name: value})
            self.assertEqual(done.returncode, 1, name)
            word = {"SIM_STATE_FILE": "state file"}.get(name, name)
            self.assertIn(word, done.stderr)


if __name__ == "__main__":
    unittest.main()
