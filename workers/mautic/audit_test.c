// An audit believes the rows in Directus, whatever the ledger remembers.
#include <string.h>

#include "common/drift.h"
#include "common/str.h"
#include "workers/mautic/tests/scene.h"

#define AUDIT "{\"company\":\"\",\"remote_id\":\"47\",\"root\":\"\",\"why\":\"audit\"}"
#define ROWS(collection, rows)                                  \
    {                                                           \
        "GET", "/items/" collection "?filter%5Bemail%5D*", 200, \
            .body = "{\"data\":[" rows "]}"                     \
    }
#define ROW(id, email, contact)                                           \
    "{\"id\":\"" id "\",\"email\":\"" email "\",\"email_opted_in\":true," \
    "\"mautic_contact_id\":" contact "}"

static void
audit(struct scene *scene, const struct fake_reply replies[])
{
    struct error err = deliver(scene, "mautic.contact.observed", AUDIT, replies);
    assert_string_equal(err.text, "");
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
what_says_the_same_is_left_alone(void **state)
{
    struct scene *scene = *state;
    audit(scene,
          (struct fake_reply[]){MARTINA, ROWS("people", ROW(CONTACT, EMAIL, "\"47\"")),
                                ROWS("leads", ROW(LEAD, EMAIL, "47")), END});
    assert_false(str_starts(scene->fake.note, DRIFT_NOTE));
    assert_int_equal(scene->fake.published_count, 0);
}

static void
a_number_that_a_person_wrote_is_put_right(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply told = {"PATCH", "/items/leads/" LEAD "?fields=id", 200,
                                    "{\"data\":{}}",
                                    .sends = "{\"mautic_contact_id\":\"47\"}"};
    audit(scene,
          (struct fake_reply[]){
              MARTINA, ROWS("people", ROW(CONTACT, EMAIL, "\"47\"")),
              ROWS("leads", ROW(LEAD, EMAIL, "\"48\"") "," ROW("x", "x" EMAIL, "null")),
              told, END});
    assert_string_equal(scene->fake.note, "put right: mautic_contact_id was \"48\"");
}

static void
a_number_that_a_person_took_away_is_put_right(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON,
                   "{\"contact\":\"47\",\"status\":\"contactable\",\"hash\":\"x\","
                   "\"teller\":\"" CONTACT "\"}");
    audit(scene, (struct fake_reply[]){MARTINA,
                                       ROWS("people", ROW(CONTACT, EMAIL, "null")),
                                       {"PATCH", "/items/people/" CONTACT "?fields=id",
                                        200, "{\"data\":{}}",
                                        .sends = "{\"mautic_contact_id\":\"47\"}"},
                                       ROWS("leads", ""),
                                       END});
    assert_string_equal(scene->fake.note, "put right: mautic_contact_id was \"\"");
}

static void
a_consent_that_nobody_had_told_is_put_right(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply told = {"PATCH", "/items/people/" CONTACT "?fields=id", 200,
                                    "{\"data\":{}}",
                                    .sends = "\"email_opted_in\":false"};
    audit(scene,
          (struct fake_reply[]){READ_CONTACT(contact_answer(scene, 47, EMAIL, 1)),
                                ROWS("people", ROW(CONTACT, EMAIL, "\"47\"")), told,
                                ROWS("leads", ""), END});
    assert_true(str_starts(scene->fake.note, DRIFT_NOTE "unsubscribed in Mautic"));
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 1);
}

#define MET(test) cmocka_unit_test_setup_teardown(test, scene_begin_met, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        MET(what_says_the_same_is_left_alone),
        MET(a_number_that_a_person_wrote_is_put_right),
        MET(a_number_that_a_person_took_away_is_put_right),
        MET(a_consent_that_nobody_had_told_is_put_right),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
