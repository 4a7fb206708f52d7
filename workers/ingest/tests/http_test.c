// The real relais-ingest as senders see it: statuses, limits, secrets.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/str.h"
#include "tests/harness/test.h"
#include "tests/integration/kafka_fixture.h"
#include "workers/ingest/tests/shim.h"

#define CANARY "canary-4711"
#define HOOK "/api/integrations/docuseal/webhook"
#define FLOW "/events/directus"
#define EVENT                                                                     \
    "{\"event_type\":\"form.viewed\",\"timestamp\":\"2026-08-12T09:29:11.000Z\"," \
    "\"data\":{\"id\":1}}"
#define CHANGE                                                                         \
    "{\"trigger\":{\"event\":\"leads.items.create\",\"collection\":\"leads\",\"key\":" \
    "1,"                                                                               \
    "\"payload\":{}}}"

struct world {
    struct ingest_reply reply; // of the thread that tests
    struct kafka_fixture kafka;
    struct ingest_shim shim;
    char brokers[240];
    char secret_path[128];
    char secret_file[200];
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
    snprintf(world->brokers, sizeof world->brokers, "KAFKA_BROKERS=%s",
             world->kafka.brokers);
    snprintf(world->secret_path, sizeof world->secret_path, "%s.secret",
             world->shim.folder);
    snprintf(world->secret_file, sizeof world->secret_file,
             "DOCUSEAL_WEBHOOK_SECRET_FILE=%s", world->secret_path);
    write_secret(world, "whsec_" CANARY);
    static const char flow_secret[] = "DIRECTUS_FLOW_SECRET=flow-" CANARY;
    const char *settings[] = {
        world->brokers,        world->secret_file,      flow_secret,
        "INGEST_MAX_BODY=64K", "INGEST_READ_MS=1000",   "KAFKA_MESSAGE_MAX_BYTES=20000",
        "LOG_LEVEL=debug",     "INTEGRATIONS=docuseal", NULL,
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
    unlink(world->secret_path);
    ingest_shim_end(&world->shim);
    kafka_fixture_stop(&world->kafka);
    free(world);
    return 0;
}

static int
ask(struct world *world, const char *request, struct ingest_reply *reply)
{
    ingest_shim_ask(world->shim.port, request, strlen(request), reply);
    return reply->status;
}

static int
docuseal(struct world *world, const char *secret, const char *body)
{
    struct ingest_reply *reply = &world->reply;
    ingest_shim_docuseal(world->shim.port, secret, body, reply);
    return reply->status;
}

static void
a_signed_webhook_is_accepted(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    ingest_shim_docuseal(world->shim.port, "whsec_" CANARY, EVENT, reply);
    assert_int_equal(reply->status, 200);
    assert_non_null(strstr(reply->text, "Content-Type: application/json"));
    assert_true(ingest_shim_logged(&world->shim,
                                   "\"integration\":\"docuseal\",\"type\":"
                                   "\"docuseal.form.viewed\"",
                                   1));
}

static void
what_is_not_signed_is_refused_as_a_problem(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    assert_int_equal(docuseal(world, "whsec_other", EVENT), 401);
    ingest_shim_post(world->shim.port, HOOK, "", EVENT, reply);
    assert_int_equal(reply->status, 401);
    assert_non_null(strstr(reply->text, "application/problem+json"));
    assert_non_null(strstr(reply->text, "\"status\":401"));
    ingest_shim_post(world->shim.port, FLOW, "", CHANGE, reply);
    assert_int_equal(reply->status, 401);
    ingest_shim_post(world->shim.port, FLOW, "X-Ingest-Secret: no\r\n", CHANGE, reply);
    assert_int_equal(reply->status, 401);
    assert_true(ingest_shim_logged(&world->shim, "missing-signature", 1));
    assert_true(ingest_shim_logged(&world->shim, "bad-signature", 1));
}

static void
other_methods_and_paths_are_told_so(void **state)
{
    struct world *world = *state;
    static const char *const methods[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS"};
    struct ingest_reply *reply = &world->reply;
    char request[300];
    for (int i = 0; i < 5; i++) {
        snprintf(request, sizeof request,
                 "%s " HOOK " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
                 methods[i]);
        assert_int_equal(ask(world, request, reply), 405);
        assert_non_null(strstr(reply->text, "Allow: POST"));
    }
    ingest_shim_post(world->shim.port, "/api/integrations/none/webhook", "", EVENT,
                     reply);
    assert_int_equal(reply->status, 404);
    ingest_shim_post(world->shim.port, "/", "", "", reply);
    assert_int_equal(reply->status, 404);
}

static void
a_body_over_the_limit_is_too_large_and_so_is_an_event(void **state)
{
    struct world *world = *state;
    enum { OVER_BODY = 200 << 10, OVER_EVENT = 30 << 10, WITHIN = 10 << 10 };
    char *body = str_alloc(OVER_BODY);
    memset(body, ' ', OVER_BODY);
    body[OVER_BODY - 1] = '\0';
    assert_int_equal(docuseal(world, "whsec_" CANARY, body), 413);
    // Within the body's limit, but larger than Kafka takes.
    body[OVER_EVENT] = '\0';
    memcpy(body, EVENT, strlen(EVENT));
    assert_int_equal(docuseal(world, "whsec_" CANARY, body), 413);
    body[WITHIN] = '\0';
    assert_int_equal(docuseal(world, "whsec_" CANARY, body), 200);
    free(body);
}

static void
broken_bodies_are_malformed(void **state)
{
    struct world *world = *state;
    assert_int_equal(docuseal(world, "whsec_" CANARY, ""), 400);
    assert_int_equal(docuseal(world, "whsec_" CANARY, "{\"event_type\":"), 400);
    assert_int_equal(docuseal(world, "whsec_" CANARY, "{\"event_type\":\"\xff\"}"),
                     400);
    assert_true(ingest_shim_logged(&world->shim, "\"reason\":\"malformed\"", 3));
}

static void
a_connection_serves_several_requests_and_chunked_bodies(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    char request[1200];
    snprintf(request, sizeof request,
             "POST " FLOW " HTTP/1.1\r\nHost: x\r\nX-Ingest-Secret: flow-" CANARY
             "\r\nContent-Length: %zu\r\n\r\n%s"
             "POST " FLOW " HTTP/1.1\r\nHost: x\r\nX-Ingest-Secret: flow-" CANARY
             "\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
             "%zx\r\n%s\r\n0\r\n\r\n",
             strlen(CHANGE), CHANGE, strlen(CHANGE), CHANGE);
    assert_int_equal(ask(world, request, reply), 200);
    const char *second = strstr(reply->text + 1, "HTTP/1.1 200");
    assert_non_null(second);
}

static void
a_sender_that_trickles_is_cut(void **state)
{
    struct world *world = *state;
    static const char head[] = "POST " HOOK " HTTP/1.1\r\nHost: x\r\n";
    struct ingest_reply *reply = &world->reply;
    int fd = ingest_shim_connect(world->shim.port);
    assert_true(fd >= 0);
    assert_int_equal(send(fd, head, sizeof head - 1, MSG_NOSIGNAL), sizeof head - 1);
    // Returns once the other side closed: without the limit it never would.
    ingest_shim_read(fd, reply);
    assert_int_equal(reply->status, 0);
    close(fd);
}

static void
sighup_reads_a_rotated_secret(void **state)
{
    struct world *world = *state;
    assert_int_equal(docuseal(world, "whsec_rotated", EVENT), 401);
    write_secret(world, "whsec_rotated\n");
    ingest_shim_signal(&world->shim, SIGHUP);
    assert_true(ingest_shim_logged(&world->shim, "\"event\":\"reloaded\"", 1));
    assert_int_equal(docuseal(world, "whsec_rotated", EVENT), 200);
    assert_int_equal(docuseal(world, "whsec_" CANARY, EVENT), 401);
}

static bool
no_canary(void *ctx, const rd_kafka_message_t *message)
{
    (void)ctx;
    assert_null(memmem(message->payload, message->len, CANARY, strlen(CANARY)));
    return true;
}

static void
no_secret_and_no_query_appear_anywhere(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    static const char page[] =
        "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    assert_int_equal(docuseal(world, "whsec_" CANARY, EVENT), 200);
    ingest_shim_post(world->shim.port, FLOW "?token=" CANARY "-query",
                     "X-Ingest-Secret: flow-" CANARY "\r\n", CHANGE, reply);
    assert_int_equal(reply->status, 200);
    ingest_shim_post(world->shim.port, FLOW, "X-Ingest-Secret: " CANARY "\r\n", CHANGE,
                     reply);
    assert_int_equal(reply->status, 401);
    assert_null(strstr(reply->text, CANARY));
    ingest_shim_post(world->shim.port, "/" CANARY, "", "", reply);
    ingest_shim_ask(world->shim.admin_port, page, sizeof page - 1, reply);
    assert_int_equal(reply->status, 200);
    assert_null(strstr(reply->text, CANARY));
    kafka_fixture_read(world->kafka.brokers, "docuseal.webhooks", 1, 10000, no_canary,
                       NULL);
    kafka_fixture_read(world->kafka.brokers, "directus.changes", 1, 10000, no_canary,
                       NULL);
    assert_false(ingest_shim_has_logged(&world->shim, CANARY));
}

static void
readiness_names_the_secret_that_is_missing(void **state)
{
    struct world *world = *state;
    struct ingest_reply *reply = &world->reply;
    static const char page[] =
        "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    ingest_shim_ask(world->shim.admin_port, page, sizeof page - 1, reply);
    assert_int_equal(reply->status, 200);

    // An empty file is a mistake, and takes no secret away.
    write_secret(world, "");
    ingest_shim_signal(&world->shim, SIGHUP);
    assert_true(ingest_shim_logged(&world->shim, "some secrets stay as they were", 1));
    assert_int_equal(docuseal(world, "whsec_" CANARY, EVENT), 200);

    ingest_shim_signal(&world->shim, SIGTERM);
    assert_int_equal(ingest_shim_wait(&world->shim), 0);
    const char *settings[] = {world->brokers, "CAPTURE=outbox", "INTEGRATIONS=docuseal",
                              NULL};
    assert_true(ingest_shim_start(&world->shim, settings));
    ingest_shim_ask(world->shim.admin_port, page, sizeof page - 1, reply);
    assert_int_equal(reply->status, 503);
    assert_non_null(strstr(reply->text, "DOCUSEAL_WEBHOOK_SECRET"));
    assert_int_equal(docuseal(world, "", EVENT), 401);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_signed_webhook_is_accepted),
        TEST(what_is_not_signed_is_refused_as_a_problem),
        TEST(other_methods_and_paths_are_told_so),
        TEST(a_body_over_the_limit_is_too_large_and_so_is_an_event),
        TEST(broken_bodies_are_malformed),
        TEST(a_connection_serves_several_requests_and_chunked_bodies),
        TEST(a_sender_that_trickles_is_cut),
        TEST(sighup_reads_a_rotated_secret),
        TEST(no_secret_and_no_query_appear_anywhere),
        TEST(readiness_names_the_secret_that_is_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
