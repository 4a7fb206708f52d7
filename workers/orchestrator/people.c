// workers/orchestrator/people.c - leads and contacts that moved.
#include <string.h>

#include "common/json.h"
#include "common/settlement.h"
#include "workers/orchestrator/mirror.h"

static const char *const lead_watched[] = {"email", "first_name", "last_name",
                                           "score", "status",     NULL};
static const struct orchestrator_mirror leads = {
    .prefix = "lead:",
    .noun = "lead",
    .watched = lead_watched,
    .fields = "id,email,first_name,last_name,score,status,contact_id,converted_at,"
              "owner_company",
};

static const char *const contact_watched[] = {"email", "first_name",     "last_name",
                                              "phone", "email_opted_in", NULL};
static const struct orchestrator_mirror contacts = {
    .prefix = "contact:",
    .noun = "contact",
    .watched = contact_watched,
    .fields = "id,email,first_name,last_name,phone,email_opted_in,mautic_contact_id,"
              "owner_company",
};

// The content, and how often it changed: what goes back to what it was is news as well.
static const char *
occurrence_of(struct job *job, struct orchestrator_look *look)
{
    look->memory.told_count++;
    return job_printf(job, "%s:%lld", look->hash, (long long)look->memory.told_count);
}

static bool
is_won(const char *status)
{
    return strcmp(status, "won") == 0 || strcmp(status, "converted") == 0;
}

// What carries the instant of its conversion was converted by us, with a quote.
static bool
convert(struct job *job, const struct event *ev, const struct orchestrator *o,
        struct orchestrator_look *look)
{
    bool won = is_won(look->status) && !is_won(look->status_before)
               && json_at(look->row, "converted_at") == NULL;
    if (!won)
        return true;
    if (orchestrator_contact_of(look->row) == NULL) {
        look->status = look->status_before; // it is won when it has one
        settlement_note(job, "won, but nobody to convert yet");
        return true;
    }
    struct orchestrator_occasion occasion =
        orchestrator_mirror_occasion(job, ev, o, &leads, look, "won");
    return orchestrator_convert(job, &occasion);
}

static bool
tell_lead(struct job *job, const struct event *ev, const struct orchestrator *o,
          struct orchestrator_look *look)
{
    bool has_email = json_string_or(look->row, "email", "")[0] != '\0';
    if (!look->differs || !has_email) {
        settlement_note(job, has_email ? "no watched field differs" : "no e-mail");
        return true;
    }
    struct orchestrator_occasion occasion = orchestrator_mirror_occasion(
        job, ev, o, &leads, look, look->is_new ? "lead.created" : "lead.changed");
    occasion.root = look->memory.entity;
    struct json_object *data = json_object_in(job);
    json_set(data, "changed", look->changed);
    const char *occurrence = look->is_new ? "" : occurrence_of(job, look);
    return orchestrator_fact(job, &occasion, occurrence, data);
}

// A lead moved.
// In:    directus.leads.* {collection, key, old, new}
// Out:   lead.created or lead.changed; client.converted when it was won
// Again: the memory has the hash and the status; facts have ids of their own.
bool
orchestrator_lead(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look;
    if (!orchestrator_mirror_look(job, ev, state, &leads, &look))
        return false;
    if (look.row == NULL)
        return true;
    if (!tell_lead(job, ev, state, &look) || !convert(job, ev, state, &look))
        return false;
    look.memory.hash = look.hash;
    orchestrator_mirror_keep(job, &look);
    return true;
}

// A contact moved.
// In:    directus.people.* {collection, key, old, new}
// Out:   contact.changed, where Mautic knows the contact
// Again: the memory has the hash; the fact's id hangs on it.
bool
orchestrator_contact(struct job *job, const struct event *ev, void *state)
{
    struct orchestrator_look look;
    if (!orchestrator_mirror_look(job, ev, state, &contacts, &look))
        return false;
    if (look.row == NULL)
        return true;
    bool synced = json_text_or(look.row, "mautic_contact_id", "")[0] != '\0';
    if (synced && look.differs && !look.is_new) {
        struct orchestrator_occasion occasion = orchestrator_mirror_occasion(
            job, ev, state, &contacts, &look, "contact.changed");
        struct json_object *data = json_object_in(job);
        occasion.root = look.memory.entity;
        json_set(data, "changed", look.changed);
        if (!orchestrator_fact(job, &occasion, occurrence_of(job, &look), data))
            return false;
    } else {
        settlement_note(job, synced ? "no watched field differs" : "not in Mautic yet");
    }
    look.memory.hash = look.hash;
    orchestrator_mirror_keep(job, &look);
    return true;
}
