#include "tests/integration/capture_world.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/str.h"
#include "tests/integration/directus_tables.h"

const char capture_world_last[] =
    "SELECT concat_ws(' ', collection, op, item, coalesce(root, '-'),"
    " array_to_string(changed, ',')) FROM relais_capture.change ORDER BY seq DESC "
    "LIMIT 1";

int
capture_world_begin(void **state)
{
    struct capture_world *world = str_calloc(1, sizeof *world);
    pg_fixture_start(&world->fixture);
    world->pg = pg_fixture_connect(&world->fixture);
    *state = world;
    return 0;
}

int
capture_world_end(void **state)
{
    struct capture_world *world = *state;
    pg_close(world->pg);
    pg_fixture_stop(&world->fixture);
    free(world);
    return 0;
}

int
capture_world_fresh(void **state)
{
    struct capture_world *world = *state;
    pg_fixture_do(world->pg, "RESET ALL; DROP SCHEMA IF EXISTS relais_capture CASCADE;"
                             "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    pg_fixture_do(world->pg, directus_tables);
    pg_fixture_capture(world->pg);
    return 0;
}

void
capture_world_assert(struct capture_world *world, const char *sql, const char *expected)
{
    char *text = pg_fixture_text(world->pg, sql);
    assert_string_equal(text, expected);
    free(text);
}

long long
capture_world_changes(struct capture_world *world)
{
    return pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change");
}
