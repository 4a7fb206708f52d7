// workers/cli/cli.c - arguments, output and exit codes.
#include "workers/cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/directus.h"
#include "common/http.h"

enum { OUTPUT_BYTES = 64 << 20 };

static const int64_t LONGEST_MS = 36500LL * 24 * 60 * 60 * 1000;

const struct config_setting cli_settings_table[] = {
    {"DATABASE_URL", CONFIG_SECRET, offsetof(struct cli_settings, database_url), "",
     "The ledger's Postgres, a libpq URI."},
    {"CAPTURE_DATABASE_URL", CONFIG_SECRET,
     offsetof(struct cli_settings, capture_database_url), "",
     "Directus's own Postgres: `relais migrate` installs the change capture there. "
     "Empty: "
     "no capture by triggers."},
    {"KAFKA_BROKERS", CONFIG_TEXT, offsetof(struct cli_settings, brokers), "",
     "Brokers, `host:port,host:port`."},
    {"INTEGRATIONS", CONFIG_TEXT, offsetof(struct cli_settings, integrations),
     "docuseal,invoice-ninja,mautic", "The integrations that run here, by comma."},
    {"CAPTURE", CONFIG_TEXT, offsetof(struct cli_settings, capture), "outbox",
     "`outbox` or `flow`: with flows, `relais baseline` also records present states."},
    {"TOPIC_PARTITIONS", CONFIG_INT, offsetof(struct cli_settings, partitions), "12",
     "Partitions of every topic; only read when topics are created, never changed "
     "later.",
     1, 1000},
    {"TOPIC_REPLICATION", CONFIG_INT, offsetof(struct cli_settings, replication), "1",
     "Replicas of every topic; only read when topics are created.", 1, 15},
    {"TOPIC_RETENTION", CONFIG_MS, offsetof(struct cli_settings, retention_ms), "14d",
     "How long topics keep their records; dead letters are kept for ever.", 3600000,
     3153600000000},
    {"CLOCK_MOVABLE", CONFIG_BOOL, offsetof(struct cli_settings, clock_movable),
     "false",
     "For tests and demos: whether `relais clock` moves the clock of timers and "
     "dates."},
    {0},
};

void
cli_say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vprintf(fmt, args);
    va_end(args);
}

static void ATTR_PRINTF(2, 0)
    complain(const struct cli *cli, const char *fmt, va_list args)
{
    char text[1024];
    (void)vsnprintf(text, sizeof text, fmt, args);
    (void)fflush(stdout);
    (void)fputs("relais", stderr);
    if (cli->command != NULL) {
        (void)fputs(" ", stderr);
        (void)fputs(cli->command->name, stderr);
    }
    (void)fputs(": ", stderr);
    (void)fputs(text, stderr);
    (void)fputs("\n", stderr);
}

int
cli_fail(const struct cli *cli, int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(cli, fmt, args);
    va_end(args);
    return status;
}

int
cli_usage(const struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    complain(cli, fmt, args);
    va_end(args);
    if (cli->command == NULL) {
        (void)fputs("try: relais help\n", stderr);
        return EX_USAGE;
    }
    (void)fputs("usage: relais ", stderr);
    (void)fputs(cli->command->name, stderr);
    (void)fputs(" ", stderr);
    (void)fputs(cli->command->usage, stderr);
    (void)fputs("\n", stderr);
    return EX_USAGE;
}

// What may be wrong where a service gave no answer, as a prefix.
static const char *
setting_of(const struct error *err)
{
    const char *service = err->service != NULL ? err->service : "";
    if (err->kind != ERROR_RETRYABLE || err->http_status != 0)
        return "";
    if (strcmp(service, "kafka") == 0)
        return "KAFKA_BROKERS: ";
    return strcmp(service, "directus") == 0 ? "DIRECTUS_URL: " : "";
}

int
cli_error(const struct cli *cli, const struct error *err)
{
    const char *setting = setting_of(err);
    int status = EX_DATAERR;
    if (err->kind == ERROR_RETRYABLE || err->kind == ERROR_RATE_LIMITED
        || err->kind == ERROR_UNSURE)
        status = EX_TEMPFAIL;
    if (err->kind == ERROR_FATAL)
        status = EX_CONFIG;
    if (err->hint != NULL)
        return cli_fail(cli, status, "%s%s (%s)", setting, err->text, err->hint);
    return cli_fail(cli, status, "%s%s", setting, err->text);
}

