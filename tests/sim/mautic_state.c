// GET /_sim/state: everything, in plain words, for tests to look at.
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

static struct json_object *
all_rows(struct sim *sim, const char *collection)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(list, json_object_get(row));
    return list;
}

static struct json_object *
tags_of(struct sim *sim, struct json_object *contact)
{
    struct json_object *names = json_object_new_array();
    struct json_object *ids = json_at(contact, "tags");
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(ids, i));
        json_push_str(names, json_str(store_get(sim_store(sim), "tags", id), "tag"));
    }
    return names;
}

static struct json_object *
segments_of(struct json_object *contact)
{
    struct json_object *ids = json_object_new_array();
    json_object_object_foreach(json_at(contact, "segments"), key, member)
    {
        if (!json_flag(member, "removed", false))
            json_object_array_add(ids, json_object_new_int64(strtoll(key, NULL, 10)));
    }
    return ids;
}

// The e-mails that the events of the campaign send.
static struct json_object *
planned_mails(struct json_object *campaign)
{
    struct json_object *ids = json_object_new_array();
    struct json_object *events = json_at(campaign, "events");
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        if (json_int(event, "email", 0) > 0)
            json_object_array_add(ids, json_object_get(json_at(event, "email")));
    }
    return ids;
}

// Each entry into a campaign, with its time and the mails that it brings.
static struct json_object *
entries_of(struct sim *sim, struct json_object *contact)
{
    struct json_object *list = json_object_new_array();
    struct json_object *entries = json_at(contact, "entries");
    for (size_t i = 0; i < json_object_array_length(entries); i++) {
        struct json_object *entry = json_clone(json_object_array_get_idx(entries, i));
        struct json_object *campaign =
            store_get(sim_store(sim), "campaigns", json_int(entry, "campaign", 0));
        json_add_atom(entry, "at", json_int(entry, "at_ms", 0));
        json_share(entry, "name", json_at(campaign, "name"));
        json_add(entry, "mails", planned_mails(campaign));
        json_object_array_add(list, entry);
    }
    return list;
}

static struct json_object *
notes_of(struct sim *sim, int64_t contact)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *note = store_oldest(sim_store(sim), "notes", &cursor);
    for (; note != NULL; note = store_newer(&cursor)) {
        if (json_int(note, "contact", 0) == contact)
            json_object_array_add(list, json_object_get(note));
    }
    return list;
}

static struct json_object *
view_contact(struct sim *sim, struct json_object *contact)
{
    static const char *const shared[] = {"id",  "points",    "owner",     "values",
                                         "dnc", "campaigns", "points_log"};
    struct json_object *view = json_object_new_object();
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        json_share(view, shared[i], json_at(contact, shared[i]));
    json_add_str(view, "email", contact_text(contact, "email"));
    json_add(view, "tags", tags_of(sim, contact));
    json_add(view, "segments", segments_of(contact));
    json_add(view, "entries", entries_of(sim, contact));
    json_add(view, "notes", notes_of(sim, json_int(contact, "id", 0)));
    return view;
}

struct json_object *
state_all(struct sim *sim)
{
    static const char *const collections[][2] = {
        {"mails", "mails"},         {"deleted", "graves"},
        {"event_log", "event_log"}, {"notes", "notes"},
        {"queue", "queue"},         {"webhooks", "hooks"},
        {"hooks", "webhooks"},      {"segments", "segments"},
        {"tags", "tags"},           {"campaigns", "campaigns"},
        {"fields", "fields"},       {"companies", "companies"},
    };
    struct json_object *contacts = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *contact = store_oldest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_newer(&cursor))
        json_object_array_add(contacts, view_contact(sim, contact));
    struct json_object *state = json_object_new_object();
    json_add(state, "contacts", contacts);
    for (size_t i = 0; i < sizeof collections / sizeof collections[0]; i++)
        json_add(state, collections[i][0], all_rows(sim, collections[i][1]));
    return state;
}
