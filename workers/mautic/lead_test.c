#include <stdlib.h>
#include <string.h>

#include "workers/mautic/score.h"
#include "workers/mautic/tests/scene.h"

#define COMMAND "{\"company\":\"HYPERVISUAL\",\"lead\":\"" LEAD "\"}"
#define STEP "lead:" LEAD ":p1"

#define READ_LEAD(changes)                                \
    {                                                     \
        "GET", "/items/leads/" LEAD "?*", 200,            \
            .body = data(scene, lead_row(scene, changes)) \
    }
#define LEAD_TOLD ROW_TOLD("leads", LEAD)
#define GIVES(verb, points)                                              \
    {                                                                    \
        "POST", "/api/contacts/47/points/" verb "/" points, 200, OK_BODY \
    }
#define KNOWN "\"mautic_contact_id\":\"47\",\"mautic_points_applied\":40"
#define EDITED                                          \
    {                                                   \
        "PATCH", "/api/contacts/47/edit", 200,          \
            .body = contact_answer(scene, 47, EMAIL, 0) \
    }

static const char *
lead_row(struct scene *scene, const char *changes)
{
    struct job *keep = &scene->fake.keep;
    const char *row = "{\"id\":\"" LEAD "\",\"email\":\"" EMAIL
                      "\",\"first_name\":\"Martina\",\"last_name\":\"Keller\","
                      "\"owner_company\":\"HYPERVISUAL\",\"status\":\"new\",\"score\":"
                      "40,\"mautic_contact_id\":null,\"mautic_points_applied\":null,"
                      "\"contact_id\":null}";
    const char *braced = job_printf(keep, "{%s}", changes);
    struct json_object *all = json_parse(keep, row, strlen(row));
    struct json_object *others = json_parse(keep, braced, strlen(braced));
    json_object_object_foreach(others, name, value)
    {
        json_set(all, name, value);
    }
    return job_strdup(keep, json_print(all, NULL));
}

static struct error
sync(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, "mautic.lead.sync", COMMAND, replies);
}

static int
with_lead(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(""), NOBODY, MADE, JOINS("1"),
                                          GIVES("plus", "40"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    return 0;
}

static void
a_lead_becomes_a_contact_with_segment_and_points(void **state)
{
    struct scene *scene = *state;
    struct json_object *patch = sent(scene, "PATCH", "/items/leads/");
    assert_string_equal(json_string_or(patch, "mautic_contact_id", ""), "47");
    assert_int_equal(json_i64_or(patch, "mautic_points_applied", 0), 40);
    struct json_object *points = sent(scene, "POST", "/api/contacts/47/points/");
    assert_non_null(strstr(json_string_or(points, "eventName", ""), STEP "=40"));
    struct json_object *contact = sent(scene, "POST", "/api/contacts/new");
    assert_string_equal(json_string_or(contact, "directus_id", ""), "leads:" LEAD);
}

// She is also a contact, whose telephone Mautic knows from there.
static void
an_empty_field_of_a_lead_erases_nothing_that_others_told(void **state)
{
    struct scene *scene = *state;
    struct json_object *memory = fake_state(&scene->fake, PERSON);
    json_set_string(memory, "teller", "people:" CONTACT);
    json_set_string(memory, "hash", "of other words");
    fake_set_state(&scene->fake, PERSON, json_print(memory, NULL));
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN), MARTINA, EDITED, JOINS("1"),
                                          LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "PATCH", "/api/contacts/47/edit");
    assert_false(json_bool_or(body, "overwriteWithBlank", true));
}

