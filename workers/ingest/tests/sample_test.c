// The real ingest with the webhook of sample_webhook.c: what a sender gets that must
// never see some statuses, secrets per company, and bodies that hold many events.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/harness/test.h"
#include "tests/integration/kafka_fixture.h"
#include "workers/ingest/tests/shim.h"

#define FOLDER "/api/integrations/sample/"
#define PATH FOLDER "webhook"
#define HOOK PATH "?event=touched"
#define COMMON "X-Sample-Secret: common\r\n"
#define TOPIC "sample.webhooks"

enum { EVENTS_MAX = 300 };

struct seen {
    char id[40], type[40], key[80], company[40], trace[60];
    int n; // the item's own
    bool html;
};

struct world {
    struct ingest_reply reply;
    struct kafka_fixture kafka;
    struct ingest_shim shim;
    char brokers[240];
    char secret_path[128];
    char secret_file[200];
    const char *settings[14];
    struct seen seen[EVENTS_MAX];
    size_t count;
};

static void
write_secret(struct world *world, const char *secret)
{
    FILE *file = fopen(world->secret_path, "w");
    assert_non_null(file);
    fputs(secret, file);
    fclose(file);
}

static int
set_up(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    kafka_fixture_start(&world->kafka);
    ingest_shim_begin(&world->shim);
    world->shim.program = ingest_shim_sample;
    snprintf(world->brokers, sizeof world->brokers, "KAFKA_BROKERS=%s",
             world->kafka.brokers);
    snprintf(world->secret_path, sizeof world->secret_path, "%s.secret",
             world->shim.folder);
    snprintf(world->secret_file, sizeof world->secret_file,
             "SAMPLE_SECRET_LEXAIA_FILE=%s", world->secret_path);
    write_secret(world, "lexaia\n");
    const char *settings[] = {
        world->brokers,
        world->secret_file,
        "SAMPLE_SECRET=common",
        "SAMPLE_SECRET_ENKI=enki",
        "SAMPLE_SECRET_ENKI_PREVIOUS=enki-before",
        "CAPTURE=outbox",
        "INGEST_MAX_BODY=256K",
        "KAFKA_MESSAGE_MAX_BYTES=20000",
        "", // INGEST_KAFKA_WAIT_MS
        "KAFKA_RECONNECT_BACKOFF_MAX_MS=500",
    };
    memcpy(world->settings, settings, sizeof settings);
    *state = world;
    return 0;
}

static void
start_with(struct world *world, const char *wait, const char *more)
{
    world->settings[8] = wait;
    world->settings[10] = more;
    if (!ingest_shim_start(&world->shim, world->settings))
        fail_msg("it did not start: %s", world->shim.log.data);
}

// On a machine that is busy Kafka's answer may take a while; what is not waited for is
// spooled, and told again.
static void
start(struct world *world, const char *more)
{
    start_with(world, "INGEST_KAFKA_WAIT_MS=20000", more);
}

// Where Kafka is away, or takes nothing.
static void
start_impatient(struct world *world, const char *more)
{
    start_with(world, "INGEST_KAFKA_WAIT_MS=300", more);
}

static int
tear_down(void **state)
{
    struct world *world = *state;
    unlink(world->secret_path);
    ingest_shim_end(&world->shim);
    kafka_fixture_stop(&world->kafka);
    free(world);
    return 0;
}

static int
sent(struct world *world, const char *method, const char *path, const char *headers,
     const char *body)
{
    ingest_shim_send(world->shim.port, method, path, headers, body, &world->reply);
    return world->reply.status;
}

static int
post(struct world *world, const char *headers, const char *body)
{
    return sent(world, "POST", HOOK, headers, body);
}

#define ITEM "{\"person\":\"Anna@Example.ch\",\"n\":0}"

