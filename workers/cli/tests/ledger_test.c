// The commands that need Postgres only, on a real one.
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "tests/harness/test.h"
#include "workers/cli/tests/world.h"

#define QUOTE "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0001"

static void
a_missing_ledger_is_told_with_the_cure(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "DROP SCHEMA IF EXISTS relais CASCADE");
    assert_int_equal(run_line(&world->run, "park list"), EX_CONFIG);
    assert_says(world->run.err, "relais migrate");
}

static void
migrating_again_changes_nothing(void **state)
{
    struct world *world = *state;
    assert_says(world->run.out, "001_ledger.sql applied");
    assert_int_equal(run_line(&world->run, "migrate"), EX_OK);
    assert_string_equal(world->run.out, "ledger: up to date\n");
}

static void
a_file_changed_after_it_was_applied_is_refused(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "UPDATE relais.schema_version SET checksum = 'other'");
    assert_int_equal(run_line(&world->run, "migrate"), EX_CONFIG);
    assert_says(world->run.err, "001_ledger.sql was changed after it was applied");
}

static void
a_migration_that_fails_leaves_nothing(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "DROP SCHEMA relais CASCADE; CREATE SCHEMA relais;"
                             "CREATE TABLE relais.attention (x integer)");
    assert_int_equal(run_line(&world->run, "migrate"), EX_DATAERR);
    assert_says(world->run.err, "001_ledger.sql was not applied");
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM pg_tables"
                                                  " WHERE schemaname = 'relais'"),
                     2); // attention, and the table of versions
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT count(*) FROM relais.schema_version"), 0);
}

static void
capture_is_installed_in_directus_own_database(void **state)
{
    struct world *world = *state;
    struct run run = {0};
    pg_fixture_do(world->pg, "DROP SCHEMA IF EXISTS relais_capture CASCADE;"
                             "DROP TABLE IF EXISTS quotes;"
                             "CREATE TABLE quotes (id uuid PRIMARY KEY, status text)");
    run_set(&run, "DATABASE_URL", world->postgres.url);
    run_set(&run, "CAPTURE_DATABASE_URL", world->postgres.url);
    assert_int_equal(run_line(&run, "migrate"), EX_OK);
    assert_says(run.out, "triggers on 1 of 9 collections");
    pg_fixture_do(world->pg, "INSERT INTO quotes VALUES ('" QUOTE "', 'draft')");
    assert_int_equal(
        pg_fixture_number(world->pg, "SELECT count(*) FROM relais_capture.change"), 1);

    (void)run_line(&run, "doctor");
    assert_says(run.out, "ok     capture            triggers on 1 of 9 collections");
    pg_fixture_do(world->pg, "ALTER TABLE quotes DISABLE TRIGGER relais_capture");
    (void)run_line(&run, "doctor");
    assert_says(run.out,
                "WRONG  capture            the triggers of quotes are missing or "
                "switched off");
    assert_int_equal(run_line(&run, "migrate"), EX_OK);
    (void)run_line(&run, "doctor");
    assert_says(run.out, "ok     capture            triggers on 1 of 9 collections");
    pg_fixture_do(world->pg, "DROP TABLE quotes");
    (void)run_line(&run, "doctor");
    assert_says(run.out, "WRONG  capture            there is no table of quotes");
    run_end(&run);
}

static void
an_outbox_made_anew_counts_on(void **state)
{
    static const char number[] = "SELECT nextval('relais_capture.change_seq_seq')";
    struct world *world = *state;
    struct run run = {0};
    run_set(&run, "DATABASE_URL", world->postgres.url);
    run_set(&run, "CAPTURE_DATABASE_URL", world->postgres.url);
    assert_int_equal(run_line(&run, "migrate"), EX_OK);
    pg_fixture_do(world->pg,
                  "DROP SCHEMA relais_capture CASCADE;"
                  "INSERT INTO relais.entity_state (worker, entity, state) VALUES"
                  " ('relais-orchestrator', 'quote:a', '{\"sequence\":41}'),"
                  " ('relais-orchestrator', 'quote:b', '{\"status\":\"sent\"}')");
    assert_int_equal(run_line(&run, "migrate"), EX_OK);
    assert_says(run.out, "counted on from 1000041");
    assert_int_equal(pg_fixture_number(world->pg, number), 1000042);
    assert_int_equal(run_line(&run, "migrate"), EX_OK);
    assert_null(strstr(run.out, "counted on"));
    assert_int_equal(pg_fixture_number(world->pg, number), 1000043);
    run_end(&run);
}

