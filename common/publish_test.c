#include "common/publish.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "tests/harness/test.h"

#define TRACE_ID "0af7651916cd43dd8448eb211c80319c"
#define TRACE "00-" TRACE_ID "-b7ad6b7169203331-00"

static int
begin(void **state)
{
    struct job *job = calloc(1, sizeof *job);
    job_begin(job, 60000);
    job->program = "docuseal";
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
data_of(struct job *job, const char *company)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", company);
    return data;
}

static const char *
header(struct job *job, const struct settle_out *row, const char *name)
{
    struct json_object *headers = json_parse(job, row->headers, strlen(row->headers));
    assert_non_null(headers);
    return json_string_or(headers, name, NULL);
}

static void
a_fact_is_an_event_about_its_root(void **state)
{
    struct job *job = *state;
    const char *id =
        publish_fact(job, "quote.signed", "quote:1", "", data_of(job, "HYPERVISUAL"));
    const struct settle_out *row = job->settlement->outbox;
    assert_string_equal(row->topic, "journey.facts");
    assert_string_equal(row->key, "quote:1");
    assert_string_equal(row->id, id);
    assert_string_equal(header(job, row, "ce_specversion"), "1.0");
    assert_string_equal(header(job, row, "ce_id"), id);
    assert_string_equal(header(job, row, "ce_source"), "relais/docuseal");
    assert_string_equal(header(job, row, "ce_type"), "quote.signed");
    assert_string_equal(header(job, row, "ce_subject"), "quote:1");
    assert_string_equal(header(job, row, "ce_company"), "HYPERVISUAL");
    assert_string_equal(header(job, row, "content-type"), "application/json");
    assert_null(header(job, row, "ce_originalid"));
    int64_t time_ms = 0;
    assert_true(clock_parse(header(job, row, "ce_time"), &time_ms));
    assert_memory_equal(row->payload, "{\"company\":\"HYPERVISUAL\"}", 25);
    assert_int_equal(row->payload_length, 25);
}

static void
a_happening_has_one_id_whoever_says_it(void **state)
{
    struct job *job = *state;
    const char *id = publish_fact_id(job, "quote.sent", "quote:5", "1");
    char expected[UUID_TEXT];
    uuid_of((const char *const[]){"quote:5", "quote.sent", "1", NULL}, expected);
    assert_string_equal(id, expected);
    assert_string_not_equal(id, publish_fact_id(job, "quote.sent", "quote:5", "2"));
    assert_string_not_equal(id, publish_fact_id(job, "quote.sent", "quote:6", "1"));
    assert_string_not_equal(id, publish_fact_id(job, "quote.viewed", "quote:5", "1"));
    const char *same =
        publish_fact(job, "quote.sent", "quote:5", "1", data_of(job, ""));
    assert_string_equal(id, same);
    assert_null(header(job, job->settlement->outbox, "ce_company"));
}

static void
a_command_goes_to_its_integration_in_the_lane_given(void **state)
{
    struct job *job = *state;
    struct publish_command command = {
        .type = "invoice-ninja.deposit.create",
        .key = "NTH:party",
        .subject = "quote:1",
        .cause = "fact-id",
        .data = data_of(job, "NTH"),
    };
    const char *id = publish_command(job, &command);
    const struct settle_out *row = job->settlement->outbox;
    assert_string_equal(row->topic, "invoice-ninja.commands");
    assert_string_equal(row->key, "NTH:party");
    assert_string_equal(header(job, row, "ce_subject"), "quote:1");
    command.step = "";
    assert_string_equal(publish_command(job, &command), id);
    command.step = "2";
    assert_string_not_equal(publish_command(job, &command), id);
}

