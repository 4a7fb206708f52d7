#include <string.h>

#include "common/str.h"
#include "workers/invoice_ninja/deposit.h"
#include "workers/invoice_ninja/tests/deposit.h"

static struct error
create(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, CREATE, COMMAND, replies);
}

static struct error
first(struct scene *scene)
{
    return create(scene,
                  (struct fake_reply[]){FIRST_CALLS, MADE_INVOICE, RECORDED, END});
}

static void
a_signed_quote_gets_its_deposit_invoice(void **state)
{
    struct scene *scene = *state;
    struct error err = first(scene);
    assert_int_equal(err.kind, ERROR_NONE);

    struct json_object *body = sent(scene, "POST", "/api/v1/invoices");
    assert_string_equal(text_at(body, "client_id"), "VWPe9xdLyw");
    assert_string_equal(json_print(json_at(body, "invitations"), NULL),
                        "[{\"client_contact_id\":\"kzPdyP7bQr\"}]");
    assert_string_equal(text_at(body, "number"), "HV-2026-0142-A");
    assert_string_equal(text_at(body, "custom_value1"), "directus:invoice:" DEPOSIT);
    assert_string_equal(text_at(body, "custom_value2"), QUOTE_ROOT);
    assert_true(json_bool_or(body, "uses_inclusive_taxes", false));
    assert_false(json_bool_or(body, "is_amount_discount", true));
    assert_string_equal(
        json_print(json_at(body, "line_items"), NULL),
        "[{\"product_key\":\"ACOMPTE\",\"notes\":\"Acompte 30% - Devis HV-2026-0142\","
        "\"quantity\":1,\"cost\":5513.1,\"tax_name1\":\"TVA\",\"tax_rate1\":8.1,"
        "\"type_id\":\"1\"}]");
    assert_string_equal(DEPOSIT, ninja_deposit_id(&scene->fake.keep, QUOTE));
    assert_no_key(scene, &err);
}

static void
the_client_carries_the_partys_uuid(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/clients");
    assert_string_equal(text_at(body, "name"), "Alpenblick Immobilien AG");
    assert_string_equal(text_at(body, "id_number"), FIRM);
    assert_string_equal(text_at(body, "custom_value1"), "directus:" FIRM);
    assert_string_equal(text_at(body, "country_code"), "CH");
    assert_string_equal(text_at(body, "classification"), "company");
    struct json_object *contact =
        json_object_array_get_idx(json_array_or_null(body, "contacts"), 0);
    assert_string_equal(text_at(contact, "email"), "martina.keller@alpenblick-immo.ch");
    assert_string_equal(text_at(contact, "custom_value1"), "directus:" CONTACT);
    for (int i = 0; i < scene->fake.call_count; i++)
        if (strcmp(scene->fake.calls[i].service, "invoice-ninja") == 0)
            assert_string_equal(scene->fake.calls[i].token, API_KEY);
}

static void
directus_gets_the_row_through_the_quote(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    static const char *const members[][2] = {
        {"id", DEPOSIT},
        {"invoice_number", "HV-2026-0142-A"},
        {"type", "deposit"},
        {"is_deposit", "true"},
        {"company_id", FIRM},
        {"contact_id", CONTACT},
        {"owner_company", "HYPERVISUAL"},
        {"quote_id", QUOTE},
        {"issue_date", "2026-08-12"},
        {"due_date", "2099-08-22"},
        {"currency", "CHF"},
        {"amount", "5513.10"},
        {"amount_net", "5100.00"},
        {"tax_amount", "413.10"},
        {"tax_rate", "8.1"},
        {"invoice_ninja_id", "7LDdwrmb1Y"},
        {"invoice_ninja_number", "HV-2026-0142-A"},
        {"amount_paid", "0.00"},
        {"balance", "5513.10"},
    };
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        assert_string_equal(json_object_get_string(json_at(row, members[i][0])),
                            members[i][1]);
    // Beside it, the status is no person's wish.
    assert_string_not_equal(text_at(row, "ninja_synced_at"), "");
}

