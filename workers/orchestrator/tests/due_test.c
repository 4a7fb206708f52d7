// Timers: what sets them, what takes them back, and what their commands do.
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "tests/harness/test.h"
#include "workers/orchestrator/tests/play.h"

#define Q "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"
#define C "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002"
#define I "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003"
#define ROW(status, more)                                             \
    "{\"id\":\"" Q "\",\"status\":\"" status "\",\"contact_id\":\"" C \
    "\",\"sent_at\":\"2026-01-01T08:00:00Z\"" more "}"
#define VALID(date) ",\"valid_until\":\"" date "\""
#define CHANGE(old, new)                                                  \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"quotes\",\"key\":\"" Q \
    "\",\"old\":" old ",\"new\":" new "}"
#define BILL(status, due_date)               \
    "{\"id\":\"" I "\",\"status\":\"" status \
    "\",\"is_deposit\":true,\"contact_id\":\"" C "\",\"due_date\":" due_date "}"
#define BILLED(old, new)                                                           \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"client_invoices\",\"key\":\"" I \
    "\",\"old\":" old ",\"new\":" new "}"
#define ROWS(row) "{\"data\":[" row "]}"
#define DONE "{\"data\":{\"id\":\"" Q "\"}}"
#define OPEN(status, more)                                                         \
    ROWS("{\"id\":\"" Q "\",\"status\":\"" status "\",\"contact_id\":{\"id\":\"" C \
         "\",\"email\":\"ada@example.com\"}" more "}")
#define OWED(status, more)                                                          \
    ROWS("{\"id\":\"" I "\",\"status\":\"" status "\",\"due_date\":\"2026-02-10\"," \
         "\"contact_id\":{\"id\":\"" C "\",\"email\":\"ada@example.com\"}" more "}")

static int
begin(void **state)
{
    struct play *play = play_new();
    play->o.integrations = "docuseal,invoice-ninja,mautic";
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
    struct error err =
        play_deliver(play, (struct play_event){type, data, .subject = "quote:" Q});
    if (err.kind != ERROR_NONE)
        fail_msg("%s: %s", type, err.text);
}

// Puts the business's clock there.
static void
be_at(struct play *play, const char *instant)
{
    int64_t ms = 0;
    assert_true(clock_parse(instant, &ms));
    play->ahead_ms = ms - clock_wall_ms();
}

// ---- quotes

static void
become_sent(struct play *play)
{
    be_at(play, "2026-02-01T09:00:00Z");
    deliver(
        play, "directus.quotes.update",
        CHANGE(ROW("draft", VALID("2026-03-28")), ROW("sent", VALID("2026-03-28"))));
}

static void
a_sent_quote_is_followed_up_and_expires(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal";
    become_sent(play);
    assert_says(play->timers, "quote:" Q " orchestrator.followup 2026-02-04T09:00:0");
    assert_says(play->timers,
                "quote:" Q " orchestrator.expire 2026-03-28T23:00:00.000Z quote:" Q);
}

static void
a_quote_without_a_date_never_expires(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal";
    deliver(play, "directus.quotes.update", CHANGE(ROW("draft", ""), ROW("sent", "")));
    assert_says(play->timers, "orchestrator.followup");
    assert_null(strstr(play->timers, "orchestrator.expire"));
}

static void
the_expiry_follows_the_date(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal";
    become_sent(play);
    deliver(play, "directus.quotes.update",
            CHANGE(ROW("sent", VALID("2026-03-28")), ROW("sent", VALID("2026-03-29"))));
    assert_string_equal(play->timers,
                        "quote:" Q
                        " orchestrator.expire 2026-03-29T22:00:00.000Z quote:" Q "\n");
    deliver(play, "directus.quotes.update",
            CHANGE(ROW("sent", VALID("2026-03-29")), ROW("sent", VALID("2026-03-29"))));
    assert_string_equal(play->timers, "");
    deliver(play, "directus.quotes.update",
            CHANGE(ROW("sent", VALID("2026-03-29")), ROW("sent", "")));
    assert_says(play->timers, "quote:" Q " orchestrator.expire never");
}

