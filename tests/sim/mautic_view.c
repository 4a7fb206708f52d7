// A contact as answers and webhooks show it. A fresh one has numbers where an existing
// one has text, because it was not read back from the database.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

struct json_object *
contact_view_value(struct json_object *contact, const struct field *field)
{
    if (strcmp(field->alias, "points") == 0)
        return json_object_new_int64(contact_points(contact));
    return json_object_get(json_at(json_at(contact, "values"), field->alias));
}

static void
add_value(struct json_object *view, struct json_object *value)
{
    json_add(view, "value", value);
    if (value == NULL)
        json_add_str(view, "normalizedValue", "");
    else
        json_share(view, "normalizedValue", value);
}

static struct json_object *
fresh_properties(const struct field *field)
{
    struct json_object *properties = json_object_new_object();
    if (strcmp(field->alias, "title") == 0) {
        struct json_object *list = json_object_new_array();
        json_push_str(list, "Mr");
        json_push_str(list, "Mrs");
        json_push_str(list, "Miss");
        json_add(properties, "list", list);
    } else if (field->properties != NULL) {
        json_add_int(properties, "roundmode", 4);
        json_add_int(properties, "scale", 2);
    }
    return json_php_list(properties);
}

static struct json_object *
view_fresh(struct json_object *contact, const struct field *field)
{
    struct json_object *view = json_object_new_object();
    struct json_object *value = contact_view_value(contact, field);
    // Points nobody gave are not there yet.
    if (strcmp(field->alias, "points") == 0 && contact_points(contact) == 0) {
        json_object_put(value);
        value = NULL;
    }
    json_add_int(view, "id", field->id);
    json_add_str(view, "group", field->group);
    json_add_str(view, "label", field->label);
    json_add_str(view, "alias", field->alias);
    json_add_str(view, "type", field->type);
    json_add(view, "properties", fresh_properties(field));
    add_value(view, value);
    return view;
}

static struct json_object *
view_existing(struct json_object *contact, const struct field *field)
{
    struct json_object *view = json_object_new_object();
    json_add_digits(view, "id", field->id);
    json_add_str(view, "label", field->label);
    json_add_str(view, "alias", field->alias);
    json_add_str(view, "type", field->type);
    json_add_str(view, "group", field->group);
    json_add_str(view, "object", "lead");
    json_add_str(view, "is_fixed", field->fixed ? "1" : "0");
    json_add_str(view, "properties",
                 field->properties == NULL ? "a:0:{}" : field->properties);
    json_add_str(view, "default_value", field->fallback);
    add_value(view, contact_view_value(contact, field));
    return view;
}

static struct json_object *
view_all(struct sim *sim, struct json_object *contact, bool fresh)
{
    struct field field;
    struct json_object *all = json_object_new_object();
    if (fresh)
        json_share(all, "id", json_at(contact, "id"));
    else
        json_add_digits(all, "id", json_int(contact, "id", 0));
    for (size_t i = 0; field_at(sim, i, &field); i++)
        json_add(all, field.alias, contact_view_value(contact, &field));
    return all;
}

static struct json_object *
view_fields(struct sim *sim, struct json_object *contact, unsigned flags)
{
    static const char *const groups[] = {"core", "social", "personal", "professional"};
    struct field field;
    struct json_object *fields = json_object_new_object();
    for (size_t g = 0; g < sizeof groups / sizeof groups[0]; g++) {
        struct json_object *group = json_object_new_object();
        for (size_t i = 0; field_at(sim, i, &field); i++) {
            if (strcmp(field.group, groups[g]) != 0)
                continue;
            json_add(group, field.alias,
                     (flags & VIEW_FRESH) != 0 ? view_fresh(contact, &field)
                                               : view_existing(contact, &field));
        }
        json_add(fields, groups[g], json_php_list(group));
    }
    if ((flags & VIEW_ALL) != 0)
        json_add(fields, "all", view_all(sim, contact, (flags & VIEW_FRESH) != 0));
    return fields;
}

static struct json_object *
view_owner(struct json_object *contact)
{
    struct json_object *owner = json_object_new_object();
    int64_t id = json_int(contact, "owner", 0);
    if (id == 0) {
        json_object_put(owner);
        return NULL;
    }
    json_add_int(owner, "id", id);
    json_add_str(owner, "username", id == 1 ? "worker" : "claire");
    json_add_str(owner, "firstName", id == 1 ? "Queue" : "Claire");
    json_add_str(owner, "lastName", id == 1 ? "Worker" : "Dubois");
    return owner;
}

