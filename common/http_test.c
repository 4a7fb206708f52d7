#include "common/http.h"

#include "tests/harness/test.h"

#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/event.h"
#include "common/json.h"
#include "common/loop.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/runtime/http_server.h"

enum { SOON_MS = 1000, PATIENCE_MS = 60000, STACK = 65536, LOOPS = 2 };

struct stage {
    struct http_server server;
    struct http_service service;
    struct loop *loops[LOOPS];
};

// One call on a fiber of `loop`, or on this thread where that is NULL.
struct call {
    struct loop_mail mail;
    struct loop *loop;
    struct stage *stage;
    struct job job;
    struct http_request request;
    struct http_response response;
    struct json_object *json;
    bool want_json;
    bool answered;
    sem_t over;
};

static int
stage_begin(void **state)
{
    struct error err;
    struct stage *stage = str_calloc(1, sizeof *stage);
    http_init();
    http_server_start(&stage->server);
    stage->service =
        (struct http_service){.name = "server", .base_url = stage->server.url};
    http_service_open(&stage->service);
    for (int i = 0; i < LOOPS; i++) {
        stage->loops[i] = loop_new(STACK, &err);
        assert_non_null(stage->loops[i]);
        assert_true(loop_start(stage->loops[i], "test-loop", &err));
    }
    *state = stage;
    return 0;
}

static int
stage_end(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < LOOPS; i++)
        loop_stop(stage->loops[i]);
    for (int i = 0; i < LOOPS; i++)
        loop_free(stage->loops[i]);
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
    const struct http_service *service = &call->stage->service;
    if (call->want_json) {
        call->json = http_json(service, &call->job, &call->request, NULL);
        call->answered = call->json != NULL;
    } else {
        call->answered =
            http_call(service, &call->job, &call->request, &call->response);
    }
    sem_post(&call->over);
}

static void
spawn(struct loop_mail *mail)
{
    struct call *call = (struct call *)mail;
    loop_spawn(call->loop, perform, call);
}

static void
call_begin(struct call *call, struct stage *stage, struct loop *loop, const char *path)
{
    *call = (struct call){.mail.deliver = spawn,
                          .loop = loop,
                          .stage = stage,
                          .request = {.method = "GET", .path = path}};
    sem_init(&call->over, 0, 0);
    job_begin(&call->job, PATIENCE_MS);
}

static void
call_start(struct call *call)
{
    if (call->loop != NULL)
        loop_post(call->loop, &call->mail);
    else
        perform(call);
}

static void
call_wait(struct call *call)
{
    while (sem_wait(&call->over) != 0)
        continue;
}

static void
call_end(struct call *call)
{
    job_end(&call->job);
    sem_destroy(&call->over);
}

static void
run(struct call *call)
{
    call_start(call);
    call_wait(call);
}

// ---- what an answer means

struct row {
    const char *method, *path;
    bool once, json;
    enum error_kind kind;
    int status;
    int64_t retry_after_ms;
};

