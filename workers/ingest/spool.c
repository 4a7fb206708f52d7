#include "workers/ingest/spool.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/str.h"
#include "workers/ingest/spool_db.h"
#include "workers/ingest/wait.h"

enum { BATCH_ROWS = 1000 };

enum change_kind { NO_CHANGE, REMOVE_ROWS, REFUSE_ROW };

// What the drainer wants written; it waits for the answer, so there is one at a time.
struct change {
    enum change_kind kind;
    const struct ingest_spooled *rows;
    int count;
    const char *reason;
    bool answered, done;
};

struct ingest_spool {
    struct ingest_spool_db *db;
    int64_t max_bytes;
    int64_t last_sequence;
    void (*trouble)(void *owner, const char *error);
    void *owner;
    pthread_t thread;

    pthread_mutex_t mutex; // all below
    pthread_cond_t work;   // for the writer
    pthread_cond_t news;   // for the drainer: rows on disk, its change, or a wake-up
    struct ingest_row *first, *last;
    struct change change;
    int64_t rows;    // on disk and queued
    int64_t on_disk; // committed
    int64_t bytes;
    int64_t refused;
    int64_t busy_since_ms; // 0: the writer rests
    char error[200];       // of the last commit, "" if it worked
    bool stop, wake;
};

static void
chain(struct ingest_spool *spool, struct ingest_row *row)
{
    row->next = NULL;
    if (spool->last == NULL)
        spool->first = row;
    else
        spool->last->next = row;
    spool->last = row;
}

// Takes at most a batch from the queue. With the mutex held.
static struct ingest_row *
take_batch(struct ingest_spool *spool)
{
    struct ingest_row *first = spool->first;
    struct ingest_row *end = first;
    if (first == NULL)
        return NULL;
    for (int i = 1; i < BATCH_ROWS && end->next != NULL; i++)
        end = end->next;
    spool->first = end->next;
    if (spool->first == NULL)
        spool->last = NULL;
    end->next = NULL;
    return first;
}

// Remembers how the last commit went, and tells the owner when that changed.
static void
note_outcome(struct ingest_spool *spool, bool worked, const struct error *err)
{
    pthread_mutex_lock(&spool->mutex);
    bool worked_before = spool->error[0] == '\0';
    str_copy(spool->error, sizeof spool->error, worked ? "" : err->text);
    pthread_mutex_unlock(&spool->mutex);
    if (worked != worked_before && spool->trouble != NULL)
        spool->trouble(spool->owner, worked ? NULL : err->text);
}

// Counts the rows as on disk or as gone, then tells their owners. A row is its owner's
// again once it was told.
static void
tell(struct ingest_spool *spool, struct ingest_row *first, bool kept)
{
    pthread_mutex_lock(&spool->mutex);
    for (struct ingest_row *row = first; row != NULL; row = row->next) {
        spool->on_disk += kept;
        spool->rows -= !kept;
        spool->bytes -= kept ? 0 : (int64_t)row->bytes;
    }
    pthread_cond_broadcast(&spool->news);
    pthread_mutex_unlock(&spool->mutex);
    while (first != NULL) {
        struct ingest_row *row = first;
        first = row->next;
        row->written(row->owner, kept);
    }
}

// A batch that fails is tried row by row, so that one that does not fit hurts nobody
// else.
static void
write_rows(struct ingest_spool *spool, struct ingest_row *first)
{
    struct error err;
    bool kept = ingest_spool_db_insert(spool->db, first, &err);
    if (kept || first->next == NULL) {
        note_outcome(spool, kept, &err);
        tell(spool, first, kept);
        return;
    }
    bool all = true;
    while (first != NULL) {
        struct ingest_row *row = first;
        struct error problem;
        first = row->next;
        row->next = NULL;
        kept = ingest_spool_db_insert(spool->db, row, &problem);
        if (!kept) {
            err = problem;
            all = false;
        }
        tell(spool, row, kept);
    }
    note_outcome(spool, all, &err);
}

