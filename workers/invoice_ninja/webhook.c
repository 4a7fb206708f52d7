// workers/invoice_ninja/webhook.c - Invoice Ninja's webhook as ingest sees it.
//
// A body is nothing but the invoice, the payment or the client: no event, no id, no
// company, no signature. So we have each row of a webhook send along the company, the
// event and a secret, in headers; company and event may also stand in the query. One
// answer of 404, 405 or 410 and Invoice Ninja deletes the row; whatever else is no 2xx
// is dropped, never sent again (v5.10.42).
#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "common/webhook_secrets.h"
#include "workers/invoice_ninja/wire.h"

extern const struct webhook invoice_ninja_webhook;

enum { COMPANY_CHARS = 64, EVENT_CHARS = 40 };

struct ninja_hook {
    struct webhook_secrets *secrets;
};

// All are read by webhook_secrets_open(): only named here.
static const struct config_setting settings[] = {{0}};

static const struct config_setting secret_settings[] = {
    {.name = "INVOICE_NINJA_WEBHOOK_SECRET",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "What X-Webhook-Secret holds, of every company that has no secret "
                    "of its own."},
    {.name = "INVOICE_NINJA_WEBHOOK_SECRET_<COMPANY>",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "One company's own."},
    {.name = "INVOICE_NINJA_WEBHOOK_SECRET[_<COMPANY>]_PREVIOUS",
     .type = CONFIG_SECRET,
     .fallback = "",
     .description = "The one before it, still accepted during a rotation."},
    {0},
};

static const struct config_setting *const more_settings[] = {secret_settings, NULL};

static bool
hook_open(void *state, struct error *err)
{
    struct ninja_hook *hook = state;
    hook->secrets = webhook_secrets_open("INVOICE_NINJA_WEBHOOK_SECRET", err);
    return hook->secrets != NULL;
}

static void
hook_close(void *state)
{
    struct ninja_hook *hook = state;
    webhook_secrets_close(hook->secrets);
}

static bool
hook_ready(const void *state, char *why, size_t size)
{
    const struct ninja_hook *hook = state;
    if (webhook_secrets_any(hook->secrets))
        return true;
    str_copy(why, size, "invoice-ninja: set INVOICE_NINJA_WEBHOOK_SECRET");
    return false;
}

static const char *
hook_verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct ninja_hook *hook = state;
    const char *company = webhook_either(request, "X-Ninja-Company", "company");
    const char *given = webhook_header(request, "X-Webhook-Secret");

    (void)job;
    if (!webhook_secrets_any(hook->secrets))
        return "no-secret-configured";
    if (company == NULL)
        return "contradicting-company";
    if (!webhook_word(company) || strlen(company) > COMPANY_CHARS)
        return "missing-company";
    if (given == NULL)
        return "missing-secret";
    return webhook_secrets_match(hook->secrets, company, given) ? NULL : "bad-secret";
}

// ---- which event

// The header's number and the query's name may both be there: they must mean the same.
// An event we know nothing of keeps its own name: nothing is done about it.
static const char *
event_of(struct job *job, const struct webhook_request *request)
{
    const char *header = webhook_header(request, "X-Ninja-Event");
    const char *query = webhook_query(request, "event");
    const char *text = header != NULL ? header : query;
    if (text == NULL || text[0] == '\0'
        || text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_.-")] != '\0'
        || strlen(text) > EVENT_CHARS) {
        error_permanent(&job->error,
                        "neither X-Ninja-Event nor ?event= names an event");
        return NULL;
    }
    const struct ninja_wire *wire = ninja_wire_find(text);
    if (header != NULL && query != NULL && strcmp(header, query) != 0
        && (wire == NULL || wire != ninja_wire_find(query))) {
        error_permanent(&job->error, "X-Ninja-Event and ?event= contradict each other");
        return NULL;
    }
    return wire != NULL ? wire->name : job_printf(job, "event_%s", text);
}

// ---- whose

// The uuid of the party that is billed, which is our client's id_number.
static const char *
party_of(struct job *job, struct json_object *body)
{
    const char *party =
        json_string_or(body, "client.id_number", json_string_or(body, "id_number", ""));
    return uuid_is(party) ? webhook_lower(job, party) : NULL;
}

// "quote:<uuid>" or "invoice:<uuid>", as the invoice itself or the first of a payment's
// says; "" if none is ours.
static const char *
root_of(struct job *job, struct json_object *body)
{
    static const char invoice_prefix[] = "directus:invoice:";
    struct json_object *invoice = body;
    struct json_object *list = json_array_or_null(body, "invoices");
    if (list != NULL)
        invoice = json_object_array_get_idx(list, 0);
    const char *quote = json_string_or(invoice, "custom_value2", "");
    if (str_starts(quote, "quote:") && uuid_is(quote + strlen("quote:")))
        return webhook_lower(job, quote);
    const char *ours = json_string_or(invoice, "custom_value1", "");
    if (str_starts(ours, invoice_prefix) && uuid_is(ours + strlen(invoice_prefix)))
        return job_printf(job, "invoice:%s",
                          webhook_lower(job, ours + strlen(invoice_prefix)));
    return "";
}

// ---- the event

static const char *
event_id(struct job *job, const struct webhook_event *ev, const char *object,
         const struct webhook_request *request)
{
    char digest[HMAC_HEX];
    char *id = job_alloc(job, UUID_TEXT);
    hmac_digest(request->body, request->body_length, digest);
    uuid_of(
        (const char *const[]){ev->source, ev->company, ev->type, object, digest, NULL},
        id);
    return id;
}

static const char *
time_of(struct job *job, struct json_object *body)
{
    int64_t seconds = json_i64_or(body, "updated_at", 0);
    if (seconds <= 0 || seconds > 253402300799) // the end of the year 9999
        return NULL;
    char *text = job_alloc(job, CLOCK_TEXT);
    clock_format(seconds * 1000, text);
    return text;
}

static bool
hook_split(const void *state, struct job *job, const struct webhook_request *request,
           struct webhook_events *out)
{
    static const char *const kept_headers[] = {"User-Agent", NULL};

    (void)state;
    const char *event = event_of(job, request);
    struct json_object *body = json_parse(job, request->body, request->body_length);
    if (event == NULL || body == NULL)
        return false;
    const char *object = json_string(job, body, "id");
    if (object == NULL)
        return false;
    if (!webhook_word(object))
        return error_permanent(&job->error, "`id` is no id of Invoice Ninja");
    const char *company = webhook_either(request, "X-Ninja-Company", "company");
    const char *party = party_of(job, body);
    struct webhook_event ev = {
        .type = job_printf(job, "invoice-ninja.%s", event),
        .source = "invoice-ninja",
        .key = job_printf(job, "%s:%s", company, party != NULL ? party : object),
        .subject = root_of(job, body),
        .company = company,
        .time = time_of(job, body),
    };
    ev.id = event_id(job, &ev, object, request);
    webhook_wrap(job, &ev, request->body, request->body_length, request, kept_headers);
    return webhook_add(job, out, &ev);
}

const struct webhook invoice_ninja_webhook = {
    .name = "invoice-ninja",
    .state_size = sizeof(struct ninja_hook),
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