static const struct row rows[] = {
    {"GET", "/json", false, true, ERROR_NONE, 200},
    {"GET", "/json", false, false, ERROR_NONE, 200},
    {"GET", "/empty", false, true, ERROR_NONE, 200},
    {"GET", "/html", false, false, ERROR_NONE, 200},
    {"GET", "/html", false, true, ERROR_RETRYABLE, 200},
    {"POST", "/html", true, true, ERROR_UNSURE, 200},
    {"GET", "/redirect", false, false, ERROR_PERMANENT, 302},
    {"POST", "/redirect", true, false, ERROR_PERMANENT, 302},
    {"GET", "/status/400", false, false, ERROR_PERMANENT, 400},
    {"GET", "/status/401", false, false, ERROR_FATAL, 401},
    {"GET", "/status/404", false, false, ERROR_PERMANENT, 404},
    {"GET", "/status/408", false, false, ERROR_RETRYABLE, 408},
    {"POST", "/status/422", true, false, ERROR_PERMANENT, 422},
    {"GET", "/status/429", false, false, ERROR_RATE_LIMITED, 429},
    {"POST", "/status/429", true, false, ERROR_RATE_LIMITED, 429},
    {"GET", "/retry/429/7", false, false, ERROR_RATE_LIMITED, 429, 7000},
    {"GET", "/retry/429/soon", false, false, ERROR_RATE_LIMITED, 429, 0},
    {"GET", "/reset/429/9999999999", false, false, ERROR_RATE_LIMITED, 429, 86400000},
    {"GET", "/reset/429/1", false, false, ERROR_RATE_LIMITED, 429, 0},
    {"GET", "/reset/429/soon", false, false, ERROR_RATE_LIMITED, 429, 0},
    {"GET", "/reset/503/9999999999", false, false, ERROR_RETRYABLE, 503, 0},
    {"GET", "/status/500", false, false, ERROR_RETRYABLE, 500},
    {"POST", "/status/500", true, false, ERROR_UNSURE, 500},
    {"GET", "/status/503", false, false, ERROR_RETRYABLE, 503},
    {"GET", "/retry/503/3", false, false, ERROR_RATE_LIMITED, 503, 3000},
    {"POST", "/retry/503/3", true, false, ERROR_UNSURE, 503, 3000},
    {"GET", "/cut", false, false, ERROR_RETRYABLE},
    {"POST", "/cut", true, false, ERROR_UNSURE},
    {"GET", "/half", false, false, ERROR_RETRYABLE},
    {"POST", "/half", true, false, ERROR_UNSURE},
    {0},
};

static void
check_row(struct stage *stage, struct loop *loop, const struct row *row)
{
    struct call call;
    call_begin(&call, stage, loop, row->path);
    call.request.method = row->method;
    call.request.once = row->once;
    call.want_json = row->json;
    run(&call);
    if (call.job.error.kind != row->kind || call.answered != (row->kind == ERROR_NONE))
        fail_msg("%s %s: %s, expected %s", row->method, row->path,
                 error_kind_name(call.job.error.kind), error_kind_name(row->kind));
    if (row->kind != ERROR_NONE) {
        assert_int_equal(call.job.error.http_status, row->status);
        assert_int_equal(call.job.error.retry_after_ms, row->retry_after_ms);
        assert_string_equal(call.job.error.service, "server");
    } else if (!row->json) {
        assert_int_equal(call.response.status, row->status);
    }
    call_end(&call);
}

static void
each_answer_has_its_kind_on_a_fiber_and_on_a_thread(void **state)
{
    struct stage *stage = *state;
    for (const struct row *row = rows; row->method != NULL; row++) {
        check_row(stage, stage->loops[0], row);
        check_row(stage, NULL, row);
    }
}

static void
the_clients_own_table_comes_first(void **state)
{
    static const struct error_rule rules[] = {
        {404, "404", ERROR_RETRYABLE, "wait for it"},
        {0},
    };
    struct stage *stage = *state;
    struct call call;
    stage->service.rules = rules;
    call_begin(&call, stage, stage->loops[0], "/status/404");
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_RETRYABLE);
    assert_string_equal(call.job.error.hint, "wait for it");
    call_end(&call);
}

static void
a_status_may_be_an_answer(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/status/404");
    call.request.not_error = "404 410";
    run(&call);
    assert_true(call.answered);
    assert_int_equal(call.response.status, 404);
    call_end(&call);

    call_begin(&call, stage, NULL, "/status/500");
    call.request.any_status = true;
    run(&call);
    assert_true(call.answered);
    assert_string_equal(call.response.body, "{\"message\":\"500\"}");
    call_end(&call);
}

static void
a_redirect_is_not_followed(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/redirect");
    run(&call);
    assert_int_equal(http_server_requests(&stage->server), 1);
    assert_non_null(strstr(call.job.error.hint, "redirect"));
    call_end(&call);
}

// ---- sizes

static void
an_answer_of_exactly_the_limit_is_taken(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/large/100000");
    call.request.max_bytes = 100000;
    run(&call);
    assert_true(call.answered);
    assert_int_equal(call.response.length, 100000);
    assert_int_equal(call.response.body[100000], '\0');
    call_end(&call);
}

