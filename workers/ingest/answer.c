#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "workers/ingest/exchange.h"

struct title {
    int status;
    const char *title;
    const char *detail;
};

static const struct title titles[] = {
    {400, "Bad Request", "The body is not what this webhook sends."},
    {401, "Unauthorized", "The signature or secret is missing, wrong or too old."},
    {404, "Not Found", "Nothing is served at this path."},
    {405, "Method Not Allowed", "Webhooks are sent by POST."},
    {413, "Content Too Large", "The body or an event in it is too large."},
    {503, "Service Unavailable", "The event cannot be kept now: send it again later."},
    {0},
};

static const struct title *
title_of(int status)
{
    const struct title *title = titles;
    while (title->status != 0 && title->status != status)
        title++;
    return title;
}

// An RFC 9457 problem document, in the job.
static const char *
problem_text(struct ingest_exchange *exchange, int status, size_t *length)
{
    const struct title *known = title_of(status);
    const char *detail = exchange->judgement.detail;
    struct json_object *problem = json_object_in(&exchange->job);
    json_set_string(problem, "type", "about:blank");
    json_set_string(problem, "title", known->title == NULL ? "Error" : known->title);
    json_set_i64(problem, "status", status);
    json_set_string(problem, "detail", detail != NULL ? detail : known->detail);
    return json_print(problem, length);
}

void
ingest_answer_log(const struct ingest_exchange *exchange, int status)
{
    const struct ingest_judgement *j = &exchange->judgement;
    const char *name =
        exchange->source == NULL ? NULL : exchange->source->webhook->name;
    log_event(status > 0 && status < 400 ? LOG_INFO : LOG_WARN, "webhook",
              (struct log_field[]){
                  LOG_TEXT("integration", name),
                  LOG_TEXT("type", j->type),
                  LOG_TEXT("id", j->id),
                  LOG_NUMBER("status", status),
                  LOG_NUMBER("ms", clock_ms() - exchange->since_ms),
                  LOG_NUMBER("bytes", exchange->bytes),
                  LOG_NUMBER("events", (int64_t)j->count),
                  LOG_TEXT("reason", j->reason),
                  LOG_TEXT("text", j->text),
                  {0},
              });
}

bool
ingest_answer(struct ingest_exchange *exchange, int status)
{
    static const char accepted[] = "{\"accepted\":true}";
    bool good = status < 400;
    size_t length = sizeof accepted - 1;
    const char *text = good ? accepted : problem_text(exchange, status, &length);

    struct MHD_Response *response = MHD_create_response_from_buffer(
        length, (void *)(uintptr_t)text,
        good ? MHD_RESPMEM_PERSISTENT : MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return false;
    MHD_add_response_header(response, "Content-Type",
                            good ? "application/json" : "application/problem+json");
    if (status == 405)
        MHD_add_response_header(response, "Allow", "POST");
    if (status == 503)
        MHD_add_response_header(response, "Retry-After", "5");
    if (exchange->closing)
        MHD_add_response_header(response, "Connection", "close");
    bool queued =
        MHD_queue_response(exchange->connection, (unsigned)status, response) == MHD_YES;
    MHD_destroy_response(response);
    atomic_store(&exchange->stage, INGEST_ANSWERED);
    ingest_answer_log(exchange, status);
    return queued;
}

int
ingest_answer_status(struct ingest_exchange *exchange)
{
    const struct webhook_dialect *dialect = &exchange->source->webhook->dialect;
    struct ingest_judgement *judgement = &exchange->judgement;

    switch (exchange->outcome) {
    case INGEST_IN_KAFKA:
        judgement->reason = "kafka";
        return dialect->accepted;
    case INGEST_SPOOLED:
        judgement->reason = "spool";
        return dialect->accepted;
    case INGEST_TOO_LARGE:
        judgement->reason = "too-large";
        judgement->text = "an event is larger than KAFKA_MESSAGE_MAX_BYTES";
        return dialect->too_large;
    case INGEST_LATER:
        break;
    }
    judgement->reason = "cannot-keep";
    judgement->text = "neither Kafka nor the spool takes it";
    return dialect->later;
}
