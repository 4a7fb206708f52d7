#include "common/progress.h"

void
progress_look(struct progress *progress, int64_t now_ms)
{
    int64_t passed_ms = progress->looked_ms == 0 ? 0 : now_ms - progress->looked_ms;
    progress->looked_ms = now_ms;
    progress->passed_ms = passed_ms > PROGRESS_LOOK_MS ? PROGRESS_LOOK_MS : passed_ms;
}

bool
progress_note(struct progress *progress, int thread, uint64_t turns, bool waits)
{
    bool moved = waits || turns != progress->turns[thread];
    progress->turns[thread] = turns;
    if (moved)
        atomic_store(&progress->still_ms[thread], 0);
    else
        atomic_fetch_add(&progress->still_ms[thread], progress->passed_ms);
    return moved;
}

int64_t
progress_still_ms(struct progress *progress, int thread)
{
    return atomic_load(&progress->still_ms[thread]);
}
