// workers/capture/wake.h - one descriptor for everything that ends a wait early: a
// signal to stop, and what others add.
#ifndef RELAIS_CAPTURE_WAKE_H
#define RELAIS_CAPTURE_WAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"

struct capture_wake {
    int fd; // an epoll of the others: readable when one of them is
    int signal_fd;
    int64_t stop_at_ms; // clock_ms() of the first SIGTERM, 0 before
    bool reload; // SIGHUP came: set by capture_wake_stopping(), cleared by who obeys
};

// Blocks SIGTERM, SIGINT and SIGHUP in this thread and in all it will make: call it
// first.
bool capture_wake_open(struct capture_wake *wake, struct error *err) ATTR_MUST_CHECK;
void capture_wake_close(struct capture_wake *wake);

// Adds a descriptor; whoever added it empties it.
void capture_wake_add(struct capture_wake *wake, int fd);

// Whether SIGTERM or SIGINT came. After the first a second one ends the program at
// once.
bool capture_wake_stopping(struct capture_wake *wake);

// Waits for the time given, or until something wakes.
void capture_wake_sleep(struct capture_wake *wake, int64_t ms);

#endif
