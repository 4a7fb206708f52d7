#include "common/webhook.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

extern const struct webhook mautic_webhook;

#define SECRET "b7c0f5f1a4e2d93c6a8e0d14f27b9c55e1d0aa37c2f84b6690f3de1287ab45cd"
#define MARTINA \
    "person:"   \
    "dcdc43d769f62d8e95d2afb8fc54bc3e48c29c14c6c7c006444edacc45b1db58"

// One delivery as Mautic sent it: a body of fixtures/ and its recorded headers.
struct delivery {
    struct job job;
    void *state;
    struct webhook_request request;
    struct http_header headers[4];
    struct webhook_events events;
};

static const char *
fixture(struct job *job, const char *name, size_t *length)
{
    enum { MAX = 64 * 1024 };
    char *content = job_alloc(job, MAX);
    FILE *file = fopen(job_printf(job, FIXTURES "/%s.json", name), "rb");
    if (file == NULL)
        fail_msg("no fixture %s", name);
    *length = fread(content, 1, MAX - 1, file);
    fclose(file);
    return content;
}

static void
load_state(struct delivery *d)
{
    struct error err;
    d->state = str_calloc(1, mautic_webhook.state_size);
    if (!config_load(mautic_webhook.settings, d->state, &err))
        fail_msg("%s", err.text);
}

static void
begin(struct delivery *d, const char *name)
{
    memset(d, 0, sizeof *d);
    job_begin(&d->job, 1000);
    load_state(d);
    d->request.method = "POST";
    d->request.headers = d->headers;
    d->request.max_event_bytes = 1 << 20;
    size_t length;
    const char *all = fixture(&d->job, "_webhook-headers", &length);
    const char *path = job_printf(&d->job, "%s", name);
    struct json_object *headers = NULL;
    struct json_object *every = json_at(json_parse(&d->job, all, length), "headers");
    assert_true(json_object_object_get_ex(every, path, &headers));
    d->headers[0] = (struct http_header){
        "Webhook-Signature", json_string_or(headers, "Webhook-Signature", "")};
    d->headers[1] = (struct http_header){
        "X-Origin-Base-URL", json_string_or(headers, "X-Origin-Base-URL", "")};
    d->request.body =
        fixture(&d->job, job_printf(&d->job, "%s.body", name), &d->request.body_length);
}

static void
end(struct delivery *d)
{
    config_free(mautic_webhook.settings, d->state);
    free(d->state);
    job_end(&d->job);
}

static int
only_the_secret(void **state)
{
    (void)state;
    unsetenv("MAUTIC_WEBHOOK_SECRET_PREVIOUS");
    return setenv("MAUTIC_WEBHOOK_SECRET", SECRET, 1);
}

static const char *
verdict(struct delivery *d)
{
    return mautic_webhook.verify(d->state, &d->job, &d->request);
}

static bool
split(struct delivery *d)
{
    return mautic_webhook.split(d->state, &d->job, &d->request, &d->events);
}

static void
set_body(struct delivery *d, const char *body)
{
    d->request.body = body;
    d->request.body_length = strlen(body);
}

static void
every_recorded_signature_is_genuine(void **state)
{
    static const char *const names[] = {
        "webhook.1-contact-new",      "webhook.2-contact-update",
        "webhook.3-aggregated",       "webhook.4-unsubscribed",
        "webhook.5-bounced",          "webhook.6-resubscribed",
        "webhook.7-email-open-first", "webhook.8-email-open-again",
        "webhook.10-email-send",      "webhook.11-form-submit",
        "webhook.12-points",          "webhook.13-delete",
        "webhook.14-list-change",     "webhook.15-test-payload-ui",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct delivery d;
        begin(&d, names[i]);
        assert_null(verdict(&d));
        end(&d);
    }
}

static void
one_changed_byte_is_refused(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.4-unsubscribed");
    char *body = job_memdup(&d.job, d.request.body, d.request.body_length);
    body[d.request.body_length - 3] ^= 1;
    d.request.body = body;
    assert_string_equal(verdict(&d), "bad-signature");
    end(&d);
}