static void
a_wrong_password_is_not_shown(void **state)
{
    struct run run = {0};
    (void)state;
    run_set(&run, "DATABASE_URL", "postgresql://relais:canary@127.0.0.1:1/relais");
    assert_int_equal(run_line(&run, "migrate"), EX_UNAVAILABLE);
    assert_null(strstr(run.err, "canary"));
    assert_says(run.err, "DATABASE_URL");
    run_end(&run);
}

// ---- journey

static void
a_journey_shows_steps_calls_and_what_waits(void **state)
{
    struct world *world = *state;
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.journey_step (entity, at, worker, event, type, attempt,"
        " outcome, took_ms, note, calls) VALUES ('quote:" QUOTE "',"
        " '2026-01-02T03:04:05.678Z', 'relais-docuseal', 'e1',"
        " 'docuseal.signature.request', 2, 'done', 12, E'a\\x1bnote',"
        " E'GET /a: 200 1 ms\\nPOST /b: 200 2 ms');"
        "INSERT INTO relais.parked_event (worker, partition, lane, event, topic, "
        "headers,"
        " due_at, error) VALUES ('relais-docuseal', 1, 'quote:" QUOTE "', 'e2',"
        " 'docuseal.commands', '{}', now() + interval '1 h', 'too fast');"
        "INSERT INTO relais.effect (kind, identity, state, worker) VALUES"
        " ('docuseal.submission', 'quote:" QUOTE
        ":r1', 'confirmed', 'relais-docuseal');"
        "INSERT INTO relais.attention (kind, entity, worker, text) VALUES"
        " ('signature.late', 'quote:" QUOTE "', 'relais-orchestrator', 'look')");
    assert_int_equal(run_line(&world->run, "journey quote:" QUOTE), EX_OK);
    assert_says(world->run.out, "2026-01-02 03:04:05.678  relais-docuseal");
    assert_says(world->run.out, "done (attempt 2), 12 ms: a?note\n");
    assert_says(world->run.out, "   POST /b: 200 2 ms\n");
    assert_says(world->run.out, "too fast");
    assert_says(world->run.out, "confirmed");
    assert_says(world->run.out, "signature.late");

    assert_int_equal(run_line(&world->run, "journey --json " QUOTE), EX_OK);
    assert_says(world->run.out, "\"note\":\"a\\u001bnote\"");
    assert_says(world->run.out, "\"took_ms\":12");
}

static void
a_journey_needs_an_entity(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "journey x"), EX_USAGE);
    assert_says(world->run.err, "quote:<uuid>");
    assert_int_equal(run_line(&world->run, "journey"), EX_USAGE);
}

// ---- park

static void
a_released_lane_is_due_now(void **state)
{
    struct world *world = *state;
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.parked_event (worker, partition, lane, event, topic, "
        "headers,"
        " due_at, error) SELECT 'relais-docuseal', 1, l, l || e, 'docuseal.commands',"
        " '{}', now() + interval '1 h', 'e' || e FROM unnest(ARRAY['a', 'b']) AS l,"
        " generate_series(1, 2) AS e");
    assert_int_equal(run_line(&world->run, "park list --json"), EX_OK);
    assert_says(world->run.out, "\"lane\":\"a\",\"events\":2,\"event\":\"a1\"");
    assert_int_equal(run_line(&world->run, "park release a"), EX_OK);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM"
                                                  " relais.parked_event WHERE"
                                                  " due_at <= now() AND lane = 'a'"),
                     2);
    assert_int_equal(run_line(&world->run, "park release c"), EX_DATAERR);
    assert_int_equal(run_line(&world->run, "park release --all"), EX_OK);
    assert_int_equal(pg_fixture_number(world->pg, "SELECT count(*) FROM"
                                                  " relais.parked_event WHERE"
                                                  " due_at > now()"),
                     0);
}

// ---- effect

