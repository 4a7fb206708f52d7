#include "common/redis_url.h"

#include "tests/harness/test.h"

#include <string.h>

static const struct {
    const char *text;
    struct redis_url url;
} cases[] = {
    {"redis://localhost", {"localhost", 6379}},
    {"redis://127.0.0.1:6380/", {"127.0.0.1", 6380}},
    {"redis://h:1/15", {"h", 1, "", "", "15"}},
    {"redis://:p%40ss@h", {"h", 6379, "", "p@ss"}},
    {"redis://me:p%25:w@h:7/2", {"h", 7, "me", "p%:w", "2"}},
    {"redis://me:a%2Fb@h", {"h", 6379, "me", "a/b"}},
    {"redis://[::1]:6380/0", {"::1", 6380, "", "", "0"}},
    {"redis://[fe80::2]", {"fe80::2", 6379}},
};

static void
each_part_is_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct redis_url *expected = &cases[i].url;
        struct redis_url url;
        struct error err;
        if (!redis_url_read(cases[i].text, &url, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_string_equal(url.host, expected->host);
        assert_int_equal(url.port, expected->port);
        assert_string_equal(url.user, expected->user);
        assert_string_equal(url.password, expected->password);
        assert_string_equal(url.database, expected->database);
    }
}

static void
what_is_wrong_is_refused_without_showing_it(void **state)
{
    static const char *const urls[] = {
        "",
        "localhost:6379",
        "http://localhost",
        "redis://",
        "redis://:secret@",
        "redis://secret@host",
        "redis://:secret%2@host",
        "redis://:secret%zz@host",
        "redis://:secret@host:0",
        "redis://:secret@host:65536",
        "redis://:secret@host:port",
        "redis://:secret@[::1",
        "redis://:secret@[::1]6379",
        "redis://:secret@host/two",
        "redis://:secret@host/-1",
    };
    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis_url url;
        struct error err;
        if (redis_url_read(urls[i], &url, &err))
            fail_msg("%s was taken", urls[i]);
        assert_non_null(strstr(err.text, "REDIS_URL"));
        assert_null(strstr(err.text, "secret@"));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_part_is_read),
        cmocka_unit_test(what_is_wrong_is_refused_without_showing_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
