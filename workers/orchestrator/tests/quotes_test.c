// Quotes: what a change of theirs starts, and what a fact does to them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "tests/harness/test.h"
#include "workers/orchestrator/tests/play.h"

#define Q "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"
#define C "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002"
#define ROW(status, more)                                             \
    "{\"id\":\"" Q "\",\"status\":\"" status "\",\"contact_id\":\"" C \
    "\",\"company_id\":null,\"total\":10810.00,\"currency\":\"CHF\"" more "}"
#define CHANGE(old, new)                                                  \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"quotes\",\"key\":\"" Q \
    "\",\"old\":" old ",\"new\":" new "}"
#define HINT(new) \
    "{\"collection\":\"quotes\",\"key\":\"" Q "\",\"hint\":true,\"new\":" new "}"
#define ROWS(row) "{\"data\":[" row "]}"
#define STAMPED ",\"sent_at\":\"2026-01-01T08:00:00Z\""
#define DONE "{\"data\":{\"id\":\"" Q "\"}}"
#define FACT "{\"company\":\"HYPERVISUAL\",\"quote\":\"" Q "\"}"
#define LONG_AGO "2026-01-01T08:00:00Z"

static int
begin(void **state)
{
    *state = play_new();
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
assert_silent(const struct play *play)
{
    assert_string_equal(play->published, "");
    assert_string_equal(play->calls, "");
    assert_string_equal(play->attention, "");
}

static struct error
update(struct play *play, const char *data)
{
    return play_deliver(play, (struct play_event){"directus.quotes.update", data});
}

static void
become_sent(struct play *play)
{
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    struct error err = update(play, CHANGE(ROW("draft", ""), ROW("sent", "")));
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_quote_that_becomes_sent_is_sent_for_signature(void **state)
{
    struct play *play = *state;
    become_sent(play);
    assert_says(play->published, "journey.facts quote:" Q);
    assert_says(play->published, "\"total\":{\"cents\":1081000,\"currency\":\"CHF\"}");
    assert_says(play->published, "docuseal.commands quote:" Q);
    assert_says(play->published, "\"level\":\"simple\",\"template\":null,"
                                 "\"require_company_signature\":false");
    assert_says(play->calls, "\"sent_at\":\"");
    assert_says(play_state(play, "quote:" Q), "\"status\":\"sent\"");
    assert_says(play_state(play, "quote:" Q), "\"sent_count\":1");
}

static void
the_fact_is_finished_before_it_is_read_back(void **state)
{
    struct play *play = *state;
    become_sent(play);
    play->finished[strcspn(play->finished, "\n")] = '\0';
    assert_int_equal(strlen(play->finished), 36);
    assert_says(play->published, play->finished);
}

static void
a_command_for_what_does_not_run_here_is_a_note(void **state)
{
    struct play *play = *state;
    become_sent(play);
    assert_null(strstr(play->published, "mautic"));
    assert_says(play->note, "mautic.quote-sent: mautic does not run here");
}

static void
signatures_can_be_left_to_people(void **state)
{
    struct play *play = *state;
    play->o.auto_signature = false;
    become_sent(play);
    assert_null(strstr(play->published, "docuseal"));
    assert_says(play->published, "journey.facts");
}

static void
our_own_writes_come_back_and_start_nothing(void **state)
{
    struct play *play = *state;
    become_sent(play);
    struct error err = update(play, CHANGE(ROW("sent", ""), ROW("sent", STAMPED)));
    assert_int_equal(err.kind, ERROR_NONE);
    assert_silent(play);
}

static void
sent_again_is_a_second_occurrence(void **state)
{
    struct play *play = *state;
    become_sent(play);
    char *first = str_dup(play->finished);
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("draft", STAMPED)));
    assert_says(play->published, "docuseal.commands quote:" Q);
    assert_null(strstr(play->published, "journey.facts"));
    assert_says(play->note, "docuseal.signature.cancel");
    (void)update(play, CHANGE(ROW("draft", STAMPED), ROW("sent", STAMPED)));
    assert_says(play->published, "journey.facts");
    assert_string_not_equal(play->finished, first);
    free(first);
    assert_says(play_state(play, "quote:" Q), "\"sent_count\":2");
}

static void
an_edit_of_an_old_sent_quote_starts_nothing(void **state)
{
    struct play *play = *state;
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("sent", STAMPED)));
    assert_silent(play);
    assert_says(play_state(play, "quote:" Q), "\"sent_count\":1");
}

