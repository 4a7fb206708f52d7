#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "workers/docuseal/sweep.h"
#include "workers/docuseal/tests/scene.h"

#define OBSERVED "docuseal.submission.observed"
#define NOBODY                                                  \
    {"GET", "/items/quotes?*", 200, "{\"data\":[]}"},           \
    {                                                           \
        "GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}" \
    }
#define NONE_PENDING                                                         \
    {                                                                        \
        "GET", "/submissions?status=pending&limit=100", 200, "{\"data\":[]}" \
    }
#define END \
    {       \
        0   \
    }
#define CURSOR_MS 1786526000000LL // 2026-08-12T09:13:20Z
#define CURSOR_TEXT "{\"newest\":1786526000000}"
#define LATER_TEXT "{\"newest\":1796526000000}"

static struct error
sweep(struct scene *scene, const struct fake_reply replies[])
{
    return fake_run(&scene->fake, docuseal_sweep, &scene->ds, replies);
}

static void
set_cursor(struct scene *scene)
{
    scene->fake.cursors[scene->fake.cursor_count++] =
        (struct fake_pair){"docuseal.submissions", CURSOR_TEXT};
}

static const char *
page(struct scene *scene, const char *rows)
{
    return job_printf(&scene->fake.keep, "{\"data\":[%s],\"pagination\":{}}", rows);
}

static int64_t
newest(struct scene *scene)
{
    const char *cursor = scene->fake.cursors[0].value;
    return json_i64_or(json_parse(&scene->fake.keep, cursor, strlen(cursor)), "newest",
                       0);
}

