// The transfers of one loop: libcurl by curl_multi_socket_action on the loop's own
// epoll.
//
// About ten easy handles share a multi, because a multi's look-ups are linear; a free
// slot is taken last-in-first-out, so that hot connections stay hot. curl_multi_* is
// called by the loop only, never on a fiber's stack: a fiber sends itself to the loop
// by mail and waits.
#include "common/http_transfer.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/str.h"

enum { SLOTS_A_MULTI = 10 };

struct pool;
struct multi;

struct slot {
    struct loop_mail mail;
    struct multi *multi;
    CURL *easy;
    struct http_transfer *transfer;
    bool fresh; // must be initialised
    struct slot *next_free;
};

struct multi {
    CURLM *curl;
    struct pool *pool;
    struct loop_timer timer;
    struct slot slots[SLOTS_A_MULTI];
    struct multi *next;
};

// libcurl takes a connection out of the watch after each answer and puts it in again
// for the next request. The descriptor stays in epoll meanwhile, which saves two system
// calls a call; it goes when it speaks while nobody listens, or when libcurl closes it.
// What else libcurl has watched (the pipe of a name's look-up) is closed without a word
// to us, and its number is the next connection's: that goes at once.
struct socket_watch {
    struct loop_watch watch;
    struct multi *multi; // who listens, or NULL
    curl_socket_t fd;
    bool is_connection; // opened, and to be closed, by way of us
    uint32_t events;    // as epoll knows it; 0 = not in epoll
};

struct pool {
    struct loop *loop;
    struct multi *multis;
    struct slot *free_slots;
    struct socket_watch **sockets; // by descriptor
    size_t socket_room;
};

static void
finish_done(struct multi *multi)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi->curl, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE)
            continue;
        char *private = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private);
        struct slot *slot = (struct slot *)(void *)private;
        slot->transfer->result = message->data.result;
        curl_multi_remove_handle(multi->curl, slot->easy);
        loop_wake(&slot->transfer->wait);
    }
}

static void
unwatch(struct pool *pool, struct socket_watch *socket)
{
    if (socket->events != 0)
        loop_watch_fd(pool->loop, socket->fd, &socket->watch, 0, true);
    socket->events = 0;
    socket->multi = NULL;
}

static void
socket_ready(struct loop_watch *watch, uint32_t events)
{
    struct socket_watch *socket = (struct socket_watch *)watch;
    struct multi *multi = socket->multi;
    int flags = 0;
    if (multi == NULL) {
        loop_watch_fd(loop_current(), socket->fd, &socket->watch, 0, true);
        socket->events = 0;
        return;
    }
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        flags |= CURL_CSELECT_IN;
    if ((events & EPOLLOUT) != 0)
        flags |= CURL_CSELECT_OUT;
    if ((events & EPOLLERR) != 0)
        flags |= CURL_CSELECT_ERR;
    int running;
    curl_multi_socket_action(multi->curl, socket->fd, flags, &running);
    finish_done(multi);
}

static struct socket_watch *
socket_of(struct pool *pool, curl_socket_t fd)
{
    size_t index = (size_t)fd;
    if (index >= pool->socket_room) {
        size_t room = pool->socket_room == 0 ? 64 : pool->socket_room;
        while (room <= index)
            room *= 2;
        pool->sockets = str_realloc(pool->sockets, room * sizeof *pool->sockets);
        memset(pool->sockets + pool->socket_room, 0,
               (room - pool->socket_room) * sizeof *pool->sockets);
        pool->socket_room = room;
    }
    if (pool->sockets[index] == NULL) {
        struct socket_watch *socket = str_calloc(1, sizeof *socket);
        socket->watch.ready = socket_ready;
        socket->fd = fd;
        pool->sockets[index] = socket;
    }
    return pool->sockets[index];
}

static int
on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
    (void)easy;
    (void)assigned;
    struct multi *multi = arg;
    struct socket_watch *socket = socket_of(multi->pool, fd);
    if (what == CURL_POLL_REMOVE) {
        socket->multi = NULL;
        if (!socket->is_connection)
            unwatch(multi->pool, socket);
        return 0;
    }
    uint32_t events = 0;
    if ((what & CURL_POLL_IN) != 0)
        events |= EPOLLIN;
    if ((what & CURL_POLL_OUT) != 0)
        events |= EPOLLOUT;
    socket->multi = multi;
    if (socket->events != events)
        loop_watch_fd(multi->pool->loop, fd, &socket->watch, events,
                      socket->events != 0);
    socket->events = events;
    return 0;
}

