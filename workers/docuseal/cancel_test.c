#include <string.h>

#include "workers/docuseal/tests/scene.h"

#define CANCEL "docuseal.signature.cancel"
#define COMMAND "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}"

#define SUBMISSION(text)                      \
    {                                         \
        "GET", "/submissions/4107", 200, text \
    }
#define ARCHIVED                                            \
    {                                                       \
        "DELETE", "/submissions/4107", 200,                 \
            fixture(scene, "archive-submission.1.response") \
    }
#define WRITTEN                                                            \
    {                                                                      \
        "PATCH", "/items/quotes/" QUOTE "?fields=id", 200, "{\"data\":{}}" \
    }
#define END \
    {       \
        0   \
    }

static void
set_effect(struct scene *scene, enum ledger_effect_state state)
{
    fake_set_effect(&scene->fake, &(struct fake_effect){
                                      .kind = "docuseal.submission",
                                      .identity = QUOTE_ROUND1,
                                      .result = "{\"submission\":\"4107\"}",
                                      .state = state,
                                      .attempt = 1,
                                      .deadline_ms = 30000,
                                  });
}

static int
asked_before(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"company\":\"HYPERVISUAL\",\"level\":\"ses\","
                   "\"submission\":\"4107\",\"status\":\"viewed\",\"viewed\":true}");
    set_effect(scene, LEDGER_EFFECT_CONFIRMED);
    return 0;
}

static struct error
cancel(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, CANCEL, COMMAND, replies);
}

static const char *
open_one(struct scene *scene)
{
    return fixture(scene, "get-submission.1.response");
}

static const char *
with(struct scene *scene, const char *path, const char *json)
{
    return edited(scene, "get-submission.1.response",
                  (struct edit[]){{path, json}, {NULL}});
}

static int64_t
round_number(struct scene *scene)
{
    return json_i64_or(fake_state(&scene->fake, QUOTE_ROOT), "round", 0);
}

