"""What the check of all published events finds, and what it lets pass."""

import json
import unittest

from harness.published import SCHEMAS, Catalogue, Invalid

HEADERS = {
    "ce_specversion": "1.0", "ce_id": "5", "ce_source": "relais/orchestrator",
    "ce_type": "quote.viewed", "ce_subject": "quote:1",
    "ce_time": "2026-08-12T09:31:44.123Z", "content-type": "application/json",
}
PAYLOAD = {"company": "LEXAIA", "quote": "7b0e2b0c-6a53-4c58-9e0c-1f6e1a2b3c4d"}


class Published(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.catalogue = Catalogue()

    def check(self, topic="journey.facts", payload=None, **headers):
        """`headers` are put above the right ones; None leaves one out."""
        wanted = {**HEADERS, **{name.replace("content_", "content-"): value
                                for name, value in headers.items()}}
        self.catalogue.check(topic, {
            "headers": {name: value for name, value in wanted.items() if value},
            "payload": json.dumps(PAYLOAD if payload is None else payload)})

    def refused(self, words, *place, **more):
        with self.assertRaises(Invalid) as raised:
            self.check(*place, **more)
        self.assertIn(words, str(raised.exception))

    def test_a_right_event_passes(self):
        self.check()

    def test_a_wrong_payload_is_named_by_type_path_and_reason(self):
        self.refused("quote.viewed: $.quote: 'Q-1' is not a 'uuid'",
                     payload={**PAYLOAD, "quote": "Q-1"})
        self.refused("quote.viewed: $: 'company' is a required property",
                     payload={"quote": PAYLOAD["quote"]})
        self.refused("'more' was unexpected", payload={**PAYLOAD, "more": 1})

    def test_a_payload_that_is_no_json_is_refused(self):
        with self.assertRaises(Invalid):
            self.catalogue.check("journey.facts",
                                 {"headers": HEADERS, "payload": "{"})

    def test_every_attribute_of_a_cloud_event_is_looked_at(self):
        for name in set(HEADERS) - {"ce_subject"}:
            with self.subTest(name):
                self.refused(name, **{name.replace("-", "_"): None})
        self.refused("ce_time is no instant", ce_time="2026-08-12 09:31:44Z")
        self.refused("ce_time is no instant", ce_time="2026-08-12T09:31:44")

    def test_unknown_types_and_topics_are_refused(self):
        self.refused("quote.teleported has no schema", ce_type="quote.teleported")
        self.refused("is no topic", "journey.rumours")
        self.refused("does not belong there", "docuseal.commands")

    def test_a_dead_letter_says_why(self):
        self.refused("x-dead-error is missing", "docuseal.dead-letters")
        self.catalogue.check("docuseal.dead-letters", {
            "headers": {**HEADERS, "x-dead-error": "gone"},
            "payload": "not even JSON"})

    def test_the_examples_of_every_schema_are_taken_and_refused(self):
        for path in sorted((SCHEMAS / "events").glob("*.json")):
            schema = json.loads(path.read_text())
            with self.subTest(path.stem):
                for example in schema["examples"]:
                    self.catalogue.check_payload(path.stem, json.dumps(example))
                for example in schema["x-refused"]:
                    with self.assertRaises(Invalid):
                        self.catalogue.check_payload(path.stem, json.dumps(example))

    def test_every_schema_stands_on_a_topic(self):
        on_topics = set().union(*self.catalogue.topics.values())
        self.assertEqual(set(self.catalogue.validators) - on_topics, set())
        self.assertEqual(on_topics - set(self.catalogue.validators), set())


if __name__ == "__main__":
    unittest.main()
