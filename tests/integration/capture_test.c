// relais-capture as a program, with a real Postgres and librdkafka's mock cluster.
#include "tests/harness/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/event.h"
#include "common/json.h"
#include "common/pg.h"
#include "tests/integration/directus_tables.h"
#include "tests/integration/kafka_fixture.h"
#include "tests/integration/pg_fixture.h"
#include "tests/integration/program.h"

#define QUOTE "11111111-1111-4111-8111-111111111111"
#define COMPANY "33333333-3333-4333-8333-333333333333"
#define TOPIC "directus.changes"
// Lines of /metrics.
#define ACTIVE "\nrelais_capture_active 1\n"
#define NOT_ACTIVE "\nrelais_capture_active 0\n"

enum { PARTITIONS = 12, SEEN_MAX = 60000, KEYS_MAX = 300 };

struct world {
    struct pg_fixture postgres;
    struct kafka_fixture kafka;
    struct pg *pg;
    struct program active, standby;
};

static void
configure(struct world *world, struct program *program)
{
    program->env_count = 0;
    program_set(program, "CAPTURE", "outbox");
    program_set(program, "KAFKA_BROKERS", world->kafka.brokers);
    program_set(program, "CAPTURE_DATABASE_URL", world->postgres.url);
    program_set(program, "CAPTURE_STANDBY_MS", "50");
    program_set(program, "CAPTURE_TAKEOVER_MS", "200");
    program_set(program, "CAPTURE_BATCH", "100");
    program_set(program, "LOG_LEVEL",
                getenv("LOG_LEVEL") ? getenv("LOG_LEVEL") : "info");
}

// One server for all tests; each gets its schemas anew.
static int
begin_server(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);

    pg_fixture_start(&world->postgres);
    *state = world;
    return 0;
}

static int
end_server(void **state)
{
    struct world *world = *state;

    pg_fixture_stop(&world->postgres);
    free(world);
    return 0;
}

