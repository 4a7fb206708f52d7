#include <stdio.h>
#include <string.h>

#include "tests/harness/test.h"
#include "workers/invoice_ninja/amount.h"

static int64_t
deposit(int64_t total_cents, int64_t percent)
{
    const struct ninja_deposit_rule rule = {.total_cents = total_cents,
                                            .percent = percent};
    int64_t cents = -1;
    assert_true(ninja_deposit_amount(&rule, &cents));
    return cents;
}

static void
the_amounts_of_the_rules_are_met_to_the_centime(void **state)
{
    (void)state;
    assert_int_equal(deposit(1000000, 3000), 300000); // 10000 at 30 %
    assert_int_equal(deposit(3333300, 3000), 999990); // 33333 at 30 %
    assert_int_equal(deposit(100, 3000), 30);         // 1 at 30 %
    assert_int_equal(deposit(1081000, 3000), 324300); // 10810, VAT in it
    assert_int_equal(deposit(1000000, 0), 0);
    assert_int_equal(deposit(1000000, 10000), 1000000);
    assert_int_equal(deposit(0, 3000), 0);
    assert_int_equal(deposit(1, 3000), 0);
    assert_int_equal(deposit(5, 1000), 1); // half a centime goes up
}

// Exact arithmetic, digit by digit as on paper: no int64 in sight.
static void
multiply_on_paper(const char *number, unsigned factor, char out[64])
{
    char digits[64] = "";
    size_t length = strlen(number);
    unsigned carry = 0;
    size_t used = 0;
    for (size_t i = length; i > 0; i--) {
        carry += (unsigned)(number[i - 1] - '0') * factor;
        digits[used++] = (char)('0' + carry % 10);
        carry /= 10;
    }
    for (; carry > 0; carry /= 10)
        digits[used++] = (char)('0' + carry % 10);
    for (size_t i = 0; i < used; i++)
        out[i] = digits[used - 1 - i];
    out[used] = '\0';
}

// total x percent / 10000, half up, read off the digits of the product.
static int64_t
deposit_on_paper(int64_t total_cents, unsigned percent)
{
    char number[32];
    char product[64] = "";
    snprintf(number, sizeof number, "%lld", (long long)total_cents);
    multiply_on_paper(number, percent, product);
    size_t length = strlen(product);
    int64_t whole = 0;
    for (size_t i = 0; i + 4 < length; i++)
        whole = whole * 10 + (product[i] - '0');
    int first_cut = length >= 4 ? product[length - 4] : '0';
    return first_cut >= '5' ? whole + 1 : whole;
}

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void
rounding_agrees_with_exact_arithmetic_on_random_totals(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252ULL;
    for (int i = 0; i < 200000; i++) {
        int64_t total = (int64_t)(next_random(&seed) % 100000000000ULL);
        unsigned percent = (unsigned)(next_random(&seed) % 10001);
        int64_t exact = deposit_on_paper(total, percent);
        if (deposit(total, percent) != exact)
            fail_msg("%lld at %u: %lld, exactly %lld", (long long)total, percent,
                     (long long)deposit(total, percent), (long long)exact);
    }
}

static void
minimum_and_maximum_bound_the_deposit(void **state)
{
    (void)state;
    struct ninja_deposit_rule rule = {.total_cents = 100000,
                                      .percent = 3000,
                                      .min_cents = 100001,
                                      .max_cents = 20000};
    int64_t cents = -1;
    assert_true(ninja_deposit_amount(&rule, &cents));
    assert_int_equal(cents, 0);
    rule.min_cents = 100000;
    assert_true(ninja_deposit_amount(&rule, &cents));
    assert_int_equal(cents, 20000);
    rule.max_cents = 30000;
    assert_true(ninja_deposit_amount(&rule, &cents));
    assert_int_equal(cents, 30000);
}

static void
what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    int64_t cents = -7;
    const struct ninja_deposit_rule wrong[] = {
        {.total_cents = -1, .percent = 3000},
        {.total_cents = 100, .percent = -1},
        {.total_cents = 100, .percent = 10001},
        {.total_cents = INT64_MAX, .percent = 3000},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(ninja_deposit_amount(&wrong[i], &cents));
    assert_int_equal(cents, -7);
}

static void
parts_are_pro_rata_and_the_last_takes_the_remainder(void **state)
{
    (void)state;
    struct ninja_part parts[] = {{.rate = 810, .weight = 108100},
                                 {.rate = 260, .weight = 102600}};
    ninja_deposit_split(63210, parts, 2);
    assert_int_equal(parts[0].cents, 32430); // 30 % of each
    assert_int_equal(parts[1].cents, 30780);
    struct ninja_part thirds[] = {{.weight = 1}, {.weight = 1}, {.weight = 1}};
    ninja_deposit_split(100, thirds, 3);
    assert_int_equal(thirds[0].cents, 33);
    assert_int_equal(thirds[1].cents, 33);
    assert_int_equal(thirds[2].cents, 34);
    struct ninja_part none[] = {{.weight = 0}, {.weight = 0}};
    ninja_deposit_split(100, none, 2);
    assert_int_equal(none[1].cents, 100);
}

