// common/kafka_admin.c against a real broker: the mock cluster has no admin requests.
#include "common/kafka_admin.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/kafka_producer.h"
#include "common/str.h"
#include "tests/integration/kafka_fixture.h"

struct world {
    struct kafka_broker broker;
    struct kafka_admin *admin;
};

static int
begin(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    struct error err = {0};

    kafka_broker_start(&world->broker);
    world->admin = kafka_admin_open(world->broker.brokers, "test", &err);
    if (world->admin == NULL)
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;

    kafka_admin_close(world->admin);
    kafka_broker_stop(&world->broker);
    free(world);
    return 0;
}

static bool
create(struct world *world, const char *name, int partitions, struct error *err)
{
    static const struct kafka_property configs[] = {{"retention.ms", "86400000"}, {0}};
    const struct kafka_topic topic = {
        .name = name, .partitions = partitions, .configs = configs};
    bool existed = false;

    if (!kafka_admin_create_topic(world->admin, &topic, &existed, err))
        return false;
    assert_false(existed);
    return true;
}

static void
must_create(struct world *world, const char *name, int partitions)
{
    struct error err = {0};

    if (!create(world, name, partitions, &err))
        fail_msg("%s", err.text);
}

static int
partitions_of(struct world *world, const char *topic)
{
    struct error err = {0};
    int partitions = -1;

    if (!kafka_admin_partitions(world->admin, topic, &partitions, &err))
        fail_msg("%s", err.text);
    return partitions;
}

static void
topic_is_made_as_asked(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    char value[40] = "";

    assert_int_equal(partitions_of(world, "made"), 0);
    must_create(world, "made", 12);
    assert_int_equal(partitions_of(world, "made"), 12);
    assert_true(kafka_admin_topic_config(world->admin, "made", "retention.ms", value,
                                         sizeof value, &err));
    assert_string_equal(value, "86400000");
    assert_false(kafka_admin_topic_config(world->admin, "made", "no.such", value,
                                          sizeof value, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
}

static void
topic_that_exists_is_left_alone(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const struct kafka_topic again = {.name = "kept", .partitions = 5};
    bool existed = false;

    must_create(world, "kept", 3);
    assert_true(kafka_admin_create_topic(world->admin, &again, &existed, &err));
    assert_true(existed);
    assert_int_equal(partitions_of(world, "kept"), 3);
}

static void
bad_name_is_refused_with_the_name(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    assert_false(create(world, "not a topic", 1, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "not a topic"));
}

static int
begin_group(struct world *world, const char *group, const char *const topics[])
{
    struct error err = {0};
    int committed = -1;

    if (!kafka_admin_begin_group(world->admin, group, topics, &committed, &err))
        fail_msg("%s", err.text);
    return committed;
}

static void
group_gets_only_the_offsets_it_lacks(void **state)
{
    struct world *world = *state;
    const char *const one[] = {"first", NULL};
    const char *const both[] = {"first", "second", NULL};

    must_create(world, "first", 4);
    must_create(world, "second", 4);
    assert_int_equal(begin_group(world, "beginners", one), 4);
    assert_int_equal(begin_group(world, "beginners", one), 0);
    assert_int_equal(begin_group(world, "beginners", both), 4);
    assert_int_equal(begin_group(world, "others", both), 8);
}

static void
group_needs_its_topics(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const char *const topics[] = {"never-made", NULL};
    int committed;

    assert_false(
        kafka_admin_begin_group(world->admin, "beginners", topics, &committed, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "never-made"));
}

static void
produce_one(struct world *world, const char *topic)
{
    struct error err = {0};
    const struct kafka_producer_options options = {.brokers = world->broker.brokers,
                                                   .client_id = "test"};
    const struct record record = {.topic = topic,
                                  .key = "k",
                                  .key_length = 1,
                                  .payload = "x",
                                  .payload_length = 1};
    struct kafka_producer *producer = kafka_producer_open(&options, &err);

    assert_non_null(producer);
    assert_true(kafka_produce(producer, &record, NULL, &err));
    kafka_producer_close(producer, 30000);
}

// What the workers do: they reset nothing, so they read only what the offsets tell.
static rd_kafka_t *
member(struct world *world, const char *group, const char *topic)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", world->broker.brokers},
        {"group.id", group},
        {"auto.offset.reset", "error"},
        {"enable.auto.commit", "false"},
    };
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(
            rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why),
            RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA);
    assert_int_equal(rd_kafka_subscribe(rk, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
    return rk;
}

static void
group_that_was_begun_reads_from_the_first_record(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const char *const topics[] = {"read", NULL};
    const char *const more[] = {"read", "more", NULL};
    int committed;

    must_create(world, "read", 1);
    must_create(world, "more", 1);
    produce_one(world, "read");
    assert_int_equal(begin_group(world, "readers", topics), 1);
    rd_kafka_t *rk = member(world, "readers", "read");
    rd_kafka_message_t *message = NULL;
    while (message == NULL)
        message = rd_kafka_consumer_poll(rk, 1000);
    assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(message->offset, 0);
    rd_kafka_message_destroy(message);
    assert_false(
        kafka_admin_begin_group(world->admin, "readers", more, &committed, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(topic_is_made_as_asked),
        cmocka_unit_test(topic_that_exists_is_left_alone),
        cmocka_unit_test(bad_name_is_refused_with_the_name),
        cmocka_unit_test(group_gets_only_the_offsets_it_lacks),
        cmocka_unit_test(group_needs_its_topics),
        cmocka_unit_test(group_that_was_begun_reads_from_the_first_record),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
