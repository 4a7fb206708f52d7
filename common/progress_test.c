#include "common/progress.h"

#include "tests/harness/test.h"

static void
who_turns_does_not_stand_still(void **state)
{
    struct progress progress = {0};
    (void)state;
    for (int second = 1; second <= 100; second++) {
        progress_look(&progress, second * 1000);
        assert_true(progress_note(&progress, 0, (uint64_t)second, false));
        assert_int_equal(progress_still_ms(&progress, 0), 0);
    }
}

static void
who_does_not_stands_still_until_it_does_again(void **state)
{
    struct progress progress = {0};
    (void)state;
    for (int second = 1; second <= 10; second++) {
        progress_look(&progress, second * 1000);
        progress_note(&progress, 0, 7, false);
        assert_true(progress_note(&progress, 1, (uint64_t)second, false));
    }
    assert_int_equal(progress_still_ms(&progress, 0), 9000);
    assert_int_equal(progress_still_ms(&progress, 1), 0);
    progress_look(&progress, 11000);
    assert_false(progress_note(&progress, 0, 7, false));
    progress_look(&progress, 12000);
    assert_true(progress_note(&progress, 0, 8, false));
    assert_int_equal(progress_still_ms(&progress, 0), 0);
}

static void
who_waits_for_others_does_not_stand_still(void **state)
{
    struct progress progress = {0};
    (void)state;
    for (int second = 1; second <= 100; second++) {
        progress_look(&progress, second * 1000);
        assert_true(progress_note(&progress, 0, 7, true));
    }
    progress_look(&progress, 101 * 1000);
    assert_false(progress_note(&progress, 0, 7, false));
    assert_int_equal(progress_still_ms(&progress, 0), 1000);
}

static void
a_process_that_was_frozen_has_not_hung(void **state)
{
    struct progress progress = {0};
    (void)state;
    progress_look(&progress, 1000);
    progress_note(&progress, 0, 7, false);
    progress_look(&progress, 3600 * 1000);
    assert_false(progress_note(&progress, 0, 7, false));
    assert_int_equal(progress_still_ms(&progress, 0), PROGRESS_LOOK_MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_turns_does_not_stand_still),
        cmocka_unit_test(who_does_not_stands_still_until_it_does_again),
        cmocka_unit_test(who_waits_for_others_does_not_stand_still),
        cmocka_unit_test(a_process_that_was_frozen_has_not_hung),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
