// Invoices, their items and payments: what a change or a fact of theirs starts.
#include <stdio.h>
#include <string.h>

#include "tests/harness/test.h"
#include "workers/orchestrator/tests/play.h"

#define ID "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"
#define CONTACT "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002"
#define INVOICE "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003"
#define FIRM "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0004"
#define QUOTE "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0005"
#define LEAD "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0006"
#define CHANGE(collection, old, new)                                               \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"" collection "\",\"key\":\"" ID \
    "\",\"old\":" old ",\"new\":" new "}"
#define ROWS(row) "{\"data\":[" row "]}"
#define DONE "{\"data\":{\"id\":\"" ID "\"}}"
#define BILL(status, amount, more)                                    \
    "{\"id\":\"" ID "\",\"status\":\"" status "\",\"amount\":" amount \
    ",\"company_id\":null,\"contact_id\":\"" CONTACT "\"" more "}"
#define PAYMENT(source, status)                                         \
    "{\"id\":\"" ID "\",\"status\":\"" status "\",\"source\":\"" source \
    "\",\"amount\":12.00,\"invoice_id\":\"" INVOICE "\"}"
#define ADA "person:b5fc85e55755f9e0d030a10ab4429b6b2944855f9a0d60077fe832becbc41d72"
#define PERSON "\"contact_id\":{\"id\":\"" CONTACT "\",\"email\":\"Ada@example.com\"}"
// An invoice as it is read for a payment.
#define PAID_BILL(more)                                                          \
    "{\"id\":\"" INVOICE "\",\"amount\":\"100.00\",\"currency\":\"CHF\"," PERSON \
    ",\"company_id\":\"" FIRM "\"" more "}"
#define OF_QUOTE(status)                                                        \
    ",\"quote_id\":{\"id\":\"" QUOTE "\",\"status\":\"" status                  \
    "\",\"deposit_paid\":false,\"deposit_paid_at\":null,\"company_id\":\"" FIRM \
    "\"," PERSON "}"
#define RECEIVED(fully_paid, is_deposit)                                             \
    "{\"company\":\"HYPERVISUAL\",\"payment\":\"" ID "\",\"invoice\":\"" INVOICE     \
    "\",\"quote\":\"" QUOTE "\",\"contact\":\"" CONTACT                              \
    "\",\"amount\":{\"cents\":1200,\"currency\":\"CHF\"},\"fully_paid\":" fully_paid \
    ",\"is_deposit\":" is_deposit "}"
#define ITEMS(quantity) \
    ROWS("{\"id\":\"" ID "\",\"quantity\":\"" quantity "\",\"unit_price\":\"5.00\"}")

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
    if (err.kind != ERROR_NONE)
        fail_msg("%s: %s", type, err.text);
}

static void
bill(struct play *play, const char *old, const char *new)
{
    char data[2000];
    (void)snprintf(data, sizeof data,
                   "{\"company\":\"HYPERVISUAL\",\"collection\":\"client_invoices\","
                   "\"key\":\"" ID "\",\"old\":%s,\"new\":%s}",
                   old, new);
    deliver(play, "directus.client_invoices.update", data);
}

// ---- invoices

static void
a_draft_is_not_mirrored_and_a_sent_invoice_is(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.create",
            CHANGE("client_invoices", "null", BILL("draft", "100.00", "")));
    assert_string_equal(play->published, "");
    play_expect(play, "GET", "/items/invoice_items?", 200, ITEMS("1"));
    bill(play, BILL("draft", "100.00", ""), BILL("sent", "100.00", ""));
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" CONTACT);
    assert_says(play->published, "\"to\":\"sent\"");
    assert_says(play->note, "invoice-ninja.invoice.sync");
}

static void
figures_of_a_worker_start_nothing(void **state)
{
    struct play *play = *state;
    bill(play, BILL("sent", "100.00", ",\"balance\":100.00"),
         BILL("partial", "100.00", ",\"balance\":40.00"));
    assert_string_equal(play->published, "");
}

