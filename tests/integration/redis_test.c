// Redis, and budgets shared through it: as it should be, away, and frozen.
#include "tests/harness/test.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/lease.h"
#include "common/loop.h"
#include "common/redis.h"
#include "common/str.h"
#include "tests/integration/script.h"

enum { SECOND_MS = 1000, RATE = 50 };

struct world {
    char url[160];
    struct loop *loop;
    struct redis *redis;
};

static int
begin(void **state)
{
    struct world *world = str_calloc(1, sizeof *world);
    struct error err;
    char pid[24];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    script_run("redis.sh", "start", pid, world->url, sizeof world->url);
    world->loop = loop_new(65536, &err);
    world->redis = redis_open(world->url, &err);
    if (world->loop == NULL || world->redis == NULL
        || !loop_start(world->loop, "test", &err))
        fail_msg("%s", err.text);
    *state = world;
    return 0;
}

static int
end(void **state)
{
    struct world *world = *state;
    redis_stop(world->redis);
    loop_stop(world->loop);
    loop_free(world->loop);
    redis_free(world->redis);
    script_run("redis.sh", "stop", world->url, NULL, 0);
    free(world);
    return 0;
}

// ---- one read in a fiber of the loop

struct reading {
    struct loop_mail mail;
    struct world *world;
    const char *key;
    int64_t wait_ms;
    char text[100];
    bool found;
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done;
};

static void
read_key(void *arg)
{
    struct reading *reading = arg;
    reading->found = redis_get(reading->world->redis, reading->key, reading->text,
                               sizeof reading->text, clock_ms() + reading->wait_ms);
    pthread_mutex_lock(&reading->lock);
    reading->done = true;
    pthread_cond_signal(&reading->over);
    pthread_mutex_unlock(&reading->lock);
}

static void
spawn(struct loop_mail *mail)
{
    struct reading *reading = (struct reading *)mail;
    loop_spawn(reading->world->loop, read_key, reading);
}

// The text behind the key, NULL where redis_get() says there is none. The caller frees.
static char *
get(struct world *world, const char *key, int64_t wait_ms)
{
    struct reading reading = {.mail = {.deliver = spawn},
                              .world = world,
                              .key = key,
                              .wait_ms = wait_ms,
                              .lock = PTHREAD_MUTEX_INITIALIZER,
                              .over = PTHREAD_COND_INITIALIZER};
    loop_post(world->loop, &reading.mail);
    pthread_mutex_lock(&reading.lock);
    while (!reading.done)
        pthread_cond_wait(&reading.over, &reading.lock);
    pthread_mutex_unlock(&reading.lock);
    return reading.found ? str_dup(reading.text) : NULL;
}

static void
assert_text(struct world *world, const char *key, const char *expected)
{
    char *text = get(world, key, 10 * SECOND_MS);
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
    free(text);
}

// ---- a command whose answer is waited for

struct asked {
    pthread_mutex_t lock;
    pthread_cond_t over;
    bool done, away;
    int64_t number;
};

static void
answered(void *arg, const struct redis_answer *answer)
{
    struct asked *asked = arg;
    pthread_mutex_lock(&asked->lock);
    asked->done = true;
    asked->away = answer->away;
    asked->number = answer->number;
    pthread_cond_signal(&asked->over);
    pthread_mutex_unlock(&asked->lock);
}

static struct asked
ask(struct world *world, const char *const words[])
{
    struct asked asked = {.lock = PTHREAD_MUTEX_INITIALIZER,
                          .over = PTHREAD_COND_INITIALIZER};
    redis_send(world->redis, words, answered, &asked);
    pthread_mutex_lock(&asked.lock);
    while (!asked.done)
        pthread_cond_wait(&asked.over, &asked.lock);
    pthread_mutex_unlock(&asked.lock);
    return asked;
}

#define ASK(...) ask(world, (const char *const[]){__VA_ARGS__, NULL})

// Until it answers: it may just have been started.
static void
until_there(struct world *world)
{
    while (ASK("PING").away)
        (void)poll(NULL, 0, 20);
}

static void
what_is_stored_can_be_read_and_forgotten(void **state)
{
    struct world *world = *state;
    assert_text(world, "color", NULL);
    redis_set(world->redis, "color", "green", 60 * SECOND_MS);
    assert_text(world, "color", "green");
    redis_forget(world->redis, "color", "blue"); // another's by now
    assert_text(world, "color", "green");
    redis_forget(world->redis, "color", "green");
    assert_text(world, "color", NULL);
}

static void
a_text_has_its_time_and_its_database(void **state)
{
    struct world *world = *state;
    redis_set(world->redis, "color", "green", 60 * SECOND_MS);
    int64_t left_ms = ASK("PTTL", "color").number;
    assert_true(left_ms > 0 && left_ms <= 60 * SECOND_MS);
    assert_int_equal(ASK("DBSIZE").number, 1);
    assert_false(ASK("SELECT", "0").away);
    assert_int_equal(ASK("DBSIZE").number, 0);
    redis_set(world->redis, "color", "late", 0); // already over: not stored
    assert_int_equal(ASK("DBSIZE").number, 0);
}

static void
a_text_too_long_for_its_reader_is_none(void **state)
{
    struct world *world = *state;
    char text[200];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    redis_set(world->redis, "long", text, 60 * SECOND_MS);
    assert_text(world, "long", NULL);
}

