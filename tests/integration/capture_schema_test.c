// schemas/postgres/capture: what the triggers write, on a real server.
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/integration/capture_world.h"

#define INVOICE "22222222-2222-4222-8222-222222222222"
#define USER "99999999-9999-4999-8999-999999999999"

static void
every_operation_leaves_a_row_with_both_images(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO quotes (id, status, total) VALUES ('" QUOTE
                             "', 'draft', 1200.50)");
    capture_world_assert(world, capture_world_last,
                         "quotes create " QUOTE " quote:" QUOTE " id,status,total");
    capture_world_assert(world,
                         "SELECT concat(old_row IS NULL, new_row ->> 'total') FROM "
                         "relais_capture.change",
                         "t1200.50");
    pg_fixture_do(world->pg, "UPDATE quotes SET status = 'sent'");
    capture_world_assert(world, capture_world_last,
                         "quotes update " QUOTE " quote:" QUOTE " status");
    capture_world_assert(
        world,
        "SELECT concat(old_row ->> 'status', ' ', new_row ->> 'status') FROM "
        "relais_capture.change WHERE op = 'update'",
        "draft sent");
    pg_fixture_do(world->pg, "DELETE FROM quotes");
    capture_world_assert(world, capture_world_last,
                         "quotes delete " QUOTE " quote:" QUOTE " ");
    capture_world_assert(world,
                         "SELECT concat(new_row IS NULL, old_row ->> 'status') FROM "
                         "relais_capture.change WHERE op = 'delete'",
                         "tsent");
    assert_int_equal(capture_world_changes(world), 3);
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(DISTINCT event_id) FROM "
                                       "relais_capture.change"),
                     3);
}

static void
update_that_changes_nothing_leaves_no_row(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status, total, metadata) VALUES ('" QUOTE
                  "', 'sent', 10.00, '{\"a\": 1}')");
    long long before = capture_world_changes(world);
    pg_fixture_do(world->pg,
                  "UPDATE quotes SET status = 'sent';"
                  "UPDATE quotes SET total = 10;"
                  "UPDATE quotes SET metadata = '{\"a\":1}';"
                  "UPDATE quotes SET date_updated = now(), user_updated = '" USER "'");
    assert_int_equal(capture_world_changes(world), before);
}

static void
rolled_back_change_leaves_no_row(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "BEGIN; INSERT INTO quotes (status) VALUES ('draft');"
                             "ROLLBACK");
    assert_int_equal(capture_world_changes(world), 0);
}

static void
children_carry_the_root_of_their_parent(void **state)
{
    struct capture_world *world = *state;

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
    struct capture_world *world = *state;

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
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "INSERT INTO leads DEFAULT VALUES;"
                             "INSERT INTO people DEFAULT VALUES;"
                             "INSERT INTO companies DEFAULT VALUES;"
                             "INSERT INTO cgv_acceptances DEFAULT VALUES");
    capture_world_assert(
        world,
        "SELECT string_agg(split_part(root, ':', 1), ' ' ORDER BY seq) FROM "
        "relais_capture.change WHERE split_part(root, ':', 2) = item",
        "lead contact company cgv");
}

static void
cascade_keeps_the_root_of_the_children(void **state)
{
    struct capture_world *world = *state;

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
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "BEGIN; INSERT INTO people (id) VALUES ('" USER "');"
                  "INSERT INTO quotes (id, contact_id) VALUES ('" QUOTE "', '" USER
                  "');"
                  "INSERT INTO quote_items (quote_id) VALUES ('" QUOTE "'); COMMIT");
    capture_world_assert(world,
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
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, user_created) VALUES ('" QUOTE "', '" USER
                  "');"
                  "UPDATE quotes SET status = 'a', user_updated = '" USER "',"
                  " date_updated = now();"
                  "UPDATE quotes SET status = 'by hand, in SQL';"
                  "DELETE FROM quotes");
    capture_world_assert(
        world,
        "SELECT string_agg(CASE WHEN actor IS NULL THEN 'nobody' ELSE 'user' END,"
        " ' ' ORDER BY seq) FROM relais_capture.change",
        "user user nobody nobody");
}

