// common/item.h - one event in the memory of a loop: its record, and what the ledger
// knows.
#ifndef RELAIS_ITEM_H
#define RELAIS_ITEM_H

#include <stdbool.h>
#include <stdint.h>

#include "common/record.h"

struct lane;
struct lanes;

enum { LANE_NAME = 210 };

enum item_check {
    ITEM_UNCHECKED, // the ledger has not said yet whether it was seen
    ITEM_FRESH,
    ITEM_SEEN, // finished or parked before: skipped
};

// One event in memory.
struct item {
    struct item *next;
    struct lanes *lanes;
    struct record *record;
    uint64_t seen_hash;
    int64_t parked_seq; // > 0: its row in parked_event
    int64_t attempts;
    int64_t first_attempt_ms; // 0: there was none yet
    enum item_check check;
    bool joined;  // a hint that the event before it is handled for
    bool asked;   // a check is under way and will look at this item
    bool dropped; // the check frees it
    char seen[];  // what the ledger remembers it by
};

// How long ago its first attempt was, whatever became of the wall clock since; -1:
// there was none yet.
int64_t item_age_ms(const struct item *item);

// The lane an event belongs to: its key if that is text, else something that stands for
// it.
void item_lane_name(const struct record *record, char out[LANE_NAME]);
uint64_t item_hash(const char *name);

// known: what it is remembered by, or NULL to find out from its headers.
struct item *item_new(struct lanes *lanes, struct record *record, const char *known);
void item_free(struct item *item);
// The event is done (finished or parked): its offset may go.
void item_done(struct lane *lane, struct item *item);
// It is given up unfinished: its next owner gets it again.
void item_drop(struct lane *lane, struct item *item);

#endif
