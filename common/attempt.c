// One event handled once: the handler on its fiber, the decision what its result means,
// the settle that makes it durable, and what the lane does next.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/dead_letter.h"
#include "common/event.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/settlement.h"
#include "common/str.h"

enum {
    HELD_RETRY_MS = 1000,
    REFUSED_RETRY_MS = 5000,
    JOB_BYTES = 2048,
    IDLE_ATTEMPTS = 256, // kept by each loop for the next ones
};

struct attempt {
    struct ledger_write write; // first: its letter comes back as the attempt
    struct job job;
    struct event ev;
    bool decoded;
    struct lanes *lanes;
    struct lane *lane;
    struct item *item;
    const struct handler *handler;
    struct gate *gate;
    int64_t started_ms, took_ms, number;
    struct error error; // what the handler said
    struct retry next;
    const char *outcome;
    bool refused; // Postgres refused its rows once: it became a dead letter
    struct attempt *next_idle;
    _Alignas(max_align_t) char memory[JOB_BYTES]; // the job's first; zeroed when idle
};

static void settled(struct loop_mail *mail);

const struct handler *
attempt_row(const struct worker *worker, const char *type)
{
    const struct handler *row = worker->integration->handlers;
    while (row->type != NULL && strcmp(row->type, type) != 0)
        row++;
    return row->type != NULL ? row : NULL;
}

const struct handler *
attempt_handler(const struct worker *worker, const struct record *record)
{
    const char *type = record_header(record, "ce_type");
    if (type == NULL && worker->integration->plain_records)
        type = "plain";
    return type != NULL ? attempt_row(worker, type) : NULL;
}

// Structured events name their type in the payload: looked up once more when decoded.
static const struct handler *
handler_of(struct attempt *attempt)
{
    return attempt->handler != NULL
               ? attempt->handler
               : attempt_row(attempt->lanes->worker, attempt->ev.type);
}

// Whether this process still takes the partition for its own, as when it began.
static bool
is_ours(const struct attempt *attempt)
{
    return atomic_load(&attempt->lanes->worker->epochs[attempt->write.partition])
           == attempt->write.epoch;
}

static bool
is_allowed(struct job *job)
{
    struct attempt *attempt = job->owner;
    struct worker *worker = attempt->lanes->worker;
    if (atomic_load(&worker->draining) || !kafka_consumer_alive(worker->consumer))
        return false;
    return worker->ledger == NULL || (attempt->write.epoch != 0 && is_ours(attempt));
}

// ---- the fiber

static bool
handle(struct attempt *attempt)
{
    struct job *job = &attempt->job;
    struct worker *worker = attempt->lanes->worker;
    if (!event_decode(job, attempt->item->record, worker->integration->plain_records,
                      &attempt->ev))
        return false;
    attempt->decoded = true;
    job->event = &attempt->ev;
    if (attempt->ev.ahead_ms > job->ahead_ms)
        job->ahead_ms = attempt->ev.ahead_ms;
    job->quiet = strcmp(attempt->ev.type, "plain") == 0;
    const struct handler *handler = handler_of(attempt);
    if (handler != NULL) {
        lane_join_hints(attempt->lane, handler, job, &attempt->ev);
        return handler->handle(job, &attempt->ev, worker->state);
    }
    if (!str_ends(attempt->item->record->topic, ".commands")) {
        settlement_note(job, "ignored: nothing to do for this type");
        return true;
    }
    error_permanent(&job->error, "no handler for %s", attempt->ev.type);
    job->error.hint = "a misspelt type, or a worker that is older than who sent it";
    return false;
}

static uint64_t
random_number(void)
{
    uint64_t number = 0;
    if (getrandom(&number, sizeof number, GRND_NONBLOCK) != (ssize_t)sizeof number)
        number = (uint64_t)clock_ns();
    return number;
}

// Whether what failed may be a whole dependency: it is away, or refuses this program
// and not only one company.
static bool
may_be_down(const struct attempt *attempt)
{
    const struct error *err = &attempt->error;
    return err->kind == ERROR_RETRYABLE
           || (err->kind == ERROR_FATAL && !gate_guards(attempt->gate, err->service));
}

