// tests/runtime/echo/echo.c - a small integration for the tests of the runtime. Its
// provider makes "things", knows no unique key, and fails as the tests tell it to.
#include "tests/runtime/echo/echo.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"

static const struct config_setting settings[] = {
    {"ECHO_URL", CONFIG_URL, offsetof(struct echo, url), NULL, "The provider."},
    {"ECHO_TOPICS", CONFIG_TEXT, offsetof(struct echo, topics), "echo",
     "What the names of the topics begin with."},
    {"ECHO_TIMEOUT_MS", CONFIG_MS, offsetof(struct echo, timeout_ms), "5s",
     "How long a call may take.", 10, 60000},
    {0},
};

// ---- the provider's things

static bool
thing_find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    const struct echo *e = ctx;
    const struct http_header query[] = {{"of", identity}, {0}};
    struct http_request request = {.method = "GET",
                                   .path = http_url(job, "/things", query)};
    struct json_object *answer = http_json(&e->service, job, &request, NULL);
    if (answer == NULL)
        return false;
    *found = answer;
    return true;
}

static struct json_object *
thing_create(struct job *job, const char *identity, void *ctx)
{
    const struct echo *e = ctx;
    struct http_request request = {.method = "POST", .path = "/things", .once = true};
    struct json_object *body = json_object_in(job);
    json_set_string(body, "of", identity);
    json_set_string(body, "key", job->event->key);
    json_set_i64(body, "n", json_i64_or(job->event->data, "n", 0));
    return http_json(&e->service, job, &request, body);
}

static bool
thing_withdraw(struct job *job, const char *identity, void *ctx,
               struct json_object *surplus)
{
    const struct echo *e = ctx;
    struct http_response response;
    (void)identity;
    const struct http_request request = {
        .method = "DELETE",
        .path = job_printf(job, "/things/%s",
                           http_escape(job, json_string_or(surplus, "id", ""))),
        .not_error = "404",
    };
    return http_call(&e->service, job, &request, &response);
}

static const struct effect_kind thing = {.name = "echo.thing",
                                         .find = thing_find,
                                         .create = thing_create,
                                         .withdraw = thing_withdraw};
static const struct effect_kind mail = {.name = "echo.mail", .create = thing_create};

// ---- handlers

static void
tell(struct job *job, const struct event *ev, const char *type)
{
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company", ev->company);
    json_set_i64(data, "n", json_i64_or(ev->data, "n", 0));
    publish_fact(job, type, ev->key, event_identity(ev), data);
}

// Has a thing made.
// In:    echo.make {n}
// Out:   echo.made {n}
// Again: the effect belongs to the event; the thing made before is adopted.
static bool
make(struct job *job, const struct event *ev, void *state)
{
    if (effect_once(job, &thing, event_identity(ev), state) == NULL)
        return false;
    struct json_object *done = json_object_in(job);
    json_set_i64(done, "n", json_i64_or(ev->data, "n", 0));
    settlement_state(job, ev->key, done);
    tell(job, ev, "echo.made");
    return true;
}

// Has a mail sent, which nobody can look up.
// In:    echo.mail {n}
// Out:   nothing
// Again: the effect is confirmed; one that may have gone out is flagged.
static bool
send_mail(struct job *job, const struct event *ev, void *state)
{
    return effect_once(job, &mail, event_identity(ev), state) != NULL;
}

// Calls what may be called again.
// In:    echo.touch {n}, or the webhook echo.touched
// Out:   echo.seen {n}
// Again: the provider counts it twice, and nobody minds.
static bool
touch(struct job *job, const struct event *ev, void *state)
{
    const struct echo *e = state;
    struct http_request request = {.method = "POST", .path = "/touch"};
    struct json_object *body = json_object_in(job);
    json_set_string(body, "key", ev->key);
    json_set_i64(body, "n", json_i64_or(ev->data, "n", 0));
    if (http_json(&e->service, job, &request, body) == NULL)
        return false;
    tell(job, ev, "echo.seen");
    return true;
}

// The thing that a hint is about.
static const char *
looked_at(struct job *job, const struct event *ev)
{
    return json_string(job, ev->data, "of");
}

// Looks at a thing.
// In:    echo.look {of}
// Out:   nothing
// Again: one more look.
static bool
look(struct job *job, const struct event *ev, void *state)
{
    struct json_object *found;
    const char *of = looked_at(job, ev);
    return of != NULL && thing_find(job, of, state, &found);
}

// Does what no handler may: the thread of its loop stands still until somebody writes
// to the pipe of that name.
// In:    echo.hang {pipe}
// Out:   nothing
// Again: it hangs once more, if nobody holds the pipe open.
static bool
hang(struct job *job, const struct event *ev, void *state)
{
    (void)state;
    const char *path = json_string(job, ev->data, "pipe");
    if (path == NULL)
        return false;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0)
        close(fd);
    return true;
}

// What is left of an event that can never pass.
static bool
refused(struct job *job, const struct event *ev, void *state)
{
    (void)state;
    tell(job, ev, "echo.refused");
    return true;
}

static const struct handler handlers[] = {
    {"echo.make", make, .gate = "echo"},
    {"echo.mail", send_mail, .gate = "echo"},
    {"echo.touch", touch, .dead = refused, .gate = "echo"},
    {"echo.free", touch},                          // the same without a gate
    {"echo.shared", touch, .gate = "echo-shared"}, // or at one of all companies
    {"echo.touched", touch},
    {"echo.hang", hang},
    {"echo.look", look, .object = looked_at, .hint = true},
    {0},
};

static const struct gate_spec gates[] = {
    {.name = "echo", .in_flight = 8, .per_company = true},
    {.name = "echo-shared", .in_flight = 2},
    {0},
};

// ---- the integration

static bool
open_echo(void *state, struct error *err)
{
    struct echo *e = state;
    e->service = (struct http_service){
        .name = "echo", .base_url = e->url, .timeout_ms = e->timeout_ms};
    http_service_open(&e->service);
    if (strlen(e->topics) > 80)
        return error_permanent(err, "ECHO_TOPICS is longer than 80 bytes");
    return true;
}

static void
close_echo(void *state)
{
    http_service_close(&((struct echo *)state)->service);
}

static void
choose(void *state, struct integration_options *options)
{
    struct echo *e = state;
    str_copy(e->webhooks, sizeof e->webhooks, e->topics);
    str_copy(e->commands, sizeof e->commands, e->topics);
    size_t length = strlen(e->topics);
    str_copy(e->webhooks + length, sizeof e->webhooks - length, ".webhooks");
    str_copy(e->commands + length, sizeof e->commands - length, ".commands");
    options->topics[0] = e->webhooks;
    options->topics[1] = e->commands;
    options->topics[2] = NULL;
}

static bool
is_healthy(struct job *job, void *state)
{
    const struct echo *e = state;
    const struct http_request request = {.method = "GET", .path = "/health"};
    struct http_response response;
    return http_call(&e->service, job, &request, &response);
}

static const struct integration_probe probes[] = {{"echo", is_healthy}, {0}};

const struct integration echo = {
    .name = "echo",
    .state_size = sizeof(struct echo),
    .settings = settings,
    .handlers = handlers,
    .gates = gates,
    .open = open_echo,
    .close = close_echo,
    .options = choose,
    .probes = probes,
};
