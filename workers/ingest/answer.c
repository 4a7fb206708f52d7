#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "workers/ingest/exchange.h"

static const struct {
    int status;
    const char *title;
} titles[] = {
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {413, "Content Too Large"},
    {500, "Internal Server Error"},
    {503, "Service Unavailable"},
    {0},
};

// What the sender is told beside its status, by reason; what a webhook says about a
// body goes before.
static const struct {
    const char *reason, *detail;
} details[] = {
    {"unknown-path", "Nothing is served at this path."},
    {"not-enabled", "This integration does not run here: see INTEGRATIONS."},
    {"wrong-method", "Webhooks are sent by POST."},
    {"too-large", "The body or an event in it is too large."},
    {"no-memory", "The event cannot be kept now."},
    {"cannot-keep", "The event cannot be kept now."},
    {"stopping", "The event cannot be kept now."},
    {0},
};

static const char *
title_of(int status)
{
    for (size_t i = 0; titles[i].status != 0; i++)
        if (titles[i].status == status)
            return titles[i].title;
    return "Error";
}

static const char *
detail_of(const struct ingest_judgement *judgement)
{
    if (judgement->detail != NULL)
        return judgement->detail;
    for (size_t i = 0; details[i].reason != NULL; i++)
        if (judgement->reason != NULL
            && strcmp(details[i].reason, judgement->reason) == 0)
            return details[i].detail;
    return NULL;
}

// An RFC 9457 problem document, in the job.
static const char *
problem_text(struct ingest_exchange *exchange, int status, size_t *length)
{
    struct json_object *problem = json_object_in(&exchange->job);
    json_set_string(problem, "type", "about:blank");
    json_set_string(problem, "title", title_of(status));
    json_set_i64(problem, "status", status);
    json_set_string(problem, "detail", detail_of(&exchange->judgement));
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

static struct MHD_Response *
make_answer(const char *text, size_t length, const char *type,
            enum MHD_ResponseMemoryMode mode)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, mode);
    if (response != NULL)
        MHD_add_response_header(response, "Content-Type", type);
    return response;
}

struct MHD_Response *
ingest_answer_accepted(void)
{
    static const char text[] = "{\"accepted\":true}";
    struct MHD_Response *response =
        make_answer(text, sizeof text - 1, "application/json", MHD_RESPMEM_PERSISTENT);
    if (response == NULL)
        abort(); // no memory at the start
    return response;
}

static struct MHD_Response *
make_problem(struct ingest_exchange *exchange, int status)
{
    size_t length = 0;
    const char *text = problem_text(exchange, status, &length);
    struct MHD_Response *response =
        make_answer(text, length, "application/problem+json", MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return NULL;
    if (status == 405)
        MHD_add_response_header(response, "Allow",
                                exchange->source->webhook->put_too ? "POST, PUT"
                                                                   : "POST");
    if (status == 503)
        MHD_add_response_header(response, "Retry-After", "5");
    return response;
}

bool
ingest_answer(struct ingest_exchange *exchange, int status)
{
    bool shared = status < 400 && !exchange->closing;
    struct MHD_Response *response = exchange->accepted_answer;
    if (!shared)
        response =
            status < 400 ? ingest_answer_accepted() : make_problem(exchange, status);
    if (response == NULL)
        return false;
    if (exchange->closing)
        MHD_add_response_header(response, "Connection", "close");
    bool queued =
        MHD_queue_response(exchange->connection, (unsigned)status, response) == MHD_YES;
    if (!shared)
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
