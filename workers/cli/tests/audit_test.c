// relais audit on a real Postgres. The workers are a trigger: what comes into the
// outbox is finished at once, as the tests say.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tests/harness/test.h"
#include "workers/cli/tests/world.h"

// Two of Invoice Ninja's invoices are paid by one payment, and a person is a contact
// and a lead.
static int
with_references(void **state)
{
    struct world *world = *state;
    assert_int_equal(world_migrated(state), EX_OK);
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.external_ref VALUES"
        " ('docuseal', '', 'quotes', 'q1', 'submission', '7', 'quote:q1'),"
        " ('docuseal', '', 'cgv_acceptances', 'c1', 'submission', '8', 'cgv:c1'),"
        " ('invoice-ninja', 'ACME', 'companies', 'f1', 'client', 'X', 'ACME:f1'),"
        " ('invoice-ninja', 'ACME', 'client_invoices', 'i1', 'invoice', 'A',"
        "  'ACME:f1'),"
        " ('invoice-ninja', 'ACME', 'payments', 'p1', 'payment', 'P/A', 'ACME:f1'),"
        " ('invoice-ninja', 'ACME', 'payments', 'p2', 'payment', 'P/B', 'ACME:f1'),"
        " ('mautic', '', 'people', 'h1', 'contact', '3', 'person:old'),"
        " ('mautic', '', 'leads', 'l1', 'contact', '3', 'person:new');"
        "UPDATE relais.external_ref SET updated_at = '2026-01-01' WHERE local_id = "
        "'h1'");
    return 0;
}

// What the workers do with each word to look at something, as SQL with NEW.
static void
workers_do(struct world *world, const char *what)
{
    char sql[2000];
    (void)snprintf(sql, sizeof sql,
                   "CREATE OR REPLACE FUNCTION relais.work() RETURNS trigger"
                   " LANGUAGE plpgsql AS $$ DECLARE worker text := 'relais-' ||"
                   " replace(NEW.topic, '.commands', ''); BEGIN %s RETURN NULL; END $$;"
                   "CREATE TRIGGER work AFTER INSERT ON relais.outbox FOR EACH ROW"
                   " EXECUTE FUNCTION relais.work()",
                   what);
    pg_fixture_do(world->pg, sql);
}

#define FINISH "INSERT INTO relais.finished_event VALUES (worker, NEW.id);"
#define STEP(outcome, note)                                                           \
    "INSERT INTO relais.journey_step (entity, worker, event, type, attempt, outcome," \
    " took_ms, note, calls) VALUES (NEW.key, worker, NEW.id, '', 1, '" outcome        \
    "', 1, '" note "', '');"

static void
assert_all_compared(const struct world *world)
{
    assert_says(world->run.out, "{\"compared\":{\"submissions\":2,\"invoices\":1,"
                                "\"payments\":1,\"contacts\":1}");
}

static void
each_object_is_looked_at_once_in_its_lane(void **state)
{
    struct world *world = *state;
    workers_do(world, FINISH);
    assert_int_equal(run_line(&world->run, "audit --json"), EX_OK);
    assert_all_compared(world);
    assert_says(world->run.out, "\"found\":[],\"attention\":[]");
    char *sent =
        pg_fixture_text(world->pg, "SELECT string_agg(topic || ' ' || key || ' ' || "
                                   "convert_from(payload, 'UTF8'), E'\\n' ORDER BY seq)"
                                   " FROM relais.outbox");
    assert_string_equal(
        sent,
        "docuseal.commands quote:q1 {\"company\":\"\",\"remote_id\":\"7\","
        "\"root\":\"quote:q1\",\"why\":\"audit\"}\n"
        "docuseal.commands cgv:c1 {\"company\":\"\",\"remote_id\":\"8\","
        "\"root\":\"cgv:c1\",\"why\":\"audit\"}\n"
        "invoice-ninja.commands ACME:f1 {\"company\":\"ACME\",\"remote_id\":\"A\","
        "\"root\":\"invoice:i1\",\"why\":\"audit\"}\n"
        "invoice-ninja.commands ACME:f1 {\"company\":\"ACME\",\"remote_id\":\"P\","
        "\"root\":\"\",\"why\":\"audit\"}\n"
        "mautic.commands person:new {\"company\":\"\",\"remote_id\":\"3\","
        "\"root\":\"lead:l1\",\"why\":\"audit\"}");
    free(sent);
}

