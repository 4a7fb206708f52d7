#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

struct json_object *
campaign_member(struct json_object *contact, int64_t campaign)
{
    char key[24];
    snprintf(key, sizeof key, "%" PRId64, campaign);
    return json_at(json_at(contact, "campaigns"), key);
}

static struct json_object *
view_properties(struct json_object *event)
{
    struct json_object *given = json_at(event, "properties");
    struct json_object *properties = json_object_new_object();
    if (given != NULL) {
        json_object_put(properties);
        return json_object_get(given);
    }
    json_add_digits(properties, "email", json_int(event, "email", 0));
    json_share(properties, "email_type", json_at(event, "email_type"));
    return properties;
}

static struct json_object *
view_event(struct json_object *event, int64_t order)
{
    static const char *const nulls[] = {"triggerHour", "triggerRestrictedStartHour",
                                        "triggerRestrictedStopHour"};
    struct json_object *view = json_object_new_object();
    bool mail = json_int(event, "email", 0) > 0;
    bool later = json_int(event, "interval", 0) > 0;
    const char *type = json_str(event, "type");
    json_share(view, "id", json_at(event, "id"));
    json_share(view, "name", json_at(event, "name"));
    json_add_null(view, "description");
    json_add_str(view, "type", type == NULL ? "email.send" : type);
    json_add_str(view, "eventType", "action");
    json_add_str(view, "channel", mail ? "email" : NULL);
    json_share(view, "channelId", json_at(event, "email"));
    json_add_int(view, "order", order);
    json_add(view, "properties", view_properties(event));
    json_add_null(view, "triggerDate");
    json_add_int(view, "triggerInterval", json_int(event, "interval", 1));
    json_add_str(view, "triggerIntervalUnit", "d");
    for (size_t i = 0; i < sizeof nulls / sizeof nulls[0]; i++)
        json_add_null(view, nulls[i]);
    json_add(view, "triggerRestrictedDaysOfWeek", json_object_new_array());
    json_add_str(view, "triggerMode", later ? "interval" : "immediate");
    json_add_null(view, "decisionPath");
    json_add_null(view, "parent");
    json_add(view, "children", json_object_new_array());
    return view;
}

static struct json_object *
view_events(struct json_object *campaign)
{
    struct json_object *view = json_object_new_object();
    struct json_object *events = json_at(campaign, "events");
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        char key[24];
        snprintf(key, sizeof key, "%" PRId64, json_int(event, "id", 0));
        json_add(view, key, view_event(event, (int64_t)i + 1));
    }
    return json_php_list(view);
}

static struct json_object *
view_lists(struct sim *sim, struct json_object *campaign)
{
    static const char *const shared[] = {"id", "name", "publicName", "alias"};
    struct json_object *view = json_object_new_object();
    struct json_object *lists = json_at(campaign, "lists");
    for (size_t i = 0; i < json_object_array_length(lists); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(lists, i));
        struct json_object *full =
            segment_view(sim, store_get(sim_store(sim), "segments", id));
        struct json_object *one = json_object_new_object();
        char key[24];
        for (size_t k = 0; k < sizeof shared / sizeof shared[0]; k++)
            json_share(one, shared[k], json_at(full, shared[k]));
        json_add_null(one, "description");
        json_add_null(one, "category");
        snprintf(key, sizeof key, "%" PRId64, id);
        json_add(view, key, one);
        json_object_put(full);
    }
    return json_php_list(view);
}

static struct json_object *
new_node(const char *id, int64_t y)
{
    struct json_object *node = json_object_new_object();
    json_add_str(node, "id", id);
    json_add_str(node, "positionX", "500");
    json_add_digits(node, "positionY", y);
    return node;
}

