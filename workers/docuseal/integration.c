// workers/docuseal/integration.c - settings, gates, probes: what the DocuSeal worker
// is.
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "common/str.h"
#include "workers/docuseal/docuseal.h"
#include "workers/docuseal/submission.h"
#include "workers/docuseal/sweep.h"

extern const struct integration docuseal;

#define AT(member) offsetof(struct docuseal, member)
enum { SECOND = 1000, HOUR = 3600 * SECOND };
#define DAY (24LL * HOUR)

const struct config_setting docuseal_settings[] = {
    {"DOCUSEAL_API_URL", CONFIG_URL, AT(api_url), NULL,
     "Base URL of DocuSeal's API: https://api.docuseal.eu, or https://<host>/api of a "
     "server of your own."},
    {"DOCUSEAL_API_KEY", CONFIG_SECRET, AT(api_key), NULL,
     "API key of a DocuSeal user."},
    {"DOCUSEAL_APP_URL", CONFIG_URL, AT(app_url), "",
     "Where people sign; empty: the API's URL without /api or api. in it."},
    {"DOCUSEAL_CAPABILITY", CONFIG_TEXT, AT(capability_name), "ses",
     "The highest signature level this DocuSeal can evidence: ses, aes or qes."},
    {"DOCUSEAL_ROLE_CLIENT", CONFIG_TEXT, AT(role_client), "Client",
     "The client's role in the templates."},
    {"DOCUSEAL_ROLE_COMPANY", CONFIG_TEXT, AT(role_company), "Company",
     "The role of our own signatory in the templates."},
    {"DOCUSEAL_SEND_EMAIL", CONFIG_BOOL, AT(send_email), "true",
     "Whether DocuSeal mails the invitations."},
    {"DOCUSEAL_TIMEOUT_MS", CONFIG_MS, AT(timeout_ms), "30s",
     "How long one call to DocuSeal may take.", 100, 600 * SECOND},
    {"DOCUSEAL_FILE_TIMEOUT_MS", CONFIG_MS, AT(file_timeout_ms), "60s",
     "How long a file, or the first look at a completed submission, may take.", 100,
     600 * SECOND},
    {"DOCUSEAL_FILE_MAX_BYTES", CONFIG_BYTES, AT(file_max_bytes), "32M",
     "The largest signed document that is taken.", 1024, 1LL << 30},
    {"DOCUSEAL_AUDIT_WAIT_MS", CONFIG_MS, AT(audit_wait_ms), "15m",
     "How long after a completion its audit log is waited for.", 0, 7 * DAY},
    {"DOCUSEAL_SWEEP_OVERLAP_MS", CONFIG_MS, AT(sweep_overlap_ms), "10m",
     "How far a sweep looks back behind its cursor.", 0, 7 * DAY},
    {"DOCUSEAL_SWEEP_FIRST_MS", CONFIG_MS, AT(sweep_first_ms), "7d",
     "How far the first sweep looks back.", 0, 365 * DAY},
    {"DOCUSEAL_WEBHOOK_WAIT_MS", CONFIG_MS, AT(hook_wait_ms), "1h",
     "A change that only the sweep saw this long after it happened means that the "
     "webhook is broken.",
     0, 30 * DAY},
    {0},
};

// Looked up when a template is needed, the most particular name first.
static const struct config_setting template_settings[] = {
    {"DOCUSEAL_TEMPLATE_QUOTE[_<COMPANY>][_<LEVEL>]", CONFIG_TEXT, 0, "",
     "Id or external_id of the template of quotes, also for one company "
     "(DOCUSEAL_TEMPLATE_QUOTE_ACME) or one signature level (..._ACME_AES); without a "
     "level it is of ses."},
    {"DOCUSEAL_TEMPLATE_CGV[_<COMPANY>][_<LEVEL>]", CONFIG_TEXT, 0, "",
     "The same for general terms."},
    {0},
};

static const struct config_setting *const more_settings[] = {
    template_settings,
    directus_settings,
    NULL,
};

static const struct gate_spec gates[] = {
    {.name = "docuseal", .in_flight = 16},
    {0},
};

// https://sign.example.org/api -> https://sign.example.org;
// https://api.docuseal.eu -> https://docuseal.eu
static void
derive_app(struct docuseal *ds)
{
    if (ds->app_url[0] != '\0') {
        str_copy(ds->app, sizeof ds->app, ds->app_url);
        return;
    }
    str_copy(ds->app, sizeof ds->app, ds->api_url);
    if (str_ends(ds->app, "/api"))
        ds->app[strlen(ds->app) - strlen("/api")] = '\0';
    char *host = strstr(ds->app, "://");
    if (host != NULL && str_starts(host + 3, "api."))
        memmove(host + 3, host + 7, strlen(host + 7) + 1);
}

static bool
open_docuseal(void *state, struct error *err)
{
    struct docuseal *ds = state;
    if (!docuseal_level_read(ds->capability_name, &ds->capability))
        return error_permanent(err, "DOCUSEAL_CAPABILITY must be ses, aes or qes");
    derive_app(ds);
    if (!directus_open(&ds->directus, "docuseal", err))
        return false;
    ds->service.name = "docuseal";
    ds->service.base_url = ds->api_url;
    ds->service.rules = docuseal_rules;
    ds->service.timeout_ms = ds->timeout_ms;
    ds->service.max_bytes = 8 << 20;
    http_service_open(&ds->service);
    return true;
}

static void
close_docuseal(void *state)
{
    struct docuseal *ds = state;
    http_service_close(&ds->service);
    directus_close(&ds->directus);
}

static bool
reload_docuseal(void *state, struct error *err)
{
    struct docuseal *ds = state;
    return directus_reload(&ds->directus, err);
}

static bool
probe_docuseal(struct job *job, void *state)
{
    return docuseal_user_read(job, state);
}

// An item, because a ping answers even while Directus's database is away.
static bool
probe_directus(struct job *job, void *state)
{
    const struct docuseal *ds = state;
    return directus_probe(&ds->directus, job, "quotes");
}

static const struct integration_probe probes[] = {
    {"docuseal", probe_docuseal, "DOCUSEAL_API_URL"},
    {"directus", probe_directus, "DIRECTUS_URL"},
    {0},
};

const struct integration docuseal = {
    .name = "docuseal",
    .state_size = sizeof(struct docuseal),
    .settings = docuseal_settings,
    .more_settings = more_settings,
    .handlers = docuseal_handlers,
    .gates = gates,
    .open = open_docuseal,
    .reload = reload_docuseal,
    .close = close_docuseal,
    .probes = probes,
    .sweep = docuseal_sweep,
};
