#include "workers/mautic/lead.h"

#include <inttypes.h>
#include <string.h>

#include "common/json.h"
#include "workers/mautic/campaign.h"
#include "workers/mautic/consent.h"
#include "workers/mautic/play.h"
#include "workers/mautic/points.h"
#include "workers/mautic/score.h"
#include "workers/mautic/segment.h"

enum { NURTURED_FROM = 50 }; // points of score

// What a lead's status means. One that is not named is open and no prospect.
static const struct {
    const char *status;
    bool closed; // a client by now, or lost: no segment is joined, nothing nurtured
    bool prospect;
} meanings[] = {
    {.status = "qualified", .prospect = true}, {.status = "proposal", .prospect = true},
    {.status = "won", .closed = true},         {.status = "converted", .closed = true},
    {.status = "lost", .closed = true},        {.status = "inactive", .closed = true},
};

struct lead {
    const struct mautic *m;
    struct json_object *row;
    struct mautic_person *person;
    int64_t score;
    bool closed, prospect;
};

static const char fields[] =
    "id,email,first_name,last_name,phone,company_name,owner_company,source,status,"
    "score,mautic_contact_id,mautic_points_applied,contact_id.email_opted_in";

static void
read_status(struct lead *lead)
{
    const char *status = json_string_or(lead->row, "status", "");
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (strcmp(meanings[i].status, status) == 0) {
            lead->closed = meanings[i].closed;
            lead->prospect = meanings[i].prospect;
        }
}

// A lead that was closed joins nothing, but an attempt before this one may have.
static bool
join(struct job *job, const struct lead *lead, enum mautic_segment segment)
{
    int64_t id;
    if (!mautic_segment_id(job, lead->m, segment, lead->person->company, &id))
        return false;
    mautic_person_moved(job, lead->person, job_printf(job, "%" PRId64, id), true);
    if (lead->closed)
        return true;
    if (!mautic_segment_join(job, lead->m, id, lead->person->contact.id))
        return false;
    mautic_person_say(job, lead->person, "in segment %" PRId64, id);
    return true;
}

static bool
give_points(struct job *job, const struct lead *lead)
{
    const struct mautic_score score = {
        .contact = lead->person->contact.id,
        .lead = lead->person->row,
        .applied = json_i64_or(lead->row, "mautic_points_applied", 0),
        .score = lead->score,
    };
    int64_t applied;
    if (!mautic_points_apply(job, lead->m, &score, &applied))
        return false;
    if (applied != score.applied || json_at(lead->row, "mautic_points_applied") == NULL)
        json_set_i64(lead->person->patch, "mautic_points_applied", applied);
    return true;
}

static bool
nurture(struct job *job, const struct lead *lead)
{
    bool given;
    struct mautic_entry entry = {
        .contact = lead->person->contact.id,
        .who = lead->person->who,
        .cause = "nurturing",
        .once = true,
    };
    if (!mautic_campaign_id(job, lead->m, MAUTIC_LEAD_NURTURING, lead->person->company,
                            &entry.campaign))
        return false;
    if (lead->closed || lead->score < NURTURED_FROM)
        return mautic_campaign_give_up(job, lead->m, &entry);
    if (!mautic_consent_given(job, lead->person, &entry, &given))
        return false;
    if (!given) {
        mautic_person_say(job, lead->person, "no campaign: the lead wants no mails");
        return mautic_campaign_give_up(job, lead->m, &entry);
    }
    if (!mautic_campaign_enter(job, lead->m, &entry))
        return false;
    mautic_person_say(job, lead->person, "in campaign %" PRId64, entry.campaign);
    return true;
}

bool
mautic_lead_sync(struct job *job, const struct mautic *m, const struct event *ev)
{
    struct mautic_person person = {.m = m, .ev = ev};
    struct lead lead = {.m = m, .person = &person};
    const char *id = mautic_named(job, ev, "lead");
    if (id == NULL)
        return false;
    lead.row = directus_read(&m->directus, job, "leads", id, fields);
    if (lead.row == NULL)
        return false;
    if (!mautic_person_of_lead(job, &person, lead.row))
        return true;
    lead.score = mautic_score_of(lead.row);
    read_status(&lead);
    mautic_person_say(job, &person, "score %" PRId64, lead.score);
    return mautic_person_meet(job, &person) && join(job, &lead, MAUTIC_LEADS)
           && (!(lead.prospect || lead.closed) || join(job, &lead, MAUTIC_PROSPECTS))
           && give_points(job, &lead) && nurture(job, &lead)
           && mautic_person_part(job, &person);
}
