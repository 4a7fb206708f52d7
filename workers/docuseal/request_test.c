#include <stdlib.h>
#include <string.h>

#include "workers/docuseal/tests/scene.h"

#define REQUEST "docuseal.signature.request"
#define QUOTE_COMMAND "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}"

#define READ_QUOTE                                                                \
    {                                                                             \
        "GET", "/items/quotes/" QUOTE "?*", 200, fixture(scene, "directus.quote") \
    }
#define READ_TEMPLATE                                           \
    {                                                           \
        "GET", "/templates/17", 200, fixture(scene, "template") \
    }
#define CREATED                                                                     \
    {                                                                               \
        "POST", "/submissions", 200, fixture(scene, "create-submission.1.response") \
    }
#define WRITTEN                                                            \
    {                                                                      \
        "PATCH", "/items/quotes/" QUOTE "?fields=id", 200, "{\"data\":{}}" \
    }
#define OPEN_SUBMISSION                                                              \
    {                                                                                \
        "GET", "/submissions/4107", 200, fixture(scene, "get-submission.1.response") \
    }
#define END \
    {       \
        0   \
    }

static struct error
ask_for_signature(struct scene *scene)
{
    return deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE, READ_TEMPLATE, CREATED, WRITTEN, END});
}

static void
a_sent_quote_is_put_up_for_signature(void **state)
{
    struct scene *scene = *state;
    struct error err = ask_for_signature(scene);
    assert_int_equal(err.kind, ERROR_NONE);

    struct json_object *body = sent(scene, "POST", "/submissions");
    struct json_object *people = json_array_or_null(body, "submitters");
    assert_int_equal(json_object_array_length(people), 1);
    struct json_object *client = json_object_array_get_idx(people, 0);
    assert_int_equal(json_i64_or(body, "template_id", 0), 17);
    assert_true(json_bool_or(body, "send_email", false));
    assert_string_equal(json_string_or(body, "order", ""), "preserved");
    assert_string_equal(json_string_or(body, "expire_at", ""),
                        "2999-07-11T22:00:00.000Z");
    assert_string_equal(json_string_or(client, "external_id", ""),
                        QUOTE_ROUND1 ":client");
    assert_string_equal(json_string_or(client, "role", ""), "Client");
    assert_string_equal(json_string_or(client, "name", ""), "Martina Keller");
    assert_string_equal(json_string_or(client, "metadata.company", ""), "HYPERVISUAL");
    assert_string_equal(json_string_or(client, "metadata.quote_id", ""), QUOTE);
    assert_string_equal(json_string_or(client, "metadata.quote_number", ""),
                        "HV-2026-0142");
    assert_true(scene->fake.calls[2].once);
    assert_string_equal(scene->fake.calls[2].token, API_KEY);
}

static void
only_fields_that_the_template_gives_the_client_are_filled(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    struct json_object *people =
        json_array_or_null(sent(scene, "POST", "/submissions"), "submitters");
    struct json_object *fields =
        json_array_or_null(json_object_array_get_idx(people, 0), "fields");
    assert_int_equal(json_object_array_length(fields), 2);
    struct json_object *first = json_object_array_get_idx(fields, 0);
    struct json_object *second = json_object_array_get_idx(fields, 1);
    assert_string_equal(json_string_or(first, "name", ""), "quote_number");
    assert_string_equal(json_string_or(first, "default_value", ""), "HV-2026-0142");
    assert_true(json_bool_or(first, "readonly", false));
    assert_string_equal(json_string_or(second, "name", ""), "total");
    assert_string_equal(json_string_or(second, "default_value", ""), "18377.00");
}

static void
directus_hears_of_the_submission_in_one_write(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    struct json_object *patch = sent(scene, "PATCH", "/items/quotes/");
    assert_string_equal(json_string_or(patch, "docuseal_submission_id", ""), "4107");
    assert_string_equal(json_string_or(patch, "signature_status", ""), "pending");
    assert_string_equal(json_string_or(patch, "signature_level", ""), "ses");
    assert_string_equal(json_string_or(patch, "docuseal_embed_url", ""),
                        "https://sign.hypervisual.ch/s/" EMBED_SLUG);
    assert_non_null(json_at(patch, "signature_requested_at"));
    assert_null(json_at(patch, "status"));
    assert_int_equal(json_object_object_length(patch), 5);
}

