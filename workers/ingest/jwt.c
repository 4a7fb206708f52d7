#include "workers/ingest/jwt.h"

#include <string.h>

#include "common/hmac.h"
#include "common/json.h"

// The three parts of "<header>.<claims>.<signature>", still in base64url.
struct jwt_parts {
    const char *header, *claims, *signature;
    size_t header_length, claims_length, signature_length;
    size_t signed_length; // header, dot and claims
};

static bool
cut(const char *token, size_t length, struct jwt_parts *parts)
{
    const char *end = token + length;
    const char *first = memchr(token, '.', length);
    if (first == NULL)
        return false;
    const char *second = memchr(first + 1, '.', (size_t)(end - first - 1));
    if (second == NULL || memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
        return false;
    *parts = (struct jwt_parts){
        .header = token,
        .header_length = (size_t)(first - token),
        .claims = first + 1,
        .claims_length = (size_t)(second - first - 1),
        .signature = second + 1,
        .signature_length = (size_t)(end - second - 1),
        .signed_length = (size_t)(second - token),
    };
    return true;
}

// Whether one of the secrets made the signature. Each is tried whatever the others say.
static bool
signed_by_one(const char *token, const struct jwt_parts *parts,
              const char *const secrets[])
{
    unsigned char given[HMAC_BYTES];
    char given_hex[HMAC_HEX];
    bool found = false;

    long bytes =
        hmac_base64(parts->signature, parts->signature_length, given, sizeof given);
    if (bytes != HMAC_BYTES)
        return false;
    hmac_hex(given, sizeof given, given_hex);
    for (; *secrets != NULL; secrets++) {
        unsigned char mac[HMAC_BYTES];
        char expected[HMAC_HEX];
        if ((*secrets)[0] == '\0')
            continue;
        hmac_sha256(*secrets, strlen(*secrets), token, parts->signed_length, NULL, 0,
                    mac);
        hmac_hex(mac, sizeof mac, expected);
        found |= hmac_same(given_hex, expected);
    }
    return found;
}

static struct json_object *
decode(struct job *job, const char *text, size_t length)
{
    size_t room = length / 4 * 3 + 3;
    unsigned char *json = job_alloc(job, room);
    long bytes = hmac_base64(text, length, json, room);
    if (bytes < 0) {
        error_permanent(&job->error, "the token is not base64url");
        return NULL;
    }
    struct json_object *obj = json_parse(job, json, (size_t)bytes);
    if (obj != NULL && !json_object_is_type(obj, json_type_object)) {
        error_permanent(&job->error, "a part of the token is not an object");
        return NULL;
    }
    return obj;
}

// Seconds of a NumericDate, which may have a fraction; -1 if absent or absurd.
static int64_t
date_of(struct json_object *claims, const char *name)
{
    struct json_object *date = json_at(claims, name);
    if (!json_object_is_type(date, json_type_int)
        && !json_object_is_type(date, json_type_double))
        return -1;
    double seconds = json_object_get_double(date);
    return seconds < 0 || seconds > 1e11 ? -1 : (int64_t)seconds;
}

static const char *
check_dates(struct json_object *claims, int64_t now_ms)
{
    int64_t issued_ms = date_of(claims, "iat") * 1000;
    int64_t expires_ms = date_of(claims, "exp") * 1000;
    int64_t begins_ms = date_of(claims, "nbf") * 1000;

    if (issued_ms < 0 || expires_ms < 0)
        return "no-expiry";
    if (expires_ms <= now_ms - INGEST_JWT_LEEWAY_MS
        || issued_ms < now_ms - INGEST_JWT_LONGEST_MS)
        return "expired-token";
    if (issued_ms > now_ms + INGEST_JWT_LEEWAY_MS
        || begins_ms > now_ms + INGEST_JWT_LEEWAY_MS)
        return "future-token";
    return NULL;
}

const char *
ingest_jwt_verify(struct job *job, const char *token, size_t length,
                  const char *const secrets[], int64_t now_ms)
{
    struct jwt_parts parts;
    if (!cut(token, length, &parts))
        return "malformed-token";
    // The signature comes first: nothing of an unsigned token is parsed, and whatever
    // algorithm it claims, only HMAC-SHA256 is computed.
    if (!signed_by_one(token, &parts, secrets))
        return "bad-signature";
    struct json_object *header = decode(job, parts.header, parts.header_length);
    struct json_object *claims = decode(job, parts.claims, parts.claims_length);
    if (header == NULL || claims == NULL)
        return "malformed-token";
    if (strcmp(json_string_or(header, "alg", ""), "HS256") != 0
        || json_at(header, "crit") != NULL)
        return "bad-algorithm";
    return check_dates(claims, now_ms);
}

struct json_object *
ingest_jwt_claims(struct job *job, const char *token, size_t length)
{
    struct jwt_parts parts;
    if (!cut(token, length, &parts)) {
        error_permanent(&job->error, "the body is not a token");
        return NULL;
    }
    return decode(job, parts.claims, parts.claims_length);
}
