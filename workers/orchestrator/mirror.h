// workers/orchestrator/mirror.h - rows whose fields are copied to another service: told
// apart by a hash of those fields, so that an echo of our own write starts nothing.
#ifndef RELAIS_ORCHESTRATOR_MIRROR_H
#define RELAIS_ORCHESTRATOR_MIRROR_H

#include "workers/orchestrator/orchestrator.h"

// What is watched in one collection.
struct orchestrator_mirror {
    const char *prefix;         // of the entity: "lead:"
    const char *noun;           // "lead"
    const char *const *watched; // fields whose change matters, ends with NULL
    const char *fields;         // all that are read where a read is needed
};

// One look at a row.
struct orchestrator_look {
    struct orchestrator_change change;
    struct orchestrator_memory memory;
    struct json_object *row;   // as it is now; NULL: nothing to do, which was noted
    const char *hash;          // of the watched fields now
    bool is_new;               // never seen before, and created
    bool differs;              // a watched field is not what it was
    const char *status_before; // "" for a new row
    const char *status;
    struct json_object *changed; // names of the watched fields that differ
};

// Reads the row of a change and compares it with what was mirrored last. look->row is
// NULL where there is nothing to do.
bool orchestrator_mirror_look(struct job *job, const struct event *ev,
                              const struct orchestrator *o,
                              const struct orchestrator_mirror *mirror,
                              struct orchestrator_look *look) ATTR_MUST_CHECK;

// The same row as an occasion of `when`.
struct orchestrator_occasion
orchestrator_mirror_occasion(struct job *job, const struct event *ev,
                             const struct orchestrator *o,
                             const struct orchestrator_mirror *mirror,
                             struct orchestrator_look *look, const char *when);

// Remembers hash and status.
void orchestrator_mirror_keep(struct job *job, struct orchestrator_look *look);

#endif
