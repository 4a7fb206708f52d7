// Acceptances, leads and contacts: what a change of theirs starts.
#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

#include "common/str.h"
#include "workers/orchestrator/tests/play.h"

#define ID "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"
#define CONTACT "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002"
#define FIRM "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0004"
#define DONE "{\"data\":{\"id\":\"" ID "\"}}"
#define CHANGE(collection, old, new)                                               \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"" collection "\",\"key\":\"" ID \
    "\",\"old\":" old ",\"new\":" new "}"
#define ROWS(row) "{\"data\":[" row "]}"
#define LEAD(email, score, status)                                       \
    "{\"id\":\"" ID "\",\"email\":\"" email                              \
    "\",\"first_name\":\"Ada\",\"score\":" score ",\"status\":\"" status \
    "\",\"contact_id\":\"" CONTACT "\"}"
#define LEAD_ALONE(status)                                                     \
    "{\"id\":\"" ID "\",\"email\":\"ada@example.com\",\"first_name\":\"Ada\"," \
    "\"score\":50,\"status\":\"" status "\",\"contact_id\":null}"
#define PERSON(email, mautic) \
    "{\"id\":\"" ID "\",\"email\":\"" email "\",\"mautic_contact_id\":" mautic "}"
#define ADA "person:b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"

static int
begin(void **state)
{
    struct play *play = play_new();
    play->o.integrations = "docuseal, invoice-ninja,mautic";
    *state = play;
    return 0;
}

static int
end(void **state)
{
    play_free(*state);
    return 0;
}

static void
assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void
deliver(struct play *play, const char *type, const char *data)
{
    struct error err = play_deliver(play, (struct play_event){type, data});
    assert_int_equal(err.kind, ERROR_NONE);
}

// ---- acceptances

#define CGV(status, submission)               \
    "{\"id\":\"" ID "\",\"status\":\"" status \
    "\",\"docuseal_submission_id\":" submission "}"

static void
a_pending_acceptance_is_sent_for_signature(void **state)
{
    struct play *play = *state;
    const char *created =
        CHANGE("cgv_acceptances", "null", CGV("pending_signature", "null"));
    deliver(play, "directus.cgv_acceptances.create", created);
    assert_says(play->published, "docuseal.commands cgv:" ID);
    assert_says(play->published, "\"acceptance\":\"" ID "\",\"template\":null");
    deliver(play, "directus.cgv_acceptances.update",
            CHANGE("cgv_acceptances", CGV("pending_signature", "null"),
                   CGV("pending_signature", "\"7\"")));
    assert_string_equal(play->published, "");
}

static void
an_acceptance_with_a_submission_is_left_alone(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.cgv_acceptances.create",
            CHANGE("cgv_acceptances", "null", CGV("pending_signature", "\"7\"")));
    assert_string_equal(play->published, "");
}

// ---- leads

static void
a_lead_with_an_e_mail_goes_to_mautic(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.leads.create",
            CHANGE("leads", "null", LEAD("Ada@example.com", "50", "new")));
    assert_says(play->published, "journey.facts lead:" ID);
    assert_says(play->published, "mautic.commands " ADA);
}

static void
a_lead_without_e_mail_is_a_note(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.leads.create",
            CHANGE("leads", "null", LEAD("", "50", "new")));
    assert_string_equal(play->published, "");
    assert_says(play->note, "no e-mail");
}

static void
a_lead_changed_where_nobody_looks_starts_nothing(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "new"),
                   LEAD("ada@example.com", "50", "new")));
    assert_string_equal(play->published, "");
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "new"),
                   LEAD("ada@example.com", "60", "new")));
    assert_says(play->published, "\"changed\":[\"score\"]");
}

static void
a_contact_is_converted_once_for_ever(void **state)
{
    struct play *play = *state;
    const char *won = CHANGE("leads", LEAD("lead@example.com", "50", "new"),
                             LEAD("lead@example.com", "50", "won"));
    play_expect(play, "GET", "/items/people?", 200,
                ROWS("{\"id\":\"" CONTACT
                     "\",\"email\":\"Ada@example.com\",\"company_id\":\"" FIRM "\"}"));
    play_expect(play, "PATCH", "/items/companies/" FIRM, 200, DONE);
    play_expect(play, "GET", "/items/leads?", 200,
                ROWS("{\"id\":\"" ID "\",\"converted_at\":null}"));
    play_expect(play, "PATCH", "/items/leads/" ID, 200, DONE);
    deliver(play, "directus.leads.update", won);
    assert_says(play->published, "journey.facts contact:" CONTACT);
    assert_says(play->published, "\"lead\":\"" ID "\"");
    assert_says(play->published, "mautic.commands " ADA);
    assert_says(play->calls, "{\"is_client\":true}");
    assert_says(play->calls, "{\"status\":\"converted\",\"converted_at\":\"");
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "won"),
                   LEAD("ada@example.com", "50", "lost")));
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "lost"),
                   LEAD("ada@example.com", "50", "won")));
    assert_null(strstr(play->published, "contact:"));
}

