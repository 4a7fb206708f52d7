// The thread for what is rare: takes assignments over in the ledger, brings parked
// lanes back when they are due, fires timers, publishes what was left behind, sweeps,
// probes, retires.
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/settlement.h"
#include "common/str.h"

enum {
    ROUND_MS = 1000,
    AGAIN_MS = 200,
    REPUBLISH_MS = 5000,
    RETIRE_MS = 24 * 60 * 60 * 1000,
    RETIRE_AGAIN_MS = 60 * 60 * 1000,
    COUNT_MS = 5 * 1000,
    REJOIN_MS = 5000,
    PAUSE_BYTES = 1000,
};

struct keeper {
    struct worker *worker;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ready;
    bool stop;
    // The assignment as the poll thread last said it; 0 = none.
    uint64_t generation, taken;
    int32_t partitions[WORKER_PARTITIONS_MAX];
    int count;
    // The keeper's own copy.
    int32_t owned[WORKER_PARTITIONS_MAX];
    int owned_count;
    int64_t republish_at_ms, retire_at_ms, sweep_at_ms, rejoin_at_ms, count_at_ms;
    atomic_bool sweeping;
    bool was_paused;
    char said[PAUSE_BYTES]; // why it is paused, as the log knows it
};

bool
worker_paused(struct worker *worker)
{
    return atomic_load(&worker->draining) || circuits_down(worker->circuits, NULL)
           || (worker->ledger != NULL && !ledger_pg_up(worker->ledger));
}

// ---- told by the poll thread

void
keeper_assigned(struct worker *worker, const int32_t *partitions, int count,
                uint64_t generation)
{
    struct keeper *keeper = worker->keeper;
    pthread_mutex_lock(&keeper->lock);
    memcpy(keeper->partitions, partitions, (size_t)count * sizeof *partitions);
    keeper->count = count;
    keeper->generation = generation;
    pthread_cond_signal(&keeper->ready);
    pthread_mutex_unlock(&keeper->lock);
}

void
keeper_revoked(struct worker *worker)
{
    struct keeper *keeper = worker->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->generation = 0;
    keeper->count = 0;
    for (int i = 0; i < WORKER_PARTITIONS_MAX; i++)
        atomic_store(&worker->epochs[i], 0);
    pthread_mutex_unlock(&keeper->lock);
}

// ---- assignments

struct taking {
    struct keeper *keeper;
    uint64_t generation;
    bool owned;
    int64_t epochs[WORKER_PARTITIONS_MAX];
};

static void
note_epoch(void *owner, int32_t partition, int64_t epoch)
{
    struct taking *taking = owner;
    if (partition >= 0 && partition < WORKER_PARTITIONS_MAX)
        taking->epochs[partition] = epoch;
}

static void
post_parked(void *owner, const struct ledger_parked_lane *lane)
{
    struct worker *worker = ((struct keeper *)owner)->worker;
    int loop = (int)(item_hash(lane->lane) % (uint64_t)worker->loop_count);
    lanes_post_parked(worker->lanes[loop], lane->lane, lane->partition);
}

static void
post_parked_taken(void *owner, const struct ledger_parked_lane *lane)
{
    post_parked(((struct taking *)owner)->keeper, lane);
}

// Copies the assignment that waits to be taken over. False: there is none.
static bool
next_assignment(struct keeper *keeper, uint64_t *generation)
{
    pthread_mutex_lock(&keeper->lock);
    *generation = keeper->generation;
    bool fresh = keeper->generation != keeper->taken;
    keeper->owned_count = keeper->count;
    memcpy(keeper->owned, keeper->partitions, sizeof keeper->owned);
    if (keeper->generation == 0)
        keeper->taken = 0;
    pthread_mutex_unlock(&keeper->lock);
    return fresh && *generation != 0;
}

// The epochs count from the moment they are stored here, unless the assignment has gone
// meanwhile.
static bool
publish_epochs(void *owner)
{
    struct taking *taking = owner;
    struct keeper *keeper = taking->keeper;
    pthread_mutex_lock(&keeper->lock);
    taking->owned = keeper->generation == taking->generation;
    for (int i = 0; taking->owned && i < keeper->owned_count; i++) {
        int32_t partition = keeper->owned[i];
        atomic_store(&keeper->worker->epochs[partition], taking->epochs[partition]);
    }
    if (taking->owned)
        keeper->taken = taking->generation;
    pthread_mutex_unlock(&keeper->lock);
    return taking->owned;
}

