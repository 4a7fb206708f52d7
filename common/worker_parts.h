// common/worker_parts.h - what the parts of a worker share. Private to worker*.c,
// lanes*.c, attempt*.c.
//
//   worker.c         settings, opening, signals
//   worker_stop.c    drain, close
//   worker_watch.c   whether its threads turn
//   worker_sent.c    follow-ups on their way to Kafka
//   worker_kafka.c   between consumer, producer and lanes: records in, follow-ups out
//   worker_keeper.c  the thread for what is rare: assignments, due lanes, sweeps,
//   probes lanes.c          one loop's lanes: FIFO per key, fair over companies
//   lanes_park.c     lanes whose events wait in the ledger
//   attempt.c        one event handled once: fiber, decision, settle
//   dead_letter.c    what becomes of an event that can never pass
#ifndef RELAIS_WORKER_PARTS_H
#define RELAIS_WORKER_PARTS_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/circuit.h"
#include "common/gate.h"
#include "common/integration.h"
#include "common/kafka_consumer.h"
#include "common/kafka_producer.h"
#include "common/ledger_pg.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/progress.h"
#include "common/redis.h"
#include "common/retry.h"

struct lanes;
struct keeper;
struct str;

enum { WORKER_LOOPS_MAX = 32, WORKER_PARTITIONS_MAX = 1024 };

struct worker_settings {
    const char *brokers, *database_url, *redis_url, *group, *admin_host;
    int64_t admin_port;
    int64_t loops, fibers, stack_bytes, high_water;
    int64_t job_timeout_ms, effect_timeout_ms, effect_margin_ms;
    int64_t retry_first_ms, retry_memory_ms, retry_park_ms, retry_max_ms, give_up_ms;
    int64_t gate_refused_ms, gate_park_ms;
    int64_t breaker_failures, breaker_window_ms, breaker_probe_ms;
    int64_t sweep_ms, drain_ms, revoke_grace_ms, retention_ms, hung_ms;
    bool sweeps, clock_movable;
};

struct worker {
    const struct integration *integration;
    void *state;
    struct worker_settings settings;
    struct integration_options options;
    char group[200], webhooks[200], commands[200]; // what they are unless they say so
    struct retry_policy retry_policy;
    struct metrics *metrics;
    struct ledger_pg *ledger; // NULL: nothing is remembered
    struct kafka_consumer *consumer;
    struct redis *redis; // NULL: nothing is shared with other processes
    struct gates *gates;
    struct circuits *circuits;
    struct loop *loops[WORKER_LOOPS_MAX];
    struct lanes *lanes[WORKER_LOOPS_MAX];
    int loop_count;
    struct keeper *keeper;

    struct worker_sent *sent;
    pthread_mutex_t producer_lock; // of `producer`: replaced after a fatal error
    struct kafka_producer *producer;

    // Epoch by partition; 0 = not ours. Whoever makes a call or a write compares.
    atomic_llong epochs[WORKER_PARTITIONS_MAX];
    atomic_llong running; // attempts that are not settled
    pthread_mutex_t idle_lock;
    pthread_cond_t idle;   // signalled when the last of them is
    atomic_llong errands;  // sweeps and probes under way
    atomic_llong ahead_ms; // of the business's clock; 0 unless CLOCK_MOVABLE
    atomic_bool draining;  // no new call leaves, nothing new is dispatched
    atomic_bool fenced;    // the ledger said somebody else owns what we hold
    // Of the loops and the poll thread; `hanging`, of the main thread: one of them
    // stands still, and the log knows.
    struct progress progress;
    bool hanging;
    struct metric *metric_running, *metric_ready, *metric_lag;
    struct metric *metric_parked, *metric_outbox, *metric_attention;
    struct metric **metric_done; // by row of the handlers' table
    struct metric_histogram *attempt_time;
};

// Whether nothing may be dispatched or fetched for now. Any thread.
bool worker_paused(struct worker *worker);

// An attempt is settled. Any loop.
void worker_attempt_over(struct worker *worker);
// Waits until none runs, or until_ms (of clock_ms()). Not on a loop.
void worker_wait_idle(struct worker *worker, int64_t until_ms);

// worker_watch.c
// Looks whether every loop and the poll thread turned since the last time. The main
// thread, about once a second.
bool worker_moves(struct worker *worker);
// Whether one of them has stood still for HUNG_MS; adds which to `why`. Any thread,
// never blocks.
bool worker_hangs(struct worker *worker, struct str *why);

// worker_stop.c
// Nothing new leaves; calls under way get their time. What is cut stays undone or
// unsure in the ledger, for whoever comes next. False: not all have ended, or a second
// signal came.
bool worker_drain(struct worker *worker, const sigset_t *signals);
// Ends everything; the process ends with that status if it takes too long.
void worker_close(struct worker *worker, int status);

// worker_sent.c
struct sent {
    struct sent *next;
    uint64_t hash;
    char *topic, *id;
};
struct worker_sent *worker_sent_new(void);
void worker_sent_free(struct worker_sent *all);
// Notes that a follow-up is given to the producer; NULL if it is on its way already.
// Any thread.
struct sent *worker_sent_begin(struct worker_sent *all, const char *topic,
                               const char *id);
// It is there, or will not come. Any thread.
void worker_sent_end(struct worker_sent *all, struct sent *sent);

// worker_kafka.c
bool worker_kafka_open(struct worker *worker, struct error *err) ATTR_MUST_CHECK;
bool worker_producer_open(struct worker *worker, struct error *err) ATTR_MUST_CHECK;
// Sends one follow-up; called by the ledger's threads. Waits while the queue is full.
void worker_publish(void *owner, const struct settle_out *out);
// The largest record that can be sent.
int64_t worker_record_bytes(struct worker *worker);
// Puts a new producer in the place of one that had a fatal error. True if it did.
bool worker_producer_renew(struct worker *worker);

// worker_keeper.c
void keeper_open(struct worker *worker); // before the consumer, which tells it
bool keeper_start(struct worker *worker, struct error *err) ATTR_MUST_CHECK; // after it
void keeper_close(struct worker *worker); // nothing of it runs any more
void keeper_free(struct worker *worker);
void keeper_assigned(struct worker *worker, const int32_t *partitions, int count,
                     uint64_t generation);
void keeper_revoked(struct worker *worker);

#endif
