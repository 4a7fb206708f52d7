// common/webhook.h - what an integration tells ingest about its provider's webhook:
// how to verify a delivery, which events it is, and which statuses the provider
// understands.
//
// One struct webhook per integration, named in its CMake line. Ingest reads the
// settings, serves the path and keeps the events; nothing here knows Kafka.
#ifndef RELAIS_WEBHOOK_H
#define RELAIS_WEBHOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/config.h"
#include "common/error.h"
#include "common/http.h"
#include "common/job.h"

enum {
    WEBHOOK_EVENTS_MAX = 10000,          // of one delivery
    WEBHOOK_BYTES_MAX = 64 * 1024 * 1024 // of all payloads of one delivery
};

// One delivery as it came in. The lists end with {NULL}.
struct webhook_request {
    const char *method;
    const struct http_header *headers;
    const struct http_header *query; // decoded
    const char *body;                // raw bytes with a NUL behind them
    size_t body_length;
    int64_t now_ms; // clock_wall_ms() at receipt
};

// One event of a delivery. All text lives in the job.
struct webhook_event {
    struct webhook_event *next;
    const char *type;    // "docuseal.form.completed": [A-Za-z0-9._-] only
    const char *id;      // the same for every delivery of the same event
    const char *source;  // "docuseal"
    const char *key;     // the lane
    const char *subject; // the entity's root, "" if unknown
    const char *company; // owner company's code, "" if unknown; also in the payload
    const char *time;    // RFC 3339; NULL = the time of receipt
    const void *payload; // JSON
    size_t payload_length;
};

struct webhook_events {
    struct webhook_event *first, *last;
    size_t count;
    size_t bytes; // of all payloads
};

// The statuses this provider gets. What it does with them is in contracts: some retry
// every 4xx, some never retry, some take a redirect for success.
struct webhook_dialect {
    int accepted;     // the event is kept
    int refused;      // signature or secret missing, wrong or too old
    int malformed;    // genuine, but not what this webhook sends
    int too_large;    // body or event over the limit
    int later;        // genuine, but cannot be kept now
    int wrong_method; // anything but POST; 405 is sent with Allow
};

// 200, 401, 400, 413, 503, 405: what plain HTTP says.
#define WEBHOOK_PLAIN_DIALECT                                                \
    {                                                                        \
        .accepted = 200, .refused = 401, .malformed = 400, .too_large = 413, \
        .later = 503, .wrong_method = 405                                    \
    }

struct webhook {
    const char *name;  // "docuseal"
    const char *path;  // NULL = /api/integrations/<name>/webhook
    const char *topic; // NULL = <name>.webhooks
    size_t state_size;
    const struct config_setting *settings; // read into the state
    struct webhook_dialect dialect;

    // After the settings were read, and again into a fresh state when secrets are read
    // anew. Only checks and prepares; may be NULL.
    bool (*open)(void *state, struct error *err);
    // Whether the secrets are there; `why` (size bytes) names the setting that is
    // missing. Without them verify() refuses everything.
    bool (*ready)(const void *state, char *why, size_t size);
    // NULL: the delivery is genuine. Else one static word why not ("bad-signature"): it
    // is counted and logged, the sender only sees the status. Works on the raw bytes,
    // in constant time where secrets are compared. Any thread, any number at once.
    const char *(*verify)(const void *state, struct job *job,
                          const struct webhook_request *request);
    // Turns a genuine delivery into events. False: job->error is PERMANENT and names
    // the member; its http_status is 413 where a limit was passed.
    bool (*split)(const void *state, struct job *job,
                  const struct webhook_request *request, struct webhook_events *out);
};

// The first header of that name (case does not matter), or NULL.
const char *webhook_header(const struct webhook_request *request, const char *name);

// The first query parameter of that name, or NULL.
const char *webhook_query(const struct webhook_request *request, const char *name);

// A copy in lower case (ASCII only), in the job.
char *webhook_lower(struct job *job, const char *text);

// Whether the text can be part of a lane key: 1 to 100 visible ASCII characters, no
// space. NULL is not.
bool webhook_word(const char *text);

// Appends a copy of the event, in the job. False: job->error is PERMANENT with status
// 413 (too many events or bytes), or names the attribute that is missing or not fit for
// a header.
bool webhook_add(struct job *job, struct webhook_events *events,
                 const struct webhook_event *event) ATTR_MUST_CHECK;

// Sets the event's payload to {"body": <the JSON text as received>, "company": ...,
// "headers": {...}} with those headers of `names` (ended by NULL) that the request has,
// in lower case. body must be valid JSON; ev->company must be set. Never name a header
// that holds a signature or a secret.
void webhook_wrap(struct job *job, struct webhook_event *ev, const char *body,
                  size_t length, const struct webhook_request *request,
                  const char *const names[]);

#endif
