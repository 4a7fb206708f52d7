// workers/mautic/campaign.h - entering Mautic's campaigns, once for each cause.
//
// Mautic answers {"success":1} whatever happened, and where the campaign allows it, to
// add a member again sends all its mails again. So an entry is an effect, and whether
// an attempt that was cut has worked is read from the membership: its rotation grows
// with every entry, and says since when.
#ifndef RELAIS_MAUTIC_CAMPAIGN_H
#define RELAIS_MAUTIC_CAMPAIGN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/attr.h"
#include "common/job.h"

struct mautic;

struct mautic_entry {
    int64_t campaign;
    const char *contact; // Mautic's id
    const char *who;     // "contact:<uuid>" or "lead:<uuid>": of Directus
    const char *cause;   // "quote:<uuid>:r1": one entry each
    bool once;           // who is a member stays as he is, whatever the cause
};

// Whether the contact has entered, by what we remember.
bool mautic_campaign_entered(struct job *job, const struct mautic_entry *entry,
                             bool *entered) ATTR_MUST_CHECK;

// Has the contact enter, once in effect. UNSURE: an earlier attempt may be under way.
bool mautic_campaign_enter(struct job *job, const struct mautic *m,
                           const struct mautic_entry *entry) ATTR_MUST_CHECK;

// Whether the contact has entered; an attempt that was left unsure is looked up. Where
// it has, it is not to enter in the same job. UNSURE: it may be under way.
bool mautic_campaign_settle(struct job *job, const struct mautic *m,
                            const struct mautic_entry *entry,
                            bool *entered) ATTR_MUST_CHECK;

// Nobody wants the entry any more. An attempt that was left unsure is looked up, so
// that its entry is not taken for the next one's; where the contact is not known (NULL)
// it is put to rest. UNSURE: it may be under way.
bool mautic_campaign_give_up(struct job *job, const struct mautic *m,
                             const struct mautic_entry *entry) ATTR_MUST_CHECK;

#endif
