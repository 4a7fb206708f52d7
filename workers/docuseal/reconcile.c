#include "workers/docuseal/reconcile.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/drift.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/order.h"
#include "workers/docuseal/request.h"
#include "workers/docuseal/submission.h"

// DocuSeal's own words in a webhook: {event_type, timestamp, data}.
static struct json_object *
words_of(const struct event *ev)
{
    return json_at(ev->data, "body.data");
}

// A form is a submitter, everything else the submission itself.
const char *
docuseal_hinted(struct job *job, const struct event *ev)
{
    const char *id;
    if (str_starts(ev->type, "docuseal.form."))
        id = json_text_or(words_of(ev), "submission_id",
                          json_text_or(words_of(ev), "submission.id", NULL));
    else if (strcmp(ev->type, "docuseal.submission.observed") == 0)
        id = json_text_or(ev->data, "remote_id", NULL);
    else
        id = json_text_or(words_of(ev), "id", NULL);
    long long number;
    if (id == NULL || !str_to_i64(id, &number) || number < 1) {
        error_permanent(&job->error, "the event names no submission (a number)");
        return NULL;
    }
    return id;
}

const char *
docuseal_hint_object(struct job *job, const struct event *ev)
{
    return drift_object(job, ev, docuseal_hinted(job, ev));
}

static struct docuseal_address
hinted_address(const struct event *ev)
{
    struct docuseal_address address = {.submitter = NULL};
    if (strcmp(ev->type, "docuseal.form.completed") != 0)
        return address;
    struct json_object *words = words_of(ev);
    address.submitter = json_text_or(words, "id", NULL);
    address.ip = json_string_or(words, "ip", NULL);
    address.agent = json_string_or(words, "ua", NULL);
    return address;
}

// By our external_id, failing that by what was noted when it was asked for: one from
// before has other ids.
bool
docuseal_sight_root(struct job *job, struct docuseal_sight *sight)
{
    struct json_object *list = json_array_or_null(sight->submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *submitter = json_object_array_get_idx(list, i);
        const char *ours = json_string_or(submitter, "external_id", "");
        if (docuseal_root_read(job, ours, &sight->root, &sight->number)
            && sight->number > 0)
            return true;
    }
    sight->root = (struct docuseal_root){.paper = NULL};
    struct ledger_ref ref;
    if (!ledger_ref_remote(job, "docuseal", "", "submission", sight->id, &ref))
        return false;
    if (ref.local_id == NULL)
        return true;
    const struct docuseal_paper *paper =
        strcmp(ref.collection, "quotes") == 0 ? &docuseal_quote : &docuseal_cgv;
    const char *key = job_printf(job, "%s:%s", paper->prefix, ref.local_id);
    if (!docuseal_root_read(job, key, &sight->root, &sight->number))
        sight->root = (struct docuseal_root){.paper = NULL};
    return true;
}

bool
docuseal_sight_row(struct job *job, struct docuseal_sight *sight)
{
    if (sight->row != NULL)
        return true;
    sight->row =
        docuseal_paper_read(job, sight->ds, &sight->root, sight->root.paper->fields);
    if (sight->row == NULL)
        return false;
    struct docuseal_round *round = sight->round;
    if (round->company == NULL)
        round->company =
            json_string_or(sight->row, "owner_company_id.code", sight->ev->company);
    if (round->contact == NULL)
        round->contact = json_string_or(sight->row, "contact_id", NULL);
    if (round->level == NULL)
        round->level = json_string_or(sight->row, "signature_level", NULL);
    return true;
}

bool
docuseal_sight_is_revoked(const struct docuseal_sight *sight)
{
    const struct docuseal_paper *paper = sight->root.paper;
    const char *status = json_string_or(sight->row, paper->status_field, "");
    return paper->revoked != NULL && strcmp(status, paper->revoked) == 0;
}

