#include "workers/docuseal/request.h"

#include <string.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/docuseal/remind.h"
#include "workers/docuseal/submission.h"

enum { ROUNDS_AT_ONCE = 8 }; // archived ones passed over in one attempt

void
docuseal_record(const struct docuseal_root *root, const struct docuseal_round *round,
                const struct docuseal_request *made, struct json_object *patch)
{
    json_set_string(patch, "docuseal_submission_id", round->submission);
    if (root->paper->pending != NULL)
        json_set_string(patch, root->paper->status_field, root->paper->pending);
    if (!root->paper->has_request_fields)
        return;
    json_set_string(patch, "docuseal_embed_url", made->embed_url);
    if (round->level != NULL)
        json_set_string(patch, "signature_level", round->level);
    json_set_string(patch, "signature_requested_at", made->at);
}

void
docuseal_remember(struct job *job, const struct docuseal_root *root,
                  const char *submission)
{
    settlement_ref(job, &(struct settle_ref){.system = "docuseal",
                                             .company = "",
                                             .collection = root->paper->collection,
                                             .local_id = root->id,
                                             .remote_type = "submission",
                                             .remote_id = submission,
                                             .lane_key = root->key});
}

void
docuseal_publish_cancelled(struct job *job, const struct docuseal_root *root,
                           const struct docuseal_round *round, const char *submission)
{
    struct json_object *data = docuseal_fact(job, root, round->company);
    json_set_string(data, "submission", submission);
    publish_fact(job, "signature.cancelled", root->key, docuseal_round_text(job, round),
                 data);
}

static bool
is_mailed(struct json_object *submission)
{
    struct json_object *events = json_array_or_null(submission, "submission_events");
    size_t count = events != NULL ? json_object_array_length(events) : 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(
                json_string_or(json_object_array_get_idx(events, i), "event_type", ""),
                "send_email")
            == 0)
            return true;
    return false;
}

// Sends it, once. One that may have gone out is flagged, and the request goes on: the
// submission is there.
static bool
invite(struct job *job, struct docuseal_mail *mail, const char *identity)
{
    if (docuseal_mail_once(job, mail, identity)) {
        settlement_note(job, "no invitation was on record at DocuSeal: it is sent");
        return true;
    }
    if (mail->tried || job->error.kind != ERROR_PERMANENT)
        return false;
    error_clear(&job->error);
    return true;
}

static const char *
invitation_of(struct job *job, struct json_object *submission)
{
    return job_printf(job, "%s:%s:invitation", json_text_or(submission, "id", ""),
                      json_text_or(docuseal_client_of(submission), "id", ""));
}

bool
docuseal_invitation_close(struct job *job, struct json_object *submission)
{
    return effect_close(job, docuseal_mail_effect, invitation_of(job, submission),
                        NULL);
}

// The invitation of a submission whose attempt was cut: DocuSeal mails from a job of
// its own, which a crash there can lose. It is sent only if no mail is on record.
static bool
invite_if_lost(struct job *job, const struct docuseal_order *order,
               struct json_object *submission)
{
    struct json_object *client = docuseal_client_of(submission);
    struct docuseal_mail mail = {.ds = order->ds,
                                 .submitter = json_text_or(client, "id", "")};
    const char *status = json_string_or(client, "status", "");
    bool waiting = strcmp(status, "awaiting") == 0 || strcmp(status, "sent") == 0;
    if (!waiting || is_mailed(submission))
        return docuseal_invitation_close(job, submission);
    return !order->ds->send_email || invite(job, &mail, invitation_of(job, submission));
}

// What the confirmed effect stands for may be gone by now. *alive: it can be used.
static bool
check_alive(struct job *job, struct docuseal_order *order, struct json_object *result,
            bool *alive)
{
    struct json_object *submission = NULL;
    const char *id = json_text_or(result, "submission", "");
    if (!docuseal_submission_read(job, order->ds, id, &submission))
        return false;
    enum docuseal_fate fate = submission != NULL ? docuseal_submission_fate(submission)
                                                 : DOCUSEAL_IS_ARCHIVED;
    *alive = fate != DOCUSEAL_IS_ARCHIVED;
    if (!*alive)
        return submission == NULL || docuseal_invitation_close(job, submission);
    order->embed_url =
        docuseal_embed_url(job, order->ds, docuseal_client_of(submission));
    if (order->round->submission != NULL || json_bool_or(result, "answered", false))
        return true;
    return fate == DOCUSEAL_IS_OPEN ? invite_if_lost(job, order, submission)
                                    : docuseal_invitation_close(job, submission);
}

// The present round was archived at DocuSeal, by hand and unheard: the next one begins.
static void
pass_over(struct job *job, struct docuseal_order *order, const char *id)
{
    settlement_note(job, "submission %s was archived at DocuSeal: a new round begins",
                    id);
    docuseal_publish_cancelled(job, order->root, order->round, id);
    docuseal_round_replace(job, order->round, id);
    docuseal_round_grow(job, order->round);
    order->round->status = docuseal_step_name(DOCUSEAL_CANCELLED);
}

// The id of a submission that is alive in the present round, made now or before.
static const char *
submission_of(struct job *job, struct docuseal_order *order)
{
    for (int i = 0; i < ROUNDS_AT_ONCE; i++) {
        const char *identity = docuseal_round_identity(job, order->round);
        struct json_object *result =
            effect_once(job, &docuseal_submission_effect, identity, order);
        const char *id = json_text_or(result, "submission", "");
        bool alive =
            result != NULL && order->made != NULL && strcmp(order->made, id) == 0;
        if (result == NULL || (!alive && !check_alive(job, order, result, &alive)))
            return NULL;
        if (alive)
            return id;
        pass_over(job, order, id);
        order->made = NULL;
    }
    error_permanent(&job->error, "every submission of %s is archived at DocuSeal",
                    order->root->key);
    return NULL;
}

static bool
write_request(struct job *job, const struct docuseal_order *order)
{
    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    const struct docuseal_write write = {.patch = json_object_in(job)};
    const struct docuseal_request made = {.embed_url = order->embed_url, .at = now};
    docuseal_record(order->root, order->round, &made, write.patch);
    return docuseal_paper_write(job, order->ds, order->root, &write);
}

static void
publish_requested(struct job *job, const struct docuseal_order *order, bool before)
{
    struct json_object *data = docuseal_fact(job, order->root, order->round->company);
    json_set_string(data, "submission", order->round->submission);
    json_set_bool(data, "already_sent", before);
    publish_fact(job, "signature.requested", order->root->key,
                 docuseal_round_text(job, order->round), data);
}

bool
docuseal_order_place(struct job *job, struct docuseal_order *order)
{
    struct docuseal_round *round = order->round;
    const char *id = submission_of(job, order);
    if (id == NULL)
        return false;
    const char *recorded = json_text_or(order->row, "docuseal_submission_id", "");
    bool in_row = strcmp(recorded, id) == 0;
    bool before =
        in_row || (round->submission != NULL && strcmp(round->submission, id) == 0);
    if (!before) {
        docuseal_round_replace(job, round, id);
        round->level = docuseal_level_name(order->level);
        round->expires = order->expire_at;
        round->status = "pending";
        if (!write_request(job, order))
            return false;
    } else if (round->submission == NULL) {
        // Asked for before this ledger was there: what the row says holds.
        round->submission = id;
        round->status = json_string_or(order->row, "signature_status", "pending");
    }
    settlement_note(job, before ? "submission %s was sent before" : "submission %s",
                    id);
    docuseal_round_write(job, round);
    docuseal_remember(job, order->root, id);
    publish_requested(job, order, before);
    return true;
}
