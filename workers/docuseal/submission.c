#include "workers/docuseal/submission.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/docuseal/docuseal.h"

#define PAGE_TEXT "100"
#define REDIRECTED \
    "a proxy answers in DocuSeal's place, or DOCUSEAL_API_URL is not final"

const struct error_rule docuseal_rules[] = {
    {401, NULL, ERROR_FATAL,
     "DOCUSEAL_API_KEY is wrong, or its user is archived: make a new key in DocuSeal"},
    {403, "API key", ERROR_PERMANENT,
     "DOCUSEAL_API_KEY is of the testing side and this is production, or the reverse"},
    {403, NULL, ERROR_PERMANENT,
     "it belongs to another DocuSeal account than DOCUSEAL_API_KEY"},
    {404, "Pro Edition", ERROR_PERMANENT, "this DocuSeal server does not offer it"},
    {404, "\"status\"", ERROR_PERMANENT, "it is not there: destroyed by hand?"},
    {404, NULL, ERROR_FATAL,
     "DOCUSEAL_API_URL is no DocuSeal API: does it lack its /api (self-hosted)?"},
    {301, NULL, ERROR_RETRYABLE, REDIRECTED},
    {302, NULL, ERROR_RETRYABLE, REDIRECTED},
    {303, NULL, ERROR_RETRYABLE, REDIRECTED},
    {307, NULL, ERROR_RETRYABLE, REDIRECTED},
    {308, NULL, ERROR_RETRYABLE, REDIRECTED},
    {422, "Template", ERROR_PERMANENT,
     "check the DOCUSEAL_TEMPLATE_... settings and the template, then replay"},
    {422, NULL, ERROR_PERMANENT, "mend the data this names, then replay"},
    {400, NULL, ERROR_PERMANENT, "DocuSeal could not read the request"},
    {0},
};

// Every call carries the key as it is now: it may be read again while we run.
static struct json_object *
ask(struct job *job, const struct docuseal *ds, struct http_request *request,
    struct json_object *body)
{
    const struct http_header headers[] = {{"X-Auth-Token", ds->api_key}, {NULL}};
    request->headers = headers;
    return http_json(&ds->service, job, request, body);
}

static bool
is_array(struct json_object *value)
{
    return json_object_is_type(value, json_type_array);
}

struct json_object *
docuseal_submission_create(struct job *job, const struct docuseal *ds,
                           struct json_object *body)
{
    struct http_request request = {
        .method = "POST", .path = "/submissions", .once = true};
    struct json_object *answer = ask(job, ds, &request, body);
    if (answer == NULL) {
        // Whoever redirects may have done so with DocuSeal's work behind it.
        int status = job->error.http_status;
        if (status >= 300 && status < 400)
            job->error.kind = ERROR_UNSURE;
        return NULL;
    }
    if (is_array(answer) && json_object_array_length(answer) > 0
        && json_text_or(json_object_array_get_idx(answer, 0), "submission_id", NULL)
               != NULL)
        return answer;
    error_unsure(&job->error, 0,
                 "POST /submissions answered no submitters; it may have been done");
    job->error.service = ds->service.name;
    return NULL;
}

// Whether a 404 is the API's own word that the record is gone. Another one (a wrong
// base URL, a proxy) must not count as that: it would cancel what is alive.
static bool
says_gone(struct job *job, const struct http_response *response)
{
    struct json_object *body = json_parse(job, response->body, response->length);
    if (body == NULL)
        error_clear(&job->error);
    return body != NULL && json_i64_or(body, "status", 0) == 404;
}

// Like ask(), for one record: *answer becomes NULL where it is gone.
static bool
ask_for(struct job *job, const struct docuseal *ds, struct http_request *request,
        struct json_object **answer)
{
    const struct http_header headers[] = {{"X-Auth-Token", ds->api_key}, {NULL}};
    struct http_response response;
    request->headers = headers;
    request->not_error = "404";
    if (!http_call(&ds->service, job, request, &response))
        return false;
    if (response.status == 404) {
        const struct error_answer refusal = {
            .service = ds->service.name,
            .what = job_printf(job, "%s %s", request->method, request->path),
            .status = response.status,
            .body = response.body,
        };
        *answer = NULL;
        return says_gone(job, &response)
               || error_http(&job->error, docuseal_rules, &refusal);
    }
    *answer = json_parse(job, response.body, response.length);
    if (*answer != NULL && json_text_or(*answer, "id", NULL) != NULL)
        return true;
    error_retryable(&job->error, "%s %s answered something else than a submission",
                    request->method, request->path);
    job->error.service = ds->service.name;
    return false;
}

bool
docuseal_submission_read(struct job *job, const struct docuseal *ds, const char *id,
                         struct json_object **submission)
{
    struct http_request request = {
        .method = "GET",
        .path = job_printf(job, "/submissions/%s", http_escape(job, id)),
        .timeout_ms = ds->file_timeout_ms, // the first one after completion may render
    };
    return ask_for(job, ds, &request, submission);
}

