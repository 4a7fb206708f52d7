// workers/orchestrator/lanes.c - the lane of a command follows its receiver's own
// object.
#include <ctype.h>
#include <string.h>

#include "common/hmac.h"
#include "common/json.h"
#include "workers/orchestrator/orchestrator.h"

// What is read of an occasion's row where it does not tell who it concerns. `member` is
// an object or a text where it does.
static const struct source {
    const char *noun, *collection, *fields;
    const char *member;
    enum json_type type;
} sources[] = {
    {"quote", "quotes", "id,company_id,contact_id.id,contact_id.email", "contact_id",
     json_type_object},
    {"invoice", "client_invoices", "id,company_id,contact_id.id,contact_id.email",
     "contact_id", json_type_object},
    {"contact", "people", "id,email", "email", json_type_string},
    {0},
};

// The row with its contact, read once per occasion.
static bool
with_contact(struct job *job, struct orchestrator_occasion *occasion,
             struct json_object **row)
{
    const struct source *source = sources;
    *row = occasion->row;
    while (source->noun != NULL && strcmp(source->noun, occasion->noun) != 0)
        source++;
    if (source->noun == NULL
        || json_object_is_type(json_at(occasion->row, source->member), source->type))
        return true;
    return orchestrator_row(job, occasion->o, source->collection, occasion->id,
                            source->fields, row);
}

// DocuSeal's object is the quote or the acceptance.
static bool
lane_of_root(struct job *job, struct orchestrator_occasion *occasion, const char **key,
             const char **why)
{
    (void)job;
    (void)why;
    *key = occasion->root;
    return true;
}

static const char *
person_key(struct job *job, const char *email)
{
    char hex[HMAC_HEX];
    char *lower = job_strdup(job, email);
    for (char *at = lower; *at != '\0'; at++)
        *at = (char)tolower((unsigned char)*at);
    hmac_digest(lower, strlen(lower), hex);
    return job_printf(job, "person:%s", hex);
}

const char *
orchestrator_contact_of(struct json_object *row)
{
    return json_string_or(row, "contact_id.id",
                          json_string_or(row, "contact_id", NULL));
}

// Mautic's object is the person, and an e-mail address is one person.
static bool
lane_of_person(struct job *job, struct orchestrator_occasion *occasion,
               const char **key, const char **why)
{
    struct json_object *row;
    if (!with_contact(job, occasion, &row))
        return false;
    const char *email =
        json_string_or(row, "contact_id.email", json_string_or(row, "email", ""));
    if (email[0] == '\0')
        *why = "no e-mail";
    else
        *key = person_key(job, email);
    return true;
}

// Invoice Ninja's object is the billed party: the firm, or the person where there is
// none.
static bool
lane_of_party(struct job *job, struct orchestrator_occasion *occasion, const char **key,
              const char **why)
{
    struct json_object *row = occasion->row;
    if (row == NULL && !with_contact(job, occasion, &row))
        return false;
    const char *party = json_string_or(row, "company_id", orchestrator_contact_of(row));
    if (party == NULL)
        *why = "nobody to bill";
    else
        *key = job_printf(job, "%s:%s", occasion->company, party);
    return true;
}

static const struct {
    const char *integration;
    bool (*lane)(struct job *job, struct orchestrator_occasion *occasion,
                 const char **key, const char **why);
} lanes[] = {
    {"docuseal", lane_of_root},
    {"mautic", lane_of_person},
    {"invoice-ninja", lane_of_party},
    {NULL, lane_of_root}, // what does not say otherwise keeps the entity's own lane
};

bool
orchestrator_lane(struct job *job, struct orchestrator_occasion *occasion,
                  const char *integration, const char **key, const char **why)
{
    size_t i = 0;
    while (lanes[i].integration != NULL
           && strcmp(lanes[i].integration, integration) != 0)
        i++;
    *key = NULL;
    *why = NULL;
    return lanes[i].lane(job, occasion, key, why);
}
