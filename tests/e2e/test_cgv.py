"""General terms: from an acceptance that is asked for to what became of it; and reminders
of what is still to be signed."""

import hashlib
import uuid

from harness import Case
from harness.case import SENTINEL, SENTINEL_TYPE, now_text
from harness.directus import OWNERS

BOXLESS_TEMPLATE = 28


class Terms(Case):
    # One of the companies has a template in which nobody would accept anything.
    settings = {"DOCUSEAL_TEMPLATE_CGV_DAINAMICS": str(BOXLESS_TEMPLATE)}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.simulator.control("POST", "template", {
            "id": BOXLESS_TEMPLATE, "name": "CGV DAINAMICS", "roles": ["Client"],
            "fields": [{"name": "signature", "role": "Client", "type": "signature"}],
        })

    # What people do.

    def new_version(self, owner="HYPERVISUAL"):
        """A version of the terms; its id and hash."""
        content = "<h1>CGV %s</h1>" % uuid.uuid4()
        digest = hashlib.sha256(content.encode()).hexdigest()
        return self.directus.create("cgv_versions", {
            "owner_company_id": OWNERS[owner], "version": "2026-1", "title": "CGV",
            "content_html": content, "content_hash": digest, "status": "published",
        }), digest

    def new_acceptance(self, owner="HYPERVISUAL", version=None, **fields):
        return self.directus.create("cgv_acceptances", {
            "contact_id": self.new_contact(owner), "owner_company_id": OWNERS[owner],
            "cgv_version_id": version or self.new_version(owner)[0],
            "status": "pending_signature", **fields,
        })

    def asked_acceptance(self, **fields):
        """An acceptance whose submission is known to Directus; both ids."""
        acceptance = self.new_acceptance(**fields)
        return acceptance, self.asked(acceptance)

    def asked(self, acceptance, but=None):
        def known():
            found = self.row(acceptance)["docuseal_submission_id"]
            return found and int(found) != but and int(found)

        return self.until("Directus knows the submission", known)

    # What is looked at.

    def row(self, acceptance):
        return self.directus.read("cgv_acceptances", acceptance)

    def becomes_so(self, acceptance, status):
        self.until("the acceptance is " + status,
                   lambda: self.row(acceptance)["status"] == status or None)

    def log_rows(self, acceptance):
        return self.directus.rows("signature_logs", cgv_acceptance_id=acceptance)

    def requests(self, acceptance):
        return self.simulator.calls(match="cgv:" + acceptance, method="POST",
                                    path_prefix="/submissions")

    def facts(self, acceptance):
        found = {}
        for record in self.system.records("journey.facts"):
            kind = record["headers"].get("ce_type", "")
            if record["key"] == "cgv:" + acceptance and kind != SENTINEL_TYPE:
                found[kind] = found.get(kind, 0) + 1
        return found

    def dead(self, root):
        return [row for row in self.system.records("docuseal.dead-letters")
                if row["key"] == root]

    def attentions(self, kind, entity):
        return self.system.ledger(
            "SELECT text FROM relais.attention WHERE kind = :'kind'"
            " AND entity = :'entity'", kind=kind, entity=entity)

    def steps_of(self, root):
        rows = self.system.ledger(
            "SELECT event, type, outcome, note, calls FROM relais.journey_step"
            " WHERE entity = :'entity' ORDER BY id", entity=root)
        return [row for row in rows if SENTINEL not in row["event"]]

    def at_rest(self, root):
        """Waits until everything in the lane has come to its end."""
        before = None
        while before != self.steps_of(root):
            before = self.steps_of(root)
            self.simulator.idle()
            self.until("the changes are published", lambda: not self.system.captured(
                "SELECT seq FROM relais_capture.change WHERE item = :'item'"
                " AND published_at IS NULL", item=root.split(":")[1]))
            self.until("the outbox is empty", lambda: not self.system.ledger(
                "SELECT seq FROM relais.outbox WHERE key = :'key'", key=root))
            self.pass_topics(root)

    # The life of an acceptance.

    def test_accepted_terms_keep_their_document_their_hash_and_who_signed(self):
        version, digest = self.new_version()
        acceptance, submission = self.asked_acceptance(version=version)
        self.assertEqual(self.row(acceptance)["status"], "pending_signature")
        (signer,) = self.simulator.submissions("cgv:" + acceptance)[0]["submitters"]
        self.assertEqual(signer["external_id"], "cgv:%s:r1:client" % acceptance)
        self.assertEqual(signer["metadata"]["content_hash"], digest)

        self.simulator.fault("webhook_triple", count=-1)
        self.simulator.view(submission)
        self.simulator.sign(submission)
        self.becomes_so(acceptance, "accepted")
        self.at_rest("cgv:" + acceptance)

        row = self.row(acceptance)
        self.assertEqual((row["cgv_hash"], row["status"]), (digest, "accepted"))
        self.assertIsNotNone(row["accepted_at"])
        about, content = self.directus.file(row["signed_document_file"])
        self.assertEqual(about["type"], "application/pdf")
        (log,) = self.log_rows(acceptance)
        self.assertEqual((log["status"], log["provider_reference"]),
                         ("completed", str(submission)))
        self.assertEqual(log["document_hash"], hashlib.sha256(content).hexdigest())
        self.assertIsNotNone(log["audit_log_file"])
        self.assertIsNotNone(log["ip_address"])
        self.assertEqual(len(self.requests(acceptance)), 1)
        self.assertEqual(self.facts(acceptance),
                         {"signature.requested": 1, "cgv.accepted": 1})

    def test_declined_terms_are_declined_with_the_clients_words(self):
        acceptance, submission = self.asked_acceptance()
        self.simulator.decline(submission, "Le § 7 ne nous convient pas.")
        self.becomes_so(acceptance, "declined")
        self.at_rest("cgv:" + acceptance)
        (log,) = self.log_rows(acceptance)
        self.assertEqual((log["status"], log["decline_reason"]),
                         ("declined", "Le § 7 ne nous convient pas."))
        self.assertIsNone(self.row(acceptance)["accepted_at"])
        self.assertEqual(self.facts(acceptance),
                         {"signature.requested": 1, "cgv.declined": 1})

    def test_terms_that_nobody_signed_in_time_are_expired(self):
        acceptance, submission = self.asked_acceptance()
        self.simulator.expire(submission)
        self.becomes_so(acceptance, "expired")
        self.at_rest("cgv:" + acceptance)
        self.assertEqual(self.log_rows(acceptance), [])
        self.assertEqual(self.facts(acceptance),
                         {"signature.requested": 1, "cgv.expired": 1})

    def test_the_hash_is_of_the_terms_that_were_sent_out(self):
        version, digest = self.new_version()
        acceptance, submission = self.asked_acceptance(version=version)
        self.directus.update("cgv_versions", version, content_hash="0" * 64)
        self.simulator.sign(submission)
        self.becomes_so(acceptance, "accepted")
        self.assertEqual(self.row(acceptance)["cgv_hash"], digest)
        self.assertEqual(
            len(self.attentions("docuseal.terms-changed", "cgv:" + acceptance)), 1)

    def test_terms_without_a_box_to_tick_are_not_sent_out(self):
        acceptance = self.new_acceptance("DAINAMICS")
        self.until("the refusal is a dead letter",
                   lambda: self.dead("cgv:" + acceptance))
        self.at_rest("cgv:" + acceptance)
        self.assertEqual(self.requests(acceptance), [])
        row = self.row(acceptance)
        self.assertEqual((row["status"], row["docuseal_submission_id"]),
                         ("pending_signature", None))
        self.assertEqual(self.facts(acceptance), {"signature.failed": 1})

    def test_terms_that_were_taken_back_stay_so_whatever_the_signer_does(self):
        acceptance, submission = self.asked_acceptance()
        self.directus.update("cgv_acceptances", acceptance, status="revoked")
        self.simulator.sign(submission)
        self.until("the document is kept",
                   lambda: self.row(acceptance)["signed_document_file"])
        self.at_rest("cgv:" + acceptance)
        row = self.row(acceptance)
        self.assertEqual((row["status"], row["accepted_at"]), ("revoked", None))
        self.assertNotIn("cgv.accepted", self.facts(acceptance))
        self.assertEqual(
            len(self.attentions("docuseal.signed-late", "cgv:" + acceptance)), 1)

    def test_terms_that_are_put_back_are_asked_for_anew(self):
        acceptance, first = self.asked_acceptance()
        self.simulator.decline(first, "Pas encore.")
        self.becomes_so(acceptance, "declined")
        self.directus.update("cgv_acceptances", acceptance,
                             status="pending_signature", docuseal_submission_id=None)
        second = self.asked(acceptance, but=first)
        self.simulator.sign(second)
        self.becomes_so(acceptance, "accepted")
        self.at_rest("cgv:" + acceptance)
        rounds = [row["submitters"][0]["external_id"].split(":")[2]
                  for row in self.simulator.submissions("cgv:" + acceptance)]
        self.assertEqual(rounds, ["r1", "r2"])
        self.assertEqual(self.facts(acceptance), {
            "signature.requested": 2, "cgv.declined": 1, "cgv.accepted": 1})

    def test_a_request_whose_answer_was_cut_off_is_made_once(self):
        self.simulator.fault("cut_after", method="POST", path_prefix="/submissions")
        acceptance, submission = self.asked_acceptance()
        self.at_rest("cgv:" + acceptance)
        (row,) = self.simulator.submissions("cgv:" + acceptance)
        self.assertEqual(row["id"], submission)

    # Reminders.

    def remind(self, root, submission, email):
        """Sends the command; returns the steps of it, once it is finished."""
        event = "e2e-remind-%s" % uuid.uuid4()
        body = '{"company": "", "submission": "%d", "email": "%s"}' % (submission, email)
        self.system.produce("docuseal.commands", root, body.encode(), {
            "ce_specversion": "1.0", "ce_id": event, "ce_source": "e2e",
            "ce_type": "docuseal.signature.remind", "ce_subject": root,
            "ce_time": now_text(), "content-type": "application/json",
        })
        self.until("the command is finished", lambda: self.system.ledger(
            "SELECT 1 FROM relais.finished_event WHERE event = :'event'",
            event="e2e " + event))
        return [step for step in self.steps_of(root) if event in step["event"]]

    def mails(self, submission):
        return [mail for mail in self.simulator.state()["mails"]
                if mail["submission_id"] == submission]

    def pending(self):
        """A quote that waits for its signature: its root, submission and signer."""
        quote, submission = self.sent_quote()
        (signer,) = self.submission(quote)["submitters"]
        self.settled(quote)
        return "quote:" + quote, submission, signer

    def test_a_signer_is_reminded_once_a_day(self):
        root, submission, signer = self.pending()
        self.assertEqual(len(self.mails(submission)), 1)
        (step,) = self.remind(root, submission, signer["email"].upper())
        self.assertEqual(step["outcome"], "done")
        self.assertEqual(len(self.mails(submission)), 2)
        (step,) = self.remind(root, submission, signer["email"])
        self.assertIn("today already", step["note"])
        self.assertEqual(len(self.mails(submission)), 2)

    def test_a_reminder_that_may_have_gone_out_is_for_a_person(self):
        root, submission, signer = self.pending()
        self.simulator.fault("cut_after", method="PUT", path_prefix="/submitters")
        self.remind(root, submission, signer["email"])
        self.at_rest(root)
        self.assertEqual(len(self.mails(submission)), 2)
        (letter,) = self.dead(root)
        self.assertIn("a person decides", letter["payload"] + str(letter["headers"]))
        calls = self.simulator.calls(method="PUT", path_prefix="/submitters/%d"
                                     % signer["id"])
        self.assertEqual(len(calls), 1)
        identity = self.system.ledger(
            "SELECT identity FROM relais.effect WHERE kind = 'docuseal.reminder'"
            " AND identity LIKE :'like'", like="%d:%%" % submission)[0]["identity"]
        self.assertEqual(len(self.attentions("effect.unsure", identity)), 1)

    def test_there_is_nobody_to_remind_of_what_is_signed(self):
        root, submission, signer = self.pending()
        self.simulator.sign(submission)
        self.becomes(root.split(":")[1], "signed", "completed")
        before = len(self.mails(submission))
        self.remind(root, submission, signer["email"])
        self.assertEqual(len(self.mails(submission)), before)
        self.assertEqual(len(self.dead(root)), 1)