static bool
see(void *ctx, const rd_kafka_message_t *message)
{
    struct world *world = ctx;
    struct job job;
    assert_true(world->count < EVENTS_MAX);
    struct seen *seen = &world->seen[world->count++];
    job_begin(&job, 1000);
    struct json_object *payload = json_parse(&job, message->payload, message->len);
    assert_non_null(payload);
    seen->n = (int)json_i64_or(payload, "body.n", -1);
    seen->html = json_at(payload, "body.html") != NULL;
    str_copy(seen->company, sizeof seen->company,
             json_string_or(payload, "company", "?"));
    str_copy(seen->id, sizeof seen->id, kafka_fixture_header(message, "ce_id"));
    str_copy(seen->type, sizeof seen->type, kafka_fixture_header(message, "ce_type"));
    str_copy(seen->trace, sizeof seen->trace,
             kafka_fixture_header(message, "traceparent"));
    assert_true(message->key_len < sizeof seen->key);
    memcpy(seen->key, message->key, message->key_len);
    job_end(&job);
    return true;
}

// Reads the topic anew, and waits until it has so many records.
static void
read_events(struct world *world, size_t least)
{
    world->count = 0;
    memset(world->seen, 0, sizeof world->seen);
    kafka_fixture_read(world->kafka.brokers, TOPIC, least, 30000, see, world);
    assert_int_equal(world->count, least);
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), least);
}

static void
what_goes_wrong_never_looks_like_a_missing_path_or_a_promise(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *method, *path, *headers, *body;
        int status;
    } cases[] = {
        {"GET", HOOK, COMMON, "", 500},
        {"HEAD", HOOK, COMMON, "", 500},
        {"DELETE", HOOK, COMMON, "", 500},
        {"OPTIONS", HOOK, COMMON, "", 500},
        {"PATCH", HOOK, COMMON, ITEM, 500},
        {"BREW", HOOK, COMMON, ITEM, 500},
        {"POST", FOLDER, COMMON, ITEM, 500},
        {"POST", "/api/integrations/sample", COMMON, ITEM, 500},
        {"POST", FOLDER "webhooks", COMMON, ITEM, 500},
        {"POST", PATH "/4711?event=touched", COMMON, ITEM, 500},
        {"POST", HOOK, "", ITEM, 401},
        {"POST", HOOK, "X-Sample-Secret: wrong\r\n", ITEM, 401},
        {"POST", HOOK, "X-Sample-Signature: AAAA\r\n", ITEM, 401},
        {"POST", HOOK, COMMON, "", 500},
        {"POST", HOOK, COMMON, "{", 500},
        {"POST", HOOK, COMMON, "{\"person\":7}", 500},
        {"POST", PATH, COMMON, ITEM, 500}, // no event
        {"POST", PATH "?event=a%20b", COMMON, ITEM, 500},
    };
    start(world, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status = sent(world, cases[i].method, cases[i].path, cases[i].headers,
                          cases[i].body);
        if (status != cases[i].status)
            fail_msg("%s %s: %d", cases[i].method, cases[i].path, status);
        assert_null(strcasestr(world->reply.text, "Retry-After"));
        assert_null(strcasestr(world->reply.text, "Location:"));
    }
    // A path of nobody is another matter.
    assert_int_equal(sent(world, "POST", "/api/integrations/none/webhook", "", ""),
                     404);
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), 0);
}

static void
what_is_too_large_or_broken_never_looks_so_either(void **state)
{
    struct world *world = *state;
    enum { OVER_BODY = 300 << 10, OVER_HEADERS = 40 << 10 };
    char *text = str_alloc(OVER_BODY + 1);
    memset(text, 'x', OVER_BODY);
    text[OVER_BODY] = '\0';
    start(world, NULL);
    assert_int_equal(post(world, COMMON, text), 500);
    assert_null(strcasestr(world->reply.text, "Retry-After"));

    memcpy(text, "X-Long: ", 8);
    memcpy(text + OVER_HEADERS, "\r\n", 3);
    int status = post(world, text, ITEM);
    assert_true(status == 413 || status == 431 || status == 0);
    static const char nonsense[] = "POST\r\n\r\n";
    ingest_shim_ask(world->shim.port, nonsense, sizeof nonsense - 1, &world->reply);
    assert_true(world->reply.status == 400 || world->reply.status == 0);
    free(text);
}

