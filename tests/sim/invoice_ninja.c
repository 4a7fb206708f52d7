// relais-sim-invoice-ninja: Invoice Ninja as its API and webhooks behave, with the
// surprises. One server, several companies, one token each.
#include "invoice_ninja.h"

#include <string.h>

#include "harness_json.h"

static const struct sim_setting settings[] = {
    {"SIM_COMPANIES", "companies",
     "HYPERVISUAL=simulated-ninja-token-hypervisual,"
     "DAINAMICS=simulated-ninja-token-dainamics,LEXAIA=simulated-ninja-token-lexaia,"
     "ENKI_REALTY=simulated-ninja-token-enki-realty,"
     "TAKEOUT=simulated-ninja-token-takeout",
     true},
    {"SIM_EDITION", "edition", "5.10", false},
    {"SIM_QUEUE", "queue", "sync", false},
    {"SIM_PAYMENT_HOOK_DELAY_MS", "payment_hook_delay_ms", "20000", false},
    {"SIM_GUARD_MS", "guard_ms", "1000", false},
    {"SIM_CREATE_DELAY_MS", "create_delay_ms", "200", false},
    {0},
};

#define V1 "/api/v1"

static const struct sim_route routes[] = {
    {"GET", V1 "/ping", company_ping, false},
    {"POST", V1 "/companies/current", company_current, false},
    {"GET", V1 "/clients", list_clients, false},
    {"POST", V1 "/clients", client_create, false},
    {"POST", V1 "/clients/bulk", client_bulk, false},
    {"GET", V1 "/clients/:word", client_show, false},
    {"PUT", V1 "/clients/:word", client_update, false},
    {"PATCH", V1 "/clients/:word", client_update, false},
    {"DELETE", V1 "/clients/:word", client_delete, false},
    {"GET", V1 "/invoices", list_invoices, false},
    {"POST", V1 "/invoices", invoice_create, false},
    {"POST", V1 "/invoices/bulk", action_bulk, false},
    {"GET", V1 "/invoices/:word", invoice_show, false},
    {"PUT", V1 "/invoices/:word", invoice_update, false},
    {"PATCH", V1 "/invoices/:word", invoice_update, false},
    {"DELETE", V1 "/invoices/:word", invoice_delete, false},
    {"GET", V1 "/invoices/:word/download", invoice_download, false},
    {"GET", V1 "/invoices/*", action_get, false}, // {id}/{action}
    {"GET", V1 "/invoice/:word/download", invoice_download_by_key, false},
    {"POST", V1 "/emails", mail_post, false},
    {"GET", V1 "/payments", list_payments, false},
    {"POST", V1 "/payments", payment_create, false},
    {"POST", V1 "/payments/bulk", payment_bulk, false},
    {"POST", V1 "/payments/refund", payment_refund, false},
    {"GET", V1 "/payments/:word", payment_show, false},
    {"PUT", V1 "/payments/:word", payment_update, false},
    {"PATCH", V1 "/payments/:word", payment_update, false},
    {"DELETE", V1 "/payments/:word", payment_delete, false},
    {"GET", V1 "/webhooks", list_webhooks, false},
    {"POST", V1 "/webhooks", webhook_create, false},
    {"POST", V1 "/webhooks/bulk", webhook_bulk, false},
    {"GET", V1 "/webhooks/:word", webhook_show, false},
    {"PUT", V1 "/webhooks/:word", webhook_update, false},
    {"PATCH", V1 "/webhooks/:word", webhook_update, false},
    {"DELETE", V1 "/webhooks/:word", webhook_delete, false},
    {"POST", V1 "/webhooks/*", webhook_retry, false}, // {id}/retry
    {"GET", "/client/invoice/:word", person_portal, true},
    {0},
};

static void
push_text(struct json_object *ids, struct json_object *obj, const char *key)
{
    const char *text = json_str(obj, key);
    if (text != NULL && *text != '\0')
        json_push_str(ids, text);
}

static void
push_texts(struct json_object *ids, struct json_object *obj)
{
    static const char *const keys[] = {"number",    "custom_value1", "custom_value2",
                                       "id_number", "entity_id",     "idempotency_key"};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        push_text(ids, obj, keys[i]);
}

