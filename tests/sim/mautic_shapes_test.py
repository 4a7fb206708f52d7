"""Answers, errors and webhooks have the shapes of the fixtures."""

import json
import unittest

import simtest
from mautic_case import CLIENT, MauticTest, basic, fixture, fixture_text, where

KELLER = "martina.keller@alpenblick-immo.ch"


def without_ids(value):
    """Objects keyed by numbers keep one member, so that the numbers do not count."""
    if isinstance(value, list):
        return [without_ids(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return {"#": without_ids(next(iter(value.values())))}
    return {key: without_ids(item) for key, item in value.items()}


class ShapesTest(MauticTest):
    def same_shape(self, actual, name, free=(".details",)):
        found = simtest.differences(
            without_ids(actual), without_ids(fixture(name)), free
        )
        self.assertEqual(found, [], name)

    def keller(self):
        return self.ok(
            "POST", "/contacts/new", fixture("contact-new.1.request"), status=201
        )["contact"]["id"]

    def favre(self):
        body = fixture("contact-new.2.request")
        return self.ok("POST", "/contacts/new", body, status=201)["contact"]["id"]

    def test_a_new_contact(self):
        for number in (1, 3):
            request = fixture("contact-new.%d.request" % number)
            reply = self.api("POST", "/contacts/new", request)
            self.assertEqual(reply.status, 201)
            name = "contact-new.%d.response.201" % number
            self.same_shape(reply.json, name)
            wanted = fixture(name)["contact"]
            actual = reply.json["contact"]
            for alias, value in wanted["fields"]["all"].items():
                if alias != "id":
                    self.assertEqual(actual["fields"]["all"][alias], value, alias)
            self.assertEqual(
                [t["tag"] for t in actual["tags"]], [t["tag"] for t in wanted["tags"]]
            )
            self.assertEqual(
                actual["fields"]["core"]["points"], wanted["fields"]["core"]["points"]
            )
            place = "%s/api/contacts/%d" % (self.sim.url, actual["id"])
            self.assertEqual(reply.headers["Location"], place)

    def test_a_contact_that_is_there(self):
        number = self.favre()
        self.ok("PATCH", "/contacts/%d/edit" % number, {"owner": 2})
        self.ok("POST", "/contacts/%d/points/plus/25" % number)
        reply = self.ok("POST", "/contacts/new", fixture("contact-new.2.request"))
        self.same_shape(reply, "contact-new.2.response.200")
        wanted = fixture("contact-new.2.response.200")["contact"]["fields"]
        for alias in ("title", "email", "points", "attribution", "fax"):
            self.assertEqual(
                reply["contact"]["fields"]["core"][alias], wanted["core"][alias]
            )
        self.assertEqual(reply["contact"]["fields"]["all"]["id"], str(number))

    def test_edits(self):
        one, two = self.keller(), self.favre()
        path = "/contacts/%d/edit"
        reply = self.ok("PATCH", path % one, fixture("contact-edit.1.request"))
        self.same_shape(reply, "contact-edit.1.response.200")
        self.assertIn("client", [tag["tag"] for tag in reply["contact"]["tags"]])
        reply = self.ok("PATCH", path % two, fixture("contact-edit.2.request"))
        self.same_shape(reply, "contact-edit.2.response.200")
        self.assertEqual(reply["contact"]["points"], 40)
        body = fixture("contact-edit.3.request")
        reply = self.refused(422, "PATCH", path % two, body)
        self.assertEqual(reply, fixture("contact-edit.3-other-owner.response.422"))
        body = fixture("contact-edit.4.request")
        reply = self.refused(404, "PATCH", path % 999, body)
        self.assertEqual(reply, fixture("contact-edit.4-missing.response.404"))

    def test_look_ups(self):
        number = self.keller()
        self.ok("POST", "/contacts/%d/points/plus/10" % number)
        path = "/contacts?limit=5&orderBy=id&" + where(("email", "eq", KELLER))
        self.same_shape(self.ok("GET", path), "contact-search.1-one.response.200")
        path = "/contacts?" + where(("email", "eq", "nobody@example.ch"))
        reply = self.api("GET", path)
        wanted = fixture_text("contact-search.2-none.response.200")
        self.assertEqual(reply.text.decode(), wanted)
        self.contact(KELLER + ".example")
        reply = self.ok("GET", "/contacts?search=email:" + KELLER)
        self.same_shape(reply, "contact-search.3-prefix-hit.response.200")
        self.assertEqual(len(reply["contacts"]), 2)

    def test_batches(self):
        self.keller()
        self.favre()
        path = "/contacts/batch/new"
        body = fixture("contact-batch-new.1.request")
        reply = self.ok("POST", path, body, status=201)
        self.same_shape(reply, "contact-batch-new.1.response.201")
        self.assertEqual(reply["statusCodes"], [200, 200])
        body = fixture("contact-batch-new.2.request")
        reply = self.ok("POST", path, body, status=201)
        self.same_shape(reply, "contact-batch-new.2-partial.response.201")
        self.assertEqual(reply["statusCodes"], [201, 400])
        self.act("contact", email=KELLER, duplicate=True)
        body = fixture("contact-batch-new.1.request")
        reply = self.ok("POST", path, body, status=201)
        self.same_shape(reply, "contact-batch-new.4-first-fails.response.201")
        self.assertEqual(reply["statusCodes"], [422, 200])
        self.assertEqual(list(reply["contacts"]), ["1"])
        body = [{"email": "%d@b.ch" % i} for i in range(201)]
        reply = self.refused(500, "POST", path, body)
        self.assertEqual(reply, fixture("contact-batch-new.3-too-many.response.500"))

    def test_memberships(self):
        one, two = self.keller(), self.favre()
        reply = self.ok("POST", "/segments/4/contact/%d/add" % one)
        self.assertEqual(reply, fixture("segment-add.1.response.200"))
        reply = self.ok("POST", "/segments/4/contacts/add", {"ids": [one, two, 999999]})
        self.same_shape(reply, "segment-add-many.1.response.200")
        self.assertEqual(reply["details"]["999999"], {"success": False})
        reply = self.ok("POST", "/campaigns/1/contact/%d/add" % one)
        self.assertEqual(reply, fixture("campaign-add.1.response.200"))
        for path, name in (
            ("/contacts/%d/segments" % one, "contact-segments.1"),
            ("/contacts/%d/campaigns" % one, "contact-campaigns.1"),
            ("/campaigns/1/contacts", "campaign-contacts.1"),
            ("/campaigns/2/contacts", "campaign-contacts.2-empty"),
        ):
            self.same_shape(self.ok("GET", path), name + ".response.200")
        reply = self.api("GET", "/campaigns/2/contacts")
        wanted = fixture_text("campaign-contacts.2-empty.response.200")
        self.assertEqual(reply.text.decode(), wanted)
        for path, name in (
            ("/segments/4/contact/999/add", "segment-add.3-no-contact"),
            ("/campaigns/1/contact/999/add", "campaign-add.3-no-contact"),
            ("/campaigns/999/contact/%d/add" % one, "campaign-add.4-no-campaign"),
        ):
            reply = self.refused(404, "POST", path)
            self.assertEqual(reply, fixture(name + ".response.404"))

    def test_forbidden_things(self):
        number = self.keller()
        self.act("segment", id=4, private_to=2)
        reply = self.refused(403, "POST", "/segments/4/contact/%d/add" % number)
        self.assertEqual(reply, fixture("segment-add.2-private.response.403"))
        self.config(denied="campaigns,stats")
        reply = self.refused(403, "POST", "/campaigns/1/contact/%d/add" % number)
        self.assertEqual(reply, fixture("campaign-add.5-forbidden.response.403"))
        self.same_shape(self.ok("GET", "/stats/email_stats"), "stats-error.response.200")

    def test_campaigns_and_segments(self):
        for number, name in ((1, 1), (2, 2), (5, 3)):
            reply = self.ok("GET", "/campaigns/%d" % number)
            self.same_shape(reply, "campaign-get.%d.response.200" % name)
            wanted = fixture("campaign-get.%d.response.200" % name)["campaign"]
            self.assertEqual(list(reply["campaign"]["events"]), list(wanted["events"]))
            self.assertEqual(
                reply["campaign"]["allowRestart"], wanted["allowRestart"]
            )
        self.same_shape(self.ok("GET", "/segments/4"), "segment-get.1.response.200")
        self.same_shape(self.ok("GET", "/segments"), "segments-list.1.response.200")
        self.config(version="7.2.0")
        reply = self.ok("GET", "/segments?withCounts=true")
        self.same_shape(reply, "segments-list.2-7.2-withCounts.response.200")

    def test_notes(self):
        number = self.keller()
        for i in (1, 2, 3):
            body = dict(fixture("note-new.%d.request" % i), lead=number)
            reply = self.ok("POST", "/notes/new", body, status=201)
            self.same_shape(
                reply, "note-new.%d.response.201" % i, (".points.normalizedValue",)
            )
            wanted = fixture("note-new.%d.response.201" % i)["note"]
            for key in ("text", "type", "dateTime"):
                self.assertEqual(reply["note"][key], wanted[key])
        reply = self.refused(400, "POST", "/notes/new", {"text": "x"})
        self.assertEqual(reply, fixture("note-new.4-no-lead.response.400"))

    def test_points(self):
        number = self.keller()
        body = fixture("points-plus.1.request")
        reply = self.ok("POST", "/contacts/%d/points/plus/55" % number, body)
        self.assertEqual(reply, fixture("points-plus.1.response.200"))
        reply = self.ok("POST", "/contacts/%d/points/minus/5" % number)
        self.assertEqual(reply, fixture("points-plus.2.response.200"))
        self.assertEqual(self.fields(number)["points"], 50)

    def test_do_not_contact(self):
        number = self.keller()
        path = "/contacts/%d/dnc/email/" % number
        reply = self.ok("POST", path + "add", fixture("dnc-add.1.request"))
        self.same_shape(reply, "dnc-add.1.response.200")
        self.assertEqual(
            reply["contact"]["doNotContact"][0]["comments"],
            fixture("dnc-add.1.request")["comments"],
        )
        self.same_shape(self.ok("POST", path + "remove"), "dnc-remove.2.response.200")
        self.assertFalse(self.ok("POST", path + "remove")["recordFound"])
        reply = self.refused(400, "POST", path + "add", {"reason": 0})
        self.assertEqual(reply, fixture("dnc-add.3-bad-reason.response.400"))

    def test_sending_one_email(self):
        number = self.keller()
        path = "/emails/5/contact/%d/send" % number
        reply = self.ok("POST", path, fixture("email-send.1.request"))
        self.assertEqual(reply, fixture("email-send.1.response.200"))
        wanted = fixture("email-send.2-failed.response.200")
        self.config(smtp_error=wanted["failed"].removeprefix("Could not send: "))
        self.assertEqual(self.ok("POST", path), wanted)
        self.config(smtp_error="", version="7.2.0")
        self.act("unsubscribe", contact=number)
        reply = self.ok("POST", path)
        self.assertEqual(reply, fixture("email-send.3-7.2-dnc.response.200"))
        reply = self.refused(404, "POST", "/emails/5/contact/999/send")
        self.assertEqual(reply, fixture("email-send.4-no-contact.response.404"))

    def test_statistics(self):
        number = self.keller()
        self.ok("POST", "/segments/4/contact/%d/add" % number)
        self.ok("POST", "/campaigns/1/contact/%d/add" % number)
        self.cron()
        self.act("open", contact=number)
        for table in (
            "campaign_leads",
            "campaign_lead_event_log",
            "email_stats",
            "lead_lists_leads",
        ):
            reply = self.ok("GET", "/stats/" + table)
            self.same_shape(reply, "stats-%s.1.response.200" % table)
            self.assertEqual(reply["total"], "1")
        reply = self.ok("GET", "/stats/nope")
        wanted = fixture("stats-unknown-table.response.200")
        self.assertEqual(list(reply), list(wanted))
        self.assertEqual(reply["availableTables"], wanted["availableTables"])
        self.assertEqual(
            reply["tableColumns"]["campaign_leads"],
            wanted["tableColumns"]["campaign_leads"],
        )

    def test_figures_per_day(self):
        self.sim.control("POST", "/clock", {"now": "2026-08-12T09:00:00Z"})
        number = self.keller()
        self.ok("POST", "/emails/5/contact/%d/send" % number)
        path = (
            "/data/emails.in.time?dateFrom=2026-08-11&dateTo=2026-08-13&timeUnit=d"
            "&dataset[]=sent&dataset[]=opened&dataFormat=raw"
        )
        reply = self.ok("GET", path)
        self.same_shape(reply, "data-emails.in.time.response.200")
        sent = list(reply["data"].values())[0]
        self.assertEqual(
            sent, {"2026-08-11": "0", "2026-08-12": "1", "2026-08-13": "0"}
        )
        self.refused(400, "GET", "/data/emails.in.time?timeUnit=century")
        self.refused(404, "GET", "/data/nothing.in.time")

    def test_tokens(self):
        for headers, raw, name in (
            (
                {"Content-Type": "application/x-www-form-urlencoded"},
                "grant_type=client_credentials&client_id=%s&client_secret=%s"
                % tuple(CLIENT.values()),
                1,
            ),
            ({}, json.dumps(dict(CLIENT, grant_type="client_credentials")), 2),
            (
                {
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Authorization": basic(*CLIENT.values()),
                },
                "grant_type=client_credentials",
                3,
            ),
        ):
            reply = self.token(headers=headers, raw=raw.encode())
            self.assertEqual(reply.status, 200)
            self.same_shape(reply.json, "token.%d.response.200" % name)
            self.assertEqual(reply.json["expires_in"], 3600)
        wrong = dict(CLIENT, grant_type="client_credentials", client_secret="no")
        reply = self.token(wrong)
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.json, fixture("token.4.response.400"))
        reply = self.token(dict(CLIENT))
        self.assertEqual(reply.json, fixture("token.6.response.400"))
        self.config(client_unauthorized="true")
        reply = self.token(dict(CLIENT, grant_type="client_credentials"))
        self.assertEqual(reply.status, 400)
        self.assertEqual(reply.json, fixture("token.5.response.400"))

    def test_errors(self):
        bad = fixture("contact-new.4-bad-country.request")
        reply = self.refused(400, "POST", "/contacts/new", bad)
        self.assertEqual(reply, fixture("contact-new.4-bad-country.response.400"))
        reply = self.refused(400, "POST", "/contacts/new", {"email": "luc@@rhone"})
        self.assertEqual(reply, fixture("contact-new.5-bad-email.response.400"))
        reply = self.refused(401, "GET", "/contacts", auth=None)
        self.assertEqual(reply, fixture("error.401.1-no-credentials"))
        wrong = basic("worker", "wrong")
        reply = self.refused(401, "GET", "/contacts", auth=wrong)
        self.assertEqual(reply, fixture("error.401.2-basic-5x"))
        token = self.bearer()
        self.act("expire_tokens")
        reply = self.refused(401, "GET", "/contacts", auth=token)
        self.assertEqual(reply, fixture("error.401.4-token-expired"))
        reply = self.refused(404, "GET", "/contacts/999")
        self.assertEqual(reply, fixture("error.404.1-item"))
        self.config(api_disabled="true")
        reply = self.refused(403, "GET", "/contacts")
        self.assertEqual(reply, fixture("error.403.1-api-disabled"))

    def test_errors_that_are_asked_for(self):
        self.config(rate_limit="1000")
        for status, name in (
            (403, "error.403.2-permission"),
            (429, "error.429.1-5x-6x"),
            (500, "error.500.1"),
            (409, "error.409.1-locked-7x"),
            (422, "contact-new.6-duplicates-exist.response.422"),
        ):
            self.sim.fault("status", status=status)
            reply = self.refused(status, "GET", "/contacts")
            self.assertEqual(reply, fixture(name))

    def test_webhooks_and_their_routes(self):
        request = fixture("hook-new.1.request")
        reply = self.ok("POST", "/hooks/new", request, status=201)
        self.same_shape(reply, "hook-new.1.response.201")
        self.assertEqual(reply["hook"]["triggers"], request["triggers"])
        path = "/hooks/%d" % reply["hook"]["id"]
        reply = self.ok("PATCH", path + "/edit", fixture("hook-touch.2.request"))
        self.same_shape(reply, "hook-touch.2.response.200")
        self.same_shape(self.ok("GET", path), "hook-get.3-auto-unpublished.response.200")
        self.assertEqual(len(self.ok("GET", "/hooks")["hooks"]), 2)

    def test_webhook_bodies(self):
        number = self.keller()
        other = self.favre()
        self.hooks()
        for name, cause in (
            ("2-contact-update", lambda: self.act("contact", email=KELLER, city="Bern")),
            ("14-list-change", lambda: self.ok(
                "POST", "/segments/4/contact/%d/add" % number)),
            ("4-unsubscribed", lambda: self.act("unsubscribe", contact=number)),
            ("6-resubscribed", lambda: self.act("resubscribe", contact=number)),
            ("5-bounced", lambda: self.act("bounce", contact=other)),
            ("12-points", lambda: self.act("points", contact=number, delta=55)),
            ("10-email-send", lambda: self.ok(
                "POST", "/emails/5/contact/%d/send" % number)),
            ("7-email-open-first", lambda: self.act("open", contact=number)),
            ("8-email-open-again", lambda: self.act("open", contact=number)),
            ("11-form-submit", lambda: self.act(
                "form", contact=number,
                results={"email": "x", "message": "y", "budget": "z"})),
            ("13-delete", lambda: self.act("delete", contact=other)),
        ):
            cause()
            wanted = fixture("webhook.%s.body" % name)
            kind = next(iter(wanted))
            hooks = [hook for hook in self.hooks() if kind in hook.json]
            self.assertEqual(len(hooks), 1, name)
            self.assert_signed(hooks[0])
            self.same_shape(
                hooks[0].json,
                "webhook.%s.body" % name,
                (".doNotContact", ".source", ".tokens"),
            )

    def test_a_new_contact_in_a_webhook(self):
        self.keller()
        hooks = [h for h in self.hooks() if "mautic.lead_post_save_new" in h.json]
        self.same_shape(hooks[0].json, "webhook.1-contact-new.body")
        self.assertEqual(hooks[0].headers["Content-Type"], "application/json")
        self.assertEqual(hooks[0].headers["X-Origin-Base-URL"], self.sim.url)

    def test_an_open_without_details(self):
        self.config(webhook_email_details="")
        number = self.keller()
        self.ok("POST", "/emails/5/contact/%d/send" % number)
        self.hooks()
        self.act("open", contact=number)
        self.same_shape(self.hooks()[0].json, "webhook.9-email-open-details-off.body")

    def test_several_types_in_one_webhook(self):
        self.config(webhook_mode="command", webhook_events=(
            "mautic.lead_post_save_update,mautic.lead_points_change"))
        number, other = self.keller(), self.favre()
        self.ok("PATCH", "/contacts/%d/edit" % number, {"city": "Bern"})
        self.ok("PATCH", "/contacts/%d/edit" % other, {"points": 40})
        self.act("process_webhooks")
        hooks = self.hooks()
        self.assertEqual(len(hooks), 1)
        self.same_shape(hooks[0].json, "webhook.3-aggregated.body")
        counts = [len(items) for items in hooks[0].json.values()]
        self.assertEqual(counts, [2, 1])
        self.assert_signed(hooks[0])

    def test_the_test_payload(self):
        self.act("test_webhook")
        hook = self.hooks()[0]
        self.same_shape(hook.json, "webhook.15-test-payload-ui.body")
        self.assertIsInstance(hook.json["timestamp"], str)
        self.assert_signed(hook)

    def test_the_state_is_readable(self):
        number = self.keller()
        self.ok("POST", "/campaigns/1/contact/%d/add" % number)
        person = self.person(number)
        self.assertEqual(person["tags"], ["directus-sync", "hypervisual"])
        self.assertEqual([e["campaign"] for e in person["entries"]], [1])
        self.assertEqual(person["entries"][0]["mails"], [5])


if __name__ == "__main__":
    unittest.main()
