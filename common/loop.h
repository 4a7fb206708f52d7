// common/loop.h - one thread: epoll, timers, a mailbox, fibers.
//
// After each wake-up due timers run first, then sockets, then mail, then ready fibers:
// a process that was frozen cuts what is overdue before it sends anything.
#ifndef RELAIS_LOOP_H
#define RELAIS_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/fiber.h"

struct loop;

// A timer inside its owner's memory; {0} is a stopped one.
struct loop_timer {
    int64_t due_ms; // of clock_ms()
    void (*fire)(struct loop_timer *timer);
    size_t slot; // private: 0 = not armed
};

// A letter to a loop, inside its sender's memory; `deliver` runs on the loop's thread.
struct loop_mail {
    void (*deliver)(struct loop_mail *mail);
    struct loop_mail *next; // private
};

// A descriptor watched by the loop.
struct loop_watch {
    void (*ready)(struct loop_watch *watch, uint32_t epoll_events);
};

// Makes a loop; it runs once loop_start() made its thread.
struct loop *loop_new(size_t stack_bytes, struct error *err) ATTR_MUST_CHECK;
bool loop_start(struct loop *loop, const char *thread_name,
                struct error *err) ATTR_MUST_CHECK;

// Asks the loop to end once no fiber is left, and joins its thread.
void loop_stop(struct loop *loop);
void loop_free(struct loop *loop);

// The loop of this thread, or NULL on other threads.
struct loop *loop_current(void);

// Sends mail; any thread, never blocks. Letters of one sender arrive in order.
void loop_post(struct loop *loop, struct loop_mail *mail);

// The rest is for the loop's own thread.

// Starts a fiber; it first runs when the loop comes to it.
struct fiber *loop_spawn(struct loop *loop, void (*fn)(void *), void *arg);

// One wait of a fiber. Lives in the fiber's stack or memory: begun by the fiber, ended
// by loop_wake() from the loop's thread, or by the deadline.
struct loop_wait {
    struct fiber *fiber;
    struct loop_timer timer;
    bool woken;
    bool timed_out;
};

// Waits until loop_wake(wait) or until due_ms (of clock_ms(); INT64_MAX = no limit).
// Returns false at the deadline. A wake-up that came between begin and here is not
// lost.
void loop_wait_begin(struct loop_wait *wait);
bool loop_wait(struct loop_wait *wait, int64_t due_ms, const char *what);
void loop_wake(struct loop_wait *wait);

// Calls timer->fire on the loop at due_ms (clock_ms); setting it again moves it, and
// stopping one that is not set does nothing. On the loop's thread.
void loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_ms);
void loop_timer_stop(struct loop *loop, struct loop_timer *timer);

// epoll_ctl on the loop's own epoll; `events` 0 removes the descriptor.
void loop_watch_fd(struct loop *loop, int fd, struct loop_watch *watch, uint32_t events,
                   bool known);

// Where its fibers come from. On the loop's thread.
struct fiber_pool *loop_pool(struct loop *loop);

// A number that moves while the loop turns: a watchdog's food. Any thread.
uint64_t loop_turns(const struct loop *loop);

// Something that belongs to the loop: freed on its thread when it ends.
struct loop_owned {
    void *what;
    void (*free_fn)(void *what);
};
// The place of this loop's HTTP pool; filled by http_pool.c at its first call.
struct loop_owned *loop_http_slot(struct loop *loop);

#endif
