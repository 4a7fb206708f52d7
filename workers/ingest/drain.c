#include "workers/ingest/drain.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/kafka_producer.h"
#include "common/log.h"
#include "common/str.h"
#include "workers/ingest/wait.h"

enum {
    BATCH_ROWS = 256,
    IDLE_MS = 1000,
    BACKOFF_MS = 1000,
    QUEUE_FULL_MS = 50,
};

enum row_fate { WAITING, IN_KAFKA, TOO_LARGE, FAILED };

struct drain_ticket {
    struct ingest_ticket ticket; // first: the report casts back
    struct ingest_drain *drain;
    enum row_fate fate;
};

struct ingest_drain {
    struct ingest_spool *spool;
    struct ingest_outlet *outlet;
    int64_t message_max_bytes;
    pthread_t thread;
    struct ingest_spooled rows[BATCH_ROWS]; // these four are the thread's
    struct ingest_spooled sent[BATCH_ROWS];
    int count;
    int64_t moved; // since the spool was last empty

    pthread_mutex_t mutex; // all below
    pthread_cond_t news;
    struct drain_ticket tickets[BATCH_ROWS];
    int outstanding;
    bool stop;
};

static void
on_report(struct ingest_ticket *ticket, const char *error)
{
    struct drain_ticket *mine = (struct drain_ticket *)ticket;
    struct ingest_drain *drain = mine->drain;
    pthread_mutex_lock(&drain->mutex);
    mine->fate = error == NULL                     ? IN_KAFKA
                 : kafka_delivery_too_large(error) ? TOO_LARGE
                                                   : FAILED;
    drain->outstanding--;
    pthread_cond_broadcast(&drain->news);
    pthread_mutex_unlock(&drain->mutex);
}

static bool
stopping(struct ingest_drain *drain)
{
    pthread_mutex_lock(&drain->mutex);
    bool stop = drain->stop;
    pthread_mutex_unlock(&drain->mutex);
    return stop;
}

// Waits for news or until the time is over; false once it is to stop.
static bool
pause_for(struct ingest_drain *drain, int64_t ms)
{
    int64_t until_ms = clock_ms() + ms;
    pthread_mutex_lock(&drain->mutex);
    int before = drain->outstanding;
    while (!drain->stop && (before == 0 || drain->outstanding == before)
           && ingest_wait_until(&drain->news, &drain->mutex, until_ms))
        ;
    bool stop = drain->stop;
    pthread_mutex_unlock(&drain->mutex);
    return !stop;
}

// Hands one row to Kafka, waiting while its queue is full. False: it was not taken.
static bool
send_row(struct ingest_drain *drain, int i)
{
    struct drain_ticket *ticket = &drain->tickets[i];
    struct error err;

    *ticket = (struct drain_ticket){.ticket = {.report = on_report}, .drain = drain};
    if ((int64_t)drain->rows[i].bytes > drain->message_max_bytes) {
        ticket->fate = TOO_LARGE;
        return true;
    }
    do {
        pthread_mutex_lock(&drain->mutex);
        drain->outstanding++;
        pthread_mutex_unlock(&drain->mutex);
        if (ingest_outlet_send(drain->outlet, drain->rows[i].record, &ticket->ticket,
                               &err))
            return true;
        pthread_mutex_lock(&drain->mutex);
        drain->outstanding--;
        pthread_mutex_unlock(&drain->mutex);
    } while (err.kind == ERROR_RETRYABLE && pause_for(drain, QUEUE_FULL_MS));
    ticket->fate = FAILED;
    if (err.kind != ERROR_RETRYABLE)
        log_warn("drain", "%s", err.text);
    return false;
}