static int
begin(void **state)
{
    struct world *world = *state;

    world->pg = pg_fixture_connect(&world->postgres);
    pg_fixture_do(world->pg, "DROP SCHEMA IF EXISTS relais_capture CASCADE;"
                             "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    pg_fixture_do(world->pg, directus_tables);
    pg_fixture_capture(world->pg);
    pg_fixture_do(world->pg,
                  "INSERT INTO owner_companies VALUES ('" COMPANY "', 'LEXAIA')");
    kafka_fixture_start(&world->kafka);
    assert_int_equal(
        rd_kafka_mock_topic_create(world->kafka.cluster, TOPIC, PARTITIONS, 1), 0);
    configure(world, &world->active);
    configure(world, &world->standby);
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;

    program_kill(&world->active);
    program_kill(&world->standby);
    pg_close(world->pg);
    kafka_fixture_stop(&world->kafka);
    return 0;
}

static void
start(struct program *program)
{
    program_start(program, CAPTURE_PROGRAM);
}

static long long
unpublished(struct world *world)
{
    return pg_fixture_number(world->pg,
                             "SELECT count(*) FROM relais_capture.change WHERE "
                             "published_at IS NULL");
}

static void
await_unpublished(struct world *world, long long most)
{
    while (unpublished(world) > most)
        program_pause();
}

// What one reading of the topic has shown. The rules: every change is there, and for
// each key the first appearances are in order of seq.
struct seen {
    struct job job;
    bool *seqs; // by seq
    size_t records, distinct;
    int64_t last_of_partition[PARTITIONS];
    int steps_back[PARTITIONS]; // where seq falls: a repetition began
    char keys[KEYS_MAX][60];
    int64_t last_of_key[KEYS_MAX];
    bool in_order;
};

static int64_t *
last_of_key(struct seen *seen, const rd_kafka_message_t *message)
{
    for (size_t i = 0; i < KEYS_MAX; i++) {
        if (seen->keys[i][0] == '\0')
            memcpy(seen->keys[i], message->key, message->key_len);
        if (strlen(seen->keys[i]) == message->key_len
            && memcmp(seen->keys[i], message->key, message->key_len) == 0)
            return &seen->last_of_key[i];
    }
    fail_msg("more keys than expected");
    return NULL;
}

static bool
see(void *ctx, const rd_kafka_message_t *message)
{
    struct seen *seen = ctx;
    long long seq = 0;

    assert_true(str_to_i64(kafka_fixture_header(message, "ce_sequence"), &seq));
    assert_in_range(seq, 1, SEEN_MAX - 1);
    if (seq <= seen->last_of_partition[message->partition])
        seen->steps_back[message->partition]++;
    seen->last_of_partition[message->partition] = seq;
    seen->records++;
    if (seen->seqs[seq])
        return true;
    seen->seqs[seq] = true;
    seen->distinct++;
    int64_t *last = last_of_key(seen, message);
    if (seq <= *last)
        seen->in_order = false;
    *last = seq;
    return true;
}

// Reads the whole topic; no program runs any more.
static struct seen *
read_all(struct world *world)
{
    struct seen *seen = str_calloc(1, sizeof *seen);
    size_t count = kafka_fixture_count(world->kafka.brokers, TOPIC);

    seen->seqs = str_calloc(SEEN_MAX, sizeof *seen->seqs);
    seen->in_order = true;
    assert_int_equal(
        kafka_fixture_read(world->kafka.brokers, TOPIC, count, 60000, see, seen),
        count);
    return seen;
}

static void
forget(struct seen *seen)
{
    free(seen->seqs);
    free(seen);
}

// All that was written is there, in order; no partition was begun anew more often than
// `repeats` times.
static void
assert_complete(struct world *world, int repeats)
{
    struct seen *seen = read_all(world);
    long long written =
        pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change");

    print_message("%lld changes, %zu records\n", written, seen->records);
    assert_int_equal(seen->distinct, written);
    assert_true(seen->in_order);
    for (int i = 0; i < PARTITIONS; i++)
        assert_in_range(seen->steps_back[i], 0, repeats);
    forget(seen);
}

static void
write_backlog(struct world *world, int quotes, int updates)
{
    char sql[300];

    snprintf(sql, sizeof sql,
             "INSERT INTO quotes (status) SELECT '0' FROM generate_series(1, %d);"
             "DO $$ BEGIN FOR i IN 1..%d LOOP UPDATE quotes SET status = i; END LOOP; "
             "END $$",
             quotes, updates);
    pg_fixture_do(world->pg, sql);
}

// One event, copied out of the topic.
struct one {
    struct job job;
    const char *type; // the one wanted
    struct event ev;
    char key[80];
};

static bool
keep_one(void *ctx, const rd_kafka_message_t *message)
{
    struct one *one = ctx;
    rd_kafka_headers_t *headers;
    struct record_header copy[20];
    size_t count = 0;
    const char *name;
    const void *value;
    size_t length;

    if (strcmp(kafka_fixture_header(message, "ce_type"), one->type) != 0)
        return true;
    assert_int_equal(rd_kafka_message_headers(message, &headers), 0);
    while (count < 20
           && rd_kafka_header_get_all(headers, count, &name, &value, &length) == 0) {
        copy[count].name = job_strdup(&one->job, name);
        copy[count].value = job_memdup(&one->job, value, length);
        copy[count++].length = length;
    }
    const struct record record = {
        .topic = TOPIC,
        .key = job_memdup(&one->job, message->key, message->key_len),
        .key_length = message->key_len,
        .payload = job_memdup(&one->job, message->payload, message->len),
        .payload_length = message->len,
        .headers = copy,
        .header_count = count,
    };
    if (!event_decode(&one->job, &record, false, &one->ev))
        fail_msg("%s", one->job.error.text);
    snprintf(one->key, sizeof one->key, "%s", record.key);
    return false;
}

static void
read_one(struct world *world, const char *type, struct one *one)
{
    job_begin(&one->job, 60000);
    one->type = type;
    one->key[0] = '\0';
    kafka_fixture_read(world->kafka.brokers, TOPIC, 1000, 30000, keep_one, one);
    if (one->key[0] == '\0')
        fail_msg("no %s", type);
}

static void
change_arrives_as_an_event(void **state)
{
    struct world *world = *state;
    struct one one;

    start(&world->active);
    pg_fixture_do(world->pg, "INSERT INTO quotes (id, status, total, owner_company_id) "
                             "VALUES ('" QUOTE "', 'draft', 1200.50, '" COMPANY "');"
                             "UPDATE quotes SET status = 'sent';"
                             "INSERT INTO quote_items (quote_id) VALUES ('" QUOTE "');"
                             "DELETE FROM quotes");
    await_unpublished(world, 0);
    read_one(world, "directus.quotes.update", &one);
    assert_string_equal(one.key, "quote:" QUOTE);
    assert_string_equal(one.ev.subject, "quote:" QUOTE);
    assert_string_equal(one.ev.company, "LEXAIA");
    assert_string_equal(one.ev.source, "relais/capture");
    char *id = pg_fixture_text(world->pg, "SELECT event_id FROM relais_capture.change "
                                          "WHERE op = 'update'");
    assert_string_equal(one.ev.id, id);
    free(id);
    assert_string_equal(json_string(&one.job, one.ev.data, "old.status"), "draft");
    assert_string_equal(json_string(&one.job, one.ev.data, "new.status"), "sent");
    assert_string_equal(json_text_or(one.ev.data, "new.total", ""), "1200.50");
    job_end(&one.job);
    read_one(world, "directus.quote_items.create", &one);
    assert_string_equal(one.key, "quote:" QUOTE);
    job_end(&one.job);
    read_one(world, "directus.quotes.delete", &one);
    assert_string_equal(json_string(&one.job, one.ev.data, "old.status"), "sent");
    assert_null(json_at(one.ev.data, "new"));
    job_end(&one.job);
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, 0);
}

