// workers/invoice_ninja/contact.h - the person at a client who gets the mails.
//
// Facts are from the source of Invoice Ninja 5.10: contacts live in their client; a PUT
// of the client destroys those that it leaves out; an invoice goes to the contacts that
// it invites.
#ifndef RELAIS_NINJA_CONTACT_H
#define RELAIS_NINJA_CONTACT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;
struct ninja_party;

// The party's contact as Invoice Ninja is told of it: the person, or the firm itself;
// custom_value1 names their row.
struct json_object *ninja_contact_body(struct job *job,
                                       const struct ninja_party *party);

// The address that mails to the party go to; "" if it has none.
const char *ninja_contact_email(const struct ninja_party *party);

// The id of the party's contact at its client, which is made or put right where it is
// not as Directus has it. client is the client as it was read or made just now, or
// NULL. NULL with job->error.
const char *ninja_contact_of(struct job *job, const struct ninja *ninja,
                             const struct ninja_party *party, const char *client_id,
                             struct json_object *client) ATTR_MUST_CHECK;

#endif
