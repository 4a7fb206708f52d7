// What happens to the round's own submission, and what is said of it.
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/request.h"
#include "workers/docuseal/submission.h"

// One transition while it is put together.
struct change {
    enum docuseal_step step;
    struct docuseal_write write;
    const char *reason; // why it was declined
    const struct docuseal_evidence *evidence;
};

static struct change
change_begin(struct job *job, enum docuseal_step step)
{
    return (struct change){
        .step = step,
        .write = {.patch = json_object_in(job),
                  .fresh = json_array_in(job),
                  .known = json_array_in(job)},
    };
}

static size_t
submitter_count(const struct docuseal_sight *sight)
{
    struct json_object *list = json_array_or_null(sight->submission, "submitters");
    return list != NULL ? json_object_array_length(list) : 0;
}

static struct json_object *
submitter_at(const struct docuseal_sight *sight, size_t i)
{
    return json_object_array_get_idx(
        json_array_or_null(sight->submission, "submitters"), i);
}

static bool
is_status(struct json_object *submitter, const char *status)
{
    return strcmp(json_string_or(submitter, "status", ""), status) == 0;
}

static bool
is_logged(const struct docuseal_sight *sight, const char *submitter)
{
    return json_object_object_get_ex(sight->round->logged, submitter, NULL);
}

// Adds the submitter's row, new or once more, and notes that it is there.
static void
log_submitter(struct job *job, struct docuseal_sight *sight, struct change *change,
              struct json_object *submitter)
{
    const char *id = json_text_or(submitter, "id", "");
    const struct docuseal_log log = {
        .submission = sight->submission,
        .submitter = submitter,
        .root = &sight->root,
        .round = sight->round,
        .address = &sight->address,
        .evidence = change->evidence,
        .status = docuseal_step_name(change->step),
        .decline_reason = is_status(submitter, "declined") ? change->reason : NULL,
    };
    struct json_object *row = docuseal_log_row(job, &log);
    bool addressed = docuseal_address_of(&sight->address, id)
                     || json_bool_or(sight->round->logged, id, false);
    json_add(is_logged(sight, id) ? change->write.known : change->write.fresh, row);
    json_set_bool(sight->round->logged, id, addressed);
}

static enum docuseal_level
evidenced_level(const struct docuseal_sight *sight)
{
    size_t count = submitter_count(sight);
    enum docuseal_level lowest = count > 0 ? DOCUSEAL_QES : DOCUSEAL_SES;
    for (size_t i = 0; i < count; i++) {
        const char *id = json_text_or(submitter_at(sight, i), "id", "");
        enum docuseal_level level = docuseal_level_evidenced(sight->submission, id);
        lowest = level < lowest ? level : lowest;
    }
    return lowest;
}

static void
publish_change(struct job *job, const struct docuseal_sight *sight,
               const struct change *change)
{
    const struct docuseal_words *words = &sight->root.paper->words[change->step];
    struct json_object *data = docuseal_fact(job, &sight->root, sight->round->company);
    if (words->with_submission)
        json_set_string(data, "submission", sight->id);
    if (sight->root.paper == &docuseal_quote && change->step == DOCUSEAL_COMPLETED) {
        json_set_string(data, "evidenced_level",
                        docuseal_level_name(evidenced_level(sight)));
        json_set_bool(data, "by_hand", false);
    }
    if (sight->root.paper == &docuseal_quote && change->step == DOCUSEAL_DECLINED)
        json_set_string(data, "reason", change->reason);
    publish_fact(job, words->fact, sight->root.key,
                 words->once ? "" : docuseal_round_text(job, sight->round), data);
}

// A transition that only the sweep saw, long after it happened: the webhook is broken.
static void
judge_hook(struct job *job, const struct docuseal_sight *sight)
{
    int64_t moved_ms = docuseal_submission_moved_ms(sight->submission);
    if (strcmp(json_string_or(sight->ev->data, "why", ""), "sweep") != 0
        || moved_ms == 0 || clock_wall_ms() - moved_ms < sight->ds->hook_wait_ms)
        return;
    char text[CLOCK_TEXT];
    clock_format(moved_ms, text);
    settlement_attention(job, "docuseal.webhook-missing", "docuseal",
                         "submission %s moved at %s and only the sweep saw it: check "
                         "the webhook's URL, events and secret in DocuSeal",
                         sight->id, text);
}

// Tells the paper of a submission it does not know of.
static void
record(struct job *job, const struct docuseal_sight *sight, struct json_object *patch)
{
    struct json_object *client = docuseal_client_of(sight->submission);
    const struct docuseal_request made = {
        .embed_url = docuseal_embed_url(job, sight->ds, client),
        .at = json_string_or(sight->submission, "created_at", NULL),
    };
    docuseal_record(&sight->root, sight->round, &made, patch);
}

// Writes it all in one request, says it, and remembers it.
static bool
apply(struct job *job, struct docuseal_sight *sight, struct change *change)
{
    const struct docuseal_paper *paper = sight->root.paper;
    const struct docuseal_words *words = &paper->words[change->step];
    if (sight->unrecorded)
        record(job, sight, change->write.patch);
    if (words->status != NULL)
        json_set_string(change->write.patch, paper->status_field, words->status);
    if (!docuseal_paper_write(job, sight->ds, &sight->root, &change->write))
        return false;
    if (words->fact != NULL)
        publish_change(job, sight, change);
    sight->unrecorded = false;
    sight->round->status = docuseal_step_name(change->step);
    settlement_note(job, "submission %s: %s", sight->id, sight->round->status);
    judge_hook(job, sight);
    docuseal_round_write(job, sight->round);
    return true;
}

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

