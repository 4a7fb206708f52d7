#include "common/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"

enum { ATTRIBUTE_BYTES = 256, KEY_BYTES = 512 };

#define STRUCTURED "application/cloudevents+json"
#define CLOUDEVENTS "application/cloudevents"

// One attribute: its header in binary mode, its member in structured mode is the name
// without "ce_".
struct attribute {
    const char *name;
    bool required;
    size_t offset; // of a const char * in struct event
    const char *absent;
};

static const struct attribute attributes[] = {
    {"ce_id", true, offsetof(struct event, id), NULL},
    {"ce_source", true, offsetof(struct event, source), NULL},
    {"ce_type", true, offsetof(struct event, type), NULL},
    {"ce_subject", false, offsetof(struct event, subject), ""},
    {"ce_time", false, offsetof(struct event, time), ""},
    {"ce_originalid", false, offsetof(struct event, original_id), NULL},
    {"traceparent", false, offsetof(struct event, traceparent), ""},
    {"ce_company", false, offsetof(struct event, company), ""},
    {0},
};

static bool
is_structured(const struct record *record)
{
    const char *type = record_header(record, "content-type");
    return type != NULL && strncasecmp(type, STRUCTURED, strlen(STRUCTURED)) == 0;
}

// Kept as plain: it says nothing that an event says.
static bool
is_plain(const struct record *record)
{
    return record_header(record, "ce_id") == NULL
           && record_header(record, "ce_type") == NULL && !is_structured(record);
}

static const char *
member_name(const char *attribute)
{
    return str_starts(attribute, "ce_") ? attribute + strlen("ce_") : attribute;
}

// Where the attributes are read from: the headers, or the envelope if it is not NULL.
struct source {
    const struct record *record;
    struct json_object *envelope;
};

// A header's or member's text, NULL if absent. False: there is one, but it is no text.
static bool
read_attribute(const struct source *from, const char *name, const char **value)
{
    *value = NULL;
    if (from->envelope != NULL) {
        struct json_object *member = json_at(from->envelope, member_name(name));
        *value = json_text_or(from->envelope, member_name(name), NULL);
        return member == NULL || *value != NULL;
    }
    for (size_t i = 0; i < from->record->header_count; i++) {
        const struct record_header *header = &from->record->headers[i];
        if (strcmp(header->name, name) != 0)
            continue;
        *value = header->value;
        return header->value == NULL || strlen(header->value) == header->length;
    }
    return true;
}

static bool
is_printable(const char *text, size_t max)
{
    size_t length = strlen(text);
    if (length > max || !str_is_text(text, length))
        return false;
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            return false;
    return true;
}

static bool
take_attribute(struct job *job, const struct source *from,
               const struct attribute *attribute, struct event *ev)
{
    const char *name = attribute->name;
    const char *shown = from->envelope != NULL ? member_name(name) : name;
    const char *value = NULL;
    bool is_text = read_attribute(from, name, &value);

    if (!is_text || (value != NULL && !is_printable(value, ATTRIBUTE_BYTES)))
        return error_permanent(&job->error,
                               "not an event: `%s` is not printable text of at most %d "
                               "bytes",
                               shown, ATTRIBUTE_BYTES);
    if (attribute->required && (value == NULL || value[0] == '\0'))
        return error_permanent(&job->error, "not an event: `%s` is missing", shown);
    const char **place = (const char **)(void *)((char *)ev + attribute->offset);
    bool given = value != NULL && value[0] != '\0';
    *place = given ? job_strdup(job, value) : attribute->absent;
    return true;
}

static bool
is_traceparent(const char *text)
{
    static const char form[] =
        "hh-hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh-hhhhhhhhhhhhhhhh-hh";
    if (strlen(text) != strlen(form) || str_starts(text, "ff"))
        return false;
    for (size_t i = 0; form[i] != '\0'; i++)
        if (form[i] == 'h' ? strchr("0123456789abcdef", text[i]) == NULL
                           : text[i] != form[i])
            return false;
    // All zeros mean "none".
    return strspn(text + 3, "0") < 32 && strspn(text + 36, "0") < 16;
}

static bool
take_sequence(struct job *job, const struct source *from, struct event *ev)
{
    const char *sequence = NULL;
    long long number = -1;
    if (!read_attribute(from, "ce_sequence", &sequence)
        || (sequence != NULL && (!str_to_i64(sequence, &number) || number < 0)))
        return error_permanent(&job->error, "not an event: `%s` is not a number",
                               from->envelope ? "sequence" : "ce_sequence");
    ev->sequence = number;
    return true;
}

// Nothing hangs on these: what cannot be read is as good as absent.
static void
take_hints(const struct source *from, struct event *ev)
{
    const char *ahead = NULL;
    long long ahead_ms = 0;
    int64_t time_ms = 0;
    if (!clock_parse(ev->time, &time_ms))
        ev->time = "";
    if (!is_traceparent(ev->traceparent))
        ev->traceparent = "";
    if (read_attribute(from, "ce_aheadms", &ahead) && ahead != NULL
        && str_to_i64(ahead, &ahead_ms) && ahead_ms > 0)
        ev->ahead_ms = ahead_ms;
}

