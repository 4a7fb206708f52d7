// workers/docuseal/evidence.h - what is kept of a signature: the signed documents, the
// audit log, and one row of signature_logs per submitter.
#ifndef RELAIS_DOCUSEAL_EVIDENCE_H
#define RELAIS_DOCUSEAL_EVIDENCE_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/paper.h"
#include "workers/docuseal/round.h"

struct json_object;

// What was stored in Directus. Text belongs to the job.
struct docuseal_evidence {
    const char *document;          // id of the first signed document's file
    const char *document_hash;     // its SHA-256
    const char *audit_log;         // id of the audit log's file; NULL: none was given
    struct json_object *documents; // [{name, file, sha256}]: all of them
};

// Downloads, hashes and stores the signed documents (they carry all signatures) and the
// audit log of a completed submission, under ids made of (submission, document): again
// does no harm. RETRYABLE while DocuSeal is still making them; an audit log that does
// not come within DOCUSEAL_AUDIT_WAIT_MS is done without, with a word for a person.
bool docuseal_evidence_store(struct job *job, const struct docuseal *ds,
                             const struct docuseal_root *root,
                             struct json_object *submission,
                             struct docuseal_evidence *evidence) ATTR_MUST_CHECK;

// Where a submitter signed from, as only the form.completed webhook says.
struct docuseal_address {
    const char *submitter, *ip, *agent; // NULL: not known
};

// Looks for it in DocuSeal's list of completed forms. Not found, or a server without
// that list: *address stays as it is.
bool docuseal_address_find(struct job *job, const struct docuseal *ds,
                           struct json_object *submitter,
                           struct docuseal_address *address) ATTR_MUST_CHECK;

// One row of signature_logs. `status` is what the row says of the round; evidence is
// NULL until the submission is completed.
struct docuseal_log {
    struct json_object *submission, *submitter;
    const struct docuseal_root *root;
    const struct docuseal_round *round;
    const struct docuseal_address *address;
    const struct docuseal_evidence *evidence;
    const char *status;
    const char *decline_reason; // NULL: none
};
struct json_object *docuseal_log_row(struct job *job, const struct docuseal_log *log);

// The row's id: uuid v5 of the submitter.
const char *docuseal_log_id(struct job *job, const char *submitter);

// The members of the row that tell the address.
void docuseal_log_address(struct json_object *row,
                          const struct docuseal_address *address);

// Whether the address is this submitter's.
bool docuseal_address_of(const struct docuseal_address *address, const char *submitter);

#endif
