// Payments: one row in Directus per (payment, invoice), with the figures of the
// invoice.
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/drift.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/payment.h"
#include "workers/invoice_ninja/reconcile.h"

// One look at a payment. entity_state "ninja-payment:<company>:<id>" keeps, by Invoice
// Ninja's id of the invoice: {row, invoice, amount, refunded, status}.
struct sight {
    const struct ninja_hint *hint;
    struct json_object *payment;
    const char *entity;
    struct json_object *before; // rows as they were last acted on
    struct json_object *rows;   // as they are now
    const char *booked;         // the row a person made for it in Directus, or NULL
    bool ours, moved;
    bool mended;                  // by an audit, which has noted what
    const char *elsewhere, *root; // the lane it belongs to, where that is another one
};

// One (payment, invoice) as it is now.
struct share {
    const struct ninja_link *link; // NULL: not applied any more
    const char *invoice_id;        // Invoice Ninja's
    struct json_object *invoice;
    struct ninja_bill *bill;
    struct json_object *before; // what was acted on last, or NULL
    const char *row;            // uuid of the payments row
    const char *status;
    int64_t amount_cents, refunded_cents;
    bool booked;         // the row is a person's
    bool pending_beside; // another payment of the invoice is not through yet
};

// ---- reading

// The invoices come along with the payment, but for those that were deleted.
static bool
read_invoice(struct job *job, const struct sight *sight, struct share *share)
{
    struct json_object *list = json_array_or_null(sight->payment, "invoices");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        share->invoice = json_object_array_get_idx(list, i);
        if (strcmp(json_text_or(share->invoice, "id", ""), share->invoice_id) == 0)
            return true;
    }
    share->invoice = NULL;
    return ninja_invoice_read(job, sight->hint->ninja, sight->hint->company,
                              share->invoice_id, &share->invoice);
}

static const char *
row_id(struct job *job, const struct sight *sight, struct share *share)
{
    const char *known = json_string_or(share->before, "row", NULL);
    share->booked =
        sight->booked != NULL
        && (known != NULL ? strcmp(known, sight->booked) == 0
                          : json_object_object_length(sight->rows) == 0
                                && json_object_object_length(sight->before) == 0);
    if (known != NULL)
        return known;
    if (share->booked)
        return sight->booked;
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){sight->hint->company, sight->hint->id,
                                  share->invoice_id, NULL},
            id);
    return id;
}

// ---- writing

static struct json_object *
changes_of(struct job *job, const struct sight *sight, const struct share *share)
{
    struct json_object *row = json_object_in(job);
    if (share->link != NULL) {
        if (!share->booked)
            json_set_string(row, "amount", ninja_cents_text(job, share->amount_cents));
        json_set_string(row, "refunded_amount",
                        ninja_cents_text(job, share->refunded_cents));
    }
    json_set_string(row, "status", share->status);
    json_set_string(row, "external_id", sight->hint->id);
    return row;
}

static const char *
reference_of(const struct sight *sight)
{
    const char *reference = json_string_or(sight->payment, "transaction_reference", "");
    return reference[0] != '\0' ? reference
                                : json_string_or(sight->payment, "number", "");
}

static struct json_object *
row_of(struct job *job, const struct sight *sight, const struct share *share)
{
    struct json_object *row = json_object_in(job);
    json_set_string(row, "id", share->row);
    json_set_string(row, "invoice_id", share->bill->id);
    json_set_string(row, "owner_company", share->bill->company);
    json_set_string(row, "amount", ninja_cents_text(job, share->amount_cents));
    json_set_string(row, "refunded_amount",
                    ninja_cents_text(job, share->refunded_cents));
    json_set_string(row, "currency", share->bill->currency);
    json_set_string(row, "payment_date", json_string_or(sight->payment, "date", NULL));
    json_set_string(row, "reference", reference_of(sight));
    json_set_string(row, "source", "invoice_ninja");
    json_set_string(row, "external_id", sight->hint->id);
    json_set_string(row, "status", share->status);
    return row;
}

static bool
has_changed(const struct share *share)
{
    return share->before == NULL
           || strcmp(json_string_or(share->before, "status", ""), share->status) != 0
           || json_i64_or(share->before, "amount", -1) != share->amount_cents
           || json_i64_or(share->before, "refunded", -1) != share->refunded_cents;
}

