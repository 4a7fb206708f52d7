"""What the programs did, as their journey's steps tell, and what Directus says it answered."""

import collections
import re

CALL = re.compile(r"^(\w+) (\S+): \d+ (\d+) ms$", re.M)
DIRECTUS = re.compile(r"^/(items|files|activity|assets|users|fields|collections)\b")
ANSWERED = re.compile(r"^\[[\d:.]+\] ([A-Z]+) (/\S*) \d+ ([\d.]+)(ms|s)$", re.M)

Call = collections.namedtuple("Call", "method path ms")


class Since:
    """What happens from its making on."""

    def __init__(self, system):
        self.system = system
        self.log = system.run / "log" / "directus.log"
        self.offset = self.log.stat().st_size
        self.last = system.ledger(
            "SELECT coalesce(max(id), 0) AS id FROM relais.journey_step")[0]["id"]

    def steps(self):
        """Oldest first: worker, type, took_ms, and the calls that went to Directus."""
        rows = self.system.ledger(
            "SELECT worker, type, outcome, took_ms, calls FROM relais.journey_step"
            " WHERE id > :last ORDER BY id", last=self.last)
        for row in rows:
            row["calls"] = [Call(method, path, int(ms))
                            for method, path, ms in CALL.findall(row["calls"])
                            if DIRECTUS.match(path)]
        return rows

    def answered(self):
        """Every request that Directus answered, whoever asked."""
        with open(self.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.offset)
            return [Call(method, path, float(time) * (1000 if unit == "s" else 1))
                    for method, path, time, unit in ANSWERED.findall(log.read())]
