"""The order of a campaign."""

import argparse
import atexit
import os
import pathlib
import random
import tempfile
import time

from harness.main import clean_up
from harness.system import System

from .people import People
from .proxies import Proxies
from .troubles import Troubles, faulty_provider
from .verdict import Verdict

USAGE = """Runs signatures on real parts while every program is killed and every part
restarted, and checks at the end that each was done once. Short without --minutes."""


def read_arguments():
    parser = argparse.ArgumentParser(description=USAGE)
    parser.add_argument("--bin", default=os.environ.get("RELAIS_BIN", "build/bin"),
                        help="where the programs are (RELAIS_BIN)")
    parser.add_argument("--minutes", type=float, default=0, help="the long form")
    parser.add_argument("--seed", type=int, default=None, help="of the randomness")
    parser.add_argument("--quotes", type=int, default=30, help="in the first part")
    parser.add_argument("--sweeps", action="store_true",
                        help="sweeps on, and webhooks lost on purpose")
    parser.add_argument("--keep", action="store_true", help="keep the run folder")
    parser.add_argument("--stack", help="a run folder of `deploy/stack up` to be used"
                        " and left running")
    return parser.parse_args()


def start(arguments):
    run = arguments.stack or tempfile.mkdtemp(prefix="relais-faults.")
    system = System(run, pathlib.Path(arguments.bin))
    if arguments.stack:
        atexit.register(system.stop_programs)
    else:
        os.rmdir(run)
        atexit.register(clean_up, system, arguments.keep)
        system.stack_up()
    system.configure()
    system.first_up()
    return system


def first_part(system, people, troubles, arguments):
    """Half of the quotes over a faulty provider, while programs die at random."""
    print("  kill -9 at random moments, %d quotes" % arguments.quotes, flush=True)
    faulty_provider(system.simulator)
    if arguments.sweeps:
        system.simulator.fault("webhook_lost", count=-1, probability=0.15)
    people.send_quotes(arguments.quotes // 3)
    troubles.kill_some(6)
    people.send_quotes(arguments.quotes // 3)
    troubles.kill_some(6)
    system.simulator.no_faults()
    people.send_quotes(arguments.quotes - arguments.quotes // 3 * 2)
    troubles.kill_some(4)


def second_part(troubles):
    print("  kill -9 at chosen points", flush=True)
    troubles.chosen_points()


def third_part(troubles, away_s):
    print("  parts", flush=True)
    troubles.restart("redis")
    troubles.people.send_quotes(2)
    troubles.restart("kafka")
    troubles.people.send_quotes(2)
    troubles.restart("postgres")
    troubles.people.send_quotes(2)
    troubles.directus_away(away_s)
    troubles.ingest_cut_off(away_s)
    troubles.scale()
    troubles.freeze()


def main():
    arguments = read_arguments()
    seed = arguments.seed if arguments.seed is not None else random.randrange(1 << 32)
    since = time.monotonic()
    print("seed %d (again with --seed %d)" % (seed, seed), flush=True)
    system = start(arguments)
    proxies = Proxies(system)
    atexit.register(proxies.close)
    people = People(system, seed, 0.3)
    settings = {"SWEEPS": "true" if arguments.sweeps else "false"}
    troubles = Troubles(system, proxies, people, random.Random(seed + 1), settings)
    troubles.start_all()
    people.begin()
    away_s = 30 if arguments.minutes else 8
    while True:
        first_part(system, people, troubles, arguments)
        second_part(troubles)
        third_part(troubles, away_s)
        if (time.monotonic() - since) / 60 >= arguments.minutes:
            break
    return end(system, people, troubles, since)


def end(system, people, troubles, since):
    print("  waiting for %d quotes to be done" % len(people.quotes), flush=True)
    verdict = Verdict(system, people)
    verdict.wait_done(180)
    people.end()
    good = verdict.judge()
    for what, count in sorted(troubles.done.items()):
        print("  %4d  %s" % (count, what))
    print("  %4d  surplus submissions withdrawn" % verdict.surplus)
    for text in verdict.wrong:
        print("  WRONG %s" % text)
    print("%d quotes signed, each once, in %.0f s" % (len(people.quotes),
                                                      time.monotonic() - since)
          if good else "the promise was broken")
    return 0 if good else 1
