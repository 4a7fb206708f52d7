#include "common/ledger_pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "common/ledger_queue.h"
#include "common/str.h"

enum { RETRY_FIRST_MS = 100, RETRY_MAX_MS = 2000 };

#define SETTING "DATABASE_URL"

void
ledger_pause(struct ledger_pg *ledger, pthread_cond_t *ready, int64_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&ledger->lock);
    while (!ledger->stopping
           && pthread_cond_timedwait(ready, &ledger->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&ledger->lock);
}

static bool
is_stopping(struct ledger_pg *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    bool stopping = ledger->stopping;
    pthread_mutex_unlock(&ledger->lock);
    return stopping;
}

void
ledger_note_trouble(struct ledger_pg *ledger, const struct error *err)
{
    pthread_mutex_lock(&ledger->lock);
    snprintf(ledger->trouble, sizeof ledger->trouble, "%s%s%s%s", err->text,
             err->hint != NULL ? " (" : "", err->hint != NULL ? err->hint : "",
             err->hint != NULL ? ")" : "");
    pthread_mutex_unlock(&ledger->lock);
}

struct pg *
ledger_open(struct ledger_pg *ledger, const char *name, struct error *err)
{
    pthread_mutex_lock(&ledger->lock);
    char *url = str_dup(ledger->url);
    pthread_mutex_unlock(&ledger->lock);
    struct pg *pg = pg_open(url, name, err);
    free(url);
    if (pg == NULL)
        error_about(err, SETTING);
    return pg;
}

void
ledger_pg_reach(struct ledger_pg *ledger, const char *url)
{
    pthread_mutex_lock(&ledger->lock);
    free(ledger->url);
    ledger->url = str_dup(url);
    pthread_mutex_unlock(&ledger->lock);
}

// All it asks is looked up by a key. A plan that is kept, or made before the tables
// were counted, must not read them whole. A pooler may not let us: then the planner
// decides.
static bool
forbid_scans(struct pg *pg, struct error *err)
{
    return pg_run(pg, "SELECT set_config('enable_seqscan', 'off', false)", NULL, 0,
                  NULL, err)
           || pg_ok(pg);
}

struct pg *
ledger_connect(struct ledger_pg *ledger, struct pg *pg, const char *role,
               atomic_bool *up, pthread_cond_t *ready)
{
    struct error err;
    int64_t wait_ms = RETRY_FIRST_MS;
    char name[100];
    snprintf(name, sizeof name, "%s %s", ledger->worker, role);
    while (pg == NULL || !pg_ok(pg)) {
        atomic_store(up, false);
        pg_close(pg);
        pg = ledger_open(ledger, name, &err);
        if (pg != NULL && forbid_scans(pg, &err))
            break;
        ledger_note_trouble(ledger, &err);
        if (is_stopping(ledger))
            return NULL;
        ledger_pause(ledger, ready, wait_ms);
        wait_ms = wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : wait_ms * 2;
    }
    atomic_store(up, true);
    return pg;
}

static bool
start_threads(struct ledger_pg *ledger, struct error *err)
{
    ledger->writer_started =
        pthread_create(&ledger->writer, NULL, ledger_writer_main, ledger) == 0;
    ledger->reader_started =
        pthread_create(&ledger->reader, NULL, ledger_reader_main, ledger) == 0;
    if (!ledger->writer_started || !ledger->reader_started)
        return error_fatal(err, "no thread for the ledger: raise the limit of tasks");
    pthread_setname_np(ledger->writer, "ledger-writer");
    pthread_setname_np(ledger->reader, "ledger-reader");
    return true;
}

