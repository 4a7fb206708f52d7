// Timers that are due go out. On the session of its caller, like what is in
// ledger_keeper.c.
#include <stdio.h>

#include "common/ledger_queue.h"

enum { FIRE_MAX = 500, NUMBER_TEXT = 24 };

// A timer that is due moves into the outbox in one statement, so it goes out once; a
// row that another process is firing, or a settle is changing, is left for the next
// round.
static const char fire_sql[] =
    "WITH due AS (DELETE FROM relais.timer t USING ("
    " SELECT worker, entity, name FROM relais.timer WHERE worker = $1"
    " AND due_at <= clock_timestamp() + $2::int8 * interval '1 ms'"
    " ORDER BY due_at LIMIT $3::int8 FOR UPDATE SKIP LOCKED) AS d"
    " WHERE t.worker = d.worker AND t.entity = d.entity AND t.name = d.name"
    " RETURNING t.*)"
    " INSERT INTO relais.outbox (topic, key, id, headers, payload)"
    " SELECT topic, key, id, headers, payload FROM due ORDER BY due_at"
    " RETURNING seq, topic, key, id, headers, payload";

bool
ledger_pg_fire(struct ledger_pg *ledger, int64_t ahead_ms, struct error *err)
{
    if (!ledger_connected(ledger, err))
        return false;
    char ahead[NUMBER_TEXT];
    char most[NUMBER_TEXT];
    (void)snprintf(ahead, sizeof ahead, "%lld", (long long)ahead_ms);
    (void)snprintf(most, sizeof most, "%d", FIRE_MAX);
    const struct pg_param params[] = {PG_TEXT(ledger->worker), PG_TEXT(ahead),
                                      PG_TEXT(most)};
    int fired = FIRE_MAX;
    while (fired == FIRE_MAX) {
        struct pg_rows *rows = NULL;
        if (!pg_run(ledger->keeper, fire_sql, params, 3, &rows, err))
            return false;
        ledger_publish_rows(ledger, rows);
        fired = pg_rows_count(rows);
        pg_rows_free(rows);
    }
    return true;
}

bool
ledger_pg_clock(struct ledger_pg *ledger, int64_t *ahead_ms, struct error *err)
{
    struct pg_rows *rows = NULL;
    if (!ledger_connected(ledger, err)
        || !pg_run(ledger->keeper, "SELECT ahead_ms FROM relais.clock", NULL, 0, &rows,
                   err))
        return false;
    *ahead_ms = pg_rows_count(rows) > 0 ? pg_i64(rows, 0, 0) : 0;
    pg_rows_free(rows);
    return true;
}