int
cli_no_database(const struct cli *cli, const char *setting, const struct error *err)
{
    int status = err->kind == ERROR_PERMANENT ? EX_CONFIG : EX_UNAVAILABLE;
    if (err->hint != NULL)
        return cli_fail(cli, status, "%s: %s (%s)", setting, err->text, err->hint);
    return cli_fail(cli, status, "%s: %s", setting, err->text);
}

int
cli_flush(const struct cli *cli, struct str *out)
{
    bool written = !out->failed
                   && fwrite(out->data, 1, out->length, stdout) == out->length
                   && fflush(stdout) == 0;
    bool cut = out->failed;
    str_end(out);
    if (cut)
        return cli_fail(cli, EX_IOERR, "the answer is too large: ask for less");
    return written ? EX_OK : cli_fail(cli, EX_IOERR, "cannot write to standard output");
}

static void
take(struct cli *cli, int at, int how_many)
{
    for (int i = at; i + how_many < cli->count; i++)
        cli->args[i] = cli->args[i + how_many];
    cli->count -= how_many;
}

bool
cli_flag(struct cli *cli, const char *name)
{
    for (int i = 0; i < cli->count; i++) {
        if (strcmp(cli->args[i], name) == 0) {
            take(cli, i, 1);
            return true;
        }
    }
    return false;
}

const char *
cli_option(struct cli *cli, const char *name)
{
    size_t length = strlen(name);
    for (int i = 0; i < cli->count; i++) {
        char *arg = cli->args[i];
        if (strncmp(arg, name, length) != 0)
            continue;
        if (arg[length] == '=') {
            take(cli, i, 1);
            return arg + length + 1;
        }
        if (arg[length] == '\0' && i + 1 < cli->count) {
            char *value = cli->args[i + 1];
            take(cli, i, 2);
            return value;
        }
    }
    return NULL;
}