static void
the_request_leaves_a_fact_a_reference_and_a_round(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "signature.requested");
    assert_non_null(fact);
    assert_string_equal(fact->topic, "journey.facts");
    assert_string_equal(fact->key, QUOTE_ROOT);
    assert_string_equal(json_string_or(fact->data, "company", ""), "HYPERVISUAL");
    assert_string_equal(json_string_or(fact->data, "quote", ""), QUOTE);
    assert_string_equal(json_string_or(fact->data, "submission", ""), "4107");
    assert_false(json_bool_or(fact->data, "already_sent", true));

    assert_int_equal(scene->fake.ref_count, 1);
    assert_string_equal(scene->fake.refs[0].collection, "quotes");
    assert_string_equal(scene->fake.refs[0].local_id, QUOTE);
    assert_string_equal(scene->fake.refs[0].remote_id, "4107");
    assert_string_equal(scene->fake.refs[0].lane_key, QUOTE_ROOT);

    struct json_object *round = fake_state(&scene->fake, QUOTE_ROOT);
    assert_int_equal(json_i64_or(round, "round", 0), 1);
    assert_string_equal(json_string_or(round, "submission", ""), "4107");
    assert_string_equal(json_string_or(round, "status", ""), "pending");
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_CONFIRMED);
}

static void
links_and_keys_stay_secret(void **state)
{
    struct scene *scene = *state;
    struct error err = ask_for_signature(scene);
    assert_secret(scene, &err, EMBED_SLUG);
    assert_secret(scene, &err, API_KEY);
    err = deliver(scene, REQUEST, QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE, OPEN_SUBMISSION, END});
    assert_secret(scene, &err, EMBED_SLUG);
}

static void
a_second_request_creates_nothing(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    struct error err = deliver(scene, REQUEST, QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE, OPEN_SUBMISSION, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "signature.requested");
    assert_true(json_bool_or(fact->data, "already_sent", false));
    assert_string_equal(json_string_or(fact->data, "submission", ""), "4107");
    assert_string_equal(fact->id, scene->fake.published[0].id);
}

static void
a_submission_from_before_the_ledger_is_used(void **state)
{
    struct scene *scene = *state;
    const char *row =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.docuseal_submission_id", "\"4107\""},
                               {"data.signature_status", "\"viewed\""},
                               {NULL}});
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", QUOTE_ROUND1,
                                          "{\"submission\":\"4107\"}",
                                          LEDGER_EFFECT_CONFIRMED, 1, 0});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    {"GET", "/items/quotes/*", 200, row}, OPEN_SUBMISSION, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *round = fake_state(&scene->fake, QUOTE_ROOT);
    assert_string_equal(json_string_or(round, "status", ""), "viewed");
    assert_true(json_bool_or(fake_last(&scene->fake, "signature.requested")->data,
                             "already_sent", false));
}

static void
a_quote_that_is_not_sent_is_skipped(void **state)
{
    struct scene *scene = *state;
    const char *row = edited(scene, "directus.quote",
                             (struct edit[]){{"data.status", "\"draft\""}, {NULL}});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){{"GET", "/items/quotes/*", 200, row}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note,
                        "skipped: the quote is draft, not sent or viewed");
    assert_int_equal(scene->fake.published_count, 0);
    assert_int_equal(scene->fake.state_count, 0);
}