static void
a_signature_ends_the_timers(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal";
    play_set_state(play, "quote:" Q, "{\"status\":\"viewed\",\"sent_count\":1}");
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    deliver(
        play, "directus.quotes.update",
        CHANGE(ROW("viewed", VALID("2026-03-28")), ROW("signed", VALID("2026-03-28"))));
    assert_says(play->timers, "quote:" Q " orchestrator.followup never");
    assert_says(play->timers, "quote:" Q " orchestrator.expire never");
}

static void
back_to_draft_ends_the_timers(void **state)
{
    struct play *play = *state;
    play->o.integrations = "docuseal";
    become_sent(play);
    deliver(
        play, "directus.quotes.update",
        CHANGE(ROW("sent", VALID("2026-03-28")), ROW("draft", VALID("2026-03-28"))));
    assert_says(play->timers, "quote:" Q " orchestrator.followup never");
    assert_says(play->timers, "quote:" Q " orchestrator.expire never");
    // And sent again they begin again, though the date is the same.
    deliver(
        play, "directus.quotes.update",
        CHANGE(ROW("draft", VALID("2026-03-28")), ROW("sent", VALID("2026-03-28"))));
    assert_says(play->timers, "orchestrator.followup 2026");
    assert_says(play->timers, "orchestrator.expire 2026");
}

#define FOLLOWUP                                                                   \
    "{\"company\":\"HYPERVISUAL\",\"quote\":\"" Q "\",\"due\":\"2026-02-04T09:00:" \
    "00Z\"}"

static void
a_follow_up_is_sent_counted_and_comes_again(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-04T09:00:01Z");
    play_expect(play, "GET", "/items/quotes?", 200,
                OPEN("viewed", VALID("2026-03-28") ",\"followup_count\":2"));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    deliver(play, "orchestrator.followup", FOLLOWUP);
    assert_says(play->published, "mautic.commands person:");
    assert_says(play->calls, "{\"last_followup_at\":\"2026-02-04T09:00:0");
    assert_says(play->calls, "\"followup_count\":3}");
    assert_says(play->timers, "quote:" Q " orchestrator.followup 2026-02-07T09:00:0");
    // If Mautic is away it may come later, but not late, and not right after another.
    assert_says(play->published, "\"after\":\"2026-02-02T21:00:0");
    assert_says(play->published, "\"until\":\"2026-02-07T09:00:0");
}

// An attempt that was cut after its write is repeated.
static void
a_follow_up_is_counted_once(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-04T09:00:05Z");
    play_expect(play, "GET", "/items/quotes?", 200,
                OPEN("viewed", ",\"followup_count\":3,\"last_followup_at\":"
                               "\"2026-02-04T09:00:01Z\""));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    deliver(play, "orchestrator.followup", FOLLOWUP);
    assert_says(play->calls, "\"followup_count\":3}");
    assert_says(play->published, "mautic.commands person:");
}

// After ten days without anybody there is one, and the next is three days later.
static void
what_was_slept_through_is_said_once(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-14T12:00:00Z");
    play_expect(play, "GET", "/items/quotes?", 200, OPEN("sent", VALID("2026-03-28")));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    deliver(play, "orchestrator.followup", FOLLOWUP);
    assert_says(play->timers, "orchestrator.followup 2026-02-17T12:00:0");
}

static void
nobody_is_followed_up_after_the_end(void **state)
{
    struct play *play = *state;
    static const char *const over[] = {OPEN("signed", ""), OPEN("draft", ""),
                                       OPEN("expired", ""), ROWS("")};
    for (int i = 0; i < 4; i++) {
        play_expect(play, "GET", "/items/quotes?", 200, over[i]);
        deliver(play, "orchestrator.followup", FOLLOWUP);
        assert_string_equal(play->published, "");
        assert_string_equal(play->timers, "");
    }
}

static void
nobody_is_followed_up_on_what_is_no_longer_valid(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-04T23:00:00Z");
    play_expect(play, "GET", "/items/quotes?", 200, OPEN("sent", VALID("2026-02-04")));
    deliver(play, "orchestrator.followup", FOLLOWUP);
    assert_string_equal(play->published, "");
}

