// tests/integration/pg_fixture.h - a private Postgres for one test program.
#ifndef RELAIS_PG_FIXTURE_H
#define RELAIS_PG_FIXTURE_H

#include <stdbool.h>

struct pg;
struct pg_rows;

struct pg_fixture {
    char dir[64];
    char url[160]; // of its database "postgres", as its superuser
};

// Starts one; it is removed when the program ends, however that happens. Each of these
// ends the program if it cannot be done.
void pg_fixture_start(struct pg_fixture *fixture);
void pg_fixture_stop(struct pg_fixture *fixture);

// Ends the server as a crash does, and starts it again.
void pg_fixture_crash(const struct pg_fixture *fixture);
void pg_fixture_again(const struct pg_fixture *fixture);

// A connection; fails the test if there is none.
struct pg *pg_fixture_connect(const struct pg_fixture *fixture);
// In place of one that was lost, which is closed.
struct pg *pg_fixture_reconnect(const struct pg_fixture *fixture, struct pg *lost);

// Runs a script of statements, or fails the test with the server's words.
void pg_fixture_do(struct pg *pg, const char *sql);

// Runs a schema file of the project (below schemas/postgres/).
void pg_fixture_file(struct pg *pg, const char *name);

// Makes the capture's schema and triggers as `relais migrate` does, on the tables of
// the collections that are there.
void pg_fixture_capture(struct pg *pg);

// The one number that a query gives.
long long pg_fixture_number(struct pg *pg, const char *sql);

// The one text that a query gives, "" for NULL; the caller frees it.
char *pg_fixture_text(struct pg *pg, const char *sql);

#endif
