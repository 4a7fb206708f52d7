// tests/harness/tsan.c - linked into every program of a TSan build, and into nothing
// else.
//
// Debian's librdkafka makes its threads with thrd_create(), which clang 14's TSan does
// not follow: a thread that it has never heard of would call our code, and the program
// crashes. Here C11's threads are made of POSIX's, which it knows.
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <threads.h>

// The linker takes these in place of the C library's.
_Static_assert(sizeof(thrd_t) == sizeof(pthread_t), "thrd_t is a pthread_t");
_Static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t), "mtx_t holds a mutex");
_Static_assert(sizeof(cnd_t) >= sizeof(pthread_cond_t), "cnd_t holds a condition");

struct start {
    thrd_start_t fn;
    void *arg;
};

static void *
run(void *memory)
{
    struct start start = *(struct start *)memory;
    free(memory);
    return (void *)(intptr_t)start.fn(start.arg);
}

static int
result(int error)
{
    return error == 0 ? thrd_success : thrd_error;
}

int
thrd_create(thrd_t *thread, thrd_start_t fn, void *arg)
{
    struct start *start = malloc(sizeof *start);
    if (start == NULL)
        return thrd_nomem;
    *start = (struct start){fn, arg};
    return result(pthread_create(thread, NULL, run, start));
}

int
thrd_join(thrd_t thread, int *value)
{
    void *returned = NULL;
    int error = pthread_join(thread, &returned);
    if (value != NULL)
        *value = (int)(intptr_t)returned;
    return result(error);
}

int
thrd_detach(thrd_t thread)
{
    return result(pthread_detach(thread));
}

int
mtx_init(mtx_t *mutex, int type)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    if ((type & mtx_recursive) != 0)
        pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    int error = pthread_mutex_init((pthread_mutex_t *)mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return result(error);
}

int
mtx_lock(mtx_t *mutex)
{
    return result(pthread_mutex_lock((pthread_mutex_t *)mutex));
}

int
mtx_trylock(mtx_t *mutex)
{
    int error = pthread_mutex_trylock((pthread_mutex_t *)mutex);
    return error == EBUSY ? thrd_busy : result(error);
}

int
mtx_unlock(mtx_t *mutex)
{
    return result(pthread_mutex_unlock((pthread_mutex_t *)mutex));
}

void
mtx_destroy(mtx_t *mutex)
{
    pthread_mutex_destroy((pthread_mutex_t *)mutex);
}

int
cnd_init(cnd_t *condition)
{
    return result(pthread_cond_init((pthread_cond_t *)condition, NULL));
}

int
cnd_signal(cnd_t *condition)
{
    return result(pthread_cond_signal((pthread_cond_t *)condition));
}

int
cnd_broadcast(cnd_t *condition)
{
    return result(pthread_cond_broadcast((pthread_cond_t *)condition));
}

int
cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return result(
        pthread_cond_wait((pthread_cond_t *)condition, (pthread_mutex_t *)mutex));
}

int
cnd_timedwait(cnd_t *condition, mtx_t *mutex, const struct timespec *until)
{
    int error = pthread_cond_timedwait((pthread_cond_t *)condition,
                                       (pthread_mutex_t *)mutex, until);
    return error == ETIMEDOUT ? thrd_timedout : result(error);
}

void
cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy((pthread_cond_t *)condition);
}

const char *__tsan_default_suppressions(void);

// Libraries that are not built for the sanitizer: how their threads agree among
// themselves cannot be seen, so what they hand over, free or destroy looks like a race.
// The last three are locks that one of their threads has made and another takes.
const char *
__tsan_default_suppressions(void)
{
    return "race:librdkafka.so\n"
           "mutex:librdkafka.so\n"
           "race:libmicrohttpd.so\n"
           "called_from_lib:librdkafka.so\n"
           "called_from_lib:libmicrohttpd.so\n"
           "race:^mtx_lock$\n"
           "race:^mtx_init$\n"
           "race:^mtx_destroy$\n";
}
