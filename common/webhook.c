#include "common/webhook.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"
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

// Attributes travel as headers and show up in logs: printable, and of a size that a
// header has.
static bool
fit_for_header(const char *text)
{
    enum { LONGEST = 256 };
    size_t length = 0;
    for (; text[length] != '\0'; length++)
        if ((unsigned char)text[length] < ' ' || text[length] == 0x7f
            || length == LONGEST)
            return false;
    return true;
}

static bool
check_attribute(struct job *job, const char *name, const char *value, bool required)
{
    if (value == NULL || value[0] == '\0')
        return !required || error_permanent(&job->error, "the event has no %s", name);
    if (!fit_for_header(value))
        return error_permanent(
            &job->error, "%s is longer than 256 bytes or has control characters", name);
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

// The parser lets raw control characters pass within strings, JSON does not: a text
// that has any (line ends between members as well) is printed anew.
static const char *
valid_json(struct job *job, const char *body, size_t *length)
{
    for (size_t i = 0; i < *length; i++)
        if ((unsigned char)body[i] < ' ') {
            struct json_object *parsed = json_parse(job, body, *length);
            return parsed == NULL ? body : json_print(parsed, length);
        }
    return body;
}

void
webhook_wrap(struct job *job, struct webhook_event *ev, const char *body, size_t length,
             const struct webhook_request *request, const char *const names[])
{
    struct json_object *headers = json_object_in(job);
    for (; *names != NULL; names++) {
        const char *value = webhook_header(request, *names);
        if (value != NULL && str_is_text(value, strlen(value)))
            json_set_string(headers, webhook_lower(job, *names), value);
    }
    struct json_object *rest = json_object_in(job);
    json_set_string(rest, "company", ev->company);
    json_set(rest, "headers", headers);

    // The provider's own text is spliced in: what a parser would do to large numbers or
    // repeated members must not happen here.
    static const char before[] = "{\"body\":";
    body = valid_json(job, body, &length);
    size_t rest_length;
    const char *behind = json_print(rest, &rest_length);
    size_t total = sizeof(before) - 1 + length + rest_length; // ',' takes the '{'
    char *payload = job_alloc(job, total + 1);
    char *at = payload;
    memcpy(at, before, sizeof(before) - 1);
    at += sizeof(before) - 1;
    memcpy(at, body, length);
    at += length;
    memcpy(at, behind, rest_length);
    *at = ',';
    ev->payload = payload;
    ev->payload_length = total;
}
