#include "workers/ingest/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/str.h"

enum { TRACEPARENT_CHARS = 55, HEADERS_MAX = 10 };

static bool
is_traceparent(const char *text)
{
    if (text == NULL || strlen(text) != TRACEPARENT_CHARS
        || strspn(text, "0123456789abcdef-") != TRACEPARENT_CHARS)
        return false;
    return str_starts(text, "00-") && text[35] == '-' && text[52] == '-'
           && strspn(text + 3, "0") < 32 && strspn(text + 36, "0") < 16;
}

// The sender's trace, or a new one.
static const char *
trace_of(struct job *job, const struct webhook_request *request)
{
    enum { TRACE_BYTES = 16, SPAN_BYTES = 8 };
    unsigned char random[TRACE_BYTES + SPAN_BYTES];
    char hex[2 * sizeof random + 1];
    char *trace = job_alloc(job, TRACEPARENT_CHARS + 1);
    const char *given = webhook_header(request, "traceparent");
    if (is_traceparent(given))
        return job_strdup(job, given);

    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort(); // cannot happen below 256 bytes once the kernel has started
    hmac_hex(random, sizeof random, hex);
    snprintf(trace, TRACEPARENT_CHARS + 1, "00-%.32s-%.16s-01", hex,
             hex + 2 * TRACE_BYTES);
    return trace;
}

static void
add_header(struct record_header headers[HEADERS_MAX], size_t *count, const char *name,
           const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    headers[(*count)++] = (struct record_header){name, value, strlen(value)};
}

static struct record *
make_record(const struct ingest_source *source, const struct webhook_event *ev,
            const char *trace, const char *received)
{
    struct record_header headers[HEADERS_MAX];
    size_t count = 0;
    add_header(headers, &count, "ce_specversion", "1.0");
    add_header(headers, &count, "ce_id", ev->id);
    add_header(headers, &count, "ce_source", ev->source);
    add_header(headers, &count, "ce_type", ev->type);
    add_header(headers, &count, "ce_subject", ev->subject);
    add_header(headers, &count, "ce_time", ev->time == NULL ? received : ev->time);
    add_header(headers, &count, "ce_company", ev->company);
    add_header(headers, &count, "traceparent", trace);
    add_header(headers, &count, "content-type", "application/json");
    struct record record = {
        .topic = source->topic,
        .partition = -1,
        .offset = -1,
        .key = ev->key,
        .key_length = strlen(ev->key),
        .payload = ev->payload,
        .payload_length = ev->payload_length,
        .headers = headers,
        .header_count = count,
    };
    return record_copy(&record);
}

static void
make_records(struct job *job, struct ingest_source *source,
             const struct webhook_request *request, const struct webhook_events *events,
             struct ingest_judgement *judgement)
{
    char received[CLOCK_TEXT];
    const char *trace = trace_of(job, request);
    clock_format(request->now_ms, received);
    judgement->records = job_alloc(job, (events->count + 1) * sizeof(struct record *));
    for (const struct webhook_event *ev = events->first; ev != NULL; ev = ev->next)
        judgement->records[judgement->count++] =
            make_record(source, ev, trace, received);
    if (events->first == NULL)
        return;
    judgement->type = events->first->type;
    judgement->id = events->first->id;
}

void
ingest_judge(struct job *job, struct ingest_source *source,
             const struct webhook_request *request, struct ingest_judgement *judgement)
{
    const struct webhook *webhook = source->webhook;
    const void *state = atomic_load(&source->state);
    struct webhook_events events = {.first = NULL};

    *judgement = (struct ingest_judgement){.status = 0};
    judgement->reason = webhook->verify(state, job, request);
    if (judgement->reason != NULL) {
        judgement->status = webhook->dialect.refused;
        judgement->detail = "The signature or secret is missing, wrong or too old.";
        return;
    }
    if (webhook->split(state, job, request, &events)) {
        make_records(job, source, request, &events, judgement);
        return;
    }
    bool large = job->error.http_status == 413;
    judgement->status = large ? webhook->dialect.too_large : webhook->dialect.malformed;
    judgement->reason = large ? "too-large" : "malformed";
    judgement->text = job->error.text;
    judgement->detail = job->error.text;
}
