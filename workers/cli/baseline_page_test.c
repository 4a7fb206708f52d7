#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "tests/harness/test.h"
#include "workers/cli/baseline.h"

enum { ROWS = 1800 };

// A Directus whose rows have the ids 0000, 0001, ...; some leave the filter.
struct stage {
    struct baseline baseline;
    bool gone[ROWS];
    int told[ROWS];
    int calls;
};

static long
number_after(const char *path, const char *name)
{
    const char *at = strstr(path, name);
    return at != NULL ? strtol(at + strlen(name), NULL, 10) : 0;
}

static bool
answer(const struct http_service *service, struct job *job,
       const struct http_request *request, struct http_response *response)
{
    struct stage *stage = service->fake;
    long skip = number_after(request->path, "offset=");
    long left = number_after(request->path, "limit=");
    struct json_object *rows = json_array_in(job);
    for (int i = 0; i < ROWS && left > 0; i++) {
        char id[16];
        if (stage->gone[i] || skip-- > 0)
            continue;
        struct json_object *row = json_object_in(job);
        snprintf(id, sizeof id, "%04d", i);
        json_set_string(row, "id", id);
        json_object_array_add(rows, json_object_get(row));
        left--;
    }
    struct json_object *body = json_object_in(job);
    json_set(body, "data", rows);
    stage->calls++;
    *response =
        (struct http_response){.status = 200, .content_type = "application/json"};
    response->body = job_strdup(job, json_print(body, &response->length));
    return true;
}

static int
begin(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    struct error err;
    setenv("DIRECTUS_URL", "https://directus.example.com/", 1);
    setenv("DIRECTUS_TOKEN", "secret", 1);
    if (!directus_open(&stage->baseline.directus, "relais", &err))
        fail_msg("%s", err.text);
    stage->baseline.directus.service.call = answer;
    stage->baseline.directus.service.fake = stage;
    *state = stage;
    return 0;
}

static int
end(void **state)
{
    struct stage *stage = *state;
    directus_close(&stage->baseline.directus);
    free(stage);
    return 0;
}

static const struct baseline_query quotes = {.collection = "quotes", .fields = "id"};

static void
read_page(struct stage *stage, struct baseline_place *place)
{
    struct job job;
    job_begin(&job, 1000);
    struct json_object *rows = baseline_page(&stage->baseline, &job, &quotes, place);
    assert_non_null(rows);
    for (size_t i = 0; i < json_object_array_length(rows); i++)
        stage->told[strtol(json_string_or(json_object_array_get_idx(rows, i), "id", ""),
                           NULL, 10)]++;
    job_end(&job);
}

static void
assert_told_once(const struct stage *stage)
{
    for (int i = 0; i < ROWS; i++) {
        if (!stage->gone[i])
            assert_int_equal(stage->told[i], 1);
        assert_in_range(stage->told[i], 0, 1);
    }
}

static void
rows_that_stay_are_told_once(void **state)
{
    struct stage *stage = *state;
    struct baseline_place place = {.more = true};
    while (place.more)
        read_page(stage, &place);
    assert_told_once(stage);
    assert_int_equal(stage->calls, 5);
}

// More of them leave than a page reaches back: it steps back until it does.
static void
rows_that_leave_take_none_with_them(void **state)
{
    struct stage *stage = *state;
    struct baseline_place place = {.more = true};
    for (int page = 0; place.more; page++) {
        read_page(stage, &place);
        for (int i = 0; page < 3 && i < 300; i++)
            stage->gone[page * 300 + i] = true;
    }
    assert_told_once(stage);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rows_that_stay_are_told_once, begin, end),
        cmocka_unit_test_setup_teardown(rows_that_leave_take_none_with_them, begin,
                                        end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
