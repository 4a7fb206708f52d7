// One proxied connection: two sockets, and a queue of bytes for each way.
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proxy.h"

enum {
    READ_BYTES = 65536,
    QUEUE_MAX_BYTES = 1 << 20, // then the sender has to wait, as on a real wire
};

struct chunk {
    struct chunk *next;
    int64_t due_ms;
    size_t bytes;
    size_t sent;
    bool passed; // the kills before sending have had their chance
    char data[];
};

// One way through the proxy: from one socket to the other.
struct way {
    struct chunk *first;
    struct chunk *last;
    size_t queued_bytes;
    bool ended;   // the sender has said its last
    bool shut;    // the receiver was told so
    bool blocked; // the receiver's socket is full
};

struct link {
    struct link *next;
    struct link *previous;
    struct proxy_handle client;
    struct proxy_handle target;
    struct way up;
    struct way down;
    bool connected;
    bool closed;
    int64_t armed; // the "answer" kill that waits for the next bytes down, or 0
};

static void
clear_way(struct way *way)
{
    while (way->first != NULL) {
        struct chunk *chunk = way->first;
        way->first = chunk->next;
        free(chunk);
    }
    *way = (struct way){0};
}

static void
close_handle(struct proxy *proxy, struct proxy_handle *handle, bool reset)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    proxy_watch(proxy, handle, 0);
    // A reset throws away what the kernel has not delivered yet.
    if (reset)
        setsockopt(handle->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(handle->fd);
}

// Ends both sides at once with a reset, unless both have said goodbye already.
static void
close_link(struct proxy *proxy, struct link *link)
{
    if (link->closed)
        return;
    bool reset = !link->up.shut || !link->down.shut;
    link->closed = true;
    close_handle(proxy, &link->client, reset);
    close_handle(proxy, &link->target, reset);
    clear_way(&link->up);
    clear_way(&link->down);
    if (link->next != NULL)
        link->next->previous = link->previous;
    if (link->previous != NULL)
        link->previous->next = link->next;
    else
        proxy->links = link->next;
    // Another event of the same round may still point here.
    link->next = proxy->closed;
    proxy->closed = link;
}

void
link_reap(struct proxy *proxy)
{
    while (proxy->closed != NULL) {
        struct link *link = proxy->closed;
        proxy->closed = link->next;
        free(link);
    }
}

static uint32_t
interest_of(const struct link *link, const struct way *in, const struct way *out)
{
    uint32_t interest = 0;
    if (link->connected && !in->ended && in->queued_bytes < QUEUE_MAX_BYTES)
        interest |= EPOLLIN;
    if (out->blocked)
        interest |= EPOLLOUT;
    return interest;
}

static void
refresh(struct proxy *proxy, struct link *link)
{
    if (link->closed)
        return;
    if (proxy->mode != PROXY_PASS) {
        proxy_watch(proxy, &link->client, 0);
        proxy_watch(proxy, &link->target, 0);
        return;
    }
    uint32_t target = interest_of(link, &link->down, &link->up);
    proxy_watch(proxy, &link->client, interest_of(link, &link->up, &link->down));
    proxy_watch(proxy, &link->target, link->connected ? target : EPOLLOUT);
}

// Sends the chunk's rest; false if the connection broke.
static bool
send_chunk(struct way *way, struct chunk *chunk, int fd)
{
    while (chunk->sent < chunk->bytes) {
        ssize_t sent = send(fd, chunk->data + chunk->sent, chunk->bytes - chunk->sent,
                            MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            way->blocked = true;
            return true;
        }
        if (sent < 0)
            return false;
        chunk->sent += (size_t)sent;
    }
    return true;
}

static void
pop_chunk(struct way *way)
{
    struct chunk *chunk = way->first;
    way->first = chunk->next;
    if (way->first == NULL)
        way->last = NULL;
    way->queued_bytes -= chunk->bytes;
    free(chunk);
}

// The bytes are about to reach the client, or have just reached the target.
static void
before_send(struct proxy *proxy, struct link *link, const struct way *way)
{
    struct chunk *chunk = way->first;
    if (way != &link->down || chunk->passed)
        return;
    chunk->passed = true;
    if (link->armed != 0)
        kill_answer(proxy, link->armed);
    link->armed = 0;
    kill_pass(proxy, POINT_DOWN, chunk->data, chunk->bytes);
}

static void
after_send(struct proxy *proxy, struct link *link, const struct way *way)
{
    const struct chunk *chunk = way->first;
    if (way != &link->up) {
        proxy->down_bytes += (int64_t)chunk->bytes;
        return;
    }
    proxy->up_bytes += (int64_t)chunk->bytes;
    if (link->armed == 0)
        link->armed = kill_arm(proxy, chunk->data, chunk->bytes);
    kill_pass(proxy, POINT_UP, chunk->data, chunk->bytes);
}

