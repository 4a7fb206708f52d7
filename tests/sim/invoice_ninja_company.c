// The companies, one for each API token.
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static const char collection[] = "companies";

struct json_object *
company_get(struct sim *sim, int64_t company)
{
    return store_get(sim_store(sim), collection, company);
}

struct json_object *
company_by(struct sim *sim, const char *key, const char *value)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (value != NULL && strcmp(json_str(row, key), value) == 0)
            return row;
    }
    return NULL;
}

static struct json_object *
company_add(struct sim *sim, const char *code, const char *token)
{
    struct json_object *row = json_object_new_object();
    int64_t id = store_count(sim_store(sim), collection) + 1;
    json_add_int(row, "id", id);
    json_add_str(row, "code", code);
    json_add_str(row, "name", code);
    json_add_str(row, "token", token);
    json_add_bool(row, "locked", false);
    json_add_bool(row, "unpaid", false);
    json_add_bool(row, "powerless", false);
    json_add_str(row, "lock_invoices", "off");
    store_put(sim_store(sim), collection, id, row);
    return row;
}

// One "CODE=token" of the list.
static bool
read_one(struct sim *sim, const char *text, size_t bytes)
{
    char code[64];
    char token[128];
    size_t code_bytes = strcspn(text, "=");
    if (code_bytes == 0 || code_bytes + 1 >= bytes || code_bytes >= sizeof code
        || bytes - code_bytes > sizeof token)
        return false;
    snprintf(code, sizeof code, "%.*s", (int)code_bytes, text);
    snprintf(token, sizeof token, "%.*s", (int)(bytes - code_bytes - 1),
             text + code_bytes + 1);
    struct json_object *row = company_by(sim, "code", code);
    if (row == NULL) {
        company_add(sim, code, token);
        return true;
    }
    json_add_str(row, "token", token);
    store_touch(sim_store(sim), collection, json_int(row, "id", 0));
    return true;
}

bool
company_start(struct sim *sim)
{
    const char *p = sim_setting(sim, "companies");
    bool ok = *p != '\0';
    while (ok && *p != '\0') {
        size_t bytes = strcspn(p, ", ");
        ok = read_one(sim, p, bytes);
        p += bytes;
        p += strspn(p, ", ");
    }
    if (!ok)
        fprintf(stderr, "SIM_COMPANIES: give CODE=token, with commas between them\n");
    return ok;
}

bool
company_authorize(struct call *call)
{
    struct json_object *row =
        company_by(call->sim, "token", call_header(call, "X-API-TOKEN"));
    call_add_header(call, "X-App-Version", "5.10.42");
    call_add_header(call, "X-Api-Version", "5.10.42");
    if (row == NULL) {
        answer_forbidden(call, "Invalid token");
        return false;
    }
    if (json_flag(row, "locked", false)) {
        answer_forbidden(call, "User access locked");
        return false;
    }
    call->account = (int)json_int(row, "id", 0);
    bool ping = strcmp(call->path, "/api/v1/ping") == 0;
    if (json_flag(row, "powerless", false) && !ping) {
        answer_message(call, 401, "This action is unauthorized.");
        return false;
    }
    return true;
}

void
company_ping(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_share(reply, "company_name",
               json_at(company_get(call->sim, call->account), "name"));
    json_add_str(reply, "user_name", "API Relais");
    call_answer(call, 200, reply);
}

void
company_current(struct call *call)
{
    struct json_object *row = company_get(call->sim, call->account);
    struct json_object *settings = json_object_new_object();
    char id[HASHID_BYTES];
    hashid_encode(call->account, id);
    json_share(settings, "name", json_at(row, "name"));
    json_add_str(settings, "currency_id", "17");
    json_add_str(settings, "timezone_id", "37");
    json_share(settings, "lock_invoices", json_at(row, "lock_invoices"));
    struct json_object *view = json_object_new_object();
    json_add_str(view, "id", id);
    json_add(view, "settings", settings);
    answer_data(call, view);
}

static void
change(struct json_object *row, struct json_object *body)
{
    static const char *const changed[] = {"name",   "token",     "locked",
                                          "unpaid", "powerless", "lock_invoices"};
    for (size_t i = 0; i < sizeof changed / sizeof changed[0]; i++) {
        if (json_at(body, changed[i]) != NULL)
            json_share(row, changed[i], json_at(body, changed[i]));
    }
}

void
company_put(struct call *call)
{
    const char *code = json_str(call->body, "code");
    const char *token = json_str(call->body, "token");
    struct json_object *row = company_by(call->sim, "code", code);
    if (row == NULL && code != NULL && token != NULL)
        row = company_add(call->sim, code, token);
    struct json_object *reply = json_object_new_object();
    if (row == NULL) {
        json_add_str(reply, "error", "code: unknown; a new company needs a token too");
        call_answer(call, 422, reply);
        return;
    }
    change(row, call->body);
    store_touch(sim_store(call->sim), collection, json_int(row, "id", 0));
    json_add_str(reply, "code", code);
    call_answer(call, 200, reply);
}
