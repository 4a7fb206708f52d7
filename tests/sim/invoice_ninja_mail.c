// Mails are rows of the collection "mails"; nothing leaves the machine.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static const char *const templates[] = {
    "email_template_invoice",
    "email_template_quote",
    "email_template_credit",
    "email_template_payment",
    "email_template_payment_partial",
    "email_template_statement",
    "email_template_reminder1",
    "email_template_reminder2",
    "email_template_reminder3",
    "email_template_reminder_endless",
    "email_template_custom1",
    "email_template_custom2",
    "email_template_custom3",
    "email_template_purchase_order",
    NULL,
};

enum { CC_MOST = 4 };

static void
add_cc(struct json_object *mail, const char *cc)
{
    struct json_object *list = json_object_new_array();
    for (const char *p = cc == NULL ? "" : cc;
         *p != '\0' && json_object_array_length(list) < CC_MOST; p += strspn(p, ", ")) {
        size_t bytes = strcspn(p, ", ");
        json_object_array_add(list, json_object_new_string_len(p, (int)bytes));
        p += bytes;
    }
    json_add(mail, "cc", list);
}

static void
add_mail(struct sim *sim, struct json_object *row, const char *template,
         struct json_object *to, const char *cc)
{
    struct json_object *mail = json_object_new_object();
    int64_t id = store_next_id(sim_store(sim), "mails", 1);
    json_add_int(mail, "id", id);
    json_share(mail, "company", json_at(company_get(sim, row_company(row)), "code"));
    json_add_str(mail, "entity", entity_name(row_kind(row)));
    json_add_str(mail, "entity_id", row_text(row, "id"));
    json_add_str(mail, "number", row_text(row, "number"));
    json_add_str(mail, "template", template);
    json_add(mail, "to", to);
    add_cc(mail, cc);
    json_add_int(mail, "at", sim_now_ms(sim));
    store_put(sim_store(sim), "mails", id, mail);
}

// The addresses of those invited.
static struct json_object *
addresses(struct sim *sim, struct json_object *invoice)
{
    struct json_object *client = client_of(sim, invoice);
    struct json_object *list = json_at(row_view(invoice), "invitations");
    struct json_object *to = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *contact = client_contact(
            client, json_str(json_object_array_get_idx(list, i), "client_contact_id"));
        const char *email = json_str(contact, "email");
        if (email != NULL && *email != '\0')
            json_push_str(to, email);
    }
    return to;
}

static void
book_reminder(struct json_object *invoice, const char *template, const char *date)
{
    static const char *const reminders[] = {"reminder1", "reminder2", "reminder3"};
    for (int i = 0; i < 3; i++) {
        char key[24];
        snprintf(key, sizeof key, "%s_sent", reminders[i]);
        if (strstr(template, reminders[i]) == NULL)
            continue;
        row_set(invoice, key, date);
        row_set(invoice, "reminder_last_sent", date);
    }
}

void
mail_invoice(struct sim *sim, struct json_object *invoice, const char *template,
             const char *cc, bool mail_lost)
{
    char date[DATE_BYTES];
    today(sim, date);
    action_mark_sent(sim, invoice);
    // The date moves even where nobody can be reached.
    row_set(invoice, "last_sent_date", date);
    book_reminder(invoice, template, date);
    row_stamp(sim, invoice);
    struct json_object *to = addresses(sim, invoice);
    if (json_object_array_length(to) > 0 && !mail_lost)
        add_mail(sim, invoice, template, to, cc);
    else
        json_object_put(to);
    hook_fire(sim, EVENT_SENT_INVOICE, invoice, false);
}

void
mail_receipt(struct sim *sim, struct json_object *payment, bool mail_lost)
{
    struct json_object *contact = json_object_array_get_idx(
        json_at(row_view(client_of(sim, payment)), "contacts"), 0);
    const char *email = json_str(contact, "email");
    if (mail_lost || email == NULL || *email == '\0')
        return;
    struct json_object *to = json_object_new_array();
    json_push_str(to, email);
    add_mail(sim, payment, "email_template_payment", to, NULL);
}

static bool
is_known(const char *template)
{
    for (const char *const *known = templates; *known != NULL; known++) {
        if (template != NULL && strcmp(*known, template) == 0)
            return true;
    }
    return false;
}

static bool
is_invoice(const char *entity)
{
    return entity != NULL
           && (strcmp(entity, "invoice") == 0
               || strcmp(entity, "App\\Models\\Invoice") == 0);
}

void
mail_post(struct call *call)
{
    const char *template = json_str(call->body, "template");
    const char *hash = json_str(call->body, "entity_id");
    struct json_object *errors = json_object_new_object();
    if (!is_known(template))
        problem(errors, "template", "The selected template is invalid.");
    if (!is_invoice(json_str(call->body, "entity")))
        problem(errors, "entity", "The selected entity is invalid.");
    if (hash == NULL)
        problem(errors, "entity_id", "The entity id field is required.");
    if (!no_problem(call, errors))
        return;
    struct json_object *invoice =
        row_by_hash(call->sim, call->account, ENTITY_INVOICE, hash);
    if (invoice == NULL) {
        answer_bad_id(call, ENTITY_INVOICE, hash);
        return;
    }
    call_webhooks_inside(call);
    mail_invoice(call->sim, invoice, template, json_str(call->body, "cc_email"),
                 call->mail_lost);
    view_answer(call, invoice);
}
