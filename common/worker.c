#include "common/worker.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "common/admin.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/lanes.h"
#include "common/log.h"
#include "common/str.h"

#define SETTING(member) offsetof(struct worker_settings, member)

static const struct config_setting worker_settings[] = {
    {"KAFKA_BROKERS", CONFIG_TEXT, SETTING(brokers), NULL,
     "Bootstrap brokers, host:port, comma-separated. Every other KAFKA_* variable goes "
     "to "
     "librdkafka (KAFKA_SESSION_TIMEOUT_MS is session.timeout.ms)."},
    {"DATABASE_URL", CONFIG_SECRET, SETTING(database_url), NULL,
     "Postgres of the ledger: postgresql://user:password@host/database."},
    {"REDIS_URL", CONFIG_SECRET, SETTING(redis_url), "",
     "redis://[user:password@]host[:port][/database]: where processes share tokens and "
     "rate budgets; empty: each has its own."},
    {"WORKER_GROUP", CONFIG_TEXT, SETTING(group), "",
     "Consumer group; empty: relais-<program>."},
    {"ADMIN_HOST", CONFIG_TEXT, SETTING(admin_host), "127.0.0.1",
     "Address of /livez, /readyz and /metrics."},
    {"ADMIN_PORT", CONFIG_INT, SETTING(admin_port), "0", "Their port; 0: none.", 0,
     65535},
    {"WORKER_LOOPS", CONFIG_INT, SETTING(loops), "0",
     "Event loops; 0: one per core, at most 4.", 0, WORKER_LOOPS_MAX},
    {"WORKER_FIBERS", CONFIG_INT, SETTING(fibers), "1000",
     "Handlers at work at once, over all loops.", 1, 100000},
    {"WORKER_STACK", CONFIG_BYTES, SETTING(stack_bytes), "64K", "Stack of a handler.",
     32 * 1024, 8 * 1024 * 1024},
    {"WORKER_HIGH_WATER", CONFIG_INT, SETTING(high_water), "10000",
     "Records in memory at which fetching pauses; it goes on at 7/10.", 1, 1000000},
    {"JOB_TIMEOUT_MS", CONFIG_MS, SETTING(job_timeout_ms), "60s",
     "Deadline of one attempt.", 100, 3600000},
    {"EFFECT_TIMEOUT_MS", CONFIG_MS, SETTING(effect_timeout_ms), "30s",
     "Deadline of a call that must not be repeated; it begins while half of it is "
     "left.",
     50, 3600000},
    {"EFFECT_MARGIN_MS", CONFIG_MS, SETTING(effect_margin_ms), "5s",
     "Waited beyond it before such a call is looked up.", 0, 3600000},
    {"RETRY_FIRST_MS", CONFIG_MS, SETTING(retry_first_ms), "500ms",
     "Delay after a first failure; doubles, with jitter.", 1, 3600000},
    {"RETRY_MEMORY_MS", CONFIG_MS, SETTING(retry_memory_ms), "3s",
     "Delays up to this are waited in memory, longer ones are parked.", 0, 3600000},
    {"RETRY_PARK_MS", CONFIG_MS, SETTING(retry_park_ms), "5s",
     "Shortest delay of a parked event.", 1, 86400000},
    {"RETRY_MAX_MS", CONFIG_MS, SETTING(retry_max_ms), "24h", "Longest delay.", 1,
     7LL * 86400000},
    {"RETRY_GIVE_UP_MS", CONFIG_MS, SETTING(give_up_ms), "3d",
     "Age since its first attempt at which an event becomes a dead letter.", 1,
     365LL * 86400000},
    {"GATE_REFUSED_MS", CONFIG_MS, SETTING(gate_refused_ms), "1m",
     "How often one event tries a provider that refused the credentials.", 10, 3600000},
    {"GATE_PARK_MS", CONFIG_MS, SETTING(gate_park_ms), "30s",
     "A lane that waited this long for a gate is parked.", 1, 3600000},
    {"BREAKER_FAILURES", CONFIG_INT, SETTING(breaker_failures), "5",
     "Failures at a dependency after which it is probed.", 1, 1000000},
    {"BREAKER_WINDOW_MS", CONFIG_MS, SETTING(breaker_window_ms), "30s",
     "The time within which they must fall.", 1, 3600000},
    {"BREAKER_PROBE_MS", CONFIG_MS, SETTING(breaker_probe_ms), "5s",
     "Time between two probes of a dependency that is down, and how long one may "
     "take.",
     10, 3600000},
    {"SWEEPS", CONFIG_BOOL, SETTING(sweeps), "true",
     "Whether to look for what a lost webhook did not tell."},
    {"SWEEP_INTERVAL_MS", CONFIG_MS, SETTING(sweep_ms), "5m",
     "Time between two sweeps.", 100, 86400000},
    {"CLOCK_MOVABLE", CONFIG_BOOL, SETTING(clock_movable), "false",
     "For tests and demos: whether `relais clock` moves the clock of timers and "
     "dates."},
    {"DRAIN_MS", CONFIG_MS, SETTING(drain_ms), "20s",
     "How long a stop waits for calls under way.", 0, 600000},
    {"REVOKE_GRACE_MS", CONFIG_MS, SETTING(revoke_grace_ms), "5s",
     "How long a rebalance waits for calls under way.", 0, 60000},
    {"HUNG_MS", CONFIG_MS, SETTING(hung_ms), "120s",
     "How long a loop, or the thread that polls Kafka, may stand still before /livez "
     "turns red.",
     1000, 3600000},
    {"RETENTION_MS", CONFIG_MS, SETTING(retention_ms), "30d",
     "How long finished events are remembered.", 1000, 3650LL * 86400000},
    {0},
};