bool
cli_time(const char *text, int64_t *ms)
{
    static const struct {
        char name;
        int64_t ms;
    } units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}, {0}};
    char *unit;
    long long number = strtoll(text, &unit, 10);
    if (unit == text || number <= 0 || unit[0] == '\0' || unit[1] != '\0')
        return false;
    for (size_t i = 0; units[i].name != 0; i++) {
        if (units[i].name == unit[0] && number <= LONGEST_MS / units[i].ms) {
            *ms = number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool
cli_arguments(struct cli *cli, int min, int max)
{
    for (int i = 0; i < cli->count; i++) {
        if (cli->args[i][0] == '-' && cli->args[i][1] != '\0') {
            (void)cli_usage(cli, "unknown or incomplete option %s", cli->args[i]);
            return false;
        }
    }
    if (cli->count < min) {
        (void)cli_usage(cli, "something is missing");
        return false;
    }
    if (max >= 0 && cli->count > max) {
        (void)cli_usage(cli, "one argument too many: %s", cli->args[max]);
        return false;
    }
    return true;
}

bool
cli_each_worker(const struct cli *cli, bool (*visit)(void *arg, const char *worker),
                void *arg)
{
    if (!visit(arg, "orchestrator"))
        return false;
    const char *at = cli->settings.integrations;
    while (*at != '\0') {
        char name[64];
        size_t length = strcspn(at, ", ");
        if (length > 0 && length < sizeof name) {
            memcpy(name, at, length);
            name[length] = '\0';
            if (!visit(arg, name))
                return false;
        }
        at += length;
        at += strspn(at, ", ");
    }
    return true;
}

struct pg_rows *
cli_query(struct cli *cli, const char *sql, const struct pg_param params[], int count,
          int *status)
{
    struct pg_rows *rows = NULL;
    struct error err = {0};
    if (pg_run(cli->pg, sql, params, count, &rows, &err))
        return rows;
    if (strstr(err.text, "42P01") != NULL || strstr(err.text, "3F000") != NULL)
        *status = cli_fail(cli, EX_CONFIG,
                           "the ledger is not there yet: run `relais migrate` (%s)",
                           err.text);
    else
        *status = cli_error(cli, &err);
    return NULL;
}

int
cli_subcommand(struct cli *cli, const struct cli_command commands[])
{
    const char *name = cli->count == 0 ? "" : cli->args[0];
    for (const struct cli_command *c = commands; c->name != NULL; c++) {
        if (strcmp(c->name, name) == 0) {
            take(cli, 0, 1);
            return c->run(cli);
        }
    }
    if (name[0] == '\0')
        return cli_usage(cli, "what?");
    return cli_usage(cli, "there is no \"%s\"", name);
}

void
cli_table_rows(struct table *table, const struct pg_rows *rows)
{
    for (int r = 0; r < pg_rows_count(rows); r++) {
        const char *cells[TABLE_COLUMNS] = {0};
        for (size_t c = 0; c < table->width; c++)
            cells[c] = pg_text(rows, r, (int)c);
        table_row(table, cells);
    }
}

int
cli_print_table(const struct cli *cli, struct table *table, const char *none)
{
    struct str out;
    str_begin(&out, OUTPUT_BYTES);
    if (cli->json) {
        table_json(table, &out);
        str_puts(&out, "\n");
    } else if (table->rows == 0) {
        str_printf(&out, "%s\n", none);
    } else {
        table_print(table, &out);
    }
    table_end(table);
    return cli_flush(cli, &out);
}

int
cli_print_query(struct cli *cli, const char *sql, const struct pg_param params[],
                int count, const struct table_column columns[], const char *none)
{
    struct table table;
    int status = EX_OK;
    struct pg_rows *rows = cli_query(cli, sql, params, count, &status);
    if (rows == NULL)
        return status;
    table_begin(&table, columns);
    cli_table_rows(&table, rows);
    pg_rows_free(rows);
    return cli_print_table(cli, &table, none);
}

static int
help(void)
{
    cli_say("relais - looks after the workers, their ledger and their topics\n\n"
            "usage: relais <command> [options] [arguments]\n\n");
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++) {
        size_t width = strlen(c->name) + 1 + strlen(c->usage);
        if (width <= 24)
            cli_say("  %s %s%*s  %s\n", c->name, c->usage, (int)(24 - width), "",
                    c->summary);
        else
            cli_say("  %s %s\n%26s  %s\n", c->name, c->usage, "", c->summary);
    }
    cli_say("\n"
            "  --json      answers for programs instead of tables\n"
            "  --settings  the environment variables that are read, as Markdown\n\n"
            "Exit codes are those of sysexits.h: 64 wrong usage, 65 refused, 75 try "
            "again later,\n78 a setting is wrong or missing.\n");
    return EX_OK;
}

static const struct cli_command *
find_command(const char *name)
{
    for (const struct cli_command *c = cli_commands; c->name != NULL; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

// Opens what the command needs, or says what to set.
static int
prepare(struct cli *cli)
{
    struct error err = {0};
    if (!config_load(cli_settings_table, &cli->settings, &err))
        return cli_fail(cli, EX_CONFIG, "%s", err.text);
    if ((cli->command->needs & CLI_NEEDS_KAFKA) && cli->settings.brokers[0] == '\0')
        return cli_fail(
            cli, EX_CONFIG,
            "KAFKA_BROKERS is not set: the brokers, such as 127.0.0.1:9092");
    if (!(cli->command->needs & CLI_NEEDS_DATABASE))
        return EX_OK;
    if (cli->settings.database_url[0] == '\0')
        return cli_fail(cli, EX_CONFIG,
                        "DATABASE_URL is not set: the ledger's Postgres, such as "
                        "postgresql://relais@127.0.0.1:5432/relais");
    cli->pg = pg_open(cli->settings.database_url, "relais-cli", &err);
    if (cli->pg == NULL)
        return cli_no_database(cli, "DATABASE_URL", &err);
    return EX_OK;
}

int
cli_main(int argc, char **argv)
{
    struct cli cli = {.args = argv, .count = argc};

    if (cli_flag(&cli, "--settings")) {
        cli_say("| name | type | default | meaning |\n|---|---|---|---|\n");
        config_print_markdown(cli_settings_table, stdout);
        config_print_markdown(directus_settings, stdout);
        return EX_OK;
    }
    if (cli.count == 0 || strcmp(cli.args[0], "help") == 0 || cli_flag(&cli, "--help")
        || cli_flag(&cli, "-h"))
        return help();
    cli.command = find_command(cli.args[0]);
    if (cli.command == NULL)
        return cli_usage(&cli, "there is no command \"%s\"", cli.args[0]);
    take(&cli, 0, 1);
    cli.json = cli_flag(&cli, "--json");
    http_init();
    int status = prepare(&cli);
    if (status == EX_OK)
        status = cli.command->run(&cli);
    if (cli.pg != NULL)
        pg_close(cli.pg);
    config_free(cli_settings_table, &cli.settings);
    http_exit();
    return status;
}
