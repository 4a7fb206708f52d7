// workers/ingest/main.c - relais-ingest: the public shim that verifies webhooks and
// keeps them until Kafka has them.
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/admin.h"
#include "common/clock.h"
#include "common/files.h"
#include "common/log.h"
#include "common/str.h"
#include "workers/ingest/ingest.h"
#include "workers/ingest/keeper.h"
#include "workers/ingest/server.h"
#include "workers/ingest/spool.h"

enum { STUCK_MS = 30000, FLUSH_MS = 5000, WATCHDOG_MS = 5000 };

#define NO_BROKER "no broker of KAFKA_BROKERS answers"

struct ingest {
    struct ingest_settings settings;
    struct ingest_sources sources;
    struct metrics *metrics;
    struct metric *spool_rows, *spool_bytes, *spool_refused, *waiting;
    struct ingest_spool *spool;
    struct ingest_keeper *keeper;
    struct ingest_server *server;
    struct admin *admin;
};

static bool
is_live(void *owner, char *why, size_t size)
{
    struct ingest *ingest = owner;
    if (ingest_keeper_idle_ms(ingest->keeper) > STUCK_MS) {
        str_copy(why, size, "waiting deliveries are not watched");
        return false;
    }
    if (ingest_spool_stuck_ms(ingest->spool) > STUCK_MS) {
        str_copy(why, size, "the disk of the spool does not answer");
        return false;
    }
    return true;
}

// One way to keep an event is enough: with Kafka away the spool takes them.
static bool
is_ready(void *owner, char *why, size_t size)
{
    struct ingest *ingest = owner;
    char spool[200];
    if (!ingest_sources_ready(&ingest->sources, why, size))
        return false;
    if (ingest_keeper_reachable(ingest->keeper))
        return true;
    if (ingest_spool_healthy(ingest->spool, spool, sizeof spool)) {
        str_copy(why, size, NO_BROKER ": events go to the spool");
        return true;
    }
    snprintf(why, size, NO_BROKER ", and %s", spool);
    return false;
}

static void
refresh(void *owner)
{
    struct ingest *ingest = owner;
    metric_set(ingest->spool_rows, ingest_spool_rows(ingest->spool));
    metric_set(ingest->spool_bytes, ingest_spool_bytes(ingest->spool));
    metric_set(ingest->spool_refused, ingest_spool_refused(ingest->spool));
    metric_set(ingest->waiting, ingest_server_waiting(ingest->server));
}

static void
on_spool_trouble(void *owner, const char *error)
{
    (void)owner;
    if (error == NULL)
        log_info("spool", "writes again");
    else
        log_error("spool", "%s", error);
}

static struct metric *
gauge(struct ingest *ingest, const char *name, const char *help)
{
    return metrics_series(ingest->metrics, METRIC_GAUGE, name, "", help);
}

static bool
open_keeping(struct ingest *ingest, struct error *err)
{
    const struct ingest_settings *settings = &ingest->settings;
    ingest->spool = ingest_spool_open(
        &(struct ingest_spool_options){.folder = settings->spool,
                                       .max_bytes = settings->spool_max_bytes,
                                       .trouble = on_spool_trouble,
                                       .owner = ingest},
        err);
    if (ingest->spool == NULL)
        return false;
    ingest->keeper = ingest_keeper_open(
        &(struct ingest_keeper_options){
            .brokers = settings->brokers,
            .kafka_wait_ms = settings->kafka_wait_ms,
            .spool_wait_ms = settings->spool_wait_ms,
            .message_max_bytes = settings->message_max_bytes,
            .spool = ingest->spool,
            .metrics = ingest->metrics,
        },
        err);
    return ingest->keeper != NULL;
}

static bool
open_all(struct ingest *ingest, struct error *err)
{
    const struct ingest_settings *settings = &ingest->settings;
    const struct admin_checks checks = {
        .live = is_live, .ready = is_ready, .refresh = refresh, .owner = ingest};

    ingest->metrics = metrics_new("relais-ingest");
    ingest->spool_rows = gauge(ingest, "relais_ingest_spool_rows",
                               "Events on disk that wait for Kafka.");
    ingest->spool_bytes = gauge(ingest, "relais_ingest_spool_bytes", "Their bytes.");
    ingest->spool_refused = gauge(ingest, "relais_ingest_spool_refused",
                                  "Events that Kafka refused, set aside on disk.");
    ingest->waiting =
        gauge(ingest, "relais_ingest_waiting", "Requests that wait for Kafka or disk.");
    if (!open_keeping(ingest, err))
        return false;
    ingest->server = ingest_server_open(settings, &ingest->sources, ingest->keeper,
                                        ingest->metrics, err);
    if (ingest->server == NULL)
        return false;
    ingest->admin = admin_open(settings->admin_host, (int)settings->admin_port,
                               ingest->metrics, &checks, err);
    return ingest->admin != NULL;
}

