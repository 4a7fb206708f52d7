"""What is done to the system while journeys run: one function a trouble."""

import concurrent.futures
import threading
import time

from harness.programs import names_of, simulators_of
from harness.wait import until

from .providers import INTENDS, INVITES, POINTS, SETTLES
from .proxies import wait_killed
from .stories import Bag

FENCED = 75  # the exit status of who shall be started again
FREEZE_S = 8  # longer than the session: nothing can be waited for here


class Troubles:
    def __init__(self, system, proxies, people, providers, random, settings):
        self.system = system
        self.proxies = proxies
        self.people = people
        self.providers = providers
        self.random = random
        self.settings = settings
        self.names = names_of(settings["INTEGRATIONS"])
        self.victims = Bag(random, self.names)
        self.workers = [provider.worker for provider in providers]
        self.done = {}  # trouble: how often
        self.lock = threading.Lock()

    def note(self, what):
        with self.lock:
            self.done[what] = self.done.get(what, 0) + 1
            print("      %-56s %3d" % (what, self.done[what]), flush=True)

    def start(self, program, **more):
        program.start(**{**self.settings, **self.proxies.settings(program), **more})

    def up(self, program, **more):
        self.start(program, **more)
        program.wait_ready()

    def start_all(self):
        for name in self.names:
            self.up(self.system.programs.get(name) or self.system.add(name))

    # Programs.

    def kill_some(self, count, names=None):
        """kill -9 at random moments, each program many times; of those names only."""
        victims = Bag(self.random, names) if names else self.victims
        for _ in range(count):
            program = self.system[victims.draw()]
            time.sleep(self.random.random() * 1.5)
            program.wait_ready(120)
            program.kill()
            self.note("kill -9 of %s" % program.name)
            time.sleep(self.random.random() * 0.3)
            self.start(program)
        for name in self.names:
            self.system[name].wait_ready(120)

    def one_more(self, name, number):
        return self.system.programs.get("%s-%d" % (name, number)) \
            or self.system.add(name, number)

    def freeze(self):
        """One worker stands still past its session; another takes its work over; then
        it thaws and believes that nothing has happened."""
        worker = self.system[self.random.choice(self.workers)]
        other = self.one_more(worker.name, 2)
        self.up(other)
        worker.freeze()
        time.sleep(FREEZE_S)
        self.people.send_quotes(4)
        worker.thaw()
        self.note("%s frozen past its session and thawed" % worker.name)
        self.come_back(worker)
        other.stop()

    def come_back(self, worker):
        """A static member may find itself fenced by its own thawed session: it ends so
        that systemd starts it again."""
        try:
            worker.wait_ready()
        except AssertionError:
            if worker.process.returncode != FENCED:
                raise
            self.note("%s fenced, and started again" % worker.name)
            self.up(worker)

    def scale(self):
        """1 -> 3 -> 1 workers of each kind, one of them killed."""
        more = [self.one_more(name, number) for number in (2, 3)
                for name in self.workers]
        for program in more:
            self.start(program)
        for program in more:
            program.wait_ready(120)
        self.people.send_quotes(4)
        for program in more:
            if program.label.endswith("2"):
                program.kill()
            else:
                program.stop()
        self.note("workers scaled 1 -> 3 -> 1")

    # Parts.

    def restart(self, part):
        self.system.part("kill", part)
        self.people_go_on()
        self.system.part("start", part)
        self.note("%s killed and started again" % part)

    def restart_simulators(self):
        names = simulators_of(self.settings["INTEGRATIONS"])
        for name in names:
            self.system[name].kill()
        self.people_go_on()
        for name in names:
            self.system[name].restart()
            self.note("%s killed and started again" % name)

    def people_go_on(self):
        time.sleep(1 + self.random.random())

    def directus_away(self, seconds):
        self.system.part("stop", "directus")
        time.sleep(seconds)
        self.system.part("start", "directus")
        self.note("Directus stopped for %d s" % seconds)

    def ingest_cut_off(self, seconds):
        """Clients act meanwhile: what providers tell of it is spooled, and answered."""
        ingest = self.system["ingest"]
        before = ingest.metric("relais_ingest_spooled_total")
        with self.people.acting:
            stories = [self.people.send_quote() for _ in range(4)]
            until("clients have what they can act on", lambda: all(
                self.people.directus_knows(story) for story in stories), 120)
            self.proxies.kafka.say("cut")
        until("webhooks are spooled",
              lambda: ingest.metric("relais_ingest_spooled_total") > before, 60)
        time.sleep(seconds)
        self.proxies.kafka.say("pass")
        self.note("the ingest's Kafka cut off for %d s" % seconds)

    # Chosen points.

    def chosen_points(self):
        """Each worker dies at each point, side by side with the others."""
        with concurrent.futures.ThreadPoolExecutor() as pool:
            for done in [pool.submit(self.points_of, provider)
                         for provider in self.providers]:
                done.result()

    def points_of(self, provider):
        ledger, kafka = self.proxies.ledgers[provider.worker], self.proxies.kafka
        for point in POINTS:
            self.kill_in_simulator(provider, point)
        self.kill_on_wire("intent stored", provider, ledger, INTENDS)
        self.kill_on_wire("settle committed", provider, ledger, SETTLES)
        self.kill_on_wire("record produced", provider, kafka, provider.produces)

    def kill_in_simulator(self, provider, point):
        """The worker dies while its call is at the provider. DocuSeal may die as well, when
        it has made the submission and mailed nothing: whoever comes back has it mailed."""
        worker = self.system[provider.worker]
        story = self.people.book.new_story(
            "paid" if self.people.everything else "signed", True)
        path = self.random.choice(provider.creates)
        which = {"method": "POST", "path_prefix": path}
        if path == INVITES:
            which["match"] = story.quote
        kill = provider.simulator.kill_at(point, worker.pid_file, count=1, **which)
        if path == INVITES and point == "work_done":
            provider.simulator.fault("mail_lost", **which)
            story.early = False  # who is not mailed does not sign
        self.people.send(story)
        wait_killed(worker, "%s of %s" % (point, path))
        provider.simulator.control("DELETE", "exec/%d" % kill["id"])
        self.killed(worker, point.replace("_", " "))

    def kill_on_wire(self, name, provider, proxy, pattern):
        """The program dies when an answer to bytes with this pattern is on its way."""
        worker = self.system[provider.worker]
        proxy.say("kill answer %s 1 %s" % (worker.pid_file, pattern))
        if pattern == "contact.unsubscribed":
            self.unsubscribe()
        else:
            self.people.send_quote("paid" if self.people.everything else "signed", True)
        wait_killed(worker, name)
        self.killed(worker, name)

    def killed(self, worker, point):
        """It comes back as the member of its group that it was, without waiting for the
        end of the session of the dead one."""
        self.note("%s killed: %s" % (worker.name, point))
        self.up(worker, KAFKA_GROUP_INSTANCE_ID=worker.label)

    def unsubscribe(self):
        """Somebody whom Mautic knows wants no mails any more."""
        person = self.people.send_lead(30)
        until("the lead is in Mautic", lambda: self.system.directus.read(
            "leads", person.lead)["mautic_points_applied"] == 30, 120)
        person.opted_out = True
        self.people.insist(lambda: self.system.mautic.control(
            "POST", "unsubscribe", {"email": person.email}))

    def missing_points(self):
        """Points at which no worker died."""
        names = [point.replace("_", " ") for point in POINTS]
        names += ["intent stored", "settle committed", "record produced"]
        wanted = ["%s killed: %s" % (worker, name)
                  for worker in self.workers for name in names]
        return [what for what in wanted if not self.done.get(what)]
