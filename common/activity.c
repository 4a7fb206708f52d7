#include "common/activity.h"

#include <string.h>

#include "common/json.h"

const char *const activity_collections[ACTIVITY_COLLECTIONS] = {
    "quotes",    "client_invoices", "payments",    "leads",         "people",
    "companies", "cgv_acceptances", "quote_items", "invoice_items",
};

static const char *
canonical(const struct directus *directus, const char *name)
{
    for (size_t i = 0; i < ACTIVITY_COLLECTIONS; i++)
        if (strcmp(directus_collection(directus, activity_collections[i]), name) == 0)
            return activity_collections[i];
    return NULL;
}

static struct json_object *
condition(struct job *job, const char *field, const char *operator,
          struct json_object * value)
{
    struct json_object *outer = json_object_in(job);
    struct json_object *inner = json_object_in(job);

    json_set(inner, operator, value);
    json_set(outer, field, inner);
    return outer;
}

static void
add_id(struct job *job, struct json_object *all, const char *operator, int64_t id)
{
    struct json_object *outer = json_object_in(job);
    struct json_object *inner = json_object_in(job);

    json_set_i64(inner, operator, id);
    json_set(outer, "id", inner);
    json_add(all, outer);
}

static void
add_since(struct job *job, struct json_object *all, const char *since)
{
    struct json_object *outer = json_object_in(job);
    struct json_object *inner = json_object_in(job);

    json_set_string(inner, "_gte", since);
    json_set(outer, "timestamp", inner);
    json_add(all, outer);
}

// The conditions that every query has, as the members of an _and.
static struct json_object *
of_our_collections(const struct directus *directus, struct job *job)
{
    struct json_object *all = json_array_in(job);
    struct json_object *names = json_array_in(job);
    struct json_object *actions = json_array_in(job);

    for (size_t i = 0; i < ACTIVITY_COLLECTIONS; i++)
        json_add_string(names, directus_collection(directus, activity_collections[i]));
    json_add_string(actions, "create");
    json_add_string(actions, "update");
    json_add_string(actions, "delete");
    json_add(all, condition(job, "collection", "_in", names));
    json_add(all, condition(job, "action", "_in", actions));
    return all;
}

// The array in an answer's data.
static struct json_object *
get_rows(const struct directus *directus, struct job *job, const char *path,
         const struct http_header query[])
{
    struct http_request request = {
        .method = "GET",
        .path = http_url(job, path, query),
        .headers = directus_headers(directus, job),
    };
    struct json_object *answer = http_json(&directus->service, job, &request, NULL);

    if (answer == NULL)
        return NULL;
    struct json_object *rows = json_array_or_null(answer, "data");
    if (rows == NULL)
        error_retryable(&job->error, "directus: %s answered without data", path);
    return rows;
}

static bool
parse_entry(const struct directus *directus, struct job *job, struct json_object *row,
            struct activity_entry *entry)
{
    const char *name = json_string(job, row, "collection");

    if (name == NULL || !json_i64(job, row, "id", &entry->id))
        return false;
    entry->op = json_string(job, row, "action");
    entry->item = json_text_or(row, "item", NULL);
    entry->user = json_text_or(row, "user", NULL);
    entry->at = json_string_or(row, "timestamp", "");
    entry->collection = canonical(directus, name);
    entry->company = "";
    if (entry->op == NULL)
        return false;
    return (entry->item != NULL && entry->collection != NULL)
           || error_permanent(&job->error, "directus: activity %lld cannot be read",
                              (long long)entry->id);
}

static bool
read_page(const struct directus *directus, struct job *job, struct json_object *all,
          const char *limit, struct activity_page *page)
{
    struct json_object *filter = json_object_in(job);

    json_set(filter, "_and", all);
    const struct http_header query[] = {
        {"filter", json_print(filter, NULL)},
        {"fields", "id,action,collection,item,timestamp,user"},
        {"sort", "id"},
        {"limit", limit},
        {NULL},
    };
    struct json_object *rows = get_rows(directus, job, "/activity", query);
    if (rows == NULL)
        return false;
    page->count = json_object_array_length(rows);
    page->entries = job_alloc(job, page->count * sizeof *page->entries + 1);
    for (size_t i = 0; i < page->count; i++)
        if (!parse_entry(directus, job, json_object_array_get_idx(rows, i),
                         &page->entries[i]))
            return false;
    return true;
}

bool
activity_newest(const struct directus *directus, struct job *job, int64_t *id,
                const char **at)
{
    static const struct http_header query[] = {
        {"fields", "id,timestamp"}, {"sort", "-id"}, {"limit", "1"}, {NULL}};
    struct json_object *rows = get_rows(directus, job, "/activity", query);

    if (rows == NULL)
        return false;
    *id = 0;
    *at = "";
    if (json_object_array_length(rows) == 0)
        return true;
    struct json_object *row = json_object_array_get_idx(rows, 0);
    *at = json_string_or(row, "timestamp", "");
    return json_i64(job, row, "id", id);
}

bool
activity_after(const struct directus *directus, struct job *job, int64_t id,
               const char *since, struct activity_page *page)
{
    struct json_object *all = of_our_collections(directus, job);

    add_id(job, all, "_gt", id);
    if (since != NULL)
        add_since(job, all, since);
    return read_page(directus, job, all, job_printf(job, "%d", ACTIVITY_PAGE), page);
}

bool
activity_before(const struct directus *directus, struct job *job, int64_t id,
                const char *since, struct activity_page *page)
{
    struct json_object *all = of_our_collections(directus, job);

    add_id(job, all, "_lte", id);
    add_id(job, all, "_gt", id - ACTIVITY_OVERLAP);
    add_since(job, all, since);
    return read_page(directus, job, all, job_printf(job, "%d", ACTIVITY_OVERLAP), page);
}
