#include "workers/invoice_ninja/payment.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/ninja.h"

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
                         payment);
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
ninja_payment_find(struct job *job, const struct ninja *ninja, const char *company,
                   const char *invoice, const char *mark, struct json_object **payment)
{
    static const struct http_header query[] = {{"include", "payments"}, {NULL}};
    struct json_object *found = NULL;
    *payment = NULL;
    if (!ninja_ask_for(
            job, ninja,
            &(struct ninja_call){
                .company = company,
                .method = "GET",
                .path = job_printf(job, "/invoices/%s", http_escape(job, invoice)),
                .query = query},
            &found))
        return false;
    struct json_object *list = json_array_or_null(found, "payments");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count && *payment == NULL; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        if (strcmp(json_string_or(one, "custom_value1", ""), mark) == 0)
            *payment = one;
    }
    return true;
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

bool
ninja_payment_link(struct json_object *payment, size_t *i, struct ninja_link *link)
{
    struct json_object *list = json_array_or_null(payment, "paymentables");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (; *i < count; (*i)++) {
        struct json_object *one = json_object_array_get_idx(list, *i);
        const char *invoice = json_text_or(one, "invoice_id", "");
        if (invoice[0] == '\0')
            continue;
        *link = (struct ninja_link){
            .invoice = invoice,
            .amount_cents = ninja_cents(one, "amount", 0),
            .refunded_cents = ninja_cents(one, "refunded", 0),
        };
        (*i)++;
        return true;
    }
    return false;
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
