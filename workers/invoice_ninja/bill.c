#include "workers/invoice_ninja/bill.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/payment.h"

const char *
ninja_payload_uuid(struct job *job, const struct event *ev, const char *member)
{
    const char *id = json_string(job, ev->data, member);
    if (id == NULL || uuid_is(id))
        return id != NULL ? webhook_lower(job, id) : NULL;
    error_permanent(&job->error, "%s must be a uuid, not \"%.40s\"", member, id);
    return NULL;
}

bool
ninja_sent_on(struct job *job, const struct event *ev, const char *lane,
              const char *root)
{
    if (strcmp(ev->key, lane) == 0)
        return false;
    settlement_note(job, "sent on to its lane %s", lane);
    publish_rekeyed(job, ev, lane, root);
    return true;
}

static bool
is_same(const char *a, const char *b)
{
    return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static void
find_root(struct job *job, struct ninja_bill *bill)
{
    bill->root =
        bill->quote != NULL ? job_printf(job, "quote:%s", bill->quote) : bill->entity;
}

// ---- what is kept

struct ninja_bill *
ninja_bill_read(struct job *job, const char *id)
{
    const char *entity = job_printf(job, "invoice:%s", id);
    struct json_object *state = ledger_state(job, entity);
    if (state == NULL)
        return NULL;
    struct ninja_bill *bill = job_alloc(job, sizeof *bill);
    *bill = (struct ninja_bill){
        .id = id,
        .entity = entity,
        .company = json_string_or(state, "company", NULL),
        .lane = json_string_or(state, "lane", NULL),
        .quote = json_string_or(state, "quote", NULL),
        .contact = json_string_or(state, "contact", NULL),
        .currency = json_string_or(state, "currency", "CHF"),
        .is_deposit = json_bool_or(state, "is_deposit", false),
        .ninja_id = json_string_or(state, "ninja_id", NULL),
        .number = json_string_or(state, "number", NULL),
        .hash = json_string_or(state, "hash", NULL),
        .status = json_string_or(state, "status", NULL),
        .paid_cents = json_i64_or(state, "paid", 0),
        .balance_cents = json_i64_or(state, "balance", 0),
        .updated_at = json_i64_or(state, "updated_at", 0),
    };
    find_root(job, bill);
    return bill;
}

void
ninja_bill_keep(struct job *job, const struct ninja_bill *bill)
{
    struct json_object *state = json_object_in(job);
    json_set_string(state, "company", bill->company);
    json_set_string(state, "lane", bill->lane);
    json_set_string(state, "quote", bill->quote);
    json_set_string(state, "contact", bill->contact);
    json_set_string(state, "currency", bill->currency);
    json_set_bool(state, "is_deposit", bill->is_deposit);
    json_set_string(state, "ninja_id", bill->ninja_id);
    json_set_string(state, "number", bill->number);
    json_set_string(state, "hash", bill->hash);
    json_set_string(state, "status", bill->status);
    json_set_i64(state, "paid", bill->paid_cents);
    json_set_i64(state, "balance", bill->balance_cents);
    json_set_i64(state, "updated_at", bill->updated_at);
    settlement_state(job, bill->entity, state);
    if (bill->ninja_id == NULL)
        return;
    settlement_ref(job, &(struct settle_ref){.system = "invoice-ninja",
                                             .company = bill->company,
                                             .collection = "client_invoices",
                                             .local_id = bill->id,
                                             .remote_type = "invoice",
                                             .remote_id = bill->ninja_id,
                                             .lane_key = bill->lane});
}

// ---- what Directus says

static const char *
text_of(struct json_object *row, const char *name)
{
    const char *text = json_text_or(row, name, "");
    return text[0] != '\0' ? text : NULL;
}

// A reference, which is an id or the row itself.
static const char *
id_of(struct json_object *row, const char *name)
{
    struct json_object *value = json_at(row, name);
    return json_object_is_type(value, json_type_object) ? text_of(value, "id")
                                                        : text_of(row, name);
}

bool
ninja_bill_take_row(struct job *job, struct ninja_bill *bill, struct json_object *row)
{
    const char *party = id_of(row, "company_id");
    bill->contact = id_of(row, "contact_id");
    if (party == NULL)
        party = bill->contact;
    if (party == NULL) {
        error_permanent(&job->error,
                        "client_invoices %s: neither company_id nor contact_id is set",
                        bill->id);
        job->error.hint = "name the company or the contact, then replay";
        return false;
    }
    bill->company = json_string_or(row, "owner_company", "");
    bill->lane = ninja_lane(job, bill->company, party);
    bill->quote = id_of(row, "quote_id");
    bill->currency = json_string_or(row, "currency", "CHF");
    bill->is_deposit = json_bool_or(row, "is_deposit", false)
                       || is_same(json_string_or(row, "type", ""), "deposit");
    if (bill->ninja_id == NULL) {
        bill->ninja_id = text_of(row, "invoice_ninja_id");
        bill->number = text_of(row, "invoice_ninja_number");
    }
    if (bill->status == NULL && bill->ninja_id != NULL) {
        bill->status = json_string_or(row, "status", "draft");
        bill->paid_cents = ninja_cents(row, "amount_paid", 0);
        bill->balance_cents = ninja_cents(row, "balance", -1);
    }
    find_root(job, bill);
    return true;
}

bool
ninja_bill_fill(struct job *job, const struct ninja *ninja, struct ninja_bill *bill)
{
    if (bill->company != NULL)
        return true;
    struct json_object *row = directus_read(&ninja->directus, job, "client_invoices",
                                            bill->id, NINJA_BILL_FIELDS);
    return row != NULL && ninja_bill_take_row(job, bill, row);
}

// ---- which of ours it is

// Of several that name the same row one is meant. One that was deleted is none any
// more: the deposit was billed anew.
static void
tell_of_copy(struct job *job, struct json_object *invoice,
             const struct ninja_bill *ours)
{
    const char *ninja_id = json_text_or(invoice, "id", "");
    bool deleted = json_bool_or(invoice, "is_deleted", false);
    settlement_note(job, "not ours%s: invoice %s is a copy of %s",
                    deleted ? " any more" : "", ninja_id, ours->ninja_id);
    if (!deleted)
        settlement_attention(
            job, "invoice-ninja.copy", ours->entity,
            "invoice %s in Invoice Ninja is a copy of ours, %s: what is "
            "paid on it does not reach Directus",
            ninja_id, ours->ninja_id);
}

static bool
find_id(struct job *job, const char *company, struct json_object *invoice,
        const char **id)
{
    struct ledger_ref ref;
    *id = ninja_uuid_after(job, json_string_or(invoice, "custom_value1", NULL),
                           "directus:invoice:");
    if (*id != NULL)
        return true;
    if (!ledger_ref_remote(job, "invoice-ninja", company, "invoice",
                           json_text_or(invoice, "id", ""), &ref))
        return false;
    *id = ref.local_id;
    return true;
}

// Made before its owner company was corrected, its client is billed twice.
static void
tell_of_other_company(struct job *job, const char *company, struct json_object *invoice,
                      const struct ninja_bill *ours)
{
    settlement_note(job, "not ours: invoice %s names one of company %s",
                    json_text_or(invoice, "id", ""), ours->company);
    if (ours->company[0] != '\0' && !json_bool_or(invoice, "is_deleted", false))
        settlement_attention(job, "invoice-ninja.other-company", ours->entity,
                             "invoice %s is in the books of %s in Invoice Ninja, and "
                             "of %s in Directus: delete it in those of %s",
                             json_string_or(invoice, "number", ""), company,
                             ours->company, company);
}

bool
ninja_bill_of(struct job *job, const struct ninja *ninja, const char *company,
              struct json_object *invoice, struct ninja_bill **bill)
{
    const char *id;
    const char *ninja_id = json_text_or(invoice, "id", "");
    *bill = NULL;
    if (!find_id(job, company, invoice, &id))
        return false;
    if (id == NULL) {
        settlement_note(job, "not ours: invoice %s was made by hand in Invoice Ninja",
                        ninja_id);
        return true;
    }
    struct ninja_bill *ours = ninja_bill_read(job, id);
    if (ours == NULL || !ninja_bill_fill(job, ninja, ours))
        return false;
    if (strcmp(ours->company, company) != 0) {
        tell_of_other_company(job, company, invoice, ours);
        return true;
    }
    if (ours->ninja_id != NULL && strcmp(ours->ninja_id, ninja_id) != 0) {
        tell_of_copy(job, invoice, ours);
        return true;
    }
    ours->ninja_id = ninja_id;
    *bill = ours;
    return true;
}

// ---- figures

void
ninja_bill_patch(struct job *job, const struct ninja_bill *bill,
                 const struct ninja_figures *figures, struct json_object *patch)
{
    bool first = bill->status == NULL;
    if (first || strcmp(bill->status, figures->status) != 0)
        json_set_string(patch, "status", figures->status);
    if (first || bill->paid_cents != figures->paid_cents)
        json_set_string(patch, "amount_paid",
                        ninja_cents_text(job, figures->paid_cents));
    if (first || bill->balance_cents != figures->balance_cents)
        json_set_string(patch, "balance",
                        ninja_cents_text(job, figures->balance_cents));
    if (bill->number == NULL)
        json_set_string(patch, "invoice_ninja_id", figures->id);
    // A deleted one has lost its number to a "<number>_Deleted".
    if (!figures->deleted && figures->number[0] != '\0'
        && !is_same(bill->number, figures->number))
        json_set_string(patch, "invoice_ninja_number", figures->number);
}

struct json_object *
ninja_bill_fact(struct job *job, const struct ninja_bill *bill)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", bill->company);
    json_set_string(data, "invoice", bill->id);
    json_set_string(data, "quote", bill->quote);
    return data;
}

