// relais-capture with CAPTURE=flow: the activity log over REST, the ledger's Postgres
// for its place, librdkafka's mock cluster.
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "tests/integration/fake_activity.h"
#include "tests/integration/kafka_fixture.h"
#include "tests/integration/pg_fixture.h"
#include "tests/integration/program.h"

#define TOPIC "directus.changes"

enum { HINTS_MAX = 3000 };

struct hint {
    char id[40], type[60], key[60], company[20], payload[300];
    bool sequence;
};

struct world {
    struct pg_fixture postgres;
    struct kafka_fixture kafka;
    struct fake_activity *directus;
    struct pg *pg;
    struct program program;
    struct hint *hints;
    size_t hint_count;
};

// One server for all tests; each gets an empty database.
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
    char url[80];

    world->pg = pg_fixture_connect(&world->postgres);
    world->hint_count = 0;
    world->program = (struct program){0};
    pg_fixture_do(world->pg, "DROP SCHEMA IF EXISTS relais CASCADE");
    pg_fixture_file(world->pg, "001_ledger.sql");
    kafka_fixture_start(&world->kafka);
    assert_int_equal(rd_kafka_mock_topic_create(world->kafka.cluster, TOPIC, 1, 1), 0);
    world->directus = fake_activity_start("token");
    fake_activity_url(world->directus, url, sizeof url);
    program_set(&world->program, "CAPTURE", "flow");
    program_set(&world->program, "CAPTURE_POLL_MS", "20");
    program_set(&world->program, "KAFKA_BROKERS", world->kafka.brokers);
    program_set(&world->program, "DATABASE_URL", world->postgres.url);
    program_set(&world->program, "DIRECTUS_URL", url);
    program_set(&world->program, "DIRECTUS_TOKEN", "token");
    world->hints = str_calloc(HINTS_MAX, sizeof *world->hints);
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;

    program_kill(&world->program);
    fake_activity_stop(world->directus);
    pg_close(world->pg);
    kafka_fixture_stop(&world->kafka);
    free(world->hints);
    return 0;
}

static void
start(struct world *world)
{
    program_start(&world->program, CAPTURE_PROGRAM);
    program_await(&world->program, "/readyz", 200, "ok");
}

static bool
keep(void *ctx, const rd_kafka_message_t *message)
{
    struct world *world = ctx;
    struct hint *hint = &world->hints[world->hint_count++];

    assert_true(world->hint_count < HINTS_MAX);
    snprintf(hint->id, sizeof hint->id, "%s", kafka_fixture_header(message, "ce_id"));
    snprintf(hint->type, sizeof hint->type, "%s",
             kafka_fixture_header(message, "ce_type"));
    snprintf(hint->company, sizeof hint->company, "%s",
             kafka_fixture_header(message, "ce_company"));
    snprintf(hint->key, sizeof hint->key, "%.*s", (int)message->key_len,
             (const char *)message->key);
    snprintf(hint->payload, sizeof hint->payload, "%.*s", (int)message->len,
             (const char *)message->payload);
    hint->sequence = kafka_fixture_header(message, "ce_sequence")[0] != '\0';
    return true;
}

// Reads the topic anew until there are as many as expected.
static void
read_hints(struct world *world, size_t count)
{
    world->hint_count = 0;
    assert_int_equal(
        kafka_fixture_read(world->kafka.brokers, TOPIC, count, 30000, keep, world),
        count);
}

static void
await_cursor(struct world *world, long long id)
{
    while (pg_fixture_number(
               world->pg, "SELECT coalesce(max(split_part(value, ' ', 1)::bigint), -1)"
                          " FROM relais.sweep_cursor WHERE worker = 'capture'")
           < id)
        program_pause();
}

// Two more rounds of the reader.
static void
await_rounds(struct world *world)
{
    int requests = fake_activity_requests(world->directus) + 6;

    while (fake_activity_requests(world->directus) < requests)
        program_pause();
}

static void
entries_become_hints_in_the_lane_of_their_root(void **state)
{
    struct world *world = *state;

    fake_activity_row(world->directus, "quotes",
                      "{\"id\":\"q1\",\"owner_company_id\":{\"code\":\"ENKI\"}}");
    fake_activity_row(
        world->directus, "payments",
        "{\"id\":\"p1\",\"owner_company\":\"LEXAIA\",\"invoice_id\":{\"id\":"
        "\"i1\",\"quote_id\":\"q1\"}}");
    fake_activity_row(
        world->directus, "invoice_items",
        "{\"id\":\"ii1\",\"invoice_id\":{\"id\":\"i2\",\"quote_id\":null}}");
    start(world);
    await_cursor(world, 0);
    fake_activity_add(world->directus, 10, "create", "quotes", "q1");
    fake_activity_add(world->directus, 11, "update", "payments", "p1");
    fake_activity_add(world->directus, 12, "create", "invoice_items", "ii1");
    fake_activity_add(world->directus, 13, "delete", "client_invoices", "i9");
    fake_activity_add(world->directus, 14, "create", "people", "c1");
    await_cursor(world, 14);
    read_hints(world, 5);
    const struct hint *h = world->hints;
    assert_string_equal(h[0].type, "directus.quotes.create");
    assert_string_equal(h[0].key, "quote:q1");
    assert_string_equal(h[0].company, "ENKI");
    assert_string_equal(h[0].payload,
                        "{\"collection\":\"quotes\",\"key\":\"q1\",\"actor\":null,"
                        "\"company\":\"ENKI\",\"hint\":true}");
    assert_false(h[0].sequence);
    assert_string_equal(h[1].key, "quote:q1");
    assert_string_equal(h[1].company, "LEXAIA");
    assert_string_equal(h[2].key, "invoice:i2");
    assert_string_equal(h[3].type, "directus.client_invoices.delete");
    assert_string_equal(h[3].key, "invoice:i9");
    assert_string_equal(h[4].key, "contact:c1");
    assert_int_equal(program_stop(&world->program), 0);
}

