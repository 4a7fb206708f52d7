#include "workers/docuseal/sweep.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/paper.h"
#include "workers/docuseal/submission.h"

enum {
    PAGES_MAX = 1000,
    PAGE_ROWS = 100,
    SEEN_MAX = 10000,               // more are forgotten, and looked at once more
    STUCK_AGAIN_MS = 60 * 60 * 1000 // an hour
};
#define CURSOR "docuseal.submissions"

// The cursor is {newest, seen, stuck}: the latest move by DocuSeal's clock; within the
// overlap behind it which submission had moved when, so that nobody looks at it again
// for the same move; and when those were looked at that Directus holds open although
// DocuSeal does not (by our clock).
struct sweep {
    const struct docuseal *ds;
    int64_t since_ms;  // what moved later than this is looked at
    int64_t newest_ms; // the latest move seen
    int64_t now_ms;
    struct json_object *before; // the last sweep's cursor, {} if there was none
    struct json_object *seen;   // {submission: when it moved}
    struct json_object *stuck;  // {submission: when it was looked at}
    struct json_object *open;   // {submission: true}: pending at DocuSeal, not archived
    struct json_object *told;   // {submission: true}: published in this sweep
    int64_t published;
};

static bool
has(struct json_object *set, const char *id)
{
    return json_object_object_get_ex(set, id, NULL);
}

static void
publish_look(struct job *job, struct sweep *sweep, const char *id, const char *root,
             const char *company)
{
    if (has(sweep->told, id))
        return;
    json_set_bool(sweep->told, id, true);
    sweep->published++;
    publish_observed(
        job, &(struct publish_observed){
                 .type = "docuseal.submission.observed",
                 .key = root != NULL ? root : job_printf(job, "docuseal:%s", id),
                 .root = root,
                 .company = company,
                 .remote_id = id,
                 .why = "sweep",
             });
}

// The root that a submitter's external_id names, or NULL.
static const char *
root_of(struct job *job, struct json_object *submission)
{
    struct json_object *list = json_array_or_null(submission, "submitters");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct docuseal_root root;
        int64_t round;
        const char *ours =
            json_string_or(json_object_array_get_idx(list, i), "external_id", "");
        if (docuseal_root_read(job, ours, &root, &round))
            return root.key;
    }
    return NULL;
}

static void
look_at(struct job *job, struct sweep *sweep, struct json_object *submission)
{
    const char *id = json_text_or(submission, "id", NULL);
    int64_t moved_ms = docuseal_submission_moved_ms(submission);
    if (id == NULL)
        return;
    if (moved_ms > sweep->newest_ms)
        sweep->newest_ms = moved_ms;
    if (moved_ms <= sweep->since_ms)
        return;
    json_set_i64(sweep->seen, id, moved_ms);
    if (json_i64_or(json_at(sweep->before, "seen"), id, 0) != moved_ms)
        publish_look(
            job, sweep, id, root_of(job, submission),
            json_string_or(docuseal_client_of(submission), "metadata.company", ""));
}

// Pages run from the newest back to the cursor. The next one begins a second later than
// this one ended, or what was completed in the same second would be skipped.
static bool
sweep_completed(struct job *job, struct sweep *sweep)
{
    int64_t before_s = 0;
    int64_t since_s = sweep->since_ms > 0 ? sweep->since_ms / 1000 : 0;
    for (int page = 0; page < PAGES_MAX; page++) {
        struct json_object *answer =
            docuseal_completed_page(job, sweep->ds, "submission", since_s, before_s);
        if (answer == NULL)
            return false;
        struct json_object *rows = json_array_or_null(answer, "data");
        size_t count = json_object_array_length(rows);
        for (size_t i = 0; i < count; i++)
            look_at(job, sweep, json_at(json_object_array_get_idx(rows, i), "data"));
        int64_t next_s = json_i64_or(answer, "pagination.next", 0);
        if (count < PAGE_ROWS || next_s == 0)
            return true;
        before_s = next_s + 1 != before_s ? next_s + 1 : next_s;
    }
    return true;
}

static bool
sweep_pending(struct job *job, struct sweep *sweep)
{
    const char *below = NULL;
    for (int page = 0; page < PAGES_MAX; page++) {
        struct json_object *answer =
            docuseal_submissions_page(job, sweep->ds, "pending", below);
        if (answer == NULL)
            return false;
        struct json_object *rows = json_array_or_null(answer, "data");
        size_t count = json_object_array_length(rows);
        for (size_t i = 0; i < count; i++) {
            struct json_object *row = json_object_array_get_idx(rows, i);
            const char *id = json_text_or(row, "id", "");
            if (json_at(row, "archived_at") == NULL)
                json_set_bool(sweep->open, id, true);
            look_at(job, sweep, row);
        }
        below = json_text_or(answer, "pagination.next", NULL);
        if (count < PAGE_ROWS || below == NULL)
            return true;
    }
    return true;
}

