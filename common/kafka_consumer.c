#include "common/kafka_consumer_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/kafka_config.h"
#include "common/log.h"
#include "common/str.h"

enum {
    POLL_MS = 100,
    BATCH_RECORDS = 512,
    COMMIT_EVERY_MS = 1000,
    LAG_EVERY_MS = 5000,
};

static void set_fatal(struct kafka_consumer *consumer, const char *fmt, ...)
    ATTR_PRINTF(2, 3);

static void
set_fatal(struct kafka_consumer *consumer, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    char *copy = str_dup(text);
    char *none = NULL;
    if (!atomic_compare_exchange_strong(&consumer->fatal, &none, copy))
        free(copy);
}

struct kafka_slot *
kafka_consumer_slot(struct kafka_consumer *consumer, const char *topic,
                    int32_t partition)
{
    struct kafka_slot *last = consumer->last_slot;
    if (last != NULL && last->partition == partition && strcmp(last->topic, topic) == 0)
        return last;
    for (int i = 0; i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        if (slot->partition == partition && strcmp(slot->topic, topic) == 0)
            return consumer->last_slot = slot;
    }
    if (consumer->slot_count == KAFKA_SLOTS_MAX)
        abort();
    struct kafka_slot *slot = str_calloc(1, sizeof *slot);
    slot->topic = str_dup(topic);
    slot->partition = partition;
    pthread_mutex_init(&slot->lock, NULL);
    offsets_reset(&slot->offsets);
    consumer->slots[consumer->slot_count++] = slot;
    return slot;
}

// ---- polling

