// tests/runtime/echo/webhook.c - its webhook as ingest sees it: one event a delivery,
// and a secret in a header.
#include <stdlib.h>
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/webhook.h"

extern const struct webhook echo_webhook;

struct echo_hook {
    const char *secret;
};

static const struct config_setting settings[] = {
    {"ECHO_WEBHOOK_SECRET", CONFIG_SECRET, offsetof(struct echo_hook, secret), "",
     "What X-Echo-Secret must be."},
    {0},
};

static bool
is_ready(const void *state, char *why, size_t size)
{
    const struct echo_hook *hook = state;
    if (hook->secret[0] != '\0')
        return true;
    str_copy(why, size, "ECHO_WEBHOOK_SECRET is not set");
    return false;
}

static const char *
verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct echo_hook *hook = state;
    const char *given = webhook_header(request, "X-Echo-Secret");
    (void)job;
    if (given == NULL || hook->secret[0] == '\0')
        return "no-secret";
    return hmac_same(given, hook->secret) ? NULL : "bad-secret";
}

static bool
split(const void *state, struct job *job, const struct webhook_request *request,
      struct webhook_events *out)
{
    (void)state;
    struct json_object *body = json_parse(job, request->body, request->body_length);
    if (body == NULL)
        return false;
    const char *id = json_string(job, body, "id");
    const char *key = id != NULL ? json_string(job, body, "key") : NULL;
    if (key == NULL)
        return false;
    const struct webhook_event ev = {
        .type = "echo.touched",
        .id = id,
        .source = "echo",
        .key = key,
        .subject = key,
        .company = json_string_or(body, "company", ""),
        .payload = request->body,
        .payload_length = request->body_length,
    };
    return webhook_add(job, out, &ev);
}

const struct webhook echo_webhook = {
    .name = "echo",
    .state_size = sizeof(struct echo_hook),
    .settings = settings,
    .dialect = WEBHOOK_PLAIN_DIALECT,
    .ready = is_ready,
    .verify = verify,
    .split = split,
};
