// Events of the DocuSeal worker: the table is at the end, and says it all.
#include <string.h>

#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/docuseal/cancel.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/remind.h"
#include "workers/docuseal/request.h"

typedef bool fill_order(struct job *job, struct json_object *data,
                        struct docuseal_order *order, const char **skip);

static bool
request(struct job *job, const struct event *ev, const struct docuseal *ds,
        fill_order *fill)
{
    struct docuseal_root root;
    struct docuseal_order order = {.ds = ds, .root = &root};
    const char *skip = NULL;

    if (!docuseal_root_of_payload(job, ev->data, &root))
        return false;
    if (strcmp(ev->key, root.key) != 0) {
        publish_rekeyed(job, ev, root.key, root.key);
        return true;
    }
    order.round = docuseal_round_read(job, &root);
    if (order.round == NULL || !fill(job, ev->data, &order, &skip))
        return false;
    if (skip != NULL) {
        settlement_note(job, "%s", skip);
        return true;
    }
    return docuseal_order_place(job, &order);
}

// Has a quote signed.
// In:    docuseal.signature.request {quote, level, template, require_company_signature}
// Out:   signature.requested {quote, submission, already_sent}; effect.unsure where the
//        invitation of a request that was cut may have gone out
// Again: the effect belongs to (quote, round); the submission made before is used.
static bool
request_signature(struct job *job, const struct event *ev, void *state)
{
    return request(job, ev, state, docuseal_quote_order);
}

// Has the acceptance of general terms signed.
// In:    docuseal.cgv.request {acceptance, template}
// Out:   signature.requested {acceptance, submission, already_sent}; effect.unsure if
//        the invitation of a request that was cut may have gone out
// Again: the effect belongs to (acceptance, round); the submission made before is used.
static bool
request_acceptance(struct job *job, const struct event *ev, void *state)
{
    return request(job, ev, state, docuseal_cgv_order);
}

// Whether an earlier request of the paper is alive or signed: then a later one that was
// refused changes nothing about it.
static bool
stands(const struct docuseal_round *round)
{
    return round->submission != NULL
           && (docuseal_is_live(round->status) || round->signed_by != NULL);
}

// A request that was refused for good: the paper says so.
// In:    docuseal.signature.request, docuseal.cgv.request
// Out:   signature.failed {quote|acceptance, error}
// Again: the same words, the same fact.
static bool
signature_refused(struct job *job, const struct event *ev, void *state)
{
    const struct docuseal *ds = state;
    const char *why = job_strdup(job, job->error.text);
    struct docuseal_root root;

    error_clear(&job->error);
    if (!docuseal_root_of_payload(job, ev->data, &root))
        return false;
    struct docuseal_round *round = docuseal_round_read(job, &root);
    if (round == NULL)
        return false;
    const char *company = round->company != NULL
                              ? round->company
                              : json_string_or(ev->data, "company", ev->company);
    struct json_object *data = docuseal_fact(job, &root, company);
    json_set_string(data, "error", why);
    publish_fact(job, root.paper->words[DOCUSEAL_FAILED].fact, root.key,
                 docuseal_round_text(job, round), data);
    const char *word = root.paper->words[DOCUSEAL_FAILED].status;
    if (stands(round) || word == NULL)
        return true;
    round->status = word;
    docuseal_round_write(job, round);
    const struct docuseal_write write = {.patch = json_object_in(job)};
    json_set_string(write.patch, root.paper->status_field, word);
    return docuseal_paper_write(job, ds, &root, &write);
}

// Takes a request back.
// In:    docuseal.signature.cancel {quote|acceptance}
// Out:   signature.cancelled {quote|acceptance, submission}
// Again: the round has grown, and in the new one nothing was asked for.
static bool
cancel_signature(struct job *job, const struct event *ev, void *state)
{
    return docuseal_cancel(job, state, ev);
}

// Reminds a signer by mail.
// In:    docuseal.signature.remind {submission, email}
// Out:   nothing but the mail
// Again: the effect belongs to (submission, signer, day); a mail that may have gone out
//        is left to a person.
static bool
remind_signer(struct job *job, const struct event *ev, void *state)
{
    return docuseal_remind(job, state, ev);
}

// Looks at a submission and brings Directus up to date.
// In:    docuseal.submission.observed {remote_id}, every webhook of DocuSeal {body}
// Out:   quote.viewed, quote.signed, quote.rejected, quote.expired, cgv.accepted,
//        cgv.declined, cgv.expired, signature.cancelled
// Again: the state acted on is kept; the same state is nothing new.
static bool
reconcile_submission(struct job *job, const struct event *ev, void *state)
{
    return docuseal_reconcile(job, state, ev);
}

#define GATE "docuseal"
#define RECONCILE reconcile_submission, .gate = GATE, .object = docuseal_hint_object

const struct handler docuseal_handlers[] = {
    {"docuseal.signature.request", request_signature, signature_refused, GATE},
    {"docuseal.cgv.request", request_acceptance, signature_refused, GATE},
    {"docuseal.signature.cancel", cancel_signature, NULL, GATE},
    {"docuseal.signature.remind", remind_signer, NULL, GATE},
    {"docuseal.submission.observed", RECONCILE, .hint = true},
    {"docuseal.submission.created", RECONCILE, .hint = true},
    {"docuseal.submission.completed", RECONCILE, .hint = true},
    {"docuseal.submission.expired", RECONCILE, .hint = true},
    {"docuseal.submission.archived", RECONCILE, .hint = true},
    {"docuseal.form.viewed", RECONCILE, .hint = true},
    {"docuseal.form.started", RECONCILE, .hint = true},
    {"docuseal.form.completed", RECONCILE}, // the signer's address is nowhere else
    {"docuseal.form.declined", RECONCILE},  // nor, on old servers, the reason
    {0},
};
