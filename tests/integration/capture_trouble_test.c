// schemas/postgres/capture: a row that cannot be described and an outbox that is not as
// it was made never make a user's write fail.
#include "tests/harness/test.h"

#include <stdio.h>
#include <string.h>

#include "tests/integration/capture_world.h"

static void
truncate_of_json_that_jsonb_refuses_tells_the_items(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                             "', '{\"a\": \"\\u0000\"}'); TRUNCATE quotes CASCADE");
    capture_world_assert(world, capture_world_last, "quotes delete " QUOTE " -");
}

static void
truncate_without_an_outbox_is_not_broken(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO leads DEFAULT VALUES;"
                             "DROP TABLE relais_capture.change; TRUNCATE leads");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM leads"), 0);
}

static void
json_that_jsonb_refuses_leaves_a_change_without_rows(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                             "', '{\"a\": \"\\u0000\"}');"
                             "UPDATE quotes SET metadata = '{\"a\": \"\\ud800\"}';"
                             "DELETE FROM quotes");
    assert_int_equal(
        pg_fixture_number(world->pg,
                          "SELECT count(*) FROM relais_capture.change WHERE old_row IS "
                          "NULL AND new_row IS NULL AND item = '" QUOTE "'"),
        3);
}

static void
missing_outbox_does_not_break_a_write(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "DROP TABLE relais_capture.change;"
                             "INSERT INTO quotes (status) VALUES ('draft')");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 1);
}

static void
missing_rights_do_not_break_a_write(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(
        world->pg,
        "DO $$ BEGIN CREATE ROLE nobody; EXCEPTION WHEN duplicate_object THEN "
        "END $$; GRANT CREATE ON SCHEMA relais_capture TO nobody;"
        "ALTER FUNCTION relais_capture.record() OWNER TO nobody;"
        "INSERT INTO quotes (status) VALUES ('draft')");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 1);
    assert_int_equal(capture_world_changes(world), 0);
}

// From now on the outbox refuses changes for which `when` holds, with that SQLSTATE.
static void
refuse(struct capture_world *world, const char *when, const char *state)
{
    char sql[600];
    snprintf(sql, sizeof sql,
             "CREATE OR REPLACE FUNCTION relais_capture.refuse() RETURNS trigger"
             " LANGUAGE plpgsql AS $$ BEGIN IF %s THEN RAISE SQLSTATE '%s'; END IF;"
             " RETURN NEW; END $$; CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON"
             " relais_capture.change FOR EACH ROW EXECUTE FUNCTION"
             " relais_capture.refuse()",
             when, state);
    pg_fixture_do(world->pg, sql);
}

static void
whatever_is_wrong_with_a_row_leaves_a_change_without_it(void **state)
{
    struct capture_world *world = *state;
    static const char *const states[] = {"22003", "22P02", "54000", "54001",
                                         "53200", "55P03", "XX000", NULL};
    for (int i = 0; states[i] != NULL; i++) {
        long long before = capture_world_changes(world);
        refuse(world, "coalesce(NEW.old_row, NEW.new_row) IS NOT NULL", states[i]);
        pg_fixture_do(world->pg, "INSERT INTO quotes (id) VALUES ('" QUOTE "');"
                                 "TRUNCATE quotes CASCADE");
        assert_int_equal(capture_world_changes(world), before + 2);
        capture_world_assert(world, capture_world_last, "quotes delete " QUOTE " -");
    }
}

static void
number_that_jsonb_refuses_leaves_a_change_without_rows(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                             "', '{\"a\": 1e999999}')");
    capture_world_assert(world, capture_world_last, "quotes create " QUOTE " -");
}

// As deep as json itself takes it: what looks at it from within a trigger has less
// room.
static void
json_of_any_depth_is_written_and_captured(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "SET max_stack_depth = '100kB'; CREATE TABLE plain (j json);"
                  "DO $$ DECLARE j text; BEGIN FOR n IN 1..10000 LOOP"
                  " j := repeat('[', n * 10) || repeat(']', n * 10);"
                  " BEGIN INSERT INTO plain VALUES (j::json);"
                  " EXCEPTION WHEN statement_too_complex THEN EXIT; END;"
                  " INSERT INTO quotes (metadata) VALUES (j::json);"
                  " END LOOP; END $$; RESET max_stack_depth");
    assert_int_equal(capture_world_changes(world),
                     pg_fixture_number(world->pg, "SELECT count(*) FROM plain"));
    assert_int_not_equal(pg_fixture_number(world->pg,
                                           "SELECT count(*) FROM relais_capture.change"
                                           " WHERE new_row IS NULL"),
                         0);
}

static void
outbox_that_somebody_changed_does_not_break_a_write(void **state)
{
    struct capture_world *world = *state;
    static const char *const changes_made[] = {
        "ALTER TABLE relais_capture.change ADD CHECK (false)",
        "ALTER TABLE relais_capture.change DROP COLUMN item",
        "DROP FUNCTION relais_capture.root; DROP TABLE relais_capture.change", NULL};

    for (int i = 0; changes_made[i] != NULL; i++) {
        pg_fixture_do(world->pg, changes_made[i]);
        pg_fixture_do(world->pg, "TRUNCATE leads; INSERT INTO leads DEFAULT VALUES");
        assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM leads"), 1);
    }
}

static void
database_in_trouble_stops_the_write(void **state)
{
    struct capture_world *world = *state;
    static const char *const states[] = {"40P01", "53100", "55P03",
                                         "57P03", "58030", NULL};

    for (int i = 0; states[i] != NULL; i++) {
        struct error err = {0};
        refuse(world, "true", states[i]);
        assert_false(
            pg_script(world->pg, "INSERT INTO quotes (status) VALUES ('draft')", &err));
        assert_non_null(strstr(err.text, states[i]));
    }
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 0);
}

#define TEST(name) cmocka_unit_test_setup(name, capture_world_fresh)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(truncate_of_json_that_jsonb_refuses_tells_the_items),
        TEST(truncate_without_an_outbox_is_not_broken),
        TEST(json_that_jsonb_refuses_leaves_a_change_without_rows),
        TEST(missing_outbox_does_not_break_a_write),
        TEST(missing_rights_do_not_break_a_write),
        TEST(whatever_is_wrong_with_a_row_leaves_a_change_without_it),
        TEST(number_that_jsonb_refuses_leaves_a_change_without_rows),
        TEST(json_of_any_depth_is_written_and_captured),
        TEST(outbox_that_somebody_changed_does_not_break_a_write),
        TEST(database_in_trouble_stops_the_write),
    };

    return cmocka_run_group_tests(tests, capture_world_begin, capture_world_end);
}
