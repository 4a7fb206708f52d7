#include "common/clock.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

static void
an_instant_is_written_with_milliseconds(void **state)
{
    (void)state;
    static const struct {
        int64_t ms;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400123, "2000-02-29T00:00:00.123Z"},
        {1786525445123, "2026-08-12T09:04:05.123Z"},
    };
    char text[CLOCK_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        clock_format(cases[i].ms, text);
        assert_string_equal(text, cases[i].text);
    }
}

static void
what_is_written_is_read_back(void **state)
{
    (void)state;
    char text[CLOCK_TEXT];
    for (int64_t ms = -100000000000; ms < 4000000000000; ms += 86399999 * 7LL) {
        int64_t back = 0;
        clock_format(ms, text);
        assert_true(clock_parse(text, &back));
        assert_true(back == ms);
    }
}

static void
offsets_and_fractions_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01t02:00:00.5+02:00", 500},
        {"1969-12-31 19:00:00.123456789-05:00", 123},
        {"2024-02-29T23:59:60Z", 1709251200000},
        {"1900-03-01T00:00:00Z", -2203891200000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 0;
        assert_true(clock_parse(cases[i].text, &ms));
        assert_true(ms == cases[i].ms);
    }
}

static void
what_is_no_time_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "now",
        "2026-08-12",
        "2026-08-12T09:04:05",
        "2026-08-12T09:04:05.Z",
        "2026-02-29T00:00:00Z",
        "1900-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-08-00T00:00:00Z",
        "2026-08-12T24:00:00Z",
        "2026-08-12T09:60:05Z",
        "2026-08-12T09:04:61Z",
        "2026-08-12T09:04:05+0200",
        "2026-08-12T09:04:05+24:00",
        "2026-08-12T09:04:05Zx",
        "2026-8-12T09:04:05Z",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t ms = 42;
        assert_false(clock_parse(wrong[i], &ms));
        assert_int_equal(ms, 42);
    }
    int64_t ms = 0;
    assert_false(clock_parse(NULL, &ms));
}

static void
ends(const char *date, const char *expected)
{
    int64_t ms = 0;
    char text[CLOCK_TEXT];
    assert_true(clock_day_end(date, &ms));
    clock_format(ms, text);
    assert_string_equal(text, expected);
}

static void
a_day_ends_at_midnight_in_zurich(void **state)
{
    (void)state;
    ends("2026-01-15", "2026-01-15T23:00:00.000Z");
    ends("2026-07-15", "2026-07-15T22:00:00.000Z");
    ends("2025-12-31", "2025-12-31T23:00:00.000Z");
    ends("2024-02-28", "2024-02-28T23:00:00.000Z");
}

static void
the_clocks_change_in_the_night_after_the_last_saturday(void **state)
{
    (void)state;
    // 2026: Sundays 29 March and 25 October.
    ends("2026-03-27", "2026-03-27T23:00:00.000Z");
    ends("2026-03-28", "2026-03-28T23:00:00.000Z"); // midnight comes before the change
    ends("2026-03-29", "2026-03-29T22:00:00.000Z");
    ends("2026-10-24", "2026-10-24T22:00:00.000Z");
    ends("2026-10-25", "2026-10-25T23:00:00.000Z");
    // A last Sunday that is the 31st: March 2024, October 2027.
    ends("2024-03-30", "2024-03-30T23:00:00.000Z");
    ends("2024-03-31", "2024-03-31T22:00:00.000Z");
    ends("2027-10-30", "2027-10-30T22:00:00.000Z");
    ends("2027-10-31", "2027-10-31T23:00:00.000Z");
}

static void
what_is_no_date_is_refused(void **state)
{
    (void)state;
    int64_t ms = 42;
    assert_false(clock_day_end("2026-02-30", &ms));
    assert_false(clock_day_end("2026-02-03T00:00:00Z", &ms));
    assert_false(clock_day_end("", &ms));
    assert_false(clock_day_end(NULL, &ms));
    assert_int_equal(ms, 42);
}

