#include "workers/invoice_ninja/email.h"

#include <string.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/bill.h"
#include "workers/invoice_ninja/ninja.h"

enum { CC_MAX = 4 }; // more are refused by Invoice Ninja

// Invoice Ninja's templates, without their "email_template_".
static const char *const templates[] = {
    "invoice",   "quote",     "credit",    "payment",   "payment_partial",
    "statement", "reminder1", "reminder2", "reminder3", "reminder_endless",
    "custom1",   "custom2",   "custom3",   NULL,
};

struct mail {
    const struct ninja *ninja;
    const struct ninja_bill *bill;
    const char *template; // without "email_template_"
    const char *cc;       // by comma; "" if none
    const char *request;
};

static bool
read_template(struct job *job, const struct event *ev, struct mail *mail)
{
    static const char prefix[] = "email_template_";
    const char *name = json_text_or(ev->data, "template", "invoice");
    if (str_starts(name, prefix))
        name += strlen(prefix);
    for (size_t i = 0; templates[i] != NULL; i++)
        if (strcmp(templates[i], name) == 0) {
            mail->template = name;
            return true;
        }
    error_permanent(&job->error, "Invoice Ninja has no template \"%.40s\"", name);
    job->error.hint =
        "invoice, payment, reminder1 to reminder3, custom1 to custom3, ...";
    return false;
}

// The recipients are the invoice's own contacts; others can only get a copy.
static bool
read_copies(struct job *job, const struct event *ev, struct mail *mail)
{
    struct json_object *list = json_array_or_null(ev->data, "cc");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    mail->cc = "";
    if (list == NULL && json_at(ev->data, "cc") != NULL)
        return error_permanent(&job->error, "cc must be a list of addresses");
    if (count > CC_MAX)
        return error_permanent(&job->error, "cc holds %zu addresses, at most %d", count,
                               CC_MAX);
    for (size_t i = 0; i < count; i++) {
        struct json_object *one = json_object_array_get_idx(list, i);
        const char *address = json_object_is_type(one, json_type_string)
                                  ? json_object_get_string(one)
                                  : "";
        if (strchr(address, '@') == NULL || strpbrk(address, ", \t\r\n") != NULL)
            return error_permanent(&job->error, "cc: address %zu is none", i + 1);
        mail->cc = job_printf(job, "%s%s%s", mail->cc, i > 0 ? "," : "", address);
    }
    return true;
}

static struct json_object *
send_mail(struct job *job, const char *identity, void *ctx)
{
    const struct mail *mail = ctx;
    struct json_object *body = json_object_in(job);
    (void)identity;
    json_set_string(body, "entity", "invoice");
    json_set_string(body, "entity_id", mail->bill->ninja_id);
    json_set_string(body, "template",
                    job_printf(job, "email_template_%s", mail->template));
    if (mail->cc[0] != '\0')
        json_set_string(body, "cc_email", mail->cc);
    struct json_object *invoice =
        ninja_ask(job, mail->ninja,
                  &(struct ninja_call){.company = mail->bill->company,
                                       .method = "POST",
                                       .path = "/emails",
                                       .body = body,
                                       .once = true});
    if (invoice == NULL)
        return NULL;
    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    struct json_object *result = json_object_in(job);
    json_set_string(result, "sent_at", now);
    return result;
}

// Nobody can look up whether a mail went out: an unsure one waits for a person.
static const struct effect_kind mail_sent = {
    .name = "invoice-ninja.email",
    .create = send_mail,
};

static bool
refuse(struct job *job, const struct mail *mail, const char *why, const char *hint)
{
    error_permanent(&job->error, "invoice %s is not mailed: %s", mail->bill->number,
                    why);
    job->error.http_status = 422;
    job->error.hint = hint;
    return false;
}

// The invoice goes to who was invited.
static bool
is_invited(struct json_object *invoice, const char *contact)
{
    struct json_object *list = json_array_or_null(invoice, "invitations");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++)
        if (strcmp(json_text_or(json_object_array_get_idx(list, i), "client_contact_id",
                                ""),
                   contact)
            == 0)
            return true;
    return count == 0;
}

static bool
has_address(struct json_object *invoice)
{
    struct json_object *contacts = json_array_or_null(invoice, "client.contacts");
    size_t count = contacts != NULL ? json_object_array_length(contacts) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *contact = json_object_array_get_idx(contacts, i);
        if (is_invited(invoice, json_text_or(contact, "id", ""))
            && json_bool_or(contact, "send_email", true)
            && json_string_or(contact, "email", "")[0] != '\0')
            return true;
    }
    return false;
}

// Invoice Ninja says that it mailed also where it could not: what would make it so is
// looked at first.
static bool
may_mail(struct job *job, const struct mail *mail)
{
    struct json_object *invoice;
    if (!ninja_invoice_read(job, mail->ninja, mail->bill->company, mail->bill->ninja_id,
                            &invoice))
        return false;
    if (invoice == NULL)
        return refuse(job, mail, "it is gone in Invoice Ninja", NULL);
    struct ninja_figures figures;
    if (!ninja_invoice_figures(job, invoice, &figures))
        return false;
    if (strcmp(figures.status, "cancelled") == 0)
        return refuse(job, mail, "it is cancelled in Invoice Ninja", NULL);
    return has_address(invoice)
           || refuse(
               job, mail, "nobody whom it invites has an e-mail address",
               "give the contact of the invoice in Invoice Ninja an address, then "
               "replay");
}

static const char *
identity_of(struct job *job, const struct mail *mail)
{
    return job_printf(job, "%s:%s:%s", mail->bill->entity, mail->template,
                      mail->request);
}

// *sent: this wish was served before.
static bool
was_sent(struct job *job, const struct mail *mail, bool *sent)
{
    bool failed;
    *sent = effect_result(job, mail_sent.name, identity_of(job, mail), &failed) != NULL;
    return !failed;
}

bool
ninja_email(struct job *job, const struct ninja *ninja, const struct event *ev)
{
    struct mail mail = {.ninja = ninja};
    bool sent;
    const char *id = ninja_payload_uuid(job, ev, "invoice");
    mail.request = json_string_or(ev->data, "request", event_identity(ev));
    if (id == NULL || !read_template(job, ev, &mail) || !read_copies(job, ev, &mail))
        return false;
    struct ninja_bill *bill = ninja_bill_read(job, id);
    if (bill == NULL || !ninja_bill_fill(job, ninja, bill))
        return false;
    if (ninja_sent_on(job, ev, bill->lane, bill->root))
        return true;
    mail.bill = bill;
    if (bill->ninja_id == NULL)
        return error_permanent(
            &job->error, "invoice %s is not in Invoice Ninja: mirror it first", id);
    if (!was_sent(job, &mail, &sent) || (!sent && !may_mail(job, &mail)))
        return false;
    if (effect_once(job, &mail_sent, identity_of(job, &mail), &mail) == NULL)
        return false;
    settlement_note(job, "invoice %s %s (%s)", bill->number,
                    sent ? "was mailed before" : "mailed", mail.template);
    return true;
}