static struct json_object *
view_canvas(struct json_object *campaign)
{
    struct json_object *nodes = json_object_new_array();
    struct json_object *connections = json_object_new_array();
    struct json_object *events = json_at(campaign, "events");
    char id[24] = "";
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        snprintf(id, sizeof id, "%" PRId64, json_int(event, "id", 0));
        json_object_array_add(nodes, new_node(id, 120 * (int64_t)(i + 1)));
        if (i > 0)
            continue;
        struct json_object *anchors = json_object_new_object();
        json_add_str(anchors, "source", "leadsource");
        json_add_str(anchors, "target", "top");
        struct json_object *connection = json_object_new_object();
        json_add_str(connection, "sourceId", "lists");
        json_add_str(connection, "targetId", id);
        json_add(connection, "anchors", anchors);
        json_object_array_add(connections, connection);
    }
    json_object_array_add(nodes, new_node("lists", 20));
    struct json_object *canvas = json_object_new_object();
    json_add(canvas, "nodes", nodes);
    json_add(canvas, "connections", connections);
    return canvas;
}

static struct json_object *
view_campaign(struct sim *sim, struct json_object *campaign)
{
    struct json_object *view = json_object_new_object();
    json_share(view, "isPublished", json_at(campaign, "published"));
    json_add_atom(view, "dateAdded", json_int(campaign, "added_ms", 0));
    json_add_null(view, "dateModified");
    json_add_int(view, "createdBy", 1);
    json_add_str(view, "createdByUser", "Admin User");
    json_add_null(view, "modifiedBy");
    json_add_null(view, "modifiedByUser");
    json_share(view, "id", json_at(campaign, "id"));
    json_share(view, "name", json_at(campaign, "name"));
    json_add_null(view, "category");
    json_add_null(view, "description");
    json_share(view, "allowRestart", json_at(campaign, "allow_restart"));
    json_add_null(view, "publishUp");
    json_add_null(view, "publishDown");
    json_add(view, "events", view_events(campaign));
    json_add(view, "forms", json_object_new_array());
    json_add(view, "lists", view_lists(sim, campaign));
    json_add(view, "canvasSettings", view_canvas(campaign));
    return view;
}

static void
add_count(struct sim *sim, struct json_object *view, int64_t campaign)
{
    int64_t count = 0;
    struct store_cursor cursor;
    struct json_object *contact = store_oldest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_newer(&cursor)) {
        struct json_object *member = campaign_member(contact, campaign);
        count += member != NULL && !json_flag(member, "removed", false);
    }
    json_add_int(view, "contactCount", count);
    json_add_atom(view, "contactCountFetchedAt", sim_now_ms(sim));
}

void
campaign_index(struct call *call)
{
    struct json_object *rows = json_object_new_array();
    bool with_counts =
        mautic_since(call->sim, 7, 2) && call_query(call, "withContactCounts") != NULL;
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "campaigns", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *view = view_campaign(call->sim, row);
        if (with_counts)
            add_count(call->sim, view, json_int(row, "id", 0));
        json_object_array_add(rows, view);
    }
    mautic_answer_list(call, "campaigns", rows, false);
}

// The campaign of the path. Answers 404 and returns NULL if there is none.
static struct json_object *
named_campaign(struct call *call)
{
    struct json_object *campaign =
        store_get(sim_store(call->sim), "campaigns", call->ids[0]);
    if (campaign == NULL)
        mautic_not_found(call);
    return campaign;
}

void
campaign_show(struct call *call)
{
    struct json_object *campaign = named_campaign(call);
    if (campaign != NULL)
        mautic_answer(call, 200, "campaign", view_campaign(call->sim, campaign));
}

void
campaign_add(struct call *call)
{
    struct json_object *campaign = named_campaign(call);
    struct json_object *contact = campaign == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    bool again = race_over(call);
    bool known = campaign_member(contact, call->ids[0]) != NULL;
    if (!known && race_rests(call))
        return;
    // Somebody else inserted the same key in between.
    if (known && again) {
        mautic_refuse(call, 500);
        return;
    }
    enter_campaign(call->sim, contact, campaign, true);
    mautic_success(call);
}

void
campaign_remove(struct call *call)
{
    struct json_object *campaign = named_campaign(call);
    struct json_object *contact = campaign == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    leave_campaign(call->sim, contact, campaign, true);
    mautic_success(call);
}

