// common/ledger_queue.h - what the threads of the ledger share. Private to ledger_*.c.
#ifndef RELAIS_LEDGER_QUEUE_H
#define RELAIS_LEDGER_QUEUE_H

#include <pthread.h>
#include <stdatomic.h>

#include "common/ledger_pg.h"
#include "common/pg.h"

struct ledger_pg {
    char *url;
    char *worker;
    char *owner_name;
    void (*publish)(void *owner, const struct settle_out *out);
    void *owner;
    struct metric *commits, *settles;

    pthread_mutex_t lock;
    pthread_cond_t write_ready, read_ready;
    struct ledger_write *writes, **writes_last;
    struct ledger_read *reads, **reads_last;
    bool stopping;
    atomic_bool writer_up, reader_up;
    char trouble[400]; // why the last try to connect or to write failed

    pthread_t writer, reader;
    bool writer_started, reader_started;
    struct pg *keeper; // used by the caller of ledger_pg_assign() only
    bool leader, sweeper;
    int64_t retired_page; // from where ledger_pg_retire() goes on
};

// Whether the keeper's session is there; connects if it is not.
bool ledger_connected(struct ledger_pg *ledger, struct error *err) ATTR_MUST_CHECK;

// Sends rows of the outbox to Kafka: seq, topic, key, id, headers, payload.
void ledger_publish_rows(struct ledger_pg *ledger, struct pg_rows *rows);

// What the two threads run; arg is the struct ledger_pg.
void *ledger_writer_main(void *arg);
void *ledger_reader_main(void *arg);

// Waits between two tries, or until the ledger stops.
void ledger_pause(struct ledger_pg *ledger, pthread_cond_t *ready, int64_t wait_ms);

// What ledger_pg_trouble() tells from now on.
void ledger_note_trouble(struct ledger_pg *ledger, const struct error *err);

// A new session.
struct pg *ledger_open(struct ledger_pg *ledger, const char *name, struct error *err);

// A session that is connected, or NULL once the ledger stops.
struct pg *ledger_connect(struct ledger_pg *ledger, struct pg *pg, const char *role,
                          atomic_bool *up, pthread_cond_t *ready);

#endif
