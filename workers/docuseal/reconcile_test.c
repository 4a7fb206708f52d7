#include <string.h>

#include "workers/docuseal/evidence.h"
#include "workers/docuseal/reconcile.h"
#include "workers/docuseal/tests/story.h"

static void
nothing_new_costs_one_look(void **state)
{
    struct scene *scene = *state;
    assert_quiet(scene, untouched(scene));
    assert_string_equal(status_of_round(scene), "pending");
}

static void
the_first_look_of_the_client_makes_the_quote_viewed(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "docuseal.form.viewed", hook(scene, "webhook.form.viewed.1"),
                (struct fake_reply[]){SUBMISSION(opened(scene)), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "viewed");
    assert_int_equal(json_object_object_length(patch_of(scene)), 1);
    const struct fake_event *fact = fake_last(&scene->fake, "quote.viewed");
    assert_string_equal(json_string_or(fact->data, "quote", ""), QUOTE);
    assert_string_equal(json_string_or(fact->data, "company", ""), "HYPERVISUAL");
    assert_quiet(scene, opened(scene));
}

static void
a_look_of_our_own_signatory_is_not_the_clients(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"submitters.0.status", "\"sent\""},
                        {"submitters.0.opened_at", "null"},
                        {"submitters.0.completed_at", "null"},
                        {"submitters.1.opened_at", "\"2026-08-12T09:29:11.004Z\""},
                        {NULL}});
    assert_quiet(scene, text);
}

static void
a_partial_signature_is_logged(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "docuseal.form.completed", hook(scene, "webhook.form.completed.1"),
        (struct fake_reply[]){SUBMISSION(signed_by_client(scene)), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "partially_signed");
    struct json_object *row = log_row(scene, "create", 0);
    assert_string_equal(json_string_or(row, "id", ""),
                        docuseal_log_id(&scene->fake.keep, "8841"));
    assert_string_equal(json_string_or(row, "provider", ""), "docuseal");
    assert_string_equal(json_string_or(row, "provider_reference", ""), "4107");
    assert_string_equal(json_string_or(row, "status", ""), "partially_signed");
    assert_string_equal(json_string_or(row, "signature_level", ""), "ses");
    assert_string_equal(json_string_or(row, "evidenced_level", ""), "ses");
    assert_string_equal(json_string_or(row, "ip_address", ""), "85.3.144.21");
    assert_string_equal(json_string_or(row, "signed_at", ""),
                        "2026-08-12T09:31:43.902Z");
    assert_string_equal(json_string_or(row, "contact_id", ""),
                        "0d8d4a3a-5f52-4cf7-9f7b-7d6f1a2b3c4d");
    assert_null(json_at(row, "document_hash"));
    assert_int_equal(json_object_array_length(json_array_or_null(row, "signers")), 2);
    // Who signs has seen it, even if no webhook said so.
    assert_int_equal(fake_count(&scene->fake, "quote.viewed"), 1);
    assert_int_equal(fake_count(&scene->fake, "quote.signed"), 0);
    assert_quiet(scene, signed_by_client(scene));
}