static void
facts_and_memory_tell_of_it(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "deposit.invoiced");
    assert_string_equal(fact->key, QUOTE_ROOT);
    assert_string_equal(text_at(fact->data, "company"), "HYPERVISUAL");
    assert_string_equal(text_at(fact->data, "invoice"), DEPOSIT);
    assert_string_equal(text_at(fact->data, "ninja_id"), "7LDdwrmb1Y");
    assert_string_equal(text_at(fact->data, "number"), "HV-2026-0142-A");
    assert_string_equal(text_at(fact->data, "amount.cents"), "551310");
    assert_string_equal(text_at(fact->data, "amount.currency"), "CHF");
    struct json_object *bill = fake_state(&scene->fake, "invoice:" DEPOSIT);
    assert_string_equal(text_at(bill, "lane"), LANE);
    assert_string_equal(text_at(bill, "contact"), CONTACT);
    assert_int_equal(json_i64_or(bill, "balance", 0), 551310);
    assert_int_equal(scene->fake.ref_count, 2); // client and invoice
}

static void
a_second_delivery_makes_nothing(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *id = fake_last(&scene->fake, "deposit.invoiced")->id;
    const char *quote =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.deposit_invoice_id", "\"" DEPOSIT "\""}, {NULL}});
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS),
                                     READ_INVOICE(fixture(scene, "invoice")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, "deposit.invoiced")->id, id);
    assert_int_equal(fake_count(&scene->fake, "invoice.sent"), 1);
}

static const char *
with(struct scene *scene, const char *path, const char *json)
{
    return edited(scene, "directus.quote", (struct edit[]){{path, json}, {NULL}});
}

