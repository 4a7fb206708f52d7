// common/http.h - calls to other services: libcurl on the loop, behind struct http.
//
// A call suspends the fiber; outside a loop (the CLI, probes in tests) it blocks the
// thread. One struct http_service per foreign service, shared by all loops; read-only
// after open.
#ifndef RELAIS_HTTP_H
#define RELAIS_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/job.h"

struct json_object;

struct http_header {
    const char *name; // NULL ends a list
    const char *value;
};

// A part of a multipart/form-data body; fields come before files in the order given.
struct http_part {
    const char *name;
    const char *value; // text of a field, or NULL for a file
    const void *data;  // bytes of a file
    size_t length;
    const char *filename;
    const char *type;
};

struct http_request {
    const char *method; // "GET", ...
    const char *path;   // below the service's base URL, escaped; may hold a query.
                      // An absolute http(s) URL is allowed for files the service names
    const struct http_header *headers; // beyond the service's own; ends with {NULL}
    const void *body;                  // NULL = none
    size_t body_length;
    const char *content_type;      // default application/json when there is a body
    const struct http_part *parts; // multipart instead of body; ends with {0}
    size_t parts_count;
    int64_t timeout_ms; // 0 = the service's; never beyond the job's deadline
    size_t max_bytes;   // largest answer taken; 0 = the service's
    // Must not be repeated blindly: a cut after the bytes left is UNSURE. It only
    // leaves while half of its time (timeout_ms, or EFFECT_TIMEOUT_MS if shorter) is
    // left.
    bool once;
    bool any_status;       // every status is an answer, none is an error
    const char *not_error; // statuses that are answers beside 2xx, e.g. "404"; or NULL
};

struct http_response {
    int status;
    const char *body; // NUL-terminated, belongs to the job
    size_t length;
    const char *content_type; // "" if none
    int64_t retry_after_ms;   // from Retry-After (seconds or date), 0 if none
    int64_t took_ms;
};

// What a call that failed sent and got, as people may see it: in full up to 8 KiB each,
// without headers and secrets. Belongs to the job.
struct http_blamed {
    const char *service;
    const char *request;  // "POST https://host/path?query", an empty line, the body
    const char *response; // "422 application/json", an empty line, the body; or "no
                          // answer"
};

// A foreign service. `call` is the seam: tests put a fake there.
struct http_service {
    const char *name;     // "docuseal": used in errors, metrics, journeys
    const char *base_url; // without trailing slash
    const struct http_header
        *headers;                   // sent with every call (authorisation); {NULL} ends
    const struct error_rule *rules; // its dialect; {0} ends
    int64_t connect_ms;             // default 5000
    int64_t timeout_ms;             // default 30000
    int64_t max_idle_ms; // longest reuse of an idle connection; 0 = curl's own
    size_t max_bytes;    // default 1 MiB
    int max_in_flight;   // of this process, 0 = no limit; callers wait in line
    bool (*call)(const struct http_service *service, struct job *job,
                 const struct http_request *request, struct http_response *response);
    void *fake;                       // for the fake in tests
    struct http_turnstile *turnstile; // private: made by http_service_open
};

// Fills in defaults and the real call. The strings stay the caller's.
void http_service_open(struct http_service *service);
void http_service_close(struct http_service *service);

// One call. A status outside 2xx (and not_error) becomes job->error through the
// service's rules. Redirects are never followed (3xx is an error). Errors: RETRYABLE
// (not sent, or a repeatable call that broke), UNSURE (a `once` call that broke after
// bytes left, or its 5xx), RATE_LIMITED, PERMANENT (also for a path that
// http_check_path() refuses), FATAL, FENCED. Adds a line to the
// journey step of the job. Blocks the fiber (or thread) until the answer or the
// deadline.
bool http_call(const struct http_service *service, struct job *job,
               const struct http_request *request,
               struct http_response *response) ATTR_MUST_CHECK;

// Lets job->blamed tell of this call, as http_call() does by itself for one without an
// answer or with a status outside 2xx; the next call forgets it. For who finds in a
// good status that the call failed.
void http_blame(const struct http_service *service, struct job *job,
                const struct http_request *request,
                const struct http_response *response);

// http_call() with JSON in and out: body may be NULL; returns the parsed answer (a JSON
// value that belongs to the job), or NULL with job->error. An empty answer gives an
// empty object. An answer that is no JSON is RETRYABLE for 2xx (a proxy's page), UNSURE
// if once.
struct json_object *http_json(const struct http_service *service, struct job *job,
                              struct http_request *request,
                              struct json_object *body) ATTR_MUST_CHECK;

// What logs and journeys may show of a request: "GET /items/quotes", without the query;
// "GET (a link)" of an absolute URL, which is a key to what it names. Belongs to the
// job.
const char *http_shown(struct job *job, const struct http_request *request);

// Percent-encodes everything but unreserved characters: one segment of a path, or a
// value of a query. Belongs to the job.
const char *http_escape(struct job *job, const char *text);

// Builds "path?name=value&..." with values escaped; pairs end with {NULL}. Names are
// escaped too (brackets of Directus filters).
const char *http_url(struct job *job, const char *path,
                     const struct http_header query[]);

// The value of Authorization for basic authentication: "Basic " and base64 (RFC 7617).
// Belongs to the job.
const char *http_basic(struct job *job, const char *user, const char *password);

// False, PERMANENT: the request's path is longer than 64 KiB, or an id put into it
// would lead elsewhere: an empty segment, ".", "..", or one that holds a slash.
// http_call() asks this itself, so no caller need.
bool http_check_path(struct job *job,
                     const struct http_request *request) ATTR_MUST_CHECK;

// Retry-After: seconds or an HTTP date, as milliseconds from now; 0 if unreadable;
// capped at one day.
int64_t http_retry_after_ms(const char *value, int64_t now_wall_ms);

// Once per program, before threads; and at its end.
void http_init(void);
void http_exit(void);

#endif
