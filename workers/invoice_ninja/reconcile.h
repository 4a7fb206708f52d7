// workers/invoice_ninja/reconcile.h - one look at an invoice or a payment, whatever
// hinted at it: read it, compare with what was last acted on, act on the transition.
#ifndef RELAIS_NINJA_RECONCILE_H
#define RELAIS_NINJA_RECONCILE_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;
struct ninja_bill;
struct ninja_figures;

// What an event says of the object to look at: a webhook's body, or an observed event.
struct ninja_hint {
    const struct ninja *ninja;
    const struct event *ev;
    const char *company;
    const char *id; // Invoice Ninja's
    bool is_linked; // of a payment: whatever it is applied to is known to be there
};

// False (PERMANENT): the event names no object or no company.
bool ninja_hint_read(struct job *job, const struct ninja *ninja, const struct event *ev,
                     struct ninja_hint *hint) ATTR_MUST_CHECK;

// The object's name for hints that wait behind one another: "<company>:<id>", or NULL.
const char *ninja_hint_object(struct job *job, const struct event *ev);

// A transition that only the sweep saw, long after it happened, means that the webhook
// is broken: that is flagged. moved_s is the object's updated_at.
void ninja_hint_judge_hook(struct job *job, const struct ninja_hint *hint,
                           int64_t moved_s);

// An audit, after the figures were taken over: puts right what the row in Directus says
// otherwise. A status that a person may have meant, which Invoice Ninja does not have,
// is flagged and left.
bool ninja_audit_bill(struct job *job, const struct ninja *ninja,
                      const struct ninja_bill *bill,
                      const struct ninja_figures *figures) ATTR_MUST_CHECK;

// invoice-ninja.invoice.observed and the webhooks of invoices.
bool ninja_reconcile_invoice(struct job *job, const struct ninja *ninja,
                             const struct event *ev) ATTR_MUST_CHECK;

// invoice-ninja.payment.observed and the webhooks of payments.
bool ninja_reconcile_payment(struct job *job, const struct ninja *ninja,
                             const struct event *ev) ATTR_MUST_CHECK;

// One look at a payment whose lane is known to be the event's.
bool ninja_look_at_payment(struct job *job,
                           const struct ninja_hint *hint) ATTR_MUST_CHECK;

// The webhooks of clients: which client a party has.
bool ninja_reconcile_client(struct job *job, const struct ninja *ninja,
                            const struct event *ev) ATTR_MUST_CHECK;

#endif