// What Invoice Ninja says of itself is no wish of a person.
static void
a_status_that_was_seen_in_invoice_ninja_is_not_sent_back(void **state)
{
    struct play *play = *state;
    bill(play, BILL("sent", "100.00", ",\"ninja_synced_at\":\"2026-01-01T08:00:00Z\""),
         BILL("cancelled", "100.00", ",\"ninja_synced_at\":\"2026-01-02T08:00:00Z\""));
    assert_string_equal(play->published, "");
    bill(play, BILL("cancelled", "100.00", ""), BILL("sent", "100.00", ""));
    assert_says(play->published, "\"to\":\"sent\"");
}

static void
a_number_and_a_string_are_the_same_amount(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/invoice_items?", 200, ITEMS("1"));
    bill(play, BILL("sent", "100.00", ""), BILL("sent", "100.50", ""));
    assert_says(play->note, "invoice-ninja.invoice.sync");
    bill(play, BILL("sent", "100.50", ""), BILL("sent", "\"100.50\"", ""));
    assert_string_equal(play->published, "");
}

static void
a_deposit_is_never_mirrored_back(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.create",
            CHANGE("client_invoices", "null",
                   BILL("sent", "30.00", ",\"is_deposit\":true")));
    assert_string_equal(play->published, "");
}

// The one thing that people do to it in Directus.
static void
a_deposit_that_a_person_cancels_is_cancelled(void **state)
{
    struct play *play = *state;
    bill(play, BILL("sent", "30.00", ",\"is_deposit\":true"),
         BILL("cancelled", "30.00", ",\"is_deposit\":true"));
    assert_says(play->published, "\"to\":\"cancelled\"");
    assert_null(strstr(play->note, "invoice.sync"));
    bill(play,
         BILL("sent", "30.00",
              ",\"is_deposit\":true,\"ninja_synced_at\":\"2026-01-01T08:00:00Z\""),
         BILL("cancelled", "30.00",
              ",\"is_deposit\":true,\"ninja_synced_at\":\"2026-01-02T08:00:00Z\""));
    assert_string_equal(play->published, "");
}

#define IN_NINJA ",\"currency\":\"CHF\",\"invoice_ninja_id\":\"Wpm\""

// Invoice Ninja would dun the client for ever, and nobody would know why.
static void
what_is_paid_by_a_persons_word_alone_is_flagged(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/payments?", 200, ROWS(""));
    bill(play, BILL("sent", "100.00", IN_NINJA), BILL("paid", "100.00", IN_NINJA));
    assert_says(play->attention, "invoice-ninja.paid-by-hand invoice:" ID);
    play_set_state(play, "invoice:" ID, "{}");
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS("{\"id\":\"" FIRM "\",\"amount\":\"100.00\"}"));
    bill(play, BILL("sent", "100.00", IN_NINJA), BILL("paid", "100.00", IN_NINJA));
    assert_string_equal(play->attention, "");
    play_set_state(play, "invoice:" ID, "{}");
    bill(play, BILL("sent", "100.00", IN_NINJA),
         BILL("paid", "100.00",
              IN_NINJA ",\"ninja_synced_at\":\"2026-01-02T08:00:00Z\""));
    assert_string_equal(play->attention, "");
}

static void
move_item(struct play *play, const char *quantity)
{
    char items[400];
    (void)snprintf(items, sizeof items,
                   "{\"data\":[{\"id\":\"" ID
                   "\",\"quantity\":\"%s\",\"unit_price\":\"5.00\"}]}",
                   quantity);
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS("{\"id\":\"" INVOICE
                     "\",\"status\":\"sent\",\"company_id\":\"" CONTACT "\"}"));
    play_expect(play, "GET", "/items/invoice_items?", 200, items);
    deliver(play, "directus.invoice_items.update",
            CHANGE("invoice_items", "{\"invoice_id\":\"" INVOICE "\"}",
                   "{\"invoice_id\":\"" INVOICE "\"}"));
}

static void
an_item_that_moves_bills_its_invoice(void **state)
{
    struct play *play = *state;
    move_item(play, "2");
    assert_says(play->published, "\"invoice\":\"" INVOICE "\"");
    move_item(play, "2");
    assert_string_equal(play->published, "");
    move_item(play, "3");
    assert_says(play->published, "\"invoice\":\"" INVOICE "\"");
}

