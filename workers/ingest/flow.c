// workers/ingest/flow.c - what a Directus flow posts to /events/directus.
//
// A flow delivers at most once, in no order, without id, time or old values, and may
// tell of a write that was rolled back: its events are hints. Facts are from contract
// tests against Directus 11.11 and 12.4: create has `key`, update and delete have
// `keys`; an integer key is a number on create and a string on update; delete's payload
// is the list of keys.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/ingest/ingest.h"
#include "workers/ingest/jwt.h"

enum { COLLECTIONS = 9 };

struct flow {
    const char *secret;
    const char *secret_previous;
    const char *capture;
    const char *collections[COLLECTIONS]; // their names in this Directus
};

// What is known about a collection. The order is that of the settings.
struct root_rule {
    const char *collection;  // as Relais calls it
    const char *root;        // prefix of its own key; NULL = the collection's name
    const char *parent;      // member that names the parent, or NULL
    const char *parent_root; // prefix of the parent's key
};

static const struct root_rule root_rules[COLLECTIONS] = {
    {"quotes", .root = "quote"},
    {"client_invoices", .root = "invoice", .parent = "quote_id",
     .parent_root = "quote"},
    {"payments", .parent = "invoice_id", .parent_root = "invoice"},
    {"leads", .root = "lead"},
    {"people", .root = "contact"},
    {"companies", .root = "company"},
    {"cgv_acceptances", .root = "cgv"},
    {"quote_items", .parent = "quote_id", .parent_root = "quote"},
    {"invoice_items", .parent = "invoice_id", .parent_root = "invoice"},
};

#define COLLECTION(index, setting, usual)                                              \
    {                                                                                  \
        .name = (setting), .type = CONFIG_TEXT,                                        \
        .offset = offsetof(struct flow, collections) + (index) * sizeof(const char *), \
        .fallback = (usual), .description = "What this Directus calls " usual "."      \
    }

static const struct config_setting settings[] = {
    {.name = "DIRECTUS_FLOW_SECRET",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct flow, secret),
     .fallback = "",
     .description = "What the Directus flow proves itself with: the value of "
                    "X-Ingest-Secret, or the HS256 key of its token."},
    {.name = "DIRECTUS_FLOW_SECRET_PREVIOUS",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct flow, secret_previous),
     .fallback = "",
     .description = "The secret before it, still accepted during a rotation."},
    {.name = "CAPTURE",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct flow, capture),
     .fallback = "outbox",
     .description = "outbox: changes come from Directus's database, and no flow is "
                    "needed. flow: they come from a flow and the activity log."},
    COLLECTION(0, "DIRECTUS_COLLECTION_QUOTES", "quotes"),
    COLLECTION(1, "DIRECTUS_COLLECTION_INVOICES", "client_invoices"),
    COLLECTION(2, "DIRECTUS_COLLECTION_PAYMENTS", "payments"),
    COLLECTION(3, "DIRECTUS_COLLECTION_LEADS", "leads"),
    COLLECTION(4, "DIRECTUS_COLLECTION_CONTACTS", "people"),
    COLLECTION(5, "DIRECTUS_COLLECTION_COMPANIES", "companies"),
    COLLECTION(6, "DIRECTUS_COLLECTION_CGV_ACCEPTANCES", "cgv_acceptances"),
    COLLECTION(7, "DIRECTUS_COLLECTION_QUOTE_ITEMS", "quote_items"),
    COLLECTION(8, "DIRECTUS_COLLECTION_INVOICE_ITEMS", "invoice_items"),
    {0},
};

static bool
is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool
flow_ready(const void *state, char *why, size_t size)
{
    const struct flow *flow = state;
    if (is_set(flow->secret) || strcmp(flow->capture, "outbox") == 0)
        return true;
    str_copy(why, size, "directus: set DIRECTUS_FLOW_SECRET, or CAPTURE=outbox");
    return false;
}

static bool
is_token(const struct webhook_request *request)
{
    const char *type = webhook_header(request, "Content-Type");
    return type != NULL && strncasecmp(type, "application/jwt", 15) == 0;
}

