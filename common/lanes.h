// common/lanes.h - the lanes of one loop: a FIFO per key, one event of a key at a time,
// keys in parallel, ready ones served round-robin over companies. All on the loop's own
// thread.
#ifndef RELAIS_LANES_H
#define RELAIS_LANES_H

#include "common/item.h"
#include "common/worker_parts.h"

enum lane_state {
    LANE_IDLE,
    LANE_READY,   // in its company's line
    LANE_RUNNING, // an attempt is under way or being settled
    LANE_WAITING, // for a time
    LANE_GATED,   // for a gate
    LANE_LOADING, // its parked events are being read
};

struct lane {
    struct lane *hash_next;
    char *name;
    uint64_t hash;
    struct lanes *lanes;
    int32_t partition;
    enum lane_state state;
    struct item *first, **last;
    size_t count;
    int joined; // of those behind the first: its handler's look serves them
    struct loop_timer timer;
    struct lane *line_next; // in its company's line, ready or at a gate
    size_t line_records;    // what it counts for there
    int64_t gated_since_ms;
    bool parked;           // it has rows in parked_event: what arrives goes behind them
    int64_t parking;       // rows on their way there
    uint64_t parkings;     // how many ever were
    const char *waits_for; // the service that its first event failed at, or NULL
    bool due;              // that is back: what is parked is due, whatever its row says
    bool lost;             // the partition was taken away: nothing is written any more
};

struct attempt;
struct company;
struct gate_line;

// Lanes that wait for their turn, round-robin over companies.
struct fair_line {
    struct company *companies, *active, **active_last;
};

enum { LANE_BUCKETS = 8192, SAME_COUNTS = 1 << 15 };

// After so long what Postgres refused to answer is asked again.
enum { LANES_ASK_AGAIN_MS = 1000 };

struct lanes {
    struct worker *worker;
    struct loop *loop;
    struct lane *buckets[LANE_BUCKETS];
    struct fair_line ready;
    struct gate_line *gate_lines;
    struct attempt *idle_attempts;
    int idle_attempt_count;
    int64_t running, max_running; // fibers
    int64_t unsettled;            // attempts until their settle is answered
    int64_t parked_count;
    struct loop_timer tick;
    struct loop_mail wake_mail;
    atomic_bool wake_sent;
    unsigned char same[SAME_COUNTS]; // items in memory by hash
    atomic_llong gated;              // lanes that wait for a gate: other loops wake us
};

// The lanes of one loop. Freed after the loop's thread has ended.
struct lanes *lanes_new(struct worker *worker, struct loop *loop);
void lanes_free(struct lanes *lanes);

// Letters from other threads (allocated here, freed on delivery).
void lanes_post_records(struct lanes *lanes, struct record *first);
void lanes_post_parked(struct lanes *lanes, const char *lane, int32_t partition);
// Drops everything that is not running.
void lanes_post_revoke(struct lanes *lanes);
// Dispatch again: a pause is over, or a gate has room.
void lanes_post_wake(struct lanes *lanes);

// A service is back: what failed there and waits, in memory or parked, goes on now.
void lanes_post_back(struct lanes *lanes, const char *service);

// What these letters do when they arrive.
void lanes_revoke(struct lanes *lanes);
void lanes_back(struct lanes *lanes, const char *service);
void lanes_start(struct lanes *lanes);
void lanes_post_start(struct lanes *lanes);

// Starts what may start: at the gates first, then from the companies' lines.
void lanes_serve(struct lanes *lanes);

// What attempts and parking tell their lane.
// A lane belongs to one partition: a key that somebody put into two has two.
struct lane *lane_find(struct lanes *lanes, const char *name, int32_t partition,
                       bool make);
void lane_append(struct lane *lane, struct item *item);
struct item *lane_take_first(struct lane *lane);
void lane_advance(struct lane *lane);
// The first event is finished, and the hints that were joined to it: their twins in the
// lane are skipped, the next one comes up.
void lane_finish_first(struct lane *lane);
void lane_wait(struct lane *lane, int64_t delay_ms);
void lane_wait_for_gate(struct lane *lane, struct gate *gate, int64_t wait_ms);
void lane_lose(struct lane *lane);

// lanes_fair.c
void fair_line_begin(struct fair_line *line);
void fair_line_end(struct fair_line *line); // of an empty one
// At the end of its company's line. It has a first event.
void fair_line_push(struct fair_line *line, struct lane *lane);
// The next lane, idle; NULL if none waits.
struct lane *fair_line_pop(struct fair_line *line);
// One that waits at a gate since before then, or NULL.
struct lane *fair_line_pop_older(struct fair_line *line, int64_t since_ms);
// If more records than these wait, a lane of the company that has most of them; or
// NULL.
struct lane *fair_line_pop_largest(struct fair_line *line, size_t records);

// lanes_gate.c
// Takes a place, unless somebody waits for it already.
bool lanes_gate_enter(struct lanes *lanes, struct gate *gate, int64_t *wait_ms);
// Gives a place back and lets the next ones in, here and on other loops.
void lanes_gate_left(struct lanes *lanes, struct gate *gate);
void lanes_gates_serve(struct lanes *lanes);
// What waits too long, or too much of it, goes to the ledger.
void lanes_gates_park(struct lanes *lanes, int64_t now);
void lanes_gates_forget(struct lanes *lanes);
void lanes_gates_free(struct lanes *lanes);
void lanes_dispatch(struct lanes *lanes);

// lanes_park.c
// Everything in the lane goes to the ledger, its first event due in due_ms.
void lane_park_all(struct lane *lane, int64_t due_ms);
// The first event is in the ledger already (its attempt parked it): the rest follows.
void lane_park_rest(struct lane *lane);
// One event that arrived behind parked ones.
void lane_park_item(struct lane *lane, struct item *item, int64_t due_ms);
// Reads the first rows of a parked lane and runs them.
void lane_load(struct lane *lane);
void lane_mark_parked(struct lane *lane);

// lanes_hint.c
// Called on the fiber right before the handler of the lane's first event reads its
// object: joins to it, at most 64 of them, the hints of that object that follow. An
// event is joined only if it
//   - waited in the lane before the object is read, so that the read is newer;
//   - has nothing between itself and the first event but events that are joined or were
//     seen, so that no other is passed;
//   - is finished in the very settle that finishes the first one, with its own journey
//     step. If that does not come about, nothing has happened to it: it waits in its
//     place, keeps its row in parked_event and its offset, and is handled in its turn.
void lane_join_hints(struct lane *lane, const struct handler *handler, struct job *job,
                     const struct event *ev);
// The first event is not finished, or is a dead letter: what was joined stands alone.
void lane_part_hints(struct lane *lane);

// attempt.c
// Handles the first event of the lane once. gate (entered by the caller) may be NULL.
void attempt_start(struct lane *lane, const struct handler *handler, struct gate *gate);
void attempt_free_idle(struct lanes *lanes);
const struct handler *attempt_handler(const struct worker *worker,
                                      const struct record *record);
// The row for that type; NULL if there is none.
const struct handler *attempt_row(const struct worker *worker, const char *type);

#endif
