"""What must be true at the end, read from Directus, the simulator and the ledger."""

from harness.wait import until


class Verdict:
    def __init__(self, system, people):
        self.system = system
        self.people = people
        self.wrong = []
        self.surplus = 0

    def check(self, holds, text):
        if not holds:
            self.wrong.append(text)

    def wait_done(self, seconds):
        """Every quote signed, nothing on its way any more."""
        system = self.system
        until("every client has signed", lambda: not self.people.unsigned(), seconds)
        until("every quote is signed", lambda: not self.unfinished(), seconds)
        system.simulator.idle(60000)
        until("nothing is parked", lambda: not system.ledger(
            "SELECT 1 FROM relais.parked_event"), seconds)
        until("the outbox is empty", lambda: not system.ledger(
            "SELECT 1 FROM relais.outbox"), seconds)
        until("the changes are published", lambda: not system.captured(
            "SELECT 1 FROM relais_capture.change WHERE published_at IS NULL"), seconds)
        until("the spool is empty", lambda: system["ingest"].metric(
            "relais_ingest_spool_rows") == 0, seconds)
        until("all submissions but one of a quote are withdrawn",
              lambda: not self.crowded(), seconds)

    def unfinished(self):
        return [quote for quote in self.people.quotes
                if self.row(quote)["status"] != "signed"
                or self.row(quote)["signature_status"] != "completed"]

    def row(self, quote):
        return self.system.directus.read("quotes", quote, "*")

    def by_quote(self):
        found = {}
        for row in self.system.simulator.submissions():
            for root in {(s.get("external_id") or "").split(":")[1]
                         for s in row["submitters"] if s.get("external_id")}:
                found.setdefault(root, []).append(row)
        return found

    def crowded(self):
        return [quote for quote, rows in self.by_quote().items()
                if sum(row["live"] for row in rows) > 1]

    def judge(self):
        submissions = self.by_quote()
        for quote, signers in self.people.quotes.items():
            self.judge_quote(quote, signers, submissions.get(quote, []))
        self.check(not self.system.ledger(
            "SELECT kind, identity FROM relais.effect WHERE state <> 'confirmed'"),
            "an effect is not confirmed")
        for topic in ("docuseal.dead-letters", "orchestrator.dead-letters"):
            letters = [row["headers"].get("x-dead-error")
                       for row in self.system.records(topic)]
            self.check(not letters, "%s holds %r" % (topic, letters[:3]))
        return not self.wrong

    def judge_quote(self, quote, signers, submissions):
        row = self.row(quote)
        live = [s for s in submissions if s["live"]]
        self.surplus += len(submissions) - 1
        self.check(len(live) == 1 and live[0]["status"] == "completed",
                   "%s has %d live submissions" % (quote, len(live)))
        self.check(live and row["docuseal_submission_id"] == str(live[0]["id"]),
                   "%s names another submission" % quote)
        for field in ("signed_document_file", "audit_log_file"):
            self.check(row[field], "%s has no %s" % (quote, field))
        logs = self.system.directus.rows("signature_logs", quote_id=quote)
        self.check(len(logs) == signers,
                   "%s has %d log rows for %d signers" % (quote, len(logs), signers))
        self.check({log["status"] for log in logs} == {"completed"},
                   "%s has an unfinished log row" % quote)
        self.judge_calls(quote)

    def judge_calls(self, quote):
        """Nothing is asked for once it is signed, and the files are fetched after."""
        calls = self.system.simulator.calls(match="quote:" + quote)
        posts = [c["n"] for c in calls if c["method"] == "POST" and c["worked"]]
        files = [c["n"] for c in calls if "/file" in c["path"] and c["worked"]]
        self.check(posts, "%s was never asked for" % quote)
        if posts and files:
            self.check(min(posts) < min(files), "%s: files before the request" % quote)
