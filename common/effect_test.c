#include "common/effect.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/harness/fake.h"

enum { TIMEOUT_MS = 30000, MARGIN_MS = 5000 };

// A provider of "things" without a unique key, as a handler sees it.
struct stage {
    struct fake fake;
    struct http_service service;
    const struct effect_kind *kind;
    int64_t left_in_create_ms; // what create was given
    int64_t left_after_ms;     // what the handler had afterwards
    int64_t age_in_find_ms;    // what find was told of the earlier attempt
    bool meanwhile;            // another attempt begins while this one looks
    char made[32];             // what effect_once() returned last
};

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    struct stage *stage = ctx;
    struct http_request request = {
        .method = "GET",
        .path = http_url(job, "/things",
                         (const struct http_header[]){{"of", identity}, {0}})};
    struct json_object *answer = http_json(&stage->service, job, &request, NULL);
    if (answer == NULL)
        return false;
    stage->age_in_find_ms = job->effect_age_ms;
    if (stage->meanwhile)
        stage->fake.effects[0].attempt++;
    *found = answer;
    return true;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct stage *stage = ctx;
    struct json_object *body = json_object_in(job);
    struct http_request request = {.method = "POST", .path = "/things", .once = true};
    json_set_string(body, "of", identity);
    stage->left_in_create_ms = job_left_ms(job);
    struct json_object *answer = http_json(&stage->service, job, &request, body);
    if (answer == NULL || json_string(job, answer, "id") == NULL)
        return NULL;
    return answer;
}

static bool
withdraw(struct job *job, const char *identity, void *ctx, struct json_object *surplus)
{
    struct stage *stage = ctx;
    struct http_response response;
    (void)identity;
    const struct http_request request = {
        .method = "DELETE",
        .path = job_printf(job, "/things/%s", json_string_or(surplus, "id", ""))};
    return http_call(&stage->service, job, &request, &response);
}

static const struct effect_kind thing = {
    .name = "test.thing", .find = find, .create = create, .withdraw = withdraw};
static const struct effect_kind mail = {.name = "test.mail", .create = create};

static bool
order(struct job *job, const struct event *ev, void *state)
{
    struct stage *stage = state;
    (void)ev;
    struct json_object *made = effect_once(job, stage->kind, "quote:1:r1", stage);
    stage->left_after_ms = job_left_ms(job);
    if (made == NULL)
        return false;
    str_copy(stage->made, sizeof stage->made, json_string_or(made, "id", "none"));
    return true;
}

static const struct handler handlers[] = {{"test.order", order}, {0}};
static const struct integration test = {.name = "test", .handlers = handlers};

static int
stage_begin(void **state)
{
    struct stage *stage = str_calloc(1, sizeof *stage);
    fake_begin(&stage->fake, &test, stage);
    stage->service = (struct http_service){.name = "test", .base_url = "http://test"};
    http_service_open(&stage->service);
    fake_service(&stage->fake, &stage->service);
    stage->kind = &thing;
    *state = stage;
    return 0;
}

static int
stage_end(void **state)
{
    struct stage *stage = *state;
    http_service_close(&stage->service);
    fake_end(&stage->fake);
    free(stage);
    return 0;
}

#define CALLS(...) ((const struct fake_reply[]){__VA_ARGS__, {0}})
#define NO_CALLS ((const struct fake_reply[]){{0}})
#define MADE(id)                                           \
    {                                                      \
        .method = "POST", .url = "/things", .status = 200, \
        .body = "{\"id\":\"" id "\"}"                      \
    }
#define FOUND(json)                                                         \
    {                                                                       \
        .method = "GET", .url = "/things?of=quote%3A1%3Ar1", .status = 200, \
        .body = (json)                                                      \
    }
#define REFUSED(code)                                                      \
    {                                                                      \
        .method = "POST", .url = "/things", .status = (code), .body = "{}" \
    }
#define CUT(error)                                         \
    {                                                      \
        .method = "POST", .url = "/things", .cut = (error) \
    }
