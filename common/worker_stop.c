// How a worker ends: calls under way get their time, everything is closed in an order
// in which nobody looks at what is gone, and none of it may take for ever.
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/admin.h"
#include "common/clock.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/worker_parts.h"

enum { CLOSE_MS = 15 * 1000, FLUSH_MS = 5000 };

bool
worker_drain(struct worker *worker, const sigset_t *signals)
{
    const struct timespec tick = {.tv_nsec = 10 * 1000 * 1000};
    int64_t until_ms = clock_ms() + worker->settings.drain_ms;
    admin_notify("STOPPING=1");
    log_info("draining", "%lld attempts", (long long)atomic_load(&worker->running));
    atomic_store(&worker->draining, true);
    while (atomic_load(&worker->running) + atomic_load(&worker->errands) > 0) {
        int number = sigtimedwait(signals, NULL, &tick);
        if (clock_ms() >= until_ms || number == SIGTERM || number == SIGINT)
            return false;
    }
    return true;
}

// A broker that is away may keep librdkafka from closing. What counts is in Kafka and
// Postgres by then.
struct close_guard {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool over;
    int status;
};

static void *
guard_main(void *arg)
{
    struct close_guard *guard = arg;
    int64_t until_ms = clock_ms() + CLOSE_MS;
    struct timespec until = {.tv_sec = until_ms / 1000,
                             .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&guard->lock);
    while (!guard->over
           && pthread_cond_timedwait(&guard->changed, &guard->lock, &until) == 0)
        continue;
    bool over = guard->over;
    pthread_mutex_unlock(&guard->lock);
    if (!over) {
        log_warn("stopped", "Kafka or Postgres did not let go in time");
        _exit(guard->status);
    }
    return NULL;
}

static void
guard_begin(struct close_guard *guard, int status)
{
    *guard = (struct close_guard){.status = status};
    pthread_condattr_t monotonic;
    pthread_mutex_init(&guard->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&guard->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&guard->thread, NULL, guard_main, guard) != 0)
        abort();
}

static void
guard_end(struct close_guard *guard)
{
    pthread_mutex_lock(&guard->lock);
    guard->over = true;
    pthread_cond_signal(&guard->changed);
    pthread_mutex_unlock(&guard->lock);
    pthread_join(guard->thread, NULL);
    pthread_mutex_destroy(&guard->lock);
    pthread_cond_destroy(&guard->changed);
}

// The keeper goes first, because it tells the consumer; the consumer's memory goes
// after the lanes, because their records belong to it; the producer's reports and the
// last rows on their way need the ledger, whose answers need the loops.
static void
close_parts(struct worker *worker)
{
    keeper_close(worker);
    kafka_consumer_stop(worker->consumer);
    kafka_producer_close(worker->producer, FLUSH_MS);
    if (worker->ledger != NULL)
        ledger_pg_stop(worker->ledger);
    redis_stop(worker->redis);
    for (int i = 0; i < worker->loop_count; i++)
        loop_stop(worker->loops[i]);
    for (int i = 0; i < worker->loop_count; i++) {
        lanes_free(worker->lanes[i]);
        loop_free(worker->loops[i]);
    }
    kafka_consumer_free(worker->consumer);
    ledger_pg_close(worker->ledger);
}

void
worker_close(struct worker *worker, int status)
{
    const struct integration *it = worker->integration;
    struct close_guard guard;
    guard_begin(&guard, status);
    close_parts(worker);
    if (it->close != NULL)
        it->close(worker->state); // may wait for Directus's Postgres, too
    guard_end(&guard);
    keeper_free(worker);
    worker_sent_free(worker->sent);
    pthread_cond_destroy(&worker->idle);
    pthread_mutex_destroy(&worker->idle_lock);
    pthread_mutex_destroy(&worker->producer_lock);
    circuits_free(worker->circuits);
    gates_free(worker->gates);
    redis_free(worker->redis);
    metrics_free(worker->metrics);
    free(worker->metric_done);
}
