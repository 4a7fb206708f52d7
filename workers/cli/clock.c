// workers/cli/clock.c - relais clock: moves the clock by which papers expire and
// invoices are overdue. For tests and demos.
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "common/clock.h"
#include "workers/cli/cli.h"

enum { NUMBER_TEXT = 24 };

// Adds to what is there already.
static int
move(struct cli *cli, int64_t by_ms)
{
    static const char sql[] =
        "INSERT INTO relais.clock AS c (ahead_ms) VALUES ($1::int8)"
        " ON CONFLICT (one) DO UPDATE SET ahead_ms = c.ahead_ms + excluded.ahead_ms,"
        " moved_at = now()";
    int status = EX_OK;
    char text[NUMBER_TEXT];
    (void)snprintf(text, sizeof text, "%lld", (long long)by_ms);
    struct pg_param params[] = {PG_TEXT(text)};
    pg_rows_free(cli_query(cli, sql, params, 1, &status));
    return status;
}

static int
show(struct cli *cli)
{
    int status = EX_OK;
    char instant[CLOCK_TEXT];
    char date[CLOCK_DATE];
    struct pg_rows *rows = cli_query(
        cli,
        "SELECT c.ahead, (extract(epoch FROM clock_timestamp()) * 1000)::int8 + c.ahead"
        " FROM (SELECT coalesce(max(ahead_ms), 0)::int8 AS ahead FROM relais.clock) c",
        NULL, 0, &status);
    if (rows == NULL)
        return status;
    int64_t ahead_ms = pg_i64(rows, 0, 0);
    clock_format(pg_i64(rows, 0, 1), instant);
    clock_date(pg_i64(rows, 0, 1), date);
    pg_rows_free(rows);
    if (cli->json)
        cli_say("{\"ahead_ms\":%lld,\"now\":\"%s\",\"today\":\"%s\"}\n",
                (long long)ahead_ms, instant, date);
    else
        cli_say("%s, %s in Europe/Zurich: %lld.%lld h ahead of the real time\n",
                instant, date, (long long)(ahead_ms / 3600000),
                (long long)(ahead_ms % 3600000 / 360000));
    return EX_OK;
}

int
cli_clock(struct cli *cli)
{
    int64_t by_ms;
    if (!cli_arguments(cli, 0, 2))
        return EX_USAGE;
    if (cli->count == 0)
        return show(cli);
    if (!cli->settings.clock_movable)
        return cli_fail(
            cli, EX_CONFIG,
            "CLOCK_MOVABLE is off: only tests and demos move the clock, and "
            "workers look at it only where it is on");
    if (cli->count != 2 || strcmp(cli->args[0], "forward") != 0
        || !cli_time(cli->args[1], &by_ms))
        return cli_usage(cli, "how far? " CLI_TIME_USAGE);
    int status = move(cli, by_ms);
    return status == EX_OK ? show(cli) : status;
}
