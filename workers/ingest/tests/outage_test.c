// The real relais-ingest and librdkafka's mock cluster: every webhook that was answered
// 2xx ends in Kafka, in the order of its key, whatever dies in between.
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/json.h"
#include "common/str.h"
#include "tests/harness/test.h"
#include "tests/integration/kafka_fixture.h"
#include "workers/ingest/tests/shim.h"

#define SECRET "whsec_outage"
#define CHANGE                                                                 \
    "{\"trigger\":{\"event\":\"leads.items.create\",\"collection\":\"leads\"," \
    "\"key\":1,\"payload\":{}}}"

enum { KEYS = 8, PER_KEY_MAX = 512 };

struct world {
    struct ingest_reply reply; // of the thread that tests
    struct kafka_fixture kafka;
    struct ingest_shim shim;
    char brokers[240];
    const char *settings[8];
    int sent[KEYS]; // accepted, per key
    int next[KEYS]; // the number that is read next, per key
    int repeated;
};

static int
set_up(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    kafka_fixture_start(&world->kafka);
    ingest_shim_begin(&world->shim);
    snprintf(world->brokers, sizeof world->brokers, "KAFKA_BROKERS=%s",
             world->kafka.brokers);
    world->settings[0] = world->brokers;
    world->settings[1] = "DOCUSEAL_WEBHOOK_SECRET=" SECRET;
    world->settings[2] = "CAPTURE=outbox";
    world->settings[3] = "INGEST_KAFKA_WAIT_MS=300";
    world->settings[4] = "KAFKA_RECONNECT_BACKOFF_MAX_MS=500";
    *state = world;
    return 0;
}

static int
tear_down(void **state)
{
    struct world *world = *state;
    ingest_shim_end(&world->shim);
    kafka_fixture_stop(&world->kafka);
    free(world);
    return 0;
}

static void
start(struct world *world)
{
    if (!ingest_shim_start(&world->shim, world->settings))
        fail_msg("it did not start: %s", world->shim.log.data);
}

static void
kill_it(struct world *world)
{
    ingest_shim_signal(&world->shim, SIGKILL);
    assert_int_equal(ingest_shim_wait(&world->shim), 128 + SIGKILL);
}

// Event number n of a key; different for each.
static void
send_padded(int port, int key, int n, const char *pad, struct ingest_reply *reply)
{
    size_t size = 400 + strlen(pad);
    char *body = str_alloc(size);
    snprintf(
        body, size,
        "{\"event_type\":\"form.viewed\",\"timestamp\":\"2026-08-12T09:29:11.%03dZ\""
        ",\"data\":{\"id\":%d,\"submission_id\":%d,\"n\":%d,\"external_id\":"
        "\"quote:00000000-0000-4000-8000-%012d:r1:client\",\"metadata\":{"
        "\"company\":\"HYPERVISUAL\"},\"pad\":\"%s\"}}",
        n % 1000, key * 1000 + n, key, n, key, pad);
    ingest_shim_docuseal(port, SECRET, body, reply);
    free(body);
}

static void
send_event(int port, int key, int n, struct ingest_reply *reply)
{
    send_padded(port, key, n, "", reply);
}

// One event for each key, each of which must be accepted.
static void
send_round(struct world *world)
{
    struct ingest_reply *reply = &world->reply;
    for (int key = 0; key < KEYS; key++) {
        send_event(world->shim.port, key, world->sent[key], reply);
        assert_int_equal(reply->status, 200);
        world->sent[key]++;
    }
}

static bool
all_read(const struct world *world)
{
    for (int key = 0; key < KEYS; key++)
        if (world->next[key] < world->sent[key])
            return false;
    return true;
}

// The first sight of each number must be in order; repetitions behind it are allowed.
static bool
see(void *ctx, const rd_kafka_message_t *message)
{
    struct world *world = ctx;
    struct job job;
    job_begin(&job, 1000);
    struct json_object *payload = json_parse(&job, message->payload, message->len);
    assert_non_null(payload);
    int key = (int)json_i64_or(payload, "body.data.submission_id", -1);
    int n = (int)json_i64_or(payload, "body.data.n", -1);
    assert_in_range(key, 0, KEYS - 1);
    char expected[64];
    snprintf(expected, sizeof expected, "quote:00000000-0000-4000-8000-%012d", key);
    assert_int_equal(message->key_len, strlen(expected));
    assert_memory_equal(message->key, expected, strlen(expected));
    assert_string_equal(kafka_fixture_header(message, "ce_specversion"), "1.0");
    assert_string_equal(kafka_fixture_header(message, "ce_type"),
                        "docuseal.form.viewed");
    assert_string_equal(kafka_fixture_header(message, "ce_subject"), expected);
    assert_string_equal(kafka_fixture_header(message, "ce_company"), "HYPERVISUAL");
    assert_int_equal(strlen(kafka_fixture_header(message, "ce_id")), 36);
    if (n > world->next[key])
        fail_msg("key %d: %d came before %d", key, n, world->next[key]);
    if (n == world->next[key])
        world->next[key]++;
    else
        world->repeated++;
    job_end(&job);
    return !all_read(world);
}

