// An audit of an invoice: its row in Directus is compared with Invoice Ninja's figures,
// whatever was acted on before.
#include <string.h>

#include "common/drift.h"
#include "common/json.h"
#include "common/settlement.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/reconcile.h"

#define FIELDS "id,status,amount_paid,balance,invoice_ninja_id,invoice_ninja_number"

static bool
is(const char *text, const char *other)
{
    return strcmp(text, other) == 0;
}

// Whether a person may have meant the row's status, although it did not come about in
// Invoice Ninja: it was paid elsewhere, cancelled, or said to be sent.
static bool
is_meant(const char *status, const char *real)
{
    if (is(status, real) || is(real, "cancelled"))
        return false;
    return is(status, "cancelled") || (is(status, "paid") && !is(real, "draft"))
           || (is(status, "sent") && is(real, "draft"));
}

static void
flag_meant(struct job *job, const struct ninja_bill *bill,
           const struct ninja_figures *figures, const char *status)
{
    if (is(status, "paid"))
        ninja_bill_flag_paid_by_hand(job, bill, figures);
    else
        settlement_attention(
            job, "invoice-ninja.status-differs", bill->entity,
            "invoice %s is %s in Directus and %s in Invoice Ninja: set "
            "it there, or take it back here",
            figures->number, status, figures->status);
}

static void
want(struct job *job, const struct ninja_figures *figures, struct json_object *wanted)
{
    json_set_string(wanted, "amount_paid", ninja_cents_text(job, figures->paid_cents));
    json_set_string(wanted, "balance", ninja_cents_text(job, figures->balance_cents));
    json_set_string(wanted, "invoice_ninja_id", figures->id);
    // A deleted one has lost its number.
    if (!figures->deleted && figures->number[0] != '\0')
        json_set_string(wanted, "invoice_ninja_number", figures->number);
}

static bool
audit_quote(struct job *job, const struct ninja *ninja, const struct ninja_bill *bill)
{
    struct json_object *row;
    struct json_object *wanted = json_object_in(job);
    if (!drift_read(&ninja->directus, job, "quotes", bill->quote,
                    "id,deposit_invoice_id", &row))
        return false;
    if (row == NULL)
        return true;
    json_set_string(wanted, "deposit_invoice_id", bill->id);
    return drift_mend(&ninja->directus, job, "quotes", row, wanted);
}

bool
ninja_audit_bill(struct job *job, const struct ninja *ninja,
                 const struct ninja_bill *bill, const struct ninja_figures *figures)
{
    struct json_object *row;
    struct json_object *wanted = json_object_in(job);
    if (!drift_read(&ninja->directus, job, "client_invoices", bill->id, FIELDS, &row))
        return false;
    if (row == NULL)
        return true;
    const char *status = json_string_or(row, "status", "");
    want(job, figures, wanted);
    if (is_meant(status, figures->status))
        flag_meant(job, bill, figures, status);
    else
        json_set_string(wanted, "status", figures->status);
    struct json_object *patch = drift_of(job, row, wanted);
    if (json_object_object_length(patch) > 0) {
        json_set_string(patch, "ninja_synced_at", ninja_bill_now(job));
        if (!directus_update(&ninja->directus, job, "client_invoices", bill->id, patch))
            return false;
    }
    return !bill->is_deposit || bill->quote == NULL || is(figures->status, "cancelled")
           || audit_quote(job, ninja, bill);
}
