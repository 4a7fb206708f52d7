#include "common/retry.h"

#include "tests/harness/test.h"

static const struct retry_policy policy = {
    .first_ms = 1000,
    .memory_ms = 3000,
    .park_ms = 5000,
    .max_ms = 60000,
    .give_up_ms = 1000000,
    .refused_ms = 7000,
};

static struct retry
decide(enum error_kind kind, int64_t after_ms, int64_t attempts, int64_t age_ms)
{
    struct error err = {.kind = kind, .retry_after_ms = after_ms};
    return retry_decide(&policy, &err, attempts, age_ms, 0);
}

static void
a_retryable_error_waits_longer_each_time_then_parks(void **state)
{
    (void)state;
    struct retry first = decide(ERROR_RETRYABLE, 0, 1, 0);
    struct retry third = decide(ERROR_RETRYABLE, 0, 3, 0);
    struct retry tenth = decide(ERROR_RETRYABLE, 0, 10, 0);
    assert_int_equal(first.action, RETRY_AGAIN);
    assert_int_equal(first.delay_ms, 1000);
    assert_true(first.counts);
    assert_int_equal(third.action, RETRY_PARK);
    assert_int_equal(third.delay_ms, 5000);
    assert_int_equal(tenth.delay_ms, 60000);
}

static void
jitter_takes_at_most_half(void **state)
{
    (void)state;
    struct error err = {.kind = ERROR_RETRYABLE};
    for (uint64_t random = 0; random < 5000; random += 7) {
        struct retry next = retry_decide(&policy, &err, 1, 0, random);
        assert_in_range(next.delay_ms, 500, 1000);
    }
}

static void
what_the_other_side_asked_for_is_waited(void **state)
{
    (void)state;
    assert_int_equal(decide(ERROR_RETRYABLE, 30000, 1, 0).delay_ms, 30000);
    assert_int_equal(decide(ERROR_RETRYABLE, 30000, 1, 0).action, RETRY_PARK);
    assert_int_equal(decide(ERROR_RATE_LIMITED, 30000, 1, 0).action, RETRY_GATE);
    assert_int_equal(decide(ERROR_RATE_LIMITED, 30000, 1, 0).delay_ms, 30000);
}

static void
waiting_for_certainty_or_a_gate_costs_no_attempt(void **state)
{
    (void)state;
    assert_false(decide(ERROR_UNSURE, 35000, 1, 0).counts);
    assert_int_equal(decide(ERROR_UNSURE, 35000, 1, 0).action, RETRY_PARK);
    assert_int_equal(decide(ERROR_UNSURE, 200, 1, 0).action, RETRY_AGAIN);
    assert_false(decide(ERROR_RATE_LIMITED, 0, 1, 0).counts);
    assert_false(decide(ERROR_FATAL, 0, 1, 0).counts);
    assert_int_equal(decide(ERROR_FATAL, 0, 1, 0).delay_ms, 7000);
}

static void
age_ends_it_not_the_number_of_attempts(void **state)
{
    (void)state;
    assert_int_equal(decide(ERROR_RETRYABLE, 0, 500, 10).action, RETRY_PARK);
    assert_int_equal(decide(ERROR_RETRYABLE, 0, 2, 1000000).action, RETRY_DEAD);
    assert_int_equal(decide(ERROR_RATE_LIMITED, 0, 1, 1000000).action, RETRY_DEAD);
}

static void
a_refusal_is_a_dead_letter_and_a_fenced_event_is_dropped(void **state)
{
    (void)state;
    assert_int_equal(decide(ERROR_PERMANENT, 0, 1, 0).action, RETRY_DEAD);
    assert_int_equal(decide(ERROR_FENCED, 0, 1, 0).action, RETRY_DROP);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_retryable_error_waits_longer_each_time_then_parks),
        cmocka_unit_test(jitter_takes_at_most_half),
        cmocka_unit_test(what_the_other_side_asked_for_is_waited),
        cmocka_unit_test(waiting_for_certainty_or_a_gate_costs_no_attempt),
        cmocka_unit_test(age_ends_it_not_the_number_of_attempts),
        cmocka_unit_test(a_refusal_is_a_dead_letter_and_a_fenced_event_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
