// Lists: everything is shown, archived and deleted rows too, unless a filter says no.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness_json.h"
#include "harness_time.h"
#include "invoice_ninja.h"

enum { PER_PAGE = 20, PER_PAGE_MOST = 5000, DAY_S = 86400 };

// One query parameter: keeps says whether a row stays.
struct filter {
    const char *key;
    bool (*keeps)(struct sim *sim, struct json_object *row, const char *wanted);
};

static bool
contains(const char *text, const char *wanted)
{
    return text != NULL && strcasestr(text, wanted) != NULL;
}

// "a,b" has the word.
static bool
has_word(const char *list, const char *word)
{
    size_t bytes = strlen(word);
    for (const char *p = list; *p != '\0'; p += strspn(p, ", ")) {
        if (strcspn(p, ", ") == bytes && strncmp(p, word, bytes) == 0)
            return true;
        p += strcspn(p, ", ");
    }
    return false;
}

static bool
is_archived(struct json_object *row)
{
    return json_int(row_view(row), "archived_at", 0) > 0;
}

static bool
by_status(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    bool deleted = row_deleted(row);
    bool archived = is_archived(row) && !deleted;
    return (has_word(wanted, "active") && !deleted && !archived)
           || (has_word(wanted, "archived") && archived)
           || (has_word(wanted, "deleted") && deleted);
}

static bool
by_deleted(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return row_deleted(row)
           == (strcmp(wanted, "true") == 0 || strcmp(wanted, "1") == 0);
}

static bool
by_trashed(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return strcmp(wanted, "false") != 0 || !is_archived(row);
}

static bool
since(struct json_object *row, const char *key, const char *wanted)
{
    int64_t at_s = 0;
    int64_t at_ms = 0;
    if (!json_number(wanted, &at_s)) {
        if (!time_parse(wanted, &at_ms))
            return true;
        at_s = at_ms / 1000;
    }
    return json_int(row_view(row), key, 0) >= at_s;
}

static bool
by_updated(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return since(row, "updated_at", wanted);
}

static bool
by_created(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return since(row, "created_at", wanted);
}

static bool
by_number(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return strcasecmp(row_text(row, "number"), wanted) == 0;
}

static bool
by_client(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return row_is(row, "client_id", wanted);
}

// The row's own texts that `filter` looks through, and the client's.
static bool
any_text(struct json_object *view, const char *const *keys, const char *wanted)
{
    for (; *keys != NULL; keys++) {
        char *text = php_json(json_at(view, *keys), false);
        bool found = json_object_is_type(json_at(view, *keys), json_type_string)
                         ? contains(json_str(view, *keys), wanted)
                         : contains(text, wanted);
        free(text);
        if (found)
            return true;
    }
    return false;
}

static bool
any_contact(struct json_object *client, const char *wanted)
{
    static const char *const keys[] = {"first_name", "last_name", "email", "phone",
                                       NULL};
    struct json_object *contacts = json_at(row_view(client), "contacts");
    for (size_t i = 0; contacts != NULL && i < json_object_array_length(contacts);
         i++) {
        if (any_text(json_object_array_get_idx(contacts, i), keys, wanted))
            return true;
    }
    return false;
}

static bool
filter_client(struct sim *sim, struct json_object *row, const char *wanted)
{
    static const char *const keys[] = {
        "name",          "id_number",     "number",        "custom_value1",
        "custom_value2", "custom_value3", "custom_value4", NULL};
    (void)sim;
    return any_text(row_view(row), keys, wanted) || any_contact(row, wanted);
}

static bool
any_line(struct json_object *view, const char *wanted)
{
    static const char *const keys[] = {"notes", "product_key", NULL};
    struct json_object *lines = json_at(view, "line_items");
    for (size_t i = 0; i < json_object_array_length(lines); i++) {
        if (any_text(json_object_array_get_idx(lines, i), keys, wanted))
            return true;
    }
    return false;
}

static bool
filter_invoice(struct sim *sim, struct json_object *row, const char *wanted)
{
    static const char *const keys[] = {
        "number",        "po_number",     "date",          "amount",        "balance",
        "custom_value1", "custom_value2", "custom_value3", "custom_value4", NULL};
    struct json_object *client = client_of(sim, row);
    return any_text(row_view(row), keys, wanted) || any_line(row_view(row), wanted)
           || contains(row_text(client, "name"), wanted) || any_contact(client, wanted);
}

static bool
filter_payment(struct sim *sim, struct json_object *row, const char *wanted)
{
    static const char *const keys[] = {"number",
                                       "amount",
                                       "date",
                                       "transaction_reference",
                                       "custom_value1",
                                       "custom_value2",
                                       "custom_value3",
                                       "custom_value4",
                                       NULL};
    return any_text(row_view(row), keys, wanted)
           || contains(row_text(client_of(sim, row), "name"), wanted);
}

