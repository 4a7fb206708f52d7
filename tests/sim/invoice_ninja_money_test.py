"""Invoices, mails and payments behave as Invoice Ninja's do, to the centime."""

import unittest

from invoice_ninja_case import NinjaTest, cents


def line(cost, rate=0, quantity=1, **more):
    return {"quantity": quantity, "cost": cost, "tax_name1": "MWST", "tax_rate1": rate,
            **more}


class TotalTest(NinjaTest):
    def total(self, *lines, **more):
        more = {"is_amount_discount": False, "uses_inclusive_taxes": False, **more}
        invoice = self.invoice(self.one, line_items=list(lines), **more)
        return invoice["amount"], invoice["total_taxes"]

    def setUp(self):
        super().setUp()
        self.one = self.client()

    def test_swiss_rates(self):
        for rate, total in ((8.1, 1081), (2.6, 1026), (3.8, 1038), (0, 1000)):
            self.assertEqual(self.total(line(1000, rate))[0], total)

    def test_a_deposit_has_its_vat_in_it(self):
        self.assertEqual(self.total(line(3243, 8.1), uses_inclusive_taxes=True),
                         (3243, 243))
        self.assertEqual(self.total(line(3243, 8.1)), (3505.68, 262.68))

    def test_lines_of_several_rates_are_rounded_one_by_one(self):
        self.assertEqual(self.total(line(0.06, 8.1), line(0.06, 8.1)), (0.12, 0))
        self.assertEqual(self.total(line(0.07, 8.1), line(10.55, 2.6, 3)), (32.55, 0.83))

    def test_half_a_centime_goes_up(self):
        # 1.005 is less than that in binary; PHP rounds it up all the same.
        self.assertEqual(self.total(line(1.005))[0], 1.01)
        self.assertEqual(self.total(line(100.5, 5))[1], 5.03)

    def test_a_discount_is_money_unless_told(self):
        invoice = self.invoice(self.one, line_items=[line(200)], discount=10,
                               uses_inclusive_taxes=False)
        self.assertTrue(invoice["is_amount_discount"])
        self.assertEqual(invoice["amount"], 190)
        self.assertEqual(self.total(line(200), discount=10)[0], 180)
        self.assertEqual(self.total(line(200, discount=10))[0], 180)
        self.assertEqual(self.total(line(0.33, discount=10))[0], 0.3)
        self.assertEqual(self.total(line(0.33), discount=10)[0], 0.3)

    def test_a_discount_lowers_the_tax(self):
        self.assertEqual(self.total(line(200, 10), discount=50), (110, 10))
        self.assertEqual(self.total(line(200, 10), line(200, 0), discount=100,
                                    is_amount_discount=True), (315, 15))

    def test_taxes_of_the_invoice_come_on_top_of_those_of_the_lines(self):
        self.assertEqual(self.total(line(100, 10), tax_name1="A", tax_rate1=10),
                         (120, 20))

    def test_what_is_reckoned_cannot_be_written(self):
        invoice = self.invoice(self.one, amount=5, balance=5, status_id="4",
                               total_taxes=5, paid_to_date=5, exchange_rate=2)
        self.assertEqual(
            [invoice[key] for key in ("amount", "balance", "status_id", "total_taxes",
                                      "paid_to_date", "exchange_rate")],
            [1081, 1081, "1", 81, 0, 1])

    def test_whole_numbers_have_no_fraction(self):
        invoice = self.invoice(self.one, line_items=[line(17000.0)])
        reply = self.api("GET", "/invoices/" + invoice["id"])
        self.assertIn(b'"amount": 17000,', reply.text)
        self.assertIn(b'"status_id": "1",', reply.text)

    def test_lines_are_an_object_after_a_fee_was_taken_out(self):
        self.invoice(self.one, number="FEE", line_items=[line(1), line(2)])
        self.act("remove_fee", invoice="FEE", index=1)
        found = self.list("invoices", number="FEE")[0]
        self.assertEqual(list(found["line_items"]), ["0", "2"])
        self.ok("PUT", "/invoices/" + found["id"], {"line_items": [line(1)]})
        self.assertEqual(len(self.again(found)["line_items"]), 1)
        self.assertIsInstance(self.again(found)["line_items"], list)

    def test_services_are_taxed_as_services(self):
        invoice = self.invoice(self.one, line_items=[line(1, type_id="2"), line(1)])
        self.assertEqual([one["tax_id"] for one in invoice["line_items"]], ["2", "1"])


