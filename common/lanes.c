#include "common/lanes.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/hmac.h"
#include "common/pg.h"
#include "common/str.h"

enum { TICK_MS = 1000, COMPANIES_MAX = 64, KEY_MAX = 200 };

struct company {
    char *name;
    struct company *next;        // of all
    struct company *active_next; // of those with ready lanes
    bool active;
    struct lane *first, **last;
};

// Lanes of this loop that wait for one gate, oldest first.
struct gate_line {
    struct gate *gate;
    struct lanes *lanes;
    struct gate_line *next;
    struct lane *first, **last;
    struct loop_timer timer;
};

// ---- names

void
lane_name(const struct record *record, char out[LANE_NAME])
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
lane_hash(const char *name)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *c = name; *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    return hash ^ (hash >> 29);
}

// ---- items

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
    struct item *item = str_calloc(1, sizeof *item);
    bool plain = lanes->worker->integration->plain_records;
    if (known != NULL)
        str_copy(seen, sizeof seen, known);
    else if (!event_seen_key(record, plain, seen))
        snprintf(seen, sizeof seen, "record %s/%d/%lld", record->topic,
                 (int)record->partition, (long long)record->offset);
    item->lanes = lanes;
    item->record = record;
    item->seen = str_dup(seen);
    item->seen_hash = lane_hash(seen);
    count_same(lanes, item, 1);
    return item;
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
    free(item->seen);
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

// ---- lanes

static void timer_over(struct loop_timer *timer);

struct lane *
lane_find(struct lanes *lanes, const char *name, bool make)
{
    uint64_t hash = lane_hash(name);
    struct lane **bucket = &lanes->buckets[hash % LANE_BUCKETS];
    for (struct lane *lane = *bucket; lane != NULL; lane = lane->hash_next) {
        if (lane->hash == hash && !lane->lost && strcmp(lane->name, name) == 0)
            return lane;
    }
    if (!make)
        return NULL;
    struct lane *lane = str_calloc(1, sizeof *lane);
    lane->name = str_dup(name);
    lane->hash = hash;
    lane->lanes = lanes;
    lane->last = &lane->first;
    lane->timer.fire = timer_over;
    lane->hash_next = *bucket;
    *bucket = lane;
    return lane;
}

static void
free_lane(struct lane *lane)
{
    struct lane **at = &lane->lanes->buckets[lane->hash % LANE_BUCKETS];
    while (*at != lane)
        at = &(*at)->hash_next;
    *at = lane->hash_next;
    loop_timer_stop(lane->lanes->loop, &lane->timer);
    free(lane->name);
    free(lane);
}

void
lane_append(struct lane *lane, struct item *item)
{
    item->next = NULL;
    *lane->last = item;
    lane->last = &item->next;
    lane->count++;
}

struct item *
lane_take_first(struct lane *lane)
{
    struct item *item = lane->first;
    lane->first = item->next;
    if (lane->first == NULL)
        lane->last = &lane->first;
    lane->count--;
    return item;
}

// Twins of a finished event that wait in the same lane were checked before it finished.
static void
skip_twins(struct lane *lane, const struct item *finished)
{
    if (lane->lanes->same[finished->seen_hash % SAME_COUNTS] < 2)
        return; // nothing in this loop looks like it
    for (struct item *item = lane->first; item != NULL; item = item->next) {
        if (item != finished && item->seen_hash == finished->seen_hash
            && strcmp(item->seen, finished->seen) == 0)
            item->check = ITEM_SEEN;
    }
}

