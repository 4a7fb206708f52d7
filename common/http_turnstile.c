#include "common/http_turnstile.h"

#include <pthread.h>
#include <stdlib.h>

#include "common/loop.h"
#include "common/str.h"

enum visitor_state { VISITOR_WAITS, VISITOR_CALLED, VISITOR_GONE };

// Allocated, because the letter that calls a visitor in may arrive after it gave up.
struct visitor {
    struct loop_mail mail;
    struct loop *loop;
    struct http_turnstile *turnstile;
    struct loop_wait *wait; // the fiber's; NULL once it gave up
    bool called_in;         // the letter came; known to the visitor's loop only
    enum visitor_state state;
    struct visitor *next;
};

struct http_turnstile {
    pthread_mutex_t lock;
    int free_places;
    struct visitor *first, **last;
};

struct http_turnstile *
http_turnstile_new(int places)
{
    struct http_turnstile *turnstile = str_calloc(1, sizeof *turnstile);
    pthread_mutex_init(&turnstile->lock, NULL);
    turnstile->free_places = places;
    turnstile->last = &turnstile->first;
    return turnstile;
}

void
http_turnstile_free(struct http_turnstile *turnstile)
{
    if (turnstile == NULL)
        return;
    pthread_mutex_destroy(&turnstile->lock);
    free(turnstile);
}

// On the visitor's loop: the place was handed over. If the fiber has given up
// meanwhile, the place goes on to the next in line.
static void
call_in(struct loop_mail *mail)
{
    struct visitor *visitor = (struct visitor *)mail;
    visitor->called_in = true;
    if (visitor->wait != NULL) {
        loop_wake(visitor->wait);
        return; // the fiber frees it
    }
    http_turnstile_leave(visitor->turnstile);
    free(visitor);
}

static struct visitor *
join_line(struct http_turnstile *turnstile, struct loop_wait *wait)
{
    struct visitor *visitor = NULL;
    pthread_mutex_lock(&turnstile->lock);
    if (turnstile->free_places > 0) {
        turnstile->free_places--;
    } else {
        visitor = str_calloc(1, sizeof *visitor);
        visitor->mail.deliver = call_in;
        visitor->loop = loop_current();
        visitor->turnstile = turnstile;
        visitor->wait = wait;
        *turnstile->last = visitor;
        turnstile->last = &visitor->next;
    }
    pthread_mutex_unlock(&turnstile->lock);
    return visitor;
}

// Takes a visitor that gave up out of the line. False: it was called in already, and
// the letter is on its way.
static bool
leave_line(struct http_turnstile *turnstile, struct visitor *visitor)
{
    pthread_mutex_lock(&turnstile->lock);
    bool waiting = visitor->state == VISITOR_WAITS;
    visitor->state = VISITOR_GONE;
    if (waiting) {
        struct visitor **at = &turnstile->first;
        while (*at != visitor)
            at = &(*at)->next;
        *at = visitor->next;
        if (visitor->next == NULL)
            turnstile->last = at;
    }
    pthread_mutex_unlock(&turnstile->lock);
    return waiting;
}

bool
http_turnstile_enter(struct http_turnstile *turnstile, struct job *job)
{
    if (turnstile == NULL || loop_current() == NULL)
        return true;
    struct loop_wait wait;
    loop_wait_begin(&wait);
    struct visitor *visitor = join_line(turnstile, &wait);
    if (visitor == NULL)
        return true;
    if (loop_wait(&wait, job->deadline_ms, "a free place")) {
        free(visitor);
        return true;
    }
    visitor->wait = NULL;
    bool stood_in_line = leave_line(turnstile, visitor);
    if (!stood_in_line && visitor->called_in)
        http_turnstile_leave(turnstile); // the letter came just after the deadline
    if (stood_in_line || visitor->called_in)
        free(visitor); // otherwise the letter frees it
    return error_retryable(&job->error, "no free place for a call within the deadline");
}

void
http_turnstile_leave(struct http_turnstile *turnstile)
{
    if (turnstile == NULL || loop_current() == NULL)
        return;
    pthread_mutex_lock(&turnstile->lock);
    struct visitor *visitor = turnstile->first;
    if (visitor == NULL) {
        turnstile->free_places++;
    } else {
        turnstile->first = visitor->next;
        if (turnstile->first == NULL)
            turnstile->last = &turnstile->first;
        visitor->state = VISITOR_CALLED;
        // Posted under the lock: the visitor cannot give up and be freed in between.
        loop_post(visitor->loop, &visitor->mail);
    }
    pthread_mutex_unlock(&turnstile->lock);
}
