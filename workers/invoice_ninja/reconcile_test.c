#include <string.h>

#include "common/clock.h"
#include "workers/invoice_ninja/tests/scene.h"

#define PAYMENT_SEEN "invoice-ninja.payment.observed"
#define INVOICE_SEEN "invoice-ninja.invoice.observed"
#define LOOK(id, why)                                                        \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"" id "\",\"root\":\"\",\"" \
    "why\":\"" why "\"}"
#define PAYMENT_STATE "ninja-payment:HYPERVISUAL:K4oeElkd0B"

#define PAYMENT(text)                                                             \
    {                                                                             \
        "GET", "/api/v1/payments/K4oeElkd0B?include=invoices%2Cclient", 200, text \
    }
#define BESIDE(scene, list)                                                            \
    {                                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=payments", 200,                    \
            edited(scene, "invoice", (struct edit[]){{"data.payments", list}, {NULL}}) \
    }
#define INVOICE(text)                                                  \
    {                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=client", 200, text \
    }
#define BILL_WRITTEN WRITTEN("/items/client_invoices/" DEPOSIT)
// What Directus says where an invoice would be opened again.
#define ROW_IS(status)                                                      \
    {                                                                       \
        "GET", "/items/client_invoices/" DEPOSIT "?*", 200,                 \
            "{\"data\":{\"id\":\"" DEPOSIT "\",\"status\":\"" status "\"}}" \
    }

static struct error
look(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, PAYMENT_SEEN, LOOK("K4oeElkd0B", "sweep"), replies);
}

// The payment with figures of payment, link and invoice; amounts as Invoice Ninja
// prints them.
struct figures {
    const char *status, *amount, *applied, *refunded; // of the payment
    const char *linked, *linked_refunded;
    const char *invoice_status, *paid, *balance;
};

static const char *
payment(struct scene *scene, const struct figures *f)
{
    struct job *keep = &scene->fake.keep;
    const char *applied = f->applied != NULL ? f->applied : f->linked;
    const char *refunded = f->refunded != NULL ? f->refunded : "0";
    const char *link_refunded = f->linked_refunded != NULL ? f->linked_refunded : "0";
    return edited(
        scene, "payment",
        (struct edit[]){{"data.status_id", job_printf(keep, "\"%s\"", f->status)},
                        {"data.amount", f->amount != NULL ? f->amount : f->linked},
                        {"data.applied", applied},
                        {"data.refunded", refunded},
                        {"data.paymentables.0.amount", f->linked},
                        {"data.paymentables.0.refunded", link_refunded},
                        {"data.invoices.0.status_id",
                         job_printf(keep, "\"%s\"", f->invoice_status)},
                        {"data.invoices.0.paid_to_date", f->paid},
                        {"data.invoices.0.balance", f->balance},
                        {NULL}});
}

static const struct figures in_full = {.status = "4",
                                       .linked = "5513.1",
                                       .invoice_status = "4",
                                       .paid = "5513.1",
                                       .balance = "0"};

static struct error
pay(struct scene *scene, const struct figures *f)
{
    return look(scene,
                (struct fake_reply[]){PAYMENT(payment(scene, f)), BILL_WRITTEN, END});
}

static struct error
pay_part(struct scene *scene, const struct figures *f)
{
    return look(scene, (struct fake_reply[]){PAYMENT(payment(scene, f)), ROW_IS("sent"),
                                             BILL_WRITTEN, END});
}

static struct json_object *
patch_of(struct scene *scene)
{
    return sent(scene, "PATCH", "/items/client_invoices/");
}

static struct json_object *
row_in(struct scene *scene, const char *list)
{
    struct json_object *rows =
        json_array_or_null(json_at(patch_of(scene), "payments"), list);
    assert_int_equal(json_object_array_length(rows), 1);
    return json_object_array_get_idx(rows, 0);
}

static void
assert_nothing_new(struct scene *scene, const char *text)
{
    int published = scene->fake.published_count;
    struct error err = look(scene, (struct fake_reply[]){PAYMENT(text), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
}

static void
a_payment_in_full_pays_the_invoice(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    struct json_object *patch = patch_of(scene);
    assert_string_equal(text_at(patch, "status"), "paid");
    assert_string_equal(text_at(patch, "amount_paid"), "5513.10");
    assert_string_equal(text_at(patch, "balance"), "0.00");
    assert_string_equal(text_at(patch, "payment_date"), "2026-08-20");
    struct json_object *row = row_in(scene, "create");
    assert_string_equal(text_at(row, "id"), PAYMENT_ROW);
    assert_string_equal(text_at(row, "invoice_id"), DEPOSIT);
    assert_string_equal(text_at(row, "amount"), "5513.10");
    assert_string_equal(text_at(row, "source"), "invoice_ninja");
    assert_string_equal(text_at(row, "status"), "completed");
    assert_string_equal(text_at(row, "external_id"), "K4oeElkd0B");
    assert_string_equal(text_at(row, "owner_company"), "HYPERVISUAL");

    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(fact->key, QUOTE_ROOT);
    assert_string_equal(text_at(fact->data, "payment"), PAYMENT_ROW);
    assert_string_equal(text_at(fact->data, "invoice"), DEPOSIT);
    assert_string_equal(text_at(fact->data, "quote"), QUOTE);
    assert_string_equal(text_at(fact->data, "contact"), CONTACT);
    assert_string_equal(text_at(fact->data, "amount.cents"), "551310");
    assert_true(json_bool_or(fact->data, "fully_paid", false));
    assert_true(json_bool_or(fact->data, "is_deposit", false));
    assert_int_equal(fake_count(&scene->fake, "invoice.paid"), 1);
    assert_nothing_new(scene, payment(scene, &in_full));
}

static void
the_webhook_is_a_hint_like_any_other(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "invoice-ninja.create_payment",
        hook(scene, "webhook.04-create_payment.1"),
        (struct fake_reply[]){PAYMENT(payment(scene, &in_full)), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    assert_nothing_new(scene, payment(scene, &in_full));
}

// The rest of an invoice of which some was paid before, and who else Invoice Ninja says
// has paid it.
static struct error
pay_rest(struct scene *scene, const char *amount, const char *beside)
{
    const char *rest = edited(scene, "payment",
                              (struct edit[]){{"data.id", "\"Opnel5aKBz\""},
                                              {"data.amount", amount},
                                              {"data.applied", amount},
                                              {"data.paymentables.0.amount", amount},
                                              {NULL}});
    return deliver(
        scene, PAYMENT_SEEN, LOOK("Opnel5aKBz", "webhook"),
        (struct fake_reply[]){{"GET", "/api/v1/payments/Opnel5aKBz?*", 200, rest},
                              BESIDE(scene, beside),
                              BILL_WRITTEN,
                              END});
}

// 2000 of 5513.10.
static const struct figures part_paid = {.status = "4",
                                         .linked = "2000",
                                         .invoice_status = "3",
                                         .paid = "2000",
                                         .balance = "3513.1"};

static void
part_and_rest_are_two_facts_and_one_fully_paid(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay_part(scene, &part_paid).kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "status"), "partial");
    assert_string_equal(text_at(patch_of(scene), "amount_paid"), "2000.00");
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_false(json_bool_or(fact->data, "fully_paid", true));
    assert_int_equal(fake_count(&scene->fake, "invoice.paid"), 0);

    struct error err = pay_rest(scene, "3513.1",
                                "[{\"id\":\"K4oeElkd0B\",\"status_id\":\"4\"},"
                                "{\"id\":\"Opnel5aKBz\",\"status_id\":\"4\"}]");
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 2);
    fact = fake_last(&scene->fake, "payment.received");
    assert_true(json_bool_or(fact->data, "fully_paid", false));
    assert_string_not_equal(text_at(fact->data, "payment"), PAYMENT_ROW);
    assert_int_equal(fake_count(&scene->fake, "invoice.paid"), 1);
}

static void
what_is_paid_too_much_is_flagged(void **state)
{
    struct scene *scene = *state;
    struct figures f = in_full;
    f.amount = "6000";
    f.applied = "5513.1";
    assert_int_equal(pay(scene, &f).kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "create"), "amount"), "5513.10");
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.overpaid"));
}

