// Who is billed, as the deposit of a quote makes him a client of Invoice Ninja.
#include <string.h>

#include "workers/invoice_ninja/tests/deposit.h"

static struct error
create(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, CREATE, COMMAND, replies);
}

static struct error
first(struct scene *scene)
{
    return create(scene,
                  (struct fake_reply[]){FIRST_CALLS, MADE_INVOICE, RECORDED, END});
}

static const char *
with(struct scene *scene, const char *path, const char *json)
{
    return edited(scene, "directus.quote", (struct edit[]){{path, json}, {NULL}});
}

static void
a_client_is_found_by_its_id_number(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene,
        (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                              CONFIGS(NO_ROWS),
                              {"GET", "/api/v1/clients?id_number=*", 200,
                               fixture(scene, "find-client-by-email.1.response")},
                              MADE_INVOICE,
                              RECORDED,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_deleted_client_is_restored(void **state)
{
    struct scene *scene = *state;
    const char *deleted =
        edited(scene, "find-client-by-email.1.response",
               (struct edit[]){{"data.0.is_deleted", "true"}, {NULL}});
    struct error err = create(
        scene,
        (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                              CONFIGS(NO_ROWS),
                              {"GET", "/api/v1/clients?id_number=*", 200, deleted},
                              {"POST", "/api/v1/clients/bulk", 200, "{\"data\":[]}",
                               .sends = "\"restore\""},
                              MADE_INVOICE,
                              RECORDED,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_client_made_by_hand_is_adopted_by_its_address(void **state)
{
    struct scene *scene = *state;
    const char *by_hand = edited(scene, "find-client-by-email.1.response",
                                 (struct edit[]){{"data.0.id_number", "\"\""}, {NULL}});
    struct error err = create(
        scene,
        (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                              CONFIGS(NO_ROWS),
                              {"GET", "/api/v1/clients?id_number=*", 200, NO_ROWS},
                              {"GET", "/api/v1/clients?email=*", 200, by_hand},
                              {"PUT", "/api/v1/clients/VWPe9xdLyw", 200,
                               fixture(scene, "create-client.1.response"),
                               .sends = "{\"id_number\":\"" FIRM "\"}"},
                              MADE_INVOICE,
                              RECORDED,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
several_clients_of_one_address_are_left_alone(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene,
        (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                              CONFIGS(NO_ROWS),
                              {"GET", "/api/v1/clients?id_number=*", 200, NO_ROWS},
                              {"GET", "/api/v1/clients?email=*", 200,
                               fixture(scene, "find-client-by-email.3-many.response")},
                              MADE_CLIENT,
                              MADE_INVOICE,
                              RECORDED,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// A client of Invoice Ninja has one currency: 5513.10 euros would be billed as francs.
static void
a_client_of_another_currency_is_not_billed(void **state)
{
    struct scene *scene = *state;
    const char *quote = edited(scene, "directus.quote",
                               (struct edit[]){{"data.currency", "\"EUR\""}, {NULL}});
    struct error err = create(
        scene,
        (struct fake_reply[]){READ_QUOTE(quote),
                              CONFIGS(NO_ROWS),
                              {"GET", "/api/v1/clients?id_number=*", 200,
                               fixture(scene, "find-client-by-email.1.response")},
                              END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.text, "currency is EUR"));
    // The same by what is remembered of the client.
    err =
        create(scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "currency is EUR"));
    err = create(scene, (struct fake_reply[]){
                            READ_QUOTE(fixture(scene, "directus.quote")),
                            CONFIGS(NO_ROWS), GET_CLIENT, MADE_INVOICE, RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
an_odd_currency_is_named(void **state)
{
    struct scene *scene = *state;
    struct error err =
        create(scene, (struct fake_reply[]){
                          READ_QUOTE(with(scene, "data.currency", "\"Fr.\"")), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "currency"));
}

// Somebody was faster: the client that has the id_number now is the party's.
static void
an_id_number_that_was_taken_meanwhile_is_looked_up(void **state)
{
    struct scene *scene = *state;
    struct error err =
        create(scene, (struct fake_reply[]){
                          READ_QUOTE(fixture(scene, "directus.quote")),
                          CONFIGS(NO_ROWS),
                          NO_CLIENT,
                          {"POST", "/api/v1/clients", 422,
                           "{\"message\":\"The given data was invalid.\",\"errors\":"
                           "{\"id_number\":[\"The id number has already been "
                           "taken.\"]}}"},
                          {"GET", "/api/v1/clients?id_number=*", 200,
                           fixture(scene, "find-client-by-email.1.response")},
                          MADE_INVOICE,
                          RECORDED,
                          END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
languages_are_told_as_invoice_ninja_names_them(void **state)
{
    struct scene *scene = *state;
    static const char *const names[][2] = {
        {"\"fr-CH\"", "fr_CH"}, {"\"FR_ch\"", "fr_CH"}, {"\"de-CH\"", "de"},
        {"\"DE\"", "de"},       {"\"en\"", "en"},       {"\"Deutsch\"", ""},
        {"\"\"", ""},           {"null", ""},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        scene->fake.effect_count = 0;
        scene->fake.state_count = 0;
        const char *quote = with(scene, "data.contact_id.language", names[i][0]);
        struct error err = create(
            scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), NO_CLIENT,
                                         MADE_CLIENT, MADE_INVOICE, RECORDED, END});
        assert_int_equal(err.kind, ERROR_NONE);
        assert_string_equal(
            text_at(sent(scene, "POST", "/api/v1/clients"), "language_code"),
            names[i][1]);
    }
}

static void
the_client_is_known_the_second_time(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *other = "11111111-2222-4333-8444-555555555555";
    const char *quote =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.quote_number", "\"HV-2026-0143\""}, {NULL}});
    struct error err = deliver(
        scene, CREATE,
        job_printf(&scene->fake.keep, "{\"company\":\"HYPERVISUAL\",\"quote\":\"%s\"}",
                   other),
        (struct fake_reply[]){{"GET", "/items/quotes/*", 200, quote},
                              CONFIGS(NO_ROWS),
                              MADE_INVOICE,
                              {"PATCH", "/items/quotes/*", 200, "{\"data\":{}}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// ---- contacts

#define OTHER_QUOTE "11111111-2222-4333-8444-555555555555"

// Another quote of the same firm, whose contact differs; the calls for the client are
// `get` and `put`.
static struct error
create_other(struct scene *scene, const struct edit edits[], struct fake_reply get,
             struct fake_reply put)
{
    return deliver(
        scene, CREATE, "{\"company\":\"HYPERVISUAL\",\"quote\":\"" OTHER_QUOTE "\"}",
        (struct fake_reply[]){
            {"GET", "/items/quotes/*", 200, edited(scene, "directus.quote", edits)},
            CONFIGS(NO_ROWS),
            get,
            put,
            MADE_INVOICE,
            {"PATCH", "/items/quotes/*", 200, "{\"data\":{}}"},
            END});
}

static const char *
invited(struct scene *scene)
{
    struct json_object *list =
        json_array_or_null(sent(scene, "POST", "/api/v1/invoices"), "invitations");
    assert_int_equal(json_object_array_length(list), 1);
    return text_at(json_object_array_get_idx(list, 0), "client_contact_id");
}

static void
a_changed_address_is_told_and_no_contact_is_lost(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *written = edited(
        scene, "create-client.1.response",
        (struct edit[]){{"data.contacts.0.email", "\"m.keller@new.ch\""}, {NULL}});
    struct error err = create_other(
        scene,
        (struct edit[]){{"data.contact_id.email", "\"m.keller@new.ch\""}, {NULL}},
        (struct fake_reply)GET_CLIENT,
        (struct fake_reply){"PUT", "/api/v1/clients/VWPe9xdLyw", 200, written});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *contacts =
        json_array_or_null(sent(scene, "PUT", "/api/v1/clients/"), "contacts");
    assert_int_equal(json_object_array_length(contacts), 1);
    struct json_object *contact = json_object_array_get_idx(contacts, 0);
    assert_string_equal(text_at(contact, "id"), "kzPdyP7bQr");
    assert_string_equal(text_at(contact, "email"), "m.keller@new.ch");
    assert_true(json_bool_or(contact, "is_primary", false));
    assert_string_equal(invited(scene), "kzPdyP7bQr");
}

static void
another_person_of_the_firm_is_added_and_invited(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *written =
        edited(scene, "create-client.1.response",
               (struct edit[]){{"data.contacts.1",
                                "{\"id\":\"newcontact\",\"email\":\"urs@x.ch\","
                                "\"custom_value1\":\"directus:" OTHER_QUOTE "\"}"},
                               {NULL}});
    struct error err = create_other(
        scene,
        (struct edit[]){{"data.contact_id.id", "\"" OTHER_QUOTE "\""},
                        {"data.contact_id.email", "\"urs@x.ch\""},
                        {NULL}},
        (struct fake_reply)GET_CLIENT,
        (struct fake_reply){"PUT", "/api/v1/clients/VWPe9xdLyw", 200, written});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *contacts =
        json_array_or_null(sent(scene, "PUT", "/api/v1/clients/"), "contacts");
    assert_int_equal(json_object_array_length(contacts), 2);
    assert_string_equal(text_at(json_object_array_get_idx(contacts, 0), "id"),
                        "kzPdyP7bQr");
    assert_null(json_at(json_object_array_get_idx(contacts, 1), "id"));
    assert_string_equal(invited(scene), "newcontact");
}

static void
a_client_that_was_deleted_since_is_named(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct error err = deliver(
        scene, CREATE, "{\"company\":\"HYPERVISUAL\",\"quote\":\"" OTHER_QUOTE "\"}",
        (struct fake_reply[]){
            {"GET", "/items/quotes/*", 200,
             edited(scene, "directus.quote",
                    (struct edit[]){{"data.contact_id.phone", "\"1\""}, {NULL}})},
            CONFIGS(NO_ROWS),
            {"GET", "/api/v1/clients/VWPe9xdLyw", 400,
             fixture(scene, "error.400.1-unknown-id")},
            END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.hint, "invoice-ninja.client"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_found_by_its_id_number),
        TEST(a_deleted_client_is_restored),
        TEST(a_client_made_by_hand_is_adopted_by_its_address),
        TEST(several_clients_of_one_address_are_left_alone),
        TEST(a_client_of_another_currency_is_not_billed),
        TEST(an_odd_currency_is_named),
        TEST(an_id_number_that_was_taken_meanwhile_is_looked_up),
        TEST(languages_are_told_as_invoice_ninja_names_them),
        TEST(the_client_is_known_the_second_time),
        TEST(a_changed_address_is_told_and_no_contact_is_lost),
        TEST(another_person_of_the_firm_is_added_and_invited),
        TEST(a_client_that_was_deleted_since_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
