// Follow-ups that are on their way to Kafka: what waits in the producer's queue while
// Kafka is away is not put there again and again.
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/item.h"
#include "common/str.h"
#include "common/worker_parts.h"

enum { BUCKETS = 4096 };

struct worker_sent {
    pthread_mutex_t lock;
    struct sent *buckets[BUCKETS];
};

struct worker_sent *
worker_sent_new(void)
{
    struct worker_sent *all = str_calloc(1, sizeof *all);
    pthread_mutex_init(&all->lock, NULL);
    return all;
}

void
worker_sent_free(struct worker_sent *all)
{
    pthread_mutex_destroy(&all->lock);
    free(all);
}

struct sent *
worker_sent_begin(struct worker_sent *all, const char *topic, const char *id)
{
    uint64_t hash = item_hash(id);
    struct sent **bucket = &all->buckets[hash % BUCKETS];
    struct sent *fresh = NULL;
    pthread_mutex_lock(&all->lock);
    struct sent *sent = *bucket;
    while (sent != NULL
           && (sent->hash != hash || strcmp(sent->id, id) != 0
               || strcmp(sent->topic, topic) != 0))
        sent = sent->next;
    if (sent == NULL) {
        fresh = str_calloc(1, sizeof *fresh);
        *fresh = (struct sent){*bucket, hash, str_dup(topic), str_dup(id)};
        *bucket = fresh;
    }
    pthread_mutex_unlock(&all->lock);
    return fresh;
}

void
worker_sent_end(struct worker_sent *all, struct sent *sent)
{
    pthread_mutex_lock(&all->lock);
    struct sent **at = &all->buckets[sent->hash % BUCKETS];
    while (*at != sent)
        at = &(*at)->next;
    *at = sent->next;
    pthread_mutex_unlock(&all->lock);
    free(sent->topic);
    free(sent->id);
    free(sent);
}