static void
the_company_signs_after_the_client(void **state)
{
    struct scene *scene = *state;
    const char *command = "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE
                          "\",\"require_company_signature\":true}";
    struct error err = deliver(
        scene, REQUEST, command,
        (struct fake_reply[]){READ_QUOTE, READ_TEMPLATE, CREATED, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *people =
        json_array_or_null(sent(scene, "POST", "/submissions"), "submitters");
    assert_int_equal(json_object_array_length(people), 2);
    struct json_object *company = json_object_array_get_idx(people, 1);
    assert_string_equal(json_string_or(company, "external_id", ""),
                        QUOTE_ROUND1 ":company");
    assert_string_equal(json_string_or(company, "role", ""), "Company");
    assert_string_equal(json_string_or(company, "email", ""),
                        "claire.monnier@hypervisual.ch");
    assert_string_equal(json_string_or(company, "name", ""), "Claire Monnier");
    struct json_object *fields = json_array_or_null(company, "fields");
    assert_string_equal(
        json_string_or(json_object_array_get_idx(fields, 0), "default_value", ""),
        "Website");
}

static void
both_vocabularies_of_levels_are_read(void **state)
{
    static const struct {
        const char *text;
        enum docuseal_level level;
    } words[] = {
        {"simple", DOCUSEAL_SES}, {"SES", DOCUSEAL_SES},
        {"ses", DOCUSEAL_SES},    {"advanced", DOCUSEAL_AES},
        {"AES", DOCUSEAL_AES},    {"Advanced", DOCUSEAL_AES},
        {"QES", DOCUSEAL_QES},    {"qualified", DOCUSEAL_QES},
    };
    (void)state;
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        enum docuseal_level level = DOCUSEAL_SES;
        assert_true(docuseal_level_read(words[i].text, &level));
        assert_int_equal(level, words[i].level);
    }
}

// What is left behind by a request refused before anything was asked for.
static void
assert_refused(struct scene *scene, const struct error *err, const char *words)
{
    assert_int_equal(err->kind, ERROR_PERMANENT);
    if (strstr(err->text, words) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->text, words);
    assert_null(scene->fake.dead_problem);
    const struct fake_event *fact = fake_last(&scene->fake, "signature.failed");
    assert_non_null(fact);
    assert_string_equal(json_string_or(fact->data, "quote", ""), QUOTE);
    assert_string_equal(json_string_or(fact->data, "company", ""), "HYPERVISUAL");
    assert_string_equal(json_string_or(fact->data, "error", ""), err->text);
    assert_string_equal(
        json_string_or(sent(scene, "PATCH", "/items/quotes/"), "signature_status", ""),
        "failed");
    assert_null(fake_last(&scene->fake, "signature.requested"));
}

static void
an_unknown_level_is_refused(void **state)
{
    static const struct {
        const char *level, *shown;
    } cases[] = {{"\"gold\"", "not \"gold\""}, {"5", "not \"5\""}};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *command = job_printf(
            &scene->fake.keep,
            "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\",\"level\":%s}",
            cases[i].level);
        struct error err =
            deliver(scene, REQUEST, command, (struct fake_reply[]){WRITTEN, END});
        assert_refused(scene, &err, cases[i].shown);
    }
}

static void
a_level_above_the_capability_is_never_downgraded(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, REQUEST,
                               "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE
                               "\",\"level\":\"qualified\"}",
                               (struct fake_reply[]){WRITTEN, END});
    assert_refused(scene, &err, "signature_level_unsupported");
    assert_non_null(err.hint);
}

static void
a_higher_level_needs_a_template_of_its_own(void **state)
{
    struct scene *scene = *state;
    fake_setting("DOCUSEAL_CAPABILITY", "qes");
    scene_reopen(scene);
    struct error err = deliver(scene, REQUEST,
                               "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE
                               "\",\"level\":\"advanced\"}",
                               (struct fake_reply[]){READ_QUOTE, WRITTEN, END});
    fake_setting("DOCUSEAL_CAPABILITY", NULL);
    assert_refused(scene, &err, "DOCUSEAL_TEMPLATE_QUOTE_AES");
}

static void
the_companys_own_template_comes_first(void **state)
{
    struct scene *scene = *state;
    fake_setting("DOCUSEAL_TEMPLATE_QUOTE_HYPERVISUAL", "quote-de");
    struct error err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE,
                              {"GET", "/templates?external_id=quote-de&limit=1", 200,
                               job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                                          fixture(scene, "template"))},
                              CREATED,
                              WRITTEN,
                              END});
    fake_setting("DOCUSEAL_TEMPLATE_QUOTE_HYPERVISUAL", NULL);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(json_i64_or(sent(scene, "POST", "/submissions"), "template_id", 0),
                     17);
}

