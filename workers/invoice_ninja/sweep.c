#include "workers/invoice_ninja/sweep.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/invoice.h"
#include "workers/invoice_ninja/key.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/payment.h"
#include "workers/invoice_ninja/register.h"

enum {
    PAGE_ROWS = 200,
    PAGES_MAX = 50, // of one list in one sweep; the rest is for the next one
};
#define PAGE_TEXT "200"

// What is swept: two lists of each company.
struct kind {
    const char *noun;    // of the cursor
    const char *path;    // of the list
    const char *include; // what the lane is found with
    const char *type;    // of what is published
    bool is_invoice;
};

static const struct kind kinds[] = {
    {"invoices", "/invoices", "client", "invoice-ninja.invoice.observed", true},
    {"payments", "/payments", "client", "invoice-ninja.payment.observed", false},
    {NULL},
};

// One list. The cursor is {at, seen}: the latest updated_at by Invoice Ninja's clock,
// in seconds, and which object had which within the overlap before it.
struct list {
    const struct ninja *ninja;
    const char *company;
    const struct kind *kind;
    int64_t at;
    struct json_object *before; // seen by the last sweep
    struct json_object *seen;
    int64_t published;
};

// ---- one object

// Where its lane is: the party's if the client is ours, else one of its own, from which
// it is sent on.
static const char *
lane_of(struct job *job, const struct list *list, struct json_object *row)
{
    const char *party = json_string_or(row, "client.id_number", "");
    if (!uuid_is(party))
        party = json_text_or(row, "id", "");
    return ninja_lane(job, list->company, party);
}

static bool
is_known_invoice(struct job *job, struct json_object *row, bool *known)
{
    const char *id = ninja_uuid_after(job, json_string_or(row, "custom_value1", NULL),
                                      "directus:invoice:");
    if (id == NULL)
        return true;
    struct json_object *bill = ledger_state(job, job_printf(job, "invoice:%s", id));
    if (bill == NULL)
        return false;
    struct ninja_figures figures;
    if (!ninja_invoice_figures(job, row, &figures)) {
        error_clear(&job->error); // whoever looks at it says so
        return true;
    }
    *known = strcmp(json_string_or(bill, "status", ""), figures.status) == 0
             && json_i64_or(bill, "paid", -1) == figures.paid_cents
             && json_i64_or(bill, "balance", -1) == figures.balance_cents;
    return true;
}

static bool
is_known_payment(struct job *job, const struct list *list, struct json_object *row,
                 bool *known)
{
    const char *entity =
        ninja_payment_entity(job, list->company, json_text_or(row, "id", ""));
    struct json_object *state = ledger_state(job, entity);
    if (state == NULL)
        return false;
    *known =
        strcmp(json_string_or(state, "stamp", ""), ninja_payment_stamp(job, row)) == 0;
    return true;
}

// Whether it was acted on as it is now: then the webhook was faster.
static bool
is_known(struct job *job, const struct list *list, struct json_object *row, bool *known)
{
    *known = false;
    return list->kind->is_invoice ? is_known_invoice(job, row, known)
                                  : is_known_payment(job, list, row, known);
}

static bool
look_at(struct job *job, struct list *list, struct json_object *row)
{
    const char *id = json_text_or(row, "id", NULL);
    int64_t updated_at = json_i64_or(row, "updated_at", 0);
    bool known;
    if (id == NULL)
        return true;
    if (updated_at > list->at)
        list->at = updated_at;
    bool again = json_i64_or(list->seen, id, 0) == updated_at;
    json_set_i64(list->seen, id, updated_at);
    if (again || json_i64_or(list->before, id, 0) == updated_at)
        return true;
    if (!is_known(job, list, row, &known))
        return false;
    if (known)
        return true;
    list->published++;
    publish_observed(job, &(struct publish_observed){
                              .type = list->kind->type,
                              .key = lane_of(job, list, row),
                              .company = list->company,
                              .remote_id = id,
                              .why = "sweep",
                          });
    return true;
}

// ---- one list

static struct json_object *
read_page(struct job *job, const struct list *list, int64_t since_s, int page)
{
    const struct http_header query[] = {
        {"updated_at", job_printf(job, "%" PRId64, since_s)},
        {"sort", "updated_at|asc"},
        {"include", list->kind->include},
        {"per_page", PAGE_TEXT},
        {"page", job_printf(job, "%d", page)},
        {NULL}};
    return ninja_list(job, list->ninja,
                      &(struct ninja_call){.company = list->company,
                                           .method = "GET",
                                           .path = list->kind->path,
                                           .query = query});
}

// Rows move to the end when they change, so that a second page would skip some: each
// next look is at the first page from the latest time on. Only what fills a page with
// one and the same second needs more pages.
static bool
read_list(struct job *job, struct list *list, int64_t since_s)
{
    int page = 1;
    for (int i = 0; i < PAGES_MAX; i++) {
        struct json_object *rows = read_page(job, list, since_s, page);
        if (rows == NULL)
            return false;
        size_t count = json_object_array_length(rows);
        for (size_t k = 0; k < count; k++)
            if (!look_at(job, list, json_object_array_get_idx(rows, k)))
                return false;
        if (count < PAGE_ROWS)
            return true;
        page = list->at > since_s ? 1 : page + 1;
        since_s = list->at;
    }
    return true;
}