static void
a_larger_answer_is_refused(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/large/100001");
    call.request.max_bytes = 100000;
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_PERMANENT);
    assert_non_null(strstr(call.job.error.text, "larger than 100000 bytes"));
    call_end(&call);
}

// The provider has done it: only its answer is too long.
static void
a_larger_answer_to_a_call_made_once_leaves_it_unsure(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/large/100001");
    call.request.method = "POST";
    call.request.once = true;
    call.request.max_bytes = 100000;
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_UNSURE);
    assert_true(call.job.once_done);
    call_end(&call);
}

// ---- time

static void
silence_is_cut(struct stage *stage, struct loop *loop, bool once, enum error_kind kind)
{
    struct call call;
    call_begin(&call, stage, loop, "/silence");
    call.request.method = "POST";
    call.request.once = once;
    call.request.timeout_ms = SOON_MS;
    int before = http_server_requests(&stage->server);
    run(&call);
    assert_false(call.answered);
    assert_int_equal(call.job.error.kind, kind);
    assert_int_equal(http_server_requests(&stage->server), before + 1);
    call_end(&call);
}

static void
silence_past_the_deadline_is_cut(void **state)
{
    struct stage *stage = *state;
    silence_is_cut(stage, stage->loops[0], false, ERROR_RETRYABLE);
    silence_is_cut(stage, stage->loops[0], true, ERROR_UNSURE);
    silence_is_cut(stage, NULL, false, ERROR_RETRYABLE);
    silence_is_cut(stage, NULL, true, ERROR_UNSURE);
}

static void
the_deadline_of_the_job_counts_too(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/silence");
    call.job.deadline_ms = clock_ms() + SOON_MS;
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_RETRYABLE);
    assert_true(clock_ms() >= call.job.deadline_ms);
    call_end(&call);
}

static void
past_the_deadline_nothing_is_sent(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/json");
    call.job.deadline_ms = clock_ms() - 1;
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_RETRYABLE);
    assert_int_equal(http_server_requests(&stage->server), 0);
    call_end(&call);
}

static void
what_is_made_once_and_would_be_cut_is_not_sent(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/json");
    call.request.once = true;
    call.request.timeout_ms = 3 * PATIENCE_MS; // the job has less than half of it
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_RETRYABLE);
    assert_false(call.job.once_done);
    assert_int_equal(http_server_requests(&stage->server), 0);
    call_end(&call);
}

// Yes to the questions before the connection is made, no to the one that is asked when
// it stands.
static bool
allowed_at_first(struct job *job)
{
    int *asked = job->owner;
    return ++*asked <= 2;
}

static void
lost_at_the_last_moment(struct stage *stage, struct loop *loop)
{
    struct call call;
    int asked = 0;
    call_begin(&call, stage, loop, "/json");
    call.request.method = "POST";
    call.request.once = true;
    call.job.owner = &asked;
    call.job.allowed = allowed_at_first;
    run(&call);
    assert_int_equal(asked, 3);
    assert_int_equal(call.job.error.kind, ERROR_FENCED);
    assert_false(call.job.once_done);
    assert_int_equal(http_server_requests(&stage->server), 0);
    call_end(&call);
}

static void
a_partition_that_is_lost_while_connecting_sends_nothing(void **state)
{
    struct stage *stage = *state;
    lost_at_the_last_moment(stage, stage->loops[0]);
    lost_at_the_last_moment(stage, NULL);
}

// ---- what was never sent, and what must not be sent again

static void
a_refused_connection_was_never_sent(void **state)
{
    struct stage *stage = *state;
    // A port that is ours, and on which nobody listens.
    struct http_server *other = str_calloc(1, sizeof *other);
    http_server_start(other);
    stage->service.base_url = other->url;
    http_server_stop(other);
    struct loop *const places[] = {stage->loops[0], NULL};
    for (size_t i = 0; i < 2; i++) {
        struct call call;
        call_begin(&call, stage, places[i], "/json");
        call.request.method = "POST";
        call.request.once = true;
        run(&call);
        assert_int_equal(call.job.error.kind, ERROR_RETRYABLE);
        assert_false(call.job.once_done);
        call_end(&call);
    }
    free(other);
}

