#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

static const char signature_name[] = "X-Docuseal-Signature";

// The setting is a list with commas; an empty one selects everything.
static bool
is_selected(struct sim *sim, const char *event_type)
{
    const char *list = sim_setting(sim, "webhook_events");
    size_t bytes = strlen(event_type);
    if (*list == '\0' || strcmp(list, "all") == 0)
        return true;
    for (const char *p = list; *p != '\0'; p += strcspn(p, ", ")) {
        p += strspn(p, ", ");
        if (strcspn(p, ", ") == bytes && strncmp(p, event_type, bytes) == 0)
            return true;
    }
    return false;
}

void
hook_fire(struct sim *sim, const char *event_type, struct json_object *submission,
          struct json_object *submitter)
{
    if (!is_selected(sim, event_type)
        || json_int(submission, "account", 0) != ACCOUNT_MAIN)
        return;
    struct json_object *ref = json_object_new_object();
    json_share(ref, "archived_at", json_at(submission, "archived_at"));
    json_add_int(ref, "submitter_id", json_int(submitter, "id", 0));
    hook_add(sim, event_type, json_int(submission, "id", 0), sim_stamp_ms(sim), ref);
}

static struct json_object *
archived_data(struct json_object *submission, struct json_object *hook)
{
    // A submission that was destroyed in between is told of as it was then.
    struct json_object *source = submission == NULL ? json_at(hook, "ref") : submission;
    struct json_object *data = json_object_new_object();
    json_share(data, "id", json_at(hook, "subject"));
    json_add_time(data, "archived_at", json_int(source, "archived_at", 0));
    return data;
}

// Data is made anew at each delivery and may be ahead of its event.
static struct json_object *
make_data(struct sim *sim, struct json_object *hook)
{
    struct json_object *submission = submission_row(sim, json_int(hook, "subject", 0));
    struct json_object *submitter =
        submitter_row(sim, json_int(json_at(hook, "ref"), "submitter_id", 0));
    if (strcmp(json_str(hook, "event_type"), "submission.archived") == 0)
        return archived_data(submission, hook);
    if (submission == NULL)
        return NULL;
    return submitter != NULL ? view_form(sim, submitter)
                             : view_submission(sim, submission);
}

static char *
make_body(struct sim *sim, struct json_object *hook)
{
    struct json_object *data = make_data(sim, hook);
    if (data == NULL)
        return NULL;
    struct json_object *body = json_object_new_object();
    char at[TIME_TEXT_BYTES];
    time_format(json_int(hook, "at_ms", 0), at);
    // The test button's timestamp has no milliseconds.
    if (json_flag(json_at(hook, "ref"), "test", false))
        memcpy(strchr(at, '.'), "Z", 2);
    json_add_str(body, "event_type", json_str(hook, "event_type"));
    json_add_str(body, "timestamp", at);
    json_add(body, "data", data);
    char *text = json_text_escaped(body);
    json_object_put(body);
    return text;
}

static bool
is_signature_name(const char *header)
{
    size_t bytes = sizeof signature_name - 1;
    return strncasecmp(header, signature_name, bytes) == 0 && header[bytes] == ':';
}

bool
hook_build(struct sim *sim, struct json_object *hook, struct hook_message *message)
{
    const char *url = sim_setting(sim, "webhook_url");
    const char *secret = sim_setting(sim, "webhook_secret");
    const char *fixed = sim_setting(sim, "webhook_static_header");
    if (*url == '\0')
        return false;
    message->body = make_body(sim, hook);
    if (message->body == NULL)
        return false;
    message->url = strdup(url);
    hook_header(message, "Content-Type: application/json");
    hook_header(message, "User-Agent: DocuSeal.com Webhook");
    if (*fixed != '\0')
        hook_header(message, "%s", fixed);
    // A static header of that name takes the place of the signature, and a test is
    // never signed.
    bool sign = *secret != '\0' && !is_signature_name(fixed)
                && !json_flag(json_at(hook, "ref"), "test", false);
    if (sign) {
        char signature[128];
        crypto_signature(secret, time_now_ms() / 1000, message->body, signature,
                         sizeof signature);
        hook_header(message, "%s: %s", signature_name, signature);
    }
    return true;
}

int64_t
hook_retry_min(struct json_object *hook, int64_t failed)
{
    bool form = strcmp(json_str(hook, "event_type"), "form.completed") == 0;
    if (json_flag(json_at(hook, "ref"), "test", false) || failed >= (form ? 14 : 12))
        return -1;
    return (int64_t)1 << (failed - 1);
}
