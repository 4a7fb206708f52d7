// The rows of contacts, and what becomes known of a change.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

struct json_object *
contact_get(struct sim *sim, int64_t id)
{
    return store_get(sim_store(sim), "contacts", id);
}

struct json_object *
contact_named(struct call *call, int index)
{
    struct json_object *contact = contact_get(call->sim, call->ids[index]);
    if (contact == NULL && index == 0)
        mautic_not_found(call);
    else if (contact == NULL)
        mautic_no_contact(call);
    return contact;
}

const char *
contact_text(struct json_object *contact, const char *alias)
{
    struct json_object *value = json_at(json_at(contact, "values"), alias);
    return value == NULL ? NULL : json_object_get_string(value);
}

int64_t
contact_points(struct json_object *contact)
{
    return json_int(contact, "points", 0);
}

void
contact_touch(struct sim *sim, struct json_object *contact)
{
    store_touch(sim_store(sim), "contacts", json_int(contact, "id", 0));
}

struct json_object *
contact_create(struct sim *sim, struct actor actor)
{
    static const char *const maps[] = {"values", "segments", "campaigns", NULL};
    static const char *const lists[] = {"tags",       "dnc",       "entries", "ips",
                                        "points_log", "companies", NULL};
    struct json_object *contact = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "contacts", 1);
    json_add_int(contact, "id", id);
    json_add_int(contact, "points", 0);
    json_add_int(contact, "added_ms", sim_now_ms(sim));
    json_add_int(contact, "created_by", actor.id);
    json_add_str(contact, "created_name", actor.name);
    for (const char *const *key = maps; *key != NULL; key++)
        json_add(contact, *key, json_object_new_object());
    for (const char *const *key = lists; *key != NULL; key++)
        json_add(contact, *key, json_object_new_array());
    store_put(sim_store(sim), "contacts", id, contact);
    return contact;
}

void
contact_add_points(struct sim *sim, struct json_object *contact, int64_t delta,
                   const char *event, const char *action)
{
    struct json_object *entry = json_object_new_object();
    json_add_int(entry, "id", store_next_id(sim_store(sim), "points_log", 1));
    json_add_int(entry, "delta", delta);
    json_add_str(entry, "event", event);
    json_add_str(entry, "action", action);
    json_add_int(entry, "at_ms", sim_now_ms(sim));
    json_object_array_add(json_at(contact, "points_log"), entry);
    json_add_int(contact, "points", contact_points(contact) + delta);
    contact_touch(sim, contact);
}

static bool
is_known(struct json_object *contact)
{
    static const char *const names[] = {"email", "firstname", "lastname", "company",
                                        NULL};
    for (const char *const *name = names; *name != NULL; name++) {
        if (contact_text(contact, *name) != NULL)
            return true;
    }
    return false;
}

static struct json_object *
item_of(struct sim *sim, struct json_object *contact, unsigned flags)
{
    struct json_object *item = json_object_new_object();
    json_add(item, "contact", contact_view(sim, contact, flags));
    return item;
}

static void
tell_points(struct sim *sim, struct json_object *contact, int64_t old_points)
{
    struct json_object *points = json_object_new_object();
    json_add_int(points, "old_points", old_points);
    json_add_int(points, "new_points", contact_points(contact));
    struct json_object *item = item_of(sim, contact, 0);
    json_add(item, "points", points);
    event_fire(sim, "mautic.lead_points_change", json_int(contact, "id", 0), item);
}

void
contact_saved(struct sim *sim, struct json_object *contact, struct json_object *before,
              struct actor actor)
{
    int64_t id = json_int(contact, "id", 0);
    bool was_known = json_int(contact, "identified_ms", 0) > 0;
    bool change = before != NULL;
    if (change && json_object_equal(before, contact))
        return; // nothing changed, nothing is told
    if (change) {
        json_add_int(contact, "modified_ms", sim_now_ms(sim));
        json_add_int(contact, "modified_by", actor.id);
        json_add_str(contact, "modified_name", actor.name);
    }
    if (!was_known && is_known(contact)) {
        json_add_int(contact, "identified_ms", sim_now_ms(sim));
        event_fire(sim, "mautic.lead_post_save_new", id,
                   item_of(sim, contact, VIEW_FRESH));
    } else if (change) {
        event_fire(sim, "mautic.lead_post_save_update", id, item_of(sim, contact, 0));
    }
    if (change && contact_points(before) != contact_points(contact))
        tell_points(sim, contact, contact_points(before));
    contact_touch(sim, contact);
}

