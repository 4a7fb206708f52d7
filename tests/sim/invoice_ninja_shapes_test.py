"""Answers, errors and webhooks are those of the recorded ones: the same members in the
same order, the same values but for ids, keys and times, and byte for byte PHP's way of
writing them."""

import json
import unittest

from invoice_ninja_case import NinjaTest, event_of, fixture

# What is somebody's own: ids, random keys, and the number that a counter gave.
OWN = {
    "id", "client_id", "client_contact_id", "invoice_id", "user_id", "company_id",
    "client_hash", "contact_key", "key", "link", "created_at", "updated_at",
    "archived_at", "company_gateway_id",
}
# The recorded clients show the telephone number of their contact as their own.
CLIENT = {"phone", "number"}


def php(value, pretty=True):
    """How PHP writes it."""
    style = {"indent": 4} if pretty else {"separators": (",", ":")}
    return json.dumps(value, **style).replace("/", "\\/").encode()


def plain(value, own):
    """The value without what is somebody's own."""
    if isinstance(value, dict):
        left_out = own | (CLIENT if "client_hash" in value else set())
        return {
            key: "*" if key in left_out else plain(member, own)
            for key, member in value.items()
        }
    if isinstance(value, list):
        return [plain(item, own) for item in value]
    return value


class ShapesTest(NinjaTest):
    maxDiff = None

    def same(self, actual, name, *own):
        wanted = fixture(name)
        own = OWN | set(own)
        self.assertEqual(self.keys(actual), self.keys(wanted), name)
        self.assertEqual(plain(actual, own), plain(wanted, own), name)

    def keys(self, value):
        """All members in their order."""
        if isinstance(value, dict):
            return [(key, self.keys(member)) for key, member in value.items()]
        if isinstance(value, list):
            return [self.keys(item) for item in value]
        return None

    def set_clock(self, now):
        self.sim.control("POST", "/clock", {"now": now})

    DAYS = {1: "2026-08-12", 2: "2026-08-14", 3: "2026-08-15"}

    def recorded_invoice(self, number):
        """A client and an invoice as they were recorded, on that day."""
        self.set_clock(self.DAYS[number] + "T09:00:00Z")
        client = self.client(number)
        body = fixture("create-invoice.%d.request" % number)
        body["client_id"] = client["id"]
        body["invitations"] = [{"client_contact_id": client["contacts"][0]["id"]}]
        return self.data("POST", "/invoices", body)

    def recorded_payment(self, number, invoice):
        body = fixture("create-payment.%d.request" % number)
        body["client_id"] = invoice["client_id"]
        body["invoices"][0]["invoice_id"] = invoice["id"]
        body["number"] = fixture("create-payment.%d.response" % number)["data"]["number"]
        return self.ok("POST", "/payments", body)

    def test_everything_is_written_as_php_writes_it(self):
        invoice = self.recorded_invoice(1)
        reply = self.api("GET", "/invoices/" + invoice["id"])
        self.assertIn(b'"cost": 5100,', reply.text)
        self.assertIn(b"gem\\u00e4ss", reply.text)
        self.assertIn(b'"http:\\/\\/127.0.0.1', reply.text)
        self.assertEqual(reply.text, php(reply.json))
        for path in ("/clients", "/invoices?include=payments,client", "/webhooks"):
            reply = self.api("GET", path)
            self.assertEqual(reply.text, php(reply.json))

    def test_clients(self):
        for number in (1, 2, 3):
            self.client(number)
            reply = self.ok("GET", "/clients/" + self.list("clients")[-1]["id"])
            self.same(reply, "create-client.%d.response" % number)
        found = self.ok("GET", "/clients?email=martina.keller@alpenblick-immo.ch")
        self.same(found, "find-client-by-email.1.response")
        self.same(self.ok("GET", "/clients?email=nobody@nowhere.ch"),
                  "find-client-by-email.2-none.response")

    def test_invoices(self):
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            self.same({"data": invoice}, "create-invoice.%d.response" % number)
            found = self.ok("GET", "/invoices?number=" + invoice["number"])
            if number < 3:
                self.same(found, "find-invoice-by-number.%d.response" % number)
        self.same(self.ok("GET", "/invoices?number=none"),
                  "find-invoice-by-number.3.response")

    def test_marking_as_sent(self):
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            body = {"action": "mark_sent", "ids": [invoice["id"]]}
            reply = self.ok("POST", "/invoices/bulk", body)
            self.same(reply, "mark-sent-bulk.%d.response" % number)

    def test_mails(self):
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            body = fixture("send-email.%d.request" % number)
            body["entity_id"] = invoice["id"]
            reply = self.ok("POST", "/emails", body)
            # The recorded reminder was not booked as one.
            self.same(reply, "send-email.%d.response" % number, "reminder1_sent",
                      "reminder_last_sent")

    def test_payments(self):
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            self.bulk("mark_sent", invoice)
            reply = self.recorded_payment(number, invoice)
            # The second was recorded as if a gateway had made it.
            own = ("is_manual", "gateway_type_id") if number == 2 else ()
            self.same(reply, "create-payment.%d.response" % number, *own)
            name = "get-invoice-include-payments.%d.response" % number
            path = "/invoices/%s?include=payments" % invoice["id"]
            self.same(self.ok("GET", path), name, *own)
            path = "/payments?include=invoices&client_id=" + invoice["client_id"]
            self.same(self.ok("GET", path),
                      "list-payments-include-invoices.%d.response" % number, *own)

    def test_webhook_rows(self):
        for number in (1, 2, 3):
            reply = self.ok("POST", "/webhooks",
                            fixture("create-webhook.%d.request" % number))
            self.same(reply, "create-webhook.%d.response" % number)

    def hook(self, event):
        """The one webhook of that event since the last look."""
        hooks = [hook for hook in self.hooks() if event_of(hook) == event]
        self.assertEqual(len(hooks), 1)
        self.assertEqual(hooks[0].body, php(hooks[0].json, pretty=False))
        return hooks[0].json

    def test_webhooks_of_a_new_client_and_a_new_invoice(self):
        self.webhooks(1, 2)
        invoice = self.recorded_invoice(1)
        found = {event_of(hook): hook.json for hook in self.hooks()}
        self.same(found[1], "webhook.01-create_client.1")
        self.same(found[2], "webhook.02-create_invoice.1")
        self.assertEqual(found[2]["id"], invoice["id"])

    def test_webhooks_of_a_sent_and_a_deleted_invoice(self):
        self.webhooks(60, 9)
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            self.bulk("mark_sent", invoice)
            self.same(self.hook(60), "webhook.60-sent_invoice.%d" % number)
            self.bulk("delete", invoice)
            # The recorded clients still owed what was deleted.
            self.same(self.hook(9), "webhook.09-delete_invoice.%d" % number, "balance")

    def test_webhooks_of_payments(self):
        self.sim.control("POST", "/config",
                         {"queue": "queue", "payment_hook_delay_ms": "0"})
        self.webhooks(4, 31, 33)
        for number in (1, 2, 3):
            invoice = self.recorded_invoice(number)
            self.bulk("mark_sent", invoice)
            payment = self.recorded_payment(number, invoice)["data"]
            own = ("is_manual", "gateway_type_id") if number == 2 else ()
            self.same(self.hook(4), "webhook.04-create_payment.%d" % number, *own)
            self.ok("PUT", "/payments/" + payment["id"], {"private_notes": "corrected"})
            self.same(self.hook(31), "webhook.31-update_payment.%d" % number, *own)
            self.bulk("archive", invoice)
            self.same(self.hook(33), "webhook.33-archive_invoice.%d" % number)

    def test_the_webhook_of_a_payment_that_is_not_linked_yet(self):
        self.webhooks(4)
        invoice = self.recorded_invoice(1)
        self.bulk("mark_sent", invoice)
        self.recorded_payment(1, invoice)
        self.same(self.hook(4), "webhook.04-create_payment.4-sync-queue-unlinked")

    def test_the_webhook_of_a_payment_that_is_pending(self):
        self.sim.control("POST", "/config",
                         {"queue": "queue", "payment_hook_delay_ms": "0"})
        self.webhooks(4)
        invoice = self.recorded_invoice(2)
        self.bulk("mark_sent", invoice)
        self.act("pay", invoice=invoice["number"], amount=5015.84, pending=True,
                 type_id="5", number="0044", date="2026-08-22",
                 transaction_reference="pi_3SxTest0000DAI")
        self.same(self.hook(4), "webhook.04-create_payment.5-pending-gateway")

    def test_the_webhook_of_a_deleted_payment(self):
        self.webhooks(12)
        invoice = self.recorded_invoice(1)
        self.bulk("mark_sent", invoice)
        payment = self.recorded_payment(1, invoice)["data"]
        self.ok("DELETE", "/payments/" + payment["id"])
        # Recorded before the invoice and the client owed it again.
        self.same(self.hook(12), "webhook.12-delete_payment.1", "balance",
                  "paid_to_date", "status_id")

    def test_the_webhook_of_a_late_invoice(self):
        self.webhooks(22)
        invoice = self.recorded_invoice(2)
        self.bulk("mark_sent", invoice)
        self.act("late", invoice=invoice["number"])
        self.same(self.hook(22), "webhook.22-late_invoice.2")

    def error(self, status, name, method, path, body=None, **more):
        reply = self.api(method, path, body, **more)
        self.assertEqual(reply.status, status, reply.text)
        wanted = fixture("error.%d.%s" % (status, name))
        self.assertEqual(reply.json, wanted)
        self.assertEqual(reply.text, php(wanted))

    def test_errors_of_ids_and_routes(self):
        self.error(400, "1-unknown-id", "GET", "/invoices/7LDdwrmb1Y")
        self.error(400, "2-numeric-id", "GET", "/invoices/311")
        self.error(400, "6-bad-include", "GET", "/invoices?include=foo")
        self.error(404, "1-route", "GET", "/nothing")
        self.error(404, "2-method", "DELETE", "/invoices")

    def test_errors_of_tokens(self):
        self.error(403, "1-bad-token", "GET", "/invoices", code="NOBODY")
        self.sim.control("POST", "/company", {"code": "LEXAIA", "locked": True})
        self.error(403, "2-locked-user", "GET", "/ping", code="LEXAIA")
        self.sim.control("POST", "/company", {"code": "TAKEOUT", "unpaid": True})
        body = fixture("create-webhook.1.request")
        self.error(403, "3-free-plan", "POST", "/webhooks", body, code="TAKEOUT")
        self.sim.control("POST", "/company", {"code": "TAKEOUT", "powerless": True})
        self.error(401, "1-no-permission", "GET", "/invoices", code="TAKEOUT")

    def test_errors_of_invoices(self):
        client = self.client()
        invoice = self.sent(client, number="N-1")
        body = {"client_id": client["id"], "number": "N-1"}
        self.error(422, "1-number-taken", "POST", "/invoices", body)
        self.error(422, "3-client", "POST", "/invoices", {"client_id": "7LDdwrmb1Y"})
        self.ok("GET", "/invoices/%s/mark_paid" % invoice["id"])
        self.error(400, "5-mark-paid-again", "GET",
                   "/invoices/%s/mark_paid" % invoice["id"])
        self.sim.control("POST", "/company",
                         {"code": "HYPERVISUAL", "lock_invoices": "when_sent"})
        self.error(422, "4-locked", "PUT", "/invoices/" + invoice["id"], {})
        self.bulk("delete", invoice)
        self.error(400, "4-deleted-record", "PUT", "/invoices/" + invoice["id"], {})

    def test_errors_of_payments(self):
        invoice = self.sent()
        self.payment(invoice, 10, idempotency_key="k")
        wish = {"invoice_id": invoice["id"], "amount": 11}
        body = {"client_id": invoice["client_id"], "invoices": [wish],
                "idempotency_key": "k"}
        self.advance(1100)
        self.error(422, "2-idempotency-key", "POST", "/payments", body)
        self.error(400, "3-duplicate-request", "POST", "/payments", body)
        self.advance(1100)
        wish["amount"] = 5000
        body["idempotency_key"] = "another"
        self.error(422, "5-amount", "POST", "/payments", body)

    def test_other_errors(self):
        body = {**fixture("create-webhook.1.request"), "event_id": 999}
        self.error(400, "7-bad-event", "POST", "/webhooks", body)
        self.sim.fault("429")
        self.error(429, "1", "GET", "/invoices")
        self.sim.fault("500")
        self.error(500, "1-race-on-number", "GET", "/invoices")


if __name__ == "__main__":
    unittest.main()
