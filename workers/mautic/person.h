// workers/mautic/person.h - a person: one e-mail address, whatever its case. Rows of
// people and leads with that address are the same person, and so is Mautic's contact.
#ifndef RELAIS_MAUTIC_PERSON_H
#define RELAIS_MAUTIC_PERSON_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/event.h"
#include "common/job.h"
#include "workers/mautic/contact.h"

struct json_object;
struct mautic;

struct mautic_person {
    const struct mautic *m;
    const struct event *ev;

    // from Directus
    const char *collection;     // "people" or "leads"; NULL: the person is in neither
    const char *row;            // the row's id
    const char *who;            // "contact:<uuid>" or "lead:<uuid>"; "" without a row
    const char *email;          // in lower case
    const char *key;            // the lane: "person:<hash of email>"
    const char *company;        // owner company's code, "" if unknown
    const char *stored;         // the row's mautic_contact_id, or NULL
    bool opted_in;              // the row's email_opted_in; true where there is none
    struct json_object *fields; // of the contact, as Mautic names them
    struct json_object *patch;  // what the row is to be told
    struct json_object *rows;   // all rows of people with the address, once read

    // The ledger's memory of the person: {contact, hash, teller: the row told last,
    // status, status_at, made, segments: {id: in or out}, fresh: out of all segments
    // that are not named}
    struct json_object *memory;

    // Mautic's
    struct mautic_contact contact;
    bool made;        // the contact has just been made
    bool told;        // it has just been told all fields
    const char *said; // collected for the journey step
};

// The fields to read of a row of people, each behind `at` ("contact_id.", or "").
#define MAUTIC_PERSON_FIELDS(at)                                                       \
    at "id," at "email," at "first_name," at "last_name," at "phone," at               \
       "language," at "owner_company," at "email_opted_in," at "mautic_contact_id," at \
       "company_id.name," at "company_id.country"

// The uuid that a command names by that member, in lower case, whose row in Directus it
// is about: what happens once hangs on it. NULL: PERMANENT, naming the member.
const char *mautic_named(struct job *job, const struct event *ev,
                         const char *member) ATTR_MUST_CHECK;

// The person of a row of people, of leads, or of a command's own words (as leads name
// them). False: there is none with an e-mail address to go by, or the event is not in
// the person's lane and was sent on there; both were noted, and nothing is left to do.
bool mautic_person_of_contact(struct job *job, struct mautic_person *person,
                              struct json_object *row) ATTR_MUST_CHECK;
bool mautic_person_of_lead(struct job *job, struct mautic_person *person,
                           struct json_object *row) ATTR_MUST_CHECK;
bool mautic_person_of_body(struct job *job, struct mautic_person *person,
                           struct json_object *body) ATTR_MUST_CHECK;

// The address without spaces around it and in lower case; NULL where it is none.
const char *mautic_person_address(struct job *job, const char *text);

// Whether a row with that text has the address, which mautic_person_address() gave.
bool mautic_person_has(struct job *job, const char *text, const char *address);

// The rows of people or leads with that address; fields has id and email at least.
struct json_object *mautic_person_rows(struct job *job, const struct mautic *m,
                                       const char *collection, const char *fields,
                                       const char *address) ATTR_MUST_CHECK;

// "person:<sha256 of the address>".
const char *mautic_person_key(struct job *job, const char *address);

// Finds the person's contact in Mautic, makes one where there is none, writes what
// differs from what was last written, and settles consent (consent.h). Afterwards
// person->contact has an id.
bool mautic_person_meet(struct job *job, struct mautic_person *person) ATTR_MUST_CHECK;

// Adds a word to what the journey step will say.
void mautic_person_say(struct job *job, struct mautic_person *person, const char *fmt,
                       ...) ATTR_PRINTF(3, 4);

// Forgets the places of the contact that the person was before.
void mautic_person_arrives(struct mautic_person *person);
// Whether the contact may be in the segment: false once it is known to be out.
bool mautic_person_is_in(const struct mautic_person *person, const char *segment);
// Remembers that it may be in, or is out now.
void mautic_person_moved(struct job *job, struct mautic_person *person,
                         const char *segment, bool in);
// Of a command that was given up half way: forgets where the person of the lane is.
bool mautic_person_lost(struct job *job, const char *lane) ATTR_MUST_CHECK;

// Tells the row, if there is one, what is new (person->patch, the contact's id), and
// keeps the memory: the last step of a command.
bool mautic_person_part(struct job *job, struct mautic_person *person) ATTR_MUST_CHECK;

#endif
