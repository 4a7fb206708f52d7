"""What nobody should send: answered or set aside, named in a log line, and nothing
behind it lost."""

import base64
import hashlib
import hmac
import json
import time
import uuid

from harness import Case, rest

HOOK = "/api/integrations/docuseal/webhook"
FLOW = "/events/directus"
MAX_BODY = 65536


class BadInput(Case):
    settings = {"INGEST_MAX_BODY": str(MAX_BODY)}

    def setUp(self):
        super().setUp()
        self.since = self.log_end("ingest")

    # How a sender posts.

    def post(self, path, body, **headers):
        sent = {"Content-Type": "application/json"}
        sent.update({name.replace("_", "-"): value for name, value in headers.items()})
        return rest.call("POST", self.system.env["WEBHOOK_BASE_URL"] + path, body, sent)

    def signature(self, body, age_s=0, secret=None):
        secret = secret or self.system.env["DOCUSEAL_WEBHOOK_SECRET"]
        stamp = str(int(time.time()) - age_s)
        digest = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
        return stamp + "." + digest.hexdigest()

    def hook(self, body):
        """A webhook with a good signature."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        return self.post(HOOK, body, X_Docuseal_Signature=self.signature(body))

    def flow(self, body, secret=None):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        secret = secret or self.system.env["DIRECTUS_FLOW_SECRET"]
        return self.post(FLOW, body, X_Ingest_Secret=secret)

    def event(self, kind="form.viewed", **data):
        return {"event_type": kind, "timestamp": "2026-08-12T09:31:44.%03dZ"
                % (time.monotonic_ns() % 1000), "data": data}

    # What is to be seen.

    def log_end(self, program):
        return len(self.system[program].lines())

    def assert_refused(self, answer, status, reason):
        """A problem document, and one log line with the cause."""
        self.assertEqual(answer.status, status, rest.text_of(answer))
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(rest.json_of(answer)["status"], status)
        lines = self.system["ingest"].lines()[self.since:]
        self.since += len(lines)
        refused = [(line["status"], line["reason"]) for line in lines
                   if line["event"] == "webhook" and line["status"] >= 400]
        self.assertEqual(refused, [(status, reason)])

    def letter(self, key, topic="docuseal.dead-letters"):
        """Waits for the dead letter with this key."""
        return self.until("the dead letter of " + key, lambda: [
            row for row in self.system.records(topic) if row["key"] == key])[-1]

    def assert_logged(self, program, *words):
        """A log line of an attempt that names the cause."""
        def found():
            return [line for line in self.system[program].lines()
                    if line["event"] == "attempt" and line["outcome"] == "dead"
                    and all(word in json.dumps(line) for word in words)]

        self.until("a log line with %s" % (words,), found)

    # DocuSeal's webhook.

    def test_a_webhook_without_or_with_a_wrong_or_old_signature_is_refused(self):
        body = json.dumps(self.event(id=1, submission_id=1)).encode()
        good = self.signature(body)
        attempts = [
            (None, "missing-signature"),
            ("", "malformed-signature"),
            ("no signature", "malformed-signature"),
            (good[:-1] + ("0" if good[-1] != "0" else "1"), "bad-signature"),
            (self.signature(body + b" "), "bad-signature"),
            (self.signature(body, secret="whsec_wrong"), "bad-signature"),
            (self.signature(body, age_s=3600), "stale-signature"),
            (self.signature(body, age_s=-3600), "stale-signature"),
        ]
        for header, reason in attempts:
            with self.subTest(reason, header=header):
                headers = {} if header is None else {"X_Docuseal_Signature": header}
                self.assert_refused(self.post(HOOK, body, **headers), 401, reason)
        self.assertEqual(self.hook(body).status, 200)

    def test_a_body_that_is_too_large_is_refused_and_the_next_one_taken(self):
        body = json.dumps(self.event(name="x" * MAX_BODY)).encode()
        self.assert_refused(self.hook(body), 413, "too-large")
        self.assertEqual(self.hook(self.event(id=1, submission_id=1)).status, 200)

    def test_a_body_that_is_no_webhook_is_refused(self):
        for body in (b"", b"{", b"nothing", b"[]", b"{}", b'{"event_type": 5}',
                     b'{"event_type": "form.viewed"}',
                     b'{"event_type": "form.viewed", "data": []}',
                     b'{"event_type": "form.viewed", "data": {"name": "\xff\xfe"}}',
                     b"[" * 5000):
            with self.subTest(body[:60]):
                self.assert_refused(self.hook(body), 400, "malformed")

    def test_another_method_or_path_is_refused(self):
        url = self.system.env["WEBHOOK_BASE_URL"]
        self.assert_refused(rest.call("GET", url + HOOK), 405, "wrong-method")
        answer = rest.call("POST", url + "/else", b"{}")
        self.assert_refused(answer, 404, "unknown-path")

    def test_an_unknown_event_is_taken_and_finished_without_action(self):
        quote, submission = self.sent_quote()
        answer = self.hook(self.event("form.teleported", id=5, submission_id=submission,
                                      external_id="quote:%s:r1:client" % quote))
        self.assertEqual(answer.status, 200)
        steps = self.settled(quote)
        (step,) = [step for step in steps if step["type"] == "docuseal.form.teleported"]
        self.assertEqual(step["outcome"], "done")
        self.assertIn("ignored", step["note"])
        self.assertEqual(self.status(quote), ("sent", "pending"))

    def test_an_id_that_is_none_is_a_dead_letter_that_says_so(self):
        for number, bad in enumerate(("many", "", -5, 0, 1e30, None, {}, "1; DROP")):
            with self.subTest(bad):
                key = "quote:%s" % uuid.uuid4()
                answer = self.hook(self.event(
                    id=number + 1, submission_id=bad,
                    external_id=key + ":r1:client"))
                self.assertEqual(answer.status, 200)
                letter = self.letter(key)
                self.assertIn("names no submission", letter["headers"]["x-dead-error"])
                self.assert_logged("docuseal", "names no submission", key)

    def test_a_webhook_of_another_company_changes_nothing(self):
        quote, submission = self.sent_quote(owner="DAINAMICS")
        (signer,) = self.submission(quote)["submitters"]
        answer = self.hook(self.event(
            "form.completed", id=signer["id"], submission_id=submission,
            external_id=signer["external_id"], status="completed",
            metadata={"company": "TAKEOUT"}))
        self.assertEqual(answer.status, 200)
        self.settled(quote)
        (line,) = [line for line in self.system["docuseal"].lines()
                   if line["event"] == "attempt" and quote in line["entity"]
                   and line["company"] == "TAKEOUT"]
        self.assertEqual((line["type"], line["outcome"], line["text"]), (
            "docuseal.form.completed", "done",
            "submission %d: nothing new; the event says TAKEOUT, the submission is of "
            "DAINAMICS" % submission))
        self.assertEqual(self.status(quote), ("sent", "pending"))
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        (fact,) = [row for row in self.system.records("journey.facts")
                   if row["key"] == "quote:" + quote
                   and row["headers"]["ce_type"] == "quote.signed"]
        self.assertEqual(json.loads(fact["payload"])["company"], "DAINAMICS")

    def test_a_webhook_with_nul_in_its_texts_holds_up_nothing(self):
        quote, submission = self.sent_quote()
        (signer,) = self.submission(quote)["submitters"]
        odd = "nul \u0000 \u2028 \U0001f600 \"'; -- \\ \u0007"
        for data in ({"id": signer["id"], "name": odd, "decline_reason": odd},
                     {"id": "%d\u0000" % signer["id"], "ip": odd, "ua": odd}):
            answer = self.hook(self.event(
                "form.declined", submission_id=submission, email=odd,
                external_id=signer["external_id"], **data))
            self.assertEqual(answer.status, 200)
        answer = self.hook(self.event("form.\u0000", id=1))
        self.assert_refused(answer, 400, "malformed")
        self.settled(quote)
        self.assertEqual(self.status(quote), ("sent", "pending"))
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")

    def test_odd_characters_in_what_people_write_arrive_as_they_are(self):
        odd = "Été \u2028 \U0001f600 \"'; -- \\ \u0007 </script> %00 {{x}}"
        quote, submission = self.sent_quote(title=odd)
        (signer,) = self.submission(quote)["submitters"]
        values = {row["field"]: row["value"] for row in signer["values"]}
        self.assertEqual(values["title"], odd)
        self.simulator.decline(submission, odd)
        self.becomes(quote, "rejected", "declined")
        self.assertEqual(self.quote(quote)["decline_reason"], odd)

    # What Directus's flow posts.

    def test_a_flow_without_or_with_a_wrong_secret_is_refused(self):
        body = json.dumps(self.change(str(uuid.uuid4()))).encode()
        self.assert_refused(self.post(FLOW, body), 401, "missing-secret")
        self.assert_refused(self.flow(body, "wrong"), 401, "bad-secret")
        for token, reason in ((self.token(body, secret="wrong"), "bad-signature"),
                              (self.token(body, age_s=7200), "expired-token"),
                              (b"no.token", "malformed-token")):
            with self.subTest(reason):
                answer = self.post(FLOW, token, Content_Type="application/jwt")
                self.assert_refused(answer, 401, reason)
        self.assertEqual(self.flow(body).status, 200)

    def test_a_change_with_an_id_that_is_none_is_a_dead_letter(self):
        """Where flows are what there is; beside the outbox nothing would follow."""
        self.system["orchestrator"].stop()
        self.addCleanup(self.system.up, **self.settings)
        self.system["orchestrator"].up(CAPTURE="flow")
        self.assert_refused(self.flow(self.change("';\u0000 --")), 400, "malformed")
        for key in ("5", "no-uuid", "0" * 36):
            with self.subTest(key):
                self.assertEqual(self.flow(self.change(key)).status, 200)
                letter = self.letter("quote:" + key, "orchestrator.dead-letters")
                self.assertIn("is not a uuid", letter["headers"]["x-dead-error"])
                self.assert_logged("orchestrator", "is not a uuid")

    def test_a_flow_body_that_is_none_is_refused(self):
        for body in (b"", b"{", b"[]", b"{}", b'{"trigger": 5}',
                     b'{"trigger": {"event": "quotes.items.update"}}',
                     b'{"trigger": {"event": "quotes.items.update", "keys": {}}}'):
            with self.subTest(body):
                self.assert_refused(self.flow(body), 400, "malformed")

    def change(self, key):
        return {"trigger": {"event": "quotes.items.update", "collection": "quotes",
                            "payload": {"status": "sent"}, "keys": [key]},
                "accountability": None}

    def token(self, body, secret=None, age_s=0):
        secret = secret or self.system.env["DIRECTUS_FLOW_SECRET"]
        now = int(time.time()) - age_s
        claims = {**json.loads(body), "iat": now, "exp": now + 300}
        head = word({"alg": "HS256", "typ": "JWT"}) + b"." + word(claims)
        digest = hmac.new(secret.encode(), head, hashlib.sha256).digest()
        return head + b"." + base64.urlsafe_b64encode(digest).rstrip(b"=")

    # Records on the topics.

    def test_records_that_are_no_events_are_dead_letters_and_hold_up_nothing(self):
        quote, submission = self.sent_quote()
        key = "quote:" + quote
        envelope = {"content-type": "application/cloudevents+json"}
        wrong = [
            lambda: (b"no headers at all", {}),
            lambda: (b"{", self.headers()),
            lambda: (b"5", self.headers()),
            lambda: (b"\x00\xff\xfe\x00", self.headers()),
            lambda: (b"{}", self.headers(ce_id="")),
            lambda: (b"{}", self.headers(ce_type="")),
            lambda: (b"[]", envelope),
        ]
        topics = {"docuseal.webhooks": "docuseal", "docuseal.commands": "docuseal",
                  "directus.changes": "orchestrator", "journey.facts": "orchestrator"}
        before = {worker: len(self.dead_letters(quote, topic=worker + ".dead-letters"))
                  for worker in set(topics.values())}
        for topic in topics:
            for make in wrong:
                self.system.produce(topic, key, *make())
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, submission)
        for worker in set(topics.values()):
            letters = self.dead_letters(quote, topic=worker + ".dead-letters")
            self.assertEqual(len(letters) - before[worker], 2 * len(wrong))
            for letter in letters:
                self.assertTrue(letter["headers"]["x-dead-error"])
            self.assert_logged(worker, key)

    def headers(self, **more):
        return {"ce_specversion": "1.0", "ce_id": str(uuid.uuid4()),
                "ce_source": "e2e", "ce_type": "docuseal.form.viewed",
                "ce_time": "2026-08-12T09:31:44Z", "content-type": "application/json",
                **more}


def word(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=")
