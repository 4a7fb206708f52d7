// workers/docuseal/webhook.c - DocuSeal's webhook as ingest sees it.
//
// The signature is "<unix seconds>.<hex HMAC-SHA256 of '<unix seconds>.' and the raw
// body>" under the whole "whsec_..." text (DocuSeal 2.5.3 and later); it is made anew
// for every attempt, so that retries verify. Older servers only send a header with a
// fixed secret. The test button of DocuSeal's settings page sends no signature.
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json_scan.h"
#include "common/str.h"
#include "common/uuid.h"
#include "common/webhook.h"

extern const struct webhook docuseal_webhook;

enum { COMPANY_CHARS = 64 };

static const char signature_header[] = "X-Docuseal-Signature";

struct docuseal_hook {
    const char *secret;
    const char *secret_previous;
    const char *header;
    const char *header_value;
    const char *header_value_previous;
    int64_t tolerance_ms;
};

static const struct config_setting settings[] = {
    {.name = "DOCUSEAL_WEBHOOK_SECRET",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct docuseal_hook, secret),
     .fallback = "",
     .description = "The webhook's signing secret (whsec_...) as DocuSeal shows it."},
    {.name = "DOCUSEAL_WEBHOOK_SECRET_PREVIOUS",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct docuseal_hook, secret_previous),
     .fallback = "",
     .description = "The secret before it, still accepted during a rotation."},
    {.name = "DOCUSEAL_WEBHOOK_HEADER",
     .type = CONFIG_TEXT,
     .offset = offsetof(struct docuseal_hook, header),
     .fallback = "",
     .description =
         "Name of the header with a fixed secret, if DocuSeal is set to send "
         "one; it is then required beside the signature."},
    {.name = "DOCUSEAL_WEBHOOK_HEADER_VALUE",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct docuseal_hook, header_value),
     .fallback = "",
     .description = "The value of that header."},
    {.name = "DOCUSEAL_WEBHOOK_HEADER_VALUE_PREVIOUS",
     .type = CONFIG_SECRET,
     .offset = offsetof(struct docuseal_hook, header_value_previous),
     .fallback = "",
     .description = "The value before it, still accepted during a rotation."},
    {.name = "DOCUSEAL_WEBHOOK_TOLERANCE_MS",
     .type = CONFIG_MS,
     .offset = offsetof(struct docuseal_hook, tolerance_ms),
     .fallback = "300s",
     .description = "How far a signature's time may be from ours, both ways.",
     .min = 1000,
     .max = 3600000},
    {0},
};

static bool
is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool
hook_open(void *state, struct error *err)
{
    const struct docuseal_hook *hook = state;
    if (is_set(hook->header) != is_set(hook->header_value))
        return error_fatal(err, "DOCUSEAL_WEBHOOK_HEADER and "
                                "DOCUSEAL_WEBHOOK_HEADER_VALUE belong together: set "
                                "both or none");
    if (is_set(hook->secret) && is_set(hook->header)
        && strcasecmp(hook->header, signature_header) == 0)
        return error_fatal(err,
                           "DOCUSEAL_WEBHOOK_HEADER must not be %s: DocuSeal then "
                           "sends no signature; give the header another name",
                           signature_header);
    return true;
}

static bool
hook_ready(const void *state, char *why, size_t size)
{
    const struct docuseal_hook *hook = state;
    if (is_set(hook->secret) || is_set(hook->header_value))
        return true;
    str_copy(why, size, "docuseal: set DOCUSEAL_WEBHOOK_SECRET");
    return false;
}

// Whether the hex is the signature of "<seconds>." and the body under the secret.
static bool
signed_by(const char *secret, const struct webhook_request *request, const char *stamp,
          size_t stamp_length, const char *hex)
{
    unsigned char mac[HMAC_BYTES];
    char expected[HMAC_HEX];

    if (!is_set(secret))
        return false;
    hmac_sha256(secret, strlen(secret), stamp, stamp_length, request->body,
                request->body_length, mac);
    hmac_hex(mac, sizeof mac, expected);
    return hmac_same(hex, expected);
}