static struct retry
decide(struct attempt *attempt)
{
    struct worker *worker = attempt->lanes->worker;
    const struct error *err = &attempt->error;
    struct item *item = attempt->item;
    if (err->kind == ERROR_RETRYABLE)
        circuits_failed(worker->circuits, err->service);
    if (may_be_down(attempt) && circuits_hold(worker->circuits, err->service))
        return (struct retry){RETRY_AGAIN, HELD_RETRY_MS, false};
    struct retry next = retry_decide(&worker->retry_policy, err, item->attempts + 1,
                                     item_age_ms(item), random_number());
    if (next.action == RETRY_GATE && !gate_guards(attempt->gate, err->service))
        next.action =
            next.delay_ms > worker->retry_policy.memory_ms ? RETRY_PARK : RETRY_AGAIN;
    // Who is refused as a rule is told by a probe of this very moment.
    int64_t fresh_ms = err->kind == ERROR_FATAL ? 2 * HELD_RETRY_MS
                                                : worker->settings.breaker_window_ms;
    if (next.action == RETRY_PARK && may_be_down(attempt)
        && circuits_doubt(worker->circuits, err->service, fresh_ms))
        return (struct retry){RETRY_AGAIN, HELD_RETRY_MS, false};
    if (next.action == RETRY_PARK && worker->ledger == NULL)
        next.action = RETRY_AGAIN;
    return next;
}

// The handler's last word on an event that can never pass, then the dead letter itself.
static void
bury(struct attempt *attempt)
{
    struct job *job = &attempt->job;
    struct worker *worker = attempt->lanes->worker;
    const struct handler *handler = attempt->decoded ? handler_of(attempt) : NULL;
    const struct http_blamed *blamed = job->blamed; // `dead` makes calls of its own
    settlement_keep_effects(job);
    if (handler != NULL && handler->dead != NULL) {
        job->error = attempt->error; // what it may tell
        if (!handler->dead(job, &attempt->ev, worker->state))
            log_warn("dead-unfinished", "%s %s: %s", attempt->ev.type,
                     attempt->item->seen, job->error.text);
    }
    const char *note = attempt->error.text;
    settlement_note(job, "%s", note);
    dead_letter_add(job, &(struct dead_letter){
                             .worker = worker->integration->name,
                             .max_bytes = (size_t)worker_record_bytes(worker),
                             .record = attempt->item->record,
                             .seen = attempt->item->seen,
                             .error = &attempt->error,
                             .attempts = attempt->item->attempts,
                             .calls = job->settlement->calls,
                             .blamed = blamed,
                         });
}

static const char *
outcome_of(const struct attempt *attempt)
{
    switch (attempt->next.action) {
    case RETRY_AGAIN:
        return "retry";
    case RETRY_PARK:
        return "parked";
    case RETRY_DEAD:
        return "dead";
    case RETRY_GATE:
        return "gate";
    default:
        return "dropped";
    }
}

static void
failed(struct attempt *attempt)
{
    struct job *job = &attempt->job;
    attempt->error = job->error;
    lane_part_hints(attempt->lane);
    if (attempt->error.kind == ERROR_NONE) {
        log_error("bug", "the handler of %s failed without an error", attempt->ev.type);
        abort();
    }
    attempt->next = decide(attempt);
    attempt->outcome = outcome_of(attempt);
    if (attempt->next.counts)
        attempt->item->attempts++;
    if (attempt->next.action == RETRY_DEAD) {
        bury(attempt);
        return;
    }
    settlement_keep_effects(job);
    settlement_note(job, "%s", attempt->error.text);
    // No circuit and no gate tells of what only some events are refused for.
    if (attempt->error.kind == ERROR_FATAL && attempt->next.action == RETRY_PARK)
        settlement_attention(job, "refused", attempt->lane->name, "%s: %s",
                             attempt->error.text,
                             attempt->error.hint != NULL ? attempt->error.hint : "");
}

static enum ledger_event_to
fate_of(const struct attempt *attempt)
{
    if (attempt->error.kind == ERROR_NONE || attempt->next.action == RETRY_DEAD)
        return LEDGER_EVENT_FINISH;
    return attempt->next.action == RETRY_PARK ? LEDGER_EVENT_PARK : LEDGER_EVENT_KEEP;
}

static void
fill_step(struct attempt *attempt)
{
    const struct settlement *settlement = attempt->job.settlement;
    const char *entity = attempt->decoded && attempt->ev.subject[0] != '\0'
                             ? attempt->ev.subject
                             : attempt->lane->name;
    attempt->write.step = (struct ledger_step){
        .entity = attempt->job.quiet ? NULL : entity,
        .event = attempt->item->seen,
        .type = attempt->decoded ? attempt->ev.type : "",
        .outcome = attempt->outcome,
        .note = settlement->note != NULL ? settlement->note : "",
        .calls = settlement->calls != NULL ? settlement->calls : "",
        .attempt = attempt->number,
        .took_ms = attempt->took_ms,
    };
}

static void
settle(struct attempt *attempt)
{
    struct worker *worker = attempt->lanes->worker;
    struct ledger_write *write = &attempt->write;
    fill_step(attempt);
    write->kind = LEDGER_SETTLE;
    write->mail.deliver = settled;
    write->loop = attempt->lanes->loop;
    write->settlement = attempt->job.settlement;
    write->event_to = fate_of(attempt);
    write->event = attempt->item->seen;
    write->parked_seq = attempt->item->parked_seq;
    write->record = attempt->item->record;
    write->lane = attempt->lane->name;
    write->attempts = attempt->item->attempts;
    write->age_ms = item_age_ms(attempt->item);
    write->due_in_ms = attempt->next.delay_ms;
    if (worker->ledger != NULL) {
        ledger_pg_write(worker->ledger, write);
        return;
    }
    write->verdict = LEDGER_DONE;
    loop_post(write->loop, &write->mail);
}

