#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/webhook.h"
#include "tests/harness/test.h"

extern const struct webhook docuseal_webhook;

#define SECRET "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3"
#define QUOTE "6f1c2f0e-9d3b-4b7e-8a55-0c1d2e3f4a5b"

// A body and headers, as one delivery.
struct delivery {
    struct job job;
    struct webhook_request request;
    struct http_header headers[8];
};

static void
begin(struct delivery *d)
{
    memset(d, 0, sizeof *d);
    job_begin(&d->job, 1000);
    d->request.method = "POST";
    d->request.headers = d->headers;
}

static void
add_header(struct delivery *d, const char *name, const char *value)
{
    size_t i = 0;
    while (d->headers[i].name != NULL)
        i++;
    d->headers[i] = (struct http_header){name, value};
}

static void
set_body(struct delivery *d, const char *body)
{
    d->request.body = body;
    d->request.body_length = strlen(body);
}

static void
sign_at(struct delivery *d, const char *secret, int64_t now_ms)
{
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    const char *stamp = job_printf(&d->job, "%lld.", (long long)(now_ms / 1000));
    hmac_sha256(secret, strlen(secret), stamp, strlen(stamp), d->request.body,
                d->request.body_length, mac);
    hmac_hex(mac, sizeof mac, hex);
    add_header(d, "X-Docuseal-Signature", job_printf(&d->job, "%s%s", stamp, hex));
}

static void *
load_state(void)
{
    struct error err;
    void *state = calloc(1, docuseal_webhook.state_size);
    assert_non_null(state);
    if (!config_load(docuseal_webhook.settings, state, &err))
        fail_msg("%s", err.text);
    return state;
}

static void
drop_state(void *state)
{
    config_free(docuseal_webhook.settings, state);
    free(state);
}

static int
only_the_secret(void **state)
{
    (void)state;
    unsetenv("DOCUSEAL_WEBHOOK_SECRET_PREVIOUS");
    unsetenv("DOCUSEAL_WEBHOOK_HEADER");
    unsetenv("DOCUSEAL_WEBHOOK_HEADER_VALUE");
    unsetenv("DOCUSEAL_WEBHOOK_HEADER_VALUE_PREVIOUS");
    return setenv("DOCUSEAL_WEBHOOK_SECRET", SECRET, 1);
}

static const char *
verdict(struct delivery *d)
{
    void *state = load_state();
    const char *reason = docuseal_webhook.verify(state, &d->job, &d->request);
    drop_state(state);
    return reason;
}

#define assert_refused(d, why)              \
    do {                                    \
        const char *given_ = verdict(d);    \
        assert_non_null(given_);            \
        assert_string_equal(given_, (why)); \
    } while (0)

