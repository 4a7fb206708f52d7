// Hostile and broken senders at the real relais-ingest, with the webhooks of every
// provider: whatever comes, each sender only ever sees its own statuses, nothing that
// could not be read later gets into Kafka, and the next good delivery is accepted.
#include <inttypes.h>
#include <openssl/evp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/harness/test.h"
#include "tests/integration/kafka_fixture.h"
#include "workers/ingest/tests/shim.h"

#define SECRET "hostile-secret"

enum { BODY_MAX = 64 << 10, STATUSES = 5, CONNECTIONS = 40 };

// Signs a body as the provider does: header lines, each ended by \r\n.
typedef void sign_body(const char *body, size_t length, char lines[512]);

static void
sign_docuseal(const char *body, size_t length, char lines[512])
{
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    char stamp[32];
    snprintf(stamp, sizeof stamp, "%lld.", (long long)(clock_wall_ms() / 1000));
    hmac_sha256(SECRET, strlen(SECRET), stamp, strlen(stamp), body, length, mac);
    hmac_hex(mac, sizeof mac, hex);
    snprintf(lines, 512, "X-Docuseal-Signature: %s%s\r\n", stamp, hex);
}

static void
sign_ninja(const char *body, size_t length, char lines[512])
{
    (void)body, (void)length;
    snprintf(lines, 512,
             "X-Webhook-Secret: " SECRET "\r\nX-Ninja-Company: HYPERVISUAL\r\n"
             "X-Ninja-Event: 4\r\n");
}

static void
sign_mautic(const char *body, size_t length, char lines[512])
{
    unsigned char mac[HMAC_BYTES];
    unsigned char text[64];
    hmac_sha256(SECRET, strlen(SECRET), body, length, NULL, 0, mac);
    EVP_EncodeBlock(text, mac, sizeof mac);
    snprintf(lines, 512, "Webhook-Signature: %s\r\n", (const char *)text);
}

static void
sign_flow(const char *body, size_t length, char lines[512])
{
    (void)body, (void)length;
    snprintf(lines, 512, "X-Ingest-Secret: " SECRET "\r\n");
}

struct sender {
    const char *path, *topic, *fixture;
    sign_body *sign;
    int refused;
    int allowed[STATUSES]; // whatever it sends, ended by 0
};

static const struct sender senders[] = {
    {"/api/integrations/docuseal/webhook",
     "docuseal.webhooks",
     "docuseal/fixtures/webhook.submission.completed.1.json",
     sign_docuseal,
     401,
     {200, 400, 401, 413}},
    {"/api/integrations/invoice-ninja/webhook",
     "invoice-ninja.webhooks",
     "invoice_ninja/fixtures/webhook.04-create_payment.1.json",
     sign_ninja,
     401,
     {200, 401, 500}},
    {"/api/integrations/mautic/webhook",
     "mautic.webhooks",
     "mautic/fixtures/webhook.3-aggregated.body.json",
     sign_mautic,
     401,
     {200, 400, 401, 413}},
    {"/events/directus",
     "directus.changes",
     "ingest/fixtures/flow.update-keys-data-1.json",
     sign_flow,
     401,
     {200, 400, 401, 413}},
};
enum { SENDERS = sizeof senders / sizeof senders[0] };

struct world {
    struct ingest_reply reply;
    struct kafka_fixture kafka;
    struct ingest_shim shim;
    char brokers[240];
    char *bodies[SENDERS];
    uint64_t random;
};

static char *
read_fixture(const char *name)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s", WORKERS, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    char *text = str_calloc(1, BODY_MAX);
    size_t length = fread(text, 1, BODY_MAX - 1, file);
    fclose(file);
    text[length] = '\0';
    return text;
}

