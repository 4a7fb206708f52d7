#include "common/json.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/str.h"

enum { PRINT_FLAGS = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE };

// Where json-c takes more than JSON, or keeps another number than was written: raw
// control characters, single quotes, NaN, "1.", numbers beyond 64 bits. Each check
// steps *at over what it looked at.
static const char *
check_number_text(const char *number)
{
    static const char digits[] = "0123456789";
    const char *first = number[0] == '-' ? number + 1 : number;
    long long value = 0;

    if (strspn(first, digits) == 0
        || (first[0] == '0' && first[1] >= '0' && first[1] <= '9'))
        return "a number begins as none of JSON's does";
    // What is no number at all is told by the parser.
    bool fits = isfinite(strtod(number, NULL));
    if (first[strspn(first, digits)] == '\0')
        fits = str_to_i64(number, &value);
    return fits ? NULL : "a number is out of range";
}

static const char *
check_number(const char **at, const char *end)
{
    char number[64] = "";
    size_t length = 0;

    for (; *at < end && **at != '\0' && strchr("+-.0123456789eE", **at); (*at)++) {
        if (**at == '.' && (end - *at < 2 || (*at)[1] < '0' || (*at)[1] > '9'))
            return "a number ends with its point";
        if (length == sizeof number - 1)
            return "a number is too long";
        number[length++] = **at;
    }
    return check_number_text(number);
}

static const char *
check_string(const char **at, const char *end)
{
    for ((*at)++; *at < end && **at != '"'; (*at)++) {
        if ((unsigned char)**at < 0x20)
            return "a control character in a string";
        if (**at == '\\' && end - *at > 1)
            (*at)++;
    }
    if (*at < end)
        (*at)++;
    return NULL;
}

static const char *
check(const char *text, const char *end, size_t *where)
{
    const char *problem = NULL;
    for (const char *at = text; at < end && problem == NULL;) {
        *where = (size_t)(at - text);
        if (*at == '"')
            problem = check_string(&at, end);
        else if (*at == '-' || (*at >= '0' && *at <= '9'))
            problem = check_number(&at, end);
        else if (*at == '\'' || *at == 'N' || *at == 'I')
            problem = "neither a value nor a name in double quotes";
        else
            at++;
    }
    return problem;
}

static bool
only_space(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (strchr(" \t\r\n", text[i]) == NULL || text[i] == '\0')
            return false;
    return true;
}

// Parses the whole text. *obj is NULL for JSON's null. Returns what is wrong, or NULL;
// *where is the byte at which it broke.
static const char *
parse_with(struct json_tokener *tok, const char *text, int length,
           struct json_object **obj, size_t *where)
{
    *obj = json_tokener_parse_ex(tok, text, length);
    enum json_tokener_error problem = json_tokener_get_error(tok);
    *where = json_tokener_get_parse_end(tok);
    if (problem == json_tokener_continue) {
        // A number at the top is only finished by what follows it.
        *obj = json_tokener_parse_ex(tok, "", 1);
        problem = json_tokener_get_error(tok);
        *where = (size_t)length;
        if (problem == json_tokener_continue)
            return "it ends too early";
    }
    if (problem != json_tokener_success)
        return json_tokener_error_desc(problem);
    if (!only_space(text + *where, (size_t)length - *where))
        return "something follows the value";
    return NULL;
}

static const char *
parse(const void *text, size_t length, struct json_object **obj, size_t *where)
{
    *where = 0;
    *obj = NULL;
    if (length == 0)
        return "it is empty";
    if (length > INT_MAX)
        return "it is too long";
    *where = str_text_length(text, length);
    if (*where < length)
        return "a byte that is no UTF-8 text";
    const char *problem = check(text, (const char *)text + length, where);
    if (problem != NULL)
        return problem;
    struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH);
    if (tok == NULL)
        abort();
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    problem = parse_with(tok, text, (int)length, obj, where);
    json_tokener_free(tok);
    if (problem != NULL) {
        json_object_put(*obj);
        *obj = NULL;
    }
    return problem;
}

