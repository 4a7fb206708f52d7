// tests/runtime/kafka_tool.c - Kafka for tests that are no C. One JSON object a line
// comes in, one or more go out; bytes are in hex. Usage: runtime_kafka <brokers>
//
//   {"do":"create","topics":[...],"partitions":n}       {"ok":true}
//   {"do":"produce","topic":t,"partition":p?,"key":hex?,"payload":hex?,
//    "headers":[[name,hex],...]}                        nothing: see flush
//   {"do":"flush"}                  {"delivered":n,"failed":n} since the last one
//   {"do":"read","topic":t,"from":[offset,...]}
//                   a line a record that is there now, by partition from that offset (0
//                   if it is not in the list), then {"end":true}
//   {"do":"committed","group":g,"topic":t}              {"committed":n,"end":n} in all
#include <json-c/json.h>
#include <librdkafka/rdkafka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

enum { PATIENCE_MS = 30000, LINE = 8 << 20, HEADERS = 100 };

struct tool {
    const char *brokers;
    rd_kafka_t *producer;
    long long delivered, failed;
};

struct bytes {
    char *data; // NULL: none
    size_t length;
};

static void
die(const char *what, const char *why)
{
    fprintf(stderr, "runtime_kafka: %s: %s\n", what, why);
    exit(1);
}

static void
say(struct json_object *line)
{
    puts(json_print(line, NULL));
    fflush(stdout);
    json_drop(line);
}

static unsigned
digit(char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;
    if (at == NULL)
        die("hex", "not a digit");
    return (unsigned)(at - digits);
}

static struct bytes
unhex(struct json_object *value)
{
    struct bytes bytes = {0};
    if (value == NULL)
        return bytes;
    const char *text = json_object_get_string(value);
    bytes.length = strlen(text) / 2;
    bytes.data = str_alloc(bytes.length + 1);
    for (size_t i = 0; i < bytes.length; i++)
        bytes.data[i] = (char)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    return bytes;
}

static struct json_object *
hex(const void *data, size_t length)
{
    if (data == NULL)
        return NULL;
    struct str text;
    str_begin(&text, length * 2 + 1);
    for (size_t i = 0; i < length; i++)
        str_printf(&text, "%02x", ((const unsigned char *)data)[i]);
    struct json_object *string =
        json_object_new_string_len(text.data, (int)text.length);
    str_end(&text);
    return string;
}

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct tool *tool = opaque;
    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset >= 0)
        tool->delivered++;
    else
        tool->failed++;
}

static rd_kafka_t *
open_handle(struct tool *tool, rd_kafka_type_t type, const char *group)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {
        {"bootstrap.servers", tool->brokers},
        {type == RD_KAFKA_PRODUCER ? "partitioner" : "group.id",
         type == RD_KAFKA_PRODUCER ? "murmur2_random" : group},
        {type == RD_KAFKA_PRODUCER ? "enable.idempotence" : "enable.auto.commit",
         type == RD_KAFKA_PRODUCER ? "true" : "false"},
        {"topic.metadata.refresh.interval.ms", "1000"},
        // A topic that was just made is not known at the first question.
        {"topic.metadata.refresh.fast.interval.ms", "20"},
        {"reconnect.backoff.max.ms", "500"},
    };
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], why, sizeof why)
            != RD_KAFKA_CONF_OK)
            die(settings[i][0], why);
    }
    if (type == RD_KAFKA_PRODUCER)
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, tool);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (rk == NULL)
        die("client", why);
    return rk;
}

static void
create(struct tool *tool, struct json_object *order)
{
    struct json_object *topics = json_at(order, "topics");
    size_t count = json_object_array_length(topics);
    rd_kafka_NewTopic_t **list = str_calloc(count, sizeof(rd_kafka_NewTopic_t *));
    char why[256];
    for (size_t i = 0; i < count; i++)
        list[i] = rd_kafka_NewTopic_new(
            json_object_get_string(json_object_array_get_idx(topics, i)),
            (int)json_i64_or(order, "partitions", 1), 1, why, sizeof why);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(tool->producer);
    rd_kafka_CreateTopics(tool->producer, list, count, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, PATIENCE_MS);
    if (event == NULL || rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die("create", "not created");
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy_array(list, count);
    free(list);
    struct json_object *line = json_object_new_object();
    json_set_bool(line, "ok", true);
    say(line);
}

static rd_kafka_headers_t *
headers_of(struct json_object *list)
{
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(count);
    for (size_t i = 0; i < count; i++) {
        struct json_object *pair = json_object_array_get_idx(list, i);
        struct bytes value = unhex(json_object_array_get_idx(pair, 1));
        rd_kafka_header_add(headers,
                            json_object_get_string(json_object_array_get_idx(pair, 0)),
                            -1, value.data, (ssize_t)value.length);
        free(value.data);
    }
    return headers;
}

static void
produce(struct tool *tool, struct json_object *order)
{
    struct bytes key = unhex(json_at(order, "key"));
    struct bytes payload = unhex(json_at(order, "payload"));
    int32_t partition = (int32_t)json_i64_or(order, "partition", RD_KAFKA_PARTITION_UA);
    rd_kafka_headers_t *headers = headers_of(json_at(order, "headers"));
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = json_string_or(order, "topic", "")},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {key.data, key.length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {payload.data, payload.length}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
    };
    rd_kafka_error_t *failure =
        rd_kafka_produceva(tool->producer, parts, sizeof parts / sizeof parts[0]);
    if (failure != NULL)
        die("produce", rd_kafka_error_string(failure));
    rd_kafka_poll(tool->producer, 0);
    free(key.data);
    free(payload.data);
}

