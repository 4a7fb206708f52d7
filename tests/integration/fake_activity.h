// tests/integration/fake_activity.h - as much of Directus as the reader of the activity
// log asks for.
#ifndef RELAIS_FAKE_ACTIVITY_H
#define RELAIS_FAKE_ACTIVITY_H

#include <stdbool.h>
#include <stdint.h>

struct fake_activity;

// Serves on a loopback port until it is stopped. No request is let in without the
// token.
struct fake_activity *fake_activity_start(const char *token);
void fake_activity_stop(struct fake_activity *fake);
void fake_activity_url(const struct fake_activity *fake, char *out, int size);

// Writes an entry of the log; its time is id seconds after an instant. Ids need not be
// given in order.
void fake_activity_add(struct fake_activity *fake, int64_t id, const char *action,
                       const char *collection, const char *item);

// Adds a row (JSON) to /items/<collection>.
void fake_activity_row(struct fake_activity *fake, const char *collection,
                       const char *row);

// From now on every answer is 503, or as usual again.
void fake_activity_fail(struct fake_activity *fake, bool fail);

// How many requests there were.
int fake_activity_requests(struct fake_activity *fake);

#endif
