// common/log.h - one JSON object a line on stdout:
// {"at","level","program","event",...}.
//
// Library code and handlers do not log above debug; the programs do, once per attempt.
#ifndef RELAIS_LOG_H
#define RELAIS_LOG_H

#include <stdint.h>

#include "common/attr.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

// One member of a log line. text NULL with kind 's' prints null. Arrays end with {0}.
struct log_field {
    const char *name;
    const char *text; // escaped as JSON; cut at 2 KiB; invalid UTF-8 is replaced
    int64_t number;   // used where is_number
    int is_number;
};

#define LOG_TEXT(key, value)           \
    {                                  \
        .name = (key), .text = (value) \
    }
#define LOG_NUMBER(key, value)                           \
    {                                                    \
        .name = (key), .number = (value), .is_number = 1 \
    }

// Names the program and sets the level from LOG_LEVEL (debug, info, warn, error;
// default info). Called once, before threads start.
void log_open(const char *program);

// The least level that is written.
enum log_level log_level(void);

// Writes one line. event is the stable word people search for ("attempt", "paused").
// Thread-safe, one write(2) a line.
void log_event(enum log_level level, const char *event,
               const struct log_field fields[]);

// Shorthands with only a text member.
void log_error(const char *event, const char *fmt, ...) ATTR_PRINTF(2, 3);
void log_warn(const char *event, const char *fmt, ...) ATTR_PRINTF(2, 3);
void log_info(const char *event, const char *fmt, ...) ATTR_PRINTF(2, 3);
void log_debug(const char *event, const char *fmt, ...) ATTR_PRINTF(2, 3);

#endif