static int
set_up(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    world->random = 88172645463325252U;
    for (int i = 0; i < SENDERS; i++)
        world->bodies[i] = read_fixture(senders[i].fixture);
    kafka_fixture_start(&world->kafka);
    ingest_shim_begin(&world->shim);
    snprintf(world->brokers, sizeof world->brokers, "KAFKA_BROKERS=%s",
             world->kafka.brokers);
    const char *const settings[] = {
        world->brokers,
        "DOCUSEAL_WEBHOOK_SECRET=" SECRET,
        "INVOICE_NINJA_WEBHOOK_SECRET=" SECRET,
        "MAUTIC_WEBHOOK_SECRET=" SECRET,
        "DIRECTUS_FLOW_SECRET=" SECRET,
        "INGEST_MAX_BODY=200K",
        "INGEST_MAX_CONNECTIONS=20",
        "INGEST_READ_MS=1000",
        NULL,
    };
    if (!ingest_shim_start(&world->shim, settings))
        fail_msg("it did not start: %s", world->shim.log.data);
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < SENDERS; i++)
        free(world->bodies[i]);
    ingest_shim_end(&world->shim);
    kafka_fixture_stop(&world->kafka);
    free(world);
    return 0;
}

// POST with the header lines as they are, and a body that may hold anything.
static int
post(struct world *world, const char *path, const char *lines, const void *body,
     size_t length)
{
    struct str request;
    str_begin(&request, 1 << 20);
    str_printf(&request,
               "POST %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               "Content-Type: application/json\r\nContent-Length: %zu\r\n%s\r\n",
               path, length, lines);
    str_append(&request, body, length);
    ingest_shim_ask(world->shim.port, request.data, request.length, &world->reply);
    str_end(&request);
    return world->reply.status;
}

static int
post_signed(struct world *world, const struct sender *sender, const void *body,
            size_t length)
{
    char lines[512];
    sender->sign(body, length, lines);
    return post(world, sender->path, lines, body, length);
}

static bool
is_allowed(const struct sender *sender, int status)
{
    for (int i = 0; i < STATUSES && sender->allowed[i] != 0; i++)
        if (sender->allowed[i] == status)
            return true;
    return false;
}

static void
check_status(struct world *world, const struct sender *sender, const char *what)
{
    if (!is_allowed(sender, world->reply.status))
        fail_msg("%s, %s: %d", sender->path, what, world->reply.status);
    assert_null(strcasestr(world->reply.text, SECRET));
}

static void
assert_still_serves(struct world *world)
{
    for (int i = 0; i < SENDERS; i++)
        assert_int_equal(
            post_signed(world, &senders[i], world->bodies[i], strlen(world->bodies[i])),
            200);
}

// Every record can be read: printable attributes, a key, a payload that is JSON.
static bool
is_sound(void *ctx, const rd_kafka_message_t *message)
{
    static const char *const attributes[] = {"ce_id",      "ce_source", "ce_type",
                                             "ce_subject", "ce_time",   "ce_company",
                                             "traceparent"};
    struct job job;
    (void)ctx;
    job_begin(&job, 1000);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++)
        for (const char *at = kafka_fixture_header(message, attributes[i]); *at != '\0';
             at++)
            assert_true((unsigned char)*at >= ' ' && *at != 0x7f);
    assert_true(strlen(kafka_fixture_header(message, "ce_id")) > 0);
    assert_true(strlen(kafka_fixture_header(message, "ce_type")) > 0);
    assert_true(message->key_len > 0);
    struct json_object *payload = json_parse(&job, message->payload, message->len);
    assert_non_null(payload);
    assert_non_null(json_at(payload, "company"));
    job_end(&job);
    return true;
}

static void
assert_kafka_is_sound(struct world *world)
{
    for (int i = 0; i < SENDERS; i++) {
        size_t count = kafka_fixture_count(world->kafka.brokers, senders[i].topic);
        assert_true(count > 0);
        size_t seen = kafka_fixture_read(world->kafka.brokers, senders[i].topic, count,
                                         30000, is_sound, NULL);
        assert_int_equal(seen, count);
    }
}