static void
many_are_looked_at_page_by_page(void **state)
{
    struct world *world = *state;
    workers_do(world, FINISH);
    // Each payment of two invoices: pages end between the two of one.
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.external_ref SELECT 'invoice-ninja', 'B',"
                  " 'payments', n || i, 'payment', n || '/' || i, 'B:f'"
                  " FROM generate_series(1, 501) AS n, unnest(ARRAY['x', 'y']) AS i"
                  " UNION ALL SELECT 'invoice-ninja', 'ACME', 'payments', 'p3',"
                  " 'payment', 'P/C', 'ACME:f1'");
    assert_int_equal(run_line(&world->run, "audit"), EX_OK);
    assert_says(world->run.out, "invoice-ninja: 250 of 502 payments looked at\n"
                                "invoice-ninja: 500 of 502 payments looked at\n"
                                "invoice-ninja: 502 of 502 payments looked at\n");
    assert_says(world->run.out, "2 submissions, 1 invoices, 502 payments, 1 contacts "
                                "compared; 0 put right; 0 for a person; ");
}

static void
what_was_put_right_is_shown(void **state)
{
    struct world *world = *state;
    workers_do(world, STEP("retry", "away") STEP(
                          "done", "submission 7: completed; put right: status") FINISH);
    assert_int_equal(run_line(&world->run, "audit"), EX_OK);
    assert_says(world->run.out,
                "quote:q1    relais-docuseal       submission 7: completed; put right: "
                "status\n");
    assert_says(world->run.out, "; 5 put right; 0 for a person; ");
}

static void
what_was_sent_on_is_said(void **state)
{
    struct world *world = *state;
    workers_do(world, STEP("done", "sent on to its lane") FINISH);
    assert_int_equal(run_line(&world->run, "audit --json"), EX_OK);
    assert_says(world->run.out, "{\"entity\":\"quote:q1\",\"worker\":"
                                "\"relais-docuseal\",\"what\":\"its lane has changed: "
                                "run it again\"}");
    assert_says(world->run.out, "\"put_right\":0,");
}

static void
a_dead_letter_is_for_a_person(void **state)
{
    struct world *world = *state;
    workers_do(world, "IF NEW.key = 'cgv:c1' THEN " STEP(
                          "dead", "no such thing") "END IF;" FINISH);
    assert_int_equal(run_line(&world->run, "audit"), EX_DATAERR);
    assert_says(world->run.out, "a dead letter (relais dead list): no such thing");
    assert_says(world->run.out, "1 submissions, 1 invoices");
    assert_says(world->run.out, "; 1 for a person; ");
}

// Also what was settled once, which keeps the time it was first raised at.
static void
what_is_raised_meanwhile_is_for_a_person(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.attention (kind, entity, worker, text, raised_at,"
                  " resolved_at) VALUES ('k', 'open', 'w', 'old', '2026-01-01', NULL),"
                  " ('k', 'settled', 'w', 'old', '2026-01-01', '2026-01-02')");
    workers_do(world, "INSERT INTO relais.attention (kind, entity, worker, text)"
                      " VALUES ('k', 'open', 'w', 'news'), ('k', 'settled', 'w',"
                      " 'news'), ('k', NEW.key, 'w', 'news') ON CONFLICT (kind, entity)"
                      " DO UPDATE SET text = 'news', resolved_at = NULL;" FINISH);
    assert_int_equal(run_line(&world->run, "audit"), EX_DATAERR);
    assert_says(world->run.out, "settled     news\n");
    assert_null(strstr(world->run.out, "open"));
    assert_says(world->run.out, "; 5 for a person; ");
    assert_int_equal(run_line(&world->run, "audit --json"), EX_OK);
    assert_all_compared(world);
}

