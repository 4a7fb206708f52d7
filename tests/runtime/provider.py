"""The provider of the small second integration: it makes things, knows no unique key, and
fails as it is told to.

A rule is a function of a call that returns the name of a fault, or None:
  500, 503, 422, 401, 429, "429:<seconds>"   that is the answer, nothing is done
  "500-after"                                done, but that is the answer
  "cut-before", "cut-after"                  the connection is reset, before or after
  "silence-before", "silence-after"          no answer ever
  "latency:<ms>"                             the answer is late
  "hold"                                     answered once the rules are cleared
or a function of the call, run before the work is done, that returns one of these or "".
"""
import json
import socket
import socketserver
import struct
import threading
import time
import urllib.parse


class Call:
    """One request: what it asks for, whether it was done, and what was answered."""

    def __init__(self, number, method, path, query, body):
        self.number, self.method, self.path = number, method, path
        self.of = body.get("of") or query.get("of", [""])[0]
        self.key = body.get("key", "")
        self.n = body.get("n", 0)
        self.fault = None
        self.done = False

    def __repr__(self):
        return (f"<{self.number} {self.method} {self.path} of={self.of} key={self.key}"
                f" n={self.n} fault={self.fault} done={self.done}>")


class Provider:
    def __init__(self):
        self.lock = threading.Condition()
        self.things = {}
        self.calls = []
        self.rules = []
        self.held = 0
        self.up = True
        provider = self

        class Handler(socketserver.StreamRequestHandler):
            disable_nagle_algorithm = True

            def handle(self):
                while provider._serve(self):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            request_queue_size = 512

            def handle_error(self, request, client_address):
                pass  # the client was killed

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "http://127.0.0.1:%d" % self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    # ---- what tests ask and say

    def rule(self, function):
        with self.lock:
            self.rules.append(function)
        return function

    def clear_rules(self):
        with self.lock:
            self.rules.clear()
            self.lock.notify_all()

    def fail(self, fault, count=-1, **match):
        """The next `count` calls whose attributes are those of `match` get the fault."""
        left = [count]

        def function(call):
            if left[0] == 0 or any(getattr(call, k) != v for k, v in match.items()):
                return None
            left[0] -= 1
            return fault

        return self.rule(function)

    def seen(self, **match):
        with self.lock:
            return [c for c in self.calls
                    if all(getattr(c, k) == v for k, v in match.items())]

    def wait_for(self, condition):
        """Until the condition holds; looked at whenever something was called or done."""
        with self.lock:
            while not condition():
                self.lock.wait()

    def live(self, of=None):
        with self.lock:
            return [t for t in self.things.values()
                    if t["live"] and (of is None or t["of"] == of)]

    def surplus(self):
        """How many things were made and withdrawn again."""
        with self.lock:
            return sum(1 for t in self.things.values() if not t["live"])

    # ---- serving

    def _read(self, handler):
        line = handler.rfile.readline()
        if not line:
            return None
        method, target, _ = line.decode().split(" ", 2)
        length = 0
        while True:
            header = handler.rfile.readline()
            if header in (b"\r\n", b""):
                break
            name, _, value = header.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        body = handler.rfile.read(length) if length else b""
        if len(body) < length:
            return None
        url = urllib.parse.urlsplit(target)
        return method, url.path, urllib.parse.parse_qs(url.query), json.loads(body or b"{}")

    def _serve(self, handler):
        try:
            request = self._read(handler)
            if request is None:
                return False
            return self._answer(handler, *request)
        except (OSError, ValueError):
            return False

    def _answer(self, handler, method, path, query, body):
        with self.lock:
            call = Call(len(self.calls), method, path, query, body)
            self.calls.append(call)
            if not self.up:
                call.fault = "cut-before"
            for rule in self.rules:
                call.fault = call.fault or rule(call)
            fault = call.fault or ""
            self.lock.notify_all()
        if callable(fault):
            fault = fault(call)
        fault = str(fault)
        if fault.startswith("latency:"):
            time.sleep(int(fault[8:]) / 1000)
            fault = ""
        if fault == "hold":
            self._hold()
            fault = ""
        if fault == "cut-before":
            return self._cut(handler)
        if fault == "silence-before":
            return self._silence(handler)
        if fault[:3].isdigit() and not fault.endswith("-after"):
            return self._send(handler, *self._refusal(fault))
        answer = self._work(call, body)
        if fault == "cut-after":
            return self._cut(handler)
        if fault == "silence-after":
            return self._silence(handler)
        if fault.endswith("-after"):
            answer = (int(fault[:3]), {}, {"message": "after"})
        return self._send(handler, *answer)

    def _hold(self):
        """Until the rules are cleared."""
        with self.lock:
            self.held += 1
            self.lock.notify_all()
            while self.rules:
                self.lock.wait()
            self.held -= 1

    @staticmethod
    def _refusal(fault):
        status, _, after = fault.partition(":")
        headers = {"Retry-After": after} if after else {}
        return int(status), headers, {"message": "refused with " + status}

    def _work(self, call, body):
        with self.lock:
            call.done = True
            self.lock.notify_all()
            if call.path == "/things" and call.method == "POST":
                thing = {"id": str(len(self.things) + 1), "of": call.of, "key": call.key,
                         "n": call.n, "live": True}
                self.things[thing["id"]] = thing
                return 200, {}, thing
            if call.path == "/things":
                return 200, {}, [t for t in self.things.values()
                                 if t["live"] and t["of"] == call.of]
            if call.path.startswith("/things/") and call.method == "DELETE":
                thing = self.things.get(call.path[8:])
                if thing is None or not thing["live"]:
                    return 404, {}, {"message": "gone"}
                thing["live"] = False
                return 200, {}, thing
            return 200, {}, {"ok": True}

    @staticmethod
    def _cut(handler):
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                      struct.pack("ii", 1, 0))
        handler.connection.close()
        return False

    @staticmethod
    def _silence(handler):
        handler.connection.recv(1)  # until the client gives up
        return False

    @staticmethod
    def _send(handler, status, headers, answer):
        body = json.dumps(answer).encode()
        head = [f"HTTP/1.1 {status} Status", "Content-Type: application/json",
                f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        handler.wfile.write("\r\n".join(head).encode() + b"\r\n\r\n" + body)
        return True
