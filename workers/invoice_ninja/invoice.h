// workers/invoice_ninja/invoice.h - Invoice Ninja's API: invoices.
//
// Facts are from the source of Invoice Ninja 5.10: the status cannot be written, it
// moves by actions and payments; 3 is partly paid and 6 reversed; overdue is computed;
// a number is unique in a company, archived invoices included, and deleting renames it;
// "not found" is a 400. All calls suspend the fiber.
#ifndef RELAIS_NINJA_INVOICE_H
#define RELAIS_NINJA_INVOICE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;

// GET /invoices/{id}?include=client. *invoice becomes NULL where there is none; deleted
// ones are there, with is_deleted.
bool ninja_invoice_read(struct job *job, const struct ninja *ninja, const char *company,
                        const char *id, struct json_object **invoice) ATTR_MUST_CHECK;

// The invoice that names our row (id, a uuid in lower case) in its custom_value1,
// whatever its number, for effects: *found becomes an array of it. Deleted ones do not
// count, and of several the oldest does.
bool ninja_invoice_find(struct job *job, const struct ninja *ninja, const char *company,
                        const char *id, struct json_object **found) ATTR_MUST_CHECK;

// PUT /invoices/{id}: members left out stay as they are.
struct json_object *ninja_invoice_update(struct job *job, const struct ninja *ninja,
                                         const char *company, const char *id,
                                         struct json_object *body) ATTR_MUST_CHECK;

// An action (mark_sent, cancel, archive, delete) on one invoice. What cannot be done is
// answered like what was: read the invoice afterwards.
bool ninja_invoice_act(struct job *job, const struct ninja *ninja, const char *company,
                       const char *id, const char *action) ATTR_MUST_CHECK;

// POST /invoices?mark_sent=true with `once`, of one that can be found again: its
// custom_value1 names our row. *earlier: its number was taken, by what an earlier
// attempt had made, which is returned; PERMANENT (409) where the number is somebody
// else's invoice.
struct json_object *ninja_invoice_make(struct job *job, const struct ninja *ninja,
                                       const char *company, struct json_object *body,
                                       bool *earlier) ATTR_MUST_CHECK;

// What an invoice says of itself. Texts belong to it.
struct ninja_figures {
    const char *id, *number, *client_id, *due_date;
    // draft, sent, partial, overdue, paid or cancelled: Directus's words; reversed and
    // deleted ones are cancelled.
    const char *status;
    int64_t amount_cents, paid_cents, balance_cents, taxes_cents;
    int64_t updated_at; // seconds, of Invoice Ninja's clock
    bool archived, deleted;
};

// Reads them. False (PERMANENT, naming it): one that money hangs on is missing, or is
// none; that is not 0, nor a draft.
bool ninja_invoice_figures(struct job *job, struct json_object *invoice,
                           struct ninja_figures *figures) ATTR_MUST_CHECK;

// The number that an invoice of ours gets: that member of the row, without blanks
// around it, and the suffix. NULL: PERMANENT, naming the member; it is missing or too
// long.
const char *ninja_number_of(struct job *job, struct json_object *row,
                            const char *member, const char *suffix) ATTR_MUST_CHECK;

// The uuid behind `prefix` ("directus:invoice:") in a text, in lower case; NULL if it
// is something else.
const char *ninja_uuid_after(struct job *job, const char *text, const char *prefix);

#endif
