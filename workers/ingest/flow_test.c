#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/harness/test.h"
#include "workers/ingest/ingest.h"

#define SECRET "flow-secret"
#define QUOTE "2d3b2c7d-0ebe-469d-bbaa-8f673021f369"

struct delivery {
    struct job job;
    struct webhook_request request;
    struct http_header headers[4];
    struct webhook_events events;
};

static int
only_the_secret(void **state)
{
    (void)state;
    unsetenv("DIRECTUS_FLOW_SECRET_PREVIOUS");
    unsetenv("DIRECTUS_COLLECTION_INVOICES");
    unsetenv("DIRECTUS_COLLECTION_CONTACTS");
    setenv("CAPTURE", "flow", 1);
    return setenv("DIRECTUS_FLOW_SECRET", SECRET, 1);
}

static void *
load_state(void)
{
    struct error err;
    void *state = calloc(1, ingest_flow.state_size);
    assert_non_null(state);
    if (!config_load(ingest_flow.settings, state, &err))
        fail_msg("%s", err.text);
    return state;
}

static void
drop_state(void *state)
{
    config_free(ingest_flow.settings, state);
    free(state);
}

static void
begin(struct delivery *d, const char *body)
{
    memset(d, 0, sizeof *d);
    job_begin(&d->job, 1000);
    d->request = (struct webhook_request){
        .method = "POST",
        .headers = d->headers,
        .body = body,
        .body_length = strlen(body),
        .now_ms = clock_wall_ms(),
    };
}

static void
begin_fixture(struct delivery *d, const char *name)
{
    begin(d, "");
    char *path = job_strdup(&d->job, __FILE__);
    *(strrchr(path, '/') + 1) = '\0';
    path = job_printf(&d->job, "%sfixtures/flow.%s.json", path, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    char *text = job_alloc(&d->job, 16384);
    d->request.body = text;
    d->request.body_length = fread(text, 1, 16383, file);
    fclose(file);
}

static const char *
verdict(struct delivery *d)
{
    void *state = load_state();
    const char *reason = ingest_flow.verify(state, &d->job, &d->request);
    drop_state(state);
    return reason;
}

static bool
split(struct delivery *d)
{
    void *state = load_state();
    bool good = ingest_flow.split(state, &d->job, &d->request, &d->events);
    drop_state(state);
    return good;
}

static struct json_object *
payload_of(struct delivery *d, const struct webhook_event *ev)
{
    struct json_object *payload = json_parse(&d->job, ev->payload, ev->payload_length);
    assert_non_null(payload);
    return payload;
}

static const char *
lane_of(const char *body)
{
    static char lane[200]; // only this test program reads it
    struct delivery d;
    begin(&d, body);
    if (!split(&d))
        fail_msg("%s", d.job.error.text);
    str_copy(lane, sizeof lane, d.events.first->key);
    assert_string_equal(d.events.first->subject, lane);
    job_end(&d.job);
    return lane;
}

static void
a_create_becomes_one_event_in_its_quotes_lane(void **state)
{
    (void)state;
    struct delivery d;
    begin_fixture(&d, "create-quote-1");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 1);
    const struct webhook_event *ev = d.events.first;
    assert_string_equal(ev->type, "directus.quotes.create");
    assert_string_equal(ev->source, "directus");
    assert_string_equal(ev->key, "quote:" QUOTE);
    struct json_object *payload = payload_of(&d, ev);
    assert_string_equal(json_string_or(payload, "collection", ""), "quotes");
    assert_string_equal(json_string_or(payload, "key", ""), QUOTE);
    assert_string_equal(json_string_or(payload, "new.total", ""), "1200.50");
    assert_string_equal(json_text_or(payload, "new.deposit_amount", ""), "360.15");
    assert_true(json_bool_or(payload, "hint", false));
    assert_string_equal(json_string_or(payload, "company", "none"), "");
    assert_string_equal(json_string_or(payload, "actor", ""),
                        "ff2e7a26-f4e1-47f9-ad11-b227a4de7f5c");
    assert_int_equal(json_object_array_length(json_at(payload, "changed")), 7);
    job_end(&d.job);
}

