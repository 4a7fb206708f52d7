// workers/ingest/connection.h - the open connections, and the time each may take to
// bring its request in or to take its answer.
#ifndef RELAIS_INGEST_CONNECTION_H
#define RELAIS_INGEST_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

struct ingest_connections;
struct ingest_connection;

// Starts the thread that cuts connections which take longer than limit_ms.
struct ingest_connections *ingest_connections_open(int64_t limit_ms);
void ingest_connections_close(struct ingest_connections *all); // none may be open

// A connection came: its time runs from now.
struct ingest_connection *ingest_connection_add(struct ingest_connections *all, int fd);
// It is about to be closed. Its descriptor is not touched after this.
void ingest_connection_remove(struct ingest_connections *all,
                              struct ingest_connection *connection);

// While it waits for us its time stands still; afterwards it begins anew.
void ingest_connection_pause(struct ingest_connections *all,
                             struct ingest_connection *connection);
void ingest_connection_restart(struct ingest_connections *all,
                               struct ingest_connection *connection);

#endif
