#include "common/loop.h"

#include "tests/harness/test.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common/clock.h"

static struct loop *
start_loop(void)
{
    struct error err;
    struct loop *loop = loop_new(65536, &err);
    assert_non_null(loop);
    assert_true(loop_start(loop, "test-loop", &err));
    return loop;
}

static void
end_loop(struct loop *loop)
{
    loop_stop(loop);
    loop_free(loop);
}

struct letter {
    struct loop_mail mail;
    struct loop *loop;
    void (*run)(void *);
    atomic_int done;
    int order[64];
    int count;
    struct loop_wait wait;
    bool woken_in_time;
    struct letter *other;
};

static void
spawn(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    loop_spawn(letter->loop, letter->run, letter);
}

static void
wait_for_a_deadline(void *arg)
{
    struct letter *letter = arg;
    loop_wait_begin(&letter->wait);
    letter->woken_in_time = loop_wait(&letter->wait, clock_ms() + 5, "the deadline");
    atomic_store(&letter->done, 1);
}

static void
a_wait_ends_at_its_deadline(void **state)
{
    (void)state;
    struct loop *loop = start_loop();
    struct letter letter = {
        .mail.deliver = spawn, .loop = loop, .run = wait_for_a_deadline};
    letter.woken_in_time = true;
    loop_post(loop, &letter.mail);
    end_loop(loop); // waits for the fiber
    assert_int_equal(atomic_load(&letter.done), 1);
    assert_false(letter.woken_in_time);
}

static void
wait_for_a_letter(void *arg)
{
    struct letter *letter = arg;
    loop_wait_begin(&letter->wait);
    atomic_store(&letter->done, 1);
    letter->woken_in_time = loop_wait(&letter->wait, INT64_MAX, "a letter");
    atomic_store(&letter->done, 2);
}

static void
wake_other(struct loop_mail *mail)
{
    struct letter *letter = (struct letter *)mail;
    loop_wake(&letter->other->wait);
}

static void
a_letter_from_another_thread_wakes_a_fiber(void **state)
{
    (void)state;
    struct loop *loop = start_loop();
    struct letter waits = {
        .mail.deliver = spawn, .loop = loop, .run = wait_for_a_letter};
    struct letter wakes = {.mail.deliver = wake_other, .other = &waits};
    loop_post(loop, &waits.mail);
    while (atomic_load(&waits.done) == 0)
        sched_yield();
    loop_post(loop, &wakes.mail);
    end_loop(loop);
    assert_int_equal(atomic_load(&waits.done), 2);
    assert_true(waits.woken_in_time);
}

struct stamp {
    struct loop_timer timer;
    struct letter *letter;
    int number;
};

static void
note_timer(struct loop_timer *timer)
{
    struct stamp *stamp = (struct stamp *)timer;
    stamp->letter->order[stamp->letter->count++] = stamp->number;
}

enum { STAMPS = 50 };
struct timers_case {
    struct letter letter;
    struct stamp stamps[STAMPS];
};

static void
arm_and_wait(void *arg)
{
    struct timers_case *c = arg;
    int64_t now = clock_ms();
    for (int i = 0; i < STAMPS; i++) {
        c->stamps[i] = (struct stamp){.timer.fire = note_timer,
                                      .letter = &c->letter,
                                      .number = (i * 37) % STAMPS};
        loop_timer_set(c->letter.loop, &c->stamps[i].timer,
                       now + c->stamps[i].number / 10);
    }
    for (int i = 0; i < STAMPS; i += 5)
        loop_timer_stop(c->letter.loop, &c->stamps[i].timer);
    struct loop_wait wait;
    loop_wait_begin(&wait);
    (void)loop_wait(&wait, now + 30, "timers");
}

static void
timers_fire_in_order_and_stopped_ones_do_not(void **state)
{
    (void)state;
    struct loop *loop = start_loop();
    struct timers_case c = {
        .letter = {.mail.deliver = spawn, .loop = loop, .run = arm_and_wait}};
    loop_post(loop, &c.letter.mail);
    end_loop(loop);
    assert_int_equal(c.letter.count, STAMPS - STAMPS / 5);
    for (int i = 1; i < c.letter.count; i++)
        assert_true(c.letter.order[i - 1] / 10 <= c.letter.order[i] / 10);
}

enum { SENDERS = 4, LETTERS = 2000 };
struct sender {
    struct loop *loop;
    struct numbered {
        struct loop_mail mail;
        struct sender *sender;
        int number;
    } letters[LETTERS];
    int next;
    bool in_order;
};

static void
note_letter(struct loop_mail *mail)
{
    struct numbered *letter = (struct numbered *)mail;
    struct sender *sender = letter->sender;
    sender->in_order = sender->in_order && letter->number == sender->next;
    sender->next++;
}

static void *
send_all(void *arg)
{
    struct sender *sender = arg;
    for (int i = 0; i < LETTERS; i++) {
        sender->letters[i] = (struct numbered){
            .mail.deliver = note_letter, .sender = sender, .number = i};
        loop_post(sender->loop, &sender->letters[i].mail);
    }
    return NULL;
}

static void
letters_of_one_sender_arrive_in_order_and_none_is_lost(void **state)
{
    (void)state;
    static struct sender senders[SENDERS];
    pthread_t threads[SENDERS];
    struct loop *loop = start_loop();
    for (int i = 0; i < SENDERS; i++) {
        senders[i].loop = loop;
        senders[i].in_order = true;
        pthread_create(&threads[i], NULL, send_all, &senders[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    end_loop(loop);
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(senders[i].next, LETTERS);
        assert_true(senders[i].in_order);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wait_ends_at_its_deadline),
        cmocka_unit_test(a_letter_from_another_thread_wakes_a_fiber),
        cmocka_unit_test(timers_fire_in_order_and_stopped_ones_do_not),
        cmocka_unit_test(letters_of_one_sender_arrive_in_order_and_none_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
