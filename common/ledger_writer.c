// The thread that writes: takes everything that waits, commits it as one transaction,
// answers everybody. While a commit is on its way to the disk, the next one gathers.
#include <stdlib.h>
#include <string.h>

#include "common/ledger_columns.h"
#include "common/ledger_queue.h"
#include "common/str.h"

enum {
    BATCH_MAX = 1000,
    RETRY_MS = 200,
    REFUSALS = 5, // in a row: no deadlock, but a server that takes nothing
    EPOCHS_MAX = 1024,
    DOUBTS_MAX = 8,
};

struct writer {
    struct ledger_pg *ledger;
    struct pg *pg;
    struct ledger_columns columns;
    struct ledger_write *batch[BATCH_MAX];
    int count;
    // The connection was lost before COMMIT was answered: what of the batch is finished
    // already must not be written again.
    bool in_doubt;
    // The transactions that may have been committed so: a row that one of them wrote is
    // ours. The low 32 bits, as in xmin.
    int64_t doubts[DOUBTS_MAX];
    int doubt_count;
    int64_t transaction;        // the one under way
    int64_t epochs[EPOCHS_MAX]; // by partition; 0 = unknown
    struct pg_array events;     // scratch
    struct pg_statement statements[TABLE_COUNT + 1];
    struct pg_param params[TABLE_COUNT][LEDGER_COLUMNS + 1];
};

static void
take_batch(struct writer *writer, bool *stopping)
{
    struct ledger_pg *ledger = writer->ledger;
    pthread_mutex_lock(&ledger->lock);
    while (ledger->writes == NULL && !ledger->stopping)
        pthread_cond_wait(&ledger->write_ready, &ledger->lock);
    writer->count = 0;
    while (ledger->writes != NULL && writer->count < BATCH_MAX) {
        writer->batch[writer->count++] = ledger->writes;
        ledger->writes = ledger->writes->next;
    }
    if (ledger->writes == NULL)
        ledger->writes_last = &ledger->writes;
    *stopping = ledger->stopping;
    pthread_mutex_unlock(&ledger->lock);
}

static bool
is_fenced(const struct writer *writer, const struct ledger_write *write)
{
    if (write->partition < 0)
        return false;
    return write->partition >= EPOCHS_MAX
           || writer->epochs[write->partition] != write->epoch;
}

static bool
is_among(struct pg_rows *rows, const char *event)
{
    for (int i = 0; rows != NULL && i < pg_rows_count(rows); i++) {
        if (strcmp(pg_text(rows, i, 0), event) == 0)
            return true;
    }
    return false;
}

// Begins the transaction under the worker's shared lock (an assignment takes it
// exclusively, so that no older epoch is still writing when it ends) and reads the
// epochs. A process that is frozen before it commits keeps that lock: the server ends
// its session (or who takes its partitions over does, in ledger_keeper.c).
static bool
begin(struct writer *writer, struct ledger_write *const *batch, int count,
      struct pg_rows **seen, struct error *err)
{
    struct pg_rows *epochs = NULL;
    struct pg_rows *locked = NULL;
    pg_array_clear(&writer->events);
    for (int i = 0; i < count; i++) {
        if (batch[i]->kind == LEDGER_SETTLE && batch[i]->event != NULL
            && batch[i]->event_to == LEDGER_EVENT_FINISH)
            pg_array_text(&writer->events, batch[i]->event);
    }
    struct pg_param worker = {.text = writer->ledger->worker, .type = PG_TYPE_TEXT};
    struct pg_param finished[] = {worker, pg_array_param(&writer->events)};
    struct pg_statement statements[] = {
        {.sql = "BEGIN"},
        {.sql = "SELECT set_config('idle_in_transaction_session_timeout', '3s', true),"
                " pg_advisory_xact_lock_shared(hashtextextended('relais ' || $1, 0)),"
                " pg_current_xact_id()::text::int8 & 4294967295",
         .params = &worker,
         .count = 1,
         .rows = &locked,
         .prepared = true},
        {.sql = "SELECT partition, epoch FROM relais.partition_epoch WHERE worker = $1",
         .params = &worker,
         .count = 1,
         .rows = &epochs},
        {.sql = "SELECT r.event FROM unnest($2::text[]) AS r(event) CROSS JOIN LATERAL"
                " (SELECT 1 FROM relais.finished_event f"
                " WHERE f.worker = $1 AND f.event = r.event LIMIT 1) AS found",
         .params = finished,
         .count = 2,
         .rows = seen},
    };
    if (!pg_pipeline(writer->pg, statements, writer->in_doubt ? 4 : 3, err))
        return false;
    writer->transaction = pg_i64(locked, 0, 2);
    pg_rows_free(locked);
    memset(writer->epochs, 0, sizeof writer->epochs);
    for (int i = 0; i < pg_rows_count(epochs); i++) {
        int64_t partition = pg_i64(epochs, i, 0);
        if (partition >= 0 && partition < EPOCHS_MAX)
            writer->epochs[partition] = pg_i64(epochs, i, 1);
    }
    pg_rows_free(epochs);
    return true;
}

