#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "common/webhook.h"
#include "tests/harness/test.h"

extern const struct webhook invoice_ninja_webhook;

#define FIRM "8b1d7c40-2c55-4f0a-9a3e-6f7081920a1b"

// One delivery.
struct delivery {
    struct job job;
    struct webhook_request request;
    struct http_header headers[8], query[8];
    void *state;
    struct webhook_events events;
};

static void
set(const char *name, const char *value)
{
    if (value != NULL)
        setenv(name, value, 1); // NOLINT(concurrency-mt-unsafe)
    else
        unsetenv(name); // NOLINT(concurrency-mt-unsafe)
}

static void
open_hook(struct delivery *d)
{
    struct error err;
    d->state = str_calloc(1, invoice_ninja_webhook.state_size);
    if (!invoice_ninja_webhook.open(d->state, &err))
        fail_msg("%s", err.text);
}

static int
begin(void **state)
{
    struct delivery *d = str_calloc(1, sizeof *d);
    set("INVOICE_NINJA_WEBHOOK_SECRET", "secret-of-all");
    set("INVOICE_NINJA_WEBHOOK_SECRET_PREVIOUS", "secret-before");
    set("INVOICE_NINJA_WEBHOOK_SECRET_LEXAIA", "secret-of-lexaia");
    job_begin(&d->job, 1000);
    d->request.method = "POST";
    d->request.headers = d->headers;
    d->request.query = d->query;
    d->request.max_event_bytes = 1 << 20;
    open_hook(d);
    *state = d;
    return 0;
}

static int
end(void **state)
{
    struct delivery *d = *state;
    invoice_ninja_webhook.close(d->state);
    free(d->state);
    job_end(&d->job);
    free(d);
    return 0;
}

static void
send_along(struct delivery *d, const char *company, const char *event,
           const char *secret)
{
    memset(d->headers, 0, sizeof d->headers);
    size_t i = 0;
    if (company != NULL)
        d->headers[i++] = (struct http_header){"X-Ninja-Company", company};
    if (event != NULL)
        d->headers[i++] = (struct http_header){"x-ninja-event", event};
    if (secret != NULL)
        d->headers[i++] = (struct http_header){"X-Webhook-Secret", secret};
}

static void
set_body(struct delivery *d, const char *body)
{
    d->request.body = body;
    d->request.body_length = strlen(body);
}

static void
set_fixture(struct delivery *d, const char *name)
{
    char *path = job_strdup(&d->job, __FILE__);
    *(strrchr(path, '/') + 1) = '\0';
    FILE *file = fopen(job_printf(&d->job, "%sfixtures/%s.json", path, name), "rb");
    if (file == NULL)
        fail_msg("no fixture %s", name);
    char *text = job_alloc(&d->job, 65536);
    (void)!fread(text, 1, 65535, file);
    fclose(file);
    set_body(d, text);
}

static const char *
verdict(struct delivery *d)
{
    return invoice_ninja_webhook.verify(d->state, &d->job, &d->request);
}

static const struct webhook_event *
split(struct delivery *d)
{
    memset(&d->events, 0, sizeof d->events);
    if (!invoice_ninja_webhook.split(d->state, &d->job, &d->request, &d->events))
        fail_msg("%s", d->job.error.text);
    assert_int_equal(d->events.count, 1);
    return d->events.first;
}

