// The thread that sends webhooks, several at a time.
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_hook_rows.h"
#include "harness_internal.h"
#include "harness_json.h"
#include "harness_time.h"
#include "harness_wait.h"

enum {
    CONNECT_MS = 8000,
    POLL_MS = 1000,
    MINUTE_MS = 60000,
};

static size_t
swallow(const char *data, size_t size, size_t count, void *cls)
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
    if (message->put)
        curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, "PUT");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION,
                     message->redirects_followed ? 1L : 0L);
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
    for (int i = 0; i < HOOKS_AT_ONCE; i++) {
        if (hooks->flights[i].easy == NULL)
            return &hooks->flights[i];
    }
    return NULL;
}

static bool
is_due(struct hooks *hooks, struct json_object *row, int64_t now_ms)
{
    return hook_row_is_open(row) && json_int(row, "due_ms", 0) <= now_ms
           && !hook_in_flight(hooks, json_int(row, "id", 0));
}

// Sends the row if it is still to be sent once the faults have spoken.
static void
send_row(struct hooks *hooks, struct flight *flight, struct json_object *row)
{
    struct sim *sim = hooks->sim;
    if (!sim->ops->hook_build(sim, row, &flight->message)) {
        hook_row_set(sim, row, "unsent");
        hook_message_free(&flight->message);
        return;
    }
    if (!json_flag(row, "planned", false))
        hook_row_plan(hooks, row, flight->message.body);
    else if (hook_row_is(row, "held"))
        hook_row_set(sim, row, "waiting"); // nobody came to pass it
    bool now =
        hook_row_is(row, "waiting") && json_int(row, "due_ms", 0) <= time_now_ms();
    if (now)
        launch(hooks, flight, row);
    else
        hook_message_free(&flight->message);
}

static void
launch_due(struct hooks *hooks)
{
    struct sim *sim = hooks->sim;
    sim_lock(sim);
    hook_rows_tidy(hooks);
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
        hook_row_set(sim, row, "dead");
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
            hook_row_set(sim, row, "delivered");
        else
            reschedule(sim, row);
        if (sim->ops->hook_result != NULL)
            sim->ops->hook_result(sim, row, status);
        hook_rows_release(hooks, json_int(row, "subject", 0));
    }
    // Under the lock, because hook_in_flight is asked by others.
    curl_multi_remove_handle(hooks->multi, flight->easy);
    curl_easy_cleanup(flight->easy);
    curl_slist_free_all(flight->headers);
    flight->easy = NULL;
    hook_message_free(&flight->message);
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
        if (hook_row_is_open(row) && !hook_in_flight(hooks, hooks->open[i])
            && left_ms < next_ms)
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
        if (hook_row_is_open(row))
            hook_rows_push(hooks, json_int(row, "id", 0));
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
    for (int i = 0; i < HOOKS_AT_ONCE; i++) {
        struct flight *flight = &hooks->flights[i];
        if (flight->easy == NULL)
            continue;
        curl_multi_remove_handle(hooks->multi, flight->easy);
        curl_easy_cleanup(flight->easy);
        curl_slist_free_all(flight->headers);
        hook_message_free(&flight->message);
    }
    curl_multi_cleanup(hooks->multi);
    free(hooks->open);
    free(hooks);
}
