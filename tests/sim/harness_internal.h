// What the harness's own files share; simulators include harness.h only.
#ifndef SIM_HARNESS_INTERNAL_H
#define SIM_HARNESS_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>

#include "harness.h"
#include "harness_fault.h"

struct waiter;
struct hooks;

struct sim {
    const struct sim_ops *ops;
    struct store *store;
    struct json_object *environment; // key -> text, what the environment said
    struct waiter *waiter;
    struct hooks *hooks;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock;
    char public_url[300];
    int64_t last_stamp_ms;
    uint64_t random;
};

enum call_stage {
    STAGE_RECEIVED, // the request is complete, nothing was done
    STAGE_WORK,     // the route's handler runs next
    STAGE_ANSWER,   // the answer is ready
    STAGE_DROP,     // the connection is to be cut
};

struct call_header {
    char name[40];
    char value[501];
};

struct call_private {
    struct MHD_Connection *connection;
    enum call_stage stage;
    bool control;      // the path is under /_sim
    bool watch_client; // stop waiting when the client leaves
    int64_t wait_ms;   // 0: no wait is wanted
    bool (*ready)(struct call *call);
    struct fault_plan fault;
    char *method;
    char *path;
    char *word;
    char *query;
    char *input;
    size_t input_bytes;
    char *haystack; // what faults and kill points are matched against
    int64_t number; // in the log of calls
    int64_t at_ms;
    int64_t first_hook; // webhooks with this id or above were caused by the call
    int64_t end_hook;
    int status;
    char *output;
    size_t output_bytes;
    const char *type;
    struct call_header headers[8];
    int header_count;
};

// The setting must not be shown.
bool sim_setting_secret(struct sim *sim, const char *key);

void sim_lock(struct sim *sim);
void sim_unlock(struct sim *sim);

// harness_http.c
bool http_start(struct sim *sim, uint16_t port, uint16_t *bound);
void http_stop(struct sim *sim);

// harness_request.c, harness_call.c: the life of one call.
struct call *call_new(struct sim *sim, struct MHD_Connection *connection,
                      const char *method, const char *url);
void call_free(struct call *call);
// Adds bytes of the request's body; false if it grows too large.
bool call_append(struct call *call, const char *data, size_t bytes);
// Advances the call until it waits, answers or is cut.
enum MHD_Result call_step(struct call *call);
// The call's wait is over.
void call_resumed(struct call *call);
// The answer reached the socket.
void call_sent(struct call *call);

// harness_route.c: finds the route of the call and runs it.
void route_call(struct call *call);

// harness_control.c
extern const struct sim_route control_routes[];

#endif
