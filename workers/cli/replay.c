// workers/cli/replay.c - dead letters are produced once more.
#include "workers/cli/replay.h"

#include <pthread.h>
#include <string.h>
#include <sysexits.h>

#include "common/kafka_producer.h"

enum { DELIVERY_MS = 30 * 1000, FLUSH_MS = 5 * 1000 };

// Delivery reports come on the producer's own thread.
struct delivery {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    size_t reported, failed;
    char why[200];
};

static void
delivered(void *owner, void *opaque, int32_t partition, int64_t offset,
          const char *error)
{
    struct delivery *delivery = owner;
    (void)opaque;
    (void)partition;
    (void)offset;
    pthread_mutex_lock(&delivery->mutex);
    delivery->reported++;
    if (error != NULL) {
        delivery->failed++;
        (void)str_copy(delivery->why, sizeof delivery->why, error);
    }
    pthread_cond_signal(&delivery->changed);
    pthread_mutex_unlock(&delivery->mutex);
}

const char *
replay_fate(struct cli *cli, const char *worker, const char *seen, int *status)
{
    static const char sql[] =
        "SELECT 'finished' FROM relais.finished_event WHERE worker = $1 AND event = $2"
        " UNION ALL SELECT 'parked' FROM relais.parked_event"
        " WHERE worker = $1 AND event = $2";
    char group[PLACE_NAME];
    places_group(worker, group); // the ledger knows a worker by its group
    struct pg_param params[] = {PG_TEXT(group), PG_TEXT(seen)};
    const char *fate = NULL;
    struct pg_rows *rows = cli_query(cli, sql, params, 2, status);
    if (rows == NULL)
        return NULL;
    if (pg_rows_count(rows) > 0)
        fate = strcmp(pg_text(rows, 0, 0), "parked") == 0 ? "parked" : "finished";
    pg_rows_free(rows);
    return fate;
}

// Waits for as many reports as records were queued, or until one of them failed: the
// queue is bounded, so that a full one also waits here.
static void
wait_for(struct delivery *delivery, size_t count)
{
    pthread_mutex_lock(&delivery->mutex);
    while (delivery->reported < count)
        pthread_cond_wait(&delivery->changed, &delivery->mutex);
    pthread_mutex_unlock(&delivery->mutex);
}

static bool
produce_one(struct kafka_producer *producer, struct delivery *delivery,
            const struct record *record, size_t before, struct error *err)
{
    if (kafka_produce(producer, record, NULL, err))
        return true;
    if (err->kind != ERROR_RETRYABLE)
        return false;
    wait_for(delivery, before); // the queue is full: let it become empty
    error_clear(err);
    return kafka_produce(producer, record, NULL, err);
}

static int
produce_all(const struct cli *cli, struct kafka_producer *producer,
            struct delivery *delivery, struct record *const records[], size_t count)
{
    struct error err = {0};
    size_t queued = 0;
    while (queued < count
           && produce_one(producer, delivery, records[queued], queued, &err))
        queued++;
    wait_for(delivery, queued);
    if (err.kind != ERROR_NONE)
        return cli_error(cli, &err);
    if (delivery->failed > 0)
        return cli_fail(cli, EX_TEMPFAIL, "%zu of %zu were not taken by Kafka: %s",
                        delivery->failed, count, delivery->why);
    return EX_OK;
}

int
replay_produce(const struct cli *cli, struct record *const records[], size_t count)
{
    struct delivery delivery = {
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
    const struct kafka_producer_options options = {
        .brokers = cli->settings.brokers,
        .client_id = "relais-cli",
        .message_timeout_ms = DELIVERY_MS,
        .delivered = delivered,
        .owner = &delivery,
    };
    struct error err = {0};
    struct kafka_producer *producer = kafka_producer_open(&options, &err);
    if (producer == NULL)
        return cli_error(cli, &err);
    int status = produce_all(cli, producer, &delivery, records, count);
    kafka_producer_close(producer, FLUSH_MS);
    return status;
}
