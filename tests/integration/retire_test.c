// Retention on a real Postgres.
#include <stdlib.h>

#include "common/ledger_pg.h"
#include "common/pg.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

enum { DAY_MS = 24 * 3600 * 1000, SLICES_MAX = 100 };

struct world {
    struct pg_fixture postgres;
    struct pg *pg;
    struct ledger_pg *ledger;
};

static void
publish_nothing(void *owner, const struct settle_out *out)
{
    (void)owner;
    (void)out;
}

static int
begin(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    struct error err = {0};
    pg_fixture_start(&world->postgres);
    world->pg = pg_fixture_connect(&world->postgres);
    pg_fixture_file(world->pg, "001_ledger.sql");
    pg_fixture_file(world->pg, "003_retire.sql");
    const struct ledger_pg_options options = {.url = world->postgres.url,
                                              .worker = "relais-mautic",
                                              .owner_name = "test",
                                              .publish = publish_nothing,
                                              .owner = world};
    world->ledger = ledger_pg_open(&options, &err);
    if (world->ledger == NULL)
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    ledger_pg_stop(world->ledger);
    ledger_pg_close(world->ledger);
    pg_close(world->pg);
    pg_fixture_stop(&world->postgres);
    free(world);
    return 0;
}

// Old rows of ours, between young ones of ours and old ones of another worker.
static void
fill(struct world *world)
{
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.finished_event (worker, event, finished_at)"
        " SELECT CASE WHEN n % 3 = 0 THEN 'relais-docuseal' ELSE 'relais-mautic' END,"
        " 'event ' || n,"
        " now() - CASE WHEN n % 3 = 1 THEN interval '1 h' ELSE interval '8 d' END"
        " FROM generate_series(1, 300000) AS n");
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.journey_step"
        " (entity, at, worker, event, type, attempt, outcome, took_ms, note, calls)"
        " SELECT 'quote ' || n, now() - CASE WHEN n % 2 = 0 THEN interval '1 h'"
        " ELSE interval '8 d' END, 'relais-mautic', 'e', 't', 1, 'done', 1, '', ''"
        " FROM generate_series(1, 1000) AS n");
}

// How many calls it took to walk through everything.
static int
retire_all(struct world *world)
{
    struct error err = {0};
    bool more = true;
    int slices = 0;
    while (more && slices++ < SLICES_MAX) {
        if (!ledger_pg_retire(world->ledger, 7 * (int64_t)DAY_MS, &more, &err))
            fail_msg("%s", err.text);
    }
    assert_false(more);
    return slices;
}

static void
assert_only_old_rows_of_ours_are_gone(struct world *world)
{
    static const char *const counts[] = {
        "SELECT count(*) FROM relais.finished_event WHERE worker = 'relais-mautic'"
        " AND finished_at < now() - interval '7 d'",
        "SELECT count(*) - 100000 FROM relais.finished_event"
        " WHERE worker = 'relais-mautic'",
        "SELECT count(*) - 100000 FROM relais.finished_event"
        " WHERE worker = 'relais-docuseal'",
        "SELECT count(*) - 500 FROM relais.journey_step",
        "SELECT count(*) FROM relais.journey_step WHERE at < now() - interval '7 d'",
    };
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
        assert_int_equal(pg_fixture_number(world->pg, counts[i]), 0);
}

static void
what_is_too_old_goes_slice_by_slice(void **state)
{
    struct world *world = *state;
    fill(world);
    assert_true(retire_all(world) > 1);
    assert_only_old_rows_of_ours_are_gone(world);
}

static void
the_next_walk_begins_anew(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "VACUUM relais.finished_event");
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.finished_event (worker, event, finished_at)"
                  " SELECT 'relais-mautic', 'again ' || n, now() - interval '9 d'"
                  " FROM generate_series(1, 50000) AS n");
    (void)retire_all(world);
    assert_only_old_rows_of_ours_are_gone(world);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_too_old_goes_slice_by_slice),
        cmocka_unit_test(the_next_walk_begins_anew),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