static void
entry_that_appears_late_is_found_and_none_twice(void **state)
{
    struct world *world = *state;

    fake_activity_add(world->directus, 100, "create", "leads", "before");
    start(world);
    await_cursor(world, 100);
    fake_activity_add(world->directus, 103, "create", "leads", "l3");
    await_cursor(world, 103);
    fake_activity_add(world->directus, 102, "create", "leads", "l2");
    await_rounds(world);
    fake_activity_add(world->directus, 104, "create", "leads", "l4");
    await_cursor(world, 104);
    await_rounds(world);
    assert_int_equal(program_stop(&world->program), 0);
    // That of before the start is within the overlap: the one that is there too much.
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), 4);
    read_hints(world, 4);
    assert_string_equal(world->hints[0].key, "lead:before");
    assert_string_equal(world->hints[1].key, "lead:l3");
    assert_string_equal(world->hints[2].key, "lead:l2");
    assert_string_equal(world->hints[3].key, "lead:l4");
}

static void
restart_goes_on_where_it_left_off_with_the_same_ids(void **state)
{
    struct world *world = *state;

    start(world);
    await_cursor(world, 0);
    fake_activity_add(world->directus, 1, "create", "leads", "l1");
    await_cursor(world, 1);
    program_kill(&world->program);
    fake_activity_add(world->directus, 2, "create", "leads", "l2");
    start(world);
    await_cursor(world, 2);
    await_rounds(world);
    assert_int_equal(program_stop(&world->program), 0);
    size_t count = kafka_fixture_count(world->kafka.brokers, TOPIC);
    assert_int_equal(count, 3); // l1 again, as part of the overlap
    read_hints(world, count);
    const struct hint *h = world->hints;
    assert_string_equal(h[0].key, "lead:l1");
    size_t again = strcmp(h[1].key, "lead:l1") == 0 ? 1 : 2;
    assert_string_equal(h[again].key, "lead:l1");
    assert_string_equal(h[again].id, h[0].id);
    assert_string_equal(h[3 - again].key, "lead:l2");
    assert_string_not_equal(h[3 - again].id, h[0].id);
}

static void
backlog_of_many_pages_is_read_to_its_end(void **state)
{
    enum { ENTRIES = 1700 };
    struct world *world = *state;

    start(world);
    await_cursor(world, 0);
    program_kill(&world->program);
    for (int id = 1; id <= ENTRIES; id++) {
        char item[24];
        snprintf(item, sizeof item, "l%d", id);
        fake_activity_add(world->directus, id, "update", "leads", item);
    }
    start(world);
    await_cursor(world, ENTRIES);
    await_rounds(world);
    assert_int_equal(program_stop(&world->program), 0);
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, TOPIC), ENTRIES);
    read_hints(world, ENTRIES);
    for (int id = 1; id <= ENTRIES; id++) {
        char key[24];
        snprintf(key, sizeof key, "lead:l%d", id);
        assert_string_equal(world->hints[id - 1].key, key);
    }
}

static void
directus_that_goes_away_is_waited_for(void **state)
{
    struct world *world = *state;

    start(world);
    await_cursor(world, 0);
    fake_activity_fail(world->directus, true);
    fake_activity_add(world->directus, 1, "create", "leads", "l1");
    program_await(&world->program, "/readyz", 503, "directus: ");
    program_await(&world->program, "/livez", 200, "ok");
    fake_activity_fail(world->directus, false);
    await_cursor(world, 1);
    program_await(&world->program, "/readyz", 200, "ok");
    assert_int_equal(program_stop(&world->program), 0);
    read_hints(world, 1);
}

static void
wrong_token_is_said_to_be_wrong(void **state)
{
    struct world *world = *state;

    program_set(&world->program, "DIRECTUS_TOKEN", "canary");
    program_start(&world->program, CAPTURE_PROGRAM);
    program_await(&world->program, "/readyz", 503, "DIRECTUS_TOKEN");
    assert_int_equal(program_stop(&world->program), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(entries_become_hints_in_the_lane_of_their_root),
        TEST(entry_that_appears_late_is_found_and_none_twice),
        TEST(restart_goes_on_where_it_left_off_with_the_same_ids),
        TEST(backlog_of_many_pages_is_read_to_its_end),
        TEST(directus_that_goes_away_is_waited_for),
        TEST(wrong_token_is_said_to_be_wrong),
    };

    return cmocka_run_group_tests(tests, begin_server, end_server);
}