bool
docuseal_submission_archive(struct job *job, const struct docuseal *ds, const char *id)
{
    struct json_object *archived;
    struct http_request request = {
        .method = "DELETE",
        .path = job_printf(job, "/submissions/%s", http_escape(job, id)),
    };
    return ask_for(job, ds, &request, &archived);
}

bool
docuseal_submission_prolong(struct job *job, const struct docuseal *ds, const char *id,
                            const char *expire_at)
{
    struct json_object *body = json_object_in(job);
    json_set_string(body, "expire_at", expire_at);
    struct http_request request = {
        .method = "PUT",
        .path = job_printf(job, "/submissions/%s", http_escape(job, id)),
    };
    return ask(job, ds, &request, body) != NULL;
}

// The array `data` of a page.
static struct json_object *
page_of(struct job *job, struct json_object *answer, const char *what)
{
    if (answer == NULL || json_array_or_null(answer, "data") != NULL)
        return answer;
    error_retryable(&job->error, "%s answered no list", what);
    return NULL;
}

struct json_object *
docuseal_submitters_find(struct job *job, const struct docuseal *ds,
                         const char *external_id)
{
    const struct http_header query[] = {
        {"external_id", external_id}, {"limit", PAGE_TEXT}, {NULL}};
    struct http_request request = {
        .method = "GET",
        .path = http_url(job, "/submitters", query),
    };
    struct json_object *page =
        page_of(job, ask(job, ds, &request, NULL), "GET /submitters");
    return page != NULL ? json_array_or_null(page, "data") : NULL;
}

bool
docuseal_submitter_invite(struct job *job, const struct docuseal *ds, const char *id)
{
    struct json_object *body = json_object_in(job);
    json_set_bool(body, "send_email", true);
    struct http_request request = {
        .method = "PUT",
        .path = job_printf(job, "/submitters/%s", http_escape(job, id)),
        .once = true,
    };
    return ask(job, ds, &request, body) != NULL;
}

static struct json_object *
template_named(struct job *job, const struct docuseal *ds, const char *name)
{
    const struct http_header query[] = {{"external_id", name}, {"limit", "1"}, {NULL}};
    struct http_request request = {.method = "GET",
                                   .path = http_url(job, "/templates", query)};
    struct json_object *page =
        page_of(job, ask(job, ds, &request, NULL), "GET /templates");
    struct json_object *rows = page != NULL ? json_array_or_null(page, "data") : NULL;
    if (rows == NULL)
        return NULL;
    if (json_object_array_length(rows) > 0)
        return json_object_array_get_idx(rows, 0);
    error_permanent(&job->error, "no DocuSeal template has the external_id \"%.80s\"",
                    name);
    job->error.hint = "check the DOCUSEAL_TEMPLATE_... settings";
    return NULL;
}

struct json_object *
docuseal_template_read(struct job *job, const struct docuseal *ds, const char *template)
{
    long long number;
    if (!str_to_i64(template, &number))
        return template_named(job, ds, template);
    struct http_request request = {.method = "GET",
                                   .path = job_printf(job, "/templates/%lld", number)};
    return ask(job, ds, &request, NULL);
}

struct json_object *
docuseal_submissions_page(struct job *job, const struct docuseal *ds,
                          const char *status, const char *below)
{
    // DocuSeal's `after` gives ids below: the list runs from the newest down.
    const struct http_header query[] = {{"status", status},
                                        {"limit", PAGE_TEXT},
                                        {below != NULL ? "after" : NULL, below},
                                        {NULL}};
    struct http_request request = {
        .method = "GET",
        .path = http_url(job, "/submissions", query),
        .max_bytes = (size_t)ds->file_max_bytes,
    };
    return page_of(job, ask(job, ds, &request, NULL), "GET /submissions");
}

struct json_object *
docuseal_completed_page(struct job *job, const struct docuseal *ds, const char *what,
                        int64_t since_s, int64_t before_s)
{
    // Here `before` means completed later than, and `after` earlier than.
    const struct http_header query[] = {
        {"limit", PAGE_TEXT},
        {"before", job_printf(job, "%" PRId64, since_s)},
        {before_s > 0 ? "after" : NULL, job_printf(job, "%" PRId64, before_s)},
        {NULL}};
    struct http_request request = {
        .method = "GET",
        .path = http_url(job, job_printf(job, "/events/%s/completed", what), query),
        .max_bytes = (size_t)ds->file_max_bytes,
    };
    return page_of(job, ask(job, ds, &request, NULL), "GET /events");
}

bool
docuseal_user_read(struct job *job, const struct docuseal *ds)
{
    struct http_request request = {.method = "GET", .path = "/user"};
    return ask(job, ds, &request, NULL) != NULL;
}
