// workers/mautic/consent.h - who wants mails: people.email_opted_in and Mautic's "do
// not contact" say the same.
#ifndef RELAIS_MAUTIC_CONSENT_H
#define RELAIS_MAUTIC_CONSENT_H

#include <stdbool.h>

#include "common/attr.h"
#include "workers/mautic/person.h"

struct mautic_entry;

// Compares both sides with what was agreed last. What Mautic says anew goes to every
// row of people with that address, with contact.unsubscribed, .bounced or
// .resubscribed; what Directus says anew goes to Mautic. What a person unsubscribed
// from, or bounced, can only be taken back in Mautic.
bool mautic_consent_settle(struct job *job,
                           struct mautic_person *person) ATTR_MUST_CHECK;

// Whether the entry, which is marketing, may be made: asked right before it is. One row
// of people that wants no mails speaks for all with its address, and Mautic is told so.
bool mautic_consent_given(struct job *job, struct mautic_person *person,
                          const struct mautic_entry *entry,
                          bool *given) ATTR_MUST_CHECK;

// The rows of people with that address, which mautic_person_address() gave: {id, email,
// email_opted_in, owner_company, mautic_contact_id}.
struct json_object *mautic_consent_rows(struct job *job, const struct mautic *m,
                                        const char *email) ATTR_MUST_CHECK;

// Whether every row with the person's address wants mails; reads them into
// person->rows.
bool mautic_consent_of_all(struct job *job, struct mautic_person *person,
                           bool *all) ATTR_MUST_CHECK;

#endif
