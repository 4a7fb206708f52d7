// workers/orchestrator/convert.c - a contact becomes a client: once, for ever.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "workers/orchestrator/orchestrator.h"

static bool
mark_firm(struct job *job, const struct orchestrator *o, const char *firm)
{
    if (firm == NULL)
        return true;
    struct json_object *patch = json_object_in(job);
    json_set_bool(patch, "is_client", true);
    return directus_update(&o->directus, job, "companies", firm, patch);
}

static bool
mark_lead(struct job *job, const struct orchestrator_occasion *occasion,
          struct json_object *lead)
{
    struct json_object *patch = json_object_in(job);
    json_set_string(patch, "status", "converted");
    if (json_at(lead, "converted_at") == NULL)
        json_set_string(patch, "converted_at", occasion->at);
    return directus_update(&occasion->o->directus, job, "leads",
                           json_string_or(lead, "id", ""), patch);
}

// What was lost or given up stays so.
static bool
mark_leads(struct job *job, const struct orchestrator_occasion *occasion,
           const char *contact)
{
    const struct http_header query[] = {
        {"filter[contact_id][_eq]", contact},
        {"filter[status][_nin]", "converted,lost,inactive"},
        {"fields", "id,converted_at"},
        {NULL}};
    struct json_object *leads =
        directus_list(&occasion->o->directus, job, "leads", query);
    if (leads == NULL)
        return false;
    for (size_t i = 0; i < json_object_array_length(leads); i++)
        if (!mark_lead(job, occasion, json_object_array_get_idx(leads, i)))
            return false;
    return true;
}

// The contact as far as the row tells it; a lead does not.
static bool
read_person(struct job *job, const struct orchestrator_occasion *occasion,
            const char *contact, struct json_object **person)
{
    if (strcmp(occasion->noun, "lead") == 0)
        return orchestrator_row(job, occasion->o, "people", contact,
                                "id,email,company_id", person);
    *person = json_at(occasion->row, "contact_id");
    return true;
}

// The firm is the quote's; without a quote, the contact's.
static bool
mark(struct job *job, const struct orchestrator_occasion *occasion, const char *contact,
     struct json_object *person)
{
    bool of_quote = strcmp(occasion->noun, "quote") == 0;
    const char *firm =
        json_string_or(of_quote ? occasion->row : person, "company_id", NULL);
    return mark_firm(job, occasion->o, firm) && mark_leads(job, occasion, contact);
}

// Two quotes of one contact may be completed in the same second, in two lanes: both say
// the same fact with the same id, and whoever reads it skips the second.
bool
orchestrator_convert(struct job *job, struct orchestrator_occasion *occasion)
{
    const char *contact = orchestrator_contact_of(occasion->row);
    struct orchestrator_memory memory;
    if (contact == NULL) {
        orchestrator_say(job, occasion, "nobody to convert");
        return true;
    }
    if (!orchestrator_remember(job, job_printf(job, "converted:%s", contact), &memory))
        return false;
    if (memory.known) {
        orchestrator_say(job, occasion, "a client already");
        return true;
    }
    struct orchestrator_occasion client = {
        .o = occasion->o,
        .when = "client.converted",
        .root = job_printf(job, "contact:%s", contact),
        .noun = "contact",
        .id = contact,
        .company = occasion->company,
        .at = occasion->at,
        .said = occasion->said,
    };
    if (!read_person(job, occasion, contact, &client.row)
        || !mark(job, occasion, contact, client.row))
        return false;
    memory.status = "converted";
    orchestrator_keep(job, &memory);
    struct json_object *data = json_object_in(job);
    json_set_string(data, occasion->noun, occasion->id);
    return orchestrator_fact(job, &client, "", data);
}
