// Meeting a person in Mautic: which contact it is, and what it is told.
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "common/clock.h"
#include "common/effect.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/settlement.h"
#include "workers/mautic/consent.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/person.h"

enum { MADE_AT_ONCE = 8 }; // contacts that are gone again, passed over in one attempt

static struct json_object *
result_of(struct job *job, const char *contact)
{
    struct json_object *result = json_object_in(job);
    json_set_string(result, "contact", contact);
    return result;
}

// An empty text erases, but only what the same row has told before: what Mautic knows
// from its own forms, or from another row with that address, stays.
static bool
may_erase(const struct mautic_person *person)
{
    const char *row = json_string_or(person->fields, "directus_id", NULL);
    const char *contact = json_string_or(person->memory, "contact", NULL);
    return row != NULL && contact != NULL && person->contact.id != NULL
           && strcmp(json_string_or(person->memory, "teller", ""), row) == 0
           && strcmp(contact, person->contact.id) == 0;
}

// What a contact is sent: a copy, because what Mautic does not know is dropped from it.
// The address goes along only where it is new: it is refused if two contacts have it.
static struct json_object *
body_of(struct job *job, const struct mautic_person *person, bool with_email)
{
    struct json_object *body = json_object_in(job);
    if (with_email)
        json_set_string(body, "email", person->email);
    json_object_object_foreach(person->fields, name, value)
    {
        json_set(body, name, value);
    }
    json_set_bool(body, "overwriteWithBlank", may_erase(person));
    return body;
}

static struct json_object *
create(struct job *job, const char *identity, void *ctx)
{
    struct mautic_person *person = ctx;
    (void)identity;
    if (!mautic_contact_create(job, person->m, body_of(job, person, true),
                               &person->contact))
        return NULL;
    person->told = true;
    person->made = true;
    return result_of(job, person->contact.id);
}

// The oldest with the address, and behind it what was added since the attempt began: a
// second one that two attempts made between them.
static bool
find(struct job *job, const char *identity, void *ctx, struct json_object **found)
{
    struct mautic_person *person = ctx;
    struct json_object *contacts;
    size_t alike;
    (void)identity;
    if (!mautic_contact_find(job, person->m, person->email, &contacts, &alike))
        return false;
    int64_t begun_ms =
        clock_wall_ms() - job->effect_age_ms - person->m->clock_tolerance_ms;
    *found = json_array_in(job);
    for (size_t i = 0; i < json_object_array_length(contacts); i++) {
        const struct mautic_contact contact =
            mautic_contact_of(json_object_array_get_idx(contacts, i));
        if (i == 0)
            person->contact = contact;
        if (i == 0 || contact.added_ms >= begun_ms)
            json_add(*found, result_of(job, contact.id));
    }
    return true;
}

static bool
withdraw(struct job *job, const char *identity, void *ctx, struct json_object *surplus)
{
    const struct mautic_person *person = ctx;
    (void)identity;
    return mautic_contact_delete(job, person->m,
                                 json_string_or(surplus, "contact", ""));
}

static const struct effect_kind contact_effect = {
    .name = "mautic.contact",
    .find = find,
    .create = create,
    .withdraw = withdraw,
};

static const char *
identity_of(struct job *job, const struct mautic_person *person, int64_t number)
{
    return job_printf(job, "%s:c%" PRId64, person->key, number);
}

// The contact is there: an attempt to make it whose end nobody heard of is over.
static bool
close_attempt(struct job *job, const struct mautic_person *person)
{
    const char *id = person->contact.id;
    if (strcmp(json_string_or(person->memory, "contact", ""), id) == 0)
        return true;
    int64_t made = json_i64_or(person->memory, "made", 0);
    return effect_close(job, contact_effect.name, identity_of(job, person, made + 1),
                        result_of(job, id));
}

// Whose state is {contact}: made for a row that was not told of it yet.
static const char *
made_entity(struct job *job, const struct mautic_person *person)
{
    return job_printf(job, "mautic-made:%s", person->who);
}

// It stays with the effect. The address may be another one before the row is told, and
// its lane knows nothing of this one.
static void
keep_made(struct job *job, const struct mautic_person *person)
{
    if (person->row == NULL)
        return;
    const char *entity = made_entity(job, person);
    settlement_state(job, entity, result_of(job, person->contact.id));
    settlement_state_stays(job, entity);
}

// Nobody has the address: a contact is made, once in effect. Each that is gone again
// makes room for the next.
static bool
make(struct job *job, struct mautic_person *person)
{
    int64_t made = json_i64_or(person->memory, "made", 0);
    for (int i = 0; i < MADE_AT_ONCE; i++) {
        struct json_object *result = effect_once(
            job, &contact_effect, identity_of(job, person, made + 1), person);
        if (result == NULL)
            return false;
        if (person->contact.id != NULL) {
            json_set_i64(person->memory, "made", made);
            keep_made(job, person);
            return true;
        }
        made++;
    }
    return error_retryable(&job->error, "every contact of the person is gone again");
}

