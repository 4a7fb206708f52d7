// The routes of webhooks. The one that is there from the start has its URL, secret and
// triggers from settings, so that they can be changed while the simulator runs.
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

static const char *const all_triggers[] = {
    "mautic.lead_post_save_new",
    "mautic.lead_post_save_update",
    "mautic.lead_points_change",
    "mautic.lead_channel_subscription_changed",
    "mautic.lead_post_delete",
    "mautic.lead_list_change",
    "mautic.lead_company_change",
    "mautic.company_post_save",
    "mautic.company_post_delete",
    "mautic.email_on_send",
    "mautic.email_on_open",
    "mautic.form_on_submit",
    "mautic.page_on_hit",
    "mautic.sms_on_send",
    NULL,
};

static bool
is_own(struct json_object *webhook)
{
    return json_flag(webhook, "own", false);
}

const char *
webhook_url(struct sim *sim, struct json_object *webhook)
{
    return is_own(webhook) ? sim_setting(sim, "webhook_url") : json_str(webhook, "url");
}

const char *
webhook_secret(struct sim *sim, struct json_object *webhook)
{
    return is_own(webhook) ? sim_setting(sim, "webhook_secret")
                           : json_str(webhook, "secret");
}

// The list of the setting, with commas; empty or "all": everything.
static bool
is_selected(struct sim *sim, const char *type)
{
    const char *list = sim_setting(sim, "webhook_events");
    size_t bytes = strlen(type);
    if (*list == '\0' || strcmp(list, "all") == 0)
        return true;
    for (const char *p = list; *p != '\0'; p += strcspn(p, ", ")) {
        p += strspn(p, ", ");
        if (strcspn(p, ", ") == bytes && strncmp(p, type, bytes) == 0)
            return true;
    }
    return false;
}

static bool
has_trigger(struct json_object *triggers, const char *type)
{
    for (size_t i = 0; i < json_object_array_length(triggers); i++) {
        const char *one =
            json_object_get_string(json_object_array_get_idx(triggers, i));
        if (strcmp(one, type) == 0)
            return true;
    }
    return false;
}

bool
webhook_wants(struct sim *sim, struct json_object *webhook, const char *type)
{
    if (!json_flag(webhook, "published", true) || *webhook_url(sim, webhook) == '\0')
        return false;
    return is_own(webhook) ? is_selected(sim, type)
                           : has_trigger(json_at(webhook, "triggers"), type);
}

static struct json_object *
new_webhook(struct sim *sim)
{
    int64_t id = store_next_id(sim_store(sim), "webhooks", 1);
    struct json_object *row = json_object_new_object();
    json_add_int(row, "id", id);
    json_add_bool(row, "published", true);
    json_add_int(row, "added_ms", sim_now_ms(sim));
    json_add(row, "triggers", json_object_new_array());
    json_add(row, "log", json_object_new_array());
    store_put(sim_store(sim), "webhooks", id, row);
    return row;
}

bool
webhook_start(struct sim *sim)
{
    if (store_count(sim_store(sim), "webhooks") > 0)
        return true;
    struct json_object *row = new_webhook(sim);
    json_add_str(row, "name", "relais");
    json_add_bool(row, "own", true);
    // Edited once, as is wise: one refusal does not switch it off.
    json_add_int(row, "modified_ms", sim_now_ms(sim));
    return true;
}

static struct json_object *
view_triggers(struct sim *sim, struct json_object *webhook)
{
    struct json_object *view = json_object_new_array();
    for (const char *const *type = all_triggers; *type != NULL; type++) {
        bool wanted = is_own(webhook)
                          ? is_selected(sim, *type)
                          : has_trigger(json_at(webhook, "triggers"), *type);
        if (wanted)
            json_push_str(view, *type);
    }
    return view;
}

static struct json_object *
view_webhook(struct sim *sim, struct json_object *webhook)
{
    struct json_object *view = json_object_new_object();
    bool modified = json_int(webhook, "modified_ms", 0) > 0;
    json_share(view, "isPublished", json_at(webhook, "published"));
    json_add_atom(view, "dateAdded", json_int(webhook, "added_ms", 0));
    json_add_atom(view, "dateModified", json_int(webhook, "modified_ms", 0));
    json_add_int(view, "createdBy", 1);
    json_add_str(view, "createdByUser", "Queue Worker");
    json_add(view, "modifiedBy", modified ? json_object_new_int(1) : NULL);
    json_add_str(view, "modifiedByUser", modified ? "Queue Worker" : NULL);
    json_share(view, "id", json_at(webhook, "id"));
    json_share(view, "name", json_at(webhook, "name"));
    json_share(view, "description", json_at(webhook, "description"));
    json_add_str(view, "webhookUrl", webhook_url(sim, webhook));
    json_add_str(view, "secret", webhook_secret(sim, webhook));
    json_add_str(view, "eventsOrderbyDir",
                 json_flag(webhook, "desc", false) ? "DESC" : "ASC");
    json_add_null(view, "category");
    json_add(view, "triggers", view_triggers(sim, webhook));
    return view;
}

