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

// Milliseconds since 1970 UTC: for what others read. What asks for "today" or "now" in
// the business's sense takes job_now_ms() and job_today(), whose clock can be moved.
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

enum { CLOCK_DATE = 16 }; // room for "YYYY-MM-DD"

// The date in Europe/Zurich at that instant.
void clock_date(int64_t wall_ms, char date[CLOCK_DATE]);

// The date so many days later (or earlier). False: not a date; later is then untouched.
bool clock_date_add(const char *date, int64_t days,
                    char later[CLOCK_DATE]) ATTR_MUST_CHECK;

// Days from one date to the other, below 0 where `to` is the earlier. False: one of
// them is not a date.
bool clock_days_between(const char *from, const char *to,
                        int64_t *days) ATTR_MUST_CHECK;

#endif
