// common/drift.h - audits: a look that believes what the row in Directus says, not what
// the ledger remembers of it, and puts right what somebody or something else left
// there.
#ifndef RELAIS_DRIFT_H
#define RELAIS_DRIFT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct directus;
struct json_object;

// What the journey step of an audited object says, if anything differed; `relais audit`
// looks for it.
#define DRIFT_NOTE "put right: "

// Whether the event, an observed one, asks for an audit.
bool drift_is_audit(const struct event *ev);

// The name under which hints of the object are joined (handler.object): an audit never
// counts as handled by a look that is none. object NULL gives NULL.
const char *drift_object(struct job *job, const struct event *ev, const char *object);

// Adds words to the note of what was put right. In place of what was noted before.
void drift_note(struct job *job, const char *fmt, ...) ATTR_PRINTF(2, 3);

// Where the audit found what no webhook or sweep had told: what was noted of it so far
// becomes the note of what was put right. For other events nothing.
void drift_note_moved(struct job *job, const struct event *ev);

// The row with the fields named; *row becomes NULL where it is not there any more,
// which is noted: nothing is left to be put right. False: as directus_list(). Suspends
// the fiber.
bool drift_read(const struct directus *directus, struct job *job,
                const char *collection, const char *id, const char *fields,
                struct json_object **row) ATTR_MUST_CHECK;

// Those members of `wanted` that the row has otherwise, for a patch; each is noted with
// what the row had. Texts are the same as numbers that print alike, amounts whatever
// their zeros, and "" is the same as null. An empty object: all is as it should be.
struct json_object *drift_of(struct job *job, struct json_object *row,
                             struct json_object *wanted);

// Writes those members into the row, which has its id; nothing to write, no request.
// Suspends the fiber.
bool drift_mend(const struct directus *directus, struct job *job,
                const char *collection, struct json_object *row,
                struct json_object *wanted) ATTR_MUST_CHECK;

#endif
