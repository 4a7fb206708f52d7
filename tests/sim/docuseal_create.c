#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

enum { EMAIL_BYTES = 256 };

static void
add_email(struct json_object *row, const char *email)
{
    char mended[EMAIL_BYTES];
    if (email == NULL || *email == '\0') {
        json_add_null(row, "email");
        return;
    }
    snprintf(mended, sizeof mended - 2, "%s", email);
    validate_mend_email(mended);
    json_add_str(row, "email", mended);
}

static bool
wants_mail(struct json_object *wish, struct json_object *submitter)
{
    return json_flag(submitter, "send_email", json_flag(wish, "send_email", true));
}

static struct json_object *
make_preferences(struct json_object *wish, struct json_object *submitter, size_t i)
{
    struct json_object *preferences = json_object_new_object();
    const char *redirect = json_str(submitter, "completed_redirect_url");
    json_add_bool(preferences, "send_email", wants_mail(wish, submitter));
    json_add_bool(preferences, "send_sms",
                  json_flag(submitter, "send_sms", json_flag(wish, "send_sms", false)));
    // The submission's own redirect is shown with the first signer only.
    if (redirect == NULL && i == 0)
        redirect = json_str(wish, "completed_redirect_url");
    if (redirect != NULL)
        json_add_str(preferences, "completed_redirect_url", redirect);
    struct json_object *message = json_at(submitter, "message");
    if (message == NULL)
        message = json_at(wish, "message");
    if (message != NULL) {
        char uuid[37];
        crypto_uuid(json_object_to_json_string(message), uuid);
        json_add_str(preferences, "email_message_uuid", uuid);
    }
    return preferences;
}

static const char *
external_id_of(struct json_object *wish)
{
    const char *id = json_str(wish, "external_id");
    return id == NULL ? json_str(wish, "application_key") : id;
}

static void
add_slug(struct sim *sim, struct json_object *row, const char *noun, int64_t id)
{
    char text[120];
    char slug[15];
    snprintf(text, sizeof text, "%s %lld %.40s", noun, (long long)id,
             sim_setting(sim, "seed"));
    crypto_slug(text, slug);
    json_add_str(row, "slug", slug);
}

static void
add_role(struct json_object *row, struct json_object *template, int role)
{
    char uuid[37];
    template_role_uuid(template, role, uuid);
    json_add_str(row, "uuid", uuid);
    json_add_str(row, "role", template_role_name(template, role));
}

static struct json_object *
make_submitter(struct sim *sim, struct json_object *submission,
               struct json_object *wish, size_t i)
{
    struct json_object *given =
        json_object_array_get_idx(json_at(wish, "submitters"), i);
    struct json_object *template =
        template_get(sim, json_int(submission, "template_id", 0));
    struct json_object *metadata = json_at(given, "metadata");
    struct json_object *row = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "submitters", 8841);
    int role = validate_role(template, given, i);
    json_add_int(row, "id", id);
    json_share(row, "submission_id", json_at(submission, "id"));
    add_role(row, template, role);
    add_slug(sim, row, "submitter", id);
    add_email(row, json_str(given, "email"));
    json_add_str(row, "name", json_str(given, "name"));
    json_add_str(row, "phone", json_str(given, "phone"));
    json_add_str(row, "external_id", external_id_of(given));
    json_add(row, "metadata",
             metadata == NULL ? json_object_new_object() : json_clone(metadata));
    json_add(row, "values",
             values_merge(template, template_role_name(template, role), NULL, given));
    json_add(row, "preferences", make_preferences(wish, given, i));
    json_add_bool(row, "send_email", wants_mail(wish, given));
    json_add_int(row, "order", json_int(given, "order", (int64_t)i));
    json_share(row, "created_at", json_at(submission, "created_at"));
    json_share(row, "updated_at", json_at(submission, "created_at"));
    store_put(sim_store(sim), "submitters", id, row);
    return row;
}

static struct json_object *
make_submission(struct call *call, struct json_object *wish, int64_t template_id)
{
    struct sim *sim = call->sim;
    struct json_object *row = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "submissions", 4107);
    int64_t now_ms = sim_stamp_ms(sim);
    int64_t expire_ms = 0;
    const char *order = json_str(wish, "order");
    const char *expire_at = json_str(wish, "expire_at");
    struct json_object *variables = json_at(wish, "variables");
    if (expire_at != NULL)
        time_parse(expire_at, &expire_ms);
    json_add_int(row, "id", id);
    json_add_int(row, "account", call->account);
    json_add_str(row, "name", json_str(wish, "name"));
    add_slug(sim, row, "submission", id);
    json_add_str(row, "source", "api");
    json_add_int(row, "template_id", template_id);
    json_add_str(row, "order",
                 order != NULL && strcmp(order, "random") == 0 ? "random"
                                                               : "preserved");
    json_add_int(row, "expire_at", expire_ms);
    json_add_int(row, "created_at", now_ms);
    json_add_int(row, "updated_at", now_ms);
    json_add(row, "variables",
             variables == NULL ? json_object_new_object() : json_clone(variables));
    json_add(row, "events", json_object_new_array());
    json_add(row, "submitters", json_object_new_array());
    store_put(sim_store(sim), "submissions", id, row);
    return row;
}

static struct json_object *
create_one(struct call *call, struct json_object *wish, int64_t template_id)
{
    struct json_object *row = make_submission(call, wish, template_id);
    struct json_object *list = json_at(wish, "submitters");
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *submitter = make_submitter(call->sim, row, wish, i);
        json_object_array_add(json_at(row, "submitters"),
                              json_object_get(json_at(submitter, "id")));
    }
    act_created(call, row);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        if (json_flag(json_object_array_get_idx(list, i), "completed", false))
            act_complete(call->sim, submission_signer(call->sim, row, i), true);
    }
    return row;
}

