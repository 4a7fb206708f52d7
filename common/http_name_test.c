// Services are called by their names: libcurl looks them up beside the loop, and has
// the end of that told over a pipe of its own, whose number is the connection's
// afterwards.
#include "common/http.h"

#include "tests/harness/test.h"

#include <dlfcn.h>
#include <netdb.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/loop.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/runtime/http_server.h"

#define NAME "provider.test"

enum { PATIENCE_MS = 60000, TIMEOUT_MS = 10000, STACK = 65536, CALLS = 8 };

typedef int look_up(const char *node, const char *service, const struct addrinfo *hints,
                    struct addrinfo **found);

// In place of the C library's: NAME is this machine, whatever its files say.
int // NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
            struct addrinfo **found)
{
    look_up *real;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&real, &symbol, sizeof real);
    bool ours = node != NULL && strcmp(node, NAME) == 0;
    return real(ours ? "127.0.0.1" : node, service, hints, found);
}

struct stage {
    struct http_server server;
    struct http_service service;
    struct loop *loop;
};

struct call {
    struct loop_mail mail;
    struct stage *stage;
    struct job job;
    const char *path;
    bool answered;
    sem_t over;
};

static int
stage_begin(void **state)
{
    struct error err;
    struct stage *stage = str_calloc(1, sizeof *stage);
    static char url[100];
    http_init();
    http_server_start(&stage->server);
    (void)snprintf(url, sizeof url, "http://" NAME "%s",
                   strrchr(stage->server.url, ':'));
    // libcurl has no time of its own at which it would look at the connection.
    stage->service = (struct http_service){.name = "server",
                                           .base_url = url,
                                           .connect_ms = PATIENCE_MS,
                                           .timeout_ms = TIMEOUT_MS};
    http_service_open(&stage->service);
    stage->loop = loop_new(STACK, &err);
    assert_non_null(stage->loop);
    assert_true(loop_start(stage->loop, "test-loop", &err));
    *state = stage;
    return 0;
}

static int
stage_end(void **state)
{
    struct stage *stage = *state;
    loop_stop(stage->loop);
    loop_free(stage->loop);
    http_service_close(&stage->service);
    http_server_stop(&stage->server);
    http_exit();
    free(stage);
    return 0;
}

static void
perform(void *arg)
{
    struct call *call = arg;
    struct http_request request = {.method = "GET", .path = call->path};
    struct http_response response;
    call->answered = http_call(&call->stage->service, &call->job, &request, &response);
    sem_post(&call->over);
}

static void
spawn(struct loop_mail *mail)
{
    struct call *call = (struct call *)mail;
    loop_spawn(call->stage->loop, perform, call);
}

static void
begin(struct call *call, struct stage *stage, const char *path)
{
    *call = (struct call){.mail.deliver = spawn, .stage = stage, .path = path};
    sem_init(&call->over, 0, 0);
    job_begin(&call->job, PATIENCE_MS);
    settlement_begin(&call->job);
    loop_post(stage->loop, &call->mail);
}

static void
assert_answered(struct call *call)
{
    while (sem_wait(&call->over) != 0)
        continue;
    assert_string_equal(call->job.error.text, "");
    assert_true(call->answered);
    job_end(&call->job);
    sem_destroy(&call->over);
}

struct knock {
    struct loop_mail mail;
    sem_t heard;
};

static void
hear(struct loop_mail *mail)
{
    sem_post(&((struct knock *)mail)->heard);
}

// Until the loop is done with what it had to do, and waits again.
static void
await_rest(struct stage *stage)
{
    struct knock knock = {.mail.deliver = hear};
    sem_init(&knock.heard, 0, 0);
    for (int i = 0; i < 2; i++) {
        loop_post(stage->loop, &knock.mail);
        while (sem_wait(&knock.heard) != 0)
            continue;
    }
    sem_destroy(&knock.heard);
}

// The answers come when nothing else wakes the connections.
static void
release(struct stage *stage, int count)
{
    http_server_await_held(&stage->server, count);
    await_rest(stage);
    http_server_release(&stage->server, count);
}

static void
an_answer_that_takes_its_time_is_heard(void **state)
{
    struct stage *stage = *state;
    struct call call;
    for (int i = 0; i < 2; i++) {
        begin(&call, stage, "/hold");
        release(stage, 1);
        assert_answered(&call);
    }
    assert_int_equal(http_server_accepted(&stage->server), 1);
}

static void
so_are_those_of_many_at_once(void **state)
{
    struct stage *stage = *state;
    struct call calls[CALLS];
    for (int i = 0; i < CALLS; i++)
        begin(&calls[i], stage, "/hold");
    release(stage, CALLS);
    for (int i = 0; i < CALLS; i++)
        assert_answered(&calls[i]);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_begin, stage_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(an_answer_that_takes_its_time_is_heard),
        STAGED(so_are_those_of_many_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
