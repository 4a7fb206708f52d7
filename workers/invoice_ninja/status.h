// workers/invoice_ninja/status.h - a status that a person gave an invoice in Directus.
#ifndef RELAIS_NINJA_STATUS_H
#define RELAIS_NINJA_STATUS_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;

// invoice-ninja.invoice.status {invoice, to}: sent, cancelled or archived.
bool ninja_status_push(struct job *job, const struct ninja *ninja,
                       const struct event *ev) ATTR_MUST_CHECK;

#endif