static void
add_effect(struct world *world, const char *identity, const char *rest)
{
    char sql[300];
    (void)snprintf(
        sql, sizeof sql,
        "INSERT INTO relais.effect (kind, identity, worker, state, deadline_at)"
        " VALUES ('mail', '%s', 'relais-invoice-ninja', %s)",
        identity, rest);
    pg_fixture_do(world->pg, sql);
}

static void
a_flagged_effect_is_settled_by_a_person(void **state)
{
    struct world *world = *state;
    add_effect(world, "i1", "'flagged', NULL");
    add_effect(world, "i2", "'flagged', NULL");
    pg_fixture_do(world->pg, "INSERT INTO relais.attention (kind, entity, worker, text)"
                             " VALUES ('effect.unsure', 'i1', 'w', 't')");
    const char *const done[] = {"effect", "resolve",  "mail",           "i1",
                                "done",   "--result", "{\"id\":\"x\"}", NULL};
    assert_int_equal(run_relais(&world->run, done), EX_OK);
    assert_int_equal(run_line(&world->run, "effect resolve mail i2 not-done"), EX_OK);
    char *shown = pg_fixture_text(
        world->pg, "SELECT string_agg(identity || ' ' || state || ' '"
                   " || coalesce(convert_from(result, 'UTF8'), '-'), ', '"
                   " ORDER BY identity) FROM relais.effect");
    assert_string_equal(shown, "i1 confirmed {\"id\":\"x\"}, i2 open -");
    free(shown);
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais.attention"
                                       " WHERE resolved_at IS NULL"),
                     0);
}

static void
an_attempt_under_way_is_left_alone(void **state)
{
    struct world *world = *state;
    add_effect(world, "i1", "'intent', now() + interval '1 h'");
    assert_int_equal(run_line(&world->run, "effect resolve mail i1 done"), EX_TEMPFAIL);
    assert_says(world->run.err, "may be under way");
    assert_int_equal(run_line(&world->run, "effect resolve mail i9 done"), EX_DATAERR);
    assert_int_equal(run_line(&world->run, "effect resolve mail i1 maybe"), EX_USAGE);
    assert_int_equal(run_line(&world->run, "effect resolve mail i1 done --result x"),
                     EX_USAGE);
}

static void
an_intent_past_its_deadline_is_unsure(void **state)
{
    struct world *world = *state;
    add_effect(world, "i1", "'intent', now() - interval '1 h'");
    add_effect(world, "i2", "'confirmed', NULL");
    assert_int_equal(run_line(&world->run, "effect list"), EX_OK);
    assert_says(world->run.out, "unsure");
    assert_null(strstr(world->run.out, "i2"));
    assert_int_equal(run_line(&world->run, "effect list --state confirmed"), EX_OK);
    assert_says(world->run.out, "i2");
}

static void
a_signing_link_is_not_shown(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.effect (kind, identity, worker, state, result)"
                  " VALUES ('k', 'i', 'w', 'confirmed',"
                  " '{\"id\":7,\"embed_src\":\"https://canary\"}')");
    assert_int_equal(run_line(&world->run, "effect show k i"), EX_OK);
    assert_says(world->run.out, "{\"id\":7,\"embed_src\":\"***\"}");
}

// ---- attention

static void
what_a_person_looked_at_leaves_the_list(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, "INSERT INTO relais.attention (kind, entity, worker, text)"
                             " VALUES ('signature.late', 'quote:1', 'w', 'look')");
    assert_int_equal(run_line(&world->run, "attention list"), EX_OK);
    assert_says(world->run.out, "signature.late");
    assert_int_equal(run_line(&world->run, "attention done signature.late quote:1"),
                     EX_OK);
    assert_int_equal(run_line(&world->run, "attention done signature.late quote:1"),
                     EX_DATAERR);
    assert_int_equal(run_line(&world->run, "attention list"), EX_OK);
    assert_string_equal(world->run.out, "nothing waits for a person\n");
}

// ---- webhooks

