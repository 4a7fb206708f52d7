#include "workers/ingest/connection.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/clock.h"
#include "common/str.h"
#include "workers/ingest/wait.h"

enum { NEVER = 0 };

struct ingest_connection {
    struct ingest_connection *before, *after;
    int fd;
    int64_t due_ms; // NEVER while it waits for us
};

struct ingest_connections {
    int64_t limit_ms;
    pthread_t thread;
    pthread_mutex_t mutex; // all below
    pthread_cond_t wake;
    struct ingest_connection *first;
    bool stop;
};

// A shut socket reads as ended, and the server closes it: a sender that trickles bytes
// must not hold one for ever. With the mutex held, so that the descriptor is still
// its own.
static void
cut_late(struct ingest_connections *all, int64_t now_ms)
{
    for (struct ingest_connection *c = all->first; c != NULL; c = c->after) {
        if (c->due_ms == NEVER || c->due_ms > now_ms)
            continue;
        shutdown(c->fd, SHUT_RDWR);
        c->due_ms = NEVER;
    }
}

static void *
watch(void *arg)
{
    struct ingest_connections *all = arg;
    int64_t step_ms = all->limit_ms / 4 < 1000 ? all->limit_ms / 4 : 1000;

    pthread_mutex_lock(&all->mutex);
    while (!all->stop) {
        cut_late(all, clock_ms());
        ingest_wait_until(&all->wake, &all->mutex, clock_ms() + step_ms + 1);
    }
    pthread_mutex_unlock(&all->mutex);
    return NULL;
}

struct ingest_connections *
ingest_connections_open(int64_t limit_ms)
{
    struct ingest_connections *all = str_calloc(1, sizeof *all);
    all->limit_ms = limit_ms;
    pthread_mutex_init(&all->mutex, NULL);
    ingest_wait_init(&all->wake);
    if (pthread_create(&all->thread, NULL, watch, all) != 0)
        abort(); // no memory for a thread
    pthread_setname_np(all->thread, "cut-late");
    return all;
}

void
ingest_connections_close(struct ingest_connections *all)
{
    pthread_mutex_lock(&all->mutex);
    all->stop = true;
    pthread_cond_signal(&all->wake);
    pthread_mutex_unlock(&all->mutex);
    pthread_join(all->thread, NULL);
    pthread_cond_destroy(&all->wake);
    pthread_mutex_destroy(&all->mutex);
    free(all);
}

struct ingest_connection *
ingest_connection_add(struct ingest_connections *all, int fd)
{
    struct ingest_connection *connection = str_calloc(1, sizeof *connection);
    connection->fd = fd;
    connection->due_ms = clock_ms() + all->limit_ms;
    pthread_mutex_lock(&all->mutex);
    connection->after = all->first;
    if (all->first != NULL)
        all->first->before = connection;
    all->first = connection;
    pthread_mutex_unlock(&all->mutex);
    return connection;
}

void
ingest_connection_remove(struct ingest_connections *all,
                         struct ingest_connection *connection)
{
    pthread_mutex_lock(&all->mutex);
    if (connection->before == NULL)
        all->first = connection->after;
    else
        connection->before->after = connection->after;
    if (connection->after != NULL)
        connection->after->before = connection->before;
    pthread_mutex_unlock(&all->mutex);
    free(connection);
}

static void
set_due(struct ingest_connections *all, struct ingest_connection *connection,
        int64_t due_ms)
{
    pthread_mutex_lock(&all->mutex);
    connection->due_ms = due_ms;
    pthread_mutex_unlock(&all->mutex);
}

void
ingest_connection_pause(struct ingest_connections *all,
                        struct ingest_connection *connection)
{
    set_due(all, connection, NEVER);
}

void
ingest_connection_restart(struct ingest_connections *all,
                          struct ingest_connection *connection)
{
    set_due(all, connection, clock_ms() + all->limit_ms);
}