#define GONE(id)                                                \
    {                                                           \
        .method = "DELETE", .url = "/things/" id, .status = 200 \
    }

static struct error
deliver(struct stage *stage, const struct fake_reply *replies)
{
    return fake_deliver(&stage->fake, "test.order", "quote:1", "{\"company\":\"acme\"}",
                        replies);
}

static void
pass_time(struct stage *stage, int64_t ms)
{
    stage->fake.now_ms += ms;
}

static const struct fake_effect *
effect(struct stage *stage)
{
    const struct fake_effect *row = fake_effect(&stage->fake, "quote:1:r1");
    assert_non_null(row);
    return row;
}

static void
assert_state(struct stage *stage, enum ledger_effect_state expected, int64_t attempt)
{
    assert_int_equal(effect(stage)->state, expected);
    assert_int_equal(effect(stage)->attempt, attempt);
}

// Leaves the effect as a first attempt does whose answer was cut.
static void
cut_first_attempt(struct stage *stage)
{
    struct error err = deliver(stage, CALLS(CUT(ERROR_UNSURE)));
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, TIMEOUT_MS + MARGIN_MS);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
}

static void
cut_and_wait(struct stage *stage)
{
    cut_first_attempt(stage);
    pass_time(stage, TIMEOUT_MS + MARGIN_MS);
}

// ---- the usual way