static void
warm_up(struct stage *stage)
{
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/json");
    run(&call);
    assert_true(call.answered);
    call_end(&call);
}

static void
connections_are_kept(void **state)
{
    struct stage *stage = *state;
    for (int i = 0; i < 5; i++)
        warm_up(stage);
    assert_int_equal(http_server_requests(&stage->server), 5);
    assert_int_equal(http_server_accepted(&stage->server), 1);
}

// libcurl sends a request again when a connection that it had kept is closed without a
// word. That is what this shows, and why the next test matters.
static void
what_may_be_repeated_is_sent_again_on_a_new_connection(void **state)
{
    struct stage *stage = *state;
    struct call call;
    warm_up(stage);
    call_begin(&call, stage, stage->loops[0], "/second-cut");
    call.request.method = "POST";
    call.request.body = "{}";
    call.request.body_length = 2;
    run(&call);
    assert_true(call.answered);
    assert_int_equal(http_server_requests(&stage->server), 1 + 2);
    call_end(&call);
}

static void
what_is_made_once_never_goes_over_a_kept_connection(void **state)
{
    struct stage *stage = *state;
    struct call call;
    warm_up(stage);
    call_begin(&call, stage, stage->loops[0], "/second-cut");
    call.request.method = "POST";
    call.request.once = true;
    run(&call);
    assert_true(call.answered);
    assert_true(call.job.once_done);
    assert_int_equal(http_server_requests(&stage->server), 1 + 1);
    call_end(&call);
}

static void
what_is_made_once_and_cut_is_sent_once(void **state)
{
    struct stage *stage = *state;
    struct call call;
    warm_up(stage);
    call_begin(&call, stage, stage->loops[0], "/cut");
    call.request.method = "POST";
    call.request.once = true;
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_UNSURE);
    assert_true(call.job.once_done);
    assert_int_equal(http_server_requests(&stage->server), 1 + 1);
    call_end(&call);
}

static void
a_definite_refusal_was_not_done(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/status/422");
    call.request.method = "POST";
    call.request.once = true;
    run(&call);
    assert_false(call.job.once_done);
    call_end(&call);
}

// ---- many at once

static void
start_calls(struct call *calls, int count, struct stage *stage, const char *path)
{
    for (int i = 0; i < count; i++) {
        call_begin(&calls[i], stage, stage->loops[i % LOOPS], path);
        call_start(&calls[i]);
    }
}

static void
end_calls(struct call *calls, int count)
{
    for (int i = 0; i < count; i++) {
        call_wait(&calls[i]);
        if (!calls[i].answered)
            fail_msg("call %d: %s", i, calls[i].job.error.text);
        call_end(&calls[i]);
    }
}

static void
two_thousand_calls_are_under_way_at_once(void **state)
{
    enum { MANY = 2000 };
    struct stage *stage = *state;
    struct call *calls = str_calloc(MANY, sizeof *calls);
    start_calls(calls, MANY, stage, "/hold");
    http_server_await_held(&stage->server, MANY);
    http_server_release(&stage->server, MANY);
    end_calls(calls, MANY);
    // And once more, over the connections that were kept.
    start_calls(calls, MANY, stage, "/hold");
    http_server_await_held(&stage->server, MANY);
    http_server_release(&stage->server, MANY);
    end_calls(calls, MANY);
    assert_int_equal(http_server_requests(&stage->server), 2 * MANY);
    free(calls);
}

static void
places_are_counted_over_all_loops(void **state)
{
    enum { CALLS = 40, PLACES = 3 };
    struct stage *stage = *state;
    struct call *calls = str_calloc(CALLS, sizeof *calls);
    stage->service.max_in_flight = PLACES;
    http_service_open(&stage->service);
    start_calls(calls, CALLS, stage, "/hold");
    for (int answered = 0; answered < CALLS; answered++) {
        int left = CALLS - answered;
        http_server_await_held(&stage->server, left < PLACES ? left : PLACES);
        int most = http_server_release(&stage->server, 1);
        assert_int_equal(most, PLACES);
    }
    end_calls(calls, CALLS);
    free(calls);
}

