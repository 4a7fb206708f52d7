#include <stdlib.h>
#include <string.h>

#include "common/directus.h"
#include "common/json.h"
#include "tests/harness/fake.h"
#include "tests/harness/test.h"

#define ROW "2d3b2c7d-0ebe-469d-bbaa-8f673021f369"
#define FORBIDDEN                                                              \
    "{\"errors\":[{\"message\":\"You don't have permission to access this.\"," \
    "\"extensions\":{\"code\":\"FORBIDDEN\"}}]}"
#define TOKEN "directus-token-that-nobody-may-see"
#define END \
    {       \
        0   \
    }

struct stage {
    struct fake fake;
    struct directus directus;
    struct json_object *row;
    const char *blamed;
};

static void
reopen(struct stage *stage)
{
    struct error err;
    memset(&stage->directus, 0, sizeof stage->directus);
    if (!directus_open(&stage->directus, "docuseal", &err))
        fail_msg("%s", err.text);
    fake_service(&stage->fake, &stage->directus.service);
}

static int
stage_begin(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    fake_setting("DIRECTUS_URL", "https://directus.example.com/");
    fake_setting("DIRECTUS_TOKEN", TOKEN);
    fake_begin(&stage->fake, NULL, NULL);
    reopen(stage);
    *state = stage;
    return 0;
}

static int
stage_end(void **state)
{
    struct stage *stage = *state;
    directus_close(&stage->directus);
    fake_end(&stage->fake);
    free(stage);
    return 0;
}

static bool
read_quote(struct job *job, void *state)
{
    struct stage *stage = state;
    struct json_object *row =
        directus_read(&stage->directus, job, "quotes", ROW, "id,contact_id.email");
    if (row == NULL)
        return false;
    stage->row = json_object_in(&stage->fake.keep);
    json_set(stage->row, "row", row);
    return true;
}

static bool
list_quotes(struct job *job, void *state)
{
    struct stage *stage = state;
    const struct http_header query[] = {
        {"filter[status][_eq]", "sent"}, {"limit", "-1"}, {NULL}};
    return directus_list(&stage->directus, job, "quotes", query) != NULL;
}

static bool
update_quote(struct job *job, void *state)
{
    struct stage *stage = state;
    struct json_object *patch = json_object_in(job);
    json_set_string(patch, "signature_status", "viewed");
    bool done = directus_update(&stage->directus, job, "quotes", ROW, patch);
    const char *blamed = job->blamed != NULL ? job->blamed->request : NULL;
    stage->blamed = job_strdup(&stage->fake.keep, blamed);
    return done;
}

static bool
upload(struct job *job, void *state)
{
    struct stage *stage = state;
    const struct directus_file file = {
        .id = ROW,
        .title = "Offerte",
        .filename = "Offerte.pdf",
        .type = "application/pdf",
        .data = "%PDF-",
        .length = 5,
    };
    return directus_upload(&stage->directus, job, &file);
}