static void
slashes_too_many_and_put_are_forgiven(void **state)
{
    struct world *world = *state;
    start(world, NULL);
    assert_int_equal(sent(world, "PUT", HOOK, COMMON, ITEM), 200);
    assert_int_equal(sent(world, "POST", PATH "/?event=touched", COMMON, ITEM), 200);
    assert_int_equal(sent(world, "POST",
                          "//api//integrations/sample/webhook//?event=touched", COMMON,
                          ITEM),
                     200);
    read_events(world, 3);
}

static void
one_that_is_left_out_still_answers_in_its_way(void **state)
{
    struct world *world = *state;
    start(world, "INTEGRATIONS=docuseal");
    assert_int_equal(post(world, COMMON, ITEM), 500);
    assert_non_null(strstr(world->reply.text, "INTEGRATIONS"));
    assert_true(ingest_shim_logged(&world->shim, "\"reason\":\"not-enabled\"", 1));
}

static void
each_company_has_its_secret(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *company, *secret;
        int status;
    } cases[] = {
        {"", "common", 200},          {"TAKEOUT", "common", 200},
        {"ENKI", "enki", 200},        {"ENKI_REALTY", "enki", 200},
        {"ENKI", "enki-before", 200}, {"LEXAIA", "lexaia", 200},
        {"ENKI", "common", 401},      {"LEXAIA", "enki", 401},
        {"TAKEOUT", "enki", 401},     {"TAKEOUT", "", 401},
        {"ENKI", "enk", 401},
    };
    char headers[200];
    start(world, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(headers, sizeof headers,
                 "X-Sample-Company: %s\r\nX-Sample-Secret: %s\r\n", cases[i].company,
                 cases[i].secret);
        if (post(world, headers, ITEM) != cases[i].status)
            fail_msg("%s with %s: %d", cases[i].company, cases[i].secret,
                     world->reply.status);
    }
    read_events(world, 6);

    write_secret(world, "rotated\n");
    ingest_shim_signal(&world->shim, SIGHUP);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"reloaded\"", 1));
    static const char rotated[] =
        "X-Sample-Company: LEXAIA\r\nX-Sample-Secret: rotated\r\n";
    static const char old[] = "X-Sample-Company: LEXAIA\r\nX-Sample-Secret: lexaia\r\n";
    assert_int_equal(post(world, rotated, ITEM), 200);
    assert_int_equal(post(world, old, ITEM), 401);
    assert_false(ingest_shim_has_logged(&world->shim, "rotated"));
}

static void
a_body_may_be_signed_with_the_company_s_secret(void **state)
{
    struct world *world = *state;
    // printf '%s' '{"person":"Anna@Example.ch","n":0}' |
    //     openssl dgst -sha256 -hmac enki -binary | base64
    static const char good[] =
        "X-Sample-Signature: f3PbVywtFY1XTgiZWYOQo3R9IlPk+HdAkzHwQY1mOcw=\r\n";
    start(world, NULL);
    assert_int_equal(sent(world, "POST", HOOK "&company=ENKI", good, ITEM), 200);
    assert_int_equal(sent(world, "POST", HOOK "&company=LEXAIA", good, ITEM), 401);
    assert_int_equal(sent(world, "POST", HOOK "&company=ENKI", good, ITEM " "), 401);
}

static void
header_and_query_must_say_the_same(void **state)
{
    struct world *world = *state;
    start(world, NULL);
    static const char takeout[] = COMMON "X-Sample-Company: TAKEOUT\r\n";
    assert_int_equal(sent(world, "POST", HOOK "&company=TAKEOUT", takeout, ITEM), 200);
    assert_int_equal(sent(world, "POST", HOOK "&company=ENKI", takeout, ITEM), 401);
    assert_true(ingest_shim_logged(&world->shim, "contradicting-company", 1));
    static const char other[] = COMMON "X-Sample-Event: opened\r\n";
    assert_int_equal(sent(world, "POST", HOOK, other, ITEM), 500);
    assert_int_equal(sent(world, "POST", PATH, other, ITEM), 200);
    read_events(world, 2);
    for (size_t i = 0; i < 2; i++) {
        bool opened = strcmp(world->seen[i].type, "sample.opened") == 0;
        assert_string_equal(world->seen[i].company, opened ? "" : "TAKEOUT");
    }
}

