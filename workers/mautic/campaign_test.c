#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "workers/mautic/tests/scene.h"

#define ENTRY "campaign:1:contact:" CONTACT ":quote:" QUOTE ":r1"
#define NEXT_ENTRY "campaign:1:contact:" CONTACT ":quote:" QUOTE ":r2"

static void
a_quote_sent_twice_is_one_entry_and_one_note(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){SENT, MARTINA, JOINS("4"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

#define SENT_AGAIN                                                            \
    SENT, MARTINA, JOINS("4"), ALL_WILLING, MEMBER(1, "2026-08-12 09:00:03"), \
        ENTERS_AS("1", 2), NOTED, END

static struct error
take_back(struct scene *scene)
{
    return deliver(scene, "mautic.quote-closed", QUOTE_COMMAND,
                   (struct fake_reply[]){READ_QUOTE(quote_row(scene, "draft", "")),
                                         MARTINA, OPEN_QUOTES(""), LEAVES("4"), NOTED,
                                         END});
}

static void
a_quote_that_was_taken_back_and_sent_again_enters_again(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    assert_int_equal(take_back(scene).kind, ERROR_NONE);
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){SENT_AGAIN});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_quote_that_was_taken_back_while_nobody_had_an_address_enters_again(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    const char *nobody = quote_row(
        scene, "draft",
        text(scene, "\"contact_id\":%s", person_row(scene, "\"email\":null")));
    struct error err = deliver(scene, "mautic.quote-closed", QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE(nobody), END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){SENT_AGAIN});
    assert_int_equal(err.kind, ERROR_NONE);
}

// The entry was made; the note was refused for good.
static void
a_quote_whose_sending_was_a_dead_letter_enters_again(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply no_note = {"POST", "/api/notes/new", 400,
                                       .body = "{\"errors\":[{\"code\":400,"
                                               "\"message\":\"text: too long\","
                                               "\"details\":[],\"type\":null}]}"};
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING, NO_MEMBER,
                                      ENTERS("1"), no_note, END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(take_back(scene).kind, ERROR_NONE);
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){SENT_AGAIN});
    assert_int_equal(err.kind, ERROR_NONE);
}

// By Mautic's clock, as it prints it.
static const char *
mautics_now(struct scene *scene)
{
    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    return text(scene, "%.10s %.8s", now, now + 11);
}

static void
cut_entry(struct scene *scene)
{
    const struct fake_reply cut = {"POST", "/api/campaigns/1/contact/47/add",
                                   .cut = ERROR_UNSURE};
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){SENT, MARTINA, JOINS("4"),
                                                     ALL_WILLING, NO_MEMBER, cut, END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_int_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_UNSURE);
    scene->fake.now_ms += 40000;
}

static void
an_entry_that_was_cut_is_not_repeated_if_it_worked(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    cut_entry(scene);
    struct error err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){SENT, MARTINA, MEMBER(1, now), JOINS("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_CONFIRMED);
}

static void
an_entry_that_was_cut_is_repeated_if_an_older_one_is_all_there_is(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT,
                                      MARTINA,
                                      JOINS("4"),
                                      ALL_WILLING,
                                      MEMBER(1, "2026-08-12 09:00:03"),
                                      {"POST", "/api/campaigns/1/contact/47/add", 500,
                                       .body = fixture(scene, "error.500.1")},
                                      END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 40000;
    err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){SENT, MARTINA, MEMBER(1, "2026-08-12 09:00:03"),
                              JOINS("4"), ALL_WILLING, MEMBER(1, "2026-08-12 09:00:03"),
                              MEMBER(1, "2026-08-12 09:00:03"), ENTERS_AS("1", 2),
                              MEMBER(2, "2999-01-01 00:00:00"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// It was declined while nobody knew whether the entry had worked.
static void
an_entry_that_nobody_wants_any_more_leaves_no_attempt_open(void **state)
{
    struct scene *scene = *state;
    fake_set_effect(&scene->fake, &(struct fake_effect){"mautic.campaign", ENTRY, NULL,
                                                        LEDGER_EFFECT_UNSURE, 1, 0});
    const struct fake_reply rejected = READ_QUOTE(quote_row(scene, "rejected", ""));
    scene->fake.now_ms += 40000;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){rejected, MARTINA, NO_MEMBER, NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_null(fake_effect(&scene->fake, ENTRY)->result);
    assert_int_not_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_UNSURE);
}

// Another quote of the person: a later round stands for it. Its entry was cut before it
// came about, and an entry of the moment before is all there is.
static void
assert_enters_for_another_quote(struct scene *scene, const char *now)
{
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"mautic.campaign", NEXT_ENTRY, NULL,
                                          LEDGER_EFFECT_UNSURE, 1, 0});
    fake_set_state(&scene->fake, "quote:" QUOTE, "{\"round\":2,\"sent\":false}");
    scene->fake.now_ms += 40000;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, MEMBER(1, now), JOINS("4"),
                                      ALL_WILLING, MEMBER(1, now), MEMBER(1, now),
                                      ENTERS_AS("1", 2), MEMBER(2, now), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// Its note failed; when it was tried again the quote was signed already.
static void
an_entry_is_known_although_its_command_never_came_to_its_end(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    const struct fake_reply no_note = {"POST", "/api/notes/new", 500,
                                       .body = fixture(scene, "error.500.1")};
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING, NO_MEMBER,
                                      ENTERS("1"), no_note, END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    assert_enters_for_another_quote(scene, now);
}

// Nobody knew whether it had worked when nobody wanted it any more: it had.
static void
an_entry_that_worked_is_known_although_nobody_wants_it_any_more(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    const struct fake_reply rejected = READ_QUOTE(quote_row(scene, "rejected", ""));
    fake_set_effect(&scene->fake, &(struct fake_effect){"mautic.campaign", ENTRY, NULL,
                                                        LEDGER_EFFECT_UNSURE, 1, 0});
    scene->fake.now_ms += 40000;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){rejected, MARTINA, MEMBER(1, now), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_CONFIRMED);
    assert_enters_for_another_quote(scene, now);
}

