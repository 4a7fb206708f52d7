#include "common/fiber.h"

#include "tests/harness/test.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

struct count {
    int steps;
    int seen_errno;
};

static void
three_steps(void *arg)
{
    struct count *count = arg;
    for (int i = 0; i < 3; i++) {
        count->steps++;
        errno = 40 + i;
        fiber_waits_for("the next step");
        fiber_wait();
        count->seen_errno = errno;
    }
}

static void
a_fiber_runs_from_wait_to_wait(void **state)
{
    (void)state;
    struct fiber_pool *pool = fiber_pool_new(65536, 2);
    struct count count = {0};
    struct fiber *fiber = fiber_new(pool, three_steps, &count);
    assert_int_equal(count.steps, 0);
    for (int i = 1; i <= 3; i++) {
        fiber_resume(fiber);
        assert_int_equal(count.steps, i);
        assert_null(fiber_current());
    }
    assert_int_equal(fiber_count(pool), 1);
    fiber_resume(fiber);
    assert_int_equal(fiber_count(pool), 0);
    fiber_pool_free(pool);
}

static void
errno_survives_a_wait(void **state)
{
    (void)state;
    struct fiber_pool *pool = fiber_pool_new(65536, 2);
    struct count count = {0};
    struct fiber *fiber = fiber_new(pool, three_steps, &count);
    fiber_resume(fiber);
    errno = 7;
    fiber_resume(fiber);
    assert_int_equal(count.seen_errno, 40);
    fiber_resume(fiber);
    fiber_resume(fiber);
    fiber_pool_free(pool);
}

static void
use_the_stack(void *arg)
{
    char text[40 * 1024];
    memset(text, 'x', sizeof text);
    fiber_wait();
    for (size_t i = 0; i < sizeof text; i++)
        *(int *)arg += text[i] == 'x';
}

static void
many_fibers_keep_their_own_stacks(void **state)
{
    (void)state;
    enum { MANY = 2000 };
    static struct fiber *fibers[MANY];
    static int found[MANY];
    struct fiber_pool *pool = fiber_pool_new(65536, 100);
    for (int round = 0; round < 2; round++) {
        memset(found, 0, sizeof found);
        for (int i = 0; i < MANY; i++) {
            fibers[i] = fiber_new(pool, use_the_stack, &found[i]);
            fiber_resume(fibers[i]);
        }
        for (int i = 0; i < MANY; i++)
            fiber_resume(fibers[i]);
        for (int i = 0; i < MANY; i++)
            assert_int_equal(found[i], 40 * 1024);
    }
    fiber_pool_free(pool);
}

static void
remember(void *arg, const struct fiber_work *work, const char *what)
{
    (void)work;
    *(const char **)arg = what;
}

static void
what_a_fiber_waits_for_can_be_listed(void **state)
{
    (void)state;
    struct fiber_pool *pool = fiber_pool_new(65536, 2);
    struct count count = {0};
    struct fiber *fiber = fiber_new(pool, three_steps, &count);
    fiber_resume(fiber);
    const char *what = NULL;
    fiber_each(pool, remember, &what);
    assert_string_equal(what, "the next step");
    for (int i = 0; i < 3; i++)
        fiber_resume(fiber);
    fiber_pool_free(pool);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fiber_runs_from_wait_to_wait),
        cmocka_unit_test(errno_survives_a_wait),
        cmocka_unit_test(many_fibers_keep_their_own_stacks),
        cmocka_unit_test(what_a_fiber_waits_for_can_be_listed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
