#include "workers/mautic/api.h"

#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/mautic/auth.h"
#include "workers/mautic/mautic.h"

#define REDIRECTED \
    "MAUTIC_URL must be Mautic's own site_url, with its scheme; or a proxy answers"
#define NO_MAUTIC_THERE "MAUTIC_URL is not the address of a Mautic"
#define MAUTICS_404 "\"code\":404"
#define LOOK_AT_IDS \
    "it is not there: check the MAUTIC_CAMPAIGN_... and MAUTIC_SEGMENT_... settings"

const struct error_rule mautic_rules[] = {
    {401, NULL, ERROR_FATAL,
     "Mautic refuses MAUTIC_CLIENT_ID and MAUTIC_CLIENT_SECRET, or MAUTIC_USERNAME and "
     "MAUTIC_PASSWORD"},
    {400, "invalid_client", ERROR_FATAL,
     "MAUTIC_CLIENT_ID or MAUTIC_CLIENT_SECRET is wrong"},
    {400, "unauthorized_client", ERROR_FATAL,
     "an administrator must make the API credentials in Mautic, for the grant "
     "client_credentials"},
    {400, NULL, ERROR_PERMANENT, "mend the data this names, then replay"},
    {403, "api_disabled", ERROR_FATAL,
     "switch the API on in Mautic's configuration, then clear its cache"},
    {403, "Basic Auth", ERROR_FATAL,
     "switch basic authentication on in Mautic's configuration, or use OAuth2"},
    {403, NULL, ERROR_PERMANENT,
     "the role of Mautic's API user lacks this right, or the segment is unpublished or "
     "somebody's own"},
    {404, "Contact not found", ERROR_RETRYABLE,
     "it was merged or deleted in Mautic a moment ago"},
    {404, "No route found", ERROR_FATAL, NO_MAUTIC_THERE},
    {404, MAUTICS_404, ERROR_PERMANENT, LOOK_AT_IDS}, // in its user's language
    {404, NULL, ERROR_FATAL, NO_MAUTIC_THERE},
    {409, NULL, ERROR_RETRYABLE, "somebody has it open in Mautic's editor"},
    {422, "must be unique", ERROR_PERMANENT,
     "Mautic has the e-mail address twice: run mautic:contacts:deduplicate there, then "
     "replay"},
    {500, "entities are supported", ERROR_PERMANENT, NULL},
    {301, NULL, ERROR_RETRYABLE, REDIRECTED},
    {302, NULL, ERROR_RETRYABLE, REDIRECTED},
    {303, NULL, ERROR_RETRYABLE, REDIRECTED},
    {307, NULL, ERROR_RETRYABLE, REDIRECTED},
    {308, NULL, ERROR_RETRYABLE, REDIRECTED},
    {0},
};

// Method and path without the query, which may hold an e-mail address.
static const char *
what_of(struct job *job, const struct mautic_call *call)
{
    int length = (int)strcspn(call->path, "?");
    return job_printf(job, "%s %.*s", call->method, length, call->path);
}

// One call on its way, and what came back.
struct exchange {
    const struct mautic *m;
    const struct mautic_call *call;
    const char *authorization;
    struct http_request request;
    struct http_response response;
};

// A status, or a code inside of an answer, that says no.
static bool
refused(struct job *job, const struct exchange *exchange, int status)
{
    const struct mautic_call *call = exchange->call;
    const struct error_answer answer = {
        .service = exchange->m->service.name,
        .what = what_of(job, call),
        .status = status,
        .retry_after_ms = exchange->response.retry_after_ms,
        .once = call->once,
        .body = exchange->response.body,
    };
    error_http(&job->error, mautic_rules, &answer);
    // Whoever redirects may have done so with Mautic's work behind it.
    if (call->once && status >= 300 && status < 400)
        job->error.kind = ERROR_UNSURE;
    return false;
}

static bool
no_mautic(struct job *job, const struct exchange *exchange)
{
    const char *what = what_of(job, exchange->call);
    int status = exchange->response.status;
    http_blame(&exchange->m->service, job, &exchange->request, &exchange->response);
    if (exchange->call->once)
        error_unsure(&job->error, 0, "%s answered %d, but not as Mautic does", what,
                     status);
    else
        error_retryable(&job->error, "%s answered %d, but not as Mautic does", what,
                        status);
    job->error.service = exchange->m->service.name;
    job->error.http_status = status;
    job->error.hint = "a proxy's page? check MAUTIC_URL";
    return false;
}

