// workers/bench/bench.c - a worker like the others with one handler: each record of
// BENCH_TOPIC is POSTed to BENCH_URL. For measuring, and for counting what a kill
// leaves.
#include <stdlib.h>
#include <string.h>

#include "common/integration.h"
#include "common/record.h"

extern const struct integration bench;

struct bench {
    const char *topic;
    const char *group;
    const char *url;
    bool ledger;
    int64_t timeout_ms;
    struct http_service target;
};

static const struct config_setting settings[] = {
    {"BENCH_TOPIC", CONFIG_TEXT, offsetof(struct bench, topic), NULL,
     "Topic that is read from its earliest offset."},
    {"BENCH_GROUP", CONFIG_TEXT, offsetof(struct bench, group), NULL,
     "Consumer group."},
    {"BENCH_URL", CONFIG_URL, offsetof(struct bench, url), NULL,
     "Each record is POSTed there."},
    {"BENCH_LEDGER", CONFIG_BOOL, offsetof(struct bench, ledger), "on",
     "off: nothing is remembered, for comparison."},
    {"BENCH_TIMEOUT_MS", CONFIG_MS, offsetof(struct bench, timeout_ms), "30s",
     "Deadline of a call.", 1, 600000},
    {0},
};

// Sends a record on.
// In:    a record, plain or not; its headers key and seq become X-Key and X-Seq
// Out:   nothing
// Again: the target gets it twice; the ledger makes that rare, not impossible.
static bool
post(struct job *job, const struct event *ev, void *state)
{
    struct bench *b = state;
    const char *key = record_header(ev->record, "key");
    const char *seq = record_header(ev->record, "seq");
    struct http_request request = {
        .method = "POST",
        .path = "",
        .headers = (struct http_header[]){{"X-Key", key != NULL ? key : ev->key},
                                          {"X-Seq", seq != NULL ? seq : "0"},
                                          {0}},
        .body = ev->record->payload != NULL ? ev->record->payload : "",
        .body_length = ev->record->payload_length,
        .content_type = "application/octet-stream",
    };
    struct http_response response;
    return http_call(&b->target, job, &request, &response);
}

static bool
open_bench(void *state, struct error *err)
{
    (void)err;
    struct bench *b = state;
    b->target = (struct http_service){
        .name = "target", .base_url = b->url, .timeout_ms = b->timeout_ms};
    http_service_open(&b->target);
    return true;
}

static void
close_bench(void *state)
{
    http_service_close(&((struct bench *)state)->target);
}

static void
choose(void *state, struct integration_options *options)
{
    struct bench *b = state;
    *options = (struct integration_options){.group = b->group,
                                            .topics = {b->topic},
                                            .reset = "earliest",
                                            .ledger = b->ledger};
}

static const struct handler handlers[] = {
    {"plain", post},
    {0},
};

const struct integration bench = {
    .name = "bench",
    .state_size = sizeof(struct bench),
    .settings = settings,
    .handlers = handlers,
    .plain_records = true,
    .open = open_bench,
    .close = close_bench,
    .options = choose,
};