// The same where the mock broker has dropped the beginning: it keeps 5 MiB of a
// partition.
static bool
see_rest(void *ctx, const rd_kafka_message_t *message)
{
    struct world *world = ctx;
    struct job job;
    job_begin(&job, 1000);
    struct json_object *payload = json_parse(&job, message->payload, message->len);
    int n = (int)json_i64_or(payload, "body.data.n", -1);
    if (world->next[0] == 0)
        world->next[0] = n;
    if (n > world->next[0])
        fail_msg("%d came before %d", n, world->next[0]);
    world->next[0] += n == world->next[0];
    job_end(&job);
    return !all_read(world);
}

// More may be there: what was kept by a process that died before it answered.
static void
assert_all_in_kafka(struct world *world)
{
    memset(world->next, 0, sizeof world->next);
    world->repeated = 0;
    kafka_fixture_read(world->kafka.brokers, "docuseal.webhooks", 1000000, 30000, see,
                       world);
    for (int key = 0; key < KEYS; key++)
        assert_true(world->next[key] >= world->sent[key]);
}

static void
with_kafka_there_nothing_is_spooled(void **state)
{
    struct world *world = *state;
    start(world);
    // The first one may wait for the topic to be made.
    send_round(world);
    for (int i = 0; i < 5; i++)
        send_round(world);
    assert_all_in_kafka(world);
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows"), 0);
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
}

static void
what_was_spooled_survives_kill_9_and_arrives_in_order(void **state)
{
    struct world *world = *state;
    start(world);
    send_round(world);
    kafka_fixture_down(&world->kafka);
    for (int i = 0; i < 4; i++)
        send_round(world);
    assert_true(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows") > 0);
    kill_it(world);

    start(world);
    assert_true(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows") > 0);
    for (int i = 0; i < 4; i++)
        send_round(world);
    kill_it(world);

    start(world);
    kafka_fixture_up(&world->kafka);
    send_round(world);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"drained\"", 1));
    send_round(world);
    assert_all_in_kafka(world);
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_rows"), 0);
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
}

static void
a_full_spool_says_later_and_takes_more_once_kafka_is_back(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    reply->status = 200;
    world->settings[5] = "INGEST_SPOOL_MAX_BYTES=4K";
    start(world);
    kafka_fixture_down(&world->kafka);
    while (reply->status == 200) {
        send_event(world->shim.port, 0, world->sent[0], reply);
        world->sent[0] += reply->status == 200;
    }
    assert_int_equal(reply->status, 503);
    assert_non_null(strstr(reply->text, "Retry-After:"));
    assert_true(world->sent[0] > 0);
    assert_true(ingest_shim_logged(&world->shim, "cannot-keep", 1));

    kafka_fixture_up(&world->kafka);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"drained\"", 1));
    send_event(world->shim.port, 0, world->sent[0], reply);
    assert_int_equal(reply->status, 200);
    world->sent[0]++;
    assert_all_in_kafka(world);
}

// Events of that many bytes, until one is refused.
static void
fill(struct world *world, size_t bytes)
{
    struct ingest_reply *reply = &world->reply;
    char *pad = str_alloc(bytes + 1);
    memset(pad, 'x', bytes);
    pad[bytes] = '\0';
    reply->status = 200;
    while (reply->status == 200) {
        send_padded(world->shim.port, 0, world->sent[0], pad, reply);
        world->sent[0] += reply->status == 200;
    }
    free(pad);
    assert_int_equal(reply->status, 503);
}

// The spool's folder on a small disk of its own. What is on it goes to Kafka although
// the disk has no room left to note that.
static void
a_full_disk_says_later_and_is_emptied_once_kafka_is_back(void **state)
{
    struct world *world = *state;
    if (mount("tmpfs", world->shim.folder, "tmpfs", 0, "size=20m") != 0)
        skip(); // only root may
    start(world);
    kafka_fixture_down(&world->kafka);
    fill(world, 200000);
    fill(world, 1);
    assert_true(world->sent[0] > 0);
    assert_true(ingest_shim_logged(&world->shim, "full", 1));

    kafka_fixture_up(&world->kafka);
    bool empty = ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0);
    // And so for the next time.
    kafka_fixture_down(&world->kafka);
    fill(world, 200000);
    kafka_fixture_up(&world->kafka);
    empty &= ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0);
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
    umount(world->shim.folder);
    assert_true(empty);
    kafka_fixture_read(world->kafka.brokers, "docuseal.webhooks", 1000000, 30000,
                       see_rest, world);
    assert_true(all_read(world));
}

static void
sigterm_answers_what_waits_and_exits_with_0(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    world->settings[3] = "INGEST_KAFKA_WAIT_MS=3000";
    world->settings[5] = "DIRECTUS_FLOW_SECRET=flow";
    kafka_fixture_down(&world->kafka);
    start(world);

    // Sent, and then SIGTERM while it waits for Kafka.
    char request[1000];
    snprintf(request, sizeof request,
             "POST /events/directus HTTP/1.1\r\nHost: x\r\nX-Ingest-Secret: "
             "flow\r\nContent-Length: %zu\r\n\r\n%s",
             strlen(CHANGE), CHANGE);
    int fd = ingest_shim_connect(world->shim.port);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, strlen(request), 0), strlen(request));
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_waiting", 1));
    ingest_shim_signal(&world->shim, SIGTERM);
    ingest_shim_read(fd, reply);
    close(fd);
    assert_int_equal(reply->status, 200);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);

    // It was spooled, and goes out in the next life.
    kafka_fixture_up(&world->kafka);
    start(world);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"drained\"", 1));
}

