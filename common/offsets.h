// common/offsets.h - which records of one partition are done, out of order, and up to
// where that allows a commit: the contiguous finished prefix, never backwards.
#ifndef RELAIS_OFFSETS_H
#define RELAIS_OFFSETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// Not thread-safe by itself.
struct offsets {
    int64_t low;  // everything below is done: what a commit names. -1: nothing seen yet
    int64_t high; // one above the highest offset seen
    uint64_t *done;
    size_t room; // bits, a power of two
};

// Starts over, as at a new assignment.
void offsets_reset(struct offsets *offsets);
void offsets_free(struct offsets *offsets);

// A record was fetched. False: it was seen before (a refetch) and must be dropped.
// Offsets that were skipped (compaction, transaction markers) count as done.
bool offsets_seen(struct offsets *offsets, int64_t offset);

// It is done. True if the prefix moved.
bool offsets_done(struct offsets *offsets, int64_t offset);

#endif
