// workers/mautic/sweep.h - finding what no webhook told: Mautic loses most of them when
// the receiver is down.
#ifndef RELAIS_MAUTIC_SWEEP_H
#define RELAIS_MAUTIC_SWEEP_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

// Publishes mautic.contact.observed for contacts that changed since the cursor
// (Mautic's clock) and say something that we don't know.
bool mautic_sweep(struct job *job, void *state) ATTR_MUST_CHECK;

#endif