static const char *
check_signature(const struct docuseal_hook *hook, const struct webhook_request *request)
{
    const char *given = webhook_header(request, signature_header);
    if (given == NULL)
        return "missing-signature";
    size_t digits = strspn(given, "0123456789");
    if (digits == 0 || digits > 12 || given[digits] != '.')
        return "malformed-signature";

    char stamp[16];
    long long seconds = 0;
    str_copy(stamp, digits + 1, given);
    if (!str_to_i64(stamp, &seconds))
        return "malformed-signature";
    // Both are always computed: the time must not tell which secret fits.
    const char *hex = given + digits + 1;
    bool now = signed_by(hook->secret, request, given, digits + 1, hex);
    bool before = signed_by(hook->secret_previous, request, given, digits + 1, hex);
    if (!now && !before)
        return "bad-signature";
    int64_t age_ms = request->now_ms - seconds * 1000;
    return llabs(age_ms) > hook->tolerance_ms ? "stale-signature" : NULL;
}

static const char *
check_header(const struct docuseal_hook *hook, const struct webhook_request *request)
{
    const char *given = webhook_header(request, hook->header);
    if (given == NULL)
        return "missing-secret";
    bool now = hmac_same(given, hook->header_value);
    bool before = is_set(hook->header_value_previous)
                  && hmac_same(given, hook->header_value_previous);
    return now || before ? NULL : "bad-secret";
}

// Whatever is set is required; nothing set refuses everything.
static const char *
hook_verify(const void *state, struct job *job, const struct webhook_request *request)
{
    const struct docuseal_hook *hook = state;
    const char *problem = NULL;

    (void)job;
    if (!is_set(hook->secret) && !is_set(hook->header_value))
        return "no-secret-configured";
    if (is_set(hook->secret))
        problem = check_signature(hook, request);
    if (problem == NULL && is_set(hook->header_value))
        problem = check_header(hook, request);
    return problem;
}

// The root a submitter's external_id names: "quote:<uuid>" of
// "quote:<uuid>:r<round>:<role>", the same for "cgv:". NULL if it is not one of ours.
static const char *
root_of(struct job *job, const char *external_id)
{
    static const char *const kinds[] = {"quote:", "cgv:"};
    enum { UUID_CHARS = UUID_TEXT - 1 };

    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        size_t prefix = strlen(kinds[i]);
        if (!str_starts(external_id, kinds[i])
            || strlen(external_id) <= prefix + UUID_CHARS)
            continue;
        const char *round = external_id + prefix + UUID_CHARS;
        char *root =
            webhook_lower(job, job_memdup(job, external_id, prefix + UUID_CHARS));
        if (!uuid_is(root + prefix) || !str_starts(round, ":r"))
            continue;
        size_t digits = strspn(round + 2, "0123456789");
        if (digits > 0 && round[2 + digits] == ':' && round[2 + digits + 1] != '\0')
            return root;
    }
    return NULL;
}

// What the lane is made of: a submitter is data itself (form.*), or one of its
// submitters (submission.*).
struct docuseal_names {
    const char *root;    // NULL if no external_id is ours
    const char *company; // "" if no metadata names one
};

static void
names_of(struct job *job, const struct json_scan *scan, uint32_t submitter,
         struct docuseal_names *names)
{
    if (names->root == NULL)
        names->root =
            root_of(job, json_scan_string_or(job, scan, submitter, "external_id", ""));
    const char *company =
        json_scan_string_or(job, scan, submitter, "metadata.company", "");
    if (names->company[0] == '\0' && webhook_word(company)
        && strlen(company) <= COMPANY_CHARS)
        names->company = company;
}

