// common/effect.h - calls that must not be repeated.
//
// An effect has an identity of its own, not the event's: (kind, identity) is unique.
// Its intent is stored durably before the call; a later attempt finds nothing (call), a
// result (use it) or an open intent (unsure: wait for its deadline, look at the
// provider, adopt or create, look once more and withdraw the surplus). Handlers see
// none of this.
#ifndef RELAIS_EFFECT_H
#define RELAIS_EFFECT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;

struct effect_kind {
    const char *name; // "docuseal.submission"
    // Looks our id up at the provider: *found becomes a JSON array of what is alive
    // there, the one to keep first; where there is no id, job->effect_age_ms tells what
    // may be ours. NULL: cannot be looked up (mail); an unsure one is
    // flagged for a person, never repeated.
    bool (*find)(struct job *job, const char *identity, void *ctx,
                 struct json_object **found);
    // Makes it, by a call with `once` set. Returns the result, or NULL with job->error.
    struct json_object *(*create)(struct job *job, const char *identity, void *ctx);
    // Takes one surplus object back. Must be repeatable.
    bool (*withdraw)(struct job *job, const char *identity, void *ctx,
                     struct json_object *surplus);
};

// Does it once in effect, and returns its result (JSON, in the job). NULL: job->error
// says why: UNSURE (come back after retry_after_ms; costs no attempt), or create's own
// error. EFFECT_TIMEOUT_MS (default 30 s) bounds create; EFFECT_MARGIN_MS (5 s) is
// waited beyond.
struct json_object *effect_once(struct job *job, const struct effect_kind *kind,
                                const char *identity, void *ctx) ATTR_MUST_CHECK;

// The confirmed result, or NULL without an error where there is none yet; *failed tells
// a failed look-up (job->error) from "none".
struct json_object *effect_result(struct job *job, const char *kind,
                                  const char *identity, bool *failed) ATTR_MUST_CHECK;

// For who wants it no more: what was made of it all the same, also by an attempt that
// was left unsure. NULL without an error where nothing was; *failed tells a failed
// look-up (job->error, as of effect_once()) from that.
struct json_object *effect_made(struct job *job, const struct effect_kind *kind,
                                const char *identity, void *ctx,
                                bool *failed) ATTR_MUST_CHECK;

// Confirms with a result seen by other means (a webhook, a sweep, baseline).
void effect_adopt(struct job *job, const char *kind, const char *identity,
                  struct json_object *result);

// Puts an attempt to rest that was left unsure, where it does not matter any more: what
// it was for was seen by other means (result), or nobody wants it now (NULL). Where
// there is no such attempt nothing happens. Errors: those of the ledger.
bool effect_close(struct job *job, const char *kind, const char *identity,
                  struct json_object *result) ATTR_MUST_CHECK;

#endif
