#include "common/webhook.h"

#include <string.h>

#include "common/json.h"
#include "tests/harness/test.h"

static const struct http_header headers[] = {
    {"Content-Type", "application/json"},
    {"x-trace", "first"},
    {"X-Trace", "second"},
    {"X-Broken", "\xff"},
    {NULL},
};

static const struct http_header query[] = {{"company", "HYPERVISUAL"}, {NULL}};

static const struct webhook_request request = {
    .method = "POST", .headers = headers, .query = query, .body = "", .body_length = 0};

static void
headers_are_found_in_any_case_and_parameters_are_not(void **state)
{
    (void)state;
    const struct webhook_request empty = {.method = "POST"};
    assert_string_equal(webhook_header(&request, "content-TYPE"), "application/json");
    assert_string_equal(webhook_header(&request, "X-TRACE"), "first");
    assert_null(webhook_header(&request, "X"));
    assert_null(webhook_header(&empty, "X"));
    assert_string_equal(webhook_query(&request, "company"), "HYPERVISUAL");
    assert_null(webhook_query(&request, "Company"));
}

static void
a_header_and_a_parameter_must_agree(void **state)
{
    (void)state;
    assert_string_equal(webhook_either(&request, "X-Company", "company"),
                        "HYPERVISUAL");
    assert_string_equal(webhook_either(&request, "X-Trace", "trace"), "first");
    assert_string_equal(webhook_either(&request, "X-None", "none"), "");
    assert_null(webhook_either(&request, "X-Trace", "company"));
    const struct http_header same[] = {{"X-Company", "HYPERVISUAL"}, {NULL}};
    const struct webhook_request both = {.headers = same, .query = query};
    assert_string_equal(webhook_either(&both, "X-Company", "company"), "HYPERVISUAL");
}

static void
a_word_is_visible_and_short(void **state)
{
    (void)state;
    char text[102];
    assert_true(webhook_word("a-B_1:2"));
    assert_false(webhook_word(NULL));
    assert_false(webhook_word(""));
    assert_false(webhook_word("a b"));
    assert_false(webhook_word("a\n"));
    assert_false(webhook_word("\xc3\xa9"));
    memset(text, 'a', sizeof text);
    text[101] = '\0';
    assert_false(webhook_word(text));
    text[100] = '\0';
    assert_true(webhook_word(text));
}

static const struct webhook_event sample = {.type = "a.b",
                                            .id = "1",
                                            .source = "s",
                                            .key = "k",
                                            .payload = "{}",
                                            .payload_length = 2};

static void
an_event_needs_its_attributes_and_they_must_fit_a_header(void **state)
{
    (void)state;
    struct job job;
    struct webhook_events events = {.first = NULL};
    struct webhook_event wrong[7] = {sample, sample, sample, sample,
                                     sample, sample, sample};
    char large[300];

    memset(large, 'x', sizeof large);
    large[299] = '\0';
    wrong[0].type = NULL;
    wrong[1].id = "";
    wrong[2].key = "a\nb";
    wrong[3].type = "a b";
    wrong[4].subject = large;
    wrong[5].company = "\x7f";
    wrong[6].company = "\xff";
    job_begin(&job, 1000);
    for (int i = 0; i < 7; i++) {
        assert_false(webhook_add(&job, &events, &wrong[i]));
        assert_int_equal(job.error.kind, ERROR_PERMANENT);
        assert_int_equal(job.error.http_status, 0);
    }
    assert_true(webhook_add(&job, &events, &sample));
    assert_true(webhook_add(&job, &events, &sample));
    assert_int_equal(events.count, 2);
    assert_int_equal(events.bytes, 4);
    assert_ptr_equal(events.first->next, events.last);
    job_end(&job);
}

static void
a_delivery_has_limits(void **state)
{
    (void)state;
    struct job job;
    struct webhook_events events = {.first = NULL};
    struct webhook_event large = sample;

    job_begin(&job, 1000);
    large.payload_length = WEBHOOK_BYTES_MAX;
    assert_true(webhook_add(&job, &events, &large));
    assert_false(webhook_add(&job, &events, &sample));
    assert_int_equal(job.error.http_status, 413);

    events = (struct webhook_events){.first = NULL};
    for (int i = 0; i < WEBHOOK_EVENTS_MAX; i++)
        assert_true(webhook_add(&job, &events, &sample));
    assert_false(webhook_add(&job, &events, &sample));
    assert_int_equal(job.error.http_status, 413);
    job_end(&job);
}

static const char *
wrapped(struct job *job, const char *body)
{
    static const char *const names[] = {"Content-Type", "X-Trace", "X-Broken",
                                        "X-Absent", NULL};
    struct webhook_event ev = {.company = "A\"B\\\x01"};
    webhook_wrap(job, &ev, body, strlen(body), &request, names);
    assert_int_equal(strlen(ev.payload), ev.payload_length);
    assert_non_null(json_parse(job, ev.payload, ev.payload_length));
    return ev.payload;
}

static void
a_body_is_wrapped_with_company_and_headers(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    assert_string_equal(wrapped(&job, "{\"n\":1.00}"),
                        "{\"body\":{\"n\":1.00},\"company\":\"A\\\"B\\\\\\u0001\","
                        "\"headers\":{\"content-type\":"
                        "\"application/json\",\"x-trace\":\"first\"}}");
    const char *payload = wrapped(&job, "{\n  \"n\": 1.00\n}\n");
    assert_non_null(strstr(payload, "{\"body\":{\n  \"n\": 1.00\n}\n,"));
    job_end(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(headers_are_found_in_any_case_and_parameters_are_not),
        cmocka_unit_test(a_header_and_a_parameter_must_agree),
        cmocka_unit_test(a_word_is_visible_and_short),
        cmocka_unit_test(an_event_needs_its_attributes_and_they_must_fit_a_header),
        cmocka_unit_test(a_delivery_has_limits),
        cmocka_unit_test(a_body_is_wrapped_with_company_and_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
