// workers/cli/audit.c - relais audit: compares Directus with the providers, object by
// object, and has put right what a person or a lost message has left different.
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "workers/cli/audit.h"

enum { AUDIT_BYTES = 64 << 20, NUMBER_TEXT = 24 };

#define USUAL_WAIT "10m"

static const struct table_column found_columns[] = {
    {"ENTITY", "entity"}, {"WORKER", "worker"}, {"WHAT", "what"}, {0}};

static const struct table_column attention_columns[] = {
    {"A PERSON MUST LOOK AT", "kind"}, {"ENTITY", "entity"}, {"TEXT", "text"}, {0}};

// $1 milliseconds, 0 = since ever. In the order of the functions that follow.
static const char begin_sql[] =
    "SELECT (SELECT coalesce(max(id), 0) FROM relais.journey_step),"
    " (SELECT coalesce(array_agg(kind || ' ' || entity), '{}')::text"
    " FROM relais.attention WHERE resolved_at IS NULL),"
    " CASE $1::int8 WHEN 0 THEN '-infinity'"
    " ELSE (now() - $1::int8 * interval '1 millisecond')::text END";

// $1: what was open before. One that was settled once and is raised again keeps the
// time it was first raised at.
static const char attention_sql[] =
    "SELECT kind, entity, text FROM relais.attention WHERE resolved_at IS NULL"
    " AND kind || ' ' || entity <> ALL ($1::text[]) ORDER BY raised_at";

const char *
audit_last_step(const struct audit *audit)
{
    return pg_text(audit->begin, 0, 0);
}

const char *
audit_open_before(const struct audit *audit)
{
    return pg_text(audit->begin, 0, 1);
}

const char *
audit_since(const struct audit *audit)
{
    return pg_text(audit->begin, 0, 2);
}

// ---- the answer

static int64_t
all_left(const struct audit *audit)
{
    int64_t left = 0;
    for (int i = 0; i < AUDIT_KINDS; i++)
        left += audit->counts[i].left;
    return left;
}

// Who did not look, and what a person may do about it.
static void
say_left(const struct audit *audit)
{
    for (int i = 0; i < AUDIT_KINDS; i++) {
        const struct audit_kind *kind = &audit_kinds[i];
        const struct audit_count *count = &audit->counts[i];
        if (count->left > count->parked)
            (void)cli_fail(audit->cli, EX_TEMPFAIL,
                           "%lld %s were not looked at: does relais-%s run? (relais "
                           "status)",
                           (long long)(count->left - count->parked), kind->many,
                           kind->worker);
        if (count->parked > 0)
            (void)cli_fail(audit->cli, EX_TEMPFAIL,
                           "%lld %s wait in parking: relais park list",
                           (long long)count->parked, kind->many);
    }
}

static void
put_table(struct str *out, const struct table *table)
{
    table_print(table, out);
    if (table->rows > 0)
        str_puts(out, "\n");
}

static void
put_text(const struct audit *audit, const struct table *attention, struct str *out)
{
    for (int i = 0; i < AUDIT_KINDS; i++)
        if (audit->counts[i].left_out && audit->counts[i].all > 0)
            str_printf(out, "%s: not in INTEGRATIONS, %lld %s left out\n",
                       audit_kinds[i].worker, (long long)audit->counts[i].all,
                       audit_kinds[i].many);
    put_table(out, &audit->found);
    put_table(out, attention);
    for (int i = 0; i < AUDIT_KINDS; i++)
        str_printf(out, "%s%lld %s", i == 0 ? "" : ", ",
                   (long long)audit->counts[i].compared, audit_kinds[i].many);
    str_printf(out, " compared; %lld put right; %lld for a person; ",
               (long long)audit->put_right,
               (long long)audit->dead + (long long)attention->rows);
    if (audit->skipped != NULL)
        str_printf(out, "changes nobody captured were not looked for: %s\n",
                   audit->skipped);
    else
        str_printf(out, "%lld captured by nobody\n", (long long)audit->uncaptured);
}

