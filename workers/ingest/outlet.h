// workers/ingest/outlet.h - the way to Kafka: a producer that is replaced when it died.
#ifndef RELAIS_INGEST_OUTLET_H
#define RELAIS_INGEST_OUTLET_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct ingest_outlet;

// One record on its way. It stays in place until `report` was called.
struct ingest_ticket {
    // error NULL: the record is in Kafka. Called once, on the producer's thread; must
    // not block.
    void (*report)(struct ingest_ticket *ticket, const char *error);
};

// Opens the producer. Records wait in its queue for as long as it takes: one that was
// given up could be overtaken by a later one of its key.
struct ingest_outlet *ingest_outlet_open(const char *brokers,
                                         struct error *err) ATTR_MUST_CHECK;

// Gives Kafka at most flush_ms; every ticket has had its report when this returns.
void ingest_outlet_close(struct ingest_outlet *outlet, int64_t flush_ms);

// Queues one record. False: it was not taken, and no report comes.
bool ingest_outlet_send(struct ingest_outlet *outlet, const struct record *record,
                        struct ingest_ticket *ticket,
                        struct error *err) ATTR_MUST_CHECK;

// Replaces the producer if it died; the reports of what it held come first, as failed.
// Called now and then, by one thread. May block for some seconds when it does.
void ingest_outlet_mend(struct ingest_outlet *outlet);

// Whether Kafka answers.
bool ingest_outlet_reachable(struct ingest_outlet *outlet);

#endif