static void
registered_webhooks_are_shown(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "webhooks list"), EX_OK);
    assert_says(world->run.out, "relais webhooks register");
    pg_fixture_do(
        world->pg,
        "INSERT INTO relais.entity_state (worker, entity, state) VALUES"
        " ('relais-invoice-ninja', 'webhooks:LEXAIA', '{\"rows\":[{\"event\":"
        "\"create_payment\",\"id\":\"7LDdwRb1YK\",\"state\":\"restored\"}]}')");
    assert_int_equal(run_line(&world->run, "webhooks list"), EX_OK);
    assert_says(world->run.out, "LEXAIA");
    assert_says(world->run.out, "create_payment");
    assert_says(world->run.out, "restored");
}

static void
having_webhooks_looked_at_is_a_command_in_the_outbox(void **state)
{
    struct world *world = *state;
    assert_int_equal(run_line(&world->run, "webhooks register LEXAIA"), EX_OK);
    char *found = pg_fixture_text(
        world->pg, "SELECT topic || ' ' || key || ' ' || convert_from(payload, 'UTF8')"
                   " FROM relais.outbox WHERE worker IS NULL");
    assert_string_equal(found, "invoice-ninja.commands LEXAIA:webhooks"
                               " {\"company\":\"LEXAIA\"}");
    free(found);
}

// ---- status

static void
status_without_kafka_still_shows_the_ledger(void **state)
{
    struct world *world = *state;
    add_effect(world, "i1", "'flagged', NULL");
    assert_int_equal(run_line(&world->run, "status"), EX_CONFIG);
    assert_says(world->run.err, "KAFKA_BROKERS");
    assert_says(world->run.out, "flagged");
    assert_says(world->run.out, "Outbox and parking are empty, no timer is due.");
}

// ---- timers

#define TIMER                                                                          \
    "INSERT INTO relais.timer (worker, entity, name, due_at, topic, key, id, headers," \
    " payload) VALUES ('relais-orchestrator', 'invoice:1', 'orchestrator.overdue',"    \
    " '2026-01-02T23:00:00Z', 't', 'quote:" QUOTE "', 'i', '{}', '{}')"

static void
a_timer_is_shown_with_what_it_is_about(void **state)
{
    struct world *world = *state;
    pg_fixture_do(world->pg, TIMER);
    assert_int_equal(run_line(&world->run, "journey quote:" QUOTE), EX_OK);
    assert_says(world->run.out, "orchestrator.overdue  invoice:1  2026-01-02 23:00:00");
    assert_int_equal(run_line(&world->run, "journey --json invoice:1"), EX_OK);
    assert_says(world->run.out, "\"name\":\"orchestrator.overdue\"");
    (void)run_line(&world->run, "status");
    assert_says(world->run.out, "timers due");
}

static void
only_who_allows_it_moves_the_clock(void **state)
{
    struct world *world = *state;
    struct run run = {0};
    assert_int_equal(run_line(&world->run, "clock forward 3d"), EX_CONFIG);
    assert_says(world->run.err, "CLOCK_MOVABLE");
    run_set(&run, "DATABASE_URL", world->postgres.url);
    run_set(&run, "CLOCK_MOVABLE", "true");
    assert_int_equal(run_line(&run, "clock --json"), EX_OK);
    assert_says(run.out, "{\"ahead_ms\":0,");
    assert_int_equal(run_line(&run, "clock forward 3d"), EX_OK);
    assert_int_equal(run_line(&run, "clock forward 12h --json"), EX_OK);
    assert_says(run.out, "{\"ahead_ms\":302400000,");
    assert_int_equal(run_line(&run, "clock forward soon"), EX_USAGE);
    assert_int_equal(run_line(&run, "clock forward 3dd"), EX_USAGE);
    assert_int_equal(run_line(&run, "clock backward 3d"), EX_USAGE);
    run_end(&run);
}

// ---- baseline

// The rows of each collection, as the data of an answer; ended by {NULL}.
struct rows {
    const char *collection, *data;
};

static enum MHD_Result // NOLINTNEXTLINE(readability-function-size): the library's form
directus(void *cls, struct MHD_Connection *connection, const char *url,
         const char *method, const char *version, const char *data,
         size_t *size, // NOLINT(readability-non-const-parameter)
         void **con)
{
    const struct rows *rows = cls;
    (void)method, (void)version, (void)data, (void)size, (void)con;
    while (rows->collection != NULL
           && strcmp(url + strlen("/items/"), rows->collection) != 0)
        rows++;
    const char *body = rows->collection != NULL ? rows->data : "{\"data\":[]}";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        strlen(body), (char *)(uintptr_t)body, MHD_RESPMEM_PERSISTENT);
    enum MHD_Result result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

