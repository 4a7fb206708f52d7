// What people do, in Mautic's pages and with its mails, as controls under /_sim. A
// contact is named by "contact", its id, or by "email" (the newest that has it).
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

static const struct actor admin = {2, "Claire Dubois"};
static const struct actor nobody = {0, NULL};

static void
refuse(struct call *call, int status, const char *problem)
{
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "error", problem);
    call_answer(call, status, reply);
}

static struct json_object *
by_email(struct sim *sim, const char *email)
{
    struct store_cursor cursor;
    struct json_object *contact = store_newest(sim_store(sim), "contacts", &cursor);
    for (; contact != NULL && email != NULL; contact = store_older(&cursor)) {
        const char *its = contact_text(contact, "email");
        if (its != NULL && text_equal(its, email))
            return contact;
    }
    return NULL;
}

static struct json_object *
contact_at(struct call *call, const char *key)
{
    struct json_object *contact = contact_get(call->sim, json_int(call->body, key, 0));
    if (contact == NULL && strcmp(key, "contact") == 0)
        contact = by_email(call->sim, json_str(call->body, "email"));
    if (contact == NULL) {
        char problem[120];
        snprintf(problem, sizeof problem,
                 "%s: no such contact, give the id or the email of one that exists",
                 key);
        refuse(call, 404, problem);
    }
    return contact;
}

static void
answer_contact(struct call *call, struct json_object *contact)
{
    call_answer(call, 200, contact_view(call->sim, contact, VIEW_ALL));
}

static void
answer_done(struct call *call, bool done)
{
    struct json_object *reply = json_object_new_object();
    json_add_bool(reply, "done", done);
    call_answer(call, 200, reply);
}

// POST /_sim/contact {fields...}: a person makes or edits a contact; "duplicate": true
// makes another of the same address, as a race does.
static void
contact(struct call *call)
{
    struct sim *sim = call->sim;
    bool twice = json_flag(call->body, "duplicate", false);
    struct json_object *row = contact_get(sim, json_int(call->body, "contact", 0));
    struct json_object *error = apply_check(sim, call->body);
    if (error != NULL) {
        mautic_answer_error(call, 422, error);
        return;
    }
    if (row == NULL && !twice)
        row = contact_match(sim, call->body);
    struct json_object *before = row == NULL ? NULL : json_clone(row);
    if (row == NULL)
        row = contact_create(sim, admin);
    apply_wish(sim, row, call->body, APPLY_PATCH);
    contact_saved(sim, row, before, admin);
    json_object_put(before);
    answer_contact(call, row);
}

static const char *
channel_of(struct call *call)
{
    const char *channel = json_str(call->body, "channel");
    return channel == NULL ? "email" : channel;
}

static void
put_dnc(struct call *call, int64_t reason, const char *comments)
{
    struct json_object *row = contact_at(call, "contact");
    if (row == NULL)
        return;
    dnc_put(call->sim, row, channel_of(call), reason, comments,
            json_int(call->body, "email_id", 0));
    answer_contact(call, row);
}

static void
unsubscribe(struct call *call)
{
    put_dnc(call, 1, "User unsubscribed.");
}

static void
bounce(struct call *call)
{
    put_dnc(call, 2, "Mailbox unavailable");
}

static void
resubscribe(struct call *call)
{
    struct json_object *row = contact_at(call, "contact");
    if (row == NULL)
        return;
    dnc_take(call->sim, row, channel_of(call));
    answer_contact(call, row);
}

static void
points(struct call *call)
{
    struct json_object *row = contact_at(call, "contact");
    if (row == NULL)
        return;
    struct json_object *before = json_clone(row);
    contact_add_points(call->sim, row, json_int(call->body, "delta", 0), "Point action",
                       "by a person");
    contact_saved(call->sim, row, before, nobody);
    json_object_put(before);
    answer_contact(call, row);
}

static void
merge(struct call *call)
{
    struct json_object *loser = contact_at(call, "loser");
    struct json_object *winner = loser == NULL ? NULL : contact_at(call, "winner");
    if (winner == NULL)
        return;
    if (winner == loser) {
        refuse(call, 422, "winner: is the loser, name another contact");
        return;
    }
    contact_merge(call->sim, loser, winner, admin);
    answer_contact(call, winner);
}

static void delete (struct call *call)
{
    struct json_object *row = contact_at(call, "contact");
    if (row == NULL)
        return;
    contact_delete(call->sim, row, 0);
    answer_done(call, true);
}

// The mail of this id, else the contact's newest, of "email_id" if that is given.
static struct json_object *
mail_at(struct call *call)
{
    struct store *store = sim_store(call->sim);
    struct json_object *mail =
        store_get(store, "mails", json_int(call->body, "mail", 0));
    if (mail != NULL)
        return mail;
    struct json_object *row = contact_at(call, "contact");
    int64_t email = json_int(call->body, "email_id", 0);
    struct store_cursor cursor;
    if (row == NULL)
        return NULL;
    for (mail = store_newest(store, "mails", &cursor); mail != NULL;
         mail = store_older(&cursor)) {
        if (json_int(mail, "contact", 0) == json_int(row, "id", 0)
            && (email == 0 || json_int(mail, "email", 0) == email))
            return mail;
    }
    refuse(call, 404, "mail: the contact got no such mail");
    return NULL;
}

