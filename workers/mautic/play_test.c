#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "workers/mautic/tests/scene.h"

#define REMINDER(level)                                                                \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\",\"level\":\"" level "\"" \
    "}"
#define PAID                                                                          \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\",\"payment\":\"" PAYMENT \
    "\"}"
#define WELCOME "{\"company\":\"HYPERVISUAL\",\"contact\":\"" CONTACT "\"}"
#define NOTE "note:contact:" CONTACT ":quote:" QUOTE ":r1:quote_sent"

static void
a_stranger_whose_quote_was_sent_becomes_a_contact(void **state)
{
    struct scene *scene = *state;
    const char *row = quote_row(
        scene, "sent", text(scene, "\"contact_id\":%s", person_row(scene, "")));
    struct error err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE(row), NOBODY, MADE, JOINS("4"), ALL_WILLING,
                              NO_MEMBER, ENTERS("1"), NOTED, PERSON_TOLD, END});
    assert_int_equal(err.kind, ERROR_NONE);

    struct json_object *contact = sent(scene, "POST", "/api/contacts/new");
    assert_string_equal(json_string_or(contact, "email", ""), EMAIL);
    assert_string_equal(json_string_or(contact, "firstname", ""), "Martina");
    assert_string_equal(json_string_or(contact, "company", ""),
                        "Alpenblick Immobilien AG");
    assert_string_equal(json_string_or(contact, "country", ""), "Switzerland");
    assert_string_equal(json_string_or(contact, "preferred_locale", ""), "de_CH");
    assert_string_equal(json_string_or(contact, "directus_id", ""), "people:" CONTACT);
    assert_string_equal(json_string_or(contact, "owner_company", ""), "HYPERVISUAL");
    assert_string_equal(json_print(json_at(contact, "tags"), NULL),
                        "[\"directus-sync\",\"hypervisual\"]");
    struct json_object *patch = sent(scene, "PATCH", "/items/people/");
    assert_string_equal(json_string_or(patch, "mautic_contact_id", ""), "47");
    assert_non_null(json_at(patch, "mautic_synced_at"));
    assert_string_equal(scene->fake.refs[0].remote_id, "47");
    assert_string_equal(scene->fake.refs[0].lane_key, PERSON);
}

static void
whom_mautic_knows_is_told_nothing_twice(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    struct json_object *note = sent(scene, "POST", "/api/notes/new");
    const char *words = json_string_or(note, "text", "");
    assert_int_equal(json_i64_or(note, "lead", 0), 47);
    assert_string_equal(json_string_or(note, "type", ""), "general");
    assert_non_null(strstr(words, "quote_sent"));
    assert_non_null(strstr(words, "\"total\":\"18377.00\""));
}

