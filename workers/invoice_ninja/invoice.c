#include "workers/invoice_ninja/invoice.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/ninja.h"

static const char *
path_of(struct job *job, const char *id)
{
    return job_printf(job, "/invoices/%s", http_escape(job, id));
}

bool
ninja_invoice_read(struct job *job, const struct ninja *ninja, const char *company,
                   const char *id, struct json_object **invoice)
{
    static const struct http_header query[] = {{"include", "client"}, {NULL}};
    return ninja_ask_for(job, ninja,
                         &(struct ninja_call){.company = company,
                                              .method = "GET",
                                              .path = path_of(job, id),
                                              .query = query},
                         invoice);
}

static struct json_object *
list(struct job *job, const struct ninja *ninja, const char *company,
     const struct http_header query[])
{
    return ninja_list(
        job, ninja,
        &(struct ninja_call){
            .company = company, .method = "GET", .path = "/invoices", .query = query});
}

// `filter` looks for the text in many columns of all invoices, the deleted ones too.
bool
ninja_invoice_find(struct job *job, const struct ninja *ninja, const char *company,
                   const char *id, struct json_object **found)
{
    const struct http_header query[] = {{"filter", id},
                                        {"sort", "created_at|asc"},
                                        {"per_page", "100"},
                                        {"include", "client"},
                                        {NULL}};
    struct json_object *rows = list(job, ninja, company, query);
    struct json_object *ours = json_array_in(job);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const char *named = ninja_uuid_after(
            job, json_string_or(row, "custom_value1", NULL), "directus:invoice:");
        if (named != NULL && strcmp(named, id) == 0
            && !json_bool_or(row, "is_deleted", false)
            && json_object_array_length(ours) == 0)
            json_add(ours, row);
    }
    *found = ours;
    return true;
}

// The invoice with that number, which deleted ones have lost. *invoice becomes NULL
// where there is none.
static bool
find_number(struct job *job, const struct ninja *ninja, const char *company,
            const char *number, struct json_object **invoice)
{
    const struct http_header query[] = {
        {"number", number}, {"include", "client"}, {NULL}};
    struct json_object *rows = list(job, ninja, company, query);
    if (rows == NULL)
        return false;
    *invoice = NULL;
    for (size_t i = 0; i < json_object_array_length(rows) && *invoice == NULL; i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (strcasecmp(json_string_or(row, "number", ""), number) == 0)
            *invoice = row;
    }
    return true;
}

struct json_object *
ninja_invoice_update(struct job *job, const struct ninja *ninja, const char *company,
                     const char *id, struct json_object *body)
{
    static const struct http_header query[] = {{"include", "client"}, {NULL}};
    return ninja_ask(job, ninja,
                     &(struct ninja_call){.company = company,
                                          .method = "PUT",
                                          .path = path_of(job, id),
                                          .query = query,
                                          .body = body});
}

bool
ninja_invoice_act(struct job *job, const struct ninja *ninja, const char *company,
                  const char *id, const char *action)
{
    struct json_object *body = json_object_in(job);
    struct json_object *ids = json_array_in(job);
    json_add_string(ids, id);
    json_set_string(body, "action", action);
    json_set(body, "ids", ids);
    return ninja_ask(job, ninja,
                     &(struct ninja_call){.company = company,
                                          .method = "POST",
                                          .path = "/invoices/bulk",
                                          .body = body})
           != NULL;
}

static struct json_object *
number_is_others(struct job *job, struct json_object *invoice)
{
    error_permanent(&job->error,
                    "number %.60s is taken in Invoice Ninja by invoice %.20s, which is "
                    "not ours",
                    json_string_or(invoice, "number", ""),
                    json_text_or(invoice, "id", ""));
    job->error.http_status = 409;
    job->error.service = "invoice-ninja";
    job->error.hint = "give that invoice another number in Invoice Ninja, then replay";
    return NULL;
}

