#include <string.h>

#include "common/clock.h"
#include "workers/invoice_ninja/sweep.h"
#include "workers/invoice_ninja/tests/scene.h"

#define REGISTER "invoice-ninja.webhooks.register"
#define INVOICE_SEEN "invoice-ninja.invoice.observed"
#define PAYMENT_SEEN "invoice-ninja.payment.observed"
#define NO_ROWS "{\"data\":[]}"

#define COMPANIES(text)                              \
    {                                                \
        "GET", "/items/owner_companies?*", 200, text \
    }
#define ONE_COMPANY \
    COMPANIES("{\"data\":[{\"code\":\"HYPERVISUAL\"},{\"code\":\"LEXAIA\"}]}")
#define NOT_OVERDUE                                     \
    {                                                   \
        "GET", "/items/client_invoices?*", 200, NO_ROWS \
    }
#define INVOICES(text)                                    \
    {                                                     \
        "GET", "/api/v1/invoices?updated_at=*", 200, text \
    }
#define PAYMENTS(text)                                    \
    {                                                     \
        "GET", "/api/v1/payments?updated_at=*", 200, text \
    }

static struct error
sweep(struct scene *scene, const struct fake_reply replies[])
{
    return fake_run(&scene->fake, ninja_sweep, &scene->ninja, replies);
}

// A list of that one object.
static const char *
list_of(struct scene *scene, const char *name, const struct edit edits[])
{
    const char *text = edited(scene, name, edits);
    struct json_object *one = json_parse(&scene->fake.keep, text, strlen(text));
    return job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                      json_print(json_at(one, "data"), NULL));
}

#define AS_IT_IS ((struct edit[]){{NULL}})