static void
a_signing_link_does_not_go_on(void **state)
{
    (void)state;
    struct delivery d;
    begin(&d, "{\"trigger\":{\"event\":\"quotes.items.update\",\"collection\":"
              "\"quotes\",\"keys\":[\"" QUOTE "\"],\"payload\":{\"status\":\"sent\","
              "\"docuseal_embed_url\":\"https://sign.example/s/canary\"}}}");
    assert_true(split(&d));
    struct json_object *payload = payload_of(&d, d.events.first);
    assert_string_equal(json_string_or(payload, "new.status", ""), "sent");
    assert_null(strstr(d.events.first->payload, "embed"));
    job_end(&d.job);
}

static void
an_update_of_three_keys_becomes_three_events(void **state)
{
    (void)state;
    struct delivery d;
    begin_fixture(&d, "update-keys-data-1");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 3);
    const struct webhook_event *ev = d.events.first;
    assert_string_equal(ev->key, "quote:aae8a61d-b3d4-4b8c-9092-70a5a7ba5731");
    assert_string_equal(ev->next->key, "quote:b7a31ea9-ab42-4562-824d-98921f5531a6");
    assert_string_not_equal(ev->id, ev->next->id);
    assert_string_equal(json_string_or(payload_of(&d, ev->next), "new.status", ""),
                        "sent");
    assert_string_equal(json_string_or(payload_of(&d, ev->next), "changed.0", ""),
                        "status");
    job_end(&d.job);
}

static void
a_delete_has_no_fields(void **state)
{
    (void)state;
    struct delivery d;
    begin_fixture(&d, "delete-many-array-1");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 2);
    assert_string_equal(d.events.first->type, "directus.quotes.delete");
    struct json_object *payload = payload_of(&d, d.events.first);
    assert_int_equal(json_object_array_length(json_at(payload, "changed")), 0);
    assert_null(json_at(payload, "new"));
    job_end(&d.job);
}

static void
integer_keys_are_text_whether_they_come_as_number_or_string(void **state)
{
    (void)state;
    struct delivery created;
    struct delivery updated;
    begin_fixture(&created, "create-lead-int-1");
    assert_true(split(&created));
    begin_fixture(&updated, "update-lead-int-1");
    assert_true(split(&updated));
    assert_string_equal(created.events.first->key, "lead:1");
    assert_string_equal(updated.events.first->key, "lead:1");
    assert_string_equal(
        json_string_or(payload_of(&created, created.events.first), "key", ""), "1");
    job_end(&created.job);
    job_end(&updated.job);
}

#define CHANGE(collection, key, payload)                               \
    "{\"trigger\":{\"event\":\"" collection                            \
    ".items.create\",\"collection\":\"" collection "\",\"key\":\"" key \
    "\",\"payload\":" payload "},\"accountability\":null}"

static void
the_lane_is_the_root_where_the_body_names_it(void **state)
{
    (void)state;
    assert_string_equal(lane_of(CHANGE("leads", "7", "{}")), "lead:7");
    assert_string_equal(lane_of(CHANGE("people", "7", "{}")), "contact:7");
    assert_string_equal(lane_of(CHANGE("cgv_acceptances", "7", "{}")), "cgv:7");
    assert_string_equal(lane_of(CHANGE("companies", "7", "{}")), "company:7");
    assert_string_equal(lane_of(CHANGE("others", "7", "{}")), "others:7");
    assert_string_equal(lane_of(CHANGE("client_invoices", "7", "{}")), "invoice:7");
    assert_string_equal(
        lane_of(CHANGE("client_invoices", "7", "{\"quote_id\":\"" QUOTE "\"}")),
        "quote:" QUOTE);
    assert_string_equal(
        lane_of(CHANGE("quote_items", "7", "{\"quote_id\":\"" QUOTE "\"}")),
        "quote:" QUOTE);
    assert_string_equal(lane_of(CHANGE("quote_items", "7", "{\"quantity\":2}")),
                        "quote_items:7");
    assert_string_equal(lane_of(CHANGE("payments", "7", "{\"invoice_id\":\"9\"}")),
                        "invoice:9");
    assert_string_equal(
        lane_of(CHANGE("payments", "7", "{\"invoice_id\":{\"id\":\"9\"}}")),
        "invoice:9");
    assert_string_equal(lane_of(CHANGE("payments", "7", "{\"invoice_id\":{}}")),
                        "payments:7");
}

static void
an_upper_case_uuid_shares_the_lane(void **state)
{
    (void)state;
    assert_string_equal(
        lane_of(CHANGE("quotes", "2D3B2C7D-0EBE-469D-BBAA-8F673021F369", "{}")),
        "quote:" QUOTE);
}