static const char *
flow_verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct flow *flow = state;
    if (!is_set(flow->secret))
        return "no-secret-configured";
    if (is_token(request)) {
        const char *secrets[] = {flow->secret, flow->secret_previous, NULL};
        return ingest_jwt_verify(job, request->body, request->body_length, secrets,
                                 request->now_ms);
    }
    const char *given = webhook_header(request, "X-Ingest-Secret");
    if (given == NULL)
        return "missing-secret";
    bool now = hmac_same(given, flow->secret);
    bool before =
        is_set(flow->secret_previous) && hmac_same(given, flow->secret_previous);
    return now || before ? NULL : "bad-secret";
}

// What all events of one delivery have in common.
struct flow_delivery {
    const char *collection; // as Relais calls it
    const char *operation;  // "create", "update", "delete"
    const struct root_rule *rule;
    struct json_object *fields; // what was sent; NULL for delete
    const char *parent;         // the lane its parent names, or NULL
    const char *rest;           // the payload behind collection and key
    const char *time;           // NULL = not told
    const char *unique;         // of the delivery, for the events' ids
};

static const struct root_rule *
find_rule(const struct flow *flow, const char *collection)
{
    for (size_t i = 0; i < COLLECTIONS; i++)
        if (strcmp(flow->collections[i], collection) == 0)
            return &root_rules[i];
    return NULL;
}

// A key as text in one form: numbers and strings alike, uuids in lower case.
static const char *
key_text(struct job *job, struct json_object *holder, const char *path)
{
    const char *text = json_text_or(holder, path, NULL);
    if (!webhook_word(text))
        return NULL;
    return uuid_is(text) ? webhook_lower(job, text) : job_strdup(job, text);
}

// The parent's lane, if its key was among the fields sent. A parent that is created or
// changed in the same write comes as an object.
static const char *
parent_lane(struct job *job, const struct root_rule *rule, struct json_object *fields)
{
    if (rule == NULL || rule->parent == NULL || fields == NULL)
        return NULL;
    const char *key = key_text(job, fields, rule->parent);
    if (key == NULL)
        key = key_text(job, fields, job_printf(job, "%s.id", rule->parent));
    return key == NULL ? NULL : job_printf(job, "%s:%s", rule->parent_root, key);
}

static const char *
lane_of(struct job *job, const struct flow_delivery *delivery, const char *key)
{
    if (delivery->parent != NULL)
        return delivery->parent;
    const char *prefix = delivery->rule == NULL ? NULL : delivery->rule->root;
    return job_printf(job, "%s:%s", prefix == NULL ? delivery->collection : prefix,
                      key);
}

// ,"changed":[...],"new":{...},"hint":true,"company":"","actor":...,"origin":...}
static const char *
payload_rest(struct job *job, const struct flow_delivery *delivery,
             struct json_object *body, size_t keys)
{
    struct json_object *rest = json_object_in(job);
    struct json_object *changed = json_array_in(job);
    struct json_object *nothing = json_object_in(job);
    size_t length = 2;

    if (delivery->fields != NULL) {
        json_print(delivery->fields, &length);
        json_object_object_foreach(delivery->fields, name, value)
        {
            (void)value;
            json_add_string(changed, name);
        }
    }
    json_set(rest, "changed", changed);
    // A hint is read again anyway: a large row is not repeated for thousands of keys.
    bool fits = delivery->fields != NULL && length <= WEBHOOK_BYTES_MAX / 4 / keys;
    bool gone = strcmp(delivery->operation, "delete") == 0;
    json_set(rest, "new", gone ? NULL : fits ? delivery->fields : nothing);
    json_set_bool(rest, "hint", true);
    json_set_string(rest, "company", "");
    const char *actor = json_string_or(body, "accountability.user", NULL);
    json_set_string(rest, "actor",
                    actor != NULL ? actor : json_string_or(body, "user", NULL));
    const char *origin = json_string_or(body, "accountability.origin", NULL);
    if (origin != NULL)
        json_set_string(rest, "origin", origin);
    return json_print(rest, NULL) + 1; // without its brace
}

static bool
add_event(struct job *job, const struct flow_delivery *delivery, const char *key,
          struct webhook_events *out)
{
    const char *parts[] = {"directus", delivery->unique, delivery->collection, key,
                           NULL};
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of(parts, id);

