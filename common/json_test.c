#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

static int
begin(void **state)
{
    struct job *job = calloc(1, sizeof *job);
    job_begin(job, 60000);
    *state = job;
    return 0;
}

static int
end(void **state)
{
    job_end(*state);
    free(*state);
    return 0;
}

static struct json_object *
parsed(struct job *job, const char *text)
{
    struct json_object *obj = json_parse(job, text, strlen(text));
    assert_non_null(obj);
    return obj;
}

static void
what_is_no_json_is_refused_with_its_place(void **state)
{
    struct job *job = *state;
    static const char *const wrong[] = {
        "",
        " ",
        "{\"a\":1}x",
        "{\"a\":1}{}",
        "{'a':1}",
        "[1,]",
        "[01]",
        "[1.]",
        "[-01]",
        "00",
        "[.5]",
        "[+1]",
        "[1e]",
        "[-]",
        "[NaN]",
        "[Infinity]",
        "[-Infinity]",
        "[1e999]",
        "[TRUE]",
        "{\"a\" 1}",
        "[1 2]",
        "[\"\\x\"]",
        "{a:1}",
        "tru",
        "\"x",
        "[1]//c",
        "/*c*/[1]",
        "[\"\x01\"]",
        "[\"a\nb\"]",
        "[\"\xFF\"]",
        "[\"\xC0\x80\"]",
        "null",
        "[99999999999999999999]",
        "[9223372036854775808]",
        "[-9223372036854775809]",
        "[\"a\\",
        "[1",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        error_clear(&job->error);
        assert_null(json_parse(job, wrong[i], strlen(wrong[i])));
        assert_int_equal(job->error.kind, ERROR_PERMANENT);
        assert_non_null(strstr(job->error.text, "at byte "));
    }
    assert_null(json_parse(job, "{\"a\":1}\0x", 9));
    assert_null(json_parse(job, "{}\0", 3));
}

static void
a_text_need_not_end_with_nul(void **state)
{
    struct job *job = *state;
    assert_non_null(json_parse(job, "{\"a\":1}garbage", 7));
    struct json_object *number = json_parse(job, "1234", 2);
    assert_int_equal(json_object_get_int(number), 12);
    assert_null(json_parse(job, "\"abc\"", 4));
    assert_non_null(json_parse(job, " [1] \r\n\t", 8));
}

static void
nesting_has_a_limit(void **state)
{
    struct job *job = *state;
    char text[2 * JSON_DEPTH + 9];
    size_t depth = JSON_DEPTH - 1;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_non_null(json_parse(job, text, 2 * depth));
    depth = JSON_DEPTH + 1;
    memset(text, '[', depth);
    memset(text + depth, ']', depth);
    assert_null(json_parse(job, text, 2 * depth));
}

static void
numbers_keep_their_text(void **state)
{
    struct job *job = *state;
    struct json_object *obj =
        parsed(job, "{\"total\":1200.50,\"id\":9007199254740993,\"big\":1.0E+2}");
    assert_string_equal(json_text_or(obj, "total", ""), "1200.50");
    assert_string_equal(json_text_or(obj, "id", ""), "9007199254740993");
    assert_string_equal(json_print(obj, NULL),
                        "{\"total\":1200.50,\"id\":9007199254740993,\"big\":1.0E+2}");
}

static void
dotted_paths_reach_members_and_elements(void **state)
{
    struct job *job = *state;
    struct json_object *obj = parsed(
        job, "{\"data\":{\"submitters\":[{\"email\":\"a@b\"},{\"email\":\"c@d\"}],"
             "\"none\":null},\"a.b\":1}");
    assert_string_equal(json_string_or(obj, "data.submitters.1.email", ""), "c@d");
    assert_null(json_at(obj, "data.submitters.2.email"));
    assert_null(json_at(obj, "data.submitters.-1"));
    assert_null(json_at(obj, "data.submitters.email"));
    assert_null(json_at(obj, "data.none"));
    assert_null(json_at(obj, "data.none.x"));
    assert_null(json_at(obj, "data."));
    assert_null(json_at(obj, ""));
    assert_null(json_at(obj, "a.b"));
    assert_null(json_at(NULL, "a"));
    char name[300];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_null(json_at(obj, name));
}

static void
a_required_string_names_the_member_that_is_wrong(void **state)
{
    struct job *job = *state;
    struct json_object *obj = parsed(
        job,
        "{\"a\":{\"number\":1,\"empty\":\"\",\"nul\":\"x\\u0000y\",\"ok\":\"v\"}}");
    error_clear(&job->error);
    assert_string_equal(json_string(job, obj, "a.ok"), "v");
    assert_int_equal(job->error.kind, ERROR_NONE);
    assert_null(json_string(job, obj, "a.gone"));
    assert_string_equal(job->error.text, "`a.gone` is missing");
    assert_int_equal(job->error.kind, ERROR_PERMANENT);
    assert_null(json_string(job, obj, "a.number"));
    assert_string_equal(job->error.text, "`a.number` is not a string");
    assert_null(json_string(job, obj, "a.empty"));
    assert_string_equal(job->error.text, "`a.empty` is empty");
    assert_null(json_string(job, obj, "a.nul"));
    assert_string_equal(job->error.text, "`a.nul` holds a NUL");
    assert_string_equal(json_string_or(obj, "a.nul", "fallback"), "fallback");
    assert_string_equal(json_string_or(obj, "a.number", "fallback"), "fallback");
    assert_string_equal(json_string_or(obj, "a.empty", "fallback"), "");
}

