#include "common/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kafka_config.h"
#include "common/log.h"
#include "common/str.h"

enum {
    POLL_MS = 100,         // longest the thread sleeps; reports wake it at once
    PROBE_EVERY_MS = 1000, // how often a broker that is away is asked for
    PROBE_MS = 500,
    AWAY_MS = 3000, // unreachable for so long is worth a line in the log
    REASON_BYTES = 200,
    PURGE_MS = 5000, // until librdkafka's threads have handed back what was purged
    QUEUE_KBYTES = 16 * 1024,
    RECORD_BYTES = 1000 * 1000, // librdkafka's own
};

struct kafka_producer {
    rd_kafka_t *rk;
    kafka_delivered *delivered;
    void *owner;
    pthread_t thread;
    int64_t record_bytes;
    int64_t flush_ms; // written before `stop`
    int64_t probe_at_ms;
    int64_t reached_ms; // when a broker was there last
    bool told_away;
    pthread_mutex_t lock;
    char reason[REASON_BYTES]; // librdkafka's last words on a broker; under the lock
    atomic_bool stop;
    atomic_bool dead;
    atomic_bool reachable;
};

// Without an offset it was not the broker who said that it has the record: librdkafka
// concluded it from what became of others (rd_kafka_dr_implicit_ack()).
static const char unconfirmed[] = "not confirmed: the broker named no offset";

static void
on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_producer *producer = opaque;
    const char *error = NULL;

    (void)rk;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR)
        error = rd_kafka_err2str(message->err);
    else if (message->offset < 0)
        error = unconfirmed;
    if (error == NULL)
        atomic_store(&producer->reachable, true);
    if (producer->delivered != NULL)
        producer->delivered(producer->owner, message->_private, message->partition,
                            error == NULL ? message->offset : -1, error);
}

static void
on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_producer *producer = opaque;

    (void)rk;
    if (code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        pthread_mutex_lock(&producer->lock);
        str_copy(producer->reason, sizeof producer->reason, reason);
        pthread_mutex_unlock(&producer->lock);
    }
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->dead, true);
    if (code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
        atomic_store(&producer->reachable, false);
}

// librdkafka tells when the last broker went away, not when the first came back.
static void
probe(struct kafka_producer *producer)
{
    const struct rd_kafka_metadata *metadata = NULL;

    if (atomic_load(&producer->reachable) || clock_ms() < producer->probe_at_ms)
        return;
    producer->probe_at_ms = clock_ms() + PROBE_EVERY_MS;
    if (rd_kafka_metadata(producer->rk, 0, NULL, &metadata, PROBE_MS)
        != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_metadata_destroy(metadata);
    atomic_store(&producer->reachable, true);
}

static void
tell(struct kafka_producer *producer)
{
    char why[400];
    int64_t now = clock_ms();

    if (atomic_load(&producer->reachable)) {
        producer->reached_ms = now;
        if (producer->told_away)
            log_info("kafka", "a broker answers");
        producer->told_away = false;
    } else if (!producer->told_away && now - producer->reached_ms >= AWAY_MS) {
        kafka_producer_trouble(producer, why, sizeof why);
        log_warn("kafka", "%s", why);
        producer->told_away = true;
    }
}

// What could not be sent in time comes back as failed, so that every record has its
// report.
static void
finish(struct kafka_producer *producer)
{
    int64_t flush_ms = producer->flush_ms;

    if (rd_kafka_flush(producer->rk, flush_ms > INT32_MAX ? INT32_MAX : (int)flush_ms)
        == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_purge(producer->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    int64_t until_ms = clock_ms() + PURGE_MS;
    while (rd_kafka_outq_len(producer->rk) > 0 && clock_ms() < until_ms)
        rd_kafka_poll(producer->rk, POLL_MS);
}

static void *
run(void *arg)
{
    struct kafka_producer *producer = arg;

    while (!atomic_load(&producer->stop)) {
        rd_kafka_poll(producer->rk, POLL_MS);
        probe(producer);
        tell(producer);
    }
    finish(producer);
    return NULL;
}

struct numbers {
    char timeout_ms[24];
    char linger_ms[24];
    char kbytes[24];
    char record_bytes[24];
};

static void
numbers_of(const struct kafka_producer_options *options, struct numbers *n)
{
    int64_t kbytes = options->max_queue_kbytes;

    snprintf(n->timeout_ms, sizeof n->timeout_ms, "%lld",
             (long long)options->message_timeout_ms);
    snprintf(n->linger_ms, sizeof n->linger_ms, "%lld", (long long)options->linger_ms);
    snprintf(n->kbytes, sizeof n->kbytes, "%lld",
             (long long)(kbytes > 0 ? kbytes : QUEUE_KBYTES));
    snprintf(
        n->record_bytes, sizeof n->record_bytes, "%lld",
        (long long)(options->record_bytes > 0 ? options->record_bytes : RECORD_BYTES));
}

static rd_kafka_conf_t *
configure(const struct kafka_producer_options *options, struct error *err)
{
    struct numbers n;

    numbers_of(options, &n);
    const struct kafka_property defaults[] = {
        {"client.id", options->client_id},        {"linger.ms", n.linger_ms},
        {"queue.buffering.max.kbytes", n.kbytes}, {"message.max.bytes", n.record_bytes},
        {"reconnect.backoff.max.ms", "2000"},     {0},
    };
    // Without idempotence retries reorder; with another partitioner than the Java
    // clients' one key would be split over two partitions. With several requests under
    // way a broker that was just started may refuse the first, as it does not lead the
    // partition yet, and take the second, as it knows no numbers of this producer yet:
    // librdkafka (2.0.2: rd_kafka_handle_idempotent_Produce_success()) then reports
    // both as delivered.
    const struct kafka_property fixed[] = {
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"max.in.flight.requests.per.connection", "1"},
        {"partitioner", "murmur2_random"},
        {"message.timeout.ms", n.timeout_ms},
        {0},
    };
    return kafka_config_new(options->brokers, defaults, fixed, err);
}

// What the environment or the options set.
static int64_t
record_bytes_of(rd_kafka_conf_t *conf)
{
    char text[24];
    size_t size = sizeof text;
    long long bytes = RECORD_BYTES;
    if (rd_kafka_conf_get(conf, "message.max.bytes", text, &size) != RD_KAFKA_CONF_OK
        || !str_to_i64(text, &bytes))
        return RECORD_BYTES;
    return bytes;
}

static bool
start(struct kafka_producer *producer, rd_kafka_conf_t *conf, struct error *err)
{
    char why[256];

    producer->record_bytes = record_bytes_of(conf);
    rd_kafka_conf_set_opaque(conf, producer);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_error_cb(conf, on_error);
    producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (producer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_permanent(
            err, "kafka: no producer with these KAFKA_* settings: %s", why);
    }
    if (pthread_create(&producer->thread, NULL, run, producer) == 0) {
        pthread_setname_np(producer->thread, "producer");
        return true;
    }
    rd_kafka_destroy(producer->rk);
    return error_retryable(err, "kafka: no thread for the producer");
}

struct kafka_producer *
kafka_producer_open(const struct kafka_producer_options *options, struct error *err)
{
    rd_kafka_conf_t *conf = configure(options, err);

    if (conf == NULL)
        return NULL;
    struct kafka_producer *producer = str_calloc(1, sizeof *producer);
    producer->delivered = options->delivered;
    producer->owner = options->owner;
    producer->reached_ms = clock_ms();
    pthread_mutex_init(&producer->lock, NULL);
    if (start(producer, conf, err))
        return producer;
    pthread_mutex_destroy(&producer->lock);
    free(producer);
    return NULL;
}

void
kafka_producer_close(struct kafka_producer *producer, int64_t flush_ms)
{
    if (producer == NULL)
        return;
    producer->flush_ms = flush_ms;
    atomic_store(&producer->stop, true);
    pthread_join(producer->thread, NULL);
    rd_kafka_destroy(producer->rk);
    pthread_mutex_destroy(&producer->lock);
    free(producer);
}

static rd_kafka_headers_t *
headers_of(const struct record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);

    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *h = &record->headers[i];
        if (rd_kafka_header_add(headers, h->name, -1, h->value, (ssize_t)h->length)
            != RD_KAFKA_RESP_ERR_NO_ERROR)
            abort(); // only without memory
    }
    return headers;
}

