// common/pg.c against a real server.
#include "common/pg.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/integration/pg_fixture.h"

struct world {
    struct pg_fixture fixture;
    struct pg *pg;
};

static int
begin(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    pg_fixture_start(&world->fixture);
    world->pg = pg_fixture_connect(&world->fixture);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    pg_close(world->pg);
    pg_fixture_stop(&world->fixture);
    free(world);
    return 0;
}

static void
parameters_and_results_round_trip(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const struct pg_param params[] = {PG_TEXT("42"), PG_BYTES("a\0b", 3),
                                      PG_TEXT(NULL)};

    assert_true(pg_run(world->pg, "SELECT $1::int8 + 1, $2::bytea, $3::text", params, 3,
                       &rows, &err));
    assert_int_equal(pg_rows_count(rows), 1);
    assert_int_equal(pg_i64(rows, 0, 0), 43);
    size_t length;
    const void *bytes = pg_bytes(rows, 0, 1, &length);
    assert_int_equal(length, 3);
    assert_memory_equal(bytes, "a\0b", 3);
    assert_ptr_equal(pg_bytes(rows, 0, 1, &length), bytes);
    assert_null(pg_text(rows, 0, 2));
    assert_null(pg_bytes(rows, 0, 2, &length));
    assert_int_equal(pg_i64(rows, 0, 2), 0);
    pg_rows_free(rows);
}

static void
empty_bytes_are_not_null(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const struct pg_param params[] = {PG_BYTES("", 0)};

    assert_true(pg_run(world->pg, "SELECT $1::bytea", params, 1, &rows, &err));
    size_t length = 7;
    assert_non_null(pg_bytes(rows, 0, 0, &length));
    assert_int_equal(length, 0);
    pg_rows_free(rows);
}

static void
affected_rows_are_counted(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;

    pg_fixture_do(world->pg, "CREATE TEMP TABLE counted (n int)");
    assert_true(pg_run(world->pg, "INSERT INTO counted SELECT generate_series(1, 5)",
                       NULL, 0, &rows, &err));
    assert_int_equal(pg_affected(rows), 5);
    assert_int_equal(pg_rows_count(rows), 0);
    pg_rows_free(rows);
}

static void
refusal_is_permanent_and_names_the_state(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;

    assert_false(pg_run(world->pg, "SELECT 1/0", NULL, 0, &rows, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "22012"));
    assert_null(rows);
    assert_true(pg_ok(world->pg));
    assert_int_equal(pg_fixture_number(world->pg, "SELECT 7"), 7);
}

static void
refusal_shows_no_rows(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    pg_fixture_do(world->pg, "CREATE TEMP TABLE once (secret text PRIMARY KEY);"
                             "INSERT INTO once VALUES ('canary')");
    assert_false(
        pg_run(world->pg, "INSERT INTO once VALUES ('canary')", NULL, 0, NULL, &err));
    assert_non_null(strstr(err.text, "23505"));
    assert_null(strstr(err.text, "canary"));
}

static void
serialization_failure_may_be_tried_again(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const char *const states[] = {"40001", "40P01", "53100", "57014"};

    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        char sql[128];
        snprintf(sql, sizeof sql,
                 "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '%s'; END $$", states[i]);
        assert_false(pg_run(world->pg, sql, NULL, 0, NULL, &err));
        assert_int_equal(err.kind, ERROR_RETRYABLE);
        assert_true(pg_ok(world->pg));
    }
}

static void
pipeline_is_one_transaction(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const struct pg_param params[] = {PG_TEXT("3")};
    const struct pg_statement good[] = {
        {.sql = "BEGIN"},
        {.sql = "CREATE TABLE piped (n int)"},
        {.sql = "INSERT INTO piped VALUES ($1::int) RETURNING n * 2",
         .params = params,
         .count = 1,
         .rows = &rows},
        {.sql = "COMMIT"},
    };

    assert_true(pg_pipeline(world->pg, good, 4, &err));
    assert_int_equal(pg_i64(rows, 0, 0), 6);
    pg_rows_free(rows);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM piped"), 1);
}

