#include "workers/invoice_ninja/book.h"

#include <string.h>
#include <strings.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/payment.h"
#include "workers/invoice_ninja/reconcile.h"

#define BANK_TRANSFER "1"

static const char fields[] =
    "id,amount,refunded_amount,currency,payment_date,reference,source,status,"
    "external_id,"
    "invoice_id.id,invoice_id.quote_id,invoice_id.contact_id,invoice_id.company_id,"
    "invoice_id.owner_company,invoice_id.type,invoice_id.is_deposit,"
    "invoice_id.currency,invoice_id.status,invoice_id.amount_paid,invoice_id.balance,"
    "invoice_id.invoice_ninja_id,invoice_id.invoice_ninja_number";

struct booking {
    const struct ninja *ninja;
    const char *id;          // uuid of the payments row
    struct json_object *row; // of payments
    struct ninja_bill *bill;
    int64_t amount_cents;
    const char *mark;   // "directus:payment:<uuid>"
    const char *entity; // "payment:<uuid>"
};

// ---- the effect

static struct json_object *
result_of(struct job *job, struct json_object *payment)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "ninja_payment_id", json_text_or(payment, "id", ""));
    return result;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    const struct booking *booking = ctx;
    struct json_object *payment;
    struct json_object *alive = json_array_in(job);
    (void)identity;
    if (!ninja_payment_find(job, booking->ninja, booking->bill->company,
                            booking->bill->ninja_id, booking->mark, &payment))
        return false;
    if (payment != NULL)
        json_add(alive, result_of(job, payment));
    *found = alive;
    return true;
}

// What exceeds the balance stays unapplied: Invoice Ninja refuses to overpay an
// invoice.
static struct json_object *
applied(struct job *job, const struct booking *booking,
        const struct ninja_figures *figures)
{
    struct json_object *list = json_array_in(job);
    struct json_object *one = json_object_in(job);
    int64_t cents = booking->amount_cents < figures->balance_cents
                        ? booking->amount_cents
                        : figures->balance_cents;
    if (cents <= 0)
        return list;
    json_set_string(one, "invoice_id", booking->bill->ninja_id);
    json_set(one, "amount", ninja_money(job, cents));
    json_add(list, one);
    return list;
}

static struct json_object *
body_of(struct job *job, const struct booking *booking,
        const struct ninja_figures *figures)
{
    struct json_object *body = json_object_in(job);
    json_set_string(body, "client_id", figures->client_id);
    json_set(body, "amount", ninja_money(job, booking->amount_cents));
    json_set_string(body, "date",
                    json_string_or(booking->row, "payment_date", job_today(job)));
    json_set_string(body, "type_id", BANK_TRANSFER);
    json_set_string(body, "transaction_reference",
                    json_string_or(booking->row, "reference", ""));
    json_set_string(body, "idempotency_key", booking->id);
    json_set_string(body, "custom_value1", booking->mark);
    json_set_string(body, "email_receipt", "false");
    json_set(body, "invoices", applied(job, booking, figures));
    return body;
}

// The balance decides how much is applied, and the client is the invoice's.
static bool
read_figures(struct job *job, const struct booking *booking,
             struct ninja_figures *figures)
{
    struct json_object *invoice;
    const struct ninja_bill *bill = booking->bill;
    if (!ninja_invoice_read(job, booking->ninja, bill->company, bill->ninja_id,
                            &invoice))
        return false;
    if (invoice != NULL) {
        if (!ninja_invoice_figures(job, invoice, figures))
            return false;
        if (strcmp(figures->status, "cancelled") != 0)
            return true;
    }
    error_permanent(&job->error, "invoice %s is %s in Invoice Ninja: nothing is booked",
                    bill->number, invoice == NULL ? "gone" : "cancelled");
    job->error.http_status = 409;
    return false;
}

// Whole it would be too much, and what comes back from Invoice Ninja, which knows of no
// refund, would take the refund for undone.
static bool
is_refunded(struct job *job, const struct booking *booking)
{
    if (ninja_cents(booking->row, "refunded_amount", 0) == 0)
        return false;
    error_permanent(&job->error,
                    "payment %s is refunded in part in Directus, and not booked in "
                    "Invoice Ninja yet",
                    booking->id);
    job->error.hint = "make it two: what was kept, completed, and what was refunded; "
                      "then replay";
    return true;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    const struct booking *booking = ctx;
    struct ninja_figures figures;
    struct json_object *found;
    bool taken;
    if (is_refunded(job, booking) || !read_figures(job, booking, &figures))
        return NULL;
    struct json_object *payment =
        ninja_payment_create(job, booking->ninja, booking->bill->company,
                             body_of(job, booking, &figures), &taken);
    if (payment != NULL)
        return result_of(job, payment);
    if (!taken || !find(job, identity, ctx, &found))
        return NULL;
    if (json_object_array_length(found) > 0)
        return json_object_array_get_idx(found, 0);
    error_permanent(
        &job->error,
        "payment %s was booked in Invoice Ninja before, and is not with its "
        "invoice any more",
        booking->id);
    job->error.hint = "it was deleted or moved in Invoice Ninja: settle it there";
    return NULL;
}

// idempotency_key is unique, so that there is never a surplus.
static const struct effect_kind payment_booked = {
    .name = "invoice-ninja.payment",
    .find = find,
    .create = create,
};

// ---- one payment