static void
bodies_that_are_no_deliveries(void **state)
{
    struct world *world = *state;
    enum { DEEP = 20000 };
    static char deep[DEEP];
    static char wide[DEEP];
    memset(deep, '[', sizeof deep);
    memset(wide, '9', sizeof wide);
    const struct {
        const void *bytes;
        size_t length;
    } bodies[] = {
        {"", 0},
        {" ", 1},
        {"null", 4},
        {"7", 1},
        {"\"text\"", 6},
        {"[]", 2},
        {"{}", 2},
        {"{", 1},
        {"[{}]", 4},
        {"{\"a\":\"\xff\"}", 9},
        {"{\"a\":\"\n\"}", 9},
        {"{\"a\":\"\0\"}", 9},
        {"{\"id\":\"\\u0000\"}", 15},
        {"\xef\xbb\xbf{}", 5},
        {"{}{}", 4},
        {"{\"id\":1e400}", 12},
        {"data={}", 7},
        {deep, sizeof deep},
        {wide, sizeof wide},
    };
    for (int i = 0; i < SENDERS; i++)
        for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
            post_signed(world, &senders[i], bodies[b].bytes, bodies[b].length);
            check_status(world, &senders[i], bodies[b].bytes);
        }
    assert_still_serves(world);
    assert_kafka_is_sound(world);
}

static void
proofs_that_prove_nothing(void **state)
{
    struct world *world = *state;
    static const char *const lines[] = {
        "",
        "X-Docuseal-Signature: \r\nX-Webhook-Secret: \r\nWebhook-Signature: \r\n"
        "X-Ingest-Secret: \r\n",
        "X-Docuseal-Signature: 1.2\r\nX-Webhook-Secret: 1\r\nWebhook-Signature: "
        "AA==\r\n"
        "X-Ingest-Secret: 1\r\nX-Ninja-Company: A\r\nX-Ninja-Event: 4\r\n",
        "X-Docuseal-Signature: 99999999999999999999.00\r\nWebhook-Signature: ====\r\n"
        "X-Ninja-Company: A\x01\r\nX-Webhook-Secret: " SECRET "\r\n",
        "X-Docuseal-Signature: -1.\r\nWebhook-Signature: \xff\xff\r\n"
        "Authorization: Bearer " SECRET "\r\n",
    };
    for (int i = 0; i < SENDERS; i++)
        for (size_t l = 0; l < sizeof lines / sizeof lines[0]; l++) {
            int status = post(world, senders[i].path, lines[l], world->bodies[i],
                              strlen(world->bodies[i]));
            if (status != senders[i].refused)
                fail_msg("%s, %zu: %d", senders[i].path, l, status);
        }
    // Of another body, and (where a body is signed at all) in another's name.
    for (int i = 0; i < SENDERS; i++) {
        char signed_for_other[512];
        senders[i].sign("{}", 2, signed_for_other);
        int status = post(world, senders[i].path, signed_for_other, world->bodies[i],
                          strlen(world->bodies[i]));
        bool by_body =
            senders[i].sign == sign_docuseal || senders[i].sign == sign_mautic;
        assert_int_equal(status, by_body ? 401 : 200);
        int other = (i + 1) % SENDERS;
        senders[other].sign(world->bodies[i], strlen(world->bodies[i]),
                            signed_for_other);
        assert_int_equal(post(world, senders[i].path, signed_for_other,
                              world->bodies[i], strlen(world->bodies[i])),
                         401);
    }
    assert_still_serves(world);
}

