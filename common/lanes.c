#include "common/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/str.h"

enum { TICK_MS = 1000 };

static void timer_over(struct loop_timer *timer);

struct lane *
lane_find(struct lanes *lanes, const char *name, int32_t partition, bool make)
{
    uint64_t hash = item_hash(name);
    struct lane **bucket = &lanes->buckets[hash % LANE_BUCKETS];
    for (struct lane *lane = *bucket; lane != NULL; lane = lane->hash_next) {
        if (lane->hash == hash && lane->partition == partition && !lane->lost
            && strcmp(lane->name, name) == 0)
            return lane;
    }
    if (!make)
        return NULL;
    struct lane *lane = str_calloc(1, sizeof *lane);
    lane->name = str_dup(name);
    lane->hash = hash;
    lane->partition = partition;
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
drop_seen(struct lane *lane)
{
    while (lane->first != NULL && lane->first->check == ITEM_SEEN)
        item_done(lane, lane_take_first(lane));
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
    drop_seen(lane);
    if (lane->first == NULL) {
        if (!lane->parked && lane->parking == 0)
            free_lane(lane);
        return;
    }
    if (lane->first->check != ITEM_FRESH)
        return;
    lane->state = LANE_READY;
    fair_line_push(&lane->lanes->ready, lane);
}

// With its first event, or where all it has is in the ledger, the next rows.
static void
go_on(struct lane *lane)
{
    if (lane->first == NULL && lane->parked)
        lane_load(lane);
    else
        lane_advance(lane);
}

void
lane_finish_first(struct lane *lane)
{
    do {
        struct item *item = lane_take_first(lane);
        skip_twins(lane, item);
        item_done(lane, item);
        drop_seen(lane);
    } while (lane->first != NULL && lane->first->joined);
    lane->joined = 0;
    go_on(lane);
}

static void
timer_over(struct loop_timer *timer)
{
    struct lane *lane =
        (struct lane *)(void *)((char *)timer - offsetof(struct lane, timer));
    struct lanes *lanes = lane->lanes;
    lane->state = LANE_IDLE;
    go_on(lane);
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

// Rows that are on their way to or from the ledger are due as soon as they can be read.
static void
hurry(struct lane *lane)
{
    if (lane->parked && lane->first == NULL)
        lane->due = true;
    if (lane->state == LANE_WAITING) {
        loop_timer_stop(lane->lanes->loop, &lane->timer);
        lane->state = LANE_IDLE;
    }
    if (lane->state == LANE_IDLE)
        go_on(lane);
}

void
lanes_back(struct lanes *lanes, const char *service)
{
    for (size_t b = 0; b < LANE_BUCKETS; b++) {
        for (struct lane *lane = lanes->buckets[b]; lane != NULL;) {
            struct lane *next = lane->hash_next; // it may go
            if (!lane->lost && lane->waits_for != NULL
                && strcmp(lane->waits_for, service) == 0)
                hurry(lane);
            lane = next;
        }
    }
    lanes_serve(lanes);
}

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
    int64_t wait_ms = 0;
    if (lanes_gate_enter(lanes, gate, &wait_ms)) {
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
        struct lane *lane = fair_line_pop(&lanes->ready);
        if (lane == NULL)
            return;
        start_lane(lane);
    }
}

void
lanes_serve(struct lanes *lanes)
{
    lanes_gates_serve(lanes);
    lanes_dispatch(lanes);
}

static void
tick(struct loop_timer *timer)
{
    struct lanes *lanes =
        (struct lanes *)(void *)((char *)timer - offsetof(struct lanes, tick));
    int64_t now = clock_ms();
    if (!worker_paused(lanes->worker)) {
        lanes_gates_park(lanes, now);
        lanes_serve(lanes);
    }
    loop_timer_set(lanes->loop, &lanes->tick, now + TICK_MS);
}

// Lanes in a line are lost where they stand; the lines are emptied as a whole.
static void
forget_lines(struct lanes *lanes)
{
    while (fair_line_pop(&lanes->ready) != NULL)
        continue;
    lanes_gates_forget(lanes);
}

void
lanes_revoke(struct lanes *lanes)
{
    forget_lines(lanes);
    for (size_t b = 0; b < LANE_BUCKETS; b++) {
        for (struct lane *lane = lanes->buckets[b]; lane != NULL;) {
            struct lane *next = lane->hash_next;
            if (!lane->lost)
                lane_lose(lane);
            lane = next;
        }
    }
}

void
lanes_start(struct lanes *lanes)
{
    lanes->tick.fire = tick;
    loop_timer_set(lanes->loop, &lanes->tick, clock_ms() + TICK_MS);
}

struct lanes *
lanes_new(struct worker *worker, struct loop *loop)
{
    struct lanes *lanes = str_calloc(1, sizeof *lanes);
    lanes->worker = worker;
    lanes->loop = loop;
    fair_line_begin(&lanes->ready);
    lanes->max_running = worker->settings.fibers / worker->loop_count;
    if (lanes->max_running < 1)
        lanes->max_running = 1;
    lanes_post_start(lanes);
    return lanes;
}

// After the loop's thread has ended.
void
lanes_free(struct lanes *lanes)
{
    forget_lines(lanes);
    for (size_t b = 0; b < LANE_BUCKETS; b++) {
        struct lane *next;
        for (struct lane *lane = lanes->buckets[b]; lane != NULL; lane = next) {
            next = lane->hash_next;
            while (lane->first != NULL) {
                struct item *item = lane_take_first(lane);
                item->asked = false;
                item_free(item);
            }
            free_lane(lane);
        }
    }
    fair_line_end(&lanes->ready);
    lanes_gates_free(lanes);
    attempt_free_idle(lanes);
    free(lanes);
}
