"""Ingest: signed DocuSeal webhooks over 64 connections, each verified, split, and answered once
Kafka acknowledged it (acks=all); beside a bare libmicrohttpd + librdkafka program that only
produces the body, and one that answers at once. All three take turns on the same broker, round
after round; ratios are those of each round, the rest are medians. Kafka is one for this alone."""

import contextlib
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import tempfile

from harness import until
from harness.system import ROOT

from .bench import say
from .table import Table, middle, rate

CONNECTIONS, SECONDS = 64, 8
SECRET = "whsec_bench"
TOPIC = "docuseal.webhooks"
SERVERS = {"constant": "a constant answer", "bare": "bare libraries",
           "ingest": "relais-ingest"}


@contextlib.contextmanager
def broker(bench):
    """A Kafka with Relais's topics; its address."""
    script = ROOT / "tests" / "integration" / "kafka.sh"
    out = subprocess.run([script, "start", str(os.getpid())], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    folder, brokers = out.split()[-2:]
    try:
        subprocess.run([bench.bin / "relais", "topics"], check=True,
                       env={**os.environ, "KAFKA_BROKERS": brokers},
                       stdout=subprocess.DEVNULL)
        yield brokers
    finally:
        subprocess.run([script, "stop", folder], check=False)


def relais_ingest(bench, brokers, folder, threads):
    """The process and its port."""
    env = {"PATH": os.environ["PATH"], "KAFKA_BROKERS": brokers,
           "INGEST_PORT": "0", "INGEST_THREADS": threads, "CAPTURE": "outbox",
           "INGEST_SPOOL": folder, "INTEGRATIONS": "docuseal",
           "DOCUSEAL_WEBHOOK_SECRET": SECRET}
    log = pathlib.Path(folder) / "log"
    with open(log, "w") as out:
        server = subprocess.Popen([bench.bin / "relais-ingest"], env=env, stdout=out,
                                  stderr=subprocess.STDOUT)
    found = until("relais-ingest listens", lambda: server.poll() is not None or re.search(
        r'"listening".*?"port":(\d+)', log.read_text()))
    if server.poll() is not None:
        raise SystemExit(log.read_text())
    return server, found.group(1)


def bare_server(bench, threads, *more):
    server = subprocess.Popen([bench.bin / "relais-ingest-bare", threads, *more],
                              stdout=subprocess.PIPE, text=True)
    port = server.stdout.readline().split("=")[1].strip()
    server.stdout.close()
    return server, port


def one_server(bench, brokers, name):
    """requests/s, p50 ms, p99 ms, and the server's CPU microseconds a request."""
    threads = str(os.cpu_count())
    folder = tempfile.mkdtemp(prefix="relais-bench-spool.")
    if name == "ingest":
        server, port = relais_ingest(bench, brokers, folder, threads)
    else:
        more = [brokers, TOPIC] if name == "bare" else []
        server, port = bare_server(bench, threads, *more)
    try:
        out = bench.run("relais-ingest-load", port, CONNECTIONS,
                        1 if bench.smoke else SECONDS, SECRET)
    finally:
        server.kill()
        usage = os.wait4(server.pid, 0)[2]
        server.returncode = 0
        shutil.rmtree(folder, ignore_errors=True)
    per_s, p50, p99, wrong, requests = (int(word) for word in out.split())
    if wrong:
        raise SystemExit("%s: %d answers other than 200" % (name, wrong))
    cpu = (usage.ru_utime + usage.ru_stime) * 1e6 / requests
    return per_s, p50 / 1000, p99 / 1000, cpu


def one_round(bench, brokers):
    found = {name: one_server(bench, brokers, name) for name in SERVERS}
    say("ingest: " + ", ".join("%d/s %s" % (found[name][0], what)
                               for name, what in SERVERS.items()))
    return found


def measure(bench):
    with broker(bench) as brokers:
        rounds = [one_round(bench, brokers) for _ in range(bench.rounds)]
    table = Table("64 connections   ", "requests", "p50", "p99", "CPU a request",
                  "of bare            ", "its CPU            ")
    for name, what in SERVERS.items():
        per_s, p50, p99, cpu = (list(values) for values in
                                zip(*(one[name] for one in rounds)))
        bare = [one["bare"] for one in rounds]
        table.row(what, rate(per_s), "%.2f ms" % statistics.median(p50),
                  "%.2f ms" % statistics.median(p99), "%.1f us" % statistics.median(cpu),
                  middle([mine / other[0] for mine, other in zip(per_s, bare)]),
                  middle([mine / other[3] for mine, other in zip(cpu, bare)]))
