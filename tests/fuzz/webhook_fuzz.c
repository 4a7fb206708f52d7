// Every webhook on whatever comes. The input is a delivery: a line each for the proof,
// the company and the event, then the body; without lines all of it is the body.
//
// No proof is genuine, as nobody can guess the secrets. What split() makes of a body is
// made into records, which must be such that a worker can read them.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/clock.h"
#include "common/hmac.h"
#include "common/json.h"
#include "common/str.h"
#include "tests/fuzz/fuzz.h"
#include "workers/ingest/ingest.h"
#include "workers/ingest/request.h"

enum { LINES = 3, EVENT_BYTES = 20000 };

static const char *const secrets[] = {"DOCUSEAL_WEBHOOK_SECRET",
                                      "INVOICE_NINJA_WEBHOOK_SECRET",
                                      "MAUTIC_WEBHOOK_SECRET", "DIRECTUS_FLOW_SECRET"};

// Made once, by LLVMFuzzerInitialize().
static struct ingest_sources sources;

static void
set_secret(const char *name)
{
    unsigned char random[HMAC_BYTES];
    char hex[HMAC_HEX];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        abort();
    hmac_hex(random, sizeof random, hex);
    setenv(name, hex, 1);
}

int // NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's own signature.
LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err;
    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof secrets / sizeof secrets[0]; i++)
        set_secret(secrets[i]);
    if (ingest_sources_open(&sources, "", &err))
        return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}

struct delivery {
    char *lines[LINES];
    const char *body;
    size_t length;
};

static struct delivery
read_delivery(struct job *job, const uint8_t *data, size_t size)
{
    char *text = job_memdup(job, data, size);
    struct delivery delivery = {.body = text, .length = size};
    char *ends[LINES];
    char *at = text;
    for (int i = 0; i < LINES; i++) {
        ends[i] = memchr(at, '\n', size - (size_t)(at - text));
        if (ends[i] == NULL)
            return delivery;
        delivery.lines[i] = at;
        at = ends[i] + 1;
    }
    for (int i = 0; i < LINES; i++)
        *ends[i] = '\0';
    delivery.body = at;
    delivery.length = size - (size_t)(at - text);
    return delivery;
}

static const char *
genuine(const void *state, struct job *job, const struct webhook_request *request)
{
    (void)state, (void)job, (void)request;
    return NULL;
}

static void
check_text(const char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            abort();
}

static void
check_record(struct job *job, const struct record *record)
{
    if (record->key_length == 0 || record_header(record, "ce_id") == NULL
        || record_header(record, "ce_type") == NULL
        || json_parse(job, record->payload, record->payload_length) == NULL)
        abort();
    for (size_t i = 0; i < record->header_count; i++)
        check_text(record->headers[i].value);
}

// As if the delivery were genuine.
static void
check_events(struct job *job, struct ingest_source *source,
             const struct webhook_request *request)
{
    const struct webhook *webhook = source->webhook;
    struct webhook believing = *webhook;
    struct ingest_judgement judgement;
    believing.verify = genuine;
    source->webhook = &believing;
    ingest_judge(job, source, request, &judgement);
    source->webhook = webhook;
    if (judgement.status != 0
        && (judgement.status != webhook->dialect.malformed
            && judgement.status != webhook->dialect.too_large))
        abort();
    for (size_t i = 0; i < judgement.count; i++) {
        check_record(job, judgement.records[i]);
        record_free(judgement.records[i]);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct job job;
    job_begin(&job, 0);
    struct delivery delivery = read_delivery(&job, data, size);
    const char *proof = delivery.lines[0] != NULL ? delivery.lines[0] : "";
    const char *company = delivery.lines[1] != NULL ? delivery.lines[1] : "HYPERVISUAL";
    const char *event = delivery.lines[2] != NULL ? delivery.lines[2] : "4";
    const struct http_header headers[] = {
        {"X-Docuseal-Signature", proof}, {"X-Webhook-Secret", proof},
        {"Webhook-Signature", proof},    {"X-Ingest-Secret", proof},
        {"traceparent", proof},          {"User-Agent", event},
        {"X-Ninja-Company", company},    {NULL}};
    const struct http_header query[] = {{"event", event}, {NULL}};
    const struct webhook_request request = {.method = "POST",
                                            .headers = headers,
                                            .query = query,
                                            .body = delivery.body,
                                            .body_length = delivery.length,
                                            .max_event_bytes = EVENT_BYTES,
                                            .now_ms = clock_wall_ms()};
    for (size_t i = 0; i < sources.count; i++) {
        struct ingest_source *source = &sources.list[i];
        if (source->webhook->verify(source->state, &job, &request) == NULL)
            abort();
        check_events(&job, source, &request);
    }
    job_end(&job);
    return 0;
}
