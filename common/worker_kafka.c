// Between Kafka and the lanes: records go to the loop of their key; committed
// follow-ups go out, and their outbox rows go when Kafka has them.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/str.h"

enum {
    FULL_WAIT_NS = 5 * 1000 * 1000,
    // A follow-up that carries an event whole is a little larger than the event, so
    // more than the 1,000,000 bytes that are taken in; a broker takes 1,048,588 with
    // all its own, if it is not told otherwise.
    RECORD_BYTES = 1040 * 1000,
};

void
worker_attempt_over(struct worker *worker)
{
    if (atomic_fetch_sub(&worker->running, 1) > 1)
        return;
    pthread_mutex_lock(&worker->idle_lock);
    pthread_cond_broadcast(&worker->idle);
    pthread_mutex_unlock(&worker->idle_lock);
}

void
worker_wait_idle(struct worker *worker, int64_t until_ms)
{
    struct timespec until = {.tv_sec = until_ms / 1000,
                             .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&worker->idle_lock);
    while (atomic_load(&worker->running) > 0
           && pthread_cond_timedwait(&worker->idle, &worker->idle_lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&worker->idle_lock);
}

// ---- in

static void
records(void *owner, struct record *first)
{
    struct worker *worker = owner;
    struct record *heads[WORKER_LOOPS_MAX] = {0};
    struct record **tails[WORKER_LOOPS_MAX];
    for (int i = 0; i < worker->loop_count; i++)
        tails[i] = &heads[i];
    for (struct record *record = first; record != NULL;) {
        struct record *next = record->next;
        char name[LANE_NAME];
        item_lane_name(record, name);
        int loop = (int)(item_hash(name) % (uint64_t)worker->loop_count);
        record->next = NULL;
        *tails[loop] = record;
        tails[loop] = &record->next;
        record = next;
    }
    for (int i = 0; i < worker->loop_count; i++) {
        if (heads[i] != NULL)
            lanes_post_records(worker->lanes[i], heads[i]);
    }
}

static void
assigned(void *owner, const int32_t *partitions, int count, uint64_t generation)
{
    for (int i = 0; i < count; i++) {
        if (partitions[i] >= WORKER_PARTITIONS_MAX) {
            log_error("assigned",
                      "a topic has more than %d partitions: make it again with "
                      "fewer",
                      WORKER_PARTITIONS_MAX);
            abort();
        }
    }
    keeper_assigned(owner, partitions, count, generation);
}

// Calls that are under way get their grace; nothing new leaves, because the epochs are
// gone.
static void
revoked(void *owner)
{
    struct worker *worker = owner;
    int64_t until_ms = clock_ms() + worker->settings.revoke_grace_ms;
    keeper_revoked(worker);
    for (int i = 0; i < worker->loop_count; i++)
        lanes_post_revoke(worker->lanes[i]);
    worker_wait_idle(worker, until_ms);
    log_info("revoked", "%lld attempts still running",
             (long long)atomic_load(&worker->running));
}

static bool
paused(void *owner)
{
    return worker_paused(owner);
}

// ---- out

static void
delivered(void *owner, void *opaque, int32_t partition, int64_t offset,
          const char *error)
{
    struct worker *worker = owner;
    struct sent *sent = opaque;
    (void)partition;
    (void)offset;
    if (error == NULL)
        ledger_pg_published(worker->ledger, sent->topic, sent->id);
    else
        // Its row stays in the outbox: the keeper publishes it again.
        log_warn("publish", "%s on %s: %s", sent->id, sent->topic, error);
    worker_sent_end(worker->sent, sent);
}

// The headers, pointing into the object.
static struct record_header *
headers_of(struct json_object *object, size_t *count)
{
    struct record_header *headers =
        str_calloc((size_t)json_object_object_length(object), sizeof *headers);
    *count = 0;
    json_object_object_foreach(object, name, value)
    {
        headers[(*count)++] =
            (struct record_header){name, json_object_get_string(value),
                                   (size_t)json_object_get_string_len(value)};
    }
    return headers;
}

static void
produce(struct worker *worker, const struct record *record, const char *id)
{
    struct error err = {0};
    struct timespec pause = {.tv_nsec = FULL_WAIT_NS};
    struct sent *sent = worker_sent_begin(worker->sent, record->topic, id);
    if (sent == NULL)
        return; // it waits in the queue already
    for (;;) {
        pthread_mutex_lock(&worker->producer_lock);
        bool queued = kafka_produce(worker->producer, record, sent, &err);
        bool dead = kafka_producer_dead(worker->producer);
        pthread_mutex_unlock(&worker->producer_lock);
        if (queued)
            return;
        if (dead || err.kind != ERROR_RETRYABLE || atomic_load(&worker->draining))
            break;
        nanosleep(&pause, NULL); // allowed: a full queue tells nobody when it has room
    }
    log_warn("publish", "%s on %s waits in the outbox: %s", id, record->topic,
             err.text);
    worker_sent_end(worker->sent, sent);
}

void
worker_publish(void *owner, const struct settle_out *out)
{
    struct worker *worker = owner;
    struct json_object *object = json_parse_raw(out->headers, strlen(out->headers));
    if (!json_object_is_type(object, json_type_object)) {
        // Without them it would be no event any more, and nobody would know whose.
        log_error("publish", "%s on %s stays in the outbox: its headers are not JSON",
                  out->id, out->topic);
        json_drop(object);
        return;
    }
    size_t count;
    struct record_header *headers = headers_of(object, &count);
    struct record record = {
        .topic = out->topic,
        .key = out->key,
        .key_length = strlen(out->key),
        .payload = out->payload,
        .payload_length = out->payload_length,
        .headers = headers,
        .header_count = count,
    };
    produce(worker, &record, out->id);
    free(headers);
    json_drop(object);
}

bool
worker_producer_open(struct worker *worker, struct error *err)
{
    const struct kafka_producer_options options = {
        .brokers = worker->settings.brokers,
        .client_id = worker->options.group,
        .message_timeout_ms = 0,
        .linger_ms = 2,
        .record_bytes = RECORD_BYTES,
        .delivered = delivered,
        .owner = worker,
    };
    struct kafka_producer *producer = kafka_producer_open(&options, err);
    if (producer == NULL)
        return false;
    pthread_mutex_lock(&worker->producer_lock);
    worker->producer = producer;
    pthread_mutex_unlock(&worker->producer_lock);
    return true;
}

int64_t
worker_record_bytes(struct worker *worker)
{
    pthread_mutex_lock(&worker->producer_lock);
    int64_t bytes = worker->producer != NULL
                        ? kafka_producer_record_bytes(worker->producer)
                        : RECORD_BYTES;
    pthread_mutex_unlock(&worker->producer_lock);
    return bytes;
}

bool
worker_producer_renew(struct worker *worker)
{
    if (!kafka_producer_dead(worker->producer))
        return false;
    struct error err;
    struct kafka_producer *old = worker->producer;
    if (!worker_producer_open(worker, &err)) {
        log_warn("producer", "cannot be renewed: %s", err.text);
        return false;
    }
    kafka_producer_close(old, 0);
    return true;
}

bool
worker_kafka_open(struct worker *worker, struct error *err)
{
    const struct kafka_consumer_options options = {
        .brokers = worker->settings.brokers,
        .group = worker->options.group,
        .client_id = worker->options.group,
        .topics = worker->options.topics,
        .reset = worker->options.reset,
        .high_water = worker->settings.high_water,
        .owner = {.owner = worker,
                  .assigned = assigned,
                  .revoked = revoked,
                  .records = records,
                  .paused = paused},
    };
    worker->consumer = kafka_consumer_open(&options, err);
    return worker->consumer != NULL;
}
