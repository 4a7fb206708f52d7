#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

static const char title_list[] =
    "a:1:{s:4:\"list\";a:3:{i:0;s:2:\"Mr\";i:1;s:3:\"Mrs\";i:2;s:4:\"Miss\";}}";
static const char attribution_scale[] =
    "a:2:{s:9:\"roundmode\";i:4;s:5:\"scale\";i:2;}";

// What every installation has.
static const struct field standard[] = {
    {1, "title", "Title", "lookup", "core", title_list, NULL, true},
    {2, "firstname", "First Name", "text", "core", NULL, NULL, true},
    {3, "lastname", "Last Name", "text", "core", NULL, NULL, true},
    {4, "company", "Primary company", "text", "core", NULL, NULL, true},
    {5, "position", "Position", "text", "core", NULL, NULL, true},
    {6, "email", "Email", "email", "core", NULL, NULL, true, true},
    {7, "mobile", "Mobile", "tel", "core", NULL, NULL, true},
    {8, "phone", "Phone", "tel", "core", NULL, NULL, true},
    {9, "points", "Points", "number", "core", NULL, "0", true},
    {10, "fax", "Fax", "tel", "core", NULL, NULL, false},
    {11, "address1", "Address Line 1", "text", "core", NULL, NULL, true},
    {12, "address2", "Address Line 2", "text", "core", NULL, NULL, true},
    {13, "city", "City", "text", "core", NULL, NULL, true},
    {14, "state", "State", "region", "core", NULL, NULL, true},
    {15, "zipcode", "Zip Code", "text", "core", NULL, NULL, true},
    {16, "country", "Country", "country", "core", NULL, NULL, true},
    {17, "preferred_locale", "Preferred Locale", "locale", "core", NULL, NULL, true},
    {18, "timezone", "Preferred Timezone", "timezone", "core", NULL, NULL, true},
    {19, "last_active", "Date Last Active", "datetime", "core", NULL, NULL, true},
    {20, "attribution_date", "Attribution Date", "datetime", "core", NULL, NULL, true},
    {21, "attribution", "Attribution", "number", "core", attribution_scale, NULL, true},
    {22, "website", "Website", "url", "core", NULL, NULL, false},
    {23, "facebook", "Facebook", "text", "social", NULL, NULL, false},
    {24, "foursquare", "Foursquare", "text", "social", NULL, NULL, false},
    {25, "instagram", "Instagram", "text", "social", NULL, NULL, false},
    {26, "linkedin", "LinkedIn", "text", "social", NULL, NULL, false},
    {27, "skype", "Skype", "text", "social", NULL, NULL, false},
    {28, "twitter", "Twitter", "text", "social", NULL, NULL, false},
};

enum {
    STANDARD_COUNT = sizeof standard / sizeof standard[0],
    FIRST_OWN_ID = 44,
};

static const char *
text_or(struct json_object *obj, const char *key, const char *fallback)
{
    const char *text = json_str(obj, key);
    return text == NULL ? fallback : text;
}

static struct json_object *
put_field(struct sim *sim, struct json_object *wish)
{
    const char *alias = json_str(wish, "alias");
    struct json_object *row = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "fields", FIRST_OWN_ID);
    json_add_int(row, "id", id);
    json_add_str(row, "alias", alias);
    json_add_str(row, "label", text_or(wish, "label", alias));
    json_add_str(row, "type", text_or(wish, "type", "text"));
    json_add_str(row, "group", text_or(wish, "group", "core"));
    json_add_bool(row, "unique", json_flag(wish, "unique", false));
    store_put(sim_store(sim), "fields", id, row);
    return row;
}