static void
assert_waived(struct scene *scene, const char *quote, const char *configs)
{
    struct error err =
        create(scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(configs), END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *fact = fake_last(&scene->fake, "quote.deposit-waived");
    assert_string_equal(fact->key, QUOTE_ROOT);
    assert_string_equal(text_at(fact->data, "quote"), QUOTE);
    assert_null(fake_last(&scene->fake, "deposit.invoiced"));
}

static void
an_explicit_zero_is_waived(void **state)
{
    struct scene *scene = *state;
    assert_waived(scene, with(scene, "data.deposit_percentage", "\"0.00\""), NO_ROWS);
}

static void
a_quote_below_the_minimum_is_waived(void **state)
{
    struct scene *scene = *state;
    assert_waived(scene, fixture(scene, "directus.quote"),
                  "{\"data\":[{\"project_type\":\"default\",\"deposit_percentage\":"
                  "\"40.00\",\"min_amount_for_deposit\":\"18377.01\"}]}");
}

static struct json_object *
body_with(struct scene *scene, const char *quote, const char *configs)
{
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(configs), NO_CLIENT,
                                     MADE_CLIENT, MADE_INVOICE, RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    return sent(scene, "POST", "/api/v1/invoices");
}

static struct json_object *
line(struct json_object *body, size_t i)
{
    return json_object_array_get_idx(json_array_or_null(body, "line_items"), i);
}

#define TWO_CONFIGS                                                               \
    "{\"data\":[{\"project_type\":\"default\",\"deposit_percentage\":\"40.00\"}," \
    "{\"project_type\":\"web\",\"deposit_percentage\":\"50\","                    \
    "\"max_deposit_amount\":\"4000.00\",\"payment_delay_days\":20}]}"

static void
the_config_of_the_project_type_comes_before_the_default(void **state)
{
    struct scene *scene = *state;
    struct json_object *body =
        body_with(scene, fixture(scene, "directus.quote"), TWO_CONFIGS);
    assert_string_equal(text_at(line(body, 0), "cost"), "4000"); // the maximum
    assert_string_equal(text_at(line(body, 0), "notes"),
                        "Acompte 50% - Devis HV-2026-0142");
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.amount"));
}

static void
another_project_type_takes_the_default_config(void **state)
{
    struct scene *scene = *state;
    struct json_object *body =
        body_with(scene, with(scene, "data.project_type", "\"seo\""), TWO_CONFIGS);
    assert_string_equal(text_at(line(body, 0), "cost"), "7350.8");
}

static void
the_quotes_own_percentage_comes_first(void **state)
{
    struct scene *scene = *state;
    struct json_object *body = body_with(
        scene, with(scene, "data.deposit_percentage", "\"12.50\""),
        "{\"data\":[{\"project_type\":\"web\",\"deposit_percentage\":\"50\"}]}");
    assert_string_equal(text_at(line(body, 0), "cost"), "2297.13");
    assert_string_equal(text_at(line(body, 0), "notes"),
                        "Acompte 12.5% - Devis HV-2026-0142");
}

static void
two_rates_of_vat_are_two_lines(void **state)
{
    struct scene *scene = *state;
    const char *quote = edited(
        scene, "directus.quote",
        (struct edit[]){
            {"data.total", "\"2107.00\""},
            {"data.items",
             "[{\"quantity\":\"2\",\"unit_price\":\"500.00\",\"tax_rate\":\"2.60\"},"
             "{\"quantity\":\"1\",\"unit_price\":\"1000.00\",\"tax_rate\":\"8.10\"}]"},
            {NULL}});
    struct json_object *body = body_with(scene, quote, NO_ROWS);
    assert_string_equal(text_at(line(body, 0), "cost"), "324.3");
    assert_string_equal(text_at(line(body, 0), "tax_rate1"), "8.1");
    assert_string_equal(text_at(line(body, 1), "cost"), "307.8");
    assert_string_equal(text_at(line(body, 1), "tax_rate1"), "2.6");
    assert_string_equal(text_at(line(body, 1), "notes"),
                        "Acompte 30% - Devis HV-2026-0142 (TVA 2.6%)");
}

// An item that costs nothing is no line of nothing.
static void
a_rate_without_an_amount_is_no_line(void **state)
{
    struct scene *scene = *state;
    const char *quote =
        edited(scene, "directus.quote",
               (struct edit[]){{"data.items.1", "{\"quantity\":\"1\",\"unit_price\":"
                                                "\"0.00\",\"tax_rate\":\"2.60\"}"},
                               {"data.quote_number", "\" HV-2026-0142\\n\""},
                               {NULL}});
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), NO_CLIENT,
                                     MADE_CLIENT, MADE_INVOICE, RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/invoices");
    assert_int_equal(json_object_array_length(json_at(body, "line_items")), 1);
    assert_string_equal(text_at(body, "number"), "HV-2026-0142-A");
}

static void
an_exempt_quote_bills_no_vat(void **state)
{
    struct scene *scene = *state;
    struct json_object *body =
        body_with(scene, with(scene, "data.tax_rate", "\"0.00\""), NO_ROWS);
    assert_string_equal(text_at(line(body, 0), "tax_rate1"), "0");
    assert_string_equal(text_at(line(body, 0), "tax_name1"), "");
}

