// workers/cli/migrate.c - relais migrate: the schemas in Postgres.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "workers/cli/cli.h"
#include "workers/cli/migrations.h"

// One database and what belongs into it.
struct place {
    const char *what;
    const char *schema;
    const struct migration *migrations;
    const char *setup;  // makes the table of versions
    const char *select; // file, checksum
    const char *insert; // file, checksum
};

static const struct place ledger = {
    .what = "ledger",
    .schema = "relais",
    .migrations = migrations_ledger,
    .setup = "CREATE SCHEMA IF NOT EXISTS relais;"
             "CREATE TABLE IF NOT EXISTS relais.schema_version ("
             " file text COLLATE \"C\" PRIMARY KEY, checksum text NOT NULL,"
             " applied_at timestamptz NOT NULL DEFAULT now())",
    .select = "SELECT file, checksum FROM relais.schema_version ORDER BY file",
    .insert = "INSERT INTO relais.schema_version (file, checksum) VALUES ($1, $2)",
};

static const struct place capture = {
    .what = "capture",
    .schema = "relais_capture",
    .migrations = migrations_capture,
    .setup = "CREATE SCHEMA IF NOT EXISTS relais_capture;"
             "CREATE TABLE IF NOT EXISTS relais_capture.schema_version ("
             " file text COLLATE \"C\" PRIMARY KEY, checksum text NOT NULL,"
             " applied_at timestamptz NOT NULL DEFAULT now())",
    .select = "SELECT file, checksum FROM relais_capture.schema_version ORDER BY file",
    .insert =
        "INSERT INTO relais_capture.schema_version (file, checksum) VALUES ($1, $2)",
};

// The checksum a file was applied with, or NULL.
static const char *
applied_sum(const struct pg_rows *rows, const char *file)
{
    for (int i = 0; i < pg_rows_count(rows); i++)
        if (strcmp(pg_text(rows, i, 0), file) == 0)
            return pg_text(rows, i, 1);
    return NULL;
}

static bool
is_known(const struct migration *migrations, const char *file)
{
    for (const struct migration *m = migrations; m->file != NULL; m++)
        if (strcmp(m->file, file) == 0)
            return true;
    return false;
}

// One file and its line in schema_version are one transaction: all of it or nothing.
static bool
apply(struct pg *pg, const struct place *place, const struct migration *m,
      struct error *err)
{
    struct pg_param params[] = {PG_TEXT(m->file), PG_TEXT(m->checksum)};
    if (!pg_script(pg, "BEGIN", err))
        return false;
    if (pg_script(pg, (const char *)m->sql, err)
        && pg_run(pg, place->insert, params, 2, NULL, err)
        && pg_script(pg, "COMMIT", err))
        return true;
    struct error rollback = {0};
    if (!pg_script(pg, "ROLLBACK", &rollback))
        error_clear(&rollback); // the first error is the one to show
    return false;
}

static int
apply_missing(const struct cli *cli, struct pg *pg, const struct place *place,
              const struct pg_rows *rows)
{
    int done = 0;
    for (const struct migration *m = place->migrations; m->file != NULL; m++) {
        struct error err = {0};
        const char *sum = applied_sum(rows, m->file);
        if (sum != NULL && strcmp(sum, m->checksum) != 0)
            return cli_fail(
                cli, EX_CONFIG,
                "%s: %s was changed after it was applied; put changes into a "
                "new file",
                place->what, m->file);
        if (sum != NULL)
            continue;
        if (!apply(pg, place, m, &err))
            return cli_fail(cli, EX_DATAERR, "%s: %s was not applied: %s", place->what,
                            m->file, err.text);
        cli_say("%s: %s applied\n", place->what, m->file);
        done++;
    }
    if (done == 0)
        cli_say("%s: up to date\n", place->what);
    return EX_OK;
}

// Two programs that migrate at once take turns: the lock lasts as long as the session.
static int
migrate(const struct cli *cli, struct pg *pg, const struct place *place)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    struct pg_param lock[] = {PG_TEXT(place->schema)};

    if (!pg_run(pg, "SELECT pg_advisory_lock(hashtext('migrate ' || $1::text))", lock,
                1, NULL, &err)
        || !pg_script(pg, place->setup, &err)
        || !pg_run(pg, place->select, NULL, 0, &rows, &err))
        return cli_fail(cli, EX_UNAVAILABLE, "%s: %s", place->what, err.text);
    for (int i = 0; i < pg_rows_count(rows); i++)
        if (!is_known(place->migrations, pg_text(rows, i, 0)))
            cli_say("%s: %s came from a newer relais and stays\n", place->what,
                    pg_text(rows, i, 0));
    int status = apply_missing(cli, pg, place, rows);
    pg_rows_free(rows);
    return status;
}

