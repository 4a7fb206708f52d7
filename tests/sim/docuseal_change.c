// PUT and DELETE.
#include <stdio.h>
#include <string.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

static void
destroy(struct sim *sim, struct json_object *submission)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL; i++)
        store_remove(sim_store(sim), "submitters", json_int(submitter, "id", 0));
    store_remove(sim_store(sim), "submissions", json_int(submission, "id", 0));
}

// Repeatable: every call archives anew and tells so again.
void
submission_archive(struct call *call)
{
    struct json_object *submission = docuseal_submission(call);
    const char *permanently = call_query(call, "permanently");
    if (submission == NULL)
        return;
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "id", call->ids[0]);
    if (permanently != NULL && strcmp(permanently, "true") == 0) {
        json_add_null(reply, "archived_at");
        hook_fire(call->sim, "submission.archived", submission, NULL);
        destroy(call->sim, submission);
    } else {
        act_archive(call->sim, submission);
        json_add_time(reply, "archived_at", json_int(submission, "archived_at", 0));
    }
    call_answer(call, 200, reply);
}

static bool
change_expiry(struct call *call, struct json_object *submission)
{
    int64_t expire_ms = 0;
    const char *text = json_str(call->body, "expire_at");
    if (!json_has(call->body, "expire_at"))
        return true;
    if (text != NULL && !time_parse(text, &expire_ms)) {
        docuseal_error(call, 422, "expire_at is invalid");
        return false;
    }
    json_add_int(submission, "expire_at", expire_ms);
    act_schedule_expiry(call->sim, submission);
    return true;
}

void
submission_update(struct call *call)
{
    struct json_object *submission = docuseal_submission(call);
    if (submission == NULL || !change_expiry(call, submission))
        return;
    if (json_has(call->body, "name"))
        json_add_str(submission, "name", json_str(call->body, "name"));
    submission_touch(call->sim, submission, sim_stamp_ms(call->sim));
    if (json_has(call->body, "archived")) {
        if (json_flag(call->body, "archived", false))
            act_archive(call->sim, submission);
        else
            json_add_int(submission, "archived_at", 0);
    }
    call_answer(call, 200, view_submission(call->sim, submission));
}

static bool
may_change(struct call *call, struct json_object *submitter)
{
    if (json_int(submitter, "completed_at", 0) > 0) {
        docuseal_error(call, 422, "Submitter has already completed the submission.");
        return false;
    }
    if (json_int(submitter, "declined_at", 0) > 0) {
        docuseal_error(call, 422, "Submitter has already declined the submission.");
        return false;
    }
    return true;
}

static void
change_texts(struct json_object *submitter, struct json_object *body)
{
    static const char *const keys[] = {"name", "phone", "external_id", NULL};
    for (const char *const *key = keys; *key != NULL; key++) {
        if (json_has(body, *key))
            json_add_str(submitter, *key, json_str(body, *key));
    }
    if (json_has(body, "application_key"))
        json_add_str(submitter, "external_id", json_str(body, "application_key"));
    if (json_is_object(body, "metadata"))
        json_add(submitter, "metadata", json_clone(json_at(body, "metadata")));
    const char *email = json_str(body, "email");
    if (email != NULL) {
        char mended[256];
        snprintf(mended, sizeof mended - 2, "%s", email);
        validate_mend_email(mended);
        json_add_str(submitter, "email", mended);
    }
}

static void
change_preferences(struct json_object *submitter, struct json_object *body)
{
    struct json_object *preferences = json_at(submitter, "preferences");
    const char *redirect = json_str(body, "completed_redirect_url");
    if (json_has(body, "send_email"))
        json_add_bool(preferences, "send_email", json_flag(body, "send_email", true));
    if (redirect != NULL)
        json_add_str(preferences, "completed_redirect_url", redirect);
    if (json_at(body, "message") != NULL) {
        char uuid[37];
        crypto_uuid(json_object_to_json_string(json_at(body, "message")), uuid);
        json_add_str(preferences, "email_message_uuid", uuid);
    }
}

static bool
check_change(struct call *call, struct json_object *template, const char *role)
{
    return validate_submitter(call, call->body, "submitter")
           && validate_message(call, json_at(call->body, "message"))
           && values_check(call, template, role, call->body);
}

void
submitter_update(struct call *call)
{
    struct json_object *submitter = docuseal_submitter(call);
    if (submitter == NULL || !may_change(call, submitter))
        return;
    struct sim *sim = call->sim;
    struct json_object *body = call->body;
    const char *role = json_str(submitter, "role");
    struct json_object *template =
        template_get(sim, json_int(submission_of(sim, submitter), "template_id", 0));
    if (!check_change(call, template, role))
        return;
    change_texts(submitter, body);
    change_preferences(submitter, body);
    json_add(submitter, "values",
             values_merge(template, role, json_at(submitter, "values"), body));
    submitter_touch(sim, submitter, sim_stamp_ms(sim));
    if (json_flag(body, "completed", false))
        act_complete(sim, submitter, true);
    else if (json_flag(body, "send_email", false)
             && json_str(submitter, "email") != NULL)
        act_invite(sim, submitter, call->mail_lost);
    call_answer(call, 200, view_submitter(sim, submitter, SUBMITTER_UPDATED));
}
