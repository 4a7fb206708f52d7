// workers/mautic/note.h - notes on a contact: what happened, once for each cause.
#ifndef RELAIS_MAUTIC_NOTE_H
#define RELAIS_MAUTIC_NOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct mautic;

struct mautic_note {
    const char *contact; // Mautic's id
    const char *who;     // "contact:<uuid>": of Directus
    const char *cause;   // one note each
    const char *headline;
    struct json_object *facts; // an object of plain values
    int64_t at_ms;             // when it happened
};

// Writes it, once in effect: its text ends with a mark that a later attempt finds.
bool mautic_note_write(struct job *job, const struct mautic *m,
                       const struct mautic_note *note) ATTR_MUST_CHECK;

// Nobody wants it any more: an attempt that was left unsure is put to rest. Only who
// and cause are looked at.
bool mautic_note_give_up(struct job *job,
                         const struct mautic_note *note) ATTR_MUST_CHECK;

#endif
