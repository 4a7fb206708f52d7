// workers/orchestrator/handlers.c - event -> function.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/orchestrator/orchestrator.h"

// A fact of another worker about a quote: what follows from it is in the chains.
// In:    quote.viewed, quote.signed, quote.rejected, quote.expired {quote}
// Out:   the quote's status and stamps, then the commands of the chain
// Again: a status that is reached is not written again; the commands' ids hang on the
//        fact's.
static bool
follow_quote_fact(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_memory memory;
    const char *quote = json_string(job, ev->data, "quote");
    if (quote == NULL)
        return false;
    if (!uuid_is(quote))
        return error_permanent(&job->error, "quote: \"%.60s\" is not a uuid", quote);
    const char *root = job_printf(job, "quote:%s", quote);
    if (!orchestrator_remember(job, root, &memory))
        return false;

    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    struct orchestrator_occasion occasion = {
        .o = state,
        .when = ev->type,
        .cause = event_identity(ev),
        .root = root,
        .noun = "quote",
        .id = quote,
        .company = ev->company,
        .at = ev->time[0] == '\0' ? job_strdup(job, now) : ev->time,
        .memory = &memory,
    };
    if (!orchestrator_chain(job, &occasion))
        return false;
    if (memory.status[0] != '\0')
        orchestrator_keep(job, &memory);
    return true;
}

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
    {"quote.viewed", follow_quote_fact},
    {"quote.signed", follow_quote_fact},
    {"quote.rejected", follow_quote_fact},
    {"quote.expired", follow_quote_fact},
    {"orchestrator.fact", orchestrator_asked},
    {0},
};
