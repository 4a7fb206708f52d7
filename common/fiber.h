// common/fiber.h - a stack of its own that can wait: the only file that switches
// stacks.
//
// A fiber runs on one thread for its whole life. It waits by fiber_wait() and is
// resumed by fiber_resume() from its own thread only. A stack is never discarded while
// it is in use: to cancel is to resume with an error.
#ifndef RELAIS_FIBER_H
#define RELAIS_FIBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fiber;
struct fiber_pool;

// A pool of stacks of one thread; reused last-in-first-out. stack_bytes is rounded up
// to pages; each stack has a guard of 64 KiB below it. At most `keep` idle stacks stay
// mapped.
struct fiber_pool *fiber_pool_new(size_t stack_bytes, size_t keep);
void fiber_pool_free(struct fiber_pool *pool); // no fiber of it may exist any more

// Makes a fiber that will run fn(arg); starts at the first fiber_resume(). It goes back
// to its pool by itself when fn returns.
struct fiber *fiber_new(struct fiber_pool *pool, void (*fn)(void *), void *arg);

// Runs the fiber until it waits or ends. Called outside any fiber.
void fiber_resume(struct fiber *fiber);

// Suspends the running fiber until the next fiber_resume(). Saves errno.
void fiber_wait(void);

// The fiber that runs on this thread, or NULL.
struct fiber *fiber_current(void);

// Fibers of the pool that exist now.
size_t fiber_count(const struct fiber_pool *pool);

// What fiber_each() tells: which lane or errand it is, what is handled (an event's id,
// or ""), since when (clock_ms()), and what it waits for. The words must live as long
// as they are true.
struct fiber_work {
    const char *name, *event;
    int64_t since_ms;
};
void fiber_works_on(const struct fiber_work *work);
void fiber_waits_for(const char *what);
void fiber_each(struct fiber_pool *pool,
                void (*visit)(void *arg, const struct fiber_work *work,
                              const char *what),
                void *arg);

#endif