// Runs it on a Directus that has these rows.
static void
baseline(struct world *world, struct run *run, const struct rows rows[])
{
    char url[64];
    struct MHD_Daemon *daemon =
        MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD, 0, NULL, NULL, directus,
                         (void *)(uintptr_t)rows, MHD_OPTION_END);
    assert_non_null(daemon);
    (void)snprintf(url, sizeof url, "http://127.0.0.1:%d",
                   MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    run_set(run, "DATABASE_URL", world->postgres.url);
    run_set(run, "DIRECTUS_URL", url);
    run_set(run, "DIRECTUS_TOKEN", "canary");
    int status = run_line(run, "baseline --json");
    MHD_stop_daemon(daemon);
    assert_int_equal(status, EX_OK);
}

static void
assert_found(struct world *world, const char *query, const char *expected)
{
    char *shown = pg_fixture_text(world->pg, query);
    assert_string_equal(shown, expected);
    free(shown);
}

static void
baseline_takes_over_what_was_sent_before(void **state)
{
    static const struct rows rows[] = {
        {"quotes",
         "{\"data\":[{\"id\":\"" QUOTE "\",\"status\":\"viewed\",\"contact_id\":\"c\","
         "\"signature_status\":\"viewed\",\"docuseal_submission_id\":\"41\","
         "\"valid_until\":\"2026-03-28\",\"owner_company_id\":{\"code\":\"LEXAIA\"}},"
         "{\"id\":\"0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0002\",\"status\":\"draft\"}]}"},
        {"client_invoices",
         "{\"data\":[{\"id\":\"0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003\",\"status\":"
         "\"sent\",\"due_date\":\"2199-01-01\",\"quote_id\":\"" QUOTE "\"}]}"},
        {"people", "{\"data\":[{\"id\":\"client-1\"}]}"},
        {NULL},
    };
    struct world *world = *state;
    struct run run = {0};
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.entity_state (worker, entity, state)"
                  " VALUES ('relais-docuseal', 'quote:" QUOTE "', '{\"round\":3}')");
    baseline(world, &run, rows);
    assert_string_equal(run.out, "{\"rows\":2,\"with_submission\":1,\"effects\":1,"
                                 "\"references\":1,\"rounds\":0,\"payments\":0,"
                                 "\"unclear\":0,\"states\":0,\"just_changed\":0,"
                                 "\"timers\":2,\"due\":1,\"clients\":1}\n");
    assert_found(world,
                 "SELECT kind || ' ' || identity || ' ' || state || ' '"
                 " || convert_from(result, 'UTF8') FROM relais.effect",
                 "docuseal.submission quote:" QUOTE ":r1 confirmed"
                 " {\"submission\":\"41\",\"status\":\"viewed\"}");
    assert_found(world, "SELECT remote_id || ' ' || lane_key FROM relais.external_ref",
                 "41 quote:" QUOTE);
    assert_found(world,
                 "SELECT string_agg(name || ' ' || key || ' ' || due_at AT TIME ZONE"
                 " 'UTC' || ' ' || convert_from(payload, 'UTF8'), E'\\n' ORDER BY name)"
                 " FROM relais.timer",
                 "orchestrator.expire quote:" QUOTE " 2026-03-28 23:00:00"
                 " {\"company\":\"LEXAIA\",\"quote\":\"" QUOTE "\","
                 "\"due\":\"2026-03-28T23:00:00.000Z\"}\n"
                 "orchestrator.overdue quote:" QUOTE " 2199-01-01 23:00:00"
                 " {\"company\":\"\",\"invoice\":"
                 "\"0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003\","
                 "\"due\":\"2199-01-01T23:00:00.000Z\"}");
    assert_int_equal(pg_fixture_number(world->pg,
                                       "SELECT count(*) FROM relais.entity_state"
                                       " WHERE worker = 'relais-orchestrator'"
                                       " AND entity = 'converted:client-1'"),
                     1);
    run_end(&run);
}

