"""What the tests of the DocuSeal simulator share."""

import copy
import hashlib
import hmac
import json
import urllib.parse

import simtest

TOKEN = "the-token-of-the-main-account"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"


def field(name, role, kind=None):
    return {"name": name, "role": role, **({"type": kind} if kind else {})}


# The templates that the fixtures were made with.
TEMPLATES = [
    {
        "id": 17,
        "name": "Offerte HYPERVISUAL",
        "external_id": "quote-de",
        "folder": "Offerten",
        "roles": ["Kunde", "HYPERVISUAL"],
        "fields": [
            field("Kunde", "Kunde"),
            field("Offertnummer", "Kunde"),
            field("Gesamtbetrag CHF", "Kunde"),
            field("Unterschrift Kunde", "Kunde", "signature"),
            field("Datum", "Kunde", "date"),
            field("Unterschrift HYPERVISUAL", "HYPERVISUAL", "signature"),
        ],
    },
    {
        "id": 23,
        "name": "Devis DAINAMICS",
        "external_id": "quote-fr",
        "folder": "Devis",
        "roles": ["Client"],
        "fields": [
            field("Client", "Client"),
            field("Numéro de devis", "Client"),
            field("Montant TTC CHF", "Client"),
            field("Signature", "Client", "signature"),
        ],
    },
    {
        "id": 29,
        "name": "CGV LEXAIA 2026",
        "external_id": "cgv-it",
        "folder": "CGV",
        "roles": ["Cliente"],
        "fields": [
            field("Ragione sociale", "Cliente"),
            field("Accetto le CGV", "Cliente", "checkbox"),
            field("Firma", "Cliente", "signature"),
        ],
    },
]


def fixture(name):
    return simtest.load_fixture("docuseal", name + ".json")


class DocusealTest(simtest.SimTest):
    program = "relais-sim-docuseal"
    env = {
        "SIM_TOKEN": TOKEN,
        "SIM_TOKEN_OTHER": "the-token-of-another-customer",
        "SIM_TOKEN_TESTING": "the-token-of-the-testing-account",
        "SIM_WEBHOOK_SECRET": SECRET,
        "SIM_TEMPLATES": json.dumps(TEMPLATES),
        "SIM_RETRY_SCALE": "0.0005",
    }

    def api(self, method, path, body=None, token=TOKEN, **more):
        headers = {"X-Auth-Token": token} if token else {}
        return self.sim.call(method, "/api" + path, body, headers, **more)

    def ok(self, method, path, body=None):
        reply = self.api(method, path, body)
        self.assertEqual(reply.status, 200, reply.text)
        return reply.json

    def refused(self, status, method, path, body=None, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.text)
        return reply.json

    def request(self, number=1, **changes):
        """A request of the fixtures that is not in the past."""
        body = fixture("create-submission.%d.request" % number)
        if "expire_at" in body:
            body["expire_at"] = "2199-09-11T23:59:59+02:00"
        body.update(changes)
        return body

    def wish(self, external_id, **changes):
        """The smallest request: one signer."""
        signer = {"role": "Kunde", "email": "a@b.ch", "external_id": external_id}
        signer.update(changes)
        return {"template_id": 17, "submitters": [signer]}

    def create(self, body):
        signers = self.ok("POST", "/submissions", copy.deepcopy(body))
        return signers[0]["submission_id"], signers

    def submission(self, number):
        return self.ok("GET", "/submissions/%d" % number)

    def find(self, external_id, **query):
        query["external_id"] = external_id
        path = "/submitters?" + urllib.parse.urlencode(query)
        return self.ok("GET", path)["data"]

    def act(self, what, **body):
        return self.sim.control("POST", "/" + what, body)

    def hooks(self):
        """All webhooks that were caused until now."""
        self.sim.idle()
        return self.receiver.rest()

    def events(self):
        return [hook.event for hook in self.hooks()]

    def file(self, url, token=TOKEN):
        path = urllib.parse.urlsplit(url).path
        headers = {"X-Auth-Token": token} if token else {}
        return self.sim.call("GET", path, headers=headers)

    def assert_signed(self, hook):
        stamp, mac = hook.headers["X-Docuseal-Signature"].split(".", 1)
        message = stamp.encode() + b"." + hook.body
        wanted = hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        self.assertEqual(mac, wanted)
