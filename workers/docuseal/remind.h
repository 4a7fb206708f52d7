// workers/docuseal/remind.h - reminding people of a signature.
#ifndef RELAIS_DOCUSEAL_REMIND_H
#define RELAIS_DOCUSEAL_REMIND_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/docuseal/docuseal.h"

// One mail to a signer, at most one for its identity. A mail cannot be looked up:
// DocuSeal's own record of it is written by a job that runs some time after the call.
// So one that may have gone out is flagged for a person, and not repeated.
struct docuseal_mail {
    const struct docuseal *ds;
    const char *submitter; // DocuSeal's id
    bool tried, sent;      // by this very attempt
};

extern const char docuseal_mail_effect[]; // "docuseal.reminder"

// False: job->error; where it is PERMANENT and nothing was tried, it was flagged.
bool docuseal_mail_once(struct job *job, struct docuseal_mail *mail,
                        const char *identity) ATTR_MUST_CHECK;

// Has DocuSeal mail the signer with that e-mail once more, at most once a day.
// PERMANENT where there is nobody to remind, and where a mail may have gone out: a
// person decides.
bool docuseal_remind(struct job *job, const struct docuseal *ds,
                     const struct event *ev) ATTR_MUST_CHECK;

#endif