// What was acted on last, by the paper's own word for it.
static const char *
known_status(const struct docuseal_sight *sight)
{
    const struct docuseal_paper *paper = sight->root.paper;
    const char *word = json_string_or(sight->row, paper->status_field, "");
    for (int step = 0; step < DOCUSEAL_STEPS; step++)
        if (paper->words[step].status != NULL
            && strcmp(paper->words[step].status, word) == 0)
            return docuseal_step_name((enum docuseal_step)step);
    return docuseal_sight_is_revoked(sight) ? docuseal_step_name(DOCUSEAL_CANCELLED)
                                            : "pending";
}

// The first sight of the round's submission by this ledger: what Directus says of it
// decides whether the paper has to be told.
static bool
meet(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    if (!docuseal_sight_row(job, sight))
        return false;
    const char *recorded = json_text_or(sight->row, "docuseal_submission_id", "");
    sight->unrecorded = strcmp(recorded, sight->id) != 0;
    docuseal_round_replace(job, round, sight->id);
    round->status = "pending";
    if (!sight->unrecorded)
        round->status = known_status(sight);
    if (strcmp(round->status, docuseal_step_name(DOCUSEAL_COMPLETED)) == 0)
        round->signed_by = sight->id;
    docuseal_remember(job, &sight->root, sight->id);
    docuseal_round_write(job, round);
    return true;
}

// Whether it is the submission of the present round. One that nobody recorded (its
// request was given up after a cut) becomes it.
static bool
is_present(struct job *job, struct docuseal_sight *sight, bool *present)
{
    struct docuseal_round *round = sight->round;
    *present = round->submission != NULL && strcmp(round->submission, sight->id) == 0;
    if (*present || round->submission != NULL || docuseal_round_had(round, sight->id)
        || (sight->number > 0 && sight->number < round->number))
        return true;
    const char *kind = docuseal_submission_effect.name;
    const char *identity = docuseal_round_identity(job, round);
    bool failed;
    struct json_object *result = effect_result(job, kind, identity, &failed);
    if (failed)
        return false;
    const char *confirmed = json_text_or(result, "submission", NULL);
    if (confirmed != NULL && strcmp(confirmed, sight->id) != 0)
        return true;
    if (confirmed == NULL) {
        if (sight->number > round->number)
            round->number = sight->number;
        effect_adopt(job, kind, docuseal_round_identity(job, round),
                     docuseal_order_result(job, sight->submission));
    }
    *present = true;
    return meet(job, sight);
}

// What became of the present submission after another one was signed.
static bool
retire(struct job *job, const struct docuseal_sight *sight, const char *id)
{
    struct json_object *submission = NULL;
    if (!docuseal_submission_read(job, sight->ds, id, &submission))
        return false;
    if (submission == NULL
        || docuseal_submission_fate(submission) == DOCUSEAL_IS_ARCHIVED
        || docuseal_submission_fate(submission) == DOCUSEAL_IS_COMPLETED)
        return true;
    settlement_note(job, "archived submission %s: %s was signed instead", id,
                    sight->id);
    return docuseal_submission_archive(job, sight->ds, id);
}

// A completion counts, whichever submission it is of: somebody has signed.
static bool
take_over(struct job *job, struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    const char *before = round->submission;
    if (!docuseal_sight_row(job, sight))
        return false;
    sight->unrecorded = true;
    docuseal_round_replace(job, round, sight->id);
    docuseal_remember(job, &sight->root, sight->id);
    return docuseal_sight_complete(job, sight)
           && (before == NULL || retire(job, sight, before));
}

// A submission other than the round's own.
static bool
act_on_other(struct job *job, struct docuseal_sight *sight)
{
    switch (docuseal_submission_fate(sight->submission)) {
    case DOCUSEAL_IS_COMPLETED:
        if (sight->round->signed_by == NULL)
            return take_over(job, sight);
        if (!docuseal_round_signed_by(sight->round, sight->id))
            settlement_attention(job, "docuseal.signed-twice", sight->root.key,
                                 "submission %s was completed beside %s", sight->id,
                                 sight->round->signed_by);
        settlement_note(job, "submission %s: signed before", sight->id);
        return true;
    case DOCUSEAL_IS_OPEN:
        if (sight->number > sight->round->number) {
            settlement_note(job,
                            "submission %s is of round %" PRId64 ", whose request "
                            "is not settled yet",
                            sight->id, sight->number);
            return true;
        }
        settlement_note(job, "archived submission %s: it is not the round's own",
                        sight->id);
        return docuseal_submission_archive(job, sight->ds, sight->id);
    default:
        settlement_note(job, "ignored: submission %s is not the round's own",
                        sight->id);
        return true;
    }
}

