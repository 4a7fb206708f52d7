// workers/docuseal/cancel.h - taking a request for signatures back.
#ifndef RELAIS_DOCUSEAL_CANCEL_H
#define RELAIS_DOCUSEAL_CANCEL_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"

// Archives what is alive of the present round, never a completed submission, and begins
// the next round. Nothing was asked for: nothing happens. UNSURE while a request may be
// under way.
bool docuseal_cancel(struct job *job, const struct docuseal *ds,
                     const struct event *ev) ATTR_MUST_CHECK;

#endif
