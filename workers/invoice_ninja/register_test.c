#include <string.h>

#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/tests/scene.h"
#include "workers/invoice_ninja/wire.h"

#define REGISTER "invoice-ninja.webhooks.register"
#define COMMAND "{\"company\":\"HYPERVISUAL\"}"
#define SECRET "secret-of-the-webhooks"
#define NO_ROWS "{\"data\":[]}"
#define MADE                                                         \
    {                                                                \
        "POST", "/api/v1/webhooks", 200, "{\"data\":{\"id\":\"x\"}}" \
    }

enum { EVENTS = 10 };

static struct error
run(struct scene *scene, const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, REGISTER, "HYPERVISUAL:webhooks", COMMAND,
                        replies);
}

// The rows as Invoice Ninja shows them once they were registered.
static struct json_object *
registered(struct scene *scene)
{
    struct job *keep = &scene->fake.keep;
    struct json_object *rows = json_array_in(keep);
    for (const struct ninja_wire *wire = ninja_wires; wire->name != NULL; wire++) {
        const char *text = job_printf(
            keep,
            "{\"id\":\"row%d\",\"event_id\":\"%d\",\"target_url\":\"https://"
            "ingest.hypervisual.ch/api/integrations/invoice-ninja/webhook?company="
            "HYPERVISUAL&event=%s\",\"rest_method\":\"post\",\"headers\":{"
            "\"X-Webhook-Secret\":\"" SECRET "\",\"X-Ninja-Company\":\"HYPERVISUAL\","
            "\"X-Ninja-Event\":\"%d\"},\"archived_at\":0,\"is_deleted\":false}",
            wire->number, wire->number, wire->name, wire->number);
        json_add(rows, json_parse(keep, text, strlen(text)));
    }
    return rows;
}

static struct fake_reply
list(struct scene *scene, struct json_object *rows)
{
    return (struct fake_reply){
        "GET", "/api/v1/webhooks?per_page=5000", 200,
        job_printf(&scene->fake.keep, "{\"data\":%s}", json_print(rows, NULL))};
}

static void
every_event_is_registered_with_company_and_secret(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, (struct fake_reply[]){{"GET", "/api/v1/webhooks?*", 200, NO_ROWS},
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         MADE,
                                         END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.call_count, 1 + EVENTS);
    struct json_object *body = json_parse(&scene->fake.keep, scene->fake.calls[3].body,
                                          strlen(scene->fake.calls[3].body));
    assert_string_equal(
        json_print(body, NULL),
        "{\"target_url\":\"https://ingest.hypervisual.ch/api/integrations/"
        "invoice-ninja/webhook?company=HYPERVISUAL&event=create_payment\","
        "\"event_id\":4,\"rest_method\":\"post\",\"format\":\"JSON\",\"headers\":{"
        "\"X-Webhook-Secret\":\"" SECRET "\",\"X-Ninja-Company\":\"HYPERVISUAL\","
        "\"X-Ninja-Event\":\"4\"}}");
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.webhook-deleted"));
    assert_null(strstr(scene->fake.note, SECRET));
    assert_null(strstr(scene->fake.shown, SECRET));
}

