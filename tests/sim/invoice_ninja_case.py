"""What the tests of the Invoice Ninja simulator share."""

import copy
import queue
import threading
import urllib.parse

import simtest

CODES = ("HYPERVISUAL", "DAINAMICS", "LEXAIA", "ENKI_REALTY", "TAKEOUT")
JSON = {"X-Requested-With": "XMLHttpRequest", "Accept": "application/json"}
EVENTS = (1, 2, 4, 8, 9, 10, 12, 31, 33, 41, 60)


def token(code):
    return "the-token-of-" + code.lower()


def fixture(name):
    return simtest.load_fixture("invoice_ninja", name + ".json")


def cents(number):
    return round(number * 100)


class NinjaTest(simtest.SimTest):
    program = "relais-sim-invoice-ninja"
    env = {
        "SIM_COMPANIES": ",".join("%s=%s" % (code, token(code)) for code in CODES),
        "SIM_CREATE_DELAY_MS": "0",
    }

    def api(self, method, path, body=None, code="HYPERVISUAL", headers=None, **more):
        sent = {**(JSON if headers is None else headers), "X-API-TOKEN": token(code)}
        return self.sim.call(method, "/api/v1" + path, body, sent, **more)

    def ok(self, method, path, body=None, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, 200, reply.text)
        return reply.json

    def data(self, method, path, body=None, **more):
        return self.ok(method, path, body, **more)["data"]

    def refused(self, status, method, path, body=None, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.text)
        return reply.json

    def list(self, entity, code="HYPERVISUAL", **query):
        path = "/%s?%s" % (entity, urllib.parse.urlencode(query))
        return self.data("GET", path, code=code)

    def client(self, number=1, code="HYPERVISUAL", **changes):
        body = {**fixture("create-client.%d.request" % number), **changes}
        return self.data("POST", "/clients", body, code=code)

    def invoice(self, client=None, code="HYPERVISUAL", query="", **changes):
        """CHF 1081 with VAT in it, unless told."""
        client = client or self.client(code=code)
        body = {
            "client_id": client["id"],
            "uses_inclusive_taxes": True,
            "line_items": [
                {"quantity": 1, "cost": 1081, "tax_name1": "MWST", "tax_rate1": 8.1}
            ],
        }
        body.update(changes)
        return self.data("POST", "/invoices" + query, body, code=code)

    def sent(self, client=None, code="HYPERVISUAL", **changes):
        return self.invoice(client, code, "?mark_sent=true", **changes)

    def payment(self, invoice, amount=None, code="HYPERVISUAL", **changes):
        """Pays, late enough not to look like the same payment twice."""
        paid = invoice["balance"] if amount is None else amount
        body = {
            "client_id": invoice["client_id"],
            "email_receipt": "false",
            "invoices": [{"invoice_id": invoice["id"], "amount": paid}],
        }
        body.update(copy.deepcopy(changes))
        self.advance(1100)
        return self.data("POST", "/payments", body, code=code)

    def again(self, invoice, code="HYPERVISUAL", include=""):
        path = "/invoices/%s?include=%s" % (invoice["id"], include)
        return self.data("GET", path, code=code)

    def bulk(self, action, *rows, entity="invoices", code="HYPERVISUAL"):
        self.advance(1100)
        body = {"action": action, "ids": [row["id"] for row in rows]}
        return self.data("POST", "/%s/bulk" % entity, body, code=code)

    def webhook(self, event, code="HYPERVISUAL", url=None, **changes):
        body = {
            "target_url": url or self.receiver.url + "?company=%s&event=%d" % (
                code, event),
            "event_id": event,
            "rest_method": "post",
            "format": "JSON",
            "headers": {"X-Webhook-Secret": "s3cret", "X-Ninja-Company": code},
        }
        body.update(changes)
        return self.data("POST", "/webhooks", body, code=code)

    def webhooks(self, *events, code="HYPERVISUAL"):
        for event in events or EVENTS:
            self.webhook(event, code)

    def advance(self, ms):
        self.sim.control("POST", "/clock", {"advance_ms": ms})

    def act(self, what, code="HYPERVISUAL", **body):
        return self.sim.control("POST", "/" + what, {"company": code, **body})

    def state(self, code="HYPERVISUAL"):
        return self.sim.control("GET", "/state")["companies"][code]

    def mails(self):
        return self.sim.control("GET", "/state")["mails"]

    def hooks(self):
        """All webhooks that were caused until now."""
        self.sim.idle()
        return self.receiver.rest()

    def events(self):
        """The ids of the events that were told of since the last look, sorted."""
        return sorted(event_of(hook) for hook in self.hooks())

    def in_background(self, action):
        """Runs the action in a thread; its result is in the queue that is returned."""
        done = queue.Queue()
        thread = threading.Thread(target=lambda: done.put(action()), daemon=True)
        thread.start()
        self.addCleanup(thread.join, simtest.PATIENCE_S)
        return done


def event_of(hook):
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(hook.path).query)
    return int(query["event"][0])