static void
write_change(struct ingest_spool *spool, struct change change)
{
    struct error err;
    bool done = change.kind == REMOVE_ROWS
                    ? ingest_spool_db_remove(spool->db, change.rows, change.count, &err)
                    : ingest_spool_db_refuse(spool->db, change.rows[0].sequence,
                                             change.reason, &err);
    note_outcome(spool, done, &err);

    pthread_mutex_lock(&spool->mutex);
    spool->change.kind = NO_CHANGE;
    spool->change.answered = true;
    spool->change.done = done;
    bool empty = false;
    if (done) {
        spool->on_disk -= change.count;
        spool->rows -= change.count;
        spool->refused += change.kind == REFUSE_ROW;
        for (int i = 0; i < change.count; i++)
            spool->bytes -= (int64_t)change.rows[i].bytes;
        empty = spool->rows == 0;
    }
    pthread_cond_broadcast(&spool->news);
    pthread_mutex_unlock(&spool->mutex);
    if (empty)
        ingest_spool_db_shrink(spool->db);
}

static void *
write_loop(void *arg)
{
    struct ingest_spool *spool = arg;

    pthread_mutex_lock(&spool->mutex);
    while (true) {
        while (spool->first == NULL && spool->change.kind == NO_CHANGE && !spool->stop)
            pthread_cond_wait(&spool->work, &spool->mutex);
        if (spool->first == NULL && spool->change.kind == NO_CHANGE)
            break;
        struct ingest_row *rows = take_batch(spool);
        struct change change = spool->change;
        spool->busy_since_ms = clock_ms();
        pthread_mutex_unlock(&spool->mutex);
        if (rows != NULL)
            write_rows(spool, rows);
        if (change.kind != NO_CHANGE)
            write_change(spool, change);
        pthread_mutex_lock(&spool->mutex);
        spool->busy_since_ms = 0;
    }
    pthread_mutex_unlock(&spool->mutex);
    return NULL;
}

struct ingest_spool *
ingest_spool_open(const struct ingest_spool_options *options, struct error *err)
{
    struct ingest_spool_totals totals;
    struct ingest_spool_db *db = ingest_spool_db_open(options->folder, err);
    if (db == NULL)
        return NULL;
    if (!ingest_spool_db_totals(db, &totals, err)) {
        ingest_spool_db_close(db);
        return NULL;
    }
    struct ingest_spool *spool = str_calloc(1, sizeof *spool);
    spool->db = db;
    spool->max_bytes = options->max_bytes;
    spool->trouble = options->trouble;
    spool->owner = options->owner;
    spool->last_sequence = totals.last_sequence;
    spool->rows = spool->on_disk = totals.rows;
    spool->bytes = totals.bytes;
    spool->refused = totals.refused;
    pthread_mutex_init(&spool->mutex, NULL);
    ingest_wait_init(&spool->work);
    ingest_wait_init(&spool->news);
    if (pthread_create(&spool->thread, NULL, write_loop, spool) != 0)
        abort(); // no memory for a thread
    pthread_setname_np(spool->thread, "spool");
    return spool;
}

void
ingest_spool_close(struct ingest_spool *spool)
{
    if (spool == NULL)
        return;
    pthread_mutex_lock(&spool->mutex);
    spool->stop = true;
    pthread_cond_signal(&spool->work);
    pthread_mutex_unlock(&spool->mutex);
    pthread_join(spool->thread, NULL);
    ingest_spool_db_close(spool->db);
    pthread_cond_destroy(&spool->work);
    pthread_cond_destroy(&spool->news);
    pthread_mutex_destroy(&spool->mutex);
    free(spool);
}

int64_t
ingest_spool_last_sequence(const struct ingest_spool *spool)
{
    return spool->last_sequence;
}