static void
open_mail(struct call *call)
{
    struct json_object *mail = mail_at(call);
    if (mail == NULL)
        return;
    mail_open(call->sim, mail);
    call_answer(call, 200, json_object_get(mail));
}

static struct json_object *
view_form(struct json_object *body)
{
    struct json_object *form = json_object_new_object();
    json_add_int(form, "id", json_int(body, "form", 2));
    json_add_str(form, "name", "Demande de devis");
    json_add_str(form, "alias", "demandede");
    json_add_null(form, "category");
    return form;
}

static struct json_object *
view_ip(void)
{
    struct json_object *ip = json_object_new_object();
    json_add_str(ip, "ip", "203.0.113.9");
    json_add_int(ip, "id", 5);
    json_add_str(ip, "ipAddress", "203.0.113.9");
    json_add(ip, "ipDetails", json_object_new_array());
    return ip;
}

// POST /_sim/form {contact | email, results{}, form?}
static void
submit_form(struct call *call)
{
    struct sim *sim = call->sim;
    struct json_object *row = contact_at(call, "contact");
    struct json_object *results = json_clone(json_at(call->body, "results"));
    if (row == NULL) {
        json_object_put(results);
        return;
    }
    struct json_object *submission = json_object_new_object();
    json_add_int(submission, "id", store_next_id(sim_store(sim), "submissions", 71));
    json_add(submission, "ipAddress", view_ip());
    json_add(submission, "form", view_form(call->body));
    json_add(submission, "lead", contact_view_lead(sim, row, 0));
    json_add_str(submission, "trackingId", "w3k0zqv1");
    json_add_atom(submission, "dateSubmitted", sim_now_ms(sim));
    json_add_str(submission, "referer", "https://www.example.ch/devis");
    json_add_null(submission, "page");
    json_add(submission, "results",
             json_php_list(results == NULL ? json_object_new_object() : results));
    struct json_object *item = json_object_new_object();
    json_add(item, "submission", submission);
    event_fire(sim, "mautic.form_on_submit", json_int(row, "id", 0), item);
    answer_done(call, true);
}

// Tokens that were given out end now.
static void
expire_tokens(struct call *call)
{
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "tokens", &cursor);
    for (; row != NULL; row = store_newer(&cursor)) {
        json_add_int(row, "expires_ms", 0);
        store_touch(sim_store(call->sim), "tokens", json_int(row, "id", 0));
    }
    answer_done(call, true);
}

static void
run_cron(struct call *call)
{
    cron_run(call->sim);
    answer_done(call, true);
}

static void
process_webhooks(struct call *call)
{
    event_process(call->sim);
    answer_done(call, true);
}

static void
test_webhook(struct call *call)
{
    const char *type = json_str(call->body, "type");
    event_test(call->sim, type == NULL ? "mautic.email_on_open" : type);
    answer_done(call, true);
}

// POST /_sim/resend_webhook {webhook}: the same body once more, as a proxy may do.
static void
resend_webhook(struct call *call)
{
    if (hook_resend(call->sim, json_int(call->body, "webhook", 0)))
        answer_done(call, true);
    else
        refuse(call, 404, "webhook: no such delivery, see GET /_sim/webhooks");
}

// Changes the members that are given of a segment, campaign, field, e-mail or webhook.
static void
change_row(struct call *call, const char *collection)
{
    int64_t id = json_int(call->body, "id", 0);
    struct json_object *row = store_get(sim_store(call->sim), collection, id);
    if (row == NULL) {
        refuse(call, 404, "id: no such row, see GET /_sim/state");
        return;
    }
    json_object_object_foreach(call->body, key, value)
    {
        json_add(row, key, json_clone(value));
    }
    store_touch(sim_store(call->sim), collection, id);
    call_answer(call, 200, json_object_get(row));
}

static void
change_segment(struct call *call)
{
    change_row(call, "segments");
}

static void
change_campaign(struct call *call)
{
    change_row(call, "campaigns");
}

static void
change_field(struct call *call)
{
    change_row(call, "fields");
}

static void
change_email(struct call *call)
{
    change_row(call, "emails");
}

static void
change_hook(struct call *call)
{
    change_row(call, "webhooks");
}

const struct sim_route person_routes[] = {
    {"POST", "/contact", contact, true},
    {"POST", "/unsubscribe", unsubscribe, true},
    {"POST", "/bounce", bounce, true},
    {"POST", "/resubscribe", resubscribe, true},
    {"POST", "/points", points, true},
    {"POST", "/merge", merge, true},
    {"POST", "/delete", delete, true},
    {"POST", "/open", open_mail, true},
    {"POST", "/form", submit_form, true},
    {"POST", "/expire_tokens", expire_tokens, true},
    {"POST", "/cron", run_cron, true},
    {"POST", "/process_webhooks", process_webhooks, true},
    {"POST", "/test_webhook", test_webhook, true},
    {"POST", "/resend_webhook", resend_webhook, true},
    {"POST", "/segment", change_segment, true},
    {"POST", "/campaign", change_campaign, true},
    {"POST", "/field", change_field, true},
    {"POST", "/email", change_email, true},
    {"POST", "/hook", change_hook, true},
    {0},
};
