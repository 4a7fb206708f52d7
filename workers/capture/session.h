// workers/capture/session.h - the one database session that makes a process the active
// one: it holds the advisory lock, and everything that must not be done twice at once
// is done on it.
#ifndef RELAIS_CAPTURE_SESSION_H
#define RELAIS_CAPTURE_SESSION_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"
#include "workers/capture/capture.h"

struct pg;

// Connects and waits for the lock, as a standby while another one has it. NULL with
// *err: RETRYABLE, also when it is time to stop.
struct pg *capture_session_open(struct capture *capture, const char *url,
                                struct error *err) ATTR_MUST_CHECK;

// Waits until something happens, at most ms. RETRYABLE: the session is lost.
bool capture_session_wait(struct capture *capture, struct pg *pg, int64_t ms,
                          struct error *err) ATTR_MUST_CHECK;

struct capture_backoff {
    int attempts;
};

// Tells what went wrong (once, not at every attempt), with the setting that may be
// wrong (`database` is that of the session), and waits before the next one.
void capture_session_back_off(struct capture *capture, struct capture_backoff *backoff,
                              const char *database, const struct error *err);

#endif
