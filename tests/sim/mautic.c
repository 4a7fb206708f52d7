// relais-sim-mautic: Mautic as its API and webhooks behave, with the surprises.
#include "mautic.h"

#include <stdlib.h>
#include <string.h>

#include "harness_json.h"

static const struct sim_setting settings[] = {
    {"SIM_VERSION", "version", "5.2.1", false},
    {"SIM_USER", "user", "relais", false},
    {"SIM_PASSWORD", "password", "simulated-mautic-password", true},
    {"SIM_BASIC", "basic", "true", false},
    {"SIM_CLIENT_ID", "client_id", "1_simulated", false},
    {"SIM_CLIENT_SECRET", "client_secret", "simulated-mautic-secret", true},
    {"SIM_CLIENT_UNAUTHORIZED", "client_unauthorized", "", false},
    {"SIM_TOKEN_LIFETIME_S", "token_lifetime_s", "3600", false},
    {"SIM_API_DISABLED", "api_disabled", "", false},
    {"SIM_LANGUAGE", "language", "en", false},
    {"SIM_DENIED", "denied", "", false},
    {"SIM_RATE_LIMIT", "rate_limit", "0", false},
    {"SIM_BATCH_LIMIT", "batch_limit", "200", false},
    {"SIM_UNIQUE_OPERATOR", "unique_operator", "OR", false},
    {"SIM_RACE_MS", "race_ms", "0", false},
    {"SIM_FIELDS", "fields",
     "[{\"alias\":\"directus_id\",\"label\":\"Directus id\"},"
     "{\"alias\":\"owner_company\",\"label\":\"Owner company\"}]",
     false},
    {"SIM_SEGMENTS", "segments", "", false},
    {"SIM_CAMPAIGNS", "campaigns", "", false},
    {"SIM_EMAILS", "emails", "", false},
    {"SIM_SMTP_ERROR", "smtp_error", "", false},
    {"SIM_CRON_MS", "cron_ms", "1000", false},
    {"SIM_WEBHOOK_SECRET", "webhook_secret", "", true},
    {"SIM_WEBHOOK_EVENTS", "webhook_events", "", false},
    {"SIM_WEBHOOK_MODE", "webhook_mode", "immediate", false},
    {"SIM_WEBHOOK_LIMIT", "webhook_limit", "10", false},
    {"SIM_WEBHOOK_RETRY_DELAY_MS", "webhook_retry_delay_ms", "3600000", false},
    {"SIM_WEBHOOK_EMAIL_DETAILS", "webhook_email_details", "true", false},
    {"SIM_WEBHOOK_EMPTY_FIELDS", "webhook_empty_fields", "", false},
    {"SIM_WEBHOOK_KEEP", "webhook_keep", "", false},
    {0},
};

bool
mautic_since(struct sim *sim, int major, int minor)
{
    char *end = NULL;
    long its_major = strtol(sim_setting(sim, "version"), &end, 10);
    long its_minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    return its_major > major || (its_major == major && its_minor >= minor);
}

struct actor
mautic_actor(struct call *call)
{
    // A credential acts by its own name, but has no number.
    if (call->account == CALLER_OAUTH)
        return (struct actor){0, "Relais [1]"};
    return (struct actor){1, "Queue Worker"};
}