    struct json_object *names = json_object_in(job);
    json_set_string(names, "collection", delivery->collection);
    json_set_string(names, "key", key);
    size_t length;
    const char *head = json_print(names, &length);
    char *payload = job_printf(job, "%.*s,%s", (int)(length - 1), head, delivery->rest);
    const char *lane = lane_of(job, delivery, key);
    struct webhook_event ev = {
        .type = job_printf(job, "directus.%s.%s", delivery->collection,
                           delivery->operation),
        .id = id,
        .source = "directus",
        .key = lane,
        .subject = lane,
        .company = "",
        .time = delivery->time,
        .payload = payload,
        .payload_length = strlen(payload),
    };
    return webhook_add(job, out, &ev);
}

// A body that says who it is ({id, ts}, set by a step of the flow) has the same ids
// when it comes again. Without them every delivery is its own: flows never repeat one,
// and two writes of the same value look the same.
static void
identify(struct job *job, struct json_object *body, struct flow_delivery *delivery)
{
    const char *id = json_text_or(body, "id", NULL);
    struct json_object *at = json_at(body, "ts");
    char *unique = job_alloc(job, UUID_TEXT);
    uuid_random(unique);
    delivery->unique = id != NULL && at != NULL
                           ? job_printf(job, "%s %s", id, json_text_or(body, "ts", ""))
                           : unique;
    if (!json_object_is_type(at, json_type_int))
        return;
    int64_t ms = json_i64_or(body, "ts", 0);
    if (ms <= 0 || ms > INT64_C(32503680000000)) // the year 3000
        return;
    char *time = job_alloc(job, CLOCK_TEXT);
    clock_format(ms, time);
    delivery->time = time;
}

static bool
read_trigger(struct job *job, const struct flow *flow, struct json_object *body,
             struct flow_delivery *delivery)
{
    const char *name = json_string(job, body, "trigger.event");
    if (name == NULL)
        return false;
    const char *collection = json_string(job, body, "trigger.collection");
    if (collection == NULL)
        return false;
    const char *dot = strrchr(name, '.');
    if (dot == NULL || dot[1] == '\0')
        return error_permanent(&job->error,
                               "`trigger.event` is not <collection>.items.<what>");
    delivery->operation = dot + 1;
    delivery->rule = find_rule(flow, collection);
    delivery->collection =
        delivery->rule == NULL ? collection : delivery->rule->collection;
    struct json_object *payload = json_at(body, "trigger.payload");
    if (json_object_is_type(payload, json_type_object)) {
        // Who holds a signing link can sign: it does not go to Kafka.
        json_object_object_del(payload, "docuseal_embed_url");
        delivery->fields = payload;
    }
    delivery->parent = parent_lane(job, delivery->rule, delivery->fields);
    identify(job, body, delivery);
    return true;
}

static bool
flow_split(const void *state, struct job *job, const struct webhook_request *request,
           struct webhook_events *out)
{
    struct json_object *body =
        is_token(request) ? ingest_jwt_claims(job, request->body, request->body_length)
                          : json_parse(job, request->body, request->body_length);
    struct flow_delivery delivery = {.operation = ""};
    if (body == NULL || !read_trigger(job, state, body, &delivery))
        return false;

    struct json_object *keys = json_array_or_null(body, "trigger.keys");
    if (keys == NULL) {
        const char *key = key_text(job, body, "trigger.key");
        if (key == NULL)
            return error_permanent(&job->error,
                                   "neither `trigger.key` nor `trigger.keys` is there");
        delivery.rest = payload_rest(job, &delivery, body, 1);
        return add_event(job, &delivery, key, out);
    }
    size_t count = json_object_array_length(keys);
    delivery.rest = payload_rest(job, &delivery, body, count == 0 ? 1 : count);
    for (size_t i = 0; i < count; i++) {
        char index[24];
        snprintf(index, sizeof index, "%zu", i);
        const char *key = key_text(job, keys, index);
        if (key == NULL)
            return error_permanent(&job->error, "`trigger.keys.%zu` is not a key", i);
        if (!add_event(job, &delivery, key, out))
            return false;
    }
    return true;
}

const struct webhook ingest_flow = {
    .name = "directus",
    .path = "/events/directus",
    .topic = "directus.changes",
    .state_size = sizeof(struct flow),
    .settings = settings,
    .dialect = WEBHOOK_PLAIN_DIALECT,
    .ready = flow_ready,
    .verify = flow_verify,
    .split = flow_split,
};
