#include <string.h>

#include "common/clock.h"
#include "workers/docuseal/evidence.h"
#include "workers/docuseal/tests/story.h"

static void
a_completion_is_stored_logged_and_said(void **state)
{
    struct scene *scene = *state;
    struct error err = complete(scene);
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of(scene);
    assert_string_equal(json_string_or(patch, "signature_status", ""), "completed");
    assert_null(json_at(patch, "status"));
    const char *document = json_string_or(patch, "signed_document_file", "");
    const char *audit = json_string_or(patch, "audit_log_file", "");
    assert_int_equal(strlen(document), 36);
    assert_int_equal(strlen(audit), 36);
    assert_string_not_equal(document, audit);
    assert_non_null(strstr(scene->fake.calls[3].body, document));
    assert_non_null(strstr(scene->fake.calls[5].body, audit));

    struct json_object *client = log_row(scene, "create", 0);
    struct json_object *company = log_row(scene, "create", 1);
    assert_string_equal(json_string_or(client, "status", ""), "completed");
    assert_string_equal(json_string_or(client, "document_hash", ""), PDF_HASH);
    assert_string_equal(json_string_or(client, "audit_log_file", ""), audit);
    assert_string_equal(json_string_or(client, "completed_at", ""),
                        "2026-08-12T12:03:33.000Z");
    assert_non_null(json_at(client, "contact_id"));
    assert_null(json_at(company, "contact_id"));

    const struct fake_event *fact = fake_last(&scene->fake, "quote.signed");
    assert_string_equal(json_string_or(fact->data, "quote", ""), QUOTE);
    assert_string_equal(json_string_or(fact->data, "submission", ""), "4107");
    assert_string_equal(json_string_or(fact->data, "evidenced_level", ""), "ses");
    assert_false(json_bool_or(fact->data, "by_hand", true));
    assert_int_equal(scene->fake.attention_count, 1); // the fixture is of long ago
    assert_true(fake_has_attention(&scene->fake, "docuseal.webhook-missing"));
}

static void
a_second_sight_of_a_completion_writes_nothing(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    assert_quiet(scene, signed_by_all(scene));
    assert_quiet(scene, signed_by_all(scene));
    assert_quiet(scene, opened(scene)); // an old answer, late
    assert_int_equal(fake_count(&scene->fake, "quote.signed"), 1);
}

static void
files_are_asked_for_with_the_key_and_never_shown(void **state)
{
    struct scene *scene = *state;
    struct error err = complete(scene);
    assert_string_equal(scene->fake.calls[2].path,
                        "https://sign.hypervisual.ch/file/" FILE_SECRET "/Offerte.pdf");
    assert_string_equal(scene->fake.calls[2].token, API_KEY);
    assert_secret(scene, &err, FILE_SECRET);
    assert_secret(scene, &err, API_KEY);
    assert_secret(scene, &err, EMBED_SLUG);
}

static void
a_long_name_of_a_document_fits_into_directus(void **state)
{
    struct scene *scene = *state;
    char name[600] = "";
    memset(name, 'x', sizeof name - 1);
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"documents", job_printf(&scene->fake.keep,
                                                 "[{\"name\":\"%s\",\"url\":\"https://"
                                                 "sign.hypervisual.ch/file/x.pdf\"}]",
                                                 name)},
                        {"audit_log_url", "\"https://sign.hypervisual.ch/a.pdf\""},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(text), READ_ROW, EVIDENCE,
                                          NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    name[255 + 1] = '\0';
    assert_null(strstr(scene->fake.calls[3].body, name));
}

static void
the_key_does_not_leave_docuseals_own_server(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"documents", "[{\"name\":\"Offerte\",\"url\":\"https://"
                                      "bucket.example.com/x.pdf?sig=1\"}]"},
                        {"audit_log_url", "\"http://sign.hypervisual.ch/a.pdf\""},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(text), READ_ROW, EVIDENCE,
                                          NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(scene->fake.calls[2].token); // another host
    assert_null(scene->fake.calls[4].token); // not encrypted
}

