#include "workers/ingest/keeper.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/kafka_producer.h"
#include "common/log.h"
#include "common/str.h"
#include "workers/ingest/drain.h"
#include "workers/ingest/outlet.h"
#include "workers/ingest/wait.h"

enum {
    LONGEST_WATCH_MS = 1000,
    RECORD_OVERHEAD_BYTES = 512, // what Kafka adds to the largest record
};

enum phase { WITH_KAFKA, WITH_SPOOL, DONE };

// One record of a parcel.
struct piece {
    struct ingest_ticket ticket; // first: the report casts back
    struct ingest_row row;
    struct parcel *parcel;
    struct record *record;
    bool delivered;
};

// The records of one delivery. It lives until its sender was answered and every report
// and commit came, whichever is last.
struct parcel {
    struct parcel *before, *after; // in the list of its phase
    struct ingest_keeper *keeper;
    enum phase phase;
    int64_t deadline_ms;
    int64_t since_ms;
    size_t undelivered, unwritten;
    bool write_failed;
    ingest_done *done;
    void *owner;
    atomic_size_t references;
    size_t count;
    struct piece pieces[];
};

struct parcel_list {
    struct parcel *first, *last; // in the order of their deadlines
};

struct ingest_keeper {
    struct ingest_spool *spool;
    struct ingest_outlet *outlet;
    struct ingest_drain *drain;
    int64_t kafka_wait_ms, spool_wait_ms, message_max_bytes;
    struct metric_histogram *latency;
    struct metric *spooled;
    pthread_t watcher;
    atomic_llong seen_ms; // when the watcher last came round

    pthread_mutex_t mutex; // all below, and the parcels' phases, lists and counts
    pthread_cond_t wake;
    struct parcel_list lists[DONE]; // by phase
    int64_t next_sequence;
    bool spooling; // for one log line when it begins
    bool stop;
};

static void
list_append(struct parcel_list *list, struct parcel *parcel)
{
    parcel->after = NULL;
    parcel->before = list->last;
    if (list->last == NULL)
        list->first = parcel;
    else
        list->last->after = parcel;
    list->last = parcel;
}

static void
list_remove(struct parcel_list *list, struct parcel *parcel)
{
    if (parcel->before == NULL)
        list->first = parcel->after;
    else
        parcel->before->after = parcel->after;
    if (parcel->after == NULL)
        list->last = parcel->before;
    else
        parcel->after->before = parcel->before;
}

static void
let_go(struct parcel *parcel, size_t references)
{
    if (atomic_fetch_sub(&parcel->references, references) != references)
        return;
    for (size_t i = 0; i < parcel->count; i++)
        record_free(parcel->pieces[i].record);
    free(parcel);
}

// Moves a parcel to its next phase. With the mutex held.
static void
enter(struct parcel *parcel, enum phase phase)
{
    struct ingest_keeper *keeper = parcel->keeper;
    list_remove(&keeper->lists[parcel->phase], parcel);
    parcel->phase = phase;
    if (phase == DONE)
        return;
    parcel->deadline_ms = clock_ms() + keeper->spool_wait_ms;
    list_append(&keeper->lists[phase], parcel);
}

// Tells the owner, after enter(DONE). Without the mutex.
static void
tell(struct parcel *parcel, enum ingest_outcome outcome)
{
    metric_observe_ms(parcel->keeper->latency, clock_ms() - parcel->since_ms);
    if (outcome == INGEST_SPOOLED)
        metric_add(parcel->keeper->spooled, 1);
    parcel->done(parcel->owner, outcome);
    let_go(parcel, 1);
}

static void
on_written(void *owner, bool kept)
{
    struct parcel *parcel = ((struct piece *)owner)->parcel;
    struct ingest_keeper *keeper = parcel->keeper;

    pthread_mutex_lock(&keeper->mutex);
    parcel->write_failed |= !kept;
    bool last = --parcel->unwritten == 0 && parcel->phase == WITH_SPOOL;
    if (last)
        enter(parcel, DONE);
    pthread_mutex_unlock(&keeper->mutex);
    if (last)
        tell(parcel, parcel->write_failed ? INGEST_LATER : INGEST_SPOOLED);
    let_go(parcel, 1);
}

static void
note_spooling(struct ingest_keeper *keeper, const char *why)
{
    if (keeper->spooling)
        return;
    keeper->spooling = true;
    log_warn("spooling", "%s: events go to the spool until it is empty again", why);
}

// Hands what is not in Kafka to the spool. With the mutex held. False: the spool is
// full, and the parcel is done.
static bool
hand_to_spool(struct parcel *parcel, const char *why)
{
    struct ingest_row **rows = str_alloc(parcel->count * sizeof(struct ingest_row *));
    size_t count = 0;

    note_spooling(parcel->keeper, why);
    for (size_t i = 0; i < parcel->count; i++)
        if (!parcel->pieces[i].delivered)
            rows[count++] = &parcel->pieces[i].row;
    enter(parcel, WITH_SPOOL);
    parcel->unwritten = count;
    atomic_fetch_add(&parcel->references, count);
    bool taken = ingest_spool_put(parcel->keeper->spool, rows, count);
    free(rows);
    if (taken)
        return true;
    enter(parcel, DONE);
    atomic_fetch_sub(&parcel->references, count); // never the last ones
    return false;
}

