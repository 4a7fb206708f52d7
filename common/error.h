// common/error.h - what went wrong, and so what to do about it.
//
// A fallible function returns bool (or a pointer, NULL = failed), must be checked, and
// has filled a struct error. The kind is chosen once, at the place that knows;
// everything above only passes it on. Each error_*() returns false, so that a failing
// function reads "return error_permanent(err, ...)".
#ifndef RELAIS_ERROR_H
#define RELAIS_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"

enum error_kind {
    ERROR_NONE = 0,
    ERROR_RETRYABLE,    // the same attempt may pass later: time-out, 5xx, broker away
    ERROR_RATE_LIMITED, // it may pass after retry_after_ms: 429, 503 + Retry-After
    ERROR_UNSURE,       // the call may have been done: look before trying again
    ERROR_PERMANENT,    // this event can never pass: other 4xx, bad payload
    ERROR_FATAL,        // no event of this company can pass: bad credentials
    ERROR_FENCED,       // this process no longer owns the partition: write nothing
};

struct error {
    enum error_kind kind;
    int http_status;        // the status that caused it, or 0
    int64_t retry_after_ms; // what the other side asked for; 0: nothing, back off
    const char *service;    // static: the dependency that failed ("docuseal"), or NULL
    const char *rule; // static: what decided: the text of the client's row, "status"
                      // for a row without text, "http" for plain HTTP
    const char *hint; // static: what a person can do about it, or NULL
    char text[256];   // one line for a person; never a secret
};

// Sets *err to one kind with a formatted text (cut at the size of text, made one
// printable line), and clears the other members. Returns false. Never blocks.
bool error_retryable(struct error *err, const char *fmt, ...) ATTR_PRINTF(2, 3);
bool error_permanent(struct error *err, const char *fmt, ...) ATTR_PRINTF(2, 3);
bool error_fatal(struct error *err, const char *fmt, ...) ATTR_PRINTF(2, 3);
bool error_fenced(struct error *err, const char *fmt, ...) ATTR_PRINTF(2, 3);

// Like the others; wait_ms is when to try again, counted from now (0: back off).
bool error_rate_limited(struct error *err, int64_t wait_ms, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
bool error_unsure(struct error *err, int64_t wait_ms, const char *fmt, ...)
    ATTR_PRINTF(3, 4);

// Puts "about: " before the text: the setting that is to be corrected. Returns false.
bool error_about(struct error *err, const char *about);

// Forgets an error that its caller tolerates ("not there" in a look-up, for instance).
void error_clear(struct error *err);

// "none", "retryable", "rate-limited", "unsure", "permanent", "fatal", "fenced".
const char *error_kind_name(enum error_kind kind);

// One row of a client's error table. The first row that matches decides; the table ends
// with {0}. status 0 matches any status; text NULL matches any body, else it must occur
// in the body (case-sensitive).
struct error_rule {
    int status;
    const char *text;
    enum error_kind kind;
    const char *hint; // static, or NULL
};

// One answer of the other side, as an error table judges it.
struct error_answer {
    const char *service; // static: name of the dependency
    const char *what;    // what was tried: "POST /submissions"
    int status;
    int64_t retry_after_ms; // from the answer's headers, 0 if none
    bool once;              // the call must not be repeated blindly: 5xx becomes UNSURE
    const char *body;       // NUL-terminated, may be cut
};

// The one place that turns an HTTP answer into an error: the client's own table first,
// then plain HTTP (408, 425, 429, 5xx may pass later; 3xx and other 4xx never; 401 is
// FATAL). Returns false.
bool error_http(struct error *err, const struct error_rule rules[],
                const struct error_answer *answer);

#endif
