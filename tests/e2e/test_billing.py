"""Money: deposits, invoices and payments, in Directus and in Invoice Ninja's books."""

import concurrent.futures
import datetime
import http.server
import json
import re
import threading
import uuid

from harness import rest
from harness.billing import ALONE, OWNER, Billing
from harness.case import numbers


class Absent(http.server.ThreadingHTTPServer):
    """A server in ingest's place that knows of no webhooks."""

    daemon_threads = True

    class RequestHandlerClass(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.server.asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_):
            pass

    def __init__(self, port):
        super().__init__(("127.0.0.1", port), self.RequestHandlerClass)
        self.asked = []

    def __enter__(self):
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()


class Deposits(Billing):
    def test_a_deposit_is_invoiced_mailed_and_paid(self):
        quote, row = self.billed()
        number = self.quote(quote)["quote_number"] + "-A"
        bill = self.bill(row)
        self.assertEqual(bill["number"], number)
        self.assertEqual(bill["custom_value1"], "directus:invoice:" + row["id"])
        self.assertEqual(bill["custom_value2"], "quote:" + quote)
        self.assertEqual((float(bill["amount"]), bill["status_id"]), (3243, "2"))
        self.assertEqual(
            (row["invoice_number"], row["type"], row["is_deposit"], row["amount"],
             row["amount_net"], row["tax_amount"], row["currency"]),
            (number, "deposit", True, "3243.00", "3000.00", "243.00", "CHF"))
        due = datetime.date.fromisoformat(row["due_date"])
        issued = datetime.date.fromisoformat(row["issue_date"])
        self.assertEqual((due - issued).days, 10)
        self.assertEqual(self.quote(quote)["deposit_invoice_id"], row["id"])
        self.assertEqual(len(self.mails(row)), 1)

        self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        (payment,) = self.payments(row)
        self.assertEqual((payment["amount"], payment["status"], payment["source"]),
                         ("3243.00", "completed", "invoice_ninja"))
        (fact,) = self.facts("quote:" + quote, "payment.received")
        self.assertEqual(fact["amount"], {"cents": 324300, "currency": "CHF"})
        self.assertTrue(fact["fully_paid"] and fact["is_deposit"])
        self.assertTrue(self.quote(quote)["deposit_paid"])

    def test_a_part_then_the_rest(self):
        quote, row = self.billed()
        self.pay(row, amount="1000.00")
        self.invoice_is(row, "partial")
        self.assert_figures(row, "partial", "1000.00", "2243.00")
        self.at_rest()
        self.assertEqual(self.quote(quote)["status"], "awaiting_deposit")
        self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        self.assertEqual([one["amount"] for one in self.payments(row)],
                         ["1000.00", "2243.00"])
        facts = self.facts("quote:" + quote, "payment.received")
        self.assertEqual([fact["fully_paid"] for fact in facts], [False, True])

    def test_one_lowered_to_what_was_paid_completes_its_quote(self):
        quote, row = self.billed()
        self.pay(row, amount="1000.00")
        self.invoice_is(row, "partial")
        self.at_rest()
        lines = [{**line, "cost": 1000} for line in self.bill(row)["line_items"]]
        self.ninja.control("POST", "edit_invoice", {
            "company": OWNER, "invoice": row["invoice_ninja_id"],
            "set": {"line_items": lines}})
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "1000.00", "0.00")
        self.assertTrue(self.quote(quote)["deposit_paid"])
        self.assertEqual([len(self.facts("quote:" + quote, kind)) for kind in
                          ("payment.received", "invoice.paid", "quote.completed")],
                         [1, 1, 1])
        self.assertIn("awaiting_deposit -> completed",
                      self.system.relais("journey", "quote:" + quote))

    def test_two_rates_of_vat_are_two_lines(self):
        firm = self.new_firm()
        contact = self.new_contact(OWNER, company_id=firm)
        quote = self.new_quote(OWNER, contact, company_id=firm, total="2107.00")
        for price, rate in (("1000.00", "8.10"), ("1000.00", "2.60")):
            self.directus.create("quote_items", {
                "quote_id": quote, "quantity": "1", "unit_price": price,
                "tax_rate": rate})
        self.directus.update("quotes", quote, status="signed")
        row = self.deposit(quote)
        lines = self.bill(row)["line_items"]
        self.assertEqual([(float(line["cost"]), float(line["tax_rate1"]))
                          for line in lines], [(324.3, 8.1), (307.8, 2.6)])
        self.assertEqual(row["amount"], "632.10")

    def test_no_deposit_no_invoice(self):
        quote = self.signed(deposit_percentage="0")
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual(self.directus.rows("client_invoices", quote_id=quote), [])
        self.assertEqual(len(self.facts("quote:" + quote, "quote.deposit-waived")), 1)

    def test_two_quotes_of_one_new_firm_make_one_client(self):
        firm = self.new_firm()
        with concurrent.futures.ThreadPoolExecutor() as pool:
            quotes = list(pool.map(lambda _: self.signed(firm=firm), range(2)))
        rows = [self.deposit(quote) for quote in quotes]
        self.assertEqual(len({self.bill(row)["client_id"] for row in rows}), 1)
        clients = [one for one in self.ninja.books(OWNER)["clients"]
                   if one["id_number"] == firm]
        self.assertEqual(len(clients), 1)

    def test_a_number_of_somebody_elses_invoice_is_a_dead_letter(self):
        firm = self.new_firm()
        contact = self.new_contact(OWNER, company_id=firm)
        quote = self.new_quote(OWNER, contact, company_id=firm)
        number = self.quote(quote)["quote_number"] + "-A"
        self.ninja.control("POST", "invoice", {
            "company": OWNER, "number": number, "amount": "100.00"})
        self.directus.update("quotes", quote, status="signed")

        def letter():
            return [one for one in self.letters(OWNER)
                    if one["key"].endswith(":" + firm)]

        (found,) = self.until("there is a dead letter", letter, 60)
        self.assertIn("another number", found["headers"]["x-dead-hint"])
        self.assertIn(number, found["headers"]["x-dead-error"])
        # The hint followed, the letter is replayed.
        (other,) = self.ninja.invoices(OWNER, number)
        self.ninja.control("POST", "edit_invoice", {
            "company": OWNER, "invoice": other["id"], "set": {"number": number + "-X"}})
        place = "invoice-ninja.dead-letters/%d/%d" % (
            found["partition"], found["offset"])
        self.system.relais("dead", "replay", place)
        self.deposit(quote)


