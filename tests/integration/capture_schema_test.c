// schemas/postgres/capture: what the triggers write, on a real server.
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pg.h"
#include "tests/integration/directus_tables.h"
#include "tests/integration/pg_fixture.h"

struct world {
    struct pg_fixture fixture;
    struct pg *pg;
};

static int
begin_server(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    pg_fixture_start(&world->fixture);
    world->pg = pg_fixture_connect(&world->fixture);
    *state = world;
    return 0;
}

static int
end_server(void **state)
{
    struct world *world = *state;
    pg_close(world->pg);
    pg_fixture_stop(&world->fixture);
    free(world);
    return 0;
}

// Each test gets the tables and the triggers anew.
static int
fresh(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "RESET ALL; DROP SCHEMA IF EXISTS relais_capture CASCADE;"
                             "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    pg_fixture_do(world->pg, directus_tables);
    pg_fixture_capture(world->pg);
    return 0;
}

static void
assert_text(struct world *world, const char *sql, const char *expected)
{
    char *text = pg_fixture_text(world->pg, sql);
    assert_string_equal(text, expected);
    free(text);
}

static long long
changes(struct world *world)
{
    return pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change");
}

#define QUOTE "11111111-1111-4111-8111-111111111111"
#define INVOICE "22222222-2222-4222-8222-222222222222"
#define USER "99999999-9999-4999-8999-999999999999"

// The last change as one line.
static const char last[] =
    "SELECT concat_ws(' ', collection, op, item, coalesce(root, '-'),"
    " array_to_string(changed, ',')) FROM relais_capture.change ORDER BY seq DESC "
    "LIMIT 1";

static void
every_operation_leaves_a_row_with_both_images(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, status, total) VALUES ('" QUOTE
                             "', 'draft', 1200.50)");
    assert_text(world, last, "quotes create " QUOTE " quote:" QUOTE " id,status,total");
    assert_text(world,
                "SELECT concat(old_row IS NULL, new_row ->> 'total') FROM "
                "relais_capture.change",
                "t1200.50");
    pg_fixture_do(world->pg, "UPDATE quotes SET status = 'sent'");
    assert_text(world, last, "quotes update " QUOTE " quote:" QUOTE " status");
    assert_text(world,
                "SELECT concat(old_row ->> 'status', ' ', new_row ->> 'status') FROM "
                "relais_capture.change WHERE op = 'update'",
                "draft sent");
    pg_fixture_do(world->pg, "DELETE FROM quotes");
    assert_text(world, last, "quotes delete " QUOTE " quote:" QUOTE " ");
    assert_text(world,
                "SELECT concat(new_row IS NULL, old_row ->> 'status') FROM "
                "relais_capture.change WHERE op = 'delete'",
                "tsent");
    assert_int_equal(changes(world), 3);
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(DISTINCT event_id) FROM "
                                       "relais_capture.change"),
                     3);
}

static void
update_that_changes_nothing_leaves_no_row(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status, total, metadata) VALUES ('" QUOTE
                  "', 'sent', 10.00, '{\"a\": 1}')");
    long long before = changes(world);
    pg_fixture_do(world->pg,
                  "UPDATE quotes SET status = 'sent';"
                  "UPDATE quotes SET total = 10;"
                  "UPDATE quotes SET metadata = '{\"a\":1}';"
                  "UPDATE quotes SET date_updated = now(), user_updated = '" USER "'");
    assert_int_equal(changes(world), before);
}

static void
rolled_back_change_leaves_no_row(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "BEGIN; INSERT INTO quotes (status) VALUES ('draft');"
                             "ROLLBACK");
    assert_int_equal(changes(world), 0);
}

static void
children_carry_the_root_of_their_parent(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id) VALUES ('" QUOTE "');"
                  "INSERT INTO quote_items (quote_id) VALUES ('" QUOTE "');"
                  "INSERT INTO client_invoices (id, quote_id) VALUES ('" INVOICE
                  "', '" QUOTE "');"
                  "INSERT INTO invoice_items (invoice_id) VALUES ('" INVOICE "');"
                  "INSERT INTO payments (invoice_id) VALUES ('" INVOICE "')");
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change WHERE "
                                     "root = 'quote:" QUOTE "'"),
        5);
}

static void
invoice_without_quote_is_a_root_itself(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO client_invoices (id) VALUES ('" INVOICE "');"
                  "INSERT INTO payments (invoice_id) VALUES ('" INVOICE "')");
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change WHERE "
                                     "root = 'invoice:" INVOICE "'"),
        2);
}