#define BILL "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0003"
#define FIRM "0b6f6a3e-7d1c-4f0e-9c55-2a1d6f3c0004"
#define PAYMENT(id, remote, invoice, more)                                         \
    "{\"id\":\"" id "\",\"external_id\":\"" remote "\",\"amount\":\"12.50\"," more \
    "\"invoice_id\":{\"id\":\"" BILL                                               \
    "\",\"owner_company\":\"LEXAIA\",\"invoice_ninja_id\":\"" invoice "\"}}"

// One payment of two invoices; one that the worker has looked at, one that it made, one
// that it booked.
#define OLD_PART PAYMENT("p1", "Old", "Wpm", "\"refunded_amount\":\"2.50\",") ","
#define OLD_REST PAYMENT("p2", "Old", "Wpq", "\"status\":\"pending\",") ","
#define SEEN PAYMENT("p3", "Seen", "Wpm", "") ","
#define MADE PAYMENT("3ffc771a-6159-54c4-9486-0d3d3c0dcac2", "Made", "Wpm", "") ","
#define BOOKED PAYMENT("p5", "Booked", "Wpm", "")
#define OLD_AGAIN PAYMENT("p1", "Old", "Wpm", "") ","
#define OLD_LATER PAYMENT("p6", "Old", "Wpx", "")

static const struct rows books[] = {
    {"client_invoices",
     "{\"data\":[{\"id\":\"" BILL
     "\",\"status\":\"sent\",\"type\":\"deposit\",\"owner_company\":\"LEXAIA\","
     "\"company_id\":\"" FIRM "\",\"quote_id\":\"" QUOTE
     "\",\"invoice_ninja_id\":\"Wpm\",\"invoice_ninja_number\":\"7-A\"},"
     "{\"id\":\"lost\",\"status\":\"sent\",\"owner_company\":\"LEXAIA\","
     "\"invoice_ninja_id\":\"Wpn\"}]}"},
    {"payments", "{\"data\":[" OLD_PART OLD_REST SEEN MADE BOOKED "]}"},
    {NULL},
};

static void
baseline_takes_over_what_is_in_invoice_ninja(void **state)
{
    struct world *world = *state;
    struct run run = {0};
    pg_fixture_do(world->pg,
                  "INSERT INTO relais.entity_state (worker, entity, state) VALUES"
                  " ('relais-invoice-ninja', 'ninja-payment:LEXAIA:Seen',"
                  " '{\"rows\":{},\"stamp\":\"1\"}');"
                  "INSERT INTO relais.effect (kind, identity, state, worker) VALUES"
                  " ('invoice-ninja.payment', 'payment:p5', 'intent', 'w')");
    for (int i = 0; i < 2; i++) {
        baseline(world, &run, books);
        assert_says(run.out, i == 0 ? "\"effects\":1,\"references\":1,\"rounds\":0,"
                                      "\"payments\":1,\"unclear\":1,"
                                    : "\"effects\":0,\"references\":0,\"rounds\":0,"
                                      "\"payments\":0,\"unclear\":1,");
    }
    assert_found(
        world,
        "SELECT system || ' ' || company || ' ' || collection || ' ' || local_id"
        " || ' ' || remote_type || ' ' || remote_id || ' ' || lane_key"
        " FROM relais.external_ref",
        "invoice-ninja LEXAIA client_invoices " BILL " invoice Wpm LEXAIA:" FIRM);
    assert_found(
        world,
        "SELECT identity || ' ' || state || ' ' || convert_from(result, 'UTF8')"
        " FROM relais.effect WHERE kind = 'invoice-ninja.deposit'",
        "quote:" QUOTE " confirmed {\"ninja_id\":\"Wpm\",\"number\":\"7-A\","
        "\"party\":\"" FIRM "\",\"firm\":\"" FIRM
        "\",\"contact\":null,\"invoice\":\"" BILL "\"}");
    assert_found(
        world,
        "SELECT string_agg(entity || ' ' || convert_from(state, 'UTF8'), E'\\n'"
        " ORDER BY entity) FROM relais.entity_state"
        " WHERE worker = 'relais-invoice-ninja'",
        "ninja-payment:LEXAIA:Old {\"rows\": {\"Wpm\": {\"row\": \"p1\","
        " \"amount\": 1250, \"status\": \"completed\", \"invoice\": \"" BILL
        "\", \"refunded\": 250}, \"Wpq\": {\"row\": \"p2\", \"amount\": 1250,"
        " \"status\": \"pending\", \"invoice\": \"" BILL "\", \"refunded\": 0}}}\n"
        "ninja-payment:LEXAIA:Seen {\"rows\":{},\"stamp\":\"1\"}");
    run_end(&run);
}

