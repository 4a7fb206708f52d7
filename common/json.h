// common/json.h - typed access to JSON in a job (json-c).
//
// "Required" accessors set job->error (PERMANENT, naming the member) and fail; the *_or
// forms take a fallback and cannot fail. What they return belongs to the job or to the
// object read. Member paths may be dotted: "data.submission.id".
#ifndef RELAIS_JSON_H
#define RELAIS_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

enum { JSON_DEPTH = 32 };

// Parses a whole text: strict, valid UTF-8, at most JSON_DEPTH deep. The result belongs
// to the job. NULL: job->error is PERMANENT and says where it broke.
struct json_object *json_parse(struct job *job, const void *text,
                               size_t length) ATTR_MUST_CHECK;

// The same without a job; the caller owns the result (json_object_put by json_drop()).
struct json_object *json_parse_raw(const void *text, size_t length) ATTR_MUST_CHECK;
void json_drop(struct json_object *obj);

// The member at a dotted path, or NULL if absent or null.
struct json_object *json_at(struct json_object *obj, const char *path);

// A required non-empty string without NUL. Numbers are not strings.
const char *json_string(struct job *job, struct json_object *obj,
                        const char *path) ATTR_MUST_CHECK;
const char *json_string_or(struct json_object *obj, const char *path,
                           const char *fallback);

// A string or a number as its text (ids come as either); NULL if absent.
const char *json_text_or(struct json_object *obj, const char *path,
                         const char *fallback);

// A whole number or a bool at the path; json_i64() wants it there and not a fraction
// (PERMANENT, naming the path), the others give the fallback. Databases without bools
// say 0 and 1.
bool json_i64(struct job *job, struct json_object *obj, const char *path,
              int64_t *value) ATTR_MUST_CHECK;
int64_t json_i64_or(struct json_object *obj, const char *path, int64_t fallback);
bool json_bool_or(struct json_object *obj, const char *path, bool fallback);

// An array at the path, or NULL if it is absent or something else.
struct json_object *json_array_or_null(struct json_object *obj, const char *path);

// Building. New objects belong to the job; json_set_* on a NULL text stores null.
struct json_object *json_object_in(struct job *job);
struct json_object *json_array_in(struct job *job);
void json_set_string(struct json_object *obj, const char *name, const char *value);
void json_set_i64(struct json_object *obj, const char *name, int64_t value);
void json_set_bool(struct json_object *obj, const char *name, bool value);
// Shares `value` (takes a reference of its own; the caller's stays the caller's).
void json_set(struct json_object *obj, const char *name, struct json_object *value);
void json_add(struct json_object *array, struct json_object *value);
void json_add_string(struct json_object *array, const char *value);

// Serialised without spaces; the text lives as long as the object is not changed.
const char *json_print(struct json_object *obj, size_t *length);

// SHA-256 (hex, in the job) of the object with its members sorted: a content hash.
const char *json_hash(struct job *job, struct json_object *obj);

#endif