// Items that are written with their invoice are billed with it.
static void
an_invoice_and_its_items_are_mirrored_once(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/invoice_items?", 200, ITEMS("2"));
    deliver(play, "directus.client_invoices.create",
            "{\"company\":\"HYPERVISUAL\",\"collection\":\"client_invoices\","
            "\"key\":\"" INVOICE "\",\"old\":null,\"new\":{\"id\":\"" INVOICE
            "\",\"status\":\"sent\",\"company_id\":\"" FIRM "\"}}");
    assert_says(play->published, "\"invoice\":\"" INVOICE "\"");
    move_item(play, "2");
    assert_string_equal(play->published, "");
}

// ---- payments by people

static void
a_payment_of_a_person_is_booked_once(void **state)
{
    struct play *play = *state;
    const char *created = CHANGE("payments", "null", PAYMENT("bank", "completed"));
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(",\"invoice_ninja_id\":\"Wpm\"")));
    deliver(play, "directus.payments.create", created);
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" FIRM);
    assert_says(play->published, "\"payment\":\"" ID "\"");
    deliver(
        play, "directus.payments.update",
        CHANGE("payments", PAYMENT("bank", "completed"), PAYMENT("bank", "completed")));
    assert_string_equal(play->published, "");
}

// Without the old row, and without what was written (data), nobody knows what it was.
static void
hint(struct play *play, const char *collection, const char *data, const char *row)
{
    char text[400];
    char type[80];
    play->o.capture = "flow";
    (void)snprintf(type, sizeof type, "directus.%s.update", collection);
    (void)snprintf(text, sizeof text,
                   "{\"collection\":\"%s\",\"key\":\"" ID "\",\"hint\":true%s}",
                   collection, data);
    play_expect(play, "GET", collection, 200, row);
    deliver(play, type, text);
}

static void
an_old_payment_that_is_corrected_is_not_booked(void **state)
{
    struct play *play = *state;
    hint(play, "payments", "", ROWS(PAYMENT("bank", "completed")));
    assert_says(play->note, "not newly completed");
    play->state_count = 0;
    // As baseline remembers it.
    play_set_state(play, "payment:" ID, "{\"status\":\"completed\"}");
    hint(play, "payments", ",\"new\":{\"reference\":\"x\"}",
         ROWS(PAYMENT("bank", "completed")));
    assert_says(play->note, "not newly completed");
    assert_string_equal(play->published, "");
}

// Flows are in no order: an update may come before the creation.
static void
a_new_payment_is_booked_whichever_hint_comes_first(void **state)
{
    struct play *play = *state;
    play->o.capture = "flow";
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS(PAYMENT("bank", "completed")));
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(",\"invoice_ninja_id\":\"Wpm\"")));
    deliver(play, "directus.payments.update",
            "{\"company\":\"HYPERVISUAL\",\"collection\":\"payments\",\"key\":\"" ID
            "\",\"hint\":true,\"new\":{\"reference\":\"x\"}}");
    assert_says(play->published, "\"payment\":\"" ID "\"");
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS(PAYMENT("bank", "completed")));
    deliver(play, "directus.payments.create",
            "{\"company\":\"HYPERVISUAL\",\"collection\":\"payments\",\"key\":\"" ID
            "\",\"hint\":true,\"new\":{\"status\":\"completed\"}}");
    assert_string_equal(play->published, "");
}

static void
an_old_invoice_that_is_edited_is_not_mirrored(void **state)
{
    struct play *play = *state;
    hint(play, "client_invoices", "", ROWS(BILL("sent", "100.00", "")));
    assert_says(play->note, "no billed field differs");
    play->state_count = 0;
    play_set_state(play, "invoice:" ID, "{\"status\":\"sent\"}");
    hint(play, "client_invoices", ",\"new\":{\"last_reminder_level\":\"first\"}",
         ROWS(BILL("sent", "100.00", "")));
    assert_says(play->note, "no billed field differs");
    assert_string_equal(play->published, "");
}

