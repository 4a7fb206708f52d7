// What is rare: taking partitions over, publishing what was left behind, retention. On
// the session of its caller.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/ledger_queue.h"
#include "common/log.h"
#include "common/str.h"

enum { REPUBLISH_MAX = 500, RETIRE_PAGES = 1024 };

static struct pg_param
text_param(const char *text)
{
    return (struct pg_param){.text = text, .type = PG_TYPE_TEXT};
}

bool
ledger_connected(struct ledger_pg *ledger, struct error *err)
{
    if (ledger->keeper != NULL && pg_ok(ledger->keeper))
        return true;
    ledger->leader = ledger->sweeper = false; // advisory locks went with the session
    pg_close(ledger->keeper);
    ledger->keeper = ledger_open(ledger, ledger->worker, err);
    return ledger->keeper != NULL;
}

static bool
holds_lock(struct ledger_pg *ledger, const char *what, bool *held)
{
    struct error err;
    if (!ledger_connected(ledger, &err) || *held)
        return *held;
    struct pg_param name = text_param(what);
    struct pg_rows *rows = NULL;
    if (pg_run(ledger->keeper,
               "SELECT pg_try_advisory_lock(hashtextextended('relais ' || $1, 1))::int",
               &name, 1, &rows, &err))
        *held = pg_i64(rows, 0, 0) == 1;
    pg_rows_free(rows);
    return *held;
}

bool
ledger_pg_may_sweep(struct ledger_pg *ledger)
{
    char name[200];
    str_copy(name, sizeof name, "sweep ");
    str_copy(name + 6, sizeof name - 6, ledger->worker);
    return holds_lock(ledger, name, &ledger->sweeper);
}

static void
fill_partitions(struct pg_array *array, const int32_t *partitions, int count)
{
    pg_array_begin(array, PG_TYPE_INT8);
    for (int i = 0; i < count; i++)
        pg_array_i64(array, partitions[i]);
}

static void
tell_epochs(const struct ledger_assignment *told, struct pg_rows *epochs)
{
    for (int i = 0; i < pg_rows_count(epochs); i++)
        told->epoch(told->owner, (int32_t)pg_i64(epochs, i, 0), pg_i64(epochs, i, 1));
}

static void
tell_parked(const struct ledger_assignment *told, struct pg_rows *parked)
{
    for (int i = 0; i < pg_rows_count(parked); i++) {
        struct ledger_parked_lane lane = {
            .lane = pg_text(parked, i, 0),
            .partition = (int32_t)pg_i64(parked, i, 1),
        };
        told->parked(told->owner, &lane);
    }
}

// Whose transaction began before we began to wait for the lock (lock_timeout; who came
// after us stood behind us) was frozen in its middle.
// idle_in_transaction_session_timeout ends its session only where it had finished a
// statement; half a statement the server awaits for ever. Nothing of it is committed,
// and the one who thaws finds another's epochs.
static void
end_frozen(struct ledger_pg *ledger)
{
    struct error err;
    struct pg_rows *ended = NULL;
    struct pg_param worker = text_param(ledger->worker);
    if (pg_run(ledger->keeper,
               "SELECT pg_terminate_backend(l.pid)"
               " FROM hashtextextended('relais ' || $1, 0) AS key"
               " JOIN pg_locks l ON l.locktype = 'advisory' AND l.objsubid = 1"
               " AND l.classid::int8 = (key >> 32) & 4294967295"
               " AND l.objid::int8 = key & 4294967295"
               " JOIN pg_stat_activity a ON a.pid = l.pid"
               " WHERE l.granted AND l.pid <> pg_backend_pid()"
               " AND l.database = (SELECT oid FROM pg_database"
               " WHERE datname = current_database())"
               " AND a.xact_start < clock_timestamp() - interval '5 seconds'",
               &worker, 1, &ended, &err)
        && pg_rows_count(ended) > 0)
        log_warn("frozen", "%d sessions held our partitions in a transaction: ended",
                 pg_rows_count(ended));
    pg_rows_free(ended);
}

