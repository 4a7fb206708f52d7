#include "workers/mautic/consent.h"

#include <string.h>

#include "common/json.h"
#include "common/publish.h"
#include "workers/mautic/campaign.h"
#include "workers/mautic/mautic.h"

#define CONTACTABLE "contactable"
#define BY_HAND "manual"

// What a new word of Mautic's means, and what it is called.
static const struct {
    const char *status;
    const char *fact;
    bool opted_in;
} meanings[] = {
    {CONTACTABLE, "contact.resubscribed", true},
    {"unsubscribed", "contact.unsubscribed", false},
    {"bounced", "contact.bounced", false},
    {BY_HAND, "contact.unsubscribed", false},
};

struct json_object *
mautic_consent_rows(struct job *job, const struct mautic *m, const char *email)
{
    return mautic_person_rows(job, m, "people",
                              "id,email,email_opted_in,owner_company,mautic_contact_id",
                              email);
}

static bool
read_rows(struct job *job, struct mautic_person *person)
{
    if (person->rows == NULL)
        person->rows = mautic_consent_rows(job, person->m, person->email);
    return person->rows != NULL;
}

bool
mautic_consent_of_all(struct job *job, struct mautic_person *person, bool *all)
{
    if (!read_rows(job, person))
        return false;
    *all = true;
    for (size_t i = 0; i < json_object_array_length(person->rows); i++) {
        struct json_object *row = json_object_array_get_idx(person->rows, i);
        *all = *all && json_bool_or(row, "email_opted_in", true);
    }
    return true;
}

static bool
set_row(struct job *job, const struct mautic_person *person, const char *id,
        bool opted_in)
{
    struct json_object *patch = json_object_in(job);
    json_set_bool(patch, "email_opted_in", opted_in);
    return directus_update(&person->m->directus, job, "people", id, patch);
}

static void
tell(struct job *job, const struct mautic_person *person, struct json_object *row,
     const char *fact, const char *stamp)
{
    const char *id = json_string_or(row, "id", "");
    struct json_object *data = json_object_in(job);
    json_set_string(data, "company",
                    json_string_or(row, "owner_company", person->ev->company));
    json_set_string(data, "contact", id);
    json_set_string(data, "channel", "email");
    publish_fact(job, fact, job_printf(job, "contact:%s", id), stamp, data);
}

// Mautic has a new word: every row is told, and every row's fact published. A block set
// by hand that Directus asked for itself is no news there.
static bool
follow_mautic(struct job *job, struct mautic_person *person, size_t meaning)
{
    const char *since = person->contact.status_at;
    const char *stamp =
        since[0] != '\0' ? since
                         : job_printf(job, "after %s",
                                      json_string_or(person->memory, "status_at", ""));
    bool opted_in = meanings[meaning].opted_in;
    bool by_hand = strcmp(meanings[meaning].status, BY_HAND) == 0;
    mautic_person_say(job, person, "%s in Mautic", meanings[meaning].status);
    if (!read_rows(job, person))
        return false;
    for (size_t i = 0; i < json_object_array_length(person->rows); i++) {
        struct json_object *row = json_object_array_get_idx(person->rows, i);
        bool flips = json_bool_or(row, "email_opted_in", true) != opted_in;
        if (flips && !set_row(job, person, json_string_or(row, "id", ""), opted_in))
            return false;
        json_set_bool(row, "email_opted_in", opted_in); // may be asked again
        if (flips || !by_hand)
            tell(job, person, row, meanings[meaning].fact, stamp);
    }
    person->opted_in = opted_in;
    return true;
}

static void
agree(struct mautic_person *person, const char *status, const char *since)
{
    person->contact.status = status;
    person->contact.status_at = since;
    json_set_string(person->memory, "status", status);
    json_set_string(person->memory, "status_at", since);
}

// Mautic says what it said before; Directus says otherwise.
static bool
follow_directus(struct job *job, struct mautic_person *person)
{
    const struct mautic_contact *contact = &person->contact;
    bool all = true;
    if (!person->opted_in) {
        agree(person, BY_HAND, "");
        mautic_person_say(job, person, "blocked in Mautic: opted out in Directus");
        return mautic_contact_block(job, person->m, contact->id);
    }
    if (strcmp(contact->status, BY_HAND) != 0) {
        person->opted_in = false;
        if (person->collection == NULL || strcmp(person->collection, "people") != 0)
            return true;
        mautic_person_say(job, person, "%s in Mautic, and only there to be taken back",
                          contact->status);
        return set_row(job, person, person->row, false);
    }
    // The block holds as long as one of the rows wants it.
    if (!mautic_consent_of_all(job, person, &all))
        return false;
    person->opted_in = all;
    if (!all)
        return true;
    agree(person, CONTACTABLE, "");
    mautic_person_say(job, person, "no longer blocked: opted in in Directus");
    return mautic_contact_unblock(job, person->m, contact->id);
}

// What was agreed. A contact that was made anew has lost its block: that is no consent.
static const char *
agreed(struct mautic_person *person)
{
    const char *id = person->contact.id;
    const char *before = json_string_or(person->memory, "status", CONTACTABLE);
    bool other = strcmp(json_string_or(person->memory, "contact", id), id) != 0;
    if (!other || strcmp(person->contact.status, CONTACTABLE) != 0
        || strcmp(before, CONTACTABLE) == 0)
        return before;
    person->opted_in = false;
    return CONTACTABLE;
}

bool
mautic_consent_settle(struct job *job, struct mautic_person *person)
{
    const char *now = person->contact.status;
    const char *before = agreed(person);
    size_t meaning = 0;
    while (strcmp(meanings[meaning].status, now) != 0)
        meaning++;
    if (strcmp(now, before) != 0) {
        if (!follow_mautic(job, person, meaning))
            return false;
        agree(person, now, person->contact.status_at);
        return true;
    }
    if (meanings[meaning].opted_in != person->opted_in)
        return follow_directus(job, person);
    agree(person, now, person->contact.status_at);
    return true;
}

// Rows that Mautic was never told of count as well: they are the same person.
bool
mautic_consent_given(struct job *job, struct mautic_person *person,
                     const struct mautic_entry *entry, bool *given)
{
    bool all = true;
    bool entered;
    *given = person->opted_in && strcmp(person->contact.status, CONTACTABLE) == 0;
    if (!*given)
        return true;
    if (!mautic_campaign_entered(job, entry, &entered))
        return false;
    if (entered)
        return true;
    if (!mautic_consent_of_all(job, person, &all))
        return false;
    *given = all;
    person->opted_in = all;
    return all || follow_directus(job, person);
}
