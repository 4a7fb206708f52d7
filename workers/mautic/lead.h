// workers/mautic/lead.h - leads: segments, points, nurturing.
#ifndef RELAIS_MAUTIC_LEAD_H
#define RELAIS_MAUTIC_LEAD_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"

struct mautic;

// Brings the lead's contact up to date: fields, segments, points, nurturing campaign.
bool mautic_lead_sync(struct job *job, const struct mautic *m,
                      const struct event *ev) ATTR_MUST_CHECK;

#endif
