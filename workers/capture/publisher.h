// workers/capture/publisher.h - a batch of records, and whether Kafka has them all.
#ifndef RELAIS_CAPTURE_PUBLISHER_H
#define RELAIS_CAPTURE_PUBLISHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct capture_publisher;

// Makes the producer. PERMANENT: the KAFKA_* settings are wrong.
struct capture_publisher *capture_publisher_open(const char *brokers,
                                                 struct error *err) ATTR_MUST_CHECK;

// Waits at most flush_ms for what is under way.
void capture_publisher_close(struct capture_publisher *publisher, int64_t flush_ms);

// Readable when a wait for the publisher is worth another look, until it is drained.
int capture_publisher_fd(const struct capture_publisher *publisher);
void capture_publisher_drain(struct capture_publisher *publisher);

// Begins a batch; the one before must be done or aborted. RETRYABLE: no producer.
bool capture_publisher_begin(struct capture_publisher *publisher,
                             struct error *err) ATTR_MUST_CHECK;

// Queues one record. RETRYABLE: no room now, wait; PERMANENT: it is too large.
bool capture_publisher_send(struct capture_publisher *publisher,
                            const struct record *record,
                            struct error *err) ATTR_MUST_CHECK;

// Whether all of the batch has been acknowledged. False with *failed: at least one was
// refused; *err says why, and *too_large whether it will never pass as it is.
bool capture_publisher_done(struct capture_publisher *publisher, bool *failed,
                            bool *too_large, struct error *err);

// Forgets the batch: nothing of it that has not left goes out any more.
void capture_publisher_abort(struct capture_publisher *publisher);

// For readyz; any thread. stuck_ms: how long the oldest batch has been under way.
bool capture_publisher_reachable(struct capture_publisher *publisher);
void capture_publisher_trouble(struct capture_publisher *publisher, char *why,
                               size_t size);
int64_t capture_publisher_stuck_ms(struct capture_publisher *publisher);

#endif
