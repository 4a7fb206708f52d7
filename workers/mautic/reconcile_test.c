// What Mautic tells: consent, merges, deletions, and what is no news.
#include <stdlib.h>
#include <string.h>

#include "workers/mautic/tests/scene.h"

#define CHANGED "mautic.lead_channel_subscription_changed"
#define SAVED "mautic.lead_post_save_update"
#define DELETED "mautic.lead_post_delete"
#define OBSERVED "mautic.contact.observed"
#define LOOK(why) \
    "{\"company\":\"\",\"remote_id\":\"47\",\"root\":\"\",\"why\":\"" why "\"}"
#define AGREED(status)                                                      \
    "{\"contact\":\"47\",\"status\":\"" status "\",\"status_at\":\"" BEFORE \
    "\",\"hash\":\"x\"}"
#define BEFORE "2026-08-01T07:00:00+00:00"

#define OPTED(in) \
    "{\"id\":\"" CONTACT "\",\"email\":\"" EMAIL "\",\"email_opted_in\":" in "}"
#define OTHER(in)                                                                    \
    "{\"id\":\"" OTHER_CONTACT "\",\"email\":\"MARTINA.KELLER@alpenblick-immo.ch\"," \
    "\"owner_company\":\"LEXAIA\",\"email_opted_in\":" in "}"
#define STRANGER "{\"id\":\"x\",\"email\":\"x" EMAIL "\",\"email_opted_in\":true}"
#define DNC(reason) READ_CONTACT(contact_answer(scene, 47, EMAIL, reason))
#define OTHER_TOLD ROW_TOLD("people", OTHER_CONTACT)
#define BLOCKED                                              \
    {                                                        \
        "POST", "/api/contacts/47/dnc/email/add", 200,       \
            .body = fixture(scene, "dnc-add.1.response.200") \
    }
#define UNBLOCKED                                               \
    {                                                           \
        "POST", "/api/contacts/47/dnc/email/remove", 200,       \
            .body = fixture(scene, "dnc-remove.2.response.200") \
    }

// {"body": the item of that type in the fixture}
static const char *
hook(struct scene *scene, const char *type, const char *name)
{
    struct job *keep = &scene->fake.keep;
    const char *body = fixture(scene, name);
    struct json_object *items = NULL;
    assert_true(
        json_object_object_get_ex(json_parse(keep, body, strlen(body)), type, &items));
    return text(scene, "{\"company\":\"\",\"headers\":{},\"body\":%s}",
                json_print(json_object_array_get_idx(items, 0), NULL));
}

static struct error
look(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, OBSERVED, LOOK("webhook"), replies);
}

static const char *
kept_status(struct scene *scene)
{
    return json_string_or(fake_state(&scene->fake, PERSON), "status", "");
}

