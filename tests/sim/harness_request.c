// A call as the routes see it: what came in, and how it is answered.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_internal.h"
#include "harness_json.h"

enum { BODY_MAX_BYTES = 16 << 20 };

static char *
copy_text(const char *text)
{
    char *copy = strdup(text);
    if (copy == NULL)
        abort();
    return copy;
}

static const char *
without_prefix(const char *path, const char *prefix)
{
    size_t bytes = prefix == NULL ? 0 : strlen(prefix);
    if (bytes == 0 || strncmp(path, prefix, bytes) != 0)
        return path;
    return path[bytes] == '/' ? path + bytes : path;
}

static enum MHD_Result
add_query(void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    char **query = cls;
    (void)kind;
    char *longer = NULL;
    if (asprintf(&longer, "%s%s%s%s%s", *query, **query == '\0' ? "" : "&", key,
                 value == NULL ? "" : "=", value == NULL ? "" : value)
        < 0)
        abort();
    free(*query);
    *query = longer;
    return MHD_YES;
}

struct call *
call_new(struct sim *sim, struct MHD_Connection *connection, const char *method,
         const char *url)
{
    struct call *call = calloc(1, sizeof *call);
    struct call_private *own = calloc(1, sizeof *own);
    if (call == NULL || own == NULL)
        abort();
    call->sim = sim;
    call->own = own;
    own->connection = connection;
    own->method = copy_text(method);
    own->path = copy_text(url);
    own->query = copy_text("");
    MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, add_query,
                              &own->query);
    call->method = own->method;
    call->path = without_prefix(own->path, sim->ops->prefix);
    own->control = strncmp(call->path, "/_sim/", 6) == 0;
    return call;
}

void
call_free(struct call *call)
{
    struct call_private *own = call->own;
    json_object_put(call->body);
    free(own->method);
    free(own->path);
    free(own->word);
    free(own->query);
    free(own->input);
    free(own->haystack);
    free(own->output);
    free(own);
    free(call);
}

bool
call_append(struct call *call, const char *data, size_t bytes)
{
    struct call_private *own = call->own;
    if (own->input_bytes + bytes > BODY_MAX_BYTES)
        return false;
    own->input = realloc(own->input, own->input_bytes + bytes + 1);
    if (own->input == NULL)
        abort();
    memcpy(own->input + own->input_bytes, data, bytes);
    own->input_bytes += bytes;
    own->input[own->input_bytes] = '\0';
    return true;
}

const char *
call_query(struct call *call, const char *key)
{
    return MHD_lookup_connection_value(call->own->connection, MHD_GET_ARGUMENT_KIND,
                                       key);
}

const char *
call_header(struct call *call, const char *key)
{
    return MHD_lookup_connection_value(call->own->connection, MHD_HEADER_KIND, key);
}

const char *
call_raw(struct call *call, size_t *bytes)
{
    *bytes = call->own->input_bytes;
    return call->own->input;
}

void
call_webhooks_first(struct call *call)
{
    call->own->fault.webhook_first = true;
}

static void
set_output(struct call *call, int status, const char *type, char *data, size_t bytes)
{
    struct call_private *own = call->own;
    free(own->output);
    own->output = data;
    own->output_bytes = bytes;
    own->type = type;
    own->status = status;
    call->answered = true;
}

void
call_answer(struct call *call, int status, struct json_object *reply)
{
    char *text = call->own->control ? json_text(reply) : call->sim->ops->encode(reply);
    json_object_put(reply);
    set_output(call, status, "application/json; charset=utf-8", text, strlen(text));
}

void
call_bytes(struct call *call, int status, const char *type, const void *data,
           size_t bytes)
{
    char *copy = malloc(bytes + 1);
    if (copy == NULL)
        abort();
    memcpy(copy, data, bytes);
    copy[bytes] = '\0';
    set_output(call, status, type, copy, bytes);
}

void
call_add_header(struct call *call, const char *name, const char *value)
{
    struct call_private *own = call->own;
    if (own->header_count == (int)(sizeof own->headers / sizeof own->headers[0]))
        return;
    struct call_header *header = &own->headers[own->header_count++];
    snprintf(header->name, sizeof header->name, "%s", name);
    snprintf(header->value, sizeof header->value, "%.500s", value);
}

void
call_wait(struct call *call, int64_t ms, bool (*ready)(struct call *call))
{
    call->own->wait_ms = ms < 1 ? 1 : ms;
    call->own->ready = ready;
}