static void
parts_of_random_amounts_add_up(void **state)
{
    (void)state;
    uint64_t seed = 2463534242ULL;
    for (int i = 0; i < 20000; i++) {
        struct ninja_part parts[5];
        size_t count = 1 + (size_t)(next_random(&seed) % 5);
        int64_t cents = (int64_t)(next_random(&seed) % 100000000000ULL);
        int64_t sum = 0;
        for (size_t k = 0; k < count; k++)
            parts[k] = (struct ninja_part){
                .weight = (int64_t)(next_random(&seed) % 1000000000000ULL)};
        ninja_deposit_split(cents, parts, count);
        for (size_t k = 0; k < count; k++) {
            assert_true(parts[k].cents >= -2);
            sum += parts[k].cents;
        }
        assert_int_equal(sum, cents);
    }
}

static void
items_of_one_rate_are_one_part(void **state)
{
    (void)state;
    struct ninja_part parts[NINJA_RATES_MAX];
    size_t count = 0;
    assert_true(ninja_part_add(parts, &count, 810, 100000));
    assert_true(ninja_part_add(parts, &count, 0, 5000));
    assert_true(ninja_part_add(parts, &count, 810, 100000));
    assert_int_equal(count, 2);
    assert_int_equal(parts[0].weight, 216200);
    assert_int_equal(parts[1].weight, 5000);
    for (int64_t rate = 1; rate < NINJA_RATES_MAX - 1; rate++)
        assert_true(ninja_part_add(parts, &count, rate, 100));
    assert_false(ninja_part_add(parts, &count, 9999, 100));
}

static void
decimals_are_read_exactly(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int places;
        int64_t value;
    } good[] = {
        {"8.1", 2, 810},     {"8.10000", 2, 810},  {"30", 2, 3000},
        {"33.335", 2, 3334}, {"33.3349", 2, 3333}, {"1.5", 3, 1500},
        {"-2.55", 2, -255},  {"0", 2, 0},          {"2.", 0, 2},
        {"0.005", 2, 1},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        int64_t value = -1;
        assert_true(ninja_decimal(good[i].text, good[i].places, &value));
        assert_int_equal(value, good[i].value);
    }
    static const char *const bad[] = {"",    "-",     ".5",    "1,5", "1.5x",
                                      "1e3", " 1.50", "1.2.3", NULL};
    int64_t value = -1;
    for (size_t i = 0; bad[i] != NULL; i++)
        assert_false(ninja_decimal(bad[i], 2, &value));
    assert_false(ninja_decimal(NULL, 2, &value));
    assert_false(ninja_decimal("99999999999999999999", 2, &value));
    assert_false(ninja_decimal("9223372036854775807", 2, &value));
    assert_int_equal(value, -1);
}

static void
an_item_is_quantity_by_price_less_its_discount(void **state)
{
    (void)state;
    int64_t cents = -1;
    assert_true(ninja_item_net(2500, 14500, 0, &cents)); // 2.5 x 145.00
    assert_int_equal(cents, 36250);
    assert_true(ninja_item_net(1000, 10000, 1250, &cents)); // 12.5 % off
    assert_int_equal(cents, 8750);
    assert_false(ninja_item_net(1000, 10000, 10001, &cents));
    assert_false(ninja_item_net(INT64_MAX, 2, 0, &cents));
}

static void
rates_and_weights_have_bounds(void **state)
{
    (void)state;
    struct ninja_part parts[NINJA_RATES_MAX];
    size_t count = 0;
    assert_false(ninja_part_add(parts, &count, -810, 100));
    assert_false(ninja_part_add(parts, &count, 10001, 100));
    assert_false(ninja_part_add(parts, &count, 0, 200000000000000000));
    assert_int_equal(count, 0);
    int items = 0;
    while (items < 1000 && ninja_part_add(parts, &count, 0, 500000000000000))
        items++;
    assert_int_equal(items, 200); // more and their sum might not fit
}

// 1000.00 at 8.1, 2.6, 3.8 and 0 percent.
static void
vat_is_half_up_on_the_net_amount(void **state)
{
    (void)state;
    static const int64_t rates[][2] = {
        {810, 108100}, {260, 102600}, {380, 103800}, {0, 100000}};
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        struct ninja_part parts[NINJA_RATES_MAX];
        size_t count = 0;
        assert_true(ninja_part_add(parts, &count, rates[i][0], 100000));
        assert_int_equal(parts[0].weight, rates[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_amounts_of_the_rules_are_met_to_the_centime),
        cmocka_unit_test(rounding_agrees_with_exact_arithmetic_on_random_totals),
        cmocka_unit_test(minimum_and_maximum_bound_the_deposit),
        cmocka_unit_test(what_is_out_of_range_is_refused),
        cmocka_unit_test(parts_are_pro_rata_and_the_last_takes_the_remainder),
        cmocka_unit_test(parts_of_random_amounts_add_up),
        cmocka_unit_test(items_of_one_rate_are_one_part),
        cmocka_unit_test(decimals_are_read_exactly),
        cmocka_unit_test(an_item_is_quantity_by_price_less_its_discount),
        cmocka_unit_test(rates_and_weights_have_bounds),
        cmocka_unit_test(vat_is_half_up_on_the_net_amount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
