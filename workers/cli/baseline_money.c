// workers/cli/baseline_money.c - what is in Invoice Ninja already, as its worker keeps
// it: nothing there bears our mark, so what is paid on it would be nobody's.
//
// An invoice gets its reference, a deposit a confirmed effect, so that its quote gets
// no second one, and a payment what was acted on of it, so that it is not told again.
#include <string.h>
#include <sysexits.h>

#include "common/json.h"
#include "common/money.h"
#include "common/uuid.h"
#include "workers/cli/baseline.h"

static const struct baseline_query invoices = {
    "client_invoices",
    "id,status,type,is_deposit,owner_company,company_id,contact_id,quote_id,"
    "invoice_ninja_id,invoice_ninja_number",
    "filter[invoice_ninja_id][_nnull]", "true"};
static const struct baseline_query payments = {
    "payments",
    "id,status,amount,refunded_amount,external_id,invoice_id.id,"
    "invoice_id.owner_company,invoice_id.invoice_ninja_id",
    "filter[external_id][_nnull]", "true"};
static const struct baseline_query waiting = {
    "quotes",
    "id,deposit_invoice_id.quote_id,deposit_invoice_id.type,"
    "deposit_invoice_id.is_deposit,deposit_invoice_id.invoice_ninja_id",
    "filter[status][_in]", "signed,awaiting_deposit"};

// One column per array, one entry per row.
struct batch {
    struct pg_array columns[4];
};

static void
batch_begin(struct batch *batch)
{
    for (size_t i = 0; i < 4; i++)
        pg_array_begin(&batch->columns[i], PG_TYPE_TEXT);
}

static void
batch_add(struct batch *batch, const char *const entries[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        pg_array_text(&batch->columns[i], entries[i]);
}

static void
batch_end(struct batch *batch)
{
    for (size_t i = 0; i < 4; i++)
        pg_array_end(&batch->columns[i]);
}

static bool
batch_write(struct baseline *baseline, struct batch *batch, const char *sql, int count,
            int64_t *inserted, int *status)
{
    struct pg_array *arrays[4];
    for (int i = 0; i < count; i++)
        arrays[i] = &batch->columns[i];
    return baseline_insert(baseline->cli, sql, arrays, count, inserted, status);
}

// ---- invoices and deposits

static bool
is_deposit(struct json_object *invoice)
{
    return json_bool_or(invoice, "is_deposit", false)
           || strcmp(json_string_or(invoice, "type", ""), "deposit") == 0;
}

// As the deposit's effect has it, and our row, which has another id than the one that
// the worker would have given it.
static struct json_object *
deposit_of(struct job *job, struct json_object *row, const char *party)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "ninja_id", json_text_or(row, "invoice_ninja_id", ""));
    json_set_string(result, "number", json_text_or(row, "invoice_ninja_number", ""));
    json_set_string(result, "party", party);
    json_set_string(result, "firm", json_string_or(row, "company_id", NULL));
    json_set_string(result, "contact", json_string_or(row, "contact_id", NULL));
    json_set_string(result, "invoice", json_string_or(row, "id", ""));
    return result;
}

static void
add_invoice(struct baseline *baseline, struct job *job, struct json_object *row,
            struct batch *references, struct batch *deposits)
{
    const char *remote = json_text_or(row, "invoice_ninja_id", "");
    const char *company = json_string_or(row, "owner_company", "");
    const char *party =
        json_string_or(row, "company_id", json_string_or(row, "contact_id", ""));
    const char *quote = json_string_or(row, "quote_id", NULL);
    if (remote[0] == '\0')
        return;
    if (company[0] == '\0' || party[0] == '\0') {
        baseline->unclear++;
        return;
    }
    const char *lane = job_printf(job, "%s:%s", company, party);
    batch_add(references,
              (const char *[]){company, json_string_or(row, "id", ""), remote, lane},
              4);
    if (quote == NULL || !is_deposit(row)
        || strcmp(json_string_or(row, "status", ""), "cancelled") == 0)
        return;
    batch_add(deposits,
              (const char *[]){job_printf(job, "quote:%s", quote),
                               json_print(deposit_of(job, row, party), NULL)},
              2);
}

static bool
take_invoices(struct baseline *baseline, struct job *job, struct json_object *rows,
              const void *ctx, int *status)
{
    static const char references_sql[] =
        "INSERT INTO relais.external_ref (system, company, collection, local_id,"
        " remote_type, remote_id, lane_key) SELECT 'invoice-ninja', c,"
        " 'client_invoices', l, 'invoice', r, k FROM unnest($1::text[], $2::text[],"
        " $3::text[], $4::text[]) AS t(c, l, r, k) ON CONFLICT DO NOTHING";
    static const char deposits_sql[] =
        "INSERT INTO relais.effect (kind, identity, state, worker, result)"
        " SELECT 'invoice-ninja.deposit', i, 'confirmed', 'relais-invoice-ninja',"
        " convert_to(r, 'UTF8') FROM unnest($1::text[], $2::text[]) AS t(i, r)"
        " ON CONFLICT DO NOTHING";
    struct batch references;
    struct batch deposits;
    (void)ctx;
    batch_begin(&references);
    batch_begin(&deposits);
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        add_invoice(baseline, job, json_object_array_get_idx(rows, i), &references,
                    &deposits);
    bool good = batch_write(baseline, &references, references_sql, 4,
                            &baseline->references, status)
                && batch_write(baseline, &deposits, deposits_sql, 2, &baseline->effects,
                               status);
    batch_end(&references);
    batch_end(&deposits);
    return good;
}

