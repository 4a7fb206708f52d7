#include "common/schema.h"

#include <math.h>
#include <regex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/schema_rules.h"
#include "common/str.h"
#include "common/uuid.h"

enum { NESTING_MAX = 64 };

struct schema {
    struct json_object *document;
};

// Where a check is: the path of the member, and what was found wrong last.
struct check {
    struct json_object *document;
    struct error *err;
    char path[192];
    int depth;
};

static bool check_value(struct check *check, struct json_object *rules,
                        struct json_object *value);

struct schema *
schema_open(const void *text, size_t length, struct error *err)
{
    struct json_object *document = json_parse_raw(text, length);
    if (document == NULL) {
        error_permanent(err, "the schema is no valid JSON");
        return NULL;
    }
    if (!schema_rules_known(document, err)) {
        json_drop(document);
        return NULL;
    }
    struct schema *schema = str_calloc(1, sizeof *schema);
    schema->document = document;
    return schema;
}

void
schema_close(struct schema *schema)
{
    if (schema == NULL)
        return;
    json_drop(schema->document);
    free(schema);
}

struct json_object *
schema_document(const struct schema *schema)
{
    return schema->document;
}

static bool refuse(struct check *check, const char *fmt, ...) ATTR_PRINTF(2, 3);

static bool
refuse(struct check *check, const char *fmt, ...)
{
    char what[160];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    if (check->path[0] == '\0')
        return error_permanent(check->err, "the payload %s", what);
    return error_permanent(check->err, "`%s` %s", check->path, what);
}

// Checks a member or element; the path is what it was afterwards.
static bool
check_below(struct check *check, const char *name, struct json_object *rules,
            struct json_object *value)
{
    size_t length = strlen(check->path);
    const char *dot = length > 0 ? "." : "";
    snprintf(check->path + length, sizeof check->path - length, "%s%s", dot, name);
    bool fits = check_value(check, rules, value);
    check->path[length] = '\0';
    return fits;
}

static struct json_object *
rule(struct json_object *rules, const char *name)
{
    struct json_object *value = NULL;
    return json_object_object_get_ex(rules, name, &value) ? value : NULL;
}

static bool
has_type(struct json_object *value, const char *name)
{
    switch (json_object_get_type(value)) {
    case json_type_null:
        return strcmp(name, "null") == 0;
    case json_type_boolean:
        return strcmp(name, "boolean") == 0;
    case json_type_string:
        return strcmp(name, "string") == 0;
    case json_type_object:
        return strcmp(name, "object") == 0;
    case json_type_array:
        return strcmp(name, "array") == 0;
    case json_type_int:
        return strcmp(name, "integer") == 0 || strcmp(name, "number") == 0;
    case json_type_double: {
        double number = json_object_get_double(value);
        bool whole = number == floor(number);
        return strcmp(name, "number") == 0 || (whole && strcmp(name, "integer") == 0);
    }
    }
    return false;
}

static bool
check_type(struct check *check, struct json_object *type, struct json_object *value)
{
    if (json_object_is_type(type, json_type_string)) {
        const char *name = json_object_get_string(type);
        return has_type(value, name) || refuse(check, "must be of type %s", name);
    }
    struct str names;
    bool fits = false;
    str_begin(&names, 128);
    for (size_t i = 0; i < json_object_array_length(type); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(type, i));
        fits = fits || has_type(value, name);
        str_printf(&names, "%s%s", i > 0 ? " or " : "", name);
    }
    if (!fits)
        refuse(check, "must be of type %s", names.data);
    str_end(&names);
    return fits;
}

static bool
check_enum(struct check *check, struct json_object *values, struct json_object *value)
{
    struct str known;
    str_begin(&known, 120);
    for (size_t i = 0; i < json_object_array_length(values); i++) {
        struct json_object *one = json_object_array_get_idx(values, i);
        if (json_object_equal(one, value)) {
            str_end(&known);
            return true;
        }
        str_printf(&known, "%s%s", i > 0 ? ", " : "", json_print(one, NULL));
    }
    refuse(check, "must be one of %s", known.data);
    str_end(&known);
    return false;
}

