// common/directus_sql.h - reads of Directus's rows from its own Postgres: one thread
// with one session, asked by fibers. Private to directus*.c.
//
// Directus stays the truth: what this does not understand, or cannot answer now, is
// asked by REST.
#ifndef RELAIS_DIRECTUS_SQL_H
#define RELAIS_DIRECTUS_SQL_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/http.h"
#include "common/job.h"

struct directus_sql;
struct json_object;

// Starts the thread, which connects as soon as it can. *url is read at each connecting;
// both live until close. name is the session's.
struct directus_sql *directus_sql_open(const char *const *url, const char *name,
                                       struct error *err) ATTR_MUST_CHECK;
void directus_sql_close(struct directus_sql *sql);

enum directus_sql_verdict {
    DIRECTUS_SQL_ROWS,    // *rows is the array, of the job
    DIRECTUS_SQL_BY_REST, // ask Directus
};

// Asks and suspends the fiber, 5 s at most and not beyond the job's deadline. Outside a
// loop it is always BY_REST.
enum directus_sql_verdict directus_sql_ask(struct directus_sql *sql, struct job *job,
                                           const char *collection,
                                           const struct http_header query[],
                                           struct json_object **rows) ATTR_MUST_CHECK;

// Whether the URL leads to a Directus's database whose relations may be read: connects
// and looks, blocking. *collections: how many tables may be read.
bool directus_sql_try(const char *url, int *collections,
                      struct error *err) ATTR_MUST_CHECK;

#endif