// ---- health, on the admin thread

static bool
is_live(void *owner, char *why, size_t size)
{
    struct worker *worker = owner;
    const char *fatal = kafka_consumer_fatal(worker->consumer);
    if (fatal != NULL) {
        str_copy(why, size, fatal);
        return false;
    }
    struct str text;
    str_begin(&text, 2048);
    bool hangs = worker_hangs(worker, &text);
    str_copy(why, size, text.data);
    str_end(&text);
    return !hangs;
}

static bool
kafka_reachable(struct worker *worker, char *why, size_t size)
{
    pthread_mutex_lock(&worker->producer_lock);
    bool reachable = kafka_producer_reachable(worker->producer);
    kafka_producer_trouble(worker->producer, why, size);
    pthread_mutex_unlock(&worker->producer_lock);
    return reachable;
}

static bool
is_ready(void *owner, char *why, size_t size)
{
    struct worker *worker = owner;
    struct str text;
    str_begin(&text, 2048);
    bool red = gates_red(worker->gates, &text);
    if (red)
        str_puts(&text, "; ");
    bool down = circuits_down(worker->circuits, &text);
    if (down)
        str_puts(&text, ";");
    bool ledger = worker->ledger == NULL || ledger_pg_up(worker->ledger);
    bool assigned = kafka_consumer_assigned(worker->consumer);
    char trouble[400] = "";
    if (!ledger)
        ledger_pg_trouble(worker->ledger, trouble, sizeof trouble);
    if (!ledger)
        str_printf(&text, " Postgres does not answer: %s;", trouble);
    if (!assigned && !kafka_reachable(worker, trouble, sizeof trouble))
        str_printf(&text, " %s;", trouble);
    else if (!assigned)
        str_puts(&text, " no partitions are assigned;");
    if (atomic_load(&worker->draining))
        str_puts(&text, " stopping;");
    int64_t attention = metric_value(worker->metric_attention);
    if (attention > 0)
        str_printf(&text, " a person must look at %lld: relais attention list",
                   (long long)attention);
    str_copy(why, size, text.data + strspn(text.data, " "));
    str_end(&text);
    return !red && !down && ledger && assigned && !atomic_load(&worker->draining);
}

static void
refresh(void *owner)
{
    struct worker *worker = owner;
    int64_t in_flight = kafka_consumer_in_flight(worker->consumer);
    int64_t lag = kafka_consumer_lag(worker->consumer);
    metric_set(worker->metric_running, atomic_load(&worker->running));
    metric_set(worker->metric_ready, in_flight);
    metric_set(worker->metric_lag, lag + in_flight);
}

