#include "common/circuit.h"

#include "tests/harness/test.h"

#include <sched.h>

enum { FAILURES = 3, AN_HOUR_MS = 3600 * 1000 };

static const struct integration_probe probes[] = {
    {"first"}, {"second", .setting = "SECOND_URL"}, {0}};

static int
begin(void **state)
{
    *state = circuits_new(probes, FAILURES, AN_HOUR_MS);
    return 0;
}

static int
end(void **state)
{
    circuits_free(*state);
    return 0;
}

static void
fail_often(struct circuits *circuits, const char *service, int times)
{
    for (int i = 0; i < times; i++)
        circuits_failed(circuits, service);
}

static void
assert_down(struct circuits *circuits, bool expected, const char *text)
{
    struct str why;
    str_begin(&why, 1000);
    assert_int_equal(circuits_down(circuits, &why), expected);
    assert_string_equal(why.data, text);
    str_end(&why);
    assert_int_equal(circuits_down(circuits, NULL), expected);
}

// Probes come back on their own after a time.
static const struct integration_probe *
await_probe(struct circuits *circuits)
{
    const struct integration_probe *probe;
    while ((probe = circuits_due(circuits)) == NULL)
        sched_yield();
    return probe;
}

static void
all_is_well_at_first(void **state)
{
    assert_null(circuits_due(*state));
    assert_down(*state, false, "");
    assert_false(circuits_hold(*state, "first"));
}

static void
a_few_failures_say_nothing(void **state)
{
    fail_often(*state, "first", FAILURES - 1);
    fail_often(*state, "second", FAILURES - 1);
    assert_null(circuits_due(*state));
    assert_false(circuits_hold(*state, "first"));
}

static void
more_ask_for_one_probe_and_are_waited_out(void **state)
{
    fail_often(*state, "second", FAILURES);
    assert_true(circuits_hold(*state, "second"));
    assert_false(circuits_hold(*state, "first"));
    assert_down(*state, false, "");
    assert_ptr_equal(circuits_due(*state), &probes[1]);
    assert_null(circuits_due(*state)); // it is under way
    circuits_probed(*state, &probes[1], true);
    assert_false(circuits_hold(*state, "second"));
    assert_null(circuits_due(*state));
    // And it counts from the beginning.
    fail_often(*state, "second", FAILURES - 1);
    assert_null(circuits_due(*state));
}

static void
a_failed_probe_opens_it_until_one_passes(void **state)
{
    fail_often(*state, "first", FAILURES);
    assert_ptr_equal(circuits_due(*state), &probes[0]);
    circuits_probed(*state, &probes[0], false);
    assert_down(*state, true, "first does not answer");
    fail_often(*state, "first", FAILURES); // what is still under way
    assert_ptr_equal(await_probe(*state), &probes[0]);
    assert_down(*state, true, "first does not answer");
    circuits_probed(*state, &probes[0], true);
    assert_down(*state, false, "");
    assert_null(circuits_due(*state));
}

static void
each_dependency_has_its_own(void **state)
{
    fail_often(*state, "first", FAILURES);
    fail_often(*state, "second", FAILURES);
    assert_ptr_equal(circuits_due(*state), &probes[0]);
    assert_ptr_equal(circuits_due(*state), &probes[1]);
    circuits_probed(*state, &probes[0], false);
    circuits_probed(*state, &probes[1], false);
    assert_down(*state, true,
                "first does not answer; "
                "second does not answer (SECOND_URL)");
    circuits_probed(*state, &probes[0], true);
    assert_down(*state, true, "second does not answer (SECOND_URL)");
}

static void
failures_that_lie_far_apart_do_not_add_up(void **state)
{
    (void)state;
    // A window that has always passed.
    struct circuits *circuits = circuits_new(probes, FAILURES, -1);
    fail_often(circuits, "first", 100);
    assert_null(circuits_due(circuits));
    circuits_free(circuits);
}

static void
what_has_no_probe_is_never_down(void **state)
{
    fail_often(*state, "third", 100);
    fail_often(*state, NULL, 100);
    assert_false(circuits_hold(*state, "third"));
    assert_false(circuits_hold(*state, NULL));
    assert_null(circuits_due(*state));
    struct circuits *none = circuits_new(NULL, 1, AN_HOUR_MS);
    circuits_failed(none, "first");
    assert_null(circuits_due(none));
    assert_false(circuits_down(none, NULL));
    circuits_free(none);
    circuits_free(NULL);
}

#define WITH_CIRCUITS(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CIRCUITS(all_is_well_at_first),
        WITH_CIRCUITS(a_few_failures_say_nothing),
        WITH_CIRCUITS(more_ask_for_one_probe_and_are_waited_out),
        WITH_CIRCUITS(a_failed_probe_opens_it_until_one_passes),
        WITH_CIRCUITS(each_dependency_has_its_own),
        WITH_CIRCUITS(failures_that_lie_far_apart_do_not_add_up),
        WITH_CIRCUITS(what_has_no_probe_is_never_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
