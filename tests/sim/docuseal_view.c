#include <stdio.h>
#include <string.h>

#include "docuseal.h"
#include "harness_json.h"

static void
copy(struct json_object *view, struct json_object *row, const char *key)
{
    json_share(view, key, json_at(row, key));
}

static void
copy_time(struct json_object *view, struct json_object *row, const char *key)
{
    json_add_time(view, key, json_int(row, key, 0));
}

// Values as {field, value}; a drawn signature is shown as the link to its picture.
static struct json_object *
view_values(struct sim *sim, struct json_object *submitter)
{
    struct json_object *values = json_at(submitter, "values");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(values); i++) {
        struct json_object *pair = json_clone(json_object_array_get_idx(values, i));
        const char *file = json_str(json_at(pair, "value"), "file");
        if (file != NULL) {
            char name[300];
            char url[URL_BYTES];
            snprintf(name, sizeof name, "signature-%s.png", json_str(pair, "field"));
            file_url(sim, file, name, url);
            json_add_str(pair, "value", url);
        }
        json_object_array_add(list, pair);
    }
    return list;
}

static struct json_object *
view_events(struct json_object *submission, int64_t submitter_id)
{
    struct json_object *events = json_at(submission, "events");
    struct json_object *list = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(events); i++) {
        struct json_object *event = json_object_array_get_idx(events, i);
        if (submitter_id != 0 && json_int(event, "submitter_id", 0) != submitter_id)
            continue;
        struct json_object *view = json_object_new_object();
        copy(view, event, "id");
        copy(view, event, "submitter_id");
        copy(view, event, "event_type");
        json_add_time(view, "event_timestamp", json_int(event, "at", 0));
        copy(view, event, "data");
        json_object_array_add(list, view);
    }
    return list;
}

static struct json_object *
template_of(struct sim *sim, struct json_object *submission)
{
    return template_get(sim, json_int(submission, "template_id", 0));
}

static void
add_times(struct json_object *view, struct json_object *submitter)
{
    copy_time(view, submitter, "sent_at");
    copy_time(view, submitter, "opened_at");
    copy_time(view, submitter, "completed_at");
    copy_time(view, submitter, "declined_at");
    copy_time(view, submitter, "created_at");
    copy_time(view, submitter, "updated_at");
}

static void
add_embed(struct sim *sim, struct json_object *view, struct json_object *submitter)
{
    char url[URL_BYTES];
    snprintf(url, sizeof url, "%s/s/%s", sim_public_url(sim),
             json_str(submitter, "slug"));
    json_add_str(view, "embed_src", url);
}

struct json_object *
view_submitter(struct sim *sim, struct json_object *submitter,
               enum submitter_shape shape)
{
    struct json_object *submission = submission_of(sim, submitter);
    struct json_object *view = json_object_new_object();
    copy(view, submitter, "id");
    copy(view, submitter, "submission_id");
    copy(view, submitter, "uuid");
    copy(view, submitter, "email");
    copy(view, submitter, "slug");
    add_times(view, submitter);
    copy(view, submitter, "name");
    copy(view, submitter, "phone");
    copy(view, submitter, "external_id");
    copy(view, submitter, "metadata");
    json_add_str(view, "status", submitter_status(submitter));
    json_add_str(view, "application_key", json_str(submitter, "external_id"));
    if (shape == SUBMITTER_LISTED)
        json_add(view, "template", view_template(template_of(sim, submission), false));
    if (shape != SUBMITTER_IN_LIST)
        json_add(view, "values", view_values(sim, submitter));
    if (shape != SUBMITTER_IN_LIST && shape != SUBMITTER_CREATED)
        json_add(view, "documents", file_list(sim, submitter));
    copy(view, submitter, "preferences");
    if (shape == SUBMITTER_LISTED)
        json_add(view, "submission_events",
                 view_events(submission, json_int(submitter, "id", 0)));
    copy(view, submitter, "role");
    if (shape == SUBMITTER_CREATED || shape == SUBMITTER_UPDATED)
        add_embed(sim, view, submitter);
    return view;
}

static struct json_object *
view_user(int64_t account)
{
    struct json_object *user = json_object_new_object();
    json_add_int(user, "id", 2 + account);
    json_add_str(user, "email", "api@docuseal.example");
    json_add_str(user, "first_name", "API");
    json_add_str(user, "last_name", "Relais");
    return user;
}

void
view_add_combined(struct sim *sim, struct json_object *view,
                  struct json_object *submission)
{
    char id[64];
    char url[URL_BYTES];
    if (submission_completed_at(sim, submission) == 0)
        return;
    snprintf(id, sizeof id, "combined-%lld", (long long)json_int(submission, "id", 0));
    file_url(sim, id, "Combined.pdf", url);
    json_add_str(view, "combined_document_url", url);
}

