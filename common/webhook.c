#include "common/webhook.h"

#include <string.h>
#include <strings.h>

#include "common/str.h"

static const char *
value_of(const struct http_header *list, const char *name, bool any_case)
{
    for (; list != NULL && list->name != NULL; list++) {
        int differs =
            any_case ? strcasecmp(list->name, name) : strcmp(list->name, name);
        if (differs == 0)
            return list->value == NULL ? "" : list->value;
    }
    return NULL;
}

const char *
webhook_header(const struct webhook_request *request, const char *name)
{
    return value_of(request->headers, name, true);
}

const char *
webhook_query(const struct webhook_request *request, const char *name)
{
    return value_of(request->query, name, false);
}

const char *
webhook_either(const struct webhook_request *request, const char *header,
               const char *parameter)
{
    const char *first = webhook_header(request, header);
    const char *second = webhook_query(request, parameter);
    if (first == NULL || second == NULL)
        return first != NULL ? first : second != NULL ? second : "";
    return strcmp(first, second) == 0 ? first : NULL;
}

bool
webhook_word(const char *text)
{
    enum { LONGEST = 100 };
    size_t length = 0;
    if (text == NULL)
        return false;
    for (; text[length] != '\0'; length++)
        if (text[length] <= ' ' || text[length] >= 0x7f || length == LONGEST)
            return false;
    return length > 0;
}

// Attributes travel as headers and show up in logs: printable text, and of a size that
// a header has.
static bool
fit_for_header(const char *text)
{
    enum { LONGEST = 256 };
    size_t length = 0;
    for (; text[length] != '\0'; length++)
        if ((unsigned char)text[length] < ' ' || text[length] == 0x7f
            || length == LONGEST)
            return false;
    return str_is_text(text, length);
}

static bool
check_attribute(struct job *job, const char *name, const char *value, bool required)
{
    if (value == NULL || value[0] == '\0')
        return !required || error_permanent(&job->error, "the event has no %s", name);
    if (!fit_for_header(value))
        return error_permanent(
            &job->error,
            "%s is longer than 256 bytes, has control characters or is no UTF-8", name);
    return true;
}

static bool
check_type(struct job *job, const char *type)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (!check_attribute(job, "type", type, true))
        return false;
    if (type[strspn(type, letters)] != '\0')
        return error_permanent(&job->error, "the event's name may only have letters, "
                                            "digits, dots, dashes and underscores");
    return true;
}

static bool
over_limit(struct job *job, const char *what)
{
    error_permanent(&job->error, "the delivery holds too many %s", what);
    job->error.http_status = 413;
    return false;
}

bool
webhook_add(struct job *job, struct webhook_events *events,
            const struct webhook_event *event)
{
    if (!check_type(job, event->type) || !check_attribute(job, "id", event->id, true)
        || !check_attribute(job, "source", event->source, true)
        || !check_attribute(job, "key", event->key, true)
        || !check_attribute(job, "subject", event->subject, false)
        || !check_attribute(job, "company", event->company, false)
        || !check_attribute(job, "time", event->time, false))
        return false;
    if (events->count == WEBHOOK_EVENTS_MAX)
        return over_limit(job, "events");
    if (event->payload_length > WEBHOOK_BYTES_MAX - events->bytes)
        return over_limit(job, "bytes");

    struct webhook_event *copy = job_alloc(job, sizeof(*copy));
    *copy = *event;
    copy->next = NULL;
    if (events->last == NULL)
        events->first = copy;
    else
        events->last->next = copy;
    events->last = copy;
    events->count++;
    events->bytes += event->payload_length;
    return true;
}

char *
webhook_lower(struct job *job, const char *text)
{
    char *lower = job_strdup(job, text);
    for (char *at = lower; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char)(*at - 'A' + 'a');
    return lower;
}

static char *
put_bytes(char *at, const char *bytes, size_t length)
{
    memcpy(at, bytes, length);
    return at + length;
}

// Text as a JSON string, quotes included; at most six times as long, and two.
static char *
put_string(char *at, const char *text)
{
    static const char digits[] = "0123456789abcdef";
    *at++ = '"';
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\') {
            *at++ = '\\';
            *at++ = *text;
        } else if (c >= ' ') {
            *at++ = *text;
        } else {
            at = put_bytes(at, "\\u00", 4);
            *at++ = digits[c >> 4];
            *at++ = digits[c & 15];
        }
    }
    *at++ = '"';
    return at;
}

// The headers' values of those names that are there and are text.
static size_t
kept_headers(const struct webhook_request *request, const char *const names[],
             struct http_header *kept)
{
    size_t count = 0;
    for (; *names != NULL; names++) {
        const char *value = webhook_header(request, *names);
        if (value != NULL && str_is_text(value, strlen(value)))
            kept[count++] = (struct http_header){*names, value};
    }
    return count;
}

void
webhook_wrap(struct job *job, struct webhook_event *ev, const char *body, size_t length,
             const struct webhook_request *request, const char *const names[])
{
    // The provider's own text is spliced in: what a parser would do to large numbers or
    // repeated members must not happen here.
    static const char open[] = "{\"body\":";
    static const char company[] = ",\"company\":";
    static const char headers[] = ",\"headers\":{";
    enum { SYNTAX = 64, LONGER = 6, EACH = 8 };
    size_t name_count = 0;
    while (names[name_count] != NULL)
        name_count++;
    struct http_header *kept = job_alloc(job, name_count * sizeof *kept);
    size_t count = kept_headers(request, names, kept);
    size_t room = SYNTAX + length + LONGER * strlen(ev->company);
    for (size_t i = 0; i < count; i++)
        room += LONGER * (strlen(kept[i].name) + strlen(kept[i].value)) + EACH;

    char *payload = job_alloc(job, room);
    char *at = put_bytes(payload, open, sizeof open - 1);
    at = put_bytes(at, body, length);
    at = put_bytes(at, company, sizeof company - 1);
    at = put_string(at, ev->company);
    at = put_bytes(at, headers, sizeof headers - 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            *at++ = ',';
        at = put_string(at, webhook_lower(job, kept[i].name));
        *at++ = ':';
        at = put_string(at, kept[i].value);
    }
    at = put_bytes(at, "}}", 2);
    ev->payload = payload;
    ev->payload_length = (size_t)(at - payload);
}
