// workers/mautic/contact.h - Mautic's contacts.
//
// Facts are from the source of Mautic 5 to 7: an id is a number or its text; a look-up
// by e-mail ignores case and accents, so what it finds is compared; a contact that was
// merged answers under the winner's id; PATCH writes only what is sent, PUT (not used)
// blanks the rest; one e-mail address should have one contact, but nothing forbids two.
#ifndef RELAIS_MAUTIC_CONTACT_H
#define RELAIS_MAUTIC_CONTACT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct mautic;

// One contact as Mautic shows it. id NULL: none.
struct mautic_contact {
    const char *id;
    const char *email; // "" if it has none
    int64_t added_ms;  // by Mautic's clock; 0 if it says none
    // Whether mails may go there: "contactable", "unsubscribed", "bounced" or "manual",
    // and since when ("" where contactable).
    const char *status;
    const char *status_at;
    struct json_object *json;
};

// Reads {id, fields, doNotContact, ..} of an answer or a webhook.
struct mautic_contact mautic_contact_of(struct json_object *json);

// GET /contacts/{id}: under another id where it was merged; contact->id NULL where it
// is gone.
bool mautic_contact_read(struct job *job, const struct mautic *m, const char *id,
                         struct mautic_contact *contact) ATTR_MUST_CHECK;

// The contacts with that very address, the oldest first: an array of their JSON. In
// Mautic's eyes they are one with addresses that differ in accents only: *alike counts
// those.
bool mautic_contact_find(struct job *job, const struct mautic *m, const char *email,
                         struct json_object **contacts, size_t *alike) ATTR_MUST_CHECK;

// POST /contacts/new with `once`; PATCH /contacts/{id}/edit. fields as Mautic names
// them; country and locale are left out where Mautic does not know them. PERMANENT:
// refused; RETRYABLE: it is gone.
bool mautic_contact_create(struct job *job, const struct mautic *m,
                           struct json_object *fields,
                           struct mautic_contact *contact) ATTR_MUST_CHECK;
bool mautic_contact_edit(struct job *job, const struct mautic *m, const char *id,
                         struct json_object *fields,
                         struct mautic_contact *contact) ATTR_MUST_CHECK;

// DELETE /contacts/{id}/delete. Repeatable.
bool mautic_contact_delete(struct job *job, const struct mautic *m,
                           const char *id) ATTR_MUST_CHECK;

// Sets or takes back "do not contact" for e-mail. Repeatable.
bool mautic_contact_block(struct job *job, const struct mautic *m,
                          const char *id) ATTR_MUST_CHECK;
bool mautic_contact_unblock(struct job *job, const struct mautic *m,
                            const char *id) ATTR_MUST_CHECK;

// One page of the contacts whose column (date_modified, date_added, id) is at or after
// `least` ("YYYY-MM-DD HH:MM:SS" in UTC, or a number), the least first, from the
// start-th: an array of their JSON.
struct json_object *mautic_contact_from(struct job *job, const struct mautic *m,
                                        const char *column, const char *least,
                                        int64_t start) ATTR_MUST_CHECK;
enum { MAUTIC_PAGE = 100 };

// GET /contacts?limit=1: whether Mautic is there and lets us in.
bool mautic_contact_probe(struct job *job, const struct mautic *m) ATTR_MUST_CHECK;

#endif