// The file beside this one, in the job.
static char *
fixture(struct job *job, const char *name, size_t *length)
{
    char *path = job_strdup(job, __FILE__);
    *(strrchr(path, '/') + 1) = '\0';
    path = job_printf(job, "%sfixtures/%s", path, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    char *text = job_alloc(job, 65536);
    *length = fread(text, 1, 65535, file);
    fclose(file);
    return text;
}

static void
set_fixture(struct delivery *d, const char *name)
{
    size_t length;
    d->request.body = fixture(&d->job, name, &length);
    d->request.body_length = length;
}

static void
every_recorded_signature_verifies_and_no_flipped_byte_does(void **state)
{
    (void)state;
    struct delivery d;
    int count = 0;

    begin(&d);
    size_t length;
    char *text = fixture(&d.job, "webhook-headers.json", &length);
    struct json_object *all = json_parse(&d.job, text, length);
    assert_non_null(all);
    json_object_object_foreach(json_object_object_get(all, "headers"), name, headers)
    {
        const char *signature = json_object_get_string(
            json_object_object_get(headers, "X-Docuseal-Signature"));
        memset(d.headers, 0, sizeof d.headers);
        add_header(&d, "x-docuseal-signature", signature);
        set_fixture(&d, name);
        d.request.now_ms = strtoll(signature, NULL, 10) * 1000;
        assert_null(verdict(&d));

        char *body = job_memdup(&d.job, d.request.body, d.request.body_length);
        body[d.request.body_length / 2] ^= 1;
        d.request.body = body;
        assert_refused(&d, "bad-signature");
        count++;
    }
    assert_int_equal(count, 25);
    job_end(&d.job);
}

static void
the_test_vector_of_the_contract_verifies(void **state)
{
    (void)state;
    struct delivery d;
    begin(&d);
    set_body(&d, "{\"event_type\":\"submission.archived\",\"timestamp\":"
                 "\"2026-08-13T09:14:06.153Z\",\"data\":{\"id\":4107,\"archived_at\":"
                 "\"2026-08-13T09:14:06.123Z\"}}");
    add_header(&d, "X-Docuseal-Signature",
               "1786612448.dd186709de32dc33ca4bee6c9c5b4a34678c4ddfe94c1294f218b608d623"
               "97f7");
    d.request.now_ms = INT64_C(1786612448) * 1000;
    assert_null(verdict(&d));
    job_end(&d.job);
}

static void
a_signature_is_good_for_five_minutes_both_ways(void **state)
{
    (void)state;
    static const struct {
        int64_t off_ms;
        bool good;
    } cases[] = {{300000, true}, {-300000, true}, {301000, false}, {-301000, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct delivery d;
        begin(&d);
        set_body(&d, "{}");
        sign_at(&d, SECRET, INT64_C(1786612448000));
        d.request.now_ms = INT64_C(1786612448000) + cases[i].off_ms;
        if (cases[i].good)
            assert_null(verdict(&d));
        else
            assert_refused(&d, "stale-signature");
        job_end(&d.job);
    }
}

static void
what_is_no_signature_is_refused(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        ".",
        "12345",
        "abc.def",
        "-5.00",
        "1786612448",
        "99999999999999999999.00",
        " 1786612448.00",
    };
    struct delivery d;
    begin(&d);
    set_body(&d, "{}");
    assert_refused(&d, "missing-signature");
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        memset(d.headers, 0, sizeof d.headers);
        add_header(&d, "X-Docuseal-Signature", broken[i]);
        assert_refused(&d, "malformed-signature");
    }
    memset(d.headers, 0, sizeof d.headers);
    add_header(&d, "X-Docuseal-Signature", "1786612448.");
    assert_refused(&d, "bad-signature");
    job_end(&d.job);
}

static void
the_secret_before_is_accepted_during_a_rotation(void **state)
{
    (void)state;
    setenv("DOCUSEAL_WEBHOOK_SECRET", "whsec_new", 1);
    setenv("DOCUSEAL_WEBHOOK_SECRET_PREVIOUS", SECRET, 1);
    static const char *const secrets[] = {"whsec_new", SECRET, "whsec_older"};
    for (int i = 0; i < 3; i++) {
        struct delivery d;
        begin(&d);
        set_body(&d, "{\"a\":1}");
        d.request.now_ms = clock_wall_ms();
        sign_at(&d, secrets[i], d.request.now_ms);
        if (i < 2)
            assert_null(verdict(&d));
        else
            assert_refused(&d, "bad-signature");
        job_end(&d.job);
    }
}

static void
without_a_secret_everything_is_refused(void **state)
{
    (void)state;
    char why[200] = "";
    struct delivery d;

    unsetenv("DOCUSEAL_WEBHOOK_SECRET");
    begin(&d);
    set_body(&d, "{}");
    d.request.now_ms = clock_wall_ms();
    sign_at(&d, "", d.request.now_ms);
    assert_refused(&d, "no-secret-configured");
    void *hook = load_state();
    assert_false(docuseal_webhook.ready(hook, why, sizeof why));
    assert_non_null(strstr(why, "DOCUSEAL_WEBHOOK_SECRET"));
    drop_state(hook);
    job_end(&d.job);
}

