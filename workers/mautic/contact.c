#include "workers/mautic/contact.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/settlement.h"
#include "workers/mautic/api.h"
#include "workers/mautic/field.h"
#include "workers/mautic/mautic.h"

#define PAGE_TEXT "100"

static const char *
path_of(struct job *job, const char *id, const char *rest)
{
    return job_printf(job, "/api/contacts/%s%s", http_escape(job, id), rest);
}

static void
read_status(struct json_object *json, struct mautic_contact *contact)
{
    static const char *const reasons[] = {"contactable", "unsubscribed", "bounced",
                                          "manual"};
    struct json_object *list = json_array_or_null(json, "doNotContact");
    size_t count = list != NULL ? json_object_array_length(list) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        int64_t reason = mautic_number(entry, "reason");
        if (strcmp(json_string_or(entry, "channel", ""), "email") != 0 || reason <= 0)
            continue;
        contact->status = reasons[reason < 3 ? reason : 3];
        contact->status_at = json_string_or(entry, "dateAdded", "");
    }
}

struct mautic_contact
mautic_contact_of(struct json_object *json)
{
    struct mautic_contact contact = {
        .id = json_text_or(json, "id", NULL),
        .email = mautic_field_text(json, "email"),
        .status = "contactable",
        .status_at = "",
        .json = json,
    };
    if (contact.email == NULL)
        contact.email = "";
    if (!clock_parse(json_string_or(json, "dateAdded", ""), &contact.added_ms))
        contact.added_ms = 0;
    read_status(json, &contact);
    return contact;
}

// The contact of an answer {contact: ..}, which must have an id.
static bool
take(struct job *job, const struct mautic *m, struct json_object *answer,
     struct mautic_contact *contact)
{
    *contact = mautic_contact_of(json_at(answer, "contact"));
    if (contact->id != NULL)
        return true;
    error_retryable(&job->error, "Mautic answered a contact without an id");
    job->error.service = m->service.name;
    return false;
}

bool
mautic_contact_read(struct job *job, const struct mautic *m, const char *id,
                    struct mautic_contact *contact)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET",
        .path = path_of(job, id, ""),
        .expect = "contact",
        .may_be_gone = true,
    };
    if (!mautic_ask(job, m, &call, &answer))
        return false;
    if (answer != NULL)
        return take(job, m, answer, contact);
    *contact = (struct mautic_contact){.id = NULL};
    return true;
}

static int
by_id(const void *left, const void *right)
{
    int64_t a = mautic_number(*(struct json_object *const *)left, "id");
    int64_t b = mautic_number(*(struct json_object *const *)right, "id");
    return a < b ? -1 : a > b;
}

static struct json_object *
ask_rows(struct job *job, const struct mautic *m, const char *path)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "GET", .path = path, .expect = "contacts"};
    return mautic_ask(job, m, &call, &answer) ? mautic_rows(job, answer, "contacts")
                                              : NULL;
}

// Versions before 7.2 compare with the HTML form of the value: what has ' or & in it is
// looked for by the search, whose "+" asks for the whole address.
static struct json_object *
look_up(struct job *job, const struct mautic *m, const char *email)
{
    if (strpbrk(email, "'&") != NULL) {
        const struct http_header query[] = {
            {"search", job_printf(job, "email:+%s", email)},
            {"limit", PAGE_TEXT},
            {NULL}};
        return ask_rows(job, m, http_url(job, "/api/contacts", query));
    }
    const struct http_header equal[] = {{"email", email}, {NULL}};
    const struct http_header more[] = {{"orderBy", "id"}, {"limit", PAGE_TEXT}, {NULL}};
    return ask_rows(job, m, mautic_where(job, "/api/contacts", equal, more));
}

bool
mautic_contact_find(struct job *job, const struct mautic *m, const char *email,
                    struct json_object **contacts, size_t *alike)
{
    struct json_object *rows = look_up(job, m, email);
    if (rows == NULL)
        return false;
    *contacts = json_array_in(job);
    *alike = 0;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        const struct mautic_contact contact = mautic_contact_of(row);
        if (contact.id == NULL)
            continue;
        if (strcasecmp(contact.email, email) == 0)
            json_add(*contacts, row);
        else
            (*alike)++;
    }
    json_object_array_sort(*contacts, by_id);
    return true;
}

