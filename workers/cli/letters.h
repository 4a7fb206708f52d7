// workers/cli/letters.h - dead letters: reading them, and what their replay looks like.
#ifndef RELAIS_CLI_LETTERS_H
#define RELAIS_CLI_LETTERS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"
#include "common/event.h"
#include "common/record.h"
#include "common/uuid.h"
#include "workers/cli/cli.h"
#include "workers/cli/places.h"

// Which ones; NULL: any.
struct letters_filter {
    const char *type;
    const char *entity;
};

struct letters {
    struct record **items; // ordered by the time they died
    size_t count, room;
    struct letters_filter filter;
};

// Adds all that are in the topic now and pass the filter.
bool letters_read(struct letters *letters, const char *brokers, const char *topic,
                  struct error *err) ATTR_MUST_CHECK;
void letters_sort(struct letters *letters);
void letters_end(struct letters *letters);

// A header's text, or "".
const char *letters_header(const struct record *letter, const char *name);

// The worker whose dead letter it is: "docuseal" of "docuseal.dead-letters". False:
// that is no topic of dead letters.
bool letters_worker(const char *topic, char worker[PLACE_NAME]);

// The event once more, as it is produced to its first topic: a new id, always the same
// for the same letter, and the first one's as ce_originalid; x-dead-* are left out.
// record_free() frees it. NULL: PERMANENT, it is no event. `seen` is what the ledger
// will remember it by.
struct record *letters_replay(const struct record *letter, char seen[EVENT_SEEN],
                              struct error *err) ATTR_MUST_CHECK;

#endif