static void
collections_may_have_other_names(void **state)
{
    (void)state;
    setenv("DIRECTUS_COLLECTION_INVOICES", "invoices", 1);
    setenv("DIRECTUS_COLLECTION_CONTACTS", "contacts", 1);
    struct delivery d;
    begin_fixture(&d, "create-invoice-1");
    assert_true(split(&d));
    assert_string_equal(d.events.first->type, "directus.client_invoices.create");
    assert_string_equal(d.events.first->key, "quote:" QUOTE);
    assert_string_equal(
        json_string_or(payload_of(&d, d.events.first), "collection", ""),
        "client_invoices");
    assert_string_equal(lane_of(CHANGE("contacts", "7", "{}")), "contact:7");
    job_end(&d.job);
}

static void
the_writers_origin_is_kept(void **state)
{
    (void)state;
    struct delivery d;
    begin_fixture(&d, "worker-origin-1");
    assert_true(split(&d));
    assert_non_null(json_at(payload_of(&d, d.events.first), "origin"));
    job_end(&d.job);
}

static void
equal_changes_are_two_events_unless_the_body_says_who_it_is(void **state)
{
    (void)state;
    static const char *const fixtures[] = {"update-lead-int-1", "signed-flow-1"};
    for (int i = 0; i < 2; i++) {
        struct delivery first;
        struct delivery again;
        begin_fixture(&first, fixtures[i]);
        begin_fixture(&again, fixtures[i]);
        assert_true(split(&first) && split(&again));
        bool same = strcmp(first.events.first->id, again.events.first->id) == 0;
        assert_int_equal(same, i == 1);
        if (i == 1)
            assert_string_equal(first.events.first->time, "2026-11-22T06:29:35.558Z");
        job_end(&first.job);
        job_end(&again.job);
    }
}

