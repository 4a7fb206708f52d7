"""The provider answers with errors, with nonsense, too late, or not at all."""

from harness import Case

# What happens to the first POST of a quote, and how often it is made in all: where the
# work was done although no answer came, not again.
FAULTS = {
    "429": ({"kind": "429", "count": 2}, 3),
    "429 with Retry-After": ({"kind": "retry_after_429", "retry_after": 1}, 2),
    "500": ({"kind": "500"}, 2),
    "500 after the work": ({"kind": "500", "when": "after"}, 1),
    "502 in HTML": ({"kind": "html"}, 2),
    "200 in HTML": ({"kind": "html", "status": 200}, 2),
    "200 in HTML after the work": ({"kind": "html", "status": 200, "when": "after"}, 1),
    "a redirect": ({"kind": "redirect", "location": "/followed"}, 2),
    "a redirect after the work": (
        {"kind": "redirect", "location": "/followed", "when": "after"}, 1),
    "silence": ({"kind": "silence", "ms": 20000}, 2),
    "silence after the work": ({"kind": "silence", "ms": 20000, "when": "after"}, 1),
    "a cut before the work": ({"kind": "cut_before"}, 2),
    "a cut after the work": ({"kind": "cut_after"}, 1),
    "a cut in the answer": ({"kind": "cut_during"}, 1),
}


class Provider(Case):
    def test_a_request_that_fails_in_whatever_way_is_made_once_in_the_end(self):
        quotes = {name: self.new_quote() for name in FAULTS}
        for name, (fault, _) in FAULTS.items():
            self.simulator.fault(method="POST", path_prefix="/submissions",
                                 match=quotes[name], **fault)
        for quote in quotes.values():
            self.send(quote)
        for name, (fault, posts) in FAULTS.items():
            quote = quotes[name]
            with self.subTest(name):
                submission = self.requested(quote, 60)
                self.assertEqual(self.submission(quote)["id"], submission)
                self.assertEqual(len(self.posts(quote)), posts)
                worked = [call["worked"] for call in self.posts(quote)]
                self.assertEqual(worked, [False] * (posts - 1) + [True])
                self.assertEqual(self.count_facts(quote)["signature.requested"], 1)
        spent = [fault["left"] for fault in self.simulator.faults()]
        self.assertEqual(spent, [0] * len(FAULTS))
        self.assertEqual(self.simulator.calls(path_prefix="/followed"), [])
        self.assertEqual(self.dead_letters(*quotes.values()), [])

    def test_a_twin_that_is_made_while_we_look_is_withdrawn(self):
        """As if DocuSeal did the work of the cut call after we had looked for it."""
        quote = self.new_quote()
        which = {"method": "POST", "path_prefix": "/submissions", "match": quote}
        self.simulator.fault("cut_before", **which)
        self.simulator.fault("latency", when="after", ms=1500, **which)
        self.send(quote)
        own = self.until("the second attempt", lambda: self.submissions(quote))[0]["id"]
        self.make_twin(quote)
        self.assertEqual(self.requested(quote), own)
        self.assert_one_left(quote, own)

    def test_a_twin_that_appears_long_after_is_withdrawn(self):
        quote, own = self.sent_quote()
        self.make_twin(quote)
        self.until("one is left", lambda: len(self.live(quote)) == 1)
        self.assert_one_left(quote, own)

    def make_twin(self, quote):
        self.simulator.api("POST", "/submissions", {"template_id": 17, "submitters": [
            {"role": "Client", "email": "zoe.rochat@example.com",
             "external_id": "quote:%s:r1:client" % quote}]})

    def assert_one_left(self, quote, own):
        self.settled(quote)
        first, twin = self.submissions(quote)
        self.assertEqual((first["id"], first["live"], twin["live"]), (own, True, False))
        self.assertEqual([call["path"] for call in self.calls(quote, "DELETE")],
                         ["/submissions/%d" % twin["id"]])
        self.simulator.sign(own)
        self.becomes(quote, "signed", "completed")
        self.settled(quote)
        self.assert_signed(quote, own)

    def test_an_invitation_that_may_have_gone_out_is_not_repeated(self):
        """The request is cut and its mail lost; so is the answer of the call that has
        DocuSeal mail: once its record of that mail is there, once it is not."""
        recorded, unrecorded = self.new_quote(), self.new_quote()
        for quote in (recorded, unrecorded):
            post = {"method": "POST", "path_prefix": "/submissions", "match": quote}
            self.simulator.fault("mail_lost", **post)
            self.simulator.fault("cut_after", **post)
            self.simulator.fault("cut_after", method="PUT", match=quote)
        self.simulator.fault("mail_lost", method="PUT", match=unrecorded)
        for quote, mails, flags in ((recorded, 1, 0), (unrecorded, 0, 1)):
            self.send(quote)
            submission = self.requested(quote, 60)
            self.settled(quote)
            (client,) = self.submission(quote)["submitters"]
            with self.subTest(mails=mails):
                self.assertEqual(len(self.calls(quote, "PUT", "/submitters")), 1)
                self.assertEqual(len(self.invitations(submission)), mails)
                self.assertEqual(len(self.system.ledger(
                    "SELECT 1 FROM relais.attention WHERE kind = 'effect.unsure'"
                    " AND entity = :'entity'",
                    entity="%d:%d:invitation" % (submission, client["id"]))), flags)
                self.assertEqual(self.count_facts(quote)["signature.requested"], 1)
        self.assertEqual(self.dead_letters(recorded, unrecorded), [])
        self.assertEqual([fault["left"] for fault in self.simulator.faults()], [0] * 7)

    def invitations(self, submission):
        return [mail for mail in self.simulator.state()["mails"]
                if mail["submission_id"] == submission and mail["kind"] == "invitation"]

    def test_a_signature_is_fetched_through_errors_and_stored_once(self):
        quote, submission = self.sent_quote()
        for fault in ({"kind": "500"}, {"kind": "html", "status": 200},
                      {"kind": "cut_during"}, {"kind": "429"}):
            self.simulator.fault(method="GET", match=quote, count=1,
                                 path_prefix="/submissions/", **fault)
        for fault in ({"kind": "500"}, {"kind": "cut_during"}, {"kind": "html"}):
            self.simulator.fault(method="GET", path_prefix="/file/", **fault)
        self.simulator.sign(submission)
        self.becomes(quote, "signed", "completed", 60)
        steps = self.settled(quote)
        self.assert_signed(quote, submission)
        self.assertEqual([fault["left"] for fault in self.simulator.faults()], [0] * 7)
        self.assertEqual(self.count_facts(quote)["quote.signed"], 1)
        writes = [step["calls"].count("PATCH /items/quotes") for step in steps
                  if "completed" in step["note"]]
        self.assertEqual(sum(writes), 1)

    def test_a_withdrawal_through_errors_leaves_nothing_to_sign(self):
        quote, submission = self.sent_quote()
        for kind in ("500", "cut_before", "cut_after", "redirect"):
            self.simulator.fault(kind, method="DELETE", match=quote)
        self.directus.update("quotes", quote, status="draft")
        self.becomes(quote, "draft", "cancelled", 60)
        self.settled(quote)
        self.assertEqual(self.live(quote), [])
        self.assertEqual(self.count_facts(quote)["signature.cancelled"], 1)
        self.assertEqual([call["path"] for call in self.calls(quote, "POST")],
                         ["/submissions"])


