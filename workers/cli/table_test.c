#include "workers/cli/table.h"

#include <string.h>

#include "tests/harness/test.h"

static const struct table_column columns[] = {
    {"NAME", "name"}, {"ROWS", "rows", true}, {"TEXT", "text"}, {0}};

static void
columns_line_up_by_characters(void **state)
{
    struct table table;
    struct str out;
    (void)state;
    table_begin(&table, columns);
    table_row(&table, (const char *[]){"é", "7", "a"});
    table_row(&table, (const char *[]){"longer", "1200", NULL});
    str_begin(&out, 1000);
    table_print(&table, &out);
    assert_string_equal(out.data, "NAME    ROWS  TEXT\n"
                                  "é          7  a\n"
                                  "longer  1200  -\n");
    str_end(&out);
    table_end(&table);
}

static void
a_stored_text_cannot_play_with_the_terminal(void **state)
{
    struct table table;
    struct str out;
    (void)state;
    table_begin(&table, columns);
    table_row(&table, (const char *[]){"x", "1", "\x1b[2J\nboo"});
    str_begin(&out, 1000);
    table_print(&table, &out);
    assert_non_null(strstr(out.data, "?[2J?boo\n"));
    str_end(&out);
    table_end(&table);
}

static void
json_has_numbers_nulls_and_escapes(void **state)
{
    struct table table;
    struct str out;
    (void)state;
    table_begin(&table, columns);
    table_row(&table, (const char *[]){"a\"b\\c", "7", "\x01"});
    table_row(&table, (const char *[]){NULL, NULL, NULL});
    str_begin(&out, 1000);
    table_json(&table, &out);
    assert_string_equal(out.data,
                        "[{\"name\":\"a\\\"b\\\\c\",\"rows\":7,\"text\":\"\\u0001\"},"
                        "{\"name\":null,\"rows\":null,\"text\":null}]");
    str_end(&out);
    table_end(&table);
}

static void
no_rows_print_nothing(void **state)
{
    struct table table;
    struct str out;
    (void)state;
    table_begin(&table, columns);
    str_begin(&out, 1000);
    table_print(&table, &out);
    assert_int_equal(out.length, 0);
    table_json(&table, &out);
    assert_string_equal(out.data, "[]");
    str_end(&out);
    table_end(&table);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_line_up_by_characters),
        cmocka_unit_test(a_stored_text_cannot_play_with_the_terminal),
        cmocka_unit_test(json_has_numbers_nulls_and_escapes),
        cmocka_unit_test(no_rows_print_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
