// What happens to the round's own submission, and what is said of it.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/change.h"
#include "workers/docuseal/submission.h"

// A signature cannot be taken back by what happened to the quote meanwhile.
static void
judge_paper(struct job *job, const struct docuseal_sight *sight)
{
    static const char *const fine[] = {"sent",
                                       "viewed",
                                       "signed",
                                       "accepted",
                                       "awaiting_deposit",
                                       "completed",
                                       "pending_signature",
                                       NULL};
    const char *status = json_string_or(sight->row, "status", "");
    for (int i = 0; fine[i] != NULL; i++)
        if (strcmp(status, fine[i]) == 0)
            return;
    settlement_attention(job, "docuseal.signed-late", sight->root.key,
                         "submission %s was signed although the %s is %s: the "
                         "signature is kept, decide what it means",
                         sight->id, sight->root.paper->member,
                         status[0] != '\0' ? status : "without status");
}

// What was accepted: what the request said it was about. One from before said nothing:
// then what the version says now, failing that what was signed.
static const char *
accepted_hash(struct job *job, const struct docuseal_sight *sight,
              const struct docuseal_evidence *evidence)
{
    struct json_object *client = docuseal_client_of(sight->submission);
    const char *now = json_string_or(sight->row, "cgv_version_id.content_hash", NULL);
    const char *asked = json_string_or(client, "metadata.content_hash", NULL);
    if (asked != NULL && now != NULL && strcmp(asked, now) != 0)
        settlement_attention(job, "docuseal.terms-changed", sight->root.key,
                             "the terms of submission %s had the hash %.64s when they "
                             "were sent out; the version says another one now",
                             sight->id, asked);
    if (asked == NULL)
        asked = now;
    return asked != NULL ? asked : evidence->document_hash;
}

static void
patch_completion(struct job *job, struct docuseal_sight *sight,
                 struct docuseal_change *change)
{
    const struct docuseal_paper *paper = sight->root.paper;
    struct json_object *patch = change->write.patch;
    json_set_string(patch, "signed_document_file", change->evidence->document);
    if (paper->audit_field != NULL && change->evidence->audit_log != NULL)
        json_set_string(patch, paper->audit_field, change->evidence->audit_log);
    if (paper->accepted_at_field != NULL && !docuseal_sight_is_revoked(sight))
        json_set_string(patch, paper->accepted_at_field,
                        json_string_or(sight->submission, "completed_at", NULL));
    if (paper->hash_field != NULL)
        json_set_string(patch, paper->hash_field,
                        accepted_hash(job, sight, change->evidence));
}

bool
docuseal_sight_complete(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_evidence evidence;
    if (!docuseal_sight_row(job, sight)
        || !docuseal_evidence_store(job, sight->ds, &sight->root, sight->submission,
                                    &evidence))
        return false;
    struct docuseal_change change = docuseal_change_begin(job, DOCUSEAL_COMPLETED);
    change.evidence = &evidence;
    for (size_t i = 0; i < docuseal_signer_count(sight); i++)
        if (!docuseal_change_log(job, sight, &change, docuseal_signer_at(sight, i)))
            return false;
    patch_completion(job, sight, &change);
    sight->round->signed_by = sight->id;
    if (!docuseal_change_apply(job, sight, &change))
        return false;
    judge_paper(job, sight);
    return true;
}

static const char *
decline_reason(const struct docuseal_sight *sight)
{
    struct json_object *events =
        json_array_or_null(sight->submission, "submission_events");
    size_t count = events != NULL ? json_object_array_length(events) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *ev = json_object_array_get_idx(events, i);
        if (strcmp(json_string_or(ev, "event_type", ""), "decline_form") == 0)
            return json_string_or(ev, "data.reason", "");
    }
    return json_string_or(sight->ev->data, "body.data.decline_reason", "");
}

// Whoever declines may write a book: what Directus would not take must not keep the
// decline itself from it.
static const char *
cut(struct job *job, const char *reason)
{
    enum { REASON_BYTES = 10000 };
    return job_memdup(job, reason, str_fit(reason, strlen(reason), REASON_BYTES));
}

static bool
decline(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_change change = docuseal_change_begin(job, DOCUSEAL_DECLINED);
    change.reason = cut(job, decline_reason(sight));
    for (size_t i = 0; i < docuseal_signer_count(sight); i++)
        if (docuseal_signer_is(docuseal_signer_at(sight, i), "declined")
            && !docuseal_change_log(job, sight, &change, docuseal_signer_at(sight, i)))
            return false;
    if (sight->root.paper->reason_field != NULL)
        json_set_string(change.write.patch, sight->root.paper->reason_field,
                        change.reason);
    return docuseal_change_apply(job, sight, &change);
}

static bool
expire(struct job *job, struct docuseal_sight *sight)
{
    bool prolonged;
    if (!docuseal_sight_prolong(job, sight, &prolonged))
        return false;
    if (prolonged)
        return true;
    struct docuseal_change change = docuseal_change_begin(job, DOCUSEAL_EXPIRED);
    return docuseal_change_apply(job, sight, &change);
}