// It may be on its way to Invoice Ninja: it was told to mirror it.
static void
a_payment_on_an_invoice_that_is_being_mirrored_is_booked(void **state)
{
    struct play *play = *state;
    play_set_state(play, "invoice:" INVOICE, "{\"status\":\"sent\",\"hash\":\"abc\"}");
    play_expect(play, "GET", "/items/client_invoices?", 200, ROWS(PAID_BILL("")));
    deliver(play, "directus.payments.create",
            CHANGE("payments", "null", PAYMENT("bank", "completed")));
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" FIRM);
}

static void
a_payment_on_an_invoice_of_our_own_is_received(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/client_invoices?", 200, ROWS(PAID_BILL("")));
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS("{\"id\":\"" ID "\",\"amount\":\"12.00\"},"
                     "{\"id\":\"" FIRM "\",\"amount\":\"98.00\","
                     "\"refunded_amount\":\"10.00\"}"));
    (void)play_deliver(play, (struct play_event){"directus.payments.create",
                                                 CHANGE("payments", "null",
                                                        PAYMENT("bank", "completed")),
                                                 .subject = "invoice:" INVOICE});
    assert_says(play->published, "journey.facts invoice:" INVOICE);
    assert_says(play->published, "\"amount\":{\"cents\":1200,\"currency\":\"CHF\"},"
                                 "\"fully_paid\":true,\"is_deposit\":false");
    assert_says(play->published, "mautic.commands " ADA);
    assert_says(play->timers, "invoice:" INVOICE " orchestrator.overdue never");
    assert_null(strstr(play->published, "\"payment\":\"" FIRM));
}

// Each is a dead letter that names the field; nothing is received.
static void
odd_payments_and_invoices_are_named(void **state)
{
    struct play *play = *state;
    static const struct {
        const char *invoice, *payment, *word;
    } cases[] = {
        {"\"amount\":null", "\"amount\":\"12.00\"", "amount must be an amount"},
        {"\"amount\":\"100.00\"", "\"amount\":null", "amount must be an amount"},
        {"\"amount\":\"100.00\"", "\"amount\":\"-5.00\"", "above 0"},
        {"\"amount\":\"100.00\"", "\"amount\":\"1e3\"", "not 1e3"},
        {"\"amount\":\"100.00\"", "\"amount\":\"12.00\",\"refunded_amount\":\"x\"",
         "refunded_amount"},
        {"\"amount\":\"100.00\",\"currency\":\"CHF\"",
         "\"amount\":\"12.00\",\"currency\":\"EUR\"", "currency"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char invoice[500];
        char payment[300];
        (void)snprintf(
            invoice, sizeof invoice,
            ROWS("{\"id\":\"" INVOICE "\"," PERSON ",\"company_id\":null,%s}"),
            cases[i].invoice);
        (void)snprintf(payment, sizeof payment, ROWS("{\"id\":\"" ID "\",%s}"),
                       cases[i].payment);
        play_expect(play, "GET", "/items/client_invoices?", 200, invoice);
        play_expect(play, "GET", "/items/payments?", 200, payment);
        struct error err = play_deliver(
            play, (struct play_event){
                      "directus.payments.create",
                      CHANGE("payments", "null", PAYMENT("bank", "completed"))});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_says(err.text, cases[i].word);
        assert_non_null(err.hint);
        assert_string_equal(play->published, "");
    }
}

static void
a_payment_of_no_invoice_is_a_dead_letter(void **state)
{
    struct play *play = *state;
    struct error err = play_deliver(
        play, (struct play_event){"directus.payments.create",
                                  CHANGE("payments", "null",
                                         "{\"id\":\"" ID "\",\"status\":\"completed\","
                                         "\"source\":\"bank\",\"amount\":12.00}")});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_says(err.text, "invoice_id");
}

static void
a_payment_from_invoice_ninja_is_not_sent_back(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.payments.create",
            CHANGE("payments", "null", PAYMENT("invoice_ninja", "completed")));
    assert_string_equal(play->published, "");
}

