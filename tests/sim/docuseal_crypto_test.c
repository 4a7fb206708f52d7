#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "docuseal.h"

// The vector of DocuSeal's webhook contract, checked there with openssl.
static void
test_a_body_is_signed_as_docuseal_signs_it(void **state)
{
    (void)state;
    static const char body[] =
        "{\"event_type\":\"submission.archived\",\"timestamp\":\"2026-08-13T09:14:06."
        "153Z\","
        "\"data\":{\"id\":4107,\"archived_at\":\"2026-08-13T09:14:06.123Z\"}}";
    char signature[128];
    crypto_signature("whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3", 1786612448, body,
                     signature, sizeof signature);
    assert_string_equal(
        signature,
        "1786612448.dd186709de32dc33ca4bee6c9c5b4a34678c4ddfe94c1294f218b608d62397f7");
}

static void
test_slugs_and_uuids_depend_on_the_text_alone(void **state)
{
    (void)state;
    char slug[2][15];
    char uuid[2][37];
    crypto_slug("submitter 1", slug[0]);
    crypto_slug("submitter 1", slug[1]);
    assert_string_equal(slug[0], slug[1]);
    crypto_slug("submitter 2", slug[1]);
    assert_string_not_equal(slug[0], slug[1]);
    assert_int_equal(strlen(slug[0]), 14);
    crypto_uuid("role 17 Client", uuid[0]);
    crypto_uuid("role 17 Company", uuid[1]);
    assert_string_not_equal(uuid[0], uuid[1]);
    assert_int_equal(strlen(uuid[0]), 36);
    assert_int_equal(uuid[0][14], '4');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_body_is_signed_as_docuseal_signs_it),
        cmocka_unit_test(test_slugs_and_uuids_depend_on_the_text_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