static void
what_is_no_change_is_malformed_and_the_member_is_named(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{", "JSON"},
        {"{}", "trigger.event"},
        {"{\"trigger\":{\"event\":\"quotes.items.create\"}}", "trigger.collection"},
        {"{\"trigger\":{\"event\":\"quotes\",\"collection\":\"quotes\",\"key\":1}}",
         "trigger.event"},
        {"{\"trigger\":{\"event\":\"quotes.items.create\",\"collection\":\"quotes\"}}",
         "trigger.key"},
        {"{\"trigger\":{\"event\":\"quotes.items.update\",\"collection\":\"quotes\","
         "\"keys\":[\"a\",{}]}}",
         "trigger.keys.1"},
        {"{\"trigger\":{\"event\":\"quotes.items.create\",\"collection\":\"quotes\","
         "\"key\":\"a b\"}}",
         "trigger.key"},
        {"{\"trigger\":{\"event\":\"q.items.create\",\"collection\":\"q "
         "q\",\"key\":1}}",
         "name"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery d;
        begin(&d, cases[i][0]);
        assert_false(split(&d));
        assert_int_equal(d.job.error.kind, ERROR_PERMANENT);
        assert_non_null(strstr(d.job.error.text, cases[i][1]));
        job_end(&d.job);
    }
}

static void
no_keys_are_no_events(void **state)
{
    (void)state;
    struct delivery d;
    begin(&d, "{\"trigger\":{\"event\":\"quotes.items.update\",\"collection\":"
              "\"quotes\",\"keys\":[],\"payload\":{}}}");
    assert_true(split(&d));
    assert_int_equal(d.events.count, 0);
    job_end(&d.job);
}

// {"trigger":{... "keys":[0,1,...,count-1], "payload":{"note":"xxx..."}}}
static const char *
many_keys(struct job *job, int count, size_t note)
{
    struct str body;
    str_begin(&body, 8 << 20);
    str_puts(&body, "{\"trigger\":{\"event\":\"leads.items.update\",\"collection\":"
                    "\"leads\",\"keys\":[");
    for (int i = 0; i < count; i++)
        str_printf(&body, "%s%d", i > 0 ? "," : "", i);
    str_puts(&body, "],\"payload\":{\"note\":\"");
    for (size_t i = 0; i < note; i++)
        str_puts(&body, "x");
    str_puts(&body, "\"}}}");
    const char *copy = job_memdup(job, body.data, body.length);
    str_end(&body);
    return copy;
}

static void
thousands_of_keys_do_not_repeat_a_large_row(void **state)
{
    (void)state;
    struct delivery d;
    struct job job;
    job_begin(&job, 1000);
    begin(&d, many_keys(&job, 5000, 100000));
    assert_true(split(&d));
    assert_int_equal(d.events.count, 5000);
    assert_true(d.events.bytes < 2 << 20);
    struct json_object *payload = payload_of(&d, d.events.last);
    assert_null(json_at(payload, "new.note"));
    assert_string_equal(json_string_or(payload, "changed.0", ""), "note");
    job_end(&d.job);

    begin(&d, many_keys(&job, WEBHOOK_EVENTS_MAX + 1, 1));
    assert_false(split(&d));
    assert_int_equal(d.job.error.http_status, 413);
    job_end(&d.job);
    job_end(&job);
}

static void
the_header_must_be_the_secret(void **state)
{
    (void)state;
    setenv("DIRECTUS_FLOW_SECRET_PREVIOUS", "older", 1);
    struct delivery d;
    begin(&d, "{}");
    assert_string_equal(verdict(&d), "missing-secret");
    static const char *const wrong[] = {"", "flow", "flow-secret2", "FLOW-SECRET"};
    for (int i = 0; i < 4; i++) {
        d.headers[0] = (struct http_header){"x-ingest-secret", wrong[i]};
        assert_string_equal(verdict(&d), "bad-secret");
    }
    d.headers[0].value = SECRET;
    assert_null(verdict(&d));
    d.headers[0].value = "older";
    assert_null(verdict(&d));
    job_end(&d.job);
}

static void
without_a_secret_everything_is_refused_and_readiness_says_why(void **state)
{
    (void)state;
    char why[200] = "";
    struct delivery d;
    unsetenv("DIRECTUS_FLOW_SECRET");
    begin(&d, "{}");
    d.headers[0] = (struct http_header){"X-Ingest-Secret", ""};
    assert_string_equal(verdict(&d), "no-secret-configured");
    void *flow = load_state();
    assert_false(ingest_flow.ready(flow, why, sizeof why));
    assert_non_null(strstr(why, "DIRECTUS_FLOW_SECRET"));
    drop_state(flow);

    unsetenv("CAPTURE"); // outbox
    flow = load_state();
    assert_true(ingest_flow.ready(flow, why, sizeof why));
    drop_state(flow);
    job_end(&d.job);
}

static const char *
base64url(struct job *job, const unsigned char *data, size_t length)
{
    static const char digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char *out = job_alloc(job, length * 4 / 3 + 4);
    char *at = out;
    for (size_t i = 0; i < length; i += 3) {
        unsigned bits = (unsigned)data[i] << 16;
        bits |= i + 1 < length ? (unsigned)data[i + 1] << 8 : 0;
        bits |= i + 2 < length ? data[i + 2] : 0;
        size_t chars = length - i >= 3 ? 4 : length - i + 1;
        for (size_t c = 0; c < chars; c++)
            *at++ = digits[bits >> (18 - 6 * c) & 63];
    }
    return out;
}

static const char *
token(struct job *job, const char *header, const char *claims, const char *secret)
{
    unsigned char mac[HMAC_BYTES];
    const char *text = job_printf(
        job, "%s.%s", base64url(job, (const unsigned char *)header, strlen(header)),
        base64url(job, (const unsigned char *)claims, strlen(claims)));
    hmac_sha256(secret, strlen(secret), text, strlen(text), NULL, 0, mac);
    return job_printf(job, "%s.%s", text, base64url(job, mac, sizeof mac));
}

// The verdict on a token issued `age` seconds ago that lives for `life` seconds.
static const char *
token_verdict(const char *header, long age, long life, const char *secret)
{
    struct delivery d;
    begin(&d, "");
    long long now = clock_wall_ms() / 1000;
    const char *claims =
        job_printf(&d.job,
                   "{\"trigger\":{\"event\":\"leads.items.create\",\"payload\":{},"
                   "\"key\":1882,\"collection\":\"leads\"},\"user\":\"me\",\"iat\":"
                   "%lld,\"exp\":%lld}",
                   now - age, now - age + life);
    d.request.body = token(&d.job, header, claims, secret);
    d.request.body_length = strlen(d.request.body);
    d.headers[0] = (struct http_header){"content-type", "application/jwt"};
    const char *reason = verdict(&d);
    if (reason == NULL) {
        assert_true(split(&d));
        assert_string_equal(d.events.first->key, "lead:1882");
        assert_string_equal(json_string_or(payload_of(&d, d.events.first), "actor", ""),
                            "me");
    }
    job_end(&d.job);
    return reason;
}

#define HS256 "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static void
a_signed_token_is_the_event_and_its_proof(void **state)
{
    (void)state;
    setenv("DIRECTUS_FLOW_SECRET_PREVIOUS", "older", 1);
    assert_null(token_verdict(HS256, 0, 300, SECRET));
    assert_null(token_verdict(HS256, 200, 300, "older"));
    assert_null(token_verdict(HS256, 330, 300, SECRET)); // two clocks
}

static void
other_tokens_are_refused(void **state)
{
    (void)state;
    assert_string_equal(token_verdict(HS256, 0, 300, "wrong"), "bad-signature");
    assert_string_equal(token_verdict("{\"alg\":\"none\"}", 0, 300, SECRET),
                        "bad-algorithm");
    assert_string_equal(token_verdict("{\"alg\":\"HS512\"}", 0, 300, SECRET),
                        "bad-algorithm");
    assert_string_equal(
        token_verdict("{\"alg\":\"HS256\",\"crit\":[\"x\"]}", 0, 300, SECRET),
        "bad-algorithm");
    assert_string_equal(token_verdict("[]", 0, 300, SECRET), "malformed-token");
    assert_string_equal(token_verdict(HS256, 400, 300, SECRET), "expired-token");
    assert_string_equal(token_verdict(HS256, 7200, 86400, SECRET), "expired-token");
    assert_string_equal(token_verdict(HS256, -400, 300, SECRET), "future-token");
}

static void
a_token_needs_its_dates_and_its_three_parts(void **state)
{
    (void)state;
    struct delivery d;
    begin(&d, "");
    d.headers[0] = (struct http_header){"Content-Type", "application/jwt; x=y"};
    const char *const bodies[][2] = {
        {token(&d.job, HS256, "{\"iat\":1}", SECRET), "no-expiry"},
        {token(&d.job, HS256, "{\"exp\":99999999999}", SECRET), "no-expiry"},
        {token(&d.job, HS256, "{\"iat\":\"1\",\"exp\":\"2\"}", SECRET), "no-expiry"},
        {token(&d.job, HS256, "no json", SECRET), "malformed-token"},
        {"", "malformed-token"},
        {"a.b", "malformed-token"},
        {"a.b.c.d", "malformed-token"},
        {"..", "bad-signature"},
        {"{\"alg\":\"none\"}.{}.", "bad-signature"},
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        d.request.body = bodies[i][0];
        d.request.body_length = strlen(bodies[i][0]);
        const char *reason = verdict(&d);
        assert_non_null(reason);
        assert_string_equal(reason, bodies[i][1]);
    }
    job_end(&d.job);
}

static void
a_recorded_token_of_another_secret_is_refused(void **state)
{
    (void)state;
    struct delivery d;
    begin_fixture(&d, "jwt-body-1");
    d.headers[0] = (struct http_header){"content-type", "application/jwt"};
    assert_string_equal(verdict(&d), "bad-signature");
    // Its claims are what Directus really sends.
    assert_true(split(&d));
    assert_string_equal(d.events.first->key, "lead:1882");
    job_end(&d.job);
}

#define TEST(name) cmocka_unit_test_setup(name, only_the_secret)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_create_becomes_one_event_in_its_quotes_lane),
        TEST(a_signing_link_does_not_go_on),
        TEST(an_update_of_three_keys_becomes_three_events),
        TEST(a_delete_has_no_fields),
        TEST(integer_keys_are_text_whether_they_come_as_number_or_string),
        TEST(the_lane_is_the_root_where_the_body_names_it),
        TEST(an_upper_case_uuid_shares_the_lane),
        TEST(collections_may_have_other_names),
        TEST(the_writers_origin_is_kept),
        TEST(equal_changes_are_two_events_unless_the_body_says_who_it_is),
        TEST(what_is_no_change_is_malformed_and_the_member_is_named),
        TEST(no_keys_are_no_events),
        TEST(thousands_of_keys_do_not_repeat_a_large_row),
        TEST(the_header_must_be_the_secret),
        TEST(without_a_secret_everything_is_refused_and_readiness_says_why),
        TEST(a_signed_token_is_the_event_and_its_proof),
        TEST(other_tokens_are_refused),
        TEST(a_token_needs_its_dates_and_its_three_parts),
        TEST(a_recorded_token_of_another_secret_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
