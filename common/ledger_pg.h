// common/ledger_pg.h - the ledger in Postgres: one thread that writes (group commit),
// one that reads, one session for what is rare. Used by the worker; handlers see
// ledger.h.
//
// Loops send requests and are answered by mail; nothing here blocks a loop. While
// Postgres is away requests wait and are tried again until it is back, or until
// ledger_pg_stop().
#ifndef RELAIS_LEDGER_PG_H
#define RELAIS_LEDGER_PG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/ledger.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/record.h"
#include "common/settlement.h"

struct ledger_pg;

enum ledger_write_kind {
    LEDGER_SETTLE,    // an attempt's end: what it left behind, and what becomes of its
                      // event
    LEDGER_INTENT,    // an effect's intent
    LEDGER_PUBLISHED, // outbox rows that Kafka has
};

enum ledger_verdict {
    LEDGER_DONE,    // committed
    LEDGER_FENCED,  // the partition has a newer owner: nothing but confirmed effects
                    // written
    LEDGER_REFUSED, // Postgres refuses this very row: error says why
    LEDGER_STOPPED, // the program ends: not known to be written
};

// What becomes of the event.
enum ledger_event_to {
    LEDGER_EVENT_KEEP,   // nothing yet: it will be tried again soon, from memory
    LEDGER_EVENT_FINISH, // finished (also a dead letter: its row is in the outbox)
    LEDGER_EVENT_PARK,   // waits in parked_event
};

// A row of journey_step; entity NULL = none is written.
struct ledger_step {
    const char *entity, *event, *type, *outcome, *note, *calls;
    int64_t attempt, took_ms;
};

struct ledger_write {
    struct loop_mail
        mail; // comes back to `loop` with the verdict; deliver set by the sender
    struct loop *loop;         // NULL for LEDGER_PUBLISHED: nobody is told, it is freed
    struct ledger_write *next; // private
    enum ledger_write_kind kind;
    int32_t partition; // -1: no fence (sweeps)
    int64_t epoch;
    enum ledger_verdict verdict;
    struct error error;

    // LEDGER_SETTLE
    const struct settlement *settlement; // may be NULL
    struct ledger_step step;
    enum ledger_event_to event_to;
    const char *event;           // what it is remembered by (event_seen_key)
    int64_t parked_seq;          // > 0: it came from this row of parked_event
    const struct record *record; // PARK of an event that was not parked before
    const char *lane;
    int64_t attempts;
    int64_t age_ms; // since the first attempt; -1: there was none
    int64_t due_in_ms;

    // LEDGER_INTENT
    const char *effect_kind, *effect_identity;
    int64_t take_over, timeout_ms;
    struct ledger_effect effect; // the answer; result belongs to the caller: free()

    // LEDGER_PUBLISHED
    char *topic, *id;
};

enum ledger_read_kind {
    LEDGER_READ_SEEN,   // which of `events` are finished or parked
    LEDGER_READ_STATE,  // entity_state of args[0]
    LEDGER_READ_REF,    // external_ref: args = system, company, remote type, remote id
    LEDGER_READ_CURSOR, // args[0]
    LEDGER_READ_EFFECT, // args = kind, identity
    LEDGER_READ_PARKED, // the first 64 rows of lane args[0] in `partition`
};

struct pg_rows;

struct ledger_read {
    struct loop_mail mail;
    struct loop *loop;
    struct ledger_read *next; // private
    enum ledger_read_kind kind;
    const char *args[4];
    int32_t partition;
    struct pg_array *events; // LEDGER_READ_SEEN
    struct pg_rows *rows;    // the answer: pg_rows_free(); NULL when stopped
    struct error error;
};

// A lane that has rows in parked_event.
struct ledger_parked_lane {
    const char *lane;
    int32_t partition;
};

// What waits behind another event in its lane is not due by itself: so far away.
#define LEDGER_BEHIND_MS (INT64_C(100) * 365 * 24 * 60 * 60 * 1000)

// Told what an assignment brought, on the caller's thread: first the epochs; then, when
// the outbox rows are on their way, that all of it is ours (false: it has been taken
// away meanwhile); then the lanes, which may run at once.
struct ledger_assignment {
    void *owner;
    void (*epoch)(void *owner, int32_t partition, int64_t epoch);
    bool (*owned)(void *owner);
    void (*parked)(void *owner, const struct ledger_parked_lane *lane);
};