static void
push_row(struct sim *sim, int64_t company, enum entity kind, const char *hash,
         struct json_object *ids)
{
    struct json_object *row = row_by_hash(sim, company, kind, hash);
    if (row != NULL)
        push_texts(ids, row_view(row));
}

// The row that a path like /api/v1/invoices/{id}/{action} is about.
static void
push_path(struct sim *sim, int64_t company, const char *path, struct json_object *ids)
{
    static const char *const prefixes[] = {
        [ENTITY_CLIENT] = V1 "/clients/",
        [ENTITY_INVOICE] = V1 "/invoices/",
        [ENTITY_PAYMENT] = V1 "/payments/",
        [ENTITY_WEBHOOK] = V1 "/webhooks/",
    };
    for (int kind = ENTITY_CLIENT; kind <= ENTITY_WEBHOOK; kind++) {
        size_t bytes = strlen(prefixes[kind]);
        char hash[HASHID_BYTES] = "";
        if (strncmp(path, prefixes[kind], bytes) != 0)
            continue;
        if (strcspn(path + bytes, "/") == HASHID_BYTES - 1)
            memcpy(hash, path + bytes, HASHID_BYTES - 1);
        push_row(sim, company, (enum entity)kind, hash, ids);
    }
}

// The company's code, and whatever tells of the rows.
static void
subjects(struct call *call, struct json_object *ids)
{
    struct json_object *company =
        company_by(call->sim, "token", call_header(call, "X-API-TOKEN"));
    int64_t id = json_int(company, "id", 0);
    struct json_object *many = json_at(call->body, "ids");
    push_text(ids, company, "code");
    push_texts(ids, call->body);
    if (company == NULL)
        return;
    push_path(call->sim, id, call->path, ids);
    push_row(call->sim, id, ENTITY_INVOICE, json_str(call->body, "entity_id"), ids);
    for (size_t i = 0; json_object_is_type(many, json_type_array)
                       && i < json_object_array_length(many);
         i++)
        push_row(call->sim, id, ENTITY_INVOICE,
                 json_object_get_string(json_object_array_get_idx(many, i)), ids);
}

static char *
encode(struct json_object *obj)
{
    return php_json(obj, true);
}

static struct json_object *
views(struct sim *sim, int64_t company, enum entity kind)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = row_first(sim, company, kind, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *view = view_make(sim, row, "");
        if (kind == ENTITY_PAYMENT)
            json_share(view, "idempotency_key", json_at(row, "idempotency_key"));
        json_object_array_add(list, view);
    }
    return list;
}

// What the companies have, under their codes, as the API shows it.
static struct json_object *
state(struct sim *sim)
{
    struct json_object *companies = json_object_new_object();
    struct json_object *mails = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "companies", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        int64_t id = json_int(row, "id", 0);
        struct json_object *company = json_object_new_object();
        json_add(company, "clients", views(sim, id, ENTITY_CLIENT));
        json_add(company, "invoices", views(sim, id, ENTITY_INVOICE));
        json_add(company, "payments", views(sim, id, ENTITY_PAYMENT));
        json_add(company, "webhooks", views(sim, id, ENTITY_WEBHOOK));
        json_add(companies, json_str(row, "code"), company);
    }
    row = store_oldest(sim_store(sim), "mails", &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(mails, json_object_get(row));
    struct json_object *reply = json_object_new_object();
    json_add(reply, "companies", companies);
    json_add(reply, "mails", mails);
    return reply;
}

static void
reset(struct sim *sim)
{
    // They were good when the program started.
    if (!company_start(sim))
        return;
}

static const struct sim_ops invoice_ninja = {
    .name = "invoice-ninja",
    .settings = settings,
    .routes = routes,
    .controls = person_routes,
    .start = company_start,
    .authorize = company_authorize,
    .refuse = answer_refuse,
    .subjects = subjects,
    .any_body = true,
    .encode = encode,
    .hook_build = hook_build,
    .hook_retry_min = hook_retry_min,
    .hook_result = hook_result,
    .state = state,
    .reset = reset,
};

int
main(void)
{
    return sim_main(&invoice_ninja);
}
