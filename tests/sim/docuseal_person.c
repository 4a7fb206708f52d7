// What people do in DocuSeal, as controls under /_sim. They name a submission by
//   "submission": its id,  "external_id": one of its signers' (the live one, else the
//   newest),  "submitter": a signer's id,  or "slug": what stands in the signing link;
// and, if it matters, a signer by "role".
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

static bool
is_live(struct sim *sim, struct json_object *submitter)
{
    return json_int(submission_of(sim, submitter), "archived_at", 0) == 0;
}

static struct json_object *
find_by_text(struct sim *sim, const char *key, const char *text)
{
    struct json_object *newest = NULL;
    struct store_cursor cursor;
    struct json_object *row = store_newest(sim_store(sim), "submitters", &cursor);
    for (; text != NULL && row != NULL; row = store_older(&cursor)) {
        const char *its_text = json_str(row, key);
        if (its_text == NULL || strcmp(its_text, text) != 0)
            continue;
        if (is_live(sim, row))
            return row;
        newest = newest == NULL ? row : newest;
    }
    return newest;
}

static struct json_object *
named_submitter(struct call *call)
{
    struct json_object *submitter =
        submitter_row(call->sim, json_int(call->body, "submitter", 0));
    if (submitter == NULL)
        submitter =
            find_by_text(call->sim, "external_id", json_str(call->body, "external_id"));
    if (submitter == NULL)
        submitter = find_by_text(call->sim, "slug", json_str(call->body, "slug"));
    return submitter;
}

static struct json_object *
named_submission(struct call *call)
{
    struct json_object *submission =
        submission_row(call->sim, json_int(call->body, "submission", 0));
    if (submission == NULL)
        submission = submission_of(call->sim, named_submitter(call));
    if (submission == NULL)
        docuseal_error(call, 404,
                       "no such submission: give submission, external_id,"
                       " submitter or slug of one that exists");
    return submission;
}

static struct json_object *
by_role(struct sim *sim, struct json_object *submission, const char *role)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (strcasecmp(json_str(submitter, "role"), role) == 0)
            return submitter;
    }
    return NULL;
}

// Who is to sign next, or the first signer if everybody has.
static struct json_object *
next_signer(struct sim *sim, struct json_object *submission)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (json_int(submitter, "completed_at", 0) == 0 && act_is_turn(sim, submitter))
            return submitter;
    }
    return submission_signer(sim, submission, 0);
}

static struct json_object *
named_signer(struct call *call)
{
    struct json_object *submission = named_submission(call);
    const char *role = json_str(call->body, "role");
    if (submission == NULL)
        return NULL;
    struct json_object *submitter = named_submitter(call);
    if (role != NULL)
        submitter = by_role(call->sim, submission, role);
    else if (submitter == NULL)
        submitter = next_signer(call->sim, submission);
    if (submitter == NULL)
        docuseal_error(call, 404, "role: the submission has no signer \"%s\"", role);
    return submitter;
}

// The page refuses, as the real one does; the reason is told, or NULL.
static const char *
closed_reason(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    if (json_int(submission, "archived_at", 0) > 0)
        return "the submission is archived";
    if (json_int(submitter, "completed_at", 0) > 0)
        return "this signer has signed already";
    if (json_int(submitter, "declined_at", 0) > 0)
        return "this signer has declined";
    if (submission_is_expired(submission))
        return "the submission has expired";
    if (!act_is_turn(sim, submitter))
        return "another signer comes first";
    return NULL;
}

static struct json_object *
open_signer(struct call *call)
{
    struct json_object *submitter = named_signer(call);
    if (submitter == NULL)
        return NULL;
    const char *reason = closed_reason(call->sim, submitter);
    if (reason == NULL)
        return submitter;
    docuseal_error(call, 409, "the form is closed: %s", reason);
    return NULL;
}

static void
answer_signer(struct call *call, struct json_object *submitter)
{
    struct json_object *submission = submission_of(call->sim, submitter);
    struct json_object *reply = json_object_new_object();
    json_share(reply, "submission", json_at(submission, "id"));
    json_share(reply, "submitter", json_at(submitter, "id"));
    json_share(reply, "role", json_at(submitter, "role"));
    json_share(reply, "external_id", json_at(submitter, "external_id"));
    json_add_str(reply, "submitter_status", submitter_status(submitter));
    json_add_str(reply, "status", submission_status(call->sim, submission));
    call_answer(call, 200, reply);
}

static void
post_view(struct call *call)
{
    struct json_object *submitter = open_signer(call);
    if (submitter == NULL)
        return;
    act_view(call->sim, submitter);
    answer_signer(call, submitter);
}

// Signing opens the page first if nobody has; {"view": false} signs without that, and
// {"all": true} goes on with the signers who come next.
static void
post_sign(struct call *call)
{
    struct json_object *submitter = open_signer(call);
    struct sim *sim = call->sim;
    bool view = json_flag(call->body, "view", true);
    while (submitter != NULL) {
        if (view && json_int(submitter, "opened_at", 0) == 0)
            act_view(sim, submitter);
        act_start(sim, submitter);
        act_complete(sim, submitter, false);
        struct json_object *next = next_signer(sim, submission_of(sim, submitter));
        if (!json_flag(call->body, "all", false) || closed_reason(sim, next) != NULL)
            break;
        submitter = next;
    }
    if (submitter != NULL)
        answer_signer(call, submitter);
}

static void
post_decline(struct call *call)
{
    struct json_object *submitter = open_signer(call);
    const char *reason = json_str(call->body, "reason");
    if (submitter == NULL)
        return;
    if (json_int(submitter, "opened_at", 0) == 0 && json_flag(call->body, "view", true))
        act_view(call->sim, submitter);
    act_decline(call->sim, submitter, reason == NULL ? "" : reason);
    answer_signer(call, submitter);
}

