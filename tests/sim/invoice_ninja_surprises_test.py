"""What would surprise whoever writes against Invoice Ninja from its documentation: the
simulator does it too. Webhooks, tokens, errors, lists."""

import subprocess
import threading
import unittest
import urllib.parse

import simtest
from invoice_ninja_case import CODES, JSON, NinjaTest, event_of, fixture, token


class WebhookTest(NinjaTest):
    def rows(self, code="HYPERVISUAL"):
        return self.list("webhooks", code=code, per_page=5000)

    def test_a_body_says_neither_what_happened_nor_to_whom(self):
        self.webhook(2)
        invoice = self.invoice()
        hook = self.receiver.next()
        self.assertEqual(hook.json["id"], invoice["id"])
        self.assertEqual(set(hook.json) - set(invoice), {"client"})
        self.assertEqual(hook.headers["X-Webhook-Secret"], "s3cret")
        self.assertEqual(hook.headers["User-Agent"], "GuzzleHttp/7")
        self.assertNotIn("X-Signature", hook.headers)

    def test_one_row_is_one_event_of_one_company(self):
        for code in CODES:
            self.webhooks(1, 2, code=code)
        self.invoice(code="LEXAIA")
        hooks = self.hooks()
        self.assertEqual(sorted(event_of(hook) for hook in hooks), [1, 2])
        self.assertEqual({hook.headers["X-Ninja-Company"] for hook in hooks}, {"LEXAIA"})

    def test_nothing_is_tried_twice(self):
        self.webhooks(2)
        self.receiver.answers.put(500)
        self.invoice()
        self.assertEqual(self.events(), [2])
        rows = self.sim.control("GET", "/webhooks")["hooks"]
        self.assertEqual([(row["state"], row["attempts"]) for row in rows], [("dead", 1)])
        self.assertEqual(self.rows()[0]["archived_at"], 0)

    def test_what_is_refused_otherwise_is_dropped_and_the_row_stays(self):
        self.webhooks(2)
        client = self.client()
        for status in (400, 401, 403, 409, 422, 429, 503):
            self.receiver.answers.put(status)
            self.invoice(client)
            self.assertEqual(self.events(), [2])
        self.assertEqual(self.rows()[0]["archived_at"], 0)

    def test_a_404_405_or_410_deletes_the_row(self):
        client = self.client()
        for status in (404, 405, 410):
            row = self.webhook(2)
            self.receiver.answers.put(status)
            self.invoice(client)
            self.assertEqual(self.events(), [2])
            found = self.data("GET", "/webhooks/" + row["id"])
            self.assertGreater(found["archived_at"], 0)
            self.assertFalse(found["is_deleted"])
            self.invoice(client)
            self.assertEqual(self.events(), [])

    def test_a_deleted_row_is_restored_in_bulk(self):
        row = self.webhook(2)
        self.receiver.answers.put(404)
        client = self.client()
        self.invoice(client)
        self.hooks()
        restored = self.bulk("restore", row, entity="webhooks")
        self.assertEqual(restored[0]["archived_at"], 0)
        self.invoice(client)
        self.assertEqual(self.events(), [2])

    def test_a_redirect_turns_the_post_into_a_get_and_may_cost_the_row(self):
        self.webhooks(2)
        client = self.client()
        self.receiver.answers.put(302)
        self.invoice(client)
        self.sim.idle()
        self.assertEqual(self.receiver.gets.get(timeout=simtest.PATIENCE_S), "/elsewhere")
        self.assertEqual(self.rows()[0]["archived_at"], 0)
        self.receiver.get_status = 405
        self.receiver.answers.put(301)
        self.invoice(client)
        self.sim.idle()
        self.assertGreater(self.rows()[0]["archived_at"], 0)

    def test_webhooks_arrive_before_the_call_that_caused_them_is_answered(self):
        self.webhooks(2)
        client = self.client()
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.receiver.answers.put(lambda: (go_on.wait(simtest.PATIENCE_S), 200)[1])
        done = self.in_background(lambda: self.invoice(client))
        hook = self.receiver.next()
        self.assertTrue(done.empty())
        go_on.set()
        self.assertEqual(done.get(timeout=simtest.PATIENCE_S)["id"], hook.json["id"])

    def test_with_a_queue_they_need_not(self):
        self.sim.control("POST", "/config", {"queue": "queue"})
        self.webhooks(2)
        client = self.client()
        go_on = threading.Event()
        self.addCleanup(go_on.set)
        self.receiver.answers.put(lambda: (go_on.wait(simtest.PATIENCE_S), 200)[1])
        invoice = self.invoice(client)
        attempts = self.sim.control("GET", "/webhooks")["hooks"][0]["attempts"]
        go_on.set()
        self.assertEqual(attempts, 0)
        self.assertEqual(self.receiver.next().json["id"], invoice["id"])

    def test_a_queue_tells_of_payments_later(self):
        self.sim.control("POST", "/config", {"queue": "queue"})
        self.webhooks(4)
        self.payment(self.sent())
        hooks = self.sim.control("GET", "/webhooks")["hooks"]
        self.assertEqual([hook["state"] for hook in hooks], ["waiting"])
        self.assertGreater(hooks[0]["due_ms"], hooks[0]["at_ms"] + 10000)

    def test_what_is_sent_is_the_object_as_it_is_then(self):
        self.sim.control("POST", "/config", {"queue": "queue"})
        self.sim.fault("webhook_delay", event="create_invoice", ms=3000)
        self.webhooks(2)
        invoice = self.invoice()
        self.bulk("mark_sent", invoice)
        self.assertEqual(self.receiver.next().json["status_id"], "2")

    def test_a_new_client_is_told_of_before_it_has_a_number_and_contacts(self):
        self.webhooks(1)
        client = self.client()
        body = self.receiver.next().json
        self.assertEqual((body["number"], body["contacts"]), ("", []))
        self.assertEqual((client["number"], len(client["contacts"])), ("0001", 1))

    def test_a_new_payment_is_told_of_before_it_is_linked(self):
        self.webhooks(4)
        payment = self.payment(self.sent())
        body = self.receiver.next().json
        self.assertEqual((body["applied"], body["invoices"], body["paymentables"]),
                         (0, [], []))
        again = self.data("GET", "/payments/%s?include=invoices" % payment["id"])
        self.assertEqual((again["applied"], again["invoices"][0]["status_id"]),
                         (1081, "4"))

    def test_events_of_each_operation(self):
        self.webhooks()
        client = self.client()
        self.assertEqual(self.events(), [1])
        self.ok("PUT", "/clients/" + client["id"], {"name": "Other"})
        self.assertEqual(self.events(), [10])
        invoice = self.invoice(client)
        self.assertEqual(self.events(), [2])
        for action, events in (("mark_sent", [8, 60]), ("mark_sent", []),
                               ("email", [60]), ("email", [60]), ("cancel", [8]),
                               ("cancel", []), ("archive", [33]), ("restore", [41]),
                               ("delete", [9])):
            self.bulk(action, invoice)
            self.assertEqual(self.events(), events, action)
        other = self.sent(client)
        self.assertEqual(self.events(), [2, 8, 60])
        self.ok("PUT", "/invoices/" + other["id"], {"po_number": "x"})
        self.assertEqual(self.events(), [8])
        payment = self.payment(other, 81)
        self.assertEqual(self.events(), [4])
        self.bulk("mark_paid", other)
        self.assertEqual(self.events(), [4, 8])
        self.ok("DELETE", "/payments/" + payment["id"])
        self.assertEqual(self.events(), [12])

    def test_a_retry_sends_the_object_now(self):
        row = self.webhook(60)
        invoice = self.invoice()
        body = {"entity": "invoice", "entity_id": invoice["id"]}
        self.ok("POST", "/webhooks/%s/retry" % row["id"], body)
        self.assertEqual(self.receiver.next().json["id"], invoice["id"])

    def test_rows_can_put_and_have_no_headers(self):
        row = self.webhook(2, rest_method="put", headers=None)
        self.assertEqual(row["headers"], [])
        self.invoice()
        self.assertEqual(self.receiver.next().method, "PUT")

    def test_rows_are_changed_and_deleted(self):
        row = self.webhook(2)
        changed = self.data("PUT", "/webhooks/" + row["id"],
                            {"event_id": 8, "headers": {"X-Webhook-Secret": "new"}})
        self.assertEqual(changed["event_id"], "8")
        self.assertEqual(changed["headers"], {"X-Webhook-Secret": "new"})
        deleted = self.data("DELETE", "/webhooks/" + row["id"])
        self.assertTrue(deleted["is_deleted"])
        self.refused(422, "POST", "/webhooks", {"event_id": 4})

    def test_the_order_is_nobodys_promise(self):
        self.webhooks(2, 60)
        client = self.client()
        self.sim.fault("webhook_reorder", event="create_invoice", ms=60000)
        self.sent(client)
        self.assertEqual([event_of(hook) for hook in self.receiver.take(2)], [60, 2])

    def test_the_edition_of_2026_names_itself(self):
        self.restart_sim(SIM_EDITION="2026")
        self.webhooks(2)
        self.invoice()
        self.assertRegex(self.receiver.next().headers["User-Agent"], "^InvoiceNinja/")

    def test_webhooks_are_lost_doubled_and_out_of_order_on_demand(self):
        self.webhooks(2)
        client = self.client()
        self.sim.fault("webhook_lost", event="create_invoice")
        self.invoice(client)
        self.assertEqual(self.events(), [])
        self.sim.fault("webhook_double", match="TWICE-1")
        self.invoice(client, number="TWICE-1")
        self.assertEqual(self.events(), [2, 2])


