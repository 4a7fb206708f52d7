// What the /bulk calls of all entities have in common.
#include <stdio.h>
#include <string.h>

#include "harness_json.h"
#include "invoice_ninja.h"

static bool
is_one_of(const char *action, const char *const *actions)
{
    for (; action != NULL && *actions != NULL; actions++) {
        if (strcmp(*actions, action) == 0)
            return true;
    }
    return false;
}

static bool
check(struct call *call, const char *const *actions)
{
    struct json_object *errors = json_object_new_object();
    const char *action = json_str(call->body, "action");
    if (action == NULL)
        problem(errors, "action", "The action field is required.");
    else if (!is_one_of(action, actions))
        problem(errors, "action", "The selected action is invalid.");
    if (!json_is_array(call->body, "ids"))
        problem(errors, "ids", "The ids field is required.");
    return no_problem(call, errors);
}

struct json_object *
bulk_rows(struct call *call, enum entity kind, const char *const *actions)
{
    if (!check(call, actions))
        return NULL;
    struct json_object *ids = json_at(call->body, "ids");
    struct json_object *rows = json_object_new_array();
    for (size_t i = 0; i < json_object_array_length(ids); i++) {
        struct json_object *row =
            row_by_hash(call->sim, call->account, kind,
                        json_object_get_string(json_object_array_get_idx(ids, i)));
        if (row != NULL)
            json_object_array_add(rows, json_object_get(row));
    }
    if (json_object_array_length(rows) > 0)
        return rows;
    json_object_put(rows);
    answer_message(call, 200, "No %ss Found", entity_name(kind));
    return NULL;
}

void
bulk_answer(struct call *call, struct json_object *rows)
{
    size_t count = json_object_array_length(rows);
    struct json_object *views = json_object_new_array();
    for (size_t i = 0; i < count; i++)
        json_object_array_add(
            views, view_make(call->sim, json_object_array_get_idx(rows, i), ""));
    json_object_put(rows);
    answer_list(call, views, (int64_t)count, count > 20 ? (int64_t)count : 20, 1);
}
