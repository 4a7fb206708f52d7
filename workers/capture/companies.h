// workers/capture/companies.h - the codes of the owner companies by their ids: a
// handful of rows that hardly ever change.
#ifndef RELAIS_CAPTURE_COMPANIES_H
#define RELAIS_CAPTURE_COMPANIES_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"

struct pg;
struct pg_rows;

struct capture_companies {
    struct pg_rows *rows; // id, code; at most 1,000
    int64_t read_at_ms;
};

// Frees the table; {0} is an empty one.
void capture_companies_end(struct capture_companies *companies);

// The code of a company, "" if it is unknown; valid until the next call. An unknown one
// is looked for in the table, at most every ten seconds. False: the connection is gone.
bool capture_companies_code(struct capture_companies *companies, struct pg *pg,
                            const char *table, const char *id, const char **code,
                            struct error *err) ATTR_MUST_CHECK;

#endif
