#include <string.h>

#include "workers/invoice_ninja/tests/scene.h"

#define EMAIL "invoice-ninja.invoice.email"
#define COMMAND                                                 \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" DEPOSIT "\"," \
    "\"template\":\"invoice\",\"cc\":[],\"request\":\"deposit\"}"
#define IDENTITY "invoice:" DEPOSIT ":invoice:deposit"

#define READ_INVOICE(text)                                             \
    {                                                                  \
        "GET", "/api/v1/invoices/7LDdwrmb1Y?include=client", 200, text \
    }
#define SENT                                                                    \
    {                                                                           \
        "POST", "/api/v1/emails", 200, fixture(scene, "send-email.1.response"), \
            .sends = "{\"entity\":\"invoice\",\"entity_id\":\"7LDdwrmb1Y\","    \
                     "\"template\":\"email_template_invoice\"}"                 \
    }

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

static void
an_invoice_is_mailed_once(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, EMAIL, COMMAND,
        (struct fake_reply[]){READ_INVOICE(fixture(scene, "invoice")), SENT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(scene->fake.calls[1].once);
    assert_int_equal(fake_effect(&scene->fake, IDENTITY)->state,
                     LEDGER_EFFECT_CONFIRMED);
    err = deliver(scene, EMAIL, COMMAND, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note,
                        "invoice HV-2026-0142-A was mailed before (invoice)");
}

static void
another_request_mails_again(void **state)
{
    struct scene *scene = *state;
    an_invoice_is_mailed_once(state);
    struct error err = deliver(
        scene, EMAIL,
        "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" DEPOSIT
        "\",\"template\":\"email_template_reminder1\",\"cc\":[\"a@x.ch\",\"b@y.ch\"],"
        "\"request\":\"r2\"}",
        (struct fake_reply[]){
            READ_INVOICE(fixture(scene, "invoice")),
            {"POST", "/api/v1/emails", 200, fixture(scene, "send-email.1.response"),
             .sends = "\"template\":\"email_template_reminder1\",\"cc_email\":"
                      "\"a@x.ch,b@y.ch\""},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_mail_that_may_have_gone_out_is_never_repeated(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, EMAIL, COMMAND,
                (struct fake_reply[]){READ_INVOICE(fixture(scene, "invoice")),
                                      {"POST", "/api/v1/emails", .cut = ERROR_UNSURE},
                                      END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 60000;
    err = deliver(scene, EMAIL, COMMAND,
                  (struct fake_reply[]){READ_INVOICE(fixture(scene, "invoice")), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "relais effect resolve"));
    assert_true(fake_has_attention(&scene->fake, "effect.unsure"));
    const struct fake_event *fact = fake_last(&scene->fake, "effect.unsure");
    assert_string_equal(text_at(fact->data, "kind"), "invoice-ninja.email");
    assert_string_equal(text_at(fact->data, "identity"), IDENTITY);
    assert_int_equal(fake_effect(&scene->fake, IDENTITY)->state, LEDGER_EFFECT_FLAGGED);
}

static void
a_refused_mail_may_be_sent_later(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, EMAIL, COMMAND,
                (struct fake_reply[]){
                    READ_INVOICE(fixture(scene, "invoice")),
                    {"POST", "/api/v1/emails", 429, fixture(scene, "error.429.1")},
                    END});
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(fake_effect(&scene->fake, IDENTITY)->state, LEDGER_EFFECT_OPEN);
    err = deliver(
        scene, EMAIL, COMMAND,
        (struct fake_reply[]){READ_INVOICE(fixture(scene, "invoice")), SENT, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
assert_refused(struct scene *scene, const char *path, const char *json,
               const char *word)
{
    const char *text = edited(scene, "invoice", (struct edit[]){{path, json}, {NULL}});
    struct error err =
        deliver(scene, EMAIL, COMMAND, (struct fake_reply[]){READ_INVOICE(text), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 422);
    assert_non_null(strstr(err.text, word));
}

static void
nobody_gets_a_dead_invoice_or_a_mail_without_address(void **state)
{
    struct scene *scene = *state;
    assert_refused(scene, "data.client.contacts.0.email", "\"\"", "e-mail address");
    assert_refused(scene, "data.client.contacts.0.send_email", "false",
                   "e-mail address");
    assert_refused(scene, "data.invitations.0.client_contact_id", "\"another\"",
                   "e-mail address");
    assert_refused(scene, "data.status_id", "\"5\"", "cancelled");
    assert_refused(scene, "data.is_deleted", "true", "cancelled");
}

static void
bad_wishes_are_named(void **state)
{
    struct scene *scene = *state;
    static const struct {
        const char *members, *word;
    } wishes[] = {
        {"\"template\":\"nonsense\"", "nonsense"},
        {"\"cc\":[\"a@b.ch\",\"a@b.ch\",\"a@b.ch\",\"a@b.ch\",\"a@b.ch\"]", "cc"},
        {"\"cc\":[\"a@b.ch,evil@c.ch\"]", "cc"},
        {"\"cc\":[7]", "cc"},
        {"\"cc\":\"a@b.ch\"", "cc"},
        {"\"template\":7", "7"},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof wishes[0]; i++) {
        struct error err =
            deliver(scene, EMAIL,
                    job_printf(&scene->fake.keep,
                               "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" DEPOSIT
                               "\",\"request\":\"x\",%s}",
                               wishes[i].members),
                    (struct fake_reply[]){END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, wishes[i].word));
    }
}

static void
what_is_not_in_invoice_ninja_cannot_be_mailed(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    struct error err = deliver(
        scene, EMAIL, COMMAND,
        (struct fake_reply[]){{"GET", "/items/client_invoices/" DEPOSIT "?*", 200,
                               "{\"data\":{\"id\":\"" DEPOSIT
                               "\",\"owner_company\":\"HYPERVISUAL\","
                               "\"company_id\":\"" FIRM "\",\"status\":\"draft\"}}"},
                              END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "not in Invoice Ninja"));
}

static void
an_invoice_from_before_the_ledger_is_known_by_directus(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    struct error err = deliver(
        scene, EMAIL, COMMAND,
        (struct fake_reply[]){
            {"GET", "/items/client_invoices/" DEPOSIT "?*", 200,
             "{\"data\":{\"id\":\"" DEPOSIT "\",\"owner_company\":\"HYPERVISUAL\","
             "\"company_id\":\"" FIRM "\",\"status\":\"sent\",\"invoice_ninja_id\":"
             "\"7LDdwrmb1Y\",\"invoice_ninja_number\":\"HV-2026-0142-A\"}}"},
            READ_INVOICE(fixture(scene, "invoice")),
            SENT,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, billed_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_invoice_is_mailed_once),
        TEST(another_request_mails_again),
        TEST(a_mail_that_may_have_gone_out_is_never_repeated),
        TEST(a_refused_mail_may_be_sent_later),
        TEST(nobody_gets_a_dead_invoice_or_a_mail_without_address),
        TEST(bad_wishes_are_named),
        TEST(what_is_not_in_invoice_ninja_cannot_be_mailed),
        TEST(an_invoice_from_before_the_ledger_is_known_by_directus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
