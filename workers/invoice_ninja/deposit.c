#include "workers/invoice_ninja/deposit.h"

#include <inttypes.h>
#include <string.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "workers/invoice_ninja/amount.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/terms.h"

#define QUOTE_FIELDS                                                          \
    "id,status,quote_number,project_type,total,tax_rate,currency,"            \
    "deposit_percentage,deposit_invoice_id,owner_company_id.id,"              \
    "owner_company_id.code,owner_company_id.default_tax_rate,items.quantity," \
    "items.unit_price,items.discount,items.tax_rate," NINJA_PARTY_FIELDS

// One deposit while it is put together.
struct deposit {
    const struct ninja *ninja;
    const char *quote, *root, *company;
    struct json_object *row; // the quote
    struct ninja_party party;
    const char *why_not;      // the quote is not waiting for one; NULL: it is
    struct ninja_terms terms; // where it is
    const char *number;
    struct ninja_client client; // of the first attempt that makes it
    struct ninja_bill *bill;
    struct json_object *made;    // the effect's result; NULL: none yet
    struct json_object *invoice; // as Invoice Ninja has it; NULL: not read yet
};

const char *
ninja_deposit_id(struct job *job, const char *quote)
{
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){quote, "deposit", NULL}, id);
    return id;
}

// ---- what Invoice Ninja is told

static struct json_object *
line_of(struct job *job, const struct deposit *deposit, const struct ninja_part *part)
{
    struct json_object *line = json_object_in(job);
    const char *rate = ninja_percent_text(job, part->rate);
    const char *notes = job_printf(job, "Acompte %s%% - Devis %s",
                                   ninja_percent_text(job, deposit->terms.rule.percent),
                                   json_string_or(deposit->row, "quote_number", ""));
    if (deposit->terms.part_count > 1)
        notes = job_printf(job, "%s (%s %s%%)", notes, deposit->ninja->tax_name, rate);
    json_set_string(line, "product_key", "ACOMPTE");
    json_set_string(line, "notes", notes);
    json_set_i64(line, "quantity", 1);
    json_set(line, "cost", ninja_money(job, part->cents));
    json_set_string(line, "tax_name1", part->rate > 0 ? deposit->ninja->tax_name : "");
    json_set(line, "tax_rate1", ninja_number(job, rate));
    json_set_string(line, "type_id", "1");
    return line;
}

// The deposit holds its VAT already: costs are told with the tax in them.
static struct json_object *
body_of(struct job *job, const struct deposit *deposit)
{
    const struct ninja_terms *terms = &deposit->terms;
    struct json_object *body = json_object_in(job);
    struct json_object *lines = json_array_in(job);
    for (size_t i = 0; i < terms->part_count; i++)
        if (terms->parts[i].cents != 0)
            json_add(lines, line_of(job, deposit, &terms->parts[i]));
    ninja_client_bill(job, &deposit->client, body);
    json_set_string(body, "number", deposit->number);
    json_set_string(body, "po_number",
                    json_string_or(deposit->row, "quote_number", ""));
    json_set_string(body, "date", terms->issue_date);
    json_set_string(body, "due_date", terms->due_date);
    json_set_i64(body, "discount", 0);
    json_set_bool(body, "is_amount_discount", false);
    json_set_bool(body, "uses_inclusive_taxes", true);
    json_set_string(body, "custom_value1",
                    job_printf(job, "directus:invoice:%s", deposit->bill->id));
    json_set_string(body, "custom_value2", deposit->root);
    json_set(body, "line_items", lines);
    return body;
}

// ---- the effect

// Who was billed is part of it: the client of an invoice can never be changed.
static struct json_object *
result_of(struct job *job, const struct deposit *deposit, struct json_object *invoice)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "ninja_id", json_text_or(invoice, "id", ""));
    json_set_string(result, "number", json_string_or(invoice, "number", ""));
    json_set_string(result, "party", deposit->party.id);
    json_set_string(result, "firm", json_string_or(deposit->party.firm, "id", NULL));
    json_set_string(result, "contact",
                    json_string_or(deposit->party.contact, "id", NULL));
    return result;
}

