// workers/invoice_ninja/key.h - which companies there are, and the key that a call for
// one is made with.
#ifndef RELAIS_NINJA_KEY_H
#define RELAIS_NINJA_KEY_H

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;

// The rows of owner_companies, with their code. NULL: Directus's error.
struct json_object *ninja_owners(struct job *job,
                                 const struct ninja *ninja) ATTR_MUST_CHECK;

// The key of the company with that code. A short code in a variable's name (ENKI)
// serves the one company of owner_companies that it fits; where it fits several,
// nobody knows whose books it opens, and it serves only the one whose code it is.
// NULL: job->error is PERMANENT where there is no key, FATAL where it would serve
// others, or Directus's own.
const char *ninja_key(struct job *job, const struct ninja *ninja,
                      const char *company) ATTR_MUST_CHECK;

#endif
