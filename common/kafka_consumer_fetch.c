#include "common/kafka_consumer_parts.h"

#include <time.h>

#include "common/clock.h"

enum { SURPLUS_MS = 500, SURPLUS_TICK_NS = 1000 * 1000 };

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

void
kafka_consumer_measure(struct kafka_consumer *consumer)
{
    int64_t lag = 0;
    for (int i = 0; i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        int64_t low;
        int64_t high;
        pthread_mutex_lock(&slot->lock);
        int64_t next = slot->generation != 0 ? slot->offsets.high : -1;
        pthread_mutex_unlock(&slot->lock);
        if (rd_kafka_get_watermark_offsets(consumer->rk, slot->topic, slot->partition,
                                           &low, &high)
                == RD_KAFKA_RESP_ERR_NO_ERROR
            && next >= 0 && high > next)
            lag += high - next;
    }
    atomic_store(&consumer->lag, lag);
}