// Sends the rows in order, and waits for all reports. What comes behind a row that was
// not taken waits with it.
static void
send_rows(struct ingest_drain *drain)
{
    int sent = 0;
    while (sent < drain->count && send_row(drain, sent))
        sent++;
    for (int i = sent; i < drain->count; i++)
        drain->tickets[i].fate = FAILED;
    pthread_mutex_lock(&drain->mutex);
    while (drain->outstanding > 0)
        pthread_cond_wait(&drain->news, &drain->mutex);
    pthread_mutex_unlock(&drain->mutex);
}

static bool
set_aside(struct ingest_drain *drain, const struct ingest_spooled *row)
{
    const char *id = record_header(row->record, "ce_id");
    bool done = ingest_spool_refuse(drain->spool, row, "larger than Kafka takes");
    if (done)
        log_event(LOG_ERROR, "refused",
                  (struct log_field[]){LOG_TEXT("id", id),
                                       LOG_TEXT("text", "larger than Kafka takes: see "
                                                        "the table refused of the "
                                                        "spool"),
                                       {0}});
    return done;
}

// Removes what is in Kafka. A commit that fails is tried again: the rows must not be
// sent once more for it.
static void
remove_sent(struct ingest_drain *drain)
{
    int count = 0;
    for (int i = 0; i < drain->count; i++)
        if (drain->tickets[i].fate == IN_KAFKA)
            drain->sent[count++] = drain->rows[i];
    while (!ingest_spool_remove(drain->spool, drain->sent, count))
        if (!pause_for(drain, BACKOFF_MS))
            return;
    drain->moved += count;
}

// One batch. False: something failed, so wait before the next.
static bool
move_batch(struct ingest_drain *drain)
{
    struct error err;
    bool failed = false;

    drain->count = ingest_spool_read(drain->spool, drain->rows, BATCH_ROWS, &err);
    if (drain->count < 0) {
        log_error("drain", "%s", err.text);
        return false;
    }
    send_rows(drain);
    remove_sent(drain);
    for (int i = 0; i < drain->count; i++) {
        failed |= drain->tickets[i].fate == FAILED;
        if (drain->tickets[i].fate == TOO_LARGE)
            failed |= !set_aside(drain, &drain->rows[i]);
        record_free(drain->rows[i].record);
    }
    if (ingest_spool_rows(drain->spool) == 0 && drain->moved > 0) {
        log_event(LOG_INFO, "drained",
                  (struct log_field[]){LOG_NUMBER("rows", drain->moved), {0}});
        drain->moved = 0;
    }
    return !failed && drain->count > 0;
}

static void *
drain_loop(void *arg)
{
    struct ingest_drain *drain = arg;
    while (!stopping(drain)) {
        if (ingest_spool_wait(drain->spool, IDLE_MS) && !stopping(drain)
            && !move_batch(drain))
            pause_for(drain, BACKOFF_MS);
    }
    return NULL;
}

struct ingest_drain *
ingest_drain_start(struct ingest_spool *spool, struct ingest_outlet *outlet,
                   int64_t message_max_bytes)
{
    struct ingest_drain *drain = str_calloc(1, sizeof *drain);
    drain->spool = spool;
    drain->outlet = outlet;
    drain->message_max_bytes = message_max_bytes;
    pthread_mutex_init(&drain->mutex, NULL);
    ingest_wait_init(&drain->news);
    if (pthread_create(&drain->thread, NULL, drain_loop, drain) != 0)
        abort(); // no memory for a thread
    pthread_setname_np(drain->thread, "drain");
    return drain;
}

void
ingest_drain_stop(struct ingest_drain *drain)
{
    pthread_mutex_lock(&drain->mutex);
    drain->stop = true;
    pthread_cond_broadcast(&drain->news);
    pthread_mutex_unlock(&drain->mutex);
    ingest_spool_wake(drain->spool);
}

void
ingest_drain_end(struct ingest_drain *drain)
{
    pthread_join(drain->thread, NULL);
    pthread_cond_destroy(&drain->news);
    pthread_mutex_destroy(&drain->mutex);
    free(drain);
}
