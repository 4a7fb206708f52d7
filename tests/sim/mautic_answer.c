#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

void
mautic_answer_error(struct call *call, int status, struct json_object *error)
{
    struct json_object *errors = json_object_new_array();
    json_object_array_add(errors, error);
    struct json_object *reply = json_object_new_object();
    json_add(reply, "errors", errors);
    call_answer(call, status, reply);
}

static struct json_object *
new_error(int status, const char *message, struct json_object *details)
{
    struct json_object *error = json_object_new_object();
    json_add_int(error, "code", status);
    json_add_str(error, "message", message);
    json_add(error, "details", details);
    json_add_null(error, "type");
    return error;
}

void
mautic_error(struct call *call, int status, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    mautic_answer_error(call, status, new_error(status, text, json_object_new_array()));
}

struct json_object *
mautic_details_error(int status, struct json_object *details)
{
    char message[600] = "";
    json_object_object_foreach(details, field, texts)
    {
        size_t used = strlen(message);
        struct json_object *text = json_object_array_get_idx(texts, 0);
        snprintf(message + used, sizeof message - used, "%s%s: %s",
                 used == 0 ? "" : ", ", field, json_object_get_string(text));
    }
    return new_error(status, message, details);
}

void
mautic_add_detail(struct json_object *details, const char *field, const char *text)
{
    struct json_object *texts = json_object_new_array();
    json_push_str(texts, text);
    json_add(details, field, texts);
}

struct json_object *
mautic_field_error(int status, const char *field, const char *text)
{
    struct json_object *details = json_object_new_object();
    mautic_add_detail(details, field, text);
    return mautic_details_error(status, details);
}

struct json_object *
mautic_plain_error(int status, const char *message)
{
    return new_error(status, message, json_object_new_array());
}

static struct json_object *
type_error(int status, const char *type, const char *message)
{
    struct json_object *error = json_object_new_object();
    json_add_str(error, "message", message);
    json_add_int(error, "code", status);
    json_add_str(error, "type", type);
    return error;
}

void
mautic_type_error(struct call *call, int status, const char *type, const char *message)
{
    mautic_answer_error(call, status, type_error(status, type, message));
}

void
mautic_stats_error(struct call *call, int code, const char *message)
{
    mautic_answer_error(call, 200, type_error(code, NULL, message));
}

// Mautic writes what it has in its catalogues in the language of the API's user.
static const char *
in_language(struct call *call, const char *english, const char *german)
{
    return strcmp(sim_setting(call->sim, "language"), "de") == 0 ? german : english;
}

void
mautic_not_found(struct call *call)
{
    mautic_error(call, 404, "%s",
                 in_language(call, "Item was not found.", "Element nicht gefunden."));
}

void
mautic_no_contact(struct call *call)
{
    mautic_error(call, 404, "%s",
                 in_language(call, "Contact not found.", "Kontakt nicht gefunden."));
}

void
mautic_forbidden(struct call *call)
{
    mautic_error(call, 403, "You do not have access to the requested area/action.");
}

static void
no_route(struct call *call)
{
    static const char page[] = "<!DOCTYPE html><html><head><title>Mautic</title></head>"
                               "<body><h1>404 Not Found</h1></body></html>";
    if (strncmp(call->path, "/api/", 5) != 0) {
        call_bytes(call, 404, "text/html; charset=UTF-8", page, sizeof page - 1);
        return;
    }
    if (call_is_known(call))
        mautic_error(call, 405, "No route found for \"%s %s%s\": Method Not Allowed",
                     call->method, sim_public_url(call->sim), call->path);
    else
        mautic_error(call, 404, "No route found for \"%s %s%s\"", call->method,
                     sim_public_url(call->sim), call->path);
}

static void
too_many(struct call *call)
{
    int64_t limit = sim_setting_int(call->sim, "rate_limit");
    char reset[24];
    snprintf(reset, sizeof reset, "%" PRId64, sim_now_ms(call->sim) / 1000 + 1);
    call_add_header(call, "X-RateLimit-Reset", reset);
    char text[120];
    snprintf(text, sizeof text,
             "You exceeded the rate limit of %" PRId64 " API calls per hour.",
             limit > 0 ? limit : 1000);
    struct json_object *error = json_object_new_object();
    json_add_int(error, "code", 429);
    json_add_str(error, "message", text);
    json_add(error, "details", json_object_new_array());
    mautic_answer_error(call, 429, error);
}

// From 7 on: somebody has the thing open in the editor.
static void
locked(struct call *call)
{
    struct json_object *details = json_object_new_object();
    json_add_str(details, "checkedOutBy", "Admin User");
    json_add_str(details, "checkedOut", "2026-08-20 11:58:00 UTC");
    mautic_answer_error(
        call, 409,
        new_error(409,
                  "quote_sent_fr is currently checked out by Admin User (August 20, "
                  "2026 11:58 am)",
                  details));
}

// What a fault, or a call that reaches no route, is answered.
void
mautic_refuse(struct call *call, int status)
{
    static const char crash[] =
        "Looks like I encountered an error (error #500). If I do it again, please "
        "report me to the system administrator!";
    call_add_header(call, "Mautic-Version", sim_setting(call->sim, "version"));
    switch (status) {
    case 200: // some failures come under this status
        mautic_answer_error(call, 200, type_error(500, NULL, crash));
        break;
    case 401:
        mautic_type_error(call, 401, "invalid_grant",
                          "The access token provided has expired.");
        break;
    case 403:
        mautic_forbidden(call);
        break;
    case 404:
        no_route(call);
        break;
    case 409:
        locked(call);
        break;
    case 422:
        mautic_answer_error(
            call, 422, mautic_field_error(422, "email", "This field must be unique."));
        break;
    case 429:
        too_many(call);
        break;
    case 400:
        mautic_error(call, 400, "The request was malformed.");
        break;
    default:
        mautic_type_error(call, status, NULL, crash);
        break;
    }
}

void
mautic_success(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "success", 1);
    call_answer(call, 200, reply);
}

void
mautic_answer(struct call *call, int status, const char *root, struct json_object *view)
{
    struct json_object *reply = json_object_new_object();
    json_add(reply, root, view);
    call_answer(call, status, reply);
}

void
mautic_created(struct call *call, const char *root, struct json_object *view)
{
    char place[500];
    const char *end = strstr(call->path, "/new");
    int bytes = end == NULL ? (int)strlen(call->path) : (int)(end - call->path);
    snprintf(place, sizeof place, "%.200s%.*s/%" PRId64, sim_public_url(call->sim),
             bytes, call->path, json_int(view, "id", 0));
    call_add_header(call, "Location", place);
    mautic_answer(call, 201, root, view);
}