static bool
begin(struct job *job, const struct event *ev, struct booking *booking)
{
    booking->id = ninja_payload_uuid(job, ev, "payment");
    if (booking->id == NULL)
        return false;
    booking->row =
        directus_read(&booking->ninja->directus, job, "payments", booking->id, fields);
    if (booking->row == NULL)
        return false;
    struct json_object *invoice = json_at(booking->row, "invoice_id");
    const char *id = json_string_or(invoice, "id", NULL);
    if (id == NULL) {
        error_permanent(&job->error, "payments %s has no invoice_id", booking->id);
        return false;
    }
    booking->bill = ninja_bill_read(job, id);
    booking->mark = job_printf(job, "directus:payment:%s", booking->id);
    booking->entity = job_printf(job, "payment:%s", booking->id);
    booking->amount_cents = ninja_cents(booking->row, "amount", 0);
    return booking->bill != NULL
           && (booking->bill->company != NULL
               || ninja_bill_take_row(job, booking->bill, invoice));
}

// Invoice Ninja books in the currency of the invoice, whatever the amount meant.
static bool
is_money(struct job *job, const struct booking *booking)
{
    const char *currency =
        json_string_or(booking->row, "currency", booking->bill->currency);
    if (booking->amount_cents <= 0)
        return error_permanent(&job->error, "amount of the payment must be above 0");
    if (strcasecmp(currency, booking->bill->currency) == 0)
        return true;
    error_permanent(&job->error,
                    "currency of payment %s is %.10s, and that of its invoice %.10s",
                    booking->id, currency, booking->bill->currency);
    job->error.hint = "enter the amount that was paid in the invoice's currency, then "
                      "replay";
    return false;
}

// Nothing is mirrored for a company without a key: there the payment counts as it is.
static bool
tell_of_unmirrored(struct job *job, const struct booking *booking,
                   const struct event *ev)
{
    const struct ninja_bill *bill = booking->bill;
    if (ninja_company_key(booking->ninja->companies, bill->company) != NULL) {
        error_permanent(&job->error,
                        "invoice %s is not in Invoice Ninja: payment %s cannot be "
                        "booked",
                        bill->id, booking->id);
        job->error.http_status = 409;
        job->error.hint = "see why the invoice was not mirrored (its dead letter says "
                          "so), replay that, then this";
        return false;
    }
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", bill->company);
    json_set_string(data, "entity", bill->entity);
    json_set_string(data, "fact", "payment.received");
    publish_command(job, &(struct publish_command){
                             .type = "orchestrator.fact",
                             .key = bill->root,
                             .subject = bill->root,
                             .cause = event_identity(ev),
                             .data = data,
                         });
    settlement_note(job, "company %s has no key of Invoice Ninja: it counts unbooked",
                    bill->company);
    return true;
}

// Why there is nothing to book, or NULL.
static const char *
why_not(const struct booking *booking)
{
    if (strcmp(json_string_or(booking->row, "source", ""), "invoice_ninja") == 0)
        return "it came from Invoice Ninja";
    if (strcmp(json_string_or(booking->row, "status", ""), "completed") != 0)
        return "it is not completed";
    return NULL;
}

// What it does to the invoice is seen at once, without waiting for the webhook.
static bool
look(struct job *job, const struct booking *booking, const struct event *ev,
     struct json_object *result)
{
    const struct ninja_hint hint = {
        .ninja = booking->ninja,
        .ev = ev,
        .company = booking->bill->company,
        .id = json_string(job, result, "ninja_payment_id"),
        .is_linked = true,
    };
    return hint.id != NULL && ninja_look_at_payment(job, &hint);
}

// Nobody wants it booked (any more), but an attempt that was cut, or failed, may have
// done so: then both books say so, and a person decides. Where it was seen there
// before, it was taken back later, and that is no news.
static bool
leave(struct job *job, struct booking *booking, const struct event *ev, const char *why)
{
    bool failed;
    const struct ninja_bill *bill = booking->bill;
    settlement_note(job, "nothing to book: %s", why);
    if (bill->ninja_id == NULL)
        return true;
    struct json_object *result =
        effect_made(job, &payment_booked, booking->entity, booking, &failed);
    const char *id = json_string_or(result, "ninja_payment_id", NULL);
    if (id == NULL)
        return !failed;
    struct json_object *seen =
        ledger_state(job, ninja_payment_entity(job, bill->company, id));
    if (seen == NULL || json_object_object_length(seen) > 0)
        return seen != NULL;
    settlement_attention(job, "invoice-ninja.booked-anyway", booking->entity,
                         "payment %s was booked in Invoice Ninja before it was taken "
                         "back in Directus: delete it there",
                         id);
    return look(job, booking, ev, result);
}

bool
ninja_book(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct booking booking = {.ninja = ninja};
    if (!begin(job, ev, &booking))
        return false;
    if (ninja_sent_on(job, ev, booking.bill->lane, booking.bill->root))
        return true;
    const char *why = why_not(&booking);
    if (why != NULL)
        return leave(job, &booking, ev, why);
    if (booking.bill->ninja_id == NULL)
        return tell_of_unmirrored(job, &booking, ev);
    if (!is_money(job, &booking))
        return false;
    struct json_object *result =
        effect_once(job, &payment_booked, booking.entity, &booking);
    return result != NULL && look(job, &booking, ev, result);
}