static void
a_contact_without_an_address_is_refused(void **state)
{
    struct scene *scene = *state;
    const char *row =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.contact_id.email", "null"}, {NULL}});
    struct error err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){{"GET", "/items/quotes/*", 200, row}, WRITTEN, END});
    assert_refused(scene, &err, "no e-mail address");
    assert_non_null(err.hint);
}

static void
blanks_around_an_address_are_left_out(void **state)
{
    struct scene *scene = *state;
    const char *row = edited(
        scene, "directus.quote",
        (struct edit[]){{"data.contact_id.email", "\" m.keller@alpenblick.ch \\r\\n\""},
                        {NULL}});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){{"GET", "/items/quotes/*", 200, row},
                                      READ_TEMPLATE,
                                      CREATED,
                                      WRITTEN,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(sent(scene, "POST", "/submissions"), "submitters.0.email", ""),
        "m.keller@alpenblick.ch");
}

static void
a_quote_out_of_date_is_refused(void **state)
{
    struct scene *scene = *state;
    const char *row =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.valid_until", "\"2020-01-31\""}, {NULL}});
    struct error err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){{"GET", "/items/quotes/*", 200, row}, WRITTEN, END});
    assert_refused(scene, &err, "valid until 2020-01-31");
}

static void
a_role_the_template_lacks_is_refused(void **state)
{
    struct scene *scene = *state;
    const char *template = edited(
        scene, "template", (struct edit[]){{"submitters.0.name", "\"Kunde\""}, {NULL}});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE, {"GET", "/templates/17", 200, template}, WRITTEN, END});
    assert_refused(scene, &err, "no role \"Client\"");
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_OPEN);
}

static void
a_refusal_for_good_has_docuseals_words(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, REQUEST, QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE,
                                                     READ_TEMPLATE,
                                                     {"POST", "/submissions", 422,
                                                      fixture(scene, "error.422.1")},
                                                     WRITTEN,
                                                     END});
    assert_refused(scene, &err, "email is invalid in `submitters[0]`");
    assert_int_equal(err.http_status, 422);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_OPEN);

    // The data is mended, the dead letter replayed.
    err = ask_for_signature(scene);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "status", ""), "pending");
}

static void
a_refusal_does_not_hide_a_live_submission(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    struct error err = deliver(scene, REQUEST,
                               "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE
                               "\",\"level\":\"qes\"}",
                               (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(fake_last(&scene->fake, "signature.failed"));
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "status", ""), "pending");
}

static void
a_bad_key_stops_the_gate_and_names_the_setting(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, REQUEST, QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE,
                                                     {"GET", "/templates/17", 401,
                                                      fixture(scene, "error.401.1")},
                                                     END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_non_null(strstr(err.hint, "DOCUSEAL_API_KEY"));
    assert_secret(scene, &err, API_KEY);
    assert_null(fake_last(&scene->fake, "signature.failed"));
}

static void
too_many_requests_are_waited_out(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE,
                    READ_TEMPLATE,
                    {"POST", "/submissions", 429, fixture(scene, "error.429.1"), 30000},
                    END});
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 30000);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_OPEN);
}

static struct error
ask_and_be_cut(struct scene *scene)
{
    return deliver(scene, REQUEST, QUOTE_COMMAND,
                   (struct fake_reply[]){
                       READ_QUOTE,
                       READ_TEMPLATE,
                       {.method = "POST", .url = "/submissions", .cut = ERROR_UNSURE},
                       END});
}

static void
what_a_cut_request_made_is_adopted(void **state)
{
    struct scene *scene = *state;
    struct error err = ask_and_be_cut(scene);
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_null(fake_last(&scene->fake, "signature.failed"));

    err =
        deliver(scene, REQUEST, QUOTE_COMMAND, (struct fake_reply[]){READ_QUOTE, END});
    assert_int_equal(err.kind, ERROR_UNSURE); // it may still be under way
    scene->fake.now_ms += 60000;
    err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){
            READ_QUOTE,
            {"GET", "/submitters?external_id=quote%3A" QUOTE "%3Ar1%3Aclient&limit=100",
             200, fixture(scene, "list-submitters-by-external-id.1.response")},
            OPEN_SUBMISSION,
            OPEN_SUBMISSION,
            WRITTEN,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = sent(scene, "PATCH", "/items/quotes/");
    assert_string_equal(json_string_or(patch, "docuseal_submission_id", ""), "4107");
    assert_string_equal(json_string_or(patch, "docuseal_embed_url", ""),
                        "https://sign.hypervisual.ch/s/" EMBED_SLUG);
    assert_false(json_bool_or(fake_last(&scene->fake, "signature.requested")->data,
                              "already_sent", true));
}