// Of an earlier attempt the party may be another than the quote's by now: its uuid is
// its client's ID number.
static struct json_object *
result_of_earlier(struct job *job, const struct deposit *deposit,
                  struct json_object *invoice)
{
    struct json_object *result = result_of(job, deposit, invoice);
    const char *number = json_string_or(invoice, "client.id_number", "");
    const char *billed = uuid_is(number) ? webhook_lower(job, number) : "";
    const char *client = json_text_or(invoice, "client_id", "");
    bool differs = billed[0] != '\0' && strcmp(billed, deposit->party.id) != 0;
    if (differs) {
        const char *class = json_string_or(invoice, "client.classification", "");
        bool is_person = strcmp(class, "individual") == 0;
        json_set_string(result, "party", billed);
        json_set_string(result, "firm", is_person ? NULL : billed);
        json_set_string(result, "contact", is_person ? billed : NULL);
    }
    if (differs
        || (deposit->client.id != NULL && strcmp(deposit->client.id, client) != 0))
        settlement_attention(job, "invoice-ninja.other-party", deposit->root,
                             "deposit %s is billed to client %s in Invoice Ninja, who "
                             "is not the quote's party (any more): put the party back, "
                             "or delete the invoice and bill it anew",
                             json_string_or(invoice, "number", ""), client);
    return result;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    struct deposit *deposit = ctx;
    struct json_object *made;
    struct json_object *alive = json_array_in(job);
    (void)identity;
    if (!ninja_invoice_find(job, deposit->ninja, deposit->company, deposit->bill->id,
                            &made))
        return false;
    if (json_object_array_length(made) > 0) {
        deposit->invoice = json_object_array_get_idx(made, 0);
        json_add(alive, result_of_earlier(job, deposit, deposit->invoice));
    }
    *found = alive;
    return true;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct deposit *deposit = ctx;
    bool earlier;
    (void)identity;
    deposit->invoice = ninja_invoice_make(job, deposit->ninja, deposit->company,
                                          body_of(job, deposit), &earlier);
    if (deposit->invoice == NULL)
        return NULL;
    return earlier ? result_of_earlier(job, deposit, deposit->invoice)
                   : result_of(job, deposit, deposit->invoice);
}

// One is found at most, so that there is never a surplus.
static const struct effect_kind deposit_made = {
    .name = "invoice-ninja.deposit",
    .find = find,
    .create = create,
};

// ---- what Directus is told

// The row goes in through the quote, which refers to it: one request, and the same one
// again where the row is there already.
static struct json_object *
row_of(struct job *job, const struct deposit *deposit,
       const struct ninja_figures *figures)
{
    struct json_object *row = json_object_in(job);
    struct json_object *lines = json_array_or_null(deposit->invoice, "line_items");
    size_t count = lines != NULL ? json_object_array_length(lines) : 0;
    struct json_object *line = count > 0 ? json_object_array_get_idx(lines, 0) : NULL;
    json_set_string(row, "id", deposit->bill->id);
    json_set_string(row, "invoice_number", figures->number);
    json_set_string(row, "type", "deposit");
    json_set_bool(row, "is_deposit", true);
    json_set_string(row, "company_id", json_string_or(deposit->made, "firm", NULL));
    json_set_string(row, "contact_id", json_string_or(deposit->made, "contact", NULL));
    json_set_string(row, "owner_company", deposit->company);
    json_set_string(row, "quote_id", deposit->quote);
    json_set_string(row, "issue_date", json_string_or(deposit->invoice, "date", NULL));
    json_set_string(row, "due_date", figures->due_date);
    json_set_string(row, "currency", deposit->party.currency);
    json_set_string(row, "amount", ninja_cents_text(job, figures->amount_cents));
    json_set_string(
        row, "amount_net",
        ninja_cents_text(job, figures->amount_cents - figures->taxes_cents));
    json_set_string(row, "tax_amount", ninja_cents_text(job, figures->taxes_cents));
    if (count == 1)
        json_set_string(row, "tax_rate", json_text_or(line, "tax_rate1", NULL));
    json_set_string(row, "description", json_string_or(line, "notes", NULL));
    json_set_string(row, "ninja_updated_at", ninja_instant(job, figures->updated_at));
    json_set_string(row, "ninja_synced_at", ninja_bill_now(job));
    ninja_bill_patch(job, deposit->bill, figures, row);
    return row;
}

static bool
record(struct job *job, const struct deposit *deposit,
       const struct ninja_figures *figures)
{
    struct json_object *patch = json_object_in(job);
    json_set(patch, "deposit_invoice_id", row_of(job, deposit, figures));
    return directus_update(&deposit->ninja->directus, job, "quotes", deposit->quote,
                           patch);
}

// ---- one deposit

static bool
read_quote(struct job *job, struct deposit *deposit)
{
    deposit->row = directus_read(&deposit->ninja->directus, job, "quotes",
                                 deposit->quote, QUOTE_FIELDS);
    if (deposit->row == NULL)
        return false;
    deposit->company =
        json_string_or(deposit->row, "owner_company_id.code", deposit->company);
    return ninja_party_read(job, deposit->company, deposit->row, &deposit->party);
}

