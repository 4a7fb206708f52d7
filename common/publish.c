#include "common/publish.h"

#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"

enum { TRACEPARENT = 56 };

#define FACTS_TOPIC "journey.facts"
#define NO_PROGRAM "cli"

// Writes the first `digits` hex digits of a random number, which is not 0.
static void
random_hex(char *out, int digits)
{
    char uuid[UUID_TEXT];
    uuid_random(uuid);
    for (const char *c = uuid; digits > 0; c++)
        if (*c != '-') {
            *out++ = *c;
            digits--;
        }
    *out = '\0';
}

// A span of its own in the trace of the event being handled, or in a new trace.
static void
make_traceparent(const struct job *job, char out[TRACEPARENT])
{
    const char *parent = job->event != NULL ? job->event->traceparent : NULL;
    char trace[33];
    char span[17];
    const char *flags = "01";

    random_hex(span, 16);
    if (parent == NULL || parent[0] == '\0') {
        random_hex(trace, 32);
    } else {
        memcpy(trace, parent + 3, 32);
        trace[32] = '\0';
        flags = parent + 53;
    }
    snprintf(out, TRACEPARENT, "00-%s-%s-%.2s", trace, span, flags);
}

static const char *
our_source(struct job *job)
{
    const char *program = job->program != NULL ? job->program : NO_PROGRAM;
    return job_printf(job, EVENT_SOURCE "/%s", program);
}

static const char *
id_of(struct job *job, const char *first, const char *second, const char *third)
{
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){first, second, third, NULL}, id);
    return id;
}

static void
set_given(struct json_object *headers, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        json_set_string(headers, name, value);
}

static struct settle_out
row_of(struct job *job, const struct publish_raw *raw)
{
    char now[CLOCK_TEXT];
    char trace[TRACEPARENT];
    clock_format(clock_wall_ms(), now);
    make_traceparent(job, trace);

    struct json_object *headers = json_object_in(job);
    json_set_string(headers, "ce_specversion", "1.0");
    json_set_string(headers, "ce_id", raw->id);
    json_set_string(headers, "ce_source", raw->source);
    json_set_string(headers, "ce_type", raw->type);
    set_given(headers, "ce_subject", raw->subject);
    json_set_string(headers, "ce_time", raw->time != NULL ? raw->time : now);
    set_given(headers, "ce_sequence", raw->sequence);
    set_given(headers, "ce_originalid", raw->original_id);
    set_given(headers, "ce_company", raw->company);
    // Whoever follows is not earlier than this, by a clock that may be a moment behind.
    if (job->ahead_ms > 0)
        json_set_string(headers, "ce_aheadms",
                        job_printf(job, "%lld", (long long)job->ahead_ms));
    json_set_string(headers, "traceparent",
                    raw->traceparent != NULL ? raw->traceparent : trace);
    json_set_string(headers, "content-type", "application/json");
    return (struct settle_out){
        .topic = raw->topic,
        .key = raw->key,
        .id = raw->id,
        .headers = json_print(headers, NULL),
        .payload = raw->payload,
        .payload_length = raw->payload_length,
    };
}

void
publish_raw(struct job *job, const struct publish_raw *raw)
{
    const struct settle_out row = row_of(job, raw);
    settlement_out(job, &row);
}

// Makes data the payload; *raw has all the rest but the company.
static void
take_data(struct job *job, struct publish_raw *raw, struct json_object *data)
{
    raw->company = json_string_or(data, "company", "");
    raw->payload = json_print(data, &raw->payload_length);
    raw->source = our_source(job);
}

static void
publish_data(struct job *job, struct publish_raw *raw, struct json_object *data)
{
    take_data(job, raw, data);
    publish_raw(job, raw);
}

const char *
publish_fact_id(struct job *job, const char *type, const char *root,
                const char *occurrence)
{
    return id_of(job, root, type, occurrence);
}

const char *
publish_fact(struct job *job, const char *type, const char *root,
             const char *occurrence, struct json_object *data)
{
    struct publish_raw raw = {
        .topic = FACTS_TOPIC,
        .key = root,
        .id = publish_fact_id(job, type, root, occurrence),
        .type = type,
        .subject = root,
    };
    publish_data(job, &raw, data);
    return raw.id;
}

static const char *
commands_topic(struct job *job, const char *type)
{
    return job_printf(job, "%.*s.commands", (int)strcspn(type, "."), type);
}

const char *
publish_command(struct job *job, const struct publish_command *command)
{
    const char *step = command->step != NULL ? command->step : "";
    struct publish_raw raw = {
        .topic = commands_topic(job, command->type),
        .key = command->key,
        .id = id_of(job, command->cause, command->type, step),
        .type = command->type,
        .subject = command->subject,
    };
    publish_data(job, &raw, command->data);
    return raw.id;
}

// Its id is its own: a timer that is set to the same instant again is another command.
void
publish_later(struct job *job, const struct publish_later *later)
{
    char random[UUID_TEXT];
    char due[CLOCK_TEXT];
    uuid_random(random);
    clock_format(later->due_ms, due);
    struct publish_raw raw = {
        .topic = commands_topic(job, later->type),
        .key = later->root,
        .id = random,
        .type = later->type,
        .subject = later->root,
        .time = due,
    };
    take_data(job, &raw, later->data);
    settlement_timer(job, &(struct settle_timer){.entity = later->entity,
                                                 .name = later->type,
                                                 .due_ms = later->due_ms,
                                                 .out = row_of(job, &raw)});
}

void
publish_never(struct job *job, const char *entity, const char *type)
{
    settlement_timer(job, &(struct settle_timer){.entity = entity, .name = type});
}

void
publish_observed(struct job *job, const struct publish_observed *observed)
{
    char random[UUID_TEXT];
    uuid_random(random);
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company",
                    observed->company != NULL ? observed->company : "");
    json_set_string(data, "remote_id", observed->remote_id);
    json_set_string(data, "root", observed->root != NULL ? observed->root : "");
    json_set_string(data, "why", observed->why != NULL ? observed->why : "");
    struct publish_raw raw = {
        .topic = commands_topic(job, observed->type),
        .key = observed->key,
        .id = observed->id != NULL ? observed->id : random,
        .type = observed->type,
        .subject = observed->root,
    };
    publish_data(job, &raw, data);
}

void
publish_rekeyed(struct job *job, const struct event *ev, const char *key,
                const char *subject)
{
    const char *identity = event_identity(ev);
    struct publish_raw raw = {
        .topic = ev->record->topic,
        .key = key,
        .id = id_of(job, identity, key, NULL),
        .source = ev->source,
        .type = ev->type,
        .subject = subject,
        .company = ev->company,
        .time = ev->time[0] != '\0' ? ev->time : NULL,
        .original_id = identity,
    };
    if (ev->sequence >= 0)
        raw.sequence = job_printf(job, "%lld", (long long)ev->sequence);
    raw.payload = json_print(ev->data, &raw.payload_length);
    publish_raw(job, &raw);
}
