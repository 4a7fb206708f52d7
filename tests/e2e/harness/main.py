"""The runner: one stack, the tests of a folder, nothing left behind."""

import argparse
import atexit
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import unittest

from .case import Case
from .system import System

USAGE = """Runs the tests on real parts whose names hold one of the words, or all.
--list prints the names."""


def read_arguments():
    parser = argparse.ArgumentParser(description=USAGE)
    parser.add_argument("words", nargs="*")
    parser.add_argument("--bin", default=os.environ.get("RELAIS_BIN", "build/bin"),
                        help="where the programs are (RELAIS_BIN)")
    parser.add_argument("--keep", action="store_true", help="keep the run folder")
    parser.add_argument("--stack", help="a run folder of `deploy/stack up` to be used"
                        " and left running")
    parser.add_argument("--failfast", "-f", action="store_true")
    parser.add_argument("--list", action="store_true", help="only name the tests")
    return parser.parse_args()


def tests_of(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from tests_of(test)
        else:
            yield test


def choose(folder, words):
    found = unittest.TestLoader().discover(str(folder), "test_*.py", str(folder))
    chosen = [test for test in tests_of(found)
              if not words or any(word in test.id() for word in words)]
    return unittest.TestSuite(chosen)


def say(text, since):
    print("  ok  %s (%.1f s)" % (text, time.monotonic() - since), flush=True)


class Result(unittest.TextTestResult):
    """Prints each test with the time it took."""

    def startTest(self, test):
        self.since = time.monotonic()
        super().startTest(test)

    def getDescription(self, test):
        return test.id()

    def stopTest(self, test):
        self.stream.writeln("      %.1f s" % (time.monotonic() - self.since))
        self.stream.flush()
        super().stopTest(test)


def start(arguments, suite):
    since = time.monotonic()
    binaries = pathlib.Path(arguments.bin)
    if not (binaries / "relais").exists():
        sys.exit("no programs in %s: build, then set --bin or RELAIS_BIN" % binaries)
    run = arguments.stack or tempfile.mkdtemp(prefix="relais-e2e.")
    system = System(run, binaries)
    if arguments.stack:
        atexit.register(system.stop_programs)
    else:
        os.rmdir(run)
        atexit.register(clean_up, system, arguments.keep)
        system.stack_up(arguments.keep)
    system.configure()
    say("the stack in %s" % run, since)
    prepare(system, suite)
    return system


def clean_up(system, keep):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if (system.run / "stack.env").exists():
        system.down(keep)
    elif not keep:
        shutil.rmtree(system.run, ignore_errors=True)


def prepare(system, suite):
    """What the tests want to be there before Relais."""
    Case.system = system
    kinds = {type(test) for test in tests_of(suite)}
    hooks = [kind.before_relais for kind in kinds if "before_relais" in vars(kind)]
    if hooks and system.captured("SELECT 1 FROM pg_namespace"
                                 " WHERE nspname = 'relais_capture'"):
        sys.exit("these tests need a stack where Relais has never been")
    if hooks:
        system.simulators_up()
    for hook in hooks:
        hook(system)


def import_published():
    """Here, as others that start a system have no need of jsonschema."""
    try:
        from . import published
    except ModuleNotFoundError as error:
        sys.exit("%s: install python3-jsonschema" % error)
    return published


def main(folder):
    published = import_published()
    arguments = read_arguments()
    suite = choose(folder, arguments.words)
    if arguments.list:
        print("\n".join(test.id() for test in tests_of(suite)))
        return 0
    if suite.countTestCases() == 0:
        sys.exit("no test has such a name; --list names them")
    # unittest takes everything but this for a test's own failure, and goes on.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        system = start(arguments, suite)
        runner = unittest.TextTestRunner(
            resultclass=Result, verbosity=2, failfast=arguments.failfast)
        good = runner.run(suite).wasSuccessful()
    except KeyboardInterrupt:
        return 143
    return 0 if check_published(published, system) and good else 1


def check_published(published, system):
    """Whether every event that was published is as its schema wants it."""
    since = time.monotonic()
    try:
        checked = published.check_all(system)
    except published.Invalid as error:
        print("FAILED an event that was published is invalid: %s" % error,
              file=sys.stderr, flush=True)
        return False
    say("%d events were published, all valid" % checked, since)
    return True
