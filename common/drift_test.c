#include "common/drift.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/harness/test.h"

static int
begin(void **state)
{
    struct job *job = str_calloc(1, sizeof *job);
    job_begin(job, 1000);
    settlement_begin(job);
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
parse(struct job *job, const char *text)
{
    struct json_object *object = json_parse(job, text, strlen(text));
    assert_non_null(object);
    return object;
}

static const char *
patch(struct job *job, const char *row, const char *wanted)
{
    return json_print(drift_of(job, parse(job, row), parse(job, wanted)), NULL);
}

static void
what_says_the_same_is_left_alone(void **state)
{
    struct job *job = *state;
    const char *row = "{\"status\":\"sent\",\"balance\":\"12.50000\",\"paid\":0,"
                      "\"number\":null,\"remote\":4107,\"other\":\"x\"}";
    assert_string_equal(patch(job, row,
                              "{\"status\":\"sent\",\"balance\":\"12.50\","
                              "\"paid\":\"0.00\",\"number\":\"\",\"remote\":\"4107\"}"),
                        "{}");
    assert_null(job->settlement->note);
}

static void
what_differs_is_the_patch_and_the_note(void **state)
{
    struct job *job = *state;
    const char *row = "{\"status\":\"paid\",\"balance\":\"0.01\",\"number\":null}";
    assert_string_equal(
        patch(job, row,
              "{\"status\":\"sent\",\"balance\":\"0.10\",\"number\":\"A-1\"}"),
        "{\"status\":\"sent\",\"balance\":\"0.10\",\"number\":\"A-1\"}");
    assert_string_equal(job->settlement->note,
                        "put right: status was \"paid\"; balance was \"0.01\"; number "
                        "was \"\"");
}

static struct event
event_of(struct job *job, const char *data)
{
    return (struct event){.data = parse(job, data)};
}

static void
an_audit_is_told_by_its_why(void **state)
{
    struct job *job = *state;
    const struct event audit = event_of(job, "{\"why\":\"audit\"}");
    const struct event sweep = event_of(job, "{\"why\":\"sweep\"}");
    const struct event webhook = event_of(job, "{\"body\":{}}");
    assert_true(drift_is_audit(&audit));
    assert_false(drift_is_audit(&sweep));
    assert_false(drift_is_audit(&webhook));
    assert_string_equal(drift_object(job, &sweep, "7"), "7");
    assert_string_not_equal(drift_object(job, &audit, "7"), "7");
    assert_null(drift_object(job, &audit, NULL));
}

static void
what_only_an_audit_found_is_said_to_be_put_right(void **state)
{
    struct job *job = *state;
    const struct event audit = event_of(job, "{\"why\":\"audit\"}");
    const struct event sweep = event_of(job, "{\"why\":\"sweep\"}");
    settlement_note(job, "invoice A-1: paid");
    drift_note_moved(job, &sweep);
    assert_string_equal(job->settlement->note, "invoice A-1: paid");
    drift_note_moved(job, &audit);
    assert_string_equal(job->settlement->note, "put right: invoice A-1: paid");
    drift_note_moved(job, &audit);
    assert_string_equal(job->settlement->note, "put right: invoice A-1: paid");
}

#define IN_JOB(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        IN_JOB(what_says_the_same_is_left_alone),
        IN_JOB(what_differs_is_the_patch_and_the_note),
        IN_JOB(an_audit_is_told_by_its_why),
        IN_JOB(what_only_an_audit_found_is_said_to_be_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
