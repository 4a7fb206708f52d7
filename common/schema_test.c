#include "common/schema.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "tests/harness/test.h"

static struct schema *
opened(const char *text)
{
    struct error err;
    struct schema *schema = schema_open(text, strlen(text), &err);
    if (schema == NULL)
        fail_msg("%s", err.text);
    return schema;
}

// Whether the schema takes the value; what it says otherwise is in *err.
static bool
takes(const struct schema *schema, const char *text, struct error *err)
{
    struct json_object *value = NULL;
    error_clear(err);
    if (strcmp(text, "null") != 0) {
        value = json_parse_raw(text, strlen(text));
        assert_non_null(value);
    }
    bool fits = schema_check(schema, value, err);
    json_drop(value);
    assert_int_equal(err->kind, fits ? ERROR_NONE : ERROR_PERMANENT);
    return fits;
}

struct example {
    const char *rules, *value;
    const char *problem; // NULL: it is taken
};

static void
play(const struct example examples[])
{
    for (; examples->rules != NULL; examples++) {
        struct error err;
        struct schema *schema = opened(examples->rules);
        bool fits = takes(schema, examples->value, &err);
        if (fits != (examples->problem == NULL)
            || (!fits && strcmp(err.text, examples->problem) != 0))
            fail_msg("%s with %s: \"%s\", expected \"%s\"", examples->rules,
                     examples->value, err.text,
                     examples->problem != NULL ? examples->problem : "it fits");
        schema_close(schema);
    }
}

static void
types_are_told_apart(void **state)
{
    (void)state;
    play((struct example[]){
        {"{\"type\":\"string\"}", "\"x\"", NULL},
        {"{\"type\":\"string\"}", "1", "the payload must be of type string"},
        {"{\"type\":\"null\"}", "null", NULL},
        {"{\"type\":\"integer\"}", "5", NULL},
        {"{\"type\":\"integer\"}", "5.0", NULL},
        {"{\"type\":\"integer\"}", "5.5", "the payload must be of type integer"},
        {"{\"type\":\"number\"}", "5", NULL},
        {"{\"type\":\"number\"}", "true", "the payload must be of type number"},
        {"{\"type\":\"boolean\"}", "false", NULL},
        {"{\"type\":\"array\"}", "[]", NULL},
        {"{\"type\":\"object\"}", "[]", "the payload must be of type object"},
        {"{\"type\":[\"string\",\"null\"]}", "null", NULL},
        {"{\"type\":[\"string\",\"null\"]}", "1",
         "the payload must be of type string or null"},
        {"true", "1", NULL},
        {"false", "1", "the payload must not be there"},
        {0},
    });
}

static void
members_are_required_known_and_named(void **state)
{
    (void)state;
#define QUOTE                                                                   \
    "{\"required\":[\"quote\"],\"properties\":{\"quote\":{\"type\":\"object\"," \
    "\"required\":[\"id\"],\"properties\":{\"id\":{\"type\":\"string\"}}},"     \
    "\"lines\":{\"items\":{\"properties\":{\"n\":{\"minimum\":1}}}}},"          \
    "\"additionalProperties\":false}"
    play((struct example[]){
        {QUOTE, "{\"quote\":{\"id\":\"x\",\"more\":1}}", NULL},
        {QUOTE, "{}", "the payload must have `quote`"},
        {QUOTE, "{\"quote\":{}}", "`quote` must have `id`"},
        {QUOTE, "{\"quote\":{\"id\":1}}", "`quote.id` must be of type string"},
        {QUOTE, "{\"quote\":{\"id\":\"x\"},\"a\":1}", "the payload must not have `a`"},
        {QUOTE, "{\"quote\":{\"id\":\"x\"},\"lines\":[{\"n\":1},{\"n\":0}]}",
         "`lines.1.n` must be at least 1"},
        {QUOTE, "{\"quote\":null}", "`quote` must be of type object"},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":\"x\"}", NULL},
        {"{\"additionalProperties\":{\"type\":\"string\"}}", "{\"a\":1}",
         "`a` must be of type string"},
        {0},
    });
}