class Payments(Billing):
    def test_a_bank_payment_booked_in_directus_is_one_payment(self):
        quote, row = self.billed()
        payment = self.book(row, "3243.00", reference="camt 1")
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        (seen,) = self.payments(row)
        self.assertEqual((seen["id"], seen["source"], seen["reference"]),
                         (payment, "bank", "camt 1"))
        booked = [one for one in self.ninja.books(OWNER)["payments"]
                  if one["custom_value1"] == "directus:payment:" + payment]
        self.assertEqual(len(booked), 1)
        self.assertEqual(seen["external_id"], booked[0]["id"])
        self.assertEqual(len(self.facts("quote:" + quote, "payment.received")), 1)
        receipts = [mail for mail in self.ninja.mails(OWNER)
                    if mail["entity"] == "Payment"]
        self.assertEqual(receipts, [])

    def test_a_pending_payment_counts_when_it_comes_through(self):
        quote, row = self.billed()
        paid = self.pay(row, pending=True)
        self.until("the payment is seen", lambda: self.payments(row))
        self.at_rest()
        self.assertEqual(self.payments(row)[0]["status"], "pending")
        self.assertEqual(self.facts("quote:" + quote, "payment.received"), [])
        self.ninja.control("POST", "complete", {
            "company": OWNER, "payment": paid["id"]})
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual([one["status"] for one in self.payments(row)], ["completed"])
        self.assertEqual(len(self.facts("quote:" + quote, "payment.received")), 1)

    def test_a_refund_before_the_end_is_owed_again(self):
        quote, row = self.billed()
        paid = self.pay(row, amount="1000.00")
        self.invoice_is(row, "partial")
        self.ninja.refund(OWNER, paid["id"], amount="400.00")
        self.until("the refund is seen", lambda: self.payments(row)[0][
            "refunded_amount"] == "400.00")
        self.at_rest()
        (fact,) = self.facts("quote:" + quote, "payment.refunded")
        self.assertEqual(fact["amount"]["cents"], 40000)
        self.assert_figures(row, "partial", "600.00", "2643.00")
        self.assertEqual(self.quote(quote)["status"], "awaiting_deposit")
        self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        self.assertEqual([(one["amount"], one["refunded_amount"])
                          for one in self.payments(row)],
                         [("1000.00", "400.00"), ("2643.00", "0.00")])
        facts = self.facts("quote:" + quote, "payment.received")
        self.assertEqual([fact["fully_paid"] for fact in facts], [False, True])
        self.assertEqual(len(self.facts("quote:" + quote, "quote.completed")), 1)

    def test_a_deleted_payment_is_flagged(self):
        quote, row = self.billed()
        paid = self.pay(row, amount="1000.00")
        self.invoice_is(row, "partial")
        self.ninja.control("POST", "delete_payment", {
            "company": OWNER, "payment": paid["id"]})
        self.invoice_is(row, "sent")
        self.at_rest()
        self.assert_figures(row, "sent", "0.00", "3243.00")
        self.assertEqual(self.payments(row)[0]["status"], "cancelled")
        self.assertIn("quote:" + quote,
                      [one["entity"] for one in
                       self.attentions("invoice-ninja.payment-deleted")])

    def test_a_refund_after_the_end_is_flagged_and_the_quote_stays_completed(self):
        quote, row = self.billed()
        paid = self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.ninja.refund(OWNER, paid["id"], amount="243.00")
        self.until("a person is told", lambda: "quote:" + quote in [
            one["entity"] for one in self.attentions("payment.refunded")])
        self.at_rest()
        (seen,) = self.payments(row)
        self.assertEqual((seen["amount"], seen["refunded_amount"]),
                         ("3243.00", "243.00"))
        self.assertEqual(self.quote(quote)["status"], "completed")
        (fact,) = self.facts("quote:" + quote, "payment.refunded")
        self.assertEqual(fact["amount"], {"cents": 24300, "currency": "CHF"})
        self.assertEqual(len(self.facts("quote:" + quote, "payment.received")), 1)
        self.assertIn("a person", self.system.relais("journey", "quote:" + quote))

    def test_one_payment_of_two_invoices_is_two_rows(self):
        firm = self.new_firm()
        pairs = [self.billed(firm=firm) for _ in range(2)]
        self.ninja.control("POST", "pay", {
            "company": OWNER, "invoices": [
                {"invoice": row["invoice_ninja_id"]} for _, row in pairs]})
        for quote, row in pairs:
            self.quote_is(quote, "completed")
        self.at_rest()
        rows = [self.payments(row) for _, row in pairs]
        self.assertEqual([len(found) for found in rows], [1, 1])
        self.assertEqual(len({found[0]["external_id"] for found in rows}), 1)

    def test_what_is_paid_too_much_is_flagged(self):
        quote, row = self.billed()
        paid = self.pay(row, amount="4000.00")
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assertEqual([one["amount"] for one in self.payments(row)], ["3243.00"])
        entity = "payment:%s:%s" % (OWNER, paid["id"])
        (told,) = [one["text"] for one in self.attentions("invoice-ninja.overpaid")
                   if one["entity"] == entity]
        self.assertIn("757.00 of 4000.00", told)

    def test_webhooks_thrice_in_disorder_and_before_the_answer_change_nothing(self):
        self.ninja.fault("webhook_before_answer", count=-1)
        self.ninja.fault("webhook_triple", count=-1)
        self.ninja.fault("webhook_reorder", count=-1, ms=400)
        quote, row = self.billed()
        self.pay(row, amount="1000.00")
        self.pay(row, amount="243.00")
        self.book(row, "2000.00")
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        self.assertEqual([one["amount"] for one in self.payments(row)],
                         ["243.00", "1000.00", "2000.00"])
        self.assertEqual(len(self.facts("quote:" + quote, "payment.received")), 3)
        hits = {fault["kind"]: fault["hits"] for fault in self.ninja.faults()}
        self.assertEqual([kind for kind, number in hits.items() if not number], [])


