#include "tests/integration/pg_fixture.h"

#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/pg.h"
#include "tests/integration/script.h"

void
pg_fixture_start(struct pg_fixture *fixture)
{
    char pid[24];

    snprintf(pid, sizeof pid, "%d", (int)getpid());
    script_run("postgres.sh", "start", pid, fixture->dir, sizeof fixture->dir);
    snprintf(fixture->url, sizeof fixture->url,
             "postgresql://postgres@/postgres?host=%s", fixture->dir);
}

void
pg_fixture_stop(struct pg_fixture *fixture)
{
    script_run("postgres.sh", "stop", fixture->dir, NULL, 0);
}

void
pg_fixture_crash(const struct pg_fixture *fixture)
{
    script_run("postgres.sh", "crash", fixture->dir, NULL, 0);
}

void
pg_fixture_again(const struct pg_fixture *fixture)
{
    script_run("postgres.sh", "again", fixture->dir, NULL, 0);
}

struct pg *
pg_fixture_connect(const struct pg_fixture *fixture)
{
    struct error err = {0};
    struct pg *pg = pg_open(fixture->url, "test", &err);
    if (pg == NULL)
        fail_msg("%s", err.text);
    return pg;
}

struct pg *
pg_fixture_reconnect(const struct pg_fixture *fixture, struct pg *lost)
{
    pg_close(lost);
    return pg_fixture_connect(fixture);
}

void
pg_fixture_do(struct pg *pg, const char *sql)
{
    struct error err = {0};
    if (!pg_script(pg, sql, &err))
        fail_msg("%s", err.text);
}

void
pg_fixture_file(struct pg *pg, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/schemas/postgres/%s", SOURCE_DIR, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    struct str sql;
    str_begin(&sql, 1024 * 1024);
    char chunk[2048];
    size_t length;
    while ((length = fread(chunk, 1, sizeof chunk, file)) > 0)
        str_append(&sql, chunk, length);
    fclose(file);
    assert_false(sql.failed);
    pg_fixture_do(pg, sql.data);
    str_end(&sql);
}

void
pg_fixture_capture(struct pg *pg)
{
    pg_fixture_file(pg, "capture/001_capture.sql");
    pg_fixture_file(pg, "capture/002_secrets_truncate.sql");
    pg_fixture_file(pg, "capture/003_never_in_the_way.sql");
    pg_fixture_file(pg, "capture/004_standing.sql");
    pg_fixture_file(pg, "capture/005_known.sql");
    pg_fixture_do(pg, "SELECT relais_capture.install(ARRAY['quotes', 'client_invoices',"
                      " 'payments', 'leads', 'people', 'companies', 'cgv_acceptances',"
                      " 'quote_items', 'invoice_items'])");
}

static struct pg_rows *
query(struct pg *pg, const char *sql)
{
    struct error err = {0};
    struct pg_rows *rows = NULL;
    if (!pg_run(pg, sql, NULL, 0, &rows, &err))
        fail_msg("%s", err.text);
    assert_int_equal(pg_rows_count(rows), 1);
    return rows;
}

long long
pg_fixture_number(struct pg *pg, const char *sql)
{
    struct pg_rows *rows = query(pg, sql);
    long long value = pg_i64(rows, 0, 0);
    pg_rows_free(rows);
    return value;
}

char *
pg_fixture_text(struct pg *pg, const char *sql)
{
    struct pg_rows *rows = query(pg, sql);
    const char *text = pg_text(rows, 0, 0);
    char *copy = str_dup(text != NULL ? text : "");
    pg_rows_free(rows);
    return copy;
}
