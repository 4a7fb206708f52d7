#include <stdarg.h>
#include <stdio.h>

#include "docuseal.h"
#include "harness_json.h"

void
docuseal_error(struct call *call, int status, const char *fmt, ...)
{
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "error", text);
    call_answer(call, status, reply);
}

void
docuseal_not_found(struct call *call)
{
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "status", 404);
    call_answer(call, 404, reply);
}

void
docuseal_refuse(struct call *call, int status)
{
    if (status == 429) {
        docuseal_error(call, 429, "Too many requests");
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_int(reply, "status", status);
    if (status == 400)
        json_add_str(reply, "error", "unexpected token at the start of the JSON text");
    call_answer(call, status, reply);
}

// A token of the testing side and a production record, or the other way round.
static bool
is_other_side(int a, int64_t b)
{
    return (a == ACCOUNT_MAIN && b == ACCOUNT_TESTING)
           || (a == ACCOUNT_TESTING && b == ACCOUNT_MAIN);
}

bool
docuseal_allowed(struct call *call, int64_t account, const char *noun, int64_t id)
{
    if (account == call->account)
        return true;
    if (!is_other_side(call->account, account)) {
        docuseal_error(call, 403, "Not authorized");
        return false;
    }
    bool testing = call->account == ACCOUNT_TESTING;
    docuseal_error(
        call, 403,
        "%s %lld not found using %s API key; Use %s API key to access %s %ss.", noun,
        (long long)id, testing ? "testing" : "production",
        testing ? "production" : "testing", testing ? "production" : "testing",
        noun[0] == 'T' ? "template" : "submission");
    return false;
}

struct json_object *
docuseal_submission(struct call *call)
{
    struct json_object *submission = submission_row(call->sim, call->ids[0]);
    if (submission == NULL) {
        docuseal_not_found(call);
        return NULL;
    }
    int64_t account = json_int(submission, "account", 0);
    return docuseal_allowed(call, account, "Submission", call->ids[0]) ? submission
                                                                       : NULL;
}

struct json_object *
docuseal_submitter(struct call *call)
{
    struct json_object *submitter = submitter_row(call->sim, call->ids[0]);
    if (submitter == NULL) {
        docuseal_not_found(call);
        return NULL;
    }
    int64_t account = json_int(submission_of(call->sim, submitter), "account", 0);
    return docuseal_allowed(call, account, "Submitter", call->ids[0]) ? submitter
                                                                      : NULL;
}

int64_t
page_limit(struct call *call)
{
    int64_t limit = 10;
    const char *text = call_query(call, "limit");
    if (text != NULL)
        json_number(text, &limit);
    if (limit < 1)
        return 10;
    return limit > 100 ? 100 : limit;
}

bool
page_bound(struct call *call, const char *key, int64_t *bound)
{
    const char *text = call_query(call, key);
    return text != NULL && json_number(text, bound);
}

struct json_object *
page_reply(struct json_object *data, const char *key)
{
    size_t count = json_object_array_length(data);
    struct json_object *page = json_object_new_object();
    json_add_int(page, "count", (int64_t)count);
    if (count == 0) {
        json_add_null(page, "next");
        json_add_null(page, "prev");
    } else {
        json_share(page, "next",
                   json_at(json_object_array_get_idx(data, count - 1), key));
        json_share(page, "prev", json_at(json_object_array_get_idx(data, 0), key));
    }
    struct json_object *reply = json_object_new_object();
    json_add(reply, "data", data);
    json_add(reply, "pagination", page);
    return reply;
}
