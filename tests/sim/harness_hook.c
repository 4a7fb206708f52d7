#include "harness_hook.h"

#include <curl/curl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"
#include "harness_wait.h"

enum {
    AT_ONCE = 5,
    CONNECT_MS = 8000,
    POLL_MS = 1000,
    MINUTE_MS = 60000,
};

// One transfer on its way.
struct flight {
    CURL *easy;
    struct curl_slist *headers;
    struct hook_message message;
    int64_t id;
    char event_type[64];
};

struct hooks {
    struct sim *sim;
    pthread_t thread;
    CURLM *multi;
    struct flight flights[AT_ONCE];
    int64_t *open; // ids of rows that may have to be sent, oldest first
    size_t open_count;
    size_t open_room;
    _Atomic bool stopping;
};

static void
open_push(struct hooks *hooks, int64_t id)
{
    if (hooks->open_count == hooks->open_room) {
        hooks->open_room = hooks->open_room == 0 ? 256 : hooks->open_room * 2;
        hooks->open = realloc(hooks->open, hooks->open_room * sizeof *hooks->open);
        if (hooks->open == NULL)
            abort();
    }
    hooks->open[hooks->open_count++] = id;
}

static bool
state_is(struct json_object *row, const char *state)
{
    return strcmp(json_str(row, "state"), state) == 0;
}

static bool
is_open(struct json_object *row)
{
    return row != NULL && (state_is(row, "waiting") || state_is(row, "held"));
}

static void
set_state(struct sim *sim, struct json_object *row, const char *state)
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
    open_push(sim->hooks, id);
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

static void
message_free(struct hook_message *message)
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
    return !is_open(row) || json_int(row, "attempts", 0) > 0 || state_is(row, "held")
           || json_int(row, "due_ms", 0) > time_now_ms();
}

static bool
in_flight(struct hooks *hooks, int64_t id)
{
    for (int i = 0; i < AT_ONCE; i++) {
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
        if (!is_open(row))
            continue;
        (*waiting)++;
        if (state_is(row, "held") || json_int(row, "due_ms", 0) <= now_ms
            || in_flight(hooks, hooks->open[i]))
            idle = false;
    }
    return idle;
}

void
hooks_forget(struct sim *sim)
{
    sim->hooks->open_count = 0;
}

// Drops closed rows from the front list, keeping the order.
static void
open_tidy(struct hooks *hooks)
{
    size_t kept = 0;
    for (size_t i = 0; i < hooks->open_count; i++) {
        if (is_open(store_get(hooks->sim->store, "hooks", hooks->open[i])))
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
        if (other != NULL && other != row && state_is(other, "held")
            && json_int(other, "subject", 0) == json_int(row, "subject", 0))
            return true;
    }
    return false;
}

// Lets go of everything about this subject that let others pass.
static void
release_held(struct hooks *hooks, int64_t subject)
{
    for (size_t i = 0; i < hooks->open_count; i++) {
        struct json_object *row = store_get(hooks->sim->store, "hooks", hooks->open[i]);
        if (row == NULL || !state_is(row, "held")
            || json_int(row, "subject", 0) != subject)
            continue;
        json_add_int(row, "due_ms", time_now_ms());
        set_state(hooks->sim, row, "waiting");
    }
}

// Asks the faults, once per webhook, what is to become of it.
static void
plan_row(struct hooks *hooks, struct json_object *row, const char *body)
{
    struct sim *sim = hooks->sim;
    struct fault_hook_plan plan;
    fault_take_hook(sim, json_str(row, "event_type"), body, &plan);
    json_add_bool(row, "planned", true);
    store_touch(sim->store, "hooks", json_int(row, "id", 0));
    if (plan.lost) {
        set_state(sim, row, "lost");
        return;
    }
    if (plan.delay_ms > 0)
        json_add_int(row, "due_ms", time_now_ms() + plan.delay_ms);
    if (plan.reorder && !somebody_held(hooks, row)) {
        set_state(sim, row, "held");
        json_add_int(row, "due_ms", time_now_ms() + plan.hold_ms);
    }
    for (int i = 1; i < plan.copies; i++) {
        struct json_object *copy =
            store_get(sim->store, "hooks", copy_row(sim, row, true));
        json_add_str(copy, "state", json_str(row, "state"));
        json_add_int(copy, "due_ms", json_int(row, "due_ms", 0));
    }
}

