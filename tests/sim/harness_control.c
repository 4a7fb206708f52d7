// The half of /_sim/ that every simulator has.
#include <stdio.h>
#include <string.h>

#include "harness_hook.h"
#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"

static void
answer_error(struct call *call, const char *problem)
{
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "error", problem);
    call_answer(call, 422, reply);
}

// Registers a fault or a kill point.
static void
add_row(struct call *call, const char *collection,
        struct json_object *(*parse)(struct json_object *, char *, int))
{
    char problem[400] = "the body must be a JSON object";
    struct store *store = call->sim->store;
    struct json_object *row = parse(call->body, problem, sizeof problem);
    if (row == NULL) {
        answer_error(call, problem);
        return;
    }
    int64_t id = store_next_id(store, collection, 1);
    json_add_int(row, "id", id);
    store_put(store, collection, id, row);
    call_answer(call, 200, json_object_get(row));
}

static struct json_object *
list_rows(struct sim *sim, const char *collection)
{
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim->store, collection, &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(list, json_object_get(row));
    return list;
}

static void
answer_rows(struct call *call, const char *collection)
{
    struct json_object *reply = json_object_new_object();
    json_add(reply, collection, list_rows(call->sim, collection));
    call_answer(call, 200, reply);
}

static void
clear_rows(struct call *call, const char *collection)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(call->sim->store, collection, &cursor);
    while (row != NULL) {
        store_remove(call->sim->store, collection, json_int(row, "id", 0));
        row = store_oldest(call->sim->store, collection, &cursor);
    }
    answer_rows(call, collection);
}

static void
remove_row(struct call *call, const char *collection)
{
    store_remove(call->sim->store, collection, call->ids[0]);
    answer_rows(call, collection);
}

static void
post_fault(struct call *call)
{
    add_row(call, "faults", fault_parse);
}

static void
get_faults(struct call *call)
{
    answer_rows(call, "faults");
}

static void
delete_faults(struct call *call)
{
    clear_rows(call, "faults");
}

static void
delete_fault(struct call *call)
{
    remove_row(call, "faults");
}

static void
post_kill(struct call *call)
{
    add_row(call, "kills", kill_parse);
}

static void
get_kills(struct call *call)
{
    answer_rows(call, "kills");
}

static void
delete_kills(struct call *call)
{
    clear_rows(call, "kills");
}

static void
delete_kill(struct call *call)
{
    remove_row(call, "kills");
}

static bool
call_wanted(struct call *call, struct json_object *row)
{
    const char *method = call_query(call, "method");
    const char *prefix = call_query(call, "path_prefix");
    const char *match = call_query(call, "match");
    if (method != NULL && strcmp(method, json_str(row, "method")) != 0)
        return false;
    if (prefix != NULL && strncmp(prefix, json_str(row, "path"), strlen(prefix)) != 0)
        return false;
    return match == NULL
           || strstr(
                  json_object_to_json_string_ext(row, JSON_C_TO_STRING_NOSLASHESCAPE),
                  match)
                  != NULL;
}

static void
get_calls(struct call *call)
{
    struct store *store = call->sim->store;
    const char *since = call_query(call, "since");
    int64_t from = 0;
    if (since != NULL && !json_number(since, &from)) {
        answer_error(call, "since: not a number, use the `next` of an earlier answer");
        return;
    }
    struct json_object *list = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(store, "calls", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (json_int(row, "n", 0) >= from && call_wanted(call, row))
            json_object_array_add(list, json_object_get(row));
    }
    struct json_object *reply = json_object_new_object();
    json_add(reply, "calls", list);
    json_add_int(reply, "next", store_peek_id(store, "calls", 1));
    call_answer(call, 200, reply);
}

static void
get_webhooks(struct call *call)
{
    answer_rows(call, "hooks");
}

static void
get_state(struct call *call)
{
    call_answer(call, 200, call->sim->ops->state(call->sim));
}

static void
post_reset(struct call *call)
{
    struct sim *sim = call->sim;
    store_reset(sim->store);
    hooks_forget(sim);
    if (sim->ops->reset != NULL)
        sim->ops->reset(sim);
    struct json_object *reply = json_object_new_object();
    json_add_bool(reply, "reset", true);
    call_answer(call, 200, reply);
}

static bool
idle(struct call *call)
{
    int waiting = 0;
    return hooks_idle(call->sim, &waiting);
}

