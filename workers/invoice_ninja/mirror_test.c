#include <string.h>

#include "workers/invoice_ninja/tests/scene.h"

#define SYNC "invoice-ninja.invoice.sync"
#define INVOICE "3d0f4e5a-6b7c-4d8e-9f01-122334455667"
#define COMMAND "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\"}"
#define NO_ROWS "{\"data\":[]}"

#define READ_ROW(text)                                           \
    {                                                            \
        "GET", "/items/client_invoices/" INVOICE "?*", 200, text \
    }
#define CLIENT                                                \
    {                                                         \
        "GET", "/api/v1/clients?id_number=*", 200,            \
            fixture(scene, "find-client-by-email.1.response") \
    }
#define CREATE "/api/v1/invoices?mark_sent=true&include=client"
#define UPDATE "/api/v1/invoices/Wpmbk5ezJn?include=client"
#define PAYMENTS(text)                                                               \
    {                                                                                \
        "GET", "/items/payments?filter%5Binvoice_id%5D%5B_eq%5D=" INVOICE "&*", 200, \
            text                                                                     \
    }
#define WRITTEN_ROW WRITTEN("/items/client_invoices/" INVOICE)

// The invoice as Invoice Ninja answers with it.
static const char *
mirrored(struct scene *scene, const char *path, const char *json)
{
    return edited(
        scene, "invoice",
        (struct edit[]){{"data.id", "\"Wpmbk5ezJn\""},
                        {"data.number", "\"HV-2026-0200\""},
                        {"data.amount", "1913.37"},
                        {"data.balance", "1913.37"},
                        {"data.custom_value1", "\"directus:invoice:" INVOICE "\""},
                        {"data.custom_value2", "\"\""},
                        {path, json},
                        {NULL}});
}

static const char *
row(struct scene *scene, const char *path, const char *json)
{
    return edited(scene, "directus.invoice", (struct edit[]){{path, json}, {NULL}});
}

static struct error
sync(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, SYNC, COMMAND, replies);
}