// A list of `count` items of 7 people.
static char *
batch(int count)
{
    enum { ITEM_BYTES = 60 };
    struct str body;
    str_begin(&body, (size_t)count * ITEM_BYTES);
    for (int i = 0; i < count; i++)
        str_printf(&body, "%s{\"person\":\"P%d@example.ch\",\"n\":%d}",
                   i == 0 ? "[" : ",", i % 7, i);
    str_puts(&body, "]");
    assert_false(body.failed);
    return body.data;
}

// Each item once, its id its own, and in order within its key.
static void
assert_batch(struct world *world, int count)
{
    int next[7] = {0, 1, 2, 3, 4, 5, 6};
    read_events(world, (size_t)count);
    for (int i = 0; i < count; i++) {
        const struct seen *seen = &world->seen[i];
        char key[80];
        snprintf(key, sizeof key, "person:p%d@example.ch", seen->n % 7);
        assert_string_equal(seen->key, key);
        assert_int_equal(seen->n, next[seen->n % 7]);
        next[seen->n % 7] += 7;
        for (int j = 0; j < i; j++)
            assert_string_not_equal(seen->id, world->seen[j].id);
    }
}

static void
a_batch_becomes_one_event_per_item(void **state)
{
    struct world *world = *state;
    enum { ITEMS = 100 };
    char *body = batch(ITEMS);
    start(world, NULL);
    assert_int_equal(post(world, COMMON, body), 200);
    assert_batch(world, ITEMS);
    assert_int_equal(post(world, COMMON, "[]"), 200);
    assert_batch(world, ITEMS);

    // However it is grouped when it comes again, an item keeps its id.
    char ids[8][40];
    for (int i = 0; i < ITEMS; i++)
        if (world->seen[i].n < 8)
            str_copy(ids[world->seen[i].n], sizeof ids[0], world->seen[i].id);
    free(body);
    body = batch(8);
    assert_int_equal(post(world, COMMON, body), 200);
    read_events(world, ITEMS + 8);
    int same = 0;
    for (int i = 0; i < ITEMS + 8; i++)
        if (world->seen[i].n < 8)
            same += strcmp(world->seen[i].id, ids[world->seen[i].n]) == 0;
    assert_int_equal(same, 16);
    free(body);
}

static void
a_batch_with_a_bad_item_leaves_nothing(void **state)
{
    struct world *world = *state;
    start(world, NULL);
    assert_int_equal(post(world, COMMON, "[" ITEM "," ITEM ",{\"n\":2}]"), 500);
    assert_non_null(strstr(world->reply.text, "person"));
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), 0);
}

static void
a_batch_without_kafka_is_spooled_whole(void **state)
{
    struct world *world = *state;
    enum { ITEMS = 50 };
    char *body = batch(ITEMS);
    kafka_fixture_down(&world->kafka);
    start_impatient(world, NULL);
    assert_int_equal(post(world, COMMON, body), 200);
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows"),
                     ITEMS);
    // Killed at once: what was answered is on disk, all of it.
    ingest_shim_signal(&world->shim, SIGKILL);
    ingest_shim_wait(&world->shim);
    kafka_fixture_up(&world->kafka);
    start(world, NULL);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0));
    assert_batch(world, ITEMS);
    free(body);
}

static void
a_batch_that_does_not_fit_the_spool_is_not_kept_in_part(void **state)
{
    struct world *world = *state;
    char *body = batch(200);
    kafka_fixture_down(&world->kafka);
    start_impatient(world, "INGEST_SPOOL_MAX_BYTES=8K");
    assert_int_equal(post(world, COMMON, body), 500);
    assert_null(strcasestr(world->reply.text, "Retry-After"));
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows"), 0);
    assert_true(ingest_shim_logged(&world->shim, "cannot-keep", 1));
    free(body);
    body = batch(3);
    assert_int_equal(post(world, COMMON, body), 200);
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows"), 3);
    free(body);
}

