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
