// workers/mautic/papers.h - quotes, invoices and contacts as reasons to act in Mautic.
#ifndef RELAIS_MAUTIC_PAPERS_H
#define RELAIS_MAUTIC_PAPERS_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct mautic;

// Plays the command about its quote, invoice or contact (play.h), if that is still in
// the state which the command speaks of.
bool mautic_about_quote(struct job *job, const struct mautic *m,
                        const struct event *ev) ATTR_MUST_CHECK;
bool mautic_about_invoice(struct job *job, const struct mautic *m,
                          const struct event *ev) ATTR_MUST_CHECK;
bool mautic_about_contact(struct job *job, const struct mautic *m,
                          const struct event *ev) ATTR_MUST_CHECK;

#endif
