// workers/ingest/wait.h - condition variables that wait by the monotonic clock.
#ifndef RELAIS_INGEST_WAIT_H
#define RELAIS_INGEST_WAIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

// Makes a condition variable for ingest_wait_until(). Aborts without memory.
void ingest_wait_init(pthread_cond_t *cond);

// Waits for a signal, at most until until_ms of clock_ms(). False: the time is over.
bool ingest_wait_until(pthread_cond_t *cond, pthread_mutex_t *mutex, int64_t until_ms);

#endif
