// workers/cli/audit_objects.c - every object of a provider is looked at once more.
//
// The words "look at this object" go into the outbox, and whoever leads publishes them;
// each worker compares the object with Directus, in the lane of all that concerns it. A
// page is over before the next one begins: neither this program nor the topics hold
// more than one, however many there are.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "common/drift.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/cli/audit.h"
#include "workers/cli/places.h"

enum {
    PAGE_ROWS = 500,
    PAGE_MS = 60 * 1000,
    POLL_MS = 200,
    NUMBER_TEXT = 24,
};

const struct audit_kind audit_kinds[AUDIT_KINDS] = {
    {"docuseal", "submission", "docuseal.submission.observed", "submissions"},
    {"invoice-ninja", "invoice", "invoice-ninja.invoice.observed", "invoices"},
    {"invoice-ninja", "payment", "invoice-ninja.payment.observed", "payments"},
    {"mautic", "contact", "mautic.contact.observed", "contacts"},
};

// References of a kind: $1 system, $2 remote type, $3 since when.
#define REFERENCES                                                              \
    " FROM relais.external_ref AS r WHERE r.system = $1 AND r.remote_type = $2" \
    " AND r.updated_at >= $3::timestamptz"
// A payment has a reference for each of its invoices, "<payment>/<invoice>".
#define OBJECT "split_part(r.remote_id, '/', 1)"

static const char count_sql[] =
    "SELECT count(*) FROM (SELECT DISTINCT r.company, " OBJECT REFERENCES ") AS o";

// $4, $5: company and remote id of the last one. Of several references to an object the
// youngest comes first: it knows the lane.
static const char page_sql[] =
    "SELECT r.company, r.remote_id, " OBJECT ", r.lane_key, CASE r.collection"
    " WHEN 'quotes' THEN 'quote:' || r.local_id"
    " WHEN 'cgv_acceptances' THEN 'cgv:' || r.local_id"
    " WHEN 'client_invoices' THEN 'invoice:' || r.local_id"
    " WHEN 'people' THEN 'contact:' || r.local_id"
    " WHEN 'leads' THEN 'lead:' || r.local_id ELSE '' END" REFERENCES
    " AND (r.company, r.remote_type, r.remote_id) > ($4, $2, $5)"
    " ORDER BY r.company, r.remote_type, r.remote_id, r.updated_at DESC LIMIT 500";

enum column { COMPANY, REMOTE_ID, OBJECT_ID, LANE_KEY, ROOT };

// Without an owner: published by whichever worker leads.
static const char send_sql[] =
    "INSERT INTO relais.outbox (topic, id, key, headers, payload)"
    " SELECT topic, id, key, headers, payload FROM unnest($1::text[], $2::text[],"
    " $3::text[], $4::bytea[], $5::bytea[]) WITH ORDINALITY"
    " AS t(topic, id, key, headers, payload, n) ORDER BY n";

// $1 events, $2 their worker's group, $3 milliseconds: how many are finished, and how
// many are parked for longer than that. What stands behind another in its lane has no
// time of its own (years): that of the first one counts, if it has one.
static const char progress_sql[] =
    "SELECT count(f.event), count(p.event) FILTER (WHERE f.event IS NULL"
    " AND (SELECT q.due_at FROM relais.parked_event AS q WHERE q.worker = p.worker"
    " AND q.partition = p.partition AND q.lane = p.lane ORDER BY q.seq LIMIT 1)"
    " BETWEEN now() + $3::int8 * interval '1 millisecond' AND now() + '1 year')"
    " FROM unnest($1::text[]) AS e(id)"
    " LEFT JOIN relais.finished_event AS f ON f.event = e.id AND f.worker = $2"
    " LEFT JOIN relais.parked_event AS p ON p.event = e.id AND p.worker = $2";

// $1 events, $2 the last step before them: what their last attempts say, where that is
// not simply "looked at".
static const char steps_sql[] =
    "SELECT * FROM (SELECT DISTINCT ON (event) entity, worker, outcome, note"
    " FROM relais.journey_step WHERE id > $2::int8 AND event = ANY ($1::text[])"
    " ORDER BY event, id DESC) AS s"
    " WHERE outcome <> 'done' OR note LIKE '%" DRIFT_NOTE "%' OR note LIKE 'sent on%'";

// What is under way. ids are of this page.
struct page {
    const struct audit_kind *kind;
    struct audit_count *count;
    struct pg_array ids;
    char *company, *remote; // the last one that was taken
    int64_t sent;           // of all pages
    int64_t finished, parked;
};

static void
page_begin(struct page *page)
{
    pg_array_begin(&page->ids, PG_TYPE_TEXT);
    page->company = str_dup("");
    page->remote = str_dup("");
}

