// workers/docuseal/sweep.h - finding what no webhook told: DocuSeal loses some.
#ifndef RELAIS_DOCUSEAL_SWEEP_H
#define RELAIS_DOCUSEAL_SWEEP_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

// Publishes docuseal.submission.observed for what was completed since the cursor, for
// what moved of the open submissions, and for those that Directus holds open although
// DocuSeal does not. The cursor is DocuSeal's clock.
bool docuseal_sweep(struct job *job, void *state) ATTR_MUST_CHECK;

#endif
