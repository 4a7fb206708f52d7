// What happens to submissions, be it by the API, by a person or by the clock, with the
// mails and webhooks that follow.
#include <string.h>
#include <stdio.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

static void
send_mail(struct sim *sim, struct json_object *submitter, const char *kind)
{
    struct json_object *row = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "mails", 1);
    json_add_int(row, "id", id);
    json_share(row, "submission_id", json_at(submitter, "submission_id"));
    json_share(row, "submitter_id", json_at(submitter, "id"));
    json_share(row, "email", json_at(submitter, "email"));
    json_share(row, "external_id", json_at(submitter, "external_id"));
    json_add_str(row, "kind", kind);
    json_add_int(row, "at", time_now_ms());
    store_put(sim_store(sim), "mails", id, row);
}

// The mail job: silent if there is nothing to sign any more.
static void
run_mail_job(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    if (submission == NULL || json_int(submission, "archived_at", 0) > 0
        || submission_is_expired(submission))
        return;
    submission_event(sim, submission, json_int(submitter, "id", 0), "send_email", NULL);
    send_mail(sim, submitter, "invitation");
}

static void
add_job(struct sim *sim, const char *kind, int64_t submission_id, int64_t submitter_id,
        int64_t due_ms)
{
    struct json_object *job = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "jobs", 1);
    json_add_int(job, "id", id);
    json_add_str(job, "kind", kind);
    json_add_int(job, "submission_id", submission_id);
    json_add_int(job, "submitter_id", submitter_id);
    json_add_int(job, "due_ms", due_ms);
    store_put(sim_store(sim), "jobs", id, job);
    sim_wake_at(sim, due_ms);
}

void
act_invite(struct sim *sim, struct json_object *submitter, bool mail_lost)
{
    int64_t delay_ms = sim_setting_int(sim, "mail_delay_ms");
    // sent_at says that a mail is meant to go out, not that it did.
    if (json_int(submitter, "sent_at", 0) == 0) {
        json_add_int(submitter, "sent_at", sim_stamp_ms(sim));
        submitter_touch(sim, submitter, json_int(submitter, "updated_at", 0));
    }
    if (mail_lost)
        return;
    if (delay_ms > 0)
        add_job(sim, "mail", json_int(submitter, "submission_id", 0),
                json_int(submitter, "id", 0), time_now_ms() + delay_ms);
    else
        run_mail_job(sim, submitter);
}

static bool
may_be_mailed(struct json_object *submitter)
{
    return json_flag(submitter, "send_email", true)
           && json_str(submitter, "email") != NULL
           && json_int(submitter, "completed_at", 0) == 0;
}

// The lowest order that has not completed: with the order preserved only it may act.
static int64_t
current_order(struct sim *sim, struct json_object *submission)
{
    int64_t lowest = INT64_MAX;
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        int64_t order = json_int(submitter, "order", 0);
        if (json_int(submitter, "completed_at", 0) == 0 && order < lowest)
            lowest = order;
    }
    return lowest;
}

bool
act_is_turn(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    return strcmp(json_str(submission, "order"), "random") == 0
           || json_int(submitter, "order", 0) <= current_order(sim, submission);
}

// Invites everybody whose turn it is and who was not invited yet.
static void
invite_next(struct sim *sim, struct json_object *submission, bool mail_lost)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (may_be_mailed(submitter) && json_int(submitter, "sent_at", 0) == 0
            && act_is_turn(sim, submitter))
            act_invite(sim, submitter, mail_lost);
    }
}

void
act_schedule_expiry(struct sim *sim, struct json_object *submission)
{
    int64_t expire_ms = json_int(submission, "expire_at", 0);
    if (expire_ms > 0)
        add_job(sim, "expire", json_int(submission, "id", 0), 0, expire_ms);
}

void
act_created(struct call *call, struct json_object *submission)
{
    hook_fire(call->sim, "submission.created", submission, NULL);
    act_schedule_expiry(call->sim, submission);
    invite_next(call->sim, submission, call->mail_lost);
}

void
act_view(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    int64_t now_ms = sim_stamp_ms(sim);
    json_add_int(submitter, "opened_at", now_ms);
    submitter_touch(sim, submitter, now_ms);
    submission_event(sim, submission, json_int(submitter, "id", 0), "view_form", NULL);
    hook_fire(sim, "form.viewed", submission, submitter);
}

void
act_start(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    if (json_int(submitter, "started_at", 0) > 0)
        return;
    json_add_int(submitter, "started_at", sim_stamp_ms(sim));
    store_touch(sim_store(sim), "submitters", json_int(submitter, "id", 0));
    submission_event(sim, submission, json_int(submitter, "id", 0), "start_form", NULL);
    hook_fire(sim, "form.started", submission, submitter);
}

static struct json_object *
signed_value(struct json_object *submitter, const char *type, int64_t now_ms)
{
    char text[TIME_TEXT_BYTES];
    if (strcmp(type, "signature") == 0 || strcmp(type, "initials") == 0) {
        struct json_object *value = json_object_new_object();
        snprintf(text, sizeof text, "sig-%lld",
                 (long long)json_int(submitter, "id", 0));
        json_add_str(value, "file", text);
        return value;
    }
    if (strcmp(type, "checkbox") == 0)
        return json_object_new_boolean(true);
    if (strcmp(type, "date") != 0)
        return NULL;
    time_format(now_ms, text);
    return json_object_new_string_len(text, 10);
}

