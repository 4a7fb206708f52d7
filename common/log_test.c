#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "tests/harness/test.h"

// Standard output goes to a file between these two.
struct capture {
    int saved;
    FILE *file;
    char text[32 * 1024];
};

static void
capture_begin(struct capture *capture)
{
    fflush(stdout);
    capture->saved = dup(STDOUT_FILENO);
    capture->file = tmpfile();
    assert_non_null(capture->file);
    dup2(fileno(capture->file), STDOUT_FILENO);
}

static const char *
capture_end(struct capture *capture)
{
    dup2(capture->saved, STDOUT_FILENO);
    close(capture->saved);
    rewind(capture->file);
    size_t length = fread(capture->text, 1, sizeof capture->text - 1, capture->file);
    capture->text[length] = '\0';
    fclose(capture->file);
    return capture->text;
}

static int
begin(void **state)
{
    *state = calloc(1, sizeof(struct capture));
    setenv("LOG_LEVEL", "debug", 1);
    log_open("test");
    return *state == NULL;
}

static int
end(void **state)
{
    free(*state);
    return 0;
}

static void
a_line_is_one_json_object(void **state)
{
    struct capture *capture = *state;
    capture_begin(capture);
    log_event(LOG_WARN, "attempt",
              (struct log_field[]){LOG_TEXT("kind", "retryable"),
                                   LOG_NUMBER("next_ms", -5),
                                   LOG_TEXT("hint", NULL),
                                   {0}});
    const char *line = capture_end(capture);

    struct job job;
    job_begin(&job, 1000);
    struct json_object *obj = json_parse(&job, line, strlen(line));
    assert_non_null(obj);
    assert_string_equal(json_string_or(obj, "level", ""), "warn");
    assert_string_equal(json_string_or(obj, "program", ""), "test");
    assert_string_equal(json_string_or(obj, "event", ""), "attempt");
    assert_string_equal(json_string_or(obj, "kind", ""), "retryable");
    assert_int_equal(json_i64_or(obj, "next_ms", 0), -5);
    assert_true(json_object_object_get_ex(obj, "hint", NULL));
    assert_null(json_at(obj, "hint"));
    assert_int_equal(strlen(json_string_or(obj, "at", "")), 24);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    job_end(&job);
}

static void
what_others_sent_cannot_break_the_line(void **state)
{
    struct capture *capture = *state;
    capture_begin(capture);
    log_info("x", "%s", "a\"b\\c\nd\x01\x1b[31m\x7F\xFF\xC3\xA9");
    const char *line = capture_end(capture);

    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    for (const char *c = line; *c != '\n'; c++)
        assert_true((unsigned char)*c >= 0x20 && *c != 0x7F);
    struct job job;
    job_begin(&job, 1000);
    struct json_object *obj = json_parse(&job, line, strlen(line));
    assert_non_null(obj);
    assert_string_equal(json_string_or(obj, "text", ""),
                        "a\"b\\c\nd\x01\x1b[31m\x7F\xEF\xBF\xBD\xC3\xA9");
    job_end(&job);
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    struct capture *capture = *state;
    char text[3001] = "";
    for (int i = 0; i < 1000; i++)
        memcpy(text + 3 * i, "\xE2\x82\xAC", 4);
    capture_begin(capture);
    log_event(LOG_INFO, "long", (struct log_field[]){LOG_TEXT("euros", text), {0}});
    const char *line = capture_end(capture);

    struct job job;
    job_begin(&job, 1000);
    struct json_object *obj = json_parse(&job, line, strlen(line));
    assert_non_null(obj);
    assert_int_equal(strlen(json_string_or(obj, "euros", "")), 2048 / 3 * 3);
    job_end(&job);
}

static void
fields_that_no_longer_fit_are_left_out(void **state)
{
    struct capture *capture = *state;
    char text[2000];
    memset(text, 1, sizeof text - 1); // six bytes each when escaped
    text[sizeof text - 1] = '\0';
    capture_begin(capture);
    log_event(LOG_INFO, "much",
              (struct log_field[]){LOG_TEXT("a", text),
                                   LOG_TEXT("b", text),
                                   LOG_TEXT("c", text),
                                   LOG_TEXT("d", text),
                                   LOG_TEXT("e", text),
                                   LOG_TEXT("f", text),
                                   {0}});
    dup2(capture->saved, STDOUT_FILENO);
    close(capture->saved);
    rewind(capture->file);
    char *line = calloc(1, 128 * 1024);
    size_t length = fread(line, 1, 128 * 1024, capture->file);
    fclose(capture->file);

    assert_true(length <= 64 * 1024);
    struct job job;
    job_begin(&job, 1000);
    struct json_object *obj = json_parse(&job, line, length);
    assert_non_null(obj);
    assert_non_null(json_at(obj, "e"));
    assert_null(json_at(obj, "f"));
    job_end(&job);
    free(line);
}

static void
lines_below_the_level_are_not_written(void **state)
{
    struct capture *capture = *state;
    setenv("LOG_LEVEL", "warn", 1);
    log_open("test");
    capture_begin(capture);
    log_info("x", "no");
    log_debug("x", "no");
    log_error("x", "yes");
    const char *line = capture_end(capture);
    assert_null(strstr(line, "no"));
    assert_non_null(strstr(line, "\"level\":\"error\""));
    assert_int_equal(log_level(), LOG_WARN);
}

static void
an_unknown_level_means_info(void **state)
{
    (void)state;
    setenv("LOG_LEVEL", "loud", 1);
    log_open("test");
    assert_int_equal(log_level(), LOG_INFO);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_is_one_json_object, begin, end),
        cmocka_unit_test_setup_teardown(what_others_sent_cannot_break_the_line, begin,
                                        end),
        cmocka_unit_test_setup_teardown(a_long_text_is_cut_between_characters, begin,
                                        end),
        cmocka_unit_test_setup_teardown(fields_that_no_longer_fit_are_left_out, begin,
                                        end),
        cmocka_unit_test_setup_teardown(lines_below_the_level_are_not_written, begin,
                                        end),
        cmocka_unit_test_setup_teardown(an_unknown_level_means_info, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
