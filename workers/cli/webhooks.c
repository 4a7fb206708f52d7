// workers/cli/webhooks.c - relais webhooks: those that Invoice Ninja's worker
// registered there, as it saw them last; and the word to look at them now.
#include <string.h>
#include <sysexits.h>

#include "common/directus.h"
#include "common/json.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/uuid.h"
#include "workers/cli/cli.h"

enum { COMMAND_MS = 60 * 1000 };

static const struct table_column columns[] = {
    {"COMPANY", "company"}, {"EVENT", "event"},           {"ROW", "row"},
    {"STATE", "state"},     {"CHECKED (UTC)", "checked"}, {0},
};

static const char list_sql[] =
    "SELECT substr(s.entity, 10), r->>'event', r->>'id', r->>'state',"
    " to_char(s.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
    " FROM relais.entity_state s,"
    " json_array_elements(convert_from(s.state, 'UTF8')::json->'rows')"
    " WITH ORDINALITY AS t(r, n)"
    " WHERE s.worker = 'relais-invoice-ninja' AND s.entity LIKE 'webhooks:%'"
    " ORDER BY 1, n";

// The row is published by whichever worker leads.
static const char send_sql[] =
    "INSERT INTO relais.outbox (topic, id, key, headers, payload)"
    " VALUES ($1, $2, $3, convert_to($4, 'UTF8'), convert_to($5, 'UTF8'))";

static int
webhooks_list(struct cli *cli)
{
    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    return cli_print_query(cli, list_sql, NULL, 0, columns,
                           "no webhook was registered yet: relais webhooks register");
}

static int
send_command(struct cli *cli, struct job *job, const char *company)
{
    char cause[UUID_TEXT];
    int status = EX_OK;
    struct json_object *data = json_object_in(job);
    uuid_random(cause);
    json_set_string(data, "company", company);
    settlement_begin(job);
    publish_command(job, &(struct publish_command){
                             .type = "invoice-ninja.webhooks.register",
                             .key = job_printf(job, "%s:webhooks", company),
                             .subject = job_printf(job, "webhooks:%s", company),
                             .cause = cause,
                             .data = data,
                         });
    const struct settle_out *row = job->settlement->outbox;
    struct pg_param params[] = {PG_TEXT(row->topic), PG_TEXT(row->id),
                                PG_TEXT(row->key), PG_TEXT(row->headers),
                                PG_TEXT(row->payload)};
    struct pg_rows *rows = cli_query(cli, send_sql, params, 5, &status);
    if (rows == NULL)
        return status;
    pg_rows_free(rows);
    cli_say("%s: its webhooks will be looked at\n", company);
    return EX_OK;
}

// Every company of Directus; one without a key is passed over by the worker.
static int
send_to_all(struct cli *cli, struct job *job)
{
    static const struct http_header query[] = {
        {"fields", "code"}, {"sort", "code"}, {"limit", "-1"}, {NULL}};
    struct directus directus = {0};
    struct error err = {0};
    int status = EX_OK;
    if (!directus_open(&directus, "cli", &err))
        return cli_fail(cli, EX_CONFIG, "%s", err.text);
    struct json_object *rows = directus_list(&directus, job, "owner_companies", query);
    if (rows == NULL)
        status = cli_error(cli, &job->error);
    for (size_t i = 0; status == EX_OK && i < json_object_array_length(rows); i++)
        status = send_command(
            cli, job, json_string_or(json_object_array_get_idx(rows, i), "code", ""));
    directus_close(&directus);
    return status;
}

static int
webhooks_register(struct cli *cli)
{
    struct job job;
    int status = EX_OK;
    if (!cli_arguments(cli, 0, 100))
        return EX_USAGE;
    job_begin(&job, COMMAND_MS);
    job.program = "cli";
    if (cli->count == 0)
        status = send_to_all(cli, &job);
    for (int i = 0; status == EX_OK && i < cli->count; i++)
        status = send_command(cli, &job, cli->args[i]);
    job_end(&job);
    return status;
}

static const struct cli_command webhooks_commands[] = {
    {"list", "", "", 0, webhooks_list},
    {"register", "[company...]", "", 0, webhooks_register},
    {0},
};

int
cli_webhooks(struct cli *cli)
{
    return cli_subcommand(cli, webhooks_commands);
}