// The audit log and, if the setting is on, the combined document; null until completed.
static void
add_links(struct sim *sim, struct json_object *view, struct json_object *submission)
{
    char id[64];
    char url[URL_BYTES];
    json_add_null(view, "audit_log_url");
    json_add_null(view, "combined_document_url");
    if (submission_completed_at(sim, submission) == 0)
        return;
    long long number = json_int(submission, "id", 0);
    snprintf(id, sizeof id, "audit-%lld", number);
    file_url(sim, id, "Audit Log.pdf", url);
    json_add_str(view, "audit_log_url", url);
    if (sim_setting_flag(sim, "combined_document"))
        view_add_combined(sim, view, submission);
}

static struct json_object *
signed_documents(struct sim *sim, struct json_object *submission)
{
    if (submission_completed_at(sim, submission) == 0)
        return json_object_new_array();
    return file_list(sim, submission_last_signer(sim, submission));
}

static struct json_object *
view_signers(struct sim *sim, struct json_object *submission,
             enum submitter_shape shape)
{
    struct json_object *list = json_object_new_array();
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL; i++)
        json_object_array_add(list, view_submitter(sim, submitter, shape));
    return list;
}

static struct json_object *
view_any(struct sim *sim, struct json_object *submission, bool row)
{
    struct json_object *view = json_object_new_object();
    copy(view, submission, "id");
    copy(view, submission, "name");
    copy(view, submission, "slug");
    copy(view, submission, "source");
    json_add_str(view, "submitters_order", json_str(submission, "order"));
    copy_time(view, submission, "expire_at");
    copy_time(view, submission, "created_at");
    copy_time(view, submission, "updated_at");
    copy_time(view, submission, "archived_at");
    json_add(view, "template", view_template(template_of(sim, submission), true));
    json_add(view, "created_by_user", view_user(json_int(submission, "account", 1)));
    copy(view, submission, "variables");
    if (!row) {
        json_add(view, "submission_events", view_events(submission, 0));
        json_add(view, "documents", signed_documents(sim, submission));
    }
    add_links(sim, view, submission);
    json_add_str(view, "status", submission_status(sim, submission));
    json_add_time(view, "completed_at", submission_completed_at(sim, submission));
    json_add(view, "submitters",
             view_signers(sim, submission, row ? SUBMITTER_IN_LIST : SUBMITTER_NESTED));
    return view;
}

struct json_object *
view_submission(struct sim *sim, struct json_object *submission)
{
    return view_any(sim, submission, false);
}

struct json_object *
view_submission_row(struct sim *sim, struct json_object *submission)
{
    return view_any(sim, submission, true);
}

static void
submission_page(struct sim *sim, struct json_object *submission, char out[URL_BYTES])
{
    snprintf(out, URL_BYTES, "%s/e/%s", sim_public_url(sim),
             json_str(submission, "slug"));
}

static struct json_object *
view_form_submission(struct sim *sim, struct json_object *submission)
{
    struct json_object *view = json_object_new_object();
    char url[URL_BYTES];
    submission_page(sim, submission, url);
    copy(view, submission, "id");
    add_links(sim, view, submission);
    json_add_str(view, "status", submission_status(sim, submission));
    json_add_str(view, "url", url);
    copy(view, submission, "variables");
    copy_time(view, submission, "created_at");
    return view;
}

static void
add_form_person(struct json_object *view, struct json_object *submitter)
{
    copy(view, submitter, "id");
    copy(view, submitter, "email");
    copy(view, submitter, "ip");
    copy_time(view, submitter, "sent_at");
    copy_time(view, submitter, "opened_at");
    copy_time(view, submitter, "completed_at");
    copy_time(view, submitter, "created_at");
    copy_time(view, submitter, "updated_at");
    copy(view, submitter, "name");
    copy(view, submitter, "phone");
    copy(view, submitter, "external_id");
    copy(view, submitter, "submission_id");
    copy(view, submitter, "metadata");
    copy(view, submitter, "ua");
    copy_time(view, submitter, "declined_at");
    json_add_str(view, "status", submitter_status(submitter));
    json_add_str(view, "application_key", json_str(submitter, "external_id"));
    copy(view, submitter, "decline_reason");
    copy(view, submitter, "role");
    copy(view, submitter, "preferences");
}

struct json_object *
view_form(struct sim *sim, struct json_object *submitter)
{
    struct json_object *submission = submission_of(sim, submitter);
    struct json_object *short_view = view_form_submission(sim, submission);
    struct json_object *view = json_object_new_object();
    char url[URL_BYTES];
    add_form_person(view, submitter);
    json_add(view, "values", view_values(sim, submitter));
    json_add(view, "documents", file_list(sim, submitter));
    copy(view, short_view, "audit_log_url");
    submission_page(sim, submission, url);
    json_add_str(view, "submission_url", url);
    json_add(view, "template", view_template(template_of(sim, submission), true));
    json_add(view, "submission", short_view);
    return view;
}
