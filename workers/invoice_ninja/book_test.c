#include <string.h>

#include "workers/invoice_ninja/tests/scene.h"

#define BOOK "invoice-ninja.payment.create"
#define ROW "0c0d0e0f-1011-4213-9415-161718191a1b"
#define COMMAND "{\"company\":\"HYPERVISUAL\",\"payment\":\"" ROW "\"}"
#define IDENTITY "payment:" ROW
#define OTHER "11111111-2222-4333-8444-555555555555"

#define READ_ROW(text)                                \
    {                                                 \
        "GET", "/items/payments/" ROW "?*", 200, text \
    }
#define READ_INVOICE(text)                                             \
    {                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=client", 200, text \
    }
#define BOOKED                                                                       \
    {                                                                                \
        "POST", "/api/v1/payments", 200, fixture(scene, "create-payment.1.response") \
    }
#define SEEN                                                       \
    {"GET", "/api/v1/payments/K4oeElkd0B?*", 200, payment(scene)}, \
        WRITTEN("/items/client_invoices/" DEPOSIT)

static int
billed_before(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    fake_set_state(&scene->fake, "invoice:" DEPOSIT,
                   "{\"company\":\"HYPERVISUAL\",\"lane\":\"" LANE
                   "\",\"quote\":\"" QUOTE
                   "\",\"currency\":\"CHF\",\"is_deposit\":true,"
                   "\"ninja_id\":\"7LDdwrmb1Y\",\"number\":\"HV-2026-0142-A\","
                   "\"status\":\"sent\",\"paid\":0,\"balance\":551310}");
    return 0;
}

static const char *
payment(struct scene *scene)
{
    return edited(scene, "payment",
                  (struct edit[]){
                      {"data.custom_value1", "\"directus:payment:" ROW "\""}, {NULL}});
}

static const char *
row_with(struct scene *scene, const char *members)
{
    return job_printf(&scene->fake.keep,
                      "{\"data\":{\"id\":\"" ROW
                      "\",\"payment_date\":\"2026-08-20\",\"reference\":"
                      "\"camt 1\",\"invoice_id\":{\"id\":\"" DEPOSIT "\"},%s}}",
                      members);
}

static const char *
good_row(struct scene *scene)
{
    return row_with(
        scene, "\"amount\":\"5513.10\",\"source\":\"bank\",\"status\":\"completed\"");
}

static struct error
book(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, BOOK, COMMAND, replies);
}

