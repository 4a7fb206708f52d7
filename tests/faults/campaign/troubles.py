"""What is done to the system while signatures run: one function a trouble."""

import time

from harness.programs import NAMES

from .proxies import wait_killed

DOCUSEAL = "relais-docuseal"


class Troubles:
    def __init__(self, system, proxies, people, random, settings):
        self.system = system
        self.proxies = proxies
        self.people = people
        self.random = random
        self.settings = settings
        self.done = {}  # trouble: how often

    def note(self, what):
        self.done[what] = self.done.get(what, 0) + 1
        print("      %-52s %3d" % (what, self.done[what]), flush=True)

    def start(self, program):
        program.up(**{**self.settings, **self.proxies.settings(program.label)})

    def start_all(self):
        for name in NAMES:
            self.start(self.system[name])

    # Programs.

    def kill_some(self, count):
        """kill -9 at random moments, each program many times."""
        for _ in range(count):
            program = self.system[self.random.choice(NAMES)]
            time.sleep(self.random.random() * 1.5)
            program.kill()
            self.note("kill -9 of %s" % program.name)
            time.sleep(self.random.random() * 0.3)
            self.start(program)

    def freeze(self):
        """One worker stands still past its session; another takes its work over; then it
        thaws and believes that nothing has happened."""
        other = self.system.programs.get(DOCUSEAL + "-2") \
            or self.system.add(DOCUSEAL, 2)
        self.start(other)
        worker = self.system[DOCUSEAL]
        worker.freeze()
        time.sleep(10)  # longer than the session: nothing can be waited for here
        self.people.send_quotes(4)
        worker.thaw()
        self.note("a worker frozen past its session and thawed")
        worker.wait_ready()
        other.stop()

    def scale(self):
        """1 -> 3 -> 1 workers."""
        more = [self.system.programs.get("%s-%d" % (DOCUSEAL, n))
                or self.system.add(DOCUSEAL, n) for n in (2, 3)]
        for program in more:
            self.start(program)
        self.people.send_quotes(4)
        more[0].kill()
        more[1].stop()
        self.note("workers scaled 1 -> 3 -> 1")

    # Parts.

    def restart(self, part):
        self.system.part("kill", part)
        self.people_go_on()
        self.system.part("start", part)
        self.note("%s killed and started again" % part)

    def people_go_on(self):
        time.sleep(1 + self.random.random())

    def directus_away(self, seconds):
        self.system.part("stop", "directus")
        time.sleep(seconds)
        self.system.part("start", "directus")
        self.note("Directus stopped for %d s" % seconds)

    def ingest_cut_off(self, seconds):
        self.people.send_quotes(4)
        self.proxies.kafka.say("cut")
        time.sleep(seconds)
        self.proxies.kafka.say("pass")
        self.note("the ingest's Kafka cut off for %d s" % seconds)

    # Chosen points.

    def kill_in_simulator(self, point):
        """The worker dies while its call is at the provider."""
        worker = self.system[DOCUSEAL]
        kill = self.system.simulator.kill_at(
            point, worker.pid_file, method="POST", path_prefix="/submissions", count=1)
        self.people.send_quote()
        wait_killed(worker, point)
        self.note("killed at the provider: %s" % point)
        self.start(worker)
        return kill

    def kill_on_wire(self, name, proxy, pattern, program=DOCUSEAL):
        """The program dies when an answer to bytes with this pattern is on its way."""
        worker = self.system[program]
        proxy.say("kill answer %s 1 %s" % (worker.pid_file, pattern))
        self.people.send_quote()
        wait_killed(worker, name)
        proxy.say("kill none")
        self.note("killed: %s" % name)
        self.start(worker)

    def chosen_points(self):
        for point in ("request_received", "work_done", "answer_sent"):
            self.kill_in_simulator(point)
        postgres, kafka = self.proxies.postgres, self.proxies.kafka
        self.kill_on_wire("intent stored", postgres, "take_over + 1")
        self.kill_on_wire("settle committed", postgres, "relais.outbox (topic")
        self.kill_on_wire("record produced", kafka, "signature.requested")


def fault(simulator, kind, **more):
    simulator.fault(kind, count=-1, **more)


def faulty_provider(simulator):
    """About every third call goes wrong in one of the ways that are known."""
    post = {"method": "POST", "path_prefix": "/submissions"}
    fault(simulator, "cut_after", probability=0.12, **post)
    fault(simulator, "cut_before", probability=0.06, **post)
    fault(simulator, "500", probability=0.06, **post)
    fault(simulator, "429", probability=0.04, **post)
    fault(simulator, "cut_before", probability=0.05, method="GET")
    fault(simulator, "500", probability=0.05, method="GET")
    fault(simulator, "latency", probability=0.1, ms=300)
    fault(simulator, "webhook_double", probability=0.2)
    fault(simulator, "webhook_reorder", probability=0.2)
    fault(simulator, "webhook_delay", probability=0.1, ms=800)
