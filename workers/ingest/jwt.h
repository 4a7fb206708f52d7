// workers/ingest/jwt.h - JSON Web Tokens signed with HMAC-SHA256, as a Directus flow
// sends them.
#ifndef RELAIS_INGEST_JWT_H
#define RELAIS_INGEST_JWT_H

#include <stddef.h>
#include <stdint.h>

#include "common/job.h"

struct json_object;

enum {
    INGEST_JWT_LEEWAY_MS = 60 * 1000, // two clocks are never the same
    INGEST_JWT_LONGEST_MS =
        3600 * 1000, // a token older than this is stale whatever exp says
};

// Checks a compact token against the secrets (an array ended by NULL; empty ones are
// skipped): HS256 only, iat and exp required, exp not over, iat not in the future and
// not older than an hour. NULL: good. Else a static word: "malformed-token",
// "bad-signature", "bad-algorithm", "no-expiry", "expired-token", "future-token".
const char *ingest_jwt_verify(struct job *job, const char *token, size_t length,
                              const char *const secrets[], int64_t now_ms);

// The claims of a token that was verified before: a JSON object that belongs to the
// job. NULL: job->error is PERMANENT.
struct json_object *ingest_jwt_claims(struct job *job, const char *token,
                                      size_t length) ATTR_MUST_CHECK;

#endif