static bool
check_const(struct check *check, struct json_object *wanted, struct json_object *value)
{
    return json_object_equal(wanted, value)
           || refuse(check, "must be %s", json_print(wanted, NULL));
}

static bool
has_format(const char *format, const char *text)
{
    int64_t ms = 0;
    if (strcmp(format, "uuid") == 0)
        return uuid_is(text);
    if (strcmp(format, "date") == 0)
        return clock_day_end(text, &ms);
    return clock_parse(text, &ms) && strpbrk(text, "Tt") != NULL;
}

static bool
check_format(struct check *check, struct json_object *format, struct json_object *value)
{
    const char *name = json_object_get_string(format);
    if (!json_object_is_type(value, json_type_string))
        return true;
    return has_format(name, json_object_get_string(value))
           || refuse(check, "must be a %s", name);
}

static bool
matches(const char *pattern, const char *text)
{
    regex_t compiled;
    if (regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        abort(); // it was tried when the schema was opened
    bool found = regexec(&compiled, text, 0, NULL, 0) == 0;
    regfree(&compiled);
    return found;
}

static bool
check_pattern(struct check *check, struct json_object *pattern,
              struct json_object *value)
{
    const char *text = json_object_get_string(pattern);
    if (!json_object_is_type(value, json_type_string))
        return true;
    return matches(text, json_object_get_string(value))
           || refuse(check, "must match %s", text);
}

static bool
is_number(struct json_object *value)
{
    return json_object_is_type(value, json_type_int)
           || json_object_is_type(value, json_type_double);
}

// Below 0, 0 or above, like strcmp. Whole numbers are compared as such: doubles would
// take neighbours beyond 2^53 for the same.
static int
compare_numbers(struct json_object *a, struct json_object *b)
{
    if (json_object_is_type(a, json_type_int)
        && json_object_is_type(b, json_type_int)) {
        int64_t left = json_object_get_int64(a);
        int64_t right = json_object_get_int64(b);
        return (left > right) - (left < right);
    }
    double left = json_object_get_double(a);
    double right = json_object_get_double(b);
    return (left > right) - (left < right);
}

static bool
check_minimum(struct check *check, struct json_object *limit, struct json_object *value)
{
    return !is_number(value) || compare_numbers(value, limit) >= 0
           || refuse(check, "must be at least %s", json_print(limit, NULL));
}

static bool
check_maximum(struct check *check, struct json_object *limit, struct json_object *value)
{
    return !is_number(value) || compare_numbers(value, limit) <= 0
           || refuse(check, "must be at most %s", json_print(limit, NULL));
}

// Characters, not bytes.
static int64_t
length_of(struct json_object *string)
{
    const char *text = json_object_get_string(string);
    int64_t characters = 0;
    for (int i = 0; i < json_object_get_string_len(string); i++)
        characters += ((unsigned char)text[i] & 0xC0) != 0x80;
    return characters;
}

static bool
check_min_length(struct check *check, struct json_object *limit,
                 struct json_object *value)
{
    return !json_object_is_type(value, json_type_string)
           || length_of(value) >= json_object_get_int64(limit)
           || refuse(check, "must have at least %s characters",
                     json_print(limit, NULL));
}

static bool
check_max_length(struct check *check, struct json_object *limit,
                 struct json_object *value)
{
    return !json_object_is_type(value, json_type_string)
           || length_of(value) <= json_object_get_int64(limit)
           || refuse(check, "must have at most %s characters", json_print(limit, NULL));
}

static bool
check_required(struct check *check, struct json_object *names,
               struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object))
        return true;
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        if (!json_object_object_get_ex(value, name, NULL))
            return refuse(check, "must have `%s`", name);
    }
    return true;
}