static bool
by_email(struct sim *sim, struct json_object *row, const char *wanted)
{
    struct json_object *contacts = json_at(row_view(row), "contacts");
    (void)sim;
    for (size_t i = 0; i < json_object_array_length(contacts); i++) {
        const char *email = json_str(json_object_array_get_idx(contacts, i), "email");
        if (strcasecmp(email, wanted) == 0)
            return true;
    }
    return false;
}

static bool
by_id_number(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return strcasecmp(row_text(row, "id_number"), wanted) == 0;
}

static bool
by_name(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return contains(row_text(row, "name"), wanted);
}

static bool
by_status_id(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return has_word(wanted, row_text(row, "status_id"));
}

static bool
is_open(struct json_object *row)
{
    return row_is(row, "status_id", INVOICE_SENT)
           || row_is(row, "status_id", INVOICE_PARTIAL);
}

static bool
is_overdue(struct sim *sim, struct json_object *row)
{
    const char *partial = row_text(row, "partial_due_date");
    const char *due = row_cents(row, "partial") > 0 && *partial != '\0'
                          ? partial
                          : row_text(row, "due_date");
    char now[DATE_BYTES];
    today(sim, now);
    return is_open(row) && row_cents(row, "balance") > 0 && *due != '\0'
           && strcmp(due, now) < 0;
}

static bool
by_client_status(struct sim *sim, struct json_object *row, const char *wanted)
{
    return has_word(wanted, "all")
           || (has_word(wanted, "draft") && row_is(row, "status_id", INVOICE_DRAFT))
           || (has_word(wanted, "paid") && row_is(row, "status_id", INVOICE_PAID))
           || (has_word(wanted, "cancelled")
               && row_is(row, "status_id", INVOICE_CANCELLED))
           || (has_word(wanted, "unpaid") && is_open(row))
           || (has_word(wanted, "overdue") && is_overdue(sim, row));
}

// Being there is enough: overdue=false asks for overdue ones too.
static bool
by_overdue(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)wanted;
    return is_overdue(sim, row);
}

static bool
by_upcoming(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)wanted;
    return is_open(row) && row_cents(row, "balance") > 0 && !is_overdue(sim, row);
}

static bool
by_payable(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return row_is(row, "client_id", wanted) && !row_deleted(row) && is_open(row)
           && row_cents(row, "balance") > 0;
}

static bool
by_date(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return strcmp(row_text(row, "date"), wanted) >= 0;
}

static bool
by_due_date(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return strcmp(row_text(row, "due_date"), wanted) >= 0;
}

// "a,b" are the first and the last day, also where "date," stands before them.
static bool
in_range(const char *date, const char *wanted)
{
    if (strncmp(wanted, "date,", 5) == 0)
        wanted += 5;
    return strlen(wanted) < 21
           || (strncmp(date, wanted, 10) >= 0 && strncmp(date, wanted + 11, 10) <= 0);
}

static bool
by_date_range(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return in_range(row_text(row, "date"), wanted);
}

static bool
by_due_date_range(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return in_range(row_text(row, "due_date"), wanted);
}

static bool
by_private_notes(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)sim;
    return contains(row_text(row, "private_notes"), wanted);
}

static bool
by_live_client(struct sim *sim, struct json_object *row, const char *wanted)
{
    (void)wanted;
    return !row_deleted(client_of(sim, row));
}

static bool
by_payment_status(struct sim *sim, struct json_object *row, const char *wanted)
{
    static const char *const names[] = {"",        "pending",   "cancelled",
                                        "failed",  "completed", "partially_refunded",
                                        "refunded"};
    int64_t status = json_int(row_view(row), "status_id", 0);
    (void)sim;
    return has_word(wanted, "all") || has_word(wanted, names[status])
           || (has_word(wanted, "partially_unapplied") && payment_unapplied(row) > 0);
}

static const struct filter common_filters[] = {
    {"status", by_status},        {"is_deleted", by_deleted},
    {"with_trashed", by_trashed}, {"updated_at", by_updated},
    {"created_at", by_created},   {0},
};

static const struct filter client_filters[] = {
    {"email", by_email}, {"id_number", by_id_number}, {"number", by_number},
    {"name", by_name},   {"filter", filter_client},   {0},
};

static const struct filter invoice_filters[] = {
    {"number", by_number},
    {"filter", filter_invoice},
    {"client_id", by_client},
    {"client_status", by_client_status},
    {"status_id", by_status_id},
    {"overdue", by_overdue},
    {"upcoming", by_upcoming},
    {"payable", by_payable},
    {"date", by_date},
    {"due_date", by_due_date},
    {"date_range", by_date_range},
    {"due_date_range", by_due_date_range},
    {"private_notes", by_private_notes},
    {"without_deleted_clients", by_live_client},
    {0},
};