static void
put_counts(struct str *out, const char *name, const int64_t numbers[AUDIT_KINDS])
{
    str_printf(out, "\"%s\":{", name);
    for (int i = 0; i < AUDIT_KINDS; i++)
        str_printf(out, "%s\"%s\":%lld", i == 0 ? "" : ",", audit_kinds[i].many,
                   (long long)numbers[i]);
    str_puts(out, "},");
}

static void
put_json(const struct audit *audit, const struct table *attention, struct str *out)
{
    int64_t compared[AUDIT_KINDS];
    int64_t left[AUDIT_KINDS];
    int64_t left_out[AUDIT_KINDS];
    for (int i = 0; i < AUDIT_KINDS; i++) {
        const struct audit_count *count = &audit->counts[i];
        compared[i] = count->compared;
        left[i] = count->left;
        left_out[i] = count->left_out ? count->all : 0;
    }
    str_puts(out, "{");
    put_counts(out, "compared", compared);
    put_counts(out, "not_looked_at", left);
    put_counts(out, "left_out", left_out);
    str_printf(out, "\"put_right\":%lld,\"for_a_person\":%lld,\"captured_by_nobody\":",
               (long long)audit->put_right,
               (long long)audit->dead + (long long)attention->rows);
    if (audit->skipped != NULL)
        str_puts(out, "null");
    else
        str_printf(out, "%lld", (long long)audit->uncaptured);
    str_puts(out, ",\"found\":");
    table_json(&audit->found, out);
    str_puts(out, ",\"attention\":");
    table_json(attention, out);
    str_puts(out, "}\n");
}

// What was not looked at goes before what a person must do: run again, it may be more.
static int
report(struct audit *audit)
{
    const struct pg_param params[] = {PG_TEXT(audit_open_before(audit))};
    struct table attention;
    struct str out;
    int status = EX_OK;
    struct pg_rows *rows = cli_query(audit->cli, attention_sql, params, 1, &status);
    if (rows == NULL)
        return status;
    table_begin(&attention, attention_columns);
    cli_table_rows(&attention, rows);
    pg_rows_free(rows);
    str_begin(&out, AUDIT_BYTES);
    if (audit->cli->json)
        put_json(audit, &attention, &out);
    else
        put_text(audit, &attention, &out);
    bool person = attention.rows > 0 || audit->dead > 0;
    table_end(&attention);
    status = cli_flush(audit->cli, &out);
    if (status != EX_OK)
        return status;
    say_left(audit);
    if (all_left(audit) > 0)
        return EX_TEMPFAIL;
    return person ? EX_DATAERR : EX_OK;
}

// ---- the command

static int
run(struct audit *audit)
{
    char since[NUMBER_TEXT];
    int status = EX_OK;

    (void)snprintf(since, sizeof since, "%lld", (long long)audit->since_ms);
    const struct pg_param params[] = {PG_TEXT(since)};
    audit->begin = cli_query(audit->cli, begin_sql, params, 1, &status);
    if (audit->begin == NULL)
        return status;
    status = audit_capture(audit);
    for (int i = 0; status == EX_OK && i < AUDIT_KINDS; i++)
        status = audit_objects(audit, i);
    return status == EX_OK ? report(audit) : status;
}

int
cli_audit(struct cli *cli)
{
    struct audit audit = {.cli = cli};
    const char *since = cli_option(cli, "--since");
    const char *wait = cli_option(cli, "--wait");

    if (!cli_arguments(cli, 0, 0))
        return EX_USAGE;
    if ((since != NULL && !cli_time(since, &audit.since_ms))
        || !cli_time(wait != NULL ? wait : USUAL_WAIT, &audit.wait_ms))
        return cli_usage(cli, "how long? " CLI_TIME_USAGE);
    table_begin(&audit.found, found_columns);
    int status = run(&audit);
    table_end(&audit.found);
    pg_rows_free(audit.begin);
    return status;
}
