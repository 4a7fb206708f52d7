#include "common/dead_letter.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/lanes.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"

// A broker takes about a million bytes; beside a payload that large the rest must stay
// small.
enum { LARGE_PAYLOAD_BYTES = 900 * 1000 };

// Headers of the record that are not text are shown as what they were: a digest says
// little, so only their length.
static void
keep_headers(struct job *job, struct json_object *headers, const struct record *record)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *h = &record->headers[i];
        if (!str_is_text(h->name, strlen(h->name)) || str_starts(h->name, "x-dead-"))
            continue;
        if (str_is_text(h->value, h->length))
            json_set_string(headers, h->name, h->value);
        else
            json_set_string(
                headers, h->name,
                job_printf(job, "(%zu bytes that are not text)", h->length));
    }
}

static void
set_text(struct json_object *headers, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_set_string(headers, name, value);
}

static void
set_number(struct job *job, struct json_object *headers, const char *name,
           int64_t value)
{
    json_set_string(headers, name, job_printf(job, "%" PRId64, value));
}

// The call that the error came from: a later failure of our own blames no service.
static void
set_call(struct json_object *headers, const struct dead_letter *letter)
{
    const struct http_blamed *blamed = letter->blamed;
    if (blamed == NULL || letter->error->service == NULL
        || strcmp(blamed->service, letter->error->service) != 0
        || letter->record->payload_length > LARGE_PAYLOAD_BYTES)
        return;
    set_text(headers, "x-dead-request", blamed->request);
    set_text(headers, "x-dead-response", blamed->response);
}

void
dead_letter_add(struct job *job, const struct dead_letter *letter)
{
    const struct record *record = letter->record;
    const struct error *error = letter->error;
    struct json_object *headers = json_object_in(job);
    char at[CLOCK_TEXT];
    char id[UUID_TEXT];
    char lane[LANE_NAME];
    clock_format(clock_wall_ms(), at);
    item_lane_name(record, lane);
    keep_headers(job, headers, record);
    set_text(headers, "x-dead-topic", record->topic);
    set_number(job, headers, "x-dead-partition", record->partition);
    set_number(job, headers, "x-dead-offset", record->offset);
    set_text(headers, "x-dead-key", lane);
    set_text(headers, "x-dead-error", error->text);
    set_text(headers, "x-dead-kind", error_kind_name(error->kind));
    set_text(headers, "x-dead-rule", error->rule);
    set_text(headers, "x-dead-hint", error->hint);
    set_text(headers, "x-dead-service", error->service);
    if (error->http_status > 0)
        set_number(job, headers, "x-dead-status", error->http_status);
    set_number(job, headers, "x-dead-attempts", letter->attempts);
    set_text(headers, "x-dead-at", at);
    set_text(headers, "x-dead-calls", letter->calls);
    set_call(headers, letter);
    uuid_of((const char *[]){"dead", letter->worker, letter->seen, NULL}, id);
    settlement_out(job, &(struct settle_out){
                            .topic = job_printf(job, "%s.dead-letters", letter->worker),
                            .key = lane,
                            .id = id,
                            .headers = json_print(headers, NULL),
                            .payload = record->payload,
                            .payload_length = record->payload_length,
                        });
}
