// workers/orchestrator/mirror.c - whether a watched field of a row differs.
#include "workers/orchestrator/mirror.h"

#include <string.h>

#include "common/json.h"
#include "common/settlement.h"

// As text: capture tells decimals as numbers, Directus's API as strings.
static const char *
field_text(struct json_object *row, const char *name)
{
    struct json_object *value = json_at(row, name);
    if (json_object_is_type(value, json_type_boolean))
        return json_bool_or(row, name, false) ? "true" : "false";
    return json_text_or(row, name, NULL);
}

static const char *
hash_of(struct job *job, struct json_object *row, const char *const watched[])
{
    struct json_object *values = json_object_in(job);
    for (size_t i = 0; watched[i] != NULL; i++)
        json_set_string(values, watched[i], field_text(row, watched[i]));
    return json_hash(job, values);
}

static bool
same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
holds_any(struct json_object *row, const char *const watched[])
{
    for (size_t i = 0; row != NULL && watched[i] != NULL; i++)
        if (json_object_object_get_ex(row, watched[i], NULL))
            return true;
    return false;
}

static struct json_object *
names_that_differ(struct job *job, const struct orchestrator_look *look,
                  const char *const watched[])
{
    struct json_object *names = json_array_in(job);
    struct json_object *before = look->change.before;
    for (size_t i = 0; before != NULL && watched[i] != NULL; i++)
        if (!same_text(field_text(before, watched[i]),
                       field_text(look->row, watched[i])))
            json_add_string(names, watched[i]);
    return names;
}

// What was passed on last; failing that, the old row; failing that (a hint), whether
// the event wrote a watched field.
static bool
is_different(struct job *job, const struct orchestrator_look *look,
             const char *const watched[])
{
    const struct orchestrator_change *change = &look->change;
    if (look->memory.hash[0] != '\0')
        return strcmp(look->memory.hash, look->hash) != 0;
    if (change->operation == CHANGE_CREATE)
        return true;
    if (change->before != NULL)
        return strcmp(hash_of(job, change->before, watched), look->hash) != 0;
    return holds_any(change->after, watched);
}

static bool
read_row(struct job *job, const struct orchestrator *o,
         const struct orchestrator_mirror *mirror, struct orchestrator_look *look)
{
    const struct orchestrator_change *change = &look->change;
    look->row = change->after;
    if (change->operation == CHANGE_DELETE) {
        look->row = NULL;
        settlement_note(job, "deleted");
        return true;
    }
    if (!change->hint)
        return true;
    if (!orchestrator_row(job, o, change->collection, change->key, mirror->fields,
                          &look->row))
        return false;
    if (look->row == NULL && change->operation == CHANGE_CREATE && change->early)
        return orchestrator_look_again(job, look->memory.entity);
    if (look->row == NULL)
        settlement_note(job, "the row is gone");
    return true;
}

// As last acted on; failing that, as the change tells. An update that tells nothing at
// all, not even what it wrote, comes behind the row's creation: the row is an old one.
static const char *
status_before(const struct orchestrator_look *look)
{
    const struct orchestrator_change *change = &look->change;
    if (look->memory.known)
        return look->memory.status;
    bool bare = change->operation == CHANGE_UPDATE && change->before == NULL
                && change->after == NULL;
    return bare ? look->status : json_string_or(change->before, "status", "");
}

bool
orchestrator_mirror_look(struct job *job, const struct event *ev,
                         const struct orchestrator *o,
                         const struct orchestrator_mirror *mirror,
                         struct orchestrator_look *look)
{
    bool ignore;
    look->row = NULL;
    if (!orchestrator_change_read(job, ev, o, &look->change, &ignore))
        return false;
    if (ignore)
        return true;
    const char *entity = job_printf(job, "%s%s", mirror->prefix, look->change.key);
    if (!orchestrator_remember(job, entity, &look->memory))
        return false;
    if (orchestrator_is_stale(job, ev, &look->change, &look->memory))
        return true;
    if (!read_row(job, o, mirror, look))
        return false;
    if (look->row == NULL)
        return true;
    look->hash = hash_of(job, look->row, mirror->watched);
    look->is_new = look->change.operation == CHANGE_CREATE && !look->memory.known;
    look->differs = is_different(job, look, mirror->watched);
    look->changed = names_that_differ(job, look, mirror->watched);
    look->status = json_string_or(look->row, "status", "");
    look->status_before = status_before(look);
    return true;
}

struct orchestrator_occasion
orchestrator_mirror_occasion(struct job *job, const struct event *ev,
                             const struct orchestrator *o,
                             const struct orchestrator_mirror *mirror,
                             struct orchestrator_look *look, const char *when)
{
    const char *entity = look->memory.entity;
    return (struct orchestrator_occasion){
        .o = o,
        .when = when,
        .cause = event_identity(ev),
        .root = ev->subject[0] == '\0' ? entity : ev->subject,
        .noun = mirror->noun,
        .id = job_strdup(job, look->change.key),
        .company = orchestrator_company(ev, look->row),
        .at = ev->time,
        .row = look->row,
        .memory = &look->memory,
    };
}

void
orchestrator_mirror_keep(struct job *job, struct orchestrator_look *look)
{
    look->memory.status = look->status;
    orchestrator_keep(job, &look->memory);
}