static void
run(void *arg)
{
    struct attempt *attempt = arg;
    attempt->outcome = "done";
    fiber_works_on(&(struct fiber_work){attempt->lane->name, attempt->item->seen,
                                        attempt->started_ms});
    if (!handle(attempt))
        failed(attempt);
    attempt->took_ms = clock_ms() - attempt->started_ms;
    if (attempt->gate != NULL && attempt->error.kind == ERROR_NONE)
        gate_passed(attempt->gate);
    attempt->lanes->running--;
    settle(attempt);
}

static struct attempt *
take_attempt(struct lanes *lanes)
{
    struct attempt *attempt = lanes->idle_attempts;
    if (attempt == NULL)
        return str_calloc(1, sizeof *attempt);
    lanes->idle_attempts = attempt->next_idle;
    lanes->idle_attempt_count--;
    memset(attempt, 0, offsetof(struct attempt, memory));
    return attempt;
}

static void
give_attempt_back(struct lanes *lanes, struct attempt *attempt)
{
    job_end(&attempt->job);
    if (lanes->idle_attempt_count >= IDLE_ATTEMPTS) {
        free(attempt);
        return;
    }
    attempt->next_idle = lanes->idle_attempts;
    lanes->idle_attempts = attempt;
    lanes->idle_attempt_count++;
}

void
attempt_free_idle(struct lanes *lanes)
{
    while (lanes->idle_attempts != NULL) {
        struct attempt *attempt = lanes->idle_attempts;
        lanes->idle_attempts = attempt->next_idle;
        free(attempt);
    }
}

void
attempt_start(struct lane *lane, const struct handler *handler, struct gate *gate)
{
    struct lanes *lanes = lane->lanes;
    struct worker *worker = lanes->worker;
    struct attempt *attempt = take_attempt(lanes);
    attempt->lanes = lanes;
    attempt->lane = lane;
    attempt->item = lane->first;
    attempt->handler = handler;
    attempt->gate = gate;
    attempt->started_ms = clock_ms();
    attempt->number = attempt->item->attempts + 1;
    attempt->write.partition = lane->partition;
    attempt->write.epoch = atomic_load(&worker->epochs[lane->partition]);
    if (attempt->item->first_attempt_ms == 0)
        attempt->item->first_attempt_ms = attempt->started_ms;

    struct job *job = &attempt->job;
    job_begin(job, worker->settings.job_timeout_ms);
    job_lend(job, attempt->memory, sizeof attempt->memory);
    job->owner = attempt;
    job->allowed = is_allowed;
    job->program = worker->integration->name;
    job->ahead_ms = atomic_load(&worker->ahead_ms);
    job->effect_timeout_ms =
        worker->settings.effect_timeout_ms < worker->settings.job_timeout_ms
            ? worker->settings.effect_timeout_ms
            : worker->settings.job_timeout_ms;
    job->effect_margin_ms = worker->settings.effect_margin_ms;
    job->redis = worker->redis;
    if (worker->ledger != NULL)
        job->ledger = ledger_pg_for_job(worker->ledger, job, lane->partition,
                                        attempt->write.epoch);
    settlement_begin(job);

    lane->state = LANE_RUNNING;
    lanes->running++;
    atomic_fetch_add(&worker->running, 1);
    loop_spawn(lanes->loop, run, attempt);
}

// ---- after the settle, on the loop

static void
log_attempt(const struct attempt *attempt)
{
    bool good = attempt->error.kind == ERROR_NONE;
    bool plain = attempt->decoded && strcmp(attempt->ev.type, "plain") == 0;
    enum log_level level = plain && good                                 ? LOG_DEBUG
                           : attempt->next.action == RETRY_DEAD && !good ? LOG_ERROR
                           : good                                        ? LOG_INFO
                                                                         : LOG_WARN;
    if (level < log_level())
        return;
    const struct settlement *settlement = attempt->job.settlement;
    const struct log_field fields[] = {
        LOG_TEXT("type", attempt->decoded ? attempt->ev.type : ""),
        LOG_TEXT("id", attempt->item->seen),
        LOG_TEXT("entity",
                 attempt->decoded ? attempt->ev.subject : attempt->lane->name),
        LOG_TEXT("company", attempt->decoded ? attempt->ev.company : ""),
        LOG_TEXT("outcome", attempt->outcome),
        LOG_TEXT("kind", error_kind_name(attempt->error.kind)),
        LOG_NUMBER("attempt", attempt->number),
        LOG_NUMBER("ms", attempt->took_ms),
        LOG_NUMBER("next_ms", good ? 0 : attempt->next.delay_ms),
        LOG_TEXT("text", good ? (settlement->note != NULL ? settlement->note : "")
                              : attempt->error.text),
        {0},
    };
    log_event(level, "attempt", fields);
}