static void
names_that_fit_no_header(void **state)
{
    struct world *world = *state;
    static const char payment[] = "{\"id\":\"VolejRejNm\"}";
    static const char *const queries[] = {
        "?company=%00&event=4",         "?company=A%0d%0aB&event=4",
        "?company=%20&event=4",         "?company=A&event=%2e%2e",
        "?company=A&event=4%0a",        "?company&event",
        "?company=A&company=B&event=4", "?&&&=&",
        "?company=%zz&event=%",
    };
    for (size_t q = 0; q < sizeof queries / sizeof queries[0]; q++) {
        char path[200];
        snprintf(path, sizeof path, "%s%s", senders[1].path, queries[q]);
        post(world, path, "X-Webhook-Secret: " SECRET "\r\n", payment, strlen(payment));
        check_status(world, &senders[1], queries[q]);
    }
    static const char *const bodies[] = {
        "{\"event_type\":\"a b\",\"data\":{}}",
        "{\"event_type\":\"a\\r\\nX: y\",\"data\":{}}",
        "{\"event_type\":\"\\u0000\",\"data\":{}}",
        "{\"event_type\":\"form.viewed\",\"timestamp\":\"x\\u0001y\",\"data\":{}}",
        "{\"event_type\":\"form.viewed\",\"data\":{\"id\":\"\\u0007\"}}",
        "{\"event_type\":\"form.viewed\",\"data\":{\"metadata\":{\"company\":7}}}",
        "{\"event_type\":\"x\",\"data\":{\"metadata\":{\"company\":\"\\n\"}}}",
        "{\"mautic.\\u000a\":[{}]}",
        "{\"mautic.x\":[{\"timestamp\":\"\\u0001\",\"id\":\"\\n\"}]}",
        "{\"trigger\":{\"event\":\"a.b\\n\",\"collection\":\"leads\",\"key\":\"\\n\"}}",
    };
    for (int i = 0; i < SENDERS; i++)
        for (size_t b = 0; b < sizeof bodies / sizeof bodies[0]; b++) {
            post_signed(world, &senders[i], bodies[b], strlen(bodies[b]));
            check_status(world, &senders[i], bodies[b]);
        }
    assert_still_serves(world);
    assert_kafka_is_sound(world);
}

static uint32_t
roll(struct world *world, size_t below)
{
    world->random ^= world->random << 13;
    world->random ^= world->random >> 7;
    world->random ^= world->random << 17;
    return (uint32_t)(world->random % below);
}

// Changes some bytes, drops a piece, or doubles one. Returns the new length.
static size_t
mutate(struct world *world, char *body, size_t length)
{
    static const char spice[] = "{}[]\",:\\0-9.eE\n\xff";
    for (uint32_t n = roll(world, 4); n < 4 && length > 8; n++) {
        size_t at = roll(world, length - 4);
        size_t piece = 1 + roll(world, length - at - 1);
        switch (roll(world, 3)) {
        case 0:
            body[at] = spice[roll(world, sizeof spice)];
            break;
        case 1:
            memmove(body + at, body + at + piece, length - at - piece);
            length -= piece;
            break;
        default:
            if (length + piece < BODY_MAX) {
                memmove(body + at + piece, body + at, length - at);
                length += piece;
            }
        }
    }
    return length;
}

static void
genuine_bodies_that_were_damaged(void **state)
{
    struct world *world = *state;
    enum { EACH = 250 };
    char *body = str_alloc(BODY_MAX);
    for (int i = 0; i < SENDERS; i++)
        for (int n = 0; n < EACH; n++) {
            size_t length = strlen(world->bodies[i]);
            memcpy(body, world->bodies[i], length);
            length = mutate(world, body, length);
            post_signed(world, &senders[i], body, length);
            check_status(world, &senders[i], "a damaged body");
        }
    free(body);
    assert_still_serves(world);
    assert_kafka_is_sound(world);
}

