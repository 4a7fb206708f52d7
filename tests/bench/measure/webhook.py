"""From webhook to Directus: one webhook after the other, from the person's act at the provider's
simulator, which sends it, to the row's change in Directus's own transaction (its captured time);
beside the same write made directly, from the request to that same time. Both take turns, half a
second apart, so that what follows from one does not hold the next one up."""

import time
import uuid

from .bench import say
from .table import Table, percentile

COUNT, PAUSE_S = 150, 0.5


class Viewed:
    name = "form.viewed: the quote"
    collection, field = "quotes", "signature_status"

    def __init__(self, play, papers):
        half = len(papers) // 2
        self.play, self.papers, self.drafts = play, papers[:half], papers[half:]
        for paper in self.papers:
            play.send(paper.quote)
        play.at_rest(300)
        self.submissions = {paper: play.submission(paper.quote)["id"]
                            for paper in self.papers}

    def act(self, paper):
        self.play.simulator.view(self.submissions[paper])

    def write(self, number):
        draft = self.drafts[number]
        self.play.directus.update("quotes", draft.quote, signature_status="viewed")
        return draft


class Paid:
    """The same invoices are written to directly, once they are paid."""

    name = "create_payment: payment, invoice"
    collection, field = "payments", "amount"

    def __init__(self, play, papers):
        self.play, self.papers = play, papers
        for paper in papers:
            play.simulator.sign(play.submission(paper.quote)["id"], all=True)
        play.at_rest(300)
        self.rows = {paper: play.deposit(paper.quote) for paper in papers}

    def act(self, paper):
        self.play.pay(paper.owner, self.rows[paper])

    def write(self, number):
        paper = self.papers[number]
        row = self.rows[paper]
        self.play.directus.update(
            "client_invoices", row["id"], amount_paid=row["amount"], balance="0.00",
            payments={"create": [{
                "id": str(uuid.uuid4()), "amount": row["amount"], "currency": "CHF",
                "owner_company": paper.owner, "source": "invoice_ninja",
                "status": "completed", "external_id": "bench"}]})
        return paper


def take_turns(kind):
    """When each webhook and each direct write began, by the quote."""
    begun = {"webhook": [], "direct": []}
    for number, paper in enumerate(kind.papers):
        begun["webhook"].append((paper.quote, time.time()))
        kind.act(paper)
        time.sleep(PAUSE_S)
        now = time.time()
        begun["direct"].append((kind.write(number).quote, now))
        time.sleep(PAUSE_S)
    return begun


def changes(system, kind, since):
    """The captured times of the changes, by the quote."""
    rows = system.captured(
        "SELECT root, extract(epoch FROM at) AS at FROM relais_capture.change"
        " WHERE seq > :seq AND collection = :'collection' AND :'field' = ANY(changed)"
        " ORDER BY seq", seq=since, collection=kind.collection, field=kind.field)
    found = {}
    for row in rows:
        found.setdefault(row["root"].split(":")[1], []).append(float(row["at"]))
    return found


def last_change(system):
    return system.captured("SELECT coalesce(max(seq), 0) AS seq"
                           " FROM relais_capture.change")[0]["seq"]


def took_ms(begun, found):
    """Milliseconds to the first change from then on."""
    return [1000 * (min(at for at in found[quote] if at >= since) - since)
            for quote, since in begun]


def measure(bench):
    play = bench.play
    papers = play.prepare(4 if bench.smoke else COUNT * 2)
    table = Table("webhook: what it changes        ", "count", "p50", "p99",
                  "directly: p50", "p99", "above it: p50", "p99")
    for make in (Viewed, Paid):
        kind = make(play, papers)
        papers = kind.papers
        since = last_change(bench.system)
        say("%d times %s" % (len(papers), kind.name))
        begun = take_turns(kind)
        play.at_rest(300)
        found = changes(bench.system, kind, since)
        webhook, direct = (took_ms(begun[way], found) for way in ("webhook", "direct"))
        figures = [percentile(values, share) for values in (webhook, direct)
                   for share in (0.5, 0.99)]
        figures += [figures[0] - figures[2], figures[1] - figures[3]]
        table.row(kind.name, len(papers), *("%.0f ms" % figure for figure in figures))
