#include "common/config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/harness/test.h"

struct sample {
    const char *text, *secret, *url;
    bool flag;
    int64_t number, wait_ms, room_bytes;
};

static const struct config_setting settings[] = {
    {"T_TEXT", CONFIG_TEXT, offsetof(struct sample, text), "plain", "A text | a pipe."},
    {"T_SECRET", CONFIG_SECRET, offsetof(struct sample, secret), NULL, "A secret."},
    {"T_URL", CONFIG_URL, offsetof(struct sample, url), "http://127.0.0.1:80/",
     "A URL."},
    {"T_FLAG", CONFIG_BOOL, offsetof(struct sample, flag), "true", "A flag."},
    {"T_NUMBER", CONFIG_INT, offsetof(struct sample, number), "7", "A number.", 1, 10},
    {"T_WAIT_MS", CONFIG_MS, offsetof(struct sample, wait_ms), "30s", "A wait."},
    {"T_ROOM", CONFIG_BYTES, offsetof(struct sample, room_bytes), "1M", "Room.", 1024,
     1 << 30},
    {0},
};

static int
begin(void **state)
{
    (void)state;
    for (const struct config_setting *row = settings; row->name != NULL; row++)
        unsetenv(row->name);
    unsetenv("T_SECRET_FILE");
    return setenv("T_SECRET", "hush", 1);
}