bool
ledger_pg_assign(struct ledger_pg *ledger, const int32_t *partitions, int count,
                 const struct ledger_assignment *told, struct error *err)
{
    if (!ledger_connected(ledger, err))
        return false;
    struct pg_array array;
    fill_partitions(&array, partitions, count);
    struct pg_rows *epochs = NULL;
    struct pg_rows *parked = NULL;
    struct pg_param worker = text_param(ledger->worker);
    struct pg_param take[] = {worker, text_param(ledger->owner_name),
                              pg_array_param(&array)};
    struct pg_param load[] = {worker, pg_array_param(&array)};
    const struct pg_statement statements[] = {
        {.sql = "BEGIN"},
        {.sql = "SELECT set_config('lock_timeout', '4s', true)"},
        // Waits for the settles that are being written, and keeps new ones out.
        {.sql = "SELECT pg_advisory_xact_lock(hashtextextended('relais ' || $1, 0))",
         .params = &worker,
         .count = 1},
        {.sql =
             "INSERT INTO relais.partition_epoch AS e (worker, partition, epoch, owner)"
             " SELECT $1, p::int, 1, $2 FROM unnest($3::int8[]) AS p"
             " ON CONFLICT (worker, partition) DO UPDATE SET epoch = e.epoch + 1,"
             " owner = excluded.owner, assigned_at = now()"
             " RETURNING partition, epoch",
         .params = take,
         .count = 3,
         .rows = &epochs},
        {.sql = "SELECT DISTINCT lane, partition FROM relais.parked_event"
                " WHERE worker = $1"
                " AND partition = ANY($2::int8[])",
         .params = load,
         .count = 2,
         .rows = &parked},
        {.sql = "COMMIT"},
    };
    bool done = pg_pipeline(ledger->keeper, statements, 6, err);
    pg_array_end(&array);
    if (!done && pg_ok(ledger->keeper) && strstr(err->text, " 55P03 ") != NULL)
        end_frozen(ledger);
    if (!done)
        return false;
    tell_epochs(told, epochs);
    done = ledger_pg_republish(ledger, partitions, count, true, err);
    if (done && told->owned(told->owner))
        tell_parked(told, parked);
    pg_rows_free(epochs);
    pg_rows_free(parked);
    return done;
}

void
ledger_publish_rows(struct ledger_pg *ledger, struct pg_rows *rows)
{
    for (int i = 0; i < pg_rows_count(rows); i++) {
        size_t headers_length;
        const char *headers = pg_bytes(rows, i, 4, &headers_length);
        char *headers_text = str_ndup(headers, headers_length);
        struct settle_out out = {
            .topic = pg_text(rows, i, 1),
            .key = pg_text(rows, i, 2),
            .id = pg_text(rows, i, 3),
            .headers = headers_text,
        };
        out.payload = pg_bytes(rows, i, 5, &out.payload_length);
        ledger->publish(ledger->owner, &out);
        free(headers_text);
    }
}

// One page after another by seq, so that a large backlog is never held in memory at
// once.
static bool
republish(struct ledger_pg *ledger, const char *sql, struct pg_param *params,
          struct error *err)
{
    char after[24] = "0";
    for (;;) {
        struct pg_rows *rows = NULL;
        params[2] = text_param(after);
        if (!pg_run(ledger->keeper, sql, params, 3, &rows, err))
            return false;
        ledger_publish_rows(ledger, rows);
        int count = pg_rows_count(rows);
        if (count > 0)
            str_copy(after, sizeof after, pg_text(rows, count - 1, 0));
        pg_rows_free(rows);
        if (count < REPUBLISH_MAX)
            return true;
    }
}

// `again` takes every row: nothing of this process is under way. Otherwise only rows
// that have waited so long that their delivery must have failed.
bool
ledger_pg_republish(struct ledger_pg *ledger, const int32_t *partitions, int count,
                    bool again, struct error *err)
{
    static const char columns[] = "SELECT seq, topic, key, id, headers, payload";
    if (!ledger_connected(ledger, err))
        return false;
    struct pg_array array;
    fill_partitions(&array, partitions, count);
    struct str sql;
    str_begin(&sql, 1024);
    str_printf(&sql,
               "%s FROM relais.outbox WHERE worker = $1 AND partition = ANY($2::int8[])"
               " AND seq > $3::int8%s ORDER BY seq LIMIT %d",
               columns, again ? "" : " AND created_at < now() - interval '30 s'",
               REPUBLISH_MAX);
    struct pg_param params[3] = {text_param(ledger->worker), pg_array_param(&array)};
    bool done = republish(ledger, sql.data, params, err);
    if (done && holds_lock(ledger, "outbox leader", &ledger->leader)) {
        str_end(&sql);
        str_begin(&sql, 1024);
        str_printf(
            &sql,
            "%s FROM relais.outbox WHERE partition IS NULL AND $1::text IS NOT NULL"
            " AND $2::int8[] IS NOT NULL AND seq > $3::int8"
            " ORDER BY seq LIMIT %d",
            columns, REPUBLISH_MAX);
        done = republish(ledger, sql.data, params, err);
    }
    str_end(&sql);
    pg_array_end(&array);
    return done;
}

