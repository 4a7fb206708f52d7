// Time, JSON text and the store, without a server.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness_json.h"
#include "harness_store.h"
#include "harness_time.h"

static void
test_instants_are_read_with_and_without_offset_and_fraction(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t at_ms;
    } rows[] = {
        {"1970-01-01", 0},
        {"1970-01-01T00:00:01Z", 1000},
        {"1970-01-01T00:00:01.25Z", 1250},
        {"1970-01-01T02:00:00+02:00", 0},
        {"1970-01-01 00:00:00-0130", 5400000},
        {"2026-09-11T23:59:59+02:00", 1789163999000},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t at_ms = -1;
        assert_true(time_parse(rows[i].text, &at_ms));
        assert_int_equal(at_ms, rows[i].at_ms);
    }
}

static void
test_what_is_no_instant_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",  "soon", "2026-13-01", "2026-01-01T", "2026-01-01T25:00", "2026-01-01x",
        NULL};
    for (const char *const *text = texts; *text != NULL; text++) {
        int64_t at_ms = 7;
        assert_false(time_parse(*text, &at_ms));
        assert_int_equal(at_ms, 7);
    }
}

static void
test_an_instant_is_written_with_milliseconds(void **state)
{
    (void)state;
    char text[TIME_TEXT_BYTES];
    time_format(1789163999007, text);
    assert_string_equal(text, "2026-09-11T21:59:59.007Z");
}

static void
test_text_is_escaped_as_rails_does(void **state)
{
    (void)state;
    struct json_object *obj = json_object_new_object();
    json_add_str(obj, "a", "<&>/\xe2\x80\xa8\xc3\xa9\n");
    char *text = json_text_escaped(obj);
    assert_string_equal(text, "{\"a\":\"\\u003c\\u0026\\u003e/\\u2028\xc3\xa9\\n\"}");
    free(text);
    json_object_put(obj);
}

static void
test_only_one_whole_json_text_is_parsed(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "{", "{}x", "[1,]", "{\"a\":\"\xff\"}", NULL};
    for (const char *const *text = bad; *text != NULL; text++)
        assert_null(json_parse(*text, strlen(*text)));
    struct json_object *obj = json_parse(" {\"a\":12} ", 10);
    assert_int_equal(json_int(obj, "a", 0), 12);
    json_object_put(obj);
    obj = json_parse("12", 2);
    assert_int_equal(json_object_get_int(obj), 12);
    json_object_put(obj);
}

static void
put(struct store *store, int64_t id, const char *name)
{
    struct json_object *row = json_object_new_object();
    json_add_str(row, "name", name);
    store_put(store, "things", id, row);
}

static void
test_the_store_comes_back_as_it_was_committed(void **state)
{
    (void)state;
    char path[] = "/tmp/sim-store-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    struct store *store = store_open(path);
    assert_int_equal(store_next_id(store, "things", 5), 5);
    put(store, 5, "first");
    put(store, 6, "second");
    put(store, 7, "third");
    store_commit(store);
    store_remove(store, "things", 6);
    json_add_str(store_get(store, "things", 5), "name", "changed");
    store_touch(store, "things", 5);
    store_commit(store);
    put(store, 8, "never committed");
    store_close(store);

    store = store_open(path);
    assert_int_equal(store_count(store, "things"), 2);
    assert_string_equal(json_str(store_get(store, "things", 5), "name"), "changed");
    assert_null(store_get(store, "things", 6));
    assert_null(store_get(store, "things", 8));
    assert_int_equal(store_next_id(store, "things", 1), 6);
    struct store_cursor cursor;
    assert_string_equal(json_str(store_newest(store, "things", &cursor), "name"),
                        "third");
    assert_string_equal(json_str(store_older(&cursor), "name"), "changed");
    assert_null(store_older(&cursor));
    store_close(store);
    unlink(path);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_instants_are_read_with_and_without_offset_and_fraction),
        cmocka_unit_test(test_what_is_no_instant_is_refused),
        cmocka_unit_test(test_an_instant_is_written_with_milliseconds),
        cmocka_unit_test(test_text_is_escaped_as_rails_does),
        cmocka_unit_test(test_only_one_whole_json_text_is_parsed),
        cmocka_unit_test(test_the_store_comes_back_as_it_was_committed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