static void
a_decline_keeps_its_reason(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "docuseal.form.declined", hook(scene, "webhook.form.declined.1"),
                (struct fake_reply[]){SUBMISSION(declined(scene)), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of(scene);
    assert_string_equal(json_string_or(patch, "signature_status", ""), "declined");
    assert_string_equal(json_string_or(patch, "decline_reason", ""), "zu teuer");
    assert_string_equal(json_string_or(log_row(scene, "create", 0), "status", ""),
                        "declined");
    assert_string_equal(
        json_string_or(log_row(scene, "create", 0), "decline_reason", ""), "zu teuer");
    const struct fake_event *fact = fake_last(&scene->fake, "quote.rejected");
    assert_string_equal(json_string_or(fact->data, "reason", ""), "zu teuer");
    assert_quiet(scene, declined(scene));
}

static void
a_reason_as_long_as_a_book_is_cut_between_characters(void **state)
{
    enum { CHARACTERS = 200000 };
    struct scene *scene = *state;
    char *book = job_alloc(&scene->fake.keep, 2 * CHARACTERS + 1);
    for (size_t i = 0; i < CHARACTERS; i++)
        memcpy(book + 2 * i, "\xc3\xa9", 3);
    const char *text =
        edited(scene, "webhook.form.declined.1",
               (struct edit[]){{"data.decline_reason",
                                job_printf(&scene->fake.keep, "\"x%s\"", book)},
                               {NULL}});
    const char *silent = edited(scene, "get-submission.1.response",
                                (struct edit[]){{"status", "\"declined\""},
                                                {"submission_events", "[]"},
                                                {"submitters.0.status", "\"declined\""},
                                                {NULL}});
    struct error err =
        deliver(scene, "docuseal.form.declined",
                job_printf(&scene->fake.keep,
                           "{\"company\":\"HYPERVISUAL\",\"body\":%s}", text),
                (struct fake_reply[]){SUBMISSION(silent), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const char *kept = json_string_or(patch_of(scene), "decline_reason", "");
    assert_int_equal(strlen(kept), 9999);
}

static void
an_invitation_that_came_back_is_told_of(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"submitters.0.status", "\"sent\""},
                        {"submitters.0.opened_at", "null"},
                        {"submitters.0.completed_at", "null"},
                        {"submission_events",
                         "[{\"submitter_id\":8841,\"event_type\":\"bounce_email\"}]"},
                        {NULL}});
    assert_quiet(scene, text);
    assert_true(fake_has_attention(&scene->fake, "docuseal.mail-refused"));
}

static void
an_expired_submission_expires_the_quote(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(scene, "get-submission.1.response",
                              (struct edit[]){{"status", "\"expired\""},
                                              {"submitters.0.status", "\"sent\""},
                                              {"submitters.0.completed_at", "null"},
                                              {NULL}});
    struct error err = deliver(scene, "docuseal.submission.expired",
                               hook(scene, "webhook.submission.expired.1"),
                               (struct fake_reply[]){SUBMISSION(text), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "expired");
    assert_non_null(fake_last(&scene->fake, "quote.expired"));
    assert_quiet(scene, text);
}

// A look at the submission, which ended at that time; we had asked for ASKED.
#define ASKED "2026-09-11T22:00:00.000Z"
#define VALID_UNTIL(date)                                                             \
    {                                                                                 \
        "GET", "/items/quotes/" QUOTE "?*", 200,                                      \
            .body =                                                                   \
                edited(scene, "directus.quote.short",                                 \
                       (struct edit[]){{"data.valid_until", "\"" date "\""}, {NULL}}) \
    }

static struct error
look_at_end(struct scene *scene, const char *end, const struct fake_reply then[3])
{
    struct json_object *state = fake_state(&scene->fake, QUOTE_ROOT);
    json_set_string(state, "expires", ASKED);
    fake_set_state(&scene->fake, QUOTE_ROOT, json_print(state, NULL));
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"expired\""},
                        {"expire_at", job_printf(&scene->fake.keep, "\"%s\"", end)},
                        {"submitters.0.status", "\"sent\""},
                        {"submitters.0.completed_at", "null"},
                        {NULL}});
    return look(
        scene, (struct fake_reply[]){SUBMISSION(text), then[0], then[1], then[2], END});
}

