#include "workers/invoice_ninja/contact.h"

#include <string.h>
#include <strings.h>

#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/client.h"
#include "workers/invoice_ninja/ninja.h"

// One look at the contacts of a client. entity_state "client:<lane>" keeps, by the uuid
// of the person (or the firm), which contact they are and a hash of what was told.
struct look {
    const struct ninja *ninja;
    const struct ninja_party *party;
    const char *client_id;
    struct json_object *wanted; // as Directus has the contact
    const char *entity, *who, *hash;
    struct json_object *kept; // {uuid: {id, hash}}
};

static struct json_object *
person_of(const struct ninja_party *party)
{
    return party->contact != NULL ? party->contact : party->firm;
}

const char *
ninja_contact_email(const struct ninja_party *party)
{
    return json_string_or(party->contact, "email",
                          json_string_or(party->firm, "email", ""));
}

struct json_object *
ninja_contact_body(struct job *job, const struct ninja_party *party)
{
    struct json_object *body = json_object_in(job);
    struct json_object *person = party->contact;
    const char *who = json_string_or(person_of(party), "id", "");
    json_set_string(body, "first_name", json_string_or(person, "first_name", ""));
    json_set_string(body, "last_name", json_string_or(person, "last_name", ""));
    json_set_string(body, "email", ninja_contact_email(party));
    json_set_string(body, "phone", json_string_or(person, "phone", ""));
    json_set_string(body, "custom_value1", job_printf(job, "directus:%s", who));
    json_set_bool(body, "send_email", true);
    return body;
}

// ---- which of them it is

static bool
has(struct json_object *contact, const char *member, struct json_object *wanted)
{
    const char *value = json_string_or(wanted, member, "");
    return value[0] != '\0'
           && strcasecmp(json_string_or(contact, member, ""), value) == 0;
}

// The one that carries our mark; failing that one that nobody has marked, of the same
// address. NULL: there is none.
static struct json_object *
find(struct json_object *contacts, struct json_object *wanted)
{
    struct json_object *found = NULL;
    size_t count = contacts != NULL ? json_object_array_length(contacts) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *contact = json_object_array_get_idx(contacts, i);
        if (has(contact, "custom_value1", wanted))
            return contact;
        if (found == NULL && has(contact, "email", wanted)
            && json_string_or(contact, "custom_value1", "")[0] == '\0')
            found = contact;
    }
    return found;
}

static bool
is_as_wanted(struct json_object *contact, struct json_object *wanted)
{
    static const char *const members[] = {"first_name", "last_name",     "email",
                                          "phone",      "custom_value1", NULL};
    for (size_t i = 0; members[i] != NULL; i++)
        if (strcmp(json_string_or(contact, members[i], ""),
                   json_string_or(wanted, members[i], ""))
            != 0)
            return false;
    return true;
}

// ---- all of them again, with this one as it should be

static void
copy(struct json_object *to, struct json_object *from)
{
    static const char *const members[] = {"id",         "first_name",    "last_name",
                                          "email",      "phone",         "send_email",
                                          "is_primary", "custom_value1", NULL};
    for (size_t i = 0; members[i] != NULL; i++)
        if (json_at(from, members[i]) != NULL)
            json_set(to, members[i], json_at(from, members[i]));
}

static struct json_object *
all_with(struct job *job, struct json_object *contacts, struct json_object *ours,
         struct json_object *wanted)
{
    struct json_object *all = json_array_in(job);
    size_t count = contacts != NULL ? json_object_array_length(contacts) : 0;
    for (size_t i = 0; i < count; i++) {
        struct json_object *contact = json_object_array_get_idx(contacts, i);
        struct json_object *one = json_object_in(job);
        copy(one, contact);
        if (contact == ours)
            copy(one, wanted);
        json_add(all, one);
    }
    if (ours == NULL)
        json_add(all, wanted);
    return all;
}

static struct json_object *
write_contacts(struct job *job, const struct look *look, struct json_object *contacts,
               struct json_object *ours)
{
    struct json_object *body = json_object_in(job);
    json_set(body, "contacts", all_with(job, contacts, ours, look->wanted));
    const char *path =
        job_printf(job, "/clients/%s", http_escape(job, look->client_id));
    struct json_object *client =
        ninja_ask(job, look->ninja,
                  &(struct ninja_call){.company = look->party->company,
                                       .method = "PUT",
                                       .path = path,
                                       .body = body});
    return client;
}

// ---- one look

static bool
begin(struct job *job, struct look *look)
{
    look->who = json_string_or(person_of(look->party), "id", "");
    look->entity = job_printf(job, "client:%s", look->party->lane);
    look->wanted = ninja_contact_body(job, look->party);
    look->hash = json_hash(job, look->wanted);
    struct json_object *state = ledger_state(job, look->entity);
    if (state == NULL)
        return false;
    look->kept = json_object_in(job);
    struct json_object *before = json_at(state, "contacts");
    if (before != NULL) {
        json_object_object_foreach(before, who, contact)
        {
            json_set(look->kept, who, contact);
        }
    }
    return true;
}

static const char *
keep(struct job *job, const struct look *look, struct json_object *contact)
{
    struct json_object *state = json_object_in(job);
    struct json_object *one = json_object_in(job);
    const char *id = json_text_or(contact, "id", "");
    json_set_string(one, "id", id);
    json_set_string(one, "hash", look->hash);
    json_set(look->kept, look->who, one);
    json_set(state, "contacts", look->kept);
    settlement_state(job, look->entity, state);
    return id;
}

static bool
read_client(struct job *job, const struct look *look, struct json_object **client)
{
    const char *path =
        job_printf(job, "/clients/%s", http_escape(job, look->client_id));
    if (!ninja_ask_for(job, look->ninja,
                       &(struct ninja_call){.company = look->party->company,
                                            .method = "GET",
                                            .path = path},
                       client))
        return false;
    if (*client != NULL && !json_bool_or(*client, "is_deleted", false))
        return true;
    error_permanent(&job->error, "client %s of %s was deleted in Invoice Ninja",
                    look->client_id, look->party->lane);
    job->error.http_status = 409;
    job->error.hint = "restore it there, or: relais effect resolve "
                      "invoice-ninja.client <company>:<party> not-done; then replay";
    return false;
}

const char *
ninja_contact_of(struct job *job, const struct ninja *ninja,
                 const struct ninja_party *party, const char *client_id,
                 struct json_object *client)
{
    struct look look = {.ninja = ninja, .party = party, .client_id = client_id};
    if (!begin(job, &look))
        return NULL;
    struct json_object *known = json_at(look.kept, look.who);
    if (strcmp(json_string_or(known, "hash", ""), look.hash) == 0)
        return json_string_or(known, "id", NULL);
    if (client == NULL && !read_client(job, &look, &client))
        return NULL;
    struct json_object *ours =
        find(json_array_or_null(client, "contacts"), look.wanted);
    if (ours != NULL && is_as_wanted(ours, look.wanted))
        return keep(job, &look, ours);
    client = write_contacts(job, &look, json_array_or_null(client, "contacts"), ours);
    if (client == NULL)
        return NULL;
    ours = find(json_array_or_null(client, "contacts"), look.wanted);
    if (ours != NULL)
        return keep(job, &look, ours);
    error_retryable(&job->error, "Invoice Ninja did not keep the contact of client %s",
                    client_id);
    job->error.service = "invoice-ninja";
    return NULL;
}