// What was answered is in Kafka or on disk by now: to wait for Kafka only saves sending
// some of it twice.
static void
close_all(struct ingest *ingest)
{
    ingest_server_stop(ingest->server, ingest->settings.drain_ms);
    admin_close(ingest->admin);
    ingest_server_close(ingest->server);
    bool reachable = ingest->keeper != NULL && ingest_keeper_reachable(ingest->keeper);
    ingest_keeper_close(ingest->keeper, reachable ? FLUSH_MS : 0);
    ingest_spool_close(ingest->spool);
    metrics_free(ingest->metrics);
}

static void
reload(struct ingest *ingest)
{
    struct error err;
    if (ingest_sources_reload(&ingest->sources, &err))
        log_info("reloaded", "the secrets were read again");
    else
        log_error("reloaded", "some secrets stay as they were: %s", err.text);
}

// Serves until SIGTERM or SIGINT.
static void
serve(struct ingest *ingest, const sigset_t *signals)
{
    const struct timespec watchdog = {.tv_sec = WATCHDOG_MS / 1000};
    char why[200];

    log_event(LOG_INFO, "listening",
              (struct log_field[]){
                  LOG_TEXT("host", ingest->settings.host),
                  LOG_NUMBER("port", ingest_server_port(ingest->server)),
                  LOG_NUMBER("spooled", ingest_spool_rows(ingest->spool)),
                  {0},
              });
    if (!ingest_sources_ready(&ingest->sources, why, sizeof why))
        log_warn("not-ready", "%s", why);
    admin_notify("READY=1");
    while (true) {
        int signal_number = sigtimedwait(signals, NULL, &watchdog);
        if (signal_number == SIGHUP)
            reload(ingest);
        else if (signal_number == SIGTERM || signal_number == SIGINT)
            break;
        if (is_live(ingest, why, sizeof why))
            admin_notify("WATCHDOG=1");
    }
    admin_notify("STOPPING=1");
}

// A second SIGTERM ends the program at once: what was answered is in Kafka or on disk.
static void
allow_second_signal(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    pthread_sigmask(SIG_UNBLOCK, &signals, NULL);
}

static int
run(struct ingest *ingest)
{
    sigset_t signals;
    struct error err;

    // Before the first thread, so that all of them leave the signals to this one.
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    files_raise_limit();

    bool opened = open_all(ingest, &err);
    if (opened) {
        serve(ingest, &signals);
        log_info("stopping", "no new requests; those under way are finished");
    } else {
        log_error("start", "%s", err.text);
    }
    allow_second_signal();
    close_all(ingest);
    if (opened)
        log_info("stopped", "bye");
    return opened ? EXIT_SUCCESS : EX_CONFIG;
}

static int
run_or_print(struct ingest *ingest, const char *option)
{
    if (strcmp(option, "--check-config") == 0)
        return EXIT_SUCCESS;
    if (strcmp(option, "--print-config") != 0)
        return run(ingest);
    ingest_settings_print_values(&ingest->settings, &ingest->sources);
    return EXIT_SUCCESS;
}

// Reads all settings, and runs unless an option asks for less.
static int
start(const char *option)
{
    struct ingest *ingest = str_calloc(1, sizeof *ingest);
    struct error err;
    int status = EX_CONFIG;

    if (config_load(ingest_settings_table, &ingest->settings, &err)
        && ingest_sources_open(&ingest->sources, ingest->settings.integrations, &err))
        status = run_or_print(ingest, option);
    else
        log_error("settings", "%s", err.text);
    ingest_sources_close(&ingest->sources);
    config_free(ingest_settings_table, &ingest->settings);
    free(ingest);
    return status;
}

int
main(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";
    bool known = argc == 1
                 || (argc == 2
                     && (strcmp(option, "--print-config") == 0
                         || strcmp(option, "--check-config") == 0
                         || strcmp(option, "--settings") == 0));
    if (!known) {
        fputs("usage: relais-ingest [--settings | --print-config | --check-config]\n",
              stderr);
        return EX_USAGE;
    }
    if (strcmp(option, "--settings") == 0) {
        ingest_settings_print();
        return EXIT_SUCCESS;
    }
    log_open("relais-ingest");
    return start(option);
}
