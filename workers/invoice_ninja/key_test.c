// A key under a short code (INVOICE_NINJA_KEY_ENKI) serves the one company that it
// fits: nothing of another one ends in its books.
#include <string.h>

#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/key.h"
#include "workers/invoice_ninja/tests/scene.h"

#define OBSERVED "invoice-ninja.invoice.observed"
#define OWNERS(codes)                                          \
    {                                                          \
        "GET", "/items/owner_companies?*", 200,                \
            "{\"data\":[{\"code\":\"HYPERVISUAL\"}" codes "]}" \
    }
#define REALTY ",{\"code\":\"ENKI_REALTY\"}"
#define HOTEL ",{\"code\":\"ENKI_HOTEL\"}"
#define ENKI ",{\"code\":\"ENKI\"}"
#define LOOKED_AT                                             \
    {                                                         \
        "GET", "/api/v1/invoices/*", 400,                     \
            "{\"message\":\"No query results for model []\"}" \
    }

// Has the worker look at an invoice of the company.
static struct error
look_for(struct scene *scene, const char *company, const struct fake_reply replies[])
{
    struct job *keep = &scene->fake.keep;
    return fake_deliver(
        &scene->fake, OBSERVED, job_printf(keep, "%s:K4oeElkd0B", company),
        job_printf(keep,
                   "{\"company\":\"%s\",\"remote_id\":\"K4oeElkd0B\",\"root\":\"\","
                   "\"why\":\"sweep\"}",
                   company),
        replies);
}

static void
assert_refused(struct scene *scene, const struct error *err, const char *company,
               const char *other)
{
    struct job *keep = &scene->fake.keep;
    assert_int_equal(err->kind, ERROR_FATAL);
    assert_string_equal(
        err->text,
        job_printf(keep,
                   "set INVOICE_NINJA_KEY_%s: INVOICE_NINJA_KEY_ENKI would serve %s "
                   "as well",
                   company, other));
    for (int i = 0; i < scene->fake.call_count; i++)
        assert_string_equal(scene->fake.calls[i].service, "directus");
}

static void
it_serves_the_only_company_it_fits(void **state)
{
    struct scene *scene = *state;
    struct error err = look_for(scene, "ENKI_REALTY",
                                (struct fake_reply[]){OWNERS(REALTY), LOOKED_AT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[1].token, OTHER_KEY);
    // Which is asked once in a while.
    err = look_for(scene, "ENKI_REALTY", (struct fake_reply[]){LOOKED_AT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, OTHER_KEY);
}

// Nobody knows whose books it opens, whoever asks first.
static void
where_it_fits_two_it_serves_neither(void **state)
{
    struct scene *scene = *state;
    struct error err =
        look_for(scene, "ENKI_HOTEL", (struct fake_reply[]){OWNERS(HOTEL REALTY), END});
    assert_refused(scene, &err, "ENKI_HOTEL", "ENKI_REALTY");
    err = look_for(scene, "ENKI_REALTY",
                   (struct fake_reply[]){OWNERS(HOTEL REALTY), END});
    assert_refused(scene, &err, "ENKI_REALTY", "ENKI_HOTEL");
}

static void
a_company_that_comes_later_does_not_get_it(void **state)
{
    struct scene *scene = *state;
    it_serves_the_only_company_it_fits(state);
    struct error err =
        look_for(scene, "ENKI_HOTEL", (struct fake_reply[]){OWNERS(HOTEL REALTY), END});
    assert_refused(scene, &err, "ENKI_HOTEL", "ENKI_REALTY");
}

static void
with_a_key_of_its_own_each_is_served(void **state)
{
    struct scene *scene = *state;
    fake_setting("INVOICE_NINJA_KEY_ENKI_HOTEL", "key-of-the-hotel");
    scene_reopen(scene);
    struct error err =
        look_for(scene, "ENKI_HOTEL", (struct fake_reply[]){LOOKED_AT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, "key-of-the-hotel");
    err = look_for(scene, "ENKI_REALTY",
                   (struct fake_reply[]){OWNERS(HOTEL REALTY), LOOKED_AT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[1].token, OTHER_KEY);
    fake_setting("INVOICE_NINJA_KEY_ENKI_HOTEL", NULL);
}

static void
whose_whole_code_it_is_keeps_it(void **state)
{
    struct scene *scene = *state;
    struct error err = look_for(scene, "ENKI", (struct fake_reply[]){LOOKED_AT, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, OTHER_KEY);
    err =
        look_for(scene, "ENKI_REALTY", (struct fake_reply[]){OWNERS(ENKI REALTY), END});
    assert_refused(scene, &err, "ENKI_REALTY", "ENKI");
}

static void
while_directus_is_away_nothing_is_sent(void **state)
{
    struct scene *scene = *state;
    struct error err =
        look_for(scene, "ENKI_REALTY",
                 (struct fake_reply[]){{.method = "GET",
                                        .url = "/items/owner_companies?*",
                                        .cut = ERROR_RETRYABLE},
                                       END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_serves_the_only_company_it_fits),
        TEST(where_it_fits_two_it_serves_neither),
        TEST(a_company_that_comes_later_does_not_get_it),
        TEST(with_a_key_of_its_own_each_is_served),
        TEST(whose_whole_code_it_is_keeps_it),
        TEST(while_directus_is_away_nothing_is_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
