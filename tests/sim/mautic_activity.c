// GET contacts/{id}/activity: the timeline. Notes are not in it.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

struct type {
    const char *key;
    const char *label;
};

static const struct type types[] = {
    {"email.sent", "Email sent"},
    {"email.read", "Email read"},
    {"point.gained", "Point gained"},
    {"lead.create", "Contact created"},
    {"lead.donotcontact", "Do not contact"},
    {0},
};

struct timeline {
    struct call *call;
    struct json_object *events;
    int64_t from_ms;
    int64_t to_ms;
};

static void
add_event(struct timeline *line, const struct type *type, struct json_object *contact,
          int64_t number, struct json_object *label, int64_t at_ms)
{
    const char *wanted = call_query(line->call, "filters[includeEvents][]");
    bool hide = at_ms < line->from_ms || at_ms > line->to_ms
                || (wanted != NULL && strcmp(wanted, type->key) != 0);
    if (hide) {
        json_object_put(label);
        return;
    }
    char id[80];
    struct json_object *event = json_object_new_object();
    snprintf(id, sizeof id, "%s%" PRId64, type->key, number);
    json_add_str(event, "event", type->key);
    json_add_str(event, "eventId", id);
    json_add(event, "eventLabel", label);
    json_add_str(event, "eventType", type->label);
    json_add_atom(event, "timestamp", at_ms);
    json_share(event, "contactId", json_at(contact, "id"));
    json_add(event, "details", json_object_new_array());
    json_object_array_add(line->events, event);
}

static struct json_object *
linked_label(struct sim *sim, struct json_object *mail)
{
    char place[40];
    int64_t id = json_int(mail, "email", 0);
    struct json_object *email = store_get(sim_store(sim), "emails", id);
    struct json_object *label = json_object_new_object();
    snprintf(place, sizeof place, "/s/emails/view/%" PRId64, id);
    json_share(label, "label", json_at(email, "subject"));
    json_add_str(label, "href", place);
    return label;
}

static void
add_mails(struct timeline *line, struct json_object *contact)
{
    struct sim *sim = line->call->sim;
    struct store_cursor cursor;
    struct json_object *mail = store_newest(sim_store(sim), "mails", &cursor);
    for (; mail != NULL; mail = store_older(&cursor)) {
        int64_t id = json_int(mail, "id", 0);
        int64_t read_ms = json_int(mail, "read_ms", 0);
        if (json_int(mail, "contact", 0) != json_int(contact, "id", 0))
            continue;
        if (read_ms > 0)
            add_event(line, &types[1], contact, id, linked_label(sim, mail), read_ms);
        add_event(line, &types[0], contact, id, linked_label(sim, mail),
                  json_int(mail, "sent_ms", 0));
    }
}

static void
add_points(struct timeline *line, struct json_object *contact)
{
    struct json_object *log = json_at(contact, "points_log");
    for (size_t i = json_object_array_length(log); i-- > 0;) {
        struct json_object *entry = json_object_array_get_idx(log, i);
        char label[300];
        const char *event = json_str(entry, "event");
        const char *action = json_str(entry, "action");
        snprintf(label, sizeof label, "%.100s: %.100s / %" PRId64,
                 event == NULL ? "" : event, action == NULL ? "" : action,
                 json_int(entry, "delta", 0));
        add_event(line, &types[2], contact, json_int(entry, "id", 0),
                  json_object_new_string(label), json_int(entry, "at_ms", 0));
    }
}

static void
add_contact(struct timeline *line, struct json_object *contact)
{
    struct json_object *dnc = json_at(contact, "dnc");
    add_mails(line, contact);
    add_points(line, contact);
    for (size_t i = 0; i < json_object_array_length(dnc); i++) {
        struct json_object *row = json_object_array_get_idx(dnc, i);
        add_event(line, &types[4], contact, json_int(row, "id", 0),
                  json_object_get(json_at(row, "channel")), json_int(row, "at_ms", 0));
    }
    add_event(line, &types[3], contact, json_int(contact, "id", 0),
              json_object_new_string("Contact created"),
              json_int(contact, "added_ms", 0));
}

static int64_t
bound_of(struct call *call, const char *key, int64_t fallback_ms)
{
    const char *text = call_query(call, key);
    int64_t at_ms = fallback_ms;
    if (text != NULL && time_parse(text, &at_ms) && strlen(text) == 10
        && strstr(key, "To") != NULL)
        at_ms += DAY_MS - 1;
    return at_ms;
}

static void
answer(struct call *call, struct timeline *line)
{
    int64_t total = (int64_t)json_object_array_length(line->events);
    int64_t limit = page_of(call, 25).limit;
    int64_t page = 1;
    const char *text = call_query(call, "page");
    if (text != NULL)
        json_number(text, &page);
    struct json_object *some = json_object_new_array();
    for (int64_t i = (page - 1) * limit; i >= 0 && i < total && i < page * limit; i++)
        json_object_array_add(
            some, json_object_get(json_object_array_get_idx(line->events, (size_t)i)));
    struct json_object *known = json_object_new_object();
    for (const struct type *type = types; type->key != NULL; type++)
        json_add_str(known, type->key, type->label);
    struct json_object *order = json_object_new_array();
    json_push_str(order, "timestamp");
    json_push_str(order, "DESC");
    struct json_object *reply = json_object_new_object();
    json_add(reply, "events", some);
    json_add(reply, "filters", json_object_new_array());
    json_add(reply, "order", order);
    json_add(reply, "types", known);
    json_add_int(reply, "total", total);
    json_add_int(reply, "page", page);
    json_add_int(reply, "limit", limit);
    json_add_int(reply, "maxPages", (total + limit - 1) / limit);
    call_answer(call, 200, reply);
    json_object_put(line->events);
}

static struct timeline
timeline_new(struct call *call)
{
    return (struct timeline){
        .call = call,
        .events = json_object_new_array(),
        .from_ms = bound_of(call, "filters[dateFrom]", 0),
        .to_ms = bound_of(call, "filters[dateTo]", INT64_MAX),
    };
}

void
contact_activity(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct timeline line = timeline_new(call);
    add_contact(&line, contact);
    answer(call, &line);
}

void
all_activity(struct call *call)
{
    struct timeline line = timeline_new(call);
    struct store_cursor cursor;
    struct json_object *contact =
        store_newest(sim_store(call->sim), "contacts", &cursor);
    for (; contact != NULL; contact = store_older(&cursor))
        add_contact(&line, contact);
    answer(call, &line);
}
