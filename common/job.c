#include "common/job.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/str.h"

enum {
    // There may be 10,000 jobs at once, and most of them are small.
    FIRST_CHUNK_BYTES = 2 * 1024,
    LARGEST_CHUNK_BYTES = 64 * 1024,
};

struct job_chunk {
    struct job_chunk *next;
    size_t used, room; // bytes of `memory`
    bool lent;
    max_align_t memory[];
};

struct job_owned {
    struct job_owned *next;
    void (*free_fn)(void *what);
    void *what;
};

void
job_begin(struct job *job, int64_t timeout_ms)
{
    *job = (struct job){.deadline_ms = clock_ms() + timeout_ms};
}

void
job_lend(struct job *job, void *memory, size_t bytes)
{
    struct job_chunk *chunk = memory;
    chunk->room = bytes - sizeof *chunk;
    chunk->lent = true;
    job->chunks = chunk;
}

void
job_end(struct job *job)
{
    // What is freed may still look at the job's memory, so that goes last.
    while (job->owned != NULL) {
        struct job_owned *owned = job->owned;
        job->owned = owned->next;
        owned->free_fn(owned->what);
    }
    while (job->chunks != NULL) {
        struct job_chunk *chunk = job->chunks;
        job->chunks = chunk->next;
        if (chunk->lent)
            memset(chunk, 0, sizeof *chunk + chunk->used);
        else
            free(chunk);
    }
    job->settlement = NULL;
}

// The room of the next chunk: twice the last one's, or what a large piece needs.
static size_t
next_room(const struct job *job, size_t bytes)
{
    const size_t head = sizeof(struct job_chunk);
    size_t total = FIRST_CHUNK_BYTES;
    if (job->chunks != NULL)
        total = (job->chunks->room + head) * 2;
    if (total > LARGEST_CHUNK_BYTES)
        total = LARGEST_CHUNK_BYTES;
    return bytes > total - head ? bytes : total - head;
}

void *
job_alloc(struct job *job, size_t bytes)
{
    const size_t unit = sizeof(max_align_t);
    if (bytes > SIZE_MAX / 2)
        abort();
    bytes = bytes == 0 ? unit : (bytes + unit - 1) / unit * unit;

    struct job_chunk *chunk = job->chunks;
    if (chunk == NULL || bytes > chunk->room - chunk->used) {
        size_t room = next_room(job, bytes);
        chunk = str_calloc(1, sizeof *chunk + room);
        chunk->room = room;
        chunk->next = job->chunks;
        job->chunks = chunk;
    }
    void *memory = (char *)chunk->memory + chunk->used;
    chunk->used += bytes;
    return memory;
}

char *
job_memdup(struct job *job, const void *data, size_t length)
{
    char *copy = job_alloc(job, length + 1);
    if (length > 0)
        memcpy(copy, data, length);
    return copy;
}

char *
job_strdup(struct job *job, const char *text)
{
    return text == NULL ? NULL : job_memdup(job, text, strlen(text));
}

char *
job_vprintf(struct job *job, const char *fmt, va_list args)
{
    char most[256]; // texts are shorter
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(most, sizeof most, fmt, again);
    va_end(again);
    if (length < 0)
        abort();
    if ((size_t)length < sizeof most)
        return job_memdup(job, most, (size_t)length);
    char *text = job_alloc(job, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, fmt, args);
    return text;
}

char *
job_printf(struct job *job, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = job_vprintf(job, fmt, args);
    va_end(args);
    return text;
}

void
job_defer(struct job *job, void (*free_fn)(void *), void *what)
{
    struct job_owned *owned = job_alloc(job, sizeof *owned);
    *owned = (struct job_owned){.next = job->owned, .free_fn = free_fn, .what = what};
    job->owned = owned;
}

static void
drop_object(void *obj)
{
    json_object_put(obj);
}

struct json_object *
job_own(struct job *job, struct json_object *obj)
{
    if (obj != NULL)
        job_defer(job, drop_object, obj);
    return obj;
}

int64_t
job_now_ms(const struct job *job)
{
    return clock_wall_ms() + job->ahead_ms;
}

const char *
job_today(struct job *job)
{
    char *date = job_alloc(job, CLOCK_DATE);
    clock_date(job_now_ms(job), date);
    return date;
}

int64_t
job_left_ms(const struct job *job)
{
    int64_t left_ms = job->deadline_ms - clock_ms();
    return left_ms > 0 ? left_ms : 0;
}

bool
job_may_call(struct job *job)
{
    if (job->allowed != NULL && !job->allowed(job))
        return error_fenced(&job->error, "the partition was taken away");
    if (job_left_ms(job) == 0)
        return error_retryable(&job->error, "the attempt's time is over");
    return true;
}
