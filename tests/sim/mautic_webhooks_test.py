"""How Mautic's webhooks are sent, lost and repeated, and what damage can be asked for."""

import http.client
import unittest

from mautic_case import SECRET, MauticTest, fixture, fixture_text, signature

UPDATES = "mautic.lead_post_save_update"
NEW = "mautic.lead_post_save_new"
DAY_MS = 86400000


class SignatureTest(unittest.TestCase):
    def test_the_fixtures_are_signed_as_we_think(self):
        known = fixture("_webhook-headers")
        self.assertEqual(known["secret"], SECRET)
        for name, headers in known["headers"].items():
            body = fixture_text(name + ".body").encode()
            self.assertEqual(headers["Webhook-Signature"], signature(body), name)


class ImmediateTest(MauticTest):
    def test_each_event_comes_alone_before_the_answer(self):
        number = self.contact("a@b.ch")
        # Already here: Mautic calls the receiver inside the call that it answers.
        hooks = self.receiver.rest()
        self.assertEqual([list(hook.json) for hook in hooks], [[NEW]])
        self.assertEqual(len(hooks[0].json[NEW]), 1)
        self.assert_signed(hooks[0])
        self.assertEqual(hooks[0].headers["Content-Type"], "application/json")
        self.assertEqual(hooks[0].headers["X-Origin-Base-URL"], self.sim.url)
        self.ok("POST", "/contacts/%d/points/plus/5" % number)
        kinds = [next(iter(hook.json)) for hook in self.receiver.rest()]
        self.assertCountEqual(kinds, [UPDATES, "mautic.lead_points_change"])

    def test_what_changes_nothing_is_not_told(self):
        number = self.contact("a@b.ch", city="Bern")
        self.hooks()
        self.ok("PATCH", "/contacts/%d/edit" % number, {"city": "Bern"})
        self.assertEqual(self.kinds(), [])

    def test_an_unknown_person_is_told_of_when_he_becomes_known(self):
        reply = self.ok("POST", "/contacts/new", {"phone": "1"}, status=201)
        self.assertEqual(self.kinds(), [])
        number = reply["contact"]["id"]
        self.ok("PATCH", "/contacts/%d/edit" % number, {"email": "a@b.ch"})
        self.assertEqual(self.kinds(), [NEW])

    def test_own_writes_echo_and_tell_by_whom(self):
        self.contact("a@b.ch")
        self.ok("POST", "/contacts/new", {"email": "a@b.ch", "city": "Bern"})
        item = dict(self.items())[UPDATES]
        self.assertEqual(item["contact"]["modifiedByUser"], "Queue Worker")
        self.act("contact", email="a@b.ch", city="Sion")
        item = dict(self.items())[UPDATES]
        self.assertEqual(item["contact"]["modifiedByUser"], "Claire Dubois")
        self.assertNotIn("all", item["contact"]["fields"])

    def test_bodies_are_written_as_php_writes_them(self):
        self.contact("a@b.ch", city="Zürich", website="https://b.ch/😀")
        body = self.hooks()[0].body
        self.assertIn(b'"Z\\u00fcrich"', body)
        self.assertIn(b'"https:\\/\\/b.ch\\/\\ud83d\\ude00"', body)
        self.assertNotIn(b": ", body)

    def test_every_open_is_told(self):
        number = self.contact("a@b.ch")
        self.ok("POST", "/emails/5/contact/%d/send" % number)
        self.hooks()
        for _ in range(3):
            self.act("open", contact=number)
        stats = [item["stat"] for _, item in self.items()]
        # Side by side: which of them arrives first is open.
        self.assertEqual(sorted(stat["openCount"] for stat in stats), [1, 2, 3])
        self.assertEqual(len({stat["dateRead"] for stat in stats}), 1)

    def test_what_is_refused_is_lost(self):
        self.receiver.answers.put(500)
        self.contact("a@b.ch")
        self.assertEqual(len(self.hooks()), 1)
        self.act("process_webhooks")
        self.assertEqual(self.hooks(), [])
        self.assertEqual(self.sim.control("GET", "/state")["queue"], [])

    def test_only_what_is_subscribed_to_is_told(self):
        self.config(webhook_events="mautic.lead_points_change")
        number = self.contact("a@b.ch")
        self.ok("POST", "/contacts/%d/points/plus/5" % number)
        self.assertEqual(self.kinds(), ["mautic.lead_points_change"])

    def test_fields_may_be_missing(self):
        self.config(webhook_empty_fields="true")
        self.contact("a@b.ch")
        self.assertEqual(self.items()[0][1]["contact"]["fields"], [])

    def test_7_names_its_client(self):
        self.config(version="7.2.0")
        self.contact("a@b.ch")
        self.assertEqual(self.hooks()[0].headers["User-Agent"], "Webhook")