static void
values_are_limited(void **state)
{
    (void)state;
    play((struct example[]){
        {"{\"enum\":[\"a\",2,null]}", "2", NULL},
        {"{\"enum\":[\"a\",2,null]}", "null", NULL},
        {"{\"enum\":[\"a\",2]}", "\"b\"", "the payload must be one of \"a\", 2"},
        {"{\"const\":true}", "true", NULL},
        {"{\"const\":true}", "\"true\"", "the payload must be true"},
        {"{\"minimum\":1,\"maximum\":3}", "3", NULL},
        {"{\"minimum\":1,\"maximum\":3}", "3.5", "the payload must be at most 3"},
        {"{\"minimum\":1,\"maximum\":3}", "\"x\"", NULL},
        {"{\"maximum\":9007199254740992}", "9007199254740993",
         "the payload must be at most 9007199254740992"},
        {"{\"minLength\":2,\"maxLength\":3}", "\"\xC3\xA9\xC3\xA9\xC3\xA9\"", NULL},
        {"{\"minLength\":2}", "\"\xC3\xA9\"",
         "the payload must have at least 2 characters"},
        {"{\"maxLength\":3}", "\"abcd\"", "the payload must have at most 3 characters"},
        {"{\"pattern\":\"^[A-Z]{3}$\"}", "\"CHF\"", NULL},
        {"{\"pattern\":\"^[A-Z]{3}$\"}", "\"CHFx\"",
         "the payload must match ^[A-Z]{3}$"},
        {"{\"pattern\":\"x\"}", "5", NULL},
        {0},
    });
}

static void
formats_are_checked(void **state)
{
    (void)state;
    play((struct example[]){
        {"{\"format\":\"uuid\"}", "\"7b0e2b0c-6a53-4c58-9e0c-1f6e1a2b3c4d\"", NULL},
        {"{\"format\":\"uuid\"}", "\"7\"", "the payload must be a uuid"},
        {"{\"format\":\"uuid\"}", "null", NULL},
        {"{\"format\":\"date\"}", "\"2024-02-29\"", NULL},
        {"{\"format\":\"date\"}", "\"2023-02-29\"", "the payload must be a date"},
        {"{\"format\":\"date-time\"}", "\"2026-08-12T09:14:05+02:00\"", NULL},
        {"{\"format\":\"date-time\"}", "\"2026-08-12 09:14:05Z\"",
         "the payload must be a date-time"},
        {0},
    });
}

static void
forms_are_chosen_from(void **state)
{
    (void)state;
#define ANY "{\"anyOf\":[{\"type\":\"string\"},{\"minimum\":5}]}"
#define ONE "{\"oneOf\":[{\"required\":[\"a\"]},{\"required\":[\"b\"]}]}"
    play((struct example[]){
        {ANY, "\"x\"", NULL},
        {ANY, "6", NULL},
        {ANY, "4", "the payload is none of the forms that are allowed"},
        {ONE, "{\"a\":1}", NULL},
        {ONE, "{\"a\":1,\"b\":1}",
         "the payload must be exactly one of the forms that are allowed"},
        {ONE, "{}", "the payload must be exactly one of the forms that are allowed"},
        {0},
    });
}

static void
references_lead_to_definitions(void **state)
{
    (void)state;
#define MONEY                                                 \
    "{\"$defs\":{\"money\":{\"required\":[\"cents\"]}},"      \
    "\"properties\":{\"total\":{\"$ref\":\"#/$defs/money\"}," \
    "\"child\":{\"$ref\":\"#\"}}}"
    play((struct example[]){
        {MONEY, "{\"total\":{\"cents\":1}}", NULL},
        {MONEY, "{\"total\":{}}", "`total` must have `cents`"},
        {MONEY, "{\"child\":{\"child\":{\"total\":{}}}}",
         "`child.child.total` must have `cents`"},
        {"{\"$ref\":\"#\"}", "1", "the payload is nested too deeply"},
        {0},
    });
}

