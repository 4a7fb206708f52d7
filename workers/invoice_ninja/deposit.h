// workers/invoice_ninja/deposit.h - the deposit invoice of a signed quote.
#ifndef RELAIS_NINJA_DEPOSIT_H
#define RELAIS_NINJA_DEPOSIT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;

// invoice-ninja.deposit.create {quote}.
bool ninja_deposit_create(struct job *job, const struct ninja *ninja,
                          const struct event *ev) ATTR_MUST_CHECK;

// The id of a quote's deposit in client_invoices, known before it is there: uuid v5 of
// (quote, "deposit").
const char *ninja_deposit_id(struct job *job, const char *quote);

#endif
