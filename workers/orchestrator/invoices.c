// workers/orchestrator/invoices.c - invoices and their items that moved.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/orchestrator/mirror.h"

#define INVOICE_FIELDS                                                        \
    "id,status,type,is_deposit,company_id,contact_id,invoice_ninja_id,"       \
    "invoice_number,issue_date,due_date,currency,amount,amount_net,tax_rate," \
    "tax_amount,description,owner_company,ninja_synced_at"

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

// Deposit invoices are made by Invoice Ninja's worker and never sent back.
static const char *
why_not_mirrored(struct json_object *row)
{
    if (orchestrator_is_deposit(row))
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

// Invoice Ninja's worker notes beside every status that it has seen it there.
static bool
is_seen_there(const struct orchestrator_look *look)
{
    const struct orchestrator_change *change = &look->change;
    const char *after = json_string_or(change->after, "ninja_synced_at", "");
    return strcmp(json_string_or(change->before, "ninja_synced_at", ""), after) != 0;
}

// A person's wish for what Invoice Ninja does by actions.
static bool
is_wished(const struct orchestrator_look *look)
{
    return strcmp(look->status, look->status_before) != 0 && !is_seen_there(look)
           && (strcmp(look->status, "sent") == 0
               || strcmp(look->status, "cancelled") == 0);
}

// What is billed by the items.
static bool
hash_items(struct job *job, const struct orchestrator *o, const char *invoice,
           const char **hash)
{
    const struct http_header query[] = {
        {"filter[invoice_id][_eq]", invoice},
        {"fields", "id,sort,product_code,description,quantity,unit_price,discount,"
                   "tax_rate"},
        {"sort", "sort,id"},
        {"limit", "-1"},
        {NULL}};
    struct json_object *items =
        directus_list(&o->directus, job, "invoice_items", query);
    if (items == NULL)
        return false;
    struct json_object *all = json_object_in(job);
    json_set(all, "items", items);
    *hash = json_hash(job, all);
    return true;
}

static bool
pass_wish(struct job *job, struct orchestrator_occasion *occasion,
          const struct orchestrator_look *look)
{
    occasion->when = WHEN_INVOICE_STATUS;
    occasion->to = look->status;
    return orchestrator_chain(job, occasion);
}

// Paid by a person's word: without a payment Invoice Ninja never hears of it.
static bool
judge_paid(struct job *job, const struct orchestrator *o,
           const struct orchestrator_look *look)
{
    struct json_object *all;
    bool fully;
    if (strcmp(look->status, "paid") != 0 || strcmp(look->status_before, "paid") == 0
        || is_seen_there(look)
        || json_text_or(look->row, "invoice_ninja_id", "")[0] == '\0')
        return true;
    if (!orchestrator_paid(job, o, look->change.key, look->row, &all, &fully))
        return false;
    if (!fully)
        settlement_attention(job, "invoice-ninja.paid-by-hand", look->memory.entity,
                             "set to paid in Directus, and no payments there come to "
                             "its amount: add what was paid");
    return true;
}

// A deposit that a person cancels is cancelled; as a new row its status is its maker's.
static bool
follow_deposit(struct job *job, const struct event *ev, const struct orchestrator *o,
               struct orchestrator_look *look)
{
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &invoices, look, WHEN_INVOICE_STATUS);
    if (!judge_paid(job, o, look))
        return false;
    if (look->status_before[0] != '\0' && is_wished(look))
        return pass_wish(job, &occasion, look);
    settlement_note(job, "a deposit is not mirrored back");
    return true;
}

static bool
follow_invoice(struct job *job, const struct event *ev, const struct orchestrator *o,
               struct orchestrator_look *look)
{
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &invoices, look, WHEN_INVOICE_BILLED);

    if (!judge_paid(job, o, look))
        return false;
    if (!was_mirrored(look)
        && (!hash_items(job, o, occasion.id, &look->memory.items)
            || !orchestrator_chain(job, &occasion)))
        return false;
    look->memory.hash = look->hash;
    if (is_wished(look))
        return pass_wish(job, &occasion, look);
    if (occasion.said == NULL)
        settlement_note(job, "no billed field differs");
    return true;
}

// An invoice moved.
// In:    directus.client_invoices.* {collection, key, old, new}
// Out:   invoice-ninja.invoice.sync, invoice-ninja.invoice.status; the timer of its
//        reminders
// Again: the memory has the hash of the billed fields, the status and the due date.
bool
orchestrator_invoice(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look;
    if (!orchestrator_mirror_look(job, ev, state, &invoices, &look))
        return false;
    if (look.row == NULL)
        return true;
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, state, &invoices, &look, "");
    orchestrator_timer_follow_invoice(job, &occasion);
    const char *why = why_not_mirrored(look.row);
    if (orchestrator_is_deposit(look.row)) {
        if (!follow_deposit(job, ev, state, &look))
            return false;
    } else if (why != NULL) {
        settlement_note(job, "%s", why);
    } else if (!follow_invoice(job, ev, state, &look)) {
        return false;
    }
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

static bool
follow_items(struct job *job, const struct event *ev, const struct orchestrator *o,
             struct orchestrator_look *look, const char *invoice)
{
    const char *items;
    look->change.key = invoice;
    if (!orchestrator_remember(job, job_printf(job, "invoice:%s", invoice),
                               &look->memory)
        || !hash_items(job, o, invoice, &items))
        return false;
    if (strcmp(items, look->memory.items) == 0) {
        settlement_note(job, "no billed item differs");
        return true;
    }
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &invoices, look, WHEN_INVOICE_BILLED);
    if (!orchestrator_chain(job, &occasion))
        return false;
    look->memory.items = items;
    if (look->memory.status[0] == '\0')
        look->memory.status = json_string_or(look->row, "status", "");
    orchestrator_keep(job, &look->memory);
    return true;
}

// An item of an invoice moved: the invoice is what is billed.
// In:    directus.invoice_items.* {collection, key, old, new}
// Out:   invoice-ninja.invoice.sync
// Again: the memory has the hash of the items; the command's id hangs on the change.
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
    if (why == NULL)
        return follow_items(job, ev, o, &look, invoice);
    settlement_note(job, "%s", why);
    return true;
}