class Faults(Billing):
    def created(self, quote):
        number = self.quote(quote)["quote_number"] + "-A"
        return self.ninja.invoices(OWNER, number)

    def test_killed_right_after_the_work_there_is_one_of_each(self):
        worker = self.system["invoice-ninja"]
        for path in ("clients", "invoices", "payments"):
            with self.subTest(path):
                quote, row = (None, None) if path != "payments" else self.billed()
                self.ninja.kill_at("work_done", worker.pid_file, method="POST",
                                   path_prefix="/api/v1/" + path)
                if path == "payments":
                    self.book(row, "3243.00")
                else:
                    quote = self.signed()
                worker.ended()
                worker.restart()
                row = row or self.deposit(quote)
                if path != "payments":
                    self.pay(row)
                self.quote_is(quote, "completed")
                self.at_rest()
                self.assertEqual(len(self.created(quote)), 1)
                self.assertEqual(len(self.mails(row)), 1)
                self.assertEqual(len(self.payments(row)), 1)
                client = self.bill(row)["client_id"]
                books = self.ninja.books(OWNER)
                (found,) = [one for one in books["clients"] if one["id"] == client]
                same = [one for one in books["clients"]
                        if one["id_number"] == found["id_number"]]
                self.assertEqual(len(same), 1)
                paid = [one for one in books["payments"] if one["client_id"] == client]
                self.assertEqual(len(paid), 1)


