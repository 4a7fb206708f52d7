// What is sent to webhooks. Immediately: each event by itself, inside the call that
// caused it, and lost if it is refused. By command: queued, and sent by a cron, up to
// ten items in one body, whatever their types.
//
// The `ref` of a delivery: {webhook, body, items[] of the queue, test}.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum {
    LOG_MAX = 100,
    GRACE_MS = 2 * DAY_MS, // a webhook that was edited lately is not switched off
};

static bool
is_immediate(struct sim *sim)
{
    return strcmp(sim_setting(sim, "webhook_mode"), "immediate") == 0;
}

static int64_t
send_body(struct sim *sim, struct json_object *webhook, const char *type,
          int64_t subject, struct json_object *ref)
{
    json_share(ref, "webhook", json_at(webhook, "id"));
    return hook_add(sim, type, subject, sim_now_ms(sim), ref);
}

static void
send_alone(struct sim *sim, struct json_object *webhook, const char *type,
           int64_t contact, struct json_object *item)
{
    struct json_object *items = json_object_new_array();
    json_object_array_add(items, json_object_get(item));
    struct json_object *body = json_object_new_object();
    json_add(body, type, items);
    char *text = text_php(body);
    struct json_object *ref = json_object_new_object();
    json_add_str(ref, "body", text);
    free(text);
    json_object_put(body);
    send_body(sim, webhook, type, contact, ref);
}

static void
queue_item(struct sim *sim, struct json_object *webhook, const char *type,
           struct json_object *item)
{
    int64_t id = store_next_id(sim_store(sim), "queue", 1);
    char *text = text_php(item);
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", id);
    json_share(row, "webhook", json_at(webhook, "id"));
    json_add_str(row, "type", type);
    json_add_str(row, "item", text);
    json_add_int(row, "at_ms", sim_now_ms(sim));
    free(text);
    store_put(sim_store(sim), "queue", id, row);
}

// Some installations send contacts without their fields.
static void
spoil_fields(struct sim *sim, struct json_object *item)
{
    struct json_object *contact = json_at(item, "contact");
    if (sim_setting_flag(sim, "webhook_empty_fields") && json_has(contact, "fields"))
        json_add(contact, "fields", json_object_new_array());
}

void
event_fire(struct sim *sim, const char *type, int64_t contact, struct json_object *item)
{
    struct store_cursor cursor;
    struct json_object *webhook = store_oldest(sim_store(sim), "webhooks", &cursor);
    json_add_atom(item, "timestamp", sim_now_ms(sim));
    spoil_fields(sim, item);
    for (; webhook != NULL; webhook = store_newer(&cursor)) {
        if (!webhook_wants(sim, webhook, type))
            continue;
        if (is_immediate(sim))
            send_alone(sim, webhook, type, contact, item);
        else
            queue_item(sim, webhook, type, item);
    }
    json_object_put(item);
}

void
event_test(struct sim *sim, const char *type)
{
    static const char sample[] =
        "{\"stat\":{\"id\":8,\"emailAddress\":\"test@test.com\",\"ipAddress\":[],"
        "\"dateSent\":\"2015-08-26T01:34:37+00:00\",\"isRead\":true,\"isFailed\":false,"
        "\"dateRead\":\"2015-08-26T01:35:53+00:00\",\"retryCount\":0,"
        "\"source\":\"email\",\"openCount\":1,"
        "\"lastOpened\":\"2015-08-26T01:35:53+00:00\",\"sourceId\":5,"
        "\"trackingHash\":\"55dd17adace91\",\"viewedInBrowser\":false,"
        "\"lead\":{\"id\":26,\"points\":10},\"email\":{\"id\":5,\"name\":\"test\"}}}";
    struct json_object *body = json_object_new_object();
    json_add(body, type, json_parse(sample, sizeof sample - 1));
    json_add_atom(body, "timestamp", sim_now_ms(sim));
    char *text = text_php(body);
    json_object_put(body);
    struct store_cursor cursor;
    struct json_object *webhook = store_oldest(sim_store(sim), "webhooks", &cursor);
    for (; webhook != NULL; webhook = store_newer(&cursor)) {
        struct json_object *ref = json_object_new_object();
        json_add_str(ref, "body", text);
        json_add_bool(ref, "test", true);
        send_body(sim, webhook, type, 0, ref);
    }
    free(text);
}

