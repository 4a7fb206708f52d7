// workers/cli/audit.h - what the parts of `relais audit` share.
#ifndef RELAIS_CLI_AUDIT_H
#define RELAIS_CLI_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/pg.h"
#include "workers/cli/cli.h"

enum { AUDIT_KINDS = 4 };

// What is compared: an object of a provider that the ledger has a reference to.
struct audit_kind {
    const char *worker;      // who looks at it; also the system of external_ref
    const char *remote_type; // of external_ref
    const char *type;        // the event that has it looked at
    const char *many;        // as people and JSON call them
};
extern const struct audit_kind audit_kinds[AUDIT_KINDS];

struct audit_count {
    int64_t all;      // references, each object once
    int64_t compared; // looked at to the end
    int64_t left;     // not looked at when time was over
    int64_t parked;   // of these: they wait in parking for longer than that
    bool left_out;    // its worker is not in INTEGRATIONS
};

struct audit {
    struct cli *cli;
    int64_t since_ms; // 0: all
    int64_t wait_ms;
    struct pg_rows *begin; // what there was when it began: see audit.c
    struct audit_count counts[AUDIT_KINDS];
    struct table found; // ENTITY, WORKER, WHAT
    int64_t put_right, dead, uncaptured;
    const char *skipped; // why Directus's log was not read; NULL: it was
};

// Of audit->begin: the last step of all journeys, what was open for a person, since
// when references count.
const char *audit_last_step(const struct audit *audit);
const char *audit_open_before(const struct audit *audit);
const char *audit_since(const struct audit *audit);

// Has every object of the kind at `index` looked at by its worker, a page at a time,
// waits, and adds what was found. Blocks. Returns the exit status: EX_OK also where
// some were left.
int audit_objects(struct audit *audit, int index);

// Looks for changes that Directus's log tells of and capture does not know, and has
// their items looked at again. Blocks. Returns the exit status.
int audit_capture(struct audit *audit);

#endif
