// workers/cli/migrations.h - the SQL files embedded at build time (embed.cmake).
#ifndef RELAIS_CLI_MIGRATIONS_H
#define RELAIS_CLI_MIGRATIONS_H

// One file of schemas/postgres. Tables end with {0}.
struct migration {
    const char *file;
    const char *checksum;     // SHA-256, hex
    const unsigned char *sql; // NUL-terminated text
};

// For the ledger's database, and for Directus's own, in the order they are applied.
extern const struct migration migrations_ledger[];
extern const struct migration migrations_capture[];

#endif
