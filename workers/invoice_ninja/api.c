#include "workers/invoice_ninja/api.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/money.h"
#include "common/str.h"
#include "workers/invoice_ninja/key.h"
#include "workers/invoice_ninja/ninja.h"

enum {
    GUARD_MS = 1200, // equal writes are refused within a second
};

#define CENTS_MAX 9e15 // beyond it a float knows no single centime

#define REDIRECTED \
    "a proxy answers in Invoice Ninja's place, or INVOICE_NINJA_URL is not final"

const struct error_rule ninja_rules[] = {
    {403, "Feature not available", ERROR_FATAL,
     "this Invoice Ninja account lacks the plan for it"},
    {403, NULL, ERROR_FATAL,
     "INVOICE_NINJA_KEY_<COMPANY> is wrong, or its user is locked: make a new key in "
     "that company's Invoice Ninja"},
    {401, NULL, ERROR_FATAL,
     "the user of INVOICE_NINJA_KEY_<COMPANY> lacks the right: make it an "
     "administrator"},
    {404, NULL, ERROR_FATAL,
     "no such route: INVOICE_NINJA_URL must be Invoice Ninja's base URL, without /api"},
    {400, "Duplicate request", ERROR_RETRYABLE, "the same was asked within a second"},
    {400, "Action still processing", ERROR_RETRYABLE,
     "the same was asked within a second"},
    {400, "No query results", ERROR_PERMANENT, "it is not there: deleted for good?"},
    {400, "not found", ERROR_PERMANENT, "it is not there: deleted for good?"},
    {400, "is deleted", ERROR_PERMANENT,
     "it was deleted in Invoice Ninja: restore it there, then replay"},
    {400, NULL, ERROR_PERMANENT, "Invoice Ninja refuses it: mend what it names"},
    {422, "id number has already been taken", ERROR_PERMANENT,
     "another client in Invoice Ninja has this id number"},
    {422, "number has already been taken", ERROR_PERMANENT,
     "another object in Invoice Ninja has this number"},
    {422, "idempotency", ERROR_PERMANENT, "it was booked before"},
    {422, "is locked", ERROR_PERMANENT,
     "Invoice Ninja locks invoices that were sent: change its setting, or cancel it "
     "and "
     "bill anew"},
    {422, NULL, ERROR_PERMANENT, "mend the data this names, then replay"},
    {429, NULL, ERROR_RATE_LIMITED, "too many requests from this address"},
    {301, NULL, ERROR_RETRYABLE, REDIRECTED},
    {302, NULL, ERROR_RETRYABLE, REDIRECTED},
    {303, NULL, ERROR_RETRYABLE, REDIRECTED},
    {307, NULL, ERROR_RETRYABLE, REDIRECTED},
    {308, NULL, ERROR_RETRYABLE, REDIRECTED},
    {0},
};

const struct http_header ninja_headers[] = {
    {"X-Requested-With", "XMLHttpRequest"},
    {"Accept", "application/json"},
    {"Content-Type", "application/json"},
    {NULL},
};

// What the table cannot say: how long to wait, which a 429 doesn't tell, and that
// whoever redirects a creating call may have done so with the work behind it.
static void
judge(struct job *job, const struct ninja *ninja, const struct ninja_call *call)
{
    struct error *err = &job->error;
    bool guarded = ninja_refused_for(job, "Duplicate request")
                   || ninja_refused_for(job, "Action still processing");
    if (guarded)
        err->retry_after_ms = GUARD_MS;
    if (err->kind == ERROR_RATE_LIMITED && err->retry_after_ms == 0)
        err->retry_after_ms = ninja->too_many_wait_ms;
    if (call->once && err->http_status >= 300 && err->http_status < 400)
        err->kind = ERROR_UNSURE;
}

static bool
send_call(struct job *job, const struct ninja *ninja, const struct ninja_call *call,
          const char *not_error, struct http_response *response)
{
    const char *key = ninja_key(job, ninja, call->company);
    if (key == NULL)
        return false;
    const struct http_header headers[] = {{"X-API-TOKEN", key}, {NULL}};
    const char *path = job_printf(job, "/api/v1%s", call->path);
    struct http_request request = {
        .method = call->method,
        .path = call->query != NULL ? http_url(job, path, call->query) : path,
        .headers = headers,
        .once = call->once,
        .not_error = not_error,
    };
    if (call->body != NULL)
        request.body = json_print(call->body, &request.body_length);
    if (http_call(&ninja->service, job, &request, response))
        return true;
    judge(job, ninja, call);
    return false;
}

// A page in the place of JSON: of a proxy, or of a server that is being updated.
static struct json_object *
no_answer(struct job *job, const struct ninja *ninja, const struct ninja_call *call,
          int status)
{
    if (call->once)
        error_unsure(&job->error, 0,
                     "%s %s answered %d without data; it may have been done",
                     call->method, call->path, status);
    else
        error_retryable(&job->error, "%s %s answered %d without data", call->method,
                        call->path, status);
    job->error.service = ninja->service.name;
    job->error.http_status = status;
    return NULL;
}

static struct json_object *
data_of(struct job *job, const struct ninja *ninja, const struct ninja_call *call,
        const struct http_response *response)
{
    struct json_object *answer = json_parse(job, response->body, response->length);
    struct json_object *data = json_at(answer, "data");
    if (data != NULL)
        return data;
    return no_answer(job, ninja, call, response->status);
}