static void
a_quote_created_as_sent_became_sent(void **state)
{
    struct play *play = *state;
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)play_deliver(play, (struct play_event){"directus.quotes.create",
                                                 CHANGE("{}", ROW("sent", ""))});
    assert_says(play->published, "docuseal.commands");
}

static void
an_older_change_is_dropped(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"viewed\",\"sequence\":9}");
    (void)play_deliver(play,
                       (struct play_event){"directus.quotes.update",
                                           CHANGE(ROW("sent", ""), ROW("draft", "")),
                                           .sequence = 8});
    assert_silent(play);
    assert_says(play->note, "older than change 9");
    assert_says(play_state(play, "quote:" Q), "viewed");
}

static void
an_overtaken_change_is_judged_by_the_row(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"signed\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("signed", STAMPED)));
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("viewed", STAMPED)));
    assert_string_equal(play->published, "");
    assert_string_equal(play->attention, "");
    assert_says(play_state(play, "quote:" Q), "signed");
}

// Directus is the slow part: what DocuSeal's worker writes beside the status costs no
// read while our own write is on its way back.
static void
a_change_between_our_write_and_its_return_is_not_read_again(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"sent\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)play_deliver(play, (struct play_event){"quote.signed", FACT});
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("sent", STAMPED)));
    assert_silent(play);
    assert_says(play_state(play, "quote:" Q), "\"status\":\"signed\"");
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("signed", STAMPED)));
    assert_silent(play);
    assert_null(strstr(play_state(play, "quote:" Q), "unseen"));
}

static void
set_back_by_a_person_is_for_a_person(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"signed\",\"sent_count\":1}");
    (void)update(play, CHANGE(ROW("signed", STAMPED), ROW("sent", STAMPED)));
    assert_string_equal(play->published, "");
    assert_says(play->attention, "quote.moved-back quote:" Q);
}

// ---- by hand

static void
signed_by_hand_is_a_fact(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal,invoice-ninja,mautic";
    play_set_state(play, "quote:" Q, "{\"status\":\"sent\",\"sent_count\":1}");
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" Q "\",\"company_id\":null,\"contact_id\":{\"id\":\"" C
                     "\",\"email\":\"Ada@Example.com\"}}"));
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("signed", STAMPED)));
    assert_says(play->calls, "\"signed_at\":\"");
    assert_says(play->calls, "\"is_signed\":true");
    assert_null(strstr(play->calls, "\"status\":"));
    assert_says(play->published, "\"by_hand\":true");
    assert_says(play->published, "mautic.commands person:b5fc85e5");
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" C);
}

static void
expired_by_hand_cancels_the_signature(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"viewed\",\"sent_count\":1}");
    (void)update(play, CHANGE(ROW("viewed", STAMPED), ROW("expired", STAMPED)));
    assert_says(play->published, "journey.facts");
    assert_says(play->published, "docuseal.commands");
}

static void
a_person_may_accept_what_expired(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"expired\",\"sent_count\":1}");
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)update(play, CHANGE(ROW("expired", STAMPED), ROW("signed", STAMPED)));
    assert_says(play->published, "\"by_hand\":true");
    assert_string_equal(play->attention, "");
}

// ---- facts of others

static struct error
fact(struct play *play, const char *type)
{
    return play_deliver(play, (struct play_event){type, FACT, .time = LONG_AGO,
                                                  .source = "relais/docuseal"});
}

static void
viewed_moves_a_sent_quote(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"sent\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)fact(play, "quote.viewed");
    assert_says(play->calls, "{\"status\":\"viewed\",\"viewed_at\":\"" LONG_AGO "\"}");
    assert_says(play_state(play, "quote:" Q), "\"status\":\"viewed\"");
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("viewed", STAMPED)));
    assert_silent(play);
}

static void
a_late_view_moves_nothing_backwards(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"signed\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("signed", STAMPED)));
    (void)fact(play, "quote.viewed");
    assert_null(strstr(play->calls, "PATCH"));
    assert_string_equal(play->attention, "");
}

static void
signed_without_viewed_moves_a_sent_quote(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"sent\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)fact(play, "quote.signed");
    assert_says(play->calls, "{\"status\":\"signed\",\"signed_at\":\"" LONG_AGO
                             "\",\"is_signed\":true}");
    assert_says(play->note, "invoice-ninja.deposit.create: invoice-ninja does not run");
}

