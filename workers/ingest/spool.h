// workers/ingest/spool.h - events on local disk while Kafka is slow or away (SQLite,
// WAL, synchronous=FULL).
//
// One thread writes, so that many deliveries share a commit. Rows are kept in the order
// in which the deliveries were accepted, whatever the order of the commits.
#ifndef RELAIS_INGEST_SPOOL_H
#define RELAIS_INGEST_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/record.h"

struct ingest_spool;

struct ingest_spool_options {
    const char *folder; // made if it is not there
    int64_t max_bytes;  // of topic, key, headers and payload of all rows
    // Called by the writer thread once a spool was found to be of no use, and when it
    // is again: for one log line. May be NULL.
    void (*trouble)(void *owner, const char *error);
    void *owner;
};

// Opens the spool; nobody else may have it open. The error names INGEST_SPOOL and what
// to do.
struct ingest_spool *ingest_spool_open(const struct ingest_spool_options *options,
                                       struct error *err) ATTR_MUST_CHECK;

// Waits for what is being written, then closes. Rows stay for the next start.
void ingest_spool_close(struct ingest_spool *spool);

// The highest sequence there ever was in the rows found at open, 0 if none.
int64_t ingest_spool_last_sequence(const struct ingest_spool *spool);

// One event on its way to disk. `written` is called once, by the writer thread, after
// the commit (true) or after it failed (false). The row and its record stay the
// caller's, and in place, until then.
struct ingest_row {
    struct ingest_row *next; // private
    const struct record *record;
    int64_t sequence; // unique; the order of acceptance
    size_t bytes;     // private
    void (*written)(void *owner, bool kept);
    void *owner;
};

// Bytes of topic, key, headers and payload.
size_t ingest_spool_record_bytes(const struct record *record);

// Queues rows for the next commit. False: the limit would be passed, and none was
// queued.
bool ingest_spool_put(struct ingest_spool *spool, struct ingest_row *const rows[],
                      size_t count) ATTR_MUST_CHECK;

// Rows on disk or on their way there, and their bytes. 0 rows: whatever was spooled
// before has been removed.
int64_t ingest_spool_rows(struct ingest_spool *spool);
int64_t ingest_spool_bytes(struct ingest_spool *spool);

// Rows that Kafka refused for good; they stay in the table `refused` for a person.
int64_t ingest_spool_refused(struct ingest_spool *spool);

// Whether the last commit worked and there is room; `why` says what is wrong.
bool ingest_spool_healthy(struct ingest_spool *spool, char *why, size_t size);

// Milliseconds that the writer has been at its present commit, 0 if it rests.
int64_t ingest_spool_stuck_ms(struct ingest_spool *spool);

// What the drainer reads: rows in order, each in memory of its own.
struct ingest_spooled {
    int64_t sequence;
    size_t bytes;          // what it counts for in the limit
    struct record *record; // record_free()
};

// Reads the first rows on disk, at most `count`; called by one thread only. Returns how
// many, or -1 with err.
int ingest_spool_read(struct ingest_spool *spool, struct ingest_spooled rows[],
                      int count, struct error *err) ATTR_MUST_CHECK;

// Removes rows and waits for the commit. False: it failed, they are still there.
bool ingest_spool_remove(struct ingest_spool *spool, const struct ingest_spooled rows[],
                         int count) ATTR_MUST_CHECK;

// Moves one row to the table `refused`, with the reason, and waits for the commit.
bool ingest_spool_refuse(struct ingest_spool *spool, const struct ingest_spooled *row,
                         const char *reason) ATTR_MUST_CHECK;

// Waits until there are rows on disk (true), timeout_ms passed or ingest_spool_wake()
// was called (false).
bool ingest_spool_wait(struct ingest_spool *spool, int64_t timeout_ms);
void ingest_spool_wake(struct ingest_spool *spool);

#endif