// A quote was declined before its sending was settled: an attempt may have joined.
static void
a_segment_that_an_attempt_may_have_joined_is_left(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply declined = READ_QUOTE(quote_row(scene, "rejected", ""));
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){declined, MARTINA, NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, "mautic.quote-closed", QUOTE_COMMAND,
                  (struct fake_reply[]){declined, MARTINA, OPEN_QUOTES(""), LEAVES("4"),
                                        NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_note_that_was_cut_is_looked_for_by_its_mark(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){SENT,
                                      MARTINA,
                                      JOINS("4"),
                                      ALL_WILLING,
                                      NO_MEMBER,
                                      ENTERS("1"),
                                      {"POST", "/api/notes/new", .cut = ERROR_UNSURE},
                                      END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    const char *words =
        json_string_or(sent(scene, "POST", "/api/notes/new"), "text", "");
    const char *mark = strstr(words, "ref ") + strlen("ref ");
    const char *search = text(scene, "/api/contacts/47/notes?search=%.36s&*", mark);
    scene->fake.now_ms += 40000;
    err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){
            SENT,
            MARTINA,
            JOINS("4"),
            {"GET", search, 200,
             .body = text(scene,
                          "{\"total\":2,\"notes\":{\"701\":{\"id\":701,\"text\":\"<p>"
                          "Event: quote_sent</p><p>ref %.36s</p>\"},\"702\":{\"id\":"
                          "702,\"text\":\"<p>ref %.36s</p>\"}}}",
                          mark, mark)},
            {"DELETE", "/api/notes/702/delete", 200, "{\"note\":{}}"},
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_effect(&scene->fake, NOTE)->result, "{\"note\":\"701\"}");
}

static void
who_opted_out_in_directus_enters_no_campaign(void **state)
{
    struct scene *scene = *state;
    const char *row =
        quote_row(scene, "sent",
                  text(scene, "\"contact_id\":%s",
                       person_row(scene, "\"mautic_contact_id\":\"47\",\"email_opted_"
                                         "in\":false")));
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE(row),
                                      MARTINA,
                                      {"POST", "/api/contacts/47/dnc/email/add", 200,
                                       .body = fixture(scene, "dnc-add.1.response.200"),
                                       .sends = "\"reason\":3"},
                                      JOINS("4"),
                                      NOTED,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no campaign: opted out"));
    assert_int_equal(fake_count(&scene->fake, "contact.unsubscribed"), 0);
}

// Another row with her address, of which Mautic never heard.
static void
one_row_that_wants_no_mails_speaks_for_the_person(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){
                    SENT,
                    MARTINA,
                    JOINS("4"),
                    PEOPLE("{\"id\":\"" OTHER_CONTACT
                           "\",\"email\":\" Martina.Keller@alpenblick-immo.ch\","
                           "\"email_opted_in\":false}"),
                    {"POST", "/api/contacts/47/dnc/email/add", 200,
                     .body = fixture(scene, "dnc-add.1.response.200")},
                    NOTED,
                    END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no campaign: opted out"));
}

static void
dunning_goes_on_without_consent(void **state)
{
    struct scene *scene = *state;
    fake_set_state(&scene->fake, PERSON,
                   "{\"contact\":\"47\",\"status\":\"unsubscribed\",\"status_at\":"
                   "\"2026-08-21T07:00:00+00:00\"}");
    const char *row = invoice_row(
        scene, "overdue",
        text(scene, "\"contact_id\":%s",
             person_row(scene,
                        "\"mautic_contact_id\":\"47\",\"email_opted_in\":false")));
    struct error err = deliver(scene, "mautic.payment-reminder", REMINDER("second"),
                               (struct fake_reply[]){
                                   READ_INVOICE(row),
                                   READ_CONTACT(contact_answer(scene, 47, EMAIL, 1)),
                                   {"PATCH", "/api/contacts/47/edit", 200,
                                    .body = contact_answer(scene, 47, EMAIL, 1)},
                                   JOINS("5"),
                                   NO_MEMBER,
                                   ENTERS("3"),
                                   NOTED,
                                   PERSON_TOLD,
                                   END,
                               });
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(fake_effect(&scene->fake, "campaign:3:contact:" CONTACT
                                              ":invoice:" INVOICE ":second"));
}

static struct error
remind(struct scene *scene, const char *level, const char *status, const char *changes)
{
    return deliver(scene, "mautic.payment-reminder", level,
                   (struct fake_reply[]){
                       READ_INVOICE(invoice_row(scene, status, changes)),
                       END,
                   });
}

static void
each_level_of_a_reminder_is_once_an_invoice(void **state)
{
    struct scene *scene = *state;
    const char *row = invoice_row(scene, "overdue", "");
    const struct fake_reply whole[] = {
        READ_INVOICE(row), MARTINA, JOINS("5"), NO_MEMBER, ENTERS("3"), NOTED, END};
    const struct fake_reply again[] = {READ_INVOICE(row), MARTINA, JOINS("5"), END};
    const struct fake_reply next[] = {
        READ_INVOICE(row), MARTINA, JOINS("5"), MEMBER(1, "2026-08-12 09:00:03"),
        ENTERS_AS("3", 2), NOTED,   END};
    const char *command = "mautic.payment-reminder";
    assert_int_equal(deliver(scene, command, REMINDER("first"), whole).kind, 0);
    assert_int_equal(deliver(scene, command, REMINDER("first"), again).kind, 0);
    assert_int_equal(deliver(scene, command, REMINDER("second"), next).kind, 0);
}

static void
nobody_is_reminded_of_what_is_paid_or_not_due(void **state)
{
    struct scene *scene = *state;
    // It was paid while nobody knew how far an attempt had come.
    static const char *const attempts[][2] = {
        {"mautic.campaign", "campaign:3:contact:" CONTACT ":invoice:" INVOICE ":first"},
        {"mautic.note",
         "note:contact:" CONTACT ":invoice:" INVOICE ":first:payment_reminder"}};
    for (int i = 0; i < 2; i++)
        fake_set_effect(&scene->fake,
                        &(struct fake_effect){attempts[i][0], attempts[i][1], NULL,
                                              LEDGER_EFFECT_UNSURE, 1, 0});
    scene->fake.now_ms += 40000;
    struct error err =
        deliver(scene, "mautic.payment-reminder", REMINDER("first"),
                (struct fake_reply[]){READ_INVOICE(invoice_row(scene, "paid", "")),
                                      NO_MEMBER, END});
    assert_int_equal(err.kind, ERROR_NONE);
    for (int i = 0; i < 2; i++)
        assert_int_not_equal(fake_effect(&scene->fake, attempts[i][1])->state,
                             LEDGER_EFFECT_UNSURE);
    assert_non_null(strstr(scene->fake.note, "the invoice is paid"));
    // An attempt before this one may have joined the segment.
    assert_null(json_at(fake_state(&scene->fake, PERSON), "fresh"));
    assert_int_equal(
        remind(scene, REMINDER("first"), "partial", "\"balance\":\"0.00\"").kind,
        ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "nothing is owed"));
    assert_int_equal(
        remind(scene, REMINDER("first"), "sent", "\"due_date\":\"2999-01-01\"").kind,
        ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "not overdue"));
}