static bool
same_effect(const struct pg_rows *rows, int row, const struct ledger_write *write)
{
    return strcmp(pg_text(rows, row, 0), write->effect_kind) == 0
           && strcmp(pg_text(rows, row, 1), write->effect_identity) == 0;
}

static enum ledger_effect_state
effect_state(const char *name)
{
    if (strcmp(name, "confirmed") == 0)
        return LEDGER_EFFECT_CONFIRMED;
    return strcmp(name, "flagged") == 0 ? LEDGER_EFFECT_FLAGGED : LEDGER_EFFECT_UNSURE;
}

// Whether the row was written by a transaction of ours whose end we did not hear.
static bool
is_own(const struct writer *writer, int64_t xmin)
{
    for (int i = 0; i < writer->doubt_count; i++) {
        if (writer->doubts[i] == xmin)
            return true;
    }
    return false;
}

static void
answer_intent(const struct writer *writer, struct ledger_write *write,
              const struct pg_rows *taken, struct pg_rows *effects)
{
    for (int i = 0; taken != NULL && i < pg_rows_count(taken); i++) {
        if (same_effect(taken, i, write)) {
            write->effect = (struct ledger_effect){.state = LEDGER_EFFECT_BEGUN,
                                                   .attempt = pg_i64(taken, i, 2)};
            return;
        }
    }
    for (int i = 0; effects != NULL && i < pg_rows_count(effects); i++) {
        if (!same_effect(effects, i, write))
            continue;
        if (is_own(writer, pg_i64(effects, i, 6))
            && strcmp(pg_text(effects, i, 2), "intent") == 0) {
            write->effect = (struct ledger_effect){.state = LEDGER_EFFECT_BEGUN,
                                                   .attempt = pg_i64(effects, i, 3)};
            return;
        }
        size_t length;
        const char *result = pg_bytes(effects, i, 4, &length);
        write->effect = (struct ledger_effect){
            .state = effect_state(pg_text(effects, i, 2)),
            .attempt = pg_i64(effects, i, 3),
            .wait_ms = pg_i64(effects, i, 5),
            .result = result != NULL ? str_ndup(result, length) : NULL,
        };
        return;
    }
}

static bool
write_batch(struct writer *writer, struct ledger_write *const *batch, int count,
            struct pg_rows *seen, struct error *err)
{
    struct ledger_columns *columns = &writer->columns;
    struct pg_rows *taken = NULL;
    struct pg_rows *effects = NULL;

    ledger_columns_clear(columns);
    for (int i = 0; i < count; i++) {
        struct ledger_write *write = batch[i];
        bool written = write->event != NULL && is_among(seen, write->event);
        write->verdict = is_fenced(writer, write) ? LEDGER_FENCED : LEDGER_DONE;
        if (!written)
            ledger_columns_add(columns, write, write->verdict == LEDGER_FENCED);
    }
    int n =
        ledger_columns_statements(columns, writer->ledger->worker, writer->statements,
                                  writer->params, &taken, &effects);
    writer->statements[n++] = (struct pg_statement){.sql = "COMMIT"};
    if (!pg_pipeline(writer->pg, writer->statements, n, err))
        return false;
    for (int i = 0; i < count; i++) {
        if (batch[i]->kind == LEDGER_INTENT && batch[i]->verdict == LEDGER_DONE)
            answer_intent(writer, batch[i], taken, effects);
    }
    pg_rows_free(taken);
    pg_rows_free(effects);
    return true;
}

static bool
commit(struct writer *writer, struct ledger_write *const *batch, int count,
       struct error *err)
{
    struct pg_rows *seen = NULL;
    bool done = begin(writer, batch, count, &seen, err)
                && write_batch(writer, batch, count, seen, err);
    pg_rows_free(seen);
    return done;
}

