// workers/ingest/spool_db.h - the spool's file: SQLite behind a few functions. Used by
// spool.c only.
#ifndef RELAIS_INGEST_SPOOL_DB_H
#define RELAIS_INGEST_SPOOL_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"
#include "workers/ingest/spool.h"

struct ingest_spool_db;

struct ingest_spool_totals {
    int64_t rows;
    int64_t bytes;
    int64_t last_sequence;
    int64_t refused;
};

// Opens (or makes) <folder>/spool.db and locks the folder against other processes.
struct ingest_spool_db *ingest_spool_db_open(const char *folder,
                                             struct error *err) ATTR_MUST_CHECK;
void ingest_spool_db_close(struct ingest_spool_db *db);

// Counts what the spool holds: rows, bytes, refused ones.
bool ingest_spool_db_totals(struct ingest_spool_db *db,
                            struct ingest_spool_totals *totals,
                            struct error *err) ATTR_MUST_CHECK;

// One transaction with the rows chained by `next`. For the writer thread, like the
// next three.
bool ingest_spool_db_insert(struct ingest_spool_db *db, const struct ingest_row *first,
                            struct error *err) ATTR_MUST_CHECK;
bool ingest_spool_db_remove(struct ingest_spool_db *db,
                            const struct ingest_spooled rows[], int count,
                            struct error *err) ATTR_MUST_CHECK;
bool ingest_spool_db_refuse(struct ingest_spool_db *db, int64_t sequence,
                            const char *reason, struct error *err) ATTR_MUST_CHECK;
// Gives room back to the disk; called when no rows are left.
void ingest_spool_db_shrink(struct ingest_spool_db *db);

// For the drainer's thread: the first rows, at most `count` and (past the first) 8 MiB.
int ingest_spool_db_read(struct ingest_spool_db *db, struct ingest_spooled rows[],
                         int count, struct error *err) ATTR_MUST_CHECK;

#endif
