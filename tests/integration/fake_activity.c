#include "tests/integration/fake_activity.h"

#include "tests/harness/test.h"

#include <json-c/json.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/str.h"

enum { ENTRIES = 4096, ROWS = 64 };

struct entry {
    int64_t id;
    const char *action, *collection;
    char item[40];
    char at[CLOCK_TEXT];
};

struct row {
    const char *collection, *json;
};

struct fake_activity {
    struct MHD_Daemon *daemon;
    int port;
    char authorization[100];
    pthread_mutex_t lock;
    struct entry entries[ENTRIES]; // in order of id
    size_t count;
    struct row rows[ROWS];
    size_t row_count;
    bool failing;
    int requests;
};

// The bounds that a filter sets; what it says of collections and actions is left to the
// tests, which write nothing else.
struct bounds {
    int64_t above, to;
    const char *since;
    size_t limit;
};

static void
read_condition(struct json_object *condition, struct bounds *bounds)
{
    struct json_object *id;
    struct json_object *at;
    struct json_object *value;

    if (json_object_object_get_ex(condition, "id", &id)) {
        if (json_object_object_get_ex(id, "_gt", &value))
            bounds->above = json_object_get_int64(value);
        if (json_object_object_get_ex(id, "_lte", &value))
            bounds->to = json_object_get_int64(value);
    }
    if (json_object_object_get_ex(condition, "timestamp", &at)
        && json_object_object_get_ex(at, "_gte", &value))
        bounds->since = json_object_get_string(value);
}

static void
print_entry(struct str *out, const struct entry *entry)
{
    str_printf(out,
               "%s{\"id\":%lld,\"action\":\"%s\",\"collection\":\"%s\",\"item\":\"%s\","
               "\"timestamp\":\"%s\",\"user\":null}",
               out->data[out->length - 1] == '[' ? "" : ",", (long long)entry->id,
               entry->action, entry->collection, entry->item, entry->at);
}

static bool
within(const struct entry *entry, const struct bounds *bounds)
{
    return entry->id > bounds->above && entry->id <= bounds->to
           && strcmp(entry->at, bounds->since) >= 0;
}

static void
answer_activity(struct fake_activity *fake, struct MHD_Connection *connection,
                struct str *out)
{
    const char *filter =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "filter");
    const char *limit =
        MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, "limit");
    struct bounds bounds = {
        .to = INT64_MAX, .since = "", .limit = strtoul(limit, NULL, 10)};
    struct json_object *parsed = filter != NULL ? json_tokener_parse(filter) : NULL;
    struct json_object *all;

    if (filter == NULL) { // the newest
        if (fake->count > 0)
            print_entry(out, &fake->entries[fake->count - 1]);
        return;
    }
    if (json_object_object_get_ex(parsed, "_and", &all))
        for (size_t i = 0; i < json_object_array_length(all); i++)
            read_condition(json_object_array_get_idx(all, i), &bounds);
    for (size_t i = 0; i < fake->count && bounds.limit > 0; i++)
        if (within(&fake->entries[i], &bounds)) {
            print_entry(out, &fake->entries[i]);
            bounds.limit--;
        }
    json_object_put(parsed);
}

static void
answer_items(struct fake_activity *fake, struct MHD_Connection *connection,
             const char *collection, struct str *out)
{
    const char *ids = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND,
                                                  "filter[id][_in]");
    for (size_t i = 0; i < fake->row_count; i++) {
        struct json_object *row = json_tokener_parse(fake->rows[i].json);
        const char *id = json_object_get_string(json_object_object_get(row, "id"));
        if (strcmp(fake->rows[i].collection, collection) == 0
            && strstr(ids, id) != NULL)
            str_printf(out, "%s%s", out->data[out->length - 1] == '[' ? "" : ",",
                       fake->rows[i].json);
        json_object_put(row);
    }
}

static unsigned
answer(struct fake_activity *fake, struct MHD_Connection *connection, const char *url,
       struct str *out)
{
    const char *authorization =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Authorization");

    fake->requests++;
    if (fake->failing)
        return 503;
    if (authorization == NULL || strcmp(authorization, fake->authorization) != 0)
        return 401;
    str_puts(out, "{\"data\":[");
    if (strcmp(url, "/activity") == 0)
        answer_activity(fake, connection, out);
    else if (str_starts(url, "/items/"))
        answer_items(fake, connection, url + strlen("/items/"), out);
    str_puts(out, "]}");
    return 200;
}

// NOLINTBEGIN(readability-function-size,readability-non-const-parameter): MHD's type
static enum MHD_Result
handle(void *owner, struct MHD_Connection *connection, const char *url,
       const char *method, const char *version, const char *upload, size_t *length,
       void **seen)
{
    struct fake_activity *fake = owner;
    struct str out;

    (void)method, (void)version, (void)upload, (void)length, (void)seen;
    str_begin(&out, 4 * 1024 * 1024);
    pthread_mutex_lock(&fake->lock);
    unsigned status = answer(fake, connection, url, &out);
    pthread_mutex_unlock(&fake->lock);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(out.length, out.data, MHD_RESPMEM_MUST_COPY);
    enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    str_end(&out);
    return queued;
}
// NOLINTEND(readability-function-size,readability-non-const-parameter)

struct fake_activity *
fake_activity_start(const char *token)
{
    struct fake_activity *fake = str_calloc(1, sizeof *fake);

    pthread_mutex_init(&fake->lock, NULL);
    snprintf(fake->authorization, sizeof fake->authorization, "Bearer %s", token);
    fake->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL,
                                    handle, fake, MHD_OPTION_END);
    assert_non_null(fake->daemon);
    fake->port = MHD_get_daemon_info(fake->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return fake;
}

void
fake_activity_stop(struct fake_activity *fake)
{
    MHD_stop_daemon(fake->daemon);
    free(fake);
}

void
fake_activity_url(const struct fake_activity *fake, char *out, int size)
{
    snprintf(out, (size_t)size, "http://127.0.0.1:%d", fake->port);
}

void
fake_activity_add(struct fake_activity *fake, int64_t id, const char *action,
                  const char *collection, const char *item)
{
    struct entry entry = {.id = id, .action = action, .collection = collection};

    (void)str_copy(entry.item, sizeof entry.item, item);
    clock_format(INT64_C(1790000000000) + id * 1000, entry.at);
    pthread_mutex_lock(&fake->lock);
    assert_true(fake->count < ENTRIES);
    size_t at = fake->count++;
    for (; at > 0 && fake->entries[at - 1].id > id; at--)
        fake->entries[at] = fake->entries[at - 1];
    fake->entries[at] = entry;
    pthread_mutex_unlock(&fake->lock);
}

void
fake_activity_row(struct fake_activity *fake, const char *collection, const char *row)
{
    pthread_mutex_lock(&fake->lock);
    assert_true(fake->row_count < ROWS);
    fake->rows[fake->row_count++] = (struct row){collection, row};
    pthread_mutex_unlock(&fake->lock);
}

void
fake_activity_fail(struct fake_activity *fake, bool fail)
{
    pthread_mutex_lock(&fake->lock);
    fake->failing = fail;
    pthread_mutex_unlock(&fake->lock);
}

int
fake_activity_requests(struct fake_activity *fake)
{
    pthread_mutex_lock(&fake->lock);
    int requests = fake->requests;
    pthread_mutex_unlock(&fake->lock);
    return requests;
}
