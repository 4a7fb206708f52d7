#include "common/kafka_reader.h"

#include <librdkafka/rdkafka.h>

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kafka_config.h"
#include "common/str.h"

enum {
    ANSWER_MS = 10 * 1000, // patience with a broker
    HEADERS_MAX = 64,
};

struct kafka_reader {
    rd_kafka_t *rk;
};

static bool
kafka_failed(struct error *err, const char *what, rd_kafka_resp_err_t code)
{
    error_retryable(err, "kafka: %s: %s", what, rd_kafka_err2str(code));
    err->service = "kafka";
    return false;
}

struct kafka_reader *
kafka_reader_open(const char *brokers, const char *group, struct error *err)
{
    const struct kafka_property fixed[] = {
        {"group.id", group == NULL ? "relais-reader" : group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.partition.eof", "true"},
        {"auto.offset.reset", "earliest"},
        {"isolation.level", "read_committed"},
        {0},
    };
    static const struct kafka_property defaults[] = {
        {"client.id", "relais-reader"},
        {"queued.max.messages.kbytes", "4096"},
        {0},
    };
    char why[256];
    rd_kafka_conf_t *conf = kafka_config_new(brokers, defaults, fixed, err);

    if (conf == NULL)
        return NULL;
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        error_permanent(err, "kafka: %s", why);
        return NULL;
    }
    rd_kafka_poll_set_consumer(rk);
    struct kafka_reader *reader = str_calloc(1, sizeof *reader);
    reader->rk = rk;
    return reader;
}

void
kafka_reader_close(struct kafka_reader *reader)
{
    rd_kafka_consumer_close(reader->rk);
    rd_kafka_destroy(reader->rk);
    free(reader);
}

bool
kafka_reader_partitions(struct kafka_reader *reader, const char *topic, int32_t *count,
                        struct error *err)
{
    const struct rd_kafka_metadata *meta;
    rd_kafka_topic_t *handle = rd_kafka_topic_new(reader->rk, topic, NULL);

    if (handle == NULL)
        return error_permanent(err, "kafka: \"%s\" is not a topic's name", topic);
    rd_kafka_resp_err_t code =
        rd_kafka_metadata(reader->rk, 0, handle, &meta, ANSWER_MS);
    rd_kafka_topic_destroy(handle);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_failed(err, topic, code);
    *count = 0;
    if (meta->topic_cnt == 1 && meta->topics[0].err == RD_KAFKA_RESP_ERR_NO_ERROR)
        *count = meta->topics[0].partition_cnt;
    rd_kafka_metadata_destroy(meta);
    return true;
}

bool
kafka_reader_range(struct kafka_reader *reader, const char *topic, int32_t partition,
                   int64_t *low, int64_t *high, struct error *err)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        reader->rk, topic, partition, low, high, ANSWER_MS);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_failed(err, topic, code);
}

bool
kafka_reader_committed(struct kafka_reader *reader, const char *topic,
                       int32_t partition, int64_t *offset, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition);
    rd_kafka_resp_err_t code = rd_kafka_committed(reader->rk, list, ANSWER_MS);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR)
        code = list->elems[0].err;
    int64_t committed = list->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(list);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_failed(err, topic, code);
    *offset = committed < 0 ? -1 : committed;
    return true;
}

// Header values are copied only to get their NUL; the caller frees them.
static size_t
read_headers(const rd_kafka_message_t *message, struct record_header out[HEADERS_MAX])
{
    rd_kafka_headers_t *headers;
    size_t count = 0;

    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    const char *name;
    const void *value;
    size_t length;
    while (count < HEADERS_MAX
           && rd_kafka_header_get_all(headers, count, &name, &value, &length)
                  == RD_KAFKA_RESP_ERR_NO_ERROR) {
        out[count] = (struct record_header){
            .name = name,
            .value = value == NULL ? NULL : str_ndup(value, length),
            .length = value == NULL ? 0 : length,
        };
        count++;
    }
    return count;
}

static struct record *
copy_message(const rd_kafka_message_t *message)
{
    struct record_header headers[HEADERS_MAX];
    size_t count = read_headers(message, headers);
    const struct record borrowed = {
        .topic = rd_kafka_topic_name(message->rkt),
        .partition = message->partition,
        .offset = message->offset,
        .key = message->key,
        .key_length = message->key_len,
        .payload = message->payload,
        .payload_length = message->len,
        .headers = headers,
        .header_count = count,
    };
    struct record *record = record_copy(&borrowed);
    for (size_t i = 0; i < count; i++)
        free((char *)headers[i].value);
    return record;
}

static bool
assign(struct kafka_reader *reader, const char *topic, int32_t partition,
       int64_t offset, struct error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);

    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_resp_err_t code = rd_kafka_assign(reader->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return code == RD_KAFKA_RESP_ERR_NO_ERROR || kafka_failed(err, topic, code);
}

// One poll. *over: nothing more to come, or visit has had enough. Transactions leave
// gaps, so the end of the partition, not the last offset, is what ends the reading.
static bool
read_next(struct kafka_reader *reader, int64_t high,
          const struct kafka_reader_visitor *visitor, bool *over, struct error *err)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(reader->rk, ANSWER_MS);
    if (message == NULL)
        return error_retryable(err, "kafka: no answer within %d s", ANSWER_MS / 1000);
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        *over = true;
        rd_kafka_message_destroy(message);
        return true;
    }
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bool ok = kafka_failed(err, rd_kafka_message_errstr(message), message->err);
        rd_kafka_message_destroy(message);
        return ok;
    }
    *over = message->offset >= high;
    if (!*over) {
        struct record *record = copy_message(message);
        *over = !visitor->visit(visitor->arg, record) || record->offset + 1 >= high;
        record_free(record);
    }
    rd_kafka_message_destroy(message);
    return true;
}

bool
kafka_reader_each(struct kafka_reader *reader, const char *topic, int32_t partition,
                  int64_t from, const struct kafka_reader_visitor *visitor,
                  struct error *err)
{
    int64_t low;
    int64_t high;

    if (!kafka_reader_range(reader, topic, partition, &low, &high, err))
        return false;
    if (from < low)
        from = low;
    if (from >= high)
        return true;
    if (!assign(reader, topic, partition, from, err))
        return false;
    bool over = false;
    bool good = true;
    while (good && !over)
        good = read_next(reader, high, visitor, &over, err);
    rd_kafka_assign(reader->rk, NULL);
    return good;
}

struct wanted {
    int64_t offset;
    struct record *record;
};

static bool
keep_wanted(void *arg, const struct record *record)
{
    struct wanted *wanted = arg;
    if (record->offset == wanted->offset)
        wanted->record = record_copy(record);
    return false; // the first one decides: a gap gives a later offset
}

bool
kafka_reader_one(struct kafka_reader *reader, const char *topic, int32_t partition,
                 int64_t offset, struct record **record, struct error *err)
{
    struct wanted wanted = {.offset = offset};

    const struct kafka_reader_visitor visitor = {keep_wanted, &wanted};
    if (!kafka_reader_each(reader, topic, partition, offset, &visitor, err))
        return false;
    *record = wanted.record;
    return true;
}
