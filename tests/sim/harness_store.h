// What a simulator knows: named collections of JSON rows under integer ids, kept in
// memory and, if a file is named, in a journal that survives a kill -9 of the
// simulator. Not locked: the caller holds the simulator's lock.
#ifndef SIM_HARNESS_STORE_H
#define SIM_HARNESS_STORE_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

struct store;

// Walks one collection; see store_newest and store_oldest.
struct store_cursor {
    struct lh_entry *entry;
};

// Opens the journal at path (made if absent) and reads it; path NULL keeps everything
// in memory. NULL, with a line on stderr, if the file cannot be used.
struct store *store_open(const char *path);

// Closes and frees; NULL is allowed.
void store_close(struct store *store);

// The next id of a collection: first, first + 1, ... Ids are never given twice, not
// even after store_reset.
int64_t store_next_id(struct store *store, const char *collection, int64_t first);

// What store_next_id will return, without taking it.
int64_t store_peek_id(struct store *store, const char *collection, int64_t first);

// The row, borrowed, or NULL.
struct json_object *store_get(struct store *store, const char *collection, int64_t id);

// Puts a row, which is given away, under its id.
void store_put(struct store *store, const char *collection, int64_t id,
               struct json_object *row);

// Says that the row was changed in place.
void store_touch(struct store *store, const char *collection, int64_t id);

// Forgets a row.
void store_remove(struct store *store, const char *collection, int64_t id);

// How many rows a collection has.
int store_count(struct store *store, const char *collection);

// The last row put and the ones before it, or the first and the ones after; NULL at the
// end. The collection must not change in between.
struct json_object *store_newest(struct store *store, const char *collection,
                                 struct store_cursor *cursor);
struct json_object *store_older(struct store_cursor *cursor);
struct json_object *store_oldest(struct store *store, const char *collection,
                                 struct store_cursor *cursor);
struct json_object *store_newer(struct store_cursor *cursor);

// Writes all changes since the last commit as one journal line. Ends the process if the
// file cannot be written: answering without having written would be a lie.
void store_commit(struct store *store);

// Forgets every row, in memory and in the file.
void store_reset(struct store *store);

#endif
