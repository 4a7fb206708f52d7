"""relais doctor: every setting is tried on the real service."""

import json
import tempfile

from harness.journey import Journey

SECRET = "canary-of-a-secret"


class Doctor(Journey):
    def findings(self, **settings):
        """{what: state} and all lines, with settings above the right ones."""
        shown = json.loads(self.system.relais("doctor", "--json", check=False,
                                              **settings))
        worst = {}
        for row in shown:
            if worst.get(row["what"]) != "WRONG":
                worst[row["what"]] = row["state"]
        return worst, shown

    def test_nothing_is_wrong_with_the_right_settings(self):
        found, shown = self.findings()
        self.assertEqual([row for row in shown if row["state"] == "WRONG"], [])
        for what in ("ledger", "capture", "KAFKA_BROKERS", "REDIS_URL", "DIRECTUS_URL",
                     "rights of cli", "DOCUSEAL_API_URL", "DOCUSEAL_TEMPLATE_QUOTE",
                     "INVOICE_NINJA_KEY_ENKI", "INVOICE_NINJA_KEY_TAKEOUT",
                     "DOCUSEAL_TEMPLATE_CGV", "MAUTIC_URL", "contact fields",
                     "MAUTIC_CAMPAIGN_QUOTE_SENT", "MAUTIC_CAMPAIGN_WELCOME",
                     "MAUTIC_SEGMENT_OVERDUE_PAYMENTS"):
            self.assertEqual(found.get(what), "ok", what)

    def test_each_wrong_setting_is_found_and_nothing_else(self):
        for setting, value, what in (
                ("INVOICE_NINJA_KEY_LEXAIA", SECRET, "INVOICE_NINJA_KEY_LEXAIA"),
                ("DOCUSEAL_API_KEY", SECRET, "DOCUSEAL_API_URL"),
                ("DOCUSEAL_TEMPLATE_CGV", "999", "DOCUSEAL_TEMPLATE_CGV"),
                ("DOCUSEAL_TEMPLATE_QUOTE_LEXAIA_AES", "999",
                 "DOCUSEAL_TEMPLATE_QUOTE_LEXAIA_AES"),
                ("DOCUSEAL_TEMPLATE_QUOTE_LEXAIA", "no-such-name",
                 "DOCUSEAL_TEMPLATE_QUOTE_LEXAIA"),
                ("MAUTIC_CAMPAIGN_WELCOME", "999", "MAUTIC_CAMPAIGN_WELCOME"),
                ("MAUTIC_CLIENT_SECRET", SECRET, "MAUTIC_CLIENT_ID"),
                ("MAUTIC_SEGMENT_CLIENTS", "999", "MAUTIC_SEGMENT_CLIENTS"),
                ("KAFKA_BROKERS", "127.0.0.1:1", "KAFKA_BROKERS"),
                ("REDIS_URL", "redis://127.0.0.1:1", "REDIS_URL"),
                ("DIRECTUS_TOKEN", SECRET, "DIRECTUS_URL")):
            with self.subTest(setting):
                found, shown = self.findings(**{setting: value})
                wrong = [row for row in shown if row["state"] == "WRONG"]
                self.assertEqual([row["what"] for row in wrong], [what])
                self.assertTrue(wrong[0]["do"])
                self.assertNotIn(SECRET, json.dumps(wrong[0]))

    def wrong(self, **settings):
        """{what: found} of what is wrong."""
        return {row["what"]: row["found"] for row in self.findings(**settings)[1]
                if row["state"] == "WRONG"}

    def test_a_setting_that_is_read_from_a_file_is_no_other_setting(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write("999")
            file.flush()
            for name in ("MAUTIC_CAMPAIGN_WELCOME", "MAUTIC_CAMPAIGN_WELCOME_LEXAIA"):
                settings = {name: "", name + "_FILE": file.name}
                self.assertEqual(list(self.wrong(**settings)), [name])

    # Mautic says yes to everything, and does nothing.

    def changed(self, what, number, **members):
        """What somebody changes in Mautic, for this test."""
        before = self.mautic.control("POST", what, {"id": number})
        self.mautic.control("POST", what, {"id": number, **members})
        self.addCleanup(self.mautic.control, "POST", what,
                        {"id": number, **{name: before.get(name) for name in members}})

    def test_a_campaign_that_is_not_published_is_found(self):
        for setting, number in (("QUOTE_FOLLOWUP", 2), ("WELCOME", 4)):
            self.changed("campaign", number, published=False)
        self.assertEqual(self.wrong(), {
            "MAUTIC_CAMPAIGN_" + one: name + " is not published: nobody enters it and no"
            " mail goes out, without an error"
            for one, name in (("QUOTE_FOLLOWUP", "quote_followup"),
                              ("WELCOME", "welcome"))})

    def test_a_campaign_that_starts_once_only_is_found_where_it_is_to_start_again(self):
        for number in range(1, 6):
            self.changed("campaign", number, allow_restart=False)
        self.assertEqual(self.wrong(MAUTIC_CAMPAIGN_PAYMENT_REMINDER_LEXAIA="4"), {
            "MAUTIC_CAMPAIGN_" + one: name + " allows no restart: each contact gets its"
            " mails once for ever, without an error"
            for one, name in (("QUOTE_SENT", "quote_sent"),
                              ("QUOTE_FOLLOWUP", "quote_followup"),
                              ("PAYMENT_REMINDER", "payment_reminder"),
                              ("PAYMENT_REMINDER_LEXAIA", "welcome"))})

    def test_a_mail_that_each_contact_gets_once_is_found_where_it_is_to_come_again(self):
        mails = {row["id"]: row["events"] for row in self.mautic.state()["campaigns"]}
        for number, kind in ((3, "marketing"), (4, "transactional")):
            self.changed("campaign", number, events=[
                {**mail, "email_type": kind} for mail in mails[number]])
        self.assertEqual(self.wrong(), {
            "MAUTIC_CAMPAIGN_PAYMENT_REMINDER": "payment_reminder: its mail \"Dunning\" is"
            " Marketing, which each contact gets once for ever, without an error"})
        self.assertEqual(self.findings()[0]["MAUTIC_CAMPAIGN_WELCOME"], "note")

    def test_a_segment_that_takes_nobody_is_found(self):
        self.changed("segment", 4, published=False)
        self.changed("segment", 5, private_to=3)
        self.assertEqual(self.wrong(), {
            "MAUTIC_SEGMENT_PENDING_QUOTES":
                "pending_quotes is not published: nobody can be put in or out"})
        self.assertEqual(self.findings()[0]["MAUTIC_SEGMENT_OVERDUE_PAYMENTS"], "note")

    def test_a_contact_field_that_is_missing_is_found(self):
        (field,) = [row for row in self.mautic.state()["fields"]
                    if row["alias"] == "owner_company"]
        self.changed("field", field["id"], alias="owner")
        self.assertEqual(self.wrong(), {
            "contact fields": "owner_company is missing: what it should hold is lost"})

    # DocuSeal refuses the first paper of a template that lacks something.

    def template(self, number, of=17, **members):
        """Another template like that one, for this test."""
        (row,) = [row for row in self.simulator.state()["templates"] if row["id"] == of]
        self.simulator.control("POST", "template", {
            **row, "external_id": "template-%d" % number, **members, "id": number})
        return str(number)

    def test_a_template_without_the_clients_role_is_found(self):
        for what, of in (("QUOTE", 17), ("CGV", 18)):
            self.template(40 + of, of, roles=["Kunde", "Company"], name=what)
            self.assertEqual(
                self.wrong(**{"DOCUSEAL_TEMPLATE_" + what: str(40 + of)}),
                {"DOCUSEAL_TEMPLATE_" + what: what + ' has no role "Client" for the'
                 ' client; it has "Kunde", "Company"'})
        self.assertEqual(self.wrong(
            DOCUSEAL_TEMPLATE_QUOTE="57", DOCUSEAL_TEMPLATE_CGV="58",
            DOCUSEAL_ROLE_CLIENT="kunde"), {})

    def test_a_template_without_the_companys_role_is_found_where_it_is_needed(self):
        alone = self.template(60, roles=["Client"])
        quote = self.new_quote("LEXAIA", requires_company_signature=True)
        needed = ('Offerte has no role "Company", and LEXAIA has quotes that it signs as'
                  ' well; it has "Client"')
        self.assertEqual(self.wrong(DOCUSEAL_TEMPLATE_QUOTE=alone),
                         {"DOCUSEAL_TEMPLATE_QUOTE": needed})
        self.assertEqual(self.wrong(DOCUSEAL_TEMPLATE_QUOTE_LEXAIA="template-60"),
                         {"DOCUSEAL_TEMPLATE_QUOTE_LEXAIA": needed})
        for others in ({"DOCUSEAL_TEMPLATE_QUOTE_TAKEOUT": alone},
                       {"DOCUSEAL_TEMPLATE_QUOTE": alone,
                        "DOCUSEAL_TEMPLATE_QUOTE_LEXAIA": "17"}):
            self.noted(others)
        self.directus.update("quotes", quote, requires_company_signature=False)
        self.noted({"DOCUSEAL_TEMPLATE_QUOTE": alone})
        self.assertEqual(self.wrong(DOCUSEAL_TEMPLATE_QUOTE=alone,
                                    DOCUSEAL_ROLE_COMPANY="client"), {})

    def noted(self, settings):
        """The first of them is a note, and nothing is wrong."""
        found, shown = self.findings(**settings)
        self.assertEqual([row for row in shown if row["state"] == "WRONG"], [])
        self.assertEqual(found[next(iter(settings))], "note")

    def test_general_terms_that_nobody_would_accept_are_found(self):
        (row,) = [row for row in self.simulator.state()["templates"] if row["id"] == 18]
        boxes = [field for field in row["fields"] if field.get("type") == "checkbox"]
        others = [field for field in row["fields"] if field not in boxes]
        unasked = [{**box, "required": False} for box in boxes]
        foreign = [{**box, "role": "Company"} for box in boxes]
        for fields in (others, others + unasked, others + foreign):
            number = self.template(61, 18, fields=fields, roles=["Client", "Company"])
            self.assertEqual(self.wrong(DOCUSEAL_TEMPLATE_CGV=number), {
                "DOCUSEAL_TEMPLATE_CGV": 'CGV has no required checkbox for the role'
                                         ' "Client": nobody would accept anything'})

    def test_an_archived_template_is_found(self):
        number = self.template(62, archived=True)
        self.assertEqual(self.wrong(DOCUSEAL_TEMPLATE_QUOTE=number), {
            "DOCUSEAL_TEMPLATE_QUOTE":
                "Offerte is archived: nothing can be made of it"})

    # Each company's key opens its own books.

    def key(self, code):
        return self.system.env["INVOICE_NINJA_KEY_" + code]

    def test_swapped_tokens_are_found(self):
        wrong = self.wrong(INVOICE_NINJA_KEY_LEXAIA=self.key("ENKI"),
                           INVOICE_NINJA_KEY_ENKI=self.key("LEXAIA"))
        self.assertEqual(wrong, {
            "INVOICE_NINJA_KEY_ENKI":
                'opens "LEXAIA" in Invoice Ninja, which is LEXAIA, not ENKI_REALTY',
            "INVOICE_NINJA_KEY_LEXAIA":
                'opens "ENKI_REALTY" in Invoice Ninja, which is ENKI_REALTY,'
                ' not LEXAIA'})

    def test_one_token_for_two_companies_is_found(self):
        wrong = self.wrong(INVOICE_NINJA_KEY_LEXAIA=self.key("TAKEOUT"))
        self.assertEqual(wrong, {
            "INVOICE_NINJA_KEY_%s" % one: "holds the same token as INVOICE_NINJA_KEY_%s"
            ": the worker does not start" % other
            for one, other in (("LEXAIA", "TAKEOUT"), ("TAKEOUT", "LEXAIA"))})

    def test_two_tokens_of_the_same_books_are_found(self):
        self.named("LEXAIA", "Atelier")
        self.named("TAKEOUT", "Atelier SA")
        self.assertEqual(self.wrong(), {
            "INVOICE_NINJA_KEY_TAKEOUT":
                'opens "Atelier SA" in Invoice Ninja, which is LEXAIA, not TAKEOUT'})

    def test_a_name_that_is_nobodys_is_for_a_person_to_compare(self):
        self.named("LEXAIA", "Atelier SA")
        found, shown = self.findings()
        self.assertEqual(found["INVOICE_NINJA_KEY_LEXAIA"], "note")
        (row,) = [row for row in shown if row["what"] == "INVOICE_NINJA_KEY_LEXAIA"]
        self.assertEqual(row["found"], 'opens "Atelier SA" in Invoice Ninja; LEXAIA is'
                                       ' "LEXAIA" in Directus')
        self.named("LEXAIA", "Lexaia S.A.")
        self.assertEqual(self.findings()[0]["INVOICE_NINJA_KEY_LEXAIA"], "ok")

    def test_a_short_code_that_fits_two_companies_is_found(self):
        hotel = self.directus.create("owner_companies", {
            "code": "ENKI_HOTEL", "name": "ENKI HOTEL", "email": "hotel@example.com"})
        self.addCleanup(self.directus.call, "DELETE", "/items/owner_companies/" + hotel)
        both = self.wrong()
        self.assertEqual(sorted(both), ["INVOICE_NINJA_KEY_ENKI_HOTEL",
                                        "INVOICE_NINJA_KEY_ENKI_REALTY"])
        self.assertIn("INVOICE_NINJA_KEY_ENKI would serve ENKI_REALTY as well",
                      both["INVOICE_NINJA_KEY_ENKI_HOTEL"])
        enki = self.key("ENKI")
        self.assertIn("the worker does not start", self.wrong(
            INVOICE_NINJA_KEY_ENKI_HOTEL=enki)["INVOICE_NINJA_KEY_ENKI_HOTEL"])

    def named(self, code, name):
        """What the company is called in Invoice Ninja, for this test."""
        self.ninja.control("POST", "company", {"code": code, "name": name})
        self.addCleanup(self.ninja.control, "POST", "company",
                        {"code": code, "name": code})

    def test_every_worker_has_its_rights_and_no_others(self):
        tokens = {name: value for name, value in self.system.env.items()
                  if name.startswith("DIRECTUS_TOKEN_")}
        for name, token in tokens.items():
            worker = name.removeprefix("DIRECTUS_TOKEN_").lower().replace("_", "-")
            with self.subTest(worker):
                shown = self.as_worker(worker, token)
                self.assertEqual([row["state"] for row in shown
                                  if row["what"] == "rights of " + worker], ["ok"])
        shown = self.as_worker("mautic", tokens["DIRECTUS_TOKEN_DOCUSEAL"])
        missing = [row["found"] for row in shown if row["state"] == "WRONG"]
        self.assertIn("may not update leads (none)", missing)

    def as_worker(self, worker, token):
        return json.loads(self.system.relais(
            "doctor", "--json", "--as", worker, check=False, DIRECTUS_TOKEN=token))