static void
a_fixed_header_is_required_beside_the_signature(void **state)
{
    (void)state;
    setenv("DOCUSEAL_WEBHOOK_HEADER", "X-Docuseal-Secret", 1);
    setenv("DOCUSEAL_WEBHOOK_HEADER_VALUE", "random", 1);
    struct delivery d;
    begin(&d);
    set_body(&d, "{}");
    d.request.now_ms = clock_wall_ms();
    sign_at(&d, SECRET, d.request.now_ms);
    assert_refused(&d, "missing-secret");
    add_header(&d, "x-docuseal-secret", "wrong");
    assert_refused(&d, "bad-secret");
    d.headers[1].value = "random";
    assert_null(verdict(&d));
    // The test button of DocuSeal's settings page sends the header, but no signature.
    d.headers[0].name = "X-Other";
    assert_refused(&d, "missing-signature");
    job_end(&d.job);
}

static void
a_server_without_signatures_proves_itself_by_the_header(void **state)
{
    (void)state;
    unsetenv("DOCUSEAL_WEBHOOK_SECRET");
    setenv("DOCUSEAL_WEBHOOK_HEADER", "X-Docuseal-Secret", 1);
    setenv("DOCUSEAL_WEBHOOK_HEADER_VALUE", "new", 1);
    setenv("DOCUSEAL_WEBHOOK_HEADER_VALUE_PREVIOUS", "old", 1);
    struct delivery d;
    begin(&d);
    set_body(&d, "{}");
    add_header(&d, "X-Docuseal-Secret", "new");
    assert_null(verdict(&d));
    d.headers[0].value = "old";
    assert_null(verdict(&d));
    d.headers[0].value = "";
    assert_refused(&d, "bad-secret");
    job_end(&d.job);
}

static void
half_a_header_and_the_signatures_own_name_are_refused_at_start(void **state)
{
    (void)state;
    struct error err = {0};
    setenv("DOCUSEAL_WEBHOOK_HEADER", "X-Docuseal-Secret", 1);
    void *hook = load_state();
    assert_false(docuseal_webhook.open(hook, &err));
    assert_non_null(strstr(err.text, "DOCUSEAL_WEBHOOK_HEADER_VALUE"));
    drop_state(hook);

    setenv("DOCUSEAL_WEBHOOK_HEADER", "x-docuseal-signature", 1);
    setenv("DOCUSEAL_WEBHOOK_HEADER_VALUE", "random", 1);
    hook = load_state();
    assert_false(docuseal_webhook.open(hook, &err));
    drop_state(hook);
}

// Splits the body; NULL if it was refused.
static const struct webhook_event *
split(struct delivery *d)
{
    struct webhook_events events = {.first = NULL};
    void *hook = load_state();
    bool good = docuseal_webhook.split(hook, &d->job, &d->request, &events);
    drop_state(hook);
    if (!good) {
        assert_int_equal(d->job.error.kind, ERROR_PERMANENT);
        return NULL;
    }
    assert_int_equal(events.count, 1);
    return events.first;
}

static const struct webhook_event *
split_text(struct delivery *d, const char *body)
{
    begin(d);
    set_body(d, body);
    add_header(d, "User-Agent", "DocuSeal.com Webhook");
    add_header(d, "X-Docuseal-Signature", "1.secret");
    return split(d);
}

#define FORM(name, external, more)                                                     \
    "{\"event_type\":\"" name "\",\"timestamp\":\"2026-08-12T09:31:44.512Z\",\"data\"" \
    ":{\"id\":8841,\"submission_id\":4107,\"external_id\":\"" external                 \
    "\",\"metadata\":{\"company\":\"HYPERVISUAL\"}" more "}}"

static void
a_submitter_of_ours_goes_to_its_quotes_lane(void **state)
{
    (void)state;
    struct delivery d;
    const struct webhook_event *ev =
        split_text(&d, FORM("form.completed", "quote:" QUOTE ":r2:client", ""));
    assert_non_null(ev);
    assert_string_equal(ev->type, "docuseal.form.completed");
    assert_string_equal(ev->source, "docuseal");
    assert_string_equal(ev->key, "quote:" QUOTE);
    assert_string_equal(ev->subject, "quote:" QUOTE);
    assert_string_equal(ev->company, "HYPERVISUAL");
    assert_string_equal(ev->time, "2026-08-12T09:31:44.512Z");
    job_end(&d.job);
}

