// tests/integration/capture_world.h - a server with Directus's tables and the triggers
// of capture, for tests of what they write.
#ifndef RELAIS_CAPTURE_WORLD_H
#define RELAIS_CAPTURE_WORLD_H

#include "common/pg.h"
#include "tests/integration/pg_fixture.h"

#define QUOTE "11111111-1111-4111-8111-111111111111"

struct capture_world {
    struct pg_fixture fixture;
    struct pg *pg;
};

// A server for the group of tests; *state is its struct capture_world.
int capture_world_begin(void **state);
int capture_world_end(void **state);
// For each test: the tables and the triggers anew.
int capture_world_fresh(void **state);

// Fails unless the query gives this text.
void capture_world_assert(struct capture_world *world, const char *sql,
                          const char *expected);
// How many changes were captured.
long long capture_world_changes(struct capture_world *world);
// A query: the last change as "collection op item root changed,...".
extern const char capture_world_last[];

#endif
