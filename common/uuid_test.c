#include "common/uuid.h"

#include <string.h>

#include "tests/harness/test.h"

// Made with another implementation of RFC 4122: uuid5(name space, parts joined by
// "\n").
static void
ids_come_out_the_same_for_ever(void **state)
{
    (void)state;
    char id[UUID_TEXT];
    uuid_of((const char *const[]){"quote:5", "quote.sent", "1", NULL}, id);
    assert_string_equal(id, "8115d2a6-63f8-5fd3-9e7a-fc104edeb2aa");
    uuid_of((const char *const[]){"a", NULL}, id);
    assert_string_equal(id, "c4420655-7f16-511f-9170-e322ed23e44c");
    uuid_of((const char *const[]){"a", "", NULL}, id);
    assert_string_equal(id, "3235ca81-1b22-5433-9274-f18b848c5544");
    uuid_of((const char *const[]){"Z\xC3\xBCrich", NULL}, id);
    assert_string_equal(id, "d2b8f6e9-edb2-574d-a9bd-09d606e5f3ed");
}

static void
random_ids_differ_and_are_version_4(void **state)
{
    (void)state;
    char one[UUID_TEXT];
    char other[UUID_TEXT];
    uuid_random(one);
    uuid_random(other);
    assert_true(uuid_is(one));
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
    assert_string_not_equal(one, other);
}

static void
only_the_usual_form_is_a_uuid(void **state)
{
    (void)state;
    assert_true(uuid_is("8115d2a6-63f8-5fd3-9e7a-fc104edeb2aa"));
    assert_true(uuid_is("8115D2A6-63F8-5FD3-9E7A-FC104EDEB2AA"));
    assert_false(uuid_is("8115d2a663f85fd39e7afc104edeb2aa"));
    assert_false(uuid_is("8115d2a6-63f8-5fd3-9e7a-fc104edeb2a"));
    assert_false(uuid_is("8115d2a6-63f8-5fd3-9e7a-fc104edeb2aaa"));
    assert_false(uuid_is("8115d2a6-63f8-5fd3-9e7a-fc104edeb2ag"));
    assert_false(uuid_is("8115d2a6-63f8-5fd3-9e7a_fc104edeb2aa"));
    assert_false(uuid_is("8115d2a-663f8-5fd3-9e7a-fc104edeb2aa"));
    assert_false(uuid_is("../../../../../../../../../../../aaa"));
    assert_false(uuid_is(""));
    assert_false(uuid_is(NULL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_come_out_the_same_for_ever),
        cmocka_unit_test(random_ids_differ_and_are_version_4),
        cmocka_unit_test(only_the_usual_form_is_a_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
