#include "workers/ingest/exchange.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum {
    KEPT = 256,            // exchanges that wait to be used again
    BODY_KEPT = 16 * 1024, // bytes of a body's memory that are kept with one
};

struct ingest_exchanges {
    size_t body_max;
    pthread_mutex_t mutex; // all below
    struct ingest_exchange *first;
    size_t count;
};

struct ingest_exchanges *
ingest_exchanges_open(size_t body_max)
{
    struct ingest_exchanges *all = str_calloc(1, sizeof *all);
    all->body_max = body_max;
    pthread_mutex_init(&all->mutex, NULL);
    return all;
}

static void
drop(struct ingest_exchange *exchange)
{
    str_end(&exchange->body);
    free(exchange);
}

void
ingest_exchanges_close(struct ingest_exchanges *all)
{
    if (all == NULL)
        return;
    while (all->first != NULL) {
        struct ingest_exchange *exchange = all->first;
        all->first = exchange->next;
        drop(exchange);
    }
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

struct ingest_exchange *
ingest_exchange_take(struct ingest_exchanges *all)
{
    pthread_mutex_lock(&all->mutex);
    struct ingest_exchange *exchange = all->first;
    if (exchange != NULL) {
        all->first = exchange->next;
        all->count--;
    }
    pthread_mutex_unlock(&all->mutex);
    if (exchange == NULL) {
        exchange = str_calloc(1, sizeof *exchange);
        str_begin(&exchange->body, all->body_max);
    }
    job_begin(&exchange->job, 0);
    job_lend(&exchange->job, exchange->memory, sizeof exchange->memory);
    return exchange;
}

void
ingest_exchange_give(struct ingest_exchanges *all, struct ingest_exchange *exchange)
{
    struct str body = exchange->body;
    job_end(&exchange->job);
    memset(exchange, 0, offsetof(struct ingest_exchange, memory));
    exchange->body = body;
    exchange->body.length = 0;
    exchange->body.failed = false;
    exchange->body.data[0] = '\0';

    pthread_mutex_lock(&all->mutex);
    bool kept = body.room <= BODY_KEPT && all->count < KEPT;
    if (kept) {
        exchange->next = all->first;
        all->first = exchange;
        all->count++;
    }
    pthread_mutex_unlock(&all->mutex);
    if (!kept)
        drop(exchange);
}
