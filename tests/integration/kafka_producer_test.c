// common/kafka_producer.c against librdkafka's mock cluster.
#include "common/kafka_producer.h"

#include "tests/harness/test.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/str.h"
#include "tests/integration/kafka_fixture.h"

enum { RECORDS = 500, KEYS = 7 };

// Counts the reports of each record; opaque is the record's number.
struct reports {
    pthread_mutex_t lock;
    pthread_cond_t came;
    int per_record[RECORDS];
    int good, bad;
    char error[128];
};

struct world {
    struct kafka_fixture kafka;
    struct reports reports;
    struct kafka_producer *producer;
};

static void
delivered(void *owner, void *opaque, int32_t partition, int64_t offset,
          const char *error)
{
    struct reports *reports = owner;

    (void)partition;
    pthread_mutex_lock(&reports->lock);
    reports->per_record[(intptr_t)opaque]++;
    if (error == NULL && offset >= 0)
        reports->good++;
    else
        reports->bad++;
    if (error != NULL)
        (void)str_copy(reports->error, sizeof reports->error, error);
    pthread_cond_broadcast(&reports->came);
    pthread_mutex_unlock(&reports->lock);
}

static void
wait_for_reports(struct world *world, int count)
{
    struct reports *reports = &world->reports;

    pthread_mutex_lock(&reports->lock);
    while (reports->good + reports->bad < count)
        pthread_cond_wait(&reports->came, &reports->lock);
    pthread_mutex_unlock(&reports->lock);
}

static void
open_producer(struct world *world, int64_t max_queue_kbytes)
{
    struct error err = {0};
    const struct kafka_producer_options options = {
        .brokers = world->kafka.brokers,
        .client_id = "test",
        .max_queue_kbytes = max_queue_kbytes,
        .delivered = delivered,
        .owner = &world->reports,
    };

    world->producer = kafka_producer_open(&options, &err);
    if (world->producer == NULL)
        fail_msg("%s", err.text);
}

static int
begin(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    pthread_mutex_init(&world->reports.lock, NULL);
    pthread_cond_init(&world->reports.came, NULL);
    kafka_fixture_start(&world->kafka);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    kafka_producer_close(world->producer, 0);
    kafka_fixture_stop(&world->kafka);
    free(world);
    return 0;
}

static bool
produce_text(struct world *world, int number, const char *key, const char *text,
             struct error *err)
{
    const struct record_header headers[] = {
        {"ce_id", "id-1", 4}, {"ce_type", "test.made", 9}, {"empty", "", 0}};
    const struct record record = {
        .topic = "made",
        .key = key,
        .key_length = strlen(key),
        .payload = text,
        .payload_length = strlen(text),
        .headers = headers,
        .header_count = 3,
    };

    return kafka_produce(world->producer, &record, (void *)(intptr_t)number, err);
}

static void
produce_numbers(struct world *world, int from, int to)
{
    struct error err = {0};

    for (int i = from; i < to; i++) {
        char key[24];
        char text[24];
        snprintf(key, sizeof key, "key-%d", i % KEYS);
        snprintf(text, sizeof text, "%d", i);
        if (!produce_text(world, i, key, text, &err))
            fail_msg("%s", err.text);
    }
}

struct order {
    int last[KEYS];
    int seen[RECORDS];
    bool kept;
};

static bool
check_order(void *ctx, const rd_kafka_message_t *message)
{
    struct order *order = ctx;
    char text[24] = "";
    long long number;

    memcpy(text, message->payload, message->len);
    assert_true(str_to_i64(text, &number));
    if (order->seen[number]++ > 0 || number < order->last[number % KEYS])
        order->kept = false;
    order->last[number % KEYS] = (int)number;
    return true;
}

static void
every_record_is_reported_once(void **state)
{
    struct world *world = *state;

    open_producer(world, 0);
    produce_numbers(world, 0, RECORDS);
    wait_for_reports(world, RECORDS);
    kafka_producer_close(world->producer, 5000);
    world->producer = NULL;
    assert_int_equal(world->reports.good, RECORDS);
    for (int i = 0; i < RECORDS; i++)
        assert_int_equal(world->reports.per_record[i], 1);
}

