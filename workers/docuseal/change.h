// workers/docuseal/change.h - one transition while it is put together: rows to log, one
// write to Directus, one fact, the round. Private to transition.c and change.c.
#ifndef RELAIS_DOCUSEAL_CHANGE_H
#define RELAIS_DOCUSEAL_CHANGE_H

#include <stdbool.h>
#include <stddef.h>

#include "common/attr.h"
#include "workers/docuseal/evidence.h"
#include "workers/docuseal/reconcile.h"

struct docuseal_change {
    enum docuseal_step step;
    struct docuseal_write write;
    const char *reason; // why it was declined
    const struct docuseal_evidence *evidence;
};

// A change that says nothing yet but the step it stands for.
struct docuseal_change docuseal_change_begin(struct job *job, enum docuseal_step step);

// Adds the submitter's row of signature_logs, new or once more, and notes in the round
// that it is there. Asks DocuSeal where the signature came from if no webhook told.
bool docuseal_change_log(struct job *job, struct docuseal_sight *sight,
                         struct docuseal_change *change,
                         struct json_object *submitter) ATTR_MUST_CHECK;

// Publishes the step's fact.
void docuseal_change_publish(struct job *job, const struct docuseal_sight *sight,
                             const struct docuseal_change *change);

// Members of the patch that tell the paper of a submission it does not know of.
void docuseal_change_record(struct job *job, const struct docuseal_sight *sight,
                            struct json_object *patch);

// Writes it all in one request, says it, and remembers it.
bool docuseal_change_apply(struct job *job, struct docuseal_sight *sight,
                           struct docuseal_change *change) ATTR_MUST_CHECK;

// The submitters of the submission, and whether one has that status, or is in the
// round's log.
size_t docuseal_signer_count(const struct docuseal_sight *sight);
struct json_object *docuseal_signer_at(const struct docuseal_sight *sight, size_t i);
bool docuseal_signer_is(struct json_object *submitter, const char *status);
bool docuseal_signer_is_logged(const struct docuseal_sight *sight,
                               const char *submitter);

#endif
