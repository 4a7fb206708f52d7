#include "common/record.h"

#include <stdlib.h>
#include <string.h>

#include "tests/harness/test.h"

static void
a_copy_stands_on_its_own(void **state)
{
    (void)state;
    char topic[] = "t";
    char key[] = "key";
    char payload[] = {'a', '\0', 'b'};
    char name[] = "ce_id";
    char value[] = "1";
    struct record_header headers[] = {{name, value, 1}, {"empty", NULL, 0}};
    struct record from = {
        .next = &from,
        .topic = topic,
        .partition = 3,
        .offset = 42,
        .key = key,
        .key_length = 3,
        .payload = payload,
        .payload_length = 3,
        .headers = headers,
        .header_count = 2,
    };
    struct record *copy = record_copy(&from);
    memset(topic, 'x', 1);
    memset(key, 'x', 3);
    memset(payload, 'x', 3);
    memset(name, 'x', 5);
    memset(value, 'x', 1);

    assert_null(copy->next);
    assert_string_equal(copy->topic, "t");
    assert_int_equal(copy->partition, 3);
    assert_int_equal(copy->offset, 42);
    assert_string_equal(copy->key, "key");
    assert_memory_equal(copy->payload, "a\0b", 4);
    assert_string_equal(record_header(copy, "ce_id"), "1");
    assert_string_equal(record_header(copy, "empty"), "");
    record_free(copy);
}

static void
a_tombstone_without_key_stays_one(void **state)
{
    (void)state;
    struct record from = {.topic = "t", .offset = -1};
    struct record *copy = record_copy(&from);
    assert_null(copy->key);
    assert_null(copy->payload);
    assert_int_equal(copy->offset, -1);
    assert_null(record_header(copy, "ce_id"));
    record_free(copy);
}

static void
header_names_match_whole(void **state)
{
    (void)state;
    struct record_header headers[] = {{"ce_idx", "1", 1}, {"ce_i", "2", 1}};
    struct record record = {.topic = "t", .headers = headers, .header_count = 2};
    assert_null(record_header(&record, "ce_id"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_stands_on_its_own),
        cmocka_unit_test(a_tombstone_without_key_stays_one),
        cmocka_unit_test(header_names_match_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
