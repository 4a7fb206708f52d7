// The thread that reads: sends what waits in one pipeline, answers by mail.
#include <stdio.h>
#include <stdlib.h>

#include "common/ledger_queue.h"
#include "common/str.h"

enum { PIPELINE_MAX = 32, RETRY_MS = 200, ARGS_MAX = 5 };

static const char *const questions[] = {
    // One look-up of the key an id, whatever the planner believes of the tables' sizes:
    // with "= ANY" it would rather read all rows of a worker that was small when last
    // counted, and by parked_event_due all that this worker has parked. Who has nothing
    // parked, as nearly always, is not asked for each of them.
    [LEDGER_READ_SEEN] =
        "SELECT r.event FROM unnest($2::text[]) AS r(event) CROSS JOIN LATERAL"
        " (SELECT 1 FROM relais.finished_event f"
        " WHERE f.worker = $1 AND f.event = r.event LIMIT 1) AS found"
        " UNION ALL SELECT r.event FROM unnest($2::text[]) AS r(event) CROSS JOIN "
        "LATERAL"
        " (SELECT 1 FROM relais.parked_event p"
        " WHERE p.worker || '' = $1 AND p.event = r.event LIMIT 1) AS found"
        " WHERE EXISTS (SELECT 1 FROM relais.parked_event WHERE worker = $1)",
    [LEDGER_READ_STATE] = "SELECT state FROM relais.entity_state"
                          " WHERE worker = $1 AND entity = $2",
    [LEDGER_READ_REF] = "SELECT collection, local_id, lane_key FROM relais.external_ref"
                        " WHERE system = $1 AND company = $2 AND remote_type = $3"
                        " AND remote_id = $4 ORDER BY updated_at DESC LIMIT 1",
    [LEDGER_READ_CURSOR] = "SELECT value FROM relais.sweep_cursor"
                           " WHERE worker = $1 AND name = $2",
    [LEDGER_READ_EFFECT] =
        "SELECT state, attempt, result,"
        " (extract(epoch FROM deadline_at - clock_timestamp()) * 1000)::int8"
        " FROM relais.effect WHERE kind = $1 AND identity = $2",
    [LEDGER_READ_PARKED] =
        "SELECT seq, event, topic, headers, key, payload, attempts,"
        " coalesce((extract(epoch FROM clock_timestamp() - first_attempt_at) * 1000)"
        "::int8, -1),"
        " (extract(epoch FROM due_at - clock_timestamp()) * 1000)::int8"
        " FROM relais.parked_event WHERE worker = $1 AND partition = $2::int"
        " AND lane = $3 ORDER BY seq LIMIT 64",
};

struct reader {
    struct ledger_pg *ledger;
    struct pg *pg;
    struct ledger_read *batch[PIPELINE_MAX];
    int count;
    struct pg_statement statements[PIPELINE_MAX];
    struct pg_param params[PIPELINE_MAX][ARGS_MAX];
    char partitions[PIPELINE_MAX][16];
};

static void
take_batch(struct reader *reader, bool *stopping)
{
    struct ledger_pg *ledger = reader->ledger;
    pthread_mutex_lock(&ledger->lock);
    while (ledger->reads == NULL && !ledger->stopping)
        pthread_cond_wait(&ledger->read_ready, &ledger->lock);
    reader->count = 0;
    while (ledger->reads != NULL && reader->count < PIPELINE_MAX) {
        reader->batch[reader->count++] = ledger->reads;
        ledger->reads = ledger->reads->next;
    }
    if (ledger->reads == NULL)
        ledger->reads_last = &ledger->reads;
    *stopping = ledger->stopping;
    pthread_mutex_unlock(&ledger->lock);
}

static struct pg_param
text_param(const char *text)
{
    return (struct pg_param){.text = text, .type = PG_TYPE_TEXT};
}

static int
fill_params(struct reader *reader, int i)
{
    struct ledger_read *read = reader->batch[i];
    struct pg_param *p = reader->params[i];
    int n = 0;
    if (read->kind != LEDGER_READ_REF && read->kind != LEDGER_READ_EFFECT)
        p[n++] = text_param(reader->ledger->worker);
    if (read->kind == LEDGER_READ_SEEN) {
        p[n++] = pg_array_param(read->events);
        return n;
    }
    if (read->kind == LEDGER_READ_PARKED) {
        snprintf(reader->partitions[i], sizeof reader->partitions[i], "%d",
                 (int)read->partition);
        p[n++] = text_param(reader->partitions[i]);
    }
    for (int a = 0; a < 4 && read->args[a] != NULL; a++)
        p[n++] = text_param(read->args[a]);
    return n;
}

static bool
ask(struct reader *reader, int from, int count, struct error *err)
{
    for (int i = from; i < from + count; i++) {
        reader->batch[i]->rows = NULL;
        reader->statements[i] = (struct pg_statement){
            .sql = questions[reader->batch[i]->kind],
            .params = reader->params[i],
            .count = fill_params(reader, i),
            .rows = &reader->batch[i]->rows,
            .prepared = reader->batch[i]->kind == LEDGER_READ_SEEN,
        };
    }
    return pg_pipeline(reader->pg, reader->statements + from, count, err);
}

static bool
must_stop(struct ledger_pg *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    bool stopping = ledger->stopping;
    pthread_mutex_unlock(&ledger->lock);
    return stopping;
}

// Tries until Postgres has answered or refused; what is refused gets the error.
static void
ask_for_good(struct reader *reader, int from, int count)
{
    struct ledger_pg *ledger = reader->ledger;
    struct error err = {0};
    while (reader->pg != NULL && !ask(reader, from, count, &err)) {
        if (err.kind == ERROR_PERMANENT && count > 1) {
            for (int i = from; i < from + count; i++)
                ask_for_good(reader, i, 1);
            return;
        }
        if (err.kind == ERROR_PERMANENT) {
            reader->batch[from]->error = err;
            return;
        }
        if (must_stop(ledger))
            break;
        if (pg_ok(reader->pg))
            ledger_pause(ledger, &ledger->read_ready, RETRY_MS);
        reader->pg = ledger_connect(ledger, reader->pg, "reader", &ledger->reader_up,
                                    &ledger->read_ready);
    }
    for (int i = from; i < from + count; i++) {
        if (reader->batch[i]->rows == NULL)
            error_retryable(&reader->batch[i]->error, "the program is stopping");
    }
}

void *
ledger_reader_main(void *arg)
{
    struct reader *reader = str_calloc(1, sizeof *reader);
    reader->ledger = arg;
    reader->pg =
        ledger_connect(reader->ledger, NULL, "reader", &reader->ledger->reader_up,
                       &reader->ledger->read_ready);
    bool stopping = false;
    while (!stopping || reader->count > 0) {
        take_batch(reader, &stopping);
        if (reader->count > 0)
            ask_for_good(reader, 0, reader->count);
        for (int i = 0; i < reader->count; i++)
            loop_post(reader->batch[i]->loop, &reader->batch[i]->mail);
    }
    pg_close(reader->pg);
    free(reader);
    return NULL;
}
