#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

static void
add_published(struct json_object *view, struct json_object *row)
{
    json_share(view, "isPublished", json_at(row, "published"));
    json_add_atom(view, "dateAdded", json_int(row, "added_ms", 0));
    json_add_null(view, "dateModified");
    json_add_int(view, "createdBy", 1);
    json_add_str(view, "createdByUser", "Admin User");
    json_add_null(view, "modifiedBy");
    json_add_null(view, "modifiedByUser");
}

struct json_object *
segment_view(struct sim *sim, struct json_object *segment)
{
    (void)sim;
    struct json_object *view = json_object_new_object();
    add_published(view, segment);
    json_share(view, "id", json_at(segment, "id"));
    json_share(view, "name", json_at(segment, "name"));
    json_share(view, "publicName", json_at(segment, "name"));
    json_share(view, "alias", json_at(segment, "alias"));
    json_add_null(view, "description");
    json_add_null(view, "category");
    json_add(view, "filters", json_object_new_array());
    json_add_bool(view, "isGlobal", json_int(segment, "private_to", 0) == 0);
    json_add_bool(view, "isPreferenceCenter", false);
    return view;
}

struct json_object *
segment_member(struct json_object *contact, int64_t segment)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRId64, segment);
    struct json_object *member = json_at(json_at(contact, "segments"), key);
    return json_flag(member, "removed", false) ? NULL : member;
}

static int64_t
count_members(struct sim *sim, int64_t segment)
{
    int64_t count = 0;
    struct store_cursor cursor;
    struct json_object *contact = store_oldest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_newer(&cursor))
        count += segment_member(contact, segment) != NULL;
    return count;
}

void
segment_index(struct call *call)
{
    struct sim *sim = call->sim;
    const char *counts = call_query(call, "withCounts");
    bool with_counts = mautic_since(sim, 7, 2) && counts != NULL;
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "segments", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *view = segment_view(sim, row);
        if (with_counts) {
            json_add_int(view, "contactCount",
                         count_members(sim, json_int(row, "id", 0)));
            json_add_atom(view, "contactCountFetchedAt", sim_now_ms(sim));
        }
        json_object_array_add(rows, view);
    }
    mautic_answer_list(call, "lists", rows, false);
}

// The segment of the path. Answers 404 and returns NULL if there is none.
static struct json_object *
named_segment(struct call *call)
{
    struct json_object *segment =
        store_get(sim_store(call->sim), "segments", call->ids[0]);
    if (segment == NULL)
        mautic_not_found(call);
    return segment;
}

void
segment_show(struct call *call)
{
    struct json_object *segment = named_segment(call);
    if (segment != NULL)
        mautic_answer(call, 200, "list", segment_view(call->sim, segment));
}

static bool
is_source(struct sim *sim, int64_t segment)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(sim), "campaigns", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *lists = json_at(row, "lists");
        for (size_t i = 0; i < json_object_array_length(lists); i++) {
            if (json_object_get_int64(json_object_array_get_idx(lists, i)) == segment)
                return true;
        }
    }
    return false;
}

void
segment_patch(struct call *call)
{
    struct json_object *segment = named_segment(call);
    if (segment == NULL)
        return;
    bool published = json_flag(call->body, "isPublished", true);
    if (!published && is_source(call->sim, call->ids[0])) {
        mautic_answer_error(
            call, 422,
            mautic_field_error(422, "isPublished",
                               "This segment is used by another one and cannot be "
                               "unpublished."));
        return;
    }
    json_add_bool(segment, "published", published);
    store_touch(sim_store(call->sim), "segments", call->ids[0]);
    mautic_answer(call, 200, "list", segment_view(call->sim, segment));
}

// The segment, if the caller may change its members; else it answers and returns NULL.
static struct json_object *
open_segment(struct call *call)
{
    struct json_object *segment = named_segment(call);
    if (segment == NULL)
        return NULL;
    if (json_flag(segment, "published", true)
        && json_int(segment, "private_to", 0) == 0)
        return segment;
    mautic_forbidden(call);
    return NULL;
}

static void
fire_change(struct sim *sim, struct json_object *contact, int64_t segment, bool added)
{
    struct json_object *item = json_object_new_object();
    json_add(item, "contact", contact_view_flat(sim, contact));
    json_add(item, "segment",
             segment_view(sim, store_get(sim_store(sim), "segments", segment)));
    json_add_str(item, "action", added ? "added" : "removed");
    event_fire(sim, "mautic.lead_list_change", json_int(contact, "id", 0), item);
}

static void
set_member(struct sim *sim, struct json_object *contact, int64_t segment, bool added)
{
    char key[24];
    bool is_member = segment_member(contact, segment) != NULL;
    if (is_member == added)
        return;
    snprintf(key, sizeof key, "%" PRId64, segment);
    struct json_object *member = json_at(json_at(contact, "segments"), key);
    if (member == NULL) {
        member = json_object_new_object();
        json_add(json_at(contact, "segments"), key, member);
    }
    if (added)
        json_add_int(member, "added_ms", sim_now_ms(sim));
    json_add_bool(member, "removed", !added);
    json_add_bool(member, "manual", added);
    contact_touch(sim, contact);
    fire_change(sim, contact, segment, added);
}

void
segment_add(struct call *call)
{
    struct json_object *segment = open_segment(call);
    struct json_object *contact = segment == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    bool again = race_over(call);
    bool member = segment_member(contact, call->ids[0]) != NULL;
    if (!member && race_rests(call))
        return;
    // Somebody else inserted the same key in between.
    if (member && again) {
        mautic_refuse(call, 500);
        return;
    }
    set_member(call->sim, contact, call->ids[0], true);
    mautic_success(call);
}

void
segment_remove(struct call *call)
{
    struct json_object *segment = open_segment(call);
    struct json_object *contact = segment == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    set_member(call->sim, contact, call->ids[0], false);
    mautic_success(call);
}

void
segment_add_many(struct call *call)
{
    struct json_object *ids = json_at(call->body, "ids");
    if (open_segment(call) == NULL)
        return;
    if (!json_object_is_type(ids, json_type_array)) {
        mautic_error(call, 400, "ids is a required array");
        return;
    }
    struct json_object *details = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        struct json_object *one = json_object_array_get_idx(ids, i);
        int64_t id = json_object_get_int64(one);
        struct json_object *contact = contact_get(call->sim, id);
        if (contact != NULL)
            set_member(call->sim, contact, call->ids[0], true);
        struct json_object *result = json_object_new_object();
        json_add_bool(result, "success", contact != NULL);
        json_add(details, json_object_get_string(one), result);
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "success", 1);
    json_add(reply, "details", json_php_list(details));
    call_answer(call, 200, reply);
}

void
contact_segments(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct json_object *lists = json_object_new_object();
    json_object_object_foreach(json_at(contact, "segments"), key, member)
    {
        struct json_object *segment =
            store_get(sim_store(call->sim), "segments", strtoll(key, NULL, 10));
        if (json_flag(member, "removed", false))
            continue;
        struct json_object *view = json_object_new_object();
        json_share(view, "id", json_at(segment, "id"));
        json_share(view, "name", json_at(segment, "name"));
        json_share(view, "alias", json_at(segment, "alias"));
        json_add_atom(view, "dateAdded", json_int(member, "added_ms", 0));
        json_share(view, "manuallyAdded", json_at(member, "manual"));
        json_add_bool(view, "manuallyRemoved", false);
        json_add(lists, key, view);
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "total", json_object_object_length(lists));
    json_add(reply, "lists", json_php_list(lists));
    call_answer(call, 200, reply);
}
