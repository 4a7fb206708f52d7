// What /livez and systemd's watchdog go by: the threads that wait for nobody turn, the
// loops and, but for a rebalance, the thread that polls Kafka. The keeper and the
// ledger's threads are left out: they wait for Postgres and Kafka for as long as those
// are away, which no restart cures.
#include <stdio.h>

#include "common/clock.h"
#include "common/log.h"
#include "common/str.h"
#include "common/worker_parts.h"

enum { POLL_THREAD = WORKER_LOOPS_MAX, WHY_BYTES = 400 };

_Static_assert((int)POLL_THREAD < (int)PROGRESS_THREADS, "one is for the poll thread");

static void
say(struct worker *worker, int thread, const char *name, struct str *why)
{
    int64_t still_ms = progress_still_ms(&worker->progress, thread);
    if (still_ms >= worker->settings.hung_ms)
        str_printf(why, "%s%s has made no progress for %lld s",
                   why->length > 0 ? "; " : "", name, (long long)(still_ms / 1000));
}

bool
worker_hangs(struct worker *worker, struct str *why)
{
    for (int i = 0; i < worker->loop_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "loop %d", i);
        say(worker, i, name, why);
    }
    say(worker, POLL_THREAD, "the thread that polls Kafka", why);
    return why->length > 0;
}

// Once when it begins, and once when it is over: who restarts it for that leaves no
// other trace.
static void
log_hanging(struct worker *worker)
{
    struct str why;
    str_begin(&why, WHY_BYTES);
    bool hangs = worker_hangs(worker, &why);
    if (hangs && !worker->hanging)
        log_error("hangs", "%s", why.data);
    else if (!hangs && worker->hanging)
        log_info("hangs", "it is over: every thread turns");
    worker->hanging = hangs;
    str_end(&why);
}

bool
worker_moves(struct worker *worker)
{
    struct progress *progress = &worker->progress;
    progress_look(progress, clock_ms());
    bool moves =
        progress_note(progress, POLL_THREAD, kafka_consumer_polls(worker->consumer),
                      kafka_consumer_waits(worker->consumer));
    for (int i = 0; i < worker->loop_count; i++)
        moves &= progress_note(progress, i, loop_turns(worker->loops[i]), false);
    log_hanging(worker);
    return moves;
}
