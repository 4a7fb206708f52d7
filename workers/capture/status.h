// workers/capture/status.h - what the admin thread may know of the one that works.
#ifndef RELAIS_CAPTURE_STATUS_H
#define RELAIS_CAPTURE_STATUS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum capture_phase {
    CAPTURE_STARTING,
    CAPTURE_STANDBY, // another one is active
    CAPTURE_ACTIVE,
};

struct capture_status {
    pthread_mutex_t lock;
    enum capture_phase phase;
    char problem[512]; // what is missing, "" if nothing
    _Atomic int64_t turned_ms;
};

// In the caller's memory; used by the working and the admin thread.
void capture_status_begin(struct capture_status *status);
void capture_status_end(struct capture_status *status);

// The working thread came round: food for livez and systemd's watchdog.
void capture_status_turn(struct capture_status *status);
int64_t capture_status_idle_ms(struct capture_status *status);

// Says how things are; problem "" if nothing is missing. True if that is news.
bool capture_status_set(struct capture_status *status, enum capture_phase phase,
                        const char *problem);

// The phase, and the problem copied to `problem` (size bytes).
enum capture_phase capture_status_get(struct capture_status *status, char *problem,
                                      size_t size);

#endif
