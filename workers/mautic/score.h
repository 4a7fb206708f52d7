// workers/mautic/score.h - how promising a lead is, where Directus does not say.
#ifndef RELAIS_MAUTIC_SCORE_H
#define RELAIS_MAUTIC_SCORE_H

#include <stdint.h>

struct json_object;

// The row's score, else what it is worth by what is known of it: 0 to 100.
int64_t mautic_score_of(struct json_object *lead);

#endif