// People may write anything into the row: a look at what is no number would end as a
// dead letter each time.
static bool
is_number(struct job *job, const char *root, const char *id)
{
    long long number;
    if (str_to_i64(id, &number) && number > 0)
        return true;
    settlement_attention(job, "docuseal.bad-submission-id", root,
                         "docuseal_submission_id is \"%.40s\", which is no number of "
                         "DocuSeal's: correct or empty it",
                         id);
    return false;
}

// What Directus holds open although it is not open at DocuSeal any more: declined,
// expired or archived, and the webhook was lost.
static bool
sweep_directus(struct job *job, struct sweep *sweep, const struct docuseal_paper *paper,
               const char *open_words)
{
    const char *field = job_printf(job, "filter[%s][_in]", paper->status_field);
    const struct http_header query[] = {
        {field, open_words},
        {"filter[docuseal_submission_id][_nnull]", "true"},
        {"fields", "id,docuseal_submission_id,owner_company_id.code"},
        {"limit", "-1"},
        {NULL}};
    struct json_object *rows =
        directus_list(&sweep->ds->directus, job, paper->collection, query);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *id = json_text_or(row, "docuseal_submission_id", "");
        const char *root =
            job_printf(job, "%s:%s", paper->prefix, json_string_or(row, "id", ""));
        if (id[0] == '\0' || !is_number(job, root, id) || has(sweep->open, id))
            continue;
        int64_t looked_ms = json_i64_or(json_at(sweep->before, "stuck"), id, 0);
        bool again = sweep->now_ms - looked_ms >= STUCK_AGAIN_MS;
        json_set_i64(sweep->stuck, id, again ? sweep->now_ms : looked_ms);
        if (!again)
            continue;
        publish_look(job, sweep, id, root,
                     json_string_or(row, "owner_company_id.code", ""));
    }
    return true;
}

static bool
begin(struct job *job, struct sweep *sweep)
{
    const char *cursor;
    if (!ledger_cursor(job, CURSOR, &cursor))
        return false;
    sweep->now_ms = clock_wall_ms();
    sweep->before = json_object_in(job);
    if (cursor != NULL)
        sweep->before = json_parse(job, cursor, strlen(cursor));
    if (sweep->before == NULL)
        return false;
    sweep->newest_ms = json_i64_or(sweep->before, "newest", 0);
    sweep->since_ms = sweep->newest_ms > 0
                          ? sweep->newest_ms - sweep->ds->sweep_overlap_ms
                          : sweep->now_ms - sweep->ds->sweep_first_ms;
    sweep->seen = json_object_in(job);
    sweep->stuck = json_object_in(job);
    sweep->open = json_object_in(job);
    sweep->told = json_object_in(job);
    return true;
}

// What the next sweep will ask about again, without what it will not.
static struct json_object *
still_seen(struct job *job, const struct sweep *sweep)
{
    struct json_object *kept = json_object_in(job);
    int64_t since_ms = sweep->newest_ms - sweep->ds->sweep_overlap_ms;
    json_object_object_foreach(sweep->seen, id, moved)
    {
        if (json_object_get_int64(moved) > since_ms
            && json_object_object_length(kept) < SEEN_MAX)
            json_set(kept, id, moved);
    }
    return kept;
}

static void
end(struct job *job, const struct sweep *sweep)
{
    struct json_object *cursor = json_object_in(job);
    json_set_i64(cursor, "newest", sweep->newest_ms);
    json_set(cursor, "seen", still_seen(job, sweep));
    json_set(cursor, "stuck", sweep->stuck);
    settlement_cursor(job, CURSOR, json_print(cursor, NULL));
    settlement_note(job, "%" PRId64 " submissions to look at", sweep->published);
}

bool
docuseal_sweep(struct job *job, void *state)
{
    struct sweep sweep = {.ds = state};
    if (!begin(job, &sweep) || !sweep_completed(job, &sweep)
        || !sweep_pending(job, &sweep)
        || !sweep_directus(job, &sweep, &docuseal_quote,
                           "pending,viewed,partially_signed")
        || !sweep_directus(job, &sweep, &docuseal_cgv, "pending_signature"))
        return false;
    end(job, &sweep);
    return true;
}