static void
what_is_no_signature_is_refused(void **state)
{
    static const struct {
        const char *given, *why;
    } cases[] = {
        {"", "malformed-signature"},
        {"bm9wZQ==", "malformed-signature"},
        {"v06moCfGdHysQAObxHjrzS49Y+NZkZC9VNPzxgCun6", "malformed-signature"},
        {"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "bad-signature"},
    };
    struct delivery d;
    (void)state;
    begin(&d, "webhook.4-unsubscribed");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        d.headers[0].value = cases[i].given;
        assert_string_equal(verdict(&d), cases[i].why);
    }
    d.headers[0] = d.headers[1];
    assert_string_equal(verdict(&d), "missing-signature");
    end(&d);
}

static void
the_secret_before_is_good_during_a_rotation(void **state)
{
    struct delivery d;
    (void)state;
    setenv("MAUTIC_WEBHOOK_SECRET", "a-new-secret", 1);
    begin(&d, "webhook.4-unsubscribed");
    assert_string_equal(verdict(&d), "bad-signature");
    end(&d);
    setenv("MAUTIC_WEBHOOK_SECRET_PREVIOUS", SECRET, 1);
    begin(&d, "webhook.4-unsubscribed");
    assert_null(verdict(&d));
    end(&d);
}

static void
without_a_secret_everything_is_refused(void **state)
{
    struct delivery d;
    char why[100];
    (void)state;
    unsetenv("MAUTIC_WEBHOOK_SECRET");
    begin(&d, "webhook.4-unsubscribed");
    assert_string_equal(verdict(&d), "no-secret-configured");
    assert_false(mautic_webhook.ready(d.state, why, sizeof why));
    assert_non_null(strstr(why, "MAUTIC_WEBHOOK_SECRET"));
    end(&d);
}

static void
a_batch_becomes_one_event_an_item_each_in_its_persons_lane(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.3-aggregated");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 3);
    const struct webhook_event *first = d.events.first;
    const struct webhook_event *second = first->next;
    const struct webhook_event *third = second->next;
    assert_string_equal(first->type, "mautic.lead_post_save_update");
    assert_string_equal(first->key, MARTINA);
    assert_string_equal(first->subject, MARTINA);
    assert_string_equal(first->time, "2026-08-20T12:00:00+00:00");
    assert_string_equal(second->type, "mautic.lead_post_save_update");
    assert_string_equal(third->type, "mautic.lead_points_change");
    assert_string_equal(second->key, third->key);
    assert_string_not_equal(first->key, second->key);
    assert_string_not_equal(first->id, second->id);
    assert_string_not_equal(second->id, third->id);

    struct json_object *payload =
        json_parse(&d.job, first->payload, first->payload_length);
    assert_int_equal(json_i64_or(payload, "body.contact.id", 0), 47);
    assert_string_equal(json_string_or(payload, "headers.x-origin-base-url", ""),
                        "https://mautic.example.ch");
    assert_null(strstr(first->payload, d.headers[0].value));
    end(&d);
}

static void
an_item_is_the_same_in_whatever_delivery_it_comes(void **state)
{
    struct delivery d;
    struct delivery again;
    (void)state;
    begin(&d, "webhook.4-unsubscribed");
    assert_true(split(&d));
    begin(&again, "webhook.4-unsubscribed");
    const char *body = d.request.body;
    set_body(&again, job_printf(&again.job, "{\"mautic.email_on_send\":[{\"x\":1}],%s",
                                body + 1));
    assert_true(split(&again));
    assert_int_equal(again.events.count, 2);
    assert_string_equal(again.events.last->id, d.events.first->id);
    end(&d);
    end(&again);
}

static void
the_same_words_at_another_time_are_another_event(void **state)
{
    struct delivery d;
    struct delivery again;
    (void)state;
    begin(&d, "webhook.7-email-open-first");
    begin(&again, "webhook.8-email-open-again");
    assert_true(split(&d));
    assert_true(split(&again));
    assert_string_not_equal(d.events.first->id, again.events.first->id);
    end(&d);
    end(&again);
}

static void
every_type_finds_its_persons_lane(void **state)
{
    static const char *const names[] = {
        "webhook.1-contact-new", "webhook.4-unsubscribed",
        "webhook.10-email-send", "webhook.7-email-open-first",
        "webhook.13-delete",     "webhook.14-list-change",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct delivery d;
        begin(&d, names[i]);
        assert_true(split(&d));
        assert_int_equal(d.events.count, 1);
        assert_string_equal(d.events.first->key, MARTINA);
        end(&d);
    }
}