static void
signing_link_is_in_no_change(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "ALTER TABLE quotes ADD COLUMN docuseal_embed_url text;"
                  "INSERT INTO quotes (id, docuseal_embed_url) VALUES ('" QUOTE
                  "', 'https://sign.example/s/canary')");
    pg_fixture_do(world->pg, "UPDATE quotes SET docuseal_embed_url = 'canary'");
    assert_int_equal(capture_world_changes(world), 1);
    pg_fixture_do(world->pg, "UPDATE quotes SET docuseal_embed_url = 'canary 2',"
                             " status = 'sent'");
    capture_world_assert(world, capture_world_last,
                         "quotes update " QUOTE " quote:" QUOTE " status");
    pg_fixture_do(world->pg, "DELETE FROM quotes");
    assert_int_equal(capture_world_changes(world), 3);
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais_capture.change c"
                                       " WHERE c::text ~ 'canary|embed'"),
                     0);
}

// Where the first schema has run for a while.
static void
signing_links_that_were_captured_are_taken_out(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "DROP SCHEMA relais_capture CASCADE;"
                             "ALTER TABLE quotes ADD COLUMN docuseal_embed_url text");
    pg_fixture_file(world->pg, "capture/001_capture.sql");
    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status, docuseal_embed_url) VALUES ('" QUOTE
                  "', 'sent', 'canary');"
                  "UPDATE quotes SET docuseal_embed_url = 'canary 2'");
    assert_int_equal(capture_world_changes(world), 2);
    pg_fixture_file(world->pg, "capture/002_secrets_truncate.sql");
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais_capture.change c"
                                       " WHERE c::text ~ 'canary|embed'"),
                     0);
    capture_world_assert(world,
                         "SELECT string_agg(new_row ->> 'status' || ' '"
                         " || array_to_string(changed, ','), ' ' ORDER BY seq)"
                         " FROM relais_capture.change",
                         "sent id,status sent ");
}

static void
truncate_deletes_each_row(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "INSERT INTO quotes (id, status) VALUES ('" QUOTE "', 'sent');"
                  "INSERT INTO client_invoices (id, quote_id) VALUES ('" INVOICE
                  "', '" QUOTE "');"
                  "INSERT INTO payments (invoice_id) VALUES ('" INVOICE "');"
                  "INSERT INTO leads DEFAULT VALUES; INSERT INTO leads DEFAULT VALUES");
    long long before = capture_world_changes(world);
    pg_fixture_do(world->pg, "BEGIN; TRUNCATE leads; ROLLBACK; TRUNCATE companies");
    assert_int_equal(capture_world_changes(world), before);
    pg_fixture_do(world->pg, "TRUNCATE leads");
    assert_int_equal(capture_world_changes(world), before + 2);
    pg_fixture_do(world->pg, "TRUNCATE quotes, client_invoices, payments CASCADE");
    capture_world_assert(
        world,
        "SELECT string_agg(collection || ' ' || op, ', ' ORDER BY collection)"
        " FROM relais_capture.change WHERE op = 'delete'"
        " AND root = 'quote:" QUOTE "' AND new_row IS NULL",
        "client_invoices delete, payments delete, quotes delete");
    capture_world_assert(world,
                         "SELECT old_row ->> 'status' FROM relais_capture.change"
                         " WHERE op = 'delete' AND item = '" QUOTE "'",
                         "sent");
}

static void
writer_without_rights_on_the_outbox_is_captured(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(
        world->pg,
        "DO $$ BEGIN CREATE ROLE writer; EXCEPTION WHEN duplicate_object THEN "
        "END $$; GRANT ALL ON ALL TABLES IN SCHEMA public TO writer; GRANT "
        "USAGE ON SCHEMA public TO writer; SET ROLE writer;"
        "INSERT INTO quotes (status) VALUES ('draft'); RESET ROLE");
    assert_int_equal(capture_world_changes(world), 1);
}

static void
hostile_search_path_is_harmless(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(
        world->pg,
        "CREATE SCHEMA evil; CREATE FUNCTION evil.to_jsonb(anyelement) RETURNS "
        "jsonb LANGUAGE sql AS 'SELECT ''{}''::jsonb';"
        "SET search_path = evil, public, pg_catalog;"
        "INSERT INTO quotes (id, status) VALUES ('" QUOTE "', 'draft');"
        "RESET search_path; DROP SCHEMA evil CASCADE");
    capture_world_assert(world, capture_world_last,
                         "quotes create " QUOTE " quote:" QUOTE " id,status");
}

