// workers/invoice_ninja/bill.h - an invoice of ours: what was last acted on of it, kept
// in entity_state as "invoice:<uuid>", and the one way in which Invoice Ninja's figures
// get into Directus.
#ifndef RELAIS_NINJA_BILL_H
#define RELAIS_NINJA_BILL_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"
#include "workers/invoice_ninja/invoice.h"

struct event;
struct json_object;
struct ninja;

// A required uuid of the event's payload, in lower case. NULL: PERMANENT, naming it.
const char *ninja_payload_uuid(struct job *job, const struct event *ev,
                               const char *member) ATTR_MUST_CHECK;

// Whether the event was in another lane than that and was sent on to it: then it is
// finished here.
bool ninja_sent_on(struct job *job, const struct event *ev, const char *lane,
                   const char *root);

struct ninja_bill {
    const char *id;       // uuid of the client_invoices row
    const char *entity;   // "invoice:<id>"
    const char *company;  // owner company's code; NULL: nothing is known yet
    const char *lane;     // of the billed party
    const char *root;     // "quote:<uuid>", or the entity where there is no quote
    const char *quote;    // NULL: none
    const char *contact;  // NULL: none
    const char *currency; // ISO 4217
    bool is_deposit;
    const char *ninja_id, *number; // NULL: not mirrored
    const char *hash;              // of what was mirrored last; NULL: nothing
    const char *status;            // last acted on, our word; NULL: nothing yet
    int64_t paid_cents, balance_cents;
    int64_t updated_at; // of the figures, Invoice Ninja's clock
};

// What is kept of it; only id and entity are set where nothing is. NULL with
// job->error.
struct ninja_bill *ninja_bill_read(struct job *job, const char *id) ATTR_MUST_CHECK;

// Takes company, party, quote and so on from a client_invoices row with
// NINJA_BILL_FIELDS. False (PERMANENT): nobody is billed.
#define NINJA_BILL_FIELDS                                                       \
    "id,quote_id,contact_id,company_id,owner_company,type,is_deposit,currency," \
    "status,amount_paid,balance,invoice_number,invoice_ninja_id,invoice_ninja_number"
bool ninja_bill_take_row(struct job *job, struct ninja_bill *bill,
                         struct json_object *row) ATTR_MUST_CHECK;

// Fills a bill of which nothing is known, from Directus.
bool ninja_bill_fill(struct job *job, const struct ninja *ninja,
                     struct ninja_bill *bill) ATTR_MUST_CHECK;

// The bill that an invoice of Invoice Ninja stands for: by our id in it, failing that
// by what was noted. *bill becomes NULL where it is not ours; that was noted.
bool ninja_bill_of(struct job *job, const struct ninja *ninja, const char *company,
                   struct json_object *invoice,
                   struct ninja_bill **bill) ATTR_MUST_CHECK;

// Puts the bill, and its reference, into the settlement.
void ninja_bill_keep(struct job *job, const struct ninja_bill *bill);

// Now, as ninja_synced_at has it: beside it a status is known to be Invoice Ninja's.
const char *ninja_bill_now(struct job *job);

// Adds to patch what the figures change, as members of client_invoices.
void ninja_bill_patch(struct job *job, const struct ninja_bill *bill,
                      const struct ninja_figures *figures, struct json_object *patch);

// Takes the figures over and publishes the fact of a transition: invoice.sent,
// invoice.paid, invoice.cancelled. What was paid is told by its payment.
void ninja_bill_take(struct job *job, struct ninja_bill *bill,
                     const struct ninja_figures *figures);

// Tells a person that an invoice is paid in Directus by a word alone.
void ninja_bill_flag_paid_by_hand(struct job *job, const struct ninja_bill *bill,
                                  const struct ninja_figures *figures);

// A row of payments that goes with the figures.
struct ninja_payment_row {
    const char *id;
    struct json_object *whole;    // to create it
    struct json_object *differs;  // to change it
    bool exists;                  // as far as we know
    const char *date, *reference; // of money received now; date NULL: none was
};

// Writes what differs, with the row (NULL = none), in one request, and takes the
// figures over. Nothing is written where nothing differs. What is paid without money
// that comes in now is told by its invoice.paid; what a person set to paid stays so
// unless a payment was taken back.
bool ninja_bill_update(struct job *job, const struct ninja *ninja,
                       struct ninja_bill *bill, const struct ninja_figures *figures,
                       const struct ninja_payment_row *row) ATTR_MUST_CHECK;

// {company, invoice, quote}: what facts about a bill have in common.
struct json_object *ninja_bill_fact(struct job *job, const struct ninja_bill *bill);

#endif
