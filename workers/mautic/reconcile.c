#include "workers/mautic/reconcile.h"

#include <string.h>

#include "common/clock.h"
#include "common/drift.h"
#include "common/json.h"
#include "common/ledger.h"
#include "common/publish.h"
#include "common/settlement.h"
#include "common/str.h"
#include "workers/mautic/consent.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/person.h"

// The contact's number: of an observed event, of a deletion, or in Mautic's own words.
const char *
mautic_reconcile_object(struct job *job, const struct event *ev)
{
    const char *id = json_text_or(ev->data, "remote_id", NULL);
    if (id == NULL)
        id = json_text_or(ev->data, "body.id", NULL);
    if (id == NULL)
        id = json_text_or(ev->data, "body.contact.id", NULL);
    long long number;
    if (id != NULL && str_to_i64(id, &number) && number > 0)
        return id;
    error_permanent(&job->error, "the event names no contact (a number)");
    return NULL;
}

const char *
mautic_hint_object(struct job *job, const struct event *ev)
{
    return drift_object(job, ev, mautic_reconcile_object(job, ev));
}

bool
mautic_is_known(struct json_object *memory, const struct mautic_contact *contact)
{
    return contact->id != NULL
           && strcmp(json_string_or(memory, "contact", ""), contact->id) == 0
           && strcmp(json_string_or(memory, "status", ""), contact->status) == 0;
}

// ---- rows that know a contact by its number

static struct json_object *
rows_with(struct job *job, const struct mautic *m, const char *collection,
          const char *contact)
{
    const struct http_header query[] = {{"filter[mautic_contact_id][_eq]", contact},
                                        {"fields", "id,email"},
                                        {"limit", "-1"},
                                        {NULL}};
    return directus_list(&m->directus, job, collection, query);
}

// Who has the row's address now; NULL in *contact: nobody.
static bool
find_successor(struct job *job, const struct mautic *m, struct json_object *row,
               const char **contact)
{
    const char *email = mautic_person_address(job, json_string_or(row, "email", ""));
    struct json_object *contacts;
    size_t alike;
    *contact = NULL;
    if (email == NULL)
        return true;
    if (!mautic_contact_find(job, m, email, &contacts, &alike))
        return false;
    if (json_object_array_length(contacts) > 0)
        *contact = mautic_contact_of(json_object_array_get_idx(contacts, 0)).id;
    return true;
}

// successor: who took the contact's place by a merge; NULL: to be found by address.
static bool
renumber(struct job *job, const struct mautic *m, const char *collection,
         const char *gone, const char *successor)
{
    struct json_object *rows = rows_with(job, m, collection, gone);
    if (rows == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        struct json_object *patch = json_object_in(job);
        const char *contact = successor;
        if (contact == NULL && !find_successor(job, m, row, &contact))
            return false;
        json_set_string(patch, "mautic_contact_id", contact);
        if (!directus_update(&m->directus, job, collection,
                             json_string_or(row, "id", ""), patch))
            return false;
    }
    return true;
}

static bool
replace(struct job *job, const struct mautic *m, const char *gone,
        const char *successor)
{
    settlement_note(
        job, successor != NULL ? "contact %s was merged into %s" : "contact %s is gone",
        gone, successor);
    return renumber(job, m, "people", gone, successor)
           && renumber(job, m, "leads", gone, successor);
}

bool
mautic_reconcile_gone(struct job *job, const struct mautic *m, const struct event *ev)
{
    struct mautic_contact contact;
    const char *id = mautic_reconcile_object(job, ev);
    if (id == NULL || !mautic_contact_read(job, m, id, &contact))
        return false;
    if (contact.id != NULL && strcmp(contact.id, id) == 0) {
        settlement_note(job, "contact %s is there", id);
        return true;
    }
    return replace(job, m, id, contact.id);
}

// ---- consent