bool
ledger_pg_due(struct ledger_pg *ledger, const int32_t *partitions, int count,
              void (*due)(void *owner, const struct ledger_parked_lane *lane),
              void *owner, struct error *err)
{
    if (!ledger_connected(ledger, err))
        return false;
    struct pg_array array;
    fill_partitions(&array, partitions, count);
    struct pg_param params[] = {text_param(ledger->worker), pg_array_param(&array)};
    struct pg_rows *rows = NULL;
    bool done = pg_run(ledger->keeper,
                       "SELECT DISTINCT lane, partition FROM relais.parked_event"
                       " WHERE worker = $1 AND partition = ANY($2::int8[])"
                       " AND due_at <= clock_timestamp() LIMIT 500",
                       params, 2, &rows, err);
    pg_array_end(&array);
    for (int i = 0; done && i < pg_rows_count(rows); i++) {
        struct ledger_parked_lane lane = {.lane = pg_text(rows, i, 0),
                                          .partition = (int32_t)pg_i64(rows, i, 1)};
        due(owner, &lane);
    }
    pg_rows_free(rows);
    return done;
}

// A slice of one table: its pages from $3 to $4 by their numbers. An index by age would
// have to be kept at every insertion, and one of whole pages (BRIN) finds nothing any
// more once new rows have taken the room of old ones.
#define RETIRE(table, at)                                                         \
    "WITH gone AS (DELETE FROM " table " WHERE ctid >= format('(%s,0)', $3)::tid" \
    " AND ctid < format('(%s,0)', $4)::tid AND worker = $1"                       \
    " AND " at " < now() - $2::int8 * interval '1 ms')"                           \
    " SELECT pg_relation_size('" table "')"                                       \
    " / current_setting('block_size')::int8"

bool
ledger_pg_retire(struct ledger_pg *ledger, int64_t keep_ms, bool *more,
                 struct error *err)
{
    static const char *const slices[] = {
        RETIRE("relais.finished_event", "finished_at"),
        RETIRE("relais.journey_step", "at"),
    };
    char keep[24];
    char from[24];
    char to[24];
    const struct pg_param params[] = {text_param(ledger->worker), text_param(keep),
                                      text_param(from), text_param(to)};
    int64_t page = ledger->retired_page;
    snprintf(keep, sizeof keep, "%" PRId64, keep_ms);
    snprintf(from, sizeof from, "%" PRId64, page);
    snprintf(to, sizeof to, "%" PRId64, page + RETIRE_PAGES);
    *more = false;
    if (!ledger_connected(ledger, err))
        return false;
    for (size_t i = 0; i < sizeof slices / sizeof slices[0]; i++) {
        struct pg_rows *rows = NULL;
        if (!pg_run(ledger->keeper, slices[i], params, 4, &rows, err))
            return false;
        *more = *more || pg_i64(rows, 0, 0) > page + RETIRE_PAGES;
        pg_rows_free(rows);
    }
    ledger->retired_page = *more ? page + RETIRE_PAGES : 0;
    return true;
}

bool
ledger_pg_counts(struct ledger_pg *ledger, struct ledger_counts *counts,
                 struct error *err)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM relais.parked_event WHERE worker = $1),"
        " (SELECT count(*) FROM relais.outbox WHERE worker = $1),"
        " (SELECT count(*) FROM relais.attention"
        " WHERE worker = $1 AND resolved_at IS NULL)";
    struct pg_param params[] = {text_param(ledger->worker)};
    struct pg_rows *rows = NULL;
    if (!ledger_connected(ledger, err)
        || !pg_run(ledger->keeper, sql, params, 1, &rows, err))
        return false;
    *counts = (struct ledger_counts){.parked = pg_i64(rows, 0, 0),
                                     .outbox = pg_i64(rows, 0, 1),
                                     .attention = pg_i64(rows, 0, 2)};
    pg_rows_free(rows);
    return true;
}
