// workers/docuseal/request.h - asking for signatures, and recording that it was done.
#ifndef RELAIS_DOCUSEAL_REQUEST_H
#define RELAIS_DOCUSEAL_REQUEST_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/docuseal/order.h"

// Fills the order from the command and the quote. *skip becomes a sentence where
// nothing is to be done.
bool docuseal_quote_order(struct job *job, struct json_object *data,
                          struct docuseal_order *order,
                          const char **skip) ATTR_MUST_CHECK;

// The same for the acceptance of terms.
bool docuseal_cgv_order(struct job *job, struct json_object *data,
                        struct docuseal_order *order,
                        const char **skip) ATTR_MUST_CHECK;

// Has it signed, once in effect: a submission that is alive is used again, one that was
// archived at DocuSeal begins the next round. Records it in Directus and the round, and
// publishes signature.requested.
bool docuseal_order_place(struct job *job,
                          struct docuseal_order *order) ATTR_MUST_CHECK;

// Members of the patch that tell the paper of its submission.
struct docuseal_request {
    const char *embed_url;
    const char *at; // RFC 3339
};
void docuseal_record(const struct docuseal_root *root,
                     const struct docuseal_round *round,
                     const struct docuseal_request *made, struct json_object *patch);

// Says in external_ref which submission is the paper's.
void docuseal_remember(struct job *job, const struct docuseal_root *root,
                       const char *submission);

// Puts the invitation to rest that a cut request may have left unsure: nobody waits for
// it any more. Errors: those of the ledger.
bool docuseal_invitation_close(struct job *job,
                               struct json_object *submission) ATTR_MUST_CHECK;

// Publishes signature.cancelled of the present round.
void docuseal_publish_cancelled(struct job *job, const struct docuseal_root *root,
                                const struct docuseal_round *round,
                                const char *submission);

#endif