static void
a_sender_that_left_keeps_nobody_from_stopping(void **state)
{
    struct world *world = *state;
    char request[400];
    int length = snprintf(request, sizeof request,
                          "POST /events/directus HTTP/1.1\r\nHost: x\r\n"
                          "X-Ingest-Secret: flow\r\nContent-Length: %zu\r\n\r\n%s",
                          strlen(CHANGE), CHANGE);
    world->settings[3] = "INGEST_KAFKA_WAIT_MS=3000"; // to be seen waiting
    world->settings[5] = "DIRECTUS_FLOW_SECRET=flow";
    kafka_fixture_down(&world->kafka);
    start(world);
    int fd = ingest_shim_connect(world->shim.port);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, request, (size_t)length, 0), length);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_waiting", 1));
    // Reset, not just closed: nothing can be written to it any more.
    const struct linger reset = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    assert_true(ingest_shim_logged(&world->shim, "\"reason\":\"spool\"", 1));
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_waiting", 0));
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
}

static void
an_event_that_became_too_large_is_set_aside_and_stops_nobody(void **state)
{
    struct world *world = *state;
    enum { BLANKS = 8000 };
    static char body[BLANKS + 400];
    memset(body, ' ', sizeof body);
    int length = snprintf(body, 400,
                          "{\"event_type\":\"form.viewed\",\"timestamp\":"
                          "\"2026-08-12T09:29:11.000Z\",\"data\":{}}");
    body[length] = ' ';
    body[sizeof body - 1] = '\0';

    kafka_fixture_down(&world->kafka);
    start(world);
    send_round(world);
    ingest_shim_docuseal(world->shim.port, SECRET, body, &world->reply);
    assert_int_equal(world->reply.status, 200);
    send_round(world);
    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);

    world->settings[5] = "KAFKA_MESSAGE_MAX_BYTES=8000";
    kafka_fixture_up(&world->kafka);
    start(world);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0));
    assert_int_equal(ingest_shim_metric(&world->shim, "relais_ingest_spool_refused"),
                     1);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"refused\"", 1));
    assert_all_in_kafka(world);
}

struct sender {
    struct world *world;
    pthread_t thread;
    int key;
    atomic_bool *stop;
};

// As a provider does it: the same event until it is accepted, then the next.
static void *
send_until_stopped(void *arg)
{
    struct sender *sender = arg;
    struct world *world = sender->world;
    struct ingest_reply *reply = str_calloc(1, sizeof *reply);
    int *sent = &world->sent[sender->key];
    while (!atomic_load(sender->stop) && *sent < PER_KEY_MAX) {
        send_event(atomic_load(&world->shim.port), sender->key, *sent, reply);
        if (reply->status == 200)
            (*sent)++;
        else
            ingest_shim_yield();
    }
    free(reply);
    return NULL;
}

static void
kill_9_again_and_again_loses_nothing_and_keeps_the_order(void **state)
{
    struct world *world = *state;
    struct sender senders[KEYS];
    atomic_bool stop = false;
    enum { LIVES = 8 };

    start(world);
    for (int key = 0; key < KEYS; key++) {
        senders[key] = (struct sender){.world = world, .key = key, .stop = &stop};
        pthread_create(&senders[key].thread, NULL, send_until_stopped, &senders[key]);
    }
    for (int life = 0; life < LIVES; life++) {
        // Killed after some more answers, with Kafka away every other time.
        if (life % 2 == 1)
            kafka_fixture_down(&world->kafka);
        int answers = 20 * (life + 1);
        assert_true(ingest_shim_logged(&world->shim, "\"status\":200", answers));
        kill_it(world);
        if (life % 4 == 3)
            kafka_fixture_up(&world->kafka);
        start(world);
        if (life % 4 == 1)
            kafka_fixture_up(&world->kafka);
    }
    atomic_store(&stop, true);
    for (int key = 0; key < KEYS; key++)
        pthread_join(senders[key].thread, NULL);
    assert_true(ingest_shim_reaches(&world->shim, "relais_ingest_spool_rows", 0));
    assert_all_in_kafka(world);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(with_kafka_there_nothing_is_spooled),
        TEST(what_was_spooled_survives_kill_9_and_arrives_in_order),
        TEST(a_full_spool_says_later_and_takes_more_once_kafka_is_back),
        TEST(a_full_disk_says_later_and_is_emptied_once_kafka_is_back),
        TEST(sigterm_answers_what_waits_and_exits_with_0),
        TEST(a_sender_that_left_keeps_nobody_from_stopping),
        TEST(an_event_that_became_too_large_is_set_aside_and_stops_nobody),
        TEST(kill_9_again_and_again_loses_nothing_and_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