// The wishes in a body: `submissions` (several), `submission` (one), or the body
// itself.
static struct json_object *
wishes_of(struct json_object *body)
{
    if (json_is_array(body, "submissions"))
        return json_object_get(json_at(body, "submissions"));
    struct json_object *list = json_object_new_array();
    struct json_object *one =
        json_is_object(body, "submission") ? json_at(body, "submission") : body;
    json_object_array_add(list, json_object_get(one));
    return list;
}

static bool
check_expiry(struct call *call, struct json_object *wish)
{
    int64_t at_ms = 0;
    const char *text = json_str(wish, "expire_at");
    if (text == NULL || *text == '\0' || time_parse(text, &at_ms))
        return true;
    docuseal_error(call, 422, "expire_at is invalid");
    return false;
}

static bool
check_template(struct call *call, struct json_object *template)
{
    if (template == NULL) {
        docuseal_error(call, 422, "Template not found");
        return false;
    }
    if (json_flag(template, "archived", false)) {
        docuseal_error(call, 422, "Template has been archived");
        return false;
    }
    if (json_object_array_length(json_at(template, "fields")) == 0) {
        docuseal_error(call, 422, "Template does not contain fields");
        return false;
    }
    return true;
}

// Finds the template by the body's id: an unknown id is a 404, an absent one is not
// looked at until the rest of the body is found right.
static bool
find_template(struct call *call, struct json_object **template)
{
    int64_t id = json_int(call->body, "template_id", 0);
    *template = template_get(call->sim, id);
    if (*template == NULL && json_at(call->body, "template_id") != NULL) {
        docuseal_not_found(call);
        return false;
    }
    if (*template == NULL)
        return true;
    return docuseal_allowed(call, json_int(*template, "account", 0), "Template", id);
}

static bool
check_all(struct call *call, struct json_object *template, struct json_object *wishes)
{
    size_t count = json_object_array_length(wishes);
    for (size_t i = 0; i < count; i++) {
        struct json_object *wish = json_object_array_get_idx(wishes, i);
        if (!validate_submission(call, wish) || !check_expiry(call, wish))
            return false;
    }
    if (!check_template(call, template))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!validate_signers(call, template, json_object_array_get_idx(wishes, i)))
            return false;
    }
    return true;
}

// Makes all submissions of the wishes; NULL if the call was answered with an error.
static struct json_object *
create_all(struct call *call, struct json_object *wishes)
{
    struct json_object *template = NULL;
    if (!find_template(call, &template) || !check_all(call, template, wishes))
        return NULL;
    struct json_object *made = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(wishes); i++) {
        struct json_object *row = create_one(call, json_object_array_get_idx(wishes, i),
                                             json_int(template, "id", 0));
        json_object_array_add(made, json_object_get(row));
    }
    return made;
}

static void
push_signers(struct sim *sim, struct json_object *list, struct json_object *submission)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL; i++)
        json_object_array_add(list, view_submitter(sim, submitter, SUBMITTER_CREATED));
}

// The answer is the signers of everything that was made, and no submission at all.
static void
answer_signers(struct call *call, struct json_object *made)
{
    struct json_object *reply = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(made); i++)
        push_signers(call->sim, reply, json_object_array_get_idx(made, i));
    json_object_put(made);
    call_answer(call, 200, reply);
}

void
submission_create(struct call *call)
{
    struct json_object *wishes = wishes_of(call->body);
    struct json_object *made = create_all(call, wishes);
    json_object_put(wishes);
    if (made != NULL)
        answer_signers(call, made);
}

void
submission_init(struct call *call)
{
    struct json_object *wishes = wishes_of(call->body);
    struct json_object *made = create_all(call, wishes);
    json_object_put(wishes);
    if (made == NULL)
        return;
    struct json_object *row = json_object_array_get_idx(made, 0);
    struct json_object *signers = json_object_new_array();
    push_signers(call->sim, signers, row);
    struct json_object *reply = json_object_new_object();
    json_share(reply, "id", json_at(row, "id"));
    json_add(reply, "submitters", signers);
    json_add_time(reply, "expire_at", json_int(row, "expire_at", 0));
    json_add_time(reply, "created_at", json_int(row, "created_at", 0));
    json_object_put(made);
    call_answer(call, 200, reply);
}

// One wish with one signer per address, without any external id.
static struct json_object *
wishes_of_emails(struct json_object *body)
{
    struct json_object *wishes = json_object_new_array();
    const char *emails = json_str(body, "emails");
    char *copy = strdup(emails == NULL ? "" : emails);
    char *rest = NULL;
    if (copy == NULL)
        abort();
    for (char *email = strtok_r(copy, ", \n", &rest); email != NULL;
         email = strtok_r(NULL, ", \n", &rest)) {
        struct json_object *wish = json_clone(body);
        struct json_object *list = json_object_new_array();
        struct json_object *submitter = json_object_new_object();
        json_add_str(submitter, "email", email);
        json_object_array_add(list, submitter);
        json_add(wish, "submitters", list);
        json_object_array_add(wishes, wish);
    }
    free(copy);
    return wishes;
}

void
submission_emails(struct call *call)
{
    struct json_object *wishes = wishes_of_emails(call->body);
    struct json_object *made = NULL;
    if (json_object_array_length(wishes) == 0)
        docuseal_error(call, 422, "emails are required");
    else
        made = create_all(call, wishes);
    json_object_put(wishes);
    if (made != NULL)
        answer_signers(call, made);
}

void
submission_pro_only(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "status", 404);
    json_add_str(
        reply, "message",
        "This feature is available in Pro Edition: https://www.docuseal.com/pricing");
    call_answer(call, 404, reply);
}