static void
a_lost_completion_is_found(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *events = page(scene, fixture(scene, "webhook.submission.completed.1"));
    const char *path = job_printf(&scene->fake.keep,
                                  "/events/submission/completed?limit=100&before=%lld",
                                  CURSOR_MS / 1000 - 600);
    struct error err = sweep(
        scene,
        (struct fake_reply[]){{"GET", path, 200, events}, NONE_PENDING, NOBODY, END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *look = fake_last(&scene->fake, OBSERVED);
    assert_non_null(look);
    assert_string_equal(look->topic, "docuseal.commands");
    assert_string_equal(json_string_or(look->data, "remote_id", ""), "4107");
    assert_string_equal(json_string_or(look->data, "why", ""), "sweep");
    assert_string_equal(json_string_or(look->data, "company", ""), "HYPERVISUAL");
}

static void
our_lane_is_known_from_the_external_id(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *rows = fixture(scene, "list-submissions.1.response");
    const char *none = "{\"data\":[]}";
    struct error err =
        sweep(scene, (struct fake_reply[]){
                         {"GET", "/events/submission/completed?*", 200, none},
                         {"GET", "/submissions?status=pending&limit=100", 200, rows},
                         NOBODY,
                         END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *look = fake_last(&scene->fake, OBSERVED);
    assert_string_equal(look->key, QUOTE_ROOT);
    assert_string_equal(json_string_or(look->data, "root", ""), QUOTE_ROOT);
}

static void
a_foreign_submission_has_a_lane_of_its_own(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    // As DocuSeal's fixture has it: not our form of an external id.
    const char *events = page(scene, fixture(scene, "webhook.submission.completed.1"));
    struct error err = sweep(
        scene,
        (struct fake_reply[]){{"GET", "/events/submission/completed?*", 200, events},
                              NONE_PENDING,
                              NOBODY,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(fake_last(&scene->fake, OBSERVED)->key, "docuseal:4107");
}

static void
what_has_not_moved_is_left_alone(void **state)
{
    struct scene *scene = *state;
    scene->fake.cursors[scene->fake.cursor_count++] =
        (struct fake_pair){"docuseal.submissions", LATER_TEXT};
    const char *rows = fixture(scene, "list-submissions.1.response");
    const char *open_row =
        "{\"data\":[{\"id\":\"" QUOTE "\",\"docuseal_submission_id\":\"4107\",\"owner_"
        "company_id\":{\"code\":\"X\"}}]}";
    struct error err = sweep(
        scene, (struct fake_reply[]){
                   {"GET", "/events/submission/completed?*", 200, "{\"data\":[]}"},
                   {"GET", "/submissions?*", 200, rows},
                   {"GET", "/items/quotes?*", 200, open_row},
                   {"GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}"},
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(scene->fake.published_count, 0);
    assert_int_equal(newest(scene), 1796526000000LL);
}

static void
what_directus_holds_open_and_docuseal_does_not_is_looked_at(void **state)
{
    struct scene *scene = *state;
    const char *open_row =
        "{\"data\":[{\"id\":\"" QUOTE "\",\"docuseal_submission_id\":\"4107\","
        "\"owner_company_id\":{\"code\":\"HYPERVISUAL\"}}]}";
    struct error err = sweep(
        scene, (struct fake_reply[]){
                   {"GET", "/events/submission/completed?*", 200, "{\"data\":[]}"},
                   NONE_PENDING,
                   {"GET",
                    "/items/"
                    "quotes?filter%5Bsignature_status%5D%5B_in%5D=pending%2Cviewed%"
                    "2Cpartially_"
                    "signed&*",
                    200, open_row},
                   {"GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}"},
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    const struct fake_event *look = fake_last(&scene->fake, OBSERVED);
    assert_string_equal(look->key, QUOTE_ROOT);
    assert_string_equal(json_string_or(look->data, "remote_id", ""), "4107");
    assert_string_equal(json_string_or(look->data, "company", ""), "HYPERVISUAL");
}

static void
what_is_no_number_is_told_of_and_not_looked_at(void **state)
{
    static const char *const wrong[] = {"../users", "abc", "-1", "4107 ", "1e3"};
    struct scene *scene = *state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *row = job_printf(&scene->fake.keep,
                                     "{\"data\":[{\"id\":\"" QUOTE
                                     "\",\"docuseal_submission_id\":\"%s\"}]}",
                                     wrong[i]);
        struct error err = sweep(
            scene, (struct fake_reply[]){
                       {"GET", "/events/submission/completed?*", 200, "{\"data\":[]}"},
                       NONE_PENDING,
                       {"GET", "/items/quotes?*", 200, row},
                       {"GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}"},
                       END});
        assert_int_equal(err.kind, ERROR_NONE);
    }
    assert_int_equal(scene->fake.published_count, 0);
    assert_true(fake_has_attention(&scene->fake, "docuseal.bad-submission-id"));
}

static void
one_that_was_archived_while_pending_is_looked_at(void **state)
{
    struct scene *scene = *state;
    scene->fake.cursors[scene->fake.cursor_count++] =
        (struct fake_pair){"docuseal.submissions", LATER_TEXT};
    const char *rows =
        edited(scene, "list-submissions.1.response",
               (struct edit[]){{"data.0.archived_at", "\"2026-08-13T09:14:06.123Z\""},
                               {NULL}});
    const char *open_row =
        "{\"data\":[{\"id\":\"" QUOTE "\",\"docuseal_submission_id\":\"4107\"}]}";
    struct error err = sweep(
        scene, (struct fake_reply[]){
                   {"GET", "/events/submission/completed?*", 200, "{\"data\":[]}"},
                   {"GET", "/submissions?*", 200, rows},
                   {"GET", "/items/quotes?*", 200, open_row},
                   {"GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}"},
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, OBSERVED), 1);
}

static void
the_cursor_follows_docuseals_clock(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *rows = fixture(scene, "list-submissions.1.response");
    struct error err =
        sweep(scene, (struct fake_reply[]){{"GET", "/events/submission/completed?*",
                                            200, "{\"data\":[]}"},
                                           {"GET", "/submissions?*", 200, rows},
                                           NOBODY,
                                           END});
    assert_int_equal(err.kind, ERROR_NONE);
    int64_t moved_ms = 0;
    assert_true(clock_parse("2026-08-12T09:31:43.902Z", &moved_ms));
    assert_int_equal(newest(scene), moved_ms);
}

static void
one_submission_is_said_once(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *rows = fixture(scene, "list-submissions.1.response");
    const char *events = page(scene, fixture(scene, "webhook.submission.completed.1"));
    struct error err = sweep(
        scene,
        (struct fake_reply[]){{"GET", "/events/submission/completed?*", 200, events},
                              {"GET", "/submissions?*", 200, rows},
                              NOBODY,
                              END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_int_equal(fake_count(&scene->fake, OBSERVED), 1);
}

static void
the_same_move_is_said_in_one_sweep_only(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *none = "{\"data\":[]}";
    const char *moved = edited(scene, "list-submissions.1.response",
                               (struct edit[]){{"data.0.submitters.0.updated_at",
                                                "\"2026-08-12T09:32:00.000Z\""},
                                               {NULL}});
    const char *sights[] = {fixture(scene, "list-submissions.1.response"),
                            fixture(scene, "list-submissions.1.response"), moved};
    static const int said[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        struct error err = sweep(
            scene,
            (struct fake_reply[]){{"GET", "/events/submission/completed?*", 200, none},
                                  {"GET", "/submissions?*", 200, sights[i]},
                                  NOBODY,
                                  END});
        assert_int_equal(err.kind, ERROR_NONE);
        assert_int_equal(fake_count(&scene->fake, OBSERVED), said[i]);
    }
}

static void
what_stays_open_is_not_said_every_time(void **state)
{
    struct scene *scene = *state;
    const char *open_row =
        "{\"data\":[{\"id\":\"" QUOTE "\",\"docuseal_submission_id\":\"4107\"}]}";
    for (int i = 0; i < 2; i++) {
        struct error err = sweep(
            scene, (struct fake_reply[]){
                       {"GET", "/events/submission/completed?*", 200, "{\"data\":[]}"},
                       NONE_PENDING,
                       {"GET", "/items/quotes?*", 200, open_row},
                       {"GET", "/items/cgv_acceptances?*", 200, "{\"data\":[]}"},
                       END});
        assert_int_equal(err.kind, ERROR_NONE);
    }
    assert_int_equal(fake_count(&scene->fake, OBSERVED), 1);
}

// A page of 100 completions in one second, which ends at that second.
static const char *
full_page(struct scene *scene, int first, long long second)
{
    const char *rows = "";
    for (int i = 0; i < 100; i++)
        rows = job_printf(&scene->fake.keep, "%s%s{\"data\":{\"id\":%d}}", rows,
                          i > 0 ? "," : "", first + i);
    return job_printf(&scene->fake.keep,
                      "{\"data\":[%s],\"pagination\":{\"count\":100,\"next\":%lld}}",
                      rows, second);
}

static void
pages_overlap_by_a_second(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const long long since = CURSOR_MS / 1000 - 600;
    const char *path = job_printf(
        &scene->fake.keep, "/events/submission/completed?limit=100&before=%lld", since);
    struct error err = sweep(
        scene, (struct fake_reply[]){
                   {"GET", path, 200, full_page(scene, 5000, 1786527000)},
                   {"GET", job_printf(&scene->fake.keep, "%s&after=1786527001", path),
                    200, full_page(scene, 5050, 1786527000)},
                   {"GET", job_printf(&scene->fake.keep, "%s&after=1786527000", path),
                    200, "{\"data\":[]}"},
                   NONE_PENDING,
                   NOBODY,
                   END});
    assert_int_equal(err.kind, ERROR_NONE);
}

static void
a_sweep_that_fails_keeps_its_cursor(void **state)
{
    struct scene *scene = *state;
    set_cursor(scene);
    const char *events = page(scene, fixture(scene, "webhook.submission.completed.1"));
    struct error err =
        sweep(scene, (struct fake_reply[]){
                         {"GET", "/events/submission/completed?*", 200, events},
                         {"GET", "/submissions?*", 500, fixture(scene, "error.500.1")},
                         END});
    assert_int_equal(err.kind, ERROR_RETRYABLE);
    assert_string_equal(scene->fake.cursors[0].value, CURSOR_TEXT);
    assert_int_equal(scene->fake.published_count, 0);
}

static bool
probe_docuseal(struct job *job, void *state)
{
    return docuseal.probes[0].probe(job, state);
}

static void
a_probe_asks_the_service_itself(void **state)
{
    struct scene *scene = *state;
    assert_string_equal(docuseal.probes[0].service, "docuseal");
    struct error err =
        fake_run(&scene->fake, probe_docuseal, &scene->ds,
                 (struct fake_reply[]){{"GET", "/user", 200, "{\"id\":3}"}, END});
    assert_int_equal(err.kind, ERROR_NONE);
    assert_string_equal(scene->fake.calls[0].token, API_KEY);
    err = fake_run(&scene->fake, probe_docuseal, &scene->ds,
                   (struct fake_reply[]){
                       {"GET", "/user", 401, fixture(scene, "error.401.1")}, END});
    assert_int_equal(err.kind, ERROR_FATAL);
}

static void
where_people_sign_is_derived_from_the_api(void **state)
{
    struct scene *scene = *state;
    assert_string_equal(scene->ds.app, "https://sign.hypervisual.ch");
    fake_setting("DOCUSEAL_API_URL", "https://api.docuseal.eu");
    scene_reopen(scene);
    assert_string_equal(scene->ds.app, "https://docuseal.eu");
}

#define STORY(name) cmocka_unit_test_setup_teardown(name, scene_begin, scene_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        STORY(a_lost_completion_is_found),
        STORY(our_lane_is_known_from_the_external_id),
        STORY(a_foreign_submission_has_a_lane_of_its_own),
        STORY(what_has_not_moved_is_left_alone),
        STORY(what_directus_holds_open_and_docuseal_does_not_is_looked_at),
        STORY(one_that_was_archived_while_pending_is_looked_at),
        STORY(what_is_no_number_is_told_of_and_not_looked_at),
        STORY(the_cursor_follows_docuseals_clock),
        STORY(one_submission_is_said_once),
        STORY(the_same_move_is_said_in_one_sweep_only),
        STORY(what_stays_open_is_not_said_every_time),
        STORY(pages_overlap_by_a_second),
        STORY(a_sweep_that_fails_keeps_its_cursor),
        STORY(a_probe_asks_the_service_itself),
        STORY(where_people_sign_is_derived_from_the_api),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
