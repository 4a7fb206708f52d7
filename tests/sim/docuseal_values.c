#include <string.h>

#include "docuseal.h"
#include "harness_json.h"

bool
values_check(struct call *call, struct json_object *template, const char *role,
             struct json_object *wish)
{
    struct json_object *fields = json_at(wish, "fields");
    // With values present DocuSeal looks no closer.
    if (!json_object_is_type(fields, json_type_array)
        || json_at(wish, "values") != NULL)
        return true;
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        const char *name = json_str(json_object_array_get_idx(fields, i), "name");
        if (name == NULL) {
            docuseal_error(call, 422, "name is required in `fields[%zu]`.", i);
            return false;
        }
        if (template_field(template, role, name) == NULL) {
            docuseal_error(call, 422, "Unknown field: %s", name);
            return false;
        }
    }
    return true;
}

static struct json_object *
wished_value(struct json_object *wish, const char *name)
{
    struct json_object *fields = json_at(wish, "fields");
    struct json_object *value = json_at(json_at(wish, "values"), name);
    bool listed = json_object_is_type(fields, json_type_array);
    for (size_t i = 0; listed && i < json_object_array_length(fields); i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *its_name = json_str(field, "name");
        if (its_name != NULL && strcmp(its_name, name) == 0
            && json_at(field, "default_value") != NULL)
            value = json_at(field, "default_value");
    }
    return value;
}

static struct json_object *
old_value(struct json_object *old, const char *name)
{
    for (size_t i = 0; old != NULL && i < json_object_array_length(old); i++) {
        struct json_object *pair = json_object_array_get_idx(old, i);
        if (strcmp(json_str(pair, "field"), name) == 0)
            return json_at(pair, "value");
    }
    return NULL;
}

struct json_object *
values_merge(struct json_object *template, const char *role, struct json_object *old,
             struct json_object *wish)
{
    struct json_object *merged = json_object_new_array();
    struct json_object *fields = json_at(template, "fields");
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        const char *name = json_str(json_object_array_get_idx(fields, i), "name");
        if (template_field(template, role, name) == NULL)
            continue;
        struct json_object *value = wished_value(wish, name);
        if (value == NULL)
            value = old_value(old, name);
        if (value == NULL)
            continue;
        struct json_object *pair = json_object_new_object();
        json_add_str(pair, "field", name);
        json_add(pair, "value", json_clone(value));
        json_object_array_add(merged, pair);
    }
    return merged;
}
