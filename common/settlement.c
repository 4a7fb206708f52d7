#include "common/settlement.h"

#include <stdarg.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

enum {
    CALLS_MAX_BYTES = 4 * 1024,
    CALLS_FIRST_BYTES = 256,
    NOTE_MAX_BYTES = 1024,
};

void
settlement_begin(struct job *job)
{
    job->settlement = job_alloc(job, sizeof *job->settlement);
    job->settlement->outbox_tail = &job->settlement->outbox;
}

static struct settlement *
settlement_of(struct job *job)
{
    if (job->settlement == NULL)
        settlement_begin(job);
    return job->settlement;
}

static void
keep_what_stays(struct settlement *all, struct settle_out *rows)
{
    for (struct settle_out *row = rows, *next; row != NULL; row = next) {
        next = row->next;
        row->next = NULL;
        if (!row->stays)
            continue;
        *all->outbox_tail = row;
        all->outbox_tail = &row->next;
    }
}

void
settlement_keep_effects(struct job *job)
{
    struct settlement *all = settlement_of(job);
    struct settle_out *rows = all->outbox;
    for (struct settle_state **at = &all->states; *at != NULL;)
        if ((*at)->stays)
            at = &(*at)->next;
        else
            *at = (*at)->next;
    *all = (struct settlement){
        .outbox_tail = &all->outbox,
        .states = all->states,
        .effects = all->effects,
        .attentions = all->attentions,
        .note = all->note,
        .calls = all->calls,
        .calls_length = all->calls_length,
        .calls_room = all->calls_room,
    };
    keep_what_stays(all, rows);
}

// Postgres takes a row once in a statement, so what is said twice of one thing replaces
// what was said first. Lists keep the order in which things were said.

void
settlement_state(struct job *job, const char *entity, struct json_object *state)
{
    struct settle_state **at = &settlement_of(job)->states;
    while (*at != NULL && strcmp((*at)->entity, entity) != 0)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = job_alloc(job, sizeof **at);
        (*at)->entity = job_strdup(job, entity);
    }
    size_t length = 0;
    const char *text = json_print(state, &length);
    (*at)->state = job_memdup(job, text, length);
}

void
settlement_ref(struct job *job, const struct settle_ref *ref)
{
    struct settle_ref **at = &settlement_of(job)->refs;
    while (*at != NULL
           && (strcmp((*at)->local_id, ref->local_id) != 0
               || strcmp((*at)->collection, ref->collection) != 0
               || strcmp((*at)->company, ref->company) != 0
               || strcmp((*at)->system, ref->system) != 0))
        at = &(*at)->next;
    if (*at == NULL)
        *at = job_alloc(job, sizeof **at);
    **at = (struct settle_ref){
        .next = (*at)->next,
        .system = job_strdup(job, ref->system),
        .company = job_strdup(job, ref->company),
        .collection = job_strdup(job, ref->collection),
        .local_id = job_strdup(job, ref->local_id),
        .remote_type = job_strdup(job, ref->remote_type),
        .remote_id = job_strdup(job, ref->remote_id),
        .lane_key = job_strdup(job, ref->lane_key),
    };
}

void
settlement_effect(struct job *job, const struct settle_effect *effect)
{
    struct settle_effect **at = &settlement_of(job)->effects;
    while (*at != NULL
           && (strcmp((*at)->identity, effect->identity) != 0
               || strcmp((*at)->kind, effect->kind) != 0))
        at = &(*at)->next;
    if (*at == NULL)
        *at = job_alloc(job, sizeof **at);
    **at = (struct settle_effect){
        .next = (*at)->next,
        .to = effect->to,
        .kind = job_strdup(job, effect->kind),
        .identity = job_strdup(job, effect->identity),
        .attempt = effect->attempt,
        .result = job_strdup(job, effect->result),
    };
}

void
settlement_finish(struct job *job, const char *event)
{
    settlement_finish_with(job, &(struct settle_finish){.event = event});
}

void
settlement_finish_with(struct job *job, const struct settle_finish *finish)
{
    struct settle_finish **at = &settlement_of(job)->finishes;
    while (*at != NULL && strcmp((*at)->event, finish->event) != 0)
        at = &(*at)->next;
    if (*at != NULL)
        return;
    *at = job_alloc(job, sizeof **at);
    **at = (struct settle_finish){
        .event = job_strdup(job, finish->event),
        .parked_seq = finish->parked_seq,
        .entity = job_strdup(job, finish->entity),
        .type = job_strdup(job, finish->type),
        .note = job_strdup(job, finish->note),
    };
}

// A text for a person: one line, cut.
static const char *line_of(struct job *job, const char *fmt, va_list args)
    ATTR_PRINTF(2, 0);

