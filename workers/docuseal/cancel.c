#include "workers/docuseal/cancel.h"

#include <string.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/docuseal/order.h"
#include "workers/docuseal/request.h"
#include "workers/docuseal/submission.h"

// One cancellation while it runs.
struct cancel {
    const struct docuseal *ds;
    const struct event *ev;
    struct docuseal_root root;
    struct docuseal_round *round;
    const char *identity;
    const char *company; // of the event
};

// It was signed: what that means is for reconcile to say.
static void
look_again(struct job *job, const struct cancel *cancel, const char *submission)
{
    char id[UUID_TEXT];
    uuid_of((const char *const[]){event_identity(cancel->ev), submission, NULL}, id);
    settlement_note(job, "submission %s is completed: not cancelled", submission);
    publish_observed(job, &(struct publish_observed){
                              .type = "docuseal.submission.observed",
                              .key = cancel->root.key,
                              .root = cancel->root.key,
                              .company = cancel->company,
                              .remote_id = submission,
                              .why = "cancel",
                              .id = id,
                          });
}

// Whether Directus has to be told, by what was acted on last.
static bool
was_live(struct job *job, const struct cancel *cancel, bool *live)
{
    const struct docuseal_paper *paper = cancel->root.paper;
    *live = docuseal_is_live(cancel->round->status);
    if (cancel->round->status != NULL || paper->pending == NULL)
        return true;
    struct json_object *row =
        docuseal_paper_read(job, cancel->ds, &cancel->root, paper->status_field);
    if (row == NULL)
        return false;
    *live = docuseal_is_live(json_string_or(row, paper->status_field, NULL));
    return true;
}

static bool
settle_cancel(struct job *job, struct cancel *cancel, const char *submission)
{
    const struct docuseal_paper *paper = cancel->root.paper;
    const struct docuseal_words *words = &paper->words[DOCUSEAL_CANCELLED];
    bool live;
    if (!was_live(job, cancel, &live))
        return false;
    if (live && words->status != NULL) {
        const struct docuseal_write write = {.patch = json_object_in(job)};
        json_set_string(write.patch, paper->status_field, words->status);
        if (!docuseal_paper_write(job, cancel->ds, &cancel->root, &write))
            return false;
    }
    if (cancel->round->company == NULL)
        cancel->round->company = cancel->company;
    docuseal_publish_cancelled(job, &cancel->root, cancel->round, submission);
    docuseal_round_replace(job, cancel->round, submission);
    docuseal_round_grow(job, cancel->round);
    if (live || cancel->round->status == NULL)
        cancel->round->status = docuseal_step_name(DOCUSEAL_CANCELLED);
    docuseal_round_write(job, cancel->round);
    settlement_note(job, "submission %s is cancelled", submission);
    return true;
}

// The round's submission is known: archive it unless it was signed, or is gone.
static bool
cancel_known(struct job *job, struct cancel *cancel, const char *id)
{
    struct json_object *submission = NULL;
    if (!docuseal_submission_read(job, cancel->ds, id, &submission))
        return false;
    enum docuseal_fate fate = submission != NULL ? docuseal_submission_fate(submission)
                                                 : DOCUSEAL_IS_ARCHIVED;
    if (submission != NULL && !docuseal_invitation_close(job, submission))
        return false;
    if (fate == DOCUSEAL_IS_COMPLETED) {
        look_again(job, cancel, id);
        return true;
    }
    if (fate != DOCUSEAL_IS_ARCHIVED
        && !docuseal_submission_archive(job, cancel->ds, id))
        return false;
    return settle_cancel(job, cancel, id);
}

