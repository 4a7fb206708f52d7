"""A provider is away: the others, and the other companies, do not feel it."""

import concurrent.futures
import statistics

from harness.directus import OWNERS
from harness.journey import Journey

DOWN = "LEXAIA"
OTHERS = [owner for owner in OWNERS if owner != DOWN]
MAUTIC = "relais-sim-mautic"


class MauticAway(Journey):
    def test_the_whole_journey_goes_on_and_mautic_catches_up_in_order(self):
        firm, contact, email = self.new_client("TAKEOUT")
        simulator = self.system.programs[MAUTIC]
        simulator.kill()
        try:
            quote = self.new_quote("TAKEOUT", contact, company_id=firm)
            self.send(quote)
            submission = self.requested(quote, 60)
            self.simulator.view(submission)
            self.simulator.sign(submission)
            row = self.deposit(quote)
            self.pay("TAKEOUT", row)
            self.quote_is(quote, "completed")
            self.until("the firm is a client", lambda: self.directus.read(
                "companies", firm)["is_client"])
        finally:
            simulator.restart()
        self.until("the contact is welcomed",
                   lambda: self.entries(email, "welcome") == 1, 120)
        self.at_rest()
        self.assertEqual(self.headlines(email), [
            "quote_sent", "quote_signed", "payment_received", "client_converted"])
        self.assertEqual(self.entries(email, "quote_sent"), 1)
        self.assertEqual(self.segments(email), {"clients"})
        self.assertEqual(len(self.mails("TAKEOUT", row)), 1)
        self.assertEqual(len(self.payments(row)), 1)
        letters = [letter for letter in self.system.records("mautic.dead-letters")
                   if quote in letter["payload"] or contact in letter["payload"]]
        self.assertEqual(letters, [])

    def headlines(self, email):
        """Of the notes, in the order in which they were written."""
        rows = sorted(self.mautic.contact(email)["notes"], key=lambda row: row["id"])
        return [row["text"].split("Event: ")[1].split("<")[0] for row in rows]


class OneCompanyAway(Journey):
    settings = {**Journey.settings, "INVOICE_NINJA_TIMEOUT_MS": "5000"}

    def test_the_other_four_take_the_same_steps_as_without_it(self):
        without = self.play_others()
        self.ninja.fault("silence", match=DOWN, count=-1, ms=60000)
        firm, contact, _ = self.new_client(DOWN)
        stopped = self.signed_quote(DOWN, contact, company_id=firm)
        self.until("its call has failed", lambda: [
            step for step in self.steps(stopped)
            if step["worker"] == "relais-invoice-ninja"
            and step["outcome"] != "done"], 60)
        beside = self.play_others()
        # All four are at their end, and the fifth is still where it was.
        self.assertEqual(self.quote(stopped)["status"], "signed")
        self.assertEqual(self.ninja.invoices(
            DOWN, self.quote(stopped)["quote_number"] + "-A"), [])
        self.ninja.no_faults()
        row = self.deposit(stopped, 120)
        self.pay(DOWN, row)
        self.quote_is(stopped, "completed")
        self.at_rest()
        self.compare(without, beside)

    def play_others(self):
        """A whole journey of each of the four; {company: quote}."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            return dict(zip(OTHERS, pool.map(self.play, OTHERS)))

    def play(self, owner):
        firm, contact, _ = self.new_client(owner)
        quote, row = self.billed_quote(owner, contact, company_id=firm)
        self.pay(owner, row)
        self.quote_is(quote, "completed")
        return quote

    def compare(self, without, beside):
        """Nothing was tried twice, nothing waited."""
        for owner in OTHERS:
            with self.subTest(owner):
                self.assertEqual(self.work(without[owner]), self.work(beside[owner]))
        before, now = self.took(without), self.took(beside)
        print("\n      from a command to its end, median in ms   without  beside")
        for kind in sorted(before):
            print("      %-40s  %7d  %6d" % (kind, before[kind], now[kind]))
        # So generous because others may use the machine meanwhile, too.
        for kind in ("invoice-ninja.deposit.create", "invoice-ninja.invoice.email"):
            self.assertLessEqual(now[kind], 3 * before[kind] + 2000, kind)

    def work(self, quote):
        """The commands of the quote, how each ended and at which attempt; webhooks are
        hints, of which several may be one step."""
        return sorted((step["type"], step["outcome"], step["attempt"])
                      for step in self.steps(quote) if is_command(step["type"]))

    def took(self, quotes):
        """{type: median of the time from a command's record to its end} over the quotes:
        what waits for another company's call waits in between."""
        told = {record["headers"].get("ce_id"): record["ts"]
                for worker in ("docuseal", "invoice-ninja", "mautic")
                for record in self.system.records(worker + ".commands")}
        rows = self.system.ledger(
            "SELECT type, event, extract(epoch FROM at) * 1000 AS at_ms"
            " FROM relais.journey_step"
            " WHERE entity = ANY(string_to_array(:'entities', ','))",
            entities=",".join("quote:" + quote for quote in quotes.values()))
        times = {}
        for row in rows:
            if is_command(row["type"]):
                times.setdefault(row["type"], []).append(
                    row["at_ms"] - told[row["event"]])
        return {kind: statistics.median(found) for kind, found in times.items()}


def is_command(kind):
    return kind.split(".")[0] in ("docuseal", "invoice-ninja", "mautic") and (
        kind.endswith((".request", ".create", ".email")) or kind.startswith("mautic."))