// Opens the three sessions. worker is the consumer group's name: the scope of finished
// events, epochs, state. publish takes committed follow-ups out (called on the writer's
// thread, in order). The error never shows the URL.
struct ledger_pg_options {
    const char *url, *worker, *owner_name;
    void (*publish)(void *owner, const struct settle_out *out);
    void *owner;
    struct metrics *metrics;
};
struct ledger_pg *ledger_pg_open(const struct ledger_pg_options *options,
                                 struct error *err) ATTR_MUST_CHECK;

// Fails what waits (LEDGER_STOPPED) and ends the threads.
void ledger_pg_stop(struct ledger_pg *ledger);
void ledger_pg_close(struct ledger_pg *ledger);

// The URL of sessions that are made from now on (its password has changed). Any thread.
void ledger_pg_reach(struct ledger_pg *ledger, const char *url);

// Whether the last word with Postgres was a good one. Any thread.
bool ledger_pg_up(const struct ledger_pg *ledger);

// Why the last try to connect failed, "" if none did. Any thread.
void ledger_pg_trouble(struct ledger_pg *ledger, char *why, size_t size);

// Queue a request. Any thread, never blocks. Writes of one thread keep their order.
void ledger_pg_write(struct ledger_pg *ledger, struct ledger_write *write);
void ledger_pg_read(struct ledger_pg *ledger, struct ledger_read *read);

// Tells that Kafka has this follow-up: its outbox row goes.
void ledger_pg_published(struct ledger_pg *ledger, const char *topic, const char *id);

// Takes partitions over, on the calling thread (the keeper's session; not a loop):
// raises their epochs, after which no older owner writes, publishes the outbox rows
// they own, and tells the parked lanes. False with RETRYABLE while Postgres is away:
// call again.
bool ledger_pg_assign(struct ledger_pg *ledger, const int32_t *partitions, int count,
                      const struct ledger_assignment *told,
                      struct error *err) ATTR_MUST_CHECK;

// Publishes outbox rows again: those of `partitions` and, if this process could become
// or is the leader, those without an owner. Same thread as ledger_pg_assign().
bool ledger_pg_republish(struct ledger_pg *ledger, const int32_t *partitions, int count,
                         bool again, struct error *err) ATTR_MUST_CHECK;

// Tells the lanes of these partitions whose first event is due. Same thread.
bool ledger_pg_due(struct ledger_pg *ledger, const int32_t *partitions, int count,
                   void (*due)(void *owner, const struct ledger_parked_lane *lane),
                   void *owner, struct error *err) ATTR_MUST_CHECK;

// Publishes the worker's timers that are due by the database's clock, ahead_ms added.
// Any process of the worker may do it at any time. Same thread.
bool ledger_pg_fire(struct ledger_pg *ledger, int64_t ahead_ms,
                    struct error *err) ATTR_MUST_CHECK;

// How far `relais clock` moved the business's clock. Same thread.
bool ledger_pg_clock(struct ledger_pg *ledger, int64_t *ahead_ms,
                     struct error *err) ATTR_MUST_CHECK;

// Whether this process may sweep (it holds the worker's advisory lock). Same thread.
bool ledger_pg_may_sweep(struct ledger_pg *ledger);

// Walks a slice of finished_event and journey_step (8 MiB each) and deletes this
// worker's rows that are older than keep_ms; *more tells that the end is not reached:
// call again. After it, the next call begins anew. Same thread.
bool ledger_pg_retire(struct ledger_pg *ledger, int64_t keep_ms, bool *more,
                      struct error *err) ATTR_MUST_CHECK;

// What waits in the ledger for this worker, in all its processes.
struct ledger_counts {
    int64_t parked, outbox, attention;
};
// Counts it. Same thread.
bool ledger_pg_counts(struct ledger_pg *ledger, struct ledger_counts *counts,
                      struct error *err) ATTR_MUST_CHECK;

// The ledger handlers see, for jobs run by attempts of partition/epoch (-1: no fence).
// Memory belongs to the job.
struct ledger *ledger_pg_for_job(struct ledger_pg *ledger, struct job *job,
                                 int32_t partition, int64_t epoch);

#endif
