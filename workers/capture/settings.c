#include <string.h>

#include "common/directus.h"
#include "common/log.h"
#include "common/pg.h"
#include "workers/capture/capture.h"

#define AT(member) offsetof(struct capture_settings, member)

#define COLLECTION(index, variable, usual)                                         \
    {                                                                              \
        .name = "DIRECTUS_COLLECTION_" variable, .type = CONFIG_TEXT,              \
        .offset = AT(collections) + (index) * sizeof(const char *),                \
        .fallback = (usual),                                                       \
        .description = "What the collection " usual " is called in this Directus." \
    }

const struct config_setting capture_settings_table[] = {
    {.name = "KAFKA_BROKERS",
     .type = CONFIG_TEXT,
     .offset = AT(brokers),
     .fallback = NULL,
     .description = "Kafka's bootstrap servers, host:port separated by commas."},
    {.name = "CAPTURE",
     .type = CONFIG_TEXT,
     .offset = AT(mode),
     .fallback = "outbox",
     .description =
         "outbox: changes come from triggers in Directus's own Postgres, and "
         "none is lost. flow: they come from Directus's activity log over "
         "REST, beside a flow for speed."},
    {.name = "CAPTURE_DATABASE_URL",
     .type = CONFIG_SECRET,
     .offset = AT(capture_database_url),
     .fallback = "",
     .description =
         "Directus's own Postgres, for CAPTURE=outbox: the role that ran "
         "`relais migrate`, in a session of its own (no transaction pooler)."},
    {.name = "DATABASE_URL",
     .type = CONFIG_SECRET,
     .offset = AT(database_url),
     .fallback = "",
     .description = "The ledger's Postgres, for CAPTURE=flow: where the reader of the "
                    "activity log left off."},
    {.name = "CAPTURE_TOPIC",
     .type = CONFIG_TEXT,
     .offset = AT(topic),
     .fallback = "directus.changes",
     .description = "The topic of the changes."},
    {.name = "CAPTURE_BATCH",
     .type = CONFIG_INT,
     .offset = AT(batch),
     .fallback = "500",
     .description = "Most changes under way at once.",
     .min = 1,
     .max = 10000},
    {.name = "CAPTURE_MAX_BYTES",
     .type = CONFIG_BYTES,
     .offset = AT(max_bytes),
     .fallback = "900K",
     .description = "Largest rows that travel with their change; beyond it the event "
                    "only says that there was one. Brokers and KAFKA_MESSAGE_MAX_BYTES "
                    "must take a little more.",
     .min = 1024,
     .max = 16 * 1024 * 1024},
    {.name = "CAPTURE_POLL_MS",
     .type = CONFIG_MS,
     .offset = AT(poll_ms),
     .fallback = "5s",
     .description = "How often the activity log is read; with CAPTURE=outbox the "
                    "longest sleep, as the database tells of changes by itself.",
     .min = 10,
     .max = 60000},
    {.name = "CAPTURE_STANDBY_MS",
     .type = CONFIG_MS,
     .offset = AT(standby_ms),
     .fallback = "1s",
     .description = "How often a standby asks whether the active one is gone.",
     .min = 10,
     .max = 60000},
    {.name = "CAPTURE_TAKEOVER_MS",
     .type = CONFIG_MS,
     .offset = AT(takeover_ms),
     .fallback = "1s",
     .description = "How long a standby waits before it takes over, so that what the "
                    "other had under way has arrived.",
     .min = 0,
     .max = 60000},
    {.name = "CAPTURE_RETENTION_MS",
     .type = CONFIG_MS,
     .offset = AT(retention_ms),
     .fallback = "7d",
     .description = "How long published changes stay in the outbox.",
     .min = 1000,
     .max = INT64_C(366) * 86400000},
    {.name = "CAPTURE_DRAIN_MS",
     .type = CONFIG_MS,
     .offset = AT(drain_ms),
     .fallback = "5s",
     .description =
         "How long SIGTERM waits for Kafka; what it has not taken by then is "
         "published by the next one.",
     .min = 0,
     .max = 600000},
    {.name = "ADMIN_HOST",
     .type = CONFIG_TEXT,
     .offset = AT(admin_host),
     .fallback = "127.0.0.1",
     .description = "Address of /livez, /readyz and /metrics."},
    {.name = "ADMIN_PORT",
     .type = CONFIG_INT,
     .offset = AT(admin_port),
     .fallback = "0",
     .description = "Port of /livez, /readyz and /metrics; 0: none.",
     .min = 0,
     .max = 65535},
    {.name = "DIRECTUS_COLLECTION_OWNER_COMPANIES",
     .type = CONFIG_TEXT,
     .offset = AT(owner_companies),
     .fallback = "owner_companies",
     .description = "What the collection owner_companies is called in this Directus."},
    COLLECTION(0, "QUOTES", "quotes"),
    COLLECTION(1, "INVOICES", "client_invoices"),
    COLLECTION(2, "PAYMENTS", "payments"),
    COLLECTION(3, "LEADS", "leads"),
    COLLECTION(4, "CONTACTS", "people"),
    COLLECTION(5, "COMPANIES", "companies"),
    COLLECTION(6, "CGV_ACCEPTANCES", "cgv_acceptances"),
    COLLECTION(7, "QUOTE_ITEMS", "quote_items"),
    COLLECTION(8, "INVOICE_ITEMS", "invoice_items"),
    {0},
};

static bool
check_url(const char *name, const char *url, const char *missing, struct error *err)
{
    if (url[0] != '\0' && pg_url_check(url, err))
        return true;
    if (url[0] == '\0')
        error_permanent(err, "%s", missing);
    return error_about(err, name);
}

bool
capture_settings_check(const struct capture_settings *settings, struct error *err)
{
    if (strcmp(settings->mode, "outbox") == 0)
        return check_url("CAPTURE_DATABASE_URL", settings->capture_database_url,
                         "set it to Directus's Postgres, or CAPTURE=flow without "
                         "access to it",
                         err);
    if (strcmp(settings->mode, "flow") == 0)
        return check_url("DATABASE_URL", settings->database_url,
                         "set it to the ledger's Postgres, where CAPTURE=flow keeps "
                         "its place",
                         err);
    return error_permanent(err, "CAPTURE: must be outbox or flow");
}

void
capture_settings_reload(struct capture *capture, struct directus *directus)
{
    struct error err;

    if (!capture->wake.reload)
        return;
    capture->wake.reload = false;
    if (config_reload_secrets(capture_settings_table, &capture->settings, &err)
        && (directus == NULL || directus_reload(directus, &err)))
        log_info("reload", "secrets were read again");
    else
        log_error("reload", "%s", err.text);
}
