// workers/mautic/integration.c - settings, gates, probes: what the Mautic worker is.
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/mautic/api.h"
#include "workers/mautic/auth.h"
#include "workers/mautic/contact.h"
#include "workers/mautic/mautic.h"
#include "workers/mautic/sweep.h"

extern const struct integration mautic;

#define AT(member) offsetof(struct mautic, member)
enum { SECOND = 1000, HOUR = 3600 * SECOND };
#define DAY (24LL * HOUR)
#define NUMBER_OF "Its number in Mautic; MAUTIC_..._<COMPANY> sets one for a company."

const struct config_setting mautic_settings[] = {
    {"MAUTIC_URL", CONFIG_URL, AT(url), NULL,
     "Mautic's own address (its site_url), without /api."},
    {"MAUTIC_CLIENT_ID", CONFIG_TEXT, AT(client_id), "",
     "Public key of API credentials (OAuth2, client_credentials) that an administrator "
     "made in Mautic."},
    {"MAUTIC_CLIENT_SECRET", CONFIG_SECRET, AT(client_secret), "", "Their secret key."},
    {"MAUTIC_USERNAME", CONFIG_TEXT, AT(username), "",
     "User of the API where there are no such credentials; much slower."},
    {"MAUTIC_PASSWORD", CONFIG_SECRET, AT(password), "", "That user's password."},
    {"MAUTIC_CAMPAIGN_QUOTE_SENT", CONFIG_INT, AT(campaigns[MAUTIC_QUOTE_SENT]), "1",
     NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_CAMPAIGN_QUOTE_FOLLOWUP", CONFIG_INT, AT(campaigns[MAUTIC_QUOTE_FOLLOWUP]),
     "2", NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_CAMPAIGN_PAYMENT_REMINDER", CONFIG_INT,
     AT(campaigns[MAUTIC_PAYMENT_REMINDER]), "3", NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_CAMPAIGN_WELCOME", CONFIG_INT, AT(campaigns[MAUTIC_WELCOME]), "4",
     NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_CAMPAIGN_LEAD_NURTURING", CONFIG_INT, AT(campaigns[MAUTIC_LEAD_NURTURING]),
     "5", NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_SEGMENT_LEADS", CONFIG_INT, AT(segments[MAUTIC_LEADS]), "1", NUMBER_OF, 1,
     1LL << 40},
    {"MAUTIC_SEGMENT_PROSPECTS", CONFIG_INT, AT(segments[MAUTIC_PROSPECTS]), "2",
     NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_SEGMENT_CLIENTS", CONFIG_INT, AT(segments[MAUTIC_CLIENTS]), "3", NUMBER_OF,
     1, 1LL << 40},
    {"MAUTIC_SEGMENT_PENDING_QUOTES", CONFIG_INT, AT(segments[MAUTIC_PENDING_QUOTES]),
     "4", NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_SEGMENT_OVERDUE_PAYMENTS", CONFIG_INT,
     AT(segments[MAUTIC_OVERDUE_PAYMENTS]), "5", NUMBER_OF, 1, 1LL << 40},
    {"MAUTIC_PER_SECOND", CONFIG_INT, AT(per_second), "10",
     "How many events a second Mautic is troubled with, about five calls each, by all "
     "processes that share REDIS_URL; 0: no limit.",
     0, 1000000},
    {"MAUTIC_TIMEOUT_MS", CONFIG_MS, AT(timeout_ms), "30s",
     "How long one call to Mautic may take.", 100, 600 * SECOND},
    {"MAUTIC_CLOCK_TOLERANCE_MS", CONFIG_MS, AT(clock_tolerance_ms), "60s",
     "How far Mautic's clock may be behind ours.", 0, HOUR},
    {"MAUTIC_SWEEP_OVERLAP_MS", CONFIG_MS, AT(sweep_overlap_ms), "10m",
     "How far a sweep looks back behind its cursor.", 0, 7 * DAY},
    {"MAUTIC_SWEEP_FIRST_MS", CONFIG_MS, AT(sweep_first_ms), "7d",
     "How far the first sweep looks back.", 0, 365 * DAY},
    {"MAUTIC_WEBHOOK_WAIT_MS", CONFIG_MS, AT(hook_wait_ms), "1h",
     "A change that only the sweep saw this long after it happened means that the "
     "webhook is broken.",
     0, 30 * DAY},
    {0},
};

static const struct config_setting *const more_settings[] = {
    directus_settings,
    NULL,
};

static const struct gate_spec gates[] = {
    // PHP and its database lock up under more.
    {.name = "mautic", .in_flight = 4, .rate_at = AT(per_second)},
    {0},
};

static bool
open_mautic(void *state, struct error *err)
{
    struct mautic *m = state;
    str_copy(m->site, sizeof m->site, m->url);
    if (str_ends(m->site, "/api"))
        m->site[strlen(m->site) - strlen("/api")] = '\0';
    if (!mautic_auth_open(m, err) || !directus_open(&m->directus, "mautic", err))
        return false;
    m->service.name = "mautic";
    m->service.base_url = m->site;
    m->service.rules = mautic_rules;
    m->service.timeout_ms = m->timeout_ms;
    m->service.max_bytes = 16 << 20;
    http_service_open(&m->service);
    return true;
}

static void
close_mautic(void *state)
{
    struct mautic *m = state;
    http_service_close(&m->service);
    directus_close(&m->directus);
    mautic_auth_close(m);
}

static bool
reload_mautic(void *state, struct error *err)
{
    struct mautic *m = state;
    return directus_reload(&m->directus, err);
}

static bool
probe_mautic(struct job *job, void *state)
{
    return mautic_contact_probe(job, state);
}

// An item, because a ping answers even while Directus's database is away.
static bool
probe_directus(struct job *job, void *state)
{
    const struct mautic *m = state;
    return directus_probe(&m->directus, job, "quotes");
}

static const struct integration_probe probes[] = {
    {"mautic", probe_mautic, "MAUTIC_URL"},
    {"directus", probe_directus, "DIRECTUS_URL"},
    {0},
};

const struct integration mautic = {
    .name = "mautic",
    .state_size = sizeof(struct mautic),
    .settings = mautic_settings,
    .more_settings = more_settings,
    .handlers = mautic_handlers,
    .gates = gates,
    .open = open_mautic,
    .reload = reload_mautic,
    .close = close_mautic,
    .probes = probes,
    .sweep = mautic_sweep,
};
