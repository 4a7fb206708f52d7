#include <string.h>

#include "common/error.h"
#include "tests/harness/test.h"

static const struct error_rule rules[] = {
    {422, "taken", ERROR_PERMANENT, "choose another number"},
    {500, "database is locked", ERROR_RATE_LIMITED, NULL},
    {500, "wrong type", ERROR_PERMANENT, NULL},
    {403, NULL, ERROR_FATAL, "the token is not valid"},
    {0, "maintenance", ERROR_RETRYABLE, "wait"},
    {0},
};

static struct error
judge(int status, const char *body)
{
    struct error err;
    struct error_answer answer = {.service = "docuseal",
                                  .what = "POST /submissions",
                                  .status = status,
                                  .body = body};
    assert_false(error_http(&err, rules, &answer));
    return err;
}

static struct error
judge_once(int status, const char *body, int64_t retry_after_ms)
{
    struct error err;
    struct error_answer answer = {.service = "docuseal",
                                  .what = "POST /x",
                                  .status = status,
                                  .body = body,
                                  .retry_after_ms = retry_after_ms,
                                  .once = true};
    assert_false(error_http(&err, rules, &answer));
    return err;
}

static void
the_clients_table_decides_first(void **state)
{
    (void)state;
    struct error err = judge(403, "{}");
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_string_equal(err.hint, "the token is not valid");
    assert_string_equal(err.rule, "status");
    assert_string_equal(err.service, "docuseal");
    assert_int_equal(err.http_status, 403);

    err = judge(422, "the number is taken");
    assert_string_equal(err.rule, "taken");
    assert_string_equal(err.hint, "choose another number");
}

static void
a_row_with_a_text_needs_that_text(void **state)
{
    (void)state;
    assert_string_equal(judge(422, "{\"error\":\"too long\"}").rule, "http");
    assert_string_equal(judge(422, "TAKEN").rule, "http");
    assert_string_equal(judge(422, NULL).rule, "http");
}

static void
a_row_without_status_matches_any(void **state)
{
    (void)state;
    assert_int_equal(judge(404, "down for maintenance").kind, ERROR_RETRYABLE);
    assert_int_equal(judge(200, "down for maintenance").kind, ERROR_RETRYABLE);
}

static void
plain_http_decides_where_no_row_does(void **state)
{
    (void)state;
    static const struct {
        int status;
        enum error_kind kind;
    } cases[] = {
        {301, ERROR_PERMANENT}, {302, ERROR_PERMANENT},    {400, ERROR_PERMANENT},
        {401, ERROR_FATAL},     {404, ERROR_PERMANENT},    {408, ERROR_RETRYABLE},
        {425, ERROR_RETRYABLE}, {429, ERROR_RATE_LIMITED}, {500, ERROR_RETRYABLE},
        {502, ERROR_RETRYABLE}, {503, ERROR_RETRYABLE},    {504, ERROR_RETRYABLE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(judge(cases[i].status, "").kind, cases[i].kind);
}

static void
retry_after_makes_a_503_a_rate_limit(void **state)
{
    (void)state;
    struct error err;
    struct error_answer answer = {
        .what = "GET /", .status = 503, .retry_after_ms = 2000, .body = ""};
    error_http(&err, NULL, &answer);
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 2000);
}

static void
a_call_that_must_not_be_repeated_is_unsure_after_a_5xx(void **state)
{
    (void)state;
    assert_int_equal(judge_once(500, "", 0).kind, ERROR_UNSURE);
    assert_int_equal(judge_once(503, "", 4000).kind, ERROR_UNSURE);
    assert_int_equal(judge_once(503, "", 4000).retry_after_ms, 4000);
    assert_int_equal(judge_once(500, "database is locked", 0).kind, ERROR_UNSURE);
    // Refused for good, and certainly not done.
    assert_int_equal(judge_once(500, "wrong type", 0).kind, ERROR_PERMANENT);
    assert_int_equal(judge_once(422, "", 0).kind, ERROR_PERMANENT);
    assert_int_equal(judge_once(429, "", 0).kind, ERROR_RATE_LIMITED);
}

static void
the_text_says_what_was_tried_and_what_the_other_side_said(void **state)
{
    (void)state;
    static const struct {
        const char *body, *said;
    } cases[] = {
        {"\"submission is archived\"", ": submission is archived"},
        {"{\"error\":\"email is invalid in `submitters[0]`.\"}",
         ": email is invalid in `submitters[0]`."},
        {"{\"message\":\"Not allowed\"}", ": Not allowed"},
        {"{\"errors\":[{\"message\":\"Value is not unique.\",\"extensions\":{}}]}",
         ": Value is not unique."},
        {"{\"errors\":{\"email\":[\"is taken\",\"x\"],\"b\":[]}}", ": email: is taken"},
        {"{\"message\":\"Invalid.\",\"errors\":{\"number\":[\"is used\"]}}",
         ": Invalid. number: is used"},
        {"{\"error\":{\"message\":\"deep\",\"code\":3}}", ": deep"},
        {"{\"message\":\"a\\r\\nb\\u0007\"}", ": a  b "},
        {"{\"a\":\"b\"}", ""},
        {"<html>Bad gateway</html>", ""},
        {"", ""},
        {NULL, ""},
        {"{\"errors\":{}}", ""},
        {"[[[[[[[[\"too deep\"]]]]]]]]", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = judge(422, cases[i].body);
        char expected[200] = "POST /submissions answered 422";
        strncat(expected, cases[i].said, 100);
        assert_string_equal(err.text, expected);
    }
}

static void
a_long_message_is_cut(void **state)
{
    (void)state;
    char body[2000] = "{\"message\":\"";
    memset(body + strlen(body), 'x', 1000);
    strncat(body, "\"}", 3);
    struct error err = judge(400, body);
    assert_true(strlen(err.text) < sizeof err.text);
    assert_int_equal(strncmp(err.text, "POST /submissions answered 400: xxx", 35), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_clients_table_decides_first),
        cmocka_unit_test(a_row_with_a_text_needs_that_text),
        cmocka_unit_test(a_row_without_status_matches_any),
        cmocka_unit_test(plain_http_decides_where_no_row_does),
        cmocka_unit_test(retry_after_makes_a_503_a_rate_limit),
        cmocka_unit_test(a_call_that_must_not_be_repeated_is_unsure_after_a_5xx),
        cmocka_unit_test(the_text_says_what_was_tried_and_what_the_other_side_said),
        cmocka_unit_test(a_long_message_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
