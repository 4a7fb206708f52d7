#include "common/lanes.h"
#include "tests/harness/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/str.h"

enum { LANES = 200 };

struct scene {
    struct fair_line line;
    struct record_header headers[LANES];
    struct record records[LANES];
    struct item *items[LANES];
    struct lane lanes[LANES];
    char names[LANES][16];
    int count;
};

static int
begin(void **state)
{
    struct scene *scene = str_calloc(1, sizeof *scene);
    fair_line_begin(&scene->line);
    *state = scene;
    return 0;
}

static int
end(void **state)
{
    struct scene *scene = *state;
    fair_line_end(&scene->line);
    for (int i = 0; i < scene->count; i++)
        free(scene->items[i]);
    free(scene);
    return 0;
}

// A lane of that many records of a company; NULL: its record names none.
static void
wait_in(struct scene *scene, const char *company, size_t records)
{
    int n = scene->count++;
    struct lane *lane = &scene->lanes[n];
    if (company != NULL) {
        scene->headers[n] =
            (struct record_header){"ce_company", company, strlen(company)};
        scene->records[n].headers = &scene->headers[n];
        scene->records[n].header_count = 1;
    }
    scene->items[n] = str_calloc(1, sizeof(struct item) + 1);
    scene->items[n]->record = &scene->records[n];
    lane->first = scene->items[n];
    lane->count = records;
    snprintf(scene->names[n], sizeof scene->names[n], "%s%d",
             company != NULL ? company : "", n);
    lane->name = scene->names[n];
    lane->gated_since_ms = n;
    fair_line_push(&scene->line, lane);
}

static void
assert_next(struct scene *scene, const char *name)
{
    struct lane *lane = fair_line_pop(&scene->line);
    assert_non_null(lane);
    assert_string_equal(lane->name, name);
}

static void
companies_take_turns(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 3; i++)
        wait_in(scene, "many", 1);
    wait_in(scene, "few", 1);
    wait_in(scene, NULL, 1);
    assert_next(scene, "many0");
    assert_next(scene, "few3");
    wait_in(scene, "few", 1); // it comes again, behind who was not served since
    assert_next(scene, "4");
    assert_next(scene, "many1");
    assert_next(scene, "few5");
    assert_next(scene, "many2");
    assert_null(fair_line_pop(&scene->line));
    wait_in(scene, "late", 1);
    assert_next(scene, "late6");
}

static void
who_waited_long_is_found_behind_others(void **state)
{
    struct scene *scene = *state;
    wait_in(scene, "a", 1);
    wait_in(scene, "b", 1);
    wait_in(scene, "a", 1);
    assert_next(scene, "a0");
    // b1 is older than a2, and who is as old as that is not older.
    assert_null(fair_line_pop_older(&scene->line, 1));
    assert_string_equal(fair_line_pop_older(&scene->line, 2)->name, "b1");
    assert_null(fair_line_pop_older(&scene->line, 2));
    assert_string_equal(fair_line_pop_older(&scene->line, 3)->name, "a2");
    assert_null(fair_line_pop_older(&scene->line, 100));
}

static void
who_holds_most_gives_way(void **state)
{
    struct scene *scene = *state;
    wait_in(scene, "few", 3);
    for (int i = 0; i < 4; i++)
        wait_in(scene, "many", 2);
    assert_null(fair_line_pop_largest(&scene->line, 11));
    scene->lanes[1].count = 100; // what arrives later was not counted
    assert_string_equal(fair_line_pop_largest(&scene->line, 5)->name, "many1");
    assert_string_equal(fair_line_pop_largest(&scene->line, 5)->name, "many2");
    assert_string_equal(fair_line_pop_largest(&scene->line, 5)->name, "many3");
    assert_null(fair_line_pop_largest(&scene->line, 5));
    assert_next(scene, "few0");
    assert_next(scene, "many4");
    assert_null(fair_line_pop_largest(&scene->line, 0));
}

static void
too_many_companies_share_a_line(void **state)
{
    struct scene *scene = *state;
    char names[LANES][8];
    for (int i = 0; i < LANES; i++) {
        snprintf(names[i], sizeof names[i], "c%d", i);
        wait_in(scene, names[i], 1);
    }
    int count = 0;
    while (fair_line_pop(&scene->line) != NULL)
        count++;
    assert_int_equal(count, LANES);
}

#define WITH_LINE(test) cmocka_unit_test_setup_teardown(test, begin, end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_LINE(companies_take_turns),
        WITH_LINE(who_waited_long_is_found_behind_others),
        WITH_LINE(who_holds_most_gives_way),
        WITH_LINE(too_many_companies_share_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