static void
kill_in_a_backlog_loses_nothing_and_keeps_the_order(void **state)
{
    enum { KILLS = 6 };
    struct world *world = *state;

    write_backlog(world, 100, 79);
    for (int i = 1; i <= KILLS; i++) {
        start(&world->active);
        await_unpublished(world, 8000 - 1200 * i);
        program_kill(&world->active);
    }
    start(&world->active);
    await_unpublished(world, 0);
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, KILLS);
}

static void
standby_takes_over_without_interleaving(void **state)
{
    struct world *world = *state;

    start(&world->active);
    program_await(&world->active, "/metrics", 200, ACTIVE);
    start(&world->standby);
    program_await(&world->standby, "/readyz", 200, "ok");
    program_await(&world->standby, "/metrics", 200, NOT_ACTIVE);
    write_backlog(world, 50, 99);
    await_unpublished(world, 4000);
    program_kill(&world->active);
    await_unpublished(world, 0);
    program_await(&world->standby, "/metrics", 200, ACTIVE);
    assert_int_equal(program_stop(&world->standby), 0);
    assert_complete(world, 1);
}

static void
end_active_session(struct world *world)
{
    pg_fixture_number(world->pg,
                      "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE "
                      "locktype = 'advisory' AND granted");
}

// The server ends the session while Kafka is slow: what is under way must not arrive
// among what the standby sends.
static void
lost_session_ends_what_is_under_way(void **state)
{
    enum { LOSSES = 6 };
    struct world *world = *state;

    start(&world->active);
    program_await(&world->active, "/metrics", 200, ACTIVE);
    start(&world->standby);
    program_await(&world->standby, "/readyz", 200, "ok");
    rd_kafka_mock_broker_set_rtt(world->kafka.cluster, 1, 40);
    write_backlog(world, 50, 99);
    for (int i = 1; i <= LOSSES; i++) {
        await_unpublished(world, 5000 - 500 * i);
        for (int pauses = 0; pauses < 4 * i; pauses++) // in all parts of a batch
            program_pause();
        end_active_session(world);
    }
    rd_kafka_mock_broker_set_rtt(world->kafka.cluster, 1, 0);
    await_unpublished(world, 0);
    assert_int_equal(program_stop(&world->active), 0);
    assert_int_equal(program_stop(&world->standby), 0);
    assert_complete(world, LOSSES);
}

static void
kafka_that_goes_away_is_waited_for(void **state)
{
    struct world *world = *state;

    start(&world->active);
    program_await(&world->active, "/readyz", 200, "ok");
    kafka_fixture_down(&world->kafka);
    write_backlog(world, 10, 50);
    program_await(&world->active, "/readyz", 503, "KAFKA_BROKERS");
    program_await(&world->active, "/livez", 200, "ok");
    kafka_fixture_up(&world->kafka);
    await_unpublished(world, 0);
    program_await(&world->active, "/readyz", 200, "ok");
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, 0);
}

static void
postgres_that_goes_away_is_waited_for(void **state)
{
    struct world *world = *state;

    start(&world->active);
    program_await(&world->active, "/readyz", 200, "ok");
    write_backlog(world, 10, 50);
    pg_fixture_crash(&world->postgres);
    program_await(&world->active, "/readyz", 503, "postgres");
    program_await(&world->active, "/livez", 200, "ok");
    pg_fixture_again(&world->postgres);
    world->pg = pg_fixture_reconnect(&world->postgres, world->pg);
    await_unpublished(world, 0);
    program_await(&world->active, "/readyz", 200, "ok");
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, 1);
}

static void
missing_outbox_says_what_to_run(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "DROP SCHEMA relais_capture CASCADE");
    start(&world->active);
    program_await(&world->active, "/readyz", 503, "relais migrate");
    pg_fixture_capture(world->pg);
    program_await(&world->active, "/readyz", 200, "ok");
    assert_int_equal(program_stop(&world->active), 0);
}

