#include "workers/invoice_ninja/mirror.h"

#include <string.h>
#include <strings.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/ninja.h"

// One mirroring.
struct mirror {
    const struct ninja *ninja;
    const struct event *ev;
    struct json_object *row; // of client_invoices
    struct ninja_party party;
    struct ninja_bill *bill;
    struct json_object *body;
    const char *hash;
    struct json_object *invoice; // as Invoice Ninja has it
    int64_t coming_cents;        // of payments that are booked there next
};

// ---- the effect

static struct json_object *
result_of(struct job *job, struct json_object *invoice)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "ninja_id", json_text_or(invoice, "id", ""));
    json_set_string(result, "number", json_string_or(invoice, "number", ""));
    return result;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    struct mirror *mirror = ctx;
    struct json_object *made;
    struct json_object *alive = json_array_in(job);
    (void)identity;
    if (!ninja_invoice_find(job, mirror->ninja, mirror->party.company, mirror->bill->id,
                            &made))
        return false;
    if (json_object_array_length(made) > 0)
        json_add(alive, result_of(job, json_object_array_get_idx(made, 0)));
    *found = alive;
    return true;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct mirror *mirror = ctx;
    bool earlier;
    (void)identity;
    struct json_object *invoice = ninja_invoice_make(
        job, mirror->ninja, mirror->party.company, mirror->body, &earlier);
    mirror->invoice = earlier ? NULL : invoice;
    return invoice != NULL ? result_of(job, invoice) : NULL;
}

// One is found at most, so that there is never a surplus.
static const struct effect_kind invoice_made = {
    .name = "invoice-ninja.invoice",
    .find = find,
    .create = create,
};

// ---- made or changed

static bool
change(struct job *job, struct mirror *mirror)
{
    mirror->invoice = ninja_invoice_update(job, mirror->ninja, mirror->party.company,
                                           mirror->bill->ninja_id, mirror->body);
    return mirror->invoice != NULL;
}

// The client of an invoice can never be changed in Invoice Ninja.
static bool
refuse_party(struct job *job, const struct mirror *mirror, const char *number,
             const char *billed)
{
    error_permanent(
        &job->error,
        "invoice %s is billed to %s in Invoice Ninja, and to %s in Directus", number,
        billed, mirror->party.lane);
    job->error.http_status = 409;
    job->error.hint =
        "Invoice Ninja cannot change who is billed: put the party back, or "
        "cancel this invoice and make another one";
    return false;
}

static bool
is_clients(struct job *job, const struct mirror *mirror, const char *client)
{
    const char *billed = json_text_or(mirror->invoice, "client_id", "");
    return strcmp(billed, client) == 0
           || refuse_party(job, mirror, json_string_or(mirror->invoice, "number", ""),
                           job_printf(job, "client %s", billed));
}

static bool
make(struct job *job, struct mirror *mirror)
{
    struct ninja_client client;
    if (!ninja_client_of(job, mirror->ninja, &mirror->party, &client))
        return false;
    ninja_client_bill(job, &client, mirror->body);
    struct json_object *result =
        effect_once(job, &invoice_made, mirror->bill->entity, mirror);
    if (result == NULL)
        return false;
    const char *id = json_string(job, result, "ninja_id");
    mirror->bill->ninja_id = id;
    if (id == NULL || strcmp(json_text_or(mirror->invoice, "id", ""), id) == 0)
        return id != NULL;
    // Made by an earlier attempt: it may have been another body, and another client.
    json_object_object_del(mirror->body, "client_id");
    json_object_object_del(mirror->body, "invitations");
    return change(job, mirror) && is_clients(job, mirror, client.id);
}

// ---- what was paid before

static void
book(struct job *job, const struct mirror *mirror, const char *payment)
{
    const struct ninja_bill *bill = mirror->bill;
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", bill->company);
    json_set_string(data, "payment", payment);
    publish_command(job, &(struct publish_command){
                             .type = "invoice-ninja.payment.create",
                             .key = bill->lane,
                             .subject = bill->root,
                             .cause = event_identity(mirror->ev),
                             .step = payment,
                             .data = data,
                         });
}

// An invoice may be paid before it is in Invoice Ninja: as a draft, or because its
// company had no key. Each payment goes the way of one that is entered from now on.
static bool
book_payments(struct job *job, struct mirror *mirror)
{
    const struct http_header query[] = {{"filter[invoice_id][_eq]", mirror->bill->id},
                                        {"filter[status][_eq]", "completed"},
                                        {"fields", "id,source,amount"},
                                        {"sort", "payment_date,id"},
                                        {"limit", "-1"},
                                        {NULL}};
    struct json_object *rows =
        directus_list(&mirror->ninja->directus, job, "payments", query);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (strcmp(json_string_or(row, "source", ""), "invoice_ninja") == 0)
            continue;
        mirror->coming_cents += ninja_cents(row, "amount", 0);
        book(job, mirror, json_string_or(row, "id", ""));
    }
    return true;
}

