// workers/cli/park.c - relais park: events that wait for their time.
#include <string.h>
#include <sysexits.h>

#include "workers/cli/cli.h"

static const struct table_column columns[] = {
    {"WORKER", "worker"},
    {"LANE", "lane"},
    {"EVENTS", "events", true},
    {"FIRST EVENT", "event"},
    {"ATTEMPTS", "attempts", true},
    {"DUE (UTC)", "due"},
    {"ERROR", "error"},
    {0},
};

// A lane waits for its first row; what is behind it is only counted.
static const char list_sql[] =
    "SELECT worker, lane, behind, event, attempts,"
    " to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), error FROM ("
    " SELECT *, count(*) OVER (PARTITION BY worker, lane) AS behind,"
    " row_number() OVER (PARTITION BY worker, lane ORDER BY seq) AS place"
    " FROM relais.parked_event) AS p WHERE place = 1 ORDER BY due_at";

static int
park_list(struct cli *cli)
{
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    return cli_print_query(cli, list_sql, NULL, 0, columns, "nothing is parked");
}

static int
park_release(struct cli *cli)
{
    static const char all_sql[] =
        "UPDATE relais.parked_event SET due_at = now() WHERE due_at > now()";
    static const char lane_sql[] =
        "UPDATE relais.parked_event SET due_at = now() WHERE lane = $1";
    bool all = cli_flag(cli, "--all");
    if (!cli_arguments(cli, all ? 0 : 1, all ? 0 : 1))
        return EX_USAGE;

    struct pg_param params[] = {PG_TEXT(all ? NULL : cli->args[0])};
    int status = EX_OK;
    struct pg_rows *rows =
        cli_query(cli, all ? all_sql : lane_sql, params, all ? 0 : 1, &status);
    if (rows == NULL)
        return status;
    int64_t count = pg_affected(rows);
    pg_rows_free(rows);
    if (count == 0 && !all)
        return cli_fail(cli, EX_DATAERR, "no event of lane \"%s\" is parked",
                        cli->args[0]);
    if (cli->json)
        cli_say("{\"released\":%lld}\n", (long long)count);
    else
        cli_say("%lld released: their worker takes them up again now\n",
                (long long)count);
    return EX_OK;
}

static const struct cli_command park_commands[] = {
    {"list", "", "", 0, park_list},
    {"release", "<lane> | --all", "", 0, park_release},
    {0},
};

int
cli_park(struct cli *cli)
{
    return cli_subcommand(cli, park_commands);
}