// ---- facts of Invoice Ninja's worker

static void
fact(struct play *play, const char *type, const char *data)
{
    struct error err =
        play_deliver(play, (struct play_event){type, data, .subject = "quote:" QUOTE,
                                               .time = "2026-02-03T08:00:00Z",
                                               .source = "relais/invoice-ninja"});
    if (err.kind != ERROR_NONE)
        fail_msg("%s: %s", type, err.text);
}

#define DEPOSIT                                                                   \
    "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\",\"invoice\":\"" INVOICE \
    "\",\"ninja_id\":\"Wpm\",\"number\":\"Q-1-A\",\"due_date\":\"2026-02-13\","   \
    "\"amount\":{\"cents\":3000,\"currency\":\"CHF\"}}"

static void
a_deposit_is_mailed_and_its_due_date_watched(void **state)
{
    struct play *play = *state;
    play_set_state(play, "quote:" QUOTE, "{\"status\":\"signed\",\"sent_count\":1}");
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE
                     "\",\"status\":\"signed\",\"company_id\":\"" FIRM "\"," PERSON
                     "}"));
    play_expect(play, "PATCH", "/items/quotes/" QUOTE, 200, DONE);
    fact(play, "deposit.invoiced", DEPOSIT);
    assert_says(play->calls, "{\"status\":\"awaiting_deposit\"}");
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" FIRM);
    assert_says(play->published,
                "\"invoice\":\"" INVOICE "\",\"template\":\"invoice\",\"cc\":[],"
                "\"request\":\"deposit\"");
    assert_null(strstr(play->published, "\"quote\""));
    assert_says(play->timers, "invoice:" INVOICE " orchestrator.overdue "
                              "2026-02-13T23:00:00.000Z quote:" QUOTE);
}

static void
part_of_a_deposit_completes_nothing(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(OF_QUOTE("awaiting_deposit"))));
    fact(play, "payment.received", RECEIVED("false", "true"));
    assert_says(play->published, "mautic.commands " ADA);
    assert_says(play->published, "\"payment\":\"" ID "\"");
    assert_null(strstr(play->calls, "PATCH"));
    assert_string_equal(play->timers, "");
}

static void
pay_deposit(struct play *play)
{
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(OF_QUOTE("awaiting_deposit"))));
    play_expect(play, "PATCH", "/items/quotes/" QUOTE, 200, DONE);
}

static void
expect_conversion(struct play *play)
{
    play_expect(play, "PATCH", "/items/companies/" FIRM, 200, DONE);
    play_expect(play, "GET", "/items/leads?", 200, ROWS("{\"id\":\"" LEAD "\"}"));
    play_expect(play, "PATCH", "/items/leads/" LEAD, 200, DONE);
}

static void
a_deposit_that_is_paid_completes_the_quote_and_makes_a_client(void **state)
{
    struct play *play = *state;
    pay_deposit(play);
    expect_conversion(play);
    fact(play, "payment.received", RECEIVED("true", "true"));
    assert_says(
        play->calls,
        "{\"status\":\"completed\",\"deposit_paid_at\":\"2026-02-03T08:00:00Z\","
        "\"deposit_paid\":true}");
    assert_says(play->calls, "{\"is_client\":true}");
    assert_says(play->calls, "{\"status\":\"converted\",\"converted_at\":\""
                             "2026-02-03T08:00:00Z\"}");
    assert_says(play->published, "journey.facts quote:" QUOTE);
    assert_says(play->published, "journey.facts contact:" CONTACT);
    assert_says(play->published, "\"quote\":\"" QUOTE "\"");
    assert_says(play->timers, "invoice:" INVOICE " orchestrator.overdue never");
    assert_says(play->note, "mautic.payment-received");
    assert_says(play->note, "status awaiting_deposit -> completed");
    assert_says(play->note, "mautic.welcome");
    assert_says(play_state(play, "converted:" CONTACT), "converted");
    assert_says(play_state(play, "quote:" QUOTE), "completed");
}

