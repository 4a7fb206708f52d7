#include "tests/harness/fake.h"

#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "tests/harness/test.h"

enum { KEEP_MS = 600 * 1000, DELIVERY_MS = 60 * 1000 };

void
fake_begin(struct fake *fake, const struct integration *integration, void *state)
{
    memset(fake, 0, sizeof *fake);
    fake->integration = integration;
    fake->state = state;
    job_begin(&fake->keep, KEEP_MS);
    fake_ledger_begin(fake);
}

void
fake_end(struct fake *fake)
{
    job_end(&fake->keep);
}

void
fake_setting(const char *name, const char *value)
{
    // Unit tests have one thread.
    if (value != NULL)
        setenv(name, value, 1); // NOLINT(concurrency-mt-unsafe)
    else
        unsetenv(name); // NOLINT(concurrency-mt-unsafe)
}

static void
begin_job(struct fake *fake, struct job *job, const struct fake_reply replies[])
{
    job_begin(job, DELIVERY_MS);
    settlement_begin(job);
    job->ledger = &fake->ledger;
    job->effect_timeout_ms = 30000;
    job->effect_margin_ms = 5000;
    job->program = "test";
    fake->replies = replies;
    fake->call_count = 0;
    fake->note = "";
    fake->shown = "";
    fake->dead_problem = NULL;
}

static void
end_job(struct fake *fake, struct job *job)
{
    const struct settlement *all = job->settlement;
    fake_ledger_settle(fake, job);
    fake->note = all->note != NULL ? job_strdup(&fake->keep, all->note) : "";
    fake->shown = all->calls != NULL ? job_strdup(&fake->keep, all->calls) : "";
    if (fake->replies != NULL && fake->replies->method != NULL)
        fail_msg("missing call: %s %s", fake->replies->method, fake->replies->url);
    job_end(job);
}

static const struct handler *
handler_of(const struct integration *integration, const char *type)
{
    const struct handler *handler = integration->handlers;
    while (handler->type != NULL && strcmp(handler->type, type) != 0)
        handler++;
    if (handler->type == NULL)
        fail_msg("no handler for %s", type);
    return handler;
}

static struct error
judge(struct fake *fake, struct job *job, const struct handler *handler,
      const struct event *ev)
{
    struct error err = job->error;
    if (err.kind == ERROR_NONE)
        fail_msg("%s failed without saying why", ev->type);
    settlement_keep_effects(job);
    if (err.kind == ERROR_PERMANENT && handler->dead != NULL
        && !handler->dead(job, ev, fake->state))
        fake->dead_problem = job_strdup(&fake->keep, job->error.text);
    return err;
}

struct error
fake_deliver(struct fake *fake, const char *type, const char *key, const char *data,
             const struct fake_reply replies[])
{
    char id[UUID_TEXT];
    uuid_random(id);
    const struct record_header headers[] = {
        {"ce_id", id, strlen(id)},
        {"ce_source", "relais/test", strlen("relais/test")},
        {"ce_type", type, strlen(type)},
        {"ce_specversion", "1.0", 3},
        {"ce_time", fake->time, fake->time != NULL ? strlen(fake->time) : 0},
    };
    size_t header_count = sizeof headers / sizeof headers[0];
    const struct record record = {
        .topic = "test.commands",
        .key = key,
        .key_length = strlen(key),
        .payload = data,
        .payload_length = strlen(data),
        .headers = headers,
        .header_count = fake->time != NULL ? header_count : header_count - 1,
    };
    const struct handler *handler = handler_of(fake->integration, type);
    struct error err = {.kind = ERROR_NONE};
    struct event ev;
    struct job job;
    begin_job(fake, &job, replies);
    if (!event_decode(&job, &record, false, &ev))
        fail_msg("the test's event cannot be read: %s", job.error.text);
    job.event = &ev;
    if (!handler->handle(&job, &ev, fake->state))
        err = judge(fake, &job, handler, &ev);
    else if (job.error.kind != ERROR_NONE)
        fail_msg("%s passed, but left an error: %s", type, job.error.text);
    end_job(fake, &job);
    return err;
}

struct error
fake_run(struct fake *fake, bool (*run)(struct job *job, void *state), void *state,
         const struct fake_reply replies[])
{
    struct job job;
    begin_job(fake, &job, replies);
    struct error err = {.kind = ERROR_NONE};
    if (!run(&job, state)) {
        err = job.error;
        settlement_keep_effects(&job);
    }
    end_job(fake, &job);
    return err;
}

const struct fake_event *
fake_last(const struct fake *fake, const char *type)
{
    for (int i = fake->published_count - 1; i >= 0; i--)
        if (strcmp(fake->published[i].type, type) == 0)
            return &fake->published[i];
    return NULL;
}

int
fake_count(const struct fake *fake, const char *type)
{
    int count = 0;
    for (int i = 0; i < fake->published_count; i++)
        count += strcmp(fake->published[i].type, type) == 0;
    return count;
}

struct json_object *
fake_state(struct fake *fake, const char *entity)
{
    for (int i = 0; i < fake->state_count; i++)
        if (strcmp(fake->states[i].name, entity) == 0)
            return json_parse(&fake->keep, fake->states[i].value,
                              strlen(fake->states[i].value));
    return NULL;
}

void
fake_set_state(struct fake *fake, const char *entity, const char *json)
{
    fake_set_pair(fake, fake->states, &fake->state_count, entity, json);
}

const struct fake_effect *
fake_effect(const struct fake *fake, const char *identity)
{
    for (int i = 0; i < fake->effect_count; i++)
        if (strcmp(fake->effects[i].identity, identity) == 0)
            return &fake->effects[i];
    return NULL;
}

void
fake_set_effect(struct fake *fake, const struct fake_effect *effect)
{
    int at = 0;
    while (at < fake->effect_count
           && (strcmp(fake->effects[at].kind, effect->kind) != 0
               || strcmp(fake->effects[at].identity, effect->identity) != 0))
        at++;
    assert_true(at < FAKE_ROWS);
    fake->effects[at] = *effect;
    if (at == fake->effect_count)
        fake->effect_count++;
}

bool
fake_has_attention(const struct fake *fake, const char *kind)
{
    for (int i = 0; i < fake->attention_count; i++)
        if (strcmp(fake->attentions[i].name, kind) == 0)
            return true;
    return false;
}
