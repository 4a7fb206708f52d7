#include "common/loop.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/str.h"

enum {
    EVENTS_A_POLL = 128,
    RESUMES_A_TURN = 64,
    TURN_NS = 1000 * 1000,
    IDLE_STACKS = 1024,
};

struct fiber_queue { // a ring that doubles
    struct fiber **at;
    size_t room, head, count;
};

struct mail_list {
    struct loop_mail *first, **last;
};

struct loop {
    int epoll_fd, event_fd;
    pthread_t thread;
    bool started;
    struct fiber_pool *pool;
    struct fiber_queue ready;
    struct loop_timer **timers; // a binary heap, 1-based
    size_t timer_count, timer_room;
    struct epoll_event events[EVENTS_A_POLL];
    int event_count, event_at; // the batch that is being delivered
    struct mail_list own;      // posted by the loop's own thread: no lock, no wake-up
    pthread_mutex_t lock;      // of `inbox`
    struct mail_list inbox;
    bool stopping;
    atomic_ullong turns;
    struct loop_owned http;
    struct loop_watch wake_watch;
    struct loop_mail stop_mail;
};

static _Thread_local struct loop *current_loop;

static void
mail_init(struct mail_list *list)
{
    list->first = NULL;
    list->last = &list->first;
}

static void
mail_append(struct mail_list *list, struct loop_mail *mail)
{
    mail->next = NULL;
    *list->last = mail;
    list->last = &mail->next;
}

static void
ready_push(struct loop *loop, struct fiber *fiber)
{
    struct fiber_queue *q = &loop->ready;
    if (q->count == q->room) {
        size_t room = q->room == 0 ? 64 : q->room * 2;
        struct fiber **at = str_alloc(room * sizeof *at);
        for (size_t i = 0; i < q->count; i++)
            at[i] = q->at[(q->head + i) % q->room];
        free(q->at);
        q->at = at;
        q->room = room;
        q->head = 0;
    }
    q->at[(q->head + q->count) % q->room] = fiber;
    q->count++;
}

static struct fiber *
ready_pop(struct loop *loop)
{
    struct fiber_queue *q = &loop->ready;
    struct fiber *fiber = q->at[q->head];
    q->head = (q->head + 1) % q->room;
    q->count--;
    return fiber;
}

static void
drain_event_fd(struct loop_watch *watch, uint32_t events)
{
    (void)events;
    struct loop *loop =
        (struct loop *)(void *)((char *)watch - offsetof(struct loop, wake_watch));
    uint64_t count;
    while (read(loop->event_fd, &count, sizeof count) < 0 && errno == EINTR)
        continue;
}

struct loop *
loop_new(size_t stack_bytes, struct error *err)
{
    struct loop *loop = str_calloc(1, sizeof *loop);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&loop->lock, NULL);
    mail_init(&loop->own);
    mail_init(&loop->inbox);
    loop->pool = fiber_pool_new(stack_bytes, IDLE_STACKS);
    if (loop->epoll_fd < 0 || loop->event_fd < 0) {
        loop_free(loop);
        error_fatal(err,
                    "no descriptor for an event loop: raise the limit of open files");
        return NULL;
    }
    loop->wake_watch.ready = drain_event_fd;
    loop_watch_fd(loop, loop->event_fd, &loop->wake_watch, EPOLLIN, false);
    return loop;
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL)
        return;
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->event_fd >= 0)
        close(loop->event_fd);
    pthread_mutex_destroy(&loop->lock);
    fiber_pool_free(loop->pool);
    free(loop->ready.at);
    free(loop->timers);
    free(loop);
}

// ---- timers

static void
heap_put(struct loop *loop, size_t slot, struct loop_timer *timer)
{
    loop->timers[slot] = timer;
    timer->slot = slot;
}

static void
heap_up(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->timers[slot];
    while (slot > 1 && loop->timers[slot / 2]->due_ms > timer->due_ms) {
        heap_put(loop, slot, loop->timers[slot / 2]);
        slot /= 2;
    }
    heap_put(loop, slot, timer);
}

