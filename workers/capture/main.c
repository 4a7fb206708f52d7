// workers/capture/main.c - the program relais-capture.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "common/admin.h"
#include "common/directus.h"
#include "common/log.h"
#include "common/str.h"
#include "workers/capture/capture.h"
#include "workers/capture/publisher.h"

enum {
    HUNG_MS = 120 * 1000, // one statement may take 60 s
    STUCK_MS = 15 * 1000, // of a batch that Kafka doesn't acknowledge
};

static bool
is_live(void *owner, char *why, size_t size)
{
    struct capture *capture = owner;

    if (capture_status_idle_ms(&capture->status) < HUNG_MS)
        return true;
    str_copy(why, size, "capturing makes no progress");
    return false;
}

static bool
is_ready(void *owner, char *why, size_t size)
{
    struct capture *capture = owner;
    char problem[512];
    enum capture_phase phase =
        capture_status_get(&capture->status, problem, sizeof problem);

    if (problem[0] != '\0' || phase == CAPTURE_STARTING) {
        str_copy(why, size, problem[0] != '\0' ? problem : "starting");
        return false;
    }
    if (!capture_publisher_reachable(capture->publisher)
        || capture_publisher_stuck_ms(capture->publisher) > STUCK_MS) {
        capture_publisher_trouble(capture->publisher, why, size);
        return false;
    }
    str_copy(why, size, phase == CAPTURE_STANDBY ? "standby" : "active");
    return true;
}

static bool
open_publisher(struct capture *capture, struct error *err)
{
    capture->publisher = capture_publisher_open(capture->settings.brokers, err);
    if (capture->publisher == NULL)
        return false;
    capture_wake_add(&capture->wake, capture_publisher_fd(capture->publisher));
    return true;
}

static void
open_metrics(struct capture *capture)
{
    struct metrics *m = metrics_new("relais-capture");

    capture->metrics = m;
    capture->published =
        metrics_series(m, METRIC_COUNTER, "relais_capture_published", "",
                       "Changes that Kafka has acknowledged and that are marked.");
    capture->hints = metrics_series(m, METRIC_COUNTER, "relais_capture_hints", "",
                                    "Changes that went without their rows.");
    capture->active = metrics_series(m, METRIC_GAUGE, "relais_capture_active", "",
                                     "1 in the process that captures, 0 in a standby.");
    capture->lag_ms = metrics_series(
        m, METRIC_GAUGE, "relais_capture_lag_milliseconds", "",
        "Age of the oldest unpublished change when it was last read, 0 without any.");
}

static int
run_opened(struct capture *capture)
{
    struct error err = {0};
    const struct admin_checks checks = {
        .live = is_live, .ready = is_ready, .owner = capture};
    struct admin *admin =
        admin_open(capture->settings.admin_host, (int)capture->settings.admin_port,
                   capture->metrics, &checks, &err);

    if (admin == NULL) {
        log_error("start", "%s", err.text);
        return EX_CONFIG;
    }
    admin_notify("READY=1");
    bool outbox = strcmp(capture->settings.mode, "outbox") == 0;
    bool stopped = true;
    if (outbox)
        capture_outbox_run(capture);
    else
        stopped = capture_flow_run(capture, &err);
    admin_notify("STOPPING=1");
    if (stopped)
        log_info("stopped", "bye");
    else
        log_error("start", "%s", err.text);
    admin_close(admin);
    return stopped ? EXIT_SUCCESS : EX_CONFIG;
}

static int
run(struct capture *capture)
{
    struct error err = {0};
    int status = EX_CONFIG;

    signal(SIGPIPE, SIG_IGN);
    umask(077);
    capture_status_begin(&capture->status);
    open_metrics(capture);
    if (!capture_wake_open(&capture->wake, &err) || !open_publisher(capture, &err))
        log_error("start", "%s", err.text);
    else
        status = run_opened(capture);
    // What is under way now was not marked: the next one sends it again.
    capture_publisher_close(capture->publisher, 0);
    capture_wake_close(&capture->wake);
    metrics_free(capture->metrics);
    capture_status_end(&capture->status);
    return status;
}

static int
start(const char *option)
{
    struct capture *capture = str_calloc(1, sizeof *capture);
    struct error err = {0};
    int status = EX_CONFIG;

    if (!config_load(capture_settings_table, &capture->settings, &err)
        || !capture_settings_check(&capture->settings, &err)) {
        log_error("settings", "%s", err.text);
    } else if (strcmp(option, "--check-config") == 0) {
        status = EXIT_SUCCESS;
    } else if (strcmp(option, "--print-config") == 0) {
        config_print(capture_settings_table, &capture->settings, stdout);
        status = EXIT_SUCCESS;
    } else {
        status = run(capture);
    }
    config_free(capture_settings_table, &capture->settings);
    free(capture);
    return status;
}

// Those of Directus are for CAPTURE=flow; the names of the collections are in both
// tables.
static void
print_settings(void)
{
    config_print_markdown(capture_settings_table, stdout);
    for (const struct config_setting *s = directus_settings; s->name != NULL; s++)
        if (!str_starts(s->name, "DIRECTUS_COLLECTION_"))
            config_print_markdown((const struct config_setting[]){*s, {0}}, stdout);
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
        fputs("usage: relais-capture [--settings | --print-config | --check-config]\n",
              stderr);
        return EX_USAGE;
    }
    if (strcmp(option, "--settings") == 0) {
        print_settings();
        return EXIT_SUCCESS;
    }
    log_open("relais-capture");
    return start(option);
}
