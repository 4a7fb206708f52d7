#include "workers/capture/change.h"

#include <string.h>

#include "common/event.h"
#include "common/json.h"

static void
header(struct record_header *headers, size_t *count, const char *name,
       const char *value)
{
    headers[(*count)++] = (struct record_header){name, value, strlen(value)};
}

// A trace begins here. It is made of the event's id, so that a repeated event is in the
// same one.
static const char *
traceparent(struct job *job, const char *event_id)
{
    char hex[33];
    size_t length = 0;

    for (const char *at = event_id; *at != '\0' && length < 32; at++)
        if (*at != '-')
            hex[length++] = *at;
    hex[length] = '\0';
    if (length != 32)
        return NULL;
    return job_printf(job, "00-%s-%s-01", hex, hex + 16);
}

static void
write_headers(struct job *job, const struct capture_change *change,
              struct record *record)
{
    struct record_header *headers = job_alloc(job, CAPTURE_HEADERS * sizeof *headers);
    const char *trace = traceparent(job, change->event_id);
    size_t count = 0;

    header(headers, &count, "ce_specversion", "1.0");
    header(headers, &count, "ce_id", change->event_id);
    header(headers, &count, "ce_source", EVENT_SOURCE "/capture");
    header(headers, &count, "ce_type",
           job_printf(job, "directus.%s.%s", change->collection, change->op));
    header(headers, &count, "ce_subject", record->key);
    header(headers, &count, "ce_time", change->at);
    header(headers, &count, "content-type", "application/json");
    if (change->company[0] != '\0')
        header(headers, &count, "ce_company", change->company);
    if (change->seq >= 0)
        header(headers, &count, "ce_sequence",
               job_printf(job, "%lld", (long long)change->seq));
    if (trace != NULL)
        header(headers, &count, "traceparent", trace);
    record->headers = headers;
    record->header_count = count;
}

static const char *
or_null(const char *json)
{
    return json != NULL ? json : "null";
}

static struct json_object *
head(struct job *job, const struct capture_change *change)
{
    struct json_object *obj = json_object_in(job);

    json_set_string(obj, "collection", change->collection);
    json_set_string(obj, "key", change->item);
    json_set_string(obj, "actor", change->actor);
    if (change->seq >= 0)
        json_set_i64(obj, "seq", change->seq);
    json_set_string(obj, "company", change->company);
    if (change->hint)
        json_set_bool(obj, "hint", true);
    return obj;
}

// The rows are put in as Postgres printed them: parsing would turn decimals into
// doubles.
static void
write_payload(struct job *job, const struct capture_change *change,
              struct record *record)
{
    size_t length;
    const char *text = json_print(head(job, change), &length);

    if (!change->hint)
        text = job_printf(job, "%.*s,\"changed\":%s,\"old\":%s,\"new\":%s}",
                          (int)length - 1, text, or_null(change->changed),
                          or_null(change->old_row), or_null(change->new_row));
    record->payload = text;
    record->payload_length = strlen(text);
}

bool
capture_change_readable(const struct record *record)
{
    struct json_object *payload =
        json_parse_raw(record->payload, record->payload_length);
    bool readable = payload != NULL;
    json_drop(payload);
    return readable;
}

void
capture_change_record(struct job *job, const char *topic,
                      const struct capture_change *change, struct record *record)
{
    const char *key = change->root != NULL
                          ? change->root
                          : job_printf(job, "%s:%s", change->collection, change->item);

    *record = (struct record){
        .topic = topic, .key = key, .key_length = strlen(key), .offset = -1};
    write_headers(job, change, record);
    write_payload(job, change, record);
}
