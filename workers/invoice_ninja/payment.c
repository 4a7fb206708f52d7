#include "workers/invoice_ninja/payment.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/ninja.h"

enum { STATUS_LAST = 6 };

// A figure that is missing is not 0.
static bool
is_whole(struct job *job, struct json_object *payment)
{
    const char *what = job_printf(job, "payment %s", json_text_or(payment, "id", "?"));
    struct json_object *list = json_array_or_null(payment, "paymentables");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    int64_t cents;
    int status;
    if (!ninja_status_of(job, what, payment, STATUS_LAST, &status)
        || !ninja_cents_of(job, what, payment, "amount", &cents))
        return false;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *part = job_printf(job, "paymentables.%zu of %s", i, what);
        if (!ninja_cents_of(job, part, one, "amount", &cents)
            || !ninja_cents_of(job, part, one, "refunded", &cents))
            return false;
    }
    return true;
}

bool
ninja_payment_read(struct job *job, const struct ninja *ninja, const char *company,
                   const char *id, struct json_object **payment)
{
    static const struct http_header query[] = {{"include", "invoices,client"}, {NULL}};
    return ninja_ask_for(job, ninja,
                         &(struct ninja_call){.company = company,
                                              .method = "GET",
                                              .path = job_printf(job, "/payments/%s",
                                                                 http_escape(job, id)),
                                              .query = query},
                         payment)
           && (*payment == NULL || is_whole(job, *payment));
}

struct json_object *
ninja_payment_create(struct job *job, const struct ninja *ninja, const char *company,
                     struct json_object *body, bool *taken)
{
    struct json_object *payment = ninja_ask(job, ninja,
                                            &(struct ninja_call){.company = company,
                                                                 .method = "POST",
                                                                 .path = "/payments",
                                                                 .body = body,
                                                                 .once = true});
    *taken = payment == NULL && ninja_refused_for(job, "idempotency");
    if (*taken)
        error_clear(&job->error);
    return payment;
}

bool
ninja_payments_of(struct job *job, const struct ninja *ninja, const char *company,
                  const char *invoice, struct json_object **list)
{
    static const struct http_header query[] = {{"include", "payments"}, {NULL}};
    struct json_object *found = NULL;
    if (!ninja_ask_for(
            job, ninja,
            &(struct ninja_call){
                .company = company,
                .method = "GET",
                .path = job_printf(job, "/invoices/%s", http_escape(job, invoice)),
                .query = query},
            &found))
        return false;
    *list = json_array_or_null(found, "payments");
    return true;
}

bool
ninja_payment_find(struct job *job, const struct ninja *ninja, const char *company,
                   const char *invoice, const char *mark, struct json_object **payment)
{
    struct json_object *list;
    *payment = NULL;
    if (!ninja_payments_of(job, ninja, company, invoice, &list))
        return false;
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count && *payment == NULL; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (strcmp(json_string_or(one, "custom_value1", ""), mark) == 0)
            *payment = one;
    }
    return true;
}

bool
ninja_payments_pending(struct json_object *list, const char *other_than)
{
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        bool is_other =
            other_than == NULL || strcmp(json_text_or(one, "id", ""), other_than) != 0;
        if (is_other && strcmp(json_text_or(one, "status_id", ""), "1") == 0
            && !json_bool_or(one, "is_deleted", false))
            return true;
    }
    return false;
}

const char *
ninja_payment_entity(struct job *job, const char *company, const char *id)
{
    return job_printf(job, "ninja-payment:%s:%s", company, id);
}

const char *
ninja_payment_stamp(struct job *job, struct json_object *payment)
{
    return job_printf(
        job, "%" PRId64 " %s %" PRId64 " %" PRId64 " %" PRId64 "%s",
        json_i64_or(payment, "updated_at", 0), json_text_or(payment, "status_id", ""),
        ninja_cents(payment, "amount", 0), ninja_cents(payment, "applied", 0),
        ninja_cents(payment, "refunded", 0),
        json_bool_or(payment, "is_deleted", false) ? " deleted" : "");
}

static const char *
invoice_of(struct json_object *list, size_t i)
{
    return json_text_or(json_object_array_get_idx(list, i), "invoice_id", "");
}

static bool
is_first(struct json_object *list, size_t i)
{
    const char *invoice = invoice_of(list, i);
    size_t k = 0;
    while (k < i && strcmp(invoice_of(list, k), invoice) != 0)
        k++;
    return k == i && invoice[0] != '\0';
}

bool
ninja_payment_link(struct json_object *payment, size_t *i, struct ninja_link *link)
{
    struct json_object *list = json_array_or_null(payment, "paymentables");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    while (*i < count && !is_first(list, *i))
        (*i)++;
    if (*i == count)
        return false;
    *link = (struct ninja_link){.invoice = invoice_of(list, *i)};
    for (size_t k = *i; k < count; k++) {
        struct json_object *one = json_object_array_get_idx(list, k);
        if (strcmp(invoice_of(list, k), link->invoice) != 0)
            continue;
        link->amount_cents += ninja_cents(one, "amount", 0);
        link->refunded_cents += ninja_cents(one, "refunded", 0);
    }
    (*i)++;
    return true;
}

const char *
ninja_payment_status(struct json_object *payment, const struct ninja_link *link)
{
    static const char *const words[] = {NULL,        "pending",   "cancelled", "failed",
                                        "completed", "completed", "refunded"};
    long long status = 0;
    if (link == NULL || json_bool_or(payment, "is_deleted", false))
        return "cancelled";
    if (link->refunded_cents > 0 && link->refunded_cents >= link->amount_cents)
        return "refunded";
    if (!str_to_i64(json_text_or(payment, "status_id", ""), &status) || status < 1
        || status > 6)
        return "pending";
    // Refunded as a whole, but nothing of this invoice's share.
    if (status == 6 && link->refunded_cents < link->amount_cents)
        return "completed";
    return words[status];
}
