// common/pg_parts.h - between pg.c and pg_rows.c.
#ifndef RELAIS_PG_PARTS_H
#define RELAIS_PG_PARTS_H

#include <libpq-fe.h>

#include "common/pg.h"

// Takes the result over. Never NULL.
struct pg_rows *pg_rows_of(PGresult *result);

#endif
