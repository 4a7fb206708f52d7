#include "common/http.h"

#include "tests/harness/test.h"

#include <string.h>

#include "common/dead_letter.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"

enum { PATIENCE_MS = 60000, LARGE = 20000 };

static const struct http_header service_headers[] = {
    {"X-Auth-Token", "canary-token"},
    {"Authorization", "Bearer canary-bearer"},
    {"Accept", "application/json"},
    {NULL},
};

// Answers with what the service's `fake` points at; a status of 0 is no answer.
static bool
play(const struct http_service *service, struct job *job,
     const struct http_request *request, struct http_response *response)
{
    const struct http_response *answer = service->fake;
    if (answer->status == 0)
        return error_retryable(&job->error, "cut");
    *response = *answer;
    response->length = strlen(answer->body);
    response->body = job_strdup(job, answer->body);
    if (answer->status < 300 || request->any_status)
        return true;
    error_permanent(&job->error, "refused");
    job->error.service = service->name;
    job->error.http_status = answer->status;
    return false;
}

static bool
ask(struct job *job, const struct http_request *request, int status, const char *body)
{
    struct http_response answer = {
        .status = status, .body = body, .content_type = "application/json"};
    const struct http_service service = {
        .name = "signer",
        .base_url = "https://signer.example/api",
        .headers = service_headers,
        .call = play,
        .fake = &answer,
    };
    struct http_response response;
    return http_call(&service, job, request, &response);
}

static struct http_request
post(const char *body)
{
    return (struct http_request){.method = "POST",
                                 .path = "/papers?limit=1&api_key=canary",
                                 .body = body,
                                 .body_length = strlen(body)};
}

static void
a_refused_call_is_kept_whole_without_its_secrets(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    struct http_request request =
        post("{\"email\":\"zoe@invalid\",\"password\":\"canary\"}");
    assert_false(ask(&job, &request, 422,
                     "{\"error\":\"email is invalid\",\"you\":\"canary-bearer\","
                     "\"embed_src\":\"https://signer.example/s/canary\"}"));
    assert_string_equal(job.blamed->service, "signer");
    assert_string_equal(job.blamed->request,
                        "POST https://signer.example/api/papers?limit=1&api_key=***"
                        "\n\n{\"email\":\"zoe@invalid\",\"password\":\"***\"}");
    assert_string_equal(job.blamed->response,
                        "422 application/json\n\n{\"error\":\"email is invalid\","
                        "\"you\":\"***\",\"embed_src\":\"***\"}");
    job_end(&job);
}

static void
an_answer_that_is_tolerated_is_kept_until_the_next_call(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    struct http_request request = {
        .method = "GET", .path = "/papers/7", .any_status = true};
    assert_true(ask(&job, &request, 404, "{}"));
    assert_non_null(job.blamed);
    assert_true(ask(&job, &request, 200, "{}"));
    assert_null(job.blamed);
    job_end(&job);
}

static void
a_call_without_an_answer_says_so(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    const struct http_request request = {.method = "GET",
                                         .path = "https://files.example/canary.pdf"};
    assert_false(ask(&job, &request, 0, NULL));
    assert_string_equal(job.blamed->request, "GET (a link)\n\n");
    assert_string_equal(job.blamed->response, "no answer");
    job_end(&job);
}

static void
what_is_no_text_is_described(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    const struct http_part parts[] = {
        {.name = "title", .value = "a paper"},
        {.name = "token", .value = "canary"},
        {.name = "file",
         .data = "%PDF\xff",
         .length = 5,
         .filename = "a.pdf",
         .type = "application/pdf"},
    };
    struct http_request request = {
        .method = "POST", .path = "/files", .parts = parts, .parts_count = 3};
    assert_false(ask(&job, &request, 500, "\xff\xfe"));
    assert_string_equal(job.blamed->request,
                        "POST https://signer.example/api/files\n\ntitle=a paper\n"
                        "token=***\nfile=(a file of 5 bytes, application/pdf)\n");
    assert_string_equal(job.blamed->response,
                        "500 application/json\n\n"
                        "(2 bytes that are not text, application/json)");
    job_end(&job);
}