static void
the_second_of_two_signatures_completes_the_log(void **state)
{
    struct scene *scene = *state;
    (void)look(scene, (struct fake_reply[]){SUBMISSION(signed_by_client(scene)),
                                            NO_FORMS, WRITTEN, END});
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    struct json_object *known = log_row(scene, "update", 0);
    struct json_object *fresh = log_row(scene, "create", 0);
    assert_string_equal(json_string_or(known, "id", ""),
                        docuseal_log_id(&scene->fake.keep, "8841"));
    assert_string_equal(json_string_or(known, "status", ""), "completed");
    assert_string_equal(json_string_or(known, "document_hash", ""), PDF_HASH);
    assert_string_equal(json_string_or(fresh, "id", ""),
                        docuseal_log_id(&scene->fake.keep, "8842"));
}

static void
an_address_no_webhook_told_is_looked_up(void **state)
{
    struct scene *scene = *state;
    const char *forms = job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                                   fixture(scene, "webhook.form.completed.1"));
    struct error err = look(
        scene,
        (struct fake_reply[]){
            SUBMISSION(signed_by_all(scene)),
            READ_ROW,
            EVIDENCE,
            {"GET",
             "/events/form/completed?limit=100&before=1786527102&after=1786527105", 200,
             forms},
            {"GET", "/events/form/completed?*", 404, fixture(scene, "error.404.1")},
            WRITTEN,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(log_row(scene, "create", 0), "ip_address", ""),
                        "85.3.144.21");
    assert_null(json_at(log_row(scene, "create", 1), "ip_address"));
    err = deliver(scene, "docuseal.form.completed",
                  hook(scene, "webhook.form.completed.1"),
                  (struct fake_reply[]){SUBMISSION(signed_by_all(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
an_address_that_comes_late_is_added_once(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(complete(scene).kind, ERROR_NONE);
    const char *path =
        job_printf(&scene->fake.keep, "/items/signature_logs/%s?fields=id",
                   docuseal_log_id(&scene->fake.keep, "8842"));
    const char *late = hook(scene, "webhook.form.completed.1b-last-signer");
    struct error err = deliver(
        scene, "docuseal.form.completed", late,
        (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                              {"PATCH", path, 200, "{}", .sends = "\"ip_address\""},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, "docuseal.form.completed", late,
                  (struct fake_reply[]){SUBMISSION(signed_by_all(scene)), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
the_address_of_the_first_of_two_may_come_late_as_well(void **state)
{
    struct scene *scene = *state;
    (void)look(scene, (struct fake_reply[]){SUBMISSION(signed_by_client(scene)),
                                            NO_FORMS, WRITTEN, END});
    const char *path =
        job_printf(&scene->fake.keep, "/items/signature_logs/%s?fields=id",
                   docuseal_log_id(&scene->fake.keep, "8841"));
    struct error err = deliver(
        scene, "docuseal.form.completed", hook(scene, "webhook.form.completed.1"),
        (struct fake_reply[]){
            SUBMISSION(signed_by_client(scene)),
            {"PATCH", path, 200, "{}", .sends = "\"ip_address\":\"85.3.144.21\""},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_quiet(scene, signed_by_client(scene));
}

static void
documents_that_are_not_ready_are_waited_for(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"submitters.0.documents", "[]"},
                        {"audit_log_url", "\"https://sign.hypervisual.ch/a.pdf\""},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(text), READ_ROW, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_string_equal(status_of_round(scene), "pending");
}

static const char *
completed_without_audit(struct scene *scene, int64_t completed_ms)
{
    char at[CLOCK_TEXT];
    clock_format(completed_ms, at);
    return edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"documents", DOCUMENTS},
                        {"completed_at", job_printf(&scene->fake.keep, "\"%s\"", at)},
                        {NULL}});
}

static void
an_audit_log_is_waited_for_but_not_for_ever(void **state)
{
    struct scene *scene = *state;
    const char *young = completed_without_audit(scene, clock_wall_ms());
    const char *old = completed_without_audit(scene, clock_wall_ms() - 3600 * 1000);
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(young), READ_ROW, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = look(scene, (struct fake_reply[]){SUBMISSION(old), READ_ROW, FILE_READ,
                                            FILE_STORED, NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(json_at(patch_of(scene), "audit_log_file"));
    assert_true(fake_has_attention(&scene->fake, "docuseal.no-audit-log"));
}

static void
a_page_instead_of_a_document_is_not_stored(void **state)
{
    struct scene *scene = *state;
    struct error err =
        look(scene,
             (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                   READ_ROW,
                                   {"GET", "http*", 200, "<html>please log in</html>"},
                                   END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_secret(scene, &err, FILE_SECRET);
}

static void
a_completion_cut_in_the_middle_is_done_again_without_doubles(void **state)
{
    struct scene *scene = *state;
    const char *file_taken =
        "{\"errors\":[{\"message\":\"taken\",\"extensions\":{\"collection\":"
        "\"directus_files\",\"field\":\"id\",\"code\":\"RECORD_NOT_UNIQUE\"}}]}";
    const char *log_taken =
        "{\"errors\":[{\"message\":\"taken\",\"extensions\":{\"collection\":"
        "\"signature_logs\",\"field\":\"id\",\"code\":\"RECORD_NOT_UNIQUE\"}}]}";
    const char *same = "{\"data\":{\"filesize\":\"15\"}}";
    const char *there = job_printf(&scene->fake.keep, "{\"data\":[{\"id\":\"%s\"}]}",
                                   docuseal_log_id(&scene->fake.keep, "8841"));
    struct error err = look(
        scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                     READ_ROW,
                                     FILE_READ,
                                     {"POST", "/files?fields=id", 400, file_taken},
                                     {"GET", "/files/*", 200, same},
                                     FILE_READ,
                                     {"POST", "/files?fields=id", 400, file_taken},
                                     {"GET", "/files/*", 200, same},
                                     NO_FORMS,
                                     NO_FORMS,
                                     {"PATCH", "/items/quotes/*", 400, log_taken},
                                     {"GET", "/items/signature_logs?*", 200, there},
                                     WRITTEN,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(log_row(scene, "update", 0), "id", ""),
                        docuseal_log_id(&scene->fake.keep, "8841"));
    assert_string_equal(json_string_or(log_row(scene, "create", 0), "id", ""),
                        docuseal_log_id(&scene->fake.keep, "8842"));
}

static void
an_identity_check_is_evidence_of_a_higher_level(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"submitters.1", "-"},
                        {"documents", DOCUMENTS},
                        {"audit_log_url", "\"https://sign.hypervisual.ch/a.pdf\""},
                        {"submission_events",
                         "[{\"id\":1,\"submitter_id\":8841,\"event_type\":"
                         "\"complete_verification\",\"data\":{\"method\":"
                         "\"qes\"}}]"},
                        {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(text), READ_ROW, EVIDENCE,
                                          NO_FORMS, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(fake_last(&scene->fake, "quote.signed")->data,
                                       "evidenced_level", ""),
                        "qes");
    assert_string_equal(
        json_string_or(log_row(scene, "create", 0), "evidenced_level", ""), "qes");
    assert_string_equal(
        json_string_or(log_row(scene, "create", 0), "signature_level", ""), "ses");
}

static void
a_signature_on_an_expired_quote_is_kept_and_flagged(void **state)
{
    struct scene *scene = *state;
    const char *row = edited(scene, "directus.quote.short",
                             (struct edit[]){{"data.status", "\"expired\""}, {NULL}});
    struct error err =
        look(scene, (struct fake_reply[]){SUBMISSION(signed_by_all(scene)),
                                          {"GET", "/items/quotes/*", 200, row},
                                          EVIDENCE,
                                          NO_FORMS,
                                          NO_FORMS,
                                          WRITTEN,
                                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of(scene), "signature_status", ""),
                        "completed");
    assert_true(fake_has_attention(&scene->fake, "docuseal.signed-late"));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, asked_before, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_completion_is_stored_logged_and_said),
        STORY(a_second_sight_of_a_completion_writes_nothing),
        STORY(files_are_asked_for_with_the_key_and_never_shown),
        STORY(the_key_does_not_leave_docuseals_own_server),
        STORY(a_long_name_of_a_document_fits_into_directus),
        STORY(the_second_of_two_signatures_completes_the_log),
        STORY(an_address_no_webhook_told_is_looked_up),
        STORY(an_address_that_comes_late_is_added_once),
        STORY(the_address_of_the_first_of_two_may_come_late_as_well),
        STORY(documents_that_are_not_ready_are_waited_for),
        STORY(an_audit_log_is_waited_for_but_not_for_ever),
        STORY(a_page_instead_of_a_document_is_not_stored),
        STORY(a_completion_cut_in_the_middle_is_done_again_without_doubles),
        STORY(an_identity_check_is_evidence_of_a_higher_level),
        STORY(a_signature_on_an_expired_quote_is_kept_and_flagged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