static void
page_end(struct page *page)
{
    pg_array_end(&page->ids);
    free(page->company);
    free(page->remote);
}

static void
move_on(struct page *page, const struct pg_rows *rows, int row)
{
    free(page->company);
    free(page->remote);
    page->company = str_dup(pg_text(rows, row, COMPANY));
    page->remote = str_dup(pg_text(rows, row, REMOTE_ID));
}

// ---- publishing

// Whether the row is about the same object as the one before it.
static bool
is_taken(const struct page *page, const struct pg_rows *rows, int row)
{
    const char *object = pg_text(rows, row, OBJECT_ID);
    size_t length = strcspn(page->remote, "/");
    return strcmp(page->company, pg_text(rows, row, COMPANY)) == 0
           && strlen(object) == length && memcmp(page->remote, object, length) == 0;
}

static int
write_outbox(struct audit *audit, struct page *page, const struct settlement *said)
{
    struct pg_array topics;
    struct pg_array keys;
    struct pg_array headers;
    struct pg_array payloads;
    int status = EX_OK;

    pg_array_begin(&topics, PG_TYPE_TEXT);
    pg_array_begin(&keys, PG_TYPE_TEXT);
    pg_array_begin(&headers, PG_TYPE_BYTEA);
    pg_array_begin(&payloads, PG_TYPE_BYTEA);
    for (const struct settle_out *out = said->outbox; out != NULL; out = out->next) {
        pg_array_text(&topics, out->topic);
        pg_array_text(&page->ids, out->id);
        pg_array_text(&keys, out->key);
        pg_array_bytes(&headers, out->headers, strlen(out->headers));
        pg_array_bytes(&payloads, out->payload, out->payload_length);
    }
    const struct pg_param params[] = {
        pg_array_param(&topics), pg_array_param(&page->ids), pg_array_param(&keys),
        pg_array_param(&headers), pg_array_param(&payloads)};
    pg_rows_free(cli_query(audit->cli, send_sql, params, 5, &status));
    pg_array_end(&topics);
    pg_array_end(&keys);
    pg_array_end(&headers);
    pg_array_end(&payloads);
    return status;
}

static int
send_rows(struct audit *audit, struct page *page, const struct pg_rows *rows)
{
    struct job job;

    job_begin(&job, PAGE_MS);
    job.program = "cli";
    settlement_begin(&job);
    pg_array_clear(&page->ids);
    for (int row = 0; row < pg_rows_count(rows); row++) {
        bool taken = is_taken(page, rows, row);
        move_on(page, rows, row);
        if (taken)
            continue;
        publish_observed(&job, &(struct publish_observed){
                                   .type = page->kind->type,
                                   .key = pg_text(rows, row, LANE_KEY),
                                   .root = pg_text(rows, row, ROOT),
                                   .company = pg_text(rows, row, COMPANY),
                                   .remote_id = pg_text(rows, row, OBJECT_ID),
                                   .why = "audit",
                               });
    }
    int status = write_outbox(audit, page, job.settlement);
    job_end(&job);
    page->sent += page->ids.count;
    return status;
}

// *more: there may be another page.
static int
send_page(struct audit *audit, struct page *page, bool *more)
{
    const struct pg_param params[] = {
        PG_TEXT(page->kind->worker), PG_TEXT(page->kind->remote_type),
        PG_TEXT(audit_since(audit)), PG_TEXT(page->company), PG_TEXT(page->remote)};
    int status = EX_OK;
    struct pg_rows *rows = cli_query(audit->cli, page_sql, params, 5, &status);
    if (rows == NULL)
        return status;
    *more = pg_rows_count(rows) == PAGE_ROWS;
    status = send_rows(audit, page, rows);
    pg_rows_free(rows);
    return status;
}

// ---- waiting

static int
look_at_progress(struct audit *audit, struct page *page, int64_t left_ms)
{
    char group[PLACE_NAME];
    char left[NUMBER_TEXT];
    int status = EX_OK;

    places_group(page->kind->worker, group);
    (void)snprintf(left, sizeof left, "%lld", (long long)left_ms);
    const struct pg_param params[] = {pg_array_param(&page->ids), PG_TEXT(group),
                                      PG_TEXT(left)};
    struct pg_rows *rows = cli_query(audit->cli, progress_sql, params, 3, &status);
    if (rows == NULL)
        return status;
    page->finished = pg_i64(rows, 0, 0);
    page->parked = pg_i64(rows, 0, 1);
    pg_rows_free(rows);
    return EX_OK;
}

