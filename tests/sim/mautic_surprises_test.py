"""What Mautic's contract lists as surprising in its API."""

import threading
import unittest
import urllib.parse

import simtest
from mautic_case import CLIENT, MauticTest, basic, fixture, where

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def together(*calls):
    """Runs the calls at the same time; their results in order."""
    results = [None] * len(calls)

    def run(i):
        results[i] = calls[i]()

    threads = [threading.Thread(target=run, args=(i,)) for i in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(simtest.PATIENCE_S)
    return results


class ContactTest(MauticTest):
    def find(self, query):
        return list(self.ok("GET", "/contacts?" + query)["contacts"])

    def test_new_updates_who_has_the_address(self):
        number = self.contact("anna@b.ch", firstname="Anna", city="Bern")
        body = {"email": "ANNA@b.ch", "firstname": "Anne", "id": 999}
        reply = self.ok("POST", "/contacts/new", body)
        self.assertEqual(reply["contact"]["id"], number)
        fields = self.fields(number)
        self.assertEqual((fields["firstname"], fields["city"]), ("Anne", "Bern"))

    def test_blanks_erase_only_if_told(self):
        number = self.contact("a@b.ch", city="Bern")
        self.ok("POST", "/contacts/new", {"email": "a@b.ch", "city": ""})
        self.assertEqual(self.fields(number)["city"], "Bern")
        body = {"email": "a@b.ch", "city": "", "overwriteWithBlank": True}
        self.ok("POST", "/contacts/new", body)
        self.assertIsNone(self.fields(number)["city"])

    def test_who_has_no_identifier_is_always_new(self):
        body = {"firstname": "Anna"}
        one = self.ok("POST", "/contacts/new", body, status=201)["contact"]["id"]
        two = self.ok("POST", "/contacts/new", body, status=201)["contact"]["id"]
        self.assertNotEqual(one, two)

    def test_unknown_keys_are_lost_without_a_word(self):
        number = self.contact(
            "a@b.ch", custom_fields={"directus_id": "x"}, nickname="Nan"
        )
        fields = self.fields(number)
        self.assertIsNone(fields["directus_id"])
        self.assertNotIn("nickname", fields)
        field = {"label": "Nickname", "alias": "nickname", "type": "text"}
        self.ok("POST", "/fields/contact/new", field, status=201)
        self.ok("PATCH", "/contacts/%d/edit" % number, {"nickname": "Nan"})
        self.assertEqual(self.fields(number)["nickname"], "Nan")
        listed = self.ok("GET", "/contacts/list/fields").values()
        self.assertIn("nickname", [field["alias"] for field in listed])

    def test_json_that_is_called_a_form_makes_a_blank_contact(self):
        raw = b'{"email":"a@b.ch","firstname":"Anna"}'
        reply = self.api("POST", "/contacts/new", headers=FORM, raw=raw)
        self.assertEqual(reply.status, 201)
        wanted = fixture("contact-new.7-form-encoded-json.response.201")
        self.assertEqual(simtest.differences(reply.json, wanted, ()), [])
        self.assertIsNone(reply.json["contact"]["fields"]["all"]["email"])
        self.assertIsNone(reply.json["contact"]["dateIdentified"])
        self.assertEqual(self.kinds(), [])
        self.assertIn(str(reply.json["contact"]["id"]), self.find("search=is:anonymous"))

    def test_json_that_is_called_a_form_wipes_in_a_put(self):
        number = self.contact("a@b.ch", firstname="Anna")
        self.ok("POST", "/contacts/%d/points/plus/5" % number)
        path = "/contacts/%d/edit" % number
        self.assertEqual(
            self.api("PUT", path, headers=FORM, raw=b'{"city":"Bern"}').status, 200
        )
        fields = self.fields(number)
        for alias, blank in (("email", None), ("firstname", None), ("points", 0)):
            self.assertEqual(fields[alias], blank)

    def test_a_real_form_is_understood(self):
        raw = urllib.parse.urlencode(
            [("email", "a@b.ch"), ("firstname", "Zoë"), ("tags[]", "x"), ("tags[]", "y")]
        )
        reply = self.api("POST", "/contacts/new", headers=FORM, raw=raw.encode())
        contact = reply.json["contact"]
        self.assertEqual(contact["fields"]["all"]["firstname"], "Zoë")
        self.assertEqual([tag["tag"] for tag in contact["tags"]], ["x", "y"])

    def test_json_without_a_content_type_works_and_broken_json_does_not(self):
        raw = b'{"email":"a@b.ch"}'
        headers = {"Authorization": basic("worker", "the-password-of-the-worker")}
        reply = self.sim.call("POST", "/api/contacts/new", headers=headers, raw=raw)
        self.assertEqual(reply.json["contact"]["fields"]["all"]["email"], "a@b.ch")
        self.refused(400, "POST", "/contacts/new", raw=b'{"email":')

    def test_a_put_creates_and_blanks(self):
        body = {"email": "a@b.ch"}
        reply = self.ok("PUT", "/contacts/999/edit", body, status=201)
        number = reply["contact"]["id"]
        self.ok("PATCH", "/contacts/%d/edit" % number, {"city": "Bern", "points": 7})
        self.ok("PUT", "/contacts/%d/edit" % number, body)
        fields = self.fields(number)
        self.assertEqual((fields["city"], fields["points"]), (None, 0))

    def test_input_is_cleaned(self):
        number = self.contact("anna@b.ch,", firstname="<b>Anna</b> & Co")
        fields = self.fields(number)
        self.assertEqual(fields["email"], "anna@b.ch")
        self.assertEqual(fields["firstname"], "Anna & Co")

    def test_a_text_has_191_characters(self):
        number = self.contact("a@b.ch", city="ü" * 191)
        path = "/contacts/%d/edit" % number
        reply = self.refused(400, "PATCH", path, {"city": "ü" * 192})
        self.assertEqual(list(reply["errors"][0]["details"]), ["city"])

    def test_names_of_countries_and_locales_only(self):
        for body in (
            {"country": "CH"},
            {"country": "Schweiz"},
            {"preferred_locale": "French"},
            {"timezone": "Zurich"},
            {"state": "VS"},
        ):
            alias = next(iter(body))
            reply = self.refused(400, "POST", "/contacts/new", dict(body, email="a@b.ch"))
            message = alias + ": This value is not valid."
            self.assertEqual(reply["errors"][0]["message"], message)
        self.contact(
            "a@b.ch",
            country="Czech Republic",
            preferred_locale="fr_CH",
            timezone="Europe/Zurich",
        )

    def test_several_complaints_come_together(self):
        body = {"email": "x", "country": "CH"}
        error = self.refused(400, "POST", "/contacts/new", body)["errors"][0]
        self.assertEqual(list(error["details"]), ["email", "country"])
        self.assertEqual(
            error["message"], "email: x is invalid., country: This value is not valid."
        )

    def test_zero_is_not_written_and_fractions_are_not_before_7_2(self):
        field = {"label": "Rate", "alias": "rate", "type": "number"}
        self.ok("POST", "/fields/contact/new", field, status=201)
        number = self.contact("a@b.ch", rate=3)
        path = "/contacts/%d/edit" % number
        self.ok("POST", "/contacts/%d/points/plus/9" % number)
        self.ok("PATCH", path, {"rate": 0.5, "points": 0})
        self.assertEqual((self.fields(number)["rate"], self.fields(number)["points"]), (3, 9))
        self.config(version="7.2.0")
        self.ok("PATCH", path, {"rate": 0.5})
        self.ok("PATCH", path, {"rate": 0})
        self.assertEqual(self.fields(number)["rate"], 0.5)

    def test_false_is_written_and_null_clears_the_owner(self):
        field = {"label": "Vip", "alias": "vip", "type": "boolean"}
        self.ok("POST", "/fields/contact/new", field, status=201)
        number = self.contact("a@b.ch", vip=True, owner=2)
        path = "/contacts/%d/edit" % number
        reply = self.ok("PATCH", path, {"vip": False, "owner": None})
        self.assertEqual(self.fields(number)["vip"], 0)
        self.assertIsNone(reply["contact"]["owner"])

    def test_tags_add_and_a_minus_removes(self):
        number = self.contact("a@b.ch", tags=["one", "two"])
        body = {"tags": ["One", "-two", "three", "-four"]}
        for _ in range(2):
            reply = self.ok("PATCH", "/contacts/%d/edit" % number, body)
            names = [tag["tag"] for tag in reply["contact"]["tags"]]
            self.assertEqual(names, ["one", "three"])

    def test_a_company_is_found_or_made_by_its_name(self):
        one = self.contact("a@b.ch", company="Fonderie SA")
        self.contact("b@b.ch", company="fonderie sa")
        self.contact("c@b.ch", company="Fonderie S.A.")
        self.assertEqual(self.ok("GET", "/companies")["total"], "2")
        mine = self.ok("GET", "/contacts/%d/companies" % one)["companies"]
        self.assertEqual(mine[0]["fields"]["all"]["companyname"], "Fonderie SA")

    def test_ids_are_numbers_at_first_and_text_later(self):
        fresh = self.ok("POST", "/contacts/new", {"email": "a@b.ch"}, status=201)
        later = self.ok("GET", "/contacts/%d" % fresh["contact"]["id"])
        kinds = []
        for reply in (fresh, later):
            fields = reply["contact"]["fields"]
            kinds.append(type(fields["core"]["email"]["id"]))
            kinds.append(type(fields["all"]["id"]))
            self.assertEqual((fields["personal"], fields["professional"]), ([], []))
        self.assertEqual(kinds, [int, int, str, str])
        self.assertEqual(self.ok("GET", "/contacts")["total"], "1")
        self.assertEqual(self.ok("GET", "/campaigns")["total"], 4)

    def test_empty_maps_are_arrays_or_objects(self):
        reply = self.ok("GET", "/contacts")
        self.assertEqual((reply["total"], reply["contacts"]), ("0", {}))
        number = self.contact("a@b.ch")
        for what, key in (("segments", "lists"), ("campaigns", "campaigns")):
            reply = self.ok("GET", "/contacts/%d/%s" % (number, what))
            self.assertEqual(reply, {"total": 0, key: []})
        self.ok("PATCH", "/contacts/%d/edit" % number, {"ipAddress": "203.0.113.9"})
        contact = self.ok("GET", "/contacts/%d" % number)["contact"]
        self.assertEqual(list(contact["ipAddresses"]), ["203.0.113.9"])

    def test_a_search_by_address_is_by_its_beginning(self):
        one = self.contact("anna@b.ch")
        two = self.contact("anna@b.ch.example")
        three = self.contact("annax@b.ch")
        self.assertEqual(self.find("search=email:anna@b.ch"), [str(two), str(one)])
        self.assertEqual(self.find("search=email:%2Banna@b.ch"), [str(one)])
        self.assertEqual(self.find("search=email:ann_@b.ch"), [str(two), str(one)])
        # A bare plus is a blank: everybody is found.
        everybody = [str(three), str(two), str(one)]
        self.assertEqual(self.find("search=email:+anna@b.ch"), everybody)

    def test_other_searches(self):
        one = self.contact("a@b.ch", firstname="Zoë", company="X AG", tags=["vip"])
        two = self.contact("b@b.ch", firstname="Max")
        self.ok("POST", "/segments/4/contact/%d/add" % two)
        self.ok("POST", "/campaigns/1/contact/%d/add" % two)
        for search, wanted in (
            ("segment:pending-quotes", two),
            ("company:X", one),
            ("tag:vip", one),
            ("ids:%d" % two, two),
            ("name:zoe", one),
            ("Max", two),
        ):
            self.assertEqual(self.find("search=" + search), [str(wanted)], search)
        self.config(version="7.2.0")
        self.assertEqual(self.find("search=campaign:1"), [str(two)])

    def test_the_database_ignores_case_and_accents(self):
        one = self.contact("andre@b.ch")
        self.assertEqual(self.find(where(("email", "eq", "ANDRE@b.ch"))), [str(one)])
        self.act("contact", contact=one, lastname="Müller")
        self.assertEqual(self.find(where(("lastname", "eq", "muller"))), [str(one)])

    def test_quotes_are_escaped_in_where_before_7_2(self):
        one = self.contact("o'brien@b.ch")
        query = where(("email", "eq", "o'brien@b.ch"))
        self.assertEqual(self.find(query), [])
        self.assertEqual(self.find("search=email:%2Bo'brien@b.ch"), [str(one)])
        self.config(version="7.2.0")
        self.assertEqual(self.find(query), [str(one)])

    def test_where_has_many_operators(self):
        one = self.contact("a@b.ch", city="Bern")
        two = self.contact("b@b.ch")
        self.ok("PATCH", "/contacts/%d/edit" % two, {"points": 40})
        for condition, wanted in (
            (("city", "isNull", ""), [two]),
            (("city", "isNotEmpty", ""), [one]),
            (("points", "gt", "9"), [two]),
            (("points", "lte", "9"), [one]),
            (("email", "like", "%@b.ch"), [one, two]),
            (("id", "in", "%d,77" % two), [two]),
            (("id", "between", "%d,%d" % (one, two)), [one, two]),
            (("date_modified", "gte", "2001-01-01 00:00:00"), [two]),
            (("date_added", "gte", "2001-01-01 00:00:00"), [one, two]),
        ):
            found = self.find("orderBy=id&" + where(condition))
            self.assertEqual(found, [str(n) for n in wanted], condition)
        either = urllib.parse.urlencode(
            [
                ("where[0][expr]", "orX"),
                ("where[0][val][0][col]", "city"),
                ("where[0][val][0][expr]", "eq"),
                ("where[0][val][0][val]", "Bern"),
                ("where[0][val][1][col]", "points"),
                ("where[0][val][1][expr]", "eq"),
                ("where[0][val][1][val]", "40"),
            ]
        )
        self.assertEqual(len(self.find(either)), 2)
        self.refused(500, "GET", "/contacts?where[0][col]=email&where[0][val]=x")

    def test_pages_and_order(self):
        numbers = [str(self.contact("p%d@b.ch" % i)) for i in range(4)]
        self.assertEqual(self.find("orderBy=id&limit=2&start=1"), numbers[1:3])
        query = "orderBy=email&orderByDir=DESC&limit=1"
        self.assertEqual(self.find(query), numbers[3:])
        self.assertEqual(self.ok("GET", "/contacts?limit=1")["total"], "4")
        small = self.ok("GET", "/contacts?minimal=1&limit=1")["contacts"]
        self.assertNotIn("dateAdded", small[numbers[3]])

    def test_a_batch_edit_without_ids_creates(self):
        number = self.contact("a@b.ch")
        body = [{"email": "a@b.ch", "city": "Bern"}, {"id": number, "city": "Sion"}]
        reply = self.ok("PATCH", "/contacts/batch/edit", body)
        self.assertEqual(reply["statusCodes"], [201, 200])
        self.assertNotEqual(reply["contacts"][0]["id"], number)
        reply = self.ok("PATCH", "/contacts/batch/edit", [{"id": 999}])
        self.assertEqual(reply["statusCodes"], [404])

    def test_a_batch_that_fails_altogether_is_still_created(self):
        body = [{"email": "x"}, {"country": "CH"}]
        reply = self.ok("POST", "/contacts/batch/new", body, status=201)
        self.assertEqual(reply["statusCodes"], [400, 400])
        self.assertEqual(reply["contacts"], [])
        self.assertEqual(len(reply["errors"]), 2)

    def test_one_address_twice_in_a_batch_updates_the_first(self):
        body = [{"email": "a@b.ch", "city": "Bern"}, {"email": "a@b.ch", "city": "Sion"}]
        reply = self.ok("POST", "/contacts/batch/new", body, status=201)
        self.assertEqual(reply["statusCodes"], [201, 200])
        ids = {contact["id"] for contact in reply["contacts"]}
        self.assertEqual(len(ids), 1)
        reply = self.ok("DELETE", "/contacts/batch/delete?ids=%d,999" % ids.pop())
        self.assertEqual(reply["statusCodes"], [200, 404])

    def test_two_at_once_make_two_and_then_every_write_is_refused(self):
        self.config(race_ms="60000")
        body = {"email": "a@b.ch"}
        replies = together(*[lambda: self.api("POST", "/contacts/new", body)] * 2)
        self.config(race_ms="0")
        self.assertEqual([reply.status for reply in replies], [201, 201])
        numbers = {reply.json["contact"]["id"] for reply in replies}
        self.assertEqual(len(numbers), 2)
        self.refused(422, "POST", "/contacts/new", body)
        for number in numbers:
            self.refused(422, "PATCH", "/contacts/%d/edit" % number, body)
            self.ok("PATCH", "/contacts/%d/edit" % number, {"city": "Bern"})
        self.act("merge", loser=min(numbers), winner=max(numbers))
        self.ok("POST", "/contacts/new", body)

    def test_of_several_that_match_the_newest_wins(self):
        self.restart_sim(SIM_FIELDS='[{"alias":"directus_id","unique":true}]')
        self.contact("old@b.ch", directus_id="1")
        new = self.contact("new@b.ch", directus_id="2")
        # One body, two people: the newest is meant, and then the address is taken.
        body = {"email": "old@b.ch", "directus_id": "2"}
        self.refused(422, "POST", "/contacts/new", body)
        reply = self.ok("POST", "/contacts/new", {"directus_id": "2", "city": "Bern"})
        self.assertEqual(reply["contact"]["id"], new)
        self.config(unique_operator="AND")
        self.ok("POST", "/contacts/new", body, status=201)

    def test_who_was_merged_is_shown_as_the_winner(self):
        loser = self.contact("a@b.ch", city="Bern")
        winner = self.contact("c@b.ch")
        self.hooks()
        self.act("merge", loser=loser, winner=winner)
        contact = self.ok("GET", "/contacts/%d" % loser)["contact"]
        self.assertEqual(contact["id"], winner)
        self.assertEqual(contact["fields"]["all"]["city"], "Bern")
        self.refused(404, "POST", "/segments/4/contact/%d/add" % loser)
        self.refused(404, "PATCH", "/contacts/%d/edit" % loser, {"city": "x"})
        items = dict(self.items())
        self.assertEqual(items["mautic.lead_post_delete"]["id"], loser)
        self.assertIsNone(items["mautic.lead_post_delete"]["contact"]["id"])
        update = items["mautic.lead_post_save_update"]
        self.assertEqual(update["contact"]["id"], winner)

    def test_what_is_gone_is_gone_in_the_language_of_the_user(self):
        self.config(language="de")
        reply = self.refused(404, "GET", "/contacts/999")
        self.assertEqual(reply["errors"][0]["code"], 404)
        self.assertEqual(reply["errors"][0]["message"], "Element nicht gefunden.")

    def test_who_was_deleted_is_gone(self):
        number = self.contact("a@b.ch")
        reply = self.ok("DELETE", "/contacts/%d/delete" % number)
        self.assertIsNone(reply["contact"]["id"])
        self.refused(404, "GET", "/contacts/%d" % number)
        again = self.contact("a@b.ch")
        self.assertNotEqual(again, number)
        deleted = self.sim.control("GET", "/state")["deleted"]
        self.assertEqual([grave["id"] for grave in deleted], [number])


class AccessTest(MauticTest):
    def test_a_credential_acts_without_a_number(self):
        body = {"email": "a@b.ch"}
        reply = self.ok("POST", "/contacts/new", body, status=201, auth=self.bearer())
        self.assertIsNone(reply["contact"]["createdBy"])
        self.assertRegex(reply["contact"]["createdByUser"], r"\[\d+\]$")
        body["city"] = "Bern"
        reply = self.ok("POST", "/contacts/new", body)
        self.assertEqual(reply["contact"]["modifiedByUser"], "Queue Worker")

    def test_tokens_live_side_by_side_and_end_with_the_clock(self):
        one, two = self.bearer(), self.bearer()
        self.assertNotEqual(one, two)
        for token in (one, two):
            self.ok("GET", "/contacts", auth=token)
        self.sim.control("POST", "/clock", {"advance_ms": 3600000})
        reply = self.api("GET", "/contacts", auth=one)
        self.assertEqual(reply.status, 401)
        self.assertEqual(reply.json["errors"][0]["type"], "invalid_grant")
        self.assertIn("Bearer", reply.headers["WWW-Authenticate"])

    def test_a_token_wants_its_parameters_in_the_body(self):
        query = urllib.parse.urlencode(dict(CLIENT, grant_type="client_credentials"))
        reply = self.sim.call("POST", "/oauth/v2/token?" + query)
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.json["errors"][0]["type"], "invalid_request")

    def test_a_wrong_password_has_no_body_from_6_on(self):
        self.config(version="6.0.1")
        reply = self.api("GET", "/contacts", auth=basic("worker", "wrong"))
        self.assertEqual((reply.status, reply.text), (401, b""))
        self.assertIn("Basic", reply.headers["WWW-Authenticate"])

    def test_basic_can_be_off(self):
        self.config(basic="false")
        reply = self.refused(403, "GET", "/contacts")
        self.assertEqual(reply["errors"][0]["type"], "api_disabled")
        self.ok("GET", "/contacts", auth=self.bearer())

    def test_every_answer_tells_the_version(self):
        for path in ("/contacts", "/contacts/999", "/nowhere"):
            reply = self.api("GET", path)
            self.assertEqual(reply.headers["Mautic-Version"], "5.2.1", path)

    def test_the_wrong_verb_and_the_wrong_path(self):
        number = self.contact("a@b.ch")
        self.refused(405, "POST", "/contacts/%d/notes" % number, {"text": "x"})
        self.refused(404, "POST", "/contacts/%d/points/plus" % number, {"points": 5})
        reply = self.sim.call("GET", "/contacts")
        self.assertEqual(reply.status, 404)
        self.assertIn(b"<html>", reply.text)

    def test_an_https_site_sends_everybody_there(self):
        self.config(public_url="https://mautic.example.ch")
        reply = self.api("POST", "/contacts/new", {"email": "a@b.ch"})
        self.assertEqual(reply.status, 301)
        place = "https://mautic.example.ch/api/contacts/new"
        self.assertEqual(reply.headers["Location"], place)
        self.ok("GET", "/contacts", headers={"X-Forwarded-Proto": "https"})

    def test_the_rate_limit_of_5_and_6(self):
        self.config(rate_limit="2")
        for left in ("1", "0"):
            reply = self.api("GET", "/contacts")
            self.assertEqual(reply.headers["X-RateLimit-Limit"], "2")
            self.assertEqual(reply.headers["X-RateLimit-Remaining"], left)
        reply = self.api("GET", "/contacts")
        self.assertEqual(reply.status, 429)
        self.assertTrue(reply.headers["X-RateLimit-Reset"].isdigit())
        self.assertIn("2 API calls", reply.json["errors"][0]["message"])
        # A bucket for each path and token; but basic is one caller.
        self.ok("GET", "/segments")
        self.ok("GET", "/contacts", auth=self.bearer())
        self.config(version="7.0.0")
        self.assertNotIn("X-RateLimit-Limit", self.api("GET", "/contacts").headers)


