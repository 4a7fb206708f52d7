// tests/bench/stub.c - the target of measurements: an HTTP/1.1 server on loopback that
// answers every POST after a fixed time, and checks that X-Seq grows by one per X-Key.
//
//   relais-stub <port> <latency in ms> <threads>
//
// Prints "ready port=<port>"; GET /count answers "<calls> <violations> <repeats>".
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { REQUEST_BYTES = 4096, KEYS = 1 << 16, EVENTS = 256, CONNECTIONS = 1 << 17 };

struct connection {
    int fd;
    size_t length;
    bool answered_later;
    int64_t due_us;
    struct connection *next; // in the line of answers that are due
    char request[REQUEST_BYTES];
};

struct server {
    int listen_fd, epoll_fd;
    int64_t latency_us;
    struct connection *first, **last; // due in order: the latency is the same for all
};

static atomic_llong calls, violations, repeats;
static atomic_int next_seq[KEYS];

static int64_t
now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static const char *
header(const char *request, const char *name)
{
    const char *at = strcasestr(request, name);
    return at != NULL ? at + strlen(name) : "";
}

// Keys are "k<number>"; the first sequence number of each is 0.
static void
check_order(const char *request)
{
    const char *key = header(request, "\r\nX-Key: ");
    if (*key == 'k')
        key++;
    long number = strtol(key, NULL, 10) % KEYS;
    int seq = (int)strtol(header(request, "\r\nX-Seq: "), NULL, 10);
    int expected = atomic_load(&next_seq[number]);
    if (seq < expected)
        atomic_fetch_add(&repeats, 1);
    else if (seq > expected)
        atomic_fetch_add(&violations, 1);
    if (seq >= expected)
        atomic_store(&next_seq[number], seq + 1);
}

static void
answer(struct connection *c)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    char text[200];
    const char *out = ok;
    size_t length = sizeof ok - 1;
    if (strncmp(c->request, "GET", 3) == 0) {
        char body[80];
        int n = snprintf(body, sizeof body, "%lld %lld %lld\n", (long long)calls,
                         (long long)violations, (long long)repeats);
        length = (size_t)snprintf(text, sizeof text,
                                  "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", n,
                                  body);
        out = text;
    }
    c->length = 0;
    if (write(c->fd, out, length) < 0)
        shutdown(c->fd, SHUT_RDWR);
}

static bool
is_whole(const struct connection *c)
{
    const char *end = memmem(c->request, c->length, "\r\n\r\n", 4);
    if (end == NULL)
        return false;
    size_t body = (size_t)strtol(header(c->request, "\r\nContent-Length: "), NULL, 10);
    return c->length >= (size_t)(end - c->request) + 4 + body;
}

static void
drop(struct server *server, struct connection *c)
{
    epoll_ctl(server->epoll_fd, EPOLL_CTL_DEL, c->fd, NULL);
    close(c->fd);
    c->fd = -1;
    if (!c->answered_later)
        free(c);
}

static void
read_request(struct server *server, struct connection *c)
{
    ssize_t n = read(c->fd, c->request + c->length, REQUEST_BYTES - 1 - c->length);
    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            drop(server, c);
        return;
    }
    c->length += (size_t)n;
    c->request[c->length] = '\0';
    if (!is_whole(c))
        return;
    if (strncmp(c->request, "POST", 4) == 0) {
        check_order(c->request);
        atomic_fetch_add(&calls, 1);
    }
    if (server->latency_us == 0) {
        answer(c);
        return;
    }
    c->answered_later = true;
    c->due_us = now_us() + server->latency_us;
    c->next = NULL;
    *server->last = c;
    server->last = &c->next;
}

static void
accept_all(struct server *server)
{
    int fd; // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): epoll keeps the connections
    while ((fd = accept4(server->listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        struct connection *c = calloc(1, sizeof *c);
        if (c == NULL)
            abort();
        c->fd = fd;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, fd, &event) != 0) {
            close(fd);
            free(c);
        }
    }
}

static int
answer_due(struct server *server)
{
    int64_t now = now_us();
    while (server->first != NULL && server->first->due_us <= now) {
        struct connection *c = server->first;
        server->first = c->next;
        if (server->first == NULL)
            server->last = &server->first;
        c->answered_later = false;
        if (c->fd < 0)
            free(c);
        else
            answer(c);
    }
    if (server->first == NULL)
        return 1000;
    return (int)((server->first->due_us - now) / 1000) + 1;
}

static void *
serve(void *arg)
{
    struct server *server = arg;
    struct epoll_event events[EVENTS];
    int wait_ms = 0;
    for (;;) {
        int n = epoll_wait(server->epoll_fd, events, EVENTS, wait_ms);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL)
                accept_all(server);
            else
                read_request(server, events[i].data.ptr);
        }
        wait_ms = answer_due(server);
    }
    return NULL;
}

static int
listen_on(int port)
{
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0
        || listen(fd, 4096) != 0) {
        perror("listen");
        exit(1);
    }
    return fd;
}

static int
port_of(int fd)
{
    struct sockaddr_in address = {0};
    socklen_t length = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) {
        perror("getsockname");
        exit(1);
    }
    return ntohs(address.sin_port);
}

int
main(int argc, char **argv)
{
    int port = argc > 1 ? (int)strtol(argv[1], NULL, 10) : 0;
    int64_t latency_us = (argc > 2 ? strtol(argv[2], NULL, 10) : 0) * 1000;
    long threads = argc > 3 ? strtol(argv[3], NULL, 10) : 1;
    for (long i = 0; i < threads; i++) {
        struct server *server = calloc(1, sizeof *server);
        if (server == NULL)
            abort();
        server->listen_fd = listen_on(port);
        port = port_of(server->listen_fd);
        server->epoll_fd = epoll_create1(0);
        server->latency_us = latency_us;
        server->last = &server->first;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
        epoll_ctl(server->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, &event);
        pthread_t thread;
        pthread_create(&thread, NULL, serve, server);
    }
    printf("ready port=%d\n", port);
    fflush(stdout);
    for (;;)
        pause();
}
