// workers/orchestrator/facts.c - what other workers say: what follows is in the chains.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

// A fact of another worker about a quote.
// In:    quote.viewed, .signed, .rejected, .expired, .deposit-waived, deposit.invoiced
//        {quote}
// Out:   the quote's status and stamps, then the commands of the chain
// Again: a status that is reached is not written again; the commands' ids hang on the
//        fact's.
bool
orchestrator_quote_fact(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_memory memory;
    struct orchestrator_occasion occasion;
    if (!orchestrator_occasion_from(job, ev, state, "quote", &occasion)
        || !orchestrator_remember(job, job_printf(job, "quote:%s", occasion.id),
                                  &memory))
        return false;
    occasion.memory = &memory;
    if (!orchestrator_chain(job, &occasion))
        return false;
    if (memory.status[0] != '\0')
        orchestrator_keep(job, &memory);
    return true;
}

// A fact of another worker about an invoice.
// In:    payment.received, payment.refunded, invoice.paid, invoice.cancelled {invoice}
// Out:   the commands of the chain; a fully paid deposit completes its quote, by a
//        payment, a credit, or because less is billed
// Again: the same ids; a quote that is completed stays so.
bool
orchestrator_invoice_fact(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_occasion occasion;
    if (!orchestrator_occasion_from(job, ev, state, "invoice", &occasion))
        return false;
    bool needs_row = strcmp(ev->type, "payment.received") == 0
                     || strcmp(ev->type, "invoice.cancelled") == 0
                     || json_bool_or(ev->data, "fully_paid", false);
    if (needs_row
        && !orchestrator_row(job, state, "client_invoices", occasion.id,
                             ORCHESTRATOR_PAID_FIELDS, &occasion.row))
        return false;
    return orchestrator_chain(job, &occasion);
}