static void
publish(struct ledger_pg *ledger, const struct settlement *settlement)
{
    for (const struct settle_out *o = settlement->outbox; o != NULL; o = o->next)
        ledger->publish(ledger->owner, o);
}

static void
answer(struct ledger_pg *ledger, struct ledger_write *write)
{
    if (write->kind == LEDGER_PUBLISHED) {
        free(write->topic);
        free(write->id);
        free(write);
        return;
    }
    // A row that a twin wrote first goes out twice; who reads it skips by its id.
    if (write->verdict == LEDGER_DONE && write->settlement != NULL)
        publish(ledger, write->settlement);
    loop_post(write->loop, &write->mail);
}

static bool
must_stop(struct ledger_pg *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    bool stopping = ledger->stopping;
    pthread_mutex_unlock(&ledger->lock);
    return stopping;
}

static void
note_doubt(struct writer *writer)
{
    writer->in_doubt = true;
    if (writer->transaction != 0 && writer->doubt_count < DOUBTS_MAX)
        writer->doubts[writer->doubt_count++] = writer->transaction;
    writer->transaction = 0;
}

static bool settle_for_good(struct writer *writer, struct ledger_write *const *batch,
                            int count);

// One bad row must not hurt the others. Where it is in doubt what of them was written,
// it is so for each.
static bool
settle_one_by_one(struct writer *writer, struct ledger_write *const *batch, int count)
{
    bool in_doubt = writer->in_doubt;
    for (int i = 0; i < count; i++) {
        writer->in_doubt = in_doubt;
        if (!settle_for_good(writer, &batch[i], 1))
            return false;
    }
    return true;
}

// Tries until Postgres has committed or refused. False: the program ends first.
static bool
settle_for_good(struct writer *writer, struct ledger_write *const *batch, int count)
{
    struct ledger_pg *ledger = writer->ledger;
    struct error err = {0};
    int refusals = 0;
    writer->columns.again = false;
    while (!commit(writer, batch, count, &err)) {
        bool refused = err.kind == ERROR_PERMANENT;
        if (refused && !writer->columns.again) {
            writer->columns.again = true;
            continue;
        }
        if (refused && count == 1) {
            batch[0]->verdict = LEDGER_REFUSED;
            batch[0]->error = err;
            return true;
        }
        if (refused)
            return settle_one_by_one(writer, batch, count);
        note_doubt(writer);
        if (must_stop(ledger))
            return false;
        if (pg_ok(writer->pg)) {
            // With a full disk, say, it answers and takes nothing: then nothing new may
            // begin, and people must be told.
            if (++refusals >= REFUSALS) {
                ledger_note_trouble(ledger, &err);
                atomic_store(&ledger->writer_up, false);
            }
            ledger_pause(ledger, &ledger->write_ready, RETRY_MS);
            continue;
        }
        writer->pg = ledger_connect(ledger, writer->pg, "writer", &ledger->writer_up,
                                    &ledger->write_ready);
        if (writer->pg == NULL)
            return false;
    }
    atomic_store(&ledger->writer_up, true);
    writer->in_doubt = false;
    writer->doubt_count = 0;
    return true;
}

static void
run_batch(struct writer *writer)
{
    struct ledger_pg *ledger = writer->ledger;
    bool settled = settle_for_good(writer, writer->batch, writer->count);
    metric_add(ledger->commits, 1);
    metric_add(ledger->settles, writer->count);
    for (int i = 0; i < writer->count; i++) {
        if (!settled)
            writer->batch[i]->verdict = LEDGER_STOPPED;
        answer(ledger, writer->batch[i]);
    }
}

void *
ledger_writer_main(void *arg)
{
    struct writer *writer = str_calloc(1, sizeof *writer);
    writer->ledger = arg;
    ledger_columns_begin(&writer->columns);
    pg_array_begin(&writer->events, PG_TYPE_TEXT);
    writer->pg =
        ledger_connect(writer->ledger, NULL, "writer", &writer->ledger->writer_up,
                       &writer->ledger->write_ready);
    bool stopping = false;
    while (!stopping || writer->count > 0) {
        take_batch(writer, &stopping);
        if (writer->count == 0)
            continue;
        if (writer->pg != NULL) {
            run_batch(writer);
            continue;
        }
        for (int i = 0; i < writer->count; i++) {
            writer->batch[i]->verdict = LEDGER_STOPPED;
            answer(writer->ledger, writer->batch[i]);
        }
    }
    pg_array_end(&writer->events);
    ledger_columns_end(&writer->columns);
    pg_close(writer->pg);
    free(writer);
    return NULL;
}
