// Acceptances, leads, contacts, invoices and payments: what a change of theirs starts.
#include <string.h>

#include "tests/harness/test.h"
#include "workers/orchestrator/tests/play.h"

#define ID "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"
#define CONTACT "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002"
#define INVOICE "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003"
#define CHANGE(collection, old, new)                                               \
    "{\"company\":\"HYPERVISUAL\",\"collection\":\"" collection "\",\"key\":\"" ID \
    "\",\"old\":" old ",\"new\":" new "}"
#define ROWS(row) "{\"data\":[" row "]}"
#define LEAD(email, score, status)                                       \
    "{\"id\":\"" ID "\",\"email\":\"" email                              \
    "\",\"first_name\":\"Ada\",\"score\":" score ",\"status\":\"" status \
    "\",\"contact_id\":\"" CONTACT "\"}"
#define PERSON(email, mautic) \
    "{\"id\":\"" ID "\",\"email\":\"" email "\",\"mautic_contact_id\":" mautic "}"
#define BILL(status, amount, more)                                    \
    "{\"id\":\"" ID "\",\"status\":\"" status "\",\"amount\":" amount \
    ",\"company_id\":null,\"contact_id\":\"" CONTACT "\"" more "}"
#define PAYMENT(source, status)                                         \
    "{\"id\":\"" ID "\",\"status\":\"" status "\",\"source\":\"" source \
    "\",\"amount\":12.00,\"invoice_id\":\"" INVOICE "\"}"
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
    const char *won = CHANGE("leads", LEAD("ada@example.com", "50", "new"),
                             LEAD("ada@example.com", "50", "won"));
    deliver(play, "directus.leads.update", won);
    assert_says(play->published, "journey.facts contact:" CONTACT);
    assert_says(play->published, "\"lead\":\"" ID "\"");
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "won"),
                   LEAD("ada@example.com", "50", "lost")));
    deliver(play, "directus.leads.update",
            CHANGE("leads", LEAD("ada@example.com", "50", "lost"),
                   LEAD("ada@example.com", "50", "won")));
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

// ---- invoices

static void
a_draft_is_not_mirrored_and_a_sent_invoice_is(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.create",
            CHANGE("client_invoices", "null", BILL("draft", "100.00", "")));
    assert_string_equal(play->published, "");
    deliver(play, "directus.client_invoices.update",
            CHANGE("client_invoices", BILL("draft", "100.00", ""),
                   BILL("sent", "100.00", "")));
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" CONTACT);
    assert_says(play->published, "\"to\":\"sent\"");
    assert_says(play->note, "invoice-ninja.invoice.sync");
}

static void
figures_of_a_worker_start_nothing(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.update",
            CHANGE("client_invoices", BILL("sent", "100.00", ",\"balance\":100.00"),
                   BILL("partial", "100.00", ",\"balance\":40.00")));
    assert_string_equal(play->published, "");
}

static void
a_number_and_a_string_are_the_same_amount(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.client_invoices.update",
            CHANGE("client_invoices", BILL("sent", "100.00", ""),
                   BILL("sent", "100.50", "")));
    assert_says(play->note, "invoice-ninja.invoice.sync");
    deliver(play, "directus.client_invoices.update",
            CHANGE("client_invoices", BILL("sent", "100.50", ""),
                   BILL("sent", "\"100.50\"", "")));
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

static void
an_item_that_moves_bills_its_invoice(void **state)
{
    struct play *play = *state;
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS("{\"id\":\"" INVOICE
                     "\",\"status\":\"sent\",\"company_id\":\"" CONTACT "\"}"));
    deliver(play, "directus.invoice_items.update",
            CHANGE("invoice_items", "{\"invoice_id\":\"" INVOICE "\",\"quantity\":1}",
                   "{\"invoice_id\":\"" INVOICE "\",\"quantity\":2}"));
    assert_says(play->published, "\"invoice\":\"" INVOICE "\"");
}

// ---- payments

static void
a_payment_of_a_person_is_booked_once(void **state)
{
    struct play *play = *state;
    const char *created = CHANGE("payments", "null", PAYMENT("bank", "completed"));
    play_expect(play, "GET", "/items/client_invoices?", 200,
                ROWS("{\"id\":\"" INVOICE
                     "\",\"invoice_ninja_id\":\"Wpm\",\"contact_id\":\"" CONTACT
                     "\"}"));
    deliver(play, "directus.payments.create", created);
    assert_says(play->published, "invoice-ninja.commands HYPERVISUAL:" CONTACT);
    assert_says(play->published, "\"payment\":\"" ID "\"");
    deliver(
        play, "directus.payments.update",
        CHANGE("payments", PAYMENT("bank", "completed"), PAYMENT("bank", "completed")));
    assert_string_equal(play->published, "");
}

static void
a_payment_from_invoice_ninja_is_not_sent_back(void **state)
{
    struct play *play = *state;
    deliver(play, "directus.payments.create",
            CHANGE("payments", "null", PAYMENT("invoice_ninja", "completed")));
    assert_string_equal(play->published, "");
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
        TEST(only_contacts_that_mautic_knows_are_told),
        TEST(a_draft_is_not_mirrored_and_a_sent_invoice_is),
        TEST(figures_of_a_worker_start_nothing),
        TEST(a_number_and_a_string_are_the_same_amount),
        TEST(a_deposit_is_never_mirrored_back),
        TEST(an_item_that_moves_bills_its_invoice),
        TEST(a_payment_of_a_person_is_booked_once),
        TEST(a_payment_from_invoice_ninja_is_not_sent_back),
        TEST(a_hint_reads_the_row_and_takes_its_company),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
