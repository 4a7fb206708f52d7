// One thread that waits for everybody: calls that are put to sleep, and the simulator's
// own timer.
#ifndef SIM_HARNESS_WAIT_H
#define SIM_HARNESS_WAIT_H

#include <stdbool.h>
#include <stdint.h>

struct sim;
struct call;
struct waiter;

struct waiter *waiter_start(struct sim *sim);

// Ends all waits (their calls are cut) and the thread.
void waiter_stop(struct waiter *waiter);
void waiter_free(struct waiter *waiter);

// Resumes the suspended call after its wait_ms, when its ready() says so, or when its
// client leaves if it watches for that. Called without the lock. False if the waiter
// has stopped: the call was not suspended.
bool waiter_park(struct waiter *waiter, struct call *call);

// Something happened: ask the ready functions again.
void waiter_notify(struct waiter *waiter);

// The simulator's on_time is wanted at at_ms. Called under the lock.
void waiter_wake_at(struct waiter *waiter, int64_t at_ms);

#endif
