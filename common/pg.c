#include "common/pg.h"

#include <libpq-fe.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/pg_parts.h"

// A statement that gets no answer for this long means a server that is frozen, not
// slow: the connection is given up.
static const int64_t answer_limit_ms = 60 * 1000;
static const int64_t no_limit_ms = -1;

enum { PARAMS_MAX = 64, PREPARED_MAX = 64 };

struct pg {
    PGconn *conn; // never NULL between open and close
    char *url;
    char *name;
    char *prepared[PREPARED_MAX]; // what the server has parsed, by its number
    int prepared_count;
};

// What a client may try again although the server said no: it is going away, has no
// room, was told to stop, or two transactions met.
static const char *const passing_states[] = {
    "08", "53", "57P", "58", "40001", "40P01", "55P03", "57014", "25006", NULL,
};

static bool
state_passes(const char *state)
{
    for (size_t i = 0; passing_states[i] != NULL; i++)
        if (str_starts(state, passing_states[i]))
            return true;
    return false;
}

static int
first_line(const char *text)
{
    return (int)strcspn(text, "\n");
}

// Closes the socket, so that pg_ok() says no and the server ends the session.
static bool
give_up(struct pg *pg, struct error *err, const char *why)
{
    error_retryable(err, "postgres: %.*s", first_line(why), why);
    err->service = "postgres";
    PQfinish(pg->conn);
    pg->conn = NULL;
    return false;
}

// The same in libpq's words.
static bool
gone(struct pg *pg, struct error *err)
{
    return give_up(pg, err, PQerrorMessage(pg->conn));
}

// The message without DETAIL, which would show rows.
static bool
refused(const PGresult *result, struct error *err)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

    if (state == NULL)
        state = "?????";
    if (text == NULL)
        text = "no message";
    if (state_passes(state))
        error_retryable(err, "postgres: %s %.*s", state, first_line(text), text);
    else
        error_permanent(err, "postgres: %s %.*s", state, first_line(text), text);
    err->service = "postgres";
    return false;
}

// Whether libpq understands the URL. A password with a bare @ or / in it ends up in the
// host, port or database, and would be shown by the server's or libpq's own message.
static bool
url_sane(const char *url)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    bool sane = options != NULL;

    PQfreemem(why);
    for (PQconninfoOption *o = options; sane && o->keyword != NULL; o++) {
        if (o->val == NULL)
            continue;
        if (strcmp(o->keyword, "port") == 0)
            sane = strspn(o->val, "0123456789,") == strlen(o->val);
        else if (strcmp(o->keyword, "password") != 0)
            sane = strchr(o->val, '@') == NULL;
    }
    PQconninfoFree(options);
    return sane;
}

bool
pg_url_check(const char *url, struct error *err)
{
    if (url_sane(url))
        return true;
    error_permanent(err, "the Postgres URL cannot be read: write "
                         "postgresql://user:password@host:port/database with special "
                         "characters percent-encoded");
    err->service = "postgres";
    return false;
}

// Defaults stand before dbname, so that what the URL says wins over them. A dead peer
// is noticed in about ten seconds, whether we wait (keepalives) or send (user
// time-out).
static PGconn *
dial(const struct pg *pg)
{
    const char *const names[] = {
        "application_name", "connect_timeout",
        "gssencmode",       "client_encoding",
        "keepalives_idle",  "keepalives_interval",
        "keepalives_count", "tcp_user_timeout",
        "dbname",           NULL,
    };
    const char *const values[] = {
        pg->name, "5", "disable", "UTF8", "4", "2", "3", "10000", pg->url, NULL,
    };
    return PQconnectdbParams(names, values, 1);
}

// The server's notices are for psql.
static void
ignore_notice(void *arg, const PGresult *result)
{
    (void)arg;
    (void)result;
}

// What to do about libpq's words, where they are those of the C locale.
static const char *
hint_for(const char *text)
{
    static const struct {
        const char *words, *hint;
    } hints[] = {
        {"authentication failed", "correct the user and the password in it"},
        {"no pg_hba.conf entry", "the server does not let this user in from here"},
        {"database \"", "correct the name of the database in it, or create it"},
        {"role \"", "correct the user in it, or create it"},
        {"translate host name", "correct the host in it"},
        {"", "correct host and port in it, or start that server"},
    };
    size_t i = 0;
    while (strstr(text, hints[i].words) == NULL)
        i++;
    return hints[i].hint;
}