static void
installing_again_changes_nothing(void **state)
{
    struct capture_world *world = *state;
    const char *oids = "SELECT string_agg(oid::text, ',' ORDER BY oid) FROM pg_trigger "
                       "WHERE tgname LIKE 'relais_capture%'";
    char *before = pg_fixture_text(world->pg, oids);

    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY['quotes', "
                                     "'client_invoices=client_invoices', 'no_such'])"),
        2);
    capture_world_assert(world, oids, before);
    free(before);
}

// ALTER TABLE ... DISABLE TRIGGER leaves a trigger that does nothing.
static void
one_that_is_missing_or_switched_off_is_said_and_made_anew(void **state)
{
    static const char silent[] =
        "SELECT string_agg(name, ',') FROM relais_capture.standing(ARRAY['quotes',"
        " 'leads', 'no_such']) WHERE target IS NOT NULL AND NOT captured";
    static const char *const ways[] = {
        "ALTER TABLE leads DISABLE TRIGGER relais_capture",
        "ALTER TABLE leads DISABLE TRIGGER relais_capture_truncate",
        "ALTER TABLE leads ENABLE REPLICA TRIGGER relais_capture",
        "DROP TRIGGER relais_capture ON leads",
    };
    struct capture_world *world = *state;

    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        pg_fixture_do(world->pg, ways[i]);
        capture_world_assert(world, silent, "leads");
        assert_int_equal(pg_fixture_number(world->pg, "SELECT relais_capture.install("
                                                      "ARRAY['quotes', 'leads'])"),
                         2);
        assert_int_equal(
            pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.standing("
                                         "ARRAY['quotes', 'leads']) WHERE captured"),
            2);
    }
    pg_fixture_do(world->pg, "INSERT INTO leads (status) VALUES ('new')");
    assert_int_equal(capture_world_changes(world), 1);
}

static void
collection_made_later_is_captured_once_installed(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg,
                  "DROP TABLE leads; CREATE TABLE leads (id serial PRIMARY KEY,"
                  " status text)");
    pg_fixture_do(world->pg, "INSERT INTO leads (status) VALUES ('new')");
    assert_int_equal(capture_world_changes(world), 0);
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY['leads'])"),
        1);
    pg_fixture_do(world->pg, "INSERT INTO leads (status) VALUES ('new')");
    capture_world_assert(world, capture_world_last, "leads create 2 lead:2 id,status");
}

static void
collection_with_another_name_is_called_by_its_own(void **state)
{
    struct capture_world *world = *state;

    pg_fixture_do(world->pg, "ALTER TABLE quotes RENAME TO \"Devis 2\";"
                             "ALTER TABLE client_invoices RENAME TO \"factures=x\"");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT relais_capture.install(ARRAY["
                                                  "'quotes=Devis 2', 'payments'])"),
                     2);
    pg_fixture_do(world->pg, "INSERT INTO \"Devis 2\" (id) VALUES ('" QUOTE "')");
    capture_world_assert(world, capture_world_last,
                         "quotes create " QUOTE " quote:" QUOTE " id");
}

static void
renamed_invoices_are_still_found_by_their_children(void **state)
{
    struct capture_world *world = *state;

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
    capture_world_assert(world,
                         "SELECT root FROM relais_capture.change WHERE collection = "
                         "'payments'",
                         "quote:" QUOTE);
}

static void
writers_are_woken_once_they_commit(void **state)
{
    struct capture_world *world = *state;
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

#define TEST(name) cmocka_unit_test_setup(name, capture_world_fresh)

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
        TEST(writer_without_rights_on_the_outbox_is_captured),
        TEST(hostile_search_path_is_harmless),
        TEST(installing_again_changes_nothing),
        TEST(one_that_is_missing_or_switched_off_is_said_and_made_anew),
        TEST(collection_made_later_is_captured_once_installed),
        TEST(collection_with_another_name_is_called_by_its_own),
        TEST(renamed_invoices_are_still_found_by_their_children),
        TEST(writers_are_woken_once_they_commit),
    };

    return cmocka_run_group_tests(tests, capture_world_begin, capture_world_end);
}
