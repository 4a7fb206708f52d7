// workers/capture/outbox.c - CAPTURE=outbox: what the triggers wrote goes to Kafka.
//
// Read unpublished rows in order, produce them, wait until Kafka has them all, mark
// them: all on the session that holds the lock. Whatever breaks in between is repeated
// from the first row that is not marked, with the same ids.
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/job.h"
#include "common/log.h"
#include "common/pg.h"
#include "workers/capture/batch.h"
#include "workers/capture/capture.h"
#include "workers/capture/change.h"
#include "workers/capture/companies.h"
#include "workers/capture/publisher.h"
#include "workers/capture/session.h"
#include "workers/capture/triggers.h"

enum {
    HOUSE_EVERY_MS = 60 * 1000, // new collections, old rows
    DELETE_ROWS = 5000,
    BATCH_BYTES = 8 * 1024 * 1024, // of rows read at once
    JOB_MS = 60 * 1000,
};

struct outbox {
    struct capture *capture;
    struct pg *pg;
    struct capture_companies companies;
    struct capture_backoff backoff;
    int64_t house_at_ms;
    int64_t careful; // rows to go one at a time, after one that was too large
    char gap[CAPTURE_GAP_BYTES]; // see triggers.h
};

// In the order of the SELECT.
enum column {
    SEQ,
    EVENT_ID,
    COLLECTION,
    OP,
    ITEM,
    ROOT,
    ACTOR,
    AT_TEXT,
    AGE_MS,
    COMPANY,
    COMPANY_ID,
    CHANGED,
    OLD_ROW,
    NEW_ROW,
    BYTES,
};

// $1 rows, $2 bytes of rows at once (the first comes in any case), $3 bytes of one.
static const char select_unpublished[] =
    "WITH head AS MATERIALIZED ("
    " SELECT *, coalesce(new_row, old_row, jsonb_build_object('id', item)) AS r,"
    "  old_row::text AS old_text, new_row::text AS new_text"
    " FROM relais_capture.change WHERE published_at IS NULL ORDER BY seq LIMIT $1::int"
    "), sized AS ("
    " SELECT *, coalesce(octet_length(old_text), 0) + coalesce(octet_length(new_text), "
    "  0) + coalesce(octet_length(changed::text), 0) AS bytes FROM head"
    "), counted AS ("
    " SELECT *, bytes <= $3::bigint AS fits,"
    "  sum(least(bytes, $3::bigint)) OVER (ORDER BY seq) AS total FROM sized) "
    "SELECT seq, event_id, collection, op, item,"
    " coalesce(root, relais_capture.root(collection, r, NULL)), actor,"
    " to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
    " (extract(epoch FROM clock_timestamp() - at) * 1000)::bigint,"
    " r ->> 'owner_company', r ->> 'owner_company_id',"
    " CASE WHEN fits THEN to_json(changed)::text END, CASE WHEN fits THEN old_text END,"
    " CASE WHEN fits THEN new_text END, bytes "
    "FROM counted WHERE total - least(bytes, $3::bigint) < $2::bigint ORDER BY seq";

// Without statistics (a young table, a sudden backlog) the planner would sort the whole
// backlog for each batch, instead of walking the index of what is unpublished.
static const char begin_session[] = "LISTEN relais_capture;"
                                    "SET enable_bitmapscan = off;"
                                    "SET enable_seqscan = off";

static const char mark_published[] =
    "UPDATE relais_capture.change SET published_at = now() WHERE seq = ANY ($1)";

static const char delete_published[] =
    "DELETE FROM relais_capture.change WHERE seq IN ("
    "SELECT seq FROM relais_capture.change"
    " WHERE published_at < now() - $1::bigint * interval '1 millisecond'"
    " ORDER BY published_at LIMIT $2::int)";

static bool
fill_company(struct outbox *o, const struct pg_rows *rows, int row,
             struct capture_change *change, struct error *err)
{
    const char *id = pg_text(rows, row, COMPANY_ID);

