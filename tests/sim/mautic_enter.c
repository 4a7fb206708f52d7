// Entering and leaving campaigns, and the cron jobs: campaigns:update (segments feed
// campaigns), campaigns:trigger (what is due happens), webhooks:process.
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

// Remembers the entry; its events are planned by the next cron.
static void
note_entry(struct sim *sim, struct json_object *contact, struct json_object *campaign,
           struct json_object *member)
{
    struct store *store = sim_store(sim);
    struct json_object *entry = json_object_new_object();
    json_share(entry, "campaign", json_at(campaign, "id"));
    json_share(entry, "rotation", json_at(member, "rotation"));
    json_share(entry, "at_ms", json_at(member, "added_ms"));
    json_add_str(entry, "by", json_flag(member, "manual", false) ? "api" : "segment");
    json_object_array_add(json_at(contact, "entries"), entry);
    contact_touch(sim, contact);

    struct json_object *entered = json_clone(entry);
    int64_t id = store_next_id(store, "entered", 1);
    json_add_int(entered, "id", id);
    json_share(entered, "contact", json_at(contact, "id"));
    store_put(store, "entered", id, entered);
}

static void
insert_member(struct sim *sim, struct json_object *contact,
              struct json_object *campaign, bool manual)
{
    struct json_object *member = json_object_new_object();
    char key[24];
    json_add_int(member, "added_ms", sim_now_ms(sim));
    json_add_int(member, "exited_ms", 0);
    json_add_bool(member, "removed", false);
    json_add_bool(member, "manual", manual);
    json_add_int(member, "rotation", 1);
    snprintf(key, sizeof key, "%" PRId64, json_int(campaign, "id", 0));
    json_add(json_at(contact, "campaigns"), key, member);
    note_entry(sim, contact, campaign, member);
}

// Whether somebody who is or was a member starts again.
static bool
may_restart(struct sim *sim, struct json_object *campaign, struct json_object *member,
            bool manual)
{
    bool removed = json_flag(member, "removed", false);
    bool exited = json_int(member, "exited_ms", 0) > 0;
    if (removed && !manual)
        return exited && json_flag(campaign, "allow_restart", false);
    if (json_flag(campaign, "allow_restart", false))
        return true;
    return removed && !(exited && mautic_since(sim, 7, 2));
}

void
enter_campaign(struct sim *sim, struct json_object *contact,
               struct json_object *campaign, bool manual)
{
    struct json_object *member = campaign_member(contact, json_int(campaign, "id", 0));
    if (!json_flag(campaign, "published", true))
        return;
    if (member == NULL) {
        insert_member(sim, contact, campaign, manual);
        return;
    }
    if (!may_restart(sim, campaign, member, manual))
        return;
    if (json_flag(member, "removed", false))
        json_add_bool(member, "manual", manual);
    json_add_bool(member, "removed", false);
    json_add_int(member, "exited_ms", 0);
    json_add_int(member, "rotation", json_int(member, "rotation", 0) + 1);
    json_add_int(member, "added_ms", sim_now_ms(sim));
    note_entry(sim, contact, campaign, member);
}

void
leave_campaign(struct sim *sim, struct json_object *contact,
               struct json_object *campaign, bool manual)
{
    struct json_object *member = campaign_member(contact, json_int(campaign, "id", 0));
    if (member == NULL || json_flag(member, "removed", false))
        return;
    json_add_bool(member, "removed", true);
    json_add_bool(member, "manual", false);
    json_add_int(member, "exited_ms", manual ? 0 : sim_now_ms(sim));
    contact_touch(sim, contact);
}

static bool
in_some_list(struct json_object *contact, struct json_object *lists)
{
    for (size_t i = 0; i < json_object_array_length(lists); i++) {
        int64_t id = json_object_get_int64(json_object_array_get_idx(lists, i));
        if (segment_member(contact, id) != NULL)
            return true;
    }
    return false;
}

// Adds who came into a segment of the campaign, and removes who left them all.
static void
update_contact(struct sim *sim, struct json_object *contact,
               struct json_object *campaign)
{
    struct json_object *lists = json_at(campaign, "lists");
    struct json_object *member = campaign_member(contact, json_int(campaign, "id", 0));
    bool wanted = in_some_list(contact, lists);
    bool removed = json_flag(member, "removed", false);
    if (wanted && (member == NULL || removed))
        enter_campaign(sim, contact, campaign, false);
    else if (!wanted && member != NULL && !json_flag(member, "manual", false))
        leave_campaign(sim, contact, campaign, false);
}

static void
update_campaigns(struct sim *sim)
{
    struct store_cursor cursor;
    struct json_object *campaign = store_oldest(sim_store(sim), "campaigns", &cursor);
    for (; campaign != NULL; campaign = store_newer(&cursor)) {
        struct store_cursor inner;
        if (json_object_array_length(json_at(campaign, "lists")) == 0)
            continue;
        struct json_object *contact = store_oldest(sim_store(sim), "contacts", &inner);
        for (; contact != NULL; contact = store_newer(&inner))
            update_contact(sim, contact, campaign);
    }
}

