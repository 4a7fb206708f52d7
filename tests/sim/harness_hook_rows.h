// What harness_hook.c (the rows) and harness_hook_send.c (the thread) share. All under
// the simulator's lock, but for curl's own work.
#ifndef SIM_HARNESS_HOOK_ROWS_H
#define SIM_HARNESS_HOOK_ROWS_H

#include <curl/curl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "harness.h"
#include "harness_hook.h"

enum { HOOKS_AT_ONCE = 5 };

// One transfer on its way.
struct flight {
    CURL *easy; // NULL: free
    struct curl_slist *headers;
    struct hook_message message;
    int64_t id;
    char event_type[64];
};

struct hooks {
    struct sim *sim;
    pthread_t thread;
    CURLM *multi;
    struct flight flights[HOOKS_AT_ONCE];
    int64_t *open; // ids of rows that may have to be sent, oldest first
    size_t open_count;
    size_t open_room;
    _Atomic bool stopping;
};

// Remembers that the row may have to be sent; forgets those that need not any more.
void hook_rows_push(struct hooks *hooks, int64_t id);
void hook_rows_tidy(struct hooks *hooks);

// The row is in that state; is waiting or held; gets another state.
bool hook_row_is(struct json_object *row, const char *state);
bool hook_row_is_open(struct json_object *row);
void hook_row_set(struct sim *sim, struct json_object *row, const char *state);

// Says whether the row is on its way right now.
bool hook_in_flight(struct hooks *hooks, int64_t id);

// Asks the faults, once per webhook, what is to become of it.
void hook_row_plan(struct hooks *hooks, struct json_object *row, const char *body);

// Lets go of everything about this subject that let others pass.
void hook_rows_release(struct hooks *hooks, int64_t subject);

void hook_message_free(struct hook_message *message);

#endif
