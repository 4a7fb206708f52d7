// workers/docuseal/remind.h - reminding people of a signature.
#ifndef RELAIS_DOCUSEAL_REMIND_H
#define RELAIS_DOCUSEAL_REMIND_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"

// Has DocuSeal mail the signer with that e-mail once more, at most once a day.
// PERMANENT where there is nobody to remind, and where a mail may have gone out: a
// person decides.
bool docuseal_remind(struct job *job, const struct docuseal *ds,
                     const struct event *ev) ATTR_MUST_CHECK;

#endif
