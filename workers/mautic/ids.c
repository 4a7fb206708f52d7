// The numbers of campaigns and segments: settings, for all companies or for one.
#include <stdlib.h>

#include "common/config.h"
#include "common/str.h"
#include "workers/mautic/play.h"

static const char *const campaign_names[MAUTIC_CAMPAIGNS] = {
    [MAUTIC_QUOTE_SENT] = "MAUTIC_CAMPAIGN_QUOTE_SENT",
    [MAUTIC_QUOTE_FOLLOWUP] = "MAUTIC_CAMPAIGN_QUOTE_FOLLOWUP",
    [MAUTIC_PAYMENT_REMINDER] = "MAUTIC_CAMPAIGN_PAYMENT_REMINDER",
    [MAUTIC_WELCOME] = "MAUTIC_CAMPAIGN_WELCOME",
    [MAUTIC_LEAD_NURTURING] = "MAUTIC_CAMPAIGN_LEAD_NURTURING",
};
static const char *const segment_names[MAUTIC_SEGMENTS] = {
    [MAUTIC_LEADS] = "MAUTIC_SEGMENT_LEADS",
    [MAUTIC_PROSPECTS] = "MAUTIC_SEGMENT_PROSPECTS",
    [MAUTIC_CLIENTS] = "MAUTIC_SEGMENT_CLIENTS",
    [MAUTIC_PENDING_QUOTES] = "MAUTIC_SEGMENT_PENDING_QUOTES",
    [MAUTIC_OVERDUE_PAYMENTS] = "MAUTIC_SEGMENT_OVERDUE_PAYMENTS",
};

// Text as it stands in the name of an environment variable.
static const char *
variable_part(struct job *job, const char *text)
{
    char *part = job_strdup(job, text);
    for (char *c = part; *c != '\0'; c++) {
        bool lower = *c >= 'a' && *c <= 'z';
        bool plain = (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (lower)
            *c = (char)(*c - 'a' + 'A');
        else if (!plain)
            *c = '_';
    }
    return part;
}

static bool
choose(struct job *job, const char *base, const char *company, int64_t *id)
{
    if (company[0] == '\0')
        return true;
    const char *name = job_printf(job, "%s_%s", base, variable_part(job, company));
    char *value = config_lookup(name);
    long long number = *id;
    bool good =
        value == NULL || value[0] == '\0' || (str_to_i64(value, &number) && number > 0);
    free(value);
    if (!good)
        return error_permanent(&job->error, "%s must be a number from Mautic", name);
    *id = number;
    return true;
}

bool
mautic_campaign_id(struct job *job, const struct mautic *m,
                   enum mautic_campaign campaign, const char *company, int64_t *id)
{
    *id = m->campaigns[campaign];
    return choose(job, campaign_names[campaign], company, id);
}

bool
mautic_segment_id(struct job *job, const struct mautic *m, enum mautic_segment segment,
                  const char *company, int64_t *id)
{
    *id = m->segments[segment];
    return choose(job, segment_names[segment], company, id);
}
