#include "workers/capture/publisher.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/kafka_producer.h"
#include "common/str.h"

struct capture_publisher {
    const char *brokers;
    int event_fd;
    pthread_mutex_t open_lock;       // guards `producer` against the admin thread
    struct kafka_producer *producer; // NULL after an abort

    // Shared with the producer's thread. Each count is of the present batch: abort
    // closes the producer, so no report of an older one can come.
    pthread_mutex_t lock;
    size_t pending;
    bool hungry; // somebody waits for room
    bool failed;
    bool too_large;
    char error[200];

    _Atomic int64_t began_ms; // of the batch under way, 0 = none
};

static void
wake(struct capture_publisher *publisher)
{
    const uint64_t one = 1;

    if (write(publisher->event_fd, &one, sizeof one) < 0)
        return; // the counter is full: it is readable then
}

static void
on_delivered(void *owner, void *opaque, int32_t partition, int64_t offset,
             const char *error)
{
    struct capture_publisher *publisher = owner;

    (void)opaque;
    (void)partition;
    (void)offset;
    pthread_mutex_lock(&publisher->lock);
    publisher->pending--;
    if (error != NULL && !publisher->failed) {
        publisher->failed = true;
        publisher->too_large = kafka_delivery_too_large(error);
        str_copy(publisher->error, sizeof publisher->error, error);
    }
    bool worth = publisher->pending == 0 || publisher->failed || publisher->hungry;
    publisher->hungry = false;
    pthread_mutex_unlock(&publisher->lock);
    if (worth)
        wake(publisher);
}

// message_timeout_ms 0: a record that is given up would be overtaken by those behind
// it.
static struct kafka_producer *
open_producer(struct capture_publisher *publisher, struct error *err)
{
    const struct kafka_producer_options options = {
        .brokers = publisher->brokers,
        .client_id = "relais-capture",
        .message_timeout_ms = 0,
        .linger_ms = 0,
        .delivered = on_delivered,
        .owner = publisher,
    };

    return kafka_producer_open(&options, err);
}

struct capture_publisher *
capture_publisher_open(const char *brokers, struct error *err)
{
    struct capture_publisher *publisher = str_calloc(1, sizeof *publisher);

    publisher->brokers = brokers;
    publisher->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&publisher->lock, NULL);
    pthread_mutex_init(&publisher->open_lock, NULL);
    publisher->producer = open_producer(publisher, err);
    if (publisher->producer != NULL)
        return publisher;
    capture_publisher_close(publisher, 0);
    return NULL;
}

// Takes the producer away from the admin thread before closing it, which takes a while.
static void
close_producer(struct capture_publisher *publisher, int64_t flush_ms)
{
    pthread_mutex_lock(&publisher->open_lock);
    struct kafka_producer *producer = publisher->producer;
    publisher->producer = NULL;
    pthread_mutex_unlock(&publisher->open_lock);
    kafka_producer_close(producer, flush_ms);
}

void
capture_publisher_close(struct capture_publisher *publisher, int64_t flush_ms)
{
    if (publisher == NULL)
        return;
    close_producer(publisher, flush_ms);
    close(publisher->event_fd);
    pthread_mutex_destroy(&publisher->lock);
    pthread_mutex_destroy(&publisher->open_lock);
    free(publisher);
}

int
capture_publisher_fd(const struct capture_publisher *publisher)
{
    return publisher->event_fd;
}

static bool
reopen_producer(struct capture_publisher *publisher, struct error *err)
{
    struct kafka_producer *producer = open_producer(publisher, err);

    pthread_mutex_lock(&publisher->open_lock);
    publisher->producer = producer;
    pthread_mutex_unlock(&publisher->open_lock);
    return producer != NULL;
}

void
capture_publisher_drain(struct capture_publisher *publisher)
{
    uint64_t count;

    if (read(publisher->event_fd, &count, sizeof count) < 0)
        return; // it was empty already
}

bool
capture_publisher_begin(struct capture_publisher *publisher, struct error *err)
{
    if (publisher->producer != NULL && kafka_producer_dead(publisher->producer))
        close_producer(publisher, 0);
    if (publisher->producer == NULL && !reopen_producer(publisher, err))
        return false;
    pthread_mutex_lock(&publisher->lock);
    publisher->pending = 0;
    publisher->failed = false;
    publisher->too_large = false;
    pthread_mutex_unlock(&publisher->lock);
    atomic_store(&publisher->began_ms, clock_ms());
    return true;
}

bool
capture_publisher_send(struct capture_publisher *publisher, const struct record *record,
                       struct error *err)
{
    pthread_mutex_lock(&publisher->lock);
    publisher->pending++; // before: the report may come before kafka_produce() returns
    publisher->hungry = true;
    pthread_mutex_unlock(&publisher->lock);
    bool sent = kafka_produce(publisher->producer, record, NULL, err);
    pthread_mutex_lock(&publisher->lock);
    if (sent)
        publisher->hungry = false;
    else
        publisher->pending--;
    pthread_mutex_unlock(&publisher->lock);
    return sent;
}

bool
capture_publisher_done(struct capture_publisher *publisher, bool *failed,
                       bool *too_large, struct error *err)
{
    pthread_mutex_lock(&publisher->lock);
    bool done = publisher->pending == 0 && !publisher->failed;
    *failed = publisher->failed;
    *too_large = publisher->too_large;
    if (*failed)
        error_retryable(err, "kafka: %s", publisher->error);
    pthread_mutex_unlock(&publisher->lock);
    if (done)
        atomic_store(&publisher->began_ms, 0);
    return done;
}

void
capture_publisher_abort(struct capture_publisher *publisher)
{
    struct error later = {0};

    close_producer(publisher, 0);
    atomic_store(&publisher->began_ms, 0);
    // At once, so that readyz can tell whether a broker answers; without one, begin
    // tries again.
    (void)reopen_producer(publisher, &later);
}

bool
capture_publisher_reachable(struct capture_publisher *publisher)
{
    pthread_mutex_lock(&publisher->open_lock);
    bool reachable =
        publisher->producer != NULL && kafka_producer_reachable(publisher->producer);
    pthread_mutex_unlock(&publisher->open_lock);
    return reachable;
}

void
capture_publisher_trouble(struct capture_publisher *publisher, char *why, size_t size)
{
    str_copy(why, size, "no broker of KAFKA_BROKERS answers");
    pthread_mutex_lock(&publisher->open_lock);
    if (publisher->producer != NULL)
        kafka_producer_trouble(publisher->producer, why, size);
    pthread_mutex_unlock(&publisher->open_lock);
}

int64_t
capture_publisher_stuck_ms(struct capture_publisher *publisher)
{
    int64_t began_ms = atomic_load(&publisher->began_ms);

    return began_ms == 0 ? 0 : clock_ms() - began_ms;
}