static bool
connected(struct pg *pg, struct error *err)
{
    if (pg->conn != NULL && PQstatus(pg->conn) == CONNECTION_OK
        && PQsetnonblocking(pg->conn, 1) == 0) {
        PQsetNoticeReceiver(pg->conn, ignore_notice, NULL);
        return true;
    }
    const char *text = PQerrorMessage(pg->conn);
    error_retryable(err, "postgres: cannot connect: %.*s", first_line(text), text);
    err->service = "postgres";
    err->hint = hint_for(text);
    return false;
}

// Left to itself a server holds the session, and the locks, of a machine that vanished
// for two hours. One that takes no such settings (a pooler's) has its own.
static bool
let_server_notice(struct pg *pg, struct error *err)
{
    return pg_run(pg,
                  "SELECT set_config('tcp_keepalives_idle', '10', false),"
                  " set_config('tcp_keepalives_interval', '5', false),"
                  " set_config('tcp_keepalives_count', '3', false),"
                  " set_config('tcp_user_timeout', '30s', false)",
                  NULL, 0, NULL, err)
           || pg_ok(pg);
}

struct pg *
pg_open(const char *url, const char *name, struct error *err)
{
    if (!pg_url_check(url, err))
        return NULL;
    struct pg *pg = str_calloc(1, sizeof *pg);
    pg->url = str_dup(url);
    pg->name = str_dup(name);
    pg->conn = dial(pg);
    if (!connected(pg, err) || !let_server_notice(pg, err)) {
        pg_close(pg);
        return NULL;
    }
    return pg;
}

static void
forget_prepared(struct pg *pg)
{
    while (pg->prepared_count > 0)
        free(pg->prepared[--pg->prepared_count]);
}

void
pg_close(struct pg *pg)
{
    if (pg == NULL)
        return;
    PQfinish(pg->conn);
    forget_prepared(pg);
    free(pg->url);
    free(pg->name);
    free(pg);
}

bool
pg_ok(const struct pg *pg)
{
    return PQstatus(pg->conn) == CONNECTION_OK;
}

// Sends what is buffered and reads until a result is complete. Both at once: a server
// that is busy answering doesn't read, and a client that only writes would wait for
// ever.
static bool
await(struct pg *pg, int64_t until_ms, struct error *err)
{
    while (PQisBusy(pg->conn)) {
        int unsent = PQflush(pg->conn);
        if (unsent < 0)
            return gone(pg, err);
        struct pollfd wait = {
            .fd = PQsocket(pg->conn),
            .events = (short)(POLLIN | (unsent > 0 ? POLLOUT : 0)),
        };
        int64_t left_ms = until_ms < 0 ? INT_MAX : until_ms - clock_ms();
        if (left_ms <= 0)
            return give_up(pg, err, "no answer in time, connection given up");
        if (poll(&wait, 1, left_ms > INT_MAX ? INT_MAX : (int)left_ms) < 0
            && errno != EINTR)
            return give_up(pg, err, "poll failed");
        if ((wait.revents & ~POLLOUT) != 0 && PQconsumeInput(pg->conn) == 0)
            return gone(pg, err);
    }
    return true;
}

static int64_t
limit_from_now(int64_t limit_ms)
{
    return limit_ms < 0 ? no_limit_ms : clock_ms() + limit_ms;
}

// Puts a result into *rows, or frees it.
static void
keep(PGresult *result, struct pg_rows **rows)
{
    if (rows == NULL) {
        PQclear(result);
        return;
    }
    pg_rows_free(*rows);
    *rows = pg_rows_of(result);
}

static bool
status_good(ExecStatusType status)
{
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK
           || status == PGRES_EMPTY_QUERY;
}

