// workers/orchestrator/chains.c - when this happened, then that is done. Reading the
// table is reading the business.
#include <string.h>

#include "common/json.h"
#include "workers/orchestrator/orchestrator.h"

// ---- conditions

static bool
signature_is_automatic(const struct orchestrator_occasion *occasion)
{
    return occasion->o->auto_signature;
}

// Payments speak for themselves; a credit, a lower amount or an invoice that is
// cancelled ends what reminders have begun.
static bool
was_reminded(const struct orchestrator_occasion *occasion)
{
    return json_string_or(occasion->row, "last_reminder_level", "")[0] != '\0';
}

// ---- what commands carry beside company and id

static void
signature_wanted(struct job *job, const struct orchestrator_occasion *occasion,
                 struct json_object *data)
{
    (void)job;
    json_set_string(data, "level",
                    json_string_or(occasion->row, "signature_level", "simple"));
    json_set_string(data, "template", NULL);
    json_set_bool(data, "require_company_signature",
                  json_bool_or(occasion->row, "requires_company_signature", false));
}

static void
template_of_company(struct job *job, const struct orchestrator_occasion *occasion,
                    struct json_object *data)
{
    (void)job;
    (void)occasion;
    json_set_string(data, "template", NULL);
}

static void
status_wanted(struct job *job, const struct orchestrator_occasion *occasion,
              struct json_object *data)
{
    (void)job;
    json_set_string(data, "to", occasion->to);
}

// For which time it is meant: where Mautic is away for longer, the next one is played.
static void
time_meant(struct job *job, const struct orchestrator_occasion *occasion,
           struct json_object *data)
{
    (void)job;
    if (occasion->after != NULL)
        json_set_string(data, "after", occasion->after);
    if (occasion->until != NULL)
        json_set_string(data, "until", occasion->until);
}

static void
reminder_level(struct job *job, const struct orchestrator_occasion *occasion,
               struct json_object *data)
{
    json_set_string(data, "level", occasion->to);
    time_meant(job, occasion, data);
}

static void
payment_told(struct job *job, const struct orchestrator_occasion *occasion,
             struct json_object *data)
{
    (void)job;
    json_set_string(data, "payment", json_string_or(occasion->data, "payment", ""));
}

// One mail a deposit: another wish would be another request.
static void
deposit_mail(struct job *job, const struct orchestrator_occasion *occasion,
             struct json_object *data)
{
    (void)occasion;
    json_set_string(data, "template", "invoice");
    json_set(data, "cc", json_array_in(job));
    json_set_string(data, "request", "deposit");
}

// ---- what follows beside commands

static bool
count_followup(struct job *job, struct orchestrator_occasion *occasion)
{
    if (occasion->sent == 0)
        return true;
    struct json_object *patch = json_object_in(job);
    json_set_string(patch, "last_followup_at", occasion->at);
    json_set_i64(patch, "followup_count",
                 json_i64_or(occasion->row, "followup_count", 0) + 1);
    return directus_update(&occasion->o->directus, job, "quotes", occasion->id, patch);
}

static bool
note_reminder(struct job *job, struct orchestrator_occasion *occasion)
{
    struct json_object *patch = json_object_in(job);
    json_set_string(patch, "last_reminder_level", occasion->to);
    json_set_string(patch, "last_reminder_at", occasion->at);
    return directus_update(&occasion->o->directus, job, "client_invoices", occasion->id,
                           patch);
}

static bool
complete(struct job *job, struct orchestrator_occasion *occasion)
{
    const char *contact = orchestrator_contact_of(occasion->row);
    occasion->when = "quote.completed";
    struct json_object *data = json_object_in(job);
    json_set_string(data, "contact", contact);
    return orchestrator_fact(job, occasion, "", data);
}

// ---- the table

const struct orchestrator_chain_row orchestrator_chains[] = {
    {"quote.sent", .stamp = "sent_at",
     .then = {{"mautic.quote-sent"},
              {"docuseal.signature.request", signature_is_automatic, signature_wanted}},
     .start = {TIMER_FOLLOWUP, TIMER_EXPIRE}},
    {"quote.viewed", .status = "viewed", .stamp = "viewed_at"},
    {WHEN_FOLLOWUP_DUE, .then = {{"mautic.quote-followup", NULL, time_meant}},
     .start = {TIMER_FOLLOWUP}, .also = count_followup},
    {"quote.signed", .status = "signed", .stamp = "signed_at", .flag = "is_signed",
     .then = {{"mautic.quote-signed"}, {"invoice-ninja.deposit.create"}},
     .stop = {TIMER_FOLLOWUP, TIMER_EXPIRE}},
    {"quote.rejected", .status = "rejected",
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}},
     .stop = {TIMER_FOLLOWUP, TIMER_EXPIRE}},
    {"quote.expired", .status = "expired",
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}},
     .stop = {TIMER_FOLLOWUP, TIMER_EXPIRE}},
    {WHEN_BACK_TO_DRAFT,
     .then = {{"docuseal.signature.cancel"}, {"mautic.quote-closed"}},
     .stop = {TIMER_FOLLOWUP, TIMER_EXPIRE}},
    {"deposit.invoiced", .status = "awaiting_deposit",
     .then = {{"invoice-ninja.invoice.email", NULL, deposit_mail, .about = "invoice"}},
     .start = {TIMER_OVERDUE}},
    {"quote.deposit-waived", .status = "completed", .also = complete},
    {"payment.received", .then = {{"mautic.payment-received", NULL, payment_told}},
     .also = orchestrator_pay_deposit},
    {WHEN_DEPOSIT_PAID, .status = "completed", .stamp = "deposit_paid_at",
     .flag = "deposit_paid", .also = complete},
    {"payment.refunded", .also = orchestrator_look_at_refund},
    {"quote.completed", .also = orchestrator_convert},
    {"client.converted", .then = {{"mautic.welcome"}}},
    {"invoice.overdue", .then = {{"mautic.payment-reminder", NULL, reminder_level}},
     .start = {TIMER_OVERDUE}, .also = note_reminder},
    {"invoice.paid", .then = {{"mautic.invoice-closed", was_reminded}},
     .stop = {TIMER_OVERDUE}, .also = orchestrator_pay_deposit},
    {"invoice.cancelled", .then = {{"mautic.invoice-closed", was_reminded}},
     .stop = {TIMER_OVERDUE}},
    {"lead.created", .then = {{"mautic.lead.sync"}}},
    {"lead.changed", .then = {{"mautic.lead.sync"}}},
    {"contact.changed", .then = {{"mautic.contact.sync"}}},
    {WHEN_CGV_PENDING, .then = {{"docuseal.cgv.request", NULL, template_of_company}}},
    {WHEN_INVOICE_BILLED, .then = {{"invoice-ninja.invoice.sync"}}},
    {WHEN_INVOICE_STATUS,
     .then = {{"invoice-ninja.invoice.status", NULL, status_wanted}}},
    {WHEN_PAYMENT_BOOKED, .then = {{"invoice-ninja.payment.create"}}},
    {0},
};