static void
make_metrics(struct worker *worker)
{
    struct metrics *m = metrics_new(worker->integration->name);
    worker->metrics = m;
    worker->metric_running = metrics_series(m, METRIC_GAUGE, "relais_attempts_running",
                                            "", "attempts that are not settled");
    worker->metric_ready = metrics_series(m, METRIC_GAUGE, "relais_events_in_memory",
                                          "", "events fetched and not done");
    worker->metric_lag =
        metrics_series(m, METRIC_GAUGE, "relais_backlog", "",
                       "events that are not done: in memory and behind it in Kafka");
    worker->metric_parked =
        metrics_series(m, METRIC_GAUGE, "relais_parked", "",
                       "events of this worker that wait in the ledger");
    worker->metric_outbox =
        metrics_series(m, METRIC_GAUGE, "relais_outbox", "",
                       "follow-ups of this worker that are not on Kafka yet");
    worker->metric_attention = metrics_series(m, METRIC_GAUGE, "relais_attention", "",
                                              "what a person must look at");
    worker->attempt_time = metrics_histogram(m, "relais_attempt_seconds", "",
                                             "time of one attempt, without its settle");
}

// The usual outcome of each handler has its series at hand; others are looked up.
static void
make_done_metrics(struct worker *worker)
{
    const struct handler *handlers = worker->integration->handlers;
    size_t count = 0;
    while (handlers[count].type != NULL)
        count++;
    worker->metric_done = str_calloc(count + 1, sizeof(struct metric *));
    for (size_t i = 0; i < count; i++) {
        char labels[300];
        snprintf(labels, sizeof labels, "type=\"%s\",outcome=\"done\"",
                 handlers[i].type);
        worker->metric_done[i] =
            metrics_series(worker->metrics, METRIC_COUNTER, "relais_attempts", labels,
                           "attempts by type and outcome");
    }
}

// ---- opening

static void
make_options(struct worker *worker)
{
    const struct integration *it = worker->integration;
    struct integration_options *o = &worker->options;
    snprintf(worker->group, sizeof worker->group, "relais-%s", it->name);
    snprintf(worker->webhooks, sizeof worker->webhooks, "%s.webhooks", it->name);
    snprintf(worker->commands, sizeof worker->commands, "%s.commands", it->name);
    bool named = worker->settings.group[0] != '\0';
    o->group = named ? worker->settings.group : worker->group;
    o->reset = "error";
    o->ledger = true;
    if (it->topics != NULL) {
        for (int i = 0; it->topics[i] != NULL && i < 7; i++)
            o->topics[i] = it->topics[i];
    } else {
        o->topics[0] = worker->webhooks;
        o->topics[1] = worker->commands;
    }
    if (it->options != NULL)
        it->options(worker->state, o);
    worker->retry_policy = (struct retry_policy){
        .first_ms = worker->settings.retry_first_ms,
        .memory_ms = worker->settings.retry_memory_ms,
        .park_ms = worker->settings.retry_park_ms,
        .max_ms = worker->settings.retry_max_ms,
        .give_up_ms = worker->settings.give_up_ms,
        .refused_ms = worker->settings.gate_refused_ms,
    };
}

static bool
open_ledger(struct worker *worker, struct error *err)
{
    if (!worker->options.ledger)
        return true;
    char host[100] = "";
    char name[160];
    gethostname(host, sizeof host - 1);
    snprintf(name, sizeof name, "%s/%d", host, (int)getpid());
    const struct ledger_pg_options options = {
        .url = worker->settings.database_url,
        .worker = worker->options.group,
        .owner_name = name,
        .publish = worker_publish,
        .owner = worker,
        .metrics = worker->metrics,
    };
    worker->ledger = ledger_pg_open(&options, err);
    return worker->ledger != NULL;
}

static int
loop_count(const struct worker *worker)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (worker->settings.loops > 0)
        return (int)worker->settings.loops;
    return cores < 1 ? 1 : cores > 4 ? 4 : (int)cores;
}

static bool
open_loops(struct worker *worker, struct error *err)
{
    worker->loop_count = loop_count(worker);
    for (int i = 0; i < worker->loop_count; i++) {
        char name[24];
        snprintf(name, sizeof name, "loop-%d", i);
        worker->loops[i] = loop_new((size_t)worker->settings.stack_bytes, err);
        if (worker->loops[i] == NULL)
            return false;
        worker->lanes[i] = lanes_new(worker, worker->loops[i]);
        if (!loop_start(worker->loops[i], name, err))
            return false;
    }
    return true;
}