// ---- what becomes of it

static void
judge_amount(struct job *job, const struct mirror *mirror,
             const struct ninja_figures *figures)
{
    int64_t amount = ninja_cents(mirror->row, "amount", figures->amount_cents);
    if (amount == figures->amount_cents)
        return;
    settlement_attention(job, "invoice-ninja.amount", mirror->bill->entity,
                         "invoice %s is %s in Invoice Ninja and %s in Directus",
                         figures->number, ninja_cents_text(job, figures->amount_cents),
                         ninja_cents_text(job, amount));
}

// Paid in Directus by a person's word alone: Invoice Ninja, which knows of no payment,
// does not take that back.
static void
judge_payment(struct job *job, const struct mirror *mirror,
              const struct ninja_figures *figures)
{
    struct ninja_bill *bill = mirror->bill;
    if (strcmp(json_string_or(mirror->row, "status", ""), "paid") != 0
        || strcmp(figures->status, "paid") == 0)
        return;
    if (bill->status == NULL)
        bill->status = figures->status;
    if (mirror->coming_cents < figures->balance_cents)
        ninja_bill_flag_paid_by_hand(job, bill, figures);
}

static bool
settle(struct job *job, struct mirror *mirror, const char *action)
{
    struct ninja_figures figures;
    struct ninja_bill *bill = mirror->bill;
    if (!ninja_invoice_figures(job, mirror->invoice, &figures))
        return false;
    bill->hash = mirror->hash;
    judge_payment(job, mirror, &figures);
    if (!ninja_bill_update(job, mirror->ninja, bill, &figures, NULL))
        return false;
    judge_amount(job, mirror, &figures);
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", bill->company);
    json_set_string(data, "invoice", bill->id);
    json_set_string(data, "ninja_id", bill->ninja_id);
    json_set_string(data, "number", bill->number);
    publish_fact(job, "invoice.synced", bill->root,
                 job_printf(job, "%s %s", bill->id, mirror->hash), data);
    settlement_note(job, "invoice %s %s in Invoice Ninja", bill->number, action);
    return true;
}

// ---- made, and not wanted any more

static bool
take_over(struct job *job, const struct ninja *ninja, struct ninja_bill *bill,
          struct json_object *invoice)
{
    struct ninja_figures figures;
    struct json_object *patch = json_object_in(job);
    if (!ninja_invoice_figures(job, invoice, &figures))
        return false;
    json_set_string(patch, "invoice_ninja_id", figures.id);
    json_set_string(patch, "invoice_ninja_number", figures.number);
    if (!directus_update(&ninja->directus, job, "client_invoices", bill->id, patch))
        return false;
    bill->ninja_id = figures.id;
    ninja_bill_take(job, bill, &figures);
    settlement_note(job, "invoice %s had been made in Invoice Ninja", figures.number);
    return true;
}

bool
ninja_mirror_take_made(struct job *job, const struct ninja *ninja,
                       struct ninja_bill *bill)
{
    bool failed;
    struct json_object *living;
    struct mirror mirror = {
        .ninja = ninja, .bill = bill, .party = {.company = bill->company}};
    if (bill->ninja_id != NULL
        || ninja_company_key(ninja->companies, bill->company) == NULL)
        return true;
    if (effect_made(job, &invoice_made, bill->entity, &mirror, &failed) == NULL)
        return !failed;
    // What was deleted since is nothing.
    if (!ninja_invoice_find(job, ninja, bill->company, bill->id, &living))
        return false;
    return json_object_array_length(living) == 0
           || take_over(job, ninja, bill, json_object_array_get_idx(living, 0));
}

// Nobody cancels what is a draft here: a person must.
static bool
leave(struct job *job, const struct mirror *mirror, const char *why)
{
    struct ninja_bill *bill = mirror->bill;
    bool unknown = bill->ninja_id == NULL;
    settlement_note(job, "%s", why);
    if (!ninja_mirror_take_made(job, mirror->ninja, bill))
        return false;
    if (unknown && bill->ninja_id != NULL && strcmp(bill->status, "cancelled") != 0
        && strcmp(json_string_or(mirror->row, "status", "draft"), "draft") == 0)
        settlement_attention(job, "invoice-ninja.status-differs", bill->entity,
                             "invoice %s is a draft in Directus and %s in Invoice "
                             "Ninja: cancel it there, or send it here",
                             bill->number, bill->status);
    return true;
}

