#include "common/json_scan.h"

#include <string.h>

#include "common/json.h"
#include "tests/harness/test.h"

static int
begin(void **state)
{
    static struct job job;
    job_begin(&job, 1000);
    *state = &job;
    return 0;
}

static int
end(void **state)
{
    job_end(*state);
    return 0;
}

static struct json_scan
scanned(struct job *job, const char *text)
{
    struct json_scan scan;
    if (!json_scan(job, text, strlen(text), &scan))
        fail_msg("%s: %s", text, job->error.text);
    return scan;
}

static void
members_are_found_at_their_paths(void **state)
{
    struct job *job = *state;
    struct json_scan scan = scanned(
        job, " {\"a\": {\"b\" :[1, {\"c\":\"deep\"}, []]}, \"n\":null,\r\n\t\"t\":true,"
             "\"x\":-1.50e+3, \"empty\":{}} ");
    assert_string_equal(json_scan_string_or(job, &scan, JSON_ROOT, "a.b.1.c", "-"),
                        "deep");
    assert_string_equal(json_scan_text_or(job, &scan, JSON_ROOT, "a.b.0", "-"), "1");
    assert_string_equal(json_scan_text_or(job, &scan, JSON_ROOT, "x", "-"), "-1.50e+3");
    assert_string_equal(json_scan_string_or(job, &scan, JSON_ROOT, "x", "-"), "-");
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "n"), JSON_NONE);
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "a.b.3"), JSON_NONE);
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "a.b.-1"), JSON_NONE);
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "a.b.c"), JSON_NONE);
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "t.u"), JSON_NONE);
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "empty.u"), JSON_NONE);
    assert_int_equal(json_scan_kind(&scan, json_scan_at(&scan, JSON_ROOT, "t")), 't');
    assert_int_equal(json_scan_kind(&scan, JSON_NONE), 0);
    uint32_t below = json_scan_at(&scan, JSON_ROOT, "a.b");
    assert_string_equal(json_scan_string_or(job, &scan, below, "1.c", "-"), "deep");
}

static void
elements_are_walked(void **state)
{
    struct job *job = *state;
    struct json_scan scan = scanned(job, "[[1,2],{\"a\":[]},3,[]]");
    char kinds[8] = "";
    size_t count = 0;
    for (uint32_t at = json_scan_first(&scan, JSON_ROOT); at != JSON_NONE;
         at = json_scan_next(&scan, JSON_ROOT, at))
        kinds[count++] = json_scan_kind(&scan, at);
    assert_string_equal(kinds, "[{0[");
    assert_int_equal(json_scan_first(&scan, json_scan_at(&scan, JSON_ROOT, "3")),
                     JSON_NONE);
    assert_int_equal(json_scan_first(&scan, json_scan_at(&scan, JSON_ROOT, "2")),
                     JSON_NONE);
}

