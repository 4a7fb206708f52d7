// common/pg.h - one Postgres connection, used by one thread (libpq). Blocking: loops
// never call it; helper threads, capture and the CLI do.
#ifndef RELAIS_PG_H
#define RELAIS_PG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/str.h"

struct pg;
struct pg_rows;

// Connects (at most 5 s); the server is told to end the session, and to give its locks
// back, when we do not answer for half a minute. url is a libpq URI or conninfo; name
// is application_name. The error never shows the URL; its hint says what to correct in
// it.
struct pg *pg_open(const char *url, const char *name,
                   struct error *err) ATTR_MUST_CHECK;
void pg_close(struct pg *pg);

// Whether libpq can read the URL. PERMANENT: it cannot; the text does not show it.
bool pg_url_check(const char *url, struct error *err) ATTR_MUST_CHECK;

// Whether the connection is still good as far as libpq knows.
bool pg_ok(const struct pg *pg);

// One parameter. text (NUL-terminated) or data of length bytes in binary format of
// `type` (an Oid; 0 = let the server guess). Both NULL = SQL NULL.
struct pg_param {
    const char *text;
    const void *data;
    size_t length;
    unsigned type;
};
#define PG_TEXT(value)  \
    {                   \
        .text = (value) \
    }
#define PG_BYTES(value, bytes)                         \
    {                                                  \
        .data = (value), .length = (bytes), .type = 17 \
    }

// Runs one statement (extended protocol). *rows (may be NULL if unwanted) belongs to
// the caller: pg_rows_free(). Errors: RETRYABLE where the connection is gone (pg_ok()
// is false; also after 60 s without an answer) or the server could not now (SQLSTATE
// 08, 53, 57P, 58, 40001, 40P01, 55P03, 57014, 25006); PERMANENT for what it refused.
// The text has SQLSTATE and message, never rows. Pass rows as NULL or pointing to
// anything: it is set on success only.
bool pg_run(struct pg *pg, const char *sql, const struct pg_param params[], int count,
            struct pg_rows **rows, struct error *err) ATTR_MUST_CHECK;

// Runs a script of several statements (simple protocol): migrations. One transaction
// unless it says otherwise; waits without a limit.
bool pg_script(struct pg *pg, const char *sql, struct error *err) ATTR_MUST_CHECK;

// Statements sent together and answered together (pipeline): one round trip. They are
// one transaction: also without BEGIN and COMMIT, unless one of them says otherwise.
// rows, where not NULL, is filled on success and NULL on failure. The first statement
// that fails fails them all with its own error; a transaction left open by it is rolled
// back.
struct pg_statement {
    const char *sql;
    const struct pg_param *params;
    int count;
    struct pg_rows **rows;
    // The server parses and plans it once a connection, so its parameters have the same
    // types each time. For what has only one sensible plan: the one made while a table
    // is empty stays when it has grown. At most 64 texts; more are parsed each time.
    bool prepared;
};
bool pg_pipeline(struct pg *pg, const struct pg_statement statements[], int count,
                 struct error *err) ATTR_MUST_CHECK;

int pg_rows_count(const struct pg_rows *rows);
// Text of a column; NULL for SQL NULL. Belongs to rows.
const char *pg_text(const struct pg_rows *rows, int row, int column);
int64_t pg_i64(const struct pg_rows *rows, int row, int column); // 0 for NULL
// Bytes of a bytea column, decoded at first sight.
const void *pg_bytes(struct pg_rows *rows, int row, int column, size_t *length);
// Rows touched by an INSERT, UPDATE or DELETE.
int64_t pg_affected(const struct pg_rows *rows);
void pg_rows_free(struct pg_rows *rows);

// Waits until a NOTIFY came (*notified), wake_fd (an eventfd, -1 = none; it is not
// read) became readable, or timeout_ms passed; may return early for no reason. False:
// the connection is gone.
bool pg_wait_notify(struct pg *pg, int wake_fd, int timeout_ms, bool *notified);

// Arrays as parameters, in binary: one array per column for INSERT ... SELECT
// unnest(...).
struct pg_array {
    struct str bytes;
    unsigned element_type;
    int32_t count;
};
enum { PG_TYPE_BYTEA = 17, PG_TYPE_INT8 = 20, PG_TYPE_INT4 = 23, PG_TYPE_TEXT = 25 };
void pg_array_begin(struct pg_array *array, unsigned element_type); // one of PG_TYPE_*
void pg_array_end(struct pg_array *array);
void pg_array_clear(struct pg_array *array);                  // keeps its memory
void pg_array_text(struct pg_array *array, const char *text); // NULL = SQL NULL
void pg_array_bytes(struct pg_array *array, const void *data, size_t length);
void pg_array_i64(struct pg_array *array, int64_t value);
// The array as a parameter; valid until the array changes. One of more than 256 MiB is
// refused by the call that it is given to.
struct pg_param pg_array_param(struct pg_array *array);

#endif
