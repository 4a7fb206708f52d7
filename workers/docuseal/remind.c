#include "workers/docuseal/remind.h"

#include <string.h>
#include <strings.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/submission.h"

struct reminder {
    const struct docuseal *ds;
    const char *submitter; // DocuSeal's id
    bool sent;             // by this very attempt
};

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct reminder *reminder = ctx;
    (void)identity;
    if (!docuseal_submitter_invite(job, reminder->ds, reminder->submitter))
        return NULL;
    reminder->sent = true;
    struct json_object *result = json_object_in(job);
    json_set_string(result, "status", "sent");
    return result;
}

// A mail cannot be looked up: DocuSeal's own record of it is written by a job that runs
// some time after the call. So one that may have gone out is left to a person.
static const struct effect_kind reminder_effect = {
    .name = "docuseal.reminder",
    .create = create,
};

static const char *
named_submission(struct job *job, const struct event *ev)
{
    const char *id = json_text_or(ev->data, "submission", NULL);
    long long number = 0;
    if (id != NULL && str_to_i64(id, &number) && number > 0)
        return id;
    error_permanent(&job->error, "submission must be DocuSeal's number of it");
    return NULL;
}

static bool
can_be_reminded(struct job *job, const struct docuseal_sight *sight)
{
    static const char *const ends[] = {
        [DOCUSEAL_IS_COMPLETED] = "completed",
        [DOCUSEAL_IS_ARCHIVED] = "cancelled",
        [DOCUSEAL_IS_DECLINED] = "declined",
        [DOCUSEAL_IS_EXPIRED] = "expired",
    };
    enum docuseal_fate fate = docuseal_submission_fate(sight->submission);
    if (fate == DOCUSEAL_IS_OPEN)
        return true;
    return error_permanent(&job->error,
                           "submission %s is %s: there is nobody to remind", sight->id,
                           ends[fate]);
}

// The one who has that address and has not signed yet. Signers sign in turn: nobody is
// asked before those in front of them have.
static struct json_object *
find_signer(struct job *job, const struct docuseal_sight *sight, const char *email)
{
    struct json_object *list = json_array_or_null(sight->submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    bool in_turn =
        strcmp(json_string_or(sight->submission, "submitters_order", ""), "preserved")
        == 0;
    bool waits = false;
    bool has_signed = false;
    for (size_t i = 0; i < count; i++) {
        struct json_object *signer = json_object_array_get_idx(list, i);
        bool open = strcmp(json_string_or(signer, "status", ""), "completed") != 0;
        bool named = strcasecmp(json_string_or(signer, "email", ""), email) == 0;
        if (named && open && !waits)
            return signer;
        if (named && open) {
            error_permanent(&job->error, "it is not that signer's turn yet");
            return NULL;
        }
        has_signed = has_signed || named;
        waits = waits || (in_turn && open);
    }
    error_permanent(&job->error,
                    has_signed ? "that signer of submission %s has signed already"
                               : "nobody with that e-mail signs submission %s",
                    sight->id);
    if (!has_signed)
        job->error.hint = "DocuSeal mends addresses it takes for misspelt: see who "
                          "signs there";
    return NULL;
}

static bool
remind_signer(struct job *job, const struct docuseal_sight *sight,
              struct json_object *signer)
{
    const char *id = json_text_or(signer, "id", "");
    struct reminder reminder = {.ds = sight->ds, .submitter = id};
    const char *today = job_today(job);
    const char *identity = job_printf(job, "%s:%s:%s", sight->id, id, today);
    if (effect_once(job, &reminder_effect, identity, &reminder) == NULL)
        return false;
    settlement_note(job,
                    reminder.sent ? "signer %s of submission %s was reminded"
                                  : "signer %s of submission %s was reminded today "
                                    "already",
                    id, sight->id);
    return true;
}

bool
docuseal_remind(struct job *job, const struct docuseal *ds, const struct event *ev)
{
    struct docuseal_sight sight = {.ds = ds, .ev = ev, .id = named_submission(job, ev)};
    const char *email = sight.id != NULL ? json_string(job, ev->data, "email") : NULL;
    if (email == NULL
        || !docuseal_submission_read(job, ds, sight.id, &sight.submission))
        return false;
    if (sight.submission == NULL)
        return error_permanent(&job->error, "DocuSeal has no submission %s", sight.id);
    if (!docuseal_sight_root(job, &sight))
        return false;
    if (sight.root.paper == NULL)
        return error_permanent(&job->error, "submission %s was not asked for by Relais",
                               sight.id);
    if (strcmp(ev->key, sight.root.key) != 0) {
        publish_rekeyed(job, ev, sight.root.key, sight.root.key);
        return true;
    }
    if (!can_be_reminded(job, &sight))
        return false;
    struct json_object *signer = find_signer(job, &sight, email);
    return signer != NULL && remind_signer(job, &sight, signer);
}
