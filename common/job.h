// common/job.h - memory, error and deadline of one unit of work.
//
// Everything a handler touches belongs to its job and dies in job_end(): handlers free
// nothing. A job is used by one fiber (or one thread) at a time. Out of memory aborts.
#ifndef RELAIS_JOB_H
#define RELAIS_JOB_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"

struct json_object;
struct job_chunk;
struct job_owned;
struct settlement;
struct ledger;
struct redis;
struct event;
struct http_blamed;

struct job {
    struct error error;
    int64_t deadline_ms; // of clock_ms(): past it no call is made and no wait goes on
    bool (*allowed)(
        struct job *job);          // NULL, or false once the partition was taken away
    struct settlement *settlement; // what will be written when the attempt ends
    struct ledger *ledger;         // where effects and state are kept
    struct redis *redis;           // what processes share, or NULL
    int64_t effect_timeout_ms;     // bounds the call of an effect
    int64_t effect_margin_ms;      // waited beyond it before an unsure one is looked up
    int64_t effect_age_ms;         // in find(): how long ago the unsure attempt began
    const struct event *event;     // what is being handled, or NULL (sweep, probe)
    const char *program; // name of the program: ce_source of what it publishes
    bool once_done;      // a call that must not be repeated may have been done
    bool quiet;          // no journey is kept: its calls need not be written down
    int64_t ahead_ms;    // how far the business's clock was moved: see job_now_ms()
    void *owner;         // of whoever runs the job (the worker's attempt)

    // the last call, as people may see it, where it failed (http.h)
    const struct http_blamed *blamed;

    // private to job.c
    struct job_chunk *chunks;
    struct job_owned *owned;
};

// Starts a job in the caller's memory with a deadline timeout_ms from now.
void job_begin(struct job *job, int64_t timeout_ms);

// Lends a job that has just begun its first memory: zeroed, aligned for anything, and
// the lender's again (zeroed) after job_end(). Saves an allocation where jobs come and
// go.
void job_lend(struct job *job, void *memory, size_t bytes);

// Frees everything that belongs to the job. Safe to call twice.
void job_end(struct job *job);

// Memory of the job, zeroed and aligned for anything.
void *job_alloc(struct job *job, size_t bytes);
char *job_strdup(struct job *job, const char *text);                // NULL stays NULL
char *job_memdup(struct job *job, const void *data, size_t length); // adds a NUL
char *job_printf(struct job *job, const char *fmt, ...) ATTR_PRINTF(2, 3);
char *job_vprintf(struct job *job, const char *fmt, va_list args) ATTR_PRINTF(2, 0);

// Gives the job a reference that it drops at its end. Returns obj.
struct json_object *job_own(struct job *job, struct json_object *obj);

// Calls free_fn(what) at the job's end, last registered first.
void job_defer(struct job *job, void (*free_fn)(void *), void *what);

// The instant and the date (Europe/Zurich, "YYYY-MM-DD", in the job) of the business:
// by these, papers expire and invoices are overdue. The same as clock_wall_ms() unless
// `relais clock` moved it, which tests and demos do.
int64_t job_now_ms(const struct job *job);
const char *job_today(struct job *job);

// Milliseconds left until the deadline, never below 0.
int64_t job_left_ms(const struct job *job);

// Whether an outgoing call may still be made. False with an error set: FENCED after the
// partition was taken away, RETRYABLE past the deadline.
bool job_may_call(struct job *job) ATTR_MUST_CHECK;

#endif
