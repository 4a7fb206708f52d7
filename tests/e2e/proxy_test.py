"""relais-proxy in front of a server that sends back what it gets."""

import os
import pathlib
import re
import signal
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest

BIN = pathlib.Path(os.environ.get("PROXY_BIN_DIR", "bin"))
PATIENCE_S = 60


class Echo(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 64

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            while True:
                try:
                    data = self.request.recv(65536)
                except ConnectionResetError:
                    return
                if not data:
                    return
                self.server.heard.append(data)
                self.request.sendall(data)

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.heard = []
        threading.Thread(
            target=self.serve_forever, args=(0.02,), daemon=True
        ).start()


class ProxyTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.echo = Echo()
        self.addCleanup(self.echo.server_close)
        self.addCleanup(self.echo.shutdown)
        target = "127.0.0.1:%d" % self.echo.server_address[1]
        self.process = subprocess.Popen(
            [BIN / "relais-proxy"], env={**os.environ, "PROXY_TARGET": target},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        self.addCleanup(self.stop)
        line = self.process.stdout.readline()
        ports = re.fullmatch(r"ready port=(\d+) control=(\d+)\n", line)
        self.port, self.control = int(ports.group(1)), int(ports.group(2))

    def stop(self):
        self.process.stdin.close()
        status = self.process.wait(timeout=PATIENCE_S)
        self.process.stdout.close()
        self.assertEqual(status, 0)

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        return self.process.stdout.readline().strip()

    def status(self):
        return dict(pair.split("=") for pair in self.tell("status").split())

    def client(self):
        client = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        self.addCleanup(client.close)
        return client

    def receive(self, client, count):
        data = b""
        while len(data) < count:
            more = client.recv(65536)
            if not more:
                break
            data += more
        return data

    def say(self, client, data):
        client.sendall(data)
        return self.receive(client, len(data))

    def is_silent(self, client):
        client.settimeout(0.3)
        try:
            return client.recv(1) is None
        except TimeoutError:
            return True
        finally:
            client.settimeout(PATIENCE_S)

    def test_bytes_pass_in_both_directions(self):
        clients = [self.client() for _ in range(20)]
        for i, client in enumerate(clients):
            self.assertEqual(self.say(client, b"hello %d" % i), b"hello %d" % i)
        self.assertEqual(self.status()["open"], "20")

    def test_a_megabyte_passes_whole(self):
        data = os.urandom(5 << 20)
        client = self.client()
        sender = threading.Thread(target=client.sendall, args=(data,))
        sender.start()
        self.assertEqual(self.receive(client, len(data)), data)
        sender.join()

    def test_the_end_of_one_side_reaches_the_other(self):
        client = self.client()
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(self.receive(client, 100), b"last words")

    def test_cut_resets_everybody_and_refuses_the_next(self):
        client = self.client()
        self.say(client, b"a")
        self.assertEqual(self.tell("cut"), "ok")
        with self.assertRaises(ConnectionResetError):
            client.recv(1)
        with self.assertRaises(ConnectionRefusedError):
            self.client()
        self.assertEqual(self.tell("pass"), "ok")
        self.assertEqual(self.say(self.client(), b"b"), b"b")
        self.assertEqual(self.status()["cut"], "1")

    def test_freeze_keeps_the_connection_and_moves_no_byte(self):
        client = self.client()
        self.say(client, b"a")
        self.assertEqual(self.tell("freeze"), "ok")
        late = self.client()
        client.sendall(b"while frozen")
        late.sendall(b"from outside")
        self.assertTrue(self.is_silent(client))
        self.assertTrue(self.is_silent(late))
        self.assertNotIn(b"while frozen", self.echo.heard)
        self.assertEqual(self.tell("pass"), "ok")
        self.assertEqual(self.receive(client, 12), b"while frozen")
        self.assertEqual(self.receive(late, 12), b"from outside")

    def test_a_client_that_leaves_while_frozen_is_noticed_after(self):
        client = self.client()
        self.say(client, b"a")
        self.tell("freeze")
        client.close()
        self.assertEqual(self.status()["open"], "1")
        self.tell("pass")
        self.assertEqual(self.say(self.client(), b"b"), b"b")
        # The other side's goodbye is answered in its own time.
        while self.status()["open"] != "1":
            pass

    def test_delay_holds_bytes_back_but_keeps_them(self):
        client = self.client()
        self.say(client, b"a")
        self.assertEqual(self.tell("delay 200"), "ok")
        client.sendall(b"slow")
        self.assertEqual(self.status()["delay_ms"], "200")
        self.assertEqual(self.receive(client, 4), b"slow")
        self.assertEqual(self.tell("pass"), "ok")
        self.assertEqual(self.say(client, b"fast"), b"fast")

    def test_a_target_that_is_away_resets_the_client(self):
        self.echo.shutdown()
        self.echo.server_close()
        # The reset may be seen as early as while connecting.
        with self.assertRaises(ConnectionResetError):
            self.client().recv(1)

    def test_the_control_port_obeys_too(self):
        control = socket.create_connection(("127.0.0.1", self.control), PATIENCE_S)
        self.addCleanup(control.close)
        control.sendall(b"freeze\nsta")
        self.assertEqual(self.receive(control, 3), b"ok\n")
        control.sendall(b"tus\n")
        self.assertIn(b"mode=freeze", self.receive(control, 60))

    def test_wrong_orders_are_refused(self):
        for line in ("dance", "delay", "delay x", "delay -1", "kill", "kill up",
                     "kill up /x y"):
            self.assertTrue(self.tell(line).startswith("error"), line)

    def victim(self):
        process = subprocess.Popen(["sleep", "600"])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        path = pathlib.Path(self.folder.name) / ("pid%d" % process.pid)
        path.write_text(str(process.pid))
        return process, path

    def test_kills_at_each_point(self):
        client = self.client()
        for point in ("up", "down", "answer"):
            process, path = self.victim()
            self.assertEqual(self.tell("kill %s %s 1 COMMIT now" % (point, path)), "ok")
            self.say(client, b"nothing to see")
            self.assertIsNone(process.poll())
            self.say(client, b"please COMMIT now!")
            self.assertEqual(process.wait(timeout=PATIENCE_S), -signal.SIGKILL, point)
        self.assertEqual(self.status()["kills"], "3")
        self.assertEqual(self.tell("kill none"), "ok")
        self.assertEqual(self.status()["kills"], "0")

    def test_what_killed_did_not_reach_the_client(self):
        path = pathlib.Path(self.folder.name) / "client.pid"
        self.tell("kill answer %s 1 order" % path)
        script = (
            "echo $$ > %s; exec 3<>/dev/tcp/127.0.0.1/%d; echo order >&3;"
            " read -r line <&3; echo got $line" % (path, self.port)
        )
        done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE,
                              timeout=PATIENCE_S, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL)
        self.assertEqual(done.stdout, b"")
        self.assertIn(b"order\n", self.echo.heard)


class StartTest(unittest.TestCase):
    def start(self, **env):
        return subprocess.run([BIN / "relais-proxy"], env={**os.environ, **env},
                              capture_output=True, text=True, check=False,
                              timeout=PATIENCE_S, stdin=subprocess.DEVNULL)

    def test_bad_settings_are_named(self):
        self.assertIn("PROXY_TARGET", self.start().stderr)
        self.assertIn("PROXY_TARGET", self.start(PROXY_TARGET="nonsense").stderr)
        done = self.start(PROXY_TARGET="127.0.0.1:1", PROXY_PORT="70000")
        self.assertIn("PROXY_PORT", done.stderr)
        self.assertEqual(done.returncode, 1)


if __name__ == "__main__":
    unittest.main()
