#include "workers/docuseal/tests/story.h"

#include <string.h>

// The quote was asked about in round 1 and nothing was heard since.
int
asked_before(void **state)
{
    (void)scene_begin(state);
    struct scene *scene = *state;
    fake_set_state(
        &scene->fake, QUOTE_ROOT,
        "{\"round\":1,\"company\":\"HYPERVISUAL\",\"contact\":\"0d8d4a3a-5f52-"
        "4cf7-9f7b-7d6f1a2b3c4d\",\"level\":\"ses\",\"submission\":\"4107\","
        "\"status\":\"pending\",\"viewed\":false,\"logged\":{},\"former\":[]}");
    fake_set_effect(&scene->fake,
                    &(struct fake_effect){"docuseal.submission", QUOTE_ROUND1,
                                          "{\"submission\":\"4107\"}",
                                          LEDGER_EFFECT_CONFIRMED, 1, 0});
    return 0;
}

const char *
untouched(struct scene *scene)
{
    return edited(scene, "get-submission.1.response",
                  (struct edit[]){{"submitters.0.status", "\"sent\""},
                                  {"submitters.0.opened_at", "null"},
                                  {"submitters.0.completed_at", "null"},
                                  {NULL}});
}

const char *
opened(struct scene *scene)
{
    return edited(scene, "get-submission.1.response",
                  (struct edit[]){{"submitters.0.status", "\"opened\""},
                                  {"submitters.0.completed_at", "null"},
                                  {NULL}});
}

// The client has signed, the company has not.
const char *
signed_by_client(struct scene *scene)
{
    return fixture(scene, "get-submission.1.response");
}

const char *
signed_by_all(struct scene *scene)
{
    return edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"completed\""},
                        {"completed_at", "\"2026-08-12T12:03:33.000Z\""},
                        {"documents", DOCUMENTS},
                        {"audit_log_url",
                         "\"https://sign.hypervisual.ch/file/" FILE_SECRET
                         "/Audit%20Log.pdf\""},
                        {"submitters.1.status", "\"completed\""},
                        {"submitters.1.completed_at", "\"2026-08-12T12:03:33.000Z\""},
                        {NULL}});
}

const char *
declined(struct scene *scene)
{
    return edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"status", "\"declined\""},
                        {"submitters.0.status", "\"declined\""},
                        {"submitters.0.completed_at", "null"},
                        {"submitters.0.declined_at", "\"2026-08-12T09:35:11.004Z\""},
                        {"submission_events",
                         "[{\"id\":1,\"submitter_id\":8841,\"event_type\":\"decline_"
                         "form\",\"data\":{\"reason\":\"zu teuer\"}}]"},
                        {NULL}});
}

const char *
archived(struct scene *scene)
{
    return edited(
        scene, "get-submission.1.response",
        (struct edit[]){{"archived_at", "\"2026-08-13T09:14:06.123Z\""}, {NULL}});
}

struct error
look(struct scene *scene, const struct fake_reply replies[])
{
    return deliver(scene, OBSERVED, LOOK, replies);
}

void
assert_quiet(struct scene *scene, const char *submission)
{
    int published = scene->fake.published_count;
    struct error err = look(scene, (struct fake_reply[]){SUBMISSION(submission), END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, published);
}

struct json_object *
patch_of(struct scene *scene)
{
    return sent(scene, "PATCH", "/items/quotes/");
}

struct json_object *
log_row(struct scene *scene, const char *list, size_t i)
{
    struct json_object *rows = json_array_or_null(
        patch_of(scene), job_printf(&scene->fake.keep, "signature_logs.%s", list));
    assert_non_null(rows);
    assert_true(i < json_object_array_length(rows));
    return json_object_array_get_idx(rows, i);
}

const char *
status_of_round(struct scene *scene)
{
    return json_string_or(fake_state(&scene->fake, QUOTE_ROOT), "status", "");
}

int64_t
round_number(struct scene *scene)
{
    return json_i64_or(fake_state(&scene->fake, QUOTE_ROOT), "round", 0);
}

struct error
complete(struct scene *scene)
{
    return look(scene,
                (struct fake_reply[]){SUBMISSION(signed_by_all(scene)), READ_ROW,
                                      EVIDENCE, NO_FORMS, NO_FORMS, WRITTEN, END});
}
