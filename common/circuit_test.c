#include "common/circuit.h"

#include "tests/harness/test.h"

#include "common/clock.h"

enum { FAILURES = 3, AN_HOUR_MS = 3600 * 1000, PROBE_MS = 5000 };

static const struct integration_probe probes[] = {
    {"first"}, {"second", .setting = "SECOND_URL"}, {0}};

static int
begin(void **state)
{
    *state = circuits_new(probes, FAILURES, AN_HOUR_MS, PROBE_MS);
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

static const struct integration_probe *
due(struct circuits *circuits)
{
    return circuits_due(circuits, clock_ms());
}

static void
all_is_well_at_first(void **state)
{
    assert_null(due(*state));
    assert_down(*state, false, "");
    assert_false(circuits_hold(*state, "first"));
}

static void
a_few_failures_say_nothing(void **state)
{
    fail_often(*state, "first", FAILURES - 1);
    fail_often(*state, "second", FAILURES - 1);
    assert_null(due(*state));
    assert_false(circuits_hold(*state, "first"));
}

static void
more_ask_for_one_probe_and_are_waited_out(void **state)
{
    fail_often(*state, "second", FAILURES);
    assert_true(circuits_hold(*state, "second"));
    assert_false(circuits_hold(*state, "first"));
    assert_down(*state, false, "");
    assert_ptr_equal(due(*state), &probes[1]);
    assert_null(due(*state));                                // it is under way
    assert_false(circuits_probed(*state, &probes[1], true)); // it was not down
    assert_false(circuits_hold(*state, "second"));
    assert_null(due(*state));
    // And it counts from the beginning.
    fail_often(*state, "second", FAILURES - 1);
    assert_null(due(*state));
}

static void
a_failed_probe_opens_it_until_one_passes(void **state)
{
    fail_often(*state, "first", FAILURES);
    assert_ptr_equal(due(*state), &probes[0]);
    assert_false(circuits_probed(*state, &probes[0], false));
    assert_down(*state, true, "first does not answer");
    fail_often(*state, "first", FAILURES); // what is still under way
    assert_ptr_equal(circuits_due(*state, clock_ms() + PROBE_MS), &probes[0]);
    assert_down(*state, true, "first does not answer");
    assert_true(circuits_probed(*state, &probes[0], true));
    assert_down(*state, false, "");
    assert_null(due(*state));
}

// Between two probes of what is down lies a second, then two, and never more than five,
// however long each takes.
static void
what_is_down_is_probed_again_and_again(void **state)
{
    static const int64_t waits_ms[] = {1000, 2000, 4000, 5000, 5000, 5000};
    fail_often(*state, "first", FAILURES);
    int64_t now_ms = clock_ms();
    for (size_t i = 0; i < sizeof waits_ms / sizeof waits_ms[0]; i++) {
        assert_ptr_equal(circuits_due(*state, now_ms), &probes[0]);
        assert_null(circuits_due(*state, now_ms + AN_HOUR_MS)); // one at a time
        circuits_probed(*state, &probes[0], false);
        assert_null(circuits_due(*state, now_ms + waits_ms[i] - 1));
        now_ms += waits_ms[i];
    }
}

static void
a_doubt_asks_for_a_probe_unless_one_has_passed(void **state)
{
    assert_true(circuits_doubt(*state, "first", AN_HOUR_MS));
    assert_true(circuits_hold(*state, "first"));
    assert_ptr_equal(due(*state), &probes[0]);
    assert_true(circuits_doubt(*state, "first", AN_HOUR_MS));
    circuits_probed(*state, &probes[0], true);
    assert_false(circuits_doubt(*state, "first", AN_HOUR_MS));
    assert_false(circuits_hold(*state, "first"));
    assert_false(circuits_doubt(*state, "third", AN_HOUR_MS));
    assert_false(circuits_doubt(*state, NULL, AN_HOUR_MS));
}

static void
a_probe_that_passed_long_ago_clears_no_doubt(void **state)
{
    assert_true(circuits_doubt(*state, "first", AN_HOUR_MS));
    assert_ptr_equal(due(*state), &probes[0]);
    circuits_probed(*state, &probes[0], true);
    assert_false(circuits_doubt(*state, "first", AN_HOUR_MS));
    assert_true(circuits_doubt(*state, "first", -1));
}

static void
who_is_refused_is_told_why(void **state)
{
    assert_true(circuits_doubt(*state, "second", AN_HOUR_MS));
    assert_ptr_equal(due(*state), &probes[1]);
    circuits_refused(*state, &probes[1], "its key is wrong");
    circuits_probed(*state, &probes[1], false);
    assert_down(*state, true, "second refuses this program: its key is wrong");
    circuits_refused(*state, &probes[1], NULL);
    circuits_probed(*state, &probes[1], false);
    assert_down(*state, true, "second does not answer (SECOND_URL)");
}

static void
services_are_known_by_their_probes(void **state)
{
    char name[] = "second";
    assert_ptr_equal(circuits_service(*state, name), probes[1].service);
    assert_null(circuits_service(*state, "third"));
    assert_null(circuits_service(*state, NULL));
}

static void
each_dependency_has_its_own(void **state)
{
    fail_often(*state, "first", FAILURES);
    fail_often(*state, "second", FAILURES);
    assert_ptr_equal(due(*state), &probes[0]);
    assert_ptr_equal(due(*state), &probes[1]);
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
    struct circuits *circuits = circuits_new(probes, FAILURES, -1, PROBE_MS);
    fail_often(circuits, "first", 100);
    assert_null(due(circuits));
    circuits_free(circuits);
}

static void
what_has_no_probe_is_never_down(void **state)
{
    fail_often(*state, "third", 100);
    fail_often(*state, NULL, 100);
    assert_false(circuits_hold(*state, "third"));
    assert_false(circuits_hold(*state, NULL));
    assert_null(due(*state));
    struct circuits *none = circuits_new(NULL, 1, AN_HOUR_MS, PROBE_MS);
    circuits_failed(none, "first");
    assert_null(due(none));
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
        WITH_CIRCUITS(what_is_down_is_probed_again_and_again),
        WITH_CIRCUITS(a_doubt_asks_for_a_probe_unless_one_has_passed),
        WITH_CIRCUITS(a_probe_that_passed_long_ago_clears_no_doubt),
        WITH_CIRCUITS(who_is_refused_is_told_why),
        WITH_CIRCUITS(services_are_known_by_their_probes),
        WITH_CIRCUITS(each_dependency_has_its_own),
        WITH_CIRCUITS(failures_that_lie_far_apart_do_not_add_up),
        WITH_CIRCUITS(what_has_no_probe_is_never_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
