#include "tests/runtime/http_server.h"

#include "tests/harness/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/files.h"
#include "common/str.h"

static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"a";

enum { EVENTS = 64, BACKLOG = 4096, PATH = 200 };

struct http_connection {
    struct http_connection *previous, *next;
    int fd;
    int served;
    bool held;
    struct str in;
};

static void
watch(struct http_server *server, int fd, void *what)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = what};
    assert_int_equal(epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event), 0);
}

static void
drop(struct http_server *server, struct http_connection *connection)
{
    pthread_mutex_lock(&server->lock);
    if (connection->held)
        server->held--;
    pthread_mutex_unlock(&server->lock);
    if (connection->previous != NULL)
        connection->previous->next = connection->next;
    else
        server->connections = connection->next;
    if (connection->next != NULL)
        connection->next->previous = connection->previous;
    close(connection->fd);
    str_end(&connection->in);
    free(connection);
}

static void
accept_one(struct http_server *server)
{
    int fd = accept4(server->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct http_connection *connection = str_calloc(1, sizeof *connection);
    connection->fd = fd;
    str_begin(&connection->in, 4 << 20);
    connection->next = server->connections;
    if (server->connections != NULL)
        server->connections->previous = connection;
    server->connections = connection;
    pthread_mutex_lock(&server->lock);
    server->accepted++;
    pthread_mutex_unlock(&server->lock);
    watch(server, fd, connection);
}

static void
send_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(fd, data, length, MSG_NOSIGNAL);
        if (sent < 0)
            return; // the client has gone
        data += sent;
        length -= (size_t)sent;
    }
}

static void
answer(const struct http_connection *connection, int status, const char *headers,
       const char *body, size_t length)
{
    char head[512];
    int size = snprintf(head, sizeof head,
                        "HTTP/1.1 %d Status\r\nContent-Length: %zu\r\n%s\r\n", status,
                        length, headers);
    send_all(connection->fd, head, (size_t)size);
    send_all(connection->fd, body, length);
}

static void
answer_json(const struct http_connection *connection, int status, const char *headers,
            const char *json)
{
    char all[300];
    snprintf(all, sizeof all, "Content-Type: application/json\r\n%s", headers);
    answer(connection, status, all, json, strlen(json));
}

static void
answer_status(const struct http_connection *connection, const char *header,
              const char *rest)
{
    char json[64];
    char retry[128] = "";
    char *end;
    long status = strtol(rest, &end, 10);
    if (*end == '/') {
        snprintf(retry, sizeof retry, "%s: %s\r\n", header, end + 1);
        for (char *c = retry; *c != '\0'; c++)
            if (*c == '_')
                *c = ' ';
    }
    snprintf(json, sizeof json, "{\"message\":\"%ld\"}", status);
    answer_json(connection, (int)status, retry, json);
}

static void
answer_large(const struct http_connection *connection, const char *rest)
{
    long long length = 0;
    assert_true(str_to_i64(rest, &length));
    char *body = str_alloc((size_t)length);
    memset(body, 'x', (size_t)length);
    answer(connection, 200, "Content-Type: text/plain\r\n", body, (size_t)length);
    free(body);
}

