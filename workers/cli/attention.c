// workers/cli/attention.c - relais attention: what a person must look at, until
// somebody says that it is done.
#include <sysexits.h>

#include "workers/cli/cli.h"

static const struct table_column columns[] = {
    {"KIND", "kind"},         {"ENTITY", "entity"}, {"WORKER", "worker"},
    {"SINCE (UTC)", "since"}, {"TEXT", "text"},     {0},
};

static const char list_sql[] =
    "SELECT kind, entity, worker,"
    " to_char(raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), text"
    " FROM relais.attention WHERE resolved_at IS NULL ORDER BY raised_at";

static const char done_sql[] =
    "UPDATE relais.attention SET resolved_at = now()"
    " WHERE kind = $1 AND entity = $2 AND resolved_at IS NULL";

static int
attention_list(struct cli *cli)
{
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    return cli_print_query(cli, list_sql, NULL, 0, columns,
                           "nothing waits for a person");
}

static int
attention_done(struct cli *cli)
{
    if (!cli_arguments(cli, 2, 2))
        return EX_USAGE;
    struct pg_param params[] = {PG_TEXT(cli->args[0]), PG_TEXT(cli->args[1])};
    int status = EX_OK;
    struct pg_rows *rows = cli_query(cli, done_sql, params, 2, &status);
    if (rows == NULL)
        return status;
    int64_t count = pg_affected(rows);
    pg_rows_free(rows);
    if (count == 0)
        return cli_fail(cli, EX_DATAERR, "nothing of kind %s waits for a person at %s",
                        cli->args[0], cli->args[1]);
    cli_say("taken off the list\n");
    return EX_OK;
}

static const struct cli_command attention_commands[] = {
    {"list", "", "", 0, attention_list},
    {"done", "<kind> <entity>", "", 0, attention_done},
    {0},
};

int
cli_attention(struct cli *cli)
{
    return cli_subcommand(cli, attention_commands);
}
