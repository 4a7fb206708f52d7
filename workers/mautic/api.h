// workers/mautic/api.h - one call to Mautic's REST API, whatever the noun.
//
// Facts are from the source of Mautic 5 to 7: errors come as {errors: [..]}, from the
// statistics even with status 200; a body must be sent as JSON, because one that is
// taken for a form writes a blank contact; redirects would turn POST into GET. All
// calls suspend the fiber.
#ifndef RELAIS_MAUTIC_API_H
#define RELAIS_MAUTIC_API_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/http.h"
#include "common/job.h"

struct json_object;
struct mautic;

// Mautic's dialect: status and text -> kind and hint.
extern const struct error_rule mautic_rules[];

struct mautic_call {
    const char *method;
    const char *path;         // below the site: "/api/contacts/47"
    struct json_object *body; // NULL = none
    const char *expect;       // the member that a good answer has: "contact"
    bool once;                // must not be repeated blindly
    bool may_be_gone;         // 404 "not found" is an answer: *answer becomes NULL
};

// Makes the call, with a new token and once more where the old one was refused.
// Errors: of mautic_rules; RETRYABLE (UNSURE if once) where the answer is not Mautic's.
bool mautic_ask(struct job *job, const struct mautic *m, const struct mautic_call *call,
                struct json_object **answer) ATTR_MUST_CHECK;

// "path?where[0][col]=..&where[0][expr]=eq&where[0][val]=..&<more>": pairs of column
// and value that must be equal, ended by {NULL}; `more` is other parameters, ended by
// {NULL}, or NULL.
const char *mautic_where(struct job *job, const char *path,
                         const struct http_header equal[],
                         const struct http_header more[]);

// The rows of an answer's member, which Mautic sends as an array, as an object keyed by
// id, or, when empty, as either. An array in the job.
struct json_object *mautic_rows(struct job *job, struct json_object *answer,
                                const char *member);

// A whole number that Mautic sends as a number or as its text; 0 if there is none.
int64_t mautic_number(struct json_object *obj, const char *member);

#endif