// Archived by somebody else than us: cancelled, if it was still open.
static bool
archived(struct job *job, struct docuseal_sight *sight)
{
    if (docuseal_is_live(sight->round->status)) {
        struct docuseal_change change = docuseal_change_begin(job, DOCUSEAL_CANCELLED);
        if (!docuseal_change_apply(job, sight, &change))
            return false;
    }
    docuseal_round_grow(job, sight->round);
    docuseal_round_write(job, sight->round);
    settlement_note(job, "submission %s was archived at DocuSeal", sight->id);
    return true;
}

// DocuSeal says nowhere else that an invitation came back, and sends no webhook.
static void
tell_bounces(struct job *job, const struct docuseal_sight *sight)
{
    static const char *const refusals[] = {"bounce_email", "complaint_email"};
    struct json_object *events =
        json_array_or_null(sight->submission, "submission_events");
    size_t count = events != NULL ? json_object_array_length(events) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *ev = json_object_array_get_idx(events, i);
        const char *type = json_string_or(ev, "event_type", "");
        for (size_t k = 0; k < sizeof refusals / sizeof refusals[0]; k++)
            if (strcmp(type, refusals[k]) == 0)
                settlement_attention(
                    job, "docuseal.mail-refused", sight->root.key,
                    "the mail to signer %s of submission %s came back: correct the "
                    "address at DocuSeal, or cancel and ask anew",
                    json_text_or(ev, "submitter_id", "?"), sight->id);
    }
}

// Adds rows of those who have signed since.
static bool
log_new_signers(struct job *job, struct docuseal_sight *sight,
                struct docuseal_change *change)
{
    for (size_t i = 0; i < docuseal_signer_count(sight); i++) {
        struct json_object *submitter = docuseal_signer_at(sight, i);
        if (docuseal_signer_is(submitter, "completed")
            && !docuseal_signer_is_logged(sight, json_text_or(submitter, "id", ""))
            && !docuseal_change_log(job, sight, change, submitter))
            return false;
    }
    return true;
}

// The address a signature came from is only in the form's own webhook, which may come
// after the completion was seen.
static bool
add_address(struct job *job, struct docuseal_sight *sight)
{
    const char *id = sight->address.submitter;
    struct json_object *logged = sight->round->logged;
    settlement_note(job, "submission %s: nothing new", sight->id);
    if (sight->address.ip == NULL || id == NULL || !docuseal_signer_is_logged(sight, id)
        || json_bool_or(logged, id, false))
        return true;
    struct json_object *patch = json_object_in(job);
    docuseal_log_address(patch, &sight->address);
    if (!directus_update(&sight->ds->directus, job, "signature_logs",
                         docuseal_log_id(job, id), patch))
        return false;
    json_set_bool(logged, id, true);
    docuseal_round_write(job, sight->round);
    settlement_note(job, "submission %s: address of signer %s", sight->id, id);
    return true;
}

// Nothing happened, but the paper may still have to be told of the submission.
static bool
stand_still(struct job *job, struct docuseal_sight *sight)
{
    if (!sight->unrecorded)
        return add_address(job, sight);
    settlement_note(job, "submission %s: nothing new", sight->id);
    const struct docuseal_write write = {.patch = json_object_in(job)};
    docuseal_change_record(job, sight, write.patch);
    return docuseal_paper_write(job, sight->ds, &sight->root, &write);
}

// Still open: looked at, signed by one of several, or nothing new.
static bool
progress(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    struct json_object *client = docuseal_client_of(sight->submission);
    struct docuseal_change partly = docuseal_change_begin(job, DOCUSEAL_PARTLY);
    struct docuseal_change viewed = docuseal_change_begin(job, DOCUSEAL_VIEWED);
    bool opened = !round->viewed && json_at(client, "opened_at") != NULL;
    tell_bounces(job, sight);
    if (!log_new_signers(job, sight, &partly))
        return false;
    bool fresh = json_object_array_length(partly.write.fresh) > 0;
    round->viewed = round->viewed || opened;
    if (opened && !fresh && strcmp(round->status, "pending") == 0)
        return docuseal_change_apply(job, sight, &viewed);
    if (opened && sight->root.paper->words[DOCUSEAL_VIEWED].fact != NULL)
        docuseal_change_publish(job, sight, &viewed);
    if (opened)
        docuseal_round_write(job, round);
    return fresh ? docuseal_change_apply(job, sight, &partly) : stand_still(job, sight);
}

bool
docuseal_sight_act(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    enum docuseal_fate fate = docuseal_submission_fate(sight->submission);
    bool live = docuseal_is_live(round->status);
    if (docuseal_round_signed_by(round, sight->id))
        return add_address(job, sight);
    if (fate == DOCUSEAL_IS_COMPLETED)
        return docuseal_sight_complete(job, sight);
    if (fate == DOCUSEAL_IS_ARCHIVED)
        return archived(job, sight);
    if (fate == DOCUSEAL_IS_DECLINED && live)
        return decline(job, sight);
    if (fate == DOCUSEAL_IS_EXPIRED && live)
        return expire(job, sight);
    if (fate == DOCUSEAL_IS_OPEN && live)
        return progress(job, sight);
    return add_address(job, sight);
}
