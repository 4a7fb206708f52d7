#include "workers/mautic/field.h"

#include "common/json.h"

const char *
mautic_field_text(struct json_object *contact, const char *alias)
{
    static const char *const groups[] = {"core", "social", "personal", "professional"};
    struct json_object *fields = json_at(contact, "fields");
    struct json_object *all = json_at(fields, "all");
    const char *value = NULL;
    if (all != NULL)
        value = json_text_or(all, alias, NULL);
    for (size_t i = 0; all == NULL && i < sizeof groups / sizeof groups[0]; i++) {
        struct json_object *group = json_at(fields, groups[i]);
        struct json_object *field = NULL;
        if (json_object_is_type(group, json_type_object)
            && json_object_object_get_ex(group, alias, &field))
            value = json_text_or(field, "value", NULL);
    }
    return value != NULL && value[0] != '\0' ? value : NULL;
}