class CampaignTest(MauticTest):
    def setUp(self):
        super().setUp()
        self.number = self.contact("a@b.ch")

    def add(self, campaign):
        reply = self.ok(
            "POST", "/campaigns/%d/contact/%d/add" % (campaign, self.number)
        )
        self.assertEqual(reply, {"success": 1})

    def remove(self, campaign):
        path = "/campaigns/%d/contact/%d/remove" % (campaign, self.number)
        self.assertEqual(self.ok("POST", path), {"success": 1})

    def member(self, campaign):
        rows = self.stats(
            "campaign_leads",
            ("campaign_id", "eq", campaign),
            ("lead_id", "eq", self.number),
        )
        return rows[0] if rows else None

    def entries(self, campaign):
        entries = self.person(self.number)["entries"]
        return [e["rotation"] for e in entries if e["campaign"] == campaign]

    def mails(self):
        return [m["email"] for m in self.sim.control("GET", "/state")["mails"]]

    def test_a_second_add_restarts_and_mails_again(self):
        self.add(2)
        first = self.member(2)
        self.sim.control("POST", "/clock", {"advance_ms": 5000})
        self.add(2)
        second = self.member(2)
        self.assertEqual((first["rotation"], second["rotation"]), ("1", "2"))
        self.assertLess(first["date_added"], second["date_added"])
        self.assertEqual(self.entries(2), [1, 2])
        self.cron()
        self.sim.control("POST", "/clock", {"advance_ms": 3 * 86400000})
        self.cron()
        self.assertEqual(self.mails(), [6, 6])

    def test_an_add_whose_answer_is_late_is_like_any_other(self):
        self.sim.fault("latency", ms=50, count=2)
        self.add(2)
        path = "/segments/1/contact/%d/add" % self.number
        self.assertEqual(self.ok("POST", path), {"success": 1})
        self.assertEqual(self.entries(2), [1])

    def test_a_second_add_does_nothing_without_restart(self):
        self.add(6)
        self.add(6)
        self.assertEqual(self.entries(6), [1])
        self.cron()
        self.assertEqual(self.mails(), [9])

    def test_who_was_removed_by_hand_starts_again(self):
        self.add(6)
        self.remove(6)
        member = self.member(6)
        self.assertEqual(member["manually_removed"], "1")
        self.assertEqual(self.ok("GET", "/campaigns/6/contacts")["contacts"], [])
        path = "/contacts/%d/campaigns" % self.number
        self.assertEqual(self.ok("GET", path)["campaigns"], [])
        self.add(6)
        self.assertEqual(self.member(6)["rotation"], "2")
        self.remove(6)
        self.remove(6)

    def test_who_left_with_his_segment_does_not_start_again_from_7_2_on(self):
        for version, wanted in (("7.2.0", [1]), ("5.2.1", [1, 2])):
            self.config(version=version)
            self.ok("POST", "/segments/4/contact/%d/add" % self.number)
            if self.member(1) is None:
                self.cron()
                self.ok("POST", "/segments/4/contact/%d/remove" % self.number)
                self.cron()
            self.assertIsNotNone(self.member(1)["date_last_exited"])
            self.add(1)
            self.assertEqual(self.entries(1), wanted)

    def test_a_segment_alone_brings_in(self):
        self.ok("POST", "/segments/4/contact/%d/add" % self.number)
        self.assertIsNone(self.member(1))
        self.cron()
        member = self.member(1)
        self.assertEqual(member["manually_added"], "0")
        self.assertEqual(self.mails(), [5])
        self.add(1)
        self.assertEqual(self.entries(1), [1])
        path = "/contacts/%d/campaigns" % self.number
        listed = self.ok("GET", path)["campaigns"]["1"]
        self.assertEqual(listed["listMembership"], ["4"])

    def test_an_unpublished_campaign_takes_nobody_and_says_success(self):
        self.act("campaign", id=6, published=False)
        self.add(6)
        self.assertIsNone(self.member(6))
        self.assertEqual(self.entries(6), [])

    def test_nothing_is_sent_before_the_cron(self):
        self.add(6)
        self.assertEqual(self.mails(), [])
        self.cron()
        self.cron()
        self.assertEqual(self.mails(), [9])

    def test_the_cron_comes_by_itself(self):
        self.add(6)
        self.config(cron_ms="20")
        self.sim.control("POST", "/clock", {"advance_ms": 1})
        while not self.mails():
            self.sim.idle()
        self.assertEqual(self.mails(), [9])

    def test_marketing_is_not_sent_to_who_does_not_want_it(self):
        self.act("unsubscribe", contact=self.number)
        self.add(6)
        self.add(1)
        self.cron()
        self.assertEqual(self.mails(), [5])
        self.assertEqual(self.entries(6), [1])

    def test_marketing_is_sent_once_for_ever_and_all_else_at_each_start(self):
        for times in (1, 2):
            self.add(2)
            self.sim.control("POST", "/clock", {"advance_ms": 30 * 86400000})
            self.cron()
            self.assertEqual(sorted(self.mails()), [6] * times + [7])

    def test_who_left_gets_no_more(self):
        self.add(2)
        self.cron()
        self.remove(2)
        self.sim.control("POST", "/clock", {"advance_ms": 30 * 86400000})
        self.cron()
        self.assertEqual(self.mails(), [])

    def test_events_are_in_the_log(self):
        self.refused(409, "GET", "/campaigns/2/events/contact/%d" % self.number)
        self.add(2)
        self.cron()
        rows = self.stats("campaign_lead_event_log", ("is_scheduled", "eq", 1))
        self.assertEqual([row["event_id"] for row in rows], ["21", "22"])
        reply = self.ok("GET", "/campaigns/2/events/contact/%d" % self.number)
        self.assertEqual(reply["total"], 2)

    def test_the_alias_takes_no_where_from_6_on(self):
        self.add(2)
        path = "/campaigns/2/contacts?" + where(("lead_id", "eq", 999))
        self.ok("GET", path)
        self.config(version="6.0.0")
        self.refused(400, "GET", path)

    def test_two_adds_at_once_end_in_one_500(self):
        self.config(race_ms="60000")
        path = "/campaigns/2/contact/%d/add" % self.number
        replies = together(*[lambda: self.api("POST", path)] * 2)
        self.assertEqual(sorted(r.status for r in replies), [200, 500])
        self.config(race_ms="0")
        self.assertEqual(self.entries(2), [1])

    def test_counts_come_with_7_2(self):
        self.add(2)
        path = "/campaigns?withContactCounts=true"
        self.assertNotIn("contactCount", self.ok("GET", path)["campaigns"]["2"])
        self.config(version="7.2.0")
        self.assertEqual(self.ok("GET", path)["campaigns"]["2"]["contactCount"], 1)