static void
patch_completion(struct docuseal_sight *sight, struct change *change)
{
    const struct docuseal_paper *paper = sight->root.paper;
    struct json_object *patch = change->write.patch;
    json_set_string(patch, "signed_document_file", change->evidence->document);
    if (paper->audit_field != NULL && change->evidence->audit_log != NULL)
        json_set_string(patch, paper->audit_field, change->evidence->audit_log);
    if (paper->accepted_at_field != NULL)
        json_set_string(patch, paper->accepted_at_field,
                        json_string_or(sight->submission, "completed_at", NULL));
    if (paper->hash_field != NULL)
        json_set_string(patch, paper->hash_field,
                        json_string_or(sight->row, "cgv_version_id.content_hash",
                                       change->evidence->document_hash));
}

bool
docuseal_sight_complete(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_evidence evidence;
    if (!docuseal_sight_row(job, sight)
        || !docuseal_evidence_store(job, sight->ds, &sight->root, sight->submission,
                                    &evidence))
        return false;
    struct change change = change_begin(job, DOCUSEAL_COMPLETED);
    change.evidence = &evidence;
    for (size_t i = 0; i < submitter_count(sight); i++)
        log_submitter(job, sight, &change, submitter_at(sight, i));
    patch_completion(sight, &change);
    sight->round->signed_by = sight->id;
    if (!apply(job, sight, &change))
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

static bool
decline(struct job *job, struct docuseal_sight *sight)
{
    struct change change = change_begin(job, DOCUSEAL_DECLINED);
    change.reason = decline_reason(sight);
    for (size_t i = 0; i < submitter_count(sight); i++)
        if (is_status(submitter_at(sight, i), "declined"))
            log_submitter(job, sight, &change, submitter_at(sight, i));
    if (sight->root.paper->reason_field != NULL)
        json_set_string(change.write.patch, sight->root.paper->reason_field,
                        change.reason);
    return apply(job, sight, &change);
}

static bool
expire(struct job *job, struct docuseal_sight *sight)
{
    struct change change = change_begin(job, DOCUSEAL_EXPIRED);
    return apply(job, sight, &change);
}

// Archived by somebody else than us: cancelled, if it was still open.
static bool
archived(struct job *job, struct docuseal_sight *sight)
{
    if (docuseal_is_live(sight->round->status)) {
        struct change change = change_begin(job, DOCUSEAL_CANCELLED);
        if (!apply(job, sight, &change))
            return false;
    }
    docuseal_round_grow(job, sight->round);
    docuseal_round_write(job, sight->round);
    settlement_note(job, "submission %s was archived at DocuSeal", sight->id);
    return true;
}

// Adds rows of those who have signed since; returns how many.
static size_t
log_new_signers(struct job *job, struct docuseal_sight *sight, struct change *change)
{
    size_t fresh = 0;
    for (size_t i = 0; i < submitter_count(sight); i++) {
        struct json_object *submitter = submitter_at(sight, i);
        if (!is_status(submitter, "completed")
            || is_logged(sight, json_text_or(submitter, "id", "")))
            continue;
        log_submitter(job, sight, change, submitter);
        fresh++;
    }
    return fresh;
}

// The address a signature came from is only in the form's own webhook, which may come
// after the completion was seen.
static bool
add_address(struct job *job, struct docuseal_sight *sight)
{
    const char *id = sight->address.submitter;
    struct json_object *logged = sight->round->logged;
    settlement_note(job, "submission %s: nothing new", sight->id);
    if (sight->address.ip == NULL || id == NULL || !is_logged(sight, id)
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
    record(job, sight, write.patch);
    return docuseal_paper_write(job, sight->ds, &sight->root, &write);
}

// Still open: looked at, signed by one of several, or nothing new.
static bool
progress(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    struct json_object *client = docuseal_client_of(sight->submission);
    struct change partly = change_begin(job, DOCUSEAL_PARTLY);
    struct change viewed = change_begin(job, DOCUSEAL_VIEWED);
    bool opened = !round->viewed && json_at(client, "opened_at") != NULL;
    bool fresh = log_new_signers(job, sight, &partly) > 0;
    round->viewed = round->viewed || opened;
    if (opened && !fresh && strcmp(round->status, "pending") == 0)
        return apply(job, sight, &viewed);
    if (opened && sight->root.paper->words[DOCUSEAL_VIEWED].fact != NULL)
        publish_change(job, sight, &viewed);
    if (opened)
        docuseal_round_write(job, round);
    return fresh ? apply(job, sight, &partly) : stand_still(job, sight);
}

bool
docuseal_sight_act(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    enum docuseal_fate fate = docuseal_submission_fate(sight->submission);
    bool live = docuseal_is_live(round->status);
    if (round->signed_by != NULL && strcmp(round->signed_by, sight->id) == 0)
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
