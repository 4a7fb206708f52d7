"""A run folder: the stack's parts, Relais's programs, the ledger and Kafka."""

import json
import os
import pathlib
import subprocess
import sys
import time

from .directus import Directus
from .programs import NAMES, QUICK, SLICE, Program, names_of, simulators_of
from .psql import Psql, psql_program
from .simulator import Mautic, Ninja, Simulator

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]


class System:
    """`quick` are settings of every program, below those of its run and of its test."""

    def __init__(self, run, binaries, quick=QUICK):
        self.run = pathlib.Path(run).resolve()
        self.binaries = pathlib.Path(binaries).resolve()
        self.quick = quick
        self.env = {}
        self.programs = {}
        self.databases = {}
        self.command = {}  # what the command relais gets
        self.started = False
        self.begun_ms = int(time.time() * 1000)
        self.made = set()

    # The stack.

    def watch(self):
        """However this process ends, nothing of the run stays."""
        self.watcher = subprocess.Popen(
            [HERE / "deploy.sh", "watch", self.run, str(os.getpid())],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)

    def stack_up(self, keep=False):
        """Kafka, Postgres, Redis, Directus; installs and fetches what is missing."""
        if not keep:
            self.watch()
        subprocess.run([ROOT / "deploy" / "stack", "up", self.run], check=True)

    def configure(self):
        """The programs' ports and settings, on a stack that runs."""
        if "STACK_BIN" not in self.read_env():
            self.deploy("configure", self.run, self.binaries)
        self.env = self.read_env()
        self.directus = Directus(
            self.env["DIRECTUS_URL"], self.env["DIRECTUS_ADMIN_TOKEN"]
        )
        self.simulator = Simulator(
            self.env["SIM_DOCUSEAL_URL"], self.env["DOCUSEAL_API_KEY"]
        )
        self.ninja = Ninja(self.env["SIM_INVOICE_NINJA_URL"])
        self.mautic = Mautic(self.env["SIM_MAUTIC_URL"])
        for name in (*simulators_of(SLICE), *NAMES):
            self.add(name)

    def read_env(self):
        lines = (self.run / "stack.env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def deploy(self, *words):
        return run([HERE / "deploy.sh", *words])

    def reader_url(self):
        """DIRECTUS_DATABASE_URL, for who wants rows to be read there."""
        return self.deploy("reader", self.run).strip()

    def deploy_stack(self, *words):
        return run([ROOT / "deploy" / "stack", *words])

    def part(self, act, part):
        """start, stop or kill one of kafka, postgres, redis, directus."""
        self.deploy_stack(act, self.run, part)

    def down(self, keep=False):
        self.stop_programs()
        for database in self.databases.values():
            database.close()
        for part in ("directus", "redis", "kafka", "postgres"):
            self.part("stop", part)
        if not keep:
            self.deploy("remove", self.run)

    # The programs.

    def add(self, name, number=None):
        """One more program of the kind; it is not started."""
        words = [] if number is None else [number]
        lines = self.deploy("settings", self.run, name, *words).splitlines()
        given = dict(line.split("=", 1) for line in lines)
        given["INTEGRATIONS"] = SLICE
        program = Program(self.run, self.binaries, name, {**self.quick, **given},
                          number)
        self.programs[program.label] = program
        return program

    def __getitem__(self, label):
        """system["docuseal"] is the program relais-docuseal."""
        return self.programs.get(label) or self.programs["relais-" + label]

    def up(self, **more):
        """What INTEGRATIONS needs runs with these settings, and nothing else: programs
        that do not are restarted, in the order in which work passes through them."""
        chosen = more.get("INTEGRATIONS", SLICE)
        names = names_of(chosen)
        if not self.started:
            self.first_up()
        self.simulators_up(chosen)
        for name, program in self.programs.items():
            if name not in names and not name.startswith("relais-sim-"):
                program.stop()
        for name in names:
            program = self.programs.get(name) or self.add(name)
            if program.runs() and program.settings == {**program.given, **more}:
                continue
            program.stop()
            program.start(**more)
        for name in names:
            self.programs[name].wait_ready()

    def simulators_up(self, integrations=SLICE):
        for name in simulators_of(integrations):
            program = self.programs.get(name) or self.add(name)
            if not program.runs():
                program.up()

    def first_up(self):
        self.simulators_up()
        for command in ("migrate", "topics", "baseline"):
            self.relais(command)
        self.started = True

    def stop_programs(self):
        for program in self.programs.values():
            try:
                program.stop()
            except AssertionError as error:
                print(error, file=sys.stderr)

    def relais(self, *words, check=True, both=False, **more):
        """Runs the command relais; returns its output, or `both` with its errors."""
        return run([self.binaries / "relais", *words], check=check,
                   env=self.command_env(more), both=both)

    def tried(self, *words, **more):
        """The same, whatever comes of it: its exit status, output and errors."""
        done = subprocess.run([self.binaries / "relais", *words], text=True, check=False,
                              capture_output=True, env=self.command_env(more))
        return done.returncode, done.stdout, done.stderr

    def command_env(self, more):
        if not self.command:
            lines = self.deploy("settings", self.run, "relais").splitlines()
            self.command = dict(line.split("=", 1) for line in lines)
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **self.command, **more}

    # What is to be seen.

    def ledger(self, query, **values):
        """Rows of the ledger as dicts; :'name' in the query stands for a value. bytea
        has to be converted there: convert_from(result, 'UTF8')."""
        return self.rows(self.env["DATABASE_URL"], query, **values)

    def captured(self, query, **values):
        """The same for Directus's own database, where the changes are captured."""
        return self.rows(self.env["CAPTURE_DATABASE_URL"], query, **values)

    def rows(self, url, query, **values):
        if url not in self.databases:
            self.databases[url] = Psql(url)
        return self.databases[url].rows(query, values)

    def execute(self, url, statements):
        run([psql_program(), "-Xq", "-v", "ON_ERROR_STOP=1", url], feed=statements)

    def records(self, topic):
        """All records of the topic, oldest first in each partition."""
        out = run(["kcat", "-b", self.env["KAFKA_BROKERS"], "-q", "-C", "-J", "-e",
                   "-t", topic, "-o", "beginning"])
        return [record_of(json.loads(line)) for line in out.split("\n") if line]

    def is_strange(self, record):
        """Whether it is none that Relais has to answer for: produced by a test, or
        older than this run."""
        return (record["ts"] < self.begun_ms
                or (record["key"], record["payload"]) in self.made)

    def raw_topic(self, topic, form):
        """All records as kcat's format says: "%k %h %s" is key, headers and value."""
        return run(["kcat", "-b", self.env["KAFKA_BROKERS"], "-q", "-C", "-e",
                    "-t", topic, "-o", "beginning", "-f", form + "\n"])

    def produce(self, topic, key, payload=b"", headers=None):
        """One record, in the partition where Relais puts that key."""
        self.made.add((key, payload.decode("utf-8", "replace")))
        words = ["kcat", "-b", self.env["KAFKA_BROKERS"], "-q", "-P", "-t", topic,
                 "-X", "topic.partitioner=murmur2_random", "-X", "acks=all",
                 "-k", key]
        for name, value in (headers or {}).items():
            words += ["-H", "%s=%s" % (name, value)]
        fresh = self.run / ("record-%d" % time.monotonic_ns())
        fresh.write_bytes(payload)
        try:
            run([*words, fresh])
        finally:
            fresh.unlink()

    def topics(self):
        out = run(["kcat", "-b", self.env["KAFKA_BROKERS"], "-L", "-J"])
        return sorted(
            row["topic"] for row in json.loads(out)["topics"]
            if not row["topic"].startswith("__")
        )


def record_of(row):
    names = row.get("headers") or []
    row["headers"] = dict(zip(names[::2], names[1::2]))
    return row


def run(words, feed=None, check=True, env=None, both=False):
    """Runs a command; returns its output, or fails with what it said."""
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, env=env,
        input=(feed or "").encode(), check=False,
    )
    if check and done.returncode != 0:
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        name = pathlib.Path(str(words[0])).name
        raise RuntimeError("%s ended with %d:\n%s"
                           % (name, done.returncode, said[-4000:]))
    out = done.stdout + done.stderr if both else done.stdout
    return out.decode("utf-8", "replace")