void
webhook_index(struct call *call)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "webhooks", &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(list, view_webhook(call->sim, row));
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "total", (int64_t)json_object_array_length(list));
    json_add(reply, "hooks", list);
    call_answer(call, 200, reply);
}

static struct json_object *
named_webhook(struct call *call)
{
    struct json_object *row = store_get(sim_store(call->sim), "webhooks", call->ids[0]);
    if (row == NULL)
        mautic_not_found(call);
    return row;
}

void
webhook_show(struct call *call)
{
    struct json_object *row = named_webhook(call);
    if (row != NULL)
        mautic_answer(call, 200, "hook", view_webhook(call->sim, row));
}

static void
add_triggers(struct json_object *row, struct json_object *wanted)
{
    struct json_object *triggers = json_at(row, "triggers");
    for (size_t i = 0; i < json_object_array_length(wanted); i++) {
        const char *type = json_object_get_string(json_object_array_get_idx(wanted, i));
        if (type != NULL && !has_trigger(triggers, type))
            json_push_str(triggers, type);
    }
}

static void
take_body(struct json_object *row, struct json_object *body)
{
    static const char *const texts[][2] = {{"name", "name"},
                                           {"description", "description"},
                                           {"webhookUrl", "url"},
                                           {"secret", "secret"}};
    const char *direction = json_str(body, "eventsOrderbyDir");
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (json_has(body, texts[i][0]))
            json_add_str(row, texts[i][1], json_str(body, texts[i][0]));
    }
    if (direction != NULL)
        json_add_bool(row, "desc", strcmp(direction, "DESC") == 0);
    json_add_bool(row, "published",
                  json_flag(body, "isPublished", json_flag(row, "published", true)));
    if (json_is_array(body, "triggers"))
        add_triggers(row, json_at(body, "triggers"));
}

void
webhook_create(struct call *call)
{
    const char *needed[] = {"name", "webhookUrl"};
    for (size_t i = 0; i < 2; i++) {
        if (json_str(call->body, needed[i]) != NULL)
            continue;
        mautic_answer_error(
            call, 400,
            mautic_field_error(400, needed[i], "This value should not be blank."));
        return;
    }
    struct json_object *row = new_webhook(call->sim);
    char secret[65] = "";
    crypto_hex(json_str(call->body, "webhookUrl"), secret, sizeof secret);
    json_add_str(row, "secret", secret);
    take_body(row, call->body);
    mautic_created(call, "hook", view_webhook(call->sim, row));
}

static void
change(struct call *call, bool replace)
{
    struct json_object *row = named_webhook(call);
    if (row == NULL)
        return;
    if (replace)
        json_add(row, "triggers", json_object_new_array());
    take_body(row, call->body);
    json_add_int(row, "modified_ms", sim_now_ms(call->sim));
    store_touch(sim_store(call->sim), "webhooks", call->ids[0]);
    mautic_answer(call, 200, "hook", view_webhook(call->sim, row));
}

// A PATCH only adds triggers.
void
webhook_patch(struct call *call)
{
    change(call, false);
}

void
webhook_put(struct call *call)
{
    change(call, true);
}

void
webhook_remove(struct call *call)
{
    struct json_object *row = named_webhook(call);
    if (row == NULL)
        return;
    struct json_object *view = view_webhook(call->sim, row);
    json_add_null(view, "id");
    store_remove(sim_store(call->sim), "webhooks", call->ids[0]);
    mautic_answer(call, 200, "hook", view);
}

void
webhook_triggers(struct call *call)
{
    struct json_object *triggers = json_object_new_object();
    for (const char *const *type = all_triggers; *type != NULL; type++) {
        struct json_object *one = json_object_new_object();
        json_add_str(one, "label", *type);
        json_add_str(one, "description", *type);
        json_add(triggers, *type, one);
    }
    mautic_answer(call, 200, "triggers", triggers);
}