static void
plan_event(struct sim *sim, struct json_object *entered, struct json_object *event)
{
    static const char *const shared[] = {"contact", "campaign", "rotation"};
    struct store *store = sim_store(sim);
    int64_t id = store_next_id(store, "event_log", 900);
    struct json_object *log = json_object_new_object();
    json_add_int(log, "id", id);
    json_share(log, "event", json_at(event, "id"));
    json_share(log, "email", json_at(event, "email"));
    json_share(log, "email_type", json_at(event, "email_type"));
    for (size_t i = 0; i < sizeof shared / sizeof shared[0]; i++)
        json_share(log, shared[i], json_at(entered, shared[i]));
    json_add_int(log, "due_ms",
                 json_int(entered, "at_ms", 0)
                     + json_int(event, "interval", 0) * DAY_MS);
    store_put(store, "event_log", id, log);
    struct json_object *pending = json_object_new_object();
    json_add_int(pending, "id", id);
    store_put(store, "pending", id, pending);
}

static void
plan_entries(struct sim *sim)
{
    struct store *store = sim_store(sim);
    struct store_cursor cursor;
    struct json_object *entered = NULL;
    while ((entered = store_oldest(store, "entered", &cursor)) != NULL) {
        struct json_object *campaign =
            store_get(store, "campaigns", json_int(entered, "campaign", 0));
        struct json_object *events = json_at(campaign, "events");
        for (size_t i = 0; i < json_object_array_length(events); i++)
            plan_event(sim, entered, json_object_array_get_idx(events, i));
        store_remove(store, "entered", json_int(entered, "id", 0));
    }
}

static bool
is_marketing(struct json_object *log)
{
    const char *type = json_str(log, "email_type");
    return type != NULL && strcmp(type, "marketing") == 0;
}

static bool
has_had(struct sim *sim, int64_t contact, int64_t email)
{
    struct store_cursor cursor;
    struct json_object *mail = store_oldest(sim_store(sim), "mails", &cursor);
    for (; mail != NULL; mail = store_newer(&cursor))
        if (json_int(mail, "contact", 0) == contact
            && json_int(mail, "email", 0) == email)
            return true;
    return false;
}

// Marketing goes to those who want it, and to nobody twice, whatever campaign it is of.
static bool
is_refused(struct sim *sim, struct json_object *log, struct json_object *contact)
{
    return is_marketing(log) && contact != NULL
           && (dnc_has(contact, "email")
               || has_had(sim, json_int(contact, "id", 0), json_int(log, "email", 0)));
}

static void
run_event(struct sim *sim, struct json_object *log, int64_t now_ms)
{
    struct json_object *contact = contact_get(sim, json_int(log, "contact", 0));
    struct json_object *member = campaign_member(contact, json_int(log, "campaign", 0));
    int64_t email = json_int(log, "email", 0);
    bool wanted = member != NULL && !json_flag(member, "removed", false);
    bool refused = is_refused(sim, log, contact);
    json_add_int(log, "done_ms", now_ms);
    json_add_bool(log, "sent", wanted && !refused && email > 0);
    if (json_flag(log, "sent", false))
        mail_send(sim, contact, email, "campaign.event", json_int(log, "event", 0));
    store_touch(sim_store(sim), "event_log", json_int(log, "id", 0));
}

// Runs what is due; the ids are taken first, because running changes the collections.
static void
trigger_campaigns(struct sim *sim)
{
    struct store *store = sim_store(sim);
    int64_t now_ms = sim_now_ms(sim);
    struct store_cursor cursor;
    struct json_object *due = json_object_new_array();
    struct json_object *row = store_oldest(store, "pending", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        struct json_object *log = store_get(store, "event_log", json_int(row, "id", 0));
        if (json_int(log, "due_ms", 0) <= now_ms)
            json_object_array_add(due, json_object_get(log));
    }
    for (size_t i = 0; i < json_object_array_length(due); i++) {
        struct json_object *log = json_object_array_get_idx(due, i);
        store_remove(store, "pending", json_int(log, "id", 0));
        run_event(sim, log, now_ms);
    }
    json_object_put(due);
}

void
cron_run(struct sim *sim)
{
    update_campaigns(sim);
    plan_entries(sim);
    trigger_campaigns(sim);
    event_process(sim);
}

int64_t
cron_on_time(struct sim *sim, int64_t now_ms)
{
    int64_t every_ms = sim_setting_int(sim, "cron_ms");
    if (every_ms <= 0)
        return -1;
    cron_run(sim);
    return now_ms + every_ms;
}
