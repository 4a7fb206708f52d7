// common/webhook.h - what an integration tells ingest about its provider's webhook:
// how to verify a delivery, which events it is, and which statuses the provider
// understands.
//
// One struct webhook per integration, named in its CMake line. Ingest reads the
// settings, serves the path and keeps the events; nothing here knows Kafka.
//
// The life of a delivery: the path and the method are looked at, the body is read up to
// INGEST_MAX_BODY, verify() judges the raw bytes, split() makes one event of each item,
// and all events of the delivery are kept before it is answered. If one of them cannot
// be kept, the sender is told that none was: it may send all of them again, and what
// was kept already is known by its id. Secrets per company: common/webhook_secrets.h.
// The parts in use, all in one small file: workers/ingest/tests/sample_webhook.c.
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
    // What one event may weigh; a larger one is refused with the whole delivery. A
    // split() that has something to leave out (the HTML of a mail) leaves it out then.
    size_t max_event_bytes;
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
// every 4xx, some never retry, some take a redirect for success. Nothing else is ever
// sent on the provider's path but what libmicrohttpd says to a request that is no HTTP
// (400, 413, 431, 501, 505). A 503 carries Retry-After, a 405 carries Allow, the others
// nothing that a sender could act on.
struct webhook_dialect {
    int accepted;     // all events are kept, or there are none to keep
    int refused;      // signature or secret missing, wrong or too old
    int malformed;    // genuine, but not what this webhook sends
    int too_large;    // body or event over the limit
    int later;        // genuine, but cannot be kept now
    int wrong_method; // anything but POST
    int elsewhere; // below /api/integrations/<name>/, but not the webhook's path; and
                   // everything while INTEGRATIONS leaves the integration out
};

// What plain HTTP says: for senders that come again after any failure.
#define WEBHOOK_PLAIN_DIALECT                                                \
    {                                                                        \
        .accepted = 200, .refused = 401, .malformed = 400, .too_large = 413, \
        .later = 503, .wrong_method = 405, .elsewhere = 404                  \
    }

// For senders that never come again, and that take some 4xx for "remove this webhook":
// nobody reads the status but the person who looks into the sender's log.
#define WEBHOOK_FRAGILE_DIALECT                                              \
    {                                                                        \
        .accepted = 200, .refused = 401, .malformed = 500, .too_large = 500, \
        .later = 500, .wrong_method = 500, .elsewhere = 500                  \
    }

struct webhook {
    const char *name;  // "docuseal"
    const char *path;  // NULL = /api/integrations/<name>/webhook
    const char *topic; // NULL = <name>.webhooks
    size_t state_size;
    const struct config_setting *settings; // read into the state
    // Tables of what open() reads by itself, for docs/settings.md; ends with NULL. NULL
    // = none.
    const struct config_setting *const *more_settings;
    struct webhook_dialect dialect;
    bool put_too; // PUT is as good as POST

    // After the settings were read, and again into a fresh state when secrets are read
    // anew. Only checks and prepares; may be NULL.
    bool (*open)(void *state, struct error *err);
    // Frees what open() made, also when open() failed; the settings are not its
    // business. May be NULL.
    void (*close)(void *state);
    // Whether the secrets are there; `why` (size bytes) names the setting that is
    // missing. Without them verify() refuses everything.
    bool (*ready)(const void *state, char *why, size_t size);
    // NULL: the delivery is genuine. Else one static word why not ("bad-signature"): it
    // is counted and logged, the sender only sees the status. Works on the raw bytes,
    // in constant time where secrets are compared. Any thread, any number at once.
    const char *(*verify)(const void *state, struct job *job,
                          const struct webhook_request *request);
    // Turns a genuine delivery into events, in the order in which they are to be kept:
    // one per item of a batch, each with its own id, type and key. None at all is fine:
    // the sender is told `accepted`. False: nothing of it is kept; job->error is
    // PERMANENT and names the member, its http_status is 413 where a limit was passed.
    bool (*split)(const void *state, struct job *job,
                  const struct webhook_request *request, struct webhook_events *out);
};

// The first header of that name (case does not matter), or NULL.
const char *webhook_header(const struct webhook_request *request, const char *name);

// The first query parameter of that name, or NULL.
const char *webhook_query(const struct webhook_request *request, const char *name);

// What a header or a query parameter says, where either may: the one that is there. ""
// if both are missing, NULL if they contradict each other.
const char *webhook_either(const struct webhook_request *request, const char *header,
                           const char *parameter);

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
// "headers": {...}}, where body is the whole delivery or one item of it, with those
// headers of `names` (ended by NULL) that the request has, in lower case. body must be
// valid JSON; ev->company must be set. Never name a header that holds a signature or a
// secret.
void webhook_wrap(struct job *job, struct webhook_event *ev, const char *body,
                  size_t length, const struct webhook_request *request,
                  const char *const names[]);

#endif
