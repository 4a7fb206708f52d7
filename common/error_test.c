#include "common/error.h"

#include <string.h>

#include "common/str.h"
#include "tests/harness/test.h"

static void
each_function_sets_its_kind_and_returns_false(void **state)
{
    (void)state;
    struct error err = {.http_status = 500, .hint = "old", .retry_after_ms = 9};
    assert_false(error_retryable(&err, "a %d", 1));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_string_equal(err.text, "a 1");
    assert_int_equal(err.http_status, 0);
    assert_null(err.hint);
    assert_int_equal(err.retry_after_ms, 0);
    assert_false(error_permanent(&err, "b"));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_false(error_fatal(&err, "c"));
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_false(error_fenced(&err, "d"));
    assert_int_equal(err.kind, ERROR_FENCED);
}

static void
waiting_times_are_kept_and_never_negative(void **state)
{
    (void)state;
    struct error err;
    assert_false(error_rate_limited(&err, 30000, "slow"));
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 30000);
    assert_false(error_unsure(&err, -5, "perhaps"));
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, 0);
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct error err;
    char text[600] = "x";
    for (size_t i = 0; i < 250; i++)
        memcpy(text + 1 + 2 * i, "\xC3\xA9", 3);
    error_permanent(&err, "%s", text);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_true(str_is_text(err.text, strlen(err.text)));
    error_permanent(&err, "xx%s", text);
    assert_true(str_is_text(err.text, strlen(err.text)));
}

static void
what_others_sent_becomes_one_line(void **state)
{
    (void)state;
    struct error err;
    error_permanent(&err, "bad `%s`", "a\r\nSet-Cookie: x\xFF");
    assert_string_equal(err.text, "bad `a  Set-Cookie: x?`");
}

static void
an_error_may_speak_of_the_one_it_replaces(void **state)
{
    (void)state;
    struct error err;
    error_retryable(&err, "broker away");
    error_fatal(&err, "cannot start: %s", err.text);
    assert_string_equal(err.text, "cannot start: broker away");
}

static void
a_cleared_error_is_none(void **state)
{
    (void)state;
    struct error err;
    error_fatal(&err, "x");
    error_clear(&err);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(err.text, "");
}

static void
kinds_have_names(void **state)
{
    (void)state;
    assert_string_equal(error_kind_name(ERROR_NONE), "none");
    assert_string_equal(error_kind_name(ERROR_RATE_LIMITED), "rate-limited");
    assert_string_equal(error_kind_name(ERROR_FENCED), "fenced");
    assert_string_equal(error_kind_name((enum error_kind)99), "unknown");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_function_sets_its_kind_and_returns_false),
        cmocka_unit_test(waiting_times_are_kept_and_never_negative),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
        cmocka_unit_test(what_others_sent_becomes_one_line),
        cmocka_unit_test(an_error_may_speak_of_the_one_it_replaces),
        cmocka_unit_test(a_cleared_error_is_none),
        cmocka_unit_test(kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