class Lost(Billing):
    settings = {**ALONE, "SWEEPS": "true", "INVOICE_NINJA_WEBHOOK_WAIT_MS": "1ms",
                "INVOICE_NINJA_WEBHOOK_CHECK_MS": "1h"}

    def test_a_payment_whose_webhook_is_lost_is_swept_up(self):
        quote, row = self.billed()
        self.ninja.fault("webhook_lost", count=-1)
        self.pay(row)
        self.quote_is(quote, "completed")
        self.at_rest()
        self.assert_figures(row, "paid", "3243.00", "0.00")
        self.assertEqual(len(self.payments(row)), 1)
        self.assertIn(OWNER, [one["entity"] for one in
                              self.attentions("invoice-ninja.webhook-missing")])


class Webhooks(Billing):
    settings = {**ALONE, "SWEEPS": "true", "INVOICE_NINJA_WEBHOOK_CHECK_MS": "500ms"}

    def test_webhooks_deleted_for_an_answer_of_404_are_restored_and_told(self):
        """Something answers in ingest's place; nobody registers anything."""
        quote, row = self.billed()
        before = sorted(one["id"] for one in self.webhooks())
        self.assertEqual(len(before), 10)
        shown = json.loads(self.system.relais("webhooks", "list", "--json"))
        self.assertEqual(len([one for one in shown if one["company"] == OWNER]), 10)
        self.system["invoice-ninja"].freeze()
        self.addCleanup(self.system["invoice-ninja"].thaw)
        self.system["ingest"].stop()
        with Absent(int(self.system.env["INGEST_PORT"])) as absent:
            self.pay(row)
            self.ninja.idle()
        self.assertTrue(absent.asked)
        self.assertLess(len(self.webhooks()), 10)
        self.system["ingest"].restart()
        self.system["invoice-ninja"].thaw()
        self.until("the webhooks are restored", lambda: sorted(
            one["id"] for one in self.webhooks()) == before)
        self.until("a person is told", lambda: OWNER in [
            one["entity"] for one in self.attentions("invoice-ninja.webhook-deleted")])
        self.assertIn("invoice-ninja.webhook-deleted", self.system.relais("status"))
        self.until("its health says so, and stays green", self.health_says_so)
        # What was sent meanwhile was lost: the sweep finds it.
        self.quote_is(quote, "completed")
        self.assertEqual(len(self.payments(row)), 1)

    def health_says_so(self):
        health = rest.call("GET", self.system["relais-invoice-ninja"].admin("/readyz"))
        self.assertEqual(health.status, 200)
        return "a person must look at" in rest.text_of(health)