class CommandTest(MauticTest):
    env = {**MauticTest.env, "SIM_WEBHOOK_MODE": "command"}

    def queue(self):
        return len(self.sim.control("GET", "/state")["queue"])

    def process(self):
        self.act("process_webhooks")
        return self.hooks()

    def test_ten_items_of_all_types_come_in_one_body(self):
        numbers = [self.contact("p%d@b.ch" % i) for i in range(7)]
        for number in numbers:
            self.act("unsubscribe", contact=number)
        self.assertEqual(self.hooks(), [])
        hooks = self.process()
        counts = [{k: len(v) for k, v in hook.json.items()} for hook in hooks]
        changed = "mautic.lead_channel_subscription_changed"
        self.assertEqual(counts, [{NEW: 7, changed: 3}, {changed: 4}])
        for hook in hooks:
            self.assert_signed(hook)
        self.assertEqual(self.queue(), 0)

    def test_an_answer_of_any_kind_empties_the_queue_of_5_and_6(self):
        self.contact("a@b.ch")
        self.receiver.answers.put(503)
        self.assertEqual(len(self.process()), 1)
        self.assertEqual(self.queue(), 0)
        self.assertEqual(self.process(), [])

    def test_7_keeps_what_was_refused_for_an_hour(self):
        self.config(version="7.2.0")
        self.contact("a@b.ch")
        self.receiver.answers.put(503)
        first = self.process()
        self.assertEqual(self.queue(), 1)
        self.assertEqual(self.process(), [])
        self.contact("c@b.ch")
        self.assertEqual(len(self.process()), 1)
        self.sim.control("POST", "/clock", {"advance_ms": 3600000})
        again = self.process()
        self.assertEqual([hook.body for hook in again], [first[0].body])

    def test_without_an_answer_everything_is_kept(self):
        self.config(webhook_url="http://127.0.0.1:1/")
        self.contact("a@b.ch")
        self.process()
        self.assertEqual(self.queue(), 1)
        self.config(webhook_url=self.receiver.url)
        self.assertEqual(len(self.process()), 1)
        self.assertEqual(self.queue(), 0)

    def test_in_5_and_6_another_webhook_takes_along_what_was_kept(self):
        for version, kept in (("5.2.1", 0), ("7.2.0", 1)):
            self.sim.control("POST", "/reset")
            self.config(version=version, webhook_url="http://127.0.0.1:1/")
            body = {"name": "b", "webhookUrl": self.receiver.url, "triggers": [NEW]}
            self.ok("POST", "/hooks/new", body, status=201)
            self.contact("a@b.ch")
            self.assertEqual(self.queue(), 2)
            self.assertEqual(len(self.process()), 1)
            self.assertEqual(self.queue(), kept)

    def test_a_webhook_may_send_the_newest_first(self):
        body = {
            "name": "b",
            "webhookUrl": self.receiver.url,
            "triggers": [NEW],
            "eventsOrderbyDir": "DESC",
        }
        self.config(webhook_url="")
        self.ok("POST", "/hooks/new", body, status=201)
        numbers = [self.contact("p%d@b.ch" % i) for i in range(3)]
        items = self.process()[0].json[NEW]
        self.assertEqual([i["contact"]["id"] for i in items], numbers[::-1])

    def test_the_cron_sends_too(self):
        self.contact("a@b.ch")
        self.cron()
        self.assertEqual(len(self.hooks()), 1)