// So many seconds from now.
static const char *
instant(struct scene *scene, int64_t seconds)
{
    char at[CLOCK_TEXT];
    clock_format(clock_wall_ms() + seconds * 1000, at);
    return text(scene, "%s", at);
}

static const char *
reminder_until(struct scene *scene, const char *level, int64_t seconds)
{
    return text(scene,
                "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE
                "\",\"level\":\"%s\",\"until\":\"%s\"}",
                level, instant(scene, seconds));
}

// Mautic was away for weeks: of the levels that waited the highest is played.
static void
a_reminder_whose_time_is_over_is_left_out(void **state)
{
    struct scene *scene = *state;
    const char *row = invoice_row(scene, "overdue", "");
    assert_int_equal(
        remind(scene, reminder_until(scene, "first", -1), "overdue", "").kind,
        ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "too late"));
    assert_int_equal(remind(scene, REMINDER("second"), "overdue",
                            "\"last_reminder_level\":\"final\"")
                         .kind,
                     ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "a higher level"));
    struct error err =
        deliver(scene, "mautic.payment-reminder", reminder_until(scene, "final", 3600),
                (struct fake_reply[]){READ_INVOICE(row), MARTINA, JOINS("5"), NO_MEMBER,
                                      ENTERS("3"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_reminder_that_was_begun_in_time_is_played_to_its_end(void **state)
{
    struct scene *scene = *state;
    const char *row = invoice_row(scene, "overdue", "");
    struct error err = deliver(
        scene, "mautic.payment-reminder", reminder_until(scene, "first", 3600),
        (struct fake_reply[]){READ_INVOICE(row),
                              MARTINA,
                              JOINS("5"),
                              NO_MEMBER,
                              ENTERS("3"),
                              {"POST", "/api/notes/new", .cut = ERROR_RETRYABLE},
                              END});
    assert_int_not_equal(err.kind, ERROR_NONE);
    scene->fake.now_ms += 40000;
    err = deliver(
        scene, "mautic.payment-reminder", reminder_until(scene, "first", -1),
        (struct fake_reply[]){READ_INVOICE(row), MARTINA, JOINS("5"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
nobody_is_reminded_after_a_refund(void **state)
{
    struct scene *scene = *state;
    static const char *const refunds[] = {
        "\"payments\":[{\"status\":\"refunded\",\"refunded_amount\":null}]",
        "\"payments\":[{\"status\":\"completed\",\"refunded_amount\":\"0.00\"},"
        "{\"status\":\"completed\",\"refunded_amount\":\"0.05\"}]"};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(remind(scene, REMINDER("first"), "sent", refunds[i]).kind,
                         ERROR_NONE);
        assert_non_null(strstr(scene->fake.note, "a payment was refunded"));
    }
}

static void
a_level_that_is_none_is_refused(void **state)
{
    struct scene *scene = *state;
    struct error err = remind(scene, REMINDER("third"), "overdue", "");
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "level must be first, second, final or coll"));
}

static void
a_signed_quote_leaves_the_pending_ones(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "mautic.quote-signed", QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")), MARTINA,
                              OPEN_QUOTES(""), LEAVES("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

#define OPEN_QUOTE(address, company)                            \
    "{\"id\":\"1\",\"contact_id\":{\"email\":\"" address "\"}," \
    "\"owner_company_id\":{\"code\":\"" company "\"}}"

// Nobody asks Directus why a person might stay where he is not.
static void
who_is_in_no_segment_leaves_none(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.payment-received", PAID,
                (struct fake_reply[]){READ_INVOICE(invoice_row(scene, "paid", "")),
                                      MARTINA, NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    const struct fake_reply signs[] = {READ_QUOTE(quote_row(scene, "signed", "")),
                                       MARTINA,
                                       OPEN_QUOTES(""),
                                       LEAVES("4"),
                                       NOTED,
                                       END};
    err = deliver(scene, "mautic.quote-signed", QUOTE_COMMAND, signs);
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, "mautic.quote-signed", QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")),
                                        MARTINA, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// It had joined before it was refused: where the person is, is not known any more.
static void
a_command_given_up_half_way_leaves_nothing_to_be_sure_of(void **state)
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
    err = deliver(scene, "mautic.quote-signed", QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")),
                                        MARTINA, OPEN_QUOTES(""), LEAVES("4"), NOTED,
                                        END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
another_open_quote_of_the_person_keeps_the_segment(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "mautic.quote-signed", QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")), MARTINA,
                              OPEN_QUOTES(OPEN_QUOTE(" MARTINA.keller@alpenblick-immo."
                                                     "ch",
                                                     "LEXAIA")),
                              NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
open_quotes_of_others_and_of_other_segments_do_not(void **state)
{
    struct scene *scene = *state;
    fake_setting("MAUTIC_SEGMENT_PENDING_QUOTES_LEXAIA", "14");
    struct error err = deliver(
        scene, "mautic.quote-signed", QUOTE_COMMAND,
        (struct fake_reply[]){
            READ_QUOTE(quote_row(scene, "signed", "")), MARTINA,
            OPEN_QUOTES(OPEN_QUOTE("martina.keller@alpenblick-immo.ch.example",
                                   "HYPERVISUAL") "," OPEN_QUOTE(EMAIL, "LEXAIA")),
            LEAVES("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_company_can_have_campaigns_and_segments_of_its_own(void **state)
{
    struct scene *scene = *state;
    fake_setting("MAUTIC_SEGMENT_PENDING_QUOTES_LEXAIA", "14");
    const char *row =
        quote_row(scene, "sent", "\"owner_company_id\":{\"code\":\"LEXAIA\"}");
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE(row),
                                      MARTINA,
                                      {"PATCH", "/api/contacts/47/edit", 200,
                                       .body = contact_answer(scene, 47, EMAIL, 0),
                                       .sends = "lexaia"},
                                      JOINS("14"),
                                      ALL_WILLING,
                                      NO_MEMBER,
                                      ENTERS("1"),
                                      NOTED,
                                      PERSON_TOLD,
                                      END});
    assert_int_equal(err.kind, ERROR_NONE);
    fake_setting("MAUTIC_SEGMENT_PENDING_QUOTES_LEXAIA", "pending");
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE(row), MARTINA, END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "MAUTIC_SEGMENT_PENDING_QUOTES_LEXAIA"));
}

static void
a_payment_takes_the_person_out_of_what_is_over(void **state)
{
    struct scene *scene = *state;
    const char *row = invoice_row(scene, "paid", "\"balance\":\"0.00\"");
    struct error err = deliver(
        scene, "mautic.payment-received", PAID,
        (struct fake_reply[]){READ_INVOICE(row), MARTINA, OVERDUE_INVOICES(""),
                              LEAVES("5"), OPEN_QUOTES(""), LEAVES("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const char *words =
        json_string_or(sent(scene, "POST", "/api/notes/new"), "text", "");
    assert_non_null(strstr(words, "HV-2026-0142-A"));
    assert_non_null(fake_effect(&scene->fake, "note:contact:" CONTACT
                                              ":payment:" PAYMENT ":payment_received"));
}

// Cancelled, or settled by what is no payment: there is nothing to note.
static void
an_invoice_that_is_closed_takes_the_person_out_of_the_overdue(void **state)
{
    struct scene *scene = *state;
    const char *closed = "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\"}";
    struct error err =
        deliver(scene, "mautic.invoice-closed", closed,
                (struct fake_reply[]){READ_INVOICE(invoice_row(scene, "cancelled", "")),
                                      MARTINA, OVERDUE_INVOICES(""), LEAVES("5"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
an_id_that_is_none_is_named(void **state)
{
    static const struct {
        const char *type, *data, *member;
    } cases[] = {
        {"mautic.quote-sent", "{\"quote\":\"../x\"}", "quote must be a uuid"},
        {"mautic.quote-sent", "{\"quote\":7}", "quote"},
        {"mautic.quote-closed", "{}", "quote"},
        {"mautic.payment-reminder", "{\"invoice\":\"\",\"level\":\"first\"}",
         "invoice"},
        {"mautic.payment-received", "{\"invoice\":\"" INVOICE "x\"}",
         "invoice must be a uuid"},
        {"mautic.welcome", "{\"contact\":\"1 OR 1=1\"}", "contact must be a uuid"},
        {"mautic.contact.sync", "{\"contact\":[]}", "contact"},
        {"mautic.lead.sync", "{\"lead\":\"\\u0000\"}", "lead"},
    };
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err =
            deliver(scene, cases[i].type, cases[i].data, (struct fake_reply[]){END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        if (strstr(err.text, cases[i].member) == NULL)
            fail_msg("%s: %s", cases[i].data, err.text);
    }
}

// However it is written: what happens once for it hangs on it.
static void
an_id_in_capitals_is_the_same_quote(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    struct error err = deliver(scene, "mautic.quote-sent",
                               "{\"company\":\"HYPERVISUAL\",\"quote\":"
                               "\"6F1C2F0E-9D3B-4B7E-8A55-0C1D2E3F4A5B\"}",
                               (struct fake_reply[]){SENT, MARTINA, JOINS("4"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
another_overdue_invoice_keeps_the_segment(void **state)
{
    struct scene *scene = *state;
    const char *row = invoice_row(scene, "paid", "");
    const char *others = "{\"id\":\"1\",\"contact_id\":{\"email\":\"" EMAIL
                         "\"},\"owner_company\":\"HYPERVISUAL\",\"balance\":\"10.00\"}";
    struct error err = deliver(
        scene, "mautic.payment-received", PAID,
        (struct fake_reply[]){READ_INVOICE(row), MARTINA, OVERDUE_INVOICES(others),
                              OPEN_QUOTES(""), LEAVES("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_payment_that_is_not_named_is_the_latest(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "mautic.payment-received",
        "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\",\"payment\":\"\"}",
        (struct fake_reply[]){READ_INVOICE(invoice_row(scene, "paid", "")),
                              {"GET", "/items/payments?*", 200,
                               .body = list(scene, "{\"id\":\"" PAYMENT "\"}")},
                              MARTINA,
                              OVERDUE_INVOICES(""),
                              LEAVES("5"),
                              OPEN_QUOTES(""),
                              LEAVES("4"),
                              NOTED,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(fake_effect(&scene->fake, "note:contact:" CONTACT
                                              ":payment:" PAYMENT ":payment_received"));
}

#define READ_PERSON(changes)                                \
    {                                                       \
        "GET", "/items/people/" CONTACT "?*", 200,          \
            .body = data(scene, person_row(scene, changes)) \
    }

static void
a_client_is_welcomed_once(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.welcome", WELCOME,
                (struct fake_reply[]){READ_PERSON("\"mautic_contact_id\":\"47\""),
                                      MARTINA, JOINS("3"), LEAVES("1"), LEAVES("2"),
                                      ALL_WILLING, NO_MEMBER, ENTERS("4"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, "mautic.welcome", WELCOME,
                  (struct fake_reply[]){READ_PERSON("\"mautic_contact_id\":\"47\""),
                                        MARTINA, JOINS("3"), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
who_is_in_the_welcome_campaign_is_not_welcomed_again(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "mautic.welcome", WELCOME,
        (struct fake_reply[]){READ_PERSON("\"mautic_contact_id\":\"47\""), MARTINA,
                              JOINS("3"), LEAVES("1"), LEAVES("2"), ALL_WILLING,
                              MEMBER(1, "2026-08-12 09:00:03"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_follow_up_is_for_open_quotes_only(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-followup", QUOTE_COMMAND,
                (struct fake_reply[]){SENT, MARTINA, ALL_WILLING, NO_MEMBER,
                                      ENTERS("2"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    err =
        deliver(scene, "mautic.quote-followup", QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "the quote is signed"));
    err = deliver(
        scene, "mautic.quote-followup", QUOTE_COMMAND,
        (struct fake_reply[]){
            READ_QUOTE(quote_row(scene, "sent", "\"valid_until\":\"2020-01-01\"")),
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no longer valid"));
}

static struct error
follow_up(struct scene *scene, int64_t after, int64_t until,
          const struct fake_reply replies[])
{
    return deliver(scene, "mautic.quote-followup",
                   text(scene,
                        "{\"company\":\"HYPERVISUAL\",\"quote\":\"" QUOTE
                        "\",\"after\":\"%s\",\"until\":\"%s\"}",
                        instant(scene, after), instant(scene, until)),
                   replies);
}

// Mautic was away for weeks: all that waited comes at once.
static void
follow_ups_that_waited_are_one_and_not_right_after_another(void **state)
{
    struct scene *scene = *state;
    const struct fake_reply left_out[] = {SENT, END};
    const struct fake_reply played[] = {SENT,
                                        MARTINA,
                                        ALL_WILLING,
                                        MEMBER(1, "2026-08-12 09:00:03"),
                                        ENTERS_AS("2", 2),
                                        NOTED,
                                        END};
    // Nobody was told of the quote yet, and the next one is said by now.
    assert_int_equal(follow_up(scene, -5400, -1, left_out).kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "too late"));
    assert_int_equal(follow_up(scene, -5400, 3600, played).kind, ERROR_NONE);
    // The next one is due already.
    assert_int_equal(follow_up(scene, -5400, 3600, left_out).kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "only just before"));
    // One that is left out does not put the next one off.
    assert_int_equal(follow_up(scene, 1, 3600, played).kind, ERROR_NONE);
}

static void
who_was_told_of_the_quote_just_now_is_not_followed_up(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(send_quote(scene).kind, ERROR_NONE);
    assert_int_equal(
        follow_up(scene, -5400, 3600, (struct fake_reply[]){SENT, END}).kind,
        ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "only just before"));
}

static void
a_quote_told_of_after_it_was_signed_still_counts_but_is_not_pending(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, "mautic.quote-sent", QUOTE_COMMAND,
        (struct fake_reply[]){READ_QUOTE(quote_row(scene, "signed", "")), MARTINA,
                              ALL_WILLING, NO_MEMBER, ENTERS("1"), NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_quote_that_is_withdrawn_by_now_enters_nothing(void **state)
{
    struct scene *scene = *state;
    struct error err =
        deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                (struct fake_reply[]){READ_QUOTE(quote_row(scene, "rejected", "")),
                                      MARTINA, NOTED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
without_an_address_nothing_is_done(void **state)
{
    struct scene *scene = *state;
    const char *row = quote_row(
        scene, "sent",
        text(scene, "\"contact_id\":%s", person_row(scene, "\"email\":null")));
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE(row), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no e-mail"));
    row = quote_row(scene, "sent", "\"contact_id\":null");
    err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                  (struct fake_reply[]){READ_QUOTE(row), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(strstr(scene->fake.note, "no contact"));
}

static void
a_changed_address_sends_the_command_to_its_new_lane(void **state)
{
    struct scene *scene = *state;
    const char *row =
        quote_row(scene, "sent",
                  text(scene, "\"contact_id\":%s",
                       person_row(scene, "\"email\":\"m.keller@alpenblick-immo.ch\"")));
    struct error err = deliver(scene, "mautic.quote-sent", QUOTE_COMMAND,
                               (struct fake_reply[]){READ_QUOTE(row), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *again = fake_last(&scene->fake, "mautic.quote-sent");
    assert_non_null(again);
    assert_non_null(again->original_id);
    assert_string_equal(again->key, "person:9be363591a0809b491d062dcb17ea4315d2cee887"
                                    "cdeeb19c5ebbbe8c67d81e4");
}

#define MET(test) cmocka_unit_test_setup_teardown(test, scene_begin_met, scene_end)
#define SOMEWHERE(test) \
    cmocka_unit_test_setup_teardown(test, scene_begin_somewhere, scene_end)
#define STAGED(test) cmocka_unit_test_setup_teardown(test, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(a_stranger_whose_quote_was_sent_becomes_a_contact),
        MET(whom_mautic_knows_is_told_nothing_twice),
        MET(a_segment_that_an_attempt_may_have_joined_is_left),
        MET(a_note_that_was_cut_is_looked_for_by_its_mark),
        MET(who_opted_out_in_directus_enters_no_campaign),
        MET(one_row_that_wants_no_mails_speaks_for_the_person),
        STAGED(dunning_goes_on_without_consent),
        MET(each_level_of_a_reminder_is_once_an_invoice),
        MET(nobody_is_reminded_of_what_is_paid_or_not_due),
        MET(a_level_that_is_none_is_refused),
        MET(a_reminder_whose_time_is_over_is_left_out),
        MET(a_reminder_that_was_begun_in_time_is_played_to_its_end),
        MET(nobody_is_reminded_after_a_refund),
        SOMEWHERE(a_signed_quote_leaves_the_pending_ones),
        MET(who_is_in_no_segment_leaves_none),
        MET(a_command_given_up_half_way_leaves_nothing_to_be_sure_of),
        SOMEWHERE(another_open_quote_of_the_person_keeps_the_segment),
        SOMEWHERE(open_quotes_of_others_and_of_other_segments_do_not),
        MET(a_company_can_have_campaigns_and_segments_of_its_own),
        SOMEWHERE(a_payment_takes_the_person_out_of_what_is_over),
        SOMEWHERE(an_invoice_that_is_closed_takes_the_person_out_of_the_overdue),
        STAGED(an_id_that_is_none_is_named),
        MET(an_id_in_capitals_is_the_same_quote),
        SOMEWHERE(another_overdue_invoice_keeps_the_segment),
        SOMEWHERE(a_payment_that_is_not_named_is_the_latest),
        SOMEWHERE(a_client_is_welcomed_once),
        SOMEWHERE(who_is_in_the_welcome_campaign_is_not_welcomed_again),
        MET(a_follow_up_is_for_open_quotes_only),
        MET(follow_ups_that_waited_are_one_and_not_right_after_another),
        MET(who_was_told_of_the_quote_just_now_is_not_followed_up),
        MET(a_quote_told_of_after_it_was_signed_still_counts_but_is_not_pending),
        MET(a_quote_that_is_withdrawn_by_now_enters_nothing),
        MET(without_an_address_nothing_is_done),
        MET(a_changed_address_sends_the_command_to_its_new_lane),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