static void
failing_statement_fails_the_pipeline(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *first = NULL;
    struct pg_rows *last = NULL;
    const struct pg_statement bad[] = {
        {.sql = "BEGIN"},
        {.sql = "CREATE TABLE never (n int)"},
        {.sql = "SELECT 1", .rows = &first},
        {.sql = "INSERT INTO never VALUES (1/0)"},
        {.sql = "SELECT 2", .rows = &last},
        {.sql = "COMMIT"},
    };

    assert_false(pg_pipeline(world->pg, bad, 6, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_non_null(strstr(err.text, "22012"));
    assert_null(first);
    assert_null(last);
    assert_true(pg_ok(world->pg));
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM pg_class WHERE relname = "
                                       "'never'"),
                     0);
    // The connection is out of the broken transaction.
    pg_fixture_do(world->pg, "CREATE TABLE after_failure (n int)");
}

static void
commit_that_fails_fails_the_pipeline(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const struct pg_statement late[] = {
        {.sql = "BEGIN"},
        {.sql = "INSERT INTO deferred VALUES (1), (1)"},
        {.sql = "COMMIT"},
    };

    pg_fixture_do(world->pg, "CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY "
                             "DEFERRED)");
    assert_false(pg_pipeline(world->pg, late, 3, &err));
    assert_non_null(strstr(err.text, "23505"));
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM deferred"), 0);
}

static void
pipeline_parses_what_is_prepared_once(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const struct pg_param params[] = {PG_TEXT("3")};
    const struct pg_statement twice[] = {
        {.sql = "SELECT $1::int", .params = params, .count = 1, .prepared = true},
        {.sql = "SELECT 'another'", .prepared = true},
        {.sql = "SELECT 'a third'"},
        {.sql = "SELECT $1::int", .params = params, .count = 1, .prepared = true},
    };
    static const char parsed[] =
        "SELECT count(*) FROM pg_prepared_statements WHERE NOT from_sql";

    struct pg *fresh = pg_fixture_connect(&world->fixture);
    for (int i = 0; i < 3; i++)
        assert_true(pg_pipeline(fresh, twice, 4, &err));
    assert_int_equal(pg_fixture_number(fresh, parsed), 2);
    pg_close(fresh);
}

// What was parsed for tables that were changed since fails once.
static void
after_a_failure_the_pipeline_parses_anew(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    const struct pg_statement all[] = {
        {.sql = "SELECT * FROM growing", .rows = &rows, .prepared = true}};

    pg_fixture_do(world->pg, "CREATE TABLE growing AS SELECT 1 AS n");
    assert_true(pg_pipeline(world->pg, all, 1, &err));
    pg_rows_free(rows);
    pg_fixture_do(world->pg, "ALTER TABLE growing ADD COLUMN m int DEFAULT 2");
    assert_false(pg_pipeline(world->pg, all, 1, &err));
    assert_true(pg_pipeline(world->pg, all, 1, &err));
    assert_int_equal(pg_i64(rows, 0, 1), 2);
    pg_rows_free(rows);
}

static void
pipeline_runs_more_texts_than_it_keeps(void **state)
{
    enum { TEXTS = 100 };
    struct world *world = *state;
    struct error err = {0};
    static char texts[TEXTS][24];
    static struct pg_statement statements[TEXTS];
    static struct pg_rows *rows[TEXTS];

    for (int i = 0; i < TEXTS; i++) {
        snprintf(texts[i], sizeof texts[i], "SELECT %d", i);
        statements[i] =
            (struct pg_statement){.sql = texts[i], .rows = &rows[i], .prepared = true};
    }
    for (int round = 0; round < 2; round++) {
        assert_true(pg_pipeline(world->pg, statements, TEXTS, &err));
        for (int i = 0; i < TEXTS; i++) {
            assert_int_equal(pg_i64(rows[i], 0, 0), i);
            pg_rows_free(rows[i]);
        }
    }
}

// More than the sockets hold in both directions at once.
static void
pipeline_of_many_megabytes_does_not_lock_up(void **state)
{
    enum { STATEMENTS = 64, BYTES = 400000 };
    struct world *world = *state;
    struct error err = {0};
    char *text = str_alloc(BYTES + 1);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    const struct pg_param params[] = {PG_TEXT(text)};
    struct pg_statement statements[STATEMENTS];
    struct pg_rows *rows[STATEMENTS];

    for (int i = 0; i < STATEMENTS; i++)
        statements[i] = (struct pg_statement){
            .sql = "SELECT $1::text", .params = params, .count = 1, .rows = &rows[i]};
    assert_true(pg_pipeline(world->pg, statements, STATEMENTS, &err));
    for (int i = 0; i < STATEMENTS; i++) {
        assert_int_equal(strlen(pg_text(rows[i], 0, 0)), BYTES);
        pg_rows_free(rows[i]);
    }
    free(text);
}