static void
a_signature_on_an_expired_quote_is_for_a_person(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal,invoice-ninja";
    play_set_state(play, "quote:" Q, "{\"status\":\"expired\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("expired", STAMPED)));
    (void)fact(play, "quote.signed");
    assert_null(strstr(play->calls, "PATCH"));
    assert_string_equal(play->published, "");
    assert_says(play->attention, "signature.late quote:" Q);
}

static void
declined_closes_the_quote(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"viewed\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("viewed", STAMPED)));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)fact(play, "quote.rejected");
    assert_says(play->calls, "{\"status\":\"rejected\"}");
    assert_says(play->published, "docuseal.commands quote:" Q);
}

static void
what_follows_from_a_fact_has_the_same_ids_again(void **state)
{
    struct play *play = *state;
    char *first = NULL;
    for (int i = 0; i < 2; i++) {
        play_set_state(play, "quote:" Q, "{\"status\":\"viewed\",\"sent_count\":1}");
        play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("rejected", STAMPED)));
        (void)fact(play, "quote.rejected");
        if (i == 0)
            first = str_dup(play->published);
    }
    assert_string_equal(play->published, first);
    assert_string_not_equal(first, "");
    free(first);
}

// A person's change is on its way while a fact moves the quote: the change must still
// be seen as what it is.
static void
a_fact_does_not_hide_a_change_on_its_way(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"draft\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)fact(play, "quote.viewed");
    (void)update(play, CHANGE(ROW("draft", STAMPED), ROW("sent", STAMPED)));
    assert_says(play->published, "docuseal.commands");
    (void)update(play, CHANGE(ROW("sent", STAMPED), ROW("viewed", STAMPED)));
    assert_string_equal(play->published, "");
    assert_says(play_state(play, "quote:" Q), "viewed");
}

static void
a_deleted_quote_is_no_error(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(""));
    struct error err = fact(play, "quote.viewed");
    assert_int_equal(err.kind, ERROR_NONE);
    assert_says(play->note, "the quote is gone");
}

static void
a_directus_that_is_away_leaves_nothing_behind(void **state)
{
    struct play *play = *state;
    play_expect(play, "PATCH", "/items/quotes/" Q, 502, "<html>");
    struct error err = update(play, CHANGE(ROW("draft", ""), ROW("sent", "")));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_string_equal(play->published, "");
    assert_string_equal(play_state(play, "quote:" Q), "");
}

// ---- hints

static struct error
flow(struct play *play, const char *type, const char *data, const char *time)
{
    return play_deliver(
        play, (struct play_event){type, data, .source = "directus", .time = time});
}

static void
flows_are_silent_beside_the_outbox(void **state)
{
    struct play *play = *state;
    (void)flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"), NULL);
    assert_silent(play);
    assert_says(play->note, "the outbox tells the same");
}

static void
a_hint_reads_the_row(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_set_state(play, "quote:" Q, "{\"status\":\"draft\"}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", "")));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    (void)flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"), NULL);
    assert_says(play->published, "docuseal.commands");
}

static void
a_hint_that_is_early_comes_again(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_set_state(play, "quote:" Q, "{\"status\":\"draft\"}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("draft", "")));
    struct error err =
        flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"), NULL);
    assert_int_equal(err.kind, ERROR_RATE_LIMITED);
    assert_int_equal(err.retry_after_ms, 1000);

    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("draft", "")));
    err = flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"), LONG_AGO);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(play->published, "");
}

static void
a_hint_of_a_creation_that_was_overtaken_does_not_wait(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/quotes?", 200, ROWS());
    struct error err =
        flow(play, "directus.quotes.create", HINT("{\"status\":\"draft\"}"), NULL);
    assert_int_equal(err.kind, ERROR_RATE_LIMITED); // not there yet

    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", "")));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, "{}");
    err = flow(play, "directus.quotes.create", HINT("{\"status\":\"draft\"}"), NULL);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_says(play->note, "quote.sent");
}

static void
a_hint_about_an_old_sent_quote_starts_nothing(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", "")));
    (void)flow(play, "directus.quotes.update", HINT("{\"title\":\"x\"}"), NULL);
    assert_string_equal(play->published, "");
}

static void
a_hint_that_failed_after_its_stamp_goes_on(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS(ROW("sent", ",\"sent_at\":\"2026-01-01T08:00:00.000Z\"")));
    (void)flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"), LONG_AGO);
    assert_says(play->published, "docuseal.commands");
}

static void
a_hint_about_what_was_acted_on_before_starts_nothing(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    (void)flow(play, "directus.quotes.update", HINT("{\"status\":\"sent\"}"),
               "2026-01-02T08:00:00Z");
    assert_says(play->note, "nothing new");
}

