// workers/orchestrator/payments.c - payments that moved, and what a payment does.
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/money.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/orchestrator/mirror.h"

static const char *const payment_watched[] = {"amount", NULL};
static const struct orchestrator_mirror payments = {
    .prefix = "payment:",
    .noun = "payment",
    .watched = payment_watched,
    .fields = "id,status,source,amount,invoice_id,owner_company",
};

// ---- what a payment does to its quote

bool
orchestrator_pay_deposit(struct job *job, struct orchestrator_occasion *occasion)
{
    struct json_object *row = json_at(occasion->row, "quote_id");
    const char *id = json_string_or(row, "id", NULL);
    struct orchestrator_memory memory;
    if (!json_bool_or(occasion->data, "fully_paid", false))
        return true;
    orchestrator_timer_stop(job, occasion, TIMER_OVERDUE);
    if (id == NULL || !json_bool_or(occasion->data, "is_deposit", false))
        return true;
    const char *root = job_printf(job, "quote:%s", id);
    if (!orchestrator_remember(job, root, &memory))
        return false;
    // The invoice may have told it before its payment does.
    if (strcmp(memory.status, "completed") == 0
        && json_bool_or(row, "deposit_paid", false))
        return true;
    struct orchestrator_occasion quote = {
        .o = occasion->o,
        .when = WHEN_DEPOSIT_PAID,
        .cause = occasion->cause,
        .root = root,
        .noun = "quote",
        .id = id,
        .company = occasion->company,
        .at = occasion->at,
        .row = row,
        .memory = &memory,
        .said = occasion->said,
    };
    if (!orchestrator_chain(job, &quote))
        return false;
    if (memory.status[0] != '\0')
        orchestrator_keep(job, &memory);
    return true;
}

bool
orchestrator_look_at_refund(struct job *job, struct orchestrator_occasion *occasion)
{
    const char *quote = json_string_or(occasion->data, "quote", NULL);
    struct json_object *row = NULL;
    if (quote != NULL
        && !orchestrator_row(job, occasion->o, "quotes", quote, "id,status", &row))
        return false;
    if (strcmp(json_string_or(row, "status", ""), "completed") != 0) {
        orchestrator_say(job, occasion, "refunded: no completed quote hangs on it");
        return true;
    }
    settlement_attention(job, "payment.refunded", job_printf(job, "quote:%s", quote),
                         "a payment was refunded after the quote was completed: it "
                         "stays completed, decide what becomes of it");
    orchestrator_say(job, occasion,
                     "refunded: the quote stays completed, a person "
                     "decides");
    return true;
}

// ---- a payment that a person made

static struct json_object *
money_in(struct job *job, int64_t cents, const char *currency)
{
    struct json_object *money = json_object_in(job);
    json_set_i64(money, "cents", cents);
    json_set_string(money, "currency", currency);
    return money;
}

// An amount that is missing is not 0.
static bool
read_cents(struct job *job, const char *what, struct json_object *row,
           const char *field, int64_t *cents)
{
    const char *text = json_text_or(row, field, NULL);
    if (money_parse(text, cents))
        return true;
    error_permanent(&job->error, "%s: %s must be an amount, not %.30s", what, field,
                    text != NULL ? text : "empty");
    job->error.hint = "set it in Directus, then replay";
    return false;
}

bool
orchestrator_is_deposit(struct json_object *invoice)
{
    return json_bool_or(invoice, "is_deposit", false)
           || strcmp(json_string_or(invoice, "type", ""), "deposit") == 0;
}

// What one payment brings, refunds taken off.
static bool
add_payment(struct job *job, struct json_object *row, const char *currency,
            int64_t *sum_cents)
{
    const char *what = job_printf(job, "payments %s", json_string_or(row, "id", ""));
    const char *own = json_string_or(row, "currency", currency);
    int64_t cents;
    int64_t refunded = 0;
    if (!read_cents(job, what, row, "amount", &cents)
        || (json_at(row, "refunded_amount") != NULL
            && !read_cents(job, what, row, "refunded_amount", &refunded)))
        return false;
    if (strcasecmp(own, currency) != 0) {
        error_permanent(&job->error, "%s: currency is %.10s, and its invoice's %.10s",
                        what, own, currency);
        job->error.hint = "enter the amount that was paid in the invoice's currency, "
                          "then replay";
        return false;
    }
    if (!__builtin_add_overflow(*sum_cents, cents, sum_cents)
        && !__builtin_sub_overflow(*sum_cents, refunded, sum_cents))
        return true;
    return error_permanent(&job->error, "%s: amount is out of range", what);
}

bool
orchestrator_paid(struct job *job, const struct orchestrator *o, const char *id,
                  struct json_object *invoice, struct json_object **all, bool *fully)
{
    const struct http_header query[] = {
        {"filter[invoice_id][_eq]", id},
        {"filter[status][_eq]", "completed"},
        {"fields", "id,amount,refunded_amount,currency"},
        {"limit", "-1"},
        {NULL}};
    const char *currency = json_string_or(invoice, "currency", "CHF");
    int64_t paid_cents = 0;
    int64_t due_cents;
    *all = directus_list(&o->directus, job, "payments", query);
    if (*all == NULL
        || !read_cents(job, job_printf(job, "client_invoices %s", id), invoice,
                       "amount", &due_cents))
        return false;
    for (size_t i = 0; i < json_object_array_length(*all); i++)
        if (!add_payment(job, json_object_array_get_idx(*all, i), currency,
                         &paid_cents))
            return false;
    *fully = paid_cents >= due_cents;
    return true;
}

