// What belongs to one contact: do-not-contact, points, activity and small things.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum { FIRST_DNC = 15 };

static const char *
status_name(int64_t reason)
{
    static const char *const names[] = {"contactable", "unsubscribed", "bounced",
                                        "manual"};
    return reason >= 0 && reason <= 3 ? names[reason] : "manual";
}

// The index of the channel's row, or the length.
static size_t
place_of(struct json_object *dnc, const char *channel)
{
    size_t i = 0;
    while (i < json_object_array_length(dnc)
           && strcmp(json_str(json_object_array_get_idx(dnc, i), "channel"), channel)
                  != 0)
        i++;
    return i;
}

static int64_t
reason_of(struct json_object *contact, const char *channel)
{
    struct json_object *dnc = json_at(contact, "dnc");
    size_t i = place_of(dnc, channel);
    return i == json_object_array_length(dnc)
               ? 0
               : json_int(json_object_array_get_idx(dnc, i), "reason", 0);
}

bool
dnc_has(struct json_object *contact, const char *channel)
{
    return reason_of(contact, channel) != 0;
}

static void
fire_change(struct sim *sim, struct json_object *contact, const char *channel,
            int64_t old_reason)
{
    struct json_object *item = json_object_new_object();
    contact_touch(sim, contact);
    json_add(item, "contact", contact_view(sim, contact, 0));
    json_add_str(item, "channel", channel);
    json_add_str(item, "old_status", status_name(old_reason));
    json_add_str(item, "new_status", status_name(reason_of(contact, channel)));
    event_fire(sim, "mautic.lead_channel_subscription_changed",
               json_int(contact, "id", 0), item);
}

bool
dnc_put(struct sim *sim, struct json_object *contact, const char *channel,
        int64_t reason, const char *comments, int64_t channel_id)
{
    struct json_object *dnc = json_at(contact, "dnc");
    int64_t old_reason = reason_of(contact, channel);
    if (old_reason == reason)
        return false;
    if (old_reason != 0)
        json_object_array_del_idx(dnc, place_of(dnc, channel), 1);
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", store_next_id(sim_store(sim), "dnc", FIRST_DNC));
    json_add_int(row, "at_ms", sim_now_ms(sim));
    json_add_int(row, "reason", reason);
    json_add_str(row, "comments", comments == NULL ? "" : comments);
    json_add_str(row, "channel", channel);
    json_add_int(row, "channel_id", channel_id);
    json_object_array_add(dnc, row);
    fire_change(sim, contact, channel, old_reason);
    return true;
}

bool
dnc_take(struct sim *sim, struct json_object *contact, const char *channel)
{
    struct json_object *dnc = json_at(contact, "dnc");
    int64_t old_reason = reason_of(contact, channel);
    if (old_reason == 0)
        return false;
    json_object_array_del_idx(dnc, place_of(dnc, channel), 1);
    fire_change(sim, contact, channel, old_reason);
    return true;
}

void
dnc_add(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    int64_t reason = json_int(call->body, "reason", 3);
    if (contact == NULL)
        return;
    if (reason < 1 || reason > 3) {
        mautic_error(call, 400, "Invalid reason code given");
        return;
    }
    dnc_put(call->sim, contact, call->word, reason, json_str(call->body, "comments"),
            json_int(call->body, "channelId", 0));
    mautic_answer(call, 200, "contact", contact_view(call->sim, contact, VIEW_ALL));
}

void
dnc_remove(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    bool found = dnc_take(call->sim, contact, call->word);
    struct json_object *reply = json_object_new_object();
    json_add_bool(reply, "recordFound", found);
    json_add(reply, "contact", contact_view(call->sim, contact, VIEW_ALL));
    call_answer(call, 200, reply);
}

static void
change_points(struct call *call, int64_t delta)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct json_object *before = json_clone(contact);
    contact_add_points(call->sim, contact, delta, json_str(call->body, "eventName"),
                       json_str(call->body, "actionName"));
    contact_saved(call->sim, contact, before, mautic_actor(call));
    json_object_put(before);
    mautic_success(call);
}

void
points_plus(struct call *call)
{
    change_points(call, call->ids[1]);
}

void
points_minus(struct call *call)
{
    change_points(call, -call->ids[1]);
}

void
contact_devices(struct call *call)
{
    if (contact_named(call, 0) == NULL)
        return;
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "total", 0);
    json_add(reply, "devices", json_object_new_array());
    call_answer(call, 200, reply);
}

void
contact_owners(struct call *call)
{
    static const char *const people[][2] = {{"Queue", "Worker"}, {"Claire", "Dubois"}};
    struct json_object *reply = json_object_new_array();
    for (int i = 0; i < 2; i++) {
        struct json_object *owner = json_object_new_object();
        json_add_int(owner, "id", i + 1);
        json_add_str(owner, "firstName", people[i][0]);
        json_add_str(owner, "lastName", people[i][1]);
        json_object_array_add(reply, owner);
    }
    call_answer(call, 200, reply);
}

void
contact_utm(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact != NULL)
        mautic_answer(call, 200, "contact", contact_view(call->sim, contact, VIEW_ALL));
}