// The run of the command: which webhook it is at, and its delivery on the way.
static struct json_object *
run_row(struct sim *sim)
{
    struct json_object *run = store_get(sim_store(sim), "run", 1);
    if (run == NULL) {
        run = json_object_new_object();
        json_add_int(run, "number", 0);
        store_put(sim_store(sim), "run", 1, run);
    }
    return run;
}

static bool
on_its_way(struct sim *sim, struct json_object *run)
{
    struct json_object *hook =
        store_get(sim_store(sim), "hooks", json_int(run, "delivery", 0));
    const char *state = json_str(hook, "state");
    return state != NULL
           && (strcmp(state, "waiting") == 0 || strcmp(state, "held") == 0);
}

static bool
is_ready(struct json_object *row, struct json_object *run, int64_t webhook)
{
    return json_int(row, "webhook", 0) == webhook
           && json_int(row, "kept_run", 0) != json_int(run, "number", 0);
}

// Takes up to ten ready items of the webhook out of the queue.
static struct json_object *
take_items(struct sim *sim, struct json_object *run, struct json_object *webhook)
{
    struct store *store = sim_store(sim);
    struct store_cursor cursor;
    int64_t limit = sim_setting_int(sim, "webhook_limit");
    int64_t id = json_int(webhook, "id", 0);
    bool down = json_flag(webhook, "desc", false);
    struct json_object *items = json_object_new_array();
    struct json_object *row = down ? store_newest(store, "queue", &cursor)
                                   : store_oldest(store, "queue", &cursor);
    for (; row != NULL && (int64_t)json_object_array_length(items) < limit;
         row = down ? store_older(&cursor) : store_newer(&cursor)) {
        bool due = json_int(row, "retry_ms", 0) <= sim_now_ms(sim);
        if (is_ready(row, run, id) && due)
            json_object_array_add(items, json_object_get(row));
    }
    for (size_t i = 0; i < json_object_array_length(items); i++)
        store_remove(store, "queue",
                     json_int(json_object_array_get_idx(items, i), "id", 0));
    return items;
}

// {"type": [item, ...], ...} of rows of the queue.
static char *
batch_text(struct json_object *rows)
{
    struct json_object *body = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *type = json_str(row, "type");
        const char *text = json_str(row, "item");
        if (!json_has(body, type))
            json_add(body, type, json_object_new_array());
        json_object_array_add(json_at(body, type), json_parse(text, strlen(text)));
    }
    char *text = text_php(body);
    json_object_put(body);
    return text;
}

static bool
send_batch(struct sim *sim, struct json_object *run, struct json_object *webhook)
{
    struct json_object *items = take_items(sim, run, webhook);
    if (json_object_array_length(items) == 0) {
        json_object_put(items);
        return false;
    }
    const char *type = json_str(json_object_array_get_idx(items, 0), "type");
    char *text = batch_text(items);
    struct json_object *ref = json_object_new_object();
    json_add_str(ref, "body", text);
    json_add(ref, "items", items);
    free(text);
    int64_t delivery = send_body(sim, webhook, type, json_int(webhook, "id", 0), ref);
    json_add_int(run, "delivery", delivery);
    return true;
}

// Sends the next batch of this run, webhook after webhook.
static void
go_on(struct sim *sim, struct json_object *run)
{
    struct store_cursor cursor;
    struct json_object *webhook = store_oldest(sim_store(sim), "webhooks", &cursor);
    store_touch(sim_store(sim), "run", 1);
    for (; webhook != NULL; webhook = store_newer(&cursor)) {
        bool passed = json_int(webhook, "id", 0) < json_int(run, "webhook", 0);
        if (passed || !json_flag(webhook, "published", true))
            continue;
        json_share(run, "webhook", json_at(webhook, "id"));
        if (send_batch(sim, run, webhook))
            return;
    }
}

void
event_process(struct sim *sim)
{
    struct json_object *run = run_row(sim);
    if (store_count(sim_store(sim), "queue") == 0 || on_its_way(sim, run))
        return;
    json_add_int(run, "number", json_int(run, "number", 0) + 1);
    json_add_int(run, "webhook", 0);
    go_on(sim, run);
}

