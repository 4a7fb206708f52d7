// The body of contacts/new and contacts/{id}/edit, put into the row of the contact.
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

struct json_object *
apply_check(struct sim *sim, struct json_object *wish)
{
    struct field field;
    struct json_object *details = json_object_new_object();
    for (size_t i = 0; field_at(sim, i, &field); i++) {
        struct json_object *clean = NULL;
        char *problem = value_check(&field, json_at(wish, field.alias), &clean);
        if (problem != NULL)
            mautic_add_detail(details, field.alias, problem);
        json_object_put(clean);
        free(problem);
    }
    if (json_object_object_length(details) > 0)
        return mautic_details_error(400, details);
    json_object_put(details);
    return NULL;
}

// A number that PHP's (int) makes 0; from 7.2 on a fraction is no such number.
static bool
is_zero(struct sim *sim, struct json_object *value)
{
    char *end = NULL;
    const char *text = json_object_get_string(value);
    double number = strtod(text, &end);
    if (end == text || *end != '\0')
        return false;
    return mautic_since(sim, 7, 2) ? number == 0 : number > -1 && number < 1;
}

static bool
is_blank(struct json_object *value)
{
    return value == NULL || *json_object_get_string(value) == '\0';
}

static void
set_value(struct sim *sim, struct json_object *contact, const struct field *field,
          struct json_object *value)
{
    if (strcmp(field->alias, "points") == 0) {
        json_add_int(contact, "points",
                     value == NULL ? 0 : json_object_get_int64(value));
        json_object_put(value);
        return;
    }
    if (strcmp(field->alias, "company") == 0 && value != NULL)
        company_link(sim, contact, company_id(sim, json_object_get_string(value)));
    json_add(json_at(contact, "values"), field->alias, value);
}

static void
apply_field(struct sim *sim, struct json_object *contact, struct json_object *wish,
            const struct field *field, enum apply_mode mode)
{
    struct json_object *clean = NULL;
    bool put = mode == APPLY_PUT;
    bool erase = put || json_flag(wish, "overwriteWithBlank", false);
    if (!put && !json_has(wish, field->alias))
        return;
    free(value_check(field, json_at(wish, field->alias), &clean));
    bool dropped = !put && clean != NULL && strcmp(field->type, "boolean") != 0
                   && is_zero(sim, clean);
    bool blank = is_blank(clean);
    if (!dropped && (!blank || erase))
        set_value(sim, contact, field, blank ? NULL : json_object_get(clean));
    json_object_put(clean);
}

// The index of the id, or the length.
static size_t
index_of(struct json_object *ids, int64_t id)
{
    size_t i = 0;
    while (i < json_object_array_length(ids)
           && json_object_get_int64(json_object_array_get_idx(ids, i)) != id)
        i++;
    return i;
}

static void
apply_tags(struct sim *sim, struct json_object *contact, struct json_object *names)
{
    struct json_object *ids = json_at(contact, "tags");
    for (size_t i = 0; i < json_object_array_length(names); i++) {
        const char *name = json_object_get_string(json_object_array_get_idx(names, i));
        bool remove = name != NULL && *name == '-';
        if (name == NULL || *name == '\0')
            continue;
        int64_t id = tag_id(sim, remove ? name + 1 : name);
        size_t place = index_of(ids, id);
        bool there = place < json_object_array_length(ids);
        if (remove && there)
            json_object_array_del_idx(ids, place, 1);
        else if (!remove && !there)
            json_object_array_add(ids, json_object_new_int64(id));
    }
}

static void
apply_dnc(struct sim *sim, struct json_object *contact, struct json_object *list)
{
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *channel = json_str(one, "channel");
        dnc_put(sim, contact, channel == NULL ? "email" : channel,
                json_int(one, "reason", 3), json_str(one, "comments"), 0);
    }
}

static void
apply_rest(struct sim *sim, struct json_object *contact, struct json_object *wish)
{
    const char *active = json_str(wish, "lastActive");
    const char *ip = json_str(wish, "ipAddress");
    if (json_has(wish, "owner"))
        json_add_int(contact, "owner", json_int(wish, "owner", 0));
    if (json_has(wish, "stage"))
        json_add_int(contact, "stage", json_int(wish, "stage", 0));
    if (active != NULL)
        json_add_str(contact, "last_active", active);
    if (ip != NULL)
        json_push_str(json_at(contact, "ips"), ip);
    if (json_is_array(wish, "tags"))
        apply_tags(sim, contact, json_at(wish, "tags"));
    if (json_is_array(wish, "doNotContact"))
        apply_dnc(sim, contact, json_at(wish, "doNotContact"));
}

void
apply_wish(struct sim *sim, struct json_object *contact, struct json_object *wish,
           enum apply_mode mode)
{
    struct field field;
    for (size_t i = 0; field_at(sim, i, &field); i++)
        apply_field(sim, contact, wish, &field, mode);
    apply_rest(sim, contact, wish);
}
