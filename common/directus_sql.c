#include "common/directus_sql.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/directus_columns.h"
#include "common/directus_select.h"
#include "common/json.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/pg.h"
#include "common/settlement.h"
#include "common/str.h"

enum {
    ANSWER_MS = 5000,
    RETRY_MS = 1000,
    RELOAD_MS = 10 * 1000, // the columns are not read more often for a missing one
    STALE_MS = 60 * 1000,  // and, in use, not more seldom
    WAITING_MAX = 256,
};

enum ask_state { ASK_WAITS, ASK_RUNS, ASK_DONE };

// Belongs to the fiber; once that has left, to the thread, or to the letter that it
// sent.
struct ask {
    struct loop_mail mail; // first: the letter is the ask
    struct loop *loop;
    struct ask *next;
    enum ask_state state;
    bool left;      // nobody waits any more
    bool delivered; // the fiber's loop has the answer
    bool skip;      // the thread's own: it was left before its turn came
    struct loop_wait wait;

    struct job job; // its memory
    const char *collection;
    const struct http_header *query;

    enum directus_sql_verdict verdict;
    const char *rows; // JSON
};

struct directus_sql {
    const char *const *url;
    char *name;
    pthread_t thread;
    atomic_bool up; // the last word with Postgres was a good one

    pthread_mutex_t lock;
    pthread_cond_t ready;
    struct ask *first, **last;
    int waiting;
    bool stopping;

    // the thread's own
    struct pg *pg;
    struct directus_columns *columns;
    int64_t columns_ms;
    bool told; // that it is away
};

// ---- the fiber

static void
ask_free(struct ask *ask)
{
    job_end(&ask->job);
    free(ask);
}

static void
answered(struct loop_mail *mail)
{
    struct ask *ask = (struct ask *)mail;
    ask->delivered = true;
    if (ask->left)
        ask_free(ask);
    else
        loop_wake(&ask->wait);
}

// All that the thread reads is the ask's own: the fiber may leave first.
static struct ask *
ask_new(const char *collection, const struct http_header query[])
{
    struct ask *ask = str_calloc(1, sizeof *ask);
    size_t count = 0;
    while (query[count].name != NULL)
        count++;
    job_begin(&ask->job, ANSWER_MS);
    struct http_header *copy = job_alloc(&ask->job, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i].name = job_strdup(&ask->job, query[i].name);
        copy[i].value = job_strdup(&ask->job, query[i].value);
    }
    ask->mail.deliver = answered;
    ask->loop = loop_current();
    ask->collection = job_strdup(&ask->job, collection);
    ask->query = copy;
    ask->verdict = DIRECTUS_SQL_BY_REST;
    return ask;
}

static bool
join_line(struct directus_sql *sql, struct ask *ask)
{
    pthread_mutex_lock(&sql->lock);
    bool joined = !sql->stopping && sql->waiting < WAITING_MAX;
    if (joined) {
        *sql->last = ask;
        sql->last = &ask->next;
        sql->waiting++;
        pthread_cond_signal(&sql->ready);
    }
    pthread_mutex_unlock(&sql->lock);
    return joined;
}

// Waits for the answer. False: none came in time, and the ask is the thread's, or that
// of the letter that is on its way.
static bool
wait_for(struct directus_sql *sql, struct job *job, struct ask *ask)
{
    int64_t due_ms = clock_ms() + ANSWER_MS;
    if (due_ms > job->deadline_ms)
        due_ms = job->deadline_ms;
    if (loop_wait(&ask->wait, due_ms, "Directus's Postgres"))
        return true;
    pthread_mutex_lock(&sql->lock);
    bool left = ask->left = !ask->delivered;
    pthread_mutex_unlock(&sql->lock);
    atomic_store(&sql->up, false); // until the thread has its next answer
    return !left;
}

