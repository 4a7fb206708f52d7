#include "common/schema_rules.h"

#include <regex.h>
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"

// Where the reading is, for its errors.
struct reading {
    struct json_object *document;
    struct error *err;
    char path[160];
};

static bool known_rules(struct reading *reading, struct json_object *rules);

static bool
refuse(struct reading *reading, const char *keyword, const char *what)
{
    return error_permanent(reading->err, "schema: `%s` at `#%s` %s", keyword,
                           reading->path, what);
}

static bool
known_below(struct reading *reading, const char *name, struct json_object *rules)
{
    size_t length = strlen(reading->path);
    snprintf(reading->path + length, sizeof reading->path - length, "/%s", name);
    bool known = known_rules(reading, rules);
    reading->path[length] = '\0';
    return known;
}

struct json_object *
schema_rules_at(struct json_object *document, const char *ref)
{
    static const char defs[] = "#/$defs/";
    struct json_object *all = NULL;
    struct json_object *rules = NULL;
    if (strcmp(ref, "#") == 0)
        return document;
    if (!str_starts(ref, defs) || !json_object_object_get_ex(document, "$defs", &all))
        return NULL;
    json_object_object_get_ex(all, ref + strlen(defs), &rules);
    return rules;
}

static bool
read_annotation(struct reading *reading, const char *keyword, struct json_object *value)
{
    (void)reading, (void)keyword, (void)value;
    return true;
}

static bool
read_object_of_rules(struct reading *reading, const char *keyword,
                     struct json_object *value)
{
    if (!json_object_is_type(value, json_type_object))
        return refuse(reading, keyword, "must be an object");
    json_object_object_foreach(value, name, rules)
    {
        if (!known_below(reading, name, rules))
            return false;
    }
    return true;
}

static bool
read_list_of_rules(struct reading *reading, const char *keyword,
                   struct json_object *value)
{
    if (!json_object_is_type(value, json_type_array)
        || json_object_array_length(value) == 0)
        return refuse(reading, keyword, "must be a list that is not empty");
    for (size_t i = 0; i < json_object_array_length(value); i++)
        if (!known_below(reading, keyword, json_object_array_get_idx(value, i)))
            return false;
    return true;
}

static bool
read_rules(struct reading *reading, const char *keyword, struct json_object *value)
{
    return known_below(reading, keyword, value);
}

static bool
is_word_of(struct json_object *value, const char *const words[])
{
    if (!json_object_is_type(value, json_type_string))
        return false;
    for (; *words != NULL; words++)
        if (strcmp(json_object_get_string(value), *words) == 0)
            return true;
    return false;
}

static bool
read_type(struct reading *reading, const char *keyword, struct json_object *value)
{
    static const char *const types[] = {"null",  "boolean", "string",  "object",
                                        "array", "number",  "integer", NULL};
    bool known = is_word_of(value, types);
    if (json_object_is_type(value, json_type_array)) {
        known = json_object_array_length(value) > 0;
        for (size_t i = 0; i < json_object_array_length(value); i++)
            known = known && is_word_of(json_object_array_get_idx(value, i), types);
    }
    return known || refuse(reading, keyword, "names an unknown type");
}

static bool
read_format(struct reading *reading, const char *keyword, struct json_object *value)
{
    static const char *const formats[] = {"uuid", "date-time", "date", NULL};
    return is_word_of(value, formats)
           || refuse(reading, keyword, "must be uuid, date-time or date");
}

static bool
read_list(struct reading *reading, const char *keyword, struct json_object *value)
{
    return json_object_is_type(value, json_type_array)
           || refuse(reading, keyword, "must be a list");
}

static bool
read_names(struct reading *reading, const char *keyword, struct json_object *value)
{
    bool known = json_object_is_type(value, json_type_array);
    for (size_t i = 0; known && i < json_object_array_length(value); i++)
        known =
            json_object_is_type(json_object_array_get_idx(value, i), json_type_string);
    return known || refuse(reading, keyword, "must be a list of names");
}

static bool
read_pattern(struct reading *reading, const char *keyword, struct json_object *value)
{
    regex_t compiled;
    if (!json_object_is_type(value, json_type_string)
        || regcomp(&compiled, json_object_get_string(value), REG_EXTENDED | REG_NOSUB)
               != 0)
        return refuse(reading, keyword, "is no POSIX extended regular expression");
    regfree(&compiled);
    return true;
}

static bool
read_number(struct reading *reading, const char *keyword, struct json_object *value)
{
    return json_object_is_type(value, json_type_int)
           || json_object_is_type(value, json_type_double)
           || refuse(reading, keyword, "must be a number");
}

static bool
read_length(struct reading *reading, const char *keyword, struct json_object *value)
{
    return (json_object_is_type(value, json_type_int)
            && json_object_get_int64(value) >= 0)
           || refuse(reading, keyword, "must be a whole number");
}

static bool
read_ref(struct reading *reading, const char *keyword, struct json_object *value)
{
    return (json_object_is_type(value, json_type_string)
            && schema_rules_at(reading->document, json_object_get_string(value))
                   != NULL)
           || refuse(reading, keyword, "names no rules of this document");
}

static const struct {
    const char *name;
    bool (*read)(struct reading *reading, const char *keyword,
                 struct json_object *value);
} keywords[] = {
    {"$schema", read_annotation},
    {"$id", read_annotation},
    {"$comment", read_annotation},
    {"title", read_annotation},
    {"description", read_annotation},
    {"default", read_annotation},
    {"deprecated", read_annotation},
    {"examples", read_list},
    {"x-refused", read_list},
    {"const", read_annotation},
    {"enum", read_list},
    {"type", read_type},
    {"required", read_names},
    {"properties", read_object_of_rules},
    {"$defs", read_object_of_rules},
    {"additionalProperties", read_rules},
    {"items", read_rules},
    {"anyOf", read_list_of_rules},
    {"oneOf", read_list_of_rules},
    {"format", read_format},
    {"pattern", read_pattern},
    {"minimum", read_number},
    {"maximum", read_number},
    {"minLength", read_length},
    {"maxLength", read_length},
    {"$ref", read_ref},
    {0},
};

static bool
known_rules(struct reading *reading, struct json_object *rules)
{
    if (json_object_is_type(rules, json_type_boolean))
        return true;
    if (!json_object_is_type(rules, json_type_object))
        return error_permanent(reading->err, "schema: `#%s` must be an object",
                               reading->path);
    json_object_object_foreach(rules, keyword, value)
    {
        size_t i = 0;
        while (keywords[i].name != NULL && strcmp(keywords[i].name, keyword) != 0)
            i++;
        if (keywords[i].name == NULL)
            return refuse(reading, keyword, "is not understood");
        if (!keywords[i].read(reading, keyword, value))
            return false;
    }
    return true;
}

bool
schema_rules_known(struct json_object *document, struct error *err)
{
    struct reading reading = {.document = document, .err = err};
    return known_rules(&reading, document);
}