static void
count_attempt(const struct attempt *attempt)
{
    struct worker *worker = attempt->lanes->worker;
    char labels[300];
    metric_observe_ms(worker->attempt_time, attempt->took_ms);
    if (attempt->handler != NULL && attempt->error.kind == ERROR_NONE) {
        ptrdiff_t row = attempt->handler - worker->integration->handlers;
        metric_add(worker->metric_done[row], 1);
        return;
    }
    snprintf(labels, sizeof labels, "type=\"%s\",outcome=\"%s\"",
             attempt->handler != NULL ? attempt->handler->type : "other",
             attempt->outcome);
    metrics_add(worker->metrics, "relais_attempts", labels, 1);
}

// Who must come back before there is sense in the next try.
static const char *
service_to_wait_for(const struct attempt *attempt)
{
    if (!may_be_down(attempt))
        return NULL;
    return circuits_service(attempt->lanes->worker->circuits, attempt->error.service);
}

// What the lane does with its first event now.
static void
lane_goes_on(struct attempt *attempt)
{
    struct lane *lane = attempt->lane;
    struct item *item = attempt->item;
    lane->state = LANE_IDLE;
    lane->waits_for = service_to_wait_for(attempt);
    if (lane->lost) {
        if (attempt->write.event_to != LEDGER_EVENT_KEEP)
            item_done(lane, lane_take_first(lane)); // may still be committed
        lane_lose(lane);
        return;
    }
    switch (attempt->write.event_to) {
    case LEDGER_EVENT_FINISH:
        lane_finish_first(lane);
        return;
    case LEDGER_EVENT_PARK:
        lane_take_first(lane);
        item_done(lane, item);
        lane_park_rest(lane);
        lane_advance(lane);
        return;
    default:
        break;
    }
    if (attempt->next.action == RETRY_GATE) {
        gate_close(attempt->gate, attempt->next.delay_ms,
                   attempt->error.kind == ERROR_FATAL);
        lane_wait_for_gate(lane, attempt->gate, attempt->next.delay_ms);
    } else {
        lane_wait(lane, attempt->next.delay_ms);
    }
}

static void
end_attempt(struct attempt *attempt)
{
    struct lanes *lanes = attempt->lanes;
    struct gate *gate = attempt->gate;
    give_attempt_back(lanes, attempt);
    worker_attempt_over(lanes->worker);
    if (gate != NULL)
        lanes_gate_left(lanes, gate);
    lanes_dispatch(lanes);
}

// Postgres refuses these very rows. The event must not be lost, nor stop its lane: it
// goes to the dead letters without what it would have written.
static void
bury_refused(struct attempt *attempt)
{
    attempt->error = attempt->write.error;
    attempt->next = (struct retry){RETRY_DEAD, 0, true};
    attempt->outcome = "dead";
    attempt->handler = NULL;
    attempt->decoded = false;
    lane_part_hints(attempt->lane);
    bury(attempt);
    if (attempt->refused) {
        log_error("settle-refused", "%s: %s", attempt->item->seen,
                  attempt->write.error.text);
        attempt->write.event_to = LEDGER_EVENT_KEEP;
        attempt->next = (struct retry){RETRY_AGAIN, REFUSED_RETRY_MS, false};
        lane_goes_on(attempt);
        end_attempt(attempt);
        return;
    }
    attempt->refused = true;
    settle(attempt);
}

static void
settled(struct loop_mail *mail)
{
    struct attempt *attempt = (struct attempt *)mail;
    struct worker *worker = attempt->lanes->worker;
    enum ledger_verdict verdict = attempt->write.verdict;
    if (verdict == LEDGER_REFUSED) {
        bury_refused(attempt);
        return;
    }
    bool lost = verdict != LEDGER_DONE || attempt->next.action == RETRY_DROP;
    if (verdict == LEDGER_FENCED)
        attempt->outcome = "fenced";
    // What is given up although Kafka has not taken it away comes again only with a new
    // assignment.
    if (lost && verdict != LEDGER_STOPPED && is_ours(attempt)
        && !atomic_load(&worker->draining))
        atomic_store(&worker->fenced, true);
    log_attempt(attempt);
    count_attempt(attempt);
    if (lost) {
        attempt->lane->state = LANE_IDLE;
        lane_lose(attempt->lane);
    } else {
        lane_goes_on(attempt);
    }
    end_attempt(attempt);
}
