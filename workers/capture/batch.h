// workers/capture/batch.h - sending one batch of changes, watching the session
// meanwhile.
//
// capture_publisher_begin(), capture_batch_send() for each, capture_batch_await().
// After a failure the caller aborts the publisher and repeats the whole batch.
#ifndef RELAIS_CAPTURE_BATCH_H
#define RELAIS_CAPTURE_BATCH_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"
#include "workers/capture/capture.h"
#include "workers/capture/change.h"

struct pg;

struct capture_batch {
    struct capture *capture;
    struct pg *pg;  // the session that holds the lock
    bool too_large; // the brokers refused a record for its size
};

// Queues one change, waiting while there is no room. What librdkafka finds too large
// goes without its rows. RETRYABLE: the session is lost, a record was refused or it is
// time to stop.
bool capture_batch_send(struct capture_batch *batch, struct job *job,
                        struct capture_change *change,
                        struct error *err) ATTR_MUST_CHECK;

// Waits until Kafka has them all. RETRYABLE as above.
bool capture_batch_await(struct capture_batch *batch,
                         struct error *err) ATTR_MUST_CHECK;

// Makes a hint of the change, and tells why.
void capture_batch_hint(struct capture_batch *batch, struct capture_change *change,
                        const char *why);

#endif
