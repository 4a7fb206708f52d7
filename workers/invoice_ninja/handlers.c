// Events of the Invoice Ninja worker: the table is at the end, and says it all.
#include "workers/invoice_ninja/book.h"
#include "workers/invoice_ninja/deposit.h"
#include "workers/invoice_ninja/email.h"
#include "workers/invoice_ninja/mirror.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/reconcile.h"
#include "workers/invoice_ninja/register.h"
#include "workers/invoice_ninja/status.h"

// Bills the deposit of a signed quote.
// In:    invoice-ninja.deposit.create {quote}
// Out:   deposit.invoiced {quote, invoice, ninja_id, number, amount, due_date} and
//        invoice.sent, or quote.deposit-waived {quote}
// Again: the effect belongs to the quote; its number is unique in Invoice Ninja.
static bool
create_deposit(struct job *job, const struct event *ev, void *state)
{
    return ninja_deposit_create(job, state, ev);
}

// Mirrors an invoice of Directus to Invoice Ninja.
// In:    invoice-ninja.invoice.sync {invoice}
// Out:   invoice.synced {invoice, ninja_id, number} and, the first time, invoice.sent
// Again: what was mirrored is hashed; its number is unique in Invoice Ninja.
static bool
sync_invoice(struct job *job, const struct event *ev, void *state)
{
    return ninja_mirror(job, state, ev);
}

// Moves an invoice as a person moved it in Directus.
// In:    invoice-ninja.invoice.status {invoice, to}
// Out:   invoice.sent, invoice.cancelled
// Again: an invoice that is there already is left as it is.
static bool
push_status(struct job *job, const struct event *ev, void *state)
{
    return ninja_status_push(job, state, ev);
}

// Books a payment that a person made in Directus.
// In:    invoice-ninja.payment.create {payment}
// Out:   payment.received, and what becomes of the invoice
// Again: the payment's uuid is its idempotency key.
static bool
book_payment(struct job *job, const struct event *ev, void *state)
{
    return ninja_book(job, state, ev);
}

// Mails an invoice.
// In:    invoice-ninja.invoice.email {invoice, template, cc, request}
// Out:   nothing; effect.unsure where it may have gone out
// Again: the effect belongs to (invoice, template, request); it is never sent blindly.
static bool
email_invoice(struct job *job, const struct event *ev, void *state)
{
    return ninja_email(job, state, ev);
}

// Looks at an invoice and brings Directus up to date.
// In:    invoice-ninja.invoice.observed {remote_id}, webhooks of invoices {body}
// Out:   invoice.sent, invoice.paid, invoice.cancelled
// Again: the figures acted on are kept; the same figures are nothing new.
static bool
reconcile_invoice(struct job *job, const struct event *ev, void *state)
{
    return ninja_reconcile_invoice(job, state, ev);
}

// Looks at a payment and brings Directus up to date.
// In:    invoice-ninja.payment.observed {remote_id}, webhooks of payments {body}
// Out:   payment.received, payment.refunded, and what becomes of the invoices
// Again: the rows acted on are kept; the same payment is nothing new.
static bool
reconcile_payment(struct job *job, const struct event *ev, void *state)
{
    return ninja_reconcile_payment(job, state, ev);
}

// Notes which client a party has.
// In:    webhooks of clients {body}
// Out:   nothing
// Again: the reference is the same.
static bool
reconcile_client(struct job *job, const struct event *ev, void *state)
{
    return ninja_reconcile_client(job, state, ev);
}

// Makes and mends the webhooks of a company in Invoice Ninja.
// In:    invoice-ninja.webhooks.register {company}
// Out:   nothing
// Again: rows that are as they should be are left alone, second ones withdrawn.
static bool
register_webhooks(struct job *job, const struct event *ev, void *state)
{
    return ninja_register(job, state, ev);
}

#define GATE "invoice-ninja"
#define INVOICE \
    reconcile_invoice, .gate = GATE, .object = ninja_hint_object, .hint = true
#define PAYMENT \
    reconcile_payment, .gate = GATE, .object = ninja_hint_object, .hint = true

const struct handler ninja_handlers[] = {
    {"invoice-ninja.deposit.create", create_deposit, NULL, GATE},
    {"invoice-ninja.invoice.sync", sync_invoice, NULL, GATE},
    {"invoice-ninja.invoice.status", push_status, NULL, GATE},
    {"invoice-ninja.invoice.email", email_invoice, NULL, GATE},
    {"invoice-ninja.payment.create", book_payment, NULL, GATE},
    {"invoice-ninja.webhooks.register", register_webhooks, NULL, GATE},
    {"invoice-ninja.invoice.observed", INVOICE},
    {"invoice-ninja.create_invoice", INVOICE},
    {"invoice-ninja.update_invoice", INVOICE},
    {"invoice-ninja.delete_invoice", INVOICE},
    {"invoice-ninja.archive_invoice", INVOICE},
    {"invoice-ninja.sent_invoice", INVOICE},
    {"invoice-ninja.payment.observed", PAYMENT},
    {"invoice-ninja.create_payment", PAYMENT},
    {"invoice-ninja.update_payment", PAYMENT},
    {"invoice-ninja.delete_payment", PAYMENT},
    {"invoice-ninja.create_client", reconcile_client},
    {"invoice-ninja.update_client", reconcile_client},
    {0},
};
