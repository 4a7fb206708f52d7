#include "workers/ingest/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "workers/ingest/exchange.h"
#include "workers/ingest/wait.h"

enum {
    HEADERS_BYTES = 16 * 1024, // of one request, and of what is read of a body at once
    BACKLOG = 1024,
    THREADS_MAX = 64,
};

struct ingest_server {
    const struct ingest_settings *settings;
    struct ingest_sources *sources;
    struct ingest_keeper *keeper;
    struct metrics *metrics;
    struct metric *accepted[INGEST_SOURCES_MAX];
    struct MHD_Daemon *daemon;
    struct ingest_connections *connections;
    struct ingest_exchanges *exchanges;
    struct MHD_Response *accepted_answer;
    int port;
    atomic_llong memory_bytes; // of bodies held now
    atomic_bool closing;

    pthread_mutex_t mutex; // all below
    pthread_cond_t idle;
    int64_t open;      // requests begun and not finished
    int64_t suspended; // of them, those that wait for the keeper
    bool refusing;     // nobody is suspended any more
};

static void
count_answer(struct ingest_exchange *exchange, int status)
{
    struct ingest_server *server = exchange->server;
    const char *name = exchange->source == NULL ? "" : exchange->source->webhook->name;
    const char *reason = exchange->judgement.reason;
    char labels[160];

    if (status < 400 && exchange->source != NULL) {
        metric_add(server->accepted[exchange->source - server->sources->list], 1);
        return;
    }
    snprintf(labels, sizeof labels, "integration=\"%s\",reason=\"%s\"", name,
             reason == NULL ? "" : reason);
    metrics_add(server->metrics, "relais_ingest_refused", labels, 1);
}

static enum MHD_Result
answer(struct ingest_exchange *exchange, int status)
{
    ingest_connection_restart(exchange->server->connections, exchange->limits);
    exchange->closing = atomic_load(&exchange->server->closing);
    count_answer(exchange, status);
    return ingest_answer(exchange, status) ? MHD_YES : MHD_NO;
}

static enum MHD_Result
refuse(struct ingest_exchange *exchange, int status, const char *reason)
{
    exchange->judgement.reason = reason;
    return answer(exchange, status);
}

// Copies names and values of one kind as a list ended by {NULL}, in the job.
struct value_list {
    struct http_header *at;
    size_t left;
};

static enum MHD_Result
take_value(void *arg, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct value_list *list = arg;
    (void)kind;
    if (list->left == 0)
        return MHD_NO;
    *list->at++ = (struct http_header){name, value == NULL ? "" : value};
    list->left--;
    return MHD_YES;
}

static const struct http_header *
values_of(struct ingest_exchange *exchange, enum MHD_ValueKind kind)
{
    int count = MHD_get_connection_values(exchange->connection, kind, NULL, NULL);
    size_t room = count < 0 ? 0 : (size_t)count;
    struct http_header *first = job_alloc(&exchange->job, (room + 1) * sizeof *first);
    struct value_list list = {first, room};
    MHD_get_connection_values(exchange->connection, kind, take_value, &list);
    return first;
}

// The keeper's answer, on any thread: the connection goes on. Once resumed the exchange
// may be gone at any moment, and without an answer if its sender left.
static void
on_outcome(void *owner, enum ingest_outcome outcome)
{
    struct ingest_exchange *exchange = owner;
    struct ingest_server *server = exchange->server;
    exchange->outcome = outcome;
    atomic_store(&exchange->stage, INGEST_TOLD);
    MHD_resume_connection(exchange->connection);
    pthread_mutex_lock(&server->mutex);
    server->suspended--;
    pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->mutex);
}

static bool
may_suspend(struct ingest_server *server)
{
    pthread_mutex_lock(&server->mutex);
    bool may = !server->refusing;
    server->suspended += may;
    pthread_mutex_unlock(&server->mutex);
    return may;
}

// What is left of a record when its attributes are as long as they may be.
static size_t
event_room(const struct ingest_settings *settings)
{
    enum { ATTRIBUTES_BYTES = 4096 };
    return (size_t)settings->message_max_bytes - ATTRIBUTES_BYTES;
}