// Sends everything that is due; false if the link was closed.
static bool
move_way(struct proxy *proxy, struct link *link, struct way *way, int fd)
{
    int64_t now_ms = proxy_now_ms();
    way->blocked = false;
    while (way->first != NULL && way->first->due_ms <= now_ms && !way->blocked) {
        before_send(proxy, link, way);
        if (!send_chunk(way, way->first, fd)) {
            close_link(proxy, link);
            return false;
        }
        if (way->blocked)
            break;
        after_send(proxy, link, way);
        pop_chunk(way);
    }
    if (way->ended && way->first == NULL && !way->shut) {
        shutdown(fd, SHUT_WR);
        way->shut = true;
    }
    return true;
}

static void
move_link(struct proxy *proxy, struct link *link)
{
    if (!link->connected || !move_way(proxy, link, &link->up, link->target.fd)
        || !move_way(proxy, link, &link->down, link->client.fd))
        return;
    if (link->up.shut && link->down.shut)
        close_link(proxy, link);
    else
        refresh(proxy, link);
}

static void
push_chunk(struct proxy *proxy, struct way *way, const char *data, size_t bytes)
{
    struct chunk *chunk = malloc(sizeof *chunk + bytes);
    if (chunk == NULL)
        abort();
    *chunk = (struct chunk){.due_ms = proxy_now_ms() + proxy->delay_ms, .bytes = bytes};
    memcpy(chunk->data, data, bytes);
    if (way->last != NULL)
        way->last->next = chunk;
    else
        way->first = chunk;
    way->last = chunk;
    way->queued_bytes += bytes;
}

// Reads once; level-triggered epoll comes back for more.
static void
read_side(struct proxy *proxy, struct link *link, struct way *way, int fd)
{
    char *data = malloc(READ_BYTES);
    if (data == NULL)
        abort();
    ssize_t bytes = recv(fd, data, READ_BYTES, 0);
    if (bytes > 0)
        push_chunk(proxy, way, data, (size_t)bytes);
    else if (bytes == 0)
        way->ended = true;
    else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)
        close_link(proxy, link);
    free(data);
}

static void
finish_connect(struct proxy *proxy, struct link *link)
{
    int problem = 0;
    socklen_t bytes = sizeof problem;
    getsockopt(link->target.fd, SOL_SOCKET, SO_ERROR, &problem, &bytes);
    if (problem != 0) {
        close_link(proxy, link);
        return;
    }
    link->connected = true;
    move_link(proxy, link);
}

static void
run_side(struct proxy *proxy, struct proxy_handle *handle, uint32_t events)
{
    struct link *link = handle->owner;
    if (link->closed || proxy->mode != PROXY_PASS)
        return;
    if (!link->connected) {
        finish_connect(proxy, link); // only the target is watched until then
        return;
    }
    bool client = handle == &link->client;
    struct way *way = client ? &link->up : &link->down;
    if (events & EPOLLERR)
        close_link(proxy, link);
    else if (!way->ended && (events & (EPOLLIN | EPOLLHUP)))
        read_side(proxy, link, way, handle->fd);
    if (!link->closed)
        move_link(proxy, link);
}

static void
no_delay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void
link_open(struct proxy *proxy, int fd)
{
    int target = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct link *link = calloc(1, sizeof *link);
    if (target < 0 || link == NULL)
        abort();
    no_delay(fd);
    no_delay(target);
    link->client = (struct proxy_handle){.run = run_side, .fd = fd, .owner = link};
    link->target = (struct proxy_handle){.run = run_side, .fd = target, .owner = link};
    link->next = proxy->links;
    if (link->next != NULL)
        link->next->previous = link;
    proxy->links = link;
    int rc =
        connect(target, (const struct sockaddr *)&proxy->target, sizeof proxy->target);
    if (rc != 0 && errno != EINPROGRESS)
        close_link(proxy, link);
    else
        refresh(proxy, link);
}

void
link_close_all(struct proxy *proxy)
{
    while (proxy->links != NULL) {
        proxy->cut++;
        close_link(proxy, proxy->links);
    }
}

void
link_refresh_all(struct proxy *proxy)
{
    for (struct link *link = proxy->links; link != NULL; link = link->next)
        refresh(proxy, link);
}

static void
earlier(int64_t *next_ms, const struct way *way)
{
    if (way->first == NULL || way->blocked)
        return;
    if (*next_ms < 0 || way->first->due_ms < *next_ms)
        *next_ms = way->first->due_ms;
}

int64_t
link_move_all(struct proxy *proxy)
{
    int64_t next_ms = -1;
    if (proxy->mode != PROXY_PASS)
        return -1;
    for (struct link *link = proxy->links; link != NULL;) {
        struct link *next = link->next;
        bool waiting = link->up.first != NULL || link->down.first != NULL;
        if (waiting && link->connected)
            move_link(proxy, link);
        if (waiting && link->connected && !link->closed) {
            earlier(&next_ms, &link->up);
            earlier(&next_ms, &link->down);
        }
        link = next;
    }
    return next_ms;
}

size_t
link_count(const struct proxy *proxy)
{
    size_t count = 0;
    for (const struct link *link = proxy->links; link != NULL; link = link->next)
        count++;
    return count;
}
