// workers/cli/tests/world.h - a real Postgres, and `relais` on it.
#ifndef RELAIS_CLI_WORLD_H
#define RELAIS_CLI_WORLD_H

#include "common/pg.h"
#include "tests/integration/pg_fixture.h"
#include "workers/cli/tests/run.h"

struct world {
    struct pg_fixture postgres;
    struct pg *pg;
    struct run run;
};

// For cmocka_run_group_tests: DATABASE_URL is set, and nothing is migrated.
int world_begin(void **state);
int world_end(void **state);

// Before each test: an empty ledger.
int world_migrated(void **state);

// Fails if the part does not occur in the text.
void assert_says(const char *text, const char *part);

#endif
