"""Directus over REST: what people enter there, and what is to be seen there."""

import json
import urllib.parse

from . import rest
from .wait import until

OWNERS = {
    "HYPERVISUAL": "7f0c2a52-5f0b-4c39-9a50-2f6f3c1d0a01",
    "DAINAMICS": "7f0c2a52-5f0b-4c39-9a50-2f6f3c1d0a02",
    "LEXAIA": "7f0c2a52-5f0b-4c39-9a50-2f6f3c1d0a03",
    "ENKI_REALTY": "7f0c2a52-5f0b-4c39-9a50-2f6f3c1d0a04",
    "TAKEOUT": "7f0c2a52-5f0b-4c39-9a50-2f6f3c1d0a05",
}


class Directus:
    def __init__(self, url, token):
        self.url = url
        self.token = token

    def call(self, method, path, body=None, /, **query):
        """Returns `data` of the answer; an error status raises a ValueError."""
        url = self.url + path
        if query:
            url += "?" + urllib.parse.urlencode(query)
        headers = {"Authorization": "Bearer " + self.token}
        answer = rest.call(method, url, body, headers)
        if answer.status == 503:  # under pressure: nothing was done, people try again
            answer = until("Directus has time for %s %s" % (method, path), lambda: (
                answered(rest.call(method, url, body, headers))), 60)
        if answer.status >= 400:
            raise ValueError(
                "%s %s: %d %s" % (method, path, answer.status, rest.text_of(answer))
            )
        found = rest.json_of(answer)
        return found["data"] if found else None

    def create(self, collection, row):
        return self.call("POST", "/items/" + collection, row, fields="id")["id"]

    def read(self, collection, key, fields="*"):
        return self.call("GET", "/items/%s/%s" % (collection, key), fields=fields)

    def update(self, collection, key, /, **fields):
        self.call("PATCH", "/items/%s/%s" % (collection, key), fields, fields="id")

    def rows(self, collection, fields="*", /, **filters):
        """Rows whose fields have the values given."""
        wanted = {name: {"_eq": value} for name, value in filters.items()}
        return self.call(
            "GET",
            "/items/" + collection,
            filter=json.dumps(wanted),
            fields=fields,
            limit="-1",
        )

    def files(self, since):
        """The files that came since then, an instant of RFC 3339."""
        return self.call("GET", "/files", filter=json.dumps(
            {"created_on": {"_gte": since}}), fields="id,title", limit="-1")

    def file(self, key):
        """What Directus says of the file, and its bytes."""
        answer = rest.call(
            "GET", self.url + "/assets/" + key,
            headers={"Authorization": "Bearer " + self.token},
        )
        if answer.status != 200:
            raise ValueError("asset %s: %d" % (key, answer.status))
        return self.call("GET", "/files/" + key), answer.body


def answered(answer):
    return answer if answer.status != 503 else None
