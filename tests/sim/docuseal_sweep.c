// GET /events/...: what a missed webhook would have said. `before` asks for what was
// completed later than that second, `after` for what was completed earlier.
#include "docuseal.h"
#include "harness_json.h"

static bool
in_range(struct call *call, int64_t at_ms)
{
    int64_t bound_s = 0;
    if (at_ms == 0)
        return false;
    if (page_bound(call, "before", &bound_s) && at_ms <= bound_s * 1000)
        return false;
    return !page_bound(call, "after", &bound_s) || at_ms < bound_s * 1000;
}

static struct json_object *
make_event(const char *event_type, int64_t at_ms, struct json_object *data)
{
    struct json_object *event = json_object_new_object();
    json_add_str(event, "event_type", event_type);
    json_add_time(event, "timestamp", at_ms);
    json_add(event, "data", data);
    return event;
}

// Rows by the time they were completed, latest first; bounds are whole seconds.
struct pick {
    const char *collection;
    int64_t (*completed_at)(struct sim *sim, struct json_object *row);
    struct json_object *(*submission)(struct sim *sim, struct json_object *row);
    struct json_object *(*view)(struct sim *sim, struct json_object *row);
    const char *event_type;
};

static bool
comes_after(struct json_object *row, int64_t at_ms, struct json_object *last,
            int64_t last_ms)
{
    if (last == NULL || at_ms < last_ms)
        return true;
    return at_ms == last_ms && json_int(row, "id", 0) < json_int(last, "id", 0);
}

static struct json_object *
next_row(struct call *call, const struct pick *pick, struct json_object *last)
{
    struct sim *sim = call->sim;
    int64_t last_ms = last == NULL ? 0 : pick->completed_at(sim, last);
    int64_t best_ms = 0;
    struct json_object *best = NULL;
    struct store_cursor cursor;
    struct json_object *row = store_newest(sim_store(sim), pick->collection, &cursor);
    for (; row != NULL; row = store_older(&cursor)) {
        int64_t at_ms = pick->completed_at(sim, row);
        struct json_object *submission = pick->submission(sim, row);
        if (!in_range(call, at_ms) || json_int(submission, "archived_at", 0) > 0
            || json_int(submission, "account", 0) != call->account)
            continue;
        if (at_ms > best_ms && comes_after(row, at_ms, last, last_ms)) {
            best = row;
            best_ms = at_ms;
        }
    }
    return best;
}

static void
answer(struct call *call, const struct pick *pick)
{
    struct json_object *data = json_object_new_array();
    struct json_object *page = json_object_new_object();
    int64_t first_s = 0;
    int64_t last_s = 0;
    struct json_object *row = next_row(call, pick, NULL);
    for (int64_t left = page_limit(call); row != NULL && left > 0; left--) {
        int64_t at_ms = pick->completed_at(call->sim, row);
        json_object_array_add(
            data, make_event(pick->event_type, at_ms, pick->view(call->sim, row)));
        last_s = at_ms / 1000;
        first_s = first_s == 0 ? last_s : first_s;
        row = next_row(call, pick, row);
    }
    size_t count = json_object_array_length(data);
    json_add_int(page, "count", (int64_t)count);
    json_add(page, "next", count == 0 ? NULL : json_object_new_int64(last_s));
    json_add(page, "prev", count == 0 ? NULL : json_object_new_int64(first_s));
    struct json_object *reply = json_object_new_object();
    json_add(reply, "data", data);
    json_add(reply, "pagination", page);
    call_answer(call, 200, reply);
}

static struct json_object *
itself(struct sim *sim, struct json_object *row)
{
    (void)sim;
    return row;
}

static int64_t
form_completed_at(struct sim *sim, struct json_object *row)
{
    (void)sim;
    return json_int(row, "completed_at", 0);
}

void
sweep_submissions(struct call *call)
{
    static const struct pick pick = {
        .collection = "submissions",
        .completed_at = submission_completed_at,
        .submission = itself,
        .view = view_submission,
        .event_type = "submission.completed",
    };
    answer(call, &pick);
}

void
sweep_forms(struct call *call)
{
    static const struct pick pick = {
        .collection = "submitters",
        .completed_at = form_completed_at,
        .submission = submission_of,
        .view = view_form,
        .event_type = "form.completed",
    };
    answer(call, &pick);
}
