// common/kafka_consumer_parts.h - what the parts of the consumer share. Private to
// kafka_consumer*.c; unless said otherwise all of it runs on the poll thread.
//
//   kafka_consumer.c        opening, the poll thread, what other threads call
//   kafka_consumer_group.c  commits, rebalance and membership
//   kafka_consumer_fetch.c  when partitions are fetched from, and when they wait
#ifndef RELAIS_KAFKA_CONSUMER_PARTS_H
#define RELAIS_KAFKA_CONSUMER_PARTS_H

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/kafka_consumer.h"
#include "common/offsets.h"

enum { KAFKA_SLOTS_MAX = 4096 };

// One partition of one topic, for the life of the consumer.
struct kafka_slot {
    char *topic;
    int32_t partition;
    pthread_mutex_t lock; // of offsets, generation
    struct offsets offsets;
    uint64_t generation; // 0: not assigned
    int64_t committed;   // poll thread only
    bool paused;         // poll thread only: it holds its share of the memory
    atomic_llong in_memory;
};

struct kafka_consumer {
    rd_kafka_t *rk;
    rd_kafka_conf_t *conf; // as it was read: a handle blots secrets out of its own
    rd_kafka_topic_partition_list_t *topics;
    struct kafka_consumer_owner owner;
    int64_t high_water;
    pthread_t thread;
    struct kafka_slot *slots[KAFKA_SLOTS_MAX];
    int slot_count;
    struct kafka_slot *last_slot; // of the record before: batches are of one partition
    int32_t numbers[KAFKA_SLOTS_MAX]; // scratch of take()
    uint64_t generation;
    bool fetching; // poll thread: partitions are not paused
    int64_t commit_at_ms, lag_at_ms, hurry_at_ms;
    int hurried;         // the slot whose broker was woken last
    atomic_ullong ready; // the generation whose partitions may be fetched
    atomic_bool stop, rejoin, assigned, over_high_water;
    atomic_bool waits; // for calls under way, or for the broker
    atomic_llong in_flight, lag;
    atomic_ullong polls;
    atomic_llong polled_ms; // when
    int64_t session_ms;
    int64_t reset;     // where a partition without a committed offset begins
    bool session_lost; // poll thread: and nothing was assigned since
    bool anew;         // poll thread: only a new handle can join the group again
    char *_Atomic fatal;
    atomic_bool fenced;
};

// The slot of that partition, made at the first call.
struct kafka_slot *kafka_consumer_slot(struct kafka_consumer *consumer,
                                       const char *topic, int32_t partition);

// ---- kafka_consumer_group.c

// Commits what grew since the last time. wait: blocks until the broker has answered.
void kafka_consumer_commit(struct kafka_consumer *consumer, bool wait);

// The callbacks of librdkafka; opaque is the consumer.
void kafka_consumer_on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t *list, void *opaque);
void kafka_consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                                 rd_kafka_topic_partition_list_t *list, void *opaque);

// Makes the handle, in place of one that it has, and subscribes to the topics. Errors:
// fatal. May block for a moment.
//
// Another handle is the way back for who was fenced though nobody else has its name:
// librdkafka 2.0.2 holds commits back while the coordinator is away, and sends them
// when it is there again, under no member id if the session was lost meanwhile. A
// member with KAFKA_GROUP_INSTANCE_ID is fenced for that, which is final for its
// handle.
bool kafka_consumer_make(struct kafka_consumer *consumer,
                         struct error *err) ATTR_MUST_CHECK;

// Leaves the group and joins it again.
void kafka_consumer_join_again(struct kafka_consumer *consumer);

// ---- kafka_consumer_fetch.c

// Pauses or resumes all partitions, as the memory, the owner and the assignment ask.
// May block for a moment while the memory is full.
void kafka_consumer_fetch(struct kafka_consumer *consumer);
// Pauses the partitions that hold more than their share of the memory.
void kafka_consumer_share(struct kafka_consumer *consumer);
// Wakes librdkafka's fetching where records wait at the broker.
void kafka_consumer_hurry_fetch(struct kafka_consumer *consumer);
// Sets consumer->lag: the records behind those that were fetched.
void kafka_consumer_measure(struct kafka_consumer *consumer);

#endif
