// workers/docuseal/paper.h - what can be signed: a quote, or the acceptance of general
// terms. Two tables say how they differ; everything else is the same for both.
#ifndef RELAIS_DOCUSEAL_PAPER_H
#define RELAIS_DOCUSEAL_PAPER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct docuseal;
struct json_object;

// What can happen to a signing round, as far as Directus and others hear of it.
enum docuseal_step {
    DOCUSEAL_VIEWED,
    DOCUSEAL_PARTLY,
    DOCUSEAL_COMPLETED,
    DOCUSEAL_DECLINED,
    DOCUSEAL_EXPIRED,
    DOCUSEAL_CANCELLED,
    DOCUSEAL_FAILED,
    DOCUSEAL_STEPS
};

// "viewed", "partially_signed", ...: the word for it in entity_state.
const char *docuseal_step_name(enum docuseal_step step);

// Whether a submission in that state of ours can still be signed: "pending", "viewed",
// "partially_signed". NULL is not.
bool docuseal_is_live(const char *status);

struct docuseal_words {
    const char *status;   // written to the status field; NULL: nothing is written
    const char *fact;     // published; NULL: none
    bool once;            // the fact has no occurrence but the paper itself
    bool with_submission; // the fact names the submission
};

struct docuseal_paper {
    const char *prefix;       // of roots and external ids: "quote"
    const char *member;       // in payloads: "quote", "acceptance"
    const char *collection;   // our name of it
    const char *status_field; // in which the words are written
    const char *pending;      // the word for "asked for"; NULL: nothing is written
    const char *revoked;      // people's word for "taken back", which is final; or NULL
    bool has_request_fields;  // level, embed URL, time of the request
    const char *audit_field, *reason_field;     // NULL: there is none
    const char *accepted_at_field, *hash_field; // NULL: there is none
    const char *fields; // what reconciling reads, if it reads at all
    struct docuseal_words words[DOCUSEAL_STEPS];
};

extern const struct docuseal_paper docuseal_quote;
extern const struct docuseal_paper docuseal_cgv;

// One paper: which kind, its row's id, and "quote:<uuid>", which is root, lane and
// entity.
struct docuseal_root {
    const struct docuseal_paper *paper;
    const char *id;
    const char *key;
};

// Reads "quote:<uuid>" and what may follow it (":r2:client"). *round becomes the number
// after ":r", 0 where there is none. False: not ours.
bool docuseal_root_read(struct job *job, const char *text, struct docuseal_root *root,
                        int64_t *round) ATTR_MUST_CHECK;

// The root that a payload names in "quote" or "acceptance". False: job->error is
// PERMANENT and names the member.
bool docuseal_root_of_payload(struct job *job, struct json_object *data,
                              struct docuseal_root *root) ATTR_MUST_CHECK;

// The row with the named fields. Errors as directus_read().
struct json_object *docuseal_paper_read(struct job *job, const struct docuseal *ds,
                                        const struct docuseal_root *root,
                                        const char *fields) ATTR_MUST_CHECK;

// Writes the patch and, nested in the same request, rows of signature_logs, each with
// its id: `known` are there already. A row that is there although it should be new (an
// attempt died after this write) is updated instead. Nothing to write: no request.
struct docuseal_write {
    struct json_object *patch;
    struct json_object *fresh; // array of rows to create
    struct json_object *known; // array of rows to update
};
bool docuseal_paper_write(struct job *job, const struct docuseal *ds,
                          const struct docuseal_root *root,
                          const struct docuseal_write *write) ATTR_MUST_CHECK;

// The beginning of every fact's data: {company, quote|acceptance}.
struct json_object *docuseal_fact(struct job *job, const struct docuseal_root *root,
                                  const char *company);

#endif