static void
nobody_is_followed_up_without_an_address(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-04T09:00:01Z");
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" Q "\",\"status\":\"sent\",\"contact_id\":{\"id\":\"" C
                     "\",\"email\":null}}"));
    deliver(play, "orchestrator.followup", FOLLOWUP);
    assert_string_equal(play->published, "");
    assert_says(play->note, "no e-mail");
    assert_says(play->timers, "orchestrator.followup");
}

#define EXPIRE                                                                     \
    "{\"company\":\"HYPERVISUAL\",\"quote\":\"" Q "\",\"due\":\"2026-02-28T23:00:" \
    "00Z\"}"

static void
a_quote_expires_when_its_last_day_is_over(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" Q, "{\"status\":\"sent\",\"sent_count\":1}");
    // Our own clock may be a little behind the database's, which fired.
    be_at(play, "2026-02-28T22:59:58Z");
    play_expect(play, "GET", "/items/quotes?", 200, OPEN("sent", VALID("2026-02-28")));
    play_expect(play, "PATCH", "/items/quotes/" Q, 200, DONE);
    deliver(play, "orchestrator.expire", EXPIRE);
    assert_says(play->calls, "{\"status\":\"expired\"}");
    assert_says(play->published, "journey.facts quote:" Q);
    assert_says(play->published, "docuseal.commands quote:" Q);
    assert_says(play->published, "mautic.commands person:");
    assert_says(play->timers, "quote:" Q " orchestrator.followup never");
    assert_says(play_state(play, "quote:" Q), "expired");
}

static void
a_quote_that_was_prolonged_expires_later(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-28T23:00:01Z");
    play_expect(play, "GET", "/items/quotes?", 200, OPEN("sent", VALID("2026-03-01")));
    deliver(play, "orchestrator.expire", EXPIRE);
    assert_string_equal(play->published, "");
    assert_string_equal(play->timers,
                        "quote:" Q
                        " orchestrator.expire 2026-03-01T23:00:00.000Z quote:" Q "\n");
}

static void
a_signed_quote_does_not_expire(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-28T23:00:01Z");
    play_expect(play, "GET", "/items/quotes?", 200,
                OPEN("signed", VALID("2026-02-28")));
    deliver(play, "orchestrator.expire", EXPIRE);
    assert_string_equal(play->published, "");
}

// ---- invoices

static void
an_open_invoice_is_watched_and_a_closed_one_is_not(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.create",
            BILLED("null", BILL("sent", "\"2026-02-10\"")));
    assert_string_equal(play->timers,
                        "invoice:" I
                        " orchestrator.overdue 2026-02-10T23:00:00.000Z quote:" Q "\n");
    deliver(play, "directus.client_invoices.update",
            BILLED(BILL("sent", "\"2026-02-10\""), BILL("partial", "\"2026-02-10\"")));
    assert_string_equal(play->timers, "");
    deliver(play, "directus.client_invoices.update",
            BILLED(BILL("sent", "\"2026-02-10\""), BILL("sent", "\"2026-07-20\"")));
    assert_says(play->timers, "orchestrator.overdue 2026-07-20T22:00:00.000Z");
    deliver(play, "directus.client_invoices.update",
            BILLED(BILL("sent", "\"2026-07-20\""), BILL("paid", "\"2026-07-20\"")));
    assert_says(play->timers, "invoice:" I " orchestrator.overdue never");
    // A payment that bounced: the ladder goes on where it was.
    deliver(play, "directus.client_invoices.update",
            BILLED(BILL("paid", "\"2026-07-20\""), BILL("sent", "\"2026-07-20\"")));
    assert_says(play->timers, "orchestrator.overdue 2026-07-20T22:00:00.000Z");
}

#define OVERDUE(due) \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" I "\",\"due\":\"" due "\"}"

static void
owe(struct play *play, const char *row, bool reminded)
{
    play_expect(play, "GET", "/items/client_invoices?", 200, row);
    if (reminded)
        play_expect(play, "PATCH", "/items/client_invoices/" I, 200, DONE);
}

