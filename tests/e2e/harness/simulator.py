"""The controls of the simulators; tests/sim/README.md describes them."""

import urllib.parse

from . import rest


class Controls:
    """What all simulators have."""

    def __init__(self, url):
        self.url = url

    def control(self, method, path, body=None, /, **query):
        url = self.url + "/_sim/" + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        answer = rest.call(method, url, body)
        if answer.status >= 400:
            raise ValueError(
                "%s %s: %d %s" % (method, path, answer.status, rest.text_of(answer))
            )
        return rest.json_of(answer)

    # What goes wrong.

    def fault(self, kind, **more):
        return self.control("POST", "faults", {"kind": kind, **more})

    def faults(self):
        return self.control("GET", "faults")["faults"]

    def no_faults(self):
        self.control("DELETE", "faults")

    def kill_at(self, point, pid_file, **more):
        return self.control(
            "POST", "exec", {"point": point, "pid_file": str(pid_file), **more}
        )

    def kills(self):
        return self.control("GET", "exec")["kills"]

    def no_kills(self):
        self.control("DELETE", "exec")

    # What is to be seen.

    def state(self):
        return self.control("GET", "state")

    def calls(self, since=0, **which):
        """Calls of the API, oldest first; `which`: method, path_prefix, match."""
        return self.control("GET", "calls", since=since, **which)["calls"]

    def mark(self):
        """For calls(since=...): what is called from now on."""
        return self.control("GET", "calls", since=0, match="no call at all")["next"]

    def webhooks(self):
        return self.control("GET", "webhooks")["hooks"]

    def idle(self, timeout_ms=30000):
        """Waits until no webhook is due or on its way."""
        return self.control("GET", "idle", timeout_ms=timeout_ms)

    def config(self, **settings):
        return self.control("POST", "config", settings)


class Simulator(Controls):
    """DocuSeal's."""

    def __init__(self, url, token):
        super().__init__(url)
        self.token = token

    def api(self, method, path, body=None):
        """A call of DocuSeal's own API, as another program of the users' makes it."""
        answer = rest.call(
            method, self.url + "/api" + path, body, {"X-Auth-Token": self.token}
        )
        if answer.status >= 400:
            raise ValueError("%s %s: %d" % (method, path, answer.status))
        return rest.json_of(answer)

    def file(self, url):
        """The bytes behind a link that DocuSeal gave."""
        answer = rest.call("GET", url, headers={"X-Auth-Token": self.token})
        if answer.status != 200:
            raise ValueError("%s: %d" % (url, answer.status))
        return answer.body

    # What people do.

    def view(self, submission, **more):
        return self.control("POST", "view", {"submission": submission, **more})

    def sign(self, submission, **more):
        return self.control("POST", "sign", {"submission": submission, **more})

    def decline(self, submission, reason, **more):
        return self.control(
            "POST", "decline", {"submission": submission, "reason": reason, **more}
        )

    def expire(self, submission):
        return self.control("POST", "expire", {"submission": submission})

    def archive(self, submission):
        return self.control("POST", "archive", {"submission": submission})

    def resend(self, webhook):
        return self.control("POST", "resend_webhook", {"webhook": webhook})

    # What is to be seen.

    def submissions(self, root=None):
        """All submissions, or those whose external ids begin with `root` (quote:<id>),
        in the order of their making."""
        rows = self.state()["submissions"]
        if root is not None:
            rows = [row for row in rows if root in roots_of(row)]
        return sorted(rows, key=lambda row: row["id"])


class Ninja(Controls):
    """Invoice Ninja's: books of several companies, named by their codes."""

    def books(self, company):
        """Its clients, invoices, payments and webhooks."""
        return self.state()["companies"][company]

    def invoices(self, company, number=None):
        return [row for row in self.books(company)["invoices"]
                if number in (None, row["number"])]

    def mails(self, company=None):
        return [row for row in self.state()["mails"]
                if company in (None, row["company"])]

    def pay(self, company, invoice, **more):
        """A client pays online; the whole balance unless `amount` is given."""
        return self.control(
            "POST", "pay", {"company": company, "invoice": invoice, **more}
        )

    def refund(self, company, payment, **more):
        return self.control(
            "POST", "refund", {"company": company, "payment": payment, **more}
        )


class Mautic(Controls):
    """Mautic's."""

    def contact(self, email):
        """The contact of that address; LookupError where there is none or several."""
        found = [row for row in self.state()["contacts"]
                 if row["values"].get("email") == email]
        if len(found) != 1:
            raise LookupError("%d contacts have %s" % (len(found), email))
        return found[0]


def roots_of(submission):
    """The roots (quote:<id>) that the external ids of a submission name."""
    found = set()
    for signer in submission["submitters"]:
        words = (signer.get("external_id") or "").split(":")
        found.add(":".join(words[:2]))
    return found