static void
a_live_submission_is_archived_and_the_round_grows(void **state)
{
    struct scene *scene = *state;
    struct error err = cancel(scene, (struct fake_reply[]){SUBMISSION(open_one(scene)),
                                                           ARCHIVED, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = sent(scene, "PATCH", "/items/quotes/");
    assert_string_equal(json_string_or(patch, "signature_status", ""), "cancelled");
    assert_int_equal(json_object_object_length(patch), 1);
    const struct fake_event *fact = fake_last(&scene->fake, "signature.cancelled");
    assert_string_equal(json_string_or(fact->data, "quote", ""), QUOTE);
    assert_string_equal(json_string_or(fact->data, "submission", ""), "4107");
    assert_int_equal(round_number(scene), 2);
}

static void
a_second_cancel_finds_nothing(void **state)
{
    struct scene *scene = *state;
    a_live_submission_is_archived_and_the_round_grows(state);
    struct error err = cancel(scene, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 2);
    assert_int_equal(fake_count(&scene->fake, "signature.cancelled"), 1);
}

static void
its_own_echo_is_ignored(void **state)
{
    struct scene *scene = *state;
    a_live_submission_is_archived_and_the_round_grows(state);
    struct error err =
        deliver(scene, "docuseal.submission.archived",
                hook(scene, "webhook.submission.archived.1"),
                (struct fake_reply[]){SUBMISSION(with(scene, "archived_at",
                                                      "\"2026-08-13T09:14:06.123Z\"")),
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 2);
    assert_int_equal(fake_count(&scene->fake, "signature.cancelled"), 1);
}

static void
a_completed_submission_is_never_archived(void **state)
{
    struct scene *scene = *state;
    struct error err = cancel(
        scene,
        (struct fake_reply[]){SUBMISSION(with(scene, "status", "\"completed\"")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 1);
    assert_null(fake_last(&scene->fake, "signature.cancelled"));
    const struct fake_event *look =
        fake_last(&scene->fake, "docuseal.submission.observed");
    assert_string_equal(look->key, QUOTE_ROOT);
    assert_string_equal(json_string_or(look->data, "remote_id", ""), "4107");
}

static void
what_is_signed_needs_no_look(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"submission\":\"4107\",\"signed_by\":\"4107\","
                   "\"status\":\"completed\"}");
    struct error err = cancel(scene, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

static void
nothing_asked_for_is_nothing_to_cancel(void **state)
{
    struct scene *scene = *state;
    struct error err = cancel(scene, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.state_count, 0);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(scene->fake.note,
                        "nothing to cancel: nothing was asked for in round 1");
}

static void
a_refused_request_leaves_nothing_to_cancel(void **state)
{
    struct scene *scene = *state;
    set_effect(scene, LEDGER_EFFECT_OPEN);
    struct error err = cancel(scene, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.state_count, 0);
}

static void
archived_by_hand_before_still_grows_the_round(void **state)
{
    struct scene *scene = *state;
    struct error err = cancel(
        scene, (struct fake_reply[]){SUBMISSION(with(scene, "archived_at",
                                                     "\"2026-08-13T09:14:06.123Z\"")),
                                     WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 2);
}

static void
a_declined_submission_is_archived_but_stays_declined(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"submission\":\"4107\",\"status\":\"declined\"}");
    struct error err = cancel(
        scene, (struct fake_reply[]){SUBMISSION(with(scene, "status", "\"declined\"")),
                                     ARCHIVED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 2);
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "status", ""), "declined");
}

static void
a_request_that_may_be_under_way_is_waited_for(void **state)
{
    struct scene *scene = *state;
    set_effect(scene, LEDGER_EFFECT_UNSURE);
    struct error err = cancel(scene, (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(err.retry_after_ms, 35000);
}

static void
what_an_unsure_request_made_is_archived(void **state)
{
    struct scene *scene = *state;
    set_effect(scene, LEDGER_EFFECT_UNSURE);
    // Whoever found it after the cut may have had its client mailed, and was cut, too.
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.reminder", "4107:8841:invitation",
                                          NULL, LEDGER_EFFECT_UNSURE, 1, 0});
    scene->fake.now_ms = 60000;
    const char *two =
        edited(scene, "list-submitters-by-external-id.4-duplicate.response",
               (struct edit[]){{"data.0.submission_id", "4108"}, {NULL}});
    const char *other = with(scene, "id", "4108");
    struct error err = cancel(
        scene,
        (struct fake_reply[]){{"GET", "/submitters?*", 200, two},
                              {"GET", "/submissions/4108", 200, other},
                              SUBMISSION(open_one(scene)),
                              {"DELETE", "/submissions/4108", 200, "{\"id\":4108}"},
                              SUBMISSION(open_one(scene)),
                              ARCHIVED,
                              {"GET", "/items/quotes/" QUOTE "?fields=signature_status",
                               200, "{\"data\":{\"signature_status\":\"none\"}}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_CONFIRMED);
    assert_int_equal(fake_effect(&scene->fake, "4107:8841:invitation")->state,
                     LEDGER_EFFECT_CONFIRMED);
    assert_int_equal(round_number(scene), 2);
}

static void
an_unsure_request_that_made_nothing_is_given_back(void **state)
{
    struct scene *scene = *state;
    set_effect(scene, LEDGER_EFFECT_UNSURE);
    scene->fake.now_ms = 60000;
    struct error err =
        cancel(scene, (struct fake_reply[]){
                          {"GET", "/submitters?*", 200,
                           fixture(scene, "list-submitters-by-external-id.3.response")},
                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_OPEN);
    assert_int_equal(scene->fake.state_count, 0);
}

static void
a_cut_while_archiving_is_tried_again(void **state)
{
    struct scene *scene = *state;
    struct error err = cancel(scene, (struct fake_reply[]){SUBMISSION(open_one(scene)),
                                                           {.method = "DELETE",
                                                            .url = "/submissions/4107",
                                                            .cut = ERROR_UNSURE},
                                                           END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(round_number(scene), 1);
    assert_null(fake_last(&scene->fake, "signature.cancelled"));
}

static void
an_acceptance_is_cancelled_without_a_write(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, CGV_ROOT,
                   "{\"round\":1,\"company\":\"LEXAIA\",\"submission\":\"4120\","
                   "\"status\":\"pending\"}");
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", CGV_ROOT ":r1",
                                          "{\"submission\":\"4120\"}",
                                          LEDGER_EFFECT_CONFIRMED, 1, 0});
    struct error err = fake_deliver(
        &scene->fake, CANCEL, CGV_ROOT,
        "{\"company\":\"LEXAIA\",\"acceptance\":\"" CGV "\"}",
        (struct fake_reply[]){{"GET", "/submissions/4120", 200, open_one(scene)},
                              {"DELETE", "/submissions/4120", 200, "{\"id\":4120}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_last(&scene->fake, "signature.cancelled")->data,
                       "acceptance", ""),
        CGV);
}

// The round's submission was archived by hand and unheard, and the request that passed
// it over was given up after it had made the next round's, 4108: that one is cancelled.
static void
what_a_request_made_in_the_round_behind_is_cancelled_too(void **state)
{
    struct scene *scene = *state;
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", QUOTE_ROOT ":r2",
                                          "{\"submission\":\"4108\",\"answered\":true}",
                                          LEDGER_EFFECT_CONFIRMED, 1, 0});
    struct error err = cancel(
        scene,
        (struct fake_reply[]){
            SUBMISSION(with(scene, "archived_at", "\"2026-08-13T09:14:06.123Z\"")),
            WRITTEN,
            {"GET", "/submissions/4108", 200, with(scene, "id", "4108")},
            {"DELETE", "/submissions/4108", 200, "{\"id\":4108}"},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(round_number(scene), 3);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, asked_before, scene_end)
#define FRESH(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(what_a_request_made_in_the_round_behind_is_cancelled_too),
        STORY(a_live_submission_is_archived_and_the_round_grows),
        STORY(a_second_cancel_finds_nothing),
        STORY(its_own_echo_is_ignored),
        STORY(a_completed_submission_is_never_archived),
        STORY(what_is_signed_needs_no_look),
        FRESH(nothing_asked_for_is_nothing_to_cancel),
        FRESH(a_refused_request_leaves_nothing_to_cancel),
        STORY(archived_by_hand_before_still_grows_the_round),
        STORY(a_declined_submission_is_archived_but_stays_declined),
        FRESH(a_request_that_may_be_under_way_is_waited_for),
        FRESH(what_an_unsure_request_made_is_archived),
        FRESH(an_unsure_request_that_made_nothing_is_given_back),
        STORY(a_cut_while_archiving_is_tried_again),
        FRESH(an_acceptance_is_cancelled_without_a_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