static bool
read_settings(struct worker *worker, struct error *err)
{
    const struct integration *it = worker->integration;
    worker->state = str_calloc(1, it->state_size > 0 ? it->state_size : 1);
    if (!config_load(worker_settings, &worker->settings, err))
        return false;
    return it->settings == NULL || config_load(it->settings, worker->state, err);
}

static void
free_settings(struct worker *worker)
{
    const struct integration *it = worker->integration;
    if (it->settings != NULL)
        config_free(it->settings, worker->state);
    config_free(worker_settings, &worker->settings);
    free(worker->state);
    free(worker);
}

static void
make_idle(struct worker *worker)
{
    pthread_condattr_t monotonic;
    pthread_mutex_init(&worker->idle_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&worker->idle, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

// A row that names a gate nobody has would be found out when its first event comes.
static bool
check_gates(const struct integration *it, struct error *err)
{
    for (const struct handler *h = it->handlers; h->type != NULL; h++) {
        const struct gate_spec *spec = it->gates;
        while (h->gate != NULL && spec != NULL && spec->name != NULL
               && strcmp(spec->name, h->gate) != 0)
            spec++;
        if (h->gate != NULL && (spec == NULL || spec->name == NULL))
            return error_fatal(err,
                               "the handler of %s names the gate %s, which is not "
                               "in the table of gates",
                               h->type, h->gate);
    }
    return true;
}

static bool
open_redis(struct worker *worker, struct error *err)
{
    if (worker->settings.redis_url[0] == '\0')
        return true;
    worker->redis = redis_open(worker->settings.redis_url, err);
    return worker->redis != NULL;
}

static bool
open_worker(struct worker *worker, struct error *err)
{
    const struct integration *it = worker->integration;
    if (!read_settings(worker, err) || !check_gates(it, err)
        || !open_redis(worker, err))
        return false;
    if (it->open != NULL && !it->open(worker->state, err))
        return false;
    make_options(worker);
    make_metrics(worker);
    make_done_metrics(worker);
    worker->gates = gates_new(it->gates, worker->state, worker->redis);
    worker->circuits = circuits_new(it->probes, worker->settings.breaker_failures,
                                    worker->settings.breaker_window_ms,
                                    worker->settings.breaker_probe_ms);
    pthread_mutex_init(&worker->producer_lock, NULL);
    make_idle(worker);
    worker->sent = worker_sent_new();
    keeper_open(worker);
    return worker_producer_open(worker, err) && open_ledger(worker, err)
           && open_loops(worker, err) && worker_kafka_open(worker, err)
           && keeper_start(worker, err);
}

// ---- running

static void
list_fiber(void *arg, const struct fiber_work *work, const char *what)
{
    (void)arg;
    log_event(LOG_INFO, "fiber",
              (const struct log_field[]){LOG_TEXT("lane", work->name),
                                         LOG_TEXT("id", work->event),
                                         LOG_TEXT("waits_for", what),
                                         LOG_NUMBER("ms", clock_ms() - work->since_ms),
                                         {0}});
}

struct list_mail {
    struct loop_mail mail;
    struct loop *loop;
};

static void
list_fibers(struct loop_mail *mail)
{
    struct list_mail *list = (struct list_mail *)mail;
    fiber_each(loop_pool(list->loop), list_fiber, NULL);
    free(list);
}

static void
ask_for_fibers(struct worker *worker)
{
    for (int i = 0; i < worker->loop_count; i++) {
        struct list_mail *list = str_calloc(1, sizeof *list);
        list->mail.deliver = list_fibers;
        list->loop = worker->loops[i];
        loop_post(list->loop, &list->mail);
    }
}

static void
reload_secrets(struct worker *worker)
{
    const struct integration *it = worker->integration;
    struct error err;
    bool read = config_reload_secrets(worker_settings, &worker->settings, &err);
    if (read && worker->ledger != NULL)
        ledger_pg_reach(worker->ledger, worker->settings.database_url);
    if (read && worker->redis != NULL)
        read = redis_reach(worker->redis, worker->settings.redis_url, &err);
    if (read && it->settings != NULL)
        read = config_reload_secrets(it->settings, worker->state, &err);
    if (read && it->reload != NULL)
        read = it->reload(worker->state, &err);
    if (!read)
        log_error("reload", "%s", err.text);
    else
        log_info("reload", "secrets were read again");
}

static void
block_signals(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, set, NULL);
    signal(SIGPIPE, SIG_IGN);
}

// Nobody waits for signals any more: the next one ends the process.
static void
allow_to_be_killed(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

// Until a signal ends it, or what no restart cures. Returns the exit status.
static int
run_worker(struct worker *worker, const sigset_t *signals)
{
    const struct timespec second = {.tv_sec = 1};
    admin_notify("READY=1");
    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);
        const char *fatal = kafka_consumer_fatal(worker->consumer);
        if (fatal != NULL) {
            log_error("fatal", "%s", fatal);
            return kafka_consumer_fenced(worker->consumer) ? EX_TEMPFAIL : EX_SOFTWARE;
        }
        if (number == SIGTERM || number == SIGINT)
            return EXIT_SUCCESS;
        if (number == SIGHUP)
            reload_secrets(worker);
        if (number == SIGUSR1)
            ask_for_fibers(worker);
        if (worker_moves(worker))
            admin_notify("WATCHDOG=1");
    }
}

