// workers/orchestrator/transitions.c - how a row moved: the new one is compared with
// what was last acted on, failing that with the old one.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

static const char *
status_of(struct json_object *row)
{
    return json_string_or(row, "status", "");
}

bool
orchestrator_look_now(struct job *job, struct orchestrator_sight *sight)
{
    if (!orchestrator_row(job, sight->o, sight->change->collection, sight->change->key,
                          sight->fields, &sight->row))
        return false;
    if (sight->row != NULL)
        sight->to = status_of(sight->row);
    else
        settlement_note(job, "the row is gone");
    return true;
}

// Whether somebody acted on the status before: then sent_at is another instant than the
// one that a failed attempt at this very event left there.
static bool
acted_on_before(const struct orchestrator_sight *sight)
{
    const char *stamp = json_string_or(sight->row, "sent_at", "");
    int64_t stamped_ms = 0;
    int64_t told_ms = 0;
    if (stamp[0] == '\0')
        return false;
    return !clock_parse(stamp, &stamped_ms) || !clock_parse(sight->ev->time, &told_ms)
           || stamped_ms != told_ms;
}

// Without a memory a hint cannot tell an old status from a new one. It is new where the
// event itself wrote it and nobody has acted on it.
static const char *
status_before_hint(const struct orchestrator_sight *sight)
{
    const struct orchestrator_change *change = sight->change;
    if (sight->memory->known)
        return sight->memory->status;
    bool wrote_it =
        strcmp(status_of(change->after), sight->to) == 0 && !acted_on_before(sight);
    return change->operation == CHANGE_CREATE || wrote_it ? "" : sight->to;
}

// Whether the row is as the event left it, or has moved on since. One that was created
// is there, whatever has been written to it meanwhile.
static bool
shows_write(const struct orchestrator_sight *sight)
{
    const char *told = status_of(sight->change->after);
    if (sight->change->operation == CHANGE_CREATE)
        return sight->row != NULL;
    return told[0] == '\0' || sight->row == NULL || strcmp(told, sight->to) == 0;
}

// A hint's row is read. It may be too early to show what the event wrote.
static bool
look_at_hint(struct job *job, struct orchestrator_sight *sight)
{
    if (!orchestrator_look_now(job, sight))
        return false;
    if (sight->change->early && !shows_write(sight))
        return orchestrator_look_again(job, sight->memory->entity);
    if (sight->row != NULL)
        sight->from = status_before_hint(sight);
    return true;
}

// Whether the change begins where the memory ends, or moves to where something follows.
static bool
fits_memory(const struct orchestrator_sight *sight,
            const char *(*meaning)(const char *from, const char *to))
{
    const struct orchestrator_change *change = sight->change;
    if (!sight->memory->known || strcmp(sight->from, sight->to) == 0)
        return true;
    const char *before = status_of(change->before);
    if (change->before != NULL && strcmp(before, sight->from) == 0)
        return true;
    bool moved = change->before == NULL || strcmp(before, sight->to) != 0;
    return moved && meaning(sight->from, sight->to) != NULL;
}

// A captured change is judged as it is. What does not fit the memory was overtaken by a
// write of our own if that has not come back yet, and is over; else the row decides.
static bool
look_at_change(struct job *job, struct orchestrator_sight *sight,
               const char *(*meaning)(const char *from, const char *to))
{
    const struct orchestrator_change *change = sight->change;
    sight->row = change->after;
    sight->to = status_of(change->after);
    if (sight->memory->known)
        sight->from = sight->memory->status;
    else if (change->before != NULL || change->operation == CHANGE_CREATE)
        sight->from = status_of(change->before);
    else
        sight->from = sight->to;
    if (strcmp(sight->from, sight->to) == 0)
        sight->memory->unseen = false;
    if (fits_memory(sight, meaning))
        return true;
    if (!sight->memory->unseen)
        return orchestrator_look_now(job, sight);
    sight->to = sight->from;
    return true;
}

bool
orchestrator_look(struct job *job, struct orchestrator_sight *sight,
                  const char *(*meaning)(const char *from, const char *to))
{
    if (sight->change->operation == CHANGE_DELETE) {
        settlement_note(job, "deleted");
        return true;
    }
    if (sight->change->hint)
        return look_at_hint(job, sight);
    return look_at_change(job, sight, meaning);
}

static const char *
time_of(struct job *job, const struct event *ev)
{
    char text[CLOCK_TEXT];
    if (ev->time[0] != '\0')
        return ev->time;
    clock_format(clock_wall_ms(), text);
    return job_strdup(job, text);
}

struct orchestrator_occasion
orchestrator_occasion_of(struct job *job, const struct orchestrator_sight *sight,
                         const char *when, const char *noun)
{
    return (struct orchestrator_occasion){
        .o = sight->o,
        .when = when,
        .cause = event_identity(sight->ev),
        .root = sight->memory->entity,
        .noun = noun,
        .id = strchr(sight->memory->entity, ':') + 1,
        .company = orchestrator_company(sight->ev, sight->row),
        .at = time_of(job, sight->ev),
        .row = sight->row,
        .memory = sight->memory,
    };
}
