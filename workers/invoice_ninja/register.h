// workers/invoice_ninja/register.h - the webhooks of a company in Invoice Ninja: made,
// restored where an answer of 404 had deleted them, changed when the secret is.
#ifndef RELAIS_NINJA_REGISTER_H
#define RELAIS_NINJA_REGISTER_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct ninja;

// invoice-ninja.webhooks.register {company}.
bool ninja_register(struct job *job, const struct ninja *ninja,
                    const struct event *ev) ATTR_MUST_CHECK;

// Sends that command for a company if the last check was too long ago, or was of
// another secret or URL. For the sweep: what it notes is the cursor
// "webhooks.<company>".
bool ninja_register_when_due(struct job *job, const struct ninja *ninja,
                             const char *company) ATTR_MUST_CHECK;

#endif
