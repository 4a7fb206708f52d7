// common/clock.h - time, replaceable in tests.
#ifndef RELAIS_CLOCK_H
#define RELAIS_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"

// Milliseconds of the monotonic clock: for deadlines and durations. Never blocks.
int64_t clock_ms(void);

// Nanoseconds of the monotonic clock: for measuring.
int64_t clock_ns(void);

// Milliseconds since 1970 UTC: for what others read. RELAIS_CLOCK_OFFSET_MS (an
// environment variable) is added, for tests and the demo.
int64_t clock_wall_ms(void);

enum { CLOCK_TEXT = 32 }; // room for what clock_format writes

// Writes RFC 3339 UTC with milliseconds, "2026-08-12T09:14:05.123Z".
void clock_format(int64_t wall_ms, char text[CLOCK_TEXT]);

// Reads RFC 3339 (with Z or an offset, with or without a fraction). False: not a time;
// *wall_ms is then untouched.
bool clock_parse(const char *text, int64_t *wall_ms) ATTR_MUST_CHECK;

// Reads "YYYY-MM-DD" and gives the instant at which that day ends in Europe/Zurich
// (midnight after it), whatever the machine's own zone is. False: not a date.
bool clock_day_end(const char *date, int64_t *wall_ms) ATTR_MUST_CHECK;

#endif
