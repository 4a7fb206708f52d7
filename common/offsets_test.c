#include "common/offsets.h"

#include "tests/harness/test.h"

static void
only_the_finished_prefix_counts(void **state)
{
    (void)state;
    struct offsets o = {0};
    offsets_reset(&o);
    for (int64_t i = 100; i < 110; i++)
        assert_true(offsets_seen(&o, i));
    assert_false(offsets_done(&o, 103));
    assert_false(offsets_done(&o, 101));
    assert_int_equal(o.low, 100);
    assert_true(offsets_done(&o, 100));
    assert_int_equal(o.low, 102);
    assert_true(offsets_done(&o, 102));
    assert_int_equal(o.low, 104);
    offsets_free(&o);
}

static void
a_refetched_record_is_dropped(void **state)
{
    (void)state;
    struct offsets o = {0};
    offsets_reset(&o);
    assert_true(offsets_seen(&o, 5));
    assert_true(offsets_seen(&o, 6));
    assert_false(offsets_seen(&o, 5));
    offsets_done(&o, 5);
    assert_false(offsets_seen(&o, 5));
    assert_int_equal(o.low, 6);
    offsets_free(&o);
}

static void
skipped_offsets_do_not_hold_the_prefix(void **state)
{
    (void)state;
    struct offsets o = {0};
    offsets_reset(&o);
    assert_true(offsets_seen(&o, 0));
    assert_true(offsets_seen(&o, 4));
    assert_true(offsets_done(&o, 0));
    assert_int_equal(o.low, 4);
    assert_true(offsets_done(&o, 4));
    assert_int_equal(o.low, 5);
    offsets_free(&o);
}

static void
a_long_stuck_record_is_survived(void **state)
{
    (void)state;
    enum { MANY = 200000 };
    struct offsets o = {0};
    offsets_reset(&o);
    for (int64_t i = 7; i < MANY; i++)
        assert_true(offsets_seen(&o, i));
    for (int64_t i = MANY - 1; i > 7; i--)
        assert_false(offsets_done(&o, i));
    assert_true(offsets_done(&o, 7));
    assert_int_equal(o.low, MANY);
    assert_true(offsets_seen(&o, MANY));
    assert_int_equal(o.low, MANY);
    offsets_free(&o);
}

static void
random_orders_end_at_the_top(void **state)
{
    (void)state;
    enum { MANY = 5000 };
    static int64_t order[MANY];
    struct offsets o = {0};
    uint32_t seed = 1;
    offsets_reset(&o);
    for (int i = 0; i < MANY; i++)
        order[i] = i;
    for (int i = MANY - 1; i > 0; i--) {
        seed = seed * 1664525u + 1013904223u;
        int j = (int)(seed % (uint32_t)(i + 1));
        int64_t other = order[j];
        order[j] = order[i];
        order[i] = other;
    }
    for (int i = 0; i < MANY; i++)
        assert_true(offsets_seen(&o, i));
    int64_t low = 0;
    for (int i = 0; i < MANY; i++) {
        offsets_done(&o, order[i]);
        assert_true(o.low >= low);
        low = o.low;
    }
    assert_int_equal(low, MANY);
    offsets_free(&o);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_finished_prefix_counts),
        cmocka_unit_test(a_refetched_record_is_dropped),
        cmocka_unit_test(skipped_offsets_do_not_hold_the_prefix),
        cmocka_unit_test(a_long_stuck_record_is_survived),
        cmocka_unit_test(random_orders_end_at_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