class InvoiceTest(NinjaTest):
    def test_a_number_is_taken_until_its_invoice_is_deleted(self):
        client = self.client()
        body = {"client_id": client["id"], "number": "N-1"}
        for suffix in ("_Deleted", "_Deleted_1"):
            invoice = self.data("POST", "/invoices", body)
            self.bulk("archive", invoice)
            self.refused(422, "POST", "/invoices", body)
            deleted = self.bulk("delete", invoice)[0]
            self.assertEqual(deleted["number"], "N-1" + suffix)
            self.assertTrue(deleted["is_deleted"])
        restored = self.bulk("restore", invoice)[0]
        self.assertEqual((restored["number"], restored["is_deleted"]), ("N-1", False))

    def test_a_number_that_is_not_given_comes_from_the_companys_counter(self):
        client = self.client()
        self.invoice(client, number="0002")
        numbers = [self.invoice(client)["number"] for _ in range(2)]
        self.assertEqual(numbers, ["0001", "0003"])

    def test_the_client_must_be_there_and_alive(self):
        client = self.client()
        self.bulk("delete", client, entity="clients")
        reply = self.refused(422, "POST", "/invoices", {"client_id": client["id"]})
        self.assertEqual(list(reply["errors"]), ["client_id"])

    def test_the_status_cannot_be_written(self):
        invoice = self.invoice()
        path = "/invoices/" + invoice["id"]
        for status in ("2", "3", 4, "-1"):
            self.assertEqual(self.data("PUT", path, {"status_id": status})["status_id"],
                             "1")
        self.refused(422, "PUT", path, {"status_id": "5"})

    def test_marking_as_sent(self):
        client = self.client()
        invoice = self.invoice(client, date="2026-08-12")
        self.assertEqual(invoice["due_date"], "")
        sent = self.bulk("mark_sent", invoice)[0]
        self.assertEqual((sent["status_id"], sent["due_date"]), ("2", "2026-09-11"))
        self.assertNotEqual(sent["last_sent_date"], "")
        self.assertEqual(self.list("clients")[0]["balance"], 1081)
        self.assertEqual(self.mails(), [])

    def test_create_can_send_and_pay_at_once(self):
        client = self.client()
        self.assertEqual(self.sent(client)["status_id"], "2")
        paid = self.invoice(client, query="?paid=true&reference=R7")
        self.assertEqual((paid["status_id"], paid["balance"]), ("4", 0))
        self.assertEqual(self.list("payments")[0]["transaction_reference"], "R7")
        part = self.invoice(client, query="?amount_paid=81.5")
        self.assertEqual((part["status_id"], part["balance"]), ("3", 999.5))
        mailed = self.invoice(client, query="?send_email=true")
        self.assertEqual((mailed["status_id"], len(self.mails())), ("2", 1))

    def test_only_a_sent_invoice_is_cancelled_and_silently_not_else(self):
        client = self.client()
        draft = self.invoice(client)
        self.assertEqual(self.bulk("cancel", draft)[0]["status_id"], "1")
        sent = self.sent(client)
        cancelled = self.bulk("cancel", sent)[0]
        self.assertEqual((cancelled["status_id"], cancelled["balance"]), ("5", 0))
        self.assertEqual(self.list("clients")[0]["balance"], 0)
        paid = self.sent(client)
        self.bulk("mark_paid", paid)
        self.assertEqual(self.bulk("cancel", paid)[0]["status_id"], "4")

    def test_actions_by_get(self):
        client = self.client()
        sent = self.sent(client)
        path = "/invoices/%s/" % sent["id"]
        self.assertEqual(self.ok("GET", path + "email"), {"message": "email sent"})
        reply = self.api("GET", path + "cancel")
        self.assertEqual((reply.status, reply.text), (200, b""))
        self.assertEqual(self.again(sent)["status_id"], "5")
        self.refused(400, "GET", path + "mark_paid")
        self.refused(400, "GET", path + "no_such_action")

    def test_bulk_answers_with_what_it_did_not_change_too(self):
        client = self.client()
        rows = [self.sent(client), self.invoice(client)]
        found = self.bulk("cancel", *rows)
        self.assertEqual([row["status_id"] for row in found], ["5", "1"])
        self.advance(1100)
        reply = self.ok("POST", "/invoices/bulk",
                        {"action": "cancel", "ids": ["7LDdwrmb1Y"]})
        self.assertEqual(reply, {"message": "No Invoices Found"})
        self.advance(1100)
        self.refused(422, "POST", "/invoices/bulk", {"action": "explode", "ids": []})

    def test_the_same_bulk_action_within_a_second_is_a_duplicate(self):
        client = self.client()
        rows = [self.invoice(client) for _ in range(2)]
        body = {"action": "archive", "ids": [rows[0]["id"]]}
        other = {"action": "archive", "ids": [rows[1]["id"]]}
        self.ok("POST", "/invoices/bulk", body)
        reply = self.refused(400, "POST", "/invoices/bulk", other)
        self.assertEqual(reply, {"message": "Duplicate request"})
        self.ok("POST", "/invoices/bulk", {**other, "action": "mark_sent"})
        self.ok("POST", "/invoices/bulk", body, code="LEXAIA")
        self.advance(1100)
        self.ok("POST", "/invoices/bulk", other)

    def test_the_edition_of_2026_speaks_up(self):
        self.restart_sim(SIM_EDITION="2026")
        draft = self.invoice()
        body = {"action": "cancel", "ids": [draft["id"]]}
        reply = self.refused(422, "POST", "/invoices/bulk", body)
        self.assertIn("This invoice cannot be cancelled", str(reply["errors"]))
        reply = self.refused(400, "POST", "/invoices/bulk", body)
        self.assertEqual(reply["message"], "Action still processing, please wait.")
        self.bulk("mark_paid", draft)
        self.advance(1100)
        self.refused(422, "POST", "/invoices/bulk", {**body, "action": "mark_paid"})

    def test_the_clients_notes_win_when_it_is_made(self):
        client = self.client(public_notes="theirs")
        invoice = self.invoice(client, public_notes="ours", terms="</script>")
        self.assertEqual((invoice["public_notes"], invoice["terms"]),
                         ("theirs", "<-ript>"))
        path = "/invoices/" + invoice["id"]
        changed = self.data("PUT", path, {"public_notes": "ours"})
        self.assertEqual(changed["public_notes"], "ours")

    def test_the_client_of_an_invoice_stays(self):
        invoice = self.invoice(self.client(1))
        other = self.client(2)
        self.ok("PUT", "/invoices/" + invoice["id"], {"client_id": other["id"]})
        self.assertEqual(self.again(invoice)["client_id"], invoice["client_id"])

    def test_changing_a_sent_invoice_changes_what_is_owed(self):
        invoice = self.sent()
        self.payment(invoice, 81)
        self.ok("PUT", "/invoices/" + invoice["id"], {"line_items": [line(2000)]})
        again = self.again(invoice, include="client")
        self.assertEqual((again["balance"], again["client"]["balance"]), (1919, 1919))
        self.ok("PUT", "/invoices/" + invoice["id"], {"line_items": [line(81)]})
        again = self.again(invoice, include="client")
        self.assertEqual((again["status_id"], again["client"]["balance"]), ("4", 0))

    def test_locks(self):
        invoice = self.sent()
        path = "/invoices/" + invoice["id"]
        for lock, status in (("when_paid", 200), ("when_sent", 422), ("off", 200)):
            self.sim.control("POST", "/company",
                             {"code": "HYPERVISUAL", "lock_invoices": lock})
            self.assertEqual(self.api("PUT", path, {}).status, status, lock)

    def test_a_deposit_comes_before_the_rest(self):
        client = self.client()
        good = {"partial": 500, "partial_due_date": "2026-08-20", "date": "2026-08-12"}
        invoice = self.invoice(client, **good)
        self.assertEqual(invoice["due_date"], "2026-09-11")
        self.assertEqual(self.invoice(client, partial=5000)["partial"], 1081)
        for wrong in ({"due_date": "2026-08-20"}, {"partial_due_date": "2026-08-11"}):
            reply = self.refused(422, "POST", "/invoices",
                                 {"client_id": client["id"], **good, **wrong})
            self.assertEqual(list(reply["errors"]), ["partial_due_date"])

    def test_who_is_invited(self):
        people = [{"email": "a@b.ch"}, {"email": "c@d.ch", "send_email": False},
                  {"email": "e@f.ch"}]
        client = self.client(contacts=people)
        ids = [contact["id"] for contact in client["contacts"]]

        def invited(**more):
            invoice = self.invoice(client, **more)
            return [one["client_contact_id"] for one in invoice["invitations"]]

        self.assertEqual(invited(), [ids[0], ids[2]])
        self.assertEqual(invited(invitations=[{"client_contact_id": ids[1]}]), [ids[1]])

    def test_a_view_is_known_to_the_invitation_alone(self):
        self.webhooks()
        invoice = self.sent()
        self.hooks()
        self.advance(5000)
        link = invoice["invitations"][0]["link"].replace(self.sim.url, "")
        self.assertEqual(self.sim.call("GET", link).status, 200)
        again = self.again(invoice)
        self.assertEqual(again["updated_at"], invoice["updated_at"])
        self.assertRegex(again["invitations"][0]["viewed_date"],
                         r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.000000$")
        self.assertEqual(self.events(), [])
        self.assertEqual(self.sim.call("GET", link + "x").status, 404)

    def test_the_pdf(self):
        invoice = self.sent(number="PDF-1")
        key = invoice["invitations"][0]["key"]
        for path in ("/invoices/%s/download" % invoice["id"],
                     "/invoice/%s/download" % key):
            reply = self.api("GET", path)
            self.assertEqual(reply.headers["Content-Type"], "application/pdf")
            self.assertIn("PDF-1.pdf", reply.headers["Content-Disposition"])
            self.assertTrue(reply.text.startswith(b"%PDF-1.4"))
        self.refused(400, "GET", "/invoice/none/download")

    def test_somebody_elses_invoice_has_the_number(self):
        self.act("invoice", number="TAKEN", amount=50)
        found = self.list("invoices", number="TAKEN")[0]
        self.assertEqual((found["amount"], found["custom_value1"]), (50, ""))
        client = self.client()
        self.refused(422, "POST", "/invoices",
                     {"client_id": client["id"], "number": "TAKEN"})
        self.act("edit_invoice", invoice="TAKEN", set={"number": "FREE"})
        self.invoice(client, number="TAKEN")


class MailTest(NinjaTest):
    def email(self, invoice, template="email_template_invoice", **more):
        body = {"entity": "invoice", "entity_id": invoice["id"], "template": template}
        return self.data("POST", "/emails", {**body, **more})

    def test_each_call_mails_again(self):
        invoice = self.invoice()
        self.assertEqual(self.email(invoice)["status_id"], "2")
        self.email(invoice, entity="App\\Models\\Invoice")
        mails = self.mails()
        self.assertEqual([mail["to"] for mail in mails],
                         [["martina.keller@alpenblick-immo.ch"]] * 2)

    def test_without_an_address_all_looks_as_if_it_was_sent(self):
        invoice = self.invoice(self.data("POST", "/clients", {"name": "Nobody"}))
        self.assertNotEqual(self.email(invoice)["last_sent_date"], "")
        self.assertEqual(self.mails(), [])

    def test_copies_go_to_four_at_most(self):
        self.email(self.invoice(), cc_email="1@a.ch,2@a.ch,3@a.ch,4@a.ch,5@a.ch")
        self.assertEqual(self.mails()[0]["cc"], ["1@a.ch", "2@a.ch", "3@a.ch", "4@a.ch"])

    def test_templates_have_their_prefix(self):
        invoice = self.invoice()
        body = {"entity": "invoice", "entity_id": invoice["id"], "template": "reminder1"}
        self.refused(422, "POST", "/emails", body)
        self.email(invoice, "email_template_reminder1")
        again = self.again(invoice)
        self.assertNotEqual(again["reminder1_sent"], "")

    def test_a_lost_mail_leaves_no_trace(self):
        self.sim.fault("mail_lost", method="POST", path_prefix="/api/v1/emails")
        self.assertNotEqual(self.email(self.invoice())["last_sent_date"], "")
        self.assertEqual(self.mails(), [])

    def test_what_became_of_it_is_told_later(self):
        invoice = self.invoice(number="M-1")
        self.email(invoice)
        self.assertEqual(self.again(invoice)["invitations"][0]["email_status"], "")
        self.act("mail_status", invoice="M-1", status="bounced", error="no such user")
        told = self.again(invoice)["invitations"][0]
        self.assertEqual((told["email_status"], told["email_error"]),
                         ("bounced", "no such user"))


class PaymentTest(NinjaTest):
    def figures(self, invoice):
        """status, balance and paid_to_date of the invoice; the same of its client."""
        again = self.again(invoice, include="client")
        client = again["client"]
        return ((again["status_id"], again["balance"], again["paid_to_date"]),
                (client["balance"], client["paid_to_date"], client["payment_balance"]))

    def test_in_two_parts(self):
        invoice = self.sent()
        self.payment(invoice, 500.55)
        self.assertEqual(self.figures(invoice),
                         (("3", 580.45, 500.55), (580.45, 500.55, 0)))
        self.payment(invoice, 580.45)
        self.assertEqual(self.figures(invoice), (("4", 0, 1081), (0, 1081, 0)))

    def test_a_draft_is_sent_by_being_paid(self):
        invoice = self.invoice()
        self.payment(invoice, 1)
        self.assertEqual(self.figures(invoice), (("3", 1080, 1), (1080, 1, 0)))

    def test_too_much_stays_unapplied(self):
        invoice = self.sent()
        payment = self.payment(invoice, amount=1081, **{"number": "P-1"})
        self.assertEqual(payment["number"], "P-1")
        more = self.act("pay", invoice=self.sent(self.list("clients")[0])["number"],
                        amount=2000)
        self.assertEqual((more["amount"], more["applied"]), (2000, 1081))
        self.assertEqual(self.figures(invoice)[1], (0, 3081, 919))

    def test_the_amount_is_the_sum_unless_told(self):
        client = self.client()
        one, two = self.sent(client), self.sent(client)
        wishes = [{"invoice_id": one["id"], "amount": 100},
                  {"invoice_id": two["id"], "amount": 200.25}]
        payment = self.payment(one, invoices=wishes)
        self.assertEqual((payment["amount"], len(payment["paymentables"])), (300.25, 2))
        self.assertEqual(self.figures(two)[0], ("3", 880.75, 200.25))
        body = {"client_id": client["id"], "invoices": wishes, "amount": 300}
        self.advance(1100)
        reply = self.refused(422, "POST", "/payments", body)
        self.assertEqual(list(reply["errors"]), ["amount"])

    def test_a_deposit_that_is_paid_is_cleared(self):
        invoice = self.sent(partial=500, partial_due_date="2199-01-01",
                            due_date="2199-02-01")
        self.payment(invoice, 200)
        self.assertEqual(self.again(invoice)["partial"], 300)
        self.payment(invoice, 300)
        again = self.again(invoice)
        self.assertEqual((again["partial"], again["partial_due_date"]), (0, ""))
        self.assertEqual(again["status_id"], "3")

    def test_marking_as_paid_books_all_that_is_owed(self):
        invoice = self.sent(partial=500, partial_due_date="2199-01-01",
                            due_date="2199-02-01")
        self.payment(invoice, 81)
        paid = self.bulk("mark_paid", invoice)[0]
        self.assertEqual((paid["status_id"], paid["partial"]), ("4", 0))
        self.assertEqual([row["amount"] for row in self.list("payments")], [81, 1000])
        self.bulk("mark_paid", invoice)
        self.assertEqual(len(self.list("payments")), 2)

    def test_a_key_is_used_once_in_a_company_and_not_shown(self):
        invoice = self.sent()
        payment = self.payment(invoice, 10, idempotency_key="k")
        self.assertNotIn("idempotency_key", payment)
        self.assertEqual(self.state()["payments"][0]["idempotency_key"], "k")
        body = {"client_id": invoice["client_id"], "amount": 5, "idempotency_key": "k"}
        self.refused(422, "POST", "/payments", body)
        self.refused(422, "POST", "/payments",
                     {**body, "amount": 6, "idempotency_key": "k" * 65})
        self.payment(self.sent(code="LEXAIA"), 10, code="LEXAIA", idempotency_key="k")
        self.assertEqual(self.figures(invoice)[0], ("3", 1071, 10))

    def test_the_same_amount_of_the_same_client_within_a_second_is_a_duplicate(self):
        client, other = self.client(1), self.client(2)
        body = {"client_id": client["id"], "amount": 10}
        self.ok("POST", "/payments", body)
        reply = self.refused(400, "POST", "/payments", {**body, "idempotency_key": "x"})
        self.assertEqual(reply, {"message": "Duplicate request"})
        self.ok("POST", "/payments", {**body, "amount": 11})
        self.ok("POST", "/payments", {**body, "client_id": other["id"]})
        self.advance(1100)
        self.ok("POST", "/payments", body)

    def test_a_receipt_is_mailed_unless_told(self):
        invoice = self.sent()
        self.payment(invoice, 1)
        self.assertEqual(self.mails(), [])
        self.advance(1100)
        self.ok("POST", "/payments", {"client_id": invoice["client_id"], "amount": 2})
        self.assertEqual([mail["template"] for mail in self.mails()],
                         ["email_template_payment"])

    def test_what_cannot_be_paid(self):
        mine, theirs = self.sent(self.client(1)), self.sent(self.client(2))
        self.bulk("cancel", mine)
        for wish in ({"invoice_id": theirs["id"], "amount": 1},
                     {"invoice_id": mine["id"], "amount": 1},
                     {"invoice_id": "7LDdwrmb1Y", "amount": 1}):
            self.advance(1100)
            body = {"client_id": mine["client_id"], "invoices": [wish]}
            reply = self.refused(422, "POST", "/payments", body)
            self.assertEqual(list(reply["errors"]), ["invoices.0.invoice_id"])

    def test_what_is_unapplied_is_applied_later(self):
        invoice = self.sent()
        payment = self.data("POST", "/payments",
                            {"client_id": invoice["client_id"], "amount": 1100})
        path = "/payments/" + payment["id"]
        wish = {"invoices": [{"invoice_id": invoice["id"], "amount": 1081}]}
        self.assertEqual(self.data("PUT", path, wish)["applied"], 1081)
        self.assertEqual(self.figures(invoice), (("4", 0, 1081), (0, 1100, 19)))

    def test_a_refund_in_part_and_in_full(self):
        self.webhooks(8, 31)
        invoice = self.sent()
        payment = self.payment(invoice)
        self.hooks()
        for amount, status, figures in (
            (81, "5", (("3", 81, 1000), (81, 1000, 0))),
            (1000, "6", (("2", 1081, 0), (1081, 0, 0))),
        ):
            wish = {"invoice_id": invoice["id"], "amount": amount}
            reply = self.data("POST", "/payments/refund",
                              {"id": payment["id"], "amount": amount,
                               "date": "2026-09-01", "invoices": [wish]})
            self.assertEqual(reply["status_id"], status)
            self.assertEqual(self.figures(invoice), figures)
            self.assertEqual(self.events(), [31])
        self.assertEqual((reply["refunded"], reply["applied"]), (1081, 1081))
        self.assertEqual(reply["paymentables"][0]["refunded"], 1081)
        self.refused(422, "POST", "/payments/refund",
                     {"id": payment["id"], "amount": 1, "invoices": [wish]})

    def test_a_person_refunds_what_is_unapplied_first(self):
        invoice = self.sent(number="R-1")
        payment = self.act("pay", invoice="R-1", amount=1181)
        self.act("refund", payment=payment["id"], amount=100)
        self.assertEqual(self.figures(invoice), (("4", 0, 1081), (0, 1081, 0)))
        self.act("refund", payment=payment["id"], amount=81)
        self.assertEqual(self.figures(invoice), (("3", 81, 1000), (81, 1000, 0)))
        done = self.act("refund", payment=payment["id"])
        self.assertEqual((done["status_id"], cents(done["refunded"])), ("6", 118100))

    def test_a_deleted_payment_is_owed_again(self):
        client = self.client()
        one, two = self.sent(client), self.sent(client)
        wishes = [{"invoice_id": one["id"], "amount": 1081},
                  {"invoice_id": two["id"], "amount": 81}]
        payment = self.payment(one, invoices=wishes)
        deleted = self.data("DELETE", "/payments/" + payment["id"])
        self.assertTrue(deleted["is_deleted"])
        self.assertGreater(deleted["archived_at"], 0)
        self.assertEqual(self.figures(one), (("2", 1081, 0), (2162, 0, 0)))
        self.assertEqual(self.figures(two)[0], ("2", 1081, 0))
        self.refused(400, "PUT", "/payments/" + payment["id"], {})
        seen = self.again(one, include="payments")["payments"]
        self.assertEqual([row["is_deleted"] for row in seen], [True])

    def test_payments_are_archived_and_restored(self):
        payment = self.payment(self.sent())
        self.webhooks(32, 40)
        self.webhook(32)
        for action, archived, event in (("archive", True, 32), ("restore", False, 40)):
            row = self.bulk(action, payment, entity="payments")[0]
            self.assertEqual(row["archived_at"] > 0, archived)
            self.assertEqual(set(self.events()), {event})

    def test_a_gateways_payment_is_pending_and_then_complete(self):
        self.webhooks(4, 31)
        invoice = self.sent(number="G-1")
        pending = self.act("pay", invoice="G-1", pending=True)
        self.assertEqual((pending["status_id"], pending["is_manual"]), ("1", False))
        self.assertEqual(self.figures(invoice)[0], ("4", 0, 1081))
        self.assertEqual(self.events(), [4])
        self.assertEqual(self.list("payments", client_status="pending")[0]["amount"],
                         1081)
        self.act("complete", payment=pending["id"])
        self.assertEqual(self.list("payments")[0]["status_id"], "4")
        self.assertEqual(self.events(), [31])

    def test_a_pending_payment_that_fails_is_owed_again(self):
        invoice = self.sent(number="G-1")
        pending = self.act("pay", invoice="G-1", pending=True)
        self.act("fail", payment=pending["id"])
        self.assertEqual(self.figures(invoice), (("2", 1081, 0), (1081, 0, 0)))
        self.assertEqual(self.list("payments")[0]["status_id"], "3")

    def test_a_person_pays_several_invoices_at_once(self):
        client = self.client()
        self.sent(client, number="S-1")
        self.sent(client, number="S-2")
        wishes = [{"invoice": "S-1"}, {"invoice": "S-2", "amount": 81}]
        payment = self.act("pay", invoices=wishes)
        self.assertEqual((payment["amount"], payment["applied"]), (1162, 1162))

    def test_the_payments_of_a_deleted_invoice_go_with_it_in_silence(self):
        self.webhooks(9, 12, 31)
        invoice = self.sent()
        payment = self.payment(invoice)
        self.bulk("delete", invoice)
        self.assertEqual(self.events(), [9])
        self.assertTrue(self.data("GET", "/payments/" + payment["id"])["is_deleted"])
        self.assertEqual(self.figures(invoice)[1], (0, 0, 0))
        self.bulk("restore", invoice)
        self.assertFalse(self.data("GET", "/payments/" + payment["id"])["is_deleted"])
        self.assertEqual(self.figures(invoice), (("4", 0, 1081), (0, 1081, 0)))

    def test_a_payment_of_two_invoices_is_lowered_when_one_is_deleted(self):
        client = self.client()
        one, two = self.sent(client), self.sent(client)
        wishes = [{"invoice_id": row["id"], "amount": 1081} for row in (one, two)]
        payment = self.payment(one, invoices=wishes)
        self.act("delete_invoice", invoice=one["number"])
        left = self.data("GET", "/payments/" + payment["id"])
        self.assertEqual((left["is_deleted"], left["amount"], left["applied"]),
                         (False, 1081, 1081))
        self.assertEqual(self.figures(two), (("4", 0, 1081), (0, 1081, 0)))

    def test_money_of_a_cancelled_invoice_can_be_taken_back(self):
        invoice = self.sent()
        payment = self.payment(invoice, 81)
        self.bulk("cancel", invoice)
        self.act("delete_payment", payment=payment["id"])
        self.assertEqual(self.figures(invoice), (("5", 0, 0), (0, 0, 0)))


if __name__ == "__main__":
    unittest.main()