class Registrar(Billing):
    def test_an_event_has_one_webhook_whatever_was_cut(self):
        elsewhere = self.webhooks()[0]
        ours = elsewhere["target_url"]
        path = "webhooks/" + elsewhere["id"]
        self.api("PUT", path, {**elsewhere, "target_url": "https://example.com/x"})
        self.ninja.fault("cut_after", method="POST", path_prefix="/api/v1/webhooks",
                         match=OWNER)
        self.register(OWNER)
        (made,) = [one for one in self.webhooks() if one["target_url"] == ours]
        self.assertEqual([one["left"] for one in self.ninja.faults()], [0])
        # As if the cut call had been done later than anybody looked.
        self.api("PUT", path, {**elsewhere, "target_url": ours})
        self.assertEqual(len(self.webhooks()), 11)
        self.register(OWNER)
        self.assertEqual(len(self.webhooks()), 10)
        self.assertIn([one["id"] for one in self.webhooks() if one["target_url"] == ours],
                      ([made["id"]], [elsewhere["id"]]))


class Mirrored(Billing):
    def test_an_invoice_is_mirrored_changed_and_cancelled(self):
        invoice = self.new_invoice()
        row = self.mirrored(invoice)
        bill = self.bill(row)
        self.assertEqual((float(bill["amount"]), bill["status_id"]), (1081, "2"))
        self.directus.update("client_invoices", invoice, description="Conseil et plus",
                             amount="2162.00", amount_net="2000.00",
                             tax_amount="162.00")
        self.until("Invoice Ninja has the change",
                   lambda: float(self.bill(row)["amount"]) == 2162)
        self.at_rest()
        puts = self.ninja.calls(method="PUT", path_prefix="/api/v1/invoices")
        self.assertEqual(
            len([one for one in puts if row["invoice_ninja_id"] in one["path"]]), 1)
        self.directus.update("client_invoices", invoice, status="cancelled")
        self.until("it is cancelled there",
                   lambda: self.bill(row)["status_id"] == "5")
        self.at_rest()
        self.assert_figures(row, "cancelled", "0.00", "0.00")

    def test_what_was_paid_on_the_draft_is_booked_once(self):
        invoice = self.new_invoice(status="draft")
        draft = self.directus.read("client_invoices", invoice)
        payments = [self.book(draft, amount) for amount in ("81.00", "1000.00")]
        self.at_rest()
        for payment in payments:
            self.ninja.fault("cut_after", method="POST", match=payment,
                             path_prefix="/api/v1/payments")
        self.directus.update("client_invoices", invoice, status="sent")
        row = self.mirrored(invoice)
        self.invoice_is(row, "paid", 120)
        self.at_rest()
        self.assertEqual([one for one in self.ninja.faults() if one["left"]], [])
        # Neither a later edit of them nor of what they pay books them again.
        self.directus.update("payments", payments[0], reference="camt 2")
        self.directus.update("client_invoices", invoice, description="Conseil, payé")
        self.at_rest()
        self.assert_figures(row, "paid", "1081.00", "0.00")
        marks = ["directus:payment:" + payment for payment in payments]
        self.assertEqual(
            sorted(one["custom_value1"] for one in self.ninja.books(OWNER)["payments"]
                   if one["client_id"] == self.bill(row)["client_id"]),
            sorted(marks))
        self.assertEqual([one["id"] for one in self.payments(row)], payments)
        # What was told of the draft is told again by the same ids, which is nothing.
        told = {record["headers"]["ce_id"]
                for record in self.system.records("journey.facts")
                if record["key"] == "invoice:" + invoice
                and record["headers"]["ce_type"] == "payment.received"}
        self.assertEqual(len(told), 2)

    def test_its_items_are_the_lines(self):
        invoice = self.new_invoice(status="draft", amount="2107.00", tax_amount="107.00",
                                   amount_net="2000.00", tax_rate=None)
        items = [self.directus.create("invoice_items", {
            "invoice_id": invoice, "sort": sort, "description": text, "quantity": "1",
            "unit_price": "1000.00", "tax_rate": rate})
            for sort, (text, rate) in enumerate((("Conseil", "8.10"), ("Livre", "2.60")))]
        self.directus.update("client_invoices", invoice, status="sent")
        row = self.mirrored(invoice)
        self.assertEqual(self.lines(row), [(1000, 1, 8.1), (1000, 1, 2.6)])
        self.assertEqual(float(self.bill(row)["amount"]), 2107)
        self.directus.update("client_invoices", invoice, amount="3133.00",
                             amount_net="3000.00", tax_amount="133.00")
        self.directus.update("invoice_items", items[1], quantity="2")
        self.until("the other line follows", lambda: self.lines(row) == [
            (1000, 1, 8.1), (1000, 2, 2.6)])
        self.at_rest()
        self.assert_figures(row, "sent", "0.00", "3133.00")

    def lines(self, row):
        return [(float(line["cost"]), float(line["quantity"]), float(line["tax_rate1"]))
                for line in self.bill(row)["line_items"]]

    def test_one_that_a_person_set_to_paid_is_not_opened_again(self):
        row = self.mirrored(self.new_invoice())
        self.at_rest()
        self.directus.update("client_invoices", row["id"], status="paid")
        self.at_rest()
        yesterday = datetime.date.today() - datetime.timedelta(days=1)
        self.api("PUT", "invoices/" + row["invoice_ninja_id"],
                 {"due_date": str(yesterday)})
        self.until("it was seen there", lambda: re.search(
            row["invoice_number"] + r"\S*: overdue",
            self.system.relais("journey", "invoice:" + row["id"])))
        self.at_rest()
        self.assert_figures(row, "paid", "0.00", "1081.00")
        self.assertIn("invoice:" + row["id"], [
            one["entity"] for one in self.attentions("invoice-ninja.paid-by-hand")])

    def test_one_cancelled_in_invoice_ninja_is_cancelled(self):
        row = self.mirrored(self.new_invoice())
        self.ninja.control("POST", "act_invoice", {
            "company": OWNER, "invoice": row["invoice_ninja_id"], "action": "cancel"})
        self.invoice_is(row, "cancelled")
        self.at_rest()
        self.explained("invoice:" + row["id"],
                       row["invoice_number"] + r"\S*: cancelled")

    def test_one_deleted_in_invoice_ninja_is_cancelled(self):
        row = self.mirrored(self.new_invoice())
        self.ninja.control("POST", "delete_invoice", {
            "company": OWNER, "invoice": row["invoice_ninja_id"]})
        self.invoice_is(row, "cancelled")
        self.assertEqual(self.invoice(row)["invoice_ninja_number"],
                         row["invoice_ninja_number"])
        self.at_rest()
        self.explained("invoice:" + row["id"],
                       row["invoice_number"] + r"\S*: cancelled")

    def test_a_deposit_cancelled_or_deleted_there_leaves_the_quote_to_people(self):
        for act in ("cancel", "delete"):
            with self.subTest(act):
                quote, row = self.billed()
                self.ninja.control("POST", "act_invoice", {
                    "company": OWNER, "invoice": row["invoice_ninja_id"],
                    "action": act})
                self.invoice_is(row, "cancelled")
                self.at_rest()
                self.assertEqual(self.quote(quote)["status"], "awaiting_deposit")
                (fact,) = self.facts("quote:" + quote, "invoice.cancelled")
                self.assertEqual(fact["invoice"], row["id"])
                self.explained("quote:" + quote, r"-A\S*: cancelled")

    def test_a_deposit_that_was_deleted_there_is_billed_anew_if_a_person_says_so(self):
        quote, row = self.billed()
        self.ninja.control("POST", "act_invoice", {
            "company": OWNER, "invoice": row["invoice_ninja_id"], "action": "delete"})
        self.invoice_is(row, "cancelled")
        self.at_rest()
        self.system.relais("effect", "resolve", "invoice-ninja.deposit",
                           "quote:" + quote, "not-done")
        self.command("invoice-ninja.deposit.create", quote)
        self.invoice_is(row, "sent")
        anew = self.invoice(row)
        self.assertNotEqual(anew["invoice_ninja_id"], row["invoice_ninja_id"])
        self.assertEqual(len(self.attentions("deposit.billed-anew")), 1)
        self.pay(anew)
        self.quote_is(quote, "completed")
        self.assertEqual(self.invoice(row)["status"], "paid")

    def command(self, kind, quote):
        """Says it about the quote, as the replay of a dead letter does."""
        fresh = str(uuid.uuid4())
        self.system.produce(
            "invoice-ninja.commands", "quote:" + quote,
            json.dumps({"company": OWNER, "quote": quote}).encode(), {
                "ce_specversion": "1.0", "ce_id": fresh, "ce_type": kind,
                "ce_source": "relais://e2e", "ce_subject": "quote:" + quote,
                "ce_company": OWNER, "content-type": "application/json"})

    def explained(self, entity, pattern):
        """`relais journey` says it."""
        self.assertRegex(self.system.relais("journey", entity), pattern)

    def test_one_made_by_hand_is_none_of_ours(self):
        made = self.ninja.control("POST", "invoice", {
            "company": OWNER, "number": "HAND-" + uuid.uuid4().hex[:8], "amount": "50.00"})
        ninja_id = made["id"]

        note = "not ours: invoice %s was made by hand in Invoice Ninja" % ninja_id
        (step, *_) = self.until("a step says so", lambda: self.system.ledger(
            "SELECT entity FROM relais.journey_step WHERE note = :'note'", note=note))
        self.explained(step["entity"], note)


