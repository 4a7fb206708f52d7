"""What the measurements share: the programs, one stack that is started when the first of
them needs it, and the words to who is watching."""

import atexit
import functools
import os
import pathlib
import subprocess
import sys
import tempfile

from harness.main import clean_up
from harness.system import ROOT, System

from .play import Play

HERE = pathlib.Path(__file__).resolve().parents[1]

# Sweeps are by the hour, not by the journey; all else of the programs is as it comes. The
# simulators' payments are told of at once, and their cron runs often.
SETTINGS = {"SWEEPS": "false", "SIM_PAYMENT_HOOK_DELAY_MS": "0", "SIM_CRON_MS": "200"}


def say(text):
    """To who is watching; standard output holds the figures only."""
    print("  ..  " + text, file=sys.stderr, flush=True)


def run_or_end(words, **more):
    """Runs what says itself why it fails."""
    done = subprocess.run(words, check=False, **more)
    if done.returncode != 0:
        sys.exit(1)
    return done.stdout


def build(given):
    """Where the programs are; they are built unless a folder of them is given."""
    if given is None:
        given = run_or_end([HERE / "build"], stdout=subprocess.PIPE, text=True).strip()
    if not (pathlib.Path(given) / "relais-fill").exists():
        sys.exit("no programs in %s: give another --bin, or none to have them built"
                 % given)
    return pathlib.Path(given).resolve()


class Bench:
    def __init__(self, arguments):
        self.smoke = arguments.smoke
        self.rounds = 1 if arguments.smoke else arguments.rounds
        self.stack = arguments.stack
        self.bin = build(arguments.bin)

    @functools.cached_property
    def system(self):
        run = self.stack or tempfile.mkdtemp(prefix="relais-bench.")
        system = System(run, self.bin, SETTINGS)
        if self.stack:
            atexit.register(system.stop_programs)
        else:
            os.rmdir(run)
            atexit.register(clean_up, system, False)
            system.watch()
            run_or_end([ROOT / "deploy" / "stack", "up", run], stdout=sys.stderr,
                       env={**os.environ, "STACK_KAFKA_JAVA": ""})
        system.configure()
        return system

    @functools.cached_property
    def play(self):
        """Everything runs from here on."""
        return Play(self.system)

    @property
    def brokers(self):
        return self.system.env["KAFKA_BROKERS"]

    def run(self, name, *words):
        """Runs one of the programs; what it printed."""
        return subprocess.run(
            [self.bin / name, *(str(word) for word in words)], check=True, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
