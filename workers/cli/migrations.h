// workers/cli/migrations.h - the SQL files embedded at build time (embed.cmake).
#ifndef RELAIS_CLI_MIGRATIONS_H
#define RELAIS_CLI_MIGRATIONS_H

#include "common/pg.h"

// One file of schemas/postgres. Tables end with {0}.
struct migration {
    const char *file;
    const char *checksum;     // SHA-256, hex
    const unsigned char *sql; // NUL-terminated text
};

// For the ledger's database, and for Directus's own, in the order they are applied.
extern const struct migration migrations_ledger[];
extern const struct migration migrations_capture[];

// Fills names (pg_array_end() by the caller) with the collections whose changes are
// captured, "name" or "name=table", as relais_capture.install() and .standing() take
// them; how many.
int migrate_captured(struct pg_array *names);

#endif