// Takes one report. With the mutex held. Returns whether the parcel is done, with its
// outcome.
static bool
take_report(struct piece *piece, const char *error, enum ingest_outcome *outcome)
{
    struct parcel *parcel = piece->parcel;
    piece->delivered = error == NULL;
    parcel->undelivered -= error == NULL;
    if (parcel->phase != DONE && parcel->undelivered == 0) {
        *outcome = INGEST_IN_KAFKA;
    } else if (parcel->phase != WITH_KAFKA || error == NULL) {
        return false;
    } else if (parcel->count == 1 && kafka_delivery_too_large(error)) {
        *outcome = INGEST_TOO_LARGE;
    } else {
        // Of several, others may be in Kafka already: the sender must not be told that
        // none was kept. What is too large is set aside when its turn comes.
        *outcome = INGEST_LATER;
        return !hand_to_spool(parcel, error);
    }
    enter(parcel, DONE);
    return true;
}

static void
on_report(struct ingest_ticket *ticket, const char *error)
{
    struct piece *piece = (struct piece *)ticket;
    struct parcel *parcel = piece->parcel;
    struct ingest_keeper *keeper = parcel->keeper;
    enum ingest_outcome outcome = INGEST_LATER;

    pthread_mutex_lock(&keeper->mutex);
    bool finished = take_report(piece, error, &outcome);
    pthread_mutex_unlock(&keeper->mutex);
    if (finished)
        tell(parcel, outcome);
    let_go(parcel, 1);
}

static struct parcel *
make_parcel(struct ingest_keeper *keeper, struct record *records[], size_t count)
{
    struct parcel *parcel =
        str_calloc(1, sizeof *parcel + count * sizeof parcel->pieces[0]);
    parcel->keeper = keeper;
    parcel->since_ms = clock_ms();
    parcel->count = count;
    parcel->undelivered = count;
    // One reference for the answer, one for the caller, one per report.
    atomic_init(&parcel->references, count + 2);
    for (size_t i = 0; i < count; i++)
        parcel->pieces[i] = (struct piece){
            .ticket = {.report = on_report},
            .row = {.record = records[i],
                    .written = on_written,
                    .owner = &parcel->pieces[i]},
            .parcel = parcel,
            .record = records[i],
        };
    return parcel;
}

static bool
has_too_large(const struct ingest_keeper *keeper, const struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++)
        if ((int64_t)ingest_spool_record_bytes(parcel->pieces[i].record)
            > keeper->message_max_bytes - RECORD_OVERHEAD_BYTES)
            return true;
    return false;
}

// Puts the parcel in line. With the mutex held. Returns whether Kafka is asked.
static bool
line_up(struct ingest_keeper *keeper, struct parcel *parcel)
{
    for (size_t i = 0; i < parcel->count; i++)
        parcel->pieces[i].row.sequence = keeper->next_sequence++;
    parcel->phase = WITH_KAFKA;
    parcel->deadline_ms = parcel->since_ms + keeper->kafka_wait_ms;
    list_append(&keeper->lists[WITH_KAFKA], parcel);
    bool direct = ingest_spool_rows(keeper->spool) == 0;
    if (direct)
        keeper->spooling = false;
    return direct;
}

// Sends the pieces in order, up to the first that is not taken: what follows it must
// not overtake it. Returns how many were taken.
static size_t
send_pieces(struct ingest_keeper *keeper, struct parcel *parcel, struct error *err)
{
    for (size_t i = 0; i < parcel->count; i++) {
        struct piece *piece = &parcel->pieces[i];
        if (!ingest_outlet_send(keeper->outlet, piece->record, &piece->ticket, err))
            return i;
    }
    return parcel->count;
}

void
ingest_keeper_put(struct ingest_keeper *keeper, struct record *records[], size_t count,
                  ingest_done *done, void *owner)
{
    struct parcel *parcel = make_parcel(keeper, records, count);
    struct error err = {.text = "the spool is not empty"};
    bool full = false;
    size_t sent = 0;

    parcel->done = done;
    parcel->owner = owner;
    if (count == 0 || has_too_large(keeper, parcel)) {
        done(owner, count == 0 ? INGEST_IN_KAFKA : INGEST_TOO_LARGE);
        let_go(parcel, count + 2);
        return;
    }
    pthread_mutex_lock(&keeper->mutex);
    bool direct = line_up(keeper, parcel);
    if (!direct)
        full = !hand_to_spool(parcel, err.text);
    pthread_mutex_unlock(&keeper->mutex);

    if (direct)
        sent = send_pieces(keeper, parcel, &err);
    if (direct && sent < count) {
        pthread_mutex_lock(&keeper->mutex);
        if (parcel->phase == WITH_KAFKA)
            full = !hand_to_spool(parcel, err.text);
        pthread_mutex_unlock(&keeper->mutex);
    }
    if (full)
        tell(parcel, INGEST_LATER);
    let_go(parcel, 1 + count - sent);
}