static bool
take_over(struct keeper *keeper)
{
    struct worker *worker = keeper->worker;
    uint64_t generation;
    struct error err;
    if (!next_assignment(keeper, &generation))
        return true;
    struct taking *taking = str_calloc(1, sizeof *taking);
    taking->keeper = keeper;
    taking->generation = generation;
    const struct ledger_assignment told = {.owner = taking,
                                           .epoch = note_epoch,
                                           .owned = publish_epochs,
                                           .parked = post_parked_taken};
    bool taken = true;
    if (worker->ledger == NULL)
        publish_epochs(taking);
    else
        taken = ledger_pg_assign(worker->ledger, keeper->owned, keeper->owned_count,
                                 &told, &err);
    if (taken && taking->owned) {
        log_info("assigned", "%d partitions", keeper->owned_count);
        kafka_consumer_ready(worker->consumer, generation);
    } else if (!taken) {
        log_warn("assigning", "%s", err.text);
    }
    free(taking);
    return taken;
}

// ---- jobs without an event: sweeps and probes

struct errand {
    struct loop_mail mail;
    struct ledger_write write;
    struct job job;
    struct worker *worker;
    const struct integration_probe *probe; // NULL: a sweep
    bool first; // at the start: only a service that is away stops anything
};

static void
end_errand(struct errand *errand)
{
    struct worker *worker = errand->worker;
    if (errand->probe == NULL)
        atomic_store(&worker->keeper->sweeping, false);
    atomic_fetch_sub(&worker->errands, 1);
    job_end(&errand->job);
    free(errand);
}

static void
sweep_settled(struct loop_mail *mail)
{
    struct errand *errand =
        (struct errand *)(void *)((char *)mail - offsetof(struct errand, write));
    if (errand->write.verdict == LEDGER_REFUSED)
        log_error("sweep", "%s", errand->write.error.text);
    end_errand(errand);
}

static bool
errand_allowed(struct job *job)
{
    return !atomic_load(&((struct errand *)job->owner)->worker->draining);
}

static void
run_probe(void *arg)
{
    struct errand *errand = arg;
    struct worker *worker = errand->worker;
    fiber_works_on(&(struct fiber_work){errand->probe->service, "probe", clock_ms()});
    bool passed = errand->probe->probe(&errand->job, worker->state);
    const struct error *error = &errand->job.error;
    if (!passed)
        log_warn("probe", "%s%s%s: %s", errand->probe->service,
                 errand->probe->setting != NULL ? ", " : "",
                 errand->probe->setting != NULL ? errand->probe->setting : "",
                 error->text);
    else
        log_info("probe", "%s answers", errand->probe->service);
    // At the start a gate finds out by itself who is refused.
    bool gated = errand->first && gates_guard(worker->gates, errand->probe->service);
    bool away = !passed && (!gated || error->kind == ERROR_RETRYABLE);
    circuits_refused(worker->circuits, errand->probe,
                     error->kind == ERROR_FATAL ? error->hint : NULL);
    bool back = circuits_probed(worker->circuits, errand->probe, !away);
    for (int i = 0; i < worker->loop_count; i++) {
        if (back)
            lanes_post_back(worker->lanes[i], errand->probe->service);
        else
            lanes_post_wake(worker->lanes[i]);
    }
    end_errand(errand);
}

static void
run_sweep(void *arg)
{
    struct errand *errand = arg;
    struct worker *worker = errand->worker;
    fiber_works_on(&(struct fiber_work){"", "sweep", clock_ms()});
    if (!worker->integration->sweep(&errand->job, worker->state)) {
        log_warn("sweep", "%s", errand->job.error.text);
        circuits_failed(worker->circuits, errand->job.error.service);
        end_errand(errand);
        return;
    }
    errand->write = (struct ledger_write){
        .mail.deliver = sweep_settled,
        .loop = loop_current(),
        .kind = LEDGER_SETTLE,
        .partition = -1,
        .settlement = errand->job.settlement,
    };
    ledger_pg_write(worker->ledger, &errand->write);
}

static void
start_errand(struct loop_mail *mail)
{
    struct errand *errand = (struct errand *)mail;
    loop_spawn(errand->worker->loops[0], errand->probe != NULL ? run_probe : run_sweep,
               errand);
}

