#include "harness_wait.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "harness_internal.h"
#include "harness_time.h"

// The longest sleep: a wall clock that is set must not stop the timer for ever.
enum { LONGEST_MS = 1000, EVENTS = 16 };

struct waiting {
    struct call *call;
    int64_t due_ms; // monotonic
    int fd;         // watched for the client leaving, or -1
};

struct waiter {
    struct sim *sim;
    pthread_t thread;
    pthread_mutex_t lock; // guards the list; taken after the simulator's, never before
    struct waiting *list;
    size_t count;
    size_t room;
    int epoll_fd;
    int event_fd;
    _Atomic int64_t timer_ms; // wall clock, -1: no timer
    _Atomic bool stopping;
    bool closed; // the thread is past its last look at the list
};

void
waiter_notify(struct waiter *waiter)
{
    uint64_t one = 1;
    // A full counter wakes just as well.
    if (write(waiter->event_fd, &one, sizeof one) < 0)
        return;
}

void
waiter_wake_at(struct waiter *waiter, int64_t at_ms)
{
    int64_t old = waiter->timer_ms;
    if (old >= 0 && old <= at_ms)
        return;
    waiter->timer_ms = at_ms;
    waiter_notify(waiter);
}

static int
connection_fd(struct call *call)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(
        call->own->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    return info == NULL ? -1 : info->connect_fd;
}

// With the lock held.
static void
add(struct waiter *waiter, struct waiting wait)
{
    if (waiter->count == waiter->room) {
        waiter->room = waiter->room == 0 ? 64 : waiter->room * 2;
        waiter->list = realloc(waiter->list, waiter->room * sizeof *waiter->list);
        if (waiter->list == NULL)
            abort();
    }
    waiter->list[waiter->count++] = wait;
    if (wait.fd >= 0) {
        struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT};
        epoll_ctl(waiter->epoll_fd, EPOLL_CTL_ADD, wait.fd, &event);
    }
}

bool
waiter_park(struct waiter *waiter, struct call *call)
{
    struct waiting wait = {
        .call = call,
        .due_ms = time_mono_ms() + call->own->wait_ms,
        .fd = call->own->watch_client ? connection_fd(call) : -1,
    };
    pthread_mutex_lock(&waiter->lock);
    bool open = !waiter->closed;
    if (open) {
        MHD_suspend_connection(call->own->connection);
        add(waiter, wait);
    }
    pthread_mutex_unlock(&waiter->lock);
    waiter_notify(waiter);
    return open;
}

static bool
client_left(int fd)
{
    struct pollfd one = {.fd = fd, .events = POLLRDHUP};
    return fd >= 0 && poll(&one, 1, 0) > 0;
}

// Takes the lock of the simulator for the ready function, so never under waiter->lock.
static bool
is_over(struct waiter *waiter, const struct waiting *wait)
{
    if (waiter->stopping || wait->due_ms <= time_mono_ms() || client_left(wait->fd))
        return true;
    if (wait->call->own->ready == NULL)
        return false;
    sim_lock(waiter->sim);
    wait->call->ready = wait->call->own->ready(wait->call);
    sim_unlock(waiter->sim);
    return wait->call->ready;
}

static void
resume(struct waiter *waiter, const struct waiting *wait)
{
    if (wait->fd >= 0)
        epoll_ctl(waiter->epoll_fd, EPOLL_CTL_DEL, wait->fd, NULL);
    if (waiter->stopping)
        wait->call->own->stage = STAGE_DROP;
    MHD_resume_connection(wait->call->own->connection);
}

static struct waiting
at(struct waiter *waiter, size_t i)
{
    pthread_mutex_lock(&waiter->lock);
    struct waiting wait = waiter->list[i];
    pthread_mutex_unlock(&waiter->lock);
    return wait;
}

static size_t
size(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    size_t count = waiter->count;
    pthread_mutex_unlock(&waiter->lock);
    return count;
}

// Only this thread removes, so an index stays good while others append.
static int64_t
resume_due(struct waiter *waiter)
{
    int64_t next_ms = LONGEST_MS;
    size_t i = 0;
    while (i < size(waiter)) {
        struct waiting wait = at(waiter, i);
        if (!is_over(waiter, &wait)) {
            int64_t left_ms = wait.due_ms - time_mono_ms();
            next_ms = left_ms < next_ms ? left_ms : next_ms;
            i++;
            continue;
        }
        pthread_mutex_lock(&waiter->lock);
        waiter->list[i] = waiter->list[--waiter->count];
        pthread_mutex_unlock(&waiter->lock);
        resume(waiter, &wait);
    }
    return next_ms < 0 ? 0 : next_ms;
}

static int64_t
run_timer(struct waiter *waiter)
{
    struct sim *sim = waiter->sim;
    int64_t due_ms = waiter->stopping ? -1 : waiter->timer_ms;
    int64_t now_ms = time_now_ms();
    if (due_ms < 0 || sim->ops->on_time == NULL)
        return LONGEST_MS;
    if (due_ms > now_ms)
        return due_ms - now_ms;
    sim_lock(sim);
    waiter->timer_ms = -1;
    int64_t next_ms = sim->ops->on_time(sim, now_ms);
    store_commit(sim->store);
    sim_unlock(sim);
    if (next_ms >= 0)
        waiter_wake_at(waiter, next_ms);
    return 0;
}

static bool
close_when_done(struct waiter *waiter)
{
    pthread_mutex_lock(&waiter->lock);
    waiter->closed = waiter->stopping && waiter->count == 0;
    bool closed = waiter->closed;
    pthread_mutex_unlock(&waiter->lock);
    return closed;
}

static void *
run(void *arg)
{
    struct waiter *waiter = arg;
    while (!close_when_done(waiter)) {
        int64_t timer_ms = run_timer(waiter);
        int64_t call_ms = resume_due(waiter);
        int64_t sleep_ms = timer_ms < call_ms ? timer_ms : call_ms;
        struct epoll_event events[EVENTS];
        if (epoll_wait(waiter->epoll_fd, events, EVENTS, (int)sleep_ms) < 0)
            continue;
        uint64_t count = 0;
        if (read(waiter->event_fd, &count, sizeof count) < 0)
            continue;
    }
    return NULL;
}

struct waiter *
waiter_start(struct sim *sim)
{
    struct waiter *waiter = calloc(1, sizeof *waiter);
    if (waiter == NULL)
        abort();
    waiter->sim = sim;
    waiter->timer_ms = -1;
    pthread_mutex_init(&waiter->lock, NULL);
    waiter->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    waiter->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(waiter->epoll_fd, EPOLL_CTL_ADD, waiter->event_fd, &event) != 0
        || pthread_create(&waiter->thread, NULL, run, waiter) != 0)
        abort();
    return waiter;
}

void
waiter_stop(struct waiter *waiter)
{
    waiter->stopping = true;
    waiter_notify(waiter);
    pthread_join(waiter->thread, NULL);
}

void
waiter_free(struct waiter *waiter)
{
    close(waiter->epoll_fd);
    close(waiter->event_fd);
    pthread_mutex_destroy(&waiter->lock);
    free(waiter->list);
    free(waiter);
}