    change->company = pg_text(rows, row, COMPANY);
    if (change->company != NULL)
        return true;
    change->company = "";
    if (id == NULL)
        return true;
    return capture_companies_code(&o->companies, o->pg,
                                  o->capture->settings.owner_companies, id,
                                  &change->company, err);
}

static bool
fill_change(struct outbox *o, const struct pg_rows *rows, int row,
            struct capture_change *change, struct error *err)
{
    *change = (struct capture_change){
        .seq = pg_i64(rows, row, SEQ),
        .event_id = pg_text(rows, row, EVENT_ID),
        .collection = pg_text(rows, row, COLLECTION),
        .op = pg_text(rows, row, OP),
        .item = pg_text(rows, row, ITEM),
        .root = pg_text(rows, row, ROOT),
        .actor = pg_text(rows, row, ACTOR),
        .at = pg_text(rows, row, AT_TEXT),
        .changed = pg_text(rows, row, CHANGED),
        .old_row = pg_text(rows, row, OLD_ROW),
        .new_row = pg_text(rows, row, NEW_ROW),
    };
    return fill_company(o, rows, row, change, err);
}

// What cannot travel with its rows goes without them.
static void
judge(struct outbox *o, struct capture_batch *batch, const struct pg_rows *rows,
      int row, struct capture_change *change)
{
    if (pg_i64(rows, row, BYTES) > o->capture->settings.max_bytes)
        capture_batch_hint(batch, change, "the row is larger than CAPTURE_MAX_BYTES");
    else if (change->old_row == NULL && change->new_row == NULL)
        capture_batch_hint(batch, change, "the row holds JSON that jsonb refuses");
}

static bool
send_row(struct outbox *o, struct capture_batch *batch, const struct pg_rows *rows,
         int row, struct error *err)
{
    struct job job;
    struct capture_change change;

    job_begin(&job, JOB_MS);
    bool good = fill_change(o, rows, row, &change, err);
    if (good) {
        judge(o, batch, rows, row, &change);
        if (batch->too_large && !change.hint)
            capture_batch_hint(batch, &change,
                               "the brokers take no record of its size");
        good = capture_batch_send(batch, &job, &change, err);
    }
    job_end(&job);
    return good;
}

// batch->too_large when it begins: the rows are known to be too large for the brokers.
static bool
send_all(struct outbox *o, struct capture_batch *batch, const struct pg_rows *rows,
         struct error *err)
{
    bool good = capture_publisher_begin(o->capture->publisher, err);

    for (int row = 0; good && row < pg_rows_count(rows); row++)
        good = send_row(o, batch, rows, row, err);
    return good && capture_batch_await(batch, err);
}

static bool
mark(struct outbox *o, const struct pg_rows *rows, struct error *err)
{
    struct pg_array seqs;

    pg_array_begin(&seqs, PG_TYPE_INT8);
    for (int row = 0; row < pg_rows_count(rows); row++)
        pg_array_i64(&seqs, pg_i64(rows, row, SEQ));
    const struct pg_param params[] = {pg_array_param(&seqs)};
    bool good = pg_run(o->pg, mark_published, params, 1, NULL, err);
    pg_array_end(&seqs);
    return good;
}

// After a batch with a record that the brokers find too large, rows go one at a time
// until that one is found; it goes once more, without its rows.
static bool
send_carefully(struct outbox *o, const struct pg_rows *rows, struct error *err)
{
    struct capture_batch batch = {.capture = o->capture, .pg = o->pg};
    bool single = o->careful > 0;

    if (send_all(o, &batch, rows, err)) {
        o->careful -= single;
        return true;
    }
    if (!batch.too_large)
        return false;
    o->careful = o->capture->settings.batch;
    if (!single)
        return false;
    capture_publisher_abort(o->capture->publisher);
    return send_all(o, &batch, rows, err);
}

static bool
publish(struct outbox *o, const struct pg_rows *rows, struct error *err)
{
    if (!send_carefully(o, rows, err) || !mark(o, rows, err))
        return false;
    metric_add(o->capture->published, pg_rows_count(rows));
    return true;
}