// Two quotes of one person in one second: the first entry is not taken for the second.
static void
an_entry_for_another_quote_is_not_taken_for_this_one(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    assert_enters_for_another_quote(scene, now);
}

// The entry worked; then the command was refused for good before it came there again.
// Another quote of the person enters (a later round stands for it), and the first
// command is replayed.
static void
an_entry_of_a_dead_letter_is_not_repeated_after_another_quotes(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    const struct fake_reply no_segment = {"POST", "/api/segments/4/contact/47/add", 404,
                                          .body = fixture(scene, "error.404.1-item")};
    cut_entry(scene);
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, MEMBER(1, now), no_segment, END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_CONFIRMED);
    fake_set_state(&scene->fake, "quote:" QUOTE, "{\"round\":2,\"sent\":false}");
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING,
                                        MEMBER(1, now), ENTERS_AS("1", 2), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    fake_set_state(&scene->fake, "quote:" QUOTE, "{\"round\":1,\"sent\":false}");
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){SENT, MARTINA, JOINS("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// Mautic answers success although the campaign is not published. The next quote's
// entry, once it is, worked and was cut.
static void
an_entry_that_never_came_about_does_not_hide_the_next(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    const struct fake_reply nobody_enters = {"POST", "/api/campaigns/1/contact/47/add",
                                             200, OK_BODY};
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING, NO_MEMBER,
                                      nobody_enters, NO_MEMBER, NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"mautic.campaign", NEXT_ENTRY, NULL,
                                          LEDGER_EFFECT_UNSURE, 1, 0});
    fake_set_state(&scene->fake, "quote:" QUOTE, "{\"round\":2,\"sent\":false}");
    scene->fake.now_ms += 40000;
    err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){SENT, MARTINA, MEMBER(1, now), JOINS("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// It worked, and what was made of it could not be read.
static void
an_entry_that_could_not_be_read_is_looked_up(void **state)
{
    struct scene *scene = *state;
    const char *now = mautics_now(scene);
    const struct fake_reply enters = {"POST", "/api/campaigns/1/contact/47/add", 200,
                                      OK_BODY};
    const struct fake_reply away = {"GET", "/api/stats/campaign_leads?*", 503, "{}"};
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, JOINS("4"), ALL_WILLING, NO_MEMBER,
                                      enters, away, END});
    assert_int_not_equal(err.kind, ERROR_NONE);
    scene->fake.now_ms += 40000;
    err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){SENT, MARTINA, MEMBER(1, now), JOINS("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_campaign_that_is_not_there_is_a_dead_letter_with_a_hint(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){
                    SENT,
                    MARTINA,
                    JOINS("4"),
                    ALL_WILLING,
                    NO_MEMBER,
                    {"POST", "/api/campaigns/1/contact/47/add", 404,
                     .body = fixture(scene, "campaign-add.4-no-campaign.response.404")},
                    END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "MAUTIC_CAMPAIGN_"));
    assert_int_equal(fake_effect(&scene->fake, ENTRY)->state, LEDGER_EFFECT_OPEN);
}

#define MET(test) cmocka_unit_test_setup_teardown(test, scene_begin_met, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MET(a_quote_sent_twice_is_one_entry_and_one_note),
        MET(a_quote_that_was_taken_back_and_sent_again_enters_again),
        MET(a_quote_that_was_taken_back_while_nobody_had_an_address_enters_again),
        MET(a_quote_whose_sending_was_a_dead_letter_enters_again),
        MET(an_entry_that_was_cut_is_not_repeated_if_it_worked),
        MET(an_entry_that_was_cut_is_repeated_if_an_older_one_is_all_there_is),
        MET(an_entry_that_nobody_wants_any_more_leaves_no_attempt_open),
        MET(an_entry_is_known_although_its_command_never_came_to_its_end),
        MET(an_entry_that_worked_is_known_although_nobody_wants_it_any_more),
        MET(an_entry_for_another_quote_is_not_taken_for_this_one),
        MET(an_entry_of_a_dead_letter_is_not_repeated_after_another_quotes),
        MET(an_entry_that_never_came_about_does_not_hide_the_next),
        MET(an_entry_that_could_not_be_read_is_looked_up),
        MET(a_campaign_that_is_not_there_is_a_dead_letter_with_a_hint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