static bool
take_attributes(struct job *job, const struct source *from, struct event *ev)
{
    const char *version = NULL;

    for (const struct attribute *row = attributes; row->name != NULL; row++)
        if (!take_attribute(job, from, row, ev))
            return false;
    if (!read_attribute(from, "ce_specversion", &version)
        || (version != NULL && strcmp(version, "1.0") != 0))
        return error_permanent(&job->error, "not an event: `%s` is not 1.0",
                               from->envelope ? "specversion" : "ce_specversion");
    if (!take_sequence(job, from, ev))
        return false;
    take_hints(from, ev);
    return true;
}

static bool
take_data(struct job *job, struct json_object *data, struct event *ev)
{
    if (!json_object_is_type(data, json_type_object))
        return error_permanent(&job->error, "the payload is not a JSON object");
    ev->data = data;
    const char *company = json_string_or(data, "company", "");
    if (ev->company[0] == '\0' && is_printable(company, ATTRIBUTE_BYTES))
        ev->company = company;
    return true;
}

static bool
decode_binary(struct job *job, const struct record *record, struct event *ev)
{
    if (!take_attributes(job, &(struct source){.record = record}, ev))
        return false;
    if (record->payload == NULL || record->payload_length == 0)
        return take_data(job, json_object_in(job), ev);
    struct json_object *data = json_parse(job, record->payload, record->payload_length);
    return data != NULL && take_data(job, data, ev);
}

static bool
decode_structured(struct job *job, const struct record *record, struct event *ev)
{
    struct source from = {.record = record};
    from.envelope = json_parse(job, record->payload, record->payload_length);
    if (from.envelope == NULL)
        return false;
    if (!json_object_is_type(from.envelope, json_type_object))
        return error_permanent(&job->error, "not an event: no JSON object");
    if (!take_attributes(job, &from, ev))
        return false;
    if (json_at(from.envelope, "data_base64") != NULL)
        return error_permanent(&job->error, "`data_base64` is not read: send `data`");
    struct json_object *data = json_at(from.envelope, "data");
    return take_data(job, data != NULL ? data : json_object_in(job), ev);
}

static bool
decode_plain(struct job *job, const struct record *record, struct event *ev)
{
    ev->id = job_printf(job, "%s/%" PRId32 "/%" PRId64, record->topic,
                        record->partition, record->offset);
    ev->source = "kafka";
    ev->type = "plain";
    ev->subject = ev->time = ev->traceparent = ev->company = "";
    ev->data = json_object_in(job);
    return true;
}

bool
event_decode(struct job *job, const struct record *record, bool plain, struct event *ev)
{
    *ev = (struct event){.record = record, .sequence = -1, .key = ""};
    const char *type = record_header(record, "content-type");

    if (record->key != NULL && record->key_length > 0) {
        ev->key = job_memdup(job, record->key, record->key_length);
        if (strlen(ev->key) != record->key_length || !is_printable(ev->key, KEY_BYTES))
            return error_permanent(&job->error,
                                   "the record's key is not printable text of at most "
                                   "%d bytes",
                                   KEY_BYTES);
    }
    if (plain && is_plain(record))
        return decode_plain(job, record, ev);
    if (is_structured(record))
        return decode_structured(job, record, ev);
    if (type != NULL && str_starts(type, CLOUDEVENTS))
        return error_permanent(&job->error, "content-type %s is not read: send %s",
                               type, STRUCTURED);
    return decode_binary(job, record, ev);
}

static bool
is_ours(const char *source)
{
    return strcmp(source, EVENT_SOURCE) == 0 || str_starts(source, EVENT_SOURCE "/");
}

static bool
write_seen_key(const char *source, const char *id, char out[EVENT_SEEN])
{
    if (source == NULL || id == NULL || !is_printable(source, ATTRIBUTE_BYTES)
        || !is_printable(id, ATTRIBUTE_BYTES) || source[0] == '\0' || id[0] == '\0')
        return false;
    if (is_ours(source))
        return str_copy(out, EVENT_SEEN, id);

    char both[2 * ATTRIBUTE_BYTES + 2];
    snprintf(both, sizeof both, "%s %s", source, id);
    if (str_copy(out, EVENT_SEEN, both))
        return true;
    // Too long to be kept as it is, and cut it could be mistaken for another.
    char hex[HMAC_HEX];
    hmac_digest(both, strlen(both), hex);
    snprintf(out, EVENT_SEEN, "sha256 %s", hex);
    return true;
}

bool
event_seen_key(const struct record *record, bool plain, char out[EVENT_SEEN])
{
    if (plain && is_plain(record)) {
        char id[ATTRIBUTE_BYTES + 64];
        snprintf(id, sizeof id, "%s/%" PRId32 "/%" PRId64, record->topic,
                 record->partition, record->offset);
        return write_seen_key("kafka", id, out);
    }
    struct source from = {.record = record};
    const char *source = NULL;
    const char *id = NULL;
    if (is_structured(record)) {
        from.envelope = json_parse_raw(record->payload, record->payload_length);
        if (from.envelope == NULL)
            return false;
    }
    bool known = read_attribute(&from, "ce_source", &source)
                 && read_attribute(&from, "ce_id", &id)
                 && write_seen_key(source, id, out);
    json_drop(from.envelope);
    return known;
}

const char *
event_identity(const struct event *ev)
{
    return ev->original_id != NULL ? ev->original_id : ev->id;
}
