// E-mails: what is sent, what is opened, and what becomes known of it.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum { FIRST_MAIL = 501 };

static struct json_object *
view_utm(void)
{
    static const char *const keys[] = {"utmSource", "utmMedium", "utmCampaign",
                                       "utmContent"};
    struct json_object *view = json_object_new_object();
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        json_add_null(view, keys[i]);
    return view;
}

static void
add_nulls(struct json_object *view, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        json_add_null(view, *keys);
}

static void
add_empty(struct json_object *view, const char *const *keys)
{
    for (; *keys != NULL; keys++)
        json_add(view, *keys, json_object_new_array());
}

static const char *
html_of(struct json_object *email)
{
    const char *html = json_str(email, "html");
    return html == NULL ? "<html><body>Bonjour {contactfield=firstname}</body></html>"
                        : html;
}

static struct json_object *
view_email(struct json_object *email, bool details)
{
    static const char *const senders[] = {"fromAddress",      "fromName",
                                          "replyToAddress",   "bccAddress",
                                          "useOwnerAsMailer", NULL};
    static const char *const times[] = {"publishUp", "publishDown", NULL};
    static const char *const lists[] = {"dynamicContent", "lists", "headers", NULL};
    struct json_object *view = json_object_new_object();
    json_share(view, "id", json_at(email, "id"));
    json_share(view, "name", json_at(email, "name"));
    json_share(view, "subject", json_at(email, "subject"));
    json_add_str(view, "language", "fr");
    json_add_null(view, "category");
    add_nulls(view, senders);
    json_add(view, "utmTags", view_utm());
    json_add_null(view, "preheaderText");
    if (details) {
        json_add_str(view, "customHtml", html_of(email));
        json_add_null(view, "plainText");
    }
    json_add_str(view, "template", "blank");
    json_add_str(view, "emailType", "template");
    add_nulls(view, times);
    json_add_bool(view, "publicPreview", false);
    json_add_int(view, "readCount", json_int(email, "read", 0));
    json_add_int(view, "sentCount", json_int(email, "sent", 0));
    json_add_int(view, "revision", 1);
    json_add(view, "assetAttachments", json_object_new_array());
    json_add_null(view, "variantStartDate");
    json_add_int(view, "variantSentCount", 0);
    json_add_int(view, "variantReadCount", 0);
    json_add_null(view, "variantParent");
    json_add(view, "variantChildren", json_object_new_array());
    json_add_null(view, "translationParent");
    json_add(view, "translationChildren", json_object_new_array());
    json_add_null(view, "unsubscribeForm");
    add_empty(view, lists);
    return view;
}

void
email_index(struct call *call)
{
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_oldest(sim_store(call->sim), "emails", &cursor);
    for (; row != NULL; row = store_newer(&cursor))
        json_object_array_add(rows, view_email(row, true));
    mautic_answer_list(call, "emails", rows, false);
}

static struct json_object *
named_email(struct call *call)
{
    struct json_object *email = store_get(sim_store(call->sim), "emails", call->ids[0]);
    if (email == NULL)
        mautic_not_found(call);
    return email;
}

void
email_show(struct call *call)
{
    struct json_object *email = named_email(call);
    if (email != NULL)
        mautic_answer(call, 200, "email", view_email(email, true));
}

static struct json_object *
put_mail(struct sim *sim, struct json_object *contact, int64_t email,
         const char *source, int64_t source_id)
{
    int64_t id = store_next_id(sim_store(sim), "mails", FIRST_MAIL);
    char seed[60];
    char hash[15] = "";
    snprintf(seed, sizeof seed, "mail %" PRId64, id);
    crypto_hex(seed, hash, sizeof hash);
    struct json_object *mail = json_object_new_object();
    json_add_int(mail, "id", id);
    json_add_int(mail, "email", email);
    json_share(mail, "contact", json_at(contact, "id"));
    json_add_str(mail, "address", contact_text(contact, "email"));
    json_add_int(mail, "sent_ms", sim_now_ms(sim));
    json_add_str(mail, "hash", hash);
    json_add_str(mail, "source", source);
    json_add_int(mail, "source_id", source_id);
    json_add_int(mail, "opens", 0);
    store_put(sim_store(sim), "mails", id, mail);
    return mail;
}

// Contacts are flat here, and their id is text.
static struct json_object *
flat_contact(struct json_object *contact)
{
    static const char *const aliases[] = {"email",   "firstname", "lastname",
                                          "company", "phone",     NULL};
    struct json_object *view = json_object_new_object();
    for (const char *const *alias = aliases; *alias != NULL; alias++)
        json_share(view, *alias, json_at(json_at(contact, "values"), *alias));
    json_add_digits(view, "id", json_int(contact, "id", 0));
    json_add_digits(view, "owner_id", json_int(contact, "owner", 0));
    return view;
}

