#include "workers/capture/change.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/json.h"
#include "common/str.h"

static const struct capture_change update = {
    .event_id = "84221369-4054-4f71-9c52-ec7f8387c98d",
    .collection = "quotes",
    .op = "update",
    .item = "b302e521-d1ba-4579-9f82-b4c37ec0e185",
    .root = "quote:b302e521-d1ba-4579-9f82-b4c37ec0e185",
    .actor = "ee7d7567-072e-4132-91f3-3be0a92006aa",
    .at = "2026-11-22T06:34:10.083Z",
    .company = "LEXAIA",
    .seq = 2,
    .changed = "[\"status\"]",
    .old_row = "{\"total\": 10.00, \"status\": \"draft\"}",
    .new_row = "{\"total\": 10.00, \"status\": \"sent\"}",
};

static int
begin(void **state)
{
    struct job *job = str_calloc(1, sizeof *job);
    job_begin(job, 10000);
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

static void
change_is_an_event_that_can_be_read_again(void **state)
{
    struct job *job = *state;
    struct record record;
    struct event ev;

    capture_change_record(job, "directus.changes", &update, &record);
    assert_string_equal(record.topic, "directus.changes");
    if (!event_decode(job, &record, false, &ev))
        fail_msg("%s", job->error.text);
    assert_string_equal(ev.id, update.event_id);
    assert_string_equal(ev.source, "relais/capture");
    assert_string_equal(ev.type, "directus.quotes.update");
    assert_string_equal(ev.subject, update.root);
    assert_string_equal(ev.key, update.root);
    assert_string_equal(ev.time, update.at);
    assert_string_equal(ev.company, "LEXAIA");
    assert_int_equal(ev.sequence, 2);
    assert_string_equal(ev.traceparent,
                        "00-8422136940544f719c52ec7f8387c98d-9c52ec7f8387c98d-01");
    assert_string_equal(json_string(job, ev.data, "collection"), "quotes");
    assert_string_equal(json_string(job, ev.data, "key"), update.item);
    assert_string_equal(json_string(job, ev.data, "actor"), update.actor);
    assert_string_equal(json_string(job, ev.data, "old.status"), "draft");
    assert_string_equal(json_string(job, ev.data, "new.status"), "sent");
    assert_int_equal(json_object_array_length(json_at(ev.data, "changed")), 1);
    assert_null(json_at(ev.data, "hint"));
}

static void
decimals_travel_as_they_were_printed(void **state)
{
    struct job *job = *state;
    struct record record;

    capture_change_record(job, "t", &update, &record);
    assert_non_null(strstr(record.payload, "\"total\": 10.00"));
}

static void
hint_says_only_that_there_was_a_change(void **state)
{
    struct job *job = *state;
    struct record record;
    struct event ev;
    struct capture_change change = update;

    change.hint = true;
    change.company = "";
    change.actor = NULL;
    capture_change_record(job, "t", &change, &record);
    assert_true(event_decode(job, &record, false, &ev));
    assert_true(json_bool_or(ev.data, "hint", false));
    assert_null(json_at(ev.data, "new"));
    assert_null(json_at(ev.data, "old"));
    assert_null(json_at(ev.data, "actor"));
    assert_string_equal(ev.company, "");
    assert_null(record_header(&record, "ce_company"));
}

static void
create_and_delete_lack_one_row(void **state)
{
    struct job *job = *state;
    struct record record;
    struct event ev;
    struct capture_change change = update;

    change.op = "create";
    change.old_row = NULL;
    capture_change_record(job, "t", &change, &record);
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(ev.type, "directus.quotes.create");
    assert_null(json_at(ev.data, "old"));
    assert_non_null(json_at(ev.data, "new"));
}

static void
change_without_root_has_a_lane_of_its_own(void **state)
{
    struct job *job = *state;
    struct record record;
    struct capture_change change = update;

    change.root = NULL;
    change.collection = "payments";
    change.item = "7";
    capture_change_record(job, "t", &change, &record);
    assert_string_equal(record.key, "payments:7");
    assert_int_equal(record.key_length, strlen("payments:7"));
}

static void
names_with_quotes_stay_valid_json(void **state)
{
    struct job *job = *state;
    struct record record;
    struct event ev;
    struct capture_change change = update;

    change.item = "a\"b\\c";
    capture_change_record(job, "t", &change, &record);
    assert_true(event_decode(job, &record, false, &ev));
    assert_string_equal(json_string(job, ev.data, "key"), "a\"b\\c");
}

// What a person can put into a JSON field: Postgres takes it, our parser does not.
static void
row_that_no_worker_could_read_is_told_apart(void **state)
{
    static const struct {
        const char *row;
        bool readable;
    } rows[] = {
        {"{\"total\": 10.00, \"metadata\": {\"n\": 9007199254740993}}", true},
        {"{\"metadata\": {\"n\": 12345678901234568000000}}", false},
        {"{\"metadata\": {\"n\": 1e400}}", false},
        {"{\"metadata\": "
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]"
         "]]]]]]]]]}",
         false},
    };
    struct job *job = *state;
    struct record record;
    struct event ev;

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct capture_change change = update;
        change.new_row = rows[i].row;
        capture_change_record(job, "t", &change, &record);
        assert_int_equal(capture_change_readable(&record), rows[i].readable);
        change.hint = true;
        capture_change_record(job, "t", &change, &record);
        assert_true(capture_change_readable(&record));
        assert_true(event_decode(job, &record, false, &ev));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(change_is_an_event_that_can_be_read_again),
        cmocka_unit_test(decimals_travel_as_they_were_printed),
        cmocka_unit_test(hint_says_only_that_there_was_a_change),
        cmocka_unit_test(create_and_delete_lack_one_row),
        cmocka_unit_test(change_without_root_has_a_lane_of_its_own),
        cmocka_unit_test(names_with_quotes_stay_valid_json),
        cmocka_unit_test(row_that_no_worker_could_read_is_told_apart),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
