#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "harness_internal.h"
#include "harness_json.h"

static bool
take_number(struct call *call, const char *text, size_t bytes, int index)
{
    char number[24];
    if (bytes == 0 || bytes >= sizeof number || index > 1)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
    }
    memcpy(number, text, bytes);
    number[bytes] = '\0';
    return json_number(number, &call->ids[index]);
}

static bool
take_word(struct call *call, const char *text, size_t bytes)
{
    if (bytes == 0)
        return false;
    free(call->own->word);
    call->own->word = strndup(text, bytes);
    call->word = call->own->word;
    return true;
}

static bool
matches(struct call *call, const char *pattern, const char *path)
{
    int numbers = 0;
    while (*pattern != '\0') {
        if (*pattern == '*')
            return take_word(call, path, strlen(path));
        size_t want = strcspn(pattern + 1, "/") + 1;
        size_t have = *path == '\0' ? 0 : strcspn(path + 1, "/") + 1;
        if (*pattern != '/' || *path != '/')
            return false;
        bool ok = want == have && memcmp(pattern, path, want) == 0;
        if (pattern[1] == '*')
            return take_word(call, path + 1, strlen(path + 1));
        if (strncmp(pattern, "/:id", want) == 0 && want == 4)
            ok = take_number(call, path + 1, have - 1, numbers++);
        else if (pattern[1] == ':')
            ok = take_word(call, path + 1, have - 1);
        if (!ok)
            return false;
        pattern += want;
        path += have;
    }
    return *path == '\0';
}

static const struct sim_route *
find(struct call *call, const struct sim_route *route, const char *path)
{
    for (; route != NULL && route->method != NULL; route++) {
        if (strcmp(route->method, call->method) == 0
            && matches(call, route->pattern, path))
            return route;
    }
    return NULL;
}

bool
call_is_known(struct call *call)
{
    const struct sim_route *route = call->sim->ops->routes;
    while (route->method != NULL && !matches(call, route->pattern, call->path))
        route++;
    return route->method != NULL;
}

static void
route_control(struct call *call)
{
    const char *path = call->path + strlen("/_sim");
    const struct sim_route *route = find(call, control_routes, path);
    if (route == NULL)
        route = find(call, call->sim->ops->controls, path);
    if (route != NULL) {
        route->handle(call);
        return;
    }
    struct json_object *reply = json_object_new_object();
    json_add_str(reply, "error", "unknown control, see GET /_sim/help");
    call_answer(call, 404, reply);
}

void
route_call(struct call *call)
{
    if (call->own->control) {
        route_control(call);
        return;
    }
    const struct sim_ops *ops = call->sim->ops;
    const struct sim_route *route = find(call, ops->routes, call->path);
    if (route == NULL) {
        ops->refuse(call, 404);
        return;
    }
    if (!route->open && !ops->authorize(call))
        return;
    if (!ops->any_body && call->own->input_bytes > 0 && call->body == NULL) {
        ops->refuse(call, 400);
        return;
    }
    route->handle(call);
}
