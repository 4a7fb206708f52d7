// workers/mautic/webhook.c - Mautic's webhook as ingest sees it.
//
// The signature is the base64 of HMAC-SHA256 over the raw body, under the secret as it
// stands. There is no id and no signed time: an item is known by its own bytes, which
// carry a time. A body is {type: [item, ..], ..}; Mautic sends it inside the request
// that caused it, so it is answered at once, and 200, which all its versions take.
#include <string.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"
#include "workers/mautic/field.h"

extern const struct webhook mautic_webhook;

static const char signature_header[] = "Webhook-Signature";

struct mautic_hook {
    const char *secret;
    const char *secret_previous;
};

static const struct config_setting settings[] = {
    {.name = "MAUTIC_WEBHOOK_SECRET",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct mautic_hook, secret),
     .fallback = "",
     .description = "The webhook's secret as Mautic shows it."},
    {.name = "MAUTIC_WEBHOOK_SECRET_PREVIOUS",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct mautic_hook, secret_previous),
     .fallback = "",
     .description = "The secret before it, still accepted during a rotation."},
    {0},
};

static bool
hook_ready(const void *state, char *why, size_t size)
{
    const struct mautic_hook *hook = state;
    if (hook->secret[0] != '\0')
        return true;
    str_copy(why, size, "mautic: set MAUTIC_WEBHOOK_SECRET");
    return false;
}

static bool
signed_by(const char *secret, const struct webhook_request *request, const char *hex)
{
    unsigned char mac[HMAC_BYTES];
    char expected[HMAC_HEX];
    if (secret[0] == '\0')
        return false;
    hmac_sha256(secret, strlen(secret), request->body, request->body_length, NULL, 0,
                mac);
    hmac_hex(mac, sizeof mac, expected);
    return hmac_same(hex, expected);
}

static const char *
hook_verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct mautic_hook *hook = state;
    unsigned char mac[HMAC_BYTES];
    char hex[HMAC_HEX];
    (void)job;
    if (hook->secret[0] == '\0')
        return "no-secret-configured";
    const char *given = webhook_header(request, signature_header);
    if (given == NULL)
        return "missing-signature";
    if (hmac_base64(given, strlen(given), mac, sizeof mac) != HMAC_BYTES)
        return "malformed-signature";
    hmac_hex(mac, sizeof mac, hex);
    // Both are always computed: the time must not tell which secret fits.
    bool now = signed_by(hook->secret, request, hex);
    bool before = signed_by(hook->secret_previous, request, hex);
    return now || before ? NULL : "bad-signature";
}

// Where in an item the contact stands: with fields as Mautic keeps them, as a flat list
// of values, or not at all.
static struct json_object *
contact_of(struct json_object *item)
{
    static const char *const places[] = {"contact", "stat.lead", "submission.lead",
                                         "hit.lead"};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct json_object *contact = json_at(item, places[i]);
        if (json_object_is_type(contact, json_type_object))
            return contact;
    }
    return NULL;
}

static const char *
email_of(struct json_object *item)
{
    struct json_object *contact = contact_of(item);
    const char *email = mautic_field_text(contact, "email");
    if (email == NULL)
        email = json_string_or(contact, "email", NULL);
    return email != NULL ? email : json_string_or(item, "stat.emailAddress", "");
}

// "person:<sha256 of the address in lower case>", failing that what Mautic's number
// gives: the worker finds the right lane.
static const char *
lane_of(struct job *job, struct json_object *item, const char *id)
{
    char hex[HMAC_HEX];
    const char *email = webhook_lower(job, email_of(item));
    const char *number =
        json_text_or(item, "id", json_text_or(contact_of(item), "id", id));
    if (strchr(email, '@') == NULL)
        return job_printf(job, ":%s", webhook_word(number) ? number : id);
    hmac_digest(email, strlen(email), hex);
    return job_printf(job, "person:%s", hex);
}

// The owner company's code, where contacts have a field for it.
static const char *
company_of(struct json_object *item)
{
    enum { COMPANY_CHARS = 64 };
    const char *company = mautic_field_text(contact_of(item), "owner_company");
    return company != NULL && webhook_word(company) && strlen(company) <= COMPANY_CHARS
               ? company
               : "";
}

