// common/lease.h - a budget of so many per second, shared by the processes that know
// the same Redis.
//
// A process takes a small batch of it ahead of need and spends that by itself; what it
// does not spend within a second is lost. Without Redis, or while it is away, each
// process has the whole budget to itself.
#ifndef RELAIS_LEASE_H
#define RELAIS_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/redis.h"

struct lease;

// name tells budgets apart in Redis; redis may be NULL, and must be stopped before
// lease_free(). per_second is at least 1, and as many may be taken at once.
struct lease *lease_new(struct redis *redis, const char *name, int per_second);
void lease_free(struct lease *lease); // NULL is fine

// Takes one. False: *wait_ms tells when to ask again. Any thread, never blocks.
bool lease_take(struct lease *lease, int64_t *wait_ms);

#endif