enum directus_sql_verdict
directus_sql_ask(struct directus_sql *sql, struct job *job, const char *collection,
                 const struct http_header query[], struct json_object **rows)
{
    if (sql == NULL || loop_current() == NULL || !atomic_load(&sql->up))
        return DIRECTUS_SQL_BY_REST;
    int64_t started_ms = clock_ms();
    struct ask *ask = ask_new(collection, query);
    loop_wait_begin(&ask->wait);
    if (!join_line(sql, ask)) {
        ask_free(ask);
        return DIRECTUS_SQL_BY_REST;
    }
    if (!wait_for(sql, job, ask))
        return DIRECTUS_SQL_BY_REST;
    enum directus_sql_verdict verdict = ask->verdict;
    if (verdict == DIRECTUS_SQL_ROWS) {
        *rows = json_parse(job, ask->rows, strlen(ask->rows));
        if (*rows == NULL)
            verdict = DIRECTUS_SQL_BY_REST;
    }
    if (verdict == DIRECTUS_SQL_BY_REST)
        error_clear(&job->error);
    else if (!job->quiet)
        settlement_call(job, "SELECT %s %" PRId64 " ms", collection,
                        clock_ms() - started_ms);
    ask_free(ask);
    return verdict;
}

// ---- the thread

// The next ask; NULL after a while without one, or when it is time to stop.
static struct ask *
take(struct directus_sql *sql, bool *stopping)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += RETRY_MS / 1000;
    pthread_mutex_lock(&sql->lock);
    while (sql->first == NULL && !sql->stopping
           && pthread_cond_timedwait(&sql->ready, &sql->lock, &until) == 0)
        continue;
    struct ask *ask = sql->first;
    if (ask != NULL) {
        sql->first = ask->next;
        if (sql->first == NULL)
            sql->last = &sql->first;
        sql->waiting--;
        ask->state = ASK_RUNS;
        ask->skip = ask->left;
    }
    *stopping = sql->stopping && ask == NULL;
    pthread_mutex_unlock(&sql->lock);
    return ask;
}

static void
give_back(struct directus_sql *sql, struct ask *ask)
{
    pthread_mutex_lock(&sql->lock);
    bool left = ask->left;
    ask->state = ASK_DONE;
    pthread_mutex_unlock(&sql->lock);
    if (left)
        ask_free(ask);
    else
        loop_post(ask->loop, &ask->mail);
}

static void
away(struct directus_sql *sql, const struct error *err)
{
    atomic_store(&sql->up, false);
    if (!sql->told)
        log_warn("directus-database", "%s; rows are read by REST until it is back",
                 err->text);
    sql->told = true;
    directus_columns_free(sql->columns);
    sql->columns = NULL;
    pg_close(sql->pg);
    sql->pg = NULL;
}

static bool
read_columns(struct directus_sql *sql, struct error *err)
{
    struct directus_columns *columns = directus_columns_read(sql->pg, err);
    if (columns == NULL)
        return false;
    directus_columns_free(sql->columns);
    sql->columns = columns;
    sql->columns_ms = clock_ms();
    return true;
}

static void
connect_again(struct directus_sql *sql)
{
    struct error err = {0};
    const char *url = __atomic_load_n(sql->url, __ATOMIC_ACQUIRE);
    sql->pg = pg_open(url, sql->name, &err);
    if (sql->pg == NULL || !directus_columns_session(sql->pg, &err)
        || !read_columns(sql, &err)) {
        away(sql, &err);
        return;
    }
    if (sql->told)
        log_info("directus-database", "rows are read there again");
    sql->told = false;
    atomic_store(&sql->up, true);
}

// The columns as they have become; false: they are not old enough to be asked for
// again.
static bool
renew_columns(struct directus_sql *sql)
{
    struct error err = {0};
    return clock_ms() - sql->columns_ms >= RELOAD_MS && read_columns(sql, &err);
}