static void
copy_headers(const rd_kafka_message_t *message, struct record_header headers[64],
             struct record *record)
{
    rd_kafka_headers_t *list;
    if (rd_kafka_message_headers(message, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    const char *name;
    const void *value;
    size_t length;
    for (size_t i = 0; i < 64
                       && rd_kafka_header_get_all(list, i, &name, &value, &length)
                              == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        headers[record->header_count++] =
            (struct record_header){name, value != NULL ? value : "", length};
}

// A copy of the message, or NULL if it was handed over before or is not ours any more.
static struct record *
copy_fresh(struct kafka_consumer *consumer, const rd_kafka_message_t *message)
{
    struct record_header headers[64];
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct kafka_slot *slot = kafka_consumer_slot(consumer, topic, message->partition);
    pthread_mutex_lock(&slot->lock);
    bool fresh = slot->generation != 0 && offsets_seen(&slot->offsets, message->offset);
    uint64_t generation = slot->generation;
    pthread_mutex_unlock(&slot->lock);
    if (!fresh)
        return NULL;
    struct record record = {
        .topic = topic,
        .partition = message->partition,
        .offset = message->offset,
        .key = message->key,
        .key_length = message->key_len,
        .payload = message->payload,
        .payload_length = message->len,
        .headers = headers,
        .slot = slot,
        .generation = generation,
    };
    copy_headers(message, headers, &record);
    return record_copy(&record);
}

static void
note_error(struct kafka_consumer *consumer, rd_kafka_message_t *message)
{
    char text[200];
    if (message->err == RD_KAFKA_RESP_ERR__FATAL) {
        rd_kafka_fatal_error(consumer->rk, text, sizeof text);
        if (consumer->session_lost) {
            log_warn("kafka", "joins its group anew after a lost session: %s", text);
            consumer->anew = true;
            return;
        }
        atomic_store(&consumer->fenced, true);
        set_fatal(consumer, "the broker fenced this consumer: %s", text);
    } else if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
        set_fatal(
            consumer,
            "the group has no committed offset, or it was deleted by retention (%s); "
            "run relais topics",
            rd_kafka_message_errstr(message));
    }
}

static void
poll_batch(struct kafka_consumer *consumer)
{
    struct record *first = NULL;
    struct record **last = &first;
    int count = 0;
    int wait_ms = POLL_MS;
    rd_kafka_message_t *message;
    while (count < BATCH_RECORDS
           && (message = rd_kafka_consumer_poll(consumer->rk, wait_ms)) != NULL) {
        if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
            note_error(consumer, message);
            rd_kafka_message_destroy(message);
            break;
        }
        wait_ms = 0;
        struct record *record = copy_fresh(consumer, message);
        rd_kafka_message_destroy(message);
        if (record == NULL)
            continue;
        atomic_fetch_add(&((struct kafka_slot *)record->slot)->in_memory, 1);
        *last = record;
        last = &record->next;
        count++;
    }
    if (count == 0)
        return;
    atomic_fetch_add(&consumer->in_flight, count);
    consumer->owner.records(consumer->owner.owner, first);
}

// While it joins, librdkafka 2.0.2 would ask for the group's coordinator every 500 ms,
// but looks whether it is time only once a second, unless something wakes its thread: a
// question does. A group's first member, or one whose broker has restarted, waits for
// that.
static void
hurry_join(struct kafka_consumer *consumer)
{
    if (!atomic_load(&consumer->assigned))
        rd_kafka_mem_free(consumer->rk, rd_kafka_memberid(consumer->rk));
}

static void
join_anew(struct kafka_consumer *consumer)
{
    struct error err = {0};
    consumer->anew = consumer->session_lost = false;
    atomic_store(&consumer->waits, true);
    bool made = kafka_consumer_make(consumer, &err);
    atomic_store(&consumer->waits, false);
    if (made)
        return;
    atomic_store(&consumer->fenced, true); // a new process may have more luck
    set_fatal(consumer, "%s", err.text);
}

static void *
poll_main(void *arg)
{
    struct kafka_consumer *consumer = arg;
    while (!atomic_load(&consumer->stop) && atomic_load(&consumer->fatal) == NULL) {
        kafka_consumer_fetch(consumer);
        kafka_consumer_share(consumer);
        poll_batch(consumer);
        kafka_consumer_hurry_fetch(consumer);
        hurry_join(consumer);
        atomic_fetch_add(&consumer->polls, 1);
        atomic_store(&consumer->polled_ms, clock_ms());
        if (consumer->anew)
            join_anew(consumer);
        if (atomic_exchange(&consumer->rejoin, false))
            kafka_consumer_join_again(consumer);
        int64_t now = clock_ms();
        if (now >= consumer->commit_at_ms) {
            kafka_consumer_commit(consumer, false);
            consumer->commit_at_ms = now + COMMIT_EVERY_MS;
        }
        if (now >= consumer->lag_at_ms) {
            kafka_consumer_measure(consumer);
            consumer->lag_at_ms = now + LAG_EVERY_MS;
        }
    }
    rd_kafka_consumer_close(consumer->rk);
    return NULL;
}

// ---- opening and closing

static rd_kafka_conf_t *
make_config(const struct kafka_consumer_options *options, struct error *err)
{
    const struct kafka_property defaults[] = {
        // Who was killed, or lost its session while Kafka was away, is waited for so
        // long.
        {"session.timeout.ms", "6000"},
        {"heartbeat.interval.ms", "1500"},
        // The bound is in bytes: once the number of messages is reached, 2.0.2 looks at
        // the partition again only after a second.
        {"queued.min.messages", "100000"},
        {"queued.max.messages.kbytes", "4096"},
        // A fetch brings a little of every partition: keys of all of them run side by
        // side.
        {"fetch.message.max.bytes", "65536"},
        {"fetch.wait.max.ms", "100"},
        {"fetch.error.backoff.ms", "100"},
        {"reconnect.backoff.max.ms", "2000"},
        {"auto.offset.reset", options->reset},
        {"client.id", options->client_id},
        {0},
    };
    const struct kafka_property fixed[] = {
        {"group.id", options->group},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"partition.assignment.strategy", "range"},
        {0},
    };
    return kafka_config_new(options->brokers, defaults, fixed, err);
}

static void
read_property(const rd_kafka_conf_t *conf, const char *name, char text[32])
{
    size_t size = 32;
    if (rd_kafka_conf_get(conf, name, text, &size) != RD_KAFKA_CONF_OK)
        abort(); // it is a property of every version
}

static int64_t
session_ms(const rd_kafka_conf_t *conf)
{
    char text[32] = "";
    long long ms = 0;
    read_property(conf, "session.timeout.ms", text);
    if (!str_to_i64(text, &ms))
        abort();
    return ms;
}