// Somebody set the quote back meanwhile: the money is there all the same.
static void
a_deposit_paid_too_late_is_for_a_person(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(OF_QUOTE("rejected"))));
    play_expect(play, "PATCH", "/items/quotes/" QUOTE, 200, DONE);
    fact(play, "payment.received", RECEIVED("true", "true"));
    assert_says(play->calls, "{\"deposit_paid_at\":\"2026-02-03T08:00:00Z\","
                             "\"deposit_paid\":true}");
    assert_says(play->attention, "deposit.paid-late quote:" QUOTE);
    assert_null(strstr(play->published, "quote:" QUOTE));
}

static void
a_deposit_of_a_quote_that_was_set_back_is_for_a_person(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\",\"status\":\"draft\"," PERSON "}"));
    fact(play, "deposit.invoiced", DEPOSIT);
    assert_says(play->attention, "deposit.unwanted quote:" QUOTE);
    assert_string_equal(play->published, "");
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\",\"status\":\"completed\"," PERSON "}"));
    fact(play, "deposit.invoiced", DEPOSIT);
    assert_string_equal(play->attention, "");
}

static void
a_second_completed_quote_converts_nobody(void **state)
{
    struct play *play = *state;
    play_set_state(play, "converted:" CONTACT, "{\"status\":\"converted\"}");
    pay_deposit(play);
    fact(play, "payment.received", RECEIVED("true", "true"));
    assert_says(play->published, "journey.facts quote:" QUOTE);
    assert_null(strstr(play->published, "journey.facts contact:"));
    assert_says(play->note, "a client already");
}

// Two lanes, in the same second: neither sees the other's memory.
static void
two_conversions_at_once_are_the_same_fact(void **state)
{
    struct play *play = *state;
    char ids[2][37] = {0};
    for (int i = 0; i < 2; i++) {
        play_set_state(play, "converted:" CONTACT, "{}");
        play_set_state(play, "quote:" QUOTE, "{}");
        pay_deposit(play);
        expect_conversion(play);
        fact(play, "payment.received", RECEIVED("true", "true"));
        const char *at = strstr(play->published, "journey.facts contact:" CONTACT);
        assert_non_null(at);
        at += strlen("journey.facts contact:" CONTACT " ");
        memcpy(ids[i], at, 36);
    }
    assert_string_equal(ids[0], ids[1]);
}

static void
a_deposit_of_nothing_completes_the_quote(void **state)
{
    struct play *play = *state;
    play_set_state(play, "converted:" CONTACT, "{\"status\":\"converted\"}");
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\",\"status\":\"signed\"," PERSON "}"));
    play_expect(play, "PATCH", "/items/quotes/" QUOTE, 200, DONE);
    fact(play, "quote.deposit-waived",
         "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE "\"}");
    assert_says(play->calls, "{\"status\":\"completed\"}");
    assert_says(play->published, "\"contact\":\"" CONTACT "\"");
}

static void
completed_by_hand_is_completed(void **state)
{
    struct play *play = *state;
    play_set_state(play, "converted:" CONTACT, "{\"status\":\"converted\"}");
    play_set_state(play, "quote:" QUOTE, "{\"status\":\"signed\",\"sent_count\":1}");
    deliver(play, "directus.quotes.update",
            "{\"company\":\"HYPERVISUAL\",\"collection\":\"quotes\",\"key\":\"" QUOTE
            "\",\"old\":{\"status\":\"signed\"},\"new\":{\"status\":\"completed\","
            "\"contact_id\":\"" CONTACT "\"}}");
    assert_says(play->published, "journey.facts quote:" QUOTE);
    assert_says(play->note, "a client already");
}

#define REFUNDED                                                                 \
    "{\"company\":\"HYPERVISUAL\",\"payment\":\"" ID "\",\"invoice\":\"" INVOICE \
    "\",\"quote\":\"" QUOTE "\",\"amount\":{\"cents\":1200,\"currency\":\"CHF\"}}"

