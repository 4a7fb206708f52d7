"""What DocuSeal's contract lists as surprising, and how its webhooks behave."""

import threading
import unittest

from docuseal_case import DocusealTest, fixture


class SurprisesTest(DocusealTest):
    def test_two_posts_with_one_external_id_make_two_submissions(self):
        first, _ = self.create(self.wish("quote:1:r1:client"))
        second, _ = self.create(self.wish("quote:1:r1:client"))
        self.assertNotEqual(first, second)
        rows = self.find("quote:1:r1:client", limit=100)
        self.assertEqual([row["submission_id"] for row in rows], [second, first])

    def test_an_external_id_is_matched_exactly_and_archived_ones_too(self):
        number, _ = self.create(self.wish("quote:1"))
        self.create(self.wish("quote:1:client"))
        self.ok("DELETE", "/submissions/%d" % number)
        rows = self.find("quote:1")
        self.assertEqual([row["submission_id"] for row in rows], [number])
        self.assertIsNotNone(self.submission(number)["archived_at"])

    def test_a_blank_external_id_finds_everything(self):
        self.create(self.wish("x"))
        self.create(self.wish("y"))
        self.assertEqual(len(self.find("")), 2)

    def test_metadata_is_echoed_but_never_searched(self):
        body = self.wish("x", metadata={"quote": "needle"})
        _, signers = self.create(body)
        self.assertEqual(signers[0]["metadata"], {"quote": "needle"})
        self.assertEqual(self.ok("GET", "/submitters?q=needle")["data"], [])
        self.assertEqual(len(self.ok("GET", "/submitters?q=a@b")["data"]), 1)

    def test_the_timestamp_of_an_event_stays_while_its_data_moves_on(self):
        number, _ = self.create(self.wish("x"))
        self.receiver.next()
        signed = threading.Event()

        def refuse_once_signed():
            signed.wait(60)
            return 500

        self.receiver.answers.put(500)
        self.receiver.answers.put(refuse_once_signed)
        self.act("view", submission=number)
        first = self.receiver.next()
        self.sim.control("POST", "/config", {"webhook_events": "none"})
        self.act("sign", submission=number)
        signed.set()
        later = self.receiver.take(2)
        for hook in later:
            self.assertEqual(hook.event, "form.viewed")
            self.assertEqual(hook.json["timestamp"], first.json["timestamp"])
            self.assert_signed(hook)
        self.assertEqual(later[-1].json["data"]["status"], "completed")

    def test_a_manual_resend_has_the_old_timestamp(self):
        self.create(self.wish("x"))
        first = self.receiver.next()
        self.act("resend_webhook", event_type="submission.created")
        second = self.receiver.next()
        self.assertEqual(first.json["timestamp"], second.json["timestamp"])

    def test_the_test_button_signs_nothing(self):
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number)
        self.hooks()
        header = "X-Docuseal-Secret: a static one"
        self.sim.control("POST", "/config", {"webhook_static_header": header})
        self.act("test_webhook")
        hook = self.receiver.next()
        self.assertEqual(hook.event, "form.completed")
        self.assertNotIn("X-Docuseal-Signature", hook.headers)
        self.assertEqual(hook.headers["X-Docuseal-Secret"], "a static one")
        self.assertRegex(hook.json["timestamp"], r":\d\dZ$")

    def test_a_static_header_of_the_signatures_name_replaces_it(self):
        header = "X-Docuseal-Signature: mine"
        self.sim.control("POST", "/config", {"webhook_static_header": header})
        self.create(self.wish("x"))
        hook = self.receiver.next()
        self.assertEqual(hook.headers.get_all("X-Docuseal-Signature"), ["mine"])

    def test_both_headers_are_sent_if_both_are_configured(self):
        header = "X-Docuseal-Secret: static"
        self.sim.control("POST", "/config", {"webhook_static_header": header})
        self.create(self.wish("x"))
        hook = self.receiver.next()
        self.assert_signed(hook)
        self.assertEqual(hook.headers["X-Docuseal-Secret"], "static")

    def test_sent_at_does_not_prove_a_mail(self):
        self.sim.fault("mail_lost", method="POST")
        number, signers = self.create(self.wish("x"))
        self.assertIsNotNone(signers[0]["sent_at"])
        self.assertEqual(signers[0]["status"], "sent")
        self.assertEqual(self.find("x")[0]["submission_events"], [])
        self.assertEqual(self.sim.control("GET", "/state")["mails"], [])
        self.ok("PUT", "/submitters/%d" % signers[0]["id"], {"send_email": True})
        events = [e["event_type"] for e in self.find("x")[0]["submission_events"]]
        self.assertEqual(events, ["send_email"])

    def test_a_redirect_counts_as_delivered(self):
        self.receiver.answers.put(302)
        self.create(self.wish("x"))
        self.sim.idle()
        hooks = self.sim.control("GET", "/webhooks")["hooks"]
        self.assertEqual([h["state"] for h in hooks], ["delivered"])
        self.assertEqual(len(self.receiver.rest()), 1)

    def test_archiving_is_repeatable_and_echoes_each_time(self):
        number, _ = self.create(self.wish("x"))
        self.ok("DELETE", "/submissions/%d" % number)
        self.ok("DELETE", "/submissions/%d" % number)
        self.assertEqual(self.events().count("submission.archived"), 2)
        self.assertEqual(self.submission(number)["status"], "pending")

    def test_an_archived_form_refuses_to_be_signed(self):
        number, _ = self.create(self.wish("x"))
        self.ok("DELETE", "/submissions/%d" % number)
        reply = self.sim.call("POST", "/_sim/sign", {"submission": number})
        self.assertEqual(reply.status, 409)
        self.ok("PUT", "/submissions/%d" % number, {"archived": False})
        self.act("sign", submission=number)
        self.assertEqual(self.submission(number)["status"], "completed")

    def test_links_expire_but_the_token_opens_them(self):
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number)
        url = self.submission(number)["documents"][0]["url"]
        self.assertEqual(self.file(url, token=None).status, 200)
        self.sim.control("POST", "/config", {"link_ttl_ms": "-1"})
        old = self.submission(number)["documents"][0]["url"]
        self.assertEqual(self.file(old, token=None).status, 404)
        self.assertEqual(self.file(old).status, 200)
        self.assertEqual(self.file(old.replace("/Off", "x/Off")).status, 404)

    def test_documents_are_files_of_their_own_and_stay_the_same(self):
        numbers = [self.create(self.wish("x%d" % i))[0] for i in range(2)]
        for number in numbers:
            self.act("sign", submission=number)
        papers = []
        for number in numbers:
            view = self.submission(number)
            for url in (view["documents"][0]["url"], view["audit_log_url"]):
                first = self.file(url)
                self.assertTrue(first.text.startswith(b"%PDF-1.4"))
                self.assertEqual(first.headers["Content-Type"], "application/pdf")
                self.ok("DELETE", "/submissions/%d" % number)
                self.assertEqual(self.file(url).text, first.text)
                papers.append(first.text)
        self.assertEqual(len(set(papers)), 4)

    def test_before_completion_the_documents_are_a_preview(self):
        number, _ = self.create(self.request(1))
        path = "/submissions/%d/documents" % number
        preview = self.ok("GET", path)["documents"][0]["url"]
        self.assertIn(b"Unsigned preview", self.file(preview).text)
        self.act("sign", submission=number)
        partly = self.ok("GET", path)["documents"][0]["url"]
        self.assertIn(b"Unsigned preview", self.file(partly).text)
        self.act("sign", submission=number)
        signed = self.ok("GET", path)["documents"][0]["url"]
        self.assertIn(b"Signed document", self.file(signed).text)
        merged = self.ok("GET", path + "?merge=true")["documents"]
        self.assertEqual(len(merged), 1)

    def test_an_unknown_role_silently_takes_its_place(self):
        _, signers = self.create(self.wish("x", role="Käufer"))
        self.assertEqual(signers[0]["role"], "Kunde")
        _, signers = self.create(self.wish("y", role="hypervisual"))
        self.assertEqual(signers[0]["role"], "HYPERVISUAL")

    def test_unknown_values_are_ignored_and_unknown_fields_are_not(self):
        _, signers = self.create(
            self.wish("x", values={"Rabatt": 1, "Offertnummer": "A & B"})
        )
        self.assertEqual(
            signers[0]["values"], [{"field": "Offertnummer", "value": "A & B"}]
        )
        both = self.wish("x", values={}, fields=[{"name": "Rabatt"}])
        self.create(both)
        reply = self.refused(
            422, "POST", "/submissions", self.wish("x", fields=[{"name": "Rabatt"}])
        )
        self.assertEqual(reply["error"], "Unknown field: Rabatt")

    def test_addresses_are_mended(self):
        _, signers = self.create(self.wish("x", email="Anna.Muster@GMIAL.com"))
        self.assertEqual(signers[0]["email"], "anna.muster@gmail.com")

    def test_the_uuid_is_the_roles(self):
        _, first = self.create(self.wish("x"))
        _, second = self.create(self.wish("y"))
        self.assertEqual(first[0]["uuid"], second[0]["uuid"])
        self.assertNotEqual(first[0]["slug"], second[0]["slug"])