static void
who_gives_up_waiting_takes_no_place_with_it(void **state)
{
    struct stage *stage = *state;
    struct call first;
    struct call last;
    struct call *impatient = str_calloc(6, sizeof *impatient);
    stage->service.max_in_flight = 1;
    http_service_open(&stage->service);
    call_begin(&first, stage, stage->loops[0], "/hold");
    call_start(&first);
    http_server_await_held(&stage->server, 1);
    for (int i = 0; i < 6; i++) {
        call_begin(&impatient[i], stage, stage->loops[i % LOOPS], "/json");
        impatient[i].job.deadline_ms = clock_ms() + SOON_MS / (i + 1);
        call_start(&impatient[i]);
    }
    for (int i = 0; i < 6; i++) {
        call_wait(&impatient[i]);
        assert_int_equal(impatient[i].job.error.kind, ERROR_RETRYABLE);
        assert_non_null(strstr(impatient[i].job.error.text, "free place"));
        assert_string_equal(impatient[i].job.error.service, "server");
        call_end(&impatient[i]);
    }
    http_server_release(&stage->server, 1);
    end_calls(&first, 1);
    call_begin(&last, stage, stage->loops[1], "/json");
    run(&last);
    assert_true(last.answered);
    call_end(&last);
    assert_int_equal(http_server_requests(&stage->server), 2);
    free(impatient);
}

// Keeps a loop from turning until the semaphore is posted.
struct block {
    struct loop_mail mail;
    sem_t blocks, until;
};

static void
block_here(struct loop_mail *mail)
{
    struct block *block = (struct block *)mail;
    sem_post(&block->blocks);
    while (sem_wait(&block->until) != 0)
        continue;
}

// The deadline and the letter with the place come in the same turn of the loop.
static void
a_place_that_comes_with_the_deadline_goes_on_to_the_next(void **state)
{
    struct stage *stage = *state;
    struct call first;
    struct call late;
    struct call last;
    struct block block = {.mail.deliver = block_here};
    sem_init(&block.blocks, 0, 0);
    sem_init(&block.until, 0, 0);
    stage->service.max_in_flight = 1;
    http_service_open(&stage->service);

    call_begin(&first, stage, stage->loops[0], "/hold");
    call_start(&first);
    http_server_await_held(&stage->server, 1);
    call_begin(&late, stage, stage->loops[1], "/json");
    late.job.deadline_ms = clock_ms() + SOON_MS;
    call_start(&late);
    loop_post(stage->loops[1],
              &block.mail); // behind the late call, which waits by then
    sem_wait(&block.blocks);
    http_server_release(&stage->server, 1);
    end_calls(&first, 1); // the place is given to the late call
    while (clock_ms() < late.job.deadline_ms)
        continue;
    sem_post(&block.until);
    call_wait(&late);
    assert_false(late.answered);
    call_end(&late);

    call_begin(&last, stage, stage->loops[0], "/json");
    last.job.deadline_ms = clock_ms() + PATIENCE_MS / 10;
    run(&last);
    assert_true(last.answered);
    call_end(&last);
    sem_destroy(&block.blocks);
    sem_destroy(&block.until);
}

// ---- what is sent

static bool
has_line(const char *request, const char *line)
{
    size_t length = strlen(line);
    for (const char *at = strcasestr(request, line); at != NULL;
         at = strcasestr(at + 1, line)) {
        if (at > request && at[-1] == '\n' && strncmp(at + length, "\r\n", 2) == 0)
            return true;
    }
    return false;
}