// A person wins it first and enters the contact afterwards.
static void
a_lead_is_won_when_it_has_a_contact(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD_ALONE("negotiation"), LEAD_ALONE("won")));
    assert_null(strstr(play->published, "contact:"));
    assert_says(play->note, "nobody to convert");
    play_expect(play, "GET", "/items/people?", 200,
                ROWS("{\"id\":\"" CONTACT
                     "\",\"email\":\"ada@example.com\",\"company_id\":null}"));
    play_expect(play, "GET", "/items/leads?", 200, ROWS(""));
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD_ALONE("won"), LEAD("ada@example.com", "50", "won")));
    assert_says(play->published, "journey.facts contact:" CONTACT);
}

static void
a_lead_that_was_converted_with_its_quote_converts_nobody(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "new"),
                   "{\"id\":\"" ID "\",\"email\":\"ada@example.com\","
                   "\"status\":\"converted\",\"contact_id\":\"" CONTACT
                   "\",\"converted_at\":\"2026-01-01T08:00:00Z\"}"));
    assert_says(play->published, "journey.facts lead:" ID);
    assert_null(strstr(play->published, "contact:"));
}

// ---- contacts

static void
only_contacts_that_mautic_knows_are_told(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.people.update",
            CHANGE("people", PERSON("a@example.com", "null"),
                   PERSON("b@example.com", "null")));
    assert_string_equal(play->published, "");
    deliver(play, "directus.people.update",
            CHANGE("people", PERSON("b@example.com", "\"7\""),
                   PERSON("ada@example.com", "\"7\"")));
    assert_says(play->published, "journey.facts contact:" ID);
    assert_says(play->published, "mautic.commands " ADA);
}

#define OPTED(in)                                                                   \
    "{\"id\":\"" ID "\",\"email\":\"ada@example.com\",\"mautic_contact_id\":\"7\"," \
    "\"email_opted_in\":" in "}"

// Each time, although the second time says what the first one did.
static void
who_opts_out_and_in_and_out_is_told_of_each_time(void **state)
{
    struct play *play = *state;
    static const char *const changes[] = {
        CHANGE("people", OPTED("true"), OPTED("false")),
        CHANGE("people", OPTED("false"), OPTED("true")),
        CHANGE("people", OPTED("true"), OPTED("false")),
    };
    char *said[3];
    for (size_t i = 0; i < 3; i++) {
        deliver(play, "directus.people.update", changes[i]);
        assert_says(play->published, "mautic.commands " ADA);
        said[i] = str_dup(play->published);
        deliver(play, "directus.people.update", changes[i]); // the same change again
        assert_string_equal(play->published, "");
    }
    // The ids of facts and commands hang on what is new.
    assert_string_not_equal(said[0], said[2]);
    for (size_t i = 0; i < 3; i++)
        free(said[i]);
}

static void
a_score_that_comes_back_is_told_of_again(void **state)
{
    struct play *play = *state;
    char *first;
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "10", "new"),
                   LEAD("ada@example.com", "60", "new")));
    first = str_dup(play->published);
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "60", "new"),
                   LEAD("ada@example.com", "10", "new")));
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "10", "new"),
                   LEAD("ada@example.com", "60", "new")));
    assert_says(play->published, "mautic.commands " ADA);
    assert_string_not_equal(first, play->published);
    free(first);
}

// ---- in general

static void
a_hint_reads_the_row_and_takes_its_company(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/leads?", 200,
                ROWS("{\"id\":\"" ID
                     "\",\"email\":\"ada@example.com\",\"status\":\"new\","
                     "\"owner_company\":\"LEXAIA\"}"));
    struct error err =
        play_deliver(play, (struct play_event){"directus.leads.create",
                                               "{\"collection\":\"leads\",\"key\":\"" ID
                                               "\",\"hint\":true}",
                                               .source = "directus", .company = ""});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_says(play->published, "\"company\":\"LEXAIA\"");
}

static void
an_old_lead_that_was_won_converts_nobody(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    for (int i = 0; i < 2; i++) {
        // First a hint that tells nothing; then with what baseline remembers.
        const char *data = i == 0 ? "{\"collection\":\"leads\",\"key\":\"" ID
                                    "\",\"hint\":true}"
                                  : "{\"collection\":\"leads\",\"key\":\"" ID
                                    "\",\"hint\":true,\"new\":{\"phone\":\"1\"}}";
        play->state_count = 0;
        if (i == 1)
            play_set_state(play, "lead:" ID, "{\"status\":\"won\"}");
        play_expect(play, "GET", "/items/leads?", 200,
                    ROWS(LEAD("ada@example.com", "50", "won")));
        deliver(play, "directus.leads.update", data);
        assert_string_equal(play->published, "");
        assert_says(play->note, "no watched field differs");
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pending_acceptance_is_sent_for_signature),
        TEST(an_acceptance_with_a_submission_is_left_alone),
        TEST(a_lead_with_an_e_mail_goes_to_mautic),
        TEST(a_lead_without_e_mail_is_a_note),
        TEST(a_lead_changed_where_nobody_looks_starts_nothing),
        TEST(a_contact_is_converted_once_for_ever),
        TEST(a_lead_is_won_when_it_has_a_contact),
        TEST(a_lead_that_was_converted_with_its_quote_converts_nobody),
        TEST(only_contacts_that_mautic_knows_are_told),
        TEST(who_opts_out_and_in_and_out_is_told_of_each_time),
        TEST(a_score_that_comes_back_is_told_of_again),
        TEST(a_hint_reads_the_row_and_takes_its_company),
        TEST(an_old_lead_that_was_won_converts_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