// Reads results up to the end of one statement. The first failure is the one told; the
// rest is still read, or the connection would be out of step.
static bool
collect(struct pg *pg, int64_t until_ms, struct pg_rows **rows, struct error *err)
{
    bool good = true;

    for (;;) {
        if (!await(pg, until_ms, err))
            return false;
        PGresult *result = PQgetResult(pg->conn);
        if (result == NULL)
            return good;
        ExecStatusType status = PQresultStatus(result);
        if (status_good(status)) {
            keep(result, good ? rows : NULL);
            continue;
        }
        if (good)
            good = refused(result, err);
        PQclear(result);
        if (!pg_ok(pg))
            return gone(pg, err);
        if (status != PGRES_FATAL_ERROR && status != PGRES_PIPELINE_ABORTED)
            return give_up(pg, err, "the statement is of a kind this cannot run");
    }
}

struct wire {
    Oid types[PARAMS_MAX];
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX];
    int formats[PARAMS_MAX];
};

static bool
wire_fill(struct wire *wire, const struct pg_param params[], int count,
          struct error *err)
{
    if (count > PARAMS_MAX)
        return error_permanent(err, "postgres: more than %d parameters", PARAMS_MAX);
    for (int i = 0; i < count; i++) {
        if (params[i].length > INT_MAX)
            return error_permanent(err, "postgres: parameter %d is too large", i + 1);
        wire->types[i] = params[i].type;
        wire->formats[i] = params[i].text == NULL;
        wire->values[i] = params[i].text != NULL ? params[i].text : params[i].data;
        wire->lengths[i] = (int)params[i].length;
    }
    return true;
}

static bool
send_statement(struct pg *pg, const char *sql, const struct pg_param params[],
               int count, struct error *err)
{
    struct wire wire;

    if (!wire_fill(&wire, params, count, err))
        return false;
    if (PQsendQueryParams(pg->conn, sql, count, wire.types, wire.values, wire.lengths,
                          wire.formats, 0)
        == 0)
        return gone(pg, err);
    return true;
}

static void
drop_rows(struct pg_rows **rows)
{
    if (rows == NULL)
        return;
    pg_rows_free(*rows);
    *rows = NULL;
}

bool
pg_run(struct pg *pg, const char *sql, const struct pg_param params[], int count,
       struct pg_rows **rows, struct error *err)
{
    struct pg_rows *got = NULL;

    if (!send_statement(pg, sql, params, count, err))
        return false;
    if (!collect(pg, limit_from_now(answer_limit_ms), rows != NULL ? &got : NULL,
                 err)) {
        pg_rows_free(got);
        return false;
    }
    if (rows != NULL)
        *rows = got;
    return true;
}

bool
pg_script(struct pg *pg, const char *sql, struct error *err)
{
    if (PQsendQuery(pg->conn, sql) == 0)
        return gone(pg, err);
    return collect(pg, no_limit_ms, NULL, err);
}

static int
prepared_number(const struct pg *pg, const char *sql)
{
    for (int i = 0; i < pg->prepared_count; i++)
        if (strcmp(pg->prepared[i], sql) == 0)
            return i;
    return -1;
}

struct statement_name {
    char text[16];
};

static struct statement_name
name_of(int number)
{
    struct statement_name name;
    snprintf(name.text, sizeof name.text, "s%d", number);
    return name;
}

// Parses what this connection runs for the first time.
static bool
prepare(struct pg *pg, const struct pg_statement *s, const struct wire *wire)
{
    if (!s->prepared || prepared_number(pg, s->sql) >= 0
        || pg->prepared_count == PREPARED_MAX)
        return true;
    struct statement_name name = name_of(pg->prepared_count);
    if (PQsendPrepare(pg->conn, name.text, s->sql, s->count, wire->types) == 0)
        return false;
    pg->prepared[pg->prepared_count++] = str_dup(s->sql);
    return true;
}

static bool
send_prepared(struct pg *pg, const struct pg_statement *s, struct error *err)
{
    struct wire wire;

    if (!wire_fill(&wire, s->params, s->count, err))
        return false;
    if (!prepare(pg, s, &wire))
        return gone(pg, err);
    int number = s->prepared ? prepared_number(pg, s->sql) : -1;
    if (number < 0)
        return send_statement(pg, s->sql, s->params, s->count, err);
    if (PQsendQueryPrepared(pg->conn, name_of(number).text, s->count, wire.values,
                            wire.lengths, wire.formats, 0)
        == 0)
        return gone(pg, err);
    return true;
}