static void
remember(struct job *job, struct sight *sight, const struct share *share)
{
    struct json_object *row = json_object_in(job);
    json_set_string(row, "row", share->row);
    json_set_string(row, "invoice", share->bill->id);
    json_set_i64(row, "amount", share->amount_cents);
    json_set_i64(row, "refunded", share->refunded_cents);
    json_set_string(row, "status", share->status);
    json_set(sight->rows, share->invoice_id, row);
    settlement_ref(
        job, &(struct settle_ref){.system = "invoice-ninja",
                                  .company = sight->hint->company,
                                  .collection = "payments",
                                  .local_id = share->row,
                                  .remote_type = "payment",
                                  .remote_id = job_printf(job, "%s/%s", sight->hint->id,
                                                          share->invoice_id),
                                  .lane_key = share->bill->lane});
}

// ---- facts

static bool
is_received(const struct share *share)
{
    return strcmp(share->status, "completed") == 0
           && (share->before == NULL
               || strcmp(json_string_or(share->before, "status", ""), "completed") != 0
               || json_i64_or(share->before, "amount", -1) != share->amount_cents);
}

static void
tell_received(struct job *job, const struct share *share)
{
    const struct ninja_bill *bill = share->bill;
    struct json_object *data = ninja_bill_fact(job, bill);
    json_set_string(data, "payment", share->row);
    json_set_string(data, "contact", bill->contact);
    json_set(data, "amount", ninja_money_of(job, share->amount_cents, bill->currency));
    json_set_bool(data, "fully_paid",
                  strcmp(bill->status, "paid") == 0 && !share->pending_beside);
    json_set_bool(data, "is_deposit", bill->is_deposit);
    publish_fact(job, "payment.received", bill->root,
                 job_printf(job, "%s %" PRId64, share->row, share->amount_cents), data);
}

static void
tell_refunded(struct job *job, const struct share *share)
{
    const struct ninja_bill *bill = share->bill;
    struct json_object *data = ninja_bill_fact(job, bill);
    json_set_string(data, "payment", share->row);
    json_set(data, "amount",
             ninja_money_of(job, share->refunded_cents, bill->currency));
    publish_fact(job, "payment.refunded", bill->root,
                 job_printf(job, "%s %" PRId64, share->row, share->refunded_cents),
                 data);
}

static void
tell(struct job *job, const struct sight *sight, const struct share *share)
{
    if (is_received(share))
        tell_received(job, share);
    if (share->refunded_cents > json_i64_or(share->before, "refunded", 0))
        tell_refunded(job, share);
    bool taken_back =
        strcmp(share->status, "cancelled") == 0
        && strcmp(json_string_or(share->before, "status", ""), "completed") == 0;
    if (taken_back)
        settlement_attention(job, "invoice-ninja.payment-deleted", share->bill->root,
                             "payment %s of %s was deleted or unapplied in Invoice "
                             "Ninja after it had counted",
                             sight->hint->id,
                             ninja_cents_text(job, share->amount_cents));
}

// ---- audits

// A payment that is as it was acted on last: what its row says of it. *mended: the row
// was changed or removed by somebody else, and is written once more.
static bool
audit_row(struct job *job, const struct sight *sight, const struct share *share,
          struct ninja_payment_row *row, bool *mended)
{
    struct json_object *found;
    *mended = false;
    if (!drift_read(&sight->hint->ninja->directus, job, "payments", row->id,
                    "id,amount,refunded_amount,status,external_id", &found))
        return false;
    if (found == NULL && share->booked) {
        settlement_attention(job, "invoice-ninja.payment-row-gone", share->bill->root,
                             "payment %s was booked from a row of Directus that is not "
                             "there any more: delete the payment in Invoice Ninja, or "
                             "enter it again here",
                             sight->hint->id);
        return true;
    }
    if (found == NULL) {
        row->exists = false;
        drift_note(job, "its row in payments was not there");
    } else {
        row->differs = drift_of(job, found, row->differs);
    }
    *mended = found == NULL || json_object_object_length(row->differs) > 0;
    return true;
}

// ---- one link