static bool
translate(struct directus_sql *sql, struct ask *ask, struct directus_select *select)
{
    struct error err;
    if (clock_ms() - sql->columns_ms >= STALE_MS)
        (void)read_columns(sql, &err); // a column may have become of another kind
    if (directus_select(&ask->job, directus_columns_list(sql->columns), ask->collection,
                        ask->query, select))
        return true;
    return select->unknown && renew_columns(sql)
           && directus_select(&ask->job, directus_columns_list(sql->columns),
                              ask->collection, ask->query, select);
}

// What Postgres does not take (an id that is no uuid, a column that went, a right that
// was taken away) Directus shall judge.
static void
judge(struct directus_sql *sql, const struct error *err)
{
    static const char *const stale[] = {" 42703 ", " 42P01 ", " 42501 ", NULL};
    for (size_t i = 0; stale[i] != NULL; i++) {
        if (strstr(err->text, stale[i]) != NULL)
            (void)renew_columns(sql);
    }
}

static void
answer(struct directus_sql *sql, struct ask *ask)
{
    struct directus_select select;
    struct pg_rows *rows = NULL;
    struct error err = {0};
    if (sql->pg == NULL || ask->skip || !translate(sql, ask, &select))
        return;
    if (!pg_run(sql->pg, select.sql, select.params, select.count, &rows, &err)) {
        if (pg_ok(sql->pg))
            judge(sql, &err);
        else
            away(sql, &err);
        return;
    }
    atomic_store(&sql->up, true);
    ask->rows = job_strdup(&ask->job, pg_text(rows, 0, 0));
    ask->verdict = DIRECTUS_SQL_ROWS;
    pg_rows_free(rows);
}

static void *
run(void *arg)
{
    struct directus_sql *sql = arg;
    bool stopping = false;
    connect_again(sql);
    while (!stopping) {
        struct ask *ask = take(sql, &stopping);
        if (ask != NULL) {
            answer(sql, ask);
            give_back(sql, ask);
        } else if (!stopping && sql->pg == NULL) {
            connect_again(sql);
        } else if (!stopping && !atomic_load(&sql->up)) {
            struct error err = {0};
            if (directus_columns_session(sql->pg, &err))
                atomic_store(&sql->up, true);
            else
                away(sql, &err);
        }
    }
    directus_columns_free(sql->columns);
    pg_close(sql->pg);
    return NULL;
}

// ---- both

struct directus_sql *
directus_sql_open(const char *const *url, const char *name, struct error *err)
{
    if (!pg_url_check(*url, err)) {
        error_fatal(err, "DIRECTUS_DATABASE_URL: it cannot be read: write "
                         "postgresql://user:password@host:port/database with special "
                         "characters percent-encoded");
        return NULL;
    }
    struct directus_sql *sql = str_calloc(1, sizeof *sql);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&sql->ready, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&sql->lock, NULL);
    sql->last = &sql->first;
    sql->url = url;
    sql->name = str_dup(name);
    if (pthread_create(&sql->thread, NULL, run, sql) != 0)
        abort();
    pthread_setname_np(sql->thread, "directus-reader");
    return sql;
}

void
directus_sql_close(struct directus_sql *sql)
{
    if (sql == NULL)
        return;
    pthread_mutex_lock(&sql->lock);
    sql->stopping = true;
    pthread_cond_signal(&sql->ready);
    pthread_mutex_unlock(&sql->lock);
    pthread_join(sql->thread, NULL);
    pthread_cond_destroy(&sql->ready);
    pthread_mutex_destroy(&sql->lock);
    free(sql->name);
    free(sql);
}

bool
directus_sql_try(const char *url, int *collections, struct error *err)
{
    struct pg *pg = pg_open(url, "relais-doctor", err);
    struct directus_columns *columns =
        pg != NULL ? directus_columns_read(pg, err) : NULL;
    if (columns != NULL)
        *collections = directus_columns_tables(columns);
    directus_columns_free(columns);
    pg_close(pg);
    return columns != NULL;
}