class SwitchedOffTest(MauticTest):
    def make(self, **more):
        self.config(webhook_url="")
        body = {
            "name": "b",
            "webhookUrl": self.receiver.url,
            "secret": "another secret",
            "triggers": [NEW, UPDATES],
            **more,
        }
        return self.ok("POST", "/hooks/new", body, status=201)["hook"]["id"]

    def published(self, number):
        return self.ok("GET", "/hooks/%d" % number)["hook"]["isPublished"]

    def test_the_first_refusal_switches_a_new_one_off(self):
        number = self.make()
        self.receiver.answers.put(500)
        self.contact("a@b.ch")
        hook = self.hooks()[0]
        self.assert_signed(hook, "another secret")
        self.assertFalse(self.published(number))
        self.contact("c@b.ch")
        self.assertEqual(self.hooks(), [])
        self.ok("PATCH", "/hooks/%d/edit" % number, {"isPublished": True})
        self.contact("d@b.ch")
        self.assertEqual(len(self.hooks()), 1)

    def test_one_that_was_edited_has_two_days(self):
        number = self.make()
        self.ok("PATCH", "/hooks/%d/edit" % number, {"description": "touched"})
        self.receiver.answers.put(500)
        self.contact("a@b.ch")
        self.hooks()
        self.assertTrue(self.published(number))
        self.sim.control("POST", "/clock", {"advance_ms": 3 * DAY_MS})
        self.receiver.answers.put(500)
        self.contact("c@b.ch")
        self.hooks()
        self.assertFalse(self.published(number))

    def test_one_good_answer_among_a_hundred_keeps_it_on(self):
        number = self.make()
        self.contact("a@b.ch")
        self.hooks()
        self.sim.control("POST", "/clock", {"advance_ms": 3 * DAY_MS})
        self.receiver.answers.put(500)
        self.contact("c@b.ch")
        self.hooks()
        self.assertTrue(self.published(number))

    def test_the_second_failed_connection_switches_it_off(self):
        number = self.make(webhookUrl="http://127.0.0.1:1/")
        for wanted in (True, False):
            self.contact("a%s@b.ch" % wanted)
            self.hooks()
            self.assertEqual(self.published(number), wanted)

    def test_410_switches_any_off(self):
        self.receiver.answers.put(410)
        self.contact("a@b.ch")
        self.hooks()
        self.assertFalse(self.published(1))

    def test_a_redirect_is_not_followed(self):
        number = self.make()
        self.receiver.answers.put(302)
        self.contact("a@b.ch")
        self.assertEqual(len(self.hooks()), 1)
        self.assertFalse(self.published(number))

    def test_a_patch_only_adds_triggers(self):
        number = self.make()
        path = "/hooks/%d/edit" % number
        body = {"triggers": ["mautic.lead_post_delete"]}
        triggers = self.ok("PATCH", path, body)["hook"]["triggers"]
        self.assertEqual(len(triggers), 3)
        triggers = self.ok("PUT", path, body)["hook"]["triggers"]
        self.assertEqual(triggers, body["triggers"])
        self.assertIn(NEW, self.ok("GET", "/hooks/triggers")["triggers"])
        self.ok("DELETE", "/hooks/%d/delete" % number)
        self.refused(404, "GET", "/hooks/%d" % number)


