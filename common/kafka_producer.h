// common/kafka_producer.h - the idempotent producer (librdkafka).
#ifndef RELAIS_KAFKA_PRODUCER_H
#define RELAIS_KAFKA_PRODUCER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct kafka_producer;

// Told once per record, on the producer's own thread: offset >= 0 and error NULL, or an
// error text (offset -1; the record may be there nevertheless). `opaque` is what was
// given to kafka_produce(). Must not block for long: reports of other records wait
// behind it.
typedef void kafka_delivered(void *owner, void *opaque, int32_t partition,
                             int64_t offset, const char *error);

struct kafka_producer_options {
    const char *brokers;
    const char *client_id;
    int64_t message_timeout_ms; // 0 = for ever (outbox); ingest uses a short one
    int64_t linger_ms;
    int64_t max_queue_kbytes; // default 16 MiB
    int64_t record_bytes;     // message.max.bytes; 0 = librdkafka's 1,000,000
    kafka_delivered *delivered;
    void *owner;
};

// acks=all, enable.idempotence, one request under way to a broker at a time,
// murmur2_random partitioner; every KAFKA_* variable that is not one of ours passes
// through (KAFKA_SSL_CA_LOCATION -> ssl.ca.location). Starts
// a thread that polls for delivery reports, and logs when no broker is to be reached
// for some seconds, and when one is again.
struct kafka_producer *kafka_producer_open(const struct kafka_producer_options *options,
                                           struct error *err) ATTR_MUST_CHECK;

// Waits at most flush_ms for what is under way, reports the rest as failed through
// delivered(), then closes. Blocks.
void kafka_producer_close(struct kafka_producer *producer, int64_t flush_ms);

// Queues one record (topic, key, headers, payload are copied). A result comes exactly
// once through delivered(), except when this returns false: RETRYABLE, the queue is
// full (wait a little, or go another way); PERMANENT, the record is too large or the
// topic name is bad.
bool kafka_produce(struct kafka_producer *producer, const struct record *record,
                   void *opaque, struct error *err) ATTR_MUST_CHECK;

// The largest record it takes, key and headers with it (KAFKA_MESSAGE_MAX_BYTES).
int64_t kafka_producer_record_bytes(const struct kafka_producer *producer);

// True after a fatal error: nothing goes out any more; open a new one.
bool kafka_producer_dead(struct kafka_producer *producer);

// Whether a broker answered at the last look: false from the start until the first
// answer, and while all brokers are away (asked about once a second). For readyz. Never
// blocks.
bool kafka_producer_reachable(struct kafka_producer *producer);

// Why no broker is reachable, naming KAFKA_BROKERS. Any thread.
void kafka_producer_trouble(struct kafka_producer *producer, char *why, size_t size);

// Whether the error text given to delivered() says that the broker takes no record of
// that size: it will never pass as it is.
bool kafka_delivery_too_large(const char *error);

#endif
