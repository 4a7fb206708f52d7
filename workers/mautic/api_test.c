#include "workers/mautic/api.h"

#include <stdlib.h>
#include <string.h>

#include "workers/mautic/contact.h"
#include "workers/mautic/segment.h"
#include "workers/mautic/tests/scene.h"

#define JOIN "/api/segments/4/contact/47/add"
#define TOKEN_1 "NzI5MTcyZDNiZTY0Zjk0YjEwZDhkNGUyOTQ3ZDQyMTc2MmE0ZDQ0NDYyOTdhNmI2ZTk"
#define CLIENT_SECRET "client-secret-that-nobody-may-see"

static bool
join(struct job *job, void *state)
{
    return mautic_segment_join(job, state, 4, "47");
}

static bool
create(struct job *job, void *state)
{
    struct mautic_contact contact;
    struct json_object *fields = json_object_in(job);
    json_set_string(fields, "email", EMAIL);
    json_set_string(fields, "country", "Switzerland");
    return mautic_contact_create(job, state, fields, &contact);
}

static bool
read_contact(struct job *job, void *state)
{
    struct mautic_contact contact;
    return mautic_contact_read(job, state, "47", &contact);
}

static struct error
run(struct scene *scene, bool (*what)(struct job *job, void *state),
    const struct fake_reply replies[])
{
    return fake_run(&scene->fake, what, &scene->mautic, replies);
}

static void
assert_hidden(struct scene *scene, const struct error *err, const char *secret)
{
    assert_null(strstr(err->text, secret));
    assert_null(strstr(scene->fake.shown, secret));
    assert_null(strstr(scene->fake.note, secret));
}

