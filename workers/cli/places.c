// workers/cli/places.c - topics and groups by worker.
#include "workers/cli/places.h"

#include <stdio.h>
#include <string.h>

int
places_read_by(const char *worker, char names[PLACE_TOPICS][PLACE_NAME])
{
    if (strcmp(worker, "orchestrator") == 0) {
        (void)str_copy(names[0], PLACE_NAME, "directus.changes");
        (void)str_copy(names[1], PLACE_NAME, "orchestrator.commands");
        (void)str_copy(names[2], PLACE_NAME, "journey.facts");
        return 3;
    }
    (void)snprintf(names[0], PLACE_NAME, "%s.webhooks", worker);
    (void)snprintf(names[1], PLACE_NAME, "%s.commands", worker);
    return 2;
}

void
places_dead_letters(const char *worker, char name[PLACE_NAME])
{
    (void)snprintf(name, PLACE_NAME, "%s.dead-letters", worker);
}

void
places_group(const char *worker, char name[PLACE_NAME])
{
    (void)snprintf(name, PLACE_NAME, "relais-%s", worker);
}
