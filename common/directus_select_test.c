#include <stdlib.h>
#include <string.h>

#include "common/directus_select.h"
#include "tests/harness/test.h"

// As Postgres tells of them.
static const struct directus_column columns[] = {
    {"quotes", "id", "uuid", "", ""},
    {"quotes", "status", "varchar", "", ""},
    {"quotes", "total", "numeric", "", ""},
    {"quotes", "sent_at", "timestamptz", "", ""},
    {"quotes", "valid_until", "date", "", ""},
    {"quotes", "is_signed", "bool", "", ""},
    {"quotes", "secret", "", "", ""},
    {"quotes", "contact_id", "uuid", "people", ""},
    {"quotes", "items", "o2m", "quote_items", "quote_id"},
    {"quote_items", "id", "uuid", "", ""},
    {"quote_items", "quantity", "numeric", "", ""},
    {"quote_items", "quote_id", "uuid", "quotes", ""},
    {"people", "id", "uuid", "", ""},
    {"people", "email", "varchar", "", ""},
    {"people", "company_id", "uuid", "companies", ""},
    {"companies", "id", "uuid", "", ""},
    {"companies", "name", "varchar", "", ""},
    {0},
};

struct stage {
    struct job job;
    struct directus_select select;
};

static int
stage_begin(void **state)
{
    struct stage *stage = calloc(1, sizeof *stage);
    job_begin(&stage->job, 1000);
    *state = stage;
    return 0;
}

static int
stage_end(void **state)
{
    struct stage *stage = *state;
    job_end(&stage->job);
    free(stage);
    return 0;
}

static bool
translate(struct stage *stage, const char *fields, const char *name, const char *value)
{
    const struct http_header query[] = {{"fields", fields}, {name, value}, {NULL}};
    return directus_select(&stage->job, columns, "quotes", query, &stage->select);
}

static void
assert_has(const struct stage *stage, const char *text)
{
    if (strstr(stage->select.sql, text) == NULL)
        fail_msg("not in it: %s\n%s", text, stage->select.sql);
}

static void
values_are_shown_as_rest_shows_them(void **state)
{
    struct stage *stage = *state;
    assert_true(translate(stage, "id,total,sent_at,valid_until", NULL, NULL));
    assert_has(stage, "json_build_object('id', j0.\"id\", 'total', j0.\"total\"::text,"
                      " 'sent_at', to_char(j0.\"sent_at\" AT TIME ZONE 'UTC',"
                      " 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),"
                      " 'valid_until', j0.\"valid_until\")");
    assert_has(stage, " FROM \"quotes\" j0 ORDER BY j0.\"id\" LIMIT 100) r");
}

static void
a_related_row_is_joined_once_and_null_where_it_is_missing(void **state)
{
    struct stage *stage = *state;
    assert_true(translate(stage,
                          "contact_id,contact_id.id,contact_id.company_id.name,"
                          "contact_id.email",
                          "filter[contact_id][email][_icontains]", "a@b.ch"));
    assert_has(stage,
               "json_build_object('contact_id', CASE WHEN j1.id IS NOT NULL THEN "
               "json_build_object('id', j1.\"id\", 'company_id', "
               "CASE WHEN j2.id IS NOT NULL THEN json_build_object('name', "
               "j2.\"name\") END, 'email', j1.\"email\") END)");
    assert_has(stage, " LEFT JOIN \"people\" j1 ON j1.id = j0.\"contact_id\""
                      " LEFT JOIN \"companies\" j2 ON j2.id = j1.\"company_id\""
                      " WHERE lower(j1.\"email\") LIKE '%' || lower($1) || '%'");
    assert_string_equal(stage->select.params[0].text, "a@b.ch");
}

static void
rows_that_point_here_are_a_list(void **state)
{
    struct stage *stage = *state;
    assert_true(translate(stage, "id,items.id,items.quantity", "limit", "-1"));
    assert_has(stage,
               "'items', (SELECT coalesce(json_agg(r.o), '[]'::json) FROM (SELECT "
               "json_build_object('id', j1.\"id\", 'quantity', j1.\"quantity\"::text)"
               " AS o FROM \"quote_items\" j1 WHERE j1.\"quote_id\" = j0.id"
               " ORDER BY j1.id LIMIT 100) r)");
    assert_null(strstr(stage->select.sql, "j0 ORDER BY j0.\"id\" LIMIT"));
}