static void
an_observation_names_the_object_to_look_at(void **state)
{
    struct job *job = *state;
    struct publish_observed observed = {
        .type = "docuseal.submission.observed",
        .key = "quote:1",
        .root = "quote:1",
        .company = "NTH",
        .remote_id = "7",
        .why = "sweep",
    };
    publish_observed(job, &observed);
    publish_observed(job, &observed);
    observed.id = "given";
    publish_observed(job, &observed);
    const struct settle_out *row = job->settlement->outbox;
    assert_string_equal(row->topic, "docuseal.commands");
    assert_string_equal(row->payload, "{\"company\":\"NTH\",\"remote_id\":\"7\","
                                      "\"root\":\"quote:1\",\"why\":\"sweep\"}");
    assert_true(uuid_is(row->id));
    assert_string_not_equal(row->id, row->next->id);
    assert_string_equal(row->next->next->id, "given");
}

static struct event
handled(struct job *job, const struct record *record)
{
    return (struct event){
        .id = "new",
        .source = "docuseal",
        .type = "docuseal.form.completed",
        .subject = "",
        .time = "2026-08-12T09:14:05Z",
        .original_id = "old",
        .traceparent = TRACE,
        .company = "NTH",
        .key = "7",
        .sequence = 12,
        .data = data_of(job, "OTHER"),
        .record = record,
    };
}

static void
a_rekeyed_event_stays_itself_under_another_key(void **state)
{
    struct job *job = *state;
    struct record record = {.topic = "docuseal.webhooks"};
    struct event ev = handled(job, &record);
    publish_rekeyed(job, &ev, "quote:1", "quote:1");
    const struct settle_out *row = job->settlement->outbox;
    assert_string_equal(row->topic, "docuseal.webhooks");
    assert_string_equal(row->key, "quote:1");
    char expected[UUID_TEXT];
    uuid_of((const char *const[]){"old", "quote:1", NULL}, expected);
    assert_string_equal(row->id, expected);
    assert_string_equal(header(job, row, "ce_originalid"), "old");
    assert_string_equal(header(job, row, "ce_source"), "docuseal");
    assert_string_equal(header(job, row, "ce_type"), "docuseal.form.completed");
    assert_string_equal(header(job, row, "ce_subject"), "quote:1");
    assert_string_equal(header(job, row, "ce_time"), "2026-08-12T09:14:05Z");
    assert_string_equal(header(job, row, "ce_sequence"), "12");
    assert_string_equal(header(job, row, "ce_company"), "NTH");
    assert_string_equal(row->payload, "{\"company\":\"OTHER\"}");
}

static void
a_follow_up_continues_the_trace_with_a_span_of_its_own(void **state)
{
    struct job *job = *state;
    struct record record = {.topic = "docuseal.webhooks"};
    struct event ev = handled(job, &record);
    job->event = &ev;
    publish_fact(job, "quote.signed", "quote:1", "", data_of(job, ""));
    publish_fact(job, "quote.signed", "quote:2", "", data_of(job, ""));
    const char *one = header(job, job->settlement->outbox, "traceparent");
    const char *other = header(job, job->settlement->outbox->next, "traceparent");
    assert_int_equal(strlen(one), strlen(TRACE));
    assert_memory_equal(one, "00-" TRACE_ID "-", 36);
    assert_string_equal(one + 52, "-00"); // the flags of the one that began it
    assert_memory_not_equal(one + 36, &TRACE[36], 16);
    assert_memory_not_equal(one + 36, other + 36, 16);
}

static void
without_a_trace_a_new_one_begins(void **state)
{
    struct job *job = *state;
    publish_fact(job, "quote.signed", "quote:1", "", data_of(job, ""));
    publish_fact(job, "quote.signed", "quote:2", "", data_of(job, ""));
    const char *one = header(job, job->settlement->outbox, "traceparent");
    const char *other = header(job, job->settlement->outbox->next, "traceparent");
    assert_int_equal(strlen(one), strlen(TRACE));
    assert_memory_not_equal(one + 3, other + 3, 32);
}

