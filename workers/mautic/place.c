// Where a person is: segments that he is in or out of, so that nobody has to ask
// Directus why he might stay in one that he is not in.
#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/mautic/person.h"

void
mautic_person_arrives(struct mautic_person *person)
{
    json_object_object_del(person->memory, "segments");
    json_set_bool(person->memory, "fresh", person->made);
}

bool
mautic_person_is_in(const struct mautic_person *person, const char *segment)
{
    bool fresh = json_bool_or(person->memory, "fresh", false);
    return json_bool_or(json_at(person->memory, "segments"), segment, !fresh);
}

void
mautic_person_moved(struct job *job, struct mautic_person *person, const char *segment,
                    bool in)
{
    struct json_object *segments = json_at(person->memory, "segments");
    if (segments == NULL) {
        segments = json_object_in(job);
        json_set(person->memory, "segments", segments);
    }
    json_set_bool(segments, segment, in);
}

bool
mautic_person_lost(struct job *job, const char *lane)
{
    struct json_object *memory = ledger_state(job, lane);
    if (memory == NULL)
        return false;
    json_object_object_del(memory, "segments");
    json_object_object_del(memory, "fresh");
    if (json_object_object_length(memory) > 0)
        settlement_state(job, lane, memory);
    return true;
}
