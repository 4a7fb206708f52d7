// Which contact a person is: found, made, renamed, merged, gone.
#include <stdlib.h>
#include <string.h>

#include "workers/mautic/tests/scene.h"

#define SYNC "mautic.contact.sync"
#define COMMAND "{\"company\":\"HYPERVISUAL\",\"contact\":\"" CONTACT "\"}"
#define READ_ROW(changes)                                   \
    {                                                       \
        "GET", "/items/people/" CONTACT "?*", 200,          \
            .body = data(scene, person_row(scene, changes)) \
    }
#define KNOWN READ_ROW("\"mautic_contact_id\":\"47\"")
#define GONE                                                                       \
    {                                                                              \
        "GET", "/api/contacts/47", 404, .body = fixture(scene, "error.404.1-item") \
    }
#define EDITED(id)                                      \
    {                                                   \
        "PATCH", "/api/contacts/" #id "/edit", 200,     \
            .body = contact_answer(scene, id, EMAIL, 0) \
    }
#define FOUND(id)              \
    LOOKED_UP(contacts_answer( \
        scene, text(scene, "\"%d\":%s", id, contact_json(scene, id, EMAIL, 0))))

static struct error
sync(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, SYNC, COMMAND, replies);
}

static const char *
kept_contact(struct scene *scene)
{
    return json_string_or(fake_state(&scene->fake, PERSON), "contact", "");
}

static void
a_contact_that_mautic_has_is_told_and_not_made_again(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){
                        READ_ROW(""),
                        LOOKED_UP(fixture(scene, "contact-search.1-one.response.200")),
                        EDITED(47), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "PATCH", "/api/contacts/47/edit");
    assert_null(json_at(body, "email")); // refused where two contacts have it
    assert_false(json_bool_or(body, "overwriteWithBlank", true)); // it may know more
    assert_string_equal(json_string_or(body, "lastname", ""), "Keller");
}

// People may write anything into the row: it is no path of Mautic's.
static void
what_is_no_number_of_a_contact_is_not_asked_for(void **state)
{
    static const char *const wrong[] = {"../1", "0", "-47", "47 ",
                                        "abc",  "",  "4e1", "99999999999999999999"};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        fake_set_state(&scene->fake, PERSON, "{}");
        struct error err = sync(
            scene, (struct fake_reply[]){
                       READ_ROW(text(scene, "\"mautic_contact_id\":\"%s\"", wrong[i])),
                       FOUND(47), EDITED(47), PERSON_TOLD, END});
        assert_int_equal(err.kind, ERROR_NONE);
    }
}

static void
a_contact_whose_address_only_begins_the_same_is_somebody_else(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){
                        READ_ROW(""),
                        LOOKED_UP(contacts_answer(
                            scene, text(scene, "\"88\":%s",
                                        contact_json(scene, 88, EMAIL ".example", 0)))),
                        END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "accents"));
}

// The contact was made, Directus was away, and then the address was corrected there.
static void
an_address_corrected_before_the_row_was_told_leaves_no_second_contact(void **state)
{
    struct scene *scene = *state;
    const char *address = "m.keller@alpenblick-immo.ch";
    const struct fake_reply away = {"PATCH", "/items/people/" CONTACT "?fields=id", 503,
                                    "{}"};
    const struct fake_reply corrected =
        READ_ROW(text(scene, "\"email\":\"%s\"", address));
    const struct fake_reply follows = {"PATCH", "/api/contacts/47/edit", 200,
                                       .body = contact_answer(scene, 47, address, 0),
                                       .sends = "m.keller@"};
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(""), NOBODY, MADE, away, END});
    assert_int_not_equal(err.kind, ERROR_NONE);
    err = sync(scene, (struct fake_reply[]){corrected, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = fake_deliver(&scene->fake, SYNC, fake_last(&scene->fake, SYNC)->key, COMMAND,
                       (struct fake_reply[]){corrected, MARTINA, NOBODY, PEOPLE(""),
                                             follows, PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(sent(scene, "PATCH", "/items/people/"), "mautic_contact_id", ""),
        "47");
    assert_null(
        json_at(fake_state(&scene->fake, "mautic-made:contact:" CONTACT), "contact"));
}

static void
a_field_that_nobody_made_in_mautic_is_told_of(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(""), NOBODY, MADE, PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "mautic.field-missing"));
    err = sync(scene, (struct fake_reply[]){READ_ROW("\"phone\":\"1\""), MARTINA,
                                            EDITED(47), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "mautic.field-missing"));
}