class MailTest(DocusealTest):
    def mails(self):
        return [m["email"] for m in self.sim.control("GET", "/state")["mails"]]

    def test_with_the_order_preserved_the_second_is_mailed_after_the_first(self):
        number, signers = self.create(self.request(1))
        self.assertEqual([s["status"] for s in signers], ["sent", "awaiting"])
        self.assertEqual(len(self.mails()), 1)
        reply = self.sim.call(
            "POST", "/_sim/sign", {"submission": number, "role": "HYPERVISUAL"}
        )
        self.assertEqual(reply.status, 409)
        self.act("sign", submission=number)
        second = self.submission(number)["submitters"][1]
        self.assertEqual(second["status"], "sent")
        self.assertEqual(len(self.mails()), 2)

    def test_in_random_order_all_are_mailed_at_once(self):
        number, signers = self.create(self.request(1, order="random"))
        self.assertEqual([s["status"] for s in signers], ["sent", "sent"])
        self.act("sign", submission=number, role="HYPERVISUAL")
        self.assertEqual(self.submission(number)["status"], "pending")

    def test_without_send_email_nobody_is_mailed_ever(self):
        number, signers = self.create(self.request(1, send_email=False))
        self.assertEqual([s["status"] for s in signers], ["awaiting", "awaiting"])
        self.act("sign", submission=number, all=True)
        self.assertEqual(self.submission(number)["status"], "completed")
        self.assertEqual(self.mails(), [])

    def test_a_reminder_is_a_second_mail(self):
        number, signers = self.create(self.wish("x"))
        path = "/submitters/%d" % signers[0]["id"]
        self.ok("PUT", path, {"send_email": True})
        self.assertEqual(len(self.mails()), 2)
        self.ok("DELETE", "/submissions/%d" % number)
        self.ok("PUT", path, {"send_email": True})
        self.assertEqual(len(self.mails()), 2)

    def test_a_declined_submitter_cannot_be_changed(self):
        number, signers = self.create(self.wish("x"))
        self.act("decline", submission=number, reason="nein")
        reply = self.refused(
            422, "PUT", "/submitters/%d" % signers[0]["id"], {"send_email": True}
        )
        self.assertEqual(
            reply["error"], "Submitter has already declined the submission."
        )


