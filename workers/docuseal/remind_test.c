// Reminders: one a day per signer, and none where a mail may have gone out.
#include <string.h>

#include "common/clock.h"
#include "workers/docuseal/tests/story.h"

#define REMIND "docuseal.signature.remind"
#define CLIENT "martina.keller@alpenblick-immo.ch"
#define COMPANY "claire.monnier@hypervisual.ch"
#define COMMAND(email) \
    "{\"company\":\"HYPERVISUAL\",\"submission\":\"4107\",\"email\":\"" email "\"}"
#define MAILED(id)                                        \
    {                                                     \
        "PUT", "/submitters/" id, 200, "{\"id\":" id "}", \
            .sends = "\"send_email\":true"                \
    }

static struct error
remind(struct scene *scene, const char *command, const struct fake_reply replies[])
{
    return deliver(scene, REMIND, command, replies);
}

static const char *
identity(struct scene *scene, const char *submitter, int days)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    char date[CLOCK_DATE];
    clock_date(clock_wall_ms() + (int64_t)days * DAY_MS, date);
    return job_printf(&scene->fake.keep, "4107:%s:%s", submitter, date);
}

static void
an_open_submission_is_mailed_again(void **state)
{
    struct scene *scene = *state;
    struct error err = remind(
        scene, COMMAND("Martina.Keller@Alpenblick-Immo.ch"),
        (struct fake_reply[]){SUBMISSION(untouched(scene)), MAILED("8841"), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_true(scene->fake.calls[1].once);
    assert_int_equal(fake_effect(&scene->fake, identity(scene, "8841", 0))->state,
                     LEDGER_EFFECT_CONFIRMED);
    assert_non_null(strstr(scene->fake.note, "signer 8841 of submission 4107"));
    assert_null(strstr(scene->fake.note, "@"));
}

static void
the_same_day_nobody_is_mailed_twice(void **state)
{
    struct scene *scene = *state;
    (void)remind(scene, COMMAND(CLIENT),
                 (struct fake_reply[]){SUBMISSION(opened(scene)), MAILED("8841"), END});
    struct error err = remind(scene, COMMAND(CLIENT),
                              (struct fake_reply[]){SUBMISSION(opened(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "today already"));
}

static void
the_next_day_one_may_be_reminded_again(void **state)
{
    struct scene *scene = *state;
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){.kind = "docuseal.reminder",
                                          .identity = identity(scene, "8841", -1),
                                          .result = "{}",
                                          .state = LEDGER_EFFECT_CONFIRMED,
                                          .attempt = 1});
    struct error err =
        remind(scene, COMMAND(CLIENT),
               (struct fake_reply[]){SUBMISSION(opened(scene)), MAILED("8841"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
each_signer_has_reminders_of_their_own(void **state)
{
    struct scene *scene = *state;
    (void)remind(scene, COMMAND(CLIENT),
                 (struct fake_reply[]){SUBMISSION(opened(scene)), MAILED("8841"), END});
    struct error err = remind(scene, COMMAND(COMPANY),
                              (struct fake_reply[]){SUBMISSION(signed_by_client(scene)),
                                                    MAILED("8842"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_mail_that_may_have_gone_out_is_left_to_a_person(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply cut[] = {
        SUBMISSION(opened(scene)),
        {.method = "PUT", .url = "/submitters/8841", .cut = ERROR_UNSURE},
        END};
    struct error err = remind(scene, COMMAND(CLIENT), cut);
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_true(err.retry_after_ms > 0);
    // While it may be under way, and ever after: no second call.
    const struct fake_reply only_look[] = {SUBMISSION(opened(scene)), END};
    err = remind(scene, COMMAND(CLIENT), only_look);
    assert_int_equal(err.kind, ERROR_UNSURE);
    enum { AN_HOUR_MS = 3600 * 1000 };
    scene->fake.now_ms += AN_HOUR_MS;
    for (int i = 0; i < 2; i++) {
        err = remind(scene, COMMAND(CLIENT), only_look);
        assert_int_equal(err.kind, ERROR_PERMANENT);
    }
    assert_true(fake_has_attention(&scene->fake, "effect.unsure"));
    const struct fake_event *fact = fake_last(&scene->fake, "effect.unsure");
    assert_string_equal(json_string_or(fact->data, "kind", ""), "docuseal.reminder");
}

// The person says the next day that it has arrived, and has it replayed.
static void
a_reminder_is_of_the_day_it_was_asked_for(void **state)
{
    enum { DAY_MS = 24 * 3600 * 1000 };
    struct scene *scene = *state;
    char yesterday[CLOCK_TEXT];
    clock_format(clock_wall_ms() - DAY_MS, yesterday);
    scene->fake.time = yesterday;
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){.kind = "docuseal.reminder",
                                          .identity = identity(scene, "8841", -1),
                                          .result = "{}",
                                          .state = LEDGER_EFFECT_CONFIRMED,
                                          .attempt = 1});
    struct error err = remind(scene, COMMAND(CLIENT),
                              (struct fake_reply[]){SUBMISSION(opened(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_server_error_is_as_unsure_as_a_cut(void **state)
{
    struct scene *scene = *state;
    struct error err = remind(scene, COMMAND(CLIENT),
                              (struct fake_reply[]){SUBMISSION(opened(scene)),
                                                    {"PUT", "/submitters/8841", 500,
                                                     fixture(scene, "error.500.1")},
                                                    END});
    assert_int_equal(err.kind, ERROR_UNSURE);
}

static void
a_refused_or_unsent_reminder_may_be_tried_again(void **state)
{
    struct scene *scene = *state;
    struct error err = remind(scene, COMMAND(CLIENT),
                              (struct fake_reply[]){SUBMISSION(opened(scene)),
                                                    {"PUT", "/submitters/8841", 429,
                                                     fixture(scene, "error.429.1")},
                                                    END});
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    err =
        remind(scene, COMMAND(CLIENT),
               (struct fake_reply[]){
                   SUBMISSION(opened(scene)),
                   {.method = "PUT", .url = "/submitters/8841", .cut = ERROR_RETRYABLE},
                   END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = remind(scene, COMMAND(CLIENT),
                 (struct fake_reply[]){SUBMISSION(opened(scene)), MAILED("8841"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
refused(struct scene *scene, const char *command, const char *submission,
        const char *words)
{
    struct error err =
        remind(scene, command, (struct fake_reply[]){SUBMISSION(submission), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    if (strstr(err.text, words) == NULL)
        fail_msg("\"%s\" lacks \"%s\"", err.text, words);
    assert_null(strstr(err.text, "@"));
}

static void
where_there_is_nobody_to_remind_it_is_said(void **state)
{
    struct scene *scene = *state;
    const char *expired = edited(scene, "get-submission.1.response",
                                 (struct edit[]){{"status", "\"expired\""}, {NULL}});
    refused(scene, COMMAND(CLIENT), signed_by_all(scene), "4107 is completed");
    refused(scene, COMMAND(CLIENT), declined(scene), "4107 is declined");
    refused(scene, COMMAND(CLIENT), archived(scene), "4107 is cancelled");
    refused(scene, COMMAND(CLIENT), expired, "4107 is expired");
    refused(scene, COMMAND(CLIENT), signed_by_client(scene), "has signed already");
    refused(scene, COMMAND(COMPANY), opened(scene), "not that signer's turn");
    refused(scene, COMMAND("nobody@example.com"), opened(scene), "nobody with that");
}

static void
those_who_sign_in_any_order_need_not_wait(void **state)
{
    struct scene *scene = *state;
    const char *random = edited(scene, "get-submission.1.response",
                                (struct edit[]){{"submitters_order", "\"random\""},
                                                {"submitters.0.status", "\"opened\""},
                                                {NULL}});
    struct error err =
        remind(scene, COMMAND(COMPANY),
               (struct fake_reply[]){SUBMISSION(random), MAILED("8842"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
bad_commands_are_refused(void **state)
{
    struct scene *scene = *state;
    static const char *const commands[] = {
        "{\"company\":\"A\",\"email\":\"" CLIENT "\"}",
        "{\"company\":\"A\",\"submission\":\"../users\",\"email\":\"" CLIENT "\"}",
        "{\"company\":\"A\",\"submission\":\"4107\"}",
        "{\"company\":\"A\",\"submission\":\"4107\",\"email\":7}",
    };
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        struct error err = remind(scene, commands[i], (struct fake_reply[]){END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
    }
    struct error err = remind(
        scene, COMMAND(CLIENT),
        (struct fake_reply[]){
            {"GET", "/submissions/4107", 404, fixture(scene, "error.404.1")}, END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    refused(scene, COMMAND(CLIENT),
            edited(scene, "get-submission.1.response",
                   (struct edit[]){{"submitters.0.external_id", "\"theirs\""},
                                   {"submitters.1.external_id", "null"},
                                   {NULL}}),
            "not asked for by Relais");
}

static void
a_command_in_a_foreign_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err =
        fake_deliver(&scene->fake, REMIND, "HYPERVISUAL:4107", COMMAND(CLIENT),
                     (struct fake_reply[]){SUBMISSION(opened(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *again = fake_last(&scene->fake, REMIND);
    assert_string_equal(again->key, QUOTE_ROOT);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, asked_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(an_open_submission_is_mailed_again),
        STORY(the_same_day_nobody_is_mailed_twice),
        STORY(the_next_day_one_may_be_reminded_again),
        STORY(each_signer_has_reminders_of_their_own),
        STORY(a_mail_that_may_have_gone_out_is_left_to_a_person),
        STORY(a_reminder_is_of_the_day_it_was_asked_for),
        STORY(a_server_error_is_as_unsure_as_a_cut),
        STORY(a_refused_or_unsent_reminder_may_be_tried_again),
        STORY(where_there_is_nobody_to_remind_it_is_said),
        STORY(those_who_sign_in_any_order_need_not_wait),
        STORY(bad_commands_are_refused),
        STORY(a_command_in_a_foreign_lane_is_sent_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
