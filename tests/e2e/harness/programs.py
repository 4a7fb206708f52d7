"""One program of Relais (or a simulator) in a run folder."""

import json
import os
import pathlib
import signal
import subprocess
import urllib.parse

from . import rest
from .wait import until

SLICE = "docuseal"
EVERYTHING = "docuseal,invoice-ninja,mautic"


def names_of(integrations):
    """The programs that run for them, in the order in which work passes through."""
    chosen = ["relais-" + name for name in integrations.split(",")]
    return ("relais-capture", "relais-orchestrator", *chosen, "relais-ingest")


def simulators_of(integrations):
    return tuple("relais-sim-" + name for name in integrations.split(","))


# Unless a test says otherwise, only signatures are played.
NAMES = names_of(SLICE)

# Deadlines that suit tests. Sweeps are off unless a test is about them: what the rest
# shows is shown without their help. Kafka's brokers allow no shorter session.
QUICK = {
    "EFFECT_TIMEOUT_MS": "3000",
    "EFFECT_MARGIN_MS": "200",
    "RETRY_FIRST_MS": "100",
    "RETRY_MEMORY_MS": "300",
    "RETRY_PARK_MS": "400",
    "RETRY_MAX_MS": "2000",
    "GATE_REFUSED_MS": "5000",
    "GATE_PARK_MS": "1000",
    "BREAKER_PROBE_MS": "2000",
    "DRAIN_MS": "5000",
    "REVOKE_GRACE_MS": "2000",
    "SWEEPS": "false",
    "SWEEP_INTERVAL_MS": "500",
    "DOCUSEAL_TIMEOUT_MS": "2000",
    "DOCUSEAL_FILE_TIMEOUT_MS": "5000",
    "INVOICE_NINJA_TIMEOUT_MS": "3000",
    "INVOICE_NINJA_UNLINKED_WAIT_MS": "500",
    "MAUTIC_TIMEOUT_MS": "3000",
    "CAPTURE_POLL_MS": "200",
    "CAPTURE_STANDBY_MS": "200",
    "CAPTURE_TAKEOVER_MS": "200",
    "INGEST_KAFKA_WAIT_MS": "1000",
    "KAFKA_SESSION_TIMEOUT_MS": "6000",
    "KAFKA_HEARTBEAT_INTERVAL_MS": "1000",
    "INTEGRATIONS": SLICE,
    # Of the simulators: webhooks that failed come again after 2^n times 60 ms; payments
    # are told of soon; Mautic's cron runs often.
    "SIM_RETRY_SCALE": "0.001",
    "SIM_PAYMENT_HOOK_DELAY_MS": "200",
    "SIM_CRON_MS": "200",
}


class Program:
    """`number` makes it one more of its kind; `more` are settings above the given."""

    def __init__(self, run, binaries, name, given, number=None):
        self.name = name
        self.label = name if number is None else "%s-%s" % (name, number)
        self.binary = pathlib.Path(binaries) / name
        self.given = given
        self.settings = {}
        self.pid_file = pathlib.Path(run) / "pid" / self.label
        self.log = pathlib.Path(run) / "log" / (self.label + ".log")
        self.process = None

    def start(self, **more):
        """Starts it; a clean environment: the settings are all it knows."""
        self.settings = {**self.given, **more}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [self.binary],
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **self.settings},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )
        note_pid(self.pid_file, self.process.pid)

    def up(self, **more):
        self.start(**more)
        self.wait_ready()

    def restart(self):
        """The same again, after it ended."""
        self.up(**self.settings)

    @property
    def pid(self):
        return self.process.pid

    def runs(self):
        return self.process is not None and self.process.poll() is None

    def wait_ready(self, seconds=60):
        def look():
            if not self.runs():
                raise AssertionError(
                    "%s has ended (%s); its log ends so:\n%s"
                    % (self.label, self.process.returncode, self.tail(15))
                )
            return self.ready()

        until(self.label + " is ready", look, seconds)

    def ready(self):
        if self.name.startswith("relais-sim-"):
            url = "http://127.0.0.1:%s/_sim/help" % self.settings["SIM_PORT"]
        else:
            url = self.admin("/readyz")
        return rest.call("GET", url, timeout_s=5).status == 200

    def admin(self, path):
        return "http://127.0.0.1:%s%s" % (self.settings["ADMIN_PORT"], path)

    def describe(self):
        """Its table of settings, as it prints it."""
        done = subprocess.run([self.binary, "--settings"], capture_output=True,
                              text=True, check=True)
        return done.stdout

    def metrics(self):
        return rest.text_of(rest.call("GET", self.admin("/metrics")))

    def metric(self, name):
        """The sum of the metric over its labels."""
        rows = [line.split() for line in self.metrics().splitlines()]
        found = [float(row[-1]) for row in rows
                 if len(row) > 1 and row[0].split("{")[0] == name]
        if not found:
            raise LookupError("%s shows no metric %s" % (self.label, name))
        return sum(found)

    def signal(self, number):
        if self.runs():
            os.kill(self.pid, number)

    def reload(self):
        """SIGHUP; returns when it has read its secrets again."""
        def count():
            return self.log.read_text("utf-8", "replace").count("read again")

        before = count()
        self.signal(signal.SIGHUP)
        until("the secrets are read", lambda: count() > before)

    def kill(self):
        """kill -9, and gone."""
        self.signal(signal.SIGKILL)
        self.ended()

    def stop(self, seconds=40):
        """As an operator stops it; returns the exit status."""
        if not self.runs():
            return None
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        try:
            return self.ended(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                "%s did not end within %d s of TERM" % (self.label, seconds)
            ) from None

    def ended(self, seconds=40):
        """Waits until it has ended, by itself or by a kill point; its exit status."""
        status = self.process.wait(seconds)
        self.pid_file.unlink(missing_ok=True)
        return status

    def freeze(self):
        self.signal(signal.SIGSTOP)

    def thaw(self):
        self.signal(signal.SIGCONT)

    def lines(self):
        """All that it logged."""
        text = self.log.read_text("utf-8", "replace")
        return [json.loads(line) for line in text.split("\n") if line.startswith("{")]

    def tail(self, lines=10):
        if not self.log.exists():
            return ""
        text = self.log.read_text("utf-8", "replace")
        return "\n".join(text.splitlines()[-lines:])


def note_pid(path, pid):
    """As deploy/lib/process.sh notes it: the id and the start time."""
    path.parent.mkdir(exist_ok=True)
    stat = pathlib.Path("/proc/%d/stat" % pid).read_text()
    birth = stat.rsplit(")", 1)[1].split()[19]
    fresh = path.with_suffix(".new")
    fresh.write_text("%d %s\n" % (pid, birth))
    fresh.rename(path)


def port_of(url):
    return urllib.parse.urlsplit(url).port