class TransportTest(NinjaTest):
    def test_ids_are_the_same_in_every_company(self):
        found = set()
        for code in CODES:
            invoice = self.sent(code=code)
            payment = self.payment(invoice, code=code)
            found.add((invoice["client_id"], invoice["id"], payment["id"]))
        self.assertEqual(found, {("VolejRejNm", "VolejRejNm", "VolejRejNm")})

    def test_companies_do_not_see_each_other(self):
        self.invoice(code="LEXAIA", number="ONE")
        self.assertEqual(self.list("invoices", number="ONE"), [])
        self.invoice(number="ONE", po_number="mine")
        self.assertEqual(self.list("invoices", code="LEXAIA")[0]["po_number"], "")

    def test_the_token_says_which_company(self):
        for code in CODES:
            self.assertEqual(self.ok("GET", "/ping", code=code)["company_name"], code)
        self.assertEqual(self.api("GET", "/ping").headers["X-App-Version"], "5.10.42")

    def test_without_json_headers_a_wrong_body_is_a_redirect(self):
        for headers in ({}, {"Accept": "text/html"},
                        {"Accept": "text/html", "X-Requested-With": "XMLHttpRequest"}):
            reply = self.api("POST", "/invoices", {}, headers=headers)
            self.assertEqual(reply.status, 302, headers)
            self.assertIn("Location", reply.headers)
            self.assertIsNone(reply.json)
        for headers in (JSON, {"Accept": "application/json"},
                        {"X-Requested-With": "XMLHttpRequest"}):
            self.refused(422, "POST", "/invoices", {}, headers=headers)

    def test_without_json_headers_good_calls_work_all_the_same(self):
        self.assertEqual(self.api("GET", "/invoices", headers={}).status, 200)
        page = self.api("GET", "/invoices/VolejRejNm", headers={})
        self.assertEqual(page.status, 400)
        self.assertIn(b"<html>", page.text)

    def test_a_body_that_is_no_json_is_an_empty_one(self):
        reply = self.refused(422, "POST", "/invoices", raw=b"{")
        self.assertEqual(list(reply["errors"]), ["client_id"])

    def test_bodies_of_odd_kinds_are_refused(self):
        client = self.client()
        for wrong in ({"line_items": "x"}, {"discount": "much"}, {"number": {}},
                      {"date": "tomorrow"}):
            self.refused(422, "POST", "/invoices", {"client_id": client["id"], **wrong})
        for wrong in ({"invoices": {}}, {"invoices": [1]}, {"amount": []}):
            self.advance(1100)
            reply = self.api("POST", "/payments", {"client_id": client["id"], **wrong})
            self.assertIn(reply.status, (200, 422), reply.text)
        self.refused(422, "POST", "/payments/refund", {"id": "x", "invoices": 3})
        self.refused(422, "POST", "/clients", {"contacts": "x"})

    def test_faults_are_of_one_company(self):
        self.sim.fault("500", match="LEXAIA", count=-1)
        self.refused(500, "GET", "/invoices", code="LEXAIA")
        self.ok("GET", "/invoices", code="DAINAMICS")

    def test_what_was_done_before_a_cut_is_found_by_number(self):
        client = self.client()
        self.sim.fault("500", method="POST", match="CUT-1", when="after")
        body = {"client_id": client["id"], "number": "CUT-1"}
        self.refused(500, "POST", "/invoices", body)
        self.assertEqual(len(self.list("invoices", number="CUT-1")), 1)
        self.refused(422, "POST", "/invoices", body)

    def test_nothing_is_forgotten_over_a_kill(self):
        path = self.folder.name + "/state"
        self.restart_sim(SIM_STATE_FILE=path)
        self.webhooks(60)
        invoice = self.sent(number="KEPT")
        self.sim.kill()
        self.sim = self.start_sim(SIM_STATE_FILE=path)
        self.assertEqual(self.again(invoice), invoice)
        self.assertEqual(len(self.list("webhooks")), 1)
        self.assertEqual(self.invoice(self.client(2))["id"], "Wpmbk5ezJn")

    def test_tokens_are_not_shown(self):
        for path in ("/_sim/config", "/_sim/state"):
            self.assertNotIn(token("LEXAIA").encode(), self.sim.call("GET", path).text)

    def test_bad_companies_are_named(self):
        for wrong in ("", "HYPERVISUAL", "=token", "A=1,B"):
            done = subprocess.run([simtest.BIN / self.program], timeout=60,
                                  env={"SIM_COMPANIES": wrong}, capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn("SIM_COMPANIES", done.stderr)

    def test_controls_name_what_is_wrong(self):
        for path, body, word in (
            ("/pay", {"company": "NOBODY"}, "company:"),
            ("/pay", {"company": "LEXAIA", "invoice": "none"}, "invoice:"),
            ("/refund", {"company": "LEXAIA", "payment": "none"}, "payment:"),
            ("/company", {"code": "NEW"}, "code:"),
            ("/resend_webhook", {"webhook": 7}, "webhook:"),
        ):
            reply = self.sim.call("POST", "/_sim" + path, body)
            self.assertEqual(reply.status, 422)
            self.assertIn(word, reply.json["error"])


class ListTest(NinjaTest):
    def numbers(self, **query):
        return [row["number"] for row in self.list("invoices", **query)]

    def three(self):
        """A live, an archived and a deleted invoice of one client."""
        client = self.client()
        rows = [self.sent(client, number="N-%d" % i) for i in (1, 2, 3)]
        self.bulk("archive", rows[1])
        self.bulk("delete", rows[2])
        return rows

    def test_archived_and_deleted_rows_are_listed_too(self):
        self.three()
        every = ["N-1", "N-2", "N-3_Deleted"]
        self.assertEqual(self.numbers(), every)
        self.assertEqual(self.numbers(status="active"), every[:1])
        self.assertEqual(self.numbers(status="archived"), every[1:2])
        self.assertEqual(self.numbers(status="active,deleted"), every[::2])
        self.assertEqual(self.numbers(is_deleted="true"), every[2:])
        self.assertEqual(self.numbers(with_trashed="false"), every[:1])

    def test_numbers_are_exact_and_custom_values_no_filter(self):
        client = self.client()
        self.invoice(client, number="A-1", custom_value1="directus:invoice:1")
        self.invoice(client, number="A-10", custom_value1="directus:invoice:10")
        self.assertEqual(self.numbers(number="A-1"), ["A-1"])
        self.assertEqual(self.numbers(number="A"), [])
        self.assertEqual(self.numbers(custom_value1="directus:invoice:1"),
                         ["A-1", "A-10"])
        self.assertEqual(self.numbers(filter="invoice:1"), ["A-1", "A-10"])
        self.assertEqual(self.numbers(filter="1081"), ["A-1", "A-10"])
        self.assertEqual(self.numbers(filter="nothing"), [])

    def test_clients_are_found_by_number_email_and_id_number(self):
        first = self.client(1)
        self.client(2)
        for query in ({"email": first["contacts"][0]["email"].upper()},
                      {"id_number": first["id_number"]}, {"number": first["number"]},
                      {"name": "alpenblick"}, {"filter": "Keller"}):
            found = self.list("clients", **query)
            self.assertEqual([row["id"] for row in found], [first["id"]], query)
        self.assertEqual(self.list("clients", id_number=first["id_number"][:-1]), [])

    def test_changes_since_a_second_in_order(self):
        client = self.client()
        old = self.invoice(client, number="OLD")
        self.advance(60000)
        new = self.invoice(client, number="NEW")
        since = new["updated_at"]
        self.assertEqual(self.numbers(updated_at=since), ["NEW"])
        self.advance(60000)
        self.bulk("mark_sent", old)
        self.assertEqual(self.numbers(updated_at=since, sort="updated_at|asc"),
                         ["NEW", "OLD"])
        self.assertEqual(self.numbers(sort="updated_at|desc"), ["OLD", "NEW"])
        self.assertEqual(self.numbers(updated_at="2199-01-01"), [])

    def test_pages(self):
        client = self.client()
        for i in range(5):
            self.invoice(client, number="P-%d" % i)
        reply = self.ok("GET", "/invoices?per_page=2&page=2")
        self.assertEqual([row["number"] for row in reply["data"]], ["P-2", "P-3"])
        page = reply["meta"]["pagination"]
        self.assertEqual((page["total"], page["count"], page["total_pages"]), (5, 2, 3))
        path = urllib.parse.urlsplit(page["links"]["next"])
        self.assertEqual((path.path, path.query), ("/api/v1/invoices", "page=3"))
        last = self.ok("GET", "/invoices?per_page=2&page=3")["meta"]["pagination"]
        self.assertNotIn("next", last["links"])

    def test_payment_status_groups(self):
        client = self.client()
        self.invoice(client, number="DRAFT")
        self.sent(client, number="SENT", due_date="2199-01-01")
        self.sent(client, number="LATE", date="2026-01-01", due_date="2026-02-01")
        self.bulk("mark_paid", self.sent(client, number="PAID"))
        for group, numbers in (("draft", ["DRAFT"]), ("paid", ["PAID"]),
                               ("unpaid", ["SENT", "LATE"]), ("overdue", ["LATE"]),
                               ("draft,paid", ["DRAFT", "PAID"])):
            self.assertEqual(self.numbers(client_status=group), numbers, group)
        self.assertEqual(self.numbers(status_id="2,4"), ["SENT", "LATE", "PAID"])
        self.assertEqual(self.numbers(status_id="-1"), [])
        self.assertEqual(self.numbers(overdue="false"), ["LATE"])
        self.assertEqual(self.numbers(payable=client["id"]), ["SENT", "LATE"])

    def test_payments_are_filtered(self):
        one = self.sent(self.client(1))
        two = self.sent(self.client(2))
        self.payment(one, 10, transaction_reference="NTRY 000123", date="2026-08-01")
        self.payment(two, 20, custom_value1="directus:payment:7", date="2026-08-05")

        def amounts(**query):
            return [row["amount"] for row in self.list("payments", **query)]

        self.assertEqual(amounts(filter="000123"), [10])
        self.assertEqual(amounts(filter="directus:payment:7"), [20])
        self.assertEqual(amounts(client_id=two["client_id"]), [20])
        self.assertEqual(amounts(date_range="date,2026-08-02,2026-08-09"), [20])
        self.assertEqual(amounts(client_status="completed"), [10, 20])
        self.assertEqual(amounts(client_status="pending"), [])

    def test_what_cannot_be_included_is_an_error(self):
        self.refused(400, "GET", "/payments?include=invoices,foo")
        self.refused(400, "GET", "/clients?include=bar")
        self.ok("GET", "/payments?include=invoices,client")


class ClientTest(NinjaTest):
    def test_an_id_number_is_taken_even_by_a_deleted_client(self):
        client = self.client()
        body = fixture("create-client.1.request")
        wanted = {"id_number": ["The id number has already been taken."]}
        self.assertEqual(self.refused(422, "POST", "/clients", body)["errors"], wanted)
        self.bulk("delete", client, entity="clients")
        self.assertEqual(self.refused(422, "POST", "/clients", body)["errors"], wanted)
        restored = self.bulk("restore", client, entity="clients")[0]
        self.assertEqual((restored["is_deleted"], restored["archived_at"]), (False, 0))

    def test_an_email_is_not(self):
        self.client()
        self.client(id_number="another")
        found = self.list("clients", email="martina.keller@alpenblick-immo.ch")
        self.assertEqual(len(found), 2)

    def test_contacts_left_out_are_destroyed_and_their_links_die(self):
        client = self.client()
        invoice = self.invoice(client)
        self.assertEqual(len(invoice["invitations"]), 1)
        self.ok("PUT", "/clients/" + client["id"], {"name": "Kept"})
        self.assertEqual(self.again(invoice)["invitations"], invoice["invitations"])
        self.ok("PUT", "/clients/" + client["id"], {"contacts": [{"email": "b@c.ch"}]})
        self.assertEqual(self.again(invoice)["invitations"], [])

    def test_contacts_named_by_their_id_are_kept(self):
        client = self.client()
        contact = {**client["contacts"][0], "phone": "+41 1"}
        path = "/clients/" + client["id"]
        changed = self.data("PUT", path, {"contacts": [contact, {"email": "b@c.ch"}]})
        self.assertEqual(changed["contacts"][0]["id"], contact["id"])
        self.assertEqual(changed["contacts"][0]["contact_key"], contact["contact_key"])
        self.assertEqual(changed["contacts"][0]["phone"], "+41 1")
        self.assertEqual(len(changed["contacts"]), 2)

    def test_nobody_is_without_a_contact(self):
        client = self.data("POST", "/clients", {"name": "Alone"})
        self.assertEqual(len(client["contacts"]), 1)
        self.assertEqual(client["contacts"][0]["email"], "")

    def test_a_mistyped_address_is_refused(self):
        reply = self.refused(422, "POST", "/clients", {"contacts": [{"email": "a.ch"}]})
        self.assertEqual(list(reply["errors"]), ["contacts.0.email"])

    def test_codes_become_ids(self):
        client = self.client(2)
        self.assertEqual(client["country_id"], "756")
        self.assertEqual(client["settings"]["currency_id"], "17")
        self.assertEqual(client["settings"]["language_id"], "40")


if __name__ == "__main__":
    unittest.main()
