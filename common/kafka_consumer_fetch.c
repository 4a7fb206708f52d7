#include "common/kafka_consumer_parts.h"

#include <time.h>

#include "common/clock.h"

enum { SURPLUS_MS = 500, SURPLUS_TICK_NS = 1000 * 1000, HURRY_EVERY_MS = 25 };

// Pausing purges what was prefetched, so a short surplus is waited out without polling;
// only one that lasts pauses the partitions, until a lower mark. Only what was paused
// is resumed.
static bool
is_over_high_water(struct kafka_consumer *consumer)
{
    int64_t in_flight = atomic_load(&consumer->in_flight);
    bool over = atomic_load(&consumer->over_high_water)
                    ? in_flight > consumer->high_water * 7 / 10
                    : in_flight >= consumer->high_water;
    atomic_store(&consumer->over_high_water, over);
    return over;
}

static bool
surplus_lasts(struct kafka_consumer *consumer)
{
    const struct timespec tick = {.tv_nsec = SURPLUS_TICK_NS};
    int64_t until_ms = clock_ms() + SURPLUS_MS;
    while (is_over_high_water(consumer)) {
        if (!consumer->fetching || clock_ms() >= until_ms
            || atomic_load(&consumer->stop))
            return true;
        nanosleep(&tick, NULL); // allowed: waking it for each record costs more
    }
    return false;
}

void
kafka_consumer_fetch(struct kafka_consumer *consumer)
{
    bool want = atomic_load(&consumer->ready) == consumer->generation
                && !surplus_lasts(consumer)
                && !consumer->owner.paused(consumer->owner.owner);
    if (want == consumer->fetching || !atomic_load(&consumer->assigned))
        return;
    rd_kafka_topic_partition_list_t *list = NULL;
    if (rd_kafka_assignment(consumer->rk, &list) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (want)
        rd_kafka_resume_partitions(consumer->rk, list);
    else
        rd_kafka_pause_partitions(consumer->rk, list);
    for (int i = 0; want && i < consumer->slot_count; i++)
        consumer->slots[i]->paused = false;
    consumer->fetching = want;
    rd_kafka_topic_partition_list_destroy(list);
}

static void
pause_one(struct kafka_consumer *consumer, struct kafka_slot *slot, bool pause)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition);
    if (pause)
        rd_kafka_pause_partitions(consumer->rk, list);
    else
        rd_kafka_resume_partitions(consumer->rk, list);
    slot->paused = pause;
    rd_kafka_topic_partition_list_destroy(list);
}

// A partition whose keys are slow must not fill the memory: each may hold its share.
void
kafka_consumer_share(struct kafka_consumer *consumer)
{
    int assigned = 0;
    for (int i = 0; i < consumer->slot_count; i++)
        assigned += consumer->slots[i]->generation == consumer->generation;
    int64_t share = assigned > 0 ? consumer->high_water / assigned + 1 : 1;
    for (int i = 0; consumer->fetching && i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        int64_t held = atomic_load(&slot->in_memory);
        if (slot->generation != consumer->generation)
            continue;
        if (slot->paused ? held < share * 7 / 10 : held > share)
            pause_one(consumer, slot, !slot->paused);
    }
}

// Records that wait at the broker behind those that were handed over.
static int64_t
slot_lag(struct kafka_consumer *consumer, struct kafka_slot *slot)
{
    int64_t low;
    int64_t high;
    pthread_mutex_lock(&slot->lock);
    int64_t next = slot->generation != 0 ? slot->offsets.high : -1;
    pthread_mutex_unlock(&slot->lock);
    bool known = rd_kafka_get_watermark_offsets(consumer->rk, slot->topic,
                                                slot->partition, &low, &high)
                 == RD_KAFKA_RESP_ERR_NO_ERROR;
    return known && next >= 0 && high > next ? high - next : 0;
}

void
kafka_consumer_measure(struct kafka_consumer *consumer)
{
    int64_t lag = 0;
    for (int i = 0; i < consumer->slot_count; i++)
        lag += slot_lag(consumer, consumer->slots[i]);
    atomic_store(&consumer->lag, lag);
}

// With as much prefetched as it may hold, librdkafka 2.0.2 looks only once a second
// whether there is room again, unless something wakes the thread of that broker: a
// question about a partition does, answered or not. Otherwise a prefetch would have to
// hold a second's work.
void
kafka_consumer_hurry_fetch(struct kafka_consumer *consumer)
{
    int64_t low;
    int64_t high;
    if (!consumer->fetching || clock_ms() < consumer->hurry_at_ms)
        return;
    consumer->hurry_at_ms = clock_ms() + HURRY_EVERY_MS;
    for (int n = 0; n < consumer->slot_count; n++) {
        consumer->hurried = (consumer->hurried + 1) % consumer->slot_count;
        struct kafka_slot *slot = consumer->slots[consumer->hurried];
        if (slot->paused || slot_lag(consumer, slot) == 0)
            continue;
        rd_kafka_query_watermark_offsets(consumer->rk, slot->topic, slot->partition,
                                         &low, &high, 1);
        return;
    }
}