static void
stop_without_kafka_ends_and_loses_nothing(void **state)
{
    struct world *world = *state;

    program_set(&world->active, "CAPTURE_DRAIN_MS", "100");
    kafka_fixture_down(&world->kafka);
    write_backlog(world, 10, 20);
    start(&world->active);
    program_await(&world->active, "/readyz", 503, "KAFKA_BROKERS");
    assert_int_equal(program_stop(&world->active), 0);
    assert_int_equal(unpublished(world), 210);
    kafka_fixture_up(&world->kafka);
    start(&world->active);
    await_unpublished(world, 0);
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, 1);
}

static void
row_that_is_too_large_goes_as_a_hint(void **state)
{
    struct world *world = *state;
    struct one one;

    start(&world->active);
    pg_fixture_do(world->pg, "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                             "', to_json(repeat('x', 2000000)));"
                             "UPDATE quotes SET metadata = '{\"a\": \"\\u0000\"}';"
                             "INSERT INTO leads (owner_company) VALUES ('ENKI')");
    await_unpublished(world, 0);
    read_one(world, "directus.quotes.create", &one);
    assert_string_equal(one.key, "quote:" QUOTE);
    assert_true(json_bool_or(one.ev.data, "hint", false));
    assert_null(json_at(one.ev.data, "new"));
    job_end(&one.job);
    read_one(world, "directus.quotes.update", &one);
    assert_true(json_bool_or(one.ev.data, "hint", false));
    assert_string_equal(json_string(&one.job, one.ev.data, "key"), QUOTE);
    assert_string_equal(one.key, "quote:" QUOTE);
    job_end(&one.job);
    read_one(world, "directus.leads.create", &one);
    assert_false(json_bool_or(one.ev.data, "hint", false));
    assert_string_equal(one.ev.company, "ENKI");
    job_end(&one.job);
    assert_int_equal(program_stop(&world->active), 0);
}

// The number is what a JSON field holds after somebody typed so many digits.
static void
row_that_no_worker_could_read_goes_as_a_hint(void **state)
{
    struct world *world = *state;
    struct one one;

    start(&world->active);
    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                  "', '{\"n\": 1.2345678901234568e+22}');"
                  "UPDATE quotes SET metadata = (repeat('[', 99) || repeat(']', "
                  "99))::json");
    await_unpublished(world, 0);
    read_one(world, "directus.quotes.create", &one);
    assert_true(json_bool_or(one.ev.data, "hint", false));
    assert_string_equal(one.key, "quote:" QUOTE);
    job_end(&one.job);
    read_one(world, "directus.quotes.update", &one);
    assert_true(json_bool_or(one.ev.data, "hint", false));
    job_end(&one.job);
    assert_int_equal(program_stop(&world->active), 0);
}

// Once for the batch, then for the row alone; the row without its rows passes. A batch
// of one, since of several nobody knows how many requests they take.
static void
record_the_broker_finds_too_large_does_not_block(void **state)
{
    struct world *world = *state;
    struct one one;

    rd_kafka_mock_push_request_errors(world->kafka.cluster, 0 /* Produce */, 2,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    pg_fixture_do(world->pg, "INSERT INTO quotes (id) VALUES ('" QUOTE "')");
    start(&world->active);
    await_unpublished(world, 0);
    pg_fixture_do(world->pg, "UPDATE quotes SET status = 'sent'");
    await_unpublished(world, 0);
    read_one(world, "directus.quotes.create", &one);
    assert_true(json_bool_or(one.ev.data, "hint", false));
    job_end(&one.job);
    read_one(world, "directus.quotes.update", &one);
    assert_false(json_bool_or(one.ev.data, "hint", false));
    job_end(&one.job);
    assert_int_equal(program_stop(&world->active), 0);
    assert_complete(world, 0);
}

static void
published_changes_are_deleted_after_their_retention(void **state)
{
    struct world *world = *state;

    write_backlog(world, 10, 10);
    pg_fixture_do(
        world->pg,
        "UPDATE relais_capture.change SET published_at = now() - interval '8 d'"
        " WHERE seq <= 100; UPDATE relais_capture.change SET published_at = "
        "now() - interval '6 d' WHERE seq BETWEEN 101 AND 105");
    start(&world->active);
    await_unpublished(world, 0);
    while (pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change")
           > 10)
        program_pause();
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT min(seq) FROM relais_capture.change"),
        101);
    assert_int_equal(program_stop(&world->active), 0);
}

