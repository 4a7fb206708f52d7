// workers/ingest/server.h - HTTP of relais-ingest (libmicrohttpd): limits, routing,
// answers. A connection that waits for its delivery holds no thread.
#ifndef RELAIS_INGEST_SERVER_H
#define RELAIS_INGEST_SERVER_H

#include <stdint.h>

#include "common/attr.h"
#include "common/error.h"
#include "common/metrics.h"
#include "workers/ingest/ingest.h"
#include "workers/ingest/keeper.h"

struct ingest_server;

// Listens and serves. The error names INGEST_HOST or INGEST_PORT and what to do.
struct ingest_server *ingest_server_open(const struct ingest_settings *settings,
                                         struct ingest_sources *sources,
                                         struct ingest_keeper *keeper,
                                         struct metrics *metrics,
                                         struct error *err) ATTR_MUST_CHECK;

// The port it listens on.
int ingest_server_port(const struct ingest_server *server);

// Requests that wait for their outcome.
int64_t ingest_server_waiting(struct ingest_server *server);

// Accepts no more, and waits for requests under way: at most drain_ms for those that
// still come in; those that wait for their outcome get it.
void ingest_server_stop(struct ingest_server *server, int64_t drain_ms);

// Frees it; after ingest_server_stop().
void ingest_server_close(struct ingest_server *server);

#endif
