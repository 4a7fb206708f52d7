#include "common/http.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/http_transfer.h"
#include "common/http_turnstile.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"

enum {
    CONNECT_MS = 5000,
    TIMEOUT_MS = 30000,
    MAX_ANSWER_BYTES = 1024 * 1024,
    SHOWN_PATH = 120,
};

static bool call_service(const struct http_service *service, struct job *job,
                         const struct http_request *request,
                         struct http_response *response);

void
http_init(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
}

void
http_exit(void)
{
    curl_global_cleanup();
}

void
http_service_open(struct http_service *service)
{
    if (service->connect_ms == 0)
        service->connect_ms = CONNECT_MS;
    if (service->timeout_ms == 0)
        service->timeout_ms = TIMEOUT_MS;
    if (service->max_bytes == 0)
        service->max_bytes = MAX_ANSWER_BYTES;
    if (service->call == NULL)
        service->call = call_service;
    if (service->max_in_flight > 0)
        service->turnstile = http_turnstile_new(service->max_in_flight);
}

void
http_service_close(struct http_service *service)
{
    http_turnstile_free(service->turnstile);
    service->turnstile = NULL;
}

const char *
http_shown(struct job *job, const struct http_request *request)
{
    if (strstr(request->path, "://") != NULL)
        return job_printf(job, "%s (a link)", request->method);
    int length = (int)strcspn(request->path, "?");
    return job_printf(job, "%s %.*s", request->method,
                      length < SHOWN_PATH ? length : SHOWN_PATH, request->path);
}

static bool
is_success(int status)
{
    return status >= 200 && status < 300;
}

static bool
is_answer(const struct http_request *request, int status)
{
    if (request->any_status || is_success(status))
        return true;
    char text[8];
    snprintf(text, sizeof text, "%d", status);
    return request->not_error != NULL && strstr(request->not_error, text) != NULL;
}

static const char *
why_no_answer(const struct http_transfer *transfer)
{
    if (!transfer->cut)
        return curl_easy_strerror(transfer->result);
    return transfer->sent ? "no answer within the deadline"
                          : "not sent, too little time was left";
}

// A transfer that brought no answer: not sent, or broken on the way.
static bool
no_answer(struct job *job, const struct http_transfer *transfer, const char *what)
{
    const struct http_service *service = transfer->service;
    const char *why = why_no_answer(transfer);
    if (transfer->too_large)
        why =
            job_printf(job, "the answer is larger than %zu bytes", transfer->max_bytes);
    if (transfer->held)
        return false; // job_may_call() has said why
    if (transfer->sent && transfer->request->once) {
        error_unsure(&job->error, 0, "%s at %s: %s; it may have been done", what,
                     service->name, why);
    } else if (transfer->too_large) {
        error_permanent(&job->error, "%s at %s: %s", what, service->name, why);
    } else {
        error_retryable(&job->error, "%s at %s: %s", what, service->name, why);
    }
    job->error.service = service->name;
    return false;
}

static bool
run_here(struct http_transfer *transfer)
{
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        abort();
    http_transfer_init(easy, NULL);
    bool prepared = http_transfer_prepare(transfer, easy);
    if (prepared)
        transfer->result = curl_easy_perform(easy);
    http_transfer_finish(transfer, easy);
    curl_easy_cleanup(easy);
    return prepared;
}

static void
fill_response(const struct http_transfer *transfer, struct http_response *response)
{
    *response = (struct http_response){
        .status = (int)transfer->status,
        .body = transfer->body != NULL ? transfer->body : "",
        .length = transfer->length,
        .content_type = transfer->content_type,
        .retry_after_ms = transfer->retry_after_ms,
        .took_ms = response->took_ms,
    };
}