// What a status says to whoever waits for it. Sent is what was a draft, or unknown,
// before: becoming due later, or a payment that was taken back, sends nothing again.
static const char *
fact_of(const char *before, const char *status)
{
    bool unsent = before == NULL || strcmp(before, "draft") == 0;
    if (is_same(before, status) || strcmp(status, "draft") == 0)
        return NULL;
    if (strcmp(status, "paid") == 0)
        return "invoice.paid";
    if (strcmp(status, "cancelled") == 0)
        return "invoice.cancelled";
    return unsent ? "invoice.sent" : NULL;
}

static void
take(struct job *job, struct ninja_bill *bill, const struct ninja_figures *figures,
     bool settled)
{
    const char *fact = fact_of(bill->status, figures->status);
    if (fact != NULL) {
        struct json_object *data = ninja_bill_fact(job, bill);
        json_set(data, "amount_paid",
                 ninja_money_of(job, figures->paid_cents, bill->currency));
        json_set(data, "balance",
                 ninja_money_of(job, figures->balance_cents, bill->currency));
        if (settled) {
            json_set_bool(data, "is_deposit", bill->is_deposit);
            json_set_bool(data, "fully_paid", true);
        }
        publish_fact(job, fact, bill->root,
                     job_printf(job, "%s %" PRId64, bill->id, figures->updated_at),
                     data);
    }
    bill->status = figures->status;
    bill->paid_cents = figures->paid_cents;
    bill->balance_cents = figures->balance_cents;
    bill->updated_at = figures->updated_at;
    if (!figures->deleted && figures->number[0] != '\0')
        bill->number = figures->number;
    ninja_bill_keep(job, bill);
}