static void
it_is_made_once(void **state)
{
    struct stage *stage = *state;
    struct error err = deliver(stage, CALLS(MADE("7")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 1);
    assert_string_equal(effect(stage)->result, "{\"id\":\"7\"}");

    stage->made[0] = '\0';
    err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
}

static void
the_call_is_marked_and_ends_before_its_deadline(void **state)
{
    struct stage *stage = *state;
    struct error err = deliver(stage, CALLS(MADE("7")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(stage->fake.calls[0].once);
    assert_true(stage->left_in_create_ms <= TIMEOUT_MS);
    assert_true(stage->left_after_ms > TIMEOUT_MS); // the handler's own 60 s go on
}

static bool
refuse_to_begin(struct ledger *ledger, struct job *job,
                const struct ledger_intent *intent, struct ledger_effect *begun)
{
    (void)ledger;
    (void)intent;
    (void)begun;
    return error_fenced(&job->error, "somebody else owns it");
}

static void
without_an_intent_there_is_no_call(void **state)
{
    struct stage *stage = *state;
    stage->fake.ledger.effect_begin = refuse_to_begin;
    struct error err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_FENCED);
}

// ---- failures that leave no doubt

static void
fails_and_is_made_next_time(struct stage *stage, const struct fake_reply *replies,
                            enum error_kind kind)
{
    struct error err = deliver(stage, replies);
    assert_int_equal(err.kind, kind);
    assert_state(stage, LEDGER_EFFECT_OPEN, 1);
    err = deliver(stage, CALLS(MADE("8")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 2);
}

static void
what_was_refused_may_be_tried_again(void **state)
{
    fails_and_is_made_next_time(*state, CALLS(REFUSED(422)), ERROR_PERMANENT);
}

static void
what_was_never_sent_may_be_tried_again(void **state)
{
    fails_and_is_made_next_time(*state, CALLS(CUT(ERROR_RETRYABLE)), ERROR_RETRYABLE);
}

static void
what_came_too_fast_may_be_tried_again(void **state)
{
    fails_and_is_made_next_time(*state, CALLS(REFUSED(429)), ERROR_RATE_LIMITED);
}

static void
a_bad_key_leaves_no_doubt(void **state)
{
    fails_and_is_made_next_time(*state, CALLS(REFUSED(401)), ERROR_FATAL);
}

// ---- failures that do

static void
a_500_may_have_done_it(void **state)
{
    struct stage *stage = *state;
    struct error err = deliver(stage, CALLS(REFUSED(500)));
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
}

// The provider has made it; only its answer is not what it should be.
static void
an_incomplete_answer_may_not_lead_to_a_second_one(void **state)
{
    struct stage *stage = *state;
    struct error err = deliver(stage, CALLS({.method = "POST",
                                             .url = "/things",
                                             .status = 200,
                                             .body = "{\"state\":\"new\"}"}));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
    pass_time(stage, TIMEOUT_MS + MARGIN_MS);
    err = deliver(stage, CALLS(FOUND("[{\"id\":\"7\"}]")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
}

static void
before_its_deadline_nobody_looks(void **state)
{
    struct stage *stage = *state;
    cut_first_attempt(stage);
    struct error err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, TIMEOUT_MS + MARGIN_MS);
    pass_time(stage, TIMEOUT_MS);
    err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, MARGIN_MS);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
}

static void
what_is_found_afterwards_is_adopted(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err = deliver(stage, CALLS(FOUND("[{\"id\":\"7\"}]")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 1);
    assert_non_null(strstr(stage->fake.note, "adopted"));
}

static void
who_looks_is_told_how_long_ago_the_attempt_began(void **state)
{
    struct stage *stage = *state;
    cut_first_attempt(stage);
    pass_time(stage, TIMEOUT_MS + MARGIN_MS + 4000);
    deliver(stage, CALLS(FOUND("[{\"id\":\"7\"}]")));
    assert_int_equal(stage->age_in_find_ms, TIMEOUT_MS + MARGIN_MS + 4000);
}

static void
what_is_not_there_is_made_and_looked_for_once_more(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err =
        deliver(stage, CALLS(FOUND("[]"), MADE("8"), FOUND("[{\"id\":\"8\"}]")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "8");
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 2);
}

// Its provider shows new objects late.
static void
what_was_made_counts_even_if_it_is_not_shown_yet(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err = deliver(stage, CALLS(FOUND("[]"), MADE("8"), FOUND("[]")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "8");
}

static void
a_late_first_one_is_kept_and_the_second_withdrawn(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err =
        deliver(stage, CALLS(FOUND("[]"), MADE("8"),
                             FOUND("[{\"id\":\"7\"},{\"id\":\"8\"}]"), GONE("8")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
    assert_string_equal(effect(stage)->result, "{\"id\":\"7\"}");
    assert_non_null(strstr(stage->fake.note, "surplus"));
}

static void
all_but_the_first_are_withdrawn(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err =
        deliver(stage, CALLS(FOUND("[{\"id\":\"1\"},{\"id\":\"2\"},{\"id\":\"3\"}]"),
                             GONE("2"), GONE("3")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "1");
}

static void
a_withdrawal_that_fails_is_done_next_time(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err =
        deliver(stage, CALLS(FOUND("[{\"id\":\"1\"},{\"id\":\"2\"}]"),
                             {.method = "DELETE", .url = "/things/2", .status = 500}));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
    err = deliver(stage, CALLS(FOUND("[{\"id\":\"1\"},{\"id\":\"2\"}]"), GONE("2")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 1);
}

// Between the second call and the second look: whoever comes next must look again, or
// the surplus of a late first call would stay.
static void
a_second_look_that_fails_is_done_next_time(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err = deliver(
        stage,
        CALLS(FOUND("[]"), MADE("8"),
              {.method = "GET", .url = "/things?of=quote%3A1%3Ar1", .status = 500}));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 2);
    pass_time(stage, TIMEOUT_MS + MARGIN_MS);
    err = deliver(stage, CALLS(FOUND("[{\"id\":\"7\"},{\"id\":\"8\"}]"), GONE("8")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 2);
}

static void
a_look_that_fails_changes_nothing(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    struct error err = deliver(
        stage,
        CALLS({.method = "GET", .url = "/things?of=quote%3A1%3Ar1", .status = 503}));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
}

static void
who_was_overtaken_while_looking_waits(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    stage->meanwhile = true;
    struct error err = deliver(stage, CALLS(FOUND("[]")));
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, MARGIN_MS);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 2);
}

// A confirmation of an attempt that was overtaken says nothing.
static void
a_late_confirmation_changes_nothing(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    stage->meanwhile = true;
    struct error err = deliver(stage, CALLS(FOUND("[{\"id\":\"7\"}]")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 2);
}

// ---- what cannot be looked up

static void
a_mail_that_may_have_gone_out_is_for_a_person(void **state)
{
    struct stage *stage = *state;
    stage->kind = &mail;
    cut_and_wait(stage);
    for (int i = 0; i < 2; i++) {
        struct error err = deliver(stage, NO_CALLS);
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.hint, "relais effect resolve"));
        assert_state(stage, LEDGER_EFFECT_FLAGGED, 1);
        assert_true(fake_has_attention(&stage->fake, "effect.unsure"));
        const struct fake_event *told = fake_last(&stage->fake, "effect.unsure");
        assert_non_null(told);
        assert_string_equal(told->topic, "journey.facts");
        assert_string_equal(told->key, "quote:1");
        assert_string_equal(json_string_or(told->data, "company", ""), "acme");
        assert_string_equal(json_string_or(told->data, "kind", ""), "test.mail");
        assert_string_equal(json_string_or(told->data, "identity", ""), "quote:1:r1");
    }
    // The same fact, so whoever reads it sees it once.
    assert_string_equal(stage->fake.published[0].id, stage->fake.published[1].id);
}

static void
a_person_may_say_that_it_was_done(void **state)
{
    struct stage *stage = *state;
    fake_set_effect(&stage->fake,
                    &(struct fake_effect){.kind = "test.thing",
                                          .identity = "quote:1:r1",
                                          .state = LEDGER_EFFECT_CONFIRMED,
                                          .attempt = 1});
    struct error err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "none");
}

static void
a_person_may_say_that_it_was_not_done(void **state)
{
    struct stage *stage = *state;
    stage->kind = &mail;
    fake_set_effect(&stage->fake, &(struct fake_effect){.kind = "test.mail",
                                                        .identity = "quote:1:r1",
                                                        .state = LEDGER_EFFECT_OPEN,
                                                        .attempt = 1});
    struct error err = deliver(stage, CALLS(MADE("9")));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 2);
}

// ---- reading and adopting

struct peek {
    struct stage *stage;
    bool failed, found;
};

static bool
peek(struct job *job, void *state)
{
    struct peek *p = state;
    struct json_object *result =
        effect_result(job, "test.thing", "quote:1:r1", &p->failed);
    p->found = result != NULL && strcmp(json_string_or(result, "id", ""), "7") == 0;
    return true;
}

static void
assert_peek(struct stage *stage, bool found)
{
    struct peek p = {.stage = stage, .failed = true};
    struct error err = fake_run(&stage->fake, peek, &p, NO_CALLS);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(p.failed);
    assert_int_equal(p.found, found);
}

static bool
adopt(struct job *job, void *state)
{
    (void)state;
    struct json_object *seen = json_object_in(job);
    json_set_string(seen, "id", "7");
    effect_adopt(job, "test.thing", "quote:1:r1", seen);
    return true;
}

static void
a_result_is_there_once_it_is_confirmed(void **state)
{
    struct stage *stage = *state;
    assert_peek(stage, false);
    cut_first_attempt(stage);
    assert_peek(stage, false);
    // A webhook tells what the cut answer did not.
    struct error err = fake_run(&stage->fake, adopt, stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_peek(stage, true);
    err = deliver(stage, NO_CALLS);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(stage->made, "7");
}

static bool
ask_made(struct job *job, void *state)
{
    struct peek *p = state;
    struct json_object *made =
        effect_made(job, p->stage->kind, "quote:1:r1", p->stage, &p->failed);
    p->found = made != NULL && strcmp(json_string_or(made, "id", ""), "7") == 0;
    return !p->failed;
}

static void
assert_made(struct stage *stage, const struct fake_reply *replies, bool found)
{
    struct peek p = {.stage = stage, .failed = true};
    struct error err = fake_run(&stage->fake, ask_made, &p, replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(p.failed);
    assert_int_equal(p.found, found);
}

static void
who_wants_it_no_more_is_told_what_was_made(void **state)
{
    struct stage *stage = *state;
    assert_made(stage, NO_CALLS, false);
    assert_null(fake_effect(&stage->fake, "quote:1:r1"));
    cut_and_wait(stage);
    assert_made(stage, CALLS(FOUND("[{\"id\":\"7\"}]")), true);
    assert_state(stage, LEDGER_EFFECT_CONFIRMED, 1);
    assert_made(stage, NO_CALLS, true);
}

static void
what_was_not_made_may_be_begun_again(void **state)
{
    struct stage *stage = *state;
    cut_and_wait(stage);
    assert_made(stage, CALLS(FOUND("[]")), false);
    assert_state(stage, LEDGER_EFFECT_OPEN, 1);
    assert_int_equal(deliver(stage, CALLS(MADE("7"))).kind, ERROR_NONE);
}

static void
before_its_deadline_nobody_is_told(void **state)
{
    struct stage *stage = *state;
    struct peek p = {.stage = stage};
    cut_first_attempt(stage);
    struct error err = fake_run(&stage->fake, ask_made, &p, NO_CALLS);
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_true(p.failed);
    pass_time(stage, TIMEOUT_MS + MARGIN_MS);
    err = fake_run(&stage->fake, ask_made, &p,
                   CALLS({.method = "GET", .url = "/things*", .status = 500}));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_state(stage, LEDGER_EFFECT_UNSURE, 1);
}

static void
what_cannot_be_looked_up_is_for_a_person_here_too(void **state)
{
    struct stage *stage = *state;
    struct peek p = {.stage = stage};
    stage->kind = &mail;
    cut_and_wait(stage);
    struct error err = fake_run(&stage->fake, ask_made, &p, NO_CALLS);
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_state(stage, LEDGER_EFFECT_FLAGGED, 1);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_begin, stage_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(it_is_made_once),
        STAGED(the_call_is_marked_and_ends_before_its_deadline),
        STAGED(without_an_intent_there_is_no_call),
        STAGED(what_was_refused_may_be_tried_again),
        STAGED(what_was_never_sent_may_be_tried_again),
        STAGED(what_came_too_fast_may_be_tried_again),
        STAGED(a_bad_key_leaves_no_doubt),
        STAGED(a_500_may_have_done_it),
        STAGED(an_incomplete_answer_may_not_lead_to_a_second_one),
        STAGED(before_its_deadline_nobody_looks),
        STAGED(what_is_found_afterwards_is_adopted),
        STAGED(who_looks_is_told_how_long_ago_the_attempt_began),
        STAGED(what_is_not_there_is_made_and_looked_for_once_more),
        STAGED(what_was_made_counts_even_if_it_is_not_shown_yet),
        STAGED(a_late_first_one_is_kept_and_the_second_withdrawn),
        STAGED(all_but_the_first_are_withdrawn),
        STAGED(a_withdrawal_that_fails_is_done_next_time),
        STAGED(a_second_look_that_fails_is_done_next_time),
        STAGED(a_look_that_fails_changes_nothing),
        STAGED(who_was_overtaken_while_looking_waits),
        STAGED(a_late_confirmation_changes_nothing),
        STAGED(a_mail_that_may_have_gone_out_is_for_a_person),
        STAGED(a_person_may_say_that_it_was_done),
        STAGED(a_person_may_say_that_it_was_not_done),
        STAGED(a_result_is_there_once_it_is_confirmed),
        STAGED(who_wants_it_no_more_is_told_what_was_made),
        STAGED(what_was_not_made_may_be_begun_again),
        STAGED(before_its_deadline_nobody_is_told),
        STAGED(what_cannot_be_looked_up_is_for_a_person_here_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