static void
a_person_is_billed_where_there_is_no_firm(void **state)
{
    struct scene *scene = *state;
    const char *quote = with(scene, "data.company_id", "null");
    struct error err = fake_deliver(
        &scene->fake, CREATE, "HYPERVISUAL:" CONTACT, COMMAND,
        (struct fake_reply[]){
            READ_QUOTE(quote),
            CONFIGS(NO_ROWS),
            {"GET", "/api/v1/clients?id_number=" CONTACT "&*", 200, NO_ROWS},
            {"GET", "/api/v1/clients?email=*", 200, NO_ROWS},
            MADE_CLIENT,
            MADE_INVOICE,
            RECORDED,
            END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/clients");
    assert_string_equal(text_at(body, "name"), "Martina Keller");
    assert_string_equal(text_at(body, "classification"), "individual");
}

static void
a_command_in_a_foreign_lane_is_sent_on(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(
        &scene->fake, CREATE, "HYPERVISUAL:" CONTACT, COMMAND,
        (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, CREATE)->key, LANE);
    assert_non_null(fake_last(&scene->fake, CREATE)->original_id);
}

static void
what_is_not_signed_gets_none(void **state)
{
    struct scene *scene = *state;
    static const char *const not_yet[] = {"\"draft\"", "\"sent\"", "\"completed\"",
                                          "\"rejected\"", NULL};
    for (int i = 0; not_yet[i] != NULL; i++) {
        struct error err =
            create(scene, (struct fake_reply[]){
                              READ_QUOTE(with(scene, "data.status", not_yet[i])), END});
        assert_int_equal(err.kind, ERROR_NONE);
    }
    assert_int_equal(scene->fake.published_count, 0);
    assert_string_equal(scene->fake.note, "skipped: the quote is rejected, not signed");
}

static void
a_deposit_made_before_the_ledger_is_left_alone(void **state)
{
    struct scene *scene = *state;
    const char *quote = with(scene, "data.deposit_invoice_id",
                             "\"11111111-2222-4333-8444-555555555555\"");
    struct error err = create(scene, (struct fake_reply[]){READ_QUOTE(quote), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

// ---- what goes wrong

static void
assert_names(struct scene *scene, const char *quote, const char *word)
{
    struct error err =
        create(scene, (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    if (strstr(err.text, word) == NULL)
        fail_msg("\"%s\" does not name %s", err.text, word);
}

static void
bad_data_is_named(void **state)
{
    struct scene *scene = *state;
    assert_names(scene, with(scene, "data.total", "null"), "total");
    assert_names(scene, with(scene, "data.total", "\"-1.00\""), "total");
    assert_names(scene, with(scene, "data.deposit_percentage", "\"101\""), "101%");
    assert_names(scene, with(scene, "data.quote_number", "null"), "quote_number");
    assert_names(scene, with(scene, "data.quote_number", "\"  \""), "quote_number");
    assert_names(scene,
                 with(scene, "data.quote_number",
                      job_printf(&scene->fake.keep, "\"%0190d\"", 0)),
                 "quote_number");
    assert_names(scene, with(scene, "data.items.0.tax_rate", "\"-2.6\""), "tax_rate");
    assert_names(scene, with(scene, "data.items.0.discount", "\"120\""), "discount");
    assert_names(scene, with(scene, "data.items.0.quantity", "\"99999999999999\""),
                 "quantity");
    assert_names(scene,
                 edited(scene, "directus.quote",
                        (struct edit[]){{"data.tax_rate", "\"810\""},
                                        {"data.items", "[]"},
                                        {NULL}}),
                 "tax_rate");
    assert_names(
        scene,
        edited(scene, "directus.quote",
               (struct edit[]){{"data.tax_rate", "null"},
                               {"data.owner_company_id.default_tax_rate", "null"},
                               {NULL}}),
        "tax_rate");
}

static void
nobody_to_bill_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    const char *quote =
        edited(scene, "directus.quote",
               (struct edit[]){
                   {"data.company_id", "null"}, {"data.contact_id", "null"}, {NULL}});
    struct error err = create(scene, (struct fake_reply[]){READ_QUOTE(quote), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(err.hint);
}

static void
a_company_without_a_key_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    const char *quote = with(scene, "data.owner_company_id.code", "\"LEXAIA\"");
    struct error err =
        fake_deliver(&scene->fake, CREATE, "LEXAIA:" FIRM, COMMAND,
                     (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "LEXAIA"));
    assert_non_null(strstr(err.hint, "INVOICE_NINJA_KEY_"));
}

static void
a_short_code_in_the_keys_name_serves_the_company(void **state)
{
    struct scene *scene = *state;
    const char *quote = with(scene, "data.owner_company_id.code", "\"ENKI_REALTY\"");
    struct error err = fake_deliver(
        &scene->fake, CREATE, "ENKI_REALTY:" FIRM, COMMAND,
        (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS), ONLY_REALTY,
                              NO_CLIENT, MADE_CLIENT, MADE_INVOICE, RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    for (int i = 0; i < scene->fake.call_count; i++)
        if (strcmp(scene->fake.calls[i].service, "invoice-ninja") == 0)
            assert_string_equal(scene->fake.calls[i].token, OTHER_KEY);
}

static struct fake_reply
by_number(const char *text)
{
    return (struct fake_reply){
        "GET", "/api/v1/invoices?number=HV-2026-0142-A&include=client", 200, text};
}

static const char *
listed(struct scene *scene, const char *mark)
{
    const char *text = edited(
        scene, "invoice",
        (struct edit[]){{mark != NULL ? "data.custom_value1" : NULL, mark}, {NULL}});
    struct json_object *one = json_parse(&scene->fake.keep, text, strlen(text));
    return job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                      json_print(json_at(one, "data"), NULL));
}

static void
a_number_of_somebody_elses_invoice_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene, (struct fake_reply[]){FIRST_CALLS,
                                     {"POST", CREATE_INVOICE, 422,
                                      fixture(scene, "error.422.1-number-taken")},
                                     by_number(listed(scene, "\"made by hand\"")),
                                     END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.text, "HV-2026-0142-A"));
    assert_non_null(strstr(err.hint, "another number"));
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROOT)->state, LEDGER_EFFECT_OPEN);
}

static void
a_number_that_is_our_own_invoices_is_adopted(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene, (struct fake_reply[]){FIRST_CALLS,
                                     {"POST", CREATE_INVOICE, 422,
                                      fixture(scene, "error.422.1-number-taken")},
                                     by_number(listed(scene, NULL)),
                                     RECORDED,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_non_null(fake_last(&scene->fake, "deposit.invoiced"));
}

static struct fake_reply
by_row(const char *text)
{
    return (struct fake_reply){"GET", "/api/v1/invoices?filter=" DEPOSIT "&*", 200,
                               text};
}

static void
cut_and_wait(struct scene *scene)
{
    struct error err = create(
        scene, (struct fake_reply[]){
                   FIRST_CALLS, {"POST", CREATE_INVOICE, .cut = ERROR_UNSURE}, END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 60000;
}

// Cut after the bytes left: nobody creates a second one, the first is found.
static void
after_a_cut_the_invoice_is_found_by_what_it_names(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                                     CONFIGS(NO_ROWS), GET_CLIENT,
                                     by_row(listed(scene, NULL)), RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "deposit.invoiced"), 1);
    assert_int_equal(scene->fake.attention_count, 0);
}

// The invoice has the number that the quote had when it was made.
static void
a_number_corrected_after_a_cut_makes_no_second_invoice(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err = create(
        scene,
        (struct fake_reply[]){
            READ_QUOTE(with(scene, "data.quote_number", "\"HV-2026-0999\"")),
            CONFIGS(NO_ROWS), GET_CLIENT, by_row(listed(scene, NULL)), RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    assert_string_equal(text_at(row, "invoice_number"), "HV-2026-0142-A");
    assert_string_equal(
        text_at(fake_last(&scene->fake, "deposit.invoiced")->data, "number"),
        "HV-2026-0142-A");
}

#define MANS_LANE "HYPERVISUAL:" CONTACT
#define MANS_CLIENT                                                       \
    {"GET", "/api/v1/clients?id_number=" CONTACT "&*", 200, NO_ROWS},     \
        {"GET", "/api/v1/clients?email=*", 200, NO_ROWS},                 \
    {                                                                     \
        "POST", "/api/v1/clients", 200,                                   \
            edited(scene, "create-client.1.response",                     \
                   (struct edit[]){{"data.id", "\"another1234\""},        \
                                   {"data.id_number", "\"" CONTACT "\""}, \
                                   {NULL}})                               \
    }

// The firm was billed by the call that was cut, and the quote is a person's by now.
static void
another_party_after_a_cut_is_shown_to_a_person(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    const char *mans = with(scene, "data.company_id", "null");
    struct error err = fake_deliver(
        &scene->fake, CREATE, MANS_LANE, COMMAND,
        (struct fake_reply[]){READ_QUOTE(mans), CONFIGS(NO_ROWS), MANS_CLIENT,
                              by_row(listed(scene, NULL)), RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.other-party"));
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    assert_string_equal(text_at(row, "company_id"), FIRM);
    assert_string_equal(text_at(row, "contact_id"), "");
    struct json_object *bill = fake_state(&scene->fake, "invoice:" DEPOSIT);
    assert_string_equal(text_at(bill, "lane"), LANE);
}

// The filter is loose, and shows what was deleted, too.
static void
only_a_living_invoice_that_names_the_row_is_found(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    const char *deleted =
        edited(scene, "invoice", (struct edit[]){{"data.is_deleted", "true"}, {NULL}});
    struct json_object *one = json_parse(&scene->fake.keep, deleted, strlen(deleted));
    struct error err = create(
        scene,
        (struct fake_reply[]){
            READ_QUOTE(fixture(scene, "directus.quote")), CONFIGS(NO_ROWS), GET_CLIENT,
            by_row(listed(scene, "\"see directus:invoice:" DEPOSIT "\"")), MADE_INVOICE,
            by_row(job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                              json_print(json_at(one, "data"), NULL))),
            RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "deposit.invoiced"), 1);
}

// What was made before the edit is there, as if its answer had not been cut.
static void
a_deposit_that_was_made_is_not_waived_after_a_cut(void **state)
{
    struct scene *scene = *state;
    const char *none = with(scene, "data.deposit_percentage", "\"0.00\"");
    cut_and_wait(scene);
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(none), CONFIGS(NO_ROWS),
                                     by_row(listed(scene, NULL)), RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.deposit-waived"), 0);
    assert_int_equal(fake_count(&scene->fake, "deposit.invoiced"), 1);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.amount"));
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    assert_string_equal(text_at(row, "description"),
                        "Acompte 30% - Devis HV-2026-0142");
}

static void
a_deposit_that_was_not_made_is_waived_after_a_cut(void **state)
{
    struct scene *scene = *state;
    const char *none = with(scene, "data.deposit_percentage", "\"0.00\"");
    cut_and_wait(scene);
    struct error err =
        create(scene, (struct fake_reply[]){READ_QUOTE(none), CONFIGS(NO_ROWS),
                                            by_row(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.deposit-waived"), 1);
    assert_int_equal(fake_effect(&scene->fake, QUOTE_ROOT)->state, LEDGER_EFFECT_OPEN);
}

// How a person ends it: the invoice cancelled, the percentage 0, the command replayed.
static void
a_deposit_that_was_cancelled_may_be_waived(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *cancelled =
        edited(scene, "invoice", (struct edit[]){{"data.status_id", "\"5\""}, {NULL}});
    struct error err =
        create(scene, (struct fake_reply[]){
                          READ_QUOTE(with(scene, "data.deposit_percentage", "\"0\"")),
                          CONFIGS(NO_ROWS), READ_INVOICE(cancelled), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "quote.deposit-waived"), 1);
}

static void
a_quote_that_is_set_back_after_a_cut_leaves_no_unknown_invoice(void **state)
{
    struct scene *scene = *state;
    const char *rejected = with(scene, "data.status", "\"rejected\"");
    cut_and_wait(scene);
    struct error err = create(scene, (struct fake_reply[]){READ_QUOTE(rejected),
                                                           by_row(listed(scene, NULL)),
                                                           RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "deposit.invoiced"), 1);
    assert_true(fake_has_attention(&scene->fake, "deposit.unwanted"));
}

static void
after_a_cut_that_did_nothing_it_is_made(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene, (struct fake_reply[]){FIRST_CALLS,
                                     {"POST", CREATE_INVOICE, 500,
                                      fixture(scene, "error.500.1-race-on-number")},
                                     END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 60000;
    err = create(scene, (struct fake_reply[]){
                            READ_QUOTE(fixture(scene, "directus.quote")),
                            CONFIGS(NO_ROWS), GET_CLIENT, by_row(NO_ROWS), MADE_INVOICE,
                            by_row(listed(scene, NULL)), RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_draft_left_by_a_cut_is_sent(void **state)
{
    struct scene *scene = *state;
    const char *draft =
        edited(scene, "invoice", (struct edit[]){{"data.status_id", "\"1\""}, {NULL}});
    struct error err = create(
        scene, (struct fake_reply[]){FIRST_CALLS,
                                     {"POST", CREATE_INVOICE, 200, draft},
                                     {"POST", "/api/v1/invoices/bulk", 200,
                                      fixture(scene, "mark-sent-bulk.1.response"),
                                      .sends = "\"mark_sent\""},
                                     READ_INVOICE(fixture(scene, "invoice")),
                                     RECORDED,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "invoice.sent"), 1);
}

static void
a_deposit_that_was_cancelled_is_not_made_anew(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *cancelled =
        edited(scene, "invoice", (struct edit[]){{"data.status_id", "\"5\""}, {NULL}});
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                                     CONFIGS(NO_ROWS), READ_INVOICE(cancelled), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.hint, "relais effect resolve"));
}

// As the hint of the dead letter says: deleted in Invoice Ninja, resolved not-done,
// replayed.
static void
a_deposit_that_is_billed_anew_is_the_rows_invoice(void **state)
{
    struct scene *scene = *state;
    const char *anew = edited(scene, "invoice",
                              (struct edit[]){{"data.id", "\"another1234\""}, {NULL}});
    assert_int_equal(first(scene).kind, ERROR_NONE);
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"invoice-ninja.deposit", QUOTE_ROOT, NULL,
                                          LEDGER_EFFECT_OPEN, 1, 0});
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(with(scene, "data.deposit_invoice_id",
                                                     "\"" DEPOSIT "\"")),
                                     CONFIGS(NO_ROWS),
                                     {"POST", CREATE_INVOICE, 200, anew},
                                     RECORDED,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        text_at(fake_state(&scene->fake, "invoice:" DEPOSIT), "ninja_id"),
        "another1234");
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    assert_string_equal(text_at(row, "invoice_ninja_id"), "another1234");
    assert_true(fake_has_attention(&scene->fake, "deposit.billed-anew"));
}

static void
refused_with(struct scene *scene, int status, const char *name, enum error_kind kind)
{
    struct error err =
        create(scene, (struct fake_reply[]){
                          READ_QUOTE(fixture(scene, "directus.quote")),
                          CONFIGS(NO_ROWS),
                          {"GET", "/api/v1/clients?*", status, fixture(scene, name)},
                          END});
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.service, "invoice-ninja");
    assert_no_key(scene, &err);
    if (kind == ERROR_RATE_LIMITED)
        assert_int_equal(err.retry_after_ms, 60000);
    if (kind == ERROR_FATAL)
        assert_non_null(err.hint);
}

static void
the_dialect_is_understood(void **state)
{
    struct scene *scene = *state;
    refused_with(scene, 403, "error.403.1-bad-token", ERROR_FATAL);
    refused_with(scene, 403, "error.403.2-locked-user", ERROR_FATAL);
    refused_with(scene, 403, "error.403.3-free-plan", ERROR_FATAL);
    refused_with(scene, 401, "error.401.1-no-permission", ERROR_FATAL);
    refused_with(scene, 404, "error.404.1-route", ERROR_FATAL);
    refused_with(scene, 429, "error.429.1", ERROR_RATE_LIMITED);
    refused_with(scene, 500, "error.500.1-race-on-number", ERROR_RETRYABLE);
    refused_with(scene, 302, "error.500.1-race-on-number", ERROR_RETRYABLE);
    refused_with(scene, 400, "error.400.6-bad-include", ERROR_PERMANENT);
}

static void
a_page_in_the_place_of_json_is_tried_again(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene, (struct fake_reply[]){READ_QUOTE(fixture(scene, "directus.quote")),
                                     CONFIGS(NO_ROWS),
                                     {"GET", "/api/v1/clients?*", 200, "<html>"},
                                     END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = create(scene, (struct fake_reply[]){
                            FIRST_CALLS, {"POST", CREATE_INVOICE, 200, "<html>"}, END});
    assert_int_equal(err.kind, ERROR_UNSURE);
}

// Directus was away after the invoice was made: it is recorded by the next attempt.
static void
what_was_made_is_recorded_later(void **state)
{
    struct scene *scene = *state;
    struct error err = create(
        scene,
        (struct fake_reply[]){
            FIRST_CALLS, MADE_INVOICE, {"PATCH", "/items/quotes/*", 500, "{}"}, END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(scene->fake.published_count, 0);
    // Meanwhile the quote was given another firm: who was billed stays.
    const char *quote =
        with(scene, "data.company_id.id", "\"99999999-2222-4333-8444-555555555555\"");
    err = fake_deliver(&scene->fake, CREATE,
                       "HYPERVISUAL:99999999-2222-4333-8444-555555555555", COMMAND,
                       (struct fake_reply[]){READ_QUOTE(quote), CONFIGS(NO_ROWS),
                                             READ_INVOICE(fixture(scene, "invoice")),
                                             RECORDED, END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *row =
        json_at(sent(scene, "PATCH", "/items/quotes/"), "deposit_invoice_id");
    assert_string_equal(text_at(row, "company_id"), FIRM);
    assert_string_equal(text_at(fake_state(&scene->fake, "invoice:" DEPOSIT), "lane"),
                        LANE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signed_quote_gets_its_deposit_invoice),
        TEST(the_client_carries_the_partys_uuid),
        TEST(directus_gets_the_row_through_the_quote),
        TEST(facts_and_memory_tell_of_it),
        TEST(a_second_delivery_makes_nothing),
        TEST(an_explicit_zero_is_waived),
        TEST(a_quote_below_the_minimum_is_waived),
        TEST(the_config_of_the_project_type_comes_before_the_default),
        TEST(another_project_type_takes_the_default_config),
        TEST(the_quotes_own_percentage_comes_first),
        TEST(two_rates_of_vat_are_two_lines),
        TEST(a_rate_without_an_amount_is_no_line),
        TEST(an_exempt_quote_bills_no_vat),
        TEST(a_person_is_billed_where_there_is_no_firm),
        TEST(a_command_in_a_foreign_lane_is_sent_on),
        TEST(what_is_not_signed_gets_none),
        TEST(a_deposit_made_before_the_ledger_is_left_alone),
        TEST(bad_data_is_named),
        TEST(nobody_to_bill_is_a_dead_letter),
        TEST(a_company_without_a_key_is_a_dead_letter),
        TEST(a_short_code_in_the_keys_name_serves_the_company),
        TEST(a_number_of_somebody_elses_invoice_is_a_dead_letter),
        TEST(a_number_that_is_our_own_invoices_is_adopted),
        TEST(after_a_cut_the_invoice_is_found_by_what_it_names),
        TEST(a_number_corrected_after_a_cut_makes_no_second_invoice),
        TEST(another_party_after_a_cut_is_shown_to_a_person),
        TEST(only_a_living_invoice_that_names_the_row_is_found),
        TEST(a_deposit_that_was_made_is_not_waived_after_a_cut),
        TEST(a_deposit_that_was_not_made_is_waived_after_a_cut),
        TEST(a_deposit_that_was_cancelled_may_be_waived),
        TEST(a_quote_that_is_set_back_after_a_cut_leaves_no_unknown_invoice),
        TEST(after_a_cut_that_did_nothing_it_is_made),
        TEST(a_draft_left_by_a_cut_is_sent),
        TEST(a_deposit_that_was_cancelled_is_not_made_anew),
        TEST(a_deposit_that_is_billed_anew_is_the_rows_invoice),
        TEST(the_dialect_is_understood),
        TEST(a_page_in_the_place_of_json_is_tried_again),
        TEST(what_was_made_is_recorded_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