void
ninja_bill_take(struct job *job, struct ninja_bill *bill,
                const struct ninja_figures *figures)
{
    take(job, bill, figures, false);
}

// Whether it becomes paid although no money comes in now: by a credit, or because less
// is billed. Invoice Ninja counts what is pending as paid, too; that tells so when it
// comes through.
static bool
look_whether_settled(struct job *job, const struct ninja *ninja,
                     const struct ninja_bill *bill, const struct ninja_figures *figures,
                     bool *settled)
{
    struct json_object *list;
    *settled = false;
    if (strcmp(figures->status, "paid") != 0 || is_same(bill->status, "paid"))
        return true;
    if (!ninja_payments_of(job, ninja, bill->company, figures->id, &list))
        return false;
    *settled = !ninja_payments_pending(list, NULL);
    return true;
}

// ---- paid by a person's word

void
ninja_bill_flag_paid_by_hand(struct job *job, const struct ninja_bill *bill,
                             const struct ninja_figures *figures)
{
    settlement_attention(job, "invoice-ninja.paid-by-hand", bill->entity,
                         "invoice %s is paid in Directus, but Invoice Ninja knows of "
                         "%s only: add the payment in Directus",
                         figures->number, ninja_cents_text(job, figures->paid_cents));
}

// Whether the row is paid in Directus and no payment was taken back: then it stays so,
// or its client would be dunned. Asked only where it would be opened again.
static bool
look_whether_it_stays_paid(struct job *job, const struct ninja *ninja,
                           const struct ninja_bill *bill,
                           const struct ninja_figures *figures, bool *stays)
{
    bool opens = strcmp(figures->status, "sent") == 0
                 || strcmp(figures->status, "overdue") == 0
                 || strcmp(figures->status, "partial") == 0;
    *stays = false;
    if (!opens || bill->status == NULL || is_same(bill->status, figures->status)
        || figures->paid_cents < bill->paid_cents)
        return true;
    struct json_object *row =
        directus_read(&ninja->directus, job, "client_invoices", bill->id, "id,status");
    if (row == NULL)
        return false;
    *stays = is_same(json_string_or(row, "status", NULL), "paid");
    if (*stays)
        ninja_bill_flag_paid_by_hand(job, bill, figures);
    return true;
}

