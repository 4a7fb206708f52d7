#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "harness_json.h"
#include "invoice_ninja.h"

// What Laravel calls expecting JSON.
static bool
expects_json(struct call *call)
{
    const char *accept = call_header(call, "Accept");
    const char *with = call_header(call, "X-Requested-With");
    bool any = accept == NULL || *accept == '\0' || strncmp(accept, "*/*", 3) == 0;
    bool json = accept != NULL
                && (strstr(accept, "/json") != NULL || strstr(accept, "+json") != NULL);
    return json || (any && with != NULL && strcasecmp(with, "XMLHttpRequest") == 0);
}

static void
answer_page(struct call *call, int status, const char *title)
{
    char page[400];
    int bytes = snprintf(page, sizeof page,
                         "<!DOCTYPE html><html><head><title>%.100s</title></head>"
                         "<body>%d %.100s</body></html>",
                         title, status, title);
    call_bytes(call, status, "text/html; charset=UTF-8", page, (size_t)bytes);
}

void
answer_data(struct call *call, struct json_object *view)
{
    struct json_object *reply = json_object_new_object();
    json_add(reply, "data", view);
    call_answer(call, 200, reply);
}

static void
add_link(struct call *call, struct json_object *links, const char *name, int64_t page)
{
    char url[600];
    snprintf(url, sizeof url, "%.200s%.200s?page=%lld", sim_public_url(call->sim),
             call->path, (long long)page);
    json_add_str(links, name, url);
}

void
answer_list(struct call *call, struct json_object *views, int64_t total,
            int64_t per_page, int64_t page)
{
    int64_t pages = total == 0 ? 1 : (total + per_page - 1) / per_page;
    struct json_object *links = json_object_new_object();
    if (page > 1)
        add_link(call, links, "previous", page - 1);
    if (page < pages)
        add_link(call, links, "next", page + 1);
    struct json_object *pagination = json_object_new_object();
    json_add_int(pagination, "total", total);
    json_add_int(pagination, "count", (int64_t)json_object_array_length(views));
    json_add_int(pagination, "per_page", per_page);
    json_add_int(pagination, "current_page", page);
    json_add_int(pagination, "total_pages", pages);
    json_add(pagination, "links", links);
    struct json_object *meta = json_object_new_object();
    json_add(meta, "pagination", pagination);
    struct json_object *reply = json_object_new_object();
    json_add(reply, "data", views);
    json_add(reply, "meta", meta);
    call_answer(call, 200, reply);
}

void
answer_message(struct call *call, int status, const char *fmt, ...)
{
    char text[300];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (status >= 400 && !expects_json(call)) {
        answer_page(call, status, text);
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "message", text);
    call_answer(call, status, reply);
}

void
answer_bad_id(struct call *call, enum entity kind, const char *given)
{
    int64_t number = 0;
    if (json_number(given, &number))
        answer_message(call, 400, "Record with value %s not found", given);
    else
        answer_message(call, 400, "No query results for model [App\\Models\\%s].",
                       entity_name(kind));
}

void
answer_forbidden(struct call *call, const char *message)
{
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "message", message);
    json_add(reply, "errors", json_object_new_object());
    call_answer(call, 403, reply);
}

bool
is_2026(struct sim *sim)
{
    return strcmp(sim_setting(sim, "edition"), "2026") == 0;
}

void
answer_duplicate(struct call *call)
{
    answer_message(call, 400, "%s",
                   is_2026(call->sim) ? "Action still processing, please wait."
                                      : "Duplicate request");
}

void
answer_empty(struct call *call)
{
    call_bytes(call, 200, "text/html; charset=UTF-8", "", 0);
}

void
answer_refuse(struct call *call, int status)
{
    if (status == 404)
        answer_message(call, 404,
                       call_is_known(call) ? "Method not supported for this route"
                                           : "Route does not exist");
    else if (status == 429)
        answer_message(call, 429, "Too many requests");
    else if (status >= 500)
        answer_message(call, status, "Server Error");
    else
        answer_message(call, status, "Error");
}

void
answer_invalid(struct call *call, struct json_object *errors)
{
    if (!expects_json(call)) {
        json_object_put(errors);
        call_add_header(call, "Location", sim_public_url(call->sim));
        answer_page(call, 302, "Redirecting");
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "message", "The given data was invalid.");
    json_add(reply, "errors", errors);
    call_answer(call, 422, reply);
}

void
problem(struct json_object *errors, const char *field, const char *text)
{
    struct json_object *list = json_at(errors, field);
    if (list == NULL) {
        list = json_object_new_array();
        json_add(errors, field, list);
    }
    json_push_str(list, text);
}

bool
no_problem(struct call *call, struct json_object *errors)
{
    if (json_object_object_length(errors) > 0) {
        answer_invalid(call, errors);
        return false;
    }
    json_object_put(errors);
    return true;
}

bool
input_true(struct call *call, const char *key)
{
    const char *text = call_query(call, key);
    if (json_has(call->body, key))
        return php_true(json_at(call->body, key));
    return text != NULL && (strcmp(text, "true") == 0 || strcmp(text, "1") == 0);
}
