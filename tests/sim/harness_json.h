// Short names over json-c. Pointers that come out are borrowed; objects that go in
// through json_add are given away, those through json_share are not.
#ifndef SIM_HARNESS_JSON_H
#define SIM_HARNESS_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Parses exactly one JSON text of valid UTF-8; NULL if it is anything else.
struct json_object *json_parse(const char *text, size_t bytes);

// The member, or NULL if it is absent or null (or if obj is no object).
struct json_object *json_at(struct json_object *obj, const char *key);

// Says whether the key is there at all, be it with null.
bool json_has(struct json_object *obj, const char *key);

// The member if it is a string, else NULL.
const char *json_str(struct json_object *obj, const char *key);

// The member as a number (a string of digits counts too), else fallback.
int64_t json_int(struct json_object *obj, const char *key, int64_t fallback);

// The member if it is true or false, else fallback.
bool json_flag(struct json_object *obj, const char *key, bool fallback);

// Says whether the member is an array.
bool json_is_array(struct json_object *obj, const char *key);

// Says whether the member is an object.
bool json_is_object(struct json_object *obj, const char *key);

void json_add(struct json_object *obj, const char *key, struct json_object *child);
void json_share(struct json_object *obj, const char *key, struct json_object *child);
void json_add_str(struct json_object *obj, const char *key, const char *text);
void json_add_int(struct json_object *obj, const char *key, int64_t number);
void json_add_bool(struct json_object *obj, const char *key, bool flag);
void json_add_null(struct json_object *obj, const char *key);

// Adds an instant as ISO-8601, or null if at_ms is not above 0.
void json_add_time(struct json_object *obj, const char *key, int64_t at_ms);

// Appends a copy of text.
void json_push_str(struct json_object *array, const char *text);

// The whole object compact, with nothing escaped that need not be; the caller frees.
char *json_text(struct json_object *obj);

// The same with & < > and the two line separators written as \u escapes.
char *json_text_escaped(struct json_object *obj);

// A copy that shares nothing with the original.
struct json_object *json_clone(struct json_object *obj);

// Reads a decimal number that fills the whole text.
bool json_number(const char *text, int64_t *number);

#endif