static void
the_ladder_is_climbed_one_level_at_a_time(void **state)
{
    struct play *play = *state;
    static const struct {
        const char *at, *level, *until, *next;
    } steps[] = {
        {"2026-02-10T23:00:00Z", "first", "\"until\":\"2026-02-16T23:00:00.000Z\"",
         "2026-02-17T23:00:00.000Z"},
        {"2026-02-17T23:00:00Z", "second", "\"until\":\"2026-02-23T23:00:00.000Z\"",
         "2026-02-24T23:00:00.000Z"},
        {"2026-02-24T23:00:00Z", "final", "\"until\":\"2026-03-11T23:00:00.000Z\"",
         "2026-03-12T23:00:00.000Z"},
        {"2026-03-12T23:00:00Z", "collection", "\"level\":\"collection\"}", NULL},
        {0},
    };
    char last[200] = "";
    for (int i = 0; steps[i].at != NULL; i++) {
        char data[300];
        char level[60];
        be_at(play, steps[i].at);
        (void)snprintf(data, sizeof data,
                       "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" I
                       "\",\"due\":\"%s\"}",
                       steps[i].at);
        (void)snprintf(level, sizeof level, "\"level\":\"%s\"", steps[i].level);
        owe(play, OWED("overdue", ",\"balance\":\"10.00\""), true);
        deliver(play, "orchestrator.overdue", data);
        assert_says(play->published, "journey.facts quote:" Q);
        assert_says(play->published, "mautic.commands person:");
        assert_says(play->published, level);
        assert_says(play->published, steps[i].until);
        assert_says(play->calls, steps[i].level);
        if (steps[i].next != NULL)
            assert_says(play->timers, steps[i].next);
        else
            assert_string_equal(play->timers, "");
        // Each level is a fact of its own.
        assert_null(strstr(last, play->finished));
        (void)snprintf(last, sizeof last, "%.100s", play->finished);
        // And is said once.
        owe(play, OWED("overdue", ",\"balance\":\"10.00\""), false);
        deliver(play, "orchestrator.overdue", data);
        assert_string_equal(play->published, "");
    }
}

static void
after_a_long_sleep_only_the_highest_level_is_said(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-03-01T10:00:00Z");
    owe(play, OWED("sent", ""), true);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-02-10T23:00:00Z"));
    assert_says(play->published, "\"level\":\"final\"");
    assert_null(strstr(play->published, "\"level\":\"first\""));
    assert_says(play->published, "\"days\":19");
    assert_says(play->timers, "2026-03-12T23:00:00.000Z");
}

static void
who_has_paid_is_not_reminded(void **state)
{
    struct play *play = *state;
    static const char *const over[] = {OWED("paid", ""), OWED("cancelled", ""),
                                       OWED("partial", ",\"balance\":\"0.00\""),
                                       ROWS("")};
    be_at(play, "2026-03-01T10:00:00Z");
    for (int i = 0; i < 4; i++) {
        owe(play, over[i], false);
        deliver(play, "orchestrator.overdue", OVERDUE("2026-02-10T23:00:00Z"));
        assert_string_equal(play->published, "");
        assert_string_equal(play->timers, "");
    }
}

#define PAYMENT(status, amount, refunded)             \
    "{\"status\":\"" status "\",\"amount\":\"" amount \
    "\",\"refunded_amount\":\"" refunded "\"}"
#define WITH_PAYMENTS(payments) \
    OWED("sent",                \
         ",\"amount\":\"10.00\",\"balance\":\"10.00\",\"payments\":[" payments "]")

static void
who_got_money_back_is_left_to_a_person(void **state)
{
    struct play *play = *state;
    static const char *const refunded[] = {
        WITH_PAYMENTS(PAYMENT("refunded", "10.00", "10.00")),
        WITH_PAYMENTS(PAYMENT("completed", "10.00", "0.50")),
        WITH_PAYMENTS(PAYMENT("completed", "4.00", "0.00") "," //
                      PAYMENT("refunded", "6.00", "6.00"))};
    be_at(play, "2026-03-20T10:00:00Z");
    for (int i = 0; i < 3; i++) {
        owe(play, refunded[i], false);
        deliver(play, "orchestrator.overdue", OVERDUE("2026-02-10T23:00:00Z"));
        assert_string_equal(play->published, "");
        assert_string_equal(play->timers, "");
        assert_says(play->attention, "payment.refunded invoice:" I ": ");
        assert_says(play->note, "a person decides");
    }
}

