"""Answers, errors and webhooks have the shapes of the recorded ones."""

import json
import unittest

import simtest
from docuseal_case import TOKEN, DocusealTest, fixture

FREE = (".metadata", ".variables", ".preferences", ".value", ".submission_events.data")


class ShapesTest(DocusealTest):
    def same_shape(self, actual, name):
        found = simtest.differences(actual, fixture(name), FREE)
        self.assertEqual(found, [], name)

    def same_preferences(self, actual, wanted):
        for key in ("send_email", "send_sms", "completed_redirect_url"):
            self.assertEqual(actual.get(key), wanted.get(key), key)
        self.assertEqual(list(actual), list(wanted))

    def test_create_answers_an_array_of_submitters(self):
        for number in (1, 2, 3):
            _, signers = self.create(self.request(number))
            name = "create-submission.%d.response" % number
            self.same_shape(signers, name)
            for actual, wanted in zip(signers, fixture(name), strict=True):
                for key in ("email", "name", "phone", "external_id", "application_key",
                            "metadata", "status", "values", "role"):
                    self.assertEqual(actual[key], wanted[key], key)
                self.same_preferences(actual["preferences"], wanted["preferences"])

    def test_init_answers_an_object(self):
        for number in (1, 2, 3):
            reply = self.ok("POST", "/submissions/init", self.request(number))
            self.same_shape(reply, "create-submission-init.%d.response" % number)

    def test_a_submission_has_its_shape_in_every_state(self):
        one, _ = self.create(self.request(1))
        two, _ = self.create(self.request(2))
        three, _ = self.create(self.request(3))
        self.act("sign", submission=one)
        self.act("sign", submission=two)
        self.act("decline", submission=three, reason="zu teuer")
        for number, name in ((one, 1), (two, 2), (three, 3)):
            self.same_shape(
                self.submission(number), "get-submission.%d.response" % name
            )
        self.assertEqual(self.submission(one)["status"], "pending")
        self.assertEqual(self.submission(two)["status"], "completed")
        self.assertEqual(self.submission(three)["status"], "declined")
        self.assertIsNotNone(self.submission(two)["audit_log_url"])
        self.assertIsNone(self.submission(one)["audit_log_url"])

    def test_lists_have_their_shapes(self):
        _, signers = self.create(self.request(1))
        self.same_shape(self.ok("GET", "/submissions"), "list-submissions.1.response")
        path = "/submitters?external_id=" + signers[0]["external_id"]
        self.same_shape(
            self.ok("GET", path), "list-submitters-by-external-id.1.response"
        )
        nobody = self.ok("GET", "/submitters?external_id=nobody")
        self.assertEqual(nobody["data"], [])
        self.assertEqual(
            nobody["pagination"], {"count": 0, "next": None, "prev": None}
        )

    def test_documents_archive_and_resend_have_their_shapes(self):
        number, signers = self.create(self.request(1))
        path = "/submissions/%d/documents" % number
        self.same_shape(self.ok("GET", path), "get-documents.1.response")
        for name in (1, 2, 3):
            request = fixture("resend-submitter.%d.request" % name)
            reply = self.ok("PUT", "/submitters/%d" % signers[0]["id"], request)
            self.same_shape(reply, "resend-submitter.%d.response" % name)
        reply = self.ok("DELETE", "/submissions/%d" % number)
        self.same_shape(reply, "archive-submission.1.response")

    def test_webhooks_have_their_shapes(self):
        one, _ = self.create(self.request(1))
        two, _ = self.create(self.request(1))
        three, _ = self.create(self.request(1))
        self.act("view", submission=one)
        self.act("sign", submission=one, all=True)
        self.act("decline", submission=two, reason="nein")
        self.act("expire", submission=three)
        self.act("archive", submission=three)
        seen = {}
        for hook in self.hooks():
            seen.setdefault(hook.event, hook)
            self.assert_signed(hook)
            self.assertEqual(hook.headers["Content-Type"], "application/json")
            self.assertEqual(hook.headers["User-Agent"], "DocuSeal.com Webhook")
        self.assertEqual(len(seen), 8)
        for event, hook in seen.items():
            self.same_shape(hook.json, "webhook.%s.1" % event)

    def test_bodies_are_written_as_rails_writes_them(self):
        self.create(self.wish("x", name="A & <B>"))
        raw = self.api("GET", "/submitters").text
        self.assertIn(b"A \\u0026 \\u003cB\\u003e", raw)
        self.assertIn(b"A \\u0026 \\u003cB\\u003e", self.receiver.next().body)

    def test_errors_are_the_recorded_ones(self):
        number, signers = self.create(self.request(1))
        unknown_role = self.wish("x", role="Käufer", values={})
        unknown_field = self.wish("x", fields=[{"name": "Rabatt"}])
        bad_email = self.wish("x", email="not an address")
        three = self.wish("x")
        three["submitters"] = [{"email": "%d@b.ch" % i} for i in range(3)]
        for name, body in (
            ("error.422.1", bad_email),
            ("error.422.2", unknown_role),
            ("error.422.3", unknown_field),
            ("error.422.6", three),
        ):
            reply = self.refused(422, "POST", "/submissions", body)
            self.assertEqual(reply, fixture(name))
        self.act("sign", submission=number)
        path = "/submitters/%d" % signers[0]["id"]
        reply = self.refused(422, "PUT", path, {"send_email": True})
        self.assertEqual(reply, fixture("error.422.4"))
        self.act("template", id=17, archived=True)
        reply = self.refused(422, "POST", "/submissions", self.wish("x"))
        self.assertEqual(reply, fixture("error.422.5"))

    def test_who_may_not_see_is_told_so(self):
        number, _ = self.create(self.request(1))
        path = "/submissions/%d" % number
        for token in (None, "wrong"):
            reply = self.refused(401, "GET", path, token=token)
            self.assertEqual(reply, fixture("error.401.1"))
        reply = self.refused(403, "GET", path, token="the-token-of-another-customer")
        self.assertEqual(reply, fixture("error.403.1"))
        reply = self.refused(
            403, "GET", path, token="the-token-of-the-testing-account"
        )
        self.assertEqual(reply, fixture("error.403.2"))

    def test_what_is_not_there_is_a_bare_404(self):
        for method, path in (
            ("GET", "/submissions/999999"),
            ("PUT", "/submitters/999999"),
            ("GET", "/submissions/abc"),
            ("GET", "/nowhere"),
            ("POST", "/submissions/docx"),
        ):
            reply = self.refused(404, method, path)
            self.assertEqual(reply, fixture("error.404.1"), path)
        for path in ("/submissions/pdf", "/submissions/html", "/templates/docx"):
            reply = self.refused(404, "POST", path, {})
            self.assertEqual(reply, fixture("error.404.2-pro-feature"), path)
        body = dict(self.wish("x"), template_id=999)
        self.refused(404, "POST", "/submissions", body)

    def test_every_known_validation_text_can_be_had(self):
        twice = self.wish("x")
        twice["submitters"] *= 2
        message = dict(self.wish("x"), message={"subject": "no body"})
        no_template = {"submitters": self.wish("x")["submitters"]}
        nobody = self.wish("x", email=None)
        for text, body in (
            ("Template not found", no_template),
            ("submitters is required", {"template_id": 17}),
            ("role must be unique in `submitters`.", twice),
            ("body is required in `message`.", message),
            ("email or phone or name is required in `submitters[0]`.", nobody),
            (
                "phone should start with +<country code> and contain only digits"
                " in `submitters[0]`.",
                self.wish("x", phone="044 123"),
            ),
        ):
            reply = self.refused(422, "POST", "/submissions", body)
            self.assertEqual(reply, {"error": text})
        self.act("template", id=40, name="empty", roles=["A"], fields=[])
        body = dict(self.wish("x"), template_id=40)
        reply = self.refused(422, "POST", "/submissions", body)
        self.assertEqual(reply, {"error": "Template does not contain fields"})
        self.sim.control("POST", "/config", {"distinct_emails": "true"})
        body = self.wish("x")
        body["submitters"].append({"role": "HYPERVISUAL", "email": "a@b.ch"})
        reply = self.refused(422, "POST", "/submissions", body)
        self.assertEqual(reply, {"error": "Recipient emails should differ"})

    def test_broken_json_is_refused(self):
        for raw in (b"{", b"[1,]", b'{"a":"\xff"}', b"{} {}"):
            reply = self.api("POST", "/submissions", raw=raw)
            self.assertEqual(reply.status, 400)
            self.assertEqual(reply.json["status"], 400)

    def test_templates_user_and_health(self):
        rows = self.ok("GET", "/templates?external_id=quote-fr")["data"]
        self.assertEqual([row["id"] for row in rows], [23])
        names = [f["name"] for f in self.ok("GET", "/templates/17")["fields"]]
        self.assertEqual(names[:3], ["Kunde", "Offertnummer", "Gesamtbetrag CHF"])
        roles = [s["name"] for s in self.ok("GET", "/templates/17")["submitters"]]
        self.assertEqual(roles, ["Kunde", "HYPERVISUAL"])
        self.assertEqual(
            list(self.ok("GET", "/user")), ["id", "first_name", "last_name", "email"]
        )
        self.assertEqual(self.sim.call("GET", "/up").status, 200)
        self.refused(401, "GET", "/user", token=None)

    def test_the_prefix_is_optional(self):
        reply = self.sim.call("GET", "/user", headers={"X-Auth-Token": TOKEN})
        self.assertEqual(reply.status, 200)

    def test_the_state_is_readable(self):
        number, _ = self.create(self.request(1))
        state = self.sim.control("GET", "/state")
        self.assertEqual([s["id"] for s in state["submissions"]], [number])
        self.assertTrue(state["submissions"][0]["live"])
        self.assertEqual([m["kind"] for m in state["mails"]], ["invitation"])
        json.dumps(state)


if __name__ == "__main__":
    unittest.main()
