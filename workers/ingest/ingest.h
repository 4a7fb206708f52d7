// workers/ingest/ingest.h - settings of relais-ingest, and the senders it serves.
//
// The life of a delivery: server.c reads a request, source.c names its webhook,
// request.c verifies and splits it, keeper.c has Kafka or the spool keep its events,
// and only then the sender is answered.
#ifndef RELAIS_INGEST_H
#define RELAIS_INGEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/config.h"
#include "common/error.h"
#include "common/metrics.h"
#include "common/webhook.h"

struct ingest_settings {
    const char *host;
    int64_t port;
    const char *integrations;
    const char *brokers;
    int64_t kafka_wait_ms;
    int64_t message_max_bytes;
    const char *spool;
    int64_t spool_max_bytes;
    int64_t spool_wait_ms;
    int64_t max_body_bytes;
    int64_t max_memory_bytes;
    int64_t max_connections;
    int64_t read_ms;
    int64_t threads;
    int64_t drain_ms;
    const char *admin_host;
    int64_t admin_port;
};

extern const struct config_setting ingest_settings_table[];

// The webhooks of all integrations built in, ended by NULL: written by CMake.
extern const struct webhook *const ingest_webhooks[];

// What Directus flows post.
extern const struct webhook ingest_flow;

enum { INGEST_SOURCES_MAX = 32 };

// A sender: its webhook with the settings as they were last read.
struct ingest_source {
    const struct webhook *webhook;
    bool enabled; // else it has no state: its path is only known
    char path[160];
    char topic[80];
    _Atomic(void *) state;
    struct ingest_old_state *old; // states that a thread may still be reading
};

struct ingest_sources {
    struct ingest_source list[INGEST_SOURCES_MAX];
    size_t count;
};

// Opens the flow and those webhooks that the comma-separated list names ("" = all); of
// the others only the path is known. Names that are not built in are passed over. The
// error names the setting that is wrong.
bool ingest_sources_open(struct ingest_sources *sources, const char *integrations,
                         struct error *err) ATTR_MUST_CHECK;
void ingest_sources_close(struct ingest_sources *sources);

// Reads all secrets again. What was wrong is left as it was, and the error says why.
bool ingest_sources_reload(struct ingest_sources *sources,
                           struct error *err) ATTR_MUST_CHECK;

// The source whose webhook the path is (slashes too many do not matter), or, with
// *exact false, the one that lives in the path's neighbourhood; NULL if nobody does.
struct ingest_source *ingest_sources_find(struct ingest_sources *sources,
                                          const char *path, bool *exact);

// Whether every enabled source has its secrets; `why` lists the settings that are
// missing.
bool ingest_sources_ready(const struct ingest_sources *sources, char *why, size_t size);

// Prints all settings as Markdown, or their values with secrets as ***.
void ingest_settings_print(void);
void ingest_settings_print_values(const struct ingest_settings *settings,
                                  const struct ingest_sources *sources);

#endif
