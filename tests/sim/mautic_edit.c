// The routes that write contacts.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness_json.h"
#include "mautic.h"

// What became of one wish: a contact, or an error as it stands inside "errors".
struct written {
    struct json_object *contact;
    struct json_object *error;
    int status;
};

static struct written
refused(struct json_object *error)
{
    return (struct written){
        .error = error,
        .status = (int)json_int(error, "code", 500),
    };
}

// Writes the wish into the contact, or into a new one if it is NULL.
static struct written
write_contact(struct call *call, struct json_object *contact, struct json_object *wish,
              enum apply_mode mode)
{
    struct sim *sim = call->sim;
    struct actor actor = mautic_actor(call);
    char field[64];
    struct json_object *error = apply_check(sim, wish);
    if (error != NULL)
        return refused(error);
    if (contact != NULL && contact_clash(sim, contact, wish, field))
        return refused(mautic_field_error(422, field, "This field must be unique."));
    struct json_object *before = contact == NULL ? NULL : json_clone(contact);
    bool fresh = contact == NULL;
    if (fresh)
        contact = contact_create(sim, actor);
    apply_wish(sim, contact, wish, mode);
    contact_saved(sim, contact, before, actor);
    json_object_put(before);
    return (struct written){.contact = contact, .status = fresh ? 201 : 200};
}

static struct json_object *
view_written(struct sim *sim, struct written written)
{
    unsigned flags = written.status == 201 ? VIEW_ALL | VIEW_FRESH : VIEW_ALL;
    return contact_view(sim, written.contact, flags);
}

static void
answer_written(struct call *call, struct written written)
{
    if (written.error != NULL)
        mautic_answer_error(call, written.status, written.error);
    else if (written.status == 201)
        mautic_created(call, "contact", view_written(call->sim, written));
    else
        mautic_answer(call, 200, "contact", view_written(call->sim, written));
}

void
contact_post(struct call *call)
{
    struct json_object *contact =
        race_over(call) ? NULL : contact_match(call->sim, call->body);
    if (contact == NULL && race_rests(call))
        return;
    answer_written(call, write_contact(call, contact, call->body, APPLY_PATCH));
}

void
contact_patch(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact != NULL)
        answer_written(call, write_contact(call, contact, call->body, APPLY_PATCH));
}

void
contact_put(struct call *call)
{
    struct json_object *contact = contact_get(call->sim, call->ids[0]);
    answer_written(call, write_contact(call, contact, call->body, APPLY_PUT));
}

void
contact_remove(struct call *call)
{
    struct json_object *contact = contact_named(call, 0);
    if (contact == NULL)
        return;
    struct json_object *view = contact_view(call->sim, contact, VIEW_ALL);
    json_add_null(view, "id");
    contact_delete(call->sim, contact, 0);
    mautic_answer(call, 200, "contact", view);
}

// The parts of the answer to a batch, keyed by position.
struct batch {
    struct json_object *contacts;
    struct json_object *errors;
    struct json_object *codes;
};

static struct batch
batch_new(void)
{
    return (struct batch){
        .contacts = json_object_new_object(),
        .errors = json_object_new_object(),
        .codes = json_object_new_array(),
    };
}

static void
batch_add(struct batch *batch, size_t i, int status, struct json_object *view,
          struct json_object *error)
{
    char key[24];
    snprintf(key, sizeof key, "%zu", i);
    json_object_array_add(batch->codes, json_object_new_int(status));
    if (error != NULL)
        json_add(batch->errors, key, error);
    else
        json_add(batch->contacts, key, view);
}

static void
batch_answer(struct call *call, struct batch *batch, int status)
{
    bool failed = json_object_object_length(batch->errors) > 0;
    struct json_object *errors = json_php_list(batch->errors);
    struct json_object *reply = json_object_new_object();
    json_add(reply, "contacts", json_php_list(batch->contacts));
    if (failed)
        json_add(reply, "errors", errors);
    else
        json_object_put(errors);
    json_add(reply, "statusCodes", batch->codes);
    call_answer(call, status, reply);
}

static bool
batch_allowed(struct call *call)
{
    int64_t limit = sim_setting_int(call->sim, "batch_limit");
    if (!json_object_is_type(call->body, json_type_array)) {
        mautic_error(call, 400, "The request body must be an array of entities.");
        return false;
    }
    if ((int64_t)json_object_array_length(call->body) <= limit)
        return true;
    mautic_error(call, 500, "A max of %lld entities are supported at a time.",
                 (long long)limit);
    return false;
}

static void
batch_write(struct call *call, enum apply_mode mode, bool edit)
{
    struct batch batch = batch_new();
    for (size_t i = 0; i < json_object_array_length(call->body); i++) {
        struct json_object *wish = json_object_array_get_idx(call->body, i);
        int64_t id = edit ? json_int(wish, "id", 0) : 0;
        struct json_object *contact =
            id > 0 ? contact_get(call->sim, id) : contact_match(call->sim, wish);
        struct written written = {.status = 404};
        // An item without id creates, even in an edit.
        if (edit && id > 0 && contact == NULL && mode == APPLY_PATCH)
            written.error = mautic_plain_error(404, "Item was not found.");
        else
            written = write_contact(call, edit && id == 0 ? NULL : contact, wish, mode);
        struct json_object *view =
            written.contact == NULL ? NULL : view_written(call->sim, written);
        batch_add(&batch, i, written.status, view, written.error);
    }
    // It says so even if not one was created.
    batch_answer(call, &batch, edit ? 200 : 201);
}

void
batch_post(struct call *call)
{
    if (batch_allowed(call))
        batch_write(call, APPLY_PATCH, false);
}

void
batch_patch(struct call *call)
{
    enum apply_mode mode = strcmp(call->method, "PUT") == 0 ? APPLY_PUT : APPLY_PATCH;
    if (batch_allowed(call))
        batch_write(call, mode, true);
}

void
batch_remove(struct call *call)
{
    struct batch batch = batch_new();
    const char *ids = call_query(call, "ids");
    size_t i = 0;
    for (const char *p = ids == NULL ? "" : ids; *p != '\0'; i++) {
        int64_t id = strtoll(p, NULL, 10);
        struct json_object *contact = contact_get(call->sim, id);
        if (contact == NULL) {
            batch_add(&batch, i, 404, NULL,
                      mautic_plain_error(404, "Item was not found."));
        } else {
            batch_add(&batch, i, 200, contact_view(call->sim, contact, VIEW_ALL), NULL);
            contact_delete(call->sim, contact, 0);
        }
        p += strcspn(p, ",");
        p += *p == ',' ? 1 : 0;
    }
    batch_answer(call, &batch, 200);
}
