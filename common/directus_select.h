// common/directus_select.h - a query of Directus's REST API as one SELECT on its own
// Postgres, whose answer is the same JSON. Private to directus*.c.
//
// Understood is what the workers ask: fields with dots (many-to-one at any depth,
// one-to-many at the first), filters by _eq, _lt, _in, _nin, _nnull, _icontains,
// sort by fields of the row, limit. Whatever else there is stays with Directus.
#ifndef RELAIS_DIRECTUS_SELECT_H
#define RELAIS_DIRECTUS_SELECT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/http.h"
#include "common/job.h"
#include "common/pg.h"

enum { DIRECTUS_PARAMS_MAX = 64 };

// A field of a collection. Arrays of them end with {0}.
struct directus_column {
    const char *table, *name;
    const char *type;  // Postgres's name of it; "o2m": the rows of `other`, whose
                       // `field` points here; "": of a kind that only Directus reads
    const char *other; // "o2m", or what a many-to-one points to; else ""
    const char *field;
};

struct directus_select {
    const char *sql; // one row with one text: the array of rows
    struct pg_param params[DIRECTUS_PARAMS_MAX];
    int count;
    bool unknown; // refused for a field that is not among the columns
};

// Translates a query; the pairs are those of directus_list(). False: it is not
// understood, which is no error. Memory belongs to the job.
bool directus_select(struct job *job, const struct directus_column *columns,
                     const char *collection, const struct http_header query[],
                     struct directus_select *select) ATTR_MUST_CHECK;

#endif
