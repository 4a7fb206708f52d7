#include "common/event.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/harness/test.h"

#define TRACE "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

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

#define HEADER(key, text)                                          \
    {                                                              \
        .name = (key), .value = (text), .length = sizeof(text) - 1 \
    }

static struct record
record_of(const struct record_header headers[], size_t count, const char *payload)
{
    return (struct record){
        .topic = "journey.facts",
        .partition = 3,
        .offset = 42,
        .key = "quote:1",
        .key_length = 7,
        .payload = payload,
        .payload_length = payload != NULL ? strlen(payload) : 0,
        .headers = headers,
        .header_count = count,
    };
}

static const struct record_header minimal[] = {
    HEADER("ce_id", "7"),
    HEADER("ce_source", "relais/docuseal"),
    HEADER("ce_type", "quote.signed"),
};

static void
a_binary_event_is_read_from_its_headers(void **state)
{
    struct job *job = *state;
    const struct record_header headers[] = {
        HEADER("ce_specversion", "1.0"),
        HEADER("ce_id", "7"),
        HEADER("ce_source", "relais/capture"),
        HEADER("ce_type", "directus.quotes.update"),
        HEADER("ce_subject", "quote:1"),
        HEADER("ce_time", "2026-08-12T09:14:05.123Z"),
        HEADER("ce_sequence", "12345678901"),
        HEADER("ce_originalid", "5"),
        HEADER("ce_company", "HYPERVISUAL"),
        HEADER("traceparent", TRACE),
        HEADER("content-type", "application/json"),
    };
    struct record record = record_of(headers, 11, "{\"company\":\"OTHER\",\"n\":1}");
    struct event ev;
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(ev.id, "7");
    assert_string_equal(ev.source, "relais/capture");
    assert_string_equal(ev.type, "directus.quotes.update");
    assert_string_equal(ev.subject, "quote:1");
    assert_string_equal(ev.time, "2026-08-12T09:14:05.123Z");
    assert_true(ev.sequence == 12345678901);
    assert_string_equal(ev.original_id, "5");
    assert_string_equal(ev.company, "HYPERVISUAL"); // the header goes first
    assert_string_equal(ev.traceparent, TRACE);
    assert_string_equal(ev.key, "quote:1");
    assert_int_equal(json_i64_or(ev.data, "n", 0), 1);
    assert_ptr_equal(ev.record, &record);
    assert_string_equal(event_identity(&ev), "5");
}

static void
what_is_optional_may_be_absent(void **state)
{
    struct job *job = *state;
    struct record record = record_of(minimal, 3, "{\"company\":\"NTH\"}");
    struct event ev;
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(ev.subject, "");
    assert_string_equal(ev.time, "");
    assert_string_equal(ev.traceparent, "");
    assert_null(ev.original_id);
    assert_int_equal(ev.sequence, -1);
    assert_string_equal(ev.company, "NTH");
    assert_string_equal(event_identity(&ev), "7");
}

static void
an_empty_payload_is_an_empty_object(void **state)
{
    struct job *job = *state;
    struct record record = record_of(minimal, 3, NULL);
    record.key = NULL;
    record.key_length = 0;
    struct event ev;
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(json_print(ev.data, NULL), "{}");
    assert_string_equal(ev.key, "");
    assert_string_equal(ev.company, "");
}

static void
refuses(struct job *job, const struct record *record, const char *word)
{
    struct event ev;
    error_clear(&job->error);
    assert_false(event_decode(job, record, false, &ev));
    assert_int_equal(job->error.kind, ERROR_PERMANENT);
    if (strstr(job->error.text, word) == NULL)
        fail_msg("\"%s\" does not speak of %s", job->error.text, word);
}

static void
a_record_that_is_no_event_is_refused_by_name(void **state)
{
    struct job *job = *state;
    struct record record = record_of(NULL, 0, "{}");
    refuses(job, &record, "`ce_id` is missing");
    record = record_of(minimal, 1, "{}");
    refuses(job, &record, "`ce_source` is missing");
    record = record_of(minimal, 2, "{}");
    refuses(job, &record, "`ce_type` is missing");
    record = record_of(minimal, 3, "not json");
    refuses(job, &record, "no valid JSON");
    record = record_of(minimal, 3, "[1]");
    refuses(job, &record, "not a JSON object");
    record = record_of(minimal, 3, "{}");
    record.key = "a\nb";
    record.key_length = 3;
    refuses(job, &record, "key");
    record.key = "a\0b";
    refuses(job, &record, "key");
}