static void
the_same_score_gives_nothing_more(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN), MARTINA, JOINS("1"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
only_the_difference_is_given_or_taken(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":45"), MARTINA,
                                     JOINS("1"), GIVES("plus", "5"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":10"), MARTINA,
                                     JOINS("1"), GIVES("minus", "35"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":45"), MARTINA,
                                     JOINS("1"), GIVES("plus", "35"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_promising_lead_is_nurtured_once(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":50"), MARTINA,
                                          JOINS("1"), GIVES("plus", "10"), ALL_WILLING,
                                          NO_MEMBER, ENTERS("5"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":70"), MARTINA,
                                     JOINS("1"), GIVES("plus", "20"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_qualified_lead_is_a_prospect(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN ",\"status\":\"qualified\""),
                                          MARTINA, JOINS("1"), JOINS("2"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_lead_that_was_won_stays_out_of_the_segments_it_left(void **state)
{
    struct scene *scene = *state;
    struct error err =
        sync(scene,
             (struct fake_reply[]){READ_LEAD(KNOWN ",\"status\":\"won\",\"score\":90"),
                                   MARTINA, GIVES("plus", "50"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    // An attempt before this one may have joined what a closed lead does not.
    struct json_object *places = json_at(fake_state(&scene->fake, PERSON), "segments");
    assert_true(json_bool_or(places, "1", false));
    assert_true(json_bool_or(places, "2", false));
}

static void
who_wants_no_mails_is_not_nurtured(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene,
        (struct fake_reply[]){
            READ_LEAD(KNOWN ",\"score\":50,\"contact_id\":{\"email_opted_in\":false}"),
            MARTINA,
            {"POST", "/api/contacts/47/dnc/email/add", 200,
             .body = fixture(scene, "dnc-add.1.response.200")},
            JOINS("1"),
            GIVES("plus", "10"),
            LEAD_TOLD,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no campaign"));
}

#define ACTIVITY(events)                                                        \
    {                                                                           \
        "GET",                                                                  \
            "/api/contacts/47/activity?filters%5BincludeEvents%5D%5B%5D=point." \
            "gained*",                                                          \
            200, .body = text(scene, "{\"events\":[%s],\"total\":1}", events)   \
    }

static void
cut_points(struct scene *scene)
{
    struct error err =
        sync(scene, (struct fake_reply[]){
                        READ_LEAD(KNOWN ",\"score\":45"),
                        MARTINA,
                        JOINS("1"),
                        {"POST", "/api/contacts/47/points/plus/5", .cut = ERROR_UNSURE},
                        END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 40000;
}

// The score moved on meanwhile: what the first attempt gave is told by its event.
static void
points_that_were_given_by_a_cut_call_are_not_given_again(void **state)
{
    struct scene *scene = *state;
    cut_points(scene);
    struct error err = sync(
        scene, (struct fake_reply[]){
                   READ_LEAD(KNOWN ",\"score\":48"), MARTINA, JOINS("1"),
                   ACTIVITY("{\"event\":\"point.gained\",\"eventLabel\":\"Lead score "
                            "lead:" LEAD ":p2=45 / 5\"}"),
                   GIVES("plus", "3"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(
        json_i64_or(sent(scene, "PATCH", "/items/leads/"), "mautic_points_applied", 0),
        48);
}

static void
points_that_a_cut_call_did_not_give_are_given(void **state)
{
    struct scene *scene = *state;
    cut_points(scene);
    struct error err = sync(
        scene, (struct fake_reply[]){
                   READ_LEAD(KNOWN ",\"score\":45"), MARTINA, JOINS("1"),
                   ACTIVITY("{\"eventLabel\":\"Lead score lead:" LEAD ":p1=40 / 40\"}"),
                   GIVES("plus", "5"), ACTIVITY(""), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_contact_made_anew_gets_all_points_again(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene,
        (struct fake_reply[]){READ_LEAD(KNOWN),
                              {"GET", "/api/contacts/47", 404,
                               .body = fixture(scene, "error.404.1-item")},
                              NOBODY,
                              {"POST", "/api/contacts/new", 201,
                               .body = contact_answer(scene, 60, EMAIL, 0)},
                              {"POST", "/api/segments/1/contact/60/add", 200, OK_BODY},
                              {"GET", "/api/contacts/47", 404,
                               .body = fixture(scene, "error.404.1-item")},
                              {"POST", "/api/contacts/60/points/plus/40", 200, OK_BODY},
                              LEAD_TOLD,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_merged_contact_has_its_points_already(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply merged = READ_CONTACT(contact_answer(scene, 31, EMAIL, 0));
    struct error err = sync(
        scene,
        (struct fake_reply[]){READ_LEAD(KNOWN),
                              merged,
                              {"PATCH", "/api/contacts/31/edit", 200,
                               .body = contact_answer(scene, 31, EMAIL, 0)},
                              {"POST", "/api/segments/1/contact/31/add", 200, OK_BODY},
                              merged,
                              LEAD_TOLD,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// A person put the score back before the next attempt.
static void
points_of_a_cut_call_are_taken_back_with_the_score(void **state)
{
    struct scene *scene = *state;
    cut_points(scene);
    struct error err = sync(
        scene, (struct fake_reply[]){
                   READ_LEAD(KNOWN), MARTINA, JOINS("1"),
                   ACTIVITY("{\"eventLabel\":\"Lead score lead:" LEAD ":p2=45 / 5\"}"),
                   GIVES("minus", "5"), END});
    assert_int_equal(err.kind, ERROR_NONE);
    // Both steps are remembered.
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":42"), MARTINA,
                                     JOINS("1"), GIVES("plus", "2"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(fake_effect(&scene->fake, "lead:" LEAD ":p4"));
}

static void
points_that_a_cut_call_did_not_give_are_not_taken_back(void **state)
{
    struct scene *scene = *state;
    cut_points(scene);
    struct error err =
        sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN), MARTINA, JOINS("1"),
                                          ACTIVITY(""), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, "lead:" LEAD ":p2")->state,
                     LEDGER_EFFECT_OPEN);
    // The step is still to be made.
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":45"), MARTINA,
                                     JOINS("1"), GIVES("plus", "5"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// Nothing was cut: what came after the points failed.
static void
points_of_an_attempt_that_failed_later_are_taken_back_with_the_score(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply not_told = {"PATCH", "/items/leads/" LEAD "?fields=id", 503,
                                        "{}"};
    struct error err = sync(
        scene, (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":45"), MARTINA,
                                     JOINS("1"), GIVES("plus", "5"), not_told, END});
    assert_int_not_equal(err.kind, ERROR_NONE);
    err = sync(scene, (struct fake_reply[]){READ_LEAD(KNOWN), MARTINA, JOINS("1"),
                                            GIVES("minus", "5"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// A lead that another system has synced before: what Directus says was given counts.
// An attempt told Directus and ended before it was settled.
static void
points_that_directus_knows_of_leave_no_attempt_open(void **state)
{
    struct scene *scene = *state;
    fake_set_effect(&scene->fake, &(struct fake_effect){"mautic.points", STEP, NULL,
                                                        LEDGER_EFFECT_UNSURE, 1, 0});
    scene->fake.now_ms += 40000;
    struct error err =
        sync(scene, (struct fake_reply[]){
                        READ_LEAD(KNOWN), MARTINA, EDITED, JOINS("1"),
                        ACTIVITY("{\"eventLabel\":\"Lead score " STEP "=40 / 40\"}"),
                        LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_effect(&scene->fake, STEP)->state, LEDGER_EFFECT_CONFIRMED);
    // The next step is another one.
    err = sync(scene,
               (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":45"), MARTINA,
                                     JOINS("1"), GIVES("plus", "5"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
what_was_given_before_this_ledger_counts(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_LEAD(KNOWN ",\"score\":42"), MARTINA, EDITED,
                                     JOINS("1"), GIVES("plus", "2"), LEAD_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static int64_t
score(struct scene *scene, const char *row)
{
    return mautic_score_of(json_parse(&scene->fake.keep, row, strlen(row)));
}

static void
a_lead_without_a_score_is_worth_what_is_known_of_it(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(score(scene, "{}"), 0);
    assert_int_equal(score(scene, "{\"score\":0,\"email\":\"a@b.ch\"}"), 0);
    assert_int_equal(score(scene, "{\"score\":130}"), 100);
    assert_int_equal(score(scene, "{\"score\":\"55.50\"}"), 55);
    assert_int_equal(score(scene, "{\"score\":\"99999999999999999999\"}"), 100);
    assert_int_equal(score(scene, "{\"score\":-3}"), 0);
    assert_int_equal(score(scene, "{\"email\":\"a@b.ch\",\"phone\":\"1\"}"), 20);
    assert_int_equal(score(scene,
                           "{\"email\":\"a@b.ch\",\"company_name\":\"X\",\"source\":"
                           "\"Referral\"}"),
                     50);
    assert_int_equal(score(scene, "{\"source\":\"cold outreach\"}"), 5);
    assert_int_equal(score(scene,
                           "{\"email\":\"a\",\"phone\":\"1\",\"company_name\":\"X\","
                           "\"budget\":1,\"timeline\":\"now\",\"source\":\"event\"}"),
                     95);
}

#define LEAD_TEST(test) cmocka_unit_test_setup_teardown(test, with_lead, scene_end)
#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LEAD_TEST(a_lead_becomes_a_contact_with_segment_and_points),
        LEAD_TEST(an_empty_field_of_a_lead_erases_nothing_that_others_told),
        LEAD_TEST(the_same_score_gives_nothing_more),
        LEAD_TEST(only_the_difference_is_given_or_taken),
        LEAD_TEST(a_promising_lead_is_nurtured_once),
        LEAD_TEST(a_qualified_lead_is_a_prospect),
        LEAD_TEST(a_lead_that_was_won_stays_out_of_the_segments_it_left),
        LEAD_TEST(who_wants_no_mails_is_not_nurtured),
        LEAD_TEST(points_that_were_given_by_a_cut_call_are_not_given_again),
        LEAD_TEST(points_that_a_cut_call_did_not_give_are_given),
        LEAD_TEST(points_of_a_cut_call_are_taken_back_with_the_score),
        LEAD_TEST(points_that_a_cut_call_did_not_give_are_not_taken_back),
        LEAD_TEST(points_of_an_attempt_that_failed_later_are_taken_back_with_the_score),
        LEAD_TEST(a_contact_made_anew_gets_all_points_again),
        LEAD_TEST(a_merged_contact_has_its_points_already),
        STAGED(points_that_directus_knows_of_leave_no_attempt_open),
        STAGED(what_was_given_before_this_ledger_counts),
        STAGED(a_lead_without_a_score_is_worth_what_is_known_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