static struct docuseal_names
find_names(struct job *job, const struct json_scan *scan, uint32_t data)
{
    struct docuseal_names names = {.root = NULL, .company = ""};
    names_of(job, scan, data, &names);
    uint32_t submitters = json_scan_at(scan, data, "submitters");
    if (json_scan_kind(scan, submitters) != '[')
        return names;
    for (uint32_t at = json_scan_first(scan, submitters); at != JSON_NONE;
         at = json_scan_next(scan, submitters, at))
        names_of(job, scan, at, &names);
    return names;
}

// The names the users' own notes have for two events that DocuSeal calls otherwise.
static const char *
wire_name(const char *name)
{
    if (strcmp(name, "submission.declined") == 0)
        return "form.declined";
    if (strcmp(name, "signer.signed") == 0)
        return "form.completed";
    return name;
}

// DocuSeal has no id of a delivery; its timestamp is the stored event's, so that it is
// the same on every retry, while data is written anew each time.
static const char *
event_id(struct job *job, const char *name, const char *object, const char *timestamp,
         const struct webhook_request *request)
{
    char digest[HMAC_HEX];
    const char *parts[] = {"docuseal", name, object, timestamp, NULL};
    char *id = job_alloc(job, UUID_TEXT);
    if (object == NULL || timestamp == NULL) {
        hmac_digest(request->body, request->body_length, digest);
        parts[2] = "body";
        parts[3] = digest;
    }
    uuid_of(parts, id);
    return id;
}

// Reads the body: its event's name and its object.
static bool
read_body(struct job *job, const struct webhook_request *request,
          struct json_scan *scan, const char **name, uint32_t *data)
{
    if (!json_scan(job, request->body, request->body_length, scan))
        return false;
    *name = json_scan_string_or(job, scan, JSON_ROOT, "event_type", "");
    if ((*name)[0] == '\0')
        return error_permanent(&job->error, "`event_type` is missing, or no text");
    *data = json_scan_at(scan, JSON_ROOT, "data");
    if (json_scan_kind(scan, *data) != '{')
        return error_permanent(&job->error, "`data` is not an object");
    return true;
}

static bool
hook_split(const void *state, struct job *job, const struct webhook_request *request,
           struct webhook_events *out)
{
    static const char *const kept_headers[] = {"User-Agent", "Content-Type", NULL};
    struct json_scan scan;
    const char *name = NULL;
    uint32_t data = JSON_NONE;

    (void)state;
    if (!read_body(job, request, &scan, &name, &data))
        return false;
    const char *timestamp =
        json_scan_string_or(job, &scan, JSON_ROOT, "timestamp", NULL);
    const char *object = json_scan_text_or(job, &scan, data, "id", NULL);
    const char *submission =
        json_scan_text_or(job, &scan, data, "submission_id", object);
    struct docuseal_names names = find_names(job, &scan, data);
    int64_t at_ms = 0;
    bool dated = timestamp != NULL && clock_parse(timestamp, &at_ms);

    struct webhook_event ev = {
        .type = job_printf(job, "docuseal.%s", wire_name(name)),
        .id = event_id(job, name, object, timestamp, request),
        .source = "docuseal",
        .key = names.root,
        .subject = names.root == NULL ? "" : names.root,
        .company = names.company,
        .time = dated ? timestamp : NULL,
    };
    // Without a root the events of one submission still share a lane; the handler finds
    // the right one.
    if (ev.key == NULL)
        ev.key = job_printf(job, "%s:%s", names.company,
                            webhook_word(submission) ? submission : ev.id);
    webhook_wrap(job, &ev, request->body, request->body_length, request, kept_headers);
    return webhook_add(job, out, &ev);
}

const struct webhook docuseal_webhook = {
    .name = "docuseal",
    .state_size = sizeof(struct docuseal_hook),
    .settings = settings,
    .dialect = WEBHOOK_PLAIN_DIALECT,
    .open = hook_open,
    .ready = hook_ready,
    .verify = hook_verify,
    .split = hook_split,
};
