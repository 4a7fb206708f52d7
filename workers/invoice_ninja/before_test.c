// What was in Invoice Ninja before Relais, as `relais baseline` leaves it in the
// ledger.
#include <string.h>

#include "workers/invoice_ninja/tests/scene.h"

#define OLD_ROW "11111111-2222-4333-8444-555555555555"
#define OLD_PAYMENT "22222222-2222-4333-8444-555555555555"
#define PAYMENT_STATE "ninja-payment:HYPERVISUAL:K4oeElkd0B"
#define PAYMENT_SEEN "invoice-ninja.payment.observed"
#define LOOK                                                                   \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"K4oeElkd0B\",\"root\":\"\"," \
    "\"why\":\"webhook\"}"
#define PAYMENT(text)                                                             \
    {                                                                             \
        "GET", "/api/v1/payments/K4oeElkd0B?include=invoices%2Cclient", 200, text \
    }
#define OLD_BILL(status, paid, balance)                                           \
    {                                                                             \
        "GET", "/items/client_invoices/" OLD_ROW "?*", 200,                       \
            "{\"data\":{\"id\":\"" OLD_ROW                                        \
            "\",\"owner_company\":\"HYPERVISUAL\",\"company_id\":\"" FIRM         \
            "\",\"contact_id\":\"" CONTACT "\",\"quote_id\":\"" QUOTE             \
            "\",\"type\":\"deposit\",\"status\":\"" status                        \
            "\",\"currency\":\"CHF\",\"amount_paid\":\"" paid                     \
            "\",\"balance\":\"" balance "\",\"invoice_ninja_id\":\"7LDdwrmb1Y\"," \
            "\"invoice_ninja_number\":\"HV-2026-0142-A\"}}"                       \
    }
#define BILL_WRITTEN WRITTEN("/items/client_invoices/" OLD_ROW)

static int
begin(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    scene->fake.refs[scene->fake.ref_count++] = (struct ledger_ref){
        .company = "HYPERVISUAL",
        .collection = "client_invoices",
        .local_id = OLD_ROW,
        .remote_type = "invoice",
        .remote_id = "7LDdwrmb1Y",
        .lane_key = LANE,
    };
    return 0;
}

// The payment of an invoice without our mark, in full; refunded as told.
static const char *
payment(struct scene *scene, const char *refunded)
{
    return edited(scene, "payment",
                  (struct edit[]){{"data.status_id", "\"4\""},
                                  {"data.amount", "5513.1"},
                                  {"data.applied", "5513.1"},
                                  {"data.refunded", refunded},
                                  {"data.paymentables.0.amount", "5513.1"},
                                  {"data.paymentables.0.refunded", refunded},
                                  {"data.invoices.0.custom_value1", "\"\""},
                                  {"data.invoices.0.status_id", "\"4\""},
                                  {"data.invoices.0.paid_to_date", "5513.1"},
                                  {"data.invoices.0.balance", "0"},
                                  {NULL}});
}

static void
an_old_invoice_is_known_by_its_reference(void **state)
{
    struct scene *scene = *state;
    const char *text = payment(scene, "0");
    struct error err = deliver(
        scene, PAYMENT_SEEN, LOOK,
        (struct fake_reply[]){PAYMENT(text), OLD_BILL("sent", "0.00", "5513.10"),
                              BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "payment.received");
    assert_non_null(fact);
    assert_string_equal(fact->key, QUOTE_ROOT);
    assert_true(json_bool_or(fact->data, "fully_paid", false));
    assert_true(json_bool_or(fact->data, "is_deposit", false));

    int published = scene->fake.published_count;
    err = deliver(scene, PAYMENT_SEEN, LOOK, (struct fake_reply[]){PAYMENT(text), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
}

static void
an_old_payment_is_not_told_again_and_its_refund_is(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PAYMENT_STATE,
                   "{\"rows\":{\"7LDdwrmb1Y\":{\"row\":\"" OLD_PAYMENT
                   "\",\"invoice\":\"" OLD_ROW
                   "\",\"amount\":551310,\"refunded\":0,\"status\":\"completed\"}}}");
    struct error err =
        deliver(scene, PAYMENT_SEEN, LOOK,
                (struct fake_reply[]){PAYMENT(payment(scene, "0")),
                                      OLD_BILL("paid", "5513.10", "0.00"), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);

    err = deliver(
        scene, PAYMENT_SEEN, LOOK,
        (struct fake_reply[]){PAYMENT(payment(scene, "13.1")), BILL_WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "payment.refunded"), 1);
    assert_int_equal(fake_count(&scene->fake, "payment.received"), 0);
    struct json_object *rows = json_array_or_null(
        json_at(sent(scene, "PATCH", "/items/client_invoices/"), "payments"), "update");
    assert_int_equal(json_object_array_length(rows), 1);
    assert_string_equal(text_at(json_object_array_get_idx(rows, 0), "id"), OLD_PAYMENT);
}

static void
an_old_deposit_is_the_only_one(void **state)
{
    struct scene *scene = *state;
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){.kind = "invoice-ninja.deposit",
                                          .identity = QUOTE_ROOT,
                                          .result = "{\"ninja_id\":\"7LDdwrmb1Y\","
                                                    "\"invoice\":\"" OLD_ROW "\"}",
                                          .state = LEDGER_EFFECT_CONFIRMED});
    struct error err =
        deliver(scene, "invoice-ninja.deposit.create",
                "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}",
                (struct fake_reply[]){{"GET", "/items/quotes/" QUOTE "?*", 200,
                                       fixture(scene, "directus.quote")},
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(scene->fake.note,
                        "skipped: the quote has the deposit invoice " OLD_ROW
                        " already");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_old_invoice_is_known_by_its_reference),
        TEST(an_old_payment_is_not_told_again_and_its_refund_is),
        TEST(an_old_deposit_is_the_only_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
