// common/kafka_consumer.h - the consumer (librdkafka): a thread that polls always,
// hands records over in batches, and commits the finished prefix.
#ifndef RELAIS_KAFKA_CONSUMER_H
#define RELAIS_KAFKA_CONSUMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct kafka_consumer;

// Called on the poll thread.
struct kafka_consumer_owner {
    void *owner;
    // Partition numbers (the same of every topic) are ours; nothing is fetched from
    // them until kafka_consumer_ready(). Must not block.
    void (*assigned)(void *owner, const int32_t *partitions, int count,
                     uint64_t generation);
    // They are being taken away. Stops dispatching and returns when what runs is
    // settled, or after its own grace. Afterwards the finished prefix is committed.
    void (*revoked)(void *owner);
    // Records in the order of their partitions, linked by `next`; the owner frees them
    // and calls kafka_consumer_done() for each.
    void (*records)(void *owner, struct record *first);
    // Whether nothing may be fetched for now (a dependency is down, draining).
    bool (*paused)(void *owner);
};

struct kafka_consumer_options {
    const char *brokers, *group, *client_id;
    const char *const *topics; // NULL-terminated
    const char *reset;         // auto.offset.reset: "error" for everything with effects
    int64_t high_water;        // records in memory at which fetching pauses
    struct kafka_consumer_owner owner;
};

// Joins the group and starts the thread. Range assignor: with equal partition counts
// one member owns the same partition numbers of every topic. Dynamic membership unless
// KAFKA_GROUP_INSTANCE_ID is set.
struct kafka_consumer *kafka_consumer_open(const struct kafka_consumer_options *options,
                                           struct error *err) ATTR_MUST_CHECK;

// The partitions handed over by assigned() with this generation may be fetched; a word
// that comes too late, for an older assignment, does nothing. Any thread.
void kafka_consumer_ready(struct kafka_consumer *consumer, uint64_t generation);

// A record is finished or parked; its offset may be committed. Any thread. Ignored if
// its assignment is over.
void kafka_consumer_done(struct kafka_consumer *consumer, const struct record *record);

// A record is given up without being done: its offset is not committed, and its next
// owner gets it again. Any thread.
void kafka_consumer_drop(struct kafka_consumer *consumer, const struct record *record);

// Leaves the group and joins it again: every partition is taken away and assigned anew.
// For when the ledger says that somebody else owns what Kafka says is ours. Any thread.
void kafka_consumer_rejoin(struct kafka_consumer *consumer);

// Records handed over and not done. Any thread.
int64_t kafka_consumer_in_flight(const struct kafka_consumer *consumer);

// A number that moves with every poll; whether partitions are assigned; what ended the
// thread, or NULL while it runs. Any thread.
uint64_t kafka_consumer_polls(const struct kafka_consumer *consumer);
bool kafka_consumer_assigned(const struct kafka_consumer *consumer);
const char *kafka_consumer_fatal(const struct kafka_consumer *consumer);

// Whether the poll thread is in a rebalance or makes a new handle: then it waits for
// calls under way and for the broker, and need not turn. Any thread.
bool kafka_consumer_waits(const struct kafka_consumer *consumer);

// Whether that was another member of the group under our KAFKA_GROUP_INSTANCE_ID: a new
// process joins again. Who is fenced after it lost its own session joins again by
// itself.
bool kafka_consumer_fenced(const struct kafka_consumer *consumer);

// Whether the poll thread turned within the group's session time-out. If not, as after
// the process was frozen, somebody else may own what we hold, and nothing may be sent
// until that is known. Any thread.
bool kafka_consumer_alive(const struct kafka_consumer *consumer);

// Records that wait in Kafka behind what was fetched, over all assigned partitions.
int64_t kafka_consumer_lag(const struct kafka_consumer *consumer);

// Stops the thread: commits the finished prefix and leaves the group (revoked() is
// called). May wait for a broker that is away.
void kafka_consumer_stop(struct kafka_consumer *consumer);

// After that, when nobody has a record of it any more.
void kafka_consumer_free(struct kafka_consumer *consumer);

#endif