static size_t
swallow(char *data, size_t size, size_t count, void *cls)
{
    (void)data;
    (void)cls;
    return size * count;
}

static void
fire_kill(struct sim *sim, const char *point, const struct flight *flight)
{
    const char *body = flight->message.body == NULL ? "" : flight->message.body;
    struct fault_target target = {
        .method = "POST",
        .path = flight->event_type,
        .raw_path = flight->event_type,
        .text = body,
    };
    kill_fire(sim, point, &target);
}

static void
launch(struct hooks *hooks, struct flight *flight, struct json_object *row)
{
    struct hook_message *message = &flight->message;
    flight->id = json_int(row, "id", 0);
    snprintf(flight->event_type, sizeof flight->event_type, "%s",
             json_str(row, "event_type"));
    flight->easy = curl_easy_init();
    flight->headers = NULL;
    for (size_t i = 0; message->headers[i] != NULL; i++)
        flight->headers = curl_slist_append(flight->headers, message->headers[i]);
    flight->headers = curl_slist_append(flight->headers, "Expect:");
    CURL *easy = flight->easy;
    curl_easy_setopt(easy, CURLOPT_URL, message->url);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, flight->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, message->body);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(message->body));
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
                     (long)sim_setting_int(hooks->sim, "webhook_timeout_ms"));
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, flight);
    fire_kill(hooks->sim, "webhook_start", flight);
    curl_multi_add_handle(hooks->multi, easy);
}

static struct flight *
free_flight(struct hooks *hooks)
{
    for (int i = 0; i < AT_ONCE; i++) {
        if (hooks->flights[i].easy == NULL)
            return &hooks->flights[i];
    }
    return NULL;
}

static bool
is_due(struct hooks *hooks, struct json_object *row, int64_t now_ms)
{
    return is_open(row) && json_int(row, "due_ms", 0) <= now_ms
           && !in_flight(hooks, json_int(row, "id", 0));
}

// Sends the row if it is still to be sent once the faults have spoken.
static void
send_row(struct hooks *hooks, struct flight *flight, struct json_object *row)
{
    struct sim *sim = hooks->sim;
    if (!sim->ops->hook_build(sim, row, &flight->message)) {
        set_state(sim, row, "unsent");
        message_free(&flight->message);
        return;
    }
    if (!json_flag(row, "planned", false))
        plan_row(hooks, row, flight->message.body);
    else if (state_is(row, "held"))
        set_state(sim, row, "waiting"); // nobody came to pass it
    bool now = state_is(row, "waiting") && json_int(row, "due_ms", 0) <= time_now_ms();
    if (now)
        launch(hooks, flight, row);
    else
        message_free(&flight->message);
}

static void
launch_due(struct hooks *hooks)
{
    struct sim *sim = hooks->sim;
    sim_lock(sim);
    open_tidy(hooks);
    int64_t now_ms = time_now_ms();
    for (size_t i = 0; i < hooks->open_count; i++) {
        struct flight *flight = free_flight(hooks);
        struct json_object *row = store_get(sim->store, "hooks", hooks->open[i]);
        if (flight == NULL)
            break;
        if (is_due(hooks, row, now_ms))
            send_row(hooks, flight, row);
    }
    store_commit(sim->store);
    sim_unlock(sim);
}

static void
reschedule(struct sim *sim, struct json_object *row)
{
    int64_t failed = json_int(row, "attempts", 0);
    int64_t minutes = sim->ops->hook_retry_min(row, failed);
    if (minutes < 0) {
        set_state(sim, row, "dead");
        return;
    }
    double scale = sim_setting_real(sim, "retry_scale");
    int64_t delay_ms = (int64_t)((double)(minutes * MINUTE_MS) * scale);
    json_add_int(row, "due_ms", time_now_ms() + delay_ms);
    store_touch(sim->store, "hooks", json_int(row, "id", 0));
}