static const char *
submission(struct scene *scene, const char *id, const char *status)
{
    return edited(scene, "get-submission.1.response",
                  (struct edit[]){{"id", id}, {"status", status}, {NULL}});
}

static void
the_surplus_of_a_cut_is_withdrawn(void **state)
{
    struct scene *scene = *state;
    (void)ask_and_be_cut(scene);
    scene->fake.now_ms += 60000;
    const char *two =
        edited(scene, "list-submitters-by-external-id.4-duplicate.response",
               (struct edit[]){{"data.0.submission_id", "4108"}, {NULL}});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE,
                                      {"GET", "/submitters?*", 200, two},
                                      {"GET", "/submissions/4108", 200,
                                       submission(scene, "4108", "\"pending\"")},
                                      OPEN_SUBMISSION,
                                      {"DELETE", "/submissions/4108", 200,
                                       fixture(scene, "archive-submission.1.response")},
                                      OPEN_SUBMISSION,
                                      WRITTEN,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "submission", ""), "4107");
}

static void
of_two_the_completed_one_is_kept(void **state)
{
    struct scene *scene = *state;
    (void)ask_and_be_cut(scene);
    scene->fake.now_ms += 60000;
    const char *two =
        edited(scene, "list-submitters-by-external-id.4-duplicate.response",
               (struct edit[]){{"data.0.submission_id", "4108"}, {NULL}});
    const char *completed = submission(scene, "4108", "\"completed\"");
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE,
                                      {"GET", "/submitters?*", 200, two},
                                      {"GET", "/submissions/4108", 200, completed},
                                      OPEN_SUBMISSION,
                                      {"DELETE", "/submissions/4107", 200,
                                       fixture(scene, "archive-submission.1.response")},
                                      {"GET", "/submissions/4108", 200, completed},
                                      WRITTEN,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "submission", ""), "4108");
}

#define INVITATION "4107:8841:invitation"
#define FOUND_AGAIN                                                     \
    {                                                                   \
        "GET", "/submitters?*", 200,                                    \
            fixture(scene, "list-submitters-by-external-id.1.response") \
    }
#define UNMAILED                                         \
    {                                                    \
        "GET", "/submissions/4107", 200, unmailed(scene) \
    }

// The submission as long as DocuSeal has mailed nobody.
static const char *
unmailed(struct scene *scene)
{
    return edited(scene, "get-submission.1.response",
                  (struct edit[]){{"submission_events", "[]"},
                                  {"submitters.0.status", "\"sent\""},
                                  {"submitters.0.opened_at", "null"},
                                  {NULL}});
}

static void
a_lost_invitation_is_sent_when_a_cut_request_is_adopted(void **state)
{
    struct scene *scene = *state;
    (void)ask_and_be_cut(scene);
    scene->fake.now_ms += 60000;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE,
                                      FOUND_AGAIN,
                                      UNMAILED,
                                      UNMAILED,
                                      {"PUT", "/submitters/8841", 200, "{\"id\":8841}",
                                       .sends = "send_email"},
                                      WRITTEN,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, INVITATION)->state,
                     LEDGER_EFFECT_CONFIRMED);
}

// The request was cut and its mail lost; so was the call that sends the invitation.
static void
invite_and_be_cut(struct scene *scene)
{
    (void)ask_and_be_cut(scene);
    scene->fake.now_ms += 60000;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE,
                    FOUND_AGAIN,
                    UNMAILED,
                    UNMAILED,
                    {.method = "PUT", .url = "/submitters/8841", .cut = ERROR_UNSURE},
                    END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_true(err.retry_after_ms > 0);
}

