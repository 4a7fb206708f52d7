// common/activity.h - Directus's activity log over REST.
//
// Facts are from contract tests against Directus 11.11 and 12.4: an entry is written in
// the transaction of its row, has a stable id, and a slow transaction's entry can
// appear below higher ids that were read before; a rolled-back write leaves none.
#ifndef RELAIS_ACTIVITY_H
#define RELAIS_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/directus.h"
#include "common/job.h"

enum {
    ACTIVITY_COLLECTIONS = 9,
    ACTIVITY_PAGE = 500,    // entries read at once
    ACTIVITY_OVERLAP = 1000 // ids below the highest that are looked at again
};

// The collections whose changes are events, by the names they have in events.
extern const char *const activity_collections[ACTIVITY_COLLECTIONS];

struct activity_entry {
    int64_t id;
    const char *op;         // "create", "update", "delete"
    const char *collection; // as events call it
    const char *item, *user, *at;
    // From the row, where it could be read: else NULL and "".
    const char *root;
    const char *company;
};

struct activity_page {
    struct activity_entry *entries; // in order of id
    size_t count;
};

// The highest id there is, 0 in an empty log; *at is its time ("" then).
bool activity_newest(const struct directus *directus, struct job *job, int64_t *id,
                     const char **at) ATTR_MUST_CHECK;

// Entries above `id` that are not older than since (RFC 3339), or all if it is NULL.
bool activity_after(const struct directus *directus, struct job *job, int64_t id,
                    const char *since, struct activity_page *page) ATTR_MUST_CHECK;

// Entries of the overlap below `id` that are not older than since (RFC 3339).
bool activity_before(const struct directus *directus, struct job *job, int64_t id,
                     const char *since, struct activity_page *page) ATTR_MUST_CHECK;

// Fills in root and company, with one request for each collection that occurs.
bool activity_roots(const struct directus *directus, struct job *job,
                    struct activity_page *page) ATTR_MUST_CHECK;

#endif
