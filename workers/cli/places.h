// workers/cli/places.h - which worker reads which topics.
#ifndef RELAIS_CLI_PLACES_H
#define RELAIS_CLI_PLACES_H

#include "workers/cli/cli.h"

enum { PLACE_NAME = 128, PLACE_TOPICS = 3 };

// The topics a worker's group reads (written to names); returns how many.
int places_read_by(const char *worker, char names[PLACE_TOPICS][PLACE_NAME]);

// "<worker>.dead-letters" and "relais-<worker>".
void places_dead_letters(const char *worker, char name[PLACE_NAME]);
void places_group(const char *worker, char name[PLACE_NAME]);

#endif
