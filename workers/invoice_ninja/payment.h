// workers/invoice_ninja/payment.h - Invoice Ninja's API: payments.
//
// Facts are from the source of Invoice Ninja 5.10: one payment may be applied to
// several invoices (paymentables); only status 4 and 5 are money received; a deleted
// payment has lost its paymentables; idempotency_key is unique in a company and never
// given back; the client gets a receipt unless email_receipt is "false". All calls
// suspend the fiber.
#ifndef RELAIS_NINJA_PAYMENT_H
#define RELAIS_NINJA_PAYMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;

// GET /payments/{id}?include=invoices,client. *payment becomes NULL where there is
// none. PERMANENT where a figure of it is missing or is none.
bool ninja_payment_read(struct job *job, const struct ninja *ninja, const char *company,
                        const char *id, struct json_object **payment) ATTR_MUST_CHECK;

// POST /payments with `once`. *taken: it was refused because its idempotency_key is
// taken, which leaves no error; NULL is returned then.
struct json_object *ninja_payment_create(struct job *job, const struct ninja *ninja,
                                         const char *company, struct json_object *body,
                                         bool *taken) ATTR_MUST_CHECK;

// GET /invoices/{id}?include=payments: the payments of an invoice of Invoice Ninja's.
// *list becomes NULL where there is none, or no such invoice.
bool ninja_payments_of(struct job *job, const struct ninja *ninja, const char *company,
                       const char *invoice, struct json_object **list) ATTR_MUST_CHECK;

// That of them whose custom_value1 is the mark; *payment becomes NULL where there is
// none.
bool ninja_payment_find(struct job *job, const struct ninja *ninja, const char *company,
                        const char *invoice, const char *mark,
                        struct json_object **payment) ATTR_MUST_CHECK;

// Whether one of them, other than that payment (NULL: any), is not through yet. list
// may be NULL.
bool ninja_payments_pending(struct json_object *list, const char *other_than);

// "ninja-payment:<company>:<id>": what entity_state keeps it under.
const char *ninja_payment_entity(struct job *job, const char *company, const char *id);

// All of a payment that matters, in one text: two that are the same need no second
// look.
const char *ninja_payment_stamp(struct job *job, struct json_object *payment);

// What of a payment is applied to an invoice.
struct ninja_link {
    const char *invoice; // Invoice Ninja's id
    int64_t amount_cents, refunded_cents;
};

// The next link of the payment, from the i-th on; false beyond the last. Credits are
// left out; what was applied to one invoice in several goes is one link.
bool ninja_payment_link(struct json_object *payment, size_t *i,
                        struct ninja_link *link);

// The state of one link, Directus's word: pending, completed, refunded, failed or
// cancelled. link NULL: the payment is not applied (any more).
const char *ninja_payment_status(struct json_object *payment,
                                 const struct ninja_link *link);

#endif