static void
who_unsubscribed_is_opted_out_in_every_row(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = deliver(
        scene, CHANGED, hook(scene, CHANGED, "webhook.4-unsubscribed.body"),
        (struct fake_reply[]){DNC(1),
                              PEOPLE(OPTED("true") "," OTHER("true") "," STRANGER),
                              {"PATCH", "/items/people/" CONTACT "?fields=id", 200,
                               "{\"data\":{}}", .sends = "\"email_opted_in\":false"},
                              OTHER_TOLD,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 2);
    const struct fake_event *fact = fake_last(&scene->fake, "contact.unsubscribed");
    assert_string_equal(fact->key, "contact:" OTHER_CONTACT);
    assert_string_equal(json_string_or(fact->data, "company", ""), "LEXAIA");
    assert_string_equal(json_string_or(fact->data, "channel", ""), "email");
    assert_string_equal(kept_status(scene), "unsubscribed");
}

static void
blanks_around_an_address_make_nobody_else(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = look(
        scene,
        (struct fake_reply[]){DNC(1),
                              PEOPLE("{\"id\":\"" CONTACT "\",\"email\":\" " EMAIL
                                     "\\n\",\"email_opted_in\":true}"),
                              {"PATCH", "/items/people/" CONTACT "?fields=id", 200,
                               "{\"data\":{}}", .sends = "\"email_opted_in\":false"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 1);
}

// Contacts are imported with all sorts of addresses.
static void
who_has_no_usable_address_is_not_ours(void **state)
{
    struct scene *scene = *state;
    static const char *const odd[] = {"", "none", "two words@example.ch"};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        struct error err =
            look(scene, (struct fake_reply[]){
                            READ_CONTACT(contact_answer(scene, 47, odd[i], 1)), END});
        assert_int_equal(err.kind, ERROR_NONE);
        assert_non_null(strstr(scene->fake.note, "not ours"));
    }
}

static void
the_same_word_again_is_nothing_new(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("unsubscribed"));
    struct error err =
        look(scene, (struct fake_reply[]){DNC(1), PEOPLE(OPTED("false")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

static void
who_bounced_is_opted_out_too(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = look(
        scene, (struct fake_reply[]){DNC(2), PEOPLE(OPTED("true")), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "contact.bounced"), 1);
}

static void
who_subscribes_again_in_mautic_is_opted_in_again(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("unsubscribed"));
    struct error err =
        look(scene,
             (struct fake_reply[]){MARTINA, PEOPLE(OPTED("false")), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(
        json_bool_or(sent(scene, "PATCH", "/items/people/"), "email_opted_in", false));
    assert_int_equal(fake_count(&scene->fake, "contact.resubscribed"), 1);
    assert_string_equal(kept_status(scene), "contactable");
}

static void
each_unsubscription_is_a_fact_of_its_own(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    const struct fake_reply gone[] = {DNC(1), PEOPLE(OPTED("true")), PERSON_TOLD, END};
    assert_int_equal(look(scene, gone).kind, ERROR_NONE);
    char first[40];
    memcpy(first, fake_last(&scene->fake, "contact.unsubscribed")->id, 37);
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    assert_int_equal(look(scene, gone).kind, ERROR_NONE); // the same one once more
    assert_string_equal(fake_last(&scene->fake, "contact.unsubscribed")->id, first);
}

static void
an_opt_out_in_directus_goes_to_mautic(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = look(
        scene, (struct fake_reply[]){MARTINA, PEOPLE(OPTED("false")), BLOCKED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_status(scene), "manual");
    assert_int_equal(scene->fake.published_count, 0);
    // Its echo.
    err = look(scene, (struct fake_reply[]){DNC(3), PEOPLE(OPTED("false")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

// The block was set, but the attempt failed before it was remembered.
static void
the_block_that_directus_asked_for_is_no_news_there(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err =
        look(scene, (struct fake_reply[]){DNC(3), PEOPLE(OPTED("false")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(kept_status(scene), "manual");
}

static void
a_block_by_hand_in_mautic_opts_out(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = look(
        scene, (struct fake_reply[]){DNC(3), PEOPLE(OPTED("true")), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 1);
}

static void
an_opt_in_in_directus_lifts_the_block_once_every_row_wants_it(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("manual"));
    struct error err = look(
        scene,
        (struct fake_reply[]){DNC(3), PEOPLE(OPTED("true") "," OTHER("false")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_status(scene), "manual");
    err = look(scene,
               (struct fake_reply[]){DNC(3), PEOPLE(OPTED("true") "," OTHER("true")),
                                     UNBLOCKED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_status(scene), "contactable");
}

// Nobody but the person, in Mautic, takes an unsubscription back.
static void
an_opt_in_in_directus_does_not_undo_an_unsubscription(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("unsubscribed"));
    struct error err = deliver(
        scene, "mautic.contact.sync",
        "{\"company\":\"HYPERVISUAL\",\"contact\":\"" CONTACT "\"}",
        (struct fake_reply[]){
            {"GET", "/items/people/" CONTACT "?*", 200,
             .body = data(scene, person_row(scene, "\"mautic_contact_id\":\"47\""))},
            DNC(1),
            {"PATCH", "/api/contacts/47/edit", 200,
             .body = contact_answer(scene, 47, EMAIL, 1)},
            {"PATCH", "/items/people/" CONTACT "?fields=id", 200, "{\"data\":{}}",
             .sends = "\"email_opted_in\":false"},
            PERSON_TOLD,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(kept_status(scene), "unsubscribed");
}

// A contact made anew has no block any more: that is no consent.
static void
a_deleted_contact_takes_no_unsubscription_with_it(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("unsubscribed"));
    struct error err = deliver(
        scene, "mautic.contact.sync",
        "{\"company\":\"HYPERVISUAL\",\"contact\":\"" CONTACT "\"}",
        (struct fake_reply[]){
            {"GET", "/items/people/" CONTACT "?*", 200,
             .body = data(scene, person_row(scene, "\"email_opted_in\":false"))},
            {"GET", "/api/contacts/47", 404,
             .body = fixture(scene, "error.404.1-item")},
            NOBODY,
            {"POST", "/api/contacts/new", 201,
             .body = contact_answer(scene, 60, EMAIL, 0)},
            {"POST", "/api/contacts/60/dnc/email/add", 200,
             .body = contact_answer(scene, 60, EMAIL, 3)},
            PERSON_TOLD,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(kept_status(scene), "manual");
}

static void
an_echo_of_our_own_write_costs_no_call(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err =
        deliver(scene, SAVED, hook(scene, SAVED, "webhook.2-contact-update.body"),
                (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no news"));
}

static void
a_stranger_in_mautic_is_not_ours(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, SAVED, hook(scene, SAVED, "webhook.2-contact-update.body"),
                (struct fake_reply[]){MARTINA, PEOPLE(""), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "not ours"));
    assert_null(fake_state(&scene->fake, PERSON));
}

static void
who_was_never_synced_but_unsubscribed_is_opted_out(void **state)
{
    struct scene *scene = *state;
    struct error err = look(
        scene, (struct fake_reply[]){DNC(1), PEOPLE(OPTED("true")), PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 1);
}

static void
what_is_in_another_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(&scene->fake, OBSERVED, ":47", LOOK("webhook"),
                                    (struct fake_reply[]){MARTINA, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, OBSERVED)->key, PERSON);
}

#define WITH_NUMBER(collection, number, rows)                                      \
    {                                                                              \
        "GET",                                                                     \
            "/items/" collection "?filter%5Bmautic_contact_id%5D%5B_eq%5D=" number \
            "*",                                                                   \
            200, .body = list(scene, rows)                                         \
    }

static void
a_merge_gives_the_rows_the_winners_number(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, DELETED, hook(scene, DELETED, "webhook.13-delete.body"),
        (struct fake_reply[]){
            {"GET", "/api/contacts/88", 200,
             .body = contact_answer(scene, 47, EMAIL, 0)},
            WITH_NUMBER("people", "88", OPTED("true")),
            {"PATCH", "/items/people/" CONTACT "?fields=id", 200, "{\"data\":{}}",
             .sends = "\"mautic_contact_id\":\"47\""},
            WITH_NUMBER("leads", "88", "{\"id\":\"" LEAD "\",\"email\":\"" EMAIL "\"}"),
            {"PATCH", "/items/leads/" LEAD "?fields=id", 200, "{\"data\":{}}",
             .sends = "\"mautic_contact_id\":\"47\""},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_deletion_takes_the_number_away(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, DELETED, hook(scene, DELETED, "webhook.13-delete.body"),
        (struct fake_reply[]){{"GET", "/api/contacts/88", 404,
                               .body = fixture(scene, "error.404.1-item")},
                              WITH_NUMBER("people", "88", OPTED("true")),
                              NOBODY,
                              {"PATCH", "/items/people/" CONTACT "?fields=id", 200,
                               "{\"data\":{}}", .sends = "\"mautic_contact_id\":null"},
                              WITH_NUMBER("leads", "88", ""),
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_change_that_only_the_sweep_saw_means_a_broken_webhook(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply replies[] = {DNC(1), PEOPLE(OPTED("true")), PERSON_TOLD,
                                         END};
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    struct error err = deliver(scene, OBSERVED, LOOK("webhook"), replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_false(fake_has_attention(&scene->fake, "mautic.webhook-missing"));
    fake_set_state(&scene->fake, PERSON, AGREED("contactable"));
    err = deliver(scene, OBSERVED, LOOK("sweep"), replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "mautic.webhook-missing"));
}

static void
an_event_that_names_nobody_is_a_dead_letter(void **state)
{
    static const char *const payloads[] = {
        "{\"company\":\"\",\"body\":{}}",
        "{\"company\":\"\",\"body\":{\"contact\":{\"id\":null}}}",
        "{\"company\":\"\",\"body\":{\"contact\":{\"id\":\"../1\"}}}",
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof payloads / sizeof payloads[0]; i++) {
        struct error err =
            deliver(scene, CHANGED, payloads[i], (struct fake_reply[]){END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
    }
}

static void
points_mails_and_forms_are_taken_note_of(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.email_on_open",
                hook(scene, "mautic.email_on_open", "webhook.7-email-open-first.body"),
                (struct fake_reply[]){END});
    assert_int_equal(err.kind, ERROR_NONE);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(who_unsubscribed_is_opted_out_in_every_row),
        STAGED(blanks_around_an_address_make_nobody_else),
        STAGED(who_has_no_usable_address_is_not_ours),
        STAGED(the_same_word_again_is_nothing_new),
        STAGED(who_bounced_is_opted_out_too),
        STAGED(who_subscribes_again_in_mautic_is_opted_in_again),
        STAGED(each_unsubscription_is_a_fact_of_its_own),
        STAGED(an_opt_out_in_directus_goes_to_mautic),
        STAGED(the_block_that_directus_asked_for_is_no_news_there),
        STAGED(a_block_by_hand_in_mautic_opts_out),
        STAGED(an_opt_in_in_directus_lifts_the_block_once_every_row_wants_it),
        STAGED(an_opt_in_in_directus_does_not_undo_an_unsubscription),
        STAGED(a_deleted_contact_takes_no_unsubscription_with_it),
        STAGED(an_echo_of_our_own_write_costs_no_call),
        STAGED(a_stranger_in_mautic_is_not_ours),
        STAGED(who_was_never_synced_but_unsubscribed_is_opted_out),
        STAGED(what_is_in_another_lane_is_sent_on),
        STAGED(a_merge_gives_the_rows_the_winners_number),
        STAGED(a_deletion_takes_the_number_away),
        STAGED(a_change_that_only_the_sweep_saw_means_a_broken_webhook),
        STAGED(an_event_that_names_nobody_is_a_dead_letter),
        STAGED(points_mails_and_forms_are_taken_note_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
