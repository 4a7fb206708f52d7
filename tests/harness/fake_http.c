#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/error.h"
#include "common/settlement.h"
#include "common/str.h"
#include "tests/harness/fake.h"
#include "tests/harness/test.h"

static const char *
parts_text(struct fake *fake, const struct http_request *request)
{
    const char *text = "";
    for (size_t i = 0; i < request->parts_count; i++) {
        const struct http_part *part = &request->parts[i];
        text = job_printf(&fake->keep, "%s%s=%s\n", text, part->name,
                          part->value != NULL ? part->value : part->filename);
    }
    return text;
}

static const char *
header_value(const struct http_header *headers, const char *name)
{
    for (; headers != NULL && headers->name != NULL; headers++)
        if (strcasecmp(headers->name, name) == 0)
            return headers->value;
    return NULL;
}

// Whichever header the provider takes its token in.
static const char *
token_of(const struct http_request *request)
{
    static const char *const names[] = {"X-Auth-Token", "X-API-TOKEN", "Authorization"};
    const char *token = NULL;
    for (size_t i = 0; token == NULL && i < sizeof names / sizeof names[0]; i++)
        token = header_value(request->headers, names[i]);
    return token;
}

static const struct fake_call *
record_call(struct fake *fake, const struct http_service *service,
            const struct http_request *request)
{
    struct fake_call *call = &fake->calls[fake->call_count];
    assert_true(fake->call_count < FAKE_ROWS);
    fake->call_count++;
    *call = (struct fake_call){
        .service = service->name,
        .method = request->method,
        .base_url = job_strdup(&fake->keep, service->base_url),
        .path = job_strdup(&fake->keep, request->path),
        .body = request->parts_count > 0
                    ? parts_text(fake, request)
                    : job_memdup(&fake->keep, request->body, request->body_length),
        .token = job_strdup(&fake->keep, token_of(request)),
        .once = request->once,
    };
    return call;
}

static bool
matches(const char *pattern, const char *path)
{
    size_t length = strlen(pattern);
    if (length > 0 && pattern[length - 1] == '*')
        return strncmp(pattern, path, length - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static const struct fake_reply *
next_reply(struct fake *fake, const struct fake_call *call)
{
    const struct fake_reply *reply = fake->replies;
    if (reply == NULL || reply->method == NULL) {
        fail_msg("unexpected call: %s %s", call->method, call->path);
        abort(); // never: fail_msg() jumps, which the analyser does not know
    }
    if (strcmp(reply->method, call->method) != 0 || !matches(reply->url, call->path))
        fail_msg("expected %s %s, but the call is %s %s", reply->method, reply->url,
                 call->method, call->path);
    if (reply->sends != NULL && strstr(call->body, reply->sends) == NULL)
        fail_msg("%s %s should send %s, but sends %s", call->method, call->path,
                 reply->sends, call->body);
    fake->replies++;
    return reply;
}

static bool
is_answer(const struct http_request *request, int status)
{
    char text[8];
    snprintf(text, sizeof text, "%d", status);
    return request->any_status || (status >= 200 && status < 300)
           || (request->not_error != NULL && strstr(request->not_error, text) != NULL);
}

static bool
cut(struct job *job, const struct http_service *service,
    const struct http_request *request, const struct fake_reply *reply)
{
    settlement_call(job, "%s: cut", http_shown(job, request));
    if (reply->cut == ERROR_UNSURE && request->once)
        error_unsure(&job->error, 0, "%s was cut", request->method);
    else
        error_retryable(&job->error, "%s was cut", request->method);
    job->error.service = service->name;
    return false;
}

static bool
fake_call(const struct http_service *service, struct job *job,
          const struct http_request *request, struct http_response *response)
{
    struct fake *fake = service->fake;
    const struct fake_call *call = record_call(fake, service, request);
    const struct fake_reply *reply = next_reply(fake, call);
    if (reply->cut != ERROR_NONE)
        return cut(job, service, request, reply);
    const char *body = reply->body != NULL ? reply->body : "";
    settlement_call(job, "%s: %d", http_shown(job, request), reply->status);
    *response = (struct http_response){
        .status = reply->status,
        .body = job_strdup(job, body),
        .length = strlen(body),
        .content_type = "application/json",
        .retry_after_ms = reply->retry_after_ms,
    };
    if (is_answer(request, reply->status))
        return true;
    const struct error_answer answer = {
        .service = service->name,
        .what = http_shown(job, request),
        .status = reply->status,
        .retry_after_ms = reply->retry_after_ms,
        .once = request->once,
        .body = body,
    };
    return error_http(&job->error, service->rules, &answer);
}

void
fake_service(struct fake *fake, struct http_service *service)
{
    service->call = fake_call;
    service->fake = fake;
}