// The broker refuses a part of the batch: the rest may be in Kafka by then, so the
// whole is kept.
static void
a_batch_that_kafka_takes_in_part_is_kept_whole(void **state)
{
    struct world *world = *state;
    enum { ITEMS = 100 };
    char *body = batch(ITEMS);
    start_impatient(world, NULL);
    assert_int_equal(post(world, COMMON, ITEM), 200); // the topic is there
    rd_kafka_mock_push_request_errors(world->kafka.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_int_equal(post(world, COMMON, body), 200);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0));
    bool there[ITEMS] = {false};
    world->count = 0;
    kafka_fixture_read(world->kafka.brokers, TOPIC, EVENTS_MAX, 3000, see, world);
    for (size_t i = 0; i < world->count; i++)
        if (strcmp(world->seen[i].key, "person:anna@example.ch") != 0)
            there[world->seen[i].n] = true;
    for (int i = 0; i < ITEMS; i++)
        assert_true(there[i]);
    free(body);
}

static void
what_is_too_heavy_is_left_out_or_refused_whole(void **state)
{
    struct world *world = *state;
    enum { HEAVY = 19900 };
    char *heavy = str_alloc(HEAVY + 1);
    struct str body;
    memset(heavy, 'h', HEAVY);
    heavy[HEAVY] = '\0';
    str_begin(&body, 64 << 10);
    start(world, NULL);
    str_printf(&body,
               "[{\"person\":\"a\",\"n\":1,\"html\":\"%s\"},"
               "{\"person\":\"a\",\"n\":2,\"html\":\"short\"}]",
               heavy);
    assert_int_equal(post(world, COMMON, body.data), 200);
    read_events(world, 2);
    assert_int_equal(world->seen[0].n, 1);
    assert_false(world->seen[0].html);
    assert_true(world->seen[1].html);

    str_end(&body);
    str_begin(&body, 64 << 10);
    str_printf(&body, "[" ITEM ",{\"person\":\"a\",\"text\":\"%s\"}]", heavy);
    assert_int_equal(post(world, COMMON, body.data), 500);
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), 2);
    str_end(&body);
    free(heavy);
}

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void
a_trace_of_the_sender_goes_on_in_every_event(void **state)
{
    struct world *world = *state;
    start(world, NULL);
    assert_int_equal(post(world, COMMON "traceparent: " TRACE "\r\n",
                          "[{\"person\":\"a\",\"n\":1},{\"person\":\"b\",\"n\":2}]"),
                     200);
    read_events(world, 2);
    for (size_t i = 0; i < world->count; i++)
        assert_string_equal(world->seen[i].trace, TRACE);
    // One that is none is not passed on.
    assert_int_equal(
        post(world, COMMON "traceparent: " TRACE "0\r\n", "{\"person\":\"c\",\"n\":3}"),
        200);
    read_events(world, 3);
    int others = 0;
    for (size_t i = 0; i < world->count; i++) {
        assert_int_equal(strlen(world->seen[i].trace), strlen(TRACE));
        others += strcmp(world->seen[i].trace, TRACE) != 0;
    }
    assert_int_equal(others, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_goes_wrong_never_looks_like_a_missing_path_or_a_promise),
        TEST(what_is_too_large_or_broken_never_looks_so_either),
        TEST(slashes_too_many_and_put_are_forgiven),
        TEST(one_that_is_left_out_still_answers_in_its_way),
        TEST(each_company_has_its_secret),
        TEST(a_body_may_be_signed_with_the_company_s_secret),
        TEST(header_and_query_must_say_the_same),
        TEST(a_batch_becomes_one_event_per_item),
        TEST(a_batch_with_a_bad_item_leaves_nothing),
        TEST(a_batch_without_kafka_is_spooled_whole),
        TEST(a_batch_that_does_not_fit_the_spool_is_not_kept_in_part),
        TEST(a_batch_that_kafka_takes_in_part_is_kept_whole),
        TEST(what_is_too_heavy_is_left_out_or_refused_whole),
        TEST(a_trace_of_the_sender_goes_on_in_every_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
