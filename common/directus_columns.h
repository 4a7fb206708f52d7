// common/directus_columns.h - what the tables of Directus are made of, as its own
// Postgres tells it. Private to directus*.c.
#ifndef RELAIS_DIRECTUS_COLUMNS_H
#define RELAIS_DIRECTUS_COLUMNS_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/directus_select.h"
#include "common/error.h"
#include "common/pg.h"

struct directus_columns;

// Makes a session one that only reads, with a limit of time. Errors as pg_run().
bool directus_columns_session(struct pg *pg, struct error *err) ATTR_MUST_CHECK;

// Reads the columns and relations of all collections that the role may read, without
// Directus's own. Errors as
// pg_run(); also PERMANENT where this is no Directus's database.
struct directus_columns *directus_columns_read(struct pg *pg,
                                               struct error *err) ATTR_MUST_CHECK;
void directus_columns_free(struct directus_columns *columns);

// Ends with {0}; as old as the columns.
const struct directus_column *
directus_columns_list(const struct directus_columns *columns);

// How many tables they belong to.
int directus_columns_tables(const struct directus_columns *columns);

#endif
