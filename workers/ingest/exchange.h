// workers/ingest/exchange.h - one request and its answer. Used by server.c and
// answer.c. Exchanges are used again, with their memory: most requests fit into it.
#ifndef RELAIS_INGEST_EXCHANGE_H
#define RELAIS_INGEST_EXCHANGE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/job.h"
#include "common/str.h"
#include "workers/ingest/connection.h"
#include "workers/ingest/ingest.h"
#include "workers/ingest/keeper.h"
#include "workers/ingest/request.h"

struct MHD_Connection;

enum { INGEST_EXCHANGE_BYTES = 16 * 1024 }; // lent to the job

enum ingest_stage {
    INGEST_READING,
    INGEST_WAITING, // suspended until the keeper tells the outcome
    INGEST_TOLD,
    INGEST_ANSWERED,
};

struct ingest_exchange {
    struct ingest_exchange *next; // while nobody uses it
    struct ingest_server *server;
    struct MHD_Connection *connection;
    struct ingest_connection *limits;
    struct ingest_source *source; // NULL: nobody lives there
    char method[16];
    bool closing; // the server stops: the connection is not kept
    struct MHD_Response *accepted_answer; // the one of all
    int64_t since_ms;
    int64_t bytes;    // of the body as received
    int64_t reserved; // bytes of the memory for bodies
    struct str body;
    struct job job;
    struct ingest_judgement judgement;
    _Atomic enum ingest_stage stage;
    enum ingest_outcome outcome; // valid once stage is INGEST_TOLD
    max_align_t memory[INGEST_EXCHANGE_BYTES / sizeof(max_align_t)];
};

struct ingest_exchanges;

// Those that nobody uses now. body_max is the largest body, in bytes.
struct ingest_exchanges *ingest_exchanges_open(size_t body_max);
void ingest_exchanges_close(struct ingest_exchanges *all); // all were given back

// One with a job that has begun and an empty body, all else zero. Any thread.
struct ingest_exchange *ingest_exchange_take(struct ingest_exchanges *all);
void ingest_exchange_give(struct ingest_exchanges *all,
                          struct ingest_exchange *exchange);

// The answer to what was kept: one for all, as no two differ.
struct MHD_Response;
struct MHD_Response *ingest_answer_accepted(void);

// Queues the answer `status` with what the judgement says, and writes the log line.
// False: libmicrohttpd has no memory, and the connection is cut.
bool ingest_answer(struct ingest_exchange *exchange, int status);

// Writes the log line of a request. status 0: it got no answer.
void ingest_answer_log(const struct ingest_exchange *exchange, int status);

// The status that the outcome means to this sender; sets the judgement's reason.
int ingest_answer_status(struct ingest_exchange *exchange);

#endif
