// Lanes that wait for a gate: one line a gate and loop, fair to companies.
#include <stdlib.h>

#include "common/clock.h"
#include "common/lanes.h"
#include "common/str.h"

struct gate_line {
    struct gate *gate;
    struct lanes *lanes;
    struct gate_line *next;
    struct fair_line waiting;
    struct loop_timer timer;
};

static void
line_push(struct gate_line *line, struct lane *lane)
{
    lane->state = LANE_GATED;
    fair_line_push(&line->waiting, lane);
    atomic_fetch_add(&line->lanes->gated, 1);
}

// Counts who was taken out of the line; NULL is nobody.
static struct lane *
left(struct gate_line *line, struct lane *lane)
{
    if (lane != NULL)
        atomic_fetch_sub(&line->lanes->gated, 1);
    return lane;
}

static bool
is_empty(const struct gate_line *line)
{
    return line->waiting.active == NULL;
}

// Lets in who finds a place. To go by the line of ready lanes would cost the place that
// was just found: this one is as fair.
static void
serve_line(struct gate_line *line)
{
    struct lanes *lanes = line->lanes;
    while (!is_empty(line) && !worker_paused(lanes->worker)
           && lanes->running < lanes->max_running) {
        int64_t wait_ms = 0;
        if (!gate_enter(line->gate, &wait_ms)) {
            if (wait_ms > 0)
                loop_timer_set(lanes->loop, &line->timer, clock_ms() + wait_ms);
            return;
        }
        struct lane *lane = left(line, fair_line_pop(&line->waiting));
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
    fair_line_begin(&line->waiting);
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

// Others who wait at a gate are told first: a loop that always served its own line
// would keep the place for ever.
void
lanes_gate_left(struct lanes *lanes, struct gate *gate)
{
    gate_leave(gate);
    struct worker *worker = lanes->worker;
    bool others = false;
    for (int i = 0; i < worker->loop_count; i++) {
        struct lanes *other = worker->lanes[i];
        if (other == lanes || atomic_load(&other->gated) == 0)
            continue;
        lanes_post_wake(other);
        others = true;
    }
    struct gate_line *line = line_of(lanes, gate, false);
    if (others)
        lanes_post_wake(lanes);
    else if (line != NULL)
        serve_line(line);
}

// Who waited long at a gate, or what piles up behind one, goes to the ledger, so that
// one company's gate does not fill the memory of all.
static void
park_long_waits(struct gate_line *line, int64_t now)
{
    const struct worker_settings *settings = &line->lanes->worker->settings;
    int64_t due_ms = gate_closed_ms(line->gate); // before that it would wait here again
    if (due_ms < settings->retry_park_ms)
        due_ms = settings->retry_park_ms;
    struct fair_line *waiting = &line->waiting;
    struct lane *lane;
    while ((lane = fair_line_pop_older(waiting, now - settings->gate_park_ms)) != NULL
           || (lane = fair_line_pop_largest(waiting, (size_t)settings->high_water / 4))
                  != NULL)
        lane_park_all(left(line, lane), due_ms);
}

bool
lanes_gate_enter(struct lanes *lanes, struct gate *gate, int64_t *wait_ms)
{
    const struct gate_line *line = line_of(lanes, gate, true);
    *wait_ms = 0;
    return is_empty(line) && gate_enter(gate, wait_ms);
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
        while (left(line, fair_line_pop(&line->waiting)) != NULL)
            continue;
        loop_timer_stop(lanes->loop, &line->timer);
    }
}

void
lanes_gates_free(struct lanes *lanes)
{
    while (lanes->gate_lines != NULL) {
        struct gate_line *line = lanes->gate_lines;
        lanes->gate_lines = line->next;
        fair_line_end(&line->waiting);
        free(line);
    }
}
