// Lanes that wait for a gate: one line a gate and loop, oldest first.
#include <stdlib.h>

#include "common/clock.h"
#include "common/lanes.h"
#include "common/str.h"

struct gate_line {
    struct gate *gate;
    struct lanes *lanes;
    struct gate_line *next;
    struct lane *first, **last;
    struct loop_timer timer;
};

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
    int64_t due_ms = gate_closed_ms(line->gate); // before that it would wait here again
    if (due_ms < settings->retry_park_ms)
        due_ms = settings->retry_park_ms;
    for (struct lane *lane = line->first; lane != NULL; lane = lane->line_next)
        held += (int64_t)lane->count;
    while (line->first != NULL
           && (now - line->first->gated_since_ms > settings->gate_park_ms
               || held > settings->high_water / 4)) {
        struct lane *lane = line_pop(line);
        held -= (int64_t)lane->count;
        lane_park_all(lane, due_ms);
    }
}

bool
lanes_gate_enter(struct lanes *lanes, struct gate *gate, int64_t *wait_ms)
{
    const struct gate_line *line = line_of(lanes, gate, true);
    *wait_ms = 0;
    return line->first == NULL && gate_enter(gate, wait_ms);
}

void
lanes_gates_serve(struct lanes *lanes)
{
    for (struct gate_line *line = lanes->gate_lines; line != NULL; line = line->next)
        serve_line(line);
}

void
lanes_gates_park(struct lanes *lanes, int64_t now)
{
    for (struct gate_line *line = lanes->gate_lines; line != NULL; line = line->next)
        park_long_waits(line, now);
}

void
lanes_gates_forget(struct lanes *lanes)
{
    for (struct gate_line *line = lanes->gate_lines; line != NULL; line = line->next) {
        while (line->first != NULL)
            line_pop(line);
        loop_timer_stop(lanes->loop, &line->timer);
    }
}

void
lanes_gates_free(struct lanes *lanes)
{
    while (lanes->gate_lines != NULL) {
        struct gate_line *line = lanes->gate_lines;
        lanes->gate_lines = line->next;
        free(line);
    }
}