static void
a_refund_after_the_end_is_for_a_person(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\",\"status\":\"completed\"}"));
    fact(play, "payment.refunded", REFUNDED);
    assert_says(play->attention, "payment.refunded quote:" QUOTE);
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\",\"status\":\"awaiting_deposit\"}"));
    fact(play, "payment.refunded", REFUNDED);
    assert_string_equal(play->attention, "");
}

static void
a_paid_invoice_is_not_watched_any_more(void **state)
{
    struct play *play = *state;
    fact(play, "invoice.paid",
         "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE
         "\",\"quote\":null,\"amount_paid\":{\"cents\":1,\"currency\":\"CHF\"},"
         "\"balance\":{\"cents\":0,\"currency\":\"CHF\"}}");
    assert_says(play->timers, "invoice:" INVOICE " orchestrator.overdue never");
}

// Else people would stay among those whose invoices are overdue.
static void
an_invoice_they_were_reminded_of_ends_in_mautic_too(void **state)
{
    static const char *const ends[] = {"invoice.paid", "invoice.cancelled"};
    static const char *const levels[] = {"null", "\"first\""};
    struct play *play = *state;
    for (size_t i = 0; i < 4; i++) {
        char row[1000];
        (void)snprintf(row, sizeof row, ROWS(PAID_BILL(",\"last_reminder_level\":%s")),
                       levels[i % 2]);
        play_expect(play, "GET", "/items/client_invoices?", 200, row);
        fact(play, ends[i / 2],
             "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE
             "\",\"quote\":null,\"fully_paid\":true,\"is_deposit\":false}");
        if (i % 2 == 0) {
            assert_string_equal(play->published, "");
            continue;
        }
        assert_says(play->published, "mautic.commands " ADA);
        assert_says(play->published, "\"invoice\":\"" INVOICE "\"");
        assert_says(play->note, "mautic.invoice-closed");
    }
}

#define SETTLED                                                                        \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\",\"quote\":\"" QUOTE      \
    "\",\"amount_paid\":{\"cents\":1200,\"currency\":\"CHF\"},\"balance\":{\"cents\":" \
    "0,"                                                                               \
    "\"currency\":\"CHF\"},\"is_deposit\":true,\"fully_paid\":true}"

// A credit, or a lower amount after a part payment: no payment would ever tell.
static void
a_deposit_settled_without_a_payment_completes_the_quote(void **state)
{
    struct play *play = *state;
    play_set_state(play, "converted:" CONTACT, "{\"status\":\"converted\"}");
    play_set_state(play, "quote:" QUOTE, "{\"status\":\"awaiting_deposit\"}");
    pay_deposit(play);
    fact(play, "invoice.paid", SETTLED);
    assert_says(play->calls, "\"deposit_paid\":true");
    assert_says(play->note, "status awaiting_deposit -> completed");
    assert_says(play->timers, "invoice:" INVOICE " orchestrator.overdue never");
    assert_says(play->published, "journey.facts quote:" QUOTE);
    assert_says(play_state(play, "quote:" QUOTE), "completed");
    // Its payment may come after it: the quote is completed once.
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(",\"quote_id\":{\"id\":\"" QUOTE
                               "\",\"status\":\"completed\",\"deposit_paid\":true}")));
    fact(play, "payment.received", RECEIVED("true", "true"));
    assert_null(strstr(play->published, "journey.facts"));
    assert_says(play->published, "mautic.commands " ADA);
}

// ---- asked for

static void
ask(struct play *play, const char *what, const char *entity, const char *key)
{
    char data[300];
    (void)snprintf(data, sizeof data,
                   "{\"company\":\"HYPERVISUAL\",\"entity\":\"%s\",\"fact\":\"%s\"}",
                   entity, what);
    struct error err =
        play_deliver(play, (struct play_event){"orchestrator.fact", data, .key = key});
    if (err.kind != ERROR_NONE)
        fail_msg("%s", err.text);
}

