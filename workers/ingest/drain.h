// workers/ingest/drain.h - moves the spool's rows to Kafka, in order.
#ifndef RELAIS_INGEST_DRAIN_H
#define RELAIS_INGEST_DRAIN_H

#include <stdint.h>

#include "workers/ingest/outlet.h"
#include "workers/ingest/spool.h"

struct ingest_drain;

// Starts the thread. A row is removed after its delivery report; one that is too large
// for Kafka is set aside, so that it does not stop the others.
struct ingest_drain *ingest_drain_start(struct ingest_spool *spool,
                                        struct ingest_outlet *outlet,
                                        int64_t message_max_bytes);

// Asks it to stop: nothing new is sent, reports are still waited for.
void ingest_drain_stop(struct ingest_drain *drain);

// Waits for its end, which comes when all reports did; after ingest_outlet_close().
void ingest_drain_end(struct ingest_drain *drain);

#endif