struct ledger_pg *
ledger_pg_open(const struct ledger_pg_options *options, struct error *err)
{
    if (!pg_url_check(options->url, err)) {
        error_about(err, SETTING);
        return NULL;
    }
    struct ledger_pg *ledger = str_calloc(1, sizeof *ledger);
    ledger->url = str_dup(options->url);
    ledger->worker = str_dup(options->worker);
    ledger->owner_name = str_dup(options->owner_name);
    ledger->publish = options->publish;
    ledger->owner = options->owner;
    ledger->commits = metrics_series(options->metrics, METRIC_COUNTER,
                                     "relais_ledger_commits", "", "group commits");
    ledger->settles =
        metrics_series(options->metrics, METRIC_COUNTER, "relais_ledger_writes", "",
                       "settles and intents in them");
    ledger->writes_last = &ledger->writes;
    ledger->reads_last = &ledger->reads;
    pthread_mutex_init(&ledger->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&ledger->write_ready, &monotonic);
    pthread_cond_init(&ledger->read_ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (start_threads(ledger, err))
        return ledger;
    ledger_pg_stop(ledger);
    ledger_pg_close(ledger);
    return NULL;
}

void
ledger_pg_stop(struct ledger_pg *ledger)
{
    pthread_mutex_lock(&ledger->lock);
    ledger->stopping = true;
    pthread_cond_broadcast(&ledger->write_ready);
    pthread_cond_broadcast(&ledger->read_ready);
    pthread_mutex_unlock(&ledger->lock);
    if (ledger->writer_started)
        pthread_join(ledger->writer, NULL);
    if (ledger->reader_started)
        pthread_join(ledger->reader, NULL);
    ledger->writer_started = ledger->reader_started = false;
}

void
ledger_pg_close(struct ledger_pg *ledger)
{
    if (ledger == NULL)
        return;
    pg_close(ledger->keeper);
    pthread_cond_destroy(&ledger->write_ready);
    pthread_cond_destroy(&ledger->read_ready);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger->url);
    free(ledger->worker);
    free(ledger->owner_name);
    free(ledger);
}

void
ledger_pg_trouble(struct ledger_pg *ledger, char *why, size_t size)
{
    pthread_mutex_lock(&ledger->lock);
    str_copy(why, size, ledger->trouble);
    pthread_mutex_unlock(&ledger->lock);
}

bool
ledger_pg_up(const struct ledger_pg *ledger)
{
    return atomic_load(&ledger->writer_up) && atomic_load(&ledger->reader_up);
}

static void
answer_stopped(struct ledger_write *write)
{
    if (write->loop == NULL) {
        free(write->topic);
        free(write->id);
        free(write);
        return;
    }
    write->verdict = LEDGER_STOPPED;
    loop_post(write->loop, &write->mail);
}

void
ledger_pg_write(struct ledger_pg *ledger, struct ledger_write *write)
{
    write->next = NULL;
    pthread_mutex_lock(&ledger->lock);
    bool stopping = ledger->stopping;
    if (!stopping) {
        *ledger->writes_last = write;
        ledger->writes_last = &write->next;
        pthread_cond_signal(&ledger->write_ready);
    }
    pthread_mutex_unlock(&ledger->lock);
    if (stopping)
        answer_stopped(write);
}

void
ledger_pg_read(struct ledger_pg *ledger, struct ledger_read *read)
{
    read->next = NULL;
    pthread_mutex_lock(&ledger->lock);
    bool stopping = ledger->stopping;
    if (!stopping) {
        *ledger->reads_last = read;
        ledger->reads_last = &read->next;
        pthread_cond_signal(&ledger->read_ready);
    }
    pthread_mutex_unlock(&ledger->lock);
    if (!stopping)
        return;
    error_retryable(&read->error, "the program is stopping");
    loop_post(read->loop, &read->mail);
}

void
ledger_pg_published(struct ledger_pg *ledger, const char *topic, const char *id)
{
    struct ledger_write *write = str_calloc(1, sizeof *write);
    write->kind = LEDGER_PUBLISHED;
    write->partition = -1;
    write->topic = str_dup(topic);
    write->id = str_dup(id);
    ledger_pg_write(ledger, write);
}
