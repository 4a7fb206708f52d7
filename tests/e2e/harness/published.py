"""Every event that was published, against its schema and its topic's catalogue."""

import datetime
import json
import pathlib
import re

import jsonschema

SCHEMAS = pathlib.Path(__file__).resolve().parents[3] / "schemas"

# What deploy/lib/kafka.sh sees by that Kafka takes records.
NO_EVENTS = {"relais.probe"}
# What the simulators and a test send that is not in the catalogue, as a provider may
# any day: it is kept and finished without action.
UNCATALOGUED = {"docuseal.form.teleported", "mautic.company_post_save",
                "mautic.lead_company_change", "mautic.lead_list_change"}
# ce_subject is left out where what moved has no root.
NEEDED = ("ce_id", "ce_source", "ce_type", "ce_time")

formats = jsonschema.FormatChecker(formats=["uuid", "date"])


@formats.checks("date-time", ValueError)
def is_instant(value):
    """RFC 3339: with a T, seconds and a zone."""
    if isinstance(value, str):
        if datetime.datetime.fromisoformat(value).tzinfo is None or value[10] != "T":
            raise ValueError(value)
    return True


class Invalid(Exception):
    """What is wrong with which event, in one line."""


class Catalogue:
    """The schemas of all types, and which type may stand on which topic."""

    def __init__(self, folder=SCHEMAS):
        self.validators = {
            path.stem: validator(json.loads(path.read_text()))
            for path in (folder / "events").glob("*.json")
        }
        self.topics = topics_of((folder / "asyncapi.yaml").read_text())

    def check(self, topic, record):
        """Raises Invalid for an event that the topic may not carry."""
        headers = record["headers"]
        kind = headers.get("ce_type", "")
        if topic not in self.topics:
            raise Invalid("%s is no topic of asyncapi.yaml" % topic)
        check_headers(topic, kind, headers)
        if kind in UNCATALOGUED and topic.endswith(".webhooks"):
            return
        if kind not in self.validators:
            raise Invalid("%s: %s has no schema" % (topic, kind))
        if topic.endswith(".dead-letters"):
            check_letter(topic, kind, headers)
        elif kind not in self.topics[topic]:
            raise Invalid("%s: %s does not belong there" % (topic, kind))
        else:
            self.check_payload(kind, record["payload"])

    def check_payload(self, kind, payload):
        try:
            data = json.loads(payload)
        except ValueError as error:
            raise Invalid("%s: the payload is no JSON: %s" % (kind, error)) from None
        worst = jsonschema.exceptions.best_match(
            self.validators[kind].iter_errors(data))
        if worst is not None:
            raise Invalid("%s: %s: %s" % (kind, worst.json_path, worst.message))


def validator(schema):
    return jsonschema.Draft202012Validator(schema, format_checker=formats)


def topics_of(text):
    """{topic: its types} of asyncapi.yaml, read as far as this needs."""
    names = dict(re.findall(r"^    (\w+):\n      name: (\S+)$", text, re.M))
    found, topic = {}, None
    for line in text.splitlines():
        address = re.match(r"    address: (\S+)$", line)
        message = re.match(r"        \$ref: '#/components/messages/(\w+)'$", line)
        if address:
            topic = address[1]
            found[topic] = set()
        elif message:
            found[topic].add(names[message[1]])
    return found


def check_headers(topic, kind, headers):
    """A CloudEvent 1.0 in binary mode."""
    what = "%s: %s: " % (topic, kind or "no ce_type")
    for name in NEEDED:
        if not headers.get(name):
            raise Invalid(what + name + " is missing")
    if headers.get("ce_specversion") != "1.0":
        raise Invalid(what + "ce_specversion is not 1.0")
    if headers.get("content-type") != "application/json":
        raise Invalid(what + "content-type is not application/json")
    try:
        is_instant(headers["ce_time"])
    except ValueError:
        raise Invalid(what + "ce_time is no instant") from None


def check_letter(topic, kind, headers):
    """A dead letter holds an event as it came, and says why it is dead."""
    if not headers.get("x-dead-error"):
        raise Invalid("%s: %s: x-dead-error is missing" % (topic, kind))


def check_all(system, catalogue=None):
    """How many events were checked; Invalid at the first one that is none."""
    catalogue = catalogue or Catalogue()
    checked = 0
    for topic in set(system.topics()) - NO_EVENTS:
        for record in system.records(topic):
            if not system.is_strange(record):
                catalogue.check(topic, record)
                checked += 1
    return checked
