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
    """Ingest and the providers' workers reach Kafka through one proxy, each worker the
    ledger through one of its own; everybody else goes directly."""

    def __init__(self, system, workers):
        env = system.env
        self.kafka = Proxy(system.binaries, env["STACK_KAFKA_PROXY_PORT"],
                           env["STACK_KAFKA_PROXY_TARGET"])
        self.kafka_brokers = env["STACK_KAFKA_PROXY_BROKERS"]
        self.database_url = env["DATABASE_URL"]
        self.database_port = urllib.parse.urlsplit(self.database_url).port
        self.ledgers = {name: Proxy(system.binaries, 0,
                                    "127.0.0.1:%d" % self.database_port)
                        for name in workers}

    def settings(self, program):
        """`program` may be one more of its kind: all of a kind share a proxy."""
        more = {}
        if program.name == "relais-ingest" or program.name in self.ledgers:
            more["KAFKA_BROKERS"] = self.kafka_brokers
        if program.name in self.ledgers:
            more["DATABASE_URL"] = self.database_url.replace(
                ":%d/" % self.database_port,
                ":%d/" % self.ledgers[program.name].port)
        return more

    def close(self):
        for proxy in (self.kafka, *self.ledgers.values()):
            proxy.close()


def wait_killed(program, what, seconds=120):
    """Waits until a kill point has ended the program."""
    until("%s: %s is killed" % (what, program.label),
          lambda: not program.runs(), seconds)
    program.ended()