bool
ingest_spool_put(struct ingest_spool *spool, struct ingest_row *const rows[],
                 size_t count)
{
    int64_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        rows[i]->bytes = ingest_spool_record_bytes(rows[i]->record);
        bytes += (int64_t)rows[i]->bytes;
    }
    pthread_mutex_lock(&spool->mutex);
    bool fits = !spool->stop && bytes <= spool->max_bytes - spool->bytes;
    for (size_t i = 0; fits && i < count; i++)
        chain(spool, rows[i]);
    if (fits) {
        spool->rows += (int64_t)count;
        spool->bytes += bytes;
        pthread_cond_signal(&spool->work);
    }
    pthread_mutex_unlock(&spool->mutex);
    return fits;
}

// One number under the mutex.
static int64_t
look_at(struct ingest_spool *spool, const int64_t *number)
{
    pthread_mutex_lock(&spool->mutex);
    int64_t value = *number;
    pthread_mutex_unlock(&spool->mutex);
    return value;
}

int64_t
ingest_spool_rows(struct ingest_spool *spool)
{
    return look_at(spool, &spool->rows);
}

int64_t
ingest_spool_bytes(struct ingest_spool *spool)
{
    return look_at(spool, &spool->bytes);
}

int64_t
ingest_spool_refused(struct ingest_spool *spool)
{
    return look_at(spool, &spool->refused);
}

int64_t
ingest_spool_stuck_ms(struct ingest_spool *spool)
{
    int64_t since_ms = look_at(spool, &spool->busy_since_ms);
    return since_ms == 0 ? 0 : clock_ms() - since_ms;
}

bool
ingest_spool_healthy(struct ingest_spool *spool, char *why, size_t size)
{
    pthread_mutex_lock(&spool->mutex);
    bool full = spool->bytes >= spool->max_bytes;
    bool healthy = spool->error[0] == '\0' && !full;
    if (!healthy)
        str_copy(why, size,
                 full
                     ? "the spool is full: raise INGEST_SPOOL_MAX_BYTES or bring Kafka "
                       "back"
                     : spool->error);
    pthread_mutex_unlock(&spool->mutex);
    return healthy;
}

int
ingest_spool_read(struct ingest_spool *spool, struct ingest_spooled rows[], int count,
                  struct error *err)
{
    return ingest_spool_db_read(spool->db, rows, count, err);
}

// Hands a change to the writer and waits until it is committed or failed.
static bool
change_and_wait(struct ingest_spool *spool, struct change change)
{
    pthread_mutex_lock(&spool->mutex);
    if (spool->stop) {
        pthread_mutex_unlock(&spool->mutex);
        return false;
    }
    spool->change = change;
    pthread_cond_signal(&spool->work);
    while (!spool->change.answered)
        pthread_cond_wait(&spool->news, &spool->mutex);
    bool done = spool->change.done;
    pthread_mutex_unlock(&spool->mutex);
    return done;
}

bool
ingest_spool_remove(struct ingest_spool *spool, const struct ingest_spooled rows[],
                    int count)
{
    if (count == 0)
        return true;
    return change_and_wait(
        spool, (struct change){.kind = REMOVE_ROWS, .rows = rows, .count = count});
}

bool
ingest_spool_refuse(struct ingest_spool *spool, const struct ingest_spooled *row,
                    const char *reason)
{
    return change_and_wait(
        spool,
        (struct change){.kind = REFUSE_ROW, .rows = row, .count = 1, .reason = reason});
}

bool
ingest_spool_wait(struct ingest_spool *spool, int64_t timeout_ms)
{
    int64_t until_ms = clock_ms() + timeout_ms;
    pthread_mutex_lock(&spool->mutex);
    while (spool->on_disk == 0 && !spool->wake
           && ingest_wait_until(&spool->news, &spool->mutex, until_ms))
        ;
    bool found = spool->on_disk > 0 && !spool->wake;
    spool->wake = false;
    pthread_mutex_unlock(&spool->mutex);
    return found;
}

void
ingest_spool_wake(struct ingest_spool *spool)
{
    pthread_mutex_lock(&spool->mutex);
    spool->wake = true;
    pthread_cond_broadcast(&spool->news);
    pthread_mutex_unlock(&spool->mutex);
}
