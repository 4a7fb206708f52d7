#include "harness_json.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "harness_time.h"

struct json_object *
json_parse(const char *text, size_t bytes)
{
    if (bytes > INT_MAX - 1)
        return NULL;
    struct json_tokener *tok = json_tokener_new();
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *obj = json_tokener_parse_ex(tok, text, (int)bytes);
    // A bare number ends only when something follows it.
    if (json_tokener_get_error(tok) == json_tokener_continue)
        obj = json_tokener_parse_ex(tok, "", 1);
    bool ok = json_tokener_get_error(tok) == json_tokener_success;
    json_tokener_free(tok);
    if (ok)
        return obj;
    json_object_put(obj);
    return NULL;
}

struct json_object *
json_at(struct json_object *obj, const char *key)
{
    struct json_object *child = NULL;
    if (!json_object_is_type(obj, json_type_object))
        return NULL;
    json_object_object_get_ex(obj, key, &child);
    return child;
}

bool
json_has(struct json_object *obj, const char *key)
{
    return json_object_is_type(obj, json_type_object)
           && json_object_object_get_ex(obj, key, NULL);
}

const char *
json_str(struct json_object *obj, const char *key)
{
    struct json_object *child = json_at(obj, key);
    if (!json_object_is_type(child, json_type_string))
        return NULL;
    return json_object_get_string(child);
}

bool
json_number(const char *text, int64_t *number)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0)
        return false;
    *number = value;
    return true;
}

int64_t
json_int(struct json_object *obj, const char *key, int64_t fallback)
{
    struct json_object *child = json_at(obj, key);
    int64_t number = fallback;
    if (json_object_is_type(child, json_type_int))
        return json_object_get_int64(child);
    if (json_object_is_type(child, json_type_string))
        json_number(json_object_get_string(child), &number);
    return number;
}

bool
json_flag(struct json_object *obj, const char *key, bool fallback)
{
    struct json_object *child = json_at(obj, key);
    if (!json_object_is_type(child, json_type_boolean))
        return fallback;
    return json_object_get_boolean(child);
}

bool
json_is_array(struct json_object *obj, const char *key)
{
    return json_object_is_type(json_at(obj, key), json_type_array);
}

bool
json_is_object(struct json_object *obj, const char *key)
{
    return json_object_is_type(json_at(obj, key), json_type_object);
}

void
json_add(struct json_object *obj, const char *key, struct json_object *child)
{
    json_object_object_add(obj, key, child);
}

void
json_share(struct json_object *obj, const char *key, struct json_object *child)
{
    json_object_object_add(obj, key, json_object_get(child));
}

void
json_add_str(struct json_object *obj, const char *key, const char *text)
{
    json_add(obj, key, text == NULL ? NULL : json_object_new_string(text));
}

void
json_add_int(struct json_object *obj, const char *key, int64_t number)
{
    json_add(obj, key, json_object_new_int64(number));
}

void
json_add_bool(struct json_object *obj, const char *key, bool flag)
{
    json_add(obj, key, json_object_new_boolean(flag));
}

void
json_add_null(struct json_object *obj, const char *key)
{
    json_add(obj, key, NULL);
}

void
json_add_time(struct json_object *obj, const char *key, int64_t at_ms)
{
    if (at_ms <= 0) {
        json_add_null(obj, key);
        return;
    }
    char text[TIME_TEXT_BYTES];
    time_format(at_ms, text);
    json_add_str(obj, key, text);
}

void
json_push_str(struct json_object *array, const char *text)
{
    json_object_array_add(array, json_object_new_string(text));
}

char *
json_text(struct json_object *obj)
{
    return strdup(json_object_to_json_string_ext(
        obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

// The escape for the character at p and the bytes it takes, or NULL.
static const char *
escape_of(const char *p, size_t *bytes)
{
    *bytes = 1;
    if (*p == '&')
        return "\\u0026";
    if (*p == '<')
        return "\\u003c";
    if (*p == '>')
        return "\\u003e";
    *bytes = 3;
    if (strncmp(p, "\xe2\x80\xa8", 3) == 0)
        return "\\u2028";
    if (strncmp(p, "\xe2\x80\xa9", 3) == 0)
        return "\\u2029";
    return NULL;
}

char *
json_text_escaped(struct json_object *obj)
{
    // These characters can stand only inside strings, so a blind replacement is right.
    const char *plain = json_object_to_json_string_ext(
        obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    char *out = malloc(strlen(plain) * 6 + 1);
    if (out == NULL)
        abort();
    char *to = out;
    while (*plain != '\0') {
        size_t bytes = 0;
        const char *escape = escape_of(plain, &bytes);
        if (escape == NULL) {
            *to++ = *plain++;
            continue;
        }
        memcpy(to, escape, 6);
        to += 6;
        plain += bytes;
    }
    *to = '\0';
    return out;
}

struct json_object *
json_clone(struct json_object *obj)
{
    struct json_object *copy = NULL;
    if (obj != NULL && json_object_deep_copy(obj, &copy, NULL) != 0)
        abort();
    return copy;
}
