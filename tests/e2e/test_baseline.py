"""A system that was alive before Relais came: nothing of it is sent again."""

import json

from harness import Case
from harness.case import quote_row

DRAFTS = 1050  # more than two pages of Directus
# The other quotes that were there, and whether their submissions were.
BEFORE = {
    "draft": ("draft", "none", False),
    "sent": ("sent", "pending", True),
    "declined in time": ("sent", "pending", True),
    "withdrawn": ("sent", "pending", True),
    "sent on paper": ("sent", "none", False),
    "viewed": ("viewed", "viewed", True),
    "signed": ("signed", "completed", True),
    "awaiting_deposit": ("awaiting_deposit", "completed", True),
    "completed": ("completed", "completed", True),
    "rejected": ("rejected", "declined", True),
    "expired": ("expired", "expired", True),
}


class LiveSystem(Case):
    settings = {"SWEEPS": "true"}

    @classmethod
    def before_relais(cls, system):
        """As another program has left it: its submissions have ids of their own, its
        webhooks went elsewhere."""
        simulator, directus = system.simulator, system.directus
        url = simulator.control("GET", "config")["webhook_url"]
        simulator.config(webhook_url="")
        cls.quotes_before, cls.submissions_before = {}, {}
        for name, (status, signature, has_submission) in BEFORE.items():
            contact = directus.create("people", {
                "first_name": "Luc", "last_name": name,
                "email": "luc.%s@example.com" % name.replace(" ", "."),
                "owner_company": "LEXAIA"})
            row = quote_row("LEXAIA", contact, status=status,
                            signature_status=signature)
            if has_submission:
                submission = cls.old_submission(simulator, row)
                cls.submissions_before[name] = submission
                row["docuseal_submission_id"] = str(submission)
            cls.quotes_before[name] = directus.create("quotes", row)
        directus.call("POST", "/items/quotes", [
            quote_row("LEXAIA", contact) for _ in range(DRAFTS)], fields="id")
        for name in ("signed", "awaiting_deposit", "completed"):
            simulator.sign(cls.submissions_before[name])
        simulator.view(cls.submissions_before["viewed"])
        simulator.decline(cls.submissions_before["rejected"], "Non.")
        simulator.expire(cls.submissions_before["expired"])
        simulator.config(webhook_url=url)

    @staticmethod
    def old_submission(simulator, row):
        signer = {"role": "Client", "email": "luc@example.com",
                  "external_id": "lex:" + row["quote_number"]}
        made = simulator.api("POST", "/submissions",
                             {"template_id": 17, "submitters": [signer]})
        return made[0]["submission_id"]

    def old(self, name):
        quote = self.quotes_before[name]
        self.quotes.append(quote)
        return quote, self.submissions_before.get(name)

    def all_calls_that_send(self):
        return [(call["method"], call["path"]) for call in self.simulator.calls()
                if call["method"] != "GET"]

    def test_all_old_quotes_can_be_edited_and_none_is_sent(self):
        """By its name the first test, while each quote is as it was found."""
        before = self.all_calls_that_send()
        for name, (status, signature, _) in BEFORE.items():
            with self.subTest(name):
                quote, submission = self.old(name)
                self.directus.update("quotes", quote, title="Un autre titre")
                self.settled(quote)
                row = self.quote(quote)
                self.assertEqual((row["status"], row["signature_status"]),
                                 (status, signature))
                self.assertEqual(row["docuseal_submission_id"],
                                 submission and str(submission))
        self.assertEqual(self.all_calls_that_send(), before)

    def test_an_old_submission_that_is_signed_makes_the_old_quote_signed(self):
        for name in ("sent", "viewed"):
            quote, submission = self.old(name)
            self.simulator.sign(submission)
            self.becomes(quote, "signed", "completed")
            self.settled(quote)
            self.assert_signed(quote, submission)
            self.assertEqual(self.submissions(quote), [])

    def test_an_old_submission_that_is_declined_makes_the_old_quote_rejected(self):
        quote, submission = self.old("declined in time")
        self.simulator.decline(submission, "Plus besoin.")
        self.becomes(quote, "rejected", "declined")
        self.assertEqual(self.quote(quote)["decline_reason"], "Plus besoin.")

    def test_an_old_quote_that_is_withdrawn_and_sent_again_has_a_second_round(self):
        quote, submission = self.old("withdrawn")
        self.directus.update("quotes", quote, status="draft")
        self.becomes(quote, "draft", "cancelled")
        old = self.simulator.api("GET", "/submissions/%d" % submission)
        self.assertIsNotNone(old["archived_at"])
        self.send(quote)
        self.requested(quote)
        self.settled(quote)
        (row,) = self.submissions(quote)
        self.assertEqual(row["submitters"][0]["external_id"],
                         "quote:%s:r2:client" % quote)

    def test_an_old_draft_that_is_sent_is_asked_for_once(self):
        quote, _ = self.old("draft")
        self.send(quote)
        self.requested(quote)
        self.settled(quote)
        self.assertEqual(len(self.posts(quote)), 1)

    def test_baseline_once_more_while_people_work_changes_nothing(self):
        quote, submission = self.sent_quote()
        before = self.ledger_state()
        told = json.loads(self.system.relais("baseline", "--json"))
        self.assertEqual((told["effects"], told["references"], told["rounds"],
                          told["states"]), (0, 0, 0, 0))
        self.assertGreaterEqual(told["rows"], len(BEFORE) + DRAFTS)
        self.assertEqual(told["rows"], sum(len(self.directus.rows(collection, "id"))
                                           for collection in ("quotes", "cgv_acceptances")))
        self.assertEqual(self.ledger_state(), before)
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed")

    def ledger_state(self):
        return self.system.ledger(
            "SELECT kind, identity, state, convert_from(result, 'UTF8') AS result"
            " FROM relais.effect ORDER BY kind, identity")