static void
what_redis_refuses_is_as_if_it_were_away(void **state)
{
    struct world *world = *state;
    assert_true(ASK("NO-SUCH-COMMAND").away);
    assert_false(ASK("PING").away);
}

static void
a_redis_that_went_away_is_found_again(void **state)
{
    struct world *world = *state;
    redis_set(world->redis, "color", "green", 60 * SECOND_MS);
    assert_text(world, "color", "green");
    script_run("redis.sh", "stop", world->url, NULL, 0);
    assert_text(world, "color", NULL);
    script_run("redis.sh", "again", world->url, NULL, 0);
    until_there(world);
    redis_set(world->redis, "color", "blue", 60 * SECOND_MS);
    assert_text(world, "color", "blue");
}

static void
a_frozen_redis_holds_nobody_beyond_his_time(void **state)
{
    struct world *world = *state;
    assert_false(ASK("PING").away);
    script_run("redis.sh", "freeze", world->url, NULL, 0);
    char *text = get(world, "color", 50); // ends, although nothing answers
    assert_null(text);
    assert_true(ASK("PING").away);
    script_run("redis.sh", "thaw", world->url, NULL, 0);
    until_there(world);
}

static void
a_wrong_password_is_as_if_it_were_away(void **state)
{
    struct world *world = *state;
    struct error err;
    char url[160];
    (void)snprintf(url, sizeof url, "redis://:wrong@%s", strchr(world->url, '@') + 1);
    redis_free(world->redis);
    world->redis = redis_open(url, &err);
    assert_true(ASK("PING").away);
    assert_false(redis_reach(world->redis, "nonsense", &err));
    assert_true(redis_reach(world->redis, world->url, &err)); // it was told in a file
    until_there(world);
}

static void
count_away(void *arg, const struct redis_answer *answer)
{
    atomic_fetch_add((atomic_int *)arg, answer->away);
}

static void
who_waits_in_line_at_the_end_is_answered(void **state)
{
    struct world *world = *state;
    atomic_int away = 0;
    script_run("redis.sh", "freeze", world->url, NULL, 0);
    for (int i = 0; i < 1500; i++) // more than the line takes
        redis_send(world->redis, (const char *const[]){"PING", NULL}, count_away,
                   &away);
    redis_stop(world->redis);
    assert_int_equal(away, 1500);
    assert_true(ASK("PING").away);
    script_run("redis.sh", "thaw", world->url, NULL, 0);
}

// ---- budgets

// Takes what there is now, and waits for what Redis is asked for.
static int
drain(struct world *world, struct lease *lease)
{
    int taken = 0;
    int64_t wait_ms;
    for (int tries = 0; tries < 3; tries++) {
        while (lease_take(lease, &wait_ms)) {
            taken++;
            tries = 0;
        }
        (void)ASK("PING"); // behind what the lease has asked
    }
    return taken;
}

static void
two_processes_share_one_budget(void **state)
{
    struct world *world = *state;
    struct error err;
    struct redis *other = redis_open(world->url, &err);
    struct lease *first = lease_new(world->redis, "mautic", RATE);
    struct lease *second = lease_new(other, "mautic", RATE);
    struct world others = *world;
    others.redis = other;
    int64_t begun_ms = clock_ms();
    int taken = 0;
    for (int i = 0; i < 10; i++)
        taken += drain(world, first) + drain(&others, second);
    int64_t took_ms = clock_ms() - begun_ms;
    assert_true(taken >= RATE);
    assert_true(taken <= RATE + RATE * (took_ms + SECOND_MS) / SECOND_MS);
    redis_free(other);
    redis_stop(world->redis);
    lease_free(first);
    lease_free(second);
}

static void
an_empty_budget_tells_when_to_ask_again(void **state)
{
    struct world *world = *state;
    struct lease *lease = lease_new(world->redis, "slow", 1);
    int64_t wait_ms = 0;
    assert_int_equal(drain(world, lease), 1);
    assert_false(lease_take(lease, &wait_ms));
    assert_true(wait_ms > 0 && wait_ms <= SECOND_MS);
    redis_stop(world->redis);
    lease_free(lease);
}

static void
while_redis_is_away_the_budget_is_ones_own(void **state)
{
    struct world *world = *state;
    struct lease *lease = lease_new(world->redis, "mautic", RATE);
    script_run("redis.sh", "stop", world->url, NULL, 0);
    int64_t begun_ms = clock_ms();
    int taken = drain(world, lease);
    int64_t took_ms = clock_ms() - begun_ms;
    assert_true(taken >= RATE);
    assert_true(taken <= RATE + RATE * (took_ms + SECOND_MS) / SECOND_MS);
    redis_stop(world->redis);
    lease_free(lease);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_stored_can_be_read_and_forgotten),
        TEST(a_text_has_its_time_and_its_database),
        TEST(a_text_too_long_for_its_reader_is_none),
        TEST(what_redis_refuses_is_as_if_it_were_away),
        TEST(a_redis_that_went_away_is_found_again),
        TEST(a_frozen_redis_holds_nobody_beyond_his_time),
        TEST(a_wrong_password_is_as_if_it_were_away),
        TEST(who_waits_in_line_at_the_end_is_answered),
        TEST(two_processes_share_one_budget),
        TEST(an_empty_budget_tells_when_to_ask_again),
        TEST(while_redis_is_away_the_budget_is_ones_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