struct json_object *
json_parse(struct job *job, const void *text, size_t length)
{
    struct json_object *obj = NULL;
    size_t where = 0;
    const char *problem = parse(text, length, &obj, &where);
    if (problem == NULL && obj == NULL)
        problem = "it is null";
    if (problem != NULL) {
        error_permanent(&job->error, "no valid JSON: %s at byte %zu", problem, where);
        return NULL;
    }
    return job_own(job, obj);
}

struct json_object *
json_parse_raw(const void *text, size_t length)
{
    struct json_object *obj = NULL;
    size_t where = 0;
    return parse(text, length, &obj, &where) == NULL ? obj : NULL;
}

void
json_drop(struct json_object *obj)
{
    json_object_put(obj);
}

// One step of a path: a member's name, or an array's index.
static struct json_object *
step_into(struct json_object *obj, const char *name)
{
    struct json_object *member = NULL;
    long long index = 0;

    if (json_object_is_type(obj, json_type_object))
        return json_object_object_get_ex(obj, name, &member) ? member : NULL;
    if (!json_object_is_type(obj, json_type_array) || !str_to_i64(name, &index))
        return NULL;
    if (index < 0 || (size_t)index >= json_object_array_length(obj))
        return NULL;
    return json_object_array_get_idx(obj, (size_t)index);
}

struct json_object *
json_at(struct json_object *obj, const char *path)
{
    char name[128];
    while (obj != NULL) {
        size_t length = strcspn(path, ".");
        if (length >= sizeof name)
            return NULL;
        memcpy(name, path, length);
        name[length] = '\0';
        obj = step_into(obj, name);
        if (path[length] == '\0')
            return obj;
        path += length + 1;
    }
    return NULL;
}

static bool
has_nul(struct json_object *string)
{
    size_t length = (size_t)json_object_get_string_len(string);
    return memchr(json_object_get_string(string), '\0', length) != NULL;
}

const char *
json_string(struct job *job, struct json_object *obj, const char *path)
{
    struct json_object *member = json_at(obj, path);
    const char *problem = NULL;

    if (member == NULL)
        problem = "is missing";
    else if (!json_object_is_type(member, json_type_string))
        problem = "is not a string";
    else if (json_object_get_string_len(member) == 0)
        problem = "is empty";
    else if (has_nul(member))
        problem = "holds a NUL";
    if (problem == NULL)
        return json_object_get_string(member);
    error_permanent(&job->error, "`%s` %s", path, problem);
    return NULL;
}

const char *
json_string_or(struct json_object *obj, const char *path, const char *fallback)
{
    struct json_object *member = json_at(obj, path);
    if (!json_object_is_type(member, json_type_string) || has_nul(member))
        return fallback;
    return json_object_get_string(member);
}

const char *
json_text_or(struct json_object *obj, const char *path, const char *fallback)
{
    struct json_object *member = json_at(obj, path);
    if (json_object_is_type(member, json_type_int)
        || json_object_is_type(member, json_type_double))
        return json_object_to_json_string_ext(member, PRINT_FLAGS);
    return json_string_or(obj, path, fallback);
}

// Whole numbers only: json-c would turn 1e30 into the largest integer and "x" into 0.
static bool
whole_number(struct json_object *member, int64_t *value)
{
    if (!json_object_is_type(member, json_type_int))
        return false;
    // What lies beyond int64 is kept unsigned, and read back clamped.
    if (json_object_get_uint64(member) > INT64_MAX)
        return false;
    *value = json_object_get_int64(member);
    return true;
}

bool
json_i64(struct job *job, struct json_object *obj, const char *path, int64_t *value)
{
    struct json_object *member = json_at(obj, path);
    if (member == NULL)
        return error_permanent(&job->error, "`%s` is missing", path);
    if (!whole_number(member, value))
        return error_permanent(&job->error, "`%s` is not a whole number", path);
    return true;
}

int64_t
json_i64_or(struct json_object *obj, const char *path, int64_t fallback)
{
    int64_t value = fallback;
    return whole_number(json_at(obj, path), &value) ? value : fallback;
}

