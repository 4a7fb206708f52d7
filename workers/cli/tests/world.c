#include "workers/cli/tests/world.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

int
world_begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    assert_non_null(world);
    pg_fixture_start(&world->postgres);
    world->pg = pg_fixture_connect(&world->postgres);
    run_set(&world->run, "DATABASE_URL", world->postgres.url);
    *state = world;
    return 0;
}

int
world_end(void **state)
{
    struct world *world = *state;
    run_end(&world->run);
    pg_close(world->pg);
    pg_fixture_stop(&world->postgres);
    free(world);
    return 0;
}

int
world_migrated(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "DROP SCHEMA IF EXISTS relais CASCADE");
    return run_line(&world->run, "migrate");
}

void
assert_says(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is not in: %s", part, text);
}
