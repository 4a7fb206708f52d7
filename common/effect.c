#include "common/effect.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"

// What one effect_once() works on.
struct effect_call {
    struct job *job;
    const struct effect_kind *kind;
    const char *identity;
    void *ctx;
    int64_t attempt;
    int64_t due_ms; // the call ends by then: never after the deadline stored with the
                    // intent
};

static void
settle_effect(struct effect_call *call, enum settle_effect_to to, const char *result)
{
    settlement_effect(call->job, &(struct settle_effect){.to = to,
                                                         .kind = call->kind->name,
                                                         .identity = call->identity,
                                                         .attempt = call->attempt,
                                                         .result = result});
}

static struct json_object *
confirm(struct effect_call *call, struct json_object *result)
{
    settle_effect(call, SETTLE_EFFECT_CONFIRM, json_print(result, NULL));
    return result;
}

// Makes the call. A refusal, or a call that never left, gives the intent back. Whatever
// else went wrong it stays: also where the provider has done it and only the rest of
// create() failed, such as an answer that lacks a member.
static struct json_object *
create(struct effect_call *call)
{
    struct job *job = call->job;
    int64_t deadline_ms = job->deadline_ms;
    if (call->due_ms < deadline_ms)
        job->deadline_ms = call->due_ms;
    job->once_done = false;
    struct json_object *result = call->kind->create(job, call->identity, call->ctx);
    job->deadline_ms = deadline_ms;
    if (result != NULL)
        return result;
    if (job->error.kind == ERROR_UNSURE)
        job->error.retry_after_ms = job->effect_timeout_ms + job->effect_margin_ms;
    else if (!job->once_done)
        settle_effect(call, SETTLE_EFFECT_REOPEN, NULL);
    return NULL;
}

// Withdraws all but the first of what is alive at the provider.
static bool
withdraw_surplus(struct effect_call *call, struct json_object *found)
{
    for (size_t i = 1; i < json_object_array_length(found); i++) {
        if (!call->kind->withdraw(call->job, call->identity, call->ctx,
                                  json_object_array_get_idx(found, i)))
            return false;
        settlement_note(call->job, "withdrew a surplus %s", call->kind->name);
    }
    return true;
}

// Looks at the provider. *found stays NULL where nothing is alive there.
static bool
look(struct effect_call *call, struct json_object **found)
{
    struct json_object *alive = NULL;
    if (!call->kind->find(call->job, call->identity, call->ctx, &alive))
        return false;
    if (json_object_array_length(alive) == 0)
        return true;
    if (!withdraw_surplus(call, alive))
        return false;
    *found = json_object_array_get_idx(alive, 0);
    return true;
}

// The fact, for who mails or shows it to people. It stays although the attempt fails.
static void
tell_unsure(struct effect_call *call)
{
    struct job *job = call->job;
    const struct event *ev = job->event;
    if (ev == NULL)
        return;
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", ev->company);
    json_set_string(data, "kind", call->kind->name);
    json_set_string(data, "identity", call->identity);
    publish_fact(job, "effect.unsure", ev->subject[0] != '\0' ? ev->subject : ev->key,
                 job_printf(job, "%s %s", call->kind->name, call->identity), data);
    settlement_out_stays(job);
}

static struct json_object *
flag(struct effect_call *call)
{
    struct job *job = call->job;
    settle_effect(call, SETTLE_EFFECT_FLAG, NULL);
    tell_unsure(call);
    settlement_attention(job, "effect.unsure", call->identity,
                         "%s may have been done and cannot be looked up: decide with "
                         "relais effect resolve %s %s done|not-done",
                         call->kind->name, call->kind->name, call->identity);
    error_permanent(&job->error, "%s of %s may have been done; a person decides",
                    call->kind->name, call->identity);
    job->error.hint =
        "relais effect resolve <kind> <identity> done|not-done, then replay";
    return NULL;
}

// Stores the intent. The clock is read first: the database's comes later, so what is
// cut by ours is over by the deadline that others see.
static bool
begin(struct effect_call *call, int64_t take_over, struct ledger_effect *effect)
{
    struct job *job = call->job;
    call->due_ms = clock_ms() + job->effect_timeout_ms;
    const struct ledger_intent intent = {call->kind->name, call->identity, take_over,
                                         job->effect_timeout_ms};
    if (!job->ledger->effect_begin(job->ledger, job, &intent, effect))
        return false;
    call->attempt = effect->attempt;
    return true;
}

