// Letters to a loop's lanes from other threads.
#include <stdlib.h>
#include <string.h>

#include "common/lanes.h"
#include "common/pg.h"
#include "common/str.h"

struct batch {
    struct loop_mail mail;
    struct lanes *lanes;
    struct record *first;
    struct ledger_read read;
    struct pg_array seen;
    struct item **items;
    size_t count;
};

static void
free_batch(struct batch *batch)
{
    pg_rows_free(batch->read.rows);
    pg_array_end(&batch->seen);
    free(batch->items);
    free(batch);
}

static void
check_answered(struct loop_mail *mail)
{
    struct batch *batch = (struct batch *)((char *)mail - offsetof(struct batch, read));
    struct lanes *lanes = batch->lanes;
    bool answered = batch->read.rows != NULL;
    for (size_t i = 0; i < batch->count; i++) {
        struct item *item = batch->items[i];
        item->asked = false;
        if (item->dropped) {
            item_free(item);
            continue;
        }
        if (!answered)
            continue; // the program ends: it stays unchecked, and undone
        if (item->check == ITEM_UNCHECKED)
            item->check = ITEM_FRESH;
        for (int row = 0; row < pg_rows_count(batch->read.rows); row++) {
            if (strcmp(pg_text(batch->read.rows, row, 0), item->seen) == 0)
                item->check = ITEM_SEEN;
        }
        char name[LANE_NAME];
        item_lane_name(item->record, name);
        struct lane *lane = lane_find(lanes, name, false);
        if (lane != NULL)
            lane_advance(lane);
    }
    free_batch(batch);
    lanes_dispatch(lanes);
}

static void
take_record(struct batch *batch, struct record *record)
{
    struct lanes *lanes = batch->lanes;
    char name[LANE_NAME];
    item_lane_name(record, name);
    struct item *item = item_new(lanes, record, NULL);
    struct lane *lane = lane_find(lanes, name, true);
    lane->partition = record->partition;
    if (lane->parked) {
        lane_park_item(lane, item, LEDGER_BEHIND_MS);
        return;
    }
    lane_append(lane, item);
    if (lanes->worker->ledger == NULL) {
        item->check = ITEM_FRESH;
        lane_advance(lane);
        return;
    }
    item->asked = true;
    batch->items[batch->count++] = item;
    pg_array_text(&batch->seen, item->seen);
}

static void
records_arrived(struct loop_mail *mail)
{
    struct batch *batch = (struct batch *)mail;
    struct lanes *lanes = batch->lanes;
    size_t count = 0;
    for (struct record *record = batch->first; record != NULL; record = record->next)
        count++;
    batch->items = str_calloc(count, sizeof *batch->items);
    pg_array_begin(&batch->seen, PG_TYPE_TEXT);
    for (struct record *record = batch->first; record != NULL;) {
        struct record *next = record->next;
        take_record(batch, record);
        record = next;
    }
    if (batch->count == 0) {
        free_batch(batch);
        lanes_dispatch(lanes);
        return;
    }
    batch->read = (struct ledger_read){
        .mail.deliver = check_answered,
        .loop = lanes->loop,
        .kind = LEDGER_READ_SEEN,
        .events = &batch->seen,
    };
    ledger_pg_read(lanes->worker->ledger, &batch->read);
}

void
lanes_post_records(struct lanes *lanes, struct record *first)
{
    struct batch *batch = str_calloc(1, sizeof *batch);
    batch->mail.deliver = records_arrived;
    batch->lanes = lanes;
    batch->first = first;
    loop_post(lanes->loop, &batch->mail);
}

static void
woken(struct loop_mail *mail)
{
    struct lanes *lanes =
        (struct lanes *)(void *)((char *)mail - offsetof(struct lanes, wake_mail));
    atomic_store(&lanes->wake_sent, false);
    lanes_serve(lanes);
}

void
lanes_post_wake(struct lanes *lanes)
{
    if (atomic_exchange(&lanes->wake_sent, true))
        return;
    lanes->wake_mail.deliver = woken;
    loop_post(lanes->loop, &lanes->wake_mail);
}

struct letter {
    struct loop_mail mail;
    struct lanes *lanes;
    int32_t partition;
    char name[];
};

static void
parked_told(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    struct lane *lane = lane_find(letter->lanes, letter->name, true);
    lane->partition = letter->partition;
    lane_mark_parked(lane);
    if (lane->state == LANE_IDLE && lane->first == NULL)
        lane_load(lane);
    free(letter);
}

void
lanes_post_parked(struct lanes *lanes, const char *lane, int32_t partition)
{
    size_t length = strlen(lane) + 1;
    struct letter *letter = str_calloc(1, sizeof *letter + length);
    letter->mail.deliver = parked_told;
    letter->lanes = lanes;
    letter->partition = partition;
    memcpy(letter->name, lane, length);
    loop_post(lanes->loop, &letter->mail);
}

static void
revoked(struct loop_mail *mail)
{
    lanes_revoke(((struct letter *)mail)->lanes);
    free(mail);
}

void
lanes_post_revoke(struct lanes *lanes)
{
    struct letter *letter = str_calloc(1, sizeof *letter);
    letter->mail.deliver = revoked;
    letter->lanes = lanes;
    loop_post(lanes->loop, &letter->mail);
}

static void
started(struct loop_mail *mail)
{
    lanes_start(((struct letter *)mail)->lanes);
    free(mail);
}

void
lanes_post_start(struct lanes *lanes)
{
    struct letter *letter = str_calloc(1, sizeof *letter);
    letter->mail.deliver = started;
    letter->lanes = lanes;
    loop_post(lanes->loop, &letter->mail);
}
