// workers/cli/effect.c - relais effect: calls that must not be repeated, and the word
// of a person on those that cannot be looked up.
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/json.h"
#include "workers/cli/cli.h"
#include "workers/cli/redact.h"

enum { EFFECT_BYTES = 16 << 20 };

static const struct table_column columns[] = {
    {"KIND", "kind"},
    {"IDENTITY", "identity"},
    {"STATE", "state"},
    {"ATTEMPT", "attempt", true},
    {"WORKER", "worker"},
    {"DEADLINE (UTC)", "deadline"},
    {"UPDATED (UTC)", "updated"},
    {0},
};

// An intent whose deadline has passed may have been done: people call that unsure.
#define EFFECT_ROW                                                              \
    "SELECT kind, identity, CASE WHEN state = 'intent' AND deadline_at < now()" \
    " THEN 'unsure' ELSE state END AS shown, attempt, worker,"                  \
    " to_char(deadline_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"        \
    " to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"

static const char list_sql[] =
    "SELECT * FROM (" EFFECT_ROW " FROM relais.effect"
    " WHERE state <> 'confirmed' OR $1::text = 'confirmed') AS e"
    " WHERE $1::text IS NULL OR shown = $1 ORDER BY 7, 1, 2";

static const char *const states[] = {"unsure", "flagged",   "intent",
                                     "open",   "confirmed", NULL};

static bool
is_state(const char *text)
{
    for (size_t i = 0; states[i] != NULL; i++)
        if (strcmp(states[i], text) == 0)
            return true;
    return false;
}

static int
effect_list(struct cli *cli)
{
    const char *state = cli_option(cli, "--state");
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    if (state != NULL && !is_state(state))
        return cli_usage(cli,
                         "--state %s: not one of unsure, flagged, intent, open, "
                         "confirmed",
                         state);
    struct pg_param params[] = {PG_TEXT(state)};
    return cli_print_query(cli, list_sql, params, 1, columns, "no effect is open");
}

// The result is the provider's answer: what opens a door in it is not shown.
static void
put_result(struct str *out, const char *result, bool json)
{
    str_puts(out, json ? ",\"result\":" : "RESULT          ");
    if (result == NULL)
        str_puts(out, json ? "null" : "-");
    else
        redact_json(out, result, strlen(result));
}

static void
put_effect(struct str *out, const struct pg_rows *rows, bool json)
{
    str_puts(out, json ? "{" : "");
    for (int i = 0; columns[i].title != NULL; i++) {
        const char *text = pg_text(rows, 0, i);
        if (!json) {
            str_printf(out, "%-14s  %s\n", columns[i].title, text == NULL ? "-" : text);
            continue;
        }
        str_printf(out, "%s\"%s\":", i == 0 ? "" : ",", columns[i].name);
        if (columns[i].number)
            str_puts(out, text);
        else
            table_json_string(out, text);
    }
    put_result(out, pg_text(rows, 0, 7), json);
    str_puts(out, json ? "}\n" : "\n");
}

static int
effect_show(struct cli *cli)
{
    static const char sql[] =
        EFFECT_ROW ", convert_from(result, 'UTF8') FROM relais.effect"
                   " WHERE kind = $1 AND identity = $2";
    if (!cli_arguments(cli, 2, 2))
        return EX_USAGE;
    struct pg_param params[] = {PG_TEXT(cli->args[0]), PG_TEXT(cli->args[1])};
    int status = EX_OK;
    struct pg_rows *rows = cli_query(cli, sql, params, 2, &status);
    if (rows == NULL)
        return status;
    struct str out;
    str_begin(&out, EFFECT_BYTES);
    if (pg_rows_count(rows) == 0) {
        status = cli_fail(cli, EX_DATAERR, "there is no effect %s %s", cli->args[0],
                          cli->args[1]);
        str_end(&out);
    } else {
        put_effect(&out, rows, cli->json);
        status = cli_flush(cli, &out);
    }
    pg_rows_free(rows);
    return status;
}

// What a person says becomes the effect's state. Only an attempt that may be under way
// at this moment is left alone.
static const char resolve_sql[] =
    "UPDATE relais.effect SET state = $3, result = $4, updated_at = now(),"
    " deadline_at = NULL WHERE kind = $1 AND identity = $2"
    " AND NOT (state = 'intent' AND deadline_at > now())";

static const char settle_attention_sql[] =
    "UPDATE relais.attention SET resolved_at = now() WHERE resolved_at IS NULL"
    " AND entity IN ($2, $1 || ' ' || $2)";

static int
why_not(struct cli *cli)
{
    struct pg_param params[] = {PG_TEXT(cli->args[0]), PG_TEXT(cli->args[1])};
    int status = EX_OK;
    struct pg_rows *rows =
        cli_query(cli, "SELECT 1 FROM relais.effect WHERE kind = $1 AND identity = $2",
                  params, 2, &status);
    if (rows == NULL)
        return status;
    bool there = pg_rows_count(rows) > 0;
    pg_rows_free(rows);
    if (!there)
        return cli_fail(cli, EX_DATAERR, "there is no effect %s %s", cli->args[0],
                        cli->args[1]);
    return cli_fail(cli, EX_TEMPFAIL,
                    "an attempt may be under way: try again after its deadline "
                    "(relais effect show)");
}

static bool
is_json_object(const char *text)
{
    struct json_object *obj = json_parse_raw(text, strlen(text));
    bool is = json_object_is_type(obj, json_type_object);
    json_drop(obj);
    return is;
}

static int
resolve(struct cli *cli, bool done, const char *result)
{
    struct pg_param params[] = {
        PG_TEXT(cli->args[0]),
        PG_TEXT(cli->args[1]),
        PG_TEXT(done ? "confirmed" : "open"),
        PG_BYTES(NULL, 0),
    };
    if (done)
        params[3] = (struct pg_param)PG_BYTES(result, strlen(result));
    int status = EX_OK;
    struct pg_rows *rows = cli_query(cli, resolve_sql, params, 4, &status);
    if (rows == NULL)
        return status;
    int64_t count = pg_affected(rows);
    pg_rows_free(rows);
    if (count == 0)
        return why_not(cli);
    rows = cli_query(cli, settle_attention_sql, params, 2, &status);
    if (rows == NULL)
        return status;
    pg_rows_free(rows);
    cli_say(done
                ? "settled: it was done, and is not repeated; replay its dead letter\n"
                : "settled: it was not done, the next attempt does it; replay its dead "
                  "letter\n");
    return EX_OK;
}

static int
effect_resolve(struct cli *cli)
{
    const char *result = cli_option(cli, "--result");
    if (!cli_arguments(cli, 3, 3))
        return EX_USAGE;
    bool done = strcmp(cli->args[2], "done") == 0;
    if (!done && strcmp(cli->args[2], "not-done") != 0)
        return cli_usage(cli, "\"%s\" is neither done nor not-done", cli->args[2]);
    if (!done && result != NULL)
        return cli_usage(cli, "--result goes with done only");
    if (result != NULL && !is_json_object(result))
        return cli_usage(cli, "--result is not a JSON object");
    return resolve(cli, done, result == NULL ? "{}" : result);
}

static const struct cli_command effect_commands[] = {
    {"list", "[--state unsure|flagged|intent|open|confirmed]", "", 0, effect_list},
    {"show", "<kind> <identity>", "", 0, effect_show},
    {"resolve", "<kind> <identity> done|not-done [--result JSON]", "", 0,
     effect_resolve},
    {0},
};

int
cli_effect(struct cli *cli)
{
    return cli_subcommand(cli, effect_commands);
}