// The statistics of this table, without who was removed.
void
campaign_contacts(struct call *call)
{
    bool filtered =
        call_query(call, "where[0][col]") != NULL || call_query(call, "order[0][col]");
    if (named_campaign(call) == NULL)
        return;
    if (filtered && mautic_since(call->sim, 6, 0)) {
        mautic_error(call, 400, "where and order are not supported here.");
        return;
    }
    struct page page = page_of(call, 100);
    struct json_object *all = stats_campaign_leads(call->sim, call->ids[0]);
    struct json_object *some = json_object_new_array();
    int64_t total = 0;
    for (size_t i = 0; i < json_object_array_length(all); i++) {
        struct json_object *row = json_object_array_get_idx(all, i);
        if (json_int(row, "manually_removed", 0) != 0)
            continue;
        if (total >= page.start && total < page.start + page.limit)
            json_object_array_add(some, json_object_get(row));
        total++;
    }
    json_object_put(all);
    struct json_object *reply = json_object_new_object();
    json_add_digits(reply, "total", total);
    json_add(reply, "contacts", some);
    call_answer(call, 200, reply);
}

static struct json_object *
view_log(struct json_object *log)
{
    struct json_object *view = json_object_new_object();
    json_share(view, "id", json_at(log, "event"));
    json_add_bool(view, "isScheduled", json_int(log, "done_ms", 0) == 0);
    json_add_atom(view, "dateTriggered", json_int(log, "done_ms", 0));
    json_add_atom(view, "triggerDate", json_int(log, "due_ms", 0));
    json_share(view, "rotation", json_at(log, "rotation"));
    return view;
}

// GET campaigns/{id}/events/contact/{id}
void
campaign_events(struct call *call)
{
    struct json_object *campaign = named_campaign(call);
    struct json_object *contact = campaign == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    struct json_object *member = campaign_member(contact, call->ids[0]);
    if (member == NULL || json_flag(member, "removed", false)) {
        mautic_error(call, 409, "Contact is not a member of the campaign.");
        return;
    }
    struct json_object *events = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *log = store_oldest(sim_store(call->sim), "event_log", &cursor);
    for (; log != NULL; log = store_newer(&cursor)) {
        if (json_int(log, "contact", 0) == call->ids[1]
            && json_int(log, "campaign", 0) == call->ids[0])
            json_object_array_add(events, view_log(log));
    }
    struct json_object *reply = json_object_new_object();
    struct json_object *membership = json_object_new_object();
    json_add_int(membership, "id", call->ids[0]);
    json_add_atom(membership, "dateAdded", json_int(member, "added_ms", 0));
    json_share(membership, "manuallyAdded", json_at(member, "manual"));
    json_share(membership, "rotation", json_at(member, "rotation"));
    json_add_int(reply, "total", (int64_t)json_object_array_length(events));
    json_add(reply, "membership", membership);
    json_add(reply, "events", events);
    call_answer(call, 200, reply);
}

static struct json_object *
list_membership(struct json_object *contact, struct json_object *campaign)
{
    struct json_object *view = json_object_new_array();
    struct json_object *lists = json_at(campaign, "lists");
    for (size_t i = 0; i < json_object_array_length(lists); i++) {
        struct json_object *id = json_object_array_get_idx(lists, i);
        if (segment_member(contact, json_object_get_int64(id)) != NULL)
            json_push_str(view, json_object_get_string(id));
    }
    return view;
}

void
contact_campaigns(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct json_object *map = json_object_new_object();
    json_object_object_foreach(json_at(contact, "campaigns"), key, member)
    {
        struct json_object *campaign =
            store_get(sim_store(call->sim), "campaigns", strtoll(key, NULL, 10));
        if (json_flag(member, "removed", false)
            || !json_flag(campaign, "published", true))
            continue;
        struct json_object *view = json_object_new_object();
        json_share(view, "id", json_at(campaign, "id"));
        json_share(view, "name", json_at(campaign, "name"));
        json_add_atom(view, "dateAdded", json_int(member, "added_ms", 0));
        json_add_bool(view, "manuallyRemoved", false);
        json_share(view, "manuallyAdded", json_at(member, "manual"));
        json_add(view, "listMembership", list_membership(contact, campaign));
        json_add(map, key, view);
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "total", json_object_object_length(map));
    json_add(reply, "campaigns", json_php_list(map));
    call_answer(call, 200, reply);
}
