// workers/cli/baseline.h - what the parts of `relais baseline` share.
#ifndef RELAIS_CLI_BASELINE_H
#define RELAIS_CLI_BASELINE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/directus.h"
#include "common/pg.h"
#include "workers/cli/cli.h"

enum {
    BASELINE_PAGE = 500, // rows, as baseline_page.c asks for
    BASELINE_PAGE_MS = 120 * 1000,
    BASELINE_COLUMNS = 8,
};

struct baseline {
    struct cli *cli;
    struct directus directus;
    int64_t rows, with_submission, effects, references, rounds, states, just_changed;
    int64_t payments, unclear, timers, due, clients;
};

// Runs the INSERT with one array a column and adds to *inserted. False: *status says
// why, which was printed.
bool baseline_insert(struct cli *cli, const char *sql, struct pg_array *arrays[],
                     int count, int64_t *inserted, int *status) ATTR_MUST_CHECK;

// Which rows; filter may be NULL.
struct baseline_query {
    const char *collection, *fields;
    const char *filter, *value;
};

// How far they were read. Begins with more = true and zeros.
struct baseline_place {
    char last[64];
    size_t offset;
    bool more;
};

// The next rows, ordered by id: those of the next page that were not read before, so
// that a row that moves meanwhile is neither skipped nor taken twice. NULL: the job's
// error says why. An empty array is no end: see place->more.
struct json_object *baseline_page(const struct baseline *baseline, struct job *job,
                                  const struct baseline_query *what,
                                  struct baseline_place *place) ATTR_MUST_CHECK;

// Takes a page of rows over; ctx is what baseline_pages() was given. False: *status
// says why, which was printed.
typedef bool baseline_take(struct baseline *baseline, struct job *job,
                           struct json_object *rows, const void *ctx, int *status);

// Hands all the rows to `take`, page by page. Returns the exit status.
int baseline_pages(struct baseline *baseline, const struct baseline_query *what,
                   baseline_take *take, const void *ctx);

// Writes what the orchestrator remembers of the entities, where it remembers nothing.
bool baseline_remember(struct baseline *baseline, struct pg_array *entities,
                       struct pg_array *states, int64_t *inserted,
                       int *status) ATTR_MUST_CHECK;

// Takes over what is in Invoice Ninja: invoices, deposits, payments. Returns the exit
// status.
int baseline_money(struct baseline *baseline);

// Sets the timers of open quotes and invoices, and remembers who is a client already.
// Returns the exit status.
int baseline_dates(struct baseline *baseline);

// Without the outbox: remembers the present state of all rows whose changes are
// watched. Returns the exit status.
int baseline_states(struct baseline *baseline);

#endif
