"""What the tests of the simulators share: a running simulator, a receiver of webhooks
whose answers can be chosen, and small HTTP calls. Only Python's own library is used."""

import collections
import http.client
import http.server
import json
import os
import pathlib
import queue
import re
import subprocess
import tempfile
import threading
import unittest
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("SIM_BIN_DIR", "bin"))
PATIENCE_S = 60

Reply = collections.namedtuple("Reply", "status headers text json")


class Hook:
    """One webhook as it arrived."""

    def __init__(self, path, headers, body, method="POST"):
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.json = json.loads(body)
        self.event = self.json.get("event_type")


class Receiver:
    """Takes webhooks on a loopback port; `answers` says how, one for each request. Who
    is sent elsewhere and GETs, gets `get_status`; its path is in `gets`."""

    def __init__(self):
        self.hooks = queue.Queue()
        self.answers = queue.Queue()
        self.gets = queue.Queue()
        self.get_status = 200
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                try:
                    status = receiver.answers.get_nowait()
                except queue.Empty:
                    status = 200
                receiver.hooks.put(Hook(self.path, self.headers, body, self.command))
                if callable(status):
                    status = status()
                self.send_response(status)
                if status in (301, 302):
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST

            def do_GET(self):
                receiver.gets.put(self.path)
                self.send_response(receiver.get_status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d/hook" % self.server.server_port
        self.thread = threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True
        )
        self.thread.start()

    def next(self):
        return self.hooks.get(timeout=PATIENCE_S)

    def take(self, count):
        return [self.next() for _ in range(count)]

    def rest(self):
        """Everything that has arrived and was not taken."""
        found = []
        while not self.hooks.empty():
            found.append(self.hooks.get())
        return found

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Sim:
    """A running simulator."""

    def __init__(self, program, **env):
        self.program = BIN / program
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("SIM_")}
        self.env.update({k: str(v) for k, v in env.items()})
        self.process = None
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [self.program], env=self.env, stdout=subprocess.PIPE, text=True
        )
        line = self.process.stdout.readline()
        found = re.fullmatch(r"ready port=(\d+)\n", line)
        if not found:
            raise AssertionError("the simulator said %r" % line)
        self.port = int(found.group(1))
        self.url = "http://127.0.0.1:%d" % self.port

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def stop(self):
        """Ends it as an operator does; a sanitizer's complaint shows in the status."""
        self.process.terminate()
        status = self.process.wait(timeout=PATIENCE_S)
        self.process.stdout.close()
        if status != 0:
            raise AssertionError("the simulator ended with %d" % status)

    def call(self, method, path, body=None, headers=None, raw=None):
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.port, timeout=PATIENCE_S
        )
        try:
            data = raw if body is None else json.dumps(body).encode()
            connection.request(method, path, data, headers or {})
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            parsed = json.loads(text)
        except ValueError:
            parsed = None
        return Reply(answer.status, answer.headers, text, parsed)

    def control(self, method, path, body=None):
        reply = self.call(method, "/_sim" + path, body)
        if reply.status != 200:
            raise AssertionError("%s %s: %s" % (method, path, reply.text))
        return reply.json

    def fault(self, kind, **more):
        return self.control("POST", "/faults", dict(kind=kind, **more))["id"]

    def idle(self):
        state = self.control("GET", "/idle?timeout_ms=30000")
        if not state["idle"]:
            raise AssertionError("webhooks are still on their way")
        return state

    def calls(self, **query):
        return self.control("GET", "/calls?" + urllib.parse.urlencode(query))["calls"]


class SimTest(unittest.TestCase):
    """A test with a fresh simulator and a fresh receiver."""

    program = None
    env = {}

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        self.sim = self.start_sim()
        self.addCleanup(self.stop_sim)

    def start_sim(self, **env):
        merged = {"SIM_WEBHOOK_URL": self.receiver.url, **self.env, **env}
        return Sim(self.program, **merged)

    def stop_sim(self):
        if self.sim is not None:
            self.sim.stop()

    def restart_sim(self, **env):
        self.sim.stop()
        self.sim = None
        self.sim = self.start_sim(**env)


TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def load_fixture(folder, name):
    return json.loads((HERE / "fixtures" / folder / name).read_text())


def text_kind(text):
    if TIME.fullmatch(text):
        return "time"
    if UUID.fullmatch(text):
        return "uuid"
    if re.match(r"https?://", text):
        return "url/" + urllib.parse.urlsplit(text).path.split("/")[1]
    return "text"


def value_kind(value):
    if isinstance(value, str):
        return text_kind(value)
    return {bool: "flag", int: "number", float: "number"}.get(
        type(value), type(value).__name__
    )


def differences(actual, wanted, free, path="$"):
    """How the shape of `actual` differs from that of the fixture: other keys or another
    order of them, other kinds of values. null fits everywhere; what is at a path that
    ends as one of `free` is the user's own."""
    if actual is None or wanted is None:
        return []
    if value_kind(actual) != value_kind(wanted):
        return ["%s: %s, not %s" % (path, value_kind(actual), value_kind(wanted))]
    found = []
    if isinstance(wanted, dict):
        if list(actual) != list(wanted):
            found.append("%s: keys %s, not %s" % (path, list(actual), list(wanted)))
        for key in wanted:
            below = "%s.%s" % (path, key)
            if key in actual and not re.sub(r"\[\d+\]", "", below).endswith(free):
                found += differences(actual[key], wanted[key], free, below)
    elif isinstance(wanted, list) and wanted:
        for i, item in enumerate(actual):
            found += differences(item, wanted[0], free, "%s[%d]" % (path, i))
    return found
