// workers/mautic/points.h - a lead's score as points. People earn points in Mautic too,
// so only the difference to what was given before is added.
#ifndef RELAIS_MAUTIC_POINTS_H
#define RELAIS_MAUTIC_POINTS_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct mautic;

struct mautic_score {
    const char *contact; // Mautic's id
    const char *lead;    // of Directus
    int64_t applied;     // points given so far, as Directus says
    int64_t score;       // points to be given in all
};

// Gives or takes the difference, once in effect. *applied becomes what is given now.
bool mautic_points_apply(struct job *job, const struct mautic *m,
                         const struct mautic_score *score,
                         int64_t *applied) ATTR_MUST_CHECK;

#endif