static const struct filter payment_filters[] = {
    {"number", by_number},         {"filter", filter_payment},
    {"client_id", by_client},      {"client_status", by_payment_status},
    {"date_range", by_date_range}, {0},
};

static const struct filter webhook_filters[] = {{0}};

static bool
keeps(struct call *call, const struct filter *filter, struct json_object *row)
{
    for (; filter->key != NULL; filter++) {
        const char *wanted = call_query(call, filter->key);
        if (wanted != NULL && *wanted != '\0' && !filter->keeps(call->sim, row, wanted))
            return false;
    }
    return true;
}

struct order {
    char key[48];
    int sign; // -1: the largest first
};

static int
compare_values(struct json_object *a, struct json_object *b)
{
    double x = 0;
    double y = 0;
    if (json_object_is_type(a, json_type_string)
        || json_object_is_type(b, json_type_string))
        return strcasecmp(json_object_get_string(a), json_object_get_string(b));
    php_number(a, &x);
    php_number(b, &y);
    return (x > y) - (x < y);
}

static int
compare_rows(const void *left, const void *right, void *cls)
{
    struct json_object *a = *(struct json_object *const *)left;
    struct json_object *b = *(struct json_object *const *)right;
    const struct order *order = cls;
    struct json_object *x = json_at(row_view(a), order->key);
    struct json_object *y = json_at(row_view(b), order->key);
    int result = x == NULL || y == NULL ? 0 : order->sign * compare_values(x, y);
    if (result != 0)
        return result;
    return json_int(a, "id", 0) < json_int(b, "id", 0) ? -1 : 1;
}

// "column|asc" or "column|desc"; anything else leaves the order of ids.
static struct order
order_of(struct call *call)
{
    const char *sort = call_query(call, "sort");
    struct order order = {.key = "", .sign = 1};
    size_t bytes = sort == NULL ? 0 : strcspn(sort, "|");
    if (bytes == 0 || sort[bytes] == '\0')
        return order;
    // Ids are hashed only for us.
    snprintf(order.key, sizeof order.key, "%.*s", (int)bytes, sort);
    order.sign = strcmp(sort + bytes, "|desc") == 0 ? -1 : 1;
    if (strcmp(order.key, "id") == 0)
        snprintf(order.key, sizeof order.key, "created_at");
    return order;
}

static int64_t
query_number(struct call *call, const char *key, int64_t fallback)
{
    const char *text = call_query(call, key);
    int64_t number = fallback;
    if (text != NULL)
        json_number(text, &number);
    return number < 1 ? fallback : number;
}

// All rows that stay, in order; the caller frees.
static struct json_object **
collect(struct call *call, enum entity kind, const struct filter *filters,
        size_t *count)
{
    struct json_object **rows = NULL;
    size_t room = 0;
    struct store_cursor cursor;
    struct json_object *row = row_first(call->sim, call->account, kind, &cursor);
    struct order order = order_of(call);
    *count = 0;
    for (; row != NULL; row = store_newer(&cursor)) {
        if (!keeps(call, common_filters, row) || !keeps(call, filters, row))
            continue;
        if (*count == room) {
            room = room == 0 ? 64 : room * 2;
            rows = realloc(rows, room * sizeof *rows); // NOLINT: rows are pointers
            if (rows == NULL)
                abort();
        }
        rows[(*count)++] = row;
    }
    if (*count > 1)
        qsort_r(rows, *count, sizeof *rows, compare_rows,
                &order); // NOLINT: so are they
    return rows;
}

static void
answer_rows(struct call *call, enum entity kind, const struct filter *filters)
{
    const char *include = call_query(call, "include");
    include = include == NULL ? "" : include;
    if (!view_can_include(call, kind, include))
        return;
    int64_t per_page = query_number(call, "per_page", PER_PAGE);
    int64_t page = query_number(call, "page", 1);
    per_page = per_page > PER_PAGE_MOST ? PER_PAGE_MOST : per_page;
    size_t count = 0;
    struct json_object **rows = collect(call, kind, filters, &count);
    struct json_object *views = json_object_new_array();
    for (size_t i = (size_t)((page - 1) * per_page);
         i < count && i < (size_t)(page * per_page); i++)
        json_object_array_add(views, view_make(call->sim, rows[i], include));
    free(rows);
    answer_list(call, views, (int64_t)count, per_page, page);
}

void
list_clients(struct call *call)
{
    answer_rows(call, ENTITY_CLIENT, client_filters);
}

void
list_invoices(struct call *call)
{
    answer_rows(call, ENTITY_INVOICE, invoice_filters);
}

void
list_payments(struct call *call)
{
    answer_rows(call, ENTITY_PAYMENT, payment_filters);
}

void
list_webhooks(struct call *call)
{
    answer_rows(call, ENTITY_WEBHOOK, webhook_filters);
}
