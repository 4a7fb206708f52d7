// workers/capture/capture.h - relais-capture: changes in Directus become events on
// Kafka.
#ifndef RELAIS_CAPTURE_H
#define RELAIS_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/activity.h"
#include "common/attr.h"
#include "common/config.h"
#include "common/error.h"
#include "common/metrics.h"
#include "workers/capture/status.h"
#include "workers/capture/wake.h"

struct capture_settings {
    const char *brokers;
    const char *mode; // "outbox" or "flow"
    const char *capture_database_url;
    const char *database_url;
    const char *topic;
    int64_t batch;
    int64_t max_bytes;
    int64_t poll_ms;
    int64_t standby_ms;
    int64_t takeover_ms;
    int64_t retention_ms;
    int64_t drain_ms;
    const char *admin_host;
    int64_t admin_port;
    const char *owner_companies;
    const char *collections[ACTIVITY_COLLECTIONS]; // what this Directus calls them
};

extern const struct config_setting capture_settings_table[];

// Whether the settings go together. False: PERMANENT, naming what to set.
bool capture_settings_check(const struct capture_settings *settings,
                            struct error *err) ATTR_MUST_CHECK;

struct capture;
struct directus;

// After SIGHUP: reads the secrets again, also those of directus (may be NULL). A new
// URL of a database counts from its next session on.
void capture_settings_reload(struct capture *capture, struct directus *directus);

// What both ways of capturing use. One thread runs them; the admin thread reads
// `status` and the publisher's state.
struct capture {
    struct capture_settings settings;
    struct capture_wake wake;
    struct capture_status status;
    struct capture_publisher *publisher;
    struct metrics *metrics;
    struct metric *published, *hints, *active, *lag_ms;
};

// Each runs until SIGTERM, whatever goes away meanwhile. False: PERMANENT, what no
// restart cures.
void capture_outbox_run(struct capture *capture);
bool capture_flow_run(struct capture *capture, struct error *err) ATTR_MUST_CHECK;

#endif