static void
an_upper_case_uuid_shares_the_lane(void **state)
{
    (void)state;
    struct delivery d;
    const struct webhook_event *ev =
        split_text(&d, FORM("form.viewed",
                            "cgv:6F1C2F0E-9D3B-4B7E-8A55-0C1D2E3F4A5B:r1:client", ""));
    assert_string_equal(ev->key, "cgv:" QUOTE);
    job_end(&d.job);
}

static void
external_ids_of_others_go_to_the_submissions_lane(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        FORM("form.viewed", "hv:quote:" QUOTE ":client", ""),
        FORM("form.viewed", "quote:" QUOTE, ""),
        FORM("form.viewed", "quote:" QUOTE ":r:client", ""),
        FORM("form.viewed", "quote:" QUOTE ":r1:", ""),
        FORM("form.viewed", "quote:not-a-uuid:r1:client", ""),
        FORM("form.viewed", "", ""),
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct delivery d;
        const struct webhook_event *ev = split_text(&d, bodies[i]);
        assert_string_equal(ev->key, "HYPERVISUAL:4107");
        assert_string_equal(ev->subject, "");
        job_end(&d.job);
    }
}

static void
a_submissions_lane_comes_from_its_submitters(void **state)
{
    (void)state;
    struct delivery d;
    const struct webhook_event *ev = split_text(
        &d, "{\"event_type\":\"submission.completed\",\"timestamp\":\"2026-08-12T09:31:"
            "44.512Z\",\"data\":{\"id\":4107,\"submitters\":[{\"external_id\":null},{"
            "\"external_id\":\"quote:" QUOTE ":r1:client\",\"metadata\":{\"company\":"
            "\"LEXAIA\"}}]}}");
    assert_string_equal(ev->type, "docuseal.submission.completed");
    assert_string_equal(ev->key, "quote:" QUOTE);
    assert_string_equal(ev->company, "LEXAIA");
    job_end(&d.job);
}

static void
an_archived_submission_names_nobody_and_is_kept(void **state)
{
    (void)state;
    struct delivery d;
    begin(&d);
    set_fixture(&d, "webhook.submission.archived.1.json");
    const struct webhook_event *ev = split(&d);
    assert_string_equal(ev->type, "docuseal.submission.archived");
    assert_string_equal(ev->key, ":4107");
    assert_string_equal(ev->company, "");
    job_end(&d.job);
}

static void
the_id_is_the_same_when_data_was_written_anew(void **state)
{
    (void)state;
    struct delivery first;
    struct delivery again;
    struct delivery other;
    struct delivery later;
    const char *id = split_text(&first, FORM("form.viewed", "", ""))->id;
    assert_string_equal(
        split_text(&again, FORM("form.viewed", "", ",\"status\":\"completed\""))->id,
        id);
    assert_string_not_equal(split_text(&other, FORM("form.started", "", ""))->id, id);
    assert_string_not_equal(
        split_text(&later, "{\"event_type\":\"form.viewed\",\"timestamp\":\"2026-08-12T"
                           "09:31:44.513Z\",\"data\":{\"id\":8841}}")
            ->id,
        id);
    job_end(&first.job);
    job_end(&again.job);
    job_end(&other.job);
    job_end(&later.job);
}

