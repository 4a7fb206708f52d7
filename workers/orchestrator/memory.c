// workers/orchestrator/memory.c - what was last acted on for an entity.
#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

bool
orchestrator_remember(struct job *job, const char *entity,
                      struct orchestrator_memory *memory)
{
    struct json_object *state = ledger_state(job, entity);
    if (state == NULL)
        return false;
    *memory = (struct orchestrator_memory){
        .entity = entity,
        .known = json_object_object_length(state) > 0,
        .status = json_string_or(state, "status", ""),
        .hash = json_string_or(state, "hash", ""),
        .items = json_string_or(state, "items", ""),
        .sent_count = json_i64_or(state, "sent_count", 0),
        .told_count = json_i64_or(state, "told_count", 0),
        .sequence = json_i64_or(state, "sequence", -1),
        .unseen = json_bool_or(state, "unseen", false),
        .valid_until = json_string_or(state, "valid_until", ""),
        .due_date = json_string_or(state, "due_date", ""),
        .level = json_string_or(state, "level", ""),
    };
    return true;
}

static void
set_known(struct json_object *state, const char *name, const char *value)
{
    if (value[0] != '\0')
        json_set_string(state, name, value);
}

void
orchestrator_keep(struct job *job, const struct orchestrator_memory *memory)
{
    struct json_object *state = json_object_in(job);
    set_known(state, "status", memory->status);
    set_known(state, "hash", memory->hash);
    set_known(state, "items", memory->items);
    set_known(state, "valid_until", memory->valid_until);
    set_known(state, "due_date", memory->due_date);
    set_known(state, "level", memory->level);
    if (memory->sent_count > 0)
        json_set_i64(state, "sent_count", memory->sent_count);
    if (memory->told_count > 0)
        json_set_i64(state, "told_count", memory->told_count);
    if (memory->sequence >= 0)
        json_set_i64(state, "sequence", memory->sequence);
    if (memory->unseen)
        json_set_bool(state, "unseen", true);
    settlement_state(job, memory->entity, state);
}

// A hint speaks of the present, whatever its number.
bool
orchestrator_is_stale(struct job *job, const struct event *ev,
                      const struct orchestrator_change *change,
                      struct orchestrator_memory *memory)
{
    if (change->hint || ev->sequence < 0)
        return false;
    if (ev->sequence < memory->sequence) {
        settlement_note(job, "older than change %lld, which was acted on",
                        (long long)memory->sequence);
        return true;
    }
    memory->sequence = ev->sequence;
    return false;
}