// The row of a deposit that is not of our making, or NULL: the quote's, or one that was
// there before us (`relais baseline`).
static const char *
others_deposit(const struct deposit *deposit)
{
    const char *row =
        json_string_or(deposit->row, "deposit_invoice_id",
                       json_string_or(deposit->made, "invoice", deposit->bill->id));
    return strcmp(row, deposit->bill->id) != 0 ? row : NULL;
}

// *done: the quote has a deposit that is none of ours. Where it is not waiting for one,
// none is made any more; what was made before is recorded all the same.
static bool
look_before(struct job *job, struct deposit *deposit, bool *done)
{
    bool failed;
    deposit->made = effect_result(job, deposit_made.name, deposit->root, &failed);
    if (failed)
        return false;
    const char *status = json_string_or(deposit->row, "status", "without status");
    if (strcmp(status, "signed") != 0 && strcmp(status, "awaiting_deposit") != 0)
        deposit->why_not = job_printf(job, "the quote is %.20s, not signed", status);
    const char *other = others_deposit(deposit);
    *done = other != NULL;
    if (*done)
        settlement_note(job, "skipped: the quote has the deposit invoice %s already",
                        other);
    return true;
}

static void
waive(struct job *job, const struct deposit *deposit)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", deposit->company);
    json_set_string(data, "quote", deposit->quote);
    publish_fact(job, "quote.deposit-waived", deposit->root, "", data);
    settlement_note(job, "no deposit: %s", deposit->terms.why_none);
}

// Nothing was made of it that counts, and nothing is.
static bool
end_without(struct job *job, const struct deposit *deposit)
{
    if (deposit->why_not == NULL)
        waive(job, deposit);
    else
        settlement_note(job, "skipped: %s", deposit->why_not);
    return true;
}

static bool
is_wanted(const struct deposit *deposit)
{
    return deposit->why_not == NULL && deposit->terms.cents > 0;
}

// A deposit that was cancelled or deleted since is not made anew by itself.
static bool
refuse_dead(struct job *job, const struct ninja_figures *figures)
{
    error_permanent(&job->error,
                    "the deposit invoice %s of the quote is %s in Invoice Ninja",
                    figures->number, figures->deleted ? "deleted" : "cancelled");
    job->error.http_status = 409;
    job->error.hint = "to bill it anew: delete it in Invoice Ninja, relais effect "
                      "resolve invoice-ninja.deposit <quote> not-done, then replay";
    return false;
}

static bool
read_invoice(struct job *job, struct deposit *deposit, const char *id)
{
    if (!ninja_invoice_read(job, deposit->ninja, deposit->company, id,
                            &deposit->invoice))
        return false;
    if (deposit->invoice != NULL)
        return true;
    error_permanent(&job->error, "the deposit invoice %.20s is gone in Invoice Ninja",
                    id);
    job->error.http_status = 409;
    job->error.hint = "to bill it anew: relais effect resolve invoice-ninja.deposit "
                      "<quote> not-done, then replay";
    return false;
}

// An attempt that was cut between making and sending it left a draft behind.
static bool
have_sent(struct job *job, struct deposit *deposit, struct ninja_figures *figures)
{
    if (!ninja_invoice_figures(job, deposit->invoice, figures))
        return false;
    if (strcmp(figures->status, "draft") != 0)
        return true;
    if (!ninja_invoice_act(job, deposit->ninja, deposit->company, figures->id,
                           "mark_sent")
        || !read_invoice(job, deposit, figures->id))
        return false;
    return ninja_invoice_figures(job, deposit->invoice, figures);
}

// The quote may have changed while the answer was away.
static void
judge(struct job *job, const struct deposit *deposit,
      const struct ninja_figures *figures)
{
    if (deposit->why_not != NULL)
        settlement_attention(job, "deposit.unwanted", deposit->root,
                             "deposit %s was invoiced, and %s: cancel the invoice, "
                             "which was not mailed, or set the quote right and mail it",
                             figures->number, deposit->why_not);
    else if (figures->amount_cents != deposit->terms.cents)
        settlement_attention(job, "invoice-ninja.amount", deposit->root,
                             "deposit %s is %s in Invoice Ninja and %s by the quote",
                             figures->number,
                             ninja_cents_text(job, figures->amount_cents),
                             ninja_cents_text(job, deposit->terms.cents));
}

static void
tell(struct job *job, const struct deposit *deposit,
     const struct ninja_figures *figures)
{
    struct json_object *data = ninja_bill_fact(job, deposit->bill);
    json_set_string(data, "ninja_id", figures->id);
    json_set_string(data, "number", figures->number);
    json_set(data, "amount",
             ninja_money_of(job, figures->amount_cents, deposit->party.currency));
    json_set_string(data, "due_date", figures->due_date);
    publish_fact(job, "deposit.invoiced", deposit->root, "", data);
}

