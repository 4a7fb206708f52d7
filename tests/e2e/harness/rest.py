"""One HTTP call; an error status is an answer like any other."""

import collections
import http.client
import json
import urllib.parse

Answer = collections.namedtuple("Answer", "status headers body")


def text_of(answer):
    return answer.body.decode("utf-8", "replace")


def json_of(answer):
    return json.loads(answer.body) if answer.body else None


def call(method, url, body=None, headers=None, timeout_s=60):
    """`body` is sent as it is if it is bytes, as JSON otherwise."""
    parts = urllib.parse.urlsplit(url)
    sent = dict(headers or {})
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        sent.setdefault("Content-Type", "application/json")
    path = parts.path + ("?" + parts.query if parts.query else "")
    link = http.client.HTTPConnection(parts.hostname, parts.port, timeout=timeout_s)
    try:
        link.request(method, path or "/", body, sent)
        reply = link.getresponse()
        return Answer(reply.status, reply.headers, reply.read())
    except http.client.HTTPException as error:
        raise ConnectionError("%s %s: %r" % (method, path, error)) from error
    finally:
        link.close()
