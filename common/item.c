#include "common/item.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/hmac.h"
#include "common/lanes.h"
#include "common/str.h"

enum { KEY_MAX = 200 };

void
item_lane_name(const struct record *record, char out[LANE_NAME])
{
    if (record->key_length == 0) {
        snprintf(out, LANE_NAME, "#%d", (int)record->partition);
    } else if (record->key_length <= KEY_MAX
               && str_is_text(record->key, record->key_length)) {
        memcpy(out, record->key, record->key_length);
        out[record->key_length] = '\0';
    } else {
        char hex[HMAC_HEX];
        hmac_digest(record->key, record->key_length, hex);
        snprintf(out, LANE_NAME, "sha256:%s", hex);
    }
}

uint64_t
item_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash ^ (hash >> 29);
}

// How many items of the loop share a hash: saves the search for twins of what has none.
// A count that is full stays full.
static void
count_same(struct lanes *lanes, const struct item *item, int by)
{
    unsigned char *count = &lanes->same[item->seen_hash % SAME_COUNTS];
    if (*count != UCHAR_MAX)
        *count = (unsigned char)(*count + by);
}

struct item *
item_new(struct lanes *lanes, struct record *record, const char *known)
{
    char seen[EVENT_SEEN];
    bool plain = lanes->worker->integration->plain_records;
    if (known != NULL)
        str_copy(seen, sizeof seen, known);
    else if (!event_seen_key(record, plain, seen))
        snprintf(seen, sizeof seen, "record %s/%d/%lld", record->topic,
                 (int)record->partition, (long long)record->offset);
    size_t length = strlen(seen) + 1;
    struct item *item = str_calloc(1, sizeof *item + length);
    item->lanes = lanes;
    item->record = record;
    memcpy(item->seen, seen, length);
    item->seen_hash = item_hash(seen);
    count_same(lanes, item, 1);
    return item;
}

int64_t
item_age_ms(const struct item *item)
{
    return item->first_attempt_ms == 0 ? -1 : clock_ms() - item->first_attempt_ms;
}

void
item_free(struct item *item)
{
    if (item->asked) {
        item->dropped = true;
        return;
    }
    count_same(item->lanes, item, -1);
    record_free(item->record);
    free(item);
}

void
item_done(struct lane *lane, struct item *item)
{
    kafka_consumer_done(lane->lanes->worker->consumer, item->record);
    item_free(item);
}

void
item_drop(struct lane *lane, struct item *item)
{
    kafka_consumer_drop(lane->lanes->worker->consumer, item->record);
    item_free(item);
}