static void
rows_that_are_right_are_left_alone(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, (struct fake_reply[]){list(scene, registered(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, "webhooks: 0 created, 0 restored, 0 changed, "
                                          "10 unchanged, 0 withdrawn");
}

static void
a_row_that_was_deleted_is_restored_and_flagged(void **state)
{
    struct scene *scene = *state;
    struct json_object *rows = registered(scene);
    json_set_i64(json_object_array_get_idx(rows, 2), "archived_at", 1787200270);
    json_set_bool(json_object_array_get_idx(rows, 2), "is_deleted", true);
    struct error err = run(
        scene,
        (struct fake_reply[]){list(scene, rows),
                              {"POST", "/api/v1/webhooks/bulk", 200, NO_ROWS,
                               .sends = "{\"action\":\"restore\",\"ids\":[\"row4\"]}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.webhook-deleted"));
}

static void
a_row_that_vanished_is_made_again_and_flagged(void **state)
{
    struct scene *scene = *state;
    rows_that_are_right_are_left_alone(state);
    struct json_object *rows = registered(scene);
    json_object_array_del_idx(rows, 0, 1);
    struct error err = run(scene, (struct fake_reply[]){list(scene, rows), MADE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.webhook-deleted"));
}

static void
a_new_secret_is_told(void **state)
{
    struct scene *scene = *state;
    struct error reload = {.kind = ERROR_NONE};
    struct json_object *rows = registered(scene);
    fake_setting("INVOICE_NINJA_WEBHOOK_SECRET", "the-next-secret");
    assert_true(invoice_ninja.reload(&scene->ninja, &reload));
    struct fake_reply replies[EVENTS + 2] = {list(scene, rows)};
    for (int i = 1; i <= EVENTS; i++)
        replies[i] = (struct fake_reply){"PUT", "/api/v1/webhooks/row*", 200,
                                         "{\"data\":{\"id\":\"x\"}}",
                                         .sends = "the-next-secret"};
    struct error err = run(scene, replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note,
                        "webhooks: 0 created, 0 restored, 10 changed, "
                        "0 unchanged, 0 withdrawn");
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.webhook-deleted"));
}

static void
a_row_that_a_cut_call_made_is_taken(void **state)
{
    struct scene *scene = *state;
    struct json_object *rows = registered(scene);
    struct json_object *made = json_object_array_get_idx(rows, 0); // the scene keeps it
    json_object_array_del_idx(rows, 0, 1);
    struct error err = run(
        scene, (struct fake_reply[]){
                   list(scene, rows),
                   {.method = "POST", .url = "/api/v1/webhooks", .cut = ERROR_UNSURE},
                   END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_true(scene->fake.calls[1].once);
    json_add(rows, made);
    err = run(scene, (struct fake_reply[]){list(scene, rows), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_second_row_of_an_event_is_withdrawn(void **state)
{
    struct scene *scene = *state;
    struct json_object *rows = registered(scene);
    const char *text = job_strdup(&scene->fake.keep,
                                  json_print(json_object_array_get_idx(rows, 1), NULL));
    struct json_object *copy = json_parse(&scene->fake.keep, text, strlen(text));
    json_set_string(copy, "id", "again");
    json_add(rows, copy);
    struct error err = run(
        scene,
        (struct fake_reply[]){list(scene, rows),
                              {"POST", "/api/v1/webhooks/bulk", 200, NO_ROWS,
                               .sends = "{\"action\":\"delete\",\"ids\":[\"again\"]}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
other_peoples_webhooks_are_none_of_ours(void **state)
{
    struct scene *scene = *state;
    struct json_object *rows = registered(scene);
    const char *other = "{\"id\":\"zapier\",\"event_id\":\"4\",\"target_url\":"
                        "\"https://hooks.zapier.com/x\",\"headers\":[]}";
    json_add(rows, json_parse(&scene->fake.keep, other, strlen(other)));
    struct error err = run(scene, (struct fake_reply[]){list(scene, rows), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
without_a_secret_or_a_url_nothing_is_registered(void **state)
{
    struct scene *scene = *state;
    fake_setting("WEBHOOK_BASE_URL", NULL);
    scene_reopen(scene);
    struct error err = run(
        scene, (struct fake_reply[]){{"GET", "/api/v1/webhooks?*", 200, NO_ROWS}, END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "WEBHOOK_BASE_URL"));
    fake_setting("WEBHOOK_BASE_URL", "https://ingest.hypervisual.ch");
    fake_setting("INVOICE_NINJA_WEBHOOK_SECRET", NULL);
    scene_reopen(scene);
    err = run(scene,
              (struct fake_reply[]){{"GET", "/api/v1/webhooks?*", 200, NO_ROWS}, END});
    assert_non_null(strstr(err.text, "INVOICE_NINJA_WEBHOOK_SECRET"));
}

// ---- keys

static void
keys_are_read_again(void **state)
{
    struct scene *scene = *state;
    struct error err = {.kind = ERROR_NONE};
    const struct ninja_companies *companies = scene->ninja.companies;
    const char *before = ninja_company_key(companies, "HYPERVISUAL");
    fake_setting("INVOICE_NINJA_KEY_HYPERVISUAL", "the-next-key");
    assert_true(invoice_ninja.reload(&scene->ninja, &err));
    assert_string_equal(ninja_company_key(companies, "HYPERVISUAL"), "the-next-key");
    assert_string_equal(before, API_KEY); // a call under way still reads it
    fake_setting("INVOICE_NINJA_KEY_HYPERVISUAL", NULL);
    assert_false(invoice_ninja.reload(&scene->ninja, &err));
    assert_non_null(strstr(err.text, "INVOICE_NINJA_KEY_HYPERVISUAL"));
    assert_string_equal(ninja_company_key(companies, "HYPERVISUAL"), "the-next-key");
}

static void
a_key_serves_its_company_and_no_other(void **state)
{
    struct scene *scene = *state;
    fake_setting("INVOICE_NINJA_KEY_ENKI_REALTY_GENEVE", "long");
    scene_reopen(scene);
    const struct ninja_companies *companies = scene->ninja.companies;
    assert_string_equal(ninja_company_key(companies, "ENKI"), OTHER_KEY);
    assert_string_equal(ninja_company_key(companies, "ENKI_REALTY"), OTHER_KEY);
    assert_string_equal(ninja_company_key(companies, "enki-realty"), OTHER_KEY);
    assert_string_equal(ninja_company_key(companies, "ENKI_REALTY_GENEVE"), "long");
    assert_null(ninja_company_key(companies, "ENKIDU"));
    assert_null(ninja_company_key(companies, "ENK"));
    assert_null(ninja_company_key(companies, "LEXAIA"));
    assert_null(ninja_company_key(companies, ""));
    assert_non_null(ninja_company_any_key(companies, 2));
    assert_null(ninja_company_any_key(companies, 3));
    fake_setting("INVOICE_NINJA_KEY_ENKI_REALTY_GENEVE", NULL);
}

// One of them would be billed in the other's books.
static void
one_token_for_two_companies_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = {.kind = ERROR_NONE};
    const struct ninja_companies *companies = scene->ninja.companies;
    fake_setting("INVOICE_NINJA_KEY_ENKI", API_KEY);
    assert_false(invoice_ninja.reload(&scene->ninja, &err));
    assert_non_null(strstr(err.text, "INVOICE_NINJA_KEY_ENKI"));
    assert_non_null(strstr(err.text, "INVOICE_NINJA_KEY_HYPERVISUAL"));
    assert_null(strstr(err.text, API_KEY));
    assert_string_equal(ninja_company_key(companies, "ENKI"), OTHER_KEY);
    assert_string_equal(ninja_company_key(companies, "HYPERVISUAL"), API_KEY);
    assert_null(ninja_companies_open(&err));
    // Two that were swapped may be put right.
    fake_setting("INVOICE_NINJA_KEY_HYPERVISUAL", OTHER_KEY);
    assert_true(invoice_ninja.reload(&scene->ninja, &err));
    assert_string_equal(ninja_company_key(companies, "ENKI"), API_KEY);
    assert_string_equal(ninja_company_key(companies, "HYPERVISUAL"), OTHER_KEY);
}

static void
without_any_key_it_does_not_start(void **state)
{
    (void)state;
    struct error err = {.kind = ERROR_NONE};
    fake_setting("INVOICE_NINJA_KEY_HYPERVISUAL", NULL);
    fake_setting("INVOICE_NINJA_KEY_ENKI", NULL);
    assert_null(ninja_companies_open(&err));
    assert_non_null(strstr(err.text, "INVOICE_NINJA_KEY_<CODE>"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_event_is_registered_with_company_and_secret),
        TEST(rows_that_are_right_are_left_alone),
        TEST(a_row_that_was_deleted_is_restored_and_flagged),
        TEST(a_row_that_vanished_is_made_again_and_flagged),
        TEST(a_new_secret_is_told),
        TEST(a_row_that_a_cut_call_made_is_taken),
        TEST(a_second_row_of_an_event_is_withdrawn),
        TEST(other_peoples_webhooks_are_none_of_ours),
        TEST(without_a_secret_or_a_url_nothing_is_registered),
        TEST(keys_are_read_again),
        TEST(a_key_serves_its_company_and_no_other),
        TEST(one_token_for_two_companies_is_refused),
        TEST(without_any_key_it_does_not_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
