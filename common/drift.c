#include "common/drift.h"

#include <stdarg.h>
#include <string.h>

#include "common/directus.h"
#include "common/json.h"
#include "common/money.h"
#include "common/settlement.h"
#include "common/str.h"

bool
drift_is_audit(const struct event *ev)
{
    return strcmp(json_string_or(ev->data, "why", ""), "audit") == 0;
}

const char *
drift_object(struct job *job, const struct event *ev, const char *object)
{
    if (object == NULL || !drift_is_audit(ev))
        return object;
    return job_printf(job, "audit of %s", object);
}

void
drift_note(struct job *job, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const char *text = job_vprintf(job, fmt, args);
    va_end(args);
    const char *before = job->settlement->note;
    if (before != NULL && str_starts(before, DRIFT_NOTE))
        settlement_note(job, "%s; %s", before, text);
    else
        settlement_note(job, DRIFT_NOTE "%s", text);
}

void
drift_note_moved(struct job *job, const struct event *ev)
{
    const char *note = job->settlement->note;
    if (drift_is_audit(ev) && note != NULL && !str_starts(note, DRIFT_NOTE))
        drift_note(job, "%s", note);
}

bool
drift_read(const struct directus *directus, struct job *job, const char *collection,
           const char *id, const char *fields, struct json_object **row)
{
    const struct http_header query[] = {
        {"filter[id][_eq]", id}, {"fields", fields}, {NULL}};
    struct json_object *rows = directus_list(directus, job, collection, query);
    *row = NULL;
    if (rows == NULL)
        return false;
    if (json_object_array_length(rows) > 0)
        *row = json_object_array_get_idx(rows, 0);
    else
        settlement_note(job, "%s %s is not in Directus any more", collection, id);
    return true;
}

static bool
is_same(const char *a, const char *b)
{
    int64_t cents;
    int64_t others;
    return strcmp(a, b) == 0
           || (money_parse(a, &cents) && money_parse(b, &others) && cents == others);
}

struct json_object *
drift_of(struct job *job, struct json_object *row, struct json_object *wanted)
{
    struct json_object *patch = json_object_in(job);
    json_object_object_foreach(wanted, name, value)
    {
        const char *has = json_text_or(row, name, "");
        if (is_same(has, json_text_or(wanted, name, "")))
            continue;
        drift_note(job, "%s was \"%.40s\"", name, has);
        json_set(patch, name, value);
    }
    return patch;
}

bool
drift_mend(const struct directus *directus, struct job *job, const char *collection,
           struct json_object *row, struct json_object *wanted)
{
    struct json_object *patch = drift_of(job, row, wanted);
    return json_object_object_length(patch) == 0
           || directus_update(directus, job, collection, json_string_or(row, "id", ""),
                              patch);
}
