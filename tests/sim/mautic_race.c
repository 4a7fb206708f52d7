// Mautic looks first and inserts later, without a lock. With SIM_RACE_MS a call rests
// in between until another comes to the same place, or until that time is over.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

// Rows "races": id key waiting met
static void
race_key(struct call *call, char key[65])
{
    const char *email = json_str(call->body, "email");
    char *text = NULL;
    if (asprintf(&text, "%s %s", call->path, email == NULL ? "" : email) < 0)
        abort();
    crypto_hex(text, key, 65);
    free(text);
}

static struct json_object *
race_row(struct call *call)
{
    char key[65] = "";
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "races", &cursor);
    race_key(call, key);
    while (row != NULL && strcmp(json_str(row, "key"), key) != 0)
        row = store_newer(&cursor);
    return row;
}

static bool
race_met(struct call *call)
{
    return json_flag(race_row(call), "met", false);
}

static struct json_object *
new_row(struct call *call)
{
    struct store *store = sim_store(call->sim);
    int64_t id = store_next_id(store, "races", 1);
    struct json_object *row = json_object_new_object();
    char key[65] = "";
    race_key(call, key);
    json_add_int(row, "id", id);
    json_add_str(row, "key", key);
    store_put(store, "races", id, row);
    return row;
}

bool
race_rests(struct call *call)
{
    int64_t race_ms = sim_setting_int(call->sim, "race_ms");
    if (race_ms <= 0 || call->waited)
        return false;
    struct json_object *row = race_row(call);
    if (row == NULL)
        row = new_row(call);
    int64_t waiting = json_int(row, "waiting", 0) + 1;
    json_add_int(row, "waiting", waiting);
    json_add_bool(row, "met", waiting > 1);
    call_wait(call, race_ms, race_met);
    return true;
}

bool
race_over(struct call *call)
{
    // It may also have waited because its answer is to be late.
    struct json_object *row = call->waited ? race_row(call) : NULL;
    if (row == NULL)
        return false;
    int64_t waiting = json_int(row, "waiting", 0) - 1;
    json_add_int(row, "waiting", waiting);
    if (waiting <= 0)
        store_remove(sim_store(call->sim), "races", json_int(row, "id", 0));
    return true;
}