static void
a_bad_attribute_is_refused_by_name(void **state)
{
    struct job *job = *state;
    static char long_text[300];
    memset(long_text, 'x', 257);
    const struct record_header bad[] = {
        HEADER("ce_specversion", "0.3"), HEADER("ce_sequence", "12x"),
        HEADER("ce_sequence", "-1"),     HEADER("ce_subject", "a\nb"),
        HEADER("ce_subject", "a\0b"),    HEADER("ce_subject", "\xFF"),
        {"ce_subject", long_text, 257},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct record_header headers[4];
        memcpy(headers, minimal, sizeof minimal);
        headers[3] = bad[i];
        struct record record = record_of(headers, 4, "{}");
        refuses(job, &record, bad[i].name);
    }
}

static void
an_unreadable_time_or_trace_is_as_good_as_none(void **state)
{
    struct job *job = *state;
    struct record_header headers[5];
    memcpy(headers, minimal, sizeof minimal);
    headers[3] = (struct record_header)HEADER("ce_time", "yesterday");
    static const char *const traces[] = {
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "x",
    };
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        headers[4] =
            (struct record_header){"traceparent", traces[i], strlen(traces[i])};
        struct record record = record_of(headers, 5, "{}");
        struct event ev;
        assert_true(event_decode(job, &record, false, &ev));
        assert_string_equal(ev.time, "");
        assert_string_equal(ev.traceparent, "");
    }
}

static const struct record_header structured[] = {
    HEADER("content-type", "application/cloudevents+json; charset=utf-8"),
};

static void
a_structured_event_is_read_from_its_envelope(void **state)
{
    struct job *job = *state;
    struct record record = record_of(
        structured, 1,
        "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"crm\",\"type\":\"quote."
        "sent\","
        "\"subject\":\"quote:1\",\"time\":\"2026-08-12T09:14:05Z\",\"sequence\":\"9\","
        "\"originalid\":\"6\",\"company\":\"NTH\",\"traceparent\":\"" TRACE "\","
        "\"datacontenttype\":\"application/json\",\"data\":{\"quote\":\"q\"}}");
    struct event ev;
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(ev.id, "7");
    assert_string_equal(ev.source, "crm");
    assert_string_equal(ev.type, "quote.sent");
    assert_string_equal(ev.subject, "quote:1");
    assert_string_equal(ev.company, "NTH");
    assert_string_equal(ev.traceparent, TRACE);
    assert_string_equal(ev.original_id, "6");
    assert_int_equal(ev.sequence, 9);
    assert_string_equal(json_string_or(ev.data, "quote", ""), "q");
    char seen[EVENT_SEEN];
    assert_true(event_seen_key(&record, false, seen));
    assert_string_equal(seen, "crm 7");
}

static void
a_bad_envelope_is_refused_by_member(void **state)
{
    struct job *job = *state;
    char seen[EVENT_SEEN];
    struct record record = record_of(structured, 1, "{\"id\":\"7\",\"type\":\"t\"}");
    refuses(job, &record, "`source` is missing");
    assert_false(event_seen_key(&record, false, seen));
    record = record_of(structured, 1, "[]");
    refuses(job, &record, "not an event");
    record = record_of(structured, 1, "broken");
    refuses(job, &record, "no valid JSON");
    assert_false(event_seen_key(&record, false, seen));
    record = record_of(structured, 1, NULL);
    refuses(job, &record, "no valid JSON");
    record = record_of(structured, 1,
                       "{\"id\":\"7\",\"type\":\"t\",\"source\":\"s\",\"data\":[]}");
    refuses(job, &record, "not a JSON object");
    record = record_of(structured, 1,
                       "{\"id\":{},\"type\":\"t\",\"source\":\"s\",\"data\":{}}");
    refuses(job, &record, "`id`");
    record = record_of(
        structured, 1,
        "{\"id\":\"7\",\"type\":\"t\",\"source\":\"s\",\"data_base64\":\"e30=\"}");
    refuses(job, &record, "data_base64");
    const struct record_header batch[] = {
        HEADER("content-type", "application/cloudevents-batch+json")};
    record = record_of(batch, 1, "[]");
    refuses(job, &record, "application/cloudevents+json");
}