class FaultTest(MauticTest):
    def emails(self):
        state = self.sim.control("GET", "/state")
        return [contact["email"] for contact in state["contacts"]]

    def test_webhooks_are_lost_doubled_and_held_back(self):
        self.sim.fault("webhook_lost", event=NEW)
        self.contact("lost@b.ch")
        self.sim.fault("webhook_double", event=NEW)
        self.contact("twice@b.ch")
        bodies = [hook.body for hook in self.hooks()]
        self.assertEqual(len(bodies), 2)
        self.assertEqual(bodies[0], bodies[1])
        self.sim.fault("webhook_reorder", event=NEW, ms=60000)
        number = self.contact("late@b.ch")
        self.ok("PATCH", "/contacts/%d/edit" % number, {"city": "Bern"})
        self.assertEqual(self.kinds(), [UPDATES, NEW])

    def test_a_body_can_be_sent_once_more(self):
        self.contact("a@b.ch")
        self.act("resend_webhook", webhook=1)
        bodies = [hook.body for hook in self.hooks()]
        self.assertEqual(bodies[0], bodies[1])

    def test_a_lost_batch_is_lost(self):
        self.config(webhook_mode="command")
        self.contact("a@b.ch")
        self.sim.fault("webhook_lost")
        self.act("process_webhooks")
        self.assertEqual(self.hooks(), [])
        self.contact("c@b.ch")
        self.act("process_webhooks")
        self.assertEqual(len(self.items()), 1)

    def test_answers_can_be_spoilt(self):
        for kind, status, body in (
            ("429", 429, b"rate limit"),
            ("retry_after_429", 429, b"rate limit"),
            ("500", 500, b"error #500"),
            ("html", 200, b"<html>"),
            ("redirect", 302, b"<html>"),
        ):
            self.sim.fault(kind, path_prefix="/api/contacts/new")
            reply = self.api("POST", "/contacts/new", {"email": "a@b.ch"})
            self.assertEqual(reply.status, status, kind)
            self.assertIn(body, reply.text)
        self.assertEqual(self.emails(), [])

    def test_a_cut_comes_before_or_after_the_work(self):
        number = self.contact("a@b.ch")
        path = "/campaigns/2/contact/%d/add" % number
        for kind, entries in (("cut_before", 0), ("cut_after", 1), ("cut_during", 2)):
            self.sim.fault(kind, match="a@b.ch", path_prefix="/api/campaigns")
            with self.assertRaises((ConnectionError, http.client.HTTPException)):
                self.api("POST", path)
            self.assertEqual(len(self.person(number)["entries"]), entries, kind)
        calls = self.sim.calls(path_prefix="/api/campaigns")
        self.assertEqual([c["worked"] for c in calls], [False, True, True])
        self.assertEqual([c["status"] for c in calls], [0, 0, 0])

    def test_the_work_may_be_done_before_a_500(self):
        number = self.contact("a@b.ch")
        self.sim.fault("500", when="after", path_prefix="/api/notes")
        body = {"lead": number, "text": "x"}
        self.refused(500, "POST", "/notes/new", body)
        self.assertEqual(len(self.person(number)["notes"]), 1)

    def test_a_token_can_be_refused_in_the_middle(self):
        token = self.bearer()
        self.sim.fault("status", status=401)
        reply = self.refused(401, "GET", "/contacts", auth=token)
        self.assertEqual(reply["errors"][0]["type"], "invalid_grant")
        self.ok("GET", "/contacts", auth=token)

    def test_a_kill_forgets_nothing(self):
        state = {"SIM_STATE_FILE": self.folder.name + "/state"}
        self.restart_sim(**state)
        token = self.bearer()
        number = self.contact("a@b.ch")
        self.ok("POST", "/campaigns/2/contact/%d/add" % number)
        before = self.person(number)
        self.sim.kill()
        self.sim = None
        self.sim = self.start_sim(**state)
        self.assertEqual(self.person(number), before)
        self.ok("GET", "/contacts", auth=token)
        self.cron()
        log = self.sim.control("GET", "/state")["event_log"]
        self.assertEqual([row["event"] for row in log], [21, 22])

    def test_calls_tell_whom_they_are_about(self):
        number = self.contact("a@b.ch")
        self.ok("POST", "/notes/new", {"lead": number, "text": "x"}, status=201)
        self.ok("POST", "/segments/4/contact/%d/add" % number)
        ids = [call["external_ids"] for call in self.sim.calls()]
        for found in ids:
            self.assertIn("a@b.ch", found)

    def test_wrong_controls_are_told_of(self):
        for path, body, status in (
            ("/unsubscribe", {"contact": 999}, 404),
            ("/open", {"email": "nobody@b.ch"}, 404),
            ("/merge", {"loser": 1}, 404),
            ("/campaign", {"id": 999}, 404),
            ("/contact", {"email": "x"}, 422),
            ("/resend_webhook", {"webhook": 999}, 404),
        ):
            reply = self.sim.call("POST", "/_sim" + path, body)
            self.assertEqual(reply.status, status, path)

    def test_a_reset_forgets(self):
        self.contact("a@b.ch")
        self.sim.control("POST", "/reset")
        self.assertEqual(self.emails(), [])
        self.contact("a@b.ch")
        self.assertEqual(self.emails(), ["a@b.ch"])

    def test_secrets_are_not_shown(self):
        for path in ("/config", "/state"):
            self.assertNotIn(SECRET, str(self.sim.control("GET", path)))


if __name__ == "__main__":
    unittest.main()
