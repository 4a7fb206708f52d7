// Faults on demand and kill points; both are rows of the store, so they outlive the
// simulator, and are written by harness_control.c. Everything here runs under the lock.
#ifndef SIM_HARNESS_FAULT_H
#define SIM_HARNESS_FAULT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct sim;

enum fault_kind {
    FAULT_NONE = 0,
    FAULT_LATENCY, // ms late
    FAULT_STATUS,  // a status of choice
    FAULT_429,     // refused without Retry-After
    FAULT_RETRY_AFTER_429,
    FAULT_500,
    FAULT_HTML, // a page where JSON was expected
    FAULT_REDIRECT,
    FAULT_SILENCE,    // no answer at all
    FAULT_CUT_BEFORE, // the connection is reset, nothing was done
    FAULT_CUT_AFTER,  // everything was done, the connection is reset
    FAULT_CUT_DURING, // everything was done, half the answer is sent
    FAULT_MAIL_LOST,  // everything is done, but no mail is made
    FAULT_WEBHOOK_BEFORE_ANSWER,
    FAULT_WEBHOOK_LOST,
    FAULT_WEBHOOK_DOUBLE,
    FAULT_WEBHOOK_TRIPLE,
    FAULT_WEBHOOK_REORDER,
    FAULT_WEBHOOK_DELAY,
};

// What the faults that match a call want done to it.
struct fault_plan {
    enum fault_kind kind; // FAULT_NONE: nothing
    bool after;           // the work is done first
    int64_t id;
    int64_t ms;
    int status;
    int64_t retry_after_s;
    char name[32];
    char location[256];
    bool webhook_first; // its webhooks arrive before its answer
    bool mail_lost;
};

// What the faults that match a webhook want done to it.
struct fault_hook_plan {
    bool lost;
    int copies; // 1: just itself
    bool reorder;
    int64_t hold_ms; // how long at most it lets others pass
    int64_t delay_ms;
};

// What a call looks like to a fault.
struct fault_target {
    const char *method;
    const char *path;     // without the prefix
    const char *raw_path; // as it came
    const char *text;     // URL, body and external ids
};

// Turns a description as posted to /_sim/faults into a row. NULL, with a sentence in
// problem, if it is not one.
struct json_object *fault_parse(struct json_object *wish, char *problem,
                                int problem_bytes);

// Finds the faults for a call, and counts them as used.
void fault_take(struct sim *sim, const struct fault_target *target,
                struct fault_plan *plan);

// Finds the faults for a webhook, and counts them as used.
void fault_take_hook(struct sim *sim, const char *event_type, const char *text,
                     struct fault_hook_plan *plan);

// Turns a description as posted to /_sim/exec into a row; like fault_parse.
struct json_object *kill_parse(struct json_object *wish, char *problem,
                               int problem_bytes);

// Sends the signals registered for this point and target.
void kill_fire(struct sim *sim, const char *point, const struct fault_target *target);

#endif
