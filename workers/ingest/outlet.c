#include "workers/ingest/outlet.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/kafka_producer.h"
#include "common/log.h"
#include "common/str.h"

struct ingest_outlet {
    char *brokers;
    pthread_rwlock_t lock; // of producer; held for reading while it is used
    struct kafka_producer *producer;
};

static void
on_delivered(void *owner, void *opaque, int32_t partition, int64_t offset,
             const char *error)
{
    struct ingest_ticket *ticket = opaque;
    (void)owner, (void)partition, (void)offset;
    ticket->report(ticket, error);
}

static struct kafka_producer *
open_producer(struct ingest_outlet *outlet, struct error *err)
{
    struct kafka_producer_options options = {
        .brokers = outlet->brokers,
        .client_id = "relais-ingest",
        .message_timeout_ms = 0,
        // Without any, the broker thread spins while all its requests are out.
        .linger_ms = 1,
        .delivered = on_delivered,
        .owner = outlet,
    };
    return kafka_producer_open(&options, err);
}

struct ingest_outlet *
ingest_outlet_open(const char *brokers, struct error *err)
{
    struct ingest_outlet *outlet = str_calloc(1, sizeof *outlet);
    outlet->brokers = str_dup(brokers);
    outlet->producer = open_producer(outlet, err);
    if (outlet->producer == NULL) {
        free(outlet->brokers);
        free(outlet);
        return NULL;
    }
    pthread_rwlock_init(&outlet->lock, NULL);
    return outlet;
}

void
ingest_outlet_close(struct ingest_outlet *outlet, int64_t flush_ms)
{
    if (outlet == NULL)
        return;
    kafka_producer_close(outlet->producer, flush_ms);
    pthread_rwlock_destroy(&outlet->lock);
    free(outlet->brokers);
    free(outlet);
}

bool
ingest_outlet_send(struct ingest_outlet *outlet, const struct record *record,
                   struct ingest_ticket *ticket, struct error *err)
{
    pthread_rwlock_rdlock(&outlet->lock);
    bool taken = kafka_produce(outlet->producer, record, ticket, err);
    pthread_rwlock_unlock(&outlet->lock);
    return taken;
}

void
ingest_outlet_mend(struct ingest_outlet *outlet)
{
    struct error err;
    if (!kafka_producer_dead(outlet->producer))
        return;
    // Only this function changes the pointer, so it may be read without the lock here.
    struct kafka_producer *fresh = open_producer(outlet, &err);
    if (fresh == NULL) {
        log_warn("kafka", "no new producer: %s", err.text);
        return;
    }
    log_warn("kafka", "the producer failed for good and is replaced");
    pthread_rwlock_wrlock(&outlet->lock);
    struct kafka_producer *dead = outlet->producer;
    outlet->producer = fresh;
    pthread_rwlock_unlock(&outlet->lock);
    kafka_producer_close(dead, 0);
}

bool
ingest_outlet_reachable(struct ingest_outlet *outlet)
{
    pthread_rwlock_rdlock(&outlet->lock);
    bool reachable = kafka_producer_reachable(outlet->producer);
    pthread_rwlock_unlock(&outlet->lock);
    return reachable;
}
