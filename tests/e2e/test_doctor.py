"""relais doctor: every setting is tried on the real service."""

import json

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
                     "MAUTIC_URL", "MAUTIC_CAMPAIGN_WELCOME",
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
                ("REDIS_URL", "redis://127.0.0.1:1", "REDIS_URL"),
                ("DIRECTUS_TOKEN", SECRET, "DIRECTUS_URL")):
            with self.subTest(setting):
                found, shown = self.findings(**{setting: value})
                wrong = [row for row in shown if row["state"] == "WRONG"]
                self.assertEqual([row["what"] for row in wrong], [what])
                self.assertTrue(wrong[0]["do"])
                self.assertNotIn(SECRET, json.dumps(wrong[0]))

    # Each company's key opens its own books.

    def wrong(self, **settings):
        """{what: found} of what is wrong."""
        return {row["what"]: row["found"] for row in self.findings(**settings)[1]
                if row["state"] == "WRONG"}

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
