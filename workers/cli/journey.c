// workers/cli/journey.c - relais journey: everything that happened to one entity.
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "common/uuid.h"
#include "workers/cli/cli.h"

enum { JOURNEY_BYTES = 16 << 20 };

// A bare uuid stands for whatever it is the id of.
#define ENTITY_IS(column)                                                       \
    "(" column " = $1 OR ($2 AND " column " IN ('quote:' || $1, 'cgv:' || $1, " \
    "'invoice:' || $1, 'lead:' || $1, 'contact:' || $1)))"

static const char steps_sql[] =
    "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS'), worker, type,"
    " attempt, outcome, took_ms, note, calls, event, entity"
    " FROM relais.journey_step WHERE " ENTITY_IS("entity") " ORDER BY at, id";

static const char parked_sql[] =
    "SELECT worker, event, topic, attempts,"
    " to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), error"
    " FROM relais.parked_event WHERE " ENTITY_IS("lane") " ORDER BY seq";

static const char timers_sql[] =
    "SELECT name, entity,"
    " to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    " FROM relais.timer WHERE " ENTITY_IS("entity") " OR " ENTITY_IS(
        "key") " ORDER BY due_at";

// Identities of effects begin with the entity: "quote:<uuid>:r1".
static const char effects_sql[] =
    "SELECT kind, identity, state, attempt,"
    " to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    " FROM relais.effect WHERE strpos(identity, $1) > 0 AND ($2 OR true)"
    " ORDER BY updated_at";

static const char attention_sql[] =
    "SELECT kind, entity, worker, text,"
    " to_char(raised_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    " FROM relais.attention WHERE resolved_at IS NULL AND " ENTITY_IS(
        "entity") " ORDER BY raised_at";

static const struct table_column parked_columns[] = {
    {"WORKER", "worker"},
    {"EVENT", "event"},
    {"TOPIC", "topic"},
    {"ATTEMPTS", "attempts", true},
    {"DUE (UTC)", "due"},
    {"ERROR", "error"},
    {0},
};

static const struct table_column timer_columns[] = {
    {"LATER", "name"},
    {"ABOUT", "entity"},
    {"DUE (UTC)", "due"},
    {0},
};

static const struct table_column effect_columns[] = {
    {"KIND", "kind"},   {"IDENTITY", "identity"},
    {"STATE", "state"}, {"ATTEMPT", "attempt", true},
    {"AT (UTC)", "at"}, {0},
};

static const struct table_column attention_columns[] = {
    {"KIND", "kind"}, {"ENTITY", "entity"},  {"WORKER", "worker"},
    {"TEXT", "text"}, {"SINCE (UTC)", "at"}, {0},
};

// The rest of what is known about the entity, beside its steps.
static const struct section {
    const char *title, *name;
    const char *sql;
    const struct table_column *columns;
} sections[] = {
    {"Waiting in parking", "parked", parked_sql, parked_columns},
    {"Timers", "timers", timers_sql, timer_columns},
    {"Effects", "effects", effects_sql, effect_columns},
    {"A person must look at", "attention", attention_sql, attention_columns},
    {0},
};

// Texts come from other systems: control characters are not for a terminal.
static void
put_line(struct str *out, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        str_append(out, (unsigned char)text[i] < 0x20 ? "?" : text + i, 1);
}

static void
put_calls(struct str *out, const char *calls)
{
    while (*calls != '\0') {
        size_t length = strcspn(calls, "\n");
        if (length > 0) {
            str_printf(out, "%27s", "");
            put_line(out, calls, length);
            str_puts(out, "\n");
        }
        calls += length + (calls[length] == '\n' ? 1 : 0);
    }
}

static void
put_step(struct str *out, const struct pg_rows *rows, int i)
{
    const char *attempt = pg_text(rows, i, 3);
    const char *note = pg_text(rows, i, 6);

    str_printf(out, "%s  %-19s %-30s %s", pg_text(rows, i, 0), pg_text(rows, i, 1),
               pg_text(rows, i, 2), pg_text(rows, i, 4));
    if (strcmp(attempt, "1") != 0)
        str_printf(out, " (attempt %s)", attempt);
    str_printf(out, ", %s ms", pg_text(rows, i, 5));
    if (note[0] != '\0') {
        str_puts(out, ": ");
        put_line(out, note, strlen(note));
    }
    str_puts(out, "\n");
    put_calls(out, pg_text(rows, i, 7));
}

static void
put_step_json(struct str *out, const struct pg_rows *rows, int i)
{
    static const char *const names[] = {"at",      "worker",  "type", "attempt",
                                        "outcome", "took_ms", "note", "calls",
                                        "event",   "entity"};
    str_puts(out, i == 0 ? "{" : ",{");
    for (int c = 0; c < 10; c++) {
        str_printf(out, "%s\"%s\":", c == 0 ? "" : ",", names[c]);
        if (c == 3 || c == 5)
            str_puts(out, pg_text(rows, i, c));
        else
            table_json_string(out, pg_text(rows, i, c));
    }
    str_puts(out, "}");
}

static int
put_sections(struct cli *cli, const struct pg_param params[2], struct str *out)
{
    for (const struct section *s = sections; s->title != NULL; s++) {
        struct table table;
        int status = EX_OK;
        struct pg_rows *rows = cli_query(cli, s->sql, params, 2, &status);
        if (rows == NULL)
            return status;
        table_begin(&table, s->columns);
        cli_table_rows(&table, rows);
        pg_rows_free(rows);
        if (cli->json) {
            str_printf(out, ",\"%s\":", s->name);
            table_json(&table, out);
        } else if (table.rows > 0) {
            str_printf(out, "\n%s\n", s->title);
            table_print(&table, out);
        }
        table_end(&table);
    }
    return EX_OK;
}

static int
put_steps(struct cli *cli, const struct pg_param params[2], struct str *out)
{
    int status = EX_OK;
    struct pg_rows *rows = cli_query(cli, steps_sql, params, 2, &status);
    if (rows == NULL)
        return status;
    if (cli->json) {
        str_puts(out, "{\"entity\":");
        table_json_string(out, params[0].text);
        str_puts(out, ",\"steps\":[");
    }
    for (int i = 0; i < pg_rows_count(rows); i++)
        (cli->json ? put_step_json : put_step)(out, rows, i);
    if (cli->json)
        str_puts(out, "]");
    else if (pg_rows_count(rows) == 0)
        str_printf(out, "nothing has happened to %s yet\n", params[0].text);
    pg_rows_free(rows);
    return EX_OK;
}

int
cli_journey(struct cli *cli)
{
    if (!cli_arguments(cli, 1, 1))
        return EX_USAGE;
    const char *entity = cli->args[0];
    bool bare = uuid_is(entity);
    if (!bare && strchr(entity, ':') == NULL)
        return cli_usage(
            cli, "\"%s\" is neither an entity such as quote:<uuid> nor an id", entity);

    struct pg_param params[] = {PG_TEXT(entity), PG_TEXT(bare ? "true" : "false")};
    struct str out;
    str_begin(&out, JOURNEY_BYTES);
    int status = put_steps(cli, params, &out);
    if (status == EX_OK)
        status = put_sections(cli, params, &out);
    if (status != EX_OK) {
        str_end(&out);
        return status;
    }
    if (cli->json)
        str_puts(&out, "}\n");
    return cli_flush(cli, &out);
}