static void
fire_send(struct sim *sim, struct json_object *contact, struct json_object *email,
          struct json_object *mail)
{
    bool details = sim_setting_flag(sim, "webhook_email_details");
    const char *name = contact_text(contact, "firstname");
    struct json_object *source = json_object_new_array();
    json_push_str(source, json_str(mail, "source"));
    json_object_array_add(source, json_object_get(json_at(mail, "source_id")));
    struct json_object *item = json_object_new_object();
    json_add(item, "email", view_email(email, details));
    json_add(item, "contact", flat_contact(contact));
    json_add_null(item, "contentHash");
    json_share(item, "idHash", json_at(mail, "hash"));
    json_share(item, "subject", json_at(email, "subject"));
    json_add(item, "source", source);
    json_add(item, "headers", json_object_new_array());
    if (details) {
        struct json_object *tokens = json_object_new_object();
        json_add_str(tokens, "{contactfield=firstname}", name == NULL ? "" : name);
        json_add_str(item, "content", html_of(email));
        json_add(item, "tokens", tokens);
    }
    event_fire(sim, "mautic.email_on_send", json_int(contact, "id", 0), item);
}

const char *
mail_send(struct sim *sim, struct json_object *contact, int64_t id, const char *source,
          int64_t source_id)
{
    struct json_object *email = store_get(sim_store(sim), "emails", id);
    const char *problem = sim_setting(sim, "smtp_error");
    if (email == NULL || contact_text(contact, "email") == NULL)
        return "";
    struct json_object *mail = put_mail(sim, contact, id, source, source_id);
    json_add_bool(mail, "failed", *problem != '\0');
    if (*problem != '\0')
        return problem;
    json_add_int(email, "sent", json_int(email, "sent", 0) + 1);
    store_touch(sim_store(sim), "emails", id);
    fire_send(sim, contact, email, mail);
    return NULL;
}

static void
answer_sent(struct call *call, bool sent, struct json_object *failed)
{
    struct json_object *reply = json_object_new_object();
    json_add_bool(reply, "success", sent);
    if (!sent)
        json_add(reply, "failed", failed);
    call_answer(call, 200, reply);
}

void
email_send(struct call *call)
{
    struct json_object *email = named_email(call);
    struct json_object *contact = email == NULL ? NULL : contact_named(call, 1);
    if (contact == NULL)
        return;
    // Up to 7.1 it goes to everybody.
    bool refused = mautic_since(call->sim, 7, 2) && dnc_has(contact, "email")
                   && !json_flag(email, "to_dnc", false);
    if (refused) {
        answer_sent(call, false, json_object_new_array());
        return;
    }
    const char *problem =
        call->mail_lost ? NULL : mail_send(call->sim, contact, call->ids[0], "api", 0);
    if (problem == NULL) {
        answer_sent(call, true, NULL);
        return;
    }
    char text[400];
    snprintf(text, sizeof text, "Could not send: %.300s", problem);
    answer_sent(call, false,
                *problem == '\0' ? json_object_new_array()
                                 : json_object_new_string(text));
}

static struct json_object *
view_stat(struct sim *sim, struct json_object *mail)
{
    bool details = sim_setting_flag(sim, "webhook_email_details");
    struct json_object *contact = contact_get(sim, json_int(mail, "contact", 0));
    struct json_object *email =
        store_get(sim_store(sim), "emails", json_int(mail, "email", 0));
    struct json_object *stat = json_object_new_object();
    json_share(stat, "id", json_at(mail, "id"));
    json_share(stat, "emailAddress", json_at(mail, "address"));
    json_add(stat, "ipAddress", json_object_new_array());
    json_add_atom(stat, "dateSent", json_int(mail, "sent_ms", 0));
    json_add_bool(stat, "isRead", true);
    json_add_bool(stat, "isFailed", false);
    json_add_atom(stat, "dateRead", json_int(mail, "read_ms", 0));
    json_add_int(stat, "retryCount", 0);
    json_share(stat, "source", json_at(mail, "source"));
    json_share(stat, "openCount", json_at(mail, "opens"));
    json_add_atom(stat, "lastOpened", json_int(mail, "last_ms", 0));
    json_share(stat, "sourceId", json_at(mail, "source_id"));
    json_share(stat, "trackingHash", json_at(mail, "hash"));
    json_add_bool(stat, "viewedInBrowser", false);
    json_add(stat, "lead", contact == NULL ? NULL : contact_view_lead(sim, contact, 0));
    json_add(stat, "email", view_email(email, details));
    return stat;
}

void
mail_open(struct sim *sim, struct json_object *mail)
{
    int64_t now_ms = sim_now_ms(sim);
    int64_t opens = json_int(mail, "opens", 0);
    int64_t id = json_int(mail, "email", 0);
    struct json_object *email = store_get(sim_store(sim), "emails", id);
    if (opens == 0) {
        json_add_int(mail, "read_ms", now_ms);
        json_add_int(email, "read", json_int(email, "read", 0) + 1);
        store_touch(sim_store(sim), "emails", id);
    }
    json_add_int(mail, "opens", opens + 1);
    json_add_int(mail, "last_ms", now_ms);
    store_touch(sim_store(sim), "mails", json_int(mail, "id", 0));
    struct json_object *item = json_object_new_object();
    json_add(item, "stat", view_stat(sim, mail));
    event_fire(sim, "mautic.email_on_open", json_int(mail, "contact", 0), item);
}
