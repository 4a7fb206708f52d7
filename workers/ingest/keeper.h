// workers/ingest/keeper.h - has Kafka or the spool keep the events of a delivery, and
// says which, so that the sender is answered only then.
//
// Records that Kafka does not confirm in time are written to the spool too. Nothing is
// taken back from librdkafka, whose queue keeps its order: such an event may arrive
// twice with the same ce_id, but never after one that came later for its key. While the
// spool has rows, everything goes through it.
#ifndef RELAIS_INGEST_KEEPER_H
#define RELAIS_INGEST_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/metrics.h"
#include "common/record.h"
#include "workers/ingest/spool.h"

enum ingest_outcome {
    INGEST_IN_KAFKA,  // the delivery report came
    INGEST_SPOOLED,   // it is on disk
    INGEST_LATER,     // neither
    INGEST_TOO_LARGE, // Kafka takes no record of that size
};

struct ingest_keeper;

struct ingest_keeper_options {
    const char *brokers;
    int64_t kafka_wait_ms;     // until a delivery goes to the spool
    int64_t spool_wait_ms;     // until a delivery that waits for the disk is given up
    int64_t message_max_bytes; // of one record
    struct ingest_spool *spool;
    struct metrics *metrics;
};

// Opens the producer and starts two threads: one watches the waits, one moves the
// spool's rows to Kafka.
struct ingest_keeper *ingest_keeper_open(const struct ingest_keeper_options *options,
                                         struct error *err) ATTR_MUST_CHECK;

// Gives Kafka at most flush_ms for what is under way, then closes. Called when no
// delivery waits any more. What is in the spool stays there.
void ingest_keeper_close(struct ingest_keeper *keeper, int64_t flush_ms);

// Keeps all records of one delivery, in their order. They are taken over and freed.
// `done` is called exactly once, on any thread, perhaps before this returns.
typedef void ingest_done(void *owner, enum ingest_outcome outcome);
void ingest_keeper_put(struct ingest_keeper *keeper, struct record *records[],
                       size_t count, ingest_done *done, void *owner);

// Whether Kafka answers.
bool ingest_keeper_reachable(struct ingest_keeper *keeper);

// Milliseconds since the watching thread last came round.
int64_t ingest_keeper_idle_ms(struct ingest_keeper *keeper);

#endif
