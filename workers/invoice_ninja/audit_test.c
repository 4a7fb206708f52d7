// An audit believes the rows in Directus, whatever the ledger remembers.
#include <string.h>

#include "common/drift.h"
#include "common/str.h"
#include "workers/invoice_ninja/tests/scene.h"

#define AUDIT(id)                                                       \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"" id "\",\"root\":\"" \
    "\",\"why\":\"audit\"}"
#define INVOICE(text)                                                  \
    {                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=client", 200, text \
    }
#define PAYMENT                                                              \
    {                                                                        \
        "GET", "/api/v1/payments/K4oeElkd0B?include=invoices%2Cclient", 200, \
            paid(scene)                                                      \
    }
#define ROWS(collection, rows)                               \
    {                                                        \
        "GET", "/items/" collection "?filter%5Bid%5D*", 200, \
            .body = "{\"data\":[" rows "]}"                  \
    }
#define INVOICE_ROW(status, paid, balance)                                           \
    ROWS("client_invoices",                                                          \
         "{\"id\":\"" DEPOSIT "\",\"status\":\"" status "\",\"amount_paid\":\"" paid \
         "\",\"balance\":\"" balance "\","                                           \
         "\"invoice_ninja_id\":\"7LDdwrmb1Y\","                                      \
         "\"invoice_ninja_number\":\"HV-2026-0142-A\"}")
#define QUOTE_KNOWS(invoice) \
    ROWS("quotes", "{\"id\":\"" QUOTE "\",\"deposit_invoice_id\":" invoice "}")
#define AS_IT_SHOULD_BE "\"" DEPOSIT "\""
#define BILL_WRITTEN WRITTEN("/items/client_invoices/" DEPOSIT)
#define PAYMENT_SAYS(amount, status)                                        \
    ROWS("payments", "{\"id\":\"" PAYMENT_ROW "\",\"amount\":\"" amount     \
                     "\",\"refunded_amount\":\"0.00\",\"status\":\"" status \
                     "\",\"external_id\":\"K4oeElkd0B\"}")

static const char *
sent_invoice(struct scene *scene)
{
    return edited(scene, "invoice",
                  (struct edit[]){{"data.status_id", "\"2\""},
                                  {"data.paid_to_date", "0"},
                                  {"data.balance", "5513.1"},
                                  {"data.due_date", "\"2099-01-01\""},
                                  {NULL}});
}

static const char *
paid(struct scene *scene)
{
    return edited(scene, "payment",
                  (struct edit[]){{"data.status_id", "\"4\""},
                                  {"data.amount", "5513.1"},
                                  {"data.applied", "5513.1"},
                                  {"data.refunded", "0"},
                                  {"data.paymentables.0.amount", "5513.1"},
                                  {"data.paymentables.0.refunded", "0"},
                                  {"data.invoices.0.status_id", "\"4\""},
                                  {"data.invoices.0.paid_to_date", "5513.1"},
                                  {"data.invoices.0.balance", "0"},
                                  {NULL}});
}

static void
audit_invoice(struct scene *scene, const struct fake_reply replies[])
{
    struct error err =
        deliver(scene, "invoice-ninja.invoice.observed", AUDIT("7LDdwrmb1Y"), replies);
    assert_string_equal(err.text, "");
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
audit_payment(struct scene *scene, const struct fake_reply replies[])
{
    struct error err =
        deliver(scene, "invoice-ninja.payment.observed", AUDIT("K4oeElkd0B"), replies);
    assert_string_equal(err.text, "");
    assert_int_equal(err.kind, ERROR_NONE);
}

static struct json_object *
patch_of(struct scene *scene)
{
    return sent(scene, "PATCH", "/items/client_invoices/");
}

static void
what_says_the_same_is_left_alone(void **state)
{
    struct scene *scene = *state;
    audit_invoice(scene, (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                               INVOICE_ROW("sent", "0.00", "5513.10"),
                                               QUOTE_KNOWS(AS_IT_SHOULD_BE), END});
    assert_int_equal(scene->fake.published_count, 0);
    assert_false(str_starts(scene->fake.note, DRIFT_NOTE));
}

static void
figures_that_a_person_wrote_are_put_right(void **state)
{
    struct scene *scene = *state;
    audit_invoice(scene, (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                               INVOICE_ROW("draft", "10.00", "1.00"),
                                               BILL_WRITTEN,
                                               QUOTE_KNOWS(AS_IT_SHOULD_BE), END});
    assert_string_equal(text_at(patch_of(scene), "status"), "sent");
    assert_string_equal(text_at(patch_of(scene), "amount_paid"), "0.00");
    assert_string_equal(text_at(patch_of(scene), "balance"), "5513.10");
    // Beside it a status is known to be Invoice Ninja's.
    assert_string_not_equal(text_at(patch_of(scene), "ninja_synced_at"), "");
    assert_string_equal(scene->fake.note,
                        "put right: amount_paid was \"10.00\"; balance was \"1.00\"; "
                        "status was \"draft\"");
    assert_int_equal(scene->fake.published_count, 0);
}

static void
the_quote_is_told_its_deposit_again(void **state)
{
    struct scene *scene = *state;
    audit_invoice(scene, (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                               INVOICE_ROW("sent", "0.00", "5513.10"),
                                               QUOTE_KNOWS("null"),
                                               WRITTEN("/items/quotes/" QUOTE), END});
    assert_string_equal(
        text_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id"), DEPOSIT);
}

// Somebody had a reason: only he knows it.
static void
what_a_person_may_have_meant_is_flagged(void **state)
{
    struct scene *scene = *state;
    audit_invoice(scene,
                  (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                        INVOICE_ROW("cancelled", "0.00", "5513.10"),
                                        QUOTE_KNOWS(AS_IT_SHOULD_BE), END});
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.status-differs"));
    audit_invoice(scene, (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                               INVOICE_ROW("paid", "0.00", "5513.10"),
                                               QUOTE_KNOWS(AS_IT_SHOULD_BE), END});
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.paid-by-hand"));
}

static void
pay(struct scene *scene)
{
    audit_payment(scene, (struct fake_reply[]){PAYMENT, BILL_WRITTEN, END});
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    assert_true(str_starts(scene->fake.note, DRIFT_NOTE)); // nobody had told
}

static void
a_payment_that_says_the_same_is_left_alone(void **state)
{
    struct scene *scene = *state;
    pay(scene);
    audit_payment(scene, (struct fake_reply[]){
                             PAYMENT, PAYMENT_SAYS("5513.10", "completed"), END});
    assert_non_null(strstr(scene->fake.note, "nothing new"));
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

static void
a_payments_row_is_put_right(void **state)
{
    struct scene *scene = *state;
    pay(scene);
    audit_payment(scene,
                  (struct fake_reply[]){PAYMENT, PAYMENT_SAYS("5513.10", "failed"),
                                        BILL_WRITTEN, END});
    struct json_object *rows = json_at(patch_of(scene), "payments.update");
    assert_string_equal(json_print(json_object_array_get_idx(rows, 0), NULL),
                        "{\"status\":\"completed\",\"id\":\"" PAYMENT_ROW "\"}");
    assert_string_equal(scene->fake.note,
                        "payment K4oeElkd0B put right: status was \"failed\"");
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

static void
a_payments_row_that_is_gone_is_made_again(void **state)
{
    struct scene *scene = *state;
    pay(scene);
    audit_payment(
        scene, (struct fake_reply[]){PAYMENT, ROWS("payments", ""), BILL_WRITTEN, END});
    struct json_object *rows = json_at(patch_of(scene), "payments.create");
    assert_string_equal(text_at(json_object_array_get_idx(rows, 0), "id"), PAYMENT_ROW);
    assert_string_equal(text_at(json_object_array_get_idx(rows, 0), "amount"),
                        "5513.10");
    assert_string_equal(
        scene->fake.note,
        "payment K4oeElkd0B put right: its row in payments was not there");
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

static void
an_invoice_that_is_gone_is_left_alone(void **state)
{
    struct scene *scene = *state;
    audit_invoice(scene, (struct fake_reply[]){INVOICE(sent_invoice(scene)),
                                               ROWS("client_invoices", ""), END});
    assert_non_null(strstr(scene->fake.note, "is not in Directus any more"));
}

#define BILLED(test) \
    cmocka_unit_test_setup_teardown(test, scene_begin_billed, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        BILLED(what_says_the_same_is_left_alone),
        BILLED(figures_that_a_person_wrote_are_put_right),
        BILLED(the_quote_is_told_its_deposit_again),
        BILLED(what_a_person_may_have_meant_is_flagged),
        BILLED(a_payment_that_says_the_same_is_left_alone),
        BILLED(a_payments_row_is_put_right),
        BILLED(a_payments_row_that_is_gone_is_made_again),
        BILLED(an_invoice_that_is_gone_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
