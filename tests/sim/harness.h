// The shared part of the simulators: a loopback HTTP server with a table of routes, a
// state that survives a kill, webhooks with retries, faults on demand, kill points, a
// log of calls, and the common half of the control interface /_sim/.
//
// A simulator is a `struct sim_ops` and a main that calls sim_main(). All its functions
// run under one lock, so they may use the store freely, and must not block.
#ifndef SIM_HARNESS_H
#define SIM_HARNESS_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness_store.h"

struct MHD_Connection;
struct hook_message;
struct call;
struct sim;

// One setting: an environment variable, the name under which code and /_sim/config know
// it, and what it is when nobody says anything. A secret is never shown.
struct sim_setting {
    const char *env;
    const char *key;
    const char *fallback;
    bool secret;
};

// One route. In a pattern a segment ":id" takes a number (call->ids), ":word" takes any
// text and a last "*" takes the rest (call->word). An open route needs no credentials.
struct sim_route {
    const char *method;
    const char *pattern;
    void (*handle)(struct call *call);
    bool open;
};

// What a simulator is. Tables end with {0}; functions marked (optional) may be NULL.
struct sim_ops {
    const char *name;
    const char *prefix; // an optional path prefix that is stripped, as "/api"
    const struct sim_setting *settings;
    const struct sim_route *routes;
    const struct sim_route *controls; // under /_sim, patterns without it

    // Called once before the first call; false, after a line on stderr, ends the
    // program.
    bool (*start)(struct sim *sim);

    // Called once after the last call (optional).
    void (*stop)(struct sim *sim);

    // Checks the credentials; answers the call itself and returns false if they are
    // bad.
    bool (*authorize)(struct call *call);

    // Answers a call that is wrong before any route sees it: 400 (the body is no JSON),
    // 404 (no such route), 429 or 500 (a fault asks for it).
    void (*refuse)(struct call *call, int status);

    // Appends the external ids that the call is about, as strings, to ids: they enter
    // the log of calls, and faults and kill points match them.
    void (*subjects)(struct call *call, struct json_object *ids);

    // Bodies that are no JSON reach the routes too (see call_raw), instead of refuse.
    bool any_body;

    // Writes an answer the way the real server writes JSON; the caller frees.
    char *(*encode)(struct json_object *obj);

    // Does what is due at now_ms; returns when it wants to be called again, or -1. To
    // be called earlier: sim_wake_at (optional).
    int64_t (*on_time)(struct sim *sim, int64_t now_ms);

    // Builds the request of one delivery, as things are now. False: nowhere to send it.
    bool (*hook_build)(struct sim *sim, struct json_object *hook,
                       struct hook_message *message);

    // Minutes until attempt number `failed` + 1, -1 to give up.
    int64_t (*hook_retry_min)(struct json_object *hook, int64_t failed);

    // Told of each attempt's outcome; status 0: no answer (optional).
    void (*hook_result)(struct sim *sim, struct json_object *hook, int status);

    // The whole state for GET /_sim/state; the caller owns it.
    struct json_object *(*state)(struct sim *sim);

    // Called after the store was emptied by /_sim/reset (optional).
    void (*reset)(struct sim *sim);
};

// One call, from its first byte to its last.
struct call {
    struct sim *sim;
    const char *method;
    const char *path;         // decoded, without query and prefix
    struct json_object *body; // parsed, or NULL if there was none or it was no JSON
    int64_t ids[2];           // what ":id" took
    const char *word;         // what ":word" or "*" took
    int account;              // for authorize to remember who calls
    bool mail_lost;           // a fault wants that mails of this call are never made
    bool waited;              // true when the handler is run again after call_wait
    bool ready;               // with waited: because ready() said so, not for the time
    bool answered;            // true once call_answer or call_bytes was called
    struct call_private *own;
};

// Runs the simulator until SIGTERM or SIGINT; returns the exit status of main.
int sim_main(const struct sim_ops *ops);

// The store that holds the simulator's rows.
struct store *sim_store(struct sim *sim);

// A setting as text (never NULL), as a whole number, as a real number, or as a flag.
const char *sim_setting(struct sim *sim, const char *key);
int64_t sim_setting_int(struct sim *sim, const char *key);
double sim_setting_real(struct sim *sim, const char *key);
bool sim_setting_flag(struct sim *sim, const char *key);

// The URL under which people reach the simulator, without a slash at the end.
const char *sim_public_url(struct sim *sim);

// The wall clock in milliseconds, but never the same value twice.
int64_t sim_stamp_ms(struct sim *sim);

// The simulated server's clock in milliseconds since 1970: the wall clock, moved by
// SIM_CLOCK_OFFSET_MS and /_sim/clock. Webhooks are due by the wall clock.
int64_t sim_now_ms(struct sim *sim);

// A number below limit from the simulator's generator (SIM_SEED).
uint32_t sim_random(struct sim *sim, uint32_t limit);

// Asks for on_time to be called at at_ms (wall clock).
void sim_wake_at(struct sim *sim, int64_t at_ms);

// A query parameter or header of the call, or NULL.
const char *call_query(struct call *call, const char *key);
const char *call_header(struct call *call, const char *key);

// The body as it came, ended by a zero byte; NULL if there was none.
const char *call_raw(struct call *call, size_t *bytes);

// The call's webhooks are to be tried before it is answered, as a server does that
// sends them inside the request.
void call_webhooks_first(struct call *call);

// The call's path is that of a route, be it under another method: 405, not 404.
bool call_is_known(struct call *call);

// Answers with JSON, which is given away.
void call_answer(struct call *call, int status, struct json_object *reply);

// Answers with a copy of bytes.
void call_bytes(struct call *call, int status, const char *type, const void *data,
                size_t bytes);

// Adds a header to the answer (at most eight; longer values than 500 bytes are cut).
void call_add_header(struct call *call, const char *name, const char *value);

// Puts the call to sleep until ready (asked under the lock whenever something happened)
// or until ms have passed; then the handler runs again, with call->waited set.
void call_wait(struct call *call, int64_t ms, bool (*ready)(struct call *call));

// Queues a webhook: event_type happened to `subject` at at_ms; ref (given away, may be
// NULL) is for hook_build. It is sent as soon as the call's work is committed. Returns
// its id in the collection "hooks".
int64_t hook_add(struct sim *sim, const char *event_type, int64_t subject,
                 int64_t at_ms, struct json_object *ref);

// Sends the stored webhook once more, as a person does with the "resend" button.
bool hook_resend(struct sim *sim, int64_t id);

// Is filled by hook_build: where to send what. Text members belong to the message.
struct hook_message {
    char *url;
    char *body;
    char *headers[16];       // "Name: value", ended by NULL
    bool put;                // PUT, not POST
    bool redirects_followed; // and a POST becomes a GET on the way
};

// Appends a header, formatted like printf.
void hook_header(struct hook_message *message, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
