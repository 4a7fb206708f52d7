// relais-sim-docuseal: DocuSeal as its API and webhooks behave, with the surprises.
#include "docuseal.h"

#include <string.h>

#include "harness_json.h"

static const struct sim_setting settings[] = {
    {"SIM_TOKEN", "token", "simulated-docuseal-token", true},
    {"SIM_TOKEN_OTHER", "token_other", "", true},
    {"SIM_TOKEN_TESTING", "token_testing", "", true},
    {"SIM_WEBHOOK_SECRET", "webhook_secret", "", true},
    {"SIM_WEBHOOK_STATIC_HEADER", "webhook_static_header", "", true},
    {"SIM_WEBHOOK_EVENTS", "webhook_events", "", false},
    {"SIM_TEMPLATES", "templates", "", false},
    {"SIM_LINK_TTL_MS", "link_ttl_ms", "2400000", false},
    {"SIM_MAIL_DELAY_MS", "mail_delay_ms", "0", false},
    {"SIM_DISTINCT_EMAILS", "distinct_emails", "", false},
    {"SIM_COMBINED_DOCUMENT", "combined_document", "", false},
    {0},
};

static bool
is_token(struct sim *sim, const char *key, const char *given)
{
    const char *token = sim_setting(sim, key);
    return *token != '\0' && strcmp(token, given) == 0;
}

int
account_of(struct call *call)
{
    const char *given = call_header(call, "X-Auth-Token");
    if (given == NULL)
        return 0;
    if (is_token(call->sim, "token", given))
        return ACCOUNT_MAIN;
    if (is_token(call->sim, "token_other", given))
        return ACCOUNT_OTHER;
    return is_token(call->sim, "token_testing", given) ? ACCOUNT_TESTING : 0;
}

static bool
authorize(struct call *call)
{
    call->account = account_of(call);
    if (call->account != 0)
        return true;
    docuseal_error(call, 401, "Not authenticated");
    return false;
}

static void
user_show(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "id", 2 + call->account);
    json_add_str(reply, "first_name", "API");
    json_add_str(reply, "last_name", "Relais");
    json_add_str(reply, "email", "api@docuseal.example");
    call_answer(call, 200, reply);
}

static void
up_show(struct call *call)
{
    static const char page[] =
        "<!DOCTYPE html><html><body style=\"background-color: green\"></body></html>";
    call_bytes(call, 200, "text/html; charset=utf-8", page, sizeof page - 1);
}

static const struct sim_route routes[] = {
    {"POST", "/submissions", submission_create, false},
    {"POST", "/submissions/init", submission_init, false},
    {"POST", "/submissions/emails", submission_emails, false},
    {"POST", "/submissions/pdf", submission_pro_only, false},
    {"POST", "/submissions/html", submission_pro_only, false},
    {"GET", "/submissions", submission_index, false},
    {"GET", "/submissions/:id", submission_show, false},
    {"PUT", "/submissions/:id", submission_update, false},
    {"PATCH", "/submissions/:id", submission_update, false},
    {"DELETE", "/submissions/:id", submission_archive, false},
    {"GET", "/submissions/:id/documents", submission_documents, false},
    {"GET", "/submitters", submitter_index, false},
    {"GET", "/submitters/:id", submitter_show, false},
    {"PUT", "/submitters/:id", submitter_update, false},
    {"PATCH", "/submitters/:id", submitter_update, false},
    {"GET", "/templates", template_index, false},
    {"GET", "/templates/:id", template_show, false},
    {"POST", "/templates/pdf", submission_pro_only, false},
    {"POST", "/templates/html", submission_pro_only, false},
    {"POST", "/templates/doc", submission_pro_only, false},
    {"POST", "/templates/docx", submission_pro_only, false},
    {"GET", "/events/submission/completed", sweep_submissions, false},
    {"GET", "/events/form/completed", sweep_forms, false},
    {"GET", "/user", user_show, false},
    {"GET", "/up", up_show, true},
    {"GET", "/file/*", file_show, true},
    {"GET", "/s/:word", person_page, true},
    {0},
};

static void
push_external_id(struct json_object *ids, struct json_object *submitter)
{
    const char *id = json_str(submitter, "external_id");
    if (id != NULL)
        json_push_str(ids, id);
}

static void
push_body_ids(struct json_object *ids, struct json_object *body)
{
    struct json_object *list = json_at(body, "submitters");
    if (!json_object_is_type(list, json_type_array))
        return;
    for (size_t i = 0; i < json_object_array_length(list); i++)
        push_external_id(ids, json_object_array_get_idx(list, i));
}

static void
push_submission_ids(struct sim *sim, struct json_object *ids, int64_t id)
{
    struct json_object *submission = submission_row(sim, id);
    struct json_object *submitter = NULL;
    if (submission == NULL)
        return;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL; i++)
        push_external_id(ids, submitter);
}

static int64_t
id_behind(const char *path, const char *prefix)
{
    size_t bytes = strlen(prefix);
    int64_t id = 0;
    if (strncmp(path, prefix, bytes) != 0)
        return 0;
    for (const char *p = path + bytes; *p >= '0' && *p <= '9' && id < INT64_MAX / 20;
         p++)
        id = id * 10 + (*p - '0');
    return id;
}

static void
subjects(struct call *call, struct json_object *ids)
{
    const char *asked = call_query(call, "external_id");
    int64_t submission = id_behind(call->path, "/submissions/");
    int64_t submitter = id_behind(call->path, "/submitters/");
    push_body_ids(ids, call->body);
    if (asked != NULL)
        json_push_str(ids, asked);
    if (submission != 0)
        push_submission_ids(call->sim, ids, submission);
    if (submitter != 0)
        push_external_id(ids, submitter_row(call->sim, submitter));
}

static struct json_object *
rows(struct sim *sim, const char *collection)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(list, json_object_get(row));
    return list;
}

// Submissions as GET shows them, with "live": neither archived, declined nor expired.
static struct json_object *
state(struct sim *sim)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "submissions", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *view = view_submission(sim, row);
        const char *status = submission_status(sim, row);
        bool dead = json_int(row, "archived_at", 0) > 0
                    || strcmp(status, "declined") == 0
                    || strcmp(status, "expired") == 0;
        json_share(view, "account", json_at(row, "account"));
        json_add_bool(view, "live", !dead);
        json_object_array_add(list, view);
    }
    struct json_object *reply = json_object_new_object();
    json_add(reply, "submissions", list);
    json_add(reply, "mails", rows(sim, "mails"));
    json_add(reply, "webhooks", rows(sim, "hooks"));
    json_add(reply, "templates", rows(sim, "templates"));
    return reply;
}

static bool
start(struct sim *sim)
{
    // Whatever was due while nobody ran is done now.
    sim_wake_at(sim, 0);
    return template_start(sim);
}

static void
reset(struct sim *sim)
{
    // They were good when the program started.
    if (!template_start(sim))
        return;
}

static const struct sim_ops docuseal = {
    .name = "docuseal",
    .prefix = "/api",
    .settings = settings,
    .routes = routes,
    .controls = person_routes,
    .start = start,
    .authorize = authorize,
    .refuse = docuseal_refuse,
    .subjects = subjects,
    .encode = json_text_escaped,
    .on_time = act_on_time,
    .hook_build = hook_build,
    .hook_retry_min = hook_retry_min,
    .state = state,
    .reset = reset,
};

int
main(void)
{
    return sim_main(&docuseal);
}
