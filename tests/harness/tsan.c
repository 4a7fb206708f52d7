// tests/harness/tsan.c - linked into every program of a TSan build, and into nothing
// else.
//
// librdkafka starts its threads by thrd_create(), which clang 14's TSan does not
// follow: here it is pthread_create(), which it does. What librdkafka does among its
// own threads is not ours to judge: Debian's is built without TSan, which therefore
// misses its locks.
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\n"
           "mutex:librdkafka.so\n"
           "called_from_lib:librdkafka.so\n"
           "race:libmicrohttpd.so\n";
}

struct start {
    thrd_start_t fn;
    void *arg;
};

static void *
run(void *arg)
{
    struct start start = *(struct start *)arg;
    free(arg);
    return (void *)(intptr_t)start.fn(start.arg);
}

int
thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){fn, arg};
    return pthread_create(thread, NULL, run, start) == 0 ? thrd_success : thrd_error;
}

int
thrd_join(thrd_t thread, int *result)
{
    void *value;
    if (pthread_join(thread, &value) != 0)
        return thrd_error;
    if (result != NULL)
        *result = (int)(intptr_t)value;
    return thrd_success;
}