static void
arrays_become_columns(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    struct pg_array texts;
    struct pg_array bytes;
    struct pg_array numbers;
    struct pg_array small;

    pg_array_begin(&texts, PG_TYPE_TEXT);
    pg_array_begin(&bytes, PG_TYPE_BYTEA);
    pg_array_begin(&numbers, PG_TYPE_INT8);
    pg_array_begin(&small, PG_TYPE_INT4);
    pg_array_text(&texts, "gone after the clear");
    pg_array_clear(&texts);
    pg_array_text(&texts, "é");
    pg_array_text(&texts, NULL);
    pg_array_bytes(&bytes, "\0\1", 2);
    pg_array_bytes(&bytes, "", 0);
    pg_array_i64(&numbers, INT64_MIN);
    pg_array_i64(&numbers, 7);
    pg_array_i64(&small, -3);
    pg_array_i64(&small, 4);
    const struct pg_param params[] = {
        pg_array_param(&texts),
        pg_array_param(&bytes),
        pg_array_param(&numbers),
        pg_array_param(&small),
    };
    if (!pg_run(world->pg,
                "SELECT t, b, n::text, s FROM unnest($1, $2, $3, $4) AS u(t, b, n, s)",
                params, 4, &rows, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pg_rows_count(rows), 2);
    assert_string_equal(pg_text(rows, 0, 0), "é");
    assert_null(pg_text(rows, 1, 0));
    size_t length;
    assert_memory_equal(pg_bytes(rows, 0, 1, &length), "\0\1", 2);
    assert_int_equal(length, 2);
    assert_string_equal(pg_text(rows, 0, 2), "-9223372036854775808");
    assert_int_equal(pg_i64(rows, 1, 2), 7);
    assert_int_equal(pg_i64(rows, 0, 3), -3);
    pg_rows_free(rows);
    pg_array_end(&texts);
    pg_array_end(&bytes);
    pg_array_end(&numbers);
    pg_array_end(&small);
}

static void
empty_array_has_no_rows(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg_rows *rows = NULL;
    struct pg_array texts;

    pg_array_begin(&texts, PG_TYPE_TEXT);
    const struct pg_param params[] = {pg_array_param(&texts)};
    assert_true(pg_run(world->pg, "SELECT * FROM unnest($1)", params, 1, &rows, &err));
    assert_int_equal(pg_rows_count(rows), 0);
    pg_rows_free(rows);
    pg_array_end(&texts);
}

static void
script_runs_many_statements_as_one(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    assert_false(pg_script(world->pg, "CREATE TABLE half (n int); SELECT 1/0;", &err));
    assert_non_null(strstr(err.text, "22012"));
    assert_int_equal(
        pg_fixture_number(world->pg,
                          "SELECT count(*) FROM pg_class WHERE relname = 'half'"),
        0);
}

static void
copy_is_refused_without_hanging(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    assert_false(pg_script(world->pg, "COPY (SELECT 1) TO STDOUT", &err));
    assert_false(pg_ok(world->pg));
    world->pg = pg_fixture_reconnect(&world->fixture, world->pg);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT 1"), 1);
}

static void
notification_wakes_the_waiter(void **state)
{
    struct world *world = *state;
    struct pg *other = pg_fixture_connect(&world->fixture);
    bool notified = true;

    pg_fixture_do(world->pg, "LISTEN word");
    assert_true(pg_wait_notify(world->pg, -1, 0, &notified));
    assert_false(notified);
    pg_fixture_do(other, "NOTIFY word");
    assert_true(pg_wait_notify(world->pg, -1, 60000, &notified));
    assert_true(notified);
    assert_true(pg_wait_notify(world->pg, -1, 0, &notified));
    assert_false(notified);
    pg_close(other);
}

static void
descriptor_wakes_the_waiter(void **state)
{
    struct world *world = *state;
    int wake = eventfd(1, EFD_CLOEXEC);
    bool notified = true;

    assert_true(pg_wait_notify(world->pg, wake, 60000, &notified));
    assert_false(notified);
    close(wake);
}

static void
killed_session_may_be_tried_again(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    struct pg *other = pg_fixture_connect(&world->fixture);
    char sql[80];

    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%lld)",
             pg_fixture_number(world->pg, "SELECT pg_backend_pid()"));
    pg_fixture_number(other, sql);
    pg_close(other);
    assert_false(pg_run(world->pg, "SELECT 1", NULL, 0, NULL, &err));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_false(pg_ok(world->pg));
    world->pg = pg_fixture_reconnect(&world->fixture, world->pg);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT 1"), 1);
}

