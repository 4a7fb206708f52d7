// Turns an HTTP answer into an error. Apart from error.c, because it reads JSON.
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/str.h"

enum {
    MESSAGE_BYTES = 160,
    MESSAGE_DEPTH = 5,
};

// Appends text up to a NUL, cut to what fits.
static void
put_cut(struct str *out, const char *text)
{
    str_append(out, text, str_fit(text, strlen(text), out->max - out->length));
}

static bool put_message(struct str *out, struct json_object *obj, int depth);

// {field: [..]}: the first field and what is wrong with it.
static bool
put_first_field(struct str *out, struct json_object *obj, int depth)
{
    json_object_object_foreach(obj, field, problem)
    {
        size_t before = out->length;
        put_cut(out, field);
        put_cut(out, ": ");
        if (put_message(out, problem, depth + 1))
            return true;
        out->length = before;
        out->data[before] = '\0';
        return false;
    }
    return false;
}

// The shapes that services answer with: a bare string, a list of what follows,
// {message}, {error}, {errors: ..}, {detail}.
static bool
put_message(struct str *out, struct json_object *obj, int depth)
{
    static const char *const names[] = {"message", "error", "detail", "errors", NULL};

    if (depth > MESSAGE_DEPTH)
        return false;
    if (json_object_is_type(obj, json_type_string)) {
        put_cut(out, json_object_get_string(obj));
        return json_object_get_string_len(obj) > 0;
    }
    if (json_object_is_type(obj, json_type_array))
        return put_message(out, json_object_array_get_idx(obj, 0), depth + 1);
    if (!json_object_is_type(obj, json_type_object))
        return false;
    for (int i = 0; names[i] != NULL; i++) {
        struct json_object *member = NULL;
        if (json_object_object_get_ex(obj, names[i], &member)
            && put_message(out, member, depth + 1))
            return true;
    }
    return depth > 0 && put_first_field(out, obj, depth);
}

// What the other side says is wrong, or "".
static void
read_message(struct str *out, const char *body)
{
    struct json_object *obj = NULL;
    struct json_object *errors = NULL;
    if (body != NULL)
        obj = json_parse_raw(body, strlen(body));
    bool found = put_message(out, obj, 0);
    // {message: "The given data was invalid.", errors: {number: ["is taken"]}}: the
    // second says more than the first.
    if (found && json_object_is_type(obj, json_type_object)
        && json_object_object_get_ex(obj, "message", NULL)
        && json_object_object_get_ex(obj, "errors", &errors)
        && json_object_is_type(errors, json_type_object)) {
        put_cut(out, " ");
        put_first_field(out, errors, 1);
    }
    json_drop(obj);
}

static enum error_kind
plain_kind(const struct error_answer *answer)
{
    int status = answer->status;
    if (status == 429 || (status == 503 && answer->retry_after_ms > 0))
        return ERROR_RATE_LIMITED;
    if (status >= 500 || status == 408 || status == 425)
        return ERROR_RETRYABLE;
    return status == 401 ? ERROR_FATAL : ERROR_PERMANENT;
}

static const char *
plain_hint(int status)
{
    if (status >= 300 && status < 400)
        return "the URL answers with a redirect: set the final one";
    return status == 401 ? "check the key and the URL it belongs to" : NULL;
}

static const struct error_rule *
find_rule(const struct error_rule rules[], const struct error_answer *answer)
{
    const char *body = answer->body != NULL ? answer->body : "";
    for (; rules != NULL && rules->kind != ERROR_NONE; rules++)
        if ((rules->status == 0 || rules->status == answer->status)
            && (rules->text == NULL || strstr(body, rules->text) != NULL))
            return rules;
    return NULL;
}

bool
error_http(struct error *err, const struct error_rule rules[],
           const struct error_answer *answer)
{
    const struct error_rule *rule = find_rule(rules, answer);
    enum error_kind kind = rule != NULL ? rule->kind : plain_kind(answer);
    struct str message;
    str_begin(&message, MESSAGE_BYTES);
    read_message(&message, answer->body);

    error_permanent(err, "%s answered %d%s%s", answer->what, answer->status,
                    message.length > 0 ? ": " : "", message.data);
    str_end(&message);
    // Behind a 5xx the work may have been done.
    bool passing = kind == ERROR_RETRYABLE || kind == ERROR_RATE_LIMITED;
    if (answer->once && passing && answer->status >= 500)
        kind = ERROR_UNSURE;
    err->kind = kind;
    err->http_status = answer->status;
    err->retry_after_ms = answer->retry_after_ms;
    err->service = answer->service;
    err->rule = "http";
    err->hint = plain_hint(answer->status);
    if (rule != NULL) {
        err->rule = rule->text != NULL ? rule->text : "status";
        err->hint = rule->hint;
    }
    return false;
}