// An earlier attempt may have done it. Once its deadline and the margin have passed
// nothing of it can be under way any more: what is at the provider now is the truth.
// *found stays NULL where nothing is.
static bool
look_for_earlier(struct effect_call *call, const struct ledger_effect *earlier,
                 struct json_object **found)
{
    struct job *job = call->job;
    int64_t wait_ms = earlier->wait_ms + job->effect_margin_ms;
    call->attempt = earlier->attempt;
    if (wait_ms > 0)
        return error_unsure(&job->error, wait_ms,
                            "an earlier attempt of %s may be under way",
                            call->kind->name);
    if (call->kind->find == NULL)
        return flag(call) != NULL;
    job->effect_age_ms = job->effect_timeout_ms - earlier->wait_ms;
    if (!look(call, found))
        return false;
    if (*found != NULL) {
        settlement_note(job, "adopted what an earlier attempt had made");
        *found = confirm(call, *found);
    }
    return true;
}

static struct json_object *
resolve_unsure(struct effect_call *call, const struct ledger_effect *earlier)
{
    struct job *job = call->job;
    struct json_object *found = NULL;
    if (!look_for_earlier(call, earlier, &found) || found != NULL)
        return found;
    struct ledger_effect effect;
    if (!begin(call, earlier->attempt, &effect))
        return NULL;
    if (effect.state != LEDGER_EFFECT_BEGUN) {
        error_unsure(&job->error, job->effect_margin_ms, "another attempt of %s began",
                     call->kind->name);
        return NULL;
    }
    struct json_object *made = create(call);
    // The earlier request may have been late after all: keep one, withdraw the surplus.
    // Until that is known the effect is not confirmed, or nobody would look again.
    if (made == NULL || !look(call, &found))
        return NULL;
    return confirm(call, found != NULL ? found : made);
}

static struct json_object *
create_first(struct effect_call *call)
{
    struct json_object *made = create(call);
    return made != NULL ? confirm(call, made) : NULL;
}

// What was stored, or an empty object where a person only said that it was done.
static struct json_object *
stored(struct job *job, const char *result)
{
    if (result == NULL)
        return json_object_in(job);
    return json_parse(job, result, strlen(result));
}

struct json_object *
effect_once(struct job *job, const struct effect_kind *kind, const char *identity,
            void *ctx)
{
    struct effect_call call = {
        .job = job, .kind = kind, .identity = identity, .ctx = ctx};
    struct ledger_effect effect;
    if (!job_may_call(job) || !begin(&call, 0, &effect))
        return NULL;
    switch (effect.state) {
    case LEDGER_EFFECT_BEGUN:
        return create_first(&call);
    case LEDGER_EFFECT_CONFIRMED:
        return stored(job, effect.result);
    case LEDGER_EFFECT_FLAGGED:
        return flag(&call);
    default:
        return resolve_unsure(&call, &effect);
    }
}

struct json_object *
effect_result(struct job *job, const char *kind, const char *identity, bool *failed)
{
    struct ledger_effect effect;
    *failed = !job->ledger->effect_peek(job->ledger, job, kind, identity, &effect);
    if (*failed || effect.state != LEDGER_EFFECT_CONFIRMED)
        return NULL;
    struct json_object *result = stored(job, effect.result);
    *failed = result == NULL;
    return result;
}

// Nothing was made where it was begun: it is given back, to be begun by who wants it.
struct json_object *
effect_made(struct job *job, const struct effect_kind *kind, const char *identity,
            void *ctx, bool *failed)
{
    struct effect_call call = {
        .job = job, .kind = kind, .identity = identity, .ctx = ctx};
    struct ledger_effect effect;
    struct json_object *found = NULL;
    *failed =
        !job->ledger->effect_peek(job->ledger, job, kind->name, identity, &effect);
    if (*failed)
        return NULL;
    if (effect.state == LEDGER_EFFECT_UNSURE) {
        *failed = !look_for_earlier(&call, &effect, &found);
        if (!*failed && found == NULL)
            settle_effect(&call, SETTLE_EFFECT_REOPEN, NULL);
    } else if (effect.state == LEDGER_EFFECT_CONFIRMED) {
        found = stored(job, effect.result);
        *failed = found == NULL;
    } else if (effect.state == LEDGER_EFFECT_FLAGGED) {
        *failed = flag(&call) == NULL;
    }
    return found;
}

void
effect_adopt(struct job *job, const char *kind, const char *identity,
             struct json_object *result)
{
    settlement_effect(job, &(struct settle_effect){.to = SETTLE_EFFECT_CONFIRM,
                                                   .kind = kind,
                                                   .identity = identity,
                                                   .result = json_print(result, NULL)});
}

bool
effect_close(struct job *job, const char *kind, const char *identity,
             struct json_object *result)
{
    struct ledger_effect effect;
    if (!job->ledger->effect_peek(job->ledger, job, kind, identity, &effect))
        return false;
    if (effect.state != LEDGER_EFFECT_UNSURE)
        return true;
    const char *text = result != NULL ? json_print(result, NULL) : "{}";
    settlement_effect(job, &(struct settle_effect){.to = SETTLE_EFFECT_CONFIRM,
                                                   .kind = kind,
                                                   .identity = identity,
                                                   .attempt = effect.attempt,
                                                   .result = text});
    return true;
}
