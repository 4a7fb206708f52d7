#include <stdio.h>

#include "workers/ingest/ingest.h"

#define AT(member) offsetof(struct ingest_settings, member)

const struct config_setting ingest_settings_table[] = {
    {.name = "INGEST_HOST",
     .type = CONFIG_TEXT,
     .offset = AT(host),
     .fallback = "127.0.0.1",
     .description = "Address to listen on; 0.0.0.0 for all."},
    {.name = "INGEST_PORT",
     .type = CONFIG_INT,
     .offset = AT(port),
     .fallback = "8090",
     .description = "Port of the webhooks; 0 takes a free one and logs it.",
     .min = 0,
     .max = 65535},
    {.name = "INTEGRATIONS",
     .type = CONFIG_TEXT,
     .offset = AT(integrations),
     .fallback = "",
     .description = "Integrations that run here, separated by commas; empty: all that "
                    "are built in."},
    {.name = "KAFKA_BROKERS",
     .type = CONFIG_TEXT,
     .offset = AT(brokers),
     .fallback = NULL,
     .description = "Kafka's bootstrap servers, host:port separated by commas."},
    {.name = "INGEST_KAFKA_WAIT_MS",
     .type = CONFIG_MS,
     .offset = AT(kafka_wait_ms),
     .fallback = "2000",
     .description = "How long a delivery waits for Kafka before it goes to the spool.",
     .min = 1,
     .max = 60000},
    {.name = "KAFKA_MESSAGE_MAX_BYTES",
     .type = CONFIG_INT,
     .offset = AT(message_max_bytes),
     .fallback = "1000000",
     .description = "Largest event; the brokers and topics must take as much.",
     .min = 8000,
     .max = 1000000000},
    {.name = "INGEST_SPOOL",
     .type = CONFIG_TEXT,
     .offset = AT(spool),
     .fallback = NULL,
     .description = "Folder for what Kafka cannot take now, on a disk of its own that "
                    "outlives the program; one per process."},
    {.name = "INGEST_SPOOL_MAX_BYTES",
     .type = CONFIG_BYTES,
     .offset = AT(spool_max_bytes),
     .fallback = "1G",
     .description = "Most events in the spool; beyond it senders are told to come "
                    "later.",
     .min = 0,
     .max = INT64_C(1) << 50},
    {.name = "INGEST_SPOOL_WAIT_MS",
     .type = CONFIG_MS,
     .offset = AT(spool_wait_ms),
     .fallback = "10s",
     .description = "How long a delivery waits for the disk.",
     .min = 1,
     .max = 60000},
    {.name = "INGEST_MAX_BODY",
     .type = CONFIG_BYTES,
     .offset = AT(max_body_bytes),
     .fallback = "4M",
     .description = "Largest request body.",
     .min = 1024,
     .max = 64 << 20},
    {.name = "INGEST_MAX_MEMORY",
     .type = CONFIG_BYTES,
     .offset = AT(max_memory_bytes),
     .fallback = "256M",
     .description = "Most bytes of request bodies held at once; beyond it senders are "
                    "told to come later.",
     .min = 65536,
     .max = INT64_C(1) << 40},
    {.name = "INGEST_MAX_CONNECTIONS",
     .type = CONFIG_INT,
     .offset = AT(max_connections),
     .fallback = "1000",
     .description = "Most connections at once.",
     .min = 1,
     .max = 100000},
    {.name = "INGEST_READ_MS",
     .type = CONFIG_MS,
     .offset = AT(read_ms),
     .fallback = "15s",
     .description = "Longest time for a request to come in, and for a connection to be "
                    "idle.",
     .min = 100,
     .max = 600000},
    {.name = "INGEST_THREADS",
     .type = CONFIG_INT,
     .offset = AT(threads),
     .fallback = "0",
     .description = "Threads that read requests; 0: one per core.",
     .min = 0,
     .max = 256},
    {.name = "INGEST_DRAIN_MS",
     .type = CONFIG_MS,
     .offset = AT(drain_ms),
     .fallback = "20s",
     .description = "How long SIGTERM waits for requests that still come in.",
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
    {0},
};

static void
print_webhook(const struct webhook *webhook)
{
    config_print_markdown(webhook->settings, stdout);
    const struct config_setting *const *more = webhook->more_settings;
    for (; more != NULL && *more != NULL; more++)
        config_print_markdown(*more, stdout);
}

void
ingest_settings_print(void)
{
    config_print_markdown(ingest_settings_table, stdout);
    print_webhook(&ingest_flow);
    for (size_t i = 0; ingest_webhooks[i] != NULL; i++)
        print_webhook(ingest_webhooks[i]);
}

void
ingest_settings_print_values(const struct ingest_settings *settings,
                             const struct ingest_sources *sources)
{
    config_print(ingest_settings_table, settings, stdout);
    for (size_t i = 0; i < sources->count; i++)
        if (sources->list[i].enabled)
            config_print(sources->list[i].webhook->settings,
                         atomic_load(&sources->list[i].state), stdout);
}