// Lets the moment of expiry be now.
static void
post_expire(struct call *call)
{
    struct json_object *submission = named_submission(call);
    if (submission == NULL)
        return;
    json_add_int(submission, "expire_at", time_now_ms() - 1);
    store_touch(sim_store(call->sim), "submissions", json_int(submission, "id", 0));
    bool fired = act_expire(call->sim, submission);
    struct json_object *reply = json_object_new_object();
    json_share(reply, "submission", json_at(submission, "id"));
    json_add_str(reply, "status", submission_status(call->sim, submission));
    json_add_bool(reply, "fired", fired);
    call_answer(call, 200, reply);
}

static void
post_archive(struct call *call)
{
    struct json_object *submission = named_submission(call);
    if (submission == NULL)
        return;
    act_archive(call->sim, submission);
    call_answer(call, 200, view_submission(call->sim, submission));
}

// Adds an entry to submission_events that no webhook tells of, as bounce_email or
// complete_verification.
static void
post_event(struct call *call)
{
    struct json_object *submitter = named_signer(call);
    const char *event_type = json_str(call->body, "event_type");
    if (submitter == NULL)
        return;
    if (event_type == NULL) {
        docuseal_error(call, 422, "event_type: missing, give one as bounce_email");
        return;
    }
    struct json_object *data = json_clone(json_at(call->body, "data"));
    submission_event(call->sim, submission_of(call->sim, submitter),
                     json_int(submitter, "id", 0), event_type, data);
    answer_signer(call, submitter);
}

static bool
hook_named(struct call *call, struct json_object *hook)
{
    const char *event_type = json_str(call->body, "event_type");
    int64_t id = json_int(call->body, "webhook", 0);
    int64_t submission = json_int(call->body, "submission", 0);
    if (id != 0)
        return json_int(hook, "id", 0) == id;
    if (submission != 0 && json_int(hook, "subject", 0) != submission)
        return false;
    return event_type == NULL || strcmp(event_type, json_str(hook, "event_type")) == 0;
}

// The "resend" button: the newest webhook that fits {webhook} or {submission?,
// event_type?} goes out again with its old timestamp.
static void
post_resend(struct call *call)
{
    struct store_cursor cursor;
    struct json_object *hook = store_newest(sim_store(call->sim), "hooks", &cursor);
    while (hook != NULL && !hook_named(call, hook))
        hook = store_older(&cursor);
    if (hook == NULL) {
        docuseal_error(call, 404, "no such webhook was ever fired");
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_share(reply, "event_type", json_at(hook, "event_type"));
    json_share(reply, "webhook", json_at(hook, "id"));
    hook_resend(call->sim, json_int(hook, "id", 0));
    call_answer(call, 200, reply);
}

// The "test" button: form.completed of whoever signed last, never signed by HMAC.
static void
post_test(struct call *call)
{
    struct store_cursor cursor;
    struct json_object *last = NULL;
    struct json_object *row = store_newest(sim_store(call->sim), "submitters", &cursor);
    for (; row != NULL; row = store_older(&cursor)) {
        if (json_int(row, "completed_at", 0) > json_int(last, "completed_at", 0))
            last = row;
    }
    if (last == NULL) {
        docuseal_error(call, 409, "nobody has signed anything yet");
        return;
    }
    struct json_object *ref = json_object_new_object();
    json_share(ref, "submitter_id", json_at(last, "id"));
    json_add_bool(ref, "test", true);
    hook_add(call->sim, "form.completed", json_int(last, "submission_id", 0),
             sim_stamp_ms(call->sim), ref);
    answer_signer(call, last);
}

const struct sim_route person_routes[] = {
    {"POST", "/view", post_view, true},
    {"POST", "/sign", post_sign, true},
    {"POST", "/decline", post_decline, true},
    {"POST", "/expire", post_expire, true},
    {"POST", "/archive", post_archive, true},
    {"POST", "/event", post_event, true},
    {"POST", "/resend_webhook", post_resend, true},
    {"POST", "/test_webhook", post_test, true},
    {"POST", "/template", template_put, true},
    {0},
};

// The signing page: opening it is what form.viewed tells of.
void
person_page(struct call *call)
{
    struct sim *sim = call->sim;
    struct json_object *submitter = find_by_text(sim, "slug", call->word);
    char page[1600];
    if (submitter == NULL) {
        docuseal_not_found(call);
        return;
    }
    const char *reason = closed_reason(sim, submitter);
    if (reason == NULL)
        act_view(sim, submitter);
    int bytes = snprintf(
        page, sizeof page,
        "<!DOCTYPE html><html><head><meta charset=\"utf-8\"><title>Sign</title></head>"
        "<body><h1>Submission %lld</h1><p>%s</p><p id=\"out\">%s</p>"
        "<button onclick=\"act('sign')\">Sign</button> "
        "<button onclick=\"act('decline')\">Decline</button><script>"
        "function act(what){fetch('/_sim/'+what,{method:'POST',body:JSON.stringify("
        "{slug:'%s',reason:'declined on the page'})}).then(r=>r.text()).then(t=>"
        "{document.getElementById('out').textContent=t})}</script></body></html>",
        (long long)json_int(submitter, "submission_id", 0), json_str(submitter, "role"),
        reason == NULL ? "waiting for your signature" : reason,
        json_str(submitter, "slug"));
    call_bytes(call, 200, "text/html; charset=utf-8", page, (size_t)bytes);
}