// Invoice Ninja counts a pending payment as paid: where this one is not the whole sum,
// the others are looked at. Gateways take days, and what we saw of them may be nothing.
static bool
look_beside(struct job *job, const struct sight *sight, struct share *share,
            const struct ninja_figures *figures)
{
    struct json_object *list;
    if (!is_received(share) || strcmp(figures->status, "paid") != 0
        || share->amount_cents >= figures->paid_cents)
        return true;
    if (!ninja_payments_of(job, sight->hint->ninja, sight->hint->company,
                           share->invoice_id, &list))
        return false;
    share->pending_beside = ninja_payments_pending(list, sight->hint->id);
    return true;
}

static bool
act_on(struct job *job, struct sight *sight, struct share *share)
{
    struct ninja_figures figures;
    if (!ninja_invoice_figures(job, share->invoice, &figures)
        || !look_beside(job, sight, share, &figures))
        return false;
    struct ninja_payment_row row = {
        .id = share->row,
        .whole = row_of(job, sight, share),
        .differs = changes_of(job, sight, share),
        .exists = share->before != NULL || share->booked,
        .date =
            is_received(share) ? json_string_or(sight->payment, "date", NULL) : NULL,
        .reference = reference_of(sight),
    };
    bool changed = has_changed(share);
    bool mended = false;
    if (!changed && drift_is_audit(sight->hint->ev)
        && !audit_row(job, sight, share, &row, &mended))
        return false;
    if (!ninja_bill_update(job, sight->hint->ninja, share->bill, &figures,
                           changed || mended ? &row : NULL))
        return false;
    sight->mended = sight->mended || mended;
    remember(job, sight, share);
    if (!changed)
        return true;
    sight->moved = true;
    tell(job, sight, share);
    return true;
}

static bool
take_share(struct job *job, struct sight *sight, const struct ninja_link *link,
           const char *invoice_id)
{
    struct share share = {
        .link = link,
        .invoice_id = invoice_id,
        .before = json_at(sight->before, invoice_id),
        .status = ninja_payment_status(sight->payment, link),
    };
    if (!read_invoice(job, sight, &share))
        return false;
    if (share.invoice == NULL)
        return true;
    if (!ninja_bill_of(job, sight->hint->ninja, sight->hint->company, share.invoice,
                       &share.bill))
        return false;
    if (share.bill == NULL)
        return true;
    // The first invoice of ours decides on the lane: all are of one client.
    if (!sight->ours && strcmp(sight->hint->ev->key, share.bill->lane) != 0) {
        sight->elsewhere = share.bill->lane;
        sight->root = share.bill->root;
        return true;
    }
    sight->ours = true;
    share.row = row_id(job, sight, &share);
    share.amount_cents =
        link != NULL ? link->amount_cents : json_i64_or(share.before, "amount", 0);
    share.refunded_cents =
        link != NULL ? link->refunded_cents : json_i64_or(share.before, "refunded", 0);
    return act_on(job, sight, &share);
}

static bool
take_links(struct job *job, struct sight *sight)
{
    struct ninja_link link;
    size_t i = 0;
    while (sight->elsewhere == NULL && ninja_payment_link(sight->payment, &i, &link))
        if ((link.amount_cents > 0 || json_at(sight->before, link.invoice) != NULL)
            && !take_share(job, sight, &link, link.invoice))
            return false;
    return true;
}

// What was applied before and is not any more: deleted, or moved to another invoice.
static bool
take_lost_links(struct job *job, struct sight *sight)
{
    json_object_object_foreach(sight->before, invoice_id, row)
    {
        (void)row;
        if (sight->elsewhere == NULL && json_at(sight->rows, invoice_id) == NULL
            && !take_share(job, sight, NULL, invoice_id))
            return false;
    }
    return true;
}

// ---- one payment

static bool
begin(struct job *job, struct sight *sight)
{
    const struct ninja_hint *hint = sight->hint;
    sight->entity = ninja_payment_entity(job, hint->company, hint->id);
    struct json_object *state = ledger_state(job, sight->entity);
    if (state == NULL)
        return false;
    sight->before = json_at(state, "rows");
    if (sight->before == NULL)
        sight->before = json_object_in(job);
    sight->rows = json_object_in(job);
    sight->booked =
        ninja_uuid_after(job, json_string_or(sight->payment, "custom_value1", NULL),
                         "directus:payment:");
    return true;
}

