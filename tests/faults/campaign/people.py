"""People: they send quotes and sign them, and try again when Directus is away."""

import random
import threading
import time
import uuid

from harness.case import quote_row

OWNERS = ("HYPERVISUAL", "DAINAMICS", "LEXAIA", "ENKI_REALTY", "TAKEOUT")
AWAY = (OSError, ValueError, LookupError, TypeError)


class People:
    """`pace_s` is the time between two quotes of one person."""

    def __init__(self, system, seed, pace_s):
        self.system = system
        self.random = random.Random(seed)
        self.pace_s = pace_s
        self.quotes = {}  # id: its signers' number
        self.signed = set()
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.clients = threading.Thread(target=self.sign_all, daemon=True)

    def begin(self):
        self.clients.start()

    def end(self):
        self.stop.set()
        self.clients.join()

    def insist(self, action):
        """Again until it is done: rows have ids of their own, so twice is once."""
        while True:
            try:
                return action()
            except AWAY as error:
                if "RECORD_NOT_UNIQUE" in str(error):
                    return None
                time.sleep(0.2)

    def send_quote(self):
        """A new contact, a new quote, set to sent."""
        directus = self.system.directus
        owner = self.random.choice(OWNERS)
        contact, quote = str(uuid.uuid4()), str(uuid.uuid4())
        two = self.random.random() < 0.2
        self.insist(lambda: directus.create("people", {
            "id": contact, "first_name": "Ana", "last_name": "Keller",
            "email": "ana.%s@example.com" % contact[:8], "owner_company": owner}))
        row = quote_row(owner, contact, requires_company_signature=two)
        self.insist(lambda: directus.create("quotes", {"id": quote, **row}))
        self.insist(lambda: directus.update("quotes", quote, status="sent"))
        with self.lock:
            self.quotes[quote] = 2 if two else 1
        return quote

    def send_quotes(self, count):
        for _ in range(count):
            self.send_quote()
            time.sleep(self.random.random() * self.pace_s)

    def unsigned(self):
        with self.lock:
            return [quote for quote in self.quotes if quote not in self.signed]

    def sign_all(self):
        """Clients sign what is in their mail: the first live submission of a quote, half
        of them before Directus knows of it."""
        while not self.stop.is_set():
            try:
                self.sign_round()
            except AWAY:
                pass
            time.sleep(0.2)

    def sign_round(self):
        by_quote = {}
        for row in self.system.simulator.submissions():
            for signer in row["submitters"]:
                quote = (signer.get("external_id") or "").split(":")[1:2]
                if quote and row["live"]:
                    by_quote.setdefault(quote[0], row)
        for quote in self.unsigned():
            row = by_quote.get(quote)
            if row is None or not self.wants_to_sign(quote):
                continue
            self.system.simulator.sign(row["id"], all=True)
            self.signed.add(quote)

    def wants_to_sign(self, quote):
        if int(quote[0], 16) % 2 == 0:
            return True
        fields = self.system.directus.read("quotes", quote, "docuseal_submission_id")
        return bool(fields["docuseal_submission_id"])