class SubResourceTest(MauticTest):
    def setUp(self):
        super().setUp()
        self.number = self.contact("a@b.ch")

    def test_segments_are_sets(self):
        for verb in ("add", "add", "remove", "remove"):
            path = "/segments/4/contact/%d/%s" % (self.number, verb)
            self.assertEqual(self.ok("POST", path), {"success": 1})
        changes = [i["action"] for kind, i in self.items()
                   if kind == "mautic.lead_list_change"]
        self.assertCountEqual(changes, ["added", "removed"])
        rows = self.stats("lead_lists_leads", ("leadlist_id", "eq", 4))
        self.assertEqual(rows[0]["manually_removed"], "1")

    def test_many_at_once_want_ids(self):
        body = {"contactIds": [self.number]}
        self.refused(400, "POST", "/segments/4/contacts/add", body)

    def test_a_segment_that_is_not_published_is_closed(self):
        self.act("segment", id=3, published=False)
        self.refused(403, "POST", "/segments/3/contact/%d/add" % self.number)

    def test_a_segment_in_use_stays_published(self):
        self.refused(422, "PATCH", "/segments/4/edit", {"isPublished": False})
        self.ok("PATCH", "/segments/3/edit", {"isPublished": False})

    def test_two_adds_to_a_segment_at_once_end_in_one_500(self):
        self.config(race_ms="60000")
        path = "/segments/4/contact/%d/add" % self.number
        replies = together(*[lambda: self.api("POST", path)] * 2)
        self.assertEqual(sorted(r.status for r in replies), [200, 500])
        self.config(race_ms="0")
        self.ok("POST", path)

    def test_notes_are_found_by_a_mark_in_their_text(self):
        body = {"lead": self.number, "text": "<p>ref quote.sent:6f1c</p>"}
        for _ in range(2):
            note = self.ok("POST", "/notes/new", body, status=201)["note"]
            self.assertIsNone(note["dateTime"])
        path = "/contacts/%d/notes?search=" % self.number
        self.assertEqual(self.ok("GET", path + "quote.sent:6f1c")["total"], 2)
        self.assertEqual(self.ok("GET", path + "quote.sent:0000"),
                         {"total": 0, "notes": []})
        self.assertEqual(len(self.person(self.number)["notes"]), 2)

    def test_a_note_has_a_type(self):
        body = {"lead": self.number, "text": "x", "type": "webhook"}
        reply = self.refused(400, "POST", "/notes/new", body)
        self.assertEqual(list(reply["errors"][0]["details"]), ["type"])
        self.refused(404, "POST", "/notes/new", {"lead": 999, "text": "x"})

    def test_notes_are_not_in_the_timeline_but_points_are(self):
        self.ok("POST", "/notes/new", {"lead": self.number, "text": "x"}, status=201)
        body = {"eventName": "Lead score", "actionName": "lead 1"}
        self.ok("POST", "/contacts/%d/points/plus/5" % self.number, body)
        path = "/contacts/%d/activity" % self.number
        reply = self.ok("GET", path)
        kinds = [event["event"] for event in reply["events"]]
        self.assertEqual(kinds, ["point.gained", "lead.create"])
        self.assertEqual(reply["total"], 2)
        path += "?filters[includeEvents][]=point.gained"
        event = self.ok("GET", path)["events"][0]
        self.assertEqual(event["eventLabel"], "Lead score: lead 1 / 5")

    def test_points_add_up(self):
        for verb, delta in (("plus", 55), ("plus", 55), ("minus", 10)):
            path = "/contacts/%d/points/%s/%d" % (self.number, verb, delta)
            # The delta is in the path, a body does not count.
            self.ok("POST", path, {"points": 1000})
        self.assertEqual(self.fields(self.number)["points"], 100)
        log = self.person(self.number)["points_log"]
        self.assertEqual([entry["delta"] for entry in log], [55, 55, -10])

    def test_do_not_contact_is_a_set_for_each_channel(self):
        path = "/contacts/%d/dnc/%s/%s"
        for _ in range(2):
            self.ok("POST", path % (self.number, "email", "add"), {"reason": 3})
        self.ok("POST", path % (self.number, "sms", "add"), {"reason": 1})
        dnc = self.person(self.number)["dnc"]
        self.assertEqual(
            [(row["channel"], row["reason"]) for row in dnc], [("email", 3), ("sms", 1)]
        )
        changes = [
            (i["channel"], i["old_status"], i["new_status"])
            for kind, i in self.items()
            if kind == "mautic.lead_channel_subscription_changed"
        ]
        self.assertCountEqual(
            changes,
            [("email", "contactable", "manual"), ("sms", "contactable", "unsubscribed")],
        )

    def test_a_contact_can_bring_its_do_not_contact(self):
        wish = [{"channel": "email", "reason": 3, "comments": "x"}]
        self.ok("POST", "/contacts/new", {"email": "a@b.ch", "doNotContact": wish})
        self.assertEqual(self.person(self.number)["dnc"][0]["comments"], "x")

    def test_an_email_goes_out_as_often_as_it_is_sent(self):
        path = "/emails/5/contact/%d/send" % self.number
        self.act("unsubscribe", contact=self.number)
        for _ in range(2):
            self.assertEqual(self.ok("POST", path), {"success": True})
        rows = self.stats("email_stats", ("lead_id", "eq", self.number))
        self.assertEqual([row["source"] for row in rows], ["api", "api"])
        self.assertEqual(self.ok("GET", "/emails/5")["email"]["sentCount"], 2)
        self.sim.fault("mail_lost", method="POST")
        self.assertEqual(self.ok("POST", path), {"success": True})
        self.assertEqual(len(self.sim.control("GET", "/state")["mails"]), 2)

    def test_statistics_are_filtered_ordered_and_cut(self):
        path = "/emails/%d/contact/%d/send"
        for email in (5, 6, 7):
            self.ok("POST", path % (email, self.number))
        more = "&order[0][col]=id&order[0][dir]=DESC&limit=1"
        rows = self.stats("email_stats", ("email_id", "lte", 6), more=more)
        self.assertEqual([row["email_id"] for row in rows], ["6"])
        reply = self.ok("GET", "/stats/email_stats?limit=1")
        self.assertEqual((reply["total"], len(reply["stats"])), ("3", 1))

    def test_a_failure_of_statistics_comes_as_200(self):
        self.ok("POST", "/segments/4/contact/%d/add" % self.number)
        reply = self.ok("GET", "/stats/lead_lists_leads?where[0][col]=lead_id")
        self.assertEqual(reply["errors"][0]["code"], 500)
        self.sim.fault("status", status=200, path_prefix="/api/stats")
        self.assertIn("errors", self.ok("GET", "/stats/lead_lists_leads"))

    def test_companies_take_contacts_in(self):
        body = {"companyname": "X AG", "companyemail": "x@b.ch"}
        company = self.ok("POST", "/companies/new", body, status=201)["company"]["id"]
        path = "/companies/%d/contact/%d/" % (company, self.number)
        for verb in ("add", "add", "remove", "remove"):
            self.assertEqual(self.ok("POST", path + verb), {"success": 1})
        changes = [i["added"] for kind, i in self.items()
                   if kind == "mautic.lead_company_change"]
        self.assertCountEqual(changes, [True, False])

    def test_tags_have_routes_of_their_own(self):
        tag = self.ok("POST", "/tags/new", {"tag": "x"}, status=201)["tag"]
        again = self.ok("POST", "/tags/new", {"tag": "X"}, status=201)["tag"]
        self.assertEqual(tag["id"], again["id"])
        self.assertEqual(self.ok("GET", "/tags")["total"], 1)


if __name__ == "__main__":
    unittest.main()