static enum MHD_Result
judge(struct ingest_exchange *exchange)
{
    struct webhook_request request = {
        .method = exchange->method,
        .headers = values_of(exchange, MHD_HEADER_KIND),
        .query = values_of(exchange, MHD_GET_ARGUMENT_KIND),
        .body = exchange->body.data,
        .body_length = exchange->body.length,
        .max_event_bytes = event_room(exchange->server->settings),
        .now_ms = clock_wall_ms(),
    };
    struct ingest_judgement *judgement = &exchange->judgement;
    ingest_judge(&exchange->job, exchange->source, &request, judgement);
    if (judgement->status != 0)
        return answer(exchange, judgement->status);
    if (judgement->count == 0)
        return refuse(exchange, exchange->source->webhook->dialect.accepted, "empty");

    if (!may_suspend(exchange->server)) {
        for (size_t i = 0; i < judgement->count; i++)
            record_free(judgement->records[i]);
        return refuse(exchange, exchange->source->webhook->dialect.later, "stopping");
    }
    // Suspended first: the outcome may come before the keeper returns.
    atomic_store(&exchange->stage, INGEST_WAITING);
    ingest_connection_pause(exchange->server->connections, exchange->limits);
    MHD_suspend_connection(exchange->connection);
    ingest_keeper_put(exchange->server->keeper, judgement->records, judgement->count,
                      on_outcome, exchange);
    return MHD_YES;
}

static bool
reserve(struct ingest_exchange *exchange, int64_t bytes)
{
    struct ingest_server *server = exchange->server;
    exchange->reserved += bytes;
    long long held = atomic_fetch_add(&server->memory_bytes, bytes) + bytes;
    return held <= server->settings->max_memory_bytes;
}

// What is not wanted is read all the same, up to the time limit: a sender that is cut
// while it writes may never read its answer.
static void
take_body(struct ingest_exchange *exchange, const char *data, size_t length)
{
    struct ingest_judgement *judgement = &exchange->judgement;
    exchange->bytes += (int64_t)length;
    if (judgement->status != 0)
        return;
    const struct webhook_dialect *dialect = &exchange->source->webhook->dialect;
    if (!reserve(exchange, (int64_t)length)) {
        judgement->status = dialect->later;
        judgement->reason = "no-memory";
        judgement->text = "too many bodies at once: see INGEST_MAX_MEMORY";
        return;
    }
    str_append(&exchange->body, data, length);
    if (!exchange->body.failed)
        return;
    judgement->status = dialect->too_large;
    judgement->reason = "too-large";
    judgement->text = "the body is larger than INGEST_MAX_BODY";
}

// What is wrong with the path and the method, and the status for it; NULL if nothing.
static const char *
misrouted(struct ingest_exchange *exchange, const char *path, int *status)
{
    bool exact = false;
    exchange->source = ingest_sources_find(exchange->server->sources, path, &exact);
    if (exchange->source == NULL) {
        *status = MHD_HTTP_NOT_FOUND;
        return "unknown-path";
    }
    const struct webhook *webhook = exchange->source->webhook;
    *status = webhook->dialect.elsewhere;
    if (!exact)
        return "unknown-path";
    if (!exchange->source->enabled)
        return "not-enabled";
    *status = webhook->dialect.wrong_method;
    bool put = webhook->put_too && strcmp(exchange->method, "PUT") == 0;
    return put || strcmp(exchange->method, "POST") == 0 ? NULL : "wrong-method";
}

static void
route(struct ingest_exchange *exchange, const char *path, const char *method)
{
    int status = 0;
    str_copy(exchange->method, sizeof exchange->method, method);
    exchange->judgement.reason = misrouted(exchange, path, &status);
    if (exchange->judgement.reason != NULL)
        exchange->judgement.status = status;
}

