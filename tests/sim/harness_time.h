// Time as the simulators need it: milliseconds in, ISO-8601 out.
#ifndef SIM_HARNESS_TIME_H
#define SIM_HARNESS_TIME_H

#include <stdbool.h>
#include <stdint.h>

enum { TIME_TEXT_BYTES = 32 };

// The wall clock, in milliseconds since 1970.
int64_t time_now_ms(void);

// A clock that never jumps, in milliseconds; only differences mean something.
int64_t time_mono_ms(void);

// Writes at_ms as "2026-08-12T09:14:05.123Z".
void time_format(int64_t at_ms, char out[TIME_TEXT_BYTES]);

// Reads an ISO-8601 date or instant, with or without fraction and offset (none means
// UTC). Returns false, leaving *at_ms alone, if text is neither.
bool time_parse(const char *text, int64_t *at_ms);

#endif