static const char *
line_of(struct job *job, const char *fmt, va_list args)
{
    char *text = job_vprintf(job, fmt, args);
    text[str_fit(text, strlen(text), NOTE_MAX_BYTES)] = '\0';
    str_clean(text);
    return text;
}

void
settlement_attention(struct job *job, const char *kind, const char *entity,
                     const char *fmt, ...)
{
    struct settle_attention **at = &settlement_of(job)->attentions;
    while (*at != NULL
           && (strcmp((*at)->entity, entity) != 0 || strcmp((*at)->kind, kind) != 0))
        at = &(*at)->next;
    if (*at == NULL) {
        *at = job_alloc(job, sizeof **at);
        (*at)->kind = job_strdup(job, kind);
        (*at)->entity = job_strdup(job, entity);
    }
    va_list args;
    va_start(args, fmt);
    (*at)->text = line_of(job, fmt, args);
    va_end(args);
}

void
settlement_cursor(struct job *job, const char *name, const char *value)
{
    struct settle_cursor **at = &settlement_of(job)->cursors;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    if (*at == NULL) {
        *at = job_alloc(job, sizeof **at);
        (*at)->name = job_strdup(job, name);
    }
    (*at)->value = job_strdup(job, value);
}

static struct settle_out
copy_out(struct job *job, const struct settle_out *out)
{
    return (struct settle_out){
        .topic = job_strdup(job, out->topic),
        .key = job_strdup(job, out->key),
        .id = job_strdup(job, out->id),
        .headers = job_strdup(job, out->headers),
        .payload = job_memdup(job, out->payload, out->payload_length),
        .payload_length = out->payload_length,
    };
}

void
settlement_out(struct job *job, const struct settle_out *out)
{
    struct settlement *all = settlement_of(job);
    struct settle_out *row = job_alloc(job, sizeof *row);
    *row = copy_out(job, out);
    *all->outbox_tail = row;
    all->outbox_tail = &row->next;
}

void
settlement_timer(struct job *job, const struct settle_timer *timer)
{
    struct settle_timer **at = &settlement_of(job)->timers;
    while (*at != NULL
           && (strcmp((*at)->entity, timer->entity) != 0
               || strcmp((*at)->name, timer->name) != 0))
        at = &(*at)->next;
    if (*at == NULL)
        *at = job_alloc(job, sizeof **at);
    **at = (struct settle_timer){
        .next = (*at)->next,
        .entity = job_strdup(job, timer->entity),
        .name = job_strdup(job, timer->name),
        .due_ms = timer->due_ms,
    };
    if (timer->due_ms != 0)
        (*at)->out = copy_out(job, &timer->out);
}

void
settlement_out_stays(struct job *job)
{
    struct settle_out *row = settlement_of(job)->outbox;
    while (row != NULL && row->next != NULL)
        row = row->next;
    if (row != NULL)
        row->stays = true;
}

void
settlement_state_stays(struct job *job, const char *entity)
{
    struct settle_state *state = settlement_of(job)->states;
    while (state != NULL && strcmp(state->entity, entity) != 0)
        state = state->next;
    if (state != NULL)
        state->stays = true;
}

void
settlement_note(struct job *job, const char *fmt, ...)
{
    struct settlement *all = settlement_of(job);
    va_list args;
    va_start(args, fmt);
    all->note = line_of(job, fmt, args);
    va_end(args);
}

// Room for `more` bytes behind the calls noted so far, or NULL when they are too many.
static char *
calls_room(struct job *job, struct settlement *all, size_t more)
{
    size_t wanted = all->calls_length + more;
    if (wanted > CALLS_MAX_BYTES)
        return NULL;
    if (wanted > all->calls_room) {
        size_t room = all->calls_room == 0 ? CALLS_FIRST_BYTES : all->calls_room * 2;
        while (room < wanted)
            room *= 2;
        char *calls = job_alloc(job, room);
        if (all->calls_length > 0)
            memcpy(calls, all->calls, all->calls_length);
        all->calls = calls;
        all->calls_room = room;
    }
    return (char *)all->calls + all->calls_length;
}

void
settlement_call(struct job *job, const char *fmt, ...)
{
    struct settlement *all = settlement_of(job);
    va_list args;
    va_start(args, fmt);
    const char *line = line_of(job, fmt, args);
    va_end(args);

    size_t length = strlen(line);
    size_t newline = all->calls_length > 0 ? 1 : 0;
    char *at = calls_room(job, all, newline + length + 1);
    if (at == NULL)
        return;
    if (newline > 0)
        *at++ = '\n';
    memcpy(at, line, length + 1);
    all->calls_length += newline + length;
}
