// common/kafka_consumer.c against librdkafka's mock cluster: every partition that is
// assigned is fetched from, whichever thread of librdkafka is how far.
//
// librdkafka numbers what is asked of a partition (start, pause, resume) when it is
// asked, queues it a moment later, and drops without a word what comes out of the queue
// behind a higher number. Its log is heard between the two, and this test stops the
// thread that logs there.
#include "common/kafka_consumer.h"

#include "tests/harness/test.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "tests/integration/kafka_fixture.h"

enum {
    PARTITIONS = 4,
    LONG_MS = 20000,
    HELD_MS = 500,
    QUEUED_MS = 50,
    OFFSET_FETCH = 9, // the protocol's number of that request
    ANSWER_MS = 200,
};

static const char *const topics[] = {"start", NULL};

static struct world {
    struct kafka_fixture kafka;
    const char *crossing; // what the consumer asks for meanwhile, as the log says it
    pthread_mutex_t lock; // all below
    pthread_cond_t moved;
    struct kafka_consumer *consumer;
    atomic_bool starting; // librdkafka starts a partition: its thread is held
    atomic_bool asked;    // the consumer asks for that: so is its own
    int seen[PARTITIONS];
} world = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

static struct timespec
in_ms(int64_t ms)
{
    int64_t at_ms = clock_wall_ms() + ms;
    return (struct timespec){.tv_sec = (time_t)(at_ms / 1000),
                             .tv_nsec = (long)(at_ms % 1000) * 1000000};
}

// Says that the thread is at `mine` and waits until the other is at `theirs`, or until
// it is plain that it cannot get there while this one waits.
static void
meet(atomic_bool *mine, const atomic_bool *theirs)
{
    const struct timespec until = in_ms(HELD_MS);
    int late = 0;
    pthread_mutex_lock(&world.lock);
    atomic_store(mine, true);
    pthread_cond_broadcast(&world.moved);
    while (!atomic_load(theirs) && late == 0)
        late = pthread_cond_timedwait(&world.moved, &world.lock, &until);
    pthread_mutex_unlock(&world.lock);
}

static void
overhear(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    const struct timespec queued = {.tv_nsec = QUEUED_MS * 1000000L};
    (void)rk;
    (void)level;
    if (!atomic_load(&world.asked) && strstr(text, world.crossing) != NULL)
        meet(&world.asked, &world.starting);
    if (atomic_load(&world.starting) || strcmp(facility, "CONSUMER") != 0
        || strstr(text, "Start consuming") == NULL)
        return;
    meet(&world.starting, &world.asked);
    nanosleep(&queued, NULL); // allowed: nobody is told of what is queued
}

typedef void log_cb(const rd_kafka_t *, int, const char *, const char *);
typedef void set_log_cb(rd_kafka_conf_t *, log_cb *);

// In place of librdkafka's, which has no other way to hear what it says.
void
rd_kafka_conf_set_log_cb(rd_kafka_conf_t *conf, log_cb *cb)
{
    void *real = dlsym(RTLD_NEXT, "rd_kafka_conf_set_log_cb");
    set_log_cb *set;
    (void)cb;
    assert_non_null(real);
    memcpy(&set, &real, sizeof set); // C has no cast for it
    set(conf, overhear);
}

static void
assigned(void *owner, const int32_t *partitions, int count, uint64_t generation)
{
    (void)owner, (void)partitions;
    assert_int_equal(count, PARTITIONS);
    pthread_mutex_lock(&world.lock);
    kafka_consumer_ready(world.consumer, generation);
    pthread_mutex_unlock(&world.lock);
}

static void
revoked(void *owner)
{
    (void)owner;
}

static void
records(void *owner, struct record *first)
{
    (void)owner;
    while (first != NULL) {
        struct record *record = first;
        first = record->next;
        pthread_mutex_lock(&world.lock);
        world.seen[record->partition]++;
        kafka_consumer_done(world.consumer, record);
        pthread_cond_broadcast(&world.moved);
        pthread_mutex_unlock(&world.lock);
        record_free(record);
    }
}

static bool
paused(void *owner)
{
    (void)owner;
    return false;
}

static void
produce_one_each(void)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    assert_int_equal(rd_kafka_conf_set(conf, "bootstrap.servers", world.kafka.brokers,
                                       why, sizeof why),
                     RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, topics[0], NULL);
    for (int i = 0; i < PARTITIONS; i++)
        assert_int_equal(
            rd_kafka_produce(topic, i, RD_KAFKA_MSG_F_COPY, "x", 1, NULL, 0, NULL), 0);
    rd_kafka_topic_destroy(topic);
    assert_int_equal(rd_kafka_flush(rk, LONG_MS), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_destroy(rk);
}

static bool
all_seen(void)
{
    for (int i = 0; i < PARTITIONS; i++)
        if (world.seen[i] == 0)
            return false;
    return true;
}

static void
wait_until_all_seen(void)
{
    const struct timespec until = in_ms(LONG_MS);
    int late = 0;
    pthread_mutex_lock(&world.lock);
    while (!all_seen() && late == 0)
        late = pthread_cond_timedwait(&world.moved, &world.lock, &until);
    pthread_mutex_unlock(&world.lock);
}

static void
every_partition_is_fetched_from(const char *group, const char *crossing)
{
    struct error err = {0};
    const struct kafka_consumer_options options = {
        .brokers = world.kafka.brokers,
        .group = group,
        .client_id = group,
        .topics = topics,
        .reset = "earliest",
        .high_water = 100,
        .owner = {NULL, assigned, revoked, records, paused},
    };
    world.crossing = crossing;
    atomic_store(&world.starting, false);
    atomic_store(&world.asked, false);
    memset(world.seen, 0, sizeof world.seen);
    // So late that the consumer gets there before librdkafka hears where they begin.
    assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
                         world.kafka.cluster, 1, OFFSET_FETCH, 1,
                         RD_KAFKA_RESP_ERR_NO_ERROR, ANSWER_MS),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    pthread_mutex_lock(&world.lock); // its thread may be faster than this one
    world.consumer = kafka_consumer_open(&options, &err);
    pthread_mutex_unlock(&world.lock);
    assert_non_null(world.consumer);
    wait_until_all_seen();
    kafka_consumer_stop(world.consumer);
    kafka_consumer_free(world.consumer);
    assert_true(atomic_load(&world.starting) && atomic_load(&world.asked));
    assert_true(all_seen());
}

static void
a_partition_that_starts_while_it_is_paused(void **state)
{
    (void)state;
    every_partition_is_fetched_from("pause", "Application pausing");
}

static void
a_partition_that_starts_while_it_is_resumed(void **state)
{
    (void)state;
    every_partition_is_fetched_from("resume", "Application resuming");
}

static int
begin(void **state)
{
    (void)state;
    setenv("KAFKA_DEBUG", "topic", 1); // NOLINT(concurrency-mt-unsafe): one thread yet
    kafka_fixture_start(&world.kafka);
    produce_one_each();
    return 0;
}

static int
end(void **state)
{
    (void)state;
    kafka_fixture_stop(&world.kafka);
    return 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_partition_that_starts_while_it_is_paused),
        cmocka_unit_test(a_partition_that_starts_while_it_is_resumed),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
