"""What the tests of the Mautic simulator share."""

import base64
import hashlib
import hmac
import json
import urllib.parse

import simtest

USER = "worker"
PASSWORD = "the-password-of-the-worker"
CLIENT = {"client_id": "1_3f6c0e1b", "client_secret": "5d0ehk0q8o0cc4s4"}
SECRET = "b7c0f5f1a4e2d93c6a8e0d14f27b9c55e1d0aa37c2f84b6690f3de1287ab45cd"


def mail_event(number, name, email, kind, **more):
    return {"id": number, "name": name, "email": email, "email_type": kind, **more}


# The campaigns that the fixtures were made with.
CAMPAIGNS = [
    {
        "id": 1,
        "name": "quote_sent",
        "lists": [4],
        "events": [mail_event(11, "Mail: Offre envoyée", 5, "transactional")],
    },
    {
        "id": 2,
        "name": "quote_followup",
        "allow_restart": True,
        "events": [
            mail_event(21, "J+3", 6, "transactional", interval=3),
            mail_event(22, "Relance client", 7, "marketing", interval=7),
        ],
    },
    {
        "id": 5,
        "name": "lead_nurturing",
        "lists": [1],
        "events": [
            {
                "id": 51,
                "name": "Hook back",
                "type": "campaign.sendwebhook",
                "properties": {
                    "url": "https://ingest.example.ch/mautic/campaign",
                    "method": "post",
                    "timeout": 10,
                    "headers": {"list": [{"label": "X-Token", "value": "***"}]},
                    "additional_data": {"list": [{"label": "email", "value": "x"}]},
                },
            }
        ],
    },
    {"id": 6, "name": "once", "events": [mail_event(61, "Once", 9, "marketing")]},
]


def fixture_text(name):
    folder = simtest.HERE / "fixtures" / "mautic"
    return (folder / (name + ".json")).read_text()


def fixture(name):
    return json.loads(fixture_text(name))


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def signature(body, secret=SECRET):
    mac = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return base64.b64encode(mac).decode()


def where(*conditions):
    """The query of `(column, expr, value)`, several of which must all hold."""
    query = []
    for i, condition in enumerate(conditions):
        for key, value in zip(("col", "expr", "val"), condition, strict=True):
            query.append(("where[%d][%s]" % (i, key), value))
    return urllib.parse.urlencode(query)


class MauticTest(simtest.SimTest):
    program = "relais-sim-mautic"
    env = {
        "SIM_USER": USER,
        "SIM_PASSWORD": PASSWORD,
        "SIM_CLIENT_ID": CLIENT["client_id"],
        "SIM_CLIENT_SECRET": CLIENT["client_secret"],
        "SIM_WEBHOOK_SECRET": SECRET,
        "SIM_CAMPAIGNS": json.dumps(CAMPAIGNS),
        # Nothing happens by itself.
        "SIM_CRON_MS": "0",
    }

    def api(self, method, path, body=None, headers=None, auth=True, **more):
        merged = {"Content-Type": "application/json"}
        if auth is True:
            merged["Authorization"] = basic(USER, PASSWORD)
        elif auth:
            merged["Authorization"] = auth
        merged.update(headers or {})
        return self.sim.call(method, "/api" + path, body, merged, **more)

    def ok(self, method, path, body=None, status=200, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.text)
        return reply.json

    def refused(self, status, method, path, body=None, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.text)
        return reply.json

    def contact(self, email, **fields):
        """A new contact, made by the API; its id."""
        body = dict(fields, email=email)
        return self.ok("POST", "/contacts/new", body, status=201)["contact"]["id"]

    def fields(self, number):
        return self.ok("GET", "/contacts/%d" % number)["contact"]["fields"]["all"]

    def token(self, body=None, headers=None, raw=None):
        merged = {"Content-Type": "application/json", **(headers or {})}
        return self.sim.call("POST", "/oauth/v2/token", body, merged, raw=raw)

    def bearer(self):
        reply = self.token(dict(CLIENT, grant_type="client_credentials"))
        self.assertEqual(reply.status, 200, reply.text)
        return "Bearer " + reply.json["access_token"]

    def stats(self, table, *conditions, more=""):
        path = "/stats/%s?%s%s" % (table, where(*conditions), more)
        return self.ok("GET", path)["stats"]

    def act(self, what, **body):
        return self.sim.control("POST", "/" + what, body)

    def config(self, **settings):
        return self.sim.control("POST", "/config", settings)

    def cron(self):
        self.act("cron")

    def person(self, number):
        """The contact as GET /_sim/state has it."""
        state = self.sim.control("GET", "/state")
        found = [c for c in state["contacts"] if c["id"] == number]
        return found[0] if found else None

    def hooks(self):
        """All webhooks that were caused until now."""
        self.sim.idle()
        return self.receiver.rest()

    def items(self):
        """All items of these webhooks, as (type, item)."""
        found = []
        for hook in self.hooks():
            for kind, items in hook.json.items():
                found += [(kind, item) for item in items]
        return found

    def kinds(self):
        return [kind for kind, _ in self.items()]

    def assert_signed(self, hook, secret=SECRET):
        self.assertEqual(
            hook.headers["Webhook-Signature"], signature(hook.body, secret)
        )