static void
send_errand(struct worker *worker, const struct integration_probe *probe, bool first)
{
    struct errand *errand = str_calloc(1, sizeof *errand);
    errand->mail.deliver = start_errand;
    errand->worker = worker;
    errand->probe = probe;
    errand->first = first;
    job_begin(&errand->job, probe != NULL ? worker->settings.breaker_probe_ms
                                          : worker->settings.job_timeout_ms);
    errand->job.owner = errand;
    errand->job.allowed = errand_allowed;
    errand->job.program = worker->integration->name;
    errand->job.ahead_ms = atomic_load(&worker->ahead_ms);
    errand->job.redis = worker->redis;
    settlement_begin(&errand->job);
    if (worker->ledger != NULL)
        errand->job.ledger = ledger_pg_for_job(worker->ledger, &errand->job, -1, 0);
    atomic_fetch_add(&worker->errands, 1);
    loop_post(worker->loops[0], &errand->mail);
}

static void
sweep_when_due(struct keeper *keeper, int64_t now)
{
    struct worker *worker = keeper->worker;
    if (worker->integration->sweep == NULL || !worker->settings.sweeps
        || now < keeper->sweep_at_ms || !ledger_pg_may_sweep(worker->ledger)
        || atomic_exchange(&keeper->sweeping, true))
        return;
    keeper->sweep_at_ms = now + worker->settings.sweep_ms;
    send_errand(worker, NULL, false);
}

// ---- a round

static void
probe_when_due(struct worker *worker)
{
    const struct integration_probe *probe;
    while ((probe = circuits_due(worker->circuits, clock_ms())) != NULL)
        send_errand(worker, probe, false);
}

// What is wrong is better known before there is work.
static void
probe_all(struct worker *worker)
{
    const struct integration_probe *probe = worker->integration->probes;
    for (; probe != NULL && probe->service != NULL; probe++)
        send_errand(worker, probe, true);
}

static void
rejoin_when_fenced(struct keeper *keeper, int64_t now)
{
    if (now < keeper->rejoin_at_ms || !atomic_exchange(&keeper->worker->fenced, false))
        return;
    keeper->rejoin_at_ms = now + REJOIN_MS;
    log_warn("fenced", "somebody else owns our partitions: joining the group again");
    kafka_consumer_rejoin(keeper->worker->consumer);
}

// Partitions whose epochs count: before that nothing of them may run.
static int
held_count(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    bool held = keeper->taken != 0 && keeper->taken == keeper->generation;
    pthread_mutex_unlock(&keeper->lock);
    return held ? keeper->owned_count : 0;
}

static void
retire(struct keeper *keeper, int64_t now)
{
    struct worker *worker = keeper->worker;
    struct error err;
    bool more = false;
    if (!ledger_pg_retire(worker->ledger, worker->settings.retention_ms, &more, &err)) {
        log_warn("retire", "%s", err.text);
        keeper->retire_at_ms = now + RETIRE_AGAIN_MS; // from the slice that failed
        return;
    }
    keeper->retire_at_ms = more ? now : now + RETIRE_MS;
}

// For the gauges: what all processes of this worker share.
static void
count_ledger(struct keeper *keeper, int64_t now)
{
    struct worker *worker = keeper->worker;
    struct ledger_counts counts;
    struct error err;
    keeper->count_at_ms = now + COUNT_MS;
    if (!ledger_pg_counts(worker->ledger, &counts, &err)) {
        log_warn("counting", "%s", err.text);
        return;
    }
    metric_set(worker->metric_parked, counts.parked);
    metric_set(worker->metric_outbox, counts.outbox);
    metric_set(worker->metric_attention, counts.attention);
}

static void
keep_ledger(struct keeper *keeper, int64_t now)
{
    struct worker *worker = keeper->worker;
    struct error err;
    int count = held_count(keeper);
    if (!ledger_pg_due(worker->ledger, keeper->owned, count, post_parked, keeper, &err))
        return;
    if (!ledger_pg_fire(worker->ledger, atomic_load(&worker->ahead_ms), &err))
        log_warn("timers", "%s", err.text);
    if (now >= keeper->republish_at_ms) {
        bool renewed = worker_producer_renew(worker);
        keeper->republish_at_ms = now + REPUBLISH_MS;
        if (!ledger_pg_republish(worker->ledger, keeper->owned, count, renewed, &err))
            log_warn("republish", "%s", err.text);
    }
    if (now >= keeper->retire_at_ms)
        retire(keeper, now);
    if (now >= keeper->count_at_ms)
        count_ledger(keeper, now);
    sweep_when_due(keeper, now);
}