static void
make_ready(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;
    const char *name = record_header(lane->first->record, "ce_company");
    if (name == NULL || strlen(name) > KEY_MAX)
        name = "";
    int count = 0;
    struct company *company = lanes->companies;
    while (company != NULL && strcmp(company->name, name) != 0) {
        company = company->next;
        // Names from outside must not grow the list for ever: the rest shares the last.
        if (++count >= COMPANIES_MAX && company != NULL && company->next == NULL)
            break;
    }
    if (company == NULL) {
        company = str_calloc(1, sizeof *company);
        company->name = str_dup(name);
        company->last = &company->first;
        company->next = lanes->companies;
        lanes->companies = company;
    }
    lane->state = LANE_READY;
    lane->line_next = NULL;
    *company->last = lane;
    company->last = &lane->line_next;
    if (company->active)
        return;
    company->active = true;
    company->active_next = NULL;
    *lanes->active_last = company;
    lanes->active_last = &company->active_next;
}

// One lane of the company whose turn it is; the company goes to the end of the line.
static struct lane *
next_ready(struct lanes *lanes)
{
    struct company *company = lanes->active;
    if (company == NULL)
        return NULL;
    struct lane *lane = company->first;
    company->first = lane->line_next;
    if (company->first == NULL)
        company->last = &company->first;
    lanes->active = company->active_next;
    if (lanes->active == NULL)
        lanes->active_last = &lanes->active;
    company->active = company->first != NULL;
    if (company->active) {
        company->active_next = NULL;
        *lanes->active_last = company;
        lanes->active_last = &company->active_next;
    }
    lane->state = LANE_IDLE;
    return lane;
}

void
lane_advance(struct lane *lane)
{
    if (lane->state != LANE_IDLE)
        return;
    if (lane->lost) {
        lane_lose(lane);
        return;
    }
    while (lane->first != NULL && lane->first->check == ITEM_SEEN)
        item_done(lane, lane_take_first(lane));
    if (lane->first == NULL) {
        if (!lane->parked && lane->parking == 0)
            free_lane(lane);
        return;
    }
    if (lane->first->check == ITEM_FRESH)
        make_ready(lane);
}

void
lane_finish_first(struct lane *lane)
{
    struct item *item = lane_take_first(lane);
    skip_twins(lane, item);
    item_done(lane, item);
    if (lane->first == NULL && lane->parked)
        lane_load(lane); // the next rows, or the word that there are none
    else
        lane_advance(lane);
}

static void
timer_over(struct loop_timer *timer)
{
    struct lane *lane =
        (struct lane *)(void *)((char *)timer - offsetof(struct lane, timer));
    struct lanes *lanes = lane->lanes;
    lane->state = LANE_IDLE;
    lane_advance(lane);
    lanes_dispatch(lanes);
}

void
lane_wait(struct lane *lane, int64_t delay_ms)
{
    lane->state = LANE_WAITING;
    loop_timer_set(lane->lanes->loop, &lane->timer, clock_ms() + delay_ms);
}

// The partition is not ours any more. Who runs is left to end; its settle will be
// refused.
void
lane_lose(struct lane *lane)
{
    bool running = lane->state == LANE_RUNNING || lane->state == LANE_LOADING;
    struct item *kept = lane->state == LANE_RUNNING ? lane_take_first(lane) : NULL;
    lane->lost = true;
    while (lane->first != NULL)
        item_drop(lane, lane_take_first(lane));
    if (kept != NULL)
        lane_append(lane, kept);
    if (lane->state == LANE_WAITING)
        loop_timer_stop(lane->lanes->loop, &lane->timer);
    if (lane->parked) {
        lane->parked = false;
        lane->lanes->parked_count--;
    }
    if (!running && lane->parking == 0)
        free_lane(lane);
}

// ---- gates

static void
line_push(struct gate_line *line, struct lane *lane)
{
    lane->state = LANE_GATED;
    lane->line_next = NULL;
    *line->last = lane;
    line->last = &lane->line_next;
    atomic_fetch_add(&line->lanes->gated, 1);
}

static struct lane *
line_pop(struct gate_line *line)
{
    struct lane *lane = line->first;
    line->first = lane->line_next;
    if (line->first == NULL)
        line->last = &line->first;
    lane->state = LANE_IDLE;
    atomic_fetch_sub(&line->lanes->gated, 1);
    return lane;
}

