// The commands that need Kafka, on a real broker.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/kafka_admin.h"
#include "common/kafka_producer.h"
#include "common/pg.h"
#include "tests/harness/test.h"
#include "tests/integration/kafka_fixture.h"
#include "tests/integration/pg_fixture.h"
#include "workers/cli/tests/run.h"

enum { PATIENCE_MS = 30 * 1000 };

struct world {
    struct pg_fixture postgres;
    struct kafka_broker kafka;
    struct pg *pg;
    struct run run;
    char found[2000]; // headers of what was read
};

static int
begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    pg_fixture_start(&world->postgres);
    kafka_broker_start(&world->kafka);
    world->pg = pg_fixture_connect(&world->postgres);
    run_set(&world->run, "DATABASE_URL", world->postgres.url);
    run_set(&world->run, "KAFKA_BROKERS", world->kafka.brokers);
    run_set(&world->run, "INTEGRATIONS", "docuseal");
    assert_int_equal(run_line(&world->run, "migrate"), EX_OK);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    run_end(&world->run);
    pg_close(world->pg);
    kafka_broker_stop(&world->kafka);
    pg_fixture_stop(&world->postgres);
    free(world);
    return 0;
}

static void
assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void
topics_are_made_once_and_never_changed(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "topics"), EX_OK);
    assert_says(world->run.out, "docuseal.commands: created, 12 partitions");
    assert_says(world->run.out, "relais-orchestrator: first offsets of 36 partitions");
    assert_says(world->run.out, "relais-docuseal: first offsets of 24 partitions");
    assert_int_equal(run_line(&world->run, "topics"), EX_OK);
    assert_string_equal(world->run.out, "topics: 0 created, 7 were there\n");

    run_set(&world->run, "TOPIC_PARTITIONS", "6");
    assert_int_equal(run_line(&world->run, "topics"), EX_CONFIG);
    assert_says(world->run.err, "has 12 partitions, not 6");
    run_set(&world->run, "TOPIC_PARTITIONS", "12");
}

static void
assert_kept_ms(struct world *world, const char *topic, const char *retention_ms)
{
    char kept[40];
    struct error err = {0};
    struct kafka_admin *admin = kafka_admin_open(world->kafka.brokers, "test", &err);
    assert_non_null(admin);
    assert_true(kafka_admin_topic_config(admin, topic, "retention.ms", kept,
                                         sizeof kept, &err));
    kafka_admin_close(admin);
    assert_string_equal(kept, retention_ms);
}

static void
dead_letters_are_kept_for_ever_and_other_topics_are_not(void **state)
{
    struct world *world = *state;
    assert_kept_ms(world, "docuseal.dead-letters", "-1");
    assert_kept_ms(world, "orchestrator.dead-letters", "-1");
    assert_kept_ms(world, "docuseal.commands", "1209600000"); // 14 d
}

static void
status_shows_lag_and_dead_letters(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "status --json"), EX_OK);
    assert_says(world->run.out, "{\"topic\":\"journey.facts\",\"group\":"
                                "\"relais-orchestrator\",\"partitions\":12,"
                                "\"records\":0,\"lag\":0}");
    assert_says(world->run.out, "{\"topic\":\"docuseal.dead-letters\",\"group\":null");
}

static void
ignore(void *owner, void *opaque, int32_t partition, int64_t offset, const char *error)
{
    (void)owner, (void)opaque, (void)partition, (void)offset;
    assert_null(error);
}

#define HEADER(key, text)                                      \
    {                                                          \
        .name = (key), .value = (text), .length = strlen(text) \
    }

