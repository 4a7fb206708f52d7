// GET of many: submissions and submitters, newest first, with the API's own paging:
// `after` means ids below, `before` ids above.
#include <string.h>

#include "docuseal.h"
#include "harness_json.h"
#include "harness_time.h"

// A blank parameter counts as none, as in Rails.
static const char *
asked(struct call *call, const char *parameter)
{
    const char *text = call_query(call, parameter);
    return text == NULL || *text == '\0' ? NULL : text;
}

static bool
same_text(struct call *call, const char *parameter, const char *value)
{
    const char *wanted = asked(call, parameter);
    return wanted == NULL || (value != NULL && strcmp(wanted, value) == 0);
}

static bool
same_id(struct call *call, const char *parameter, int64_t value)
{
    int64_t wanted = 0;
    if (asked(call, parameter) == NULL)
        return true;
    return page_bound(call, parameter, &wanted) && wanted == value;
}

static bool
in_page(struct call *call, int64_t id)
{
    int64_t bound = 0;
    if (page_bound(call, "after", &bound) && id >= bound)
        return false;
    return !page_bound(call, "before", &bound) || id > bound;
}

// Says whether at_ms lies between the two query parameters that are given.
static bool
in_time(struct call *call, const char *from, const char *to, int64_t at_ms)
{
    int64_t bound_ms = 0;
    const char *text = asked(call, from);
    if (text != NULL && time_parse(text, &bound_ms) && at_ms < bound_ms)
        return false;
    text = asked(call, to);
    return text == NULL || !time_parse(text, &bound_ms)
           || (at_ms > 0 && at_ms <= bound_ms);
}

static bool
has_text(const char *value, const char *q)
{
    return value != NULL && strcasestr(value, q) != NULL;
}

static bool
submitter_has(struct json_object *submitter, const char *q)
{
    return has_text(json_str(submitter, "name"), q)
           || has_text(json_str(submitter, "email"), q)
           || has_text(json_str(submitter, "phone"), q);
}

static bool
found_by_text(struct sim *sim, struct json_object *submission, const char *q)
{
    struct json_object *submitter = NULL;
    if (q == NULL || has_text(json_str(submission, "name"), q))
        return true;
    for (size_t i = 0; (submitter = submission_signer(sim, submission, i)) != NULL;
         i++) {
        if (submitter_has(submitter, q))
            return true;
    }
    return false;
}

// How many signers have that member set, and how many there are.
static size_t
count_signers(struct sim *sim, struct json_object *submission, const char *key,
              size_t *total)
{
    size_t count = 0;
    struct json_object *submitter = NULL;
    size_t i = 0;
    for (; (submitter = submission_signer(sim, submission, i)) != NULL; i++)
        count += json_int(submitter, key, 0) > 0;
    *total = i;
    return count;
}

static bool
has_status(struct sim *sim, struct json_object *submission, const char *wanted)
{
    size_t total = 0;
    if (wanted == NULL)
        return true;
    if (strcmp(wanted, "partially_completed") == 0) {
        size_t done = count_signers(sim, submission, "completed_at", &total);
        return done > 0 && done < total;
    }
    if (strcmp(wanted, "sent") == 0)
        return count_signers(sim, submission, "sent_at", &total) > 0;
    if (strcmp(wanted, "opened") == 0)
        return count_signers(sim, submission, "opened_at", &total) > 0;
    return strcmp(submission_status(sim, submission), wanted) == 0;
}

static bool
has_archived(struct call *call, struct json_object *submission)
{
    const char *wanted = asked(call, "archived");
    bool archived = json_int(submission, "archived_at", 0) > 0;
    return wanted == NULL || (strcmp(wanted, "true") == 0) == archived;
}

static bool
submission_wanted(struct call *call, struct json_object *submission)
{
    struct sim *sim = call->sim;
    struct json_object *template =
        template_get(sim, json_int(submission, "template_id", 0));
    return json_int(submission, "account", 0) == call->account
           && in_page(call, json_int(submission, "id", 0))
           && same_id(call, "template_id", json_int(submission, "template_id", 0))
           && same_text(call, "slug", json_str(submission, "slug"))
           && same_text(call, "template_folder", json_str(template, "folder"))
           && has_archived(call, submission)
           && has_status(sim, submission, asked(call, "status"))
           && in_time(call, "created_at_from", "created_at_to",
                      json_int(submission, "created_at", 0))
           && in_time(call, "completed_at_from", "completed_at_to",
                      submission_completed_at(sim, submission))
           && found_by_text(sim, submission, asked(call, "q"));
}

void
submission_index(struct call *call)
{
    struct json_object *data = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row =
        store_newest(sim_store(call->sim), "submissions", &cursor);
    int64_t left = page_limit(call);
    for (; row != NULL && left > 0; row = store_older(&cursor)) {
        if (!submission_wanted(call, row))
            continue;
        json_object_array_add(data, view_submission_row(call->sim, row));
        left--;
    }
    call_answer(call, 200, page_reply(data, "id"));
}

// Archived submissions are not left out: the exact look-up must find them.
static bool
submitter_wanted(struct call *call, struct json_object *submitter)
{
    struct json_object *submission = submission_of(call->sim, submitter);
    const char *external_id = json_str(submitter, "external_id");
    const char *q = asked(call, "q");
    return json_int(submission, "account", 0) == call->account
           && same_text(call, "external_id", external_id)
           && same_text(call, "application_key", external_id)
           && in_page(call, json_int(submitter, "id", 0))
           && same_id(call, "submission_id", json_int(submission, "id", 0))
           && same_id(call, "template_id", json_int(submission, "template_id", 0))
           && same_text(call, "slug", json_str(submitter, "slug"))
           && in_time(call, "completed_after", "completed_before",
                      json_int(submitter, "completed_at", 0))
           && (q == NULL || submitter_has(submitter, q));
}

void
submitter_index(struct call *call)
{
    struct json_object *data = json_object_new_array();
    struct store_cursor cursor;
    struct json_object *row = store_newest(sim_store(call->sim), "submitters", &cursor);
    int64_t left = page_limit(call);
    for (; row != NULL && left > 0; row = store_older(&cursor)) {
        if (!submitter_wanted(call, row))
            continue;
        json_object_array_add(data, view_submitter(call->sim, row, SUBMITTER_LISTED));
        left--;
    }
    call_answer(call, 200, page_reply(data, "id"));
}

void
submission_show(struct call *call)
{
    struct json_object *submission = docuseal_submission(call);
    if (submission == NULL)
        return;
    struct json_object *view = view_submission(call->sim, submission);
    const char *include = call_query(call, "include");
    if (include != NULL && strcmp(include, "combined_document_url") == 0)
        view_add_combined(call->sim, view, submission);
    call_answer(call, 200, view);
}

void
submitter_show(struct call *call)
{
    struct json_object *submitter = docuseal_submitter(call);
    if (submitter != NULL)
        call_answer(call, 200, view_submitter(call->sim, submitter, SUBMITTER_LISTED));
}