// Lets in who finds a place. Through next_ready(), so that companies stay fair, would
// cost the place that was just found: who waited longest at this gate goes first.
static void
serve_line(struct gate_line *line)
{
    struct lanes *lanes = line->lanes;
    while (line->first != NULL && !worker_paused(lanes->worker)
           && lanes->running < lanes->max_running) {
        int64_t wait_ms = 0;
        if (!gate_enter(line->gate, &wait_ms)) {
            if (wait_ms > 0)
                loop_timer_set(lanes->loop, &line->timer, clock_ms() + wait_ms);
            return;
        }
        struct lane *lane = line_pop(line);
        attempt_start(lane, attempt_handler(lanes->worker, lane->first->record),
                      line->gate);
    }
}

static void
line_timer(struct loop_timer *timer)
{
    serve_line((struct gate_line *)(void *)((char *)timer
                                            - offsetof(struct gate_line, timer)));
}

static struct gate_line *
line_of(struct lanes *lanes, struct gate *gate, bool make)
{
    struct gate_line *line = lanes->gate_lines;
    while (line != NULL && line->gate != gate)
        line = line->next;
    if (line != NULL || !make)
        return line;
    line = str_calloc(1, sizeof *line);
    line->gate = gate;
    line->lanes = lanes;
    line->last = &line->first;
    line->timer.fire = line_timer;
    line->next = lanes->gate_lines;
    lanes->gate_lines = line;
    return line;
}

void
lane_wait_for_gate(struct lane *lane, struct gate *gate, int64_t wait_ms)
{
    struct gate_line *line = line_of(lane->lanes, gate, true);
    lane->gated_since_ms = clock_ms();
    line_push(line, lane);
    if (wait_ms > 0)
        loop_timer_set(lane->lanes->loop, &line->timer, clock_ms() + wait_ms);
}

void
lanes_gate_left(struct lanes *lanes, struct gate *gate)
{
    gate_leave(gate);
    struct gate_line *line = line_of(lanes, gate, false);
    if (line != NULL)
        serve_line(line);
    struct worker *worker = lanes->worker;
    for (int i = 0; i < worker->loop_count; i++) {
        struct lanes *other = worker->lanes[i];
        if (other != lanes && atomic_load(&other->gated) > 0)
            lanes_post_wake(other);
    }
}

// Who waited long at a gate, or what piles up behind one, goes to the ledger, so that
// one company's gate does not fill the memory of all.
static void
park_long_waits(struct gate_line *line, int64_t now)
{
    const struct worker_settings *settings = &line->lanes->worker->settings;
    int64_t held = 0;
    for (struct lane *lane = line->first; lane != NULL; lane = lane->line_next)
        held += (int64_t)lane->count;
    while (line->first != NULL
           && (now - line->first->gated_since_ms > settings->gate_park_ms
               || held > settings->high_water / 4)) {
        struct lane *lane = line_pop(line);
        held -= (int64_t)lane->count;
        lane_park_all(lane, settings->retry_park_ms);
    }
}

// ---- dispatch

static bool
start_lane(struct lane *lane)
{
    struct lanes *lanes = lane->lanes;
    const struct record *record = lane->first->record;
    const struct handler *handler = attempt_handler(lanes->worker, record);
    if (handler == NULL || handler->gate == NULL) {
        attempt_start(lane, handler, NULL);
        return true;
    }
    const char *company = record_header(record, "ce_company");
    struct gate *gate =
        gates_find(lanes->worker->gates, handler->gate, company != NULL ? company : "");
    struct gate_line *line = line_of(lanes, gate, true);
    int64_t wait_ms = 0;
    if (line->first == NULL && gate_enter(gate, &wait_ms)) {
        attempt_start(lane, handler, gate);
        return true;
    }
    lane_wait_for_gate(lane, gate, wait_ms);
    return false;
}

void
lanes_dispatch(struct lanes *lanes)
{
    while (lanes->running < lanes->max_running && !worker_paused(lanes->worker)) {
        struct lane *lane = next_ready(lanes);
        if (lane == NULL)
            return;
        start_lane(lane);
    }
}

