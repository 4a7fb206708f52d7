// workers/orchestrator/integration.c - what the orchestrator is: settings, topics,
// probe.
#include <stddef.h>
#include <string.h>

#include "common/json.h"
#include "workers/orchestrator/orchestrator.h"

static const struct config_setting settings[] = {
    {"INTEGRATIONS", CONFIG_TEXT, offsetof(struct orchestrator, integrations),
     "docuseal,invoice-ninja,mautic",
     "The integrations that run here, by comma. A command for another one becomes a "
     "note "
     "in the journey."},
    {"CAPTURE", CONFIG_TEXT, offsetof(struct orchestrator, capture), "outbox",
     "`outbox`: triggers in Directus's database tell every change, and events from "
     "flows "
     "are finished without action. `flow`: they are what there is."},
    {"AUTO_SIGNATURE_ON_SENT", CONFIG_BOOL,
     offsetof(struct orchestrator, auto_signature), "true",
     "Whether a quote that becomes `sent` is sent out for signature."},
    {"QUOTE_FOLLOWUP_EVERY", CONFIG_MS, offsetof(struct orchestrator, followup_ms),
     "3d", "Time between two follow-ups of a quote that waits for its signature.",
     60000, 365LL * 86400000},
    {0},
};

// Facts are read back because other workers publish them too.
static const char *const topics[] = {"directus.changes", "orchestrator.commands",
                                     "journey.facts", NULL};

bool
orchestrator_runs(const struct orchestrator *o, const char *integration)
{
    size_t length = strlen(integration);
    const char *at = o->integrations;
    while (*at != '\0') {
        size_t width = strcspn(at, ", ");
        if (width == length && memcmp(at, integration, length) == 0)
            return true;
        at += width;
        at += strspn(at, ", ");
    }
    return false;
}

static bool
open_orchestrator(void *state, struct error *err)
{
    struct orchestrator *o = state;
    if (strcmp(o->capture, "outbox") != 0 && strcmp(o->capture, "flow") != 0)
        return error_permanent(err, "CAPTURE is \"%.40s\": set outbox or flow",
                               o->capture);
    return directus_open(&o->directus, "orchestrator", err);
}

static void
close_orchestrator(void *state)
{
    struct orchestrator *o = state;
    directus_close(&o->directus);
}

static bool
reload_orchestrator(void *state, struct error *err)
{
    struct orchestrator *o = state;
    return directus_reload(&o->directus, err);
}

static bool
probe_directus(struct job *job, void *state)
{
    const struct orchestrator *o = state;
    return directus_probe(&o->directus, job, "quotes");
}

static const struct integration_probe probes[] = {
    {"directus", probe_directus, "DIRECTUS_URL"},
    {0},
};

static const struct config_setting *const more_settings[] = {directus_settings, NULL};

extern const struct integration orchestrator;
const struct integration orchestrator = {
    .name = "orchestrator",
    .topics = topics,
    .state_size = sizeof(struct orchestrator),
    .settings = settings,
    .more_settings = more_settings,
    .handlers = orchestrator_handlers,
    .open = open_orchestrator,
    .reload = reload_orchestrator,
    .close = close_orchestrator,
    .probes = probes,
};
