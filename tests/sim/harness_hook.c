#include "harness_hook_rows.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"

void
hook_rows_push(struct hooks *hooks, int64_t id)
{
    if (hooks->open_count == hooks->open_room) {
        hooks->open_room = hooks->open_room == 0 ? 256 : hooks->open_room * 2;
        hooks->open = realloc(hooks->open, hooks->open_room * sizeof *hooks->open);
        if (hooks->open == NULL)
            abort();
    }
    hooks->open[hooks->open_count++] = id;
}

bool
hook_row_is(struct json_object *row, const char *state)
{
    return strcmp(json_str(row, "state"), state) == 0;
}

bool
hook_row_is_open(struct json_object *row)
{
    return row != NULL && (hook_row_is(row, "waiting") || hook_row_is(row, "held"));
}

void
hook_row_set(struct sim *sim, struct json_object *row, const char *state)
{
    json_add_str(row, "state", state);
    store_touch(sim->store, "hooks", json_int(row, "id", 0));
}

static int64_t
put_row(struct sim *sim, struct json_object *row)
{
    int64_t id = store_next_id(sim->store, "hooks", 1);
    json_add_int(row, "id", id);
    json_add_str(row, "state", "waiting");
    json_add_int(row, "due_ms", time_now_ms());
    json_add_int(row, "attempts", 0);
    json_add(row, "statuses", json_object_new_array());
    store_put(sim->store, "hooks", id, row);
    hook_rows_push(sim->hooks, id);
    curl_multi_wakeup(sim->hooks->multi);
    return id;
}

int64_t
hook_add(struct sim *sim, const char *event_type, int64_t subject, int64_t at_ms,
         struct json_object *ref)
{
    struct json_object *row = json_object_new_object();
    json_add_str(row, "event_type", event_type);
    json_add_int(row, "subject", subject);
    json_add_int(row, "at_ms", at_ms);
    json_add(row, "ref", ref);
    return put_row(sim, row);
}

static int64_t
copy_row(struct sim *sim, struct json_object *original, bool planned)
{
    struct json_object *row = json_clone(original);
    json_add_int(row, "copy_of", json_int(original, "id", 0));
    json_add_bool(row, "planned", planned);
    return put_row(sim, row);
}

bool
hook_resend(struct sim *sim, int64_t id)
{
    struct json_object *row = store_get(sim->store, "hooks", id);
    if (row == NULL)
        return false;
    copy_row(sim, row, false);
    return true;
}

void
hook_header(struct hook_message *message, const char *fmt, ...)
{
    size_t i = 0;
    while (message->headers[i] != NULL)
        i++;
    if (i + 1 == sizeof message->headers / sizeof message->headers[0])
        return;
    va_list args;
    va_start(args, fmt);
    if (vasprintf(&message->headers[i], fmt, args) < 0)
        abort();
    va_end(args);
}

void
hook_message_free(struct hook_message *message)
{
    free(message->url);
    free(message->body);
    for (size_t i = 0; message->headers[i] != NULL; i++)
        free(message->headers[i]);
    *message = (struct hook_message){0};
}

int64_t
hooks_next_id(struct sim *sim)
{
    return store_peek_id(sim->store, "hooks", 1);
}

bool
hooks_tried(struct sim *sim, int64_t id)
{
    struct json_object *row = store_get(sim->store, "hooks", id);
    return !hook_row_is_open(row) || json_int(row, "attempts", 0) > 0
           || hook_row_is(row, "held") || json_int(row, "due_ms", 0) > time_now_ms();
}

bool
hook_in_flight(struct hooks *hooks, int64_t id)
{
    for (int i = 0; i < HOOKS_AT_ONCE; i++) {
        if (hooks->flights[i].easy != NULL && hooks->flights[i].id == id)
            return true;
    }
    return false;
}

bool
hooks_idle(struct sim *sim, int *waiting)
{
    struct hooks *hooks = sim->hooks;
    int64_t now_ms = time_now_ms();
    bool idle = true;
    *waiting = 0;
    for (size_t i = 0; i < hooks->open_count; i++) {
        struct json_object *row = store_get(sim->store, "hooks", hooks->open[i]);
        if (!hook_row_is_open(row))
            continue;
        (*waiting)++;
        if (hook_row_is(row, "held") || json_int(row, "due_ms", 0) <= now_ms
            || hook_in_flight(hooks, hooks->open[i]))
            idle = false;
    }
    return idle;
}

void
hooks_forget(struct sim *sim)
{
    sim->hooks->open_count = 0;
}

void
hook_rows_tidy(struct hooks *hooks)
{
    size_t kept = 0;
    for (size_t i = 0; i < hooks->open_count; i++) {
        if (hook_row_is_open(store_get(hooks->sim->store, "hooks", hooks->open[i])))
            hooks->open[kept++] = hooks->open[i];
    }
    hooks->open_count = kept;
}

static bool
somebody_held(struct hooks *hooks, struct json_object *row)
{
    for (size_t i = 0; i < hooks->open_count; i++) {
        struct json_object *other =
            store_get(hooks->sim->store, "hooks", hooks->open[i]);
        if (other != NULL && other != row && hook_row_is(other, "held")
            && json_int(other, "subject", 0) == json_int(row, "subject", 0))
            return true;
    }
    return false;
}

void
hook_rows_release(struct hooks *hooks, int64_t subject)
{
    for (size_t i = 0; i < hooks->open_count; i++) {
        struct json_object *row = store_get(hooks->sim->store, "hooks", hooks->open[i]);
        if (row == NULL || !hook_row_is(row, "held")
            || json_int(row, "subject", 0) != subject)
            continue;
        json_add_int(row, "due_ms", time_now_ms());
        hook_row_set(hooks->sim, row, "waiting");
    }
}

void
hook_row_plan(struct hooks *hooks, struct json_object *row, const char *body)
{
    struct sim *sim = hooks->sim;
    struct fault_hook_plan plan;
    fault_take_hook(sim, json_str(row, "event_type"), body, &plan);
    json_add_bool(row, "planned", true);
    store_touch(sim->store, "hooks", json_int(row, "id", 0));
    if (plan.lost) {
        hook_row_set(sim, row, "lost");
        return;
    }
    if (plan.delay_ms > 0)
        json_add_int(row, "due_ms", time_now_ms() + plan.delay_ms);
    if (plan.reorder && !somebody_held(hooks, row)) {
        hook_row_set(sim, row, "held");
        json_add_int(row, "due_ms", time_now_ms() + plan.hold_ms);
    }
    for (int i = 1; i < plan.copies; i++) {
        struct json_object *copy =
            store_get(sim->store, "hooks", copy_row(sim, row, true));
        json_add_str(copy, "state", json_str(row, "state"));
        json_add_int(copy, "due_ms", json_int(row, "due_ms", 0));
    }
}