static void
a_quote_that_was_prolonged_prolongs_its_submission(void **state)
{
    struct scene *scene = *state;
    struct error err = look_at_end(
        scene, ASKED,
        (struct fake_reply[]){VALID_UNTIL("2999-07-11"),
                              {"PUT", "/submissions/4107", 200, "{\"id\":4107}",
                               .sends = "{\"expire_at\":\"2999-07-11T22:00:00.000Z\"}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(fake_last(&scene->fake, "quote.expired"));
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "expires", ""),
        "2999-07-11T22:00:00.000Z");
}

static void
a_server_that_prolongs_nothing_expires(void **state)
{
    struct scene *scene = *state;
    struct error err = look_at_end(
        scene, ASKED,
        (struct fake_reply[]){VALID_UNTIL("2999-07-11"),
                              {"PUT", "/submissions/4107", 404, "{\"status\":404}"},
                              WRITTEN});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(fake_last(&scene->fake, "quote.expired"));
}

static void
what_ended_in_time_or_by_hand_has_expired(void **state)
{
    struct scene *scene = *state;
    struct error err = look_at_end(
        scene, ASKED, (struct fake_reply[]){VALID_UNTIL("2026-09-11"), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.expired"), 1);

    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"submission\":\"4107\",\"status\":\"viewed\"}");
    err = look_at_end(scene, "2026-09-01T10:00:00.000Z",
                      (struct fake_reply[]){WRITTEN, END, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(status_of_round(scene), "expired");
}

static void
a_completion_after_the_expiry_still_counts(void **state)
{
    struct scene *scene = *state;
    an_expired_submission_expires_the_quote(state);
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.signed"), 1);
}

static void
archived_by_hand_cancels_and_begins_a_new_round(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "docuseal.submission.archived",
                hook(scene, "webhook.submission.archived.1"),
                (struct fake_reply[]){SUBMISSION(archived(scene)), WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "cancelled");
    assert_int_equal(round_number(scene), 2);
    const struct fake_event *fact = fake_last(&scene->fake, "signature.cancelled");
    assert_string_equal(json_string_or(fact->data, "submission", ""), "4107");
    assert_quiet(scene, archived(scene));
    assert_int_equal(round_number(scene), 2);
}

static void
archiving_changes_only_a_live_status(void **state)
{
    struct scene *scene = *state;
    a_decline_keeps_its_reason(state);
    int published = scene->fake.published_count;
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(archived(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
    assert_string_equal(status_of_round(scene), "declined");
    assert_int_equal(round_number(scene), 2);
}

static void
an_older_rounds_completion_is_taken_over(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":2,\"company\":\"HYPERVISUAL\",\"submission\":\"4200\","
                   "\"status\":\"pending\",\"viewed\":false,\"logged\":{},"
                   "\"former\":[\"4107\"]}");
    const char *present = edited(scene, "get-submission.1.response",
                                 (struct edit[]){{"id", "4200"}, {NULL}});
    struct error err = look(
        scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                     READ_ROW,
                                     EVIDENCE,
                                     NO_FORMS,
                                     NO_FORMS,
                                     WRITTEN,
                                     {"GET", "/submissions/4200", 200, present},
                                     {"DELETE", "/submissions/4200", 200,
                                      fixture(scene, "archive-submission.1.response")},
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.signed"), 1);
    assert_string_equal(json_string_or(patch_of(scene), "docuseal_submission_id", ""),
                        "4107");
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "completed");
    assert_quiet(scene, signed_by_all(scene));
}

static void
an_older_round_is_otherwise_ignored(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":2,\"company\":\"HYPERVISUAL\",\"submission\":\"4200\","
                   "\"status\":\"pending\",\"former\":[\"4107\"]}");
    assert_quiet(scene, archived(scene));
    assert_quiet(scene, declined(scene));
}

static void
a_live_submission_that_is_not_the_rounds_own_is_archived(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"company\":\"HYPERVISUAL\",\"submission\":\"4100\","
                   "\"status\":\"pending\"}");
    struct error err = look(
        scene, (struct fake_reply[]){SUBMISSION(untouched(scene)),
                                     {"DELETE", "/submissions/4107", 200,
                                      fixture(scene, "archive-submission.1.response")},
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

static void
two_completed_submissions_are_flagged(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, QUOTE_ROOT,
                   "{\"round\":1,\"company\":\"HYPERVISUAL\",\"submission\":\"4100\","
                   "\"signed_by\":\"4100\",\"status\":\"completed\"}");
    assert_quiet(scene, signed_by_all(scene));
    assert_true(fake_has_attention(&scene->fake, "docuseal.signed-twice"));
}

static void
a_submission_nobody_recorded_is_adopted(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    scene->fake.effect_count = 0;
    const char *row = edited(scene, "directus.quote.short",
                             (struct edit[]){{"data.docuseal_submission_id", "null"},
                                             {"data.signature_status", "\"none\""},
                                             {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(untouched(scene)),
                                          {"GET", "/items/quotes/*", 200, row},
                                          WRITTEN,
                                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of(scene);
    assert_string_equal(json_string_or(patch, "docuseal_submission_id", ""), "4107");
    assert_string_equal(json_string_or(patch, "signature_status", ""), "pending");
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_CONFIRMED);
    assert_quiet(scene, untouched(scene));
}

static void
an_old_submission_is_known_by_its_reference(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    scene->fake.refs[scene->fake.ref_count++] = (struct ledger_ref){
        .company = "",
        .collection = "quotes",
        .local_id = QUOTE,
        .remote_type = "submission",
        .remote_id = "4107",
        .lane_key = QUOTE_ROOT,
    };
    const char *foreign = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"submitters.0.external_id", "\"offer-12\""},
                        {"submitters.1", "-"},
                        {"submitters.0.metadata", "{}"},
                        {"status", "\"completed\""},
                        {"documents", DOCUMENTS},
                        {"audit_log_url", "\"https://sign.hypervisual.ch/a.pdf\""},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(foreign), READ_ROW, EVIDENCE,
                                          NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_last(&scene->fake, "quote.signed")->data, "company", ""),
        "HYPERVISUAL");
    assert_quiet(scene, foreign);
}

static void
what_was_signed_before_the_ledger_stays_as_it_is(void **state)
{
    struct scene *scene = *state;
    scene->fake.state_count = 0;
    const char *row = edited(scene, "directus.quote.short",
                             (struct edit[]){{"data.status", "\"signed\""},
                                             {"data.signature_status", "\"completed\""},
                                             {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                          {"GET", "/items/quotes/*", 200, row},
                                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_quiet(scene, signed_by_all(scene));
}

static void
a_submission_of_somebody_else_is_none_of_ours(void **state)
{
    struct scene *scene = *state;
    const char *text =
        edited(scene, "get-submission.1.response",
               (struct edit[]){{"submitters.0.external_id", "null"},
                               {"submitters.1.external_id", "\"quote:nonsense\""},
                               {NULL}});
    assert_quiet(scene, text);
    assert_string_equal(scene->fake.note, "not ours: submission 4107");
}

static void
a_hint_in_a_foreign_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err =
        fake_deliver(&scene->fake, "docuseal.submission.archived", "HYPERVISUAL:4107",
                     hook(scene, "webhook.submission.archived.1"),
                     (struct fake_reply[]){SUBMISSION(archived(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *again =
        fake_last(&scene->fake, "docuseal.submission.archived");
    assert_string_equal(again->key, QUOTE_ROOT);
    assert_string_equal(again->topic, "test.commands");
    assert_non_null(again->original_id);
    assert_string_equal(json_string_or(again->data, "body.event_type", ""),
                        "submission.archived");
    assert_int_equal(round_number(scene), 1);
}

static void
a_submission_that_is_gone_is_for_a_person(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply gone[] = {
        {"GET", "/submissions/4107", 404, fixture(scene, "error.404.1")}, END};
    struct error err = look(scene, gone);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.attention_count, 0); // not ours, as far as we know
    scene->fake.refs[scene->fake.ref_count++] =
        (struct ledger_ref){.company = "",
                            .collection = "quotes",
                            .local_id = QUOTE,
                            .remote_type = "submission",
                            .remote_id = "4107",
                            .lane_key = QUOTE_ROOT};
    err = look(scene, gone);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "docuseal.submission-gone"));
    assert_string_equal(status_of_round(scene), "pending");
}

static void
a_404_of_something_else_cancels_nothing(void **state)
{
    struct scene *scene = *state;
    struct error err = look(
        scene, (struct fake_reply[]){
                   {"GET", "/submissions/4107", 404, "<html>not found</html>"}, END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.hint, "DOCUSEAL_API_URL"));
    assert_string_equal(status_of_round(scene), "pending");
}

static void
the_wrong_side_of_docuseal_is_named(void **state)
{
    struct scene *scene = *state;
    struct error err =
        look(scene, (struct fake_reply[]){{"GET", "/submissions/4107", 403,
                                           fixture(scene, "error.403.2")},
                                          END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "testing side"));
}

static void
an_event_without_a_submission_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, OBSERVED, "{\"remote_id\":\"4107/../1\"}",
                               (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    err = deliver(scene, "docuseal.form.viewed", "{\"body\":{}}",
                  (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
}

// Two of them say more than the submission does: one look must not stand for them.
static void
every_webhook_names_its_submission(void **state)
{
    static const struct {
        const char *type, *file;
        bool hint;
    } hooks[] = {
        {"docuseal.form.viewed", "webhook.form.viewed.1", true},
        {"docuseal.form.started", "webhook.form.started.1", true},
        {"docuseal.form.completed", "webhook.form.completed.1", false},
        {"docuseal.form.declined", "webhook.form.declined.1", false},
        {"docuseal.submission.created", "webhook.submission.created.1", true},
        {"docuseal.submission.completed", "webhook.submission.completed.1", true},
        {"docuseal.submission.expired", "webhook.submission.expired.1", true},
        {"docuseal.submission.archived", "webhook.submission.archived.1", true},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof hooks / sizeof hooks[0]; i++) {
        struct error err =
            deliver(scene, hooks[i].type, hook(scene, hooks[i].file),
                    (struct fake_reply[]){SUBMISSION(untouched(scene)), END});
        assert_int_equal(err.kind, ERROR_NONE);
        const struct handler *row = docuseal_handlers;
        while (strcmp(row->type, hooks[i].type) != 0)
            row++;
        assert_true(row->hint == hooks[i].hint);
        assert_true(row->object == docuseal_hint_object);
    }
}

// A request that began the next round was cut after it had made 4108, and DocuSeal's
// webhook of 4108 comes before the request is tried again.
static void
a_submission_of_the_round_to_come_is_not_archived(void **state)
{
    struct scene *scene = *state;
    const char *next = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"id", "4108"},
                        {"submitters.0.external_id", "\"" QUOTE_ROOT ":r2:client\""},
                        {"submitters.1.external_id", "\"" QUOTE_ROOT ":r2:company\""},
                        {NULL}});
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", QUOTE_ROOT ":r2", NULL,
                                          LEDGER_EFFECT_UNSURE, 1, 30000});
    struct error err = deliver(
        scene, OBSERVED,
        "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"4108\",\"root\":\"" QUOTE_ROOT
        "\",\"why\":\"hook\"}",
        (struct fake_reply[]){{"GET", "/submissions/4108", 200, next}, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, asked_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_submission_of_the_round_to_come_is_not_archived),
        STORY(nothing_new_costs_one_look),
        STORY(the_first_look_of_the_client_makes_the_quote_viewed),
        STORY(a_look_of_our_own_signatory_is_not_the_clients),
        STORY(a_partial_signature_is_logged),
        STORY(a_decline_keeps_its_reason),
        STORY(a_reason_as_long_as_a_book_is_cut_between_characters),
        STORY(an_invitation_that_came_back_is_told_of),
        STORY(an_expired_submission_expires_the_quote),
        STORY(a_quote_that_was_prolonged_prolongs_its_submission),
        STORY(a_server_that_prolongs_nothing_expires),
        STORY(what_ended_in_time_or_by_hand_has_expired),
        STORY(a_completion_after_the_expiry_still_counts),
        STORY(archived_by_hand_cancels_and_begins_a_new_round),
        STORY(archiving_changes_only_a_live_status),
        STORY(an_older_rounds_completion_is_taken_over),
        STORY(an_older_round_is_otherwise_ignored),
        STORY(a_live_submission_that_is_not_the_rounds_own_is_archived),
        STORY(two_completed_submissions_are_flagged),
        STORY(a_submission_nobody_recorded_is_adopted),
        STORY(an_old_submission_is_known_by_its_reference),
        STORY(what_was_signed_before_the_ledger_stays_as_it_is),
        STORY(a_submission_of_somebody_else_is_none_of_ours),
        STORY(a_hint_in_a_foreign_lane_is_sent_on),
        STORY(a_submission_that_is_gone_is_for_a_person),
        STORY(a_404_of_something_else_cancels_nothing),
        STORY(the_wrong_side_of_docuseal_is_named),
        STORY(an_event_without_a_submission_is_refused),
        STORY(every_webhook_names_its_submission),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
