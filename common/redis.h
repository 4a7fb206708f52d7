// common/redis.h - what the processes of a worker share and can do without: tokens,
// rate budgets (hiredis behind a helper thread).
//
// Redis may be away, slow or empty at any time: every function then answers at once, or
// by its deadline, that there is nothing, and the caller goes on by itself.
#ifndef RELAIS_REDIS_H
#define RELAIS_REDIS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"

struct redis;

// Starts the helper for redis://[user:password@]host[:port][/database]. It connects
// when it is first asked, and again a second after it failed. NULL: the URL is wrong;
// the error does not show it. Never blocks.
struct redis *redis_open(const char *url, struct error *err) ATTR_MUST_CHECK;
// Ends the helper: what waits, and whatever is asked later, is answered "away". Before
// the loops are freed whose fibers ask. NULL is fine, also below.
void redis_stop(struct redis *redis);
void redis_free(struct redis *redis); // stopped, and nobody asks any more

// The next connection goes to this URL. False: it is wrong, and the old one counts.
bool redis_reach(struct redis *redis, const char *url,
                 struct error *err) ATTR_MUST_CHECK;

// One answer, valid during the call that brings it.
struct redis_answer {
    bool away;        // no answer, or Redis refused: go on without
    const char *text; // of a string; NULL = none
    int64_t number;   // of an integer
};

// Sends one command (its words, ended by NULL, are copied) and has `done` called on
// the helper's thread, in the order of sending; done must not block. At most 1,000 wait
// in line, further ones are answered "away" here and now. redis may be NULL: away. Any
// thread, never blocks.
void redis_send(struct redis *redis, const char *const words[],
                void (*done)(void *arg, const struct redis_answer *answer), void *arg);

// Reads a text of at most size - 1 bytes. False: away, no such key, or not by due_ms
// (of clock_ms()). Suspends the fiber; outside a loop it is "away".
bool redis_get(struct redis *redis, const char *key, char *out, size_t size,
               int64_t due_ms);

// Stores a text for ttl_ms, and deletes a key where it still has that text. Neither
// waits for the answer.
void redis_set(struct redis *redis, const char *key, const char *text, int64_t ttl_ms);
void redis_forget(struct redis *redis, const char *key, const char *text);

#endif