static void
the_second_sync_of_the_same_words_writes_nothing(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(scene, (struct fake_reply[]){KNOWN, MARTINA, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
what_changed_in_directus_is_written_once(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply row =
        READ_ROW("\"mautic_contact_id\":\"47\",\"phone\":null");
    struct error err =
        sync(scene, (struct fake_reply[]){row, MARTINA, EDITED(47), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "PATCH", "/api/contacts/47/edit");
    assert_string_equal(json_string_or(body, "phone", "?"), ""); // erased there too
    assert_true(json_bool_or(body, "overwriteWithBlank", false));
    err = sync(scene, (struct fake_reply[]){row, MARTINA, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_merged_contact_goes_on_under_the_winners_number(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene,
        (struct fake_reply[]){KNOWN, READ_CONTACT(contact_answer(scene, 31, EMAIL, 0)),
                              EDITED(31), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(sent(scene, "PATCH", "/items/people/"), "mautic_contact_id", ""),
        "31");
    assert_string_equal(kept_contact(scene), "31");
}

static void
a_deleted_contact_is_made_anew(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){KNOWN,
                                          GONE,
                                          NOBODY,
                                          {"POST", "/api/contacts/new", 201,
                                           .body = contact_answer(scene, 60, EMAIL, 0)},
                                          PERSON_TOLD,
                                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_contact(scene), "60");
    assert_non_null(fake_effect(&scene->fake, PERSON ":c2"));
}

// Mautic answers in the language of the user that the API is.
static void
a_contact_that_is_gone_in_german_is_gone(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply gone = {
        "GET", "/api/contacts/47", 404,
        .body = "{\"errors\":[{\"code\":404,\"message\":\"Element nicht gefunden.\","
                "\"details\":[],\"type\":null}]}"};
    struct error err = sync(scene, (struct fake_reply[]){KNOWN, gone, FOUND(31),
                                                         EDITED(31), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_deleted_contact_whose_address_another_has_is_that_one(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(scene, (struct fake_reply[]){KNOWN, GONE, FOUND(31),
                                                         EDITED(31), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_contact(scene), "31");
}

#define NEW_EMAIL "m.keller@alpenblick-immo.ch"
#define NEW_LANE \
    "person:9be363591a0809b491d062dcb17ea4315d2cee887cdeeb19c5ebbbe8c67d81e4"

static struct error
sync_renamed(struct scene *scene, const struct fake_reply replies[])
{
    return fake_deliver(&scene->fake, SYNC, NEW_LANE, COMMAND, replies);
}

#define RENAMED READ_ROW("\"mautic_contact_id\":\"47\",\"email\":\"" NEW_EMAIL "\"")

static void
a_changed_address_goes_to_the_contact_that_had_the_old_one(void **state)
{
    struct scene *scene = *state;
    struct error err = sync_renamed(
        scene, (struct fake_reply[]){RENAMED,
                                     MARTINA,
                                     NOBODY,
                                     PEOPLE(""),
                                     {"PATCH", "/api/contacts/47/edit", 200,
                                      .body = contact_answer(scene, 47, NEW_EMAIL, 0),
                                      .sends = "\"email\":\"" NEW_EMAIL "\""},
                                     PERSON_TOLD,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_string_or(fake_state(&scene->fake, NEW_LANE), "contact", ""), "47");
}

static void
who_shared_an_address_gets_a_contact_of_his_own_with_the_new_one(void **state)
{
    struct scene *scene = *state;
    struct error err = sync_renamed(
        scene, (struct fake_reply[]){
                   RENAMED,
                   MARTINA,
                   NOBODY,
                   PEOPLE("{\"id\":\"" OTHER_CONTACT "\",\"email\":\"" EMAIL "\"}"),
                   {"POST", "/api/contacts/new", 201,
                    .body = contact_answer(scene, 61, NEW_EMAIL, 0)},
                   PERSON_TOLD,
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
who_takes_an_address_that_has_a_contact_is_that_one(void **state)
{
    struct scene *scene = *state;
    struct error err = sync_renamed(
        scene,
        (struct fake_reply[]){RENAMED,
                              MARTINA,
                              LOOKED_UP(contacts_answer(
                                  scene, text(scene, "\"31\":%s",
                                              contact_json(scene, 31, NEW_EMAIL, 0)))),
                              {"PATCH", "/api/contacts/31/edit", 200,
                               .body = contact_answer(scene, 31, NEW_EMAIL, 0)},
                              PERSON_TOLD,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
of_two_contacts_with_one_address_the_oldest_is_used(void **state)
{
    struct scene *scene = *state;
    const char *both =
        text(scene, "\"60\":%s,\"47\":%s", contact_json(scene, 60, EMAIL, 0),
             contact_json(scene, 47, EMAIL, 0));
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(""),
                                          LOOKED_UP(contacts_answer(scene, both)),
                                          EDITED(47), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "mautic.duplicate"));
}

static void
an_address_with_an_apostrophe_is_searched_for(void **state)
{
    struct scene *scene = *state;
    const char *email = "o'brien@alpenblick-immo.ch";
    struct error err = fake_deliver(
        &scene->fake, SYNC,
        "person:0ae77d79f33c72c2e9b2fb0a0f1ee7b2bd0d7a6cd7e5b2d63e0da29c4dfe6e65",
        COMMAND,
        (struct fake_reply[]){READ_ROW("\"email\":\"o'brien@alpenblick-immo.ch\""),
                              END});
    assert_int_equal(err.kind, ERROR_NONE); // only learns the lane
    const char *lane = fake_last(&scene->fake, SYNC)->key;
    err = fake_deliver(
        &scene->fake, SYNC, lane, COMMAND,
        (struct fake_reply[]){
            READ_ROW("\"email\":\"o'brien@alpenblick-immo.ch\""),
            {"GET", "/api/contacts?search=email%3A%2Bo%27brien%40*", 200,
             .body = contacts_answer(
                 scene, text(scene, "\"47\":%s", contact_json(scene, 47, email, 0)))},
            {"PATCH", "/api/contacts/47/edit", 200,
             .body = contact_answer(scene, 47, email, 0)},
            PERSON_TOLD,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_creation_that_was_cut_is_looked_up(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(""),
                                     NOBODY,
                                     {"POST", "/api/contacts/new", .cut = ERROR_UNSURE},
                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_true(scene->fake.calls[2].once);
    scene->fake.now_ms += 40000;
    err = sync(scene, (struct fake_reply[]){READ_ROW(""), NOBODY, FOUND(47), EDITED(47),
                                            PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, PERSON ":c1")->state,
                     LEDGER_EFFECT_CONFIRMED);
}

// Who cut the call knows nothing of the contact; Mautic shows it to the next attempt.
static void
a_creation_that_shows_needs_no_look(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(""),
                                     NOBODY,
                                     {"POST", "/api/contacts/new", .cut = ERROR_UNSURE},
                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    err = sync(scene, (struct fake_reply[]){READ_ROW(""), FOUND(47), EDITED(47),
                                            PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, PERSON ":c1")->state,
                     LEDGER_EFFECT_CONFIRMED);
}

// The first request was not lost but late: two contacts. The one that two attempts made
// between them goes; one that was there long before stays.
static void
the_surplus_of_two_attempts_is_withdrawn(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(""),
                                     NOBODY,
                                     {"POST", "/api/contacts/new", .cut = ERROR_UNSURE},
                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 40000;
    const char *young = text(scene, "{\"id\":61,\"dateAdded\":\"2999-08-12T09:00:01+00:"
                                    "00\",\"fields\":{\"all\":{\"email\":\"" EMAIL
                                    "\"}},\"doNotContact\":[]}");
    const char *all =
        text(scene, "\"47\":%s,\"60\":%s,\"61\":%s", contact_json(scene, 47, EMAIL, 0),
             contact_json(scene, 60, EMAIL, 0), young);
    err = sync(scene, (struct fake_reply[]){READ_ROW(""),
                                            NOBODY,
                                            LOOKED_UP(contacts_answer(scene, all)),
                                            {"DELETE", "/api/contacts/61/delete", 200,
                                             "{\"contact\":{}}"},
                                            EDITED(47),
                                            PERSON_TOLD,
                                            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_contact(scene), "47");
}

static void
a_contact_that_is_not_in_directus_is_synced_by_its_words(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, SYNC,
                "{\"company\":\"HYPERVISUAL\",\"body\":{\"email\":\"" EMAIL
                "\",\"first_name\":\"Martina\",\"company_name\":\"Alpenblick\"}}",
                (struct fake_reply[]){NOBODY, MADE, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/contacts/new");
    assert_string_equal(json_string_or(body, "company", ""), "Alpenblick");
    assert_null(json_at(body, "directus_id"));
}

static void
countries_and_languages_are_told_as_mautic_names_them(void **state)
{
    static const struct {
        const char *country, *language, *name, *locale;
    } cases[] = {
        {"CH", "de", "Switzerland", "de_CH"},
        {"ch", "DE-ch", "Switzerland", "de_CH"},
        {"switzerland", "Fr", "Switzerland", "fr_CH"},
        {"Atlantis", "tlh", NULL, NULL},
        {"", "", NULL, NULL},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scene->fake.state_count = scene->fake.effect_count =
            0; // met for the first time
        const char *changes =
            text(scene, "\"language\":\"%s\",\"company_id\":{\"country\":\"%s\"}",
                 cases[i].language, cases[i].country);
        struct error err = sync(scene, (struct fake_reply[]){READ_ROW(changes), NOBODY,
                                                             MADE, PERSON_TOLD, END});
        assert_int_equal(err.kind, ERROR_NONE);
        struct json_object *body = sent(scene, "POST", "/api/contacts/new");
        assert_string_equal(json_string_or(body, "country", "none"),
                            cases[i].name != NULL ? cases[i].name : "none");
        assert_string_equal(json_string_or(body, "preferred_locale", "none"),
                            cases[i].locale != NULL ? cases[i].locale : "none");
    }
}

static void
odd_texts_are_told_as_they_are(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply row =
        READ_ROW("\"first_name\":\"Zo\\u00eb \\ud83d\\ude80\","
                 "\"last_name\":\"a\\r\\nBcc: b\",\"phone\":\"\\\"<b>'\"");
    struct error err =
        sync(scene, (struct fake_reply[]){row, NOBODY, MADE, PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/contacts/new");
    assert_string_equal(json_string_or(body, "firstname", ""),
                        "Zo\xc3\xab \xf0\x9f\x9a\x80");
    assert_string_equal(json_string_or(body, "lastname", ""), "a\r\nBcc: b");
    assert_string_equal(json_string_or(body, "phone", ""), "\"<b>'");
}

static void
long_texts_are_cut_between_characters(void **state)
{
    struct scene *scene = *state;
    char name[400] = "";
    for (size_t i = 0; i < 195; i++)
        memcpy(name + 2 * i, "\xc3\xa9", 3);
    struct error err =
        sync(scene,
             (struct fake_reply[]){READ_ROW(text(scene, "\"last_name\":\"%s\"", name)),
                                   NOBODY, MADE, PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const char *sent_name =
        json_string_or(sent(scene, "POST", "/api/contacts/new"), "lastname", "");
    assert_int_equal(strlen(sent_name), 2 * 191);
}

#define MET(test) cmocka_unit_test_setup_teardown(test, scene_begin_met, scene_end)
#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_contact_that_mautic_has_is_told_and_not_made_again),
        STAGED(what_is_no_number_of_a_contact_is_not_asked_for),
        STAGED(a_contact_whose_address_only_begins_the_same_is_somebody_else),
        STAGED(an_address_corrected_before_the_row_was_told_leaves_no_second_contact),
        STAGED(a_field_that_nobody_made_in_mautic_is_told_of),
        MET(the_second_sync_of_the_same_words_writes_nothing),
        MET(what_changed_in_directus_is_written_once),
        MET(a_merged_contact_goes_on_under_the_winners_number),
        MET(a_deleted_contact_is_made_anew),
        MET(a_contact_that_is_gone_in_german_is_gone),
        MET(a_deleted_contact_whose_address_another_has_is_that_one),
        MET(a_changed_address_goes_to_the_contact_that_had_the_old_one),
        MET(who_shared_an_address_gets_a_contact_of_his_own_with_the_new_one),
        MET(who_takes_an_address_that_has_a_contact_is_that_one),
        STAGED(of_two_contacts_with_one_address_the_oldest_is_used),
        STAGED(an_address_with_an_apostrophe_is_searched_for),
        STAGED(a_creation_that_was_cut_is_looked_up),
        STAGED(a_creation_that_shows_needs_no_look),
        STAGED(the_surplus_of_two_attempts_is_withdrawn),
        STAGED(a_contact_that_is_not_in_directus_is_synced_by_its_words),
        STAGED(countries_and_languages_are_told_as_mautic_names_them),
        STAGED(odd_texts_are_told_as_they_are),
        STAGED(long_texts_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