static bool
refused(rd_kafka_resp_err_t code, const struct record *record, struct error *err)
{
    const char *why = rd_kafka_err2str(code);

    if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
        || code == RD_KAFKA_RESP_ERR__INVALID_ARG
        || code == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
        || code == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
        || code == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION)
        error_permanent(err, "kafka: %s: %s", record->topic, why);
    else
        error_retryable(err, "kafka: %s: %s", record->topic, why);
    err->service = "kafka";
    return false;
}

bool
kafka_produce(struct kafka_producer *producer, const struct record *record,
              void *opaque, struct error *err)
{
    rd_kafka_headers_t *headers = headers_of(record);
    // F_COPY: librdkafka reads the payload, though its type is not const.
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)record->key, record->key_length}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)record->payload, record->payload_length}},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = opaque},
    };
    rd_kafka_error_t *failure =
        rd_kafka_produceva(producer->rk, parts, sizeof parts / sizeof parts[0]);

    if (failure == NULL)
        return true;
    rd_kafka_resp_err_t code = rd_kafka_error_code(failure);
    rd_kafka_error_destroy(failure);
    rd_kafka_headers_destroy(headers); // taken over only on success
    if (code == RD_KAFKA_RESP_ERR__FATAL)
        atomic_store(&producer->dead, true);
    return refused(code, record, err);
}

int64_t
kafka_producer_record_bytes(const struct kafka_producer *producer)
{
    return producer->record_bytes;
}

bool
kafka_producer_dead(struct kafka_producer *producer)
{
    return atomic_load(&producer->dead);
}

bool
kafka_producer_reachable(struct kafka_producer *producer)
{
    return atomic_load(&producer->reachable);
}

void
kafka_producer_trouble(struct kafka_producer *producer, char *why, size_t size)
{
    pthread_mutex_lock(&producer->lock);
    snprintf(why, size, "no broker of KAFKA_BROKERS answers%s%s",
             producer->reason[0] != '\0' ? ": " : "", producer->reason);
    pthread_mutex_unlock(&producer->lock);
}

bool
kafka_delivery_too_large(const char *error)
{
    return strcmp(error, rd_kafka_err2str(RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)) == 0;
}