static const struct sim_route routes[] = {
    {"POST", "/oauth/v2/token", auth_token, true},
    {"GET", "/api/contacts", contact_index, false},
    {"GET", "/api/contacts/:id", contact_show, false},
    {"POST", "/api/contacts/new", contact_post, false},
    {"PATCH", "/api/contacts/:id/edit", contact_patch, false},
    {"PUT", "/api/contacts/:id/edit", contact_put, false},
    {"DELETE", "/api/contacts/:id/delete", contact_remove, false},
    {"POST", "/api/contacts/batch/new", batch_post, false},
    {"PATCH", "/api/contacts/batch/edit", batch_patch, false},
    {"PUT", "/api/contacts/batch/edit", batch_patch, false},
    {"DELETE", "/api/contacts/batch/delete", batch_remove, false},
    {"POST", "/api/contacts/:id/dnc/:word/add", dnc_add, false},
    {"POST", "/api/contacts/:id/dnc/:word/remove", dnc_remove, false},
    {"POST", "/api/contacts/:id/points/plus/:id", points_plus, false},
    {"POST", "/api/contacts/:id/points/minus/:id", points_minus, false},
    {"POST", "/api/contacts/:id/utm/add", contact_utm, false},
    {"GET", "/api/contacts/:id/activity", contact_activity, false},
    {"GET", "/api/contacts/:id/notes", contact_notes, false},
    {"GET", "/api/contacts/:id/devices", contact_devices, false},
    {"GET", "/api/contacts/:id/campaigns", contact_campaigns, false},
    {"GET", "/api/contacts/:id/segments", contact_segments, false},
    {"GET", "/api/contacts/:id/companies", contact_companies, false},
    {"GET", "/api/contacts/activity", all_activity, false},
    {"GET", "/api/contacts/list/owners", contact_owners, false},
    {"GET", "/api/contacts/list/fields", field_list, false},
    {"GET", "/api/contacts/list/segments", segment_index, false},
    {"GET", "/api/fields/contact", field_index, false},
    {"POST", "/api/fields/contact/new", field_create, false},
    {"GET", "/api/campaigns", campaign_index, false},
    {"GET", "/api/campaigns/:id", campaign_show, false},
    {"GET", "/api/campaigns/:id/contacts", campaign_contacts, false},
    {"GET", "/api/campaigns/:id/events/contact/:id", campaign_events, false},
    {"POST", "/api/campaigns/:id/contact/:id/add", campaign_add, false},
    {"POST", "/api/campaigns/:id/contact/:id/remove", campaign_remove, false},
    {"GET", "/api/segments", segment_index, false},
    {"GET", "/api/segments/:id", segment_show, false},
    {"PATCH", "/api/segments/:id/edit", segment_patch, false},
    {"POST", "/api/segments/:id/contact/:id/add", segment_add, false},
    {"POST", "/api/segments/:id/contact/:id/remove", segment_remove, false},
    {"POST", "/api/segments/:id/contacts/add", segment_add_many, false},
    {"GET", "/api/emails", email_index, false},
    {"GET", "/api/emails/:id", email_show, false},
    {"POST", "/api/emails/:id/contact/:id/send", email_send, false},
    {"GET", "/api/notes", note_index, false},
    {"GET", "/api/notes/:id", note_show, false},
    {"POST", "/api/notes/new", note_create, false},
    {"PATCH", "/api/notes/:id/edit", note_patch, false},
    {"DELETE", "/api/notes/:id/delete", note_remove, false},
    {"GET", "/api/tags", tag_index, false},
    {"POST", "/api/tags/new", tag_create, false},
    {"GET", "/api/companies", company_index, false},
    {"GET", "/api/companies/:id", company_show, false},
    {"POST", "/api/companies/new", company_create, false},
    {"POST", "/api/companies/:id/contact/:id/add", company_add, false},
    {"POST", "/api/companies/:id/contact/:id/remove", company_leave, false},
    {"GET", "/api/stats", stats_tables, false},
    {"GET", "/api/stats/:word", stats_show, false},
    {"GET", "/api/data", data_types, false},
    {"GET", "/api/data/:word", data_show, false},
    {"GET", "/api/hooks", webhook_index, false},
    {"GET", "/api/hooks/triggers", webhook_triggers, false},
    {"GET", "/api/hooks/:id", webhook_show, false},
    {"POST", "/api/hooks/new", webhook_create, false},
    {"PATCH", "/api/hooks/:id/edit", webhook_patch, false},
    {"PUT", "/api/hooks/:id/edit", webhook_put, false},
    {"DELETE", "/api/hooks/:id/delete", webhook_remove, false},
    {0},
};

static void
push_email(struct json_object *ids, const char *email)
{
    if (email != NULL)
        json_push_str(ids, email);
}

// The number behind the first "<word>/" of the path, else 0.
static int64_t
id_behind(const char *path, const char *word)
{
    const char *found = strstr(path, word);
    return found == NULL ? 0 : strtoll(found + strlen(word), NULL, 10);
}

// Calls are known by the address of the contact that they are about.
static void
subjects(struct call *call, struct json_object *ids)
{
    int64_t id = id_behind(call->path, "/contact/");
    if (id == 0)
        id = id_behind(call->path, "/contacts/");
    if (id == 0)
        id = json_int(call->body, "lead", 0);
    struct json_object *contact = contact_get(call->sim, id);
    push_email(ids, json_str(call->body, "email"));
    push_email(ids, contact_text(contact, "email"));
}

static bool
start(struct sim *sim)
{
    // Whatever was due while nobody ran is done now.
    sim_wake_at(sim, 0);
    return field_start(sim) && setup_start(sim) && webhook_start(sim);
}

static void
reset(struct sim *sim)
{
    // They were good when the program started.
    if (!field_start(sim) || !setup_start(sim))
        return;
    webhook_start(sim);
}

static const struct sim_ops mautic = {
    .name = "mautic",
    .settings = settings,
    .routes = routes,
    .controls = person_routes,
    .start = start,
    .authorize = auth_check,
    .refuse = mautic_refuse,
    .subjects = subjects,
    .any_body = true,
    .encode = text_php,
    .on_time = cron_on_time,
    .hook_build = event_build,
    .hook_retry_min = event_retry_min,
    .hook_result = event_result,
    .state = state_all,
    .reset = reset,
};

int
main(void)
{
    return sim_main(&mautic);
}
