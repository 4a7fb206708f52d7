// workers/cli/audit_capture.c - changes in Directus that nobody captured.
//
// The triggers never stand in the way of a write: without their outbox, without rights,
// or switched off, they tell nobody. Directus's own log tells of every write that went
// through it, and is compared with what was captured. What is missing becomes a change
// without its rows: whoever reads that looks at the item as it is.
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/activity.h"
#include "workers/cli/audit.h"

enum { PAGE_MS = 60 * 1000, NUMBER_TEXT = 24 };

static const int64_t longest_ms = INT64_C(7) * 24 * 3600 * 1000;

// Since when: $1 milliseconds ago, but not before the oldest change that is kept. NULL
// where none is.
static const char since_sql[] =
    "SELECT to_char(greatest(at, now() - $1::int8 * interval '1 millisecond')"
    " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    " FROM relais_capture.change ORDER BY seq LIMIT 1";

// A write is captured a moment before its entry gets its time, and after the entry of
// the write before it, as the row is locked meanwhile. (The first of a page gets a
// minute: that covers one that was not captured, if the same item was a moment before.)
// What is captured later covers it as well: it shows the item. A write that left the
// item as it was captured last changed nothing.
static const char missed_sql[] =
    "WITH entry AS ("
    " SELECT collection, op, item, at, n,"
    "  lag(at) OVER (PARTITION BY collection, item ORDER BY n) AS before"
    " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[]::timestamptz[])"
    " WITH ORDINALITY AS t(collection, op, item, at, n)"
    "), missed AS ("
    " INSERT INTO relais_capture.change (collection, op, item)"
    " SELECT DISTINCT ON (collection, item) collection, op, item FROM entry AS e"
    " WHERE NOT EXISTS (SELECT FROM relais_capture.change AS c"
    "  WHERE c.collection = e.collection AND c.item = e.item"
    "  AND c.at >= greatest(e.before, e.at - interval '1 minute'))"
    " AND NOT relais_capture.is_known(e.collection, e.item)"
    " ORDER BY collection, item, n DESC"
    " RETURNING collection, item) "
    "SELECT coalesce(relais_capture.root(collection, jsonb_build_object('id', item),"
    " NULL), collection || ':' || item), pg_notify('relais_capture', '') FROM missed";

struct look {
    struct audit *audit;
    struct directus directus;
    struct pg *pg;
    struct pg_rows *since; // one row, or none where nothing is kept
};

static void
add_missed(struct audit *audit, const struct pg_rows *rows)
{
    for (int row = 0; row < pg_rows_count(rows); row++) {
        const char *const cells[] = {pg_text(rows, row, 0), "relais-capture",
                                     "captured by nobody: looked at again"};
        table_row(&audit->found, cells);
        audit->uncaptured++;
    }
}

static bool
compare(struct look *look, const struct activity_page *page, struct error *err)
{
    struct pg_array collections;
    struct pg_array ops;
    struct pg_array items;
    struct pg_array times;
    struct pg_rows *rows = NULL;

    pg_array_begin(&collections, PG_TYPE_TEXT);
    pg_array_begin(&ops, PG_TYPE_TEXT);
    pg_array_begin(&items, PG_TYPE_TEXT);
    pg_array_begin(&times, PG_TYPE_TEXT);
    for (size_t i = 0; i < page->count; i++) {
        pg_array_text(&collections, page->entries[i].collection);
        pg_array_text(&ops, page->entries[i].op);
        pg_array_text(&items, page->entries[i].item);
        pg_array_text(&times, page->entries[i].at);
    }
    const struct pg_param params[] = {pg_array_param(&collections),
                                      pg_array_param(&ops), pg_array_param(&items),
                                      pg_array_param(&times)};
    bool good = pg_run(look->pg, missed_sql, params, 4, &rows, err);
    if (good)
        add_missed(look->audit, rows);
    pg_rows_free(rows);
    pg_array_end(&collections);
    pg_array_end(&ops);
    pg_array_end(&items);
    pg_array_end(&times);
    return good;
}

// *id moves on to the last entry of the page.
static bool
take_page(struct look *look, int64_t *id, bool *more, struct error *err)
{
    struct activity_page page;
    struct job job;

    job_begin(&job, PAGE_MS);
    bool good =
        activity_after(&look->directus, &job, *id, pg_text(look->since, 0, 0), &page);
    if (!good)
        *err = job.error;
    else if (page.count > 0)
        good = compare(look, &page, err);
    *more = good && page.count == ACTIVITY_PAGE;
    if (*more)
        *id = page.entries[page.count - 1].id;
    job_end(&job);
    return good;
}

static int
take_pages(struct look *look)
{
    struct cli *cli = look->audit->cli;
    struct error err = {0};
    int64_t id = 0;
    bool more = true;

    if (!directus_open(&look->directus, "cli", &err))
        return cli_fail(cli, EX_CONFIG, "%s", err.text);
    while (more && take_page(look, &id, &more, &err))
        ;
    directus_close(&look->directus);
    return err.kind == ERROR_NONE ? EX_OK : cli_error(cli, &err);
}

static int
look_at_log(struct look *look)
{
    struct audit *audit = look->audit;
    struct error err = {0};
    char ago[NUMBER_TEXT];

    (void)snprintf(ago, sizeof ago, "%lld",
                   (long long)(audit->since_ms > 0 ? audit->since_ms : longest_ms));
    const struct pg_param params[] = {PG_TEXT(ago)};
    if (!pg_run(look->pg, since_sql, params, 1, &look->since, &err))
        return cli_error(audit->cli, &err);
    int status = EX_OK;
    if (pg_rows_count(look->since) == 0)
        audit->skipped = "no captured change is kept to compare with";
    else
        status = take_pages(look);
    pg_rows_free(look->since);
    return status;
}

int
audit_capture(struct audit *audit)
{
    struct cli *cli = audit->cli;
    struct look look = {.audit = audit};
    struct error err = {0};

    if (strcmp(cli->settings.capture, "outbox") != 0)
        audit->skipped = "CAPTURE is not outbox";
    else if (cli->settings.capture_database_url[0] == '\0')
        audit->skipped = "CAPTURE_DATABASE_URL is not set";
    if (audit->skipped != NULL)
        return EX_OK;
    look.pg = pg_open(cli->settings.capture_database_url, "relais-cli", &err);
    if (look.pg == NULL)
        return cli_no_database(cli, "CAPTURE_DATABASE_URL", &err);
    int status = look_at_log(&look);
    pg_close(look.pg);
    return status;
}