// ---- whether

static bool
party_has_changed(struct job *job, const struct mirror *mirror)
{
    const struct ninja_bill *bill = mirror->bill;
    const char *name = bill->number != NULL ? bill->number : bill->ninja_id;
    return bill->ninja_id != NULL && strcmp(bill->lane, mirror->party.lane) != 0
           && !refuse_party(job, mirror, name, bill->lane);
}

// Nor can its currency, which is the client's.
static bool
currency_has_changed(struct job *job, const struct mirror *mirror)
{
    const struct ninja_bill *bill = mirror->bill;
    if (bill->ninja_id == NULL
        || strcasecmp(bill->currency, mirror->party.currency) == 0)
        return false;
    error_permanent(&job->error,
                    "currency: invoice %s is billed in %.10s in Invoice Ninja, and in "
                    "%.10s in Directus",
                    bill->number != NULL ? bill->number : bill->ninja_id,
                    bill->currency, mirror->party.currency);
    job->error.http_status = 409;
    job->error.hint = "put the currency back, or cancel this invoice and make another "
                      "one";
    return true;
}

// Why there is nothing to mirror, or NULL.
static const char *
why_not(struct job *job, const struct mirror *mirror)
{
    const char *status = json_string_or(mirror->row, "status", "draft");
    const struct ninja_bill *bill = mirror->bill;
    if (ninja_company_key(mirror->ninja->companies, mirror->party.company) == NULL)
        return job_printf(job, "company %s has no key of Invoice Ninja: not mirrored",
                          mirror->party.company);
    if (bill->ninja_id == NULL && strcmp(status, "draft") == 0)
        return "a draft is not mirrored";
    // Known without a hash: it was taken over, and is cancelled there as it is.
    if (bill->hash == NULL && strcmp(status, "cancelled") == 0)
        return "cancelled before it was mirrored";
    return NULL;
}

// A deposit is made here, never mirrored back: only its reference is put right.
static bool
refresh_deposit(struct job *job, const struct mirror *mirror)
{
    if (mirror->bill->ninja_id != NULL)
        ninja_bill_keep(job, mirror->bill);
    settlement_note(job, "a deposit is not mirrored back");
    return true;
}

static bool
begin(struct job *job, const struct event *ev, struct mirror *mirror)
{
    const char *id = ninja_payload_uuid(job, ev, "invoice");
    if (id == NULL)
        return false;
    mirror->bill = ninja_bill_read(job, id);
    mirror->row = mirror->bill == NULL
                      ? NULL
                      : directus_read(&mirror->ninja->directus, job, "client_invoices",
                                      id, NINJA_MIRROR_FIELDS "," NINJA_PARTY_FIELDS);
    if (mirror->row == NULL)
        return false;
    const char *company = json_string_or(mirror->row, "owner_company", ev->company);
    return ninja_party_read(job, company, mirror->row, &mirror->party)
           && (mirror->bill->hash != NULL
               || (mirror->bill->lane != NULL && mirror->bill->ninja_id != NULL)
               || ninja_bill_take_row(job, mirror->bill, mirror->row));
}

// Hashed is what Invoice Ninja is told, so that an echo of our own writes is nothing.
static bool
has_changed(struct job *job, struct mirror *mirror, bool *changed)
{
    mirror->body = ninja_mirror_body(job, mirror->ninja, mirror->row);
    if (mirror->body == NULL)
        return false;
    mirror->hash = json_hash(job, mirror->body);
    *changed = mirror->bill->ninja_id == NULL || mirror->bill->hash == NULL
               || strcmp(mirror->bill->hash, mirror->hash) != 0;
    return true;
}

bool
ninja_mirror(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct mirror mirror = {.ninja = ninja, .ev = ev};
    bool changed;
    if (!begin(job, ev, &mirror))
        return false;
    const struct ninja_bill *bill = mirror.bill;
    if (ninja_sent_on(job, ev, bill->lane, bill->root))
        return true;
    if (bill->is_deposit)
        return refresh_deposit(job, &mirror);
    const char *why = why_not(job, &mirror);
    if (why != NULL)
        return leave(job, &mirror, why);
    if (party_has_changed(job, &mirror) || currency_has_changed(job, &mirror)
        || !has_changed(job, &mirror, &changed))
        return false;
    if (!changed) {
        settlement_note(job, "invoice %s: unchanged", bill->number);
        return true;
    }
    if (bill->ninja_id != NULL)
        return change(job, &mirror) && settle(job, &mirror, "updated");
    return make(job, &mirror) && book_payments(job, &mirror)
           && settle(job, &mirror, "created");
}
