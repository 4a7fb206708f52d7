// Which entity an item of the activity log belongs to: the log has only the item's id.
#include <string.h>

#include "common/activity.h"
#include "common/json.h"

enum { IDS_AT_ONCE = 100 }; // more make the URL too long for some proxies

// What is read of a collection, and where in it things are. A quote that is named comes
// first, then an invoice, then the item itself.
struct root_source {
    const char *collection;
    const char *fields; // NULL = nothing needs to be read
    const char *company;
    const char *quote;
    const char *invoice;
    const char *own; // prefix of the item's own root, NULL = it has none
};

static const struct root_source sources[] = {
    {"quotes", "id,owner_company_id.code", .company = "owner_company_id.code",
     .own = "quote"},
    {"client_invoices", "id,quote_id,owner_company", .company = "owner_company",
     .quote = "quote_id", .own = "invoice"},
    {"payments", "id,owner_company,invoice_id.id,invoice_id.quote_id",
     .company = "owner_company", .quote = "invoice_id.quote_id",
     .invoice = "invoice_id.id"},
    {"leads", "id,owner_company", .company = "owner_company", .own = "lead"},
    {"people", "id,owner_company", .company = "owner_company", .own = "contact"},
    {"companies", .own = "company"},
    {"cgv_acceptances", "id,owner_company_id.code", .company = "owner_company_id.code",
     .own = "cgv"},
    {"quote_items", "id,quote_id.id,quote_id.owner_company_id.code",
     .company = "quote_id.owner_company_id.code", .quote = "quote_id.id"},
    {"invoice_items", "id,invoice_id.id,invoice_id.quote_id,invoice_id.owner_company",
     .company = "invoice_id.owner_company", .quote = "invoice_id.quote_id",
     .invoice = "invoice_id.id"},
    {0},
};

static void
fill(struct job *job, const struct root_source *source, struct activity_entry *entry,
     struct json_object *row)
{
    const char *quote =
        source->quote != NULL ? json_text_or(row, source->quote, NULL) : NULL;
    const char *invoice =
        source->invoice != NULL ? json_text_or(row, source->invoice, NULL) : NULL;

    if (quote != NULL)
        entry->root = job_printf(job, "quote:%s", quote);
    else if (invoice != NULL)
        entry->root = job_printf(job, "invoice:%s", invoice);
    if (source->company != NULL)
        entry->company = json_string_or(row, source->company, "");
}

// What the row does not say (it was deleted, perhaps) the item's own id has to.
static void
fill_own(struct job *job, const struct root_source *source, struct activity_page *page)
{
    for (size_t i = 0; i < page->count; i++) {
        struct activity_entry *entry = &page->entries[i];
        if (source->own != NULL && entry->root == NULL
            && strcmp(entry->collection, source->collection) == 0)
            entry->root = job_printf(job, "%s:%s", source->own, entry->item);
    }
}

static void
fill_rows(struct job *job, const struct root_source *source, struct activity_page *page,
          struct json_object *rows)
{
    for (size_t r = 0; r < json_object_array_length(rows); r++) {
        struct json_object *row = json_object_array_get_idx(rows, r);
        const char *id = json_text_or(row, "id", "");
        for (size_t i = 0; i < page->count; i++)
            if (strcmp(page->entries[i].item, id) == 0
                && strcmp(page->entries[i].collection, source->collection) == 0)
                fill(job, source, &page->entries[i], row);
    }
}

static bool
read_rows(const struct directus *directus, struct job *job,
          const struct root_source *source, const char *ids, struct activity_page *page)
{
    const struct http_header query[] = {
        {"filter[id][_in]", ids}, {"fields", source->fields}, {"limit", "-1"}, {NULL}};
    struct json_object *rows = directus_list(directus, job, source->collection, query);

    if (rows == NULL)
        return false;
    fill_rows(job, source, page, rows);
    return true;
}

// Joins the next ids of the collection, from *at on; "" if there are no more.
static const char *
next_ids(struct job *job, const char *collection, const struct activity_page *page,
         size_t *at)
{
    const char *ids = "";
    int count = 0;

    for (; *at < page->count && count < IDS_AT_ONCE; (*at)++) {
        if (strcmp(page->entries[*at].collection, collection) != 0)
            continue;
        ids = job_printf(job, "%s%s%s", ids, count > 0 ? "," : "",
                         page->entries[*at].item);
        count++;
    }
    return ids;
}

bool
activity_roots(const struct directus *directus, struct job *job,
               struct activity_page *page)
{
    for (const struct root_source *s = sources; s->collection != NULL; s++) {
        size_t at = 0;
        while (s->fields != NULL && at < page->count) {
            const char *ids = next_ids(job, s->collection, page, &at);
            if (ids[0] != '\0' && !read_rows(directus, job, s, ids, page))
                return false;
        }
        fill_own(job, s, page);
    }
    return true;
}