static bool
judge(struct job *job, struct http_transfer *transfer, struct http_response *response)
{
    if (!transfer->cut && transfer->result == CURLE_OK && job->quiet
        && is_answer(transfer->request, (int)transfer->status)) {
        fill_response(transfer, response);
        return true;
    }
    const char *what = http_shown(job, transfer->request);
    if (transfer->cut || transfer->result != CURLE_OK) {
        settlement_call(job, "%s: %s %" PRId64 " ms", what, why_no_answer(transfer),
                        response->took_ms);
        return no_answer(job, transfer, what);
    }
    fill_response(transfer, response);
    settlement_call(job, "%s: %d %" PRId64 " ms", what, response->status,
                    response->took_ms);
    if (is_answer(transfer->request, response->status))
        return true;
    struct error_answer answer = {
        .service = transfer->service->name,
        .what = what,
        .status = response->status,
        .retry_after_ms = response->retry_after_ms,
        .once = transfer->request->once,
        .body = response->body,
    };
    return error_http(&job->error, transfer->service->rules, &answer);
}

// When the request must have left. A call that must not be repeated keeps half of its
// time for the answer: one that began just before the deadline (the database was slow
// to store its intent, say) would be cut, and nobody would know whether it was done.
static int64_t
leaves_by_ms(const struct http_transfer *transfer, int64_t timeout_ms)
{
    if (!transfer->request->once)
        return transfer->due_ms;
    int64_t effect_ms = transfer->job->effect_timeout_ms;
    return transfer->due_ms
           - (effect_ms > 0 && effect_ms < timeout_ms ? effect_ms : timeout_ms) / 2;
}

static bool
transfer_in_place(const struct http_service *service, struct job *job,
                  const struct http_request *request, struct http_response *response)
{
    int64_t started_ms = clock_ms();
    int64_t timeout_ms =
        request->timeout_ms > 0 ? request->timeout_ms : service->timeout_ms;
    bool absolute = strstr(request->path, "://") != NULL;
    struct http_transfer *transfer = job_alloc(job, sizeof *transfer);
    *transfer = (struct http_transfer){
        .job = job,
        .service = service,
        .request = request,
        .url = absolute ? request->path
                        : job_printf(job, "%s%s", service->base_url, request->path),
        .max_bytes = request->max_bytes > 0 ? request->max_bytes : service->max_bytes,
        .due_ms = started_ms + timeout_ms < job->deadline_ms ? started_ms + timeout_ms
                                                             : job->deadline_ms,
    };
    transfer->last_ms = leaves_by_ms(transfer, timeout_ms);
    bool ran = loop_current() != NULL ? http_pool_run(transfer) : run_here(transfer);
    if (transfer->body != NULL)
        job_defer(job, free, transfer->body);
    if (!ran)
        return false;
    *response = (struct http_response){.took_ms = clock_ms() - started_ms};
    return judge(job, transfer, response);
}

static bool
call_service(const struct http_service *service, struct job *job,
             const struct http_request *request, struct http_response *response)
{
    if (!http_turnstile_enter(service->turnstile, job)) {
        job->error.service = service->name;
        return false;
    }
    bool done = job_may_call(job) && transfer_in_place(service, job, request, response);
    http_turnstile_leave(service->turnstile);
    return done;
}

bool
http_call(const struct http_service *service, struct job *job,
          const struct http_request *request, struct http_response *response)
{
    if (!job_may_call(job) || !http_check_path(job, request))
        return false;
    *response = (struct http_response){0};
    job->blamed = NULL;
    bool answered = service->call(service, job, request, response);
    bool done = answered && is_success(response->status);
    if (request->once && (done || (!answered && job->error.kind == ERROR_UNSURE)))
        job->once_done = true;
    if (!answered || !is_success(response->status))
        http_blame(service, job, request, response);
    return answered;
}

struct json_object *
http_json(const struct http_service *service, struct job *job,
          struct http_request *request, struct json_object *body)
{
    struct http_response response;
    if (body != NULL)
        request->body = json_print(body, &request->body_length);
    if (!http_call(service, job, request, &response))
        return NULL;
    if (response.length == 0)
        return json_object_in(job);
    struct json_object *answer = json_parse(job, response.body, response.length);
    if (answer != NULL)
        return answer;
    const char *what = http_shown(job, request);
    http_blame(service, job, request, &response);
    if (request->once)
        error_unsure(&job->error, 0, "%s answered %d with something that is not JSON",
                     what, response.status);
    else
        error_retryable(&job->error, "%s answered %d with something that is not JSON",
                        what, response.status);
    job->error.service = service->name;
    job->error.http_status = response.status;
    job->error.hint = "a proxy's page? check the service's base URL";
    return NULL;
}