static bool
check_properties(struct check *check, struct json_object *properties,
                 struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object))
        return true;
    json_object_object_foreach(properties, name, rules)
    {
        struct json_object *member = NULL;
        if (json_object_object_get_ex(value, name, &member)
            && !check_below(check, name, rules, member))
            return false;
    }
    return true;
}

// What `properties` does not name.
static bool
check_others(struct check *check, struct json_object *rules, struct json_object *value)
{
    struct json_object *others = rule(rules, "additionalProperties");
    struct json_object *properties = rule(rules, "properties");
    if (others == NULL || !json_object_is_type(value, json_type_object))
        return true;
    json_object_object_foreach(value, name, member)
    {
        if (json_object_object_get_ex(properties, name, NULL))
            continue;
        if (json_object_is_type(others, json_type_boolean)
            && !json_object_get_boolean(others))
            return refuse(check, "must not have `%.64s`", name);
        if (!check_below(check, name, others, member))
            return false;
    }
    return true;
}

static bool
check_items(struct check *check, struct json_object *rules, struct json_object *value)
{
    char index[24];
    if (!json_object_is_type(value, json_type_array))
        return true;
    for (size_t i = 0; i < json_object_array_length(value); i++) {
        snprintf(index, sizeof index, "%zu", i);
        if (!check_below(check, index, rules, json_object_array_get_idx(value, i)))
            return false;
    }
    return true;
}

static size_t
count_fitting(struct check *check, struct json_object *choices,
              struct json_object *value)
{
    struct error *err = check->err;
    struct error unsaid = {0};
    size_t fitting = 0;
    check->err = &unsaid;
    for (size_t i = 0; i < json_object_array_length(choices); i++)
        fitting += check_value(check, json_object_array_get_idx(choices, i), value);
    check->err = err;
    return fitting;
}

static bool
check_any_of(struct check *check, struct json_object *choices,
             struct json_object *value)
{
    return count_fitting(check, choices, value) > 0
           || refuse(check, "is none of the forms that are allowed");
}

static bool
check_one_of(struct check *check, struct json_object *choices,
             struct json_object *value)
{
    return count_fitting(check, choices, value) == 1
           || refuse(check, "must be exactly one of the forms that are allowed");
}

static bool
check_ref(struct check *check, struct json_object *ref, struct json_object *value)
{
    const char *name = json_object_get_string(ref);
    return check_value(check, schema_rules_at(check->document, name), value);
}

static const struct {
    const char *name;
    bool (*check)(struct check *check, struct json_object *argument,
                  struct json_object *value);
} keywords[] = {
    {"type", check_type},
    {"const", check_const},
    {"enum", check_enum},
    {"required", check_required},
    {"properties", check_properties},
    {"items", check_items},
    {"format", check_format},
    {"pattern", check_pattern},
    {"minimum", check_minimum},
    {"maximum", check_maximum},
    {"minLength", check_min_length},
    {"maxLength", check_max_length},
    {"anyOf", check_any_of},
    {"oneOf", check_one_of},
    {"$ref", check_ref},
    {0},
};

static bool
check_value(struct check *check, struct json_object *rules, struct json_object *value)
{
    if (json_object_is_type(rules, json_type_boolean))
        return json_object_get_boolean(rules) || refuse(check, "must not be there");
    if (check->depth == NESTING_MAX)
        return refuse(check, "is nested too deeply");
    check->depth++;
    bool fits = true;
    for (size_t i = 0; fits && keywords[i].name != NULL; i++) {
        struct json_object *argument = NULL;
        if (json_object_object_get_ex(rules, keywords[i].name, &argument))
            fits = keywords[i].check(check, argument, value);
    }
    fits = fits && check_others(check, rules, value);
    check->depth--;
    return fits;
}

bool
schema_check(const struct schema *schema, struct json_object *value, struct error *err)
{
    struct check check = {.document = schema->document, .err = err};
    return check_value(&check, schema->document, value);
}