class Parked(Case):
    # Until then nobody may look whether the request was taken after all: time enough for
    # what is to be seen meanwhile, on a machine that is busy, too.
    settings = {"EFFECT_TIMEOUT_MS": "12000"}

    def test_a_request_that_keeps_failing_is_parked_and_keeps_its_order(self):
        """What a person does meanwhile waits behind it; other quotes do not wait."""
        quote = self.new_quote()
        fault = self.simulator.fault(
            "500", method="POST", path_prefix="/submissions", match=quote, count=-1)
        self.send(quote)
        self.until("it is parked", lambda: self.parked(quote))
        self.directus.update("quotes", quote, status="draft")
        self.until("the cancellation waits behind it",
                   lambda: len(self.parked(quote)) == 2)
        self.assertIn("quote:" + quote, self.system.relais("park", "list"))
        other, _ = self.sent_quote()
        self.assertEqual(self.attempts(other), [1])
        self.assertEqual(len(self.parked(quote)), 2)

        self.simulator.control("DELETE", "faults/%d" % fault["id"])
        self.system.relais("park", "release", "quote:" + quote)
        steps = self.settled(quote)
        self.assertEqual(self.parked(quote), [])
        self.assertEqual(self.submissions(quote), [])
        done = [step["type"] for step in steps if step["worker"] == "relais-docuseal"
                and step["outcome"] == "done"]
        self.assertEqual(done, ["docuseal.signature.request",
                                "docuseal.signature.cancel"])
        self.send(quote)
        submission = self.requested(quote)
        self.assertEqual(self.submission(quote)["id"], submission)

    def parked(self, quote):
        return self.system.ledger(
            "SELECT event FROM relais.parked_event WHERE lane = :'lane'",
            lane="quote:" + quote)

    def attempts(self, quote):
        """Of the request for signature."""
        return [step["attempt"] for step in self.steps(quote)
                if step["type"] == "docuseal.signature.request"]
