#include "common/redact.h"

#include "tests/harness/test.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

static const char *const no_secrets[] = {NULL};

static void
expect(const char *text, const char *shown)
{
    struct str out;
    str_begin(&out, 4000);
    redact_text(&out, text, strlen(text), no_secrets);
    assert_string_equal(out.data, shown);
    assert_false(out.failed);
    str_end(&out);
}

static void
members_with_a_secrets_name_are_stars_at_every_depth(void **state)
{
    (void)state;
    expect("{\"a\":[{\"slug\":\"x\",\"n\":1.50}],\"API_KEY\":\"k\",\"b\":null,"
           "\"t\":{\"embed_src\":{\"x\":[\"]\",{}]}},\"c\":1}",
           "{\"a\":[{\"slug\":\"***\",\"n\":1.50}],\"API_KEY\":\"***\",\"b\":null,"
           "\"t\":{\"embed_src\":\"***\"},\"c\":1}");
    expect("{\"password\" : \"a\\\\\\\"b\", \"n\": 1}",
           "{\"password\" : \"***\", \"n\": 1}");
    expect("{\"secret\":12,\"token\":null}", "{\"secret\":\"***\",\"token\":null}");
    expect("{\"title\":\"token\",\"b\":\"c\"}", "{\"title\":\"token\",\"b\":\"c\"}");
}

static void
an_id_is_no_key(void **state)
{
    (void)state;
    expect("{\"key\":\"b4c8e3f0-1a2b-4c3d-8e4f-5a6b7c8d9e0f\"}",
           "{\"key\":\"b4c8e3f0-1a2b-4c3d-8e4f-5a6b7c8d9e0f\"}");
    expect("{\"key\":\"UqR4xgkXvLbkZqhpmWGBVmpsJNPDIuOG\"}", "{\"key\":\"***\"}");
}

static void
of_a_link_only_the_host_is_shown(void **state)
{
    (void)state;
    expect("[\"https://sign.example/s/AbC?x=1\",\"https://sign.example\"]",
           "[\"https://sign.example/***\",\"https://sign.example\"]");
    expect("{\"l\":\"https:\\/\\/sign.example\\/s\\/AbC\",\"n\":1}",
           "{\"l\":\"https:\\/\\/sign.example/***\",\"n\":1}");
    expect("see <a href='http://h:80/a,b;c)d'>this</a> http://h/x\nmore",
           "see <a href='http://h:80/***'>this</a> http://h/***\nmore");
    expect("postgresql://user:pass/word@host/db failed", "postgresql://*** failed");
}

static void
forms_queries_and_sentences_hide_theirs(void **state)
{
    (void)state;
    expect("grant_type=x&client_secret=a%20b&n=1",
           "grant_type=x&client_secret=***&n=1");
    expect("/files?access_token=abc&limit=1", "/files?access_token=***&limit=1");
    expect("Authorization: Bearer abc\nHost: h", "Authorization: ***\nHost: h");
    expect("{\"error\":\"bad token: abc\",\"n\":1}",
           "{\"error\":\"bad token: ***\",\"n\":1}");
    expect("{\"error\":\"bad token:\",\"n\":1}", "{\"error\":\"bad token:\",\"n\":1}");
    expect("token: \"a b\" and more", "token: \"***\" and more");
}

static void
json_in_a_string_of_json_hides_its_own(void **state)
{
    (void)state;
    expect("{\"body\":\"{\\\"token\\\": \\\"a\\\\\\\"b\\\", \\\"n\\\": 1}\",\"m\":2}",
           "{\"body\":\"{\\\"token\\\": \\\"***\\\", \\\"n\\\": 1}\",\"m\":2}");
    expect("{\"body\":\"{\\\"slug\\\":{\\\"x\\\":\\\"}\\\"},\\\"n\\\":1}\"}",
           "{\"body\":\"{\\\"slug\\\":\\\"***\\\",\\\"n\\\":1}\"}");
}

static void
known_secrets_are_hidden_wherever_they_stand(void **state)
{
    static const char *const known[] = {"tok-123456", NULL};
    static const char text[] = "no such user: tok-123456.";
    struct str out;
    (void)state;
    str_begin(&out, 100);
    redact_text(&out, text, strlen(text), known);
    assert_string_equal(out.data, "no such user: ***.");
    str_end(&out);
}

// Whatever is cut away, no more is seen than of the whole, and nothing is read beyond
// the end.
static void
a_text_may_be_cut_anywhere(void **state)
{
    static const char text[] =
        "{\"token\":\"canary\",\"a\":{\"slug\":[\"canary\"]},\"u\":\"https:\\/\\/h/"
        "canary\",\"s\":\"{\\\"key\\\":\\\"canary\\\"}\",\"q\":\"x?secret=canary&\"}";
    (void)state;
    for (size_t length = 1; length < sizeof text; length++) {
        struct str out;
        char *exact = memcpy(str_alloc(length), text, length); // no NUL behind it
        str_begin(&out, 4000);
        redact_text(&out, exact, length, NULL);
        assert_null(strstr(out.data, "can"));
        if (length == sizeof text - 1) {
            struct json_object *whole = json_parse_raw(out.data, out.length);
            assert_non_null(whole);
            json_drop(whole);
        }
        str_end(&out);
        free(exact);
    }
}

static void
a_full_string_ends_it_between_two_characters(void **state)
{
    struct str out;
    (void)state;
    str_begin(&out, 4);
    redact_text(&out, "abcé", 5, NULL);
    assert_string_equal(out.data, "abc");
    assert_true(out.failed);
    str_end(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_with_a_secrets_name_are_stars_at_every_depth),
        cmocka_unit_test(an_id_is_no_key),
        cmocka_unit_test(of_a_link_only_the_host_is_shown),
        cmocka_unit_test(forms_queries_and_sentences_hide_theirs),
        cmocka_unit_test(json_in_a_string_of_json_hides_its_own),
        cmocka_unit_test(known_secrets_are_hidden_wherever_they_stand),
        cmocka_unit_test(a_text_may_be_cut_anywhere),
        cmocka_unit_test(a_full_string_ends_it_between_two_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