static void
raw_attributes_are_taken_as_given(void **state)
{
    struct job *job = *state;
    publish_raw(job, &(struct publish_raw){.topic = "t",
                                           .key = "k",
                                           .id = "i",
                                           .source = "relais/capture",
                                           .type = "directus.quotes.update",
                                           .time = "2026-08-12T09:14:05Z",
                                           .original_id = "o",
                                           .traceparent = TRACE,
                                           .sequence = "5",
                                           .payload = "x\0y",
                                           .payload_length = 3});
    const struct settle_out *row = job->settlement->outbox;
    assert_string_equal(header(job, row, "ce_source"), "relais/capture");
    assert_string_equal(header(job, row, "ce_originalid"), "o");
    assert_string_equal(header(job, row, "traceparent"), TRACE);
    assert_string_equal(header(job, row, "ce_sequence"), "5");
    assert_null(header(job, row, "ce_subject"));
    assert_memory_equal(row->payload, "x\0y", 3);
    assert_int_equal(row->payload_length, 3);
}

static void
who_follows_is_not_earlier(void **state)
{
    struct job *job = *state;
    publish_fact(job, "quote.signed", "quote:1", "", data_of(job, ""));
    assert_null(header(job, job->settlement->outbox, "ce_aheadms"));
    job->ahead_ms = 86400000;
    publish_fact(job, "quote.signed", "quote:2", "", data_of(job, ""));
    assert_string_equal(header(job, job->settlement->outbox->next, "ce_aheadms"),
                        "86400000");
}

static void
a_command_for_later_waits_with_all_that_it_needs(void **state)
{
    struct job *job = *state;
    int64_t due_ms = 0;
    assert_true(clock_parse("2026-08-12T22:00:00Z", &due_ms));
    const struct publish_later later = {
        .entity = "invoice:7",
        .type = "orchestrator.overdue",
        .root = "quote:1",
        .due_ms = due_ms,
        .data = data_of(job, "HYPERVISUAL"),
    };
    publish_later(job, &later);
    const struct settle_timer *timer = job->settlement->timers;
    assert_null(job->settlement->outbox);
    assert_string_equal(timer->entity, "invoice:7");
    assert_string_equal(timer->name, "orchestrator.overdue");
    assert_int_equal(timer->due_ms, due_ms);
    assert_string_equal(timer->out.topic, "orchestrator.commands");
    assert_string_equal(timer->out.key, "quote:1");
    assert_string_equal(header(job, &timer->out, "ce_id"), timer->out.id);
    assert_string_equal(header(job, &timer->out, "ce_subject"), "quote:1");
    assert_string_equal(header(job, &timer->out, "ce_time"),
                        "2026-08-12T22:00:00.000Z");

    // The same once more is another command: the first may be done already.
    const char *first = timer->out.id;
    publish_later(job, &later);
    assert_string_not_equal(timer->out.id, first);
    assert_null(timer->next);
    publish_never(job, "invoice:7", "orchestrator.overdue");
    assert_int_equal(timer->due_ms, 0);
    publish_never(job, "invoice:8", "orchestrator.overdue");
    assert_non_null(timer->next);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_fact_is_an_event_about_its_root, begin, end),
        cmocka_unit_test_setup_teardown(a_happening_has_one_id_whoever_says_it, begin,
                                        end),
        cmocka_unit_test_setup_teardown(
            a_command_goes_to_its_integration_in_the_lane_given, begin, end),
        cmocka_unit_test_setup_teardown(an_observation_names_the_object_to_look_at,
                                        begin, end),
        cmocka_unit_test_setup_teardown(a_rekeyed_event_stays_itself_under_another_key,
                                        begin, end),
        cmocka_unit_test_setup_teardown(
            a_follow_up_continues_the_trace_with_a_span_of_its_own, begin, end),
        cmocka_unit_test_setup_teardown(without_a_trace_a_new_one_begins, begin, end),
        cmocka_unit_test_setup_teardown(raw_attributes_are_taken_as_given, begin, end),
        cmocka_unit_test_setup_teardown(
            a_command_for_later_waits_with_all_that_it_needs, begin, end),
        cmocka_unit_test_setup_teardown(who_follows_is_not_earlier, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
