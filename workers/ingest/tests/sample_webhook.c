// A webhook that uses every part of common/webhook.h: an example to read, and what the
// tests of ingest play with. Its sender comes never again, so its dialect is the
// fragile one; it may use PUT; company and event stand in a header or in the query; its
// secret is per company, shown in a header or used to sign the body; its body is one
// item or a list of them.
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "common/webhook_secrets.h"

extern const struct webhook sample_webhook;

struct sample_hook {
    struct webhook_secrets *secrets;
    const char *source;
};

static const struct config_setting settings[] = {
    {.name = "SAMPLE_SOURCE",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct sample_hook, source),
     .fallback = "sample",
     .description = "What ce_source says."},
    {0},
};

// Read by webhook_secrets_open(): only named here.
static const struct config_setting secrets[] = {
    {.name = "SAMPLE_SECRET",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "The secret of every company that has none of its own."},
    {.name = "SAMPLE_SECRET_<COMPANY>",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "One company's own secret."},
    {.name = "SAMPLE_SECRET[_<COMPANY>]_PREVIOUS",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "The one before it, still accepted during a rotation."},
    {0},
};

static const struct config_setting *const more_settings[] = {secrets, NULL};

static bool
hook_open(void *state, struct error *err)
{
    struct sample_hook *hook = state;
    hook->secrets = webhook_secrets_open("SAMPLE_SECRET", err);
    return hook->secrets != NULL;
}

static void
hook_close(void *state)
{
    struct sample_hook *hook = state;
    webhook_secrets_close(hook->secrets);
}

static bool
hook_ready(const void *state, char *why, size_t size)
{
    const struct sample_hook *hook = state;
    if (webhook_secrets_any(hook->secrets))
        return true;
    str_copy(why, size, "sample: set SAMPLE_SECRET");
    return false;
}

static const char *
company_of(const struct webhook_request *request)
{
    return webhook_either(request, "X-Sample-Company", "company");
}

static const char *
hook_verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct sample_hook *hook = state;
    const char *company = company_of(request);
    const char *given = webhook_header(request, "X-Sample-Secret");
    const char *signature = webhook_header(request, "X-Sample-Signature");
    unsigned char mac[HMAC_BYTES];

    (void)job;
    if (company == NULL)
        return "contradicting-company";
    if (given != NULL)
        return webhook_secrets_match(hook->secrets, company, given) ? NULL
                                                                    : "bad-secret";
    if (signature == NULL)
        return "missing-secret";
    if (hmac_base64(signature, strlen(signature), mac, sizeof mac) != HMAC_BYTES)
        return "malformed-signature";
    return webhook_secrets_signed(hook->secrets, company, request->body,
                                  request->body_length, mac)
               ? NULL
               : "bad-signature";
}

struct sample_delivery {
    const struct sample_hook *hook;
    const struct webhook_request *request;
    const char *company, *event;
};

// No delivery has an id: what an item says is its identity, however it is grouped.
static const char *
event_id(struct job *job, const struct sample_delivery *delivery,
         struct json_object *item)
{
    const char *parts[] = {"sample", delivery->company, delivery->event,
                           json_hash(job, item), NULL};
    char *id = job_alloc(job, UUID_TEXT);
    uuid_of(parts, id);
    return id;
}

static bool
add_item(struct job *job, const struct sample_delivery *delivery,
         struct json_object *item, struct webhook_events *out)
{
    static const char *const headers[] = {"User-Agent", NULL};
    const char *person = json_string(job, item, "person");
    if (person == NULL)
        return false;
    struct webhook_event ev = {
        .type = job_printf(job, "sample.%s", delivery->event),
        .id = event_id(job, delivery, item),
        .source = delivery->hook->source,
        .key = job_printf(job, "person:%s", webhook_lower(job, person)),
        .company = delivery->company,
        .time = json_string_or(item, "at", NULL),
    };
    ev.subject = ev.key;
    size_t length = 0;
    const char *text = json_print(item, &length);
    webhook_wrap(job, &ev, text, length, delivery->request, headers);
    if (ev.payload_length > delivery->request->max_event_bytes) {
        json_object_object_del(item, "html");
        text = json_print(item, &length);
        webhook_wrap(job, &ev, text, length, delivery->request, headers);
    }
    return webhook_add(job, out, &ev);
}

static bool
hook_split(const void *state, struct job *job, const struct webhook_request *request,
           struct webhook_events *out)
{
    const struct sample_delivery delivery = {
        .hook = state,
        .request = request,
        .company = company_of(request),
        .event = webhook_either(request, "X-Sample-Event", "event"),
    };
    if (delivery.event == NULL || !webhook_word(delivery.event))
        return error_permanent(&job->error, "`event` is missing, or is not the same in "
                                            "the header and the query");
    struct json_object *body = json_parse(job, request->body, request->body_length);
    if (body == NULL)
        return false;
    if (!json_object_is_type(body, json_type_array))
        return add_item(job, &delivery, body, out);
    for (size_t i = 0; i < json_object_array_length(body); i++)
        if (!add_item(job, &delivery, json_object_array_get_idx(body, i), out))
            return false;
    return true;
}

const struct webhook sample_webhook = {
    .name = "sample",
    .state_size = sizeof(struct sample_hook),
    .settings = settings,
    .more_settings = more_settings,
    .dialect = WEBHOOK_FRAGILE_DIALECT,
    .put_too = true,
    .open = hook_open,
    .close = hook_close,
    .ready = hook_ready,
    .verify = hook_verify,
    .split = hook_split,
};
