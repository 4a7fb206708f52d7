// workers/mautic/segment.h - Mautic's segments. Both calls may be repeated.
#ifndef RELAIS_MAUTIC_SEGMENT_H
#define RELAIS_MAUTIC_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct mautic;

// POST /segments/{segment}/contact/{contact}/add, or /remove. PERMANENT where there is
// no such segment, or it is not ours to fill.
bool mautic_segment_join(struct job *job, const struct mautic *m, int64_t segment,
                         const char *contact) ATTR_MUST_CHECK;
bool mautic_segment_leave(struct job *job, const struct mautic *m, int64_t segment,
                          const char *contact) ATTR_MUST_CHECK;

#endif
