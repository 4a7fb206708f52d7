// tests/bench/fill.c - fills a topic for measurements: plain records with headers key
// and seq, keys k0 .. k<keys-1> in turn.
//
//   relais-fill <brokers> <topic> <records> <keys> <value bytes> [first seq]
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static rd_kafka_t *
open_producer(const char *brokers)
{
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {
        {"bootstrap.servers", brokers},
        {"enable.idempotence", "true"},
        {"partitioner", "murmur2_random"},
        {"linger.ms", "5"},
        {"queue.buffering.max.messages", "1000000"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (rk == NULL) {
        fprintf(stderr, "%s\n", text);
        exit(1);
    }
    return rk;
}

static void
make_topic(rd_kafka_t *rk, const char *topic)
{
    char text[256];
    rd_kafka_NewTopic_t *new_topic =
        rd_kafka_NewTopic_new(topic, 12, 1, text, sizeof text);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_CreateTopics(rk, &new_topic, 1, NULL, queue);
    rd_kafka_event_destroy(rd_kafka_queue_poll(queue, 10000));
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(new_topic);
}

static void
produce(rd_kafka_t *rk, const char *topic, const char *key, const char *seq,
        char *value)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
    rd_kafka_header_add(headers, "key", -1, key, -1);
    rd_kafka_header_add(headers, "seq", -1, seq, -1);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)(size_t)key, strlen(key)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, strlen(value)}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *error;
    while ((error = rd_kafka_produceva(rk, parts, sizeof parts / sizeof parts[0]))
           != NULL) {
        rd_kafka_error_destroy(error); // the queue is full
        rd_kafka_poll(rk, 10);
    }
}

int
main(int argc, char **argv)
{
    if (argc < 6) {
        fprintf(stderr,
                "usage: relais-fill <brokers> <topic> <records> <keys> <bytes>\n");
        return 2;
    }
    long records = strtol(argv[3], NULL, 10);
    long keys = strtol(argv[4], NULL, 10);
    long bytes = strtol(argv[5], NULL, 10);
    long first = argc > 6 ? strtol(argv[6], NULL, 10) : 0;
    rd_kafka_t *rk = open_producer(argv[1]);
    char *value = calloc(1, (size_t)bytes + 1);
    if (value == NULL)
        return 1;
    memset(value, 'x', (size_t)bytes);
    make_topic(rk, argv[2]);
    for (long i = 0; i < records; i++) {
        char key[32];
        char seq[32];
        snprintf(key, sizeof key, "k%ld", i % keys);
        snprintf(seq, sizeof seq, "%ld", first + i / keys);
        produce(rk, argv[2], key, seq, value);
        if (i % 1000 == 0)
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_resp_err_t code = rd_kafka_flush(rk, 60000);
    rd_kafka_destroy(rk);
    free(value);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR ? 0 : 1;
}
