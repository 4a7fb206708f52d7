#include "workers/capture/batch.h"

#include "common/clock.h"
#include "common/log.h"
#include "workers/capture/publisher.h"
#include "workers/capture/session.h"

enum { WAIT_MS = 1000 }; // between two looks at the session

static bool
stop_now(struct capture *capture)
{
    return capture_wake_stopping(&capture->wake)
           && clock_ms() - capture->wake.stop_at_ms >= capture->settings.drain_ms;
}

// How the batch stands. False: a record of it was refused.
static bool
look(struct capture_batch *batch, bool *done, struct error *err)
{
    bool failed;

    *done = capture_publisher_done(batch->capture->publisher, &failed,
                                   &batch->too_large, err);
    return !failed;
}

// Ends when the publisher has news, the session is lost or it is time to stop.
static bool
wait_for_kafka(struct capture_batch *batch, struct error *err)
{
    if (stop_now(batch->capture))
        return error_retryable(err, "stopping");
    return capture_session_wait(batch->capture, batch->pg, WAIT_MS, err);
}

bool
capture_batch_await(struct capture_batch *batch, struct error *err)
{
    bool done = false;

    while (look(batch, &done, err)) {
        if (done)
            return true;
        if (!wait_for_kafka(batch, err))
            return false;
    }
    return false;
}

void
capture_batch_hint(struct capture_batch *batch, struct capture_change *change,
                   const char *why)
{
    change->hint = true;
    metric_add(batch->capture->hints, 1);
    log_event(LOG_WARN, "hint",
              (struct log_field[]){
                  LOG_TEXT("id", change->event_id),
                  LOG_TEXT("collection", change->collection),
                  LOG_TEXT("item", change->item),
                  LOG_TEXT("why", why),
                  {0},
              });
}

bool
capture_batch_send(struct capture_batch *batch, struct job *job,
                   struct capture_change *change, struct error *err)
{
    const char *topic = batch->capture->settings.topic;
    struct record record;
    bool done;

    capture_change_record(job, topic, change, &record);
    if (!change->hint && !capture_change_readable(&record)) {
        capture_batch_hint(batch, change,
                           "the row holds JSON that nests too deep, or a number that "
                           "is too large");
        capture_change_record(job, topic, change, &record);
    }
    while (!capture_publisher_send(batch->capture->publisher, &record, err)) {
        if (err->kind == ERROR_PERMANENT && !change->hint) {
            capture_batch_hint(batch, change, err->text);
            capture_change_record(job, topic, change, &record);
            continue;
        }
        if (err->kind == ERROR_PERMANENT || !wait_for_kafka(batch, err)
            || !look(batch, &done, err))
            return false;
    }
    return true;
}