static bool
pipeline_send(struct pg *pg, const struct pg_statement statements[], int count,
              struct error *err)
{
    for (int i = 0; i < count; i++)
        if (!send_prepared(pg, &statements[i], err))
            return give_up(pg, err, "the pipeline could not be sent");
    return PQpipelineSync(pg->conn) == 1 || gone(pg, err);
}

// Results come in the order sent; each ends with a NULL, and the sync is the last. What
// was parsed for it, from the number `fresh` on, has a result of its own before.
static bool
pipeline_collect(struct pg *pg, const struct pg_statement statements[], int count,
                 int fresh, struct error *err)
{
    int64_t until_ms = limit_from_now(answer_limit_ms);
    bool good = true;

    for (int i = 0; i < count; i++) {
        struct error later = {0};
        bool parsed =
            statements[i].prepared && prepared_number(pg, statements[i].sql) == fresh;
        if (parsed && !collect(pg, until_ms, NULL, good ? err : &later))
            good = false;
        if (!pg_ok(pg))
            return false;
        if (!collect(pg, until_ms, statements[i].rows, good ? err : &later))
            good = false;
        if (!pg_ok(pg))
            return false;
        fresh += parsed;
    }
    if (!await(pg, until_ms, good ? err : &(struct error){0}))
        return false;
    PGresult *sync = PQgetResult(pg->conn);
    bool in_step = PQresultStatus(sync) == PGRES_PIPELINE_SYNC;
    PQclear(sync);
    if (!in_step)
        return give_up(pg, err, "the pipeline is out of step, connection given up");
    return good;
}

static bool
run_or_give_up(struct pg *pg, const char *sql)
{
    struct error why = {0};

    return pg_run(pg, sql, NULL, 0, NULL, &why) || give_up(pg, &why, sql);
}

// A BEGIN whose COMMIT was skipped leaves a broken transaction behind, and of what was
// to be parsed nobody knows how much was; a plan that no longer fits its tables goes
// with it.
static void
pipeline_clean_up(struct pg *pg)
{
    if (pg_ok(pg) && PQtransactionStatus(pg->conn) != PQTRANS_IDLE)
        run_or_give_up(pg, "ROLLBACK");
    if (pg_ok(pg))
        run_or_give_up(pg, "DEALLOCATE ALL");
    forget_prepared(pg);
}

static bool
params_fit(const struct pg_statement statements[], int count, struct error *err)
{
    struct wire wire;

    for (int i = 0; i < count; i++)
        if (!wire_fill(&wire, statements[i].params, statements[i].count, err))
            return false;
    return true;
}

bool
pg_pipeline(struct pg *pg, const struct pg_statement statements[], int count,
            struct error *err)
{
    if (!params_fit(statements, count, err))
        return false;
    for (int i = 0; i < count; i++)
        if (statements[i].rows != NULL)
            *statements[i].rows = NULL;
    if (PQenterPipelineMode(pg->conn) == 0)
        return gone(pg, err);
    int fresh = pg->prepared_count;
    bool good = pipeline_send(pg, statements, count, err)
                && pipeline_collect(pg, statements, count, fresh, err);
    if (pg_ok(pg) && PQexitPipelineMode(pg->conn) == 0)
        give_up(pg, err, "the pipeline did not end, connection given up");
    if (!good) {
        pipeline_clean_up(pg);
        for (int i = 0; i < count; i++)
            drop_rows(statements[i].rows);
    }
    return good;
}

static bool
take_notifies(struct pg *pg)
{
    bool any = false;
    PGnotify *notify;

    while ((notify = PQnotifies(pg->conn)) != NULL) {
        PQfreemem(notify);
        any = true;
    }
    return any;
}

bool
pg_wait_notify(struct pg *pg, int wake_fd, int timeout_ms, bool *notified)
{
    *notified = take_notifies(pg);
    if (*notified || !pg_ok(pg))
        return pg_ok(pg);
    struct pollfd waits[] = {
        {.fd = PQsocket(pg->conn), .events = POLLIN},
        {.fd = wake_fd, .events = POLLIN}, // poll() passes over -1
    };
    if (poll(waits, 2, timeout_ms) < 0)
        return errno == EINTR;
    if (waits[0].revents != 0 && PQconsumeInput(pg->conn) == 0)
        return gone(pg, &(struct error){0});
    *notified = take_notifies(pg);
    return pg_ok(pg);
}