// ---- one request

// {create, update, delete}: Directus's form for nested rows.
static void
nest(struct job *job, struct json_object *patch, const struct ninja_payment_row *row)
{
    struct json_object *none = json_array_in(job);
    struct json_object *one = json_array_in(job);
    struct json_object *payments = json_object_in(job);
    if (row->exists)
        json_set_string(row->differs, "id", row->id);
    json_add(one, row->exists ? row->differs : row->whole);
    json_set(payments, "create", row->exists ? none : one);
    json_set(payments, "update", row->exists ? one : none);
    json_set(payments, "delete", none);
    json_set(patch, "payments", payments);
}

static bool
write_bill(struct job *job, const struct ninja *ninja, const struct ninja_bill *bill,
           struct json_object *patch, const struct ninja_payment_row *row)
{
    if (row != NULL)
        nest(job, patch, row);
    return directus_update(&ninja->directus, job, "client_invoices", bill->id, patch);
}

// Whether the row is there after all, or is not: an attempt that was cut may have made
// it, a person may have removed it.
static bool
look_for_row(struct job *job, const struct ninja *ninja, struct ninja_payment_row *row)
{
    const struct http_header query[] = {
        {"filter[id][_eq]", row->id}, {"fields", "id"}, {NULL}};
    struct json_object *rows = directus_list(&ninja->directus, job, "payments", query);
    if (rows == NULL)
        return false;
    row->exists = json_object_array_length(rows) > 0;
    return true;
}

static bool
write_again(struct job *job, const struct ninja *ninja, const struct ninja_bill *bill,
            struct json_object *patch, const struct ninja_payment_row *row)
{
    struct error first = job->error;
    struct ninja_payment_row looked = *row;
    bool may_be_it =
        first.http_status == 403 || ninja_refused_for(job, "RECORD_NOT_UNIQUE");
    if (!may_be_it)
        return false;
    error_clear(&job->error);
    if (!look_for_row(job, ninja, &looked))
        return false;
    if (looked.exists == row->exists) {
        job->error = first;
        return false;
    }
    return write_bill(job, ninja, bill, patch, &looked);
}

const char *
ninja_bill_now(struct job *job)
{
    char *text = job_alloc(job, CLOCK_TEXT);
    clock_format(clock_wall_ms(), text);
    return text;
}

bool
ninja_bill_update(struct job *job, const struct ninja *ninja, struct ninja_bill *bill,
                  const struct ninja_figures *figures,
                  const struct ninja_payment_row *row)
{
    struct json_object *patch = json_object_in(job);
    bool received = row != NULL && row->date != NULL;
    bool settled = false;
    bool stays;
    if ((!received && !look_whether_settled(job, ninja, bill, figures, &settled))
        || !look_whether_it_stays_paid(job, ninja, bill, figures, &stays))
        return false;
    ninja_bill_patch(job, bill, figures, patch);
    if (stays)
        json_object_object_del(patch, "status");
    if (row != NULL || json_object_object_length(patch) > 0) {
        json_set_string(patch, "ninja_updated_at",
                        ninja_instant(job, figures->updated_at));
        json_set_string(patch, "ninja_synced_at", ninja_bill_now(job));
        if (row != NULL && row->date != NULL) {
            json_set_string(patch, "payment_date", row->date);
            json_set_string(patch, "payment_reference", row->reference);
        }
        if (!write_bill(job, ninja, bill, patch, row)
            && (row == NULL || !write_again(job, ninja, bill, patch, row)))
            return false;
    }
    take(job, bill, figures, settled);
    return true;
}