static struct ingest_exchange *
begin(struct ingest_server *server, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct ingest_exchange *exchange = ingest_exchange_take(server->exchanges);
    exchange->server = server;
    exchange->connection = connection;
    exchange->limits = info->socket_context;
    exchange->since_ms = clock_ms();
    exchange->accepted_answer = server->accepted_answer;
    pthread_mutex_lock(&server->mutex);
    server->open++;
    pthread_mutex_unlock(&server->mutex);
    return exchange;
}

// Called by libmicrohttpd with the request's head, then with each piece of the body,
// then once more at its end, and again when the connection was resumed.
static enum MHD_Result
on_request(void *arg, // NOLINT(readability-function-size): its parameters are theirs
           struct MHD_Connection *connection, const char *path, const char *method,
           const char *version, const char *data, size_t *length, void **context)
{
    struct ingest_exchange *exchange = *context;

    (void)version;
    if (exchange == NULL) {
        exchange = *context = begin(arg, connection);
        route(exchange, path, method);
        return MHD_YES;
    }
    if (*length > 0) {
        take_body(exchange, data, *length);
        *length = 0;
        return MHD_YES;
    }
    switch (atomic_load(&exchange->stage)) {
    case INGEST_READING:
        if (exchange->judgement.status != 0)
            return answer(exchange, exchange->judgement.status);
        return judge(exchange);
    case INGEST_TOLD:
        return answer(exchange, ingest_answer_status(exchange));
    default:
        return MHD_YES;
    }
}

// The sender left, or was cut. What it sent may have been kept all the same.
static void
note_unanswered(struct ingest_exchange *exchange)
{
    struct ingest_judgement *judgement = &exchange->judgement;
    bool told = atomic_load(&exchange->stage) == INGEST_TOLD;
    if (told)
        ingest_answer_status(exchange);
    judgement->text =
        told ? "the sender left before its answer" : "the request broke off";
    if (judgement->reason == NULL)
        judgement->reason = "cut";
    ingest_answer_log(exchange, 0);
}

static void
on_finished(void *arg, struct MHD_Connection *connection, void **context,
            enum MHD_RequestTerminationCode code)
{
    struct ingest_exchange *exchange = *context;
    struct ingest_server *server = arg;

    (void)connection, (void)code;
    if (exchange == NULL)
        return;
    *context = NULL;
    if (atomic_load(&exchange->stage) != INGEST_ANSWERED)
        note_unanswered(exchange);
    ingest_connection_restart(server->connections, exchange->limits);
    atomic_fetch_sub(&server->memory_bytes, exchange->reserved);
    ingest_exchange_give(server->exchanges, exchange);
    pthread_mutex_lock(&server->mutex);
    server->open--;
    pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->mutex);
}

static void
on_connection(void *arg, struct MHD_Connection *connection, void **context,
              enum MHD_ConnectionNotificationCode code)
{
    struct ingest_server *server = arg;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *context = ingest_connection_add(server->connections, info->connect_fd);
    } else if (*context != NULL) {
        ingest_connection_remove(server->connections, *context);
        *context = NULL;
    }
}

static void on_trouble(void *arg, const char *fmt, va_list args) ATTR_PRINTF(2, 0);

static void
on_trouble(void *arg, const char *fmt, va_list args)
{
    char text[200];
    (void)arg;
    vsnprintf(text, sizeof text, fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", "%s", text);
}

static int
bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in four;
        struct sockaddr_in6 six;
    } address = {.six = {.sin6_port = 0}};
    socklen_t length = sizeof address;
    getsockname(fd, &address.any, &length);
    bool six = address.any.sa_family == AF_INET6;
    return ntohs(six ? address.six.sin6_port : address.four.sin_port);
}

// A listening socket of our own: the error can say what is wrong, and port 0 is told.
static int
listen_on(const char *host, int port, int *bound, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[16];
    const int on = 1;

    snprintf(service, sizeof service, "%d", port);
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        error_fatal(err, "INGEST_HOST: %s is no address of this machine", host);
        return -1;
    }
    int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool listening =
        fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0
        && bind(fd, found->ai_addr, found->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0;
    int problem = errno;
    freeaddrinfo(found);
    if (listening) {
        *bound = bound_port(fd);
        return fd;
    }
    if (fd >= 0)
        close(fd);
    error_fatal(err,
                "cannot listen on %s port %d (%s): set INGEST_HOST and INGEST_PORT",
                host, port, strerrordesc_np(problem));
    return -1;
}

