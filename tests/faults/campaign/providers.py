"""The three providers: what goes wrong at each, and where their workers are killed."""

import collections

from harness.programs import SLICE

Provider = collections.namedtuple(
    "Provider", "name worker simulator api creates produces once")

INVITES = "/submissions"  # what creates there has somebody mailed

# name: the paths that create something, which make a worker unsure when they are cut;
# a record that only this worker produces; whether the provider sends a webhook once only.
KINDS = {
    "docuseal": ("/", (INVITES,), "signature.requested", False),
    "invoice-ninja": ("/api/v1/", ("/api/v1/clients", "/api/v1/invoices",
                                   "/api/v1/emails"), "deposit.invoiced", True),
    "mautic": ("/api/", ("/api/contacts/new", "/api/campaigns/", "/api/notes/new"),
               "contact.unsubscribed", True),
}

# Bytes that a worker sends to Postgres whenever it stores an intent, and whenever it settles
# what it created. (What is prepared goes over the wire once a connection.)
INTENDS, SETTLES = "take_over + 1", "identity, 'confirmed'"

# What can happen to a call that creates, and to any other; how probable it is.
CREATING = (("cut_after", 0.1), ("cut_before", 0.05), ("500", 0.05), ("429", 0.03))
READING = (("cut_before", 0.04), ("500", 0.04))

POINTS = ("request_received", "work_done", "answer_sent")


def providers_of(system, integrations):
    simulators = {SLICE: system.simulator, "invoice-ninja": system.ninja,
                  "mautic": system.mautic}
    return [Provider(name, "relais-" + name, simulators[name], *KINDS[name])
            for name in integrations.split(",")]


def make_faulty(provider, lose_webhooks):
    """About every fifth call goes wrong in one of the ways that are known."""
    fault = provider.simulator.fault
    for kind, probability in CREATING:
        fault(kind, count=-1, probability=probability, method="POST",
              path_prefix=provider.api)
    for kind, probability in READING:
        fault(kind, count=-1, probability=probability, method="GET")
    fault("latency", count=-1, probability=0.1, ms=300)
    fault("webhook_double", count=-1, probability=0.2)
    fault("webhook_reorder", count=-1, probability=0.2, ms=500)
    fault("webhook_delay", count=-1, probability=0.1, ms=800)
    if lose_webhooks:
        fault("webhook_lost", count=-1, probability=0.15)


class Postman:
    """Invoice Ninja and Mautic send a webhook once. One that ingest did not take, being
    dead, was never promised to be handled: a sweep finds what it told of. Where there
    are no sweeps it comes once more, until somebody has taken it."""

    def __init__(self, providers):
        self.senders = [provider for provider in providers if provider.once]
        self.again = {provider.name: set() for provider in providers}

    def round(self):
        for provider in self.senders:
            done = self.again[provider.name]
            for hook in provider.simulator.webhooks():
                if hook["state"] == "dead" and hook["id"] not in done:
                    provider.simulator.control(
                        "POST", "resend_webhook", {"webhook": hook["id"]})
                    done.add(hook["id"])

    def waits(self):
        """Whether a webhook was given up that did not come again yet."""
        return any(hook["state"] == "dead"
                   and hook["id"] not in self.again[provider.name]
                   for provider in self.senders
                   for hook in provider.simulator.webhooks())

    @property
    def count(self):
        return sum(len(done) for done in self.again.values())
