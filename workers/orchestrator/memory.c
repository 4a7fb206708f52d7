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
        .sent_count = json_i64_or(state, "sent_count", 0),
        .sequence = json_i64_or(state, "sequence", -1),
        .unseen = json_bool_or(state, "unseen", false),
    };
    return true;
}

void
orchestrator_keep(struct job *job, const struct orchestrator_memory *memory)
{
    struct json_object *state = json_object_in(job);
    if (memory->status[0] != '\0')
        json_set_string(state, "status", memory->status);
    if (memory->hash[0] != '\0')
        json_set_string(state, "hash", memory->hash);
    if (memory->sent_count > 0)
        json_set_i64(state, "sent_count", memory->sent_count);
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
