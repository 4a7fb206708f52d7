#include "common/settlement.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/harness/test.h"

static int
begin(void **state)
{
    struct job *job = calloc(1, sizeof *job);
    job_begin(job, 60000);
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

static void
say_everything(struct job *job)
{
    struct json_object *obj = json_object_in(job);
    json_set_i64(obj, "round", 1);
    settlement_state(job, "quote:1", obj);
    settlement_ref(job, &(struct settle_ref){.system = "docuseal",
                                             .company = "",
                                             .collection = "quotes",
                                             .local_id = "1",
                                             .remote_type = "submission",
                                             .remote_id = "7",
                                             .lane_key = "quote:1"});
    settlement_effect(job, &(struct settle_effect){.to = SETTLE_EFFECT_CONFIRM,
                                                   .kind = "docuseal.submission",
                                                   .identity = "quote:1:r1",
                                                   .attempt = 2,
                                                   .result = "{\"id\":7}"});
    settlement_finish(job, "event-1");
    settlement_attention(job, "late", "quote:1", "signed %s", "late");
    settlement_cursor(job, "sweep", "5");
    settlement_out(job, &(struct settle_out){.topic = "t",
                                             .key = "k",
                                             .id = "i",
                                             .headers = "{}",
                                             .payload = "a\0b",
                                             .payload_length = 3});
    settlement_timer(job, &(struct settle_timer){.entity = "quote:1", .name = "late"});
    settlement_note(job, "skipped: %s", "draft");
    settlement_call(job, "GET /x 200 12ms");
}

static void
what_was_said_is_kept_as_a_copy(void **state)
{
    struct job *job = *state;
    char text[] = "quote:1";
    settlement_finish(job, text);
    text[0] = 'x';
    assert_string_equal(job->settlement->finishes->event, "quote:1");
    say_everything(job);
    const struct settlement *all = job->settlement;
    assert_string_equal(all->states->state, "{\"round\":1}");
    assert_string_equal(all->refs->remote_id, "7");
    assert_string_equal(all->effects->result, "{\"id\":7}");
    assert_string_equal(all->finishes->next->event, "event-1");
    assert_string_equal(all->attentions->text, "signed late");
    assert_string_equal(all->cursors->value, "5");
    assert_memory_equal(all->outbox->payload, "a\0b", 3);
    assert_string_equal(all->note, "skipped: draft");
    assert_string_equal(all->calls, "GET /x 200 12ms");
}

static void
a_failed_attempt_leaves_its_effects_and_its_journey(void **state)
{
    struct job *job = *state;
    settlement_out(job, &(struct settle_out){.topic = "t",
                                             .key = "k",
                                             .id = "stays",
                                             .headers = "{}",
                                             .payload = "{}",
                                             .payload_length = 2});
    settlement_out_stays(job);
    settlement_state(job, "first", json_object_in(job));
    settlement_state(job, "kept", json_object_in(job));
    settlement_state_stays(job, "kept");
    say_everything(job);
    settlement_keep_effects(job);
    const struct settlement *all = job->settlement;
    assert_string_equal(all->states->entity, "kept");
    assert_null(all->states->next);
    assert_null(all->refs);
    assert_null(all->finishes);
    assert_null(all->cursors);
    assert_null(all->timers);
    assert_string_equal(all->outbox->id, "stays");
    assert_null(all->outbox->next);
    assert_non_null(all->attentions);
    assert_string_equal(all->effects->identity, "quote:1:r1");
    assert_string_equal(all->note, "skipped: draft");
    assert_string_equal(all->calls, "GET /x 200 12ms");
    // And what is said afterwards is kept.
    say_everything(job);
    assert_string_equal(all->outbox->next->id, "i");
    assert_null(all->outbox->next->next);
    assert_string_equal(all->calls, "GET /x 200 12ms\nGET /x 200 12ms");
}

static void
what_is_said_twice_of_one_thing_replaces_the_first(void **state)
{
    struct job *job = *state;
    say_everything(job);
    settlement_cursor(job, "other", "1");
    struct json_object *obj = json_object_in(job);
    json_set_i64(obj, "round", 2);
    settlement_state(job, "quote:1", obj);
    settlement_state(job, "quote:2", obj);
    settlement_effect(job, &(struct settle_effect){.to = SETTLE_EFFECT_REOPEN,
                                                   .kind = "docuseal.submission",
                                                   .identity = "quote:1:r1"});
    settlement_finish(job, "event-1");
    settlement_cursor(job, "sweep", "6");
    settlement_attention(job, "late", "quote:1", "again");
    struct settle_ref ref = *job->settlement->refs;
    ref.remote_id = "8";
    settlement_ref(job, &ref);
    ref.company = "NTH";
    settlement_ref(job, &ref);

    const struct settlement *all = job->settlement;
    assert_string_equal(all->states->state, "{\"round\":2}");
    assert_string_equal(all->states->next->entity, "quote:2");
    assert_null(all->states->next->next);
    assert_int_equal(all->effects->to, SETTLE_EFFECT_REOPEN);
    assert_null(all->effects->result);
    assert_null(all->effects->next);
    assert_null(all->finishes->next);
    assert_string_equal(all->cursors->value, "6");
    assert_string_equal(all->cursors->next->name, "other");
    assert_string_equal(all->attentions->text, "again");
    assert_null(all->attentions->next);
    assert_string_equal(all->refs->remote_id, "8");
    assert_string_equal(all->refs->next->company, "NTH");
    assert_null(all->refs->next->next);
}

static void
the_outbox_keeps_its_order(void **state)
{
    struct job *job = *state;
    for (int i = 0; i < 5; i++)
        settlement_out(job, &(struct settle_out){.topic = "t",
                                                 .key = "k",
                                                 .id = job_printf(job, "%d", i),
                                                 .headers = "{}",
                                                 .payload = "",
                                                 .payload_length = 0});
    int expected = 0;
    for (const struct settle_out *row = job->settlement->outbox; row; row = row->next)
        assert_int_equal(row->id[0], "01234"[expected++]);
    assert_int_equal(expected, 5);
}

static void
calls_and_notes_are_lines_with_a_limit(void **state)
{
    struct job *job = *state;
    settlement_call(job, "GET /a\nb\xFF 200");
    assert_string_equal(job->settlement->calls, "GET /a b? 200");
    for (int i = 0; i < 1000; i++)
        settlement_call(job, "GET /something/%04d 200 12ms", i);
    size_t length = strlen(job->settlement->calls);
    assert_int_equal(length, job->settlement->calls_length);
    assert_in_range(length, 4000, 4095);
    assert_true(strstr(job->settlement->calls, "/0000 ") != NULL);
    settlement_note(job, "%05000d", 1);
    assert_int_equal(strlen(job->settlement->note), 1024);
    settlement_note(job, "last");
    assert_string_equal(job->settlement->note, "last");
}

static void
a_job_without_settlement_gets_one_at_the_first_word(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, 1000);
    settlement_note(&job, "x");
    assert_string_equal(job.settlement->note, "x");
    job_end(&job);
    assert_null(job.settlement);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_said_is_kept_as_a_copy, begin, end),
        cmocka_unit_test_setup_teardown(
            a_failed_attempt_leaves_its_effects_and_its_journey, begin, end),
        cmocka_unit_test_setup_teardown(
            what_is_said_twice_of_one_thing_replaces_the_first, begin, end),
        cmocka_unit_test_setup_teardown(the_outbox_keeps_its_order, begin, end),
        cmocka_unit_test_setup_teardown(calls_and_notes_are_lines_with_a_limit, begin,
                                        end),
        cmocka_unit_test(a_job_without_settlement_gets_one_at_the_first_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
