#include <string.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

struct json_object *
submission_row(struct sim *sim, int64_t id)
{
    return store_get(sim_store(sim), "submissions", id);
}

struct json_object *
submitter_row(struct sim *sim, int64_t id)
{
    return store_get(sim_store(sim), "submitters", id);
}

struct json_object *
submission_of(struct sim *sim, struct json_object *submitter)
{
    return submission_row(sim, json_int(submitter, "submission_id", 0));
}

struct json_object *
submission_signer(struct sim *sim, struct json_object *submission, size_t i)
{
    struct json_object *ids = json_at(submission, "submitters");
    if (i >= json_object_array_length(ids))
        return NULL;
    return submitter_row(sim, json_object_get_int64(json_object_array_get_idx(ids, i)));
}

void
submission_touch(struct sim *sim, struct json_object *submission, int64_t at_ms)
{
    json_add_int(submission, "updated_at", at_ms);
    store_touch(sim_store(sim), "submissions", json_int(submission, "id", 0));
}

void
submitter_touch(struct sim *sim, struct json_object *submitter, int64_t at_ms)
{
    json_add_int(submitter, "updated_at", at_ms);
    store_touch(sim_store(sim), "submitters", json_int(submitter, "id", 0));
}

int64_t
submission_completed_at(struct sim *sim, struct json_object *submission)
{
    int64_t last_ms = 0;
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        int64_t at_ms = json_int(submitter, "completed_at", 0);
        if (at_ms == 0)
            return 0;
        last_ms = at_ms > last_ms ? at_ms : last_ms;
    }
    return last_ms;
}

struct json_object *
submission_last_signer(struct sim *sim, struct json_object *submission)
{
    struct json_object *last = NULL;
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        int64_t at_ms = json_int(submitter, "completed_at", 0);
        if (at_ms > 0 && at_ms >= json_int(last, "completed_at", 0))
            last = submitter;
    }
    return last;
}

static bool
somebody_declined(struct sim *sim, struct json_object *submission)
{
    struct json_object *submitter = NULL;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (json_int(submitter, "declined_at", 0) > 0)
            return true;
    }
    return false;
}

bool
submission_is_expired(struct json_object *submission)
{
    int64_t expire_ms = json_int(submission, "expire_at", 0);
    return expire_ms > 0 && expire_ms <= time_now_ms();
}

const char *
submission_status(struct sim *sim, struct json_object *submission)
{
    if (submission_completed_at(sim, submission) > 0)
        return "completed";
    if (somebody_declined(sim, submission))
        return "declined";
    return submission_is_expired(submission) ? "expired" : "pending";
}

const char *
submitter_status(struct json_object *submitter)
{
    if (json_int(submitter, "declined_at", 0) > 0)
        return "declined";
    if (json_int(submitter, "completed_at", 0) > 0)
        return "completed";
    if (json_int(submitter, "opened_at", 0) > 0)
        return "opened";
    return json_int(submitter, "sent_at", 0) > 0 ? "sent" : "awaiting";
}

void
submission_event(struct sim *sim, struct json_object *submission, int64_t submitter_id,
                 const char *event_type, struct json_object *data)
{
    struct json_object *event = json_object_new_object();
    json_add_int(event, "id", store_next_id(sim_store(sim), "events", 91001));
    json_add_int(event, "submitter_id", submitter_id);
    json_add_str(event, "event_type", event_type);
    json_add_int(event, "at", sim_stamp_ms(sim));
    json_add(event, "data", data == NULL ? json_object_new_object() : data);
    json_object_array_add(json_at(submission, "events"), event);
    store_touch(sim_store(sim), "submissions", json_int(submission, "id", 0));
}