static void
the_value_is_not_quoted_in_the_error(void **state)
{
    (void)state;
    struct error err;
    struct schema *schema = opened("{\"properties\":{\"a\":{\"enum\":[\"x\"],"
                                   "\"pattern\":\"^x\",\"maxLength\":3}}}");
    assert_false(takes(schema, "{\"a\":\"canary\"}", &err));
    assert_null(strstr(err.text, "canary"));
    schema_close(schema);
    schema_close(NULL);
}

static void
a_slip_in_a_schema_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *problem;
    } slips[] = {
        {"{\"requierd\":[]}", "schema: `requierd` at `#` is not understood"},
        {"{\"properties\":{\"a\":{\"minItems\":1}}}",
         "schema: `minItems` at `#/a` is not understood"},
        {"{\"type\":\"text\"}", "schema: `type` at `#` names an unknown type"},
        {"{\"type\":[]}", "schema: `type` at `#` names an unknown type"},
        {"{\"format\":\"email\"}",
         "schema: `format` at `#` must be uuid, date-time or date"},
        {"{\"pattern\":\"(\"}",
         "schema: `pattern` at `#` is no POSIX extended regular expression"},
        {"{\"$ref\":\"#/$defs/none\"}",
         "schema: `$ref` at `#` names no rules of this document"},
        {"{\"$ref\":\"other.json\"}",
         "schema: `$ref` at `#` names no rules of this document"},
        {"{\"required\":\"a\"}", "schema: `required` at `#` must be a list of names"},
        {"{\"minLength\":-1}", "schema: `minLength` at `#` must be a whole number"},
        {"{\"anyOf\":[]}", "schema: `anyOf` at `#` must be a list that is not empty"},
        {"{\"items\":[]}", "schema: `#/items` must be an object"},
        {"[]", "schema: `#` must be an object"},
        {"{", "the schema is no valid JSON"},
    };
    for (size_t i = 0; i < sizeof slips / sizeof slips[0]; i++) {
        struct error err;
        assert_null(schema_open(slips[i].rules, strlen(slips[i].rules), &err));
        assert_string_equal(err.text, slips[i].problem);
    }
}

// ---- the files in schemas/