class LifeTest(DocusealTest):
    def test_a_signature_fires_what_the_page_fires(self):
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number)
        events = self.events()
        self.assertEqual(
            sorted(events),
            sorted(["submission.created", "form.viewed", "form.started",
                    "form.completed", "submission.completed"]),
        )
        self.assertEqual(events.count("form.completed"), 1)

    def test_signing_without_viewing_fires_no_view(self):
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number, view=False)
        self.assertNotIn("form.viewed", self.events())

    def test_every_look_fires_and_the_start_only_once(self):
        number, signers = self.create(self.wish("x"))
        self.act("view", submission=number)
        self.act("view", external_id="x")
        page = self.sim.call("GET", "/s/" + signers[0]["slug"])
        self.assertEqual(page.status, 200)
        self.act("sign", slug=signers[0]["slug"])
        events = self.events()
        self.assertEqual(events.count("form.viewed"), 3)
        self.assertEqual(events.count("form.started"), 1)

    def test_the_first_of_two_signers_completes_only_a_form(self):
        number, signers = self.create(self.request(1))
        self.act("sign", external_id=signers[0]["external_id"])
        hooks = {h.event: h.json["data"] for h in self.hooks()}
        self.assertNotIn("submission.completed", hooks)
        self.assertEqual(hooks["form.completed"]["submission"]["status"], "pending")
        self.act("sign", submission=number)
        hooks = {h.event: h.json["data"] for h in self.hooks()}
        self.assertEqual(hooks["submission.completed"]["status"], "completed")
        self.assertEqual(hooks["form.completed"]["submission"]["status"], "completed")

    def test_a_refusal_carries_its_reason(self):
        number, _ = self.create(self.wish("x"))
        self.act("decline", submission=number, reason="Zu teuer & zu spät")
        hooks = {h.event: h.json["data"] for h in self.hooks()}
        self.assertEqual(
            hooks["form.declined"]["decline_reason"], "Zu teuer & zu spät"
        )
        self.assertEqual(hooks["form.declined"]["submission"]["status"], "declined")

    def test_archived_tells_next_to_nothing(self):
        number, _ = self.create(self.wish("x"))
        self.act("archive", submission=number)
        hooks = {h.event: h.json["data"] for h in self.hooks()}
        self.assertEqual(list(hooks["submission.archived"]), ["id", "archived_at"])

    def test_the_expiry_fires_by_itself(self):
        self.create(dict(self.wish("x"), expire_at="2020-01-01T00:00:00Z"))
        seen = {h.event: h for h in self.receiver.take(2)}
        self.assertEqual(
            seen["submission.expired"].json["data"]["status"], "expired"
        )

    def test_what_is_completed_declined_or_archived_does_not_expire(self):
        done, _ = self.create(self.wish("x"))
        gone, _ = self.create(self.wish("y"))
        no, _ = self.create(self.wish("z"))
        self.act("sign", submission=done)
        self.act("archive", submission=gone)
        self.act("decline", submission=no)
        for number in (done, gone, no):
            self.assertFalse(self.act("expire", submission=number)["fired"])
        self.assertNotIn("submission.expired", self.events())

    def test_a_moved_expiry_does_not_fire_at_the_old_time(self):
        number, _ = self.create(
            dict(self.wish("x"), expire_at="2199-01-01T00:00:00+02:00")
        )
        self.assertEqual(
            self.submission(number)["expire_at"], "2198-12-31T22:00:00.000Z"
        )
        self.ok("PUT", "/submissions/%d" % number, {"expire_at": None})
        self.assertIsNone(self.submission(number)["expire_at"])

    def test_completed_by_the_api(self):
        body = self.wish("x", completed=True)
        number, _ = self.create(body)
        self.assertEqual(self.submission(number)["status"], "completed")
        kinds = [e["event_type"] for e in self.submission(number)["submission_events"]]
        self.assertIn("api_complete_form", kinds)

    def test_only_selected_events_are_sent(self):
        self.restart_sim(SIM_WEBHOOK_EVENTS="form.viewed, form.completed")
        number, _ = self.create(self.wish("x"))
        self.act("sign", submission=number)
        self.assertEqual(sorted(self.events()), ["form.completed", "form.viewed"])

    def test_a_failed_delivery_is_given_up_after_twelve_tries(self):
        for _ in range(13):
            self.receiver.answers.put(401)
        self.sim.control("POST", "/config", {"retry_scale": "0.0000001"})
        self.create(self.wish("x"))
        self.assertEqual(len(self.receiver.take(12)), 12)
        self.sim.idle()
        hook = self.sim.control("GET", "/webhooks")["hooks"][0]
        self.assertEqual((hook["state"], hook["attempts"]), ("dead", 12))

    def test_form_completed_is_tried_fourteen_times(self):
        number, _ = self.create(self.wish("x"))
        self.hooks()
        self.sim.control(
            "POST", "/config",
            {"retry_scale": "0.0000001", "webhook_events": "form.completed"},
        )
        for _ in range(15):
            self.receiver.answers.put(503)
        self.act("sign", submission=number)
        self.receiver.take(14)
        self.sim.idle()
        hook = self.sim.control("GET", "/webhooks")["hooks"][-1]
        self.assertEqual((hook["state"], hook["attempts"]), ("dead", 14))
        self.assertEqual(self.receiver.rest(), [])

    def test_an_event_of_a_person_can_be_added(self):
        number, _ = self.create(self.wish("x"))
        self.act("event", submission=number, event_type="complete_verification",
                 data={"method": "qes"})
        events = self.submission(number)["submission_events"]
        self.assertEqual(events[-1]["event_type"], "complete_verification")
        self.assertEqual(events[-1]["data"], {"method": "qes"})