bool
field_start(struct sim *sim)
{
    const char *text = sim_setting(sim, "fields");
    if (store_count(sim_store(sim), "fields") > 0)
        return true;
    struct json_object *list = json_parse(text, strlen(text));
    bool good = json_object_is_type(list, json_type_array);
    for (size_t i = 0; good && i < json_object_array_length(list); i++) {
        struct json_object *wish = json_object_array_get_idx(list, i);
        good = json_str(wish, "alias") != NULL;
        if (good)
            put_field(sim, wish);
    }
    json_object_put(list);
    if (!good)
        fprintf(stderr, "SIM_FIELDS: give a JSON array of {alias, label?, type?,"
                        " group?, unique?}\n");
    return good;
}

static void
own_field(struct json_object *row, struct field *field)
{
    *field = (struct field){
        .id = json_int(row, "id", 0),
        .alias = json_str(row, "alias"),
        .label = json_str(row, "label"),
        .type = json_str(row, "type"),
        .group = json_str(row, "group"),
        .unique = json_flag(row, "unique", false),
        .own = true,
    };
}

bool
field_at(struct sim *sim, size_t i, struct field *field)
{
    if (i < STANDARD_COUNT) {
        *field = standard[i];
        return true;
    }
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "fields", &cursor);
    for (i -= STANDARD_COUNT; row != NULL && i > 0; i--)
        row = store_newer(&cursor);
    if (row == NULL)
        return false;
    own_field(row, field);
    return true;
}

bool
field_find(struct sim *sim, const char *alias, struct field *field)
{
    for (size_t i = 0; field_at(sim, i, field); i++) {
        if (strcmp(field->alias, alias) == 0)
            return true;
    }
    return false;
}

static struct json_object *
view_field(const struct field *field)
{
    struct json_object *view = json_object_new_object();
    json_add_bool(view, "isPublished", true);
    json_add_int(view, "id", field->id);
    json_add_str(view, "label", field->label);
    json_add_str(view, "alias", field->alias);
    json_add_str(view, "type", field->type);
    json_add_str(view, "group", field->group);
    json_add_str(view, "object", "lead");
    json_add_str(view, "defaultValue", field->fallback);
    json_add_bool(view, "isRequired", false);
    json_add_bool(view, "isFixed", field->fixed);
    json_add_bool(view, "isUniqueIdentifier", field->unique);
    json_add(view, "properties", json_object_new_array());
    return view;
}

void
field_index(struct call *call)
{
    struct field field;
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; field_at(call->sim, i, &field); i++)
        json_object_array_add(rows, view_field(&field));
    mautic_answer_list(call, "fields", rows, false);
}

void
field_create(struct call *call)
{
    struct field field;
    const char *alias = json_str(call->body, "alias");
    if (json_str(call->body, "label") == NULL || alias == NULL) {
        mautic_answer_error(
            call, 400, mautic_field_error(400, "label", "This value is required."));
        return;
    }
    if (field_find(call->sim, alias, &field)) {
        mautic_answer_error(
            call, 400,
            mautic_field_error(400, "alias", "Another field is using this alias."));
        return;
    }
    own_field(put_field(call->sim, call->body), &field);
    mautic_created(call, "field", view_field(&field));
}

// GET contacts/list/fields: an object by id, in snake case.
void
field_list(struct call *call)
{
    struct field field;
    struct json_object *reply = json_object_new_object();
    for (size_t i = 0; field_at(call->sim, i, &field); i++) {
        struct json_object *row = json_object_new_object();
        char key[24];
        json_add_digits(row, "id", field.id);
        json_add_str(row, "label", field.label);
        json_add_str(row, "alias", field.alias);
        json_add_str(row, "type", field.type);
        json_add_str(row, "group", field.group);
        json_add_str(row, "object", "lead");
        json_add_str(row, "is_fixed", field.fixed ? "1" : "0");
        json_add_str(row, "properties",
                     field.properties == NULL ? "a:0:{}" : field.properties);
        json_add_str(row, "default_value", field.fallback);
        snprintf(key, sizeof key, "%lld", (long long)field.id);
        json_add(reply, key, row);
    }
    call_answer(call, 200, reply);
}