static void
fill_bill(struct job *job, const struct deposit *deposit,
          const struct ninja_figures *figures)
{
    struct ninja_bill *bill = deposit->bill;
    bill->company = deposit->company;
    bill->lane = ninja_lane(job, deposit->company,
                            json_string_or(deposit->made, "party", deposit->party.id));
    bill->root = deposit->root;
    bill->quote = deposit->quote;
    bill->contact = json_string_or(deposit->made, "contact", NULL);
    bill->currency = deposit->party.currency;
    bill->is_deposit = true;
    bill->ninja_id = figures->id;
    ninja_bill_take(job, bill, figures);
}

// Whether it takes the place of another one, which was deleted: a person wanted it
// billed anew. The wish to mail it is the first one's.
static bool
is_anew(struct job *job, const struct deposit *deposit,
        const struct ninja_figures *figures)
{
    struct ninja_bill *bill = deposit->bill;
    if (bill->ninja_id == NULL || strcmp(bill->ninja_id, figures->id) == 0)
        return false;
    bill->number = bill->status = NULL;
    settlement_attention(job, "deposit.billed-anew", deposit->root,
                         "deposit %s was billed anew and is not mailed by itself: mail "
                         "it in Invoice Ninja",
                         figures->number);
    return true;
}

static bool
settle(struct job *job, struct deposit *deposit)
{
    struct ninja_figures figures;
    const char *ninja_id = json_string(job, deposit->made, "ninja_id");
    if (ninja_id == NULL
        || (deposit->invoice == NULL && !read_invoice(job, deposit, ninja_id)))
        return false;
    if (!have_sent(job, deposit, &figures))
        return false;
    if (strcmp(figures.status, "cancelled") == 0)
        return is_wanted(deposit) ? refuse_dead(job, &figures)
                                  : end_without(job, deposit);
    bool before = !is_anew(job, deposit, &figures) && deposit->bill->company != NULL
                  && json_string_or(deposit->row, "deposit_invoice_id", NULL) != NULL;
    if (!before) {
        if (!record(job, deposit, &figures))
            return false;
        fill_bill(job, deposit, &figures);
        judge(job, deposit, &figures);
    }
    settlement_note(job, "deposit invoice %s of %s%s", figures.number,
                    ninja_cents_text(job, figures.amount_cents),
                    before ? ": made before" : "");
    tell(job, deposit, &figures);
    return true;
}

// On what terms it is made: none, where it comes to nothing.
static bool
read_terms(struct job *job, struct deposit *deposit)
{
    if (deposit->why_not != NULL)
        return true;
    if (!ninja_terms_read(job, deposit->ninja, deposit->row, &deposit->terms))
        return false;
    if (deposit->terms.cents == 0)
        return true;
    deposit->number = ninja_number_of(job, deposit->row, "quote_number", "-A");
    return deposit->number != NULL;
}

// The client is made for the first attempt only: the party may be another by now. What
// is not wanted (any more) stays NULL, unless an earlier attempt has made it.
static bool
make(struct job *job, struct deposit *deposit)
{
    bool failed;
    if (deposit->made != NULL)
        return true;
    if (!is_wanted(deposit)) {
        deposit->made =
            effect_made(job, &deposit_made, deposit->root, deposit, &failed);
        return !failed;
    }
    if (!ninja_client_of(job, deposit->ninja, &deposit->party, &deposit->client))
        return false;
    deposit->made = effect_once(job, &deposit_made, deposit->root, deposit);
    return deposit->made != NULL;
}

bool
ninja_deposit_create(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct deposit deposit = {.ninja = ninja, .company = ev->company};
    bool done;
    deposit.quote = ninja_payload_uuid(job, ev, "quote");
    if (deposit.quote == NULL)
        return false;
    deposit.root = job_printf(job, "quote:%s", deposit.quote);
    deposit.bill = ninja_bill_read(job, ninja_deposit_id(job, deposit.quote));
    if (deposit.bill == NULL || !read_quote(job, &deposit))
        return false;
    const char *lane =
        deposit.bill->lane != NULL ? deposit.bill->lane : deposit.party.lane;
    if (ninja_sent_on(job, ev, lane, deposit.root))
        return true;
    if (!look_before(job, &deposit, &done))
        return false;
    if (done)
        return true;
    if (!read_terms(job, &deposit) || !make(job, &deposit))
        return false;
    return deposit.made != NULL ? settle(job, &deposit) : end_without(job, &deposit);
}