// Writes a file that the caller removes.
static void
write_file(char path[32], const char *text)
{
    snprintf(path, 32, "/tmp/config_test.XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void
refuses(const char *name, const char *value, const char *expected)
{
    struct sample sample = {0};
    struct error err;
    setenv(name, value, 1);
    assert_false(config_load(settings, &sample, &err));
    assert_int_equal(err.kind, ERROR_FATAL);
    assert_string_equal(err.text, expected);
    assert_null(sample.secret); // nothing is left behind
    unsetenv(name);
}

static void
defaults_fill_what_is_not_set(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    setenv("T_TEXT", "", 1); // as good as not set
    assert_true(config_load(settings, &sample, &err));
    assert_string_equal(sample.text, "plain");
    assert_string_equal(sample.secret, "hush");
    assert_string_equal(sample.url, "http://127.0.0.1:80");
    assert_true(sample.flag);
    assert_int_equal(sample.number, 7);
    assert_int_equal(sample.wait_ms, 30000);
    assert_int_equal(sample.room_bytes, 1048576);
    config_free(settings, &sample);
    assert_null(sample.text);
}

static void
values_are_read_with_their_units(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    setenv("T_FLAG", "Off", 1);
    setenv("T_NUMBER", "10", 1);
    setenv("T_WAIT_MS", "2d", 1);
    setenv("T_ROOM", "2048", 1);
    setenv("T_URL", "https://a.example/base//", 1);
    assert_true(config_load(settings, &sample, &err));
    assert_false(sample.flag);
    assert_int_equal(sample.number, 10);
    assert_int_equal(sample.wait_ms, 172800000);
    assert_int_equal(sample.room_bytes, 2048);
    assert_string_equal(sample.url, "https://a.example/base");
    config_free(settings, &sample);
}

static void
a_wrong_value_is_named_with_what_it_must_be(void **state)
{
    (void)state;
    static const char number[] = "T_NUMBER must be a whole number (1 to 10)";
    refuses("T_NUMBER", "0", number);
    refuses("T_NUMBER", "11", number);
    refuses("T_NUMBER", "1.5", number);
    refuses("T_NUMBER", "7 ", number);
    refuses("T_NUMBER", "7s", number);
    refuses("T_FLAG", "maybe", "T_FLAG must be true or false");
    static const char wait[] =
        "T_WAIT_MS must be milliseconds, or a number with s, m, h or d";
    refuses("T_WAIT_MS", "-1", wait);
    refuses("T_WAIT_MS", "5w", wait);
    refuses("T_WAIT_MS", "s", wait);
    refuses("T_WAIT_MS", "9223372036854775807d", wait);
    refuses("T_ROOM", "1",
            "T_ROOM must be bytes, or a number with K, M or G (1024 to 1073741824)");
    refuses("T_TEXT", "a\nb", "T_TEXT must be one line without control characters");
}

static void
a_url_has_a_host_and_no_password(void **state)
{
    (void)state;
    static const char form[] =
        "T_URL must be an URL that begins with http:// or https:// and a host";
    refuses("T_URL", "ftp://a", form);
    refuses("T_URL", "a.example", form);
    refuses("T_URL", "http://", form);
    refuses("T_URL", "http:///x", form);
    refuses("T_URL", "http://user:canary@a.example/",
            "T_URL must be an URL without user and password: they have settings of "
            "their own");
    refuses("T_URL", "http://a.example/?x=1",
            "T_URL must be an URL without query, fragment and spaces");
}

static void
every_wrong_setting_is_reported_at_once(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    unsetenv("T_SECRET");
    setenv("T_FLAG", "canary", 1);
    setenv("T_NUMBER", "canary", 1);
    assert_false(config_load(settings, &sample, &err));
    assert_string_equal(err.text, "set T_SECRET; T_FLAG must be true or false; "
                                  "T_NUMBER must be a whole number (1 to 10)");
    assert_null(strstr(err.text, "canary"));
}

static void
what_does_not_fit_is_counted(void **state)
{
    (void)state;
    struct config_setting many[31] = {0};
    char names[30][40];
    const char *values[30];
    struct error err;
    for (size_t i = 0; i < 30; i++) {
        snprintf(names[i], sizeof names[i], "T_MISSING_SETTING_%02zu", i);
        many[i] = (struct config_setting){names[i], CONFIG_TEXT, i * sizeof values[0]};
    }
    assert_false(config_load(many, values, &err));
    assert_non_null(strstr(err.text, "set T_MISSING_SETTING_00, T_MISSING_SETTING_01"));
    int named = 0;
    for (const char *at = err.text; (at = strstr(at, "T_MISSING")) != NULL; at++)
        named++;
    char more[32];
    snprintf(more, sizeof more, "; and %d more", 30 - named);
    assert_string_equal(err.text + strlen(err.text) - strlen(more), more);
}

static void
a_secret_may_come_from_a_file(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    char path[32];
    write_file(path, "from a file\n\n");
    unsetenv("T_SECRET");
    setenv("T_SECRET_FILE", path, 1);
    assert_true(config_load(settings, &sample, &err));
    assert_string_equal(sample.secret, "from a file");
    config_free(settings, &sample);

    char *found = config_lookup("T_SECRET");
    assert_string_equal(found, "from a file");
    free(found);
    unlink(path);
    refuses("T_SECRET_FILE", path,
            "T_SECRET cannot be read from its _FILE: No such file or directory");
    assert_null(config_lookup("T_SECRET"));
}

static void
an_empty_or_doubled_secret_is_refused(void **state)
{
    (void)state;
    char path[32];
    write_file(path, "\n");
    refuses("T_SECRET_FILE", path,
            "T_SECRET is set, and so is T_SECRET_FILE: keep one");
    unsetenv("T_SECRET");
    refuses("T_SECRET_FILE", path, "T_SECRET is empty in its _FILE");
    unlink(path);
}

static void
secrets_are_read_again_while_the_old_one_stays_readable(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    assert_true(config_load(settings, &sample, &err));
    const char *old = sample.secret;
    assert_true(config_reload_secrets(settings, &sample, &err));
    assert_ptr_equal(sample.secret, old); // nothing new
    setenv("T_SECRET", "rotated", 1);
    setenv("T_TEXT", "changed", 1);
    assert_true(config_reload_secrets(settings, &sample, &err));
    assert_string_equal(sample.secret, "rotated");
    assert_string_equal(old, "hush");
    assert_string_equal(sample.text, "plain"); // no secret
    unsetenv("T_SECRET");
    assert_false(config_reload_secrets(settings, &sample, &err));
    assert_string_equal(err.text, "set T_SECRET");
    assert_string_equal(sample.secret, "rotated");
    config_free(settings, &sample);
}

static void
a_lookup_finds_a_variable_or_nothing(void **state)
{
    (void)state;
    setenv("T_TEXT", "x", 1);
    char *found = config_lookup("T_TEXT");
    assert_string_equal(found, "x");
    free(found);
    setenv("T_TEXT", "", 1);
    assert_null(config_lookup("T_TEXT"));
}

static void
printed_settings_hide_their_secrets(void **state)
{
    (void)state;
    struct sample sample = {0};
    struct error err;
    char *text = NULL;
    size_t length = 0;
    setenv("T_SECRET", "canary", 1);
    assert_true(config_load(settings, &sample, &err));
    FILE *out = open_memstream(&text, &length);
    config_print(settings, &sample, out);
    fclose(out);
    assert_string_equal(text, "T_TEXT=plain\nT_SECRET=***\nT_URL=http://127.0.0.1:80\n"
                              "T_FLAG=true\nT_NUMBER=7\nT_WAIT_MS=30000\n"
                              "T_ROOM=1048576\n");
    free(text);
    config_free(settings, &sample);
}

static void
a_table_prints_as_the_environment_has_it(void **state)
{
    static const struct config_setting given[] = {
        {"T_TEXT", CONFIG_TEXT, 0, "plain", "A text."},
        {"T_SECRET", CONFIG_SECRET, 0, NULL, "A secret."},
        {"T_KEY_<CODE>", CONFIG_SECRET, 0, "", "A key for each."},
        {"T_TEMPLATE[_<CODE>]", CONFIG_TEXT, 0, "", "A template, also for one."},
        {0},
    };
    (void)state;
    setenv("T_SECRET", "hush", 1);
    setenv("T_KEY_ACME", "hush", 1);
    setenv("T_TEMPLATE_ACME", "7", 1);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    config_print_given(given, out);
    fclose(out);
    assert_string_equal(text, "T_TEXT=plain\nT_SECRET=***\nT_KEY_ACME=***\n"
                              "T_TEMPLATE_ACME=7\n");
    free(text);
    unsetenv("T_KEY_ACME");
    unsetenv("T_TEMPLATE_ACME");
}

static void
the_table_prints_as_markdown_rows(void **state)
{
    (void)state;
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    config_print_markdown(settings, out);
    fclose(out);
    assert_non_null(
        strstr(text, "| `T_TEXT` | text | `plain` | A text \\| a pipe. |\n"));
    assert_non_null(strstr(text, "| `T_SECRET` | secret | required | A secret. |\n"));
    assert_non_null(
        strstr(text, "| `T_NUMBER` | number | `7` | A number. (1 to 10) |\n"));
    free(text);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(defaults_fill_what_is_not_set, begin),
        cmocka_unit_test_setup(values_are_read_with_their_units, begin),
        cmocka_unit_test_setup(a_wrong_value_is_named_with_what_it_must_be, begin),
        cmocka_unit_test_setup(a_url_has_a_host_and_no_password, begin),
        cmocka_unit_test_setup(every_wrong_setting_is_reported_at_once, begin),
        cmocka_unit_test_setup(what_does_not_fit_is_counted, begin),
        cmocka_unit_test_setup(a_secret_may_come_from_a_file, begin),
        cmocka_unit_test_setup(an_empty_or_doubled_secret_is_refused, begin),
        cmocka_unit_test_setup(secrets_are_read_again_while_the_old_one_stays_readable,
                               begin),
        cmocka_unit_test_setup(a_lookup_finds_a_variable_or_nothing, begin),
        cmocka_unit_test_setup(printed_settings_hide_their_secrets, begin),
        cmocka_unit_test_setup(a_table_prints_as_the_environment_has_it, begin),
        cmocka_unit_test_setup(the_table_prints_as_markdown_rows, begin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