static void
ids_come_as_strings_or_numbers(void **state)
{
    struct job *job = *state;
    struct json_object *obj =
        parsed(job, "{\"n\":42,\"s\":\"x7\",\"b\":true,\"o\":{}}");
    assert_string_equal(json_text_or(obj, "n", ""), "42");
    assert_string_equal(json_text_or(obj, "s", ""), "x7");
    assert_string_equal(json_text_or(obj, "b", "-"), "-");
    assert_string_equal(json_text_or(obj, "o", "-"), "-");
    assert_null(json_text_or(obj, "gone", NULL));
}

static void
whole_numbers_are_not_guessed(void **state)
{
    struct job *job = *state;
    struct json_object *obj =
        parsed(job, "{\"n\":-5,\"d\":1.5,\"s\":\"7\",\"b\":true,\"z\":0,"
                    "\"max\":9223372036854775807}");
    int64_t value = 9;
    assert_true(json_i64(job, obj, "n", &value));
    assert_int_equal(value, -5);
    assert_true(json_i64(job, obj, "max", &value));
    assert_true(value == INT64_MAX);
    assert_false(json_i64(job, obj, "d", &value));
    assert_string_equal(job->error.text, "`d` is not a whole number");
    assert_false(json_i64(job, obj, "s", &value));
    assert_false(json_i64(job, obj, "b", &value));
    assert_false(json_i64(job, obj, "gone", &value));
    assert_string_equal(job->error.text, "`gone` is missing");
    assert_true(value == INT64_MAX); // untouched
    assert_int_equal(json_i64_or(obj, "s", 3), 3);
    assert_int_equal(json_i64_or(obj, "n", 3), -5);
    assert_true(json_bool_or(obj, "b", false));
    assert_true(json_bool_or(obj, "n", false));
    assert_false(json_bool_or(obj, "z", true)); // a database without bools
    assert_true(json_bool_or(obj, "s", true));
    assert_false(json_bool_or(obj, "s", false));
    assert_false(json_bool_or(obj, "gone", false));
    assert_null(json_array_or_null(obj, "n"));
}

static void
objects_are_built_and_shared(void **state)
{
    struct job *job = *state;
    struct json_object *inner = json_object_in(job);
    json_set_i64(inner, "cents", -7);
    struct json_object *list = json_array_in(job);
    json_add_string(list, "a/b");
    json_add_string(list, NULL);
    json_add(list, inner);
    struct json_object *obj = json_object_in(job);
    json_set_string(obj, "text", "q\"\n");
    json_set_string(obj, "none", NULL);
    json_set_bool(obj, "yes", true);
    json_set(obj, "amount", inner);
    json_set(obj, "list", list);
    json_set(obj, "nothing", NULL);
    size_t length = 0;
    const char *text = json_print(obj, &length);
    assert_string_equal(text, "{\"text\":\"q\\\"\\n\",\"none\":null,\"yes\":true,"
                              "\"amount\":{\"cents\":-7},\"list\":[\"a/b\",null,"
                              "{\"cents\":-7}],\"nothing\":null}");
    assert_int_equal(length, strlen(text));
    assert_string_equal(json_print(NULL, &length), "null");
    assert_int_equal(length, 4);
}

static void
a_hash_does_not_depend_on_the_order_of_members(void **state)
{
    struct job *job = *state;
    const char *one =
        json_hash(job, parsed(job, "{\"b\":{\"y\":1,\"x\":[1,2]},\"a\":\"t\"}"));
    const char *same =
        json_hash(job, parsed(job, " {\"a\":\"t\", \"b\":{\"x\":[1,2],\"y\":1}}"));
    assert_string_equal(one, same);
    assert_int_equal(strlen(one), 64);
    static const char *const others[] = {
        "{\"b\":{\"y\":1,\"x\":[2,1]},\"a\":\"t\"}",
        "{\"b\":{\"y\":1,\"x\":[1,2]},\"a\":\"u\"}",
        "{\"b\":{\"y\":\"1\",\"x\":[1,2]},\"a\":\"t\"}",
        "{\"b\":{\"y\":1,\"x\":[1,2]},\"a\":\"t\",\"c\":null}",
        "{\"b\":{\"y\":1,\"x\":[1,2],\"a\":\"t\"}}",
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_string_not_equal(one, json_hash(job, parsed(job, others[i])));
}

static void
a_hash_stays_what_it_was(void **state)
{
    struct job *job = *state;
    // sha256 of {"a":"x\"y","b":[1.50,null]}
    assert_string_equal(
        json_hash(job, parsed(job, "{\"b\":[1.50,null],\"a\":\"x\\\"y\"}")),
        "a62962f40b1372b87275f0404f1590e057d33c147364bf9fabcdc2bb87690618");
}

static void
parsing_without_a_job_leaves_the_result_to_the_caller(void **state)
{
    (void)state;
    struct json_object *obj = json_parse_raw("{\"a\":1}", 7);
    assert_int_equal(json_i64_or(obj, "a", 0), 1);
    json_drop(obj);
    assert_null(json_parse_raw("{\"a\":1", 6));
    assert_null(json_parse_raw("", 0));
    json_drop(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_no_json_is_refused_with_its_place),
        cmocka_unit_test(a_text_need_not_end_with_nul),
        cmocka_unit_test(nesting_has_a_limit),
        cmocka_unit_test(numbers_keep_their_text),
        cmocka_unit_test(dotted_paths_reach_members_and_elements),
        cmocka_unit_test(a_required_string_names_the_member_that_is_wrong),
        cmocka_unit_test(ids_come_as_strings_or_numbers),
        cmocka_unit_test(whole_numbers_are_not_guessed),
        cmocka_unit_test(objects_are_built_and_shared),
        cmocka_unit_test(a_hash_does_not_depend_on_the_order_of_members),
        cmocka_unit_test(a_hash_stays_what_it_was),
        cmocka_unit_test(parsing_without_a_job_leaves_the_result_to_the_caller),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