static void
old_names_and_unknown_events_are_kept(void **state)
{
    (void)state;
    static const char *const names[][2] = {
        {FORM("submission.declined", "", ""), "docuseal.form.declined"},
        {FORM("signer.signed", "", ""), "docuseal.form.completed"},
        {FORM("form.dreamt_of", "", ""), "docuseal.form.dreamt_of"},
        {"{\"event_type\":\"template.created\",\"data\":{}}",
         "docuseal.template.created"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct delivery d;
        const struct webhook_event *ev = split_text(&d, names[i][0]);
        assert_non_null(ev);
        assert_string_equal(ev->type, names[i][1]);
        job_end(&d.job);
    }
}

static void
the_body_is_kept_byte_for_byte_and_the_signature_is_not(void **state)
{
    (void)state;
    const char *body =
        FORM("form.completed", "",
             ",\"big\":9223372036854775807,\"money\":18377.00,\"text\":\"a\\u0000"
             "\\u0026\"");
    struct delivery d;
    const struct webhook_event *ev = split_text(&d, body);
    assert_non_null(ev);
    assert_true(str_starts(ev->payload, "{\"body\":{\"event_type\""));
    assert_non_null(strstr(ev->payload, body));
    assert_null(strstr(ev->payload, "1.secret"));
    assert_int_equal(strlen(ev->payload), ev->payload_length);
    struct json_object *payload = json_parse(&d.job, ev->payload, ev->payload_length);
    assert_non_null(payload);
    assert_string_equal(json_string_or(payload, "company", ""), "HYPERVISUAL");
    assert_string_equal(json_string_or(payload, "headers.user-agent", ""),
                        "DocuSeal.com Webhook");
    job_end(&d.job);
}

static void
what_is_no_webhook_is_malformed(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "{",
        "null",
        "[]",
        "{}",
        "{\"event_type\":\"form.viewed\"}",
        "{\"event_type\":\"form.viewed\",\"data\":[]}",
        "{\"event_type\":\"\",\"data\":{}}",
        "{\"event_type\":7,\"data\":{}}",
        "{\"event_type\":\"a b\",\"data\":{}}",
        "{\"event_type\":\"form\\nviewed\",\"data\":{}}",
        "{\"event_type\":\"form.\\u0000\",\"data\":{}}",
        "{\"event_type\":\"form.viewed\",\"data\":{\"name\":\"\xff\xfe\"}}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct delivery d;
        assert_null(split_text(&d, bodies[i]));
        assert_true(d.job.error.text[0] != '\0');
        job_end(&d.job);
    }
}

static void
strange_ids_and_companies_do_no_harm(void **state)
{
    (void)state;
    struct delivery d;
    const struct webhook_event *ev = split_text(
        &d, "{\"event_type\":\"form.viewed\",\"timestamp\":\"soon\",\"data\":{\"id\":"
            "\"a\\nb\",\"metadata\":{\"company\":\"HYPER\\nVISUAL\"}}}");
    assert_non_null(ev);
    assert_string_equal(ev->company, "");
    assert_null(ev->time);
    assert_string_equal(ev->key + 1, ev->id);
    job_end(&d.job);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(
            every_recorded_signature_verifies_and_no_flipped_byte_does,
            only_the_secret),
        cmocka_unit_test_setup(the_test_vector_of_the_contract_verifies,
                               only_the_secret),
        cmocka_unit_test_setup(a_signature_is_good_for_five_minutes_both_ways,
                               only_the_secret),
        cmocka_unit_test_setup(what_is_no_signature_is_refused, only_the_secret),
        cmocka_unit_test_setup(the_secret_before_is_accepted_during_a_rotation,
                               only_the_secret),
        cmocka_unit_test_setup(without_a_secret_everything_is_refused, only_the_secret),
        cmocka_unit_test_setup(a_fixed_header_is_required_beside_the_signature,
                               only_the_secret),
        cmocka_unit_test_setup(a_server_without_signatures_proves_itself_by_the_header,
                               only_the_secret),
        cmocka_unit_test_setup(
            half_a_header_and_the_signatures_own_name_are_refused_at_start,
            only_the_secret),
        cmocka_unit_test_setup(a_submitter_of_ours_goes_to_its_quotes_lane,
                               only_the_secret),
        cmocka_unit_test_setup(an_upper_case_uuid_shares_the_lane, only_the_secret),
        cmocka_unit_test_setup(external_ids_of_others_go_to_the_submissions_lane,
                               only_the_secret),
        cmocka_unit_test_setup(a_submissions_lane_comes_from_its_submitters,
                               only_the_secret),
        cmocka_unit_test_setup(an_archived_submission_names_nobody_and_is_kept,
                               only_the_secret),
        cmocka_unit_test_setup(the_id_is_the_same_when_data_was_written_anew,
                               only_the_secret),
        cmocka_unit_test_setup(old_names_and_unknown_events_are_kept, only_the_secret),
        cmocka_unit_test_setup(the_body_is_kept_byte_for_byte_and_the_signature_is_not,
                               only_the_secret),
        cmocka_unit_test_setup(what_is_no_webhook_is_malformed, only_the_secret),
        cmocka_unit_test_setup(strange_ids_and_companies_do_no_harm, only_the_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
