// workers/invoice_ninja/sweep.h - what webhooks may have lost: Invoice Ninja sends each
// once, and never again.
#ifndef RELAIS_NINJA_SWEEP_H
#define RELAIS_NINJA_SWEEP_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

// Reads, in each company's books, the invoices and payments that changed since the last
// sweep and publishes `observed` for them; sends for the webhooks to be checked; looks
// once a day for invoices that have become overdue. What one company refuses stops no
// other. For struct integration; state is the struct ninja.
bool ninja_sweep(struct job *job, void *state) ATTR_MUST_CHECK;

#endif
