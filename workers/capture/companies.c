#include "workers/capture/companies.h"

#include <string.h>

#include "common/clock.h"
#include "common/pg.h"

enum { READ_EVERY_MS = 10 * 1000 };

void
capture_companies_end(struct capture_companies *companies)
{
    pg_rows_free(companies->rows);
    *companies = (struct capture_companies){0};
}

static const char *
find(const struct capture_companies *companies, const char *id)
{
    int count = companies->rows != NULL ? pg_rows_count(companies->rows) : 0;

    for (int i = 0; i < count; i++)
        if (strcmp(pg_text(companies->rows, i, 0), id) == 0)
            return pg_text(companies->rows, i, 1);
    return NULL;
}

// A table that cannot be read is no reason to hold changes up: the code stays unknown.
static bool
read_table(struct capture_companies *companies, struct pg *pg, const char *table,
           struct error *err)
{
    const struct pg_param params[] = {PG_TEXT(table)};
    struct pg_rows *rows = NULL;

    companies->read_at_ms = clock_ms();
    if (!pg_run(pg, "SELECT id, code FROM relais_capture.companies($1)", params, 1,
                &rows, err)) {
        if (!pg_ok(pg))
            return false;
        error_clear(err);
        return true;
    }
    pg_rows_free(companies->rows);
    companies->rows = rows;
    return true;
}

bool
capture_companies_code(struct capture_companies *companies, struct pg *pg,
                       const char *table, const char *id, const char **code,
                       struct error *err)
{
    const char *found = find(companies, id);

    if (found == NULL
        && (companies->read_at_ms == 0
            || clock_ms() - companies->read_at_ms >= READ_EVERY_MS)) {
        if (!read_table(companies, pg, table, err))
            return false;
        found = find(companies, id);
    }
    *code = found != NULL ? found : "";
    return true;
}