static void
heap_down(struct loop *loop, size_t slot)
{
    struct loop_timer *timer = loop->timers[slot];
    for (;;) {
        size_t child = slot * 2;
        if (child > loop->timer_count)
            break;
        if (child < loop->timer_count
            && loop->timers[child + 1]->due_ms < loop->timers[child]->due_ms)
            child++;
        if (loop->timers[child]->due_ms >= timer->due_ms)
            break;
        heap_put(loop, slot, loop->timers[child]);
        slot = child;
    }
    heap_put(loop, slot, timer);
}

void
loop_timer_stop(struct loop *loop, struct loop_timer *timer)
{
    size_t slot = timer->slot;
    if (slot == 0)
        return;
    timer->slot = 0;
    struct loop_timer *moved = loop->timers[loop->timer_count--];
    if (moved == timer)
        return;
    heap_put(loop, slot, moved);
    heap_up(loop, slot);
    heap_down(loop, moved->slot);
}

void
loop_timer_set(struct loop *loop, struct loop_timer *timer, int64_t due_ms)
{
    loop_timer_stop(loop, timer);
    if (loop->timer_count + 1 >= loop->timer_room) {
        loop->timer_room = loop->timer_room == 0 ? 64 : loop->timer_room * 2;
        loop->timers =
            str_realloc(loop->timers, loop->timer_room * sizeof *loop->timers);
    }
    timer->due_ms = due_ms;
    heap_put(loop, ++loop->timer_count, timer);
    heap_up(loop, loop->timer_count);
}

static void
fire_due_timers(struct loop *loop)
{
    int64_t now = clock_ms();
    while (loop->timer_count > 0 && loop->timers[1]->due_ms <= now) {
        struct loop_timer *timer = loop->timers[1];
        loop_timer_stop(loop, timer);
        timer->fire(timer);
    }
}

// ---- descriptors

