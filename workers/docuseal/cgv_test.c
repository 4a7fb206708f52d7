// The life of an acceptance of general terms, on DocuSeal's own words.
#include <string.h>

#include "workers/docuseal/tests/story.h"

#define REQUEST "docuseal.cgv.request"
#define COMMAND "{\"company\":\"LEXAIA\",\"acceptance\":\"" CGV "\"}"
#define ITEM "/items/cgv_acceptances/" CGV
#define HASH "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"
#define OTHER_HASH "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"
#define TEMPLATE                                                    \
    {                                                               \
        "GET", "/templates/29", 200, fixture(scene, "template.cgv") \
    }
#define CREATED                                                                      \
    {                                                                                \
        "POST", "/submissions", 200, fixture(scene, "create-submission.1.response"), \
            .sends = "\"cgv:" CGV ":r1:client\""                                     \
    }
#define PATCHED                               \
    {                                         \
        "PATCH", ITEM "?fields=id", 200, "{}" \
    }
#define TERMS_ROW(text)                  \
    {                                    \
        "GET", ITEM "?*", 200, row(text) \
    }
#define row(members) "{\"data\":{\"id\":\"" CGV "\"," members "}}"
#define PENDING "\"status\":\"pending_signature\",\"docuseal_submission_id\":\"4120\""
#define LOOK_AT(text)                         \
    {                                         \
        "GET", "/submissions/4120", 200, text \
    }

static int
asked_for(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    fake_set_state(&scene->fake, CGV_ROOT,
                   "{\"round\":1,\"company\":\"LEXAIA\",\"submission\":\"4120\","
                   "\"level\":\"ses\",\"status\":\"pending\"}");
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", CGV_ROOT ":r1",
                                          "{\"submission\":\"4120\"}",
                                          LEDGER_EFFECT_CONFIRMED, 1, 0});
    return 0;
}

static struct error
request(struct scene *scene, const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, REQUEST, CGV_ROOT, COMMAND, replies);
}

static struct error
look_at(struct scene *scene, const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, OBSERVED, CGV_ROOT,
                        "{\"company\":\"LEXAIA\",\"remote_id\":\"4120\"}", replies);
}

// The acceptance, with changes.
static struct fake_reply
acceptance(struct scene *scene, const struct edit edits[])
{
    return (struct fake_reply){"GET", ITEM "?*", 200,
                               edited(scene, "directus.acceptance", edits)};
}

static struct json_object *
patch_of_terms(struct scene *scene)
{
    return sent(scene, "PATCH", "/items/cgv_acceptances/");
}

static void
assert_fact(struct scene *scene, const char *type, const char *submission)
{
    const struct fake_event *fact = fake_last(&scene->fake, type);
    assert_non_null(fact);
    assert_string_equal(fact->key, CGV_ROOT);
    assert_string_equal(json_string_or(fact->data, "acceptance", ""), CGV);
    assert_string_equal(json_string_or(fact->data, "submission", ""), submission);
    assert_string_equal(json_string_or(fact->data, "company", ""), "LEXAIA");
}

// The submission, signed; with one more change.
static const char *
accepted(struct scene *scene, const char *path, const char *json)
{
    return edited(
        scene, "get-submission.3.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"completed_at", "\"2026-08-15T06:18:30.650Z\""},
                        {"submitters.0.status", "\"completed\""},
                        {"submitters.0.completed_at", "\"2026-08-15T06:18:30.650Z\""},
                        {"documents", DOCUMENTS},
                        {"audit_log_url", "\"https://sign.hypervisual.ch/a.pdf\""},
                        {path, json},
                        {NULL}});
}

