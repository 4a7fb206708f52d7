#include "workers/docuseal/remind.h"

#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/submission.h"

const char docuseal_mail_effect[] = "docuseal.reminder";

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct docuseal_mail *mail = ctx;
    (void)identity;
    mail->tried = true;
    if (!docuseal_submitter_invite(job, mail->ds, mail->submitter))
        return NULL;
    mail->sent = true;
    struct json_object *result = json_object_in(job);
    json_set_string(result, "status", "sent");
    return result;
}

bool
docuseal_mail_once(struct job *job, struct docuseal_mail *mail, const char *identity)
{
    static const struct effect_kind kind = {.name = docuseal_mail_effect,
                                            .create = create};
    return effect_once(job, &kind, identity, mail) != NULL;
}

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

// The day on which it was asked for, whenever it is tried: a mail that may have gone
// out is the same one after midnight, and the day a person has it replayed.
static const char *
day_of(struct job *job, const struct event *ev)
{
    int64_t asked_ms;
    if (!clock_parse(ev->time, &asked_ms))
        return job_today(job);
    char *date = job_alloc(job, CLOCK_DATE);
    clock_date(asked_ms + job_now_ms(job) - clock_wall_ms(), date);
    return date;
}

static bool
remind_signer(struct job *job, const struct docuseal_sight *sight,
              struct json_object *signer)
{
    const char *id = json_text_or(signer, "id", "");
    struct docuseal_mail mail = {.ds = sight->ds, .submitter = id};
    const char *identity =
        job_printf(job, "%s:%s:%s", sight->id, id, day_of(job, sight->ev));
    if (!docuseal_mail_once(job, &mail, identity))
        return false;
    settlement_note(job,
                    mail.sent ? "signer %s of submission %s was reminded"
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