static void
produce_letter(struct world *world, const char *id, const char *entity)
{
    const struct kafka_producer_options options = {
        .brokers = world->kafka.brokers, .client_id = "test", .delivered = ignore};
    const struct record_header headers[] = {
        HEADER("ce_specversion", "1.0"),
        HEADER("ce_id", id),
        HEADER("ce_source", "docuseal"),
        HEADER("ce_type", "docuseal.form.completed"),
        HEADER("ce_subject", entity),
        HEADER("content-type", "application/json"),
        HEADER("x-dead-topic", "docuseal.webhooks"),
        HEADER("x-dead-error", "email is invalid"),
        HEADER("x-dead-kind", "permanent"),
        HEADER("x-dead-status", "422"),
        HEADER("x-dead-at", "2026-01-02T03:04:05.678Z"),
        HEADER("x-dead-calls", "POST /submissions: 422 12 ms"),
    };
    static const char payload[] = "{\"body\":{\"slug\":\"canary\",\"id\":7}}";
    const struct record record = {
        .topic = "docuseal.dead-letters",
        .partition = -1,
        .key = entity,
        .key_length = strlen(entity),
        .payload = payload,
        .payload_length = sizeof payload - 1,
        .headers = headers,
        .header_count = sizeof headers / sizeof *headers,
    };
    struct error err = {0};
    struct kafka_producer *producer = kafka_producer_open(&options, &err);
    assert_non_null(producer);
    assert_true(kafka_produce(producer, &record, NULL, &err));
    kafka_producer_close(producer, PATIENCE_MS);
}

// Where the letter about the entity is, "topic/partition/offset".
static void
find(struct world *world, const char *entity, char reference[100])
{
    const char *const words[] = {"dead", "list", "--json", "--entity", entity, NULL};
    assert_int_equal(run_relais(&world->run, words), EX_OK);
    const char *at = strstr(world->run.out, "\"record\":\"");
    assert_non_null(at);
    at += strlen("\"record\":\"");
    (void)snprintf(reference, 100, "%.*s", (int)strcspn(at, "\""), at);
}

static void
a_dead_letter_is_shown_without_secrets(void **state)
{
    struct world *world = *state;
    char reference[100];
    produce_letter(world, "w1", "quote:1");
    find(world, "quote:1", reference);
    const char *const words[] = {"dead", "show", reference, NULL};
    assert_int_equal(run_relais(&world->run, words), EX_OK);
    assert_says(world->run.out, "email is invalid");
    assert_says(world->run.out, "POST /submissions: 422 12 ms");
    assert_says(world->run.out, "{\"body\":{\"slug\":\"***\",\"id\":7}}");
}

static bool
see(void *ctx, const rd_kafka_message_t *message)
{
    struct world *world = ctx;
    size_t length = strlen(world->found);
    (void)snprintf(world->found + length, sizeof world->found - length,
                   "id=%s original=%s dead=%s key=%.*s\n",
                   kafka_fixture_header(message, "ce_id"),
                   kafka_fixture_header(message, "ce_originalid"),
                   kafka_fixture_header(message, "x-dead-error"), (int)message->key_len,
                   (const char *)message->key);
    return true;
}

static void
a_replay_is_the_event_once_more_under_one_id(void **state)
{
    struct world *world = *state;
    char reference[100];
    produce_letter(world, "w2", "quote:2");
    find(world, "quote:2", reference);
    const char *const words[] = {"dead", "replay", reference, NULL};
    assert_int_equal(run_relais(&world->run, words), EX_OK);
    assert_int_equal(run_relais(&world->run, words), EX_OK);
    assert_int_equal(kafka_fixture_read(world->kafka.brokers, "docuseal.webhooks", 2,
                                        PATIENCE_MS, see, world),
                     2);
    const char *second = strchr(world->found, '\n') + 1;
    assert_memory_equal(world->found, second, strlen(second));
    assert_says(second, "original=w2 dead= key=quote:2");
    assert_null(strstr(second, "id=w2"));

    char sql[300];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO relais.finished_event (worker, event)"
                   " VALUES ('relais-docuseal', 'docuseal %.36s')",
                   second + strlen("id="));
    pg_fixture_do(world->pg, sql);
    assert_int_equal(run_relais(&world->run, words), EX_DATAERR);
    assert_says(world->run.err, "was replayed before, and is finished");
}