// Whose invoice has the number of the body: it was refused for it.
static struct json_object *
take_number(struct job *job, const struct ninja *ninja, const char *company,
            struct json_object *body)
{
    struct json_object *invoice;
    const char *number = json_string_or(body, "number", "");
    const char *mark = json_string_or(body, "custom_value1", "");
    if (!find_number(job, ninja, company, number, &invoice))
        return NULL;
    if (invoice == NULL) {
        error_retryable(&job->error, "number %.60s is taken, but no invoice has it",
                        number);
        job->error.service = "invoice-ninja";
        return NULL;
    }
    return strcmp(json_string_or(invoice, "custom_value1", ""), mark) == 0
               ? invoice
               : number_is_others(job, invoice);
}

struct json_object *
ninja_invoice_make(struct job *job, const struct ninja *ninja, const char *company,
                   struct json_object *body, bool *earlier)
{
    static const struct http_header query[] = {
        {"mark_sent", "true"}, {"include", "client"}, {NULL}};
    struct json_object *invoice = ninja_ask(job, ninja,
                                            &(struct ninja_call){.company = company,
                                                                 .method = "POST",
                                                                 .path = "/invoices",
                                                                 .query = query,
                                                                 .body = body,
                                                                 .once = true});
    *earlier =
        invoice == NULL && ninja_refused_for(job, "number has already been taken");
    if (!*earlier)
        return invoice;
    error_clear(&job->error);
    return take_number(job, ninja, company, body);
}

// ---- what an invoice says

enum { STATUS_SENT = 2, STATUS_LAST = 6 };

static const char *
status_of(struct job *job, struct json_object *invoice, int status,
          int64_t balance_cents)
{
    static const char *const words[] = {NULL,   "draft",     "sent",     "partial",
                                        "paid", "cancelled", "cancelled"};
    if (json_bool_or(invoice, "is_deleted", false))
        return "cancelled";
    const char *due = json_string_or(invoice, "due_date", "");
    bool late = due[0] != '\0' && strcmp(due, job_today(job)) < 0;
    return status == STATUS_SENT && late && balance_cents > 0 ? "overdue"
                                                              : words[status];
}

bool
ninja_invoice_figures(struct job *job, struct json_object *invoice,
                      struct ninja_figures *figures)
{
    const char *id = json_text_or(invoice, "id", "");
    const char *what = job_printf(job, "invoice %s", id);
    struct ninja_figures read = {
        .id = id,
        .number = json_string_or(invoice, "number", ""),
        .client_id = json_text_or(invoice, "client_id", ""),
        .due_date = json_string_or(invoice, "due_date", ""),
        .taxes_cents = ninja_cents(invoice, "total_taxes", 0),
        .updated_at = json_i64_or(invoice, "updated_at", 0),
        .archived = json_i64_or(invoice, "archived_at", 0) > 0,
        .deleted = json_bool_or(invoice, "is_deleted", false),
    };
    int status;
    if (!ninja_status_of(job, what, invoice, STATUS_LAST, &status)
        || !ninja_cents_of(job, what, invoice, "amount", &read.amount_cents)
        || !ninja_cents_of(job, what, invoice, "paid_to_date", &read.paid_cents)
        || !ninja_cents_of(job, what, invoice, "balance", &read.balance_cents))
        return false;
    read.status = status_of(job, invoice, status, read.balance_cents);
    *figures = read;
    return true;
}

const char *
ninja_number_of(struct job *job, struct json_object *row, const char *member,
                const char *suffix)
{
    enum { NUMBER_BYTES = 191 }; // of Invoice Ninja's column
    static const char blanks[] = " \t\r\n";
    const char *text = json_string(job, row, member);
    if (text == NULL)
        return NULL;
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL)
        length--;
    if (length > 0 && length + strlen(suffix) <= NUMBER_BYTES)
        return job_printf(job, "%.*s%s", (int)length, text, suffix);
    error_permanent(&job->error, "%s is blank, or longer than %d characters", member,
                    NUMBER_BYTES - (int)strlen(suffix));
    job->error.hint = "change it in Directus, then replay";
    return NULL;
}

const char *
ninja_uuid_after(struct job *job, const char *text, const char *prefix)
{
    if (text == NULL || !str_starts(text, prefix))
        return NULL;
    const char *uuid = text + strlen(prefix);
    return uuid_is(uuid) ? webhook_lower(job, uuid) : NULL;
}