static void
hold(struct http_server *server, struct http_connection *connection)
{
    pthread_mutex_lock(&server->lock);
    connection->held = true;
    server->held++;
    if (server->held > server->most_held)
        server->most_held = server->held;
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void
release_some(struct http_server *server)
{
    struct http_connection *next;
    for (struct http_connection *c = server->connections; c != NULL; c = next) {
        next = c->next;
        pthread_mutex_lock(&server->lock);
        bool now = c->held && server->to_release > 0;
        if (now) {
            c->held = false;
            server->held--;
            server->to_release--;
        }
        pthread_mutex_unlock(&server->lock);
        if (now)
            answer_json(c, 200, "", "{\"held\":true}");
    }
}

// Paths with an answer of a few words; a path that is unknown gets the last one.
static const struct words {
    const char *path;
    int status;
    const char *headers, *body;
} words[] = {
    {"/redirect", 302, "Content-Type: application/json\r\nLocation: /json\r\n", "{}"},
    {"/html", 200, "Content-Type: text/html\r\n", "<p>busy</p>"},
    {"/empty", 200, "", ""},
    {NULL, 200, "Content-Type: application/json\r\n", "{\"ok\":true}"},
};

static void
answer_words(const struct http_connection *connection, const char *path)
{
    const struct words *w = words;
    while (w->path != NULL && strcmp(w->path, path) != 0)
        w++;
    answer(connection, w->status, w->headers, w->body, strlen(w->body));
}

// Paths that close the connection: at once, in the middle of the answer, or when it is
// used a second time.
static bool
cut(struct http_connection *connection, const char *path)
{
    bool first = connection->served++ == 0;
    if (strcmp(path, "/half") == 0)
        send_all(connection->fd, half, sizeof half - 1);
    return strcmp(path, "/half") == 0 || strcmp(path, "/cut") == 0
           || (!first && strcmp(path, "/second-cut") == 0);
}

// False: the connection is to be closed.
static bool
serve(struct http_server *server, struct http_connection *connection, const char *path)
{
    if (cut(connection, path))
        return false;
    if (str_starts(path, "/status/"))
        answer_status(connection, "", path + strlen("/status/"));
    else if (str_starts(path, "/retry/"))
        answer_status(connection, "Retry-After", path + strlen("/retry/"));
    else if (str_starts(path, "/reset/"))
        answer_status(connection, "X-RateLimit-Reset", path + strlen("/reset/"));
    else if (str_starts(path, "/large/"))
        answer_large(connection, path + strlen("/large/"));
    else if (strcmp(path, "/hold") == 0)
        hold(server, connection);
    else if (strcmp(path, "/silence") != 0)
        answer_words(connection, path);
    return true;
}

// The bytes of the first complete request, or 0.
static size_t
complete(const struct str *in)
{
    const char *end = strstr(in->data, "\r\n\r\n");
    if (end == NULL)
        return 0;
    size_t head = (size_t)(end - in->data) + 4;
    const char *length = strcasestr(in->data, "\r\ncontent-length:");
    if (length == NULL || length > end)
        return head;
    size_t body = (size_t)strtoull(length + strlen("\r\ncontent-length:"), NULL, 10);
    return in->length >= head + body ? head + body : 0;
}

static void
note(struct http_server *server, const struct str *in, size_t length)
{
    pthread_mutex_lock(&server->lock);
    server->requests++;
    size_t kept = length < sizeof server->last - 1 ? length : sizeof server->last - 1;
    memcpy(server->last, in->data, kept);
    server->last[kept] = '\0';
    pthread_cond_broadcast(&server->changed);
    pthread_mutex_unlock(&server->lock);
}

static void
read_some(struct http_server *server, struct http_connection *connection)
{
    char bytes[2048];
    ssize_t got = recv(connection->fd, bytes, sizeof bytes, 0);
    if (got <= 0) {
        drop(server, connection);
        return;
    }
    struct str *in = &connection->in;
    str_append(in, bytes, (size_t)got);
    size_t length = complete(in);
    if (length == 0)
        return;
    char path[PATH] = "";
    const char *from = strchr(in->data, ' ');
    assert_non_null(from);
    snprintf(path, sizeof path, "%.*s", (int)strcspn(from + 1, " ?"), from + 1);
    note(server, in, length);
    in->length = 0; // nobody pipelines
    in->data[0] = '\0';
    if (!serve(server, connection, path))
        drop(server, connection);
}

static bool
must_stop(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stop = server->stop;
    pthread_mutex_unlock(&server->lock);
    return stop;
}

static void *
run(void *arg)
{
    struct http_server *server = arg;
    struct epoll_event events[EVENTS];
    while (!must_stop(server)) {
        int count = epoll_wait(server->epoll_fd, events, EVENTS, -1);
        // One connection may be freed while another is served: each is looked at once.
        for (int i = 0; i < count; i++) {
            if (events[i].data.ptr == &server->listen_fd) {
                accept_one(server);
            } else if (events[i].data.ptr == &server->wake_fd) {
                uint64_t number;
                assert_true(read(server->wake_fd, &number, sizeof number) > 0);
            } else {
                read_some(server, events[i].data.ptr);
            }
        }
        release_some(server);
    }
    return NULL;
}

void
http_server_start(struct http_server *server)
{
    files_raise_limit(); // it holds thousands of calls
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    memset(server, 0, sizeof *server);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->changed, NULL);
    server->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    server->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    server->wake_fd = eventfd(0, EFD_CLOEXEC);
    assert_int_equal(bind(server->listen_fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server->listen_fd, BACKLOG), 0);
    getsockname(server->listen_fd, (struct sockaddr *)&address, &length);
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d",
             ntohs(address.sin_port));
    watch(server, server->listen_fd, &server->listen_fd);
    watch(server, server->wake_fd, &server->wake_fd);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

static void
wake(struct http_server *server)
{
    uint64_t one = 1;
    assert_true(write(server->wake_fd, &one, sizeof one) > 0);
}

void
http_server_stop(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    server->stop = true;
    pthread_mutex_unlock(&server->lock);
    wake(server);
    pthread_join(server->thread, NULL);
    while (server->connections != NULL)
        drop(server, server->connections);
    close(server->listen_fd);
    close(server->epoll_fd);
    close(server->wake_fd);
    pthread_mutex_destroy(&server->lock);
    pthread_cond_destroy(&server->changed);
}

int
http_server_requests(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    int requests = server->requests;
    pthread_mutex_unlock(&server->lock);
    return requests;
}

int
http_server_accepted(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    int accepted = server->accepted;
    pthread_mutex_unlock(&server->lock);
    return accepted;
}

char *
http_server_last(struct http_server *server)
{
    pthread_mutex_lock(&server->lock);
    char *last = str_dup(server->last);
    pthread_mutex_unlock(&server->lock);
    return last;
}

void
http_server_await_held(struct http_server *server, int count)
{
    pthread_mutex_lock(&server->lock);
    while (server->held < count)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

void
http_server_await_requests(struct http_server *server, int count)
{
    pthread_mutex_lock(&server->lock);
    while (server->requests < count)
        pthread_cond_wait(&server->changed, &server->lock);
    pthread_mutex_unlock(&server->lock);
}

int
http_server_release(struct http_server *server, int count)
{
    pthread_mutex_lock(&server->lock);
    server->to_release += count;
    int most = server->most_held;
    pthread_mutex_unlock(&server->lock);
    wake(server);
    return most;
}
