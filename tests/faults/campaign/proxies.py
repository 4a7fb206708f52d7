"""relais-proxy in front of Kafka and Postgres: wires that can be cut, and that kill."""

import socket
import subprocess
import urllib.parse

from harness.wait import until


class Proxy:
    def __init__(self, binaries, listen, target):
        self.process = subprocess.Popen(
            [str(binaries / "relais-proxy")], stdout=subprocess.PIPE, text=True,
            stdin=subprocess.DEVNULL, start_new_session=True,
            env={"PROXY_PORT": str(listen), "PROXY_TARGET": target,
                 "PROXY_CONTROL_PORT": "0"})
        words = dict(word.split("=") for word in
                     self.process.stdout.readline().split()[1:])
        self.port, self.control_port = int(words["port"]), int(words["control"])

    def say(self, command):
        with socket.create_connection(("127.0.0.1", self.control_port), 10) as wire:
            wire.sendall(command.encode() + b"\n")
            return wire.makefile().readline().strip()

    def close(self):
        self.process.terminate()
        self.process.wait()


class Proxies:
    """The ingest and the DocuSeal worker reach Kafka, and the worker the ledger, through
    a proxy; everybody else directly."""

    def __init__(self, system):
        env = system.env
        self.kafka = Proxy(system.binaries, env["STACK_KAFKA_PROXY_PORT"],
                           env["STACK_KAFKA_PROXY_TARGET"])
        url = urllib.parse.urlsplit(env["DATABASE_URL"])
        self.postgres = Proxy(system.binaries, 0, "127.0.0.1:%d" % url.port)
        self.kafka_brokers = env["STACK_KAFKA_PROXY_BROKERS"]
        self.database_url = env["DATABASE_URL"].replace(
            ":%d/" % url.port, ":%d/" % self.postgres.port)

    def settings(self, label):
        if label == "relais-ingest":
            return {"KAFKA_BROKERS": self.kafka_brokers}
        if label.startswith("relais-docuseal"):
            return {"KAFKA_BROKERS": self.kafka_brokers,
                    "DATABASE_URL": self.database_url}
        return {}

    def close(self):
        self.kafka.close()
        self.postgres.close()


def wait_killed(program, what, seconds=60):
    """Waits until a kill point has ended the program."""
    until("%s: %s is killed" % (what, program.label), lambda: not program.runs(), seconds)
    program.ended()
