// Invoice Ninja's amounts are PHP floats in JSON: they must be read to the centime.
#include <stdio.h>
#include <string.h>

#include "tests/harness/test.h"

#include "common/json.h"
#include "workers/invoice_ninja/api.h"

static int64_t
read_text(const char *number)
{
    char text[80];
    int length = snprintf(text, sizeof text, "{\"amount\":%s}", number);
    struct json_object *obj = json_parse_raw(text, (size_t)length);
    assert_non_null(obj);
    int64_t cents = ninja_cents(obj, "amount", INT64_MIN);
    json_drop(obj);
    return cents;
}

static void
assert_is_read(double value, int64_t cents)
{
    char texts[3][40];
    snprintf(texts[0], sizeof texts[0], "%.15g", value);
    snprintf(texts[1], sizeof texts[1], "%.17g", value);
    snprintf(texts[2], sizeof texts[2], "%.17e", value);
    for (int i = 0; i < 3; i++)
        if (read_text(texts[i]) != cents)
            fail_msg("%s is read as %lld", texts[i], (long long)read_text(texts[i]));
}

static uint64_t
next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

// serialize_precision is 17 on old servers and -1 (the shortest text) on new ones; sums
// are off by some last bits.
static void
every_float_is_read_to_the_centime(void **state)
{
    (void)state;
    uint64_t seed = 88172645463325252ULL;
    for (int i = 0; i < 50000; i++) {
        int64_t cents = (int64_t)(next_random(&seed) % 1000000000000ULL);
        cents = i % 2 == 0 ? cents : -cents;
        double value = (double)cents / 100;
        assert_is_read(value, cents);
        assert_is_read(value * (1 + 1e-15), cents);
        assert_is_read(value * (1 - 1e-15), cents);
    }
}

static void
what_is_no_amount_is_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"amount\":null}",
        "{\"amount\":true}",
        "{\"amount\":\"\"}",
        "{\"amount\":\"12,50\"}",
        "{\"amount\":\"12.50 CHF\"}",
        "{\"amount\":[12.5]}",
        "{\"amount\":{}}",
        "{\"amount\":1e25}",
        "{\"amount\":-1e25}",
        "{\"amount\":99999999999999999}",
        "{\"amount\":\"nan\"}",
        "{\"amount\":\"inf\"}",
        NULL,
    };
    for (int i = 0; texts[i] != NULL; i++) {
        struct json_object *obj = json_parse_raw(texts[i], strlen(texts[i]));
        assert_non_null(obj);
        if (ninja_cents(obj, "amount", -7) != -7)
            fail_msg("%s is read as an amount", texts[i]);
        json_drop(obj);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_float_is_read_to_the_centime),
        cmocka_unit_test(what_is_no_amount_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