static int
serve(struct worker *worker)
{
    struct error err;
    sigset_t signals;
    files_raise_limit();
    block_signals(&signals);
    http_init();
    if (!open_worker(worker, &err)) {
        log_error("cannot-start", "%s", err.text);
        return EX_CONFIG;
    }
    const struct admin_checks checks = {
        .live = is_live, .ready = is_ready, .refresh = refresh, .owner = worker};
    struct admin *admin =
        admin_open(worker->settings.admin_host, (int)worker->settings.admin_port,
                   worker->metrics, &checks, &err);
    if (admin == NULL && worker->settings.admin_port != 0) {
        log_error("cannot-start", "%s", err.text);
        return EX_CONFIG;
    }
    log_info("started", "group %s, %d loops", worker->options.group,
             worker->loop_count);
    int status = run_worker(worker, &signals);
    if (!worker_drain(worker, &signals)) {
        log_warn("stopped", "%lld attempts were cut",
                 (long long)atomic_load(&worker->running));
        _exit(status);
    }
    allow_to_be_killed();
    admin_close(admin);
    worker_close(worker, status);
    free_settings(worker);
    http_exit();
    log_info("stopped", "drained");
    return status;
}

static int
check_config(struct worker *worker, bool print)
{
    struct error err;
    const struct integration *it = worker->integration;
    if (!read_settings(worker, &err) || !check_gates(it, &err)
        || (it->open != NULL && !it->open(worker->state, &err))) {
        log_error("config", "%s", err.text);
        return EX_CONFIG;
    }
    if (print) {
        config_print(worker_settings, &worker->settings, stdout);
        if (it->settings != NULL)
            config_print(it->settings, worker->state, stdout);
        const struct config_setting *const *more = it->more_settings;
        for (; more != NULL && *more != NULL; more++)
            config_print_given(*more, stdout);
    }
    if (it->close != NULL)
        it->close(worker->state);
    free_settings(worker);
    return EXIT_SUCCESS;
}

static void
print_settings(const struct integration *integration)
{
    config_print_markdown(worker_settings, stdout);
    if (integration->settings != NULL)
        config_print_markdown(integration->settings, stdout);
    const struct config_setting *const *more = integration->more_settings;
    for (; more != NULL && *more != NULL; more++)
        config_print_markdown(*more, stdout);
}

int
worker_main(const struct integration *integration, int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";
    char name[100];
    struct worker *worker = str_calloc(1, sizeof *worker);
    worker->integration = integration;
    snprintf(name, sizeof name, "relais-%s", integration->name);
    log_open(name);
    if (strcmp(option, "--settings") == 0) {
        print_settings(integration);
        return EXIT_SUCCESS;
    }
    if (strcmp(option, "--check-config") == 0 || strcmp(option, "--print-config") == 0)
        return check_config(worker, strcmp(option, "--print-config") == 0);
    if (option[0] != '\0') {
        fprintf(stderr, "usage: %s [--settings | --print-config | --check-config]\n",
                name);
        return EX_USAGE;
    }
    return serve(worker);
}
