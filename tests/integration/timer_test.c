// Timers on a real Postgres: set and taken back in settles, fired by whoever sees them
// due.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/ledger_pg.h"
#include "common/pg.h"
#include "common/publish.h"
#include "tests/harness/test.h"
#include "tests/integration/pg_fixture.h"

enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * SECOND_MS, PUBLISHED = 2000 };

struct world {
    struct pg_fixture postgres;
    struct pg *pg;
    struct loop *loop;
    struct ledger_pg *ledger;
    // What went out, by the thread that fires or settles.
    pthread_mutex_t lock;
    pthread_cond_t ready;
    char ids[PUBLISHED][40];
    int published;
    bool settled;
};

static void
note_published(void *owner, const struct settle_out *out)
{
    struct world *world = owner;
    pthread_mutex_lock(&world->lock);
    if (world->published < PUBLISHED)
        (void)snprintf(world->ids[world->published++], sizeof world->ids[0], "%s",
                       out->id);
    pthread_mutex_unlock(&world->lock);
}

static struct ledger_pg *
open_ledger(struct world *world)
{
    struct error err = {0};
    const struct ledger_pg_options options = {.url = world->postgres.url,
                                              .worker = "relais-orchestrator",
                                              .owner_name = "test",
                                              .publish = note_published,
                                              .owner = world};
    struct ledger_pg *ledger = ledger_pg_open(&options, &err);
    if (ledger == NULL)
        fail_msg("%s", err.text);
    return ledger;
}

static int
begin(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct error err = {0};
    assert_non_null(world);
    pg_fixture_start(&world->postgres);
    world->pg = pg_fixture_connect(&world->postgres);
    pg_fixture_file(world->pg, "001_ledger.sql");
    pg_fixture_file(world->pg, "002_timer.sql");
    pthread_mutex_init(&world->lock, NULL);
    pthread_cond_init(&world->ready, NULL);
    world->loop = loop_new(65536, &err);
    assert_non_null(world->loop);
    assert_true(loop_start(world->loop, "loop", &err));
    world->ledger = open_ledger(world);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    ledger_pg_stop(world->ledger);
    ledger_pg_close(world->ledger);
    loop_stop(world->loop);
    loop_free(world->loop);
    pthread_cond_destroy(&world->ready);
    pthread_mutex_destroy(&world->lock);
    pg_close(world->pg);
    pg_fixture_stop(&world->postgres);
    free(world);
    return 0;
}

static int
emptied(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "TRUNCATE relais.timer, relais.clock, relais.outbox");
    world->published = 0;
    return 0;
}

// ---- settles

struct letter {
    struct ledger_write write;
    struct world *world;
};

static void
tell_settled(struct loop_mail *mail)
{
    struct world *world = ((struct letter *)mail)->world;
    pthread_mutex_lock(&world->lock);
    world->settled = true;
    pthread_cond_signal(&world->ready);
    pthread_mutex_unlock(&world->lock);
}

static void
settle(struct world *world, struct job *job)
{
    struct letter letter = {
        .write = {.mail.deliver = tell_settled,
                  .loop = world->loop,
                  .kind = LEDGER_SETTLE,
                  .partition = -1,
                  .settlement = job->settlement},
        .world = world,
    };
    world->settled = false;
    ledger_pg_write(world->ledger, &letter.write);
    pthread_mutex_lock(&world->lock);
    while (!world->settled)
        pthread_cond_wait(&world->ready, &world->lock);
    pthread_mutex_unlock(&world->lock);
    assert_int_equal(letter.write.verdict, LEDGER_DONE);
}

static void
set_timer(struct world *world, const char *entity, int64_t due_ms)
{
    struct job job;
    job_begin(&job, 10000);
    struct json_object *data = json_object_in(&job);
    json_set_string(data, "company", "HYPERVISUAL");
    publish_later(&job, &(struct publish_later){.entity = entity,
                                                .type = "orchestrator.overdue",
                                                .root = entity,
                                                .due_ms = due_ms,
                                                .data = data});
    settle(world, &job);
    job_end(&job);
}

static void
take_back(struct world *world, const char *entity)
{
    struct job job;
    job_begin(&job, 10000);
    publish_never(&job, entity, "orchestrator.overdue");
    settle(world, &job);
    job_end(&job);
}

static void
fire(struct world *world, int64_t ahead_ms)
{
    struct error err = {0};
    if (!ledger_pg_fire(world->ledger, ahead_ms, &err))
        fail_msg("%s", err.text);
}

// ---- tests