bool
json_bool_or(struct json_object *obj, const char *path, bool fallback)
{
    struct json_object *member = json_at(obj, path);
    if (json_object_is_type(member, json_type_int))
        return json_object_get_int64(member) != 0;
    if (!json_object_is_type(member, json_type_boolean))
        return fallback;
    return json_object_get_boolean(member);
}

struct json_object *
json_array_or_null(struct json_object *obj, const char *path)
{
    struct json_object *member = json_at(obj, path);
    return json_object_is_type(member, json_type_array) ? member : NULL;
}

// json-c answers NULL when memory is out.
static struct json_object *
made(struct json_object *obj)
{
    if (obj == NULL)
        abort();
    return obj;
}

static struct json_object *
new_string(const char *value)
{
    return value == NULL ? NULL : made(json_object_new_string(value));
}

static void
put_member(struct json_object *obj, const char *name, struct json_object *value)
{
    if (json_object_object_add(obj, name, value) != 0)
        abort();
}

static void
put_element(struct json_object *array, struct json_object *value)
{
    if (json_object_array_add(array, value) != 0)
        abort();
}

struct json_object *
json_object_in(struct job *job)
{
    return job_own(job, made(json_object_new_object()));
}

struct json_object *
json_array_in(struct job *job)
{
    return job_own(job, made(json_object_new_array()));
}

void
json_set_string(struct json_object *obj, const char *name, const char *value)
{
    put_member(obj, name, new_string(value));
}

void
json_set_i64(struct json_object *obj, const char *name, int64_t value)
{
    put_member(obj, name, made(json_object_new_int64(value)));
}

void
json_set_bool(struct json_object *obj, const char *name, bool value)
{
    put_member(obj, name, made(json_object_new_boolean(value)));
}

void
json_set(struct json_object *obj, const char *name, struct json_object *value)
{
    put_member(obj, name, json_object_get(value));
}

void
json_add(struct json_object *array, struct json_object *value)
{
    put_element(array, json_object_get(value));
}

void
json_add_string(struct json_object *array, const char *value)
{
    put_element(array, new_string(value));
}

const char *
json_print(struct json_object *obj, size_t *length)
{
    size_t bytes = 0;
    const char *text = json_object_to_json_string_length(obj, PRINT_FLAGS, &bytes);
    if (text == NULL)
        abort();
    if (length != NULL)
        *length = obj == NULL ? strlen(text) : bytes;
    return text;
}

static int
compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void print_sorted(struct job *job, struct str *out, struct json_object *obj);

static void
print_sorted_members(struct job *job, struct str *out, struct json_object *obj)
{
    size_t count = (size_t)json_object_object_length(obj);
    const char **names = job_alloc(job, (count + 1) * sizeof *names);
    size_t at = 0;
    json_object_object_foreach(obj, name, value)
    {
        (void)value;
        names[at++] = name;
    }
    qsort(names, count, sizeof *names, compare_names);
    str_puts(out, "{");
    for (size_t i = 0; i < count; i++) {
        struct json_object *text = made(json_object_new_string(names[i]));
        str_printf(out, "%s%s:", i > 0 ? "," : "", json_print(text, NULL));
        json_object_put(text);
        print_sorted(job, out, json_object_object_get(obj, names[i]));
    }
    str_puts(out, "}");
}

static void
print_sorted(struct job *job, struct str *out, struct json_object *obj)
{
    if (json_object_is_type(obj, json_type_object)) {
        print_sorted_members(job, out, obj);
        return;
    }
    if (!json_object_is_type(obj, json_type_array)) {
        size_t length = 0;
        const char *text = json_print(obj, &length);
        str_append(out, text, length);
        return;
    }
    str_puts(out, "[");
    for (size_t i = 0; i < json_object_array_length(obj); i++) {
        str_puts(out, i > 0 ? "," : "");
        print_sorted(job, out, json_object_array_get_idx(obj, i));
    }
    str_puts(out, "]");
}

const char *
json_hash(struct job *job, struct json_object *obj)
{
    struct str sorted;
    str_begin(&sorted, SIZE_MAX / 4);
    print_sorted(job, &sorted, obj);
    char *hex = job_alloc(job, HMAC_HEX);
    hmac_digest(sorted.data, sorted.length, hex);
    str_end(&sorted);
    return hex;
}