static bool
find_by_email(struct job *job, struct mautic_person *person)
{
    struct json_object *contacts;
    size_t alike;
    if (!mautic_contact_find(job, person->m, person->email, &contacts, &alike))
        return false;
    size_t count = json_object_array_length(contacts);
    if (count > 0)
        person->contact = mautic_contact_of(json_object_array_get_idx(contacts, 0));
    if (count > 1)
        settlement_attention(job, "mautic.duplicate", person->key,
                             "Mautic has %zu contacts with one e-mail address, %s is "
                             "used: run mautic:contacts:deduplicate there",
                             count, person->contact.id);
    if (count > 0)
        return close_attempt(job, person);
    if (alike == 0)
        return true;
    error_permanent(&job->error, "Mautic has a contact whose e-mail address differs in "
                                 "accents only and takes both for one");
    job->error.hint = "correct the e-mail address here or there, then replay";
    return false;
}

// Whether another row stands for the contact by its present address.
static bool
is_shared(struct job *job, const struct mautic_person *person,
          const struct mautic_contact *contact, bool *shared)
{
    const char *address = mautic_person_address(job, contact->email);
    *shared = false;
    if (address == NULL)
        return true;
    struct json_object *rows = mautic_consent_rows(job, person->m, address);
    *shared = rows != NULL && json_object_array_length(rows) > 0;
    return rows != NULL;
}

static bool
edit(struct job *job, struct mautic_person *person, bool with_email)
{
    person->told = true;
    return mautic_contact_edit(job, person->m, person->contact.id,
                               body_of(job, person, with_email), &person->contact);
}

// The row's contact goes by another address: the person's has changed. It is told,
// unless somebody else has the old address, or the new one has a contact of its own.
static bool
follow_address(struct job *job, struct mautic_person *person,
               const struct mautic_contact *before)
{
    bool shared;
    if (!find_by_email(job, person) || person->contact.id != NULL)
        return person->contact.id != NULL;
    if (!is_shared(job, person, before, &shared))
        return false;
    if (shared)
        return make(job, person);
    person->contact = *before;
    mautic_person_say(job, person, "goes by another e-mail address now");
    return edit(job, person, true);
}

static bool
read_known(struct job *job, const struct mautic_person *person, const char *id,
           struct mautic_contact *contact)
{
    *contact = (struct mautic_contact){.id = NULL};
    return id == NULL || mautic_contact_read(job, person->m, id, contact);
}

// The row's, or the one that was made for it by who could not tell it.
static bool
number_of(struct job *job, const struct mautic_person *person, const char **id)
{
    *id = person->stored;
    if (*id != NULL || person->row == NULL)
        return true;
    struct json_object *made = ledger_state(job, made_entity(job, person));
    if (made == NULL)
        return false;
    *id = json_string_or(made, "contact", NULL);
    return true;
}

// The memory's contact, the row's, whoever has the address, or a new one.
static bool
find_contact(struct job *job, struct mautic_person *person)
{
    struct mautic_contact contact;
    const char *number;
    const char *remembered = json_string_or(person->memory, "contact", NULL);
    if (!number_of(job, person, &number)
        || !read_known(job, person, remembered, &contact))
        return false;
    bool same = remembered != NULL && number != NULL && strcmp(remembered, number) == 0;
    if (contact.id == NULL && !same && !read_known(job, person, number, &contact))
        return false;
    if (contact.id != NULL && strcasecmp(contact.email, person->email) == 0) {
        person->contact = contact;
        return close_attempt(job, person);
    }
    if (contact.id != NULL)
        return follow_address(job, person, &contact);
    if (!find_by_email(job, person))
        return false;
    return person->contact.id != NULL || make(job, person);
}

static bool
tell_contact(struct job *job, struct mautic_person *person)
{
    const char *hash = json_hash(job, person->fields);
    bool same =
        strcmp(json_string_or(person->memory, "hash", ""), hash) == 0
        && strcmp(json_string_or(person->memory, "contact", ""), person->contact.id)
               == 0;
    if (same && !person->told)
        return true;
    if (!person->told && !edit(job, person, false))
        return false;
    mautic_person_say(job, person, "fields written");
    char now[CLOCK_TEXT];
    clock_format(clock_wall_ms(), now);
    json_set_string(person->patch, "mautic_synced_at", now);
    json_set_string(person->memory, "hash", hash);
    json_set_string(person->memory, "teller",
                    json_string_or(person->fields, "directus_id", NULL));
    return true;
}

bool
mautic_person_meet(struct job *job, struct mautic_person *person)
{
    person->memory = ledger_state(job, person->key);
    if (person->memory == NULL || !find_contact(job, person))
        return false;
    mautic_person_say(job, person, "contact %s", person->contact.id);
    const char *before = json_string_or(person->memory, "contact", "");
    if (strcmp(before, person->contact.id) != 0)
        mautic_person_arrives(person);
    return tell_contact(job, person) && mautic_consent_settle(job, person);
}

bool
mautic_person_part(struct job *job, struct mautic_person *person)
{
    const char *id = person->contact.id;
    if (person->row != NULL) {
        bool is_news = person->stored == NULL || strcmp(person->stored, id) != 0;
        if (is_news)
            json_set_string(person->patch, "mautic_contact_id", id);
        if (json_object_object_length(person->patch) > 0
            && !directus_update(&person->m->directus, job, person->collection,
                                person->row, person->patch))
            return false;
        if (is_news)
            settlement_state(job, made_entity(job, person), json_object_in(job));
        settlement_ref(job, &(struct settle_ref){.system = "mautic",
                                                 .company = "",
                                                 .collection = person->collection,
                                                 .local_id = person->row,
                                                 .remote_type = "contact",
                                                 .remote_id = id,
                                                 .lane_key = person->key});
    }
    json_set_string(person->memory, "contact", id);
    settlement_state(job, person->key, person->memory);
    return true;
}