static void
terms_are_put_up_for_acceptance(void **state)
{
    struct scene *scene = *state;
    struct error err =
        request(scene, (struct fake_reply[]){acceptance(scene, (struct edit[]){{NULL}}),
                                             TEMPLATE, CREATED, PATCHED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of_terms(scene);
    assert_string_equal(json_string_or(patch, "docuseal_submission_id", ""), "4107");
    assert_int_equal(json_object_object_length(patch), 1);
    assert_fact(scene, "signature.requested", "4107");
    assert_null(json_at(fake_last(&scene->fake, "signature.requested")->data, "quote"));
}

static void
only_a_box_that_the_client_must_tick_is_an_acceptance(void **state)
{
    struct scene *scene = *state;
    static const struct edit missing[][2] = {
        {{"fields.1.required", "false"}, {NULL}},
        {{"fields.1.type", "\"text\""}, {NULL}},
        {{"fields.1.submitter_uuid", "\"of-somebody-else\""}, {NULL}},
    };
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++) {
        struct error err = request(
            scene, (struct fake_reply[]){acceptance(scene, (struct edit[]){{NULL}}),
                                         {"GET", "/templates/29", 200,
                                          edited(scene, "template.cgv", missing[i])},
                                         END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, "no required checkbox"));
    }
    const struct fake_event *fact = fake_last(&scene->fake, "signature.failed");
    assert_string_equal(json_string_or(fact->data, "acceptance", ""), CGV);
}

static void
only_a_pending_acceptance_is_asked_for(void **state)
{
    struct scene *scene = *state;
    struct error err = request(
        scene,
        (struct fake_reply[]){
            acceptance(scene, (struct edit[]){{"data.status", "\"revoked\""}, {NULL}}),
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "skipped"));
    assert_int_equal(scene->fake.published_count, 0);
}

static void
what_is_to_be_accepted_travels_with_the_request(void **state)
{
    static const struct {
        struct edit edits[4];
        const char *hash;
    } cases[] = {
        {{{"data.cgv_version_id.content_hash", "\"" HASH "\""}, {NULL}}, HASH},
        {{{"data.cgv_version_id.content_hash", "\"" HASH "\""},
          {"data.cgv_hash", "\"" OTHER_HASH "\""},
          {NULL}},
         OTHER_HASH},
        // printf terms | sha256sum
        {{{"data.cgv_content_snapshot", "\"terms\""}, {NULL}},
         "51d2361f4faea3bc8f9facdbc7d99abb555596a2e51f7b25fd3b41c93587e616"},
        {{{NULL}}, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene_end(state);
        scene_begin(state);
        struct scene *scene = *state;
        struct error err =
            request(scene, (struct fake_reply[]){acceptance(scene, cases[i].edits),
                                                 TEMPLATE, CREATED, PATCHED, END});
        assert_int_equal(err.kind, ERROR_NONE);
        const char *hash = json_string_or(sent(scene, "POST", "/submissions"),
                                          "submitters.0.metadata.content_hash", NULL);
        if (cases[i].hash == NULL)
            assert_null(hash);
        else
            assert_string_equal(hash, cases[i].hash);
    }
}

static void
a_second_request_creates_nothing(void **state)
{
    struct scene *scene = *state;
    struct error err = request(
        scene, (struct fake_reply[]){
                   acceptance(scene,
                              (struct edit[]){
                                  {"data.docuseal_submission_id", "\"4120\""}, {NULL}}),
                   LOOK_AT(edited(scene, "get-submission.3.response",
                                  (struct edit[]){{"status", "\"pending\""}, {NULL}})),
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_fact(scene, "signature.requested", "4120");
    assert_true(json_bool_or(fake_last(&scene->fake, "signature.requested")->data,
                             "already_sent", false));
}

static void
declined_terms_are_declined(void **state)
{
    struct scene *scene = *state;
    struct error err = look_at(
        scene,
        (struct fake_reply[]){LOOK_AT(fixture(scene, "get-submission.3.response")),
                              TERMS_ROW(PENDING), PATCHED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of_terms(scene);
    assert_string_equal(json_string_or(patch, "status", ""), "declined");
    assert_null(json_at(patch, "accepted_at"));
    struct json_object *log = json_at(patch, "signature_logs.create.0");
    assert_string_equal(json_string_or(log, "status", ""), "declined");
    assert_string_equal(json_string_or(log, "decline_reason", ""),
                        "Zahlungsbedingungen nicht akzeptabel");
    assert_fact(scene, "cgv.declined", "4120");
}

static void
terms_that_nobody_signed_in_time_are_expired(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(scene, "get-submission.3.response",
                              (struct edit[]){{"status", "\"expired\""}, {NULL}});
    struct error err = look_at(
        scene, (struct fake_reply[]){LOOK_AT(text), TERMS_ROW(PENDING), PATCHED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of_terms(scene), "status", ""), "expired");
    assert_fact(scene, "cgv.expired", "4120");
    // The same again is nothing new.
    int published = scene->fake.published_count;
    err = look_at(scene, (struct fake_reply[]){LOOK_AT(text), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
}

static struct error
accept_terms(struct scene *scene, const char *text, const char *terms)
{
    return look_at(scene, (struct fake_reply[]){LOOK_AT(text),
                                                {"GET", ITEM "?*", 200, terms},
                                                EVIDENCE,
                                                NO_FORMS,
                                                PATCHED,
                                                END});
}

static void
accepted_terms_keep_their_document_and_log(void **state)
{
    struct scene *scene = *state;
    struct error err = accept_terms(
        scene, accepted(scene, NULL, NULL),
        row(PENDING ",\"cgv_version_id\":{\"content_hash\":\"" HASH "\"}"));
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of_terms(scene);
    assert_string_equal(json_string_or(patch, "status", ""), "accepted");
    assert_string_equal(json_string_or(patch, "accepted_at", ""),
                        "2026-08-15T06:18:30.650Z");
    assert_string_equal(json_string_or(patch, "cgv_hash", ""), HASH);
    assert_non_null(json_at(patch, "signed_document_file"));
    assert_null(json_at(patch, "audit_log_file")); // acceptances have no such field
    struct json_object *log = json_at(patch, "signature_logs.create.0");
    assert_string_equal(json_string_or(log, "status", ""), "completed");
    assert_string_equal(json_string_or(log, "document_hash", ""), PDF_HASH);
    assert_string_equal(json_string_or(log, "evidenced_level", ""), "ses");
    assert_non_null(json_at(log, "audit_log_file"));
    assert_fact(scene, "cgv.accepted", "4120");
}

static void
the_hash_is_of_what_was_sent_out(void **state)
{
    struct scene *scene = *state;
    static const char edited_since[] =
        row(PENDING ",\"cgv_version_id\":{\"content_hash\":\"" OTHER_HASH "\"}");
    struct error err = accept_terms(
        scene, accepted(scene, "submitters.0.metadata.content_hash", "\"" HASH "\""),
        edited_since);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of_terms(scene), "cgv_hash", ""), HASH);
    assert_true(fake_has_attention(&scene->fake, "docuseal.terms-changed"));
}

static void
without_a_known_hash_it_is_the_documents(void **state)
{
    struct scene *scene = *state;
    struct error err = accept_terms(scene, accepted(scene, NULL, NULL), row(PENDING));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(json_string_or(patch_of_terms(scene), "cgv_hash", ""),
                        PDF_HASH);
    assert_int_equal(scene->fake.attention_count, 0);
}

static void
revoked_terms_stay_revoked(void **state)
{
    struct scene *scene = *state;
    static const char revoked[] =
        row("\"status\":\"revoked\",\"docuseal_submission_id\":\"4120\"");
    struct error err = accept_terms(scene, accepted(scene, NULL, NULL), revoked);
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = patch_of_terms(scene);
    assert_null(json_at(patch, "status"));
    assert_null(json_at(patch, "accepted_at"));
    assert_non_null(json_at(patch, "signed_document_file"));
    assert_null(fake_last(&scene->fake, "cgv.accepted"));
    assert_true(fake_has_attention(&scene->fake, "docuseal.signed-late"));
}

static void
a_refusal_of_revoked_terms_says_nothing(void **state)
{
    struct scene *scene = *state;
    struct error err = look_at(
        scene,
        (struct fake_reply[]){LOOK_AT(fixture(scene, "get-submission.3.response")),
                              TERMS_ROW("\"status\":\"revoked\""), PATCHED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(json_at(patch_of_terms(scene), "status"));
    assert_null(fake_last(&scene->fake, "cgv.declined"));
}

// Declined, then put back by a person who took the submission out: a new round.
static void
terms_that_are_put_back_are_asked_for_anew(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, CGV_ROOT,
                   "{\"round\":1,\"company\":\"LEXAIA\",\"submission\":\"4120\","
                   "\"level\":\"ses\",\"status\":\"declined\"}");
    struct error err = request(
        scene, (struct fake_reply[]){acceptance(scene, (struct edit[]){{NULL}}),
                                     TEMPLATE,
                                     {"POST", "/submissions", 200,
                                      fixture(scene, "create-submission.1.response"),
                                      .sends = "\"cgv:" CGV ":r2:client\""},
                                     PATCHED,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_fact(scene, "signature.requested", "4107");
    struct json_object *round = fake_state(&scene->fake, CGV_ROOT);
    assert_int_equal(json_i64_or(round, "round", 0), 2);
    assert_string_equal(json_string_or(round, "status", ""), "pending");
}

#define FRESH(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)
#define ASKED(name) cmocka_unit_test_setup_teardown(name, asked_for, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        FRESH(terms_are_put_up_for_acceptance),
        FRESH(only_a_box_that_the_client_must_tick_is_an_acceptance),
        FRESH(only_a_pending_acceptance_is_asked_for),
        FRESH(what_is_to_be_accepted_travels_with_the_request),
        ASKED(a_second_request_creates_nothing),
        ASKED(declined_terms_are_declined),
        ASKED(terms_that_nobody_signed_in_time_are_expired),
        ASKED(accepted_terms_keep_their_document_and_log),
        ASKED(the_hash_is_of_what_was_sent_out),
        ASKED(without_a_known_hash_it_is_the_documents),
        ASKED(revoked_terms_stay_revoked),
        ASKED(a_refusal_of_revoked_terms_says_nothing),
        ASKED(terms_that_are_put_back_are_asked_for_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
