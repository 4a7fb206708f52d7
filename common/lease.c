#include "common/lease.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/clock.h"
#include "common/str.h"

enum {
    WHOLE = 1000,   // thousandths of one
    KEPT_MS = 1000, // a batch is spent within this time
    AWAY_MS = 1000, // Redis is asked again after it was away
    LOOK_MS = 5,    // until an answer may have come
    BATCHES = 10,   // a second's budget is taken in so many
    NUMBER_TEXT = 16,
};

struct lease {
    struct redis *redis;
    char *key;
    int per_second;
    pthread_mutex_t lock;

    // of Redis
    int64_t batch, batch_until_ms;
    int64_t again_ms;      // nothing is left there until then
    int64_t away_until_ms; // it is away, and the own budget counts
    bool asking;

    // our own
    int64_t own_milli; // of one
    int64_t filled_ms;
};

// Fills the budget by Redis's own clock, takes up to `wanted` from it, and answers how
// many; or, below 0, in how many milliseconds there will be one.
static const char take_script[] =
    "local rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2])\n"
    "local time = redis.call('TIME')\n"
    "local now = time[1] * 1000 + math.floor(time[2] / 1000)\n"
    "local have = tonumber(redis.call('HGET', KEYS[1], 'have') or rate * 1000)\n"
    "local at = tonumber(redis.call('HGET', KEYS[1], 'at') or now)\n"
    "have = math.min(rate * 1000, have + math.max(0, now - at) * rate)\n"
    "local given = math.min(wanted, math.floor(have / 1000))\n"
    "have = have - given * 1000\n"
    "redis.call('HSET', KEYS[1], 'have', have, 'at', now)\n"
    "redis.call('PEXPIRE', KEYS[1], 10000)\n"
    "if given > 0 then return given end\n"
    "return -math.ceil((1000 - have) / rate)\n";

struct lease *
lease_new(struct redis *redis, const char *name, int per_second)
{
    struct lease *lease = str_calloc(1, sizeof *lease);
    struct str key;
    str_begin(&key, 512);
    str_printf(&key, "relais:budget:%s", name);
    lease->key = str_dup(key.data);
    str_end(&key);
    lease->redis = redis;
    lease->per_second = per_second;
    lease->own_milli = (int64_t)per_second * WHOLE;
    lease->filled_ms = clock_ms();
    pthread_mutex_init(&lease->lock, NULL);
    return lease;
}

void
lease_free(struct lease *lease)
{
    if (lease == NULL)
        return;
    pthread_mutex_destroy(&lease->lock);
    free(lease->key);
    free(lease);
}

static bool
take_own(struct lease *lease, int64_t now, int64_t *wait_ms)
{
    int64_t most = (int64_t)lease->per_second * WHOLE;
    lease->own_milli += (now - lease->filled_ms) * lease->per_second;
    if (lease->own_milli > most)
        lease->own_milli = most;
    lease->filled_ms = now;
    if (lease->own_milli < WHOLE) {
        *wait_ms = (WHOLE - lease->own_milli) / lease->per_second + 1;
        return false;
    }
    lease->own_milli -= WHOLE;
    return true;
}

static void
taken(void *arg, const struct redis_answer *answer)
{
    struct lease *lease = arg;
    int64_t now = clock_ms();
    pthread_mutex_lock(&lease->lock);
    lease->asking = false;
    if (answer->away) {
        lease->away_until_ms = now + AWAY_MS;
    } else if (answer->number > 0) {
        if (now >= lease->batch_until_ms)
            lease->batch = 0;
        lease->batch += answer->number;
        lease->batch_until_ms = now + KEPT_MS;
    } else {
        lease->again_ms = now - answer->number;
    }
    pthread_mutex_unlock(&lease->lock);
}

static int
batch_size(const struct lease *lease)
{
    return lease->per_second > BATCHES ? lease->per_second / BATCHES : 1;
}

static void
ask(struct lease *lease)
{
    char rate[NUMBER_TEXT];
    char wanted[NUMBER_TEXT];
    snprintf(rate, sizeof rate, "%d", lease->per_second);
    snprintf(wanted, sizeof wanted, "%d", batch_size(lease));
    redis_send(
        lease->redis,
        (const char *const[]){"EVAL", take_script, "1", lease->key, rate, wanted, NULL},
        taken, lease);
}

// Whether one was taken; *more: Redis is to be asked, outside of the lock.
static bool
take_shared(struct lease *lease, int64_t now, int64_t *wait_ms, bool *more)
{
    bool have = lease->batch > 0 && now < lease->batch_until_ms;
    if (have)
        lease->batch--;
    bool low = !have || lease->batch * 2 < batch_size(lease);
    *more = low && !lease->asking && now >= lease->again_ms;
    if (*more)
        lease->asking = true;
    *wait_ms = now < lease->again_ms ? lease->again_ms - now : LOOK_MS;
    return have;
}

bool
lease_take(struct lease *lease, int64_t *wait_ms)
{
    int64_t now = clock_ms();
    bool more = false;
    pthread_mutex_lock(&lease->lock);
    bool own = lease->redis == NULL || now < lease->away_until_ms;
    bool had =
        own ? take_own(lease, now, wait_ms) : take_shared(lease, now, wait_ms, &more);
    pthread_mutex_unlock(&lease->lock);
    if (more)
        ask(lease);
    return had;
}