void
loop_watch_fd(struct loop *loop, int fd, struct loop_watch *watch, uint32_t events,
              bool known)
{
    struct epoll_event event = {.events = events, .data.ptr = watch};
    if (events != 0) {
        epoll_ctl(loop->epoll_fd, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
        return;
    }
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
    // What the same poll already reported about it must not be delivered any more.
    for (int i = loop->event_at; i < loop->event_count; i++) {
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
    }
}

// ---- mail

void
loop_post(struct loop *loop, struct loop_mail *mail)
{
    if (current_loop == loop) {
        mail_append(&loop->own, mail);
        return;
    }
    pthread_mutex_lock(&loop->lock);
    bool was_empty = loop->inbox.first == NULL;
    mail_append(&loop->inbox, mail);
    pthread_mutex_unlock(&loop->lock);
    if (!was_empty)
        return;
    uint64_t one = 1;
    while (write(loop->event_fd, &one, sizeof one) < 0 && errno == EINTR)
        continue;
}

static void
deliver_all(struct loop_mail *mail)
{
    while (mail != NULL) {
        struct loop_mail *next = mail->next;
        mail->deliver(mail);
        mail = next;
    }
}

static void
deliver_inbox(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    struct loop_mail *mail = loop->inbox.first;
    mail_init(&loop->inbox);
    pthread_mutex_unlock(&loop->lock);
    deliver_all(mail);
}

static void
deliver_own(struct loop *loop)
{
    while (loop->own.first != NULL) {
        struct loop_mail *mail = loop->own.first;
        mail_init(&loop->own);
        deliver_all(mail);
    }
}

// ---- fibers

struct fiber *
loop_spawn(struct loop *loop, void (*fn)(void *), void *arg)
{
    struct fiber *fiber = fiber_new(loop->pool, fn, arg);
    ready_push(loop, fiber);
    return fiber;
}

static void
run_ready_fibers(struct loop *loop)
{
    int64_t until_ns = clock_ns() + TURN_NS;
    for (int i = 0; i < RESUMES_A_TURN && loop->ready.count > 0; i++) {
        fiber_resume(ready_pop(loop));
        if (i % 8 == 7 && clock_ns() >= until_ns)
            break;
    }
}

static void
wait_timed_out(struct loop_timer *timer)
{
    struct loop_wait *wait =
        (struct loop_wait *)(void *)((char *)timer - offsetof(struct loop_wait, timer));
    if (wait->woken)
        return;
    wait->woken = true;
    wait->timed_out = true;
    ready_push(current_loop, wait->fiber);
}

void
loop_wait_begin(struct loop_wait *wait)
{
    *wait = (struct loop_wait){.timer.fire = wait_timed_out};
}

bool
loop_wait(struct loop_wait *wait, int64_t due_ms, const char *what)
{
    if (wait->woken)
        return true;
    wait->fiber = fiber_current();
    if (due_ms != INT64_MAX)
        loop_timer_set(current_loop, &wait->timer, due_ms);
    fiber_waits_for(what);
    fiber_wait();
    loop_timer_stop(current_loop, &wait->timer);
    return !wait->timed_out;
}

void
loop_wake(struct loop_wait *wait)
{
    if (wait->woken)
        return;
    wait->woken = true;
    if (wait->fiber != NULL)
        ready_push(current_loop, wait->fiber);
}

// ---- the thread

static int
poll_timeout(struct loop *loop)
{
    if (loop->ready.count > 0 || loop->own.first != NULL)
        return 0;
    if (loop->timer_count == 0)
        return 1000;
    int64_t left = loop->timers[1]->due_ms - clock_ms();
    if (left <= 0)
        return 0;
    return left > 1000 ? 1000 : (int)left;
}

static void
turn(struct loop *loop)
{
    int count =
        epoll_wait(loop->epoll_fd, loop->events, EVENTS_A_POLL, poll_timeout(loop));
    loop->event_count = count < 0 ? 0 : count;
    loop->event_at = 0;
    fire_due_timers(loop);
    while (loop->event_at < loop->event_count) {
        struct epoll_event event = loop->events[loop->event_at++];
        struct loop_watch *watch = event.data.ptr;
        if (watch != NULL)
            watch->ready(watch, event.events);
    }
    loop->event_count = 0;
    deliver_inbox(loop);
    run_ready_fibers(loop);
    deliver_own(loop);
    atomic_fetch_add_explicit(&loop->turns, 1, memory_order_relaxed);
}

// A stack overflow hits a guard page; the handler needs a stack of its own to say so.
static void *
make_signal_stack(void)
{
    enum { SIGNAL_STACK = 64 * 1024 };
    void *memory = str_alloc(SIGNAL_STACK);
    stack_t stack = {.ss_sp = memory, .ss_size = SIGNAL_STACK};
    sigaltstack(&stack, NULL);
    return memory;
}

static void *
loop_main(void *arg)
{
    struct loop *loop = arg;
    current_loop = loop;
    void *signal_stack = make_signal_stack();
    while (!loop->stopping || fiber_count(loop->pool) > 0)
        turn(loop);
    if (loop->http.free_fn != NULL)
        loop->http.free_fn(loop->http.what);
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    free(signal_stack);
    current_loop = NULL;
    return NULL;
}

bool
loop_start(struct loop *loop, const char *thread_name, struct error *err)
{
    if (pthread_create(&loop->thread, NULL, loop_main, loop) != 0)
        return error_fatal(err,
                           "no thread for an event loop: raise the limit of tasks");
    pthread_setname_np(loop->thread, thread_name);
    loop->started = true;
    return true;
}

static void
stop_now(struct loop_mail *mail)
{
    struct loop *loop =
        (struct loop *)(void *)((char *)mail - offsetof(struct loop, stop_mail));
    loop->stopping = true;
}

void
loop_stop(struct loop *loop)
{
    if (!loop->started)
        return;
    loop->stop_mail.deliver = stop_now;
    loop_post(loop, &loop->stop_mail);
    pthread_join(loop->thread, NULL);
    loop->started = false;
}

struct loop *
loop_current(void)
{
    return current_loop;
}

struct fiber_pool *
loop_pool(struct loop *loop)
{
    return loop->pool;
}

uint64_t
loop_turns(const struct loop *loop)
{
    return atomic_load_explicit(&loop->turns, memory_order_relaxed);
}

struct loop_owned *
loop_http_slot(struct loop *loop)
{
    return &loop->http;
}