// A change of consent that only the sweep saw, long after it happened.
static void
judge_hook(struct job *job, const struct mautic_person *person, const char *before)
{
    const struct event *ev = person->ev;
    int64_t since_ms;
    if (strcmp(json_string_or(ev->data, "why", ""), "sweep") != 0
        || strcmp(before, person->contact.status) == 0
        || !clock_parse(person->contact.status_at, &since_ms)
        || clock_wall_ms() - since_ms < person->m->hook_wait_ms)
        return;
    settlement_attention(job, "mautic.webhook-missing", "mautic",
                         "contact %s was %s at %s and only the sweep saw it: check "
                         "the webhook's URL, events and secret in Mautic, and that it "
                         "is published",
                         person->contact.id, person->contact.status,
                         person->contact.status_at);
}

// A row that was never told has no number: nothing that it is about has come up yet.
static bool
was_told(const struct mautic_person *person, struct json_object *row)
{
    return json_text_or(row, "mautic_contact_id", "")[0] != '\0'
           || strcmp(json_string_or(person->memory, "teller", ""),
                     json_string_or(row, "id", ""))
                  == 0;
}

// Whoever has the contact's address knows it by its number.
static bool
audit_rows(struct job *job, const struct mautic_person *person, const char *collection,
           struct json_object *rows)
{
    struct json_object *wanted = json_object_in(job);
    if (rows == NULL)
        return false;
    json_set_string(wanted, "mautic_contact_id", person->contact.id);
    for (size_t i = 0; i < json_object_array_length(rows); i++) {
        struct json_object *row = json_object_array_get_idx(rows, i);
        if (was_told(person, row)
            && !drift_mend(&person->m->directus, job, collection, row, wanted))
            return false;
    }
    return true;
}

static bool
audit(struct job *job, const struct mautic_person *person, const char *before)
{
    if (strcmp(before, person->contact.status) != 0)
        drift_note_moved(job, person->ev);
    return audit_rows(job, person, "people", person->rows)
           && audit_rows(job, person, "leads",
                         mautic_person_rows(job, person->m, "leads",
                                            "id,email,mautic_contact_id",
                                            person->email));
}

static bool
settle_consent(struct job *job, struct mautic_person *person)
{
    if (!mautic_consent_of_all(job, person, &person->opted_in))
        return false;
    bool known = json_at(person->memory, "contact") != NULL;
    if (json_object_array_length(person->rows) == 0 && !known) {
        settlement_note(job, "not ours: contact %s", person->contact.id);
        return true;
    }
    // A copy: the memory takes what is agreed on now.
    const char *before =
        job_strdup(job, json_string_or(person->memory, "status", "contactable"));
    if (!mautic_consent_settle(job, person))
        return false;
    judge_hook(job, person, before);
    mautic_person_say(job, person, "contact %s is %s", person->contact.id,
                      person->contact.status);
    return mautic_person_part(job, person)
           && (!drift_is_audit(person->ev) || audit(job, person, before));
}

bool
mautic_reconcile(struct job *job, const struct mautic *m, const struct event *ev)
{
    struct mautic_person person = {.m = m, .ev = ev, .company = ev->company};
    const char *id = mautic_reconcile_object(job, ev);
    if (id == NULL || !mautic_contact_read(job, m, id, &person.contact))
        return false;
    if (person.contact.id == NULL)
        return replace(job, m, id, NULL);
    if (strcmp(person.contact.id, id) != 0 && !replace(job, m, id, person.contact.id))
        return false;
    person.email = mautic_person_address(job, person.contact.email);
    if (person.email == NULL) {
        settlement_note(job, "not ours: contact %s has no e-mail", id);
        return true;
    }
    person.key = mautic_person_key(job, person.email);
    if (strcmp(ev->key, person.key) != 0) {
        settlement_note(job, "sent on to the person's lane");
        publish_rekeyed(job, ev, person.key, ev->subject);
        return true;
    }
    person.memory = ledger_state(job, person.key);
    return person.memory != NULL && settle_consent(job, &person);
}

bool
mautic_reconcile_news(struct job *job, const struct mautic *m, const struct event *ev)
{
    const struct mautic_contact contact =
        mautic_contact_of(json_at(ev->data, "body.contact"));
    struct json_object *memory = ledger_state(job, ev->key);
    if (memory == NULL)
        return false;
    if (!mautic_is_known(memory, &contact))
        return mautic_reconcile(job, m, ev);
    settlement_note(job, "no news of contact %s", contact.id);
    return true;
}