static void
retries_keep_the_order_of_a_key(void **state)
{
    struct world *world = *state;
    struct order order = {.kept = true};

    open_producer(world, 0);
    produce_numbers(world, 0, 50);
    rd_kafka_mock_push_request_errors(
        world->kafka.cluster, 0 /* Produce */, 4,
        RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
    produce_numbers(world, 50, 250);
    kafka_fixture_down(&world->kafka);
    produce_numbers(world, 250, RECORDS);
    kafka_fixture_up(&world->kafka);
    wait_for_reports(world, RECORDS);
    assert_int_equal(world->reports.good, RECORDS);
    assert_int_equal(kafka_fixture_read(world->kafka.brokers, "made", RECORDS, 60000,
                                        check_order, &order),
                     RECORDS);
    assert_true(order.kept);
}

static void
wait_until_reachable(struct world *world, bool reachable)
{
    const struct timespec pause = {.tv_nsec = 20000000};
    int64_t until_ms = clock_ms() + 60000;

    while (kafka_producer_reachable(world->producer) != reachable
           && clock_ms() < until_ms)
        nanosleep(&pause, NULL); // allowed: the producer tells nobody of it
    assert_int_equal(kafka_producer_reachable(world->producer), reachable);
}

// A broker that has just started knows no producer and takes any sequence number; to
// librdkafka the success of a later request means that an earlier one had it too
// (rd_kafka_dr_implicit_ack() in rdkafka_broker.c of 2.0.2).
static void
what_a_broker_refused_is_not_delivered_by_what_comes_after(void **state)
{
    enum { COUNT = 20, ROUND_TRIP_MS = 100 };
    struct world *world = *state;
    struct order order = {.kept = true};

    assert_int_equal(rd_kafka_mock_topic_create(world->kafka.cluster, "made", 1, 1), 0);
    rd_kafka_mock_broker_set_rtt(world->kafka.cluster, 1, ROUND_TRIP_MS);
    setenv("KAFKA_BATCH_NUM_MESSAGES", "1", 1); // a request each, several under way
    open_producer(world, 0);
    unsetenv("KAFKA_BATCH_NUM_MESSAGES");
    wait_until_reachable(world, true);
    rd_kafka_mock_push_request_errors(world->kafka.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
    produce_numbers(world, 0, COUNT);
    wait_for_reports(world, COUNT);
    assert_int_equal(world->reports.good, COUNT);
    assert_int_equal(kafka_fixture_count(world->kafka.brokers, "made"), COUNT);
    assert_int_equal(kafka_fixture_read(world->kafka.brokers, "made", COUNT, 60000,
                                        check_order, &order),
                     COUNT);
    assert_true(order.kept);
}

static void
a_report_without_an_offset_is_no_delivery(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    open_producer(world, 0);
    rd_kafka_mock_push_request_errors(world->kafka.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_DUPLICATE_SEQUENCE_NUMBER);
    assert_true(produce_text(world, 0, "key", "x", &err));
    wait_for_reports(world, 1);
    assert_int_equal(world->reports.bad, 1);
    assert_non_null(strstr(world->reports.error, "not confirmed"));
    assert_false(kafka_producer_dead(world->producer));
}

struct seen {
    int partition;
    char key[24], payload[24], id[24], type[24];
    bool has_empty;
};

static bool
remember(void *ctx, const rd_kafka_message_t *message)
{
    struct seen *seen = ctx;
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;

    seen->partition = message->partition;
    memcpy(seen->key, message->key, message->key_len);
    memcpy(seen->payload, message->payload, message->len);
    (void)str_copy(seen->id, sizeof seen->id, kafka_fixture_header(message, "ce_id"));
    (void)str_copy(seen->type, sizeof seen->type,
                   kafka_fixture_header(message, "ce_type"));
    seen->has_empty =
        rd_kafka_message_headers(message, &headers) == 0
        && rd_kafka_header_get_last(headers, "empty", &value, &length) == 0
        && length == 0;
    return true;
}

static void
record_arrives_as_it_was_given(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct seen seen = {0};

    open_producer(world, 0);
    assert_true(produce_text(world, 0, "foobar", "payload", &err));
    wait_for_reports(world, 1);
    assert_int_equal(
        kafka_fixture_read(world->kafka.brokers, "made", 1, 60000, remember, &seen), 1);
    assert_string_equal(seen.key, "foobar");
    assert_string_equal(seen.payload, "payload");
    assert_string_equal(seen.id, "id-1");
    assert_string_equal(seen.type, "test.made");
    assert_true(seen.has_empty);
}

// murmur2 of "foobar" is -790332482 in Kafka's own UtilsTest.java.
static void
key_goes_to_the_partition_of_the_java_clients(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct seen seen = {0};
    int java = (int)((UINT32_C(0x7fffffff) & (uint32_t)-790332482) % 12);

    assert_int_equal(rd_kafka_mock_topic_create(world->kafka.cluster, "made", 12, 1),
                     0);
    open_producer(world, 0);
    assert_true(produce_text(world, 0, "foobar", "x", &err));
    wait_for_reports(world, 1);
    assert_int_equal(
        kafka_fixture_read(world->kafka.brokers, "made", 1, 60000, remember, &seen), 1);
    assert_int_equal(seen.partition, java);
}

static void
record_beyond_the_clients_limit_is_refused_at_once(void **state)
{
    enum { BYTES = 1200000 };
    struct world *world = *state;
    struct error err = {0};
    char *text = str_alloc(BYTES + 1);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';

    open_producer(world, 0);
    assert_false(produce_text(world, 0, "key", text, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_true(produce_text(world, 1, "key", "small", &err));
    wait_for_reports(world, 1);
    assert_int_equal(world->reports.good, 1);
    assert_int_equal(world->reports.per_record[0], 0);
    free(text);
}

static void
record_beyond_the_brokers_limit_is_told_apart(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    open_producer(world, 0);
    rd_kafka_mock_push_request_errors(world->kafka.cluster, 0 /* Produce */, 1,
                                      RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE);
    assert_true(produce_text(world, 0, "key", "x", &err));
    wait_for_reports(world, 1);
    assert_int_equal(world->reports.bad, 1);
    assert_true(kafka_delivery_too_large(world->reports.error));
    assert_false(kafka_delivery_too_large("Local: Purged in queue"));
    assert_false(kafka_producer_dead(world->producer));
    assert_true(produce_text(world, 1, "key", "x", &err));
    wait_for_reports(world, 2);
    assert_int_equal(world->reports.good, 1);
}

static void
full_queue_may_be_tried_again(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    char text[800];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';

    kafka_fixture_down(&world->kafka);
    open_producer(world, 16);
    int taken = 0;
    while (taken < RECORDS && produce_text(world, taken, "key", text, &err))
        taken++;
    assert_in_range(taken, 1, 30);
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    kafka_fixture_up(&world->kafka);
    wait_for_reports(world, taken);
    assert_int_equal(world->reports.good, taken);
    assert_true(produce_text(world, taken, "key", text, &err));
}

static void
close_without_a_broker_reports_what_was_not_sent(void **state)
{
    struct world *world = *state;

    kafka_fixture_down(&world->kafka);
    open_producer(world, 0);
    produce_numbers(world, 0, 20);
    kafka_producer_close(world->producer, 10);
    world->producer = NULL;
    assert_int_equal(world->reports.bad, 20);
    for (int i = 0; i < 20; i++)
        assert_int_equal(world->reports.per_record[i], 1);
}

static void
broker_that_goes_and_comes_back_is_noticed(void **state)
{
    struct world *world = *state;

    open_producer(world, 0);
    wait_until_reachable(world, true);
    kafka_fixture_down(&world->kafka);
    wait_until_reachable(world, false);
    kafka_fixture_up(&world->kafka);
    wait_until_reachable(world, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_record_is_reported_once),
        TEST(retries_keep_the_order_of_a_key),
        TEST(what_a_broker_refused_is_not_delivered_by_what_comes_after),
        TEST(a_report_without_an_offset_is_no_delivery),
        TEST(record_arrives_as_it_was_given),
        TEST(key_goes_to_the_partition_of_the_java_clients),
        TEST(record_beyond_the_clients_limit_is_refused_at_once),
        TEST(record_beyond_the_brokers_limit_is_told_apart),
        TEST(full_queue_may_be_tried_again),
        TEST(close_without_a_broker_reports_what_was_not_sent),
        TEST(broker_that_goes_and_comes_back_is_noticed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