enum { UNIQUE_MAX = 8 };

// What a wish says in the unique fields.
struct wanted {
    const char *alias[UNIQUE_MAX];
    const char *text[UNIQUE_MAX];
    size_t count;
};

static struct wanted
wanted_of(struct sim *sim, struct json_object *wish)
{
    struct field field;
    struct wanted wanted = {.count = 0};
    for (size_t i = 0; field_at(sim, i, &field) && wanted.count < UNIQUE_MAX; i++) {
        struct json_object *value = field.unique ? json_at(wish, field.alias) : NULL;
        const char *text = value == NULL ? "" : json_object_get_string(value);
        if (*text == '\0')
            continue;
        wanted.alias[wanted.count] = field.alias;
        wanted.text[wanted.count++] = text;
    }
    return wanted;
}

static bool
shares(struct json_object *contact, const struct wanted *wanted, size_t i)
{
    const char *text = contact_text(contact, wanted->alias[i]);
    return text != NULL && text_equal(text, wanted->text[i]);
}

static bool
matches(struct json_object *contact, const struct wanted *wanted, bool all)
{
    size_t same = 0;
    for (size_t i = 0; i < wanted->count; i++)
        same += shares(contact, wanted, i);
    return all ? same > 0 && same == wanted->count : same > 0;
}

struct json_object *
contact_match(struct sim *sim, struct json_object *wish)
{
    bool all = strcmp(sim_setting(sim, "unique_operator"), "AND") == 0;
    struct wanted wanted = wanted_of(sim, wish);
    struct store_cursor cursor;
    struct json_object *contact = store_newest(sim_store(sim), "contacts", &cursor);
    while (contact != NULL && !matches(contact, &wanted, all))
        contact = store_older(&cursor);
    return contact;
}

bool
contact_clash(struct sim *sim, struct json_object *contact, struct json_object *wish,
              char alias[64])
{
    struct wanted wanted = wanted_of(sim, wish);
    struct store_cursor cursor;
    struct json_object *other = store_newest(sim_store(sim), "contacts", &cursor);
    for (; other != NULL; other = store_older(&cursor)) {
        for (size_t i = 0; other != contact && i < wanted.count; i++) {
            if (!shares(other, &wanted, i))
                continue;
            snprintf(alias, 64, "%s", wanted.alias[i]);
            return true;
        }
    }
    return false;
}

void
contact_delete(struct sim *sim, struct json_object *contact, int64_t winner)
{
    struct store *store = sim_store(sim);
    int64_t id = json_int(contact, "id", 0);
    struct json_object *grave = json_object_new_object();
    json_add_int(grave, "id", id);
    json_add_int(grave, "winner", winner);
    json_add_str(grave, "email", contact_text(contact, "email"));
    json_share(grave, "entries", json_at(contact, "entries"));
    store_put(store, "graves", id, grave);

    struct json_object *item = json_object_new_object();
    struct json_object *view = contact_view(sim, contact, 0);
    json_add_null(view, "id");
    json_add_int(item, "id", id);
    json_add(item, "contact", view);
    event_fire(sim, "mautic.lead_post_delete", id, item);
    store_remove(store, "contacts", id);
}

// Moves the members of one map that the other has not.
static void
inherit(struct json_object *loser, struct json_object *winner, const char *key)
{
    struct json_object *to = json_at(winner, key);
    json_object_object_foreach(json_at(loser, key), name, value)
    {
        if (!json_has(to, name) || json_at(to, name) == NULL)
            json_share(to, name, value);
    }
}

void
contact_merge(struct sim *sim, struct json_object *loser, struct json_object *winner,
              struct actor actor)
{
    struct json_object *before = json_clone(winner);
    inherit(loser, winner, "values");
    inherit(loser, winner, "segments");
    inherit(loser, winner, "campaigns");
    json_add_int(winner, "points", contact_points(winner) + contact_points(loser));
    contact_delete(sim, loser, json_int(winner, "id", 0));
    contact_saved(sim, winner, before, actor);
    json_object_put(before);
}