// Answers when no webhook is due or on its way any more, or after timeout_ms.
static void
get_idle(struct call *call)
{
    int waiting = 0;
    // Between the moment that was waited for and this one a webhook may have come due.
    bool now = hooks_idle(call->sim, &waiting) || call->ready;
    const char *text = call_query(call, "timeout_ms");
    int64_t timeout_ms = 5000;
    if (text != NULL && !json_number(text, &timeout_ms)) {
        answer_error(call, "timeout_ms: not a number of milliseconds");
        return;
    }
    if (!now && !call->waited) {
        call_wait(call, timeout_ms, idle);
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_bool(reply, "idle", now);
    json_add_int(reply, "waiting", waiting);
    call_answer(call, 200, reply);
}

static struct json_object *
show_config(struct sim *sim)
{
    struct json_object *reply = json_object_new_object();
    json_object_object_foreach(sim->environment, key, value)
    {
        (void)value;
        bool hide = sim_setting_secret(sim, key) && *sim_setting(sim, key) != '\0';
        json_add_str(reply, key, hide ? "***" : sim_setting(sim, key));
    }
    return reply;
}

static void
get_config(struct call *call)
{
    call_answer(call, 200, show_config(call->sim));
}

static struct json_object *
config_copy(struct sim *sim)
{
    struct json_object *row = store_get(sim->store, "config", 1);
    return row == NULL ? json_object_new_object() : json_clone(row);
}

// Changes settings while the simulator runs; what is set here outlives it.
static void
post_config(struct call *call)
{
    struct sim *sim = call->sim;
    if (!json_object_is_type(call->body, json_type_object)) {
        answer_error(call, "the body must be a JSON object of settings");
        return;
    }
    json_object_object_foreach(call->body, name, unused)
    {
        (void)unused;
        char problem[200];
        if (json_has(sim->environment, name))
            continue;
        snprintf(problem, sizeof problem,
                 "%.60s: no such setting, see GET /_sim/config", name);
        answer_error(call, problem);
        return;
    }
    struct json_object *changed = config_copy(sim);
    json_object_object_foreach(call->body, key, value)
    {
        json_add_str(changed, key, value == NULL ? "" : json_object_get_string(value));
    }
    store_put(sim->store, "config", 1, changed);
    call_answer(call, 200, show_config(sim));
}

static void
get_clock(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_add_time(reply, "now", sim_now_ms(call->sim));
    json_add_int(reply, "offset_ms", sim_setting_int(call->sim, "clock_offset_ms"));
    call_answer(call, 200, reply);
}

// Sets the simulated server's clock to `now`, or moves it by `advance_ms`; it goes on
// from there.
static void
post_clock(struct call *call)
{
    struct sim *sim = call->sim;
    const char *now = json_str(call->body, "now");
    int64_t at_ms = sim_now_ms(sim) + json_int(call->body, "advance_ms", 0);
    if (now != NULL ? !time_parse(now, &at_ms) : !json_has(call->body, "advance_ms")) {
        answer_error(call, "now: give an ISO-8601 instant, or advance_ms as a number");
        return;
    }
    char offset_ms[24];
    snprintf(offset_ms, sizeof offset_ms, "%lld", (long long)(at_ms - time_now_ms()));
    struct json_object *changed = config_copy(sim);
    json_add_str(changed, "clock_offset_ms", offset_ms);
    store_put(sim->store, "config", 1, changed);
    sim_wake_at(sim, 0);
    get_clock(call);
}

static void
get_help(struct call *call)
{
    struct json_object *list = json_object_new_array();
    const struct sim_route *tables[] = {control_routes, call->sim->ops->controls};
    for (int i = 0; i < 2; i++) {
        for (const struct sim_route *r = tables[i]; r->method != NULL; r++) {
            char line[200];
            snprintf(line, sizeof line, "%s /_sim%s", r->method, r->pattern);
            json_push_str(list, line);
        }
    }
    struct json_object *reply = json_object_new_object();
    json_add(reply, "controls", list);
    call_answer(call, 200, reply);
}

const struct sim_route control_routes[] = {
    {"POST", "/faults", post_fault, true},
    {"GET", "/faults", get_faults, true},
    {"DELETE", "/faults", delete_faults, true},
    {"DELETE", "/faults/:id", delete_fault, true},
    {"POST", "/exec", post_kill, true},
    {"GET", "/exec", get_kills, true},
    {"DELETE", "/exec", delete_kills, true},
    {"DELETE", "/exec/:id", delete_kill, true},
    {"GET", "/calls", get_calls, true},
    {"GET", "/webhooks", get_webhooks, true},
    {"GET", "/state", get_state, true},
    {"GET", "/idle", get_idle, true},
    {"GET", "/config", get_config, true},
    {"POST", "/config", post_config, true},
    {"GET", "/clock", get_clock, true},
    {"POST", "/clock", post_clock, true},
    {"POST", "/reset", post_reset, true},
    {"GET", "/help", get_help, true},
    {0},
};
