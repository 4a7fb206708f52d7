#include "workers/invoice_ninja/hook.h"

#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/wire.h"

#define INGEST_PATH "/api/integrations/invoice-ninja/webhook"

struct json_object *
ninja_hook_list(struct job *job, const struct ninja *ninja, const char *company)
{
    static const struct http_header query[] = {{"per_page", "5000"}, {NULL}};
    return ninja_list(
        job, ninja,
        &(struct ninja_call){
            .company = company, .method = "GET", .path = "/webhooks", .query = query});
}

static void
not_set(struct job *job, const char *setting)
{
    error_permanent(&job->error, "%s is not set: no webhook is registered", setting);
    job->error.hint = "set it for relais-invoice-ninja (the secret for relais-ingest "
                      "too), then replay";
}

struct json_object *
ninja_hook_body(struct job *job, const struct ninja *ninja, const char *company,
                const struct ninja_wire *wire)
{
    const char *secret = ninja_company_secret(ninja->companies, company);
    if (ninja->base_url[0] == '\0' || secret == NULL) {
        not_set(job, ninja->base_url[0] == '\0' ? "WEBHOOK_BASE_URL"
                                                : "INVOICE_NINJA_WEBHOOK_SECRET");
        return NULL;
    }
    const struct http_header query[] = {
        {"company", company}, {"event", wire->name}, {NULL}};
    struct json_object *body = json_object_in(job);
    struct json_object *headers = json_object_in(job);
    json_set_string(headers, "X-Webhook-Secret", secret);
    json_set_string(headers, "X-Ninja-Company", company);
    json_set_string(headers, "X-Ninja-Event", job_printf(job, "%d", wire->number));
    json_set_string(
        body, "target_url",
        http_url(job, job_printf(job, "%s" INGEST_PATH, ninja->base_url), query));
    json_set_i64(body, "event_id", wire->number);
    json_set_string(body, "rest_method", "post");
    json_set_string(body, "format", "JSON");
    json_set(body, "headers", headers);
    return body;
}

static size_t
length_of_path(const char *url)
{
    return strcspn(url, "?");
}

bool
ninja_hook_is_ours(struct json_object *row, struct json_object *body)
{
    const char *url = json_string_or(row, "target_url", "");
    const char *wanted = json_string_or(body, "target_url", "");
    size_t length = length_of_path(wanted);
    const char *event = json_text_or(row, "event_id", "");
    return strcmp(event, json_text_or(body, "event_id", "")) == 0
           && length_of_path(url) == length && strncmp(url, wanted, length) == 0;
}

bool
ninja_hook_is_same(struct json_object *row, struct json_object *body)
{
    struct json_object *wanted = json_at(body, "headers");
    struct json_object *headers = json_at(row, "headers");
    if (strcmp(json_string_or(row, "target_url", ""),
               json_string_or(body, "target_url", ""))
        != 0)
        return false;
    json_object_object_foreach(wanted, name, value)
    {
        if (strcmp(json_string_or(headers, name, ""), json_object_get_string(value))
            != 0)
            return false;
    }
    return true;
}

struct json_object *
ninja_hook_create(struct job *job, const struct ninja *ninja, const char *company,
                  struct json_object *body)
{
    struct json_object *row = ninja_ask(job, ninja,
                                        &(struct ninja_call){.company = company,
                                                             .method = "POST",
                                                             .path = "/webhooks",
                                                             .body = body,
                                                             .once = true});
    // The next attempt reads the list again, and takes the row if it is there.
    if (row == NULL && job->error.kind == ERROR_UNSURE)
        job->error.kind = ERROR_RETRYABLE;
    return row;
}

bool
ninja_hook_update(struct job *job, const struct ninja *ninja, const char *company,
                  const char *id, struct json_object *body)
{
    const char *path = job_printf(job, "/webhooks/%s", http_escape(job, id));
    return ninja_ask(
               job, ninja,
               &(struct ninja_call){
                   .company = company, .method = "PUT", .path = path, .body = body})
           != NULL;
}

bool
ninja_hook_act(struct job *job, const struct ninja *ninja, const char *company,
               const char *id, const char *action)
{
    struct json_object *body = json_object_in(job);
    struct json_object *ids = json_array_in(job);
    json_add_string(ids, id);
    json_set_string(body, "action", action);
    json_set(body, "ids", ids);
    return ninja_ask(job, ninja,
                     &(struct ninja_call){.company = company,
                                          .method = "POST",
                                          .path = "/webhooks/bulk",
                                          .body = body})
           != NULL;
}