bool
event_build(struct sim *sim, struct json_object *hook, struct hook_message *message)
{
    struct json_object *ref = json_at(hook, "ref");
    struct json_object *webhook =
        store_get(sim_store(sim), "webhooks", json_int(ref, "webhook", 0));
    if (webhook == NULL || *webhook_url(sim, webhook) == '\0')
        return false;
    char signature[45];
    const char *secret = webhook_secret(sim, webhook);
    message->url = strdup(webhook_url(sim, webhook));
    message->body = strdup(json_str(ref, "body"));
    crypto_signature(secret == NULL ? "" : secret, message->body, signature);
    hook_header(message, "Content-Type: application/json");
    hook_header(message, "X-Origin-Base-URL: %s", sim_public_url(sim));
    hook_header(message, "Webhook-Signature: %s", signature);
    if (mautic_since(sim, 7, 0))
        hook_header(message, "User-Agent: Webhook");
    return true;
}

int64_t
event_retry_min(struct json_object *hook, int64_t failed)
{
    (void)hook;
    (void)failed;
    return -1; // what is tried again is put back into the queue
}

static bool
is_good(int64_t status)
{
    return status >= 200 && status < 300;
}

// None of the last answers was good.
static bool
is_sick(struct json_object *webhook)
{
    struct json_object *log = json_at(webhook, "log");
    size_t count = json_object_array_length(log);
    for (size_t i = 0; i < count; i++) {
        if (is_good(json_object_get_int64(json_object_array_get_idx(log, i))))
            return false;
    }
    return count > 0;
}

static void
log_status(struct json_object *webhook, int status)
{
    struct json_object *log = json_at(webhook, "log");
    json_object_array_add(log, json_object_new_int(status));
    if (json_object_array_length(log) > LOG_MAX)
        json_object_array_del_idx(log, 0, 1);
}

// Switches the webhook off if it is sick. A failed connection is judged before it is
// written down, an answer after.
static void
judge(struct sim *sim, struct json_object *webhook, int status)
{
    int64_t now_ms = sim_now_ms(sim);
    int64_t modified_ms = json_int(webhook, "modified_ms", 0);
    bool young = modified_ms > 0 && now_ms - modified_ms < GRACE_MS;
    if (status != 0)
        log_status(webhook, status);
    bool off = status == 410 || (!is_good(status) && !young && is_sick(webhook));
    if (status == 0)
        log_status(webhook, status);
    if (off && !sim_setting_flag(sim, "webhook_keep")) {
        json_add_bool(webhook, "published", false);
        json_add_int(webhook, "modified_ms", now_ms);
    }
    store_touch(sim_store(sim), "webhooks", json_int(webhook, "id", 0));
}

static void
put_back(struct sim *sim, struct json_object *items, int64_t run)
{
    int64_t delay_ms = sim_setting_int(sim, "webhook_retry_delay_ms");
    for (size_t i = 0; i < json_object_array_length(items); i++) {
        struct json_object *row = json_clone(json_object_array_get_idx(items, i));
        json_add_int(row, "kept_run", run);
        json_add_int(row, "retries", json_int(row, "retries", 0) + 1);
        if (mautic_since(sim, 7, 0))
            json_add_int(row, "retry_ms", sim_now_ms(sim) + delay_ms);
        store_put(sim_store(sim), "queue", json_int(row, "id", 0), row);
    }
}

// In 5 and 6 the next good delivery of the same run takes along what was to be kept,
// whosever it is.
static void
lose_kept(struct sim *sim, int64_t run)
{
    struct store *store = sim_store(sim);
    struct store_cursor cursor;
    struct json_object *row = store_oldest(store, "queue", &cursor);
    while (row != NULL) {
        int64_t id = json_int(row, "id", 0);
        bool lost = json_int(row, "kept_run", 0) == run;
        row = store_newer(&cursor);
        if (lost)
            store_remove(store, "queue", id);
    }
}

// The queue after a batch was answered, or not.
static void
settle_batch(struct sim *sim, struct json_object *hook, int status)
{
    struct json_object *run = run_row(sim);
    int64_t number = json_int(run, "number", 0);
    bool modern = mautic_since(sim, 7, 0);
    bool keep = status == 0 || (modern && !is_good(status));
    if (keep)
        put_back(sim, json_at(json_at(hook, "ref"), "items"), number);
    else if (!modern)
        lose_kept(sim, number);
    go_on(sim, run);
}

void
event_result(struct sim *sim, struct json_object *hook, int status)
{
    struct json_object *ref = json_at(hook, "ref");
    struct json_object *webhook =
        store_get(sim_store(sim), "webhooks", json_int(ref, "webhook", 0));
    if (webhook != NULL)
        judge(sim, webhook, status);
    if (json_is_array(ref, "items") && !json_has(hook, "copy_of"))
        settle_batch(sim, hook, status);
}