static void
what_changed_is_looked_at_once(void **state)
{
    struct scene *scene = *state;
    const char *invoices = list_of(scene, "invoice", AS_IT_IS);
    const char *payments = list_of(scene, "payment", AS_IT_IS);
    struct error err =
        sweep(scene, (struct fake_reply[]){ONE_COMPANY, NOT_OVERDUE, INVOICES(invoices),
                                           PAYMENTS(payments), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *look = fake_last(&scene->fake, INVOICE_SEEN);
    assert_string_equal(look->key, LANE);
    assert_string_equal(text_at(look->data, "remote_id"), "7LDdwrmb1Y");
    assert_string_equal(text_at(look->data, "company"), "HYPERVISUAL");
    assert_string_equal(text_at(look->data, "why"), "sweep");
    look = fake_last(&scene->fake, PAYMENT_SEEN);
    assert_string_equal(look->key, LANE);
    assert_string_equal(text_at(look->data, "remote_id"), "K4oeElkd0B");

    // The next one reads from the latest change on, with the overlap, and looks at
    // nothing twice.
    err = sweep(scene,
                (struct fake_reply[]){
                    ONE_COMPANY,
                    {"GET",
                     "/api/v1/invoices?updated_at=1786539484&sort=updated_at%7Casc&"
                     "include=client&per_page=200&page=1",
                     200, invoices},
                    {"GET",
                     "/api/v1/payments?updated_at=1787200150&sort=updated_at%7Casc&"
                     "include=client&per_page=200&page=1",
                     200, payments},
                    END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 1);
    assert_int_equal(fake_count(&scene->fake, PAYMENT_SEEN), 1);
}

static void
what_moved_since_is_looked_at_again(void **state)
{
    struct scene *scene = *state;
    what_changed_is_looked_at_once(state);
    const char *later = list_of(
        scene, "invoice", (struct edit[]){{"data.updated_at", "1786539605"}, {NULL}});
    struct error err = sweep(scene, (struct fake_reply[]){ONE_COMPANY, INVOICES(later),
                                                          PAYMENTS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 2);
}

static void
what_the_webhook_told_needs_no_look(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, "invoice:" DEPOSIT,
                   "{\"company\":\"HYPERVISUAL\",\"status\":\"sent\",\"paid\":0,"
                   "\"balance\":551310}");
    fake_set_state(&scene->fake, "ninja-payment:HYPERVISUAL:K4oeElkd0B",
                   "{\"stamp\":\"1787200270 4 551310 551310 0\"}");
    struct error err = sweep(
        scene,
        (struct fake_reply[]){ONE_COMPANY, NOT_OVERDUE,
                              INVOICES(list_of(scene, "invoice", AS_IT_IS)),
                              PAYMENTS(list_of(scene, "payment", AS_IT_IS)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 0);
    assert_int_equal(fake_count(&scene->fake, PAYMENT_SEEN), 0);
}

static void
an_object_of_somebody_else_gets_a_lane_of_its_own(void **state)
{
    struct scene *scene = *state;
    const char *text =
        list_of(scene, "invoice",
                (struct edit[]){{"data.client.id_number", "\"C-77\""}, {NULL}});
    struct error err =
        sweep(scene, (struct fake_reply[]){ONE_COMPANY, NOT_OVERDUE, INVOICES(text),
                                           PAYMENTS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, INVOICE_SEEN)->key,
                        "HYPERVISUAL:7LDdwrmb1Y");
}

// 200 rows that changed in as many seconds, or all in one. What they say was acted on
// before, so that only what comes after them is looked at.
static const char *
full_page(struct scene *scene, bool one_second)
{
    struct job *keep = &scene->fake.keep;
    struct json_object *rows = json_array_in(keep);
    for (int i = 0; i < 200; i++) {
        struct json_object *row = json_object_in(keep);
        json_set_string(row, "id", job_printf(keep, "r%d", i));
        json_set_i64(row, "updated_at", 1786539604 + (one_second ? 0 : i));
        json_set_string(row, "custom_value1", "directus:invoice:" DEPOSIT);
        json_set_string(row, "status_id", "2");
        json_set_i64(row, "amount", 0);
        json_set_i64(row, "paid_to_date", 0);
        json_set_i64(row, "balance", 0);
        json_add(rows, row);
    }
    return job_printf(keep, "{\"data\":%s}", json_print(rows, NULL));
}

static void
long_ago(struct scene *scene)
{
    scene->ninja.sweep_first_ms = 10000LL * 24 * 3600 * 1000;
    fake_set_state(&scene->fake, "invoice:" DEPOSIT,
                   "{\"status\":\"sent\",\"paid\":0,\"balance\":0}");
}

static void
the_next_page_is_the_first_one_from_the_latest_change_on(void **state)
{
    struct scene *scene = *state;
    long_ago(scene);
    struct error err = sweep(
        scene,
        (struct fake_reply[]){
            ONE_COMPANY,
            NOT_OVERDUE,
            INVOICES(full_page(scene, false)),
            {"GET",
             "/api/v1/invoices?updated_at=1786539803&sort="
             "updated_at%7Casc&include=client&per_page=200&page=1",
             200,
             "{\"data\":[{\"id\":\"r199\",\"custom_value1\":\"directus:invoice:" DEPOSIT
             "\",\"status_id\":\"2\",\"amount\":0,\"paid_to_date\":0,"
             "\"balance\":0,\"updated_at\":1786539803},{\"id\":\"r200\",\"updated_at\":"
             "1786539804}]}"},
            PAYMENTS(NO_ROWS),
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 1);
    assert_string_equal(
        text_at(fake_last(&scene->fake, INVOICE_SEEN)->data, "remote_id"), "r200");
}

static void
a_page_of_one_second_is_followed_by_the_second(void **state)
{
    struct scene *scene = *state;
    long_ago(scene);
    struct error err = sweep(
        scene, (struct fake_reply[]){
                   ONE_COMPANY,
                   NOT_OVERDUE,
                   INVOICES(full_page(scene, true)),
                   {"GET", "/api/v1/invoices?updated_at=1786539604&*", 200,
                    full_page(scene, true)},
                   {"GET",
                    "/api/v1/invoices?updated_at=1786539604&sort=updated_at%7Casc&"
                    "include=client&per_page=200&page=2",
                    200, "{\"data\":[{\"id\":\"last\",\"updated_at\":1786539604}]}"},
                   PAYMENTS(NO_ROWS),
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        text_at(fake_last(&scene->fake, INVOICE_SEEN)->data, "remote_id"), "last");
}

static void
one_companys_trouble_stops_no_other(void **state)
{
    struct scene *scene = *state;
#define TWO "{\"data\":[{\"code\":\"ENKI_REALTY\"},{\"code\":\"HYPERVISUAL\"}]}"
    struct error err = sweep(
        scene, (struct fake_reply[]){COMPANIES(TWO),
                                     NOT_OVERDUE,
                                     COMPANIES(TWO),
                                     {"GET", "/api/v1/invoices?*", 403,
                                      fixture(scene, "error.403.1-bad-token")},
                                     INVOICES(list_of(scene, "invoice", AS_IT_IS)),
                                     PAYMENTS(NO_ROWS),
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 1);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.company"));
    assert_string_equal(scene->fake.calls[3].token, OTHER_KEY);
    assert_string_equal(scene->fake.calls[4].token, API_KEY);
    for (int i = 0; i < scene->fake.cursor_count; i++)
        assert_string_not_equal(scene->fake.cursors[i].name, "invoices.ENKI_REALTY");
}

static void
webhooks_are_checked_at_the_start_and_when_the_secret_changes(void **state)
{
    struct scene *scene = *state;
    struct error reload = {.kind = ERROR_NONE};
    const struct fake_reply quiet[] = {ONE_COMPANY, INVOICES(NO_ROWS),
                                       PAYMENTS(NO_ROWS), END};
    struct error err =
        sweep(scene, (struct fake_reply[]){ONE_COMPANY, NOT_OVERDUE, INVOICES(NO_ROWS),
                                           PAYMENTS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, REGISTER), 1);
    assert_string_equal(fake_last(&scene->fake, REGISTER)->key, "HYPERVISUAL:webhooks");
    assert_int_equal(sweep(scene, quiet).kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, REGISTER), 1);

    fake_setting("INVOICE_NINJA_WEBHOOK_SECRET", "the-next-secret");
    assert_true(invoice_ninja.reload(&scene->ninja, &reload));
    assert_int_equal(sweep(scene, quiet).kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, REGISTER), 2);
    for (int i = 0; i < scene->fake.cursor_count; i++)
        assert_null(strstr(scene->fake.cursors[i].value, "secret"));
}

static void
webhooks_are_checked_every_hour(void **state)
{
    struct scene *scene = *state;
    scene->ninja.hook_check_ms = 0;
    const struct fake_reply quiet[] = {ONE_COMPANY, INVOICES(NO_ROWS),
                                       PAYMENTS(NO_ROWS), END};
    assert_int_equal(
        sweep(scene, (struct fake_reply[]){ONE_COMPANY, NOT_OVERDUE, INVOICES(NO_ROWS),
                                           PAYMENTS(NO_ROWS), END})
            .kind,
        ERROR_NONE);
    assert_int_equal(sweep(scene, quiet).kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, REGISTER), 2);
}

static void
invoices_that_became_overdue_are_looked_at_once_a_day(void **state)
{
    struct scene *scene = *state;
    struct error err = sweep(
        scene,
        (struct fake_reply[]){
            COMPANIES(NO_ROWS),
            {"GET", "/items/client_invoices?*", 200,
             "{\"data\":[{\"id\":\"" DEPOSIT "\",\"owner_company\":\"HYPERVISUAL\","
             "\"company_id\":null,\"contact_id\":\"" CONTACT "\",\"invoice_ninja_id\":"
             "\"7LDdwrmb1Y\"},{\"id\":\"" QUOTE "\",\"owner_company\":\"LEXAIA\","
             "\"invoice_ninja_id\":\"Aa\"}]}"},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, INVOICE_SEEN), 1);
    assert_string_equal(fake_last(&scene->fake, INVOICE_SEEN)->key,
                        "HYPERVISUAL:" CONTACT);
    err = sweep(scene, (struct fake_reply[]){COMPANIES(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
without_directus_nothing_is_swept(void **state)
{
    struct scene *scene = *state;
    struct error err = sweep(
        scene,
        (struct fake_reply[]){{"GET", "/items/owner_companies?*", 500, "{}"}, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_string_equal(err.service, "directus");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_changed_is_looked_at_once),
        TEST(what_moved_since_is_looked_at_again),
        TEST(what_the_webhook_told_needs_no_look),
        TEST(an_object_of_somebody_else_gets_a_lane_of_its_own),
        TEST(the_next_page_is_the_first_one_from_the_latest_change_on),
        TEST(a_page_of_one_second_is_followed_by_the_second),
        TEST(one_companys_trouble_stops_no_other),
        TEST(webhooks_are_checked_at_the_start_and_when_the_secret_changes),
        TEST(webhooks_are_checked_every_hour),
        TEST(invoices_that_became_overdue_are_looked_at_once_a_day),
        TEST(without_directus_nothing_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
