#include "workers/ingest/wait.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "common/clock.h"

void
ingest_wait_init(pthread_cond_t *cond)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0
        || pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) != 0
        || pthread_cond_init(cond, &attributes) != 0)
        abort();
    pthread_condattr_destroy(&attributes);
}

bool
ingest_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ms)
{
    struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                             .tv_nsec = (long)(until_ms % 1000) * 1000000};
    return pthread_cond_timedwait(cond, mutex, &until) != ETIMEDOUT;
}
