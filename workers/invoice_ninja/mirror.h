// workers/invoice_ninja/mirror.h - an invoice of Directus as it is in Invoice Ninja.
#ifndef RELAIS_NINJA_MIRROR_H
#define RELAIS_NINJA_MIRROR_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct json_object;
struct ninja;
struct ninja_bill;

// What a mirrored row says, beside NINJA_PARTY_FIELDS.
#define NINJA_MIRROR_FIELDS                                                          \
    "id,quote_id,owner_company,type,is_deposit,currency,status,amount_paid,balance," \
    "invoice_number,invoice_ninja_id,invoice_ninja_number,issue_date,due_date,"      \
    "amount,amount_net,tax_rate,description,items.sort,items.product_code,"          \
    "items.description,items.quantity,items.unit_price,items.discount,items.tax_rate"

// The invoice as Invoice Ninja is told of it, without its client. NULL: PERMANENT,
// naming the field that is missing or wrong.
struct json_object *ninja_mirror_body(struct job *job, const struct ninja *ninja,
                                      struct json_object *row) ATTR_MUST_CHECK;

// invoice-ninja.invoice.sync {invoice}.
bool ninja_mirror(struct job *job, const struct ninja *ninja,
                  const struct event *ev) ATTR_MUST_CHECK;

// For who does not want it mirrored any more, where nothing is known of it: what an
// attempt that was cut, or failed, has made of it all the same is taken over, and
// bill->ninja_id is set. The row's status stays as a person wrote it. Errors: those of
// effect_made().
bool ninja_mirror_take_made(struct job *job, const struct ninja *ninja,
                            struct ninja_bill *bill) ATTR_MUST_CHECK;

#endif