bool
orchestrator_is_covered(struct json_object *invoice)
{
    struct json_object *rows = json_array_or_null(invoice, "payments");
    size_t count = rows != NULL ? json_object_array_length(rows) : 0;
    int64_t paid_cents = 0;
    int64_t due_cents;
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(rows, i);
        int64_t cents;
        if (strcmp(json_string_or(one, "status", ""), "completed") == 0
            && money_parse(json_text_or(one, "amount", NULL), &cents)
            && __builtin_add_overflow(paid_cents, cents, &paid_cents))
            return false;
    }
    return money_parse(json_text_or(invoice, "amount", NULL), &due_cents)
           && paid_cents > 0 && paid_cents >= due_cents;
}

static bool
say_received(struct job *job, struct orchestrator_occasion *invoice,
             struct json_object *payment, bool fully_paid)
{
    struct json_object *row = invoice->row;
    const char *id = json_string_or(payment, "id", "");
    const char *what = job_printf(job, "payments %s", id);
    int64_t cents;
    if (!read_cents(job, what, payment, "amount", &cents))
        return false;
    if (cents <= 0) {
        error_permanent(&job->error, "%s: amount must be above 0", what);
        job->error.hint = "what was paid back goes into refunded_amount of the payment "
                          "that had brought it";
        return false;
    }
    struct json_object *data = json_object_in(job);
    json_set_string(data, "payment", id);
    json_set_string(data, "quote", json_string_or(row, "quote_id.id", NULL));
    json_set_string(data, "contact", orchestrator_contact_of(row));
    json_set(data, "amount",
             money_in(job, cents, json_string_or(row, "currency", "CHF")));
    json_set_bool(data, "fully_paid", fully_paid);
    json_set_bool(data, "is_deposit", orchestrator_is_deposit(row));
    return orchestrator_fact(job, invoice, job_printf(job, "%s %" PRId64, id, cents),
                             data);
}

bool
orchestrator_say_paid(struct job *job, struct orchestrator_occasion *invoice,
                      const char *payment)
{
    struct json_object *all;
    bool fully_paid;
    if (!orchestrator_paid(job, invoice->o, invoice->id, invoice->row, &all,
                           &fully_paid))
        return false;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *one = json_object_array_get_idx(all, i);
        bool wanted =
            payment == NULL || strcmp(payment, json_string_or(one, "id", "")) == 0;
        invoice->when = "payment.received";
        if (wanted && !say_received(job, invoice, one, fully_paid))
            return false;
    }
    return true;
}

// An invoice that is in Invoice Ninja, or on its way there.
static bool
is_mirrored(struct job *job, const struct orchestrator *o, struct json_object *invoice,
            bool *mirrored)
{
    struct orchestrator_memory memory;
    *mirrored = false;
    if (!orchestrator_runs(o, "invoice-ninja"))
        return true;
    const char *entity =
        job_printf(job, "invoice:%s", json_string_or(invoice, "id", ""));
    if (!orchestrator_remember(job, entity, &memory))
        return false;
    *mirrored = json_text_or(invoice, "invoice_ninja_id", "")[0] != '\0'
                || memory.hash[0] != '\0';
    return true;
}

// Booked where the invoice is mirrored, or Invoice Ninja's next figures would un-pay
// it.
static bool
book_payment(struct job *job, const struct event *ev, const struct orchestrator *o,
             struct orchestrator_look *look)
{
    const char *invoice = json_string_or(look->row, "invoice_id", "");
    if (!uuid_is(invoice)) {
        error_permanent(&job->error, "payments %s: invoice_id is not set",
                        look->change.key);
        job->error.hint = "say which invoice it pays, then replay";
        return false;
    }
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &payments, look, WHEN_PAYMENT_BOOKED);
    bool mirrored;
    if (!orchestrator_row(job, o, "client_invoices", invoice, ORCHESTRATOR_PAID_FIELDS,
                          &occasion.row))
        return false;
    if (occasion.row == NULL) {
        settlement_note(job, "its invoice is gone");
        return true;
    }
    if (!is_mirrored(job, o, occasion.row, &mirrored))
        return false;
    if (mirrored)
        return orchestrator_chain(job, &occasion);
    occasion.noun = "invoice";
    occasion.id = invoice;
    occasion.memory = NULL;
    return orchestrator_say_paid(job, &occasion, look->change.key);
}

// A payment moved.
// In:    directus.payments.* {collection, key, old, new}
// Out:   for one that a person made: invoice-ninja.payment.create, or payment.received
//        where the invoice is not in Invoice Ninja
// Again: the memory has the status `completed`.
bool
orchestrator_payment(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look;
    if (!orchestrator_mirror_look(job, ev, state, &payments, &look))
        return false;
    if (look.row == NULL)
        return true;
    bool by_person =
        strcmp(json_string_or(look.row, "source", ""), "invoice_ninja") != 0;
    bool completed = strcmp(look.status, "completed") == 0
                     && strcmp(look.status_before, "completed") != 0;
    if (!by_person || !completed)
        settlement_note(job,
                        by_person ? "not newly completed" : "came from Invoice Ninja");
    else if (!book_payment(job, ev, state, &look))
        return false;
    orchestrator_mirror_keep(job, &look);
    return true;
}