// ---- payments

// As the worker keeps one (payment, invoice). False: it has no amount to compare with.
static bool
share_of(struct job *job, struct json_object *row, struct json_object **share)
{
    int64_t amount;
    int64_t refunded;
    if (!money_parse(json_text_or(row, "amount", NULL), &amount)
        || !money_parse(json_text_or(row, "refunded_amount", "0"), &refunded))
        return false;
    *share = json_object_in(job);
    json_set_string(*share, "row", json_string_or(row, "id", ""));
    json_set_string(*share, "invoice", json_string_or(row, "invoice_id.id", ""));
    json_set_i64(*share, "amount", amount);
    json_set_i64(*share, "refunded", refunded);
    json_set_string(*share, "status", json_string_or(row, "status", "completed"));
    return true;
}

// A row that the worker made has an id by which it finds it, and what it did not settle
// of it has yet to be told.
static bool
is_workers(const char *id, const char *company, const char *payment,
           const char *invoice)
{
    char own[UUID_TEXT];
    uuid_of((const char *const[]){company, payment, invoice, NULL}, own);
    return strcmp(id, own) == 0;
}

static void
add_payment(struct job *job, struct json_object *row, struct batch *batch)
{
    struct json_object *share;
    const char *id = json_string_or(row, "id", "");
    const char *company = json_string_or(row, "invoice_id.owner_company", "");
    const char *invoice = json_text_or(row, "invoice_id.invoice_ninja_id", "");
    const char *payment = json_text_or(row, "external_id", "");
    if (company[0] == '\0' || invoice[0] == '\0' || payment[0] == '\0'
        || is_workers(id, company, payment, invoice) || !share_of(job, row, &share))
        return;
    batch_add(batch,
              (const char *[]){job_printf(job, "payment:%s", id),
                               job_printf(job, "ninja-payment:%s:%s", company, payment),
                               invoice, json_print(share, NULL)},
              4);
}

// One payment of several invoices has several rows, maybe in two pages. What the worker
// has looked at bears its stamp, and what it has booked is its own to tell of.
static bool
take_payments(struct baseline *baseline, struct job *job, struct json_object *rows,
              const void *ctx, int *status)
{
    static const char sql[] =
        "INSERT INTO relais.entity_state AS kept (worker, entity, state)"
        " SELECT 'relais-invoice-ninja', e, convert_to(jsonb_build_object('rows',"
        " jsonb_object_agg(i, s::jsonb))::text, 'UTF8')"
        " FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])"
        " AS t(p, e, i, s) WHERE NOT EXISTS (SELECT FROM relais.effect WHERE"
        " kind = 'invoice-ninja.payment' AND identity = p) GROUP BY e"
        " ON CONFLICT (worker, entity) DO UPDATE SET state = convert_to("
        "jsonb_build_object('rows', (convert_from(excluded.state, 'UTF8')::jsonb"
        " -> 'rows') || (convert_from(kept.state, 'UTF8')::jsonb -> 'rows'))::text,"
        " 'UTF8')"
        " WHERE NOT convert_from(kept.state, 'UTF8')::jsonb ? 'stamp'"
        " AND NOT convert_from(kept.state, 'UTF8')::jsonb -> 'rows' ?& ARRAY("
        "SELECT jsonb_object_keys(convert_from(excluded.state, 'UTF8')::jsonb"
        " -> 'rows'))";
    struct batch batch;
    (void)ctx;
    batch_begin(&batch);
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        add_payment(job, json_object_array_get_idx(rows, i), &batch);
    bool good = batch_write(baseline, &batch, sql, 4, &baseline->payments, status);
    batch_end(&batch);
    return good;
}

// ---- quotes that wait for their deposit

// Its payment completes the quote only if the invoice says whose deposit it is.
static bool
take_waiting(struct baseline *baseline, struct job *job, struct json_object *rows,
             const void *ctx, int *status) // NOLINT(readability-non-const-parameter)
{
    (void)job, (void)ctx, (void)status;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        struct json_object *deposit = json_at(row, "deposit_invoice_id");
        bool names_it = strcmp(json_string_or(deposit, "quote_id", ""),
                               json_string_or(row, "id", ""))
                        == 0;
        bool is_there = json_text_or(deposit, "invoice_ninja_id", "")[0] != '\0';
        if (deposit != NULL && !(names_it && is_deposit(deposit) && is_there))
            baseline->unclear++;
    }
    return true;
}

int
baseline_money(struct baseline *baseline)
{
    int status = baseline_pages(baseline, &invoices, take_invoices, NULL);
    if (status == EX_OK)
        status = baseline_pages(baseline, &payments, take_payments, NULL);
    if (status == EX_OK)
        status = baseline_pages(baseline, &waiting, take_waiting, NULL);
    return status;
}