static unsigned
thread_count(const struct ingest_settings *settings)
{
    long count =
        settings->threads > 0 ? (long)settings->threads : sysconf(_SC_NPROCESSORS_ONLN);
    if (count < 1)
        count = 1;
    if (count > settings->max_connections)
        count = (long)settings->max_connections;
    return count > THREADS_MAX ? THREADS_MAX : (unsigned)count;
}

static bool
start(struct ingest_server *server, struct error *err)
{
    const struct ingest_settings *settings = server->settings;
    int fd = listen_on(settings->host, (int)settings->port, &server->port, err);
    if (fd < 0)
        return false;
    unsigned threads = thread_count(settings);
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0,
        NULL, NULL, on_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_trouble, NULL,
        MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)settings->max_connections, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADERS_BYTES, MHD_OPTION_NOTIFY_COMPLETED, on_finished, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,
        threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads,
        MHD_OPTION_END);
    if (server->daemon != NULL)
        return true;
    close(fd);
    return error_fatal(err, "the HTTP server does not start: see INGEST_THREADS, "
                            "INGEST_MAX_CONNECTIONS and the limit of open files");
}

struct ingest_server *
ingest_server_open(const struct ingest_settings *settings,
                   struct ingest_sources *sources, struct ingest_keeper *keeper,
                   struct metrics *metrics, struct error *err)
{
    struct ingest_server *server = str_calloc(1, sizeof *server);
    server->settings = settings;
    server->sources = sources;
    server->keeper = keeper;
    server->metrics = metrics;
    for (size_t i = 0; i < sources->count; i++) {
        char labels[100];
        snprintf(labels, sizeof labels, "integration=\"%s\"",
                 sources->list[i].webhook->name);
        server->accepted[i] =
            metrics_series(metrics, METRIC_COUNTER, "relais_ingest_accepted", labels,
                           "Deliveries kept and answered 2xx.");
    }
    pthread_mutex_init(&server->mutex, NULL);
    ingest_wait_init(&server->idle);
    server->connections = ingest_connections_open(settings->read_ms);
    server->exchanges = ingest_exchanges_open((size_t)settings->max_body_bytes);
    server->accepted_answer = ingest_answer_accepted();
    if (start(server, err))
        return server;
    ingest_server_close(server);
    return NULL;
}

int
ingest_server_port(const struct ingest_server *server)
{
    return server->port;
}

int64_t
ingest_server_waiting(struct ingest_server *server)
{
    pthread_mutex_lock(&server->mutex);
    int64_t waiting = server->suspended;
    pthread_mutex_unlock(&server->mutex);
    return waiting;
}

// Waits until no request is open. Those that wait for the keeper are waited for
// however long it takes, which the keeper bounds: a suspended connection cannot be
// closed.
static void
wait_idle(struct ingest_server *server, int64_t drain_ms)
{
    int64_t until_ms = clock_ms() + drain_ms;
    pthread_mutex_lock(&server->mutex);
    while (server->open > 0
           && ingest_wait_until(&server->idle, &server->mutex, until_ms))
        ;
    server->refusing = true;
    while (server->suspended > 0)
        pthread_cond_wait(&server->idle, &server->mutex);
    pthread_mutex_unlock(&server->mutex);
}

void
ingest_server_stop(struct ingest_server *server, int64_t drain_ms)
{
    if (server == NULL)
        return;
    atomic_store(&server->closing, true);
    int fd = MHD_quiesce_daemon(server->daemon);
    wait_idle(server, drain_ms);
    MHD_stop_daemon(server->daemon);
    if (fd >= 0)
        close(fd);
}

void
ingest_server_close(struct ingest_server *server)
{
    if (server == NULL)
        return;
    ingest_connections_close(server->connections);
    ingest_exchanges_close(server->exchanges);
    MHD_destroy_response(server->accepted_answer);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->mutex);
    free(server);
}