static void
filters_are_parameters(void **state)
{
    struct stage *stage = *state;
    static const struct http_header query[] = {
        {"filter[status][_in]", "sent,viewed"},
        {"filter[valid_until][_lt]", "2026-11-23"},
        {"filter[sent_at][_nnull]", "true"},
        {"filter[is_signed][_eq]", "true"},
        {"filter", "{\"id\":{\"_in\":[\"x\"]}}"},
        {"sort", "-valid_until,id"},
        {"fields", "id"},
        {"limit", "7"},
        {NULL}};
    assert_true(directus_select(&stage->job, columns, "quotes", query, &stage->select));
    assert_has(stage,
               " WHERE j0.\"status\" IN ($1,$2) AND j0.\"valid_until\" < $3"
               " AND j0.\"sent_at\" IS NOT NULL AND j0.\"is_signed\" = $4"
               " AND j0.\"id\" IN ($5) ORDER BY j0.\"valid_until\" DESC, j0.\"id\""
               " LIMIT 7) r");
    assert_int_equal(stage->select.count, 5);
    assert_string_equal(stage->select.params[1].text, "viewed");
    assert_string_equal(stage->select.params[4].text, "x");
}

static void
what_is_not_understood_is_left_to_directus(void **state)
{
    struct stage *stage = *state;
    assert_false(translate(stage, "*", NULL, NULL));
    assert_false(translate(stage, "id,contact_id.*", NULL, NULL));
    assert_false(translate(stage, "secret", NULL, NULL));
    assert_false(translate(stage, "items", NULL, NULL));
    assert_false(translate(stage, "id.email", NULL, NULL));
    assert_false(translate(stage, "id", "search", "x"));
    assert_false(translate(stage, "id", "limit", "0"));
    assert_false(translate(stage, "id", "sort", "contact_id.email"));
    assert_false(translate(stage, "id", "filter[status][_regex]", "x"));
    assert_false(translate(stage, "id", "filter[items][id][_eq]", "x"));
    assert_false(translate(stage, "id", "filter[_or][0][status][_eq]", "x"));
    assert_false(translate(stage, "id", "filter[status][_eq]", "null"));
    assert_false(translate(stage, "id", "filter[sent_at][_lt]", "$NOW"));
    assert_false(translate(stage, "id", "filter[status][_icontains]", "\xc3\xa9"));
    assert_false(translate(stage, "id", "filter", "{\"id\":"));
    assert_int_equal(stage->job.error.kind, ERROR_NONE);
}

static void
only_a_field_that_is_missing_asks_for_the_columns_again(void **state)
{
    struct stage *stage = *state;
    assert_false(translate(stage, "id,new_one", NULL, NULL));
    assert_true(stage->select.unknown);
    assert_false(translate(stage, "id", "deep", "x"));
    assert_false(stage->select.unknown);
}

static void
names_cannot_leave_their_quotes(void **state)
{
    struct stage *stage = *state;
    static const struct directus_column strange[] = {
        {"a\"b", "c'd\"e", "text", "", ""}, {"a\"b", "id", "uuid", "", ""}, {0}};
    const struct http_header query[] = {{"fields", "c'd\"e"}, {NULL}};
    assert_true(directus_select(&stage->job, strange, "a\"b", query, &stage->select));
    assert_has(stage, "'c''d\"e', j0.\"c'd\"\"e\"");
    assert_has(stage, " FROM \"a\"\"b\" j0");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_begin, stage_end)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_are_shown_as_rest_shows_them),
        TEST(a_related_row_is_joined_once_and_null_where_it_is_missing),
        TEST(rows_that_point_here_are_a_list),
        TEST(filters_are_parameters),
        TEST(what_is_not_understood_is_left_to_directus),
        TEST(only_a_field_that_is_missing_asks_for_the_columns_again),
        TEST(names_cannot_leave_their_quotes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