static void
a_row_is_read_with_its_fields(void **state)
{
    struct stage *stage = *state;
    struct error err = fake_run(
        &stage->fake, read_quote, stage,
        (struct fake_reply[]){
            {"GET", "/items/quotes/" ROW "?fields=id%2Ccontact_id.email", 200,
             "{\"data\":{\"id\":\"" ROW "\",\"contact_id\":{\"email\":\"a@b.ch\"}}}"},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(stage->row, "row.contact_id.email", ""),
                        "a@b.ch");
}

static void
calls_say_who_we_are(void **state)
{
    struct stage *stage = *state;
    const struct http_header *headers = stage->directus.service.headers;
    assert_string_equal(headers[0].name, "Origin");
    assert_string_equal(headers[0].value, "relais://docuseal");
    assert_string_equal(stage->directus.service.base_url,
                        "https://directus.example.com");
}

static const char *
authorization_of_a_read(struct stage *stage)
{
    struct error err =
        fake_run(&stage->fake, read_quote, stage,
                 (struct fake_reply[]){
                     {"GET", "/items/quotes/" ROW "?*", 200, "{\"data\":{}}"}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    return stage->fake.calls[0].token;
}

static void
the_token_is_what_it_is_now(void **state)
{
    struct stage *stage = *state;
    struct error err;
    assert_string_equal(authorization_of_a_read(stage), "Bearer " TOKEN);
    fake_setting("DIRECTUS_TOKEN", "a new one");
    assert_true(directus_reload(&stage->directus, &err));
    assert_string_equal(authorization_of_a_read(stage), "Bearer a new one");
    fake_setting("DIRECTUS_TOKEN", NULL);
    assert_false(directus_reload(&stage->directus, &err));
    assert_non_null(strstr(err.text, "DIRECTUS_TOKEN"));
    assert_string_equal(authorization_of_a_read(stage), "Bearer a new one");
}

static void
a_missing_row_is_told_from_a_forbidden_one(void **state)
{
    struct stage *stage = *state;
    const char *look = "/items/quotes?filter%5Bid%5D%5B_eq%5D=" ROW "&*";
    struct error err = fake_run(
        &stage->fake, read_quote, stage,
        (struct fake_reply[]){{"GET", "/items/quotes/" ROW "?*", 403, FORBIDDEN},
                              {"GET", look, 200, "{\"data\":[]}"},
                              END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_string_equal(err.text, "quotes " ROW " is not there");

    err = fake_run(
        &stage->fake, read_quote, stage,
        (struct fake_reply[]){{"GET", "/items/quotes/" ROW "?*", 403, FORBIDDEN},
                              {"GET", look, 403, FORBIDDEN},
                              END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.text, "no right to read quotes"));
    assert_non_null(err.hint);
}

static void
a_field_that_is_not_there_is_a_missing_right(void **state)
{
    struct stage *stage = *state;
    struct error err = fake_run(
        &stage->fake, update_quote, stage,
        (struct fake_reply[]){
            {"PATCH", "/items/quotes/" ROW "?fields=id", 403, FORBIDDEN},
            {"GET", "/items/quotes?*", 200, "{\"data\":[{\"id\":\"" ROW "\"}]}"},
            END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.text, "no right to update quotes"));
    assert_non_null(strstr(stage->blamed, "PATCH")); // not the call that explains it
}

static void
a_bad_token_is_fatal_and_not_shown(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, read_quote, stage,
                 (struct fake_reply[]){
                     {"GET", "/items/quotes/*", 401,
                      "{\"errors\":[{\"message\":\"Invalid user credentials.\","
                      "\"extensions\":{\"code\":\"INVALID_CREDENTIALS\"}}]}"},
                     END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.hint, "DIRECTUS_TOKEN"));
    assert_null(strstr(err.text, TOKEN));
    err = fake_run(
        &stage->fake, read_quote, stage,
        (struct fake_reply[]){{"GET", "/items/quotes/*", 403,
                               "{\"errors\":[{\"message\":\"Invalid token.\","
                               "\"extensions\":{\"code\":\"INVALID_TOKEN\"}}]}"},
                              END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.hint, "DIRECTUS_TOKEN"));
}

static void
a_server_error_may_pass(void **state)
{
    struct stage *stage = *state;
    const char *body = "{\"errors\":[{\"message\":\"An unexpected error occurred.\","
                       "\"extensions\":{\"code\":\"INTERNAL_SERVER_ERROR\"}}]}";
    struct error err =
        fake_run(&stage->fake, update_quote, stage,
                 (struct fake_reply[]){{"PATCH", "/items/quotes/*", 500, body}, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(err.http_status, 500);
}

static void
pressure_and_limits_are_waited_out(void **state)
{
    struct stage *stage = *state;
    const char *pressure =
        "{\"errors\":[{\"message\":\"Service \\\"api\\\" is unavailable. Under "
        "pressure.\",\"extensions\":{\"code\":\"SERVICE_UNAVAILABLE\"}}]}";
    struct error err =
        fake_run(&stage->fake, list_quotes, stage,
                 (struct fake_reply[]){{"GET", "/items/quotes?*", 503, pressure}, END});
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    err = fake_run(
        &stage->fake, list_quotes, stage,
        (struct fake_reply[]){{"GET", "/items/quotes?*", 429, "{}", 2000}, END});
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 2000);
}

static void
a_list_is_asked_for_with_a_filter(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, list_quotes, stage,
                 (struct fake_reply[]){
                     {"GET", "/items/quotes?filter%5Bstatus%5D%5B_eq%5D=sent&limit=-1",
                      200, "{\"data\":[]}"},
                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = fake_run(
        &stage->fake, list_quotes, stage,
        (struct fake_reply[]){{"GET", "/items/quotes?*", 403, FORBIDDEN}, END});
    assert_int_equal(err.kind, ERROR_FATAL);
    err =
        fake_run(&stage->fake, list_quotes, stage,
                 (struct fake_reply[]){{"GET", "/items/quotes?*", 200, "<html>"}, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
}

static const char *
taken(struct stage *stage, const char *collection, const char *field)
{
    return job_printf(&stage->fake.keep,
                      "{\"errors\":[{\"message\":\"Value has to be unique.\","
                      "\"extensions\":{\"collection\":\"%s\",\"field\":\"%s\","
                      "\"code\":\"RECORD_NOT_UNIQUE\"}}]}",
                      collection, field);
}

static void
another_field_that_is_taken_is_refused(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, upload, stage,
                 (struct fake_reply[]){{"POST", "/files?fields=id", 400,
                                        taken(stage, "directus_files", "title")},
                                       END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_string_equal(err.rule, "RECORD_NOT_UNIQUE");
    assert_non_null(strstr(err.text, "has to be unique"));
    err = fake_run(&stage->fake, upload, stage,
                   (struct fake_reply[]){{"POST", "/files?fields=id", 400,
                                          taken(stage, "signature_logs", "id")},
                                         END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
}

static void
a_file_is_stored_under_our_id(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, upload, stage,
                 (struct fake_reply[]){{"POST", "/files?fields=id", 200, "{}",
                                        .sends = "id=" ROW "\ntitle=Offerte\nfile="},
                                       END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_file_that_is_there_whole_is_left_alone(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, upload, stage,
                 (struct fake_reply[]){{"POST", "/files?fields=id", 400,
                                        taken(stage, "directus_files", "id")},
                                       {"GET", "/files/" ROW "?fields=filesize", 200,
                                        "{\"data\":{\"filesize\":\"5\"}}"},
                                       END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_file_that_a_crash_left_without_bytes_is_filled(void **state)
{
    struct stage *stage = *state;
    struct error err =
        fake_run(&stage->fake, upload, stage,
                 (struct fake_reply[]){{"POST", "/files?fields=id", 400,
                                        taken(stage, "directus_files", "id")},
                                       {"GET", "/files/" ROW "?fields=filesize", 200,
                                        "{\"data\":{\"filesize\":null}}"},
                                       {"PATCH", "/files/" ROW "?fields=id", 200, "{}",
                                        .sends = "title=Offerte\nfile="},
                                       END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(strstr(stage->fake.calls[2].body, "id="));
}

static void
collections_may_have_other_names(void **state)
{
    struct stage *stage = *state;
    directus_close(&stage->directus);
    fake_setting("DIRECTUS_COLLECTION_QUOTES", "offers");
    fake_setting("DIRECTUS_COLLECTION_INVOICES", "bills");
    reopen(stage);
    fake_setting("DIRECTUS_COLLECTION_QUOTES", NULL);
    fake_setting("DIRECTUS_COLLECTION_INVOICES", NULL);
    assert_string_equal(directus_collection(&stage->directus, "client_invoices"),
                        "bills");
    assert_string_equal(directus_collection(&stage->directus, "people"), "people");
    struct error err =
        fake_run(&stage->fake, update_quote, stage,
                 (struct fake_reply[]){
                     {"PATCH", "/items/offers/" ROW "?fields=id", 200, "{}"}, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_missing_setting_is_named(void **state)
{
    struct stage *stage = *state;
    struct error err;
    directus_close(&stage->directus);
    fake_setting("DIRECTUS_TOKEN", NULL);
    assert_false(directus_open(&stage->directus, "docuseal", &err));
    assert_non_null(strstr(err.text, "DIRECTUS_TOKEN"));
    fake_setting("DIRECTUS_TOKEN", TOKEN);
    reopen(stage);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, stage_begin, stage_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_row_is_read_with_its_fields),
        STORY(calls_say_who_we_are),
        STORY(the_token_is_what_it_is_now),
        STORY(a_missing_row_is_told_from_a_forbidden_one),
        STORY(a_field_that_is_not_there_is_a_missing_right),
        STORY(a_bad_token_is_fatal_and_not_shown),
        STORY(a_server_error_may_pass),
        STORY(pressure_and_limits_are_waited_out),
        STORY(a_list_is_asked_for_with_a_filter),
        STORY(another_field_that_is_taken_is_refused),
        STORY(a_file_is_stored_under_our_id),
        STORY(a_file_that_is_there_whole_is_left_alone),
        STORY(a_file_that_a_crash_left_without_bytes_is_filled),
        STORY(collections_may_have_other_names),
        STORY(a_missing_setting_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