static struct error
first(struct scene *scene)
{
    return sync(
        scene, (struct fake_reply[]){READ_ROW(fixture(scene, "directus.invoice")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(NO_ROWS),
                                     WRITTEN_ROW,
                                     END});
}

static void
an_invoice_is_made_with_its_lines(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/invoices");
    assert_string_equal(text_at(body, "client_id"), "VWPe9xdLyw");
    assert_string_equal(text_at(body, "number"), "HV-2026-0200");
    assert_string_equal(text_at(body, "date"), "2026-08-12");
    assert_string_equal(text_at(body, "custom_value1"), "directus:invoice:" INVOICE);
    assert_false(json_bool_or(body, "uses_inclusive_taxes", true));
    assert_string_equal(
        json_print(json_at(body, "line_items"), NULL),
        "[{\"product_key\":\"DEV\",\"notes\":\"Développement\","
        "\"is_amount_discount\":false,\"type_id\":\"1\",\"quantity\":11,\"cost\":150,"
        "\"discount\":0,\"tax_name1\":\"TVA\",\"tax_rate1\":8.1},"
        "{\"product_key\":\"\",\"notes\":\"Hébergement\","
        "\"is_amount_discount\":false,\"type_id\":\"1\",\"quantity\":2,\"cost\":60,"
        "\"discount\":0,\"tax_name1\":\"TVA\",\"tax_rate1\":8.1}]");
    struct json_object *patch = sent(scene, "PATCH", "/items/client_invoices/");
    assert_string_equal(text_at(patch, "invoice_ninja_id"), "Wpmbk5ezJn");
    assert_string_equal(text_at(patch, "balance"), "1913.37");
    const struct fake_event *fact = fake_last(&scene->fake, "invoice.synced");
    assert_string_equal(fact->key, "invoice:" INVOICE);
    assert_string_equal(text_at(fact->data, "number"), "HV-2026-0200");
    assert_int_equal(fake_count(&scene->fake, "invoice.sent"), 1);
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.amount"));
}

static void
the_same_content_is_not_sent_again(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    // What we wrote ourselves is no content.
    const char *echo =
        edited(scene, "directus.invoice",
               (struct edit[]){{"data.invoice_ninja_id", "\"Wpmbk5ezJn\""},
                               {"data.invoice_ninja_number", "\"HV-2026-0200\""},
                               {"data.amount_paid", "\"100.00\""},
                               {"data.balance", "\"1813.37\""},
                               {"data.status", "\"partial\""},
                               {NULL}});
    struct error err = sync(scene, (struct fake_reply[]){READ_ROW(echo), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, "invoice HV-2026-0200: unchanged");
    assert_int_equal(fake_count(&scene->fake, "invoice.synced"), 1);
}

static void
what_is_billed_differently_is_updated(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *changed =
        edited(scene, "directus.invoice",
               (struct edit[]){{"data.amount", "\"2000.00\""},
                               {"data.items.0.unit_price", "\"70.50\""},
                               {NULL}});
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(changed),
                                          {"PUT", UPDATE, 200,
                                           mirrored(scene, "data.balance", "1936.07")},
                                          WRITTEN_ROW,
                                          END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "PUT", "/api/v1/invoices/");
    assert_null(json_at(body, "client_id"));
    struct json_object *patch = sent(scene, "PATCH", "/items/client_invoices/");
    assert_string_equal(text_at(patch, "balance"), "1936.07");
    assert_null(json_at(patch, "status"));
    assert_int_equal(fake_count(&scene->fake, "invoice.synced"), 2);
    assert_int_equal(fake_count(&scene->fake, "invoice.sent"), 1);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.amount"));
}

static void
another_party_on_a_mirrored_invoice_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *other = row(scene, "data.company_id", "null");
    // The command comes in the lane of the new party, and is sent on to the invoice's.
    struct error err = fake_deliver(&scene->fake, SYNC, "HYPERVISUAL:" CONTACT, COMMAND,
                                    (struct fake_reply[]){READ_ROW(other), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, SYNC)->key, LANE);
    err = sync(scene, (struct fake_reply[]){READ_ROW(other), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.hint, "put the party back"));
}

static void
another_currency_on_a_mirrored_invoice_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *changed = row(scene, "data.currency", "\"EUR\"");
    struct error err = sync(scene, (struct fake_reply[]){READ_ROW(changed), END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.text, "currency"));
}

static void
an_invoice_without_items_is_one_line(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(row(scene, "data.items", "[]")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(NO_ROWS),
                                     WRITTEN_ROW,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(
        json_print(json_at(sent(scene, "POST", "/api/v1/invoices"), "line_items"),
                   NULL),
        "[{\"notes\":\"Refonte\",\"quantity\":1,\"type_id\":\"1\",\"cost\":1770,"
        "\"tax_name1\":\"TVA\",\"tax_rate1\":8.1}]");
}

static void
a_total_alone_holds_its_vat(void **state)
{
    struct scene *scene = *state;
    const char *text = edited(
        scene, "directus.invoice",
        (struct edit[]){{"data.items", "[]"}, {"data.amount_net", "null"}, {NULL}});
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(text),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(NO_ROWS),
                                     WRITTEN_ROW,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "POST", "/api/v1/invoices");
    assert_true(json_bool_or(body, "uses_inclusive_taxes", false));
}

static const char *
found(struct scene *scene, const char *path, const char *json)
{
    const char *text = mirrored(scene, path, json);
    struct json_object *one = json_parse(&scene->fake.keep, text, strlen(text));
    return job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                      json_print(json_at(one, "data"), NULL));
}

static void
cut_and_wait(struct scene *scene)
{
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(fixture(scene, "directus.invoice")),
                                          CLIENT,
                                          {"POST", CREATE, .cut = ERROR_UNSURE},
                                          END});
    assert_int_equal(err.kind, ERROR_UNSURE);
    scene->fake.now_ms += 60000;
}