// Moves on what waited too long: from Kafka to the spool, from the spool to an answer.
// Returns the parcels that are done, chained by `after`. With the mutex held.
static struct parcel *
sweep(struct ingest_keeper *keeper, int64_t now_ms)
{
    struct parcel *finished = NULL;
    struct parcel *parcel;

    while ((parcel = keeper->lists[WITH_SPOOL].first) != NULL
           && parcel->deadline_ms <= now_ms) {
        enter(parcel, DONE);
        parcel->after = finished;
        finished = parcel;
    }
    while ((parcel = keeper->lists[WITH_KAFKA].first) != NULL
           && parcel->deadline_ms <= now_ms) {
        if (hand_to_spool(parcel, "Kafka does not answer in time"))
            continue;
        parcel->after = finished;
        finished = parcel;
    }
    return finished;
}

// All waits of a phase are equally long, so that nobody need wake the watcher for a new
// parcel: its deadline lies behind the next look.
static int64_t
next_look_ms(const struct ingest_keeper *keeper, int64_t now_ms)
{
    int64_t next_ms = now_ms + LONGEST_WATCH_MS;
    if (keeper->kafka_wait_ms < LONGEST_WATCH_MS)
        next_ms = now_ms + keeper->kafka_wait_ms;
    if (keeper->spool_wait_ms < next_ms - now_ms)
        next_ms = now_ms + keeper->spool_wait_ms;
    for (int phase = 0; phase < DONE; phase++)
        if (keeper->lists[phase].first != NULL
            && keeper->lists[phase].first->deadline_ms < next_ms)
            next_ms = keeper->lists[phase].first->deadline_ms;
    return next_ms;
}

static void *
watch(void *arg)
{
    struct ingest_keeper *keeper = arg;

    pthread_mutex_lock(&keeper->mutex);
    while (!keeper->stop) {
        int64_t now_ms = clock_ms();
        atomic_store(&keeper->seen_ms, now_ms);
        struct parcel *finished = sweep(keeper, now_ms);
        pthread_mutex_unlock(&keeper->mutex);
        while (finished != NULL) {
            struct parcel *parcel = finished;
            finished = parcel->after;
            tell(parcel, INGEST_LATER);
        }
        ingest_outlet_mend(keeper->outlet);
        pthread_mutex_lock(&keeper->mutex);
        if (!keeper->stop)
            ingest_wait_until(&keeper->wake, &keeper->mutex,
                              next_look_ms(keeper, clock_ms()));
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

struct ingest_keeper *
ingest_keeper_open(const struct ingest_keeper_options *options, struct error *err)
{
    struct ingest_outlet *outlet = ingest_outlet_open(options->brokers, err);
    if (outlet == NULL)
        return NULL;
    struct ingest_keeper *keeper = str_calloc(1, sizeof *keeper);
    keeper->outlet = outlet;
    keeper->spool = options->spool;
    keeper->kafka_wait_ms = options->kafka_wait_ms;
    keeper->spool_wait_ms = options->spool_wait_ms;
    keeper->message_max_bytes = options->message_max_bytes;
    keeper->next_sequence = ingest_spool_last_sequence(options->spool) + 1;
    keeper->latency =
        metrics_histogram(options->metrics, "relais_ingest_delivery_seconds", "",
                          "From a verified delivery to its outcome.");
    keeper->spooled =
        metrics_series(options->metrics, METRIC_COUNTER, "relais_ingest_spooled", "",
                       "Deliveries answered once they were on disk.");
    atomic_store(&keeper->seen_ms, clock_ms());
    pthread_mutex_init(&keeper->mutex, NULL);
    ingest_wait_init(&keeper->wake);
    if (pthread_create(&keeper->watcher, NULL, watch, keeper) != 0)
        abort(); // no memory for a thread
    pthread_setname_np(keeper->watcher, "watch");
    keeper->drain =
        ingest_drain_start(options->spool, outlet, options->message_max_bytes);
    return keeper;
}

void
ingest_keeper_close(struct ingest_keeper *keeper, int64_t flush_ms)
{
    if (keeper == NULL)
        return;
    ingest_drain_stop(keeper->drain);
    pthread_mutex_lock(&keeper->mutex);
    keeper->stop = true;
    pthread_cond_signal(&keeper->wake);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->watcher, NULL);
    ingest_outlet_close(keeper->outlet, flush_ms);
    ingest_drain_end(keeper->drain);
    pthread_cond_destroy(&keeper->wake);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}

bool
ingest_keeper_reachable(struct ingest_keeper *keeper)
{
    return ingest_outlet_reachable(keeper->outlet);
}

int64_t
ingest_keeper_idle_ms(struct ingest_keeper *keeper)
{
    return clock_ms() - atomic_load(&keeper->seen_ms);
}
