// workers/invoice_ninja/client.h - who is billed: a company or a person in Directus, a
// client in Invoice Ninja.
//
// Facts are from the source of Invoice Ninja 5.10: id_number is unique in a company,
// archived and deleted clients included, and holds the Directus uuid here; an e-mail
// address is not unique; a PUT that names contacts destroys those it leaves out.
#ifndef RELAIS_NINJA_CLIENT_H
#define RELAIS_NINJA_CLIENT_H

#include <stdbool.h>

#include "common/attr.h"
#include "common/job.h"

struct json_object;
struct ninja;

// The billed party of a quote or an invoice.
struct ninja_party {
    const char *company;         // owner company's code: whose books
    const char *id;              // uuid of the companies or people row
    const char *collection;      // which of the two
    const char *lane;            // "<company>:<id>"
    const char *currency;        // ISO 4217
    struct json_object *firm;    // the companies row, or NULL
    struct json_object *contact; // the people row, or NULL
};

// Fields of company_id and contact_id that ninja_party_read() wants of a row.
#define NINJA_PARTY_FIELDS                                             \
    "company_id.id,company_id.name,company_id.email,company_id.phone," \
    "company_id.address,company_id.city,company_id.postal_code,"       \
    "company_id.country,company_id.vat_number,contact_id.id,"          \
    "contact_id.first_name,contact_id.last_name,contact_id.email,"     \
    "contact_id.phone,contact_id.language"

// "<company>:<party>", the lane of everything about a party.
const char *ninja_lane(struct job *job, const char *company, const char *party);

// Reads the party off a row with NINJA_PARTY_FIELDS: its firm, else its contact. False
// (PERMANENT): there is neither.
bool ninja_party_read(struct job *job, const char *company, struct json_object *row,
                      struct ninja_party *party) ATTR_MUST_CHECK;

// The party in Invoice Ninja.
struct ninja_client {
    const char *id;
    const char *contact; // who gets the mails
};

// The party's client: found by its id_number, or adopted by its e-mail address, or
// made; once per party. Its contact is as Directus has it then.
bool ninja_client_of(struct job *job, const struct ninja *ninja,
                     const struct ninja_party *party,
                     struct ninja_client *client) ATTR_MUST_CHECK;

// Whom an invoice is for: members client_id and invitations of its body.
void ninja_client_bill(struct job *job, const struct ninja_client *client,
                       struct json_object *body);

#endif
