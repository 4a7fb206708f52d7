// common/http_turnstile.h - how many calls to one service this process makes at once;
// who comes too many waits in line, over all loops. Private to http*.c.
#ifndef RELAIS_HTTP_TURNSTILE_H
#define RELAIS_HTTP_TURNSTILE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct http_turnstile;

// Places for calls to one service, over all loops.
struct http_turnstile *http_turnstile_new(int places);
void http_turnstile_free(struct http_turnstile *turnstile);

// Takes a place; suspends the fiber until there is one or the job's deadline passed
// (RETRYABLE). Outside a loop it does not count.
bool http_turnstile_enter(struct http_turnstile *turnstile,
                          struct job *job) ATTR_MUST_CHECK;
void http_turnstile_leave(struct http_turnstile *turnstile);

#endif
