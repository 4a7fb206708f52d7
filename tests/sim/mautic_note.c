#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "harness_time.h"
#include "mautic.h"

enum { FIRST_NOTE = 701 };

static struct json_object *
view_note(struct sim *sim, struct json_object *note)
{
    struct json_object *contact = contact_get(sim, json_int(note, "contact", 0));
    struct json_object *view = json_object_new_object();
    json_share(view, "id", json_at(note, "id"));
    json_share(view, "text", json_at(note, "text"));
    json_share(view, "type", json_at(note, "type"));
    json_add_atom(view, "dateTime", json_int(note, "at_ms", 0));
    json_add(view, "lead", contact == NULL ? NULL : contact_view_lead(sim, contact, 0));
    return view;
}

static bool
is_type(const char *type)
{
    static const char *const types[] = {"general", "email", "call", "meeting", NULL};
    const char *const *known = types;
    while (type != NULL && *known != NULL && strcmp(*known, type) != 0)
        known++;
    return type != NULL && *known != NULL;
}

// Takes what the body has into the note; if it is wrong, answers and returns false.
static bool
take_body(struct call *call, struct json_object *note)
{
    const char *type = json_str(call->body, "type");
    const char *text = json_str(call->body, "text");
    const char *at = json_str(call->body, "dateTime");
    const char *bad = NULL;
    int64_t at_ms = 0;
    if (json_has(call->body, "type") && !is_type(type))
        bad = "type";
    else if (text == NULL && json_str(note, "text") == NULL)
        bad = "text";
    else if (at != NULL && !time_parse(at, &at_ms))
        bad = "dateTime";
    if (bad != NULL) {
        const char *problem = strcmp(bad, "text") == 0
                                  ? "This value should not be blank."
                                  : "This value is not valid.";
        mautic_answer_error(call, 400, mautic_field_error(400, bad, problem));
        return false;
    }
    if (type != NULL)
        json_add_str(note, "type", type);
    if (text != NULL)
        json_add_str(note, "text", text);
    if (at != NULL)
        json_add_int(note, "at_ms", at_ms);
    return true;
}

void
note_create(struct call *call)
{
    int64_t lead = json_int(call->body, "lead", 0);
    if (lead == 0) {
        mautic_error(call, 400, "lead ID is mandatory");
        return;
    }
    if (contact_get(call->sim, lead) == NULL) {
        mautic_not_found(call);
        return;
    }
    struct json_object *note = json_object_new_object();
    json_add_int(note, "contact", lead);
    json_add_str(note, "type", "general");
    json_add_int(note, "added_ms", sim_now_ms(call->sim));
    if (!take_body(call, note)) {
        json_object_put(note);
        return;
    }
    int64_t id = store_next_id(sim_store(call->sim), "notes", FIRST_NOTE);
    json_add_int(note, "id", id);
    store_put(sim_store(call->sim), "notes", id, note);
    mautic_created(call, "note", view_note(call->sim, note));
}

// All notes, or those of one contact, that are like the search.
static void
answer_notes(struct call *call, int64_t contact)
{
    const char *search = call_query(call, "search");
    char *pattern = NULL;
    if (asprintf(&pattern, "%%%s%%", search == NULL ? "" : search) < 0)
        abort();
    struct json_object *rows = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *note = store_oldest(sim_store(call->sim), "notes", &cursor);
    for (; note != NULL; note = store_newer(&cursor)) {
        bool its = contact == 0 || json_int(note, "contact", 0) == contact;
        if (its && text_like(json_str(note, "text"), pattern))
            json_object_array_add(rows, view_note(call->sim, note));
    }
    free(pattern);
    mautic_answer_list(call, "notes", rows, false);
}

void
note_index(struct call *call)
{
    answer_notes(call, 0);
}

void
contact_notes(struct call *call)
{
    if (contact_named(call, 0) != NULL)
        answer_notes(call, call->ids[0]);
}

static struct json_object *
named_note(struct call *call)
{
    struct json_object *note = store_get(sim_store(call->sim), "notes", call->ids[0]);
    if (note == NULL)
        mautic_not_found(call);
    return note;
}

void
note_show(struct call *call)
{
    struct json_object *note = named_note(call);
    if (note != NULL)
        mautic_answer(call, 200, "note", view_note(call->sim, note));
}

void
note_patch(struct call *call)
{
    struct json_object *note = named_note(call);
    if (note == NULL || !take_body(call, note))
        return;
    store_touch(sim_store(call->sim), "notes", call->ids[0]);
    mautic_answer(call, 200, "note", view_note(call->sim, note));
}

void
note_remove(struct call *call)
{
    struct json_object *note = named_note(call);
    if (note == NULL)
        return;
    struct json_object *view = view_note(call->sim, note);
    json_add_null(view, "id");
    store_remove(sim_store(call->sim), "notes", call->ids[0]);
    mautic_answer(call, 200, "note", view);
}