static void
all_letters_of_a_topic_are_replayed_but_those_that_were(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "dead replay --all docuseal.dead-letters"),
                     EX_OK);
    assert_says(world->run.out, "1 replayed, 1 skipped");
    assert_int_equal(run_line(&world->run, "dead replay --all docuseal.dead-letters"
                                           " --type docuseal.form.viewed --json"),
                     EX_OK);
    assert_string_equal(world->run.out, "{\"replayed\":0,\"skipped\":0}\n");
}

// A worker that was added before its topics were made hides no letter of the others.
static void
a_missing_topic_is_told_and_the_others_are_listed(void **state)
{
    struct world *world = *state;
    run_set(&world->run, "INTEGRATIONS", "mautic,docuseal");
    assert_int_equal(run_line(&world->run, "dead list"), EX_OK);
    assert_says(world->run.err, "there is no topic \"mautic.dead-letters\"");
    assert_says(world->run.err, "relais topics");
    assert_says(world->run.out, "docuseal.dead-letters/");
    assert_int_equal(run_line(&world->run, "status"), EX_OK);
    assert_says(world->run.err, "there is no topic \"mautic.webhooks\"");
    run_set(&world->run, "INTEGRATIONS", "docuseal");
}

// Directus and the providers have no settings here: that is wrong as well.
static void
the_doctor_finds_a_missing_topic(void **state)
{
    struct world *world = *state;
    run_set(&world->run, "INTEGRATIONS", "mautic,docuseal");
    assert_int_equal(run_line(&world->run, "doctor --json"), EX_CONFIG);
    assert_says(world->run.out, "{\"state\":\"WRONG\",\"what\":\"mautic.webhooks\","
                                "\"found\":\"the topic is missing\","
                                "\"do\":\"run `relais topics`\"}");
    assert_says(world->run.out, "\"what\":\"mautic.dead-letters\"");
    assert_says(world->run.out, "\"found\":\"7 topics are there\"");
    assert_null(strstr(world->run.out, "\"what\":\"docuseal.webhooks\""));
    run_set(&world->run, "INTEGRATIONS", "docuseal");
}

static void
the_doctor_finds_that_no_broker_answers(void **state)
{
    struct world *world = *state;
    run_set(&world->run, "KAFKA_BROKERS", "127.0.0.1:1");
    assert_int_equal(run_line(&world->run, "doctor --json"), EX_CONFIG);
    run_set(&world->run, "KAFKA_BROKERS", world->kafka.brokers);
    assert_says(world->run.out, "\"do\":\"is a broker up, is this its address?\"");
    assert_null(strstr(world->run.out, "the topic is missing"));
}

static void
what_is_not_there_is_told(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "dead show docuseal.dead-letters/0/999"),
                     EX_DATAERR);
    assert_int_equal(run_line(&world->run, "dead show docuseal.commands/0/0"),
                     EX_USAGE);
    assert_int_equal(run_line(&world->run, "dead list nothing.dead-letters"),
                     EX_DATAERR);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topics_are_made_once_and_never_changed),
        cmocka_unit_test(dead_letters_are_kept_for_ever_and_other_topics_are_not),
        cmocka_unit_test(status_shows_lag_and_dead_letters),
        cmocka_unit_test(a_dead_letter_is_shown_without_secrets),
        cmocka_unit_test(a_replay_is_the_event_once_more_under_one_id),
        cmocka_unit_test(all_letters_of_a_topic_are_replayed_but_those_that_were),
        cmocka_unit_test(a_missing_topic_is_told_and_the_others_are_listed),
        cmocka_unit_test(the_doctor_finds_a_missing_topic),
        cmocka_unit_test(the_doctor_finds_that_no_broker_answers),
        cmocka_unit_test(what_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