static void
headers_body_and_trace_go_along(void **state)
{
    static const struct http_header own[] = {{"Authorization", "Bearer token"}, {0}};
    static const struct http_header more[] = {{"X-More", "one, two"}, {0}};
    static const char trace[] =
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    struct stage *stage = *state;
    struct call call;
    struct event ev = {.traceparent = trace};
    stage->service.headers = own;
    call_begin(&call, stage, stage->loops[0], "/json?a=b");
    call.job.event = &ev;
    call.request.method = "PATCH";
    call.request.headers = more;
    call.request.body = "{\"n\":1}";
    call.request.body_length = 7;
    run(&call);
    assert_true(call.answered);
    char *sent = http_server_last(&stage->server);
    assert_true(str_starts(sent, "PATCH /json?a=b HTTP/1.1\r\n"));
    assert_true(has_line(sent, "Authorization: Bearer token"));
    assert_true(has_line(sent, "X-More: one, two"));
    assert_true(has_line(sent, "Content-Type: application/json"));
    assert_true(has_line(sent, "Content-Length: 7"));
    char line[100];
    snprintf(line, sizeof line, "traceparent: %s", trace);
    assert_true(has_line(sent, line));
    assert_null(strcasestr(sent, "expect:"));
    assert_true(str_ends(sent, "\r\n\r\n{\"n\":1}"));
    free(sent);
    call_end(&call);
}

// A handle is used again: nothing of the call before may stay on it.
static void
a_call_leaves_nothing_to_the_next(void **state)
{
    static const struct http_header more[] = {{"X-More", "one"}, {0}};
    static const struct http_part parts[] = {{.name = "title", .value = "Contract"},
                                             {.name = "file",
                                              .data = "%PDF",
                                              .length = 4,
                                              .filename = "a.pdf",
                                              .type = "application/pdf"}};
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/json");
    call.request.method = "POST";
    call.request.parts = parts;
    call.request.parts_count = 2;
    call.request.headers = more;
    run(&call);
    char *sent = http_server_last(&stage->server);
    assert_non_null(strstr(sent, "name=\"file\"; filename=\"a.pdf\""));
    assert_non_null(strstr(sent, "%PDF"));
    free(sent);
    call_end(&call);

    static const char *const methods[] = {"DELETE", "POST", "PUT", "GET"};
    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++) {
        call_begin(&call, stage, stage->loops[0], "/json");
        call.request.method = methods[i];
        run(&call);
        assert_true(call.answered);
        sent = http_server_last(&stage->server);
        assert_true(str_starts(sent, methods[i]));
        assert_null(strstr(sent, "X-More"));
        assert_null(strstr(sent, "PDF"));
        assert_null(strcasestr(sent, "content-type"));
        free(sent);
        call_end(&call);
    }
}

static void
a_line_break_in_a_header_is_refused(void **state)
{
    static const struct http_header bad[] = {{"X-Key", "a\r\nX-Admin: yes"}, {0}};
    struct stage *stage = *state;
    struct loop *const places[] = {stage->loops[0], NULL};
    for (size_t i = 0; i < 2; i++) {
        struct call call;
        call_begin(&call, stage, places[i], "/json");
        call.request.headers = bad;
        run(&call);
        assert_int_equal(call.job.error.kind, ERROR_PERMANENT);
        assert_non_null(strstr(call.job.error.text, "X-Key"));
        assert_int_equal(http_server_requests(&stage->server), 0);
        call_end(&call);
    }
}

static void
an_absolute_url_goes_elsewhere_but_not_to_files(void **state)
{
    struct stage *stage = *state;
    struct call call;
    char url[100];
    snprintf(url, sizeof url, "%s/json", stage->server.url);
    stage->service.base_url = "http://127.0.0.1:1/nowhere";
    call_begin(&call, stage, stage->loops[0], url);
    run(&call);
    assert_true(call.answered);
    call_end(&call);

    call_begin(&call, stage, stage->loops[0], "file:///etc/hostname");
    run(&call);
    assert_false(call.answered);
    call_end(&call);
}

static void
the_journey_shows_the_call_without_its_query(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0], "/json?token=secret");
    settlement_begin(&call.job);
    run(&call);
    assert_true(str_starts(call.job.settlement->calls, "GET /json: 200 "));
    assert_null(strstr(call.job.settlement->calls, "secret"));
    call_end(&call);
}

// ---- text

