#include "workers/capture/status.h"

#include <string.h>

#include "common/admin.h"
#include "common/clock.h"
#include "common/str.h"

void
capture_status_begin(struct capture_status *status)
{
    pthread_mutex_init(&status->lock, NULL);
    status->phase = CAPTURE_STARTING;
    status->problem[0] = '\0';
    capture_status_turn(status);
}

void
capture_status_end(struct capture_status *status)
{
    pthread_mutex_destroy(&status->lock);
}

void
capture_status_turn(struct capture_status *status)
{
    atomic_store(&status->turned_ms, clock_ms());
    admin_notify("WATCHDOG=1");
}

int64_t
capture_status_idle_ms(struct capture_status *status)
{
    return clock_ms() - atomic_load(&status->turned_ms);
}

bool
capture_status_set(struct capture_status *status, enum capture_phase phase,
                   const char *problem)
{
    char cut[sizeof status->problem];

    str_copy(cut, sizeof cut, problem);
    pthread_mutex_lock(&status->lock);
    bool news = status->phase != phase || strcmp(status->problem, cut) != 0;
    status->phase = phase;
    memcpy(status->problem, cut, sizeof cut);
    pthread_mutex_unlock(&status->lock);
    return news;
}

enum capture_phase
capture_status_get(struct capture_status *status, char *problem, size_t size)
{
    pthread_mutex_lock(&status->lock);
    enum capture_phase phase = status->phase;
    str_copy(problem, size, status->problem);
    pthread_mutex_unlock(&status->lock);
    return phase;
}
