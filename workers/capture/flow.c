// workers/capture/flow.c - CAPTURE=flow: the activity log makes complete what flows of
// Directus may lose.
//
// Every entry becomes a hint; its id is made of the entry's, so that reading some again
// (the overlap, a restart) makes the same events. Where it left off is in the ledger.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/activity.h"
#include "common/clock.h"
#include "common/directus.h"
#include "common/http.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/uuid.h"
#include "workers/capture/batch.h"
#include "workers/capture/capture.h"
#include "workers/capture/publisher.h"
#include "workers/capture/session.h"

enum {
    JOB_MS = 60 * 1000,
    OVERLAP_MS = 60 * 1000,
    SEEN_SLOTS = 1024, // more than ACTIVITY_OVERLAP: no two ids of it share one
};

struct flow {
    struct capture *capture;
    struct directus directus;
    struct pg *pg;
    struct capture_backoff backoff;
    int64_t top;              // highest id published
    char top_at[40];          // its time
    int64_t seen[SEEN_SLOTS]; // ids published by this process
};

static bool
read_cursor(struct flow *flow, bool *found, struct error *err)
{
    struct pg_rows *rows = NULL;
    long long id = 0;

    if (!pg_run(flow->pg,
                "SELECT split_part(value, ' ', 1), split_part(value, ' ', 2) FROM "
                "relais.sweep_cursor WHERE worker = 'capture' AND name = 'activity'",
                NULL, 0, &rows, err))
        return false;
    *found = pg_rows_count(rows) == 1 && str_to_i64(pg_text(rows, 0, 0), &id);
    if (*found) {
        flow->top = id;
        str_copy(flow->top_at, sizeof flow->top_at, pg_text(rows, 0, 1));
    }
    pg_rows_free(rows);
    return true;
}

static bool
write_cursor(struct flow *flow, struct error *err)
{
    char value[80];

    snprintf(value, sizeof value, "%lld %s", (long long)flow->top, flow->top_at);
    const struct pg_param params[] = {PG_TEXT(value)};
    return pg_run(
        flow->pg,
        "INSERT INTO relais.sweep_cursor (worker, name, value) VALUES "
        "('capture', 'activity', $1) ON CONFLICT (worker, name) DO UPDATE SET "
        "value = excluded.value, updated_at = now()",
        params, 1, NULL, err);
}

// Without a cursor it begins with what happens from now on: `relais baseline` has dealt
// with what there was before.
static bool
begin(struct flow *flow, struct job *job, struct error *err)
{
    bool found = false;
    const char *at = "";

    if (!read_cursor(flow, &found, err))
        return false;
    if (found)
        return true;
    if (!activity_newest(&flow->directus, job, &flow->top, &at)) {
        *err = job->error;
        return false;
    }
    str_copy(flow->top_at, sizeof flow->top_at, at);
    return write_cursor(flow, err);
}

static bool
was_seen(const struct flow *flow, int64_t id)
{
    return flow->seen[id % SEEN_SLOTS] == id;
}

static bool
send_entry(struct capture_batch *batch, struct job *job,
           const struct activity_entry *entry, struct error *err)
{
    char id[UUID_TEXT];
    const char *const parts[] = {"activity",
                                 job_printf(job, "%lld", (long long)entry->id), NULL};
    struct capture_change change = {
        .event_id = id,
        .collection = entry->collection,
        .op = entry->op,
        .item = entry->item,
        .root = entry->root,
        .actor = entry->user,
        .at = entry->at,
        .company = entry->company,
        .seq = -1,
        .hint = true,
    };

    uuid_of(parts, id);
    return capture_batch_send(batch, job, &change, err);
}

static void
remember(struct flow *flow, const struct activity_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        const struct activity_entry *entry = &page->entries[i];
        flow->seen[entry->id % SEEN_SLOTS] = entry->id;
        if (entry->id <= flow->top)
            continue;
        flow->top = entry->id;
        str_copy(flow->top_at, sizeof flow->top_at, entry->at);
    }
}

static void
drop_seen(const struct flow *flow, struct activity_page *page)
{
    size_t kept = 0;

    for (size_t i = 0; i < page->count; i++)
        if (!was_seen(flow, page->entries[i].id))
            page->entries[kept++] = page->entries[i];
    page->count = kept;
}