static void
plain_records_are_named_by_their_place(void **state)
{
    struct job *job = *state;
    const struct record_header headers[] = {HEADER("key", "k"), HEADER("seq", "5")};
    struct record record = record_of(headers, 2, "anything \xFF");
    struct event ev;
    char seen[EVENT_SEEN];
    assert_true(event_decode(job, &record, true, &ev));
    assert_string_equal(ev.id, "journey.facts/3/42");
    assert_string_equal(ev.source, "kafka");
    assert_string_equal(ev.type, "plain");
    assert_string_equal(json_print(ev.data, NULL), "{}");
    assert_true(event_seen_key(&record, true, seen));
    assert_string_equal(seen, "kafka journey.facts/3/42");
    // Only where they are welcome.
    refuses(job, &record, "ce_id");
    assert_false(event_seen_key(&record, false, seen));
}

static void
events_stay_events_where_plain_records_are_welcome(void **state)
{
    struct job *job = *state;
    struct record record = record_of(minimal, 3, "{}");
    struct event ev;
    char seen[EVENT_SEEN];
    assert_true(event_decode(job, &record, true, &ev));
    assert_string_equal(ev.type, "quote.signed");
    assert_true(event_seen_key(&record, true, seen));
    assert_string_equal(seen, "7");
}

static void
foreign_events_are_remembered_with_their_source(void **state)
{
    (void)state;
    char seen[EVENT_SEEN];
    struct record_header headers[3];
    memcpy(headers, minimal, sizeof minimal);
    struct record record = record_of(headers, 3, "broken payload");
    assert_true(event_seen_key(&record, false, seen));
    assert_string_equal(seen, "7");
    headers[1] = (struct record_header)HEADER("ce_source", "relais");
    assert_true(event_seen_key(&record, false, seen));
    assert_string_equal(seen, "7");
    headers[1] = (struct record_header)HEADER("ce_source", "relaisx");
    assert_true(event_seen_key(&record, false, seen));
    assert_string_equal(seen, "relaisx 7");
    headers[0] = (struct record_header)HEADER("ce_id", "");
    assert_false(event_seen_key(&record, false, seen));
}

static void
long_foreign_ids_do_not_run_into_each_other(void **state)
{
    (void)state;
    char one[EVENT_SEEN];
    char other[EVENT_SEEN];
    char source[257];
    char id[257];
    memset(source, 's', 256);
    memset(id, 'i', 256);
    source[256] = id[256] = '\0';
    struct record_header headers[] = {
        {"ce_id", id, 256}, {"ce_source", source, 256}, {"ce_type", "t", 1}};
    struct record record = record_of(headers, 3, "{}");
    assert_true(event_seen_key(&record, false, one));
    id[255] = 'j';
    assert_true(event_seen_key(&record, false, other));
    assert_string_not_equal(one, other);
}

static void
how_far_ahead_its_maker_was_is_read(void **state)
{
    struct job *job = *state;
    static const struct {
        const char *text;
        int64_t ahead_ms;
    } told[] = {{"86400000", 86400000}, {"-5", 0}, {"soon", 0}, {0}};
    for (int i = 0; told[i].text != NULL; i++) {
        const struct record_header headers[] = {minimal[0],
                                                minimal[1],
                                                minimal[2],
                                                {.name = "ce_aheadms",
                                                 .value = told[i].text,
                                                 .length = strlen(told[i].text)}};
        struct record record = record_of(headers, 4, "{}");
        struct event ev;
        assert_true(event_decode(job, &record, false, &ev));
        assert_int_equal(ev.ahead_ms, told[i].ahead_ms);
    }
    struct record record = record_of(minimal, 3, "{}");
    struct event ev;
    assert_true(event_decode(job, &record, false, &ev));
    assert_int_equal(ev.ahead_ms, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_binary_event_is_read_from_its_headers),
        cmocka_unit_test(what_is_optional_may_be_absent),
        cmocka_unit_test(an_empty_payload_is_an_empty_object),
        cmocka_unit_test(a_record_that_is_no_event_is_refused_by_name),
        cmocka_unit_test(a_bad_attribute_is_refused_by_name),
        cmocka_unit_test(an_unreadable_time_or_trace_is_as_good_as_none),
        cmocka_unit_test(a_structured_event_is_read_from_its_envelope),
        cmocka_unit_test(a_bad_envelope_is_refused_by_member),
        cmocka_unit_test(plain_records_are_named_by_their_place),
        cmocka_unit_test(events_stay_events_where_plain_records_are_welcome),
        cmocka_unit_test(foreign_events_are_remembered_with_their_source),
        cmocka_unit_test(long_foreign_ids_do_not_run_into_each_other),
        cmocka_unit_test_setup_teardown(how_far_ahead_its_maker_was_is_read, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