class ListsTest(DocusealTest):
    def ids(self, path):
        return [row["id"] for row in self.ok("GET", path)["data"]]

    def test_after_means_lower_and_before_means_higher(self):
        numbers = [self.create(self.wish("x"))[0] for _ in range(4)]
        a, b, c, d = numbers
        self.assertEqual(self.ids("/submissions"), [d, c, b, a])
        self.assertEqual(self.ids("/submissions?after=%d" % c), [b, a])
        self.assertEqual(self.ids("/submissions?before=%d" % c), [d])
        page = self.ok("GET", "/submissions?limit=2")["pagination"]
        self.assertEqual(page, {"count": 2, "next": c, "prev": d})
        rows = self.find("x", limit=3)
        self.assertEqual([r["submission_id"] for r in rows], [d, c, b])

    def test_a_page_has_ten_rows_and_never_more_than_a_hundred(self):
        for _ in range(103):
            self.create(self.wish("x"))
        self.assertEqual(len(self.ids("/submissions")), 10)
        self.assertEqual(len(self.ids("/submissions?limit=500")), 100)

    def test_filters(self):
        one, _ = self.create(self.request(1))
        two, _ = self.create(self.request(2))
        three, _ = self.create(self.request(3))
        self.act("sign", submission=one)
        self.act("sign", submission=two)
        self.ok("DELETE", "/submissions/%d" % three)
        for query, wanted in (
            ("status=completed", [two]),
            ("status=pending", [three, one]),
            ("status=partially_completed", [one]),
            ("archived=true", [three]),
            ("archived=false", [two, one]),
            ("template_id=23", [two]),
            ("template_folder=Offerten", [one]),
            ("q=bianchi", [three]),
            ("completed_at_from=2000-01-01", [two]),
            ("created_at_to=2000-01-01", []),
        ):
            if query.startswith("completed_at_from"):
                query += "&completed_at_to=2199-01-01"
            self.assertEqual(self.ids("/submissions?" + query), wanted, query)

    def test_the_sweep_has_its_own_ideas_of_before_and_after(self):
        one, _ = self.create(self.wish("x"))
        two, _ = self.create(self.wish("y"))
        gone, _ = self.create(self.wish("z"))
        for number in (one, two, gone):
            self.act("sign", submission=number)
        self.ok("DELETE", "/submissions/%d" % gone)
        path = "/events/submission/completed?limit=100"
        rows = self.ok("GET", path)["data"]
        self.assertEqual([r["data"]["id"] for r in rows], [two, one])
        self.assertEqual(rows[0]["event_type"], "submission.completed")
        self.assertEqual(list(rows[0]), ["event_type", "timestamp", "data"])
        self.assertEqual(len(self.ok("GET", path + "&before=1")["data"]), 2)
        self.assertEqual(self.ok("GET", path + "&after=1")["data"], [])
        self.assertEqual(self.ok("GET", path + "&before=9999999999")["data"], [])
        forms = self.ok("GET", "/events/form/completed?before=1")["data"]
        self.assertEqual([r["event_type"] for r in forms], ["form.completed"] * 2)

    def test_emails_make_one_submission_each_without_any_external_id(self):
        body = {"template_id": 23, "emails": "a@x.ch, b@y.ch"}
        signers = self.ok("POST", "/submissions/emails", body)
        self.assertEqual(len({s["submission_id"] for s in signers}), 2)
        self.assertEqual([s["external_id"] for s in signers], [None, None])

    def test_a_body_can_wish_for_several(self):
        wishes = [{"submitters": self.wish(k)["submitters"]} for k in "ab"]
        signers = self.ok(
            "POST", "/submissions", {"template_id": 17, "submissions": wishes}
        )
        self.assertEqual([s["external_id"] for s in signers], ["a", "b"])

    def test_many_clients_at_once_get_numbers_of_their_own(self):
        made = []

        def work(n):
            made.append(self.create(self.wish("x%d" % n))[0])

        threads = [threading.Thread(target=work, args=(n,)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(set(made)), 16)

    def test_the_recorded_duplicate_is_what_two_posts_give(self):
        wanted = fixture("list-submitters-by-external-id.4-duplicate.response")
        for _ in range(2):
            _, signers = self.create(self.request(1))
        rows = self.find(signers[0]["external_id"])
        self.assertEqual(len(rows), wanted["pagination"]["count"])
        self.assertGreater(rows[0]["id"], rows[1]["id"])
        self.assertGreater(wanted["data"][0]["id"], wanted["data"][1]["id"])


if __name__ == "__main__":
    unittest.main()