// Invoice Ninja calls the invoice paid: the payment itself is what is not through.
static struct error
pay_pending(struct scene *scene, const struct figures *f)
{
    return look(scene,
                (struct fake_reply[]){
                    PAYMENT(payment(scene, f)),
                    BESIDE(scene, "[{\"id\":\"K4oeElkd0B\",\"status_id\":\"1\"}]"),
                    BILL_WRITTEN, END});
}

static void
a_pending_payment_counts_when_it_completes(void **state)
{
    struct scene *scene = *state;
    struct figures f = in_full;
    f.status = "1";
    assert_int_equal(pay_pending(scene, &f).kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "create"), "status"), "pending");
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 0);
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "update"), "status"), "completed");
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    assert_nothing_new(scene, payment(scene, &in_full));
}

static const char *
invoice_with(struct scene *scene, const char *paid)
{
    return edited(scene, "invoice",
                  (struct edit[]){{"data.status_id", "\"4\""},
                                  {"data.amount", paid},
                                  {"data.paid_to_date", paid},
                                  {"data.balance", "0"},
                                  {NULL}});
}

// No payment comes in that would tell it.
static void
a_deposit_that_is_lowered_to_what_was_paid_is_fully_paid(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay_part(scene, &part_paid).kind, ERROR_NONE);
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                (struct fake_reply[]){
                    INVOICE(invoice_with(scene, "2000")),
                    BESIDE(scene, "[{\"id\":\"K4oeElkd0B\",\"status_id\":"
                                  "\"4\"},{\"id\":\"deleted123\","
                                  "\"status_id\":\"1\",\"is_deleted\":true}]"),
                    BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "invoice.paid");
    assert_true(json_bool_or(fact->data, "fully_paid", false));
    assert_true(json_bool_or(fact->data, "is_deposit", false));
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

