// workers/orchestrator/invoices.c - invoices, their items, and payments that moved.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/orchestrator/mirror.h"

#define INVOICE_FIELDS                                                        \
    "id,status,type,is_deposit,company_id,contact_id,invoice_ninja_id,"       \
    "invoice_number,issue_date,due_date,currency,amount,amount_net,tax_rate," \
    "tax_amount,description,owner_company"

// The billed fields: what the client sees on the invoice.
static const char *const invoice_watched[] = {
    "company_id", "contact_id", "invoice_number", "issue_date",
    "due_date",   "currency",   "amount",         "amount_net",
    "tax_rate",   "tax_amount", "description",    NULL,
};
static const struct orchestrator_mirror invoices = {
    .prefix = "invoice:",
    .noun = "invoice",
    .watched = invoice_watched,
    .fields = INVOICE_FIELDS,
};

static const char *const payment_watched[] = {"amount", NULL};
static const struct orchestrator_mirror payments = {
    .prefix = "payment:",
    .noun = "payment",
    .watched = payment_watched,
    .fields = "id,status,source,amount,invoice_id,owner_company",
};

// Deposit invoices are made by Invoice Ninja's worker and never sent back.
static const char *
why_not_mirrored(struct json_object *row)
{
    if (json_bool_or(row, "is_deposit", false)
        || strcmp(json_string_or(row, "type", ""), "deposit") == 0)
        return "a deposit is not mirrored back";
    if (strcmp(json_string_or(row, "status", "draft"), "draft") == 0)
        return "a draft is not mirrored";
    return NULL;
}

static bool
was_mirrored(const struct orchestrator_look *look)
{
    return !look->differs && strcmp(look->status_before, "draft") != 0
           && look->status_before[0] != '\0';
}

static bool
follow_invoice(struct job *job, const struct event *ev, const struct orchestrator *o,
               struct orchestrator_look *look)
{
    bool moved = strcmp(look->status, look->status_before) != 0
                 && (strcmp(look->status, "sent") == 0
                     || strcmp(look->status, "cancelled") == 0);
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &invoices, look, WHEN_INVOICE_BILLED);

    if (!was_mirrored(look) && !orchestrator_chain(job, &occasion))
        return false;
    look->memory.hash = look->hash;
    if (!moved) {
        if (occasion.said == NULL)
            settlement_note(job, "no billed field differs");
        return true;
    }
    occasion.when = WHEN_INVOICE_STATUS;
    occasion.to = look->status;
    return orchestrator_chain(job, &occasion);
}

// An invoice moved.
// In:    directus.client_invoices.* {collection, key, old, new}
// Out:   invoice-ninja.invoice.sync, invoice-ninja.invoice.status
// Again: the memory has the hash of the billed fields and the status.
bool
orchestrator_invoice(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look;
    if (!orchestrator_mirror_look(job, ev, state, &invoices, &look))
        return false;
    if (look.row == NULL)
        return true;
    const char *why = why_not_mirrored(look.row);
    if (why != NULL)
        settlement_note(job, "%s", why);
    else if (!follow_invoice(job, ev, state, &look))
        return false;
    orchestrator_mirror_keep(job, &look);
    return true;
}

static bool
read_item_parent(struct job *job, const struct orchestrator *o,
                 const struct orchestrator_change *change, const char **invoice)
{
    struct json_object *row = change->after != NULL ? change->after : change->before;
    *invoice = json_string_or(row, "invoice_id", "");
    if (uuid_is(*invoice) || change->operation == CHANGE_DELETE)
        return true;
    if (!orchestrator_row(job, o, "invoice_items", change->key, "id,invoice_id", &row))
        return false;
    *invoice = json_string_or(row, "invoice_id", "");
    return true;
}

// An item of an invoice moved: the invoice is what is billed.
// In:    directus.invoice_items.* {collection, key, old, new}
// Out:   invoice-ninja.invoice.sync
// Again: the command's id hangs on the change, and its receiver compares contents.
bool
orchestrator_invoice_item(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look = {0};
    const struct orchestrator *o = state;
    const char *invoice;
    bool ignore;
    if (!orchestrator_change_read(job, ev, o, &look.change, &ignore))
        return false;
    if (ignore)
        return true;
    if (!read_item_parent(job, o, &look.change, &invoice))
        return false;
    if (!uuid_is(invoice)) {
        settlement_note(job, "its invoice is not known");
        return true;
    }
    if (!orchestrator_row(job, o, "client_invoices", invoice, INVOICE_FIELDS,
                          &look.row))
        return false;
    const char *why =
        look.row == NULL ? "its invoice is gone" : why_not_mirrored(look.row);
    if (why != NULL) {
        settlement_note(job, "%s", why);
        return true;
    }
    look.change.key = invoice;
    look.memory.entity = job_printf(job, "invoice:%s", invoice);
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &invoices, &look, WHEN_INVOICE_BILLED);
    return orchestrator_chain(job, &occasion);
}

// Booked where the invoice is mirrored, or Invoice Ninja's next figures would un-pay
// it.
static bool
book_payment(struct job *job, const struct event *ev, const struct orchestrator *o,
             struct orchestrator_look *look)
{
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &payments, look, WHEN_PAYMENT_BOOKED);
    if (orchestrator_runs(o, "invoice-ninja")) {
        const char *invoice = json_string_or(look->row, "invoice_id", "");
        if (!orchestrator_row(job, o, "client_invoices", invoice,
                              "id,invoice_ninja_id,company_id,contact_id",
                              &occasion.row))
            return false;
        if (json_text_or(occasion.row, "invoice_ninja_id", "")[0] == '\0') {
            settlement_note(job,
                            "its invoice is not in Invoice Ninja: nothing to book");
            return true;
        }
    }
    return orchestrator_chain(job, &occasion);
}

// A payment moved.
// In:    directus.payments.* {collection, key, old, new}
// Out:   invoice-ninja.payment.create for one that a person made
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