struct json_object *
ninja_ask(struct job *job, const struct ninja *ninja, const struct ninja_call *call)
{
    struct http_response response;
    if (!send_call(job, ninja, call, NULL, &response))
        return NULL;
    return data_of(job, ninja, call, &response);
}

bool
ninja_ask_for(struct job *job, const struct ninja *ninja, const struct ninja_call *call,
              struct json_object **data)
{
    struct http_response response;
    if (!send_call(job, ninja, call, "400", &response))
        return false;
    if (response.status != 400) {
        *data = data_of(job, ninja, call, &response);
        return *data != NULL;
    }
    const struct error_answer refusal = {
        .service = ninja->service.name,
        .what = job_printf(job, "%s %s", call->method, call->path),
        .status = response.status,
        .body = response.body,
    };
    (void)error_http(&job->error, ninja_rules, &refusal);
    if (!ninja_refused_for(job, "No query results"))
        return false;
    error_clear(&job->error);
    *data = NULL;
    return true;
}

struct json_object *
ninja_list(struct job *job, const struct ninja *ninja, const struct ninja_call *call)
{
    struct json_object *rows = ninja_ask(job, ninja, call);
    if (rows == NULL || json_object_is_type(rows, json_type_array))
        return rows;
    return no_answer(job, ninja, call, 200);
}

bool
ninja_ping(struct job *job, const struct ninja *ninja, const char *key,
           int64_t timeout_ms)
{
    const struct http_header headers[] = {{"X-API-TOKEN", key}, {NULL}};
    const struct http_request request = {
        .method = "GET",
        .path = "/api/v1/ping",
        .headers = headers,
        .timeout_ms = timeout_ms,
        .not_error = "401,403",
    };
    struct http_response response;
    return http_call(&ninja->service, job, &request, &response);
}

bool
ninja_refused_for(const struct job *job, const char *rule)
{
    return job->error.rule != NULL && strcmp(job->error.rule, rule) == 0;
}

// A sum of PHP floats: 0.30000000000000004, or 1.0e+25 for what is no money.
static bool
read_float(const char *text, int64_t *cents)
{
    char *end;
    double value = strtod(text, &end) * 100;
    if (end == text || *end != '\0' || !(value > -CENTS_MAX && value < CENTS_MAX))
        return false;
    *cents = (int64_t)(value < 0 ? value - 0.5 : value + 0.5);
    return true;
}

static bool
read_cents(struct json_object *obj, const char *path, int64_t *cents)
{
    const char *text = json_text_or(obj, path, NULL);
    int64_t read;
    if (text == NULL || (!money_parse(text, &read) && !read_float(text, &read))
        || read > (int64_t)CENTS_MAX || read < -(int64_t)CENTS_MAX)
        return false;
    *cents = read;
    return true;
}

int64_t
ninja_cents(struct json_object *obj, const char *path, int64_t fallback)
{
    int64_t cents;
    return read_cents(obj, path, &cents) ? cents : fallback;
}

static bool
odd_answer(struct job *job, const char *what, struct json_object *obj, const char *path)
{
    error_permanent(&job->error, "%.80s: Invoice Ninja says \"%.30s\" for its %s", what,
                    json_text_or(obj, path, "nothing"), path);
    job->error.service = "invoice-ninja";
    job->error.hint = "nothing was written: look at it in Invoice Ninja (5.10 or "
                      "newer?), then replay";
    return false;
}

bool
ninja_cents_of(struct job *job, const char *what, struct json_object *obj,
               const char *path, int64_t *cents)
{
    return read_cents(obj, path, cents) || odd_answer(job, what, obj, path);
}

bool
ninja_status_of(struct job *job, const char *what, struct json_object *obj, int last,
                int *status)
{
    long long value;
    if (!str_to_i64(json_text_or(obj, "status_id", ""), &value) || value < 1
        || value > last)
        return odd_answer(job, what, obj, "status_id");
    *status = (int)value;
    return true;
}

const char *
ninja_cents_text(struct job *job, int64_t cents)
{
    char *text = job_alloc(job, MONEY_TEXT);
    money_format(cents, text);
    return text;
}

struct json_object *
ninja_number(struct job *job, const char *text)
{
    char *end;
    if (text == NULL || text[strspn(text, "-0123456789.")] != '\0')
        return NULL;
    double value = strtod(text, &end);
    if (end == text || *end != '\0')
        return NULL;
    char *shortest = job_strdup(job, text);
    if (strchr(shortest, '.') != NULL) {
        size_t length = strlen(shortest);
        while (shortest[length - 1] == '0')
            shortest[--length] = '\0';
        if (shortest[length - 1] == '.')
            shortest[length - 1] = '\0';
    }
    return job_own(job, json_object_new_double_s(value, shortest));
}

struct json_object *
ninja_money(struct job *job, int64_t cents)
{
    return ninja_number(job, ninja_cents_text(job, cents));
}

const char *
ninja_instant(struct job *job, int64_t seconds)
{
    if (seconds <= 0)
        return NULL;
    char *text = job_alloc(job, CLOCK_TEXT);
    clock_format(seconds * 1000, text);
    return text;
}

struct json_object *
ninja_money_of(struct job *job, int64_t cents, const char *currency)
{
    struct json_object *money = json_object_in(job);
    json_set_i64(money, "cents", cents);
    json_set_string(money, "currency", currency);
    return money;
}