// A request to each sender's path that is odd HTTP; 0: the connection was just closed.
static void
requests_that_are_odd_http(void **state)
{
    struct world *world = *state;
    static const struct {
        const char *head; // the path goes where the one %s is
        int statuses[4];
    } cases[] = {
        {"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
         "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
         {400, 401, 0}},
        {"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 3\r\n"
         "Connection: close\r\n\r\n{}{",
         {400, 401, 0}},
        {"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\nConnection: "
         "close\r\n\r\n",
         {400, 413, 0}},
        {"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n"
         "Connection: close\r\n\r\n",
         {400, 413, 0}},
        {"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
         "Connection: close\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
         {400, 0}},
        {"POST %s HTTP/9.9\r\n\r\n", {505, 400, 401, 0}},
        {"POST %s\r\n\r\n", {400, 401, 0}},
        {"POST %s HTTP/1.1\r\nHost: x\r\n: nameless\r\nConnection: close\r\n"
         "Content-Length: 2\r\n\r\n{}",
         {400, 401, 0}},
        {"POST http://elsewhere%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
         "Content-Length: 2\r\n\r\n{}",
         {401, 0}},
    };
    for (int i = 0; i < SENDERS; i++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            struct str request;
            str_begin(&request, 4096);
            const char *place = strstr(cases[c].head, "%s");
            str_append(&request, cases[c].head, (size_t)(place - cases[c].head));
            str_puts(&request, senders[i].path);
            str_puts(&request, place + 2);
            ingest_shim_ask(world->shim.port, request.data, request.length,
                            &world->reply);
            str_end(&request);
            int at = 0;
            while (cases[c].statuses[at] != 0
                   && cases[c].statuses[at] != world->reply.status)
                at++;
            if (cases[c].statuses[at] != world->reply.status)
                fail_msg("%s, %zu: %d", senders[i].path, c, world->reply.status);
        }
    assert_still_serves(world);
}

static void
a_continuation_is_asked_for_and_given(void **state)
{
    struct world *world = *state;
    char lines[512];
    char more[700];
    sign_mautic(world->bodies[2], strlen(world->bodies[2]), lines);
    snprintf(more, sizeof more, "Expect: 100-continue\r\n%s", lines);
    post(world, senders[2].path, more, world->bodies[2], strlen(world->bodies[2]));
    assert_non_null(strstr(world->reply.text, "HTTP/1.1 200"));
}

// All places taken by senders that say nothing: they are cut after INGEST_READ_MS, and
// others get theirs.
static void
silent_connections_do_not_keep_others_out(void **state)
{
    struct world *world = *state;
    int silent[CONNECTIONS];
    for (int i = 0; i < CONNECTIONS; i++)
        silent[i] = ingest_shim_connect(world->shim.port);
    int status = 0;
    int64_t until_ms = clock_ms() + 30000;
    while (status != 200 && clock_ms() < until_ms) {
        status =
            post_signed(world, &senders[0], world->bodies[0], strlen(world->bodies[0]));
        if (status != 200)
            ingest_shim_yield();
    }
    assert_int_equal(status, 200);
    for (int i = 0; i < CONNECTIONS; i++)
        if (silent[i] >= 0)
            close(silent[i]);
    assert_still_serves(world);
}

// Senders that leave in the middle of their request, or do not take their answer.
static void
senders_that_leave_cost_nothing(void **state)
{
    struct world *world = *state;
    enum { TIMES = 200 };
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    struct str request;
    char lines[512];
    sign_docuseal(world->bodies[0], strlen(world->bodies[0]), lines);
    str_begin(&request, BODY_MAX);
    str_printf(&request,
               "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n%s\r\n%s",
               senders[0].path, strlen(world->bodies[0]), lines, world->bodies[0]);
    for (int i = 0; i < TIMES; i++) {
        int fd = ingest_shim_connect(world->shim.port);
        if (fd < 0)
            continue;
        size_t part = i % 2 == 0 ? request.length : roll(world, request.length);
        (void)!send(fd, request.data, part, MSG_NOSIGNAL);
        if (i % 3 == 0)
            setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
        close(fd);
    }
    str_end(&request);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_waiting", 0));
    assert_still_serves(world);
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(bodies_that_are_no_deliveries),
        TEST(proofs_that_prove_nothing),
        TEST(names_that_fit_no_header),
        TEST(genuine_bodies_that_were_damaged),
        TEST(requests_that_are_odd_http),
        TEST(a_continuation_is_asked_for_and_given),
        TEST(silent_connections_do_not_keep_others_out),
        TEST(senders_that_leave_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
