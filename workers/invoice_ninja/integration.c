// workers/invoice_ninja/integration.c - settings, gates, probes: what the Invoice Ninja
// worker is.
#include <stddef.h>

#include "common/json.h"
#include "workers/invoice_ninja/api.h"
#include "workers/invoice_ninja/company.h"
#include "workers/invoice_ninja/ninja.h"
#include "workers/invoice_ninja/sweep.h"

extern const struct integration invoice_ninja;

#define AT(member) offsetof(struct ninja, member)
enum { SECOND = 1000, HOUR = 3600 * SECOND };
#define DAY (24LL * HOUR)

const struct config_setting ninja_settings[] = {
    {"INVOICE_NINJA_URL", CONFIG_URL, AT(url), NULL,
     "Base URL of Invoice Ninja, without /api: https://invoicing.co, or a server of "
     "your "
     "own."},
    {"WEBHOOK_BASE_URL", CONFIG_URL, AT(base_url), "",
     "Where ingest is reached from outside; empty: webhooks are not registered."},
    {"INVOICE_NINJA_TAX_NAME", CONFIG_TEXT, AT(tax_name), "TVA",
     "What VAT is called on invoices."},
    {"INVOICE_NINJA_DEPOSIT_PERCENT", CONFIG_INT, AT(deposit_percent), "30",
     "The deposit of a quote where neither it nor deposit_configs says how much.", 0,
     100},
    {"INVOICE_NINJA_DEPOSIT_DAYS", CONFIG_INT, AT(deposit_days), "10",
     "Days to pay a deposit where deposit_configs does not say.", 0, 365},
    {"INVOICE_NINJA_PER_SECOND", CONFIG_INT, AT(per_second), "0",
     "Events a second that may call Invoice Ninja, about four calls each, of all "
     "companies and by all processes that share REDIS_URL; 0: no limit. The hosted one "
     "takes 800 calls a minute from one address: 3.",
     0, 1000},
    {"INVOICE_NINJA_TIMEOUT_MS", CONFIG_MS, AT(timeout_ms), "30s",
     "How long one call to Invoice Ninja may take.", 100, 600 * SECOND},
    {"INVOICE_NINJA_TOO_MANY_WAIT_MS", CONFIG_MS, AT(too_many_wait_ms), "60s",
     "How long a company's calls rest after a 429, which comes without Retry-After.", 1,
     HOUR},
    {"INVOICE_NINJA_UNLINKED_WAIT_MS", CONFIG_MS, AT(unlinked_wait_ms), "30s",
     "When a payment that is applied to no invoice yet is looked at again.", 1, HOUR},
    {"INVOICE_NINJA_UNLINKED_MAX_MS", CONFIG_MS, AT(unlinked_max_ms), "5m",
     "How old such a payment may be to be looked at again.", 0, DAY},
    {"INVOICE_NINJA_SWEEP_OVERLAP_MS", CONFIG_MS, AT(sweep_overlap_ms), "2m",
     "How far a sweep looks back behind its cursor.", 0, 7 * DAY},
    {"INVOICE_NINJA_SWEEP_FIRST_MS", CONFIG_MS, AT(sweep_first_ms), "7d",
     "How far the first sweep looks back.", 0, 365 * DAY},
    {"INVOICE_NINJA_WEBHOOK_WAIT_MS", CONFIG_MS, AT(hook_wait_ms), "1h",
     "A change that only the sweep saw this long after it happened means that the "
     "webhook is broken.",
     0, 30 * DAY},
    {"INVOICE_NINJA_WEBHOOK_CHECK_MS", CONFIG_MS, AT(hook_check_ms), "1h",
     "How often the registered webhooks are checked.", 100, 30 * DAY},
    {0},
};

// Read by company.c.
static const struct config_setting key_settings[] = {
    {"INVOICE_NINJA_KEY_<COMPANY>", CONFIG_SECRET, 0, NULL,
     "API token of an administrator in that company's books; any code of "
     "owner_companies, in capitals with _ for what is neither letter nor digit, or the "
     "beginning of only one (ENKI for ENKI_REALTY)."},
    {"INVOICE_NINJA_WEBHOOK_SECRET[_<COMPANY>]", CONFIG_SECRET, 0, "",
     "What the webhooks registered for all companies, or for one, send along as "
     "X-Webhook-Secret; ingest must have the same."},
    {0},
};

static const struct config_setting *const more_settings[] = {
    key_settings,
    directus_settings,
    NULL,
};

static const struct gate_spec gates[] = {
    {.name = "invoice-ninja",
     .in_flight = 8,
     .per_company = true,
     .rate_at = AT(per_second)},
    {0},
};

static bool
open_ninja(void *state, struct error *err)
{
    struct ninja *ninja = state;
    ninja->companies = ninja_companies_open(err);
    if (ninja->companies == NULL)
        return false;
    if (!directus_open(&ninja->directus, "invoice-ninja", err)) {
        ninja_companies_close(ninja->companies);
        return false;
    }
    ninja->service.name = "invoice-ninja";
    ninja->service.base_url = ninja->url;
    ninja->service.headers = ninja_headers;
    ninja->service.rules = ninja_rules;
    ninja->service.timeout_ms = ninja->timeout_ms;
    ninja->service.max_bytes = 16 << 20; // a page of a sweep
    http_service_open(&ninja->service);
    return true;
}

static void
close_ninja(void *state)
{
    struct ninja *ninja = state;
    http_service_close(&ninja->service);
    directus_close(&ninja->directus);
    ninja_companies_close(ninja->companies);
}

static bool
reload_ninja(void *state, struct error *err)
{
    struct ninja *ninja = state;
    return ninja_companies_reload(ninja->companies, err)
           && directus_reload(&ninja->directus, err);
}

// Invoice Ninja is up as long as it answers one company: the others' keys, and what
// their books do, are their own gates' business. Each has its part of the time.
static bool
probe_ninja(struct job *job, void *state)
{
    const struct ninja *ninja = state;
    size_t count = 0;
    while (ninja_company_any_key(ninja->companies, count) != NULL)
        count++;
    for (size_t i = 0; i < count; i++) {
        int64_t share_ms = job_left_ms(job) / (int64_t)(count - i);
        if (share_ms == 0)
            return error_retryable(&job->error, "no company was answered in time");
        if (ninja_ping(job, ninja, ninja_company_any_key(ninja->companies, i),
                       share_ms))
            return true;
    }
    return false;
}

// An item, because a ping answers even while Directus's database is away.
static bool
probe_directus(struct job *job, void *state)
{
    const struct ninja *ninja = state;
    return directus_probe(&ninja->directus, job, "client_invoices");
}

static const struct integration_probe probes[] = {
    {"invoice-ninja", probe_ninja, "INVOICE_NINJA_URL"},
    {"directus", probe_directus, "DIRECTUS_URL"},
    {0},
};

const struct integration invoice_ninja = {
    .name = "invoice-ninja",
    .state_size = sizeof(struct ninja),
    .settings = ninja_settings,
    .more_settings = more_settings,
    .handlers = ninja_handlers,
    .gates = gates,
    .open = open_ninja,
    .reload = reload_ninja,
    .close = close_ninja,
    .probes = probes,
    .sweep = ninja_sweep,
};
