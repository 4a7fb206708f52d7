#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "invoice_ninja.h"

// The names by which faults select; they are in no request.
static const char *const names[] = {
    [1] = "create_client",    [2] = "create_invoice",   [3] = "create_quote",
    [4] = "create_payment",   [5] = "create_vendor",    [6] = "update_quote",
    [7] = "delete_quote",     [8] = "update_invoice",   [9] = "delete_invoice",
    [10] = "update_client",   [11] = "delete_client",   [12] = "delete_payment",
    [22] = "late_invoice",    [24] = "remind_invoice",  [31] = "update_payment",
    [32] = "archive_payment", [33] = "archive_invoice", [37] = "archive_client",
    [40] = "restore_payment", [41] = "restore_invoice", [45] = "restore_client",
    [60] = "sent_invoice",
};

enum { EVENTS = 65, NAMES = sizeof names / sizeof names[0] };

bool
hook_known_event(int64_t event)
{
    return event >= 1 && event <= EVENTS;
}

static bool
is_sync(struct sim *sim)
{
    return strcmp(sim_setting(sim, "queue"), "sync") == 0;
}

void
call_webhooks_inside(struct call *call)
{
    if (is_sync(call->sim))
        call_webhooks_first(call);
}

static const char *
event_name(int64_t event)
{
    return event > 0 && event < NAMES && names[event] != NULL ? names[event] : "other";
}

// Payments are told of late, so that their links are there.
static void
delay(struct sim *sim, int64_t hook, int64_t event)
{
    int64_t ms = sim_setting_int(sim, "payment_hook_delay_ms");
    struct json_object *row = store_get(sim_store(sim), "hooks", hook);
    bool payment = event == EVENT_CREATE_PAYMENT || event == EVENT_UPDATE_PAYMENT
                   || event == EVENT_DELETE_PAYMENT;
    if (payment && !is_sync(sim))
        json_add_int(row, "due_ms", json_int(row, "due_ms", 0) + ms);
}

void
hook_fire_at(struct sim *sim, struct json_object *webhook, struct json_object *row,
             bool early)
{
    int64_t company = row_company(row);
    int64_t id = json_int(row, "id", 0);
    int64_t event = json_int(row_view(webhook), "event_id", 0);
    struct json_object *ref = json_object_new_object();
    json_add_int(ref, "company", company);
    json_add_int(ref, "webhook", json_int(webhook, "id", 0));
    json_add_int(ref, "kind", row_kind(row));
    json_add_int(ref, "row", id);
    json_add_bool(ref, "early", early && is_sync(sim));
    int64_t subject = (company * 4 + (int64_t)row_kind(row)) * 1000000000 + id;
    delay(sim, hook_add(sim, event_name(event), subject, sim_now_ms(sim), ref), event);
}

void
hook_fire(struct sim *sim, enum event_id event, struct json_object *row, bool early)
{
    struct store_cursor cursor;
    struct json_object *webhook =
        row_first(sim, row_company(row), ENTITY_WEBHOOK, &cursor);
    for (; webhook != NULL; webhook = store_newer(&cursor)) {
        if (json_int(row_view(webhook), "event_id", 0) == (int64_t)event
            && json_int(row_view(webhook), "archived_at", 0) == 0)
            hook_fire_at(sim, webhook, row, early);
    }
}

static struct json_object *
webhook_of(struct sim *sim, struct json_object *hook)
{
    struct json_object *ref = json_at(hook, "ref");
    return row_get(sim, json_int(ref, "company", 0), ENTITY_WEBHOOK,
                   json_int(ref, "webhook", 0));
}

// The object as it was when the call was not done with it.
static void
make_early(struct json_object *view, enum entity kind)
{
    if (kind == ENTITY_CLIENT) {
        json_add(view, "contacts", json_object_new_array());
        json_add_str(view, "number", "");
    } else if (kind == ENTITY_PAYMENT) {
        json_add_int(view, "applied", 0);
        json_add(view, "paymentables", json_object_new_array());
        json_add(view, "invoices", json_object_new_array());
    } else {
        json_add_int(view, "archived_at", 0);
    }
}

static char *
make_body(struct sim *sim, struct json_object *hook)
{
    static const char *const included[] = {
        [ENTITY_CLIENT] = "",
        [ENTITY_INVOICE] = "client",
        [ENTITY_PAYMENT] = "invoices,client",
    };
    struct json_object *ref = json_at(hook, "ref");
    enum entity kind = (enum entity)json_int(ref, "kind", 0);
    struct json_object *row =
        row_get(sim, json_int(ref, "company", 0), kind, json_int(ref, "row", 0));
    if (row == NULL)
        return NULL;
    struct json_object *view = view_make(sim, row, included[kind]);
    if (json_flag(ref, "early", false))
        make_early(view, kind);
    char *text = php_json(view, false);
    json_object_put(view);
    return text;
}

bool
hook_build(struct sim *sim, struct json_object *hook, struct hook_message *message)
{
    struct json_object *webhook = webhook_of(sim, hook);
    if (webhook == NULL || json_int(row_view(webhook), "archived_at", 0) > 0)
        return false;
    message->body = make_body(sim, hook);
    if (message->body == NULL)
        return false;
    message->url = strdup(row_text(webhook, "target_url"));
    message->put = row_is(webhook, "rest_method", "put");
    message->redirects_followed = true;
    hook_header(message, "Content-Type: application/json");
    hook_header(message, "Accept: application/json");
    hook_header(message, "User-Agent: %s",
                is_2026(sim) ? "InvoiceNinja/5.12.0 (+https://invoiceninja.com)"
                             : "GuzzleHttp/7");
    struct json_object *headers = json_at(row_view(webhook), "headers");
    if (json_object_is_type(headers, json_type_object)) {
        json_object_object_foreach(headers, name, value)
        {
            hook_header(message, "%s: %s", name, json_object_get_string(value));
        }
    }
    return true;
}

// The job says that it tries again, but nobody does.
int64_t
hook_retry_min(struct json_object *hook, int64_t failed)
{
    (void)hook;
    (void)failed;
    return -1;
}

void
hook_result(struct sim *sim, struct json_object *hook, int status)
{
    struct json_object *webhook = webhook_of(sim, hook);
    if (webhook == NULL || (status != 404 && status != 405 && status != 410))
        return;
    json_add_int(row_view(webhook), "archived_at", now_s(sim));
    row_stamp(sim, webhook);
}
