// Lanes whose events wait in the ledger. A parked lane keeps its order: what arrives
// goes behind what waits, until its last row is settled.
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/pg.h"
#include "common/str.h"

struct park {
    struct ledger_write write;
    struct lane *lane;
    struct item *item;
};

struct load {
    struct ledger_read read;
    struct lane *lane;
    uint64_t parkings; // of the lane, when it was asked
    bool all_written;  // none of them was still on its way then
};

void
lane_mark_parked(struct lane *lane)
{
    if (lane->parked)
        return;
    lane->parked = true;
    lane->lanes->parked_count++;
}

static void
item_parked(struct loop_mail *mail)
{
    struct park *park = (struct park *)mail;
    struct lane *lane = park->lane;
    lane->parking--;
    if (park->write.verdict == LEDGER_DONE) {
        item_done(lane, park->item);
    } else {
        // Not ours any more, or the program ends: it comes again to whoever owns it.
        if (park->write.verdict == LEDGER_REFUSED)
            log_error("park-refused", "lane %s: %s", lane->name,
                      park->write.error.text);
        struct worker *worker = lane->lanes->worker;
        if (park->write.verdict == LEDGER_FENCED
            && atomic_load(&worker->epochs[lane->partition]) == park->write.epoch)
            atomic_store(&worker->fenced, true);
        item_drop(lane, park->item);
    }
    free(park);
    if (lane->lost && lane->state != LANE_RUNNING && lane->state != LANE_LOADING) {
        lane_lose(lane);
        return;
    }
    if (lane->state == LANE_IDLE && lane->parking == 0 && !lane->parked)
        lane_advance(lane);
}

void
lane_park_item(struct lane *lane, struct item *item, int64_t due_ms)
{
    struct worker *worker = lane->lanes->worker;
    struct park *park = str_calloc(1, sizeof *park);
    park->lane = lane;
    park->item = item;
    park->write = (struct ledger_write){
        .mail.deliver = item_parked,
        .loop = lane->lanes->loop,
        .kind = LEDGER_SETTLE,
        .partition = lane->partition,
        .epoch = atomic_load(&worker->epochs[lane->partition]),
        .event_to = LEDGER_EVENT_PARK,
        .event = item->seen,
        .parked_seq = item->parked_seq,
        .record = item->record,
        .lane = lane->name,
        .attempts = item->attempts,
        .age_ms = item_age_ms(item),
        .due_in_ms = due_ms,
        .step.note = "",
    };
    lane->parking++;
    lane->parkings++;
    ledger_pg_write(worker->ledger, &park->write);
}

// Loaded rows are in the ledger already: only what came from Kafka is written.
static void
park_behind(struct lane *lane)
{
    while (lane->first != NULL) {
        struct item *item = lane_take_first(lane);
        if (item->parked_seq > 0)
            item_done(lane, item);
        else
            lane_park_item(lane, item, LEDGER_BEHIND_MS);
    }
}

void
lane_park_rest(struct lane *lane)
{
    lane_mark_parked(lane);
    park_behind(lane);
}

void
lane_park_all(struct lane *lane, int64_t due_ms)
{
    if (lane->lanes->worker->ledger == NULL) {
        lane_advance(lane); // nowhere to park: back into the line
        return;
    }
    lane_mark_parked(lane);
    if (lane->first != NULL)
        lane_park_item(lane, lane_take_first(lane), due_ms);
    park_behind(lane);
}

// ---- reading them back

static size_t
count_members(struct json_object *headers)
{
    return headers != NULL ? (size_t)json_object_object_length(headers) : 0;
}

// The record of one row: seq, event, topic, headers, key, payload, attempts, first
// attempt, due.
static struct item *
item_of_row(struct lane *lane, struct pg_rows *rows, int row)
{
    size_t length;
    size_t key_length;
    size_t payload_length;
    const void *text = pg_bytes(rows, row, 3, &length);
    const char *key = pg_bytes(rows, row, 4, &key_length);
    const char *payload = pg_bytes(rows, row, 5, &payload_length);
    struct json_object *object = json_parse_raw(text, length);
    size_t count = count_members(object);
    size_t n = 0;
    struct record_header *headers = str_calloc(count + 1, sizeof *headers);
    if (object != NULL) {
        json_object_object_foreach(object, name, value)
        {
            headers[n++] =
                (struct record_header){name, json_object_get_string(value),
                                       (size_t)json_object_get_string_len(value)};
        }
    }
    struct record *record = record_copy(&(struct record){
        .topic = pg_text(rows, row, 2),
        .partition = lane->partition,
        .offset = -1,
        .key = key,
        .key_length = key_length,
        .payload = payload,
        .payload_length = payload_length,
        .headers = headers,
        .header_count = n,
    });
    free(headers);
    json_drop(object);
    struct item *item = item_new(lane->lanes, record, pg_text(rows, row, 1));
    item->check = ITEM_FRESH;
    item->parked_seq = pg_i64(rows, row, 0);
    item->attempts = pg_i64(rows, row, 6);
    int64_t age_ms = pg_i64(rows, row, 7);
    if (age_ms >= 0)
        item->first_attempt_ms = clock_ms() - age_ms;
    return item;
}

// A first row with a time of its own waits for it; one that only stood behind another
// runs.
static bool
is_due(const struct pg_rows *rows)
{
    int64_t due_in_ms = pg_i64(rows, 0, 8);
    return due_in_ms <= 0 || due_in_ms > LEDGER_BEHIND_MS / 2;
}

static void
unpark(struct lane *lane)
{
    lane->parked = false;
    lane->lanes->parked_count--;
    lane_advance(lane);
}

static void
rows_read(struct loop_mail *mail)
{
    struct load *load = (struct load *)mail;
    struct lane *lane = load->lane;
    struct lanes *lanes = lane->lanes;
    struct pg_rows *rows = load->read.rows;
    lane->state = LANE_IDLE;
    if (lane->lost) {
        lane_lose(lane);
    } else if (rows == NULL) {
        // Refused, or the program ends. Of a row that stood behind another nobody
        // tells.
        if (!atomic_load(&lanes->worker->draining))
            log_error("park-read", "lane %s: %s", lane->name, load->read.error.text);
        lane_wait(lane, LANES_ASK_AGAIN_MS);
    } else if (pg_rows_count(rows) == 0 && load->all_written
               && lane->parkings == load->parkings) {
        unpark(lane);
    } else if (pg_rows_count(rows) == 0) {
        // A row may have been written after the look, and told before its answer.
        lane_load(lane);
    } else if (lane->due || is_due(rows)) {
        lane->due = false;
        for (int row = 0; row < pg_rows_count(rows); row++)
            lane_append(lane, item_of_row(lane, rows, row));
        lane_advance(lane);
    }
    pg_rows_free(rows);
    free(load);
    lanes_dispatch(lanes);
}

void
lane_load(struct lane *lane)
{
    struct load *load = str_calloc(1, sizeof *load);
    load->lane = lane;
    load->parkings = lane->parkings;
    load->all_written = lane->parking == 0;
    load->read = (struct ledger_read){
        .mail.deliver = rows_read,
        .loop = lane->lanes->loop,
        .kind = LEDGER_READ_PARKED,
        .args = {lane->name},
        .partition = lane->partition,
    };
    lane->state = LANE_LOADING;
    ledger_pg_read(lane->lanes->worker->ledger, &load->read);
}