static void
escapes_are_decoded_in_values_and_names(void **state)
{
    struct job *job = *state;
    struct json_scan scan = scanned(
        job,
        "{\"\\u0061\\t\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\u20ac\\ud83d\\ude00\","
        "\"half\":\"\\ud83d.\\ude00\\ud83d\",\"nul\":\"a\\u0000b\"}");
    assert_string_equal(json_scan_string_or(job, &scan, JSON_ROOT, "a\t", "-"),
                        "\"\\/\b\f\n\r\t\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
    assert_string_equal(json_scan_string_or(job, &scan, JSON_ROOT, "half", "-"),
                        "\xef\xbf\xbd.\xef\xbf\xbd\xef\xbf\xbd");
    assert_string_equal(json_scan_string_or(job, &scan, JSON_ROOT, "nul", "-"), "-");
    assert_int_equal(json_scan_at(&scan, JSON_ROOT, "a"), JSON_NONE);
}

static void
the_last_of_the_same_name_counts(void **state)
{
    struct job *job = *state;
    struct json_scan scan = scanned(job, "{\"a\":1,\"b\":{\"a\":9},\"a\":2}");
    assert_string_equal(json_scan_text_or(job, &scan, JSON_ROOT, "a", "-"), "2");
}

static void
a_scalar_is_a_text_too(void **state)
{
    struct job *job = *state;
    struct json_scan scan = scanned(job, "\"x\"");
    assert_int_equal(json_scan_kind(&scan, JSON_ROOT), '"');
    assert_int_equal(scan.count, 1);
    scan = scanned(job, "0");
    assert_int_equal(json_scan_kind(&scan, JSON_ROOT), '0');
}

// Both read the same texts.
static const char *const no_json[] = {
    "",
    " ",
    "null",
    "nul",
    "tru",
    "truex",
    "{",
    "}",
    "[",
    "]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{'a':1}",
    "{\"a\":1]",
    "[1}",
    "{\"a\":1}}",
    "[1]x",
    "1 2",
    "01",
    "00",
    "-01",
    "[-00]",
    "-",
    "+1",
    "-.5",
    "[-.5e3]",
    "1.",
    ".5",
    "1e",
    "1e+",
    "1.e1",
    "0x1",
    "NaN",
    "Infinity",
    "-Infinity",
    "\"",
    "\"a",
    "\"\\",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"a\nb\"",
    "\"\t\"",
    "\"\xff\"",
    "\xef\xbb\xbf{}",
    "[1]//",
    "/**/1",
    "1e999",
    "-1e999",
    "9223372036854775808",
    "-9223372036854775809",
    "1111111111111111111111111111111111111111111111111111111111111111",
    "{\"a\":1 \"b\":2}",
    "{\"a\" 1}",
    "[true false]",
    "[\"a\":1]",
    "{1:2}"};

static void
what_is_no_json_is_refused_as_the_parser_does(void **state)
{
    struct job *job = *state;
    for (size_t i = 0; i < sizeof no_json / sizeof no_json[0]; i++) {
        struct json_scan scan;
        if (json_scan(job, no_json[i], strlen(no_json[i]), &scan))
            fail_msg("read: %s", no_json[i]);
        assert_int_equal(job->error.kind, ERROR_PERMANENT);
        assert_non_null(strstr(job->error.text, "no valid JSON: "));
        if (json_parse(job, no_json[i], strlen(no_json[i])) != NULL)
            fail_msg("parsed: %s", no_json[i]);
    }
}

static void
what_is_json_is_read_as_the_parser_does(void **state)
{
    struct job *job = *state;
    static const char *const texts[] = {
        "0",
        "-0",
        "1.5",
        "-0.0e-0",
        "9223372036854775807",
        "-9223372036854775808",
        "[]",
        "{}",
        "[[]]",
        "[{}]",
        "{\"\":\"\"}",
        "true",
        "false",
        " [ null , 1 ] ",
        "\"\\ud800\"",
        "\"\xf0\x9f\x98\x80\"",
        "\"\x7f\"",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct json_scan scan;
        bool parsed = json_parse(job, texts[i], strlen(texts[i])) != NULL;
        bool read = json_scan(job, texts[i], strlen(texts[i]), &scan);
        if (parsed != read)
            fail_msg("%s: %d %d %s", texts[i], parsed, read, job->error.text);
    }
}

static void
depth_has_the_parsers_limit(void **state)
{
    struct job *job = *state;
    char text[200];
    for (size_t depth = 1; depth < 80; depth++) {
        struct json_scan scan;
        memset(text, '[', depth);
        text[depth] = '1';
        memset(text + depth + 1, ']', depth);
        bool parsed = json_parse(job, text, 2 * depth + 1) != NULL;
        bool read = json_scan(job, text, 2 * depth + 1, &scan);
        if (parsed != read)
            fail_msg("depth %zu: %d %d", depth, parsed, read);
        text[depth] = ' '; // nothing within the innermost
        parsed = json_parse(job, text, 2 * depth + 1) != NULL;
        read = json_scan(job, text, 2 * depth + 1, &scan);
        if (parsed != read)
            fail_msg("depth %zu, empty: %d %d", depth, parsed, read);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(members_are_found_at_their_paths),
        TEST(elements_are_walked),
        TEST(escapes_are_decoded_in_values_and_names),
        TEST(the_last_of_the_same_name_counts),
        TEST(a_scalar_is_a_text_too),
        TEST(what_is_no_json_is_refused_as_the_parser_does),
        TEST(what_is_json_is_read_as_the_parser_does),
        TEST(depth_has_the_parsers_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