// Its rows may be in two pages, or be filled in later.
static void
baseline_adds_to_a_payment_that_it_took_over(void **state)
{
    static const struct rows later[] = {
        {"payments", "{\"data\":[" OLD_AGAIN OLD_LATER "]}"},
        {NULL},
    };
    struct world *world = *state;
    struct run run = {0};
    baseline(world, &run, books);
    baseline(world, &run, later);
    assert_says(run.out, "\"payments\":1,");
    assert_found(world,
                 "SELECT string_agg(row.key || ' ' || (row.value ->> 'row') || ' '"
                 " || (row.value ->> 'refunded'), ', ' ORDER BY row.key)"
                 " FROM relais.entity_state,"
                 " jsonb_each(convert_from(state, 'UTF8')::jsonb -> 'rows') AS row"
                 " WHERE entity = 'ninja-payment:LEXAIA:Old'",
                 "Wpm p1 250, Wpq p2 0, Wpx p6 0");
    run_end(&run);
}

static void
baseline_tells_deposits_whose_invoice_does_not_name_the_quote(void **state)
{
    static const struct rows rows[] = {
        {"quotes",
         "{\"data\":[{\"id\":\"1\",\"deposit_invoice_id\":{\"quote_id\":\"1\","
         "\"is_deposit\":true,\"invoice_ninja_id\":\"a\"}},"
         "{\"id\":\"2\",\"deposit_invoice_id\":{\"quote_id\":null,"
         "\"is_deposit\":true,\"invoice_ninja_id\":\"b\"}},"
         "{\"id\":\"3\",\"deposit_invoice_id\":{\"quote_id\":\"3\","
         "\"type\":\"standard\",\"invoice_ninja_id\":\"c\"}},"
         "{\"id\":\"4\",\"deposit_invoice_id\":{\"quote_id\":\"4\","
         "\"type\":\"deposit\",\"invoice_ninja_id\":null}},"
         "{\"id\":\"5\",\"deposit_invoice_id\":null}]}"},
        {NULL},
    };
    struct run run = {0};
    baseline(*state, &run, rows);
    assert_says(run.out, "\"unclear\":3,");
    run_end(&run);
}

// Flows tell no old row. What is new, or has just changed, may still be told.
static void
baseline_with_flows_remembers_what_each_row_is(void **state)
{
    static const struct rows rows[] = {
        {"quotes", "{\"data\":[{\"id\":\"q\",\"status\":\"sent\"}]}"},
        {"cgv_acceptances", "{\"data\":[{\"id\":\"g\",\"status\":\"accepted\"}]}"},
        {"client_invoices", "{\"data\":[{\"id\":\"i\",\"status\":\"paid\"}]}"},
        {"payments", "{\"data\":[{\"id\":\"p\",\"status\":\"completed\","
                     "\"date_created\":\"2026-01-01T08:00:00Z\"},"
                     "{\"id\":\"new\",\"status\":\"completed\","
                     "\"date_created\":\"2199-01-01T08:00:00Z\"}]}"},
        {"leads", "{\"data\":[{\"id\":\"l\",\"status\":\"won\"},"
                  "{\"id\":\"new\",\"status\":\"won\","
                  "\"date_updated\":\"2199-01-01T08:00:00Z\"}]}"},
        {NULL},
    };
    struct world *world = *state;
    struct run run = {0};
    run_set(&run, "CAPTURE", "flow");
    baseline(world, &run, rows);
    assert_says(run.out, "\"states\":5,\"just_changed\":2,");
    assert_found(
        world,
        "SELECT string_agg(entity || ' ' || convert_from(state, 'UTF8'), E'\\n'"
        " ORDER BY entity) FROM relais.entity_state"
        " WHERE worker = 'relais-orchestrator'",
        "cgv:g {\"status\":\"accepted\"}\n"
        "invoice:i {\"status\":\"paid\"}\n"
        "lead:l {\"status\":\"won\"}\n"
        "payment:p {\"status\":\"completed\"}\n"
        "quote:q {\"status\":\"sent\",\"sent_count\":1}");
    run_end(&run);
}