static bool
publish(struct flow *flow, struct job *job, struct activity_page *page,
        struct error *err)
{
    struct capture_batch batch = {.capture = flow->capture, .pg = flow->pg};

    drop_seen(flow, page);
    if (page->count == 0)
        return true;
    if (!activity_roots(&flow->directus, job, page)) {
        *err = job->error;
        return false;
    }
    if (!capture_publisher_begin(flow->capture->publisher, err))
        return false;
    for (size_t i = 0; i < page->count; i++)
        if (!send_entry(&batch, job, &page->entries[i], err))
            return false;
    if (!capture_batch_await(&batch, err))
        return false;
    remember(flow, page);
    metric_add(flow->capture->published, (int64_t)page->count);
    return write_cursor(flow, err);
}

// The time from which entries of the overlap are read again, or NULL.
static const char *
overlap_since(const struct flow *flow, char text[CLOCK_TEXT])
{
    int64_t at_ms;

    if (!clock_parse(flow->top_at, &at_ms))
        return NULL;
    clock_format(at_ms - OVERLAP_MS, text);
    return text;
}

// Entries that came late, below those that were read.
static bool
poll_overlap(struct flow *flow, struct job *job, struct error *err)
{
    char since[CLOCK_TEXT];
    struct activity_page page = {0};

    if (overlap_since(flow, since) == NULL)
        return true;
    if (activity_before(&flow->directus, job, flow->top, since, &page))
        return publish(flow, job, &page, err);
    *err = job->error;
    return false;
}

// One page of new entries; *more if there may be another.
static bool
poll_new(struct flow *flow, struct job *job, bool *more, struct error *err)
{
    struct activity_page page = {0};

    if (!activity_after(&flow->directus, job, flow->top, NULL, &page)) {
        *err = job->error;
        return false;
    }
    *more = page.count == ACTIVITY_PAGE;
    return publish(flow, job, &page, err);
}

static void
say_active(struct flow *flow)
{
    if (capture_status_set(&flow->capture->status, CAPTURE_ACTIVE, ""))
        log_info("active", "reading the activity log of Directus");
    metric_set(flow->capture->active, 1);
    flow->backoff.attempts = 0;
}

static bool
work(struct flow *flow, struct error *err)
{
    struct job job;
    bool more = false;
    bool good;

    job_begin(&job, JOB_MS);
    good = begin(flow, &job, err);
    job_end(&job);
    while (good && !capture_wake_stopping(&flow->capture->wake)) {
        capture_settings_reload(flow->capture, &flow->directus);
        capture_status_turn(&flow->capture->status);
        job_begin(&job, JOB_MS);
        good =
            poll_new(flow, &job, &more, err) && (more || poll_overlap(flow, &job, err));
        job_end(&job);
        if (good)
            say_active(flow);
        if (good && !more)
            good = capture_session_wait(flow->capture, flow->pg,
                                        flow->capture->settings.poll_ms, err);
    }
    return good;
}

static bool
run_session(struct flow *flow, struct error *err)
{
    flow->pg =
        capture_session_open(flow->capture, flow->capture->settings.database_url, err);
    if (flow->pg == NULL)
        return false;
    bool good = work(flow, err);
    metric_set(flow->capture->active, 0);
    if (!good)
        capture_publisher_abort(flow->capture->publisher);
    pg_close(flow->pg);
    return good;
}

static void
run(struct flow *flow)
{
    struct capture *capture = flow->capture;
    struct error err = {0};

    while (!run_session(flow, &err) && !capture_wake_stopping(&capture->wake)) {
        capture_settings_reload(capture, &flow->directus);
        capture_session_back_off(capture, &flow->backoff, "DATABASE_URL", &err);
        err = (struct error){0};
    }
}

bool
capture_flow_run(struct capture *capture, struct error *err)
{
    struct flow *flow = str_calloc(1, sizeof *flow);

    flow->capture = capture;
    http_init();
    bool good = directus_open(&flow->directus, "capture", err);
    if (good) {
        run(flow);
        directus_close(&flow->directus);
    }
    http_exit();
    free(flow);
    return good;
}
