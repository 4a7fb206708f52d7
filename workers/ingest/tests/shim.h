// workers/ingest/tests/shim.h - a real relais-ingest for tests: started, killed, asked.
#ifndef RELAIS_INGEST_SHIM_H
#define RELAIS_INGEST_SHIM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/attr.h"
#include "common/str.h"

struct ingest_shim {
    const char *program; // NULL: relais-ingest
    char folder[64];     // of the spool
    pid_t pid;           // 0: not running
    atomic_int port;     // of its present or last life
    int admin_port;
    int admin_fd; // keeps the port between its lives
    int log_fd;
    pthread_t reader;
    pthread_mutex_t mutex; // all below
    pthread_cond_t news;
    struct str log; // everything it wrote, of all its lives
    bool ended;     // its output
};

// The program that serves tests/sample_webhook.c instead of the integrations'.
extern const char ingest_shim_sample[];

// Makes a folder, and takes a free port for the admin page. No process yet.
void ingest_shim_begin(struct ingest_shim *shim);
// Ends the process if there is one, and removes the folder.
void ingest_shim_end(struct ingest_shim *shim);

// Starts the program with these settings ("NAME=value", ended by NULL) beside its spool
// and ports, and waits until it listens. False: it ended before, see the log and call
// ingest_shim_wait().
bool ingest_shim_start(struct ingest_shim *shim,
                       const char *const settings[]) ATTR_MUST_CHECK;

// Sends a signal.
void ingest_shim_signal(struct ingest_shim *shim, int signal_number);
// Waits for its end; the exit status, or 128 + signal.
int ingest_shim_wait(struct ingest_shim *shim);

// Waits until the log has the text `times` times. False: the program ended without.
bool ingest_shim_logged(struct ingest_shim *shim, const char *text, int times);
// Whether the log has the text now.
bool ingest_shim_has_logged(struct ingest_shim *shim, const char *text);

struct ingest_reply {
    int status;      // 0: the connection broke before an answer
    char text[8192]; // head and body
};

// Connects to a port of this machine; -1 if nobody listens.
int ingest_shim_connect(int port);
// Sends the bytes, then reads one answer and closes.
void ingest_shim_ask(int port, const void *data, size_t length,
                     struct ingest_reply *reply);
// Reads from an open connection until it is closed.
void ingest_shim_read(int fd, struct ingest_reply *reply);

// A request with any method; see ingest_shim_post().
void ingest_shim_send(int port, const char *method, const char *path,
                      const char *headers, const char *body,
                      struct ingest_reply *reply);

// POST with the header lines given (each ended by \r\n) beside the usual ones.
void ingest_shim_post(int port, const char *path, const char *headers, const char *body,
                      struct ingest_reply *reply);

// POST to DocuSeal's path, signed now with the secret.
void ingest_shim_docuseal(int port, const char *secret, const char *body,
                          struct ingest_reply *reply);

// The value of a metric without labels, -1 if it cannot be read.
long long ingest_shim_metric(const struct ingest_shim *shim, const char *name);
// Asks again and again until the metric has the value. False: not within 30 s.
bool ingest_shim_reaches(const struct ingest_shim *shim, const char *name,
                         long long value);
// Lets the processor go for a moment, between two tries.
void ingest_shim_yield(void);

#endif