// The collections whose changes are captured, and the settings that rename them.
static const struct {
    const char *name, *setting;
} captured[] = {
    {"quotes", "DIRECTUS_COLLECTION_QUOTES"},
    {"client_invoices", "DIRECTUS_COLLECTION_INVOICES"},
    {"payments", "DIRECTUS_COLLECTION_PAYMENTS"},
    {"leads", "DIRECTUS_COLLECTION_LEADS"},
    {"people", "DIRECTUS_COLLECTION_CONTACTS"},
    {"companies", "DIRECTUS_COLLECTION_COMPANIES"},
    {"cgv_acceptances", "DIRECTUS_COLLECTION_CGV_ACCEPTANCES"},
    {"quote_items", "DIRECTUS_COLLECTION_QUOTE_ITEMS"},
    {"invoice_items", "DIRECTUS_COLLECTION_INVOICE_ITEMS"},
    {0},
};

int
migrate_captured(struct pg_array *names)
{
    int count = 0;
    pg_array_begin(names, PG_TYPE_TEXT);
    for (; captured[count].name != NULL; count++) {
        char entry[256];
        char *table = config_lookup(captured[count].setting);
        bool renamed = table != NULL && table[0] != '\0';
        (void)snprintf(entry, sizeof entry, "%s%s%s", captured[count].name,
                       renamed ? "=" : "", renamed ? table : "");
        pg_array_text(names, entry);
        free(table);
    }
    return count;
}

// Every time, because tables may have been made or renamed since.
static int
install_triggers(const struct cli *cli, struct pg *pg)
{
    struct pg_array names;
    struct pg_rows *rows = NULL;
    struct error err = {0};
    int count = migrate_captured(&names);
    struct pg_param params[] = {pg_array_param(&names)};
    bool good = pg_run(pg, "SELECT relais_capture.install($1)", params, 1, &rows, &err);
    pg_array_end(&names);
    if (!good)
        return cli_fail(cli, EX_UNAVAILABLE, "capture: the triggers: %s", err.text);
    cli_say("capture: triggers on %lld of %d collections\n",
            (long long)pg_i64(rows, 0, 0), count);
    pg_rows_free(rows);
    return EX_OK;
}

// Of two changes of an item the one with the lower number is the older one. An outbox
// that was made anew, or came out of a backup, would begin below what was acted on, and
// all its changes be taken for old ones. The margin is for those that are still on
// their way.
static int
count_on(struct cli *cli, struct pg *directus)
{
    static const char highest[] =
        "SELECT coalesce(max((convert_from(state, 'UTF8')::json->>'sequence')::int8), "
        "0)"
        " FROM relais.entity_state WHERE worker = 'relais-orchestrator'";
    static const char go_on[] =
        "SELECT setval('relais_capture.change_seq_seq', $1::int8 + 1000000)"
        " FROM relais_capture.change_seq_seq WHERE last_value < $1::int8";
    struct error err = {0};
    char number[24];
    int status = EX_OK;

    struct pg_rows *rows = cli_query(cli, highest, NULL, 0, &status);
    if (rows == NULL)
        return status;
    (void)snprintf(number, sizeof number, "%lld", (long long)pg_i64(rows, 0, 0));
    pg_rows_free(rows);
    struct pg_param params[] = {PG_TEXT(number)};
    if (!pg_run(directus, go_on, params, 1, &rows, &err))
        return cli_fail(cli, EX_UNAVAILABLE, "capture: its numbers: %s", err.text);
    if (pg_rows_count(rows) > 0)
        cli_say("capture: changes are counted on from %s\n", pg_text(rows, 0, 0));
    pg_rows_free(rows);
    return EX_OK;
}

int
cli_migrate(struct cli *cli)
{
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    int status = migrate(cli, cli->pg, &ledger);
    if (status != EX_OK || cli->settings.capture_database_url[0] == '\0')
        return status;

    struct error err = {0};
    struct pg *pg = pg_open(cli->settings.capture_database_url, "relais-cli", &err);
    if (pg == NULL)
        return cli_no_database(cli, "CAPTURE_DATABASE_URL", &err);
    status = migrate(cli, pg, &capture);
    if (status == EX_OK)
        status = install_triggers(cli, pg);
    if (status == EX_OK)
        status = count_on(cli, pg);
    pg_close(pg);
    return status;
}