static void
everything_but_the_unreserved_is_escaped(void **state)
{
    (void)state;
    struct job job;
    job_begin(&job, PATIENCE_MS);
    assert_string_equal(http_escape(&job, "Az09-._~"), "Az09-._~");
    assert_string_equal(http_escape(&job, "a b/c?d#e&f=g%h"),
                        "a%20b%2Fc%3Fd%23e%26f%3Dg%25h");
    assert_string_equal(http_escape(&job, "\xC3\xA9\x01\xFF"), "%C3%A9%01%FF");
    assert_string_equal(http_escape(&job, ""), "");
    const struct http_header query[] = {
        {"filter[id][_eq]", "a&b"}, {"limit", "1"}, {0}};
    assert_string_equal(http_url(&job, "/items", query),
                        "/items?filter%5Bid%5D%5B_eq%5D=a%26b&limit=1");
    assert_string_equal(http_url(&job, "/items?x=1", query),
                        "/items?x=1&filter%5Bid%5D%5B_eq%5D=a%26b&limit=1");
    assert_string_equal(http_url(&job, "/items", NULL), "/items");
    job_end(&job);
}

static void
long_text_is_escaped_whole(void **state)
{
    (void)state;
    enum { LONG = 100 * 1000 };
    struct job job;
    job_begin(&job, PATIENCE_MS);
    char *text = job_alloc(&job, LONG + 1);
    memset(text, ' ', LONG);
    assert_int_equal(strlen(http_escape(&job, text)), 3 * LONG);
    const struct http_header query[] = {{"q", text}, {0}};
    assert_int_equal(strlen(http_url(&job, "/items", query)),
                     strlen("/items?q=") + 3 * LONG);
    job_end(&job);
}

static bool
never_called(const struct http_service *service, struct job *job,
             const struct http_request *request, struct http_response *response)
{
    (void)service, (void)job, (void)request, (void)response;
    fail_msg("sent: %s", request->path);
    return false;
}

// What http_call() says of a path before anything is sent.
static void
assert_refused(const char *path, const char *why)
{
    const struct http_service service = {.name = "test", .call = never_called};
    const struct http_request request = {.method = "GET", .path = path};
    struct http_response response;
    struct job job;
    job_begin(&job, PATIENCE_MS);
    assert_false(http_call(&service, &job, &request, &response));
    assert_int_equal(job.error.kind, ERROR_PERMANENT);
    if (strstr(job.error.text, why) == NULL)
        fail_msg("%s, not %s", job.error.text, why);
    job_end(&job);
}

static void
an_id_cannot_change_the_path(void **state)
{
    (void)state;
    static const char *const ids[] = {"",       ".",     "..",     "../users",
                                      "5/edit", "..\\x", "a/../b", NULL};
    struct job job;
    job_begin(&job, PATIENCE_MS);
    for (int i = 0; ids[i] != NULL; i++) {
        const char *id = http_escape(&job, ids[i]);
        assert_refused(job_printf(&job, "/items/%s", id), "is no id");
        assert_refused(job_printf(&job, "/items/%s/notes?a=b", id), "is no id");
    }
    job_end(&job);
}

static void
a_path_that_is_too_long_is_refused_and_not_cut(void **state)
{
    (void)state;
    enum { LONG = 64 * 1024 };
    struct job job;
    job_begin(&job, PATIENCE_MS);
    char *text = job_alloc(&job, LONG + 1);
    memset(text, 'x', LONG);
    const struct http_header query[] = {{"q", text}, {0}};
    assert_refused(http_url(&job, "/items", query), "GET /items: its address is 65545");
    job_end(&job);
}

static void
other_paths_are_taken(void **state)
{
    (void)state;
    static const char *const paths[] = {"",
                                        "/",
                                        "/?a=..",
                                        "/items",
                                        "/items/...",
                                        "/items/..a",
                                        "/items/.well-known/a%20b",
                                        "/items?path=/../%2F",
                                        "https://host/a//../b",
                                        NULL};
    struct job job;
    job_begin(&job, PATIENCE_MS);
    for (int i = 0; paths[i] != NULL; i++)
        assert_true(http_check_path(
            &job, &(struct http_request){.method = "GET", .path = paths[i]}));
    job_end(&job);
}