static struct json_object *
view_ips(struct json_object *contact)
{
    struct json_object *view = json_object_new_object();
    struct json_object *ips = json_at(contact, "ips");
    for (size_t i = 0; i < json_object_array_length(ips); i++) {
        const char *ip = json_object_get_string(json_object_array_get_idx(ips, i));
        struct json_object *one = json_object_new_object();
        json_add_str(one, "ip", ip);
        json_add_int(one, "id", (int64_t)i + 5);
        json_add_str(one, "ipAddress", ip);
        json_add(one, "ipDetails", json_object_new_array());
        json_add(view, ip, one);
    }
    return json_php_list(view);
}

static struct json_object *
view_tags(struct sim *sim, struct json_object *contact)
{
    struct json_object *view = json_object_new_array();
    struct json_object *ids = json_at(contact, "tags");
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(ids, i));
        json_object_array_add(view, tag_view(sim, id));
    }
    return view;
}

static struct json_object *
view_dnc(struct json_object *contact)
{
    struct json_object *view = json_object_new_array();
    struct json_object *list = json_at(contact, "dnc");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *row = json_object_array_get_idx(list, i);
        struct json_object *one = json_object_new_object();
        int64_t channel_id = json_int(row, "channel_id", 0);
        json_share(one, "id", json_at(row, "id"));
        json_add_atom(one, "dateAdded", json_int(row, "at_ms", 0));
        json_share(one, "reason", json_at(row, "reason"));
        json_share(one, "comments", json_at(row, "comments"));
        json_share(one, "channel", json_at(row, "channel"));
        json_add(one, "channelId",
                 channel_id == 0 ? NULL : json_object_new_int64(channel_id));
        json_object_array_add(view, one);
    }
    return view;
}

static void
add_person(struct json_object *view, const char *key, struct json_object *contact,
           const char *prefix)
{
    char from[40];
    char name[40];
    snprintf(from, sizeof from, "%s_by", prefix);
    int64_t id = json_int(contact, from, 0);
    json_add(view, key, id == 0 ? NULL : json_object_new_int64(id));
    snprintf(from, sizeof from, "%s_name", prefix);
    snprintf(name, sizeof name, "%sUser", key);
    json_add_str(view, name, json_str(contact, from));
}

static struct json_object *
view_stage(struct json_object *contact)
{
    int64_t id = json_int(contact, "stage", 0);
    if (id == 0)
        return NULL;
    struct json_object *stage = json_object_new_object();
    json_add_int(stage, "id", id);
    json_add_str(stage, "name", "stage");
    return stage;
}

struct json_object *
contact_view(struct sim *sim, struct json_object *contact, unsigned flags)
{
    bool fresh = (flags & VIEW_FRESH) != 0;
    struct json_object *view = json_object_new_object();
    json_add_bool(view, "isPublished", true);
    json_add_atom(view, "dateAdded", json_int(contact, "added_ms", 0));
    json_add_atom(view, "dateModified", json_int(contact, "modified_ms", 0));
    add_person(view, "createdBy", contact, "created");
    add_person(view, "modifiedBy", contact, "modified");
    json_share(view, "id", json_at(contact, "id"));
    json_share(view, "points", json_at(contact, "points"));
    json_add_null(view, "color");
    json_add(view, "fields", view_fields(sim, contact, flags));
    json_add_str(view, "lastActive", json_str(contact, "last_active"));
    json_add(view, "owner", view_owner(contact));
    json_add(view, "ipAddresses", view_ips(contact));
    json_add(view, "tags", view_tags(sim, contact));
    json_add(view, "utmtags", fresh ? NULL : json_object_new_array());
    json_add(view, "stage", view_stage(contact));
    json_add_atom(view, "dateIdentified", json_int(contact, "identified_ms", 0));
    json_add_null(view, "preferredProfileImage");
    json_add(view, "doNotContact", view_dnc(contact));
    json_add(view, "frequencyRules", json_object_new_array());
    return view;
}

struct json_object *
contact_view_lead(struct sim *sim, struct json_object *contact, unsigned flags)
{
    struct json_object *view = json_object_new_object();
    json_share(view, "id", json_at(contact, "id"));
    json_share(view, "points", json_at(contact, "points"));
    json_add_null(view, "color");
    json_add(view, "fields", view_fields(sim, contact, flags));
    return view;
}

struct json_object *
contact_view_flat(struct sim *sim, struct json_object *contact)
{
    static const char *const flat[] = {"title",    "firstname", "lastname", "company",
                                       "position", "email",     "phone",    "mobile",
                                       "address1", "address2",  "city",     "state",
                                       "zipcode",  "timezone",  "country",  NULL};
    struct json_object *view = contact_view(sim, contact, 0);
    for (const char *const *alias = flat; *alias != NULL; alias++)
        json_share(view, *alias, json_at(json_at(contact, "values"), *alias));
    return view;
}
