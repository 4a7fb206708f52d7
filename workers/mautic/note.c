#include "workers/mautic/note.h"

#include <string.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/str.h"
#include "common/uuid.h"
#include "workers/mautic/api.h"

struct attempt {
    const struct mautic *m;
    const struct mautic_note *note;
};

// What stands for the identity in the text: one word, whose search cannot be taken for
// a command.
static const char *
mark_of(struct job *job, const char *identity)
{
    char *mark = job_alloc(job, UUID_TEXT);
    uuid_of((const char *const[]){"mautic.note", identity, NULL}, mark);
    return mark;
}

// JSON that is no markup: Mautic strips what looks like a tag.
static const char *
harmless(struct job *job, struct json_object *facts)
{
    struct str text;
    str_begin(&text, 8192);
    for (const char *at = json_print(facts, NULL); *at != '\0'; at++) {
        if (*at == '<' || *at == '>' || *at == '&')
            str_printf(&text, "\\u%04x", (unsigned)*at);
        else
            str_append(&text, at, 1);
    }
    const char *kept = job_strdup(job, text.data);
    str_end(&text);
    return kept;
}

static struct json_object *
result_of(struct job *job, struct json_object *note)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "note", json_text_or(note, "id", NULL));
    return result;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    const struct attempt *attempt = ctx;
    const struct mautic_note *note = attempt->note;
    char at[CLOCK_TEXT];
    long long contact = 0;
    struct json_object *answer;
    struct json_object *body = json_object_in(job);
    clock_format(note->at_ms, at);
    if (!str_to_i64(note->contact, &contact)) {
        error_permanent(&job->error, "\"%.20s\" is no contact's number", note->contact);
        return NULL;
    }
    json_set_i64(body, "lead", contact);
    json_set_string(body, "type", "general");
    // Mautic takes it as UTC.
    json_set_string(body, "dateTime", job_printf(job, "%.10s %.5s", at, at + 11));
    json_set_string(body, "text",
                    job_printf(job, "<p>Event: %s</p><pre>%s</pre><p>ref %s</p>",
                               note->headline, harmless(job, note->facts),
                               mark_of(job, identity)));
    const struct mautic_call call = {
        .method = "POST",
        .path = "/api/notes/new",
        .body = body,
        .expect = "note",
        .once = true,
    };
    return mautic_ask(job, attempt->m, &call, &answer)
               ? result_of(job, json_at(answer, "note"))
               : NULL;
}

static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    const struct attempt *attempt = ctx;
    const char *mark = mark_of(job, identity);
    const struct http_header query[] = {
        {"search", mark}, {"orderBy", "id"}, {"limit", "100"}, {NULL}};
    const char *path = job_printf(job, "/api/contacts/%s/notes",
                                  http_escape(job, attempt->note->contact));
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET", .path = http_url(job, path, query), .expect = "notes"};
    *found = json_array_in(job);
    if (!mautic_ask(job, attempt->m, &call, &answer))
        return false;
    struct json_object *rows = mautic_rows(job, answer, "notes");
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (strstr(json_string_or(row, "text", ""), mark) != NULL)
            json_add(*found, result_of(job, row));
    }
    return true;
}

static bool
withdraw(struct job *job, const char *identity, void *ctx, struct json_object *surplus)
{
    const struct attempt *attempt = ctx;
    struct json_object *answer;
    (void)identity;
    const struct mautic_call call = {
        .method = "DELETE",
        .path = job_printf(job, "/api/notes/%s/delete",
                           http_escape(job, json_string_or(surplus, "note", ""))),
        .may_be_gone = true,
    };
    return mautic_ask(job, attempt->m, &call, &answer);
}

static const struct effect_kind note_effect = {
    .name = "mautic.note",
    .find = find,
    .create = create,
    .withdraw = withdraw,
};

static const char *
identity_of(struct job *job, const struct mautic_note *note)
{
    return job_printf(job, "note:%s:%s", note->who, note->cause);
}

bool
mautic_note_give_up(struct job *job, const struct mautic_note *note)
{
    return effect_close(job, note_effect.name, identity_of(job, note), NULL);
}

bool
mautic_note_write(struct job *job, const struct mautic *m,
                  const struct mautic_note *note)
{
    struct attempt attempt = {.m = m, .note = note};
    return effect_once(job, &note_effect, identity_of(job, note), &attempt) != NULL;
}
