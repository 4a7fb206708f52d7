// workers/orchestrator/change.c - a row that moved in Directus.
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/orchestrator/orchestrator.h"

enum {
    EARLY_MS = 1500, // a flow may speak before its write can be read
    AGAIN_MS = 1000,
};

static bool
read_operation(struct job *job, const struct event *ev,
               struct orchestrator_change *change)
{
    if (str_ends(ev->type, ".create"))
        change->operation = CHANGE_CREATE;
    else if (str_ends(ev->type, ".update"))
        change->operation = CHANGE_UPDATE;
    else if (str_ends(ev->type, ".delete"))
        change->operation = CHANGE_DELETE;
    else
        return error_permanent(&job->error,
                               "ce_type %s: a change ends with .create, .update or "
                               ".delete",
                               ev->type);
    return true;
}

static bool
is_early(const struct event *ev)
{
    int64_t at_ms;
    return clock_parse(ev->time, &at_ms) && clock_wall_ms() - at_ms < EARLY_MS;
}

static struct json_object *
row_or_null(struct json_object *data, const char *name)
{
    struct json_object *row = json_at(data, name);
    bool is_row = json_object_is_type(row, json_type_object)
                  && json_object_object_length(row) > 0;
    return is_row ? row : NULL;
}

// Flows say ce_source "directus"; capture says its own name. What is replayed is old:
// the row is read again.
bool
orchestrator_change_read(struct job *job, const struct event *ev,
                         const struct orchestrator *o,
                         struct orchestrator_change *change, bool *ignore)
{
    bool from_flow = strcmp(ev->source, "directus") == 0;
    *ignore = from_flow && strcmp(o->capture, "outbox") == 0;
    if (*ignore) {
        settlement_note(job, "a flow's event: the outbox tells the same");
        return true;
    }
    *change = (struct orchestrator_change){
        .collection = json_string(job, ev->data, "collection"),
        .hint = from_flow || ev->original_id != NULL
                || json_bool_or(ev->data, "hint", false),
        .early = is_early(ev),
        .before = row_or_null(ev->data, "old"),
        .after = row_or_null(ev->data, "new"),
    };
    if (change->collection == NULL)
        return false;
    change->key = json_text_or(ev->data, "key", "");
    if (!uuid_is(change->key))
        return error_permanent(&job->error, "key: \"%.60s\" is not a uuid",
                               change->key);
    if (!read_operation(job, ev, change))
        return false;
    if (!change->hint && change->operation != CHANGE_DELETE && change->after == NULL)
        return error_permanent(&job->error, "new: the row is missing in a change that "
                                            "is no hint");
    return true;
}

// A filter query, because a row that is gone is no error here.
bool
orchestrator_row(struct job *job, const struct orchestrator *o, const char *collection,
                 const char *id, const char *fields, struct json_object **row)
{
    const struct http_header query[] = {
        {"filter[id][_eq]", id}, {"fields", fields}, {"limit", "1"}, {NULL}};
    struct json_object *rows = directus_list(&o->directus, job, collection, query);
    if (rows == NULL)
        return false;
    *row =
        json_object_array_length(rows) == 0 ? NULL : json_object_array_get_idx(rows, 0);
    return true;
}

const char *
orchestrator_company(const struct event *ev, struct json_object *row)
{
    if (ev->company[0] != '\0')
        return ev->company;
    return json_string_or(row, "owner_company_id.code",
                          json_string_or(row, "owner_company", ""));
}

bool
orchestrator_look_again(struct job *job, const char *root)
{
    return error_rate_limited(&job->error, AGAIN_MS,
                              "%s does not show yet what its event says: it is read "
                              "again in a second",
                              root);
}