// One that will come back by itself, only later, keeps nobody waiting.
static void
what_is_parked_for_long_is_left_and_said(void **state)
{
    struct world *world = *state;
    workers_do(world,
               "IF NEW.key = 'quote:q1' THEN INSERT INTO relais.parked_event (worker,"
               " partition, lane, event, topic, headers, due_at) VALUES (worker, 0,"
               " NEW.key, NEW.id, NEW.topic, '', now() + interval '1 day');" STEP(
                   "parked", "DocuSeal answered 503") "ELSE " FINISH "END IF;");
    assert_int_equal(run_line(&world->run, "audit"), EX_TEMPFAIL);
    assert_says(world->run.out, "parked: DocuSeal answered 503");
    assert_says(world->run.out, "docuseal: 1 of 2 submissions looked at");
    assert_says(world->run.err, "1 submissions wait in parking");
}

// Its row has no time of its own: the one before it is due.
static void
what_stands_behind_another_is_waited_for(void **state)
{
    struct world *world = *state;
    workers_do(world,
               "IF NEW.key = 'quote:q1' THEN INSERT INTO relais.parked_event (worker,"
               " partition, lane, event, topic, headers, due_at) VALUES"
               " (worker, 0, NEW.key, 'another', NEW.topic, '', now()),"
               " (worker, 0, NEW.key, NEW.id, NEW.topic, '', now() + interval '9 years'"
               "); ELSE " FINISH "END IF;");
    assert_int_equal(run_line(&world->run, "audit --wait 1s"), EX_TEMPFAIL);
    assert_says(world->run.err, "1 submissions were not looked at");
    assert_null(strstr(world->run.err, "in parking"));
}

// That one has just been finished.
static void
what_stood_behind_another_is_waited_for(void **state)
{
    struct world *world = *state;
    workers_do(world,
               "IF NEW.key = 'quote:q1' THEN INSERT INTO relais.parked_event (worker,"
               " partition, lane, event, topic, headers, due_at) VALUES (worker, 0,"
               " 'alone', NEW.id, NEW.topic, '', now() + interval '100 years');"
               " ELSE " FINISH "END IF;");
    assert_int_equal(run_line(&world->run, "audit --wait 1s"), EX_TEMPFAIL);
    assert_null(strstr(world->run.err, "in parking"));
}

static void
a_worker_that_does_not_run_is_named(void **state)
{
    struct world *world = *state;
    workers_do(world, "IF NEW.topic <> 'mautic.commands' THEN " FINISH "END IF;");
    assert_int_equal(run_line(&world->run, "audit --json --wait 1s"), EX_TEMPFAIL);
    assert_says(world->run.err,
                "1 contacts were not looked at: does relais-mautic run?");
    assert_says(world->run.out, "\"not_looked_at\":{\"submissions\":0,\"invoices\":0,"
                                "\"payments\":0,\"contacts\":1}");
    run_set(&world->run, "INTEGRATIONS", "docuseal,invoice-ninja");
    assert_int_equal(run_line(&world->run, "audit"), EX_OK);
    assert_says(world->run.out, "mautic: not in INTEGRATIONS, 1 contacts left out");
    run_set(&world->run, "INTEGRATIONS", "docuseal,invoice-ninja,mautic");
}

#define TEST(name) cmocka_unit_test_setup(name, with_references)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_object_is_looked_at_once_in_its_lane),
        TEST(many_are_looked_at_page_by_page),
        TEST(what_was_put_right_is_shown),
        TEST(what_was_sent_on_is_said),
        TEST(a_dead_letter_is_for_a_person),
        TEST(what_is_raised_meanwhile_is_for_a_person),
        TEST(what_is_parked_for_long_is_left_and_said),
        TEST(what_stands_behind_another_is_waited_for),
        TEST(what_stood_behind_another_is_waited_for),
        TEST(a_worker_that_does_not_run_is_named),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