// A request was cut and never settled: whatever it made is archived as well.
static bool
cancel_unsure(struct job *job, struct cancel *cancel,
              const struct ledger_effect *effect)
{
    struct docuseal_order order = {.ds = cancel->ds};
    struct json_object *found = NULL;
    const char *kind = docuseal_submission_effect.name;
    int64_t wait_ms = effect->wait_ms + job->effect_margin_ms;
    if (effect->state == LEDGER_EFFECT_UNSURE && wait_ms > 0)
        return error_unsure(&job->error, wait_ms,
                            "the request to be cancelled may be under way");
    if (!docuseal_order_find(job, cancel->identity, &order, &found))
        return false;
    if (json_object_array_length(found) == 0) {
        settlement_effect(job, &(struct settle_effect){.to = SETTLE_EFFECT_REOPEN,
                                                       .kind = kind,
                                                       .identity = cancel->identity,
                                                       .attempt = effect->attempt});
        settlement_note(job, "nothing to cancel: the request had made nothing");
        return true;
    }
    for (size_t i = 1; i < json_object_array_length(found); i++)
        if (!docuseal_submission_effect.withdraw(job, cancel->identity, &order,
                                                 json_object_array_get_idx(found, i)))
            return false;
    struct json_object *first = json_object_array_get_idx(found, 0);
    effect_adopt(job, kind, cancel->identity, first);
    return cancel_known(job, cancel, json_string_or(first, "submission", ""));
}

static bool
cancel_confirmed(struct job *job, struct cancel *cancel,
                 const struct ledger_effect *effect)
{
    struct json_object *result =
        json_parse(job, effect->result, strlen(effect->result));
    if (result == NULL)
        return false;
    const char *id = json_text_or(result, "submission", NULL);
    if (id != NULL)
        return cancel_known(job, cancel, id);
    return error_permanent(&job->error,
                           "the effect docuseal.submission %s has no submission in its "
                           "result",
                           cancel->identity);
}

// What was asked for in the present round, as far as we know.
static bool
look_at_round(struct job *job, struct cancel *cancel, struct ledger_effect *effect,
              bool *asked)
{
    cancel->identity = docuseal_round_identity(job, cancel->round);
    if (!job->ledger->effect_peek(job->ledger, job, docuseal_submission_effect.name,
                                  cancel->identity, effect))
        return false;
    *asked = effect->state != LEDGER_EFFECT_NONE && effect->state != LEDGER_EFFECT_OPEN;
    return true;
}

// A request that passed a round over, and was never settled, may have asked in the one
// behind it: where the round grows, the next one's turn comes.
static bool
cancel_rounds(struct job *job, struct cancel *cancel)
{
    struct ledger_effect effect;
    int64_t number = 0;
    bool asked;
    if (!look_at_round(job, cancel, &effect, &asked))
        return false;
    if (!asked)
        settlement_note(job, "nothing to cancel: nothing was asked for in round %s",
                        docuseal_round_text(job, cancel->round));
    while (asked && number < cancel->round->number) {
        number = cancel->round->number;
        bool known = effect.state == LEDGER_EFFECT_CONFIRMED;
        if (!(known ? cancel_confirmed(job, cancel, &effect)
                    : cancel_unsure(job, cancel, &effect))
            || !look_at_round(job, cancel, &effect, &asked))
            return false;
    }
    return true;
}

bool
docuseal_cancel(struct job *job, const struct docuseal *ds, const struct event *ev)
{
    struct cancel cancel = {
        .ds = ds,
        .ev = ev,
        .company = json_string_or(ev->data, "company", ev->company),
    };
    if (!docuseal_root_of_payload(job, ev->data, &cancel.root))
        return false;
    if (strcmp(ev->key, cancel.root.key) != 0) {
        publish_rekeyed(job, ev, cancel.root.key, cancel.root.key);
        return true;
    }
    cancel.round = docuseal_round_read(job, &cancel.root);
    if (cancel.round == NULL)
        return false;
    if (docuseal_round_signed_by(cancel.round, cancel.round->submission)) {
        settlement_note(job, "nothing to cancel: submission %s is signed",
                        cancel.round->signed_by);
        return true;
    }
    return cancel_rounds(job, &cancel);
}