static void
a_bank_payment_is_booked_once(void **state)
{
    struct scene *scene = *state;
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                          READ_INVOICE(fixture(scene, "invoice")),
                                          BOOKED, SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_print(sent(scene, "POST", "/api/v1/payments"), NULL),
        "{\"client_id\":\"VWPe9xdLyw\",\"amount\":5513.1,\"date\":\"2026-08-20\","
        "\"type_id\":\"1\",\"transaction_reference\":\"camt 1\",\"idempotency_key\":"
        "\"" ROW "\",\"custom_value1\":\"directus:payment:" ROW
        "\",\"email_receipt\":\"false\",\"invoices\":[{\"invoice_id\":\"7LDdwrmb1Y\","
        "\"amount\":5513.1}]}");
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_string_equal(text_at(fact->data, "payment"), ROW);
    assert_true(json_bool_or(fact->data, "fully_paid", false));

    err = book(scene, (struct fake_reply[]){
                          READ_ROW(good_row(scene)),
                          {"GET", "/api/v1/payments/K4oeElkd0B?*", 200, payment(scene)},
                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

static void
what_exceeds_the_balance_is_not_applied(void **state)
{
    struct scene *scene = *state;
    const char *row = row_with(
        scene, "\"amount\":\"6000.00\",\"source\":\"bank\",\"status\":\"completed\"");
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(row),
                                          READ_INVOICE(fixture(scene, "invoice")),
                                          BOOKED, SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/payments");
    assert_string_equal(text_at(body, "amount"), "6000");
    assert_string_equal(json_print(json_at(body, "invoices"), NULL),
                        "[{\"invoice_id\":\"7LDdwrmb1Y\",\"amount\":5513.1}]");
}

static void
a_key_that_is_taken_was_booked_before(void **state)
{
    struct scene *scene = *state;
    const char *with_payments =
        edited(scene, "invoice",
               (struct edit[]){{"data.payments",
                                "[{\"id\":\"aaaaaaaaaa\",\"custom_value1\":\"\"},"
                                "{\"id\":\"K4oeElkd0B\",\"custom_value1\":"
                                "\"directus:payment:" ROW "\"}]"},
                               {NULL}});
    struct error err = book(
        scene,
        (struct fake_reply[]){
            READ_ROW(good_row(scene)),
            READ_INVOICE(fixture(scene, "invoice")),
            {"POST", "/api/v1/payments", 422,
             fixture(scene, "error.422.2-idempotency-key")},
            {"GET", "/api/v1/invoices/7LDdwrmb1Y?include=payments", 200, with_payments},
            SEEN,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
}

static void
cut_and_wait(struct scene *scene)
{
    struct error err = book(
        scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                     READ_INVOICE(fixture(scene, "invoice")),
                                     {"POST", "/api/v1/payments", .cut = ERROR_UNSURE},
                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 60000;
}

// The payments of the invoice.
static struct fake_reply
with_it(struct scene *scene, const char *payments)
{
    return (struct fake_reply){
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=payments", 200,
        edited(scene, "invoice", (struct edit[]){{"data.payments", payments}, {NULL}})};
}

#define MARKED \
    "[{\"id\":\"K4oeElkd0B\",\"custom_value1\":\"directus:payment:" ROW "\"}]"

static void
after_a_cut_it_is_looked_for_first(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                          with_it(scene, MARKED), SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static const char *
taken_back(struct scene *scene)
{
    return row_with(
        scene, "\"amount\":\"5513.10\",\"source\":\"bank\",\"status\":\"cancelled\"");
}

static void
what_was_booked_before_it_was_taken_back_is_shown_to_a_person(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(taken_back(scene)),
                                          with_it(scene, MARKED), SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.booked-anyway"));
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 1);
    struct json_object *row = json_object_array_get_idx(
        json_at(sent(scene, "PATCH", "/items/client_invoices/"), "payments.update"), 0);
    assert_string_equal(text_at(row, "id"), ROW);
    assert_string_equal(text_at(row, "status"), "completed");
}

static void
what_a_cut_call_did_not_book_is_nothing_to_book(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err = book(scene, (struct fake_reply[]){READ_ROW(taken_back(scene)),
                                                         with_it(scene, "[]"), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, IDENTITY)->state, LEDGER_EFFECT_OPEN);
    assert_int_equal(scene->fake.attention_count, 0);
}

// It was deleted there, which took the row back: its command, replayed, is no news.
static void
what_was_seen_before_it_was_taken_back_is_no_news(void **state)
{
    struct scene *scene = *state;
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                          READ_INVOICE(fixture(scene, "invoice")),
                                          BOOKED, SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = book(scene, (struct fake_reply[]){READ_ROW(taken_back(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0);
}

static void
the_guard_of_a_second_gives_the_intent_back(void **state)
{
    struct scene *scene = *state;
    struct error err = book(
        scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                     READ_INVOICE(fixture(scene, "invoice")),
                                     {"POST", "/api/v1/payments", 400,
                                      fixture(scene, "error.400.3-duplicate-request")},
                                     END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(err.retry_after_ms, 1200);
    assert_int_equal(fake_effect(&scene->fake, IDENTITY)->state, LEDGER_EFFECT_OPEN);
}

static void
assert_nothing(struct scene *scene, const char *members, const char *note)
{
    struct error err =
        book(scene, (struct fake_reply[]){READ_ROW(row_with(scene, members)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, note);
}

static void
what_is_no_new_money_is_not_booked(void **state)
{
    struct scene *scene = *state;
    assert_nothing(scene,
                   "\"amount\":\"1.00\",\"source\":\"invoice_ninja\",\"status\":"
                   "\"completed\"",
                   "nothing to book: it came from Invoice Ninja");
    assert_nothing(scene,
                   "\"amount\":\"1.00\",\"source\":\"bank\",\"status\":\"pending\"",
                   "nothing to book: it is not completed");
}

static void
bad_payments_are_dead_letters(void **state)
{
    struct scene *scene = *state;
    struct error err = book(
        scene, (struct fake_reply[]){
                   READ_ROW(row_with(scene, "\"amount\":\"0.00\",\"source\":\"bank\","
                                            "\"status\":\"completed\"")),
                   END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    err = book(scene, (struct fake_reply[]){READ_ROW("{\"data\":{\"id\":\"" ROW
                                                     "\",\"invoice_id\":null}}"),
                                            END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "invoice_id"));
    err = book(
        scene,
        (struct fake_reply[]){
            READ_ROW(good_row(scene)),
            READ_INVOICE(edited(scene, "invoice",
                                (struct edit[]){{"data.status_id", "\"5\""}, {NULL}})),
            END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
}

// Its refund is no news of Invoice Ninja's, and would be forgotten.
static void
a_payment_refunded_before_it_was_booked_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    const char *row =
        row_with(scene, "\"amount\":\"5513.10\",\"refunded_amount\":\"13.10\","
                        "\"source\":\"bank\",\"status\":\"completed\"");
    struct error err = book(scene, (struct fake_reply[]){READ_ROW(row), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "replay"));
    // Once it is booked the refund is Invoice Ninja's.
    err = book(scene, (struct fake_reply[]){READ_ROW(good_row(scene)),
                                            READ_INVOICE(fixture(scene, "invoice")),
                                            BOOKED, SEEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = book(scene, (struct fake_reply[]){
                          READ_ROW(row),
                          {"GET", "/api/v1/payments/K4oeElkd0B?*", 200, payment(scene)},
                          END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// 100 francs are not 100 euros.
static void
a_payment_in_another_currency_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    const char *row = row_with(scene, "\"amount\":\"5513.10\",\"currency\":\"EUR\","
                                      "\"source\":\"bank\",\"status\":\"completed\"");
    struct error err = book(scene, (struct fake_reply[]){READ_ROW(row), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "currency"));
    assert_non_null(err.hint);
}

static const char *
row_of_company(struct scene *scene, const char *company)
{
    return job_printf(&scene->fake.keep,
                      "{\"data\":{\"id\":\"" ROW "\",\"amount\":\"12.00\",\"source\":"
                      "\"bank\",\"status\":\"completed\",\"invoice_id\":{\"id\":"
                      "\"" OTHER "\",\"owner_company\":\"%s\",\"company_id\":\"" FIRM
                      "\",\"quote_id\":\"" QUOTE "\",\"status\":\"sent\"}}}",
                      company);
}

// Its mirroring has failed: the money is not forgotten.
static void
a_payment_of_an_invoice_that_is_not_there_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    struct error err = book(
        scene,
        (struct fake_reply[]){READ_ROW(row_of_company(scene, "HYPERVISUAL")), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, OTHER));
    assert_non_null(strstr(err.hint, "replay"));
}

static void
a_payment_of_a_company_without_a_key_counts_unbooked(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(
        &scene->fake, BOOK, "LEXAIA:" FIRM, COMMAND,
        (struct fake_reply[]){READ_ROW(row_of_company(scene, "LEXAIA")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *asked = fake_last(&scene->fake, "orchestrator.fact");
    assert_string_equal(asked->topic, "orchestrator.commands");
    assert_string_equal(asked->key, QUOTE_ROOT);
    assert_string_equal(text_at(asked->data, "entity"), "invoice:" OTHER);
    assert_string_equal(text_at(asked->data, "fact"), "payment.received");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, billed_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bank_payment_is_booked_once),
        TEST(what_exceeds_the_balance_is_not_applied),
        TEST(a_key_that_is_taken_was_booked_before),
        TEST(after_a_cut_it_is_looked_for_first),
        TEST(what_was_booked_before_it_was_taken_back_is_shown_to_a_person),
        TEST(what_a_cut_call_did_not_book_is_nothing_to_book),
        TEST(what_was_seen_before_it_was_taken_back_is_no_news),
        TEST(the_guard_of_a_second_gives_the_intent_back),
        TEST(what_is_no_new_money_is_not_booked),
        TEST(bad_payments_are_dead_letters),
        TEST(a_payment_refunded_before_it_was_booked_is_a_dead_letter),
        TEST(a_payment_in_another_currency_is_a_dead_letter),
        TEST(a_payment_of_an_invoice_that_is_not_there_is_a_dead_letter),
        TEST(a_payment_of_a_company_without_a_key_counts_unbooked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