// Destroyed at DocuSeal: with nothing to look at, only a person can say what it means.
static bool
act_on_none(struct job *job, const struct docuseal_sight *sight)
{
    struct ledger_ref ref;
    if (!ledger_ref_remote(job, "docuseal", "", "submission", sight->id, &ref))
        return false;
    if (ref.local_id == NULL) {
        settlement_note(job, "not ours: submission %s is gone", sight->id);
        return true;
    }
    settlement_note(job, "submission %s is gone", sight->id);
    settlement_attention(job, "docuseal.submission-gone", ref.lane_key,
                         "submission %s was destroyed at DocuSeal; if it was not "
                         "signed, cancel it to ask anew",
                         sight->id);
    return true;
}

// What DocuSeal gives back of what we told it.
static void
fill_round(struct docuseal_sight *sight)
{
    struct docuseal_round *round = sight->round;
    struct json_object *client = docuseal_client_of(sight->submission);
    if (round->company == NULL)
        round->company = json_string_or(client, "metadata.company", NULL);
    if (round->company == NULL && sight->ev->company[0] != '\0')
        round->company = sight->ev->company;
    if (round->level == NULL)
        round->level = json_string_or(client, "metadata.signature_level", NULL);
}

// Ours is what the round says. An event that says another company's is told, not
// obeyed.
static void
note_company(struct job *job, const struct docuseal_sight *sight)
{
    const char *said = sight->ev->company;
    const char *company = sight->round->company;
    if (said[0] != '\0' && company != NULL && strcmp(said, company) != 0)
        settlement_note(job, "%s; the event says %.40s, the submission is of %.40s",
                        job->settlement->note != NULL ? job->settlement->note : "done",
                        said, company);
}

static bool
is_text(const char *text, const char *other)
{
    return text != NULL && other != NULL && strcmp(text, other) == 0;
}

static bool
act(struct job *job, struct docuseal_sight *sight, bool present)
{
    const char *before = sight->round->status;
    if (!(present ? docuseal_sight_act(job, sight) : act_on_other(job, sight)))
        return false;
    if (!is_text(before, sight->round->status))
        drift_note_moved(job, sight->ev);
    // Archived, it is no round's any more.
    return !drift_is_audit(sight->ev) || !is_text(sight->round->submission, sight->id)
           || docuseal_sight_audit(job, sight);
}

bool
docuseal_reconcile(struct job *job, const struct docuseal *ds, const struct event *ev)
{
    struct docuseal_sight sight = {
        .ds = ds,
        .ev = ev,
        .id = docuseal_hinted(job, ev),
        .address = hinted_address(ev),
    };
    if (sight.id == NULL
        || !docuseal_submission_read(job, ds, sight.id, &sight.submission))
        return false;
    if (sight.submission == NULL)
        return act_on_none(job, &sight);
    if (!docuseal_sight_root(job, &sight))
        return false;
    if (sight.root.paper == NULL) {
        settlement_note(job, "not ours: submission %s", sight.id);
        return true;
    }
    if (strcmp(ev->key, sight.root.key) != 0) {
        settlement_note(job, "sent on to its lane %s", sight.root.key);
        publish_rekeyed(job, ev, sight.root.key, sight.root.key);
        return true;
    }
    sight.round = docuseal_round_read(job, &sight.root);
    bool present;
    if (sight.round == NULL)
        return false;
    fill_round(&sight);
    if (!is_present(job, &sight, &present) || !act(job, &sight, present))
        return false;
    note_company(job, &sight);
    return true;
}