// The figures of the invoice came before the refund of its payment, or its payment
// before the figures.
static void
who_has_paid_by_the_payments_is_looked_at_again(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-03-01T10:00:00Z");
    owe(play,
        WITH_PAYMENTS(PAYMENT("completed", "4.00", "0.00") "," //
                      PAYMENT("completed", "6.00", "0.00")),
        false);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-02-10T23:00:00Z"));
    assert_string_equal(play->published, "");
    assert_string_equal(play->attention, "");
    assert_says(play->timers, "orchestrator.overdue 2026-03-02T10:00:0");
    // Part of it is not enough, nor is what was deleted or did not come through.
    owe(play,
        WITH_PAYMENTS(PAYMENT("completed", "4.00", "0.00") "," //
                      PAYMENT("cancelled", "6.00", "0.00") "," //
                      PAYMENT("pending", "6.00", "0.00")),
        true);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-03-02T10:00:00Z"));
    assert_says(play->published, "\"level\":\"final\"");
}

static void
a_due_date_that_was_moved_is_waited_for(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-10T22:00:00Z");
    owe(play, OWED("sent", ""), false);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-02-01T23:00:00Z"));
    assert_string_equal(play->published, "");
    assert_says(play->timers, "2026-02-10T23:00:00.000Z");
}

// What was reached before there was a memory counts; what this very command wrote in an
// attempt that was cut does not.
static void
a_level_that_directus_shows_was_reached(void **state)
{
    struct play *play = *state;
    be_at(play, "2026-02-20T10:00:00Z");
    owe(play,
        OWED("sent", ",\"last_reminder_level\":\"second\","
                     "\"last_reminder_at\":\"2026-02-01T00:00:00Z\""),
        false);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-02-17T23:00:00Z"));
    assert_string_equal(play->published, "");
    assert_says(play->timers, "2026-02-24T23:00:00.000Z");

    play_set_state(play, "invoice:" I, "{}");
    owe(play,
        OWED("sent", ",\"last_reminder_level\":\"second\","
                     "\"last_reminder_at\":\"2026-02-20T09:59:00Z\""),
        true);
    deliver(play, "orchestrator.overdue", OVERDUE("2026-02-17T23:00:00Z"));
    assert_says(play->published, "\"level\":\"second\"");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_sent_quote_is_followed_up_and_expires),
        TEST(a_quote_without_a_date_never_expires),
        TEST(the_expiry_follows_the_date),
        TEST(a_signature_ends_the_timers),
        TEST(back_to_draft_ends_the_timers),
        TEST(a_follow_up_is_sent_counted_and_comes_again),
        TEST(a_follow_up_is_counted_once),
        TEST(what_was_slept_through_is_said_once),
        TEST(nobody_is_followed_up_after_the_end),
        TEST(nobody_is_followed_up_on_what_is_no_longer_valid),
        TEST(nobody_is_followed_up_without_an_address),
        TEST(a_quote_expires_when_its_last_day_is_over),
        TEST(a_quote_that_was_prolonged_expires_later),
        TEST(a_signed_quote_does_not_expire),
        TEST(an_open_invoice_is_watched_and_a_closed_one_is_not),
        TEST(the_ladder_is_climbed_one_level_at_a_time),
        TEST(after_a_long_sleep_only_the_highest_level_is_said),
        TEST(who_has_paid_is_not_reminded),
        TEST(who_got_money_back_is_left_to_a_person),
        TEST(who_has_paid_by_the_payments_is_looked_at_again),
        TEST(a_due_date_that_was_moved_is_waited_for),
        TEST(a_level_that_directus_shows_was_reached),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