static bool
read_unpublished(struct outbox *o, struct pg_rows **rows, struct error *err)
{
    const struct capture_settings *s = &o->capture->settings;
    char count[24];
    char bytes[24];
    char most[24];

    snprintf(count, sizeof count, "%lld", o->careful > 0 ? 1LL : (long long)s->batch);
    snprintf(bytes, sizeof bytes, "%d", BATCH_BYTES);
    snprintf(most, sizeof most, "%lld", (long long)s->max_bytes);
    const struct pg_param params[] = {PG_TEXT(count), PG_TEXT(bytes), PG_TEXT(most)};
    return pg_run(o->pg, select_unpublished, params, 3, rows, err);
}

static void
say_active(struct outbox *o)
{
    if (capture_status_set(&o->capture->status, CAPTURE_ACTIVE, o->gap))
        log_info("active", "publishing the changes of Directus");
    metric_set(o->capture->active, 1);
}

// One batch; *idle if there was nothing to publish.
static bool
turn(struct outbox *o, bool *idle, struct error *err)
{
    struct pg_rows *rows = NULL;

    capture_status_turn(&o->capture->status);
    if (!read_unpublished(o, &rows, err))
        return false;
    say_active(o);
    *idle = pg_rows_count(rows) == 0;
    metric_set(o->capture->lag_ms, *idle ? 0 : pg_i64(rows, 0, AGE_MS));
    bool good = *idle || publish(o, rows, err);
    pg_rows_free(rows);
    return good;
}

// Deletes what was published long ago, a piece at a time; *more if there is more.
static bool
delete_old(struct outbox *o, bool *more, struct error *err)
{
    char retention[24];
    char count[24];
    struct pg_rows *rows = NULL;

    snprintf(retention, sizeof retention, "%lld",
             (long long)o->capture->settings.retention_ms);
    snprintf(count, sizeof count, "%d", DELETE_ROWS);
    const struct pg_param params[] = {PG_TEXT(retention), PG_TEXT(count)};
    if (!pg_run(o->pg, delete_published, params, 2, &rows, err))
        return false;
    *more = pg_affected(rows) == DELETE_ROWS;
    pg_rows_free(rows);
    return true;
}

static bool
keep_house(struct outbox *o, struct error *err)
{
    bool more;

    if (clock_ms() < o->house_at_ms)
        return true;
    if (!capture_triggers_keep(o->pg, &o->capture->settings, o->gap, err)
        || !delete_old(o, &more, err))
        return false;
    o->house_at_ms = more ? 0 : clock_ms() + HOUSE_EVERY_MS;
    return true;
}

// Works until the session is lost, something fails or it is time to stop. LISTEN comes
// before the first look at the table, so that no change falls between the two.
static bool
work(struct outbox *o, struct error *err)
{
    bool idle = false;

    o->house_at_ms = 0;
    if (!pg_script(o->pg, begin_session, err))
        return false;
    while (!capture_wake_stopping(&o->capture->wake)) {
        capture_settings_reload(o->capture, NULL);
        if (!keep_house(o, err) || !turn(o, &idle, err))
            return false;
        o->backoff.attempts = 0;
        if (idle
            && !capture_session_wait(o->capture, o->pg, o->capture->settings.poll_ms,
                                     err))
            return false;
    }
    return true;
}

static bool
run_session(struct outbox *o, struct error *err)
{
    o->pg = capture_session_open(o->capture, o->capture->settings.capture_database_url,
                                 err);
    if (o->pg == NULL)
        return false;
    bool good = work(o, err);
    metric_set(o->capture->active, 0);
    // First nothing goes out any more, then the lock is free.
    if (!good)
        capture_publisher_abort(o->capture->publisher);
    pg_close(o->pg);
    capture_companies_end(&o->companies);
    return good;
}

void
capture_outbox_run(struct capture *capture)
{
    struct outbox o = {.capture = capture};
    struct error err = {0};

    while (!run_session(&o, &err) && !capture_wake_stopping(&capture->wake)) {
        capture_settings_reload(capture, NULL);
        capture_session_back_off(capture, &o.backoff, "CAPTURE_DATABASE_URL", &err);
        err = (struct error){0};
    }
}
