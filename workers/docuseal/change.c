#include "workers/docuseal/change.h"

#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/docuseal/request.h"
#include "workers/docuseal/submission.h"

struct docuseal_change
docuseal_change_begin(struct job *job, enum docuseal_step step)
{
    return (struct docuseal_change){
        .step = step,
        .write = {.patch = json_object_in(job),
                  .fresh = json_array_in(job),
                  .known = json_array_in(job)},
    };
}

size_t
docuseal_signer_count(const struct docuseal_sight *sight)
{
    struct json_object *list = json_array_or_null(sight->submission, "submitters");
    return list != NULL ? json_object_array_length(list) : 0;
}

struct json_object *
docuseal_signer_at(const struct docuseal_sight *sight, size_t i)
{
    return json_object_array_get_idx(
        json_array_or_null(sight->submission, "submitters"), i);
}

bool
docuseal_signer_is(struct json_object *submitter, const char *status)
{
    return strcmp(json_string_or(submitter, "status", ""), status) == 0;
}

bool
docuseal_signer_is_logged(const struct docuseal_sight *sight, const char *submitter)
{
    return json_object_object_get_ex(sight->round->logged, submitter, NULL);
}

// Who signed from where is in the form.completed webhook, and in DocuSeal's list of
// them: asking there spares Directus a second write once the webhook comes.
static bool
find_address(struct job *job, const struct docuseal_sight *sight,
             struct json_object *submitter, struct docuseal_address *address)
{
    const char *id = json_text_or(submitter, "id", "");
    *address = sight->address;
    if (docuseal_address_of(address, id)
        || json_bool_or(sight->round->logged, id, false)
        || !docuseal_signer_is(submitter, "completed"))
        return true;
    return docuseal_address_find(job, sight->ds, submitter, address);
}

bool
docuseal_change_log(struct job *job, struct docuseal_sight *sight,
                    struct docuseal_change *change, struct json_object *submitter)
{
    struct docuseal_address address;
    if (!find_address(job, sight, submitter, &address))
        return false;
    const char *id = json_text_or(submitter, "id", "");
    bool declined = docuseal_signer_is(submitter, "declined");
    const struct docuseal_log log = {
        .submission = sight->submission,
        .submitter = submitter,
        .root = &sight->root,
        .round = sight->round,
        .address = &address,
        .evidence = change->evidence,
        .status = docuseal_step_name(change->step),
        .decline_reason = declined ? change->reason : NULL,
    };
    bool logged = docuseal_signer_is_logged(sight, id);
    bool addressed = docuseal_address_of(&address, id)
                     || json_bool_or(sight->round->logged, id, false);
    json_add(logged ? change->write.known : change->write.fresh,
             docuseal_log_row(job, &log));
    json_set_bool(sight->round->logged, id, addressed);
    return true;
}

static enum docuseal_level
evidenced_level(const struct docuseal_sight *sight)
{
    size_t count = docuseal_signer_count(sight);
    enum docuseal_level lowest = count > 0 ? DOCUSEAL_QES : DOCUSEAL_SES;
    for (size_t i = 0; i < count; i++) {
        const char *id = json_text_or(docuseal_signer_at(sight, i), "id", "");
        enum docuseal_level level = docuseal_level_evidenced(sight->submission, id);
        lowest = level < lowest ? level : lowest;
    }
    return lowest;
}

void
docuseal_change_publish(struct job *job, const struct docuseal_sight *sight,
                        const struct docuseal_change *change)
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

void
docuseal_change_record(struct job *job, const struct docuseal_sight *sight,
                       struct json_object *patch)
{
    struct json_object *client = docuseal_client_of(sight->submission);
    const struct docuseal_request made = {
        .embed_url = docuseal_embed_url(job, sight->ds, client),
        .at = json_string_or(sight->submission, "created_at", NULL),
    };
    docuseal_record(&sight->root, sight->round, &made, patch);
}

// Whether the step is still said of the paper: what people have taken back stays so,
// whatever the signers do.
static bool
is_said(struct job *job, struct docuseal_sight *sight, bool *said)
{
    const struct docuseal_paper *paper = sight->root.paper;
    *said = true;
    if (paper->revoked == NULL)
        return true;
    if (!docuseal_sight_row(job, sight))
        return false;
    *said = !docuseal_sight_is_revoked(sight);
    return true;
}

bool
docuseal_change_apply(struct job *job, struct docuseal_sight *sight,
                      struct docuseal_change *change)
{
    const struct docuseal_paper *paper = sight->root.paper;
    const struct docuseal_words *words = &paper->words[change->step];
    bool said = true;
    if (words->status != NULL && !is_said(job, sight, &said))
        return false;
    if (sight->unrecorded)
        docuseal_change_record(job, sight, change->write.patch);
    if (words->status != NULL && said)
        json_set_string(change->write.patch, paper->status_field, words->status);
    if (!docuseal_paper_write(job, sight->ds, &sight->root, &change->write))
        return false;
    if (words->fact != NULL && said)
        docuseal_change_publish(job, sight, change);
    sight->unrecorded = false;
    sight->round->status = docuseal_step_name(change->step);
    settlement_note(job, "submission %s: %s", sight->id, sight->round->status);
    judge_hook(job, sight);
    docuseal_round_write(job, sight->round);
    return true;
}
