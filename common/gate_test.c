#include "common/gate.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>

enum { AN_HOUR_MS = 3600 * 1000 };

// What an integration's settings may say.
static const struct rates {
    int64_t unused;
    int64_t one_a_second, none;
} rates = {.one_a_second = 1};

static const struct gate_spec specs[] = {
    {.name = "open"},
    {.name = "two", .in_flight = 2},
    {.name = "each", .in_flight = 1, .per_company = true},
    {.name = "slow", .per_second = 1},
    {.name = "address", .per_second = 1, .per_company = true},
    {.name = "set",
     .per_second = 1000,
     .rate_at = offsetof(struct rates, one_a_second)},
    {.name = "unset", .per_second = 1, .rate_at = offsetof(struct rates, none)},
    {0},
};

static int
begin(void **state)
{
    *state = gates_new(specs, &rates, NULL);
    return 0;
}

static int
end(void **state)
{
    gates_free(*state);
    return 0;
}

static struct gate *
find(void **state, const char *name, const char *company)
{
    struct gate *gate = gates_find(*state, name, company);
    assert_non_null(gate);
    return gate;
}

static void
enters(struct gate *gate)
{
    int64_t wait_ms = -1;
    assert_true(gate_enter(gate, &wait_ms));
}

static int64_t
refuses(struct gate *gate)
{
    int64_t wait_ms = -1;
    assert_false(gate_enter(gate, &wait_ms));
    return wait_ms;
}

static void
an_unknown_name_has_no_gate(void **state)
{
    assert_null(gates_find(*state, "unknown", "acme"));
    struct gates *none = gates_new(NULL, NULL, NULL);
    assert_null(gates_find(none, "open", "acme"));
    gates_free(none);
    gates_free(NULL);
}

static void
without_limits_everybody_enters(void **state)
{
    struct gate *gate = find(state, "open", "acme");
    for (int i = 0; i < 10000; i++)
        enters(gate);
}

static void
as_many_enter_as_there_are_places(void **state)
{
    struct gate *gate = find(state, "two", "acme");
    enters(gate);
    enters(gate);
    assert_int_equal(refuses(gate), 0); // until a place is given back
    gate_leave(gate);
    enters(gate);
    assert_int_equal(refuses(gate), 0);
}

static void
one_gate_serves_all_companies_unless_it_says_otherwise(void **state)
{
    assert_ptr_equal(find(state, "two", "acme"), find(state, "two", "other"));
    struct gate *acme = find(state, "each", "acme");
    struct gate *other = find(state, "each", "other");
    assert_ptr_not_equal(acme, other);
    assert_ptr_equal(acme, find(state, "each", "acme"));
    enters(acme);
    refuses(acme);
    enters(other);
}

static void
names_from_outside_do_not_grow_for_ever(void **state)
{
    char company[32];
    struct gate *last = NULL;
    for (int i = 0; i < 3000; i++) {
        snprintf(company, sizeof company, "company-%d", i);
        last = find(state, "each", company);
    }
    assert_ptr_equal(last, find(state, "each", "yet-another"));
    assert_ptr_not_equal(last, find(state, "each", "company-0"));
}

static void
a_rate_lets_in_what_has_accrued(void **state)
{
    struct gate *gate = find(state, "slow", "acme");
    int64_t wait_ms = 0;
    int entered = 0;
    while (gate_enter(gate, &wait_ms)) {
        gate_leave(gate);
        entered++;
    }
    assert_true(entered >= 1);
    assert_in_range(wait_ms, 1, 1001);
}

// A company with a rate of its own would enter at once: each is asked once. (One may
// enter nevertheless, where a second went by.)
static void
companies_share_a_rate(void **state)
{
    struct gate *acme = find(state, "address", "acme");
    bool entered = true;
    for (int i = 0; entered && i < 100; i++) {
        char company[32];
        int64_t wait_ms;
        snprintf(company, sizeof company, "company-%d", i);
        struct gate *other = find(state, "address", company);
        while (gate_enter(acme, &wait_ms))
            gate_leave(acme);
        entered = gate_enter(other, &wait_ms);
    }
    assert_false(entered);
}

static void
a_setting_goes_before_the_table(void **state)
{
    struct gate *set = find(state, "set", "acme");
    struct gate *unset = find(state, "unset", "acme");
    int64_t wait_ms = 0;
    while (gate_enter(set, &wait_ms))
        gate_leave(set);
    assert_in_range(wait_ms, 1, 1001); // one a second, not a thousand
    for (int i = 0; i < 10000; i++)
        enters(unset);
}

static void
a_closed_gate_tells_how_long(void **state)
{
    struct gate *gate = find(state, "open", "acme");
    gate_close(gate, AN_HOUR_MS, false);
    assert_in_range(refuses(gate), AN_HOUR_MS - 60 * 1000, AN_HOUR_MS);
    assert_in_range(gate_closed_ms(gate), AN_HOUR_MS - 60 * 1000, AN_HOUR_MS);
    assert_int_equal(gate_closed_ms(find(state, "two", "acme")), 0);
    // A shorter word does not open it earlier.
    gate_close(gate, 10, false);
    assert_in_range(refuses(gate), AN_HOUR_MS - 60 * 1000, AN_HOUR_MS);
}

static void
after_that_one_at_a_time_until_one_passes(void **state)
{
    struct gate *gate = find(state, "open", "acme");
    gate_close(gate, 0, false);
    enters(gate);
    assert_int_equal(refuses(gate), 0);
    gate_leave(gate); // it failed
    enters(gate);
    assert_int_equal(refuses(gate), 0);
    gate_passed(gate);
    gate_leave(gate);
    enters(gate);
    enters(gate);
}

static void
assert_red(void **state, bool expected, const char *text)
{
    struct str why;
    str_begin(&why, 1000);
    assert_int_equal(gates_red(*state, &why), expected);
    assert_string_equal(why.data, text);
    str_end(&why);
}

static void
bad_credentials_are_red_until_somebody_passes(void **state)
{
    struct gate *acme = find(state, "each", "acme");
    find(state, "each", "other");
    assert_red(state, false, "");
    gate_close(acme, 0, false);
    assert_red(state, false, "");
    gate_close(acme, 0, true);
    assert_red(state, true, "each refuses the credentials of acme");
    gate_close(acme, 0, false);
    assert_red(state, true, "each refuses the credentials of acme");
    gate_close(find(state, "open", "acme"), 0, true);
    assert_red(state, true,
               "open refuses the credentials of this program; "
               "each refuses the credentials of acme");
    gate_passed(acme);
    assert_red(state, true, "open refuses the credentials of this program");
    gate_passed(find(state, "open", "acme"));
    assert_red(state, false, "");
}

#define WITH_GATES(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_GATES(an_unknown_name_has_no_gate),
        WITH_GATES(without_limits_everybody_enters),
        WITH_GATES(as_many_enter_as_there_are_places),
        WITH_GATES(one_gate_serves_all_companies_unless_it_says_otherwise),
        WITH_GATES(names_from_outside_do_not_grow_for_ever),
        WITH_GATES(a_rate_lets_in_what_has_accrued),
        WITH_GATES(companies_share_a_rate),
        WITH_GATES(a_setting_goes_before_the_table),
        WITH_GATES(a_closed_gate_tells_how_long),
        WITH_GATES(after_that_one_at_a_time_until_one_passes),
        WITH_GATES(bad_credentials_are_red_until_somebody_passes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
