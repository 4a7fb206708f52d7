// workers/cli/baseline_page.c - rows of a living system, page by page.
#include <string.h>
#include <sysexits.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/cli/baseline.h"

// Directus compares no uuid with "greater than", so pages begin at an offset. Rows that
// leave the filter meanwhile draw the others forward: a page reaches back into the one
// before it, and further where that was not enough.
enum { OVERLAP = 100 };

static const char *
id_of(struct json_object *rows, size_t i)
{
    return json_string_or(json_object_array_get_idx(rows, i), "id", "");
}

// Drops what was seen before; uuids are ordered as their text is.
static void
drop_seen(struct json_object *rows, const char *last)
{
    size_t seen = 0;
    size_t count = json_object_array_length(rows);
    while (seen < count && strcmp(id_of(rows, seen), last) <= 0)
        seen++;
    if (seen > 0)
        json_object_array_del_idx(rows, 0, seen);
}

static struct json_object *
read_at(const struct baseline *baseline, struct job *job,
        const struct baseline_query *what, size_t offset)
{
    const char *start = job_printf(job, "%zu", offset);
    const struct http_header query[] = {{"fields", what->fields},
                                        {"sort", "id"},
                                        {"limit", "500"},
                                        {"offset", start},
                                        {what->filter, what->value},
                                        {NULL}};
    return directus_list(&baseline->directus, job, what->collection, query);
}

struct json_object *
baseline_page(const struct baseline *baseline, struct job *job,
              const struct baseline_query *what, struct baseline_place *place)
{
    struct json_object *rows = NULL;
    size_t offset = place->offset < OVERLAP ? 0 : place->offset - OVERLAP;

    for (;; offset = offset < BASELINE_PAGE ? 0 : offset - BASELINE_PAGE) {
        rows = read_at(baseline, job, what, offset);
        if (rows == NULL)
            return NULL;
        bool reaches = json_object_array_length(rows) > 0
                       && strcmp(id_of(rows, 0), place->last) <= 0;
        if (offset == 0 || reaches)
            break;
    }
    size_t count = json_object_array_length(rows);
    place->more = count == BASELINE_PAGE;
    place->offset = offset + count;
    char end[sizeof place->last] = "";
    if (count > 0 && !str_copy(end, sizeof end, id_of(rows, count - 1)))
        end[0] = '\0';
    drop_seen(rows, place->last);
    if (strcmp(end, place->last) > 0)
        (void)str_copy(place->last, sizeof place->last, end);
    return rows;
}

int
baseline_pages(struct baseline *baseline, const struct baseline_query *what,
               baseline_take *take, const void *ctx)
{
    struct baseline_place place = {.more = true};
    int status = EX_OK;
    while (place.more && status == EX_OK) {
        struct job job;
        job_begin(&job, BASELINE_PAGE_MS);
        struct json_object *rows = baseline_page(baseline, &job, what, &place);
        if (rows == NULL)
            status = cli_error(baseline->cli, &job.error);
        else if (!take(baseline, &job, rows, ctx, &status))
            place.more = false;
        job_end(&job);
    }
    return status;
}