static void
only_the_companys_secret_is_genuine(void **state)
{
    struct delivery *d = *state;
    static const struct {
        const char *company, *secret, *why;
    } cases[] = {
        {"HYPERVISUAL", "secret-of-all", NULL},
        {"HYPERVISUAL", "secret-before", NULL},
        {"LEXAIA", "secret-of-lexaia", NULL},
        {"LEXAIA", "secret-of-all", "bad-secret"},
        {"HYPERVISUAL", "secret-of-lexaia", "bad-secret"},
        {"HYPERVISUAL", "secret-of-al", "bad-secret"},
        {"HYPERVISUAL", "", "bad-secret"},
        {"HYPERVISUAL", NULL, "missing-secret"},
        {NULL, "secret-of-all", "missing-company"},
        {"two words", "secret-of-all", "missing-company"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_along(d, cases[i].company, "4", cases[i].secret);
        const char *why = verdict(d);
        if (cases[i].why == NULL)
            assert_null(why);
        else
            assert_string_equal(why, cases[i].why);
    }
}

static void
without_a_secret_everything_is_refused(void **state)
{
    struct delivery *d = *state;
    char why[200];
    set("INVOICE_NINJA_WEBHOOK_SECRET", NULL);
    set("INVOICE_NINJA_WEBHOOK_SECRET_PREVIOUS", NULL);
    set("INVOICE_NINJA_WEBHOOK_SECRET_LEXAIA", NULL);
    invoice_ninja_webhook.close(d->state);
    free(d->state);
    open_hook(d);
    send_along(d, "HYPERVISUAL", "4", "");
    assert_string_equal(verdict(d), "no-secret-configured");
    assert_false(invoice_ninja_webhook.ready(d->state, why, sizeof why));
    assert_non_null(strstr(why, "INVOICE_NINJA_WEBHOOK_SECRET"));
}

static void
company_may_stand_in_the_query_but_must_not_contradict(void **state)
{
    struct delivery *d = *state;
    send_along(d, NULL, "4", "secret-of-all");
    d->query[0] = (struct http_header){"company", "HYPERVISUAL"};
    assert_null(verdict(d));
    send_along(d, "LEXAIA", "4", "secret-of-lexaia");
    assert_string_equal(verdict(d), "contradicting-company");
}

static void
a_payment_goes_to_the_lane_of_its_client(void **state)
{
    struct delivery *d = *state;
    send_along(d, "HYPERVISUAL", "4", "secret-of-all");
    d->query[0] = (struct http_header){"event", "payment.created"};
    set_fixture(d, "webhook.04-create_payment.1");
    const struct webhook_event *ev = split(d);
    assert_string_equal(ev->type, "invoice-ninja.create_payment");
    assert_string_equal(ev->source, "invoice-ninja");
    assert_string_equal(ev->key, "HYPERVISUAL:" FIRM);
    assert_string_equal(ev->company, "HYPERVISUAL");
    assert_string_equal(ev->subject, "quote:6f1c2f0e-9d3b-4b7e-8a55-0c1d2e3f4a5b");
    assert_string_equal(ev->time, "2026-08-20T04:31:10.000Z");
    struct json_object *payload = json_parse(&d->job, ev->payload, ev->payload_length);
    assert_string_equal(json_string_or(payload, "company", ""), "HYPERVISUAL");
    assert_string_equal(json_string_or(payload, "body.id", ""), "K4oeElkd0B");
    assert_null(strstr(ev->payload, "secret-of-all"));
}

static void
every_event_has_its_name(void **state)
{
    struct delivery *d = *state;
    static const char *const events[][3] = {
        {"webhook.01-create_client.1", "1", "invoice-ninja.create_client"},
        {"webhook.02-create_invoice.1", "2", "invoice-ninja.create_invoice"},
        {"webhook.08-update_invoice.1", "8", "invoice-ninja.update_invoice"},
        {"webhook.09-delete_invoice.1", "9", "invoice-ninja.delete_invoice"},
        {"webhook.12-delete_payment.1", "12", "invoice-ninja.delete_payment"},
        {"webhook.31-update_payment.1", "31", "invoice-ninja.update_payment"},
        {"webhook.33-archive_invoice.1", "33", "invoice-ninja.archive_invoice"},
        {"webhook.60-sent_invoice.1", "60", "invoice-ninja.sent_invoice"},
        {"webhook.60-sent_invoice.1", "sent_invoice", "invoice-ninja.sent_invoice"},
        {"webhook.08-update_invoice.2", "22", "invoice-ninja.event_22"},
    };
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
        send_along(d, "HYPERVISUAL", events[i][1], "secret-of-all");
        set_fixture(d, events[i][0]);
        const struct webhook_event *ev = split(d);
        assert_string_equal(ev->type, events[i][2]);
        assert_true(str_starts(ev->key, "HYPERVISUAL:"));
    }
}

