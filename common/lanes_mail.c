// Letters to a loop's lanes from other threads.
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/str.h"

struct batch {
    struct loop_mail mail;
    struct loop_timer timer;
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

// The rows of an answer by the hash of what they hold: after a crash whole fetches were
// seen before.
struct seen {
    const struct pg_rows *rows;
    int *table; // row + 1; 0 = free
    size_t room;
};

static void
make_seen(struct seen *seen, const struct pg_rows *rows)
{
    int count = rows != NULL ? pg_rows_count(rows) : 0;
    *seen = (struct seen){.rows = rows, .room = 2};
    while (seen->room < (size_t)count * 2)
        seen->room *= 2;
    seen->table = str_calloc(seen->room, sizeof *seen->table);
    for (int row = 0; row < count; row++) {
        size_t at = item_hash(pg_text(rows, row, 0)) & (seen->room - 1);
        while (seen->table[at] != 0)
            at = (at + 1) & (seen->room - 1);
        seen->table[at] = row + 1;
    }
}

static void
free_seen(struct seen *seen)
{
    free(seen->table);
}

static bool
is_seen(const struct seen *seen, const struct item *item)
{
    size_t at = item->seen_hash & (seen->room - 1);
    for (; seen->table[at] != 0; at = (at + 1) & (seen->room - 1)) {
        if (strcmp(pg_text(seen->rows, seen->table[at] - 1, 0), item->seen) == 0)
            return true;
    }
    return false;
}

static void
ask_again(struct loop_timer *timer)
{
    struct batch *batch =
        (struct batch *)(void *)((char *)timer - offsetof(struct batch, timer));
    ledger_pg_read(batch->lanes->worker->ledger, &batch->read);
}

// Postgres refuses the question itself (a table or a right is missing): nothing can be
// handled until somebody mends that, and nothing may be given up.
static void
ask_later(struct batch *batch)
{
    log_error("ledger-read", "%s", batch->read.error.text);
    error_clear(&batch->read.error);
    batch->timer.fire = ask_again;
    loop_timer_set(batch->lanes->loop, &batch->timer, clock_ms() + LANES_ASK_AGAIN_MS);
}

static void
check_answered(struct loop_mail *mail)
{
    struct batch *batch = (struct batch *)((char *)mail - offsetof(struct batch, read));
    struct lanes *lanes = batch->lanes;
    bool answered = batch->read.rows != NULL;
    if (!answered && !atomic_load(&lanes->worker->draining)) {
        ask_later(batch);
        return;
    }
    struct seen seen;
    make_seen(&seen, batch->read.rows);
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
        if (is_seen(&seen, item))
            item->check = ITEM_SEEN;
        char name[LANE_NAME];
        item_lane_name(item->record, name);
        struct lane *lane = lane_find(lanes, name, item->record->partition, false);
        if (lane != NULL)
            lane_advance(lane);
    }
    free_seen(&seen);
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
    struct lane *lane = lane_find(lanes, name, record->partition, true);
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
post_letter(struct lanes *lanes, void (*deliver)(struct loop_mail *mail),
            const char *name, int32_t partition)
{
    size_t length = strlen(name) + 1;
    struct letter *letter = str_calloc(1, sizeof *letter + length);
    letter->mail.deliver = deliver;
    letter->lanes = lanes;
    letter->partition = partition;
    memcpy(letter->name, name, length);
    loop_post(lanes->loop, &letter->mail);
}

static void
parked_told(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    struct lanes *lanes = letter->lanes;
    // A letter that was overtaken by the loss of its partition says nothing.
    if (atomic_load(&lanes->worker->epochs[letter->partition]) != 0) {
        struct lane *lane = lane_find(lanes, letter->name, letter->partition, true);
        lane_mark_parked(lane);
        if (lane->state == LANE_IDLE && lane->first == NULL)
            lane_load(lane);
    }
    free(letter);
}

void
lanes_post_parked(struct lanes *lanes, const char *lane, int32_t partition)
{
    post_letter(lanes, parked_told, lane, partition);
}

static void
back_told(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    lanes_back(letter->lanes, letter->name);
    free(letter);
}

void
lanes_post_back(struct lanes *lanes, const char *service)
{
    post_letter(lanes, back_told, service, -1);
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
    post_letter(lanes, revoked, "", -1);
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
    post_letter(lanes, started, "", -1);
}