// A dead letter is JSON: one byte that is no text would make it unreadable.
static void
a_type_that_is_no_text_is_shown_as_one(void **state)
{
    static const char *const types[] = {"text/html; \xe9\xff", "a\tb\x7f"};
    static const char *const shown[] = {"500 text/html; ??\n\nno", "500 a b \n\nno"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct job job;
        job_begin(&job, PATIENCE_MS);
        struct http_request request = {
            .method = "GET", .path = "/", .any_status = true};
        const struct http_response answer = {
            .status = 500, .body = "no", .content_type = types[i], .length = 2};
        const struct http_service service = {.name = "signer", .base_url = ""};
        http_blame(&service, &job, &request, &answer);
        assert_string_equal(job.blamed->response, shown[i]);
        job_end(&job);
    }
}

static void
a_type_is_cut_between_characters(void **state)
{
    struct job job;
    char type[200] = "";
    (void)state;
    job_begin(&job, PATIENCE_MS);
    for (size_t i = 0; i + 3 < sizeof type; i += 3)
        memcpy(type + i, "\xe2\x82\xac", 4);
    struct http_request request = {.method = "GET", .path = "/"};
    const struct http_response answer = {
        .status = 500, .body = "\xff", .content_type = type, .length = 1};
    const struct http_service service = {.name = "signer", .base_url = ""};
    http_blame(&service, &job, &request, &answer);
    assert_true(str_is_text(job.blamed->response, strlen(job.blamed->response)));
    job_end(&job);
}

static void
what_is_long_is_cut_with_a_mark(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    char *body = job_alloc(&job, LARGE + 1);
    memset(body, 'x', LARGE);
    const struct http_request request = post(body);
    assert_false(ask(&job, &request, 400, body));
    assert_true(str_ends(job.blamed->request, "x\n(cut: 20000 bytes in all)"));
    assert_true(str_ends(job.blamed->response, "x\n(cut: 20000 bytes in all)"));
    assert_true(strlen(job.blamed->request) < 9000);
    assert_true(strlen(job.blamed->response) < 9000);
    job_end(&job);
}

// ---- in the dead letter

static struct json_object *
letter_about(struct job *job, const struct error *error)
{
    const struct record record = {.topic = "signer.commands",
                                  .key = "k",
                                  .key_length = 1,
                                  .payload = "{}",
                                  .payload_length = 2};
    settlement_begin(job);
    dead_letter_add(job, &(struct dead_letter){.worker = "signer",
                                               .max_bytes = 1000 * 1000,
                                               .record = &record,
                                               .seen = "1",
                                               .error = error,
                                               .blamed = job->blamed});
    const char *headers = job->settlement->outbox->headers;
    return json_parse(job, headers, strlen(headers));
}

static void
a_dead_letter_has_the_call_its_error_came_from(void **state)
{
    struct job job;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    const struct http_request request = post("{}");
    assert_false(ask(&job, &request, 422, "{\"error\":\"no\"}"));
    struct json_object *headers = letter_about(&job, &job.error);
    assert_string_equal(json_string_or(headers, "x-dead-request", ""),
                        job.blamed->request);
    assert_string_equal(json_string_or(headers, "x-dead-response", ""),
                        job.blamed->response);
    job_end(&job);
}

static void
an_error_of_our_own_blames_no_call(void **state)
{
    struct job job;
    struct error ours;
    (void)state;
    job_begin(&job, PATIENCE_MS);
    const struct http_request request = post("{}");
    assert_false(ask(&job, &request, 404, "{}"));
    error_permanent(&ours, "the quote has no contact");
    struct json_object *headers = letter_about(&job, &ours);
    assert_null(json_at(headers, "x-dead-request"));
    assert_null(json_at(headers, "x-dead-response"));
    job_end(&job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refused_call_is_kept_whole_without_its_secrets),
        cmocka_unit_test(an_answer_that_is_tolerated_is_kept_until_the_next_call),
        cmocka_unit_test(a_call_without_an_answer_says_so),
        cmocka_unit_test(what_is_no_text_is_described),
        cmocka_unit_test(a_type_that_is_no_text_is_shown_as_one),
        cmocka_unit_test(a_type_is_cut_between_characters),
        cmocka_unit_test(what_is_long_is_cut_with_a_mark),
        cmocka_unit_test(a_dead_letter_has_the_call_its_error_came_from),
        cmocka_unit_test(an_error_of_our_own_blames_no_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