static int64_t
reset_of(const rd_kafka_conf_t *conf)
{
    static const struct {
        const char *name;
        int64_t offset;
    } places[] = {
        {"smallest", RD_KAFKA_OFFSET_BEGINNING},
        {"earliest", RD_KAFKA_OFFSET_BEGINNING},
        {"beginning", RD_KAFKA_OFFSET_BEGINNING},
        {"largest", RD_KAFKA_OFFSET_END},
        {"latest", RD_KAFKA_OFFSET_END},
        {"end", RD_KAFKA_OFFSET_END},
        {NULL},
    };
    char text[32] = "";
    read_property(conf, "auto.offset.reset", text);
    for (size_t i = 0; places[i].name != NULL; i++)
        if (strcmp(places[i].name, text) == 0)
            return places[i].offset;
    return RD_KAFKA_OFFSET_INVALID; // "error"
}

static rd_kafka_topic_partition_list_t *
list_topics(const char *const *topics)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(8);
    for (const char *const *topic = topics; *topic != NULL; topic++)
        rd_kafka_topic_partition_list_add(list, *topic, RD_KAFKA_PARTITION_UA);
    return list;
}

static bool
start(struct kafka_consumer *consumer, struct error *err)
{
    if (!kafka_consumer_make(consumer, err))
        return false;
    if (pthread_create(&consumer->thread, NULL, poll_main, consumer) != 0)
        return error_fatal(err, "no thread for the consumer: raise the limit of tasks");
    pthread_setname_np(consumer->thread, "kafka-poll");
    return true;
}

struct kafka_consumer *
kafka_consumer_open(const struct kafka_consumer_options *options, struct error *err)
{
    rd_kafka_conf_t *conf = make_config(options, err);
    if (conf == NULL)
        return NULL;
    struct kafka_consumer *consumer = str_calloc(1, sizeof *consumer);
    consumer->owner = options->owner;
    consumer->session_ms = session_ms(conf);
    consumer->reset = reset_of(conf);
    atomic_store(&consumer->polled_ms, clock_ms());
    consumer->high_water = options->high_water;
    consumer->conf = conf;
    consumer->topics = list_topics(options->topics);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, kafka_consumer_on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, kafka_consumer_on_committed);
    if (start(consumer, err))
        return consumer;
    if (consumer->rk != NULL)
        rd_kafka_destroy(consumer->rk);
    kafka_consumer_free(consumer);
    return NULL;
}

void
kafka_consumer_ready(struct kafka_consumer *consumer, uint64_t generation)
{
    atomic_store(&consumer->ready, generation);
}

void
kafka_consumer_done(struct kafka_consumer *consumer, const struct record *record)
{
    struct kafka_slot *slot = record->slot;
    if (slot == NULL)
        return;
    kafka_consumer_drop(consumer, record);
    pthread_mutex_lock(&slot->lock);
    if (slot->generation == record->generation)
        offsets_done(&slot->offsets, record->offset);
    pthread_mutex_unlock(&slot->lock);
}

void
kafka_consumer_drop(struct kafka_consumer *consumer, const struct record *record)
{
    struct kafka_slot *slot = record->slot;
    if (slot == NULL)
        return;
    atomic_fetch_sub(&slot->in_memory, 1);
    atomic_fetch_sub(&consumer->in_flight, 1);
}

void
kafka_consumer_rejoin(struct kafka_consumer *consumer)
{
    atomic_store(&consumer->rejoin, true);
}

int64_t
kafka_consumer_in_flight(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->in_flight);
}

uint64_t
kafka_consumer_polls(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->polls);
}

bool
kafka_consumer_waits(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->waits);
}

bool
kafka_consumer_assigned(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->assigned);
}

const char *
kafka_consumer_fatal(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->fatal);
}

bool
kafka_consumer_fenced(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->fenced);
}

bool
kafka_consumer_alive(const struct kafka_consumer *consumer)
{
    return clock_ms() - atomic_load(&consumer->polled_ms) < consumer->session_ms;
}

int64_t
kafka_consumer_lag(const struct kafka_consumer *consumer)
{
    return atomic_load(&consumer->lag);
}

void
kafka_consumer_stop(struct kafka_consumer *consumer)
{
    atomic_store(&consumer->stop, true);
    pthread_join(consumer->thread, NULL);
    rd_kafka_destroy(consumer->rk);
}

void
kafka_consumer_free(struct kafka_consumer *consumer)
{
    for (int i = 0; i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        offsets_free(&slot->offsets);
        pthread_mutex_destroy(&slot->lock);
        free(slot->topic);
        free(slot);
    }
    rd_kafka_conf_destroy(consumer->conf);
    rd_kafka_topic_partition_list_destroy(consumer->topics);
    free(atomic_load(&consumer->fatal));
    free(consumer);
}
