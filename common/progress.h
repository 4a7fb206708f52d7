// common/progress.h - whether threads that never wait for anybody turn. One thread, the
// watcher, looks at all of them about once a second; any thread may ask.
//
// Time is counted from look to look and no look counts for more than LOOK_MS: a process
// that was frozen, or starved, has not hung.
#ifndef RELAIS_PROGRESS_H
#define RELAIS_PROGRESS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { PROGRESS_THREADS = 40, PROGRESS_LOOK_MS = 2000 };

// {0} is one that nobody has looked at.
struct progress {
    int64_t looked_ms; // of clock_ms(); 0 = never
    int64_t passed_ms; // between the last look and the one before
    uint64_t turns[PROGRESS_THREADS];
    atomic_llong still_ms[PROGRESS_THREADS];
};

// Begins a look; progress_note() then tells of each thread. The watcher.
void progress_look(struct progress *progress, int64_t now_ms);

// How far the thread is: a number that moves while it turns. Who `waits` for others, as
// it may, does not stand still. Returns whether it moved or waits. The watcher.
bool progress_note(struct progress *progress, int thread, uint64_t turns, bool waits);

// For how long the thread has stood still. Any thread, never blocks.
int64_t progress_still_ms(struct progress *progress, int thread);

#endif