#define KNOWN_CLIENT                                   \
    {                                                  \
        "GET", "/api/v1/clients/VWPe9xdLyw", 200,      \
            fixture(scene, "create-client.1.response") \
    }
#define OF_ROW(text)                                              \
    {                                                             \
        "GET", "/api/v1/invoices?filter=" INVOICE "&*", 200, text \
    }

static void
a_number_corrected_after_a_cut_makes_no_second_invoice(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    const char *corrected = row(scene, "data.invoice_number", "\"HV-2026-0999\"");
    struct error err =
        sync(scene,
             (struct fake_reply[]){READ_ROW(corrected),
                                   KNOWN_CLIENT,
                                   OF_ROW(found(scene, NULL, NULL)),
                                   {"PUT", UPDATE, 200,
                                    mirrored(scene, "data.number", "\"HV-2026-0999\"")},
                                   PAYMENTS(NO_ROWS),
                                   WRITTEN_ROW,
                                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *body = sent(scene, "PUT", "/api/v1/invoices/");
    assert_string_equal(text_at(body, "number"), "HV-2026-0999");
    assert_null(json_at(body, "client_id"));
    assert_string_equal(
        text_at(fake_last(&scene->fake, "invoice.synced")->data, "number"),
        "HV-2026-0999");
}

// The client of an invoice cannot be changed: who was billed by the first attempt is.
static void
a_client_corrected_after_a_cut_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err = sync(
        scene,
        (struct fake_reply[]){
            READ_ROW(fixture(scene, "directus.invoice")),
            KNOWN_CLIENT,
            OF_ROW(found(scene, NULL, NULL)),
            {"PUT", UPDATE, 200, mirrored(scene, "data.client_id", "\"another1234\"")},
            END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.hint, "put the party back"));
}

static void
nothing_is_mirrored(struct scene *scene, const char *text, const char *note)
{
    struct error err = sync(scene, (struct fake_reply[]){READ_ROW(text), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, note);
    assert_int_equal(scene->fake.published_count, 0);
}

static void
drafts_and_deposits_stay_at_home(void **state)
{
    struct scene *scene = *state;
    nothing_is_mirrored(scene, row(scene, "data.status", "\"draft\""),
                        "a draft is not mirrored");
    nothing_is_mirrored(scene, row(scene, "data.status", "\"cancelled\""),
                        "cancelled before it was mirrored");
    nothing_is_mirrored(scene, row(scene, "data.is_deposit", "true"),
                        "a deposit is not mirrored back");
    nothing_is_mirrored(scene, row(scene, "data.type", "\"deposit\""),
                        "a deposit is not mirrored back");
}

static void
a_deposit_only_refreshes_its_reference(void **state)
{
    struct scene *scene = *state;
    const char *text =
        edited(scene, "directus.invoice",
               (struct edit[]){{"data.is_deposit", "true"},
                               {"data.invoice_ninja_id", "\"Wpmbk5ezJn\""},
                               {NULL}});
    nothing_is_mirrored(scene, text, "a deposit is not mirrored back");
    assert_int_equal(scene->fake.ref_count, 1);
    assert_string_equal(scene->fake.refs[0].remote_id, "Wpmbk5ezJn");
}

static void
a_company_without_a_key_is_not_mirrored(void **state)
{
    struct scene *scene = *state;
    struct error err = fake_deliver(
        &scene->fake, SYNC, "LEXAIA:" FIRM, COMMAND,
        (struct fake_reply[]){READ_ROW(row(scene, "data.owner_company", "\"LEXAIA\"")),
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note,
                        "company LEXAIA has no key of Invoice Ninja: not mirrored");
}

static void
a_number_of_somebody_else_is_a_dead_letter(void **state)
{
    struct scene *scene = *state;
    const char *text = mirrored(scene, "data.custom_value1", "\"made by hand\"");
    struct json_object *one = json_parse(&scene->fake.keep, text, strlen(text));
    struct error err = sync(
        scene, (struct fake_reply[]){
                   READ_ROW(fixture(scene, "directus.invoice")),
                   CLIENT,
                   {"POST", CREATE, 422, fixture(scene, "error.422.1-number-taken")},
                   {"GET", "/api/v1/invoices?number=HV-2026-0200&*", 200,
                    job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                               json_print(json_at(one, "data"), NULL))},
                   END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
}

// Invoice Ninja takes hv-2026-0200 for the same number.
static void
a_number_that_differs_in_case_is_taken_too(void **state)
{
    struct scene *scene = *state;
    const char *theirs = edited(scene, "invoice",
                                (struct edit[]){{"data.number", "\"hv-2026-0200\""},
                                                {"data.custom_value1", "\"\""},
                                                {NULL}});
    struct json_object *one = json_parse(&scene->fake.keep, theirs, strlen(theirs));
    struct error err = sync(
        scene, (struct fake_reply[]){
                   READ_ROW(fixture(scene, "directus.invoice")),
                   CLIENT,
                   {"POST", CREATE, 422, fixture(scene, "error.422.1-number-taken")},
                   {"GET", "/api/v1/invoices?number=HV-2026-0200&include=client", 200,
                    job_printf(&scene->fake.keep, "{\"data\":[%s]}",
                               json_print(json_at(one, "data"), NULL))},
                   END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
}

static void
a_locked_invoice_is_a_dead_letter_with_a_hint(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct error err =
        sync(scene, (struct fake_reply[]){
                        READ_ROW(row(scene, "data.due_date", "\"2099-12-31\"")),
                        {"PUT", UPDATE, 422, fixture(scene, "error.422.4-locked")},
                        END});
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.hint, "locks invoices"));
}

static void
paid_by_a_persons_word_alone_stays_and_is_flagged(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(row(scene, "data.status", "\"paid\"")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(NO_ROWS),
                                     WRITTEN_ROW,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    struct json_object *patch = sent(scene, "PATCH", "/items/client_invoices/");
    assert_null(json_at(patch, "status"));
    assert_string_equal(text_at(patch, "invoice_ninja_id"), "Wpmbk5ezJn");
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.paid-by-hand"));
}

#define BANK "0c0d0e0f-1011-4213-9415-161718191a1b"
#define PAID                                                                       \
    "{\"data\":[{\"id\":\"" BANK "\",\"source\":\"bank\",\"amount\":\"1913.37\"}," \
    "{\"id\":\"" CONTACT "\",\"source\":\"invoice_ninja\",\"amount\":\"5.00\"}]}"

// As a draft, or while its company had no key.
static void
what_was_paid_before_it_was_mirrored_is_booked(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(row(scene, "data.status", "\"paid\"")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(PAID),
                                     WRITTEN_ROW,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "invoice-ninja.payment.create"), 1);
    const struct fake_event *command =
        fake_last(&scene->fake, "invoice-ninja.payment.create");
    assert_string_equal(command->key, LANE);
    assert_string_equal(text_at(command->data, "payment"), BANK);
    assert_false(fake_has_attention(&scene->fake, "invoice-ninja.paid-by-hand"));
}

// The commands go out with what makes the invoice known, or not at all.
static void
what_was_paid_before_is_asked_for_again_after_a_failure(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(fixture(scene, "directus.invoice")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(PAID),
                                     {"PATCH", "/items/client_invoices/*", 500, "{}"},
                                     END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(scene->fake.published_count, 0);
    err = sync(scene,
               (struct fake_reply[]){READ_ROW(fixture(scene, "directus.invoice")),
                                     KNOWN_CLIENT,
                                     {"PUT", UPDATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(PAID),
                                     WRITTEN_ROW,
                                     END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "invoice-ninja.payment.create"), 1);
}

static void
bad_rows_are_named(void **state)
{
    struct scene *scene = *state;
    static const char *const cases[][3] = {
        {"data.invoice_number", "null", "invoice_number"},
        {"data.items.0.unit_price", "\"much\"", "unit_price"},
        {"data.items.1.quantity", "\"1,5\"", "quantity"},
        {"data.items.1.unit_price", "null", "unit_price is not set"},
        {"data.items.0.discount", "\"101\"", "discount"},
        {"data.items.0.tax_rate", "\"-8.1\"", "tax_rate"},
        {"data.tax_rate", "\"810\"", "tax_rate"},
        {"data.currency", "\"Franken\"", "currency"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct error err = sync(
            scene,
            (struct fake_reply[]){READ_ROW(row(scene, cases[i][0], cases[i][1])), END});
        assert_int_equal(err.kind, ERROR_PERMANENT);
        assert_non_null(strstr(err.text, cases[i][2]));
    }
    const char *no_rate = row(scene, "data.tax_rate", "null");
    struct error err = sync(scene, (struct fake_reply[]){READ_ROW(no_rate), END});
    assert_non_null(strstr(err.text, "tax_rate"));
}

// ---- statuses

#define STATUS "invoice-ninja.invoice.status"
#define TO(to) \
    "{\"company\":\"HYPERVISUAL\",\"invoice\":\"" INVOICE "\",\"to\":\"" to "\"}"
#define READ(text)                                                     \
    {                                                                  \
        "GET", "/api/v1/invoices/Wpmbk5ezJn?include=client", 200, text \
    }
#define ACT(word)                                                         \
    {                                                                     \
        "POST", "/api/v1/invoices/bulk", 200,                             \
            fixture(scene, "mark-sent-bulk.1.response"),                  \
            .sends = "{\"action\":\"" word "\",\"ids\":[\"Wpmbk5ezJn\"]}" \
    }

static const char *
in_status(struct scene *scene, const char *status)
{
    return mirrored(scene, "data.status_id",
                    job_printf(&scene->fake.keep, "\"%s\"", status));
}

static void
sent_invoices_are_cancelled(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct error err =
        deliver(scene, STATUS, TO("cancelled"),
                (struct fake_reply[]){READ(in_status(scene, "2")), ACT("cancel"),
                                      READ(in_status(scene, "5")), WRITTEN_ROW, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "invoice.cancelled"), 1);
    err = deliver(scene, STATUS, TO("cancelled"),
                  (struct fake_reply[]){READ(in_status(scene, "5")), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
drafts_are_deleted_and_marked_sent(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct error err =
        deliver(scene, STATUS, TO("sent"),
                (struct fake_reply[]){READ(in_status(scene, "1")), ACT("mark_sent"),
                                      READ(in_status(scene, "2")), END});
    assert_int_equal(err.kind, ERROR_NONE);
    err =
        deliver(scene, STATUS, TO("cancelled"),
                (struct fake_reply[]){READ(in_status(scene, "1")), ACT("delete"),
                                      READ(mirrored(scene, "data.is_deleted", "true")),
                                      WRITTEN_ROW, END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
archived_is_no_status(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    const char *archived = mirrored(scene, "data.archived_at", "1787200270");
    struct error err =
        deliver(scene, STATUS, TO("archived"),
                (struct fake_reply[]){READ(in_status(scene, "2")), ACT("archive"),
                                      READ(archived), END});
    assert_int_equal(err.kind, ERROR_NONE);
    err = deliver(scene, STATUS, TO("archived"),
                  (struct fake_reply[]){READ(archived), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, "invoice HV-2026-0200: archived");
}

static void
assert_409(struct scene *scene, const char *to, const struct fake_reply replies[],
           const char *word)
{
    struct error err = deliver(scene, STATUS, to, replies);
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_int_equal(err.http_status, 409);
    assert_non_null(strstr(err.text, word));
}

static void
what_cannot_be_is_said(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    assert_409(scene, TO("cancelled"),
               (struct fake_reply[]){READ(in_status(scene, "4")), END}, "refund");
    assert_409(scene, TO("sent"),
               (struct fake_reply[]){READ(in_status(scene, "5")), END}, "cancelled");
    // A silent 200 that did nothing.
    assert_409(scene, TO("sent"),
               (struct fake_reply[]){READ(in_status(scene, "1")), ACT("mark_sent"),
                                     READ(in_status(scene, "1")), END},
               "did nothing");
    assert_409(scene, TO("cancelled"),
               (struct fake_reply[]){READ(in_status(scene, "2")), ACT("cancel"),
                                     READ(in_status(scene, "2")), END},
               "did nothing");
}

static void
the_guard_of_a_second_is_waited_out(void **state)
{
    struct scene *scene = *state;
    assert_int_equal(first(scene).kind, ERROR_NONE);
    struct error err =
        deliver(scene, STATUS, TO("cancelled"),
                (struct fake_reply[]){READ(in_status(scene, "2")),
                                      {"POST", "/api/v1/invoices/bulk", 400,
                                       fixture(scene, "error.400.3-duplicate-request")},
                                      END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_int_equal(err.retry_after_ms, 1200);
}

static void
an_invoice_that_is_not_mirrored_moves_nowhere(void **state)
{
    struct scene *scene = *state;
    struct error err = deliver(
        scene, STATUS, TO("sent"),
        (struct fake_reply[]){{"GET", "/items/client_invoices/*", 200,
                               "{\"data\":{\"id\":\"" INVOICE
                               "\",\"owner_company\":\"HYPERVISUAL\",\"company_id\":"
                               "\"" FIRM "\"}}"},
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
}

// ---- made by a cut call, and not wanted any more

#define INVOICE_SEEN "invoice-ninja.invoice.observed"
#define SEEN                                                                   \
    "{\"company\":\"HYPERVISUAL\",\"remote_id\":\"Wpmbk5ezJn\",\"root\":\"\"," \
    "\"why\":\"hook\"}"
#define CANCELLED row(scene, "data.status", "\"cancelled\"")
#define LOOKED_TWICE OF_ROW(found(scene, NULL, NULL)), OF_ROW(found(scene, NULL, NULL))

// What a person wrote is not overwritten, now or by what is seen there.
static void
assert_known_as_it_is(struct scene *scene)
{
    struct json_object *patch = sent(scene, "PATCH", "/items/client_invoices/");
    assert_string_equal(json_print(patch, NULL),
                        "{\"invoice_ninja_id\":\"Wpmbk5ezJn\","
                        "\"invoice_ninja_number\":\"HV-2026-0200\"}");
    struct json_object *kept = fake_state(&scene->fake, "invoice:" INVOICE);
    assert_string_equal(text_at(kept, "ninja_id"), "Wpmbk5ezJn");
    struct error err =
        deliver(scene, INVOICE_SEEN, SEEN,
                (struct fake_reply[]){READ(mirrored(scene, NULL, NULL)), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
assert_cancels(struct scene *scene, const struct fake_reply replies[])
{
    struct error err = deliver(scene, STATUS, TO("cancelled"), replies);
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, "invoice.cancelled"), 1);
}

static void
what_a_cut_call_made_is_known_although_it_is_cancelled_by_now(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(CANCELLED), LOOKED_TWICE,
                                          WRITTEN_ROW, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_known_as_it_is(scene);
    assert_cancels(
        scene, (struct fake_reply[]){READ(in_status(scene, "2")), ACT("cancel"),
                                     READ(in_status(scene, "5")), WRITTEN_ROW, END});
    err = sync(scene, (struct fake_reply[]){READ_ROW(CANCELLED), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// The command that was cut may be a dead letter by then, or wait behind the wish.
static void
a_wish_to_cancel_finds_what_a_cut_call_made(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    assert_cancels(
        scene, (struct fake_reply[]){READ_ROW(CANCELLED), LOOKED_TWICE, WRITTEN_ROW,
                                     READ(in_status(scene, "2")), ACT("cancel"),
                                     READ(in_status(scene, "5")), WRITTEN_ROW, END});
    struct error err = sync(scene, (struct fake_reply[]){READ_ROW(CANCELLED), END});
    assert_int_equal(err.kind, ERROR_NONE);
}

// The call had its answer; what came behind it failed.
static void
what_was_made_and_not_recorded_is_known_although_it_is_cancelled_by_now(void **state)
{
    struct scene *scene = *state;
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(fixture(scene, "directus.invoice")),
                                     CLIENT,
                                     {"POST", CREATE, 200, mirrored(scene, NULL, NULL)},
                                     PAYMENTS(NO_ROWS),
                                     {"PATCH", "/items/client_invoices/*", 500, "{}"},
                                     END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    err = sync(scene, (struct fake_reply[]){READ_ROW(CANCELLED),
                                            OF_ROW(found(scene, NULL, NULL)),
                                            WRITTEN_ROW, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_known_as_it_is(scene);
}

static void
what_a_cut_call_made_of_a_draft_is_shown_to_a_person(void **state)
{
    struct scene *scene = *state;
    const char *draft = row(scene, "data.status", "\"draft\"");
    cut_and_wait(scene);
    struct error err = sync(
        scene, (struct fake_reply[]){READ_ROW(draft), LOOKED_TWICE, WRITTEN_ROW, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_true(fake_has_attention(&scene->fake, "invoice-ninja.status-differs"));
    assert_known_as_it_is(scene);
}

static void
what_a_cut_call_did_not_make_is_cancelled_before_it_was_mirrored(void **state)
{
    struct scene *scene = *state;
    cut_and_wait(scene);
    struct error err =
        sync(scene, (struct fake_reply[]){READ_ROW(CANCELLED), OF_ROW(NO_ROWS), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.note, "cancelled before it was mirrored");
    assert_null(fake_state(&scene->fake, "invoice:" INVOICE));
    assert_int_equal(fake_effect(&scene->fake, "invoice:" INVOICE)->state,
                     LEDGER_EFFECT_OPEN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_invoice_is_made_with_its_lines),
        TEST(the_same_content_is_not_sent_again),
        TEST(what_is_billed_differently_is_updated),
        TEST(another_party_on_a_mirrored_invoice_is_a_dead_letter),
        TEST(another_currency_on_a_mirrored_invoice_is_a_dead_letter),
        TEST(an_invoice_without_items_is_one_line),
        TEST(a_total_alone_holds_its_vat),
        TEST(a_number_corrected_after_a_cut_makes_no_second_invoice),
        TEST(a_client_corrected_after_a_cut_is_a_dead_letter),
        TEST(drafts_and_deposits_stay_at_home),
        TEST(a_deposit_only_refreshes_its_reference),
        TEST(a_company_without_a_key_is_not_mirrored),
        TEST(a_number_of_somebody_else_is_a_dead_letter),
        TEST(a_number_that_differs_in_case_is_taken_too),
        TEST(a_locked_invoice_is_a_dead_letter_with_a_hint),
        TEST(paid_by_a_persons_word_alone_stays_and_is_flagged),
        TEST(what_was_paid_before_it_was_mirrored_is_booked),
        TEST(what_was_paid_before_is_asked_for_again_after_a_failure),
        TEST(bad_rows_are_named),
        TEST(sent_invoices_are_cancelled),
        TEST(drafts_are_deleted_and_marked_sent),
        TEST(archived_is_no_status),
        TEST(what_cannot_be_is_said),
        TEST(the_guard_of_a_second_is_waited_out),
        TEST(an_invoice_that_is_not_mirrored_moves_nowhere),
        TEST(what_a_cut_call_made_is_known_although_it_is_cancelled_by_now),
        TEST(a_wish_to_cancel_finds_what_a_cut_call_made),
        TEST(what_was_made_and_not_recorded_is_known_although_it_is_cancelled_by_now),
        TEST(what_a_cut_call_made_of_a_draft_is_shown_to_a_person),
        TEST(what_a_cut_call_did_not_make_is_cancelled_before_it_was_mirrored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