static void
a_payment_that_is_asked_for_has_the_id_it_always_has(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/client_invoices?", 200, ROWS(PAID_BILL("")));
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS("{\"id\":\"" ID "\",\"amount\":\"12.00\"}"));
    ask(play, "payment.received", "invoice:" INVOICE, "invoice:" INVOICE);
    assert_says(play->published, "\"fully_paid\":false");
    char first[37] = "";
    memcpy(first, play->finished, 36);
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS(PAID_BILL(",\"invoice_ninja_id\":\"Wpm\"")));
    play_expect(play, "GET", "/items/payments?", 200,
                ROWS("{\"id\":\"" ID "\",\"amount\":\"12.00\"}"));
    ask(play, "payment.received", "invoice:" INVOICE, "invoice:" INVOICE);
    assert_memory_equal(play->finished, first, 36);
}

static void
a_lead_and_a_client_can_be_asked_for(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/leads?", 200,
                ROWS("{\"id\":\"" LEAD "\",\"email\":\"ada@example.com\"}"));
    ask(play, "lead.created", "lead:" LEAD, "lead:" LEAD);
    assert_says(play->published, "journey.facts lead:" LEAD);
    play_expect(play, "GET", "/items/quotes?", 200, "{\"data\":[]}");
    play_expect(play, "GET", "/items/leads?", 200, "{\"data\":[]}");
    ask(play, "client.converted", "contact:" CONTACT, "contact:" CONTACT);
    assert_says(play->note, "skipped");
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\"," PERSON "}"));
    play_expect(play, "GET", "/items/leads?", 200, "{\"data\":[]}");
    ask(play, "client.converted", "contact:" CONTACT, "contact:" CONTACT);
    assert_says(play->published, "journey.facts contact:" CONTACT);
    assert_says(play->published, "mautic.commands " ADA);
    play_expect(play, "GET", "/items/quotes?", 200,
                ROWS("{\"id\":\"" QUOTE "\"," PERSON "}"));
    ask(play, "client.converted", "contact:" CONTACT, "contact:" CONTACT);
    assert_string_equal(play->published, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_draft_is_not_mirrored_and_a_sent_invoice_is),
        TEST(figures_of_a_worker_start_nothing),
        TEST(a_status_that_was_seen_in_invoice_ninja_is_not_sent_back),
        TEST(a_number_and_a_string_are_the_same_amount),
        TEST(a_deposit_is_never_mirrored_back),
        TEST(a_deposit_that_a_person_cancels_is_cancelled),
        TEST(what_is_paid_by_a_persons_word_alone_is_flagged),
        TEST(an_item_that_moves_bills_its_invoice),
        TEST(an_invoice_and_its_items_are_mirrored_once),
        TEST(a_payment_of_a_person_is_booked_once),
        TEST(an_old_payment_that_is_corrected_is_not_booked),
        TEST(a_new_payment_is_booked_whichever_hint_comes_first),
        TEST(an_old_invoice_that_is_edited_is_not_mirrored),
        TEST(a_payment_on_an_invoice_that_is_being_mirrored_is_booked),
        TEST(a_payment_on_an_invoice_of_our_own_is_received),
        TEST(odd_payments_and_invoices_are_named),
        TEST(a_payment_of_no_invoice_is_a_dead_letter),
        TEST(a_payment_from_invoice_ninja_is_not_sent_back),
        TEST(a_deposit_is_mailed_and_its_due_date_watched),
        TEST(part_of_a_deposit_completes_nothing),
        TEST(a_deposit_that_is_paid_completes_the_quote_and_makes_a_client),
        TEST(a_deposit_paid_too_late_is_for_a_person),
        TEST(a_deposit_of_a_quote_that_was_set_back_is_for_a_person),
        TEST(a_second_completed_quote_converts_nobody),
        TEST(two_conversions_at_once_are_the_same_fact),
        TEST(a_deposit_of_nothing_completes_the_quote),
        TEST(completed_by_hand_is_completed),
        TEST(a_refund_after_the_end_is_for_a_person),
        TEST(a_paid_invoice_is_not_watched_any_more),
        TEST(an_invoice_they_were_reminded_of_ends_in_mautic_too),
        TEST(a_deposit_settled_without_a_payment_completes_the_quote),
        TEST(a_payment_that_is_asked_for_has_the_id_it_always_has),
        TEST(a_lead_and_a_client_can_be_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