static void
an_invitation_that_may_have_gone_out_is_flagged_and_not_repeated(void **state)
{
    struct scene *scene = *state;
    invite_and_be_cut(scene);
    struct error err = deliver(scene, REQUEST, QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE, UNMAILED, END});
    assert_int_equal(err.kind, ERROR_UNSURE); // it may still be under way
    scene->fake.now_ms += 60000;
    err = deliver(scene, REQUEST, QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE, UNMAILED, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "effect.unsure"));
    assert_int_equal(fake_effect(&scene->fake, INVITATION)->state,
                     LEDGER_EFFECT_FLAGGED);
    assert_non_null(fake_last(&scene->fake, "signature.requested"));
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "submission", ""), "4107");
}

static void
an_invitation_that_is_on_record_after_all_is_nobodys_matter(void **state)
{
    struct scene *scene = *state;
    invite_and_be_cut(scene);
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE, OPEN_SUBMISSION, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "effect.unsure"));
    assert_int_equal(fake_effect(&scene->fake, INVITATION)->state,
                     LEDGER_EFFECT_CONFIRMED);
}

// The client was faster than whoever came back.
static void
an_invitation_to_who_has_signed_is_nobodys_matter(void **state)
{
    struct scene *scene = *state;
    invite_and_be_cut(scene);
    const char *signed_one =
        edited(scene, "get-submission.1.response",
               (struct edit[]){
                   {"status", "\"completed\""}, {"submission_events", "[]"}, {NULL}});
    struct error err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){
            READ_QUOTE, {"GET", "/submissions/4107", 200, signed_one}, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "effect.unsure"));
    assert_int_equal(fake_effect(&scene->fake, INVITATION)->state,
                     LEDGER_EFFECT_CONFIRMED);
}