static void
others_have_roots_of_their_own(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO leads DEFAULT VALUES;"
                             "INSERT INTO people DEFAULT VALUES;"
                             "INSERT INTO companies DEFAULT VALUES;"
                             "INSERT INTO cgv_acceptances DEFAULT VALUES");
    assert_text(world,
                "SELECT string_agg(split_part(root, ':', 1), ' ' ORDER BY seq) FROM "
                "relais_capture.change WHERE split_part(root, ':', 2) = item",
                "lead contact company cgv");
}

static void
cascade_keeps_the_root_of_the_children(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id) VALUES ('" QUOTE "');"
                  "INSERT INTO client_invoices (id, quote_id) VALUES ('" INVOICE
                  "', '" QUOTE "');"
                  "INSERT INTO payments (invoice_id) VALUES ('" INVOICE "');"
                  "DELETE FROM quotes");
    assert_int_equal(
        pg_fixture_number(
            world->pg,
            "SELECT count(*) FROM relais_capture.change WHERE op = 'delete' "
            "AND coalesce(root, relais_capture.root(collection, old_row, NULL)) "
            "= 'quote:" QUOTE "'"),
        3);
}

static void
nested_write_is_captured_in_the_order_it_was_written(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "BEGIN; INSERT INTO people (id) VALUES ('" USER "');"
                  "INSERT INTO quotes (id, contact_id) VALUES ('" QUOTE "', '" USER
                  "');"
                  "INSERT INTO quote_items (quote_id) VALUES ('" QUOTE "'); COMMIT");
    assert_text(world,
                "SELECT string_agg(collection, ' ' ORDER BY seq) FROM "
                "relais_capture.change",
                "people quotes quote_items");
    assert_int_equal(
        pg_fixture_number(world->pg,
                          "SELECT count(DISTINCT txid) FROM relais_capture.change"),
        1);
}

static void
actor_is_named_only_where_the_row_knows_it(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, user_created) VALUES ('" QUOTE "', '" USER
                  "');"
                  "UPDATE quotes SET status = 'a', user_updated = '" USER "',"
                  " date_updated = now();"
                  "UPDATE quotes SET status = 'by hand, in SQL';"
                  "DELETE FROM quotes");
    assert_text(
        world,
        "SELECT string_agg(CASE WHEN actor IS NULL THEN 'nobody' ELSE 'user' END,"
        " ' ' ORDER BY seq) FROM relais_capture.change",
        "user user nobody nobody");
}

static void
signing_link_is_in_no_change(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "ALTER TABLE quotes ADD COLUMN docuseal_embed_url text;"
                  "INSERT INTO quotes (id, docuseal_embed_url) VALUES ('" QUOTE
                  "', 'https://sign.example/s/canary')");
    pg_fixture_do(world->pg, "UPDATE quotes SET docuseal_embed_url = 'canary'");
    assert_int_equal(changes(world), 1);
    pg_fixture_do(world->pg, "UPDATE quotes SET docuseal_embed_url = 'canary 2',"
                             " status = 'sent'");
    assert_text(world, last, "quotes update " QUOTE " quote:" QUOTE " status");
    pg_fixture_do(world->pg, "DELETE FROM quotes");
    assert_int_equal(changes(world), 3);
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais_capture.change c"
                                       " WHERE c::text ~ 'canary|embed'"),
                     0);
}

// Where the first schema has run for a while.
static void
signing_links_that_were_captured_are_taken_out(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "DROP SCHEMA relais_capture CASCADE;"
                             "ALTER TABLE quotes ADD COLUMN docuseal_embed_url text");
    pg_fixture_file(world->pg, "capture/001_capture.sql");
    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status, docuseal_embed_url) VALUES ('" QUOTE
                  "', 'sent', 'canary');"
                  "UPDATE quotes SET docuseal_embed_url = 'canary 2'");
    assert_int_equal(changes(world), 2);
    pg_fixture_file(world->pg, "capture/002_secrets_truncate.sql");
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais_capture.change c"
                                       " WHERE c::text ~ 'canary|embed'"),
                     0);
    assert_text(world,
                "SELECT string_agg(new_row ->> 'status' || ' '"
                " || array_to_string(changed, ','), ' ' ORDER BY seq)"
                " FROM relais_capture.change",
                "sent id,status sent ");
}