static void
serve_all(struct lanes *lanes)
{
    for (struct gate_line *line = lanes->gate_lines; line != NULL; line = line->next)
        serve_line(line);
    lanes_dispatch(lanes);
}

static void
tick(struct loop_timer *timer)
{
    struct lanes *lanes =
        (struct lanes *)(void *)((char *)timer - offsetof(struct lanes, tick));
    int64_t now = clock_ms();
    if (!worker_paused(lanes->worker)) {
        for (struct gate_line *line = lanes->gate_lines; line != NULL;
             line = line->next)
            park_long_waits(line, now);
        serve_all(lanes);
    }
    loop_timer_set(lanes->loop, &lanes->tick, now + TICK_MS);
}

// ---- letters

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
        lane_name(item->record, name);
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
    lane_name(record, name);
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
    serve_all(lanes);
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

// Lanes in a line are lost where they stand; the lines are emptied as a whole.
static void
forget_lines(struct lanes *lanes)
{
    for (struct company *c = lanes->companies; c != NULL; c = c->next) {
        for (struct lane *lane = c->first; lane != NULL; lane = lane->line_next)
            lane->state = LANE_IDLE;
        c->first = NULL;
        c->last = &c->first;
        c->active = false;
    }
    lanes->active = NULL;
    lanes->active_last = &lanes->active;
    for (struct gate_line *line = lanes->gate_lines; line != NULL; line = line->next) {
        while (line->first != NULL)
            line_pop(line);
        loop_timer_stop(lanes->loop, &line->timer);
    }
}

static void
revoke(struct loop_mail *mail)
{
    struct lanes *lanes = ((struct letter *)mail)->lanes;
    forget_lines(lanes);
    for (size_t b = 0; b < LANE_BUCKETS; b++) {
        for (struct lane *lane = lanes->buckets[b]; lane != NULL;) {
            struct lane *next = lane->hash_next;
            if (!lane->lost)
                lane_lose(lane);
            lane = next;
        }
    }
    free(mail);
}

void
lanes_post_revoke(struct lanes *lanes)
{
    struct letter *letter = str_calloc(1, sizeof *letter);
    letter->mail.deliver = revoke;
    letter->lanes = lanes;
    loop_post(lanes->loop, &letter->mail);
}

static void
start_ticking(struct loop_mail *mail)
{
    struct lanes *lanes = ((struct letter *)mail)->lanes;
    lanes->tick.fire = tick;
    loop_timer_set(lanes->loop, &lanes->tick, clock_ms() + TICK_MS);
    free(mail);
}

struct lanes *
lanes_new(struct worker *worker, struct loop *loop)
{
    struct lanes *lanes = str_calloc(1, sizeof *lanes);
    lanes->worker = worker;
    lanes->loop = loop;
    lanes->active_last = &lanes->active;
    lanes->max_running = worker->settings.fibers / worker->loop_count;
    if (lanes->max_running < 1)
        lanes->max_running = 1;
    struct letter *letter = str_calloc(1, sizeof *letter);
    letter->mail.deliver = start_ticking;
    letter->lanes = lanes;
    loop_post(loop, &letter->mail);
    return lanes;
}

// After the loop's thread has ended.
void
lanes_free(struct lanes *lanes)
{
    forget_lines(lanes);
    for (size_t b = 0; b < LANE_BUCKETS; b++) {
        while (lanes->buckets[b] != NULL) {
            struct lane *lane = lanes->buckets[b];
            while (lane->first != NULL) {
                struct item *item = lane_take_first(lane);
                item->asked = false;
                item_free(item);
            }
            free_lane(lane);
        }
    }
    while (lanes->companies != NULL) {
        struct company *company = lanes->companies;
        lanes->companies = company->next;
        free(company->name);
        free(company);
    }
    while (lanes->gate_lines != NULL) {
        struct gate_line *line = lanes->gate_lines;
        lanes->gate_lines = line->next;
        free(line);
    }
    free(lanes);
}