// Members that Mautic takes only from lists of its own.
static bool
drop_chosen(struct job *job, struct json_object *fields)
{
    static const char *const chosen[] = {"country", "preferred_locale"};
    bool dropped = false;
    for (size_t i = 0; i < sizeof chosen / sizeof chosen[0]; i++) {
        if (strstr(job->error.text, chosen[i]) == NULL
            || !json_object_object_get_ex(fields, chosen[i], NULL))
            continue;
        json_object_object_del(fields, chosen[i]);
        dropped = true;
    }
    return job->error.http_status == 400 && dropped;
}

// Fields that people must make in Mautic: without them it loses what they are sent, and
// says nothing.
static void
check_made(struct job *job, struct json_object *fields, struct json_object *answer)
{
    static const char *const made[] = {"directus_id", "owner_company"};
    struct json_object *all = json_at(answer, "contact.fields.all");
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        if (json_object_is_type(all, json_type_object)
            && json_object_object_get_ex(fields, made[i], NULL)
            && !json_object_object_get_ex(all, made[i], NULL))
            settlement_attention(job, "mautic.field-missing", made[i],
                                 "Mautic has no contact field with the alias %s: make "
                                 "it there, of type text",
                                 made[i]);
}

static bool
write(struct job *job, const struct mautic *m, struct mautic_call *call,
      struct json_object *fields, struct json_object **answer)
{
    call->body = fields;
    call->expect = "contact";
    while (!mautic_ask(job, m, call, answer)) {
        if (!drop_chosen(job, fields))
            return false;
        error_clear(&job->error);
    }
    if (*answer != NULL)
        check_made(job, fields, *answer);
    return true;
}

bool
mautic_contact_create(struct job *job, const struct mautic *m,
                      struct json_object *fields, struct mautic_contact *contact)
{
    struct json_object *answer;
    struct mautic_call call = {
        .method = "POST", .path = "/api/contacts/new", .once = true};
    if (!write(job, m, &call, fields, &answer) || !take(job, m, answer, contact))
        return false;
    // A body that Mautic could not read makes a contact without a name.
    if (strcasecmp(contact->email, json_string_or(fields, "email", "")) == 0)
        return true;
    error_permanent(&job->error,
                    "Mautic made contact %s without the e-mail address that was sent",
                    contact->id);
    job->error.hint = "delete it there; does a proxy change Content-Type, or is the "
                      "address one that Mautic refuses?";
    return false;
}

bool
mautic_contact_edit(struct job *job, const struct mautic *m, const char *id,
                    struct json_object *fields, struct mautic_contact *contact)
{
    struct json_object *answer;
    struct mautic_call call = {
        .method = "PATCH",
        .path = path_of(job, id, "/edit"),
        .may_be_gone = true,
    };
    if (!write(job, m, &call, fields, &answer))
        return false;
    if (answer != NULL)
        return take(job, m, answer, contact);
    error_retryable(&job->error, "contact %s was merged or deleted a moment ago", id);
    job->error.service = m->service.name;
    return false;
}

bool
mautic_contact_delete(struct job *job, const struct mautic *m, const char *id)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "DELETE",
        .path = path_of(job, id, "/delete"),
        .may_be_gone = true,
    };
    return mautic_ask(job, m, &call, &answer);
}

bool
mautic_contact_block(struct job *job, const struct mautic *m, const char *id)
{
    struct json_object *answer;
    struct json_object *body = json_object_in(job);
    json_set_i64(body, "reason", 3); // by hand, not by the contact and not a bounce
    json_set_string(body, "comments", "opt-out in Directus");
    const struct mautic_call call = {
        .method = "POST",
        .path = path_of(job, id, "/dnc/email/add"),
        .body = body,
        .expect = "contact",
    };
    return mautic_ask(job, m, &call, &answer);
}

bool
mautic_contact_unblock(struct job *job, const struct mautic *m, const char *id)
{
    struct json_object *answer;
    const struct mautic_call call = {
        .method = "POST",
        .path = path_of(job, id, "/dnc/email/remove"),
        .expect = "contact",
    };
    return mautic_ask(job, m, &call, &answer);
}

struct json_object *
mautic_contact_from(struct job *job, const struct mautic *m, const char *column,
                    const char *least, int64_t start)
{
    const struct http_header query[] = {
        {"where[0][col]", column}, {"where[0][expr]", "gte"},
        {"where[0][val]", least},  {"orderBy", column},
        {"orderByDir", "asc"},     {"start", job_printf(job, "%" PRId64, start)},
        {"limit", PAGE_TEXT},      {NULL}};
    return ask_rows(job, m, http_url(job, "/api/contacts", query));
}

bool
mautic_contact_probe(struct job *job, const struct mautic *m)
{
    return ask_rows(job, m, "/api/contacts?limit=1&minimal=1") != NULL;
}