static struct json_object *
still_seen(struct job *job, const struct list *list, int64_t overlap_s)
{
    struct json_object *kept = json_object_in(job);
    json_object_object_foreach(list->seen, id, updated_at)
    {
        if (json_object_get_int64(updated_at) >= list->at - overlap_s)
            json_set(kept, id, updated_at);
    }
    return kept;
}

static bool
sweep_list(struct job *job, struct list *list)
{
    const struct ninja *ninja = list->ninja;
    const char *name = job_printf(job, "%s.%s", list->kind->noun, list->company);
    const char *cursor;
    int64_t overlap_s = ninja->sweep_overlap_ms / 1000;
    if (!ledger_cursor(job, name, &cursor))
        return false;
    struct json_object *last =
        cursor != NULL ? json_parse(job, cursor, strlen(cursor)) : NULL;
    list->at = json_i64_or(last, "at", 0);
    list->before = json_at(last, "seen");
    list->seen = json_object_in(job);
    int64_t since_s = list->at > 0 ? list->at - overlap_s
                                   : (clock_wall_ms() - ninja->sweep_first_ms) / 1000;
    if (!read_list(job, list, since_s))
        return false;
    struct json_object *next = json_object_in(job);
    json_set_i64(next, "at", list->at);
    json_set(next, "seen", still_seen(job, list, overlap_s));
    settlement_cursor(job, name, json_print(next, NULL));
    return true;
}

// ---- one company

static bool
sweep_company(struct job *job, const struct ninja *ninja, const char *company,
              int64_t *published)
{
    if (!ninja_register_when_due(job, ninja, company))
        return false;
    for (const struct kind *kind = kinds; kind->noun != NULL; kind++) {
        struct list list = {.ninja = ninja, .company = company, .kind = kind};
        if (!sweep_list(job, &list))
            return false;
        *published += list.published;
    }
    return true;
}

// Without anybody touching it, an invoice becomes overdue: looked for once a day.
static bool
sweep_overdue(struct job *job, const struct ninja *ninja)
{
    const char *today = job_today(job);
    const char *cursor;
    if (!ledger_cursor(job, "overdue", &cursor))
        return false;
    if (cursor != NULL && strcmp(cursor, today) == 0)
        return true;
    const struct http_header query[] = {
        {"filter[status][_eq]", "sent"},
        {"filter[due_date][_lt]", today},
        {"filter[invoice_ninja_id][_nnull]", "true"},
        {"fields", "id,owner_company,company_id,contact_id,invoice_ninja_id"},
        {"limit", "-1"},
        {NULL}};
    struct json_object *rows =
        directus_list(&ninja->directus, job, "client_invoices", query);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *company = json_string_or(row, "owner_company", "");
        const char *party =
            json_string_or(row, "company_id", json_string_or(row, "contact_id", ""));
        if (ninja_company_key(ninja->companies, company) == NULL)
            continue;
        publish_observed(job,
                         &(struct publish_observed){
                             .type = "invoice-ninja.invoice.observed",
                             .key = ninja_lane(job, company, party),
                             .company = company,
                             .remote_id = json_text_or(row, "invoice_ninja_id", ""),
                             .why = "overdue",
                         });
    }
    settlement_cursor(job, "overdue", today);
    return true;
}

// ---- all of them

// One company's trouble is noted, and the others are swept. A wrong key is a matter for
// a person; what may pass is tried again by the next sweep.
static void
tolerate(struct job *job, const char *company)
{
    if (job->error.kind == ERROR_FATAL)
        settlement_attention(job, "invoice-ninja.company", company, "%s: %s",
                             job->error.text,
                             job->error.hint != NULL ? job->error.hint : "");
    settlement_note(job, "%s was not swept: %s", company, job->error.text);
    error_clear(&job->error);
}

// Its part of the time that is left, so that a company that doesn't answer leaves the
// others theirs.
static bool
sweep_in_time(struct job *job, const struct ninja *ninja, const char *company,
              size_t companies_left, int64_t *published)
{
    int64_t deadline_ms = job->deadline_ms;
    job->deadline_ms = clock_ms() + job_left_ms(job) / (int64_t)companies_left;
    bool swept = sweep_company(job, ninja, company, published);
    job->deadline_ms = deadline_ms;
    if (swept)
        return true;
    if (job->error.kind == ERROR_FENCED)
        return false;
    tolerate(job, company);
    return true;
}

bool
ninja_sweep(struct job *job, void *state)
{
    const struct ninja *ninja = state;
    int64_t published = 0;
    struct json_object *rows = ninja_owners(job, ninja);
    size_t count = rows != NULL ? json_object_array_length(rows) : 0;
    if (rows == NULL || !sweep_overdue(job, ninja))
        return false;
    // Those without a key are not billed here.
    for (size_t i = 0; i < count; i++) {
        const char *company =
            json_string_or(json_object_array_get_idx(rows, i), "code", "");
        if (ninja_company_key(ninja->companies, company) != NULL
            && !sweep_in_time(job, ninja, company, count - i, &published))
            return false;
    }
    if (published > 0)
        settlement_note(job, "%" PRId64 " objects to look at", published);
    return true;
}
