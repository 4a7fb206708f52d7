"""deploy/demo as a person starts and ends it; the programs are those that are tested."""

import os
import pathlib
import re
import signal
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("DEMO_BIN", "/nowhere"))
MINUTES = 60

# Some of what a shell has after `. demo.env`, for each part.
WANTED = """KAFKA_BROKERS DATABASE_URL CAPTURE_DATABASE_URL REDIS_URL WEBHOOK_BASE_URL
    DIRECTUS_URL DIRECTUS_TOKEN DIRECTUS_ADMIN_TOKEN DOCUSEAL_API_URL DOCUSEAL_API_KEY
    DOCUSEAL_WEBHOOK_SECRET INVOICE_NINJA_URL INVOICE_NINJA_KEY_HYPERVISUAL
    INVOICE_NINJA_WEBHOOK_SECRET MAUTIC_URL MAUTIC_CLIENT_ID MAUTIC_WEBHOOK_SECRET
    SIM_DOCUSEAL_URL SIM_INVOICE_NINJA_URL SIM_MAUTIC_URL""".split()


running = []


def end_them(*_):
    """Who is ended himself ends his demos first: they have sessions of their own."""
    for process, folder in running:
        Demo.make_an_end(process)
        folder.cleanup()
    os._exit(143)


class Demo(unittest.TestCase):
    def setUp(self):
        # Whatever lies about or still runs at the end names this folder.
        self.folder = tempfile.TemporaryDirectory(prefix="relais-demo-test.")
        self.addCleanup(self.folder.cleanup)
        os.chmod(self.folder.name, 0o755)  # Postgres has a user of its own
        self.said = []

    def start(self, *words, **more):
        process = subprocess.Popen(
            [ROOT / "deploy" / "demo", *words], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True,
            env={**os.environ, "TMPDIR": self.folder.name, "DEMO_BIN": str(BIN), **more})
        running.append((process, self.folder))
        self.addCleanup(process.stdout.close)
        self.addCleanup(self.make_an_end, process)
        return process

    @staticmethod
    def make_an_end(process):
        if process.poll() is None:
            process.terminate()
            process.wait(5 * MINUTES)

    def read(self, process, until=None):
        """What it says, to its end or to a line with that beginning."""
        for line in process.stdout:
            self.said.append(line.rstrip("\n"))
            if until is not None and line.startswith(until):
                return line
        if until is not None:
            self.fail("it never said %r:\n%s" % (until, self.text()))
        return None

    def text(self):
        return "\n".join(self.said)

    def processes(self):
        """Those that were started for the run folder."""
        found = []
        for place in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                words = (place / "cmdline").read_bytes() + (place / "environ").read_bytes()
                where = os.readlink(place / "cwd")
            except OSError:
                continue
            if self.folder.name in words.decode(errors="replace") + where \
                    and int(place.name) != os.getpid():
                found.append((place / "cmdline").read_text().replace("\0", " "))
        return found

    def assert_nothing_left(self):
        self.assertEqual(self.processes(), [])
        self.assertEqual(os.listdir(self.folder.name), [])

    def in_shell(self, command):
        (file,) = pathlib.Path(self.folder.name).glob("relais-demo.*/demo.env")
        self.assertEqual(file.stat().st_mode & 0o077, 0)
        done = subprocess.run(["bash", "-c", '. "$0"; %s' % command, file], check=True,
                              env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE,
                              text=True)
        return done.stdout

    def test_once_plays_the_journey_and_cleans_up(self):
        process = self.start("--once")
        self.read(process)
        self.assertEqual(process.wait(), 0, self.text())
        self.assertIn("the journey is complete", self.text())
        self.assertRegex(self.text(), r"settings for a shell: .*/demo\.env")
        steps = re.findall(r"^ *(\d+)  .* [\d.]+ s$", self.text(), re.MULTILINE)
        self.assertEqual([int(step) for step in steps], list(range(1, len(steps) + 1)))
        self.assertGreater(len(steps), 30)
        self.assert_nothing_left()

    def test_it_stays_up_until_ctrl_c(self):
        process = self.start("--no-play")
        self.read(process, "up; Ctrl-C")
        given = dict(line.split("=", 1) for line in self.in_shell("env").splitlines()
                     if "=" in line)
        self.assertEqual([name for name in WANTED if not given.get(name)], [])
        self.assertIn("orchestrator", self.in_shell("relais status"))
        health = re.findall(r"http://127\.0\.0\.1:\d+/metrics", self.text())
        self.assertEqual(len(health), 6)
        for url in health:
            self.in_shell("curl -fsS %s" % url.replace("/metrics", "/readyz"))
        # A program that dies is told; then the terminal sends its signal to all.
        (pid,) = pathlib.Path(self.folder.name).glob("relais-demo.*/pid/relais-capture")
        os.kill(int(pid.read_text().split()[0]), signal.SIGKILL)
        self.read(process, "relais-capture has ended by itself")
        os.killpg(process.pid, signal.SIGINT)
        self.read(process)
        self.assertEqual(process.wait(), 130, self.text())
        self.assert_nothing_left()

    def once_with(self, program, script):
        """It is played with this script in the program's place, and fails."""
        place = pathlib.Path(self.folder.name, "bin")
        place.mkdir()
        for one in BIN.iterdir():
            (place / one.name).symlink_to(one)
        broken = place / program
        broken.unlink()
        broken.write_text("#!/bin/sh\n" + script)
        broken.chmod(0o755)
        process = self.start("--once", DEMO_BIN=str(place))
        self.read(process)
        self.assertEqual(process.wait(), 1, self.text())
        self.assertNotIn("the journey is complete", self.text())
        self.assertEqual(self.processes(), [])
        self.assertEqual(os.listdir(self.folder.name), ["bin"])

    def test_a_step_that_fails_says_what_and_why(self):
        self.once_with("relais-orchestrator", "echo 'the moon is full' >&2\nexit 70\n")
        self.assertIn("the moon is full", self.text())

    def test_what_was_not_seen_in_the_systems_themselves_fails(self):
        """All programs run and are healthy; but the quotes' template is not there."""
        self.once_with("relais-docuseal", "DOCUSEAL_TEMPLATE_QUOTE=999999 exec %s\n"
                       % (BIN / "relais-docuseal"))
        self.assertRegex(self.text(), r"DocuSeal has a submission .* not seen")
        self.assertIn("GET /templates/999999 answered 404", self.text())

    def test_words_that_make_no_sense_are_refused(self):
        for words in (["--once", "--no-play"], ["--sideways"]):
            process = self.start(*words)
            self.read(process)
            self.assertEqual(process.wait(), 2)
        process = self.start("--once", DEMO_BIN="/nowhere")
        self.read(process, "DEMO_BIN=/nowhere: no programs")
        self.assertEqual(process.wait(), 2)
        self.assert_nothing_left()


signal.signal(signal.SIGTERM, end_them)