static void
settle(struct hooks *hooks, struct flight *flight, int status)
{
    struct sim *sim = hooks->sim;
    sim_lock(sim);
    fire_kill(sim, "webhook_done", flight);
    struct json_object *row = store_get(sim->store, "hooks", flight->id);
    if (row != NULL) {
        json_add_int(row, "attempts", json_int(row, "attempts", 0) + 1);
        json_object_array_add(json_at(row, "statuses"), json_object_new_int(status));
        if (status > 0 && status < 400)
            set_state(sim, row, "delivered");
        else
            reschedule(sim, row);
        if (sim->ops->hook_result != NULL)
            sim->ops->hook_result(sim, row, status);
        release_held(hooks, json_int(row, "subject", 0));
    }
    // Under the lock, because in_flight is asked by others.
    curl_multi_remove_handle(hooks->multi, flight->easy);
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->headers);
    flight->easy = NULL;
    message_free(&flight->message);
    store_commit(sim->store);
    sim_unlock(sim);
    waiter_notify(sim->waiter);
}

static void
settle_finished(struct hooks *hooks)
{
    int left = 0;
    CURLMsg *message = NULL;
    while ((message = curl_multi_info_read(hooks->multi, &left)) != NULL) {
        struct flight *flight = NULL;
        long status = 0;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&flight);
        curl_easy_getinfo(message->easy_handle, CURLINFO_RESPONSE_CODE, &status);
        settle(hooks, flight, message->data.result == CURLE_OK ? (int)status : 0);
    }
}

static int
next_poll_ms(struct hooks *hooks)
{
    struct sim *sim = hooks->sim;
    int64_t now_ms = time_now_ms();
    int64_t next_ms = POLL_MS;
    sim_lock(sim);
    bool room = free_flight(hooks) != NULL;
    for (size_t i = 0; room && i < hooks->open_count; i++) {
        struct json_object *row = store_get(sim->store, "hooks", hooks->open[i]);
        int64_t left_ms = row == NULL ? next_ms : json_int(row, "due_ms", 0) - now_ms;
        if (is_open(row) && !in_flight(hooks, hooks->open[i]) && left_ms < next_ms)
            next_ms = left_ms;
    }
    sim_unlock(sim);
    return next_ms < 0 ? 0 : (int)next_ms;
}

static void *
run(void *arg)
{
    struct hooks *hooks = arg;
    while (!hooks->stopping) {
        int running = 0;
        launch_due(hooks);
        curl_multi_perform(hooks->multi, &running);
        settle_finished(hooks);
        curl_multi_poll(hooks->multi, NULL, 0, next_poll_ms(hooks), NULL);
    }
    return NULL;
}

static void
reopen(struct hooks *hooks)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(hooks->sim->store, "hooks", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        if (is_open(row))
            open_push(hooks, json_int(row, "id", 0));
    }
}

struct hooks *
hooks_start(struct sim *sim)
{
    struct hooks *hooks = calloc(1, sizeof *hooks);
    if (hooks == NULL)
        abort();
    hooks->sim = sim;
    hooks->multi = curl_multi_init();
    reopen(hooks);
    if (pthread_create(&hooks->thread, NULL, run, hooks) != 0)
        abort();
    return hooks;
}

void
hooks_stop(struct hooks *hooks)
{
    hooks->stopping = true;
    curl_multi_wakeup(hooks->multi);
    pthread_join(hooks->thread, NULL);
    for (int i = 0; i < AT_ONCE; i++) {
        struct flight *flight = &hooks->flights[i];
        if (flight->easy == NULL)
            continue;
        curl_multi_remove_handle(hooks->multi, flight->easy);
        curl_easy_cleanup(flight->easy);
        curl_slist_free_all(flight->headers);
        message_free(&flight->message);
    }
    curl_multi_cleanup(hooks->multi);
    free(hooks->open);
    free(hooks);
}
