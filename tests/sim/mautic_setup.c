// Segments, campaigns and e-mails as somebody has made them in Mautic's pages.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

static const char default_segments[] =
    "["
    "{\"id\":1,\"name\":\"leads\"},"
    "{\"id\":2,\"name\":\"prospects\"},"
    "{\"id\":3,\"name\":\"clients\"},"
    "{\"id\":4,\"name\":\"pending_quotes\",\"alias\":\"pending-quotes\"},"
    "{\"id\":5,\"name\":\"overdue_payments\",\"alias\":\"overdue-payments\"}]";

static const char default_campaigns[] =
    "["
    "{\"id\":1,\"name\":\"quote_sent\",\"allow_restart\":true,\"events\":["
    "{\"id\":11,\"name\":\"Offer\",\"email\":5,\"email_type\":\"transactional\"}]},"
    "{\"id\":2,\"name\":\"quote_followup\",\"allow_restart\":true,\"events\":["
    "{\"id\":21,\"name\":\"Reminder\",\"email\":6,\"email_type\":\"transactional\"}]},"
    "{\"id\":3,\"name\":\"payment_reminder\",\"allow_restart\":true,\"events\":["
    "{\"id\":31,\"name\":\"Dunning\",\"email\":8,\"email_type\":\"transactional\"}]},"
    "{\"id\":4,\"name\":\"welcome\",\"events\":["
    "{\"id\":41,\"name\":\"Welcome\",\"email\":9,\"email_type\":\"marketing\"}]},"
    "{\"id\":5,\"name\":\"lead_nurturing\",\"events\":["
    "{\"id\":51,\"name\":\"Nurturing\",\"email\":10,\"email_type\":\"marketing\"},"
    "{\"id\":52,\"name\":\"Later\",\"email\":7,\"email_type\":\"marketing\","
    "\"interval\":7}]}]";

static const char default_emails[] =
    "["
    "{\"id\":5,\"name\":\"quote_sent_fr\",\"subject\":\"Votre offre\"},"
    "{\"id\":6,\"name\":\"quote_followup_fr\",\"subject\":\"Avez-vous lu notre "
    "offre\"},"
    "{\"id\":7,\"name\":\"nurturing_2_fr\",\"subject\":\"Nos références\"},"
    "{\"id\":8,\"name\":\"payment_reminder_fr\",\"subject\":\"Rappel\"},"
    "{\"id\":9,\"name\":\"welcome_fr\",\"subject\":\"Bienvenue\"},"
    "{\"id\":10,\"name\":\"nurturing_1_fr\",\"subject\":\"Bonjour\"}]";

struct setup {
    const char *key;
    const char *env;
    const char *collection;
    const char *fallback;
};

static const struct setup setups[] = {
    {"segments", "SIM_SEGMENTS", "segments", default_segments},
    {"campaigns", "SIM_CAMPAIGNS", "campaigns", default_campaigns},
    {"emails", "SIM_EMAILS", "emails", default_emails},
    {0},
};

static void
add_missing(struct json_object *row, const char *key, struct json_object *value)
{
    if (json_has(row, key))
        json_object_put(value);
    else
        json_add(row, key, value);
}

static bool
put_one(struct sim *sim, const char *collection, struct json_object *row)
{
    int64_t id = json_int(row, "id", 0);
    const char *name = json_str(row, "name");
    if (id <= 0 || name == NULL)
        return false;
    add_missing(row, "alias", json_object_new_string(name));
    add_missing(row, "published", json_object_new_boolean(true));
    add_missing(row, "allow_restart", json_object_new_boolean(false));
    add_missing(row, "events", json_object_new_array());
    add_missing(row, "lists", json_object_new_array());
    add_missing(row, "added_ms", json_object_new_int64(sim_now_ms(sim)));
    store_put(sim_store(sim), collection, id, json_object_get(row));
    return true;
}

static bool
put_all(struct sim *sim, const struct setup *setup)
{
    const char *text = sim_setting(sim, setup->key);
    if (store_count(sim_store(sim), setup->collection) > 0)
        return true;
    if (*text == '\0')
        text = setup->fallback;
    struct json_object *list = json_parse(text, strlen(text));
    bool good = json_object_is_type(list, json_type_array);
    for (size_t i = 0; good && i < json_object_array_length(list); i++)
        good = put_one(sim, setup->collection, json_object_array_get_idx(list, i));
    json_object_put(list);
    if (!good)
        fprintf(stderr, "%s: give a JSON array of {id, name, ...}\n", setup->env);
    return good;
}

bool
setup_start(struct sim *sim)
{
    for (const struct setup *setup = setups; setup->key != NULL; setup++) {
        if (!put_all(sim, setup))
            return false;
    }
    return true;
}
