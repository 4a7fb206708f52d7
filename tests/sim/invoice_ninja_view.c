#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

// One thing that can be included; what has no function is always or never there.
struct include {
    enum entity kind;
    const char *name;
    struct json_object *(*make)(struct sim *sim, struct json_object *row);
};

static struct json_object *
client_view(struct sim *sim, struct json_object *row)
{
    struct json_object *client = client_of(sim, row);
    return client == NULL ? NULL : json_clone(row_view(client));
}

// Deleted payments are shown too.
static struct json_object *
payments_view(struct sim *sim, struct json_object *invoice)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row =
        row_first(sim, row_company(invoice), ENTITY_PAYMENT, &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (payment_link(row, row_text(invoice, "id")) != NULL)
            json_object_array_add(list, view_make(sim, row, ""));
    }
    return list;
}

static struct json_object *
invoices_view(struct sim *sim, struct json_object *payment)
{
    struct json_object *list = json_object_new_array();
    struct json_object *links = json_at(row_view(payment), "paymentables");
    for (size_t i = 0; i < json_object_array_length(links); i++) {
        struct json_object *invoice =
            row_by_hash(sim, row_company(payment), ENTITY_INVOICE,
                        json_str(json_object_array_get_idx(links, i), "invoice_id"));
        json_object_array_add(list, view_make(sim, invoice, ""));
    }
    return list;
}

static struct json_object *
nothing_view(struct sim *sim, struct json_object *row)
{
    (void)sim;
    (void)row;
    return json_object_new_array();
}

static const struct include includes[] = {
    {ENTITY_CLIENT, "contacts", NULL},
    {ENTITY_CLIENT, "documents", NULL},
    {ENTITY_CLIENT, "gateway_tokens", NULL},
    {ENTITY_CLIENT, "activities", nothing_view},
    {ENTITY_CLIENT, "ledger", nothing_view},
    {ENTITY_INVOICE, "invitations", NULL},
    {ENTITY_INVOICE, "documents", NULL},
    {ENTITY_INVOICE, "payments", payments_view},
    {ENTITY_INVOICE, "client", client_view},
    {ENTITY_INVOICE, "activities", nothing_view},
    {ENTITY_PAYMENT, "paymentables", NULL},
    {ENTITY_PAYMENT, "documents", NULL},
    {ENTITY_PAYMENT, "invoices", invoices_view},
    {ENTITY_PAYMENT, "client", client_view},
};

enum { INCLUDES = sizeof includes / sizeof includes[0] };

static bool
is_named(const char *list, const char *name)
{
    size_t bytes = strlen(name);
    for (const char *p = list; *p != '\0'; p += strspn(p, ",")) {
        if (strcspn(p, ",.") == bytes && strncmp(p, name, bytes) == 0)
            return true;
        p += strcspn(p, ",");
    }
    return false;
}

static bool
is_known(enum entity kind, const char *name)
{
    for (int i = 0; i < INCLUDES; i++) {
        if (includes[i].kind == kind && strcmp(includes[i].name, name) == 0)
            return true;
    }
    return false;
}

bool
view_can_include(struct call *call, enum entity kind, const char *include)
{
    for (const char *p = include; *p != '\0'; p += strspn(p, ",")) {
        char name[60];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(p, ",."), p);
        p += strcspn(p, ",");
        if (is_known(kind, name))
            continue;
        answer_message(call, 400, "Relation `%s` is not a valid include.", name);
        return false;
    }
    return true;
}

// After a fee line was taken out PHP prints the rest as a map.
static void
open_gap(struct json_object *view, int64_t gap)
{
    struct json_object *lines = json_at(view, "line_items");
    struct json_object *map = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(lines); i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", (int64_t)i < gap ? i : i + 1);
        json_share(map, key, json_object_array_get_idx(lines, i));
    }
    json_add(view, "line_items", map);
}

// PHP knows one kind of empty array.
static void
print_empty_headers(struct json_object *view)
{
    struct json_object *headers = json_at(view, "headers");
    if (json_object_is_type(headers, json_type_object)
        && json_object_object_length(headers) == 0)
        json_add(view, "headers", json_object_new_array());
}

struct json_object *
view_make(struct sim *sim, struct json_object *row, const char *include)
{
    struct json_object *view = json_clone(row_view(row));
    if (json_has(row, "gap"))
        open_gap(view, json_int(row, "gap", 0));
    if (row_kind(row) == ENTITY_WEBHOOK)
        print_empty_headers(view);
    for (int i = 0; i < INCLUDES; i++) {
        const struct include *one = &includes[i];
        if (one->kind == row_kind(row) && one->make != NULL
            && is_named(include, one->name))
            json_add(view, one->name, one->make(sim, row));
    }
    return view;
}

void
view_answer(struct call *call, struct json_object *row)
{
    const char *include = call_query(call, "include");
    if (include == NULL)
        include = "";
    if (view_can_include(call, row_kind(row), include))
        answer_data(call, view_make(call->sim, row, include));
}
