#include "common/dead_letter.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/lanes.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"

enum {
    SMALL_BYTES = 4 * 1024, // all that is short: key, where it came from, why, when
    HEADER_BYTES = 20,      // what a header costs beside its name and value
};

#define CUT "\n(cut: the record has no room for more)"

// Takes room for a header, if there is enough.
static bool
take(size_t *room, const char *name, size_t length)
{
    size_t bytes = HEADER_BYTES + strlen(name) + length;
    if (bytes > *room)
        return false;
    *room -= bytes;
    return true;
}

// Headers of the record that are not text are shown as what they were: a digest says
// little, so only their length. Those there is no room for are left out.
static void
keep_headers(struct job *job, struct json_object *headers, const struct record *record,
             size_t *room)
{
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *h = &record->headers[i];
        if (!str_is_text(h->name, strlen(h->name)) || str_starts(h->name, "x-dead-"))
            continue;
        const char *value = h->value;
        if (!str_is_text(h->value, h->length))
            value = job_printf(job, "(%zu bytes that are not text)", h->length);
        if (take(room, h->name, strlen(value)))
            json_set_string(headers, h->name, value);
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

// As much of a text as there is room for.
static void
set_fitting(struct job *job, struct json_object *headers, const char *name,
            const char *value, size_t *room)
{
    size_t length = value != NULL ? strlen(value) : 0;
    size_t costs = HEADER_BYTES + strlen(name) + sizeof CUT;
    if (length == 0 || *room < costs)
        return;
    if (length > *room - costs) {
        size_t fits = str_fit(value, length, *room - costs);
        value = job_printf(job, "%.*s" CUT, (int)fits, value);
    }
    if (take(room, name, strlen(value)))
        json_set_string(headers, name, value);
}

// The call that the error came from: a later failure of our own blames no service.
static void
set_call(struct job *job, struct json_object *headers, const struct dead_letter *letter,
         size_t *room)
{
    const struct http_blamed *blamed = letter->blamed;
    set_fitting(job, headers, "x-dead-calls", letter->calls, room);
    if (blamed == NULL || letter->error->service == NULL
        || strcmp(blamed->service, letter->error->service) != 0)
        return;
    set_fitting(job, headers, "x-dead-request", blamed->request, room);
    set_fitting(job, headers, "x-dead-response", blamed->response, room);
}

// How much of the payload there is room for.
static size_t
fit_payload(struct job *job, struct json_object *headers, const struct record *record,
            size_t *room)
{
    size_t length = record->payload_length < *room ? record->payload_length : *room;
    *room -= length;
    if (length < record->payload_length)
        set_text(headers, "x-dead-cut",
                 job_printf(job, "%zu of %zu bytes of the payload", length,
                            record->payload_length));
    return length;
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
    size_t room = letter->max_bytes > SMALL_BYTES ? letter->max_bytes - SMALL_BYTES : 0;
    keep_headers(job, headers, record, &room);
    size_t payload_length = fit_payload(job, headers, record, &room);
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
    set_call(job, headers, letter, &room);
    uuid_of((const char *[]){"dead", letter->worker, letter->seen, NULL}, id);
    settlement_out(job, &(struct settle_out){
                            .topic = job_printf(job, "%s.dead-letters", letter->worker),
                            .key = lane,
                            .id = id,
                            .headers = json_print(headers, NULL),
                            .payload = record->payload,
                            .payload_length = payload_length,
                        });
}