static void
a_contact_without_an_address_has_a_lane_of_its_own(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.4-unsubscribed");
    set_body(&d, "{\"mautic.lead_post_save_update\":[{\"contact\":{\"id\":99,"
                 "\"fields\":[]},\"timestamp\":\"2026-08-20T12:00:00+00:00\"}]}");
    assert_true(split(&d));
    assert_string_equal(d.events.first->key, ":99");
    assert_string_equal(d.events.first->subject, "");
    end(&d);
}

static void
the_test_button_says_nothing_about_anybody(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.15-test-payload-ui");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 0);
    end(&d);
}

static void
a_single_item_may_stand_without_a_list(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.4-unsubscribed");
    set_body(&d, "{\"mautic.form_on_submit\":{\"submission\":{\"id\":71},"
                 "\"timestamp\":\"2026-08-20T12:00:00+00:00\"}}");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 1);
    assert_string_equal(d.events.first->type, "mautic.form_on_submit");
    end(&d);
}

static void
a_mail_too_large_to_keep_is_left_out_of_its_event(void **state)
{
    struct delivery d;
    (void)state;
    begin(&d, "webhook.10-email-send");
    d.request.max_event_bytes = 600;
    assert_true(split(&d));
    const struct webhook_event *ev = d.events.first;
    assert_null(strstr(ev->payload, "customHtml"));
    assert_null(strstr(ev->payload, "Bonjour Martina"));
    assert_string_equal(ev->key, MARTINA);
    end(&d);
}

// Mautic 5 and 6 forget a delivery that was refused: what is odd in it must not take
// an unsubscription along.
static void
what_is_odd_does_not_keep_the_rest_out(void **state)
{
    static const struct {
        const char *odd, *type;
    } cases[] = {
        {"\"mautic.email_on_open\":[1]", "mautic.email_on_open"},
        {"\"mautic.email_on_open\":\"no list\"", "mautic.email_on_open"},
        {"\"mautic.email_on_open\":[null]", "mautic.email_on_open"},
        {"\"plugin.acme\":[{}]", "mautic.plugin.acme"},
        {"\"mautic.with space\\u0001\":[{}]", "mautic.with_space_"},
        {"\"\":{}", "mautic."},
        {"\"mautic.x\":[{\"timestamp\":\"\\u0001\",\"id\":\"\\n\",\"contact\":[]}]",
         "mautic.x"},
    };
    struct delivery d;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(&d, "webhook.4-unsubscribed");
        set_body(&d, job_printf(&d.job,
                                "{%s,\"mautic.lead_channel_subscription_changed\":[{"
                                "\"contact\":{\"id\":47}}]}",
                                cases[i].odd));
        assert_true(split(&d));
        assert_int_equal(d.events.count, 2);
        assert_string_equal(d.events.first->type, cases[i].type);
        assert_string_equal(d.events.last->key, ":47");
        end(&d);
    }
}

static void
what_is_no_list_of_events_is_malformed(void **state)
{
    static const char *const bodies[] = {
        "",
        "nonsense",
        "[]",
    };
    struct delivery d;
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        begin(&d, "webhook.4-unsubscribed");
        set_body(&d, bodies[i]);
        assert_false(split(&d));
        assert_int_equal(d.job.error.kind, ERROR_PERMANENT);
        end(&d);
    }
}

#define TEST(name) cmocka_unit_test_setup(name, only_the_secret)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_recorded_signature_is_genuine),
        TEST(one_changed_byte_is_refused),
        TEST(what_is_no_signature_is_refused),
        TEST(the_secret_before_is_good_during_a_rotation),
        TEST(without_a_secret_everything_is_refused),
        TEST(a_batch_becomes_one_event_an_item_each_in_its_persons_lane),
        TEST(an_item_is_the_same_in_whatever_delivery_it_comes),
        TEST(the_same_words_at_another_time_are_another_event),
        TEST(every_type_finds_its_persons_lane),
        TEST(a_contact_without_an_address_has_a_lane_of_its_own),
        TEST(the_test_button_says_nothing_about_anybody),
        TEST(a_single_item_may_stand_without_a_list),
        TEST(a_mail_too_large_to_keep_is_left_out_of_its_event),
        TEST(what_is_odd_does_not_keep_the_rest_out),
        TEST(what_is_no_list_of_events_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