static void
killed_session_ends_the_wait(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    bool notified;

    pg_fixture_do(world->pg, "LISTEN word");
    pg_fixture_crash(&world->fixture);
    while (pg_wait_notify(world->pg, -1, 60000, &notified)) // the server's farewell
        assert_false(notified);
    assert_false(pg_ok(world->pg));
    assert_null(pg_open(world->fixture.url, "test", &err));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    pg_fixture_again(&world->fixture);
    world->pg = pg_fixture_reconnect(&world->fixture, world->pg);
}

static void
crash_in_a_pipeline_may_be_tried_again(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const struct pg_statement suicide[] = {
        {.sql = "BEGIN"},
        {.sql = "SELECT pg_terminate_backend(pg_backend_pid())"},
        {.sql = "SELECT 1"},
        {.sql = "COMMIT"},
    };

    assert_false(pg_pipeline(world->pg, suicide, 4, &err));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_false(pg_ok(world->pg));
    assert_false(pg_pipeline(world->pg, suicide, 4, &err));
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    world->pg = pg_fixture_reconnect(&world->fixture, world->pg);
}

static void
errors_of_connecting_never_show_the_password(void **state)
{
    (void)state;
    const char *const urls[] = {
        "postgresql://user:canary@127.0.0.1:1/db",
        "postgresql://user:can@ary@127.0.0.1:1/db",
        "postgresql://user:1/canary@127.0.0.1:1/db",
        "postgresql://user:canary/x@127.0.0.1:1/db",
        "postgres//user:canary@127.0.0.1:1/db",
        "host=127.0.0.1 password=my canary",
        "postgresql://user@127.0.0.1:1/db?secret=canary",
    };

    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct error err = {0};
        assert_null(pg_open(urls[i], "test", &err));
        assert_int_equal(err.kind, i == 0 ? ERROR_RETRYABLE : ERROR_PERMANENT);
        assert_int_equal(err.hint != NULL, i == 0);
        assert_null(strstr(err.text, "canary"));
        assert_null(strstr(err.text, "ary@"));
    }
}

static void
parameter_beyond_the_limit_is_refused(void **state)
{
    struct world *world = *state;
    struct error err = {0};
    const struct pg_param params[] = {
        {.data = "x", .length = SIZE_MAX, .type = PG_TYPE_BYTEA}};

    assert_false(pg_run(world->pg, "SELECT $1", params, 1, NULL, &err));
    assert_int_equal(err.kind, ERROR_PERMANENT);
    assert_true(pg_ok(world->pg));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_and_results_round_trip),
        cmocka_unit_test(empty_bytes_are_not_null),
        cmocka_unit_test(affected_rows_are_counted),
        cmocka_unit_test(refusal_is_permanent_and_names_the_state),
        cmocka_unit_test(refusal_shows_no_rows),
        cmocka_unit_test(serialization_failure_may_be_tried_again),
        cmocka_unit_test(pipeline_is_one_transaction),
        cmocka_unit_test(failing_statement_fails_the_pipeline),
        cmocka_unit_test(commit_that_fails_fails_the_pipeline),
        cmocka_unit_test(pipeline_parses_what_is_prepared_once),
        cmocka_unit_test(after_a_failure_the_pipeline_parses_anew),
        cmocka_unit_test(pipeline_runs_more_texts_than_it_keeps),
        cmocka_unit_test(pipeline_of_many_megabytes_does_not_lock_up),
        cmocka_unit_test(arrays_become_columns),
        cmocka_unit_test(empty_array_has_no_rows),
        cmocka_unit_test(script_runs_many_statements_as_one),
        cmocka_unit_test(copy_is_refused_without_hanging),
        cmocka_unit_test(notification_wakes_the_waiter),
        cmocka_unit_test(descriptor_wakes_the_waiter),
        cmocka_unit_test(killed_session_may_be_tried_again),
        cmocka_unit_test(killed_session_ends_the_wait),
        cmocka_unit_test(crash_in_a_pipeline_may_be_tried_again),
        cmocka_unit_test(errors_of_connecting_never_show_the_password),
        cmocka_unit_test(parameter_beyond_the_limit_is_refused),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