static void
a_replayed_change_is_a_hint(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q,
                   "{\"status\":\"sent\",\"sent_count\":1,\"sequence\":9}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    (void)play_deliver(
        play, (struct play_event){"directus.quotes.update",
                                  CHANGE(ROW("draft", ""), ROW("sent", "")),
                                  .original_id = "6a0e5c0e-0000-4000-8000-000000000009",
                                  .sequence = 3});
    assert_string_equal(play->published, "");
    assert_says(play->note, "nothing new");
}

// ---- bad input

static void
a_key_that_is_no_uuid_is_refused(void **state)
{
    struct play *play = *state;
    struct error err = update(
        play, "{\"collection\":\"quotes\",\"key\":\"7 or 1=1\",\"new\":{\"a\":1}}");
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_says(err.text, "key:");
}

static void
a_change_without_its_row_is_refused(void **state)
{
    struct play *play = *state;
    struct error err =
        update(play, "{\"collection\":\"quotes\",\"key\":\"" Q "\",\"old\":{}}");
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_says(err.text, "new:");
}

// ---- asked for

static struct error
ask(struct play *play, const char *name)
{
    char data[200];
    (void)snprintf(data, sizeof data, "{\"entity\":\"quote:" Q "\",\"fact\":\"%s\"}",
                   name);
    return play_deliver(play, (struct play_event){"orchestrator.fact", data});
}

static void
a_fact_that_is_asked_for_is_published_once(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"draft\"}");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    (void)ask(play, "quote.sent");
    assert_says(play->published, "docuseal.commands");
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("sent", STAMPED)));
    (void)ask(play, "quote.sent");
    assert_string_equal(play->published, "");
    assert_says(play->note, "published before");
}

static void
a_fact_that_directus_does_not_show_is_skipped(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/quotes?", 200, ROWS(ROW("draft", "")));
    (void)ask(play, "quote.sent");
    assert_string_equal(play->published, "");
    assert_says(play->note, "skipped: the quote is draft");
}

static void
an_unknown_fact_is_refused(void **state)
{
    struct play *play = *state;
    struct error err = ask(play, "quote.eaten");
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_says(err.text, "quote.eaten");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_quote_that_becomes_sent_is_sent_for_signature),
        TEST(the_fact_is_finished_before_it_is_read_back),
        TEST(a_command_for_what_does_not_run_here_is_a_note),
        TEST(signatures_can_be_left_to_people),
        TEST(our_own_writes_come_back_and_start_nothing),
        TEST(sent_again_is_a_second_occurrence),
        TEST(an_edit_of_an_old_sent_quote_starts_nothing),
        TEST(a_quote_created_as_sent_became_sent),
        TEST(an_older_change_is_dropped),
        TEST(an_overtaken_change_is_judged_by_the_row),
        TEST(a_change_between_our_write_and_its_return_is_not_read_again),
        TEST(set_back_by_a_person_is_for_a_person),
        TEST(signed_by_hand_is_a_fact),
        TEST(expired_by_hand_cancels_the_signature),
        TEST(a_person_may_accept_what_expired),
        TEST(viewed_moves_a_sent_quote),
        TEST(a_late_view_moves_nothing_backwards),
        TEST(signed_without_viewed_moves_a_sent_quote),
        TEST(a_signature_on_an_expired_quote_is_for_a_person),
        TEST(declined_closes_the_quote),
        TEST(what_follows_from_a_fact_has_the_same_ids_again),
        TEST(a_fact_does_not_hide_a_change_on_its_way),
        TEST(a_deleted_quote_is_no_error),
        TEST(a_directus_that_is_away_leaves_nothing_behind),
        TEST(flows_are_silent_beside_the_outbox),
        TEST(a_hint_reads_the_row),
        TEST(a_hint_that_is_early_comes_again),
        TEST(a_hint_of_a_creation_that_was_overtaken_does_not_wait),
        TEST(a_hint_about_an_old_sent_quote_starts_nothing),
        TEST(a_hint_that_failed_after_its_stamp_goes_on),
        TEST(a_hint_about_what_was_acted_on_before_starts_nothing),
        TEST(a_replayed_change_is_a_hint),
        TEST(a_key_that_is_no_uuid_is_refused),
        TEST(a_change_without_its_row_is_refused),
        TEST(a_fact_that_is_asked_for_is_published_once),
        TEST(a_fact_that_directus_does_not_show_is_skipped),
        TEST(an_unknown_fact_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