static void
what_is_due_goes_out_once(void **state)
{
    struct world *world = *state;
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    set_timer(world, "invoice:2", clock_wall_ms() + DAY_MS);
    fire(world, 0);
    fire(world, 0);
    assert_int_equal(world->published, 1);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM relais.timer"),
                     1);
    // It is in the outbox until Kafka has it, without an owner: any leader sends it.
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais.outbox"
                                       " WHERE worker IS NULL AND partition IS NULL"
                                       " AND topic = 'orchestrator.commands'"
                                       " AND key = 'invoice:1'"),
                     1);
}

static void
a_later_word_replaces_the_earlier(void **state)
{
    struct world *world = *state;
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    set_timer(world, "invoice:1", clock_wall_ms() + DAY_MS);
    fire(world, 0);
    assert_int_equal(world->published, 0);
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    fire(world, 0);
    assert_int_equal(world->published, 1);
}

static void
what_was_taken_back_never_goes_out(void **state)
{
    struct world *world = *state;
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    take_back(world, "invoice:1");
    take_back(world, "invoice:2");
    fire(world, 0);
    assert_int_equal(world->published, 0);
}

static void
the_moved_clock_fires_what_lies_ahead(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    int64_t ahead_ms = 42;
    set_timer(world, "invoice:1", clock_wall_ms() + INT64_C(14) * DAY_MS);
    assert_true(ledger_pg_clock(world->ledger, &ahead_ms, &err));
    assert_int_equal(ahead_ms, 0);
    pg_fixture_do(world->pg, "INSERT INTO relais.clock (ahead_ms) VALUES (1209700000)");
    assert_true(ledger_pg_clock(world->ledger, &ahead_ms, &err));
    fire(world, 0);
    assert_int_equal(world->published, 0);
    fire(world, ahead_ms);
    assert_int_equal(world->published, 1);
}

static void
what_was_set_before_a_crash_fires_after_it(void **state)
{
    struct world *world = *state;
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    ledger_pg_stop(world->ledger);
    ledger_pg_close(world->ledger);
    pg_close(world->pg);
    pg_fixture_crash(&world->postgres);
    pg_fixture_again(&world->postgres);
    world->pg = pg_fixture_connect(&world->postgres);
    world->ledger = open_ledger(world);
    fire(world, 0);
    assert_int_equal(world->published, 1);
}

struct racer {
    struct world *world;
    struct ledger_pg *ledger;
    pthread_t thread;
};

static void *
race(void *arg)
{
    struct racer *racer = arg;
    struct error err = {0};
    assert_true(ledger_pg_fire(racer->ledger, 0, &err));
    return NULL;
}

// More than one batch, and two processes at once.
static void
two_that_fire_at_once_share_the_work(void **state)
{
    struct world *world = *state;
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.timer SELECT 'relais-orchestrator', 'quote:' || n,"
        " 'orchestrator.followup', now(), 't', 'k', 'id-' || n, '{}', '{}'"
        " FROM generate_series(1, 1200) AS n");
    struct racer racers[2] = {{world, world->ledger}, {world, open_ledger(world)}};
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    for (int i = 0; i < 2; i++)
        (void)pthread_join(racers[i].thread, NULL);
    fire(world, 0); // what one left to the other that had ended
    ledger_pg_stop(racers[1].ledger);
    ledger_pg_close(racers[1].ledger);
    assert_int_equal(world->published, 1200);
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT count(DISTINCT id) FROM relais.outbox"),
        1200);
}

// A row that somebody else holds is left to the next round, and holds nobody up.
static void
a_row_that_is_being_changed_is_passed_over(void **state)
{
    struct world *world = *state;
    set_timer(world, "invoice:1", clock_wall_ms() - SECOND_MS);
    set_timer(world, "invoice:2", clock_wall_ms() - SECOND_MS);
    pg_fixture_do(world->pg, "BEGIN; SELECT 1 FROM relais.timer WHERE entity ="
                             " 'invoice:1' FOR UPDATE");
    fire(world, 0);
    assert_int_equal(world->published, 1);
    pg_fixture_do(world->pg, "COMMIT");
    fire(world, 0);
    assert_int_equal(world->published, 2);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_is_due_goes_out_once, emptied),
        cmocka_unit_test_setup(a_later_word_replaces_the_earlier, emptied),
        cmocka_unit_test_setup(what_was_taken_back_never_goes_out, emptied),
        cmocka_unit_test_setup(the_moved_clock_fires_what_lies_ahead, emptied),
        cmocka_unit_test_setup(what_was_set_before_a_crash_fires_after_it, emptied),
        cmocka_unit_test_setup(two_that_fire_at_once_share_the_work, emptied),
        cmocka_unit_test_setup(a_row_that_is_being_changed_is_passed_over, emptied),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
