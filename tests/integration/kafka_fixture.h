// tests/integration/kafka_fixture.h - Kafka for one test program: librdkafka's mock
// cluster for one test program: it keeps 5 MiB per partition in memory, and makes
// topics (4 partitions) when they are first asked for.
#ifndef RELAIS_KAFKA_FIXTURE_H
#define RELAIS_KAFKA_FIXTURE_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdbool.h>
#include <stddef.h>

struct kafka_fixture {
    rd_kafka_t *rk; // owns the cluster's thread
    rd_kafka_mock_cluster_t *cluster;
    char brokers[200];
};

// A real broker: as slow to start as it is real. It is removed when the program ends.
struct kafka_broker {
    char dir[64];
    char brokers[64];
};

void kafka_broker_start(struct kafka_broker *broker);
void kafka_broker_stop(struct kafka_broker *broker);

void kafka_fixture_start(struct kafka_fixture *fixture);
void kafka_fixture_stop(struct kafka_fixture *fixture);

// Takes the one broker away, or brings it back.
void kafka_fixture_down(struct kafka_fixture *fixture);
void kafka_fixture_up(struct kafka_fixture *fixture);

// Calls see() for each record of a topic, partition by partition in order, until it has
// returned false or `most` records were seen; waits for those that are missing, at most
// timeout_ms in all. Returns how many there were. brokers: of any cluster.
typedef bool kafka_fixture_see(void *ctx, const rd_kafka_message_t *message);
size_t kafka_fixture_read(const char *brokers, const char *topic, size_t most,
                          int timeout_ms, kafka_fixture_see *see, void *ctx);

// How many records a topic holds.
size_t kafka_fixture_count(const char *brokers, const char *topic);

// A header of a record as text, "" if it has none; belongs to the record.
const char *kafka_fixture_header(const rd_kafka_message_t *message, const char *name);

#endif
