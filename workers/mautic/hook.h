// workers/mautic/hook.h - the webhook in Mautic, which Mautic switches off by itself
// once a few deliveries have failed.
#ifndef RELAIS_MAUTIC_HOOK_H
#define RELAIS_MAUTIC_HOOK_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

struct mautic;

// Looks for the webhook that leads to ingest, and switches it on again. Where there is
// none a person is told; where Mautic does not let us see webhooks nothing is done.
bool mautic_hook_mend(struct job *job, const struct mautic *m) ATTR_MUST_CHECK;

#endif
