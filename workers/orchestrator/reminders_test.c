// The ladder of an overdue invoice, day by day.
#include "workers/orchestrator/orchestrator.h"

#include <string.h>

#include "common/clock.h"
#include "tests/harness/test.h"

static void
levels_follow_the_days_overdue(void **state)
{
    (void)state;
    static const struct {
        int64_t from, to;
        const char *level;
    } expected[] = {{-40, 0, ""},      {1, 7, "first"},          {8, 14, "second"},
                    {15, 30, "final"}, {31, 4000, "collection"}, {0}};
    for (int i = 0; expected[i].level != NULL; i++)
        for (int64_t days = expected[i].from; days <= expected[i].to; days++)
            assert_string_equal(orchestrator_reminder_level(days), expected[i].level);
}

static void
a_level_is_beyond_those_before_it(void **state)
{
    (void)state;
    assert_true(orchestrator_reminder_is_beyond("first", ""));
    assert_true(orchestrator_reminder_is_beyond("collection", "first"));
    assert_false(orchestrator_reminder_is_beyond("first", "first"));
    assert_false(orchestrator_reminder_is_beyond("first", "second"));
    assert_false(orchestrator_reminder_is_beyond("", ""));
    assert_true(orchestrator_reminder_is_beyond("second", "no level of ours"));
}

static void
assert_next(const char *due_date, const char *last, const char *expected)
{
    char text[CLOCK_TEXT];
    int64_t due_ms = 0;
    assert_true(orchestrator_reminder_next(due_date, last, &due_ms));
    clock_format(due_ms, text);
    assert_string_equal(text, expected);
}

static void
each_level_begins_at_local_midnight(void **state)
{
    (void)state;
    assert_next("2026-01-31", "", "2026-01-31T23:00:00.000Z");
    assert_next("2026-01-31", "first", "2026-02-07T23:00:00.000Z");
    assert_next("2026-01-31", "second", "2026-02-14T23:00:00.000Z");
    assert_next("2026-01-31", "final", "2026-03-02T23:00:00.000Z");
    // Over the night in which clocks go forward, and the one in which they go back.
    assert_next("2026-03-25", "", "2026-03-25T23:00:00.000Z");
    assert_next("2026-03-25", "first", "2026-04-01T22:00:00.000Z");
    assert_next("2026-03-28", "", "2026-03-28T23:00:00.000Z");
    assert_next("2026-03-29", "", "2026-03-29T22:00:00.000Z");
    assert_next("2026-10-20", "", "2026-10-20T22:00:00.000Z");
    assert_next("2026-10-20", "first", "2026-10-27T23:00:00.000Z");
    assert_next("2026-10-25", "", "2026-10-25T23:00:00.000Z");
}

static void
there_is_an_end_and_no_level_without_a_date(void **state)
{
    (void)state;
    int64_t due_ms = 42;
    assert_false(orchestrator_reminder_next("2026-01-31", "collection", &due_ms));
    assert_false(orchestrator_reminder_next(NULL, "", &due_ms));
    assert_false(orchestrator_reminder_next("soon", "", &due_ms));
    assert_int_equal(due_ms, 42);
}

// For every due date of four years: a millisecond before the instant the level is the
// one before, at the instant it is the next.
static void
the_instant_and_the_level_agree(void **state)
{
    (void)state;
    static const char *const ladder[] = {"", "first", "second", "final", "collection"};
    char due_date[CLOCK_DATE] = "2025-01-01";
    for (int i = 0; i < 4 * 366; i++) {
        for (int level = 0; level < 4; level++) {
            char today[CLOCK_DATE];
            int64_t due_ms = 0;
            int64_t days = 0;
            assert_true(orchestrator_reminder_next(due_date, ladder[level], &due_ms));
            clock_date(due_ms - 1, today);
            assert_true(clock_days_between(due_date, today, &days));
            assert_string_equal(orchestrator_reminder_level(days), ladder[level]);
            clock_date(due_ms, today);
            assert_true(clock_days_between(due_date, today, &days));
            assert_string_equal(orchestrator_reminder_level(days), ladder[level + 1]);
        }
        char next[CLOCK_DATE];
        assert_true(clock_date_add(due_date, 1, next));
        memcpy(due_date, next, sizeof due_date);
    }
}

static void
who_waits_for_money_is_reminded(void **state)
{
    (void)state;
    assert_true(orchestrator_reminder_is_open("sent"));
    assert_true(orchestrator_reminder_is_open("partial"));
    assert_true(orchestrator_reminder_is_open("overdue"));
    assert_false(orchestrator_reminder_is_open("draft"));
    assert_false(orchestrator_reminder_is_open("paid"));
    assert_false(orchestrator_reminder_is_open("cancelled"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_follow_the_days_overdue),
        cmocka_unit_test(a_level_is_beyond_those_before_it),
        cmocka_unit_test(each_level_begins_at_local_midnight),
        cmocka_unit_test(there_is_an_end_and_no_level_without_a_date),
        cmocka_unit_test(the_instant_and_the_level_agree),
        cmocka_unit_test(who_waits_for_money_is_reminded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
