#include "workers/mautic/hook.h"

#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/mautic/api.h"
#include "workers/mautic/mautic.h"

// What the URL ends with, whatever a proxy puts before it.
#define LEADS_HERE "/mautic/webhook"

static bool
switch_on(struct job *job, const struct mautic *m, const char *id)
{
    struct json_object *answer;
    struct json_object *body = json_object_in(job);
    json_set_bool(body, "isPublished", true);
    const struct mautic_call call = {
        .method = "PATCH",
        .path = job_printf(job, "/api/hooks/%s/edit", http_escape(job, id)),
        .body = body,
        .expect = "hook",
    };
    if (!mautic_ask(job, m, &call, &answer))
        return false;
    settlement_attention(job, "mautic.webhook-off", id,
                         "Mautic had switched webhook %s off, because deliveries "
                         "failed; it is on again, and what it did not tell is found by "
                         "sweeps",
                         id);
    return true;
}

static bool
names(struct json_object *list, const char *word)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *item = json_object_array_get_idx(list, i);
        if (json_object_is_type(item, json_type_string)
            && strcmp(json_object_get_string(item), word) == 0)
            return true;
    }
    return false;
}

// A webhook that does not tell of what matters: only sweeps would see it.
static void
check_triggers(struct job *job, struct json_object *hook)
{
    static const char *const needed[] = {"mautic.lead_channel_subscription_changed",
                                         "mautic.lead_post_delete"};
    struct json_object *triggers = json_array_or_null(hook, "triggers");
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (triggers != NULL && !names(triggers, needed[i]))
            settlement_attention(job, "mautic.webhook-event", needed[i],
                                 "webhook %s of Mautic does not tell of %s: choose "
                                 "that event there",
                                 json_text_or(hook, "id", ""), needed[i]);
}

static bool
mend(struct job *job, const struct mautic *m, struct json_object *hooks)
{
    bool found = false;
    for (size_t i = 0; i < json_object_array_length(hooks); i++) {
        struct json_object *hook = json_object_array_get_idx(hooks, i);
        if (!str_ends(json_string_or(hook, "webhookUrl", ""), LEADS_HERE))
            continue;
        found = true;
        check_triggers(job, hook);
        if (!json_bool_or(hook, "isPublished", true)
            && !switch_on(job, m, json_text_or(hook, "id", "")))
            return false;
    }
    if (!found)
        settlement_attention(job, "mautic.webhook-missing", "mautic",
                             "no webhook of Mautic leads to " LEADS_HERE
                             " of relais-ingest: make one there");
    return true;
}

bool
mautic_hook_mend(struct job *job, const struct mautic *m)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET", .path = "/api/hooks?limit=100", .expect = "hooks"};
    bool done = mautic_ask(job, m, &call, &answer)
                && mend(job, m, mautic_rows(job, answer, "hooks"));
    if (done || job->error.kind != ERROR_PERMANENT)
        return done;
    error_clear(&job->error); // the role may not see or change them
    return true;
}
