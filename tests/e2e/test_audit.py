"""relais audit: Directus is compared with the providers, and with its own log."""

import json

from harness.journey import Journey

KINDS = ("submissions", "invoices", "payments", "contacts")
OK, DATAERR, TEMPFAIL = 0, 65, 75  # sysexits.h


class Audit(Journey):
    def audit(self, *words, **settings):
        """The exit status, what it found, and what it said besides."""
        status, out, said = self.system.tried("audit", "--json", *words, **settings)
        return status, json.loads(out or "{}"), said

    def audited(self, *words, **settings):
        """The same of one that has nothing to say: what it found."""
        status, found, said = self.audit(*words, **settings)
        self.assertEqual((status, said), (OK, ""), found)
        return found

    def play(self):
        """From a lead to a client, everything of it at its end."""
        firm, contact, email = self.new_client("LEXAIA")
        lead = self.new_lead("LEXAIA", email, contact_id=contact)
        self.until("the lead is in Mautic", lambda: self.directus.read(
            "leads", lead, "mautic_contact_id")["mautic_contact_id"], 60)
        quote, row = self.billed_quote("LEXAIA", contact, company_id=firm)
        self.pay("LEXAIA", row)
        self.quote_is(quote, "completed")
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 60)
        self.at_rest()

    def marks(self):
        """How far the providers' calls and Directus's log have come."""
        (last,) = self.directus.call("GET", "/activity", fields="id", sort="-id",
                                     limit="1")
        return [one.mark() for one in (self.simulator, self.ninja, self.mautic)], last

    def changes_since(self, marks):
        """Calls to a provider that may have changed something."""
        return [call for one, mark in zip((self.simulator, self.ninja, self.mautic), marks)
                for call in one.calls(since=mark)
                if call["method"] != "GET" and "/oauth/" not in call["path"]]

    def test_what_came_to_its_end_is_compared_and_left_as_it_is(self):
        before = self.audited()
        self.play()
        calls, last = self.marks()
        found = self.audited()
        self.at_rest()
        self.assertEqual(self.changes_since(calls), [])
        self.assertEqual(self.marks()[1], last)
        self.assertEqual((found["put_right"], found["for_a_person"],
                          found["captured_by_nobody"]), (0, 0, 0))
        self.assertEqual((found["found"], found["attention"]), ([], []))
        # One of each: the lead and the contact are one person in Mautic.
        self.assertEqual([found["compared"][kind] - before["compared"][kind]
                          for kind in KINDS], [1, 1, 1, 1])

    def known(self):
        """How many objects of each kind the ledger has references to."""
        rows = self.system.ledger(
            "SELECT remote_type || 's' AS kind, count(DISTINCT (company,"
            " split_part(remote_id, '/', 1))) AS n FROM relais.external_ref GROUP BY 1")
        found = {row["kind"]: row["n"] for row in rows}
        return {kind: found[kind] for kind in KINDS}

    def test_people_read_how_far_it_is_and_what_came_of_it(self):
        self.play()
        counts = self.known()
        status, out, said = self.system.tried("audit", INTEGRATIONS="docuseal,mautic")
        self.assertEqual((status, said), (OK, ""))
        pages = ["%s: %d of %d %s looked at" % (worker, counts[kind], counts[kind], kind)
                 for worker, kind in (("docuseal", "submissions"), ("mautic", "contacts"))]
        left = ["invoice-ninja: not in INTEGRATIONS, %d %s left out"
                % (counts[kind], kind) for kind in ("invoices", "payments")]
        end = ("%d submissions, 0 invoices, 0 payments, %d contacts compared; 0 put right;"
               " 0 for a person; 0 captured by nobody"
               % (counts["submissions"], counts["contacts"]))
        self.assertEqual(out.splitlines(), [*pages, *left, end])

    def test_since_leaves_out_what_rested(self):
        self.play()
        counts = self.known()
        self.system.execute(self.system.env["DATABASE_URL"],
                            "UPDATE relais.external_ref SET updated_at ="
                            " now() - interval '3 days'")
        self.assertEqual(self.audited("--since", "2d")["compared"],
                         dict.fromkeys(KINDS, 0))
        self.assertEqual(self.audited("--since", "4d")["compared"], counts)

    def test_a_worker_that_is_away_is_told(self):
        self.play()
        docuseal = self.system["docuseal"]
        counts = self.known()
        self.addCleanup(lambda: docuseal.runs() or docuseal.restart())
        docuseal.stop()
        status, found, said = self.audit("--wait", "2s")
        self.assertEqual(status, TEMPFAIL, said)
        self.assertIn("%d submissions were not looked at: does relais-docuseal run?"
                      % counts["submissions"], said)
        self.assertEqual((found["not_looked_at"]["submissions"],
                          found["compared"]["submissions"]), (counts["submissions"], 0))
        docuseal.restart()
        self.at_rest()
        self.assertEqual(self.audited()["compared"], counts)

    def test_a_change_that_nobody_captured_is_found_and_looked_at(self):
        quote = self.new_quote("LEXAIA")
        self.at_rest()
        self.untold(lambda: self.send(quote))
        # What comes later goes its way, and still nobody knows.
        other = self.new_quote("LEXAIA")
        self.send(other)
        self.requested(other, 60)
        self.at_rest()
        # This changes nothing, and is in Directus's log all the same.
        self.directus.update("quotes", other, title=self.quote(other, "title")["title"])
        self.assertEqual(self.submissions(quote), [])
        found = self.audited()
        self.assertEqual(found["found"], [{
            "entity": "quote:" + quote, "worker": "relais-capture",
            "what": "captured by nobody: looked at again"}])
        self.assertEqual(found["captured_by_nobody"], 1)
        self.requested(quote, 60)
        self.at_rest()
        self.assertEqual(self.audited()["captured_by_nobody"], 0)
        self.assertEqual(len(self.posts(quote)), 1)

    def untold(self, change):
        """As if the outbox had been missing while a person made the change."""
        capture = self.system["capture"]
        url = self.system.env["CAPTURE_DATABASE_URL"]
        self.addCleanup(lambda: capture.runs() or capture.restart())
        capture.stop()
        self.system.execute(url, "ALTER TABLE quotes DISABLE TRIGGER relais_capture")
        try:
            change()
        finally:
            self.system.execute(url, "ALTER TABLE quotes ENABLE TRIGGER relais_capture")
            capture.restart()

    def test_without_the_outbox_it_says_what_it_did_not_look_for(self):
        self.assertIsNone(self.audited(CAPTURE_DATABASE_URL="")["captured_by_nobody"])
        out = self.system.relais("audit", CAPTURE="flow")
        self.assertIn("changes nobody captured were not looked for: CAPTURE is not outbox",
                      out)

    def test_a_length_of_time_is_needed(self):
        for words in (("--since", "yesterday"), ("--wait", "2"),
                      ("--since", "36501d"), ("--wait", "99999999999999999999d")):
            status, _, said = self.system.tried("audit", *words)
            self.assertEqual(status, 64)
            self.assertIn("how long?", said)

    # What people overwrite although it is a worker's.

    def test_what_people_overwrote_is_put_right_and_nothing_is_done_again(self):
        firm, contact, email = self.new_client()
        quote, row = self.billed_quote("HYPERVISUAL", contact, company_id=firm)
        self.pay("HYPERVISUAL", row)
        self.quote_is(quote, "completed")
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 60)
        self.at_rest()
        before = self.told(quote, row["id"], contact)
        self.spoil(quote, row["id"], contact)
        self.at_rest()
        calls, _ = self.marks()
        facts = self.facts("quote:" + quote)

        said = "\n".join(one["what"] for one in self.audited()["found"])
        for words in ("signed_document_file was not there", 'status was "partial"',
                      'balance was "7.00"', 'deposit_invoice_id was ""',
                      'status was "failed"', 'mautic_contact_id was "999999"'):
            self.assertIn(words, said)
        self.at_rest()
        self.assertEqual(self.told(quote, row["id"], contact), before)
        self.assertEqual(self.changes_since(calls), [])
        self.assertEqual({kind for kind, _ in self.facts("quote:" + quote)[len(facts):]},
                         {"quote.signed"})  # the same one once more, for who missed it
        self.assertEqual(self.audited()["put_right"], 0)

    def spoil(self, quote, invoice, contact):
        self.directus.update("quotes", quote, signature_status="none",
                             signed_document_file=None, deposit_invoice_id=None)
        for log in self.logs(quote):
            self.directus.call("DELETE", "/items/signature_logs/" + log["id"])
        self.directus.update("client_invoices", invoice, amount_paid="1.00",
                             balance="7.00", status="partial")
        (payment,) = self.directus.rows("payments", invoice_id=invoice)
        self.directus.update("payments", payment["id"], status="failed")
        self.directus.update("people", contact, mautic_contact_id="999999")

    def told(self, quote, invoice, contact):
        """What the workers have written, as far as the audit answers for it."""
        def read(collection, key, *fields):
            row = self.directus.read(collection, key, ",".join(fields))
            return [row[field] for field in fields]

        (payment,) = self.directus.rows("payments", invoice_id=invoice)
        return (
            read("quotes", quote, "status", "signature_status", "docuseal_submission_id",
                 "signed_document_file", "audit_log_file", "deposit_invoice_id"),
            sorted(log["id"] for log in self.logs(quote)),
            read("client_invoices", invoice, "status", "amount_paid", "balance",
                 "invoice_ninja_id", "invoice_ninja_number"),
            [payment[field] for field in ("id", "amount", "status", "external_id")],
            read("people", contact, "mautic_contact_id", "email_opted_in"))
