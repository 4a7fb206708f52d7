// common/settlement.h - what one attempt leaves behind: kept in the job's memory while
// the handler runs, written by the ledger in one transaction.
#ifndef RELAIS_SETTLEMENT_H
#define RELAIS_SETTLEMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;

struct settle_out { // one row of the outbox
    struct settle_out *next;
    bool stays; // is written even if the attempt fails
    const char *topic, *key, *id;
    const char *headers; // JSON object of the Kafka headers
    const void *payload;
    size_t payload_length;
};

struct settle_state { // entity_state: replaces the whole object
    struct settle_state *next;
    const char *entity;
    const char *state; // JSON text
    bool stays;        // is written even if the attempt fails
};

struct settle_ref { // external_ref, upserted by the local side
    struct settle_ref *next;
    const char *system, *company, *collection, *local_id;
    const char *remote_type, *remote_id, *lane_key;
};

enum settle_effect_to {
    SETTLE_EFFECT_CONFIRM,
    SETTLE_EFFECT_REOPEN,
    SETTLE_EFFECT_FLAG
};

struct settle_effect {
    struct settle_effect *next;
    enum settle_effect_to to;
    const char *kind, *identity;
    int64_t attempt;    // the attempt this speaks of; 0 = whatever it is (adopt)
    const char *result; // JSON text, for CONFIRM
};

// Further events that are finished by this settle: chained facts, and hints that one
// look has served.
struct settle_finish {
    struct settle_finish *next;
    const char *event;
    int64_t parked_seq;               // > 0: its row in parked_event goes
    const char *entity, *type, *note; // its journey step; entity NULL = none
};

struct settle_attention { // something a person must look at; once per (kind, entity)
    struct settle_attention *next;
    const char *kind, *entity, *text;
};

struct settle_cursor {
    struct settle_cursor *next;
    const char *name, *value;
};

struct settle_timer { // one per (entity, name): what is said later replaces it
    struct settle_timer *next;
    const char *entity, *name;
    int64_t due_ms;        // of job_now_ms(); 0 = there is none any more
    struct settle_out out; // what goes out then
};

struct settlement {
    struct settle_out *outbox, **outbox_tail;
    struct settle_state *states;
    struct settle_ref *refs;
    struct settle_effect *effects;
    struct settle_finish *finishes;
    struct settle_attention *attentions;
    struct settle_cursor *cursors;
    struct settle_timer *timers;
    const char *note;  // for the journey step
    const char *calls; // for the journey step: one line a call, "POST /x 200 12ms"
    size_t calls_length, calls_room;
};

// Makes job->settlement, empty.
void settlement_begin(struct job *job);

// Forgets what a failed attempt must not write: everything but the effects, what people
// must look at, the journey, and what stays.
void settlement_keep_effects(struct job *job);

// Each stores one row in job->settlement; all text is copied into the job.
void settlement_state(struct job *job, const char *entity, struct json_object *state);
void settlement_ref(struct job *job, const struct settle_ref *ref);
void settlement_effect(struct job *job, const struct settle_effect *effect);
void settlement_finish(struct job *job, const char *event);
void settlement_finish_with(struct job *job, const struct settle_finish *finish);
void settlement_attention(struct job *job, const char *kind, const char *entity,
                          const char *fmt, ...) ATTR_PRINTF(4, 5);
void settlement_cursor(struct job *job, const char *name, const char *value);
void settlement_out(struct job *job, const struct settle_out *out);
void settlement_timer(struct job *job, const struct settle_timer *timer);

// The row of the outbox that was added last is written even if the attempt fails.
void settlement_out_stays(struct job *job);

// So is what was said of the entity's state: for what goes with an effect.
void settlement_state_stays(struct job *job, const char *entity);

// A word for the journey step ("skipped: the quote is a draft"); the last one stays.
void settlement_note(struct job *job, const char *fmt, ...) ATTR_PRINTF(2, 3);

// One call for the journey step; at most 4 KiB of them are kept.
void settlement_call(struct job *job, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