// Only a deposit's quote waits for it, but whoever was reminded of any is told.
static void
any_invoice_that_a_credit_settles_is_fully_paid(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, "invoice:" DEPOSIT,
                   "{\"company\":\"HYPERVISUAL\",\"lane\":\"" LANE
                   "\",\"currency\":\"CHF\",\"is_deposit\":false,"
                   "\"ninja_id\":\"7LDdwrmb1Y\",\"number\":\"HV-2026-0142-A\","
                   "\"status\":\"overdue\",\"paid\":0,\"balance\":551310}");
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                (struct fake_reply[]){INVOICE(invoice_with(scene, "5513.1")),
                                      BESIDE(scene, "[]"), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "invoice.paid");
    assert_true(json_bool_or(fact->data, "fully_paid", false));
    assert_false(json_bool_or(fact->data, "is_deposit", true));
}

// Its own look tells when it is through.
static void
an_invoice_paid_by_what_is_pending_is_not_fully_paid(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                (struct fake_reply[]){
                    INVOICE(invoice_with(scene, "5513.1")),
                    BESIDE(scene, "[{\"id\":\"K4oeElkd0B\",\"status_id\":\"1\"}]"),
                    BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "invoice.paid");
    assert_false(json_bool_or(fact->data, "fully_paid", false));
}

// 2243.10 are pending when the other 3270.00 come in: Invoice Ninja calls it paid. Its
// webhook may have been lost, so that we never saw it.
static void
what_is_pending_is_not_fully_paid(void **state)
{
    struct scene *scene = *state;
    struct error err = pay_rest(scene, "3270",
                                "[{\"id\":\"K4oeElkd0B\",\"status_id\":\"1\"},"
                                "{\"id\":\"Opnel5aKBz\",\"status_id\":\"4\"},"
                                "{\"id\":\"aaaaaaaaaa\",\"status_id\":\"3\"}]");
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_false(json_bool_or(fact->data, "fully_paid", true));

    const struct figures through = {.status = "4",
                                    .linked = "2243.1",
                                    .invoice_status = "4",
                                    .paid = "5513.1",
                                    .balance = "0"};
    err = look(scene, (struct fake_reply[]){
                          PAYMENT(payment(scene, &through)),
                          BESIDE(scene, "[{\"id\":\"K4oeElkd0B\",\"status_id\":\"4\"},"
                                        "{\"id\":\"Opnel5aKBz\",\"status_id\":\"4\"}]"),
                          BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(text_at(fact->data, "amount.cents"), "224310");
    assert_true(json_bool_or(fact->data, "fully_paid", false));
}

static void
a_failed_payment_never_counts(void **state)
{
    struct scene *scene = *state;
    const struct figures failed = {.status = "3",
                                   .linked = "5513.1",
                                   .invoice_status = "2",
                                   .paid = "0",
                                   .balance = "5513.1"};
    assert_int_equal(pay(scene, &failed).kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "create"), "status"), "failed");
    assert_int_equal(scene->fake.published_count, 0);
}