// Mautic repeats a delivery with other items in it: an item is the same by its bytes.
static const char *
id_of(struct job *job, const char *type, const char *bytes, size_t length)
{
    char digest[HMAC_HEX];
    char *id = job_alloc(job, UUID_TEXT);
    hmac_digest(bytes, length, digest);
    uuid_of((const char *const[]){"mautic", type, digest, NULL}, id);
    return id;
}

static void
leave_out(struct json_object *item, const char *place, const char *const names[])
{
    struct json_object *object = place != NULL ? json_at(item, place) : item;
    for (; json_object_is_type(object, json_type_object) && *names != NULL; names++)
        json_object_object_del(object, *names);
}

// The mails themselves, which nobody here reads and which can be large.
static void
leave_mails_out(struct json_object *item)
{
    static const char *const of_mail[] = {"customHtml", "plainText", NULL};
    static const char *const of_item[] = {"content", "tokens", NULL};
    leave_out(item, "email", of_mail);
    leave_out(item, "stat.email", of_mail);
    leave_out(item, NULL, of_item);
}

static bool
add_item(struct job *job, const struct webhook_request *request, const char *type,
         struct json_object *item, struct webhook_events *out)
{
    static const char *const kept_headers[] = {"X-Origin-Base-URL", "User-Agent",
                                               "Content-Type", NULL};
    size_t length;
    int64_t at_ms;
    const char *text = json_print(item, &length);
    const char *time = json_string_or(item, "timestamp", "");
    struct webhook_event ev = {
        .type = type,
        .id = id_of(job, type, text, length),
        .source = "mautic",
        .subject = "",
        .company = company_of(item),
        .time = clock_parse(time, &at_ms) ? time : NULL,
    };
    ev.key = lane_of(job, item, ev.id);
    if (str_starts(ev.key, "person:"))
        ev.subject = ev.key;
    webhook_wrap(job, &ev, text, length, request, kept_headers);
    if (ev.payload_length > request->max_event_bytes) {
        leave_mails_out(item);
        text = json_print(item, &length);
        webhook_wrap(job, &ev, text, length, request, kept_headers);
    }
    return webhook_add(job, out, &ev);
}

// The event's type. A plugin may add types of any name: they are kept under one of
// ours.
static const char *
type_of(struct job *job, const char *name)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    enum { NAME_CHARS = 100 };
    bool ours = str_starts(name, "mautic.");
    char *type = job_printf(job, "%s%.*s", ours ? "" : "mautic.", NAME_CHARS, name);
    for (char *at = type; *at != '\0'; at++)
        if (strchr(letters, *at) == NULL)
            *at = '_';
    return type;
}

// The items of one type: a list, or (7.x, some types) a single one. One that is odd is
// kept like the others: Mautic does not send a delivery again that was refused.
static bool
add_items(struct job *job, const struct webhook_request *request, const char *type,
          struct json_object *items, struct webhook_events *out)
{
    if (!json_object_is_type(items, json_type_array))
        return add_item(job, request, type, items, out);
    for (size_t i = 0; i < json_object_array_length(items); i++)
        if (!add_item(job, request, type, json_object_array_get_idx(items, i), out))
            return false;
    return true;
}

static bool
hook_split(const void *state, struct job *job, const struct webhook_request *request,
           struct webhook_events *out)
{
    (void)state;
    struct json_object *body = json_parse(job, request->body, request->body_length);
    if (body == NULL)
        return false;
    if (!json_object_is_type(body, json_type_object))
        return error_permanent(&job->error, "the body is no object of events");
    // "Send test payload" in Mautic sends people who do not exist, and only it has a
    // time of its own.
    if (json_string_or(body, "timestamp", NULL) != NULL)
        return true;
    json_object_object_foreach(body, name, items)
    {
        if (!add_items(job, request, type_of(job, name), items, out))
            return false;
    }
    return true;
}

const struct webhook mautic_webhook = {
    .name = "mautic",
    .state_size = sizeof(struct mautic_hook),
    .settings = settings,
    .dialect = WEBHOOK_PLAIN_DIALECT,
    .ready = hook_ready,
    .verify = hook_verify,
    .split = hook_split,
};
