#include "common/kafka_consumer_parts.h"

#include "common/log.h"

enum { ASK_MS = 1000 };

// ---- commits

static int64_t
slot_prefix(struct kafka_slot *slot)
{
    pthread_mutex_lock(&slot->lock);
    int64_t low = slot->generation != 0 ? slot->offsets.low : -1;
    pthread_mutex_unlock(&slot->lock);
    return low;
}

// An explicit commit would move the group backwards: only what grew is named.
static rd_kafka_topic_partition_list_t *
grown_prefixes(struct kafka_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(consumer->slot_count + 1);
    for (int i = 0; i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        int64_t low = slot_prefix(slot);
        if (low > slot->committed)
            rd_kafka_topic_partition_list_add(list, slot->topic, slot->partition)
                ->offset = low;
    }
    return list;
}

static void
note_committed(struct kafka_consumer *consumer,
               const rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        struct kafka_slot *slot = kafka_consumer_slot(consumer, p->topic, p->partition);
        if (p->err == RD_KAFKA_RESP_ERR_NO_ERROR && p->offset > slot->committed)
            slot->committed = p->offset;
    }
}

void
kafka_consumer_commit(struct kafka_consumer *consumer, bool wait)
{
    rd_kafka_topic_partition_list_t *list = grown_prefixes(consumer);
    if (list->cnt > 0
        && rd_kafka_commit(consumer->rk, list, !wait) == RD_KAFKA_RESP_ERR_NO_ERROR
        && wait)
        note_committed(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

void
kafka_consumer_on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                            rd_kafka_topic_partition_list_t *list, void *opaque)
{
    (void)rk;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && list != NULL)
        note_committed(opaque, list);
}

// ---- rebalance

// Where each partition begins. librdkafka would find out by itself, on a thread of its
// own, and start each partition when it knows. It numbers what is asked of a partition
// before it queues it, and drops what comes late: a pause or a resume that crosses a
// start makes one of the two go without a word, and nothing is fetched from the
// partition until the next rebalance (its issues 2190 and 5591; 2.0.2 and later). Told
// where to begin, it has queued all starts when rd_kafka_assign() returns.
static void
find_starts(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code;
    if (list->cnt == 0)
        return;
    while ((code = rd_kafka_committed(consumer->rk, list, ASK_MS))
               != RD_KAFKA_RESP_ERR_NO_ERROR
           && !atomic_load(&consumer->stop) && !rd_kafka_assignment_lost(consumer->rk))
        log_warn("kafka", "cannot read the group's offsets yet: %s",
                 rd_kafka_err2str(code));
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        bool known =
            code == RD_KAFKA_RESP_ERR_NO_ERROR && p->err == RD_KAFKA_RESP_ERR_NO_ERROR;
        if (!known)
            p->offset = RD_KAFKA_OFFSET_INVALID; // it asks by itself
        else if (p->offset < 0)
            p->offset = consumer->reset;
        p->err = RD_KAFKA_RESP_ERR_NO_ERROR;
    }
}

static void
take(struct kafka_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    int32_t *numbers = consumer->numbers;
    int count = 0;
    uint64_t generation = ++consumer->generation;
    for (int i = 0; i < list->cnt; i++) {
        int32_t partition = list->elems[i].partition;
        struct kafka_slot *slot =
            kafka_consumer_slot(consumer, list->elems[i].topic, partition);
        pthread_mutex_lock(&slot->lock);
        offsets_reset(&slot->offsets);
        slot->generation = generation;
        slot->committed = -1;
        slot->paused = false;
        pthread_mutex_unlock(&slot->lock);
        bool known = false;
        for (int n = 0; n < count && !known; n++)
            known = numbers[n] == partition;
        if (!known)
            numbers[count++] = partition;
    }
    atomic_store(&consumer->ready, 0);
    find_starts(consumer, list);
    rd_kafka_assign(consumer->rk, list);
    rd_kafka_pause_partitions(consumer->rk, list);
    consumer->fetching = false;
    atomic_store(&consumer->assigned, count > 0);
    consumer->session_lost = false; // every commit of before is answered by now
    if (count > 0)
        consumer->owner.assigned(consumer->owner.owner, numbers, count, generation);
}

static void
give_back(struct kafka_consumer *consumer)
{
    atomic_store(&consumer->ready, 0);
    consumer->owner.revoked(consumer->owner.owner);
    if (!rd_kafka_assignment_lost(consumer->rk))
        kafka_consumer_commit(consumer, true);
    else
        consumer->session_lost = true;
    for (int i = 0; i < consumer->slot_count; i++) {
        struct kafka_slot *slot = consumer->slots[i];
        pthread_mutex_lock(&slot->lock);
        slot->generation = 0;
        pthread_mutex_unlock(&slot->lock);
    }
    atomic_store(&consumer->assigned, false);
    rd_kafka_assign(consumer->rk, NULL);
}

void
kafka_consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                            rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct kafka_consumer *consumer = opaque;
    (void)rk;
    // A handle that is being closed calls this in the middle of a wait.
    bool waited = atomic_exchange(&consumer->waits, true);
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take(consumer, list);
    else
        give_back(consumer);
    atomic_store(&consumer->waits, waited);
}

// ---- membership

bool
kafka_consumer_make(struct kafka_consumer *consumer, struct error *err)
{
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_dup(consumer->conf);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_fatal(err, "cannot make a consumer: %s", text);
    }
    rd_kafka_poll_set_consumer(rk);
    if (consumer->rk != NULL)
        rd_kafka_destroy(consumer->rk);
    consumer->rk = rk;
    rd_kafka_resp_err_t code = rd_kafka_subscribe(rk, consumer->topics);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return error_fatal(err, "cannot subscribe: %s", rd_kafka_err2str(code));
    return true;
}

void
kafka_consumer_join_again(struct kafka_consumer *consumer)
{
    rd_kafka_unsubscribe(consumer->rk);
    rd_kafka_subscribe(consumer->rk, consumer->topics); // it fails for who is fenced
}