static void
refunds_are_told_as_they_grow(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    const struct figures half = {.status = "5",
                                 .linked = "5513.1",
                                 .refunded = "513.1",
                                 .linked_refunded = "513.1",
                                 .applied = "5513.1",
                                 .invoice_status = "3",
                                 .paid = "5000",
                                 .balance = "513.1"};
    assert_int_equal(pay(scene, &half).kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "status"), "partial");
    struct json_object *row = row_in(scene, "update");
    assert_string_equal(text_at(row, "refunded_amount"), "513.10");
    assert_string_equal(text_at(row, "status"), "completed");
    const struct fake_event *fact = fake_last(&scene->fake, "payment.refunded");
    assert_string_equal(text_at(fact->data, "amount.cents"), "51310");
    assert_nothing_new(scene, payment(scene, &half));

    const struct figures all = {.status = "6",
                                .linked = "5513.1",
                                .refunded = "5513.1",
                                .linked_refunded = "5513.1",
                                .applied = "5513.1",
                                .invoice_status = "2",
                                .paid = "0",
                                .balance = "5513.1"};
    assert_int_equal(pay(scene, &all).kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "update"), "status"), "refunded");
    assert_int_equal(fake_count(&scene->fake, "payment.refunded"), 2);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    assert_int_equal(fake_count(&scene->fake, "invoice.sent"), 0);
}

// A deleted payment has lost its links and its invoices.
static void
a_deleted_payment_is_taken_back(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    const char *deleted = edited(scene, "payment",
                                 (struct edit[]){{"data.is_deleted", "true"},
                                                 {"data.paymentables", "[]"},
                                                 {"data.invoices", "[]"},
                                                 {NULL}});
    struct error err =
        look(scene,
             (struct fake_reply[]){PAYMENT(deleted), INVOICE(fixture(scene, "invoice")),
                                   BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "status"), "sent");
    assert_string_equal(text_at(patch_of(scene), "amount_paid"), "0.00");
    assert_string_equal(text_at(row_in(scene, "update"), "status"), "cancelled");
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.payment-deleted"));
}

