#include "tests/integration/kafka_fixture.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/str.h"
#include "tests/integration/script.h"

void
kafka_fixture_start(struct kafka_fixture *fixture)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    fixture->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    assert_non_null(fixture->rk);
    fixture->cluster = rd_kafka_mock_cluster_new(fixture->rk, 1);
    assert_non_null(fixture->cluster);
    snprintf(fixture->brokers, sizeof fixture->brokers, "%s",
             rd_kafka_mock_cluster_bootstraps(fixture->cluster));
}

void
kafka_fixture_stop(struct kafka_fixture *fixture)
{
    rd_kafka_mock_cluster_destroy(fixture->cluster);
    rd_kafka_destroy(fixture->rk);
}

void
kafka_fixture_down(struct kafka_fixture *fixture)
{
    assert_int_equal(rd_kafka_mock_broker_set_down(fixture->cluster, 1), 0);
}

void
kafka_fixture_up(struct kafka_fixture *fixture)
{
    assert_int_equal(rd_kafka_mock_broker_set_up(fixture->cluster, 1), 0);
}

void
kafka_broker_start(struct kafka_broker *broker)
{
    char pid[24];
    char line[160];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    script_run("kafka.sh", "start", pid, line, sizeof line);
    char *blank = strchr(line, ' ');
    assert_non_null(blank);
    *blank = '\0';
    assert_true(str_copy(broker->dir, sizeof broker->dir, line));
    assert_true(str_copy(broker->brokers, sizeof broker->brokers, blank + 1));
}

void
kafka_broker_stop(struct kafka_broker *broker)
{
    script_run("kafka.sh", "stop", broker->dir, NULL, 0);
}

static rd_kafka_t *
reader(const char *brokers)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"group.id", "fixture"},
        {"enable.auto.commit", "false"},
        {"auto.offset.reset", "earliest"},
        {"fetch.wait.max.ms", "50"},
        {"fetch.error.backoff.ms", "50"},
        {"topic.metadata.refresh.interval.ms", "500"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        assert_int_equal(
            rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why),
            RD_KAFKA_CONF_OK);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    assert_non_null(rk);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

static int
partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    int count = 0;

    if (rd_kafka_metadata(rk, 0, handle, &metadata, 10000) == 0) {
        count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(handle);
    assert_true(count > 0);
    return count;
}

static void
assign_all(rd_kafka_t *rk, const char *topic)
{
    int count = partitions_of(rk, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);

    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list, topic, i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    assert_int_equal(rd_kafka_assign(rk, list), 0);
    rd_kafka_topic_partition_list_destroy(list);
}

size_t
kafka_fixture_read(const char *brokers, const char *topic, size_t most, int timeout_ms,
                   kafka_fixture_see *see, void *ctx)
{
    rd_kafka_t *rk = reader(brokers);
    int64_t until_ms = clock_ms() + timeout_ms;
    size_t seen = 0;
    bool more = true;

    assign_all(rk, topic);
    while (more && seen < most && clock_ms() < until_ms) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, 100);
        if (message == NULL)
            continue;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            seen++;
            more = see(ctx, message);
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return seen;
}

size_t
kafka_fixture_count(const char *brokers, const char *topic)
{
    rd_kafka_t *rk = reader(brokers);
    int partitions = partitions_of(rk, topic);
    size_t count = 0;

    for (int i = 0; i < partitions; i++) {
        int64_t low = 0;
        int64_t high = 0;
        assert_int_equal(
            rd_kafka_query_watermark_offsets(rk, topic, i, &low, &high, 10000), 0);
        count += (size_t)(high - low);
    }
    rd_kafka_destroy(rk);
    return count;
}

const char *
kafka_fixture_header(const rd_kafka_message_t *message, const char *name)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t length;

    if (rd_kafka_message_headers(message, &headers) != 0
        || rd_kafka_header_get_last(headers, name, &value, &length) != 0)
        return "";
    return value; // librdkafka puts a NUL behind it
}
