"""People who send, sign and pay quotes. What has come of it they see at the providers:
nobody but the programs asks Directus anything while they play."""

import collections
import time

from harness.directus import OWNERS
from harness.journey import CAMPAIGNS, Journey
from harness.simulator import roots_of
from harness.wait import NotSeen

PACE_S = 0.05
PATIENCE_S = 300

Paper = collections.namedtuple("Paper", "quote number owner email")


class Play(Journey):
    """One for all measurements of a run: the programs run from its making on."""

    def __init__(self, system):
        super().__init__("settled")  # it needs a test's name, and runs none
        Journey.system = system
        self.setUpClass()
        self.setUp()

    def prepare(self, count):
        """Drafts, each with a firm and a contact of its own; nothing is on its way."""
        papers = []
        for number in range(count):
            owner = list(OWNERS)[number % len(OWNERS)]
            firm, contact, email = self.new_client(owner)
            quote = self.new_quote(owner, contact, company_id=firm)
            papers.append(Paper(quote, self.quote(quote)["quote_number"], owner, email))
        self.at_rest(PATIENCE_S)
        return papers

    def play(self, papers, at_once, watch=lambda: None):
        """Plays every quote until its client is welcomed, so many at a time; the seconds
        that each took. watch() is called again and again meanwhile."""
        waiting, running, took = list(papers), {}, []
        done = set()
        limit = time.monotonic() + PATIENCE_S
        while waiting or running:
            while waiting and len(running) < at_once:
                paper = waiting.pop()
                running[paper] = time.monotonic()
                self.send(paper.quote)
            self.sign_all(running, done)
            self.pay_all(running, done)
            for paper in self.welcomed(running):
                took.append(time.monotonic() - running.pop(paper))
                limit = time.monotonic() + PATIENCE_S
            if time.monotonic() > limit:
                raise NotSeen("nothing ended in %d s: %s" % (PATIENCE_S, list(running)))
            watch()
            time.sleep(PACE_S)
        return took

    def sign_all(self, papers, done):
        quotes = {paper.quote for paper in papers} - done
        for row in self.simulator.submissions() if quotes else ():
            found = quotes & {root.split(":")[1] for root in roots_of(row)}
            if row["live"] and found:
                self.simulator.sign(row["id"], all=True)
                done |= found

    def pay_all(self, papers, done):
        numbers = {paper.number + "-A" for paper in papers} - done
        state = self.ninja.state() if numbers else {"mails": ()}
        mailed = {(mail["company"], mail["entity_id"]) for mail in state["mails"]}
        for owner in {owner for owner, _ in mailed}:
            for row in state["companies"][owner]["invoices"]:
                if row["number"] in numbers and (owner, row["id"]) in mailed:
                    self.ninja.pay(owner, row["id"])
                    done.add(row["number"])

    def welcomed(self, papers):
        """Those whose client is in Mautic's welcome campaign."""
        inside = {row["values"].get("email") for row in self.mautic.state()["contacts"]
                  if any(entry["campaign"] == CAMPAIGNS["welcome"]
                         for entry in row["entries"])}
        return [paper for paper in papers if paper.email in inside]