static void
truncate_deletes_each_row(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status) VALUES ('" QUOTE "', 'sent');"
                  "INSERT INTO client_invoices (id, quote_id) VALUES ('" INVOICE
                  "', '" QUOTE "');"
                  "INSERT INTO payments (invoice_id) VALUES ('" INVOICE "');"
                  "INSERT INTO leads DEFAULT VALUES; INSERT INTO leads DEFAULT VALUES");
    long long before = changes(world);
    pg_fixture_do(world->pg, "BEGIN; TRUNCATE leads; ROLLBACK; TRUNCATE companies");
    assert_int_equal(changes(world), before);
    pg_fixture_do(world->pg, "TRUNCATE leads");
    assert_int_equal(changes(world), before + 2);
    pg_fixture_do(world->pg, "TRUNCATE quotes, client_invoices, payments CASCADE");
    assert_text(world,
                "SELECT string_agg(collection || ' ' || op, ', ' ORDER BY collection)"
                " FROM relais_capture.change WHERE op = 'delete'"
                " AND root = 'quote:" QUOTE "' AND new_row IS NULL",
                "client_invoices delete, payments delete, quotes delete");
    assert_text(world,
                "SELECT old_row ->> 'status' FROM relais_capture.change"
                " WHERE op = 'delete' AND item = '" QUOTE "'",
                "sent");
}

static void
truncate_of_json_that_jsonb_refuses_tells_the_items(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, metadata) VALUES ('" QUOTE
                             "', '{\"a\": \"\\u0000\"}'); TRUNCATE quotes CASCADE");
    assert_text(world, last, "quotes delete " QUOTE " -");
}

static void
truncate_without_an_outbox_is_not_broken(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO leads DEFAULT VALUES;"
                             "DROP TABLE relais_capture.change; TRUNCATE leads");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM leads"), 0);
}

static void
json_that_jsonb_refuses_leaves_a_change_without_rows(void **state)
{
    struct world *world = *state;

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
writer_without_rights_on_the_outbox_is_captured(void **state)
{
    struct world *world = *state;

    pg_fixture_do(
        world->pg,
        "DO $$ BEGIN CREATE ROLE writer; EXCEPTION WHEN duplicate_object THEN "
        "END $$; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer; GRANT "
        "USAGE ON SCHEMA public TO writer; SET ROLE writer;"
        "INSERT INTO quotes (status) VALUES ('draft'); RESET ROLE");
    assert_int_equal(changes(world), 1);
}

static void
hostile_search_path_is_harmless(void **state)
{
    struct world *world = *state;

    pg_fixture_do(
        world->pg,
        "CREATE SCHEMA evil; CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS "
        "jsonb LANGUAGE sql AS 'SELECT ''{}''::jsonb';"
        "SET search_path = evil, public, pg_catalog;"
        "INSERT INTO quotes (id, status) VALUES ('" QUOTE "', 'draft');"
        "RESET search_path; DROP SCHEMA evil CASCADE");
    assert_text(world, last, "quotes create " QUOTE " quote:" QUOTE " id,status");
}

static void
missing_outbox_does_not_break_a_write(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "DROP TABLE relais_capture.change;"
                             "INSERT INTO quotes (status) VALUES ('draft')");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 1);
}

static void
missing_rights_do_not_break_a_write(void **state)
{
    struct world *world = *state;

    pg_fixture_do(
        world->pg,
        "DO $$ BEGIN CREATE ROLE nobody; EXCEPTION WHEN duplicate_object THEN "
        "END $$; GRANT CREATE ON SCHEMA relais_capture TO nobody;"
        "ALTER FUNCTION relais_capture.record() OWNER TO nobody;"
        "INSERT INTO quotes (status) VALUES ('draft')");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 1);
    assert_int_equal(changes(world), 0);
}

static void
any_other_error_stops_the_write(void **state)
{
    struct world *world = *state;
    struct error err = {0};

    pg_fixture_do(world->pg, "ALTER TABLE relais_capture.change ADD CHECK (false)");
    assert_false(
        pg_script(world->pg, "INSERT INTO quotes (status) VALUES ('draft')", &err));
    assert_non_null(strstr(err.text, "23514"));
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM quotes"), 0);
}