// Links are made a moment after the payment, and a webhook may be faster. One that
// stays without is money on account, which is no invoice's.
static bool
is_linked(struct job *job, const struct sight *sight)
{
    const struct ninja *ninja = sight->hint->ninja;
    int64_t made_ms = json_i64_or(sight->payment, "created_at", 0) * 1000;
    struct ninja_link link;
    size_t i = 0;
    if (sight->hint->is_linked || ninja_payment_link(sight->payment, &i, &link)
        || json_object_object_length(sight->before) > 0
        || json_bool_or(sight->payment, "is_deleted", false)
        || clock_wall_ms() - made_ms >= ninja->unlinked_max_ms)
        return true;
    error_retryable(&job->error, "payment %s is applied to no invoice yet",
                    sight->hint->id);
    job->error.retry_after_ms = ninja->unlinked_wait_ms;
    return false;
}

static void
judge_rest(struct job *job, const struct sight *sight)
{
    int64_t amount = ninja_cents(sight->payment, "amount", 0);
    int64_t applied = ninja_cents(sight->payment, "applied", amount);
    if (applied >= amount || json_bool_or(sight->payment, "is_deleted", false)
        || ninja_cents(sight->payment, "refunded", 0) > 0)
        return;
    settlement_attention(
        job, "invoice-ninja.overpaid",
        job_printf(job, "payment:%s:%s", sight->hint->company, sight->hint->id),
        "payment %s: %s of %s is applied to no invoice",
        json_string_or(sight->payment, "number", ""),
        ninja_cents_text(job, amount - applied), ninja_cents_text(job, amount));
}

static void
keep(struct job *job, const struct sight *sight)
{
    struct json_object *state = json_object_in(job);
    json_set(state, "rows", sight->rows);
    json_set_string(state, "stamp", ninja_payment_stamp(job, sight->payment));
    settlement_state(job, sight->entity, state);
    if (sight->mended)
        settlement_note(job, "payment %s %s", sight->hint->id, job->settlement->note);
    else
        settlement_note(job, "payment %s%s", sight->hint->id,
                        sight->moved ? "" : ": nothing new");
    if (!sight->moved)
        return;
    drift_note_moved(job, sight->hint->ev);
    ninja_hint_judge_hook(job, sight->hint,
                          json_i64_or(sight->payment, "updated_at", 0));
}

// Purged there: with nothing to look at, a person decides.
static bool
is_gone(struct job *job, const struct ninja_hint *hint)
{
    struct json_object *state =
        ledger_state(job, ninja_payment_entity(job, hint->company, hint->id));
    if (state == NULL)
        return false;
    struct json_object *rows = json_at(state, "rows");
    settlement_note(job, "payment %s is gone in Invoice Ninja", hint->id);
    if (rows != NULL && json_object_object_length(rows) > 0)
        settlement_attention(job, "invoice-ninja.payment-gone",
                             job_printf(job, "payment:%s:%s", hint->company, hint->id),
                             "payment %s was purged from Invoice Ninja: settle it in "
                             "Directus",
                             hint->id);
    return true;
}

bool
ninja_look_at_payment(struct job *job, const struct ninja_hint *hint)
{
    struct sight sight = {.hint = hint};
    if (!ninja_payment_read(job, hint->ninja, hint->company, hint->id, &sight.payment))
        return false;
    if (sight.payment == NULL)
        return is_gone(job, hint);
    if (!begin(job, &sight) || !is_linked(job, &sight) || !take_links(job, &sight)
        || !take_lost_links(job, &sight))
        return false;
    if (sight.elsewhere != NULL) {
        (void)ninja_sent_on(job, hint->ev, sight.elsewhere, sight.root);
        return true;
    }
    if (sight.ours)
        keep(job, &sight);
    else
        settlement_note(job, "not ours: payment %s", hint->id);
    if (sight.moved || hint->is_linked)
        judge_rest(job, &sight);
    return true;
}

bool
ninja_reconcile_payment(struct job *job, const struct ninja *ninja,
                        const struct event *ev)
{
    struct ninja_hint hint;
    return ninja_hint_read(job, ninja, ev, &hint) && ninja_look_at_payment(job, &hint);
}
