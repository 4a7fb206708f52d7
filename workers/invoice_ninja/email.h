// workers/invoice_ninja/email.h - an invoice mailed to its client.
#ifndef RELAIS_NINJA_EMAIL_H
#define RELAIS_NINJA_EMAIL_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;

// invoice-ninja.invoice.email {invoice, template, cc, request}.
bool ninja_email(struct job *job, const struct ninja *ninja,
                 const struct event *ev) ATTR_MUST_CHECK;

#endif