// Until each is finished, or parked beyond our patience, which lasts for wait_ms from
// the last one that was finished: many objects take long.
static int
wait_for_page(struct audit *audit, struct page *page)
{
    int64_t best = 0;
    int64_t limit_ms = clock_ms() + audit->wait_ms;
    bool notified;

    for (;;) {
        int64_t left_ms = limit_ms - clock_ms();
        int status = look_at_progress(audit, page, left_ms);
        if (status != EX_OK)
            return status;
        if (page->finished + page->parked == page->ids.count)
            return EX_OK;
        if (page->finished > best)
            limit_ms = clock_ms() + audit->wait_ms;
        else if (left_ms <= 0)
            return EX_OK;
        best = page->finished;
        if (!pg_wait_notify(audit->cli->pg, -1, POLL_MS, &notified))
            return cli_fail(audit->cli, EX_UNAVAILABLE,
                            "DATABASE_URL: the connection is gone");
    }
}

// ---- what was found

// What an attempt says, for the table.
static void
add_step(struct audit *audit, struct page *page, const struct pg_rows *rows, int row)
{
    const char *outcome = pg_text(rows, row, 2);
    const char *note = pg_text(rows, row, 3);
    char what[1024];

    if (strcmp(outcome, "dead") == 0) {
        audit->dead++;
        page->count->compared--;
        (void)snprintf(what, sizeof what, "a dead letter (relais dead list): %s", note);
    } else if (strcmp(outcome, "done") != 0) {
        (void)snprintf(what, sizeof what, "%s: %s", outcome, note);
    } else if (str_starts(note, "sent on")) {
        (void)str_copy(what, sizeof what, "its lane has changed: run it again");
    } else {
        audit->put_right++;
        (void)str_copy(what, sizeof what, note);
    }
    table_row(&audit->found,
              (const char *[]){pg_text(rows, row, 0), pg_text(rows, row, 1), what});
}

static int
add_steps(struct audit *audit, struct page *page)
{
    const struct pg_param params[] = {pg_array_param(&page->ids),
                                      PG_TEXT(audit_last_step(audit))};
    int status = EX_OK;
    struct pg_rows *rows = cli_query(audit->cli, steps_sql, params, 2, &status);
    if (rows == NULL)
        return status;
    for (int row = 0; row < pg_rows_count(rows); row++)
        add_step(audit, page, rows, row);
    pg_rows_free(rows);
    return EX_OK;
}

static void
say_page(const struct audit *audit, const struct page *page)
{
    if (audit->cli->json)
        return;
    cli_say("%s: %lld of %lld %s looked at\n", page->kind->worker,
            (long long)(page->sent - page->count->left), (long long)page->count->all,
            page->kind->many);
    (void)fflush(stdout);
}

// ---- one kind

// *more is false also where nobody looks: the rest would only wait as well.
static int
take_page(struct audit *audit, struct page *page, bool *more)
{
    struct audit_count *count = page->count;
    int status = send_page(audit, page, more);
    if (status != EX_OK || page->ids.count == 0)
        return status;
    status = wait_for_page(audit, page);
    if (status != EX_OK)
        return status;
    int64_t left = page->ids.count - page->finished;
    count->compared += page->finished;
    count->left += left;
    count->parked += page->parked;
    *more = *more && left == page->parked;
    say_page(audit, page);
    return add_steps(audit, page);
}

static int
take_pages(struct audit *audit, struct page *page)
{
    bool more = true;
    int status = EX_OK;

    page_begin(page);
    while (more && status == EX_OK)
        status = take_page(audit, page, &more);
    page_end(page);
    // Those of the pages that were not sent any more.
    if (page->count->all > page->sent)
        page->count->left += page->count->all - page->sent;
    return status;
}

static bool
is_other(void *arg, const char *worker)
{
    return strcmp(arg, worker) != 0;
}

int
audit_objects(struct audit *audit, int index)
{
    struct page page = {.kind = &audit_kinds[index], .count = &audit->counts[index]};
    char worker[PLACE_NAME];
    int status = EX_OK;

    (void)str_copy(worker, sizeof worker, page.kind->worker);
    const struct pg_param params[] = {PG_TEXT(worker), PG_TEXT(page.kind->remote_type),
                                      PG_TEXT(audit_since(audit))};
    struct pg_rows *rows = cli_query(audit->cli, count_sql, params, 3, &status);
    if (rows == NULL)
        return status;
    page.count->all = pg_i64(rows, 0, 0);
    pg_rows_free(rows);
    page.count->left_out = cli_each_worker(audit->cli, is_other, worker);
    return page.count->left_out || page.count->all == 0 ? EX_OK
                                                        : take_pages(audit, &page);
}