// DocuSeal writes its mails down some time after it has answered.
static void
who_was_answered_is_not_mailed_again_for_what_failed_afterwards(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, REQUEST, QUOTE_COMMAND,
        (struct fake_reply[]){
            READ_QUOTE,
            READ_TEMPLATE,
            CREATED,
            {.method = "PATCH", .url = "/items/quotes/*", .cut = ERROR_RETRYABLE},
            END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = deliver(scene, REQUEST, QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE, UNMAILED, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_cut_that_made_nothing_is_repeated_and_looked_up_once_more(void **state)
{
    struct scene *scene = *state;
    (void)ask_and_be_cut(scene);
    scene->fake.now_ms += 60000;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE,
                    {"GET", "/submitters?*", 200,
                     fixture(scene, "list-submitters-by-external-id.3.response")},
                    READ_TEMPLATE,
                    CREATED,
                    {"GET", "/submitters?*", 200,
                     fixture(scene, "list-submitters-by-external-id.1.response")},
                    OPEN_SUBMISSION,
                    WRITTEN,
                    END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_request_that_never_left_is_made_again(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE,
                    READ_TEMPLATE,
                    {.method = "POST", .url = "/submissions", .cut = ERROR_RETRYABLE},
                    END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
}

static void
a_server_error_on_create_is_unsure(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, REQUEST, QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE,
                                                     READ_TEMPLATE,
                                                     {"POST", "/submissions", 500,
                                                      fixture(scene, "error.500.1")},
                                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROUND1)->state,
                     LEDGER_EFFECT_UNSURE);
}

static void
a_redirect_is_looked_into_and_tried_again(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE, READ_TEMPLATE, {"POST", "/submissions", 302, ""}, END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    err = deliver(scene, REQUEST, QUOTE_COMMAND,
                  (struct fake_reply[]){{"GET", "/items/quotes/*", 302, ""}, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
}

static void
directus_away_after_the_work_repeats_no_work(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE,
                                      READ_TEMPLATE,
                                      CREATED,
                                      {"PATCH", "/items/quotes/*", 500, "{}"},
                                      END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = deliver(scene, REQUEST, QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE, OPEN_SUBMISSION, WRITTEN, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "signature.requested"), 1);
    assert_false(json_bool_or(fake_last(&scene->fake, "signature.requested")->data,
                              "already_sent", true));
}

static void
a_submission_archived_unheard_begins_a_new_round(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(ask_for_signature(scene).kind, ERROR_NONE);
    const char *archived = edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"archived_at", "\"2026-08-13T09:14:06.123Z\""}, {NULL}});
    const char *next =
        edited(scene, "create-submission.1.response",
               (struct edit[]){{"1", "-"}, {"0.submission_id", "4200"}, {NULL}});
    struct error err =
        deliver(scene, REQUEST, QUOTE_COMMAND,
                (struct fake_reply[]){
                    READ_QUOTE,
                    {"GET", "/submissions/4107", 200, archived},
                    READ_TEMPLATE,
                    {"POST", "/submissions", 200, next, .sends = ":r2:client"},
                    WRITTEN,
                    END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *round = fake_state(&scene->fake, QUOTE_ROOT);
    assert_int_equal(json_i64_or(round, "round", 0), 2);
    assert_string_equal(json_string_or(round, "submission", ""), "4200");
    assert_string_equal(
        json_string_or(fake_last(&scene->fake, "signature.cancelled")->data,
                       "submission", ""),
        "4107");
    assert_false(json_bool_or(fake_last(&scene->fake, "signature.requested")->data,
                              "already_sent", true));
}

static void
a_request_in_a_foreign_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(&scene->fake, REQUEST, "elsewhere", QUOTE_COMMAND,
                                    (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, REQUEST)->key, QUOTE_ROOT);
    assert_non_null(fake_last(&scene->fake, REQUEST)->original_id);
}

static void
a_payload_without_a_quote_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(scene, REQUEST, "{\"company\":\"HYPERVISUAL\"}",
                               (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    err =
        deliver(scene, REQUEST, "{\"quote\":\"../users\"}", (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "quote must be a uuid"));
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_sent_quote_is_put_up_for_signature),
        STORY(only_fields_that_the_template_gives_the_client_are_filled),
        STORY(directus_hears_of_the_submission_in_one_write),
        STORY(the_request_leaves_a_fact_a_reference_and_a_round),
        STORY(links_and_keys_stay_secret),
        STORY(a_second_request_creates_nothing),
        STORY(a_submission_from_before_the_ledger_is_used),
        STORY(a_quote_that_is_not_sent_is_skipped),
        STORY(the_company_signs_after_the_client),
        STORY(both_vocabularies_of_levels_are_read),
        STORY(an_unknown_level_is_refused),
        STORY(a_level_above_the_capability_is_never_downgraded),
        STORY(a_higher_level_needs_a_template_of_its_own),
        STORY(the_companys_own_template_comes_first),
        STORY(a_contact_without_an_address_is_refused),
        STORY(a_quote_out_of_date_is_refused),
        STORY(blanks_around_an_address_are_left_out),
        STORY(a_role_the_template_lacks_is_refused),
        STORY(a_refusal_for_good_has_docuseals_words),
        STORY(a_refusal_does_not_hide_a_live_submission),
        STORY(a_bad_key_stops_the_gate_and_names_the_setting),
        STORY(too_many_requests_are_waited_out),
        STORY(what_a_cut_request_made_is_adopted),
        STORY(the_surplus_of_a_cut_is_withdrawn),
        STORY(of_two_the_completed_one_is_kept),
        STORY(a_lost_invitation_is_sent_when_a_cut_request_is_adopted),
        STORY(an_invitation_that_may_have_gone_out_is_flagged_and_not_repeated),
        STORY(an_invitation_that_is_on_record_after_all_is_nobodys_matter),
        STORY(an_invitation_to_who_has_signed_is_nobodys_matter),
        STORY(who_was_answered_is_not_mailed_again_for_what_failed_afterwards),
        STORY(a_cut_that_made_nothing_is_repeated_and_looked_up_once_more),
        STORY(a_request_that_never_left_is_made_again),
        STORY(a_server_error_on_create_is_unsure),
        STORY(a_redirect_is_looked_into_and_tried_again),
        STORY(directus_away_after_the_work_repeats_no_work),
        STORY(a_submission_archived_unheard_begins_a_new_round),
        STORY(a_request_in_a_foreign_lane_is_sent_on),
        STORY(a_payload_without_a_quote_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