// What Mautic answers, and what becomes of it.
static void
each_answer_has_its_kind(void **state)
{
    struct scene *scene = *state;
    const struct {
        int status;
        const char *body;
        enum error_kind kind;
        const char *hint; // a part of it
    } cases[] = {
        {401, "", ERROR_FATAL, "MAUTIC_USERNAME"},
        {403, fixture(scene, "error.403.1-api-disabled"), ERROR_FATAL, "API on"},
        {403, fixture(scene, "segment-add.2-private.response.403"), ERROR_PERMANENT,
         "role"},
        {404, fixture(scene, "campaign-add.3-no-contact.response.404"), ERROR_RETRYABLE,
         "merged"},
        {404, fixture(scene, "error.404.1-item"), ERROR_PERMANENT, "MAUTIC_SEGMENT_"},
        {404, "{\"errors\":[{\"code\":404,\"message\":\"Element nicht gefunden.\"}]}",
         ERROR_PERMANENT, "MAUTIC_SEGMENT_"},
        {404, "{\"errors\":[{\"code\":404,\"message\":\"No route found for x\"}]}",
         ERROR_FATAL, "MAUTIC_URL"},
        {404, "<html>", ERROR_FATAL, "MAUTIC_URL"},
        {404,
         "{\"errors\":[{\"message\":\"Route /x doesn't exist.\",\"extensions\":{"
         "\"code\":\"ROUTE_NOT_FOUND\"}}]}",
         ERROR_FATAL, "MAUTIC_URL"}, // somebody else's API
        {429, fixture(scene, "error.429.1-5x-6x"), ERROR_RATE_LIMITED, NULL},
        {500, fixture(scene, "error.500.1"), ERROR_RETRYABLE, NULL},
        {500, "{\"errors\":[{\"message\":\"A max of 200 entities are supported\"}]}",
         ERROR_PERMANENT, NULL},
        {301, "", ERROR_RETRYABLE, "site_url"},
        {200, "<html>a proxy</html>", ERROR_RETRYABLE, "proxy"},
        {200, "{}", ERROR_RETRYABLE, "proxy"},
        {200, fixture(scene, "stats-error.response.200"), ERROR_PERMANENT,
         "MAUTIC_CAMPAIGN_"},
        {200, "{\"errors\":[{\"message\":\"no\",\"code\":403,\"type\":null}]}",
         ERROR_PERMANENT, "role"},
        {200, "{\"errors\":[{\"message\":\"An exception\",\"code\":0}]}",
         ERROR_RETRYABLE, NULL},
        {200, "{\"errors\":[{\"message\":\"Deadlock\",\"code\":1213}]}",
         ERROR_RETRYABLE, NULL},
        {200, "{\"errors\":[\"words alone\"]}", ERROR_RETRYABLE, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = run(
            scene, join,
            (struct fake_reply[]){{"POST", JOIN, cases[i].status, cases[i].body}, END});
        if (err.kind != cases[i].kind)
            fail_msg("%d %s became %s", cases[i].status, cases[i].body,
                     error_kind_name(err.kind));
        assert_string_equal(err.service, "mautic");
        if (cases[i].hint != NULL)
            assert_non_null(strstr(err.hint, cases[i].hint));
        assert_hidden(scene, &err, SECRET);
    }
}

// A call that must not be repeated: what may have been done is unsure.
static void
after_a_doubtful_answer_a_creation_is_unsure(void **state)
{
    struct scene *scene = *state;
    const struct {
        int status;
        const char *body;
        enum error_kind kind;
    } cases[] = {
        {500, fixture(scene, "error.500.1"), ERROR_UNSURE},
        {302, "", ERROR_UNSURE},
        {200, "<html>a proxy</html>", ERROR_UNSURE},
        {200, "{}", ERROR_UNSURE},
        {429, fixture(scene, "error.429.1-5x-6x"), ERROR_RATE_LIMITED},
        {422, fixture(scene, "contact-new.6-duplicates-exist.response.422"),
         ERROR_PERMANENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = run(
            scene, create,
            (struct fake_reply[]){
                {"POST", "/api/contacts/new", cases[i].status, cases[i].body}, END});
        if (err.kind != cases[i].kind)
            fail_msg("%d %s became %s", cases[i].status, cases[i].body,
                     error_kind_name(err.kind));
    }
}

static void
a_country_that_mautic_does_not_know_is_left_out(void **state)
{
    struct scene *scene = *state;
    struct error err = run(
        scene, create,
        (struct fake_reply[]){{"POST", "/api/contacts/new", 400,
                               fixture(scene, "contact-new.4-bad-country.response.400"),
                               .sends = "Switzerland"},
                              {"POST", "/api/contacts/new", 201,
                               fixture(scene, "contact-new.1.response.201")},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(strstr(scene->fake.calls[1].body, "Switzerland"));
}

static void
a_blank_contact_is_noticed(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, create,
            (struct fake_reply[]){
                {"POST", "/api/contacts/new", 201,
                 fixture(scene, "contact-new.7-form-encoded-json.response.201")},
                END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "Content-Type"));
}

static void
a_contact_that_is_gone_is_no_error_but_a_wrong_address_is(void **state)
{
    struct scene *scene = *state;
    struct error err = run(
        scene, read_contact,
        (struct fake_reply[]){
            {"GET", "/api/contacts/47", 404, fixture(scene, "error.404.1-item")}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = run(scene, read_contact,
              (struct fake_reply[]){
                  {"GET", "/api/contacts/47", 404,
                   "{\"errors\":[{\"code\":404,\"message\":\"No route found for x not "
                   "found.\"}]}"},
                  END});
    assert_int_equal(err.kind, ERROR_FATAL);
}

// "relais:password-that-nobody-may-see" in base64, by another program.
#define BASIC "Basic cmVsYWlzOnBhc3N3b3JkLXRoYXQtbm9ib2R5LW1heS1zZWU="

static void
without_credentials_of_its_own_a_user_and_his_password_do(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, join, (struct fake_reply[]){{"POST", JOIN, 200, OK_BODY}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, BASIC);
    assert_string_equal(scene->fake.calls[0].base_url, "https://mautic.hypervisual.ch");
}

static int
with_oauth(void **state)
{
    (void)scene_begin(state);
    fake_setting("MAUTIC_URL", "https://mautic.hypervisual.ch/api");
    fake_setting("MAUTIC_CLIENT_ID", "1_3f6c0e1b");
    fake_setting("MAUTIC_CLIENT_SECRET", CLIENT_SECRET);
    scene_reopen(*state);
    return 0;
}

#define TOKEN(answer)                                                         \
    {                                                                         \
        "POST", "/oauth/v2/token", 200, answer, .sends = "client_credentials" \
    }
#define FIRST_TOKEN TOKEN(fixture(scene, "token.1.response.200"))
#define SECOND_TOKEN TOKEN("{\"access_token\":\"second\",\"expires_in\":3600}")

static void
a_token_is_asked_for_once_and_used_for_all(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, join,
            (struct fake_reply[]){FIRST_TOKEN, {"POST", JOIN, 200, OK_BODY}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(scene->fake.calls[0].token);
    assert_non_null(strstr(scene->fake.calls[0].body, CLIENT_SECRET));
    assert_string_equal(scene->fake.calls[1].token, "Bearer " TOKEN_1);
    assert_string_equal(scene->fake.calls[1].base_url, "https://mautic.hypervisual.ch");
    err = run(scene, join, (struct fake_reply[]){{"POST", JOIN, 200, OK_BODY}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, "Bearer " TOKEN_1);
}

static void
a_token_that_is_refused_is_renewed_once(void **state)
{
    struct scene *scene = *state;
    const char *expired = fixture(scene, "error.401.4-token-expired");
    struct error err = run(scene, join,
                           (struct fake_reply[]){FIRST_TOKEN,
                                                 {"POST", JOIN, 401, expired},
                                                 SECOND_TOKEN,
                                                 {"POST", JOIN, 200, OK_BODY},
                                                 END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[3].token, "Bearer second");
    err = run(scene, join,
              (struct fake_reply[]){{"POST", JOIN, 401, expired},
                                    FIRST_TOKEN,
                                    {"POST", JOIN, 401, expired},
                                    END});
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_hidden(scene, &err, TOKEN_1);
    assert_hidden(scene, &err, CLIENT_SECRET);
}

static void
wrong_credentials_close_the_gate(void **state)
{
    static const char *const names[] = {"token.4.response.400", "token.6.response.400"};
    static const enum error_kind kinds[] = {ERROR_FATAL, ERROR_PERMANENT};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct error err =
            run(scene, join,
                (struct fake_reply[]){
                    {"POST", "/oauth/v2/token", 400, fixture(scene, names[i])}, END});
        assert_int_equal(err.kind, kinds[i]);
        assert_hidden(scene, &err, CLIENT_SECRET);
    }
}

static void
a_token_without_text_is_none(void **state)
{
    struct scene *scene = *state;
    struct error err =
        run(scene, join, (struct fake_reply[]){TOKEN("{\"access_token\":\"\"}"), END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
}

// Whatever Mautic says of its life.
static void
a_token_is_used_at_once(void **state)
{
    static const char *const lives[] = {
        "9223372036854775807", "-9223372036854775807", "0", "1", "null", "\"soon\""};
    for (size_t i = 0; i < sizeof lives / sizeof lives[0]; i++) {
        struct scene *scene = *state;
        scene_reopen(scene);
        const char *answer =
            text(scene, "{\"access_token\":\"second\",\"expires_in\":%s}", lives[i]);
        struct error err = run(
            scene, join,
            (struct fake_reply[]){TOKEN(answer), {"POST", JOIN, 200, OK_BODY}, END});
        assert_int_equal(err.kind, ERROR_NONE);
    }
}

static void
some_way_to_log_in_must_be_set(void **state)
{
    struct scene *scene = *state;
    struct error err;
    struct mautic m;
    fake_setting("MAUTIC_PASSWORD", NULL);
    memset(&m, 0, sizeof m);
    assert_true(config_load(mautic_settings, &m, &err));
    assert_false(mautic.open(&m, &err));
    assert_non_null(strstr(err.text, "MAUTIC_CLIENT_ID"));
    config_free(mautic_settings, &m);
    fake_setting("MAUTIC_PASSWORD", SECRET);
    (void)scene;
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)
#define OAUTH(test) cmocka_unit_test_setup_teardown(test, with_oauth, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(each_answer_has_its_kind),
        STAGED(after_a_doubtful_answer_a_creation_is_unsure),
        STAGED(a_country_that_mautic_does_not_know_is_left_out),
        STAGED(a_blank_contact_is_noticed),
        STAGED(a_contact_that_is_gone_is_no_error_but_a_wrong_address_is),
        STAGED(without_credentials_of_its_own_a_user_and_his_password_do),
        OAUTH(a_token_is_asked_for_once_and_used_for_all),
        OAUTH(a_token_that_is_refused_is_renewed_once),
        OAUTH(wrong_credentials_close_the_gate),
        OAUTH(a_token_without_text_is_none),
        OAUTH(a_token_is_used_at_once),
        STAGED(some_way_to_log_in_must_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
