#include "common/directus_columns.h"

#include <stdlib.h>

#include "common/str.h"

struct directus_columns {
    struct pg_rows *rows; // holds the texts
    struct directus_column *list;
    int tables;
};

// A field whose value Directus makes of what is stored is of the type "".
static const char columns_sql[] =
    "SELECT c.relname, a.attname,"
    " CASE WHEN f.special IS NULL OR f.special ~"
    " '^(m2o|uuid|file|user-created|user-updated|date-created|date-updated"
    "|cast-boolean|cast-json)(,(m2o|uuid|user-created|user-updated))*$'"
    " THEN t.typname ELSE '' END,"
    " coalesce(r.one_collection, ''), '',"
    " a.attnum"
    " FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
    " JOIN pg_type t ON t.oid = a.atttypid"
    " LEFT JOIN directus_fields f ON f.collection = c.relname AND f.field = a.attname"
    " LEFT JOIN directus_relations r"
    " ON r.many_collection = c.relname AND r.many_field = a.attname"
    " WHERE c.relkind IN ('r', 'p', 'v') AND pg_table_is_visible(c.oid)"
    " AND has_table_privilege(c.oid, 'SELECT')"
    " AND a.attnum > 0 AND NOT a.attisdropped"
    " AND c.relnamespace <> 'pg_catalog'::regnamespace"
    " AND c.relname NOT LIKE 'directus\\_%'"
    " UNION ALL SELECT one_collection, one_field, 'o2m', many_collection, many_field,"
    " 0 FROM directus_relations WHERE one_field IS NOT NULL AND sort_field IS NULL"
    " AND one_collection IS NOT NULL";

bool
directus_columns_session(struct pg *pg, struct error *err)
{
    return pg_run(pg,
                  "SELECT set_config('default_transaction_read_only', 'on', false),"
                  " set_config('statement_timeout', '4s', false)",
                  NULL, 0, NULL, err);
}

struct directus_columns *
directus_columns_read(struct pg *pg, struct error *err)
{
    struct pg_rows *rows = NULL;
    if (!pg_run(pg, columns_sql, NULL, 0, &rows, err))
        return NULL;
    struct directus_columns *columns = str_calloc(1, sizeof *columns);
    int count = pg_rows_count(rows);
    columns->rows = rows;
    columns->list = str_calloc((size_t)count + 1, sizeof *columns->list);
    for (int i = 0; i < count; i++) {
        columns->list[i] = (struct directus_column){
            .table = pg_text(rows, i, 0),
            .name = pg_text(rows, i, 1),
            .type = pg_text(rows, i, 2),
            .other = pg_text(rows, i, 3),
            .field = pg_text(rows, i, 4),
        };
        columns->tables += pg_i64(rows, i, 5) == 1;
    }
    return columns;
}

void
directus_columns_free(struct directus_columns *columns)
{
    if (columns == NULL)
        return;
    pg_rows_free(columns->rows);
    free(columns->list);
    free(columns);
}

const struct directus_column *
directus_columns_list(const struct directus_columns *columns)
{
    return columns->list;
}

int
directus_columns_tables(const struct directus_columns *columns)
{
    return columns->tables;
}
