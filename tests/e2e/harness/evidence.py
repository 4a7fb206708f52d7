"""The files that a completed signature leaves in Directus, beside DocuSeal's own."""

import hashlib


def wrong_files(directus, simulator, quote, logs, submission):
    """What is wrong with them, as texts. `quote` is its row, `submission` a number."""
    documents, audit = papers_of(simulator, submission)
    found = [(quote["signed_document_file"], documents[0], "the signed document"),
             (quote["audit_log_file"], audit, "the audit log")]
    yield from (text for key, papers, what in found
                for text in wrong_file(directus, key, papers, what))
    for log in logs:
        yield from wrong_log(log, quote, documents)


def wrong_file(directus, key, wanted, what):
    if not key:
        yield "there is no file of %s" % what
        return
    about, content = directus.file(key)
    if about["type"] != "application/pdf":
        yield "%s is %s" % (what, about["type"])
    if content != wanted:
        yield "%s is not what DocuSeal has: %r" % (what, content[:2000])


def wrong_log(log, quote, documents):
    """What a row of signature_logs says of the files."""
    hashes = [hashlib.sha256(document).hexdigest() for document in documents]
    if log["document_hash"] != hashes[0]:
        yield "%s is no hash of the signed document" % log["document_hash"]
    if log["audit_log_file"] != quote["audit_log_file"]:
        yield "the log's audit log is %s" % log["audit_log_file"]
    for signer in log["signers"]:
        if [one["sha256"] for one in signer["documents"]] != hashes \
                or signer["documents"][0]["file"] != quote["signed_document_file"]:
            yield "the log's documents are %s" % signer["documents"]


def papers_of(simulator, submission):
    """What DocuSeal's simulator has signed: the documents, and the audit log."""
    seen = simulator.api("GET", "/submissions/%s" % submission)
    documents = [simulator.file(one["url"]) for one in seen["documents"]]
    audit = simulator.file(seen["audit_log_url"])
    last = b"Signed document 1 of submission %d)" % seen["id"]
    if last not in documents[0] or b"Unsigned" in documents[0]:
        raise ValueError("no signed document: %r" % documents[0])
    for signer in seen["submitters"]:
        if b"Submitter %d: " % signer["id"] not in documents[0]:
            raise ValueError("%d has not signed: %r" % (signer["id"], documents[0]))
    if b"Audit log of submission %d)" % seen["id"] not in audit:
        raise ValueError("no audit log: %r" % audit)
    return documents, audit


def files_about(directus, submission, since):
    """The ids of the files about the submission, of those stored since then."""
    word = b"of submission %d)" % submission
    return {row["id"] for row in directus.files(since)
            if word in directus.file(row["id"])[1]}