class Companies(Billing):
    owners = ("HYPERVISUAL", "LEXAIA", "ENKI_REALTY")
    settings = {**ALONE, "INVOICE_NINJA_WEBHOOK_SECRET_LEXAIA": "of-lexaia-alone"}

    def test_a_company_may_have_a_webhook_secret_of_its_own(self):
        carried = {owner: {one["headers"]["X-Webhook-Secret"]
                           for one in self.webhooks(owner)} for owner in self.owners}
        common = {self.system.env["INVOICE_NINJA_WEBHOOK_SECRET"]}
        self.assertEqual(carried, {"HYPERVISUAL": common, "ENKI_REALTY": common,
                                   "LEXAIA": {"of-lexaia-alone"}})
        for owner in ("LEXAIA", "HYPERVISUAL"):
            quote, row = self.billed(owner)
            self.pay(row)  # of which only its webhook tells
            self.quote_is(quote, "completed")

    def test_one_company_that_is_down_stops_no_other(self):
        self.ninja.fault("500", match="LEXAIA", count=-1)
        stopped = self.signed("LEXAIA")
        self.until("its call has failed", lambda: [
            one for one in self.steps(stopped)
            if one["worker"] == "relais-invoice-ninja" and one["outcome"] != "done"], 150)
        pairs = [self.billed(owner) for owner in ("ENKI_REALTY", "HYPERVISUAL")]
        for quote, row in pairs:
            self.pay(row)
            self.quote_is(quote, "completed")
        self.assertEqual(self.quote(stopped)["status"], "signed")
        self.ninja.no_faults()
        self.deposit(stopped)

    def test_a_wrong_key_stops_only_its_company(self):
        self.ninja.control("POST", "company", {"code": "LEXAIA", "locked": True})
        self.addCleanup(self.ninja.control, "POST", "company",
                        {"code": "LEXAIA", "locked": False})
        stopped = self.signed("LEXAIA")
        _, other = self.billed("ENKI_REALTY")
        _, third = self.billed("HYPERVISUAL")
        self.assertEqual(self.quote(stopped)["status"], "signed")
        for row in (other, third):
            self.assertEqual(len(self.mails(row)), 1)
        health = rest.call("GET", self.system["invoice-ninja"].admin("/readyz"))
        self.assertIn("LEXAIA", rest.text_of(health))