curl_socket_t
http_pool_open_socket(void *pool, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd =
        socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (fd >= 0 && pool != NULL) {
        struct socket_watch *opened = socket_of(pool, fd);
        opened->is_connection = true;
        opened->events = 0;
    }
    return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

int
http_pool_close_socket(void *pool, curl_socket_t fd)
{
    if (pool != NULL) {
        struct socket_watch *socket = socket_of(pool, fd);
        unwatch(pool, socket);
        socket->is_connection = false;
    }
    return close(fd);
}

static void
timer_fired(struct loop_timer *timer)
{
    struct multi *multi =
        (struct multi *)(void *)((char *)timer - offsetof(struct multi, timer));
    int running;
    curl_multi_socket_action(multi->curl, CURL_SOCKET_TIMEOUT, 0, &running);
    finish_done(multi);
}

static int
on_timer(CURLM *curl, long timeout_ms, void *arg)
{
    (void)curl;
    struct multi *multi = arg;
    if (timeout_ms < 0)
        loop_timer_stop(multi->pool->loop, &multi->timer);
    else
        loop_timer_set(multi->pool->loop, &multi->timer, clock_ms() + timeout_ms);
    return 0;
}

static void
add_multi(struct pool *pool)
{
    struct multi *multi = str_calloc(1, sizeof *multi);
    multi->pool = pool;
    multi->timer.fire = timer_fired;
    multi->curl = curl_multi_init();
    if (multi->curl == NULL)
        abort();
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->curl, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi->curl, CURLMOPT_TIMERDATA, multi);
    curl_multi_setopt(multi->curl, CURLMOPT_MAXCONNECTS, (long)SLOTS_A_MULTI);
    curl_multi_setopt(multi->curl, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    for (int i = SLOTS_A_MULTI - 1; i >= 0; i--) {
        struct slot *slot = &multi->slots[i];
        slot->multi = multi;
        slot->next_free = pool->free_slots;
        pool->free_slots = slot;
    }
    multi->next = pool->multis;
    pool->multis = multi;
}

static void
free_pool(void *arg)
{
    struct pool *pool = arg;
    while (pool->multis != NULL) {
        struct multi *multi = pool->multis;
        pool->multis = multi->next;
        loop_timer_stop(pool->loop, &multi->timer);
        for (int i = 0; i < SLOTS_A_MULTI; i++)
            curl_easy_cleanup(multi->slots[i].easy);
        curl_multi_cleanup(multi->curl);
        loop_timer_stop(pool->loop, &multi->timer);
        free(multi);
    }
    for (size_t i = 0; i < pool->socket_room; i++)
        free(pool->sockets[i]);
    free(pool->sockets);
    free(pool);
}

static struct pool *
pool_of_this_loop(void)
{
    struct loop *loop = loop_current();
    struct loop_owned *owned = loop_http_slot(loop);
    if (owned->what == NULL) {
        struct pool *pool = str_calloc(1, sizeof *pool);
        pool->loop = loop;
        *owned = (struct loop_owned){.what = pool, .free_fn = free_pool};
    }
    return owned->what;
}

static struct slot *
take_slot(struct pool *pool)
{
    if (pool->free_slots == NULL)
        add_multi(pool);
    struct slot *slot = pool->free_slots;
    pool->free_slots = slot->next_free;
    if (slot->easy == NULL) {
        slot->easy = curl_easy_init();
        if (slot->easy == NULL)
            abort();
        slot->fresh = true;
    }
    if (slot->fresh) {
        http_transfer_init(slot->easy, pool);
        curl_easy_setopt(slot->easy, CURLOPT_PRIVATE, slot);
    }
    slot->fresh = false;
    return slot;
}

static void
give_slot_back(struct pool *pool, struct slot *slot)
{
    slot->fresh = slot->transfer->request->parts_count > 0;
    slot->transfer = NULL;
    slot->next_free = pool->free_slots;
    pool->free_slots = slot;
}

static void
start_transfer(struct loop_mail *mail)
{
    struct slot *slot =
        (struct slot *)(void *)((char *)mail - offsetof(struct slot, mail));
    if (curl_multi_add_handle(slot->multi->curl, slot->easy) != CURLM_OK) {
        slot->transfer->result = CURLE_FAILED_INIT;
        loop_wake(&slot->transfer->wait);
    }
}

static void
cut_transfer(struct loop_mail *mail)
{
    struct slot *slot =
        (struct slot *)(void *)((char *)mail - offsetof(struct slot, mail));
    curl_multi_remove_handle(slot->multi->curl, slot->easy);
    loop_wake(&slot->transfer->wait);
}

bool
http_pool_run(struct http_transfer *transfer)
{
    struct pool *pool = pool_of_this_loop();
    struct slot *slot = take_slot(pool);
    slot->transfer = transfer;
    if (!http_transfer_prepare(transfer, slot->easy)) {
        http_transfer_finish(transfer, slot->easy);
        give_slot_back(pool, slot);
        return false;
    }
    loop_wait_begin(&transfer->wait);
    slot->mail.deliver = start_transfer;
    loop_post(pool->loop, &slot->mail);
    if (!loop_wait(&transfer->wait, transfer->due_ms, transfer->service->name)) {
        transfer->cut = true;
        loop_wait_begin(&transfer->wait);
        slot->mail.deliver = cut_transfer;
        loop_post(pool->loop, &slot->mail);
        (void)loop_wait(&transfer->wait, INT64_MAX, "the cut");
    }
    http_transfer_finish(transfer, slot->easy);
    give_slot_back(pool, slot);
    return true;
}