static void
the_same_body_is_the_same_event(void **state)
{
    struct delivery *d = *state;
    send_along(d, "HYPERVISUAL", "8", "secret-of-all");
    set_fixture(d, "webhook.08-update_invoice.1");
    const char *id = split(d)->id;
    assert_string_equal(split(d)->id, id);
    set_fixture(d, "webhook.08-update_invoice.2");
    assert_string_not_equal(split(d)->id, id);
    set_fixture(d, "webhook.08-update_invoice.1");
    send_along(d, "HYPERVISUAL", "60", "secret-of-all");
    assert_string_not_equal(split(d)->id, id);
    send_along(d, "DAINAMICS", "8", "secret-of-all");
    assert_string_not_equal(split(d)->id, id);
}

static void
what_is_not_ours_has_a_lane_of_its_own(void **state)
{
    struct delivery *d = *state;
    send_along(d, "HYPERVISUAL", "8", "secret-of-all");
    set_body(d, "{\"id\":\"VolejRejNm\",\"client\":{\"id_number\":\"C-77\"}}");
    const struct webhook_event *ev = split(d);
    assert_string_equal(ev->key, "HYPERVISUAL:VolejRejNm");
    assert_string_equal(ev->subject, "");
    assert_null(ev->time);
}

static void
what_it_does_not_send_is_malformed(void **state)
{
    struct delivery *d = *state;
    static const struct {
        const char *event, *query, *body;
    } cases[] = {
        {"8", NULL, "not json"},
        {"8", NULL, "[]"},
        {"8", NULL, "{}"},
        {"8", NULL, "{\"id\":7}"},
        {"8", NULL, "{\"id\":\"two words\"}"},
        {NULL, NULL, "{\"id\":\"VolejRejNm\"}"},
        {"8\r\n", NULL, "{\"id\":\"VolejRejNm\"}"},
        {"8", "create_payment", "{\"id\":\"VolejRejNm\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        send_along(d, "HYPERVISUAL", cases[i].event, "secret-of-all");
        d->query[0] = (struct http_header){cases[i].query != NULL ? "event" : NULL,
                                           cases[i].query};
        set_body(d, cases[i].body);
        memset(&d->events, 0, sizeof d->events);
        assert_false(
            invoice_ninja_webhook.split(d->state, &d->job, &d->request, &d->events));
        assert_int_equal(d->job.error.kind, ERROR_PERMANENT);
        error_clear(&d->job.error);
    }
}

// 404, 405 and 410 delete the webhook; a redirect turns into one of them.
static void
no_answer_deletes_the_webhook(void **state)
{
    (void)state;
    const struct webhook_dialect *dialect = &invoice_ninja_webhook.dialect;
    const int answers[] = {dialect->accepted,  dialect->refused, dialect->malformed,
                           dialect->too_large, dialect->later,   dialect->wrong_method,
                           dialect->elsewhere};
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_true(answers[i] == 200 || answers[i] == 401 || answers[i] == 403
                    || answers[i] >= 500);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(only_the_companys_secret_is_genuine),
        TEST(without_a_secret_everything_is_refused),
        TEST(company_may_stand_in_the_query_but_must_not_contradict),
        TEST(a_payment_goes_to_the_lane_of_its_client),
        TEST(every_event_has_its_name),
        TEST(the_same_body_is_the_same_event),
        TEST(what_is_not_ours_has_a_lane_of_its_own),
        TEST(what_it_does_not_send_is_malformed),
        TEST(no_answer_deletes_the_webhook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
