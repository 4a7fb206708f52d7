"""The order of a campaign."""

import argparse
import atexit
import contextlib
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

from harness.directus import OWNERS
from harness.main import clean_up
from harness.programs import EVERYTHING, SLICE, simulators_of
from harness.system import System
from harness.wait import until

from .people import AWAY, People
from .providers import Postman, make_faulty, providers_of
from .proxies import Proxies
from .troubles import Troubles
from .verdict import Verdict
from .weeks import Weeks

USAGE = """Plays journeys of five companies on real parts while every program is killed
and every part restarted, and checks at the end, in the books of all three providers and
in Directus, that each was done once. Short without --minutes: 100 quotes then (85 with
--signatures), of which 65 are sent while the providers are faulty."""


def read_arguments():
    parser = argparse.ArgumentParser(description=USAGE)
    parser.add_argument("--bin", default=os.environ.get("RELAIS_BIN", "build/bin"),
                        help="where the programs are (RELAIS_BIN)")
    parser.add_argument("--minutes", type=float, default=0, help="the long form")
    parser.add_argument("--seed", type=int, default=None, help="of the randomness")
    parser.add_argument("--quotes", type=int, default=61,
                        help="in the first part; the others have 39 more (24)")
    parser.add_argument("--signatures", action="store_true",
                        help="nothing but signatures: DocuSeal alone")
    parser.add_argument("--sweeps", action="store_true",
                        help="sweeps on, and webhooks lost on purpose")
    parser.add_argument("--keep", action="store_true", help="keep the run folder")
    parser.add_argument("--stack", help="a run folder of `deploy/stack up` to be used"
                        " and left running")
    return parser.parse_args()


def start(arguments, integrations):
    run = arguments.stack or tempfile.mkdtemp(prefix="relais-faults.")
    system = System(run, pathlib.Path(arguments.bin))
    if arguments.stack:
        atexit.register(system.stop_programs)
    else:
        os.rmdir(run)
        atexit.register(clean_up, system, arguments.keep)
        system.stack_up(arguments.keep)
    system.configure()
    for name in simulators_of(integrations):
        program = system.programs.get(name) or system.add(name)
        # Mautic switches off what is refused; only sweeps switch it on again.
        program.given["SIM_WEBHOOK_KEEP"] = "" if arguments.sweeps else "true"
    system.simulators_up(integrations)
    system.first_up()
    return system


def settings_of(arguments, integrations):
    return {
        "INTEGRATIONS": integrations,
        "SWEEPS": "true" if arguments.sweeps else "false",
        "INVOICE_NINJA_TOO_MANY_WAIT_MS": "300ms",
        "MAUTIC_PER_SECOND": "0",
    }


def register_webhooks(system):
    system.relais("webhooks", "register")
    until("Invoice Ninja has the webhooks of every company", lambda: all(
        len(system.ninja.books(owner)["webhooks"]) == 10 for owner in OWNERS), 120)


class Campaign:
    def __init__(self, arguments, seed):
        self.arguments = arguments
        integrations = SLICE if arguments.signatures else EVERYTHING
        self.system = start(arguments, integrations)
        self.providers = providers_of(self.system, integrations)
        proxies = Proxies(self.system, [one.worker for one in self.providers])
        atexit.register(proxies.close)
        self.people = People(self.system, seed, 0.3, integrations)
        self.troubles = Troubles(self.system, proxies, self.people, self.providers,
                                 random.Random(seed + 2),
                                 settings_of(arguments, integrations))
        self.postman = None if arguments.sweeps else Postman(self.providers)
        self.away_s = 30 if arguments.minutes else 6
        self.over_faults = 0
        self.stop = threading.Event()

    def begin(self):
        self.troubles.start_all()
        if not self.arguments.signatures:
            register_webhooks(self.system)
        self.people.begin()
        threading.Thread(target=self.bring_again, daemon=True).start()

    def bring_again(self):
        while self.postman is not None and not self.stop.wait(1):
            try:
                self.postman.round()
            except AWAY:
                pass

    @contextlib.contextmanager
    def faults(self):
        """While it lasts the providers are faulty."""
        before = len(self.people.book.all())
        for provider in self.providers:
            make_faulty(provider, self.arguments.sweeps)
        yield
        for provider in self.providers:
            provider.simulator.no_faults()
        self.over_faults += len(self.people.book.all()) - before

    def first_part(self):
        """Programs die at random."""
        count = self.arguments.quotes
        print("  kill -9 at random moments, %d quotes" % count, flush=True)
        with self.faults():
            for part in (count // 2, count - count // 2 - count // 4):
                self.people.send_quotes(part)
                self.troubles.kill_some(4)
        self.people.send_quotes(count // 4)
        self.troubles.kill_some(4)

    def second_part(self):
        """Each point is met by a call that nothing else happens to."""
        print("  kill -9 at chosen points", flush=True)
        self.troubles.chosen_points()

    def third_part(self):
        """All that was armed outlives the simulators' restart."""
        print("  parts", flush=True)
        with self.faults():
            for part in ("redis", "kafka", "postgres"):
                self.troubles.restart(part)
                self.people.send_quotes(2)
            self.troubles.restart_simulators()
            self.troubles.directus_away(self.away_s)
            self.troubles.ingest_cut_off(self.away_s)
            self.troubles.scale()
            self.troubles.freeze()

    def play(self, since):
        while True:
            self.first_part()
            self.second_part()
            self.third_part()
            if (time.monotonic() - since) / 60 >= self.arguments.minutes:
                break

    def end(self):
        stories = self.people.book.all()
        print("  waiting for %d quotes to be done" % len(stories), flush=True)
        verdict = Verdict(self.system, self.people, self.providers, self.postman)
        for missing in self.troubles.missing_points():
            verdict.check(False, "not once: %s" % missing)
        if self.people.everything:
            verdict.wait_ended()
            Weeks(self.system, self.people, self.troubles, verdict.wait).play()
        verdict.wait_done()
        self.stop.set()
        self.people.end()
        good = verdict.judge()
        self.show(verdict)
        return good

    def show(self, verdict):
        counts = {**self.troubles.done, **verdict.counts,
                  "quotes sent while providers were faulty": self.over_faults}
        if self.postman is not None:
            counts["webhooks brought again"] = self.postman.count
        for what, count in sorted(counts.items()):
            print("  %4d  %s" % (count, what))
        for text in verdict.wrong:
            print("  WRONG %s" % text)


def main():
    arguments = read_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    since = time.monotonic()
    print("seed %d (again with --seed %d)" % (seed, seed), flush=True)
    campaign = Campaign(arguments, seed)
    campaign.begin()
    campaign.play(since)
    good = campaign.end()
    print("%d quotes, each once and to its end, in %.0f s"
          % (len(campaign.people.book.all()), time.monotonic() - since)
          if good else "the promise was broken")
    return 0 if good else 1
