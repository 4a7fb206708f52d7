#include "common/money.h"

#include "tests/harness/test.h"

static void
amounts_are_read_as_centimes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t cents;
    } cases[] = {
        {"1200.5", 120050},
        {"1200.50", 120050},
        {"1200", 120000},
        {"0", 0},
        {"-3.20", -320},
        {"-0.05", -5},
        {"0.30000", 30},
        {"007.10", 710},
        {"92233720368547758.07", INT64_MAX},
        {"-92233720368547758.08", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t cents = 1;
        assert_true(money_parse(cases[i].text, &cents));
        assert_true(cents == cases[i].cents);
    }
}

static void
what_is_no_amount_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "-",
        ".5",
        "5.",
        "1.005",
        "1e3",
        "+1",
        " 1",
        "1 ",
        "1,50",
        "--1",
        "1.-5",
        "0x10",
        "1'000",
        "92233720368547758.08",
        "1.2.3",
        "NaN",
        "99999999999999999999",
        "-92233720368547758.09",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int64_t cents = 42;
        assert_false(money_parse(wrong[i], &cents));
        assert_int_equal(cents, 42);
    }
    int64_t cents = 42;
    assert_false(money_parse(NULL, &cents));
}

static void
amounts_are_written_with_two_decimals(void **state)
{
    (void)state;
    static const struct {
        int64_t cents;
        const char *text;
    } cases[] = {
        {0, "0.00"},
        {5, "0.05"},
        {-5, "-0.05"},
        {120050, "1200.50"},
        {-320, "-3.20"},
        {INT64_MAX, "92233720368547758.07"},
        {INT64_MIN, "-92233720368547758.08"},
    };
    char text[MONEY_TEXT];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        money_format(cases[i].cents, text);
        assert_string_equal(text, cases[i].text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_read_as_centimes),
        cmocka_unit_test(what_is_no_amount_is_refused_and_changes_nothing),
        cmocka_unit_test(amounts_are_written_with_two_decimals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