static char *
file_text(const char *directory, const char *name)
{
    char path[600];
    char *text = calloc(1, 256 * 1024);
    snprintf(path, sizeof path, "%.*s../schemas/%s%s",
             (int)(strlen(__FILE__) - strlen("schema_test.c")), __FILE__, directory,
             name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail_msg("cannot read %s", path);
    assert_true(fread(text, 1, 256 * 1024 - 1, file) > 0);
    fclose(file);
    return text;
}

static int
is_schema(const struct dirent *entry)
{
    return str_ends(entry->d_name, ".json");
}

// Calls visit for every event type that has a schema.
static void
each_type(void (*visit)(const char *type, const struct schema *schema))
{
    char path[600];
    struct dirent **entries = NULL;
    snprintf(path, sizeof path, "%.*s../schemas/events",
             (int)(strlen(__FILE__) - strlen("schema_test.c")), __FILE__);
    int count = scandir(path, &entries, is_schema, alphasort);
    assert_true(count > 100);
    for (int i = 0; i < count; i++) {
        struct error err;
        char *text = file_text("events/", entries[i]->d_name);
        struct schema *schema = schema_open(text, strlen(text), &err);
        if (schema == NULL)
            fail_msg("%s: %s", entries[i]->d_name, err.text);
        entries[i]->d_name[strlen(entries[i]->d_name) - strlen(".json")] = '\0';
        visit(entries[i]->d_name, schema);
        schema_close(schema);
        free(text);
        free(entries[i]);
    }
    free(entries);
}

static void
names_itself(const char *type, const struct schema *schema)
{
    struct json_object *document = schema_document(schema);
    const char *id = json_string_or(document, "$id", "");
    if (!str_starts(id, "urn:relais:event:")
        || strcmp(id + strlen("urn:relais:event:"), type) != 0)
        fail_msg("%s: $id is \"%s\"", type, id);
    if (json_string_or(document, "title", "")[0] == '\0'
        || json_string_or(document, "description", "")[0] == '\0')
        fail_msg("%s: has no title or description", type);
    if (json_at(document, "properties.company") == NULL)
        fail_msg("%s: knows no company", type);
}

static void
every_schema_names_its_event(void **state)
{
    (void)state;
    each_type(names_itself);
}

static void
judges_its_examples(const char *type, const struct schema *schema)
{
    struct error err;
    struct json_object *good = json_at(schema_document(schema), "examples");
    struct json_object *bad = json_at(schema_document(schema), "x-refused");
    if (good == NULL || bad == NULL || json_object_array_length(good) == 0
        || json_object_array_length(bad) == 0)
        fail_msg("%s: needs an example that fits and one that does not", type);
    for (size_t i = 0; i < json_object_array_length(good); i++)
        if (!schema_check(schema, json_object_array_get_idx(good, i), &err))
            fail_msg("%s: example %zu: %s", type, i, err.text);
    for (size_t i = 0; i < json_object_array_length(bad); i++)
        if (schema_check(schema, json_object_array_get_idx(bad, i), &err))
            fail_msg("%s: x-refused %zu fits", type, i);
}

static void
every_schema_takes_its_good_examples_and_no_bad_one(void **state)
{
    (void)state;
    each_type(judges_its_examples);
}

// Without each of its required members the first example must no longer fit.
static void
misses_its_members(const char *type, const struct schema *schema)
{
    struct error err;
    struct json_object *required = json_at(schema_document(schema), "required");
    struct json_object *good = json_at(schema_document(schema), "examples.0");
    for (size_t i = 0; i < json_object_array_length(required); i++) {
        const char *name =
            json_object_get_string(json_object_array_get_idx(required, i));
        struct json_object *copy = NULL;
        assert_int_equal(json_object_deep_copy(good, &copy, NULL), 0);
        json_object_object_del(copy, name);
        if (schema_check(schema, copy, &err))
            fail_msg("%s: fits without %s", type, name);
        json_drop(copy);
    }
}

static void
every_required_member_is_missed(void **state)
{
    (void)state;
    each_type(misses_its_members);
}

static void
is_in_a_topic(const char *type, const struct schema *schema)
{
    (void)schema;
    char *text = file_text("", "asyncapi.yaml");
    char *line = NULL;
    assert_true(asprintf(&line, "$ref: './events/%s.json'", type) > 0);
    if (strstr(text, line) == NULL)
        fail_msg("%s: no message of asyncapi.yaml", type);
    free(line);

    char word[128];
    snprintf(word, sizeof word, "%s", type);
    for (char *c = word; *c != '\0'; c++)
        if (*c == '.' || *c == '-')
            *c = '_';
    assert_true(asprintf(&line, "$ref: '#/components/messages/%s'\n", word) > 0);
    if (strstr(text, line) == NULL)
        fail_msg("%s: in no channel of asyncapi.yaml", type);
    free(line);
    free(text);
}

static void
every_event_has_its_topic(void **state)
{
    (void)state;
    each_type(is_in_a_topic);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_told_apart),
        cmocka_unit_test(members_are_required_known_and_named),
        cmocka_unit_test(values_are_limited),
        cmocka_unit_test(formats_are_checked),
        cmocka_unit_test(forms_are_chosen_from),
        cmocka_unit_test(references_lead_to_definitions),
        cmocka_unit_test(the_value_is_not_quoted_in_the_error),
        cmocka_unit_test(a_slip_in_a_schema_is_refused),
        cmocka_unit_test(every_schema_names_its_event),
        cmocka_unit_test(every_schema_takes_its_good_examples_and_no_bad_one),
        cmocka_unit_test(every_required_member_is_missed),
        cmocka_unit_test(every_event_has_its_topic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