static void
assert_date(const char *instant, const char *expected)
{
    char date[CLOCK_DATE];
    int64_t ms = 0;
    assert_true(clock_parse(instant, &ms));
    clock_date(ms, date);
    assert_string_equal(date, expected);
}

static void
today_is_the_date_in_zurich(void **state)
{
    (void)state;
    assert_date("2026-01-15T22:59:59.999Z", "2026-01-15");
    assert_date("2026-01-15T23:00:00Z", "2026-01-16");
    assert_date("2026-07-15T21:59:59Z", "2026-07-15");
    assert_date("2026-07-15T22:00:00Z", "2026-07-16");
    assert_date("2025-12-31T23:00:00Z", "2026-01-01");
    assert_date("2028-02-28T23:30:00Z", "2028-02-29");
}

static void
the_nights_in_which_clocks_change_have_one_midnight(void **state)
{
    (void)state;
    // Summer begins on 29 March 2026 at 01:00 UTC, and ends on 25 October.
    assert_date("2026-03-28T22:59:59Z", "2026-03-28");
    assert_date("2026-03-28T23:00:00Z", "2026-03-29");
    assert_date("2026-03-29T21:59:59Z", "2026-03-29");
    assert_date("2026-03-29T22:00:00Z", "2026-03-30");
    assert_date("2026-10-24T21:59:59Z", "2026-10-24");
    assert_date("2026-10-24T22:00:00Z", "2026-10-25");
    assert_date("2026-10-25T22:59:59Z", "2026-10-25");
    assert_date("2026-10-25T23:00:00Z", "2026-10-26");
}

// For 40 years: the last millisecond of a day is that day's, the next one the next's.
static void
a_day_ends_where_the_next_begins(void **state)
{
    (void)state;
    char day[CLOCK_DATE] = "2020-01-01";
    for (int i = 0; i < 40 * 366; i++) {
        char seen[CLOCK_DATE];
        char next[CLOCK_DATE];
        int64_t end_ms = 0;
        assert_true(clock_day_end(day, &end_ms));
        assert_true(clock_date_add(day, 1, next));
        clock_date(end_ms - 1, seen);
        assert_string_equal(seen, day);
        clock_date(end_ms, seen);
        assert_string_equal(seen, next);
        memcpy(day, next, sizeof day);
    }
}

static void
days_are_counted_by_the_calendar(void **state)
{
    (void)state;
    int64_t days = 42;
    char date[CLOCK_DATE];
    assert_true(clock_days_between("2026-02-27", "2026-03-02", &days));
    assert_int_equal(days, 3);
    assert_true(clock_days_between("2028-03-01", "2028-02-28", &days));
    assert_int_equal(days, -2);
    assert_false(clock_days_between("2026-02-30", "2026-03-02", &days));
    assert_false(clock_days_between("2026-02-27", NULL, &days));
    assert_int_equal(days, -2);
    assert_true(clock_date_add("2026-12-30", 3, date));
    assert_string_equal(date, "2027-01-02");
    assert_true(clock_date_add("2026-03-01", -1, date));
    assert_string_equal(date, "2026-02-28");
    assert_false(clock_date_add("tomorrow", 1, date));
    assert_string_equal(date, "2026-02-28");
}

static void
the_monotonic_clock_does_not_go_back(void **state)
{
    (void)state;
    int64_t before = clock_ns();
    assert_true(clock_ns() >= before);
    assert_true(clock_ms() >= before / 1000000);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_instant_is_written_with_milliseconds),
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(offsets_and_fractions_are_read),
        cmocka_unit_test(what_is_no_time_is_refused_and_changes_nothing),
        cmocka_unit_test(a_day_ends_at_midnight_in_zurich),
        cmocka_unit_test(the_clocks_change_in_the_night_after_the_last_saturday),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(today_is_the_date_in_zurich),
        cmocka_unit_test(the_nights_in_which_clocks_change_have_one_midnight),
        cmocka_unit_test(a_day_ends_where_the_next_begins),
        cmocka_unit_test(days_are_counted_by_the_calendar),
        cmocka_unit_test(the_monotonic_clock_does_not_go_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
