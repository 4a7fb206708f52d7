#include "common/refund.h"
#include "tests/harness/test.h"

static bool
is_any(const char *text)
{
    struct json_object *invoice = json_tokener_parse(text);
    assert_non_null(invoice);
    bool any = refund_is_any(invoice);
    json_object_put(invoice);
    return any;
}

static void
one_refund_among_payments_is_found(void **state)
{
    (void)state;
    assert_true(is_any("{\"payments\":[{\"status\":\"completed\"},"
                       "{\"status\":\"refunded\"}]}"));
    assert_true(is_any("{\"payments\":[{\"status\":\"completed\","
                       "\"refunded_amount\":\"0.05\"}]}"));
}

static void
what_is_no_refund_does_not_count(void **state)
{
    static const char *const none[] = {
        "{}",
        "{\"payments\":null}",
        "{\"payments\":[]}",
        "{\"payments\":[{\"status\":\"completed\",\"refunded_amount\":null}]}",
        "{\"payments\":[{\"status\":\"pending\",\"refunded_amount\":\"0.00\"}]}",
        "{\"payments\":[{\"refunded_amount\":\"much\"},7,null]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_false(is_any(none[i]));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_refund_among_payments_is_found),
        cmocka_unit_test(what_is_no_refund_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
