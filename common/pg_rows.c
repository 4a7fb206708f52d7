// What a statement gave back, read as text, number or bytes.
#include <stdlib.h>

#include "common/pg_parts.h"

struct pg_cell {
    unsigned char *data;
    size_t length;
};

struct pg_rows {
    PGresult *result;
    struct pg_cell *cells; // decoded bytea columns, made at first use
};

struct pg_rows *
pg_rows_of(PGresult *result)
{
    struct pg_rows *rows = str_calloc(1, sizeof *rows);
    rows->result = result;
    return rows;
}

int
pg_rows_count(const struct pg_rows *rows)
{
    return PQntuples(rows->result);
}

const char *
pg_text(const struct pg_rows *rows, int row, int column)
{
    if (PQgetisnull(rows->result, row, column))
        return NULL;
    return PQgetvalue(rows->result, row, column);
}

int64_t
pg_i64(const struct pg_rows *rows, int row, int column)
{
    const char *text = pg_text(rows, row, column);
    long long value = 0;

    if (text == NULL || !str_to_i64(text, &value))
        return 0;
    return value;
}

static struct pg_cell *
cell_at(struct pg_rows *rows, int row, int column)
{
    size_t columns = (size_t)PQnfields(rows->result);

    if (rows->cells == NULL)
        rows->cells = str_calloc((size_t)PQntuples(rows->result) * columns + 1,
                                 sizeof *rows->cells);
    return &rows->cells[(size_t)row * columns + (size_t)column];
}

const void *
pg_bytes(struct pg_rows *rows, int row, int column, size_t *length)
{
    const char *text = pg_text(rows, row, column);

    *length = 0;
    if (text == NULL)
        return NULL;
    struct pg_cell *cell = cell_at(rows, row, column);
    if (cell->data == NULL)
        cell->data = PQunescapeBytea((const unsigned char *)text, &cell->length);
    if (cell->data == NULL)
        abort(); // out of memory
    *length = cell->length;
    return cell->data;
}

int64_t
pg_affected(const struct pg_rows *rows)
{
    long long value = 0;

    if (!str_to_i64(PQcmdTuples(rows->result), &value))
        return 0;
    return value;
}

void
pg_rows_free(struct pg_rows *rows)
{
    if (rows == NULL)
        return;
    if (rows->cells != NULL) {
        size_t cells =
            (size_t)PQntuples(rows->result) * (size_t)PQnfields(rows->result);
        for (size_t i = 0; i < cells; i++)
            PQfreemem(rows->cells[i].data);
    }
    free(rows->cells);
    PQclear(rows->result);
    free(rows);
}
