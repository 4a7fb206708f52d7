// workers/docuseal/order.h - one request for signatures, and the effect it is.
#ifndef RELAIS_DOCUSEAL_ORDER_H
#define RELAIS_DOCUSEAL_ORDER_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/effect.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/paper.h"
#include "workers/docuseal/round.h"

struct json_object;

// A value of ours for a field of a template: `name` there, `path` in the row.
struct docuseal_column {
    const char *name, *path;
};

// One person who signs. Text belongs to the job.
struct docuseal_signer {
    const char *role; // as the template calls it
    const char *part; // "client" or "company": the end of the external_id
    const char *email, *name;
};

enum { DOCUSEAL_SIGNERS = 2 };

// What is asked for. The rest of it is filled in while it is placed.
struct docuseal_order {
    const struct docuseal *ds;
    const struct docuseal_root *root;
    struct docuseal_round *round;
    struct json_object *row; // of the paper, as read
    enum docuseal_level level;
    const char *template;                  // id or external_id
    const char *expire_at;                 // NULL: never
    const struct docuseal_column *columns; // ends with {NULL}
    bool needs_checkbox;                   // the template must ask for an acceptance
    struct docuseal_signer signers[DOCUSEAL_SIGNERS];
    int signer_count;
    struct json_object *metadata;

    const char *made;      // the submission this very attempt created, or NULL
    const char *embed_url; // where the client signs, once known
};

// The effect "docuseal.submission" of "<root>:r<n>". ctx is the order; for find and
// withdraw one with only `ds` is enough. Its result is {submission, status, answered}:
// DocuSeal's answer to the call was seen, so that its mails are under way.
extern const struct effect_kind docuseal_submission_effect;

// What find() does: a JSON array of {submission, status} of what is not archived under
// that identity, a completed one first, then by age.
bool docuseal_order_find(struct job *job, const char *identity, void *ctx,
                         struct json_object **found) ATTR_MUST_CHECK;

// {submission, status}: the effect's result for a submission as read.
struct json_object *docuseal_order_result(struct job *job,
                                          struct json_object *submission);

// The setting that names the template: <base>_<COMPANY>_<LEVEL>, <base>_<COMPANY>,
// <base>_<LEVEL>, <base>. Above SES only those with the level count: nothing is ever
// downgraded. NULL: job->error is PERMANENT and names what to set.
const char *docuseal_template_setting(struct job *job, const char *base,
                                      const char *company,
                                      enum docuseal_level level) ATTR_MUST_CHECK;

// The body of POST /submissions. Reads the template: only fields it has are filled, and
// roles it lacks are refused (DocuSeal would silently take the next free one).
struct json_object *
docuseal_order_body(struct job *job,
                    const struct docuseal_order *order) ATTR_MUST_CHECK;

#endif