static void
retry_after_is_seconds_or_a_date(void **state)
{
    (void)state;
    int64_t now_ms = INT64_C(1786000000000); // Thu, 06 Aug 2026 07:06:40 GMT
    assert_int_equal(http_retry_after_ms("5", now_ms), 5000);
    assert_int_equal(http_retry_after_ms(" 5 \r\n", now_ms), 5000);
    assert_int_equal(http_retry_after_ms("0", now_ms), 0);
    assert_int_equal(http_retry_after_ms("-5", now_ms), 0);
    assert_int_equal(http_retry_after_ms("99999999999999999999", now_ms), 0);
    assert_int_equal(http_retry_after_ms("9999999", now_ms), 86400000);
    assert_int_equal(http_retry_after_ms("", now_ms), 0);
    assert_int_equal(http_retry_after_ms("later", now_ms), 0);
    assert_int_equal(http_retry_after_ms("Thu, 06 Aug 2026 07:06:50 GMT", now_ms),
                     10000);
    assert_int_equal(http_retry_after_ms("Thu, 06 Aug 2026 07:06:30 GMT", now_ms), 0);
    assert_int_equal(http_retry_after_ms("Thu, 06 Aug 2037 07:06:30 GMT", now_ms),
                     86400000);
}

static void
retry_after_may_be_a_date_on_the_wire(void **state)
{
    struct stage *stage = *state;
    struct call call;
    call_begin(&call, stage, stage->loops[0],
               "/retry/429/Thu,_06_Aug_2099_07:06:50_GMT");
    run(&call);
    assert_int_equal(call.job.error.kind, ERROR_RATE_LIMITED);
    assert_int_equal(call.job.error.retry_after_ms, 86400000);
    call_end(&call);
}

#define STAGED(test) cmocka_unit_test_setup_teardown(test, stage_begin, stage_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STAGED(each_answer_has_its_kind_on_a_fiber_and_on_a_thread),
        STAGED(the_clients_own_table_comes_first),
        STAGED(a_status_may_be_an_answer),
        STAGED(a_redirect_is_not_followed),
        STAGED(an_answer_of_exactly_the_limit_is_taken),
        STAGED(a_larger_answer_is_refused),
        STAGED(a_larger_answer_to_a_call_made_once_leaves_it_unsure),
        STAGED(silence_past_the_deadline_is_cut),
        STAGED(the_deadline_of_the_job_counts_too),
        STAGED(past_the_deadline_nothing_is_sent),
        STAGED(what_is_made_once_and_would_be_cut_is_not_sent),
        STAGED(a_partition_that_is_lost_while_connecting_sends_nothing),
        STAGED(a_refused_connection_was_never_sent),
        STAGED(connections_are_kept),
        STAGED(what_may_be_repeated_is_sent_again_on_a_new_connection),
        STAGED(what_is_made_once_never_goes_over_a_kept_connection),
        STAGED(what_is_made_once_and_cut_is_sent_once),
        STAGED(a_definite_refusal_was_not_done),
        STAGED(two_thousand_calls_are_under_way_at_once),
        STAGED(places_are_counted_over_all_loops),
        STAGED(who_gives_up_waiting_takes_no_place_with_it),
        STAGED(a_place_that_comes_with_the_deadline_goes_on_to_the_next),
        STAGED(headers_body_and_trace_go_along),
        STAGED(a_call_leaves_nothing_to_the_next),
        STAGED(a_line_break_in_a_header_is_refused),
        STAGED(an_absolute_url_goes_elsewhere_but_not_to_files),
        STAGED(the_journey_shows_the_call_without_its_query),
        cmocka_unit_test(everything_but_the_unreserved_is_escaped),
        cmocka_unit_test(long_text_is_escaped_whole),
        cmocka_unit_test(an_id_cannot_change_the_path),
        cmocka_unit_test(a_path_that_is_too_long_is_refused_and_not_cut),
        cmocka_unit_test(other_paths_are_taken),
        cmocka_unit_test(retry_after_is_seconds_or_a_date),
        STAGED(retry_after_may_be_a_date_on_the_wire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