// Before anything runs by it.
static void
read_clock(struct worker *worker)
{
    struct error err;
    int64_t ahead_ms;
    if (!worker->settings.clock_movable || worker->ledger == NULL)
        return;
    if (!ledger_pg_clock(worker->ledger, &ahead_ms, &err))
        log_warn("clock", "%s", err.text);
    else if (atomic_exchange(&worker->ahead_ms, ahead_ms) != ahead_ms)
        log_info("clock", "%lld s ahead", (long long)(ahead_ms / 1000));
}

// Once, and again when the reason is another one. At the start there is none yet.
static void
log_pause(struct keeper *keeper)
{
    struct worker *worker = keeper->worker;
    struct str why;
    char trouble[400] = "";
    str_begin(&why, PAUSE_BYTES - 1);
    bool down = circuits_down(worker->circuits, &why);
    if (worker->ledger != NULL && !ledger_pg_up(worker->ledger))
        ledger_pg_trouble(worker->ledger, trouble, sizeof trouble);
    if (atomic_load(&worker->draining))
        str_copy(trouble, sizeof trouble, "stopping");
    str_printf(&why, "%s%s", down && trouble[0] != '\0' ? "; " : "", trouble);
    if (why.length > 0 && strcmp(why.data, keeper->said) != 0)
        log_warn("paused", "%s", why.data);
    str_copy(keeper->said, sizeof keeper->said, why.data);
    str_end(&why);
}

static void
wake_after_pause(struct keeper *keeper)
{
    struct worker *worker = keeper->worker;
    bool is_paused = worker_paused(worker);
    if (is_paused)
        log_pause(keeper);
    else if (!is_paused && keeper->was_paused)
        log_info("resumed", "dispatch");
    if (!is_paused)
        keeper->said[0] = '\0';
    for (int i = 0; keeper->was_paused && !is_paused && i < worker->loop_count; i++)
        lanes_post_wake(worker->lanes[i]);
    keeper->was_paused = is_paused;
}

// Until something happens, a round is over, or, where an assignment could not be taken
// over, for a shorter time.
static void
wait_a_round(struct keeper *keeper, bool taken)
{
    int64_t until_ms = clock_ms() + (taken ? ROUND_MS : AGAIN_MS);
    struct timespec until = {.tv_sec = until_ms / 1000,
                             .tv_nsec = until_ms % 1000 * 1000000};
    pthread_mutex_lock(&keeper->lock);
    if (!keeper->stop && (!taken || keeper->generation == keeper->taken))
        pthread_cond_timedwait(&keeper->ready, &keeper->lock, &until);
    pthread_mutex_unlock(&keeper->lock);
}

static bool
must_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->lock);
    bool stop = keeper->stop;
    pthread_mutex_unlock(&keeper->lock);
    return stop;
}

static void *
keeper_main(void *arg)
{
    struct keeper *keeper = arg;
    struct worker *worker = keeper->worker;
    probe_all(worker);
    while (!must_stop(keeper)) {
        int64_t now = clock_ms();
        read_clock(worker);
        bool taken = take_over(keeper);
        probe_when_due(worker);
        rejoin_when_fenced(keeper, now);
        wake_after_pause(keeper);
        if (worker->ledger != NULL && !worker_paused(worker))
            keep_ledger(keeper, now);
        wait_a_round(keeper, taken);
    }
    return NULL;
}

void
keeper_open(struct worker *worker)
{
    struct keeper *keeper = str_calloc(1, sizeof *keeper);
    keeper->worker = worker;
    keeper->was_paused = true; // until the ledger is open
    keeper->retire_at_ms = clock_ms() + ROUND_MS;
    pthread_mutex_init(&keeper->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&keeper->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    worker->keeper = keeper;
}

bool
keeper_start(struct worker *worker, struct error *err)
{
    if (pthread_create(&worker->keeper->thread, NULL, keeper_main, worker->keeper) != 0)
        return error_fatal(err, "no thread: raise the limit of tasks");
    pthread_setname_np(worker->keeper->thread, "keeper");
    return true;
}

void
keeper_close(struct worker *worker)
{
    struct keeper *keeper = worker->keeper;
    pthread_mutex_lock(&keeper->lock);
    keeper->stop = true;
    pthread_cond_signal(&keeper->ready);
    pthread_mutex_unlock(&keeper->lock);
    pthread_join(keeper->thread, NULL);
}

void
keeper_free(struct worker *worker)
{
    pthread_cond_destroy(&worker->keeper->ready);
    pthread_mutex_destroy(&worker->keeper->lock);
    free(worker->keeper);
}
