// tests/runtime/echo/echo_test.c - as in any integration: it stands in the directory,
// so ctest runs it.
#include "tests/runtime/echo/echo.h"

#include "tests/harness/test.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/str.h"
#include "tests/harness/fake.h"

struct scene {
    struct fake fake;
    struct echo echo;
};

static int
begin(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    struct error err;
    fake_setting("ECHO_URL", "https://echo.example.ch");
    fake_begin(&scene->fake, &echo, &scene->echo);
    if (!config_load(echo.settings, &scene->echo, &err)
        || !echo.open(&scene->echo, &err))
        fail_msg("cannot open: %s", err.text);
    fake_service(&scene->fake, &scene->echo.service);
    *state = scene;
    return 0;
}

static int
end(void **state)
{
    struct scene *scene = *state;
    echo.close(&scene->echo);
    config_free(echo.settings, &scene->echo);
    fake_end(&scene->fake);
    free(scene);
    return 0;
}

static struct error
deliver(struct scene *scene, const char *type, const struct fake_reply *replies)
{
    return fake_deliver(&scene->fake, type, "k1", "{\"company\":\"acme\",\"n\":3}",
                        replies);
}

static void
a_thing_is_made_under_its_effect_and_told(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply replies[] = {
        {"POST", "/things", 200, .body = "{\"id\":\"t1\"}", .sends = "\"n\":3"}, {0}};
    struct error err = deliver(scene, "echo.make", replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(scene->fake.calls[0].once);
    assert_string_equal(scene->fake.effects[0].kind, "echo.thing");
    assert_int_equal(scene->fake.effects[0].state, LEDGER_EFFECT_CONFIRMED);
    const struct fake_event *made = fake_last(&scene->fake, "echo.made");
    assert_non_null(made);
    assert_string_equal(made->key, "k1");
    assert_int_equal(json_i64_or(made->data, "n", 0), 3);
}

static void
what_is_refused_for_good_is_told(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply replies[] = {{"POST", "/touch", 422, .body = "{}"}, {0}};
    struct error err = deliver(scene, "echo.touch", replies);
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_null(scene->fake.dead_problem);
    assert_int_equal(fake_count(&scene->fake, "echo.refused"), 1);
    assert_int_equal(fake_count(&scene->fake, "echo.seen"), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_thing_is_made_under_its_effect_and_told,
                                        begin, end),
        cmocka_unit_test_setup_teardown(what_is_refused_for_good_is_told, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