static void
collection_made_before_the_start_is_captured(void **state)
{
    struct world *world = *state;
    struct one one;

    pg_fixture_do(world->pg,
                  "DROP TABLE payments; CREATE TABLE \"Zahlungen\" (id serial "
                  "PRIMARY KEY, invoice_id uuid)");
    program_set(&world->active, "DIRECTUS_COLLECTION_PAYMENTS", "Zahlungen");
    start(&world->active);
    program_await(&world->active, "/readyz", 200, "ok");
    pg_fixture_do(world->pg, "INSERT INTO \"Zahlungen\" DEFAULT VALUES");
    await_unpublished(world, 0);
    read_one(world, "directus.payments.create", &one);
    assert_string_equal(one.key, "payments:1");
    job_end(&one.job);
    assert_int_equal(program_stop(&world->active), 0);
}

static void
trigger_that_was_switched_off_is_put_back(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "ALTER TABLE quotes DISABLE TRIGGER ALL;"
                             "INSERT INTO quotes (id) VALUES ('" COMPANY "')");
    assert_int_equal(unpublished(world), 0);
    start(&world->active);
    program_await(&world->active, "/readyz", 200, "ok");
    pg_fixture_do(world->pg, "INSERT INTO quotes (id) VALUES ('" QUOTE "')");
    await_unpublished(world, 0);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM "
                                                  "relais_capture.change"),
                     1);
    assert_int_equal(program_stop(&world->active), 0);
}

// Whoever may not put it back says so where people look, and goes on with the rest.
static void
trigger_that_cannot_be_put_back_is_told(void **state)
{
    struct world *world = *state;

    char url[200];
    (void)snprintf(url, sizeof url, "postgresql://guest@/postgres?host=%s",
                   world->postgres.dir);
    pg_fixture_do(world->pg,
                  "CREATE ROLE guest LOGIN; GRANT USAGE ON SCHEMA relais_capture TO"
                  " guest; GRANT USAGE ON SCHEMA public TO guest; GRANT SELECT, "
                  "UPDATE, DELETE ON relais_capture.change TO"
                  " guest; GRANT SELECT ON ALL TABLES IN SCHEMA public TO guest;"
                  "ALTER TABLE quotes DISABLE TRIGGER relais_capture");
    program_set(&world->active, "CAPTURE_DATABASE_URL", url);
    start(&world->active);
    program_await(&world->active, "/readyz", 503,
                  "changes of quotes are not captured: run `relais migrate`");
    pg_fixture_do(world->pg, "INSERT INTO leads DEFAULT VALUES");
    await_unpublished(world, 0);
    assert_int_equal(program_stop(&world->active), 0);

    pg_fixture_do(world->pg, "REVOKE USAGE ON SCHEMA public FROM guest");
    start(&world->active);
    program_await(&world->active, "/readyz", 503, "DIRECTUS_COLLECTION_QUOTES");
    assert_int_equal(program_stop(&world->active), 0);
    pg_fixture_do(world->pg, "DROP OWNED BY guest; DROP ROLE guest");
}

static void
wrong_settings_end_the_program_at_once(void **state)
{
    struct world *world = *state;

    program_set(&world->active, "CAPTURE", "magic");
    start(&world->active);
    assert_int_equal(program_wait(&world->active), 78);
    world->active.env_count = 0;
    program_set(&world->active, "KAFKA_BROKERS", world->kafka.brokers);
    program_set(&world->active, "CAPTURE_DATABASE_URL", "postgres//canary");
    start(&world->active);
    assert_int_equal(program_wait(&world->active), 78);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(change_arrives_as_an_event),
        TEST(kill_in_a_backlog_loses_nothing_and_keeps_the_order),
        TEST(standby_takes_over_without_interleaving),
        TEST(lost_session_ends_what_is_under_way),
        TEST(kafka_that_goes_away_is_waited_for),
        TEST(postgres_that_goes_away_is_waited_for),
        TEST(missing_outbox_says_what_to_run),
        TEST(stop_without_kafka_ends_and_loses_nothing),
        TEST(row_that_is_too_large_goes_as_a_hint),
        TEST(row_that_no_worker_could_read_goes_as_a_hint),
        TEST(record_the_broker_finds_too_large_does_not_block),
        TEST(published_changes_are_deleted_after_their_retention),
        TEST(collection_made_before_the_start_is_captured),
        TEST(trigger_that_was_switched_off_is_put_back),
        TEST(trigger_that_cannot_be_put_back_is_told),
        TEST(wrong_settings_end_the_program_at_once),
    };

    return cmocka_run_group_tests(tests, begin_server, end_server);
}