static void
installing_again_changes_nothing(void **state)
{
    struct world *world = *state;
    const char *oids = "SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_trigger "
                       "WHERE tgname LIKE 'relais_capture%'";
    char *before = pg_fixture_text(world->pg, oids);

    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY['quotes', "
                                     "'client_invoices=client_invoices', 'no_such'])"),
        2);
    assert_text(world, oids, before);
    free(before);
}

static void
collection_made_later_is_captured_once_installed(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg,
                  "DROP TABLE leads; CREATE TABLE leads (id serial PRIMARY KEY,"
                  " status text)");
    pg_fixture_do(world->pg, "INSERT INTO leads (status) VALUES ('new')");
    assert_int_equal(changes(world), 0);
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY['leads'])"),
        1);
    pg_fixture_do(world->pg, "INSERT INTO leads (status) VALUES ('new')");
    assert_text(world, last, "leads create 2 lead:2 id,status");
}

static void
collection_with_another_name_is_called_by_its_own(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "ALTER TABLE quotes RENAME TO \"Devis 2\";"
                             "ALTER TABLE client_invoices RENAME TO \"factures=x\"");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY["
                                                  "'quotes=Devis 2', 'payments'])"),
                     2);
    pg_fixture_do(world->pg, "INSERT INTO \"Devis 2\" (id) VALUES ('" QUOTE "')");
    assert_text(world, last, "quotes create " QUOTE " quote:" QUOTE " id");
}

static void
renamed_invoices_are_still_found_by_their_children(void **state)
{
    struct world *world = *state;

    pg_fixture_do(world->pg, "ALTER TABLE client_invoices RENAME TO factures");
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT relais_capture.install(ARRAY['payments',"
                                       " 'client_invoices=factures'])"),
                     2);
    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id) VALUES ('" QUOTE "');"
                  "ALTER TABLE factures DISABLE TRIGGER relais_capture;"
                  "INSERT INTO factures (id, quote_id) VALUES ('" INVOICE "', '" QUOTE
                  "'); INSERT INTO payments (invoice_id) VALUES ('" INVOICE "')");
    assert_text(world,
                "SELECT root FROM relais_capture.change WHERE collection = "
                "'payments'",
                "quote:" QUOTE);
}

static void
writers_are_woken_once_they_commit(void **state)
{
    struct world *world = *state;
    struct pg *listener = pg_fixture_connect(&world->fixture);
    bool notified = false;

    pg_fixture_do(listener, "LISTEN relais_capture");
    pg_fixture_do(world->pg, "BEGIN; INSERT INTO leads DEFAULT VALUES");
    assert_true(pg_wait_notify(listener, -1, 0, &notified));
    assert_false(notified);
    pg_fixture_do(world->pg, "COMMIT");
    while (!notified)
        assert_true(pg_wait_notify(listener, -1, 60000, &notified));
    pg_close(listener);
}

#define TEST(name) cmocka_unit_test_setup(name, fresh)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_operation_leaves_a_row_with_both_images),
        TEST(update_that_changes_nothing_leaves_no_row),
        TEST(rolled_back_change_leaves_no_row),
        TEST(children_carry_the_root_of_their_parent),
        TEST(invoice_without_quote_is_a_root_itself),
        TEST(others_have_roots_of_their_own),
        TEST(cascade_keeps_the_root_of_the_children),
        TEST(nested_write_is_captured_in_the_order_it_was_written),
        TEST(actor_is_named_only_where_the_row_knows_it),
        TEST(signing_link_is_in_no_change),
        TEST(signing_links_that_were_captured_are_taken_out),
        TEST(truncate_deletes_each_row),
        TEST(truncate_of_json_that_jsonb_refuses_tells_the_items),
        TEST(truncate_without_an_outbox_is_not_broken),
        TEST(json_that_jsonb_refuses_leaves_a_change_without_rows),
        TEST(writer_without_rights_on_the_outbox_is_captured),
        TEST(hostile_search_path_is_harmless),
        TEST(missing_outbox_does_not_break_a_write),
        TEST(missing_rights_do_not_break_a_write),
        TEST(any_other_error_stops_the_write),
        TEST(installing_again_changes_nothing),
        TEST(collection_made_later_is_captured_once_installed),
        TEST(collection_with_another_name_is_called_by_its_own),
        TEST(renamed_invoices_are_still_found_by_their_children),
        TEST(writers_are_woken_once_they_commit),
    };

    return cmocka_run_group_tests(tests, begin_server, end_server);
}
