// workers/capture/change.h - one change as a record: CloudEvents headers and payload.
#ifndef RELAIS_CAPTURE_CHANGE_H
#define RELAIS_CAPTURE_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/job.h"
#include "common/record.h"

enum { CAPTURE_HEADERS = 11 };

struct capture_change {
    const char *event_id;
    const char *collection; // as events call it
    const char *op;         // "create", "update", "delete"
    const char *item;       // primary key
    const char *root;       // "quote:<uuid>"; NULL = "<collection>:<item>"
    const char *actor;      // user in Directus, or NULL
    const char *at;         // RFC 3339
    const char *company;    // code, "" if unknown
    int64_t seq;            // -1 = none
    // JSON texts, each NULL = null. With hint none of them travels.
    const char *changed, *old_row, *new_row;
    bool hint;
};

// Fills the record, its memory being the job's. Payload:
// {collection, key, actor, seq, company, changed[], old{}, new{}}, or `hint: true` in
// place of the last three.
void capture_change_record(struct job *job, const char *topic,
                           const struct capture_change *change, struct record *record);

// Whether those who read the record can: a JSON column of Postgres may nest deeper, and
// hold larger numbers, than our parser takes.
bool capture_change_readable(const struct record *record);

#endif
