// workers/invoice_ninja/api.h - one call of Invoice Ninja's API, its dialect, and its
// numbers.
//
// Facts are from the source of Invoice Ninja 5.10: success is always 200 and {"data":
// ...}; "not found" is a 400, a bad key a 403, a missing right a 401; two equal writes
// within a second get a 400 "Duplicate request"; numbers are PHP floats, 17000 as well
// as 5513.1. All calls suspend the fiber.
#ifndef RELAIS_NINJA_API_H
#define RELAIS_NINJA_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/http.h"
#include "common/job.h"

struct json_object;
struct ninja;

// Invoice Ninja's dialect: status and text -> kind and hint.
extern const struct error_rule ninja_rules[];

// Sent with every call; without them a refusal comes as a redirect.
extern const struct http_header ninja_headers[];

// One call in the books of a company.
struct ninja_call {
    const char *company; // owner company's code
    const char *method;
    const char *path;                // below /api/v1, escaped
    const struct http_header *query; // NULL = none
    struct json_object *body;        // NULL = none
    bool once;                       // must not be repeated blindly
};

// Makes it and returns the answer's "data" (object or array). NULL with job->error;
// where the company has no key of its own see key.h.
struct json_object *ninja_ask(struct job *job, const struct ninja *ninja,
                              const struct ninja_call *call) ATTR_MUST_CHECK;

// The same for one object that may not be there: *data becomes NULL then.
bool ninja_ask_for(struct job *job, const struct ninja *ninja,
                   const struct ninja_call *call,
                   struct json_object **data) ATTR_MUST_CHECK;

// A list that must be an array of rows.
struct json_object *ninja_list(struct job *job, const struct ninja *ninja,
                               const struct ninja_call *call) ATTR_MUST_CHECK;

// GET /ping with that key: whether Invoice Ninja answers at all; a refusal is an
// answer.
bool ninja_ping(struct job *job, const struct ninja *ninja, const char *key,
                int64_t timeout_ms) ATTR_MUST_CHECK;

// Whether the last error is the refusal with that text: the text of a rule's row.
bool ninja_refused_for(const struct job *job, const char *rule);

// Money at a path (a PHP float) as centimes, rounded; fallback where there is none.
int64_t ninja_cents(struct json_object *obj, const char *path, int64_t fallback);

// The same where it must be there. False (PERMANENT, naming the path): it is not, or is
// no amount of money. what names the object ("invoice 7LDdwrmb1Y").
bool ninja_cents_of(struct job *job, const char *what, struct json_object *obj,
                    const char *path, int64_t *cents) ATTR_MUST_CHECK;

// A status_id at its place, 1 to last. False: PERMANENT.
bool ninja_status_of(struct job *job, const char *what, struct json_object *obj,
                     int last, int *status) ATTR_MUST_CHECK;

// Centimes as Directus takes them: "5513.10". In the job.
const char *ninja_cents_text(struct job *job, int64_t cents);

// A JSON number as Invoice Ninja prints it: 324300 centimes are 3243, 551310 are
// 5513.1.
struct json_object *ninja_money(struct job *job, int64_t cents);

// A decimal text ("8.10") as such a number. NULL: not a decimal (no error is set).
struct json_object *ninja_number(struct job *job, const char *text);

// Seconds since 1970 as RFC 3339 in the job; NULL for 0.
const char *ninja_instant(struct job *job, int64_t seconds);

// {"cents", "currency"}, as events carry money.
struct json_object *ninja_money_of(struct job *job, int64_t cents,
                                   const char *currency);

#endif
