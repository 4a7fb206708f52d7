// workers/cli/cli.h - what the commands of `relais` share: settings, arguments, output,
// exit codes (sysexits.h).
#ifndef RELAIS_CLI_H
#define RELAIS_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/config.h"
#include "common/error.h"
#include "common/pg.h"
#include "common/str.h"
#include "workers/cli/table.h"

struct cli_settings {
    const char *database_url;
    const char *capture_database_url;
    const char *brokers;
    const char *integrations;
    const char *capture;
    int64_t partitions;
    int64_t replication;
    int64_t retention_ms;
    bool clock_movable;
};

extern const struct config_setting cli_settings_table[];

// What a command cannot do without; checked before it runs, with a message that says
// what to set.
enum cli_needs {
    CLI_NEEDS_NOTHING = 0,
    CLI_NEEDS_DATABASE = 1, // DATABASE_URL, connected: cli->pg
    CLI_NEEDS_KAFKA = 2,    // KAFKA_BROKERS
};

struct cli {
    const struct cli_command *command;
    struct cli_settings settings;
    struct pg *pg;
    bool json; // --json
    char **args;
    int count;
};

// One command. Tables end with {0}.
struct cli_command {
    const char *name;
    const char *usage;   // what follows the name
    const char *summary; // one line
    int needs;
    int (*run)(struct cli *cli); // an exit status
};

extern const struct cli_command cli_commands[];

// Runs the command named by the arguments (without the program's name); returns the
// exit status of sysexits.h.
int cli_main(int argc, char **argv);

// Takes "--name" out of the arguments; whether it was there.
bool cli_flag(struct cli *cli, const char *name);
// Takes "--name value" or "--name=value" out of the arguments; NULL if it was not
// there.
const char *cli_option(struct cli *cli, const char *name);
// Reads a length of time, "3d", "12h", "30m" or "10s", of at most 36500d: Postgres
// could not count much further. False: it is none; *ms is then untouched.
#define CLI_TIME_USAGE "a number with s, m, h or d, such as 3d, and at most 36500d"
bool cli_time(const char *text, int64_t *ms) ATTR_MUST_CHECK;
// After the options: whether no unknown option and between min and max arguments are
// left. False: the usage was printed, return EX_USAGE.
bool cli_arguments(struct cli *cli, int min, int max) ATTR_MUST_CHECK;

// Prints "relais <command>: <text>" and the usage on stderr; returns EX_USAGE.
int cli_usage(const struct cli *cli, const char *fmt, ...) ATTR_PRINTF(2, 3);
// Prints "relais <command>: <text>" on stderr; returns `status`.
int cli_fail(const struct cli *cli, int status, const char *fmt, ...) ATTR_PRINTF(3, 4);
// Prints an error with its hint; returns the status that fits its kind: EX_TEMPFAIL for
// what may pass later, EX_CONFIG for bad credentials, EX_DATAERR for the rest.
int cli_error(const struct cli *cli, const struct error *err);
// The same for a database that pg_open() could not open, with the setting that names
// it: EX_CONFIG for an URL that cannot be read, else EX_UNAVAILABLE.
int cli_no_database(const struct cli *cli, const char *setting,
                    const struct error *err);

// Prints on stdout.
void cli_say(const char *fmt, ...) ATTR_PRINTF(1, 2);
// Prints the collected text on stdout and ends it. Returns EX_OK, or EX_IOERR if it
// could not be written or grew beyond its maximum.
int cli_flush(const struct cli *cli, struct str *out);

// The workers that exist here: "orchestrator", then every name of INTEGRATIONS. Calls
// visit with each until one returns false; false then.
bool cli_each_worker(const struct cli *cli,
                     bool (*visit)(void *arg, const char *worker), void *arg);

// Runs a query on cli->pg; NULL: printed, *status is set.
struct pg_rows *cli_query(struct cli *cli, const char *sql,
                          const struct pg_param params[], int count, int *status);

// Runs the subcommand named by the first argument ("list" of `relais park list`).
int cli_subcommand(struct cli *cli, const struct cli_command commands[]);

// Adds every row of a result, column by column.
void cli_table_rows(struct table *table, const struct pg_rows *rows);
// Prints a table (or JSON), ends it; `none` is what people read when it has no rows.
int cli_print_table(const struct cli *cli, struct table *table, const char *none);
// A query as a table.
int cli_print_query(struct cli *cli, const char *sql, const struct pg_param params[],
                    int count, const struct table_column columns[], const char *none);

// The commands.
int cli_migrate(struct cli *cli);
int cli_topics(struct cli *cli);
int cli_baseline(struct cli *cli);
int cli_status(struct cli *cli);
int cli_journey(struct cli *cli);
int cli_dead(struct cli *cli);
int cli_park(struct cli *cli);
int cli_effect(struct cli *cli);
int cli_attention(struct cli *cli);
int cli_webhooks(struct cli *cli);
int cli_clock(struct cli *cli);
int cli_doctor(struct cli *cli);
int cli_audit(struct cli *cli);

#endif
