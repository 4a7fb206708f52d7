#include "common/str.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

static void
a_string_grows_and_stays_terminated(void **state)
{
    (void)state;
    struct str s;
    str_begin(&s, 10000);
    for (int i = 0; i < 1000; i++)
        str_printf(&s, "%03d,", i);
    assert_false(s.failed);
    assert_int_equal(s.length, 4000);
    assert_int_equal(strlen(s.data), 4000);
    assert_memory_equal(s.data + 3996, "999,", 5);
    str_end(&s);
    assert_null(s.data);
}

static void
the_maximum_is_reached_but_not_passed(void **state)
{
    (void)state;
    struct str s;
    str_begin(&s, 4);
    str_puts(&s, "abcd");
    assert_false(s.failed);
    str_puts(&s, "e");
    assert_true(s.failed);
    assert_string_equal(s.data, "abcd");
    str_end(&s);
}

static void
after_a_failure_nothing_is_appended(void **state)
{
    (void)state;
    struct str s;
    str_begin(&s, 4);
    str_printf(&s, "%s", "too long");
    str_puts(&s, "a");
    assert_true(s.failed);
    assert_string_equal(s.data, "");
    str_end(&s);
}

static void
bytes_with_nul_are_kept(void **state)
{
    (void)state;
    struct str s;
    str_begin(&s, 100);
    str_append(&s, "a\0b", 3);
    assert_int_equal(s.length, 3);
    assert_memory_equal(s.data, "a\0b", 4);
    str_end(&s);
}

static void
a_copy_that_is_cut_says_so(void **state)
{
    (void)state;
    char out[5];
    assert_true(str_copy(out, sizeof out, "four"));
    assert_string_equal(out, "four");
    assert_false(str_copy(out, sizeof out, "fives"));
    assert_string_equal(out, "five");
    assert_false(str_copy(out, 0, "x"));
    assert_string_equal(out, "five");
}

static void
a_cut_does_not_split_a_character(void **state)
{
    (void)state;
    char out[5];
    assert_false(str_copy(out, sizeof out, "ab\xE2\x82\xAC"));
    assert_string_equal(out, "ab");
    assert_true(str_copy(out, sizeof out, "a\xE2\x82\xAC"));
    assert_int_equal(str_fit("\xF0\x9F\x98\x80", 4, 3), 0);
    assert_int_equal(str_fit("\xC3\xA9\xC3\xA9", 4, 3), 2);
    assert_int_equal(str_fit("\x80\x80\x80\x80\x80\x80", 6, 5),
                     5); // no character at all
}

static void
prefixes_and_suffixes_are_found(void **state)
{
    (void)state;
    assert_true(str_starts("relais/x", "relais/"));
    assert_false(str_starts("rel", "relais"));
    assert_true(str_starts("x", ""));
    assert_true(str_ends("a_seconds", "_seconds"));
    assert_false(str_ends("s", "_seconds"));
    assert_false(str_ends("a_seconds ", "_seconds"));
}

static void
only_valid_utf8_without_nul_is_text(void **state)
{
    (void)state;
    assert_true(str_is_text("", 0));
    assert_true(str_is_text("Z\xC3\xBCrich \xE2\x82\xAC \xF0\x9F\x98\x80", 16));
    assert_false(str_is_text("a\0b", 3));
    assert_false(str_is_text("\xC3", 1));
    assert_false(str_is_text("\xC0\x80", 2));         // NUL in disguise
    assert_false(str_is_text("\xE0\x80\xAF", 3));     // overlong
    assert_false(str_is_text("\xED\xA0\x80", 3));     // half a surrogate pair
    assert_false(str_is_text("\xF4\x90\x80\x80", 4)); // beyond U+10FFFF
    assert_false(str_is_text("\xE2\x82\x28", 3));
    assert_false(str_is_text("\xFF", 1));
}

static void
text_ends_at_the_first_byte_that_is_none(void **state)
{
    (void)state;
    enum { LENGTH = 40 };
    static const char wrong[] = {'\0', '\xFF', '\x80'};
    for (size_t at = 0; at < LENGTH; at++)
        for (size_t i = 0; i < sizeof wrong; i++) {
            char text[LENGTH];
            memset(text, i == 0 ? 1 : 'x', sizeof text);
            text[at] = wrong[i];
            assert_int_equal(str_text_length(text, sizeof text), at);
        }
    assert_int_equal(str_text_length("1234567\xC3\xA9"
                                     "12345678\x7F",
                                     18),
                     18);
}

static void
cleaning_makes_one_printable_line(void **state)
{
    (void)state;
    char text[] = "a\nb\x7F"
                  "c\xFF"
                  "d\xC3\xA9";
    str_clean(text);
    assert_string_equal(text, "a b c?d\xC3\xA9");
}

static void
numbers_are_whole_and_alone(void **state)
{
    (void)state;
    long long value = 7;
    assert_true(str_to_i64("-42", &value));
    assert_int_equal(value, -42);
    assert_true(str_to_i64("9223372036854775807", &value));
    assert_true(value == LLONG_MAX);
    assert_true(str_to_i64("-9223372036854775808", &value));
    assert_true(value == LLONG_MIN);

    static const char *const wrong[] = {"",    " 1", "1 ", "+1", "-",
                                        "--1", "1a", "0x", "1.", "9223372036854775808"};
    value = 7;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_false(str_to_i64(wrong[i], &value));
        assert_int_equal(value, 7);
    }
    assert_false(str_to_i64(NULL, &value));
}

static void
copies_end_with_a_nul(void **state)
{
    (void)state;
    char *copy = str_ndup("abcdef", 3);
    assert_string_equal(copy, "abc");
    free(copy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_string_grows_and_stays_terminated),
        cmocka_unit_test(the_maximum_is_reached_but_not_passed),
        cmocka_unit_test(after_a_failure_nothing_is_appended),
        cmocka_unit_test(bytes_with_nul_are_kept),
        cmocka_unit_test(a_copy_that_is_cut_says_so),
        cmocka_unit_test(a_cut_does_not_split_a_character),
        cmocka_unit_test(prefixes_and_suffixes_are_found),
        cmocka_unit_test(only_valid_utf8_without_nul_is_text),
        cmocka_unit_test(text_ends_at_the_first_byte_that_is_none),
        cmocka_unit_test(cleaning_makes_one_printable_line),
        cmocka_unit_test(numbers_are_whole_and_alone),
        cmocka_unit_test(copies_end_with_a_nul),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
