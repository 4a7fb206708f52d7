"""A proxy before Postgres that cuts a session around its COMMIT: before the server has it,
or after the server has done it and before the client hears of it. Or it never comes: "hold"
keeps it until the server ends the session; "half" sends what stood before it, so that the
server is in the middle of a statement."""
import collections
import socket
import socketserver
import threading


class PgProxy:
    """decide(n) is asked for the n-th COMMIT (or another `word`) of sessions whose
    application_name contains `name`: "before", "after", "hold", "half", "refuse" (the server
    does not understand it) or None. answer(start) is told before a client gets what the
    server says, with how its session began. Either may take its time."""

    def __init__(self, folder, name, decide, answer=lambda start: None,
                 word=b"COMMIT"):
        self.socket, self.name, self.decide = f"{folder}/.s.PGSQL.5432", name, decide
        self.answer, self.word = answer, word + b"\0"
        self.lock = threading.Lock()
        self.commits = 0
        self.cuts = collections.Counter()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                proxy._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = "postgresql://postgres@127.0.0.1:%d/postgres?sslmode=disable" % (
            self.server.server_address[1])
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def _next(self):
        with self.lock:
            self.commits += 1
            cut = self.decide(self.commits)
            if cut:
                self.cuts[cut] += 1
            return cut

    def _serve(self, client):
        server = socket.socket(socket.AF_UNIX)
        try:
            server.connect(self.socket)
            start = client.recv(65536)
            server.sendall(start)
            watched = self.name.encode() in start
            hold = threading.Event()  # answers are kept back until the server has committed
            down = threading.Thread(target=self._down, args=(server, client, hold, start),
                                    daemon=True)
            down.start()
            while data := client.recv(1 << 20):
                cut = self._next() if watched and self.word in data else None
                if cut == "half":
                    server.sendall(data[:data.index(self.word)])
                if cut in ("hold", "half"):
                    down.join()
                if cut in ("before", "hold", "half"):
                    break
                if cut == "refuse":
                    data = data.replace(self.word, b"?" + self.word[1:])
                if cut == "after":
                    hold.set()
                server.sendall(data)
                if cut == "after":
                    down.join()
                    break
        except OSError:
            pass
        finally:
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
                end.close()

    def _down(self, server, client, hold, start):
        kept = b""
        try:
            while data := server.recv(1 << 20):
                self.answer(start)
                if not hold.is_set():
                    client.sendall(data)
                    continue
                kept += data
                if b"COMMIT\0" in kept:
                    return
        except OSError:
            pass