// ---- doctor

static void
the_doctor_says_what_to_do(void **state)
{
    struct world *world = *state;
    struct run run = {0};
    run_set(&run, "CAPTURE", "flow");
    assert_int_equal(run_line(&run, "doctor"), EX_CONFIG);
    assert_says(run.out, "WRONG  DATABASE_URL       is not set");
    assert_says(run.out, "WRONG  KAFKA_BROKERS      is not set");
    assert_says(run.out, "WRONG  MAUTIC_URL         is not set");
    assert_says(run.out, "take it out of INTEGRATIONS");

    run_set(&run, "DATABASE_URL", world->postgres.url);
    run_set(&run, "INTEGRATIONS", "docuseal");
    assert_int_equal(run_line(&run, "doctor --json"), EX_CONFIG);
    assert_says(run.out, "{\"state\":\"ok\",\"what\":\"ledger\"");
    assert_null(strstr(run.out, "MAUTIC"));

    pg_fixture_do(world->pg, "DELETE FROM relais.schema_version WHERE file <> "
                             "'001_ledger.sql'; INSERT INTO relais.clock (ahead_ms)"
                             " VALUES (7200000)");
    assert_int_equal(run_line(&run, "doctor"), EX_CONFIG);
    assert_says(run.out, "files are missing");
    assert_says(run.out, "run `relais migrate`");
    assert_says(run.out, "moved that of dates by 2 h");
    run_end(&run);
}

// ---- usage

static void
help_names_every_command(void **state)
{
    static const char *const commands[] = {
        "migrate", "topics",    "baseline", "status", "journey", "dead", "park",
        "effect",  "attention", "clock",    "doctor", "audit",   NULL};
    struct run run = {0};
    (void)state;
    assert_int_equal(run_line(&run, "help"), EX_OK);
    for (int i = 0; commands[i] != NULL; i++)
        assert_says(run.out, commands[i]);
    assert_int_equal(run_line(&run, "nonsense"), EX_USAGE);
    assert_int_equal(run_line(&run, "migrate"), EX_CONFIG);
    assert_says(run.err, "DATABASE_URL is not set");
    assert_int_equal(run_line(&run, "--settings"), EX_OK);
    assert_says(run.out, "| `DATABASE_URL` | secret |");
    run_end(&run);
}

#define TEST(name) cmocka_unit_test_setup(name, world_migrated)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_ledger_is_told_with_the_cure),
        TEST(migrating_again_changes_nothing),
        TEST(a_file_changed_after_it_was_applied_is_refused),
        TEST(a_migration_that_fails_leaves_nothing),
        TEST(capture_is_installed_in_directus_own_database),
        TEST(an_outbox_made_anew_counts_on),
        TEST(a_wrong_password_is_not_shown),
        TEST(a_journey_shows_steps_calls_and_what_waits),
        TEST(a_journey_needs_an_entity),
        TEST(a_released_lane_is_due_now),
        TEST(a_flagged_effect_is_settled_by_a_person),
        TEST(an_attempt_under_way_is_left_alone),
        TEST(an_intent_past_its_deadline_is_unsure),
        TEST(a_signing_link_is_not_shown),
        TEST(what_a_person_looked_at_leaves_the_list),
        TEST(registered_webhooks_are_shown),
        TEST(having_webhooks_looked_at_is_a_command_in_the_outbox),
        TEST(status_without_kafka_still_shows_the_ledger),
        TEST(a_timer_is_shown_with_what_it_is_about),
        TEST(only_who_allows_it_moves_the_clock),
        TEST(baseline_takes_over_what_was_sent_before),
        TEST(baseline_takes_over_what_is_in_invoice_ninja),
        TEST(baseline_adds_to_a_payment_that_it_took_over),
        TEST(baseline_tells_deposits_whose_invoice_does_not_name_the_quote),
        TEST(baseline_with_flows_remembers_what_each_row_is),
        TEST(the_doctor_says_what_to_do),
        cmocka_unit_test(help_names_every_command),
    };
    return cmocka_run_group_tests(tests, world_begin, world_end);
}