// Whether a 404 is Mautic's own word that the thing is gone, in whatever language its
// user reads. Another one (a wrong address, a proxy) must not count as that.
static bool
says_gone(const struct http_response *response)
{
    return response->status == 404 && strstr(response->body, MAUTICS_404) != NULL
           && strstr(response->body, "No route found") == NULL;
}

// The status that an answer's first error says. PHP's own exceptions have codes that
// are none, most often 0: something broke.
static int
status_inside(struct json_object *errors)
{
    int64_t code = mautic_number(json_object_array_get_idx(errors, 0), "code");
    return code >= 400 && code < 600 ? (int)code : 500;
}

static bool
read_answer(struct job *job, const struct exchange *exchange,
            struct json_object **answer)
{
    const struct http_response *response = &exchange->response;
    const char *expect = exchange->call->expect;
    struct json_object *body = json_parse(job, response->body, response->length);
    if (!json_object_is_type(body, json_type_object))
        return no_mautic(job, exchange);
    struct json_object *errors = json_array_or_null(body, "errors");
    if (errors != NULL) {
        http_blame(&exchange->m->service, job, &exchange->request, response);
        return refused(job, exchange, status_inside(errors));
    }
    if (expect != NULL && !json_object_object_get_ex(body, expect, NULL))
        return no_mautic(job, exchange);
    *answer = body;
    return true;
}

// What was authorised before and refused, if anything was, is not used again.
static bool
attempt(struct job *job, struct exchange *exchange)
{
    const struct mautic *m = exchange->m;
    exchange->authorization = mautic_authorization(job, m, exchange->authorization);
    if (exchange->authorization == NULL)
        return false;
    struct http_header *headers = job_alloc(job, 3 * sizeof *headers);
    headers[0] = (struct http_header){"Authorization", exchange->authorization};
    headers[1] = (struct http_header){"Accept", "application/json"};
    exchange->request.headers = headers;
    return http_call(&m->service, job, &exchange->request, &exchange->response);
}

bool
mautic_ask(struct job *job, const struct mautic *m, const struct mautic_call *call,
           struct json_object **answer)
{
    struct exchange exchange = {
        .m = m,
        .call = call,
        .request = {.method = call->method,
                    .path = call->path,
                    .content_type = "application/json",
                    .once = call->once,
                    .any_status = true},
    };
    const struct http_response *response = &exchange.response;
    if (call->body != NULL)
        exchange.request.body = json_print(call->body, &exchange.request.body_length);
    if (!attempt(job, &exchange))
        return false;
    if (response->status == 401 && m->token != NULL && !attempt(job, &exchange))
        return false;
    if (call->may_be_gone && says_gone(response)) {
        *answer = NULL;
        return true;
    }
    return response->status >= 300 ? refused(job, &exchange, response->status)
                                   : read_answer(job, &exchange, answer);
}

const char *
mautic_where(struct job *job, const char *path, const struct http_header equal[],
             const struct http_header more[])
{
    enum { PAIRS_MAX = 16 };
    struct http_header query[PAIRS_MAX + 1] = {{NULL}};
    size_t count = 0;
    for (int i = 0; equal[i].name != NULL && count + 3 <= PAIRS_MAX; i++) {
        const struct http_header triple[] = {
            {job_printf(job, "where[%d][col]", i), equal[i].name},
            {job_printf(job, "where[%d][expr]", i), "eq"},
            {job_printf(job, "where[%d][val]", i), equal[i].value},
        };
        memcpy(&query[count], triple, sizeof triple);
        count += 3;
    }
    for (; more != NULL && more->name != NULL && count < PAIRS_MAX; more++)
        query[count++] = *more;
    return http_url(job, path, query);
}

struct json_object *
mautic_rows(struct job *job, struct json_object *answer, const char *member)
{
    struct json_object *list = json_at(answer, member);
    if (json_object_is_type(list, json_type_array))
        return list;
    struct json_object *rows = json_array_in(job);
    if (!json_object_is_type(list, json_type_object))
        return rows;
    json_object_object_foreach(list, id, row)
    {
        (void)id;
        json_add(rows, row);
    }
    return rows;
}

int64_t
mautic_number(struct json_object *obj, const char *member)
{
    long long number;
    const char *text = json_text_or(obj, member, "");
    return str_to_i64(text, &number) ? number : 0;
}
