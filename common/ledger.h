// common/ledger.h - what handlers may ask the ledger (Postgres schema relais). Writing
// goes through the settlement.
//
// All of these suspend the fiber until Postgres answers, however long that takes:
// without Postgres nothing may be done anyway. Errors: FENCED, RETRYABLE (the worker is
// stopping). `struct ledger` is a table of functions so that tests can put a fake
// there.
#ifndef RELAIS_LEDGER_H
#define RELAIS_LEDGER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;

struct ledger_ref {
    const char *company, *collection, *local_id;
    const char *remote_type, *remote_id, *lane_key;
};

enum ledger_effect_state {
    LEDGER_EFFECT_BEGUN,     // the intent is stored: make the call now
    LEDGER_EFFECT_CONFIRMED, // done before: use the result
    LEDGER_EFFECT_UNSURE,    // an earlier attempt may have done it
    LEDGER_EFFECT_FLAGGED,   // a person must decide
    LEDGER_EFFECT_OPEN,      // (peek only) refused or never sent: may be begun
    LEDGER_EFFECT_NONE,      // (peek only) unknown
};

struct ledger_intent {
    const char *kind, *identity;
    int64_t take_over;  // the attempt of an unsure effect that was found undone; or 0
    int64_t timeout_ms; // the call ends within it
};

struct ledger_effect {
    enum ledger_effect_state state;
    int64_t attempt;
    int64_t wait_ms;    // UNSURE: until the earlier attempt's deadline, else <= 0
    const char *result; // CONFIRMED: JSON text
};

struct ledger {
    // entity_state of this worker; *state is an empty object where there is none.
    bool (*state_read)(struct ledger *ledger, struct job *job, const char *entity,
                       struct json_object **state);
    // external_ref by the remote id; ref->local_id is NULL where there is none.
    bool (*ref_remote)(struct ledger *ledger, struct job *job, const char *system,
                       const struct ledger_ref *remote, struct ledger_ref *ref);
    bool (*cursor_read)(struct ledger *ledger, struct job *job, const char *name,
                        const char **value);
    // Stores the intent of one attempt, durably, unless the effect is confirmed, unsure
    // or flagged.
    bool (*effect_begin)(struct ledger *ledger, struct job *job,
                         const struct ledger_intent *intent,
                         struct ledger_effect *effect);
    // Reads the effect without touching it.
    bool (*effect_peek)(struct ledger *ledger, struct job *job, const char *kind,
                        const char *identity, struct ledger_effect *effect);
};

// The same as functions on the job's ledger. ledger_state() answers what the job itself
// has put into its settlement, if it has.
struct json_object *ledger_state(struct job *job, const char *entity) ATTR_MUST_CHECK;
bool ledger_ref_remote(struct job *job, const char *system, const char *company,
                       const char *remote_type, const char *remote_id,
                       struct ledger_ref *ref) ATTR_MUST_CHECK;
bool ledger_cursor(struct job *job, const char *name,
                   const char **value) ATTR_MUST_CHECK;

#endif
