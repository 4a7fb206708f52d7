// common/admin.h - /livez, /readyz and /metrics on a port of their own, and the word to
// systemd (sd_notify: one datagram to $NOTIFY_SOCKET).
#ifndef RELAIS_ADMIN_H
#define RELAIS_ADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/metrics.h"

struct admin;

// What the owner answers; called on the admin thread, must not block.
struct admin_checks {
    // Whether the program makes progress; `why` (size bytes) says what hangs if not.
    bool (*live)(void *owner, char *why, size_t size);
    // Whether it can work now; `why` lists what is missing, or is shown behind "ok".
    bool (*ready)(void *owner, char *why, size_t size);
    // Called before /metrics is printed, to set gauges. May be NULL.
    void (*refresh)(void *owner);
    void *owner;
};

// Serves on host:port (port 0 = no server). Own thread. The error names the port and
// what to set when it is taken.
struct admin *admin_open(const char *host, int port, struct metrics *metrics,
                         const struct admin_checks *checks,
                         struct error *err) ATTR_MUST_CHECK;
void admin_close(struct admin *admin);

// Sends one state to systemd ("READY=1", "STOPPING=1", "WATCHDOG=1", "STATUS=...");
// does nothing without $NOTIFY_SOCKET. Never blocks.
void admin_notify(const char *state);

#endif