// Fills what a person fills by signing.
static void
fill_values(struct sim *sim, struct json_object *submitter, int64_t now_ms)
{
    struct json_object *template =
        template_get(sim, json_int(submission_of(sim, submitter), "template_id", 0));
    struct json_object *fields = json_at(template, "fields");
    struct json_object *filled = json_object_new_object();
    for (size_t i = 0; i < json_object_array_length(fields); i++) {
        struct json_object *field = json_object_array_get_idx(fields, i);
        const char *type = json_str(field, "type");
        if (type != NULL)
            json_add(filled, json_str(field, "name"),
                     signed_value(submitter, type, now_ms));
    }
    struct json_object *wish = json_object_new_object();
    json_add(wish, "values", filled);
    json_add(submitter, "values",
             values_merge(template, json_str(submitter, "role"),
                          json_at(submitter, "values"), wish));
    json_object_put(wish);
}

static void
mail_copies(struct sim *sim, struct json_object *submission)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (json_flag(submitter, "send_email", true) && json_str(submitter, "email"))
            send_mail(sim, submitter, "completed");
    }
}

// The two webhooks of the last signer are queued together; nobody knows which is first.
static void
fire_completed(struct sim *sim, struct json_object *submission,
               struct json_object *submitter)
{
    bool all = submission_completed_at(sim, submission) > 0;
    bool form_first = !all || sim_random(sim, 2) == 0;
    if (form_first)
        hook_fire(sim, "form.completed", submission, submitter);
    if (all)
        hook_fire(sim, "submission.completed", submission, NULL);
    if (!form_first)
        hook_fire(sim, "form.completed", submission, submitter);
}

void
act_complete(struct sim *sim, struct json_object *submitter, bool by_api)
{
    struct json_object *submission = submission_of(sim, submitter);
    int64_t id = json_int(submitter, "id", 0);
    int64_t now_ms = sim_stamp_ms(sim);
    fill_values(sim, submitter, now_ms);
    json_add_int(submitter, "completed_at", now_ms);
    if (!by_api) {
        json_add_str(submitter, "ip", "127.0.0.1");
        json_add_str(
            submitter, "ua",
            "Mozilla/5.0 (X11; Linux x86_64; rv:139.0) Gecko/20100101 Firefox/139.0");
    }
    submitter_touch(sim, submitter, now_ms);
    submission_event(sim, submission, id,
                     by_api ? "api_complete_form" : "complete_form", NULL);
    submission_touch(sim, submission, now_ms);
    if (submission_completed_at(sim, submission) > 0)
        mail_copies(sim, submission);
    else
        invite_next(sim, submission, false);
    fire_completed(sim, submission, submitter);
}

void
act_decline(struct sim *sim, struct json_object *submitter, const char *reason)
{
    struct json_object *submission = submission_of(sim, submitter);
    struct json_object *data = json_object_new_object();
    int64_t now_ms = sim_stamp_ms(sim);
    json_add_int(submitter, "declined_at", now_ms);
    json_add_str(submitter, "decline_reason", reason);
    submitter_touch(sim, submitter, now_ms);
    json_add_str(data, "reason", reason);
    submission_event(sim, submission, json_int(submitter, "id", 0), "decline_form",
                     data);
    hook_fire(sim, "form.declined", submission, submitter);
}

void
act_archive(struct sim *sim, struct json_object *submission)
{
    int64_t now_ms = sim_stamp_ms(sim);
    json_add_int(submission, "archived_at", now_ms);
    submission_touch(sim, submission, now_ms);
    hook_fire(sim, "submission.archived", submission, NULL);
}

bool
act_expire(struct sim *sim, struct json_object *submission)
{
    if (json_int(submission, "archived_at", 0) > 0
        || strcmp(submission_status(sim, submission), "expired") != 0)
        return false;
    hook_fire(sim, "submission.expired", submission, NULL);
    return true;
}

static void
run_job(struct sim *sim, struct json_object *job)
{
    struct json_object *submission =
        submission_row(sim, json_int(job, "submission_id", 0));
    if (submission == NULL)
        return;
    if (strcmp(json_str(job, "kind"), "mail") == 0)
        run_mail_job(sim, submitter_row(sim, json_int(job, "submitter_id", 0)));
    // Another expire_at than the job was made for has a job of its own.
    else if (json_int(submission, "expire_at", 0) == json_int(job, "due_ms", 0))
        act_expire(sim, submission);
}

int64_t
act_on_time(struct sim *sim, int64_t now_ms)
{
    int64_t next_ms = -1;
    struct store_cursor cursor;
    struct json_object *job = store_oldest(sim_store(sim), "jobs", &cursor);
    while (job != NULL) {
        int64_t due_ms = json_int(job, "due_ms", 0);
        int64_t id = json_int(job, "id", 0);
        if (due_ms <= now_ms)
            run_job(sim, job);
        else if (next_ms < 0 || due_ms < next_ms)
            next_ms = due_ms;
        job = store_newer(&cursor);
        if (due_ms <= now_ms)
            store_remove(sim_store(sim), "jobs", id);
    }
    return next_ms;
}