static void
a_payment_of_two_invoices_is_two_rows(void **state)
{
    struct scene *scene = *state;
    const char *other = "11111111-2222-4333-8444-555555555555";
    fake_set_state(&scene->fake, "invoice:11111111-2222-4333-8444-555555555555",
                   "{\"company\":\"HYPERVISUAL\",\"lane\":\"" LANE
                   "\",\"currency\":\"CHF\",\"is_deposit\":false,"
                   "\"ninja_id\":\"Xy7dwrmb1Y\",\"number\":\"HV-7\","
                   "\"status\":\"sent\",\"paid\":0,\"balance\":10000}");
    const char *text = edited(
        scene, "payment",
        (struct edit[]){
            {"data.amount", "5613.1"},
            {"data.applied", "5613.1"},
            {"data.paymentables",
             "[{\"invoice_id\":\"7LDdwrmb1Y\",\"amount\":5513.1,\"refunded\":0},"
             "{\"invoice_id\":\"Xy7dwrmb1Y\",\"amount\":100,\"refunded\":0}]"},
            {"data.invoices.1",
             "{\"id\":\"Xy7dwrmb1Y\",\"number\":\"HV-7\",\"status_id\":\"4\","
             "\"amount\":100,\"balance\":0,\"paid_to_date\":100,\"custom_value1\":"
             "\"directus:invoice:11111111-2222-4333-8444-555555555555\","
             "\"updated_at\":1787200270}"},
            {NULL}});
    struct error err = look(
        scene, (struct fake_reply[]){PAYMENT(text),
                                     BILL_WRITTEN,
                                     {"PATCH",
                                      "/items/client_invoices/11111111-2222-4333-8444-"
                                      "555555555555?fields=id",
                                      200, "{\"data\":{}}"},
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 2);
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(text_at(fact->data, "invoice"), other);
    assert_string_equal(fact->key, job_printf(&scene->fake.keep, "invoice:%s", other));
    assert_string_equal(text_at(fact->data, "amount.cents"), "10000");
    assert_nothing_new(scene, text);
}

static void
a_payment_without_links_is_looked_at_again(void **state)
{
    struct scene *scene = *state;
    const char *fresh =
        job_printf(&scene->fake.keep, "%lld", (long long)(clock_wall_ms() / 1000));
    const char *text = edited(scene, "payment",
                              (struct edit[]){{"data.paymentables", "[]"},
                                              {"data.invoices", "[]"},
                                              {"data.applied", "0"},
                                              {"data.created_at", fresh},
                                              {NULL}});
    struct error err = look(scene, (struct fake_reply[]){PAYMENT(text), END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(err.retry_after_ms, 30000);
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
}

static void
money_on_account_is_nobodys_after_a_while(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "payment",
        (struct edit[]){{"data.paymentables", "[]"}, {"data.invoices", "[]"}, {NULL}});
    assert_nothing_new(scene, text);
    assert_string_equal(scene->fake.note, "not ours: payment K4oeElkd0B");
}

// The row is a person's: what they wrote stays, and it is the payment's row.
static void
a_payment_booked_in_directus_keeps_its_row(void **state)
{
    struct scene *scene = *state;
    const char *row = "0c0d0e0f-1011-4213-9415-161718191a1b";
    const char *text = edited(
        scene, "payment",
        (struct edit[]){{"data.custom_value1",
                         "\"directus:payment:0C0D0E0F-1011-4213-9415-161718191A1B\""},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){PAYMENT(text), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *changes = row_in(scene, "update");
    assert_string_equal(text_at(changes, "id"), row);
    assert_string_equal(text_at(changes, "external_id"), "K4oeElkd0B");
    assert_null(json_at(changes, "amount"));
    assert_null(json_at(changes, "source"));
    assert_string_equal(
        text_at(fake_last(&scene->fake, "payment.received")->data, "payment"), row);
}

static void
a_row_that_is_there_already_is_patched(void **state)
{
    struct scene *scene = *state;
    struct error err = look(
        scene,
        (struct fake_reply[]){
            PAYMENT(payment(scene, &in_full)),
            {"PATCH", "/items/client_invoices/*", 400,
             "{\"errors\":[{\"message\":\"taken\",\"extensions\":{\"code\":"
             "\"RECORD_NOT_UNIQUE\",\"collection\":\"payments\",\"field\":\"id\"}}]}"},
            {"GET", "/items/payments?*", 200,
             "{\"data\":[{\"id\":\"" PAYMENT_ROW "\"}]}"},
            BILL_WRITTEN,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "update"), "id"), PAYMENT_ROW);
}

static void
a_row_that_a_person_removed_is_made_again(void **state)
{
    struct scene *scene = *state;
    const char *forbidden =
        "{\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":\"FORBIDDEN\"}}]}";
    const struct figures pending = {.status = "1",
                                    .linked = "5513.1",
                                    .invoice_status = "4",
                                    .paid = "5513.1",
                                    .balance = "0"};
    assert_int_equal(pay_pending(scene, &pending).kind, ERROR_NONE);
    struct error err = look(
        scene,
        (struct fake_reply[]){PAYMENT(payment(scene, &in_full)),
                              {"PATCH", "/items/client_invoices/*", 403, forbidden},
                              {"GET", "/items/client_invoices?*", 200,
                               "{\"data\":[{\"id\":\"" DEPOSIT "\"}]}"},
                              {"GET", "/items/payments?*", 200, "{\"data\":[]}"},
                              BILL_WRITTEN,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "create"), "id"), PAYMENT_ROW);
}

static void
a_hint_in_a_foreign_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err =
        fake_deliver(&scene->fake, PAYMENT_SEEN, "HYPERVISUAL:K4oeElkd0B",
                     LOOK("K4oeElkd0B", "sweep"),
                     (struct fake_reply[]){PAYMENT(payment(scene, &in_full)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *again = fake_last(&scene->fake, PAYMENT_SEEN);
    assert_string_equal(again->key, LANE);
    assert_non_null(again->original_id);
    assert_null(fake_state(&scene->fake, PAYMENT_STATE));
}

static void
the_same_ids_in_another_company_are_not_ours(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(
        &scene->fake, PAYMENT_SEEN, "ENKI_REALTY:K4oeElkd0B",
        "{\"company\":\"ENKI_REALTY\",\"remote_id\":\"K4oeElkd0B\",\"root\":\"\","
        "\"why\":\"sweep\"}",
        (struct fake_reply[]){ONLY_REALTY, PAYMENT(payment(scene, &in_full)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(scene->fake.calls[1].token, OTHER_KEY);
}

static struct error
seen_in_another_company(struct scene *scene, const char *deleted)
{
    const char *text =
        edited(scene, "invoice", (struct edit[]){{"data.is_deleted", deleted}, {NULL}});
    return fake_deliver(
        &scene->fake, INVOICE_SEEN, "ENKI_REALTY:7LDdwrmb1Y",
        "{\"company\":\"ENKI_REALTY\",\"remote_id\":\"7LDdwrmb1Y\",\"root\":\"\","
        "\"why\":\"hook\"}",
        (struct fake_reply[]){
            ONLY_REALTY, {"GET", "/api/v1/invoices/7LDdwrmb1Y?*", 200, text}, END});
}

// Its owner company was corrected after a call that was cut.
static void
our_invoice_in_the_books_of_another_company_is_shown_to_a_person(void **state)
{
    struct scene *scene = *state;
    struct error err = seen_in_another_company(scene, "false");
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.other-company"));
}

static void
what_was_deleted_in_the_books_of_another_company_is_done(void **state)
{
    struct scene *scene = *state;
    struct error err = seen_in_another_company(scene, "true");
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0);
}

static void
an_invoice_made_by_hand_is_not_ours(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(scene, "invoice",
                              (struct edit[]){{"data.custom_value1", "\"\""},
                                              {"data.id", "\"Zz9dwrmb1Y\""},
                                              {NULL}});
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("Zz9dwrmb1Y", "sweep"),
                (struct fake_reply[]){
                    {"GET", "/api/v1/invoices/Zz9dwrmb1Y?*", 200, text}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(
        scene->fake.note,
        "not ours: invoice Zz9dwrmb1Y was made by hand in Invoice Ninja");
}

static void
a_copy_of_our_invoice_is_not_ours(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(scene, "invoice",
                              (struct edit[]){{"data.id", "\"Zz9dwrmb1Y\""}, {NULL}});
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("Zz9dwrmb1Y", "sweep"),
                (struct fake_reply[]){
                    {"GET", "/api/v1/invoices/Zz9dwrmb1Y?*", 200, text}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note,
                        "not ours: invoice Zz9dwrmb1Y is a copy of 7LDdwrmb1Y");
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.copy"));
}

static void
what_was_deleted_before_it_was_billed_anew_is_no_copy(void **state)
{
    struct scene *scene = *state;
    const char *text =
        edited(scene, "invoice",
               (struct edit[]){
                   {"data.id", "\"Zz9dwrmb1Y\""}, {"data.is_deleted", "true"}, {NULL}});
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("Zz9dwrmb1Y", "sweep"),
                (struct fake_reply[]){
                    {"GET", "/api/v1/invoices/Zz9dwrmb1Y?*", 200, text}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0);
}

static void
become(struct scene *scene, const char *path, const char *json, const char *status)
{
    const char *text = edited(scene, "invoice", (struct edit[]){{path, json}, {NULL}});
    const struct fake_reply ends[] = {INVOICE(text), BILL_WRITTEN, END};
    const struct fake_reply opens[] = {INVOICE(text), ROW_IS("sent"), BILL_WRITTEN,
                                       END};
    bool is_end = strcmp(status, "cancelled") == 0;
    struct error err = deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                               is_end ? ends : opens);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "status"), status);
    err = deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                  (struct fake_reply[]){INVOICE(text), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_cancelled_invoice_is_cancelled(void **state)
{
    become(*state, "data.status_id", "\"5\"", "cancelled");
    assert_int_equal(fake_count(&((struct scene *)*state)->fake, "invoice.cancelled"),
                     1);
}

static void
a_reversed_invoice_is_cancelled(void **state)
{
    become(*state, "data.status_id", "\"6\"", "cancelled");
}

static void
a_deleted_invoice_is_cancelled_and_keeps_its_number(void **state)
{
    struct scene *scene = *state;
    const char *text =
        edited(scene, "invoice",
               (struct edit[]){{"data.is_deleted", "true"},
                               {"data.number", "\"HV-2026-0142-A_Deleted\""},
                               {NULL}});
    struct error err = deliver(scene, "invoice-ninja.delete_invoice",
                               hook(scene, "webhook.09-delete_invoice.1"),
                               (struct fake_reply[]){INVOICE(text), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "status"), "cancelled");
    assert_null(json_at(patch_of(scene), "invoice_ninja_number"));
    assert_int_equal(fake_count(&scene->fake, "invoice.cancelled"), 1);
}

static void
an_overdue_invoice_is_overdue(void **state)
{
    become(*state, "data.due_date", "\"2020-01-01\"", "overdue");
    assert_int_equal(((struct scene *)*state)->fake.published_count, 0);
}

// Its client would be dunned. A person is told, and the figures are Invoice Ninja's.
static void
what_a_person_set_to_paid_is_not_opened_again(void **state)
{
    struct scene *scene = *state;
    const char *late = edited(
        scene, "invoice", (struct edit[]){{"data.due_date", "\"2020-01-01\""}, {NULL}});
    for (int sights = 0; sights < 2; sights++) {
        const struct fake_reply first[] = {INVOICE(late), ROW_IS("paid"), END};
        const struct fake_reply again[] = {INVOICE(late), END};
        struct error err = deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                                   sights == 0 ? first : again);
        assert_int_equal(err.kind, ERROR_NONE);
    }
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.paid-by-hand"));
    assert_int_equal(scene->fake.published_count, 0);

    // Part of it: more money, but no payment was taken back.
    assert_int_equal(
        look(scene, (struct fake_reply[]){PAYMENT(payment(scene, &part_paid)),
                                          ROW_IS("paid"), BILL_WRITTEN, END})
            .kind,
        ERROR_NONE);
    assert_null(json_at(patch_of(scene), "status"));
    assert_string_equal(text_at(patch_of(scene), "amount_paid"), "2000.00");
}

static void
an_invoice_that_was_purged_needs_a_person(void **state)
{
    struct scene *scene = *state;
    scene->fake.refs[scene->fake.ref_count++] = (struct ledger_ref){
        .company = "HYPERVISUAL",
        .collection = "client_invoices",
        .local_id = DEPOSIT,
        .remote_type = "invoice",
        .remote_id = "7LDdwrmb1Y",
        .lane_key = LANE,
    };
    struct error err =
        deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "sweep"),
                (struct fake_reply[]){{"GET", "/api/v1/invoices/*", 400,
                                       fixture(scene, "error.400.1-unknown-id")},
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.invoice-gone"));
}

static void
a_payment_that_was_purged_needs_a_person(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply gone[] = {
        {"GET", "/api/v1/payments/*", 400, fixture(scene, "error.400.1-unknown-id")},
        END};
    assert_int_equal(look(scene, gone).kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.payment-gone"));
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    assert_int_equal(look(scene, gone).kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.payment-gone"));
}

static void
an_unknown_invoice_is_read_from_directus_once(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    struct error err = look(
        scene, (struct fake_reply[]){
                   PAYMENT(payment(scene, &in_full)),
                   {"GET", "/items/client_invoices/" DEPOSIT "?*", 200,
                    "{\"data\":{\"id\":\"" DEPOSIT
                    "\",\"owner_company\":\"HYPERVISUAL\",\"company_id\":\"" FIRM
                    "\",\"contact_id\":\"" CONTACT "\",\"quote_id\":\"" QUOTE
                    "\",\"type\":\"deposit\",\"status\":\"sent\",\"currency\":\"CHF\","
                    "\"amount_paid\":\"0.00\",\"balance\":\"5513.10\","
                    "\"invoice_ninja_id\":\"7LDdwrmb1Y\"}}"},
                   BILL_WRITTEN,
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_true(json_bool_or(fact->data, "is_deposit", false));
    assert_nothing_new(scene, payment(scene, &in_full));
}

static void
a_change_that_only_the_sweep_saw_flags_the_webhook(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(pay(scene, &in_full).kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.webhook-missing"));
}

static void
a_fresh_change_flags_nothing(void **state)
{
    struct scene *scene = *state;
    const char *now =
        job_printf(&scene->fake.keep, "%lld", (long long)(clock_wall_ms() / 1000));
    const char *text =
        edited(scene, "payment", (struct edit[]){{"data.updated_at", now}, {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){PAYMENT(text), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.webhook-missing"));
}

static void
php_floats_are_rounded_to_the_centime(void **state)
{
    struct scene *scene = *state;
    const struct figures f = {.status = "4",
                              .linked = "0.30000000000000004",
                              .invoice_status = "3",
                              .paid = "0.30000000000000004",
                              .balance = "5512.8"};
    assert_int_equal(pay_part(scene, &f).kind, ERROR_NONE);
    assert_string_equal(text_at(patch_of(scene), "amount_paid"), "0.30");
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(text_at(fact->data, "amount.cents"), "30");
}

static void
a_client_of_ours_is_noted(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "invoice-ninja.update_client",
                hook(scene, "webhook.01-create_client.1"), (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.ref_count, 1);
    assert_string_equal(scene->fake.refs[0].local_id, FIRM);
    assert_string_equal(scene->fake.refs[0].lane_key, LANE);
}

static void
a_hint_without_an_object_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, PAYMENT_SEEN, "{\"company\":\"HYPERVISUAL\"}",
                               (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
}

// Applied in two goes, it is still one row: (payment, invoice).
static void
two_links_to_one_invoice_are_one_row(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "payment",
        (struct edit[]){
            {"data.paymentables",
             "[{\"invoice_id\":\"7LDdwrmb1Y\",\"amount\":5000.1,\"refunded\":0},"
             "{\"credit_id\":\"x\",\"invoice_id\":\"\",\"amount\":7,\"refunded\":0},"
             "{\"invoice_id\":\"7LDdwrmb1Y\",\"amount\":513,\"refunded\":0}]"},
            {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){PAYMENT(text), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(text_at(row_in(scene, "create"), "amount"), "5513.10");
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(text_at(fact->data, "amount.cents"), "551310");
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    assert_nothing_new(scene, text);
}

// Neither 0 nor a draft: nothing is written.
static void
a_figure_that_is_missing_or_odd_is_named(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *path, *json, *word;
    } invoices[] = {
        {"data.balance", "-", "balance"},
        {"data.paid_to_date", "\"\"", "paid_to_date"},
        {"data.amount", "1.0e+25", "amount"},
        {"data.amount", "\"12,50\"", "amount"},
        {"data.status_id", "\"7\"", "status_id"},
        {"data.status_id", "null", "status_id"},
    };
    static const struct {
        const char *path, *json, *word;
    } payments[] = {
        {"data.status_id", "\"0\"", "status_id"},
        {"data.amount", "true", "amount"},
        {"data.paymentables.0.amount", "-", "paymentables.0"},
        {"data.paymentables.0.refunded", "null", "refunded"},
        {"data.invoices.0.balance", "-", "balance"},
    };
    for (size_t i = 0; i < sizeof invoices / sizeof invoices[0]; i++) {
        const char *text =
            edited(scene, "invoice",
                   (struct edit[]){{invoices[i].path, invoices[i].json}, {NULL}});
        struct error err = deliver(scene, INVOICE_SEEN, LOOK("7LDdwrmb1Y", "webhook"),
                                   (struct fake_reply[]){INVOICE(text), END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, invoices[i].word));
        assert_non_null(err.hint);
    }
    for (size_t i = 0; i < sizeof payments / sizeof payments[0]; i++) {
        const char *text =
            edited(scene, "payment",
                   (struct edit[]){{payments[i].path, payments[i].json}, {NULL}});
        struct error err = look(scene, (struct fake_reply[]){PAYMENT(text), END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, payments[i].word));
    }
    assert_int_equal(scene->fake.published_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin_billed, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_payment_in_full_pays_the_invoice),
        TEST(the_webhook_is_a_hint_like_any_other),
        TEST(part_and_rest_are_two_facts_and_one_fully_paid),
        TEST(what_is_paid_too_much_is_flagged),
        TEST(a_pending_payment_counts_when_it_completes),
        TEST(a_deposit_that_is_lowered_to_what_was_paid_is_fully_paid),
        TEST(any_invoice_that_a_credit_settles_is_fully_paid),
        TEST(an_invoice_paid_by_what_is_pending_is_not_fully_paid),
        TEST(what_is_pending_is_not_fully_paid),
        TEST(a_failed_payment_never_counts),
        TEST(refunds_are_told_as_they_grow),
        TEST(a_deleted_payment_is_taken_back),
        TEST(a_payment_of_two_invoices_is_two_rows),
        TEST(a_payment_without_links_is_looked_at_again),
        TEST(money_on_account_is_nobodys_after_a_while),
        TEST(a_payment_booked_in_directus_keeps_its_row),
        TEST(a_row_that_is_there_already_is_patched),
        TEST(a_row_that_a_person_removed_is_made_again),
        TEST(a_hint_in_a_foreign_lane_is_sent_on),
        TEST(the_same_ids_in_another_company_are_not_ours),
        TEST(our_invoice_in_the_books_of_another_company_is_shown_to_a_person),
        TEST(what_was_deleted_in_the_books_of_another_company_is_done),
        TEST(an_invoice_made_by_hand_is_not_ours),
        TEST(a_copy_of_our_invoice_is_not_ours),
        TEST(what_was_deleted_before_it_was_billed_anew_is_no_copy),
        TEST(a_cancelled_invoice_is_cancelled),
        TEST(a_reversed_invoice_is_cancelled),
        TEST(a_deleted_invoice_is_cancelled_and_keeps_its_number),
        TEST(an_overdue_invoice_is_overdue),
        TEST(what_a_person_set_to_paid_is_not_opened_again),
        TEST(an_invoice_that_was_purged_needs_a_person),
        TEST(a_payment_that_was_purged_needs_a_person),
        TEST(an_unknown_invoice_is_read_from_directus_once),
        TEST(a_change_that_only_the_sweep_saw_flags_the_webhook),
        TEST(a_fresh_change_flags_nothing),
        TEST(php_floats_are_rounded_to_the_centime),
        TEST(a_client_of_ours_is_noted),
        TEST(a_hint_without_an_object_is_refused),
        TEST(two_links_to_one_invoice_are_one_row),
        TEST(a_figure_that_is_missing_or_odd_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
