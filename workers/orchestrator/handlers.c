// workers/orchestrator/handlers.c - event -> function.
#include "workers/orchestrator/orchestrator.h"

// Facts and changes that start nothing (quote items, companies, signature.requested)
// have no row here: the worker finishes what it has no handler for.
const struct handler orchestrator_handlers[] = {
    {"directus.quotes.create", orchestrator_quote},
    {"directus.quotes.update", orchestrator_quote},
    {"directus.quotes.delete", orchestrator_quote},
    {"directus.cgv_acceptances.create", orchestrator_acceptance},
    {"directus.cgv_acceptances.update", orchestrator_acceptance},
    {"directus.leads.create", orchestrator_lead},
    {"directus.leads.update", orchestrator_lead},
    {"directus.people.create", orchestrator_contact},
    {"directus.people.update", orchestrator_contact},
    {"directus.client_invoices.create", orchestrator_invoice},
    {"directus.client_invoices.update", orchestrator_invoice},
    {"directus.invoice_items.create", orchestrator_invoice_item},
    {"directus.invoice_items.update", orchestrator_invoice_item},
    {"directus.invoice_items.delete", orchestrator_invoice_item},
    {"directus.payments.create", orchestrator_payment},
    {"directus.payments.update", orchestrator_payment},
    {"quote.viewed", orchestrator_quote_fact},
    {"quote.signed", orchestrator_quote_fact},
    {"quote.rejected", orchestrator_quote_fact},
    {"quote.expired", orchestrator_quote_fact},
    {"quote.deposit-waived", orchestrator_quote_fact},
    {"deposit.invoiced", orchestrator_quote_fact},
    {"payment.received", orchestrator_invoice_fact},
    {"payment.refunded", orchestrator_invoice_fact},
    {"invoice.paid", orchestrator_invoice_fact},
    {"invoice.cancelled", orchestrator_invoice_fact},
    {"orchestrator.followup", orchestrator_followup},
    {"orchestrator.expire", orchestrator_expire},
    {"orchestrator.overdue", orchestrator_overdue},
    {"orchestrator.fact", orchestrator_asked},
    {0},
};