static void
flush(struct tool *tool)
{
    rd_kafka_flush(tool->producer, PATIENCE_MS);
    struct json_object *line = json_object_new_object();
    json_set_i64(line, "delivered", tool->delivered);
    json_set_i64(line, "failed", tool->failed + rd_kafka_outq_len(tool->producer));
    tool->delivered = tool->failed = 0;
    say(line);
}

static int
partitions_of(rd_kafka_t *rk, const char *topic)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(rk, topic, NULL);
    if (rd_kafka_metadata(rk, 0, handle, &metadata, PATIENCE_MS) != 0)
        die(topic, "no metadata");
    int count = metadata->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(handle);
    return count;
}

static int64_t
end_of(rd_kafka_t *rk, const char *topic, int32_t partition)
{
    int64_t low;
    int64_t high = 0;
    if (rd_kafka_query_watermark_offsets(rk, topic, partition, &low, &high, PATIENCE_MS)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(topic, "no watermarks");
    return high;
}

static void
say_record(const rd_kafka_message_t *message)
{
    struct json_object *line = json_object_new_object();
    struct json_object *headers = json_object_new_array();
    rd_kafka_headers_t *list;
    const char *name;
    const void *value;
    size_t length;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        list = NULL;
    for (size_t i = 0; list != NULL
                       && rd_kafka_header_get_all(list, i, &name, &value, &length)
                              == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++) {
        struct json_object *pair = json_object_new_array();
        json_object_array_add(pair, json_object_new_string(name));
        json_object_array_add(pair, hex(value, length));
        json_object_array_add(headers, pair);
    }
    json_set_i64(line, "partition", message->partition);
    json_set_i64(line, "offset", message->offset);
    json_object_object_add(line, "key", hex(message->key, message->key_len));
    json_object_object_add(line, "payload", hex(message->payload, message->len));
    json_object_object_add(line, "headers", headers);
    say(line);
}

// Until so many partitions have been read up to where they end now.
static void
read_until(rd_kafka_t *rk, const int64_t ends[], int partitions)
{
    while (partitions > 0) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, PATIENCE_MS);
        if (message == NULL)
            die("read", "no record came");
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR
            && message->offset < ends[message->partition]) {
            say_record(message);
            partitions -= message->offset + 1 == ends[message->partition];
        }
        rd_kafka_message_destroy(message);
    }
}

static void
read_topic(struct tool *tool, struct json_object *order)
{
    const char *topic = json_string_or(order, "topic", "");
    struct json_object *from = json_array_or_null(order, "from");
    rd_kafka_t *rk = open_handle(tool, RD_KAFKA_CONSUMER, "runtime-test");
    rd_kafka_poll_set_consumer(rk);
    int count = partitions_of(rk, topic);
    int64_t *ends = str_calloc((size_t)count, sizeof *ends);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t partition = 0; partition < count; partition++) {
        int64_t next =
            json_object_get_int64(json_object_array_get_idx(from, (size_t)partition));
        ends[partition] = end_of(rk, topic, partition);
        if (next < ends[partition])
            rd_kafka_topic_partition_list_add(list, topic, partition)->offset = next;
    }
    if (list->cnt > 0) {
        rd_kafka_assign(rk, list);
        read_until(rk, ends, list->cnt);
        rd_kafka_consumer_close(rk);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    free(ends);
    struct json_object *line = json_object_new_object();
    json_set_bool(line, "end", true);
    say(line);
}

static void
committed(struct tool *tool, struct json_object *order)
{
    const char *topic = json_string_or(order, "topic", "");
    rd_kafka_t *rk =
        open_handle(tool, RD_KAFKA_CONSUMER, json_string_or(order, "group", ""));
    int count = partitions_of(rk, topic);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(count);
    for (int32_t partition = 0; partition < count; partition++)
        rd_kafka_topic_partition_list_add(list, topic, partition);
    if (rd_kafka_committed(rk, list, PATIENCE_MS) != RD_KAFKA_RESP_ERR_NO_ERROR)
        die(topic, "no committed offsets");
    int64_t sum = 0;
    int64_t end = 0;
    for (int i = 0; i < list->cnt; i++) {
        sum += list->elems[i].offset > 0 ? list->elems[i].offset : 0;
        end += end_of(rk, topic, list->elems[i].partition);
    }
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_destroy(rk);
    struct json_object *line = json_object_new_object();
    json_set_i64(line, "committed", sum);
    json_set_i64(line, "end", end);
    say(line);
}

static const struct verb {
    const char *name;
    void (*run)(struct tool *tool, struct json_object *order);
} verbs[] = {
    {"create", create},
    {"produce", produce},
    {"read", read_topic},
    {"committed", committed},
    {0},
};

static void
obey(struct tool *tool, struct json_object *order)
{
    const char *name = json_string_or(order, "do", "");
    if (strcmp(name, "flush") == 0) {
        flush(tool);
        return;
    }
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0) {
            verb->run(tool, order);
            return;
        }
    }
    die(name, "not a verb");
}

int
main(int argc, char **argv)
{
    if (argc != 2)
        die("usage", "runtime_kafka <brokers>");
    struct tool tool = {.brokers = argv[1]};
    char *line = str_alloc(LINE);
    tool.producer = open_handle(&tool, RD_KAFKA_PRODUCER, NULL);
    while (fgets(line, LINE, stdin) != NULL) {
        struct json_object *order = json_parse_raw(line, strlen(line));
        if (order == NULL)
            die("line", "not JSON");
        obey(&tool, order);
        json_drop(order);
    }
    rd_kafka_destroy(tool.producer);
    free(line);
    return 0;
}
